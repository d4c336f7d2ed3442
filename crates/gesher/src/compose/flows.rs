//! The flows of a hub, compiled: script, permission, trigger.

use super::starts::{self, Said};
use crate::config::{Config, Fault, FlowConfig, rules};
use crate::error::HubError;
use crate::plugins;
use crate::providers::descriptors;
use gesher_core::{Descriptor, Effect, Language, Redactor, Registry, Text};
use gesher_engine::{Engine, Flow, FlowReach, Program, Scripts};
use gesher_script::{CompileOptions, RhaiHost, RhaiProgram, ScriptFault};
use gesher_trigger::drop::DropTrigger;
use gesher_trigger::event::EventFlow;
use gesher_trigger::schedule::ScheduleTrigger;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A flow that can run.
pub struct LoadedFlow {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub flow: Arc<Flow>,
    /// Its script.
    pub scripts: Arc<Scripts>,
    /// Whether it may move money.
    pub moves_money: bool,
    /// Whether it may change anything outside the hub.
    pub may_act: bool,
    /// Its drop folder.
    pub drop: Option<Arc<DropTrigger>>,
    /// Its schedule.
    pub schedule: Option<ScheduleTrigger>,
}

impl LoadedFlow {
    /// As its events need it.
    pub fn events(&self) -> EventFlow {
        EventFlow { flow: Arc::clone(&self.flow), scripts: Arc::clone(&self.scripts) }
    }
}

/// Compiles every flow. All faults of all scripts are answered at once.
pub(super) fn load(config: &Config, engine: &Engine) -> Result<Vec<LoadedFlow>, HubError> {
    let (mut faults, mut flows, mut programs) = (Vec::new(), Vec::new(), starts::Programs::new());
    for part in &config.flows {
        match compile(config, part, engine.registry()) {
            Ok(program) => match secret_fault(config, part, &program, engine.redactor()) {
                Some(fault) => faults.push(fault),
                // `check` calls these faults. A hub that was started so before goes on: each such call is refused.
                None => {
                    for fault in foreseen(config, part, &program) {
                        tracing::warn!(flow = part.name, "this will be refused: {fault}");
                    }
                    programs.insert(part.name.clone(), Arc::clone(&program));
                    flows.push(loaded(config, part, engine, program)?);
                }
            },
            Err(found) => faults.extend(found),
        }
    }
    faults.extend(
        starts::look(config, &programs, &operations_of(engine.registry()))
            .0
            .into_iter()
            .map(|said| start_fault(config, said)),
    );
    if faults.is_empty() { Ok(flows) } else { Err(HubError::faults(faults)) }
}

/// The facts of all operations: those of providers that have no account here too, and those of plugins.
fn operations_of(registry: &Registry) -> Vec<Descriptor> {
    let mut operations = descriptors();
    operations.extend(registry.iter().map(|(_, found)| found.entry.descriptor));
    operations
}

/// The faults of schedules that only the disk tells: their files of dates, and a rule of rest that leaves nothing.
pub fn check_dates(config: &Config) -> Vec<Fault> {
    let operations = plugins::descriptors(config);
    let known = rules::faults(config, &operations);
    let parts = config.flows.iter().filter_map(|flow| Some((flow, flow.schedule.as_ref()?)));
    let faults = parts.filter_map(|(flow, part)| part.rules(config, flow, &operations).err()).flatten();
    faults.filter(|fault| !known.contains(fault)).collect()
}

/// Every fault of every script, and what is allowed but hardly meant.
pub fn check_scripts(config: &Config, registry: &Registry) -> (Vec<Fault>, Vec<Fault>) {
    let (mut faults, mut warnings, mut programs) = (Vec::new(), Vec::new(), starts::Programs::new());
    for part in &config.flows {
        match compile(config, part, registry) {
            Ok(program) => {
                let folder = scripts_folder(config, &config.root.join(&part.script));
                faults.extend(foreseen(config, part, &program));
                warnings.extend(program.warnings().iter().map(|fault| shown(config, &folder, fault)));
                programs.insert(part.name.clone(), program);
            }
            Err(found) => faults.extend(found),
        }
    }
    let (of_starts, circles) = starts::look(config, &programs, &operations_of(registry));
    faults.extend(of_starts.into_iter().map(|said| start_fault(config, said)));
    warnings.extend(circles.into_iter().map(|said| start_fault(config, said)));
    (faults, warnings)
}

/// The scripts as new runs may begin with them while the hub works, or what is wrong with each, by its flow: the rules are
/// those of a start, and nothing may be in them that the hub would refuse whenever the script comes to it.
pub fn compile_anew(
    config: &Config,
    engine: &Engine,
) -> BTreeMap<String, Result<Arc<RhaiProgram>, Vec<Fault>>> {
    let (mut found, mut programs) = (BTreeMap::new(), starts::Programs::new());
    for part in &config.flows {
        let program = compile(config, part, engine.registry()).and_then(|program| {
            let mut faults = foreseen(config, part, &program);
            faults.extend(secret_fault(config, part, &program, engine.redactor()));
            if faults.is_empty() { Ok(program) } else { Err(faults) }
        });
        if let Ok(program) = &program {
            programs.insert(part.name.clone(), Arc::clone(program));
        }
        found.insert(part.name.clone(), program);
    }
    for said in starts::look(config, &programs, &operations_of(engine.registry())).0 {
        let flow = said.flow.clone();
        let fault = start_fault(config, said);
        match found.get_mut(&flow) {
            Some(Err(faults)) => faults.push(fault),
            _ => drop(found.insert(flow, Err(vec![fault]))),
        }
    }
    found
}

/// What the hub would refuse whenever the script comes to it.
fn foreseen(config: &Config, part: &FlowConfig, program: &RhaiProgram) -> Vec<Fault> {
    let folder = scripts_folder(config, &config.root.join(&part.script));
    program.foreseen().iter().map(|fault| shown(config, &folder, fault)).collect()
}

/// What is said of a flow that starts another, at its place.
fn start_fault(config: &Config, said: Said) -> Fault {
    let script = config.flow(&said.flow).map(|part| config.root.join(&part.script)).unwrap_or_default();
    let fault = ScriptFault { place: said.place, message: Text::verbatim(said.what) };
    Fault { mend: said.mend.to_owned(), ..shown(config, &scripts_folder(config, &script), &fault) }
}

fn flow_of(part: &FlowConfig) -> Flow {
    Flow {
        name: part.name.clone(),
        allow: part.allowed(),
        concurrency: part.concurrency,
        on_unknown: part.on_unknown,
        limits: part.limits,
        reach: FlowReach {
            origins: part.origins(),
            secrets: part.secrets.iter().map(|name| name.0.clone()).collect(),
        },
    }
}

fn loaded(
    config: &Config,
    part: &FlowConfig,
    engine: &Engine,
    program: Arc<RhaiProgram>,
) -> Result<LoadedFlow, HubError> {
    let flow = Arc::new(flow_of(part));
    let host = RhaiHost::new(Arc::clone(engine.registry()));
    let scripts = Arc::new(Scripts::new(program, Arc::new(host)));
    let drop = match &part.drop {
        None => None,
        Some(drop) => {
            let trigger = DropTrigger::new(
                engine.clone(),
                Arc::clone(&flow),
                Arc::clone(&scripts),
                drop.config.clone(),
                engine.journal().hub_id().clone(),
                config.data.clone(),
            );
            Some(Arc::new(trigger.map_err(|error| HubError::of_folder(&part.name, error))?))
        }
    };
    let operations = operations_of(engine.registry());
    let moves_money = part.may(Effect::Money, &operations);
    let may_act = moves_money || part.may(Effect::Write, &operations);
    let name = part.name.clone();
    let mut loaded = LoadedFlow { name, flow, scripts, moves_money, may_act, drop, schedule: None };
    if let Some(schedule) = &part.schedule {
        let rules = schedule.rules(config, part, &operations).map_err(HubError::faults)?;
        loaded.schedule = Some(ScheduleTrigger::new(engine.clone(), loaded.events(), rules));
    }
    Ok(loaded)
}

/// Compiles a flow's script and checks that something can start it.
pub fn compile(
    config: &Config,
    part: &FlowConfig,
    registry: &Registry,
) -> Result<Arc<RhaiProgram>, Vec<Fault>> {
    let path = config.root.join(&part.script);
    if !path.is_file() {
        let what = format!("the script {} of the flow {} is not there", part.script, part.name);
        return Err(vec![config.flow_fault(
            part,
            "script",
            what,
            "write the script, or name the one that is meant",
        )]);
    }
    let folder = scripts_folder(config, &path);
    let options = CompileOptions { allow: Some(part.allowed()), ..CompileOptions::default() };
    let program = gesher_script::compile(&folder, &path, registry, &options)
        .map_err(|faults| faults.iter().map(|fault| shown(config, &folder, fault)).collect::<Vec<_>>())?;
    entry_fault(config, part, &program).map_or(Ok(program), |fault| Err(vec![fault]))
}

/// A script that holds the value of a secret: it would be kept, in the open, with each run.
fn secret_fault(
    config: &Config,
    part: &FlowConfig,
    program: &RhaiProgram,
    redactor: &Redactor,
) -> Option<Fault> {
    let folder = scripts_folder(config, &config.root.join(&part.script));
    let script = program.script();
    let lines =
        script.files.iter().flat_map(|(file, text)| text.lines().enumerate().map(move |line| (file, line)));
    let (file, (index, _)) = lines.into_iter().find(|(_, (_, line))| redactor.holds_secret(line))?;
    let path = folder.join(file);
    let file = path.strip_prefix(&config.root).unwrap_or(&path).display().to_string();
    let what = "the script holds the value of a secret, and a script is kept with each run".to_owned();
    let mend = "take it out; keys never have to reach a script".to_owned();
    Some(Fault { file, line: index + 1, column: 1, text: String::new(), what, mend })
}

/// A flow that nothing could start.
fn entry_fault(config: &Config, part: &FlowConfig, program: &RhaiProgram) -> Option<Fault> {
    use gesher_engine::Entry;
    let missing = |function: &str, why: &str| {
        let what = format!("the script {} has no function {function}, and {why}", part.script);
        config.flow_fault(part, "script", what, &format!("write `fn {function} {{ … }}` in the script"))
    };
    if part.drop.is_some() && !program.has(Entry::Row) {
        return Some(missing("on_row(row)", "the flow has a drop folder"));
    }
    if part.webhook.is_some() && !program.has(Entry::Webhook) {
        return Some(missing("on_webhook(request)", "the flow has a webhook"));
    }
    if part.schedule.is_some() && !program.has(Entry::Schedule) {
        return Some(missing("on_schedule(tick)", "the flow has a schedule"));
    }
    if part.source.is_some() && !program.has(Entry::Event) {
        return Some(missing("on_event(event)", "the flow listens to an event source"));
    }
    let triggers =
        [part.drop.is_some(), part.webhook.is_some(), part.schedule.is_some(), part.source.is_some()];
    let is_started = triggers.contains(&true);
    (!is_started && !program.has(Entry::Call))
        .then(|| missing("on_call(args)", "the flow has no trigger, so only a call could start it"))
}

/// What a script may import from: the hub's folder of scripts, or the script's own where it lies elsewhere.
pub fn scripts_folder(config: &Config, script: &Path) -> PathBuf {
    let usual = config.root.join("scripts");
    if script.starts_with(&usual) { usual } else { script.parent().unwrap_or(&config.root).to_owned() }
}

/// A script's fault, with its file as it is called from the hub's folder.
pub fn shown(config: &Config, folder: &Path, fault: &ScriptFault) -> Fault {
    let path = folder.join(&fault.place.file);
    let file = path.strip_prefix(&config.root).unwrap_or(&path).display().to_string();
    Fault {
        file,
        line: fault.place.line,
        column: fault.place.column.max(1),
        text: fault.place.source_line.clone(),
        what: fault.message.get(Language::En).to_owned(),
        mend: String::new(),
    }
}
