//! Carries people's decisions from the journal to the runs of this process: `gesher cancel`, `resume`, `approve` and
//! `reject` write a row, and whoever sends picks it up here within a second.

use crate::calls;
use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use crate::orphans;
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
        if !decided.kind.gives_up() && self.office == Office::Run {
            return;
        }
        let (engine, flows, stop) = (self.engine.clone(), Arc::clone(&self.flows), stop.clone());
        working.spawn(async move {
            let id = &decided.run.id;
            if let Err(why) = carry_out(&engine, &flows, &decided, &stop).await {
                tracing::error!(run = %id, "a run that a person decided about waits: {why}");
            }
            if decided.kind != DecisionKind::Resume {
                engine.tried(&decided);
            }
        });
    }
}

/// Does what was decided. Answers what stood in the way.
async fn carry_out(
    engine: &Engine,
    flows: &[LoadedFlow],
    decided: &Decided,
    stop: &Stop,
) -> Result<(), String> {
    let run = &decided.run;
    let Some(flow) = orphans::flow_of(flows, run).map(|at| &flows[at]) else {
        let done = match decided.kind {
            DecisionKind::Resume | DecisionKind::Approve => orphans::hold(engine, run).await,
            DecisionKind::Cancel | DecisionKind::Reject => orphans::give_up(engine, run).await,
        };
        return done.map_err(|error| error.chain());
    };
    match (&flow.drop, run.trigger, decided.kind) {
        (Some(trigger), TriggerKind::Drop, DecisionKind::Resume) => {
            trigger.look_again();
            Ok(())
        }
        (Some(trigger), TriggerKind::Drop, DecisionKind::Approve) => {
            trigger.approve(&run.id).await.map_err(|error| error.with_reasons())
        }
        (Some(trigger), TriggerKind::Drop, DecisionKind::Cancel | DecisionKind::Reject) => {
            trigger.give_up(&run.id, stop).await.map(drop).map_err(|error| error.with_reasons())
        }
        _ => {
            let gone_on =
                calls::go_on(engine, &flow.events(), flow.schedule.as_ref(), run.clone(), stop).await;
            gone_on.map_err(|error| error.with_reasons())
        }
    }
}
