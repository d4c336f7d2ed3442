//! What a flow may move at most, and the lock of a subject whose last step is open.

use crate::{Hub, charging, flow};
use gesher_core::{ItemStatus, StepId};
use gesher_engine::{Flow, FlowLimits};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ItemStatus::{Declined, NotSent, Succeeded, Unknown};

/// Limits, as in `gesher.toml`: for one call, one run and one day.
fn limits([per_call, per_run, per_day]: [Option<&str>; 3]) -> FlowLimits {
    let money = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    FlowLimits {
        per_call: money(per_call),
        per_run: money(per_run),
        per_day: money(per_day),
        ..FlowLimits::default()
    }
}

fn per_run(limit: &str) -> FlowLimits {
    limits([None, Some(limit), None])
}

fn hub(folder: &Path, limits: FlowLimits, concurrency: usize) -> Hub {
    let mut hub = Hub::open(folder);
    hub.flow = Arc::new(Flow { limits, ..flow(&["acme.*"], concurrency) });
    hub
}

fn pay(answer: &str, amount: &str) -> Value {
    json!({ "request": { "answer": answer, "amount": amount } })
}

fn about(subject: &str, answer: &str) -> Value {
    json!({ "request": { "answer": answer, "subject": subject } })
}

/// Runs these calls one after another under the limits; the words of those that a limit stopped.
fn check(bounds: FlowLimits, calls: &[(&str, &str, ItemStatus)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), bounds, 1);
    let names: Vec<String> = (0..calls.len()).map(|at| format!("row-{at}")).collect();
    let rows: Vec<_> =
        names.iter().zip(calls).map(|(name, call)| (name.as_str(), pay(call.0, call.1))).collect();
    let ends = hub.run(&rows, charging());
    let found: Vec<_> = ends.iter().map(|end| end.0).collect();
    assert_eq!(found, calls.iter().map(|call| call.2).collect::<Vec<_>>(), "{bounds:?} {ends:?}");
    let stopped: Vec<_> = ends.into_iter().filter(|end| end.0 == NotSent).collect();
    assert!(stopped.iter().all(|end| end.1 == "limit"), "{stopped:?}");
    assert_eq!(hub.acme.sends(), calls.len() - stopped.len(), "what a limit stopped was not sent");
    stopped.into_iter().map(|end| end.2).collect()
}

#[test]
fn a_call_keeps_to_the_limit_of_one_call() {
    let bounds = limits([Some("5.00 ILS"), None, None]);
    let said = check(
        bounds,
        &[
            ("succeeded", "5.00 ILS", Succeeded),
            ("succeeded", "5.01 ILS", NotSent),
            ("succeeded", "-5.01 ILS", NotSent),
            ("succeeded", "1.00 USD", NotSent),
            ("succeeded", "none", NotSent),
        ],
    );
    assert_eq!(said[0], "not sent: the limit for one call (per_call) is 5.00 ILS; the call is of 5.01 ILS");
}

#[test]
fn what_was_done_is_answered_as_it_was_whatever_one_call_may_be_now() {
    let folder = tempfile::tempdir().unwrap();
    let call = json!({ "key": "k", "request": { "answer": "succeeded", "amount": "9.00 ILS" } });
    let first = hub(folder.path(), FlowLimits::default(), 1).run(&[("row-1", call.clone())], charging());
    assert_eq!(first[0].0, Succeeded, "{first:?}");
    let hub = hub(folder.path(), limits([Some("5.00 ILS"), None, None]), 1);
    let again = hub.run(&[("row-2", call)], charging());
    assert_eq!(again[0].0, ItemStatus::Duplicate, "{again:?}");
    assert!(again[0].2.contains("done already"), "{again:?}");
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn a_run_keeps_to_its_limit_to_the_last_agora_and_a_smaller_call_still_fits() {
    let said = check(
        per_run("12.00 ILS"),
        &[
            ("succeeded", "5.00 ILS", Succeeded),
            ("succeeded", "5.00 ILS", Succeeded),
            ("succeeded", "2.01 ILS", NotSent),
            ("succeeded", "2.00 ILS", Succeeded),
            ("succeeded", "0.01 ILS", NotSent),
        ],
    );
    assert_eq!(
        said[0],
        "not sent: the limit for one run (per_run) is 12.00 ILS, 10.00 ILS of it is used; the call is of 2.01 ILS"
    );
}

#[test]
fn an_unknown_answer_holds_its_reservation_and_a_decline_gives_it_back() {
    check(
        per_run("10.00 ILS"),
        &[
            ("unknown", "5.00 ILS", Unknown),
            ("declined", "5.00 ILS", Declined),
            ("rejected", "5.00 ILS", ItemStatus::Rejected),
            ("succeeded", "5.00 ILS", Succeeded),
            ("succeeded", "0.01 ILS", NotSent),
        ],
    );
    check(per_run("5.00 ILS"), &[("conflict", "5.00 ILS", Unknown), ("succeeded", "1.00 ILS", NotSent)]);
}

#[test]
fn money_that_moves_the_other_way_counts_as_much() {
    check(
        per_run("8.00 ILS"),
        &[
            ("succeeded", "-5.00 ILS", Succeeded),
            ("succeeded", "5.00 ILS", NotSent),
            ("succeeded", "3.00 ILS", Succeeded),
        ],
    );
}

#[test]
fn what_cannot_be_counted_against_a_limit_is_not_sent() {
    for bounds in [per_run("100.00 ILS"), limits([None, None, Some("100.00 ILS")])] {
        check(bounds, &[("succeeded", "1.00 USD", NotSent), ("succeeded", "none", NotSent)]);
    }
}

#[test]
fn a_day_is_one_limit_over_all_runs_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = limits([None, Some("9.00 ILS"), Some("12.00 ILS")]);
    for (run, (amount, want)) in
        [("8.00 ILS", Succeeded), ("5.00 ILS", NotSent), ("4.00 ILS", Succeeded), ("0.01 ILS", NotSent)]
            .into_iter()
            .enumerate()
    {
        let hub = hub(folder.path(), bounds, 1);
        let ends = hub.run(&[(format!("row-{run}").as_str(), pay("succeeded", amount))], charging());
        assert_eq!(ends[0].0, want, "{ends:?}");
        assert_eq!(ends[0].2.contains("per_day"), want == NotSent, "{}", ends[0].2);
    }
}

#[test]
fn a_limit_holds_however_many_rows_ask_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), per_run("103.00 ILS"), 8);
    let names: Vec<String> = (0..40).map(|number| format!("row-{number}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), pay("succeeded", "5.00 ILS"))).collect();
    let ends = hub.statuses(&rows, charging());
    assert_eq!(ends.iter().filter(|status| **status == Succeeded).count(), 20);
    assert_eq!(ends.iter().filter(|status| **status == NotSent).count(), 20);
    assert_eq!(hub.acme.sends(), 20);
}

#[test]
fn what_moves_no_money_needs_no_limit() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), limits([Some("1.00 ILS"); 3]), 1);
    let noting: Box<crate::Body> = Box::new(|context, args| {
        crate::ended(context.call("acme.note", "marketplace", None, args["request"].clone()))
    });
    assert_eq!(hub.statuses(&[("a", pay("succeeded", "5.00 ILS"))], noting), [Succeeded]);
}

#[test]
fn a_row_that_a_limit_stopped_is_free_and_fits_once_the_limit_does() {
    let folder = tempfile::tempdir().unwrap();
    let row = [("a", pay("succeeded", "5.00 ILS"))];
    assert_eq!(hub(folder.path(), per_run("1.00 ILS"), 1).statuses(&row, charging()), [NotSent]);
    assert_eq!(hub(folder.path(), per_run("5.00 ILS"), 1).statuses(&row, charging()), [Succeeded]);
}

/// A hub where the subject `dana` has an open step; answers it.
fn locked(folder: &Path) -> (Hub, StepId) {
    let hub = hub(folder, FlowLimits::default(), 1);
    let run = hub.start();
    hub.work(&run, &[("a", about("dana", "unknown"))], charging());
    (hub, format!("{run}.1.1").parse().unwrap())
}

#[test]
fn a_subject_with_an_open_step_is_locked_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, open) = locked(folder.path());
    let ends = hub.run(&[("b", about("dana", "succeeded")), ("c", about("noa", "succeeded"))], charging());
    assert_eq!((ends[0].0, ends[0].1.as_str()), (NotSent, "subject_locked"));
    for part in
        [open.to_string().as_str(), "march.csv", "line 2", "gesher unknown unlock", "gesher unknown resolve"]
    {
        assert!(ends[0].2.contains(part), "`{part}` is missing in: {}", ends[0].2);
    }
    assert_eq!(ends[1].0, Succeeded);
    assert_eq!(hub.acme.sends(), 2);
    // The same after a restart.
    drop(hub);
    let hub = self::hub(folder.path(), FlowLimits::default(), 1);
    assert_eq!(hub.statuses(&[("b", about("dana", "succeeded"))], charging()), [NotSent]);
}

#[test]
fn a_subject_with_two_open_steps_is_free_when_both_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path(), FlowLimits::default(), 2);
    // The first answer takes long enough for the other row to begin, since an open step would lock it out.
    let slow = Box::new(|| std::thread::sleep(Duration::from_secs(2)));
    *hub.acme.during.lock().unwrap() = Some(slow);
    let rows = [("a", about("dana", "unknown")), ("b", about("dana", "unknown"))];
    assert_eq!(hub.statuses(&rows, charging()), [Unknown, Unknown]);
    *hub.acme.during.lock().unwrap() = None;
    assert_eq!(hub.acme.sends(), 2);
    hub.acme.finds.store(true, Ordering::SeqCst);
    assert_eq!(hub.statuses(&[("c", about("dana", "succeeded"))], charging()), [Succeeded]);
    assert_eq!(hub.acme.sends(), 3);
}

#[test]
fn an_unlocked_subject_may_be_charged_and_its_open_step_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, open) = locked(folder.path());
    let now = hub.engine.clock().now();
    hub.runtime.block_on(hub.engine.journal().unlock_step(&open, "dana", "asked the customer", now)).unwrap();
    assert_eq!(hub.statuses(&[("b", about("dana", "succeeded"))], charging()), [Succeeded]);
    assert_eq!(hub.statuses(&[("a", about("dana", "succeeded"))], charging()), [ItemStatus::Duplicate]);
    assert_eq!(hub.acme.sends(), 2);
}
