//! What people decide while a hub runs: written beside it, taken up by it.

use gesher_core::RunId;
use jiff::Timestamp;

/// What was decided about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// It begins nothing new, and its waiting items are cancelled.
    Cancel,
    /// It goes on after a halt.
    Resume,
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Cancel, Self::Resume];

    /// The word of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resume => "resume",
        }
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
    /// When.
    pub at: Timestamp,
}
