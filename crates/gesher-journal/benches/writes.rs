//! What the journal costs: intents with their outcomes at several numbers of producers, claims of rows, and the
//! writing thread's own processor time. Run it with `cargo bench -p gesher-journal`; `WRITES_FOLDER` names the disk.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench reads the clock, prints, and stops where it fails"
)]

use gesher_core::{
    Currency, Decimal, ItemEnd, ItemId, ItemStatus, Key, Money, OutcomeStatus, RunId, StepId, Text,
};
use gesher_journal::{
    Begin, Claim, Intent, ItemQuery, Journal, Limits, NewItem, NewRun, RunChange, RunState, ScriptBundle,
    SqliteJournal, StepFinish, StoredOutcome, TriggerKind,
};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Rows of the claims, as many as a large file has.
const CLAIMED_ROWS: u64 = 1_000_000;
/// Rows in one claim.
const CLAIM_BATCH: u64 = 256;
/// Producers at a time, and the items that they work off together.
const PRODUCERS: [(u64, u64); 3] = [(1, 4_000), (16, 40_000), (256, 100_000)];

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (producers, items) in PRODUCERS {
            work_off(producers, items).await;
        }
        claim_a_file("keys in order", |ordinal| format!("order-{ordinal:07}")).await;
        // A multiplier without a common factor with the modulus visits every number once, in no order.
        claim_a_file("keys in no order", |ordinal| format!("{:07}", ordinal * 7_368_787 % 10_000_000)).await;
    });
}

fn folder() -> tempfile::TempDir {
    let parent = std::env::var_os("WRITES_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

async fn begin_run(journal: &SqliteJournal) -> RunId {
    let id = RunId::random().unwrap();
    let run = NewRun {
        id: id.clone(),
        flow: "bulk-charge".to_owned(),
        trigger: TriggerKind::Drop,
        name: "march.csv".to_owned(),
        source: serde_json::Value::Null,
        script: ScriptBundle::of_hash("5c".repeat(32)),
        held: None,
        at: Timestamp::UNIX_EPOCH,
    };
    journal.start_run(run).await.unwrap();
    let running = RunChange { state: Some(RunState::Running), ..RunChange::default() };
    journal.change_run(&id, running, Timestamp::UNIX_EPOCH).await.unwrap();
    id
}

fn money() -> Option<Money> {
    Some(Money { amount: Decimal::new(12_345, 2), currency: Currency::ILS })
}

fn row(ordinal: u64, key: &str) -> NewItem {
    let key = Some(Key::clean(key).unwrap());
    NewItem { ordinal, line: ordinal + 1, key, cells_hash: [7; 16], amount: money(), ended: None }
}

/// One item as the engine works it off: intent, outcome, end. Waits for the first two; the end goes along.
async fn charge(journal: &SqliteJournal, item: ItemId) {
    let at = Timestamp::UNIX_EPOCH;
    let step = StepId { item: item.clone(), position: 1 };
    let intent = Intent {
        step: step.clone(),
        operation: "officeguy.charge".to_owned(),
        who: "dana".to_owned(),
        account: "officeguy:2410000001".to_owned(),
        key: Key::clean(&format!("order-{}", item.ordinal)).unwrap(),
        once: false,
        request_hash: [9; 32],
        subject: Some(format!("ExternalIdentifier customer-{}", item.ordinal)),
        amount: money(),
        at,
        money: true,
        limits: Limits::default(),
        look_up: serde_json::json!({ "customer": item.ordinal, "last_digits": "4242" }),
        stamp: Some(step.to_string()),
        opens: None,
        original: None,
    };
    assert!(matches!(journal.begin_step(intent).await.unwrap(), Begin::Send { attempt: 1 }));
    let data = serde_json::json!({
        "Payment": { "ID": 1_000_000 + item.ordinal, "CustomerID": 55, "Date": "2026-03-01T09:00:00+02:00",
            "ValidPayment": true, "Status": "000", "StatusDescription": "מאושר (קוד 000)", "Amount": 123.45,
            "Currency": "ILS", "PaymentMethod": { "ID": 9, "CreditCard_LastDigits": "4242", "Type": "CreditCard" },
            "AuthNumber": "0123456", "FirstPaymentAmount": null, "RecurringCustomerItemIDs": [] },
        "DocumentID": 2_000_000 + item.ordinal, "DocumentNumber": 40_000 + item.ordinal, "CustomerID": 55
    });
    let outcome = StoredOutcome {
        status: OutcomeStatus::Succeeded,
        reference: Some((1_000_000 + item.ordinal).to_string()),
        document: Some((40_000 + item.ordinal).to_string()),
        code: Some("000".to_owned()),
        message: Text::new("אושר", "approved"),
        data: data.into(),
        amount: money(),
    };
    journal.finish_step(&StepFinish { step, outcome, sealed: Vec::new(), vendor: None, at }).await.unwrap();
    journal.finish_item(&item, ItemEnd::new(ItemStatus::Succeeded, "000", "אושר"), at).in_order();
}

async fn work_off(producers: u64, items: u64) {
    let folder = folder();
    let journal = Arc::new(
        SqliteJournal::open(&folder.path().join("gesher.db"), None, &[], Timestamp::UNIX_EPOCH).unwrap(),
    );
    let run = begin_run(&journal).await;
    for first in (1..=items).step_by(CLAIM_BATCH as usize) {
        let rows =
            (first..=items.min(first + CLAIM_BATCH - 1)).map(|n| row(n, &format!("row-{n}"))).collect();
        journal.claim_items(&run, rows, Timestamp::UNIX_EPOCH).await.unwrap();
    }
    let (started, busy) = (Instant::now(), writer_ticks());
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (journal, run) = (Arc::clone(&journal), run.clone());
            tokio::spawn(async move {
                for ordinal in (1 + producer..=items).step_by(producers as usize) {
                    charge(&journal, ItemId { run: run.clone(), ordinal }).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (seconds, ticks) = (started.elapsed().as_secs_f64(), writer_ticks() - busy);
    println!(
        "{producers:>4} producers: {:>7.0} items/s (intent, outcome, end), writer {:>5.1} us of processor an item",
        items as f64 / seconds,
        ticks as f64 * 10_000.0 / items as f64
    );
    let query = ItemQuery { run: run.clone(), status: Some(ItemStatus::Succeeded), after: None, limit: 1 };
    assert_eq!(journal.items(&query).await.unwrap().len(), 1);
}

async fn claim_a_file(what: &str, key_of: impl Fn(u64) -> String) {
    let folder = folder();
    let path = folder.path().join("gesher.db");
    let journal = SqliteJournal::open(&path, None, &[], Timestamp::UNIX_EPOCH).unwrap();
    let run = begin_run(&journal).await;
    let (started, busy) = (Instant::now(), writer_ticks());
    let mut ahead = None;
    for first in (1..=CLAIMED_ROWS).step_by(CLAIM_BATCH as usize) {
        let last = CLAIMED_ROWS.min(first + CLAIM_BATCH - 1);
        let rows: Vec<_> = (first..=last).map(|ordinal| row(ordinal, &key_of(ordinal))).collect();
        // One batch is on its way while the next is read, as in a run.
        let claimed = journal.claim_items(&run, rows, Timestamp::UNIX_EPOCH);
        if let Some(before) = ahead.replace(claimed) {
            check_taken(before.await.unwrap());
        }
    }
    check_taken(ahead.take().unwrap().await.unwrap());
    let (seconds, ticks) = (started.elapsed().as_secs_f64(), writer_ticks() - busy);
    let size = std::fs::metadata(&path).unwrap().len() >> 20;
    println!(
        "{what}: {:>7.0} claims/s, writer {:>5.1} us of processor a row, {size} MiB",
        CLAIMED_ROWS as f64 / seconds,
        ticks as f64 * 10_000.0 / CLAIMED_ROWS as f64
    );
    let started = Instant::now();
    assert_eq!(journal.tally(&run).await.unwrap().queued, CLAIMED_ROWS);
    println!("{what}: a tally of {CLAIMED_ROWS} rows takes {} ms", started.elapsed().as_millis());
    let started = Instant::now();
    drop(journal);
    println!("{what}: closing takes {} ms", started.elapsed().as_millis());
}

fn check_taken(claims: Vec<Claim>) {
    assert!(claims.iter().all(|claim| matches!(claim, Claim::Taken { attempt: 1, resumed: false })));
}

/// Processor time of the writing threads in hundredths of a second.
fn writer_ticks() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    stats
        .filter_map(|stat| {
            let (name, rest) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
            name.ends_with("journal-writer").then(|| Some(ticks(11)? + ticks(12)?))?
        })
        .sum()
}
