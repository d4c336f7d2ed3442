//! Alerts: written down once, delivered until somebody took them or nobody tries any more.

use super::convert::{all, instant, integer, read_instant, read_instant_or_none, read_number};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::{self, OutcomeRow};
use crate::record::{AlertRecord, AlertTry, NewAlert, StepRecord};
use gesher_core::ItemId;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

macro_rules! select_alerts {
    ($rest:literal) => {
        concat!(
            "SELECT no, kind, flow, item, subject, text, at, tries, due_at, delivered_at FROM alerts ",
            $rest
        )
    };
}

/// Writes an alert down, with the step that it is, where it is one.
pub(super) fn raise(
    desk: &Desk,
    alert: &NewAlert,
    step: Option<&(StepRecord, OutcomeRow)>,
) -> Result<(), Fault> {
    if let Some((step, row)) = step {
        outcomes::record(desk, step, Some(row))?;
    }
    let item = alert.item.as_ref().map(ToString::to_string);
    let at = instant(alert.at);
    desk.prepare_cached(
        "INSERT INTO alerts (kind, flow, item, subject, text, at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )?
    .execute(params![alert.kind, alert.flow, item, alert.subject, alert.text, at])?;
    Ok(())
}

/// Notes what came of a try at delivering one.
pub(super) fn note_try(desk: &Desk, no: u64, tried: AlertTry) -> Result<(), Fault> {
    let (due, delivered) = match tried {
        AlertTry::Delivered(at) => (None, Some(instant(at))),
        AlertTry::Again(at) => (Some(instant(at)), None),
        AlertTry::GivenUp => (None, None),
    };
    desk.prepare_cached("UPDATE alerts SET tries = tries + 1, due_at = ?2, delivered_at = ?3 WHERE no = ?1")?
        .execute(params![integer(no)?, due, delivered])?;
    Ok(())
}

/// The newest first.
pub(super) fn newest(connection: &Connection, limit: usize) -> Result<Vec<AlertRecord>, Fault> {
    let query = connection.prepare_cached(select_alerts!("ORDER BY no DESC LIMIT ?1"))?;
    all(query, [i64::try_from(limit).unwrap_or(i64::MAX)], read)
}

/// Those that are to be delivered by then: the hub's own alarms before what scripts say, however much that is; among
/// each, the longest due first.
pub(super) fn due(connection: &Connection, by: Timestamp, limit: usize) -> Result<Vec<AlertRecord>, Fault> {
    let query = connection
        .prepare_cached(select_alerts!("WHERE due_at <= ?1 ORDER BY kind = 'script', due_at, no LIMIT ?2"))?;
    all(query, params![instant(by), i64::try_from(limit).unwrap_or(i64::MAX)], read)
}

fn read(row: &Row<'_>) -> Result<AlertRecord, Fault> {
    let item: Option<String> = row.get(3)?;
    let item = item.map(|text| text.parse::<ItemId>()).transpose();
    Ok(AlertRecord {
        no: read_number(row, 0)?,
        alert: NewAlert {
            kind: row.get(1)?,
            flow: row.get(2)?,
            item: item.map_err(|error| super::convert::corrupt("item id", error))?,
            subject: row.get(4)?,
            text: row.get(5)?,
            at: read_instant(row, 6)?,
        },
        tries: read_number(row, 7)?,
        due_at: read_instant_or_none(row, 8)?,
        delivered_at: read_instant_or_none(row, 9)?,
    })
}
