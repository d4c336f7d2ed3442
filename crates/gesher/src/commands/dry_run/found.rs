//! What runs moved, by vendor and in total, and what of it a simulated world cannot know.

use crate::error::{Doing, HubError};
use gesher_core::money::two_places;
use gesher_core::{Currency, Decimal, Effect, ItemStatus, Money, OutcomeStatus, Registry, RunId};
use gesher_engine::journal::{ItemQuery, ItemRecord, Journal, StepRecord, StepState};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Items that are read at a time.
const PAGE_ITEMS: usize = 1_000;
/// Items that did not succeed which are listed one by one; the rest is counted.
const LISTED_MAX: usize = 1_000;
/// The code of a call that a dry run does not make.
const DRY_RUN: &str = "dry_run";

/// Sums by currency.
pub(super) type Sums = BTreeMap<Currency, Decimal>;

/// What was moved for one vendor, or for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// How many times money was taken.
    pub(super) count: u64,
    /// How much.
    pub(super) sums: Sums,
    /// How much was given back.
    pub(super) given_back: Sums,
}

impl Moved {
    fn take(&mut self, money: Option<Money>) {
        self.count += 1;
        add(&mut self.sums, money);
    }

    /// As JSON.
    pub(super) fn document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("count".to_owned(), json!(self.count));
        document.insert("totals".to_owned(), sums_document(&self.sums));
        document.insert("given_back".to_owned(), sums_document(&self.given_back));
        document
    }
}

fn add(sums: &mut Sums, money: Option<Money>) {
    if let Some(money) = money {
        let sum = sums.entry(money.currency).or_default();
        *sum = sum.saturating_add(money.amount);
    }
}

/// Sums as texts with two places.
pub(super) fn sums_document(sums: &Sums) -> Value {
    Value::Object(
        sums.iter().map(|(currency, sum)| (currency.to_string(), json!(two_places(*sum)))).collect(),
    )
}

/// What was found in the steps of runs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By vendor.
    pub(super) vendors: BTreeMap<String, Moved>,
    /// Of all.
    pub(super) all: Moved,
    /// Reads that the simulated world answered, by operation.
    pub(super) reads: BTreeMap<String, u64>,
    /// Calls that a dry run does not make, by operation.
    pub(super) not_made: BTreeMap<String, u64>,
    /// Items that did not succeed, the first of them.
    pub(super) others: Vec<Value>,
}

impl Found {
    /// Looks at every step of a run.
    pub(super) async fn add_run(
        &mut self,
        journal: &dyn Journal,
        registry: &Registry,
        run: &RunId,
    ) -> Result<(), HubError> {
        let mut query = ItemQuery { run: run.clone(), status: None, after: None, limit: PAGE_ITEMS };
        loop {
            let page = journal.items(&query).await.doing("reading the run's items")?;
            for item in &page {
                self.add_item(item);
                for step in journal.steps_of(&item.id).await.doing("reading an item's steps")? {
                    self.add_step(registry, &step);
                }
            }
            let Some(last) = page.last() else { return Ok(()) };
            query.after = Some(last.id.ordinal);
        }
    }

    fn add_item(&mut self, item: &ItemRecord) {
        let Some(end) = item.end.as_ref().filter(|end| end.status != ItemStatus::Succeeded) else { return };
        if self.others.len() < LISTED_MAX {
            self.others.push(json!({
                "run": item.id.run.as_str(),
                "line": item.line,
                "key": item.key.as_ref().map(ToString::to_string),
                "status": end.status.as_str(),
                "code": end.code,
                "message": end.message,
            }));
        }
    }

    fn add_step(&mut self, registry: &Registry, step: &StepRecord) {
        let Ok(operation) = registry.find(&step.operation) else { return };
        let name = || step.operation.clone();
        if step.outcome.as_ref().and_then(|outcome| outcome.code.as_deref()) == Some(DRY_RUN) {
            *self.not_made.entry(name()).or_default() += 1;
            return;
        }
        match operation.entry.descriptor.effect {
            Effect::Read => *self.reads.entry(name()).or_default() += 1,
            Effect::Write => {}
            // A step without an attempt is a recorded answer: nothing moved.
            Effect::Money
                if step.attempt.is_some() && step.state == StepState::Over(OutcomeStatus::Succeeded) =>
            {
                let money = step.outcome.as_ref().and_then(|outcome| outcome.amount).or(step.amount);
                let of_vendor = self.vendors.entry(step.who.clone()).or_default();
                if operation.entry.takes_back.is_some() {
                    add(&mut of_vendor.given_back, money);
                    add(&mut self.all.given_back, money);
                } else {
                    of_vendor.take(money);
                    self.all.take(money);
                }
            }
            Effect::Money => {}
        }
    }

    /// How this differs from an earlier run.
    pub(super) fn since(&self, earlier: &Found) -> Difference {
        let missing_in = |one: &Found, other: &Found| {
            one.vendors.keys().filter(|name| !other.vendors.contains_key(*name)).cloned().collect::<Vec<_>>()
        };
        let mut totals = self.all.sums.clone();
        for (currency, sum) in &earlier.all.sums {
            let now = totals.entry(*currency).or_default();
            *now = now.saturating_sub(*sum);
        }
        Difference {
            count: i128::from(self.all.count) - i128::from(earlier.all.count),
            totals,
            vendors_new: missing_in(self, earlier),
            vendors_missing: missing_in(earlier, self),
        }
    }
}

/// What is another than it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// How many charges more, or fewer.
    pub(super) count: i128,
    /// How much more, or less.
    pub(super) totals: Sums,
    /// Vendors that were not charged for before.
    pub(super) vendors_new: Vec<String>,
    /// Vendors that were charged for before, and are not now.
    pub(super) vendors_missing: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(vendors: &[(&str, &[i64])]) -> Found {
        let mut found = Found::default();
        for (name, amounts) in vendors {
            for amount in *amounts {
                let money = Some(Money { amount: Decimal::new(*amount, 2), currency: Currency::ILS });
                found.vendors.entry((*name).to_owned()).or_default().take(money);
                found.all.take(money);
            }
        }
        found
    }

    #[test]
    fn a_difference_counts_charges_sums_and_vendors_both_ways() {
        let ils = |amount: i64| Sums::from([(Currency::ILS, Decimal::new(amount, 2))]);
        let (march, april) =
            (found(&[("dana", &[100, 250]), ("noa", &[50])]), found(&[("dana", &[100]), ("avi", &[1])]));
        let difference = april.since(&march);
        assert_eq!((difference.count, difference.totals), (-1, ils(-299)));
        assert_eq!(
            (difference.vendors_new, difference.vendors_missing),
            (vec!["avi".to_owned()], vec!["noa".to_owned()])
        );
        let nothing = march.since(&Found::default());
        assert_eq!((nothing.count, nothing.totals), (3, ils(400)));
        assert_eq!(sums_document(&ils(400)), json!({ "ILS": "4.00" }));
    }
}
