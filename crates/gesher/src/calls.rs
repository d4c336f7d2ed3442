//! Runs that a person calls for: `run FLOW --body`, and going on with whatever was interrupted.

use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use crate::orphans;
use gesher_core::{Key, Redactor, RunId};
use gesher_engine::journal::{RunRecord, TriggerKind};
use gesher_engine::{Engine, Entry, Stop};
use gesher_trigger::TriggerError;
use gesher_trigger::event::{self, BegunAs, Event, EventFlow};
use gesher_trigger::schedule::ScheduleTrigger;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::{JoinError, JoinSet};

/// Interrupted runs that go on at a time. Each has threads of its own.
const RESUMED_AT_A_TIME: usize = 8;

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

    /// The call as an event. Its key was checked.
    pub fn event(&self) -> Event {
        let name = self.key.clone().unwrap_or_else(|| "call".to_owned());
        let key = self.key.as_deref().and_then(|key| Key::clean(key).ok());
        Event { trigger: TriggerKind::Call, name, key, input: self.args.clone() }
    }
}

/// The runs that a stop or a crash interrupted. Read before anything new begins, so that nothing new is among them.
pub async fn unfinished(engine: &Engine) -> Result<Vec<RunRecord>, HubError> {
    engine.journal().unfinished_runs().await.doing("reading the unfinished runs")
}

/// Goes on with one run of an event, by the rules of what began it: ticks wait their turn.
pub async fn go_on(
    engine: &Engine,
    flow: &EventFlow,
    schedule: Option<&ScheduleTrigger>,
    run: RunRecord,
    stop: &Stop,
) -> Result<(), TriggerError> {
    match schedule {
        Some(schedule) if run.trigger == TriggerKind::Schedule => schedule.resume(run, stop).await,
        _ => event::resume(engine, flow, run, stop).await,
    }
}

/// What became of a call: its run, and whether that is new.
pub struct Called {
    /// The run: of this call, or of the same one before.
    pub run: RunId,
    /// Whether it began now.
    pub is_new: bool,
}

/// Begins the run of a call, durably. A call with a key begins one run for ever: the same again answers that, and another
/// under the same key is refused. `id` is drawn for a call without one by whoever may ask again after a crash.
pub async fn begin(
    engine: &Engine,
    flow: &LoadedFlow,
    request: &CallRequest,
    id: Option<&RunId>,
) -> Result<Called, HubError> {
    let (event, flow) = (request.event(), flow.events());
    let cannot = "the call cannot be begun";
    if let Some(key) = &event.key {
        let identity = event::identity(key, &event.input);
        let begun = event::begin_once(engine, &flow, &event, identity).await.doing(cannot)?;
        return match begun.as_what {
            BegunAs::New => Ok(Called { run: begun.run, is_new: true }),
            BegunAs::Again => Ok(Called { run: begun.run, is_new: false }),
            BegunAs::Other => Err(key_reused(key, &begun.run)),
        };
    }
    match id {
        None => {
            event::begin(engine, &flow, &event).await.doing(cannot).map(|run| Called { run, is_new: true })
        }
        Some(id) => {
            let begun = event::begin_as(engine, &flow, &event, id).await;
            let is_new = begun.map_err(|error| match error.is_taken() {
                true => HubError::failed(format!("the id {id} is another run's")).hint("call again"),
                false => HubError::failed(cannot).because(error),
            })?;
            Ok(Called { run: id.clone(), is_new })
        }
    }
}

fn key_reused(key: &Key, run: &RunId) -> HubError {
    HubError::usage(format!(
        "key_reused: the flow was called with the key {key} before, with another body, as run {run}; nothing was begun"
    ))
    .hint(format!("`gesher show {run}` tells what it did; another call needs another key"))
}

/// Goes on with the calls, deliveries and ticks that a stop or a crash interrupted, a few at a time. One that cannot go on
/// is logged and waits; only a failure of the journal ends this early. Deliveries that nobody had begun to work on are
/// their webhook's.
pub async fn resume(
    engine: &Engine,
    flows: &[LoadedFlow],
    unfinished: Vec<RunRecord>,
    stop: &Stop,
) -> Result<(), HubError> {
    let mut going_on = JoinSet::new();
    let mut end = Ok(());
    for run in unfinished {
        while going_on.len() >= RESUMED_AT_A_TIME
            && let Some(ended) = going_on.join_next().await
        {
            end = end.and(of_task(ended));
        }
        if end.is_err() {
            break;
        }
        match orphans::flow_of(flows, &run).map(|at| &flows[at]) {
            // The drop folder's own watch goes on with its files.
            Some(_) if run.trigger == TriggerKind::Drop => {}
            Some(flow) => {
                let (engine, events, stop) = (engine.clone(), flow.events(), stop.clone());
                let schedule = flow.schedule.clone();
                going_on
                    .spawn(async move { resume_one(&engine, &events, schedule.as_ref(), run, &stop).await });
            }
            // Whoever looks for decisions ends one that is given up.
            None => {
                if let Err(error) = orphans::hold(engine, &run).await {
                    tracing::error!(run = %run.id, "a run without a flow is left as it is: {}", error.chain());
                }
            }
        }
    }
    while let Some(ended) = going_on.join_next().await {
        end = end.and(of_task(ended));
    }
    end
}

fn of_task(ended: Result<Result<(), HubError>, JoinError>) -> Result<(), HubError> {
    ended.doing("an interrupted run ended badly").and_then(|ended| ended)
}

async fn resume_one(
    engine: &Engine,
    flow: &EventFlow,
    schedule: Option<&ScheduleTrigger>,
    run: RunRecord,
    stop: &Stop,
) -> Result<(), HubError> {
    let id = run.id.clone();
    let resumed = match go_on(engine, flow, schedule, run, stop).await {
        // Somebody called for the same again meanwhile, or a person decided about it.
        Err(TriggerError::AtWork { .. }) => Ok(()),
        resumed => resumed,
    };
    match resumed.doing("an interrupted run could not go on") {
        Err(error) if error.is_of_journal() => Err(error),
        Err(error) => {
            tracing::error!(run = %id, "an interrupted run waits: {}", error.chain());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
