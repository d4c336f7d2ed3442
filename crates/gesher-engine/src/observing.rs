//! What an item sees of the hub itself: the time, a run's counts, vendors. Each look is a step without an effect, answered
//! from the record after an interruption.

use crate::context::{CallEnd, CallFault, ItemContext};
use crate::status::Ended;
use gesher_core::{OutcomeStatus, StepId, Text};
use gesher_journal::{StepRecord, StepState, StoredOutcome};
use jiff::Timestamp;
use serde_json::Value;

/// The name of the step that the time is.
const TIME_NOW: &str = "time.now";
/// The name of the step that the counts of a run are, as `on_finish` gets them.
const RUN_SUMMARY: &str = "run.summary";
/// The name of the step that a vendor's state is.
const VENDOR: &str = "vendors.get";
/// The name of the step that the states of all vendors are.
const VENDORS: &str = "vendors.list";

impl ItemContext {
    /// The current time, as a step: the same again after an interruption.
    pub fn now(&self) -> Result<Timestamp, CallEnd> {
        let look = || Ok(Value::String(self.engine().clock().now().to_string()));
        let seen = self.observed(TIME_NOW, "", look)?;
        seen.as_str().unwrap_or_default().parse().map_err(|_| self.end(Ended::Diverged))
    }

    /// What `on_finish` gets, as a step: the same again after an interruption, whatever was found out about the run's
    /// rows in the meantime.
    pub(crate) fn summary(&self, summary: Value) -> Result<Value, CallEnd> {
        self.observed(RUN_SUMMARY, "", || Ok(summary))
    }

    /// Where a vendor stands, as a step: the same again after an interruption. Null where there is none.
    pub fn vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        let handle = gesher_core::key::clean_cell(handle);
        let look = || self.engine().runtime().block_on(self.engine().vendor_seen(&handle));
        self.observed(VENDOR, &handle, look)
    }

    /// Where all vendors stand, as a step: a list of what [`vendor`](ItemContext::vendor) answers, by handle.
    pub fn vendors(&self) -> Result<Value, CallEnd> {
        self.observed(VENDORS, "", || self.engine().runtime().block_on(self.engine().vendors_seen()))
    }

    /// Something of the hub's own that may be another the next time one looks: a step without an effect.
    pub(crate) fn observed(
        &self,
        name: &str,
        who: &str,
        look: impl FnOnce() -> Result<Value, CallFault>,
    ) -> Result<Value, CallEnd> {
        let step = self.next_step()?;
        if let Some(called) = self.recorded(&step, name, who, None, &[0; 32])? {
            return Ok(called.outcome.data.into_tree());
        }
        let seen = look().map_err(|fault| self.failed(fault))?;
        let now = self.engine().clock().now();
        let outcome = StoredOutcome {
            status: OutcomeStatus::Succeeded,
            reference: None,
            document: None,
            code: None,
            message: Text::default(),
            data: seen.clone().into(),
            amount: None,
        };
        let plain = self.plain_step(step, name, who, [0; 32], now);
        self.engine().journal().record_step(StepRecord { outcome: Some(outcome), ..plain }).in_order();
        Ok(seen)
    }

    /// A step of the hub's own that is over at once: it has no account, no attempt, and no outcome yet.
    pub(crate) fn plain_step(
        &self,
        id: StepId,
        name: &str,
        who: &str,
        request_hash: [u8; 32],
        now: Timestamp,
    ) -> StepRecord {
        StepRecord {
            id,
            operation: name.to_owned(),
            who: who.to_owned(),
            account: String::new(),
            key: None,
            attempt: None,
            request_hash,
            subject: None,
            amount: None,
            state: StepState::Over(OutcomeStatus::Succeeded),
            outcome: None,
            intent_at: now,
            outcome_at: Some(now),
            flow: String::new(),
            look_up: Value::Null,
            stamp: None,
            unlocked_at: None,
            looked_up_at: None,
            looked_up: 0,
        }
    }
}
