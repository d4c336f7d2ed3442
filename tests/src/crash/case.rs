//! One case: where the hub dies, in each of its lives, and what goes wrong at the provider. The matrix, a sample of it,
//! and cases from seeds.

use super::faults::{FAULTS, Fault, NONE};
use super::points::{POINTS, Point};
use std::fmt;

/// How long a life may take, on a machine that is busy.
const PATIENCE_SECONDS: u64 = 180;

/// Where a life of the hub ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The failpoint.
    pub point: &'static str,
    /// At which passing.
    pub nth: u64,
}

impl Kill {
    /// At that passing.
    pub const fn at(point: &Point) -> Self {
        Self { point: point.name, nth: point.nth }
    }
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// One for each life that ends early; another life follows the last.
    pub kills: Vec<Kill>,
    /// What goes wrong at the provider.
    pub fault: Fault,
    /// How many rows are in flight at most.
    pub concurrency: usize,
    /// The rule that is broken on purpose.
    pub mutant: Option<&'static str>,
    /// How long a life may take until it dies or everything is at rest.
    pub patience_seconds: u64,
    /// Whether each kill has to happen, or the case is no test of it.
    pub kills_surely: bool,
}

impl Case {
    /// A kill at that passing, under that fault.
    pub fn of(kill: Kill, fault: Fault) -> Self {
        Self {
            kills: vec![kill],
            fault,
            concurrency: 2,
            mutant: None,
            patience_seconds: PATIENCE_SECONDS,
            kills_surely: true,
        }
    }

    /// The same with a broken rule.
    pub fn broken(mut self, mutant: &'static str) -> Self {
        self.mutant = Some(mutant);
        self
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kills.is_empty() {
            write!(f, "no kill")?;
        }
        for (at, kill) in self.kills.iter().enumerate() {
            let join = if at == 0 { "" } else { ", then " };
            write!(f, "{join}{}:{}", kill.point, kill.nth)?;
        }
        write!(f, "; {}; {} in flight", self.fault.name, self.concurrency)?;
        if let Some(mutant) = self.mutant {
            write!(f, "; mutant {mutant}")?;
        }
        Ok(())
    }
}

/// Every point under every fault.
pub fn matrix() -> Vec<Case> {
    POINTS.iter().flat_map(|point| FAULTS.iter().map(|fault| Case::of(Kill::at(point), *fault))).collect()
}

/// So many cases of the matrix, always the same: every point before any comes twice, and so every fault.
pub fn sample(cases: usize) -> Vec<Case> {
    let one = |at: usize| {
        let round = at / POINTS.len();
        let point = &POINTS[at % POINTS.len()];
        Case::of(Kill::at(point), FAULTS[(at * 7 + round * 4 + 1) % FAULTS.len()])
    };
    (0..cases).map(one).collect()
}

/// A case that follows from a seed: up to three kills, at any passing, under any fault.
pub fn of_seed(seed: u64) -> Case {
    let mut chance = Chance(seed);
    let kills = 1 + chance.below(3);
    let kill = |chance: &mut Chance| {
        let point = chance.of(POINTS);
        let until = usize::try_from(point.nth).unwrap_or(1) + 1;
        Kill { point: point.name, nth: 1 + chance.below(until) as u64 }
    };
    let kills = (0..kills).map(|_| kill(&mut chance)).collect();
    let fault = if chance.below(4) == 0 { NONE } else { *chance.of(FAULTS) };
    let concurrency = 1 + chance.below(6);
    Case { kills, fault, concurrency, mutant: None, patience_seconds: PATIENCE_SECONDS, kills_surely: false }
}

/// Numbers that look like chance and follow from a seed.
#[derive(Clone, Copy, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// One of these.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).unwrap_or_default()
    }
}
