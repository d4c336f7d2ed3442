//! What several endpoints say in the same way: digits, days, truths, a gateway's answer, and product rows.

use gesher_core::check::DIGITS_FORMAT;
use gesher_core::money::{Amount, Quantity};
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A number that is a name: an id, a branch, an account. Kept as it was written, so that `007` stays `007`; the whole
/// number 7 and the text `7` are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits(pub String);

impl Digits {
    /// Whether the provider's server would take it for something. PHP calls the text `0` empty.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.0 != "0"
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl JsonSchema for Digits {
    fn schema_name() -> Cow<'static, str> {
        "Digits".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": DIGITS_FORMAT })
    }
}

/// Reads digits: a whole number, or a text of digits. An empty text is absence.
pub(crate) fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digits>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(de::Error::custom("digits are expected")),
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(de::Error::custom("digits are expected"));
    }
    Ok(Some(Digits(text)).filter(|digits| !digits.0.is_empty()))
}

/// A day of a request: `31/12/2026` or `2026-12-31`. Kept as the day it is, so both ways of writing it are the same
/// request; a text that is neither is kept too, for the message that refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Day {
    /// A day of the calendar.
    Of(Date),
    /// No day.
    Bad(String),
}

impl Day {
    /// Reads either form; nothing else, since another order of the numbers would be guessed at.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        Self::slashes(text).or_else(|| Self::iso(text)).map_or_else(|| Self::Bad(text.to_owned()), Self::Of)
    }

    /// The day, where it is one.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Of(date) => Some(*date),
            Self::Bad(_) => None,
        }
    }

    /// As the provider's pages write days.
    #[must_use]
    pub fn written(date: Date) -> String {
        format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
    }

    fn slashes(text: &str) -> Option<Date> {
        let mut parts = text.split('/');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let sized = (1..=2).contains(&day.len()) && (1..=2).contains(&month.len()) && year.len() == 4;
        let digits = [day, month, year].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if parts.next().is_some() || !sized || !digits {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    }

    fn iso(text: &str) -> Option<Date> {
        let form = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() == 10 && form { text.parse().ok() } else { None }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(date) => serializer.serialize_str(&Self::written(*date)),
            Self::Bad(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::read(&text))
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "day" })
    }
}

/// Reads a day. An empty text is absence.
pub(crate) fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    Ok(filled(deserializer)?.map(|text| Day::read(&text)))
}

/// Reads a text. One without a letter is as good as absent: an empty cell of a file says nothing, and PHP takes an
/// empty text for none.
pub(crate) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// What a clearing company answered, as it came: a text of its own, or its fields.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayData {
    /// A query string, or whatever else the company sent; goes on as it is.
    Text(String),
    /// Fields; how they are put into one value is a choice of the configuration.
    Fields(Map<String, Value>),
}

impl Serialize for GatewayData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Fields(fields) => fields.serialize(serializer),
        }
    }
}

impl JsonSchema for GatewayData {
    fn schema_name() -> Cow<'static, str> {
        "GatewayData".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// Reads a gateway's answer. An empty text or map is absence.
pub(crate) fn gateway<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<GatewayData>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(GatewayData::Text(text).filled()),
        Value::Object(fields) => Ok(GatewayData::Fields(fields).filled()),
        _ => Err(de::Error::custom("credit_card_payment: a text or a map is expected")),
    }
}

impl GatewayData {
    fn filled(self) -> Option<Self> {
        let is_empty = match &self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Fields(fields) => fields.is_empty(),
        };
        (!is_empty).then_some(self)
    }
}

/// Fields of the account's own: a list of texts, or a map from the field's id to its text. Which of the two the
/// provider wants is not written anywhere, so the caller says.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientFields(pub Value);

impl<'de> Deserialize<'de> for ClientFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let good = match &value {
            Value::Array(values) => values.iter().all(is_plain),
            Value::Object(fields) => fields.values().all(is_plain),
            _ => false,
        };
        let refusal = "client_fields: a list of texts, or a map of texts by field id, is expected";
        if good { Ok(Self(value)) } else { Err(de::Error::custom(refusal)) }
    }
}

impl Serialize for ClientFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for ClientFields {
    fn schema_name() -> Cow<'static, str> {
        "ClientFields".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// A product row of a document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The product's name.
    pub name: String,
    /// Its stock keeping number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// More words about it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// The price of one, as it is really charged.
    pub price: Amount,
    /// How many.
    pub quantity: Quantity,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_day(text: &str, want: Option<&str>) {
        let day = Day::read(text);
        assert_eq!(day.date().map(|date| date.to_string()).as_deref(), want, "{text}");
    }

    #[test]
    fn a_day_is_day_month_year_or_iso_and_nothing_else() {
        check_day("01/12/2026", Some("2026-12-01"));
        check_day("1/2/2027", Some("2027-02-01"));
        check_day("2026-12-01", Some("2026-12-01"));
        check_day(" 31/12/2026 ", Some("2026-12-31"));
        for bad in ["31/02/2026", "2026-02-30", "12/31/2026", "01/12/26", "1.12.2026", "20261201"] {
            check_day(bad, None);
        }
        for bad in ["", "2026-12-1", "01/12/2026/1", "+1/12/2026", "מחר", "2026-12-01T00:00"] {
            check_day(bad, None);
        }
    }

    #[test]
    fn both_ways_of_writing_a_day_are_one_request() {
        for text in ["\"01/12/2026\"", "\"2026-12-01\"", "\"1/12/2026\""] {
            let day = day(&mut serde_json::Deserializer::from_str(text)).unwrap();
            assert_eq!(serde_json::to_string(&day).unwrap(), "\"01/12/2026\"");
        }
    }

    #[track_caller]
    fn check_digits(json: &str, want: Result<Option<&str>, ()>) {
        let got = digits(&mut serde_json::Deserializer::from_str(json)).map_err(drop);
        let got = got.map(|digits| digits.map(|digits| digits.0));
        assert_eq!(got, want.map(|digits| digits.map(str::to_owned)), "{json}");
    }

    #[test]
    fn digits_keep_their_zeros() {
        check_digits("\"007\"", Ok(Some("007")));
        check_digits("7", Ok(Some("7")));
        check_digits("\" 12 \"", Ok(Some("12")));
        check_digits("\"\"", Ok(None));
        check_digits("null", Ok(None));
        check_digits("\"12-3\"", Err(()));
        check_digits("-3", Err(()));
        check_digits("1.5", Err(()));
        check_digits("true", Err(()));
    }
}
