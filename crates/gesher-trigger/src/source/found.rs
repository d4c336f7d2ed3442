//! What a look found, as events of the flow: named for ever, and without what must not be kept. Pure.

use super::{Happened, Looked};
use crate::event::{Event, hash_of};
use crate::webhook::screen::{depth, forbidden};
use gesher_core::Redactor;
use gesher_core::limits::JSON_DEPTH_MAX;
use gesher_engine::journal::{NewEvent, TriggerKind};
use serde_json::json;

/// Letters of a run's name, which is the event's id.
const NAME_CHARACTERS_MAX: usize = 100;

/// The events of a look, or why none of them is taken: what cannot be kept whole is not kept at all, and what comes after
/// it waits until the source is mended.
pub(super) fn events(
    redactor: &Redactor,
    source: &str,
    looked: &Looked,
) -> Result<Vec<(Event, NewEvent)>, String> {
    if let Some(found) = forbidden(redactor, &[], &looked.cursor.to_string(), Some(&looked.cursor), &[]) {
        return Err(format!("its cursor holds what must not be kept ({})", found.what.as_str()));
    }
    looked.events.iter().map(|happened| event(redactor, source, happened)).collect()
}

fn event(redactor: &Redactor, source: &str, happened: &Happened) -> Result<(Event, NewEvent), String> {
    let Happened { id, data } = happened;
    // The id may be what must not be told.
    if forbidden(redactor, &[], id, None, &[]).is_some() {
        return Err("the id of an event holds what must not be kept".to_owned());
    }
    if depth(data) > JSON_DEPTH_MAX {
        return Err(format!("the event {id} has more than {JSON_DEPTH_MAX} levels of nesting"));
    }
    if let Some(found) = forbidden(redactor, &[], &data.to_string(), Some(data), &[]) {
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

    #[test]
    fn an_event_is_named_by_its_source_and_its_id() {
        let redactor = Redactor::new();
        let one = events(&redactor, "bank.transfers", &looked("7", json!({ "a": 1, "b": 2 }))).unwrap();
        let (event, named) = &one[0];
        assert_eq!((event.name.as_str(), named.id.as_str()), ("7", "bank.transfers/7"));
        assert_eq!(event.input, json!({ "id": "7", "source": "bank.transfers", "data": { "a": 1, "b": 2 } }));
        let same = events(&redactor, "bank.transfers", &looked("7", json!({ "b": 2, "a": 1 }))).unwrap();
        assert_eq!(same[0].1, *named, "whatever the order of its fields");
        let other = events(&redactor, "bank.transfers", &looked("7", json!({ "a": 2, "b": 2 }))).unwrap();
        assert_ne!(other[0].1.hash, named.hash);
    }

    #[test]
    fn what_must_not_be_kept_is_not_taken() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("canary-of-the-source"));
        let mut deep = json!(1);
        (0..=JSON_DEPTH_MAX).for_each(|_| deep = json!([deep.clone()]));
        for (looked, want) in [
            (looked("7", json!({ "order": { "card": "4111111111111111" } })), "at order.card"),
            (looked("7", json!("canary-of-the-source")), "(secret)"),
            (looked("canary-of-the-source", json!(1)), "the id of an event"),
            (looked("7", deep), "levels of nesting"),
            (Looked { events: Vec::new(), cursor: json!({ "at": "canary-of-the-source" }) }, "its cursor"),
        ] {
            let why = events(&redactor, "bank.transfers", &looked).unwrap_err();
            assert!(why.contains(want) && !why.contains("canary") && !why.contains("4111"), "{want}: {why}");
        }
    }
}
