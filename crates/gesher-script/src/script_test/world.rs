//! The world of one test: what it mocked, what was called, what time it is; and one item in that world.

use super::answers::{bad_mock, instant, judged, page, refused};
use super::given::{map, whole};
use super::looks::{RUN_RESULT, VENDORS_GET};
use super::{Setting, Suite};
use crate::convert::{from_json, to_json};
use crate::item::{Beside, Item};
use crate::library::Tests;
use crate::program::RhaiProgram;
use crate::seam::{Host, Level};
use gesher_core::key::clean_cell;
use gesher_core::names::nearest;
use gesher_core::operation::Registered;
use gesher_core::{
    Clock, Key, Language, Money, Outcome, OutcomeStatus, Redactor, Registry, Rejection, SystemClock, Text,
};
use gesher_engine::{
    ALERT, Answer, CallEnd, EffectStep, FLOW_START, Keep, ProgramEnd, ResultText, end_of, keep_in,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rhai::{AST, Array, Dynamic, Engine, FnPtr, ImmutableString, Map};
use serde_json::{Value, json};
use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines of a test's log that are kept.
const LOG_LINES_MAX: usize = 1_000;
/// The fields that a mock's answer may have.
const ANSWER_FIELDS: [&str; 6] = ["status", "reference", "document", "code", "message", "data"];

/// See the module.
pub(super) struct Bench {
    setting: Setting,
    registry: Arc<Registry>,
    program: Arc<RhaiProgram>,
    tests: Arc<Tests>,
    redactor: Redactor,
    clock: SystemClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mocks: BTreeMap<String, FnPtr>,
    calls: Vec<Seen>,
    now: Option<Timestamp>,
    log: Vec<String>,
    /// What the flow keeps.
    kept: BTreeMap<String, Value>,
    /// How many references were made up.
    references: u64,
}

/// A call that got as far as a provider.
struct Seen {
    operation: String,
    who: String,
    key: Option<String>,
    request: Value,
}

impl Bench {
    pub(super) fn new(suite: &Suite) -> Self {
        Self {
            setting: suite.setting.clone(),
            registry: Arc::clone(&suite.registry),
            program: Arc::clone(&suite.program),
            tests: Arc::clone(&suite.tests),
            redactor: Redactor::new(),
            clock: SystemClock::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An engine that runs functions of the file of tests.
    pub(super) fn engine(self: &Arc<Self>) -> Engine {
        let mut engine = self.tests.vocabulary.engine();
        engine.register_global_module(Arc::clone(&self.tests.module));
        let host: Arc<dyn Host> = Arc::new(TestItem { is_script: false, ..TestItem::new(Arc::clone(self)) });
        let own: Arc<dyn Any + Send + Sync> = Arc::<Self>::clone(self);
        engine.set_default_tag(Dynamic::from(Beside { item: Item::new(host, Arc::default()), own }));
        let printing = Arc::clone(self);
        engine.on_print(move |line| printing.note(line));
        let debugging = Arc::clone(self);
        engine.on_debug(move |line, _, position| debugging.note(&format!("{position:?}: {line}")));
        engine
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    fn note(&self, line: &str) {
        let mut state = self.state();
        if state.log.len() < LOG_LINES_MAX {
            state.log.push(line.to_owned());
        }
    }

    /// From now on `answer` answers calls of `operation`.
    pub(super) fn mock(&self, operation: &str, answer: FnPtr) -> Result<(), String> {
        if ![VENDORS_GET, RUN_RESULT, FLOW_START].contains(&operation) {
            self.registry.find(operation).map_err(|refusal| refusal.message.en)?;
        }
        self.state().mocks.insert(operation.to_owned(), answer);
        Ok(())
    }

    /// The calls of `operation` that got as far as its mock.
    pub(super) fn calls(&self, operation: &str) -> Result<Array, String> {
        if ![ALERT, FLOW_START].contains(&operation) {
            self.registry.find(operation).map_err(|refusal| refusal.message.en)?;
        }
        let state = self.state();
        let calls = state.calls.iter().filter(|seen| seen.operation == operation).map(|seen| {
            let key = seen.key.as_deref().map_or(Dynamic::UNIT, Into::into);
            let request = from_json(&seen.request).map_err(|fault| fault.text().en)?;
            let fields = [("who", seen.who.as_str().into()), ("key", key), ("request", request)];
            Ok(Dynamic::from(map(fields)))
        });
        calls.collect()
    }

    /// Sets the clock: an instant, or a time in the hub's zone. A time that the zone leaves out is an error.
    pub(super) fn set_clock(&self, time: &str) -> Result<(), String> {
        let now = instant(&self.setting.time_zone, time)?;
        self.state().now = Some(now);
        Ok(())
    }

    /// Runs a function of the script under test as an item, and answers what the item comes to.
    pub(super) fn run(self: &Arc<Self>, function: &str, argument: Dynamic) -> Result<Map, String> {
        let header = match function {
            "on_row" => self.header(&argument)?,
            _ => Vec::new(),
        };
        if !self.program.has_function(function) {
            return Err(format!("{} has no function {function}", self.program.name()));
        }
        let argument = whole(function, argument)?;
        let item = Arc::new(TestItem::new(Arc::clone(self)));
        let host: Arc<dyn Host> = Arc::<TestItem>::clone(&item);
        let end = self.program.run_function(host, function, &header, Ok(argument));
        if let Some(broken) = item.broken() {
            return Err(broken);
        }
        let came_to = end_of(self.setting.language, &item.effects(), &end);
        let value = match &end {
            ProgramEnd::Returned(value) => from_json(value).map_err(|fault| fault.text().en)?,
            ProgramEnd::Threw { .. } | ProgramEnd::Ended => Dynamic::UNIT,
        };
        let optional = |text: Option<String>| text.map_or(Dynamic::UNIT, Into::into);
        Ok(map([
            ("status", came_to.status.as_str().into()),
            ("code", optional(came_to.code)),
            ("message", came_to.message.into()),
            ("reference", optional(came_to.reference)),
            ("document", optional(came_to.document)),
            ("value", value),
        ]))
    }

    /// The columns of a row. Each cell is text, and no column that the script reads is missing: such a file would be
    /// refused before its first row.
    fn header(&self, row: &Dynamic) -> Result<Vec<String>, String> {
        let row = row.read_lock::<Map>().ok_or_else(|| "a row is a map".to_owned())?;
        if let Some((name, cell)) = row.iter().find(|(_, cell)| !cell.is_string()) {
            let given = cell.type_name();
            return Err(format!("the cell {name} is {given}; each cell of a row is text, such as \"12.50\""));
        }
        let missing = self.program.columns().iter().find(|column| !row.contains_key(column.name.as_str()));
        if let Some(column) = missing {
            let (name, script, line) = (&column.name, self.program.name(), column.line);
            return Err(format!("the row has no column {name}, which {script} reads in line {line}"));
        }
        Ok(row.keys().map(ToString::to_string).collect())
    }
}

/// One run of the script under test.
pub(super) struct TestItem {
    bench: Arc<Bench>,
    /// Whether it is the script that runs, and not the test itself.
    is_script: bool,
    dead: AtomicBool,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    effects: Vec<EffectStep>,
    /// Why the test cannot go on, whatever the script makes of it.
    broken: Option<String>,
}

impl TestItem {
    fn new(bench: Arc<Bench>) -> Self {
        Self { bench, is_script: true, dead: AtomicBool::new(false), work: Mutex::default() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn effects(&self) -> Vec<EffectStep> {
        self.work().effects.clone()
    }

    fn broken(&self) -> Option<String> {
        self.work().broken.take()
    }

    fn end(&self) -> CallEnd {
        self.dead.store(true, Ordering::Release);
        CallEnd::Ended
    }

    pub(super) fn bench(&self) -> &Arc<Bench> {
        &self.bench
    }

    pub(super) fn mock_of(&self, operation: &str) -> Option<FnPtr> {
        self.bench.state().mocks.get(operation).cloned()
    }

    /// Ends the item and with it the test.
    pub(super) fn break_off(&self, why: String) -> CallEnd {
        self.work().broken.get_or_insert(why);
        self.end()
    }

    /// What the hub would refuse before it sends anything.
    fn checked(
        registered: &Registered,
        who: &str,
        key: Option<&str>,
        request: Value,
    ) -> Result<Option<Money>, Rejection> {
        if let Some(key) = key {
            Key::clean(key).map_err(|error| Rejection::new("bad_key", error.text()))?;
        }
        let mut prepared = registered.prepare(who, request)?;
        let refused = |no: Box<Outcome>| Rejection::new(no.code.unwrap_or_default(), no.message);
        registered.facts(&mut prepared).map_err(refused)?;
        Ok(prepared.facts.amount)
    }

    /// Asks the mock of an operation.
    fn mocked(
        &self,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: &Value,
    ) -> Result<Outcome, CallEnd> {
        let Some(mock) = self.mock_of(operation) else {
            let why = format!(
                "the script calls {operation}, and nothing answers it; \
                 write mock({operation:?}, |who, key, request| #{{ … }}) before"
            );
            return Err(self.break_off(why));
        };
        let plain = request;
        let request = from_json(request).map_err(|fault| self.break_off(fault.text().en))?;
        let key = key.map_or(Dynamic::UNIT, Into::into);
        let engine = self.bench.engine();
        let arguments = (ImmutableString::from(who), key, request);
        match mock.call::<Dynamic>(&engine, &AST::empty(), arguments) {
            Ok(answer) => {
                let found = self.bench.registry.find(operation).ok().filter(|found| found.entry.reaches);
                let answered = match found {
                    Some(found) => page(&answer).map(|outcome| judged(found, who, plain, outcome)),
                    None => self.answered(&answer),
                };
                answered.map_err(|why| self.break_off(bad_mock(operation, &why)))
            }
            Err(error) => refused(*error).map_err(|why| self.break_off(bad_mock(operation, &why))),
        }
    }

    /// Starts another flow in a world that has none: what was started is remembered. A mock may refuse it.
    fn started(&self, flow: &str, key: Option<&str>, args: Value) -> Result<Answer, CallEnd> {
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        let refusal = key.and_then(|key| Key::clean(key).err());
        let refused = |code: &str, text: Text| Outcome::new(OutcomeStatus::Rejected, code, text);
        let mut outcome = match refusal {
            Some(error) => refused("bad_key", error.text()),
            None if self.bench.state().mocks.contains_key(FLOW_START) => {
                self.mocked(FLOW_START, flow, key, &args)?
            }
            None => Outcome::new(OutcomeStatus::Succeeded, "", Text::default()),
        };
        if outcome.status == OutcomeStatus::Succeeded {
            let mut state = self.bench.state();
            let is_this =
                |seen: &&Seen| seen.operation == FLOW_START && seen.who == flow && seen.key.as_deref() == key;
            let before =
                state.calls.iter().filter(|_| key.is_some()).find(is_this).map(|seen| seen.request == args);
            if before == Some(false) {
                let text =
                    Text::new("אותו מפתח עם ערכים אחרים", "the same key was used with other arguments");
                outcome = refused("key_reused", text);
            } else {
                let run = format!("run-{}", state.calls.len());
                outcome = Outcome { data: json!({ "run": run, "new": before.is_none() }).into(), ..outcome };
                let (operation, who, key) = (FLOW_START.to_owned(), flow.to_owned(), key.map(str::to_owned));
                state.calls.push(Seen { operation, who, key, request: args });
            }
        }
        outcome.reference = None;
        self.settled(FLOW_START, true, None, outcome)
    }

    /// An answer map with its missing fields filled in. Nothing at all is a success.
    fn answered(&self, answer: &Dynamic) -> Result<Outcome, String> {
        let fields = if answer.is_unit() {
            Map::new()
        } else {
            let fields = answer.read_lock::<Map>().map(|fields| fields.clone());
            fields.ok_or_else(|| format!("it answers {}, and not a map", answer.type_name()))?
        };
        if let Some(name) = fields.keys().find(|name| !ANSWER_FIELDS.contains(&name.as_str())) {
            let near =
                nearest(name, ANSWER_FIELDS).map_or(String::new(), |near| format!("; did you mean {near}?"));
            return Err(format!("an answer has no field {name}{near}"));
        }
        let text = |name: &str| fields.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
        let status = match text("status") {
            None => OutcomeStatus::Succeeded,
            Some(word) => {
                word.parse().map_err(|error: gesher_core::outcome::NoSuchStatus| error.to_string())?
            }
        };
        let data = match fields.get("data").filter(|data| !data.is_unit()) {
            None => json!({}),
            Some(data) => to_json(data).map_err(|fault| fault.text().en)?,
        };
        let mut outcome = Outcome::new(status, "", Text::verbatim(text("message").unwrap_or_default()));
        outcome.code = text("code");
        outcome.document = text("document");
        outcome.data = data.into();
        outcome.reference = text("reference").or_else(|| {
            (status == OutcomeStatus::Succeeded).then(|| {
                let mut state = self.bench.state();
                state.references += 1;
                format!("mock-{}", state.references)
            })
        });
        Ok(outcome)
    }

    /// What the script gets, as the engine would give it.
    pub(super) fn settled(
        &self,
        operation: &str,
        changes: bool,
        amount: Option<Money>,
        outcome: Outcome,
    ) -> Result<Answer, CallEnd> {
        let status = outcome.status;
        if changes {
            self.work().effects.push(EffectStep {
                operation: operation.to_owned(),
                status,
                key_taken: false,
                reference: outcome.reference.clone(),
                document: outcome.document.clone(),
                code: outcome.code.clone(),
                message: outcome.message.clone(),
                amount,
            });
        }
        let message = outcome.message.get(self.language()).to_owned();
        let Outcome { reference, document, code, data, .. } = outcome;
        let answer = Answer { status, reference, document, code, message, replayed: false, data };
        match status {
            OutcomeStatus::Succeeded | OutcomeStatus::Declined => Ok(answer),
            OutcomeStatus::Rejected | OutcomeStatus::NotSent => Err(CallEnd::Refused(Box::new(answer))),
            OutcomeStatus::Unknown | OutcomeStatus::Conflict => Err(self.end()),
        }
    }
}

impl Host for TestItem {
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Result<Answer, CallEnd> {
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        let registered = match self.bench.registry.find(operation) {
            Ok(registered) => registered,
            Err(rejection) => return Err(self.break_off(rejection.message.en)),
        };
        let changes = registered.entry.descriptor.effect.changes();
        if !self.is_script {
            let text = "a test calls no operation itself; it runs its script, with run_row and the like";
            return self.settled(
                operation,
                changes,
                None,
                Rejection::new("in_test", Text::verbatim(text)).into(),
            );
        }
        let (amount, outcome) = match Self::checked(registered, who, key, request.clone()) {
            Err(rejection) => (None, rejection.into()),
            Ok(amount) => {
                self.bench.state().calls.push(Seen {
                    operation: operation.to_owned(),
                    who: who.to_owned(),
                    key: key.map(str::to_owned),
                    request: request.clone(),
                });
                (amount, self.mocked(operation, who, key, &request)?)
            }
        };
        self.settled(operation, changes, amount, outcome)
    }

    fn now(&self) -> Result<Timestamp, CallEnd> {
        let set = self.bench.state().now;
        Ok(set.unwrap_or_else(|| self.bench.clock.now()))
    }

    fn vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        self.mocked_vendor(handle)
    }

    fn run_result(&self) -> Result<ResultText, CallEnd> {
        self.mocked_result()
    }

    fn kept(&self, key: &str) -> Result<Value, CallEnd> {
        Ok(self.bench.state().kept.get(&clean_cell(key)).cloned().unwrap_or_default())
    }

    fn kept_keys(&self, prefix: &str) -> Result<Vec<String>, CallEnd> {
        let prefix = clean_cell(prefix);
        Ok(self.bench.state().kept.keys().filter(|key| key.starts_with(&prefix)).cloned().collect())
    }

    fn keep(&self, key: &str, keep: Keep) -> Result<Answer, CallEnd> {
        let (redactor, language) = (&self.bench.redactor, self.language());
        keep_in(&mut self.bench.state().kept, key, keep, redactor, language)
    }

    fn start_flow(&self, flow: &str, key: Option<&str>, args: Value) -> Result<Answer, CallEnd> {
        self.started(flow, key, args)
    }

    fn alert(&self, text: &str) -> Result<(), CallEnd> {
        let (operation, request) = (ALERT.to_owned(), json!({ "text": text }));
        self.bench.state().calls.push(Seen { operation, who: String::new(), key: None, request });
        Ok(())
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    fn monotonic(&self) -> Duration {
        self.bench.clock.monotonic()
    }

    fn time_zone(&self) -> &TimeZone {
        &self.bench.setting.time_zone
    }

    fn language(&self) -> Language {
        self.bench.setting.language
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.bench.redactor.text(text)
    }

    fn log(&self, level: Level, line: &str) {
        self.bench.note(&format!("{level:?}: {line}"));
    }
}
