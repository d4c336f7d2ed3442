//! New scripts for a hub at work: each flow's script is read anew, checked, and put in the old one's place.
//!
//! Runs in progress end with the script that they began with. A script with faults changes nothing: the one before goes on,
//! and the faults are shown. Only scripts are taken. What `gesher.toml` says of folders, limits and permissions holds from a
//! start to its stop, since runs that wait, and files that lie in folders, count on it.

use crate::compose::{Hub, LoadedFlow, compile_anew};
use crate::config::{Config, Fault};
use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_engine::{Engine, Stop};
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::Signal;

/// Reads the scripts of a hub anew. Clones read for the same hub.
#[derive(Clone)]
pub struct Reloader {
    output: Output,
    config: Config,
    engine: Engine,
    flows: Arc<Vec<LoadedFlow>>,
}

/// What a reading found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Flows that have another script now.
    pub changed: Vec<String>,
    /// Flows that go on with the script that they had, because of these faults.
    pub kept: Vec<String>,
    /// See [`Reloaded::kept`].
    pub faults: Vec<Fault>,
    /// Whether `gesher.toml` is another one than at the start.
    pub is_configured_anew: bool,
}

impl Reloader {
    /// For the flows of `hub`.
    pub fn of(output: Output, hub: &Hub) -> Self {
        Self { output, config: hub.config.clone(), engine: hub.engine.clone(), flows: Arc::clone(&hub.flows) }
    }

    /// The hub's folder.
    pub fn root(&self) -> &Path {
        &self.config.root
    }

    /// Reads all scripts, takes those that are sound, and says what became of it.
    pub async fn reload(&self) -> Result<Reloaded, HubError> {
        let reader = self.clone();
        let read = tokio::task::spawn_blocking(move || reader.read_anew()).await;
        let found = read.doing("reading the scripts anew")?;
        self.tell(&found);
        Ok(found)
    }

    fn read_anew(&self) -> Reloaded {
        let mut found = Reloaded::default();
        for (name, compiled) in compile_anew(&self.config, &self.engine) {
            let Some(flow) = self.flows.iter().find(|flow| flow.name == name) else { continue };
            match compiled {
                Ok(program) => {
                    if flow.scripts.replace(program) {
                        found.changed.push(name);
                    }
                }
                Err(faults) => {
                    found.kept.push(name);
                    // A file that several flows import has the same faults in each of them.
                    found.faults.extend(faults);
                }
            }
        }
        let mut seen: Vec<Fault> = Vec::new();
        found.faults.retain(|fault| {
            !seen.contains(fault) && {
                seen.push(fault.clone());
                true
            }
        });
        match Config::load(&self.config.root) {
            Ok(now) => found.is_configured_anew = !now.is_same_text(&self.config),
            Err(faults) => {
                found.is_configured_anew = true;
                found.faults.extend(faults);
            }
        }
        found
    }

    fn tell(&self, found: &Reloaded) {
        for fault in &found.faults {
            self.output.fault(fault);
        }
        for flow in &found.changed {
            tracing::info!(
                flow,
                "a new script: runs that begin from now on use it, those in progress end with theirs"
            );
        }
        for flow in &found.kept {
            tracing::error!(flow, "the script has faults: the one before goes on");
        }
        if found.is_configured_anew {
            tracing::warn!("gesher.toml has changed: what it says now counts after the next start");
        }
        if found == &Reloaded::default() {
            tracing::info!("the scripts were read anew: none has changed");
        }
    }
}

/// Reads the scripts anew at each SIGHUP, until `stop` is asked for.
pub async fn at_hang_ups(reloader: Reloader, mut hang_ups: Signal, stop: Stop) {
    loop {
        let heard = tokio::select! {
            () = stop.requested() => return,
            heard = hang_ups.recv() => heard,
        };
        if heard.is_none() {
            return;
        }
        if let Err(error) = reloader.reload().await {
            tracing::error!("{}", error.chain());
        }
    }
}
