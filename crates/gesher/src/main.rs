//! The binary: reads the command line, runs the command, and ends with its exit code.

use clap::Parser;
use gesher::cli::Cli;
use gesher::commands::{dispatch, misread};
use std::process::ExitCode;

/// A row is hundreds of small objects, made on one thread and often dropped on another; the C library's allocator takes
/// a fifth of a row's processor time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) fn main() -> ExitCode {
    // A plugin's process is begun with nothing else, before it has anything that a plugin should not see.
    if std::env::args_os().nth(1).is_some_and(|word| word == "plugin-host") {
        return ExitCode::from(gesher_plugin_host::child::run());
    }
    use_small_pages();
    // The cryptography of every TLS connection. It can be chosen once in a process, and nothing has chosen before.
    let chosen = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(chosen.is_ok(), "nothing chooses the cryptography before main");
    let exit = Cli::try_parse().map_or_else(|error| misread(&error), dispatch);
    ExitCode::from(exit.code())
}

/// Keeps a hub that does nothing small: a few kilobytes for each of the allocator's areas and not two megabytes.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    // A kernel without this knows no large pages, or gives them to nobody who does not ask.
    let _as_it_is = rustix::thread::disable_transparent_huge_pages(true);
}
