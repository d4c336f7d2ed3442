//! Crashes and stops: whatever moment the hub dies at, no row is charged twice, none is lost, and what nobody can know
//! is called unknown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::names_in;
use gesher_tests::{Done, FakeProvider, Hub, Reply, charges_csv, until};
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows of the file under way.
const ROWS: u32 = 240;
/// How many rows the flow has in flight, at most.
const IN_FLIGHT: usize = 8;

/// A provider that takes a moment, so that a crash finds work in flight.
fn slow(milliseconds: u64) -> FakeProvider {
    FakeProvider::start(move |_, _| {
        Reply::After(
            Duration::from_millis(milliseconds),
            Box::new(Reply::ApproveThen(Box::new(Reply::After(
                Duration::from_millis(milliseconds),
                Box::new(Reply::Close),
            )))),
        )
    })
}

/// The same, but it answers.
fn slow_approving(milliseconds: u64) -> FakeProvider {
    FakeProvider::start(move |_, _| {
        Reply::After(Duration::from_millis(milliseconds), Box::new(Reply::Approve))
    })
}

/// Compares the result file with what the provider really took: `crashes` times all that was in flight may be unknown.
#[track_caller]
fn agree(done: &Done, charged: &BTreeMap<String, Vec<u64>>, crashes: usize) {
    done.adds_up();
    assert_eq!(done.rows.len(), usize::try_from(ROWS).unwrap());
    assert_eq!(done.count("succeeded") + done.count("unknown"), done.rows.len(), "{:?}", done.report);
    for row in &done.rows {
        let taken = charged.get(row.get("order_id")).map(Vec::as_slice).unwrap_or_default();
        match row.status() {
            "succeeded" => {
                assert_eq!([row.get("gesher_reference").parse::<u64>().unwrap()], taken, "{row:?}")
            }
            _ => assert!(taken.len() <= 1, "{row:?}: charged {taken:?}"),
        }
    }
    let unknown = done.count("unknown");
    assert!(unknown <= crashes * IN_FLIGHT, "{unknown} unknown after {crashes} crashes");
    assert!(done.retry_rows().is_empty(), "an unknown row is never offered again");
}

#[test]
fn a_hub_killed_again_and_again_charges_no_row_twice_and_loses_none() {
    let provider = slow_approving(5);
    let hub = Hub::bulk("en", provider.base_url());
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    // A crash may take what was in flight with it, so the last moment has to leave room for that.
    let moments = [0, 1, 30, 31, 90, 150, 180];
    for moment in moments {
        let mut serving = hub.serve();
        until("enough charges", 60, || (provider.charges() >= moment).then_some(()));
        serving.process.kill9();
    }
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    agree(&done, &provider.charged(), moments.len());
    assert!(done.count("succeeded") > 0);
    assert_eq!(serving.stop().code, 0);

    // What is unknown stays so: neither another start nor another drop sends it again.
    let requests = provider.count();
    let serving = hub.serve();
    hub.drop_file("again.csv", charges_csv(1, ROWS).replace("Dana", "Noa"));
    assert_eq!(hub.wait_done("again.csv").count("duplicate"), usize::try_from(ROWS).unwrap());
    assert_eq!(provider.count(), requests);
    drop(serving);
}

#[test]
fn a_hub_killed_around_the_claim_and_around_the_report_still_finishes_the_file() {
    let provider = slow_approving(0);
    let hub = Hub::bulk("he", provider.base_url());
    // Killed as soon as the file leaves the inbox; then as soon as the last charge was made; then when the first file
    // appears in `done`.
    let mut serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    until("the claim", 30, || (!hub.inbox("march.csv").exists()).then_some(()));
    serving.process.kill9();
    let rows = usize::try_from(ROWS).unwrap();
    let mut serving = hub.serve();
    until("most charges", 60, || (provider.count() + 2 * IN_FLIGHT >= rows).then_some(()));
    serving.process.kill9();
    let mut serving = hub.serve();
    until("something done", 60, || (!names_in(&hub.inbox("done")).is_empty()).then_some(()));
    serving.process.kill9();
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    agree(&done, &provider.charged(), 3);
    assert_eq!(names_in(&hub.inbox("done")).iter().filter(|name| name.ends_with(".report.json")).count(), 1);
    assert_eq!(done.input, charges_csv(1, ROWS).into_bytes());
    until("an empty work folder", 10, || names_in(&hub.inbox(".work")).is_empty().then_some(()));
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn what_was_in_flight_at_the_crash_is_unknown_although_it_was_charged() {
    // The charge is made, and the answer never comes before the crash.
    let provider = slow(200);
    let hub = Hub::bulk("en", provider.base_url());
    let mut serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 8));
    until("eight charges", 30, || (provider.charges() == IN_FLIGHT).then_some(()));
    serving.process.kill9();
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    done.adds_up();
    assert_eq!(done.statuses(), ["unknown"; IN_FLIGHT]);
    assert_eq!(provider.count(), IN_FLIGHT, "nothing is sent again");
    drop(serving);
}

#[test]
fn sigterm_finishes_what_is_in_flight_and_the_next_start_goes_on() {
    let provider = slow_approving(100);
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    until("some charges", 30, || (provider.charges() >= 20).then_some(()));
    let stopped = serving.stop();
    assert_eq!(stopped.code, 0, "{stopped:#?}");
    let after_stop = provider.count();
    assert!(after_stop < usize::try_from(ROWS).unwrap(), "it stops, and does not finish the file first");
    assert_eq!(provider.charges(), after_stop, "what was in flight was answered");

    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    agree(&done, &provider.charged(), 0);
    assert_eq!(provider.count(), usize::try_from(ROWS).unwrap());
    drop(serving);
}

#[test]
fn a_run_in_the_foreground_that_was_killed_is_finished_by_serve() {
    let provider = slow_approving(10);
    let hub = Hub::bulk("en", provider.base_url());
    let file = hub.scratch().join("march.csv");
    std::fs::write(&file, charges_csv(1, ROWS)).unwrap();
    let mut run = hub.command();
    run.args(["run", "bulk-charge", "--file"]).arg(&file);
    let mut run = gesher_tests::Background::start(&mut run, hub.scratch().join("run.log"));
    until("some charges", 60, || (provider.charges() >= 50).then_some(()));
    run.kill9();
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    agree(&done, &provider.charged(), 1);
    drop(serving);
}

/// A script that charges a deposit and then the rest.
const TWO_STEPS: &str = r#"
fn part(row, name, amount) {
    officeguy::charge("marketplace", row.order_id + "/" + name, #{
        Customer: #{ ExternalIdentifier: row.order_id + "/" + name, Name: row.name, SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: name }, Quantity: 1, UnitPrice: amount } ],
        VATIncluded: true,
    })
}

fn on_row(row) {
    let at = time::now();
    let first = part(row, "deposit", decimal("1.00"));
    let second = part(row, "rest", decimal(row.amount));
    [at, first.reference, second.reference]
}
"#;

#[test]
fn a_row_of_two_charges_goes_on_at_the_second_and_never_repeats_the_first() {
    let provider = slow_approving(10);
    let hub = Hub::bulk("en", provider.base_url());
    hub.write("scripts/charge.rhai", TWO_STEPS);
    hub.drop_file("march.csv", charges_csv(1, 60));
    let moments = [5, 15, 25, 35, 45];
    for moment in moments {
        let mut serving = hub.serve();
        until("enough charges", 60, || (provider.charges() >= moment).then_some(()));
        serving.process.kill9();
    }
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    done.adds_up();
    let charged = provider.charged();
    assert!(charged.values().all(|taken| taken.len() == 1), "{charged:?}");
    for row in &done.rows {
        let order = row.get("order_id");
        let has = |name: &str| charged.contains_key(&format!("{order}/{name}"));
        match row.status() {
            "succeeded" => assert!(has("deposit") && has("rest"), "{row:?}"),
            // What was in flight is unknown, and nothing was called after it.
            "unknown" => {}
            other => panic!("{other}: {row:?}"),
        }
    }
    assert!(done.count("unknown") <= moments.len() * IN_FLIGHT, "{}", done.report);
    assert!(done.count("succeeded") > 10, "{}", done.report);
    drop(serving);
}

#[test]
fn a_hub_with_its_own_simulator_agrees_with_its_ledger_after_crashes() {
    let hub = Hub::bulk("he", "simulator");
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    let ledger = hub.path("data/simulator/ledger.jsonl");
    let charges = || {
        let text = std::fs::read_to_string(&ledger).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"kind\":\"charge\"")).count()
    };
    for moment in [20, 80, 160] {
        let mut serving = hub.serve();
        until("enough charges", 60, || (charges() >= moment).then_some(()));
        serving.process.kill9();
    }
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    done.adds_up();
    assert_eq!(serving.stop().code, 0);
    let text = std::fs::read_to_string(&ledger).unwrap();
    for row in &done.rows {
        let item = format!("\"Order {}\"", row.get("order_id"));
        let taken = text.lines().filter(|line| line.contains("\"charge\"") && line.contains(&item)).count();
        let fits =
            if row.status() == "succeeded" { taken == 1 } else { row.status() == "unknown" && taken <= 1 };
        assert!(fits, "charged {taken} times: {row:?}");
    }
}

#[test]
fn a_run_goes_on_with_the_script_it_began_with_and_the_new_one_is_for_new_files() {
    let provider = slow_approving(10);
    let hub = Hub::bulk("en", provider.base_url());
    hub.write("scripts/lib/sum.rhai", "fn of(row) { decimal(row.amount) }\n");
    hub.edit("scripts/charge.rhai", "// Charges each row.", "import \"lib/sum\" as sum;");
    hub.edit("scripts/charge.rhai", "decimal(row.amount)", "sum::of(row)");
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    let mut serving = hub.serve();
    until("some charges", 60, || (provider.charges() >= 40).then_some(()));
    serving.process.kill9();
    // Everything about the script is another by now: its module, its text, and its place.
    std::fs::remove_file(hub.path("scripts/lib/sum.rhai")).unwrap();
    std::fs::rename(hub.path("scripts/charge.rhai"), hub.path("scripts/other.rhai")).unwrap();
    hub.edit("scripts/other.rhai", "import \"lib/sum\" as sum;", "");
    hub.edit("scripts/other.rhai", "sum::of(row)", "decimal(row.amount) * 2");
    hub.set("flow.bulk-charge", "script", "\"scripts/other.rhai\"");
    let serving = hub.serve();
    hub.drop_file("april.csv", charges_csv(1001, 1));
    let april = hub.wait_done("april.csv");
    assert_eq!(
        april.report["totals"]["ILS"]["succeeded"], "43.00",
        "twice what the row says: {}",
        april.report
    );
    let done = hub.wait_done("march.csv");
    for received in provider.received().iter().filter(|received| received.order() != "1001") {
        let order = received.order();
        assert_eq!(received.amount(), done.row("order_id", &order).get("amount"), "order {order}");
    }
    let mut charged = provider.charged();
    assert_eq!(charged.remove("1001").map(|taken| taken.len()), Some(1));
    agree(&done, &charged, 1);
    assert_eq!(serving.stop().code, 0);
}
