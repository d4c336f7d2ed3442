//! A forgiving reading of what the provider answers: numbers may be text, and there are two shapes of an error.
//!
//! The provider's pages show `{"error": "…"}` for most calls and `{"success": 0, "message": "…"}` for contacts. Either
//! is understood everywhere. What else an answer means is decided by the operations.

use serde_json::{Map, Value};

/// The fields that an error consists of. An answer with others beside them is something else.
const OF_AN_ERROR: &[&str] = &["error", "success", "message", "data"];

/// An answer as a map, where it is one.
pub(crate) fn parse(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// The provider's own no: an error in its words and nothing else. A proxy's error looks otherwise, and so does an
/// answer that names anything that was made.
pub(crate) fn refusal(body: &[u8]) -> Option<String> {
    let fields = parse(body)?;
    let only_error = fields.keys().all(|name| OF_AN_ERROR.contains(&name.as_str()));
    let made_nothing = fields.get("data").is_none_or(is_empty) && fields.get("success").is_none_or(is_no);
    let words = words(&fields)?;
    let is_error = fields.contains_key("error") || fields.get("success").is_some_and(is_no);
    (only_error && made_nothing && is_error).then_some(words)
}

/// The words of an error, whatever stands beside them.
pub(crate) fn words(fields: &Map<String, Value>) -> Option<String> {
    ["error", "message"].iter().find_map(|name| text(fields.get(*name)?))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn is_no(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || int(value) == Some(0)
}

/// Whether something says yes.
pub(crate) fn is_yes(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || int(value) == Some(1)
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An id: a whole number above zero, also as text.
pub(crate) fn id(value: &Value) -> Option<i64> {
    int(value).filter(|id| *id > 0)
}

/// The first of these fields that holds an id.
pub(crate) fn first_id(fields: &Map<String, Value>, names: &[&str]) -> Option<i64> {
    names.iter().find_map(|name| id(fields.get(*name)?))
}

/// A text that says something.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(body: &str, want: Option<&str>) {
        assert_eq!(refusal(body.as_bytes()).as_deref(), want, "{body}");
    }

    #[test]
    fn both_shapes_of_an_error_are_refusals() {
        check(r#"{"error":"Incorrect business number"}"#, Some("Incorrect business number"));
        check(r#"{"success":0,"message":"Incorrect business number"}"#, Some("Incorrect business number"));
        check(r#"{"success":"0","error":"מספר שגוי"}"#, Some("מספר שגוי"));
        check(r#"{"success":false,"message":"no","data":[]}"#, Some("no"));
    }

    #[test]
    fn what_is_not_the_provider_s_error_alone_is_no_refusal() {
        for body in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"error":""}"#,
            r#"{"error":null}"#,
            r#"{"message":"Forbidden"}"#,
            r#"{"error":"Bad Gateway","status":502}"#,
            r#"{"error":"document failed","bank_order_num":10005}"#,
            r#"{"success":1,"message":"ok"}"#,
            r#"{"success":0,"message":"no","data":{"id":7}}"#,
            "{'error':'single quotes'}",
        ] {
            check(body, None);
        }
    }

    #[test]
    fn an_id_may_be_text() {
        assert_eq!(id(&json!("10005")), Some(10_005));
        assert_eq!(id(&json!(7)), Some(7));
        assert_eq!(id(&json!(0)), None);
        assert_eq!(id(&json!("7a")), None);
        assert_eq!(id(&serde_json::from_str("7.5").unwrap()), None);
    }
}
