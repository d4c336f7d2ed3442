//! The schedule of one flow at work: looks at the clock, begins the run of each tick that is due, and takes the runs to
//! their end one after the other.
//!
//! Which ticks there are is `ticks`', which of them were missed is `rules`', what becomes of those is `missed`'s. That none
//! runs twice, over all processes and for ever, is the journal's: a tick's id begins one run. What is kept here, how far
//! ticks are dealt with, only says how far to look back.

use super::clock::{ClockWatch, Trust};
use super::known::{self, Before};
use super::messages;
use super::rules::{Due, Overlap, ScheduleRules, due, left_behind};
use super::ticks::{Schedule, Tick};
use crate::error::TriggerError;
use crate::event::{self, Begun, BegunAs, Event, EventFlow};
use gesher_core::time::random_bytes;
use gesher_core::{RunId, Text};
use gesher_engine::journal::{KnownSchedule, NewEvent, RunRecord, RunState, TriggerKind};
use gesher_engine::{Engine, Progress, RunEnd, Stop};
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

/// The longest sleep: a clock that was set is noticed within it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Beyond a tick's instant, so that the clock does not stand just before it.
const BEYOND: Duration = Duration::from_millis(1);
/// Ticks that wait their turn. A schedule that is slower than its own runs leaves further ones out.
const QUEUE_MAX: usize = 100;
/// How often a tick that was left out may be run by hand after all.
const TRIES_MAX: usize = 100;

/// The schedule of one flow. Clones share it.
#[derive(Clone)]
pub struct ScheduleTrigger(Arc<Shared>);

pub(super) struct Shared {
    pub(super) engine: Engine,
    flow: EventFlow,
    pub(super) rules: ScheduleRules,
    /// Whose turn it is: ticks of a flow never work at once.
    turn: Mutex<()>,
}

/// How far the ticks are dealt with, and what is at work.
pub(super) struct Watch {
    clock: ClockWatch,
    known: KnownSchedule,
    /// Ticks that the rules of rest put into the past when they were edited. Until they are dealt with, `known` has the rules
    /// from before, so that no crash forgets them.
    behind: Due,
    /// The last instant that was believed, up to which nothing more is due.
    looked_at: Timestamp,
    /// The store failed in the midst of it: what has its run already may have got it then, with nobody at work on it.
    is_after_trouble: bool,
    working: JoinSet<()>,
}

impl ScheduleTrigger {
    /// The schedule of a flow.
    #[must_use]
    pub fn new(engine: Engine, flow: EventFlow, rules: ScheduleRules) -> Self {
        Self(Arc::new(Shared { engine, flow, rules, turn: Mutex::new(()) }))
    }

    /// When it fires, and what is done about its ticks.
    #[must_use]
    pub fn rules(&self) -> &ScheduleRules {
        &self.0.rules
    }

    /// Fires until `stop` is asked for, then waits for what is at work. Only a failure of the journal, or of the machine,
    /// ends it early.
    pub async fn watch(&self, stop: &Stop) -> Result<(), TriggerError> {
        let mut watch = self.0.begin().await?;
        let fired = self.fire(&mut watch, stop).await;
        // What was dealt with in this life is not looked at again, also where a rule of rest is edited meanwhile. Where this
        // cannot be written, the next start looks further back, and finds by their names what ran.
        let until = watch.known.until.max(watch.looked_at);
        if let Err(error) = self.0.note(&mut watch, until).await {
            tracing::warn!(flow = self.0.name(), "{}", error.with_reasons());
        }
        while watch.working.join_next().await.is_some() {}
        fired
    }

    async fn fire(&self, watch: &mut Watch, stop: &Stop) -> Result<(), TriggerError> {
        let shared = &self.0;
        // Unknown, none for ever, or the next one.
        let mut next: Option<Option<Tick>> = None;
        while !stop.is_requested() {
            let now = shared.engine.clock().now();
            while watch.working.try_join_next().is_some() {}
            match watch.clock.look(now, shared.engine.clock().monotonic()) {
                Trust::Doubtful => next = None,
                Trust::Set(by) => {
                    shared.clock_was_set(watch, now, by).await?;
                    next = None;
                }
                Trust::Sound => {
                    let is_due =
                        next.as_ref().is_none_or(|tick| tick.as_ref().is_some_and(|tick| tick.at <= now));
                    if is_due {
                        next = self.try_deal_with(watch, now, stop).await?;
                    }
                    if next.is_some() {
                        watch.looked_at = now;
                    }
                }
            }
            let tick = next.as_ref().and_then(Option::as_ref);
            tokio::select! {
                () = tokio::time::sleep(pause(now, tick)) => {}
                () = stop.requested() => {}
            }
        }
        Ok(())
    }

    /// Deals with what is due, and answers the tick after. None where the hub is in trouble: it is tried again.
    async fn try_deal_with(
        &self,
        watch: &mut Watch,
        now: Timestamp,
        stop: &Stop,
    ) -> Result<Option<Option<Tick>>, TriggerError> {
        let shared = &self.0;
        if !shared.engine.health().may_begin() {
            return Ok(None);
        }
        if let Err(error) = self.deal_with(watch, now, stop).await {
            let Some(failed) = error.of_store() else { return Err(error) };
            shared.engine.store_failed(failed);
            watch.is_after_trouble = true;
            return Ok(None);
        }
        watch.is_after_trouble = false;
        Ok(Some(shared.rules.schedule.next_after(watch.known.until.max(now))))
    }

    /// Begins, holds or leaves out whatever is due.
    async fn deal_with(&self, watch: &mut Watch, now: Timestamp, stop: &Stop) -> Result<(), TriggerError> {
        let shared = &self.0;
        let due = watch.behind.clone().then(due(&shared.rules.schedule, watch.known.until, now));
        if let Some(run) = shared.make_up_for(watch, &due).await? {
            self.spawn(watch, run, stop);
        }
        for tick in &due.punctual {
            if let Some(run) = shared.begin_punctual(watch, tick).await? {
                self.spawn(watch, run, stop);
            }
        }
        let rule = known::text(&shared.rules.schedule);
        if due.missed.is_empty() && due.punctual.is_empty() && watch.known.rule == rule {
            return Ok(());
        }
        (watch.known.rule, watch.behind) = (rule, Due::default());
        shared.note(watch, now).await
    }

    fn spawn(&self, watch: &mut Watch, (run, tick): (RunId, Tick), stop: &Stop) {
        let (trigger, stop) = (self.clone(), stop.clone());
        watch.working.spawn(async move {
            if !trigger.0.jitter(&stop).await {
                return;
            }
            if let Err(error) = trigger.work(&run, &tick, &stop, &Progress::default()).await {
                tracing::error!(%run, flow = trigger.0.name(), "a tick's run waits: {}", error.with_reasons());
            }
        });
    }

    /// Begins the run of a tick because a person asks for it, or answers the one that there is. A tick that was left out,
    /// or given up before it did anything, begins a further one.
    pub async fn begin_at(&self, tick: &Tick) -> Result<Begun, TriggerError> {
        let shared = &self.0;
        for again in 0..TRIES_MAX {
            let begun = shared.begin_once(tick, again).await?;
            let run = shared
                .engine
                .journal()
                .run(&begun.run)
                .await
                .map_err(TriggerError::journal("reading a run"))?;
            let did_nothing = match run {
                Some(run) if begun.as_what != BegunAs::New => shared.did_nothing(&run).await?,
                _ => false,
            };
            if !did_nothing {
                return Ok(begun);
            }
        }
        Err(TriggerError::Internal("beginning a tick that was left out very often"))
    }

    /// Takes the run of a tick to its end, once no other of this flow is at work.
    pub async fn work(
        &self,
        run: &RunId,
        tick: &Tick,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<RunEnd, TriggerError> {
        let Some(_turn) = self.0.turn(stop).await else { return Ok(RunEnd::Stopped) };
        event::work(&self.0.engine, &self.0.flow, run, &self.0.event(tick), stop, progress).await
    }

    /// Goes on with the run of a tick that was interrupted, or that a person decided about, once no other of this flow is
    /// at work.
    pub async fn resume(&self, run: RunRecord, stop: &Stop) -> Result<(), TriggerError> {
        let Some(_turn) = self.0.turn(stop).await else { return Ok(()) };
        event::resume(&self.0.engine, &self.0.flow, run, stop).await
    }
}

impl Shared {
    pub(super) fn name(&self) -> &str {
        &self.flow.flow.name
    }

    /// The turn to work; none where the stop came first.
    async fn turn(&self, stop: &Stop) -> Option<MutexGuard<'_, ()>> {
        tokio::select! {
            biased;
            () = stop.requested() => None,
            turn = self.turn.lock() => Some(turn),
        }
    }

    /// Learns how far the ticks are dealt with. A schedule that is new, or another than it was, begins now.
    async fn begin(&self) -> Result<Watch, TriggerError> {
        let (now, name, schedule) = (self.engine.clock().now(), self.name(), &self.rules.schedule);
        let rule = known::text(schedule);
        let found = self.engine.journal().schedule(name).await;
        let found = found.map_err(TriggerError::journal("reading what is known of a schedule"))?;
        let fresh = || KnownSchedule { flow: name.to_owned(), rule: rule.clone(), since: now, until: now };
        let (mut before, mut is_to_be_noted) = (None, false);
        let known = match found.map(|known| (known::compare(&known.rule, schedule), known)) {
            Some((Before::Same, known)) => {
                is_to_be_noted = known.rule != rule;
                KnownSchedule { rule: rule.clone(), ..known }
            }
            Some((Before::Rested(was), known)) => {
                before = Some(was);
                known
            }
            Some((Before::Another, known)) => {
                tracing::warn!(
                    flow = name,
                    "the schedule is another than before: it fires from now on, and what the old one missed since {} is \
                     not made up for",
                    known.until
                );
                fresh()
            }
            None => fresh(),
        };
        let mut watch = Watch {
            clock: ClockWatch::default(),
            known,
            behind: Due::default(),
            looked_at: Timestamp::MIN,
            is_after_trouble: false,
            working: JoinSet::new(),
        };
        if watch.known.until > now.saturating_add(super::clock::STEP_MAX).unwrap_or(now) {
            tracing::warn!(
                flow = name,
                "the clock lies behind what was written down; what ran does not run again"
            );
            self.note(&mut watch, now).await?;
        } else if watch.known.since == now {
            self.note(&mut watch, now).await?;
        } else if is_to_be_noted {
            let until = watch.known.until;
            self.note(&mut watch, until).await?;
        }
        if let Some(was) = before {
            watch.behind = self.behind(&was, watch.known.until);
        }
        Ok(watch)
    }

    /// What was still to come by the rules of rest from before, and would be forgotten by those of now.
    fn behind(&self, was: &Schedule, until: Timestamp) -> Due {
        let behind = left_behind(was, &self.rules.schedule, until);
        if !behind.missed.is_empty() {
            tracing::warn!(
                flow = self.name(),
                "the days of rest are others than before, so {} of the ticks that were still to come lie in the past now: \
                 they count as missed",
                behind.missed.len()
            );
        }
        behind
    }

    async fn note(&self, watch: &mut Watch, until: Timestamp) -> Result<(), TriggerError> {
        watch.known.until = until;
        let noted = self.engine.journal().know_schedule(watch.known.clone()).await;
        noted.map_err(TriggerError::journal("noting how far a schedule is dealt with"))
    }

    /// A clock that was set back shows times that were dealt with already: those that ran are known by their names.
    async fn clock_was_set(
        &self,
        watch: &mut Watch,
        now: Timestamp,
        by: SignedDuration,
    ) -> Result<(), TriggerError> {
        tracing::warn!(flow = self.name(), "the clock was set by {by:#}; ticks fire by the new time");
        // Never forward: what lies in the jump was not looked at, also where the hub stops before it is.
        watch.looked_at = watch.looked_at.min(now);
        if now >= watch.known.until {
            return Ok(());
        }
        self.note(watch, now).await
    }

    fn event(&self, tick: &Tick) -> Event {
        Event { trigger: TriggerKind::Schedule, name: tick.name(), key: None, input: tick.argument() }
    }

    pub(super) async fn begin_once(&self, tick: &Tick, again: usize) -> Result<Begun, TriggerError> {
        event::begin_once(&self.engine, &self.flow, &self.event(tick), identity(tick, again)).await
    }

    pub(super) async fn begin_held(&self, tick: &Tick, why: &Text) -> Result<Begun, TriggerError> {
        event::begin_once_held(&self.engine, &self.flow, &self.event(tick), identity(tick, 0), why).await
    }

    /// Begins the run of a tick that is on time, or leaves it out where the last one is still at work. Answers the run that
    /// is to be worked on.
    async fn begin_punctual(
        &self,
        watch: &Watch,
        tick: &Tick,
    ) -> Result<Option<(RunId, Tick)>, TriggerError> {
        let at_work = self.at_work().await?;
        let is_left_out = match self.rules.overlap {
            Overlap::Skip => at_work.is_some(),
            Overlap::Queue => watch.working.len() >= QUEUE_MAX,
        };
        let begun = match (is_left_out, &at_work) {
            (true, Some(other)) => {
                let why = messages::overlaps(tick, other);
                if let Some(run) = self.leave_out(tick, &why).await? {
                    tracing::warn!(flow = self.name(), %run, "{}", why.en);
                }
                return Ok(None);
            }
            _ => self.begin_once(tick, 0).await?,
        };
        let is_to_be = self.is_to_be_worked_on(watch, &begun).await?;
        let (name, run) = (self.name(), &begun.run);
        match is_to_be {
            true => tracing::info!(flow = name, %run, "the tick of {} is due", tick.name()),
            false => tracing::info!(flow = name, %run, "the tick of {} has its run already", tick.name()),
        }
        Ok(is_to_be.then(|| (begun.run, tick.clone())))
    }

    /// Whether a run is this process's to work on: one that began now, or whose beginning was not heard of for trouble
    /// with the store.
    pub(super) async fn is_to_be_worked_on(
        &self,
        watch: &Watch,
        begun: &Begun,
    ) -> Result<bool, TriggerError> {
        if begun.as_what == BegunAs::New || !watch.is_after_trouble {
            return Ok(begun.as_what == BegunAs::New);
        }
        let run = self.engine.journal().run(&begun.run).await;
        let run = run.map_err(TriggerError::journal("reading a run"))?;
        Ok(run.is_some_and(|run| run.state == RunState::Claimed))
    }

    /// A run of this schedule that is at work, in this process or another, or will be in a moment.
    async fn at_work(&self) -> Result<Option<RunId>, TriggerError> {
        let unfinished = self.engine.journal().unfinished_runs().await;
        let unfinished = unfinished.map_err(TriggerError::journal("reading the unfinished runs"))?;
        let mut own = unfinished
            .into_iter()
            .filter(|run| run.trigger == TriggerKind::Schedule && run.flow == self.name());
        let is_at_work = |run: &RunRecord| match run.state {
            // One that cannot begin, since this hub cannot run its script, keeps no other waiting.
            RunState::Claimed => event::may_begin(run),
            state => matches!(state, RunState::Running | RunState::Reporting),
        };
        Ok(own.find(is_at_work).map(|run| run.id))
    }

    /// Waits for the tick's own moment. Answers false where the stop came first: the run goes on at the next start.
    async fn jitter(&self, stop: &Stop) -> bool {
        let most = u64::try_from(self.rules.jitter.as_millis()).unwrap_or(u64::MAX);
        if most == 0 {
            return true;
        }
        let mut bytes = [0; 8];
        let drawn = random_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes) % most);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(drawn.unwrap_or(0))) => true,
            () = stop.requested() => false,
        }
    }
}

/// What tells a tick from every other of its flow. `again` counts the times that it was left out.
fn identity(tick: &Tick, again: usize) -> NewEvent {
    let id = match again {
        0 => tick.id(),
        again => format!("{}+{again}", tick.id()),
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, id.as_bytes()).as_ref());
    NewEvent { id, hash }
}

/// Until the next tick, and not longer than a look.
fn pause(now: Timestamp, next: Option<&Tick>) -> Duration {
    let until = next.and_then(|tick| Duration::try_from(tick.at.duration_since(now)).ok());
    until.map_or(LOOK_EVERY, |until| until.saturating_add(BEYOND).min(LOOK_EVERY))
}
