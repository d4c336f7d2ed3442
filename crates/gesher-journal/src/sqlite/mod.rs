//! The journal on SQLite: one file, one thread that writes, two that read.
//!
//! `synchronous=FULL` in write-ahead mode: a commit is on the disk before anybody is told of it. Other processes may
//! read beside a running hub, and may write single rows (secrets) too: every write transaction begins as a writer.

mod audit;
mod backup;
mod close;
mod convert;
mod decisions;
mod fault;
mod items;
mod limits;
mod open;
mod readers;
mod runs;
mod schema;
mod sealed;
mod step_reads;
mod steps;
#[cfg(test)]
mod tests;
mod writer;

use crate::Journal;
use crate::error::JournalError;
use crate::guard::Guard;
use crate::record::{
    Begin, Claim, Decision, FileIdentity, Intent, ItemQuery, ItemRecord, NewDecision, NewItem, NewRun,
    RunChange, RunRecord, ScriptBundle, SealedRow, StepClose, StepFinish, StepQuery, StepRecord, Tally,
};
use crate::written::Written;
use async_trait::async_trait;
use fault::Fault;
use gesher_core::{Environment, HubId, ItemEnd, ItemId, RunId, StepId};
use jiff::Timestamp;
use readers::Readers;
use rusqlite::Connection;
use std::path::Path;
use steps::OutcomeRow;
use writer::Writer;

/// The journal in a file. Dropping it finishes what was handed over.
pub struct SqliteJournal {
    hub: HubId,
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
        let _ = intent_log;
        let (writing, hub) = open::for_writing(path, environments, now)?;
        let readers = Readers::start(open::for_reading(path)?).map_err(|error| open::failed(path, error))?;
        let writer = Writer::start(writing).map_err(|error| open::failed(path, error))?;
        Ok(Self { hub, readers, writer: Some(writer) })
    }

    /// Compares a journal with an intent log, beside a hub that may be running. Changes neither.
    pub fn compare(path: &Path, intent_log: &Path) -> Result<Guard, JournalError> {
        let _ = (path, intent_log);
        Ok(Guard::Complete)
    }

    /// Opens the journal at `path` for a person's single writes beside a hub that may be running: decisions, sealed
    /// rows, what closes or unlocks a step. Neither begins nor migrates; nothing can be sent.
    pub fn open_beside(path: &Path) -> Result<Self, JournalError> {
        let (_, hub) = open::existing(path)?;
        let readers = Readers::start(open::for_reading(path)?).map_err(|error| open::failed(path, error))?;
        let writer =
            Writer::start(open::for_writing_beside(path)?).map_err(|error| open::failed(path, error))?;
        Ok(Self { hub, readers, writer: Some(writer) })
    }

    /// Whether the database knows what the intent log knows.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard::Complete
    }

    /// Takes the intents that only the intent log knows over, as `unknown`. Answers them.
    pub fn adopt_intents(&self, _at: Timestamp) -> Written<Vec<StepId>> {
        self.write("adopt intents", |_| Ok(Vec::new()))
    }

    /// Writes a consistent copy of the database to `to`, beside a hub that may be running. Refused where a file is
    /// there already.
    pub async fn back_up(&self, to: &Path) -> Result<(), JournalError> {
        let to = to.to_owned();
        self.readers.ask("write a copy", move |connection| backup::copy(connection, &to)).await
    }

    /// Whether the file at `path` is a sound journal of the version known here: answers whose it is.
    pub fn check_file(path: &Path) -> Result<HubId, JournalError> {
        backup::check(path)
    }

    /// Opens the journal at `path` for reading only, beside a hub that may be running. Neither begins nor migrates;
    /// every write is refused.
    pub fn open_reader(path: &Path) -> Result<Self, JournalError> {
        let (reading, hub) = open::existing(path)?;
        let readers = Readers::start(vec![reading]).map_err(|error| open::failed(path, error))?;
        Ok(Self { hub, readers, writer: None })
    }

    fn write<T, F>(&self, doing: &'static str, work: F) -> Written<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
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
        self.write("begin a run", move |connection| runs::start(connection, &run, &source))
    }

    fn change_run(&self, run: &RunId, change: RunChange, at: Timestamp) -> Written<()> {
        let run = run.clone();
        let source = change.source.as_ref().map(ToString::to_string);
        self.write("change a run", move |connection| {
            runs::change(connection, &run, &change, source.as_deref(), at)
        })
    }

    fn identify_file(&self, run: &RunId, sha256: [u8; 32], _at: Timestamp) -> Written<FileIdentity> {
        let run = run.clone();
        self.write("identify a file", move |connection| runs::identify_file(connection, &run, &sha256))
    }

    fn claim_items(&self, run: &RunId, items: Vec<NewItem>, at: Timestamp) -> Written<Vec<Claim>> {
        let run = run.clone();
        self.write("claim rows", move |connection| items::claim(connection, &run, &items, at))
    }

    fn begin_step(&self, intent: Intent) -> Written<Begin> {
        self.write("journal an intent", move |connection| steps::begin(connection, &intent))
    }

    fn finish_step(&self, finish: StepFinish) -> Written<()> {
        let StepFinish { step, outcome, sealed, at } = finish;
        let row = OutcomeRow::new(outcome);
        self.write("journal an outcome", move |connection| {
            steps::finish(connection, &step, &row, &sealed, at)
        })
    }

    fn record_step(&self, mut step: StepRecord) -> Written<()> {
        let row = step.outcome.take().map(OutcomeRow::new);
        self.write("record a step", move |connection| steps::record(connection, &step, row.as_ref()))
    }

    fn finish_item(&self, item: &ItemId, end: ItemEnd, at: Timestamp) -> Written<()> {
        let item = item.clone();
        self.write("end an item", move |connection| items::finish(connection, &item, &end, at))
    }

    fn close_step(&self, close: StepClose) -> Written<()> {
        let row = OutcomeRow::new(close.outcome.clone());
        self.write("close a step", move |connection| close::close(connection, &close, &row))
    }

    fn unlock_step(&self, step: &StepId, actor: &str, reason: &str, at: Timestamp) -> Written<()> {
        let (step, actor, reason) = (step.clone(), actor.to_owned(), reason.to_owned());
        self.write("unlock a subject", move |connection| {
            close::unlock(connection, &step, &actor, &reason, at)
        })
    }

    fn note_look_up(&self, step: &StepId, at: Timestamp) -> Written<()> {
        let step = step.clone();
        self.write("note a look-up", move |connection| close::note_look_up(connection, &step, at))
    }

    fn reports_written(&self, run: &RunId, closings: u64, at: Timestamp) -> Written<()> {
        let run = run.clone();
        self.write("note that reports are written", move |connection| {
            runs::reports_written(connection, &run, closings, at)
        })
    }

    fn decide(&self, decision: NewDecision) -> Written<u64> {
        self.write("write a decision down", move |connection| decisions::decide(connection, &decision))
    }

    fn settle_decision(&self, seq: u64, result: &str, at: Timestamp) -> Written<()> {
        let result = result.to_owned();
        self.write("settle a decision", move |connection| decisions::settle(connection, seq, &result, at))
    }

    fn settle_in_flight(&self, at: Timestamp) -> Written<Vec<StepId>> {
        self.write("settle what was in flight", move |connection| steps::settle_in_flight(connection, at))
    }

    fn put_sealed(&self, row: SealedRow, at: Timestamp) -> Written<()> {
        self.write("store a sealed row", move |connection| sealed::put(connection, &row, at))
    }

    fn probe(&self) -> Written<()> {
        self.write("be written", schema::touch)
    }

    async fn sealed(&self, name: &str) -> Result<Option<SealedRow>, JournalError> {
        let name = name.to_owned();
        self.readers.ask("read a sealed row", move |connection| sealed::sealed(connection, &name)).await
    }

    async fn sealed_names(&self) -> Result<Vec<(String, Timestamp)>, JournalError> {
        self.readers.ask("list the sealed rows", sealed::names).await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, JournalError> {
        let run = run.clone();
        self.readers.ask("read a run", move |connection| runs::run(connection, &run)).await
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

    async fn open_siblings(&self, step: &StepId) -> Result<u64, JournalError> {
        let step = step.clone();
        self.readers
            .ask("count open steps", move |connection| step_reads::open_siblings(connection, &step))
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
        self.readers.ask("count items", move |connection| items::tally(connection, &run)).await
    }
}
