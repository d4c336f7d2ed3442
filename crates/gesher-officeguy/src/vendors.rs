//! What the answers of several vendors to one charge add up to. Pure.
//!
//! The answers bear no name and their order is not promised. So they are given to the vendors in the order of the lines
//! where the sums fit that, else by their sums alone; and where one answer says too little, nobody knows about the whole.

use crate::charging::{is_sum, other_sum};
use crate::classify::unreadable;
use crate::envelope::{currency, decimal, field, id, text, truth};
use crate::messages;
use gesher_core::money::Money;
use gesher_core::operation::Effect;
use gesher_core::outcome::IN_PART;
use gesher_core::{Json, Outcome, OutcomeStatus, Text};
use rust_decimal::Decimal;
use serde_json::Value;

/// What one vendor is to get.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    /// Its handle.
    pub(crate) vendor: String,
    /// The sum of its lines.
    pub(crate) net: Decimal,
    /// What the customer pays for them.
    pub(crate) sum: Option<Money>,
    /// Every sum that the provider may come to.
    pub(crate) may_be: Vec<Decimal>,
}

impl Share {
    fn fits(&self, sum: Money) -> bool {
        self.may_be.contains(&sum.amount) && self.sum.is_some_and(|own| own.currency == sum.currency)
    }
}

/// What one answer says.
struct Part {
    /// The payment's id, where money was taken.
    paid: Option<i64>,
    /// The acquirer's code.
    code: String,
    sum: Option<Money>,
    document: Option<String>,
}

impl Part {
    /// None where it does not surely say that money was taken or that it was not.
    fn read(answer: &Value) -> Option<Self> {
        let payment = field(answer, "Payment");
        let code = text(field(payment, "Status"));
        let sum = match (decimal(field(payment, "Amount")), currency(field(payment, "Currency"))) {
            (Some(amount), Some(currency)) => Some(Money { amount, currency: currency.to_core() }),
            _ => None,
        };
        let document = text(field(answer, "DocumentNumber"));
        match (truth(field(payment, "ValidPayment")), code, id(field(payment, "ID"))) {
            (Some(true), code, Some(id)) if sum.is_some() => {
                Some(Self { paid: Some(id), code: code.unwrap_or_default(), sum, document })
            }
            (Some(false), Some(code), _) if code != "000" => {
                Some(Self { paid: None, code, sum, document: None })
            }
            _ => None,
        }
    }
}

/// What the answer means as a whole.
pub(crate) fn classify(shares: &[Share], wanted: Option<Money>, data: Json) -> Outcome {
    let answers = field(&data, "Vendors").as_array().map(Vec::as_slice).unwrap_or_default();
    let parts: Option<Vec<Part>> = answers.iter().map(Part::read).collect();
    let Some(parts) = parts.filter(|parts| parts.len() == shares.len() && !shares.is_empty()) else {
        return unreadable(Effect::Money, data);
    };
    let whose = whose(shares, &parts);
    let paid: Vec<&Part> = parts.iter().filter(|part| part.paid.is_some()).collect();
    let mut outcome = match (paid.len(), &whose) {
        (0, whose) => declined(shares, &parts, whose.as_deref()),
        (all, None) if all < parts.len() && total(&paid).is_some_and(|sum| is_within(sum, wanted)) => {
            somebody(&paid, total(&paid).unwrap_or(zero(wanted)))
        }
        (_, None) => other_sum(total(&paid).unwrap_or(zero(wanted)), wanted),
        (all, Some(_)) if all == parts.len() => {
            let code = parts.first().map(|part| part.code.clone()).unwrap_or_default();
            let sum = total(&paid).unwrap_or(zero(wanted));
            Outcome::new(OutcomeStatus::Succeeded, code, messages::charged(sum, documents(&paid).as_deref()))
        }
        (_, Some(whose)) => Outcome::new(OutcomeStatus::Succeeded, IN_PART, in_part(shares, &parts, whose)),
    };
    let ids: Vec<String> = paid.iter().filter_map(|part| Some(part.paid?.to_string())).collect();
    outcome.reference = Some(ids.join(",")).filter(|ids| !ids.is_empty());
    outcome.document = documents(&paid);
    outcome.amount = total(&paid).filter(|sum| is_sum(*sum));
    outcome.data = data;
    outcome
}

/// Whether a part of what was asked for was taken, and no more.
fn is_within(sum: Money, wanted: Option<Money>) -> bool {
    wanted.is_some_and(|wanted| sum.currency == wanted.currency && sum.amount < wanted.amount)
}

/// A part was paid, and nobody can say for whom: the answers bear no names.
fn somebody(paid: &[&Part], sum: Money) -> Outcome {
    let ids: Vec<String> = paid.iter().filter_map(|part| Some(part.paid?.to_string())).collect();
    let ids = ids.join(", ");
    let why = Text::new(
        format!(
            "נגבו {sum} ({ids}) עבור חלק מהספקים, ומהתשובה לא ברור עבור מי; יש לבדוק אצל OfficeGuy לפני כל חיוב נוסף"
        ),
        format!(
            "{sum} was charged ({ids}) for some of the vendors, and the answer does not say for which; look at OfficeGuy \
             before anything more is charged"
        ),
    );
    Outcome::new(OutcomeStatus::Conflict, "whose_is_unclear", why)
}

/// Which vendor each answer is of, by its place in `shares`: in their order where the sums fit that, else by the sums,
/// where they fit in one way only. None where they do not.
fn whose(shares: &[Share], parts: &[Part]) -> Option<Vec<usize>> {
    // A refusal may say no sum.
    let may_be = |share: &Share, part: &Part| match part.sum {
        Some(sum) if part.paid.is_some() || !sum.amount.is_zero() => share.fits(sum),
        _ => part.paid.is_none(),
    };
    // Where a vendor that was paid and one that was not could stand for each other, the order alone would decide whom to
    // charge again.
    let is_sure = |whose: &[usize]| {
        let fits = |at: usize, part: &Part| shares.get(at).is_some_and(|share| may_be(share, part));
        let each = || parts.iter().zip(whose.iter().copied());
        !each().any(|(paid, a)| {
            let swaps = |(other, b): (&Part, usize)| {
                paid.paid.is_some() && other.paid.is_none() && fits(b, paid) && fits(a, other)
            };
            each().any(swaps)
        })
    };
    if shares.iter().zip(parts).all(|(share, part)| may_be(share, part)) {
        return Some((0..shares.len()).collect()).filter(|whose: &Vec<usize>| is_sure(whose));
    }
    let mut whose = Vec::with_capacity(parts.len());
    for part in parts {
        let fitting = shares.iter().enumerate().filter(|(_, share)| may_be(share, part));
        let [(at, _)] = fitting.collect::<Vec<_>>()[..] else { return None };
        if whose.contains(&at) {
            return None;
        }
        whose.push(at);
    }
    Some(whose)
}

fn declined(shares: &[Share], parts: &[Part], whose: Option<&[usize]>) -> Outcome {
    let code = parts.first().map(|part| part.code.clone()).unwrap_or_default();
    let text = messages::declined(&code);
    let text = match whose {
        Some(whose) if parts.iter().any(|part| part.code != code) => {
            let each = refusals(shares, parts, whose);
            Text::new(format!("{} ({each})", text.he), format!("{} ({each})", text.en))
        }
        _ => text,
    };
    Outcome::new(OutcomeStatus::Declined, code, text)
}

/// Names the vendors that were paid and those that were not.
fn in_part(shares: &[Share], parts: &[Part], whose: &[usize]) -> Text {
    let name = |at: &usize| shares.get(*at).map(|share| share.vendor.as_str()).unwrap_or_default();
    let paid: Vec<String> = parts
        .iter()
        .zip(whose)
        .filter(|(part, _)| part.paid.is_some())
        .map(|(part, at)| {
            let sum = part.sum.map(|sum| sum.to_string()).unwrap_or_default();
            format!("{} {sum} ({})", name(at), part.paid.unwrap_or_default())
        })
        .collect();
    let (paid, refused) = (paid.join(", "), refusals(shares, parts, whose));
    Text::new(
        format!(
            "החיוב בוצע בחלקו. חויב: {paid}. לא חויב: {refused}. אין לחזור על כולו: מה שלא חויב נגבה במפתח משלו, או שמה שחויב מוחזר"
        ),
        format!(
            "Charged in part. Charged: {paid}. Not charged: {refused}. Do not repeat the whole: charge what is missing under a key of its own, or refund what was taken"
        ),
    )
}

fn refusals(shares: &[Share], parts: &[Part], whose: &[usize]) -> String {
    let refused = parts.iter().zip(whose).filter(|(part, _)| part.paid.is_none());
    let each = refused.map(|(part, at)| {
        let vendor = shares.get(*at).map(|share| share.vendor.as_str()).unwrap_or_default();
        format!("{vendor} ({})", part.code)
    });
    each.collect::<Vec<_>>().join(", ")
}

fn documents(paid: &[&Part]) -> Option<String> {
    let numbers: Vec<&str> = paid.iter().filter_map(|part| part.document.as_deref()).collect();
    Some(numbers.join(",")).filter(|numbers| !numbers.is_empty())
}

/// What was taken altogether; none where it is of several currencies.
fn total(paid: &[&Part]) -> Option<Money> {
    let mut sums = paid.iter().map(|part| part.sum);
    let first = sums.next()??;
    sums.try_fold(first, |sum, next| {
        let next = next.filter(|next| next.currency == sum.currency)?;
        Some(Money { amount: sum.amount.checked_add(next.amount)?, ..sum })
    })
}

fn zero(wanted: Option<Money>) -> Money {
    let currency = wanted.map_or(gesher_core::Currency::ILS, |wanted| wanted.currency);
    Money { amount: Decimal::ZERO, currency }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn share(vendor: &str, sum: &str) -> Share {
        let sum: Money = format!("{sum} ILS").parse().unwrap();
        Share { vendor: vendor.to_owned(), net: sum.amount, sum: Some(sum), may_be: vec![sum.amount] }
    }

    fn paid(id: i64, amount: &str) -> Value {
        let amount: serde_json::Number = amount.parse().unwrap();
        json!({"Payment": {"ID": id, "ValidPayment": true, "Status": "000", "Amount": amount, "Currency": 0},
            "DocumentNumber": 1000 + id})
    }

    fn refused(code: &str, amount: &str) -> Value {
        let amount: serde_json::Number = amount.parse().unwrap();
        json!({"Payment": {"ID": 9, "ValidPayment": false, "Status": code, "Amount": amount, "Currency": 0}})
    }

    #[track_caller]
    fn check(answers: &[Value], want: (&str, &str)) -> Outcome {
        let shares = [share("dana", "6.00"), share("noa", "3.00")];
        let outcome = classify(&shares, "9.00 ILS".parse().ok(), json!({ "Vendors": answers }).into());
        let got = (outcome.status.as_str(), outcome.code.as_deref().unwrap_or_default());
        assert_eq!(got, want, "{answers:?}: {}", outcome.message.en);
        outcome
    }

    #[test]
    fn every_vendor_has_to_be_paid() {
        let outcome = check(&[paid(1, "6.0"), paid(2, "3.0")], ("succeeded", "000"));
        assert_eq!(outcome.reference.as_deref(), Some("1,2"));
        assert_eq!(outcome.document.as_deref(), Some("1001,1002"));
        assert_eq!(outcome.amount.unwrap().to_string(), "9.00 ILS");
        check(&[paid(2, "3.0"), paid(1, "6.0")], ("succeeded", "000"));
    }

    #[test]
    fn a_part_names_who_was_paid_and_who_was_not() {
        let outcome = check(&[paid(1, "6.0"), refused("004", "3.0")], ("succeeded", IN_PART));
        for words in [&outcome.message.he, &outcome.message.en] {
            assert!(words.contains("dana 6.00 ILS (1)") && words.contains("noa (004)"), "{words}");
        }
        assert_eq!(outcome.reference.as_deref(), Some("1"));
        assert_eq!(outcome.amount.unwrap().to_string(), "6.00 ILS");
        let turned = check(&[refused("004", "3.0"), paid(1, "6.0")], ("succeeded", IN_PART));
        assert!(turned.message.en.contains("noa (004)"), "{}", turned.message.en);
        check(&[refused("004", "0"), paid(2, "3.0")], ("succeeded", IN_PART));
    }

    #[test]
    fn of_two_equal_shares_nobody_says_which_was_paid() {
        let shares = [share("dana", "3.00"), share("noa", "3.00")];
        let check = |answers: &[Value], want: (&str, &str)| {
            let outcome = classify(&shares, "6.00 ILS".parse().ok(), json!({ "Vendors": answers }).into());
            assert_eq!(
                (outcome.status.as_str(), outcome.code.as_deref().unwrap_or_default()),
                want,
                "{answers:?}"
            );
        };
        check(&[paid(1, "3.0"), paid(2, "3.0")], ("succeeded", "000"));
        check(&[paid(1, "3.0"), refused("004", "3.0")], ("conflict", "whose_is_unclear"));
        check(&[refused("004", "0"), paid(1, "3.0")], ("conflict", "whose_is_unclear"));
        check(&[refused("004", "3.0"), refused("004", "3.0")], ("declined", "004"));
    }

    #[test]
    fn nothing_taken_is_a_decline() {
        let outcome = check(&[refused("004", "6.0"), refused("015", "3.0")], ("declined", "004"));
        assert!(outcome.message.en.contains("dana (004), noa (015)"), "{}", outcome.message.en);
        assert_eq!((outcome.reference, outcome.amount), (None, None));
    }

    #[test]
    fn money_that_does_not_add_up_is_a_conflict() {
        let outcome = check(&[paid(1, "6.0"), paid(2, "3.5")], ("conflict", "amount_mismatch"));
        assert_eq!(outcome.reference.as_deref(), Some("1,2"));
        check(&[paid(1, "6.0"), paid(2, "6.0")], ("conflict", "amount_mismatch"));
        check(&[paid(1, "3.0"), paid(2, "3.0")], ("conflict", "amount_mismatch"));
    }

    #[test]
    fn one_answer_that_says_too_little_leaves_all_unknown() {
        let unknown = ("unknown", "unreadable_answer");
        check(&[paid(1, "6.0")], unknown);
        check(&[], unknown);
        check(&[paid(1, "6.0"), json!({"Payment": null})], unknown);
        check(&[paid(1, "6.0"), json!({"Payment": {"ValidPayment": true, "Status": "000"}})], unknown);
        check(&[paid(1, "6.0"), refused("000", "3.0")], unknown);
        check(&[paid(1, "6.0"), paid(2, "3.0"), paid(3, "3.0")], unknown);
    }
}
