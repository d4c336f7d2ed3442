//! `simulate`: the simulator alone, for hubs and programs that are to be tried against it.

use crate::cli::SimulateArgs;
use crate::compose::simulator::{OFFICEGUY, SENZEY, run as run_simulator};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::{logging, signals};
use gesher_core::Redactor;
use gesher_engine::Stop;
use gesher_officeguy::simulated::{World, WorldOptions};
use gesher_provider::simulate::SimulatedProvider;
use gesher_simulator::FaultPlan;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where the providers are simulated, unless said otherwise.
const OFFICEGUY_PORT: u16 = 9401;
const SENZEY_PORT: u16 = 9402;

/// Runs the simulator until it is told to stop.
pub async fn run(output: Output, args: &SimulateArgs) -> Result<Exit, HubError> {
    logging::begin(Arc::new(Redactor::new()), "info");
    let faults = plan(args)?;
    let seed = args.seed.unwrap_or(1);
    let (officeguy, senzey) = addresses(args.officeguy, args.senzey);
    let world = WorldOptions { seed, ..WorldOptions::default() };
    let company_id = world.company_id;
    let mut played: Vec<(SocketAddr, Box<dyn SimulatedProvider>)> = Vec::new();
    if let Some(address) = officeguy {
        played.push((address, Box::new(World::new(world))));
    }
    if let Some(address) = senzey {
        let world = gesher_senzey::simulated::WorldOptions { seed, ..Default::default() };
        played.push((address, Box::new(gesher_senzey::simulated::World::new(world))));
    }
    let running = run_simulator(played, args.ledger.clone(), faults).await?;
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let (officeguy, senzey) = (running.base_url(OFFICEGUY), running.base_url(SENZEY));
    output.json(&json!({
        "simulator": true,
        "officeguy": officeguy,
        "senzey": senzey,
        "company_id": officeguy.as_ref().map(|_| company_id),
        "ledger": args.ledger,
    }));
    if let Some(address) = officeguy {
        output.text(&format!("OfficeGuy is simulated at {address}; company_id = {company_id}, any api_key"));
    }
    if let Some(address) = senzey {
        output.text(&format!("Senzey is simulated at {address}; any username and password"));
    }
    let ledger =
        args.ledger.as_ref().map_or_else(|| "in memory".to_owned(), |path| path.display().to_string());
    output.text(&format!("ledger {ledger}; stop with Ctrl-C"));
    stop.requested().await;
    running.stop().await;
    Ok(Exit::Well)
}

/// Who is simulated, and where: both at their usual places, or only those that are named.
fn addresses(
    officeguy: Option<SocketAddr>,
    senzey: Option<SocketAddr>,
) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let usual = |port: u16| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match (officeguy, senzey) {
        (None, None) => (usual(OFFICEGUY_PORT), usual(SENZEY_PORT)),
        named => named,
    }
}

/// The faults of the file, if there is one. A seed given here counts more than the file's.
fn plan(args: &SimulateArgs) -> Result<FaultPlan, HubError> {
    let mut plan = match &args.faults {
        None => FaultPlan::default(),
        Some(path) => FaultPlan::read(path).map_err(|error| {
            HubError::usage(format!("the faults in {} cannot be read", path.display())).because(error)
        })?,
    };
    if let (Some(random), Some(seed)) = (&mut plan.random, args.seed) {
        random.seed = seed;
    }
    Ok(plan)
}
