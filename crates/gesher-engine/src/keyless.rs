//! A call without a key: performed, and written down when it is over. Nothing of it can be told from an earlier one.

use crate::context::CallFault;
use crate::engine::{Call, Called, Engine, Senders, account_name};
use crate::messages;
use crate::permits::{PATIENCE, Stopping, Turn};
use crate::stop::Stop;
use gesher_core::{Effect, OutcomeStatus};

impl Engine {
    /// Performs it. What has no effect and failed while the hub stops may have given way to the stop: it is as if it had not
    /// been asked for, and its item asks again after the next start.
    pub(crate) async fn perform_keyless(
        &self,
        call: &Call,
        senders: &Senders,
        turn: Turn,
        stop: &Stop,
    ) -> Result<Called, CallFault> {
        let permit = turn.permit_unless(PATIENCE, stop).await.map_err(|Stopping| CallFault::Stopping)?;
        let Some(permit) = permit else {
            return Ok(Called::own(self.record(call, &senders.account, messages::no_turn())));
        };
        // Its keys may have been refused while it waited.
        let name = account_name(call.registered.entry.descriptor.provider, &senders.account);
        if self.accounts().is_paused(&name, &senders.account) {
            return Ok(Called::own(self.record(call, &senders.account, messages::account_paused(&name))));
        }
        let outcome = self.perform(call, senders, None).await;
        drop(permit);
        let reads = call.registered.entry.descriptor.effect == Effect::Read;
        if reads && outcome.status != OutcomeStatus::Succeeded && stop.is_requested() {
            return Err(CallFault::Stopping);
        }
        Ok(Called::own(self.record(call, &senders.account, outcome)))
    }
}
