//! How a command hands a call to the hub that runs: a file in the data folder, which the hub picks up and answers.
//!
//! `calls/ID.json` asks; `calls/ID.run` answers with the run's id, `calls/ID.refused` with words. Only whole files
//! have these names, and the question goes once its run is durable, so a crash in between asks again at most.

use crate::calls::{self, CallRequest};
use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use gesher_core::{Redactor, RunId};
use gesher_engine::{Engine, Progress, Stop};
use std::fs;
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
pub async fn ask(data: &Path, request: &CallRequest) -> Result<RunId, HubError> {
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
            .hint("`gesher runs` tells whether it did after all"));
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
    fs::write(&draft, bytes)?;
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
        for path in questions(&folder(&data)) {
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

async fn take(
    path: &Path,
    engine: &Engine,
    flows: &Arc<Vec<LoadedFlow>>,
    redactor: &Redactor,
    stop: &Stop,
    working: &mut JoinSet<()>,
) {
    let begun = match read(path, flows, redactor) {
        Ok((request, at)) => match calls::begin(engine, &flows[at], &request).await {
            Ok(run) => Ok((request, at, run)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let answered = match &begun {
        Ok((_, _, run)) => put(&path.with_extension("run"), run.as_str().as_bytes()),
        Err(error) => put(&path.with_extension("refused"), error.chain().as_bytes()),
    };
    if let Err(error) = answered.and_then(|()| fs::remove_file(path)) {
        tracing::error!(%error, "a call cannot be answered");
    }
    if let Ok((request, at, run)) = begun {
        let (engine, flows, stop) = (engine.clone(), Arc::clone(flows), stop.clone());
        working.spawn(async move {
            let source = serde_json::json!({ "key": request.key, "args": request.args });
            if let Err(error) =
                calls::work(&engine, &flows[at], &run, source, &stop, &Progress::default()).await
            {
                tracing::error!(run = %run, error = error.chain(), "a call failed");
            }
        });
    }
}

fn read(path: &Path, flows: &[LoadedFlow], redactor: &Redactor) -> Result<(CallRequest, usize), HubError> {
    let bytes = fs::read(path).doing("the call cannot be read")?;
    let request: CallRequest = serde_json::from_slice(&bytes).doing("the call cannot be read")?;
    let at = flows
        .iter()
        .position(|flow| flow.name == request.flow)
        .ok_or_else(|| HubError::usage(format!("the running hub has no flow {}", request.flow)))?;
    request.check(&flows[at], redactor)?;
    Ok((request, at))
}
