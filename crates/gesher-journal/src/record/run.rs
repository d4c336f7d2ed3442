//! Runs as the journal keeps them, the scripts they began with, and the identity of their files.

use gesher_core::RunId;
use gesher_core::outcome::NoSuchStatus;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerKind {
    /// A file in a watched folder.
    Drop,
    /// The command line, the API or another flow.
    Call,
    /// A delivery over HTTP.
    Webhook,
    /// A time that was due.
    Schedule,
}

impl TriggerKind {
    /// Every trigger.
    pub const ALL: [Self; 4] = [Self::Drop, Self::Call, Self::Webhook, Self::Schedule];

    /// The word of the trigger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Call => "call",
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
        }
    }
}

/// Where a run stands.
///
/// `claimed → running → reporting → finished`; `claimed | held → refused | duplicate`; `running → halted → running`;
/// `claimed → held → running`; `claimed | held | running | halted → cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Begun; its file is being taken and validated.
    Claimed,
    /// Waits for a person before its first item. Nothing was called.
    Held,
    /// Its items are being worked on.
    Running,
    /// Stopped before its end by a fault of the hub or a rule; goes on when asked or at the next start.
    Halted,
    /// Every item has ended; the reports are being written and the file moved.
    Reporting,
    /// Over.
    Finished,
    /// The file was refused whole. Nothing was called.
    Refused,
    /// The same bytes were run before. Nothing was called.
    Duplicate,
    /// A person stopped it.
    Cancelled,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Claimed,
        Self::Held,
        Self::Running,
        Self::Halted,
        Self::Reporting,
        Self::Finished,
        Self::Refused,
        Self::Duplicate,
        Self::Cancelled,
    ];

    /// The word of the state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Held => "held",
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Reporting => "reporting",
            Self::Finished => "finished",
            Self::Refused => "refused",
            Self::Duplicate => "duplicate",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Refused | Self::Duplicate | Self::Cancelled)
    }

    /// Whether a run may go from here to `next`. Staying is allowed, so that a step can be done again after a crash.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        if self == next {
            return true;
        }
        match self {
            Self::Claimed => {
                matches!(next, Self::Held | Self::Running | Self::Refused | Self::Duplicate | Self::Cancelled)
            }
            Self::Held => {
                matches!(next, Self::Running | Self::Refused | Self::Duplicate | Self::Cancelled)
            }
            Self::Running => matches!(next, Self::Reporting | Self::Halted | Self::Cancelled),
            Self::Halted => matches!(next, Self::Running | Self::Reporting | Self::Cancelled),
            Self::Reporting => matches!(next, Self::Finished | Self::Cancelled),
            Self::Finished | Self::Refused | Self::Duplicate | Self::Cancelled => false,
        }
    }
}

impl FromStr for RunState {
    type Err = NoSuchStatus;

    fn from_str(word: &str) -> Result<Self, NoSuchStatus> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| NoSuchStatus(word.to_owned()))
    }
}

/// A script and its modules, as a run began with them. Kept once for each hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptBundle {
    /// SHA-256 over all of it, hexadecimal.
    pub hash: String,
    /// Path of the script within its folder.
    pub main: String,
    /// Path and source of each file. Empty where only the hash is to be kept.
    pub files: BTreeMap<String, String>,
}

impl ScriptBundle {
    /// A script of which only the hash is kept.
    #[must_use]
    pub fn of_hash(hash: impl Into<String>) -> Self {
        Self { hash: hash.into(), ..Self::default() }
    }
}

/// A run to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The flow.
    pub flow: String,
    /// What started it.
    pub trigger: TriggerKind,
    /// What it is for, for people: the file's name, the call's key.
    pub name: String,
    /// What the trigger has to know to go on after a crash, as JSON.
    pub source: Value,
    /// The script and its modules.
    pub script: ScriptBundle,
    /// What it waits for; none for a run that may begin at once.
    pub held: Option<NewHold>,
    /// When.
    pub at: Timestamp,
}

/// Why a run waits for a person from its first commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// For people, in the hub's language.
    pub message: String,
    /// What whoever lets it go on agrees to, as JSON.
    pub terms: Value,
}

/// What tells one delivery, tick or named call from every other of its flow and trigger, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id: of the delivery, the tick's local time, the call's key. At most [`NewEvent::ID_BYTES_MAX`] long.
    pub id: String,
    /// SHA-256 of what came with it.
    pub hash: [u8; 32],
}

impl NewEvent {
    /// The longest id that is kept.
    pub const ID_BYTES_MAX: usize = 512;
}

/// Whether an event began its run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBegun {
    /// It did.
    New,
    /// The same was there before, and this is what it began.
    Again {
        /// Its run.
        run: RunId,
    },
    /// Something else was there under the same id. Nothing was begun.
    Other {
        /// The run of that.
        run: RunId,
    },
}

/// A change of a run. Absent parts stay as they are.
#[derive(Clone, Debug, Default)]
pub struct RunChange {
    /// The next state.
    pub state: Option<RunState>,
    /// For people, in the hub's language.
    pub message: Option<String>,
    /// What the trigger has to know to go on after a crash, as JSON.
    pub source: Option<Value>,
    /// Rows that the validation pass counted.
    pub rows: Option<u64>,
    /// What whoever lets a held run go on agrees to, as JSON.
    pub terms: Option<Value>,
    /// Another script and its modules, for a run that was not begun to be worked on. Refused for any other.
    pub script: Option<ScriptBundle>,
    /// The open decision that is carried out by this, and in which words. Where it is open no longer, nothing is changed.
    pub settles: Option<(u64, String)>,
}

/// A run as it stands.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// The flow.
    pub flow: String,
    /// What started it.
    pub trigger: TriggerKind,
    /// What it is for.
    pub name: String,
    /// See [`NewRun::source`].
    pub source: Value,
    /// The hash of its [`ScriptBundle`].
    pub script: String,
    /// SHA-256 of its file, once known.
    pub sha256: Option<[u8; 32]>,
    /// Where it stands.
    pub state: RunState,
    /// For people.
    pub message: Option<String>,
    /// Rows that the validation pass counted.
    pub rows: Option<u64>,
    /// What whoever let it go on agreed to, or is to agree to while it is held; none for a run that was never held.
    pub terms: Option<Value>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it reached a final state.
    pub ended_at: Option<Timestamp>,
    /// How many of its open steps were closed since. Its reports show those up to the count that was last given to
    /// [`reports_written`](crate::Journal::reports_written).
    pub closings: u64,
}

/// Whether a file's bytes were run before in its flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileIdentity {
    /// Never, or only in runs that were refused whole or cancelled before their first item.
    New,
    /// An earlier run of the same bytes left rows free: those may be tried again.
    Again {
        /// The latest such run.
        run: RunId,
    },
    /// An earlier run of the same bytes left nothing free, or is still at work.
    Duplicate {
        /// That run.
        run: RunId,
    },
}
