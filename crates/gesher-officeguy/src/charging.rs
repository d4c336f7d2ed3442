//! What `charge` and `charge_saved_method` share: the same endpoint, the same sums, the same proof.

use crate::classify::{open, unreadable};
use crate::endpoints::charge::ChargeRequest;
use crate::endpoints::enums::WireEnum;
use crate::envelope::{currency, decimal, id, text, truth};
use crate::look_up::{Noted, NotedCustomer, NotedMethod};
use crate::messages;
use crate::rules::{self, refuse};
use gesher_core::money::{self, Money, Quantity, round_half_up, two_places};
use gesher_core::operation::{Effect, Facts, Prepared, Reply};
use gesher_core::{Fields, Outcome, OutcomeStatus, Rejection, Text};
use rust_decimal::Decimal;

/// The VAT that is reckoned with where prices are without it and the request names no rate, in percent. It only
/// sizes limits and the comparison with the answer; the provider adds its own.
const VAT_PERCENT: Decimal = Decimal::from_parts(18, 0, 0, false, 0);

/// The smallest sum, by which two roundings may differ.
const AGORA: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// The rules of a charge that takes money now, whatever it is paid with.
pub(crate) fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
    rules::no_card_data(request)?;
    rules_but_cards(request)
}

/// The same but for the search for card numbers, for an operation whose `text_rules` searches the text that is made
/// anyway.
pub(crate) fn rules_but_cards(request: &ChargeRequest) -> Result<(), Rejection> {
    let total = sums_and_names(request)?;
    if request.support_credit == Some(true) {
        return Err(refuse(
            "not_a_charge",
            "SupportCredit: חיוב אינו זיכוי; לזיכוי יש לקרוא ל־officeguy::refund",
            "SupportCredit: a charge is no refund; call officeguy::refund to give money back",
        ));
    }
    if request.auto_capture == Some(false) || request.authorize_amount.is_some() {
        return Err(refuse(
            "not_a_charge",
            "AutoCapture: חיוב אינו תפיסת מסגרת; לתפיסת מסגרת יש לקרוא ל־officeguy::authorize",
            "AutoCapture: a charge is no hold; call officeguy::authorize to hold money",
        ));
    }
    positive(total)
}

/// The rules of whatever goes to the endpoint of charges: charges, holds, refunds.
pub(crate) fn shared_rules(request: &ChargeRequest) -> Result<(), Rejection> {
    rules::no_card_data(request)?;
    sums_and_names(request).map(drop)
}

/// What the items come to, where they and the names of a request are in order.
fn sums_and_names(request: &ChargeRequest) -> Result<Money, Rejection> {
    rules::customer_named("Customer", &request.customer)?;
    for (at, line) in request.items.iter().enumerate() {
        rules::item_named(at, &line.item)?;
    }
    if request.authorise_only == Some(true) {
        return Err(refuse(
            "not_a_charge",
            "AuthoriseOnly: הבקשה לא הייתה מחייבת דבר",
            "AuthoriseOnly: the request would charge nothing",
        ));
    }
    instalments("Payments_Count", request.payments_count)?;
    vat_rate(request.vat_rate)?;
    rules::items_total(&request.items)
}

/// Refuses a number of instalments that the provider does not take.
pub(crate) fn instalments(path: &str, count: Option<i64>) -> Result<(), Rejection> {
    match count {
        Some(count) if !(1..=36).contains(&count) => Err(refuse(
            "bad_instalments",
            format!("{path}: מספר התשלומים הוא מ־1 עד 36"),
            format!("{path}: there are 1 to 36 instalments"),
        )),
        _ => Ok(()),
    }
}

/// Refuses a VAT rate that is a fraction by mistake.
pub(crate) fn vat_rate(rate: Option<Quantity>) -> Result<(), Rejection> {
    match rate {
        Some(rate) if !is_percent(rate.0) => Err(refuse(
            "bad_vat_rate",
            "VATRate: מע״מ נכתב באחוזים, למשל 18",
            "VATRate: VAT is written in percent, such as 18",
        )),
        _ => Ok(()),
    }
}

/// Refuses a charge of nothing, or of less.
pub(crate) fn positive(total: Money) -> Result<(), Rejection> {
    if total.amount <= Decimal::ZERO {
        return Err(refuse(
            "not_positive",
            format!(
                "סכום החיוב הוא {}; חיוב צריך להיות גדול מאפס, ולזיכוי יש לקרוא ל־officeguy::refund",
                two_places(total.amount)
            ),
            format!(
                "the charge comes to {}; a charge is above zero, and refunds are another operation (officeguy::refund)",
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
    let amount = sum(request);
    let noted = Noted {
        customer: NotedCustomer::of(&request.customer),
        payment_method: request.payment_method.as_ref().and_then(NotedMethod::of),
        sums: if amount.is_some() { other_sums(request) } else { Vec::new() },
        document_type: request.document_type.map(WireEnum::number),
        ..Noted::default()
    };
    Facts { subject: rules::subject(&request.customer), amount, look_up: noted.written() }
}

/// The sums beside [`sum`] that the provider may come to, where it adds VAT: as [`is_expected`] takes them.
fn other_sums(request: &ChargeRequest) -> Vec<String> {
    if request.vat_included || request.customer.no_vat == Some(true) {
        return Vec::new();
    }
    let lines: Vec<Decimal> = rules::line_totals(&request.items).filter_map(Result::ok).collect();
    sums_of(&lines, true, request.vat_rate.map(|rate| rate.0)).into_iter().map(two_places).collect()
}

/// Every sum that the provider may come to for lines of these sums, each once. It adds VAT to the whole or to each line,
/// may round an agora otherwise, and adds none for an exempt dealer unless the request names the rate.
pub(crate) fn sums_of(lines: &[Decimal], adds_vat: bool, rate: Option<Decimal>) -> Vec<Decimal> {
    let net: Decimal = lines.iter().sum();
    if !adds_vat {
        return vec![net];
    }
    let mut sums: Vec<Decimal> = Vec::new();
    let by_line = lines.iter().map(|line| with_vat(rate, *line)).sum::<Option<Decimal>>();
    for whole in [with_vat(rate, net), by_line].into_iter().flatten() {
        sums.extend([whole - AGORA, whole, whole + AGORA]);
    }
    if rate.is_none() {
        sums.push(net);
    }
    sums.sort_unstable();
    sums.dedup();
    sums
}

/// What will be charged at most, VAT included.
fn sum(request: &ChargeRequest) -> Option<Money> {
    let net = rules::items_total(&request.items).ok()?;
    if request.vat_included || request.customer.no_vat == Some(true) {
        return Some(net);
    }
    gross(net, request.vat_rate.map(|rate| rate.0))
}

/// A sum with VAT on it.
pub(crate) fn gross(net: Money, rate: Option<Decimal>) -> Option<Money> {
    Some(Money { amount: with_vat(rate, net.amount)?, ..net })
}

/// A sum with VAT at the request's rate on it, rounded.
fn with_vat(rate: Option<Decimal>, net: Decimal) -> Option<Decimal> {
    let vat = net.checked_mul(rate.unwrap_or(VAT_PERCENT))?.checked_div(Decimal::ONE_HUNDRED)?;
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
    let lines = || {
        rules::line_totals(&request.items)
            .map(|line| with_vat(request.vat_rate.map(|rate| rate.0), line.ok()?))
    };
    let without_vat = || rules::items_total(&request.items).is_ok_and(|net| charged.amount == net.amount);
    near(wanted.amount)
        || lines().sum::<Option<Decimal>>().is_some_and(near)
        || (request.vat_rate.is_none() && without_vat())
}

/// Whether it can be a sum of money at all: at most two places, and not beyond every limit.
pub(crate) fn is_sum(money: Money) -> bool {
    money::is_sum(money.amount)
}

/// Money moved, and not as much as was asked for: a person has to look.
pub(crate) fn other_sum(charged: Money, wanted: Option<Money>) -> Outcome {
    let wanted = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
    let message = Text::new(
        format!("OfficeGuy מדווחת על חיוב של {charged} במקום {wanted}; יש לבדוק לפני כל פעולה נוספת"),
        format!("OfficeGuy reports a charge of {charged} instead of {wanted}; check before anything else"),
    );
    Outcome::new(OutcomeStatus::Conflict, "amount_mismatch", message)
}

/// What the provider's reply to a charge means.
pub(crate) fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
    let data = match open(reply, Effect::Money) {
        Ok(envelope) => envelope.data,
        Err(outcome) => return *outcome,
    };
    match data.fields_with("Payment").and_then(|(fields, payment)| shown(prepared, &fields, &payment)) {
        Some(outcome) => Outcome { data, ..outcome },
        None => unreadable(Effect::Money, data),
    }
}

/// What the data of an answer shows, where it shows enough.
fn shown(prepared: &Prepared, data: &Fields<'_>, payment: &Fields<'_>) -> Option<Outcome> {
    let code = text(&payment.value("Status"));
    match (truth(&payment.value("ValidPayment")), code) {
        (Some(false), Some(code)) if code != "000" => {
            let is_refund = prepared.facts.amount.is_some_and(|amount| amount.amount.is_sign_negative());
            Some(declined(payment, code, is_refund))
        }
        (Some(true), code) => charged(prepared, data, payment, code),
        _ => None,
    }
}

fn declined(payment: &Fields<'_>, code: String, is_refund: bool) -> Outcome {
    let words = text(&payment.value("StatusDescription")).unwrap_or_default();
    let text = if is_refund { messages::refund_declined(&code) } else { messages::declined(&code) };
    let message = messages::with_words(text, &words);
    let mut outcome = Outcome::new(OutcomeStatus::Declined, code, message);
    outcome.reference = id(&payment.value("ID")).map(|id| id.to_string());
    outcome
}

fn charged(
    prepared: &Prepared,
    data: &Fields<'_>,
    payment: &Fields<'_>,
    code: Option<String>,
) -> Option<Outcome> {
    let id = id(&payment.value("ID"))?;
    let amount = decimal(&payment.value("Amount"))?;
    let currency = currency(&payment.value("Currency"))?;
    let charged = Money { amount, currency: currency.to_core() };
    let document = text(&data.value("DocumentNumber"));
    let is_trusted =
        if gesher_core::mutant!("trust_any_amount") { true } else { is_expected(charged, prepared) };
    let mut outcome = if is_sum(charged) && is_trusted {
        let message = messages::charged(charged, document.as_deref());
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
        outcome.code = code;
        outcome
    } else {
        other_sum(charged, prepared.facts.amount)
    };
    outcome.reference = Some(id.to_string());
    outcome.document = document;
    outcome.amount = Some(charged).filter(|charged| is_sum(*charged));
    Some(outcome)
}
