//! The audit: one row for each change of state, written in the transaction that makes the change.

use super::convert::instant;
use super::fault::Fault;
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// Notes that `subject` became something else. `was` is none at its beginning.
pub(super) fn note(
    connection: &Connection,
    at: Timestamp,
    subject: &str,
    was: Option<&str>,
    became: &str,
    note: Option<&str>,
) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO audit (at, subject, was, became, note) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![instant(at), subject, was, became, note])?;
    Ok(())
}
