//! The page about plugins, typed as it is written: its `sh` blocks, in order, in one shell, by somebody who has a checkout, a
//! toolchain and the program. So a plugin in Rust and one in C are made from nothing, built, looked at, and called.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::program::{command, run, workspace};
use gesher_tests::{gesher, pages, skip};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Stands before the real cargo: what is built is the same, without asking the network which versions there are and without
/// taking time to make it fast.
const CARGO: &str = r#"#!/usr/bin/env bash
set -euo pipefail
cp -n "$GESHER/Cargo.lock" . || true
ln -sfn "$BUILT" target
export CARGO_TARGET_DIR="$BUILT" CARGO_PROFILE_RELEASE_OPT_LEVEL=0
# Everything that it rests on is built once.
if [ "$1" = test ]; then set -- test --release; fi
exec "$REAL_CARGO" "$@" --offline
"#;

/// What this test hands down of its own environment, so that a compiler works.
const KEPT: [&str; 6] = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "PATH"];

#[test]
fn every_block_of_the_page_runs_as_written() {
    if !Path::new("/usr/bin/gcc").exists() {
        return skip("plugins_page::every_block_of_the_page_runs_as_written", "there is no gcc");
    }
    let scratch = tempfile::tempdir().unwrap();
    let (shim, home) = (scratch.path().join("shim"), scratch.path().join("home"));
    std::fs::create_dir_all(&shim).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(shim.join("cargo"), CARGO).unwrap();
    std::fs::set_permissions(shim.join("cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink(gesher(), shim.join("gesher")).unwrap();
    let own = std::env::current_exe().unwrap();
    let built = own.parent().unwrap().parent().unwrap().parent().unwrap().join("scaffolded");

    let page = std::fs::read_to_string(workspace().join("docs/plugins.md")).unwrap();
    assert_eq!(pages::blocks(&page, "sh").len(), 5, "a block was added or taken out");
    let script = pages::script(&page);
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(&home).env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            bash.env(name, value);
        }
    }
    // By its name alone the one in front of it would find itself.
    let real_cargo = std::env::var_os("CARGO").unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    bash.env("PATH", format!("{}:{path}", shim.display()))
        .env("GESHER", workspace())
        .env("BUILT", &built)
        .env("REAL_CARGO", real_cargo)
        // A toolchain that lacks something is a failure here, and not mended behind the back of whoever uses it.
        .env("RUSTUP_AUTO_INSTALL", "0");
    let output = run(&mut bash, None);
    assert_eq!(output.code, 0, "{output:#?}");
    let words = output.words();
    for part in [
        "2 passed",
        "my_plugin.greet",
        "sha256 = \"",
        "no faults in",
        "Shalom Dana",
        "my_plugin::greet",
        "this is another library",
        "refused: 2",
        "greeting 1.0.0",
        "Shalom Noa",
        "asked through C: succeeded",
    ] {
        assert!(words.contains(part), "`{part}` is missing in: {output:#?}");
    }

    // What is there is not written over, and what a program reads stands in JSON.
    let folder = home.join("my-plugin");
    let again = run(command().args(["plugins", "new"]).arg(&folder), None);
    assert!(again.code == 2 && again.stderr.contains("not empty"), "{again:#?}");
    let library = folder.join("target/release/libmy_plugin.so");
    let inspected = run(command().args(["--json", "plugins", "inspect"]).arg(library), None).json();
    assert_eq!(inspected["operations"][0]["name"], "my_plugin.greet", "{inspected:#}");
}
