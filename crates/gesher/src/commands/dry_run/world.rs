//! A world apart, in which a dry run happens: a copy of the hub's journal in a temporary folder, drop folders of its own,
//! and simulated providers. Nothing of the hub is written, and nothing leaves this machine.
//!
//! Because the journal is a copy, the world knows what the hub knows: which keys are spent, what is unknown, which vendors
//! there are, what flows keep, how much of a limit is left. Of the providers' own books it knows nothing.

use crate::commands::vendors::PROVIDER;
use crate::compose::store::{self, Store, journal_path, master_key};
use crate::compose::{Hub, simulator};
use crate::config::{Config, SIMULATOR};
use crate::error::{Doing, HubError};
use gesher_core::{Clock, Redactor, Secret, SystemClock, VendorHandle};
use gesher_engine::journal::{Journal, RunRecord, SealedRow, SqliteJournal};
use gesher_officeguy::vendor_secret;
use gesher_vault::Vault;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The key of every organisation in a world apart.
const KEY: &str = "key-of-a-dry-run";
/// How often a journal is copied that somebody wrote into meanwhile.
const COPIES_MAX: u32 = 5;

/// The world.
pub(super) struct World {
    /// A hub like any other.
    pub(super) hub: Hub,
    /// The hub's newest run before the dry run.
    pub(super) newest: Option<RunRecord>,
    /// Goes with everything in it.
    _folder: TempDir,
}

impl World {
    /// Makes it from the hub as it is now.
    pub(super) async fn open(config: &Config, redactor: Arc<Redactor>) -> Result<Self, HubError> {
        let folder = tempfile::Builder::new().prefix("gesher-dry-run-").tempdir();
        let folder = folder.doing("no temporary folder can be made")?;
        let data = folder.path().join("data");
        fs::create_dir(&data).doing("no temporary folder can be made")?;
        let mut dry = apart(config, folder.path(), &data);
        copy_journal(config, &journal_path(&dry)).await?;
        let clock = SystemClock::new();
        let opened =
            SqliteJournal::open(&journal_path(&dry), None, &store::environments(config), clock.now());
        let journal: Arc<dyn Journal> = Arc::new(opened.map_err(store::opening)?);
        let newest = journal.runs(None, 1).await.doing("reading the runs")?.into_iter().next();
        let vault = vault(config, &dry)?;
        let store = Store::with(&dry, journal, vault, Arc::new(clock));
        dry.officeguy.organisations = organisations(&store).await?;
        let hub = Hub::with(dry, store, None, redactor, simulator::no_faults()).await?;
        Ok(Self { hub, newest, _folder: folder })
    }

    /// The runs that the dry run began, its own first.
    pub(super) async fn runs(&self) -> Result<Vec<RunRecord>, HubError> {
        let mut runs = self.hub.store.journal.runs(None, RUNS_MAX).await.doing("reading the runs")?;
        let known =
            runs.iter().position(|run| self.newest.as_ref().is_some_and(|newest| newest.id == run.id));
        runs.truncate(known.unwrap_or(runs.len()));
        runs.reverse();
        Ok(runs)
    }
}

/// Runs of a dry run that are looked at.
const RUNS_MAX: usize = 10_000;

/// The hub's configuration, with everything that it writes or calls somewhere else.
fn apart(config: &Config, folder: &Path, data: &Path) -> Config {
    let mut dry = config.clone();
    data.clone_into(&mut dry.data);
    dry.intent_log = None;
    dry.alerts.url = None;
    dry.officeguy.base_url = SIMULATOR.to_owned();
    if config.senzey.address().is_some() {
        // Keys belong to an account, and the copied journal knows them by its name.
        dry.senzey.simulated_as = config.senzey.account_name();
        dry.senzey.base_url = Some(SIMULATOR.to_owned());
        dry.senzey.account = None;
    }
    for flow in &mut dry.flows {
        // Whether a person would be asked is told; the dry run goes on all the same.
        flow.limits.approve_above = None;
        if let Some(drop) = &mut flow.drop {
            drop.config.folder = folder.join("drop").join(&flow.name);
        }
    }
    dry
}

/// Copies the journal as it is on the disk. Where a hub is at work, SQLite makes the copy beside it; where none is, the
/// files are copied as they lie there, since opening them would change what lies beside them.
async fn copy_journal(config: &Config, to: &Path) -> Result<(), HubError> {
    let from = journal_path(config);
    if !from.is_file() {
        return Ok(());
    }
    let cannot = "the hub's journal cannot be copied";
    let Some(_lock) = quiet(config) else {
        let reader = SqliteJournal::open_reader(&from).map_err(store::opening)?;
        return reader.back_up(to).await.doing(cannot);
    };
    for _ in 0..COPIES_MAX {
        let before = looks(&from).doing(cannot)?;
        for (from, to) in [(from.clone(), to.to_owned()), (log_of(&from), log_of(to))] {
            match fs::copy(&from, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.doing(cannot)?),
            }
        }
        if looks(&from).doing(cannot)? == before {
            return Ok(());
        }
    }
    Err(HubError::failed(format!("{cannot}: somebody goes on writing into it")).hint("try again in a moment"))
}

/// The lock of a hub in which nobody works, only looked at: nothing is written into its file.
fn quiet(config: &Config) -> Option<Option<File>> {
    match File::open(config.data.join("hub.lock")) {
        Ok(file) => file.try_lock().is_ok().then_some(Some(file)),
        Err(_) => Some(None),
    }
}

/// SQLite's log beside a database.
fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Sizes and times of the journal's files.
fn looks(database: &Path) -> std::io::Result<Vec<(u64, Option<std::time::SystemTime>)>> {
    let look = |path: &Path| match fs::metadata(path) {
        Ok(found) => Ok((found.len(), found.modified().ok())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((0, None)),
        Err(error) => Err(error),
    };
    Ok(vec![look(database)?, look(&log_of(database))?])
}

/// The hub's own vault, so that its secrets are known to the redaction; or one of the world's own where there is none yet.
fn vault(config: &Config, dry: &Config) -> Result<Vault, HubError> {
    let own = master_key(config);
    let source = if own.file.is_file() { own } else { master_key(dry) };
    Vault::open(&source).map_err(|error| HubError::usage("the vault cannot be opened").because(error))
}

/// Gives every vendor that has an organisation a key of the world's own, and answers the organisations.
async fn organisations(store: &Store) -> Result<Vec<i64>, HubError> {
    let mut all = Vec::new();
    for vendor in store.journal.vendors(PROVIDER).await.doing("reading the vendors")? {
        let Some(id) = vendor.account.as_ref().and_then(|account| account.parse::<i64>().ok()) else {
            continue;
        };
        let Ok(handle) = vendor.handle.parse::<VendorHandle>() else { continue };
        let secret = vendor_secret(None, id, &Secret::from(KEY), None);
        let secret = secret.map_err(|rejection| HubError::failed(rejection.message.en))?;
        let name = handle.vault_name(PROVIDER);
        let bytes = store.vault.seal(&name, &secret).doing("sealing a key")?;
        store.journal.put_sealed(SealedRow { name, bytes }, store.now()).await.doing("storing a key")?;
        all.push(id);
    }
    Ok(all)
}
