//! Trying an account: one read by the one path, to see whether its keys open anything. It belongs to no run.

use crate::context::CallFault;
use crate::engine::{Call, Engine};
use crate::error::EngineError;
use crate::flow::{FlowLimits, OnUnknown};
use crate::halt::UnknownGuard;
use crate::stop::Stop;
use gesher_core::{Effect, ItemId, Rejection, RunId, StepId, Text};
use gesher_journal::StoredOutcome;
use serde_json::Value;
use std::sync::Arc;

impl Engine {
    /// Sends one read as `who`, and answers what came of it. Anything else than a read is refused. What the journal may
    /// be told of it is told under an id that no run has.
    pub async fn try_read(
        &self,
        operation: &str,
        who: &str,
        request: Value,
    ) -> Result<Result<StoredOutcome, Rejection>, EngineError> {
        let registered = match self.registry().find(operation) {
            Ok(registered) if registered.entry.descriptor.effect == Effect::Read => registered,
            Ok(_) => return Ok(Err(not_a_read(operation))),
            Err(rejection) => return Ok(Err(rejection)),
        };
        let prepared = match registered.prepare(who, request) {
            Ok(prepared) => prepared,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let run = RunId::random().map_err(EngineError::Id)?;
        let step = StepId { item: ItemId { run, ordinal: ItemId::FINISH }, position: 1 };
        let guard = Arc::new(UnknownGuard::new(step.item.run.clone(), OnUnknown::Continue));
        let call = Call {
            step,
            who: who.to_owned(),
            key: None,
            registered: Arc::clone(registered),
            prepared,
            limits: FlowLimits::default(),
            guard,
            original: None,
            begun: Arc::default(),
        };
        match self.call(&call, &Stop::new()).await {
            Ok(called) => Ok(Ok(called.outcome)),
            Err(CallFault::Failed(error)) => Err(error),
            // Nobody holds the stop but this call.
            Err(CallFault::Stopping) => Ok(Err(not_a_read(operation))),
        }
    }
}

fn not_a_read(operation: &str) -> Rejection {
    let text = Text::new(
        format!("\u{2068}{operation}\u{2069} אינה קריאה בלבד, ולכן לא ננסה בה חשבון"),
        format!("{operation} does more than read, so no account is tried with it"),
    );
    Rejection::new("not_a_read", text)
}
