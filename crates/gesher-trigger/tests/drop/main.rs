//! Files dropped into a folder, with a real journal and a real engine under them: where they end, what was sent, and
//! what is left when things break in the middle.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod approval;
mod bank;
mod breaks;
mod decisions;
mod hub;
mod renew;
mod resume;

use bank::Bank;
use gesher_core::time::ManualClock;
use gesher_core::{ItemStatus, Language};
use gesher_engine::Stop;
use gesher_engine::journal::RunState;
use gesher_trigger::drop::{FileOutcome, ResultFiles, RowKey, TriggerError};
use hub::{Hub, PayRows, column, table};
use proptest::prelude::*;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn done(outcome: &FileOutcome) -> &ResultFiles {
    match outcome {
        FileOutcome::Done { files, .. } => files,
        other => panic!("{other:?}"),
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

const EVERY_KIND: &str = "order,amount,answer,note\r\n\
    1,10,succeeded,=1+1\r\n\
    2,20.5,declined,+972-50-1234567\r\n\
    3,x,succeeded,-5\r\n\
    4,40,rejected,\r\n\
    5,50,not_sent,\r\n\
    6,60,unknown,\r\n\
    1,10,succeeded,=1+1\r\n\
    2,99,succeeded,other cells\r\n\
    8,80,,skipped\r\n\
    \r\n\
    9,90,succeeded,4111111111111111\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_line_in_the_result() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::with(base.path(), &Arc::default(), Language::En, |_| {});
    let end = hub.run_text("march.csv", EVERY_KIND).await;
    let files = done(&end.outcome);
    assert_eq!(
        column(&files.result, "gesher_status"),
        [
            "succeeded",
            "declined",
            "invalid",
            "rejected",
            "not_sent",
            "unknown",
            "duplicate",
            "invalid",
            "skipped",
            "invalid"
        ]
    );
    let lines = column(&files.result, "gesher_line");
    assert_eq!(lines, ["2", "3", "4", "5", "6", "7", "8", "9", "10", "12"]);
    assert_eq!(column(&files.result, "note")[..3], ["'=1+1", "+972-50-1234567", "-5"]);
    assert_eq!(column(&files.result, "note")[9], "[card ****1111]");
    assert_eq!(column(&files.result, "gesher_reference")[0], "ref-1");
    assert_eq!(column(&files.result, "gesher_code")[7], "key_conflict");
    assert_eq!(column(&files.result, "gesher_code")[9], "card_number");
    let retry = std::fs::read_to_string(files.retry.as_ref().unwrap()).unwrap();
    let want = "order,amount,answer,note\r\n2,20.5,declined,+972-50-1234567\r\n3,x,succeeded,-5\r\n4,40,rejected,\r\n\
                5,50,not_sent,\r\n2,99,succeeded,other cells\r\n";
    assert_eq!(retry, want);

    let report = json(&files.report);
    assert_eq!((report["rows"].as_u64(), report["not_taken"].as_u64()), (Some(10), Some(0)));
    let sum: u64 =
        ItemStatus::ALL.iter().map(|status| report["counts"][status.as_str()].as_u64().unwrap()).sum();
    assert_eq!(sum, 10);
    assert_eq!(report["totals"]["ILS"]["succeeded"], "10.00");
    assert_eq!(report["totals"]["ILS"]["declined"], "20.50");
    assert_eq!(report["file"], "march.csv");
    assert_eq!(report["sha256"].as_str().unwrap().len(), 64);
    assert!(base.path().join("march.csv").exists(), "what was copied in stays where it was");
    assert_eq!(std::fs::read_to_string(&files.file).unwrap(), EVERY_KIND);
    assert_eq!(hub.names(".work"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_again_is_a_duplicate_unless_rows_were_left_free() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let all = "order,amount,answer\n1,10,succeeded\n2,20,succeeded\n";
    let first = hub.run_text("a.csv", all).await;
    done(&first.outcome);
    let again = hub.run_text("b.csv", all).await;
    let FileOutcome::Duplicate { of, file, message } = &again.outcome else { panic!("{again:?}") };
    assert_eq!((of, hub.names("duplicate")), (&first.run, vec![format!("b.{}.csv", again.run)]));
    assert!(file.exists() && message.contains("אותו תוכן בדיוק") && message.contains("a.csv"), "{message}");
    assert_eq!(hub.bank.payments(), 2);

    let some = "order,amount,answer\n3,10,declined\n4,20,succeeded\n";
    done(&hub.run_text("c.csv", some).await.outcome);
    let end = hub.run_text("d.csv", some).await;
    let files = done(&end.outcome);
    assert_eq!(column(&files.result, "gesher_status"), ["declined", "duplicate"]);
    assert_eq!(hub.bank.payments(), 5);
    let mended =
        hub.run_text("e.csv", "order,amount,answer\n3,10,succeeded\n4,20,succeeded\n5,1,succeeded\n").await;
    assert_eq!(
        column(&done(&mended.outcome).result, "gesher_status"),
        ["succeeded", "duplicate", "succeeded"]
    );
    assert_eq!(hub.bank.payments(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_differ_only_by_what_nobody_sees_are_duplicates() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let text = "order,amount,answer,note\n1,10,succeeded,café\n 1,10 ,succeeded,\u{200f}cafe\u{301}\n1,10,succeeded,tea\n";
    let end = hub.run_text("x.csv", text).await;
    let files = done(&end.outcome);
    assert_eq!(column(&files.result, "gesher_status"), ["succeeded", "duplicate", "invalid"]);
    assert_eq!(column(&files.result, "gesher_code")[2], "key_conflict");
    assert_eq!(hub.bank.payments(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_in_the_amount_is_one_fault() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::with(base.path(), &Arc::default(), Language::En, |_| {});
    let end = hub.run_text("x.csv", "order,amount,answer\n1,4111111111111111,succeeded\n").await;
    let message = &column(&done(&end.outcome).result, "gesher_message")[0];
    assert!(
        message.starts_with("column amount: this is a card number")
            && message.matches("column amount:").count() == 1,
        "{message}"
    );
}

const CARD_NAME: &str = "dana 4111-1111-1111-1111.csv";

/// Nothing that the hub wrote holds the card number: no name of a file, no report, no run.
async fn check_no_card(hub: &Hub, run: &gesher_core::RunId) {
    let run = hub.engine.journal().run(run).await.unwrap().unwrap();
    assert_eq!(run.name, "dana [card ****1111].csv");
    for folder in ["done", "duplicate", "failed", ".work"] {
        for name in hub.names(folder) {
            assert!(!name.contains("4111-") && name.starts_with("dana [card ****1111]."), "{name}");
            let bytes = std::fs::read(inbox(hub).join(folder).join(&name)).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("4111-"), "{name}");
        }
    }
}

fn inbox(hub: &Hub) -> std::path::PathBuf {
    hub.base.join("inbox")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_in_a_name_goes_no_further_than_the_dropped_file() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let text = "order,amount,answer\n1,5,succeeded\n";
    let end = hub.run_text(CARD_NAME, text).await;
    done(&end.outcome);
    check_no_card(&hub, &end.run).await;
    assert!(base.path().join(CARD_NAME).exists(), "what was copied in keeps its name");
    let end = hub.run_text(CARD_NAME, text).await;
    let FileOutcome::Duplicate { message, .. } = &end.outcome else { panic!("{end:?}") };
    assert!(message.contains("dana [card ****1111].csv"), "{message}");
    check_no_card(&hub, &end.run).await;
    let dropped = inbox(&hub).join(CARD_NAME);
    std::fs::write(&dropped, text.replace('1', "2")).unwrap();
    let end = hub.run(&dropped).await.unwrap();
    done(&end.outcome);
    assert!(!dropped.exists());
    check_no_card(&hub, &end.run).await;
}

async fn check_refused(text: &[u8], name: &str, line: &str, problem: &str) {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let end = hub.run_text(name, text).await;
    let FileOutcome::Refused { errors, message } = &end.outcome else { panic!("{end:?}") };
    let rows = table(errors);
    let cells: Vec<_> = rows[0].iter().map(|cell| cell.1.as_str()).collect();
    assert_eq!(cells[0], line, "{problem}");
    assert!(cells[3].contains(problem) && message.contains(problem), "{cells:?} {message}");
    let run = end.run;
    let ending = Path::new(name).extension().unwrap().to_str().unwrap();
    let mut want = [format!("x.{run}.{ending}"), format!("x.{run}.errors.csv")];
    want.sort();
    assert_eq!(hub.names("failed"), want);
    assert_eq!((hub.names(".work"), hub.bank.payments()), (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_refused_whole_says_why_in_hebrew() {
    check_refused(b"", "x.csv", "", "הקובץ ריק").await;
    check_refused(b"order,answer\n1,succeeded\n", "x.csv", "1", "העמודה amount חסרה").await;
    check_refused(b"order,amount\n1,5\n", "x.csv", "1", "העמודה answer חסרה").await;
    check_refused(b"order,amount,answer,cvv\n1,5,,123\n", "x.csv", "1", "קודי אבטחה").await;
    check_refused(b"order,amount,answer\n1,5\n", "x.csv", "2", "בשורה יש 2 תאים").await;
    check_refused(b"order,amount,answer\n1\n", "x.csv", "2", "בשורה יש תא אחד,").await;
    check_refused(b"order,amount,answer\n1,5,\"a\n", "x.csv", "2", "שאינן נסגרות").await;
    check_refused(b"order,amount,answer\n\xf9,5,a\n", "x.csv", "2", "UTF-8").await;
    check_refused(b"order,amount,answer\n1,5,a\n", "x.tsv", "1", "מופרדות").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_utf16_table_come_back_byte_for_byte() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let utf16 = |text: &str| {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
    };
    let header = "order\tamount\tanswer\tשם\r\n";
    let (good, bad) = ("1\t5\tsucceeded\tדנה\r\n", "2\t6\tdeclined\t\"חברה, בע\"\"מ\"\r\n");
    let end = hub.run_text("מרץ.tsv", utf16(&format!("{header}{good}{bad}"))).await;
    let files = done(&end.outcome);
    assert_eq!(column(&files.result, "שם"), ["דנה", "חברה, בע\"מ"]);
    let retry = files.retry.as_ref().unwrap();
    assert!(retry.to_str().unwrap().ends_with(".retry.tsv"));
    assert_eq!(std::fs::read(retry).unwrap(), utf16(&format!("{header}{bad}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_says_how_on_finish_ended_beside_the_rows() {
    let base = tempfile::tempdir().unwrap();
    let script = PayRows { on_finish: Some("no paper"), ..PayRows::default() };
    let hub = Hub::scripted(base.path(), &Arc::default(), script);
    let text = "order,amount,answer\n1,5,succeeded\n";
    let end = hub.run_text("x.csv", text).await;
    let report = json(&done(&end.outcome).report);
    assert_eq!((report["rows"].as_u64(), report["counts"]["rejected"].as_u64()), (Some(1), Some(0)));
    let want = serde_json::json!({ "status": "rejected", "code": "finish", "message": "no paper" });
    assert_eq!(report["on_finish"], want);
    assert_eq!(table(&done(&end.outcome).result).len(), 1);

    let base = tempfile::tempdir().unwrap();
    let end = Hub::open(base.path(), &Arc::default()).run_text("x.csv", text).await;
    assert_eq!(json(&done(&end.outcome).report).get("on_finish"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_try_again_leaves_no_retry_file() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::with(base.path(), &Arc::default(), Language::He, |config| config.row_key = RowKey::Line);
    let end = hub.run_text("x.csv", "order,amount,answer\n1,5,succeeded\n2,5,succeeded\n").await;
    assert_eq!(done(&end.outcome).retry, None);
    let run = &end.run;
    assert_eq!(
        hub.names("done"),
        [format!("x.{run}.csv"), format!("x.{run}.report.json"), format!("x.{run}.result.csv")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_mended_may_be_dropped_itself() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let first = hub.run_text("x.csv", "order,amount,answer\n1,5,succeeded\n2,x,succeeded\n").await;
    let result = std::fs::read_to_string(&done(&first.outcome).result).unwrap();
    let second = hub.run_text("mended.csv", result.replace("2,x,", "2,7,")).await;
    let files = done(&second.outcome);
    assert_eq!(column(&files.result, "gesher_status"), ["duplicate", "succeeded"]);
    let header: Vec<_> = table(&files.result).remove(0).into_iter().map(|cell| cell.0).collect();
    assert_eq!(header[..4], ["order", "amount", "answer", "gesher_line"]);
    assert_eq!((header.len(), hub.bank.payments()), (9, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_touches_nothing() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    let path = base.path().join("x.csv");
    std::fs::write(&path, EVERY_KIND).unwrap();
    let found = hub.trigger.dry_run(&path).await.unwrap().unwrap();
    assert_eq!((found.rows, found.invalid), (10, 2));
    assert_eq!((hub.bank.payments(), base.path().join("inbox").exists()), (0, false));
    std::fs::write(&path, "order\n").unwrap();
    assert_eq!(hub.trigger.dry_run(&path).await.unwrap().unwrap_err().faults.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_another_hub_is_left_alone() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::default());
    hub.trigger.open_folder().unwrap();
    let other = tempfile::tempdir().unwrap();
    let folder = base.path().join("inbox");
    let other =
        Hub::with(other.path(), &Arc::default(), Language::He, |config| config.folder.clone_from(&folder));
    let error = other.run(&base.path().join("data/master.key")).await.unwrap_err();
    assert!(matches!(error, TriggerError::Folder { .. }), "{error}");
    assert!(error.with_reasons().contains("belongs to another hub"), "{}", error.with_reasons());
}

/// Watches until `ready` says so.
async fn watch_until(hub: &Hub, ready: impl Fn() -> bool) {
    let stop = Stop::new();
    let (trigger, asked) = (Arc::clone(&hub.trigger), stop.clone());
    let watching = tokio::spawn(async move { trigger.watch(&asked).await });
    let mut looks = 0;
    while !ready() && looks < 6_000 {
        looks += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.request();
    watching.await.unwrap().unwrap();
    assert!(ready(), "waited in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_files_are_taken_and_unfinished_ones_are_not() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::open(base.path(), &Arc::<Bank>::default());
    let inbox = base.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    let row = |order: u32| format!("order,amount,answer\n{order},5,succeeded\n");
    std::fs::write(inbox.join("down.csv"), row(1)).unwrap();
    std::fs::write(inbox.join("half.csv.part"), row(2)).unwrap();
    std::fs::write(inbox.join(".hidden.csv"), row(3)).unwrap();
    std::fs::write(inbox.join("other.txt"), row(4)).unwrap();
    std::fs::create_dir(inbox.join("folder.csv")).unwrap();
    let counted = || hub.names("done").iter().filter(|name| name.ends_with(".report.json")).count();
    hub.trigger.open_folder().unwrap();
    watch_until(&hub, || counted() == 1).await;
    std::fs::rename(inbox.join("half.csv.part"), inbox.join("half.csv")).unwrap();
    watch_until(&hub, || counted() == 2).await;
    let orders: Vec<_> = hub.bank.ledger.lock().unwrap().iter().map(|sent| sent.0.clone()).collect();
    assert_eq!(orders, ["1", "2"]);
    let left = hub.names("");
    for name in [".gesher-owner", ".hidden.csv", "folder.csv", "other.txt"] {
        assert!(left.contains(&name.to_owned()), "{left:?}");
    }
    assert!(!left.iter().any(|name| name == "half.csv" || name == "down.csv"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_could_not_be_moved_is_taken_once_it_can_be() {
    let base = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
    let hub = Hub::clocked(base.path(), &Arc::default(), clock.clone());
    hub.trigger.open_folder().unwrap();
    let (inbox, work) = (base.path().join("inbox"), base.path().join("inbox/.work"));
    std::fs::remove_dir(&work).unwrap();
    // Nothing can be moved there, whoever the tests run as: it is another mount.
    std::os::unix::fs::symlink("/proc/self", &work).unwrap();
    std::fs::write(inbox.join("x.csv"), "order,amount,answer\n1,5,succeeded\n").unwrap();
    let stop = Stop::new();
    let (trigger, asked) = (Arc::clone(&hub.trigger), stop.clone());
    let watching = tokio::spawn(async move { trigger.watch(&asked).await });
    let runs = async || hub.engine.journal().runs(None, 10).await.unwrap();
    let mut is_free = false;
    for look in 0..400 {
        // Each look is later than the last by more than the pause after trouble.
        clock.advance(Duration::from_secs(7));
        tokio::time::sleep(Duration::from_millis(10)).await;
        if look == 150 {
            assert_eq!(runs().await.len(), 1, "many tries, and one run that says so");
            std::fs::remove_file(&work).unwrap();
            std::fs::create_dir_all(&work).unwrap();
            is_free = true;
        }
        if is_free && hub.bank.payments() == 1 && hub.names(".work").is_empty() {
            break;
        }
    }
    stop.request();
    watching.await.unwrap().unwrap();
    let mut states: Vec<_> = runs().await.into_iter().map(|run| run.state).collect();
    states.sort_by_key(|state| *state == RunState::Finished);
    assert_eq!(states, [RunState::Cancelled, RunState::Finished]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_still_grows_is_left_until_it_is_quiet() {
    let base = tempfile::tempdir().unwrap();
    let hub = Hub::with(base.path(), &Arc::<Bank>::default(), Language::He, |config| {
        config.settle = Duration::from_secs(3);
    });
    hub.trigger.open_folder().unwrap();
    let path = base.path().join("inbox/slow.csv");
    let writing = tokio::spawn(async move {
        let mut text = "order,amount,answer\n".to_owned();
        for order in 0..10 {
            text.push_str(&format!("{order},5,succeeded\n"));
            std::fs::write(&path, &text).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    watch_until(&hub, || !hub.names("done").is_empty() && hub.names(".work").is_empty()).await;
    writing.await.unwrap();
    assert_eq!((hub.bank.payments(), hub.names("failed").len()), (10, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn counts_add_up_and_no_order_is_sent_twice(
        rows in prop::collection::vec((0_u32..12, "[a1 ]{0,1}[0-9]{1,2}", 0_usize..7), 1..40),
    ) {
        let answers = ["succeeded", "declined", "rejected", "not_sent", "unknown", "", "succeeded"];
        let mut text = "order,amount,answer\n".to_owned();
        for (order, amount, answer) in &rows {
            text.push_str(&format!("{order},{amount},{}\n", answers[*answer]));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let base = tempfile::tempdir().unwrap();
            let hub = Hub::open(base.path(), &Arc::default());
            let end = hub.run_text("x.csv", &text).await;
            let files = done(&end.outcome);
            let report = json(&files.report);
            let counts = report["counts"].as_object().unwrap();
            assert_eq!(counts.len(), 10);
            let sum: u64 = counts.values().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(sum as usize, rows.len());
            assert_eq!(column(&files.result, "gesher_status").len(), rows.len());
            assert_eq!(hub.bank.sent_again(), [""; 0]);
        });
    }
}
