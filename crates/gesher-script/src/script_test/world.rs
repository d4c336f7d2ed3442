//! The world of one test: what it mocked, what was called, what time it is; and one item in that world.

use super::{Setting, Suite};
use crate::convert::{from_json, to_json};
use crate::item::{Beside, Item};
use crate::library::Tests;
use crate::program::RhaiProgram;
use crate::seam::{Host, Level};
use gesher_core::names::nearest;
use gesher_core::operation::Registered;
use gesher_core::{
    Clock, Key, Language, Money, Outcome, OutcomeStatus, Redactor, Registry, Rejection, SystemClock, Text,
};
use gesher_engine::{Answer, CallEnd, EffectStep, ProgramEnd, end_of};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map};
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
        // Numbers, JSON and Israeli rules work in tests as they do in scripts.
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
        if operation != VENDORS_GET {
            self.registry.find(operation).map_err(|refusal| refusal.message.en)?;
        }
        self.state().mocks.insert(operation.to_owned(), answer);
        Ok(())
    }

    /// The calls of `operation` that got as far as its mock.
    pub(super) fn calls(&self, operation: &str) -> Result<Array, String> {
        self.registry.find(operation).map_err(|refusal| refusal.message.en)?;
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
        let zone = &self.setting.time_zone;
        let now = match time.parse::<Timestamp>() {
            Ok(instant) => instant,
            Err(_) => {
                let local: DateTime = time.parse().map_err(|_| {
                    format!(
                        "at({time:?}) is no time; write one as 2026-03-27T00:30:00Z, or without the Z for the hub's \
                         own zone"
                    )
                })?;
                let ambiguous = zone.to_ambiguous_zoned(local);
                if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
                    let name = zone.iana_name().unwrap_or("the hub's zone");
                    return Err(format!("at({time:?}): the clocks of {name} never show this time"));
                }
                ambiguous.compatible().map_err(|error| format!("at({time:?}): {error}"))?.timestamp()
            }
        };
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
        let argument = match function {
            "on_webhook" => delivery(&argument)?,
            _ => argument,
        };
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

fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// One run of the script under test.
struct TestItem {
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

    /// Ends the item and with it the test.
    fn break_off(&self, why: String) -> CallEnd {
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
        Ok(registered.prepare(who, request)?.facts.amount)
    }

    /// Asks the mock of an operation.
    fn mocked(
        &self,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: &Value,
    ) -> Result<Outcome, CallEnd> {
        let mock = self.bench.state().mocks.get(operation).cloned();
        let Some(mock) = mock else {
            let why = format!(
                "the script calls {operation}, and nothing answers it; \
                 write mock({operation:?}, |who, key, request| #{{ … }}) before"
            );
            return Err(self.break_off(why));
        };
        let request = from_json(request).map_err(|fault| self.break_off(fault.text().en))?;
        let key = key.map_or(Dynamic::UNIT, Into::into);
        let engine = self.bench.engine();
        let arguments = (ImmutableString::from(who), key, request);
        match mock.call::<Dynamic>(&engine, &AST::empty(), arguments) {
            Ok(answer) => self.answered(&answer).map_err(|why| self.break_off(bad_mock(operation, &why))),
            Err(error) => refused(*error).map_err(|why| self.break_off(bad_mock(operation, &why))),
        }
    }

    /// Asks the mock of `vendors.get`; without one there is no vendor.
    fn mocked_vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        let Some(mock) = self.bench.state().mocks.get(VENDORS_GET).cloned() else { return Ok(Value::Null) };
        let bad = |why: String| self.break_off(bad_mock(VENDORS_GET, &why));
        let engine = self.bench.engine();
        let answer = mock.call::<Dynamic>(&engine, &AST::empty(), (ImmutableString::from(handle),));
        let answer = answer.map_err(|error| bad(error.to_string()))?;
        let Some(fields) = answer.read_lock::<Map>() else { return Ok(Value::Null) };
        let text = |name: &str| fields.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
        Ok(json!({
            "handle": handle,
            "state": text("state"),
            "account": text("company_id"),
            "business": text("corporate_number"),
        }))
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
    fn settled(
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

/// The look-up of a vendor, as it is mocked: `|handle| #{ state, company_id }`, or `()` for none.
pub(super) const VENDORS_GET: &str = "vendors.get";

fn bad_mock(operation: &str, why: &str) -> String {
    format!("the mock of {operation} does not work: {why}")
}

/// What a mock that threw means: a refusal, as scripts catch them. An error that nobody threw is a slip of the test.
fn refused(error: EvalAltResult) -> Result<Outcome, String> {
    let mut error = error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = *inner;
    }
    let EvalAltResult::ErrorRuntime(thrown, _) = error else {
        return Err(error.to_string());
    };
    let Some(fields) = thrown.read_lock::<Map>() else {
        return Ok(Outcome::new(OutcomeStatus::Rejected, "rejected", Text::verbatim(thrown.to_string())));
    };
    let text = |name: &str| fields.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
    let status = match text("status").as_deref() {
        None | Some("rejected") => OutcomeStatus::Rejected,
        Some("not_sent") => OutcomeStatus::NotSent,
        Some(other) => {
            return Err(format!("it throws the status {other}; only rejected and not_sent are thrown"));
        }
    };
    let code = text("code").unwrap_or_else(|| status.as_str().to_owned());
    Ok(Outcome::new(status, code, Text::verbatim(text("message").unwrap_or_default())))
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

/// A delivery with every field that one has, of those that a test wrote.
fn delivery(known: &Dynamic) -> Result<Dynamic, String> {
    let known = to_json(known).map_err(|fault| fault.text().en)?;
    from_json(&crate::webhook::request(known)).map_err(|fault| fault.text().en)
}
