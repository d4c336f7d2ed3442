//! What an open outcome keeps of the answer, so that the person who has to settle it has more than our words.
//!
//! Secrets are not looked for here: whoever stores an outcome redacts it. Only the end of a quote is kept clear of
//! halves of numbers and keys, since no redaction would know those.

use crate::envelope::{field, id, text};
use gesher_core::operation::Effect;
use gesher_core::{Json, Outcome};
use serde_json::{Value, json};

/// The field of the data under which an answer that has none is quoted.
pub(crate) const EXCERPT: &str = "excerpt";
/// Length of a quote, in characters.
const EXCERPT_CHARS_MAX: usize = 500;
/// Length of a character in UTF-8, in bytes.
const CHAR_BYTES_MAX: usize = 4;

/// Puts an answer's data into an outcome, and the ids that are in it. A look-up leaves nothing to settle.
pub(crate) fn with_data(mut outcome: Outcome, effect: Effect, data: impl Into<Json>) -> Outcome {
    let data = data.into();
    let reference = match effect {
        Effect::Read => return outcome,
        Effect::Write => id(field(&data, "DocumentID")).or_else(|| id(field(&data, "CompanyID"))),
        Effect::Money => id(field(field(&data, "Payment"), "ID")),
    };
    outcome.reference = reference.map(|id| id.to_string());
    outcome.document = text(field(&data, "DocumentNumber"));
    outcome.data = data;
    outcome
}

/// The same from a body whose meaning is not known: its data, or else the start of its text.
pub(crate) fn with_body(mut outcome: Outcome, effect: Effect, body: &[u8]) -> Outcome {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer.get_mut("Data").map(Value::take) {
        Some(data) if !data.is_null() => with_data(outcome, effect, data),
        _ => {
            if effect.changes() && !body.is_empty() {
                outcome.data = json!({ EXCERPT: excerpt(body) }).into();
            }
            outcome
        }
    }
}

/// The start of a body as text.
fn excerpt(body: &[u8]) -> String {
    let start = body.get(..EXCERPT_CHARS_MAX * CHAR_BYTES_MAX).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let quote: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
    if start.len() == body.len() && quote.len() == text.len() {
        return quote;
    }
    let in_key = |c: char| c.is_ascii_alphanumeric() || "-_+/=.".contains(c);
    let in_number = |c: char| c.is_ascii_digit() || " -".contains(c);
    quote.trim_end_matches(in_key).trim_end_matches(in_number).to_owned()
}
