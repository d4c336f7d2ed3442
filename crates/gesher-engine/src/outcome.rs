//! Writing an outcome down, for as long as it takes: what a provider answered can be known nowhere else, and a store that
//! fails now may work in a minute.

use crate::context::CallFault;
use crate::engine::Engine;
use crate::stop::Stop;
use gesher_journal::{JournalError, StepFinish, StoredOutcome};
use std::time::Duration;

/// The first pause before an outcome that could not be written is tried again. It doubles.
const OUTCOME_RETRY_FIRST: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const OUTCOME_RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long an outcome is tried once a stop is asked for; before that, for as long as it takes. The time that a supervisor is
/// told to wait before it kills allows for it. At the next start the step is unknown.
const OUTCOME_RETRY_STOPPING: Duration = Duration::from_secs(60);

impl Engine {
    /// Writes an outcome, and tries again while the store fails: what is known now can be known nowhere else. In the
    /// meantime nothing new begins, since intents go the same way. Gives the outcome back.
    pub(crate) async fn finish(&self, finish: StepFinish, stop: &Stop) -> Result<StoredOutcome, CallFault> {
        let (mut pause, mut left, mut tried) = (OUTCOME_RETRY_FIRST, OUTCOME_RETRY_STOPPING, false);
        gesher_core::failpoint!("outcome.before");
        loop {
            let error = match self.journal().finish_step(&finish).await {
                Ok(()) => break,
                // An earlier try was durable although it was reported as failed: only this process can have made it.
                Err(JournalError::NotInFlight(_)) if tried => break,
                Err(error) => error,
            };
            self.store_failed(&error);
            if !error.is_of_store() || left.is_zero() {
                self.health().lose();
                lost(&finish);
                return Err(CallFault::journal("journalling an outcome")(error));
            }
            if !tried {
                tracing::error!(step = %finish.step, %error, "an outcome cannot be written; it is kept until it can be");
            }
            tried = true;
            if stop.is_requested() {
                pause = pause.min(left);
                left -= pause;
                tokio::time::sleep(pause).await;
            } else {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.requested() => {}
                }
            }
            pause = (pause * 2).min(OUTCOME_RETRY_PAUSE_MAX);
        }
        gesher_core::failpoint!("outcome.committed");
        if tried {
            tracing::info!(step = %finish.step, "the outcome is written now");
        }
        Ok(finish.outcome)
    }
}

/// The last that can be said of an outcome that was never written: a person who looks the step up will need it.
fn lost(finish: &StepFinish) {
    let outcome = &finish.outcome;
    tracing::error!(
        step = %finish.step, status = outcome.status.as_str(), reference = outcome.reference, code = outcome.code,
        "this outcome could not be written; without it the step is unknown from the next start on"
    );
}
