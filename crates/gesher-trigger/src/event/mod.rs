//! Events that are a run of one item: a call, a delivery, a tick, an event of a source. Begins their runs, each once; takes them to their end
//! over failures of the journal's store; and goes on with those that a stop or a crash interrupted.
//!
//! What the script's function gets lies in the journal from the run's first commit on, so that a crash loses nothing.
//! Where an event comes from, and whether it may be believed, is for whoever begins its run.

mod answering;
mod kept;
mod started;

use crate::error::TriggerError;
use answering::Answering;
use gesher_core::{Key, RunId, Text};
use gesher_engine::journal::{
    EventBegun, JournalError, NewEvent, NewHold, NewRun, RunChange, RunRecord, RunState, ScriptBundle,
    TriggerKind,
};
use gesher_engine::{
    Engine, EngineError, Entry, Flow, Input, OneItem, Program, Progress, RunEnd, Scripts, Stop, Terms,
};
use kept::Kept;
use serde_json::Value;
pub(crate) use started::hash_of;
pub use started::{StartedBy, begin_started, identity, started_by};
use std::sync::Arc;

/// How often an id is drawn anew where it is another run's.
const RUN_ID_TRIES_MAX: u32 = 8;

/// A flow as its events need it. Clones share it.
#[derive(Clone)]
pub struct EventFlow {
    /// What it may do.
    pub flow: Arc<Flow>,
    /// Its script.
    pub scripts: Arc<Scripts>,
}

/// Something that happened, on its way to become a run of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is: anything but a file.
    pub trigger: TriggerKind,
    /// What the run is for, for people.
    pub name: String,
    /// What names its item for ever in its flow, where anything does.
    pub key: Option<Key>,
    /// What the script's function gets.
    pub input: Value,
}

/// What became of an event that can begin one run only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The run: that of this event, or that of an earlier one.
    pub run: RunId,
    /// Whether the event is that run's, and since when.
    pub as_what: BegunAs,
}

/// See [`Begun`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunAs {
    /// The run began now.
    New,
    /// The same event began it before.
    Again,
    /// Something else was there before under the same id; nothing of this event was begun.
    Other,
}

/// The script's function for events of a trigger. None for files, whose items are rows.
#[must_use]
pub fn entry_of(trigger: TriggerKind) -> Option<Entry> {
    match trigger {
        TriggerKind::Drop => None,
        TriggerKind::Call => Some(Entry::Call),
        TriggerKind::Webhook => Some(Entry::Webhook),
        TriggerKind::Schedule => Some(Entry::Schedule),
        TriggerKind::Source => Some(Entry::Event),
    }
}

fn input_of(trigger: TriggerKind, value: Value) -> Input {
    match trigger {
        TriggerKind::Webhook => Input::Webhook(value),
        TriggerKind::Schedule => Input::Schedule(value),
        TriggerKind::Source => Input::Event(value),
        TriggerKind::Call | TriggerKind::Drop => Input::Call(value),
    }
}

impl Event {
    /// What the journal keeps of it: [`NewRun::source`].
    #[must_use]
    pub fn source(&self) -> Value {
        Kept::of(self).to_json()
    }

    fn new_run(&self, engine: &Engine, flow: &EventFlow, id: RunId) -> NewRun {
        NewRun {
            id,
            flow: flow.flow.name.clone(),
            trigger: self.trigger,
            name: self.name.clone(),
            source: self.source(),
            script: flow.scripts.current().script(),
            held: None,
            at: engine.clock().now(),
        }
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(JournalError) -> TriggerError {
        let name = self.name.clone();
        move |source| match source {
            // What the journal refuses is a fault of this event; what fails is the journal.
            source if source.is_of_store() => TriggerError::Journal { doing, source },
            source => TriggerError::Begin { name, source: EngineError::Journal { doing, source } },
        }
    }
}

/// The runs of events that begin together, each with what tells it from every other. The first brings the script of them all,
/// which the journal keeps where any of them begins.
pub(crate) fn new_runs(
    engine: &Engine,
    flow: &EventFlow,
    events: &[(Event, NewEvent)],
) -> Result<Vec<(NewRun, NewEvent)>, TriggerError> {
    let script = flow.scripts.current().script();
    let kept = |at| if at == 0 { script.clone() } else { ScriptBundle::of_hash(script.hash.clone()) };
    let run_of = |(at, (event, named)): (usize, &(Event, NewEvent))| {
        let id = draw(event)?;
        Ok((NewRun { script: kept(at), ..event.new_run(engine, flow, id) }, named.clone()))
    };
    events.iter().enumerate().map(run_of).collect()
}

/// Begins the run of an event that nothing tells from another of the same kind, durably.
pub async fn begin(engine: &Engine, flow: &EventFlow, event: &Event) -> Result<RunId, TriggerError> {
    for _ in 1..RUN_ID_TRIES_MAX {
        let id = draw(event)?;
        match engine.journal().start_run(event.new_run(engine, flow, id.clone())).await {
            Ok(()) => return Ok(id),
            Err(JournalError::Taken(_)) => {}
            Err(error) => return Err(event.failed("beginning a run")(error)),
        }
    }
    Err(TriggerError::Internal("drawing a run's id"))
}

/// Begins the run of an event under an id that was drawn for it, durably and once: answers whether this was the time.
/// Asked again after a crash, it finds the run that is there, and no second one begins.
pub async fn begin_as(
    engine: &Engine,
    flow: &EventFlow,
    event: &Event,
    id: &RunId,
) -> Result<bool, TriggerError> {
    match engine.journal().start_run(event.new_run(engine, flow, id.clone())).await {
        Ok(()) => Ok(true),
        Err(JournalError::Taken(taken)) => {
            let found = engine.journal().run(id).await.map_err(TriggerError::journal("reading a run"))?;
            let is_this = |run: &RunRecord| {
                let same = |kept: Kept| kept.is_of(event);
                run.trigger == event.trigger && run.flow == flow.flow.name && Kept::read(run).is_ok_and(same)
            };
            match found.is_some_and(|run| is_this(&run)) {
                true => Ok(false),
                false => Err(event.failed("beginning a run")(JournalError::Taken(taken))),
            }
        }
        Err(error) => Err(event.failed("beginning a run")(error)),
    }
}

/// Begins the run of an event that can begin one only, durably: over all processes, and for ever.
pub async fn begin_once(
    engine: &Engine,
    flow: &EventFlow,
    event: &Event,
    identity: NewEvent,
) -> Result<Begun, TriggerError> {
    begin_once_as(engine, flow, event, identity, None, Kept::of(event)).await
}

/// The same for an event that waits for a person: its run is held from its first commit on, so that no crash lets it
/// begin unasked. `why` says for people what it waits for; a person lets it begin with `gesher approve`, after which
/// [`resume`] takes it to its end.
pub async fn begin_once_held(
    engine: &Engine,
    flow: &EventFlow,
    event: &Event,
    identity: NewEvent,
    why: &Text,
) -> Result<Begun, TriggerError> {
    let terms = Terms::of_script(&flow.scripts.current().script());
    let hold = NewHold { message: why.get(engine.language()).to_owned(), terms: terms.to_json() };
    begin_once_as(engine, flow, event, identity, Some(hold), Kept::of(event)).await
}

async fn begin_once_as(
    engine: &Engine,
    flow: &EventFlow,
    event: &Event,
    identity: NewEvent,
    held: Option<NewHold>,
    kept: Kept,
) -> Result<Begun, TriggerError> {
    for _ in 1..RUN_ID_TRIES_MAX {
        let id = draw(event)?;
        let run =
            NewRun { held: held.clone(), source: kept.to_json(), ..event.new_run(engine, flow, id.clone()) };
        match engine.journal().start_event(run, identity.clone()).await {
            Ok(EventBegun::New) => return Ok(Begun { run: id, as_what: BegunAs::New }),
            Ok(EventBegun::Again { run }) => return Ok(Begun { run, as_what: BegunAs::Again }),
            Ok(EventBegun::Other { run }) => return Ok(Begun { run, as_what: BegunAs::Other }),
            Err(JournalError::Taken(_)) => {}
            Err(error) => return Err(event.failed("beginning the run of an event")(error)),
        }
    }
    Err(TriggerError::Internal("drawing a run's id"))
}

fn draw(event: &Event) -> Result<RunId, TriggerError> {
    let name = &event.name;
    RunId::random()
        .map_err(|source| TriggerError::Begin { name: name.clone(), source: EngineError::Id(source) })
}

/// Takes a run that has just begun to its end.
///
/// Over failures of the journal's store: the run waits until the store works again, and goes on from what is recorded.
/// Only the stop ends the wait.
pub async fn work(
    engine: &Engine,
    flow: &EventFlow,
    run: &RunId,
    event: &Event,
    stop: &Stop,
    progress: &Progress,
) -> Result<RunEnd, TriggerError> {
    let kept = Kept::of(event);
    let worker = Worker { engine, flow, program: None, run, stop, progress, keeps_answer: false };
    worker.work(event.trigger, kept).await
}

/// What takes one run to its end.
struct Worker<'a> {
    engine: &'a Engine,
    flow: &'a EventFlow,
    /// What the run began with, where that was looked up already.
    program: Option<&'a Arc<dyn Program>>,
    run: &'a RunId,
    stop: &'a Stop,
    progress: &'a Progress,
    /// Whether somebody waits for what the script's function answers.
    keeps_answer: bool,
}

impl Worker<'_> {
    async fn work(&self, trigger: TriggerKind, kept: Kept) -> Result<RunEnd, TriggerError> {
        loop {
            let ended = self.work_once(trigger, kept.clone()).await;
            let failed = ended.as_ref().err().and_then(TriggerError::of_store);
            let Some(failed) = failed.filter(|_| !self.engine.health().has_lost()) else { return ended };
            self.engine.store_failed(failed);
            if !self.engine.health().until_may_begin(self.stop).await {
                return Ok(RunEnd::Stopped);
            }
        }
    }

    async fn work_once(&self, trigger: TriggerKind, kept: Kept) -> Result<RunEnd, TriggerError> {
        let (engine, run) = (self.engine, self.run);
        // Before the run is read: whoever worked on it until now may have ended or halted it.
        let lease = engine.take_up(run);
        let _lease = lease.ok_or_else(|| TriggerError::AtWork { run: run.clone() })?;
        let there = engine.journal().run(run).await.map_err(TriggerError::journal("reading a run"))?;
        if let Some(there) = &there
            && let Some(end) = self.end_of(there).await?
        {
            return Ok(end);
        }
        let program = self.program_of(there.as_ref()).await?;
        self.progress.set_total(1);
        let items = Box::new(OneItem::new(kept.key(), input_of(trigger, kept.args.clone())));
        let answering = self.keeps_answer.then(|| Arc::new(Answering::new(Arc::clone(&program))));
        let listened: Option<Arc<dyn Program>> = answering.clone().map(|program| program as _);
        let program = listened.as_ref().unwrap_or(&program);
        let end = engine
            .run_items(run, &self.flow.flow, program, items, self.stop, self.progress)
            .await
            .map_err(of_run(run))?;
        if let Some(mut answer) = answering.and_then(|program| program.answer()) {
            engine.redactor().json(&mut answer);
            let source = Some(kept.that_was_answered(answer).to_json());
            let change = RunChange { source, ..RunChange::default() };
            let changed = engine.journal().change_run(run, change, engine.clock().now()).await;
            changed.map_err(TriggerError::journal("keeping an answer"))?;
        }
        if !matches!(end, RunEnd::Stopped | RunEnd::Halted { .. }) {
            end_run(engine, run).await?;
        }
        Ok(end)
    }

    /// How a run stands of which nothing more is to be worked on; none where it goes on.
    async fn end_of(&self, run: &RunRecord) -> Result<Option<RunEnd>, TriggerError> {
        match run.state {
            // Whoever else worked on it was faster.
            state if state.is_final() => Ok(Some(RunEnd::Complete)),
            RunState::Reporting => {
                // Every item of it has ended, and the last write had failed.
                end_run(self.engine, &run.id).await?;
                Ok(Some(RunEnd::Complete))
            }
            // Unknown answers halted it, perhaps just before the store failed. Only a person lets it go on.
            RunState::Halted if !Kept::read(run)?.goes_on => {
                let given_up = self.engine.cancel_of(&run.id).await.map_err(of_run(&run.id))?;
                let words = run.message.as_deref().unwrap_or_default();
                Ok(given_up.is_none().then(|| RunEnd::Halted { why: Text::verbatim(words) }))
            }
            _ => Ok(None),
        }
    }

    /// The script that the run began with: the flow may have another one by now.
    async fn program_of(&self, run: Option<&RunRecord>) -> Result<Arc<dyn Program>, TriggerError> {
        let Some(run) = run.filter(|_| self.program.is_none()) else {
            return Ok(self.program.map_or_else(|| self.flow.scripts.current(), Arc::clone));
        };
        let found = self.flow.scripts.of_run(self.engine, run).await.map_err(of_run(&run.id))?;
        found.map_err(|why| TriggerError::Held { run: run.id.clone(), why: why.en })
    }
}

fn of_run(run: &RunId) -> impl FnOnce(EngineError) -> TriggerError {
    let run = run.clone();
    move |source| TriggerError::Engine { run, source }
}

async fn end_run(engine: &Engine, run: &RunId) -> Result<(), TriggerError> {
    let tally = engine.journal().tally(run).await.map_err(TriggerError::journal("counting items"))?;
    engine.end_run(run, &tally).await.map_err(of_run(run))
}

/// Goes on with one run that was interrupted, that a person let go on, or that a person gave up. A halted one that
/// waits for a person goes on waiting, and so does a held one that nobody approved.
pub async fn resume(
    engine: &Engine,
    flow: &EventFlow,
    run: RunRecord,
    stop: &Stop,
) -> Result<(), TriggerError> {
    tracing::info!(run = %run.id, flow = flow.flow.name, "going on with an interrupted {}", run.trigger.as_str());
    go_on(engine, flow, run, false, stop).await
}

/// The same for a run that may not have been begun to be worked on, without a line in the log. `keeps_answer` keeps what
/// the script's function answers, for [`answer_of`].
pub async fn go_on(
    engine: &Engine,
    flow: &EventFlow,
    run: RunRecord,
    keeps_answer: bool,
    stop: &Stop,
) -> Result<(), TriggerError> {
    if run.state == RunState::Reporting {
        return end_run(engine, &run.id).await;
    }
    let is_given_up = engine.cancel_of(&run.id).await.map_err(of_run(&run.id))?.is_some();
    let mut kept = Kept::read(&run)?;
    let name = &flow.flow.name;
    if run.state == RunState::Held && !is_given_up {
        let script = flow.scripts.current().script();
        if !engine.begin_held(&run, &script).await.map_err(of_run(&run.id))? {
            tracing::warn!(run = %run.id, flow = name, "the run is held and waits for a person");
            return Ok(());
        }
    }
    if run.state == RunState::Halted && !kept.goes_on && !is_given_up {
        tracing::warn!(run = %run.id, flow = name, "the run is halted and waits for a person");
        return Ok(());
    }
    let program = match flow.scripts.of_run(engine, &run).await.map_err(of_run(&run.id))? {
        Ok(program) => program,
        // What is given up is not run, so it needs no script.
        Err(_) if is_given_up => flow.scripts.current(),
        Err(why) => return hold(engine, &run, &kept, &why).await,
    };
    if kept.goes_on {
        kept = kept.that_goes_on(false);
        let source = Some(kept.to_json());
        // In one write: a halted run that does not go on by itself waits for a person.
        let state = (run.state == RunState::Halted).then_some(RunState::Running);
        say(engine, &run.id, RunChange { state, source, ..RunChange::default() }, &went_on()).await?;
    }
    let progress = Progress::default();
    let program = Some(&program);
    let worker = Worker { engine, flow, program, run: &run.id, stop, progress: &progress, keeps_answer };
    worker.work(run.trigger, kept).await.map(drop)
}

/// What the script's function answered in a run, where that was kept.
pub fn answer_of(run: &RunRecord) -> Result<Option<Value>, TriggerError> {
    Kept::read(run).map(|kept| kept.answer)
}

/// Whether a run that nobody has worked on yet may begin: none that this hub cannot run, and holds until it can.
pub(crate) fn may_begin(run: &RunRecord) -> bool {
    Kept::read(run).is_ok_and(|kept| !kept.goes_on)
}

/// Leaves a run to a person: half of it by one script and half by another is nobody's intention. A state that cannot
/// be halted stays, and nothing is sent in it.
async fn hold(engine: &Engine, run: &RunRecord, kept: &Kept, words: &Text) -> Result<(), TriggerError> {
    tracing::error!(run = %run.id, flow = run.flow, "{}", words.en);
    let state = run.state.may_become(RunState::Halted).then_some(RunState::Halted);
    let source = Some(kept.that_goes_on(true).to_json());
    say(engine, &run.id, RunChange { state, source, ..RunChange::default() }, words).await
}

async fn say(engine: &Engine, run: &RunId, change: RunChange, words: &Text) -> Result<(), TriggerError> {
    let change = RunChange { message: Some(words.get(engine.language()).to_owned()), ..change };
    let changed = engine.journal().change_run(run, change, engine.clock().now()).await;
    changed.map_err(TriggerError::journal("changing a run"))
}

fn went_on() -> Text {
    Text::new("ההרצה נעצרה לזמן מה, ואחר כך המשיכה", "the run was held back for a while, and then went on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_run_that_is_held_back_or_cannot_be_read_may_not_begin() {
        let event = Event {
            trigger: TriggerKind::Schedule,
            name: "2026-03-29T08:00".to_owned(),
            key: None,
            input: Value::Null,
        };
        let held = Kept::of(&event).that_goes_on(true).to_json();
        for (source, want) in [(event.source(), true), (held, false), (Value::from(7), false)] {
            let run = RunRecord {
                id: "k7mq2xd".parse().unwrap(),
                flow: "books".to_owned(),
                trigger: event.trigger,
                name: event.name.clone(),
                source,
                script: String::new(),
                sha256: None,
                state: RunState::Claimed,
                message: None,
                rows: None,
                terms: None,
                started_at: Timestamp::UNIX_EPOCH,
                ended_at: None,
                closings: 0,
            };
            assert_eq!(may_begin(&run), want, "{}", run.source);
        }
    }
}
