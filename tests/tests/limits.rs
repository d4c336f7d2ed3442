//! Limits on the money that a flow may move, and the lock of a customer whose last charge nobody knows of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::{FakeProvider, Hub, Reply, simulate};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// A file of rows, each of an order and an amount in agorot.
fn orders(rows: &[(u32, u32)]) -> String {
    let mut text = String::from("order_id,name,token,amount\n");
    for (order, agorot) in rows {
        let (shekels, rest) = (agorot / 100, agorot % 100);
        writeln!(text, "{order},Dana,aaaaaaaa-bbbb-4ccc-8ddd-{order:012},{shekels}.{rest:02}").unwrap();
    }
    text
}

/// So many rows of ten shekels.
fn tens(first: u32, count: u32) -> String {
    orders(&(first..first + count).map(|order| (order, 1_000)).collect::<Vec<_>>())
}

fn limit(hub: &Hub, name: &str, sum: &str) {
    hub.set("flow.bulk-charge.limits", name, &format!("\"{sum}\""));
}

/// What the simulator's ledger says was charged, in agorot.
fn charged(scratch: &Path) -> u64 {
    let text = std::fs::read_to_string(scratch.join("ledger.jsonl")).unwrap_or_default();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let charges = entries.filter(|entry| entry["kind"] == "charge" && entry["valid"] == true);
    let agorot = charges.map(|entry| {
        let amount = entry["amount"].to_string().replace('"', "");
        let (shekels, rest) = amount.split_once('.').unwrap_or((&amount, "00"));
        shekels.parse::<u64>().unwrap() * 100 + format!("{rest:0<2}").parse::<u64>().unwrap()
    });
    agorot.sum()
}

#[test]
fn a_run_stops_at_its_limit_and_its_rows_may_be_dropped_again() {
    let scratch = tempfile::tempdir().unwrap();
    let (_simulator, base_url) = simulate(scratch.path(), &[]);
    let hub = Hub::bulk("en", &base_url);
    limit(&hub, "per_run", "75.00 ILS");
    let (output, done) = hub.run_file("march.csv", tens(1, 20));
    let done = done.unwrap();
    done.adds_up();
    assert_eq!(output.code, 4, "{output:#?}");
    assert_eq!([done.count("succeeded"), done.count("not_sent")], [7, 13]);
    assert_eq!(charged(scratch.path()), 7_000);
    let stopped: Vec<_> = done.rows.iter().filter(|row| row.status() == "not_sent").collect();
    for row in &stopped {
        assert_eq!(row.code(), "limit");
        assert!(row.message().contains("75.00 ILS") && row.message().contains("10.00 ILS"), "{row:?}");
    }
    assert_eq!(done.retry_rows().len(), 13);
    hub.cmd(&["show", &done.run]).expect(4);

    // Another run has a limit of its own.
    let retry = done.retry.unwrap();
    let (output, second) = hub.run_file("retry.csv", &retry);
    assert_eq!((output.code, second.unwrap().count("succeeded")), (4, 7));
    assert_eq!(charged(scratch.path()), 14_000);
}

#[test]
fn a_day_has_one_limit_over_all_files_and_restarts() {
    let scratch = tempfile::tempdir().unwrap();
    let (_simulator, base_url) = simulate(scratch.path(), &[]);
    let hub = Hub::bulk("he", &base_url);
    limit(&hub, "per_day", "100.00 ILS");
    let (output, _) = hub.run_file("one.csv", tens(1, 6));
    assert_eq!(output.code, 0, "{output:#?}");
    let mut serving = hub.serve();
    hub.drop_file("two.csv", tens(101, 3));
    assert_eq!(hub.wait_done("two.csv").count("succeeded"), 3);
    serving.process.kill9();
    let (output, three) = hub.run_file("three.csv", tens(201, 5));
    let three = three.unwrap();
    assert_eq!(
        (output.code, three.count("succeeded"), charged(scratch.path())),
        (4, 1, 10_000),
        "{output:#?}"
    );
    let stopped = three.rows.iter().find(|row| row.code() == "limit").unwrap();
    assert!(stopped.message().contains("(per_day)") && stopped.message().contains("לא נשלח"), "{stopped:?}");
}

#[test]
fn what_nobody_knows_holds_its_share_of_a_limit() {
    let scratch = tempfile::tempdir().unwrap();
    let faults = scratch.path().join("faults.toml");
    // Charged and not answered; not charged and not answered. The hub cannot tell one from the other.
    let rules = "[[rule]]\nmatch = { contains = \"000000000002\" }\nfault = \"commit_then_close\"\n\
                 [[rule]]\nmatch = { contains = \"000000000003\" }\nfault = \"close_before\"\n";
    std::fs::write(&faults, rules).unwrap();
    let (_simulator, base_url) = simulate(scratch.path(), &["--faults", faults.to_str().unwrap()]);
    let hub = Hub::bulk("en", &base_url);
    hub.set("flow.bulk-charge", "concurrency", "1");
    limit(&hub, "per_run", "40.00 ILS");
    let (output, done) = hub.run_file("march.csv", tens(1, 6));
    let done = done.unwrap();
    assert_eq!(done.statuses(), ["succeeded", "unknown", "unknown", "succeeded", "not_sent", "not_sent"]);
    assert_eq!((output.code, charged(scratch.path())), (3, 3_000), "an unknown is more urgent: {output:#?}");
}

#[test]
fn one_call_has_a_limit_of_its_own() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    limit(&hub, "per_call", "50.00 ILS");
    let (output, done) = hub.run_file("march.csv", orders(&[(1, 5_000), (2, 5_001), (3, 1)]));
    let done = done.unwrap();
    assert_eq!(done.statuses(), ["succeeded", "not_sent", "succeeded"]);
    assert_eq!((output.code, done.rows[1].code(), provider.count()), (4, "limit", 2));
}

#[test]
fn a_limit_that_nobody_would_keep_is_refused() {
    let hub = Hub::bulk("en", "simulator");
    limit(&hub, "approve_above", "50.00 USD");
    let said = hub.cmd(&["check"]).expect(2);
    assert!(said.words().contains("amount columns are in shekels"), "{said:#?}");
    hub.cmd(&["run", "bulk-charge", "--file", "/nowhere.csv"]).expect(2);
}

#[test]
fn a_customer_whose_last_charge_nobody_knows_of_is_not_charged_under_another_order() {
    // The first charge is made and not answered, and whoever asks about it gets no answer either.
    let provider = FakeProvider::start(|received, number| match number {
        0 => Reply::ApproveThen(Box::new(Reply::Close)),
        _ if received.path() == gesher_tests::fake::CHARGE => Reply::Approve,
        _ => Reply::Close,
    });
    let hub = Hub::bulk("en", provider.base_url());
    hub.edit("scripts/charge.rhai", "ExternalIdentifier: row.order_id", "ExternalIdentifier: row.name");
    hub.set("flow.bulk-charge", "concurrency", "1");
    let file = "order_id,name,token,amount\n1,Dana,t1,5.00\n2,Dana,t2,6.00\n3,Noa,t3,7.00\n";
    let (output, done) = hub.run_file("march.csv", file);
    let done = done.unwrap();
    assert_eq!(output.code, 3, "{output:#?}");
    assert_eq!(done.statuses(), ["unknown", "not_sent", "succeeded"]);
    assert_eq!(done.rows[1].code(), "subject_locked");
    let step = format!("{}.1.1", done.run);
    for part in [step.as_str(), "march.csv", "line 2", "gesher unknown"] {
        assert!(done.rows[1].message().contains(part), "`{part}` is missing in: {:?}", done.rows[1]);
    }
    assert_eq!(done.retry_rows().len(), 1, "the locked row may be dropped again, the unknown one may not");
    assert_eq!(provider.charges(), 2);
}
