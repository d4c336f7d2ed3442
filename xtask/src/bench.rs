//! `cargo xtask bench`: builds the hub for release and runs the benchmark against it.
//!
//! What is measured, and against what, is the benchmark's own: the `bench` program of `gesher-tests`.

use crate::setup;
use crate::shell::{self, Failure, Workspace};

/// The hub is built in a call of its own, so that it is the very program that `cargo run --release` gives a user.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if let Err(missing) = setup::install_missing(workspace, setup::BENCHMARK) {
        // The other figures are worth having all the same; the report says what is left out.
        eprintln!("xtask: {missing}");
    }
    shell::run(&mut workspace.cargo(["build", "--release", "-p", "gesher"]))?;
    // The library that the part about plugins calls. It is looked for beside the programs.
    let library = ["build", "--release", "-p", "gesher-plugin", "--example", "echo"];
    shell::run(&mut workspace.cargo(library))?;
    let bench = ["run", "--release", "--quiet", "-p", "gesher-tests", "--bin", "bench", "--"];
    shell::run(workspace.cargo(bench).args(arguments))
}
