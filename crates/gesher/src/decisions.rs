//! Carries people's decisions from the journal to the runs of this process: `gesher cancel`, `resume`, `approve` and
//! `reject` write a row, and whoever sends picks it up here within a second.

use crate::calls;
use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use crate::orphans;
use gesher_engine::journal::{DecisionKind, JournalError, TriggerKind};
use gesher_engine::{Decided, Engine, Stop};
use gesher_trigger::TriggerError;
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
            if let Err(fault) = carry_out(&engine, &flows, &decided, &stop).await {
                tracing::error!(run = %id, "a run that a person decided about waits: {}", fault.words());
            }
            if decided.kind != DecisionKind::Resume {
                engine.tried(&decided);
            }
        });
    }
}

/// What stands in the way of a decision.
enum Fault {
    /// The run cannot go on.
    Run(TriggerError),
    /// The run has no flow, and cannot be changed.
    Orphan(HubError),
}

impl Fault {
    /// The failure of the journal's store, which may pass by itself, where that is what went wrong.
    fn of_store(&self) -> Option<&JournalError> {
        match self {
            Self::Run(error) => error.of_store(),
            Self::Orphan(error) => error.of_store(),
        }
    }

    /// All reasons, for a log line.
    fn words(&self) -> String {
        match self {
            Self::Run(error) => error.with_reasons(),
            Self::Orphan(error) => error.chain(),
        }
    }
}

/// Does what was decided, over failures of the journal's store: a decision that is settled is told to nobody else.
/// Answers what stood in the way.
async fn carry_out(
    engine: &Engine,
    flows: &[LoadedFlow],
    decided: &Decided,
    stop: &Stop,
) -> Result<(), Fault> {
    loop {
        let fault = match try_once(engine, flows, decided, stop).await {
            Ok(()) => return Ok(()),
            // It was told twice, or the start of the hub went on with the run: somebody does.
            Err(Fault::Run(TriggerError::AtWork { .. })) if !decided.kind.gives_up() => return Ok(()),
            Err(fault) => fault,
        };
        let failed = fault.of_store();
        let Some(failed) = failed.filter(|_| !engine.health().has_lost()) else { return Err(fault) };
        engine.store_failed(failed);
        if !engine.health().until_may_begin(stop).await {
            return Err(fault);
        }
    }
}

async fn try_once(
    engine: &Engine,
    flows: &[LoadedFlow],
    decided: &Decided,
    stop: &Stop,
) -> Result<(), Fault> {
    // As it stands now: a try before this one may have done some of it.
    let found = engine.journal().run(&decided.run.id).await;
    let found =
        found.map_err(|source| Fault::Run(TriggerError::Journal { doing: "reading a run", source }))?;
    let Some(run) = &found else { return Ok(()) };
    let Some(flow) = orphans::flow_of(flows, run).map(|at| &flows[at]) else {
        let done = match decided.kind {
            DecisionKind::Resume | DecisionKind::Approve => orphans::hold(engine, run).await,
            DecisionKind::Cancel | DecisionKind::Reject => orphans::give_up(engine, run).await,
        };
        return done.map_err(Fault::Orphan);
    };
    match (&flow.drop, run.trigger, decided.kind) {
        (Some(trigger), TriggerKind::Drop, DecisionKind::Resume) => {
            trigger.look_again();
            Ok(())
        }
        (Some(trigger), TriggerKind::Drop, DecisionKind::Approve) => {
            trigger.approve(&run.id).await.map_err(Fault::Run)
        }
        (Some(trigger), TriggerKind::Drop, DecisionKind::Cancel | DecisionKind::Reject) => {
            trigger.give_up(&run.id, stop).await.map(drop).map_err(Fault::Run)
        }
        _ => {
            let gone_on =
                calls::go_on(engine, &flow.events(), flow.schedule.as_ref(), run.clone(), stop).await;
            gone_on.map_err(Fault::Run)
        }
    }
}
