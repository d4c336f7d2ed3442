//! A provider that exists only on paper and a world that writes down what scripts ask of it, for tests and benches.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use gesher_core::operation::{Facts, OutcomeFuture, Reply};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, Language, LookUp, Operation, OperationEntry,
    Outcome, OutcomeStatus, Prepared, Provider, Redactor, Registry, Rejection, Secret, Sender, Stamp, Text,
};
use gesher_engine::{Answer, CallEnd, Keep, ResultText, Row};
use gesher_script::{Host, Level};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

macro_rules! operation {
    ($type:ident, $name:literal, $effect:ident, $key:ident, $look_up:expr) => {
        operation!($type, "officeguy", Who, $name, $effect, $key, $look_up);
    };
    ($type:ident, $provider:literal, $sender:ident, $name:literal, $effect:ident, $key:ident, $look_up:expr) => {
        struct $type;
        impl Operation for $type {
            const DESCRIPTOR: Descriptor = Descriptor {
                provider: $provider,
                name: $name,
                summary: "An operation on paper.",
                endpoint: "/on/paper/",
                effect: Effect::$effect,
                key: KeyRule::$key,
                look_up: $look_up,
                sender: Sender::$sender,
            };
            const EXAMPLES: &'static [Example] =
                &[Example { title: "One.", who: "dana", key: None, request: "{}", answer: "{}" }];
            type Request = Value;
            type Answer = Value;

            fn rules(_: &Value) -> Result<(), Rejection> {
                Ok(())
            }

            fn facts(_: &Value) -> Facts {
                Facts::default()
            }

            fn classify(_: &Prepared, _: &Reply) -> Outcome {
                Outcome::new(OutcomeStatus::Succeeded, "000", Text::default())
            }
        }
    };
}

operation!(Charge, "charge", Money, Required, LookUp::Manual);
operation!(CreateCompany, "create_company", Write, OncePerVendor, LookUp::Manual);
operation!(OpenTerminal, "open_upay_terminal", Write, OncePerVendor, LookUp::Manual);
operation!(CreateDocument, "create_document", Write, Optional, LookUp::Manual);
operation!(ListPayments, "list_payments", Read, None, LookUp::NotNeeded);
operation!(GetEntity, "request/crm/data/getentity/", Read, None, LookUp::NotNeeded);
operation!(SendText, "request/sms/sms/send/", Write, Optional, LookUp::Manual);
operation!(Transact, "request/creditguy/gateway/transaction/", Money, Required, LookUp::Manual);

operation!(AddBankOrder, "senzey", Only, "add_bank_order", Money, Required, LookUp::Manual);

static ALONE: [OperationEntry; 1] = [OperationEntry::of::<AddBankOrder>()];

static OPERATIONS: [OperationEntry; 8] = [
    OperationEntry::of::<Charge>(),
    OperationEntry::of::<CreateCompany>(),
    OperationEntry::of::<OpenTerminal>(),
    OperationEntry::of::<CreateDocument>(),
    OperationEntry::of::<ListPayments>(),
    OperationEntry::of::<GetEntity>(),
    OperationEntry::of::<SendText>(),
    OperationEntry::of::<Transact>(),
];

/// A provider with vendors, or one without.
struct OnPaper(&'static str, &'static [OperationEntry]);

impl Provider for OnPaper {
    fn name(&self) -> &'static str {
        self.0
    }

    fn environment(&self) -> Environment {
        Environment { provider: self.0, address: String::new(), account: String::new() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        self.1
    }

    fn marketplace(&self) -> Account {
        Account { id: String::new(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Ok(self.marketplace())
    }

    fn perform<'a>(
        &'a self,
        _: &'a OperationEntry,
        _: &'a Account,
        _: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(async { Outcome::new(OutcomeStatus::NotSent, "on_paper", Text::default()) })
    }
}

/// The operations on paper.
pub fn registry() -> Registry {
    Registry::new(&[Arc::new(OnPaper("officeguy", &OPERATIONS)), Arc::new(OnPaper("senzey", &ALONE))])
}

/// One call, as it reached the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    pub operation: String,
    pub who: String,
    pub key: Option<String>,
    pub request: Value,
}

type Reaction = dyn Fn(&Called) -> Result<Answer, CallEnd> + Send + Sync;

/// A world that records.
pub struct Recorder {
    pub calls: Mutex<Vec<Called>>,
    pub lines: Mutex<Vec<(Level, String)>>,
    pub language: Language,
    pub redactor: Redactor,
    pub kept: Mutex<BTreeMap<String, Value>>,
    /// Whether somebody looks at what the script returns.
    pub reads: AtomicBool,
    dead: AtomicBool,
    reaction: Box<Reaction>,
    zone: TimeZone,
    clock: gesher_core::SystemClock,
}

impl Recorder {
    pub fn new(reaction: impl Fn(&Called) -> Result<Answer, CallEnd> + Send + Sync + 'static) -> Arc<Self> {
        Self::speaking(Language::En, reaction)
    }

    pub fn speaking(
        language: Language,
        reaction: impl Fn(&Called) -> Result<Answer, CallEnd> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("VndKey-canary-1"));
        Arc::new(Self {
            calls: Mutex::default(),
            lines: Mutex::default(),
            language,
            redactor,
            kept: Mutex::default(),
            reads: AtomicBool::new(true),
            dead: AtomicBool::new(false),
            reaction: Box::new(reaction),
            zone: TimeZone::fixed(jiff::tz::offset(3)),
            clock: gesher_core::SystemClock::new(),
        })
    }
}

/// The vendors of the recording world: handle, state, account, business.
const VENDORS: &[(&str, &str, Option<&str>, Option<&str>)] =
    &[("dana", "live", Some("2410000222"), Some("300000007")), ("noa", "opening", None, Some("300000015"))];

fn seen(vendor: &(&str, &str, Option<&str>, Option<&str>)) -> Value {
    let (handle, state, account, business) = vendor;
    json!({ "handle": handle, "state": state, "account": account, "business": business })
}

impl Host for Recorder {
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Result<Answer, CallEnd> {
        let called = Called {
            operation: operation.to_owned(),
            who: who.to_owned(),
            key: key.map(str::to_owned),
            request,
        };
        self.calls.lock().unwrap().push(called.clone());
        let end = (self.reaction)(&called);
        if matches!(end, Err(CallEnd::Ended)) {
            self.dead.store(true, Ordering::Release);
        }
        end
    }

    fn now(&self) -> Result<Timestamp, CallEnd> {
        Ok("2026-03-26T22:30:00Z".parse().unwrap())
    }

    fn vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        let known = VENDORS.iter().find(|(known, ..)| *known == handle);
        Ok(known.map_or(Value::Null, seen))
    }

    fn vendors(&self) -> Result<Value, CallEnd> {
        Ok(VENDORS.iter().map(seen).collect())
    }

    fn run_result(&self) -> Result<ResultText, CallEnd> {
        let (name, text) =
            ("march.k7mq2xd.result.csv".to_owned(), "\u{feff}order,gesher_status\r\n".to_owned());
        Ok(ResultText { name, text, sha256: String::new() })
    }

    fn kept(&self, key: &str) -> Result<Value, CallEnd> {
        Ok(self.kept.lock().unwrap().get(key).cloned().unwrap_or_default())
    }

    fn kept_keys(&self, prefix: &str) -> Result<Vec<String>, CallEnd> {
        Ok(self.kept.lock().unwrap().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn keep(&self, key: &str, keep: Keep) -> Result<Answer, CallEnd> {
        gesher_engine::keep_in(&mut self.kept.lock().unwrap(), key, keep, &self.redactor, self.language)
    }

    fn start_flow(&self, flow: &str, key: Option<&str>, args: Value) -> Result<Answer, CallEnd> {
        let started = self.call("flow.start", flow, key, args)?;
        Ok(Answer { data: json!({ "run": "k7mq2xd", "new": true }).into(), ..started })
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    fn monotonic(&self) -> Duration {
        gesher_core::Clock::monotonic(&self.clock)
    }

    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    fn language(&self) -> Language {
        self.language
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor.text(text)
    }

    fn log(&self, level: Level, line: &str) {
        self.lines.lock().unwrap().push((level, line.to_owned()));
    }

    fn reads_result(&self) -> bool {
        self.reads.load(Ordering::SeqCst)
    }
}

/// An answer with nothing but its status.
pub fn answer(status: OutcomeStatus, code: &str, message: &str) -> Answer {
    Answer {
        status,
        reference: None,
        document: None,
        code: Some(code.to_owned()),
        message: message.to_owned(),
        replayed: false,
        data: Value::Null.into(),
    }
}

/// A world in which everything succeeds.
pub fn all_succeeds() -> Arc<Recorder> {
    Recorder::new(|_| Ok(succeeded()))
}

/// A charge that went well.
pub fn succeeded() -> Answer {
    Answer {
        reference: Some("90000001".to_owned()),
        document: Some("1001".to_owned()),
        data: json!({ "Payment": { "ID": 90_000_001_i64, "Amount": 9 } }).into(),
        ..answer(OutcomeStatus::Succeeded, "000", "approved")
    }
}

/// A row of pairs.
pub fn row(cells: &[(&str, &str)]) -> Row {
    Row {
        header: cells.iter().map(|(name, _)| (*name).to_owned()).collect(),
        cells: cells.iter().map(|(_, cell)| (*cell).to_owned()).collect(),
    }
}
