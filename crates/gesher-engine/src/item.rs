//! One item's program, run to its end; and run again where an operation broke off in passing on the way to what it had
//! done before an interruption.
//!
//! Which items there are, and when they begin, is the run's. What an item has come to is `status`.

use crate::cancel::cancelled;
use crate::context::{CallFault, ItemContext};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::messages;
use crate::program::{Input, ProgramEnd};
use crate::run::Shared;
use crate::status::{Ended, item_end};
use gesher_core::{ItemEnd, ItemId, Outcome, OutcomeStatus, Text};
use gesher_journal::StepFinish;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// The pause before an item is run again whose operation broke off. It doubles with each further time.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
/// The longest such pause.
const AGAIN_MAX: Duration = Duration::from_secs(30);
/// Times that an item broke off before a person is told that it waits: what is over by then is no news.
const AGAIN_UNTOLD: u32 = 6;

/// How one execution of an item's program ended.
enum Ran {
    /// So; or nothing may be said of the item now.
    End(Option<ItemEnd>),
    /// An operation broke off, for this reason, before it came to all that is recorded.
    BrokeOff(Text),
}

/// Runs the program for one item, as often as it takes. None when nothing may be said of the item now.
pub(crate) fn run_program(
    shared: &Shared,
    id: &ItemId,
    input: Input,
    resumed: bool,
) -> Result<Option<ItemEnd>, EngineError> {
    // Only an item that was interrupted has a record to break off on the way to.
    let again = resumed.then(|| input.clone());
    let mut ran = run_once(shared, id, input, resumed)?;
    let mut times = 0;
    loop {
        let why = match ran {
            Ran::End(end) => return Ok(end),
            Ran::BrokeOff(why) => why,
        };
        times += 1;
        tell(&shared.engine, id, times, &why);
        let goes_on = shared.may_go_on_after(pause(times));
        if shared.lease.is_cancelled() {
            return cancelled(&shared.engine, id).map(Some);
        }
        let Some(input) = again.clone().filter(|_| goes_on) else { return Ok(None) };
        ran = run_once(shared, id, input, true)?;
    }
}

/// How long an item waits that broke off so often.
fn pause(times: u32) -> Duration {
    AGAIN_FIRST.saturating_mul(1 << times.saturating_sub(1).min(16)).min(AGAIN_MAX)
}

fn tell(engine: &Engine, id: &ItemId, times: u32, why: &Text) {
    tracing::warn!(item = %id, times, "an operation broke off and is run again: {}", why.en);
    if times == AGAIN_UNTOLD {
        engine.alarm("broke_off", &id.to_string(), &messages::broke_off(id, why));
    }
}

fn run_once(shared: &Shared, id: &ItemId, input: Input, resumed: bool) -> Result<Ran, EngineError> {
    let engine = &shared.engine;
    let recorded = if resumed {
        engine
            .runtime()
            .block_on(engine.journal().steps_of(id))
            .map_err(EngineError::journal("reading an item's steps"))?
    } else {
        Vec::new()
    };
    let context = Arc::new(ItemContext::new(
        engine.clone(),
        Arc::clone(&shared.flow),
        id.clone(),
        recorded,
        shared.stop.clone(),
        Arc::clone(&shared.guard),
    ));
    if let Some(result) = shared.result.as_ref().filter(|_| id.ordinal == ItemId::FINISH) {
        context.result.get_or_init(|| Arc::clone(result));
    }
    let end = catch_unwind(AssertUnwindSafe(|| match pinned(&context, input) {
        Some(input) => shared.program.run(&context, input),
        None => ProgramEnd::Ended,
    }))
    .unwrap_or_else(|_panic| messages::panicked(engine.language()));
    let closed = context.close();
    if let Some(error) = closed.fault {
        return Err(error);
    }
    if let Some(why) = closed.broke_off.filter(|_| closed.ended == Some(Ended::BrokeOff)) {
        return Ok(Ran::BrokeOff(why));
    }
    let mut effects = closed.effects;
    if let Some(step) = closed.in_flight {
        // The program panicked between intent and outcome: no witness is left.
        let outcome = engine.store(Outcome::new(OutcomeStatus::Unknown, "panicked", messages::unknown()));
        effects.push(messages::effect_of(&outcome));
        let (noted, status) = (step.clone(), outcome.status);
        let finish = StepFinish { step, outcome, sealed: Vec::new(), vendor: None, at: engine.clock().now() };
        // The wait for a turn is over, so a stop is no fault here.
        match engine.runtime().block_on(engine.finish(finish, &shared.stop)) {
            Err(CallFault::Failed(error)) => return Err(error),
            Ok(_) | Err(CallFault::Stopping) => {}
        }
        engine.note(&shared.guard, &noted, status);
    }
    Ok(Ran::End(item_end(engine.language(), &effects, closed.ended, &end)))
}

/// What the program gets: the same again after an interruption. A file's rows and a call's arguments are the same by
/// themselves; what `on_finish` is told is recorded. None when the item has ended.
fn pinned(context: &ItemContext, input: Input) -> Option<Input> {
    match input {
        Input::Finish(summary) => context.summary(summary).ok().map(Input::Finish),
        Input::Row(_) | Input::Call(_) | Input::Webhook(_) | Input::Schedule(_) | Input::Event(_) => {
            Some(input)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_limit() {
        let millis: Vec<u128> = [1, 2, 3, 9, 10, 40, u32::MAX].map(|times| pause(times).as_millis()).to_vec();
        assert_eq!(millis, [100, 200, 400, 25_600, 30_000, 30_000, 30_000]);
    }
}
