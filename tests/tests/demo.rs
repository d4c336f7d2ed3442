//! `gesher demo`: the whole job on this machine with nothing set up.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::Hub;
use gesher_tests::files::{STATUSES, read_csv};
use gesher_tests::program::{command, run};
use std::path::Path;
use std::process::Command;

/// A demo whose temporary folder is `scratch`, so that it goes with the test.
fn demo(scratch: &Path, arguments: &[&str]) -> Command {
    let mut demo = command();
    demo.args(arguments).env("TMPDIR", scratch).current_dir(scratch);
    demo
}

#[test]
fn the_demo_shows_every_status_finds_that_the_books_agree_and_names_its_result() {
    let scratch = tempfile::tempdir().unwrap();
    let output = run(&mut demo(scratch.path(), &["demo"]), None).expect(0);
    for status in STATUSES {
        assert!(output.stdout.contains(status), "`{status}` is missing: {}", output.stdout);
    }
    assert!(output.stdout.contains("200"), "{}", output.stdout);
    let result = output.stdout.split_whitespace().find(|word| word.ends_with(".result.csv")).unwrap();
    assert!(Path::new(result).starts_with(scratch.path()), "{result}");
    let (_, rows) = read_csv(&std::fs::read(result).unwrap());
    assert_eq!(rows.len(), 200);
    for status in ["succeeded", "declined", "invalid", "unknown", "duplicate"] {
        assert!(rows.iter().any(|row| row.status() == status), "no row is {status}");
    }
}

#[test]
fn the_demo_speaks_json() {
    let scratch = tempfile::tempdir().unwrap();
    let document = run(&mut demo(scratch.path(), &["--json", "demo", "--rows", "30"]), None).expect(0).json();
    assert!(document.is_object(), "{document}");
}

#[test]
fn a_demo_of_any_size_agrees() {
    let scratch = tempfile::tempdir().unwrap();
    for rows in ["20", "21", "333"] {
        let output = run(&mut demo(scratch.path(), &["demo", "--rows", rows]), None).expect(0);
        assert!(output.stdout.contains(rows), "{}", output.stdout);
    }
    run(&mut demo(scratch.path(), &["demo", "--rows", "0"]), None).expect(2);
}

#[test]
fn a_kept_demo_is_a_hub_that_serves_on_and_charges_nothing_again() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("kept");
    let output = run(demo(scratch.path(), &["demo", "--rows", "50", "--keep"]).arg(&folder), None).expect(0);
    assert!(output.stdout.contains(folder.to_str().unwrap()), "{}", output.stdout);
    let hub = Hub::adopt(scratch, folder);
    hub.cmd(&["check"]).expect(0);
    let runs = hub.cmd(&["--json", "runs"]).expect(0).json_lines();
    assert!(!runs.is_empty());
    let serving = hub.serve();
    assert_eq!(serving.stop().code, 0);
    // A second demo does not write over it.
    run(demo(hub.scratch(), &["demo", "--rows", "50", "--keep"]).arg(hub.folder()), None).expect(2);
}

#[test]
fn the_demo_takes_no_secret_from_the_environment() {
    let mut demo = command();
    demo.args(["demo", "--rows", "20"])
        .env("GESHER_SECRET_OFFICEGUY_API_KEY", "a-real-key-that-must-not-be-used");
    let output = run(&mut demo, None).expect(0);
    assert!(!output.words().contains("a-real-key"));
}
