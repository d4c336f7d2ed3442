//! The client against a simulator that misbehaves: what the hub believes, beside what really happened.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use gesher_core::operation::{Provider, Registry};
use gesher_core::time::ManualClock;
use gesher_core::{Language, OutcomeStatus, Secret};
use gesher_officeguy::simulated::{MARKETPLACE_COMPANY_ID, World, WorldOptions};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, PROVIDER, StampPlace};
use gesher_simulator::{FaultPlan, Served, Simulator, SimulatorOptions};
use std::sync::Arc;
use std::time::Duration;

async fn run(fault: &str) -> (OutcomeStatus, String, usize) {
    let faults = if fault.is_empty() { String::new() } else { format!("[[rule]]\n{fault}") };
    let simulator = Simulator::start(SimulatorOptions {
        served: vec![Served {
            listen: "127.0.0.1:0".parse().unwrap(),
            provider: Box::new(World::new(WorldOptions::default())),
        }],
        ledger: None,
        faults: FaultPlan::parse(&faults).unwrap(),
        clock: Arc::new(ManualClock::new("2026-03-15T10:00:00Z".parse().unwrap())),
    })
    .await
    .unwrap();
    let provider: Arc<dyn Provider> = Arc::new(
        OfficeGuy::new(OfficeGuyConfig {
            base_url: simulator.base_url(PROVIDER).unwrap().parse().unwrap(),
            company_id: MARKETPLACE_COMPANY_ID,
            api_key: Secret::from("any"),
            language: Language::He,
            // An answer that comes has to come within it, on a busy machine too.
            timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            stamp: StampPlace::End,
        })
        .unwrap(),
    );
    let registry = Registry::new(&[Arc::clone(&provider)]);
    let operation = registry.find("officeguy.charge").unwrap();
    let prepared = common::prepare(&registry, "charge", common::charge()).unwrap();
    let outcome = provider.perform(operation.entry, &provider.marketplace(), &prepared, None).await;
    let charged = simulator.ledger().unwrap().iter().filter(|entry| entry.is_charged()).count();
    simulator.stop().await;
    (outcome.status, outcome.code.unwrap_or_default(), charged)
}

#[track_caller]
fn check(fault: &str, want: OutcomeStatus, code: &str, charged: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(run(fault)), (want, code.to_owned(), charged), "{fault}");
}

#[test]
fn what_is_lost_in_mid_air_is_unknown_whether_it_happened_or_not() {
    use OutcomeStatus::{Conflict, Succeeded, Unknown};
    check("", Succeeded, "000", 1);
    check(r#"fault = "hang_before""#, Unknown, "response_timeout", 0);
    check(r#"fault = "hang_after""#, Unknown, "response_timeout", 1);
    check(r#"fault = "close_before""#, Unknown, "closed_without_response", 0);
    check(r#"fault = "commit_then_close""#, Unknown, "closed_without_response", 1);
    check(r#"fault = "commit_then_status""#, Unknown, "http_502", 1);
    check("fault = \"commit_then_status\"\nstatus = 500", Unknown, "http_500", 1);
    check("fault = \"commit_then_status\"\nstatus = 403", Unknown, "http_403", 1);
    check(r#"fault = "status""#, Unknown, "http_503", 0);
    check("fault = \"status\"\nstatus = 429", Unknown, "http_429", 0);
    check(r#"fault = "truncate""#, Unknown, "truncated_body", 1);
    check(r#"fault = "html_200""#, Unknown, "unreadable_answer", 0);
    check(r#"fault = "foreign_json""#, Unknown, "unreadable_answer", 0);
    check(r#"fault = "redirect""#, Unknown, "http_307", 0);
    check("fault = \"redirect\"\nstatus = 302", Unknown, "http_302", 0);
    check("fault = \"slow_drip\"\ndelay_ms = 10000", Unknown, "response_timeout", 1);
    check("fault = \"slow_drip\"\ndelay_ms = 100", Succeeded, "000", 1);
    check(r#"fault = "duplicate""#, Succeeded, "000", 2);
    check(r#"fault = "wrong_amount""#, Conflict, "amount_mismatch", 1);
    check(r#"fault = "status2_after_commit""#, Unknown, "technical_error", 1);
    check(r#"fault = "forbidden_empty""#, Unknown, "http_403", 0);
}
