//! A script: compiled, checked, and run for one item inside its fences, on a stack as scripts have it in the hub.

use super::{registry, scratch};
use gesher_core::{Clock, Language, OutcomeStatus, Registry, SystemClock};
use gesher_engine::{Answer, CallEnd, Entry, ITEM_STACK_BYTES, Input, Program, ProgramEnd, Row};
use gesher_script::{CompileOptions, Host, Level, compile};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Scripts in, one at a time; an answer each.
type Worker = Mutex<(SyncSender<Vec<u8>>, Receiver<()>)>;

/// Compiles and runs a script. One that says what of it ran does the same.
pub fn script(data: &[u8]) {
    static WORKER: OnceLock<Worker> = OnceLock::new();
    let worker = WORKER.get_or_init(|| {
        let (give, taken) = sync_channel::<Vec<u8>>(0);
        let (done, wait) = sync_channel(0);
        let work = move || {
            let registry = registry();
            while let Ok(script) = taken.recv() {
                compile_and_run(&registry, &script);
                if done.send(()).is_err() {
                    return;
                }
            }
        };
        drop(std::thread::Builder::new().stack_size(ITEM_STACK_BYTES).spawn(work).unwrap());
        Mutex::new((give, wait))
    });
    let (give, wait) = &*worker.lock().unwrap();
    give.send(data.to_vec()).unwrap();
    wait.recv().unwrap();
}

fn compile_and_run(registry: &Registry, script: &[u8]) {
    let folder = scratch();
    let path = folder.path().join("a.rhai");
    std::fs::write(&path, script).unwrap();
    let compiled = |covered| {
        let options = CompileOptions { covered, ..CompileOptions::default() };
        compile(folder.path(), &path, registry, &options)
    };
    let program = match compiled(false) {
        Ok(program) => program,
        Err(faults) => {
            assert!(!faults.is_empty());
            faults.iter().for_each(|fault| assert!(!fault.to_string().is_empty()));
            return;
        }
    };
    let covered = compiled(true).unwrap();
    assert!(covered.coverage().is_some());
    for entry in Entry::ALL.into_iter().filter(|entry| program.has(*entry)) {
        let end = program.run_with(Arc::new(World::default()), input(entry));
        if matches!(end, ProgramEnd::Returned(_)) {
            assert_eq!(covered.run_with(Arc::new(World::default()), input(entry)), end);
        }
    }
}

fn input(entry: Entry) -> Input {
    let value = json!({ "id": "1007", "amount": "12.50", "period": "2026-03", "json": { "a": [1, null] } });
    match entry {
        Entry::Row => Input::Row(Row {
            header: ["id".to_owned(), "amount".to_owned()].into(),
            cells: vec!["1007".into(), "12.50".into()],
        }),
        Entry::Call => Input::Call(value),
        Entry::Webhook => Input::Webhook(value),
        Entry::Schedule => Input::Schedule(value),
        Entry::Event => Input::Event(value),
        Entry::Finish => Input::Finish(value),
    }
}

/// A world in which every call succeeds and the clock stands still.
#[derive(Default)]
struct World(SystemClock);

impl Host for World {
    fn call(&self, operation: &str, _: &str, key: Option<&str>, _: Value) -> Result<Answer, CallEnd> {
        Ok(Answer {
            status: OutcomeStatus::Succeeded,
            reference: key.map(str::to_owned),
            document: None,
            code: Some("000".to_owned()),
            message: operation.to_owned(),
            replayed: false,
            data: json!({ "ID": 1 }).into(),
        })
    }

    fn now(&self) -> Result<Timestamp, CallEnd> {
        Ok(Timestamp::UNIX_EPOCH)
    }

    fn is_dead(&self) -> bool {
        false
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn time_zone(&self) -> &TimeZone {
        static UTC: TimeZone = TimeZone::UTC;
        &UTC
    }

    fn language(&self) -> Language {
        Language::En
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }

    fn log(&self, _: Level, _: &str) {}
}
