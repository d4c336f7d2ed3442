//! The intent log beside the database: what a crash between the two leaves, restored databases, logs that fail.

use super::logging::{while_set, with_log};
use super::*;
use crate::record::{Begin, ItemState, StepState};
use std::sync::atomic::{AtomicBool, Ordering};

impl Folder {
    pub(super) fn log(&self) -> std::path::PathBuf {
        self.0.path().join("intents.log")
    }

    pub(super) fn open_logged(&self) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(&self.path(), Some(&self.log()), &[], Timestamp::UNIX_EPOCH)
    }

    pub(super) fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    /// Puts another database in the place of this one, as a restore does.
    pub(super) fn restore(&self, from: &Path) {
        for ending in ["-wal", "-shm"] {
            drop(std::fs::remove_file(self.0.path().join(format!("gesher.db{ending}"))));
        }
        std::fs::copy(from, self.path()).unwrap();
    }
}

pub(super) async fn send(journal: &SqliteJournal, run: &RunId, ordinal: u64, key: &str) -> Begin {
    journal.begin_step(intent(run, ordinal, key)).await.unwrap()
}

pub(super) async fn state(journal: &SqliteJournal, run: &RunId, ordinal: u64) -> Option<StepState> {
    journal.step(&intent(run, ordinal, "k").step).await.unwrap().map(|step| step.state)
}

async fn claim(journal: &SqliteJournal, run: &RunId, ordinal: u64, key: &str) -> Claim {
    journal.claim_items(run, vec![row(ordinal, key)], Timestamp::UNIX_EPOCH).await.unwrap().remove(0)
}

async fn end(journal: &SqliteJournal, run: &RunId, ordinal: u64, status: ItemStatus) {
    let item = ItemId { run: run.clone(), ordinal };
    journal.finish_item(&item, ItemEnd::new(status, "code", "message"), Timestamp::UNIX_EPOCH).await.unwrap();
}

async fn item(journal: &SqliteJournal, run: &RunId, ordinal: u64) -> ItemRecord {
    let query = ItemQuery { run: run.clone(), status: None, after: Some(ordinal - 1), limit: 1 };
    journal.items(&query).await.unwrap().remove(0)
}

impl Folder {
    /// The journal after a backup was put in its place and what it lacks was adopted.
    async fn adopted(&self, backup: &Path) -> SqliteJournal {
        self.restore(backup);
        let journal = self.open_logged().unwrap();
        journal.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(!journal.adopt_intents(Timestamp::UNIX_EPOCH).await.unwrap().is_empty());
        journal
    }
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
    journal.finish_step(&finish(&run, 1, OutcomeStatus::Succeeded)).await.unwrap();
    assert_eq!(folder.log_text(), before);
}

#[tokio::test]
async fn a_log_that_a_crash_left_shorter_is_completed_from_the_database() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    for ordinal in 1..=40 {
        if ordinal % 2 == 0 {
            claim(&journal, &run, ordinal, &format!("row-{ordinal}")).await;
        }
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
    journal.finish_step(&finish(&run, 2, OutcomeStatus::Declined)).await.unwrap();
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

#[tokio::test]
async fn a_forgotten_row_keeps_its_key_until_its_step_is_closed() {
    for (status, free) in [(OutcomeStatus::Succeeded, false), (OutcomeStatus::NotSent, true)] {
        let folder = Folder::new();
        let backup = folder.0.path().join("backup.db");
        let journal = folder.open_logged().unwrap();
        journal.back_up(&backup).await.unwrap();
        let forgotten = begin_run(&journal).await;
        claim(&journal, &forgotten, 3, "order-3").await;
        send(&journal, &forgotten, 3, "made of the run's own id").await;
        drop(journal);
        let journal = folder.adopted(&backup).await;
        // The same file again: another run, and so other keys of its steps.
        let run = begin_run(&journal).await;
        let held = claim(&journal, &run, 1, "order-3").await;
        let Claim::Held(holder) = &held else { panic!("{held:?}") };
        assert_eq!(holder.item, ItemId { run: forgotten.clone(), ordinal: 3 });
        let outcome = finish(&forgotten, 3, status).outcome;
        let end = if free { ItemStatus::NotSent } else { ItemStatus::Succeeded };
        let close = StepClose {
            step: intent(&forgotten, 3, "k").step,
            outcome,
            seen: Some(item(&journal, &forgotten, 3).await.seen()),
            end: Some(ItemEnd::new(end, "resolved", "by hand")),
            sealed: Vec::new(),
            vendor: None,
            evidence: serde_json::Value::Null,
            actor: "dana".to_owned(),
            reason: "seen".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        journal.close_step(close).await.unwrap();
        let later = begin_run(&journal).await;
        let again = claim(&journal, &later, 1, "order-3").await;
        assert_eq!(matches!(again, Claim::Taken { attempt: 2, .. }), free, "{again:?}");
    }
}

#[tokio::test]
async fn a_row_that_a_run_claimed_after_its_backup_waits_for_that_run() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    claim(&journal, &run, 1, "order-1").await;
    journal.back_up(&backup).await.unwrap();
    claim(&journal, &run, 4, "order-4").await;
    send(&journal, &run, 4, "k").await;
    send(&journal, &run, 5, "of a row without a key").await;
    drop(journal);
    let journal = folder.adopted(&backup).await;
    assert_eq!(item(&journal, &run, 4).await.end, None);
    let other = begin_run(&journal).await;
    assert!(matches!(claim(&journal, &other, 1, "order-4").await, Claim::Held(_)));
    for (ordinal, resumed) in [(1, true), (2, false), (3, false), (4, true), (5, false)] {
        let claimed = claim(&journal, &run, ordinal, &format!("order-{ordinal}")).await;
        assert_eq!(claimed, Claim::Taken { attempt: 1, resumed }, "{ordinal}");
    }
    assert_eq!(item(&journal, &run, 4).await.line, 1, "its row says where it is");
    assert!(matches!(claim(&journal, &run, 6, "order-4").await, Claim::Held(_)), "and what is in it");
}

#[tokio::test]
async fn a_row_that_was_followed_by_another_of_its_key_does_not_run_again() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    for ordinal in 1..=2 {
        claim(&journal, &run, ordinal, &format!("order-{ordinal}")).await;
    }
    send(&journal, &run, 2, "first").await;
    journal.back_up(&backup).await.unwrap();
    // Both rows end without effect, and another run takes their keys.
    journal.finish_step(&finish(&run, 2, OutcomeStatus::Declined)).await.unwrap();
    for ordinal in 1..=2 {
        end(&journal, &run, ordinal, ItemStatus::Declined).await;
    }
    let later = begin_run(&journal).await;
    for ordinal in 1..=2 {
        claim(&journal, &later, ordinal, &format!("order-{ordinal}")).await;
        send(&journal, &later, ordinal, &format!("second-{ordinal}")).await;
    }
    drop(journal);
    let journal = folder.adopted(&backup).await;
    assert_eq!(claim(&journal, &run, 1, "order-1").await, Claim::Ended);
    let first = item(&journal, &run, 1).await.end.unwrap();
    assert_eq!((first.status, first.code.as_deref()), (ItemStatus::Rejected, Some("superseded")));
    // Of this one nobody knows yet: it ends with its step.
    assert_eq!(item(&journal, &run, 2).await.end, None);
    for ordinal in 1..=2 {
        let found = item(&journal, &later, ordinal).await;
        assert_eq!((found.seen().state, found.attempt), (ItemState::Ended(ItemStatus::Unknown), Some(2)));
    }
}

#[tokio::test]
async fn an_unknown_row_whose_key_was_sent_again_later_ends_with_its_step() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    claim(&journal, &run, 1, "order-1").await;
    send(&journal, &run, 1, "k").await;
    journal.finish_step(&finish(&run, 1, OutcomeStatus::Unknown)).await.unwrap();
    end(&journal, &run, 1, ItemStatus::Unknown).await;
    journal.back_up(&backup).await.unwrap();
    let close = StepClose {
        step: intent(&run, 1, "k").step,
        outcome: finish(&run, 1, OutcomeStatus::NotSent).outcome,
        seen: Some(item(&journal, &run, 1).await.seen()),
        end: Some(ItemEnd::new(ItemStatus::NotSent, "not_charged", "by hand")),
        sealed: Vec::new(),
        vendor: None,
        evidence: serde_json::Value::Null,
        actor: "dana".to_owned(),
        reason: "seen".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    };
    journal.close_step(close).await.unwrap();
    let later = begin_run(&journal).await;
    claim(&journal, &later, 1, "order-1").await;
    assert!(matches!(send(&journal, &later, 1, "k").await, Begin::Send { attempt: 2 }));
    drop(journal);
    let journal = folder.adopted(&backup).await;
    let found = item(&journal, &run, 1).await.end.unwrap();
    assert_eq!((found.status, found.code.as_deref()), (ItemStatus::Rejected, Some("superseded")));
    assert_eq!(journal.run(&run).await.unwrap().unwrap().closings, 1, "its reports are stale");
    assert_eq!(state(&journal, &later, 1).await, UNKNOWN);
}

#[tokio::test]
async fn an_attempt_that_was_never_logged_does_not_stop_an_adoption() {
    let folder = Folder::new();
    let backup = folder.0.path().join("backup.db");
    let broken = Arc::new(AtomicBool::new(false));
    let journal = with_log(&folder, while_set(&broken));
    let run = begin_run(&journal).await;
    journal.back_up(&backup).await.unwrap();
    broken.store(true, Ordering::Release);
    for ordinal in 1..=2 {
        assert!(journal.begin_step(intent(&run, ordinal, "k")).await.is_err());
    }
    broken.store(false, Ordering::Release);
    assert!(matches!(send(&journal, &run, 3, "k").await, Begin::Send { attempt: 3 }));
    drop(journal);
    let journal = folder.adopted(&backup).await;
    assert_eq!(state(&journal, &run, 3).await, UNKNOWN);
    assert_eq!(journal.steps_of(&intent(&run, 3, "k").step.item).await.unwrap().len(), 1);
    assert!(matches!(send(&journal, &run, 9, "k").await, Begin::Open(_)));
    journal.finish_step(&finish(&run, 3, OutcomeStatus::Declined)).await.unwrap_err();
    drop(journal);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn an_intent_too_long_for_the_log_is_refused_and_harms_nobody() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    let mut long = intent(&run, 2, "long");
    long.look_up = serde_json::Value::String("x".repeat(2 * 1024 * 1024));
    let sent = journal.begin_step(intent(&run, 1, "before"));
    let refused = journal.begin_step(long);
    let after = journal.begin_step(intent(&run, 3, "after"));
    assert!(matches!(sent.await, Ok(Begin::Send { .. })));
    let refused = refused.await;
    assert!(matches!(&refused, Err(JournalError::TooLong { most: 1_048_576, .. })), "{refused:?}");
    assert!(matches!(after.await, Ok(Begin::Send { .. })));
    assert_eq!(state(&journal, &run, 2).await, None);
    drop(journal);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
    assert_eq!(folder.log_text().lines().count(), 3);
}

#[tokio::test]
async fn a_log_that_is_gone_is_told_from_one_that_was_never_there() {
    let folder = Folder::new();
    let is_lost = || {
        let (writing, hub) = open::for_writing(&folder.path(), &[], Timestamp::UNIX_EPOCH).unwrap();
        guarding::is_lost(&writing, &IntentLog::open(&folder.log(), &hub).unwrap()).unwrap()
    };
    assert!(!is_lost(), "a new hub");
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    send(&journal, &run, 1, "k").await;
    drop(journal);
    assert!(!is_lost());
    std::fs::remove_file(folder.log()).unwrap();
    assert!(is_lost());
    assert!(!is_lost(), "it was begun");
}
