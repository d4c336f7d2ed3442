//! What a reply means before its data is read: whether it was taken, refused or cannot be known.
//!
//! The provider documents one sign of success, HTTP 200, and one of failure, 400 to 599 with an error in JSON. An error
//! with a status that refuses is a refusal; one with a server error is not, since the work may have been done before
//! it. Whatever else comes after a request that could change something is unknown. A read changes nothing, so there
//! the same is a refusal.

use crate::answer;
use crate::messages;
use gesher_core::operation::{Effect, Prepared, Reply};
use gesher_core::{Outcome, OutcomeStatus, Text};
use gesher_provider::{Class, Profile, SendFailure, classify_failure, classify_reply};
use serde_json::{Map, Value, json};

/// What is known of the provider's HTTP: the shape of its refusals, and nothing that comes before processing.
pub(crate) const PROFILE: Profile =
    Profile { is_refusal: |reply| answer::refusal(&reply.body).is_some(), before_processing: &[] };

/// The field of the data under which an answer that is not understood is quoted.
const EXCERPT: &str = "excerpt";
/// Length of a quote, in characters.
const EXCERPT_CHARS_MAX: usize = 500;
/// Length of a character in UTF-8, in bytes.
const CHAR_BYTES_MAX: usize = 4;

/// The fields of an answer that was taken, or the outcome that the reply is without them.
pub(crate) fn open(
    reply: &Reply,
    effect: Effect,
    prepared: &Prepared,
) -> Result<Map<String, Value>, Box<Outcome>> {
    let seen = gesher_provider::Reply {
        status: reply.status,
        content_type: reply.content_type.clone(),
        body: reply.body.clone().into(),
    };
    match classify_reply(&seen, &PROFILE) {
        Class::Answered => match answer::parse(&reply.body) {
            // An error with a good status is in no page: whether something was done before it, nobody can tell.
            Some(fields) if !fields.is_empty() && answer::words(&fields).is_none() => Ok(fields),
            Some(_) => Err(Box::new(in_words(unreadable(reply, effect, prepared), reply))),
            None => Err(Box::new(unreadable(reply, effect, prepared))),
        },
        Class::Rejected { pause_account } => {
            let text = if pause_account { messages::credentials() } else { messages::refused() };
            let mut outcome = Outcome::new(OutcomeStatus::Rejected, http_code(reply.status), text);
            outcome.pauses_account = pause_account;
            Err(Box::new(in_words(outcome, reply)))
        }
        // A page or an empty body with a good status: somebody in between, or an answer that lost its content.
        _ if (200..300).contains(&reply.status) => {
            let mut outcome = unreadable(reply, effect, prepared);
            if answer::parse(&reply.body).is_some() {
                outcome.message = messages::because(outcome.message, messages::calls_itself_a_page());
            }
            Err(Box::new(outcome))
        }
        _ => {
            let why = messages::http_status(reply.status);
            let outcome = unsure(effect, &http_code(reply.status), why, prepared);
            Err(Box::new(in_words(with_excerpt(outcome, effect, &reply.body), reply)))
        }
    }
}

/// What a call without an answer is.
pub(crate) fn unanswered(failure: &SendFailure, effect: Effect, prepared: &Prepared) -> Outcome {
    let why = failure.kind.text();
    let code = failure.kind.code();
    match classify_failure(failure) {
        Class::NotSent | Class::CertificateAlarm | Class::TurnedAway => {
            Outcome::new(OutcomeStatus::NotSent, code, messages::because(messages::not_sent(), why))
        }
        Class::Rejected { .. } => Outcome::new(OutcomeStatus::Rejected, code, why),
        Class::Unknown | Class::Answered => unsure(effect, code, why, prepared),
    }
}

/// Unknown, with what a person should look for; or for a read a refusal.
pub(crate) fn unsure(effect: Effect, code: &str, why: Text, prepared: &Prepared) -> Outcome {
    let (status, text) = if effect.changes() {
        (OutcomeStatus::Unknown, messages::unknown(&messages::looked_for(&prepared.facts.look_up)))
    } else {
        (OutcomeStatus::Rejected, Text::new("השליפה לא הצליחה", "The look-up did not succeed"))
    };
    Outcome::new(status, code, messages::because(text, why))
}

/// An answer that does not say what it should.
pub(crate) fn unreadable(reply: &Reply, effect: Effect, prepared: &Prepared) -> Outcome {
    let outcome = unsure(effect, "unreadable_answer", messages::unreadable(), prepared);
    with_excerpt(outcome, effect, &reply.body)
}

fn http_code(status: u16) -> String {
    format!("http_{status}")
}

/// Puts the provider's own words behind ours, where it said any.
fn in_words(mut outcome: Outcome, reply: &Reply) -> Outcome {
    if let Some(words) = answer::parse(&reply.body).and_then(|fields| answer::words(&fields)) {
        outcome.message = messages::with_words(outcome.message, &words);
    }
    outcome
}

/// Keeps the start of an answer for the person who settles the step. Secrets are not looked for here: whoever stores an
/// outcome redacts it.
fn with_excerpt(mut outcome: Outcome, effect: Effect, body: &[u8]) -> Outcome {
    if effect.changes() && !body.is_empty() {
        outcome.data = match answer::parse(body) {
            Some(fields) if body.len() <= EXCERPT_CHARS_MAX => Value::Object(fields).into(),
            _ => json!({ EXCERPT: excerpt(body) }).into(),
        };
    }
    outcome
}

/// The start of a body as text. A quote that is cut ends before the last word, which may be half of a number.
fn excerpt(body: &[u8]) -> String {
    let start = body.get(..EXCERPT_CHARS_MAX * CHAR_BYTES_MAX).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let quote: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
    if start.len() == body.len() && quote.len() == text.len() {
        return quote;
    }
    quote.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "-_+/=.% ".contains(c)).to_owned()
}
