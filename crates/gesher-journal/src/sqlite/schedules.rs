//! Since when schedules are known, and how far they are dealt with.

use super::audit;
use super::convert::{first, instant, read_instant};
use super::fault::Fault;
use crate::record::KnownSchedule;
use rusqlite::{Connection, params};

/// Writes down how far a schedule is dealt with. A new rule is noted in the audit.
pub(super) fn know(connection: &Connection, schedule: &KnownSchedule) -> Result<(), Fault> {
    let KnownSchedule { flow, rule, since, until } = schedule;
    let was = known(connection, flow)?.map(|known| known.rule);
    connection
        .prepare_cached("INSERT INTO flows (name) VALUES (?1) ON CONFLICT (name) DO NOTHING")?
        .execute([flow])?;
    connection
        .prepare_cached(
            "INSERT INTO schedules (flow, rule, since, until) SELECT no, ?2, ?3, ?4 FROM flows WHERE name = ?1
             ON CONFLICT (flow) DO UPDATE SET rule = excluded.rule, since = excluded.since, until = excluded.until",
        )?
        .execute(params![flow, rule, instant(*since), instant(*until)])?;
    if was.as_ref() == Some(rule) {
        return Ok(());
    }
    audit::note(connection, *since, flow, was.as_deref(), "schedule", Some(rule))
}

/// What is known of the schedule of a flow.
pub(super) fn known(connection: &Connection, flow: &str) -> Result<Option<KnownSchedule>, Fault> {
    let query = connection.prepare_cached(
        "SELECT s.rule, s.since, s.until FROM schedules s JOIN flows f ON f.no = s.flow WHERE f.name = ?1",
    )?;
    first(query, [flow], |row| {
        let (since, until) = (read_instant(row, 1)?, read_instant(row, 2)?);
        Ok(KnownSchedule { flow: flow.to_owned(), rule: row.get(0)?, since, until })
    })
}
