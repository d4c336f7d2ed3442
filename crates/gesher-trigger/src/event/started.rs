//! Calls that another flow makes: the same as a person's, with the step that made them.

use super::kept::Kept;
use super::{Begun, BegunAs, Event, EventFlow, begin_once_as};
use crate::error::TriggerError;
use crate::webhook::Scheme;
use gesher_core::{Key, StepId};
use gesher_engine::Engine;
use gesher_engine::journal::{NewEvent, RunRecord, TriggerKind};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which step of another flow started a run, and how many were started one by another up to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedBy {
    /// The step.
    pub step: String,
    /// How many: one for what a flow starts that nobody started.
    pub depth: u32,
    /// Whether a delivery that nobody verified stands at the beginning of them.
    #[serde(default)]
    pub unverified: bool,
}

impl StartedBy {
    /// What a step of `run` starts.
    #[must_use]
    pub fn step_of(run: &RunRecord, step: &StepId) -> Self {
        let before = started_by(run);
        let is_unverified =
            run.trigger == TriggerKind::Webhook && run.source["args"]["verified_by"] == Scheme::None.as_str();
        Self {
            step: step.to_string(),
            depth: before.as_ref().map_or(0, |by| by.depth) + 1,
            unverified: is_unverified || before.is_some_and(|by| by.unverified),
        }
    }
}

/// Who started a run, where another flow did.
#[must_use]
pub fn started_by(run: &RunRecord) -> Option<StartedBy> {
    Kept::read(run).ok()?.by
}

/// What tells a named call from every other of its flow: its key, and what it is called with.
#[must_use]
pub fn identity(key: &Key, args: &Value) -> NewEvent {
    NewEvent { id: key.as_str().to_owned(), hash: hash_of(args) }
}

/// The same for the same value, whatever the order of the fields in its maps.
pub(crate) fn hash_of(value: &Value) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, sorted(value).to_string().as_bytes()).as_ref());
    hash
}

/// The same value with the fields of its maps in their order: a map has none of its own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.iter().map(|(name, field)| (name.clone(), sorted(field))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        plain => plain.clone(),
    }
}

/// Begins the run of a call that a step of another flow makes, durably and once. Whether it is new is so also where this
/// very step began it before a crash.
pub async fn begin_started(
    engine: &Engine,
    flow: &EventFlow,
    event: &Event,
    identity: NewEvent,
    by: StartedBy,
) -> Result<Begun, TriggerError> {
    let kept = Kept { by: Some(by.clone()), ..Kept::of(event) };
    let begun = begin_once_as(engine, flow, event, identity, None, kept).await?;
    if begun.as_what != BegunAs::Again {
        return Ok(begun);
    }
    let found = engine.journal().run(&begun.run).await.map_err(TriggerError::journal("reading a run"))?;
    let is_own = found.as_ref().and_then(started_by) == Some(by);
    Ok(if is_own { Begun { as_what: BegunAs::New, ..begun } } else { begun })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_arguments_are_the_same_call_whatever_their_order() {
        let of =
            |key: &str, args: &str| identity(&Key::clean(key).unwrap(), &serde_json::from_str(args).unwrap());
        let one = of("k", r#"{"a":1,"b":{"x":[1,{"p":1,"q":2}],"y":2}}"#);
        assert_eq!(one, of(" k ", r#"{"b":{"y":2,"x":[1,{"q":2,"p":1}]},"a":1}"#));
        for (key, args) in
            [("l", r#"{"a":1,"b":{"x":[1,{"p":1,"q":2}],"y":2}}"#), ("k", r#"{"a":1}"#), ("k", "null")]
        {
            assert_ne!(one, of(key, args));
        }
    }
}
