//! The tables and how they come to be: migrations by `user_version`, only forward, each in one transaction.

use super::fault::Fault;
use crate::error::JournalError;
use rusqlite::Connection;

/// Each entry takes the database from the version of its index to the next. Entries are never changed, only added.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_close.sql"),
    include_str!("migrations/0003_light.sql"),
    include_str!("migrations/0004_vendors.sql"),
    include_str!("migrations/0005_originals.sql"),
    include_str!("migrations/0006_items.sql"),
    include_str!("migrations/0007_several.sql"),
    include_str!("migrations/0008_events.sql"),
    include_str!("migrations/0009_held.sql"),
    include_str!("migrations/0010_schedules.sql"),
    include_str!("migrations/0011_waiting.sql"),
    include_str!("migrations/0012_store.sql"),
    include_str!("migrations/0013_sources.sql"),
    include_str!("migrations/0014_outcomes.sql"),
];

/// Brings the database to the newest version. The connection is inside a transaction.
pub(super) fn migrate(connection: &Connection) -> Result<(), Fault> {
    let found = version(connection)?;
    refuse_newer(found)?;
    for (number, migration) in (1_u32..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        connection.execute_batch(migration)?;
        connection.pragma_update(None, "user_version", number)?;
    }
    Ok(())
}

/// Refuses a database that is not exactly of the newest version; for those who only read.
pub(super) fn require_current(connection: &Connection) -> Result<(), Fault> {
    let found = version(connection)?;
    refuse_newer(found)?;
    if found == newest() { Ok(()) } else { Err(JournalError::Older { found, known: newest() }.into()) }
}

/// Writes the version that is there already: a page of the database goes through the log to the disk, and says the
/// same as before.
pub(super) fn touch(connection: &Connection) -> Result<(), Fault> {
    let found = version(connection)?;
    Ok(connection.pragma_update(None, "user_version", found)?)
}

/// Refuses a database that is newer than this program.
pub(super) fn require_known(connection: &Connection) -> Result<(), Fault> {
    refuse_newer(version(connection)?)
}

fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

fn version(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn refuse_newer(found: u32) -> Result<(), Fault> {
    if found > newest() { Err(JournalError::Newer { found, known: newest() }.into()) } else { Ok(()) }
}

/// Whether a version of SQLite is free of the fault by which resetting the write-ahead log could lose commits. It
/// was mended in 3.51.3, and in two older lines.
pub(super) fn keeps_its_log(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    match (next(), next(), next()) {
        (Some(3), Some(44), Some(patch)) => patch >= 6,
        (Some(3), Some(50), Some(patch)) => patch >= 7,
        (Some(major), Some(minor), Some(patch)) => (major, minor, patch) >= (3, 51, 3),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, want: bool) {
        assert_eq!(keeps_its_log(version), want, "{version}");
    }

    #[test]
    fn a_sqlite_that_can_lose_commits_is_told_from_one_that_cannot() {
        check("3.51.3", true);
        check("3.51.2", false);
        check("3.52.0", true);
        check("3.54.1", true);
        check("4.0.0", true);
        check("3.50.7", true);
        check("3.50.6", false);
        check("3.49.9", false);
        check("3.44.6", true);
        check("3.44.5", false);
        check("3.45.0", false);
        check("3.51", false);
        check("", false);
        check("three", false);
    }

    #[test]
    fn the_library_in_use_keeps_its_log() {
        assert!(keeps_its_log(rusqlite::version()));
    }
}
