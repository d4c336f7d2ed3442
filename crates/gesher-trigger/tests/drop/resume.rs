//! What changed while the hub was down: the script, the configured folder, the place of everything. Whatever it was,
//! a run goes on as it began, or it waits and says for what.

use crate::bank::Bank;
use crate::hub::{Hub, PayRows, column};
use crate::{done, json};
use gesher_core::{ItemId, ItemStatus, Key, Language, OutcomeStatus, RunId, StepId, Text};
use gesher_engine::journal::{
    DecisionKind, Intent, Limits, NewDecision, NewItem, RunRecord, RunState, StepFinish, StoredOutcome,
    TriggerKind,
};
use gesher_engine::{Program, Progress, Stop};
use gesher_trigger::drop::FileOutcome;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const ROWS: u32 = 1_500;

fn rows(range: std::ops::Range<u32>) -> String {
    let rows: String = range.map(|order| format!("{order:07},5.00,succeeded\n")).collect();
    format!("order,amount,answer\n{rows}")
}

/// Runs a file until some of its rows were paid.
async fn stopped_midway(hub: &Hub) -> RunId {
    let path = hub.base.join("x.csv");
    fs::write(&path, rows(0..ROWS)).unwrap();
    let stop = Stop::new();
    let asked = stop.clone();
    hub.bank.during(move |_| asked.request());
    let end = hub.trigger.run_file(&path, &stop, &Progress::default()).await.unwrap();
    assert!(matches!(end.outcome, FileOutcome::Stopped));
    end.run
}

async fn record(hub: &Hub, run: &RunId) -> RunRecord {
    hub.engine.journal().run(run).await.unwrap().unwrap()
}

/// The run waits, with these words, and nothing was sent.
async fn check_held(hub: &Hub, run: &RunId, state: RunState, words: &str) {
    let before = hub.bank.payments();
    assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
    let found = record(hub, run).await;
    let message = found.message.unwrap();
    assert_eq!((found.state, hub.bank.payments()), (state, before), "{message}");
    assert!(message.contains(words), "{message}");
}

/// The run goes on to its end, and every row is paid once.
async fn check_goes_on(hub: &Hub, payments: u32) {
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    assert_eq!(ends.len(), 1);
    done(&ends[0].outcome);
    assert_eq!((hub.bank.payments(), hub.bank.sent_again().len()), (payments as usize, 0));
}

/// How many payments each of two scripts made.
fn paid_by(bank: &Bank, mark: &str) -> (usize, usize) {
    let ledger = bank.ledger.lock().unwrap();
    let marked = ledger.iter().filter(|(order, _)| order.ends_with(mark)).count();
    (ledger.len() - marked, marked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_the_script_it_began_with_and_new_files_are_run_with_the_new_one() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = stopped_midway(&Hub::open(base.path(), &bank)).await;
    let hub = Hub::scripted(base.path(), &bank, PayRows::marked("/new"));
    done(&hub.run_text("y.csv", rows(5_000..5_010)).await.outcome);
    check_goes_on(&hub, ROWS + 10).await;
    assert_eq!(paid_by(&bank, "/new"), (ROWS as usize, 10));
    assert_eq!(record(&hub, &run).await.message, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_file_is_run_with_the_script_it_was_claimed_for() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    claim(&Hub::open(base.path(), &bank), None).await;
    let hub = Hub::without_the_usual(base.path(), &bank, PayRows::marked("/new"));
    assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
    assert_eq!(bank.payments(), 0);
    drop(hub);
    check_goes_on(&Hub::scripted(base.path(), &bank, PayRows::marked("/new")), 3).await;
    assert_eq!(paid_by(&bank, "/new"), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_script_this_version_cannot_run_waits_and_keeps_no_other_waiting() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = stopped_midway(&Hub::open(base.path(), &bank)).await;
    {
        let hub = Hub::without_the_usual(base.path(), &bank, PayRows::marked("/new"));
        for words in ["אינה יכולה להריץ את התסריט", "pay.rhai:1: there is no bank"] {
            check_held(&hub, &run, RunState::Halted, words).await;
        }
        assert_eq!(hub.names(".work"), [format!("{run}.x.csv")]);
        done(&hub.run_text("y.csv", rows(5_000..5_010)).await.outcome);
    }
    let hub = Hub::scripted(base.path(), &bank, PayRows::marked("/new"));
    check_goes_on(&hub, ROWS + 10).await;
    assert_eq!(paid_by(&bank, "/new"), (ROWS as usize, 10));
    assert_eq!(record(&hub, &run).await.message.as_deref(), Some("ההרצה נעצרה לזמן מה, ואחר כך המשיכה"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kept_no_script_waits_for_the_old_files() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    let run = claim(&hub, None).await;
    let scripts = hub.scripts();
    let kept = record(&hub, &run).await;
    assert!(scripts.of_run(&hub.engine, &kept).await.unwrap().is_ok());
    let unkept = RunRecord { script: "an older hub kept only this".to_owned(), ..kept };
    let why = scripts.of_run(&hub.engine, &unkept).await.unwrap().err().unwrap();
    assert!(
        why.en.contains("the old one (an older hub) was not kept") && why.he.contains("לא נשמר"),
        "{why:?}"
    );
}

/// What the journal keeps of a claim.
fn source(folder: Option<&Path>, dropped: Option<&Path>) -> serde_json::Value {
    json!({
        "stamp": dropped.map(|path| crate::breaks::stamp(&fs::metadata(path).unwrap())),
        "folder": folder,
        "rules": {
            "row_key": { "columns": ["order"] }, "amount": "amount", "encoding": "auto", "not_cards": [],
        },
    })
}

/// A file of three rows in the work folder, as a crash right after the claim leaves it.
async fn claim(hub: &Hub, folder: Option<&Path>) -> RunId {
    hub.trigger.open_folder().unwrap();
    let run = hub
        .engine
        .start_run("pay", TriggerKind::Drop, "x.csv", source(folder, None), &PayRows::default().script())
        .await
        .unwrap();
    fs::write(hub.base.join(format!("inbox/.work/{run}.x.csv")), rows(0..3)).unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_in_the_folder_it_was_begun_in() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = stopped_midway(&Hub::open(base.path(), &bank)).await;
    let elsewhere = base.path().join("elsewhere");
    let hub = Hub::with(base.path(), &bank, Language::He, |config| config.folder.clone_from(&elsewhere));
    let away = base.path().join("away");
    fs::rename(base.path().join("inbox"), &away).unwrap();
    check_held(&hub, &run, RunState::Halted, "אינה קיימת עוד").await;
    // An empty folder in its place, as under a share that is away, is not it.
    fs::create_dir(base.path().join("inbox")).unwrap();
    check_held(&hub, &run, RunState::Halted, "אינה קיימת עוד").await;
    fs::remove_dir(base.path().join("inbox")).unwrap();
    fs::rename(&away, base.path().join("inbox")).unwrap();
    check_goes_on(&hub, ROWS).await;
    assert!(hub.names("done").contains(&format!("x.{run}.report.json")));
    assert_eq!((hub.names(".work").len(), fs::read_dir(elsewhere.join("done")).unwrap().count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_interrupted_finds_its_file_in_the_old_folder() {
    let base = tempfile::tempdir().unwrap();
    let inbox = base.path().join("inbox");
    let hub = Hub::with(base.path(), &Arc::<Bank>::default(), Language::He, |config| {
        config.folder = base.path().join("elsewhere");
    });
    fs::create_dir_all(inbox.join(".work")).unwrap();
    let dropped = inbox.join("x.csv");
    fs::write(&dropped, rows(0..3)).unwrap();
    let source = source(Some(&inbox), Some(&dropped));
    let run = hub
        .engine
        .start_run("pay", TriggerKind::Drop, "x.csv", source, &PayRows::default().script())
        .await
        .unwrap();
    check_goes_on(&hub, 3).await;
    assert!(hub.names("done").contains(&format!("x.{run}.csv")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_interrupted_finds_its_file_under_a_name_with_a_card_number() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    hub.trigger.open_folder().unwrap();
    let dropped = base.path().join("inbox/4111111111111111.csv");
    fs::write(&dropped, rows(0..3)).unwrap();
    let (source, name) = (source(None, Some(&dropped)), "[card ****1111].csv");
    let run = hub
        .engine
        .start_run("pay", TriggerKind::Drop, name, source, &PayRows::default().script())
        .await
        .unwrap();
    check_goes_on(&hub, 3).await;
    assert!(hub.names("done").contains(&format!("[card ****1111].{run}.csv")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_moved_as_a_whole_goes_on() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let (before, after) = (base.path().join("before"), base.path().join("after"));
    stopped_midway(&Hub::open(&before, &bank)).await;
    fs::rename(&before, &after).unwrap();
    check_goes_on(&Hub::open(&after, &bank), ROWS).await;
    assert!(!before.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_written_copies_of_runs_that_are_over_are_removed_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = Hub::open(base.path(), &bank);
    let over = hub.run_text("y.csv", rows(5_000..5_001)).await.run;
    let live = stopped_midway(&hub).await;
    let work = base.path().join("inbox/.work");
    let kept = [
        format!("{live}.x.csv"),
        format!("x.{live}.result.csv.tmp"),
        format!("{live}.y.{over}.retry.csv.tmp"),
        format!("{over}.y.csv"),
        "mine.tmp".to_owned(),
        "h2mq2xd.csv.tmp".to_owned(),
    ];
    for name in &kept[1..] {
        fs::write(work.join(name), "half").unwrap();
    }
    for name in [format!("{over}.y.csv.tmp"), format!("y.{over}.result.csv.tmp")] {
        fs::write(work.join(name), "half").unwrap();
    }
    hub.run_text("z.csv", rows(6_000..6_001)).await;
    let mut want = kept.to_vec();
    want.sort();
    assert_eq!(hub.names(".work"), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_never_began_says_that_the_file_changed_only_when_it_did() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    let run = claim(&hub, None).await;
    // A row that no reading of the file gives.
    let lost = NewItem { ordinal: 4, line: 5, key: None, cells_hash: [0; 16], amount: None, ended: None };
    let now = jiff::Timestamp::UNIX_EPOCH;
    hub.engine.journal().claim_items(&run, vec![lost], now).await.unwrap();
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    let files = done(&ends[0].outcome);
    assert_eq!(column(&files.result, "gesher_status")[3], ItemStatus::NotSent.as_str());
    assert_eq!(column(&files.result, "gesher_code")[3], "not_begun");
    assert!(column(&files.result, "gesher_message")[3].contains("נקטע לפני שהתחיל"));
    assert_eq!(json(&files.report)["counts"]["succeeded"].as_u64(), Some(3));
}

/// A person gives the run up, and the trigger is told.
async fn give_up(hub: &Hub, run: &RunId) -> FileOutcome {
    let (actor, reason, at) = ("dana".to_owned(), "a test".to_owned(), hub.engine.clock().now());
    let decision = NewDecision {
        kind: DecisionKind::Cancel,
        run: run.clone(),
        actor,
        reason,
        terms: serde_json::Value::Null,
        at,
    };
    hub.engine.journal().decide(decision).await.unwrap();
    hub.trigger.give_up(run, &Stop::new()).await.unwrap().outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_file_is_gone_waits_and_is_given_up_without_it() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = stopped_midway(&Hub::open(base.path(), &bank)).await;
    let hub = Hub::open(base.path(), &bank);
    let work = base.path().join(format!("inbox/.work/{run}.x.csv"));
    fs::rename(&work, base.path().join("away")).unwrap();
    check_held(&hub, &run, RunState::Halted, "אינו נמצא עוד").await;
    // Put back, it goes on by itself; the same once more, and a person gives it up.
    fs::rename(base.path().join("away"), &work).unwrap();
    let stop = Stop::new();
    let asked = stop.clone();
    bank.during(move |_| asked.request());
    hub.trigger.resume(&stop).await.unwrap();
    assert_eq!(record(&hub, &run).await.state, RunState::Running);
    fs::remove_file(&work).unwrap();
    let paid = bank.payments();
    let FileOutcome::Cancelled { message } = give_up(&hub, &run).await else { panic!("not given up") };
    assert!(message.contains("dana") && message.contains("אין דוחות"), "{message}");
    let tally = hub.engine.journal().tally(&run).await.unwrap();
    assert_eq!((tally.queued, tally.count(ItemStatus::Succeeded)), (0, paid as u64));
    assert_eq!((bank.payments(), bank.sent_again().len()), (paid, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_file_was_finished_after_the_journals_backup_takes_it_back() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let run = stopped_midway(&Hub::open(base.path(), &bank)).await;
    let hub = Hub::open(base.path(), &bank);
    let done = base.path().join(format!("inbox/done/x.{run}.csv"));
    fs::rename(base.path().join(format!("inbox/.work/{run}.x.csv")), &done).unwrap();
    check_goes_on(&hub, ROWS).await;
    assert!(done.exists() && hub.names(".work").is_empty());
    assert_eq!(record(&hub, &run).await.state, RunState::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_run_whose_folder_is_gone_is_given_up_without_it() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    let run = claim(&hub, Some(&base.path().join("nowhere"))).await;
    fs::remove_file(base.path().join(format!("inbox/.work/{run}.x.csv"))).unwrap();
    check_held(&hub, &run, RunState::Claimed, "אינה קיימת עוד").await;
    assert!(matches!(give_up(&hub, &run).await, FileOutcome::Cancelled { .. }));
    assert_eq!((record(&hub, &run).await.state, hub.bank.payments()), (RunState::Cancelled, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_had_paid_and_cannot_be_read_again_ends_by_what_it_did() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    let run = claim(&hub, None).await;
    let lost = NewItem { ordinal: 4, line: 5, key: None, cells_hash: [0; 16], amount: None, ended: None };
    let (now, journal) = (jiff::Timestamp::UNIX_EPOCH, hub.engine.journal());
    journal.claim_items(&run, vec![lost], now).await.unwrap();
    let step = StepId { item: ItemId { run: run.clone(), ordinal: 4 }, position: 1 };
    let intent = Intent {
        step: step.clone(),
        operation: "bank.pay".to_owned(),
        who: "marketplace".to_owned(),
        account: "bank:1".to_owned(),
        key: Key::clean("lost").unwrap(),
        once: false,
        request_hash: [7; 32],
        subject: None,
        amount: "5.00 ILS".parse().ok(),
        at: now,
        money: true,
        limits: Limits::default(),
        look_up: serde_json::Value::Null,
        stamp: None,
        original: None,
        opens: None,
    };
    journal.begin_step(intent).await.unwrap();
    let outcome = StoredOutcome {
        status: OutcomeStatus::Succeeded,
        reference: Some("41".to_owned()),
        document: None,
        code: None,
        message: Text::verbatim("paid"),
        data: serde_json::Value::Null.into(),
        amount: "5.00 ILS".parse().ok(),
    };
    journal
        .finish_step(&StepFinish { step, outcome, sealed: Vec::new(), vendor: None, at: now })
        .await
        .unwrap();
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    let files = done(&ends[0].outcome);
    assert_eq!(column(&files.result, "gesher_status")[3], ItemStatus::Incomplete.as_str());
    assert_eq!(column(&files.result, "gesher_reference")[3], "41");
}
