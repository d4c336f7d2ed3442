//! Rows that were settled after their run: the reports follow, byte for byte as if they had ended so, and the rows may
//! be dropped again or may not.

use crate::bank::Bank;
use crate::hub::{Hub, column};
use crate::{done, json};
use gesher_core::StepId;
use gesher_core::time::ManualClock;
use gesher_engine::Resolution;
use gesher_engine::journal::{RunRecord, RunState};
use gesher_trigger::drop::{FileOutcome, Renewed, Reports, ResultFiles, TriggerError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const THREE: &str = "order,amount,answer\r\n1,10,succeeded\r\n2,20,unknown\r\n3,30,unknown\r\n";
/// The same rows as somebody drops them who hopes for better answers.
const AGAIN: &str = "order,amount,answer\r\n1,10,succeeded\r\n2,20,succeeded\r\n3,30,succeeded\r\n";

struct Desk {
    hub: Hub,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn open(base: &Path) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-01T10:00:00Z".parse().unwrap()));
        Self { hub: Hub::clocked(base, &Arc::new(Bank::default()), clock.clone()), clock }
    }

    fn reports(&self) -> Reports {
        let engine = &self.hub.engine;
        Reports {
            journal: Arc::clone(engine.journal()),
            runtime: engine.runtime().clone(),
            clock: Arc::clone(engine.clock()),
            hub: engine.journal().hub_id().clone(),
            data_dir: self.hub.base.join("data"),
        }
    }

    async fn stale(&self) -> Vec<RunRecord> {
        self.hub.engine.journal().stale_reports().await.unwrap()
    }

    /// Settles the row of this ordinal, an hour later.
    async fn settle(&self, run: &RunRecord, ordinal: u64, charged: Option<&str>) {
        self.clock.advance(Duration::from_secs(3_600));
        let step: StepId = format!("{}.{ordinal}.1", run.id).parse().unwrap();
        let (charged, reason) = (charged.map(str::to_owned), "looked in the bank".to_owned());
        let resolution = Resolution { step, charged, reason, actor: "dana".into() };
        self.hub.engine.desk().resolve(&resolution).await.unwrap();
    }

    /// Writes every report that is behind.
    async fn renew(&self) -> Vec<Renewed> {
        let mut renewed = Vec::new();
        for run in self.stale().await {
            renewed.push(self.reports().renew(&run, None).await.unwrap());
        }
        assert!(self.stale().await.is_empty());
        renewed
    }
}

fn read_all(files: &ResultFiles) -> [Option<Vec<u8>>; 3] {
    [Some(&files.result), Some(&files.report), files.retry.as_ref()].map(|path| std::fs::read(path?).ok())
}

async fn run_of(desk: &Desk, outcome: &gesher_trigger::drop::FileEnd) -> RunRecord {
    desk.hub.engine.journal().run(&outcome.run).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_follow_what_was_settled_later() {
    let base = tempfile::tempdir().unwrap();
    let desk = Desk::open(base.path());
    let end = desk.hub.run_text("march.csv", THREE).await;
    let before = done(&end.outcome).clone();
    assert_eq!(column(&before.result, "gesher_status"), ["succeeded", "unknown", "unknown"]);
    assert_eq!(before.retry, None);
    assert!(desk.stale().await.is_empty());
    let run = run_of(&desk, &end).await;

    desk.settle(&run, 2, None).await;
    desk.settle(&run, 3, Some("bank-3")).await;
    let renewed = desk.renew().await;
    let [Renewed::Written(files)] = &renewed[..] else { panic!("{renewed:?}") };
    assert_eq!((&files.result, &files.report), (&before.result, &before.report));
    assert_eq!(column(&files.result, "gesher_status"), ["succeeded", "not_sent", "succeeded"]);
    assert_eq!(column(&files.result, "gesher_reference")[2], "bank-3");
    let messages = column(&files.result, "gesher_message");
    assert!(messages[1].contains("dana") && messages[1].contains("looked in the bank"), "{}", messages[1]);
    let retry = std::fs::read_to_string(files.retry.as_ref().unwrap()).unwrap();
    assert_eq!(retry, "order,amount,answer\r\n2,20,unknown\r\n");
    let report = json(&files.report);
    assert_eq!((&report["counts"]["unknown"], &report["counts"]["succeeded"]), (&0.into(), &2.into()));
    assert_eq!(report["totals"]["ILS"]["succeeded"], "40.00");
    assert_eq!(report["totals"]["ILS"]["not_sent"], "20.00");
    assert_eq!(std::fs::read_to_string(&files.file).unwrap(), THREE);

    // Made from the journal and the file alone, they are the same bytes again.
    let bytes = read_all(files);
    for path in [&files.result, &files.report, files.retry.as_ref().unwrap()] {
        std::fs::remove_file(path).unwrap();
    }
    let run = run_of(&desk, &end).await;
    assert_eq!(desk.reports().renew(&run, None).await.unwrap(), renewed[0]);
    assert_eq!(read_all(files), bytes);
    assert_eq!(desk.hub.names(".work"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_charged_may_be_dropped_again_and_what_was_may_not() {
    let base = tempfile::tempdir().unwrap();
    let desk = Desk::open(base.path());
    let end = desk.hub.run_text("march.csv", THREE).await;
    let run = run_of(&desk, &end).await;
    // While nobody knows, nothing of it is sent again, and the same bytes are no new file.
    let again = desk.hub.run_text("early.csv", AGAIN).await;
    assert_eq!(column(&done(&again.outcome).result, "gesher_status"), ["duplicate"; 3]);
    let same = desk.hub.run_text("same.csv", THREE).await;
    assert!(matches!(same.outcome, FileOutcome::Duplicate { .. }), "{same:?}");
    assert_eq!(desk.hub.bank.payments(), 3);

    desk.settle(&run, 2, None).await;
    desk.settle(&run, 3, Some("bank-3")).await;
    let again = desk.hub.run_text("again.csv", format!("{AGAIN}\r\n")).await;
    let files = done(&again.outcome);
    assert_eq!(column(&files.result, "gesher_status"), ["duplicate", "succeeded", "duplicate"]);
    assert_eq!(desk.hub.bank.payments(), 4);
    assert_eq!(desk.hub.bank.ledger.lock().unwrap().last().unwrap().0, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_retried_already_stays_in_the_retry_file() {
    let base = tempfile::tempdir().unwrap();
    let desk = Desk::open(base.path());
    let text = "order,amount,answer\r\n1,10,unknown\r\n2,20,declined\r\n";
    let end = desk.hub.run_text("march.csv", text).await;
    let retry = done(&end.outcome).retry.clone().unwrap();
    let run = run_of(&desk, &end).await;
    desk.settle(&run, 1, Some("bank-1")).await;
    desk.renew().await;
    assert_eq!(std::fs::read_to_string(&retry).unwrap(), "order,amount,answer\r\n2,20,declined\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_took_away_leaves_its_reports_as_they_were() {
    let base = tempfile::tempdir().unwrap();
    let desk = Desk::open(base.path());
    let end = desk.hub.run_text("march.csv", THREE).await;
    let files = done(&end.outcome).clone();
    let run = run_of(&desk, &end).await;
    let bytes = read_all(&files);
    std::fs::rename(&files.file, base.path().join("archive.csv")).unwrap();
    desk.settle(&run, 2, None).await;
    assert_eq!(desk.renew().await, [Renewed::FileGone(files.file.clone())]);
    assert_eq!(read_all(&files), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_away_is_waited_for() {
    let base = tempfile::tempdir().unwrap();
    let desk = Desk::open(base.path());
    let end = desk.hub.run_text("march.csv", THREE).await;
    let run = run_of(&desk, &end).await;
    desk.settle(&run, 2, None).await;
    let (inbox, away) = (base.path().join("inbox"), base.path().join("away"));
    std::fs::rename(&inbox, &away).unwrap();
    let stale = desk.stale().await.remove(0);
    let renewed = desk.reports().renew(&stale, None).await;
    assert!(matches!(renewed, Err(TriggerError::Missing { .. })), "{renewed:?}");
    assert!(!inbox.exists(), "a folder made anew would hide that one is missing");
    assert_eq!(desk.stale().await.len(), 1);
    // Where the hub's folders were moved, the configured one is theirs.
    let moved = desk.reports().renew(&stale, Some(&away)).await.unwrap();
    let Renewed::Written(files) = moved else { panic!("{moved:?}") };
    assert!(files.result.starts_with(&away));
    assert!(desk.stale().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_settled_while_its_run_goes_on_is_in_its_first_reports() {
    let base = tempfile::tempdir().unwrap();
    let desk = Arc::new(Desk::open(base.path()));
    let rows: String = (1..=40)
        .map(|order| format!("{order},10,{}\r\n", if order == 1 { "unknown" } else { "succeeded" }))
        .collect();
    // Once most rows were sent, the first has ended long ago; its run is at work still.
    let (settled, other) = (Arc::new(std::sync::atomic::AtomicBool::new(false)), Arc::clone(&desk));
    let flag = Arc::clone(&settled);
    let handle = tokio::runtime::Handle::current();
    desk.hub.bank.during(move |count| {
        if count == 30 {
            let (other, flag) = (Arc::clone(&other), Arc::clone(&flag));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    handle.block_on(async {
                        let run = other.hub.engine.journal().unfinished_runs().await.unwrap().remove(0);
                        assert_eq!(run.state, RunState::Running);
                        other.settle(&run, 1, None).await;
                        flag.store(true, std::sync::atomic::Ordering::SeqCst);
                    });
                });
            });
        }
    });
    let end = desk.hub.run_text("march.csv", format!("order,amount,answer\r\n{rows}")).await;
    assert!(settled.load(std::sync::atomic::Ordering::SeqCst));
    let files = done(&end.outcome).clone();
    assert_eq!(column(&files.result, "gesher_status")[0], "not_sent");
    let bytes = read_all(&files);
    desk.renew().await;
    assert_eq!(read_all(&files), bytes);
}
