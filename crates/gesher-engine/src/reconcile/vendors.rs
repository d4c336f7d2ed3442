//! How a person finishes the opening of a vendor whose answer was lost: with the account that was opened, and its keys.

use super::desk::{Closed, Closing, Desk, refused};
use super::people::Resolved;
use super::words;
use crate::error::EngineError;
use gesher_core::{Json, OutcomeStatus, StepId, VendorRole};
use gesher_journal::{JournalError, SealedRow, StepRecord, StoredOutcome};
use serde_json::json;

/// The code of an opening that a person finished.
const KEYS_SET: &str = "keys_set";

/// An opening that a person finishes.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The step that nobody knew the end of.
    pub step: StepId,
    /// The account that it opened.
    pub account: String,
    /// The account's keys, sealed.
    pub sealed: SealedRow,
    /// What was checked, and where.
    pub reason: String,
    /// Who says so.
    pub actor: String,
}

impl Desk {
    /// Whether the step was to open a vendor's account, so that closing it takes the account's keys.
    pub(super) fn opens_vendor(&self, step: &StepRecord) -> bool {
        self.registry.find(&step.operation).is_ok_and(|found| found.entry.vendor == VendorRole::Opens)
    }

    /// Closes the opening of a vendor: its step has succeeded, the vendor is open, and its keys are in the vault, all in
    /// one commit.
    pub async fn opened(&self, opened: Opened) -> Result<Resolved, EngineError> {
        let reason = self.reason(&opened.reason)?;
        let step = self.step(&opened.step).await?;
        self.require_open(&step)?;
        let account = self.reference(&opened.account)?.to_owned();
        let message = words::opened(&opened.actor, &self.local(self.clock.now()), &account, &reason);
        let outcome = StoredOutcome {
            status: OutcomeStatus::Succeeded,
            reference: Some(account.clone()),
            document: None,
            code: Some(KEYS_SET.to_owned()),
            message,
            data: Json::default(),
            amount: None,
        };
        let closing = Closing {
            outcome: outcome.clone(),
            sealed: vec![opened.sealed],
            evidence: json!({ "by": "person", "account": account, "was": step.state.as_str() }),
            actor: opened.actor.clone(),
            reason,
            by_person: true,
        };
        match self.close(&step, closing).await {
            Ok(Closed::Done(end)) => {
                tracing::warn!(step = %step.id, actor = opened.actor, account, "a vendor's opening was finished by a person");
                Ok(Resolved { step, outcome, end })
            }
            Ok(Closed::AtWork) => Err(refused(words::at_work(&step.id))),
            Ok(Closed::Before) => {
                let now = self.step(&step.id).await?;
                Err(refused(words::not_open(&step.id, now.state.as_str())))
            }
            Err(EngineError::Journal { source: JournalError::Vendor { vendor, why }, .. }) => {
                Err(refused(words::vendor(&vendor, &why)))
            }
            Err(error) => Err(error),
        }
    }
}
