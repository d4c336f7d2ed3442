//! The simulator over real sockets: what it answers, what each fault does, and what the ledger says afterwards.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{CHARGE, charge, post, raw, start};
use gesher_simulator::{FaultKind, Ledger, LedgerEntry, SimulatorError};
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const OFFICEGUY: &str = "officeguy";

#[tokio::test]
async fn a_charge_is_answered_as_http_and_stands_in_the_ledger() {
    let simulator = start("", None).await;
    let address = simulator.address(OFFICEGUY).unwrap();
    let answer = post(address, CHARGE, &charge("נועה", "order-1")).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: application/json; charset=utf-8"), "{head}");
    assert!(body.starts_with(r#"{"Data":{"Payment":{"ID":9000000001,"#), "{body}");
    assert!(body.contains("מאושר"));
    let entries = simulator.ledger().unwrap();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(entry.is_charged() && entry.answered);
    assert_eq!(entry.kind, "charge");
    assert_eq!((entry.payment_id, entry.company), (Some(9_000_000_001), 2_410_000_001));
    assert_eq!(entry.amount.as_deref(), Some("9.00"));
    assert_eq!(entry.currency.as_deref(), Some("ILS"));
    assert_eq!(entry.description.as_deref(), Some("order-1"));
    assert_eq!(entry.items, ["Bowl"]);
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_redirected_and_what_is_no_post_refused() {
    let simulator = start("", None).await;
    let address = simulator.address(OFFICEGUY).unwrap();
    let answer = post(address, "/api/billing/payments/charge/", "{}").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nlocation: /\r\n"), "{answer}");
    let get = format!("GET {CHARGE} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
    assert!(raw(address, get.as_bytes()).await.unwrap().starts_with("HTTP/1.1 405 "));
    simulator.stop().await;
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let simulator = start("", None).await;
    let mut stream = TcpStream::connect(simulator.address(OFFICEGUY).unwrap()).await.unwrap();
    let body = charge("x", "y");
    let request =
        format!("POST {CHARGE} HTTP/1.1\r\nHost: s\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"TechnicalErrorDetails\":null}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    }
    assert_eq!(simulator.ledger().unwrap().len(), 3);
    simulator.stop().await;
}

#[tokio::test]
async fn only_this_machine_is_listened_to() {
    use gesher_officeguy::simulated::{World, WorldOptions};
    use gesher_simulator::{FaultPlan, Served, Simulator, SimulatorOptions};
    let options = SimulatorOptions {
        served: vec![Served {
            listen: "0.0.0.0:0".parse().unwrap(),
            provider: Box::new(World::new(WorldOptions::default())),
        }],
        ledger: None,
        faults: FaultPlan::default(),
        clock: std::sync::Arc::new(gesher_core::SystemClock::new()),
    };
    assert!(matches!(Simulator::start(options).await, Err(SimulatorError::NotLoopback(_))));
}

/// What a caller sees of a fault.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The connection ended without a byte.
    Nothing,
    /// Nothing came in time.
    Silence,
    /// An answer of this status, and whether it is the provider's own success.
    Status(u16, bool),
    /// An answer that broke off.
    Part,
}

async fn see(fault: &str) -> (Seen, Vec<LedgerEntry>) {
    let simulator = start(&format!("[[rule]]\n{fault}"), None).await;
    let address = simulator.address(OFFICEGUY).unwrap();
    let seen = match timeout(Duration::from_secs(3), post(address, CHARGE, &charge("נועה", "order-1"))).await
    {
        Err(_) => Seen::Silence,
        Ok(Err(_)) => Seen::Nothing,
        Ok(Ok(answer)) if answer.is_empty() => Seen::Nothing,
        Ok(Ok(answer)) => {
            let status = answer.get(9..12).unwrap().parse().unwrap();
            let whole =
                answer.ends_with(r#""Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let is_whole = announced.parse::<usize>().unwrap() == body.len();
            if is_whole {
                Seen::Status(status, whole && body.contains("\"Amount\":9.0,"))
            } else {
                Seen::Part
            }
        }
    };
    let ledger = simulator.ledger().unwrap();
    simulator.stop().await;
    (seen, ledger)
}

#[track_caller]
fn check(fault: &str, want: Seen, charged: usize, answered: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (seen, ledger) = runtime.block_on(see(fault));
    assert_eq!(seen, want, "{fault}");
    assert_eq!(ledger.iter().filter(|entry| entry.is_charged()).count(), charged, "{fault}");
    assert!(ledger.iter().all(|entry| entry.answered == answered && entry.fault.is_some()), "{fault}");
}

#[test]
fn each_fault_does_what_its_name_says() {
    check(r#"fault = "refuse""#, Seen::Nothing, 0, false);
    check(r#"fault = "hang_before""#, Seen::Silence, 0, false);
    check(r#"fault = "hang_after""#, Seen::Silence, 1, false);
    check(r#"fault = "close_before""#, Seen::Nothing, 0, false);
    check(r#"fault = "commit_then_close""#, Seen::Nothing, 1, false);
    check(r#"fault = "commit_then_status""#, Seen::Status(502, false), 1, false);
    check("fault = \"commit_then_status\"\nstatus = 504", Seen::Status(504, false), 1, false);
    check(r#"fault = "status""#, Seen::Status(503, false), 0, false);
    check("fault = \"status\"\nstatus = 429\ncommit = true", Seen::Status(429, false), 1, false);
    check(r#"fault = "truncate""#, Seen::Part, 1, false);
    check(r#"fault = "html_200""#, Seen::Status(200, false), 0, false);
    check("fault = \"html_200\"\ncommit = true", Seen::Status(200, false), 1, false);
    check(r#"fault = "foreign_json""#, Seen::Status(200, false), 0, false);
    check(r#"fault = "redirect""#, Seen::Status(307, false), 0, false);
    check("fault = \"redirect\"\nstatus = 302", Seen::Status(302, false), 0, false);
    check("fault = \"slow_drip\"\ndelay_ms = 100", Seen::Status(200, true), 1, true);
    check("fault = \"slow_drip\"\ndelay_ms = 5000", Seen::Silence, 1, true);
    check(r#"fault = "duplicate""#, Seen::Status(200, true), 2, true);
    check(r#"fault = "list_lag""#, Seen::Status(200, true), 1, true);
    check(r#"fault = "document_lag""#, Seen::Status(200, true), 1, true);
    check(r#"fault = "list_repeats""#, Seen::Status(200, true), 1, true);
    check(r#"fault = "list_empty_page""#, Seen::Status(200, true), 1, true);
    check(r#"fault = "wrong_amount""#, Seen::Status(200, false), 1, false);
    check(r#"fault = "status2_after_commit""#, Seen::Status(200, false), 1, false);
    check(r#"fault = "forbidden_empty""#, Seen::Status(403, false), 0, false);
    check("fault = \"hang_before\"\ndelay_ms = 50", Seen::Nothing, 0, false);
    assert_eq!(FaultKind::TABLE.len(), 20, "a new kind needs a row here");
}

#[tokio::test]
async fn a_rule_meets_its_call_and_no_other() {
    let plan = "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", description = \"lost\" }\nfault = \"commit_then_close\"";
    let simulator = start(plan, None).await;
    let address = simulator.address(OFFICEGUY).unwrap();
    for (description, is_answered) in [("order-1", true), ("order-2 lost", false), ("order-3", true)] {
        let answer = post(address, CHARGE, &charge("x", description)).await.unwrap_or_default();
        assert_eq!(!answer.is_empty(), is_answered, "{description}");
    }
    let ledger = simulator.ledger().unwrap();
    let answered: Vec<_> = ledger.iter().map(|entry| entry.answered).collect();
    assert_eq!(answered, [true, false, true]);
    assert_eq!(ledger[1].fault.as_deref(), Some("commit_then_close"));
    simulator.stop().await;
}

#[tokio::test]
async fn a_ledger_file_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("simulator").join("ledger.jsonl");
    for life in 1..=3_u64 {
        let simulator = start("", Some(&path)).await;
        let address = simulator.address(OFFICEGUY).unwrap();
        let answer = post(address, CHARGE, &charge("x", "y")).await.unwrap();
        assert!(answer.contains(&format!("\"ID\":{}", 9_000_000_000 + life)), "{answer}");
        assert!(answer.contains(&format!("\"DocumentNumber\":{}", 999 + life)), "{answer}");
        let day = r#"{"Credentials":{"CompanyID":2410000001,"APIKey":"any"},"Date_From":"2026-03-15","Date_To":"2026-03-15"}"#;
        let list = post(address, "/billing/payments/list/", day).await.unwrap();
        assert_eq!(list.matches("\"ValidPayment\":true").count() as u64, life);
        simulator.stop().await;
        // A process that dies in the middle of a line leaves it behind.
        if life == 1 {
            let mut text = std::fs::read_to_string(&path).unwrap();
            text.push_str("{\"seq\":2,\"at\":\"2026-03-15T10:0");
            std::fs::write(&path, text).unwrap();
        }
    }
    let seqs: Vec<_> = Ledger::read(&path).unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[tokio::test]
async fn a_ledger_that_is_none_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "somebody's notes\n").unwrap();
    let world = gesher_officeguy::simulated::World::new(Default::default());
    let refused = gesher_simulator::Simulator::start(gesher_simulator::SimulatorOptions {
        served: vec![gesher_simulator::Served {
            listen: "127.0.0.1:0".parse().unwrap(),
            provider: Box::new(world),
        }],
        ledger: Some(path.clone()),
        faults: Default::default(),
        clock: std::sync::Arc::new(gesher_core::SystemClock::new()),
    });
    let error = refused.await.err().unwrap();
    assert!(matches!(error, SimulatorError::Ledger(_)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes\n");
}

#[tokio::test]
async fn stopping_drops_calls_that_hang() {
    let simulator = start("[[rule]]\nfault = \"hang_before\"", None).await;
    let address = simulator.address(OFFICEGUY).unwrap();
    let call = tokio::spawn(async move { post(address, CHARGE, "{}").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    simulator.stop().await;
    let ended = timeout(Duration::from_secs(5), call).await.unwrap().unwrap();
    assert!(ended.is_err() || ended.unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_bring_the_simulator_down(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let works = runtime.block_on(async {
            let simulator = start("", None).await;
            let address = simulator.address(OFFICEGUY).unwrap();
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The other side may close before everything is written.
            stream.write_all(&noise).await.unwrap_or_default();
            drop(stream);
            let mut request =
                format!("POST {CHARGE} HTTP/1.1\r\nHost: s\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
            request.extend(&body);
            let answer = raw(address, &request).await.unwrap();
            let good = post(address, CHARGE, &charge("x", "y")).await.unwrap();
            simulator.stop().await;
            answer.starts_with("HTTP/1.1 200 ") && good.contains("\"ValidPayment\":true")
        });
        prop_assert!(works);
    }
}
