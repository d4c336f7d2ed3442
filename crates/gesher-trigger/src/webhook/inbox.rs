//! What was accepted and waits to be worked on: the journal is the queue. A bounded number of deliveries is worked on at a
//! time, in the order of their coming, and only so many are in memory; what a crash left is found in the same place. One that
//! could not be worked on, for lack of a thread say, is taken up again after a pause.

use super::later::Later;
use super::limits::REPLY_WAIT_MAX;
use super::reply::{self, Told};
use crate::error::TriggerError;
use crate::event::{self, Begun, Event, EventFlow};
use gesher_core::RunId;
use gesher_core::limits::CONCURRENCY_MAX;
use gesher_engine::journal::{ItemQuery, NewEvent, RunRecord};
use gesher_engine::{Engine, Stop};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Deliveries that are read at a time. Each may be as long as a body.
const PAGE: usize = 16;
/// Pause after the journal could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// The deliveries to one flow.
pub struct Inbox {
    engine: Engine,
    flow: EventFlow,
    /// Whether senders wait for what the script answers.
    keeps_answers: bool,
    came: Notify,
    waiting: Mutex<HashMap<RunId, Vec<oneshot::Sender<()>>>>,
    later: Mutex<Later>,
}

impl Inbox {
    /// The deliveries to a flow. `keeps_answers` keeps what its script answers.
    #[must_use]
    pub fn new(engine: Engine, flow: EventFlow, keeps_answers: bool) -> Self {
        let (came, waiting, later) = (Notify::new(), Mutex::default(), Mutex::default());
        Self { engine, flow, keeps_answers, came, waiting, later }
    }

    /// The flow's name.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.flow.flow.name
    }

    /// The one path.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Accepts a delivery, durably: nobody may be told so before this has come back.
    pub(super) async fn accept(&self, event: &Event, identity: NewEvent) -> Result<Begun, TriggerError> {
        let begun = event::begin_once(&self.engine, &self.flow, event, identity).await;
        match &begun {
            // Also where it was there before: the beginning of its run may not have been heard of for trouble with the
            // store, and then nobody was told.
            Ok(_) => self.came.notify_one(),
            Err(error) => {
                if let Some(error) = error.of_store() {
                    self.engine.store_failed(error);
                }
            }
        }
        begun
    }

    /// Works on what was accepted until `stop` is asked for, and then to the end of what is at work.
    pub async fn work(self: Arc<Self>, stop: Stop) {
        let places = Arc::new(Semaphore::new(self.flow.flow.concurrency.clamp(1, CONCURRENCY_MAX)));
        let mut at_work = JoinSet::new();
        let mut last: Option<RunId> = None;
        while !stop.is_requested() {
            let page = self.engine.journal().waiting_deliveries(self.flow(), last.as_ref(), PAGE).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(flow = self.flow(), %error, "accepted deliveries cannot be read");
                    self.engine.store_failed(&error);
                    until(&stop, tokio::time::sleep(READ_PAUSE)).await;
                    continue;
                }
            };
            let again = self.due().await;
            if page.is_empty() && again.is_empty() {
                let next = self.later().next();
                until(&stop, came_or(&self.came, next)).await;
            }
            last = page.last().map(|run| run.id.clone()).or(last);
            for run in again.into_iter().chain(page) {
                let Some(place) = until(&stop, Arc::clone(&places).acquire_owned()).await else { break };
                if !self.engine.health().until_may_begin(&stop).await {
                    break;
                }
                let (inbox, stop) = (Arc::clone(&self), stop.clone());
                at_work.spawn(async move {
                    inbox.work_on(run, &stop).await;
                    drop(place);
                });
            }
            while at_work.try_join_next().is_some() {}
        }
        while at_work.join_next().await.is_some() {}
    }

    /// The deliveries that could not be worked on some time ago, as they stand now.
    async fn due(&self) -> Vec<RunRecord> {
        let due = self.later().due(Instant::now());
        let mut again = Vec::with_capacity(due.len());
        for id in due {
            match self.engine.journal().run(&id).await {
                Ok(Some(run)) if !run.state.is_final() => again.push(run),
                Ok(_) => self.later().forget(&id),
                Err(error) => {
                    self.engine.store_failed(&error);
                    self.later().put_off(&id, Instant::now());
                }
            }
        }
        again
    }

    async fn work_on(&self, run: RunRecord, stop: &Stop) {
        let id = run.id.clone();
        loop {
            let worked = event::go_on(&self.engine, &self.flow, run.clone(), self.keeps_answers, stop).await;
            let Err(error) = worked else {
                self.later().forget(&id);
                break;
            };
            let passes = error.of_store().filter(|_| !self.engine.health().has_lost());
            let Some(failed) = passes else {
                self.could_not(&id, &error).await;
                break;
            };
            self.engine.store_failed(failed);
            if !self.engine.health().until_may_begin(stop).await {
                break;
            }
        }
        self.tell(&id);
    }

    /// A delivery that could not be worked on is taken up again after a pause. A person's decision may have ended it
    /// meanwhile, or taken it up, which is no fault.
    async fn could_not(&self, run: &RunId, error: &TriggerError) {
        let there = self.engine.journal().run(run).await;
        let is_over = there.is_ok_and(|run| run.is_some_and(|run| run.state.is_final()));
        if is_over || matches!(error, TriggerError::AtWork { .. }) {
            return self.later().forget(run);
        }
        let is_noted = self.later().put_off(run, Instant::now());
        let then = if is_noted { "is taken up again after a pause" } else { "waits for the next start" };
        tracing::error!(%run, flow = self.flow(), "an accepted delivery {then}: {}", error.with_reasons());
        self.came.notify_one();
    }

    /// Waits until a run has ended, for a while, and answers how; none where it takes longer.
    pub(super) async fn answer(&self, run: &RunId) -> Option<Told> {
        let (sender, ended) = oneshot::channel();
        self.waiting().entry(run.clone()).or_default().push(sender);
        // It may have ended before anybody waited.
        if let Some(told) = self.recorded(run).await {
            self.tell(run);
            return Some(told);
        }
        let waited = tokio::time::timeout(REPLY_WAIT_MAX, ended).await;
        self.forget(run);
        match waited {
            Ok(_told) => self.recorded(run).await,
            // Somebody else may have gone on with it after a crash.
            Err(_elapsed) => self.recorded(run).await,
        }
    }

    /// Forgets those who waited for a run and have gone.
    fn forget(&self, run: &RunId) {
        let mut waiting = self.waiting();
        let Some(senders) = waiting.get_mut(run) else { return };
        senders.retain(|sender| !sender.is_closed());
        if senders.is_empty() {
            waiting.remove(run);
        }
    }

    /// How a run ended, as the journal has it.
    async fn recorded(&self, run: &RunId) -> Option<Told> {
        let journal = self.engine.journal();
        let found = journal.run(run).await.ok().flatten().filter(|run| run.state.is_final())?;
        let query = ItemQuery { run: run.clone(), status: None, after: Some(0), limit: 1 };
        let end = journal.items(&query).await.ok()?.into_iter().next()?.end?;
        let answer = event::answer_of(&found).ok().flatten();
        Some(reply::ended(run, &end, answer))
    }

    /// Tells those who wait for a run that it is over, or will not be soon.
    fn tell(&self, run: &RunId) {
        for sender in self.waiting().remove(run).unwrap_or_default() {
            // Whoever waited may have gone.
            let _gone = sender.send(());
        }
    }

    fn later(&self) -> MutexGuard<'_, Later> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<RunId, Vec<oneshot::Sender<()>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until something came, or until then.
async fn came_or(came: &Notify, then: Option<Instant>) {
    match then {
        None => came.notified().await,
        Some(then) => {
            // Whichever it was: the journal is asked.
            let _came_or_not = tokio::time::timeout_at(then, came.notified()).await;
        }
    }
}

/// What `work` comes to, or nothing where the stop comes first.
async fn until<T>(stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.requested() => None,
        done = work => Some(done),
    }
}
