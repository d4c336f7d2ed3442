//! The flows of a hub, compiled: script, permission, trigger.

use crate::config::{Config, Fault, FlowConfig};
use crate::error::{Doing, HubError};
use crate::providers::descriptors;
use gesher_core::{Effect, Registry};
use gesher_engine::{Engine, Flow, Program};
use gesher_script::{RhaiProgram, ScriptFault};
use gesher_trigger::drop::DropTrigger;
use std::path::Path;
use std::sync::Arc;

/// A flow that can run.
pub struct LoadedFlow {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub flow: Arc<Flow>,
    /// Its script.
    pub program: Arc<dyn Program>,
    /// Whether it may move money.
    pub moves_money: bool,
    /// Its drop folder.
    pub drop: Option<Arc<DropTrigger>>,
}

/// Compiles every flow. All faults of all scripts are answered at once.
pub fn load(config: &Config, engine: &Engine) -> Result<Vec<LoadedFlow>, HubError> {
    let mut faults = Vec::new();
    let mut flows = Vec::new();
    for part in &config.flows {
        match compile(config, part, engine.registry()) {
            Ok(program) => flows.push(loaded(config, part, engine, program)?),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(flows) } else { Err(HubError::faults(faults)) }
}

/// Every fault of every script, and what is allowed but hardly meant.
pub fn check_scripts(config: &Config, registry: &Registry) -> (Vec<Fault>, Vec<Fault>) {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for part in &config.flows {
        match compile(config, part, registry) {
            Ok(program) => warnings.extend(program.warnings().iter().map(|fault| shown(config, fault))),
            Err(found) => faults.extend(found),
        }
    }
    (faults, warnings)
}

fn flow_of(part: &FlowConfig) -> Flow {
    Flow { name: part.name.clone(), allow: part.allowed(), concurrency: part.concurrency }
}

fn loaded(
    config: &Config,
    part: &FlowConfig,
    engine: &Engine,
    program: Arc<RhaiProgram>,
) -> Result<LoadedFlow, HubError> {
    let columns = program.columns().iter().map(|column| column.name.clone()).collect();
    let flow = Arc::new(flow_of(part));
    let program: Arc<dyn Program> = program;
    let drop = match &part.drop {
        None => None,
        Some(drop) => {
            let trigger = DropTrigger::new(
                engine.clone(),
                Arc::clone(&flow),
                Arc::clone(&program),
                columns,
                drop.config.clone(),
                engine.journal().hub_id().clone(),
                config.data.clone(),
            );
            Some(Arc::new(trigger.doing(format!("the drop folder of {} cannot be used", part.name))?))
        }
    };
    let moves_money = part.may(Effect::Money, &descriptors());
    Ok(LoadedFlow { name: part.name.clone(), flow, program, moves_money, drop })
}

fn compile(config: &Config, part: &FlowConfig, registry: &Registry) -> Result<Arc<RhaiProgram>, Vec<Fault>> {
    let path = config.root.join(&part.script);
    if !path.is_file() {
        let what = format!("the script {} of the flow {} is not there", part.script, part.name);
        return Err(vec![config.flow_fault(part, "script", what, "write the script, or name the one that is meant")]);
    }
    let program = gesher_script::compile(&path, registry, &flow_of(part));
    let program = program.map_err(|faults| faults.iter().map(|fault| shown(config, fault)).collect::<Vec<_>>())?;
    entry_fault(config, part, &program).map_or(Ok(program), |fault| Err(vec![fault]))
}

/// A flow that nothing could start.
fn entry_fault(config: &Config, part: &FlowConfig, program: &RhaiProgram) -> Option<Fault> {
    use gesher_engine::Entry;
    let missing = |function: &str, why: &str| {
        let what = format!("the script {} has no function {function}, and {why}", part.script);
        config.flow_fault(part, "script", what, &format!("write `fn {function} {{ … }}` in the script"))
    };
    match &part.drop {
        Some(_) if !program.has(Entry::Row) => Some(missing("on_row(row)", "the flow has a drop folder")),
        None if !program.has(Entry::Call) => {
            Some(missing("on_call(args)", "the flow has no drop folder, so only a call could start it"))
        }
        _ => None,
    }
}

/// A script's fault, with its file as people name it.
fn shown(config: &Config, fault: &ScriptFault) -> Fault {
    let _ = config;
    Fault {
        file: fault.place.file.clone(),
        line: fault.place.line,
        column: fault.place.column,
        text: fault.place.source_line.clone(),
        what: fault.message.get(gesher_core::Language::En).to_owned(),
        mend: String::new(),
    }
}

/// The scripts folder, beside the configuration.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
