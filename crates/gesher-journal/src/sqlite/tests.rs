//! What SQLite adds to the contract: whose journal it is, batches, immutable rows, the audit, plans, other processes.

mod guard;
mod limits;
mod logging;
mod migration;
mod originals;
mod plans;

use super::*;
use crate::record::{RunState, TriggerKind};
use gesher_core::{ItemStatus, OutcomeStatus};
use rusqlite::params;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn environment(address: &str, account: &str) -> Environment {
    Environment { provider: "officeguy", address: address.to_owned(), account: account.to_owned() }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("gesher.db")
    }

    fn open(&self, environments: &[Environment]) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(&self.path(), None, environments, Timestamp::UNIX_EPOCH)
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

async fn begin_run(journal: &SqliteJournal) -> RunId {
    let id = RunId::random().unwrap();
    let run = NewRun {
        id: id.clone(),
        flow: "charges".to_owned(),
        trigger: TriggerKind::Drop,
        name: "march.csv".to_owned(),
        source: serde_json::Value::Null,
        script: crate::ScriptBundle::default(),
        held: None,
        at: Timestamp::UNIX_EPOCH,
    };
    journal.start_run(run).await.unwrap();
    id
}

fn row(ordinal: u64, key: &str) -> NewItem {
    let key = Some(gesher_core::Key::clean(key).unwrap());
    NewItem { ordinal, line: 1, key, cells_hash: [0; 16], amount: None, ended: None }
}

fn intent(run: &RunId, ordinal: u64, key: &str) -> Intent {
    Intent {
        step: StepId { item: ItemId { run: run.clone(), ordinal }, position: 1 },
        operation: "officeguy.charge".to_owned(),
        who: "dana".to_owned(),
        account: "officeguy:1".to_owned(),
        key: gesher_core::Key::clean(key).unwrap(),
        once: false,
        request_hash: [0; 32],
        subject: None,
        amount: None,
        at: Timestamp::UNIX_EPOCH,
        original: None,
        money: false,
        limits: crate::Limits::default(),
        look_up: serde_json::Value::Null,
        stamp: None,
        opens: None,
    }
}

fn finish(run: &RunId, ordinal: u64, status: OutcomeStatus) -> StepFinish {
    let outcome = crate::StoredOutcome {
        status,
        reference: None,
        document: None,
        code: Some("004".to_owned()),
        message: gesher_core::Text::default(),
        data: serde_json::Value::Null.into(),
        amount: None,
    };
    StepFinish {
        step: intent(run, ordinal, "k").step,
        outcome,
        sealed: Vec::new(),
        vendor: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_journal_belongs_to_the_environments_that_it_was_begun_with() {
    let folder = Folder::new();
    let real = environment("https://api.example", "1");
    folder.open(&[]).unwrap();
    // A provider that is new to the configuration is added.
    let hub = folder.open(std::slice::from_ref(&real)).unwrap().hub_id().clone();
    assert_eq!(*folder.open(std::slice::from_ref(&real)).unwrap().hub_id(), hub);
    for other in [environment("simulator", "1"), environment("https://api.example", "2")] {
        let error = folder.open(&[other]).unwrap_err();
        assert!(matches!(error, JournalError::Environment { .. }), "{error}");
        assert!(error.to_string().contains("https://api.example"), "{error}");
    }
    // One that was refused left nothing behind, and one that is not configured now is no matter.
    folder.open(&[real]).unwrap();
    assert_eq!(*folder.open(&[]).unwrap().hub_id(), hub);
}

#[test]
fn a_journal_of_the_future_is_refused_by_writers_and_readers() {
    let folder = Folder::new();
    folder.open(&[]).unwrap();
    folder.raw().pragma_update(None, "user_version", 99).unwrap();
    let newer = |error| matches!(error, JournalError::Newer { found: 99, .. });
    assert!(newer(folder.open(&[]).unwrap_err()));
    assert!(newer(SqliteJournal::open_reader(&folder.path()).unwrap_err()));
}

#[test]
fn what_is_no_journal_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let text = "order_id,amount\n1,5.00\n".repeat(100);
    std::fs::write(folder.path(), &text).unwrap();
    assert!(matches!(folder.open(&[]).unwrap_err(), JournalError::Open { .. }));
    assert_eq!(std::fs::read_to_string(folder.path()).unwrap(), text);
    assert!(SqliteJournal::open_reader(&folder.0.path().join("absent.db")).is_err());
    assert!(!folder.0.path().join("absent.db").exists());
}

#[test]
fn only_its_owner_may_read_the_file() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    for entry in std::fs::read_dir(folder.0.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
    drop(journal);
}

#[tokio::test]
async fn a_reader_beside_a_hub_sees_what_is_durable_and_cannot_write() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let reader = SqliteJournal::open_reader(&folder.path()).unwrap();
    let run = begin_run(&journal).await;
    assert_eq!(reader.run(&run).await.unwrap().unwrap().state, RunState::Claimed);
    assert_eq!(reader.hub_id(), journal.hub_id());
    let change = RunChange { state: Some(RunState::Running), ..RunChange::default() };
    let refused = reader.change_run(&run, change.clone(), Timestamp::UNIX_EPOCH).await;
    assert!(matches!(refused, Err(JournalError::ReadOnly)));
    drop(journal);
    assert_eq!(reader.run(&run).await.unwrap().unwrap().state, RunState::Claimed);
    drop(reader);
    // Also where no hub runs, and after a copy that brought no log along.
    let reader = SqliteJournal::open_reader(&folder.path()).unwrap();
    assert_eq!(reader.runs(None, 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_log_is_empty_after_the_end() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    // Keeps the log from being removed with the last connection, which would hide that nobody emptied it.
    let beside = folder.raw();
    beside.query_row("SELECT id FROM hub", [], |_| Ok(())).unwrap();
    begin_run(&journal).await;
    let log = folder.0.path().join("gesher.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    drop(journal);
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    drop(beside);
}

#[tokio::test]
async fn a_command_that_fails_after_writing_takes_no_neighbour_with_it() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for number in 0..50_i64 {
        good.push(journal.write("note", move |connection| {
            connection.execute(
                "INSERT INTO audit (at, subject, became) VALUES (?1, 'good', 'x')",
                params![number],
            )?;
            Ok(number)
        }));
        bad.push(journal.write("note", move |connection| {
            connection.execute("INSERT INTO audit (at, subject, became) VALUES (0, 'bad', 'x')", [])?;
            connection.execute("INSERT INTO no_such_table VALUES (1)", [])?;
            Ok(())
        }));
        // This one even ends the transaction of all.
        bad.push(journal.write("note", |connection| {
            connection.execute_batch("ROLLBACK; SELECT no_such_function()")?;
            Ok(())
        }));
    }
    for (number, write) in (0..).zip(good) {
        assert_eq!(write.await.unwrap(), number);
    }
    for write in bad {
        assert!(matches!(write.await, Err(JournalError::Store { doing: "note", .. })));
    }
    let noted =
        "SELECT count(*) FILTER (WHERE subject = 'good'), count(*) FILTER (WHERE subject = 'bad') FROM audit";
    let counts: (i64, i64) = folder.raw().query_row(noted, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(counts, (50, 0));
}

#[tokio::test]
async fn while_another_process_writes_a_write_waits() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut write = std::pin::pin!(
        journal.put_sealed(SealedRow { name: "a".to_owned(), bytes: vec![1] }, Timestamp::UNIX_EPOCH)
    );
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut write).await;
    assert!(early.is_err(), "it wrote in spite of the lock");
    other.execute_batch("COMMIT").unwrap();
    write.await.unwrap();
}

#[tokio::test]
async fn no_statement_can_change_a_final_step_an_intent_or_the_audit() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let run = begin_run(&journal).await;
    for (ordinal, status) in (1..).zip(OutcomeStatus::ALL) {
        journal.begin_step(intent(&run, ordinal, &format!("k{ordinal}"))).await.unwrap();
        journal.finish_step(&finish(&run, ordinal, status)).await.unwrap();
    }
    let raw = folder.raw();
    let check = |sql: &str, want: Option<usize>| assert_eq!(raw.execute(sql, []).ok(), want, "{sql}");
    for status in ["succeeded", "declined", "rejected", "not_sent"] {
        check(&format!("UPDATE steps SET state = 'unknown' WHERE state = '{status}'"), None);
        check(&format!("UPDATE steps SET message_en = '' WHERE state = '{status}'"), None);
    }
    for column in ["key", "amount", "request_hash", "account", "attempt", "intent_at"] {
        check(&format!("UPDATE steps SET {column} = {column}"), None);
    }
    check("UPDATE steps SET state = 'in_flight' WHERE state = 'unknown'", None);
    check("DELETE FROM steps", None);
    check("UPDATE audit SET note = NULL", None);
    check("DELETE FROM audit", None);
    // What is open may be closed by evidence, once.
    check("UPDATE steps SET state = 'succeeded' WHERE state = 'unknown'", Some(1));
    check("UPDATE steps SET state = 'declined' WHERE key = 'k5'", None);
}

#[tokio::test]
async fn two_steps_of_a_key_are_never_live_whatever_a_statement_says() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let run = begin_run(&journal).await;
    journal.begin_step(intent(&run, 1, "k")).await.unwrap();
    let copy = |state: &str, attempt: i64| {
        let sql =
            "INSERT INTO steps (run, ordinal, position, operation, who, account, key, attempt, request_hash,
                state, intent_at, money)
            SELECT run, 2, 1, operation, who, account, key, ?2, request_hash, ?1, intent_at, 0 FROM steps
                WHERE ordinal = 1";
        folder.raw().execute(sql, params![state, attempt])
    };
    for state in ["in_flight", "succeeded", "unknown", "conflict", "declined"] {
        for attempt in 1..=3 {
            assert!(copy(state, attempt).is_err(), "{state} {attempt}");
        }
    }
    journal.finish_step(&finish(&run, 1, OutcomeStatus::Declined)).await.unwrap();
    assert!(copy("in_flight", 3).is_err(), "an attempt was left out");
    assert_eq!(copy("in_flight", 2).unwrap(), 1);
}

#[tokio::test]
async fn every_change_of_a_run_and_a_step_is_in_the_audit() {
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let run = begin_run(&journal).await;
    let become_state = async |state| {
        let message = Some("why".to_owned());
        let change = RunChange { state: Some(state), message, ..RunChange::default() };
        journal.change_run(&run, change, Timestamp::UNIX_EPOCH).await
    };
    become_state(RunState::Running).await.unwrap();
    become_state(RunState::Running).await.unwrap();
    become_state(RunState::Finished).await.unwrap_err();
    journal.begin_step(intent(&run, 1, "k1")).await.unwrap();
    journal.begin_step(intent(&run, 2, "k1")).await.unwrap();
    journal.finish_step(&finish(&run, 1, OutcomeStatus::Declined)).await.unwrap();
    journal.finish_step(&finish(&run, 1, OutcomeStatus::Succeeded)).await.unwrap_err();
    journal.begin_step(intent(&run, 3, "k3")).await.unwrap();
    journal.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap();
    let raw = folder.raw();
    let mut query = raw.prepare("SELECT subject, was, became, note FROM audit ORDER BY seq").unwrap();
    let line = |row: &rusqlite::Row<'_>| {
        let word = |column| row.get::<_, Option<String>>(column).map(Option::unwrap_or_default);
        Ok([word(0)?, word(1)?, word(2)?, word(3)?].join(" "))
    };
    let found: Vec<String> = query.query_map([], line).unwrap().map(Result::unwrap).collect();
    let want = [
        format!("{run}  claimed "),
        format!("{run} claimed running why"),
        format!("{run}.1.1  in_flight "),
        format!("{run}.1.1 in_flight declined 004"),
        format!("{run}.3.1  in_flight "),
        format!("{run}.3.1 in_flight unknown interrupted"),
    ];
    assert_eq!(found, want);
}

mod histories {
    //! Any history of claims, ends, intents and outcomes keeps what the journal promises.

    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Act {
        Claim { run: usize, ordinal: u64, key: u8 },
        End { run: usize, ordinal: u64, status: ItemStatus },
        Begin { run: usize, ordinal: u64, key: u8 },
        Finish { run: usize, ordinal: u64, status: OutcomeStatus },
        Settle,
    }

    fn act() -> impl Strategy<Value = Act> {
        let place = || (0..3_usize, 1..8_u64);
        prop_oneof![
            4 => (place(), 0..4_u8).prop_map(|((run, ordinal), key)| Act::Claim { run, ordinal, key }),
            3 => (place(), proptest::sample::select(&ItemStatus::ALL[..]))
                .prop_map(|((run, ordinal), status)| Act::End { run, ordinal, status }),
            4 => (place(), 0..4_u8).prop_map(|((run, ordinal), key)| Act::Begin { run, ordinal, key }),
            3 => (place(), proptest::sample::select(&OutcomeStatus::ALL[..]))
                .prop_map(|((run, ordinal), status)| Act::Finish { run, ordinal, status }),
            1 => Just(Act::Settle),
        ]
    }

    /// Counts of contradictions, each of which has to be zero.
    const CONTRADICTIONS: &[(&str, &str)] = &[
        (
            "two live steps of a key",
            "SELECT count(*) FROM (SELECT 1 FROM steps WHERE attempt IS NOT NULL
                 AND state NOT IN ('declined', 'rejected', 'not_sent') GROUP BY account, operation, key
                 HAVING count(*) > 1)",
        ),
        (
            "attempts of an operation's key that do not count up",
            "SELECT count(*) FROM (SELECT 1 FROM steps WHERE attempt IS NOT NULL GROUP BY account, operation, key
                 HAVING min(attempt) <> 1 OR max(attempt) <> count(*) OR count(DISTINCT attempt) <> count(*))",
        ),
        (
            "a row key with two items that hold or spent it",
            "SELECT count(*) FROM (SELECT 1 FROM items i JOIN runs r ON r.no = i.run
                 WHERE i.attempt IS NOT NULL AND i.state IN ('queued', 'succeeded', 'unknown')
                 GROUP BY r.flow, i.key HAVING count(*) > 1)",
        ),
        (
            "attempts of a row key that do not count up",
            "SELECT count(*) FROM (SELECT 1 FROM items i JOIN runs r ON r.no = i.run WHERE i.attempt IS NOT NULL
                 GROUP BY r.flow, i.key HAVING max(i.attempt) <> count(*) OR count(DISTINCT i.attempt) <> count(*))",
        ),
        (
            "a step without its line in the audit",
            "SELECT count(*) FROM steps s JOIN runs r ON r.no = s.run WHERE NOT EXISTS (SELECT 1 FROM audit
                 WHERE subject = r.id || '.' || s.ordinal || '.' || s.position AND became = s.state)",
        ),
    ];

    async fn live_through(acts: &[Act]) {
        let folder = Folder::new();
        let journal = folder.open(&[]).unwrap();
        let runs = [begin_run(&journal).await, begin_run(&journal).await, begin_run(&journal).await];
        let now = Timestamp::UNIX_EPOCH;
        for act in acts {
            match act {
                Act::Claim { run, ordinal, key } => {
                    let rows = vec![row(*ordinal, &format!("row-{key}"))];
                    journal.claim_items(&runs[*run], rows, now).in_order();
                }
                Act::End { run, ordinal, status } => {
                    let item = ItemId { run: runs[*run].clone(), ordinal: *ordinal };
                    journal.finish_item(&item, ItemEnd::new(*status, "", ""), now).in_order();
                }
                Act::Begin { run, ordinal, key } => {
                    let mut intent = intent(&runs[*run], *ordinal, &format!("key-{key}"));
                    intent.step.position = u32::from(*key) + 1;
                    journal.begin_step(intent).in_order();
                }
                Act::Finish { run, ordinal, status } => {
                    for position in 1..=4 {
                        let mut finish = finish(&runs[*run], *ordinal, *status);
                        finish.step.position = position;
                        journal.finish_step(&finish).in_order();
                    }
                }
                Act::Settle => journal.settle_in_flight(now).in_order(),
            }
        }
        // Waits for all of them, since writes keep their order.
        journal.put_sealed(SealedRow { name: "end".to_owned(), bytes: vec![1] }, now).await.unwrap();
        let raw = folder.raw();
        for (what, sql) in CONTRADICTIONS {
            assert_eq!(raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{what}");
        }
        for run in &runs {
            let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 100 };
            let items = journal.items(&query).await.unwrap();
            let tally = journal.tally(run).await.unwrap();
            assert_eq!(tally.items(), items.len() as u64);
            for status in ItemStatus::ALL {
                let ended = |item: &&ItemRecord| item.end.as_ref().is_some_and(|end| end.status == status);
                assert_eq!(tally.count(status), items.iter().filter(ended).count() as u64, "{status}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keep_every_promise(acts in proptest::collection::vec(act(), 1..120)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(live_through(&acts));
        }
    }
}
