//! The envelope around every answer, and a forgiving reading of what is in it.
//!
//! The provider's documents, its older and its newer answers disagree about types, so a number may be text and a
//! status may be a name. What cannot be read is none, and the caller decides what none means.

use crate::endpoints::enums::{Currency, WireEnum};
use gesher_core::money::decimal_of;
use gesher_core::{Fields, Json};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The provider's own word about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The call was taken. It says nothing about money.
    Success,
    /// Credentials, a missing field, a refusal.
    Business,
    /// The body was not understood, or the server failed.
    Technical,
}

/// An answer of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) status: Status,
    pub(crate) data: Json,
    pub(crate) user: Option<String>,
    pub(crate) technical: Option<String>,
}

impl Envelope {
    /// The provider's words, whichever there are.
    pub(crate) fn words(&self) -> &str {
        self.user.as_deref().or(self.technical.as_deref()).unwrap_or_default()
    }

    /// Whether it says no, and nothing in it says that money moved all the same.
    pub(crate) fn is_refusal(&self) -> bool {
        let is_paid = |data: &Value| truth(field(field(data, "Payment"), "ValidPayment")) == Some(true);
        let vendors = field(&self.data, "Vendors").as_array().map(Vec::as_slice).unwrap_or_default();
        let paid = is_paid(&self.data) || vendors.iter().any(is_paid);
        self.status != Status::Success && !paid
    }
}

/// Reads a body as an envelope. Anything without a known status is none.
pub(crate) fn parse(body: &[u8]) -> Option<Envelope> {
    let fields = Fields::of(std::str::from_utf8(body).ok()?)?;
    let status = status(&fields.value("Status"))?;
    let words = |name: &str| match fields.value(name) {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (user, technical) = (words("UserErrorMessage"), words("TechnicalErrorDetails"));
    Some(Envelope { status, data: fields.json("Data"), user, technical })
}

fn status(value: &Value) -> Option<Status> {
    if let Some(number) = int(value) {
        return match number {
            0 => Some(Status::Success),
            1 => Some(Status::Business),
            2 => Some(Status::Technical),
            _ => None,
        };
    }
    match value.as_str()?.trim() {
        "Success" | "Success (0)" => Some(Status::Success),
        "BusinessError" | "BusinessError (1)" => Some(Status::Business),
        "TechnicalError" | "TechnicalError (2)" => Some(Status::Technical),
        _ => None,
    }
}

/// A field of an object, or null.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A whole number, also as text.
pub(crate) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let exact = decimal_of(number).filter(Decimal::is_integer)?;
            exact.normalize().to_string().parse().ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An id: a whole number above zero.
pub(crate) fn id(value: &Value) -> Option<i64> {
    int(value).filter(|id| *id > 0)
}

/// A decimal, also as text.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => decimal_of(number),
        Value::String(text) => Decimal::from_str_exact(text.trim()).ok(),
        _ => None,
    }
}

/// True or false, also as text.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A text that says something, also a number.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A currency by number, digits or letters.
pub(crate) fn currency(value: &Value) -> Option<Currency> {
    int(value).and_then(Currency::of_number).or_else(|| Currency::of_name(value.as_str()?, false))
}

/// Takes fields out of an object, so that nobody sees them.
pub(crate) fn remove(data: &mut Value, names: &[&str]) -> Map<String, Value> {
    let mut removed = Map::new();
    if let Value::Object(fields) = data {
        for name in names {
            if let Some(value) = fields.shift_remove(*name) {
                removed.insert((*name).to_owned(), value);
            }
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: &str, want: Option<Status>) {
        assert_eq!(parse(body.as_bytes()).map(|envelope| envelope.status), want, "{body}");
    }

    #[test]
    fn a_status_is_read_in_every_form_that_was_seen() {
        for zero in ["0", "\"0\"", "\"Success\"", "\"Success (0)\"", "0.0"] {
            check(&format!(r#"{{"Data":null,"Status":{zero}}}"#), Some(Status::Success));
        }
        check(r#"{"Status":1}"#, Some(Status::Business));
        check(r#"{"Status":"BusinessError"}"#, Some(Status::Business));
        check(r#"{"Status":"TechnicalError (2)"}"#, Some(Status::Technical));
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        let bodies =
            ["", "{}", "[]", "null", "<html>", r#"{"Status":3}"#, r#"{"Status":null}"#, r#"{"Status":"OK"}"#];
        for body in bodies {
            check(body, None);
        }
        check(r#"{"Status":{"IsError":false}}"#, None);
        check(r#"{"Status":0"#, None);
    }

    #[test]
    fn numbers_may_be_text() {
        assert_eq!(int(&json!("2410781753")), Some(2_410_781_753));
        assert_eq!(int(&serde_json::from_str("7.0").unwrap()), Some(7));
        assert_eq!(int(&json!("7.5")), None);
        assert_eq!(id(&json!(0)), None);
        assert_eq!(decimal(&json!("9.50")), Some(Decimal::new(95, 1)));
        assert_eq!(truth(&json!("True")), Some(true));
        assert_eq!(truth(&json!(1)), None);
        assert_eq!(currency(&json!("ILS")), Some(Currency::ILS));
        assert_eq!(currency(&json!("1")), Some(Currency::USD));
        assert_eq!(currency(&json!(null)), None);
    }
}
