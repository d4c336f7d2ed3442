//! A delivery as `on_webhook(request)` gets it: every field is there, and the fields of its body are made of its text.
//!
//! A delivery that came has all of it but `json` and `form`; a test writes the fields that it needs. Pure: the same again
//! on replay.

use serde_json::{Map, Value, json};

/// What a form's content type begins with.
const FORM: &str = "application/x-www-form-urlencoded";

/// The whole request of what is known of it. What is not a map stays what it is.
pub(crate) fn request(known: Value) -> Value {
    let Value::Object(mut known) = known else { return known };
    if let (None, Some(json)) = (known.get("body"), known.get("json")) {
        known.insert("body".to_owned(), Value::from(json.to_string()));
    }
    for (name, value) in [
        ("id", json!("")),
        ("method", json!("POST")),
        ("path", json!("")),
        ("query", json!({})),
        ("headers", json!({})),
        ("content_type", json!("")),
        ("body", json!("")),
        ("verified_by", json!("none")),
    ] {
        known.entry(name).or_insert(value);
    }
    let text = |name: &str| known.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (body, content_type) = (text("body"), text("content_type"));
    let json: Option<Value> = serde_json::from_str(&body).ok();
    let form = match json {
        None if is_form(&content_type) => form(&body),
        _ => Value::Null,
    };
    known.entry("json").or_insert(json.unwrap_or_default());
    known.entry("form").or_insert(form);
    Value::Object(known)
}

fn is_form(content_type: &str) -> bool {
    content_type.trim_start().get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// The fields of a form by name; of several with one name the last counts, as in PHP.
fn form(body: &str) -> Value {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap_or_default();
    Value::Object(pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(known: Value, want: Value) {
        let found = request(known.clone());
        let Value::Object(want) = want else { panic!("a case is a map") };
        for (name, value) in want {
            assert_eq!(found[&name], value, "{name} of {known}");
        }
        for name in [
            "id",
            "method",
            "path",
            "query",
            "headers",
            "content_type",
            "body",
            "json",
            "form",
            "verified_by",
        ] {
            assert!(found.get(name).is_some(), "{name} of {known}");
        }
    }

    #[test]
    fn the_fields_of_a_body_are_made_of_its_text() {
        let form = "Application/X-WWW-Form-Urlencoded; charset=utf-8";
        check(
            json!({"body": "{\"a\":1.50}"}),
            json!({"json": {"a": "1.50".parse::<serde_json::Number>().unwrap()}, "form": null}),
        );
        check(json!({"body": "[1]", "content_type": form}), json!({"json": [1], "form": null}));
        check(
            json!({"body": "a=1&a=2&b=%D7%93", "content_type": form}),
            json!({"json": null, "form": {"a": "2", "b": "ד"}}),
        );
        check(json!({"body": "a=1"}), json!({"json": null, "form": null}));
        check(json!({"json": {"a": 1}}), json!({"json": {"a": 1}, "body": "{\"a\":1}"}));
        check(json!({"form": {"a": "1"}}), json!({"form": {"a": "1"}, "json": null, "body": ""}));
        check(json!({}), json!({"method": "POST", "headers": {}, "query": {}, "json": null}));
        assert_eq!(request(json!("x")), json!("x"));
    }
}
