//! `check`: every fault of configuration and scripts, each with its place and how to mend it. Nothing is started.

use crate::compose::secrets;
use crate::compose::store::{open_reader, time_zone};
use crate::compose::{check_dates, check_scripts};
use crate::config::{Config, Fault, rules};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::{plugins, providers, zone_data};
use gesher_core::{Clock, HubId, SystemClock};
use gesher_engine::journal::Journal;
use gesher_trigger::drop::DropFolder;
use serde_json::json;
use std::path::Path;

/// Checks the hub at `root`.
pub async fn run(output: Output, root: &Path) -> Result<Exit, HubError> {
    let (faults, warnings, flows) = match Config::load(root) {
        Err(faults) => (faults, Vec::new(), 0),
        Ok(config) => {
            let (open, mut faults) = plugins::look(&config);
            let mut operations = providers::descriptors();
            operations.extend(open.iter().flat_map(|open| open.plugin.descriptors()));
            faults.extend(rules::faults(&config, &operations));
            let mut warnings = plugins::warnings(&config, &open);
            drop(open);
            let (of_scripts, meant_otherwise) = check_scripts(&config, &plugins::vocabulary(&config)?);
            faults.extend(of_scripts);
            faults.extend(check_dates(&config));
            let journal = open_reader(&config)?;
            faults.extend(foreign_folders(&config, journal.as_deref()));
            warnings.extend(meant_otherwise);
            warnings.extend(zone_doubts(&config));
            warnings.extend(missing_secrets(&config, journal.as_deref()).await?);
            (faults, warnings, config.flows.len())
        }
    };
    output.json(&json!({ "ok": faults.is_empty(), "faults": faults, "warnings": warnings }));
    output.text(&report(&faults, &warnings, flows));
    Ok(if faults.is_empty() { Exit::Well } else { Exit::Usage })
}

/// Drop folders that another hub takes files from. A hub that never ran owns none.
fn foreign_folders(config: &Config, journal: Option<&dyn Journal>) -> Vec<Fault> {
    let hub = journal.map_or_else(|| HubId::stored(""), |journal| journal.hub_id().clone());
    let drops = config.flows.iter().filter_map(|flow| flow.drop.as_ref());
    let foreign = drops.filter_map(|drop| {
        let error = DropFolder::check_owner(&drop.config.folder, &hub, &config.data).err()?;
        Some(config.drop_fault(drop, "folder", error.to_string(), ""))
    });
    foreign.collect()
}

/// What schedules go by. A hub without one shows times only, and is not troubled with it.
fn zone_doubts(config: &Config) -> Vec<Fault> {
    if config.flows.iter().all(|flow| flow.schedule.is_none()) {
        return Vec::new();
    }
    let (zone, now) = (time_zone(config), SystemClock::new().now());
    let doubts = zone_data::doubts(zone_data::version().as_deref(), &config.time_zone, &zone, now);
    doubts.into_iter().map(|doubt| config.hub_fault("time_zone", doubt.what, doubt.mend)).collect()
}

/// A hub whose secrets come when it is started may be checked without them, so this is no fault.
async fn missing_secrets(config: &Config, journal: Option<&dyn Journal>) -> Result<Vec<Fault>, HubError> {
    let mut missing = Vec::new();
    for name in config.secrets() {
        if !secrets::is_there(name, journal).await? {
            missing.push(config.missing_secret(name, secrets::mend(name)));
        }
    }
    Ok(missing)
}

fn report(faults: &[Fault], warnings: &[Fault], flows: usize) -> String {
    let mut text = String::new();
    for fault in faults {
        text.push_str(&format!("{fault}\n\n"));
    }
    for warning in warnings {
        text.push_str(&format!("warning: {warning}\n\n"));
    }
    let flows = match flows {
        1 => "1 flow".to_owned(),
        many => format!("{many} flows"),
    };
    text.push_str(&match faults.len() {
        0 => format!("no faults in {flows}"),
        1 => "1 fault".to_owned(),
        many => format!("{many} faults"),
    });
    text
}
