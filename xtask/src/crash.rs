//! `cargo xtask crash`: the long form of the crash tests.
//!
//! What is played and checked is the matter of the `crash` program of `gesher-tests`; `docs/crash-testing.md` tells.

use crate::shell::{self, Failure, Workspace};
use std::path::Path;

/// The program with failpoints and mutants. It has a name of its own, so the one that people use stays as it is.
const CRASH_PROGRAM: [&str; 6] =
    ["build", "--workspace", "--bin", "gesher-crash", "--features", "gesher/failpoints,gesher/mutants"];

/// Builds the program that the crash tests kill.
pub(crate) fn build_program(workspace: &Workspace) -> Result<(), Failure> {
    shell::run(&mut workspace.cargo(CRASH_PROGRAM))
}

/// Builds everything with the words of `cargo xtask test`, so that nothing is compiled twice, and plays.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    shell::run(&mut workspace.cargo(["build", "--workspace", "--tests", "--bins"]))?;
    build_program(workspace)?;
    let metadata = workspace.metadata()?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let built = Path::new(target).join("debug");
    let mut crash = workspace.command(built.join("crash"));
    crash.env("GESHER_TEST_PROGRAM", built.join("gesher"));
    crash.env("GESHER_TEST_CRASH_PROGRAM", built.join("gesher-crash"));
    shell::run(crash.args(arguments))
}
