//! Calls that are written down while others are in flight, and what comes between them and their sending.

use crate::{Hub, Rows, charging, ended, flow, program};
use gesher_core::ItemStatus;
use gesher_engine::journal::{Journal, SqliteJournal, StepQuery, StepState};
use gesher_engine::{Flow, ItemContext, OnUnknown, Part, Progress, RunEnd, Stop};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Two in flight, and a third written down.
const IN_FLIGHT: usize = 2;
const WRITTEN: usize = 3;
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the first call that is sent wait, in flight, until as many intents as can be are durable; then does `then`.
fn hold_the_first(hub: &Hub, database: PathBuf, then: impl Fn() + Send + 'static) {
    let is_first = AtomicBool::new(true);
    let looks = move || {
        let other = SqliteJournal::open_reader(&database).unwrap();
        let query = StepQuery { state: Some(StepState::InFlight), after: None, limit: 10 };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let late = Instant::now() + PATIENCE;
        while runtime.block_on(other.steps(&query)).unwrap().len() != WRITTEN {
            assert!(Instant::now() < late, "there are never {WRITTEN} intents without an outcome");
            thread::sleep(Duration::from_millis(5));
        }
    };
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        if is_first.swap(false, Ordering::SeqCst) {
            // The sender's thread is one of a runtime's, which may start no other.
            thread::scope(|scope| scope.spawn(&looks).join().unwrap());
            then();
        }
    }));
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("row-{number}")).collect()
}

fn rows<'a>(names: &'a [String], answer: &str, subject: Option<&str>) -> Vec<(&'a str, Value)> {
    let row = json!({ "request": { "answer": answer, "subject": subject } });
    names.iter().map(|name| (name.as_str(), row.clone())).collect()
}

#[test]
fn a_stop_lets_a_call_go_that_is_written_down_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    let (stop, progress) = (Stop::new(), Progress::default());
    let asked = stop.clone();
    hold_the_first(&hub, folder.path().join("gesher.db"), move || asked.request());
    let names = names(8);
    let rows = rows(&names, "succeeded", None);
    let (run, program) = (hub.start(), program(charging()));
    let stopped = hub.engine.run_items(&run, &hub.flow, &program, Rows::of(&rows), &stop, &progress);
    assert_eq!(hub.runtime.block_on(stopped).unwrap(), RunEnd::Stopped);
    assert_eq!(hub.acme.sends(), WRITTEN);

    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert!(hub.ends(&run).iter().all(|end| end.0 == ItemStatus::Succeeded));
    assert_eq!(hub.acme.sends(), rows.len());
    assert!(hub.acme.at_once_most.load(Ordering::SeqCst) <= IN_FLIGHT);
}

/// Two calls come to `answer` while a third is written down: how that one ends.
fn check(answer: &str, subject: Option<&str>, on_unknown: OnUnknown, code: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    hub.flow = Arc::new(Flow { on_unknown, ..flow(&["acme.*"], 8) });
    hold_the_first(&hub, folder.path().join("gesher.db"), || {});
    let (names, run) = (names(WRITTEN), hub.start());
    let _how = hub.work(&run, &rows(&names, answer, subject), charging());
    let ends = hub.ends(&run);
    let third: Vec<_> =
        ends.iter().filter(|end| end.0 == ItemStatus::NotSent).map(|end| end.1.as_str()).collect();
    assert_eq!((hub.acme.sends(), third), (IN_FLIGHT, vec![code]), "{answer}");
}

#[test]
fn what_came_in_between_keeps_back_a_call_that_was_written_down() {
    check("refused_keys", None, OnUnknown::Continue, "account_paused");
    check("unknown", None, OnUnknown::Halt, "halted");
    check("unknown", Some("dana"), OnUnknown::Continue, "subject_locked");
}

#[test]
fn a_journal_in_trouble_keeps_back_a_call_that_waited() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    let health = hub.engine.health().clone();
    hold_the_first(&hub, folder.path().join("gesher.db"), move || {
        health.trouble(Part::Journal, "the disk is full");
        let health = health.clone();
        // Until it is well again the run takes no new items, and does not end.
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            health.well(&Part::Journal);
        });
    });
    let names = names(WRITTEN);
    let ends = hub.run(&rows(&names, "succeeded", None), charging());
    let kept: Vec<_> =
        ends.iter().filter(|end| end.0 == ItemStatus::NotSent).map(|end| end.1.as_str()).collect();
    assert_eq!((hub.acme.sends(), kept), (IN_FLIGHT, vec!["journal_in_trouble"]));
}

#[test]
fn a_read_that_waited_is_not_sent_with_keys_that_were_refused_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    let is_asking = Arc::new(AtomicBool::new(false));
    let (asks, acme) = (Arc::clone(&is_asking), Arc::clone(&hub.acme));
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        while !is_asking.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        // By then it waits; were it later, its keys were refused before it came.
        thread::sleep(Duration::from_millis(100));
    }));
    let body = move |context: &ItemContext, args: &Value| {
        if context.item().ordinal != 3 {
            return charging()(context, args);
        }
        while acme.sends() < IN_FLIGHT {
            thread::sleep(Duration::from_millis(1));
        }
        asks.store(true, Ordering::SeqCst);
        ended(context.call("acme.get", "marketplace", None, args["request"].clone()))
    };
    let names = names(3);
    let ends = hub.run(&rows(&names, "refused_keys", None), Box::new(body));
    assert_eq!(ends[2].1, "account_paused");
    assert_eq!(hub.acme.sends(), IN_FLIGHT);
}
