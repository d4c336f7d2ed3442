//! Event sources: one look for what happened since the last one.

use crate::answering::{Answering, Asks, Services};
use crate::outcome::{misread, refusal, words};
use crate::plugin::{Class, Plugin};
use gesher_plugin_abi::{GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_REFUSED};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Events of one look. A source that finds more brings the rest with the next one.
const EVENTS_MAX: usize = 1_000;
/// Size of a cursor as JSON, in bytes.
const CURSOR_BYTES_MAX: usize = 64 << 10;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// What tells it from every other of its source, for ever. Not looked at here.
    pub id: String,
    /// What the flow's function gets.
    #[serde(default)]
    pub data: Value,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Polled {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Where the next look goes on. An answer without it is none: it would begin again from the first event.
    pub cursor: Value,
}

impl Plugin {
    /// Looks for events behind `cursor`, for at most `wait` where the source can wait, which is not counted against the
    /// plugin's time for a call. Blocks. An error says what is
    /// wrong and names the plugin; the same cursor is asked again later.
    pub fn poll(
        &self,
        services: &dyn Services,
        source: &str,
        cursor: &Value,
        wait: Duration,
    ) -> Result<Polled, String> {
        let input =
            json!({ "cursor": cursor, "wait_ms": u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) });
        let mut answering = Answering::new(self, services, Asks::Poll);
        let mut ask = |name: &str, input: &[u8]| answering.answer(name, input);
        let name = format!("poll/{source}");
        let time = self.spec().timeout.saturating_add(wait);
        let asked = self.invoke_within(time, Class::Source, &name, input.to_string().as_bytes(), &mut ask);
        let said = |what: &str| {
            format!("the plugin {} did not look at {source} as it should: {what}", self.spec().name)
        };
        match asked {
            Ok((GESHER_OK, bytes)) => {
                let polled =
                    serde_json::from_slice::<Polled>(&bytes).map_err(|error| said(&misread(&error)))?;
                sound(&polled).map_err(said)?;
                Ok(polled)
            }
            Ok((GESHER_NO_SUCH_NAME, _)) => Err(said("it does not know its own source")),
            Ok((GESHER_REFUSED, bytes)) => Err(said(&refusal(&bytes).message.en)),
            Ok((_, bytes)) => Err(said(&words(&bytes))),
            Err(fault) => Err(said(&fault.words())),
        }
    }
}

/// Whether an answer keeps to its limits.
fn sound(polled: &Polled) -> Result<(), &'static str> {
    if polled.events.len() > EVENTS_MAX {
        return Err("it brings more events at once than are allowed");
    }
    if polled.cursor.to_string().len() > CURSOR_BYTES_MAX {
        return Err("its cursor is too large");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_has_its_limits() {
        let polled = |many: usize, cursor: &str| {
            let event = Event { id: "1".to_owned(), data: Value::Null };
            sound(&Polled { events: vec![event; many], cursor: json!(cursor) }).is_ok()
        };
        assert!(polled(EVENTS_MAX, "c"));
        assert!(!polled(EVENTS_MAX + 1, "c") && !polled(1, &"x".repeat(CURSOR_BYTES_MAX)));
    }

    #[test]
    fn an_answer_says_where_the_next_look_goes_on() {
        let read = |text: &str| serde_json::from_str::<Polled>(text).map(|polled| polled.cursor);
        assert_eq!(read(r#"{"events": [], "cursor": null}"#).ok(), Some(Value::Null));
        let fault = read(r#"{"events": [{"id": "1"}]}"#).err().map(|error| misread(&error));
        assert!(fault.is_some_and(|fault| fault.contains("missing field `cursor`")));
        let long = format!(r#"{{"events": "{}", "cursor": 1}}"#, "x".repeat(1 << 20));
        let fault = read(&long).err().map(|error| misread(&error));
        assert!(fault.is_some_and(|fault| fault.len() <= 4 << 10));
    }
}
