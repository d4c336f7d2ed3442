//! Runs the items of a run: claims them in order, works on a bounded number at a time, and ends each exactly once.
//!
//! One thread reads and claims; `concurrency` threads work, one item each at a time, with stacks deep enough for
//! scripts. Ends are written in order and not waited for; the last write of a run is, and it proves them all.

use crate::cancel::cancelled;
use crate::decisions::Lease;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::flow::Flow;
use crate::halt::{self, UnknownGuard};
use crate::item::run_program;
use crate::messages;
use crate::program::{Entry, Input, ItemSource, Program, SourceError, SourceItem};
use crate::progress::Progress;
use crate::queue::{Filling, Queue};
use crate::result::RunResult;
use crate::stop::Stop;
use gesher_core::limits::CONCURRENCY_MAX;
use gesher_core::{ItemId, ItemStatus, RunId, Text};
use gesher_journal::{Claim, NewItem, RunChange, RunState, Tally, Written};
use serde_json::json;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Stack of a thread that runs scripts: 32 levels of calls fit many times over, in debug builds too.
pub const ITEM_STACK_BYTES: usize = 16 << 20;
/// Claimed items that still wait for a worker when the next block, claimed already, joins them: so workers never wait for
/// the reader's commit.
const WAITING_ITEMS_LOW: usize = 256;
/// Ends of items on their way to the disk before the oldest is waited for. It is written long since, as a rule.
const ENDS_ON_THEIR_WAY_MAX: usize = 512;
/// How often a worker looks whether items may begin again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a run's items came to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every item has ended, those that a person gave up as `cancelled`.
    Complete,
    /// A stop was asked for; the run goes on at the next start.
    Stopped,
    /// Unknown answers stopped it, as the flow says. Items at work have ended; the others wait for a person.
    Halted {
        /// What happened, and what to do.
        why: Text,
    },
    /// The file changed after it was validated. Items before this ordinal have ended; the rest was not taken.
    Changed {
        /// The first item that was not taken.
        first_untaken: u64,
    },
}

/// What all threads of a run share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    run: RunId,
    pub(crate) flow: Arc<Flow>,
    pub(crate) program: Arc<dyn Program>,
    pub(crate) stop: Stop,
    progress: Progress,
    pub(crate) guard: Arc<UnknownGuard>,
    pub(crate) lease: Lease,
    failed: Mutex<Option<EngineError>>,
    ends: Arc<Ends>,
    pub(crate) result: Option<Arc<dyn RunResult>>,
}

/// Ends of items that were handed to the journal. One that could not be written leaves its item without an end, which
/// the run must not take for a row that nobody began.
#[derive(Default)]
struct Ends(Mutex<VecDeque<Written<()>>>);

impl Ends {
    /// Takes one more, and gives back the oldest where there are enough of them.
    fn push(&self, end: Written<()>) -> Option<Written<()>> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.push_back(end);
        if ends.len() > ENDS_ON_THEIR_WAY_MAX { ends.pop_front() } else { None }
    }

    /// Waits until all are written.
    async fn written(&self) -> Result<(), EngineError> {
        let ends = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for end in ends {
            end.await.map_err(EngineError::journal("ending an item"))?;
        }
        Ok(())
    }
}

type Work = (SourceItem, Claim);

impl Shared {
    /// Keeps the first failure; everybody stops at the next item.
    fn fail(&self, error: EngineError) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A run that a person gives up is read to its end, so that every row of it gets one.
    fn ends_early(&self) -> bool {
        let halts = self.guard.is_halted() && !self.lease.is_cancelled();
        halts || self.stop.is_requested() || self.has_failed()
    }

    /// Whether another item may begin. Waits while the hub is in trouble; false once the run ends early.
    fn may_go_on(&self) -> bool {
        self.may_go_on_unless(|| false)
    }

    fn may_go_on_unless(&self, is_given_up: impl Fn() -> bool) -> bool {
        while !self.ends_early() && !is_given_up() {
            if self.engine.health().may_begin() {
                return true;
            }
            thread::sleep(LOOK_EVERY);
        }
        false
    }

    /// Whether an item may begin again after a pause. False once the run ends early, or a person gave it up.
    pub(crate) fn may_go_on_after(&self, pause: Duration) -> bool {
        let mut left = pause;
        while !left.is_zero() && !self.ends_early() && !self.lease.is_cancelled() {
            let nap = left.min(LOOK_EVERY);
            thread::sleep(nap);
            left -= nap;
        }
        self.may_go_on_unless(|| self.lease.is_cancelled())
    }
}

impl Engine {
    /// Runs every item of a run that is claimed, running or halted, from the first; the journal knows which have
    /// ended. Then `on_finish`, once. Leaves a complete run in [`RunState::Reporting`].
    ///
    /// After a failure of the journal's store it may be called again, for the same run, as soon as the store works.
    pub async fn run_items(
        &self,
        run: &RunId,
        flow: &Arc<Flow>,
        program: &Arc<dyn Program>,
        source: Box<dyn ItemSource>,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<RunEnd, EngineError> {
        let ran = self.run_through(run, flow, program, source, stop, progress).await;
        ran.inspect_err(|error| {
            if let Some(error) = error.of_store() {
                self.store_failed(error);
            }
        })
    }

    async fn run_through(
        &self,
        run: &RunId,
        flow: &Arc<Flow>,
        program: &Arc<dyn Program>,
        source: Box<dyn ItemSource>,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<RunEnd, EngineError> {
        let lease = self.lease(run);
        // Said before this process looked, or told to the lease by whoever looks from now on.
        if self.cancel_of(run).await?.is_some() {
            lease.cancel();
        } else if let Some(why) = self.halt_again(run, source.items_max(), program.has(Entry::Finish)).await?
        {
            return Ok(RunEnd::Halted { why });
        }
        self.change(run, RunState::Running).await?;
        let shared = Arc::new(Shared {
            engine: self.clone(),
            run: run.clone(),
            flow: Arc::clone(flow),
            program: Arc::clone(program),
            stop: stop.clone(),
            progress: progress.clone(),
            guard: Arc::new(UnknownGuard::new(run.clone(), flow.on_unknown)),
            lease,
            failed: Mutex::new(None),
            ends: Arc::default(),
            result: source.result(),
        });
        let read = work_through(&shared, source).await?;
        shared.ends.written().await?;
        if let Some(error) = shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        // Ends were written in order and not waited for; this is the write that proves them.
        self.change_run(run, RunChange::default()).await?;
        let tally =
            self.journal().tally(run).await.map_err(EngineError::journal("counting a run's items"))?;
        let may_finish = !shared.guard.is_halted() || shared.lease.is_cancelled() || tally.finish.is_some();
        let has_finish = program.has(Entry::Finish);
        if matches!(read, Read::Stopped) || tally.queued > 0 || (has_finish && !may_finish) {
            return shared.left(tally.queued).await;
        }
        if has_finish && !finish(&shared, &tally).await? {
            return Ok(RunEnd::Stopped);
        }
        let message = shared.guard.halted().map(|_| halt::none_left().get(self.language()).to_owned());
        let state = Some(RunState::Reporting);
        self.change_run(run, RunChange { state, message, ..RunChange::default() }).await?;
        self.at_work().halting().remove(run);
        Ok(match read {
            Read::Changed { first_untaken } => RunEnd::Changed { first_untaken },
            Read::All | Read::Stopped => RunEnd::Complete,
        })
    }

    /// Moves a run to another state, durably.
    pub async fn change(&self, run: &RunId, state: RunState) -> Result<(), EngineError> {
        self.change_run(run, RunChange { state: Some(state), ..RunChange::default() }).await
    }

    pub(crate) async fn change_run(&self, run: &RunId, change: RunChange) -> Result<(), EngineError> {
        self.journal()
            .change_run(run, change, self.clock().now())
            .await
            .map_err(EngineError::journal("moving a run to its next state"))
    }
}

impl Shared {
    /// Why a run has items without an end. One that unknown answers halted was written down as such the moment that
    /// they did; this proves it.
    async fn left(&self, queued: u64) -> Result<RunEnd, EngineError> {
        match self.guard.halted() {
            Some(why) => {
                self.engine.halt(&self.run, &why).await?;
                Ok(RunEnd::Halted { why })
            }
            // Every row may have been read, with some waiting for a worker still when the stop came.
            None if self.stop.is_requested() => Ok(RunEnd::Stopped),
            None => Err(EngineError::Unended { run: self.run.clone(), queued }),
        }
    }
}

/// How the reading of a run's rows ended.
enum Read {
    All,
    Stopped,
    Changed { first_untaken: u64 },
}

/// Starts the threads and waits for all of them.
async fn work_through(shared: &Arc<Shared>, source: Box<dyn ItemSource>) -> Result<Read, EngineError> {
    let (done, ended) = oneshot::channel();
    let crew = Arc::clone(shared);
    thread::Builder::new()
        .name("gesher-run".into())
        .spawn(move || {
            let read = with_workers(&crew, source);
            // The receiver is gone only when whoever waited was dropped, and then nobody asks.
            let _unsent = done.send(read);
        })
        .map_err(|source| EngineError::Thread { what: "a run", source })?;
    ended.await.unwrap_or_else(|_gone| Err(EngineError::Lost { what: "a run" }))
}

fn with_workers(shared: &Arc<Shared>, source: Box<dyn ItemSource>) -> Result<Read, EngineError> {
    let workers = shared.flow.concurrency.min(source.items_max()).clamp(1, CONCURRENCY_MAX);
    let queue = Queue::new(WAITING_ITEMS_LOW);
    thread::scope(|scope| {
        // Gone at the end, whatever that is, which is what lets the workers go home.
        let filling = queue.filling();
        for number in 0..workers {
            let (shared, queue) = (&**shared, &queue);
            thread::Builder::new()
                .name(format!("gesher-item-{number}"))
                .stack_size(ITEM_STACK_BYTES)
                .spawn_scoped(scope, move || work(shared, queue))
                .map_err(|source| EngineError::Thread { what: "an item", source })?;
        }
        read_and_claim(shared, source, &filling)
    })
}

fn read_and_claim(
    shared: &Shared,
    mut source: Box<dyn ItemSource>,
    filling: &Filling<'_, Work>,
) -> Result<Read, EngineError> {
    let mut first_untaken = 1;
    loop {
        if !shared.may_go_on() {
            return Ok(Read::Stopped);
        }
        let items = match source.next() {
            Ok(items) if items.is_empty() => return Ok(Read::All),
            Ok(items) => items,
            Err(SourceError::Changed) => return Ok(Read::Changed { first_untaken }),
            Err(source) => return Err(EngineError::Source { run: shared.run.clone(), source }),
        };
        let rows: Vec<NewItem> = items.iter().map(|item| item.item.clone()).collect();
        let now = shared.engine.clock().now();
        gesher_core::failpoint!("rows.before");
        let claims = shared
            .engine
            .runtime()
            .block_on(shared.engine.journal().claim_items(&shared.run, rows, now))
            .map_err(EngineError::journal("claiming rows"))?;
        gesher_core::failpoint!("rows.claimed");
        if let Some(last) = items.last() {
            first_untaken = last.item.ordinal + 1;
        }
        filling.add(items.into_iter().zip(claims));
    }
}

fn work(shared: &Shared, queue: &Queue<Work>) {
    while let Some((item, claim)) = queue.take() {
        if !shared.may_go_on() {
            continue;
        }
        // A worker that died would leave the reader waiting for ever.
        let worked = catch_unwind(AssertUnwindSafe(|| one_item(shared, item, claim)));
        if let Err(error) = worked.unwrap_or(Err(EngineError::Lost { what: "an item" })) {
            shared.fail(error);
        }
    }
}

/// Takes one claimed item to its end.
fn one_item(shared: &Shared, source: SourceItem, claim: Claim) -> Result<(), EngineError> {
    let id = ItemId { run: shared.run.clone(), ordinal: source.item.ordinal };
    let engine = &shared.engine;
    let end = match claim {
        Claim::Ended => {
            match source.item.ended {
                Some(end) => shared.progress.add(end.status),
                None => shared.progress.add_earlier(),
            }
            return Ok(());
        }
        Claim::Held(holder) => {
            Some(messages::duplicate(engine.language(), engine.time_zone(), &shared.run, &holder))
        }
        Claim::Conflict(holder) => Some(messages::key_conflict(engine.language(), &holder)),
        Claim::Taken { .. } if shared.lease.is_cancelled() => Some(cancelled(engine, &id)?),
        Claim::Taken { resumed, .. } => match source.input {
            Some(input) => run_program(shared, &id, input, resumed)?,
            None => None,
        },
    };
    if let Some(end) = end {
        shared.progress.add(end.status);
        let ended = engine.journal().finish_item(&id, end, engine.clock().now());
        gesher_core::failpoint!("item.ended");
        if let Some(earlier) = shared.ends.push(ended) {
            engine.runtime().block_on(earlier).map_err(EngineError::journal("ending an item"))?;
        }
    }
    Ok(())
}

/// `on_finish(summary)`: an item of its own, after the last row, once. Whether it has ended.
async fn finish(shared: &Arc<Shared>, tally: &Tally) -> Result<bool, EngineError> {
    let counts: serde_json::Map<String, serde_json::Value> = ItemStatus::ALL
        .into_iter()
        .map(|status| (status.as_str().to_owned(), json!(tally.count(status))))
        .collect();
    let summary = json!({ "run": shared.run.as_str(), "rows": tally.items(), "counts": counts });
    let item = NewItem {
        ordinal: ItemId::FINISH,
        line: 0,
        key: None,
        cells_hash: [0; 16],
        amount: None,
        ended: None,
    };
    let now = shared.engine.clock().now();
    let claims = shared
        .engine
        .journal()
        .claim_items(&shared.run, vec![item.clone()], now)
        .await
        .map_err(EngineError::journal("claiming the end of a run"))?;
    let Some(claim) = claims.into_iter().next() else {
        return Ok(false);
    };
    let source = SourceItem { item, input: Some(Input::Finish(summary)) };
    let quiet = shared.uncounted();
    let (done, ended) = oneshot::channel();
    thread::Builder::new()
        .name("gesher-finish".into())
        .stack_size(ITEM_STACK_BYTES)
        .spawn(move || {
            let _unsent = done.send(one_item(&quiet, source, claim));
        })
        .map_err(|source| EngineError::Thread { what: "the end of a run", source })?;
    ended.await.unwrap_or_else(|_gone| Err(EngineError::Lost { what: "the end of a run" }))?;
    shared.ends.written().await?;
    shared.engine.change_run(&shared.run, RunChange::default()).await?;
    let tally = shared.engine.journal().tally(&shared.run).await;
    Ok(tally.map_err(EngineError::journal("reading the end of a run"))?.finish.is_some())
}

impl Shared {
    /// The same run with counters of its own: `on_finish` is no row.
    fn uncounted(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            run: self.run.clone(),
            flow: Arc::clone(&self.flow),
            program: Arc::clone(&self.program),
            stop: self.stop.clone(),
            progress: Progress::default(),
            guard: Arc::clone(&self.guard),
            lease: self.lease.clone(),
            failed: Mutex::new(None),
            ends: Arc::clone(&self.ends),
            result: self.result.clone(),
        }
    }
}
