//! Waiting for something to become true, without reading a clock: so many looks, a short sleep between them.

use std::thread::sleep;
use std::time::Duration;

/// Between two looks.
const LOOK_MS: u64 = 20;

/// Looks until `probe` answers something; fails when that takes more than about `seconds`.
#[track_caller]
pub fn until<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Option<T>) -> T {
    for _ in 0..seconds * 1000 / LOOK_MS {
        if let Some(found) = probe() {
            return found;
        }
        sleep(Duration::from_millis(LOOK_MS));
    }
    panic!("waited {seconds} s in vain: {what}");
}

/// Gives the hub time to do what it must not do.
pub fn nap(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}
