//! The crash tests: a hub that is killed at chosen points under chosen faults, and what must be true of it afterwards.
//!
//! A [`Case`] says where the hub dies and what goes wrong at the provider. [`stage`] plays it: a hub in a folder of its
//! own, a simulator in a process of its own whose ledger outlives every kill, a small file, kills, restarts, until
//! nothing moves any more. [`check`] then compares, from outside, what was really charged with what the hub says. What
//! is checked and why is in `docs/crash-testing.md`.

pub mod case;
pub mod check;
pub mod evidence;
pub mod faults;
pub mod long;
pub mod mutants;
pub mod points;
pub mod rows;
pub mod stage;
pub mod table;

pub use case::{Case, Kill};
pub use check::Violation;
pub use stage::Played;
pub use table::Sums;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases that are played at a time. Most of a case is waiting.
pub const PLAYED_AT_A_TIME: usize = 4;

/// Plays all cases, some at a time, and answers what came of each, in their order. `told` hears of each as it ends.
pub fn play_all(cases: &[Case], told: impl Fn(&Played) + Sync) -> Vec<Played> {
    play_while(cases, || true, told)
}

/// The same, and begins no further case once `goes_on` says no.
pub fn play_while(
    cases: &[Case],
    goes_on: impl Fn() -> bool + Sync,
    told: impl Fn(&Played) + Sync,
) -> Vec<Played> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::with_capacity(cases.len()));
    std::thread::scope(|scope| {
        for _ in 0..PLAYED_AT_A_TIME.min(cases.len()) {
            scope.spawn(|| {
                while let Some((at, case)) = {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    cases.get(at).filter(|_| goes_on()).map(|case| (at, case))
                } {
                    let one = stage::play(case);
                    told(&one);
                    played.lock().unwrap().push((at, one));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|(at, _)| *at);
    played.into_iter().map(|(_, one)| one).collect()
}
