//! `cargo xtask lint`: every check that runs no test, stopping at the first that finds something.

use crate::shell::{self, Failure, Workspace};
use crate::{generate, tidy};

/// A check: what it is called, what it does, and how one mends what it finds.
struct Check {
    heading: &'static str,
    run: fn(&Workspace) -> Result<(), Failure>,
    mend: &'static str,
}

const CHECKS: &[Check] = &[
    Check { heading: "format", run: format, mend: "run `cargo fmt --all`" },
    Check { heading: "clippy", run: clippy, mend: "mend what clippy says above" },
    Check { heading: "documentation", run: documentation, mend: "mend what rustdoc says above" },
    Check {
        heading: "tidy",
        run: |workspace| tidy::run(workspace, &[]),
        mend: "mend the lines above; `cargo xtask tidy` checks again",
    },
    Check {
        heading: "generated pages",
        run: |workspace| generate::run(workspace, &["--check".to_owned()]),
        mend: "then look at what it changed",
    },
];

/// Runs the checks in order. Under `CI=true` it also wants the tree unchanged, since what ran before leaves no trace.
pub(crate) fn run(workspace: &Workspace, _: &[String]) -> Result<(), Failure> {
    for check in CHECKS {
        shell::timed(check.heading, || (check.run)(workspace))
            .map_err(|failure| Failure::fault(format!("{}: {failure}; {}", check.heading, check.mend)))?;
    }
    if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        shell::timed("no trace", || unchanged(workspace))?;
    }
    println!("lint: {} checks passed", CHECKS.len());
    Ok(())
}

fn format(workspace: &Workspace) -> Result<(), Failure> {
    shell::run(&mut workspace.cargo(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    shell::run(&mut workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation(workspace: &Workspace) -> Result<(), Failure> {
    let mut command = workspace.cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn unchanged(workspace: &Workspace) -> Result<(), Failure> {
    shell::run(workspace.command("git").args(["diff", "--quiet"])).map_err(|_| {
        Failure::fault("tests or checks changed files under version control: `git diff --stat` names them")
    })
}
