//! A request to the outside world before it is sent: checked, in one spelling, with the names of secrets in the places
//! of their values; and then with the values, for the wire alone.
//!
//! A secret is written `{"$secret": [part, …]}`, a part being a text, `{"name": "…"}` or `{"base64": [part, …]}`. It may
//! stand for a text in headers, query, form and JSON. What requests are compared by holds the names only.

use super::base64::base64;
use super::operations::PROVIDER;
use super::origin::Url;
use super::words;
use gesher_core::card::holds_card_number;
use gesher_core::operation::{Facts, Reach};
use gesher_core::{Prepared, Rejection, Secret};
use hyper::header::{COOKIE, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The field by which a secret is known.
const MARK: &str = "$secret";
/// The fields of a request.
const FIELDS: [&str; 7] = ["url", "query", "headers", "json", "form", "text", "timeout"];
/// The fields that are a body. A request has one at most.
const BODIES: [&str; 3] = ["json", "form", "text"];
/// How long a call may take where the script does not say, in seconds.
const TIMEOUT_SECONDS: u64 = 30;
/// How long a script may let a call take, in seconds. A longer time is refused.
const TIMEOUT_SECONDS_MAX: u64 = 120;
/// Headers of one request. More are refused.
const HEADERS_MAX: usize = 64;
/// Names of secrets that one request may hold. More are refused.
const SECRETS_MAX: usize = 8;

/// A request as it goes onto the wire.
pub(super) struct Wire {
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: String,
    pub(super) timeout: Duration,
}

/// Checks a request and brings it into its one spelling. `endpoint` is the method.
pub(super) fn prepare(who: &str, endpoint: &'static str, request: Value) -> Result<Prepared, Rejection> {
    let Value::Object(mut fields) = request else { return Err(words::wrong("request", words::a_map())) };
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(words::unknown_field(name, &FIELDS));
    }
    fields.retain(|_, value| !value.is_null());
    let text =
        fields.get("url").and_then(Value::as_str).ok_or_else(|| words::wrong("url", words::a_text()))?;
    let url = Url::parse(text).map_err(|fault| words::bad_url(&fault))?;
    let bodies: Vec<&str> = BODIES.into_iter().filter(|name| fields.contains_key(*name)).collect();
    if bodies.len() > 1 || (["GET", "HEAD"].contains(&endpoint) && !bodies.is_empty()) {
        return Err(words::wrong(bodies.first().copied().unwrap_or_default(), words::one_body()));
    }
    for name in ["query", "headers", "form"] {
        texts_of(&mut fields, name)?;
    }
    check_headers(&fields)?;
    timeout_of(&fields)?;
    if fields.get("text").is_some_and(|text| !text.is_string()) {
        return Err(words::wrong("text", words::a_text()));
    }
    let mut names = BTreeSet::new();
    fields.values().try_for_each(|value| secrets_in(value, &mut names))?;
    if names.len() > SECRETS_MAX {
        return Err(words::wrong(MARK, words::too_many(SECRETS_MAX)));
    }
    let body = Value::Object(in_order(fields)).to_string();
    if holds_card_number(&body) {
        return Err(words::card_number());
    }
    // What a person has to know who looks up what became of it. The query may hold what nobody should see.
    let facts = Facts { look_up: json!({ "method": endpoint, "url": url.shown() }), ..Facts::default() };
    let reach = Reach { origin: url.origin.to_string(), secrets: names.into_iter().collect() };
    Ok(Prepared { reach: Some(reach), ..Prepared::new(who, endpoint, body, facts)? })
}

/// The same fields in the same order, whatever order the script had them in.
fn in_order(mut fields: Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::new();
    for name in FIELDS {
        if let Some((name, value)) = fields.remove_entry(name) {
            ordered.insert(name, value);
        }
    }
    ordered
}

/// Makes the values of a flat map texts or secrets: numbers are taken as their digits.
fn texts_of(fields: &mut Map<String, Value>, name: &str) -> Result<(), Rejection> {
    let Some(field) = fields.get_mut(name) else { return Ok(()) };
    let Value::Object(entries) = field else { return Err(words::wrong(name, words::a_map())) };
    entries.retain(|_, value| !value.is_null());
    for (entry, value) in entries.iter_mut() {
        match value {
            Value::String(_) => {}
            Value::Number(_) | Value::Bool(_) => *value = Value::String(value.to_string()),
            Value::Object(_) if parts_of(value).is_some() => {}
            _ => return Err(words::wrong(&format!("{name}.{entry}"), words::a_text())),
        }
    }
    // A map has no order of its own, and one request has one spelling.
    entries.sort_keys();
    Ok(())
}

fn check_headers(fields: &Map<String, Value>) -> Result<(), Rejection> {
    let Some(headers) = fields.get("headers").and_then(Value::as_object) else { return Ok(()) };
    if headers.len() > HEADERS_MAX {
        return Err(words::wrong("headers", words::too_many(HEADERS_MAX)));
    }
    for (name, value) in headers {
        let at = || format!("headers.{name}");
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| words::wrong(&at(), words::a_header()))?;
        if crate::request::is_framing(&parsed)
            || parsed == COOKIE
            || name.to_ascii_lowercase().starts_with("proxy-")
        {
            return Err(words::wrong(&at(), words::not_yours()));
        }
        if value.as_str().is_some_and(|text| HeaderValue::from_str(text).is_err()) {
            return Err(words::wrong(&at(), words::a_header()));
        }
    }
    Ok(())
}

fn timeout_of(fields: &Map<String, Value>) -> Result<Duration, Rejection> {
    let seconds = match fields.get("timeout") {
        None => Some(TIMEOUT_SECONDS),
        Some(value) => value.as_u64().filter(|seconds| (1..=TIMEOUT_SECONDS_MAX).contains(seconds)),
    };
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| words::wrong("timeout", words::seconds(TIMEOUT_SECONDS_MAX)))
}

/// The parts of a secret, where a value is one.
fn parts_of(value: &Value) -> Option<&Vec<Value>> {
    let fields = value.as_object()?;
    fields.get(MARK).filter(|_| fields.len() == 1)?.as_array()
}

fn secrets_in(value: &Value, names: &mut BTreeSet<String>) -> Result<(), Rejection> {
    match value {
        Value::Object(fields) if fields.contains_key(MARK) => {
            let parts = parts_of(value).ok_or_else(|| words::wrong(MARK, words::a_secret()))?;
            parts.iter().try_for_each(|part| names_in_part(part, names))
        }
        Value::Object(fields) => fields.values().try_for_each(|value| secrets_in(value, names)),
        Value::Array(values) => values.iter().try_for_each(|value| secrets_in(value, names)),
        _ => Ok(()),
    }
}

fn names_in_part(part: &Value, names: &mut BTreeSet<String>) -> Result<(), Rejection> {
    if part.is_string() {
        return Ok(());
    }
    if let Some(name) = part.get("name").and_then(Value::as_str) {
        names.insert(name.to_owned());
        return Ok(());
    }
    let inner = part.get("base64").and_then(Value::as_array);
    inner
        .ok_or_else(|| words::wrong(MARK, words::a_secret()))?
        .iter()
        .try_for_each(|part| names_in_part(part, names))
}

/// The secrets of a request by their names, opened for this one sending.
pub(super) type Opened = BTreeMap<String, Secret>;

/// The request with its secrets, and every text of it that one stands in: none of them may be shown.
pub(super) fn wire(prepared: &Prepared, opened: &Opened) -> Option<(Wire, Vec<Secret>)> {
    let mut fields: Map<String, Value> = serde_json::from_str(&prepared.body).ok()?;
    let mut learned = Vec::new();
    for value in fields.values_mut() {
        fill(value, opened, &mut learned)?;
    }
    let mut url = Url::parse(fields.get("url")?.as_str()?).ok()?;
    if let Some(query) = fields.get("query").and_then(Value::as_object).filter(|query| !query.is_empty()) {
        url.target.push(if url.target.contains('?') { '&' } else { '?' });
        url.target.push_str(&encoded(query));
    }
    let timeout = timeout_of(&fields).ok()?;
    let mut headers = Vec::new();
    for (name, value) in fields.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let mut text = HeaderValue::from_str(value.as_str()?).ok()?;
        text.set_sensitive(true);
        headers.push((HeaderName::from_bytes(name.as_bytes()).ok()?, text));
    }
    let (content_type, body) = body_of(&fields);
    if let Some(content_type) = content_type
        && !headers.iter().any(|(name, _)| *name == hyper::header::CONTENT_TYPE)
    {
        headers.push((hyper::header::CONTENT_TYPE, HeaderValue::from_static(content_type)));
    }
    Some((Wire { url, headers, body, timeout }, learned))
}

fn body_of(fields: &Map<String, Value>) -> (Option<&'static str>, String) {
    if let Some(json) = fields.get("json") {
        return (Some("application/json"), json.to_string());
    }
    if let Some(form) = fields.get("form").and_then(Value::as_object) {
        return (Some("application/x-www-form-urlencoded"), encoded(form));
    }
    match fields.get("text").and_then(Value::as_str) {
        Some(text) => (Some("text/plain; charset=utf-8"), text.to_owned()),
        None => (None, String::new()),
    }
}

/// Puts the values of secrets into their places.
fn fill(value: &mut Value, opened: &Opened, learned: &mut Vec<Secret>) -> Option<()> {
    if let Some(parts) = parts_of(value) {
        let text = joined(parts, opened, learned)?;
        *value = Value::String(text);
        return Some(());
    }
    match value {
        Value::Object(fields) => fields.values_mut().try_for_each(|value| fill(value, opened, learned)),
        Value::Array(values) => values.iter_mut().try_for_each(|value| fill(value, opened, learned)),
        _ => Some(()),
    }
}

fn joined(parts: &[Value], opened: &Opened, learned: &mut Vec<Secret>) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        if let Some(plain) = part.as_str() {
            text.push_str(plain);
        } else if let Some(name) = part.get("name").and_then(Value::as_str) {
            // A file that a person wrote ends in a new line.
            text.push_str(opened.get(name)?.expose().trim_end_matches(['\r', '\n']));
        } else {
            let inner = joined(part.get("base64")?.as_array()?, opened, learned)?;
            let encoded = base64(inner.as_bytes());
            learned.push(Secret::new(encoded.clone()));
            text.push_str(&encoded);
        }
    }
    Some(text)
}

/// Names and values as a form and a query write them.
fn encoded(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        percent(name, &mut text);
        text.push('=');
        percent(value.as_str().unwrap_or_default(), &mut text);
    }
    text
}

fn percent(plain: &str, text: &mut String) {
    for byte in plain.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// What may be said of a request: its method and where it goes.
pub(super) fn shown(prepared: &Prepared) -> String {
    let url = prepared.facts.look_up.get("url").and_then(Value::as_str).unwrap_or(PROVIDER);
    format!("{} {url}", prepared.endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(parts: Value) -> Value {
        json!({ "$secret": parts })
    }

    #[track_caller]
    fn refused(endpoint: &'static str, request: Value, code: &str, part: &str) {
        let rejection = prepare("marketplace", endpoint, request.clone()).unwrap_err();
        assert_eq!(rejection.code, code, "{request} {rejection}");
        assert!(rejection.message.en.contains(part), "{request} {rejection}");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_place() {
        let url = "https://api.example.com/a";
        refused("GET", json!("x"), "wrong_type", "request");
        refused("GET", json!({}), "wrong_type", "url");
        refused("GET", json!({ "url": "http://api.example.com" }), "bad_url", "https");
        refused("GET", json!({ "url": url, "header": {} }), "unknown_field", "headers");
        refused("GET", json!({ "url": url, "json": {} }), "wrong_type", "json");
        refused("POST", json!({ "url": url, "json": {}, "text": "x" }), "wrong_type", "json");
        refused("POST", json!({ "url": url, "text": 7 }), "wrong_type", "text");
        refused("POST", json!({ "url": url, "form": { "a": [1] } }), "wrong_type", "form.a");
        refused("POST", json!({ "url": url, "query": "a=1" }), "wrong_type", "query");
        for name in
            ["Host", "content-length", "Transfer-Encoding", "Cookie", "Proxy-Authorization", "a b", "א"]
        {
            refused("GET", json!({ "url": url, "headers": { name: "x" } }), "wrong_type", name);
        }
        refused("GET", json!({ "url": url, "headers": { "X": "a\r\nY: b" } }), "wrong_type", "headers.X");
        for timeout in [json!(0), json!(121), json!("10s"), json!(-1)] {
            refused("GET", json!({ "url": url, "timeout": timeout }), "wrong_type", "timeout");
        }
        refused("POST", json!({ "url": url, "json": { "n": "4111111111111111" } }), "card_number", "token");
        refused("POST", json!({ "url": url, "text": "card 4111-1111-1111-1111" }), "card_number", "token");
        refused("GET", json!({ "url": format!("{url}?n=4111111111111111") }), "card_number", "token");
        for wrong in [json!({ "$secret": "x" }), json!({ "$secret": [7] }), json!({ "$secret": [], "a": 1 })]
        {
            refused("POST", json!({ "url": url, "json": { "a": wrong } }), "wrong_type", "$secret");
        }
    }

    #[test]
    fn one_request_has_one_spelling_whatever_order_it_was_written_in() {
        let url = "https://api.example.com/a";
        let one = json!({ "url": url, "headers": { "B": "2", "A": 1 }, "text": "x", "query": null });
        let other = json!({ "text": "x", "headers": { "A": "1", "B": "2" }, "url": url });
        let [one, other] = [one, other].map(|request| prepare("marketplace", "POST", request).unwrap());
        assert_eq!((one.body, one.hash), (other.body, other.hash));
        let put = prepare(
            "marketplace",
            "PUT",
            json!({ "url": url, "text": "x", "headers": { "A": "1", "B": "2" } }),
        );
        assert_ne!(put.unwrap().hash, other.hash);
    }

    #[test]
    fn a_secret_is_a_name_until_it_is_sent() {
        let token = secret(json!(["Bearer ", { "name": "stock.token" }]));
        let basic = secret(json!(["Basic ", { "base64": ["dana:", { "name": "stock.password" }] }]));
        let request = json!({
            "url": "https://api.example.com/a?x=1",
            "headers": { "Authorization": token, "X-Basic": basic },
            "query": { "שם": "a b&c", "key": secret(json!([{ "name": "stock.token" }])) },
            "json": { "login": [secret(json!([{ "name": "stock.password" }]))] },
        });
        let prepared = prepare("marketplace", "POST", request).unwrap();
        let reach = prepared.reach.clone().unwrap();
        assert_eq!(reach.origin, "https://api.example.com:443");
        assert_eq!(reach.secrets, ["stock.password", "stock.token"]);
        assert_eq!(shown(&prepared), "POST api.example.com/a");
        let opened = Opened::from([
            ("stock.token".to_owned(), Secret::from("canary-1\n")),
            ("stock.password".to_owned(), Secret::from("canary-2")),
        ]);
        assert!(!format!("{prepared:?}").contains("canary"));
        let (wire, learned) = wire(&prepared, &opened).unwrap();
        assert_eq!(wire.url.target, "/a?x=1&key=canary-1&%D7%A9%D7%9D=a%20b%26c");
        let header = |name: &str| {
            wire.headers
                .iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("authorization").unwrap(), "Bearer canary-1");
        assert_eq!(header("x-basic").unwrap(), "Basic ZGFuYTpjYW5hcnktMg==");
        assert_eq!(header("content-type").unwrap(), "application/json");
        assert_eq!(wire.body, r#"{"login":["canary-2"]}"#);
        assert_eq!(learned, [Secret::from("ZGFuYTpjYW5hcnktMg==")]);
        assert!(super::wire(&prepared, &Opened::new()).is_none());
    }

    #[test]
    fn a_body_goes_as_it_was_meant() {
        let of = |request: Value| {
            let (wire, _) = wire(&prepare("marketplace", "POST", request).unwrap(), &Opened::new()).unwrap();
            let content_type = wire.headers.first().map(|(_, value)| value.to_str().unwrap().to_owned());
            (content_type, wire.body)
        };
        let url = "https://api.example.com/";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(json!({ "url": url })), (None, String::new()));
        let form = json!({ "url": url, "form": { "b": "שלום", "a": 1 } });
        assert_eq!(
            of(form),
            (some("application/x-www-form-urlencoded"), "a=1&b=%D7%A9%D7%9C%D7%95%D7%9D".to_owned())
        );
        let text = json!({ "url": url, "text": "<a/>", "headers": { "Content-Type": "text/xml" } });
        assert_eq!(of(text), (some("text/xml"), "<a/>".to_owned()));
    }
}
