//! Unknown answers halt a run, and people's decisions let it go on or give it up.

use crate::{Body, Hub, charging, ended, flow, interrupted, keyed, row};
use gesher_core::{ItemStatus, OutcomeStatus, RunId};
use gesher_engine::journal::{DecisionKind, ItemQuery, NewDecision, RunRecord, RunState};
use gesher_engine::{Flow, OnUnknown, ProgramEnd, RunEnd};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ItemStatus::{Cancelled, Declined, Incomplete, NotSent, Succeeded, Unknown};

fn hub(folder: &Path, on_unknown: OnUnknown, concurrency: usize) -> Hub {
    let mut hub = Hub::open(folder);
    hub.flow = Arc::new(Flow { on_unknown, ..flow(&["acme.*"], concurrency) });
    hub
}

fn rows<'a>(names: &'a [String], answers: &[&str]) -> Vec<(&'a str, Value)> {
    names.iter().zip(answers).map(|(name, answer)| (name.as_str(), row(answer))).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("row-{number}")).collect()
}

fn record(hub: &Hub, run: &RunId) -> RunRecord {
    hub.runtime.block_on(hub.engine.journal().run(run)).unwrap().unwrap()
}

/// The items that have ended, by status; and how many have not.
fn so_far(hub: &Hub, run: &RunId) -> (Vec<ItemStatus>, usize) {
    let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 1_000 };
    let items = hub.runtime.block_on(hub.engine.journal().items(&query)).unwrap();
    let ended: Vec<_> = items.iter().filter_map(|item| item.end.as_ref()).map(|end| end.status).collect();
    let queued = items.len() - ended.len();
    (ended, queued)
}

fn decide(hub: &Hub, run: &RunId, kind: DecisionKind) {
    let decision = NewDecision {
        kind,
        run: run.clone(),
        actor: "dana".to_owned(),
        reason: "asked the bank".to_owned(),
        terms: serde_json::Value::Null,
        at: hub.engine.clock().now(),
    };
    hub.runtime.block_on(hub.engine.journal().decide(decision)).unwrap();
}

fn open_decisions(hub: &Hub) -> usize {
    hub.runtime.block_on(hub.engine.journal().open_decisions()).unwrap().len()
}

/// Runs these answers one after another; after how many sends the run halted, if it did.
fn check(on_unknown: OnUnknown, answers: &[&str], halts_after: Option<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), on_unknown, 1);
    let names = names(answers.len());
    let run = hub.start();
    let end = hub.work(&run, &rows(&names, answers), charging());
    let found = record(&hub, &run);
    match halts_after {
        None => assert_eq!((end, found.state), (RunEnd::Complete, RunState::Reporting), "{answers:?}"),
        Some(_) => {
            let RunEnd::Halted { why } = end else { panic!("{end:?}: {answers:?}") };
            assert_eq!((found.state, found.message), (RunState::Halted, Some(why.en)), "{answers:?}");
        }
    }
    let sent = halts_after.unwrap_or(answers.len());
    let (ended, queued) = so_far(&hub, &run);
    assert_eq!((hub.acme.sends(), ended.len(), queued), (sent, sent, answers.len() - sent), "{answers:?}");
}

#[test]
fn so_many_unknown_answers_in_a_row_halt_the_run() {
    let (yes, no, lost) = ("succeeded", "declined", "unknown");
    check(OnUnknown::After(2), &[lost, lost, yes, yes], Some(2));
    check(OnUnknown::After(2), &[yes, lost, "conflict", yes], Some(3));
    check(OnUnknown::After(2), &[lost, yes, lost, no, lost, "not_sent", lost, "rejected"], None);
    check(OnUnknown::default(), &[lost, lost, lost, lost, lost, yes], Some(5));
    check(OnUnknown::Halt, &[yes, lost, yes], Some(2));
    check(OnUnknown::Continue, &[lost; 8], None);
}

#[test]
fn a_run_with_nothing_left_to_take_is_not_halted() {
    check(OnUnknown::After(2), &["succeeded", "unknown", "unknown"], None);
    check(OnUnknown::Halt, &["unknown"], None);
}

#[test]
fn at_halt_the_items_at_work_send_nothing_more_that_has_an_effect() {
    for (on_unknown, want, sends) in [(OnUnknown::Halt, Incomplete, 2), (OnUnknown::After(1), Succeeded, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let hub = hub(folder.path(), on_unknown, 2);
        let (first_done, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let wait = |flag: &AtomicBool| {
            while !flag.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        };
        let body: Box<Body> = Box::new(move |context, args| {
            let call =
                |key: &str| context.call("acme.charge", "marketplace", Some(key), args["request"].clone());
            if args["request"]["answer"] == "unknown" {
                wait(&first_done);
                let end = ended(call("lost"));
                lost.store(true, Ordering::SeqCst);
                return end;
            }
            call("one").unwrap();
            first_done.store(true, Ordering::SeqCst);
            wait(&lost);
            // Reads have no effect, and go on.
            context.call("acme.get", "marketplace", None, args["request"].clone()).unwrap();
            ended(call("two"))
        });
        let run = hub.start();
        let end = hub.work(&run, &[("a", row("succeeded")), ("b", row("unknown"))], body);
        assert_eq!(end, RunEnd::Complete, "there was nothing left to take");
        let ends = hub.ends(&run);
        assert_eq!((ends[0].0, ends[1].0), (want, Unknown), "{on_unknown:?} {ends:?}");
        assert_eq!(ends[0].1 == "halted", want == Incomplete, "{ends:?}");
        assert_eq!(hub.acme.sends(), sends + 1, "one of them a read");
    }
}

#[test]
fn what_a_crash_left_and_what_the_record_answers_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::Halt, 1);
    let rows =
        [("a", keyed("one", "succeeded", "")), ("b", keyed("one", "succeeded", "")), ("c", row("succeeded"))];
    let run = interrupted(&hub, &rows[..1], &[("one", "succeeded", None)]);
    hub.runtime.block_on(hub.engine.settle_in_flight()).unwrap();
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!([ends[0].0, ends[1].0, ends[2].0], [Unknown, ItemStatus::Duplicate, Succeeded], "{ends:?}");
}

#[test]
fn a_resumed_run_does_the_rest_and_counts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::After(2), 1);
    let names = names(6);
    let rows = rows(&names, &["unknown", "unknown", "unknown", "succeeded", "unknown", "succeeded"]);
    let run = hub.start();
    assert!(matches!(hub.work(&run, &rows, charging()), RunEnd::Halted { .. }));
    decide(&hub, &run, DecisionKind::Resume);
    let decided = hub.runtime.block_on(hub.engine.heed()).unwrap();
    assert_eq!((decided.len(), decided[0].kind), (1, DecisionKind::Resume));
    assert_eq!(decided[0].run.state, RunState::Running, "whoever takes it up sees that it goes on");
    let found = record(&hub, &run);
    assert_eq!(found.state, RunState::Running);
    assert!(found.message.is_some_and(|words| words.contains("dana") && words.contains("asked the bank")));
    assert_eq!(open_decisions(&hub), 0);
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!(so_far(&hub, &run).0, [Unknown, Unknown, Unknown, Succeeded, Unknown, Succeeded]);
    assert_eq!(hub.acme.sends(), 6);
}

#[test]
fn a_run_that_was_let_go_on_is_handed_over_where_its_decision_could_not_be_settled() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::After(1), 1);
    let run = hub.start();
    let names = names(2);
    let rows = rows(&names, &["unknown", "succeeded"]);
    assert!(matches!(hub.work(&run, &rows, charging()), RunEnd::Halted { .. }));
    decide(&hub, &run, DecisionKind::Resume);
    // All that was written before the store failed.
    hub.runtime.block_on(hub.engine.change(&run, RunState::Running)).unwrap();
    let decided = hub.runtime.block_on(hub.engine.heed()).unwrap();
    assert_eq!((decided.len(), decided[0].kind), (1, DecisionKind::Resume));
    assert_eq!((decided[0].run.state, open_decisions(&hub)), (RunState::Running, 0));
    assert!(hub.runtime.block_on(hub.engine.heed()).unwrap().is_empty());
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!(hub.acme.sends(), 2);
}

#[test]
fn a_cancelled_run_gives_every_waiting_row_an_end_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::After(1), 1);
    let names = names(5);
    let rows = rows(&names, &["succeeded", "unknown", "succeeded", "declined", "succeeded"]);
    let run = hub.start();
    assert!(matches!(hub.work(&run, &rows, charging()), RunEnd::Halted { .. }));
    decide(&hub, &run, DecisionKind::Cancel);
    // Somebody who can takes it up, once.
    for want in [1, 0] {
        assert_eq!(hub.runtime.block_on(hub.engine.heed()).unwrap().len(), want);
    }
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!(so_far(&hub, &run).0, [Succeeded, Unknown, Cancelled, Cancelled, Cancelled]);
    let tally = hub.runtime.block_on(hub.engine.journal().tally(&run)).unwrap();
    hub.runtime.block_on(hub.engine.end_run(&run, &tally)).unwrap();
    let found = record(&hub, &run);
    assert_eq!(found.state, RunState::Cancelled);
    let message = found.message.unwrap();
    for part in ["dana", "asked the bank", "3 rows"] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    hub.runtime.block_on(hub.engine.heed()).unwrap();
    assert_eq!((open_decisions(&hub), hub.acme.sends()), (0, 2));
    // What was given up may be dropped again, and only that.
    let again = hub.statuses(&rows, charging());
    assert_eq!(again, [ItemStatus::Duplicate, ItemStatus::Duplicate, Succeeded, Declined, Succeeded]);
}

#[test]
fn a_cancel_reaches_the_run_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Arc::new(hub(folder.path(), OnUnknown::Continue, 1));
    let run = hub.start();
    let (asked, of) = (hub.engine.clone(), run.clone());
    let handle = hub.runtime.handle().clone();
    let once = AtomicBool::new(false);
    // In the middle of the first send a person gives the run up, and whoever looks for decisions finds it.
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        if once.swap(true, Ordering::SeqCst) {
            return;
        }
        let (engine, run) = (asked.clone(), of.clone());
        let decided = handle.spawn(async move {
            let decision = NewDecision {
                kind: DecisionKind::Cancel,
                run,
                actor: "dana".to_owned(),
                reason: String::new(),
                terms: serde_json::Value::Null,
                at: engine.clock().now(),
            };
            engine.journal().decide(decision).await.unwrap();
            engine.heed().await.unwrap().len()
        });
        assert_eq!(
            std::thread::spawn({
                let handle = handle.clone();
                move || handle.block_on(decided).unwrap()
            })
            .join()
            .unwrap(),
            0,
            "it is told to the run itself"
        );
    }));
    let names = names(5);
    assert_eq!(hub.work(&run, &rows(&names, &["succeeded"; 5]), charging()), RunEnd::Complete);
    assert_eq!(so_far(&hub, &run).0, [Succeeded, Cancelled, Cancelled, Cancelled, Cancelled]);
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn a_row_that_had_charged_before_the_crash_is_not_forgotten_by_a_cancel() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::Continue, 1);
    let rows = [("a", row("succeeded")), ("b", row("succeeded"))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::Succeeded))]);
    decide(&hub, &run, DecisionKind::Cancel);
    let never: Box<Body> = Box::new(|_, _| ProgramEnd::Threw { code: "ran".into(), message: String::new() });
    assert_eq!(hub.work(&run, &rows, never), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!([ends[0].0, ends[1].0], [Incomplete, Cancelled], "{ends:?}");
    assert_eq!((ends[0].1.as_str(), hub.acme.sends()), ("cancelled", 0));
    assert_ne!(ends[0].0, NotSent);
}

#[test]
fn a_row_that_was_claimed_only_now_is_judged_by_its_steps_too() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::Continue, 1);
    // As a restored journal has it: the intent was taken over from the intent log, the row was never claimed.
    let run = interrupted(&hub, &[], &[("one", "succeeded", None)]);
    hub.runtime.block_on(hub.engine.settle_in_flight()).unwrap();
    decide(&hub, &run, DecisionKind::Cancel);
    let rows = [("a", row("succeeded")), ("b", row("succeeded"))];
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!((so_far(&hub, &run).0, hub.acme.sends()), (vec![Unknown, Cancelled], 0));
}

#[test]
fn a_run_whose_rows_cannot_be_read_any_more_is_given_up_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::Continue, 1);
    let rows = [("a", row("succeeded")), ("b", row("succeeded"))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::Succeeded))]);
    hub.runtime.block_on(hub.engine.change(&run, RunState::Running)).unwrap();
    decide(&hub, &run, DecisionKind::Cancel);
    hub.runtime.block_on(hub.engine.end_unread(&run)).unwrap();
    let found = record(&hub, &run);
    let message = found.message.unwrap();
    assert_eq!(found.state, RunState::Cancelled);
    assert!(message.contains("1 rows") && message.contains("gesher show"), "{message}");
    assert_eq!(so_far(&hub, &run), (vec![Incomplete, Cancelled], 0));
    hub.runtime.block_on(hub.engine.heed()).unwrap();
    assert_eq!(open_decisions(&hub), 0);
    // Once over, it stays as it is.
    hub.runtime.block_on(hub.engine.end_unread(&run)).unwrap();
}

#[test]
fn a_cancel_that_failed_is_passed_on_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), OnUnknown::Continue, 1);
    let run = hub.start();
    hub.runtime.block_on(hub.engine.change(&run, RunState::Running)).unwrap();
    decide(&hub, &run, DecisionKind::Cancel);
    let heed = || hub.runtime.block_on(hub.engine.heed()).unwrap();
    let first = heed();
    assert_eq!((first.len(), heed().len()), (1, 0));
    hub.engine.tried(&first[0]);
    let mut looks = 0;
    while heed().is_empty() {
        looks += 1;
        assert!(looks < 1_000, "it is never passed on again");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(looks > 0, "not at once");
}
