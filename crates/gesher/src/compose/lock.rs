//! The right to send, of one process at a time. The system takes it back when the process ends, however it ends.

use super::store::make_data_folder;
use crate::config::Config;
use crate::error::{Doing, HubError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// How long a process that was killed may hold the lock still, while the system clears it away.
const LINGER: Duration = Duration::from_secs(3);
/// How long somebody who can do without the lock waits for it.
const LINGER_SHORT: Duration = Duration::from_millis(400);
/// How often the lock is tried.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// What the process does that has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves: files and calls can be handed to it.
    Serve,
    /// It runs one thing, and then ends.
    Run,
    /// It mends the journal, which nobody may use meanwhile.
    Mend,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Run => "run",
            Self::Mend => "mend",
        }
    }
}

/// The right to send.
pub struct HubLock {
    _file: File,
}

impl HubLock {
    /// Takes the lock, or answers none where another process has it.
    pub fn try_take(config: &Config, role: Role) -> Result<Option<Self>, HubError> {
        make_data_folder(&config.data)?;
        let path = path(config);
        let shown = path.display();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .doing(format!("the lock {shown} cannot be opened"))?;
        match file.try_lock() {
            Ok(()) => {
                let note =
                    file.set_len(0).and_then(|()| writeln!(file, "{} {}", role.word(), std::process::id()));
                note.doing(format!("the lock {shown} cannot be written"))?;
                Ok(Some(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) if gesher_core::mutant!("ignore_lock") => {
                Ok(Some(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(HubError::failed(format!("the lock {shown} cannot be taken")).because(error))
            }
        }
    }

    /// Takes the lock for one run, or answers none where a hub serves and can be handed it.
    pub async fn take_to_run(config: &Config) -> Result<Option<Self>, HubError> {
        match Self::wait(config, Role::Run, LINGER_SHORT).await? {
            Some(lock) => Ok(Some(lock)),
            None if holder(config) == Some(Role::Serve) => Ok(None),
            None => Self::require(config, Role::Run).await.map(Some),
        }
    }

    /// Takes the lock, or says that another process has it.
    pub async fn require(config: &Config, role: Role) -> Result<Self, HubError> {
        Self::wait(config, role, LINGER).await?.ok_or_else(|| busy(config))
    }

    async fn wait(config: &Config, role: Role, within: Duration) -> Result<Option<Self>, HubError> {
        let end = tokio::time::Instant::now() + within;
        loop {
            match Self::try_take(config, role)? {
                None if tokio::time::Instant::now() < end => tokio::time::sleep(TRY_EVERY).await,
                taken => return Ok(taken),
            }
        }
    }
}

fn busy(config: &Config) -> HubError {
    let who = match holder(config) {
        Some(Role::Serve) => "a hub is serving",
        Some(Role::Run) => "another run is at work",
        Some(Role::Mend) => "the journal is being mended",
        None => "another gesher is at work",
    };
    HubError::usage(format!("{who} in {}", config.root.display()))
        .hint("one process at a time sends; wait until the other one ends, or stop it")
}

fn path(config: &Config) -> PathBuf {
    config.data.join("hub.lock")
}

/// Who took the lock last.
fn holder(config: &Config) -> Option<Role> {
    let mut text = String::new();
    File::open(path(config)).ok()?.read_to_string(&mut text).ok()?;
    [Role::Serve, Role::Run, Role::Mend]
        .into_iter()
        .find(|role| text.split_whitespace().next() == Some(role.word()))
}

/// Whether a process works in the hub. Asking takes a free lock for a moment.
pub fn is_held(config: &Config) -> bool {
    !matches!(HubLock::try_take(config, Role::Run), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_process_at_a_time_may_send() {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config::parse(scratch.path(), "").unwrap();
        let lock = HubLock::try_take(&config, Role::Serve).unwrap();
        assert!(lock.is_some());
        assert!(is_held(&config));
        assert!(HubLock::take_to_run(&config).await.unwrap().is_none());
        drop(lock);
        assert!(!is_held(&config));
        assert!(HubLock::take_to_run(&config).await.unwrap().is_some());
    }

    #[test]
    fn the_refusal_says_who_has_the_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config::parse(scratch.path(), "").unwrap();
        for (role, want) in [
            (Role::Run, "another run is at work in "),
            (Role::Serve, "a hub is serving in "),
            (Role::Mend, "the journal is being mended in "),
        ] {
            let _lock = HubLock::try_take(&config, role).unwrap().unwrap();
            assert!(HubLock::try_take(&config, Role::Run).unwrap().is_none());
            assert_eq!(busy(&config).exit(), crate::exit::Exit::Usage);
            assert!(busy(&config).to_string().starts_with(want), "{}", busy(&config));
        }
    }
}
