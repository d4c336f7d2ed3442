//! Decisions of people about runs, from their writing to their being carried out.

use super::audit::{self, Decided};
use super::convert::{
    all, corrupt, first, instant, integer, read_instant, read_json_or_none, read_number, read_word,
};
use super::desk::Desk;
use super::fault::Fault;
use super::runs;
use crate::error::JournalError;
use crate::record::{Decision, DecisionKind, NewDecision};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

/// Writes a decision down.
pub(super) fn decide(desk: &Desk, decision: &NewDecision) -> Result<u64, Fault> {
    let run = runs::numbers(desk, &decision.run)?.no;
    let (kind, at) = (decision.kind.as_str(), decision.at);
    desk.prepare_cached(
        "INSERT INTO decisions (kind, run, actor, reason, at, terms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        kind,
        run,
        decision.actor,
        decision.reason,
        instant(at),
        (!decision.terms.is_null()).then(|| decision.terms.to_string())
    ])?;
    let seq = desk.last_insert_rowid();
    let evidence = (!decision.terms.is_null()).then_some(&decision.terms);
    let decided = Decided { actor: &decision.actor, reason: &decision.reason, evidence };
    audit::note_decided(desk, at, &subject(seq), None, kind, Some(decision.run.as_str()), &decided)?;
    u64::try_from(seq).map_err(|_| corrupt("number", seq))
}

/// Notes what became of a decision.
pub(super) fn settle(connection: &Connection, seq: u64, result: &str, at: Timestamp) -> Result<(), Fault> {
    let stored = integer(seq)?;
    let query =
        connection.prepare_cached("SELECT kind FROM decisions WHERE seq = ?1 AND settled_at IS NULL")?;
    let kind: Option<String> = first(query, [stored], |row| Ok(row.get(0)?))?;
    let kind = kind.ok_or(JournalError::NoDecision(seq))?;
    connection
        .prepare_cached("UPDATE decisions SET result = ?2, settled_at = ?3 WHERE seq = ?1")?
        .execute(params![stored, result, instant(at)])?;
    audit::note(connection, at, &subject(stored), Some(&kind), "settled", Some(result))
}

/// The decisions that wait.
pub(super) fn open(connection: &Connection) -> Result<Vec<Decision>, Fault> {
    let query = connection.prepare_cached(
        "SELECT d.seq, d.kind, r.id, d.actor, d.reason, d.at, d.terms FROM decisions d JOIN runs r ON r.no = d.run
         WHERE d.settled_at IS NULL ORDER BY d.seq",
    )?;
    all(query, [], |row| {
        Ok(Decision {
            seq: read_number(row, 0)?,
            kind: read_kind(row, 1)?,
            run: read_word(row, 2, "run id")?,
            actor: row.get(3)?,
            reason: row.get(4)?,
            at: read_instant(row, 5)?,
            terms: read_json_or_none(row, 6)?.unwrap_or_default(),
        })
    })
}

/// A decision as the audit names it.
fn subject(seq: i64) -> String {
    format!("decision {seq}")
}

fn read_kind(row: &Row<'_>, column: usize) -> Result<DecisionKind, Fault> {
    let word: String = row.get(column)?;
    let known = DecisionKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    known.ok_or_else(|| corrupt("decision", word))
}
