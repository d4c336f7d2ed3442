//! The README files, run as they are written: every `sh` block, in order, in one shell, by somebody who has only them.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::files::{names_in, result_rows};
use gesher_tests::program::{run, workspace};
use gesher_tests::{gesher, skip};
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A new hub listens here, as its `gesher.toml` says.
const DEFAULT_PORT: u16 = 7878;

/// Stands for `cargo`: knows the calls of the README, and nothing else.
const CARGO: &str = r#"#!/usr/bin/env bash
# Everything that the README asks cargo for is built already; running all tests from within a test would never end.
echo "$*" >> "$SHIM/cargo-calls"
case "$*" in
    "run --release -- "*) shift 3; exec "$PROGRAM" "$@" ;;
    "xtask test") ;;
    "install --path crates/gesher") ln -s "$PROGRAM" "$SHIM/gesher" ;;
    *) echo "cargo $*: not what a reader of this test expected" >&2; exit 97 ;;
esac
"#;

/// The `sh` blocks of a text, in order.
fn blocks(text: &str) -> String {
    let mut script = String::from("set -euo pipefail\n");
    let mut inside = false;
    for line in text.lines() {
        match (inside, line.trim_end()) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, line) => {
                script.push_str(line);
                script.push('\n');
            }
            (false, line) => assert!(!line.starts_with("```"), "a block that this test does not run: {line}"),
        }
    }
    assert!(!inside, "a block is not closed");
    script
}

/// Runs the blocks of one README and looks at what is there afterwards.
fn check(name: &str, student: &str) {
    // Two readers on one machine would meet on the port of a new hub, also those of another checkout.
    let lock = File::create(std::env::temp_dir().join("gesher-readme-test.lock")).unwrap();
    lock.lock().unwrap();
    if TcpListener::bind(("127.0.0.1", DEFAULT_PORT)).is_err() {
        return skip(name, "somebody else listens on the port of a new hub");
    }

    let scratch = tempfile::tempdir().unwrap();
    let (shim, home) = (scratch.path().join("shim"), scratch.path().join("checkout"));
    std::fs::create_dir(&shim).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::fs::write(shim.join("cargo"), CARGO).unwrap();
    std::fs::set_permissions(shim.join("cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();

    let script = blocks(&std::fs::read_to_string(workspace().join(name)).unwrap());
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(&home).env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", shim.display()))
        .env("SHIM", &shim)
        .env("TMPDIR", scratch.path())
        .env("PROGRAM", gesher());
    let output = run(&mut bash, None);
    assert_eq!(output.code, 0, "{name}: {output:#?}");
    let calls = std::fs::read_to_string(shim.join("cargo-calls")).unwrap();
    assert_eq!(calls, "run --release -- demo\nxtask test\ninstall --path crates/gesher\n");
    assert!(!output.words().contains("not-a-real-key"), "a secret was printed");
    assert!(output.stdout.contains("officeguy.api_key"));

    let charges = result_rows(&home.join("h/inbox/charges/done"), "charges");
    assert!(charges.iter().filter(|row| row.status() == "succeeded").count() >= 5, "{charges:#?}");
    let retry = names_in(&home.join("h/inbox/charges/done"));
    assert!(retry.iter().any(|name| name.ends_with(".retry.csv")), "the sample has rows to mend: {retry:?}");
    let tuition = result_rows(&home.join("h/inbox/tuition/done"), "tuition");
    assert_eq!(tuition.len(), 2);
    for row in &tuition {
        assert_eq!(row.status(), "succeeded", "{row:?}");
        assert!(["17", "18"].contains(&row.get(student)));
    }
    assert!(home.join("tuition.csv").exists(), "`run --file` leaves the file where it was");
}

#[test]
fn every_block_of_the_readme_runs_as_written() {
    check("README.md", "pupil");
}

#[test]
fn every_block_of_the_hebrew_readme_runs_as_written() {
    check("README.he.md", "תלמיד");
}

#[test]
fn every_page_is_linked_from_the_readme_files() {
    for name in ["README.md", "README.he.md"] {
        let text = std::fs::read_to_string(workspace().join(name)).unwrap();
        let pages = names_in(&workspace().join("docs")).into_iter().filter(|page| page.ends_with(".md"));
        let unlinked: Vec<String> = pages.filter(|page| !text.contains(&format!("(docs/{page})"))).collect();
        assert!(unlinked.is_empty(), "{name} does not lead to {unlinked:?}");
    }
}

#[test]
fn every_file_that_the_readme_files_link_to_exists() {
    for name in ["README.md", "README.he.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(workspace().join(name)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let is_file = !link.contains("://") && !link.starts_with('#');
            assert!(!is_file || workspace().join(link).exists(), "{name} links to {link}");
        }
    }
}
