//! A store that fails for a while, and a clock that is set: a run goes on by itself, sends everything once, and compares
//! no times of day.

use crate::{Body, Hub, Rows, charging, ended, interrupted, keyed, program, row, runtime};
use gesher_core::time::{ManualClock, SystemClock};
use gesher_core::{ItemId, ItemStatus, OutcomeStatus, RunId};
use gesher_engine::journal::StepState;
use gesher_engine::{EngineError, Progress, RunEnd, Stop};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[test]
fn a_call_from_a_thread_that_may_not_wait_for_it_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let handle = hub.runtime.handle().clone();
    let body: Box<Body> = Box::new(move |context, args| {
        handle.block_on(async {
            ended(context.call("acme.charge", "marketplace", Some("k"), args["request"].clone()))
        })
    });
    let run = hub.start();
    assert_eq!(hub.work(&run, &[("a", row("succeeded"))], body), RunEnd::Complete);
    assert_eq!(hub.ends(&run)[0].1, "internal");
    // A call that had been begun all the same would be under way by now.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!((hub.acme.sends(), states(&hub, &run)), (0, Vec::new()));
}

#[test]
fn a_call_whose_runtime_goes_away_is_unknown_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let calls = runtime();
    let clock = Arc::new(SystemClock::new());
    let hub = Hub::with_calls_on(calls.handle().clone(), runtime(), folder.path(), 64, clock);
    hub.acme.is_silent.store(true, Ordering::SeqCst);
    let run = hub.start();
    std::thread::scope(|scope| {
        let (stop, progress, rows) = (Stop::new(), Progress::default(), Rows::of(&[("a", row("succeeded"))]));
        let (hub, run) = (&hub, &run);
        let program = program(charging());
        let worked = scope.spawn(move || {
            let ran = hub.engine.run_items(run, &hub.flow, &program, rows, &stop, &progress);
            hub.runtime.block_on(ran)
        });
        let late = Instant::now() + HELD;
        while hub.acme.sends() == 0 {
            assert!(Instant::now() < late, "nothing is ever sent");
            std::thread::sleep(Duration::from_millis(1));
        }
        calls.shutdown_background();
        let error = worked.join().unwrap().unwrap_err();
        assert!(matches!(error, EngineError::Lost { what: "a call" }), "{error:?}");
    });
    assert_eq!(states(&hub, &run), [StepState::InFlight]);
    drop(hub);

    let hub = Hub::open(folder.path());
    let settled = hub.runtime.block_on(hub.engine.settle_in_flight()).unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(hub.work(&run, &[("a", row("succeeded"))], charging()), RunEnd::Complete);
    assert_eq!(hub.ends(&run)[0].0, ItemStatus::Unknown);
    assert_eq!(hub.acme.sends(), 0, "nothing is sent again");
}

/// Longer than the journal waits for somebody else who holds the database.
const HELD: Duration = Duration::from_millis(5_600);

fn states(hub: &Hub, run: &RunId) -> Vec<StepState> {
    let item = ItemId { run: run.clone(), ordinal: 1 };
    let steps = hub.runtime.block_on(hub.engine.journal().steps_of(&item)).unwrap();
    steps.into_iter().map(|step| step.state).collect()
}

#[test]
fn an_intent_that_was_withdrawn_is_made_anew_and_is_answered_the_same_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", keyed("one", "succeeded", ""))];
    let over = StepState::Over;
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::NotSent))]);
    assert_eq!(states(&hub, &run), [over(OutcomeStatus::NotSent)]);
    let body = || {
        Box::new(|context: &gesher_engine::ItemContext, args: &serde_json::Value| {
            let request = || args["request"].clone();
            let first = context.call("acme.charge", "marketplace", Some("one"), request());
            let Ok(_) = first else { return ended(first) };
            ended(context.call("acme.charge", "marketplace", Some("two"), request()))
        })
    };
    assert_eq!(hub.work(&run, &rows, body()), RunEnd::Complete);
    assert_eq!(hub.ends(&run)[0].0, ItemStatus::Succeeded);
    let succeeded = over(OutcomeStatus::Succeeded);
    assert_eq!(states(&hub, &run), [over(OutcomeStatus::NotSent), succeeded, succeeded]);
    assert_eq!(hub.acme.sends(), 2);

    // The same record again, with the item's end missing: everything is answered from it.
    let rows = [("b", keyed("three", "succeeded", ""))];
    let again = interrupted(
        &hub,
        &rows,
        &[
            ("three", "succeeded", Some(OutcomeStatus::NotSent)),
            ("three", "succeeded", Some(OutcomeStatus::Succeeded)),
        ],
    );
    let body = Box::new(|context: &gesher_engine::ItemContext, args: &serde_json::Value| {
        ended(context.call("acme.charge", "marketplace", Some("three"), args["request"].clone()))
    });
    assert_eq!(hub.work(&again, &rows, body), RunEnd::Complete);
    assert_eq!(hub.ends(&again)[0].0, ItemStatus::Succeeded);
    assert_eq!(hub.acme.sends(), 2);
}

#[test]
fn a_run_whose_store_failed_can_be_called_again_and_the_hub_says_when() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let run = hub.start();
    let rows = [("a", row("succeeded")), ("b", row("succeeded"))];
    let other = rusqlite::Connection::open(folder.path().join("gesher.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(HELD);
        other.execute_batch("COMMIT").unwrap();
    });
    let program = crate::program(charging());
    let (stop, progress) = (Stop::new(), Progress::default());
    let ran = hub.runtime.block_on(hub.engine.run_items(
        &run,
        &hub.flow,
        &program,
        Rows::of(&rows),
        &stop,
        &progress,
    ));
    assert!(ran.unwrap_err().of_store().is_some());
    let health = hub.engine.health();
    assert!(!health.may_begin());
    assert!(health.reasons()[0].starts_with("the journal: it cannot be written: "), "{:?}", health.reasons());
    holder.join().unwrap();
    assert!(hub.runtime.block_on(health.until_may_begin(&stop)));
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!(hub.acme.sends(), 2);
    assert!(hub.ends(&run).iter().all(|end| end.0 == ItemStatus::Succeeded));
}

#[test]
fn a_clock_that_is_set_while_a_call_is_on_its_way_changes_nothing() {
    // Ten minutes back, an hour forwards, back over the night when the clocks change, and beyond 2038.
    for to in ["2026-03-27T00:50:00Z", "2026-03-27T02:00:00Z", "2026-03-26T23:30:00Z", "2039-01-01T00:00:00Z"]
    {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-03-27T01:00:00Z".parse().unwrap()));
        let hub = Hub::with_clock(folder.path(), 64, Arc::clone(&clock) as Arc<dyn gesher_core::Clock>);
        let set = Arc::clone(&clock);
        *hub.acme.during.lock().unwrap() = Some(Box::new(move || set.set(to.parse().unwrap())));
        let rows = [("a", row("succeeded")), ("b", row("declined"))];
        let run = hub.start();
        assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete, "{to}");
        let ends: Vec<_> = hub.ends(&run).into_iter().map(|end| end.0).collect();
        assert_eq!(ends, [ItemStatus::Succeeded, ItemStatus::Declined], "{to}");
        // Spent is spent, whichever time is the later one.
        assert_eq!(hub.statuses(&[("a", row("succeeded"))], charging()), [ItemStatus::Duplicate], "{to}");
        assert_eq!(hub.acme.sends(), 2, "{to}");
    }
}
