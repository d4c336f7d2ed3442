//! A provider whose records the test writes. It stands for a provider's network, not for any part of the hub.

use gesher_core::look_up::{Candidate, Found, LookUpFailure, LookUpFuture, Wanted};
use gesher_core::operation::{Facts, OutcomeFuture};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, LookUp, Operation, OperationEntry, Outcome,
    OutcomeStatus, Prepared, Provider, Rejection, Reply, Secret, Sender, Stamp, Text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

macro_rules! operation {
    ($type:ident, $name:literal, $effect:expr, $key:expr, $look_up:expr) => {
        struct $type;

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
            const EXAMPLES: &'static [Example] =
                &[Example { title: "One", who: "marketplace", key: None, request: "{}", answer: "{}" }];
            type Request = Nothing;
            type Answer = Nothing;

            fn rules(_: &Nothing) -> Result<(), Rejection> {
                Ok(())
            }

            fn facts(_: &Nothing) -> Facts {
                Facts::default()
            }

            fn classify(_: &Prepared, _: &Reply) -> Outcome {
                Outcome::new(OutcomeStatus::Unknown, "none", Text::default())
            }
        }
    };
}

operation!(Charge, "charge", Effect::Money, KeyRule::Required, LookUp::By("acme.list"));
operation!(Wish, "wish", Effect::Write, KeyRule::Required, LookUp::Manual);
operation!(List, "list", Effect::Read, KeyRule::None, LookUp::NotNeeded);

static OPERATIONS: &[OperationEntry] =
    &[OperationEntry::of::<Charge>(), OperationEntry::of::<Wish>(), OperationEntry::of::<List>()];

/// What its records say, and what it was asked.
#[derive(Default)]
pub(crate) struct Acme {
    pub(crate) records: Mutex<Vec<Candidate>>,
    pub(crate) failure: Mutex<Option<LookUpFailure>>,
    pub(crate) asked: Mutex<Vec<Wanted>>,
    /// How long an answer takes.
    pub(crate) takes: Mutex<Duration>,
    /// How many turns at once it takes before it answers.
    pub(crate) turns: AtomicUsize,
}

impl Acme {
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
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

    fn perform<'a>(
        &'a self,
        _: &'a OperationEntry,
        _: &'a Account,
        _: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(async { panic!("settling sends nothing") })
    }

    fn look_up<'a>(&'a self, _: &'a OperationEntry, _: &'a Account, wanted: &'a Wanted) -> LookUpFuture<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(wanted.clone());
            let mut turns = Vec::new();
            for _ in 0..self.turns.load(Ordering::SeqCst) {
                turns.push(wanted.pace.turn().await?);
            }
            let takes = *self.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            match self.failure.lock().unwrap().clone() {
                Some(failure) => Err(failure),
                None => Ok(Found { candidates: self.records.lock().unwrap().clone() }),
            }
        })
    }
}
