//! Limits under any interleaving of intents, outcomes, closings and restarts, beside a model that adds up.

use super::*;
use crate::record::{Begin, DayLimit, LimitScope, Limits, StepClose};
use gesher_core::{Currency, Decimal, Money};
use proptest::prelude::*;

/// A day of the model, in seconds.
const DAY: i64 = 100;

#[derive(Clone, Debug)]
enum Act {
    Begin {
        run: usize,
        amount: i64,
        second: i64,
        per_run: Option<i64>,
        per_day: Option<i64>,
    },
    Finish {
        which: usize,
        status: OutcomeStatus,
    },
    Close {
        which: usize,
        status: OutcomeStatus,
        beside: bool,
    },
    Settle,
    OpenAgain,
    /// A command that fails after it wrote: its batch is rolled back, and what was remembered with it.
    Spoil,
}

fn act() -> impl Strategy<Value = Act> {
    let limit = || proptest::option::of(0..60_i64);
    let status = || proptest::sample::select(&OutcomeStatus::ALL[..]);
    prop_oneof![
        8 => (0..3_usize, 1..20_i64, 0..300_i64, limit(), limit()).prop_map(
            |(run, amount, second, per_run, per_day)| Act::Begin { run, amount, second, per_run, per_day }
        ),
        5 => (0..40_usize, status()).prop_map(|(which, status)| Act::Finish { which, status }),
        3 => (0..40_usize, status(), any::<bool>())
            .prop_map(|(which, status, beside)| Act::Close { which, status, beside }),
        1 => Just(Act::Settle),
        1 => Just(Act::OpenAgain),
        1 => Just(Act::Spoil),
    ]
}

fn money(hundredths: i64) -> Money {
    Money { amount: Decimal::new(hundredths, 2), currency: Currency::ILS }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A step as the model knows it.
struct Modelled {
    run: usize,
    second: i64,
    amount: i64,
    /// None while it is in flight.
    status: Option<OutcomeStatus>,
}

impl Modelled {
    fn holds(&self) -> bool {
        self.status.is_none_or(|status| !status.leaves_key_free())
    }

    fn is_open(&self) -> bool {
        self.status.is_some_and(OutcomeStatus::is_open)
    }
}

/// A journal and what it must say.
struct Pair {
    folder: Folder,
    journal: SqliteJournal,
    beside: SqliteJournal,
    runs: Vec<RunId>,
    steps: Vec<Modelled>,
}

impl Pair {
    async fn new() -> Self {
        let folder = Folder::new();
        let journal = folder.open(&[]).unwrap();
        // The runs are of one flow, so that they share its days.
        let runs = vec![begin_run(&journal).await, begin_run(&journal).await, begin_run(&journal).await];
        let beside = SqliteJournal::open_beside(&folder.path()).unwrap();
        Self { folder, journal, beside, runs, steps: Vec::new() }
    }

    fn held(&self, counts: impl Fn(&Modelled) -> bool) -> i64 {
        self.steps.iter().filter(|step| step.holds() && counts(step)).map(|step| step.amount).sum()
    }

    /// The limit that must be reached, with what is held.
    fn expected(
        &self,
        (run, second, amount): (usize, i64, i64),
        per_run: Option<i64>,
        per_day: Option<i64>,
    ) -> Option<(LimitScope, i64)> {
        let of_run = self.held(|step| step.run == run);
        let of_day = self.held(|step| step.second / DAY == second / DAY);
        let beyond = |limit: Option<i64>, held: i64| limit.is_some_and(|limit| held + amount > limit);
        if beyond(per_run, of_run) {
            return Some((LimitScope::Run, of_run));
        }
        beyond(per_day, of_day).then_some((LimitScope::Day, of_day))
    }

    fn id(&self, which: usize) -> StepId {
        intent(&self.runs[self.steps[which].run], which as u64 + 1, "k").step
    }

    async fn begin(
        &mut self,
        (run, second, amount): (usize, i64, i64),
        per_run: Option<i64>,
        per_day: Option<i64>,
    ) {
        let ordinal = self.steps.len() as u64 + 1;
        let mut asked = intent(&self.runs[run], ordinal, &format!("k{ordinal}"));
        let day = second / DAY * DAY;
        (asked.money, asked.amount, asked.at) = (true, Some(money(amount)), at(second));
        asked.limits = Limits {
            per_call: None,
            per_run: per_run.map(money),
            approved: None,
            per_day: per_day.map(|limit| DayLimit {
                limit: money(limit),
                from: at(day),
                until: at(day + DAY),
            }),
        };
        let got = match self.journal.begin_step(asked).await.unwrap() {
            Begin::Send { .. } => None,
            Begin::Limited(reached) => Some((reached.scope, reached.held)),
            other => panic!("{other:?}"),
        };
        let want = self.expected((run, second, amount), per_run, per_day);
        assert_eq!(got, want.map(|(scope, held)| (scope, money(held))));
        if want.is_none() {
            self.steps.push(Modelled { run, second, amount, status: None });
        }
    }

    async fn close(&mut self, which: usize, status: OutcomeStatus, beside: bool) {
        let step = self.id(which);
        let outcome = finish(&step.item.run, 1, status).outcome;
        let (actor, reason) = ("dana".to_owned(), "asked".to_owned());
        let close = StepClose {
            step,
            outcome,
            seen: None,
            end: None,
            sealed: Vec::new(),
            vendor: None,
            evidence: serde_json::Value::Null,
            actor,
            reason,
            at: at(400),
        };
        let writer = if beside { &self.beside } else { &self.journal };
        let closed = writer.close_step(close).await.is_ok();
        let modelled = &mut self.steps[which];
        let may = match status {
            OutcomeStatus::Unknown => false,
            OutcomeStatus::Conflict => modelled.status == Some(OutcomeStatus::Unknown),
            _ => modelled.is_open(),
        };
        assert_eq!(closed, may, "{:?} to {status}", modelled.status);
        if closed {
            modelled.status = Some(status);
        }
    }

    async fn act(&mut self, act: &Act) {
        match *act {
            Act::Begin { run, amount, second, per_run, per_day } => {
                self.begin((run, second, amount), per_run, per_day).await;
            }
            Act::Finish { which, status } if which < self.steps.len() => {
                let step = self.id(which);
                let finish = StepFinish { step, ..finish(&self.runs[0], 1, status) };
                let finished = self.journal.finish_step(&finish).await.is_ok();
                let modelled = &mut self.steps[which];
                assert_eq!(finished, modelled.status.is_none());
                modelled.status.get_or_insert(status);
            }
            Act::Close { which, status, beside } if which < self.steps.len() => {
                self.close(which, status, beside).await;
            }
            Act::Finish { .. } | Act::Close { .. } => {}
            Act::Settle => {
                self.journal.settle_in_flight(at(300)).await.unwrap();
                for step in &mut self.steps {
                    step.status.get_or_insert(OutcomeStatus::Unknown);
                }
            }
            Act::OpenAgain => self.journal = self.folder.open(&[]).unwrap(),
            Act::Spoil => {
                let spoiled = self.journal.write("spoil", |desk| {
                    desk.execute("INSERT INTO audit (at, subject, became) VALUES (0, 'x', 'x')", [])?;
                    desk.execute("INSERT INTO no_such_table VALUES (1)", [])?;
                    Ok(())
                });
                assert!(spoiled.await.is_err());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_goes_beyond_a_limit_or_loses_what_was_freed(acts in proptest::collection::vec(act(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for act in &acts {
                pair.act(act).await;
            }
        });
    }
}
