//! Operations that call others, interrupted anywhere and failing in passing at any time: each part is charged once, and
//! nobody is told that the program did something else than before.

use super::parts::Plan;
use super::*;
use gesher_engine::Part;
use gesher_engine::journal::{DecisionKind, NewDecision};
use gesher_engine::{CallEnd, ProgramEnd};
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;

/// Random cases; each waits for the pauses between two tries.
const CASES_THAT_WAIT: u32 = 24;
const PARTS: u32 = 3;
/// How often a test looks whether something has come about, and how many times: a minute in all.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: usize = 3_000;

/// Charges in parts, and then writes a note under a key of the hub's own. Goes on where the parts were refused, if it
/// `catches`.
fn orders(catches: bool) -> Arc<dyn Program> {
    InRust::called(move |context, _| {
        let name = context.item().ordinal.to_string();
        let request = json!({ "name": name, "parts": PARTS });
        match context.call("parts.all", "marketplace", None, request) {
            Ok(_) => {}
            Err(CallEnd::Refused(_)) if catches => {}
            Err(end) => return ended(Err(end)),
        }
        let note = json!({ "answer": "succeeded", "note": format!("note of {name}") });
        match context.call("acme.note", "marketplace", None, note) {
            Ok(_) | Err(CallEnd::Refused(_)) => ProgramEnd::Returned(Value::Null),
            Err(CallEnd::Ended) => ProgramEnd::Ended,
        }
    })
}

impl World {
    fn plan(&self, plans: &[Plan]) {
        self.parts.plans.lock().unwrap().extend(plans);
    }

    /// Works on orders, process after process, to their end.
    fn orders(&self, (items, concurrency): (usize, usize), catches: bool, cuts: &[(i64, Cut)]) -> RunId {
        let run = self.begin();
        let work = |cut| self.work_by(&run, orders(catches), (items, concurrency), cut);
        let is_done = cuts.iter().any(|cut| work(Some(*cut)));
        assert!(is_done || work(None), "the last process was not killed");
        run
    }

    /// How often each part was charged, and each note written.
    fn sent(&self) -> BTreeMap<String, usize> {
        let mut sent = BTreeMap::new();
        for (_, body) in self.acme.sent.lock().unwrap().iter() {
            let request: Value = serde_json::from_str(body).unwrap();
            *sent.entry(request["note"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        sent
    }

    /// The one item of a run: its status and code, and the parts that were charged, each once.
    #[track_caller]
    fn one_order(&self, run: &RunId) -> (ItemStatus, String, usize) {
        let sent = self.sent();
        assert!(sent.values().all(|times| *times == 1), "{sent:?}");
        let end = self.ends(run).remove(0);
        let parts = sent.keys().filter(|name| name.starts_with("1/")).count();
        (end.status, end.code.unwrap_or_default(), parts)
    }
}

/// Every write after which the first process may die: the parts have three writes each and one more, the note two.
fn writes() -> impl Iterator<Item = i64> {
    3..16
}

#[test]
fn an_operation_that_fails_in_passing_on_its_way_to_where_it_was_is_run_again() {
    for write in writes() {
        let world = World::still();
        world.plan(&[Plan::Through, Plan::BreaksOff(0), Plan::BreaksOff(0)]);
        let run = world.orders((1, 1), true, &[(write, Cut::Kept)]);
        let (status, code, parts) = world.one_order(&run);
        match code.as_str() {
            // It died with a call in flight.
            "interrupted" => assert_eq!(status, ItemStatus::Unknown, "{write}"),
            // Nothing was recorded by then, so the first failure is the outcome, and the order goes without its parts.
            _ if parts == 0 => assert_eq!(status, ItemStatus::Succeeded, "{write}"),
            _ => assert_eq!((status, parts), (ItemStatus::Succeeded, 3), "{write}: {code}"),
        }
    }
}

#[test]
fn nothing_is_done_behind_the_recorded_end_of_an_operation_that_broke_off() {
    for write in writes() {
        let world = World::still();
        world.plan(&[Plan::BreaksOff(2), Plan::Through]);
        let run = world.orders((1, 1), true, &[(write, Cut::Kept)]);
        let (_, code, parts) = world.one_order(&run);
        assert_ne!(code, "diverged", "{write}");
        let own = world.steps(&run, 1).into_iter().find(|step| step.operation == "parts.all");
        let own = own.and_then(|own| own.outcome).map(|outcome| outcome.status);
        match own {
            Some(OutcomeStatus::Succeeded) => assert_eq!(parts, 3, "{write}: it had not come to its end"),
            Some(_) => assert_eq!(parts, 2, "{write}"),
            None => assert_eq!(code, "interrupted", "{write}"),
        }
    }
}

#[test]
fn an_operation_that_gives_up_because_of_a_stop_goes_on_at_the_next_start() {
    for write in writes() {
        let world = World::still();
        world.plan(&[Plan::Heeds, Plan::Heeds]);
        let run = world.orders((1, 1), false, &[(write, Cut::Stop)]);
        let (status, code, parts) = world.one_order(&run);
        assert_eq!((status, parts), (ItemStatus::Succeeded, 3), "{write}: {code}");
    }
}

#[test]
fn an_operation_that_breaks_off_while_the_hub_stops_goes_on_at_the_next_start() {
    for write in writes().take(6) {
        let world = World::still();
        world.plan(&[Plan::BreaksOff(2), Plan::Through]);
        let run = world.orders((1, 1), false, &[(write, Cut::Stop)]);
        let (status, code, parts) = world.one_order(&run);
        assert_eq!((status, parts), (ItemStatus::Succeeded, 3), "{write}: {code}");
    }
}

#[test]
fn an_operation_that_breaks_off_with_nothing_more_recorded_is_refused_as_ever() {
    let world = World::still();
    world.plan(&[Plan::BreaksOff(2)]);
    let run = world.orders((1, 1), false, &[]);
    assert_eq!(world.one_order(&run), (ItemStatus::Incomplete, "broke_off".to_owned(), 2));
}

#[test]
fn what_only_the_provider_knows_of_a_request_is_asked_for_new_calls_alone() {
    let pays = || {
        InRust::called(|context, _| {
            let pay = context.call("parts.pay", "marketplace", Some("k"), json!({ "name": "k" }));
            let charge = json!({ "answer": "succeeded", "note": "c" });
            let charged = context.call("acme.charge", "marketplace", Some("c"), charge);
            match (pay, charged) {
                (Err(CallEnd::Ended), _) | (_, Err(CallEnd::Ended)) => ProgramEnd::Ended,
                _ => ProgramEnd::Returned(Value::Null),
            }
        })
    };
    // Asked for once; whatever it would say the second time, it is not asked again.
    for (answers, paid, pay) in [
        ([true, false], 1, "succeeded Some(\"\") Some(\"7.00 ILS\")"),
        ([false, true], 0, "not_sent Some(\"at_rest\") None"),
    ] {
        let world = World::still();
        world.parts.answers.lock().unwrap().extend(answers);
        let run = world.begin();
        // Dies right after the second call's intent or outcome.
        let writes = if answers[0] { 6 } else { 5 };
        assert!(!world.work_by(&run, pays(), (1, 1), Some((writes, Cut::Kept))));
        assert!(world.work_by(&run, pays(), (1, 1), None));
        assert_eq!(world.parts.asked.load(Ordering::SeqCst), 1);
        assert_eq!(world.parts.paid.load(Ordering::SeqCst), paid);
        let outcome = world.steps(&run, 1).remove(0).outcome.unwrap();
        let amount = outcome.amount.map(|amount| amount.to_string());
        assert_eq!(format!("{} {:?} {amount:?}", outcome.status, outcome.code), pay);
        assert_ne!(world.ends(&run)[0].code.as_deref(), Some("diverged"));
    }
}

#[test]
fn a_held_key_answers_though_nobody_says_what_the_request_moves() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&said);
    // Pays with keys that are held, by itself or by the item before.
    let program = InRust::called(move |context, _| {
        let calls: &[_] = match context.item().ordinal {
            1 => &[("k", "k"), ("k", "k"), ("k", "another"), ("l", "l")],
            _ => &[("m", "lost")],
        };
        for (key, name) in calls {
            let said = context.call("parts.pay", "marketplace", Some(key), json!({ "name": name }));
            let said = match said {
                Ok(said) => said,
                Err(CallEnd::Refused(said)) => *said,
                Err(CallEnd::Ended) => return ProgramEnd::Ended,
            };
            let code = said.code.unwrap_or_default();
            told.lock().unwrap().push(format!("{} {code} {}", said.status, said.replayed));
        }
        ProgramEnd::Returned(Value::Null)
    });
    let world = World::still();
    world.parts.answers.lock().unwrap().extend([true, false, false, false, true, false]);
    let run = world.begin();
    assert!(world.work_by(&run, program, (3, 1), None));
    assert_eq!(
        *said.lock().unwrap(),
        [
            "succeeded  false",
            "succeeded  true",
            "rejected key_reused false",
            "not_sent at_rest false",
            "not_sent key_open false"
        ]
    );
    assert_eq!(world.parts.paid.load(Ordering::SeqCst), 2);
}

#[test]
fn an_item_that_waits_to_be_run_again_is_given_up_though_the_hub_is_in_trouble() {
    let world = World::still();
    world.plan(&[Plan::BreaksOff(2)]);
    let run = world.begin();
    let program = orders(false);
    assert!(!world.work_by(&run, Arc::clone(&program), (1, 1), Some((4, Cut::Stop))));
    world.plan(&[Plan::BreaksOff(0); 50]);
    let hub = world.start(None);
    let ended = || {
        let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 1 };
        hub.runtime.block_on(hub.journal.items(&query)).unwrap().remove(0).end
    };
    let flow = World::flow(1);
    std::thread::scope(|scope| {
        let works = scope.spawn(|| {
            let (items, progress) = (random::items(1), Progress::default());
            let worked = hub.engine.run_items(&run, &flow, &program, items, &hub.stop, &progress);
            hub.runtime.block_on(worked)
        });
        let looks = || std::iter::repeat_with(|| std::thread::sleep(LOOK_EVERY)).take(LOOKS_MAX);
        let left = || world.parts.plans.lock().unwrap().len();
        assert!(looks().any(|()| left() < 50), "it is run again");
        hub.engine.health().trouble(Part::Data, "full");
        let decision = NewDecision {
            kind: DecisionKind::Cancel,
            run: run.clone(),
            actor: "dana".to_owned(),
            reason: String::new(),
            terms: Value::Null,
            at: world.clock.now(),
        };
        hub.runtime.block_on(async { hub.journal.decide(decision).await }).unwrap();
        hub.runtime.block_on(hub.engine.heed()).unwrap();
        let was_given_up = looks().any(|()| ended().is_some());
        hub.engine.health().well(&Part::Data);
        assert_eq!(works.join().unwrap().unwrap(), RunEnd::Complete);
        assert!(was_given_up, "it waited for the trouble to pass");
        assert_eq!(ended().unwrap().code.as_deref(), Some("cancelled"));
    });
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = prop_oneof![
        2 => Just(Plan::Through),
        4 => (0..=PARTS).prop_map(Plan::BreaksOff),
        1 => Just(Plan::Heeds),
    ];
    prop::collection::vec(plan, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES_THAT_WAIT, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_part_is_charged_once_whatever_breaks_off_and_whoever_dies(
        plans in plans(),
        items in 1..3_usize,
        concurrency in 1..3_usize,
        catches in any::<bool>(),
        cuts in cuts(5),
    ) {
        let world = World::moving();
        world.plan(&plans);
        let run = world.orders((items, concurrency), catches, &cuts);
        let sent = world.sent();
        prop_assert!(sent.values().all(|times| *times == 1), "{sent:?}");
        for (at, end) in world.ends(&run).into_iter().enumerate() {
            let item = at as u64 + 1;
            let code = end.code.unwrap_or_default();
            prop_assert_ne!(&code, "diverged");
            prop_assert_ne!(&code, "gave_up", "a stop ends nothing for good");
            let own = world.steps(&run, item).into_iter().find(|step| step.operation == "parts.all");
            let own = own.and_then(|own| own.outcome).map(|outcome| outcome.status);
            let parts = sent.keys().filter(|name| name.starts_with(&format!("{item}/"))).count();
            let is_noted = sent.contains_key(&format!("note of {item}"));
            let was_hit = code == "interrupted";
            prop_assert!(own.is_some() || was_hit, "item {item} ended as {code}");
            prop_assert!(own != Some(OutcomeStatus::Succeeded) || parts == PARTS as usize);
            let goes_on = own == Some(OutcomeStatus::Succeeded) || (catches && own.is_some());
            prop_assert!(was_hit || is_noted == goes_on, "item {item}: {own:?}, {code}");
        }
    }
}
