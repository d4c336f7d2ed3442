//! `run`: one run of a flow now, in the foreground, by the rules of its trigger.
//!
//! Where a hub is serving, the run is handed to it and followed: one process at a time may send.

use super::schedule::moment;
use super::{dry_run, flow_of, runs, show};
use crate::calls::{self, CallRequest};
use crate::cli::RunArgs;
use crate::compose::lock::{HubLock, is_held};
use crate::compose::store::open_reader;
use crate::compose::{Hub, LoadedFlow, require_sound};
use crate::config::{Config, FlowConfig};
use crate::decisions::{Decisions, Office};
use crate::error::{Doing, HubError};
use crate::exit::{self, Exit};
use crate::output::Output;
use crate::plugins::descriptors;
use crate::ticks::{self, TickRequest};
use crate::{follow, handover, logging, signals, spool, tending};
use gesher_core::{Effect, Redactor, RunId};
use gesher_engine::journal::{Journal, RunRecord, RunState, Tally, TriggerKind};
use gesher_engine::{Progress, Stop};
use gesher_simulator::FaultPlan;
use gesher_trigger::drop::{DropTrigger, FileOutcome, RunFiles};
use gesher_trigger::event::{self, BegunAs, EventFlow};
use gesher_trigger::schedule::Tick;
use serde_json::{Value, json};
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Size of what a flow is called with.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// What is to be run.
pub enum Work {
    /// A file, by the rules of the drop folder.
    File(PathBuf),
    /// A call.
    Call(CallRequest),
    /// A tick of the schedule.
    Tick(Tick),
}

/// Runs the flow once.
pub async fn run(output: Output, config: Config, args: &RunArgs) -> Result<Exit, HubError> {
    require_sound(&config)?;
    let flow = flow_of(&config, &args.flow)?;
    let work = work_of(&config, flow, args)?;
    if let (Work::File(path), Some(drop), true) = (&work, &flow.drop, args.validate) {
        return dry_run::validate_only(output, &config, flow, &drop.config, path);
    }
    if args.dry_run {
        return dry_run::run(output, &config, flow, &work).await;
    }
    super::banner(output, &config);
    match HubLock::take_to_run(&config).await? {
        Some(lock) => here(output, config, lock, &args.flow, work).await,
        None => there(output, &config, &args.flow, work).await,
    }
}

fn work_of(config: &Config, flow: &FlowConfig, args: &RunArgs) -> Result<Work, HubError> {
    if let Some(path) = &args.file {
        if flow.drop.is_none() {
            return Err(HubError::usage(format!(
                "the flow {} has no drop folder, so it takes no file",
                flow.name
            ))
            .hint("call it with --body FILE"));
        }
        return file_of(flow, path).map(Work::File);
    }
    if let Some(at) = &args.at {
        let part = flow.schedule.as_ref().ok_or_else(|| ticks::none(&flow.name))?;
        let rules = part.rules(config, flow, &descriptors(config)).map_err(HubError::faults)?;
        return ticks::tick(&flow.name, &rules.schedule, moment(at)?, at).map(Work::Tick);
    }
    let args_json = read_body(args.body.as_deref().unwrap_or(Path::new("-")))?;
    let request = CallRequest { flow: flow.name.clone(), key: args.key.clone(), args: args_json };
    // Before anything of it is put down. The secrets of the vault are known only to the hub that takes the call.
    request.check_words(flow.may(Effect::Money, &descriptors(config)), &Redactor::new())?;
    Ok(Work::Call(request))
}

/// The file itself, whatever led to it, if it has a name that the flow takes.
fn file_of(flow: &FlowConfig, path: &Path) -> Result<PathBuf, HubError> {
    let none = || HubError::usage(format!("there is no file {}", path.display()));
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => none(),
        _ => HubError::usage(format!("{} cannot be read", path.display())).because(error),
    })?;
    if !real.is_file() {
        return Err(none());
    }
    handover::check_name(flow, &real.file_name().unwrap_or_default().to_string_lossy())?;
    Ok(real)
}

fn read_body(path: &Path) -> Result<Value, HubError> {
    let shown = path.display();
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().take(BODY_BYTES_MAX + 1).read_to_string(&mut text),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(BODY_BYTES_MAX + 1).read_to_string(&mut text))
        }
    };
    read.map_err(|error| HubError::usage(format!("the body {shown} cannot be read")).because(error))?;
    if text.len() as u64 > BODY_BYTES_MAX {
        return Err(HubError::usage(format!("the body {shown} is larger than {BODY_BYTES_MAX} bytes")));
    }
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        HubError::usage(format!("{shown}:{line}:{column}: the body is not JSON")).because(error)
    })
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
    hub.plugins.heed(&stop);
    let loaded = hub.flow(flow).ok_or_else(|| HubError::usage(format!("there is no flow {flow}")))?;
    let exit = match work {
        Work::File(path) => run_file(output, &hub, loaded, &path, &stop).await,
        Work::Call(request) => call(output, &hub, loaded, &request, &stop).await,
        Work::Tick(tick) => run_tick(output, &hub, loaded, &tick, &stop).await,
    };
    if let Some(simulator) = hub.simulator {
        simulator.stop().await;
    }
    exit
}

fn trigger_of(flow: &LoadedFlow) -> Result<&Arc<DropTrigger>, HubError> {
    flow.drop.as_ref().ok_or_else(|| HubError::usage(format!("the flow {} has no drop folder", flow.name)))
}

/// Does the work while people's decisions about it are obeyed.
async fn heeding<T>(
    hub: &Hub,
    stop: &Stop,
    work: impl Future<Output = Result<T, HubError>>,
) -> Result<T, HubError> {
    let people = Decisions { engine: hub.engine.clone(), flows: Arc::clone(&hub.flows), office: Office::Run };
    people.once(stop).await?;
    let enough = Stop::new();
    let watching = tokio::spawn(people.clone().watch(enough.clone()));
    let done = work.await;
    enough.request();
    watching.await.doing("the watch for decisions ended badly")?;
    // What was decided about this run is settled now that it is over.
    let settled = people.once(stop).await;
    done.and_then(|done| settled.map(|()| done))
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
    trigger.open_folder().map_err(|error| HubError::of_folder(&flow.name, error))?;
    let end = heeding(hub, stop, async {
        for end in trigger.resume(stop).await.doing("an interrupted run could not go on")? {
            output.note(&format!("went on with the interrupted run {}: {}", end.run, end.outcome.word()));
        }
        let progress = Progress::default();
        let work = trigger.run_file(path, stop, &progress);
        follow::counters(output, &progress, work).await.doing("the file could not be run")
    });
    let end = end.await?;
    if matches!(end.outcome, FileOutcome::Stopped) {
        let run = &end.run;
        output
            .note(&format!("run {run} stopped before its end; it goes on when the hub serves or runs again"));
    }
    started(output, hub, stop).await;
    tending::once(hub, stop).await;
    summary(output, &*hub.store.journal, &hub.config, &end.run).await
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
    let calls::Called { run, is_new } = calls::begin(&hub.engine, flow, request, None).await?;
    let (flow, event) = (flow.events(), request.event());
    let progress = Progress::default();
    let work = async {
        if is_new {
            let worked = event::work(&hub.engine, &flow, &run, &event, stop, &progress).await;
            worked.doing("the call could not go on").map(drop)
        } else {
            output.note(&format!("this was called before: run {run} is that call, and nothing is begun"));
            go_on(hub, &flow, &run, stop).await
        }
    };
    heeding(hub, stop, work).await?;
    started(output, hub, stop).await;
    tending::once(hub, stop).await;
    summary(output, &*hub.store.journal, &hub.config, &run).await
}

/// Runs a tick, goes on with it where it was interrupted, or answers the run that it had.
async fn run_tick(
    output: Output,
    hub: &Hub,
    flow: &LoadedFlow,
    tick: &Tick,
    stop: &Stop,
) -> Result<Exit, HubError> {
    let schedule = flow.schedule.as_ref().ok_or_else(|| ticks::none(&flow.name))?;
    hub.settle().await?;
    let begun = schedule.begin_at(tick).await.doing("the tick cannot be begun")?;
    let (record, _) = follow::read(&*hub.store.journal, &begun.run).await?;
    let work = async {
        let worked = match begun.as_what {
            BegunAs::New => schedule.work(&begun.run, tick, stop, &Progress::default()).await.map(drop),
            _ if record.state.is_final() => Ok(()),
            _ => schedule.resume(record, stop).await,
        };
        worked.doing("the tick could not go on")
    };
    heeding(hub, stop, work).await?;
    if begun.as_what != BegunAs::New {
        output.note(&format!("this tick has its run already: {}", begun.run));
    }
    started(output, hub, stop).await;
    tending::once(hub, stop).await;
    summary(output, &*hub.store.journal, &hub.config, &begun.run).await
}

/// Goes on with a call that was begun before, where it was interrupted.
async fn go_on(hub: &Hub, flow: &EventFlow, run: &RunId, stop: &Stop) -> Result<(), HubError> {
    let (record, _) = follow::read(&*hub.store.journal, run).await?;
    match record.state.is_final() {
        true => Ok(()),
        false => event::resume(&hub.engine, flow, record, stop).await.doing("the call could not go on"),
    }
}

/// Works on the runs that this one started, so that they do not wait for a hub that serves.
async fn started(output: Output, hub: &Hub, stop: &Stop) {
    let runs = hub.started.drain(stop).await;
    if runs > 0 {
        let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        output.note(&format!("{runs} of other flows were started; `gesher runs` lists them"));
    }
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
        Work::Tick(tick) => {
            let request = TickRequest { flow: flow.to_owned(), at: tick.at.to_string() };
            spool::ask(&config.data, &request).await?
        }
    };
    output.note(&format!("handed to the running hub as run {run}"));
    let is_serving = || is_held(config);
    let (record, _) = follow::to_the_end(output, &*journal, &run, is_serving).await?;
    if !record.state.is_final() && !matches!(record.state, RunState::Held | RunState::Halted) {
        output.note("the hub that served is gone; the run goes on when a hub serves here again");
    }
    summary(output, &*journal, config, &run).await
}

/// The files of a run, where its flow has a drop folder.
fn files_of(config: &Config, run: &RunRecord) -> Option<RunFiles> {
    let drop = config.flow(&run.flow)?.drop.as_ref()?;
    (run.trigger == TriggerKind::Drop).then(|| RunFiles::of(run, &drop.config.folder))
}

fn named(files: &RunFiles) -> [(&'static str, Option<&PathBuf>); 6] {
    [
        ("file", files.file.as_ref()),
        ("result", files.result.as_ref()),
        ("report", files.report.as_ref()),
        ("retry", files.retry.as_ref()),
        ("late", files.late.as_ref()),
        ("errors", files.errors.as_ref()),
    ]
}

/// Says what became of a run, with the exit code that follows. It is read from the journal and the folders alone, so
/// that a run that was handed over is told as one in this process.
async fn summary(
    output: Output,
    journal: &dyn Journal,
    config: &Config,
    run: &RunId,
) -> Result<Exit, HubError> {
    let (record, tally) = follow::read(journal, run).await?;
    let files = files_of(config, &record).unwrap_or_default();
    let mut exit = exit_of(journal, &record, &tally).await?;
    if let Some(of) = &files.duplicate_of {
        // What became of these bytes is what their first run says.
        let (first, tally) = follow::read(journal, of).await?;
        exit = exit.and(exit_of(journal, &first, &tally).await?);
    }
    let mut document = runs::document(config, &record, &tally);
    document["duplicate_of"] = json!(files.duplicate_of.as_ref().map(RunId::as_str));
    document["files"] =
        Value::Object(named(&files).map(|(name, path)| (name.to_owned(), json!(path))).into_iter().collect());
    document["exit"] = json!(exit.code());
    output.json(&document);
    output.text(&words(&record, &tally, &files));
    Ok(exit)
}

async fn exit_of(journal: &dyn Journal, run: &RunRecord, tally: &Tally) -> Result<Exit, HubError> {
    let is_limited = follow::is_limited(journal, &run.id, tally).await?;
    let exit = exit::of_run(run.state, tally, is_limited);
    // Whoever asks for the same again has to hear that nobody knows what became of it.
    match follow::is_held_open(journal, &run.id, tally).await? {
        true => Ok(exit.and(Exit::Unknown)),
        false => Ok(exit),
    }
}

fn words(record: &RunRecord, tally: &Tally, files: &RunFiles) -> String {
    let mut text =
        format!("run {} of {}: {} is {}\n", record.id, record.flow, record.name, record.state.as_str());
    if let Some(message) = &record.message {
        text.push_str(&format!("  {message}\n"));
    }
    text.push_str(&show::status_table(tally));
    for (name, path) in named(files) {
        if let Some(path) = path {
            text.push_str(&format!("  {name:<8} {}\n", path.display()));
        }
    }
    if tally.items() > 0 {
        text.push_str(&format!("  gesher show {} tells about each row\n", record.id));
    }
    text.push_str(&next_step(record));
    text
}

/// What a person does about a run that did not come to its end.
fn next_step(record: &RunRecord) -> String {
    let id = &record.id;
    match record.state {
        RunState::Halted => format!(
            "next: find out about its open steps (`gesher show {id} --items unknown`), then `gesher resume {id}` to go on, \
             or `gesher cancel {id}` to give the rest up\n"
        ),
        RunState::Held => format!(
            "next: look at it (`gesher show {id}`), then `gesher approve {id}` to let it begin, or `gesher reject {id}` to \
             give it up\n"
        ),
        RunState::Cancelled => {
            "next: drop the original file again, or its retry file, to do the rows that were not done\n"
                .to_owned()
        }
        _ => String::new(),
    }
}
