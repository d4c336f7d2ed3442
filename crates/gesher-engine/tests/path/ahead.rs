//! Calls that are written down while others are in flight, and what comes between them and their sending.

use crate::{Hub, Rows, charging, program, row};
use gesher_core::{ItemStatus, OutcomeStatus};
use gesher_engine::journal::{Journal, SqliteJournal, StepQuery, StepState, UNSENT};
use gesher_engine::{Progress, RunEnd, Stop};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Two in flight, and a third written down.
const IN_FLIGHT: usize = 2;
const WRITTEN: usize = 3;
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the first call that is sent wait, in flight, until as many intents as can be are durable; and then until `then` has
/// been done and that many are left.
fn hold_the_first(hub: &Hub, database: PathBuf, then: impl Fn() + Send + 'static, left: usize) {
    let is_first = AtomicBool::new(true);
    let wait_for = move |wanted: usize| {
        let other = SqliteJournal::open_reader(&database).unwrap();
        let query = StepQuery { state: Some(StepState::InFlight), after: None, limit: 10 };
        // The hook runs where this thread's own runtime does.
        let looks = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let late = Instant::now() + PATIENCE;
            while runtime.block_on(other.steps(&query)).unwrap().len() != wanted {
                assert!(Instant::now() < late, "there are never {wanted} intents without an outcome");
                thread::sleep(Duration::from_millis(5));
            }
        };
        thread::spawn(looks).join().unwrap();
    };
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        if is_first.swap(false, Ordering::SeqCst) {
            wait_for(WRITTEN);
            then();
            wait_for(left);
        }
    }));
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("row-{number}")).collect()
}

fn rows<'a>(names: &'a [String], answer: &str) -> Vec<(&'a str, Value)> {
    names.iter().map(|name| (name.as_str(), row(answer))).collect()
}

#[test]
fn a_stop_takes_back_an_intent_that_waits_and_the_next_start_sends_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    let (stop, progress) = (Stop::new(), Progress::default());
    let asked = stop.clone();
    hold_the_first(&hub, folder.path().join("gesher.db"), move || asked.request(), IN_FLIGHT);
    let names = names(8);
    let rows = rows(&names, "succeeded");
    let (run, program) = (hub.start(), program(charging()));
    let stopped = hub.engine.run_items(&run, &hub.flow, &program, Rows::of(&rows), &stop, &progress);
    assert_eq!(hub.runtime.block_on(stopped).unwrap(), RunEnd::Stopped);
    assert_eq!(hub.acme.sends(), IN_FLIGHT);
    let query = StepQuery { state: Some(StepState::Over(OutcomeStatus::NotSent)), after: None, limit: 10 };
    let withdrawn = hub.runtime.block_on(hub.engine.journal().steps(&query)).unwrap();
    let codes: Vec<_> = withdrawn.iter().filter_map(|step| step.outcome.as_ref()?.code.as_deref()).collect();
    assert_eq!(codes, [UNSENT]);

    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert!(hub.ends(&run).iter().all(|end| end.0 == ItemStatus::Succeeded));
    assert_eq!(hub.acme.sends(), rows.len());
    assert!(hub.acme.at_once_most.load(Ordering::SeqCst) <= IN_FLIGHT);
}

#[test]
fn keys_that_are_refused_keep_back_what_was_written_down_already() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), IN_FLIGHT);
    hold_the_first(&hub, folder.path().join("gesher.db"), || {}, WRITTEN);
    let names = names(WRITTEN);
    let mut ends = hub.run(&rows(&names, "refused_keys"), charging());
    ends.sort_by_key(|end| end.0 == ItemStatus::NotSent);
    use ItemStatus::{NotSent, Rejected};
    assert_eq!([ends[0].0, ends[1].0, ends[2].0], [Rejected, Rejected, NotSent]);
    assert_eq!(ends[2].1, "account_paused");
    assert_eq!(hub.acme.sends(), IN_FLIGHT);
}
