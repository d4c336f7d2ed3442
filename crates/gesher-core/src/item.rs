//! What became of an item: the statuses of `result.csv`, and which of them spend or free a row's key.

use crate::money::Money;
use crate::outcome::NoSuchStatus;
use std::fmt;
use std::str::FromStr;

/// The status of an item at rest. The words are the contract with everybody who reads a result file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemStatus {
    /// Every step with an effect succeeded.
    Succeeded,
    /// The last outcome is a decline.
    Declined,
    /// Found by the hub before the first call.
    Invalid,
    /// Refused at a call, or a script error before any effect.
    Rejected,
    /// Provably nothing left.
    NotSent,
    /// An effect succeeded and something later did not.
    Incomplete,
    /// A step is unknown, in conflict, or diverged.
    Unknown,
    /// The row's key, or an operation's, is spent or held.
    Duplicate,
    /// The script called nothing with an effect.
    Skipped,
    /// A person stopped the run first.
    Cancelled,
}

impl ItemStatus {
    /// Every status, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::Succeeded,
        Self::Declined,
        Self::Invalid,
        Self::Rejected,
        Self::NotSent,
        Self::Incomplete,
        Self::Unknown,
        Self::Duplicate,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The word of the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::Incomplete => "incomplete",
            Self::Unknown => "unknown",
            Self::Duplicate => "duplicate",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the row goes into `retry.csv`: it ended without success and its key is free again. A skipped row is
    /// free too, but there is nothing to mend in it.
    #[must_use]
    pub fn may_be_retried(self) -> bool {
        if self == Self::Unknown && crate::mutant!("offer_unknown_rows") {
            return true;
        }
        matches!(
            self,
            Self::Declined
                | Self::Invalid
                | Self::Rejected
                | Self::NotSent
                | Self::Incomplete
                | Self::Cancelled
        )
    }

    /// Whether the row's key is spent for ever (`succeeded`) or held until somebody knows (`unknown`).
    #[must_use]
    pub fn keeps_key(self) -> bool {
        matches!(self, Self::Succeeded) || self == Self::Unknown && !crate::mutant!("free_unknown_rows")
    }
}

impl fmt::Display for ItemStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemStatus {
    type Err = NoSuchStatus;

    fn from_str(word: &str) -> Result<Self, NoSuchStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| NoSuchStatus(word.to_owned()))
    }
}

/// How an item ended: its status and the `gesher_*` columns of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEnd {
    /// In one word.
    pub status: ItemStatus,
    /// The reference of its last step with an effect.
    pub reference: Option<String>,
    /// The document of that step.
    pub document: Option<String>,
    /// The code of what decided the status.
    pub code: Option<String>,
    /// For people, in the hub's language.
    pub message: String,
    /// What moved, or would have moved.
    pub amount: Option<Money>,
}

impl ItemEnd {
    /// An end without references.
    #[must_use]
    pub fn new(status: ItemStatus, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            reference: None,
            document: None,
            code: Some(code.into()),
            message: message.into(),
            amount: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_row_is_never_offered_for_retry() {
        for status in ItemStatus::ALL {
            assert_eq!(status.as_str().parse::<ItemStatus>().unwrap(), status);
            assert!(!(status.keeps_key() && status.may_be_retried()), "{status}");
        }
        assert!(!ItemStatus::Unknown.may_be_retried());
    }
}
