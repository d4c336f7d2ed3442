//! What came of a step, and why a call was refused before it became one.

use crate::json::Json;
use crate::language::Text;
use crate::money::Money;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The outcome of a step, in one word. The words are the contract with scripts and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// Done, with the provider's own proof.
    Succeeded,
    /// The provider's final no to a payment; nothing moved.
    Declined,
    /// Refused, by the hub or the provider, before anything was done.
    Rejected,
    /// Provably nothing left this process.
    NotSent,
    /// Nobody here can know. Never sent again by a machine.
    Unknown,
    /// Evidence of more than one.
    Conflict,
}

/// The code of a step that succeeded for a part of what it was asked, and was refused for the rest: money moved, so its
/// key is spent, and its item is incomplete.
pub const IN_PART: &str = "in_part";

/// The code of a call that was not sent because nobody vouches for the server: perhaps somebody stands in between. A
/// person is asked to look.
pub const CERTIFICATE: &str = "certificate";

impl OutcomeStatus {
    /// Every status, for tables and tests.
    pub const ALL: [Self; 6] =
        [Self::Succeeded, Self::Declined, Self::Rejected, Self::NotSent, Self::Unknown, Self::Conflict];

    /// The word of the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
        }
    }

    /// Whether a key with this outcome may be tried again, as a new attempt of a later item.
    #[must_use]
    pub fn leaves_key_free(self) -> bool {
        matches!(self, Self::Declined | Self::Rejected | Self::NotSent)
    }

    /// Whether only evidence or a person can close it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unknown | Self::Conflict)
    }
}

impl fmt::Display for OutcomeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word is no status.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no status")]
pub struct NoSuchStatus(pub String);

impl FromStr for OutcomeStatus {
    type Err = NoSuchStatus;

    fn from_str(word: &str) -> Result<Self, NoSuchStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| NoSuchStatus(word.to_owned()))
    }
}

/// A secret that an answer brought and that is stored in the commit of its outcome.
#[derive(Clone, Debug)]
pub struct SealedEntry {
    /// Its name in the vault, such as `vendor/dana/officeguy`.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// The values inside it that must never be shown, each on its own.
    pub values: Vec<Secret>,
}

/// What came of one step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In one word.
    pub status: OutcomeStatus,
    /// The provider's id of what was done: `Payment.ID`, `DocumentID`, `CompanyID`.
    pub reference: Option<String>,
    /// The number of the document that was issued.
    pub document: Option<String>,
    /// The provider's or our own code, such as `004` or `response_timeout`.
    pub code: Option<String>,
    /// For people.
    pub message: Text,
    /// The provider's own answer, or null.
    pub data: Json,
    /// What was charged, by the provider's own words.
    pub amount: Option<Money>,
    /// Secrets that came with it. Never shown, never given to a script.
    pub sealed: Vec<SealedEntry>,
    /// The provider refused our credentials: further calls of this account would be refused too, and may block us.
    pub pauses_account: bool,
}

impl Outcome {
    /// An outcome with nothing but its status, code and message.
    #[must_use]
    pub fn new(status: OutcomeStatus, code: impl Into<String>, message: Text) -> Self {
        Self {
            status,
            reference: None,
            document: None,
            code: Some(code.into()),
            message,
            data: Json::default(),
            amount: None,
            sealed: Vec::new(),
            pauses_account: false,
        }
    }
}

impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        Self::new(OutcomeStatus::Rejected, rejection.code, rejection.message)
    }
}

/// Why a call was refused before it became a request. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Our code, such as `unknown_field`.
    pub code: String,
    /// For people: where, what, how to mend it.
    pub message: Text,
}

impl Rejection {
    /// A refusal with its code.
    #[must_use]
    pub fn new(code: impl Into<String>, message: Text) -> Self {
        Self { code: code.into(), message }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.en)
    }
}

/// A provider's reply as it came, whatever it is.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type, when one was given.
    pub content_type: Option<String>,
    /// The body, whole.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back() {
        for status in OutcomeStatus::ALL {
            assert_eq!(status.as_str().parse::<OutcomeStatus>().unwrap(), status);
        }
        assert!("failed".parse::<OutcomeStatus>().is_err());
    }

    #[test]
    fn a_key_is_free_only_after_a_final_no() {
        let free: Vec<_> = OutcomeStatus::ALL.into_iter().filter(|status| status.leaves_key_free()).collect();
        assert_eq!(free, [OutcomeStatus::Declined, OutcomeStatus::Rejected, OutcomeStatus::NotSent]);
    }
}
