//! The three answers of a check: valid, invalid, and unknown where no rule decides.
//!
//! A check warns and never blocks: an account that fails the published rule may still have been accepted by its bank.
//! What to do about an answer is left to whoever asked.

use gesher_core::Text;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It follows its rule.
    Valid,
    /// It breaks its rule.
    Invalid,
    /// There is no rule for it, or the sources of the rule disagree.
    Unknown,
}

impl Status {
    /// The word that scripts see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }
}

/// An answer with the value in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub status: Status,
    /// The value in its one spelling where there is one, else as it came, trimmed.
    pub value: String,
    /// Why, for people; also on a valid value that needs a word. Empty where there is nothing to say.
    pub message: Text,
}

impl Verdict {
    pub(crate) fn valid(value: impl Into<String>) -> Self {
        Self { status: Status::Valid, value: value.into(), message: Text::default() }
    }

    pub(crate) fn invalid(value: impl Into<String>, he: impl Into<String>, en: impl Into<String>) -> Self {
        Self { status: Status::Invalid, value: value.into(), message: Text::new(he, en) }
    }

    pub(crate) fn unknown(value: impl Into<String>, he: impl Into<String>, en: impl Into<String>) -> Self {
        Self { status: Status::Unknown, value: value.into(), message: Text::new(he, en) }
    }

    /// The same verdict with a word about it.
    pub(crate) fn saying(mut self, he: impl Into<String>, en: impl Into<String>) -> Self {
        self.message = Text::new(he, en);
        self
    }
}
