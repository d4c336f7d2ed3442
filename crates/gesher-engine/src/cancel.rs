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
use gesher_journal::{
    Decision, DecisionKind, ItemQuery, RunChange, RunState, StepRecord, StoredOutcome, Tally,
};

/// The code of a row that a person gave up.
const CANCELLED: &str = "cancelled";
/// Items that are read from the journal at a time.
const PAGE_ITEMS: usize = 1_000;

/// The end of an item that is not worked on any more. Blocks; on an item's thread only.
///
/// Its steps are asked for even where this run has only just claimed it: what the intent log knew of it may have been
/// taken over since the journal was restored.
pub(crate) fn cancelled(engine: &Engine, item: &ItemId) -> Result<ItemEnd, EngineError> {
    engine.runtime().block_on(engine.end_of_interrupted(item, untouched(engine.language())))
}

/// A recorded step as the rule of items sees it.
pub(crate) fn effect(step: &StepRecord, called: Called) -> EffectStep {
    EffectStep {
        operation: step.operation.clone(),
        key_taken: called.key_taken,
        ..messages::effect_of(&called.outcome)
    }
}

/// The end of an item that had these effects when it was interrupted, and would end as `untouched` without any.
fn after(language: Language, effects: &[EffectStep], untouched: ItemEnd) -> ItemEnd {
    if effects.is_empty() {
        return untouched;
    }
    let code = untouched.code.clone().unwrap_or_default();
    let end = ProgramEnd::Threw { code, message: untouched.message.clone() };
    item_end(language, effects, None, &end).unwrap_or(untouched)
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

/// Why a run that a person gave up leaves no reports.
fn without_reports() -> Text {
    Text::new(
        "הקובץ של ההרצה, או התהליך שלה, אינו קיים עוד, ולכן אין דוחות; מה עלה בגורל כל שורה מציג gesher show",
        "the run's file or its flow is not there any more, so there are no reports; `gesher show` says what became of \
         each row",
    )
}

impl Engine {
    /// The outcome of a step that was sent and of whose answer nothing is written.
    pub(crate) fn interrupted(&self) -> StoredOutcome {
        self.store(Outcome::new(OutcomeStatus::Unknown, "interrupted", messages::unknown()))
    }

    /// The end of an item whose program will not go on: what its steps had done by then, or `untouched` where they had
    /// done nothing. Nobody may be at work on it.
    pub async fn end_of_interrupted(
        &self,
        item: &ItemId,
        untouched: ItemEnd,
    ) -> Result<ItemEnd, EngineError> {
        let steps = self.journal().steps_of(item).await;
        let steps = steps.map_err(EngineError::journal("reading an item's steps"))?;
        let effects = steps.into_iter().filter(|step| step.attempt.is_some()).map(|step| {
            let outcome = step.outcome.clone().unwrap_or_else(|| self.interrupted());
            effect(&step, Called::recorded(&step, outcome))
        });
        Ok(after(self.language(), &effects.collect::<Vec<_>>(), untouched))
    }

    /// Ends a run that a person gave up and whose rows cannot be read any more, since its file or its flow is gone: from
    /// the journal alone. Rows that were claimed end by what they had done; the others were never anything. The caller
    /// has the run's lease.
    pub async fn end_unread(&self, run: &RunId) -> Result<(), EngineError> {
        let record = self.journal().run(run).await.map_err(EngineError::journal("reading a run"))?;
        let Some(record) = record.filter(|record| !record.state.is_final()) else { return Ok(()) };
        let mut query = ItemQuery { run: run.clone(), status: None, after: None, limit: PAGE_ITEMS };
        loop {
            let page = self.journal().items(&query).await.map_err(EngineError::journal("reading items"))?;
            let Some(last) = page.last() else { break };
            query.after = Some(last.id.ordinal);
            for item in page.iter().filter(|item| item.end.is_none()) {
                let end = self.end_of_interrupted(&item.id, untouched(self.language())).await?;
                let ended = self.journal().finish_item(&item.id, end, self.clock().now()).await;
                ended.map_err(EngineError::journal("ending an item"))?;
            }
        }
        let tally =
            self.journal().tally(run).await.map_err(EngineError::journal("counting a run's items"))?;
        if record.state == RunState::Reporting {
            return self.end_run(run, &tally).await;
        }
        let unread = record.rows.unwrap_or_default().saturating_sub(tally.items());
        let given_up = tally.count(ItemStatus::Cancelled).saturating_add(unread);
        let (text, why) = (run_words(given_up, self.cancel_of(run).await?.as_ref()), without_reports());
        let text = Text::new(format!("{}. {}", text.he, why.he), format!("{}. {}", text.en, why.en));
        tracing::warn!(%run, "{}", text.en);
        let message = Some(text.get(self.language()).to_owned());
        let change = RunChange { state: Some(RunState::Cancelled), message, ..RunChange::default() };
        self.change_run(run, change).await
    }

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
    let (he_what, en_what) = match decision.map(|decision| decision.kind) {
        Some(DecisionKind::Reject) => ("נדחתה", "rejected"),
        _ => ("בוטלה", "cancelled"),
    };
    Text::new(
        format!(
            "ההרצה {he_what}{he_who}; {given_up} שורות לא בוצעו. אפשר להגיש שוב את הקובץ המקורי: מה שכבר חויב לא יחויב שוב"
        ),
        format!(
            "the run was {en_what}{en_who}; {given_up} rows were not done. The original file may be dropped again: what \
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
        assert_eq!(after(Language::En, &effects, untouched(Language::En)).status, want, "{statuses:?}");
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
