//! What the test files share: the provider at some address, and a simulator of it.

#![allow(dead_code, reason = "not every test file asks for all of it")]

use gesher_core::operation::{MARKETPLACE, Prepared, Provider, Registry};
use gesher_core::time::ManualClock;
use gesher_core::{Outcome, Rejection, Secret};
use gesher_senzey::simulated::{World, WorldOptions};
use gesher_senzey::{CONTACTS_PATH, PROVIDER, Senzey, SenzeyConfig, WireOptions};
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const USERNAME: &str = "UserCanary-k2";
pub(crate) const PASSWORD: &str = "PassCanary&=+ %ש7";
/// Today, wherever a test asks.
pub(crate) const NOW: &str = "2026-11-15T10:00:00Z";

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW.parse().unwrap()))
}

/// Senzey at an address, with a password of one's own.
pub(crate) fn senzey(base_url: &str, password: &str, timeout: Duration) -> Arc<dyn Provider> {
    let config = SenzeyConfig {
        base_url: base_url.parse().unwrap(),
        account: "acme".to_owned(),
        username: Secret::from(USERNAME),
        password: Secret::from(password),
        timeout,
        connect_timeout: timeout / 2,
        wire: WireOptions::default(),
        contacts_path: CONTACTS_PATH.to_owned(),
        clock: clock(),
    };
    Arc::new(Senzey::new(config).unwrap())
}

/// The operations of a provider that is never called.
pub(crate) fn registry() -> Registry {
    Registry::new(&[senzey("http://127.0.0.1:9", PASSWORD, Duration::from_secs(2))])
}

/// Prepares a request of an operation, by its short name.
pub(crate) fn prepare(registry: &Registry, name: &str, request: Value) -> Result<Prepared, Rejection> {
    registry.find(&format!("senzey.{name}")).unwrap().prepare(MARKETPLACE, request)
}

/// A simulator that knows its user.
pub(crate) async fn simulator(faults: FaultPlan) -> RunningSimulator {
    let world = World::new(WorldOptions {
        username: Some(Secret::from(USERNAME)),
        password: Some(Secret::from(PASSWORD)),
        ..WorldOptions::default()
    });
    Simulator::start(SimulatorOptions {
        served: vec![Served { listen: "127.0.0.1:0".parse().unwrap(), provider: Box::new(world) }],
        ledger: None,
        faults,
        clock: clock(),
    })
    .await
    .unwrap()
}

/// Where a simulator listens.
pub(crate) fn address(simulator: &RunningSimulator) -> String {
    simulator.base_url(PROVIDER).unwrap()
}

/// Prepares and performs.
pub(crate) async fn perform(provider: &Arc<dyn Provider>, name: &str, request: Value) -> Outcome {
    let registry = Registry::new(&[Arc::clone(provider)]);
    let registered = registry.find(&format!("senzey.{name}")).unwrap();
    let prepared = registered.prepare(MARKETPLACE, request).unwrap();
    provider.perform(registered.entry, &provider.marketplace(), &prepared, None).await
}

/// A good standing order: a bank debit.
pub(crate) fn bank_order() -> Value {
    serde_json::json!({
        "client_name": "ישראלה ישראלי", "client_email": "payer@example.test",
        "start_date": "01/12/2026", "transfer_period": "month", "transfer_amount": 118,
        "transfer_type": "bank",
        "payment_details": {"account_branch": "600", "account_num": "1003", "bank_code": 12,
            "to_account_branch": "800", "to_account_num": "100035", "to_bank_code": 10},
    })
}

/// A request with fields changed: `null` takes one out.
pub(crate) fn with(request: &Value, changes: &Value) -> Value {
    let mut changed = request.clone();
    merge(&mut changed, changes);
    changed
}

fn merge(into: &mut Value, changes: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *into, changes) else {
        *into = changes.clone();
        return;
    };
    for (name, change) in changes {
        match change {
            Value::Null => {
                fields.shift_remove(name);
            }
            change => merge(fields.entry(name.clone()).or_insert(Value::Null), change),
        }
    }
}
