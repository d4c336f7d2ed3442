//! The report of a payment that Senzey posts to a work order's `pay_success_callback_url`.
//!
//! Pure: bytes in, a typed report or a refusal out. The report is not signed, so it proves nothing by itself: the address
//! it comes to should hold a part that nobody can guess, and whoever acts on it compares number and sum with the order,
//! and acts once for each order and document. Its end was not read on the provider's page: what more comes is kept.

use crate::answer;
use gesher_core::Text;
use gesher_core::money::parse_amount;
use gesher_core::operation::Reader;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Length of a report, in bytes.
const BYTES_MAX: usize = 64 << 10;

/// A payment of a work order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidCallback {
    /// The kind of document that was issued, in the provider's words.
    pub doc_type: String,
    /// The document's number.
    pub doc_id: i64,
    /// What was paid. The currency is that of the order; the report names none.
    pub sum: Decimal,
    /// The order, as the answer to its making named it.
    pub work_order_number: i64,
    /// Whatever else came, by name.
    pub more: BTreeMap<String, String>,
}

/// A report cannot be understood. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaidCallbackError {
    /// Larger than any report.
    #[error("the report is larger than {BYTES_MAX} bytes")]
    TooLarge,
    /// Neither a form nor a JSON object.
    #[error("the report is neither a form nor a JSON object")]
    NotAForm,
    /// A field is missing.
    #[error("{0} is missing in the report")]
    Missing(&'static str),
    /// A field is there and is not what it should be.
    #[error("{0} in the report is not what it should be")]
    Bad(&'static str),
}

impl PaidCallback {
    /// What names the payment: a report that comes twice has the same.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.work_order_number, self.doc_id)
    }

    /// Reads a report. The page says that it comes by POST and not how it is written, so a form and JSON are understood,
    /// whatever the content type says.
    pub fn read(body: &[u8]) -> Result<Self, PaidCallbackError> {
        if body.len() > BYTES_MAX {
            return Err(PaidCallbackError::TooLarge);
        }
        let mut fields = match answer::parse(body) {
            Some(fields) => {
                fields.into_iter().filter_map(|(name, value)| Some((name, plain(value)?))).collect()
            }
            None => form(body).ok_or(PaidCallbackError::NotAForm)?,
        };
        let doc_type = take(&mut fields, "doc_type")?;
        let doc_id = number(&mut fields, "doc_id")?;
        let sum = parse_amount(&take(&mut fields, "sum")?).map_err(|_| PaidCallbackError::Bad("sum"))?;
        let work_order_number = number(&mut fields, "work_order_number")?;
        Ok(Self { doc_type, doc_id, sum, work_order_number, more: fields })
    }
}

/// For scripts: `senzey::paid_callback(request)`.
pub(crate) static READER: Reader = Reader {
    name: "paid_callback",
    summary: "Reads the report that a work order was paid: #{ doc_type, doc_id, sum, work_order_number, key, more }. It is \
              not signed: compare number and sum with the order before acting on it.",
    example: r#"{"doc_type":"קבלה","doc_id":69521,"sum":236.00,"work_order_number":10005}"#,
    read: |body| {
        let paid = PaidCallback::read(body).map_err(|error| {
            Text::new(
                "המסירה אינה דיווח תשלום של Senzey",
                format!("this is no paid report of Senzey: {error}"),
            )
        })?;
        // A decimal's text is a JSON number.
        let sum: Value = serde_json::from_str(&paid.sum.to_string()).unwrap_or_default();
        Ok(json!({
            "key": paid.key(), "doc_type": paid.doc_type, "doc_id": paid.doc_id, "sum": sum,
            "work_order_number": paid.work_order_number, "more": paid.more,
        }))
    },
};

fn form(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    // The last of several wins, as in PHP.
    body.contains(&b'=').then(|| pairs.into_iter().collect())
}

fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn take(fields: &mut BTreeMap<String, String>, name: &'static str) -> Result<String, PaidCallbackError> {
    let text = fields.remove(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.ok_or(PaidCallbackError::Missing(name))
}

fn number(fields: &mut BTreeMap<String, String>, name: &'static str) -> Result<i64, PaidCallbackError> {
    let number = take(fields, name)?.parse().ok();
    number.filter(|number| *number > 0).ok_or(PaidCallbackError::Bad(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "doc_type=%D7%97%D7%A9%D7%91%D7%95%D7%A0%D7%99%D7%AA+%D7%9E%D7%A1+%D7%A7%D7%91%D7%9C%D7%94&doc_id=69521&sum=236.00&work_order_number=10005";

    #[track_caller]
    fn check(body: &str, want: Result<&str, PaidCallbackError>) {
        let read = PaidCallback::read(body.as_bytes());
        let shown = read.map(|paid| format!("{} {} {} {:?}", paid.key(), paid.sum, paid.doc_type, paid.more));
        assert_eq!(shown.as_deref().map_err(|error| *error), want, "{body}");
    }

    #[test]
    fn a_report_is_read_as_a_form_or_as_json() {
        check(FORM, Ok("10005/69521 236.00 חשבונית מס קבלה {}"));
        check(
            r#"{"doc_type":"קבלה","doc_id":69521,"sum":236.00,"work_order_number":"10005","extra":null}"#,
            Ok("10005/69521 236.00 קבלה {}"),
        );
        check(&format!("{FORM}&payer=%D7%93&sum=5"), Ok("10005/69521 5 חשבונית מס קבלה {\"payer\": \"ד\"}"));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        check("", Err(PaidCallbackError::NotAForm));
        check("<html>", Err(PaidCallbackError::NotAForm));
        check("[1]", Err(PaidCallbackError::NotAForm));
        check("doc_type=x&doc_id=1&sum=5", Err(PaidCallbackError::Missing("work_order_number")));
        check("doc_type=&doc_id=1&sum=5&work_order_number=2", Err(PaidCallbackError::Missing("doc_type")));
        check("doc_type=x&doc_id=0&sum=5&work_order_number=2", Err(PaidCallbackError::Bad("doc_id")));
        check("doc_type=x&doc_id=1&sum=-5&work_order_number=2", Err(PaidCallbackError::Bad("sum")));
        check("doc_type=x&doc_id=1&sum=5.001&work_order_number=2", Err(PaidCallbackError::Bad("sum")));
        check(
            "doc_type=x&doc_id=1&sum=5&work_order_number=2x",
            Err(PaidCallbackError::Bad("work_order_number")),
        );
        check(&"a".repeat(BYTES_MAX + 1), Err(PaidCallbackError::TooLarge));
    }

    #[test]
    fn a_script_gets_it_as_a_map() {
        let read = (READER.read)(READER.example.as_bytes()).unwrap();
        assert_eq!(
            read.to_string(),
            r#"{"key":"10005/69521","doc_type":"קבלה","doc_id":69521,"sum":236.00,"work_order_number":10005,"more":{}}"#
        );
        let refused = (READER.read)(b"<html>").unwrap_err();
        assert_eq!(
            refused.en,
            "this is no paid report of Senzey: the report is neither a form nor a JSON object"
        );
    }
}
