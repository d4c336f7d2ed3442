//! Amounts: exact decimals with a currency, and the one form in which a cell or a script may write them.

use crate::key::cleaned;
use crate::language::Text;
use crate::limits::AMOUNT_DIGITS_MAX;
use rust_decimal::{Decimal, RoundingStrategy};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Digits after the point of an amount.
pub const AMOUNT_PLACES: u32 = 2;
/// The first whole number that has more digits than an amount, in the currency's main unit: every sum is below it.
pub const SUM_END: Decimal = {
    let end = 10_u64.pow(AMOUNT_DIGITS_MAX as u32);
    Decimal::from_parts(end as u32, (end >> 32) as u32, 0, false, 0)
};

/// A currency by its three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The new shekel.
    pub const ILS: Self = Self(*b"ILS");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            [a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Currency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is no sum of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an amount.
    #[error("`{0}` is no amount: {1}")]
    Amount(String, AmountFault),
    /// Not a currency.
    #[error("`{0}` is no currency; three capital letters are, such as ILS")]
    Currency(String),
    /// Neither.
    #[error("`{0}` is no sum of money; one looks like \"5000.00 ILS\"")]
    Shape(String),
}

/// A sum of money: an amount and its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much, with at most two places.
    pub amount: Decimal,
    /// Of what.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", two_places(self.amount), self.currency)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, currency) =
            text.trim().split_once(' ').ok_or_else(|| MoneyError::Shape(text.to_owned()))?;
        Ok(Self {
            amount: parse_amount(amount).map_err(|fault| MoneyError::Amount(amount.to_owned(), fault))?,
            currency: currency.trim().parse()?,
        })
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (amount, currency) = text.split_once(' ').ok_or_else(|| de::Error::custom("no sum of money"))?;
        Ok(Self {
            amount: parse_signed_amount(amount).map_err(de::Error::custom)?,
            currency: currency.parse().map_err(de::Error::custom)?,
        })
    }
}

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Something else than digits and one point: a comma, a currency sign, an exponent, a space.
    #[error("only digits and one decimal point may stand in it")]
    Form,
    /// More than two digits after the point.
    #[error("it has more than two digits after the point")]
    Places,
    /// Zero.
    #[error("it is zero")]
    Zero,
    /// Below zero.
    #[error("it is negative")]
    Negative,
    /// More than [`AMOUNT_DIGITS_MAX`] digits before the point.
    #[error("it is too large")]
    TooLarge,
}

impl AmountFault {
    /// The same for people.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Empty => Text::new("הסכום חסר", "the amount is missing"),
            Self::Form => Text::new(
                "הסכום צריך להיות ספרות ונקודה עשרונית בלבד, למשל 1250.50, בלי פסיק ובלי סימן מטבע",
                "an amount is digits and one decimal point, such as 1250.50, without commas or a currency sign",
            ),
            Self::Places => Text::new(
                "לסכום יש יותר משתי ספרות אחרי הנקודה",
                "the amount has more than two digits after the point",
            ),
            Self::Zero => Text::new("הסכום הוא אפס", "the amount is zero"),
            Self::Negative => Text::new("הסכום שלילי", "the amount is negative"),
            Self::TooLarge => Text::new("הסכום גדול מדי", "the amount is too large"),
        }
    }
}

/// Reads an amount as cells write it: digits, an optional point, at most two places, above zero.
pub fn parse_amount(text: &str) -> Result<Decimal, AmountFault> {
    let amount = parse_signed_amount(text)?;
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(AmountFault::Negative);
    }
    if amount.is_zero() { Err(AmountFault::Zero) } else { Ok(amount) }
}

/// Reads an amount as scripts write it: as [`parse_amount`], but with an optional minus, and zero is a number. The
/// invisible marks that Hebrew programs put beside numbers are no part of one.
pub fn parse_signed_amount(text: &str) -> Result<Decimal, AmountFault> {
    let clean = cleaned(text);
    let text: &str = &clean;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() {
        return Err(AmountFault::Empty);
    }
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(places) {
        return Err(AmountFault::Form);
    }
    if places.len() > 2 {
        return Err(AmountFault::Places);
    }
    if whole.trim_start_matches('0').len() > AMOUNT_DIGITS_MAX {
        return Err(AmountFault::TooLarge);
    }
    Decimal::from_str_exact(text).map_err(|_| AmountFault::Form)
}

/// The amount as it goes on the wire and into reports: always two places. Never rounds what has at most two.
#[must_use]
pub fn two_places(amount: Decimal) -> String {
    let mut amount = amount;
    if amount.scale() < AMOUNT_PLACES {
        amount.rescale(AMOUNT_PLACES);
    }
    let shortest = amount.normalize();
    if shortest.scale() <= AMOUNT_PLACES {
        amount.rescale(AMOUNT_PLACES);
    }
    amount.to_string()
}

/// Rounds half away from zero, as people do.
#[must_use]
pub fn round_half_up(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// Whether `value` has more digits after the point than money has.
#[must_use]
pub fn has_more_than_two_places(value: Decimal) -> bool {
    value.normalize().scale() > AMOUNT_PLACES
}

/// Whether `value` can be a sum of money at all: it has at most two places, and no more digits than
/// [`parse_signed_amount`] takes.
#[must_use]
pub fn is_sum(value: Decimal) -> bool {
    !has_more_than_two_places(value) && value.abs() < SUM_END
}

/// An amount in a provider's JSON: a number, read from its text and written with two places; no float on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = two_places(self.0).parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        decimal_of(&number)
            .map(Self)
            .ok_or_else(|| de::Error::custom("a number that fits a decimal is expected"))
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "format": "amount" })
    }
}

/// A quantity or a rate in a provider's JSON: a number of any precision, read from and written as its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub Decimal);

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number =
            self.0.normalize().to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Amount::deserialize(deserializer).map(|amount| Self(amount.0))
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "format": "decimal" })
    }
}

/// The exact decimal of a JSON number, or none where it has more digits than a decimal holds.
#[must_use]
pub fn decimal_of(number: &serde_json::Number) -> Option<Decimal> {
    let text = number.as_str();
    if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()
    } else {
        Decimal::from_str_exact(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<&str, AmountFault>) {
        assert_eq!(parse_amount(text).map(two_places), want.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn an_amount_is_digits_and_at_most_two_places() {
        check("5", Ok("5.00"));
        check(" 1250.5 ", Ok("1250.50"));
        check("0.01", Ok("0.01"));
        check("007.10", Ok("7.10"));
        check("", Err(AmountFault::Empty));
        check("0.00", Err(AmountFault::Zero));
        check("-5", Err(AmountFault::Negative));
        check("1,250.50", Err(AmountFault::Form));
        check("12,50", Err(AmountFault::Form));
        check("₪12", Err(AmountFault::Form));
        check("1e3", Err(AmountFault::Form));
        check("1.", Err(AmountFault::Form));
        check(".5", Err(AmountFault::Form));
        check("+5", Err(AmountFault::Form));
        check("١٢", Err(AmountFault::Form));
        check("4.999", Err(AmountFault::Places));
        check("1234567890123", Err(AmountFault::TooLarge));
    }

    #[test]
    fn a_signed_amount_may_be_below_zero() {
        assert_eq!(parse_signed_amount("-4.5").map(two_places), Ok("-4.50".to_owned()));
        assert_eq!(parse_signed_amount("--4"), Err(AmountFault::Form));
        assert_eq!(parse_signed_amount("-"), Err(AmountFault::Empty));
    }

    #[test]
    fn a_sum_is_what_its_text_would_be_taken_for() {
        for text in [
            "0",
            "-0.00",
            "9.5",
            "9.500",
            "9.505",
            "-12.34",
            "999999999999.99",
            "-999999999999.990",
            "1000000000000",
            "-1000000000000.00",
            "0.001",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let value = Decimal::from_str_exact(text).unwrap();
            assert_eq!(is_sum(value), parse_signed_amount(&two_places(value)).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_wire_form_has_two_places_and_no_float() {
        let amount: Amount = serde_json::from_str("12345678901234567.89").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "12345678901234567.89");
        assert_eq!(serde_json::to_string(&Amount(Decimal::from(9))).unwrap(), "9.00");
        let value = serde_json::to_value(Amount(Decimal::from(9))).unwrap();
        assert_eq!(serde_json::from_value::<Amount>(value).unwrap(), Amount(Decimal::from(9)));
        assert!(serde_json::from_str::<Amount>("\"9.00\"").is_err());
    }

    #[test]
    fn half_is_rounded_away_from_zero() {
        let value = Decimal::from_str_exact("2.345").unwrap();
        assert_eq!(round_half_up(value, 2).to_string(), "2.35");
        assert_eq!(round_half_up(-value, 2).to_string(), "-2.35");
        assert!(has_more_than_two_places(value));
        assert!(!has_more_than_two_places(Decimal::from_str_exact("2.3400").unwrap()));
    }
}
