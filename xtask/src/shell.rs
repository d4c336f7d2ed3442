//! What every command shares: the workspace's folder, cargo calls in it, and the one failure type.
//!
//! It runs programs and reports how they ended. It does not know what any of them is for.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

/// Why a command stopped, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    what: String,
}

impl Failure {
    /// A check that found a fault, or a program that failed: exit code 1.
    pub(crate) fn fault(what: impl Into<String>) -> Self {
        Self { code: 1, what: what.into() }
    }

    /// A fault that the command has already told in full: exit code 1 and no further line.
    pub(crate) fn told() -> Self {
        Self { code: 1, what: String::new() }
    }

    /// A wrong call, or a machine that lacks something: exit code 2.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { code: 2, what: what.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Cargo names this package's folder to the programs it runs; its parent is the workspace.
    pub(crate) fn find() -> Result<Self, Failure> {
        std::env::var_os("CARGO_MANIFEST_DIR")
            .and_then(|xtask| PathBuf::from(xtask).parent().map(PathBuf::from))
            .map(|root| Self { root })
            .ok_or_else(|| Failure::usage("start this program as `cargo xtask`"))
    }

    /// The program, to be run in the workspace's folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs this program, with these arguments.
    pub(crate) fn cargo<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo);
        command.args(arguments);
        command
    }

    /// What `cargo metadata` says about the workspace's own packages.
    pub(crate) fn metadata(&self) -> Result<Value, Failure> {
        let mut command = self.cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let text = output(&mut command)?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::fault(format!("`cargo metadata` is not JSON: {error}")))
    }
}

/// Runs a program with this terminal's input and output. Any end but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = shown(command);
    let status =
        command.status().map_err(|error| Failure::fault(format!("could not start `{line}`: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::fault(format!("`{line}` failed ({status})"))) }
}

/// Runs a program and returns what it printed. Its errors go to this terminal.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let line = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::fault(format!("could not start `{line}`: {error}")))?;
    if !output.status.success() {
        return Err(Failure::fault(format!("`{line}` failed ({})", output.status)));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::fault(format!("`{line}` printed something else than UTF-8")))
}

/// Prints a heading, does the work, and prints how long it took.
pub(crate) fn timed<T>(heading: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    println!("== {heading}");
    let start = now();
    let result = work();
    let verdict = if result.is_ok() { "took" } else { "failed after" };
    println!("== {heading}: {verdict} {:.1?}\n", start.elapsed());
    result
}

#[allow(
    clippy::disallowed_methods,
    reason = "the hub's clock is for the hub; this program only times its own steps"
)]
fn now() -> Instant {
    Instant::now()
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    command.get_args().fold(name, |line, argument| format!("{line} {}", argument.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_without_its_folder() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exit 3"]);
        let failure = run(&mut command).unwrap_err();
        assert_eq!(failure.code, 1);
        assert_eq!(failure.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn output_is_what_the_program_printed() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "printf שלום"]);
        assert_eq!(output(&mut command).unwrap(), "שלום");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure_that_names_it() {
        let failure = run(&mut Command::new("gesher-no-such-program")).unwrap_err();
        assert!(failure.to_string().starts_with("could not start `gesher-no-such-program`"), "{failure}");
    }
}
