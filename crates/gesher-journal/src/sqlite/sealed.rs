//! Sealed rows: names and bytes that only the vault can read.

use super::audit::{self, Decided};
use super::convert::{all, first, instant, read_instant};
use super::fault::Fault;
use crate::error::JournalError;
use crate::record::{Resealing, SealedRow};
use jiff::Timestamp;
use rusqlite::{Connection, params};

pub(super) fn put(connection: &Connection, row: &SealedRow, at: Timestamp) -> Result<(), Fault> {
    let subject = format!("sealed {}", row.name);
    if row.bytes.is_empty() {
        let removed =
            connection.prepare_cached("DELETE FROM sealed WHERE name = ?1")?.execute([&row.name])?;
        return match removed {
            0 => Ok(()),
            _ => audit::note(connection, at, &subject, Some("stored"), "removed", None),
        };
    }
    connection
        .prepare_cached(
            "INSERT INTO sealed (name, bytes, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes, at = excluded.at",
        )?
        .execute(params![row.name, row.bytes, instant(at)])?;
    audit::note(connection, at, &subject, None, "stored", None)
}

/// Gives rows new bytes. One that was changed meanwhile was sealed for something else: whoever asks reads again.
pub(super) fn reseal(connection: &Connection, resealing: &Resealing) -> Result<(), Fault> {
    for (row, bytes) in &resealing.rows {
        let changed = connection
            .prepare_cached("UPDATE sealed SET bytes = ?3 WHERE name = ?1 AND bytes = ?2")?
            .execute(params![row.name, row.bytes, bytes])?;
        if changed == 0 {
            return Err(JournalError::SealedChanged(row.name.clone()).into());
        }
    }
    let Resealing { rows, actor, reason, at } = resealing;
    let note = rows.len().to_string();
    let decided = Decided { actor, reason, evidence: None };
    audit::note_decided(connection, *at, "vault", None, "sealed-anew", Some(&note), &decided)
}

pub(super) fn sealed(connection: &Connection, name: &str) -> Result<Option<SealedRow>, Fault> {
    let query = connection.prepare_cached("SELECT name, bytes FROM sealed WHERE name = ?1")?;
    first(query, [name], |row| Ok(SealedRow { name: row.get(0)?, bytes: row.get(1)? }))
}

pub(super) fn names(connection: &Connection) -> Result<Vec<(String, Timestamp)>, Fault> {
    let query = connection.prepare_cached("SELECT name, at FROM sealed ORDER BY name")?;
    all(query, [], |row| Ok((row.get(0)?, read_instant(row, 1)?)))
}
