//! One function a target. Each takes any bytes at all and panics where a promise is broken: the code that reads what comes
//! from outside must answer, and must not contradict itself.
//!
//! Compiled twice: into the fuzz targets, and into the test that replays what they kept.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a panic is how a target says that something is wrong, and nobody builds on this"
)]

mod answers;
mod cron;
mod csv;
mod request;
mod script;
mod webhook;

pub use answers::answers;
pub use cron::cron;
pub use csv::csv;
pub use request::request;
pub use script::script;
pub use webhook::webhook;

use gesher_core::{Language, Provider, Registry, Secret, SystemClock};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, StampPlace};
use gesher_senzey::{CONTACTS_PATH, Senzey, SenzeyConfig, WireOptions};
use std::sync::Arc;
use std::time::Duration;

/// What a target is: whatever the bytes, it returns, or panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 6] = [
    ("answers", answers),
    ("cron", cron),
    ("csv", csv),
    ("request", request),
    ("script", script),
    ("webhook", webhook),
];

/// Every operation, of providers that nobody calls.
fn registry() -> Registry {
    let (timeout, connect_timeout) = (Duration::from_secs(2), Duration::from_secs(1));
    let base_url = || "http://127.0.0.1:9".parse().unwrap();
    let officeguy = OfficeGuy::new(OfficeGuyConfig {
        base_url: base_url(),
        company_id: 2_410_000_001,
        api_key: Secret::from("none"),
        language: Language::En,
        timeout,
        connect_timeout,
        stamp: StampPlace::End,
    });
    let senzey = Senzey::new(SenzeyConfig {
        base_url: base_url(),
        account: "none".to_owned(),
        username: Secret::from("none"),
        password: Secret::from("none"),
        timeout,
        connect_timeout,
        wire: WireOptions::default(),
        contacts_path: CONTACTS_PATH.to_owned(),
        clock: Arc::new(SystemClock::new()),
    });
    let providers: [Arc<dyn Provider>; 2] = [Arc::new(officeguy.unwrap()), Arc::new(senzey.unwrap())];
    Registry::new(&providers)
}

/// A new folder in memory, where the system has one: a target runs thousands of times in a second.
fn scratch() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The first byte, which chooses, and the rest.
fn choice(data: &[u8]) -> Option<(usize, &[u8])> {
    data.split_first().map(|(first, rest)| (usize::from(*first), rest))
}
