//! Runs that flows start of one another: begins them, each once, and works on them, a few at a time.
//!
//! What was begun and not worked on when the hub stopped is an unfinished run like any other: the next start goes on with it.

use crate::compose::LoadedFlow;
use gesher_core::names::nearest;
use gesher_core::{Rejection, RunId, Text};
use gesher_engine::journal::TriggerKind;
use gesher_engine::{
    Engine, EngineError, Entry, Progress, START_DEPTH_MAX, StartFault, StartFuture, StartRequest, Started,
    Starts, Stop,
};
use gesher_trigger::TriggerError;
use gesher_trigger::event::{self, BegunAs, Event, StartedBy};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// Started runs that are worked on at a time. Others wait; they are begun, and nothing is lost of them.
const WORKED_ON_MAX: usize = 16;

/// How often the queue is looked at where nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A run that waits to be worked on.
struct Waiting {
    /// Which flow.
    at: usize,
    run: RunId,
    event: Event,
}

/// The queue of started runs, and its end where they are worked on.
pub struct StartedRuns {
    engine: Engine,
    flows: Arc<Vec<LoadedFlow>>,
    waiting: Mutex<UnboundedReceiver<Waiting>>,
}

/// Begins runs, and puts them into the queue. It holds neither the engine, which holds it, nor the flows, whose triggers
/// hold the engine: a circle would keep the journal open for ever.
struct Starter {
    flows: Weak<Vec<LoadedFlow>>,
    queue: UnboundedSender<Waiting>,
}

impl StartedRuns {
    /// Lets the flows start one another.
    pub fn of(engine: &Engine, flows: &Arc<Vec<LoadedFlow>>) -> Arc<Self> {
        let (queue, waiting) = unbounded_channel();
        engine.let_start(Arc::new(Starter { flows: Arc::downgrade(flows), queue }));
        let (engine, flows) = (engine.clone(), Arc::clone(flows));
        Arc::new(Self { engine, flows, waiting: Mutex::new(waiting) })
    }

    /// Works on what is started until a stop is asked for, and then waits for what is at work.
    pub async fn serve(self: Arc<Self>, stop: Stop) {
        let mut working = JoinSet::new();
        while !stop.is_requested() {
            let room = working.len() < WORKED_ON_MAX;
            let next = if room { self.next() } else { None };
            match next {
                Some(waiting) => self.begin(waiting, &stop, &mut working),
                None => tokio::select! {
                    _ended = working.join_next(), if !working.is_empty() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stop.requested() => {}
                },
            }
        }
        while working.join_next().await.is_some() {}
    }

    /// Works on what was started, and on what that starts in its turn, until nothing is left. Answers how many there were.
    pub async fn drain(&self, stop: &Stop) -> usize {
        let (mut working, mut worked) = (JoinSet::new(), 0);
        loop {
            while working.len() < WORKED_ON_MAX
                && !stop.is_requested()
                && let Some(waiting) = self.next()
            {
                worked += 1;
                self.begin(waiting, stop, &mut working);
            }
            if working.join_next().await.is_none() {
                return worked;
            }
        }
    }

    fn next(&self) -> Option<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }

    fn begin(&self, waiting: Waiting, stop: &Stop, working: &mut JoinSet<()>) {
        let (engine, flow, stop) = (self.engine.clone(), self.flows[waiting.at].events(), stop.clone());
        working.spawn(async move {
            let Waiting { run, event, .. } = waiting;
            match engine.journal().run(&run).await {
                // Whoever went on with interrupted runs was faster.
                Ok(Some(found)) if found.state.is_final() => return,
                _ => {}
            }
            match event::work(&engine, &flow, &run, &event, &stop, &Progress::default()).await {
                Ok(_) | Err(TriggerError::AtWork { .. }) => {}
                Err(error) => {
                    let reasons = error.with_reasons();
                    tracing::error!(%run, error = reasons, "a run that another flow started failed");
                }
            }
        });
    }
}

impl Starts for Starter {
    fn start<'a>(&'a self, engine: &'a Engine, asked: StartRequest) -> StartFuture<'a> {
        Box::pin(self.begin(engine, asked))
    }
}

impl Starter {
    async fn begin(&self, engine: &Engine, asked: StartRequest) -> Result<Started, StartFault> {
        let gone = || StartFault::Failed(EngineError::Lost { what: "the flows" });
        let flows = self.flows.upgrade().ok_or_else(gone)?;
        let at = startable(&flows, &asked).map_err(StartFault::Refused)?;
        let failed = |error: TriggerError| StartFault::Failed(of_trigger(error));
        let by = engine.journal().run(&asked.by.item.run).await;
        let by = by.map_err(|error| {
            StartFault::Failed(EngineError::Journal { doing: "reading a run", source: error })
        })?;
        let by = by.as_ref().map_or_else(
            || StartedBy { step: asked.by.to_string(), depth: 1, unverified: true },
            |run| StartedBy::step_of(run, &asked.by),
        );
        if by.depth > START_DEPTH_MAX {
            return Err(StartFault::Refused(words::too_deep()));
        }
        if by.unverified && flows[at].may_act {
            return Err(StartFault::Refused(words::unverified(&flows[at].name)));
        }
        let StartRequest { key, args, .. } = asked;
        let identity = event::identity(&key, &args);
        let event = Event { trigger: TriggerKind::Call, name: key.to_string(), key: Some(key), input: args };
        let flow = flows[at].events();
        let begun = event::begin_started(engine, &flow, &event, identity, by).await.map_err(failed)?;
        let run = begun.run;
        match begun.as_what {
            BegunAs::Other => Err(StartFault::Refused(words::key_reused(&flows[at].name, &event.name, &run))),
            BegunAs::Again => Ok(Started { run, new: false }),
            BegunAs::New => {
                // Where nobody listens any more the run stands in the journal, and the next start goes on with it.
                drop(self.queue.send(Waiting { at, run: run.clone(), event }));
                Ok(Started { run, new: true })
            }
        }
    }
}

/// Which flow it is, or why it cannot be started.
fn startable(flows: &[LoadedFlow], asked: &StartRequest) -> Result<usize, Rejection> {
    let found = flows.iter().position(|flow| flow.name == asked.flow);
    let at = found.ok_or_else(|| {
        let names = flows.iter().map(|flow| flow.name.as_str());
        words::unknown_flow(&asked.flow, nearest(&asked.flow, names))
    })?;
    let flow = &flows[at];
    if !flow.scripts.current().has(Entry::Call) {
        return Err(words::no_entry(&flow.name));
    }
    match flow.moves_money && asked.is_made_up {
        true => Err(words::no_key(&flow.name)),
        false => Ok(at),
    }
}

fn of_trigger(error: TriggerError) -> EngineError {
    match error {
        TriggerError::Journal { doing, source } => EngineError::Journal { doing, source },
        TriggerError::Begin { source, .. } | TriggerError::Engine { source, .. } => source,
        _ => EngineError::Lost { what: "a run that a flow started" },
    }
}

mod words {
    use super::{Rejection, RunId, START_DEPTH_MAX, Text};

    fn refused(code: &str, he: String, en: String) -> Rejection {
        Rejection::new(code, Text::new(he, en))
    }

    pub(super) fn unknown_flow(name: &str, near: Option<&str>) -> Rejection {
        let (he, en) = near
            .map(|near| (format!("; אולי {near}?"), format!("; did you mean {near}?")))
            .unwrap_or_default();
        refused("unknown_flow", format!("אין תהליך בשם {name}{he}"), format!("there is no flow {name}{en}"))
    }

    pub(super) fn no_entry(name: &str) -> Rejection {
        refused(
            "no_on_call",
            format!("לתהליך {name} אין פונקציה on_call(args), ולכן אי אפשר להפעיל אותו"),
            format!("the flow {name} has no function on_call(args), so it cannot be started"),
        )
    }

    pub(super) fn no_key(name: &str) -> Rejection {
        refused(
            "missing_key",
            format!("התהליך {name} רשאי להעביר כסף, ולכן להפעלה שלו נדרש מפתח"),
            format!("the flow {name} may move money, so starting it needs a key"),
        )
    }

    pub(super) fn key_reused(name: &str, key: &str, run: &RunId) -> Rejection {
        refused(
            "key_reused",
            format!("המפתח {key} כבר שימש להפעלת {name} עם ערכים אחרים, בהרצה {run}; לא הופעל דבר"),
            format!(
                "the key {key} started {name} with other arguments before, as run {run}; nothing was started"
            ),
        )
    }

    pub(super) fn unverified(name: &str) -> Rejection {
        refused(
            "unverified",
            format!(
                "התהליך {name} רשאי לשנות דברים או להעביר כסף, ולכן מסירה שלא אומתה אינה יכולה להפעיל אותו"
            ),
            format!(
                "the flow {name} may write or move money, so a delivery that nobody verified cannot start it"
            ),
        )
    }

    pub(super) fn too_deep() -> Rejection {
        refused(
            "too_deep",
            format!("יותר מ־{START_DEPTH_MAX} הרצות הפעילו זו את זו; כנראה תהליכים שמפעילים זה את זה במעגל"),
            format!(
                "more than {START_DEPTH_MAX} runs started one another; probably flows that start each other in a circle"
            ),
        )
    }
}
