//! The one thread that writes. It owns the write connection, runs what is queued in shared commits, and answers each
//! command only after the commit that holds it.
//!
//! A command that fails must not harm its neighbours: when it left anything behind, the whole batch is rolled back
//! and each command runs again in a transaction of its own. So a command's work is repeatable: it reads, decides and
//! writes in the database alone.

use super::fault::Fault;
use crate::error::JournalError;
use crate::written::Written;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Commands in one commit. More would make the first of them wait longer for no gain.
const BATCH_COMMANDS_MAX: usize = 512;

/// The handle of the writing thread.
///
/// The queue has no bound of its own: callers wait for what they write, and there are a bounded number of them.
/// Dropping it finishes what is queued, then moves the log into the database file.
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It owns `connection` from here on.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, commands) = channel();
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || write_until_closed(&connection, &commands))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands a command over. `doing` says for errors what the journal was asked to do.
    pub(super) fn submit<T, F>(&self, doing: &'static str, work: F) -> Written<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, written) = Written::channel();
        if let Some(queue) = &self.queue {
            // Where the thread has ended the command is dropped, its answer with it: the caller sees `Closed`.
            drop(queue.send(Box::new(Job { doing, work, answer, result: Err(JournalError::Closed) })));
        }
        written
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's writer ended before its time");
        }
    }
}

/// One write with its answer.
trait Command: Send {
    /// Does the work inside the open transaction, and says whether it succeeded.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Takes note that its transaction could not be begun or committed.
    fn fail(&mut self, error: Fault);

    /// Tells the caller.
    fn answer(self: Box<Self>);
}

struct Job<T, F> {
    doing: &'static str,
    work: F,
    answer: oneshot::Sender<Result<T, JournalError>>,
    result: Result<T, JournalError>,
}

impl<T, F> Command for Job<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, Fault> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = (self.work)(connection).map_err(|fault| fault.while_doing(self.doing));
        self.result.is_ok()
    }

    fn fail(&mut self, error: Fault) {
        self.result = Err(error.while_doing(self.doing));
    }

    fn answer(self: Box<Self>) {
        if let Err(Err(error)) = self.answer.send(self.result) {
            tracing::error!(doing = self.doing, %error, "a write failed that nobody waited for");
        }
    }
}

fn write_until_closed(connection: &Connection, commands: &Receiver<Box<dyn Command>>) {
    let mut batch = Vec::with_capacity(BATCH_COMMANDS_MAX);
    while let Ok(first) = commands.recv() {
        batch.push(first);
        batch.extend(commands.try_iter().take(BATCH_COMMANDS_MAX - 1));
        write_batch(connection, &mut batch);
        batch.drain(..).for_each(Command::answer);
    }
    let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = checkpoint {
        tracing::warn!(%error, "the journal's log was left beside it; the next start reads it");
    }
}

fn write_batch(connection: &Connection, batch: &mut [Box<dyn Command>]) {
    match write_together(connection, batch) {
        Together::Done => {}
        Together::NotBegun(error) => {
            let shared = Arc::new(error);
            for command in batch {
                command.fail(Fault::Shared(Arc::clone(&shared)));
            }
        }
        Together::Spoiled => {
            for command in batch {
                write_alone(connection, command.as_mut());
            }
        }
    }
}

/// What became of a batch in one transaction.
enum Together {
    /// It is durable, but for the commands that were refused and changed nothing.
    Done,
    /// There was no transaction: the disk failed, or another process holds the lock.
    NotBegun(rusqlite::Error),
    /// It was rolled back.
    Spoiled,
}

fn write_together(connection: &Connection, batch: &mut [Box<dyn Command>]) -> Together {
    if let Err(error) = begin(connection) {
        return Together::NotBegun(error);
    }
    for command in batch {
        let changes = connection.total_changes();
        // A failure may also have cost the transaction itself: SQLite ends it when the disk is full.
        if !command.run(connection) && (connection.total_changes() != changes || connection.is_autocommit()) {
            roll_back(connection);
            return Together::Spoiled;
        }
    }
    if commit(connection).is_err() {
        roll_back(connection);
        return Together::Spoiled;
    }
    Together::Done
}

fn write_alone(connection: &Connection, command: &mut dyn Command) {
    if let Err(error) = begin(connection) {
        command.fail(error.into());
    } else if !command.run(connection) {
        roll_back(connection);
    } else if let Err(error) = commit(connection) {
        command.fail(error.into());
        roll_back(connection);
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}

fn roll_back(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = connection.execute_batch("ROLLBACK") {
        tracing::error!(%error, "the journal could not roll back");
    }
}
