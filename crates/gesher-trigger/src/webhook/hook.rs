//! One webhook, and what becomes of a delivery to it: verified, screened, named, accepted, answered. Each step is a pure
//! function of another file; here they meet.

use super::address::{Query, query};
use super::config::{Reply, WebhookConfig};
use super::form::{fields, is_form, is_of_parts};
use super::identity::{Identity, identify};
use super::inbox::Inbox;
use super::limits::REFUSALS_LOGGED_PER_MINUTE;
use super::reply::{self, Refused, Told};
use super::request::{Parts, content_type, kept};
use super::screen::{depth, forbidden};
use super::verify::{Delivery, SecretFault, Verified, Verifier};
use crate::event::{BegunAs, Event};
use gesher_core::limits::JSON_DEPTH_MAX;
use gesher_core::{Redactor, RunId, Text};
use gesher_engine::journal::{NewEvent, TriggerKind};
use hyper::HeaderMap;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Letters of a run's name, which is the delivery's id.
const NAME_CHARACTERS_MAX: usize = 100;
/// A minute, in seconds.
const MINUTE: i64 = 60;
/// The kind of the alarm about a delivery under the id of another.
const ID_TAKEN: &str = "id_taken";

/// A flow's webhook.
pub struct Hook {
    config: WebhookConfig,
    verifier: Verifier,
    inbox: Arc<Inbox>,
    refused: Mutex<Refusals>,
}

/// Refusals of this minute.
#[derive(Default)]
struct Refusals {
    minute: i64,
    many: u32,
}

/// A delivery before its body is looked at.
pub(super) struct Head {
    /// Who sends it, for the log.
    pub(super) from: IpAddr,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// The query without what proves anything.
    pub(super) query: Query,
}

/// A delivery that may be accepted.
#[derive(Debug)]
pub struct Taken {
    /// What names it.
    pub identity: Identity,
    /// What the journal keeps of it.
    pub kept: Value,
}

impl Hook {
    /// A flow's webhook, whose deliveries go into `inbox`.
    pub fn new(config: WebhookConfig, inbox: Arc<Inbox>) -> Result<Self, SecretFault> {
        let verifier = Verifier::new(config.scheme.clone(), &config.secrets)?;
        Ok(Self { config, verifier, inbox, refused: Mutex::default() })
    }

    /// What it is.
    #[must_use]
    pub fn config(&self) -> &WebhookConfig {
        &self.config
    }

    /// What is accepted goes here.
    #[must_use]
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Reads what of a delivery stands before its body. `word` is what stood behind the path.
    pub(super) fn head(
        &self,
        from: IpAddr,
        headers: HeaderMap,
        text: Option<&str>,
        word: Option<String>,
    ) -> Result<Head, Refused> {
        let unreadable = |_| Refused::BadRequest;
        let mut query = query(text, self.config.scheme.is_in_the_address()).map_err(unreadable)?;
        query.tokens.extend(word);
        let head = Head { from, headers, query };
        // Whoever proves nothing sends no body either.
        if !self.config.scheme.signs_the_body() {
            self.verify(&head, &[])?;
        }
        Ok(head)
    }

    fn verify(&self, head: &Head, body: &[u8]) -> Result<Verified, Refused> {
        let delivery = Delivery { headers: &head.headers, tokens: &head.query.tokens, body };
        let verified = self.verifier.verify(&delivery, self.inbox.engine().clock().now());
        verified.map_err(|refusal| {
            self.log_refusal(head.from, &refusal.to_string());
            if refusal.is_bad_request() { Refused::BadRequest } else { Refused::Unverified }
        })
    }

    /// Takes a delivery whose body is there, and says what to tell its sender. What was begun goes on when the sender goes
    /// away.
    pub(super) async fn take(self: Arc<Self>, head: Head, body: Vec<u8>) -> Result<Told, Refused> {
        let verified = self.verify(&head, &body)?;
        let parts = (&head.headers, head.query.fields.as_slice());
        let taken = taken(&self.config, self.inbox.engine().redactor(), &verified, parts, &body);
        let taken = taken.inspect_err(|refused| self.log_unfit(head.from, refused))?;
        let hook = Arc::clone(&self);
        // A task of its own: a delivery that is on its way to the disk is accepted, whether or not its sender stays.
        let accepted = tokio::spawn(async move { hook.accept(taken).await }).await;
        let (run, as_what) = accepted.map_err(|_panicked| Refused::Unavailable)??;
        if as_what == BegunAs::Other {
            return Ok(reply::other());
        }
        if self.config.reply == Reply::Sync
            && let Some(told) = self.inbox.answer(&run).await
        {
            return Ok(told);
        }
        Ok(if as_what == BegunAs::New { reply::accepted(&run) } else { reply::again(&run) })
    }

    async fn accept(&self, taken: Taken) -> Result<(RunId, BegunAs), Refused> {
        let Taken { identity, kept } = taken;
        let redactor = self.inbox.engine().redactor();
        let name = redactor.text(&identity.id).chars().take(NAME_CHARACTERS_MAX).collect();
        let event = Event { trigger: TriggerKind::Webhook, name, key: None, input: kept };
        let named = NewEvent { id: identity.id, hash: identity.hash };
        let flow = self.inbox.flow();
        let begun = self.inbox.accept(&event, named).await.map_err(|error| {
            tracing::error!(flow, "a delivery was not accepted: {}", error.with_reasons());
            Refused::Unavailable
        })?;
        let run = &begun.run;
        match begun.as_what {
            BegunAs::New => tracing::debug!(%run, flow, "a delivery was accepted"),
            BegunAs::Again => tracing::debug!(%run, flow, "a delivery came again"),
            BegunAs::Other => {
                let (engine, told) = (self.inbox.engine(), other_body(flow, &event.name, run));
                tracing::warn!(%run, flow, id = event.name, "{}", told.en);
                engine.alarm_seldom(ID_TAKEN, flow, &told);
            }
        }
        Ok((begun.run, begun.as_what))
    }

    fn log_unfit(&self, from: IpAddr, refused: &Refused) {
        match refused {
            Refused::Unfit { code, why } => self.log_refusal(from, &format!("{code}: {why}")),
            Refused::Forbidden(found) => self.log_refusal(
                from,
                &format!("it holds what must not be kept ({}), at {}", found.what.as_str(), found.place),
            ),
            _ => {}
        }
    }

    /// A line in the log, without any of the delivery; only so many a minute, or a flood would fill the disk.
    fn log_refusal(&self, from: IpAddr, why: &str) {
        let minute = self.inbox.engine().clock().now().as_second() / MINUTE;
        let (logs, before) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).note(minute);
        let flow = self.inbox.flow();
        if before > 0 {
            tracing::warn!(
                flow,
                "{before} more deliveries were refused in the minute before, without a line each"
            );
        }
        if logs {
            tracing::warn!(flow, %from, "a delivery was refused: {why}");
        }
    }
}

impl Refusals {
    /// Counts one more. Whether it is to be logged, and how many of an earlier minute were not.
    fn note(&mut self, minute: i64) -> (bool, u32) {
        let mut before = 0;
        if self.minute != minute {
            before = self.many.saturating_sub(REFUSALS_LOGGED_PER_MINUTE);
            *self = Self { minute, many: 0 };
        }
        self.many = self.many.saturating_add(1);
        (self.many <= REFUSALS_LOGGED_PER_MINUTE, before)
    }
}

/// A verified delivery as it is kept and named, or why it cannot be taken. Pure.
pub fn taken(
    config: &WebhookConfig,
    redactor: &Redactor,
    verified: &Verified,
    (headers, query): (&HeaderMap, &[(String, String)]),
    body: &[u8],
) -> Result<Taken, Refused> {
    let unfit = |code, why: String| Refused::Unfit { code, why };
    // Its parts are not taken apart here, so that a field that must not be kept could not be told by its name.
    if is_of_parts(content_type(headers)) {
        let why = "the body is multipart; send JSON, or a form as application/x-www-form-urlencoded";
        return Err(unfit("multipart", why.to_owned()));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| unfit("not_utf8", "the body is not UTF-8".to_owned()))?;
    let json: Option<Value> = serde_json::from_str(text).ok();
    // As text it would be looked at for less than its fields would be.
    if json.is_none() && looks_like_json(text) {
        return Err(unfit("not_json", "the body begins as JSON does, and is none".to_owned()));
    }
    if json.as_ref().is_some_and(|json| depth(json) > JSON_DEPTH_MAX) {
        let why = format!("the body has more than {JSON_DEPTH_MAX} levels of nesting");
        return Err(unfit("too_deep", why));
    }
    let form = match json.is_none() && is_form(content_type(headers)) {
        true => fields(text).map_err(|fault| unfit("form", format!("the form cannot be read: {fault}")))?,
        false => Vec::new(),
    };
    if let Some(found) = forbidden(redactor, query, text, json.as_ref(), &form) {
        return Err(Refused::Forbidden(found));
    }
    let identity = identify(config, verified, body, json.as_ref());
    let identity = identity.map_err(|fault| unfit("no_id", fault.to_string()))?;
    if let Some(found) = forbidden(redactor, &[], &identity.id, None, &[]) {
        return Err(Refused::Forbidden(found));
    }
    let parts = Parts { id: &identity.id, path: &config.path, query, headers, body: text };
    let kept = kept(redactor, &config.scheme, parts);
    Ok(Taken { identity, kept })
}

/// Whether a text begins as an object or a list of JSON does, also behind a byte order mark.
fn looks_like_json(text: &str) -> bool {
    text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace()).starts_with(['{', '['])
}

/// What the log and a person are told of a delivery that came under the id of another.
fn other_body(flow: &str, id: &str, run: &RunId) -> Text {
    Text::new(
        format!(
            "אל {flow} הגיעה הודעה תחת המזהה {id} של הודעה קודמת (הריצה {run}), בתוכן אחר: לא בוצע עבורה דבר. יש לבדוק עם \
             השולח אם שתי הודעות שונות נושאות מזהה אחד"
        ),
        format!(
            "a delivery to {flow} came under the id of another, {id} (run {run}), with another body: nothing was done for \
             it. Ask its sender whether two deliveries bear one id"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::config::Scheme;
    use super::*;
    use hyper::header::{CONTENT_TYPE, HeaderValue};

    #[test]
    fn what_cannot_be_looked_through_is_refused() {
        let config = WebhookConfig {
            path: "/h".to_owned(),
            scheme: Scheme::None,
            secrets: Vec::new(),
            id: None,
            reply: Reply::Async,
        };
        let verified = Verified { secret: None, id: None, at: None };
        let query: &[(String, String)] = &[];
        let form = "application/x-www-form-urlencoded";
        for (kind, body, want) in [
            ("application/json", r#"{"a":1}"#, None),
            ("text/plain", "an order {7}", None),
            (form, "a=%7B", None),
            ("multipart/form-data; boundary=x", "--x\r\n", Some("multipart")),
            ("Multipart/Mixed", "{}", Some("multipart")),
            ("application/json", r#"{"cvc":"123",}"#, Some("not_json")),
            ("text/plain", " [1, 2", Some("not_json")),
            ("application/json", "\u{feff}{}", Some("not_json")),
            (form, r#"{"securityCode":"123""#, Some("not_json")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let found = taken(&config, &Redactor::new(), &verified, (&headers, query), body.as_bytes());
            let code = match found {
                Ok(_) => None,
                Err(Refused::Unfit { code, .. }) => Some(code),
                Err(other) => panic!("{body}: {other:?}"),
            };
            assert_eq!(code, want, "{kind} {body}");
        }
    }

    #[test]
    fn only_so_many_refusals_are_logged_in_a_minute() {
        let mut refusals = Refusals::default();
        let logged = (0..100).filter(|_| refusals.note(1).0).count();
        assert_eq!(logged, REFUSALS_LOGGED_PER_MINUTE as usize);
        assert_eq!(refusals.note(2), (true, 70));
        assert_eq!(refusals.note(3), (true, 0));
    }
}
