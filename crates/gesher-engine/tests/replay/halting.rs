//! A run that unknown answers halted, where that could not be written down: whoever works on it again in the same process
//! halts it then, before anything more is sent, and only a person lets it go on.

use super::cut::Cut;
use super::random::{self, Op, Programs};
use super::{Hub, World, flow};
use gesher_core::RunId;
use gesher_engine::journal::{DecisionKind, NewDecision, RunState};
use gesher_engine::{EngineError, Flow, OnUnknown, Progress, RunEnd};
use std::sync::Arc;

fn work(world: &World, hub: &Hub, run: &RunId, programs: &[Vec<Op>]) -> Result<RunEnd, EngineError> {
    let flow = Arc::new(Flow { on_unknown: OnUnknown::After(1), ..flow(&["acme.*"], 1) });
    let traces = Arc::clone(&world.traces);
    let program = Programs { of_items: programs.to_vec(), is_stubborn: false, traces }.program();
    let (items, progress) = (random::items(programs.len()), Progress::default());
    hub.runtime.block_on(hub.engine.run_items(run, &flow, &program, items, &hub.stop, &progress))
}

fn charge(answer: &'static str) -> Vec<Op> {
    vec![Op::Charge { key: 0, is_shared: false, answer, catches: false }]
}

fn state(hub: &Hub, run: &RunId) -> RunState {
    hub.runtime.block_on(hub.journal.run(run)).unwrap().unwrap().state
}

fn resume(hub: &Hub, run: &RunId) {
    let decision = NewDecision {
        kind: DecisionKind::Resume,
        run: run.clone(),
        actor: "dana".to_owned(),
        reason: String::new(),
        terms: serde_json::Value::Null,
        at: hub.engine.clock().now(),
    };
    hub.runtime.block_on(hub.journal.decide(decision)).unwrap();
    assert_eq!(hub.runtime.block_on(hub.engine.heed()).unwrap().len(), 1);
}

#[test]
fn a_halt_that_could_not_be_written_is_not_forgotten() {
    let (world, programs) = (World::still(), [charge("unknown"), charge("succeeded"), charge("succeeded")]);
    let run = world.begin();
    // Neither the write at the unknown answer nor the one at the end of the items at work is made.
    let hub = world.start(Some((2, Cut::Halts)));
    assert!(work(&world, &hub, &run, &programs).is_err());
    assert_eq!((state(&hub, &run), world.acme.sends()), (RunState::Running, 1));
    let again = work(&world, &hub, &run, &programs);
    assert!(
        matches!(&again, Ok(RunEnd::Halted { why }) if why.en.contains("1 answer was unknown")),
        "{again:?}"
    );
    assert_eq!((state(&hub, &run), world.acme.sends()), (RunState::Halted, 1));
    resume(&hub, &run);
    assert_eq!(work(&world, &hub, &run, &programs).unwrap(), RunEnd::Complete);
    assert_eq!(world.acme.sends(), 3);
}

#[test]
fn a_run_that_a_person_let_go_on_is_not_halted_by_what_was_before() {
    let (world, programs) = (World::still(), [charge("unknown"), charge("succeeded")]);
    let run = world.begin();
    // The first write is made, and the one that was to prove it is not.
    let hub = world.start(Some((1, Cut::Halts)));
    assert!(work(&world, &hub, &run, &programs).is_ok_and(|end| matches!(end, RunEnd::Halted { .. })));
    assert_eq!(state(&hub, &run), RunState::Halted);
    resume(&hub, &run);
    assert_eq!(work(&world, &hub, &run, &programs).unwrap(), RunEnd::Complete);
    assert_eq!(world.acme.sends(), 2);
}

#[test]
fn a_decision_lets_a_run_go_on_once_and_never_over_a_later_halt() {
    let (world, programs) = (World::still(), [charge("unknown"), charge("unknown"), charge("succeeded")]);
    let run = world.begin();
    let hub = world.start(None);
    assert!(matches!(work(&world, &hub, &run, &programs), Ok(RunEnd::Halted { .. })));
    resume(&hub, &run);
    assert!(matches!(work(&world, &hub, &run, &programs), Ok(RunEnd::Halted { .. })));
    assert!(
        hub.runtime.block_on(hub.engine.heed()).unwrap().is_empty(),
        "the decision was about the first halt"
    );
    assert_eq!((state(&hub, &run), world.acme.sends()), (RunState::Halted, 2));
    resume(&hub, &run);
    assert_eq!(work(&world, &hub, &run, &programs).unwrap(), RunEnd::Complete);
}
