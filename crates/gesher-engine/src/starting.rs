//! A flow that starts another: a run of that flow's `on_call(args)`, once for ever per key. The starting is a step; what
//! the started run does is its own flow's business, by its own permissions and limits.

use crate::context::{Answer, CallEnd, CallFault, ItemContext};
use crate::engine::{Called, Engine};
use crate::error::EngineError;
use crate::keeping::{is_clean, written_name};
use gesher_core::operation::{Facts, Prepared};
use gesher_core::{Key, OutcomeStatus, Rejection, RunId, StepId, Text};
use gesher_journal::{StepRecord, StepState, StoredOutcome};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The name of the step.
pub const FLOW_START: &str = "flow.start";
/// Runs that may have been started one by another: a chain that is longer is a flow that calls itself.
pub const START_DEPTH_MAX: u32 = 8;

/// What is to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    /// Which flow.
    pub flow: String,
    /// What names the run for ever in that flow.
    pub key: Key,
    /// Whether the hub made the key up, since the caller gave none.
    pub is_made_up: bool,
    /// What `on_call` gets.
    pub args: Value,
    /// The step that starts it.
    pub by: StepId,
}

/// What was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Whether this step began it.
    pub new: bool,
}

/// Why nothing was started.
#[derive(Debug)]
pub enum StartFault {
    /// It is refused.
    Refused(Rejection),
    /// The journal failed.
    Failed(EngineError),
}

/// The future of a start.
pub type StartFuture<'a> = Pin<Box<dyn Future<Output = Result<Started, StartFault>> + Send + 'a>>;

/// Whoever knows all flows, and works on what is started.
pub trait Starts: Send + Sync {
    /// Begins the run, durably, or finds the one that is there. It is worked on later, by somebody else. The engine is
    /// passed along, since it holds whoever implements this.
    fn start<'a>(&'a self, engine: &'a Engine, asked: StartRequest) -> StartFuture<'a>;
}

impl Engine {
    /// Lets flows start others. Said once, as soon as all flows are known.
    pub fn let_start(&self, starts: Arc<dyn Starts>) {
        drop(self.starts_cell().set(starts));
    }
}

impl ItemContext {
    /// Starts a run of another flow, as a step. Answers `run` and whether it is `new`.
    pub fn start_flow(&self, flow: &str, key: Option<&str>, args: Value) -> Result<Answer, CallEnd> {
        let step = self.next_step()?;
        // The record of a refusal holds nothing of what was refused, not even a sum that it could be guessed by.
        let who = written_name(self.redactor(), flow);
        let mut request = json!([flow, args]);
        self.redactor().json(&mut request);
        let hash = Prepared::new(who, FLOW_START, request.to_string(), Facts::default());
        let hash = hash.map_or([0; 32], |found| found.hash);
        let named = match key {
            Some(key) => {
                Key::clean(key).map_err(|error| Rejection::new("bad_key", error.text())).and_then(unmade)
            }
            None => Ok(Key::of_item(self.item(), self.next_ordinal(FLOW_START))),
        };
        let named = named.and_then(|key| self.fit(flow, key, &args));
        let kept_key = named.as_ref().ok().cloned();
        if let Some(called) = self.recorded(&step, FLOW_START, who, kept_key.as_ref(), &hash)? {
            return self.answer(FLOW_START, true, called);
        }
        let started = match named {
            Err(rejection) => Err(StartFault::Refused(rejection)),
            Ok(named) => {
                let is_made_up = key.is_none();
                let asked =
                    StartRequest { flow: flow.to_owned(), key: named, is_made_up, args, by: step.clone() };
                self.begin(asked)
            }
        };
        let outcome = match started {
            Ok(Started { run, new }) => {
                let known = begun(flow, &run, new);
                let message = known.message.map(|words| self.redactor().own(words));
                StoredOutcome { message, ..known }
            }
            Err(StartFault::Refused(rejection)) => self.engine().store(rejection.into()),
            Err(StartFault::Failed(error)) => {
                if let Some(of_store) = error.of_store() {
                    self.engine().store_failed(of_store);
                }
                return Err(self.journal_failed(error));
            }
        };
        gesher_core::failpoint!("start.begun");
        let now = self.engine().clock().now();
        let plain = self.plain_step(step, FLOW_START, who, hash, now);
        let record = StepRecord {
            key: kept_key,
            state: StepState::Over(outcome.status),
            outcome: Some(outcome.clone()),
            ..plain
        };
        // Awaited: a script may say on the strength of it that the other flow does the rest.
        let recorded = self.engine().runtime().block_on(self.engine().journal().record_step(record));
        if let Err(error) = recorded {
            self.engine().store_failed(&error);
            return Err(self.failed(CallFault::journal("recording a start")(error)));
        }
        self.answer(FLOW_START, true, Called::own(outcome))
    }

    fn begin(&self, asked: StartRequest) -> Result<Started, StartFault> {
        match self.engine().starts_cell().get() {
            Some(starts) => self.engine().runtime().block_on(starts.start(self.engine(), asked)),
            None => Err(StartFault::Refused(nobody())),
        }
    }

    /// Refuses what must not be kept.
    fn fit(&self, flow: &str, key: Key, args: &Value) -> Result<Key, Rejection> {
        let mut clean = args.clone();
        self.redactor().json(&mut clean);
        let is_named_well = [flow, key.as_str()].into_iter().all(|name| is_clean(self.redactor(), name));
        match clean == *args && is_named_well {
            true => Ok(key),
            false => Err(Rejection::new(
                "secret",
                Text::new(
                    "אין להעביר לתהליך סודות או מספרי כרטיסים; יש להעביר אסימון (token) של הכרטיס",
                    "secrets and card numbers are not passed to a flow; pass a card's token",
                ),
            )),
        }
    }
}

/// Refuses a key that only the hub may make up.
fn unmade(key: Key) -> Result<Key, Rejection> {
    match key.is_of_item() {
        false => Ok(key),
        true => Err(crate::preparing::made_up_key(&key)),
    }
}

/// What is recorded of a start.
fn begun(flow: &str, run: &RunId, new: bool) -> StoredOutcome {
    let message = match new {
        true => Text::new(
            format!("התהליך {flow} הופעל בהרצה {run}"),
            format!("the flow {flow} was started as run {run}"),
        ),
        false => Text::new(
            format!("התהליך {flow} כבר הופעל באותו מפתח, בהרצה {run}; עכשיו לא הופעל דבר"),
            format!(
                "the flow {flow} was started with this key before, as run {run}; nothing was started now"
            ),
        ),
    };
    StoredOutcome {
        status: OutcomeStatus::Succeeded,
        reference: None,
        document: None,
        code: None,
        message,
        data: json!({ "run": run.as_str(), "new": new }).into(),
        amount: None,
    }
}

fn nobody() -> Rejection {
    Rejection::new(
        "cannot_start",
        Text::new("כאן אי אפשר להפעיל תהליכים אחרים", "no other flow can be started from here"),
    )
}
