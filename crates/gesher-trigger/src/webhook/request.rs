//! A delivery as it is kept and given to a script: what was signed, and beside it what may be told of the rest.
//!
//! What the journal keeps is what came, as text. The fields of its JSON or form are made of it when a script gets it.

use super::config::Scheme;
use gesher_core::Redactor;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use serde_json::{Map, Value, json};

/// Words in the names of headers whose values are no script's business.
const SECRET_WORDS: &[&str] =
    &["token", "secret", "signature", "password", "api-key", "apikey", "authorization"];

/// What of a delivery is kept.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// What names it.
    pub id: &'a str,
    /// The webhook's path, without a token.
    pub path: &'a str,
    /// The query without a token.
    pub query: &'a [(String, String)],
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a str,
}

/// The content type, or nothing.
#[must_use]
pub fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What the journal keeps of a delivery and a script gets, before its body is taken apart.
#[must_use]
pub fn kept(redactor: &Redactor, scheme: &Scheme, parts: Parts<'_>) -> Value {
    let query: Map<String, Value> =
        parts.query.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({
        "id": parts.id,
        "method": "POST",
        "path": parts.path,
        "query": query,
        "headers": headers(redactor, scheme, parts.headers),
        "content_type": redactor.text(content_type(parts.headers)),
        "body": parts.body,
        "verified_by": scheme.as_str(),
    })
}

/// The headers by their names in small letters; several values of one with a comma between them. Without those that
/// prove something or let somebody in, and without what is no text.
fn headers(redactor: &Redactor, scheme: &Scheme, headers: &HeaderMap) -> Map<String, Value> {
    let proofs = scheme.headers();
    let mut kept: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else { continue };
        if is_told(name, &proofs, scheme) {
            let value = redactor.text(value);
            let value = match kept.get(name.as_str()).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.into_owned(),
            };
            kept.insert(name.as_str().to_owned(), Value::from(value));
        }
    }
    kept
}

fn is_told(name: &HeaderName, proofs: &[HeaderName], scheme: &Scheme) -> bool {
    // Of Standard Webhooks only the signature proves anything; a script may want id and time.
    let is_proof = proofs.contains(name)
        && (*scheme != Scheme::StandardWebhooks || name.as_str().ends_with("signature"));
    let is_dull = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, CONTENT_LENGTH].contains(name);
    !is_proof && !is_dull && !SECRET_WORDS.iter().any(|word| name.as_str().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn headers_that_prove_something_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", "1"),
            ("webhook-signature", "v1,x"),
            ("x-hub-signature", "sha1=x"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("x-api-key", "x"),
            ("x-session-token", "x"),
            ("content-length", "2"),
            ("content-type", "application/json"),
            ("x-note", "4111111111111111"),
            ("x-two", "a"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers.append("x-two", HeaderValue::from_static("b"));
        headers.append("x-bytes", HeaderValue::from_bytes(&[0xf9, 0xe9]).unwrap());
        let query = [("a".to_owned(), "1".to_owned())];
        let parts = Parts { id: "msg_1", path: "/h", query: &query, headers: &headers, body: "{}" };
        let found = kept(&Redactor::new(), &Scheme::StandardWebhooks, parts);
        assert_eq!(
            found,
            json!({
                "id": "msg_1", "method": "POST", "path": "/h", "query": {"a": "1"},
                "headers": {"webhook-id": "msg_1", "webhook-timestamp": "1", "content-type": "application/json",
                    "x-note": "[card ****1111]", "x-two": "a, b"},
                "content_type": "application/json", "body": "{}", "verified_by": "standard-webhooks",
            })
        );
    }
}
