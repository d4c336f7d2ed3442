//! Sums over played cases, and the table that people read.

use super::stage::Played;
use std::collections::BTreeMap;
use std::fmt;

/// What came of many cases.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Cases.
    pub cases: usize,
    /// Kills that happened.
    pub kills: usize,
    /// Kills whose point was not passed.
    pub missed: usize,
    /// Unknown steps by cause.
    pub unknown: BTreeMap<String, usize>,
    /// Unknown steps that a look-up closed.
    pub closed: usize,
    /// Cases in which something was not as it has to be.
    pub broken: usize,
}

impl Sums {
    /// The sums.
    pub fn of(played: &[Played]) -> Self {
        let mut sums = Self::default();
        for one in played {
            sums.cases += 1;
            sums.kills += one.kills;
            sums.missed += one.missed;
            sums.closed += one.closed;
            sums.broken += usize::from(!one.violations.is_empty());
            one.unknown
                .iter()
                .for_each(|(cause, count)| *sums.unknown.entry(cause.clone()).or_default() += count);
        }
        sums
    }

    /// How many unknowns there were.
    pub fn unknowns(&self) -> usize {
        self.unknown.values().sum()
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  cases                         {:>8}", self.cases)?;
        writeln!(f, "  kills                         {:>8}", self.kills)?;
        writeln!(f, "  failpoints that were not met  {:>8}", self.missed)?;
        writeln!(f, "  unknown                       {:>8}", self.unknowns())?;
        for (cause, count) in &self.unknown {
            writeln!(f, "    {cause:<28}{count:>8}")?;
        }
        writeln!(f, "  closed by reconciliation      {:>8}", self.closed)?;
        writeln!(f, "  cases with a violation        {:>8}", self.broken)
    }
}

/// Everything about the cases that broke a rule.
pub fn broken(played: &[Played]) -> String {
    let told = |one: &Played| {
        let what: String = one.violations.iter().map(|violation| format!("    {violation}\n")).collect();
        format!("{}\n{what}", one.case)
    };
    played.iter().filter(|one| !one.violations.is_empty()).map(told).collect()
}
