//! A provider whose answers the test chooses, with a ledger of what was sent. It stands for a provider's network, not
//! for any part of the hub.

use gesher_core::look_up::{Agreement, Candidate, Found, LookUpFailure, LookUpFuture, Stamped, Wanted};
use gesher_core::operation::{Facts, OutcomeFuture};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, LookUp, Money, Operation, OperationEntry,
    Outcome, OutcomeStatus, Prepared, Provider, Rejection, Reply, Secret, Sender, Stamp, Text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// What the provider shall answer.
    pub(crate) answer: String,
    /// Whatever tells two requests apart.
    #[serde(default)]
    pub(crate) note: String,
    /// What it moves: five shekels by default, `none` for an amount that nobody knows.
    #[serde(default)]
    pub(crate) amount: Option<String>,
    /// Whom it concerns.
    #[serde(default)]
    pub(crate) subject: Option<String>,
}

impl Request {
    fn money(&self) -> Option<Money> {
        let text = self.amount.as_deref().unwrap_or("5.00 ILS");
        let money: Money = text.trim_start_matches('-').parse().ok()?;
        let amount = if text.starts_with('-') { -money.amount } else { money.amount };
        Some(Money { amount, ..money })
    }
}

macro_rules! operation {
    ($type:ident, $name:literal, $effect:expr, $key:expr, $look_up:expr) => {
        pub(crate) struct $type;

        impl Operation for $type {
            const DESCRIPTOR: Descriptor = Descriptor {
                provider: "acme",
                name: $name,
                summary: "Does what the test says.",
                endpoint: "/x/",
                effect: $effect,
                key: $key,
                look_up: $look_up,
                sender: Sender::Who,
            };
            const EXAMPLES: &'static [Example] = &[Example {
                title: "One",
                who: "marketplace",
                key: None,
                request: r#"{"answer":"succeeded"}"#,
                answer: "{}",
            }];
            type Request = Request;
            type Answer = Request;

            fn rules(_: &Request) -> Result<(), Rejection> {
                Ok(())
            }

            fn facts(request: &Request) -> Facts {
                Facts { subject: request.subject.clone(), amount: request.money(), ..Facts::default() }
            }

            fn classify(_: &Prepared, _: &Reply) -> Outcome {
                Outcome::new(OutcomeStatus::Unknown, "none", Text::default())
            }
        }
    };
}

operation!(Charge, "charge", Effect::Money, KeyRule::Required, LookUp::By("acme.get"));
operation!(Note, "note", Effect::Write, KeyRule::Optional, LookUp::Manual);
operation!(Open, "open", Effect::Write, KeyRule::OncePerVendor, LookUp::Manual);
operation!(Get, "get", Effect::Read, KeyRule::None, LookUp::NotNeeded);

static OPERATIONS: &[OperationEntry] = &[
    OperationEntry::of::<Charge>(),
    OperationEntry::of::<Note>(),
    OperationEntry::of::<Open>(),
    OperationEntry::of::<Get>(),
];

/// What was sent: operation and body.
#[derive(Default)]
pub(crate) struct Acme {
    pub(crate) sent: Mutex<Vec<(String, String)>>,
    pub(crate) at_once: AtomicUsize,
    pub(crate) at_once_most: AtomicUsize,
    /// Whether each answer is another: it counts what was sent by then.
    pub(crate) is_moody: AtomicBool,
    /// Whether its records have whatever is looked for; else it cannot be asked.
    pub(crate) finds: AtomicBool,
    /// Whether what is sent is never answered.
    pub(crate) is_silent: AtomicBool,
    /// Called in the middle of each send.
    pub(crate) during: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Acme {
    pub(crate) fn sends(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl Provider for Acme {
    fn name(&self) -> &'static str {
        "acme"
    }

    fn environment(&self) -> Environment {
        Environment { provider: "acme", address: "simulator".into(), account: "1".into() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        OPERATIONS
    }

    fn marketplace(&self) -> Account {
        Account { id: "1".into(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Ok(Account { id: "2".into(), secrets: BTreeMap::new() })
    }

    fn look_up<'a>(&'a self, _: &'a OperationEntry, _: &'a Account, wanted: &'a Wanted) -> LookUpFuture<'a> {
        let candidate = Candidate {
            reference: wanted.intent_at.to_string(),
            document: None,
            at: Some(wanted.intent_at),
            amount: wanted.amount,
            amount_agrees: Agreement::Yes,
            stamped: Stamped::Unread,
            pending: false,
            agrees: Agreement::Yes,
            also: Vec::new(),
            outcome: Outcome::new(OutcomeStatus::Succeeded, "000", Text::default()),
            evidence: Value::Null,
        };
        let found = Found { candidates: vec![candidate] };
        let finds = self.finds.load(Ordering::SeqCst);
        Box::pin(std::future::ready(if finds { Ok(found) } else { Err(LookUpFailure::Manual) }))
    }

    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        _: &'a Account,
        prepared: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(async move {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.at_once_most.fetch_max(now, Ordering::SeqCst);
            self.sent.lock().unwrap().push((entry.descriptor.name.to_owned(), prepared.body.clone()));
            // It may wait for others, who may be tasks of this thread, and so may whoever waits for the lock.
            tokio::task::block_in_place(|| {
                if let Some(during) = &*self.during.lock().unwrap() {
                    during();
                }
            });
            if self.is_silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            let request: Value = serde_json::from_str(&prepared.body).unwrap();
            let word = request["answer"].as_str().unwrap_or_default();
            let refused_keys = word == "refused_keys";
            let is_distrusted = word == "distrusted";
            let word = match word {
                "refused_keys" => "rejected",
                "distrusted" => "not_sent",
                word => word,
            };
            let status: OutcomeStatus = word.parse().unwrap_or_else(|_| panic!("the connection broke"));
            let mut outcome = Outcome::new(status, "code", Text::verbatim(format!("it is {word}")));
            outcome.pauses_account = refused_keys;
            if is_distrusted {
                outcome.code = Some(gesher_core::outcome::CERTIFICATE.to_owned());
            }
            outcome.reference = Some("77".into());
            outcome.amount = prepared.facts.amount;
            let mut data = json!({ "ID": 77, "APIKey": "canary-key-1" });
            if self.is_moody.load(Ordering::SeqCst) {
                data["sends"] = json!(self.sends());
            }
            outcome.data = data.into();
            outcome
        })
    }
}
