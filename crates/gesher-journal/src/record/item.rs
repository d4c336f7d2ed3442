//! Items as the journal keeps them: rows that want to become items, who holds a row key, and how a run's items ended.

use gesher_core::{Currency, Decimal, ItemEnd, ItemId, ItemStatus, Key, Money, RunId};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// Whether its run is a call: then there is neither a file nor a line of one.
    pub is_call: bool,
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
    /// The same as it was before somebody settled it: when it ended first.
    pub first_at: Timestamp,
}

/// How a person ends an item that is unknown although none of its steps is.
#[derive(Clone, Debug)]
pub struct ItemClose {
    /// Which item.
    pub item: ItemId,
    /// Its new end; not unknown.
    pub end: ItemEnd,
    /// What it was decided by, as JSON without secrets.
    pub evidence: Value,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl ItemRecord {
    /// What somebody who read it has seen of it.
    #[must_use]
    pub fn seen(&self) -> ItemSeen {
        let state = self.end.as_ref().map_or(ItemState::Queued, |end| ItemState::Ended(end.status));
        ItemSeen { state, at: self.at }
    }
}

/// An item's state when it was read: whoever decides by it decides for this state only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemSeen {
    /// Its state.
    pub state: ItemState,
    /// When it ended or was claimed.
    pub at: Timestamp,
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
