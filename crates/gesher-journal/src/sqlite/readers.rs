//! The threads that read. Each owns a connection that cannot write, so that a long list never holds up the writer.

use super::fault::Fault;
use crate::error::JournalError;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The handle of the reading threads. Dropping it ends them.
pub(super) struct Readers {
    queue: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts one thread a connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (queue, questions) = channel();
        let questions = Arc::new(Mutex::new(questions));
        let threads = connections
            .into_iter()
            .map(|connection| {
                let questions = Arc::clone(&questions);
                std::thread::Builder::new()
                    .name("journal-reader".to_owned())
                    .spawn(move || read_until_closed(&connection, &questions))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Asks one question. `doing` says for errors what the journal was asked to do.
    pub(super) async fn ask<T, F>(&self, doing: &'static str, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // Whoever asked may have gone.
            drop(answer.send(work(connection).map_err(|fault| fault.while_doing(doing))));
        });
        let queue = self.queue.as_ref().ok_or(JournalError::Closed)?;
        queue.send(question).map_err(|_| JournalError::Closed)?;
        answered.await.unwrap_or(Err(JournalError::Closed))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the journal ended before its time");
            }
        }
    }
}

fn read_until_closed(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        // The lock is held while waiting: the other readers wait for it instead of for the queue, which is the same.
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(question) => question(connection),
            Err(_) => return,
        }
    }
}
