//! A request to the outside world that is no step: what a plugin sends in the middle of its own work.
//!
//! It is checked, guarded and sent as a script's is, by the same functions. What its answer means is for whoever asked,
//! since the step is theirs; what is said here is whether anything left.

use super::address::special;
use super::base64::base64;
use super::client::{OutsideClient, OutsideFailure, OutsideReply, OutsideRequest};
use super::operations::text_of;
use super::origin::{Origin, Url};
use super::prepare::{Opened, Wire, prepare, shown, wire};
use super::words;
use crate::base_url::Host;
use crate::failure::FailureKind;
use crate::witness::Witness;
use bytes::Bytes;
use gesher_core::{MARKETPLACE, Prepared, Rejection, Text};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

/// The methods that there are.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The fields of a request.
const FIELDS: [&str; 5] = ["method", "url", "headers", "body", "timeout"];

/// A request that may be sent: checked, and to a host that is listed.
pub struct Fetch(Prepared);

/// Headers, query and body may hold what nobody should see.
impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fetch").field(&shown(&self.0)).finish()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchFault {
    /// The host is not listed. Nothing was sent.
    NotListed {
        /// The entry that would list it.
        entry: String,
    },
    /// It is none that may be sent, or goes where nobody may call. Nothing was sent.
    Refused(Rejection),
    /// It broke off before a byte of it left. Another time it may be sent.
    NotSent(Rejection),
    /// It may have left.
    MayHaveLeft(Text),
}

impl Fetch {
    /// Reads `{"method", "url", "headers", "body", "timeout"}`, of which only `url` must be there, and compares the host
    /// with what is listed: origins, as [`Origin`] shows them.
    pub fn read(request: &Value, listed: &[String]) -> Result<Self, FetchFault> {
        let prepared = read(request).map_err(FetchFault::Refused)?;
        // Whoever prepared it has parsed the address.
        let origin = prepared.reach.as_ref().map(|reach| reach.origin.as_str()).unwrap_or_default();
        if listed.iter().any(|listed| listed == origin) {
            return Ok(Self(prepared));
        }
        let url = Url::parse(request.get("url").and_then(Value::as_str).unwrap_or_default());
        let at = url.as_ref().ok().map(|url| &url.origin);
        // What could not be listed either is refused for what it is.
        if let Some(range) = at.and_then(range_of) {
            let text = words::forbidden(&shown(&prepared), range);
            return Err(FetchFault::Refused(Rejection::new("forbidden_address", text)));
        }
        Err(FetchFault::NotListed { entry: at.map(entry).unwrap_or_default() })
    }

    /// Whether it only looks, by the words of HTTP.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        ["GET", "HEAD"].contains(&self.0.endpoint)
    }

    /// Sends it, at most once and `within` that time, or sooner where it says so itself: `{"status", "headers", "body"}`, with `body_base64` in the place of a body that is no text.
    pub async fn send(&self, client: &OutsideClient, within: Duration) -> Result<Value, FetchFault> {
        let shown = shown(&self.0);
        let Some((wire, _)) = wire(&self.0, &Opened::new()) else {
            return Err(FetchFault::Refused(words::wrong("headers", words::a_header())));
        };
        let Wire { url, headers, body, timeout } = wire;
        let method = Method::from_bytes(self.0.endpoint.as_bytes()).unwrap_or_default();
        let body = Bytes::from(body);
        let request =
            OutsideRequest { method, url: &url, headers: &headers, body, total: timeout.min(within) };
        client.send(request).await.map(|reply| answer(&reply)).map_err(|failure| fault(&shown, failure))
    }
}

fn read(request: &Value) -> Result<Prepared, Rejection> {
    let Value::Object(fields) = request else { return Err(words::wrong("request", words::a_map())) };
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(words::unknown_field(name, &FIELDS));
    }
    let method = match fields.get("method").filter(|method| !method.is_null()) {
        None => "GET",
        Some(method) => METHODS
            .into_iter()
            .find(|known| method.as_str() == Some(known))
            .ok_or_else(|| words::wrong("method", words::one_of(&METHODS)))?,
    };
    let mut own = Map::new();
    for name in ["url", "headers", "timeout"] {
        if let Some(value) = fields.get(name) {
            own.insert(name.to_owned(), value.clone());
        }
    }
    match fields.get("body") {
        None | Some(Value::Null) => {}
        Some(Value::String(body)) if body.is_empty() => {}
        Some(_) if ["GET", "HEAD"].contains(&method) => {
            return Err(words::wrong("body", words::no_body(method)));
        }
        Some(Value::String(body)) => drop(own.insert("text".to_owned(), body.as_str().into())),
        Some(_) => return Err(words::wrong("body", words::a_text())),
    }
    let prepared = prepare(MARKETPLACE, method, Value::Object(own))?;
    // A plugin has asked for its secrets and put them where they belong. What a script calls one is nothing here.
    match prepared.reach.as_ref().is_some_and(|reach| !reach.secrets.is_empty()) {
        true => Err(words::wrong("headers", words::a_text())),
        false => Ok(prepared),
    }
}

/// What is special about an address that is written as such, other than one on this machine.
fn range_of(origin: &Origin) -> Option<&'static str> {
    match &origin.host {
        Host::Address(address) if !address.is_loopback() => special(*address),
        _ => None,
    }
}

/// How a host would be listed.
fn entry(origin: &Origin) -> String {
    match origin.is_loopback() {
        true => format!("{}:{}", origin.host_text(), origin.port),
        false => origin.authority(),
    }
}

fn answer(reply: &OutsideReply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    match text_of(reply) {
        Some(body) => json!({ "status": reply.status, "headers": headers, "body": body }),
        None => {
            let body = base64(&reply.body);
            json!({ "status": reply.status, "headers": headers, "body": null, "body_base64": body })
        }
    }
}

fn fault(shown: &str, failure: OutsideFailure) -> FetchFault {
    match failure {
        OutsideFailure::Forbidden { range } => {
            FetchFault::Refused(Rejection::new("forbidden_address", words::forbidden(shown, range)))
        }
        OutsideFailure::Send(failure) => {
            let why = failure.kind.text();
            match (failure.witness, failure.kind) {
                (Witness::NothingLeft, FailureKind::InvalidRequest) => {
                    FetchFault::Refused(words::wrong("headers", words::a_header()))
                }
                (Witness::NothingLeft, kind) => {
                    FetchFault::NotSent(Rejection::new(kind.code(), words::not_sent(shown, &why)))
                }
                (Witness::SomethingLeft { .. }, _) => FetchFault::MayHaveLeft(words::not_read(shown, &why)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::SendFailure;

    #[track_caller]
    fn refused(request: &Value, code: &str, part: &str) {
        match Fetch::read(request, &["https://api.example.com:443".to_owned()]) {
            Err(FetchFault::Refused(rejection)) => {
                assert_eq!(rejection.code, code, "{request} {rejection}");
                assert!(rejection.message.en.contains(part), "{request} {rejection}");
            }
            other => panic!("{request}: {other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_place() {
        let url = "https://api.example.com/a";
        refused(&json!("x"), "wrong_type", "request");
        refused(&json!({}), "wrong_type", "url");
        refused(&json!({ "url": url, "method": "TRACE" }), "wrong_type", "GET, HEAD");
        refused(&json!({ "url": url, "method": "get" }), "wrong_type", "method");
        refused(&json!({ "url": url, "method": "POST", "body": {} }), "wrong_type", "body");
        refused(&json!({ "url": url, "body": "a GET has none" }), "wrong_type", "no body");
        refused(&json!({ "url": url, "header": {} }), "unknown_field", "did you mean headers?");
        refused(&json!({ "url": url, "headers": { "Host": "evil.example" } }), "wrong_type", "headers.Host");
        refused(
            &json!({ "url": url, "headers": { "A": { "$secret": [{ "name": "x" }] } } }),
            "wrong_type",
            "headers",
        );
        refused(&json!({ "url": url, "timeout": 121 }), "wrong_type", "timeout");
        refused(&json!({ "url": "https://api.example.com@evil.example/" }), "bad_url", "user name");
        refused(&json!({ "url": "http://api.example.com/" }), "bad_url", "https");
        refused(&json!({ "url": url, "method": "POST", "body": "4111111111111111" }), "card_number", "token");
    }

    #[test]
    fn a_host_that_is_not_listed_is_named_as_it_would_be() {
        let listed: Vec<String> =
            super::super::origins_of("api.example.com").unwrap().iter().map(ToString::to_string).collect();
        for (url, want) in [
            ("https://api.example.com/x", None),
            ("https://API.example.com.:443/x", None),
            ("https://api.example.com:8443/x", Some("api.example.com:8443")),
            ("https://sub.api.example.com/", Some("sub.api.example.com")),
            ("http://127.0.0.1:80/", Some("127.0.0.1:80")),
            ("https://[::1]:443/", Some("[::1]:443")),
        ] {
            let read = Fetch::read(&json!({ "url": url }), &listed);
            match (read, want) {
                (Ok(fetch), None) => assert!(fetch.only_looks()),
                (Err(FetchFault::NotListed { entry }), Some(want)) => {
                    assert_eq!(entry, want);
                    assert!(super::super::origins_of(&entry).is_ok(), "{entry}");
                }
                (other, _) => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_address_inside_the_network_is_refused_for_what_it_is() {
        refused(&json!({ "url": "https://10.0.0.7/" }), "forbidden_address", "private");
        refused(&json!({ "url": "https://169.254.169.254/latest" }), "forbidden_address", "metadata");
        refused(&json!({ "url": "https://[fd00::1]/" }), "forbidden_address", "private");
    }

    #[test]
    fn whether_a_byte_left_decides_and_the_query_is_not_told() {
        for kind in FailureKind::ALL {
            let kept = fault("GET api.example.com/a", SendFailure::nothing_left(kind).into());
            let is_refused = matches!(kept, FetchFault::Refused(_));
            assert_eq!(is_refused, kind == FailureKind::InvalidRequest, "{kind:?}: {kept:?}");
            assert!(is_refused || matches!(kept, FetchFault::NotSent(_)), "{kind:?}: {kept:?}");
            let left = SendFailure::new(kind, Witness::SomethingLeft { bytes: 1 });
            let lost = fault("GET api.example.com/a", left.into());
            assert!(matches!(lost, FetchFault::MayHaveLeft(_)), "{kind:?}: {lost:?}");
        }
        let request =
            json!({ "url": "https://api.example.com/a?key=canary", "method": "POST", "body": "canary" });
        let fetch = Fetch::read(&request, &["https://api.example.com:443".to_owned()]).unwrap();
        assert_eq!((shown(&fetch.0).as_str(), fetch.only_looks()), ("POST api.example.com/a", false));
        assert!(!format!("{fetch:?}").contains("canary"));
    }

    #[test]
    fn a_body_that_is_no_text_comes_as_base64() {
        let reply = |body: &'static [u8]| OutsideReply {
            status: 200,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: Bytes::from_static(body),
        };
        assert_eq!(
            answer(&reply(b"text")),
            json!({ "status": 200, "headers": { "a": "b" }, "body": "text" })
        );
        let found = answer(&reply(b"\xf9\xec"));
        assert_eq!((&found["body"], &found["body_base64"]), (&Value::Null, &json!("+ew=")));
    }
}
