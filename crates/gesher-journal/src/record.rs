//! The records of the journal, as callers see them. How a store lays them out is its own.

use gesher_core::outcome::NoSuchStatus;
use gesher_core::{
    Currency, Decimal, ItemEnd, ItemId, ItemStatus, Key, Money, OutcomeStatus, RunId, StepId, Text,
};
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
}

impl TriggerKind {
    /// The word of the trigger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Call => "call",
        }
    }
}

/// Where a run stands.
///
/// `claimed → running → reporting → finished`; `claimed → refused | duplicate`; `running → halted → running`;
/// `claimed | running | halted → cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Begun; its file is being taken and validated.
    Claimed,
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
    pub const ALL: [Self; 8] = [
        Self::Claimed,
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
    /// SHA-256 of the script and its modules, hexadecimal.
    pub script: String,
    /// When.
    pub at: Timestamp,
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
    /// See [`NewRun::script`].
    pub script: String,
    /// SHA-256 of its file, once known.
    pub sha256: Option<[u8; 32]>,
    /// Where it stands.
    pub state: RunState,
    /// For people.
    pub message: Option<String>,
    /// Rows that the validation pass counted.
    pub rows: Option<u64>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it reached a final state.
    pub ended_at: Option<Timestamp>,
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

/// A row that becomes an item.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Position among the records of the file, from 1.
    pub ordinal: u64,
    /// Line where the record starts, from 1.
    pub line: u64,
    /// The row's key, or none when the row has none (an invalid one; a call).
    pub key: Option<Key>,
    /// A hash over the row's cells: the same key with other cells in one file is a conflict.
    pub cells_hash: [u8; 16],
    /// What the amount column says.
    pub amount: Option<Money>,
    /// The end of a row that the validation found invalid: it becomes an item that has ended.
    pub ended: Option<ItemEnd>,
}

/// The answer to a row that wants to become an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It may run; its key is held for it.
    Taken {
        /// From 1; above it, an earlier attempt of the same key left it free.
        attempt: u32,
        /// It ran before in this run and was interrupted: its recorded steps come first.
        resumed: bool,
    },
    /// It ended before, in this run.
    Ended,
    /// Its key is spent or held by another item, in this run with the same cells or in an earlier run.
    Held(Box<Holder>),
    /// Its key was used in this same run by a row with other cells.
    Conflict(Box<Holder>),
}

/// Who has a row key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The item.
    pub item: ItemId,
    /// The name of its run: the file.
    pub name: String,
    /// The line of its row.
    pub line: u64,
    /// Its state.
    pub state: ItemState,
    /// When it took the key, or ended.
    pub at: Timestamp,
    /// How much.
    pub amount: Option<Money>,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Waiting, or at work.
    Queued,
    /// Over.
    Ended(ItemStatus),
}

impl ItemState {
    /// The word of the state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ended(status) => status.as_str(),
        }
    }
}

/// An item as it stands.
#[derive(Clone, Debug)]
pub struct ItemRecord {
    /// Its id.
    pub id: ItemId,
    /// Line where its record starts.
    pub line: u64,
    /// Its row key.
    pub key: Option<Key>,
    /// Which attempt of its key it is, or none when it did not get the key.
    pub attempt: Option<u32>,
    /// How it ended, or none while it is queued. Its amount is its row's where the end names none.
    pub end: Option<ItemEnd>,
    /// When it ended or was claimed.
    pub at: Timestamp,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepState {
    /// Its intent is durable; what came of it is not.
    InFlight,
    /// Its outcome is durable.
    Over(OutcomeStatus),
}

impl StepState {
    /// The word of the state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Over(status) => status.as_str(),
        }
    }
}

/// The intent of a step with an effect.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Which step.
    pub step: StepId,
    /// The operation's qualified name.
    pub operation: String,
    /// *Who*, as the caller said it.
    pub who: String,
    /// The account that sends: provider and id, as in `officeguy:2410000001`. Keys belong to it.
    pub account: String,
    /// The key.
    pub key: Key,
    /// Whether a spent key answers its recorded outcome whatever the request says (once per vendor).
    pub once: bool,
    /// SHA-256 of the request's wire form.
    pub request_hash: [u8; 32],
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What it moves.
    pub amount: Option<Money>,
    /// When.
    pub at: Timestamp,
}

/// The answer to an intent.
#[derive(Clone, Debug)]
pub enum Begin {
    /// The intent is durable: send, once.
    Send {
        /// Which attempt of the key this is, from 1.
        attempt: u32,
    },
    /// The key has an outcome that stands for this call too: it is spent with the same request, or it ended in this
    /// same item. Nothing may be sent.
    Recorded(Box<StepRecord>),
    /// The key is spent with another request. Nothing may be sent.
    Reused(Box<StepRecord>),
    /// The key is in flight in another step. Nothing may be sent.
    InFlight(Box<StepRecord>),
    /// The key's last step is unknown or in conflict. Nothing may be sent.
    Open(Box<StepRecord>),
}

/// The outcome of a step, as the journal keeps it: redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// In one word.
    pub status: OutcomeStatus,
    /// The provider's id.
    pub reference: Option<String>,
    /// The document's number.
    pub document: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// For people.
    pub message: Text,
    /// The provider's answer, without secrets.
    pub data: Value,
    /// What was charged, by the provider's words.
    pub amount: Option<Money>,
}

/// A row of the vault: opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// Its name.
    pub name: String,
    /// The sealed bytes; empty removes the row.
    pub bytes: Vec<u8>,
}

/// The outcome of a step in flight.
#[derive(Clone, Debug)]
pub struct StepFinish {
    /// Which step.
    pub step: StepId,
    /// What came of it.
    pub outcome: StoredOutcome,
    /// Sealed rows that came with it.
    pub sealed: Vec<SealedRow>,
    /// When.
    pub at: Timestamp,
}

/// A step as it stands.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its id.
    pub id: StepId,
    /// The operation's qualified name, or the host function's, as in `time.now`.
    pub operation: String,
    /// *Who*.
    pub who: String,
    /// The account, or empty where none was needed.
    pub account: String,
    /// The key.
    pub key: Option<Key>,
    /// Which attempt of the key, or none where it had no intent.
    pub attempt: Option<u32>,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What it was to move.
    pub amount: Option<Money>,
    /// Where it stands.
    pub state: StepState,
    /// What came of it.
    pub outcome: Option<StoredOutcome>,
    /// When its intent was journalled.
    pub intent_at: Timestamp,
    /// When its outcome was.
    pub outcome_at: Option<Timestamp>,
}

/// Which items of a run.
#[derive(Clone, Debug)]
pub struct ItemQuery {
    /// The run.
    pub run: RunId,
    /// Only items that ended so.
    pub status: Option<ItemStatus>,
    /// Only items after this ordinal; none from the first, `on_finish` included.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Which steps with an effect.
#[derive(Clone, Debug, Default)]
pub struct StepQuery {
    /// Only in this state.
    pub state: Option<StepState>,
    /// Only those journalled after this step.
    pub after: Option<StepId>,
    /// At most so many.
    pub limit: usize,
}

/// One line of a tally.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TallyLine {
    /// Items.
    pub items: u64,
    /// Their amounts by currency.
    pub totals: BTreeMap<Currency, Decimal>,
}

/// How a run's items ended. `on_finish` is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By status.
    pub ended: BTreeMap<ItemStatus, TallyLine>,
    /// Items that have not ended.
    pub queued: u64,
    /// How `on_finish` ended, where there was one and it has.
    pub finish: Option<ItemStatus>,
}

impl Tally {
    /// Items that ended so.
    #[must_use]
    pub fn count(&self, status: ItemStatus) -> u64 {
        self.ended.get(&status).map_or(0, |line| line.items)
    }

    /// All items.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.queued + self.ended.values().map(|line| line.items).sum::<u64>()
    }
}
