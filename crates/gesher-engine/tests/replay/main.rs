//! Interrupted anywhere, any number of times: whatever a program does, its items end as they would have without the
//! interruptions, and nothing is sent twice. A program that is another afterwards sends nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../path/acme.rs"]
mod acme;
mod composing;
mod cut;
mod halting;
#[path = "../path/making.rs"]
mod making;
mod parts;
mod random;
mod result;

use acme::Acme;
use cut::{Cut, Dying};
use gesher_core::SystemClock;
use gesher_core::time::ManualClock;
use gesher_core::{
    Clock, ItemEnd, ItemId, ItemStatus, Language, OutcomeStatus, Provider, Redactor, Registry, RunId,
};
use gesher_engine::journal::{
    ItemQuery, Journal, RunState, ScriptBundle, SqliteJournal, StepRecord, TriggerKind,
};
use gesher_engine::{AccountRules, Engine, EngineParts, Flow, Program, Progress, RunEnd, Stop};
use gesher_vault::{MasterKeySource, Vault};
use making::{InRust, ended, flow};
use parts::Parts;
use proptest::prelude::*;
use random::{Op, Programs, Traces};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Random programs that a test tries, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 48;

/// What stays when a process dies: the folder, and what the provider did.
struct World {
    folder: tempfile::TempDir,
    acme: Arc<Acme>,
    parts: Arc<Parts>,
    clock: Arc<dyn Clock>,
    traces: Traces,
}

/// A process.
struct Hub {
    runtime: tokio::runtime::Runtime,
    journal: Arc<dyn Journal>,
    engine: Engine,
    stop: Stop,
}

impl World {
    /// A world in which the same question has the same answer for ever.
    fn still() -> Self {
        let clock = ManualClock::new("2026-07-01T08:00:00Z".parse().unwrap());
        Self {
            folder: tempfile::tempdir().unwrap(),
            acme: Arc::default(),
            parts: Arc::default(),
            clock: Arc::new(clock),
            traces: Traces::default(),
        }
    }

    /// A world in which time goes by and every answer is another.
    fn moving() -> Self {
        let world = Self { clock: Arc::new(SystemClock::new()), ..Self::still() };
        world.acme.is_moody.store(true, Ordering::SeqCst);
        world
    }

    /// Starts a process, as the hub does: what was in flight becomes unknown. It dies as `cut` says.
    fn start(&self, cut: Option<(i64, Cut)>) -> Hub {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let providers: [Arc<dyn Provider>; 2] =
            [Arc::<Acme>::clone(&self.acme), Arc::<Parts>::clone(&self.parts)];
        let path = self.folder.path().join("gesher.db");
        let environments = providers.each_ref().map(|provider| provider.environment());
        let journal = open(&path, &environments, self.clock.now());
        runtime.block_on(async { journal.settle_in_flight(self.clock.now()).await }).unwrap();
        let stop = Stop::new();
        let (writes, cut) = cut.unwrap_or((i64::MAX, Cut::Lost));
        let dying: Arc<dyn Journal> = Arc::new(Dying::new(Arc::clone(&journal), writes, cut, stop.clone()));
        let file: PathBuf = self.folder.path().join("master.key");
        let engine = Engine::new(EngineParts {
            registry: Arc::new(Registry::new(&providers)),
            journal: dying,
            vault: Arc::new(Vault::open(&MasterKeySource { file, ..MasterKeySource::default() }).unwrap()),
            clock: Arc::clone(&self.clock),
            redactor: Arc::new(Redactor::new()),
            language: Language::En,
            time_zone: jiff::tz::TimeZone::UTC,
            runtime: runtime.handle().clone(),
            accounts: ["acme", "parts"]
                .map(|provider| AccountRules {
                    provider: provider.into(),
                    max_in_flight: 8,
                    rate_per_second: None,
                })
                .to_vec(),
            tells_of_troubles: true,
        });
        Hub { runtime, journal, engine, stop }
    }

    fn begin(&self) -> RunId {
        let hub = self.start(None);
        let script = ScriptBundle::of_hash("0");
        hub.runtime
            .block_on(hub.engine.start_run("f", TriggerKind::Call, "march.csv", Value::Null, &script))
            .unwrap()
    }

    /// Lets a process work on the run until it dies, stops or is done. Answers whether it is done.
    fn work(&self, run: &RunId, programs: &[Vec<Op>], shape: Shape, cut: Option<(i64, Cut)>) -> bool {
        let program = Programs {
            of_items: programs.to_vec(),
            is_stubborn: shape.is_stubborn,
            traces: Arc::clone(&self.traces),
        };
        self.work_by(run, program.program(), (programs.len(), shape.concurrency), cut)
    }

    fn flow(concurrency: usize) -> Arc<Flow> {
        Arc::new(flow(&["acme.*", "parts.*"], concurrency))
    }

    /// The same by a program, for so many items, so many at a time.
    fn work_by(
        &self,
        run: &RunId,
        program: Arc<dyn Program>,
        (items, concurrency): (usize, usize),
        cut: Option<(i64, Cut)>,
    ) -> bool {
        let hub = self.start(cut);
        let state = hub.runtime.block_on(hub.journal.run(run)).unwrap().unwrap().state;
        if state == RunState::Reporting {
            // The last process died right after its last write.
            return true;
        }
        let flow = Self::flow(concurrency);
        let items = random::items(items);
        let worked = hub.runtime.block_on(hub.engine.run_items(
            run,
            &flow,
            &program,
            items,
            &hub.stop,
            &Progress::default(),
        ));
        // What a dead process had handed to the kernel is there before the next one starts: an awaited write proves it.
        hub.runtime.block_on(async { hub.journal.settle_in_flight(self.clock.now()).await }).unwrap();
        match worked {
            Ok(RunEnd::Complete) => true,
            Ok(_) => false,
            Err(error) => {
                assert!(cut.is_some_and(|(_, cut)| cut != Cut::Stop), "nobody killed it: {error:?}");
                false
            }
        }
    }

    /// Begins a run and works on it, process after process, to its end.
    fn finish(&self, programs: &[Vec<Op>], shape: Shape, cuts: &[(i64, Cut)]) -> RunId {
        let run = self.begin();
        let is_done = cuts.iter().any(|cut| self.work(&run, programs, shape, Some(*cut)));
        if !is_done {
            assert!(self.work(&run, programs, shape, None), "the last process was not killed");
        }
        run
    }

    fn ends(&self, run: &RunId) -> Vec<ItemEnd> {
        let hub = self.start(None);
        let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 1_000 };
        let items = hub.runtime.block_on(hub.journal.items(&query)).unwrap();
        items.into_iter().map(|item| item.end.unwrap()).collect()
    }

    fn steps(&self, run: &RunId, item: u64) -> Vec<StepRecord> {
        let hub = self.start(None);
        hub.runtime.block_on(hub.journal.steps_of(&ItemId { run: run.clone(), ordinal: item })).unwrap()
    }

    /// The answers that each key was sent for, in their order.
    fn sends(&self) -> BTreeMap<String, Vec<OutcomeStatus>> {
        let mut all: BTreeMap<String, Vec<OutcomeStatus>> = BTreeMap::new();
        for (operation, body) in self.acme.sent.lock().unwrap().iter() {
            let request: Value = serde_json::from_str(body).unwrap();
            let status = request["answer"].as_str().unwrap().parse().unwrap();
            let note = request["note"].as_str().unwrap();
            if operation == "charge" {
                all.entry(note.to_owned()).or_default().push(status);
            }
        }
        all
    }

    /// Nothing was sent again unless the provider had said no, and every row is counted.
    fn check_sums(&self, run: &RunId, programs: &[Vec<Op>]) -> Result<(), TestCaseError> {
        for (key, sent) in self.sends() {
            let is_own = !key.starts_with("shared-");
            prop_assert!(!is_own || sent.len() == 1, "{} was sent for {:?}", key, sent);
            let again = sent.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
            prop_assert!(
                again.iter().all(|status| status.leaves_key_free()),
                "{} was sent for {:?}",
                key,
                sent
            );
        }
        let hub = self.start(None);
        let tally = hub.runtime.block_on(hub.journal.tally(run)).unwrap();
        let counted: u64 = ItemStatus::ALL.into_iter().map(|status| tally.count(status)).sum();
        prop_assert_eq!(
            (tally.items(), tally.queued, counted),
            (programs.len() as u64, 0, programs.len() as u64)
        );
        Ok(())
    }
}

fn open(path: &Path, environments: &[gesher_core::Environment], now: jiff::Timestamp) -> Arc<dyn Journal> {
    Arc::new(SqliteJournal::open(path, None, environments, now).unwrap())
}

/// How programs are run.
#[derive(Clone, Copy, Debug)]
struct Shape {
    concurrency: usize,
    is_stubborn: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    (1..4_usize, any::<bool>()).prop_map(|(concurrency, is_stubborn)| Shape { concurrency, is_stubborn })
}

fn cuts(most: usize) -> impl Strategy<Value = Vec<(i64, Cut)>> {
    let cut = prop::sample::select(vec![Cut::Lost, Cut::Kept, Cut::Stop]);
    prop::collection::vec((1..16_i64, cut), 0..most)
}

/// What of an end does not depend on when and in which run it was.
fn facts(end: &ItemEnd) -> (ItemStatus, Option<&str>, Option<&str>, Option<&str>, Option<String>) {
    (
        end.status,
        end.code.as_deref(),
        end.reference.as_deref(),
        end.document.as_deref(),
        end.amount.map(|amount| amount.to_string()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_interrupted_run_ends_as_it_would_have(
        programs in prop::collection::vec(random::ops(false), 1..4),
        shape in shape(),
        cuts in cuts(5),
    ) {
        let (calm, rough) = (World::still(), World::still());
        let want = calm.finish(&programs, shape, &[]);
        let found = rough.finish(&programs, shape, &cuts);
        rough.check_sums(&found, &programs)?;
        let (wanted, ends) = (calm.ends(&want), rough.ends(&found));
        let (calmly, roughly) = (calm.traces.lock().unwrap(), rough.traces.lock().unwrap());
        for (at, (want, end)) in wanted.iter().zip(&ends).enumerate() {
            let item = at as u64 + 1;
            let steps = rough.steps(&found, item);
            let was_hit = steps.iter().any(|step| {
                step.outcome.as_ref().and_then(|outcome| outcome.code.as_deref()) == Some("interrupted")
            });
            let (calmly, roughly) = (&calmly[&item], &roughly[&item]);
            if was_hit {
                prop_assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Unknown, Some("interrupted")));
                prop_assert!(calmly.starts_with(roughly), "{:#?} is not how {:#?} begins", roughly, calmly);
            } else {
                prop_assert_eq!(facts(end), facts(want), "item {}", item);
                prop_assert_eq!(roughly, calmly, "item {}", item);
            }
        }
    }

    #[test]
    fn a_program_never_diverges_by_itself_however_the_world_changes(
        programs in prop::collection::vec(random::ops(true), 1..4),
        shape in shape(),
        cuts in cuts(6),
    ) {
        let world = World::moving();
        let run = world.finish(&programs, shape, &cuts);
        world.check_sums(&run, &programs)?;
        for end in world.ends(&run) {
            prop_assert_ne!(end.code.as_deref(), Some("diverged"));
        }
    }

    #[test]
    fn a_program_that_is_another_after_an_interruption_sends_nothing(
        ops in random::straight(),
        mutation in 0..6_u8,
        at in any::<prop::sample::Index>(),
        is_stubborn in any::<bool>(),
        cut in (3..16_i64, prop::sample::select(vec![Cut::Lost, Cut::Kept])),
    ) {
        let world = World::moving();
        let run = world.begin();
        let shape = Shape { concurrency: 1, is_stubborn };
        let is_done = world.work(&run, std::slice::from_ref(&ops), shape, Some(cut));
        let recorded = world.steps(&run, 1);
        prop_assume!(!is_done && !recorded.is_empty());
        let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 1 };
        let hub = world.start(None);
        let item = hub.runtime.block_on(hub.journal.items(&query)).unwrap();
        prop_assume!(item.first().is_some_and(|item| item.end.is_none()));
        drop(hub);

        let at = at.index(recorded.len());
        let mut other = ops.clone();
        other[at] = mutated(&ops[at], mutation);
        if other[at] == Op::Return {
            other.truncate(at + 1);
        }
        let sent = world.acme.sends();
        prop_assert!(world.work(&run, std::slice::from_ref(&other), shape, None));
        prop_assert_eq!(world.acme.sends(), sent, "{:?} became {:?}", ops[at], other[at]);
        let ends = world.ends(&run);
        prop_assert_eq!((ends[0].status, ends[0].code.as_deref()), (ItemStatus::Unknown, Some("diverged")));
        prop_assert_eq!(world.steps(&run, 1).len(), recorded.len(), "a diverged item leaves no step");
        let sums: BTreeSet<usize> = world.sends().values().map(Vec::len).collect();
        prop_assert!(sums.iter().all(|sends| *sends == 1));
    }
}

/// Another call than this one.
fn mutated(op: &Op, mutation: u8) -> Op {
    match (op, mutation) {
        (_, 0) => Op::Return,
        (Op::Now, _) => Op::Read { note: 0 },
        (_, 1) => Op::Now,
        (Op::Read { note }, _) => Op::Read { note: note + 1 },
        (Op::Charge { key, is_shared, catches, .. }, 2) => {
            Op::Charge { key: *key, is_shared: *is_shared, answer: "other", catches: *catches }
        }
        (Op::Charge { key, is_shared, answer, catches }, 3) => {
            Op::Charge { key: key + 1, is_shared: *is_shared, answer, catches: *catches }
        }
        (Op::Charge { answer, catches, .. }, _) => Op::Note { key: None, answer, catches: *catches },
        (Op::Note { key, answer, catches }, _) => {
            Op::Note { key: key.map_or(Some(0), |key| Some(key + 1)), answer, catches: *catches }
        }
        (Op::Keep { key }, _) => Op::Keep { key: key + 1 },
        (Op::Alert, _) => Op::Now,
        (other, _) => unreachable_in_straight(other),
    }
}

fn unreachable_in_straight(op: &Op) -> Op {
    assert!(matches!(op, Op::Missing), "straight programs have no {op:?}");
    Op::Return
}
