//! The card company of the simulation: which cards and amounts it refuses.
//!
//! Every token is a good card, but for those that end in one of [`TEST_CARDS`]; every amount is good, but for the
//! exact ones of [`TEST_AMOUNTS`]; a card whose month is over has expired. Amounts come first, then cards.

use jiff::civil::Date;
use rust_decimal::Decimal;

/// A card that is always refused.
#[derive(Clone, Copy, Debug)]
pub struct TestCard {
    /// What its token ends in, so that any token can be given the ending: `tok-dana-004`.
    pub token_ends_in: &'static str,
    /// The code of the refusal.
    pub code: &'static str,
}

/// Tokens that are refused, by their endings. No UUID ends in one of them.
pub const TEST_CARDS: &[TestCard] = &[
    TestCard { token_ends_in: "-004", code: "004" },
    TestCard { token_ends_in: "-015", code: "015" },
    TestCard { token_ends_in: "-og20", code: "OG_20" },
    TestCard { token_ends_in: "-og25", code: "OG_25" },
    TestCard { token_ends_in: "-upay", code: "Upay_30001419" },
];

/// Sums that are refused, to the agora, whatever the card.
pub const TEST_AMOUNTS: &[(Decimal, &str)] = &[
    (Decimal::from_parts(100_404, 0, 0, false, 2), "004"),
    (Decimal::from_parts(101_515, 0, 0, false, 2), "015"),
    (Decimal::from_parts(102_020, 0, 0, false, 2), "OG_20"),
    (Decimal::from_parts(102_525, 0, 0, false, 2), "OG_25"),
    (Decimal::from_parts(103_014, 0, 0, false, 2), "Upay_30001419"),
];

/// Beginnings of card numbers that the provider's test terminal refuses; others it approves.
const REFUSED_NUMBERS: &[&str] = &["4580", "4111"];

/// What the acquirer sees of a card.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Card<'a> {
    pub(crate) token: Option<&'a str>,
    pub(crate) number: Option<&'a str>,
    pub(crate) month: Option<i64>,
    pub(crate) year: Option<i64>,
}

/// The acquirer's answer: `000`, or the code of a refusal.
pub(crate) fn decide(card: Card<'_>, amount: Decimal, today: Date) -> &'static str {
    if let Some((_, code)) = TEST_AMOUNTS.iter().find(|(sum, _)| *sum == amount) {
        return code;
    }
    let token = card.token.unwrap_or_default();
    if let Some(refused) = TEST_CARDS.iter().find(|card| token.ends_with(card.token_ends_in)) {
        return refused.code;
    }
    let number = card.number.unwrap_or_default();
    if REFUSED_NUMBERS.iter().any(|start| number.starts_with(start)) {
        return "004";
    }
    if let (Some(month), Some(year)) = (card.month, card.year) {
        let now = (i64::from(today.year()), i64::from(today.month()));
        if (year, month) < now {
            return "015";
        }
    }
    "000"
}

/// The acquirer's words, which are Hebrew in any language.
pub(crate) fn words(code: &str) -> String {
    match code {
        "000" => "מאושר (קוד 000)".to_owned(),
        "015" => "כרטיס פג תוקף (קוד 015)".to_owned(),
        "OG_20" => "עסקה כפולה (קוד OG_20)".to_owned(),
        "OG_25" => "מספר כרטיס שגוי (קוד OG_25)".to_owned(),
        code => format!("סירוב (קוד {code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, expires: Option<(i64, i64)>, amount: &str, want: &str) {
        let card = Card {
            token: Some(token),
            number: None,
            month: expires.map(|(month, _)| month),
            year: expires.map(|(_, year)| year),
        };
        let amount = Decimal::from_str_exact(amount).unwrap();
        assert_eq!(decide(card, amount, Date::constant(2026, 3, 15)), want, "{token} {amount}");
    }

    #[test]
    fn cards_and_amounts_are_refused_by_the_table() {
        check("tok-1", None, "9.00", "000");
        check("aaaaaaaa-bbbb-4ccc-8ddd-000000000004", None, "9.00", "000");
        check("tok-decline-004", None, "9.00", "004");
        check("tok-x-015", None, "9.00", "015");
        check("tok-x-og20", None, "9.00", "OG_20");
        check("tok-x-og25", None, "9.00", "OG_25");
        check("tok-x-upay", None, "9.00", "Upay_30001419");
        check("tok-1", None, "1004.04", "004");
        check("tok-1", None, "1030.14", "Upay_30001419");
        check("tok-1", Some((3, 2026)), "9.00", "000");
        check("tok-1", Some((2, 2026)), "9.00", "015");
        check("tok-1", Some((12, 2025)), "9.00", "015");
    }

    #[test]
    fn a_raw_number_is_refused_by_its_beginning() {
        let today = Date::constant(2026, 3, 15);
        let decide = |number| decide(Card { number: Some(number), ..Card::default() }, Decimal::ONE, today);
        assert_eq!(decide("5555555555554444"), "000");
        assert_eq!(decide("4111111111111111"), "004");
    }
}
