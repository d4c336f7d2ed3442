//! An event of a source as `on_event(event)` gets it: its id, where it comes from, and what came with it.
//!
//! An event that came has all of it; a test writes what it needs. Pure: the same again on replay.

use serde_json::{Value, json};

/// The whole event of what is known of it. What is not a map stays what it is.
pub(crate) fn event(known: Value) -> Value {
    let Value::Object(mut known) = known else { return known };
    for (name, value) in [("id", json!("")), ("source", json!("")), ("data", Value::Null)] {
        known.entry(name).or_insert(value);
    }
    Value::Object(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_all_of_its_fields() {
        assert_eq!(event(json!({})), json!({ "id": "", "source": "", "data": null }));
        let whole = json!({ "id": "7", "source": "bank.transfers", "data": { "sum": 12 } });
        assert_eq!(event(whole.clone()), whole);
        assert_eq!(event(json!("x")), json!("x"));
    }
}
