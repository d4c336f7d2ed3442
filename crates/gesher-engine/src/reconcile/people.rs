//! What a person says of a step that nobody can know about: that it was done, or that it was not. Said with a reason,
//! written down with the name, and refused while it cannot be known yet.

use super::desk::{Closed, Closing, Desk, refused};
use super::words;
use crate::error::EngineError;
use gesher_core::{ItemEnd, Json, OutcomeStatus, StepId};
use gesher_journal::{StepRecord, StoredOutcome};
use jiff::SignedDuration;
use serde_json::json;

/// How long after its intent a step may be called not charged at the earliest. What was sent can lie in buffers and
/// queues and be done late; this is far beyond every time-out on its way.
pub const NOT_CHARGED_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// Characters of a reason. The rest is cut off.
const REASON_CHARACTERS_MAX: usize = 500;
/// Characters of a reference. A longer one is a slip.
const REFERENCE_CHARACTERS_MAX: usize = 100;
/// The code of a step that a person says was not done.
pub(super) const NOT_CHARGED: &str = "not_charged";
/// The code of a step that a person says was done.
pub(super) const CHARGED: &str = "charged";

/// What a person says of a step.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// Which step.
    pub step: StepId,
    /// The provider's id of it when it was done; none when it was not.
    pub charged: Option<String>,
    /// What was checked, and where.
    pub reason: String,
    /// Who says so.
    pub actor: String,
}

/// What a resolution made of its step.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The step, as it was before.
    pub step: StepRecord,
    /// What it is now.
    pub outcome: StoredOutcome,
    /// How its item ends now; none for an item that has not ended.
    pub end: Option<ItemEnd>,
}

impl Desk {
    /// Closes a step as a person says.
    pub async fn resolve(&self, resolution: &Resolution) -> Result<Resolved, EngineError> {
        let reason = self.reason(&resolution.reason)?;
        let step = self.step(&resolution.step).await?;
        self.require_open(&step)?;
        let outcome = match &resolution.charged {
            Some(_) if self.opens_vendor(&step) => return Err(refused(words::keys_are_missing(&step.who))),
            Some(reference) => self.charged(&step, reference, &resolution.actor, &reason).await?,
            None => self.not_charged(&step, &resolution.actor, &reason)?,
        };
        let closing = Closing {
            outcome: outcome.clone(),
            sealed: Vec::new(),
            evidence: json!({
                "by": "person",
                "charged": resolution.charged.is_some(),
                "reference": outcome.reference,
                "was": step.state.as_str(),
                "looked_up": step.looked_up,
            }),
            actor: resolution.actor.clone(),
            reason,
            by_person: true,
        };
        match self.close(&step, closing).await? {
            Closed::Done(end) => {
                tracing::warn!(step = %step.id, actor = resolution.actor, "settled by a person: {}", outcome.status);
                Ok(Resolved { step, outcome, end })
            }
            Closed::AtWork => Err(refused(words::at_work(&step.id))),
            Closed::Before => {
                let now = self.step(&step.id).await?;
                Err(refused(words::not_open(&step.id, now.state.as_str())))
            }
        }
    }

    async fn charged(
        &self,
        step: &StepRecord,
        reference: &str,
        actor: &str,
        reason: &str,
    ) -> Result<StoredOutcome, EngineError> {
        let reference = self.reference(reference)?;
        let references = [reference.to_owned()];
        let taken = self.journal.references_taken(&step.account, &references, &step.id).await;
        if !taken.map_err(EngineError::journal("comparing references"))?.is_empty() {
            return Err(refused(words::taken_reference(&step.id, reference)));
        }
        let when = self.local(self.clock.now());
        let message = words::charged(self.is_money(step), actor, &when, reference, reason);
        Ok(StoredOutcome {
            status: OutcomeStatus::Succeeded,
            reference: Some(reference.to_owned()),
            document: None,
            code: Some(CHARGED.to_owned()),
            message,
            data: Json::default(),
            amount: step.amount,
        })
    }

    /// A reference as it is kept, or the refusal of what cannot be one.
    pub(super) fn reference<'a>(&self, text: &'a str) -> Result<&'a str, EngineError> {
        let reference = text.trim();
        let fits = !reference.is_empty()
            && reference.chars().count() <= REFERENCE_CHARACTERS_MAX
            && !reference.chars().any(|letter| letter.is_whitespace() || letter.is_control())
            && self.redactor.text(reference) == reference;
        if fits { Ok(reference) } else { Err(refused(words::bad_reference())) }
    }

    /// Refused while what was sent may still arrive, also by a clock that was set back since.
    fn not_charged(
        &self,
        step: &StepRecord,
        actor: &str,
        reason: &str,
    ) -> Result<StoredOutcome, EngineError> {
        let now = self.clock.now();
        let is_money = self.is_money(step);
        let from = step.intent_at.checked_add(NOT_CHARGED_AFTER).unwrap_or(step.intent_at);
        if now < from {
            let minutes = NOT_CHARGED_AFTER.as_mins();
            return Err(refused(words::too_early(is_money, minutes, &self.local(from))));
        }
        Ok(StoredOutcome {
            status: OutcomeStatus::NotSent,
            reference: None,
            document: None,
            code: Some(NOT_CHARGED.to_owned()),
            message: words::not_charged(is_money, actor, &self.local(now), reason),
            data: Json::default(),
            amount: step.amount,
        })
    }

    /// A person's reason as it is kept: one line, not endless, without card numbers.
    pub(super) fn reason(&self, text: &str) -> Result<String, EngineError> {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String =
            line.chars().filter(|letter| !letter.is_control()).take(REASON_CHARACTERS_MAX).collect();
        if line.is_empty() {
            return Err(refused(words::no_reason()));
        }
        Ok(self.redactor.text(&line).into_owned())
    }
}
