//! The operations `http.…`, by which scripts call hosts of their own: a provider like any other for whoever runs steps,
//! without an account, without vendors, and without a way to ask what became of a call.
//!
//! `get` and `head` look; whatever else is sent once. An answer with 2xx was carried out. One with 4xx (other than 408),
//! 301, 307 or 308 was refused: by the words of HTTP nothing was done, and who wants it done asks elsewhere or otherwise.
//! After any other answer, and after none, nobody here can tell.

use super::client::{OutsideClient, OutsideFailure, OutsideReply, OutsideRequest};
use super::prepare::{Opened, Wire, prepare, shown, wire};
use super::words;
use crate::classify::{Class, classify_failure};
use crate::failure::SendFailure;
use bytes::Bytes;
use gesher_core::operation::{ByEndpoint, OutcomeFuture};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, LookUp, OperationEntry, Outcome,
    OutcomeStatus, Prepared, Provider, Redactor, Rejection, Reply, Secret, Sender, Stamp, Text,
};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The provider's name.
pub const PROVIDER: &str = "http";
/// The code of a call that a dry run did not make.
const DRY_RUN: &str = "dry_run";

macro_rules! entry {
    ($name:literal, $method:literal, $effect:ident, $key:ident, $look_up:ident, $summary:literal) => {
        OperationEntry::by_endpoint(
            Descriptor {
                provider: PROVIDER,
                name: $name,
                summary: $summary,
                endpoint: $method,
                effect: Effect::$effect,
                key: KeyRule::$key,
                look_up: LookUp::$look_up,
                sender: Sender::Only,
            },
            &[Example {
                title: "One call.",
                who: "marketplace",
                key: None,
                request: r#"{ "url": "https://api.example.com/orders/7" }"#,
                answer: r#"{ "status": "*" }"#,
            }],
            BY,
        )
        .reaching()
    };
}

const BY: ByEndpoint =
    ByEndpoint { request_schema: |_| json!(true), answer_schema: |_| json!(true), prepare, classify };

static OPERATIONS: [OperationEntry; 6] = [
    entry!("get", "GET", Read, None, NotNeeded, "Reads from a host of one's own."),
    entry!("head", "HEAD", Read, None, NotNeeded, "Reads the headers of an answer alone."),
    entry!("post", "POST", Write, Optional, Manual, "Sends to a host of one's own, once."),
    entry!("put", "PUT", Write, Optional, Manual, "Puts something at a host of one's own, once."),
    entry!("patch", "PATCH", Write, Optional, Manual, "Changes something at a host of one's own, once."),
    entry!("delete", "DELETE", Write, Optional, Manual, "Deletes something at a host of one's own, once."),
];

/// The future of a secret's value; none where there is no such secret.
pub type SecretFuture<'a> = Pin<Box<dyn Future<Output = Option<Secret>> + Send + 'a>>;

/// Where the values of secrets come from.
pub trait Secrets: Send + Sync {
    /// The value of a secret.
    fn open<'a>(&'a self, name: &'a str) -> SecretFuture<'a>;
}

/// The outside world as a provider.
pub struct Outside {
    client: Arc<OutsideClient>,
    secrets: Arc<dyn Secrets>,
    redactor: Arc<Redactor>,
    /// Whether it sends at all.
    sends: bool,
}

impl Outside {
    /// Calls hosts by `client`, and teaches the redactor whatever it puts into a request.
    #[must_use]
    pub fn new(client: Arc<OutsideClient>, secrets: Arc<dyn Secrets>, redactor: Arc<Redactor>) -> Self {
        Self { client, secrets, redactor, sends: true }
    }

    /// The same for a dry run: every call is `not_sent`.
    #[must_use]
    pub fn dry(self) -> Self {
        Self { sends: false, ..self }
    }

    async fn call(&self, effect: Effect, prepared: &Prepared) -> Outcome {
        let shown = shown(prepared);
        let not_sent =
            |code: &str, why: Text| Outcome::new(OutcomeStatus::NotSent, code, words::not_sent(&shown, &why));
        if !self.sends {
            return not_sent(DRY_RUN, words::not_in_a_dry_run());
        }
        let mut opened = Opened::new();
        for name in prepared.reach.iter().flat_map(|reach| &reach.secrets) {
            let Some(secret) = self.secrets.open(name).await else {
                return not_sent("no_secret", words::no_secret(name));
            };
            self.redactor.learn(&secret);
            opened.insert(name.clone(), secret);
        }
        let Some((wire, learned)) = wire(prepared, &opened) else {
            return not_sent("invalid_request", words::a_header());
        };
        learned.iter().for_each(|secret| self.redactor.learn(secret));
        let Wire { url, headers, body, timeout } = wire;
        let method = Method::from_bytes(prepared.endpoint.as_bytes()).unwrap_or_default();
        let body = Bytes::from(body);
        let request = OutsideRequest { method, url: &url, headers: &headers, body, total: timeout };
        match self.client.send(request).await {
            Ok(reply) => answered(effect, &shown, &reply),
            Err(OutsideFailure::Forbidden { range }) => {
                Outcome::new(OutcomeStatus::Rejected, "forbidden_address", words::forbidden(&shown, range))
            }
            Err(OutsideFailure::Send(failure)) => unanswered(effect, &shown, &failure),
        }
    }
}

/// What an answer means for whoever asked.
fn answered(effect: Effect, shown: &str, reply: &OutsideReply) -> Outcome {
    let status = means(effect, reply.status);
    let code = format!("http_{}", reply.status);
    let text = match status {
        OutcomeStatus::Unknown => words::unknown(shown, &words::status(reply.status)),
        _ => words::answered(shown, reply.status),
    };
    let mut outcome = Outcome::new(status, code, text);
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    outcome.data = json!({ "status": reply.status, "headers": headers, "body": text_of(reply) }).into();
    outcome
}

/// The body as text; none where it is something else, such as a picture or what is packed.
fn text_of(reply: &OutsideReply) -> Option<&str> {
    let packed = |(name, value): &(String, String)| {
        name == "content-encoding" && !value.trim().eq_ignore_ascii_case("identity")
    };
    if reply.headers.iter().any(packed) {
        return None;
    }
    std::str::from_utf8(&reply.body).ok()
}

/// What an answer's status means.
fn means(effect: Effect, status: u16) -> OutcomeStatus {
    match status {
        _ if !effect.changes() => OutcomeStatus::Succeeded,
        200..=299 => OutcomeStatus::Succeeded,
        408 => OutcomeStatus::Unknown,
        301 | 307 | 308 | 400..=499 => OutcomeStatus::Rejected,
        _ => OutcomeStatus::Unknown,
    }
}

/// What a call without an answer means. What was only read is not known, and changed nothing.
fn unanswered(effect: Effect, shown: &str, failure: &SendFailure) -> Outcome {
    let why = failure.kind.text();
    let (status, text) = match classify_failure(failure) {
        Class::Rejected { .. } => (OutcomeStatus::Rejected, words::not_sent(shown, &why)),
        Class::NotSent | Class::CertificateAlarm | Class::TurnedAway => {
            (OutcomeStatus::NotSent, words::not_sent(shown, &why))
        }
        Class::Unknown | Class::Answered if effect.changes() => {
            (OutcomeStatus::Unknown, words::unknown(shown, &why))
        }
        Class::Unknown | Class::Answered => (OutcomeStatus::Rejected, words::not_read(shown, &why)),
    };
    Outcome::new(status, failure.kind.code(), text)
}

/// A reply that somebody else brought, by its status alone.
fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
    let effect = match prepared.endpoint {
        "GET" | "HEAD" => Effect::Read,
        _ => Effect::Write,
    };
    let body = Bytes::from(reply.body.clone());
    answered(effect, &shown(prepared), &OutsideReply { status: reply.status, headers: Vec::new(), body })
}

impl Provider for Outside {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn environment(&self) -> Environment {
        Environment { provider: PROVIDER, address: String::new(), account: String::new() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        &OPERATIONS
    }

    fn marketplace(&self) -> Account {
        Account { id: "outside".to_owned(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Ok(self.marketplace())
    }

    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        _: &'a Account,
        prepared: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(self.call(entry.descriptor.effect, prepared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;
    use crate::witness::Witness;
    use OutcomeStatus::{NotSent, Rejected, Succeeded, Unknown};

    #[test]
    fn an_answer_to_an_effect_is_judged_by_its_status_and_one_to_a_read_is_an_answer() {
        for (status, want) in [
            (200, Succeeded),
            (201, Succeeded),
            (204, Succeeded),
            (299, Succeeded),
            (300, Unknown),
            (301, Rejected),
            (302, Unknown),
            (303, Unknown),
            (307, Rejected),
            (308, Rejected),
            (400, Rejected),
            (401, Rejected),
            (404, Rejected),
            (408, Unknown),
            (409, Rejected),
            (429, Rejected),
            (499, Rejected),
            (500, Unknown),
            (502, Unknown),
            (503, Unknown),
            (504, Unknown),
            (599, Unknown),
            (100, Unknown),
            (999, Unknown),
        ] {
            assert_eq!(means(Effect::Write, status), want, "{status}");
            assert_eq!(means(Effect::Read, status), Succeeded, "{status}");
        }
    }

    #[test]
    fn without_an_answer_an_effect_is_unknown_unless_nothing_left() {
        let left = Witness::SomethingLeft { bytes: 9 };
        for kind in FailureKind::ALL {
            let (lost, kept) = (SendFailure::new(kind, left), SendFailure::nothing_left(kind));
            assert_eq!(unanswered(Effect::Write, "POST x", &lost).status, Unknown, "{kind:?}");
            assert_eq!(unanswered(Effect::Read, "GET x", &lost).status, Rejected, "{kind:?}");
            let want = if kind == FailureKind::InvalidRequest { Rejected } else { NotSent };
            assert_eq!(unanswered(Effect::Write, "POST x", &kept).status, want, "{kind:?}");
            assert_eq!(unanswered(Effect::Read, "GET x", &kept).status, want, "{kind:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_text_is_none() {
        let reply = |body: &'static [u8], encoding: Option<&str>| OutsideReply {
            status: 200,
            headers: encoding
                .map(|text| ("content-encoding".to_owned(), text.to_owned()))
                .into_iter()
                .collect(),
            body: Bytes::from_static(body),
        };
        assert_eq!(text_of(&reply("שלום".as_bytes(), None)), Some("שלום"));
        assert_eq!(text_of(&reply(b"plain", Some("identity"))), Some("plain"));
        assert_eq!(text_of(&reply(b"looks plain", Some("gzip"))), None);
        assert_eq!(text_of(&reply(b"\xf9\xec", None)), None);
    }

    #[test]
    fn every_operation_says_that_it_reaches_out() {
        assert!(OPERATIONS.iter().all(|entry| entry.reaches));
    }
}
