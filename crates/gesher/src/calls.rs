//! Runs that a person calls for: `run FLOW --body`. Begins them, takes them to their end, and goes on with those that
//! were interrupted.
//!
//! A call is a run of one item. What it was called with lies in the journal, so that a crash loses nothing.

use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use crate::orphans;
use gesher_core::{Key, Redactor, RunId, Text};
use gesher_engine::journal::{JournalError, NewRun, RunChange, RunRecord, RunState, TriggerKind};
use gesher_engine::{Engine, Entry, OneCall, Program, Progress, RunEnd, Stop};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a flow is called with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallRequest {
    /// The flow's name.
    pub flow: String,
    /// What names the call for ever.
    pub key: Option<String>,
    /// What `on_call` gets.
    pub args: Value,
}

/// What the journal keeps of a call, to go on after a crash.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    key: Option<String>,
    args: Value,
    /// The run is halted by a fault of the hub, and goes on by itself once that has passed. A halted run without this
    /// waits for a person.
    #[serde(default)]
    goes_on: bool,
}

impl Source {
    fn of(run: &RunRecord) -> Result<Self, HubError> {
        let source = serde_json::from_value(run.source.clone());
        source.doing(format!("what run {} was called with cannot be read", run.id))
    }
}

impl CallRequest {
    /// Refuses a call that the flow cannot take. Nothing was begun when this refuses.
    pub fn check(&self, flow: &LoadedFlow, redactor: &Redactor) -> Result<(), HubError> {
        if !flow.scripts.current().has(Entry::Call) {
            return Err(HubError::usage(format!(
                "the flow {} has no function on_call(args), so it cannot be called",
                self.flow
            ))
            .hint("a flow with a drop folder is run with --file FILE"));
        }
        self.check_words(flow.moves_money, redactor)
    }

    /// Refuses what must not be written anywhere, and a name that is missing. Needs no loaded flow, so that it can be
    /// asked before anything of the call is put down.
    pub fn check_words(&self, moves_money: bool, redactor: &Redactor) -> Result<(), HubError> {
        match &self.key {
            None if moves_money => {
                return Err(HubError::usage(format!(
                    "the flow {} may move money, so a call of it needs a name",
                    self.flow
                ))
                .hint("give --key KEY; the same key is never charged again, whatever is called again"));
            }
            None => {}
            Some(key) if redactor.text(key) != *key => {
                return Err(HubError::usage(
                    "--key holds a secret or a card number, and those must not be kept",
                ));
            }
            Some(key) => {
                Key::clean(key).map_err(|error| HubError::usage("--key cannot be used").because(error))?;
            }
        }
        let mut clean = self.args.clone();
        redactor.json(&mut clean);
        if clean != self.args {
            return Err(HubError::usage(
                "the body holds a secret or a card number, and those must not be kept",
            )
            .hint("pass a card's token, and keep secrets with `gesher secrets set`"));
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.key.clone().unwrap_or_else(|| "call".to_owned())
    }

    /// What the journal keeps of it.
    pub fn source(&self) -> Value {
        json!(Source { key: self.key.clone(), args: self.args.clone(), goes_on: false })
    }
}

/// Begins the run of a call, durably.
pub async fn begin(engine: &Engine, flow: &LoadedFlow, request: &CallRequest) -> Result<RunId, HubError> {
    let script = flow.scripts.current().script();
    engine
        .start_run(&request.flow, TriggerKind::Call, &request.name(), request.source(), &script)
        .await
        .doing("the call cannot be begun")
}

/// Begins the run of a call under an id that was drawn for it, durably and once: answers whether this was the time.
/// Asked again after a crash, it finds the run that is there, and no second one begins.
pub async fn begin_as(
    engine: &Engine,
    flow: &LoadedFlow,
    request: &CallRequest,
    id: &RunId,
) -> Result<bool, HubError> {
    let run = NewRun {
        id: id.clone(),
        flow: request.flow.clone(),
        trigger: TriggerKind::Call,
        name: request.name(),
        source: request.source(),
        script: flow.scripts.current().script(),
        at: engine.clock().now(),
    };
    match engine.journal().start_run(run).await {
        Ok(()) => Ok(true),
        Err(JournalError::Taken(_)) => {
            let there = engine.journal().run(id).await.doing("reading the call's run")?;
            let is_this = |run: &RunRecord| {
                let same = |source: Source| source.key == request.key && source.args == request.args;
                run.trigger == TriggerKind::Call
                    && run.flow == request.flow
                    && Source::of(run).is_ok_and(same)
            };
            match there.is_some_and(|run| is_this(&run)) {
                true => Ok(false),
                false => Err(HubError::failed(format!("the id {id} is another run's")).hint("call again")),
            }
        }
        Err(error) => Err(error).doing("the call cannot be begun"),
    }
}

/// Takes a run of a call that has just begun to its end.
pub async fn work(
    engine: &Engine,
    flow: &LoadedFlow,
    run: &RunId,
    source: Value,
    stop: &Stop,
    progress: &Progress,
) -> Result<RunEnd, HubError> {
    work_with(engine, flow, flow.scripts.current(), run, source, stop, progress).await
}

/// Over failures of the journal's store: the call waits until the store works again, and goes on from what is recorded.
/// Only the stop ends the wait.
async fn work_with(
    engine: &Engine,
    flow: &LoadedFlow,
    program: &Arc<dyn Program>,
    run: &RunId,
    source: Value,
    stop: &Stop,
    progress: &Progress,
) -> Result<RunEnd, HubError> {
    loop {
        let ended = work_once(engine, flow, program, run, source.clone(), stop, progress).await;
        let failed = ended.as_ref().err().and_then(HubError::of_store);
        let Some(failed) = failed.filter(|_| !engine.health().has_lost()) else { return ended };
        engine.store_failed(failed);
        if !engine.health().until_may_begin(stop).await {
            return Ok(RunEnd::Stopped);
        }
    }
}

async fn work_once(
    engine: &Engine,
    flow: &LoadedFlow,
    program: &Arc<dyn Program>,
    run: &RunId,
    source: Value,
    stop: &Stop,
    progress: &Progress,
) -> Result<RunEnd, HubError> {
    let there = engine.journal().run(run).await.doing("reading the call's run")?;
    if there.is_some_and(|run| run.state == RunState::Reporting) {
        // Every item of it has ended, and the last write had failed.
        end_run(engine, run).await?;
        return Ok(RunEnd::Complete);
    }
    let source: Source =
        serde_json::from_value(source).doing(format!("what run {run} was called with cannot be read"))?;
    let key = source.key.as_deref().and_then(|key| Key::clean(key).ok());
    let lease = engine.take_up(run);
    let _lease = lease.ok_or_else(|| HubError::failed(format!("run {run} is being worked on already")))?;
    progress.set_total(1);
    let items = Box::new(OneCall::new(key, source.args));
    let end = engine
        .run_items(run, &flow.flow, program, items, stop, progress)
        .await
        .doing(format!("run {run} could not go on"))?;
    if !matches!(end, RunEnd::Stopped | RunEnd::Halted { .. }) {
        end_run(engine, run).await?;
    }
    Ok(end)
}

async fn end_run(engine: &Engine, run: &RunId) -> Result<(), HubError> {
    let what = || format!("run {run} could not be finished");
    let tally = engine.journal().tally(run).await.doing(what())?;
    engine.end_run(run, &tally).await.doing(what())
}

/// Goes on with the calls that a stop or a crash interrupted. One that cannot go on is logged and waits; only a failure
/// of the journal ends this early.
pub async fn resume(engine: &Engine, flows: &[LoadedFlow], stop: &Stop) -> Result<(), HubError> {
    let unfinished = engine.journal().unfinished_runs().await.doing("reading the unfinished runs")?;
    for run in unfinished {
        match orphans::flow_of(flows, &run).map(|at| &flows[at]) {
            // The drop folder's own watch goes on with its files.
            Some(_) if run.trigger != TriggerKind::Call => {}
            Some(flow) => {
                let id = run.id.clone();
                match resume_one(engine, flow, run, stop).await {
                    Err(error) if error.is_of_journal() => return Err(error),
                    Err(error) => tracing::error!(run = %id, "an interrupted call waits: {}", error.chain()),
                    Ok(()) => {}
                }
            }
            // Whoever looks for decisions ends one that is given up.
            None => {
                if let Err(error) = orphans::hold(engine, &run).await {
                    tracing::error!(run = %run.id, "a run without a flow is left as it is: {}", error.chain());
                }
            }
        }
    }
    Ok(())
}

/// Goes on with one call that was interrupted, that a person let go on, or that a person gave up. A halted one that
/// waits for a person goes on waiting.
pub async fn resume_one(
    engine: &Engine,
    flow: &LoadedFlow,
    run: RunRecord,
    stop: &Stop,
) -> Result<(), HubError> {
    if run.state == RunState::Reporting {
        return end_run(engine, &run.id).await;
    }
    let mut run = run;
    if run.state == RunState::Held && engine.cancel_of(&run.id).await.doing("reading what people decided")?.is_none() {
        let script = flow.scripts.current().script();
        if !engine.begin_held(&run, &script).await.doing(format!("run {} could not begin", run.id))? {
            tracing::warn!(run = %run.id, flow = flow.name, "the call is held and waits for a person");
            return Ok(());
        }
        run.state = RunState::Running;
    }
    let is_given_up = engine.cancel_of(&run.id).await.doing("reading what people decided")?.is_some();
    let source = Source::of(&run)?;
    if run.state == RunState::Halted && !source.goes_on && !is_given_up {
        tracing::warn!(run = %run.id, flow = flow.name, "the call is halted and waits for a person");
        return Ok(());
    }
    tracing::info!(run = %run.id, flow = flow.name, "going on with an interrupted call");
    let found = flow.scripts.of_run(engine, &run).await;
    let program = match found.doing(format!("reading the script of run {}", run.id))? {
        Ok(program) => program,
        // A call that is given up is not run, so it needs no script.
        Err(_) if is_given_up => Arc::clone(flow.scripts.current()),
        Err(why) => return hold(engine, &run, source, &why).await,
    };
    if source.goes_on {
        let source = Some(json!(Source { goes_on: false, ..source }));
        say(engine, &run.id, RunChange { source, ..RunChange::default() }, &went_on()).await?;
    }
    let progress = Progress::default();
    work_with(engine, flow, &program, &run.id, run.source, stop, &progress).await.map(drop)
}

/// Leaves a call to a person: half of it by one script and half by another is nobody's intention. A state that cannot
/// be halted stays, and nothing is sent in it.
async fn hold(engine: &Engine, run: &RunRecord, source: Source, words: &Text) -> Result<(), HubError> {
    tracing::error!(run = %run.id, flow = run.flow, "{}", words.en);
    let state = run.state.may_become(RunState::Halted).then_some(RunState::Halted);
    let source = Some(json!(Source { goes_on: true, ..source }));
    say(engine, &run.id, RunChange { state, source, ..RunChange::default() }, words).await
}

async fn say(engine: &Engine, run: &RunId, change: RunChange, words: &Text) -> Result<(), HubError> {
    let change = RunChange { message: Some(words.get(engine.language()).to_owned()), ..change };
    let changed = engine.journal().change_run(run, change, engine.clock().now()).await;
    changed.doing(format!("run {run} could not be changed"))
}

fn went_on() -> Text {
    Text::new("הקריאה נעצרה לזמן מה, ואחר כך המשיכה", "the call was held back for a while, and then went on")
}
