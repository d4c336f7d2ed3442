//! New scripts for a hub at work: `serve` on SIGHUP, and `dev` as soon as they are saved.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::serve::http_get;
use gesher_tests::{Background, Hub, charges_csv, until};
use serde_json::Value;

/// How long a new script, or a word about it, may take.
const RELOAD_SECONDS: u64 = 30;

/// The hub's script with another key, by which its runs can be told.
fn script(hub: &Hub, version: &str) -> String {
    let text = std::fs::read_to_string(hub.path("scripts/charge.rhai")).unwrap();
    let (before, after) = text.split_once("\"marketplace\", ").unwrap();
    let (_, after) = after.split_once(", #{").unwrap();
    format!("{before}\"marketplace\", \"{version}-\" + row.order_id, #{{{after}")
}

/// A hub that charges in its simulator, ten rows a second.
fn slow_hub() -> Hub {
    let hub = Hub::bulk("en", "simulator");
    hub.set("officeguy", "rate", "\"10/s\"");
    hub.write("scripts/charge.rhai", script(&hub, "first"));
    hub
}

/// How many keys of each version the charges of a run have.
fn versions(hub: &Hub, run: &str) -> (usize, usize) {
    let shown = hub.cmd(&["--json", "show", run]).expect(0).stdout;
    let keys = |version: &str| shown.matches(&format!("\"key\":\"{version}-")).count();
    (keys("first"), keys("second"))
}

fn ended(run: &Value) -> bool {
    run["state"] == "finished"
}

fn newest(hub: &Hub) -> Option<Value> {
    hub.cmd(&["--json", "runs"]).expect(0).json_lines().into_iter().next()
}

#[track_caller]
fn until_said(process: &Background, words: &str) {
    until(words, RELOAD_SECONDS, || process.words().contains(words).then_some(()));
}

#[test]
fn a_run_ends_with_its_script_and_the_next_one_begins_with_the_new_one() {
    let hub = slow_hub();
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 100));
    let first = until("rows at work", RELOAD_SECONDS, || {
        let run = newest(&hub)?["run"].as_str()?.to_owned();
        (versions(&hub, &run).0 >= 3).then_some(run)
    });
    hub.write("scripts/charge.rhai", script(&hub, "second"));
    serving.process.sighup();
    until_said(&serving.process, "a new script: runs that begin from now on use it");
    assert!(!ended(&newest(&hub).unwrap()), "the file has to be at work still");
    hub.drop_file("april.csv", charges_csv(101, 5));
    let (march, april) = (hub.wait_done("march.csv"), hub.wait_done("april.csv"));
    assert_eq!((march.run.as_str(), versions(&hub, &march.run)), (first.as_str(), (100, 0)));
    assert_eq!(versions(&hub, &april.run), (0, 5));
    serving.stop().expect(0);
}

#[test]
fn a_script_with_faults_leaves_the_one_before_at_work_until_it_is_mended() {
    let hub = slow_hub();
    let serving = hub.serve();
    let good = script(&hub, "second");
    for (broken, want) in [
        (good.replace("})", "}"), "scripts/charge.rhai:"),
        (good.replace("Customer:", "Costumer:"), "there is no such field; did you mean Customer?"),
        (good.replace("officeguy::charge", "officeguy::refund"), "the flow may not call officeguy.refund"),
        (good.replace("\"second-\" + row.order_id", "time::today()"), "the key is built from the clock"),
        (good.replace("fn on_row", "fn on_rows"), "is on_rows meant to be on_row?"),
    ] {
        let before = serving.process.words().matches("the one before goes on").count();
        hub.write("scripts/charge.rhai", &broken);
        serving.process.sighup();
        until(want, RELOAD_SECONDS, || {
            let words = serving.process.words();
            let is_said = words.matches("the one before goes on").count() > before && words.contains(want);
            is_said.then_some(())
        });
        let words = serving.process.words();
        assert!(!words.contains('\u{1b}'), "colours are for terminals");
    }
    let words = serving.process.words();
    assert!(words.contains(" | ") && words.contains("^\n"), "a fault shows its line and its place: {words}");
    hub.drop_file("march.csv", charges_csv(1, 3));
    assert_eq!(versions(&hub, &hub.wait_done("march.csv").run), (3, 0));
    hub.write("scripts/charge.rhai", good);
    serving.process.sighup();
    until_said(&serving.process, "a new script");
    hub.drop_file("april.csv", charges_csv(101, 3));
    assert_eq!(versions(&hub, &hub.wait_done("april.csv").run), (0, 3));
    hub.set("officeguy", "rate", "\"11/s\"");
    serving.process.sighup();
    until_said(&serving.process, "gesher.toml has changed: what it says now counts after the next start");
    serving.stop().expect(0);
}

#[test]
fn a_run_that_a_crash_interrupts_after_a_reload_ends_with_its_own_script() {
    let hub = slow_hub();
    let mut serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 20));
    until("rows at work", RELOAD_SECONDS, || {
        let run = newest(&hub)?["run"].as_str()?.to_owned();
        (versions(&hub, &run).0 >= 3).then_some(())
    });
    hub.write("scripts/charge.rhai", script(&hub, "second"));
    serving.process.sighup();
    until_said(&serving.process, "a new script");
    serving.process.kill9();
    let serving = hub.serve();
    let march = hub.wait_done("march.csv");
    assert_eq!(versions(&hub, &march.run).1, 0);
    serving.stop();
}

#[test]
fn dev_takes_what_is_saved_and_says_where_everything_is() {
    let hub = slow_hub();
    let good = std::fs::read_to_string(hub.path("scripts/charge.rhai")).unwrap();
    hub.write("scripts/charge.rhai", good.replace("})", "}"));
    let mut dev = Background::start(hub.command().arg("dev"), hub.next_words_file());
    until_said(&dev, "the hub starts as soon as this is mended");
    hub.write("scripts/charge.rhai", &good);
    until("/readyz to be 200", RELOAD_SECONDS, || {
        http_get(hub.port(), "/readyz").is_some_and(|(status, _)| status == 200).then_some(())
    });
    until_said(&dev, "what is saved counts from the next run on");
    let words = dev.words();
    let inbox = hub.inbox("").display().to_string();
    for want in ["/healthz", "http://127.0.0.1:", "(simulated)", "SIMULATOR", inbox.trim_end_matches('/')] {
        assert!(words.contains(want), "{want}: {words}");
    }
    assert_eq!(hub.cmd(&["serve"]).code, 2, "one process at a time sends");
    hub.drop_file("march.csv", charges_csv(1, 2));
    assert_eq!(versions(&hub, &hub.wait_done("march.csv").run), (2, 0));
    hub.write("scripts/charge.rhai", good.replace("row.token", "row.tokne.nope("));
    until_said(&dev, "the one before goes on");
    hub.write("scripts/charge.rhai", script(&hub, "second").replace("row.tokne.nope(", "row.token"));
    until_said(&dev, "a new script");
    hub.drop_file("april.csv", charges_csv(101, 2));
    assert_eq!(versions(&hub, &hub.wait_done("april.csv").run), (0, 2));
    dev.sigterm();
    dev.wait_exit().expect(0);
}

#[test]
fn dev_never_touches_what_belongs_to_a_real_account() {
    // Nobody listens there: whatever was sent to it would be an error of the row.
    let hub = Hub::bulk("en", "http://127.0.0.1:9");
    hub.drop_file("real.csv", charges_csv(1, 2));
    let mut dev = Background::start(hub.command().arg("dev"), hub.next_words_file());
    until_said(&dev, "what is saved counts from the next run on");
    assert!(dev.words().contains("this hub has real accounts: it is run in"), "{}", dev.words());
    let sandbox = hub.path("dev/inbox/charges");
    std::fs::write(sandbox.join("tried.csv"), charges_csv(1, 2)).unwrap();
    until("the tried file", RELOAD_SECONDS, || {
        let names = gesher_tests::files::names_in(&sandbox.join("done"));
        names.iter().any(|name| name.ends_with(".report.json")).then_some(())
    });
    dev.sigterm();
    dev.wait_exit().expect(0);
    assert!(hub.inbox("real.csv").is_file(), "the real file lies where it was");
    assert!(!hub.path("data").exists(), "the real hub has no journal from this");
}
