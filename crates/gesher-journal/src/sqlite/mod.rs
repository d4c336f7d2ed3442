//! The journal on SQLite: one file, one thread that writes, two that read.
//!
//! `synchronous=FULL` in write-ahead mode: a commit is on the disk before anybody is told of it. Other processes may
//! read beside a running hub, and may write single rows (secrets) too: every write transaction begins as a writer.

mod adopting;
mod alerts;
mod audit;
mod backup;
mod close;
mod close_item;
mod convert;
mod decisions;
mod desk;
mod events;
mod fault;
mod guarding;
mod intent_logger;
mod intents;
mod items;
mod limits;
mod open;
mod originals;
mod outcomes;
mod pace;
mod readers;
mod room;
mod runs;
mod schedules;
mod schema;
mod sealed;
mod sources;
mod step_reads;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod vendors;
mod writer;

use crate::Journal;
use crate::error::JournalError;
use crate::guard::Guard;
use crate::intent_log::{IntentLog, SharedLog};
use crate::record::{AlertRecord, AlertTry, NewAlert, StoreWrite, StoreWritten};
use crate::record::{
    Begin, Claim, Decision, EventBegun, FileIdentity, Intent, ItemClose, ItemQuery, ItemRecord, KeyUse,
    KnownSchedule, KnownVendors, NewDecision, NewEvent, NewItem, NewRun, Resealing, RunChange, RunRecord,
    ScriptBundle, SealedRow, SourceLook, StepClose, StepFinish, StepQuery, StepRecord, SubjectUse, Tally,
    TriggerKind, VendorDecision, VendorRecord,
};
use crate::written::Written;
use async_trait::async_trait;
use desk::{Desk, Role, SharedGuard};
use fault::Fault;
use gesher_core::{Environment, HubId, ItemEnd, ItemId, RunId, StepId};
use intents::IntentTexts;
use jiff::Timestamp;
use outcomes::OutcomeRow;
use readers::Readers;
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use writer::Writer;

/// The journal in a file. Dropping it finishes what was handed over.
pub struct SqliteJournal {
    hub: HubId,
    guard: SharedGuard,
    // Before the writer, so that no reader holds the log while the writer moves it into the database.
    readers: Readers,
    writer: Option<Writer>,
}

impl SqliteJournal {
    /// Opens the journal at `path`, or begins one there, for the one process that sends. Refused where it belongs to
    /// other environments; a provider that it has not seen is added to its own. `now` is noted as the beginning of a
    /// new one. Each intent goes into `intent_log` too before it is answered; none only in tests and tools.
    pub fn open(
        path: &Path,
        intent_log: Option<&Path>,
        environments: &[Environment],
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let (writing, hub) = open::for_writing(path, environments, now)?;
        let mut log = intent_log.map(|log| IntentLog::open(log, &hub)).transpose()?;
        let guard = match &mut log {
            Some(log) => guarding::compare(&writing, log)
                .map_err(|fault| fault.while_doing("compare itself with the intent log"))?,
            None => Guard::Complete,
        };
        Self::with(
            path,
            hub,
            Some((writing, Role::Sender(log.map(|log| Arc::new(SharedLog::new(log)))))),
            guard,
        )
    }

    /// Opens the journal at `path` for a person's single writes beside a hub that may be running: decisions, sealed
    /// rows, what closes or unlocks a step. Neither begins nor migrates; nothing can be sent.
    pub fn open_beside(path: &Path) -> Result<Self, JournalError> {
        let (_, hub) = open::existing(path)?;
        let writing = open::for_writing_beside(path)?;
        Self::with(path, hub, Some((writing, Role::Beside)), Guard::Complete)
    }

    /// Opens the journal at `path` for reading only, beside a hub that may be running. Neither begins nor migrates;
    /// every write is refused.
    pub fn open_reader(path: &Path) -> Result<Self, JournalError> {
        let (_, hub) = open::existing(path)?;
        Self::with(path, hub, None, Guard::Complete)
    }

    fn with(
        path: &Path,
        hub: HubId,
        writing: Option<(Connection, Role)>,
        guard: Guard,
    ) -> Result<Self, JournalError> {
        let failed = |error| open::failed(path, error);
        let guard = Arc::new(Mutex::new(guard));
        let readers = Readers::start(open::for_reading(path)?).map_err(failed)?;
        let desk = writing.map(|(connection, role)| Desk::new(connection, role, Arc::clone(&guard)));
        let writer = desk.map(Writer::start).transpose().map_err(failed)?;
        Ok(Self { hub, guard, readers, writer })
    }

    /// Whether the database knows what the intent log knows. While it does not, every intent is refused with
    /// [`JournalError::Behind`].
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the intents that only the intent log knows over as `unknown`, all of them or none. Answers their steps.
    /// From then on intents are taken again. Where the run of one is missing too, it gets a run that is over already.
    pub fn adopt_intents(&self, at: Timestamp) -> Written<Vec<StepId>> {
        self.write("adopt intents", move |desk| adopting::adopt(desk, at))
    }

    fn write<T, F>(&self, doing: &'static str, work: F) -> Written<T>
    where
        T: Send + 'static,
        F: Fn(&Desk) -> Result<T, Fault> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.submit(doing, work),
            None => Written::refused(JournalError::ReadOnly),
        }
    }
}

impl std::fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteJournal").field("hub", &self.hub).finish_non_exhaustive()
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    fn hub_id(&self) -> &HubId {
        &self.hub
    }

    fn start_run(&self, run: NewRun) -> Written<()> {
        let source = run.source.to_string();
        self.write("begin a run", move |desk| runs::start(desk, &run, &source))
    }

    fn start_event(&self, run: NewRun, event: NewEvent) -> Written<EventBegun> {
        let source = run.source.to_string();
        self.write("begin the run of an event", move |desk| events::start(desk, &run, &source, &event))
    }

    fn keep_look(&self, look: SourceLook) -> Written<Vec<EventBegun>> {
        self.write("begin the runs of events", move |desk| sources::keep(desk, &look))
    }

    fn know_schedule(&self, schedule: KnownSchedule) -> Written<()> {
        self.write("note how far a schedule is dealt with", move |desk| schedules::know(desk, &schedule))
    }

    fn change_run(&self, run: &RunId, change: RunChange, at: Timestamp) -> Written<()> {
        let run = run.clone();
        let source = change.source.as_ref().map(ToString::to_string);
        self.write("change a run", move |desk| runs::change(desk, &run, &change, source.as_deref(), at))
    }

    fn identify_file(&self, run: &RunId, sha256: [u8; 32], _at: Timestamp) -> Written<FileIdentity> {
        let run = run.clone();
        self.write("identify a file", move |desk| runs::identify_file(desk, &run, &sha256))
    }

    fn claim_items(&self, run: &RunId, items: Vec<NewItem>, at: Timestamp) -> Written<Vec<Claim>> {
        let run = run.clone();
        self.write("claim rows", move |desk| items::claim(desk, &run, &items, at))
    }

    fn begin_step(&self, intent: Intent) -> Written<Begin> {
        let texts = IntentTexts::new(&intent);
        self.write("journal an intent", move |desk| intents::begin(desk, &intent, &texts))
    }

    fn finish_step(&self, finish: &StepFinish) -> Written<()> {
        let (row, at) = (OutcomeRow::of_kept(&finish.outcome), finish.at);
        let (step, sealed, vendor) = (finish.step.clone(), finish.sealed.clone(), finish.vendor.clone());
        self.write("journal an outcome", move |desk| {
            outcomes::finish(desk, &step, &row, &sealed, vendor.as_ref(), at)
        })
    }

    fn record_step(&self, mut step: StepRecord) -> Written<()> {
        let row = step.outcome.take().map(OutcomeRow::new);
        self.write("record a step", move |desk| outcomes::record(desk, &step, row.as_ref()))
    }

    fn write_store(&self, write: StoreWrite) -> Written<StoreWritten> {
        self.write("change what a flow keeps", move |desk| store::write(desk, &write))
    }

    fn raise_alert(&self, alert: NewAlert, step: Option<StepRecord>) -> Written<()> {
        let step = step.and_then(|mut step| {
            let row = step.outcome.take().map(OutcomeRow::new)?;
            Some((step, row))
        });
        self.write("write an alert down", move |desk| alerts::raise(desk, &alert, step.as_ref()))
    }

    fn note_alert_try(&self, no: u64, tried: AlertTry) -> Written<()> {
        self.write("note the delivery of an alert", move |desk| alerts::note_try(desk, no, tried))
    }

    fn finish_item(&self, item: &ItemId, end: ItemEnd, at: Timestamp) -> Written<()> {
        let item = item.clone();
        self.write("end an item", move |desk| items::finish(desk, &item, &end, at))
    }

    fn close_step(&self, close: StepClose) -> Written<()> {
        let row = OutcomeRow::new(close.outcome.clone());
        self.write("close a step", move |desk| close::close(desk, &close, &row))
    }

    fn close_item(&self, close: ItemClose) -> Written<()> {
        self.write("end an item again", move |desk| close_item::close(desk, &close))
    }

    fn unlock_step(&self, step: &StepId, actor: &str, reason: &str, at: Timestamp) -> Written<()> {
        let (step, actor, reason) = (step.clone(), actor.to_owned(), reason.to_owned());
        self.write("unlock a subject", move |desk| close::unlock(desk, &step, &actor, &reason, at))
    }

    fn note_look_up(&self, step: &StepId, at: Timestamp) -> Written<()> {
        let step = step.clone();
        self.write("note a look-up", move |desk| close::note_look_up(desk, &step, at))
    }

    fn reports_written(&self, run: &RunId, closings: u64, at: Timestamp) -> Written<()> {
        let run = run.clone();
        self.write("note that reports are written", move |desk| {
            runs::reports_written(desk, &run, closings, at)
        })
    }

    fn decide(&self, decision: NewDecision) -> Written<u64> {
        self.write("write a decision down", move |desk| decisions::decide(desk, &decision))
    }

    fn settle_decision(&self, seq: u64, result: &str, at: Timestamp) -> Written<()> {
        let result = result.to_owned();
        self.write("settle a decision", move |desk| decisions::settle(desk, seq, &result, at))
    }

    fn settle_in_flight(&self, at: Timestamp) -> Written<Vec<StepId>> {
        self.write("settle what was in flight", move |desk| outcomes::settle_in_flight(desk, at))
    }

    fn put_sealed(&self, row: SealedRow, at: Timestamp) -> Written<()> {
        self.write("store a sealed row", move |desk| sealed::put(desk, &row, at))
    }

    fn set_vendors(&self, vendors: KnownVendors) -> Written<()> {
        self.write("make vendors known", move |desk| vendors::set(desk, &vendors))
    }

    fn decide_vendor(&self, decision: VendorDecision) -> Written<VendorRecord> {
        self.write("change a vendor", move |desk| vendors::decide(desk, &decision))
    }

    fn reseal(&self, resealing: Resealing) -> Written<()> {
        self.write("seal rows anew", move |desk| sealed::reseal(desk, &resealing))
    }

    fn probe(&self) -> Written<()> {
        self.write("be written", |desk| {
            schema::touch(desk)?;
            desk.probe_log()
        })
    }

    async fn sealed(&self, name: &str) -> Result<Option<SealedRow>, JournalError> {
        let name = name.to_owned();
        self.readers.ask("read a sealed row", move |connection| sealed::sealed(connection, &name)).await
    }

    async fn sealed_names(&self) -> Result<Vec<(String, Timestamp)>, JournalError> {
        self.readers.ask("list the sealed rows", sealed::names).await
    }

    async fn stored(&self, flow: &str, key: &str) -> Result<Option<Value>, JournalError> {
        let (flow, key) = (flow.to_owned(), key.to_owned());
        self.readers
            .ask("read what a flow keeps", move |connection| store::value(connection, &flow, &key))
            .await
    }

    async fn stored_keys(&self, flow: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError> {
        let (flow, prefix) = (flow.to_owned(), prefix.to_owned());
        self.readers
            .ask("list what a flow keeps", move |connection| store::keys(connection, &flow, &prefix, limit))
            .await
    }

    async fn alerts(&self, limit: usize) -> Result<Vec<AlertRecord>, JournalError> {
        self.readers.ask("list alerts", move |connection| alerts::newest(connection, limit)).await
    }

    async fn alerts_due(&self, by: Timestamp, limit: usize) -> Result<Vec<AlertRecord>, JournalError> {
        self.readers.ask("list alerts", move |connection| alerts::due(connection, by, limit)).await
    }

    async fn vendor(&self, provider: &str, handle: &str) -> Result<Option<VendorRecord>, JournalError> {
        let (provider, handle) = (provider.to_owned(), handle.to_owned());
        self.readers
            .ask("read a vendor", move |connection| vendors::vendor(connection, &provider, &handle))
            .await
    }

    async fn vendors(&self, provider: &str) -> Result<Vec<VendorRecord>, JournalError> {
        let provider = provider.to_owned();
        self.readers.ask("list vendors", move |connection| vendors::vendors(connection, &provider)).await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, JournalError> {
        let run = run.clone();
        self.readers.ask("read a run", move |connection| runs::run(connection, &run)).await
    }

    async fn event(&self, flow: &str, trigger: TriggerKind, id: &str) -> Result<Option<RunId>, JournalError> {
        let (flow, id) = (flow.to_owned(), id.to_owned());
        self.readers.ask("read an event", move |reader| events::run(reader, &flow, trigger, &id)).await
    }

    async fn schedule(&self, flow: &str) -> Result<Option<KnownSchedule>, JournalError> {
        let flow = flow.to_owned();
        self.readers.ask("read a schedule", move |connection| schedules::known(connection, &flow)).await
    }

    async fn source_cursor(&self, flow: &str, source: &str) -> Result<Option<Value>, JournalError> {
        let (flow, source) = (flow.to_owned(), source.to_owned());
        self.readers.ask("read a cursor", move |connection| sources::cursor(connection, &flow, &source)).await
    }

    async fn runs(&self, flow: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, JournalError> {
        let flow = flow.map(str::to_owned);
        self.readers
            .ask("list runs", move |connection| runs::newest(connection, flow.as_deref(), limit))
            .await
    }

    async fn unfinished_runs(&self) -> Result<Vec<RunRecord>, JournalError> {
        self.readers.ask("list runs", runs::unfinished).await
    }

    async fn waiting_deliveries(
        &self,
        flow: &str,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        let (flow, after) = (flow.to_owned(), after.cloned());
        let read = move |connection: &Connection| runs::waiting(connection, &flow, after.as_ref(), limit);
        self.readers.ask("list deliveries", read).await
    }

    async fn waiting_flows(&self) -> Result<Vec<(String, u64)>, JournalError> {
        self.readers.ask("count deliveries", runs::waiting_flows).await
    }

    async fn waiting_of(&self, flow: &str) -> Result<u64, JournalError> {
        let flow = flow.to_owned();
        self.readers.ask("count deliveries", move |connection| runs::waiting_of(connection, &flow)).await
    }

    async fn items(&self, query: &ItemQuery) -> Result<Vec<ItemRecord>, JournalError> {
        let query = query.clone();
        self.readers.ask("list items", move |connection| items::items(connection, &query)).await
    }

    async fn steps_of(&self, item: &ItemId) -> Result<Vec<StepRecord>, JournalError> {
        let item = item.clone();
        self.readers.ask("list steps", move |connection| step_reads::of_item(connection, &item)).await
    }

    async fn steps(&self, query: &StepQuery) -> Result<Vec<StepRecord>, JournalError> {
        let query = query.clone();
        self.readers.ask("list steps", move |connection| step_reads::steps(connection, &query)).await
    }

    async fn step(&self, id: &StepId) -> Result<Option<StepRecord>, JournalError> {
        let id = id.clone();
        self.readers.ask("read a step", move |connection| step_reads::step(connection, &id)).await
    }

    async fn open_steps(
        &self,
        after: Option<&StepId>,
        limit: usize,
    ) -> Result<Vec<StepRecord>, JournalError> {
        let after = after.cloned();
        self.readers
            .ask("list open steps", move |connection| step_reads::open(connection, after.as_ref(), limit))
            .await
    }

    async fn unknown_items(
        &self,
        after: Option<&ItemId>,
        limit: usize,
    ) -> Result<Vec<ItemRecord>, JournalError> {
        let after = after.cloned();
        self.readers
            .ask("list unknown items", move |connection| {
                close_item::unknown(connection, after.as_ref(), limit)
            })
            .await
    }

    async fn references_taken(
        &self,
        account: &str,
        references: &[String],
        except: &StepId,
    ) -> Result<Vec<String>, JournalError> {
        let (account, references, except) = (account.to_owned(), references.to_vec(), except.clone());
        self.readers
            .ask("look references up", move |connection| {
                step_reads::references_taken(connection, &account, &references, &except)
            })
            .await
    }

    async fn key_taken(&self, key_use: &KeyUse) -> Result<Option<Begin>, JournalError> {
        let key_use = key_use.clone();
        self.readers.ask("look a key up", move |reader| intents::key_taken(reader, &key_use)).await
    }

    async fn locked_by(&self, subject_use: &SubjectUse) -> Result<Option<StepRecord>, JournalError> {
        let subject_use = subject_use.clone();
        self.readers.ask("look a subject up", move |reader| intents::open_on(reader, &subject_use)).await
    }

    async fn taken_by(&self, account: &str, reference: &str) -> Result<Option<StepRecord>, JournalError> {
        let (account, reference) = (account.to_owned(), reference.to_owned());
        self.readers
            .ask("look a payment up", move |connection| originals::taken_by(connection, &account, &reference))
            .await
    }

    async fn open_steps_near(
        &self,
        step: &StepId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StepRecord>, JournalError> {
        let step = step.clone();
        self.readers
            .ask("list open steps", move |connection| step_reads::open_near(connection, &step, from, until))
            .await
    }

    async fn stale_reports(&self) -> Result<Vec<RunRecord>, JournalError> {
        self.readers.ask("list runs", runs::stale).await
    }

    async fn open_decisions(&self) -> Result<Vec<Decision>, JournalError> {
        self.readers.ask("list decisions", decisions::open).await
    }

    async fn script(&self, hash: &str) -> Result<Option<ScriptBundle>, JournalError> {
        let hash = hash.to_owned();
        self.readers.ask("read a script", move |connection| runs::script(connection, &hash)).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, JournalError> {
        let run = run.clone();
        self.readers.ask("count items", move |connection| tally::tally(connection, &run)).await
    }
}
