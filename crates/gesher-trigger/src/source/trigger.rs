//! The source of one flow at work: asks it, begins what it found, and keeps where the next look goes on.
//!
//! One look at a time. What it found begins its runs in one commit together with the cursor, so whatever dies when, the next
//! look brings what is not begun, and what is begun is known by its id. A source that fails is asked again from the same
//! place, ever more seldom; one that brings more than the flow works on waits.

use super::pace::{FAILURES_TOLD, Way, pause_after};
use super::{Looked, Looks, found, messages};
use crate::error::TriggerError;
use crate::event::{Event, EventFlow, new_runs};
use crate::webhook::Inbox;
use gesher_core::time::random_bytes;
use gesher_engine::journal::{EventBegun, JournalError, NewEvent, SourceLook};
use gesher_engine::{Engine, Part, Stop};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Events of a flow that may wait to be worked on before its source is asked for more. What is not asked for stays there.
const WAITING_MAX: u64 = 1_000;
/// Once so many waited, that is told until no more than this do: a flow that works them off crosses the limit again and again.
const WAITING_TOLD_MIN: u64 = WAITING_MAX / 2;
/// Pause before it is seen again whether the flow has worked on some of them, or the journal can be read.
const HOLD_PAUSE: Duration = Duration::from_secs(1);
/// How long a look may go on once the hub is to stop. Whatever it finds later is found again.
const STOP_WAIT: Duration = Duration::from_secs(1);
/// Events that came again as something else which are remembered, so that each is told once.
const TOLD_MAX: usize = 1_000;
/// How often ids of runs are drawn anew where one is another run's.
const TRIES_MAX: u32 = 8;

/// What a flow listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRules {
    /// The source's name, which is part of the identity of its events: `bank.transfers`.
    pub source: String,
    /// How it is asked.
    pub way: Way,
}

/// The source of one flow.
pub struct SourceTrigger {
    engine: Engine,
    flow: EventFlow,
    rules: SourceRules,
    looks: Arc<dyn Looks>,
    /// Who works on what was begun.
    inbox: Arc<Inbox>,
}

/// How far the looks are.
struct Watch {
    cursor: Value,
    /// Failures in a row.
    failures: u32,
    /// Events that came again as something else, and were told.
    told: BTreeSet<String>,
}

impl SourceTrigger {
    /// The source of a flow. What it begins is worked on from `inbox`, which is the flow's.
    #[must_use]
    pub fn new(
        engine: Engine,
        flow: EventFlow,
        rules: SourceRules,
        looks: Arc<dyn Looks>,
        inbox: Arc<Inbox>,
    ) -> Self {
        Self { engine, flow, rules, looks, inbox }
    }

    /// What it listens to.
    #[must_use]
    pub fn rules(&self) -> &SourceRules {
        &self.rules
    }

    /// The flow's name.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.flow.flow.name
    }

    /// Looks until `stop` is asked for. Only a failure of the journal at the beginning, or a fault of the hub, ends it early.
    pub async fn watch(&self, stop: &Stop) -> Result<(), TriggerError> {
        let known = self.engine.journal().source_cursor(self.flow(), &self.rules.source).await;
        let cursor = known.map_err(TriggerError::journal("reading how far a source was looked at"))?;
        let mut watch = Watch { cursor: cursor.unwrap_or_default(), failures: 0, told: BTreeSet::new() };
        while !stop.is_requested() {
            let pause = self.look_once(&mut watch, stop).await?;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.requested() => {}
            }
        }
        Ok(())
    }

    /// Looks once, and answers the pause until the next look.
    async fn look_once(&self, watch: &mut Watch, stop: &Stop) -> Result<Duration, TriggerError> {
        if !self.engine.health().until_may_begin(stop).await || self.has_enough().await {
            return Ok(HOLD_PAUSE);
        }
        let source = self.rules.source.as_str();
        let clock = self.engine.clock();
        let began = clock.monotonic();
        let Some(looked) = self.ask(watch.cursor.clone(), stop).await else { return Ok(HOLD_PAUSE) };
        let took = clock.monotonic().saturating_sub(began);
        let looked = match looked {
            Ok(looked) => looked,
            Err(why) => return Ok(self.failed(watch, &why)),
        };
        let found::Found { events, fault } = found::events(self.engine.redactor(), source, &looked);
        // What comes behind something that cannot be taken is looked for again, and so is that.
        let cursor = if fault.is_some() { watch.cursor.clone() } else { looked.cursor };
        let mut found_news = false;
        if !events.is_empty() || cursor != watch.cursor {
            let Some(begun) = self.keep(&events, &cursor, stop).await? else { return Ok(HOLD_PAUSE) };
            watch.cursor = cursor;
            self.inbox.came();
            found_news = self.tell(watch, &events, &begun);
        }
        if let Some(fault) = fault {
            return Ok(self.failed(watch, &format!("what {source} brought is not taken: {fault}")));
        }
        self.went_well(watch);
        Ok(self.rules.way.pause(found_news, took))
    }

    /// Whether so much waits to be worked on that no more is asked for. What cannot be read counts as enough.
    async fn has_enough(&self) -> bool {
        match self.engine.journal().waiting_of(self.flow()).await {
            Ok(many) => {
                let part = Part::Inbox(self.flow().to_owned());
                let health = self.engine.health();
                if many >= WAITING_MAX && !health.is_in_trouble(&part) {
                    health.trouble(part, messages::full(&self.rules.source, many));
                } else if many <= WAITING_TOLD_MIN {
                    health.well(&part);
                }
                many >= WAITING_MAX
            }
            Err(error) => {
                self.engine.store_failed(&error);
                true
            }
        }
    }

    /// Asks the source, on a thread of its own: nothing could end a call that never comes back. None where the stop came
    /// before the answer.
    async fn ask(&self, cursor: Value, stop: &Stop) -> Option<Result<Looked, String>> {
        let (answers, answer) = oneshot::channel();
        let (looks, wait) = (Arc::clone(&self.looks), self.rules.way.wait());
        let asks = move || {
            // Whoever waited may have gone.
            let _unheard = answers.send(looks.look(&cursor, wait));
        };
        if let Err(error) = std::thread::Builder::new().name("source".to_owned()).spawn(asks) {
            return Some(Err(format!("the system gave no thread to look at {}: {error}", self.rules.source)));
        }
        let broke_off = |_| Err(format!("the look at {} broke off", self.rules.source));
        tokio::pin!(answer);
        tokio::select! {
            answered = &mut answer => Some(answered.unwrap_or_else(broke_off)),
            () = stop.requested() => {
                let late = tokio::time::timeout(STOP_WAIT, answer).await;
                // One that is told to stop may fail because of it.
                late.ok()?.ok()?.ok().map(Ok)
            }
        }
    }

    /// Begins the runs of the events and keeps the cursor, in one commit and over failures of the journal's store. None where
    /// the stop came first: then nothing was begun, or all of it, and the next look finds out.
    async fn keep(
        &self,
        events: &[(Event, NewEvent)],
        cursor: &Value,
        stop: &Stop,
    ) -> Result<Option<Vec<EventBegun>>, TriggerError> {
        for _ in 0..TRIES_MAX {
            loop {
                let look = SourceLook {
                    flow: self.flow().to_owned(),
                    source: self.rules.source.clone(),
                    cursor: cursor.clone(),
                    events: new_runs(&self.engine, &self.flow, events)?,
                    at: self.engine.clock().now(),
                };
                match self.engine.journal().keep_look(look).await {
                    Ok(begun) => return Ok(Some(begun)),
                    Err(JournalError::Taken(_)) => break,
                    Err(error) if error.is_of_store() => {
                        self.engine.store_failed(&error);
                        if !self.engine.health().until_may_begin(stop).await {
                            return Ok(None);
                        }
                    }
                    Err(error) => {
                        return Err(TriggerError::journal("beginning the runs of events")(error));
                    }
                }
            }
        }
        Err(TriggerError::Internal("drawing a run's id"))
    }

    /// Tells what became of the events. Answers whether any of them is new.
    fn tell(&self, watch: &mut Watch, events: &[(Event, NewEvent)], begun: &[EventBegun]) -> bool {
        let (flow, source) = (self.flow(), self.rules.source.as_str());
        let mut many = 0;
        for ((event, named), begun) in events.iter().zip(begun) {
            match begun {
                EventBegun::New => many += 1,
                EventBegun::Again { run } => {
                    tracing::debug!(%run, flow, source, "the event {} came again", event.name);
                }
                EventBegun::Other { run } => {
                    if watch.told.len() < TOLD_MAX && watch.told.insert(named.id.clone()) {
                        let text = messages::changed(source, &event.name, run);
                        self.engine.alarm(messages::CHANGED, flow, &text);
                    }
                }
            }
        }
        if many > 0 {
            tracing::info!(flow, source, "{many} events began their runs");
        }
        many > 0
    }

    /// Takes note of a failure, and answers the pause after it.
    fn failed(&self, watch: &mut Watch, why: &str) -> Duration {
        let (flow, source) = (self.flow(), self.rules.source.as_str());
        let why = self.engine.redactor().text(why);
        watch.failures = watch.failures.saturating_add(1);
        tracing::warn!(flow, source, failures = watch.failures, "{why}");
        if watch.failures >= FAILURES_TOLD {
            // Whoever looks after the hub is told of its troubles, once each.
            self.engine.health().trouble(self.part(), messages::failed(source, watch.failures, &why));
        }
        let mut bytes = [0; 8];
        let drawn = random_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes));
        pause_after(watch.failures, drawn.unwrap_or(0))
    }

    fn went_well(&self, watch: &mut Watch) {
        if watch.failures > 0 {
            tracing::info!(flow = self.flow(), source = self.rules.source, "the source answers again");
            self.engine.health().well(&self.part());
        }
        watch.failures = 0;
    }

    fn part(&self) -> Part {
        Part::Source(self.flow().to_owned())
    }
}
