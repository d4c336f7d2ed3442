//! The schedule of one flow at work: looks at the clock, begins the run of each tick that is due, and takes the runs to
//! their end one after the other.
//!
//! Which ticks there are is `ticks`', which of them were missed is `rules`'. That none runs twice, over all processes and
//! for ever, is the journal's: a tick's id begins one run. What is kept here, how far ticks are dealt with, only says how
//! far to look back.

use super::clock::{ClockWatch, Trust};
use super::messages;
use super::rules::{Due, HELD_MAX, Missed, Overlap, ScheduleRules, due};
use super::ticks::Tick;
use crate::error::TriggerError;
use crate::event::{self, Begun, BegunAs, Event, EventFlow};
use gesher_core::time::random_bytes;
use gesher_core::{RunId, Text};
use gesher_engine::journal::{KnownSchedule, NewEvent, RunChange, RunRecord, RunState, TriggerKind};
use gesher_engine::{Engine, Progress, RunEnd, Stop};
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use serde_json::json;
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

struct Shared {
    engine: Engine,
    flow: EventFlow,
    rules: ScheduleRules,
    /// Whose turn it is: ticks of a flow never work at once.
    turn: Mutex<()>,
}

/// How far the ticks are dealt with, and what is at work.
struct Watch {
    clock: ClockWatch,
    known: KnownSchedule,
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
        let due = due(&shared.rules.schedule, watch.known.until, now);
        if let Some(run) = shared.make_up_for(watch, &due).await? {
            self.spawn(watch, run, stop);
        }
        for tick in &due.punctual {
            if let Some(run) = shared.begin_punctual(watch, tick).await? {
                self.spawn(watch, run, stop);
            }
        }
        match due.missed.is_empty() && due.punctual.is_empty() {
            true => Ok(()),
            false => shared.note(watch, now).await,
        }
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

    /// Begins the run of a tick because a person asks for it, or answers the one that there is. A tick that was left out
    /// begins a further one.
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
            let was_left_out = run.is_some_and(|run| run.state == RunState::Refused);
            if begun.as_what == BegunAs::New || !was_left_out {
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
    fn name(&self) -> &str {
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
        let (now, name) = (self.engine.clock().now(), self.name());
        let rule = self.rule();
        let found = self.engine.journal().schedule(name).await;
        let found = found.map_err(TriggerError::journal("reading what is known of a schedule"))?;
        let fresh = || KnownSchedule { flow: name.to_owned(), rule: rule.clone(), since: now, until: now };
        let known = match found {
            Some(known) if known.rule == rule => known,
            Some(known) => {
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
        }
        Ok(watch)
    }

    /// What makes a schedule another one, so that it has no ticks in the past. Days of rest are not of it: a tick keeps its
    /// name when it moves.
    fn rule(&self) -> String {
        let schedule = &self.rules.schedule;
        let zone = schedule.zone.iana_name().unwrap_or_default();
        json!({ "cron": schedule.cron.text(), "clamp": schedule.cron.clamps(), "time_zone": zone })
            .to_string()
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
        watch.looked_at = now;
        if now >= watch.known.until {
            return Ok(());
        }
        self.note(watch, now).await
    }

    fn event(&self, tick: &Tick) -> Event {
        Event { trigger: TriggerKind::Schedule, name: tick.name(), key: None, input: tick.argument() }
    }

    async fn begin_once(&self, tick: &Tick, again: usize) -> Result<Begun, TriggerError> {
        event::begin_once(&self.engine, &self.flow, &self.event(tick), identity(tick, again)).await
    }

    async fn begin_held(&self, tick: &Tick, why: &Text) -> Result<Begun, TriggerError> {
        event::begin_once_held(&self.engine, &self.flow, &self.event(tick), identity(tick, 0), why).await
    }

    /// Does about missed ticks what the rules say. Answers the run that is to be worked on.
    async fn make_up_for(&self, watch: &Watch, due: &Due) -> Result<Option<(RunId, Tick)>, TriggerError> {
        let Some(latest) = due.missed.last() else { return Ok(None) };
        match self.rules.missed {
            Missed::Hold => {
                let mut held = Vec::new();
                for tick in &due.missed {
                    let begun = self.begin_held(tick, &messages::held(tick)).await?;
                    if begun.as_what == BegunAs::New {
                        held.push(begun.run.to_string());
                    }
                }
                self.say_held(&held, due.is_cut);
                Ok(None)
            }
            Missed::RunOnce => {
                let begun = self.begin_once(latest, 0).await?;
                if !self.is_to_be_worked_on(watch, &begun).await? {
                    return Ok(None);
                }
                let (name, run, many) = (self.name(), &begun.run, due.missed.len() - 1);
                tracing::warn!(
                    flow = name, %run,
                    "the tick of {} was missed and runs now{}", latest.name(), others(many, due.is_cut)
                );
                Ok(Some((begun.run, latest.clone())))
            }
            Missed::Drop => {
                let (name, many) = (self.name(), due.missed.len() - 1);
                tracing::warn!(
                    flow = name,
                    "the tick of {} was missed and is left out{}",
                    latest.name(),
                    others(many, due.is_cut)
                );
                Ok(None)
            }
        }
    }

    /// One alert, however many they are.
    fn say_held(&self, held: &[String], is_cut: bool) {
        if held.is_empty() {
            return;
        }
        let cut = match is_cut {
            true => format!("; there were more before these {HELD_MAX}, which are left out"),
            false => String::new(),
        };
        tracing::error!(
            flow = self.name(),
            "{} missed and wait for a person{cut}: `gesher approve RUN` or `gesher reject RUN` for each of {}",
            if held.len() == 1 { "1 tick was".to_owned() } else { format!("{} ticks were", held.len()) },
            held.join(" ")
        );
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
                return self.leave_out(tick, &messages::overlaps(tick, other)).await.map(|()| None);
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
    async fn is_to_be_worked_on(&self, watch: &Watch, begun: &Begun) -> Result<bool, TriggerError> {
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

    /// Writes down that a tick is left out. It is held for a moment before, so that no crash in between lets it run.
    async fn leave_out(&self, tick: &Tick, why: &Text) -> Result<(), TriggerError> {
        let begun = self.begin_held(tick, why).await?;
        if begun.as_what != BegunAs::New {
            return Ok(());
        }
        tracing::warn!(flow = self.name(), run = %begun.run, "{}", why.en);
        let message = Some(why.get(self.engine.language()).to_owned());
        let change = RunChange { state: Some(RunState::Refused), message, ..RunChange::default() };
        let changed = self.engine.journal().change_run(&begun.run, change, self.engine.clock().now()).await;
        changed.map_err(TriggerError::journal("leaving a tick out"))
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

fn others(many: usize, is_cut: bool) -> String {
    match many {
        0 => String::new(),
        many if is_cut => format!("; more than {many} before it are left out"),
        many => format!("; {many} before it are left out"),
    }
}
