//! The journal: the durable record of runs, items, steps, files, keys and what became of each.
//!
//! One trait, [`Journal`], and one contract test-suite that each store behind it has to pass. The journal keeps facts
//! and refuses contradictions; what a fact means for money is the engine's to decide.
//!
//! Writes return [`Written`]: the write is handed over, in order, when the method is called; awaiting it waits until
//! it is durable. A write that was handed over later is never durable before an earlier one, so a caller who awaits
//! an intent knows that everything written before it is durable too. Reads see what is durable.

pub mod contract;
mod error;
mod guard;
mod intent_log;
mod record;
mod sqlite;
mod written;

pub use error::JournalError;
pub use guard::Guard;
pub use record::{AlertRecord, AlertTry, NewAlert, StoreChange, StoreWrite, StoreWritten};
pub use record::{
    Begin, Claim, DayLimit, Decision, DecisionKind, EventBegun, Exhausted, FileIdentity, Holder, Intent,
    ItemClose, ItemQuery, ItemRecord, ItemSeen, ItemState, KeyUse, KnownSchedule, KnownVendor, KnownVendors,
    LimitReached, LimitScope, Limits, NewDecision, NewEvent, NewHold, NewItem, NewRun, Original, Resealing,
    RunChange, RunRecord, RunState, ScriptBundle, SealedRow, SourceLook, StepClose, StepFinish, StepQuery,
    StepRecord, StepState, StoredOutcome, SubjectUse, Tally, TallyLine, TriggerKind, VendorDecision,
    VendorMark, VendorRecord, VendorRefusal, VendorState,
};
pub use sqlite::SqliteJournal;
pub use written::Written;

use async_trait::async_trait;
use gesher_core::{HubId, ItemEnd, ItemId, RunId, StepId};
use jiff::Timestamp;

/// The code of a step whose intent was durable and could not be logged: nothing was sent, and nobody was told.
pub const UNLOGGED: &str = "intent_log";

/// The version of the SQLite library that is built in.
#[must_use]
pub fn library_version() -> &'static str {
    rusqlite::version()
}

/// The durable record of a hub. See the module for what a write promises.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The id this journal was begun with.
    fn hub_id(&self) -> &HubId;

    /// Begins a run. Refused with [`JournalError::Taken`] when the id is taken.
    fn start_run(&self, run: NewRun) -> Written<()>;

    /// Begins the run of an event, unless the event, or another under its id, began one before in this flow and by this
    /// trigger: then nothing is written. In one commit, so that it can begin no second run, over all processes and for
    /// ever. Refused with [`JournalError::Taken`] when the run's id is taken, and with [`JournalError::LongEvent`] for an
    /// id that is too long.
    fn start_event(&self, run: NewRun, event: NewEvent) -> Written<EventBegun>;

    /// Begins the runs of the events that a look at a source found, each as [`start_event`](Journal::start_event) does, and
    /// keeps where the next look goes on. In one commit, all of it or nothing: so the cursor never stands behind an event
    /// that did not begin. Answers what became of each, in their order.
    fn keep_look(&self, look: SourceLook) -> Written<Vec<EventBegun>>;

    /// Writes down since when a schedule is known and how far its ticks are dealt with, in the place of what was known of
    /// its flow before. Only a note of how far to look back: that no tick runs twice is
    /// [`start_event`](Journal::start_event)'s.
    fn know_schedule(&self, schedule: KnownSchedule) -> Written<()>;

    /// Moves a run to another state, and records what is known by then. Refuses to leave a final state.
    fn change_run(&self, run: &RunId, change: RunChange, at: Timestamp) -> Written<()>;

    /// Gives a run the identity of its file. Answers whether the same bytes were run before in this flow, and left
    /// nothing free. In the same commit, so that two hubs cannot both find a file new. Asked again, it answers again:
    /// only runs that learned the identity before this one are looked at.
    fn identify_file(&self, run: &RunId, sha256: [u8; 32], at: Timestamp) -> Written<FileIdentity>;

    /// Makes rows of a file into items of a run and takes their keys, in the order given. Answers one [`Claim`] an
    /// item. Claiming an item again is how an interrupted run goes on.
    fn claim_items(&self, run: &RunId, items: Vec<NewItem>, at: Timestamp) -> Written<Vec<Claim>>;

    /// Journals the intent of a step, unless its key is spent, held, in flight or open, its subject is locked, it
    /// would give back more than was taken, or a limit does not allow it: asked in this order. Once this is durable with [`Begin::Send`], and not before, a byte
    /// may leave.
    fn begin_step(&self, intent: Intent) -> Written<Begin>;

    /// Journals the outcome of a step that is in flight, with the sealed rows that came with it and what it says of a
    /// vendor, in one commit. A vendor that the step opens follows it: it is open, or forgotten where it provably was
    /// not opened.
    /// Refused with [`JournalError::NotInFlight`] when the step is not in flight.
    fn finish_step(&self, finish: &StepFinish) -> Written<()>;

    /// Ends a step that is open, or turns one that is unknown into a conflict; with it its item's end, where that
    /// changes, and what counts towards limits. Once its run is over, its reports are stale until
    /// [`reports_written`](Journal::reports_written). Refused with [`JournalError::NotOpen`] when the step is not open,
    /// with [`JournalError::ItemChanged`] when its item is not as it was seen, and with
    /// [`JournalError::ReferenceTaken`] when it would have succeeded with what another step has.
    fn close_step(&self, close: StepClose) -> Written<()>;

    /// Ends an item that is unknown although none of its steps is; its reports are stale as after
    /// [`close_step`](Journal::close_step). Refused with [`JournalError::ItemNotOpen`] for any other.
    fn close_item(&self, close: ItemClose) -> Written<()>;

    /// Lets other keys of the step's subject go on although it is open. Refused with [`JournalError::NotOpen`] when it
    /// is not open.
    fn unlock_step(&self, step: &StepId, actor: &str, reason: &str, at: Timestamp) -> Written<()>;

    /// Notes that an open step was looked for at the provider. Refused with [`JournalError::NotOpen`] when it is not
    /// open.
    fn note_look_up(&self, step: &StepId, at: Timestamp) -> Written<()>;

    /// Notes that the reports of a run show its first `closings` closings.
    fn reports_written(&self, run: &RunId, closings: u64, at: Timestamp) -> Written<()>;

    /// Writes down what a person decided about a run, for the hub that works on it. Answers its place in the order.
    fn decide(&self, decision: NewDecision) -> Written<u64>;

    /// Notes what became of a decision. Refused with [`JournalError::NoDecision`] when there is no such open one.
    fn settle_decision(&self, seq: u64, result: &str, at: Timestamp) -> Written<()>;

    /// Journals a step that had no effect and is over: a read, the time, a call that was refused before its intent.
    fn record_step(&self, step: StepRecord) -> Written<()>;

    /// Changes what a flow keeps, and records the step that it is, in one commit. Refused with
    /// [`JournalError::StepTaken`] where the step is recorded already: nothing is changed then.
    fn write_store(&self, write: StoreWrite) -> Written<StoreWritten>;

    /// Writes an alert down, with the step that it is, in one commit. Refused with [`JournalError::StepTaken`] where the
    /// step is recorded already.
    fn raise_alert(&self, alert: NewAlert, step: Option<StepRecord>) -> Written<()>;

    /// Notes what came of a try at delivering an alert.
    fn note_alert_try(&self, no: u64, tried: AlertTry) -> Written<()>;

    /// Ends an item. Spends, keeps or frees its row key as its status says. An item that has ended stays as it is. So
    /// does one of a halted run that would end `unknown` although all its steps were closed meanwhile: it goes on with
    /// what they came to. One that has `diverged` ends all the same.
    /// Refused with [`JournalError::NoItem`] when it was never claimed.
    fn finish_item(&self, item: &ItemId, end: ItemEnd, at: Timestamp) -> Written<()>;

    /// Turns every step that is in flight into `unknown`: this process has just started, so whoever sent it is dead.
    /// Answers the steps. Only for the one process that sends: a reader beside it would end steps that are alive.
    fn settle_in_flight(&self, at: Timestamp) -> Written<Vec<StepId>>;

    /// Stores, replaces or (with no bytes) removes a sealed row.
    fn put_sealed(&self, row: SealedRow, at: Timestamp) -> Written<()>;

    /// Makes vendors known whose keys a person brought: all of them, or none. Refused with [`JournalError::Vendor`]
    /// where one contradicts what is known.
    fn set_vendors(&self, vendors: KnownVendors) -> Written<()>;

    /// Writes down what a person says of a vendor, and frees the steps that may be sent again because of it. Answers the
    /// vendor as it was. Refused with [`JournalError::Vendor`] for what cannot be.
    fn decide_vendor(&self, decision: VendorDecision) -> Written<VendorRecord>;

    /// Gives sealed rows new bytes, all of them or none. Refused with [`JournalError::SealedChanged`] where one is not as
    /// it was read.
    fn reseal(&self, resealing: Resealing) -> Written<()>;

    /// Writes nothing that anybody reads, durably: whether the store can be written.
    fn probe(&self) -> Written<()>;

    /// A sealed row by its name.
    async fn sealed(&self, name: &str) -> Result<Option<SealedRow>, JournalError>;

    /// The names of all sealed rows, sorted, with the time each was last written.
    async fn sealed_names(&self) -> Result<Vec<(String, Timestamp)>, JournalError>;

    /// What a flow keeps under a key.
    async fn stored(&self, flow: &str, key: &str) -> Result<Option<serde_json::Value>, JournalError>;

    /// The keys that a flow keeps something under and that begin so, sorted, at most `limit`.
    async fn stored_keys(&self, flow: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError>;

    /// The newest alerts first.
    async fn alerts(&self, limit: usize) -> Result<Vec<AlertRecord>, JournalError>;

    /// The alerts whose delivery is due by then: the hub's own alarms first, then those of scripts, which are of the kind
    /// `script`; among each, the longest due first.
    async fn alerts_due(&self, by: Timestamp, limit: usize) -> Result<Vec<AlertRecord>, JournalError>;

    /// A vendor by its provider and its handle.
    async fn vendor(&self, provider: &str, handle: &str) -> Result<Option<VendorRecord>, JournalError>;

    /// The vendors of a provider, by handle.
    async fn vendors(&self, provider: &str) -> Result<Vec<VendorRecord>, JournalError>;

    /// A run by its id.
    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, JournalError>;

    /// The run that an event of the flow began.
    async fn event(&self, flow: &str, trigger: TriggerKind, id: &str) -> Result<Option<RunId>, JournalError>;

    /// What is known of the schedule of a flow; none where it was never written down.
    async fn schedule(&self, flow: &str) -> Result<Option<KnownSchedule>, JournalError>;

    /// Where the next look of a flow at an event source goes on; none where it never looked.
    async fn source_cursor(
        &self,
        flow: &str,
        source: &str,
    ) -> Result<Option<serde_json::Value>, JournalError>;

    /// The newest runs first, of one flow or of all.
    async fn runs(&self, flow: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, JournalError>;

    /// The runs that are not in a final state, oldest first; but for deliveries and events of sources that nobody has begun to work on, of
    /// which there may be very many: [`waiting_deliveries`](Journal::waiting_deliveries) reads those.
    async fn unfinished_runs(&self) -> Result<Vec<RunRecord>, JournalError>;

    /// The deliveries to a flow, and the events of its source, that were accepted and that nobody has begun to work on, oldest first: a page at a time,
    /// behind the run `after`.
    async fn waiting_deliveries(
        &self,
        flow: &str,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, JournalError>;

    /// The flows that have such deliveries, by name, with how many.
    async fn waiting_flows(&self) -> Result<Vec<(String, u64)>, JournalError>;

    /// How many such deliveries and events a flow has.
    async fn waiting_of(&self, flow: &str) -> Result<u64, JournalError>;

    /// Items of a run in their order, a page at a time.
    async fn items(&self, query: &ItemQuery) -> Result<Vec<ItemRecord>, JournalError>;

    /// The steps of an item in their order.
    async fn steps_of(&self, item: &ItemId) -> Result<Vec<StepRecord>, JournalError>;

    /// Steps with an effect, in the order of their intents, a page at a time.
    async fn steps(&self, query: &StepQuery) -> Result<Vec<StepRecord>, JournalError>;

    /// A step by its id.
    async fn step(&self, id: &StepId) -> Result<Option<StepRecord>, JournalError>;

    /// The steps that are unknown or in conflict, in the order of their intents, a page at a time.
    async fn open_steps(&self, after: Option<&StepId>, limit: usize)
    -> Result<Vec<StepRecord>, JournalError>;

    /// The items that are unknown although none of their steps is in flight, unknown or in conflict: by run and row, a
    /// page at a time.
    async fn unknown_items(
        &self,
        after: Option<&ItemId>,
        limit: usize,
    ) -> Result<Vec<ItemRecord>, JournalError>;

    /// Which of these references are the reference or the document of a step of the account, other than `except`.
    async fn references_taken(
        &self,
        account: &str,
        references: &[String],
        except: &StepId,
    ) -> Result<Vec<String>, JournalError>;

    /// What [`begin_step`](Journal::begin_step) would answer for the key alone: none where nothing stands against its
    /// use.
    async fn key_taken(&self, key_use: &KeyUse) -> Result<Option<Begin>, JournalError>;

    /// The oldest open step of another key on the subject, unless a person unlocked it.
    async fn locked_by(&self, subject_use: &SubjectUse) -> Result<Option<StepRecord>, JournalError>;

    /// The step of the account that succeeded in taking money, and whose reference this is.
    async fn taken_by(&self, account: &str, reference: &str) -> Result<Option<StepRecord>, JournalError>;

    /// The other steps of the step's account that are in flight, unknown or in conflict, with intents from `from` to
    /// `until`, both included, in the order of their intents: whatever the operation and however the subject is
    /// written, what the provider shows of that time could be any of theirs.
    async fn open_steps_near(
        &self,
        step: &StepId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StepRecord>, JournalError>;

    /// The runs that are over and have closings that no report shows yet, oldest first.
    async fn stale_reports(&self) -> Result<Vec<RunRecord>, JournalError>;

    /// The decisions that no hub has carried out yet, oldest first.
    async fn open_decisions(&self) -> Result<Vec<Decision>, JournalError>;

    /// A script that a run began with, by its hash; none where only the hash was kept.
    async fn script(&self, hash: &str) -> Result<Option<ScriptBundle>, JournalError>;

    /// How many items of a run ended how, and how much money stands beside each status.
    async fn tally(&self, run: &RunId) -> Result<Tally, JournalError>;
}
