//! How the items of a run end that a person gave up, and how such a run does.
//!
//! Nothing is sent here. What an item had done before the run was interrupted stays what it is: only a row that had
//! done nothing is `cancelled`, and free to be dropped again.

use crate::engine::{Called, Engine};
use crate::error::EngineError;
use crate::messages;
use crate::program::ProgramEnd;
use crate::status::{EffectStep, item_end};
use gesher_core::{ItemEnd, ItemId, ItemStatus, Language, Outcome, OutcomeStatus, RunId, Text};
use gesher_journal::{Decision, RunChange, RunState, StepRecord, Tally};

/// The code of a row that a person gave up.
const CANCELLED: &str = "cancelled";

/// The end of an item that is not worked on any more. Blocks; on an item's thread only.
pub(crate) fn cancelled(engine: &Engine, item: &ItemId, resumed: bool) -> Result<ItemEnd, EngineError> {
    let language = engine.language();
    if !resumed {
        return Ok(untouched(language));
    }
    let steps = engine
        .runtime()
        .block_on(engine.journal().steps_of(item))
        .map_err(EngineError::journal("reading an item's steps"))?;
    let interrupted = engine.store(Outcome::new(OutcomeStatus::Unknown, "interrupted", messages::unknown()));
    let effects = steps.into_iter().filter(|step| step.attempt.is_some()).map(|step| {
        let outcome = step.outcome.clone().unwrap_or_else(|| interrupted.clone());
        effect(&step, Called::recorded(&step, outcome))
    });
    Ok(after(language, &effects.collect::<Vec<_>>()))
}

fn effect(step: &StepRecord, called: Called) -> EffectStep {
    EffectStep {
        operation: step.operation.clone(),
        key_taken: called.key_taken,
        ..messages::effect_of(&called.outcome)
    }
}

/// The end of an item that had these effects when it was interrupted.
fn after(language: Language, effects: &[EffectStep]) -> ItemEnd {
    if effects.is_empty() {
        return untouched(language);
    }
    let end = ProgramEnd::Threw { code: CANCELLED.to_owned(), message: words().get(language).to_owned() };
    item_end(language, effects, None, &end).unwrap_or_else(|| untouched(language))
}

fn untouched(language: Language) -> ItemEnd {
    ItemEnd::new(ItemStatus::Cancelled, CANCELLED, words().get(language))
}

fn words() -> Text {
    Text::new(
        "ההרצה בוטלה לפני שהשורה בוצעה; אפשר להגיש אותה שוב",
        "the run was cancelled before this row was done; it may be dropped again",
    )
}

impl Engine {
    /// Ends a run whose reports are written: as finished, or as cancelled where a person gave up some of it.
    pub async fn end_run(&self, run: &RunId, tally: &Tally) -> Result<(), EngineError> {
        let given_up = tally.count(ItemStatus::Cancelled);
        if given_up == 0 && tally.finish != Some(ItemStatus::Cancelled) {
            return self.change(run, RunState::Finished).await;
        }
        let text = run_words(given_up, self.cancel_of(run).await?.as_ref());
        let message = Some(text.get(self.language()).to_owned());
        let change = RunChange { state: Some(RunState::Cancelled), message, ..RunChange::default() };
        self.change_run(run, change).await
    }
}

/// Who gave a run up, why, and what of it was not done.
fn run_words(given_up: u64, decision: Option<&Decision>) -> Text {
    let (he_who, en_who) = match decision {
        Some(decision) if decision.reason.is_empty() => {
            (format!(" על ידי {}", decision.actor), format!(" by {}", decision.actor))
        }
        Some(decision) => (
            format!(" על ידי {} ({})", decision.actor, decision.reason),
            format!(" by {} ({})", decision.actor, decision.reason),
        ),
        None => (String::new(), String::new()),
    };
    Text::new(
        format!(
            "ההרצה בוטלה{he_who}; {given_up} שורות לא בוצעו. אפשר להגיש שוב את הקובץ המקורי: מה שכבר חויב לא יחויב שוב"
        ),
        format!(
            "the run was cancelled{en_who}; {given_up} rows were not done. The original file may be dropped again: what \
             was charged is never charged again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeStatus::{Declined, NotSent, Succeeded, Unknown};

    fn check(statuses: &[OutcomeStatus], want: ItemStatus) {
        let effects: Vec<EffectStep> = statuses
            .iter()
            .map(|status| EffectStep {
                operation: "acme.charge".to_owned(),
                status: *status,
                key_taken: false,
                reference: Some("7".to_owned()),
                document: None,
                code: None,
                message: Text::default(),
                amount: None,
            })
            .collect();
        assert_eq!(after(Language::En, &effects).status, want, "{statuses:?}");
    }

    #[test]
    fn only_a_row_that_had_done_nothing_is_cancelled() {
        check(&[], ItemStatus::Cancelled);
        check(&[Succeeded], ItemStatus::Incomplete);
        check(&[Succeeded, Declined], ItemStatus::Incomplete);
        check(&[Declined], ItemStatus::Declined);
        check(&[NotSent], ItemStatus::NotSent);
        check(&[Succeeded, Unknown], ItemStatus::Unknown);
    }
}
