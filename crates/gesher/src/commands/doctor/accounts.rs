//! Whether each account at the provider opens: one read with it, by the engine's own path. Nothing is changed there.

use super::checks::has_master_key;
use super::{Check, State};
use crate::compose::secrets::is_in_environment;
use crate::compose::store::{Store, environments, master_key, open_reader, opening, time_zone};
use crate::compose::{account_rules, live_providers};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use gesher_core::{Clock, MARKETPLACE, OutcomeStatus, Redactor, Registry, RunId, SystemClock, VendorHandle};
use gesher_engine::journal::{Journal, SqliteJournal, StoredOutcome};
use gesher_engine::{Engine, EngineParts};
use gesher_vault::{MasterKeySource, Vault};
use serde_json::json;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

/// The read that needs the least: the VAT of today.
const READ: &str = "officeguy.get_vat_rate";
/// The only read at Senzey.
const SENZEY_READ: &str = "senzey.list_contacts";
/// The provider whose accounts vendors have.
const PROVIDER: &str = "officeguy";
/// Accounts whose keys the provider refuses before the rest is left alone: it blocks whoever goes on knocking.
const REFUSED_MAX: usize = 3;

/// Tries the marketplace's account and each vendor's.
pub(super) async fn tried(config: &Config) -> Vec<Check> {
    let name = "account";
    let mut accounts = 0;
    for (simulated, configured) in [
        (config.officeguy.is_simulated(), config.officeguy.company_id.is_some()),
        (config.senzey.is_simulated(), config.senzey.account_name().is_some()),
    ] {
        accounts += usize::from(configured && !simulated);
    }
    if config.is_simulated() && accounts == 0 {
        return vec![Check::well(name, "the simulator opens to anybody")];
    }
    let tried = match (open_reader(config), has_master_key(&master_key(config))) {
        (Err(error), _) => Err(error),
        (Ok(Some(journal)), true) => with_all_keys(config, journal).await,
        // Nothing of this hub's is needed to try a key that the environment has.
        _ if is_key_in_environment(config) => with_the_environments_key(config).await,
        (Ok(_), false) => {
            return vec![Check::look(
                name,
                "not tried, since there is no master key",
                "the first start makes one, or set GESHER_MASTER_KEY",
            )];
        }
        (Ok(None), true) => Ok(Vec::new()),
    };
    match tried {
        Ok(checks) if checks.is_empty() => vec![Check::well(name, "no flow has one yet")],
        Ok(checks) => checks,
        Err(error) => vec![Check::of(name, &error)],
    }
}

/// Whether the environment has every key that would be tried.
fn is_key_in_environment(config: &Config) -> bool {
    config.officeguy.api_key.is_some() && config.account_secrets().into_iter().all(is_in_environment)
}

/// Every account, with the keys of the environment and of the vault.
async fn with_all_keys(config: &Config, journal: Arc<dyn Journal>) -> Result<Vec<Check>, HubError> {
    let vault = Vault::open(&master_key(config));
    let vault = vault.map_err(|error| HubError::usage("the vault cannot be opened").because(error))?;
    try_all(config, journal, vault).await
}

/// The marketplace's account with the key of the environment, on a journal and a vault that are thrown away.
async fn with_the_environments_key(config: &Config) -> Result<Vec<Check>, HubError> {
    let scratch = Scratch::new()?;
    let path = scratch.0.join("gesher.db");
    let journal = SqliteJournal::open(&path, None, &environments(config), SystemClock::new().now());
    let journal = journal.map_err(opening)?;
    let source = MasterKeySource {
        env: None,
        env_next: None,
        credentials_dir: None,
        file: scratch.0.join("master.key"),
    };
    let vault = Vault::open(&source)
        .map_err(|error| HubError::failed("a vault to try the account with cannot be made").because(error))?;
    try_all(config, Arc::new(journal), vault).await
}

/// A folder for its owner alone, gone with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, HubError> {
        let name = RunId::random().map_err(|error| HubError::failed("no random name").because(error))?;
        let folder = std::env::temp_dir().join(format!("gesher-doctor-{name}"));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.doing(format!("{} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// Tries every account whose keys that journal and the environment have.
async fn try_all(config: &Config, journal: Arc<dyn Journal>, vault: Vault) -> Result<Vec<Check>, HubError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::with(config, Arc::clone(&journal), vault, Arc::clone(&clock));
    let redactor = Arc::new(Redactor::new());
    let providers = live_providers(config, &store, &redactor).await?;
    let engine = Engine::new(EngineParts {
        registry: Arc::new(Registry::new(&providers)),
        journal: Arc::clone(&journal),
        vault: Arc::clone(&store.vault),
        clock,
        redactor,
        language: config.language,
        time_zone: time_zone(config),
        runtime: tokio::runtime::Handle::current(),
        accounts: account_rules(config),
        // Whoever asks reads what it found.
        tells_of_troubles: false,
    });
    let mut checks = Vec::new();
    for provider in &providers {
        if provider.name() == PROVIDER {
            checks.extend(officeguy(&engine, config, vendors(&*journal).await?).await?);
        } else {
            checks.push(senzey(&engine).await?);
        }
    }
    Ok(checks)
}

/// Tries the marketplace's account at OfficeGuy and each vendor's.
async fn officeguy(engine: &Engine, config: &Config, vendors: Vec<String>) -> Result<Vec<Check>, HubError> {
    let mut who = vec![MARKETPLACE.to_owned()];
    who.extend(vendors);
    let (mut checks, mut refused) = (Vec::new(), 0);
    for who in who {
        let name = format!("account {who}");
        if refused >= REFUSED_MAX {
            checks.push(Check::look(name, "not tried, since others were refused", ""));
            continue;
        }
        let answer = engine.try_read(READ, &who, json!({})).await.doing("trying an account")?;
        let check = match answer {
            Ok(outcome) => judged(name, &outcome, config),
            Err(rejection) => Check::new(name, State::Fault(Exit::Usage), rejection.message.en, ""),
        };
        refused += usize::from(check.state != State::Well);
        checks.push(check);
    }
    Ok(checks)
}

/// Tries the account at Senzey. Only contacts can be read there, and where is not known for sure: only refused
/// credentials are a fault.
async fn senzey(engine: &Engine) -> Result<Check, HubError> {
    let name = "account senzey";
    let fields = json!({ "fields": ["id"] });
    let answer = engine.try_read(SENZEY_READ, MARKETPLACE, fields).await.doing("trying an account")?;
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(rejection) => return Ok(Check::new(name, State::Fault(Exit::Usage), rejection.message.en, "")),
    };
    let found = format!("{}: {}", outcome.status.as_str(), outcome.message.en);
    let refused = ["http_401", "http_403"].iter().any(|code| outcome.code.as_deref() == Some(code));
    Ok(match outcome.status {
        OutcomeStatus::Succeeded => Check::well(name, "it opens"),
        _ if refused => Check::failed(name, found, "store the right ones: `gesher secrets set NAME`"),
        _ => Check::look(name, found, "is `contacts_path` in [senzey] the one of your account?"),
    })
}

/// The vendors whose keys are in the vault.
async fn vendors(journal: &dyn Journal) -> Result<Vec<String>, HubError> {
    let names = journal.sealed_names().await.doing("reading the vault")?;
    let vendor = |name: &str| {
        let handle = name.strip_prefix("vendor/")?.strip_suffix(PROVIDER)?.strip_suffix('/')?;
        let vendor: VendorHandle = handle.parse().ok()?;
        (vendor.vault_name(PROVIDER) == name).then(|| handle.to_owned())
    };
    Ok(names.iter().filter_map(|(name, _)| vendor(name)).collect())
}

fn judged(name: String, outcome: &StoredOutcome, config: &Config) -> Check {
    match outcome.status {
        OutcomeStatus::Succeeded => Check::well(name, "it opens"),
        status => {
            let found = format!("{}: {}", status.as_str(), outcome.message.en);
            let mend = match status {
                OutcomeStatus::Rejected => "store the right key: `gesher secrets set NAME`",
                _ => "is the provider reachable from this machine?",
            };
            Check::failed(name, found, format!("{mend} (base_url {})", config.officeguy.base_url))
        }
    }
}
