//! What people decided about runs, on its way from the journal to whoever works on them.
//!
//! A decision is a row that another process wrote. Whoever sends looks for them (`Engine::heed`) and applies each: to
//! the run at work, through its lease; to a run that nobody works on, by answering it to the caller, who knows where
//! its items come from. A decision stays open until its run is where it was to be, so that a crash loses none.

use crate::engine::Engine;
use crate::error::EngineError;
use gesher_core::{RunId, Text};
use gesher_journal::{Decision, DecisionKind, JournalError, RunChange, RunRecord, RunState};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How long whoever takes a file has before a run that nobody works on yet counts as left behind.
const TAKING_SECONDS: i64 = 10;
/// The wait before a run that could not be given up is passed on once more. It doubles with each further try.
const AGAIN_FIRST: Duration = Duration::from_secs(2);
/// The longest such wait.
const AGAIN_MAX: Duration = Duration::from_mins(5);
/// What became of a decision by which a run went on.
const RESUMED: &str = "resumed";

/// The runs that this process works on, and the decisions that it passed on.
#[derive(Default)]
pub(crate) struct AtWork {
    leases: Mutex<HashMap<RunId, Weak<Held>>>,
    passed_on: Mutex<HashMap<u64, PassedOn>>,
    /// Runs that unknown answers halted and of which it is not known that this is written down, and why.
    halting: Mutex<HashMap<RunId, Text>>,
}

/// A decision that somebody was told to carry out.
#[derive(Clone, Copy, Default)]
struct PassedOn {
    /// When it is passed on once more, after a try that did not end its run; none while one is under way.
    again_at: Option<Duration>,
    /// How long the last wait was.
    pause: Duration,
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
    /// Its place in the order of decisions.
    pub seq: u64,
    /// The run, as it stands now.
    pub run: RunRecord,
    /// What was decided.
    pub kind: DecisionKind,
}

/// What a decision needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Whoever knows what the run is made of looks whether it still is what was agreed to, and lets it begin.
    Begin,
    /// It is done with, in these words.
    Settle(&'static str),
    /// The same, where the run was let go on and nobody works on it: whoever can, takes it up.
    HandOver(&'static str),
    /// The run goes on.
    GoOn,
    /// The run is to be given up, by whoever works on it or takes it up.
    GiveUp,
    /// Its items at work come first.
    Wait,
}

/// Pure: a decision, where its run stands, whether somebody works on it, and whether it has only just begun.
fn next(kind: DecisionKind, state: Option<RunState>, is_at_work: bool, is_new: bool) -> Next {
    match (kind, state) {
        (_, None) => Next::Settle("there is no such run"),
        (DecisionKind::Cancel, Some(RunState::Cancelled)) => Next::Settle("cancelled"),
        (DecisionKind::Reject, Some(RunState::Cancelled)) => Next::Settle("rejected"),
        (DecisionKind::Cancel | DecisionKind::Reject, Some(state)) if state.is_final() => {
            Next::Settle("too late: every row had ended")
        }
        // Its file is just being taken: whoever takes it works on it in a moment.
        (DecisionKind::Cancel | DecisionKind::Reject, Some(RunState::Claimed)) if !is_at_work && is_new => {
            Next::Wait
        }
        // A run that was let go on in the meantime is given up like any other.
        (DecisionKind::Cancel | DecisionKind::Reject, Some(_)) => Next::GiveUp,
        (DecisionKind::Approve, Some(RunState::Held)) if is_at_work => Next::Wait,
        (DecisionKind::Approve, Some(RunState::Held)) => Next::Begin,
        // It was let begin, and that the decision is settled could not be written, so that nobody was told.
        (DecisionKind::Approve, Some(RunState::Running)) if !is_at_work => {
            Next::HandOver("the run waits no longer")
        }
        (DecisionKind::Approve, Some(_)) => Next::Settle("the run waits no longer"),
        // A halt is final only once the items at work have ended.
        (DecisionKind::Resume, Some(RunState::Halted)) if is_at_work => Next::Wait,
        (DecisionKind::Resume, Some(RunState::Halted)) => Next::GoOn,
        (DecisionKind::Resume, Some(state)) if state.is_final() => Next::Settle("too late: the run is over"),
        (DecisionKind::Resume, Some(RunState::Held)) => Next::Settle("the run waits for `gesher approve`"),
        (DecisionKind::Resume, Some(RunState::Running)) if !is_at_work => Next::HandOver(RESUMED),
        (DecisionKind::Resume, Some(_)) => Next::Settle(RESUMED),
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

    /// The open decision to give a run up, if a person took it: a cancel or a reject.
    pub async fn cancel_of(&self, run: &RunId) -> Result<Option<Decision>, EngineError> {
        let open = self.journal().open_decisions().await;
        let open = open.map_err(EngineError::journal("reading decisions"))?;
        Ok(open.into_iter().find(|one| one.kind.gives_up() && one.run == *run))
    }

    /// Looks once at what people decided. Tells the runs at work, lets halted ones go on, and answers, once each, the
    /// decisions about runs that nobody works on.
    ///
    /// A decision that cannot be carried out keeps none behind it waiting. The first such failure is answered where
    /// nothing else is.
    pub async fn heed(&self) -> Result<Vec<Decided>, EngineError> {
        let open = self.journal().open_decisions().await;
        let (mut decided, mut failed) = (Vec::new(), None);
        for decision in open.map_err(EngineError::journal("reading decisions"))? {
            match self.heed_one(&decision).await {
                Ok(found) => decided.extend(found),
                Err(error) => {
                    tracing::debug!(run = %decision.run, %error, "a decision waits");
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if decided.is_empty() => Err(error),
            _ => Ok(decided),
        }
    }

    async fn heed_one(&self, decision: &Decision) -> Result<Option<Decided>, EngineError> {
        let (seq, kind) = (decision.seq, decision.kind);
        let run = self.run_of(decision).await?;
        let lease = self.at_work().at_work(&decision.run);
        let now = self.clock().now();
        let is_new = run.as_ref().is_some_and(|run| is_new(run.started_at, now));
        match next(kind, run.as_ref().map(|run| run.state), lease.is_some(), is_new) {
            Next::Settle(result) => {
                self.at_work().passed_on().remove(&seq);
                self.settle(decision, result).await?;
                Ok(None)
            }
            Next::HandOver(result) => {
                self.at_work().passed_on().remove(&seq);
                self.settle(decision, result).await?;
                Ok(run.map(|run| Decided { seq, run, kind }))
            }
            Next::Wait => Ok(None),
            Next::GoOn => {
                // Nobody begins to work on it between this look at it and its going on.
                let Some(_lease) = self.take_up(&decision.run) else { return Ok(None) };
                let state = self.run_of(decision).await?.map(|run| run.state);
                if state != Some(RunState::Halted) || !self.go_on(decision).await? {
                    return Ok(None);
                }
                // As it stands now: whoever takes it up goes by its state.
                Ok(self.run_of(decision).await?.map(|run| Decided { seq, run, kind }))
            }
            Next::GiveUp => match lease {
                Some(lease) => {
                    lease.cancel();
                    Ok(None)
                }
                None => Ok(self.passed_on(decision, run)),
            },
            Next::Begin => Ok(self.passed_on(decision, run)),
        }
    }

    /// The decision for whoever can carry it out, unless that one was told already.
    fn passed_on(&self, decision: &Decision, run: Option<RunRecord>) -> Option<Decided> {
        let (seq, kind) = (decision.seq, decision.kind);
        let is_due = self.at_work().pass_on(seq, self.clock().monotonic());
        run.filter(|_| is_due).map(|run| Decided { seq, run, kind })
    }

    async fn run_of(&self, decision: &Decision) -> Result<Option<RunRecord>, EngineError> {
        self.journal().run(&decision.run).await.map_err(EngineError::journal("reading a run"))
    }

    /// A try to give a run up, or to let a held one begin, is over. Where the decision is still open, it is passed on once
    /// more after a while, since what was in the way may have passed by then.
    pub fn tried(&self, decided: &Decided) {
        self.at_work().try_again(decided.seq, self.clock().monotonic());
    }

    /// Lets a halted run go on and settles the decision, in one write: otherwise a decision whose settling failed would let
    /// the run go on once more, over a halt of which the person knew nothing. Answers whether it was open still.
    async fn go_on(&self, decision: &Decision) -> Result<bool, EngineError> {
        let message = Some(went_on(decision).get(self.language()).to_owned());
        let settles = Some((decision.seq, RESUMED.to_owned()));
        let change = RunChange { state: Some(RunState::Running), message, settles, ..RunChange::default() };
        match self.change_run(&decision.run, change).await {
            Ok(()) => {
                tracing::info!(run = %decision.run, by = decision.actor, "a person lets the run go on");
                self.at_work().halting().remove(&decision.run);
                Ok(true)
            }
            Err(EngineError::Journal { source: JournalError::NoDecision(_), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn settle(&self, decision: &Decision, result: &str) -> Result<(), EngineError> {
        match self.journal().settle_decision(decision.seq, result, self.clock().now()).await {
            // Whoever carries it out and whoever looks for decisions may both find that it is done with.
            Err(JournalError::NoDecision(_)) => Ok(()),
            settled => settled.map_err(EngineError::journal("settling a decision")),
        }
    }
}

impl AtWork {
    fn passed_on(&self) -> MutexGuard<'_, HashMap<u64, PassedOn>> {
        self.passed_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`AtWork::halting`].
    pub(crate) fn halting(&self) -> MutexGuard<'_, HashMap<RunId, Text>> {
        self.halting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a decision is to be passed on now; notes that it is.
    fn pass_on(&self, seq: u64, now: Duration) -> bool {
        let mut passed_on = self.passed_on();
        let earlier = passed_on.get(&seq).copied();
        let is_due = earlier.is_none_or(|earlier| earlier.again_at.is_some_and(|at| at <= now));
        if is_due {
            let pause = earlier.unwrap_or_default().pause;
            passed_on.insert(seq, PassedOn { again_at: None, pause });
        }
        is_due
    }

    fn try_again(&self, seq: u64, now: Duration) {
        let mut passed_on = self.passed_on();
        let earlier = passed_on.entry(seq).or_default();
        earlier.pause = (earlier.pause * 2).clamp(AGAIN_FIRST, AGAIN_MAX);
        earlier.again_at = Some(now + earlier.pause);
    }
}

/// Whether a run has only just begun. Not where the clock was set back since.
fn is_new(started_at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(started_at);
    !age.is_negative() && age < SignedDuration::from_secs(TAKING_SECONDS)
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
        let found = next(kind, Some(state), is_at_work, false);
        assert_eq!(found, *want, "{kind:?} {state:?} {is_at_work}");
    }

    #[test]
    fn a_cancel_is_open_until_its_run_is_over() {
        use RunState::{Cancelled, Claimed, Finished, Halted, Refused, Reporting, Running};
        for state in [Claimed, Running, Halted, Reporting] {
            check(DecisionKind::Cancel, state, false, &Next::GiveUp);
            // Its file may just be on its way.
            let taking = if state == Claimed { Next::Wait } else { Next::GiveUp };
            assert_eq!(next(DecisionKind::Cancel, Some(state), false, true), taking, "{state:?}");
            check(DecisionKind::Cancel, state, true, &Next::GiveUp);
        }
        check(DecisionKind::Cancel, Cancelled, false, &Next::Settle("cancelled"));
        for state in [Finished, Refused] {
            check(DecisionKind::Cancel, state, false, &Next::Settle("too late: every row had ended"));
        }
    }

    #[test]
    fn a_held_run_begins_once_and_a_reject_is_open_until_it_is_over() {
        use RunState::{Cancelled, Finished, Halted, Held, Running};
        check(DecisionKind::Approve, Held, false, &Next::Begin);
        check(DecisionKind::Approve, Held, true, &Next::Wait);
        for state in [Halted, Finished, Cancelled] {
            check(DecisionKind::Approve, state, false, &Next::Settle("the run waits no longer"));
        }
        check(DecisionKind::Approve, Running, true, &Next::Settle("the run waits no longer"));
        check(DecisionKind::Approve, Running, false, &Next::HandOver("the run waits no longer"));
        for state in [Held, Running, Halted] {
            check(DecisionKind::Reject, state, false, &Next::GiveUp);
        }
        check(DecisionKind::Reject, Cancelled, false, &Next::Settle("rejected"));
        check(DecisionKind::Reject, Finished, false, &Next::Settle("too late: every row had ended"));
        check(DecisionKind::Resume, Held, false, &Next::Settle("the run waits for `gesher approve`"));
    }

    #[test]
    fn a_halted_run_goes_on_once_nobody_works_on_it() {
        check(DecisionKind::Resume, RunState::Halted, true, &Next::Wait);
        check(DecisionKind::Resume, RunState::Halted, false, &Next::GoOn);
        check(DecisionKind::Resume, RunState::Running, true, &Next::Settle("resumed"));
        check(DecisionKind::Resume, RunState::Running, false, &Next::HandOver(RESUMED));
        check(DecisionKind::Resume, RunState::Reporting, false, &Next::Settle("resumed"));
        check(DecisionKind::Resume, RunState::Finished, false, &Next::Settle("too late: the run is over"));
        assert_eq!(next(DecisionKind::Resume, None, false, false), Next::Settle("there is no such run"));
    }

    #[test]
    fn only_a_run_that_has_just_begun_is_new() {
        for (second, want) in [(-1, false), (0, true), (9, true), (10, false), (86_400, false)] {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
            assert_eq!(is_new(Timestamp::UNIX_EPOCH, now), want, "{second}");
        }
    }

    #[test]
    fn a_decision_is_passed_on_again_only_after_a_try_that_left_its_run_open() {
        let (at_work, at) = (AtWork::default(), Duration::from_secs);
        assert!(at_work.pass_on(1, at(0)) && at_work.pass_on(2, at(0)));
        assert!(!at_work.pass_on(1, at(9_999)), "the first try is under way");
        at_work.try_again(1, at(10));
        for (second, want) in [(11, false), (12, true), (13, false)] {
            assert_eq!(at_work.pass_on(1, at(second)), want, "{second}");
        }
        at_work.try_again(1, at(20));
        assert!(!at_work.pass_on(1, at(23)) && at_work.pass_on(1, at(24)), "each wait is longer");
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
