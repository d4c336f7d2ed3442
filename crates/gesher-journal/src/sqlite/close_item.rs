//! Items that are unknown although none of their steps is: what a program that diverged leaves, say. They are found here,
//! and ended by a person.

use super::audit::{self, Decided};
use super::convert::{all, first, integer, read_word};
use super::desk::Desk;
use super::fault::Fault;
use super::{items, runs};
use crate::error::JournalError;
use crate::record::{ItemClose, ItemRecord};
use gesher_core::{ItemId, ItemStatus};
use rusqlite::{Connection, params};

/// The columns of an item, its run's id behind them, of items that are unknown without a step that is.
macro_rules! select_unknown {
    ($rest:literal) => {
        concat!(
            "SELECT i.ordinal, i.line, i.key, i.attempt, i.state, i.at, i.reference, i.document, i.code, i.message,
                    coalesce(i.end_amount, i.amount),
                    CASE WHEN i.end_amount IS NULL THEN i.currency ELSE i.end_currency END, i.first_at, r.id
             FROM items i INDEXED BY items_unknown JOIN runs r ON r.no = i.run
             WHERE i.state = 'unknown' AND NOT EXISTS (
                 SELECT 1 FROM steps s WHERE s.run = i.run AND s.ordinal = i.ordinal AND s.attempt IS NOT NULL
                     AND s.state IN ('in_flight', 'unknown', 'conflict')) ",
            $rest
        )
    };
}

/// The page behind one of them: its run, its row, how many.
pub(super) const NEXT_UNKNOWN: &str = select_unknown!(
    "AND (i.run, i.ordinal) > (coalesce((SELECT no FROM runs WHERE id = ?1), -1), ?2)
     ORDER BY i.run, i.ordinal LIMIT ?3"
);

/// The next of them, by run and row. Reads only what is unknown.
pub(super) fn unknown(
    connection: &Connection,
    after: Option<&ItemId>,
    limit: usize,
) -> Result<Vec<ItemRecord>, Fault> {
    let (run, ordinal) = match after {
        Some(after) => (after.run.as_str(), integer(after.ordinal)?),
        None => ("", -1),
    };
    let query = connection.prepare_cached(NEXT_UNKNOWN)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(query, params![run, ordinal, limit], |row| items::read_item(&read_word(row, 13, "run id")?, row))
}

/// Ends one of them.
pub(super) fn close(desk: &Desk, close: &ItemClose) -> Result<(), Fault> {
    let run = runs::numbers(desk, &close.item.run)?.no;
    let ordinal = integer(close.item.ordinal)?;
    let query = desk.prepare_cached(select_unknown!("AND i.run = ?1 AND i.ordinal = ?2"))?;
    if first(query, [run, ordinal], |_| Ok(()))?.is_none() {
        return Err(JournalError::ItemNotOpen(close.item.clone()).into());
    }
    items::end_again(desk, run, ordinal, &close.end, close.at)?;
    desk.prepare_cached("UPDATE runs SET closings = closings + 1 WHERE no = ?1")?.execute([run])?;
    let decided = Decided { actor: &close.actor, reason: &close.reason, evidence: Some(&close.evidence) };
    let (was, became) = (Some(ItemStatus::Unknown.as_str()), close.end.status.as_str());
    let (subject, code) = (close.item.to_string(), close.end.code.as_deref());
    audit::note_decided(desk, close.at, &subject, was, became, code, &decided)
}
