//! Runs that unknown answers halted, and what people decide about them and about runs at work.

use crate::bank::Bank;
use crate::done;
use crate::hub::{Hub, PayRows, column};
use gesher_core::RunId;
use gesher_engine::journal::{DecisionKind, NewDecision, RunState};
use gesher_engine::{Engine, OnUnknown, Stop};
use gesher_trigger::drop::{FileOutcome, ResultFiles, RunFiles};
use std::path::Path;
use std::sync::Arc;

/// Halts at two unknown answers in a row.
const ROWS: &str = "order,amount,answer\n1,5.00,succeeded\n2,5.00,unknown\n3,5.00,unknown\n4,5.00,succeeded\n\
                    5,5.00,declined\n6,x,succeeded\n1,5.00,succeeded\n";
/// What became of its rows when the rest was given up.
const GIVEN_UP: [&str; 7] =
    ["succeeded", "unknown", "unknown", "cancelled", "cancelled", "invalid", "duplicate"];

fn open(base: &Path, bank: &Arc<Bank>) -> Hub {
    let script = PayRows { concurrency: 1, on_unknown: OnUnknown::After(2), ..PayRows::default() };
    Hub::scripted(base, bank, script)
}

async fn halted(hub: &Hub) -> RunId {
    let end = hub.run_text("march.csv", ROWS).await;
    let FileOutcome::Halted { message } = &end.outcome else { panic!("{end:?}") };
    assert!(message.contains(&format!("gesher resume {}", end.run)), "{message}");
    assert_eq!(hub.bank.payments(), 3);
    end.run
}

async fn decide(engine: &Engine, run: &RunId, kind: DecisionKind) {
    let (actor, reason) = ("dana".to_owned(), "the bank said so".to_owned());
    let decision = NewDecision {
        kind,
        run: run.clone(),
        actor,
        reason,
        terms: serde_json::Value::Null,
        at: engine.clock().now(),
    };
    engine.journal().decide(decision).await.unwrap();
}

async fn state(hub: &Hub, run: &RunId) -> RunState {
    hub.engine.journal().run(run).await.unwrap().unwrap().state
}

async fn files(hub: &Hub, run: &RunId) -> RunFiles {
    let record = hub.engine.journal().run(run).await.unwrap().unwrap();
    RunFiles::of(&record, &hub.base.join("inbox"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_run_waits_through_restarts_and_goes_on_when_a_person_says_so() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = halted(&open(base.path(), &bank)).await;
    let hub = open(base.path(), &bank);
    for _ in 0..2 {
        assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
        assert_eq!((state(&hub, &run).await, bank.payments()), (RunState::Halted, 3));
    }
    assert_eq!(hub.names(".work"), [format!("{run}.march.csv")]);
    decide(&hub.engine, &run, DecisionKind::Resume).await;
    assert_eq!(hub.engine.heed().await.unwrap().len(), 1);
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    let files: &ResultFiles = done(&ends[0].outcome);
    assert_eq!(
        column(&files.result, "gesher_status"),
        ["succeeded", "unknown", "unknown", "succeeded", "declined", "invalid", "duplicate"]
    );
    assert_eq!((bank.payments(), bank.sent_again().len()), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_run_that_is_given_up_leaves_its_reports_and_frees_its_rows() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = open(base.path(), &bank);
    let run = halted(&hub).await;
    decide(&hub.engine, &run, DecisionKind::Cancel).await;
    let decided = hub.engine.heed().await.unwrap();
    assert_eq!(decided.len(), 1);
    let end = hub.trigger.give_up(&decided[0].run.id, &Stop::new()).await.unwrap();
    let FileOutcome::Cancelled { message } = &end.outcome else { panic!("{end:?}") };
    assert!(message.contains("dana") && message.contains("the bank said so"), "{message}");
    let left = files(&hub, &run).await;
    assert_eq!(column(left.result.as_ref().unwrap(), "gesher_status"), GIVEN_UP);
    assert_eq!(std::fs::read_to_string(left.file.unwrap()).unwrap(), ROWS);
    let retry = std::fs::read_to_string(left.retry.unwrap()).unwrap();
    assert_eq!(retry, "order,amount,answer\n4,5.00,succeeded\n5,5.00,declined\n6,x,succeeded\n");
    assert!(hub.names(".work").is_empty());
    hub.engine.heed().await.unwrap();
    assert!(hub.engine.journal().open_decisions().await.unwrap().is_empty());

    // The very same file again: only what was given up is sent.
    let again = hub.run_text("march.csv", ROWS).await;
    let statuses = column(&done(&again.outcome).result, "gesher_status");
    assert_eq!(
        statuses,
        ["duplicate", "duplicate", "duplicate", "succeeded", "declined", "invalid", "duplicate"]
    );
    assert_eq!((bank.payments(), bank.sent_again().len()), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_given_up_half_way_is_given_up_however_often_the_hub_stops() {
    const COUNT: u32 = 600;
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let rows: String = (0..COUNT).map(|order| format!("{order},5.00,succeeded\n")).collect();
    let text = format!("order,amount,answer\n{rows}");
    let path = base.path().join("march.csv");
    std::fs::write(&path, &text).unwrap();
    let run = {
        let hub = open(base.path(), &bank);
        let stop = Stop::new();
        let asked = stop.clone();
        bank.during(move |count| {
            if count == 300 {
                asked.request()
            }
        });
        let end = hub.trigger.run_file(&path, &stop, &Default::default()).await.unwrap();
        assert!(matches!(end.outcome, FileOutcome::Stopped));
        decide(&hub.engine, &end.run, DecisionKind::Cancel).await;
        end.run
    };
    // Nobody looks for decisions before the folder is gone on with, and yet nothing more is sent.
    let hub = open(base.path(), &bank);
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    assert!(matches!(ends[0].outcome, FileOutcome::Cancelled { .. }), "{ends:?}");
    assert_eq!((state(&hub, &run).await, bank.payments()), (RunState::Cancelled, 300));
    let again = hub.run(&path).await.unwrap();
    let statuses = column(&done(&again.outcome).result, "gesher_status");
    let (duplicate, succeeded): (Vec<_>, Vec<_>) = statuses.into_iter().partition(|word| word == "duplicate");
    assert_eq!((duplicate.len(), succeeded.len()), (300, 300));
    assert_eq!((bank.payments(), bank.sent_again().len()), (COUNT as usize, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_went_on_after_a_fault_of_the_hub_waits_all_the_same_when_unknown_answers_halt_it() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = halted(&open(base.path(), &bank)).await;
    {
        // A person lets it go on, and then its folder is away.
        let hub = Hub::with(base.path(), &bank, gesher_core::Language::En, |config| {
            config.folder = base.path().join("elsewhere");
        });
        decide(&hub.engine, &run, DecisionKind::Resume).await;
        hub.engine.heed().await.unwrap();
        std::fs::rename(base.path().join("inbox"), base.path().join("away")).unwrap();
        assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
        assert_eq!(state(&hub, &run).await, RunState::Halted);
        std::fs::rename(base.path().join("away"), base.path().join("inbox")).unwrap();
    }
    let hub = open(base.path(), &bank);
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    assert_eq!(ends.len(), 1, "that one passes by itself");
    assert_eq!((state(&hub, &run).await, bank.payments()), (RunState::Finished, 5));
}
