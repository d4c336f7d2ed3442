//! What tells one delivery of a webhook from another, for ever. It lies inside what is signed: an id in a header that
//! nobody signed could be changed by whoever repeats a delivery, which would then run again.

use super::config::{Scheme, WebhookConfig};
use super::encoding::to_hex;
use super::limits::ID_BYTES_MAX;
use super::verify::Verified;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use std::fmt;

/// What an `id` setting begins with.
const POINTER_PREFIX: &str = "json:";

/// Where in a JSON body the delivery's id is: `json:/data/id`, a JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPointer(String);

impl IdPointer {
    /// Reads the setting; none where it is not written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let pointer = text.strip_prefix(POINTER_PREFIX)?;
        let mut tildes = pointer.match_indices('~');
        let is_escape =
            |(at, _): (usize, &str)| pointer.get(at + 1..).is_some_and(|rest| rest.starts_with(['0', '1']));
        (pointer.len() > 1 && pointer.starts_with('/') && tildes.all(is_escape))
            .then(|| Self(pointer.to_owned()))
    }
}

impl fmt::Display for IdPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{POINTER_PREFIX}{}", self.0)
    }
}

/// What names a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id, in its flow, for ever.
    pub id: String,
    /// SHA-256 of its body: the same id with another body is another delivery under a name that is taken.
    pub hash: [u8; 32],
}

/// A delivery has no name. Whoever sent it may hear why: it was verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// The body is no JSON, and its id should be in it.
    #[error("the body is not JSON, and the delivery's id should be at {0}")]
    NotJson(String),
    /// The body has no id.
    #[error("the body has no text and no whole number at {0}, where the delivery's id should be")]
    Missing(String),
    /// The id cannot be one.
    #[error("the delivery's id is empty, longer than {ID_BYTES_MAX} bytes, or holds what cannot be shown")]
    Bad,
}

/// What names this delivery: the id that its scheme signs, else the one in its body, else the body itself.
pub fn identify(
    config: &WebhookConfig,
    verified: &Verified,
    body: &[u8],
    json: Option<&Value>,
) -> Result<Identity, IdFault> {
    let sum = digest(&SHA256, body);
    let mut hash = [0; 32];
    hash.copy_from_slice(sum.as_ref());
    let id = match (&verified.id, &config.id, &config.scheme) {
        (Some(signed), _, _) => signed.clone(),
        (None, Some(pointer), _) => in_body(pointer, json)?,
        // An event of Stripe's has its id here; what has none is named by its body, as anything else.
        (None, None, Scheme::Stripe) => json
            .and_then(|body| body.get("id"))
            .and_then(Value::as_str)
            .map_or_else(|| of_hash(&hash), ToOwned::to_owned),
        (None, None, _) => of_hash(&hash),
    };
    let is_shown = !id.trim().is_empty() && !id.chars().any(char::is_control);
    if is_shown && id.len() <= ID_BYTES_MAX { Ok(Identity { id, hash }) } else { Err(IdFault::Bad) }
}

fn of_hash(hash: &[u8; 32]) -> String {
    format!("sha256:{}", to_hex(hash))
}

fn in_body(pointer: &IdPointer, json: Option<&Value>) -> Result<String, IdFault> {
    let json = json.ok_or_else(|| IdFault::NotJson(pointer.to_string()))?;
    match json.pointer(&pointer.0) {
        Some(Value::String(text)) => Ok(text.clone()),
        // A whole number has one spelling; `1.0` and `1e0` would be two more.
        Some(Value::Number(number)) if number.as_str().bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(number.to_string())
        }
        _ => Err(IdFault::Missing(pointer.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Reply;
    use super::*;

    fn config(scheme: Scheme, id: Option<&str>) -> WebhookConfig {
        let id = id.map(|text| IdPointer::parse(text).unwrap());
        WebhookConfig { path: "/h".into(), scheme, secrets: Vec::new(), id, reply: Reply::Async }
    }

    #[track_caller]
    fn check(
        scheme: Scheme,
        rule: Option<&str>,
        signed: Option<&str>,
        body: &str,
        want: Result<&str, IdFault>,
    ) {
        let verified = Verified { secret: None, id: signed.map(ToOwned::to_owned), at: None };
        let json: Option<Value> = serde_json::from_str(body).ok();
        let found = identify(&config(scheme, rule), &verified, body.as_bytes(), json.as_ref());
        assert_eq!(found.map(|found| found.id), want.map(ToOwned::to_owned), "{body}");
    }

    #[test]
    fn the_id_is_the_signed_one_or_lies_in_the_body_or_is_the_body() {
        check(Scheme::StandardWebhooks, None, Some("msg_1"), "{}", Ok("msg_1"));
        check(Scheme::GitHub, Some("json:/a/b"), None, r#"{"a":{"b":"x-7"}}"#, Ok("x-7"));
        check(Scheme::Basic, Some("json:/a/1"), None, r#"{"a":[1,70]}"#, Ok("70"));
        check(Scheme::Basic, Some("json:/a~1b~0"), None, r#"{"a/b~":"הזמנה"}"#, Ok("הזמנה"));
        check(Scheme::Stripe, None, None, r#"{"id":"evt_1"}"#, Ok("evt_1"));
        check(Scheme::Stripe, Some("json:/x"), None, r#"{"id":"evt_1","x":"y"}"#, Ok("y"));
        // `printf '{}' | sha256sum`, `printf '' | sha256sum`
        let of_braces = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        check(Scheme::GitHub, None, None, "{}", Ok(of_braces));
        check(Scheme::Stripe, None, None, "{}", Ok(of_braces));
        let of_nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        check(Scheme::Basic, None, None, "", Ok(of_nothing));
    }

    #[test]
    fn a_body_without_the_id_it_should_have_is_refused_and_never_guessed() {
        let rule = Some("json:/id");
        check(Scheme::Basic, rule, None, "id=7", Err(IdFault::NotJson("json:/id".into())));
        for body in ["{}", "[]", r#"{"id":null}"#, r#"{"id":1.0}"#, r#"{"id":-1}"#, r#"{"id":{}}"#] {
            check(Scheme::Basic, rule, None, body, Err(IdFault::Missing("json:/id".into())));
        }
        for body in [r#"{"id":""}"#, r#"{"id":" "}"#, r#"{"id":"a\nb"}"#] {
            check(Scheme::Basic, rule, None, body, Err(IdFault::Bad));
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(ID_BYTES_MAX + 1));
        check(Scheme::Basic, rule, None, &long, Err(IdFault::Bad));
    }

    #[test]
    fn an_id_setting_is_a_json_pointer() {
        for (text, good) in [
            ("json:/id", true),
            ("json:/data/object/id", true),
            ("json:/a~0b~1c", true),
            ("json:/", false),
            ("json:", false),
            ("json:id", false),
            ("/id", false),
            ("json:/a~2", false),
            ("json:/a~", false),
            ("header:X-Id", false),
        ] {
            assert_eq!(IdPointer::parse(text).is_some(), good, "{text}");
        }
    }
}
