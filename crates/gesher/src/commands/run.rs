//! `run`: one run of a flow now, in the foreground, by the rules of its trigger.
//!
//! Where a hub is serving, the run is handed to it and followed: one process at a time may send.

use super::{dry_run, flow_of, runs, show};
use crate::calls::{self, CallRequest};
use crate::cli::RunArgs;
use crate::compose::lock::{HubLock, is_held};
use crate::compose::store::open_reader;
use crate::compose::{Hub, LoadedFlow, require_sound};
use crate::config::{Config, FlowConfig};
use crate::error::{Doing, HubError};
use crate::exit::{self, Exit};
use crate::output::Output;
use crate::{follow, handover, logging, signals, spool};
use gesher_core::{Redactor, RunId};
use gesher_engine::journal::Journal;
use gesher_engine::{Progress, Stop};
use gesher_simulator::FaultPlan;
use gesher_trigger::drop::{DropTrigger, FileEnd, FileOutcome, ResultFiles};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Size of what a flow is called with.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// What is to be run.
enum Work {
    File(PathBuf),
    Call(CallRequest),
}

/// Runs the flow once.
pub async fn run(output: Output, config: Config, args: &RunArgs) -> Result<Exit, HubError> {
    require_sound(&config)?;
    let flow = flow_of(&config, &args.flow)?;
    let work = work_of(flow, args)?;
    if let (Work::File(path), Some(drop), true) = (&work, &flow.drop, args.dry_run) {
        return dry_run::run(output, &config, flow, &drop.config, path);
    }
    super::banner(output, &config);
    match HubLock::take_to_run(&config).await? {
        Some(lock) => here(output, config, lock, &args.flow, work).await,
        None => there(output, &config, &args.flow, work).await,
    }
}

fn work_of(flow: &FlowConfig, args: &RunArgs) -> Result<Work, HubError> {
    if let Some(path) = &args.file {
        if flow.drop.is_none() {
            return Err(HubError::usage(format!(
                "the flow {} has no drop folder, so it takes no file",
                flow.name
            ))
            .hint("call it with --body FILE"));
        }
        let path = std::path::absolute(path).doing("the file's path cannot be read")?;
        if !path.is_file() {
            return Err(HubError::usage(format!("there is no file {}", path.display())));
        }
        return Ok(Work::File(path));
    }
    let args_json = read_body(args.body.as_deref().unwrap_or(Path::new("-")))?;
    Ok(Work::Call(CallRequest { flow: flow.name.clone(), key: args.key.clone(), args: args_json }))
}

fn read_body(path: &Path) -> Result<Value, HubError> {
    let shown = path.display();
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().take(BODY_BYTES_MAX).read_to_string(&mut text),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(BODY_BYTES_MAX).read_to_string(&mut text))
        }
    };
    read.map_err(|error| HubError::usage(format!("the body {shown} cannot be read")).because(error))?;
    serde_json::from_str(&text)
        .map_err(|error| HubError::usage(format!("the body {shown} is not JSON")).because(error))
}

/// Runs it in this process.
async fn here(
    output: Output,
    config: Config,
    lock: HubLock,
    flow: &str,
    work: Work,
) -> Result<Exit, HubError> {
    let redactor = Arc::new(Redactor::new());
    logging::begin(Arc::clone(&redactor), "warn,gesher::script=info");
    let hub = Hub::open(config, lock, redactor, FaultPlan::default()).await?;
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let loaded = hub.flow(flow).ok_or_else(|| HubError::usage(format!("there is no flow {flow}")))?;
    let exit = match work {
        Work::File(path) => run_file(output, &hub, loaded, &path, &stop).await,
        Work::Call(request) => call(output, &hub, loaded, &request, &stop).await,
    };
    if let Some(simulator) = hub.simulator {
        simulator.stop().await;
    }
    exit
}

fn trigger_of(flow: &LoadedFlow) -> Result<&Arc<DropTrigger>, HubError> {
    flow.drop.as_ref().ok_or_else(|| HubError::usage(format!("the flow {} has no drop folder", flow.name)))
}

async fn run_file(
    output: Output,
    hub: &Hub,
    flow: &LoadedFlow,
    path: &Path,
    stop: &Stop,
) -> Result<Exit, HubError> {
    let trigger = trigger_of(flow)?;
    hub.settle().await?;
    // What an earlier process left of this flow comes first: it may be this very file.
    trigger.open_folder().map_err(|error| {
        HubError::usage(format!("the drop folder of {} cannot be used", flow.name)).because(error)
    })?;
    for end in trigger.resume(stop).await.doing("an interrupted run could not go on")? {
        output.note(&format!("went on with the interrupted run {}: {}", end.run, end.outcome.word()));
    }
    let progress = Progress::default();
    let work = trigger.run_file(path, stop, &progress);
    let end = follow::counters(output, &progress, work).await.doing("the file could not be run")?;
    told(output, &*hub.store.journal, &hub.config, &end).await
}

async fn call(
    output: Output,
    hub: &Hub,
    flow: &LoadedFlow,
    request: &CallRequest,
    stop: &Stop,
) -> Result<Exit, HubError> {
    request.check(flow, &hub.redactor)?;
    hub.settle().await?;
    let run = calls::begin(&hub.engine, flow, request).await?;
    let source = json!({ "key": request.key, "args": request.args });
    calls::work(&hub.engine, flow, &run, source, stop, &Progress::default()).await?;
    summary(output, &*hub.store.journal, &hub.config, &run, &[]).await
}

/// Hands it to the hub that serves, and follows it to its end.
async fn there(output: Output, config: &Config, flow: &str, work: Work) -> Result<Exit, HubError> {
    let journal =
        open_reader(config)?.ok_or_else(|| HubError::failed("the running hub has no journal yet"))?;
    let run = match work {
        Work::File(path) => {
            handover::file(output, &*journal, flow_of(config, flow)?, &path, || is_held(config)).await?
        }
        Work::Call(request) => spool::ask(&config.data, &request).await?,
    };
    output.note(&format!("handed to the running hub as run {run}"));
    let is_serving = || is_held(config);
    let (record, _) = follow::to_the_end(output, &*journal, &run, is_serving).await?;
    if !record.state.is_final() {
        output.note("the hub that served is gone; the run goes on when a hub serves here again");
    }
    summary(output, &*journal, config, &run, &[]).await
}

/// Says what became of a file.
async fn told(
    output: Output,
    journal: &dyn Journal,
    config: &Config,
    end: &FileEnd,
) -> Result<Exit, HubError> {
    let files = match &end.outcome {
        FileOutcome::Done { files, .. } => paths(files),
        FileOutcome::Refused { errors, .. } => vec![("errors", errors.clone())],
        FileOutcome::Duplicate { file, .. } => vec![("file", file.clone())],
        FileOutcome::Cancelled { .. } | FileOutcome::Stopped => Vec::new(),
    };
    if matches!(end.outcome, FileOutcome::Stopped) {
        output.note(&format!(
            "run {} stopped before its end; it goes on when the hub serves or runs again",
            end.run
        ));
    }
    let exit = summary(output, journal, config, &end.run, &files).await?;
    match &end.outcome {
        // What became of these bytes is what their first run says.
        FileOutcome::Duplicate { of, .. } => {
            let (record, tally) = follow::read(journal, of).await?;
            Ok(exit.and(exit::of_run(record.state, &tally)))
        }
        _ => Ok(exit),
    }
}

fn paths(files: &ResultFiles) -> Vec<(&'static str, PathBuf)> {
    let always =
        [("file", Some(&files.file)), ("result", Some(&files.result)), ("report", Some(&files.report))];
    let sometimes = [("retry", files.retry.as_ref()), ("late", files.late.as_ref())];
    always.into_iter().chain(sometimes).filter_map(|(name, path)| Some((name, path?.clone()))).collect()
}

/// Says what became of a run, with the exit code that follows.
async fn summary(
    output: Output,
    journal: &dyn Journal,
    config: &Config,
    run: &RunId,
    files: &[(&str, PathBuf)],
) -> Result<Exit, HubError> {
    let (record, tally) = follow::read(journal, run).await?;
    let exit = exit::of_run(record.state, &tally);
    if output.is_json() {
        let mut document = runs::document(config, &record, &tally);
        if let Some(fields) = document.as_object_mut() {
            let files = files.iter().map(|(name, path)| ((*name).to_owned(), json!(path))).collect();
            fields.insert("files".to_owned(), Value::Object(files));
            fields.insert("exit".to_owned(), json!(exit.code()));
        }
        output.json(&document);
        return Ok(exit);
    }
    let mut text =
        format!("run {} of {}: {} is {}\n", record.id, record.flow, record.name, record.state.as_str());
    if let Some(message) = &record.message {
        text.push_str(&format!("  {message}\n"));
    }
    text.push_str(&show::status_table(&tally));
    for (name, path) in files {
        text.push_str(&format!("  {name:<8} {}\n", path.display()));
    }
    text.push_str(&format!("  gesher show {} tells about each row\n", record.id));
    output.text(&text);
    Ok(exit)
}
