//! The desk at which open steps are closed: by what a look-up found, or by what a person says. It needs the journal and the
//! table of operations, and neither a provider nor a key, so it stands beside a running hub as well as in it.
//!
//! What a step's closing makes of its item is the same rule that ends every item. What closes a step is decided by who
//! comes to the desk.

use super::words;
use crate::engine::Called;
use crate::error::EngineError;
use crate::messages;
use crate::program::ProgramEnd;
use crate::status::{DIVERGED, EffectStep, Ended, item_end};
use crate::vendors;
use gesher_core::{Clock, Effect, ItemEnd, ItemId, Language, Redactor, Registry, StepId, Text};
use gesher_journal::{
    ItemQuery, ItemRecord, Journal, JournalError, RunState, SealedRow, StepClose, StepRecord, StepState,
    StoredOutcome, VendorMark,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::sync::Arc;

/// How often an item that changes under the desk's hands is read again before it counts as being at work.
const READINGS_MAX: usize = 5;

/// What closing steps takes.
#[derive(Clone)]
pub struct Desk {
    /// The durable record.
    pub journal: Arc<dyn Journal>,
    /// Every operation; nothing is sent, so the providers may be none that could send.
    pub registry: Arc<Registry>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Cleans whatever is kept.
    pub redactor: Arc<Redactor>,
    /// The language of messages in results.
    pub language: Language,
    /// The zone of times in messages.
    pub time_zone: TimeZone,
}

/// A closing on its way.
pub(super) struct Closing {
    pub(super) outcome: StoredOutcome,
    pub(super) sealed: Vec<SealedRow>,
    pub(super) evidence: Value,
    pub(super) actor: String,
    pub(super) reason: String,
    /// Whether a person decides: then nothing of the item is left to be decided.
    pub(super) by_person: bool,
}

/// What became of a closing.
pub(super) enum Closed {
    /// It is durable; so is the item's new end, where it has one.
    Done(Option<ItemEnd>),
    /// Somebody else closed the step meanwhile.
    Before,
    /// The item has no end yet, and its run is at work: it would not hear of the closing.
    AtWork,
}

impl Desk {
    pub(super) async fn step(&self, id: &StepId) -> Result<StepRecord, EngineError> {
        let step = self.journal.step(id).await.map_err(EngineError::journal("reading a step"))?;
        step.ok_or_else(|| EngineError::NoStep(id.clone()))
    }

    /// Whether the operation moves money; one that is not known here may.
    pub(super) fn is_money(&self, step: &StepRecord) -> bool {
        let registered = self.registry.find(&step.operation);
        registered.map_or(true, |registered| registered.entry.descriptor.effect == Effect::Money)
    }

    pub(super) fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    async fn item(&self, id: &ItemId) -> Result<Option<ItemRecord>, EngineError> {
        let query =
            ItemQuery { run: id.run.clone(), status: None, after: id.ordinal.checked_sub(1), limit: 1 };
        let items = self.journal.items(&query).await.map_err(EngineError::journal("reading an item"))?;
        Ok(items.into_iter().find(|item| item.id == *id))
    }

    pub(super) async fn has_ended(&self, item: &ItemId) -> Result<bool, EngineError> {
        Ok(self.item(item).await?.is_some_and(|item| item.end.is_some()))
    }

    /// Whether a step's item is over, or waits in a run that nobody works on. Any other item is still running with what
    /// it was told of the step.
    pub(super) async fn is_at_rest(&self, item: &ItemId) -> Result<bool, EngineError> {
        if self.has_ended(item).await? {
            return Ok(true);
        }
        let run = self.journal.run(&item.run).await.map_err(EngineError::journal("reading a run"))?;
        Ok(run.is_some_and(|run| run.state == RunState::Halted || run.state.is_final()))
    }

    /// Closes an open step, and gives its item the end that follows. An item that changes meanwhile is read again, since
    /// the end that follows may be another.
    pub(super) async fn close(&self, step: &StepRecord, closing: Closing) -> Result<Closed, EngineError> {
        for _ in 0..READINGS_MAX {
            if !self.is_at_rest(&step.id.item).await? {
                return Ok(Closed::AtWork);
            }
            let close = self.closing_of(step, &closing).await?;
            let end = close.end.clone();
            match self.journal.close_step(close).await {
                Ok(()) => return Ok(Closed::Done(end)),
                Err(JournalError::NotOpen(_)) => return Ok(Closed::Before),
                Err(JournalError::ItemChanged(_)) => {}
                Err(JournalError::ReferenceTaken { step, reference }) => {
                    return Err(refused(words::taken_reference(&step, &reference)));
                }
                Err(error) => return Err(EngineError::journal("closing a step")(error)),
            }
        }
        Ok(Closed::AtWork)
    }

    /// What the journal is asked for: the step's outcome, and the end of its item as it is seen now.
    async fn closing_of(&self, step: &StepRecord, closing: &Closing) -> Result<StepClose, EngineError> {
        let item_id = &step.id.item;
        let item = self.item(item_id).await?;
        let mut steps =
            self.journal.steps_of(item_id).await.map_err(EngineError::journal("reading an item's steps"))?;
        if let Some(own) = steps.iter_mut().find(|own| own.id == step.id) {
            own.state = StepState::Over(closing.outcome.status);
            own.outcome = Some(closing.outcome.clone());
        }
        let was = item.as_ref().and_then(|item| item.end.as_ref());
        Ok(StepClose {
            step: step.id.clone(),
            outcome: closing.outcome.clone(),
            seen: item.as_ref().map(ItemRecord::seen),
            end: was.and_then(|was| self.end_of(&steps, was, closing.by_person)),
            sealed: closing.sealed.clone(),
            vendor: self.mark_of(step, &closing.outcome),
            evidence: closing.evidence.clone(),
            actor: closing.actor.clone(),
            reason: closing.reason.clone(),
            at: self.clock.now(),
        })
    }

    /// What the item's steps add up to now. An unknown step ended its program, so the program has nothing to add. One
    /// that asked for something else than before its interruption waits for a person, whatever a machine finds.
    fn end_of(&self, steps: &[StepRecord], was: &ItemEnd, by_person: bool) -> Option<ItemEnd> {
        let effects: Option<Vec<EffectStep>> =
            steps.iter().filter(|step| self.has_effect(step)).map(effect_of).collect();
        let diverged = was.code.as_deref() == Some(DIVERGED) && !by_person;
        item_end(self.language, &effects?, diverged.then_some(Ended::Diverged), &ProgramEnd::Ended)
    }

    /// What the closing says of a vendor.
    fn mark_of(&self, step: &StepRecord, outcome: &StoredOutcome) -> Option<VendorMark> {
        let registered = self.registry.find(&step.operation).ok()?;
        vendors::mark(registered, &step.who, outcome)
    }

    fn has_effect(&self, step: &StepRecord) -> bool {
        match self.registry.find(&step.operation) {
            Ok(registered) => registered.entry.descriptor.effect.changes(),
            Err(_) => step.attempt.is_some(),
        }
    }

    /// A person lifts the lock of a step's subject: other keys of it may go on while nobody knows about this one.
    pub async fn unlock(&self, id: &StepId, reason: &str, actor: &str) -> Result<StepRecord, EngineError> {
        let reason = self.reason(reason)?;
        let step = self.step(id).await?;
        self.require_open(&step)?;
        let unlocked = self.journal.unlock_step(id, actor, &reason, self.clock.now()).await;
        match unlocked {
            Ok(()) => Ok(step),
            Err(JournalError::NotOpen(_)) => Err(refused(words::not_open(id, step.state.as_str()))),
            Err(error) => Err(EngineError::journal("lifting the lock of a subject")(error)),
        }
    }

    pub(super) fn require_open(&self, step: &StepRecord) -> Result<(), EngineError> {
        match step.state {
            StepState::InFlight => Err(refused(words::in_flight(&step.id))),
            StepState::Over(status) if status.is_open() => Ok(()),
            StepState::Over(status) => Err(refused(words::not_open(&step.id, status.as_str()))),
        }
    }
}

pub(super) fn refused(why: Text) -> EngineError {
    EngineError::Refused { why }
}

/// A step as the rule of items sees it; none while it is in flight.
fn effect_of(step: &StepRecord) -> Option<EffectStep> {
    let called = Called::recorded(step, step.outcome.clone()?);
    Some(EffectStep {
        operation: step.operation.clone(),
        key_taken: called.key_taken,
        ..messages::effect_of(&called.outcome)
    })
}
