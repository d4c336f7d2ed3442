//! The same program as `main.rs`, built with failpoints and mutants: what the crash tests kill.

#[path = "main.rs"]
mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
