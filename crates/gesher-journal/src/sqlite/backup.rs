//! Copies of a journal beside a running hub, and whether a file is a sound journal.

use super::SqliteJournal;
use super::fault::Fault;
use super::open;
use crate::error::JournalError;
use gesher_core::HubId;
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

impl SqliteJournal {
    /// Writes a consistent copy of the database to `to`, beside a hub that may be running. Refused where a file is
    /// there already.
    pub async fn back_up(&self, to: &Path) -> Result<(), JournalError> {
        let to = to.to_owned();
        self.readers.ask("write a copy", move |connection| copy(connection, &to)).await
    }

    /// Whether the file at `path` is a sound journal of a version that is known here: answers whose it is.
    pub fn check_file(path: &Path) -> Result<HubId, JournalError> {
        check(path)
    }
}

/// Writes a consistent copy to a file that must not be there yet, readable by its owner alone, and makes it durable.
fn copy(connection: &Connection, to: &Path) -> Result<(), Fault> {
    let path = || to.display().to_string();
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(to) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(JournalError::Exists { path: path() }.into());
        }
        Err(error) => return Err(open::failed(to, error).into()),
    }
    let name = to.to_str().ok_or_else(|| JournalError::Exists { path: path() })?;
    let copied = connection.execute("VACUUM INTO ?1", [name]).map_err(Fault::from).and_then(|_| {
        let durable = std::fs::File::open(to).and_then(|file| file.sync_all());
        durable.and_then(|()| open::sync_folder(to)).map_err(|error| Fault::from(open::failed(to, error)))
    });
    if copied.is_err() {
        // A copy that is not whole must not be taken for one.
        drop(std::fs::remove_file(to));
    }
    copied
}

/// Whether the file is a sound journal of a version that is known here: answers whose it is.
fn check(path: &Path) -> Result<HubId, JournalError> {
    let (connection, hub) = open::to_check(path)?;
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| open::failed(path, error))?;
    if found == "ok" { Ok(hub) } else { Err(JournalError::Corrupt { what: "page", found }) }
}
