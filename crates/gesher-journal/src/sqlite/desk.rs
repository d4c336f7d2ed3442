//! What the writer works with: its connection, the intent log, and what it remembers between commands.
//!
//! What is remembered is only ever a copy of what the database says. It is forgotten when a transaction is rolled back
//! and when another process wrote, so that no command is decided by what is not so.

use super::convert::first;
use super::fault::Fault;
use super::intent_logger::Committed;
use super::limits::Held;
use super::runs::RunNumbers;
use super::writer::Command;
use crate::error::JournalError;
use crate::guard::Guard;
use crate::intent_log::{IntentLog, LINE_BYTES_MAX, LoggedIntent, SharedLog};
use gesher_core::{RunId, StepId};
use rusqlite::Connection;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether any step is open. Without the index's name SQLite takes one of all steps that ever were, and reads every one of
/// them to find none.
pub(super) const ANY_OPEN: &str = "SELECT 1 FROM steps INDEXED BY steps_open
    WHERE attempt IS NOT NULL AND state IN ('unknown', 'conflict') LIMIT 1";

/// What the connection may do.
pub(super) enum Role {
    /// It belongs to the process that sends.
    Sender(Option<Arc<SharedLog>>),
    /// It writes single rows beside that process.
    Beside,
}

/// The state of the guard, which callers may ask for while the writer works.
pub(super) type SharedGuard = Arc<Mutex<Guard>>;

/// See the module.
pub(super) struct Desk {
    connection: Connection,
    role: Role,
    guard: SharedGuard,
    /// Set by an adoption; the guard is lifted once that is durable.
    adopted: Cell<bool>,
    data_version: Cell<i64>,
    /// The numbers of runs, which never change.
    pub(super) runs: RefCell<HashMap<RunId, RunNumbers>>,
    /// The names of flows.
    pub(super) flows: RefCell<HashMap<i64, Arc<str>>>,
    /// What money steps hold.
    pub(super) held: RefCell<Held>,
    /// Whether any step is open. None: not asked yet.
    pub(super) any_open: Cell<Option<bool>>,
    /// Whether any vendor is being opened. None: not asked yet.
    pub(super) any_opening: Cell<Option<bool>>,
    /// Vendors that are known to be able to charge.
    pub(super) live: RefCell<HashSet<String>>,
    begun: RefCell<Begun>,
}

/// The intents of the batch so far.
#[derive(Default)]
struct Begun {
    /// Which command of the batch is at work.
    command: usize,
    steps: Vec<BegunStep>,
    lines: Vec<u8>,
}

/// An intent whose line has to be durable before its command is answered.
struct BegunStep {
    /// The place of its command in the batch.
    command: usize,
    /// The step.
    step: StepId,
    /// Where its line ends among the lines.
    end: usize,
}

/// A place to come back to when a command is undone.
pub(super) struct Mark(usize);

impl Deref for Desk {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Desk {
    /// A desk with nothing remembered.
    pub(super) fn new(connection: Connection, role: Role, guard: SharedGuard) -> Self {
        Self {
            connection,
            role,
            guard,
            adopted: Cell::new(false),
            data_version: Cell::new(0),
            runs: RefCell::default(),
            flows: RefCell::default(),
            held: RefCell::default(),
            any_open: Cell::new(None),
            any_opening: Cell::new(None),
            live: RefCell::default(),
            begun: RefCell::default(),
        }
    }

    /// Begins a transaction. What another process changed since the last one is not remembered otherwise.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        self.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let version = self.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        match version {
            Ok(version) if version == self.data_version.replace(version) => Ok(()),
            Ok(_) => {
                self.forget();
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Makes the transaction durable.
    pub(super) fn commit(&self) -> rusqlite::Result<()> {
        self.prepare_cached("COMMIT")?.execute([])?;
        if self.adopted.replace(false) {
            *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Guard::Complete;
        }
        Ok(())
    }

    /// Ends a transaction that is of no use, and forgets what was learned in it.
    pub(super) fn roll_back(&self) {
        self.forget();
        self.adopted.set(false);
        if self.is_autocommit() {
            return;
        }
        if let Err(error) = self.execute_batch("ROLLBACK") {
            tracing::error!(%error, "the journal could not roll back");
        }
    }

    fn forget(&self) {
        self.runs.borrow_mut().clear();
        self.flows.borrow_mut().clear();
        self.held.borrow_mut().clear();
        self.any_open.set(None);
        self.any_opening.set(None);
        self.live.borrow_mut().clear();
    }

    /// Refuses intents where they must not be journalled: beside the hub, with a database that is behind, and while
    /// the log cannot be written.
    pub(super) fn require_sender(&self) -> Result<(), Fault> {
        self.refuse_beside()?;
        if let Some(log) = self.log() {
            log.require_sound()?;
        }
        match &*self.guard.lock().unwrap_or_else(PoisonError::into_inner) {
            Guard::Complete => Ok(()),
            Guard::Behind { missing, first } => {
                Err(JournalError::Behind { missing: *missing, first: first.clone() }.into())
            }
        }
    }

    /// Refuses what only the process that sends may do, beside it.
    pub(super) fn refuse_beside(&self) -> Result<(), Fault> {
        match self.role {
            Role::Sender(_) => Ok(()),
            Role::Beside => Err(JournalError::Beside.into()),
        }
    }

    /// Gives the log to an adoption.
    pub(super) fn with_log<T>(
        &self,
        read: impl FnOnce(Option<&IntentLog>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.refuse_beside()?;
        read(self.log().map(|log| log.lock()).as_deref())
    }

    /// Writes to the log what is cut off again at once. Waits for the append that is under way: whether that comes to an
    /// end is part of the answer.
    pub(super) fn probe_log(&self) -> Result<(), Fault> {
        match self.log() {
            Some(log) => Ok(log.lock().probe()?),
            None => Ok(()),
        }
    }

    /// Notes that this transaction takes every missing intent over.
    pub(super) fn note_adoption(&self) {
        self.adopted.set(true);
    }

    /// Whether any step is open.
    pub(super) fn has_open_steps(&self) -> Result<bool, Fault> {
        if let Some(known) = self.any_open.get() {
            return Ok(known);
        }
        let found = first(self.prepare_cached(ANY_OPEN)?, [], |_| Ok(()))?.is_some();
        self.any_open.set(Some(found));
        Ok(found)
    }

    /// Whether any vendor is being opened.
    pub(super) fn has_openings(&self) -> Result<bool, Fault> {
        if let Some(known) = self.any_opening.get() {
            return Ok(known);
        }
        let query = self.prepare_cached("SELECT 1 FROM vendors WHERE state = 'opening' LIMIT 1")?;
        let found = first(query, [], |_| Ok(()))?.is_some();
        self.any_opening.set(Some(found));
        Ok(found)
    }

    /// Forgets the intents of the batch so far.
    pub(super) fn clear_begun(&self) {
        let begun = &mut *self.begun.borrow_mut();
        begun.steps.clear();
        begun.lines.clear();
    }

    /// Says which command of the batch is next, and answers the place to come back to when it is undone.
    pub(super) fn at_command(&self, command: usize) -> Mark {
        let begun = &mut *self.begun.borrow_mut();
        begun.command = command;
        Mark(begun.steps.len())
    }

    /// Takes back the intents that were begun since a mark.
    pub(super) fn undo_to(&self, mark: &Mark) {
        let begun = &mut *self.begun.borrow_mut();
        begun.steps.truncate(mark.0);
        let end = begun.steps.last().map_or(0, |step| step.end);
        begun.lines.truncate(end);
    }

    /// The log that intents go into, if they do.
    pub(super) fn log(&self) -> Option<&Arc<SharedLog>> {
        match &self.role {
            Role::Sender(log) => log.as_ref(),
            Role::Beside => None,
        }
    }

    /// Keeps an intent's line until the commit that holds it.
    pub(super) fn note_begun(&self, intent: &LoggedIntent<'_>) -> Result<(), Fault> {
        let begun = &mut *self.begun.borrow_mut();
        intent.write(&mut begun.lines).map_err(|error| JournalError::IntentLog {
            path: "the intent log".to_owned(),
            why: error.to_string(),
        })?;
        let (command, end) = (begun.command, begun.lines.len());
        let start = begun.steps.last().map_or(0, |step| step.end);
        let bytes = end - start;
        if bytes > LINE_BYTES_MAX {
            begun.lines.truncate(start);
            let step = intent.step.clone().into_owned();
            return Err(JournalError::TooLong { step, bytes, most: LINE_BYTES_MAX }.into());
        }
        begun.steps.push(BegunStep { command, step: intent.step.clone().into_owned(), end });
        Ok(())
    }

    /// Hands the intents of the batch out, with the commands that began them; the others are left in `batch`. None where
    /// there are none.
    pub(super) fn take_begun(&self, batch: &mut Vec<Box<dyn Command>>) -> Option<Committed> {
        let begun = std::mem::take(&mut *self.begun.borrow_mut());
        if begun.steps.is_empty() {
            return None;
        }
        let mut place = 0..;
        let began = |_: &mut Box<dyn Command>| {
            place
                .next()
                .is_some_and(|place| begun.steps.binary_search_by_key(&place, |step| step.command).is_ok())
        };
        let commands = batch.extract_if(.., began).collect();
        Some(Committed {
            commands,
            lines: begun.lines,
            steps: begun.steps.into_iter().map(|begun| begun.step).collect(),
        })
    }
}
