//! The binary: reads the command line, runs the command, and ends with its exit code.

use clap::Parser;
use gesher::cli::Cli;
use gesher::commands::{dispatch, misread};
use std::process::ExitCode;

pub(crate) fn main() -> ExitCode {
    // The cryptography of every TLS connection. It can be chosen once in a process, and nothing has chosen before.
    let chosen = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(chosen.is_ok(), "nothing chooses the cryptography before main");
    let exit = Cli::try_parse().map_or_else(|error| misread(&error), dispatch);
    ExitCode::from(exit.code())
}
