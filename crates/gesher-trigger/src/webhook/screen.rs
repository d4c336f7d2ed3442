//! What must not be kept: card numbers, card data and credentials in a delivery. It is refused and not masked, since half
//! a delivery is nobody's message; who sent it hears where, and never what.

use gesher_core::Redactor;
use gesher_core::card::holds_card_number;
use gesher_core::redact::{holds_something, is_secret_field};
use serde_json::Value;
use std::borrow::Cow;

/// Characters of a place that is told.
const PLACE_CHARACTERS_MAX: usize = 120;

/// Something that must not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Where: the field, such as `order.card.number`, or `body` where it has none.
    pub place: String,
    /// What.
    pub what: What,
}

/// What must not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A card's number.
    Card,
    /// A field that holds card data or credentials, by its name; or the value of a secret.
    Secret,
}

impl What {
    /// One word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card_number",
            Self::Secret => "secret",
        }
    }
}

/// What must not be kept of a delivery: of its query, of its body as fields where it has some, and of its body as it is.
#[must_use]
pub fn forbidden(
    redactor: &Redactor,
    query: &[(String, String)],
    body: &str,
    json: Option<&Value>,
    form: &[(String, String)],
) -> Option<Forbidden> {
    let found = json.and_then(|json| in_json(redactor, json, &mut String::new()));
    let found = found.or_else(|| in_names(redactor, json.map_or("", |_| body)));
    let found = found.or_else(|| in_fields(redactor, "body.", form));
    let found = found.or_else(|| in_fields(redactor, "query.", query));
    // Its fields were looked at one by one; a number has digits wherever it stands.
    let is_apart = json.is_some() || !form.is_empty();
    let what = if is_apart { in_bytes(redactor, body) } else { in_text(redactor, body) };
    found.or_else(|| what.map(|what| Forbidden { place: "body".to_owned(), what }))
}

fn in_bytes(redactor: &Redactor, text: &str) -> Option<What> {
    if holds_card_number(text) {
        return Some(What::Card);
    }
    redactor.holds_secret(text).then_some(What::Secret)
}

fn in_text(redactor: &Redactor, text: &str) -> Option<What> {
    if holds_card_number(text) {
        return Some(What::Card);
    }
    matches!(redactor.text(text), Cow::Owned(_)).then_some(What::Secret)
}

fn in_fields(redactor: &Redactor, prefix: &str, fields: &[(String, String)]) -> Option<Forbidden> {
    fields.iter().find_map(|(name, value)| {
        // A form may hold JSON, as OfficeGuy's triggers do.
        let inner =
            value.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(value).ok());
        let what = match is_secret_field(name) && !value.is_empty() {
            true => Some(What::Secret),
            false => in_text(redactor, name).or_else(|| in_text(redactor, value)),
        };
        let here = what.map(|what| Forbidden { place: told(redactor, &format!("{prefix}{name}")), what });
        here.or_else(|| {
            let inner = inner.flatten()?;
            in_json(redactor, &inner, &mut format!("{prefix}{name}")).or_else(|| in_names(redactor, value))
        })
    })
}

/// Looks at every name and text of some JSON as it is written. Of two fields with one name the tree has the last only, and
/// what is kept is the text.
fn in_names(redactor: &Redactor, json: &str) -> Option<Forbidden> {
    let mut rest = json;
    while let Some((_, from)) = rest.split_once('"') {
        let length = quoted_length(from)?;
        let (quoted, after) = from.split_at_checked(length)?;
        let after = after.get(1..)?.trim_start();
        rest = after;
        let text: Cow<'_, str> = match quoted.contains('\\') {
            true => serde_json::from_str::<String>(&format!("\"{quoted}\"")).ok()?.into(),
            false => quoted.into(),
        };
        let value = after.strip_prefix(':').map(str::trim_start);
        let says_something = value.is_some_and(|value| !value.starts_with(['n', 't', 'f']));
        let what = match is_secret_field(&text) && says_something {
            true => Some(What::Secret),
            false => in_text(redactor, &text),
        };
        if let Some(what) = what {
            let place = if value.is_some() { told(redactor, &text) } else { "body".to_owned() };
            return Some(Forbidden { place, what });
        }
    }
    None
}

/// Where the text ends whose quotes were opened just before.
fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// Looks at every text, number and name. `place` is where the value stands; it is as it was on return.
fn in_json(redactor: &Redactor, value: &Value, place: &mut String) -> Option<Forbidden> {
    let here = |place: &str, what| {
        let place = if place.is_empty() { "body" } else { place };
        Some(Forbidden { place: told(redactor, place), what })
    };
    match value {
        Value::String(text) => in_text(redactor, text).and_then(|what| here(place, what)),
        Value::Number(number) if holds_card_number(number.as_str()) => here(place, What::Card),
        Value::Array(values) => values.iter().enumerate().find_map(|(at, value)| {
            within(place, &format!("[{at}]"), |place| in_json(redactor, value, place))
        }),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let dot = if place.is_empty() { "" } else { "." };
            within(place, &format!("{dot}{name}"), |place| {
                if is_secret_field(name) && holds_something(value) {
                    return here(place, What::Secret);
                }
                in_text(redactor, name)
                    .and_then(|what| here(place, what))
                    .or_else(|| in_json(redactor, value, place))
            })
        }),
        Value::Number(_) | Value::Null | Value::Bool(_) => None,
    }
}

fn within<T>(place: &mut String, step: &str, look: impl FnOnce(&mut String) -> T) -> T {
    let length = place.len();
    place.push_str(step);
    let found = look(place);
    place.truncate(length);
    found
}

/// A place as it may be told: a name may be what must not be kept.
fn told(redactor: &Redactor, place: &str) -> String {
    redactor.text(place).chars().filter(|letter| !letter.is_control()).take(PLACE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::form::fields;
    use super::*;
    use gesher_core::Secret;

    #[track_caller]
    fn check(query: &str, body: &str, want: Option<(&str, What)>) {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("VndKey-canary-1"));
        let json: Option<Value> = serde_json::from_str(body).ok();
        let form = if json.is_none() { fields(body).unwrap() } else { Vec::new() };
        let found = forbidden(&redactor, &fields(query).unwrap(), body, json.as_ref(), &form);
        let want = want.map(|(place, what)| Forbidden { place: place.to_owned(), what });
        assert_eq!(found, want, "{body}");
    }

    #[test]
    fn cards_and_secrets_are_found_wherever_they_stand() {
        check("", r#"{"order":{"note":"הזמנה 7","total":12.50,"tokens":["x"]}}"#, None);
        check(
            "",
            r#"{"order":{"items":[1,{"n":"4111 1111 1111 1111"}]}}"#,
            Some(("order.items[1].n", What::Card)),
        );
        check("", r#"{"n":4111111111111111}"#, Some(("n", What::Card)));
        check("", r#"{"n":"\u0034111111111111111"}"#, Some(("n", What::Card)));
        check("", r#"["4111111111111111"]"#, Some(("[0]", What::Card)));
        check("", r#""4111111111111111""#, Some(("body", What::Card)));
        check("", r#"{"4111111111111111":1}"#, Some(("[card ****1111]", What::Card)));
        check("", r#"{"card":{"CVV":"123"}}"#, Some(("card.CVV", What::Secret)));
        check("", r#"{"card":{"CVV":null}}"#, None);
        check("", r#"{"card":{"securityCode":"123"}}"#, Some(("card.securityCode", What::Secret)));
        check("", r#"{"card":{"has_cvc":true,"cvc_check":"pass"}}"#, None);
        check("", "card[cvc]=123", Some(("body.card[cvc]", What::Secret)));
        check("", r#"{"x":"VndKey-canary-1"}"#, Some(("x", What::Secret)));
        check("", r#"{"x":1,"x":"4111111111111111","x":2}"#, Some(("body", What::Card)));
        check("", r#"{"x":1,"x":4111111111111111,"x":2}"#, Some(("body", What::Card)));
        check("", r#"{"x":"\u0034111111111111111","x":2}"#, Some(("body", What::Card)));
        check("", r#"{"a":{"cvv":"123","cvv":null}}"#, Some(("cvv", What::Secret)));
        check("", r#"{"a":{"c\u0076v" : 123,"cvv":null}}"#, Some(("cvv", What::Secret)));
        check("", r#"{"card":{"cvv":["123"]},"card":"tok-7"}"#, Some(("cvv", What::Secret)));
        check("", r#"{"url":"/x?password=p4ss","url":"/x"}"#, Some(("body", What::Secret)));
        check("", r#"{"cvv":null,"cvv":true,"note":"say \"hello\": 1","x\\":"\\"}"#, None);
        check("", "json=%7B%22cvv%22%3A1%2C%22cvv%22%3Anull%7D", Some(("body.json", What::Secret)));
        check("", "name=Dana&card=4111+1111+1111+1111", Some(("body.card", What::Card)));
        check("", "password=p4ss", Some(("body.password", What::Secret)));
        check("", "json=%7B%22n%22%3A%224111111111111111%22%7D", Some(("body.json", What::Card)));
        check("", "json=%7B%22n%22%3A%22%5Cu0034111111111111111%22%7D", Some(("body.json.n", What::Card)));
        check(
            "",
            "a line with 4111111111111111 in it",
            Some(("body.a line with 4111111111111111 in it", What::Card))
                .map(|_| ("body.a line with [card ****1111] in it", What::Card)),
        );
        check("n=4111111111111111", "{}", Some(("query.n", What::Card)));
    }
}
