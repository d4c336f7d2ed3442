//! Events: what may begin one run, and never a second.

use super::convert::{first, read_word};
use super::fault::Fault;
use super::runs;
use crate::error::JournalError;
use crate::record::{EventBegun, NewEvent, NewRun, TriggerKind};
use gesher_core::RunId;
use rusqlite::{Connection, params};

/// The run that an event of this id began, and the hash of what came with it.
fn known(
    connection: &Connection,
    flow: &str,
    trigger: TriggerKind,
    id: &str,
) -> Result<Option<(RunId, [u8; 32])>, Fault> {
    let query = connection.prepare_cached(
        "SELECT r.id, e.hash FROM events e JOIN runs r ON r.no = e.run
         WHERE e.flow = (SELECT no FROM flows WHERE name = ?1) AND e.kind = ?2 AND e.id = ?3",
    )?;
    first(query, params![flow, trigger.as_str(), id], |row| Ok((read_word(row, 0, "run id")?, row.get(1)?)))
}

pub(super) fn run(
    connection: &Connection,
    flow: &str,
    trigger: TriggerKind,
    id: &str,
) -> Result<Option<RunId>, Fault> {
    Ok(known(connection, flow, trigger, id)?.map(|(run, _)| run))
}

pub(super) fn start(
    connection: &Connection,
    run: &NewRun,
    source: &str,
    event: &NewEvent,
) -> Result<EventBegun, Fault> {
    if event.id.len() > NewEvent::ID_BYTES_MAX {
        return Err(JournalError::LongEvent { bytes: event.id.len() }.into());
    }
    if let Some((run, hash)) = known(connection, &run.flow, run.trigger, &event.id)? {
        return Ok(if hash == event.hash { EventBegun::Again { run } } else { EventBegun::Other { run } });
    }
    runs::start(connection, run, source)?;
    connection
        .prepare_cached(
            "INSERT INTO events (flow, kind, id, hash, run)
             SELECT r.flow, ?2, ?3, ?4, r.no FROM runs r WHERE r.id = ?1",
        )?
        .execute(params![run.id.as_str(), run.trigger.as_str(), event.id, event.hash])?;
    Ok(EventBegun::New)
}
