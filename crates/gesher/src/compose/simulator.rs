//! The simulator that a hub runs itself, where `base_url` says so.

use super::store::SIMULATED_COMPANY;
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::providers::OfficeGuyAccount;
use gesher_core::{Secret, SystemClock};
use gesher_officeguy::simulated::{World, WorldOptions};
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// The provider's name, as the simulator is asked for its address.
pub const OFFICEGUY: &str = "officeguy";

/// Any key opens the simulator's marketplace.
const KEY: &str = "key-of-the-simulated-marketplace";
/// The file in the simulator's folder that says where it listens, for commands beside the hub that runs it.
const ADDRESS_FILE: &str = "address";

/// Starts the simulator of a hub, with its ledger in the data folder, and answers the account that the hub has there.
pub async fn start(
    config: &Config,
    faults: FaultPlan,
) -> Result<(RunningSimulator, OfficeGuyAccount), HubError> {
    let folder = config.data.join("simulator");
    std::fs::create_dir_all(&folder).doing("the simulator's folder cannot be made")?;
    let company_id = config.officeguy.company_id.unwrap_or(SIMULATED_COMPANY);
    let world = WorldOptions { company_id, ..WorldOptions::default() };
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = run(anywhere, world, Some(folder.join("ledger.jsonl")), faults).await?;
    let base_url = running.base_url(OFFICEGUY);
    let base_url = base_url.ok_or_else(|| HubError::failed("the simulator does not listen"))?;
    std::fs::write(folder.join(ADDRESS_FILE), &base_url)
        .doing("the simulator's address cannot be written")?;
    Ok((running, OfficeGuyAccount { base_url, company_id, api_key: Secret::from(KEY) }))
}

/// The account that a hub has at the simulator that another process runs for it.
pub fn running(config: &Config) -> Result<OfficeGuyAccount, HubError> {
    let path = config.data.join("simulator").join(ADDRESS_FILE);
    let address = std::fs::read_to_string(&path)
        .map_err(|error| HubError::failed("the running hub's simulator cannot be found").because(error))?;
    let company_id = config.officeguy.company_id.unwrap_or(SIMULATED_COMPANY);
    Ok(OfficeGuyAccount { base_url: address.trim().to_owned(), company_id, api_key: Secret::from(KEY) })
}

/// Runs a simulator of OfficeGuy.
pub async fn run(
    listen: SocketAddr,
    world: WorldOptions,
    ledger: Option<PathBuf>,
    faults: FaultPlan,
) -> Result<RunningSimulator, HubError> {
    let served = vec![Served { listen, provider: Box::new(World::new(world)) }];
    let options = SimulatorOptions { served, ledger, faults, clock: Arc::new(SystemClock::new()) };
    Simulator::start(options)
        .await
        .map_err(|error| HubError::usage("the simulator cannot start").because(error))
}
