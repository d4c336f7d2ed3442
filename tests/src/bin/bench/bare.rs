//! The bare client: the hub's transport and the hub's promise to the disk, and nothing else.
//!
//! It reads the same file, sends the same requests with as many in flight, and writes an intent before and an outcome
//! after each call. What the hub costs above it is the price of scripts, keys, checks and everything else.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use clap::ValueEnum;
use gesher_provider::{BaseUrl, MoneyTransport, Outgoing, TransportOptions};
use hyper::header::{CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, HeaderValue};
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::failure::{Failure, While};
use crate::rows::{self, Row};

/// Writes in one commit, as many as in the hub's.
const BATCH_MAX: usize = 512;

/// What is written down durably, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Commits {
    /// Nothing.
    None,
    /// Intents and outcomes of all calls share commits.
    Group,
    /// Each intent and each outcome has a commit of its own.
    Each,
}

/// One run of the bare client.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Bare {
    /// Where the provider is.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// The rows.
    #[arg(long)]
    pub(crate) file: PathBuf,
    /// An empty folder for what is written down.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// What is written down.
    #[arg(long)]
    pub(crate) commits: Commits,
    /// Calls at a time.
    #[arg(long)]
    pub(crate) in_flight: usize,
}

type Rows = csv::DeserializeRecordsIntoIter<File, Row>;

struct Shared {
    transport: MoneyTransport,
    rows: Mutex<Rows>,
    journal: Option<Journal>,
}

/// Charges every row.
pub(crate) fn run(bare: &Bare) -> Result<(), Failure> {
    let base = BaseUrl::parse(&format!("http://{}", bare.address)).or_fail("read the address")?;
    let transport = MoneyTransport::new(base, TransportOptions::default()).or_fail("make a transport")?;
    let file = csv::Reader::from_path(&bare.file).or_fail(&format!("open {}", bare.file.display()))?;
    let journal = match bare.commits {
        Commits::None => None,
        Commits::Group => Some(Journal::start(&bare.data, BATCH_MAX)?),
        Commits::Each => Some(Journal::start(&bare.data, 1)?),
    };
    let shared = Arc::new(Shared { transport, rows: Mutex::new(file.into_deserialize()), journal });
    let runtime = tokio::runtime::Runtime::new().or_fail("start a runtime")?;
    runtime.block_on(async {
        let workers: Vec<_> = (0..bare.in_flight).map(|_| tokio::spawn(work(Arc::clone(&shared)))).collect();
        for worker in workers {
            worker.await.or_fail("finish a worker")??;
        }
        Ok(())
    })
}

async fn work(shared: Arc<Shared>) -> Result<(), Failure> {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_LANGUAGE, HeaderValue::from_static("he")),
    ];
    loop {
        let next = shared.rows.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(row) = next else { return Ok(()) };
        let row = row.or_fail("read a row")?;
        let body = Bytes::from(row.request());
        if let Some(journal) = &shared.journal {
            journal.write(Entry::Intent(row.order_id.clone())).await?;
        }
        let outgoing = Outgoing { path: rows::PATH, headers: &headers, body };
        let reply = shared.transport.post(outgoing).await.or_fail("send a charge")?;
        let payment = payment_of(&reply.body)?;
        if let Some(journal) = &shared.journal {
            journal.write(Entry::Outcome(row.order_id, payment)).await?;
        }
    }
}

/// What of an answer says that the money moved.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Data")]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "Payment")]
    payment: Payment,
}

#[derive(Deserialize)]
struct Payment {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(rename = "ValidPayment")]
    valid: bool,
}

fn payment_of(answer: &[u8]) -> Result<i64, Failure> {
    let found: Answer = serde_json::from_slice(answer).or_fail("read an answer")?;
    match found.data.map(|data| data.payment) {
        Some(payment) if payment.valid => Ok(payment.id),
        _ => Err(Failure::new(format!("a charge failed: {}", String::from_utf8_lossy(answer)))),
    }
}

enum Entry {
    Intent(String),
    Outcome(String, i64),
}

type Write1 = (Entry, oneshot::Sender<()>);

/// Writes durably what is queued, a batch at a time: into a database, and the intents also into a log of their own.
struct Journal {
    queue: Option<Sender<Write1>>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Journal {
    fn start(folder: &Path, batch_max: usize) -> Result<Self, Failure> {
        let database = open(&folder.join("bare.db")).or_fail("open the bare client's database")?;
        let log = folder.join("intents.log");
        let log =
            OpenOptions::new().create(true).append(true).open(log).or_fail("open the bare client's log")?;
        let (queue, entries) = channel();
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write_until_closed(&database, log, &entries, batch_max).or_fail("write"))
            .or_fail("start a thread")?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    async fn write(&self, entry: Entry) -> Result<(), Failure> {
        let (done, durable) = oneshot::channel();
        if let Some(queue) = &self.queue {
            queue.send((entry, done)).or_fail("hand over to the writer")?;
        }
        durable.await.or_fail("write durably")
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue = None;
        // A writer that failed has failed its callers already.
        let _told = self.thread.take().map(JoinHandle::join);
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    database.pragma_update(None, "synchronous", "full")?;
    database.execute_batch(
        "CREATE TABLE steps (key TEXT PRIMARY KEY, state TEXT NOT NULL, payment INTEGER) STRICT, WITHOUT ROWID",
    )?;
    Ok(database)
}

fn write_until_closed(
    database: &Connection,
    mut log: File,
    entries: &Receiver<Write1>,
    batch_max: usize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut batch: Vec<Write1> = Vec::with_capacity(batch_max);
    let mut lines = Vec::new();
    while let Ok(first) = entries.recv() {
        batch.push(first);
        batch.extend(entries.try_iter().take(batch_max - 1));
        database.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for (entry, _) in &batch {
            match entry {
                Entry::Intent(key) => {
                    let insert = "INSERT INTO steps (key, state) VALUES (?1, 'in_flight')";
                    database.prepare_cached(insert)?.execute([key])?;
                    writeln!(lines, "{key}")?;
                }
                Entry::Outcome(key, payment) => {
                    let update = "UPDATE steps SET state = 'succeeded', payment = ?2 WHERE key = ?1";
                    database.prepare_cached(update)?.execute((key, payment))?;
                }
            }
        }
        database.prepare_cached("COMMIT")?.execute([])?;
        if !lines.is_empty() {
            log.write_all(&lines)?;
            log.sync_data()?;
            lines.clear();
        }
        for (_, done) in batch.drain(..) {
            // A caller that has gone does not need to be told.
            let _gone = done.send(());
        }
    }
    Ok(())
}
