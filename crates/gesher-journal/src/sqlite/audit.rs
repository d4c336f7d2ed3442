//! The audit: one row for each change of state, written in the transaction that makes the change.

use super::convert::instant;
use super::fault::Fault;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

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

/// Who decided a change, why, and by what.
pub(super) struct Decided<'a> {
    /// Who.
    pub(super) actor: &'a str,
    /// Why.
    pub(super) reason: &'a str,
    /// By what, as JSON.
    pub(super) evidence: Option<&'a Value>,
}

/// Notes a change that somebody decided.
pub(super) fn note_decided(
    connection: &Connection,
    at: Timestamp,
    subject: &str,
    was: Option<&str>,
    became: &str,
    note: Option<&str>,
    decided: &Decided<'_>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at, subject, was, became, note, actor, reason, evidence)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            instant(at),
            subject,
            was,
            became,
            note,
            decided.actor,
            decided.reason,
            decided.evidence.map(ToString::to_string)
        ])?;
    Ok(())
}
