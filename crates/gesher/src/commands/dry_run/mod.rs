//! `run --dry-run`: the script really runs, in a world apart: nothing is sent, and nothing of the hub is written. And
//! `run --validate`: what a run of the file would find before its first call.

mod found;
mod report;
mod world;

use crate::calls::{self, CallRequest};
use crate::commands::run::Work;
use crate::compose::compile_flow;
use crate::config::{Config, FlowConfig};
use crate::error::{Doing, HubError};
use crate::exit::{self, Exit};
use crate::output::Output;
use crate::plugins::vocabulary;
use crate::table::TextTable;
use crate::{follow, logging, signals};
use found::Found;
use gesher_core::money::two_places;
use gesher_core::{Language, Redactor, RunId};
use gesher_engine::journal::RunState;
use gesher_engine::{Progress, Stop};
use gesher_trigger::drop::{DropConfig, Fault, FileOutcome, Format, NotValid, Refusal, Validation, validate};
use gesher_trigger::event::{self, BegunAs};
use gesher_trigger::schedule::Tick;
use report::Report;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use world::World;

/// Faults that a terminal is shown; JSON has all that were kept.
const SHOWN_FAULTS_MAX: usize = 20;
/// Runs among which the flow's last one is looked for.
const LAST_RUNS_LOOKED_AT: usize = 200;

/// Runs the flow in a world apart, and tells what came of it.
pub async fn run(output: Output, config: &Config, flow: &FlowConfig, work: &Work) -> Result<Exit, HubError> {
    let validated = match (work, &flow.drop) {
        (Work::File(path), Some(drop)) => Some(validated(config, flow, &drop.config, path)?),
        _ => None,
    };
    let (mut document, text) = match validated {
        // Refused whole, so no row would ever run.
        Some(Validated { document, text, is_refused: true, exit }) => {
            output.json(&document);
            output.text(&text);
            return Ok(exit);
        }
        Some(Validated { document, text, .. }) => (document, text),
        None => (json!({ "dry_run": true, "refused": false }), String::new()),
    };
    let redactor = Arc::new(Redactor::new());
    logging::begin(Arc::clone(&redactor), "warn,gesher::script=info");
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let world = World::open(config, redactor).await?;
    let own = played(output, &world, flow, work, &stop).await?;
    if stop.is_requested() {
        // The copy of the journal goes with the world.
        return Err(HubError::failed("the dry run was stopped before its end; nothing was sent"));
    }
    let report = told(&world, flow, own).await?;
    report.add_to(config, &mut document);
    output.json(&document);
    output.text(&format!("{text}{}", report.text()));
    let exit = report.exit;
    if let Some(simulator) = world.hub.simulator {
        simulator.stop().await;
    }
    Ok(exit)
}

/// Takes the run to its end in the world apart. Answers it, and what stood in its way, where it was there before.
async fn played(
    output: Output,
    world: &World,
    flow: &FlowConfig,
    work: &Work,
    stop: &Stop,
) -> Result<Own, HubError> {
    let hub = &world.hub;
    let loaded = hub.flow(&flow.name).ok_or_else(|| HubError::failed("the flow is gone"))?;
    let progress = Progress::default();
    let own = match work {
        Work::File(path) => {
            let trigger = loaded.drop.as_ref().ok_or_else(|| HubError::failed("the drop folder is gone"))?;
            trigger.open_folder().map_err(|error| HubError::of_folder(&flow.name, error))?;
            let running = trigger.run_file(path, stop, &progress);
            let end =
                follow::counters(output, &progress, running).await.doing("the file could not be run")?;
            match end.outcome {
                FileOutcome::Duplicate { of, .. } => Own { run: end.run, before: Some(of) },
                _ => Own { run: end.run, before: None },
            }
        }
        Work::Call(request) => called(hub, loaded, request, stop, &progress).await?,
        Work::Tick(tick) => ticked(loaded, tick, stop, &progress).await?,
    };
    hub.started.drain(stop).await;
    Ok(own)
}

async fn called(
    hub: &crate::compose::Hub,
    loaded: &crate::compose::LoadedFlow,
    request: &CallRequest,
    stop: &Stop,
    progress: &Progress,
) -> Result<Own, HubError> {
    request.check(loaded, &hub.redactor)?;
    let begun = calls::begin(&hub.engine, loaded, request, None).await?;
    if !begun.is_new {
        return Ok(Own { run: begun.run.clone(), before: Some(begun.run) });
    }
    let worked =
        event::work(&hub.engine, &loaded.events(), &begun.run, &request.event(), stop, progress).await;
    worked.doing("the call could not be run")?;
    Ok(Own { run: begun.run, before: None })
}

async fn ticked(
    loaded: &crate::compose::LoadedFlow,
    tick: &Tick,
    stop: &Stop,
    progress: &Progress,
) -> Result<Own, HubError> {
    let schedule = loaded.schedule.as_ref().ok_or_else(|| HubError::failed("the schedule is gone"))?;
    let begun = schedule.begin_at(tick).await.doing("the tick cannot be begun")?;
    if begun.as_what != BegunAs::New {
        return Ok(Own { run: begun.run.clone(), before: Some(begun.run) });
    }
    schedule.work(&begun.run, tick, stop, progress).await.doing("the tick could not be run")?;
    Ok(Own { run: begun.run, before: None })
}

/// The run of a dry run.
struct Own {
    run: RunId,
    /// The hub's own run that did this before.
    before: Option<RunId>,
}

/// What came of it, and how that differs from the flow's last run.
async fn told(world: &World, flow: &FlowConfig, own: Own) -> Result<Report, HubError> {
    let (journal, registry) = (&*world.hub.store.journal, world.hub.engine.registry());
    let (record, tally) = follow::read(journal, &own.run).await?;
    let mut found = Found::default();
    let runs = world.runs().await?;
    for run in &runs {
        found.add_run(journal, registry, &run.id).await?;
    }
    let is_limited = follow::is_limited(journal, &own.run, &tally).await?;
    let exit = exit::of_run(record.state, &tally, is_limited);
    let all = journal.runs(Some(&flow.name), LAST_RUNS_LOOKED_AT).await.doing("reading the runs")?;
    let is_earlier = |run: &&gesher_engine::journal::RunRecord| {
        run.state == RunState::Finished && !runs.iter().any(|own| own.id == run.id)
    };
    let last = match all.into_iter().find(|run| is_earlier(&run)) {
        None => None,
        Some(run) => {
            let mut earlier = Found::default();
            earlier.add_run(journal, registry, &run.id).await?;
            Some((run, earlier))
        }
    };
    let alerts = journal.alerts(ALERTS_LOOKED_AT).await.doing("reading the alerts")?;
    let alerts = alerts.iter().filter(|alert| {
        let item = alert.alert.item.as_ref();
        item.is_some_and(|item| runs.iter().any(|run| run.id == item.run))
    });
    let alerts = alerts.map(|alert| alert.alert.text.clone()).collect();
    let approve_above = approval(flow, &found);
    let states = vendor_states(world, &found).await?;
    Ok(Report {
        record,
        tally,
        found,
        started: runs.len().saturating_sub(1),
        last,
        alerts,
        approve_above,
        before: own.before,
        states,
        exit,
    })
}

/// Alerts that are looked at for those of the dry run.
const ALERTS_LOOKED_AT: usize = 1_000;

/// Whether a person would be asked, by what was charged.
fn approval(flow: &FlowConfig, found: &Found) -> Option<String> {
    let most = flow.limits.approve_above?;
    let sum = found.all.sums.get(&most.currency)?;
    (*sum > most.amount).then(|| format!("{} {}", two_places(most.amount), most.currency))
}

/// The vendors that were charged for and whose terminal may not clear cards yet, with where they stand.
async fn vendor_states(world: &World, found: &Found) -> Result<Vec<(String, String)>, HubError> {
    let journal = &world.hub.store.journal;
    let vendors = journal.vendors(crate::commands::vendors::PROVIDER).await.doing("reading the vendors")?;
    let waits = vendors.into_iter().filter(|vendor| {
        found.vendors.contains_key(&vendor.handle)
            && vendor.state != gesher_engine::journal::VendorState::Live
    });
    Ok(waits.map(|vendor| (vendor.handle, vendor.state.to_string())).collect())
}

/// What the first pass finds.
struct Validated {
    document: Value,
    text: String,
    is_refused: bool,
    exit: Exit,
}

/// Validates the file by the flow's rules and its script's columns, and tells what was found.
pub fn validate_only(
    output: Output,
    config: &Config,
    flow: &FlowConfig,
    drop: &DropConfig,
    path: &Path,
) -> Result<Exit, HubError> {
    let found = validated(config, flow, drop, path)?;
    output.json(&found.document);
    output.text(&found.text);
    Ok(found.exit)
}

fn validated(
    config: &Config,
    flow: &FlowConfig,
    drop: &DropConfig,
    path: &Path,
) -> Result<Validated, HubError> {
    let program = compile_flow(config, flow, &vocabulary(config)?).map_err(HubError::faults)?;
    let columns: Vec<String> = program.columns().iter().map(|column| column.name.clone()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (rules, language) = (drop.row_rules(), config.language);
    let refused = |refusal: &Refusal| Validated {
        document: refused_document(refusal, language),
        text: refused_text(refusal, language),
        is_refused: true,
        exit: Exit::Partly,
    };
    match validate(path, Format::of_name(&name, &rules), &rules, &columns) {
        Ok(found) => {
            let unreadable = |error| HubError::usage("the control file cannot be read").because(error);
            let faults = drop.control_faults(path, &found).map_err(unreadable)?;
            if faults.is_empty() {
                Ok(valid(&found, flow, language))
            } else {
                Ok(refused(&Refusal { faults, more: 0 }))
            }
        }
        Err(NotValid::Refused(refusal)) => Ok(refused(&refusal)),
        Err(NotValid::Io(error)) => {
            Err(HubError::usage(format!("{} cannot be read", path.display())).because(error))
        }
    }
}

fn valid(found: &Validation, flow: &FlowConfig, language: Language) -> Validated {
    let (mut document, mut text) = (valid_document(found, language), valid_text(found, language));
    let most = flow.limits.approve_above;
    let waits = most.is_some_and(|most| found.is_above(most));
    document["waits"] = json!(waits);
    document["approve_above"] = json!(most.map(|most| most.to_string()));
    document["other_sheets"] = json!(found.other_sheets);
    if let Some(most) = most.filter(|_| waits) {
        text.push_str(&format!(
            "it would wait for `gesher approve`: its valid rows come to more than {most} (approve_above)\n"
        ));
    }
    if !found.other_sheets.is_empty() {
        text.push_str(&format!(
            "only its first sheet would be taken; these others hold something too: {}\n",
            found.other_sheets.join(", ")
        ));
    }
    let exit = if found.invalid == 0 { Exit::Well } else { Exit::Partly };
    Validated { document, text, is_refused: false, exit }
}

fn valid_document(found: &Validation, language: Language) -> Value {
    let totals = found.totals.iter().map(|(currency, sum)| (currency.to_string(), json!(two_places(*sum))));
    json!({
        "dry_run": true,
        "refused": false,
        "rows": found.rows,
        "invalid": found.invalid,
        "totals": Value::Object(totals.collect()),
        "encoding": found.encoding.name(),
        "faults": faults_document(&found.faults, language),
    })
}

fn refused_document(refusal: &Refusal, language: Language) -> Value {
    json!({
        "dry_run": true,
        "refused": true,
        "faults": faults_document(&refusal.faults, language),
        "more": refusal.more,
    })
}

fn faults_document(faults: &[Fault], language: Language) -> Vec<Value> {
    let document = |fault: &Fault| {
        json!({
            "line": fault.line,
            "column": fault.column,
            "value": fault.value,
            "code": fault.code,
            "message": fault.text.get(language),
        })
    };
    faults.iter().map(document).collect()
}

fn valid_text(found: &Validation, language: Language) -> String {
    let sums = super::runs::sums(&found.totals);
    let sums = if sums.is_empty() { String::new() } else { format!(", {sums} in the valid ones") };
    let mut text =
        format!("nothing was called: {} rows, {} of them invalid{sums}\n", found.rows, found.invalid);
    text.push_str(&faults_text(&found.faults, found.invalid, language));
    text
}

fn refused_text(refusal: &Refusal, language: Language) -> String {
    let all = u64::try_from(refusal.faults.len()).unwrap_or(u64::MAX).saturating_add(refusal.more);
    format!(
        "the file would be refused whole; nothing was called\n{}",
        faults_text(&refusal.faults, all, language)
    )
}

fn faults_text(faults: &[Fault], all: u64, language: Language) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&["line", "column", "value", "what is wrong"]).right(&[0]);
    for fault in faults.iter().take(SHOWN_FAULTS_MAX) {
        table.row([
            fault.line.map(|line| line.to_string()).unwrap_or_default(),
            fault.column.as_deref().unwrap_or_default().to_owned(),
            fault.value.as_deref().unwrap_or_default().to_owned(),
            fault.text.get(language).to_owned(),
        ]);
    }
    let shown = u64::try_from(faults.len().min(SHOWN_FAULTS_MAX)).unwrap_or(u64::MAX);
    let more = all.saturating_sub(shown);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    format!("\n{}{more}", table.render())
}
