//! The one thread that writes. It owns the write connection, runs what is queued in shared commits, and answers each
//! command only after the commit that holds it. Commands that began an intent it hands on to the thread of the intent
//! log, which answers them once the log has that too.
//!
//! A command that fails must not harm its neighbours: when it left anything behind, the whole batch is rolled back
//! and each command runs again in a transaction of its own. So a command's work is repeatable: it reads, decides and
//! writes in the database alone, and what it leaves on the desk is undone with it.

use super::desk::Desk;
use super::fault::Fault;
use super::intent_logger::IntentLogger;
use super::pace::Pace;
use crate::error::JournalError;
use crate::written::Written;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Commands in one commit. More would make the first of them wait longer for no gain.
const BATCH_COMMANDS_MAX: usize = 512;
/// How often it is tried to withdraw what the database did not take at once.
const WITHDRAW_EVERY: Duration = Duration::from_secs(1);

/// The handle of the writing thread.
///
/// The queue has no bound of its own: callers wait for what they write, and there are a bounded number of them.
/// Dropping it finishes what is queued, then moves the log into the database file.
pub(super) struct Writer {
    queue: Option<Arc<Sender<Box<dyn Command>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It owns the desk from here on.
    pub(super) fn start(desk: Desk) -> std::io::Result<Self> {
        let (queue, commands) = channel();
        let queue = Arc::new(queue);
        let logger = desk.log().cloned().map(|log| IntentLogger::start(log, Arc::downgrade(&queue)));
        let logger = logger.transpose()?;
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || write_until_closed(&desk, logger, &commands))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands a command over. `doing` says for errors what the journal was asked to do.
    pub(super) fn submit<T, F>(&self, doing: &'static str, work: F) -> Written<T>
    where
        T: Send + 'static,
        F: Fn(&Desk) -> Result<T, Fault> + Send + 'static,
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
pub(super) trait Command: Send {
    /// Does the work inside the open transaction, and says whether it succeeded.
    fn run(&mut self, desk: &Desk) -> bool;

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
    F: Fn(&Desk) -> Result<T, Fault> + Send,
{
    fn run(&mut self, desk: &Desk) -> bool {
        self.result = (self.work)(desk).map_err(|fault| fault.while_doing(self.doing));
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

fn write_until_closed(desk: &Desk, mut logger: Option<IntentLogger>, commands: &Receiver<Box<dyn Command>>) {
    let mut batch = Vec::with_capacity(BATCH_COMMANDS_MAX);
    let pace = Pace::new();
    while let Some(first) = next(desk, logger.as_ref(), commands) {
        batch.push(first);
        pace.gather(commands, &mut batch, BATCH_COMMANDS_MAX);
        match withdraw(desk, logger.as_ref()) {
            Ok(()) => write_batch(desk, &pace, &mut batch),
            Err(error) => fail_all(&mut batch, error),
        }
        let goes_on = match (&logger, desk.take_begun(&mut batch)) {
            (Some(logger), Some(committed)) => logger.log(committed),
            _ => true,
        };
        batch.drain(..).for_each(Command::answer);
        if !goes_on {
            // Nothing can be sent any more, and nobody is to begin what cannot be.
            tracing::error!("the journal closes: there is nobody left to write the intent log");
            break;
        }
    }
    if let Some(logger) = &mut logger {
        logger.close();
    }
    drop(withdraw(desk, logger.as_ref()));
    if logger.is_some_and(|logger| logger.has_unsent()) {
        tracing::error!("intents that were never sent were not withdrawn; the next start makes them unknown");
    }
    let checkpoint = desk.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = checkpoint {
        tracing::warn!(%error, "the journal's log was left beside it; the next start reads it");
    }
}

/// Waits for a command; none once the queue is closed. What is still to be withdrawn is tried again meanwhile.
fn next(
    desk: &Desk,
    logger: Option<&IntentLogger>,
    commands: &Receiver<Box<dyn Command>>,
) -> Option<Box<dyn Command>> {
    while logger.is_some_and(IntentLogger::has_unsent) {
        match commands.recv_timeout(WITHDRAW_EVERY) {
            Ok(command) => return Some(command),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => match withdraw(desk, logger) {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "intents that were never sent could not be withdrawn yet")
                }
            },
        }
    }
    commands.recv().ok()
}

fn withdraw(desk: &Desk, logger: Option<&IntentLogger>) -> rusqlite::Result<()> {
    logger.map_or(Ok(()), |logger| logger.withdraw(desk))
}

fn fail_all(batch: &mut [Box<dyn Command>], error: rusqlite::Error) {
    let shared = Arc::new(error);
    for command in batch {
        command.fail(Fault::Shared(Arc::clone(&shared)));
    }
}

fn write_batch(desk: &Desk, pace: &Pace, batch: &mut [Box<dyn Command>]) {
    match write_together(desk, pace, batch) {
        Together::Done => {}
        Together::NotBegun(error) => fail_all(batch, error),
        Together::Spoiled => {
            desk.clear_begun();
            for (number, command) in batch.iter_mut().enumerate() {
                write_alone(desk, number, command.as_mut());
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

fn write_together(desk: &Desk, pace: &Pace, batch: &mut [Box<dyn Command>]) -> Together {
    if let Err(error) = desk.begin() {
        return Together::NotBegun(error);
    }
    for (number, command) in batch.iter_mut().enumerate() {
        let changes = desk.total_changes();
        desk.at_command(number);
        // A failure may also have cost the transaction itself: SQLite ends it when the disk is full.
        if !command.run(desk) && (desk.total_changes() != changes || desk.is_autocommit()) {
            desk.roll_back();
            return Together::Spoiled;
        }
    }
    if pace.sync(|| desk.commit()).is_err() {
        desk.roll_back();
        return Together::Spoiled;
    }
    Together::Done
}

fn write_alone(desk: &Desk, number: usize, command: &mut dyn Command) {
    if let Err(error) = desk.begin() {
        command.fail(error.into());
        return;
    }
    let mark = desk.at_command(number);
    if !command.run(desk) {
        desk.roll_back();
        desk.undo_to(&mark);
    } else if let Err(error) = desk.commit() {
        command.fail(error.into());
        desk.roll_back();
        desk.undo_to(&mark);
    }
}
