//! What a person's command is made of beside a hub that may be running: the journal for single writes, and where it asks
//! the provider, an engine that only looks. It holds no lock while it waits for anybody, since it sends nothing.

use super::lock::{HubLock, Role};
use super::store::{self, Store, open_beside, open_reader};
use super::{account_rules, live_providers, providers_of, simulated_providers, simulator};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::plugins::{self, vocabulary};
use crate::providers::hosts_of_nobody;
use gesher_core::{Clock, Provider, Redactor, Registry, SystemClock};
use gesher_engine::journal::{Journal, StepQuery, StepState};
use gesher_engine::{Desk, Engine, EngineParts};
use gesher_simulator::{FaultPlan, RunningSimulator};
use std::sync::Arc;

/// Where nobody sends, calls what a dead process left in flight unknown, as the next start would: a person who looks
/// after a crash must find all of it.
pub async fn settle_leftovers(config: &Config) -> Result<(), HubError> {
    let Some(reader) = open_reader(config)? else { return Ok(()) };
    if in_flight(&*reader).await? == 0 {
        return Ok(());
    }
    let Some(_lock) = HubLock::try_take(config, Role::Run)? else { return Ok(()) };
    let clock = SystemClock::new();
    let journal = store::open_with_log(config, clock.now())?;
    let settled = journal.settle_in_flight(clock.now()).await;
    settled.doing("settling what a dead process left in flight").map(drop)
}

/// Whether any step is in flight: one, or none.
pub async fn in_flight(journal: &dyn Journal) -> Result<usize, HubError> {
    let query = StepQuery { state: Some(StepState::InFlight), after: None, limit: 1 };
    Ok(journal.steps(&query).await.doing("reading the steps in flight")?.len())
}

/// The desk at which a person settles steps. It knows no secret and asks nobody.
pub fn desk(config: &Config) -> Result<Option<Desk>, HubError> {
    let Some(journal) = open_beside(config)? else { return Ok(None) };
    Ok(Some(Desk {
        journal,
        registry: Arc::new(vocabulary(config)?),
        clock: Arc::new(SystemClock::new()),
        redactor: Arc::new(Redactor::new()),
        language: config.language,
        time_zone: store::time_zone(config),
    }))
}

/// An engine that only looks.
pub struct Looker {
    /// The engine.
    pub engine: Engine,
    /// The simulator, where the hub has one of its own and it runs nowhere else.
    pub simulator: Option<RunningSimulator>,
    /// With it the right to run it.
    _lock: Option<HubLock>,
}

impl Looker {
    /// Puts it together. None where the hub has no journal yet.
    pub async fn open(config: &Config, redactor: Arc<Redactor>) -> Result<Option<Self>, HubError> {
        let Some(store) = Store::open_beside(config)? else { return Ok(None) };
        let (mut providers, simulator, lock) = reached(config, &store, &redactor).await?;
        // Of their steps nobody can be asked, and they are known all the same, so that this is what is said of them.
        providers.push(hosts_of_nobody());
        providers.extend(plugins::of_nobody(config));
        let engine = Engine::new(EngineParts {
            registry: Arc::new(Registry::new(&providers)),
            journal: Arc::clone(&store.journal),
            vault: Arc::clone(&store.vault),
            clock: Arc::clone(&store.clock),
            redactor,
            language: config.language,
            time_zone: store::time_zone(config),
            runtime: tokio::runtime::Handle::current(),
            accounts: account_rules(config),
            tells_of_troubles: false,
        });
        Ok(Some(Self { engine, simulator, _lock: lock }))
    }
}

type Reached = (Vec<Arc<dyn Provider>>, Option<RunningSimulator>, Option<HubLock>);

/// The providers; the hub's own simulator where the hub that runs it says it is, or else one that is started here.
async fn reached(config: &Config, store: &Store, redactor: &Redactor) -> Result<Reached, HubError> {
    if !config.is_simulated() {
        return Ok((live_providers(config, store, redactor).await?, None, None));
    }
    if let Some(lock) = HubLock::try_take(config, Role::Run)? {
        let (providers, simulator) = providers_of(config, store, redactor, FaultPlan::default()).await?;
        return Ok((providers, simulator, Some(lock)));
    }
    let mut providers = live_providers(config, store, redactor).await?;
    providers.extend(simulated_providers(config, store, redactor, simulator::running(config)?)?);
    Ok((providers, None, None))
}
