//! Every operation's examples, run as they stand against the simulator over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use gesher_core::operation::{Account, MARKETPLACE, Provider, Registered, Registry, Sender};
use gesher_core::time::ManualClock;
use gesher_core::{Language, Outcome, OutcomeStatus, Secret};
use gesher_officeguy::simulated::{MARKETPLACE_COMPANY_ID, World, WorldOptions};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, PROVIDER, StampPlace};
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

async fn simulator() -> RunningSimulator {
    let world =
        World::new(WorldOptions { api_key: Some(Secret::from("MarketKey")), ..WorldOptions::default() });
    Simulator::start(SimulatorOptions {
        served: vec![Served { listen: "127.0.0.1:0".parse().unwrap(), provider: Box::new(world) }],
        ledger: None,
        faults: FaultPlan::default(),
        clock: Arc::new(ManualClock::new("2026-03-15T10:00:00Z".parse().unwrap())),
    })
    .await
    .unwrap()
}

fn officeguy(simulator: &RunningSimulator, api_key: &str) -> Arc<dyn Provider> {
    let config = OfficeGuyConfig {
        base_url: simulator.base_url(PROVIDER).unwrap().parse().unwrap(),
        company_id: MARKETPLACE_COMPANY_ID,
        api_key: Secret::from(api_key),
        language: Language::He,
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        stamp: StampPlace::End,
    };
    Arc::new(OfficeGuy::new(config).unwrap())
}

/// Runs a call; `others` is the account of the vendor that it names beside *who*.
async fn perform(
    registered: &Registered,
    account: &Account,
    others: Option<&Account>,
    (who, request): (&str, &str),
) -> Outcome {
    let request: Value = serde_json::from_str(request).unwrap();
    let prepared = registered.prepare(who, request).unwrap();
    let of = |name: &String| match name.as_str() {
        MARKETPLACE => registered.provider.marketplace(),
        _ => others.cloned().unwrap(),
    };
    let others: Vec<_> = prepared.vendors.iter().map(|name| Arc::new(of(name))).collect();
    registered.provider.perform_with(registered.entry, account, &others, &prepared, None).await
}

/// Whether `answer` has what `wanted` says; `"*"` is anything.
fn holds(answer: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::String(any) if any == "*" => !answer.is_null(),
        Value::Object(fields) => fields.iter().all(|(name, wanted)| holds(&answer[name], wanted)),
        wanted => answer == wanted,
    }
}

#[tokio::test]
async fn every_example_answers_what_it_says() {
    let simulator = simulator().await;
    let provider = officeguy(&simulator, "MarketKey");
    let registry = Registry::new(&[Arc::clone(&provider)]);
    let names = registry.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    // Those that the others need, and those that take something away.
    let first = [
        "create_company",
        "open_upay_terminal",
        "charge",
        "create_document",
        "set_payment_method",
        "charge_recurring",
    ];
    let last = ["cancel_recurring", "remove_payment_method", "unsubscribe_trigger"];
    let qualified = |name: &&str| format!("officeguy.{name}");
    let first: Vec<String> = first.iter().map(qualified).collect();
    let last: Vec<String> = last.iter().map(qualified).collect();
    let rest = names.iter().filter(|name| !first.contains(name) && !last.contains(name));
    let mut vendor = None;
    let mut ran = 0;
    for name in first.iter().chain(rest).chain(&last) {
        let registered = registry.find(name).unwrap();
        for example in registered.entry.examples {
            let of_marketplace =
                example.who == MARKETPLACE || registered.entry.descriptor.sender == Sender::Marketplace;
            let account = match &vendor {
                Some(vendor) if !of_marketplace => Account::clone(vendor),
                _ => provider.marketplace(),
            };
            let outcome =
                perform(registered, &account, vendor.as_ref(), (example.who, example.request)).await;
            assert_eq!(outcome.status, OutcomeStatus::Succeeded, "{name}: {}", outcome.message.en);
            let wanted: Value = serde_json::from_str(example.answer).unwrap();
            assert!(holds(&outcome.data, &wanted), "{name}: {} lacks {wanted}", outcome.data);
            if let [sealed] = outcome.sealed.as_slice() {
                assert_eq!(sealed.name, "vendor/dana-pottery/officeguy");
                vendor = Some(provider.vendor_account(&sealed.secret).unwrap());
            }
            ran += 1;
        }
    }
    let named = registry.iter().filter(|(_, found)| !found.entry.descriptor.is_by_path()).count();
    assert!(ran > named);
    let charged: Vec<_> =
        simulator.ledger().unwrap().into_iter().filter(|entry| entry.is_charged()).collect();
    let sums: Vec<_> = charged.iter().filter_map(|entry| entry.amount.as_deref()).collect();
    assert_eq!(sums, ["9.00", "118.00", "49.90", "9.00", "49.90", "6.00", "3.00", "-4.50"]);
    simulator.stop().await;
}

#[tokio::test]
async fn no_key_is_in_what_a_script_gets() {
    let simulator = simulator().await;
    let provider = officeguy(&simulator, "MarketKey");
    let registry = Registry::new(&[Arc::clone(&provider)]);
    let registered = registry.find("officeguy.create_company").unwrap();
    let example = registered.entry.examples.first().unwrap();
    let request = example.request.replace(
        "\"BizPackage\"",
        "\"User\": {\"Name\": \"דנה\", \"EmailAddress\": \"dana@example.test\"}, \"BizPackage\"",
    );
    let outcome = perform(registered, &provider.marketplace(), None, (example.who, &request)).await;
    assert_eq!(outcome.status, OutcomeStatus::Succeeded);
    let fields: Vec<_> = outcome.data.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["CompanyID"]);
    let sealed = outcome.sealed.first().unwrap();
    let kept: Value = serde_json::from_str(sealed.secret.expose()).unwrap();
    let kept: Vec<_> = kept.as_object().unwrap().keys().cloned().collect();
    assert_eq!(kept, ["CompanyID", "APIKey", "APIPublicKey"]);
    let shown = format!("{outcome:?}");
    let key = provider.vendor_account(&sealed.secret).unwrap().secrets["APIKey"].expose().clone();
    assert!(!shown.contains(&key));
    simulator.stop().await;
}

#[tokio::test]
async fn wrong_keys_pause_the_account() {
    let simulator = simulator().await;
    let provider = officeguy(&simulator, "WrongKey");
    let registry = Registry::new(&[Arc::clone(&provider)]);
    for name in ["officeguy.get_vat_rate", "officeguy.charge", "officeguy.create_company"] {
        let registered = registry.find(name).unwrap();
        let request = registered.entry.examples.first().unwrap().request;
        let outcome = perform(registered, &provider.marketplace(), None, ("dana-pottery", request)).await;
        assert_eq!(outcome.status, OutcomeStatus::Rejected, "{name}");
        assert!(outcome.pauses_account, "{name}");
    }
    assert_eq!(simulator.ledger().unwrap(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_got_nothing() {
    let simulator = simulator().await;
    let provider = officeguy(&simulator, "MarketKey");
    simulator.stop().await;
    let registry = Registry::new(&[Arc::clone(&provider)]);
    for name in ["officeguy.get_vat_rate", "officeguy.charge"] {
        let registered = registry.find(name).unwrap();
        let request = registered.entry.examples.first().unwrap().request;
        let outcome = perform(registered, &provider.marketplace(), None, ("dana-pottery", request)).await;
        assert_eq!(outcome.status, OutcomeStatus::NotSent, "{name}");
        assert_eq!(outcome.code.as_deref(), Some("refused"), "{name}");
    }
}
