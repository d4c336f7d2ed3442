//! A provider with an operation that charges in parts through the hub, and fails in passing where the test says so; and
//! with one of which only the provider's own code knows what it moves.

use gesher_core::operation::{Facts, OutcomeFuture};
use gesher_core::{
    Account, Caller, Composed, Composer, Descriptor, Effect, Environment, Example, KeyRule, LookUp,
    Operation, OperationEntry, Outcome, OutcomeStatus, Prepared, Provider, Rejection, Secret, Sender, Stamp,
    Text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// What names it.
    name: String,
    /// How many parts.
    #[serde(default)]
    parts: u32,
}

macro_rules! operation {
    ($type:ident, $name:literal, $effect:expr, $key:expr, $look_up:expr) => {
        struct $type;

        impl Operation for $type {
            const DESCRIPTOR: Descriptor = Descriptor {
                provider: "parts",
                name: $name,
                summary: "Charges in parts.",
                endpoint: concat!("/", $name, "/"),
                effect: $effect,
                key: $key,
                look_up: $look_up,
                sender: Sender::Only,
            };
            const EXAMPLES: &'static [Example] = &[Example {
                title: "One",
                who: "marketplace",
                key: None,
                request: r#"{"name":"1"}"#,
                answer: "{}",
            }];
            type Request = Request;
            type Answer = Request;

            fn rules(_: &Request) -> Result<(), Rejection> {
                Ok(())
            }

            fn facts(_: &Request) -> Facts {
                Facts::default()
            }
        }
    };
}

operation!(All, "all", Effect::Read, KeyRule::None, LookUp::NotNeeded);
operation!(Pay, "pay", Effect::Money, KeyRule::Required, LookUp::Manual);

static OPERATIONS: &[OperationEntry] =
    &[OperationEntry::of::<All>().composing(), OperationEntry::of::<Pay>()];

/// What one execution of `parts.all` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// All of it.
    Through,
    /// Breaks off after so many parts.
    BreaksOff(u32),
    /// Asks before each part whether to give up.
    Heeds,
}

#[derive(Default)]
pub(crate) struct Parts {
    /// What the next executions do; all of it where nothing is said.
    pub(crate) plans: Mutex<VecDeque<Plan>>,
    /// Whether the next questions for facts are answered; they are where nothing is said.
    pub(crate) answers: Mutex<VecDeque<bool>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) paid: AtomicUsize,
}

fn rejected(code: &str) -> Outcome {
    Outcome::new(OutcomeStatus::Rejected, code, Text::verbatim("not all of it"))
}

impl Composer for Parts {
    fn compose(&self, _: &OperationEntry, prepared: &Prepared, caller: &dyn Caller) -> Composed {
        let plan = self.plans.lock().unwrap().pop_front().unwrap_or(Plan::Through);
        let Request { name, parts } = serde_json::from_str(&prepared.body).unwrap();
        for part in 0..=parts {
            if plan == Plan::BreaksOff(part) {
                return Composed::BrokeOff(rejected("broke_off"));
            }
            if part == parts {
                break;
            }
            if plan == Plan::Heeds && caller.is_over() {
                return Composed::Answered(rejected("gave_up"));
            }
            // Has its place among the steps, and leaves no record.
            let gone = caller.call("acme.gone", "marketplace", None, Value::Null);
            let key = format!("{name}/{part}");
            let request = json!({ "answer": "succeeded", "note": key });
            let called = gone.and_then(|_| caller.call("acme.charge", "marketplace", Some(&key), request));
            let timed = called.and_then(|answer| (answer["status"] == "succeeded").then(|| caller.now())?);
            if timed.is_none() {
                return Composed::BrokeOff(rejected("over"));
            }
        }
        Composed::Answered(Outcome::new(OutcomeStatus::Succeeded, "", Text::default()))
    }
}

impl Provider for Parts {
    fn name(&self) -> &'static str {
        "parts"
    }

    fn environment(&self) -> Environment {
        Environment { provider: "parts", address: "here".into(), account: "parts".into() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        OPERATIONS
    }

    fn composer(&self) -> Option<&dyn Composer> {
        Some(self)
    }

    fn marketplace(&self) -> Account {
        Account { id: "parts".into(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Ok(self.marketplace())
    }

    fn facts(&self, _: &OperationEntry, _: &Prepared) -> Result<Option<Facts>, Box<Outcome>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.lock().unwrap().pop_front().unwrap_or(true);
        let amount = "7.00 ILS".parse().ok();
        let known = answers.then(|| Some(Facts { amount, ..Facts::default() }));
        known.ok_or_else(|| {
            Box::new(Outcome::new(OutcomeStatus::NotSent, "at_rest", Text::verbatim("nobody answers")))
        })
    }

    fn perform<'a>(
        &'a self,
        _: &'a OperationEntry,
        _: &'a Account,
        prepared: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        self.paid.fetch_add(1, Ordering::SeqCst);
        let is_lost = prepared.body.contains("lost");
        let status = if is_lost { OutcomeStatus::Unknown } else { OutcomeStatus::Succeeded };
        let mut outcome = Outcome::new(status, "", Text::default());
        outcome.amount = prepared.facts.amount;
        Box::pin(std::future::ready(outcome))
    }
}
