//! Looks at event sources: what they found begins its runs, and where the next one goes on is kept, in one commit.

use super::convert::{first, instant, json_text, read_json};
use super::desk::Desk;
use super::events;
use super::fault::Fault;
use super::runs;
use crate::record::{EventBegun, SourceLook};
use rusqlite::{Connection, params};
use serde_json::Value;

/// Begins the runs of what a look found, and keeps its cursor.
pub(super) fn keep(desk: &Desk, look: &SourceLook) -> Result<Vec<EventBegun>, Fault> {
    let begun =
        look.events.iter().map(|(run, event)| events::start(desk, run, &run.source.to_string(), event));
    let begun = begun.collect::<Result<Vec<_>, Fault>>()?;
    if begun.contains(&EventBegun::New) {
        // Whichever of them brings it: the run of an event that was known is not begun, and its script is of the others too.
        look.events.iter().try_for_each(|(run, _)| runs::keep_script(desk, &run.script))?;
    }
    desk.prepare_cached("INSERT INTO flows (name) VALUES (?1) ON CONFLICT (name) DO NOTHING")?
        .execute([&look.flow])?;
    desk.prepare_cached(
        "INSERT INTO sources (flow, source, cursor, at) SELECT no, ?2, ?3, ?4 FROM flows WHERE name = ?1
         ON CONFLICT (flow, source) DO UPDATE SET cursor = excluded.cursor, at = excluded.at",
    )?
    .execute(params![look.flow, look.source, json_text(&look.cursor), instant(look.at)])?;
    Ok(begun)
}

/// Where the next look of a flow at a source goes on; none where it never looked.
pub(super) fn cursor(connection: &Connection, flow: &str, source: &str) -> Result<Option<Value>, Fault> {
    let query = connection.prepare_cached(
        "SELECT s.cursor FROM sources s JOIN flows f ON f.no = s.flow WHERE f.name = ?1 AND s.source = ?2",
    )?;
    first(query, params![flow, source], |row| read_json(row, 0))
}
