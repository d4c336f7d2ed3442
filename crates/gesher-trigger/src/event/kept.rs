//! What the journal keeps of an event, so that its run can go on after a crash.

use super::{Event, StartedBy};
use crate::error::TriggerError;
use gesher_core::Key;
use gesher_engine::journal::RunRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the journal keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) key: Option<String>,
    /// What the script's function gets.
    pub(super) args: Value,
    /// The run is halted by a fault of the hub, and goes on by itself once that has passed. A halted run without this
    /// waits for a person.
    #[serde(default)]
    pub(super) goes_on: bool,
    /// The step of another flow that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<StartedBy>,
    /// What the script's function answered, where somebody waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Value>,
}

impl Kept {
    pub(super) fn of(event: &Event) -> Self {
        let key = event.key.as_ref().map(ToString::to_string);
        Self { key, args: event.input.clone(), goes_on: false, by: None, answer: None }
    }

    pub(super) fn read(run: &RunRecord) -> Result<Self, TriggerError> {
        let read = serde_json::from_value(run.source.clone());
        read.map_err(|source| TriggerError::Source { run: run.id.clone(), source })
    }

    /// Whether it is what is kept of that event.
    pub(super) fn is_of(&self, event: &Event) -> bool {
        self.key() == event.key && self.args == event.input
    }

    /// What names the item.
    pub(super) fn key(&self) -> Option<Key> {
        self.key.as_deref().and_then(|key| Key::clean(key).ok())
    }

    /// The same, with whether it goes on by itself.
    pub(super) fn that_goes_on(&self, goes_on: bool) -> Self {
        Self { goes_on, ..self.clone() }
    }

    /// The same, with what the script's function answered.
    pub(super) fn that_was_answered(self, answer: Value) -> Self {
        Self { answer: Some(answer), ..self }
    }

    pub(super) fn to_json(&self) -> Value {
        json!(self)
    }
}
