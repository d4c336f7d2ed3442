//! What all look-ups share: an answer with what was asked for, or a refusal. Never unknown, since nothing can have
//! changed.

use crate::classify::{open, unreadable};
use gesher_core::operation::{Effect, Reply};
use gesher_core::{Outcome, OutcomeStatus, Text};
use serde_json::Value;

/// Classifies the reply of a look-up. `found` says what belongs into the outcome, or none where the answer lacks what
/// was asked for.
pub(crate) fn classify(reply: &Reply, found: impl FnOnce(&Value, &mut Outcome) -> Option<()>) -> Outcome {
    let data = match open(reply, Effect::Read) {
        Ok(envelope) => envelope.data,
        Err(outcome) => return *outcome,
    };
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::new("התקבלה תשובה", "Answered"));
    outcome.code = None;
    if found(&data, &mut outcome).is_none() {
        return unreadable(Effect::Read, data);
    }
    outcome.data = data;
    outcome
}
