//! What `charge` and `charge_saved_method` share: the same endpoint, the same sums, the same proof.

use crate::classify::{open, unsure};
use crate::endpoints::charge::ChargeRequest;
use crate::envelope::{currency, decimal, field, id, text, truth};
use crate::messages;
use crate::rules::{self, refuse};
use gesher_core::money::{Money, round_half_up, two_places};
use gesher_core::operation::{Effect, Facts, Prepared, Reply};
use gesher_core::{Outcome, OutcomeStatus, Rejection, Text};
use rust_decimal::Decimal;
use serde_json::Value;

/// The VAT that is reckoned with where prices are without it and the request names no rate, in percent. It only
/// sizes limits and the comparison with the answer; the provider adds its own.
const VAT_PERCENT: Decimal = Decimal::from_parts(18, 0, 0, false, 0);

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

/// Customer and sum of a charge.
pub(crate) fn facts(request: &ChargeRequest) -> Facts {
    Facts { subject: rules::subject(&request.customer), amount: sum(request) }
}

/// What will be charged at most, VAT included.
fn sum(request: &ChargeRequest) -> Option<Money> {
    let net = rules::items_total(&request.items).ok()?;
    if request.vat_included || request.customer.no_vat == Some(true) {
        return Some(net);
    }
    let percent = request.vat_rate.map_or(VAT_PERCENT, |rate| rate.0);
    let vat = net.amount.checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
    Some(Money { amount: round_half_up(net.amount.checked_add(vat)?, 2), ..net })
}

/// Whether `charged` is what was asked for. Where VAT is added by the provider it may add none (an exempt dealer),
/// and may round each line on its own.
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
    if request.vat_included || charged.currency != wanted.currency {
        return false;
    }
    let agorot = Decimal::new(i64::try_from(request.items.len()).unwrap_or(i64::MAX), 2);
    let near = |sum: Decimal| (charged.amount - sum).abs() <= agorot;
    near(wanted.amount) || rules::items_total(&request.items).is_ok_and(|net| near(net.amount))
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
        _ => unreadable(),
    }
}

fn unreadable() -> Outcome {
    unsure(Effect::Money, "unreadable_answer", messages::unreadable())
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
        return unreadable();
    };
    let charged = Money { amount, currency: currency.to_core() };
    let document = text(field(&data, "DocumentNumber"));
    let mut outcome = if is_expected(charged, prepared) {
        let (he, en) = match &document {
            Some(number) => (format!(", מסמך {number}"), format!(", document {number}")),
            None => (", עדיין ללא מסמך".to_owned(), ", no document yet".to_owned()),
        };
        let message = Text::new(format!("חויב {charged}{he}"), format!("Charged {charged}{en}"));
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
    outcome.amount = Some(charged);
    outcome.data = data;
    outcome
}
