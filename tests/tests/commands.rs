//! The commands: what they print for people and for programs, their exit codes, and what they refuse.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::{files_with, names_in};
use gesher_tests::program::{Output, command, run};
use gesher_tests::{FakeProvider, Hub, Reply, Serving, charges_csv, until};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

fn approving() -> (FakeProvider, Hub) {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    (provider, hub)
}

/// Fails unless every part stands in what was said.
#[track_caller]
fn says(output: &Output, parts: &[&str]) {
    for part in parts {
        assert!(output.words().contains(part), "`{part}` is missing: {output:#?}");
    }
}

#[test]
fn the_exit_code_says_what_has_to_be_acted_on() {
    let provider = FakeProvider::start(|received, _| match received.json()["Customer"]["Name"].as_str() {
        Some("declined") => Reply::Decline("004"),
        Some("unknown") => Reply::ApproveThen(Box::new(Reply::Close)),
        _ => Reply::Approve,
    });
    let hub = Hub::bulk("en", provider.base_url());
    let cases = [
        ("well", &["Dana", "Noa"][..], 0),
        ("declined", &["Dana", "declined"], 1),
        ("unknown", &["Dana", "declined", "unknown"], 3),
    ];
    for (name, customers, code) in cases {
        let mut text = String::from("order_id,name,token,amount\n");
        for (at, customer) in customers.iter().enumerate() {
            text.push_str(&format!("{name}-{at},{customer},t,5.00\n"));
        }
        let (output, done) = hub.run_file(&format!("{name}.csv"), &text);
        let done = done.unwrap();
        assert_eq!(output.code, code, "{name}: {output:#?}");
        says(&output, &["result.csv", &done.run]);
        assert_eq!(hub.cmd(&["show", &done.run]).code, code, "show tells the same");
        // The same file again: nothing to do, unless rows of it are free; and what is unknown is not well by being
        // asked for once more.
        let (again, _) = hub.run_file(&format!("{name}-again.csv"), &text);
        assert_eq!(again.code, code, "{name}: {again:#?}");
    }
    let (refused, _) = hub.run_file("bad.csv", "order_id\n1\n");
    assert_eq!(refused.code, 1, "{refused:#?}");
}

#[test]
fn a_wrong_call_is_2_and_says_what_there_is() {
    let (provider, hub) = approving();
    let missing = hub.scratch().join("missing.csv");
    let missing = missing.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["run", "bulk-chrge", "--file", "x.csv"], "bulk-charge"),
        (&["run", "bulk-charge", "--file", missing], "missing.csv"),
        (&["run", "bulk-charge"], "--file"),
        (&["show", "zzzzzzz"], "zzzzzzz"),
        (&["operations", "officeguy.chrage"], "officeguy.charge"),
        (&["runs", "--flow", "nothing"], "nothing"),
        (&["secrets", "remove", "nothing"], "nothing"),
        (&["frobnicate"], "frobnicate"),
        (&["completions", "tcl"], "bash"),
    ];
    for (arguments, word) in cases {
        let output = hub.cmd(arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
        assert!(output.stderr.contains(word), "{arguments:?}: {output:#?}");
        assert!(!output.stderr.contains("panicked"), "{output:#?}");
    }
    let nowhere = run(command().args(["--hub", "/nonexistent/hub", "check"]), None).expect(2);
    assert!(nowhere.words().contains("gesher.toml"), "{nowhere:#?}");
    assert_eq!(provider.count(), 0);
}

#[test]
fn json_is_one_document_or_one_object_a_line_and_words_stay_out_of_it() {
    let (_provider, hub) = approving();
    let (_, done) = hub.run_file("march.csv", charges_csv(1, 3));
    let run_id = done.unwrap().run;
    std::fs::write(hub.scratch().join("more.csv"), charges_csv(4, 2)).unwrap();

    assert_eq!(hub.cmd(&["--json", "check"]).expect(0).json()["ok"], true);
    let ran = hub.cmd(&["--json", "run", "bulk-charge", "--file", "more.csv"]).expect(0).json();
    assert_eq!((&ran["counts"]["succeeded"], &ran["exit"]), (&2.into(), &0.into()), "{ran}");
    let runs = hub.cmd(&["--json", "runs"]).expect(0).json_lines();
    assert_eq!(runs.len(), 2);
    assert_eq!(
        (runs[0]["name"].as_str(), runs[1]["run"].as_str()),
        (Some("more.csv"), Some(run_id.as_str()))
    );
    assert_eq!(hub.cmd(&["--json", "runs", "--limit", "1"]).expect(0).json_lines().len(), 1);
    let show = hub.cmd(&["--json", "show", &run_id]).expect(0).json();
    assert_eq!(show["items"].as_array().unwrap().len(), 3);
    assert_eq!(show["items"][0]["status"], "succeeded");
    assert_eq!(show["items"][0]["steps"][0]["operation"], "officeguy.charge");
    assert_eq!(show["counts"]["succeeded"], 3);
    let none = hub.cmd(&["--json", "show", &run_id, "--items", "declined"]).expect(0).json();
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    let operations = hub.cmd(&["--json", "operations"]).expect(0).json_lines();
    assert!(operations.len() >= 10, "{operations:#?}");
    let charge = hub.cmd(&["--json", "operations", "officeguy.charge"]).expect(0).json();
    assert!(charge.to_string().contains("PaymentMethod"), "{charge}");
    for secret in hub.cmd(&["--json", "secrets", "list"]).expect(0).json_lines() {
        assert!(secret.is_object());
    }
    let error = hub.cmd(&["--json", "show", "zzzzzzz"]).expect(2).json();
    assert!(error["error"].as_str().is_some(), "{error}");
}

#[test]
fn runs_and_show_tell_people_the_same() {
    let (_provider, hub) = approving();
    says(&hub.cmd(&["runs"]).expect(0), &["no run yet"]);
    let (_, done) = hub.run_file("march.csv", "order_id,name,token,amount\n1,Dana,t,5.00\n2,Noa,t,bad\n");
    let run_id = done.unwrap().run;
    says(&hub.cmd(&["runs"]).expect(0), &[&run_id, "bulk-charge", "march.csv", "invalid"]);
    says(&hub.cmd(&["show", &run_id]).expect(1), &["succeeded", "invalid", "5.00 ILS", "amount"]);
    let filtered = hub.cmd(&["show", &run_id, "--items", "invalid"]).expect(1);
    says(&filtered, &["invalid"]);
}

#[test]
fn operations_lists_all_that_the_hub_can_do_with_what_each_may_do() {
    let hub = Hub::template("he");
    let list = hub.cmd(&["operations"]).expect(0);
    let names = [
        ("officeguy.charge", "money"),
        ("officeguy.charge_saved_method", "money"),
        ("officeguy.create_company", "write"),
        ("officeguy.open_upay_terminal", "write"),
        ("officeguy.create_document", "write"),
        ("officeguy.get_payment", "read"),
        ("officeguy.list_payments", "read"),
        ("officeguy.get_document", "read"),
        ("officeguy.list_documents", "read"),
        ("officeguy.get_vat_rate", "read"),
        ("officeguy.get_company", "read"),
    ];
    for (name, effect) in names {
        let mut lines = list.stdout.lines().filter(|line| line.split_whitespace().any(|word| word == name));
        let line = lines.next().unwrap_or_else(|| panic!("{name} is missing: {}", list.stdout));
        assert!(line.contains(effect), "{name}: {line}");
        says(&hub.cmd(&["operations", name]).expect(0), &[name, effect]);
    }
    let charge = hub.cmd(&["operations", "officeguy.charge"]).expect(0);
    says(&charge, &["PaymentMethod", "VATIncluded", "UnitPrice", "key"]);
    assert!(!charge.stdout.contains("APIKey"), "keys never reach a script");
}

/// A fault of `gesher.toml`: what is replaced by what, and what `check` must say.
const FAULTS: &[(&str, &str, &[&str])] = &[
    ("concurrency = 8", "concurency = 8", &["gesher.toml:", "concurency", "concurrency"]),
    ("[flow.bulk-charge.drop]", "[flow.bulk-charge.dorp]", &["gesher.toml:", "dorp", "drop"]),
    ("concurrency = 8", "concurrency = \"many\"", &["gesher.toml:", "concurrency"]),
    ("concurrency = 8", "concurrency = 0", &["gesher.toml:", "concurrency"]),
    ("concurrency = 8", "concurrency = ", &["gesher.toml:"]),
    (
        "\"officeguy.charge\"",
        "\"officeguy.chrage\"",
        &["gesher.toml:", "officeguy.chrage", "officeguy.charge"],
    ),
    ("\"officeguy.charge\"", "\"senzey.add_lead\"", &["gesher.toml:", "senzey"]),
    ("settle = \"100ms\"", "settle = \"100\"", &["gesher.toml:", "settle"]),
    ("language = \"en\"", "language = \"fr\"", &["gesher.toml:", "language", "he"]),
    ("row_key = [\"order_id\"]\n", "", &["gesher.toml:", "row_key"]),
    ("\"scripts/charge.rhai\"", "\"scripts/chrge.rhai\"", &["chrge.rhai"]),
    ("base_url = \"http://127.0.0.1:", "base_url = \"http://198.51.100.7:", &["gesher.toml:", "https"]),
    ("company_id = 2410000001\n", "", &["gesher.toml:", "company_id"]),
    (
        "api_key = { secret = \"officeguy.api_key\" }",
        "api_key = \"in-the-open-1234\"",
        &["gesher.toml:", "api_key", "secret"],
    ),
    (
        "settle = \"100ms\"",
        "settle = \"100ms\"\n[flow.bulk-charge.schedule]\ncron = \"0 6 1 * *\"",
        &["gesher.toml:", "schedule"],
    ),
    (
        "settle = \"100ms\"",
        "settle = \"100ms\"\n[flow.second]\nscript = \"scripts/charge.rhai\"\n[flow.second.drop]\nfolder = \"inbox/charges\"\npattern = \"a*.csv\"",
        &["gesher.toml:", "bulk-charge", "second"],
    ),
    (
        "settle = \"100ms\"",
        "settle = \"100ms\"\n[flow.second]\nscript = \"scripts/charge.rhai\"\n[flow.second.drop]\nfolder = \"inbox/charges/done\"\npattern = \"*.csv\"",
        &["gesher.toml:", "bulk-charge", "done"],
    ),
];

#[test]
fn check_names_each_fault_of_the_configuration_with_its_place_and_serve_and_run_refuse_it() {
    let port = gesher_tests::serve::free_port();
    for (from, to, parts) in FAULTS {
        let hub = Hub::bulk("en", &format!("http://127.0.0.1:{port}"));
        hub.cmd(&["check"]).expect(0);
        hub.edit("gesher.toml", from, to);
        let check = hub.cmd(&["check"]);
        assert_eq!(check.code, 2, "{to}: {check:#?}");
        says(&check, parts);
        assert!(!check.words().contains("in-the-open-1234"), "a secret is not repeated: {check:#?}");
        let document = hub.cmd(&["--json", "check"]).expect(2).json();
        let fault = &document["faults"][0];
        assert!(fault["line"].as_u64().is_some() && fault["column"].as_u64().is_some(), "{document}");
        says(&hub.cmd(&["serve"]).expect(2), parts);
        let (ran, _) = hub.run_file("march.csv", charges_csv(1, 1));
        assert_eq!(ran.code, 2, "{to}: {ran:#?}");
        assert_eq!(names_in(&hub.inbox("done")), Vec::<String>::new(), "nothing is begun: {to}");
    }
}

/// A fault of a script: what is replaced by what, the line where it stands, and what `check` must say.
const SCRIPT_FAULTS: &[(&str, &str, u32, &[&str])] = &[
    ("VATIncluded: true,\n    })", "VATIncluded: true,\n    }", 10, &[]),
    ("officeguy::charge", "officeguy::chrage", 3, &["charge"]),
    ("decimal(row.amount)", "decimel(row.amount)", 7, &["decimel"]),
    ("decimal(row.amount)", "1.5.5", 7, &[]),
    ("fn on_row(row) {", "let x = 1;\nfn on_row(row) {", 2, &[]),
    ("fn on_row(row) {", "fn on_rwo(row) {", 0, &["on_row"]),
    ("fn on_row(row) {", "fn on_row(row) {\n    eval(\"1\");", 3, &["eval"]),
];

#[test]
fn check_names_each_fault_of_a_script_with_its_line() {
    for (from, to, line, parts) in SCRIPT_FAULTS {
        let hub = Hub::bulk("en", "simulator");
        hub.edit("scripts/charge.rhai", from, to);
        let check = hub.cmd(&["check"]);
        assert_eq!(check.code, 2, "{to}: {check:#?}");
        says(&check, parts);
        says(&check, &["charge.rhai"]);
        let found = hub.cmd(&["--json", "check"]).expect(2).json();
        let lines: Vec<_> = found["faults"].as_array().unwrap().iter().map(|fault| &fault["line"]).collect();
        assert!(*line == 0 || lines.iter().any(|found| *found == &serde_json::json!(line)), "{to}: {found}");
    }
}

#[test]
fn a_second_sender_on_the_same_hub_is_refused_or_handed_over() {
    let (provider, hub) = approving();
    let serving = hub.serve();
    let second = hub.cmd(&["serve"]);
    assert!([2, 5].contains(&second.code), "{second:#?}");
    assert!(second.stderr.contains("is serving"), "{second:#?}");
    // A run beside it is handed over and followed: one process sends.
    let (ran, done) = hub.run_file("march.csv", charges_csv(1, 5));
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(done.unwrap().count("succeeded"), 5);
    let (again, _) = hub.run_file("april.csv", charges_csv(1, 5));
    assert_eq!(again.code, 0, "{again:#?}");
    assert_eq!(provider.charges(), 5);
    for reader in [&["runs"][..], &["check"], &["operations"], &["secrets", "list"]] {
        hub.cmd(reader).expect(0);
    }
    assert_eq!(serving.stop().code, 0);
    assert_eq!(hub.serve().stop().code, 0, "the lock goes with its process");
}

#[test]
fn a_port_that_is_taken_is_said_in_words() {
    let (_provider, hub) = approving();
    let taken = TcpListener::bind(("127.0.0.1", hub.port())).unwrap();
    let output = hub.cmd(&["serve"]);
    assert!([2, 5].contains(&output.code), "{output:#?}");
    assert!(output.stderr.contains(&hub.port().to_string()), "{output:#?}");
    assert!(!output.stderr.contains("panicked"));
    drop(taken);
    assert_eq!(hub.serve().stop().code, 0);
}

#[test]
fn a_drop_folder_of_another_hub_is_refused() {
    let (provider, first) = approving();
    let second = Hub::bulk("en", provider.base_url());
    assert_eq!(first.serve().stop().code, 0);
    assert!(first.inbox(".gesher-owner").exists());
    let folder = first.inbox("");
    second.edit(
        "gesher.toml",
        "\"inbox/charges\"",
        &format!("\"{}\"", folder.to_str().unwrap().trim_end_matches('/')),
    );
    let mut serving = Serving::start_unready(&second);
    let ended = serving.process.wait_exit().expect(2);
    assert!(ended.stderr.contains("hub"), "{ended:#?}");
    let checked = second.cmd(&["check"]);
    assert_eq!(checked.code, 2, "check says it too: {checked:#?}");
    assert_eq!(first.serve().stop().code, 0, "its own hub still may");
}

#[test]
fn a_dry_run_validates_and_calls_nothing() {
    let (provider, hub) = approving();
    std::fs::write(
        hub.scratch().join("march.csv"),
        "order_id,name,token,amount\n1,Dana,t,5.00\n2,Noa,t,bad\n",
    )
    .unwrap();
    let output = hub.cmd(&["run", "bulk-charge", "--file", "march.csv", "--dry-run"]);
    assert_eq!(output.code, 1, "a row is invalid: {output:#?}");
    says(&output, &["2"]);
    std::fs::write(hub.scratch().join("good.csv"), charges_csv(1, 2)).unwrap();
    says(&hub.cmd(&["run", "bulk-charge", "--file", "good.csv", "--dry-run"]).expect(0), &["24.00"]);
    hub.cmd(&["--json", "run", "bulk-charge", "--file", "good.csv", "--dry-run"]).expect(0).json();
    assert_eq!(provider.count(), 0);
    assert_eq!(names_in(&hub.inbox("done")), Vec::<String>::new());
    assert!(hub.scratch().join("good.csv").exists());
    // And it leaves nothing that would stop the real run.
    let (real, done) = hub.run_file("good.csv", charges_csv(1, 2));
    assert_eq!((real.code, done.unwrap().count("succeeded")), (0, 2));
}

#[test]
fn new_makes_a_hub_that_checks_and_never_touches_a_folder_in_use() {
    let scratch = tempfile::tempdir().unwrap();
    for template in ["bulk-charge", "onboarding"] {
        let folder = scratch.path().join(template);
        run(command().args(["new", "--template", template]).arg(&folder), None).expect(0);
        run(command().arg("--hub").arg(&folder).arg("check"), None).expect(0);
        assert!(!names_in(&folder.join("samples")).is_empty());
        let before = std::fs::read(folder.join("gesher.toml")).unwrap();
        std::fs::write(folder.join("gesher.toml"), [before.as_slice(), b"# mine\n"].concat()).unwrap();
        run(command().arg("new").arg(&folder), None).expect(2);
        assert!(std::fs::read_to_string(folder.join("gesher.toml")).unwrap().ends_with("# mine\n"));
    }
}

#[test]
fn the_onboarding_template_opens_a_vendor_once() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("hub");
    run(command().args(["new", "--template", "onboarding"]).arg(&folder), None).expect(0);
    let hub = Hub::adopt(scratch, folder);
    let body = hub.path("samples/onboarding/vendor.json");
    let body = body.to_str().unwrap();
    let first = hub.cmd(&["--json", "run", "onboarding", "--body", body, "--key", "dana-1"]).expect(0);
    assert!(!first.words().contains("APIKey"), "a vendor's key is never printed: {first:#?}");
    let again = hub.cmd(&["--json", "run", "onboarding", "--body", body, "--key", "dana-2"]).expect(0);
    let references = |output: &Output| {
        let run_id = output.json()["run"].as_str().unwrap().to_owned();
        hub.cmd(&["--json", "show", &run_id]).json()["items"][0]["steps"][0]["reference"].clone()
    };
    assert_eq!(references(&first), references(&again), "the recorded organisation, and no second one");
}

#[test]
fn a_journal_of_the_simulator_is_never_mixed_with_a_real_account() {
    let (provider, hub) = approving();
    hub.edit("gesher.toml", &format!("base_url = \"{}\"", provider.base_url()), "base_url = \"simulator\"");
    let (first, _) = hub.run_file("march.csv", charges_csv(1, 2));
    assert_eq!(first.code, 0, "{first:#?}");
    hub.edit("gesher.toml", "base_url = \"simulator\"", &format!("base_url = \"{}\"", provider.base_url()));
    let (refused, _) = hub.run_file("april.csv", charges_csv(3, 2));
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(refused.stderr.contains("data"), "it says to choose another data folder: {refused:#?}");
    hub.cmd(&["serve"]).expect(2);
    // The way that the README describes. Without its last step the folder is still the old hub's.
    hub.set("hub", "data", "\"data2\"");
    let (early, _) = hub.run_file("april.csv", charges_csv(3, 2));
    says(&early.expect(2), &[".gesher-owner"]);
    std::fs::remove_file(hub.inbox(".gesher-owner")).unwrap();
    // What the simulator charged stands for nothing here.
    let (second, done) = hub.run_file("april.csv", charges_csv(1, 2));
    assert_eq!((second.code, done.unwrap().count("succeeded")), (0, 2), "{second:#?}");
    // Another organisation at the same address is another environment too.
    hub.edit("gesher.toml", "company_id = 2410000001", "company_id = 2410000002");
    let (other, _) = hub.run_file("may.csv", charges_csv(5, 2));
    assert_eq!(other.code, 2, "{other:#?}");
    assert_eq!(provider.charges(), 2);
}

#[test]
fn secrets_are_stored_sealed_listed_by_name_and_never_shown() {
    const VALUE: &str = "s3cret-Canary-aXq81";
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("he", provider.base_url());
    let said = [
        hub.cmd_with(&["secrets", "set", "officeguy.api_key"], VALUE).expect(0),
        hub.cmd_with(&["secrets", "set", "other"], &format!("{VALUE}\n")).expect(0),
        hub.cmd(&["secrets", "list"]).expect(0),
        hub.cmd(&["--json", "secrets", "list"]).expect(0),
    ];
    says(&said[2], &["officeguy.api_key", "other"]);
    for output in &said {
        assert!(!output.words().contains(VALUE), "{output:#?}");
    }
    assert_eq!(files_with(hub.scratch(), VALUE), Vec::<std::path::PathBuf>::new());
    hub.cmd(&["secrets", "remove", "other"]).expect(0);
    assert!(!hub.cmd(&["secrets", "list"]).stdout.contains("other"));
    hub.cmd_with(&["secrets", "set", "empty"], "\n").expect(2);
    hub.cmd_with(&["secrets", "set", "a name"], VALUE).expect(2);
    // The environment comes before the vault; without it, the vault's is sent.
    let (ran, _) = hub.run_file("march.csv", charges_csv(1, 1));
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(provider.received()[0].text().contains(gesher_tests::API_KEY));
    std::fs::write(hub.scratch().join("april.csv"), charges_csv(2, 1)).unwrap();
    let mut without = hub.command();
    without.env_remove("GESHER_SECRET_OFFICEGUY_API_KEY").args(["run", "bulk-charge", "--file", "april.csv"]);
    run(&mut without, None).expect(0);
    assert!(provider.received()[1].text().contains(VALUE));
    assert_eq!(files_with(hub.scratch(), VALUE), Vec::<std::path::PathBuf>::new());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(hub.path("data/master.key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_secret_that_is_nowhere_is_named() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("he", provider.base_url());
    let mut without = hub.command();
    without.env_remove("GESHER_SECRET_OFFICEGUY_API_KEY").arg("serve");
    let output = run(&mut without, None).expect(2);
    says(&output, &["officeguy.api_key"]);
}

#[test]
fn completions_are_scripts_that_their_shell_can_read() {
    let output = run(command().args(["completions", "bash"]), None).expect(0);
    let checked = run(Command::new("bash").arg("-n"), Some(&output.stdout));
    assert_eq!(checked.code, 0, "{checked:#?}");
    assert!(output.stdout.contains("bulk-charge") || output.stdout.contains("secrets"));
    for shell in ["zsh", "fish"] {
        assert!(run(command().args(["completions", shell]), None).expect(0).stdout.contains("gesher"));
    }
}

#[test]
fn help_and_version_are_well_and_name_the_commands() {
    let help = run(command().arg("--help"), None).expect(0);
    for name in [
        "demo",
        "new",
        "check",
        "serve",
        "run",
        "runs",
        "show",
        "operations",
        "simulate",
        "secrets",
        "completions",
    ] {
        assert!(
            help.stdout.lines().any(|line| line.trim_start().starts_with(name)),
            "{name}: {}",
            help.stdout
        );
        run(command().args([name, "--help"]), None).expect(0);
    }
    assert!(run(command().arg("--version"), None).expect(0).stdout.starts_with("gesher "));
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let hub = Hub::template("he");
    let mut bash = Command::new("bash");
    bash.args(["-c", "set -o pipefail; \"$0\" operations | head -n 1; exit \"${PIPESTATUS[0]}\""]);
    let output = run(bash.arg(gesher_tests::gesher()), None);
    assert!(!output.stderr.contains("panicked"), "{output:#?}");
    drop(hub);
}

#[test]
fn ctrl_c_ends_a_run_in_the_foreground_after_what_is_in_flight() {
    let provider =
        FakeProvider::start(|_, _| Reply::After(Duration::from_millis(50), Box::new(Reply::Approve)));
    let hub = Hub::bulk("en", provider.base_url());
    std::fs::write(hub.scratch().join("march.csv"), charges_csv(1, 400)).unwrap();
    let mut command = hub.command();
    command.args(["run", "bulk-charge", "--file", "march.csv"]);
    let mut running = gesher_tests::Background::start(&mut command, hub.scratch().join("run.log"));
    until("some charges", 30, || (provider.charges() >= 8).then_some(()));
    running.sigterm();
    let ended = running.wait_exit();
    assert_eq!(ended.code, 4, "a stopped run waits to be gone on with: {ended:#?}");
    assert!(provider.count() < 400);
    assert_eq!(provider.charges(), provider.count(), "what was in flight was answered");
    let serving = hub.serve();
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 400);
    assert_eq!(provider.count(), 400);
    drop(serving);
}
