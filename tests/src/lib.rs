//! What the black-box tests share: the program under test, hub folders, result files, and a provider of our own.
//!
//! Nothing here knows how Gesher works inside: a test sees files, sockets, exit codes and printed words, as a user
//! does. Each capability has one file under `tests/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of this crate is test code: whatever goes wrong here fails the test that asked for it"
)]

pub mod books;
pub mod clock;
pub mod crash;
pub mod disk;
pub mod fake;
pub mod files;
pub mod hooks;
pub mod hub;
pub mod libraries;
pub mod pages;
pub mod program;
pub mod serve;
pub mod wait;

pub use disk::SmallDisk;
pub use fake::{FakeProvider, Received, Reply};
pub use files::{Done, Failed, Row};
pub use hub::{API_KEY, COMPANY_ID, Hub, charges_csv};
pub use program::{Output, gesher};
pub use serve::{Background, Serving, simulate};
pub use wait::{nap, until};

use std::io::Write;

/// Writes down that a test cannot run on this machine, so that it is counted as skipped and not as passed.
pub fn skip(name: &str, reason: &str) {
    if let Some(path) = std::env::var_os("GESHER_TEST_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{name}: {reason}").unwrap();
    }
}

/// Whether the tests run as root, whom no file permission stops.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
