//! `gesher simulate`: the simulator in a process of its own, with its own book, is the hub's other half when everything
//! goes wrong at once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::{Done, Hub, charges_csv, simulate, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// The payments that a ledger says were really taken: order by order, number and amount.
fn charged(ledger: &Path) -> BTreeMap<String, Vec<(String, String)>> {
    let mut by_order: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in std::fs::read_to_string(ledger).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if entry["kind"] == "charge" && entry["valid"] == true {
            let order = entry["items"][0].as_str().unwrap().trim_start_matches("Order ").to_owned();
            by_order
                .entry(order)
                .or_default()
                .push((entry["payment_id"].to_string(), entry["amount"].to_string()));
        }
    }
    by_order
}

/// Compares a result file with the ledger: nothing twice, and each status true.
#[track_caller]
fn agree(done: &Done, ledger: &Path) {
    done.adds_up();
    let charged = charged(ledger);
    for row in &done.rows {
        let taken = charged.get(row.get("order_id")).map(Vec::as_slice).unwrap_or_default();
        assert!(taken.len() <= 1, "charged twice: {row:?} {taken:?}");
        match row.status() {
            "succeeded" => {
                let [(number, amount)] = taken else { panic!("not in the ledger: {row:?}") };
                assert_eq!(
                    (number.as_str(), amount.as_str()),
                    (row.get("gesher_reference"), row.get("amount"))
                );
            }
            "unknown" => {}
            _ => assert_eq!(taken, [], "charged all the same: {row:?}"),
        }
    }
}

/// One request to the simulator; the whole answer as text.
fn ask(base_url: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(base_url.trim_start_matches("http://")).unwrap();
    let length = body.len();
    write!(stream, "{head} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_answers_as_the_provider_was_seen_to_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let (_process, base_url) = simulate(scratch.path(), &[]);
    let charge = "POST /billing/payments/charge/";
    let credentials = r#""Credentials":{"CompanyID":2410000001,"APIKey":"k"}"#;
    let cases = [
        (
            "an unknown path is a redirect",
            "POST /api/billing/payments/charge/",
            "{}".to_owned(),
            "HTTP/1.1 302",
            "",
        ),
        ("no JSON", charge, "{".to_owned(), "HTTP/1.1 200", "\"Status\":2"),
        ("no credentials", charge, "{}".to_owned(), "HTTP/1.1 200", "Invalid Credentials"),
        (
            "missing fields, the last first",
            charge,
            format!("{{{credentials}}}"),
            "HTTP/1.1 200",
            "Items: יש להזין ערך בשדה Items\\r\\nCustomer: יש להזין ערך בשדה Customer",
        ),
        (
            "a null for a number",
            "POST /billing/payments/get/",
            format!("{{{credentials},\"PaymentID\":null}}"),
            "HTTP/1.1 200",
            "Error converting value {null}. Path 'PaymentID'",
        ),
        (
            "the VAT",
            "POST /accounting/general/getvatrate/",
            format!("{{{credentials}}}"),
            "HTTP/1.1 200",
            "\"Rate\":18",
        ),
    ];
    for (name, head, body, status, part) in cases {
        let answer = ask(&base_url, head, &body);
        assert!(answer.starts_with(status) && answer.contains(part), "{name}: {answer}");
        if status == "HTTP/1.1 200" {
            assert!(
                answer.to_lowercase().contains("content-type: application/json; charset=utf-8"),
                "{answer}"
            );
            let fields = ["{\"Data\":", "\"Status\":", "\"UserErrorMessage\":", "\"TechnicalErrorDetails\":"];
            let places: Vec<_> = fields.map(|field| answer.find(field)).into_iter().collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: {answer}");
        }
    }
}

#[test]
fn with_a_fault_in_each_tenth_call_the_result_still_tells_what_the_ledger_says() {
    let scratch = tempfile::tempdir().unwrap();
    let plan = scratch.path().join("faults.toml");
    std::fs::write(
        &plan,
        r#"
[random]
per_thousand = 100
seed = 11
faults = ["close_before", "commit_then_close", "commit_then_status", "status", "truncate", "html_200",
          "foreign_json", "redirect", "wrong_amount", "status2_after_commit", "forbidden_empty"]
"#,
    )
    .unwrap();
    let (process, base_url) = simulate(scratch.path(), &["--faults", plan.to_str().unwrap(), "--seed", "11"]);
    let hub = Hub::bulk("he", &base_url);
    // Rows that are refused and free again, among those that meet a fault.
    let declined: String = (301..311).map(|at| format!("{at},Noa,test-card-004,70.00\r\n")).collect();
    let file = charges_csv(1, 300) + &declined;
    let (output, done) = hub.run_file("march.csv", &file);
    let done = done.unwrap_or_else(|| panic!("{output:#?}"));
    let ledger = scratch.path().join("ledger.jsonl");
    agree(&done, &ledger);
    assert_eq!(output.code, 3, "{output:#?}");
    assert!((1..100).contains(&done.count("unknown")), "{}", done.report);
    assert!(done.count("succeeded") > 200, "{}", done.report);
    // The rows that are free go through when dropped again; nothing else is sent.
    let before = charged(&ledger).len();
    let (output, again) = hub.run_file("again.csv", &file);
    let again = again.unwrap_or_else(|| panic!("{} {output:#?}", done.report));
    assert_eq!(charged(&ledger).len(), before + again.count("succeeded"));
    assert!(charged(&ledger).values().all(|taken| taken.len() == 1));
    drop(process);
}

#[test]
fn hub_and_simulator_killed_in_turn_still_agree() {
    let scratch = tempfile::tempdir().unwrap();
    let ledger = scratch.path().join("ledger.jsonl");
    let (mut simulator, base_url) = simulate(scratch.path(), &[]);
    let hub = Hub::bulk("en", &base_url);
    hub.drop_file("march.csv", charges_csv(1, 900));
    let lines = || std::fs::read_to_string(&ledger).unwrap_or_default().lines().count();
    let mut serving = hub.serve();
    until("charges", 60, || (lines() > 30).then_some(()));
    serving.process.kill9();
    let serving = hub.serve();
    until("more charges", 60, || (lines() > 90).then_some(()));
    // Nobody there is provably not sent; a provider that dies in the middle of an answer is unknown.
    simulator.kill9();
    let done = hub.wait_done("march.csv");
    agree(&done, &ledger);
    assert!(done.count("not_sent") > 0, "{}", done.report);
    assert_eq!(serving.stop().code, 0);
}
