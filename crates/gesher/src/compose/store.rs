//! The hub's data folder: the journal and the vault in it.

use super::simulator::{OFFICEGUY, SENZEY};
use crate::config::{Config, SIMULATOR};
use crate::error::{Doing, HubError};
use gesher_core::{Clock, Environment, Secret, SystemClock};
use gesher_engine::journal::{Guard, Journal, JournalError, SqliteJournal};
use gesher_provider::BaseUrl;
use gesher_vault::{MasterKeySource, Vault};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The company of a simulator hub that names none.
pub const SIMULATED_COMPANY: i64 = 2_410_000_001;

/// The intent log's name in the data folder, where the configuration names no other place.
const INTENT_LOG: &str = "intents.log";

/// Journal and vault of a hub.
pub struct Store {
    /// The durable record.
    pub journal: Arc<dyn Journal>,
    /// Seals and unseals.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    time_zone: TimeZone,
}

impl Store {
    /// Opens the store for a person's single writes, making what is missing. Nothing can be sent with it.
    pub fn open(config: &Config) -> Result<Self, HubError> {
        make_data_folder(&config.data)?;
        let clock = SystemClock::new();
        let path = journal_path(config);
        // Whoever begins or migrates a journal could send with it. This one keeps no intent log, so it is closed again.
        drop(SqliteJournal::open(&path, None, &environments(config), clock.now()).map_err(opening)?);
        Self::of(config, SqliteJournal::open_beside(&path).map_err(opening)?, clock)
    }

    /// Opens the store of the one process that sends. Refused while the journal knows less than the intent log does.
    pub fn open_to_send(config: &Config) -> Result<Self, HubError> {
        let clock = SystemClock::new();
        let journal = open_with_log(config, clock.now())?;
        match journal.guard() {
            Guard::Complete => Self::of(config, journal, clock),
            Guard::Behind { missing, first } => Err(behind(missing, &first)),
        }
    }

    /// A store of parts that are open already.
    pub fn with(config: &Config, journal: Arc<dyn Journal>, vault: Vault, clock: Arc<dyn Clock>) -> Self {
        Self { journal, vault: Arc::new(vault), clock, time_zone: time_zone(config) }
    }

    fn of(config: &Config, journal: SqliteJournal, clock: SystemClock) -> Result<Self, HubError> {
        let vault = Vault::open(&master_key(config))
            .map_err(|error| HubError::usage("the vault cannot be opened").because(error))?;
        Ok(Self::with(config, Arc::new(journal), vault, Arc::new(clock)))
    }

    /// Opens the store beside a hub that may be running: for single writes, never for sending. None where there is none
    /// yet.
    pub fn open_beside(config: &Config) -> Result<Option<Self>, HubError> {
        let Some(journal) = open_beside(config)? else { return Ok(None) };
        let vault = Vault::open(&master_key(config))
            .map_err(|error| HubError::usage("the vault cannot be opened").because(error))?;
        Ok(Some(Self {
            journal,
            vault: Arc::new(vault),
            clock: Arc::new(SystemClock::new()),
            time_zone: time_zone(config),
        }))
    }

    /// The instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An instant as people of the hub's time zone read it.
    pub fn local(&self, at: Timestamp) -> String {
        local(at, &self.time_zone)
    }
}

/// An instant as people of a time zone read it.
pub fn local(at: Timestamp, time_zone: &TimeZone) -> String {
    at.to_zoned(time_zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The hub's time zone; UTC on a machine that knows no zones.
pub fn time_zone(config: &Config) -> TimeZone {
    TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC)
}

/// Where the journal is.
pub fn journal_path(config: &Config) -> PathBuf {
    config.data.join("gesher.db")
}

/// The journal with its intent log, for whoever has the hub's lock.
pub fn open_with_log(config: &Config, now: Timestamp) -> Result<SqliteJournal, HubError> {
    make_data_folder(&config.data)?;
    let log = intent_log_path(config);
    if let Some(folder) = log.parent() {
        make_data_folder(folder)?;
    }
    SqliteJournal::open(&journal_path(config), Some(&log), &environments(config), now).map_err(opening)
}

/// What is said of a journal that knows less than the intent log.
fn behind(missing: u64, first: &str) -> HubError {
    let intents = if missing == 1 { "1 intent" } else { &format!("{missing} intents") };
    HubError::failed(format!(
        "the journal lacks {intents} that the intent log holds, the first of them {first}: it was restored from a backup \
         or is an old copy, and what was sent since then would be sent again"
    ))
    .hint(
        "put the newest journal back; or, if there is none, let `gesher doctor --adopt-intents` take each of them over \
         as unknown, so that nothing of it is sent again",
    )
}

/// Where the intent log is.
pub fn intent_log_path(config: &Config) -> PathBuf {
    config.intent_log.clone().unwrap_or_else(|| config.data.join(INTENT_LOG))
}

/// The folders in which the hub keeps what it must never lose.
pub fn data_folders(config: &Config) -> Vec<PathBuf> {
    let log = intent_log_path(config).parent().map(Path::to_owned);
    let mut folders = vec![config.data.clone()];
    folders.extend(log.filter(|folder| *folder != config.data));
    folders
}

/// The journal for reading only, beside a hub that may be running. None where there is none yet.
pub fn open_reader(config: &Config) -> Result<Option<Arc<dyn Journal>>, HubError> {
    let path = journal_path(config);
    if !path.is_file() {
        return Ok(None);
    }
    let journal = SqliteJournal::open_reader(&path).map_err(opening)?;
    Ok(Some(Arc::new(journal)))
}

/// The journal for a person's single writes, beside a hub that may be running. None where there is none yet.
pub fn open_beside(config: &Config) -> Result<Option<Arc<dyn Journal>>, HubError> {
    let path = journal_path(config);
    if !path.is_file() {
        return Ok(None);
    }
    let journal = SqliteJournal::open_beside(&path).map_err(opening)?;
    Ok(Some(Arc::new(journal)))
}

/// A journal of another environment is a configuration to mend; everything else is the hub's failure.
pub fn opening(error: JournalError) -> HubError {
    match error {
        JournalError::Environment { .. } | JournalError::Newer { .. } => HubError::usage(error.to_string()),
        other => HubError::failed("the hub's data cannot be opened").because(other),
    }
}

/// Whom the journal belongs to. The simulator's port changes with each start, and it stays the same simulator.
pub fn environments(config: &Config) -> Vec<Environment> {
    let officeguy = &config.officeguy;
    let (address, account) = match officeguy.is_simulated() {
        true => (SIMULATOR.to_owned(), Some(officeguy.company_id.unwrap_or(SIMULATED_COMPANY))),
        // One spelling of an address: another slash or capital is not another environment.
        false => {
            let address = BaseUrl::parse(&officeguy.base_url).map(|url| url.to_string());
            (address.unwrap_or_else(|_| officeguy.base_url.clone()), officeguy.company_id)
        }
    };
    let officeguy =
        account.map(|account| Environment { provider: OFFICEGUY, address, account: account.to_string() });
    let senzey = &config.senzey;
    let senzey = senzey.address().zip(senzey.account_name()).map(|(address, account)| Environment {
        provider: SENZEY,
        address,
        account,
    });
    officeguy.into_iter().chain(senzey).collect()
}

/// From the environment, from systemd, or from a file that is made at first use.
pub fn master_key(config: &Config) -> MasterKeySource {
    let variable = |name: &str| std::env::var(name).ok().map(Secret::new);
    MasterKeySource {
        env: variable("GESHER_MASTER_KEY"),
        env_next: variable("GESHER_MASTER_KEY_NEXT").filter(|text| !text.expose().trim().is_empty()),
        credentials_dir: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        file: config.data.join("master.key"),
    }
}

/// Makes the folder for its owner alone. A folder that is there keeps the rights that its owner gave it.
pub(super) fn make_data_folder(folder: &Path) -> Result<(), HubError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .doing(format!("the hub's data folder {} cannot be made", folder.display()))
}
