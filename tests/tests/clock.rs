//! A machine whose clock is set, forwards and back, while the hub works: files are taken, rows are charged once, and
//! nothing waits for the time to come round again.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::clock::faketime;
use gesher_tests::fake::CHARGE;
use gesher_tests::{FakeProvider, Hub, Reply, charges_csv, until};
use std::time::Duration;

/// Rows of the file under way.
const ROWS: u32 = 120;

/// A provider that takes a moment to charge.
fn provider() -> FakeProvider {
    FakeProvider::start(|received, _| match received.path() {
        CHARGE => Reply::After(Duration::from_millis(60), Box::new(Reply::Approve)),
        _ => Reply::http("404 Not Found", "text/plain", "no such page"),
    })
}

#[test]
fn a_clock_that_is_set_forwards_and_back_in_mid_flight_does_no_harm() {
    let Some(library) = faketime("clock::a_clock_that_is_set") else { return };
    let provider = provider();
    let mut hub = Hub::bulk("en", provider.base_url());
    let offset = hub.scratch().join("offset");
    let set_clock = |by: &str| {
        // Renamed into place: half an offset would be another time.
        let draft = offset.with_extension("tmp");
        std::fs::write(&draft, by).unwrap();
        std::fs::rename(&draft, &offset).unwrap();
    };
    set_clock("+0");
    for (name, value) in [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        // The clock that only measures goes on evenly, as it does on a machine whose time is set.
        ("DONT_FAKE_MONOTONIC", "1"),
    ] {
        hub.set_environment(name, value);
    }
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    // Ten minutes back, an hour forwards, an hour back, and to the year in which 32 bits end.
    for (charges, by) in [(10, "-10m"), (35, "+1h"), (60, "-1h"), (85, "+12y")] {
        until("charges", 60, || (provider.charges() >= charges).then_some(()));
        set_clock(by);
    }
    let done = hub.wait_done("march.csv");
    done.adds_up();
    assert_eq!(done.count("succeeded"), usize::try_from(ROWS).unwrap(), "{}", done.report);
    assert!(provider.charged().values().all(|taken| taken.len() == 1), "{:?}", provider.charged());

    // A file that comes while the clock lies behind all that was recorded, and one that is handed over.
    set_clock("-2d");
    hub.drop_file("april.csv", charges_csv(1001, 3));
    assert_eq!(hub.wait_done("april.csv").count("succeeded"), 3);
    let file = hub.scratch().join("may.csv");
    std::fs::write(&file, charges_csv(2001, 3)).unwrap();
    let handed = hub.cmd(&["run", "bulk-charge", "--file", file.to_str().unwrap()]);
    assert_eq!(handed.code, 0, "{handed:#?}");
    let stopped = serving.stop();
    assert_eq!(stopped.code, 0, "{stopped:#?}");

    // The order of the runs is that of their beginnings, whatever the clock said.
    let runs: Vec<String> = hub
        .cmd(&["--json", "runs"])
        .json_lines()
        .iter()
        .map(|run| run["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(runs, ["may.csv", "april.csv", "march.csv"]);
    // What was charged before the clock was set back stays charged.
    let serving = hub.serve();
    hub.drop_file("again.csv", charges_csv(1, ROWS).replace("Dana", "Noa"));
    assert_eq!(hub.wait_done("again.csv").count("duplicate"), usize::try_from(ROWS).unwrap());
    assert_eq!(provider.charges(), usize::try_from(ROWS).unwrap() + 6);
    assert_eq!(serving.stop().code, 0);
}
