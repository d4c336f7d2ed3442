//! The composition root: from a hub's folder to parts that run. The only place where all crates meet.

pub mod beside;
mod flows;
pub mod lock;
pub mod outside;
pub mod secrets;
pub mod simulator;
mod starts;
pub mod store;

pub use flows::{
    LoadedFlow, check_dates, check_scripts, compile as compile_flow, compile_anew, scripts_folder, shown,
};

use crate::config::{Config, rules};
use crate::error::{Doing, HubError};
use crate::plugins::{self, Plugins};
use crate::providers::{self, OfficeGuyAccount, SenzeyAccount};
use crate::starting::StartedRuns;
use gesher_core::{Provider, Redactor, Registry};
use gesher_engine::{AccountRules, Engine, EngineParts};
use gesher_provider::outside::OutsideClient;
use gesher_simulator::{FaultPlan, RunningSimulator};
use lock::HubLock;
use std::sync::Arc;
use store::Store;

/// A hub that may send.
pub struct Hub {
    /// Its configuration.
    pub config: Config,
    /// Its journal and vault.
    pub store: Store,
    /// The one path.
    pub engine: Engine,
    /// Its flows, compiled.
    pub flows: Arc<Vec<LoadedFlow>>,
    /// Cleans whatever is shown.
    pub redactor: Arc<Redactor>,
    /// The simulator that it runs itself.
    pub simulator: Option<RunningSimulator>,
    /// The runs that flows start of one another, on their way to be worked on.
    pub started: Arc<StartedRuns>,
    /// The guarded client, for whatever leaves for hosts that are no provider's.
    pub client: Arc<OutsideClient>,
    /// Its plugins.
    pub plugins: Plugins,
    /// Whether nothing leaves this machine: whoever looks elsewhere is not asked.
    pub is_dry: bool,
    _lock: Option<HubLock>,
}

/// Refuses a configuration whose settings do not go together.
pub fn require_sound(config: &Config) -> Result<(), HubError> {
    let (open, mut faults) = plugins::look(config);
    let mut operations = providers::descriptors();
    operations.extend(open.iter().flat_map(|open| open.plugin.descriptors()));
    faults.extend(rules::faults(config, &operations));
    faults.extend(plugins::source_faults(config, &open));
    if faults.is_empty() { Ok(()) } else { Err(HubError::faults(faults)) }
}

impl Hub {
    /// Puts the hub together from a sound configuration. Nothing is sent, and no folder is watched yet.
    pub async fn open(
        config: Config,
        lock: HubLock,
        redactor: Arc<Redactor>,
        faults: FaultPlan,
    ) -> Result<Self, HubError> {
        let store = Store::open_to_send(&config)?;
        Self::with(config, store, Some(lock), redactor, faults).await
    }

    /// The same with a store that is open. Without a lock it is a world apart, in which nothing leaves this machine.
    pub async fn with(
        config: Config,
        store: Store,
        lock: Option<HubLock>,
        redactor: Arc<Redactor>,
        faults: FaultPlan,
    ) -> Result<Self, HubError> {
        // Also a hub that `dev` runs apart from the real one reaches nobody.
        let is_dry = lock.is_none() || config.is_apart;
        let (mut providers, simulator) = providers_of(&config, &store, &redactor, faults).await?;
        let client = Arc::new(OutsideClient::new(outside::options()));
        let outside = outside::provider(&config, &store, &redactor, &client);
        providers.push(Arc::new(if is_dry { outside.dry() } else { outside }));
        let (plugins, of_plugins) = plugins::live(&config, &store, &redactor, &client, is_dry).await?;
        providers.extend(of_plugins);
        let registry = Arc::new(Registry::new(&providers));
        let engine = Engine::new(EngineParts {
            registry: Arc::clone(&registry),
            journal: Arc::clone(&store.journal),
            vault: Arc::clone(&store.vault),
            clock: Arc::clone(&store.clock),
            redactor: Arc::clone(&redactor),
            language: config.language,
            time_zone: store::time_zone(&config),
            runtime: tokio::runtime::Handle::current(),
            accounts: account_rules(&config),
            tells_of_troubles: true,
        });
        let flows = Arc::new(flows::load(&config, &engine)?);
        let started = StartedRuns::of(&engine, &flows);
        Ok(Self {
            config,
            store,
            engine,
            flows,
            redactor,
            simulator,
            started,
            client,
            plugins,
            is_dry,
            _lock: lock,
        })
    }

    /// The flow of that name.
    pub fn flow(&self, name: &str) -> Option<&LoadedFlow> {
        self.flows.iter().find(|flow| flow.name == name)
    }

    /// Before anything is sent: whatever a dead process left in flight becomes unknown.
    pub async fn settle(&self) -> Result<(), HubError> {
        let steps =
            self.engine.settle_in_flight().await.doing("settling what a dead process left in flight")?;
        for step in &steps {
            tracing::warn!(%step, "in flight when the hub died: it is unknown now, and is not sent again");
        }
        Ok(())
    }
}

/// The turns at the providers.
pub fn account_rules(config: &Config) -> Vec<AccountRules> {
    let rules = |provider: &str, max_in_flight, rate_per_second| AccountRules {
        provider: provider.to_owned(),
        max_in_flight,
        rate_per_second,
    };
    let (officeguy, senzey) = (&config.officeguy, &config.senzey);
    let mut all = vec![
        rules(simulator::OFFICEGUY, officeguy.max_in_flight, officeguy.rate),
        rules(simulator::SENZEY, senzey.max_in_flight, senzey.rate),
        rules(gesher_provider::outside::PROVIDER, outside::IN_FLIGHT_MAX, None),
    ];
    all.extend(plugins::account_rules(config));
    all
}

/// The providers that a flow may call. Without an account there are none, and the rules have seen to it that no flow
/// needs one.
async fn providers_of(
    config: &Config,
    store: &Store,
    redactor: &Redactor,
    faults: FaultPlan,
) -> Result<(Vec<Arc<dyn Provider>>, Option<RunningSimulator>), HubError> {
    let mut providers = live_providers(config, store, redactor).await?;
    if !config.is_simulated() {
        return Ok((providers, None));
    }
    let (running, accounts) = simulator::start(config, faults).await?;
    providers.extend(simulated_providers(config, store, redactor, accounts)?);
    Ok((providers, Some(running)))
}

/// The providers that are simulated, where their simulator runs already.
fn simulated_providers(
    config: &Config,
    store: &Store,
    redactor: &Redactor,
    accounts: simulator::Accounts,
) -> Result<Vec<Arc<dyn Provider>>, HubError> {
    let mut providers = Vec::new();
    if let Some(account) = accounts.officeguy {
        redactor.learn(&account.api_key);
        providers.push(providers::officeguy(&config.officeguy, account, config.language)?);
    }
    if let Some(account) = accounts.senzey {
        [&account.username, &account.password].into_iter().for_each(|secret| redactor.learn(secret));
        providers.push(providers::senzey(&config.senzey, account, Arc::clone(&store.clock))?);
    }
    Ok(providers)
}

/// The providers at their real addresses, where accounts are configured.
pub async fn live_providers(
    config: &Config,
    store: &Store,
    redactor: &Redactor,
) -> Result<Vec<Arc<dyn Provider>>, HubError> {
    secrets::learn_all(store, redactor).await?;
    secrets::learn_of_hooks(config, redactor);
    let mut providers = Vec::new();
    let part = &config.officeguy;
    if let (false, Some(company_id), Some(name)) = (part.is_simulated(), part.company_id, &part.api_key) {
        let api_key = secrets::value(name, store, redactor).await?;
        let account = OfficeGuyAccount { base_url: part.base_url.clone(), company_id, api_key };
        providers.push(providers::officeguy(part, account, config.language)?);
    }
    let part = &config.senzey;
    if let (false, Some(base_url), Some(name), Some(username), Some(password)) =
        (part.is_simulated(), part.address(), part.account_name(), &part.username, &part.password)
    {
        let username = secrets::value(username, store, redactor).await?;
        let password = secrets::value(password, store, redactor).await?;
        let account = SenzeyAccount { base_url, name, username, password };
        providers.push(providers::senzey(part, account, Arc::clone(&store.clock))?);
    }
    Ok(providers)
}
