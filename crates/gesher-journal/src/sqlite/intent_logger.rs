//! The one thread that makes intents durable in the intent log. It takes them from the writer after the commit that
//! holds them, in the order of the commits, and answers the commands that began them; meanwhile the writer is at the
//! next commit. So a commit waits for one sync and not for two, and the log may be behind the database, never ahead.
//!
//! Where the log cannot be written, those who wait hear so and send nothing. Their steps are then the writer's to end.

use super::desk::Desk;
use super::fault::Fault;
use super::outcomes;
use super::writer::Command;
use crate::error::JournalError;
use crate::intent_log::SharedLog;
use gesher_core::StepId;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

/// The intents of one commit.
pub(super) struct Committed {
    /// Their steps.
    pub(super) steps: Vec<StepId>,
    /// Their lines in the log.
    pub(super) lines: Vec<u8>,
    /// The commands that began them, which are answered once the lines are durable.
    pub(super) commands: Vec<Box<dyn Command>>,
}

/// The writer's handle of the thread. Dropping it logs what was handed over, and ends the thread.
pub(super) struct IntentLogger {
    queue: Option<Sender<Committed>>,
    thread: Option<JoinHandle<()>>,
    unsent: Unsent,
}

/// The steps whose intents could not be logged, until the database says so. They are put here before anybody hears of it,
/// so that whatever a caller writes next finds them ended.
#[derive(Clone, Default)]
struct Unsent(Arc<Mutex<Vec<StepId>>>);

impl Unsent {
    fn lock(&self) -> MutexGuard<'_, Vec<StepId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts steps in front of those that came meanwhile.
    fn put_back(&self, mut steps: Vec<StepId>) {
        let unsent = &mut *self.lock();
        steps.append(unsent);
        *unsent = steps;
    }
}

impl IntentLogger {
    /// Starts the thread. `writer` is the writer's queue; it is not kept open for this.
    pub(super) fn start(
        log: Arc<SharedLog>,
        writer: Weak<Sender<Box<dyn Command>>>,
    ) -> std::io::Result<Self> {
        let (queue, committed) = channel();
        let unsent = Unsent::default();
        let at_work = AtWork { log, unsent: unsent.clone(), writer };
        let thread = std::thread::Builder::new()
            .name("journal-intents".to_owned())
            .spawn(move || at_work.log_until_closed(&committed))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), unsent })
    }

    /// Hands the intents of a commit over. False where the thread has ended: then the commands are dropped, their answers
    /// with them, the callers see `Closed`, and the steps are to be withdrawn.
    #[must_use]
    pub(super) fn log(&self, committed: Committed) -> bool {
        let Some(queue) = &self.queue else { return false };
        match queue.send(committed) {
            Ok(()) => true,
            Err(SendError(mut lost)) => {
                self.unsent.lock().append(&mut lost.steps);
                false
            }
        }
    }

    /// Whether steps wait for the database to take that they were not sent.
    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.lock().is_empty()
    }

    /// Ends the steps whose intents could not be logged. Where the database cannot begin with it, nothing else is to be
    /// written before; where it refuses, they stay in flight until a later try, or until the next start makes them
    /// `unknown`.
    pub(super) fn withdraw(&self, desk: &Desk) -> rusqlite::Result<()> {
        // The database may be busy for a while, in which whoever could not log more does not wait for it.
        let steps = std::mem::take(&mut *self.unsent.lock());
        if steps.is_empty() {
            return Ok(());
        }
        let withdrawn = desk.begin().map(|()| {
            let withdrawn = outcomes::withdraw(desk, &steps).and_then(|()| Ok(desk.commit()?));
            withdrawn.map_err(|fault| {
                desk.roll_back();
                fault.while_doing("withdraw what could not be logged")
            })
        });
        if !matches!(withdrawn, Ok(Ok(()))) {
            self.unsent.put_back(steps);
        }
        if let Err(error) = withdrawn? {
            tracing::error!(%error, "intents that were never sent could not be withdrawn yet");
        }
        Ok(())
    }

    /// Logs what was handed over, and ends the thread.
    pub(super) fn close(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the intent log ended before its time");
        }
    }
}

impl Drop for IntentLogger {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread works with.
struct AtWork {
    log: Arc<SharedLog>,
    unsent: Unsent,
    writer: Weak<Sender<Box<dyn Command>>>,
}

impl AtWork {
    fn log_until_closed(&self, queue: &Receiver<Committed>) {
        while let Ok(mut all) = queue.recv() {
            // They are as many as callers wait for.
            while let Ok(next) = queue.try_recv() {
                all.steps.extend(next.steps);
                all.lines.extend(next.lines);
                all.commands.extend(next.commands);
            }
            if let Err(error) = self.append(&all.lines) {
                self.refuse(&mut all, &error);
            }
            all.commands.into_iter().for_each(Command::answer);
        }
    }

    fn append(&self, lines: &[u8]) -> Result<(), JournalError> {
        gesher_core::failpoint!("intent.committed");
        if gesher_core::mutant!("skip_intent_log") {
            return Ok(());
        }
        let logged = self.log.lock().append(lines);
        gesher_core::failpoint!("intent.logged");
        logged
    }

    /// Lets callers hear that nothing is sent, and the writer that there is something to withdraw.
    fn refuse(&self, all: &mut Committed, error: &JournalError) {
        tracing::error!(%error, intents = all.steps.len(), "intents could not be logged, so nothing is sent for them");
        for command in &mut all.commands {
            command.fail(Fault::Refused(unlogged(error)));
        }
        self.unsent.lock().append(&mut all.steps);
        // Without a queue the writer is closing: it looks once more when this thread has ended.
        if let Some(writer) = self.writer.upgrade() {
            drop(writer.send(Box::new(Wake)));
        }
    }
}

/// The refusal of an intent that could not be logged.
fn unlogged(error: &JournalError) -> JournalError {
    match error {
        JournalError::IntentLog { path, why } => {
            JournalError::IntentLog { path: path.clone(), why: why.clone() }
        }
        other => JournalError::IntentLog { path: "the intent log".to_owned(), why: other.to_string() },
    }
}

/// A command that does nothing: with any command the writer withdraws first.
struct Wake;

impl Command for Wake {
    fn run(&mut self, _desk: &Desk) -> bool {
        true
    }

    fn fail(&mut self, _error: Fault) {}

    fn answer(self: Box<Self>) {}
}
