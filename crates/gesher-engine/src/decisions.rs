//! What people decided about runs, on its way from the journal to whoever works on them.
//!
//! A decision is a row that another process wrote. Whoever sends looks for them (`Engine::heed`) and applies each: to
//! the run at work, through its lease; to a run that nobody works on, by answering it to the caller, who knows where
//! its items come from. A decision stays open until its run is where it was to be, so that a crash loses none.

use crate::engine::Engine;
use crate::error::EngineError;
use gesher_core::{RunId, Text};
use gesher_journal::{Decision, DecisionKind, RunChange, RunRecord, RunState};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The runs that this process works on, and the decisions that it passed on.
#[derive(Default)]
pub(crate) struct AtWork {
    leases: Mutex<HashMap<RunId, Weak<Held>>>,
    passed_on: Mutex<BTreeSet<u64>>,
}

/// The right of one worker of this process to work on a run. Clones share it; it ends with the last.
#[derive(Clone)]
pub struct Lease(Arc<Held>);

struct Held {
    at_work: Arc<AtWork>,
    run: RunId,
    cancelled: AtomicBool,
}

impl Lease {
    /// A person gives the rest of the run up.
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
    }

    /// Whether a person gave the rest of the run up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut leases = self.at_work.leases();
        // Another worker may have taken the run up since the last clone of this lease went.
        if leases.get(&self.run).is_some_and(|held| held.strong_count() == 0) {
            leases.remove(&self.run);
        }
    }
}

impl AtWork {
    fn leases(&self) -> MutexGuard<'_, HashMap<RunId, Weak<Held>>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease of a run that is at work; else a new one.
    fn lease(self: &Arc<Self>, run: &RunId) -> (Lease, bool) {
        let mut leases = self.leases();
        if let Some(held) = leases.get(run).and_then(Weak::upgrade) {
            return (Lease(held), false);
        }
        let held =
            Arc::new(Held { at_work: Arc::clone(self), run: run.clone(), cancelled: AtomicBool::new(false) });
        leases.insert(run.clone(), Arc::downgrade(&held));
        (Lease(held), true)
    }

    fn at_work(&self, run: &RunId) -> Option<Lease> {
        self.leases().get(run).and_then(Weak::upgrade).map(Lease)
    }
}

/// A decision about a run that nobody works on: whoever can, takes the run up.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The run, as it stands now.
    pub run: RunRecord,
    /// What was decided.
    pub kind: DecisionKind,
}

/// What a decision needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is done with, in these words.
    Settle(&'static str),
    /// The run goes on.
    GoOn,
    /// The run is to be given up, by whoever works on it or takes it up.
    GiveUp,
    /// Its items at work come first.
    Wait,
}

/// Pure: a decision, where its run stands, and whether somebody works on it.
fn next(kind: DecisionKind, state: Option<RunState>, is_at_work: bool) -> Next {
    match (kind, state) {
        (_, None) => Next::Settle("there is no such run"),
        (DecisionKind::Cancel, Some(RunState::Cancelled)) => Next::Settle("cancelled"),
        (DecisionKind::Cancel, Some(state)) if state.is_final() => {
            Next::Settle("too late: every row had ended")
        }
        // Its file is just being taken: whoever takes it works on it in a moment.
        (DecisionKind::Cancel, Some(RunState::Claimed)) if !is_at_work => Next::Wait,
        (DecisionKind::Cancel, Some(_)) => Next::GiveUp,
        // A halt is final only once the items at work have ended.
        (DecisionKind::Resume, Some(RunState::Halted)) if is_at_work => Next::Wait,
        (DecisionKind::Resume, Some(RunState::Halted)) => Next::GoOn,
        (DecisionKind::Resume, Some(state)) if state.is_final() => Next::Settle("too late: the run is over"),
        (DecisionKind::Resume, Some(_)) => Next::Settle("resumed"),
    }
}

impl Engine {
    /// The right to work on a run, unless somebody in this process does already.
    #[must_use]
    pub fn take_up(&self, run: &RunId) -> Option<Lease> {
        let (lease, is_new) = self.at_work().lease(run);
        is_new.then_some(lease)
    }

    /// Whether somebody in this process works on a run.
    pub(crate) fn is_at_work(&self, run: &RunId) -> bool {
        self.at_work().at_work(run).is_some()
    }

    /// The lease of whoever called, or a new one.
    pub(crate) fn lease(&self, run: &RunId) -> Lease {
        self.at_work().lease(run).0
    }

    /// The open decision to give a run up, if a person took it.
    pub async fn cancel_of(&self, run: &RunId) -> Result<Option<Decision>, EngineError> {
        let open = self.journal().open_decisions().await;
        let open = open.map_err(EngineError::journal("reading decisions"))?;
        Ok(open.into_iter().find(|one| one.kind == DecisionKind::Cancel && one.run == *run))
    }

    /// Looks once at what people decided. Tells the runs at work, lets halted ones go on, and answers, once each, the
    /// decisions about runs that nobody works on.
    pub async fn heed(&self) -> Result<Vec<Decided>, EngineError> {
        let open = self.journal().open_decisions().await;
        let mut decided = Vec::new();
        for decision in open.map_err(EngineError::journal("reading decisions"))? {
            let run = self.journal().run(&decision.run).await;
            let run = run.map_err(EngineError::journal("reading a run"))?;
            let lease = self.at_work().at_work(&decision.run);
            match next(decision.kind, run.as_ref().map(|run| run.state), lease.is_some()) {
                Next::Settle(result) => self.settle(&decision, result).await?,
                Next::Wait => {}
                Next::GoOn => {
                    self.go_on(&decision).await?;
                    decided.extend(run.map(|run| Decided { run, kind: decision.kind }));
                }
                Next::GiveUp => match lease {
                    Some(lease) => lease.cancel(),
                    None if self.at_work().passed_on().insert(decision.seq) => {
                        decided.extend(run.map(|run| Decided { run, kind: decision.kind }));
                    }
                    None => {}
                },
            }
        }
        Ok(decided)
    }

    async fn go_on(&self, decision: &Decision) -> Result<(), EngineError> {
        tracing::info!(run = %decision.run, by = decision.actor, "a person lets the run go on");
        let message = Some(went_on(decision).get(self.language()).to_owned());
        let change = RunChange { state: Some(RunState::Running), message, ..RunChange::default() };
        self.change_run(&decision.run, change).await?;
        self.settle(decision, "resumed").await
    }

    async fn settle(&self, decision: &Decision, result: &str) -> Result<(), EngineError> {
        self.journal()
            .settle_decision(decision.seq, result, self.clock().now())
            .await
            .map_err(EngineError::journal("settling a decision"))
    }
}

impl AtWork {
    fn passed_on(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.passed_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn went_on(decision: &Decision) -> Text {
    let (he_why, en_why) = match decision.reason.as_str() {
        "" => (String::new(), String::new()),
        reason => (format!(" ({reason})"), format!(" ({reason})")),
    };
    Text::new(
        format!("ההרצה נעצרה, והמשיכה לפי החלטה של {}{he_why}", decision.actor),
        format!("the run had halted, and went on as {} decided{en_why}", decision.actor),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: DecisionKind, state: RunState, is_at_work: bool, want: &Next) {
        assert_eq!(next(kind, Some(state), is_at_work), *want, "{kind:?} {state:?} {is_at_work}");
    }

    #[test]
    fn a_cancel_is_open_until_its_run_is_over() {
        use RunState::{Cancelled, Claimed, Finished, Halted, Refused, Reporting, Running};
        for state in [Claimed, Running, Halted, Reporting] {
            let alone = if state == Claimed { Next::Wait } else { Next::GiveUp };
            check(DecisionKind::Cancel, state, false, &alone);
            check(DecisionKind::Cancel, state, true, &Next::GiveUp);
        }
        check(DecisionKind::Cancel, Cancelled, false, &Next::Settle("cancelled"));
        for state in [Finished, Refused] {
            check(DecisionKind::Cancel, state, false, &Next::Settle("too late: every row had ended"));
        }
    }

    #[test]
    fn a_halted_run_goes_on_once_nobody_works_on_it() {
        check(DecisionKind::Resume, RunState::Halted, true, &Next::Wait);
        check(DecisionKind::Resume, RunState::Halted, false, &Next::GoOn);
        check(DecisionKind::Resume, RunState::Running, false, &Next::Settle("resumed"));
        check(DecisionKind::Resume, RunState::Finished, false, &Next::Settle("too late: the run is over"));
        assert_eq!(next(DecisionKind::Resume, None, false), Next::Settle("there is no such run"));
    }

    #[test]
    fn one_worker_at_a_time_has_a_run_and_a_dropped_lease_frees_it() {
        let (at_work, run) = (Arc::new(AtWork::default()), "k7mq2xd".parse::<RunId>().unwrap());
        let (first, is_new) = at_work.lease(&run);
        assert!(is_new);
        let (second, is_new) = at_work.lease(&run);
        assert!(!is_new);
        second.cancel();
        drop(second);
        assert!(first.is_cancelled() && at_work.at_work(&run).is_some());
        drop(first);
        assert!(at_work.at_work(&run).is_none() && at_work.leases().is_empty());
        assert!(!at_work.lease(&run).0.is_cancelled());
    }
}
