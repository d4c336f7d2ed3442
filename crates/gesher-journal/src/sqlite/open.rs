//! Opening: the connections and their settings, the migration, whose journal it is.

use super::convert::{all, corrupt, first, instant};
use super::fault::Fault;
use super::schema;
use crate::error::JournalError;
use gesher_core::{Environment, HubId};
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for another process's lock.
const BUSY_SECONDS_MAX: u64 = 5;
/// Connections that read, so that one long list leaves the other questions a way.
const READERS: usize = 2;
/// Statements that a connection keeps compiled; more than there are.
const STATEMENTS_KEPT: usize = 128;
/// Memory for pages of the writing connection, in KiB: the keys of a million rows are taken all over their tree.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Pages of the log after which a commit moves them into the database: seldom enough to write a page once for many
/// changes, often enough to keep the log small.
const CHECKPOINT_PAGES: u32 = 4_000;

/// The journal at `path` cannot be opened.
pub(super) fn failed(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> JournalError {
    JournalError::Open { path: path.display().to_string(), source: Box::new(source) }
}

fn not_opened(path: &Path, fault: Fault) -> JournalError {
    match fault {
        Fault::Refused(error) => error,
        Fault::Sql(error) => failed(path, error),
        Fault::Shared(error) => failed(path, error),
    }
}

/// The connection that writes, with the journal of the hub that it belongs to ready behind it.
pub(super) fn for_writing(
    path: &Path,
    environments: &[Environment],
    now: Timestamp,
) -> Result<(Connection, HubId), JournalError> {
    require_sound_library()?;
    create_file(path).map_err(|error| failed(path, error))?;
    refuse_network(path)?;
    let open = || -> Result<(Connection, HubId), Fault> {
        let connection = Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&connection)?;
        prepare_writing(&connection)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let hub = schema::migrate(&connection).and_then(|()| take_over(&connection, environments, now))?;
        connection.execute_batch("COMMIT")?;
        Ok((connection, hub))
    };
    open().map_err(|fault| not_opened(path, fault))
}

/// A connection that writes single rows beside a running hub into a journal that is there already.
pub(super) fn for_writing_beside(path: &Path) -> Result<Connection, JournalError> {
    let open = || -> Result<Connection, Fault> {
        let connection = Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&connection)?;
        prepare_writing(&connection)?;
        Ok(connection)
    };
    open().map_err(|fault| not_opened(path, fault))
}

/// Connections that read, beside one that writes.
pub(super) fn for_reading(path: &Path) -> Result<Vec<Connection>, JournalError> {
    (0..READERS).map(|_| reading(path).map_err(|fault| not_opened(path, fault))).collect()
}

/// A connection that reads a journal which is there already, with the id of its hub.
pub(super) fn existing(path: &Path) -> Result<(Connection, HubId), JournalError> {
    require_sound_library()?;
    let open = || {
        let connection = reading(path)?;
        schema::require_current(&connection)?;
        let hub = hub_id(&connection)?.ok_or_else(|| corrupt("journal", "without a hub"))?;
        Ok((connection, hub))
    };
    open().map_err(|fault| not_opened(path, fault))
}

/// A connection that reads a file which may be a journal of any version known here, with the id of its hub.
pub(super) fn to_check(path: &Path) -> Result<(Connection, HubId), JournalError> {
    require_sound_library()?;
    let open = || {
        let connection = reading(path)?;
        schema::require_known(&connection)?;
        let hub = hub_id(&connection)?.ok_or_else(|| corrupt("journal", "without a hub"))?;
        Ok((connection, hub))
    };
    open().map_err(|fault| not_opened(path, fault))
}

fn reading(path: &Path) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    prepare(&connection)?;
    Ok(connection)
}

/// No name is read as a URI, and each connection is used by one thread.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn prepare(connection: &Connection) -> Result<(), Fault> {
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX))?;
    // Without this a bound value may change the plan, and SQLite compiles the statement again at each execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// What a connection that writes needs for each commit to be on the disk when it is answered.
fn prepare_writing(connection: &Connection) -> Result<(), Fault> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(corrupt("way of writing", mode));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    Ok(())
}

fn require_sound_library() -> Result<(), JournalError> {
    let found = rusqlite::version();
    if schema::keeps_its_log(found) { Ok(()) } else { Err(JournalError::Sqlite { found: found.to_owned() }) }
}

/// Makes the file, readable by its owner alone, and its name durable. SQLite gives its log the same permissions.
fn create_file(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    sync_folder(path)
}

/// Makes the name of a file durable.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(target_os = "linux")]
fn refuse_network(path: &Path) -> Result<(), JournalError> {
    let found = rustix::fs::statfs(path).map_err(|error| failed(path, std::io::Error::from(error)))?;
    // The field's type differs between machines; the magic numbers are of 32 bits on all of them.
    match network_kind(found.f_type as u32) {
        Some(kind) => Err(JournalError::Network { path: path.display().to_string(), kind }),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_path: &Path) -> Result<(), JournalError> {
    Ok(())
}

/// Which file system on other machines a magic number stands for. Their locks cannot be relied on.
#[cfg(target_os = "linux")]
fn network_kind(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        0x00c3_6400 => Some("Ceph"),
        0x0102_1997 => Some("9P"),
        _ => None,
    }
}

fn hub_id(connection: &Connection) -> Result<Option<HubId>, Fault> {
    let query = connection.prepare_cached("SELECT id FROM hub")?;
    first(query, [], |row| Ok(HubId::stored(&row.get::<_, String>(0)?)))
}

/// Begins a new journal, or compares whose an old one is.
fn take_over(connection: &Connection, environments: &[Environment], now: Timestamp) -> Result<HubId, Fault> {
    let query = connection.prepare_cached("SELECT provider, address, account FROM environments")?;
    let known: Vec<(String, String, String)> =
        all(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for wanted in environments {
        match known.iter().find(|(provider, ..)| provider == wanted.provider) {
            None => {
                connection.execute(
                    "INSERT INTO environments (provider, address, account) VALUES (?1, ?2, ?3)",
                    params![wanted.provider, wanted.address, wanted.account],
                )?;
            }
            Some((_, address, account)) if *address == wanted.address && *account == wanted.account => {}
            Some((_, address, account)) => {
                let provider = wanted.provider;
                let found = Environment { provider, address: address.clone(), account: account.clone() };
                let (found, wanted) = (found.to_string(), wanted.to_string());
                return Err(JournalError::Environment { found, wanted }.into());
            }
        }
    }
    if let Some(hub) = hub_id(connection)? {
        return Ok(hub);
    }
    let hub = HubId::random().map_err(|error| failed(Path::new("a new hub id"), error))?;
    connection.execute(
        "INSERT INTO hub (one, id, began_at) VALUES (1, ?1, ?2)",
        params![hub.to_string(), instant(now)],
    )?;
    Ok(hub)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_another_machine_is_told_from_an_own_one() {
        for (magic, want) in
            [(0x6969, Some("NFS")), (0xff53_4d42, Some("SMB")), (0xef53, None), (0x0102_1994, None)]
        {
            assert_eq!(network_kind(magic), want, "{magic:#x}");
        }
    }
}
