//! `serve`: runs the hub until it is told to stop, and then finishes what is in flight.

use super::dev;
use crate::calls;
use crate::compose::lock::{HubLock, Role};
use crate::compose::store::data_folders;
use crate::compose::{Hub, LoadedFlow, require_sound};
use crate::config::Config;
use crate::decisions::{Decisions, Office};
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::health::{self, Ready};
use crate::logging;
use crate::output::Output;
use crate::reload::{self, Reloader};
use crate::sources::Sources;
use crate::webhooks::{self, Bound, Webhooks};
use crate::{disk, signals, spool, tending};
use gesher_core::Redactor;
use gesher_engine::Stop;
use gesher_simulator::FaultPlan;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `serve`.
    Serve,
    /// `dev`, which watches the scripts and says where everything is.
    Dev,
}

/// Runs the hub.
pub async fn run(output: Output, config: Config, way: Way) -> Result<Exit, HubError> {
    require_sound(&config)?;
    let redactor = Arc::new(Redactor::new());
    logging::begin(Arc::clone(&redactor), "");
    let lock = HubLock::require(&config, Role::Serve).await?;
    let listener = health::bind(&config.dashboard).await?;
    let bound = webhooks::bind(&config).await?;
    let stop = Stop::new();
    signals::ask(output, &stop)?;
    let hang_ups = signals::hang_ups()?;
    let ready = Ready::default();
    let address = health::address(&listener);
    // The health server outlives the triggers: a hub that finishes what is in flight is alive, and not ready.
    let health_stop = Stop::new();
    let health = health::serve(listener, ready.clone(), health_stop.clone());
    let hub = Hub::open(config, lock, redactor, FaultPlan::default()).await?;
    hub.plugins.heed(&stop);
    let mut hooks = Webhooks::load(&hub).await?;
    let sources = Sources::load(&hub, &mut hooks);
    super::banner(output, &hub.config);
    let reloader = Reloader::of(output, &hub);
    tokio::spawn(reload::at_hang_ups(reloader.clone(), hang_ups, stop.clone()));
    if way == Way::Dev {
        tokio::spawn(dev::watch(reloader, stop.clone()));
    }
    let listening = Listening { dashboard: address, hooks: bound.as_ref().and_then(|bound| bound.address) };
    let end = serve(output, &hub, (hooks, bound, sources), listening, (&ready, &stop), way).await;
    health_stop.request();
    health.await.doing("the health server ended badly")?;
    if let Some(simulator) = hub.simulator {
        simulator.stop().await;
    }
    output.note("stopped: everything that was in flight is finished");
    end
}

/// Where the hub listens, with the real ports.
#[derive(Clone, Copy)]
pub struct Listening {
    /// Health.
    pub dashboard: Option<SocketAddr>,
    /// Webhooks.
    pub hooks: Option<SocketAddr>,
}

async fn serve(
    output: Output,
    hub: &Hub,
    (hooks, bound, sources): (Webhooks, Option<Bound>, Sources),
    listening: Listening,
    (ready, stop): (&Ready, &Stop),
    way: Way,
) -> Result<Exit, HubError> {
    hub.settle().await?;
    let health = hub.engine.health().clone();
    let folders = data_folders(&hub.config);
    disk::look(&health, &folders);
    ready.of(&health);
    tokio::spawn(disk::watch(health, folders, stop.clone()));
    let mut work = JoinSet::new();
    let unfinished = calls::unfinished(&hub.engine).await?;
    for flow in hub.flows.iter() {
        watch(flow, stop, &mut work)?;
        fire(flow, stop, &mut work);
    }
    hooks.begin(hub, bound, stop, &mut work);
    let listens: Vec<(String, String)> =
        sources.listening().map(|(flow, events)| (flow.to_owned(), events.to_owned())).collect();
    sources.begin(stop, &mut work);
    tending::begin(hub, stop, &mut work);
    let calls = spool::serve(
        hub.config.data.clone(),
        hub.engine.clone(),
        Arc::clone(&hub.flows),
        Arc::clone(&hub.redactor),
        stop.clone(),
    );
    let (engine, flows, stopping) = (hub.engine.clone(), Arc::clone(&hub.flows), stop.clone());
    // Beside each other: an interrupted run may take hours, and no call waits for it.
    work.spawn(async move {
        calls::resume(&engine, &flows, unfinished, &stopping).await?;
        // A part that ends before the stop would make the hub unready.
        stopping.requested().await;
        Ok(())
    });
    work.spawn(async move {
        calls.await;
        Ok(())
    });
    let people =
        Decisions { engine: hub.engine.clone(), flows: Arc::clone(&hub.flows), office: Office::Serve };
    let decisions = people.watch(stop.clone());
    work.spawn(async move {
        decisions.await;
        Ok(())
    });
    ready.set(true);
    announce(output, hub, listening, &listens);
    if way == Way::Dev {
        output.text(&dev::board(hub, listening));
    }
    until_all_end(&mut work, stop, ready).await
}

fn watch(flow: &LoadedFlow, stop: &Stop, work: &mut JoinSet<Result<(), HubError>>) -> Result<(), HubError> {
    let Some(trigger) = &flow.drop else { return Ok(()) };
    // Opened here once, so that a folder that cannot be used, or is another hub's, is told before the hub is ready.
    trigger.open_folder().map_err(|error| HubError::of_folder(&flow.name, error))?;
    let (trigger, stop, name) = (Arc::clone(trigger), stop.clone(), flow.name.clone());
    work.spawn(async move {
        trigger.watch(&stop).await.doing(format!("the drop folder of {name} cannot be watched"))
    });
    Ok(())
}

fn fire(flow: &LoadedFlow, stop: &Stop, work: &mut JoinSet<Result<(), HubError>>) {
    let Some(schedule) = flow.schedule.clone() else { return };
    let (stop, name) = (stop.clone(), flow.name.clone());
    work.spawn(
        async move { schedule.watch(&stop).await.doing(format!("the schedule of {name} cannot go on")) },
    );
}

/// Waits for every trigger. The first that fails stops the others, since a hub that half works looks like one that
/// works.
async fn until_all_end(
    work: &mut JoinSet<Result<(), HubError>>,
    stop: &Stop,
    ready: &Ready,
) -> Result<Exit, HubError> {
    let mut end = Ok(Exit::Well);
    while let Some(ended) = work.join_next().await {
        ready.set(false);
        let ended = ended.doing("a part of the hub ended badly").and_then(|result| result);
        if let Err(error) = ended {
            tracing::error!("{}", error.chain());
            stop.request();
            end = end.and(Err(error));
        }
    }
    end
}

/// The one line that says the hub is ready.
fn announce(output: Output, hub: &Hub, listening: Listening, sources: &[(String, String)]) {
    let address = listening.dashboard.map(|address| address.to_string()).unwrap_or_default();
    let hooks = listening.hooks.map(|address| address.to_string());
    let folders: Vec<String> = hub
        .config
        .flows
        .iter()
        .filter_map(|flow| Some(format!("{} ({})", flow.drop.as_ref()?.config.folder.display(), flow.name)))
        .collect();
    output.json(&json!({
        "ready": true,
        "hub": hub.config.name,
        "simulator": hub.simulator.is_some(),
        "dashboard": address,
        "hooks": hooks,
        "webhooks": hub.config.webhooks().map(|(flow, hook)| {
            json!({ "flow": flow.name, "path": hook.path })
        }).collect::<Vec<_>>(),
        "sources": sources.iter().map(|(flow, events)| {
            json!({ "flow": flow, "events": events })
        }).collect::<Vec<_>>(),
        "folders": hub.config.flows.iter().filter_map(|flow| {
            Some(json!({ "flow": flow.name, "folder": flow.drop.as_ref()?.config.folder }))
        }).collect::<Vec<_>>(),
    }));
    let watching = if folders.is_empty() { "no folder".to_owned() } else { folders.join(", ") };
    let paths: Vec<String> =
        hub.config.webhooks().map(|(flow, hook)| format!("{} ({})", hook.path, flow.name)).collect();
    let hooks =
        hooks.map_or_else(String::new, |hooks| format!("webhooks at http://{hooks}: {}; ", paths.join(", ")));
    let events: Vec<String> = sources.iter().map(|(flow, events)| format!("{events} ({flow})")).collect();
    let events = if events.is_empty() { String::new() } else { format!("events of {}; ", events.join(", ")) };
    output.text(&format!(
        "ready: watching {watching}; {hooks}{events}health at http://{address}/healthz; stop with Ctrl-C"
    ));
}
