//! Carries people's decisions from the journal to the runs of this process: `gesher cancel` and `gesher resume` write a
//! row, and whoever sends picks it up here within a second.

use crate::calls;
use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use gesher_engine::journal::{DecisionKind, TriggerKind};
use gesher_engine::{Decided, Engine, Stop};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the journal is asked for decisions. With the trigger's own look this stays below a second.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What this process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// It serves: whatever may go on, goes on here.
    Serve,
    /// It does one run: others that may go on wait for a hub that serves.
    Run,
}

/// Everything that a decision may need.
#[derive(Clone)]
pub struct Decisions {
    /// The one path.
    pub engine: Engine,
    /// The flows.
    pub flows: Arc<Vec<LoadedFlow>>,
    /// What this process is there for.
    pub office: Office,
}

impl Decisions {
    /// Looks for decisions until `stop` is asked for, then waits for what was begun.
    pub async fn watch(self, stop: Stop) {
        let mut working = JoinSet::new();
        let mut is_well = true;
        while !stop.is_requested() {
            let looked = self.look(&stop, &mut working).await;
            if let (Err(error), true) = (&looked, is_well) {
                tracing::error!("decisions cannot be read: {}", error.chain());
            }
            is_well = looked.is_ok();
            while working.try_join_next().is_some() {}
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.requested() => {}
            }
        }
        while working.join_next().await.is_some() {}
    }

    /// Looks once, and waits for what was begun.
    pub async fn once(&self, stop: &Stop) -> Result<(), HubError> {
        let mut working = JoinSet::new();
        self.look(stop, &mut working).await?;
        while working.join_next().await.is_some() {}
        Ok(())
    }

    async fn look(&self, stop: &Stop, working: &mut JoinSet<()>) -> Result<(), HubError> {
        for decided in self.engine.heed().await.doing("reading what people decided")? {
            self.pass_on(decided, stop, working);
        }
        Ok(())
    }

    /// Gives a decision to whoever knows where the run's items come from.
    fn pass_on(&self, decided: Decided, stop: &Stop, working: &mut JoinSet<()>) {
        let Decided { run, kind } = decided;
        let Some(at) = self.flows.iter().position(|flow| flow.name == run.flow) else {
            tracing::warn!(run = %run.id, flow = run.flow, "its flow is gone from gesher.toml; it waits");
            return;
        };
        if kind == DecisionKind::Resume && self.office == Office::Run {
            return;
        }
        let (engine, flows, stop) = (self.engine.clone(), Arc::clone(&self.flows), stop.clone());
        match (run.trigger, kind) {
            (TriggerKind::Drop, DecisionKind::Resume) => {
                if let Some(trigger) = &flows[at].drop {
                    trigger.look_again();
                }
            }
            (TriggerKind::Drop, DecisionKind::Cancel) => {
                let Some(trigger) = flows[at].drop.clone() else { return };
                working.spawn(async move {
                    if let Err(error) = trigger.give_up(&run.id, &stop).await {
                        tracing::error!(run = %run.id, "a cancelled run waits: {}", error.with_reasons());
                    }
                });
            }
            (TriggerKind::Call, _) => {
                working.spawn(async move {
                    let id = run.id.clone();
                    if let Err(error) = calls::resume_one(&engine, &flows[at], run, &stop).await {
                        tracing::error!(run = %id, "a call waits: {}", error.chain());
                    }
                });
            }
        }
    }
}
