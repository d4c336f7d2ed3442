//! The records of the journal, as callers see them. How a store lays them out is its own.

mod decision;
mod item;
mod run;
mod schedule;
mod source;
mod step;
mod store;
mod vendor;

pub use decision::{Decision, DecisionKind, NewDecision};
pub use item::{
    Claim, Holder, ItemClose, ItemQuery, ItemRecord, ItemSeen, ItemState, NewItem, Tally, TallyLine,
};
pub use run::{
    EventBegun, FileIdentity, NewEvent, NewHold, NewRun, RunChange, RunRecord, RunState, ScriptBundle,
    TriggerKind,
};
pub use schedule::KnownSchedule;
pub use source::SourceLook;
pub use step::{
    Begin, DayLimit, Exhausted, Intent, KeyUse, LimitReached, LimitScope, Limits, Original, StepClose,
    StepFinish, StepQuery, StepRecord, StepState, StoredOutcome, SubjectUse,
};
pub use store::{AlertRecord, AlertTry, NewAlert, StoreChange, StoreWrite, StoreWritten};
pub use vendor::{
    KnownVendor, KnownVendors, VendorDecision, VendorMark, VendorRecord, VendorRefusal, VendorState,
};

/// Sealed rows that are sealed anew, all of them or none.
#[derive(Clone, Debug)]
pub struct Resealing {
    /// Each row as it was read, and its new bytes.
    pub rows: Vec<(SealedRow, Vec<u8>)>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: jiff::Timestamp,
}

/// A row of the vault: opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// Its name.
    pub name: String,
    /// The sealed bytes; empty removes the row.
    pub bytes: Vec<u8>,
}
