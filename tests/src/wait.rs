//! Waiting for something to become true, without reading a clock: so many looks, a short sleep between them.

use std::thread::sleep;
use std::time::Duration;

/// Between two looks.
const LOOK_MS: u64 = 20;
/// So many times longer than a test thinks may a busy machine with a slow disk take. Whoever waits in vain waits longer;
/// nobody else does.
const PATIENCE: u64 = 4;

/// Looks until `probe` answers something; nothing when that takes much more than about `seconds`, which is meant for a
/// machine that does nothing else.
pub fn look<T>(seconds: u64, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    (0..seconds * PATIENCE * 1000 / LOOK_MS).find_map(|_| {
        let found = probe();
        if found.is_none() {
            sleep(Duration::from_millis(LOOK_MS));
        }
        found
    })
}

/// The same, and fails when it is in vain.
#[track_caller]
pub fn until<T>(what: &str, seconds: u64, probe: impl FnMut() -> Option<T>) -> T {
    look(seconds, probe).unwrap_or_else(|| panic!("waited {} s in vain: {what}", seconds * PATIENCE))
}

/// Gives the hub time to do what it must not do.
pub fn nap(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}
