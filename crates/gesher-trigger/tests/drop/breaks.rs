//! What is left when the hub stops, a disk refuses or a file changes in the middle: every row ends once, and nothing
//! is sent twice.

use crate::bank::Bank;
use crate::hub::{Hub, PayRows, column, table};
use crate::{done, json};
use gesher_core::Language;
use gesher_engine::journal::{RunState, TriggerKind};
use gesher_engine::{Program, Progress, Stop};
use gesher_trigger::drop::{FileOutcome, ResultFiles, TriggerError};
use serde_json::{Value, json};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

fn rows(range: std::ops::Range<u32>) -> String {
    let rows: String = range.map(|order| format!("{order:07},5.00,succeeded\n")).collect();
    format!("order,amount,answer\n{rows}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_goes_on_and_sends_nothing_twice() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let path = base.path().join("x.csv");
    fs::write(&path, rows(0..2_000)).unwrap();
    let mut stopped = 0;
    for from in [700, 1_400, 9_999] {
        let hub = Hub::open(base.path(), &bank);
        let stop = Stop::new();
        let asked = stop.clone();
        bank.during(move |count| {
            if count == from {
                asked.request();
            }
        });
        let ends = if stopped == 0 {
            vec![hub.trigger.run_file(&path, &stop, &Progress::default()).await.unwrap()]
        } else {
            hub.trigger.resume(&stop).await.unwrap()
        };
        assert_eq!(ends.len(), 1);
        if matches!(ends[0].outcome, FileOutcome::Stopped) {
            stopped += 1;
            assert_eq!((hub.names("done").len(), hub.names(".work").len()), (0, 1));
        } else {
            let report = json(&done(&ends[0].outcome).report);
            assert_eq!(report["counts"]["succeeded"].as_u64(), Some(2_000));
        }
    }
    assert_eq!((stopped, bank.payments(), bank.sent_again().len()), (2, 2_000, 0));
}

/// A hub that stopped right after the claim's journal row; `place` puts the file where it was then.
async fn check_claimed(place: impl FnOnce(&Path, &str), want: RunState, payments: usize) {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    hub.trigger.open_folder().unwrap();
    let inbox = base.path().join("inbox");
    fs::write(inbox.join("x.csv"), rows(0..3)).unwrap();
    let metadata = fs::metadata(inbox.join("x.csv")).unwrap();
    let source = json!({ "stamp": stamp(&metadata), "rules": {
        "row_key": { "columns": ["order"] }, "amount": "amount", "encoding": "auto", "not_cards": [],
    }});
    let run = hub
        .engine
        .start_run("pay", TriggerKind::Drop, "x.csv", source, &PayRows::default().script())
        .await
        .unwrap();
    place(&inbox, run.as_str());
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    assert_eq!(ends.len(), 1);
    let state = hub.engine.journal().run(&run).await.unwrap().unwrap().state;
    assert_eq!((state, hub.bank.payments()), (want, payments));
    assert_eq!(hub.names(".work"), [""; 0]);
    assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
}

pub(crate) fn stamp(metadata: &fs::Metadata) -> Value {
    use std::os::unix::fs::MetadataExt;
    json!({
        "size": metadata.size(), "modified_seconds": metadata.mtime(),
        "modified_nanoseconds": metadata.mtime_nsec(), "inode": metadata.ino(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_interrupted_is_finished_wherever_the_file_lies() {
    check_claimed(|_, _| {}, RunState::Finished, 3).await;
    let to_work = |inbox: &Path, run: &str| {
        fs::rename(inbox.join("x.csv"), inbox.join(format!(".work/{run}.x.csv"))).unwrap();
    };
    check_claimed(to_work, RunState::Finished, 3).await;
    check_claimed(|inbox, _| fs::remove_file(inbox.join("x.csv")).unwrap(), RunState::Cancelled, 0).await;
    check_claimed(|inbox, _| fs::write(inbox.join("x.csv"), "another").unwrap(), RunState::Cancelled, 0)
        .await;
    let to_failed = |inbox: &Path, run: &str| {
        fs::rename(inbox.join("x.csv"), inbox.join(format!("failed/x.{run}.csv"))).unwrap();
    };
    check_claimed(to_failed, RunState::Refused, 0).await;
    let to_duplicate = |inbox: &Path, run: &str| {
        fs::rename(inbox.join("x.csv"), inbox.join(format!("duplicate/x.{run}.csv"))).unwrap();
    };
    check_claimed(to_duplicate, RunState::Duplicate, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_could_not_be_written_are_written_again_byte_for_byte() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    hub.trigger.open_folder().unwrap();
    let done_folder = base.path().join("inbox/done");
    let work = base.path().join("inbox/.work");
    let blocked = done_folder.clone();
    hub.bank.during(move |count| {
        if count == 1 {
            let name =
                fs::read_dir(&work).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
            let run = name.split('.').next().unwrap();
            // A folder of that name cannot be replaced by a file.
            fs::create_dir(blocked.join(format!("x.{run}.report.json"))).unwrap();
        }
    });
    let path = base.path().join("x.csv");
    fs::write(&path, format!("{}9999999,1.00,declined\n", rows(0..20))).unwrap();
    let error = hub.run(&path).await.unwrap_err();
    assert!(matches!(error, TriggerError::Folder { .. }) && !error.is_fatal(), "{error}");
    let files = |ending: &str| {
        let names = hub.names("done");
        let name = names.iter().find(|name| name.ends_with(ending)).unwrap().clone();
        done_folder.join(name)
    };
    let (result, retry) = (fs::read(files(".result.csv")).unwrap(), fs::read(files(".retry.csv")).unwrap());
    fs::remove_dir(files(".report.json")).unwrap();
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    let after = done(&ends[0].outcome);
    assert_eq!(fs::read(&after.result).unwrap(), result);
    assert_eq!(fs::read(after.retry.as_ref().unwrap()).unwrap(), retry);
    assert_eq!((after.file.exists(), hub.names(".work").len(), hub.bank.payments()), (true, 0, 21));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_that_changed_are_set_aside_and_can_be_dropped_again() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    hub.trigger.open_folder().unwrap();
    let work = base.path().join("inbox/.work");
    hub.bank.during(move |count| {
        if count == 1 {
            let path = fs::read_dir(&work).unwrap().next().unwrap().unwrap().path();
            let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
            // The amount of a row that is not read yet becomes another.
            file.seek(SeekFrom::Start(25 + 323 * 3_500 + 8)).unwrap();
            file.write_all(b"6").unwrap();
        }
    });
    let total: u32 = 4_000;
    let padding = "x".repeat(299);
    let wide: String = (0..total).map(|order| format!("{order:07},5.00,succeeded,{padding}\n")).collect();
    let end = hub.run_text("x.csv", format!("order,amount,answer,note\n{wide}")).await;
    let files = done(&end.outcome);
    let taken = column(&files.result, "gesher_status").len();
    assert!(taken < 3_500, "{taken}");
    let report = json(&files.report);
    assert_eq!(report["rows"].as_u64(), Some(taken as u64));
    assert_eq!(report["not_taken"].as_u64(), Some(u64::from(total) - taken as u64));
    let late = files.late.as_ref().unwrap();
    assert_eq!(hub.names("failed"), [format!("x.{}.late.csv", end.run)]);
    let alerts = hub.engine.journal().alerts(10).await.unwrap();
    let told: Vec<_> =
        alerts.iter().map(|alert| (alert.alert.kind.as_str(), alert.alert.subject.as_deref())).collect();
    assert_eq!(told, [("file_changed", Some(end.run.as_str()))]);
    assert!(alerts[0].alert.text.contains("late.csv"), "{}", alerts[0].alert.text);
    let again = hub.run(late).await.unwrap();
    done(&again.outcome);
    assert_eq!((hub.bank.payments(), hub.bank.sent_again().len()), (total as usize, 0));
}

/// Changes the file while its first row is paid, and answers the hub, its files and the run's message.
async fn changed(
    base: &Path,
    text: String,
    change: impl Fn(&Path) + Send + 'static,
) -> (Hub, ResultFiles, String) {
    let hub = Hub::with(base, &Arc::<Bank>::default(), Language::En, |_| {});
    hub.trigger.open_folder().unwrap();
    let work = base.join("inbox/.work");
    hub.bank.during(move |count| {
        if count == 1 {
            change(&fs::read_dir(&work).unwrap().next().unwrap().unwrap().path());
        }
    });
    let end = hub.run_text("x.csv", text).await;
    let message = hub.engine.journal().run(&end.run).await.unwrap().unwrap().message.unwrap();
    let files = done(&end.outcome).clone();
    (hub, files, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_after_all_its_rows_were_taken_leaves_nothing_to_send_twice() {
    let base = tempfile::tempdir().unwrap();
    let other = |path: &Path| fs::write(path, "order,amount,answer\n7,1.00,succeeded\n").unwrap();
    let (hub, files, message) = changed(base.path(), rows(0..3), other).await;
    assert_eq!((files.late, hub.names("failed")), (None, Vec::new()));
    assert!(
        message.contains("after all its rows had been taken") && message.contains(".result.csv"),
        "{message}"
    );
    // The rows are gone from the file, and the result still says which orders were paid.
    assert_eq!(column(&files.result, "order"), ["0000000", "0000001", "0000002"]);
    assert_eq!(column(&files.result, "amount"), ["5.00", "5.00", "5.00"]);
    assert_eq!(column(&files.result, "gesher_status"), ["succeeded"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_may_repeat_paid_rows_says_so() {
    let base = tempfile::tempdir().unwrap();
    // One change is in the first block, whose rows are taken by then, and one where nothing is read yet.
    let both = |path: &Path| {
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        for row in [0, 3_500] {
            file.seek(SeekFrom::Start(25 + 323 * row + 8)).unwrap();
            file.write_all(b"6").unwrap();
        }
    };
    let padding = "x".repeat(299);
    let wide: String = (0..4_000).map(|order| format!("{order:07},5.00,succeeded,{padding}\n")).collect();
    let (_hub, files, message) =
        changed(base.path(), format!("order,amount,answer,note\n{wide}"), both).await;
    let late = fs::read_to_string(files.late.unwrap()).unwrap();
    assert!(late.starts_with("order,amount,answer,note\n0000000,6.00"), "{}", &late[..80]);
    assert!(message.contains("may repeat rows that were charged; compare gesher_line"), "{message}");
    assert!(!message.contains("were not sent"), "{message}");
    assert_eq!(column(&files.result, "order")[..2], ["0000000", "0000001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_while_the_hub_was_down_ends_too() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let hub = Hub::open(base.path(), &bank);
    let path = base.path().join("x.csv");
    fs::write(&path, rows(0..3_000)).unwrap();
    let stop = Stop::new();
    let asked = stop.clone();
    bank.during(move |count| {
        if count == 100 {
            asked.request();
        }
    });
    let end = hub.trigger.run_file(&path, &stop, &Progress::default()).await.unwrap();
    assert!(matches!(end.outcome, FileOutcome::Stopped));
    let work = base.path().join("inbox/.work").join(hub.names(".work").remove(0));
    fs::write(&work, format!("{}9999999,5.00,succeeded\n", rows(0..3_000))).unwrap();
    let ends = hub.trigger.resume(&Stop::new()).await.unwrap();
    let files = done(&ends[0].outcome);
    let report = json(&files.report);
    let count = |status: &str| report["counts"][status].as_u64().unwrap();
    assert_eq!(count("succeeded") as usize, bank.payments());
    assert!(count("not_sent") > 0 && count("unknown") == 0);
    assert_eq!(count("succeeded") + count("not_sent"), report["rows"].as_u64().unwrap());
    let codes = column(&files.result, "gesher_code");
    assert!(codes.iter().any(|code| code == "file_changed"), "{codes:?}");
    assert!(!codes.iter().any(|code| code == "not_begun"));
    let late = files.late.clone().unwrap();
    done(&hub.run(&late).await.unwrap().outcome);
    assert_eq!((bank.payments(), bank.sent_again().len()), (3_001, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_file_is_gone_keeps_no_other_waiting() {
    let base = tempfile::tempdir().unwrap();
    let bank = Arc::<Bank>::default();
    let path = base.path().join("x.csv");
    fs::write(&path, rows(0..1_500)).unwrap();
    let hub = Hub::open(base.path(), &bank);
    let stop = Stop::new();
    let asked = stop.clone();
    bank.during(move |_| asked.request());
    let end = hub.trigger.run_file(&path, &stop, &Progress::default()).await.unwrap();
    assert!(matches!(end.outcome, FileOutcome::Stopped));
    let (work, away) = (base.path().join("inbox/.work"), base.path().join("away.csv"));
    let name = hub.names(".work").remove(0);
    fs::rename(work.join(&name), &away).unwrap();
    assert!(hub.trigger.resume(&Stop::new()).await.unwrap().is_empty());
    let other = hub.run_text("y.csv", rows(5_000..5_010)).await;
    assert_eq!(table(&done(&other.outcome).result).len(), 10);
    fs::rename(&away, work.join(&name)).unwrap();
    assert_eq!(hub.trigger.resume(&Stop::new()).await.unwrap().len(), 1);
    assert_eq!((bank.payments(), bank.sent_again().len()), (1_510, 0));
}
