//! How a command hands a call to the hub that runs: a file in the data folder, which the hub picks up and answers.
//!
//! `calls/ID.json` asks for a run of that id; `calls/ID.run` answers that it was begun, `calls/ID.refused` with words.
//! Only whole files have these names. The question goes once its run is durable, and because it names its run, a crash
//! in between begins no second one.

use crate::calls::{self, CallRequest};
use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use crate::ticks::TickRequest;
use gesher_core::{Redactor, RunId};
use gesher_engine::journal::RunState;
use gesher_engine::{Engine, Progress, Stop};
use gesher_trigger::TriggerError;
use gesher_trigger::event::{self, BegunAs};
use gesher_trigger::schedule::{ScheduleTrigger, Tick};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the hub looks for calls, and a caller for its answer.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a caller waits for its call to be begun.
const ANSWER_SECONDS_MAX: u64 = 15;

/// The folder of calls.
pub fn folder(data: &Path) -> PathBuf {
    data.join("calls")
}

/// Asks the running hub for a call and waits until its run is begun.
pub async fn ask(data: &Path, request: &impl Serialize) -> Result<RunId, HubError> {
    let folder = folder(data);
    fs::create_dir_all(&folder).doing("the folder of calls cannot be made")?;
    let id = RunId::random().doing("no id could be drawn")?;
    let path = |end: &str| folder.join(format!("{id}.{end}"));
    let text = serde_json::to_vec(request).doing("the call cannot be written")?;
    put(&path("json"), &text).doing("the call cannot be written")?;
    let (run, refused) = (path("run"), path("refused"));
    let asked = tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), answer(&run, &refused));
    let Ok(answered) = asked.await else {
        // Taken back, so that it does not happen long after somebody gave up. If the hub has it already, it is begun.
        drop(fs::remove_file(path("json")));
        return Err(HubError::failed("the running hub did not take the call")
            .hint(format!("`gesher show {id}` tells whether it did after all")));
    };
    answered
}

async fn answer(run: &Path, refused: &Path) -> Result<RunId, HubError> {
    loop {
        if let Ok(text) = fs::read_to_string(run) {
            drop(fs::remove_file(run));
            return text.trim().parse().doing("the running hub's answer cannot be read");
        }
        if let Ok(text) = fs::read_to_string(refused) {
            drop(fs::remove_file(refused));
            return Err(HubError::usage(text.trim().to_owned()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Writes a whole file or none: readers look at names without `.tmp` only.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("tmp");
    // What a flow is called with is nobody's business but the hub's.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Takes calls until `stop` is asked for, then waits for those that were begun.
pub async fn serve(
    data: PathBuf,
    engine: Engine,
    flows: Arc<Vec<LoadedFlow>>,
    redactor: Arc<Redactor>,
    stop: Stop,
) {
    sweep(&folder(&data));
    let mut working = JoinSet::new();
    while !stop.is_requested() {
        // What asks while the hub is in trouble waits, and is taken back by whoever loses patience.
        let asked = if engine.health().may_begin() { questions(&folder(&data)) } else { Vec::new() };
        for path in asked {
            take(&path, &engine, &flows, &redactor, &stop, &mut working).await;
        }
        while working.try_join_next().is_some() {}
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.requested() => {}
        }
    }
    while working.join_next().await.is_some() {}
}

/// Takes away answers that nobody fetched: who asked is long gone.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|end| end == "run" || end == "refused" || end == "tmp") {
            drop(fs::remove_file(path));
        }
    }
}

fn questions(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    paths
}

/// What is asked for: a tick of a schedule, or a call.
#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Tick(TickRequest),
    Call(CallRequest),
}

/// What was asked for, with all that it needs.
enum Asked {
    Tick(Tick, ScheduleTrigger),
    Call(CallRequest),
}

/// A run that was asked for.
struct Begun {
    asked: Asked,
    /// Which flow.
    at: usize,
    run: RunId,
    /// Whether it was begun now, and not before.
    is_new: bool,
}

async fn take(
    path: &Path,
    engine: &Engine,
    flows: &Arc<Vec<LoadedFlow>>,
    redactor: &Redactor,
    stop: &Stop,
    working: &mut JoinSet<()>,
) {
    let begun = begin(path, engine, flows, redactor).await;
    if let Some(failed) = begun.as_ref().err().and_then(HubError::of_store) {
        engine.store_failed(failed);
    }
    let answered = match &begun {
        Ok(begun) => put(&path.with_extension("run"), begun.run.as_str().as_bytes()),
        Err(error) => put(&path.with_extension("refused"), error.chain().as_bytes()),
    };
    if let Err(error) = answered.and_then(|()| fs::remove_file(path)) {
        tracing::error!(%error, "a call cannot be answered");
    }
    if let Ok(Begun { asked, at, run, is_new }) = begun
        && (is_new || is_claimed(engine, &run).await)
    {
        let (engine, flows, stop) = (engine.clone(), Arc::clone(flows), stop.clone());
        working.spawn(async move {
            let progress = Progress::default();
            let worked = match asked {
                Asked::Tick(tick, schedule) => schedule.work(&run, &tick, &stop, &progress).await,
                Asked::Call(request) => {
                    let (flow, event) = (flows[at].events(), request.event());
                    event::work(&engine, &flow, &run, &event, &stop, &progress).await
                }
            };
            match worked {
                // Asked for again before anybody had begun to work on it: somebody does now.
                Ok(_) | Err(TriggerError::AtWork { .. }) => {}
                Err(error) => tracing::error!(run = %run, error = error.with_reasons(), "a call failed"),
            }
        });
    }
}

/// Whether a run that was begun before is still to be worked on: that it was begun may not have been heard of for trouble
/// with the store. In any other state it is gone on with, waits for a person, or is over.
async fn is_claimed(engine: &Engine, run: &RunId) -> bool {
    let found = engine.journal().run(run).await.inspect_err(|error| engine.store_failed(error));
    found.is_ok_and(|run| run.is_some_and(|run| run.state == RunState::Claimed))
}

async fn begin(
    path: &Path,
    engine: &Engine,
    flows: &[LoadedFlow],
    redactor: &Redactor,
) -> Result<Begun, HubError> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let run: RunId = name.parse().doing("a call's file has no run's id as its name")?;
    let (asked, at) = read(path, flows, redactor)?;
    let (run, is_new) = match &asked {
        Asked::Tick(tick, schedule) => {
            let begun = schedule.begin_at(tick).await.doing("the tick cannot be begun")?;
            (begun.run, begun.as_what == BegunAs::New)
        }
        Asked::Call(request) => {
            let called = calls::begin(engine, &flows[at], request, Some(&run)).await?;
            (called.run, called.is_new)
        }
    };
    Ok(Begun { asked, at, run, is_new })
}

fn read(path: &Path, flows: &[LoadedFlow], redactor: &Redactor) -> Result<(Asked, usize), HubError> {
    let bytes = fs::read(path).doing("the call cannot be read")?;
    let question: Question = serde_json::from_slice(&bytes).doing("the call cannot be read")?;
    let name = match &question {
        Question::Tick(request) => &request.flow,
        Question::Call(request) => &request.flow,
    };
    let at = flows
        .iter()
        .position(|flow| flow.name == *name)
        .ok_or_else(|| HubError::usage(format!("the running hub has no flow {name}")))?;
    match question {
        Question::Tick(request) => {
            let (tick, schedule) = request.tick(&flows[at])?;
            Ok((Asked::Tick(tick, schedule), at))
        }
        Question::Call(request) => {
            request.check(&flows[at], redactor)?;
            Ok((Asked::Call(request), at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Template;
    use crate::commands::new;
    use crate::compose::Hub;
    use crate::compose::lock::{HubLock, Role};
    use crate::config::Config;
    use gesher_engine::RunEnd;
    use gesher_engine::journal::{ScriptBundle, TriggerKind};
    use gesher_simulator::FaultPlan;
    use std::os::unix::fs::PermissionsExt;

    const FLOW: &str = "onboarding";

    async fn hub(scratch: &Path) -> Hub {
        let root = scratch.join("hub");
        new::write(&root, Template::Onboarding).unwrap();
        let config = Config::load(&root).unwrap();
        let lock = HubLock::try_take(&config, Role::Serve).unwrap().unwrap();
        Hub::open(config, lock, Arc::new(Redactor::new()), FaultPlan::default()).await.unwrap()
    }

    fn request() -> CallRequest {
        let args = serde_json::from_str(new::VENDOR_JSON).unwrap();
        CallRequest { flow: FLOW.to_owned(), key: None, args }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_question_that_a_crash_left_begins_no_second_run() {
        let scratch = tempfile::tempdir().unwrap();
        let hub = hub(scratch.path()).await;
        let folder = folder(&hub.config.data);
        fs::create_dir(&folder).unwrap();
        let (question, answer) = (folder.join("k7mq2xd.json"), folder.join("k7mq2xd.run"));
        let mut begun = Vec::new();
        for _ in 0..3 {
            put(&question, &serde_json::to_vec(&request()).unwrap()).unwrap();
            assert_eq!(fs::metadata(&question).unwrap().permissions().mode() & 0o777, 0o600);
            let mut working = JoinSet::new();
            take(&question, &hub.engine, &hub.flows, &hub.redactor, &Stop::new(), &mut working).await;
            assert!(!question.exists());
            assert_eq!(fs::read_to_string(&answer).unwrap(), "k7mq2xd");
            begun.push(working.len());
            while working.join_next().await.is_some() {}
        }
        assert_eq!(begun, [1, 0, 0]);
        let runs = hub.store.journal.runs(None, 10).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].state, RunState::Finished);
        // Another call under an id that is taken is refused, and nothing of it is done.
        let other = CallRequest { args: serde_json::json!({ "other": true }), ..request() };
        put(&question, &serde_json::to_vec(&other).unwrap()).unwrap();
        let mut working = JoinSet::new();
        take(&question, &hub.engine, &hub.flows, &hub.redactor, &Stop::new(), &mut working).await;
        assert!(working.is_empty() && folder.join("k7mq2xd.refused").exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_whose_beginning_nobody_heard_of_is_worked_on_when_it_is_asked_for_again() {
        let scratch = tempfile::tempdir().unwrap();
        let hub = hub(scratch.path()).await;
        let folder = folder(&hub.config.data);
        fs::create_dir(&folder).unwrap();
        let request = CallRequest { key: Some("march".to_owned()), ..request() };
        let begun = calls::begin(&hub.engine, hub.flow(FLOW).unwrap(), &request, None).await.unwrap();
        let (question, answer) = (folder.join("k7mq2xd.json"), folder.join("k7mq2xd.run"));
        for works in [true, false] {
            put(&question, &serde_json::to_vec(&request).unwrap()).unwrap();
            let mut working = JoinSet::new();
            take(&question, &hub.engine, &hub.flows, &hub.redactor, &Stop::new(), &mut working).await;
            assert_eq!(fs::read_to_string(&answer).unwrap(), begun.run.as_str());
            assert_eq!(!working.is_empty(), works);
            while working.join_next().await.is_some() {}
            let found = hub.store.journal.run(&begun.run).await.unwrap().unwrap();
            assert_eq!(found.state, RunState::Finished);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_that_waits_for_a_person_or_is_over_is_not_worked_on() {
        use RunState::{Cancelled, Finished, Halted, Running};
        let scratch = tempfile::tempdir().unwrap();
        let hub = hub(scratch.path()).await;
        let (engine, flow) = (&hub.engine, hub.flow(FLOW).unwrap().events());
        let (call, script) = (request().event(), flow.scripts.current().script());
        for (way, goes_on, want) in [
            (&[Running, Halted][..], false, Halted),
            (&[Running, Halted][..], true, Finished),
            (&[Cancelled][..], false, Cancelled),
        ] {
            let mut source = call.source();
            source["goes_on"] = goes_on.into();
            let run = engine.start_run(FLOW, TriggerKind::Call, "call", source, &script).await.unwrap();
            for state in way {
                engine.change(&run, *state).await.unwrap();
            }
            let (stop, progress) = (Stop::new(), Progress::default());
            let end = event::work(engine, &flow, &run, &call, &stop, &progress).await.unwrap();
            assert_eq!(matches!(end, RunEnd::Halted { .. }), want == Halted, "{end:?}");
            let found = hub.store.journal.run(&run).await.unwrap().unwrap();
            assert_eq!(found.state, want);
            let items = hub.store.journal.tally(&run).await.unwrap().items();
            assert_eq!(items, u64::from(want == Finished), "{want:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_that_cannot_go_on_keeps_no_other_waiting() {
        let scratch = tempfile::tempdir().unwrap();
        let hub = hub(scratch.path()).await;
        let (engine, flow) = (&hub.engine, hub.flow(FLOW).unwrap());
        let begin = async |source, script: &ScriptBundle| {
            engine.start_run(FLOW, TriggerKind::Call, "call", source, script).await.unwrap()
        };
        let current = flow.scripts.current().script();
        // Kept by another version of the hub, which had an operation more.
        let text = "fn on_call(args) { officeguy::no_such_operation(1, 2, #{}) }".to_owned();
        let files = [("old.rhai".to_owned(), text)].into();
        let other = ScriptBundle { hash: "another script".into(), main: "old.rhai".into(), files };
        let unreadable = begin(serde_json::json!(7), &current).await;
        let changed = begin(request().event().source(), &other).await;
        let running = begin(request().event().source(), &other).await;
        engine.change(&running, RunState::Running).await.unwrap();
        let sound = begin(request().event().source(), &current).await;
        let unfinished = crate::calls::unfinished(engine).await.unwrap();
        crate::calls::resume(engine, &hub.flows, unfinished, &Stop::new()).await.unwrap();
        for (run, state) in [
            (unreadable, RunState::Claimed),
            (changed, RunState::Claimed),
            (running, RunState::Halted),
            (sound, RunState::Finished),
        ] {
            let found = hub.store.journal.run(&run).await.unwrap().unwrap();
            assert_eq!(found.state, state);
            let is_held = found.script == "another script";
            assert_eq!(found.message.is_some_and(|words| words.contains("old.rhai:1:")), is_held);
            let items = hub.store.journal.tally(&run).await.unwrap().items();
            assert_eq!(items, u64::from(state == RunState::Finished), "{state:?}");
        }
    }

    #[test]
    fn a_call_with_a_card_number_is_refused_before_it_is_put_down() {
        let card = "4111111111111111";
        for (key, args, fits) in [
            (Some("march"), serde_json::json!({ "token": "t" }), true),
            (Some("march"), serde_json::json!({ "card": card }), false),
            (Some(card), serde_json::json!({}), false),
            (None, serde_json::json!({}), false),
        ] {
            let request = CallRequest { flow: FLOW.to_owned(), key: key.map(str::to_owned), args };
            let checked = request.check_words(true, &Redactor::new());
            assert_eq!(checked.is_ok(), fits, "{request:?}");
            assert!(checked.err().is_none_or(|error| !error.chain().contains(card)));
        }
    }
}
