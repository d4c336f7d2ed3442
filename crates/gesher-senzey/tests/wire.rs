//! The provider against its simulator over real sockets: every example, each way in which a call can go wrong, and never
//! a credential in what comes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{PASSWORD, USERNAME, address, bank_order, perform, senzey, simulator, with};
use gesher_core::operation::{MARKETPLACE, Registry};
use gesher_core::{Outcome, OutcomeStatus};
use gesher_senzey::OPERATIONS;
use gesher_simulator::{Fault, FaultKind, FaultPlan, Match, Rule, RunningSimulator};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether `answer` has what `wanted` says; `"*"` is anything.
fn holds(answer: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::String(any) if any == "*" => !answer.is_null(),
        Value::Object(fields) => fields.iter().all(|(name, wanted)| holds(&answer[name], wanted)),
        wanted => answer == wanted,
    }
}

#[track_caller]
fn unsaid(outcome: &Outcome) {
    let shown = format!("{outcome:?}");
    assert!(!shown.contains("Canary"), "{shown}");
}

fn kinds(simulator: &RunningSimulator) -> Vec<String> {
    simulator.ledger().unwrap().into_iter().map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn every_example_answers_what_it_says() {
    let simulator = simulator(FaultPlan::default()).await;
    let provider = senzey(&address(&simulator), PASSWORD, TIMEOUT);
    let registry = Registry::new(&[Arc::clone(&provider)]);
    let mut ran = 0;
    for entry in OPERATIONS {
        let registered = registry.find(&entry.descriptor.qualified_name()).unwrap();
        for example in entry.examples {
            let prepared =
                registered.prepare(MARKETPLACE, serde_json::from_str(example.request).unwrap()).unwrap();
            let outcome = provider.perform(registered.entry, &provider.marketplace(), &prepared, None).await;
            assert_eq!(outcome.status, OutcomeStatus::Succeeded, "{entry:?}: {}", outcome.message.en);
            let wanted: Value = serde_json::from_str(example.answer).unwrap();
            assert!(holds(&outcome.data, &wanted), "{entry:?}: {} lacks {wanted}", outcome.data);
            unsaid(&outcome);
            ran += 1;
        }
    }
    assert!(ran >= OPERATIONS.len());
    assert_eq!(kinds(&simulator).iter().filter(|kind| *kind == "bank_order").count(), 3);
    simulator.stop().await;
}

#[tokio::test]
async fn a_wrong_password_pauses_the_account_and_makes_nothing() {
    let simulator = simulator(FaultPlan::default()).await;
    let provider = senzey(&address(&simulator), "WrongCanary", TIMEOUT);
    for (name, request) in
        [("add_bank_order", bank_order()), ("add_lead", json!({"x_name": "a"})), ("list_contacts", json!({}))]
    {
        let outcome = perform(&provider, name, request).await;
        assert_eq!((outcome.status, outcome.pauses_account), (OutcomeStatus::Rejected, true), "{name}");
        unsaid(&outcome);
    }
    assert_eq!(kinds(&simulator), [""; 0]);
    simulator.stop().await;
}

#[tokio::test]
async fn a_day_in_the_past_is_refused_before_anything_is_sent() {
    let simulator = simulator(FaultPlan::default()).await;
    let provider = senzey(&address(&simulator), PASSWORD, TIMEOUT);
    for (day, want) in [
        ("14/11/2026", OutcomeStatus::Rejected),
        ("2026-11-14", OutcomeStatus::Rejected),
        ("15/11/2026", OutcomeStatus::Succeeded),
    ] {
        let outcome =
            perform(&provider, "add_bank_order", with(&bank_order(), &json!({"start_date": day}))).await;
        assert_eq!(outcome.status, want, "{day}: {}", outcome.message.en);
        let refused = outcome.code.as_deref() == Some("date_in_the_past");
        assert_eq!(refused, want == OutcomeStatus::Rejected, "{day}");
    }
    assert_eq!(kinds(&simulator).iter().filter(|kind| *kind == "bank_order").count(), 1);
    simulator.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_after_the_first_byte_is_unknown_and_sent_once() {
    use FaultKind::*;
    for (kind, made) in [
        (CommitThenClose, 1),
        (CommitThenStatus, 1),
        (Status2AfterCommit, 1),
        (Truncate, 1),
        (HangAfter, 1),
        (HangBefore, 0),
        (CloseBefore, 0),
        (Status, 0),
        (Html200, 0),
        (ForeignJson, 0),
        (Redirect, 0),
        (ForbiddenEmpty, 0),
    ] {
        let rules = vec![Rule { matches: Match::default(), fault: Fault::of(kind) }];
        let simulator = simulator(FaultPlan { rules, ..FaultPlan::default() }).await;
        let provider = senzey(&address(&simulator), PASSWORD, Duration::from_secs(2));
        let outcome = perform(&provider, "add_bank_order", bank_order()).await;
        assert_eq!(outcome.status, OutcomeStatus::Unknown, "{kind:?}: {}", outcome.message.en);
        assert!(outcome.message.he.contains("יש לחפש ב־Senzey"), "{}", outcome.message.he);
        unsaid(&outcome);
        let orders = kinds(&simulator).into_iter().filter(|kind| kind == "bank_order").count();
        assert_eq!(orders, made, "{kind:?}");
        simulator.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_got_nothing() {
    let simulator = simulator(FaultPlan::default()).await;
    let provider = senzey(&address(&simulator), PASSWORD, TIMEOUT);
    simulator.stop().await;
    for (name, request) in [("add_bank_order", bank_order()), ("list_contacts", json!({}))] {
        let outcome = perform(&provider, name, request).await;
        assert_eq!(outcome.status, OutcomeStatus::NotSent, "{name}: {}", outcome.message.en);
        unsaid(&outcome);
    }
}

#[test]
fn the_provider_shows_no_credentials() {
    let provider = gesher_senzey::Senzey::new(gesher_senzey::SenzeyConfig {
        base_url: "http://127.0.0.1:9".parse().unwrap(),
        account: "acme".to_owned(),
        username: USERNAME.into(),
        password: PASSWORD.into(),
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT / 2,
        wire: gesher_senzey::WireOptions::default(),
        contacts_path: gesher_senzey::CONTACTS_PATH.to_owned(),
        clock: common::clock(),
    });
    assert!(!format!("{provider:?}").contains("Canary"));
}
