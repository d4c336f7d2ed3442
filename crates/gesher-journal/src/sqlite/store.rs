//! What flows keep: values by key, changed in the commit of the step that says so.

use super::convert::{all, first, instant, integer, json_text, read_json};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::{self, OutcomeRow};
use super::runs;
use crate::record::{StoreChange, StoreWrite, StoreWritten};
use gesher_core::money::decimal_of;
use rusqlite::{Connection, params};
use serde_json::{Number, Value};

/// Makes the change and records its step, or records that nothing was changed.
pub(super) fn write(desk: &Desk, write: &StoreWrite) -> Result<StoreWritten, Fault> {
    let flow = runs::numbers(desk, &write.step.id.item.run)?.flow;
    let there = value_of(desk, flow, &write.key)?;
    let written = match decide(there.as_ref(), &write.change) {
        StoreWritten::Written(Some(_))
            if there.is_none() && count(desk, flow)? >= integer(write.keys_max)? =>
        {
            StoreWritten::Full
        }
        decided => decided,
    };
    match &written {
        StoreWritten::Written(Some(value)) => put(desk, flow, write, value)?,
        StoreWritten::Written(None) => {
            desk.prepare_cached("DELETE FROM store WHERE flow = ?1 AND key = ?2")?
                .execute(params![flow, write.key])?;
        }
        StoreWritten::Other(_) | StoreWritten::NoNumber | StoreWritten::Full => {}
    }
    let row = OutcomeRow::new((write.outcome)(&written));
    let mut step = write.step.clone();
    step.state = crate::record::StepState::Over(row.status());
    outcomes::record(desk, &step, Some(&row))?;
    Ok(written)
}

/// What a change comes to where this is there.
fn decide(there: Option<&Value>, change: &StoreChange) -> StoreWritten {
    match change {
        StoreChange::Set(value) => StoreWritten::Written(value.clone()),
        StoreChange::Replace { expected, by } => {
            let as_expected = match (there, expected) {
                (None, None) => true,
                (Some(there), Some(expected)) => is_same(there, expected),
                _ => false,
            };
            if as_expected { StoreWritten::Written(by.clone()) } else { StoreWritten::Other(there.cloned()) }
        }
        StoreChange::Add(by) => {
            let zero = Number::from(0);
            let number = match there {
                None => Some(&zero),
                Some(Value::Number(number)) => Some(number),
                Some(_) => None,
            };
            let sum = number.and_then(decimal_of).and_then(|number| number.checked_add(*by));
            let sum = sum.and_then(|sum| sum.to_string().parse().ok());
            sum.map_or(StoreWritten::NoNumber, |sum| StoreWritten::Written(Some(Value::Number(sum))))
        }
    }
}

/// Whether two values say the same: `12.5` is `12.50`, and a map has no order.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (decimal_of(one), decimal_of(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has =
                |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

fn put(desk: &Desk, flow: i64, write: &StoreWrite, value: &Value) -> Result<(), Fault> {
    desk.prepare_cached(
        "INSERT INTO store (flow, key, value, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (flow, key) DO UPDATE SET value = excluded.value, at = excluded.at",
    )?
    .execute(params![flow, write.key, json_text(value), instant(write.step.intent_at)])?;
    Ok(())
}

fn count(connection: &Connection, flow: i64) -> Result<i64, Fault> {
    let query = connection.prepare_cached("SELECT count(*) FROM store WHERE flow = ?1")?;
    Ok(first(query, [flow], |row| Ok(row.get(0)?))?.unwrap_or_default())
}

fn value_of(connection: &Connection, flow: i64, key: &str) -> Result<Option<Value>, Fault> {
    let query = connection.prepare_cached("SELECT value FROM store WHERE flow = ?1 AND key = ?2")?;
    first(query, params![flow, key], |row| read_json(row, 0))
}

/// What a flow keeps under a key.
pub(super) fn value(connection: &Connection, flow: &str, key: &str) -> Result<Option<Value>, Fault> {
    let query = connection.prepare_cached(
        "SELECT value FROM store WHERE flow = (SELECT no FROM flows WHERE name = ?1) AND key = ?2",
    )?;
    first(query, params![flow, key], |row| read_json(row, 0))
}

/// The keys of a flow that begin so, sorted by their bytes, as many as are asked for.
pub(super) fn keys(
    connection: &Connection,
    flow: &str,
    prefix: &str,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let query = connection.prepare_cached(
        "SELECT key FROM store WHERE flow = (SELECT no FROM flows WHERE name = ?1) AND key >= ?2
             AND substr(key, 1, length(?2)) = ?2
         ORDER BY key LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(query, params![flow, prefix, limit], |row| Ok(row.get(0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_what_they_say() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (one, other, want) in [
            ("12.5", "12.50", true),
            ("12", "12.00", true),
            ("12", "\"12\"", false),
            (r#"{"a":1,"b":[2.0]}"#, r#"{"b":[2],"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            ("[1,2]", "[2,1]", false),
            ("null", "null", true),
        ] {
            assert_eq!(is_same(&parse(one), &parse(other)), want, "{one} {other}");
        }
    }

    #[test]
    fn a_number_grows_without_a_float_and_nothing_else_does() {
        let add =
            |there: Option<Value>, by: &str| decide(there.as_ref(), &StoreChange::Add(by.parse().unwrap()));
        let number = |text: &str| StoreWritten::Written(Some(serde_json::from_str(text).unwrap()));
        assert_eq!(add(None, "1"), number("1"));
        assert_eq!(add(Some(serde_json::from_str("0.1").unwrap()), "0.2"), number("0.3"));
        assert_eq!(add(Some(json!(7)), "-8"), number("-1"));
        assert_eq!(add(Some(json!("7")), "1"), StoreWritten::NoNumber);
        assert_eq!(add(Some(Value::Null), "1"), StoreWritten::NoNumber);
        let most = serde_json::from_str("79228162514264337593543950335").unwrap();
        assert_eq!(add(Some(most), "1"), StoreWritten::NoNumber);
    }
}
