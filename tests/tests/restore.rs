//! Backups, and what happens when one is put back: what was sent since is remembered by the intent log, and is never
//! sent again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::fake::CHARGE;
use gesher_tests::files::{holds, names_in};
use gesher_tests::{FakeProvider, Hub, Output, Reply, charges_csv, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows of a file.
const ROWS: u32 = 12;

fn provider() -> FakeProvider {
    FakeProvider::start(|received, _| match received.path() {
        CHARGE => Reply::After(Duration::from_millis(60), Box::new(Reply::Approve)),
        _ => Reply::http("404 Not Found", "text/plain", "no such page"),
    })
}

fn rows() -> usize {
    usize::try_from(ROWS).unwrap()
}

/// Runs a file of rows from `first` on, all of which are charged.
#[track_caller]
fn charge(hub: &Hub, name: &str, first: u32) {
    let (output, done) = hub.run_file(name, charges_csv(first, ROWS));
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(done.unwrap().count("succeeded"), rows());
}

fn back_up(hub: &Hub, name: &str) -> (PathBuf, Output) {
    let file = hub.scratch().join(name);
    let output = hub.cmd(&["backup", file.to_str().unwrap()]);
    (file, output)
}

fn restore(hub: &Hub, file: &Path) -> Output {
    hub.cmd(&["restore", file.to_str().unwrap()])
}

/// The check of that name, as `doctor` tells it.
#[track_caller]
fn check(doctor: &Output, name: &str) -> Value {
    let lines = doctor.json_lines();
    lines
        .iter()
        .find(|line| line["check"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {doctor:#?}"))
        .clone()
}

fn is_mode_0600(path: &Path) -> bool {
    path.metadata().unwrap().permissions().mode() & 0o777 == 0o600
}

#[test]
fn after_a_restore_nothing_is_sent_until_what_was_sent_since_is_taken_over_as_unknown() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    charge(&hub, "march.csv", 1);
    let (backup, made) = back_up(&hub, "monday.db");
    assert_eq!(made.code, 0, "{made:#?}");
    charge(&hub, "april.csv", 1001);
    let log = std::fs::read(hub.path("data/intents.log")).unwrap();
    let restored = restore(&hub, &backup);
    assert_eq!(restored.code, 0, "{restored:#?}");
    assert!(restored.stdout.contains("gesher.db.before-restore-"), "{restored:#?}");
    assert_eq!(std::fs::read(hub.path("data/intents.log")).unwrap(), log, "the log is never touched");

    // Refused, by whatever would send; and the reason says what happened and how to mend it.
    let charged = provider.charged();
    let (run, _) = hub.run_file("may.csv", charges_csv(2001, ROWS));
    for refused in [run, hub.cmd(&["serve"])] {
        assert_eq!(refused.code, 5, "{refused:#?}");
        for words in
            [&*format!("lacks {ROWS} intents"), "restored from a backup", "gesher doctor --adopt-intents"]
        {
            assert!(refused.stderr.contains(words), "{words}: {refused:#?}");
        }
    }
    let doctor = hub.cmd(&["--json", "doctor"]);
    assert_eq!(doctor.code, 5, "{doctor:#?}");
    assert_eq!(check(&doctor, "intent log")["is"], "fault");
    assert_eq!(provider.charged(), charged, "nothing was sent");

    let adopted = hub.cmd(&["--json", "doctor", "--adopt-intents"]);
    assert_eq!(adopted.code, 0, "{adopted:#?}");
    assert_eq!(adopted.json_lines().len(), rows());
    assert!(adopted.json_lines().iter().all(|line| line["state"] == "unknown"), "{adopted:#?}");
    let again = hub.cmd(&["--json", "doctor", "--adopt-intents"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "once is enough: {again:#?}");
    let doctor = hub.cmd(&["--json", "doctor"]);
    assert_eq!(check(&doctor, "intent log")["is"], "ok", "{doctor:#?}");
    let unknown = check(&doctor, "unknown");
    assert!(
        unknown["found"].as_str().unwrap().starts_with(&format!("{ROWS} steps are unknown")),
        "{unknown}"
    );

    // The rest works, and what is unknown is not sent again, by whatever file it comes.
    charge(&hub, "june.csv", 3001);
    for name in ["april.csv", "april-again.csv", "march.csv"] {
        let first = if name.starts_with("april") { 1001 } else { 1 };
        let before = provider.charges();
        let (output, _) = hub.run_file(name, charges_csv(first, ROWS));
        assert_ne!(output.code, 2, "{output:#?}");
        assert_eq!(provider.charges(), before, "{name}");
    }
    assert!(provider.charged().values().all(|taken| taken.len() == 1), "{:?}", provider.charged());
}

#[test]
fn an_old_copy_of_the_database_is_refused_like_a_restored_backup() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    charge(&hub, "march.csv", 1);
    let old = std::fs::read(hub.path("data/gesher.db")).unwrap();
    charge(&hub, "april.csv", 1001);
    std::fs::write(hub.path("data/gesher.db"), old).unwrap();
    let refused = hub.cmd(&["serve"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert_eq!(provider.charges(), 2 * rows());
    // A new journal in its place would know nothing at all.
    std::fs::remove_file(hub.path("data/gesher.db")).unwrap();
    let refused = hub.cmd(&["serve"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(refused.stderr.contains("intent log"), "{refused:#?}");
}

#[test]
fn a_backup_beside_a_running_hub_is_whole_and_overwrites_nothing() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    let nothing = back_up(&hub, "nothing.db").1;
    assert_eq!(nothing.code, 2, "{nothing:#?}");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 20 * ROWS));
    until("some charges", 60, || (provider.charges() >= rows()).then_some(()));
    let (backup, made) = back_up(&hub, "beside.db");
    assert_eq!(made.code, 0, "{made:#?}");
    assert!(is_mode_0600(&backup));
    let bytes = std::fs::read(&backup).unwrap();
    let key = std::fs::read_to_string(hub.path("data/master.key")).unwrap();
    assert!(!holds(&bytes, key.trim().as_bytes()), "the master key is in no backup");
    let refused = back_up(&hub, "beside.db").1;
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert_eq!(std::fs::read(&backup).unwrap(), bytes);
    let refused = restore(&hub, &backup);
    assert_eq!(refused.code, 2, "a hub is serving: {refused:#?}");
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 20 * rows());
    assert_eq!(serving.stop().code, 0);
    let broken = hub.scratch().join("broken.db");
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let names = names_in(&hub.path("data"));
    for file in [&broken, &hub.path("gesher.toml")] {
        let refused = restore(&hub, file);
        assert_eq!(refused.code, 2, "{refused:#?}");
    }
    assert_eq!(names_in(&hub.path("data")), names, "nothing was changed");
    assert_eq!(restore(&hub, &backup).code, 0);
}

#[test]
fn the_intent_log_lies_where_the_configuration_says_for_its_owner_alone() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    hub.set("hub", "intent_log", "\"elsewhere/sent.log\"");
    charge(&hub, "march.csv", 1);
    let log = hub.path("elsewhere/sent.log");
    assert!(is_mode_0600(&log) && !hub.path("data/intents.log").exists());
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 1 + rows(), "one line an intent, behind the first: {text}");
    // A log that is gone is written anew from the journal.
    std::fs::remove_file(&log).unwrap();
    charge(&hub, "april.csv", 1001);
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 1 + 2 * rows());
    let doctor = hub.cmd(&["--json", "doctor"]);
    assert_eq!(check(&doctor, "intent log")["is"], "ok", "{doctor:#?}");
}

#[test]
fn the_doctor_finds_a_sound_hub_well_and_names_what_is_wrong_with_another() {
    let provider = FakeProvider::start(|received, _| match received.path() {
        CHARGE => Reply::Approve,
        _ => Reply::Json(
            r#"{"Data":{"Rate":18.0},"Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#
                .into(),
        ),
    });
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    hub.wait_done("march.csv");
    let doctor = hub.cmd(&["--json", "doctor"]);
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    for line in doctor.json_lines() {
        assert_eq!(line["is"], "ok", "{line}");
    }
    for name in [
        "configuration",
        "journal",
        "intent log",
        "vault",
        "account marketplace",
        "clock",
        "disk: data",
        "versions",
    ] {
        check(&doctor, name);
    }
    let refused = hub.cmd(&["doctor", "--adopt-intents"]);
    assert_eq!(refused.code, 2, "a hub is serving: {refused:#?}");
    assert_eq!(serving.stop().code, 0);
    assert_eq!(provider.charges(), rows(), "the doctor only reads");

    // One thing is wrong at a time.
    let closed = Hub::bulk("en", "http://127.0.0.1:9");
    closed.cmd_with(&["secrets", "set", "other"], "a value\n").expect(0);
    let unreachable = closed.cmd(&["--json", "doctor"]);
    assert_eq!(unreachable.code, 5, "{unreachable:#?}");
    assert_eq!(check(&unreachable, "account marketplace")["is"], "fault");
    std::fs::remove_file(closed.path("data/master.key")).unwrap();
    let keyless = closed.cmd(&["--json", "doctor"]);
    assert_eq!(check(&keyless, "vault")["is"], "fault", "{keyless:#?}");
    assert!(!closed.path("data/master.key").exists(), "the doctor makes nothing");
    closed.edit("gesher.toml", "row_key", "rowkey");
    let misconfigured = closed.cmd(&["--json", "doctor"]);
    assert_eq!(misconfigured.code, 2, "{misconfigured:#?}");
}

#[test]
fn the_doctor_reads_every_line_of_the_intent_log() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    charge(&hub, "march.csv", 1);
    let path = hub.path("data/intents.log");
    let mut log = std::fs::read(&path).unwrap();
    let fifth = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(3).unwrap().0 + 1;
    log[fifth + 30] ^= 1;
    std::fs::write(&path, log).unwrap();
    let doctor = hub.cmd(&["--json", "doctor"]);
    assert_eq!(doctor.code, 5, "{doctor:#?}");
    let found = check(&doctor, "intent log lines");
    assert_eq!(found["is"], "fault");
    assert!(found["found"].as_str().unwrap().contains("line 5 (from byte"), "{found}");
}

#[test]
fn before_its_first_start_the_doctor_looks_where_the_log_will_be_and_tries_a_key_of_the_environment() {
    let provider = FakeProvider::start(|_, _| {
        Reply::Json(
            r#"{"Data":{"Rate":18.0},"Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#
                .into(),
        )
    });
    const KEY: &str = "GESHER_SECRET_OFFICEGUY_API_KEY";
    let mut hub = Hub::bulk("en", provider.base_url()).with_variable(KEY, "");
    hub.set("hub", "intent_log", "\"elsewhere/log/intents.log\"");
    let keyless = hub.cmd(&["--json", "doctor"]);
    assert_eq!(check(&keyless, "folder: intent log")["is"], "ok", "{keyless:#?}");
    for name in ["disk: data", "disk: intent log", "folder: data"] {
        check(&keyless, name);
    }
    assert_eq!(check(&keyless, "account")["is"], "look", "{keyless:#?}");
    hub.set_environment(KEY, "k-of-the-environment");
    let tried = hub.cmd(&["--json", "doctor"]);
    assert_eq!(check(&tried, "account marketplace")["is"], "ok", "{tried:#?}");
    for made in ["data/gesher.db", "data/master.key", "elsewhere"] {
        assert!(!hub.path(made).exists(), "the doctor makes no {made}");
    }
    std::fs::write(hub.path("elsewhere"), "a file").unwrap();
    let barred = hub.cmd(&["--json", "doctor"]);
    assert_eq!(check(&barred, "folder: intent log")["is"], "fault", "{barred:#?}");
    assert_eq!(barred.code, 5);
}

/// The run of the file, as `gesher runs` tells it.
fn run_of(hub: &Hub, name: &str) -> Value {
    let runs = hub.cmd(&["--json", "runs"]).expect(0).json_lines();
    runs.into_iter().find(|run| run["name"] == name || run["file"] == name).unwrap()
}

#[track_caller]
fn until_state(hub: &Hub, name: &str, state: &str) -> Value {
    until(&format!("run of {name}: {state}"), 60, || {
        Some(run_of(hub, name)).filter(|run| run["state"] == state)
    })
}

/// A hub with a backup from the middle of a run, put back after the run's end; what was sent since is taken over.
fn restored_in_mid_run(provider: &FakeProvider) -> Hub {
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 20 * ROWS));
    until("some charges", 60, || (provider.charges() >= rows()).then_some(()));
    let (backup, made) = back_up(&hub, "midway.db");
    assert_eq!(made.code, 0, "{made:#?}");
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 20 * rows());
    assert_eq!(serving.stop().code, 0);
    assert_eq!(restore(&hub, &backup).code, 0);
    hub.cmd(&["doctor", "--adopt-intents"]).expect(0);
    assert_eq!(run_of(&hub, "march.csv")["state"], "running", "the backup is from the middle of it");
    hub
}

#[track_caller]
fn charged_once(provider: &FakeProvider) {
    let charged = provider.charged();
    assert_eq!(charged.len(), 20 * rows());
    assert!(charged.values().all(|taken| taken.len() == 1), "{charged:?}");
}

#[test]
fn a_run_that_was_at_work_at_the_backup_goes_on_from_what_is_known_and_sends_nothing_twice() {
    let provider = provider();
    let hub = restored_in_mid_run(&provider);
    let serving = hub.serve();
    until_state(&hub, "march.csv", "finished");
    charged_once(&provider);
    assert!(names_in(&hub.inbox(".work")).is_empty());
    hub.cmd(&["unknown", "list"]).expect(3);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_run_whose_file_or_flow_is_gone_waits_is_settled_by_people_and_ends_when_they_give_it_up() {
    for what in ["file", "flow"] {
        let provider = provider();
        let hub = restored_in_mid_run(&provider);
        let run = run_of(&hub, "march.csv")["run"].as_str().unwrap().to_owned();
        match what {
            "file" => std::fs::remove_file(hub.inbox(&format!("done/march.{run}.csv"))).unwrap(),
            _ => hub.edit("gesher.toml", "flow.bulk-charge", "flow.renamed"),
        }
        let serving = hub.serve();
        let halted = until_state(&hub, "march.csv", "halted");
        let message = halted["message"].as_str().unwrap();
        assert!(
            message.contains("is gone") && message.contains(&format!("gesher cancel {run}")),
            "{message}"
        );
        let open = hub.cmd(&["--json", "unknown", "list"]).expect(3).json_lines();
        let step = open[0]["step"].as_str().unwrap();
        hub.cmd(&["unknown", "resolve", step, "--charged", "990077", "--reason", "seen"]).expect(0);
        // A person who lets it go on gets it back as it was, and may give it up then.
        hub.cmd(&["resume", &run]).expect(0);
        until_state(&hub, "march.csv", "halted");
        hub.cmd(&["cancel", &run, "--reason", "an old month"]).expect(0);
        let over = until_state(&hub, "march.csv", "cancelled");
        let message = over["message"].as_str().unwrap();
        assert!(message.contains("an old month") && message.contains("no reports"), "{message}");
        charged_once(&provider);
        assert_eq!(serving.stop().code, 0);
    }
}
