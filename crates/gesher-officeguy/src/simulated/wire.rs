//! Reads a request as the provider's server does: forgiving about types, silent about what it does not know.
//!
//! Text counts as a number and a number as text; an empty text for something optional is nothing; null for something
//! that must have a value is an error of the whole request, found before anybody asks who is calling.

use crate::endpoints::enums::WireEnum;
use crate::envelope;
use rust_decimal::Decimal;
use serde_json::Value;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Status 1, in the provider's words.
    Business(String),
    /// Status 2: the body does not fit the types. Holds the field and what was there.
    Conversion { path: String, shown: String },
    /// Status 2: the body is no JSON.
    NotJson,
}

/// A refusal in the provider's words.
pub(crate) fn refuse<T>(words: &str) -> Result<T, Refusal> {
    Err(Refusal::Business(words.to_owned()))
}

/// An object of a request and where it stands in it.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    value: &'a Value,
    path: String,
}

type Read<T> = Result<T, Refusal>;

impl<'a> Fields<'a> {
    pub(crate) fn root(value: &'a Value) -> Read<Self> {
        if value.is_object() { Ok(Self { value, path: String::new() }) } else { Err(Refusal::NotJson) }
    }

    fn field(&self, name: &str) -> &'a Value {
        envelope::field(self.value, name)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn wrong<T>(&self, name: &str) -> Read<T> {
        let shown = match self.field(name) {
            Value::Null => "{null}".to_owned(),
            value => value.to_string(),
        };
        Err(Refusal::Conversion { path: self.path_of(name), shown })
    }

    /// Something optional: null, absence and an empty text are nothing; what `read` cannot take is an error.
    fn optional<T>(&self, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> Read<Option<T>> {
        match self.field(name) {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            value => read(value).map_or_else(|| self.wrong(name), |read| Ok(Some(read))),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some()
    }

    /// Whether a field has a value that says something.
    pub(crate) fn says(&self, name: &str) -> bool {
        match self.field(name) {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            _ => true,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Read<Option<String>> {
        self.optional(name, |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        })
    }

    pub(crate) fn int(&self, name: &str) -> Read<Option<i64>> {
        self.optional(name, envelope::int)
    }

    pub(crate) fn decimal(&self, name: &str) -> Read<Option<Decimal>> {
        self.optional(name, envelope::decimal)
    }

    pub(crate) fn truth(&self, name: &str) -> Read<bool> {
        let read =
            |value: &Value| envelope::truth(value).or_else(|| envelope::int(value).map(|int| int != 0));
        Ok(self.optional(name, read)?.unwrap_or_default())
    }

    pub(crate) fn maybe_truth(&self, name: &str) -> Read<Option<bool>> {
        if self.field(name).is_null() { Ok(None) } else { self.truth(name).map(Some) }
    }

    pub(crate) fn one_of<E: WireEnum>(&self, name: &str) -> Read<Option<E>> {
        self.optional(name, |value| as_enum(value))
    }

    /// A number that has no null: absent is zero, null is an error.
    pub(crate) fn plain_int(&self, name: &str) -> Read<i64> {
        if self.has(name) && self.field(name).is_null() {
            return self.wrong(name);
        }
        Ok(self.int(name)?.unwrap_or_default())
    }

    pub(crate) fn object(&self, name: &str) -> Read<Option<Fields<'a>>> {
        match self.field(name) {
            Value::Null => Ok(None),
            value if value.is_object() => Ok(Some(Fields { value, path: self.path_of(name) })),
            _ => self.wrong(name),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Read<Vec<Fields<'a>>> {
        match self.field(name) {
            Value::Null => Ok(Vec::new()),
            Value::Array(values) => {
                let each = values.iter().enumerate().map(|(at, value)| {
                    let path = format!("{}[{at}]", self.path_of(name));
                    if value.is_object() {
                        Ok(Fields { value, path })
                    } else {
                        Err(Refusal::Conversion { path, shown: value.to_string() })
                    }
                });
                each.collect()
            }
            _ => self.wrong(name),
        }
    }

    pub(crate) fn list_of<E: WireEnum>(&self, name: &str) -> Read<Vec<E>> {
        match self.field(name) {
            Value::Null => Ok(Vec::new()),
            Value::Array(values) => {
                let each: Option<Vec<E>> = values.iter().map(as_enum).collect();
                each.map_or_else(|| self.wrong(name), Ok)
            }
            _ => self.wrong(name),
        }
    }

    /// A date: ISO, or with slashes, which are read as month, day, year.
    pub(crate) fn date(&self, name: &str) -> Read<Option<Moment>> {
        self.optional(name, |value| Moment::read(value.as_str()?))
    }
}

fn as_enum<E: WireEnum>(value: &Value) -> Option<E> {
    match value {
        Value::String(text) => {
            E::of_name(text, true).or_else(|| text.trim().parse().ok().and_then(E::of_number))
        }
        value => envelope::int(value).and_then(E::of_number),
    }
}

/// A date of a request: a day, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Day(jiff::civil::Date),
    Instant(jiff::Timestamp),
    /// Without an offset: local time.
    Local(jiff::civil::DateTime),
}

impl Moment {
    fn read(text: &str) -> Option<Self> {
        if text.contains('T') {
            return text.parse().map(Self::Instant).or_else(|_| text.parse().map(Self::Local)).ok();
        }
        if let Some((month, rest)) = text.split_once('/') {
            let (day, year) = rest.split_once('/')?;
            let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
            return date.ok().map(Self::Day);
        }
        text.parse().ok().map(Self::Day)
    }
}

/// Where a value ends in the body, as the server's parser counts: for its error message.
pub(crate) fn position_of(body: &[u8], path: &str, shown: &str) -> usize {
    let text = String::from_utf8_lossy(body);
    let leaf = path.rsplit('.').next().unwrap_or(path);
    let leaf = leaf.split('[').next().unwrap_or(leaf);
    let start = text.find(&format!("\"{leaf}\"")).unwrap_or_default() + leaf.len() + 2;
    let value = if shown == "{null}" { "null" } else { shown };
    let end =
        text.get(start..).and_then(|rest| rest.find(value)).map_or(text.len(), |at| start + at + value.len());
    text.get(..end).map_or(end, |head| head.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::enums::Currency;
    use serde_json::json;

    #[test]
    fn types_are_bent_as_the_server_bends_them() {
        let body =
            json!({"n": "5", "s": 7, "b": "True", "e": "usd", "d": "1", "x": "", "l": "USD (1)", "z": null});
        let fields = Fields::root(&body).unwrap();
        assert_eq!(fields.int("n"), Ok(Some(5)));
        assert_eq!(fields.text("s"), Ok(Some("7".to_owned())));
        assert_eq!(fields.truth("b"), Ok(true));
        assert_eq!(fields.one_of::<Currency>("e"), Ok(Some(Currency::USD)));
        assert_eq!(fields.one_of::<Currency>("d"), Ok(Some(Currency::USD)));
        assert_eq!(fields.decimal("x"), Ok(None));
        let label = fields.one_of::<Currency>("l").unwrap_err();
        assert_eq!(label, Refusal::Conversion { path: "l".to_owned(), shown: "\"USD (1)\"".to_owned() });
        assert_eq!(fields.int("z"), Ok(None));
        let null = fields.plain_int("z").unwrap_err();
        assert_eq!(null, Refusal::Conversion { path: "z".to_owned(), shown: "{null}".to_owned() });
    }

    #[test]
    fn slashes_are_month_day_year() {
        let day = |text| match Moment::read(text) {
            Some(Moment::Day(date)) => Some(date.to_string()),
            _ => None,
        };
        assert_eq!(day("03/04/2026").as_deref(), Some("2026-03-04"));
        assert_eq!(day("2026-04-03").as_deref(), Some("2026-04-03"));
        assert_eq!(day("31/12/2026"), None);
    }

    #[test]
    fn the_position_is_the_end_of_the_value() {
        let body = r#"{"Credentials":{},"PaymentID":null}"#;
        assert_eq!(position_of(body.as_bytes(), "PaymentID", "{null}"), 34);
    }
}
