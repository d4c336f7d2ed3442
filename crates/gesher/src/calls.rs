//! Runs that a person calls for: `run FLOW --body`. Begins them, takes them to their end, and goes on with those that
//! were interrupted.
//!
//! A call is a run of one item. What it was called with lies in the journal, so that a crash loses nothing.

use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use gesher_core::{Key, Redactor, RunId};
use gesher_engine::journal::{RunRecord, RunState, TriggerKind};
use gesher_engine::{Engine, Entry, OneCall, Progress, RunEnd, Stop};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
}

impl CallRequest {
    /// Refuses a call that the flow cannot take. Nothing was begun when this refuses.
    pub fn check(&self, flow: &LoadedFlow, redactor: &Redactor) -> Result<(), HubError> {
        if !flow.program.has(Entry::Call) {
            return Err(HubError::usage(format!(
                "the flow {} has no function on_call(args), so it cannot be called",
                self.flow
            ))
            .hint("a flow with a drop folder is run with --file FILE"));
        }
        match &self.key {
            None if flow.moves_money => {
                return Err(HubError::usage(format!(
                    "the flow {} may move money, so a call of it needs a name",
                    self.flow
                ))
                .hint("give --key KEY; the same key is never charged again, whatever is called again"));
            }
            None => {}
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
}

/// Begins the run of a call, durably.
pub async fn begin(engine: &Engine, flow: &LoadedFlow, request: &CallRequest) -> Result<RunId, HubError> {
    let source = json!(Source { key: request.key.clone(), args: request.args.clone() });
    engine
        .start_run(&request.flow, TriggerKind::Call, &request.name(), source, flow.program.hash())
        .await
        .doing("the call cannot be begun")
}

/// Takes the run of a call to its end.
pub async fn work(
    engine: &Engine,
    flow: &LoadedFlow,
    run: &RunId,
    source: Value,
    stop: &Stop,
    progress: &Progress,
) -> Result<RunEnd, HubError> {
    let source: Source =
        serde_json::from_value(source).doing(format!("what run {run} was called with cannot be read"))?;
    let key = source.key.as_deref().and_then(|key| Key::clean(key).ok());
    progress.set_total(1);
    let items = Box::new(OneCall::new(key, source.args));
    let end = engine
        .run_items(run, &flow.flow, &flow.program, items, stop, progress)
        .await
        .doing(format!("run {run} could not go on"))?;
    if end != RunEnd::Stopped {
        engine.change(run, RunState::Finished).await.doing(format!("run {run} could not be finished"))?;
    }
    Ok(end)
}

/// Goes on with the calls that a stop or a crash interrupted.
pub async fn resume(engine: &Engine, flows: &[LoadedFlow], stop: &Stop) -> Result<(), HubError> {
    let unfinished = engine.journal().unfinished_runs().await.doing("reading the unfinished runs")?;
    for run in unfinished {
        match flows.iter().find(|flow| flow.name == run.flow) {
            // The drop folder's own watch goes on with its files.
            Some(_) if run.trigger != TriggerKind::Call => {}
            Some(flow) => resume_one(engine, flow, run, stop).await?,
            None => {
                tracing::warn!(run = %run.id, flow = run.flow, "its flow is gone from gesher.toml; it waits")
            }
        }
    }
    Ok(())
}

async fn resume_one(engine: &Engine, flow: &LoadedFlow, run: RunRecord, stop: &Stop) -> Result<(), HubError> {
    tracing::info!(run = %run.id, flow = flow.name, "going on with an interrupted call");
    if run.state == RunState::Reporting {
        return engine
            .change(&run.id, RunState::Finished)
            .await
            .doing(format!("run {} could not be finished", run.id));
    }
    work(engine, flow, &run.id, run.source, stop, &Progress::default()).await.map(drop)
}
