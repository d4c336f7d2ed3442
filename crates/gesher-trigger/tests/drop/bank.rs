//! A provider whose answers the rows choose, with a ledger of what was sent. It stands for a provider's network, not
//! for any part of the hub.

use gesher_core::operation::{Facts, OutcomeFuture};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, LookUp, Money, Operation, OperationEntry,
    Outcome, OutcomeStatus, Prepared, Provider, Rejection, Reply, Secret, Sender, Stamp, Text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Request {
    /// What the bank shall answer.
    pub answer: String,
    /// The order.
    pub order: String,
    /// How much.
    pub amount: String,
}

pub(crate) struct Pay;

impl Operation for Pay {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: "bank",
        name: "pay",
        summary: "Pays what the row says.",
        endpoint: "/pay/",
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One",
        who: "marketplace",
        key: Some("1"),
        request: r#"{"answer":"succeeded","order":"1","amount":"1"}"#,
        answer: "{}",
    }];
    type Request = Request;
    type Answer = Request;

    fn rules(_: &Request) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(request: &Request) -> Facts {
        Facts { amount: format!("{} ILS", request.amount).parse::<Money>().ok(), ..Facts::default() }
    }

    fn classify(_: &Prepared, _: &Reply) -> Outcome {
        Outcome::new(OutcomeStatus::Unknown, "none", Text::default())
    }
}

static OPERATIONS: &[OperationEntry] = &[OperationEntry::of::<Pay>()];

type During = Box<dyn FnMut(usize) + Send>;

/// Pays, and remembers what it paid.
#[derive(Default)]
pub(crate) struct Bank {
    /// The orders that were sent and what was answered, in their order.
    pub ledger: Mutex<Vec<(String, OutcomeStatus)>>,
    /// Called in the middle of each payment with how many there were.
    pub during: Mutex<Option<During>>,
}

impl Bank {
    /// Does something in the middle of each payment.
    pub(crate) fn during(&self, act: impl FnMut(usize) + Send + 'static) {
        *self.during.lock().unwrap() = Some(Box::new(act));
    }

    pub(crate) fn payments(&self) -> usize {
        self.ledger.lock().unwrap().len()
    }

    /// Orders that were sent again although money had, or may have, moved.
    pub(crate) fn sent_again(&self) -> Vec<String> {
        let mut closed = BTreeSet::new();
        let ledger = self.ledger.lock().unwrap();
        let again = ledger.iter().filter(|(order, status)| {
            let is_again = closed.contains(order);
            if matches!(status, OutcomeStatus::Succeeded | OutcomeStatus::Unknown) {
                closed.insert(order.clone());
            }
            is_again
        });
        again.map(|(order, _)| order.clone()).collect()
    }
}

impl Provider for Bank {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn environment(&self) -> Environment {
        Environment { provider: "bank", address: "simulator".into(), account: "1".into() }
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

    fn perform<'a>(
        &'a self,
        _: &'a OperationEntry,
        _: &'a Account,
        prepared: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(async move {
            let request: Request = serde_json::from_str(&prepared.body).unwrap();
            let status: OutcomeStatus = request.answer.parse().unwrap_or(OutcomeStatus::Succeeded);
            let count = {
                let mut ledger = self.ledger.lock().unwrap();
                ledger.push((request.order.clone(), status));
                ledger.len()
            };
            // It may wait for others, who may be tasks of this thread, and so may whoever waits for the lock.
            tokio::task::block_in_place(|| {
                if let Some(during) = &mut *self.during.lock().unwrap() {
                    during(count);
                }
            });
            let mut outcome = Outcome::new(status, "0", Text::verbatim(request.answer));
            outcome.reference = Some(format!("ref-{}", request.order));
            outcome.document = Some(count.to_string());
            outcome.amount = prepared.facts.amount;
            outcome
        })
    }
}
