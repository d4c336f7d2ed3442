//! Settling what nobody knows, with a real journal under it: what closes a step, what leaves it open, and what becomes
//! of its row.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod acme;
mod hub;

use gesher_core::look_up::{Candidate, LookUpFailure, Stamped};
use gesher_core::{ItemStatus, OutcomeStatus, StepId, Text};
use gesher_engine::journal::{Begin, Claim, Holder, ItemState, StepState};
use gesher_engine::{EngineError, NOT_CHARGED_AFTER, Reconciled};
use hub::{CANARY, Hub, record};
use std::sync::atomic::Ordering;
use std::time::Duration;

use OutcomeStatus::{NotSent, Succeeded, Unknown};

const DAY: u64 = 24 * 3_600;

#[tokio::test(flavor = "multi_thread")]
async fn one_record_with_the_steps_stamp_closes_it_with_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77")];
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
    let found = hub.step(&step).await;
    assert_eq!(found.state, StepState::Over(Succeeded));
    assert_eq!(found.outcome.unwrap().document.as_deref(), Some("doc-77"));
    let end = hub.end(&step).await;
    assert_eq!((end.status, end.reference.as_deref()), (ItemStatus::Succeeded, Some("77")));
    assert_eq!(end.amount.unwrap().to_string(), "5.00 ILS");
    for part in ["looked up", "reference 77", "approved", "was not done"] {
        assert!(end.message.contains(part), "{}", end.message);
    }
    assert_eq!(hub.closings(&step).await, 1);
    let wanted = hub.acme.asked.lock().unwrap()[0].clone();
    assert_eq!(wanted.facts["customer"], "k");
    assert_eq!(wanted.stamp.unwrap().step(), &step);
    // Spent: no other row of this key is ever taken, and nothing is asked again.
    assert!(matches!(hub.row("k").await.1, Claim::Held(_)));
    hub.pass(60);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
    assert_eq!(hub.acme.asked(), 1);
}

/// A record that fits in every respect and whose text nobody can read.
fn unread(hub: &Hub, step: &StepId, reference: &str) -> Candidate {
    Candidate { at: Some(hub.engine.clock().now()), stamped: Stamped::Unread, ..record(step, reference) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_another_open_step_could_have_closes_neither() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let other = hub.charge("l").await;
    let both = Candidate { also: vec![other.clone()], ..unread(&hub, &step, "77") };
    *hub.acme.records.lock().unwrap() = vec![both.clone()];
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
    let told = hub.acme.asked.lock().unwrap()[0].siblings.clone();
    assert_eq!((told.len(), &told[0].step, told[0].endpoint), (1, &other, Some("/x/")));
    assert_eq!(told[0].facts["customer"], "l");
    // A conflict has taken none of its records yet.
    *hub.acme.records.lock().unwrap() = vec![record(&other, "78"), record(&other, "79")];
    assert_eq!(hub.look(&other).await, Reconciled::Conflict);
    *hub.acme.records.lock().unwrap() = vec![both];
    hub.pass(10);
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
    hub.resolve(&other, Some("78")).await.unwrap();
    hub.pass(10);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_a_person_gave_to_another_step_is_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let other = hub.charge("l").await;
    hub.resolve(&other, Some("doc-77")).await.unwrap();
    *hub.acme.records.lock().unwrap() = vec![unread(&hub, &step, "77")];
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
    *hub.acme.records.lock().unwrap() = vec![unread(&hub, &step, "78")];
    hub.pass(10);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_has_a_turn_for_each_request_and_none_beside() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    // Two are all that there are.
    hub.acme.turns.store(2, Ordering::SeqCst);
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
    hub.acme.turns.store(3, Ordering::SeqCst);
    hub.pass(10);
    assert!(matches!(hub.look(&step).await, Reconciled::NotAsked(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_ups_of_a_round_ask_together() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    for ordinal in 0..20 {
        hub.charge(&format!("k{ordinal}")).await;
    }
    hub.pass(DAY);
    // None of them ends before the others have begun.
    *hub.acme.takes.lock().unwrap() = Duration::from_secs(60);
    let all_asked = async {
        while hub.acme.asked() < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = hub.round() => panic!("a round that waits for nobody: {ended:?}"),
        () = all_asked => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{} asked", hub.acme.asked()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    for looks in 1..=20 {
        assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
        let found = hub.step(&step).await;
        assert_eq!((found.state, found.looked_up), (StepState::Over(Unknown), looks));
        hub.pass(DAY);
    }
    assert_eq!(hub.end(&step).await.status, ItemStatus::Unknown);
    assert_eq!(hub.closings(&step).await, 0);
    assert!(matches!(hub.row("k").await.1, Claim::Held(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_are_a_conflict_that_only_a_person_closes() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77"), record(&step, "78")];
    assert_eq!(hub.look(&step).await, Reconciled::Conflict);
    let end = hub.end(&step).await;
    assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Unknown, Some("conflict")));
    assert!(end.message.contains("77, 78") && end.message.contains("Do not repeat it"), "{}", end.message);
    // One of them is gone later; a machine does not change its mind about money.
    hub.acme.records.lock().unwrap().pop();
    hub.pass(DAY);
    assert_eq!(hub.look(&step).await, Reconciled::Conflict);
    assert_eq!(hub.round().await, []);
    assert_eq!(hub.acme.asked(), 1);
    let resolved = hub.resolve(&step, Some("77")).await.unwrap();
    assert_eq!(resolved.end.unwrap().status, ItemStatus::Succeeded);
    assert_eq!(hub.step(&step).await.state, StepState::Over(Succeeded));
    assert_eq!(hub.closings(&step).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_fails_changes_nothing_and_is_tried_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let unavailable = LookUpFailure::Unavailable(Text::verbatim("half a list"));
    *hub.acme.failure.lock().unwrap() = Some(unavailable);
    hub.pass(30);
    assert_eq!(hub.round().await, std::slice::from_ref(&step));
    let found = hub.step(&step).await;
    assert_eq!((found.state, found.looked_up, found.looked_up_at), (StepState::Over(Unknown), 0, None));
    assert_eq!(hub.closings(&step).await, 0);
    assert_eq!(hub.round().await, [], "not at once");
    *hub.acme.failure.lock().unwrap() = None;
    hub.pass(30);
    assert_eq!(hub.round().await, std::slice::from_ref(&step));
    assert_eq!(hub.step(&step).await.looked_up, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_is_kept_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    for (seconds, looks) in [(29, 0), (1, 1), (1, 0), (88, 0), (1, 1), (480, 1), (60, 0), (3_000, 1)] {
        hub.pass(seconds);
        assert_eq!(hub.round().await.len(), looks, "{seconds}");
    }
    assert_eq!(hub.step(&step).await.looked_up, 4);
    let clock = hub.clock.clone();
    drop(hub);
    let hub = Hub::open(folder.path());
    let passed = clock_now(&clock) - 1_800_000_000;
    hub.pass(passed);
    assert_eq!(hub.round().await, [], "what was looked up is written down");
    hub.pass(6 * 3_600 - passed);
    assert_eq!(hub.round().await, [step]);
}

fn clock_now(clock: &gesher_core::time::ManualClock) -> u64 {
    u64::try_from(gesher_core::Clock::now(clock).as_second()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_weeks_only_a_person_looks() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let mut looks = 0;
    for _ in 0..40 {
        hub.pass(DAY / 2);
        looks += hub.round().await.len();
    }
    assert_eq!(looks, 15, "one for the first day's looks, and then one a day");
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_about_one_subject_do_not_ask_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    *hub.acme.takes.lock().unwrap() = Duration::from_millis(100);
    let (first, second) = tokio::join!(hub.look(&step), hub.look(&step));
    assert!(matches!(first, Reconciled::NotFound(_)));
    assert_eq!(second, Reconciled::Lately);
    assert_eq!(hub.look(&step).await, Reconciled::Lately);
    hub.pass(10);
    assert!(matches!(hub.look(&step).await, Reconciled::NotFound(_)));
    assert_eq!(hub.acme.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_look_up_is_left_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.unknown("k", &[("acme.wish", "k", Some(Unknown))]).await;
    hub.pass(DAY);
    assert_eq!(hub.round().await, []);
    assert_eq!(hub.look(&step).await, Reconciled::Manual);
    assert_eq!(hub.acme.asked(), 0);
    let resolved = hub.resolve(&step, Some("doc")).await.unwrap();
    assert!(resolved.outcome.message.en.contains("it was done"), "{}", resolved.outcome.message.en);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_at_work_is_not_settled_under_its_feet() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.at_work("k", &[("acme.charge", "k", Some(Unknown))]).await.remove(0);
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77")];
    assert_eq!(hub.look(&step).await, Reconciled::AtWork);
    assert!(matches!(hub.resolve(&step, Some("77")).await, Err(EngineError::Refused { .. })));
    assert_eq!(hub.acme.asked(), 0);
    // Where its run stands still, the row hears of it when it goes on.
    hub.halt(&step.item.run).await;
    hub.pass(10);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
    assert_eq!(hub.item(&step.item).await.end, None);
    let flying = hub.at_work("l", &[("acme.charge", "l", None)]).await.remove(0);
    hub.halt(&flying.item.run).await;
    assert_eq!(hub.look(&flying).await, Reconciled::AtWork);
    assert!(matches!(hub.resolve(&flying, None).await, Err(EngineError::Refused { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_ends_by_the_rule_of_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let two = |key: &'static str| [("acme.charge", key, Some(Succeeded)), ("acme.wish", "w", Some(Unknown))];
    // An effect before it, and then not: both are named, and the row may be tried again.
    let step = hub.unknown("a", &two("a")).await;
    hub.pass(3_600);
    let end = hub.resolve(&step, None).await.unwrap().end.unwrap();
    assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Incomplete, Some("not_charged")));
    assert!(end.message.contains("acme.charge succeeded (reference ref-a)"), "{}", end.message);
    assert_eq!(hub.end(&step).await, end);
    let (item, claim) = hub.row("a").await;
    assert!(matches!(claim, Claim::Taken { attempt: 2, .. }), "{claim:?}");
    let again = StepId { item, position: 1 };
    assert!(matches!(hub.begin(&again, "acme.charge", "a").await, Begin::Recorded(_)), "spent");
    let next = StepId { position: 2, ..again };
    assert!(matches!(hub.begin(&next, "acme.wish", "w").await, Begin::Send { attempt: 2 }), "free again");
    // What a program asked for otherwise after an interruption is not decided by a record, and is by a person.
    let charge = [("acme.charge", "d", Some(Unknown))];
    let step = hub.ended("d", &charge, "diverged").await;
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77")];
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
    let end = hub.end(&step).await;
    assert_eq!((end.status, end.reference.as_deref()), (ItemStatus::Unknown, Some("77")));
    // Its row is not lost to sight with that, and a person ends it.
    let waiting = hub.journal().unknown_items(None, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|item| &item.id).collect::<Vec<_>>(), [&step.item]);
    for (charged, part) in [(None, "reference 77"), (Some("ref-a"), "another step's")] {
        let refused = hub.resolve_item(&step, charged).await.unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    let end = hub.resolve_item(&step, Some("77")).await.unwrap();
    assert_eq!((end.status, end.document.as_deref()), (ItemStatus::Succeeded, Some("doc-77")));
    assert_eq!((hub.end(&step).await, hub.closings(&step).await), (end, 2));
    assert!(matches!(hub.row("d").await.1, Claim::Held(_)));
    assert!(hub.resolve_item(&step, Some("77")).await.is_err(), "once");
    assert!(hub.journal().unknown_items(None, 9).await.unwrap().is_empty());
    let step = hub.ended("e", &[("acme.charge", "e", Some(Unknown))], "diverged").await;
    let refused = hub.resolve_item(&step, Some("79")).await.unwrap_err().to_string();
    assert!(refused.contains("settle that one first"), "{refused}");
    assert_eq!(hub.resolve(&step, Some("79")).await.unwrap().end.unwrap().status, ItemStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_not_charged_half_an_hour_later_and_the_row_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let half_an_hour = NOT_CHARGED_AFTER.unsigned_abs().as_secs();
    let refused = |result: Result<_, EngineError>| match result {
        Err(EngineError::Refused { why }) => why.en,
        other => panic!("{:?}", other.map(|_: gesher_engine::Resolved| ())),
    };
    hub.pass(half_an_hour - 1);
    let why = refused(hub.resolve(&step, None).await);
    assert!(why.contains("too early") && why.contains("30 minutes"), "{why}");
    // A clock that was set back makes nothing older.
    let now = hub.engine.clock().now();
    hub.clock.set(jiff::Timestamp::UNIX_EPOCH);
    refused(hub.resolve(&step, None).await);
    hub.clock.set(now);
    assert!(matches!(hub.row("k").await.1, Claim::Held(_)));
    hub.pass(1);
    let resolved = hub.resolve(&step, None).await.unwrap();
    assert_eq!((resolved.outcome.status, resolved.outcome.code.as_deref()), (NotSent, Some("not_charged")));
    let end = resolved.end.unwrap();
    assert_eq!(end.status, ItemStatus::NotSent);
    assert!(end.message.contains("dana") && end.message.contains("seen at the provider"), "{}", end.message);
    let (item, claim) = hub.row("k").await;
    assert!(matches!(claim, Claim::Taken { attempt: 2, resumed: false }), "{claim:?}");
    let again = hub.begin(&StepId { item, position: 1 }, "acme.charge", "k").await;
    assert!(matches!(again, Begin::Send { attempt: 2 }), "{again:?}");
    // What is final stays final.
    assert!(refused(hub.resolve(&step, Some("77")).await).contains("not_sent"));
    assert_eq!(hub.look(&step).await, Reconciled::Closed(NotSent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_charged_and_the_row_is_spent() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let resolved = hub.resolve(&step, Some(" 77 ")).await.unwrap();
    let end = resolved.end.unwrap();
    assert_eq!((end.status, end.reference.as_deref()), (ItemStatus::Succeeded, Some("77")));
    assert_eq!(end.amount.unwrap().to_string(), "5.00 ILS");
    let (_, claim) = hub.row("k").await;
    let Claim::Held(holder) = claim else { panic!("{claim:?}") };
    let Holder { state, .. } = *holder;
    assert_eq!(state, ItemState::Ended(ItemStatus::Succeeded));
    // One record is one step's.
    let other = hub.charge("l").await;
    for reference in ["77", "", "a b", "4111111111111111", &"7".repeat(101)] {
        let refused = hub.resolve(&other, Some(reference)).await;
        assert!(matches!(refused, Err(EngineError::Refused { .. })), "{reference:?}");
    }
    assert_eq!(hub.step(&other).await.state, StepState::Over(Unknown));
    hub.resolve(&other, Some("78")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_another_steps_is_not_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let (first, second) = (hub.charge("k").await, hub.charge("l").await);
    let mut unstamped = record(&first, "77");
    unstamped.stamped = Stamped::Unread;
    *hub.acme.records.lock().unwrap() = vec![record(&first, "77")];
    assert_eq!(hub.look(&first).await, Reconciled::Closed(Succeeded));
    *hub.acme.records.lock().unwrap() = vec![unstamped];
    assert!(matches!(hub.look(&second).await, Reconciled::NotFound(_)));
    assert_eq!(hub.step(&second).await.state, StepState::Over(Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_say_the_same_of_two_steps_at_once_one_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    for number in 0..20 {
        let (first, second) = (format!("a{number}"), format!("b{number}"));
        let (first, second) = (hub.charge(&first).await, hub.charge(&second).await);
        let reference = format!("payment-{number}");
        let (one, other) =
            tokio::join!(hub.resolve(&first, Some(&reference)), hub.resolve(&second, Some(&reference)));
        let refused = match (one, other) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            (one, other) => panic!("{one:?} {other:?}"),
        };
        assert!(matches!(refused, EngineError::Refused { .. }), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_ends_while_its_step_is_closed_is_never_left_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    for number in 0..40_u64 {
        let key = format!("k{number}");
        let step = hub.at_work(&key, &[("acme.charge", &key, Some(Unknown))]).await.remove(0);
        hub.halt(&step.item.run).await;
        let end = gesher_core::ItemEnd::new(ItemStatus::Unknown, "code", "no answer");
        let ending = async {
            // Some end before the closing, some after it, some in between.
            tokio::time::sleep(Duration::from_micros(number * 100)).await;
            hub.journal().finish_item(&step.item, end, hub.engine.clock().now()).await
        };
        let (resolved, ended) = tokio::join!(hub.resolve(&step, Some(&key)), ending);
        ended.unwrap();
        resolved.unwrap();
        let end = hub.item(&step.item).await.end.map(|end| end.status);
        assert!(matches!(end, None | Some(ItemStatus::Succeeded)), "{number}: {end:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_or_somebody_else_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    *hub.acme.failure.lock().unwrap() = Some(LookUpFailure::Refused(Text::verbatim("who are you")));
    assert!(matches!(hub.look(&step).await, Reconciled::NotAsked(_)));
    *hub.acme.failure.lock().unwrap() = None;
    hub.pass(3_600);
    assert!(matches!(hub.look(&step).await, Reconciled::NotAsked(_)), "the account is paused");
    assert_eq!(hub.acme.asked(), 1);
    assert_eq!(hub.alerts().await, [("account_paused".to_owned(), Some("acme:1".to_owned()))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_is_an_alert_once_and_asked_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let untrusted = || Some(LookUpFailure::Untrusted(Text::verbatim("its certificate is not trusted")));
    for _ in 0..2 {
        *hub.acme.failure.lock().unwrap() = untrusted();
        hub.pass(600);
        assert!(matches!(hub.look(&step).await, Reconciled::NotAsked(_)));
    }
    assert_eq!(hub.alerts().await, [("certificate".to_owned(), Some("acme".to_owned()))]);
    *hub.acme.failure.lock().unwrap() = None;
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77")];
    hub.pass(600);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_hears_who_asks_by_hand_is_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::telling(folder.path(), false);
    let step = hub.charge("k").await;
    let why = Text::verbatim("no");
    for failure in [LookUpFailure::Untrusted(why.clone()), LookUpFailure::Refused(why)] {
        *hub.acme.failure.lock().unwrap() = Some(failure);
        hub.pass(600);
        assert!(matches!(hub.look(&step).await, Reconciled::NotAsked(_)));
    }
    assert_eq!(hub.acme.asked(), 2);
    assert_eq!(hub.alerts().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_needed_and_is_kept_without_card_numbers_and_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.charge("k").await;
    let desk = hub.desk();
    assert!(matches!(desk.unlock(&step, " \n\t", "dana").await, Err(EngineError::Refused { .. })));
    assert_eq!(hub.step(&step).await.unlocked_at, None);
    desk.unlock(&step, "card 4111111111111111 is another's", "dana").await.unwrap();
    assert!(hub.step(&step).await.unlocked_at.is_some());
    *hub.acme.records.lock().unwrap() = vec![record(&step, "77")];
    hub.pass(10);
    assert_eq!(hub.look(&step).await, Reconciled::Closed(Succeeded));
    assert!(matches!(desk.unlock(&step, "again", "dana").await, Err(EngineError::Refused { .. })));
    drop(hub);
    drop(desk);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for canary in [CANARY.as_bytes(), b"4111111111111111"] {
            assert!(!bytes.windows(canary.len()).any(|part| part == canary), "{}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_there_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step: StepId = "k7mq2xd.1.1".parse().unwrap();
    assert!(matches!(hub.engine.reconcile(&step).await, Err(EngineError::NoStep(_))));
    assert!(matches!(hub.resolve(&step, None).await, Err(EngineError::NoStep(_))));
    assert!(matches!(hub.desk().unlock(&step, "r", "dana").await, Err(EngineError::NoStep(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_steps_did_nothing_is_free_once_a_person_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path());
    let step = hub.ended("k", &[("acme.charge", "k", Some(OutcomeStatus::Declined))], "diverged").await;
    assert!(matches!(hub.row("k").await.1, Claim::Held(_)));
    let end = hub.resolve_item(&step, None).await.unwrap();
    assert_eq!((end.status, end.code.as_deref()), (ItemStatus::NotSent, Some("not_charged")));
    assert!(end.message.contains("dana") && end.message.contains("seen at the provider"), "{}", end.message);
    assert!(matches!(hub.row("k").await.1, Claim::Taken { attempt: 2, .. }));
}
