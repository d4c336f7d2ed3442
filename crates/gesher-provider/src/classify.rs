//! Decides what a call came to, as far as transport and HTTP can tell. Pure: it sends, waits and records nothing.
//!
//! Two rules hold whatever a provider says about itself: once a byte has left, a call without an answer is unknown;
//! and a server error is unknown, since the work may have been done before it. Within them a provider's [`Profile`]
//! may list answers that are known to come before any processing. What the body of an answer says (success, decline,
//! refusal) is for the provider's own crate, which goes on from [`Class::Answered`].

use crate::failure::{FailureKind, SendFailure};
use crate::reply::Reply;
use crate::witness::Witness;

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The provider answered with 2xx and something like its own envelope: read that.
    Answered,
    /// Nothing of the request left. Another attempt may be safe.
    NotSent,
    /// Nothing left, since the server's certificate is not trusted: alarm, and no attempt before a person has looked.
    CertificateAlarm,
    /// The provider says that it turned the request away before looking at it, and may take it later.
    TurnedAway,
    /// The provider refused the request; nothing was done.
    Rejected {
        /// The refusal is about who we are (401, 403): further calls of this account would meet the same.
        pause_account: bool,
    },
    /// Nobody can tell from here. Never to be sent again by a machine.
    Unknown,
}

/// What is known about one provider's HTTP behaviour. The default knows nothing, which makes the most unknown.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Whether a reply's body is the provider's own no: its envelope and not that of something in between, and with a
    /// status that refuses. An envelope that says yes, or that shows a payment, is none, whatever its HTTP status.
    pub is_refusal: fn(&Reply) -> bool,
    /// Answers known (documented or probed) to come before any processing.
    pub before_processing: &'static [Signature],
}

/// An answer that a provider gives before any processing.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The exact status. Only 3xx, 429, 503 and 4xx but 408 may be listed; others stay unknown all the same.
    pub status: u16,
    /// What the body must be.
    pub body: BodyMatch,
    /// What it means.
    pub means: Early,
}

/// What the body of a listed answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMatch {
    /// The status alone tells.
    Any,
    /// No byte.
    Empty,
    /// Exactly these bytes.
    Exactly(&'static [u8]),
}

/// What a listed answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// It would be refused again.
    Rejected,
    /// It may be taken later.
    TurnedAway,
}

impl Default for Profile {
    fn default() -> Self {
        Self { is_refusal: |_| false, before_processing: &[] }
    }
}

impl Signature {
    fn matches(&self, reply: &Reply) -> bool {
        let body_matches = match self.body {
            BodyMatch::Any => true,
            BodyMatch::Empty => reply.body.is_empty(),
            BodyMatch::Exactly(bytes) => reply.body == bytes,
        };
        self.status == reply.status && body_matches
    }
}

/// Classifies the end of a call.
pub fn classify(result: Result<&Reply, &SendFailure>, profile: &Profile) -> Class {
    match result {
        Ok(reply) => classify_reply(reply, profile),
        Err(failure) => classify_failure(failure),
    }
}

/// Classifies a call without a whole answer, by the sender's own witness first.
pub fn classify_failure(failure: &SendFailure) -> Class {
    match (failure.witness, failure.kind) {
        (_, FailureKind::ResponseTimeout) if gesher_core::mutant!("timeout_not_sent") => Class::NotSent,
        (Witness::SomethingLeft { .. }, _) => Class::Unknown,
        (Witness::NothingLeft, FailureKind::InvalidRequest) => Class::Rejected { pause_account: false },
        (Witness::NothingLeft, FailureKind::Certificate) => Class::CertificateAlarm,
        (Witness::NothingLeft, _) => Class::NotSent,
    }
}

/// Classifies a whole answer by its status, and by its body only as far as to know whose it is.
pub fn classify_reply(reply: &Reply, profile: &Profile) -> Class {
    match reply.status {
        200..=299 if reply.looks_like_json_object() => Class::Answered,
        // A request time-out may come from a proxy after the server had the request.
        408 => Class::Unknown,
        300..=499 | 503 => listed(reply, profile).unwrap_or_else(|| refusal(reply, profile)),
        500.. if gesher_core::mutant!("error_is_refusal") => Class::Rejected { pause_account: false },
        _ => Class::Unknown,
    }
}

fn listed(reply: &Reply, profile: &Profile) -> Option<Class> {
    let signature = profile.before_processing.iter().find(|signature| signature.matches(reply))?;
    Some(match signature.means {
        Early::Rejected => Class::Rejected { pause_account: false },
        Early::TurnedAway => Class::TurnedAway,
    })
}

/// A refusal counts only in the provider's own words: the same status may come from a proxy or a firewall.
fn refusal(reply: &Reply, profile: &Profile) -> Class {
    match reply.status {
        400 | 404 | 405 | 409 | 413 | 415 | 422 if (profile.is_refusal)(reply) => {
            Class::Rejected { pause_account: false }
        }
        401 | 403 if (profile.is_refusal)(reply) => Class::Rejected { pause_account: true },
        _ => Class::Unknown,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
