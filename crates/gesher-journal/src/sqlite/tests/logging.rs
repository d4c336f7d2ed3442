//! The thread of the intent log: who waits for it and who does not, logs that fail, and what a close finishes.

use super::guard::{send, state};
use super::*;
use crate::record::{Begin, StepState};
use gesher_core::{Currency, Decimal, Money};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A journal whose log asks `fails` before each append whether that fails.
pub(super) fn with_log(folder: &Folder, fails: impl Fn() -> bool + Send + 'static) -> SqliteJournal {
    let (writing, hub) = open::for_writing(&folder.path(), &[], Timestamp::UNIX_EPOCH).unwrap();
    let mut log = IntentLog::open(&folder.log(), &hub).unwrap();
    log.fail_in_tests(fails);
    let role = Role::Sender(Some(Arc::new(SharedLog::new(log))));
    SqliteJournal::with(&folder.path(), hub, Some((writing, role)), Guard::Complete).unwrap()
}

/// Each append fails while the switch is set.
pub(super) fn while_set(switch: &Arc<AtomicBool>) -> impl Fn() -> bool + Send + 'static {
    let switch = Arc::clone(switch);
    move || switch.load(Ordering::Acquire)
}

/// No append goes on while the switch is set.
fn held_while(switch: &Arc<AtomicBool>) -> impl Fn() -> bool + Send + 'static {
    let is_held = while_set(switch);
    move || {
        while is_held() {
            std::thread::yield_now();
        }
        false
    }
}

/// Lets a journal's writer wait while `submit` hands writes over, so that they share a batch.
fn in_one_batch<T>(folder: &Folder, journal: &SqliteJournal, submit: impl FnOnce() -> T) -> T {
    let raw = folder.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writer takes this one, and waits for the lock with it.
    seal(journal, "first").in_order();
    std::thread::sleep(Duration::from_millis(50));
    let submitted = submit();
    raw.execute_batch("COMMIT").unwrap();
    submitted
}

fn seal(journal: &SqliteJournal, name: &str) -> Written<()> {
    journal.put_sealed(SealedRow { name: name.to_owned(), bytes: vec![1] }, Timestamp::UNIX_EPOCH)
}

#[tokio::test]
async fn an_intent_that_cannot_be_logged_is_not_sent_and_its_key_is_free() {
    let folder = Folder::new();
    let broken = Arc::new(AtomicBool::new(true));
    let journal = with_log(&folder, while_set(&broken));
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
async fn in_a_batch_that_is_run_again_one_by_one_only_intents_wait_for_the_log() {
    let folder = Folder::new();
    let broken = Arc::new(AtomicBool::new(true));
    let journal = with_log(&folder, while_set(&broken));
    let run = begin_run(&journal).await;
    let mut strange = row(2, "strange");
    strange.amount = Some(Money { amount: Decimal::new(1, 3), currency: Currency::ILS });
    let (sealed, refused) = in_one_batch(&folder, &journal, || {
        let mut sealed = vec![seal(&journal, "before")];
        let mut refused = vec![journal.begin_step(intent(&run, 1, "k1"))];
        // It fails after its first row was written, which costs everybody the shared transaction.
        journal.claim_items(&run, vec![row(1, "order-1"), strange], Timestamp::UNIX_EPOCH).in_order();
        for ordinal in 2..=4 {
            refused.push(journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))));
            sealed.push(seal(&journal, &format!("s{ordinal}")));
        }
        (sealed, refused)
    });
    for written in sealed {
        written.await.unwrap();
    }
    for refused in refused {
        assert!(matches!(refused.await, Err(JournalError::IntentLog { .. })));
    }
    seal(&journal, "last").await.unwrap();
    for ordinal in 1..=4 {
        let state = state(&journal, &run, ordinal).await;
        assert_eq!(state, Some(StepState::Over(OutcomeStatus::NotSent)), "{ordinal}");
    }
}

#[tokio::test]
async fn a_write_does_not_wait_for_the_log_of_the_intents_beside_it() {
    let folder = Folder::new();
    let held = Arc::new(AtomicBool::new(false));
    let journal = with_log(&folder, held_while(&held));
    let run = begin_run(&journal).await;
    held.store(true, Ordering::Release);
    let (sealed, mut sent) = in_one_batch(&folder, &journal, || {
        (seal(&journal, "beside"), journal.begin_step(intent(&run, 1, "k1")))
    });
    let written = tokio::time::timeout(Duration::from_secs(20), sealed).await;
    let waits = tokio::time::timeout(Duration::from_millis(50), &mut sent).await.is_err();
    held.store(false, Ordering::Release);
    assert!(matches!(written, Ok(Ok(()))), "{written:?}");
    assert!(waits, "an intent was answered before the log had it");
    assert!(matches!(sent.await, Ok(Begin::Send { .. })));
}

#[tokio::test]
async fn commits_go_on_while_the_log_is_slow_and_the_log_keeps_their_order() {
    let folder = Folder::new();
    let held = Arc::new(AtomicBool::new(true));
    let journal = with_log(&folder, held_while(&held));
    let run = begin_run(&journal).await;
    let mut begun = Vec::new();
    for ordinal in 1..=9 {
        begun.push(journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))));
        // It is in a commit of its own, after the intent's.
        let written = tokio::time::timeout(Duration::from_secs(20), seal(&journal, "beside")).await;
        assert!(matches!(written, Ok(Ok(()))), "{ordinal}: {written:?}");
    }
    assert_eq!(state(&journal, &run, 9).await, Some(StepState::InFlight));
    assert_eq!(folder.log_text().lines().count(), 1, "only the first line, which names the hub");
    held.store(false, Ordering::Release);
    for begun in begun {
        assert!(matches!(begun.await, Ok(Begin::Send { attempt: 1 })));
    }
    let logged: Vec<String> = folder.log_text().lines().skip(1).map(str::to_owned).collect();
    assert_eq!(logged.len(), 9);
    for (ordinal, line) in (1..).zip(logged) {
        assert!(line.contains(&format!("\"{run}.{ordinal}.1\"")), "{ordinal}: {line}");
    }
}

#[tokio::test]
async fn an_intent_that_could_not_be_logged_ends_though_nobody_writes_anything_more() {
    let folder = Folder::new();
    let broken = Arc::new(AtomicBool::new(true));
    let journal = with_log(&folder, while_set(&broken));
    let run = begin_run(&journal).await;
    assert!(journal.begin_step(intent(&run, 1, "k")).await.is_err());
    is_withdrawn(&journal, &run).await;
}

#[tokio::test]
async fn a_close_waits_for_the_log_and_ends_what_it_refused() {
    for fails in [false, true] {
        let folder = Folder::new();
        let held = Arc::new(AtomicBool::new(true));
        let hold = held_while(&held);
        let journal = with_log(&folder, move || hold() || fails);
        let run = begin_run(&journal).await;
        let begun = [1, 2].map(|ordinal| journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))));
        let closing = std::thread::spawn(move || drop(journal));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!closing.is_finished(), "it closed before the log had everything");
        held.store(false, Ordering::Release);
        closing.join().unwrap();
        for begun in begun {
            match begun.await {
                Ok(Begin::Send { .. }) if !fails => {}
                Err(JournalError::IntentLog { .. }) if fails => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(folder.log_text().lines().count(), if fails { 1 } else { 3 });
        let want = if fails { StepState::Over(OutcomeStatus::NotSent) } else { StepState::InFlight };
        let journal = SqliteJournal::open_reader(&folder.path()).unwrap();
        for ordinal in [1, 2] {
            assert_eq!(state(&journal, &run, ordinal).await, Some(want), "{ordinal}, {fails}");
        }
    }
}

/// Waits until the run's first step ends, as one that was not sent.
async fn is_withdrawn(journal: &SqliteJournal, run: &RunId) {
    let ended = async {
        while state(journal, run, 1).await == Some(StepState::InFlight) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    assert_eq!(state(journal, run, 1).await, Some(StepState::Over(OutcomeStatus::NotSent)));
}

/// Intents at each caller's side in the test below.
const INTENTS_EACH: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_log_fails_an_intent_is_either_sent_and_logged_or_neither() {
    let folder = Folder::new();
    let broken = Arc::new(AtomicBool::new(false));
    let journal = Arc::new(with_log(&folder, while_set(&broken)));
    let run = begin_run(&journal).await;
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (journal, run, broken) = (Arc::clone(&journal), run.clone(), Arc::clone(&broken));
            tokio::spawn(async move {
                let mut results = Vec::new();
                for ordinal in (caller * INTENTS_EACH + 1..).take(INTENTS_EACH as usize) {
                    broken.store(ordinal % 5 < 2, Ordering::Release);
                    let key = format!("k{ordinal}");
                    let sent = match journal.begin_step(intent(&run, ordinal, &key)).await {
                        Ok(Begin::Send { attempt: 1 }) => true,
                        Err(JournalError::IntentLog { .. }) => false,
                        other => panic!("{other:?}"),
                    };
                    // What a caller does next finds its step as it was told.
                    let ended = finish(&run, ordinal, OutcomeStatus::Succeeded);
                    assert_eq!(journal.finish_step(&ended).await.is_ok(), sent, "{ordinal}");
                    results.push((ordinal, sent));
                }
                results
            })
        })
        .collect();
    let mut results = Vec::new();
    for caller in callers {
        results.extend(caller.await.unwrap());
    }
    let text = folder.log_text();
    let logged = |ordinal: u64| text.contains(&format!("\"{run}.{ordinal}.1\""));
    for (ordinal, sent) in &results {
        let want = if *sent { OutcomeStatus::Succeeded } else { OutcomeStatus::NotSent };
        assert_eq!(logged(*ordinal), *sent, "{ordinal}");
        assert_eq!(state(&journal, &run, *ordinal).await, Some(StepState::Over(want)), "{ordinal}");
    }
    assert!(results.iter().any(|(_, sent)| *sent) && results.iter().any(|(_, sent)| !sent));
    let places: Vec<i64> = text.lines().skip(1).map(place).collect();
    assert!(places.is_sorted(), "the log has another order than the database");
    drop(Arc::into_inner(journal).unwrap());
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

/// The place in the database that a line of the log says.
fn place(line: &str) -> i64 {
    let (_, intent) = line.split_once(' ').unwrap();
    serde_json::from_str::<serde_json::Value>(intent).unwrap()["seq"].as_i64().unwrap()
}

#[tokio::test]
async fn a_log_that_is_commits_behind_is_completed_and_takes_a_backup_of_then() {
    let (folder, other) = (Folder::new(), Folder::new());
    let held = Arc::new(AtomicBool::new(true));
    let journal = with_log(&folder, held_while(&held));
    let run = begin_run(&journal).await;
    let mut begun = Vec::new();
    for ordinal in 1..=3 {
        begun.push(journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))));
        seal(&journal, "beside").await.unwrap();
    }
    // What a crash at this place leaves.
    journal.back_up(&other.path()).await.unwrap();
    std::fs::copy(folder.log(), other.log()).unwrap();
    let backup = other.0.path().join("backup.db");
    std::fs::copy(other.path(), &backup).unwrap();
    let crashed = other.open_logged().unwrap();
    assert_eq!(crashed.guard(), Guard::Complete);
    assert_eq!(crashed.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap().len(), 3);
    let places: Vec<i64> = other.log_text().lines().skip(1).map(place).collect();
    assert_eq!(places, [1, 2, 3]);

    held.store(false, Ordering::Release);
    for begun in begun {
        assert!(matches!(begun.await, Ok(Begin::Send { .. })));
    }
    drop(journal);
    assert_eq!(folder.log_text(), other.log_text());
    folder.restore(&backup);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn an_intent_whose_commit_fails_leaves_no_line() {
    let folder = Folder::new();
    let journal = folder.open_logged().unwrap();
    let run = begin_run(&journal).await;
    let lost = intent(&run, 2, "k2");
    let (before, lost, after) = in_one_batch(&folder, &journal, || {
        let before = journal.begin_step(intent(&run, 1, "k1"));
        let lost = journal.write("be refused at the commit", move |desk| {
            let texts = IntentTexts::new(&lost);
            let begin = intents::begin(desk, &lost, &texts)?;
            // What it refers to is only looked for by the commit.
            desk.execute_batch(
                "PRAGMA defer_foreign_keys = ON; INSERT INTO files (run, flow, sha256) VALUES (999, 999, x'00')",
            )?;
            Ok(begin)
        });
        (before, lost, journal.begin_step(intent(&run, 3, "k3")))
    });
    assert!(matches!(before.await, Ok(Begin::Send { .. })));
    assert!(matches!(lost.await, Err(JournalError::Store { .. })));
    assert!(matches!(after.await, Ok(Begin::Send { .. })));
    assert_eq!(state(&journal, &run, 2).await, None);
    drop(journal);
    assert_eq!(folder.log_text().lines().count(), 3);
    assert_eq!(folder.open_logged().unwrap().guard(), Guard::Complete);
}

#[tokio::test]
async fn what_the_database_did_not_take_at_once_is_withdrawn_later() {
    let folder = Folder::new();
    let held = Arc::new(AtomicBool::new(true));
    let hold = held_while(&held);
    let journal = with_log(&folder, move || !hold());
    let run = begin_run(&journal).await;
    let begun = journal.begin_step(intent(&run, 1, "k"));
    seal(&journal, "beside").await.unwrap();
    // Another process has the database for longer than the writer waits for it.
    let raw = folder.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    held.store(false, Ordering::Release);
    assert!(matches!(begun.await, Err(JournalError::IntentLog { .. })));
    let waited = seal(&journal, "meanwhile").await;
    assert!(matches!(waited, Err(JournalError::Store { .. })), "{waited:?}");
    assert_eq!(state(&journal, &run, 1).await, Some(StepState::InFlight));
    raw.execute_batch("COMMIT").unwrap();
    is_withdrawn(&journal, &run).await;
}

#[tokio::test]
async fn without_its_log_s_thread_the_journal_closes() {
    let folder = Folder::new();
    let journal = with_log(&folder, || panic!("the log's thread ends"));
    let run = begin_run(&journal).await;
    assert!(matches!(journal.begin_step(intent(&run, 1, "k1")).await, Err(JournalError::Closed)));
    // Two more may come before the writer has seen it.
    for ordinal in 2..=4 {
        let refused = journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))).await;
        assert!(matches!(refused, Err(JournalError::Closed)), "{ordinal}: {refused:?}");
    }
    assert_eq!(state(&journal, &run, 4).await, None);
    assert!(matches!(seal(&journal, "after").await, Err(JournalError::Closed)));
    drop(journal);
    // Only of what the thread had nobody knows. What could not be handed to it was not sent.
    let journal = SqliteJournal::open_reader(&folder.path()).unwrap();
    let mut states = Vec::new();
    for ordinal in 1..=3 {
        states.extend(state(&journal, &run, ordinal).await);
    }
    assert_eq!(states.first(), Some(&StepState::InFlight));
    assert_eq!(states.last(), Some(&StepState::Over(OutcomeStatus::NotSent)));
}
