//! Allocation numbers (mispar haktza'a): from which amount the buyer of an invoice may deduct its tax only with a number
//! that the Tax Authority gave.
//!
//! The threshold is before VAT and falls with the years. It concerns tax invoices with VAT to registered dealers; whether
//! an invoice is one is for the caller to know. The number itself comes through the provider.

use gesher_core::money::two_places;
use gesher_core::{Currency, Decimal, Money, Text};
use jiff::civil::Date;

/// A threshold in shekels and the day from which it held: year, month, day, shekels.
const THRESHOLDS: [(i16, i8, i8, i64); 4] =
    [(2024, 5, 5, 25_000), (2025, 1, 1, 20_000), (2026, 1, 1, 10_000), (2026, 6, 1, 5_000)];

/// The threshold on a day, in shekels before VAT; none before the rule began.
#[must_use]
pub fn threshold_on(date: Date) -> Option<Decimal> {
    let day = (date.year(), date.month(), date.day());
    let found = THRESHOLDS.iter().rev().find(|(year, month, first, _)| (*year, *month, *first) <= day);
    found.map(|(_, _, _, shekels)| Decimal::from(*shekels))
}

/// Whether an invoice needs a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It is on the threshold itself, where sources differ, or in another currency.
    Unknown,
}

impl Needed {
    /// The word that scripts see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether an invoice needs an allocation number, and what to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The answer.
    pub needed: Needed,
    /// The threshold of the day, in shekels before VAT.
    pub threshold: Option<Decimal>,
    /// Why; empty where none is needed.
    pub message: Text,
}

/// Judges an invoice with this net amount (before VAT) on this date, to a registered dealer.
#[must_use]
pub fn check_invoice(net: Money, date: Date) -> Allocation {
    let Some(threshold) = threshold_on(date) else {
        return Allocation { needed: Needed::No, threshold: None, message: Text::default() };
    };
    let shown = two_places(threshold);
    let (needed, message) = if net.currency != Currency::ILS {
        let currency = net.currency;
        let text = Text::new(
            format!("הסף למספר הקצאה הוא בשקלים, והסכום ב־{currency}; יש להמיר אותו לשער של יום החשבונית"),
            format!(
                "the threshold of allocation numbers is in shekels, and this is {currency}; convert it by the invoice day's rate"
            ),
        );
        (Needed::Unknown, text)
    } else if net.amount > threshold {
        let text = Text::new(
            format!(
                "חשבונית מס לעוסק מעל {shown} ש\"ח לפני מע\"מ צריכה מספר הקצאה; יש לוודא שהחשבון מחובר לרשות המסים"
            ),
            format!(
                "a tax invoice to a dealer above {shown} ILS before VAT needs an allocation number; make sure that the account is linked to the Tax Authority"
            ),
        );
        (Needed::Yes, text)
    } else if net.amount == threshold {
        let text = Text::new(
            format!("הסכום הוא בדיוק הסף, {shown} ש\"ח לפני מע\"מ; המקורות חלוקים, וכדאי לבקש מספר הקצאה"),
            format!(
                "this is exactly the threshold, {shown} ILS before VAT; sources differ, so it is wise to ask for an allocation number"
            ),
        );
        (Needed::Unknown, text)
    } else {
        (Needed::No, Text::default())
    };
    Allocation { needed, threshold: Some(threshold), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_threshold_falls_with_the_years() {
        for (day, want) in [
            (date(2024, 5, 4), None),
            (date(2024, 5, 5), Some(25_000)),
            (date(2024, 12, 31), Some(25_000)),
            (date(2025, 1, 1), Some(20_000)),
            (date(2025, 12, 31), Some(20_000)),
            (date(2026, 1, 1), Some(10_000)),
            (date(2026, 5, 31), Some(10_000)),
            (date(2026, 6, 1), Some(5_000)),
            (date(2030, 1, 1), Some(5_000)),
        ] {
            assert_eq!(threshold_on(day), want.map(Decimal::from), "{day}");
        }
    }

    #[test]
    fn an_invoice_above_the_threshold_of_its_day_needs_a_number() {
        for (net, day, want) in [
            ("4999.99 ILS", date(2026, 6, 1), Needed::No),
            ("5000.00 ILS", date(2026, 6, 1), Needed::Unknown),
            ("5000.01 ILS", date(2026, 6, 1), Needed::Yes),
            ("5000.01 ILS", date(2026, 5, 31), Needed::No),
            ("99999.00 ILS", date(2024, 5, 4), Needed::No),
            ("9999.00 USD", date(2026, 6, 1), Needed::Unknown),
        ] {
            let found = check_invoice(net.parse().unwrap(), day);
            assert_eq!(found.needed, want, "{net} on {day}");
            assert_eq!(found.message.is_empty(), want == Needed::No, "{net} on {day}");
        }
    }
}
