//! The form's writer against an independent reader: what PHP makes of it is what was asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gesher_senzey::simulated::php;
use gesher_senzey::{WireOptions, encode, form_of};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A request as PHP must see it: every value a text, every list a map of its places.
fn seen(value: &Value) -> Value {
    match value {
        Value::Bool(truth) => if *truth { "TRUE" } else { "FALSE" }.into(),
        Value::Number(number) => number.to_string().into(),
        Value::Array(values) => Value::Object(
            values.iter().enumerate().map(|(at, value)| (at.to_string(), seen(value))).collect(),
        ),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), seen(value))).collect())
        }
        other => other.clone(),
    }
}

/// Names as the provider has them: a top-level name without points, spaces and brackets.
fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,12}"
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[א-ת \"'&=+%#\\[\\]]{0,20}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

fn map(of: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), of), 1..6)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

fn request() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(plain(), 1..5).prop_map(Value::from);
    let rows = prop::collection::vec(map(plain()), 1..5).prop_map(Value::from);
    map(prop_oneof![3 => plain(), 1 => map(plain()), 1 => list, 1 => rows])
}

proptest! {
    #[test]
    fn php_reads_back_exactly_what_was_written(request in request()) {
        let body = encode(&form_of("/extapi/client/add.php", &request, &WireOptions::default()));
        prop_assert!(body.is_ascii());
        let read = php::arrays(&php::pairs(body.as_bytes()));
        // A name that the provider's own fields have may mean something to the writer; none here has one.
        prop_assert_eq!(Value::Object(read), seen(&request), "{}", body);
    }

    #[test]
    fn the_order_of_the_pairs_is_that_of_the_fields(request in map(plain())) {
        let pairs = form_of("/extapi/client/add.php", &request, &WireOptions::default());
        let names: Vec<&String> = pairs.iter().map(|(name, _)| name).collect();
        let wanted: Vec<&String> = request.as_object().unwrap().keys().collect();
        prop_assert_eq!(names, wanted);
    }
}
