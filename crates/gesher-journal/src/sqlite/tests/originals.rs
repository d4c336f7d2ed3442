//! What is given back under any interleaving of intents, outcomes, closings and restarts, beside a model that adds up.

use super::*;
use crate::record::{Begin, Original, StepClose};
use gesher_core::{Currency, Decimal, Money};
use proptest::prelude::*;

/// What each of the payments took.
const TAKEN: i64 = 100;

#[derive(Clone, Debug)]
enum Act {
    Refund { payment: usize, amount: i64 },
    Finish { which: usize, status: OutcomeStatus, moved: Option<i64> },
    Close { which: usize, status: OutcomeStatus },
    Settle,
    OpenAgain,
}

fn act() -> impl Strategy<Value = Act> {
    let status = || proptest::sample::select(&OutcomeStatus::ALL[..]);
    prop_oneof![
        8 => (0..2_usize, 1..70_i64).prop_map(|(payment, amount)| Act::Refund { payment, amount }),
        5 => (0..30_usize, status(), proptest::option::of(0..70_i64))
            .prop_map(|(which, status, moved)| Act::Finish { which, status, moved }),
        3 => (0..30_usize, status()).prop_map(|(which, status)| Act::Close { which, status }),
        1 => Just(Act::Settle),
        1 => Just(Act::OpenAgain),
    ]
}

fn money(hundredths: i64) -> Money {
    Money { amount: Decimal::new(hundredths, 2), currency: Currency::ILS }
}

/// A refund as the model knows it.
struct Modelled {
    payment: usize,
    amount: i64,
    moved: Option<i64>,
    /// None while it is in flight.
    status: Option<OutcomeStatus>,
}

struct Pair {
    folder: Folder,
    journal: SqliteJournal,
    run: RunId,
    steps: Vec<Modelled>,
}

impl Pair {
    async fn new() -> Self {
        let folder = Folder::new();
        let journal = folder.open(&[]).unwrap();
        let run = begin_run(&journal).await;
        Self { folder, journal, run, steps: Vec::new() }
    }

    /// What is given back of a payment, or may be.
    fn given_back(&self, payment: usize) -> i64 {
        let counts = |step: &&Modelled| {
            step.payment == payment && step.status.is_none_or(|status| !status.leaves_key_free())
        };
        self.steps.iter().filter(counts).map(|step| step.amount.max(step.moved.unwrap_or(0))).sum()
    }

    async fn refund(&mut self, payment: usize, amount: i64) {
        let ordinal = self.steps.len() as u64 + 1;
        let mut asked = intent(&self.run, ordinal, &format!("k{ordinal}"));
        (asked.money, asked.amount) = (true, Some(money(-amount)));
        asked.original = Some(Original { reference: format!("p{payment}"), taken: money(TAKEN) });
        let before = self.given_back(payment);
        match self.journal.begin_step(asked).await.unwrap() {
            Begin::Send { .. } => {
                assert!(before + amount <= TAKEN, "{before} and {amount}");
                self.steps.push(Modelled { payment, amount, moved: None, status: None });
            }
            Begin::Exhausted(exhausted) => {
                assert!(before + amount > TAKEN, "{before} and {amount}");
                assert_eq!(exhausted.given_back, Some(money(before)));
            }
            other => panic!("{other:?}"),
        }
    }

    async fn act(&mut self, act: &Act) {
        match *act {
            Act::Refund { payment, amount } => self.refund(payment, amount).await,
            Act::Finish { which, status, moved } if which < self.steps.len() => {
                let mut finish = finish(&self.run, which as u64 + 1, status);
                finish.outcome.amount = moved.map(|moved| money(-moved));
                let finished = self.journal.finish_step(&finish).await.is_ok();
                let modelled = &mut self.steps[which];
                assert_eq!(finished, modelled.status.is_none());
                if finished {
                    (modelled.status, modelled.moved) = (Some(status), moved);
                }
            }
            Act::Close { which, status } if which < self.steps.len() => {
                let finish = finish(&self.run, which as u64 + 1, status);
                let (actor, reason) = ("dana".to_owned(), "asked".to_owned());
                let close = StepClose {
                    step: finish.step,
                    outcome: finish.outcome,
                    seen: None,
                    end: None,
                    sealed: Vec::new(),
                    vendor: None,
                    evidence: serde_json::Value::Null,
                    actor,
                    reason,
                    at: Timestamp::UNIX_EPOCH,
                };
                if self.journal.close_step(close).await.is_ok() {
                    let modelled = &mut self.steps[which];
                    (modelled.status, modelled.moved) = (Some(status), None);
                }
            }
            Act::Finish { .. } | Act::Close { .. } => {}
            Act::Settle => {
                self.journal.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap();
                for step in &mut self.steps {
                    step.status.get_or_insert(OutcomeStatus::Unknown);
                }
            }
            Act::OpenAgain => self.journal = self.folder.open(&[]).unwrap(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_gives_back_more_than_was_taken(acts in proptest::collection::vec(act(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for act in &acts {
                pair.act(act).await;
            }
        });
    }
}
