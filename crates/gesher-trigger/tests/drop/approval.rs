//! Files that wait for a person: held, approved, rejected, tampered with, gone.

use crate::bank::Bank;
use crate::hub::{Hub, PayRows, column};
use crate::{done, json};
use gesher_core::RunId;
use gesher_engine::journal::{DecisionKind, NewDecision, RunRecord, RunState};
use gesher_engine::{FlowLimits, Stop};
use gesher_trigger::drop::{FileOutcome, RunFiles};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Comes to 60 shekels; the last row is not valid, and its amount is not counted.
const ROWS: &str = "order,amount,answer\n1,20.00,succeeded\n2,40,succeeded\n3,x,succeeded\n";

fn script(mark: &'static str) -> PayRows {
    let limits = FlowLimits { approve_above: Some("50.00 ILS".parse().unwrap()), ..FlowLimits::default() };
    PayRows { limits, ..PayRows::marked(mark) }
}

fn open(base: &Path, bank: &Arc<Bank>) -> Hub {
    Hub::scripted(base, bank, script(""))
}

async fn record(hub: &Hub, run: &RunId) -> RunRecord {
    hub.engine.journal().run(run).await.unwrap().unwrap()
}

async fn decide(hub: &Hub, run: &RunId, kind: DecisionKind) {
    let terms = record(hub, run).await.terms.unwrap();
    let (actor, reason) = ("dana".to_owned(), "as every month".to_owned());
    let decision = NewDecision { kind, run: run.clone(), actor, reason, terms, at: hub.engine.clock().now() };
    hub.engine.journal().decide(decision).await.unwrap();
}

/// Approves a run as it is now, and lets the hub carry that out.
async fn approve(hub: &Hub, run: &RunId) -> RunRecord {
    decide(hub, run, DecisionKind::Approve).await;
    hub.engine.heed().await.unwrap();
    hub.trigger.approve(run).await.unwrap();
    hub.trigger.resume(&Stop::new()).await.unwrap();
    assert_eq!(hub.engine.heed().await.unwrap().len(), 0);
    assert_eq!(hub.engine.journal().open_decisions().await.unwrap(), []);
    record(hub, run).await
}

async fn hold(hub: &Hub, rows: &str) -> (RunId, PathBuf) {
    let before = hub.bank.payments();
    let end = hub.run_text("march.csv", rows).await;
    let FileOutcome::Held { file, message } = end.outcome else { panic!("{end:?}") };
    assert!(message.contains(&format!("gesher approve {}", end.run)), "{message}");
    assert_eq!(file, hub.base.join("inbox/held").join(format!("march.{}.csv", end.run)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), rows);
    assert!(hub.names(".work").is_empty());
    assert_eq!((record(hub, &end.run).await.state, hub.bank.payments()), (RunState::Held, before));
    (end.run, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_above_the_bound_waits_through_restarts_and_runs_once_it_is_approved() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let (run, file) = hold(&open(base.path(), &bank), ROWS).await;
    let hub = open(base.path(), &bank);
    for _ in 0..2 {
        assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
        assert_eq!((record(&hub, &run).await.state, bank.payments()), (RunState::Held, 0));
    }
    let waiting = record(&hub, &run).await;
    let terms = waiting.terms.clone().unwrap();
    assert_eq!((&terms["totals"]["ILS"], &terms["rows"]), (&"60.00".into(), &3.into()));
    assert_eq!(RunFiles::of(&waiting, &base.path().join("inbox")).file, Some(file.clone()));
    let over = approve(&hub, &run).await;
    assert_eq!((over.state, bank.payments()), (RunState::Finished, 2));
    let files = RunFiles::of(&over, &base.path().join("inbox"));
    let result = files.result.unwrap();
    assert_eq!(column(&result, "gesher_status"), ["succeeded", "succeeded", "invalid"]);
    assert!(files.file.unwrap().ends_with(format!("done/march.{run}.csv")) && !file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_at_the_bound_does_not_wait() {
    let base = tempfile::tempdir().unwrap();
    let hub = open(base.path(), &Arc::default());
    let end = hub.run_text("march.csv", "order,amount,answer\n1,50.00,succeeded\n").await;
    done(&end.outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_total_that_was_approved_is_the_most_that_the_run_may_move() {
    let base = tempfile::tempdir().unwrap();
    let hub = open(base.path(), &Arc::default());
    let rows = "order,amount,answer,pays\n1,30.00,succeeded,30.01\n2,30,succeeded,30.00\n";
    let (run, _) = hold(&hub, rows).await;
    let over = approve(&hub, &run).await;
    let result = RunFiles::of(&over, &base.path().join("inbox")).result.unwrap();
    let mut codes: Vec<_> = column(&result, "gesher_status");
    codes.sort();
    assert_eq!((codes, hub.bank.payments()), (vec!["not_sent".to_owned(), "succeeded".to_owned()], 1));
    let message = column(&result, "gesher_message").concat();
    assert!(message.contains("60.00 ILS") && message.contains("שאושרה"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_file_goes_to_the_failed_ones_with_its_reports_and_frees_its_rows() {
    for kind in [DecisionKind::Reject, DecisionKind::Cancel] {
        let base = tempfile::tempdir().unwrap();
        let bank = Arc::<Bank>::default();
        let hub = open(base.path(), &bank);
        let (run, file) = hold(&hub, ROWS).await;
        decide(&hub, &run, kind).await;
        // An approval beside it changes nothing.
        decide(&hub, &run, DecisionKind::Approve).await;
        for decided in hub.engine.heed().await.unwrap() {
            match decided.kind {
                DecisionKind::Approve => hub.trigger.approve(&run).await.unwrap(),
                _ => drop(hub.trigger.give_up(&run, &Stop::new()).await.unwrap()),
            }
        }
        hub.engine.heed().await.unwrap();
        assert_eq!(hub.engine.journal().open_decisions().await.unwrap(), []);
        let over = record(&hub, &run).await;
        assert_eq!((over.state, bank.payments()), (RunState::Cancelled, 0));
        let message = over.message.clone().unwrap();
        assert!(message.contains("dana") && message.contains("as every month"), "{message}");
        let files = RunFiles::of(&over, &base.path().join("inbox"));
        let failed = |end: &str| Some(base.path().join("inbox/failed").join(format!("march.{run}{end}")));
        assert_eq!((files.file.clone(), files.result.clone()), (failed(".csv"), failed(".result.csv")));
        assert_eq!(column(&files.result.unwrap(), "gesher_status"), ["cancelled", "cancelled", "invalid"]);
        assert_eq!(json(&files.report.unwrap())["counts"]["cancelled"], 2);
        assert!(!file.exists() && hub.names("done").is_empty() && hub.names(".work").is_empty());
        // The same file may be dropped again, and waits again.
        hold(&hub, ROWS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_tampered_with_voids_its_approval_and_waits_anew_for_what_it_is_now() {
    let base = tempfile::tempdir().unwrap();
    let hub = open(base.path(), &Arc::default());
    let (run, file) = hold(&hub, ROWS).await;
    let more = format!("{ROWS}4,70.00,succeeded\n");
    std::fs::write(&file, &more).unwrap();
    let held = approve(&hub, &run).await;
    assert_eq!((held.state, hub.bank.payments()), (RunState::Held, 0));
    let message = held.message.unwrap();
    for part in ["60.00 ILS", "130.00 ILS", "dana", "3", "4"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(held.terms.unwrap()["totals"]["ILS"], "130.00");
    // Even where it comes to no more than may be run unasked, somebody has to look.
    std::fs::write(&file, "order,amount,answer\n1,20.00,succeeded\n").unwrap();
    assert_eq!(approve(&hub, &run).await.state, RunState::Held);
    let over = approve(&hub, &run).await;
    assert_eq!((over.state, hub.bank.payments()), (RunState::Finished, 1));
    let result = RunFiles::of(&over, &base.path().join("inbox")).result.unwrap();
    assert_eq!(column(&result, "order"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_what_the_run_was_before_it_was_held_anew_does_not_hold() {
    let base = tempfile::tempdir().unwrap();
    let hub = open(base.path(), &Arc::default());
    let (run, file) = hold(&hub, ROWS).await;
    let old = record(&hub, &run).await.terms.unwrap();
    std::fs::write(&file, format!("{ROWS}4,70.00,succeeded\n")).unwrap();
    approve(&hub, &run).await;
    let (actor, reason, at) = ("avi".to_owned(), String::new(), hub.engine.clock().now());
    let kind = DecisionKind::Approve;
    let late = NewDecision { kind, run: run.clone(), actor, reason, terms: old, at };
    hub.engine.journal().decide(late).await.unwrap();
    hub.trigger.resume(&Stop::new()).await.unwrap();
    let held = record(&hub, &run).await;
    assert_eq!((held.state, hub.bank.payments()), (RunState::Held, 0));
    assert!(held.message.unwrap().contains("avi"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_that_cannot_be_run_any_more_is_refused_and_one_that_was_run_is_a_duplicate() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = open(base.path(), &bank);
    let other = "order,amount,answer\n9,5.00,succeeded\n";
    let first = hub.run_text("april.csv", other).await.run;
    let (run, file) = hold(&hub, ROWS).await;
    std::fs::write(&file, "order,amount,answer\n1,\"20.00,succeeded\n").unwrap();
    let over = approve(&hub, &run).await;
    assert_eq!(over.state, RunState::Refused);
    assert_eq!(hub.names("failed"), [format!("march.{run}.csv"), format!("march.{run}.errors.csv")]);
    let (run, file) = hold(&hub, ROWS).await;
    std::fs::write(&file, other).unwrap();
    let over = approve(&hub, &run).await;
    assert_eq!((over.state, bank.payments()), (RunState::Duplicate, 1));
    assert_eq!(RunFiles::of(&over, &base.path().join("inbox")).duplicate_of, Some(first));
    assert_eq!((hub.names("duplicate"), hub.names("held")), (vec![format!("march.{run}.csv")], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_that_is_gone_runs_once_it_is_back_and_is_given_up_without_it() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = open(base.path(), &bank);
    let (run, file) = hold(&hub, ROWS).await;
    let away = base.path().join("away.csv");
    std::fs::rename(&file, &away).unwrap();
    let held = approve(&hub, &run).await;
    assert_eq!(held.state, RunState::Held);
    assert!(held.message.unwrap().contains(&*file.display().to_string()));
    std::fs::rename(&away, &file).unwrap();
    assert_eq!((approve(&hub, &run).await.state, bank.payments()), (RunState::Finished, 2));
    let (run, file) = hold(&hub, "order,amount,answer\n11,99.00,succeeded\n").await;
    std::fs::remove_file(file).unwrap();
    decide(&hub, &run, DecisionKind::Reject).await;
    hub.trigger.give_up(&run, &Stop::new()).await.unwrap();
    assert_eq!((record(&hub, &run).await.state, bank.payments()), (RunState::Cancelled, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_that_is_moved_back_into_the_folder_by_hand_is_a_duplicate_of_its_run() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = open(base.path(), &bank);
    let (run, file) = hold(&hub, ROWS).await;
    let by_hand = base.path().join("inbox/march.csv");
    std::fs::rename(&file, &by_hand).unwrap();
    let end = hub.run(&by_hand).await.unwrap();
    let FileOutcome::Duplicate { of, file: aside, .. } = end.outcome else { panic!("{end:?}") };
    assert_eq!((of, record(&hub, &run).await.state), (run.clone(), RunState::Held));
    std::fs::rename(aside, file).unwrap();
    assert_eq!((approve(&hub, &run).await.state, bank.payments()), (RunState::Finished, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_script_voids_an_approval_and_is_what_the_next_one_is_of() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let (run, _) = hold(&open(base.path(), &bank), ROWS).await;
    let hub = Hub::scripted(base.path(), &bank, script("/new"));
    let held = approve(&hub, &run).await;
    assert_eq!((held.state, bank.payments()), (RunState::Held, 0));
    assert!(held.message.unwrap().contains("התסריט השתנה"));
    let over = approve(&hub, &run).await;
    assert_eq!((over.state, over.script.as_str()), (RunState::Finished, "hash of /new"));
    assert_eq!((bank.payments(), bank.sent_again().len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_stop_left_a_held_file_it_is_found() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = open(base.path(), &bank);
    let (run, file) = hold(&hub, ROWS).await;
    let work = base.path().join("inbox/.work").join(format!("{run}.march.csv"));
    // Stopped between the journal's row and the move.
    std::fs::rename(&file, &work).unwrap();
    assert!(open(base.path(), &bank).trigger.resume(&Stop::new()).await.unwrap().is_empty());
    assert!(file.exists() && !work.exists());
    // Stopped before the decision was settled, with the file still among the held ones.
    decide(&hub, &run, DecisionKind::Approve).await;
    hub.trigger.approve(&run).await.unwrap();
    assert!(file.exists());
    let hub = open(base.path(), &bank);
    hub.trigger.resume(&Stop::new()).await.unwrap();
    assert_eq!((record(&hub, &run).await.state, bank.payments()), (RunState::Finished, 2));
}
