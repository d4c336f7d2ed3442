//! Whether the journal says what the simulator's ledger says. Pure: two lists in, agreement or disagreements out.

use gesher_core::{Decimal, OutcomeStatus};
use std::collections::{BTreeMap, HashMap};

/// A charge as the journal has it: an intent, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Intended {
    /// The step's id.
    pub(super) step: String,
    /// What came of it; none while it is in flight.
    pub(super) status: Option<OutcomeStatus>,
    /// The payment's id.
    pub(super) reference: Option<String>,
    /// How much.
    pub(super) amount: Option<Decimal>,
    /// With whose account.
    pub(super) account: String,
}

/// A charge as the ledger has it: money that moved.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    /// The payment's id.
    pub(super) payment: String,
    /// How much.
    pub(super) amount: Decimal,
    /// In whose books.
    pub(super) account: String,
}

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Charges that succeeded, each once in the ledger.
    pub(super) succeeded: usize,
    /// Their sum.
    pub(super) sum: Decimal,
    /// How many of them each account has, and their sum.
    pub(super) by_account: BTreeMap<String, (usize, Decimal)>,
    /// Charges whose end nobody knows.
    pub(super) unknown: usize,
    /// Those of them that the ledger has.
    pub unknown_charged: usize,
    /// Charges that were declined, rejected or not sent.
    pub(super) refused: usize,
    /// What does not agree, a sentence each.
    pub(super) disagreements: Vec<String>,
}

/// Compares the two.
pub(super) fn compare(intended: &[Intended], charged: &[Charged]) -> Comparison {
    let mut found = Comparison::default();
    let mut ledger: HashMap<&str, &Charged> = HashMap::new();
    for charge in charged {
        if ledger.insert(&charge.payment, charge).is_some() {
            found.disagreements.push(format!("payment {} stands in the ledger twice", charge.payment));
        }
    }
    for intent in intended.iter().filter(|intent| intent.status == Some(OutcomeStatus::Succeeded)) {
        found.succeeded += 1;
        let charge = intent.reference.as_deref().and_then(|reference| ledger.remove(reference));
        match charge {
            Some(charge) if charge.account != intent.account => found.disagreements.push(format!(
                "step {} was charged in the books of {} and intended for {}",
                intent.step, charge.account, intent.account
            )),
            Some(charge) if Some(charge.amount) == intent.amount => {
                found.sum += charge.amount;
                let (count, sum) = found.by_account.entry(charge.account.clone()).or_default();
                *count += 1;
                *sum += charge.amount;
            }
            Some(charge) => found.disagreements.push(format!(
                "step {} was charged {} and intended {}",
                intent.step,
                charge.amount,
                intent.amount.unwrap_or_default()
            )),
            None => found
                .disagreements
                .push(format!("step {} succeeded, and the ledger has no such charge", intent.step)),
        }
    }
    let mut left: Vec<&Charged> = ledger.into_values().collect();
    left.sort_by(|one, other| one.payment.cmp(&other.payment));
    for intent in intended {
        match intent.status {
            Some(OutcomeStatus::Unknown | OutcomeStatus::Conflict) | None => {
                found.unknown += 1;
                let is_it = |charge: &&Charged| {
                    Some(charge.amount) == intent.amount && charge.account == intent.account
                };
                if let Some(at) = left.iter().position(is_it) {
                    left.remove(at);
                    found.unknown_charged += 1;
                }
            }
            Some(OutcomeStatus::Declined | OutcomeStatus::Rejected | OutcomeStatus::NotSent) => {
                found.refused += 1
            }
            Some(OutcomeStatus::Succeeded) => {}
        }
    }
    let orphans = left.iter().map(|charge| {
        format!(
            "payment {} of {} was charged, and no step of the journal stands for it",
            charge.payment, charge.amount
        )
    });
    found.disagreements.extend(orphans);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeStatus::{Declined, Succeeded, Unknown};

    fn intended(status: OutcomeStatus, reference: Option<&str>, amount: i64) -> Intended {
        Intended {
            step: "r.1.1".to_owned(),
            status: Some(status),
            reference: reference.map(str::to_owned),
            amount: Some(Decimal::from(amount)),
            account: "7".to_owned(),
        }
    }

    #[track_caller]
    fn check(intents: &[Intended], charges: &[(&str, i64)], want: &[&str]) {
        let charged: Vec<Charged> = charges
            .iter()
            .map(|(payment, amount)| Charged {
                payment: (*payment).to_owned(),
                amount: Decimal::from(*amount),
                account: "7".to_owned(),
            })
            .collect();
        assert_eq!(compare(intents, &charged).disagreements, want);
    }

    #[test]
    fn what_agrees_agrees() {
        let intents = [
            intended(Succeeded, Some("1"), 9),
            intended(Unknown, None, 5),
            intended(Unknown, None, 6),
            intended(Declined, None, 7),
        ];
        check(&intents, &[("1", 9), ("2", 5)], &[]);
        let found = compare(&intents, &[]);
        assert_eq!((found.succeeded, found.unknown, found.unknown_charged, found.refused), (1, 2, 0, 1));
    }

    #[test]
    fn a_charge_in_another_vendors_books_is_found() {
        let charged =
            [Charged { payment: "1".to_owned(), amount: Decimal::from(9), account: "8".to_owned() }];
        let found = compare(&[intended(Succeeded, Some("1"), 9)], &charged);
        assert_eq!(found.disagreements, ["step r.1.1 was charged in the books of 8 and intended for 7"]);
        let found = compare(&[intended(Unknown, None, 9)], &charged);
        assert_eq!((found.unknown_charged, found.disagreements.len()), (0, 1));
    }

    #[test]
    fn each_way_to_disagree_is_found() {
        check(
            &[intended(Succeeded, Some("1"), 9)],
            &[],
            &["step r.1.1 succeeded, and the ledger has no such charge"],
        );
        check(
            &[intended(Succeeded, None, 9)],
            &[("1", 9)],
            &[
                "step r.1.1 succeeded, and the ledger has no such charge",
                "payment 1 of 9 was charged, and no step of the journal stands for it",
            ],
        );
        check(
            &[intended(Succeeded, Some("1"), 9)],
            &[("1", 8)],
            &["step r.1.1 was charged 8 and intended 9"],
        );
        check(
            &[intended(Declined, None, 9)],
            &[("1", 9)],
            &["payment 1 of 9 was charged, and no step of the journal stands for it"],
        );
        check(
            &[intended(Unknown, None, 9)],
            &[("1", 9), ("2", 9)],
            &["payment 2 of 9 was charged, and no step of the journal stands for it"],
        );
        check(
            &[intended(Succeeded, Some("1"), 9)],
            &[("1", 9), ("1", 9)],
            &["payment 1 stands in the ledger twice"],
        );
    }
}
