//! `unknown reconcile`: asks the provider now. Only reads there; what it finds closes steps as it would in a serving hub.

use super::failure;
use crate::compose::beside::{Looker, settle_leftovers};
use crate::compose::require_sound;
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::{logging, renewal, signals};
use gesher_core::{OutcomeStatus, Redactor, StepId};
use gesher_engine::journal::{StepRecord, StepState};
use gesher_engine::{Engine, EngineError, Reconciled, Stop};
use serde_json::json;
use std::sync::Arc;

/// Steps that are read from the journal, and looked up, before the next ones are.
const PAGE_STEPS: usize = 100;

/// Looks up one step, or all that are unknown.
pub(super) async fn run(output: Output, config: Config, step: Option<StepId>) -> Result<Exit, HubError> {
    require_sound(&config)?;
    settle_leftovers(&config).await?;
    let redactor = Arc::new(Redactor::new());
    logging::begin(Arc::clone(&redactor), "error");
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let asked = match Looker::open(&config, redactor).await? {
        Some(looker) => {
            let asked = ask(output, &looker.engine, step, &stop).await;
            if let Some(simulator) = looker.simulator {
                simulator.stop().await;
            }
            asked?
        }
        None => match step {
            Some(step) => return Err(super::no_step(&step)),
            None => Asked::default(),
        },
    };
    if asked.count == 0 {
        output.text("nothing is unknown");
    }
    if asked.has_closed {
        match renewal::where_nobody_serves(&config).await? {
            None => output.note("the running hub writes the reports anew"),
            Some(ends) => {
                let notes = ends.iter().filter_map(|(run, written)| written.note(run));
                notes.for_each(|note| output.note(&note));
            }
        }
    }
    Ok(if asked.is_left { Exit::Unknown } else { Exit::Well })
}

/// What was asked, all in all.
#[derive(Default)]
struct Asked {
    count: usize,
    has_closed: bool,
    /// Whether something stays unknown.
    is_left: bool,
}

async fn ask(output: Output, engine: &Engine, step: Option<StepId>, stop: &Stop) -> Result<Asked, HubError> {
    let mut asked = Asked::default();
    if let Some(step) = step {
        let ends = engine.reconcile_all(vec![step], stop).await;
        asked.tell(output, engine, ends).await?;
        return Ok(asked);
    }
    let mut after: Option<StepId> = None;
    while !stop.is_requested() {
        let page = engine.journal().open_steps(after.as_ref(), PAGE_STEPS).await;
        let page = page.doing("reading the open steps")?;
        let Some(last) = page.last() else { return Ok(asked) };
        after = Some(last.id.clone());
        let steps = page.into_iter().map(|step| step.id).collect();
        let ends = engine.reconcile_all(steps, stop).await;
        asked.tell(output, engine, ends).await?;
    }
    asked.is_left = true;
    Ok(asked)
}

impl Asked {
    async fn tell(
        &mut self,
        output: Output,
        engine: &Engine,
        ends: Vec<(StepId, Result<Reconciled, EngineError>)>,
    ) -> Result<(), HubError> {
        for (id, end) in ends {
            let end = end.map_err(|error| failure(error, "looking up what is unknown"))?;
            let step = engine.journal().step(&id).await.doing("reading a step")?;
            let step = step.ok_or_else(|| super::no_step(&id))?;
            let is_open = match step.state {
                StepState::InFlight => true,
                StepState::Over(status) => status.is_open(),
            };
            self.count += 1;
            self.has_closed |= matches!(end, Reconciled::Closed(_) | Reconciled::Conflict);
            self.is_left |= is_open;
            let outcome = step.outcome.as_ref();
            let language = engine.language();
            output.json(&json!({
                "step": id.to_string(),
                "run": id.item.run.as_str(),
                "result": word(&end),
                "state": step.state.as_str(),
                "reference": outcome.and_then(|outcome| outcome.reference.as_deref()),
                "document": outcome.and_then(|outcome| outcome.document.as_deref()),
                "code": outcome.and_then(|outcome| outcome.code.as_deref()),
                "message": outcome.map(|outcome| outcome.message.get(language)),
                "why": why(&end).map(|why| why.get(language)),
            }));
            output.text(&sentence(&step, &end));
        }
        Ok(())
    }
}

fn word(end: &Reconciled) -> &'static str {
    match end {
        Reconciled::Closed(_) => "closed",
        Reconciled::Conflict => "conflict",
        Reconciled::NotFound(_) => "not_found",
        Reconciled::NotAsked(_) => "not_asked",
        Reconciled::Manual => "manual",
        Reconciled::Lately => "lately",
        Reconciled::AtWork => "at_work",
    }
}

fn why(end: &Reconciled) -> Option<&gesher_core::Text> {
    match end {
        Reconciled::NotFound(why) | Reconciled::NotAsked(why) => Some(why),
        _ => None,
    }
}

fn sentence(step: &StepRecord, end: &Reconciled) -> String {
    let id = &step.id;
    let reference = step.outcome.as_ref().and_then(|outcome| outcome.reference.as_deref()).unwrap_or("-");
    match end {
        Reconciled::Closed(OutcomeStatus::Succeeded) => format!("{id}: it was done, reference {reference}"),
        Reconciled::Closed(status) => format!("{id}: {status}"),
        Reconciled::Conflict => format!(
            "{id}: the provider's records contradict; do not repeat it, look at them, and then `gesher unknown resolve`"
        ),
        Reconciled::NotFound(why) => {
            format!("{id}: still unknown, which does not mean that it was not done: {}", why.en)
        }
        Reconciled::NotAsked(why) => {
            format!("{id}: still unknown; the provider could not be asked: {}", why.en)
        }
        Reconciled::Manual => {
            format!("{id}: still unknown; the provider has no way to ask, so a person has to look there")
        }
        Reconciled::Lately => format!("{id}: still unknown; it was looked up a moment ago"),
        Reconciled::AtWork => format!(
            "{id}: its run is not over; if no hub works on it now, the next `gesher serve` goes on with it"
        ),
    }
}
