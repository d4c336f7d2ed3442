//! `gesher demo`: the whole job on this machine with nothing set up.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::Hub;
use gesher_tests::files::names_in;
use gesher_tests::program::{command, run};

/// What a row can end as.
const STATUSES: [&str; 10] = [
    "succeeded",
    "declined",
    "invalid",
    "rejected",
    "not_sent",
    "incomplete",
    "unknown",
    "duplicate",
    "skipped",
    "cancelled",
];

#[test]
fn the_demo_shows_every_status_finds_that_the_books_agree_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let output = run(command().arg("demo").current_dir(&scratch).env("TMPDIR", scratch.path()), None);
    assert_eq!(output.code, 0, "{output:#?}");
    for status in STATUSES {
        assert!(output.stdout.contains(status), "`{status}` is missing: {}", output.stdout);
    }
    assert!(output.stdout.contains("200") && output.stdout.contains(".result.csv"), "{}", output.stdout);
    assert_eq!(names_in(scratch.path()), Vec::<String>::new());
}

#[test]
fn the_demo_speaks_json() {
    let output = run(command().args(["--json", "demo", "--rows", "30"]), None).expect(0);
    let document = output.json();
    assert!(document.is_object(), "{document}");
}

#[test]
fn a_demo_of_any_size_agrees() {
    for rows in ["20", "21", "333"] {
        let output = run(command().args(["demo", "--rows", rows]), None).expect(0);
        assert!(output.stdout.contains(rows), "{}", output.stdout);
    }
    run(command().args(["demo", "--rows", "3"]), None).expect(2);
}

#[test]
fn a_kept_demo_is_a_hub_that_serves_on_and_charges_nothing_again() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("kept");
    let output = run(command().args(["demo", "--rows", "50", "--keep"]).arg(&folder), None).expect(0);
    assert!(output.stdout.contains(folder.to_str().unwrap()), "{}", output.stdout);
    let hub = Hub::adopt(scratch, folder);
    hub.cmd(&["check"]).expect(0);
    let runs = hub.cmd(&["--json", "runs"]).expect(0).json_lines();
    assert!(!runs.is_empty());
    let serving = hub.serve();
    assert_eq!(serving.stop().code, 0);
    // A second demo does not write over it.
    run(command().args(["demo", "--rows", "50", "--keep"]).arg(hub.folder()), None).expect(2);
}

#[test]
fn the_demo_takes_no_secret_from_the_environment() {
    let mut demo = command();
    demo.args(["demo", "--rows", "20"])
        .env("GESHER_SECRET_OFFICEGUY_API_KEY", "a-real-key-that-must-not-be-used");
    let output = run(&mut demo, None).expect(0);
    assert!(!output.words().contains("a-real-key"));
}
