//! The page about webhooks, run as it is written: its `sh` blocks, in order, in one shell, by somebody who has only them.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::program::{command, run, workspace};
use gesher_tests::{gesher, pages, skip};
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Where a new hub listens, and where its webhooks do on the page.
const PORTS: [u16; 2] = [7878, 7879];
/// What the page calls beside the hub.
const TOOLS: [&str; 2] = ["/usr/bin/curl", "/usr/bin/openssl"];

#[test]
fn every_block_of_the_page_runs_as_written() {
    let name = "every_block_of_the_page_runs_as_written";
    // Whoever reads a page that names ports waits for the others.
    let lock = File::create(std::env::temp_dir().join("gesher-readme-test.lock")).unwrap();
    lock.lock().unwrap();
    if PORTS.iter().any(|port| TcpListener::bind(("127.0.0.1", *port)).is_err()) {
        return skip(name, "somebody else listens where a new hub does");
    }
    if let Some(missing) = TOOLS.iter().find(|tool| !Path::new(tool).exists()) {
        return skip(name, &format!("{missing} is missing"));
    }
    let text = std::fs::read_to_string(workspace().join("docs/webhooks.md")).unwrap();
    assert_eq!(pages::blocks(&text, "sh").len(), 4);
    let scratch = tempfile::tempdir().unwrap();
    let tools = scratch.path().join("bin");
    std::fs::create_dir(&tools).unwrap();
    std::os::unix::fs::symlink(gesher(), tools.join("gesher")).unwrap();
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(pages::script(&text)).current_dir(scratch.path()).env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    let output = run(&mut bash, None);
    assert_eq!(output.code, 0, "{output:#?}");
    let answers: Vec<&str> =
        output.stdout.lines().filter(|line| ["202", "200", "409"].contains(line)).collect();
    assert_eq!(answers, ["202", "200", "409"], "{output:#?}");
    assert!(
        output.stdout.contains("not accepted (the sender hears 401): the signature fits none"),
        "{output:#?}"
    );
    assert!(output.stdout.contains("refused: 1"), "{output:#?}");
    // The page looks right after the delivery, which may still be at work then; the stop has waited for it.
    let vendors = run(command().arg("--hub").arg(scratch.path().join("h")).arg("vendors"), None).stdout;
    let danas = vendors.lines().filter(|line| line.trim_start().starts_with("dana ")).count();
    assert_eq!(danas, 1, "{vendors} {output:#?}");
    assert!(!output.stdout.contains("whsec_"), "a secret was printed");
}
