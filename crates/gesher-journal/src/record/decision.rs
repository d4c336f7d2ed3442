//! What people decide while a hub runs: written beside it, taken up by it.

use gesher_core::RunId;
use jiff::Timestamp;
use serde_json::Value;

/// What was decided about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// It begins nothing new, and its waiting items are cancelled.
    Cancel,
    /// It goes on after a halt.
    Resume,
    /// It was held, and may begin its first item.
    Approve,
    /// It was held, and is given up before its first item.
    Reject,
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Cancel, Self::Resume, Self::Approve, Self::Reject];

    /// The word of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resume => "resume",
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }

    /// Whether it gives up what its run has not done.
    #[must_use]
    pub fn gives_up(self) -> bool {
        matches!(self, Self::Cancel | Self::Reject)
    }
}

/// A decision to write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecision {
    /// What.
    pub kind: DecisionKind,
    /// About which run.
    pub run: RunId,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// To what, as the run's terms were when they were looked at; null where there is nothing to agree to.
    pub terms: Value,
    /// When.
    pub at: Timestamp,
}

/// A decision that no hub has carried out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its place in the order of all.
    pub seq: u64,
    /// What.
    pub kind: DecisionKind,
    /// About which run.
    pub run: RunId,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// To what, as the run's terms were when they were looked at; null where there is nothing to agree to.
    pub terms: Value,
    /// When.
    pub at: Timestamp,
}
