//! The simulator that a hub runs itself, where `base_url` says so: of one provider or of both, with one ledger.

use super::store::SIMULATED_COMPANY;
use crate::config::{Config, SIMULATOR};
use crate::error::{Doing, HubError};
use crate::providers::{OfficeGuyAccount, SenzeyAccount};
use gesher_core::{Secret, SystemClock};
use gesher_officeguy::simulated::{World, WorldOptions};
use gesher_provider::simulate::SimulatedProvider;
use gesher_senzey::simulated as senzey;
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// OfficeGuy's name, as the simulator is asked for its address.
pub const OFFICEGUY: &str = "officeguy";
/// Senzey's name.
pub const SENZEY: &str = "senzey";

/// Any key opens the simulator's marketplace, and any name and password its account at Senzey.
const KEY: &str = "key-of-the-simulated-marketplace";
const USERNAME: &str = "user-of-the-simulated-account";
const PASSWORD: &str = "password-of-the-simulated-account";
/// The files in the simulator's folder that say where it listens, for commands beside the hub that runs it.
const ADDRESS_FILE: &str = "address";
const SENZEY_ADDRESS_FILE: &str = "senzey.address";

/// The accounts that a hub has at a simulator.
#[derive(Default)]
pub struct Accounts {
    /// At OfficeGuy, where that is simulated.
    pub officeguy: Option<OfficeGuyAccount>,
    /// At Senzey, where that is simulated.
    pub senzey: Option<SenzeyAccount>,
}

impl Accounts {
    fn of(config: &Config, address: impl Fn(&str) -> Result<String, HubError>) -> Result<Self, HubError> {
        let mut accounts = Self::default();
        if config.officeguy.is_simulated() {
            let company_id = config.officeguy.company_id.unwrap_or(SIMULATED_COMPANY);
            let base_url = address(OFFICEGUY)?;
            accounts.officeguy = Some(OfficeGuyAccount { base_url, company_id, api_key: Secret::from(KEY) });
        }
        if config.senzey.is_simulated() {
            accounts.senzey = Some(SenzeyAccount {
                base_url: address(SENZEY)?,
                name: config.senzey.account_name().unwrap_or_else(|| SIMULATOR.to_owned()),
                username: Secret::from(USERNAME),
                password: Secret::from(PASSWORD),
            });
        }
        Ok(accounts)
    }
}

/// A simulator in which nothing goes wrong by itself.
pub fn no_faults() -> FaultPlan {
    FaultPlan::default()
}

/// Starts the simulator of a hub, with its ledger in the data folder, and answers the accounts that the hub has there.
pub async fn start(config: &Config, faults: FaultPlan) -> Result<(RunningSimulator, Accounts), HubError> {
    let folder = config.data.join("simulator");
    std::fs::create_dir_all(&folder).doing("the simulator's folder cannot be made")?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut played: Vec<(SocketAddr, Box<dyn SimulatedProvider>)> = Vec::new();
    if config.officeguy.is_simulated() {
        let company_id = config.officeguy.company_id.unwrap_or(SIMULATED_COMPANY);
        let organisations = config.officeguy.organisations.clone();
        let world = WorldOptions { company_id, organisations, ..WorldOptions::default() };
        played.push((anywhere, Box::new(World::new(world))));
    }
    if config.senzey.is_simulated() {
        let contacts_path = config.senzey.contacts_path.clone();
        let world = senzey::WorldOptions { contacts_path, ..senzey::WorldOptions::default() };
        played.push((anywhere, Box::new(senzey::World::new(world))));
    }
    let running = run(played, Some(folder.join("ledger.jsonl")), faults).await?;
    let accounts = Accounts::of(config, |provider| {
        running.base_url(provider).ok_or_else(|| HubError::failed("the simulator does not listen"))
    })?;
    for (provider, file) in [(OFFICEGUY, ADDRESS_FILE), (SENZEY, SENZEY_ADDRESS_FILE)] {
        if let Some(address) = running.base_url(provider) {
            std::fs::write(folder.join(file), address).doing("the simulator's address cannot be written")?;
        }
    }
    Ok((running, accounts))
}

/// The accounts that a hub has at the simulator that another process runs for it.
pub fn running(config: &Config) -> Result<Accounts, HubError> {
    let folder = config.data.join("simulator");
    Accounts::of(config, |provider| {
        written(&folder.join(if provider == SENZEY { SENZEY_ADDRESS_FILE } else { ADDRESS_FILE }))
    })
}

fn written(path: &Path) -> Result<String, HubError> {
    let address = std::fs::read_to_string(path)
        .map_err(|error| HubError::failed("the running hub's simulator cannot be found").because(error))?;
    Ok(address.trim().to_owned())
}

/// Runs a simulator of these providers, each where it shall listen.
pub async fn run(
    played: Vec<(SocketAddr, Box<dyn SimulatedProvider>)>,
    ledger: Option<PathBuf>,
    faults: FaultPlan,
) -> Result<RunningSimulator, HubError> {
    let served = played.into_iter().map(|(listen, provider)| Served { listen, provider }).collect();
    let options = SimulatorOptions { served, ledger, faults, clock: Arc::new(SystemClock::new()) };
    Simulator::start(options)
        .await
        .map_err(|error| HubError::usage("the simulator cannot start").because(error))
}
