//! `simulate`: the simulator alone, for hubs and programs that are to be tried against it.

use crate::cli::SimulateArgs;
use crate::compose::simulator::{OFFICEGUY, run as run_simulator};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::{logging, signals};
use gesher_core::Redactor;
use gesher_engine::Stop;
use gesher_officeguy::simulated::WorldOptions;
use gesher_simulator::FaultPlan;
use serde_json::json;
use std::sync::Arc;

/// Runs the simulator until it is told to stop.
pub async fn run(output: Output, args: &SimulateArgs) -> Result<Exit, HubError> {
    logging::begin(Arc::new(Redactor::new()), "info");
    let faults = plan(args)?;
    let world = WorldOptions { seed: args.seed.unwrap_or(1), ..WorldOptions::default() };
    let company_id = world.company_id;
    let running = run_simulator(args.officeguy, world, args.ledger.clone(), faults).await?;
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let address = running.base_url(OFFICEGUY).unwrap_or_default();
    output.json(
        &json!({ "simulator": true, "officeguy": address, "company_id": company_id, "ledger": args.ledger }),
    );
    let ledger =
        args.ledger.as_ref().map_or_else(|| "in memory".to_owned(), |path| path.display().to_string());
    output.text(&format!(
        "OfficeGuy is simulated at {address}; company_id = {company_id}, any api_key; ledger {ledger}; stop with Ctrl-C"
    ));
    stop.requested().await;
    running.stop().await;
    Ok(Exit::Well)
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
