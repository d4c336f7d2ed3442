//! The binary: reads the command line, runs the command, and ends with its exit code.

use clap::Parser;
use gesher::cli::Cli;
use gesher::commands::{dispatch, misread};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::ExitCode;

/// Open files and connections that a hub asks for, most first: what its calls, plugins, listeners and files may take, many
/// times over. The second is what a Mac gives to a process, which has no limit there and is refused more.
const DESCRIPTORS_WANTED: [u64; 2] = [65_536, 10_240];

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
    allow_descriptors();
    // The cryptography of every TLS connection. It can be chosen once in a process, and nothing has chosen before.
    let chosen = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(chosen.is_ok(), "nothing chooses the cryptography before main");
    let exit = Cli::try_parse().map_or_else(|error| misread(&error), dispatch);
    ExitCode::from(exit.code())
}

/// Asks for as many open files and connections as are needed and may be had. What a shell allows is often 1,024, and a
/// flow may have half as many connections open at a time, with a thread waiting at each.
fn allow_descriptors() {
    let allowed = getrlimit(Resource::Nofile);
    let least = |wanted: u64| allowed.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let more = DESCRIPTORS_WANTED.map(least).into_iter();
    let mut more = more.filter(|wanted| allowed.current.is_some_and(|current| current < *wanted));
    // Where all are refused there are fewer; whoever needs one more than there are says so.
    let _is_any =
        more.any(|wanted| setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..allowed }).is_ok());
}

/// Keeps a hub that does nothing small: a few kilobytes for each of the allocator's areas and not two megabytes.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    // A kernel without this knows no large pages, or gives them to nobody who does not ask.
    let _as_it_is = rustix::thread::disable_transparent_huge_pages(true);
}
