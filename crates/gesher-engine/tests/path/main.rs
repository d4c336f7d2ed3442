//! The one path, with a real journal under it: what is sent, what is not, and what is left when things break.

#![expect(clippy::disallowed_methods, reason = "these tests measure no time but need a clock")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod acme;
mod ahead;
mod halt;
mod limits;
mod making;
mod trouble;

use acme::Acme;
use gesher_core::{
    Clock, ItemId, ItemStatus, Key, Language, OutcomeStatus, Provider, Redactor, Registry, RunId, StepId,
    SystemClock, Text,
};
use gesher_engine::journal::{
    Intent, ItemQuery, Journal, Limits, NewItem, RunState, ScriptBundle, SqliteJournal, StepFinish,
    StepQuery, StepState, StoredOutcome, TriggerKind, UNLOGGED,
};
use gesher_engine::{
    AccountRules, Engine, EngineParts, Flow, Input, ItemContext, ItemSource, Program, ProgramEnd, Progress,
    RunEnd, SourceError, SourceItem, Stop,
};
use gesher_vault::{MasterKeySource, Vault};
use making::{InRust, ended, flow};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

type Body = dyn Fn(&ItemContext, &Value) -> ProgramEnd + Send + Sync;

/// A program that gets the arguments of its row.
fn program(body: Box<Body>) -> Arc<dyn Program> {
    InRust::called(move |context, input| match input {
        Input::Call(args) => body(context, &args),
        other => panic!("no such entry: {other:?}"),
    })
}

/// Rows made of `(row key, args)`.
struct Rows(Vec<SourceItem>);

impl Rows {
    fn of(rows: &[(&str, Value)]) -> Box<Self> {
        let items = rows.iter().enumerate().map(|(at, (key, args))| {
            let mut cells_hash = [0_u8; 16];
            args.to_string().bytes().enumerate().for_each(|(at, byte)| cells_hash[at % 16] ^= byte);
            let ordinal = at as u64 + 1;
            let key = Some(Key::clean(key).unwrap());
            let item = NewItem { ordinal, line: ordinal + 1, key, cells_hash, amount: None, ended: None };
            SourceItem { item, input: Some(Input::Call(args.clone())) }
        });
        Box::new(Self(items.collect()))
    }
}

impl ItemSource for Rows {
    fn next(&mut self) -> Result<Vec<SourceItem>, SourceError> {
        Ok(std::mem::take(&mut self.0))
    }
}

struct Hub {
    acme: Arc<Acme>,
    engine: Engine,
    runtime: tokio::runtime::Runtime,
    flow: Arc<Flow>,
}

impl Hub {
    fn open(folder: &Path) -> Self {
        Self::with_turns(folder, 64)
    }

    fn with_turns(folder: &Path, max_in_flight: usize) -> Self {
        Self::with_clock(folder, max_in_flight, Arc::new(SystemClock::new()))
    }

    fn with_clock(folder: &Path, max_in_flight: usize, clock: Arc<dyn Clock>) -> Self {
        let runtime = runtime();
        let calls = runtime.handle().clone();
        Self::with_calls_on(calls, runtime, folder, max_in_flight, clock)
    }

    fn with_calls_on(
        calls: tokio::runtime::Handle,
        runtime: tokio::runtime::Runtime,
        folder: &Path,
        max_in_flight: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let acme = Arc::new(Acme::default());
        let provider: Arc<dyn Provider> = Arc::clone(&acme) as Arc<dyn Provider>;
        let journal = SqliteJournal::open(
            &folder.join("gesher.db"),
            None,
            &[provider.environment()],
            jiff::Timestamp::now(),
        );
        let key = MasterKeySource { file: folder.join("master.key"), ..MasterKeySource::default() };
        let engine = Engine::new(EngineParts {
            registry: Arc::new(Registry::new(&[provider])),
            journal: Arc::new(journal.unwrap()),
            vault: Arc::new(Vault::open(&key).unwrap()),
            clock,
            redactor: Arc::new(Redactor::new()),
            language: Language::En,
            time_zone: jiff::tz::TimeZone::UTC,
            runtime: calls,
            accounts: vec![AccountRules { provider: "acme".into(), max_in_flight, rate_per_second: None }],
            tells_of_troubles: true,
        });
        let flow = flow(&["acme.*"], 8);
        Self { acme, engine, runtime, flow: Arc::new(flow) }
    }

    fn start(&self) -> RunId {
        self.runtime
            .block_on(self.engine.start_run(
                "f",
                TriggerKind::Call,
                "march.csv",
                Value::Null,
                &ScriptBundle::of_hash("0"),
            ))
            .unwrap()
    }

    fn work(&self, run: &RunId, rows: &[(&str, Value)], body: Box<Body>) -> RunEnd {
        let program = program(body);
        let source = Rows::of(rows);
        self.runtime
            .block_on(self.engine.run_items(
                run,
                &self.flow,
                &program,
                source,
                &Stop::new(),
                &Progress::default(),
            ))
            .unwrap()
    }

    fn run(&self, rows: &[(&str, Value)], body: Box<Body>) -> Vec<(ItemStatus, String, String)> {
        let run = self.start();
        assert_eq!(self.work(&run, rows, body), RunEnd::Complete);
        self.ends(&run)
    }

    fn ends(&self, run: &RunId) -> Vec<(ItemStatus, String, String)> {
        let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 1_000 };
        let items = self.runtime.block_on(self.engine.journal().items(&query)).unwrap();
        items
            .into_iter()
            .map(|item| item.end.expect("every item has ended"))
            .map(|end| (end.status, end.code.unwrap_or_default(), end.message))
            .collect()
    }

    fn statuses(&self, rows: &[(&str, Value)], body: Box<Body>) -> Vec<ItemStatus> {
        self.run(rows, body).into_iter().map(|end| end.0).collect()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Charges once, with `args.key` or the row's number as the key, and lets a refusal end the item.
fn charging() -> Box<Body> {
    Box::new(|context, args| {
        let key = args["key"].as_str().map_or_else(|| context.item().to_string(), str::to_owned);
        ended(context.call("acme.charge", "marketplace", Some(&key), args["request"].clone()))
    })
}

fn row(answer: &str) -> Value {
    json!({ "request": { "answer": answer } })
}

fn keyed(key: &str, answer: &str, note: &str) -> Value {
    json!({ "key": key, "request": { "answer": answer, "note": note } })
}

#[test]
fn each_outcome_ends_its_row_in_its_own_status() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows: Vec<_> = ["succeeded", "declined", "rejected", "not_sent", "unknown", "conflict"]
        .into_iter()
        .map(|answer| (answer, row(answer)))
        .collect();
    use ItemStatus::{Declined, NotSent, Rejected, Succeeded, Unknown};
    assert_eq!(hub.statuses(&rows, charging()), [Succeeded, Declined, Rejected, NotSent, Unknown, Unknown]);
    assert_eq!(hub.acme.sends(), 6);
}

#[test]
fn the_intent_is_durable_before_a_byte_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let path = folder.path().join("gesher.db");
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        // Another connection sees only what is committed.
        let other = SqliteJournal::open_reader(&path).unwrap();
        let query = StepQuery { state: Some(StepState::InFlight), after: None, limit: 10 };
        let steps = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(other.steps(&query))
                .unwrap()
        });
        kept.lock().unwrap().push(steps.join().unwrap().len());
    }));
    assert_eq!(hub.statuses(&[("a", row("succeeded"))], charging()), [ItemStatus::Succeeded]);
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[test]
fn a_spent_key_is_never_sent_again_whatever_row_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let first = hub.run(&[("r1", keyed("k", "succeeded", ""))], charging());
    assert_eq!(first[0].0, ItemStatus::Succeeded);
    let again =
        hub.run(&[("r2", keyed("k", "succeeded", "")), ("r3", keyed("k", "succeeded", "more"))], charging());
    assert_eq!((again[0].0, again[1].0), (ItemStatus::Duplicate, ItemStatus::Duplicate));
    assert_eq!(again[1].1, "key_reused");
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn a_spent_or_held_row_key_never_reaches_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    hub.run(&[("paid", row("succeeded")), ("open", row("unknown")), ("no", row("declined"))], charging());
    let again = hub
        .run(&[("paid", row("succeeded")), ("open", row("succeeded")), ("no", row("succeeded"))], charging());
    use ItemStatus::{Duplicate, Succeeded};
    assert_eq!([again[0].0, again[1].0, again[2].0], [Duplicate, Duplicate, Succeeded]);
    assert!(again[0].2.contains("taken by the call"), "a call has no file: {}", again[0].2);
    assert!(again[1].2.contains("do not repeat it"), "{}", again[1].2);
    assert_eq!(hub.acme.sends(), 4);
}

#[test]
fn in_one_file_the_first_row_of_a_key_wins() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let ends =
        hub.run(&[("k", row("declined")), ("k", row("declined")), ("k", row("succeeded"))], charging());
    use ItemStatus::{Declined, Duplicate, Invalid};
    assert_eq!([ends[0].0, ends[1].0, ends[2].0], [Declined, Duplicate, Invalid]);
    assert_eq!(ends[2].1, "key_conflict");
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn nothing_is_sent_after_an_unknown_whatever_the_program_tries() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let stubborn: Box<Body> = Box::new(|context, args| {
        for attempt in 0..5 {
            let key = format!("{}/{attempt}", context.item());
            let _caught = context.call("acme.charge", "marketplace", Some(&key), args["request"].clone());
        }
        assert!(context.is_dead());
        assert!(context.now().is_err());
        ProgramEnd::Returned(Value::Null)
    });
    assert_eq!(hub.statuses(&[("a", row("unknown"))], stubborn), [ItemStatus::Unknown]);
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn a_panic_in_mid_call_leaves_an_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let ends = hub.run(&[("a", row("no such word"))], charging());
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Unknown, "panicked"));
}

#[test]
fn what_a_flow_may_not_do_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::open(folder.path());
    hub.flow = Arc::new(flow(&["*:read"], 1));
    let ends = hub.run(&[("a", row("succeeded"))], charging());
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Rejected, "not_allowed"));
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn a_request_with_a_slip_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let ends = hub.run(&[("a", json!({ "request": { "answre": "succeeded" } }))], charging());
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Rejected, "unknown_field"));
    assert!(ends[0].2.contains("answre") && ends[0].2.contains("answer?"), "{}", ends[0].2);
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn secrets_in_an_answer_reach_neither_the_program_nor_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let seen: Box<Body> = Box::new(|context, args| {
        let answer = context.call("acme.charge", "marketplace", Some("k"), args["request"].clone()).unwrap();
        assert_eq!(answer.data["APIKey"], "[secret]");
        ProgramEnd::Returned(answer.data.into_tree())
    });
    assert_eq!(hub.statuses(&[("a", row("succeeded"))], seen), [ItemStatus::Succeeded]);
    drop(hub);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(12).any(|part| part == b"canary-key-1"), "{}", path.display());
    }
}

#[test]
fn calls_at_once_stay_within_the_providers_limit() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), 3);
    let names: Vec<String> = (0..40).map(|number| format!("row-{number}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), row("succeeded"))).collect();
    let ends = hub.statuses(&rows, charging());
    assert_eq!(ends, vec![ItemStatus::Succeeded; 40]);
    let most = hub.acme.at_once_most.load(Ordering::SeqCst);
    assert!((2..=3).contains(&most), "{most} at once");
}

/// A run as a crash leaves it: its one row claimed, with these steps journalled and no end.
fn interrupted(hub: &Hub, rows: &[(&str, Value)], steps: &[(&str, &str, Option<OutcomeStatus>)]) -> RunId {
    let run = hub.start();
    let item = ItemId { run: run.clone(), ordinal: 1 };
    hub.runtime.block_on(async {
        let now = hub.engine.clock().now();
        let journal = hub.engine.journal();
        let rows: Vec<NewItem> = Rows::of(rows).0.into_iter().map(|row| row.item).collect();
        journal.claim_items(&run, rows, now).await.unwrap();
        for (position, (key, answer, outcome)) in (1..).zip(steps) {
            let registered = hub.engine.registry().find("acme.charge").unwrap();
            let prepared = registered.prepare("marketplace", json!({ "answer": answer })).unwrap();
            let step = StepId { item: item.clone(), position };
            let intent = Intent {
                step: step.clone(),
                operation: "acme.charge".into(),
                who: "marketplace".into(),
                account: "acme:1".into(),
                key: Key::clean(key).unwrap(),
                once: false,
                request_hash: prepared.hash,
                subject: None,
                amount: prepared.facts.amount,
                at: now,
                money: true,
                limits: Limits::default(),
                look_up: Value::Null,
                stamp: None,
                opens: None,
                original: None,
            };
            journal.begin_step(intent).await.unwrap();
            if let Some(status) = *outcome {
                let outcome = StoredOutcome {
                    status,
                    reference: Some("41".into()),
                    document: None,
                    // A step that was withdrawn stands for every one that was not sent.
                    code: Some(if status == OutcomeStatus::NotSent { UNLOGGED } else { "000" }.into()),
                    message: Text::verbatim("recorded"),
                    data: json!({ "recorded": true }).into(),
                    amount: prepared.facts.amount,
                };
                journal
                    .finish_step(&StepFinish { step, outcome, sealed: vec![], vendor: None, at: now })
                    .await
                    .unwrap();
            }
        }
    });
    run
}

/// Charges twice, under the keys `one` and `two`.
fn charging_twice() -> Box<Body> {
    Box::new(|context, args| {
        let first = context.call("acme.charge", "marketplace", Some("one"), args["request"].clone());
        let Ok(first) = first else { return ended(first) };
        assert_eq!((first.data["recorded"].as_bool(), first.replayed), (Some(true), false));
        ended(context.call("acme.charge", "marketplace", Some("two"), args["request"].clone()))
    })
}

#[test]
fn an_intent_without_outcome_is_unknown_at_the_next_start_and_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", keyed("one", "succeeded", ""))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", None)]);
    drop(hub);
    let hub = Hub::open(folder.path());
    assert_eq!(hub.runtime.block_on(hub.engine.settle_in_flight()).unwrap().len(), 1);
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Unknown, "interrupted"));
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn an_intent_whose_outcome_is_not_written_yet_is_plainly_unknown_to_whoever_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", keyed("one", "succeeded", ""))];
    // The same process goes on with the run, so nobody has settled what is in flight.
    let run = interrupted(&hub, &rows, &[("one", "succeeded", None)]);
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Unknown, "interrupted"));
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn an_interrupted_item_gets_its_recorded_answers_and_goes_on_at_the_first_unfinished_step() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", row("succeeded"))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::Succeeded))]);
    assert_eq!(hub.work(&run, &rows, charging_twice()), RunEnd::Complete);
    assert_eq!(hub.ends(&run)[0].0, ItemStatus::Succeeded);
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn another_call_than_the_recorded_one_is_diverged_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", row("declined"))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::Succeeded))]);
    assert_eq!(hub.work(&run, &rows, charging_twice()), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Unknown, "diverged"));
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn a_program_that_skips_what_it_did_before_is_diverged_and_keeps_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", row("succeeded"))];
    let run = interrupted(&hub, &rows, &[("one", "succeeded", Some(OutcomeStatus::Succeeded))]);
    let idle: Box<Body> = Box::new(|_, _| ProgramEnd::Returned(Value::Null));
    assert_eq!(hub.work(&run, &rows, idle), RunEnd::Complete);
    let ends = hub.ends(&run);
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Unknown, "diverged"));
    assert_eq!(hub.statuses(&rows, charging()), [ItemStatus::Duplicate]);
    assert_eq!(hub.acme.sends(), 0);
}

#[test]
fn a_stop_leaves_a_row_that_waits_for_its_turn_for_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_turns(folder.path(), 1);
    let stop = Stop::new();
    let asked = stop.clone();
    // The first send asks for the stop while every other row waits for the only turn: it gives them time to get there.
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        std::thread::sleep(Duration::from_secs(1));
        asked.request();
    }));
    let names: Vec<String> = (0..8).map(|number| format!("row-{number}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), row("succeeded"))).collect();
    let run = hub.start();
    let program = program(charging());
    let progress = Progress::default();
    let stopped = hub.engine.run_items(&run, &hub.flow, &program, Rows::of(&rows), &stop, &progress);
    assert_eq!(hub.runtime.block_on(stopped).unwrap(), RunEnd::Stopped);
    assert_eq!(hub.acme.sends(), 1);
    *hub.acme.during.lock().unwrap() = None;
    assert_eq!(hub.work(&run, &rows, charging()), RunEnd::Complete);
    assert_eq!(hub.acme.sends(), 8);
    assert!(hub.ends(&run).iter().all(|end| end.0 == ItemStatus::Succeeded));
}

#[test]
fn an_outcome_that_cannot_be_written_at_first_is_kept_and_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let path = folder.path().join("gesher.db");
    // Somebody else holds the database for longer than the journal waits for it, while the call is on its way.
    *hub.acme.during.lock().unwrap() = Some(Box::new(move || {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(5_600));
            other.execute_batch("COMMIT").unwrap();
        });
    }));
    assert_eq!(hub.statuses(&[("a", row("succeeded"))], charging()), [ItemStatus::Succeeded]);
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn refused_keys_pause_their_account() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::open(folder.path());
    hub.flow = Arc::new(flow(&["acme.*"], 1));
    let rows = [("a", row("refused_keys")), ("b", row("succeeded")), ("c", row("succeeded"))];
    let ends = hub.run(&rows, charging());
    use ItemStatus::{NotSent, Rejected};
    assert_eq!([ends[0].0, ends[1].0, ends[2].0], [Rejected, NotSent, NotSent]);
    assert_eq!(ends[1].1, "account_paused");
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn a_server_that_nobody_vouches_for_is_an_alert_once_and_not_one_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", row("distrusted")), ("b", row("distrusted")), ("c", row("succeeded"))];
    let ends = hub.run(&rows, charging());
    assert_eq!([&ends[0].1, &ends[1].1], ["certificate"; 2]);
    let alerts = hub.runtime.block_on(hub.engine.journal().alerts(10)).unwrap();
    let alerts: Vec<_> = alerts.iter().map(|told| &told.alert).collect();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert_eq!((alerts[0].kind.as_str(), alerts[0].subject.as_deref()), ("certificate", Some("acme")));
    assert!(alerts[0].text.contains("it is not_sent"), "{:?}", alerts[0]);
}

#[test]
fn rows_that_ended_stay_ended_when_their_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let rows = [("a", row("succeeded")), ("b", row("declined"))];
    let run = hub.start();
    let stopping: Box<Body> = Box::new(|_, _| panic!("a claimed row is not worked on after the stop"));
    let program = program(stopping);
    let stop = Stop::new();
    stop.request();
    let progress = Progress::default();
    let stopped = hub.engine.run_items(&run, &hub.flow, &program, Rows::of(&rows), &stop, &progress);
    assert_eq!(hub.runtime.block_on(stopped).unwrap(), RunEnd::Stopped);
    let half: Vec<_> = rows.iter().take(1).cloned().collect();
    assert_eq!(hub.work(&run, &half, charging()), RunEnd::Complete);
    let state = hub.runtime.block_on(hub.engine.journal().run(&run)).unwrap().unwrap().state;
    assert_eq!(state, RunState::Reporting);
    assert_eq!(hub.acme.sends(), 1);
}

#[test]
fn the_vendor_is_the_key_of_what_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let opening: Box<Body> = Box::new(|context, args| {
        ended(context.call("acme.open", "marketplace", None, args["request"].clone()))
    });
    let ends = hub.run(&[("a", row("succeeded"))], opening);
    assert_eq!((ends[0].0, ends[0].1.as_str()), (ItemStatus::Rejected, "bad_vendor"));
}

#[test]
fn steps_without_a_key_are_told_apart_by_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let twice: Box<Body> = Box::new(|context, args| {
        for _ in 0..2 {
            context.call("acme.note", "marketplace", None, args["request"].clone()).unwrap();
        }
        ProgramEnd::Returned(Value::Null)
    });
    assert_eq!(hub.statuses(&[("a", row("succeeded"))], twice), [ItemStatus::Succeeded]);
    assert_eq!(hub.acme.sends(), 2);
}

#[test]
fn a_read_has_no_effect_on_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let reading: Box<Body> = Box::new(|context, args| {
        ended(context.call("acme.get", "marketplace", None, args["request"].clone()))
    });
    assert_eq!(hub.statuses(&[("a", row("succeeded"))], reading), [ItemStatus::Skipped]);
    assert_eq!(hub.acme.sends(), 1);
}
