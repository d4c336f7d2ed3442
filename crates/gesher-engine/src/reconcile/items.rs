//! What a person says of a row that is unknown although none of its steps is: one whose script asked for something else
//! after an interruption than before it. Its steps are settled first, each by itself; then the row can be.

use super::desk::{Desk, refused};
use super::people::{CHARGED, NOT_CHARGED};
use super::words;
use crate::cancel::effect;
use crate::engine::Called;
use crate::error::EngineError;
use crate::program::ProgramEnd;
use crate::status::{EffectStep, item_end};
use gesher_core::{ItemEnd, ItemId, ItemStatus, OutcomeStatus, StepId, Text};
use gesher_journal::{ItemClose, ItemQuery, ItemRecord, JournalError, StepRecord, StepState};
use serde_json::json;

/// What a person says of a row.
#[derive(Clone, Debug)]
pub struct ItemResolution {
    /// Which row.
    pub item: ItemId,
    /// The provider's id of what was done; none when nothing was.
    pub charged: Option<String>,
    /// What was checked, and where.
    pub reason: String,
    /// Who says so.
    pub actor: String,
}

impl Desk {
    /// Ends a row as a person says. Answers its new end.
    pub async fn resolve_item(&self, resolution: &ItemResolution) -> Result<ItemEnd, EngineError> {
        let (id, actor) = (&resolution.item, &resolution.actor);
        let reason = self.reason(&resolution.reason)?;
        let was = self.unknown_end(id).await?;
        let steps = self.journal.steps_of(id).await;
        let steps = steps.map_err(EngineError::journal("reading an item's steps"))?;
        let steps: Vec<StepRecord> = steps.into_iter().filter(|step| step.attempt.is_some()).collect();
        let effects = effects(id, &steps)?;
        let when = self.local(self.clock.now());
        let is_money = steps.iter().any(|step| self.is_money(step)) || steps.is_empty();
        let end = match &resolution.charged {
            Some(reference) => {
                let reference = self.reference(reference)?;
                self.require_free(&steps, reference).await?;
                let message = words::charged(is_money, actor, &when, reference, &reason);
                let derived = item_end(self.language, &effects, None, &ProgramEnd::Ended);
                charged(&was, derived, reference, message.get(self.language))
            }
            None => {
                if let Some(done) = effects.iter().find(|step| step.status == OutcomeStatus::Succeeded) {
                    return Err(refused(was_done(id, done.reference.as_deref())));
                }
                let message = words::not_charged(is_money, actor, &when, &reason);
                ItemEnd::new(ItemStatus::NotSent, NOT_CHARGED, message.get(self.language))
            }
        };
        let close = ItemClose {
            item: id.clone(),
            end: end.clone(),
            evidence: json!({
                "by": "person",
                "charged": resolution.charged.is_some(),
                "reference": end.reference,
                "was": was.code,
            }),
            actor: actor.clone(),
            reason,
            at: self.clock.now(),
        };
        match self.journal.close_item(close).await {
            Ok(()) => {
                tracing::warn!(item = %id, actor, "settled by a person: {}", end.status);
                Ok(end)
            }
            Err(JournalError::ItemNotOpen(_)) => Err(refused(not_unknown(id))),
            Err(error) => Err(EngineError::journal("ending a row")(error)),
        }
    }

    /// How a row ended that is unknown, or the refusal.
    async fn unknown_end(&self, id: &ItemId) -> Result<ItemEnd, EngineError> {
        let query =
            ItemQuery { run: id.run.clone(), status: None, after: id.ordinal.checked_sub(1), limit: 1 };
        let items = self.journal.items(&query).await.map_err(EngineError::journal("reading an item"))?;
        let item: Option<ItemRecord> = items.into_iter().find(|item| item.id == *id);
        let end = item.and_then(|item| item.end).filter(|end| end.status == ItemStatus::Unknown);
        end.ok_or_else(|| refused(not_unknown(id)))
    }

    /// A reference belongs to one row: this one's own, or nobody's.
    async fn require_free(&self, steps: &[StepRecord], reference: &str) -> Result<(), EngineError> {
        let is_own = |step: &StepRecord| {
            let outcome = step.outcome.as_ref();
            outcome.is_some_and(|outcome| {
                [&outcome.reference, &outcome.document]
                    .into_iter()
                    .any(|own| own.as_deref() == Some(reference))
            })
        };
        if steps.iter().any(is_own) {
            return Ok(());
        }
        let references = [reference.to_owned()];
        for step in steps {
            let taken = self.journal.references_taken(&step.account, &references, &step.id).await;
            if !taken.map_err(EngineError::journal("comparing references"))?.is_empty() {
                return Err(refused(words::taken_reference(&step.id, reference)));
            }
        }
        Ok(())
    }
}

/// What the row's steps did, once all of them are settled.
fn effects(id: &ItemId, steps: &[StepRecord]) -> Result<Vec<EffectStep>, EngineError> {
    let of = |step: &StepRecord| match (&step.outcome, step.state) {
        (Some(outcome), StepState::Over(status)) if !status.is_open() => {
            Ok(effect(step, Called::recorded(step, outcome.clone())))
        }
        _ => Err(refused(step_first(id, &step.id))),
    };
    steps.iter().map(of).collect()
}

/// A row that was charged: by what its steps say where they say it, and else by what the person says.
fn charged(was: &ItemEnd, derived: Option<ItemEnd>, reference: &str, message: &str) -> ItemEnd {
    let done = [ItemStatus::Succeeded, ItemStatus::Incomplete];
    let derived = derived.filter(|end| done.contains(&end.status));
    let status = derived.as_ref().map_or(ItemStatus::Succeeded, |end| end.status);
    let document = derived.as_ref().and_then(|end| end.document.clone());
    let amount = derived.and_then(|end| end.amount).or(was.amount);
    ItemEnd {
        reference: Some(reference.to_owned()),
        document,
        amount,
        ..ItemEnd::new(status, CHARGED, message)
    }
}

fn not_unknown(item: &ItemId) -> Text {
    Text::new(
        format!("השורה {item} אינה ממתינה להחלטה; מה שפתוח מציג gesher unknown list"),
        format!("row {item} waits for nobody's decision; `gesher unknown list` lists what does"),
    )
}

fn step_first(item: &ItemId, step: &StepId) -> Text {
    Text::new(
        format!("בשורה {item} הצעד {step} עדיין פתוח; יש לקבוע קודם מה עלה בגורלו"),
        format!("in row {item} the step {step} is open still; settle that one first"),
    )
}

fn was_done(item: &ItemId, reference: Option<&str>) -> Text {
    let reference = reference.unwrap_or("-");
    Text::new(
        format!("בשורה {item} רשומה פעולה שבוצעה, אסמכתה {reference}; יש לקבוע --charged עם האסמכתה"),
        format!(
            "row {item} has something that is known to have been done, reference {reference}; say --charged with it"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(derived: Option<ItemStatus>, want: ItemStatus) {
        let amount = "5.00 ILS".parse().ok();
        let was = ItemEnd { amount, ..ItemEnd::new(ItemStatus::Unknown, "diverged", "m") };
        let derived = derived.map(|status| ItemEnd { amount: None, ..ItemEnd::new(status, "c", "m") });
        let end = charged(&was, derived, "77", "said");
        assert_eq!((end.status, end.reference.as_deref(), end.amount), (want, Some("77"), amount));
    }

    #[test]
    fn a_row_that_was_charged_is_no_better_than_its_steps() {
        check(None, ItemStatus::Succeeded);
        check(Some(ItemStatus::Skipped), ItemStatus::Succeeded);
        check(Some(ItemStatus::Declined), ItemStatus::Succeeded);
        check(Some(ItemStatus::Succeeded), ItemStatus::Succeeded);
        check(Some(ItemStatus::Incomplete), ItemStatus::Incomplete);
    }
}
