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

/// What is played: the crash program of the tests, and the hub without and with its failpoints.
const PLAYED: [&str; 3] = ["crash", "gesher", "gesher-crash"];

/// Builds everything with the words of `cargo xtask test`, so that nothing is compiled twice, and plays. It plays copies:
/// it takes long, and a build beside it must not change what it kills.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    shell::run(&mut workspace.cargo(["build", "--workspace", "--tests", "--bins"]))?;
    build_program(workspace)?;
    let metadata = workspace.metadata()?;
    let target = Path::new(metadata["target_directory"].as_str().unwrap_or("target"));
    let copies = target.join("crash");
    std::fs::create_dir_all(&copies).map_err(|error| unusable(&copies, &error))?;
    for name in PLAYED {
        let copy = copies.join(name);
        // A copy that is being played is left to whoever plays it.
        if copy.exists() {
            std::fs::remove_file(&copy).map_err(|error| unusable(&copy, &error))?;
        }
        std::fs::copy(target.join("debug").join(name), &copy).map_err(|error| unusable(&copy, &error))?;
    }
    let mut crash = workspace.command(copies.join("crash"));
    crash.env("GESHER_TEST_PROGRAM", copies.join("gesher"));
    crash.env("GESHER_TEST_CRASH_PROGRAM", copies.join("gesher-crash"));
    shell::run(crash.args(arguments))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::fault(format!("{}: {error}", path.display()))
}
