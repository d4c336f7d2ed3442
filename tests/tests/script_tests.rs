//! `gesher test`: the scripts' own tests, as an integrator runs them.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::program::{Output, command, run, workspace};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A hub folder as `gesher new --template all` makes it, with the tests of all example flows.
struct Scripts(TempDir);

impl Scripts {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let made = run(command().arg("new").arg(scratch.path().join("h")).args(["--template", "all"]), None);
        assert_eq!(made.code, 0, "{made:#?}");
        let scripts = Self(scratch);
        for example in examples() {
            std::fs::copy(&example, scripts.path(example.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        scripts
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join("h/scripts").join(file)
    }

    fn test(&self, arguments: &[&str]) -> Output {
        run(command().arg("--hub").arg(self.0.path().join("h")).args(arguments), None)
    }
}

/// The folders of the example flows. Those that need plugins are tried where plugins are built.
fn flows() -> Vec<PathBuf> {
    let all = std::fs::read_dir(workspace().join("scripts")).unwrap().map(|flow| flow.unwrap().path());
    let part = |flow: &PathBuf| std::fs::read_to_string(flow.join("gesher.toml")).unwrap();
    all.filter(|flow| !part(flow).contains("[plugin.")).collect()
}

/// The files of tests of the example flows.
fn examples() -> Vec<PathBuf> {
    let files = flows().into_iter().flat_map(|flow| std::fs::read_dir(flow).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().ends_with(".test.rhai")).collect()
}

/// How often `gesher test --json` said of a test that it went well, or not.
fn told(output: &Output, ok: bool) -> usize {
    let lines = output.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["ok"] == ok).count()
}

#[test]
fn every_example_flow_has_tests_and_they_pass() {
    let scripts = Scripts::new();
    for flow in flows() {
        let has = |example: &PathBuf| example.parent() == Some(Path::new(&flow));
        assert!(examples().iter().any(has), "{} has no tests", flow.display());
    }
    let tested = scripts.test(&["test"]).expect(0);
    assert!(
        tested
            .stdout
            .contains("ok      scripts/bulk_charge.test.rhai::test_a_declined_card_is_a_declined_row")
    );
    assert!(!tested.stdout.contains("FAILED"), "{tested:#?}");
    let all = scripts.test(&["--json", "test"]).expect(0);
    assert!(told(&all, true) >= 9, "{all:#?}");
    let one = scripts.test(&["--json", "test", "bulk_charge.test.rhai::test_a_lost"]).expect(0);
    assert_eq!((told(&one, true), told(&one, false)), (1, 0));
}

#[test]
fn tests_say_which_lines_of_each_function_they_ran() {
    let scripts = Scripts::new();
    let lines = scripts.test(&["--json", "test"]).expect(0).json_lines();
    let functions: Vec<_> = lines.iter().filter(|line| line["function"].is_string()).collect();
    let entries: Vec<_> =
        functions.iter().filter(|one| one["function"].as_str().unwrap().starts_with("on_")).collect();
    assert!(entries.len() >= 9, "{functions:#?}");
    for entry in entries {
        assert_eq!(entry["ran"], entry["lines"], "an example flow is tested to its last line: {entry}");
    }
    let script = "fn on_call(args) {\n    if args.x {\n        helper()\n    } else {\n        2\n    }\n}\n\n\
                  fn helper() {\n    let a = [1, 2].map(|x| { x + 1 });\n    a\n}\n";
    std::fs::write(scripts.path("lines.rhai"), script).unwrap();
    let test = "fn test_it() { assert_eq(run_call(#{ x: false }).value, 2); }";
    std::fs::write(scripts.path("lines.test.rhai"), test).unwrap();
    let tested = scripts.test(&["test", "lines.test"]).expect(0);
    for want in
        ["scripts/lines.rhai:1 on_call  2 of 3; not 3", "scripts/lines.rhai:9 helper   0 of 2; not 10-11"]
    {
        assert!(tested.stdout.contains(want), "{want}: {}", tested.stdout);
    }
}

#[test]
fn a_script_that_was_broken_fails_its_test_with_the_place_and_both_sides() {
    let scripts = Scripts::new();
    let script = scripts.path("bulk_charge.rhai");
    let text = std::fs::read_to_string(&script).unwrap();
    assert!(text.contains("Quantity: 1,"));
    std::fs::write(&script, text.replace("row.order_id, #{", "row.customer, #{")).unwrap();
    let tested = scripts.test(&["test", "bulk_charge.test"]).expect(1);
    let words = &tested.stdout;
    for want in [
        "FAILED  scripts/bulk_charge.test.rhai::test_a_row_is_one_charge_under_its_order_number",
        "bulk_charge.test.rhai:15:5",
        "expected: [\"dana-pottery\", \"order-1007\"]",
        "actual: [\"dana-pottery\", \"Noa Levi\"]",
        "3 passed, 1 failed",
    ] {
        assert!(words.contains(want), "{want}: {words}");
    }
    // What the hub would refuse before it sends, it refuses in a test.
    std::fs::write(&script, text.replace("VATIncluded", "VatIncluded")).unwrap();
    let refused = scripts.test(&["test", "test_a_row_is_one_charge"]).expect(1);
    assert!(refused.stdout.contains("rejected"), "{refused:#?}");
}

#[test]
fn what_is_wrong_with_a_file_of_tests_is_said_before_anything_runs() {
    let scripts = Scripts::new();
    std::fs::write(scripts.path("alone.test.rhai"), "fn test_it() { }").unwrap();
    let faults = scripts.test(&["test"]).expect(2);
    assert!(
        faults.words().contains("the script scripts/alone.rhai that it tests is not there"),
        "{faults:#?}"
    );
    std::fs::remove_file(scripts.path("alone.test.rhai")).unwrap();
    std::fs::write(scripts.path("bulk_charge.test.rhai"), "fn test_it() {\n  asert(true);\n}\n").unwrap();
    let faults = scripts.test(&["test"]).expect(2);
    assert!(faults.words().contains("scripts/bulk_charge.test.rhai:2:3"), "{faults:#?}");
    let none = scripts.test(&["test", "no such test"]);
    assert_eq!(none.code, 2, "{none:#?}");
}
