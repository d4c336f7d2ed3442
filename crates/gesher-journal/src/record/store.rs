//! What flows keep from one run to the next, and what somebody should look at.

use crate::record::{StepRecord, StoredOutcome};
use gesher_core::{Decimal, ItemId};
use jiff::Timestamp;
use serde_json::Value;

/// A write into what a flow keeps, together with the step that it is.
#[derive(Clone, Debug)]
pub struct StoreWrite {
    /// Whose.
    pub flow: String,
    /// Under which key, cleaned.
    pub key: String,
    /// What.
    pub change: StoreChange,
    /// How many keys the flow may have.
    pub keys_max: u64,
    /// The step, over, all but its outcome.
    pub step: StepRecord,
    /// The step's outcome, by what came of the write. Pure: it may be asked more than once.
    pub outcome: fn(&StoreWritten) -> StoredOutcome,
}

/// How a value changes.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreChange {
    /// It is this from now on, whatever was there; with none, it is gone.
    Set(Option<Value>),
    /// The same, if what is there is what was expected.
    Replace {
        /// What was expected; none for nothing.
        expected: Option<Value>,
        /// What it is from now on; none for nothing.
        by: Option<Value>,
    },
    /// A number grows by this. Where nothing is, it begins at nought.
    Add(Decimal),
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreWritten {
    /// It was written, and this is there now.
    Written(Option<Value>),
    /// Something else was there than was expected: this. Nothing was written.
    Other(Option<Value>),
    /// What is there is no number, or the sum is none. Nothing was written.
    NoNumber,
    /// The flow has as many keys as it may have. Nothing was written.
    Full,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// What kind: `script`, or the word of one of the hub's own alarms.
    pub kind: String,
    /// The flow, where it is about one.
    pub flow: Option<String>,
    /// The item, where it is about one.
    pub item: Option<ItemId>,
    /// The run or another thing that it is about, where it is no item.
    pub subject: Option<String>,
    /// What, without secrets.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// An alert as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// Its number.
    pub no: u64,
    /// What it is.
    pub alert: NewAlert,
    /// How often its delivery was tried.
    pub tries: u32,
    /// When it is to be delivered; none when nothing more is to be tried.
    pub due_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
}

/// What came of a try at delivering an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertTry {
    /// It was taken.
    Delivered(Timestamp),
    /// It is to be tried again then.
    Again(Timestamp),
    /// Nobody tries any more.
    GivenUp,
}
