//! Kills at every failpoint under every fault of the provider: a sample of the matrix, and the mutants that prove that
//! the checks can fail. The whole matrix is `cargo xtask crash`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::crash::{Case, Sums, case, faults, mutants, play_all, points, table};

/// Cases of the sample: about a minute on two cores.
const SAMPLE_CASES: usize = 64;

#[track_caller]
fn all_hold(cases: &[Case]) {
    let played = play_all(cases, |_| {});
    let sums = Sums::of(&played);
    assert_eq!(sums.broken, 0, "{sums}\n{}", table::broken(&played));
    println!("{sums}");
}

#[test]
fn whatever_moment_the_hub_dies_at_the_ledger_and_the_hub_agree() {
    all_hold(&case::sample(SAMPLE_CASES));
}
