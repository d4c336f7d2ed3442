//! What `charge` and `charge_saved_method` share: the same endpoint, the same sums, the same proof.

use crate::classify::{open, unreadable};
use crate::endpoints::charge::ChargeRequest;
use crate::endpoints::enums::WireEnum;
use crate::envelope::{currency, decimal, field, id, text, truth};
use crate::look_up::{Noted, NotedCustomer, NotedMethod};
use crate::messages;
use crate::rules::{self, refuse};
use gesher_core::money::{Money, parse_signed_amount, round_half_up, two_places};
use gesher_core::operation::{Effect, Facts, Prepared, Reply};
use gesher_core::{Outcome, OutcomeStatus, Rejection, Text};
use rust_decimal::Decimal;
use serde_json::Value;

/// The VAT that is reckoned with where prices are without it and the request names no rate, in percent. It only
/// sizes limits and the comparison with the answer; the provider adds its own.
const VAT_PERCENT: Decimal = Decimal::from_parts(18, 0, 0, false, 0);

/// The smallest sum, by which two roundings may differ.
const AGORA: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// The rules of any charge, whatever it is paid with.
pub(crate) fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
    rules::no_card_data(request)?;
    rules::customer_named("Customer", &request.customer)?;
    for (at, line) in request.items.iter().enumerate() {
        rules::item_named(at, &line.item)?;
    }
    if request.support_credit == Some(true) {
        return Err(refuse(
            "not_a_charge",
            "SupportCredit: חיוב אינו זיכוי; זיכוי הוא פעולה אחרת",
            "SupportCredit: a charge is no refund; refunds are another operation",
        ));
    }
    if request.auto_capture == Some(false) || request.authorize_amount.is_some() {
        return Err(refuse(
            "not_a_charge",
            "AutoCapture: חיוב אינו תפיסת מסגרת; תפיסת מסגרת היא פעולה אחרת",
            "AutoCapture: a charge is no hold; holds are another operation",
        ));
    }
    if request.authorise_only == Some(true) {
        return Err(refuse(
            "not_a_charge",
            "AuthoriseOnly: הבקשה לא הייתה מחייבת דבר",
            "AuthoriseOnly: the request would charge nothing",
        ));
    }
    if request.payments_count.is_some_and(|count| !(1..=36).contains(&count)) {
        return Err(refuse(
            "bad_instalments",
            "Payments_Count: מספר התשלומים הוא מ־1 עד 36",
            "Payments_Count: there are 1 to 36 instalments",
        ));
    }
    if request.vat_rate.is_some_and(|rate| !is_percent(rate.0)) {
        return Err(refuse(
            "bad_vat_rate",
            "VATRate: מע״מ נכתב באחוזים, למשל 18",
            "VATRate: VAT is written in percent, such as 18",
        ));
    }
    let total = rules::items_total(&request.items)?;
    if total.amount <= Decimal::ZERO {
        return Err(refuse(
            "not_positive",
            format!(
                "סכום החיוב הוא {}; חיוב צריך להיות גדול מאפס, וזיכוי הוא פעולה אחרת",
                two_places(total.amount)
            ),
            format!(
                "the charge comes to {}; a charge is above zero, and refunds are another operation",
                two_places(total.amount)
            ),
        ));
    }
    Ok(())
}

/// Whether it is a rate in percent. Between zero and one it would be a fraction by mistake.
fn is_percent(rate: Decimal) -> bool {
    rate.is_zero() || (Decimal::ONE..=Decimal::ONE_HUNDRED).contains(&rate)
}

/// Customer and sum of a charge.
pub(crate) fn facts(request: &ChargeRequest) -> Facts {
    let noted = Noted {
        customer: NotedCustomer::of(&request.customer),
        payment_method: request.payment_method.as_ref().and_then(NotedMethod::of),
        sums: other_sums(request),
        document_type: request.document_type.map(WireEnum::number),
        ..Noted::default()
    };
    Facts { subject: rules::subject(&request.customer), amount: sum(request), look_up: noted.written() }
}

/// The sums beside [`sum`] that the provider may come to, where it adds VAT: as [`is_expected`] takes them.
fn other_sums(request: &ChargeRequest) -> Vec<String> {
    let (Ok(net), Some(gross)) = (rules::items_total(&request.items), sum(request)) else {
        return Vec::new();
    };
    if request.vat_included || request.customer.no_vat == Some(true) {
        return Vec::new();
    }
    let by_line = rules::line_totals(&request.items).map(|line| with_vat(request, line.ok()?));
    let by_line = by_line.sum::<Option<Decimal>>().unwrap_or(gross.amount);
    let mut sums: Vec<Decimal> = Vec::new();
    for whole in [gross.amount, by_line] {
        sums.extend([whole - AGORA, whole, whole + AGORA]);
    }
    if request.vat_rate.is_none() {
        sums.push(net.amount);
    }
    sums.sort_unstable();
    sums.dedup();
    sums.into_iter().map(two_places).collect()
}

/// What will be charged at most, VAT included.
fn sum(request: &ChargeRequest) -> Option<Money> {
    let net = rules::items_total(&request.items).ok()?;
    if request.vat_included || request.customer.no_vat == Some(true) {
        return Some(net);
    }
    Some(Money { amount: with_vat(request, net.amount)?, ..net })
}

/// A sum with the request's VAT on it, rounded.
fn with_vat(request: &ChargeRequest, net: Decimal) -> Option<Decimal> {
    let percent = request.vat_rate.map_or(VAT_PERCENT, |rate| rate.0);
    let vat = net.checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
    Some(round_half_up(net.checked_add(vat)?, 2))
}

/// Whether `charged` is what was asked for. Where the provider adds VAT, it may add it to the sum or to each line,
/// and may round an agora otherwise; where the request names no rate it may add none (an exempt dealer).
fn is_expected(charged: Money, prepared: &Prepared) -> bool {
    let Some(wanted) = prepared.facts.amount else {
        return false;
    };
    if charged == wanted {
        return true;
    }
    let Some(request) = rules::reread::<ChargeRequest>(&prepared.body) else {
        return false;
    };
    let adds_vat = !request.vat_included && request.customer.no_vat != Some(true);
    if !adds_vat || charged.currency != wanted.currency {
        return false;
    }
    let near = |sum: Decimal| (charged.amount - sum).abs() <= AGORA;
    let lines = || rules::line_totals(&request.items).map(|line| with_vat(&request, line.ok()?));
    let without_vat = || rules::items_total(&request.items).is_ok_and(|net| charged.amount == net.amount);
    near(wanted.amount)
        || lines().sum::<Option<Decimal>>().is_some_and(near)
        || (request.vat_rate.is_none() && without_vat())
}

/// Whether it can be a sum of money at all: at most two places, and not beyond every limit.
fn is_sum(money: Money) -> bool {
    parse_signed_amount(&two_places(money.amount)).is_ok()
}

/// What the provider's reply to a charge means.
pub(crate) fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
    let envelope = match open(reply, Effect::Money) {
        Ok(envelope) => envelope,
        Err(outcome) => return *outcome,
    };
    let payment = field(&envelope.data, "Payment");
    let code = text(field(payment, "Status"));
    match (truth(field(payment, "ValidPayment")), code) {
        (Some(false), Some(code)) if code != "000" => declined(&envelope.data, code),
        (Some(true), code) => charged(prepared, envelope.data, code),
        _ => unreadable(Effect::Money, envelope.data),
    }
}

fn declined(data: &Value, code: String) -> Outcome {
    let payment = field(data, "Payment");
    let words = text(field(payment, "StatusDescription")).unwrap_or_default();
    let message = messages::with_words(messages::declined(&code), &words);
    let mut outcome = Outcome::new(OutcomeStatus::Declined, code, message);
    outcome.reference = id(field(payment, "ID")).map(|id| id.to_string());
    outcome.data = data.clone();
    outcome
}

fn charged(prepared: &Prepared, data: Value, code: Option<String>) -> Outcome {
    let payment = field(&data, "Payment");
    let proof =
        (id(field(payment, "ID")), decimal(field(payment, "Amount")), currency(field(payment, "Currency")));
    let (Some(id), Some(amount), Some(currency)) = proof else {
        return unreadable(Effect::Money, data);
    };
    let charged = Money { amount, currency: currency.to_core() };
    let document = text(field(&data, "DocumentNumber"));
    let is_trusted =
        if gesher_core::mutant!("trust_any_amount") { true } else { is_expected(charged, prepared) };
    let mut outcome = if is_sum(charged) && is_trusted {
        let message = messages::charged(&charged.to_string(), document.as_deref());
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
        outcome.code = code;
        outcome
    } else {
        let wanted = prepared.facts.amount.map(|wanted| wanted.to_string()).unwrap_or_default();
        let message = Text::new(
            format!("OfficeGuy מדווחת על חיוב של {charged} במקום {wanted}; יש לבדוק לפני כל פעולה נוספת"),
            format!(
                "OfficeGuy reports a charge of {charged} instead of {wanted}; check before anything else"
            ),
        );
        Outcome::new(OutcomeStatus::Conflict, "amount_mismatch", message)
    };
    outcome.reference = Some(id.to_string());
    outcome.document = document;
    outcome.amount = Some(charged).filter(|charged| is_sum(*charged));
    outcome.data = data;
    outcome
}
