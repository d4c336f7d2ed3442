//! What can go wrong with the journal.

use crate::record::VendorRefusal;
use gesher_core::{ItemId, RunId, StepId};

/// A journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The store could not be opened.
    #[error("the journal at {path} cannot be opened")]
    Open {
        /// Where.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The SQLite library has the fault that loses commits.
    #[error("SQLite {found} can lose commits when its log is reset; 3.51.3 or later is needed")]
    Sqlite {
        /// The version found.
        found: String,
    },
    /// The journal was begun elsewhere: what was tried there must never stand for the real thing.
    #[error(
        "this journal belongs to {found}, and the configuration says {wanted}; \
         set `data` in gesher.toml to another folder, and a new journal begins there"
    )]
    Environment {
        /// What it was begun with.
        found: String,
        /// What is configured.
        wanted: String,
    },
    /// A newer hub wrote it.
    #[error(
        "this journal is of version {found}, newer than this program knows ({known}); use the newer program"
    )]
    Newer {
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An older hub wrote it, and whoever only reads does not migrate it.
    #[error(
        "this journal is of version {found}, older than this program's ({known}); start the hub once, which renews it"
    )]
    Older {
        /// Its version.
        found: u32,
        /// The version known here.
        known: u32,
    },
    /// The run id is taken.
    #[error("the run id {0} is taken")]
    Taken(RunId),
    /// An event's id is longer than one is kept.
    #[error("an event's id has {bytes} bytes, and {max} are kept", max = crate::NewEvent::ID_BYTES_MAX)]
    LongEvent {
        /// Its length.
        bytes: usize,
    },
    /// No such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// The run is in a state that it does not leave for the one asked for.
    #[error("run {run} is {from} and cannot become {to}")]
    Transition {
        /// Which run.
        run: RunId,
        /// Its state.
        from: &'static str,
        /// What was asked for.
        to: &'static str,
    },
    /// The step is not in flight, so there is nothing to finish.
    #[error("step {0} is not in flight")]
    NotInFlight(StepId),
    /// The step is not open, so there is nothing to close, to unlock or to look for.
    #[error("step {0} is not open")]
    NotOpen(StepId),
    /// The step's item is not as it was when it was decided how the step closes.
    #[error("item {0} has changed since it was read")]
    ItemChanged(ItemId),
    /// What the step would be closed with belongs to another step.
    #[error("the reference {reference} is another step's already, so it cannot be that of {step}")]
    ReferenceTaken {
        /// The step that was to be closed.
        step: StepId,
        /// The reference.
        reference: String,
    },
    /// An intent is longer than the intent log keeps one.
    #[error("the intent of {step} takes {bytes} bytes, and the intent log keeps {most} at most")]
    TooLong {
        /// The step.
        step: StepId,
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// A vendor cannot be what it was said to be.
    #[error("the vendor {vendor} cannot be changed so: {why}")]
    Vendor {
        /// Which vendor.
        vendor: String,
        /// Why.
        why: VendorRefusal,
    },
    /// A sealed row is not as it was read.
    #[error("the sealed row {0} has changed since it was read")]
    SealedChanged(String),
    /// No such decision waits.
    #[error("no decision {0} is waiting")]
    NoDecision(u64),
    /// The intent log names intents that the database lacks: it was restored from a backup, or is an old copy.
    #[error(
        "this journal lacks {missing} intents that the intent log holds, the first of them {first}: it is older than \
         what was sent, so nothing may be sent; `gesher doctor --adopt-intents` takes them over as unknown"
    )]
    Behind {
        /// How many.
        missing: u64,
        /// The first of them.
        first: String,
    },
    /// The intent log cannot be read or written.
    #[error("the intent log at {path} cannot be used: {why}")]
    IntentLog {
        /// Where.
        path: String,
        /// Why, and how to mend it.
        why: String,
    },
    /// It was opened beside a running hub, which alone sends.
    #[error("only the hub itself sends; this journal was opened beside it")]
    Beside,
    /// The file that would be written is there already.
    #[error("{path} is there already")]
    Exists {
        /// Where.
        path: String,
    },
    /// No such item: it was never claimed.
    #[error("there is no item {0}")]
    NoItem(ItemId),
    /// The item is not unknown, or one of its steps is: then that is closed first.
    #[error("item {0} is not unknown by itself")]
    ItemNotOpen(ItemId),
    /// A step without an intent is recorded when it is over, and this one is not.
    #[error("step {0} cannot be recorded, since it is not over")]
    NotOver(StepId),
    /// An amount has more places than money has, or is beyond all reason.
    #[error("the amount {found} cannot be kept: it has more than two places, or is too large")]
    Amount {
        /// The amount.
        found: String,
    },
    /// The step exists already.
    #[error("step {0} is journalled already")]
    StepTaken(StepId),
    /// What was read cannot be understood.
    #[error("the journal holds a {what} that cannot be read: {found}")]
    Corrupt {
        /// Of what kind.
        what: &'static str,
        /// As found, short.
        found: String,
    },
    /// The store failed: disk full, I/O error, no permission.
    #[error("the journal cannot {doing}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: std::sync::Arc<dyn std::error::Error + Send + Sync>,
    },
    /// It lies where other machines write too: locks there are not to be relied on.
    #[error(
        "{path} lies on a network file system ({kind}); set `data` in gesher.toml to a folder on this machine's own disk"
    )]
    Network {
        /// Where.
        path: String,
        /// Of which kind.
        kind: &'static str,
    },
    /// It was opened for reading only.
    #[error("the journal was opened for reading only")]
    ReadOnly,
    /// The journal's writer has ended.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// Whether what is under the journal failed, database or intent log, and not what was asked of it. That may pass by
    /// itself.
    #[must_use]
    pub const fn is_of_store(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::IntentLog { .. })
    }
}
