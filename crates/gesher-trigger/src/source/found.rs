//! What a look found, as events of the flow: named for ever, and without what must not be kept. Pure.

use super::{Happened, Looked};
use crate::event::{Event, hash_of};
use crate::webhook::limits::{BODY_BYTES_MAX, ID_BYTES_MAX};
use crate::webhook::screen::{depth, forbidden};
use gesher_core::Redactor;
use gesher_core::limits::JSON_DEPTH_MAX;
use gesher_engine::journal::{NewEvent, TriggerKind};
use serde_json::json;

/// Letters of a run's name, which is the event's id.
const NAME_CHARACTERS_MAX: usize = 100;

/// What is taken of a look.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// The events before the first that cannot be taken.
    pub(super) events: Vec<(Event, NewEvent)>,
    /// Why the rest is not, and the cursor neither.
    pub(super) fault: Option<String>,
}

/// The events of a look up to one that cannot be kept whole, which is not kept at all: it and what comes after it wait until
/// the source is mended.
pub(super) fn events(redactor: &Redactor, source: &str, looked: &Looked) -> Found {
    let mut found = Found { events: Vec::with_capacity(looked.events.len()), fault: None };
    for (at, happened) in looked.events.iter().enumerate() {
        match event(redactor, source, at, happened) {
            Ok(event) => found.events.push(event),
            Err(why) => return Found { fault: Some(why), ..found },
        }
    }
    let cursor = &looked.cursor;
    if let Some(in_it) = forbidden(redactor, &[], &cursor.to_string(), Some(cursor), &[]) {
        found.fault = Some(format!("its cursor holds what must not be kept ({})", in_it.what.as_str()));
    }
    found
}

fn event(
    redactor: &Redactor,
    source: &str,
    at: usize,
    happened: &Happened,
) -> Result<(Event, NewEvent), String> {
    let Happened { id, data } = happened;
    let is_shown = !id.trim().is_empty() && !id.chars().any(char::is_control);
    if !is_shown || id.len() > ID_BYTES_MAX {
        let place = at + 1;
        return Err(format!(
            "the id of its event no. {place} is empty, longer than {ID_BYTES_MAX} bytes, or holds what cannot be shown"
        ));
    }
    // The id may be what must not be told.
    if forbidden(redactor, &[], id, None, &[]).is_some() {
        return Err("the id of an event holds what must not be kept".to_owned());
    }
    let text = data.to_string();
    if text.len() > BODY_BYTES_MAX {
        return Err(format!("the event {id} is longer than {BODY_BYTES_MAX} bytes"));
    }
    if depth(data) > JSON_DEPTH_MAX {
        return Err(format!("the event {id} has more than {JSON_DEPTH_MAX} levels of nesting"));
    }
    if let Some(found) = forbidden(redactor, &[], &text, Some(data), &[]) {
        let (what, place) = (found.what.as_str(), found.place);
        return Err(format!("the event {id} holds what must not be kept ({what}), at {place}"));
    }
    let name = id.chars().take(NAME_CHARACTERS_MAX).collect();
    let input = json!({ "id": id, "source": source, "data": data });
    // Another source of the same flow may have the same ids.
    let named = NewEvent { id: format!("{source}/{id}"), hash: hash_of(data) };
    Ok((Event { trigger: TriggerKind::Source, name, key: None, input }, named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::Secret;
    use serde_json::Value;

    fn looked(id: &str, data: Value) -> Looked {
        Looked { events: vec![Happened { id: id.to_owned(), data }], cursor: json!(7) }
    }

    #[track_caller]
    fn one(redactor: &Redactor, looked: &Looked) -> (Event, NewEvent) {
        let Found { mut events, fault } = events(redactor, "bank.transfers", looked);
        assert_eq!((events.len(), fault), (1, None));
        events.remove(0)
    }

    #[test]
    fn an_event_is_named_by_its_source_and_its_id() {
        let redactor = Redactor::new();
        let (event, named) = one(&redactor, &looked("7", json!({ "a": 1, "b": 2 })));
        assert_eq!((event.name.as_str(), named.id.as_str()), ("7", "bank.transfers/7"));
        assert_eq!(event.input, json!({ "id": "7", "source": "bank.transfers", "data": { "a": 1, "b": 2 } }));
        let same = one(&redactor, &looked("7", json!({ "b": 2, "a": 1 })));
        assert_eq!(same.1, named, "whatever the order of its fields");
        let other = one(&redactor, &looked("7", json!({ "a": 2, "b": 2 })));
        assert_ne!(other.1.hash, named.hash);
    }

    #[test]
    fn what_must_not_be_kept_is_not_taken_and_what_was_before_it_is() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("canary-of-the-source"));
        let mut deep = json!(1);
        (0..=JSON_DEPTH_MAX).for_each(|_| deep = json!([deep.clone()]));
        let long = json!("x".repeat(BODY_BYTES_MAX - 1));
        for (bad, want) in [
            (looked("7", json!({ "order": { "card": "4111111111111111" } })), "at order.card"),
            (looked("7", json!("canary-of-the-source")), "(secret)"),
            (looked("canary-of-the-source", json!(1)), "the id of an event"),
            (looked("7", deep), "levels of nesting"),
            (looked("7", long), "longer than 1048576 bytes"),
            (looked(" ", json!(1)), "the id of its event no. 2"),
            (looked("a\nb", json!(1)), "what cannot be shown"),
            (looked(&"x".repeat(ID_BYTES_MAX + 1), json!(1)), "longer than 256 bytes"),
        ] {
            let first = Happened { id: "6".to_owned(), data: json!(6) };
            let last = Happened { id: "8".to_owned(), data: json!(8) };
            let all = [vec![first], bad.events, vec![last]].concat();
            let found = events(&redactor, "bank.transfers", &Looked { events: all, cursor: json!(7) });
            let names: Vec<_> = found.events.iter().map(|(event, _)| event.name.as_str()).collect();
            assert_eq!(names, ["6"], "{want}");
            let why = found.fault.unwrap_or_default();
            assert!(why.contains(want) && !why.contains("canary") && !why.contains("4111"), "{want}: {why}");
        }
        let adrift = Looked { cursor: json!({ "at": "canary-of-the-source" }), ..looked("6", json!(6)) };
        let found = events(&redactor, "bank.transfers", &adrift);
        assert_eq!(found.events.len(), 1);
        assert!(found.fault.is_some_and(|why| why.contains("its cursor") && !why.contains("canary")));
        assert_eq!(one(&redactor, &looked("7", json!("x".repeat(BODY_BYTES_MAX - 2)))).0.name, "7");
    }
}
