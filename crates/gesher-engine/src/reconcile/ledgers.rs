//! Whole ledgers of a provider, invented: whatever they hold, a step is closed as done by its own payment only.
//!
//! The provider is played as it is: payments of our steps and of strangers, named by an id or by an address, with VAT
//! added or not, documents that come late, a clock that differs.

use super::decide::{Sibling, StepFacts, Verdict, decide};
use gesher_core::look_up::{Agreement, Candidate, Stamp, Stamped};
use gesher_core::{Outcome, OutcomeStatus, StepId, Text};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

/// Minutes for which a record can come after its intent, and by which clocks may differ.
const LATE_MAX: i64 = 30;
const SKEW_MAX: i64 = 5;

/// A step as it was asked for, and what became of it.
#[derive(Clone, Debug)]
struct Asked {
    /// Minutes from the intent of the step that is looked up.
    at: i64,
    customer: u8,
    /// Whether the request names the customer by the provider's id, so that it can always be compared.
    by_id: bool,
    /// 100 with VAT on it, which may come to 100 or to 118; else 118 flat.
    adds_vat: bool,
    stamped: bool,
    /// Minutes after the intent, and whether VAT was added; none where it was never done.
    done: Option<(i64, bool)>,
    /// Whether its document cannot be read yet.
    unread: bool,
    /// Whether its answer came: then it is not open, and its payment is taken.
    answered: bool,
    /// Whether it was there when the provider was asked.
    compared: bool,
}

/// A payment that no step asked for.
#[derive(Clone, Debug)]
struct Foreign {
    at: i64,
    customer: u8,
    sum: i64,
    unread: bool,
}

fn asked(at: impl Strategy<Value = i64>) -> impl Strategy<Value = Asked> {
    let done = prop::option::of((0..=LATE_MAX, any::<bool>()));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (at, 0..2_u8, done, flags).prop_map(|(at, customer, done, flags)| {
        let (by_id, adds_vat, stamped, unread, answered, compared) = flags;
        Asked {
            at,
            customer,
            by_id,
            adds_vat,
            stamped,
            done,
            unread,
            answered: answered && done.is_some(),
            compared,
        }
    })
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let at = prop_oneof![-60..60_i64, -10_000..20_000_i64];
    (at, 0..2_u8, prop_oneof![Just(100_i64), Just(118)], any::<bool>())
        .prop_map(|(at, customer, sum, unread)| Foreign { at, customer, sum, unread })
}

fn time(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
}

fn id(ordinal: usize) -> StepId {
    format!("k7mq2xd.{ordinal}.1").parse().unwrap()
}

impl Asked {
    fn facts(&self, ordinal: usize) -> StepFacts {
        let stamp = self.stamped.then(|| Stamp::of(&id(ordinal)));
        StepFacts { stamp, intent_at: time(self.at) }
    }

    fn sum_fits(&self, sum: i64) -> Agreement {
        if sum == 118 || sum == 100 && self.adds_vat { Agreement::Yes } else { Agreement::No }
    }

    /// How the customer of a payment fits, whose names the provider may not have told.
    fn fits(&self, customer: u8, named: bool) -> Agreement {
        match (self.by_id || named, customer == self.customer) {
            (false, _) => Agreement::CannotTell,
            (true, true) => Agreement::Yes,
            (true, false) => Agreement::No,
        }
    }
}

/// What the provider shows of a payment to somebody who looks for the first of `steps`.
fn shown(steps: &[Asked], reference: &str, payment: &Foreign, stamped: Stamped, named: bool) -> Candidate {
    let (own, others) = steps.split_first().unwrap();
    let could_be = |other: &Asked| {
        other.sum_fits(payment.sum) != Agreement::No && other.fits(payment.customer, named) != Agreement::No
    };
    Candidate {
        reference: reference.to_owned(),
        document: None,
        at: Some(time(payment.at)),
        amount: format!("{}.00 ILS", payment.sum).parse().ok(),
        amount_agrees: own.sum_fits(payment.sum),
        pending: own.stamped && stamped == Stamped::Unread,
        stamped,
        agrees: own.fits(payment.customer, named),
        also: (1..)
            .zip(others)
            .filter(|(_, other)| could_be(other))
            .map(|(ordinal, _)| id(ordinal))
            .collect(),
        outcome: Outcome::new(OutcomeStatus::Succeeded, "000", Text::default()),
        evidence: Value::Null,
    }
}

/// Whether nobody could tell a stranger's payment from the step's own: the same customer, sum and time, and no text that
/// speaks against it.
fn is_a_double(own: &Asked, foreign: &Foreign, skew: i64) -> bool {
    let in_time = (-SKEW_MAX..=LATE_MAX + SKEW_MAX).contains(&(foreign.at + skew));
    in_time
        && own.customer == foreign.customer
        && own.sum_fits(foreign.sum) == Agreement::Yes
        && (foreign.unread || !own.stamped)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_step_is_closed_by_its_own_payment_only(
        own in asked(Just(0_i64)),
        others in prop::collection::vec(asked(-60..60_i64), 0..4),
        strangers in prop::collection::vec(foreign(), 0..4),
        skew in -SKEW_MAX..=SKEW_MAX,
        named in any::<bool>(),
    ) {
        let own = Asked { answered: false, ..own };
        let steps: Vec<Asked> = std::iter::once(own.clone()).chain(others).collect();
        let (mut ledger, mut taken) = (Vec::new(), Vec::new());
        for (ordinal, step) in steps.iter().enumerate() {
            let Some((late, vat)) = step.done else { continue };
            let sum = if step.adds_vat && !vat { 100 } else { 118 };
            let payment = Foreign { at: step.at + late + skew, customer: step.customer, sum, unread: step.unread };
            let text = if step.stamped { Stamped::As(Stamp::of(&id(ordinal))) } else { Stamped::Not };
            let stamped = if step.unread { Stamped::Unread } else { text };
            ledger.push(shown(&steps, &ordinal.to_string(), &payment, stamped, named));
            if step.answered {
                taken.push(ordinal.to_string());
            }
        }
        for (place, stranger) in strangers.iter().enumerate().filter(|(_, one)| !is_a_double(&own, one, skew)) {
            let payment = Foreign { at: stranger.at + skew, ..stranger.clone() };
            let stamped = if stranger.unread { Stamped::Unread } else { Stamped::Not };
            ledger.push(shown(&steps, &format!("stranger {place}"), &payment, stamped, named));
        }
        let (from, until) = own.facts(0).near();
        let open = (1..).zip(&steps[1..]).filter(|(_, step)| {
            !step.answered && (from..=until).contains(&time(step.at))
        });
        let siblings: Vec<Sibling> = open
            .map(|(ordinal, step)| Sibling {
                id: id(ordinal), facts: step.facts(ordinal), compared: step.compared,
            })
            .collect();
        // Its own text decides wherever it can be read.
        let found = decide(&own.facts(0), &ledger, &taken, &siblings);
        if let Verdict::One(one) = &found {
            prop_assert!(one.reference == "0", "closed by {}", one.reference);
        }
        // Alone in the ledger, with nobody else to be thought of, it is found.
        let alone = ledger.len() == 1 && siblings.is_empty() && (named || own.by_id);
        if alone && own.done.is_some() {
            prop_assert!(matches!(found, Verdict::One(_)), "{found:?}");
        }
    }
}
