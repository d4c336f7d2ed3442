//! What flows keep: values by key, changed in the commit of the step that says so.

use super::convert::{all, first, instant, integer, json_text, read_json};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::{self, OutcomeRow};
use super::runs;
use crate::record::{StoreWrite, StoreWritten};
use rusqlite::{Connection, params};
use serde_json::Value;

/// Makes the change and records its step, or records that nothing was changed.
pub(super) fn write(desk: &Desk, write: &StoreWrite) -> Result<StoreWritten, Fault> {
    let flow = runs::numbers(desk, &write.step.id.item.run)?.flow;
    let there = value_of(desk, flow, &write.key)?;
    let written = match write.change.applied_to(there.as_ref()) {
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
