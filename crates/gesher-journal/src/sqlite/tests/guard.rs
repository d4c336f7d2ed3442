//! The intent log beside the database: what a crash between the two leaves, restored databases, logs that fail.

use super::*;
use crate::record::{Begin, StepState};
use std::sync::atomic::{AtomicBool, Ordering};

impl Folder {
    fn log(&self) -> std::path::PathBuf {
        self.0.path().join("intents.log")
    }

    fn open_logged(&self) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(&self.path(), Some(&self.log()), &[], Timestamp::UNIX_EPOCH)
    }

    fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    /// Puts another database in the place of this one, as a restore does.
    fn restore(&self, from: &Path) {
        for ending in ["-wal", "-shm"] {
            drop(std::fs::remove_file(self.0.path().join(format!("gesher.db{ending}"))));
        }
        std::fs::copy(from, self.path()).unwrap();
    }
}

async fn send(journal: &SqliteJournal, run: &RunId, ordinal: u64, key: &str) -> Begin {
    journal.begin_step(intent(run, ordinal, key)).await.unwrap()
}

async fn state(journal: &SqliteJournal, run: &RunId, ordinal: u64) -> Option<StepState> {
    journal.step(&intent(run, ordinal, "k").step).await.unwrap().map(|step| step.state)
}

const UNKNOWN: Option<StepState> = Some(StepState::Over(OutcomeStatus::Unknown));

#[tokio::test]
async fn every_intent_is_in_the_log_before_it_is_answered() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    for ordinal in 1..=20 {
        let key = format!("k{ordinal}");
        assert!(matches!(send(&journal, &run, ordinal, &key).await, Begin::Send { .. }));
        assert!(folder.log_text().lines().last().unwrap().contains(&format!("\"{run}.{ordinal}.1\"")));
    }
    // What is not sent is not logged.
    let before = folder.log_text();
    assert!(matches!(send(&journal, &run, 30, "k1").await, Begin::InFlight(_)));
    journal.finish_step(finish(&run, 1, OutcomeStatus::Succeeded)).await.unwrap();
    assert_eq!(folder.log_text(), before);
}

#[tokio::test]
async fn a_log_that_a_crash_left_shorter_is_completed_from_the_database() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    for ordinal in 1..=40 {
        send(&journal, &run, ordinal, &format!("k{ordinal}")).await;
    }
    drop(journal);
    let whole = folder.log_text();
    // At every length, in the middle of a line too, and from its beginning.
    for length in (0..whole.len()).step_by(97).chain([0, whole.len()]) {
        std::fs::write(folder.log(), &whole.as_bytes()[..length]).unwrap();
        assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete, "{length}");
        assert_eq!(folder.log_text(), whole, "{length}");
    }
    std::fs::remove_file(folder.log()).unwrap();
    folder.open_logged().unwrap();
    assert_eq!(folder.log_text(), whole);
}

#[tokio::test]
async fn a_restored_older_database_sends_nothing_until_what_it_lacks_is_adopted() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    send(&journal, &run, 1, "before").await;
    send(&journal, &run, 2, "again").await;
    journal.back_up(&backup).await.unwrap();
    // From here on the backup knows nothing.
    journal.finish_step(finish(&run, 2, OutcomeStatus::Declined)).await.unwrap();
    send(&journal, &run, 3, "again").await;
    send(&journal, &run, 4, "after").await;
    let late = begin_run(&journal).await;
    send(&journal, &late, 7, "late").await;
    drop(journal);
    folder.restore(&backup);

    let journal = folder.open_logged().unwrap();
    let first = intent(&run, 3, "k").step.to_string();
    assert_eq!(journal.guard(), Guard::Behind { missing: 3, first });
    journal.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap();
    for key in ["after", "new"] {
        let refused = journal.begin_step(intent(&run, 9, key)).await;
        assert!(matches!(refused, Err(JournalError::Behind { missing: 3, .. })), "{refused:?}");
    }
    drop(journal);

    let journal = folder.open_logged().unwrap();
    let adopted = journal.adopt_intents(Timestamp::UNIX_EPOCH).await.unwrap();
    let want = [(&run, 3), (&run, 4), (&late, 7)].map(|(run, ordinal)| intent(run, ordinal, "k").step);
    assert_eq!(adopted, want);
    assert_eq!(journal.guard(), Guard::Complete);
    for (run, ordinal) in [(&run, 1), (&run, 3), (&run, 4), (&late, 7)] {
        assert_eq!(state(&journal, run, ordinal).await, UNKNOWN, "{run} {ordinal}");
    }
    // A later attempt was logged, so the earlier one had ended without effect.
    assert_eq!(state(&journal, &run, 2).await, Some(StepState::Over(OutcomeStatus::Rejected)));
    for key in ["before", "again", "after", "late"] {
        assert!(matches!(send(&journal, &run, 20, key).await, Begin::Open(_)), "{key}");
    }
    let found = journal.run(&late).await.unwrap().unwrap();
    assert_eq!((found.state, found.flow.as_str()), (RunState::Finished, "charges"));
    assert_eq!(journal.tally(&late).await.unwrap().count(ItemStatus::Unknown), 1);
    assert!(matches!(send(&journal, &run, 21, "new").await, Begin::Send { attempt: 1 }));
    assert_eq!(journal.adopt_intents(Timestamp::UNIX_EPOCH).await.unwrap(), []);
    drop(journal);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn an_adopted_intent_finds_a_place_though_a_refused_call_took_its_own() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    journal.back_up(&backup).await.unwrap();
    send(&journal, &run, 1, "k").await;
    let mut refused = journal.step(&intent(&run, 1, "k").step).await.unwrap().unwrap();
    drop(journal);
    folder.restore(&backup);
    let journal = folder.open_logged().unwrap();
    refused.state = StepState::Over(OutcomeStatus::Rejected);
    journal.record_step(refused).await.unwrap();
    let adopted = journal.adopt_intents(Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(adopted.iter().map(|step| step.position).collect::<Vec<_>>(), [2]);
    drop(journal);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn the_log_of_another_hub_and_one_that_cannot_be_written_are_refused_at_the_start() {
    let (folder, other) = (Folder::new(), Folder::new());
    drop(other.open_logged().unwrap());
    folder.open(&[]).unwrap();
    let open = |log: &Path| SqliteJournal::open(&folder.path(), Some(log), &[], Timestamp::UNIX_EPOCH);
    for log in [other.log(), folder.0.path().to_owned(), folder.0.path().join("absent").join("log")] {
        let refused = open(&log);
        assert!(matches!(refused, Err(JournalError::IntentLog { .. })), "{refused:?}");
    }
    open(&folder.log()).unwrap();
}

#[tokio::test]
async fn an_intent_that_cannot_be_logged_is_not_sent_and_its_key_is_free() {
    let folder = Folder::new();
    let (writing, hub) = open::for_writing(&folder.path(), &[], Timestamp::UNIX_EPOCH).unwrap();
    let mut log = IntentLog::open(&folder.log(), &hub).unwrap();
    let broken = Arc::new(AtomicBool::new(true));
    log.broken_in_tests(Arc::clone(&broken));
    let role = Role::Sender(Some(log));
    let journal = SqliteJournal::with(&folder.path(), hub, Some((writing, role)), Guard::Complete).unwrap();
    let run = begin_run(&journal).await;
    let empty = folder.log_text();
    for ordinal in 1..=3 {
        let refused = journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))).await;
        assert!(matches!(refused, Err(JournalError::IntentLog { .. })), "{refused:?}");
        // What else was written meanwhile is durable.
        journal
            .put_sealed(SealedRow { name: "a".to_owned(), bytes: vec![1] }, Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(
            state(&journal, &run, ordinal).await,
            Some(StepState::Over(OutcomeStatus::NotSent)),
            "{ordinal}"
        );
    }
    assert_eq!(folder.log_text(), empty);
    broken.store(false, Ordering::Release);
    assert!(matches!(send(&journal, &run, 9, "k1").await, Begin::Send { attempt: 2 }));
    assert_eq!(folder.log_text().lines().count(), 2);
    drop(journal);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn beside_a_hub_nothing_is_sent_and_nothing_settled() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    send(&journal, &run, 1, "k").await;
    let beside = SqliteJournal::open_beside(&folder.path()).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    assert!(matches!(beside.begin_step(intent(&run, 2, "k2")).await, Err(JournalError::Beside)));
    assert!(matches!(beside.settle_in_flight(now).await, Err(JournalError::Beside)));
    assert!(matches!(beside.adopt_intents(now).await, Err(JournalError::Beside)));
    assert_eq!(state(&journal, &run, 1).await, Some(StepState::InFlight));
    beside.put_sealed(SealedRow { name: "a".to_owned(), bytes: vec![1] }, now).await.unwrap();
    assert!(journal.sealed("a").await.unwrap().is_some());
    assert!(SqliteJournal::open_beside(&folder.0.path().join("absent.db")).is_err());
}

#[tokio::test]
async fn a_copy_is_whole_is_its_owners_and_replaces_nothing() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let run = begin_run(&journal).await;
    let copy = folder.0.path().join("copy.db");
    journal.back_up(&copy).await.unwrap();
    assert!(matches!(journal.back_up(&copy).await, Err(JournalError::Exists { .. })));
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(SqliteJournal::check_file(&copy).unwrap(), *journal.hub_id());
    assert!(SqliteJournal::open_reader(&copy).unwrap().run(&run).await.unwrap().is_some());
    assert!(journal.back_up(&folder.0.path().join("absent").join("copy.db")).await.is_err());

    let mut bytes = std::fs::read(&copy).unwrap();
    let damaged = folder.0.path().join("damaged.db");
    for page in 2..bytes.len() / 4096 {
        bytes[page * 4096..page * 4096 + 64].fill(0xff);
    }
    std::fs::write(&damaged, &bytes).unwrap();
    assert!(SqliteJournal::check_file(&damaged).is_err());
    std::fs::write(&damaged, "order_id,amount\n").unwrap();
    assert!(SqliteJournal::check_file(&damaged).is_err());
}
