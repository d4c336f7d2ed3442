//! How open steps are closed, unlocked and looked for, by evidence or by a person.

use super::audit::{self, Decided};
use super::convert::{first, instant, integer, read_word};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::{self, OutcomeRow};
use super::{items, sealed, step_reads, vendors};
use crate::error::JournalError;
use crate::record::StepClose;
use gesher_core::{OutcomeStatus, StepId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// A step that is open.
struct OpenStep {
    run: i64,
    ordinal: i64,
    status: OutcomeStatus,
}

/// An open step by its id, or the refusal.
fn open_step(connection: &Connection, id: &StepId) -> Result<OpenStep, Fault> {
    let ordinal = integer(id.item.ordinal)?;
    let query = connection.prepare_cached(
        "SELECT s.run, s.state FROM steps s JOIN runs r ON r.no = s.run
         WHERE r.id = ?1 AND s.ordinal = ?2 AND s.position = ?3 AND s.attempt IS NOT NULL
             AND s.state IN ('unknown', 'conflict')",
    )?;
    let found = first(query, params![id.item.run.as_str(), ordinal, id.position], |row| {
        Ok(OpenStep { run: row.get(0)?, ordinal, status: read_word(row, 1, "step state")? })
    })?;
    found.ok_or_else(|| JournalError::NotOpen(id.clone()).into())
}

/// Closes an open step.
pub(super) fn close(desk: &Desk, close: &StepClose, row: &OutcomeRow) -> Result<(), Fault> {
    let open = open_step(desk, &close.step)?;
    let became = row.status();
    match (open.status, became) {
        (_, OutcomeStatus::Unknown) => return Err(JournalError::NotOver(close.step.clone()).into()),
        (OutcomeStatus::Conflict, OutcomeStatus::Conflict) => {
            return Err(JournalError::NotOpen(close.step.clone()).into());
        }
        _ => {}
    }
    if items::seen(desk, open.run, open.ordinal)? != close.seen {
        return Err(JournalError::ItemChanged(close.step.item.clone()).into());
    }
    require_free_reference(desk, close)?;
    if let (OutcomeStatus::Succeeded, Some(account)) = (became, row.reference()) {
        vendors::require_own_account(desk, open.run, &close.step, account)?;
    }
    outcomes::write_outcome(desk, open.run, &close.step, row, open.status.as_str(), close.at)?;
    for sealed_row in &close.sealed {
        sealed::put(desk, sealed_row, close.at)?;
    }
    if let Some(vendor) = &close.vendor {
        vendors::mark(desk, vendor, close.at)?;
    }
    if let Some(end) = &close.end {
        items::end_again(desk, open.run, open.ordinal, end, close.at)?;
    }
    desk.prepare_cached("UPDATE runs SET closings = closings + 1 WHERE no = ?1")?.execute([open.run])?;
    let decided = Decided { actor: &close.actor, reason: &close.reason, evidence: Some(&close.evidence) };
    let (was, code) = (Some(open.status.as_str()), row.code());
    audit::note_decided(desk, close.at, &close.step.to_string(), was, became.as_str(), code, &decided)
}

/// Refuses to call a step succeeded with what another step of the account has. Whoever decided has looked too, but in
/// another moment, and perhaps beside another process that decided the same.
fn require_free_reference(connection: &Connection, close: &StepClose) -> Result<(), Fault> {
    let (OutcomeStatus::Succeeded, Some(reference)) = (close.outcome.status, &close.outcome.reference) else {
        return Ok(());
    };
    let Some(step) = step_reads::step(connection, &close.step)? else { return Ok(()) };
    let references = std::slice::from_ref(reference);
    if step_reads::references_taken(connection, &step.account, references, &close.step)?.is_empty() {
        return Ok(());
    }
    Err(JournalError::ReferenceTaken { step: close.step.clone(), reference: reference.clone() }.into())
}

/// Lets other keys of an open step's subject go on.
pub(super) fn unlock(
    connection: &Connection,
    id: &StepId,
    actor: &str,
    reason: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let open = open_step(connection, id)?;
    connection
        .prepare_cached(
            "UPDATE steps SET unlocked_at = ?4 WHERE run = ?1 AND ordinal = ?2 AND position = ?3",
        )?
        .execute(params![open.run, open.ordinal, id.position, instant(at)])?;
    let decided = Decided { actor, reason, evidence: None };
    let was = Some(open.status.as_str());
    audit::note_decided(connection, at, &id.to_string(), was, "unlocked", None, &decided)
}

/// Notes that an open step was looked for.
pub(super) fn note_look_up(connection: &Connection, id: &StepId, at: Timestamp) -> Result<(), Fault> {
    let open = open_step(connection, id)?;
    connection
        .prepare_cached(
            "UPDATE steps SET looked_up_at = ?4, looked_up = looked_up + 1
             WHERE run = ?1 AND ordinal = ?2 AND position = ?3",
        )?
        .execute(params![open.run, open.ordinal, id.position, instant(at)])?;
    Ok(())
}
