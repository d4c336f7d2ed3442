//! Look-ups against the simulator over HTTP: what the lists say of a charge or a document whose answer was lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use gesher_core::look_up::{
    Candidate, Found, LookUpFailure, Pace, Sibling, Stamped, TurnFuture, Turns, Wanted,
};
use gesher_core::operation::{Provider, Registry};
use gesher_core::time::ManualClock;
use gesher_core::{Clock, Language, LookUp, Outcome, OutcomeStatus, Secret, Stamp, StepId, Text};
use gesher_officeguy::simulated::{MARKETPLACE_COMPANY_ID, World, WorldOptions};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, PROVIDER, StampPlace};
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: &str = "2026-03-15T10:00:00Z";
const OURS: &str = "k7mq2xd.12.1";
const OTHER: &str = "k7mq2xd.13.1";
const CHARGES: &str = r#"path = "/billing/payments/charge/""#;
const PAYMENTS: &str = r#"path = "/billing/payments/list/""#;
const DOCUMENTS: &str = r#"path = "/accounting/documents/list/""#;

/// A simulator with faults, and the provider that calls it.
struct Play {
    simulator: RunningSimulator,
    provider: Arc<dyn Provider>,
    registry: Registry,
    clock: Arc<ManualClock>,
    intent_at: Timestamp,
    siblings: Vec<Sibling>,
    pace: Pace,
}

impl Play {
    async fn begin(place: StampPlace, faults: &str) -> Self {
        let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
        let api_key = Some(Secret::from("MarketKey"));
        let simulator = Simulator::start(SimulatorOptions {
            served: vec![Served {
                listen: "127.0.0.1:0".parse().unwrap(),
                provider: Box::new(World::new(WorldOptions { api_key, ..WorldOptions::default() })),
            }],
            ledger: None,
            faults: FaultPlan::parse(faults).unwrap(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        })
        .await
        .unwrap();
        let (provider, registry) = Self::client(&simulator, place, "MarketKey");
        Self {
            simulator,
            provider,
            registry,
            clock,
            intent_at: NOW.parse().unwrap(),
            siblings: Vec::new(),
            pace: Pace::default(),
        }
    }

    fn client(simulator: &RunningSimulator, place: StampPlace, key: &str) -> (Arc<dyn Provider>, Registry) {
        let config = OfficeGuyConfig {
            base_url: simulator.base_url(PROVIDER).unwrap().parse().unwrap(),
            company_id: MARKETPLACE_COMPANY_ID,
            api_key: Secret::from(key),
            language: Language::He,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            stamp: place,
        };
        let provider: Arc<dyn Provider> = Arc::new(OfficeGuy::new(config).unwrap());
        let registry = Registry::new(&[Arc::clone(&provider)]);
        (provider, registry)
    }

    /// Calls an operation as the step of that id.
    async fn call(&self, name: &str, request: &Value, step: &str) -> Outcome {
        let operation = self.registry.find(&format!("officeguy.{name}")).unwrap();
        let prepared = common::prepare(&self.registry, name, request.clone()).unwrap();
        let stamp = self.provider.stamp(operation.entry, &prepared, &step.parse().unwrap());
        let account = self.provider.marketplace();
        self.provider.perform(operation.entry, &account, &prepared, stamp.as_ref()).await
    }

    async fn charge(&self, request: &Value, step: &str) -> OutcomeStatus {
        self.call("charge", request, step).await.status
    }

    /// Looks up what became of such a call by the step [`OURS`].
    async fn look_up(&self, name: &str, request: &Value) -> Result<Found, LookUpFailure> {
        self.look_up_as(name, request, OURS, &self.pace).await
    }

    /// Looks up what became of such a call by that step.
    async fn look_up_as(
        &self,
        name: &str,
        request: &Value,
        step: &str,
        pace: &Pace,
    ) -> Result<Found, LookUpFailure> {
        let operation = self.registry.find(&format!("officeguy.{name}")).unwrap();
        let prepared = common::prepare(&self.registry, name, request.clone()).unwrap();
        let step: StepId = step.parse().unwrap();
        let wanted = Wanted {
            amount: prepared.facts.amount,
            subject: prepared.facts.subject.clone(),
            facts: prepared.facts.look_up.clone(),
            stamp: self.provider.stamp(operation.entry, &prepared, &step),
            intent_at: self.intent_at,
            until: self.clock.now(),
            siblings: self.siblings.clone(),
            pace: pace.clone(),
        };
        self.provider.look_up(operation.entry, &self.provider.marketplace(), &wanted).await
    }

    /// The records found, each as `reference status stamp amount agreement`.
    async fn finds(&self, name: &str, request: &Value, want: &[&str]) -> Vec<Candidate> {
        let mut found = self.look_up(name, request).await.unwrap().candidates;
        found.sort_by(|one, other| one.reference.cmp(&other.reference));
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, want, "{request}");
        found
    }
}

fn line(candidate: &Candidate) -> String {
    let ours: Stamp = OURS.parse().unwrap();
    let stamp = match &candidate.stamped {
        Stamped::As(stamp) if *stamp == ours => "ours",
        Stamped::As(_) => "another",
        Stamped::Not => "not",
        Stamped::Unread => "unread",
    };
    assert_eq!(candidate.outcome.reference.as_ref(), Some(&candidate.reference));
    format!(
        "{} {} {stamp} {:?} {:?}",
        candidate.reference, candidate.outcome.status, candidate.amount_agrees, candidate.agrees
    )
}

/// A charge of 9.00 ILS by the customer of that outer id.
fn order(customer: &str) -> Value {
    let mut request = common::charge();
    request["Customer"]["ExternalIdentifier"] = json!(customer);
    request["DocumentDescription"] = json!("order-1");
    request
}

fn with(mut request: Value, field: &str, value: Value) -> Value {
    request[field] = value;
    request
}

fn rule(matches: &str, fault: &str) -> String {
    format!("[[rule]]\nmatch = {{ {matches} }}\nfault = \"{fault}\"\n")
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_found_by_its_stamp() {
    for (place, description) in
        [(StampPlace::End, "order-1 [k7mq2xd.12.1]"), (StampPlace::Start, "[k7mq2xd.12.1] order-1")]
    {
        let play = Play::begin(place, &rule(&format!("{CHARGES}, nth = [2]"), "commit_then_close")).await;
        assert_eq!(play.charge(&order("cust-17"), OTHER).await, OutcomeStatus::Succeeded);
        assert_eq!(play.charge(&order("cust-17"), OURS).await, OutcomeStatus::Unknown);
        let found =
            play.finds("charge", &order("cust-17"), &["9000000002 succeeded ours Yes CannotTell"]).await;
        let ledger = play.simulator.ledger().unwrap();
        assert_eq!(ledger[1].description.as_deref(), Some(description));
        let outcome = &found[0].outcome;
        assert_eq!(outcome.document.as_deref(), Some("1001"));
        assert_eq!(outcome.amount, "9.00 ILS".parse().ok());
        assert_eq!(outcome.data["Payment"]["ID"], json!(9_000_000_002_i64));
        assert_eq!(outcome.data["DocumentNumber"], json!(1001));
        assert!(!found[0].evidence.to_string().contains("tok-1"), "{}", found[0].evidence);
        play.simulator.stop().await;
    }
}

#[tokio::test]
async fn a_charge_that_never_arrived_is_not_found() {
    let play = Play::begin(StampPlace::End, &rule(CHARGES, "close_before")).await;
    assert_eq!(play.charge(&order("cust-17"), OURS).await, OutcomeStatus::Unknown);
    play.finds("charge", &order("cust-17"), &[]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn without_a_stamp_every_record_says_how_it_fits() {
    let play = Play::begin(StampPlace::Off, "").await;
    let theirs = order("cust-18");
    let dearer = with(order("cust-17"), "Items", json!([{"Item": {"Name": "Bowl"}, "UnitPrice": 10}]));
    let mut other_card = order("cust-17");
    other_card["PaymentMethod"]["CreditCard_ExpirationMonth"] = json!(11);
    let mut refused = order("cust-17");
    refused["PaymentMethod"]["CreditCard_Token"] = json!("tok-004");
    for request in [&order("cust-17"), &theirs, &dearer, &other_card, &refused, &order("cust-17")] {
        play.charge(request, OTHER).await;
    }
    assert_eq!(play.simulator.ledger().unwrap()[0].description.as_deref(), Some("order-1"));
    play.finds(
        "charge",
        &order("cust-17"),
        &[
            "9000000001 succeeded not Yes Yes",
            "9000000002 succeeded not Yes No",
            "9000000004 succeeded not Yes No",
            "9000000005 declined unread Yes Yes",
            "9000000006 succeeded not Yes Yes",
        ],
    )
    .await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_record_of_another_stamp_is_not_even_shown() {
    let play = Play::begin(StampPlace::End, "").await;
    play.charge(&order("cust-17"), OTHER).await;
    play.finds("charge", &order("cust-17"), &[]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn our_stamp_on_another_sum_is_shown_as_such() {
    let play = Play::begin(StampPlace::End, "").await;
    let dearer = with(order("cust-17"), "Items", json!([{"Item": {"Name": "Bowl"}, "UnitPrice": 10}]));
    play.charge(&dearer, OURS).await;
    play.finds("charge", &order("cust-17"), &["9000000001 succeeded ours No CannotTell"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_charge_that_was_done_twice_is_found_twice() {
    let play = Play::begin(StampPlace::End, &rule(CHARGES, "duplicate")).await;
    play.charge(&order("cust-17"), OURS).await;
    let want = ["9000000001 succeeded ours Yes CannotTell", "9000000002 succeeded ours Yes CannotTell"];
    play.finds("charge", &order("cust-17"), &want).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_list_that_lags_behind_shows_it_later() {
    let faults = format!("{}delay_ms = 60000\n", rule(PAYMENTS, "list_lag"));
    let play = Play::begin(StampPlace::End, &faults).await;
    play.charge(&order("cust-17"), OURS).await;
    play.clock.advance(Duration::from_secs(30));
    play.finds("charge", &order("cust-17"), &[]).await;
    play.clock.advance(Duration::from_secs(40));
    play.finds("charge", &order("cust-17"), &["9000000001 succeeded ours Yes CannotTell"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_payment_that_does_not_know_its_document_yet_is_asked_for_it() {
    let faults = format!("{}delay_ms = 60000\n", rule(PAYMENTS, "document_lag"));
    let play = Play::begin(StampPlace::End, &faults).await;
    play.charge(&order("cust-17"), OURS).await;
    play.charge(&order("cust-17"), OTHER).await;
    let want = ["9000000001 succeeded ours Yes CannotTell", "9000000002 succeeded another Yes CannotTell"];
    play.finds("charge", &order("cust-17"), &want).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_document_that_is_late_leaves_a_stamped_charge_open() {
    let faults = "[[rule]]\nfault = \"document_lag\"\ndelay_ms = 3600000\n";
    let play = Play::begin(StampPlace::End, faults).await;
    let known = with(order("cust-17"), "Customer", json!({"Name": "נועה", "SearchMode": "Automatic"}));
    assert_eq!(play.charge(&known, OTHER).await, OutcomeStatus::Succeeded);
    let by_id = with(order("cust-17"), "Customer", json!({"ID": 8_000_000_001_i64}));
    play.clock.advance(Duration::from_secs(600));
    assert_eq!(play.charge(&by_id, OURS).await, OutcomeStatus::Succeeded);
    let play = Play { intent_at: play.clock.now(), ..play };
    play.finds("charge", &by_id, &["9000000002 succeeded unread Yes CannotTell"]).await;
    // By now a document would be there if one had been made.
    play.clock.advance(Duration::from_secs(601));
    play.finds("charge", &by_id, &["9000000002 succeeded unread Yes Yes"]).await;
    play.clock.advance(Duration::from_secs(3600));
    play.finds("charge", &by_id, &["9000000002 succeeded ours Yes CannotTell"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_charge_without_a_document_is_known_by_its_customer() {
    let play = Play::begin(StampPlace::End, "").await;
    let bare = with(order("cust-17"), "PreventDocumentCreation", json!(true));
    play.charge(&bare, OURS).await;
    assert_eq!(play.simulator.ledger().unwrap()[0].description.as_deref(), Some("order-1"));
    play.finds("charge", &bare, &["9000000001 succeeded unread Yes CannotTell"]).await;
    // Another document of the customer says who it is.
    play.charge(&with(order("cust-17"), "DocumentDescription", json!("order-2")), OTHER).await;
    play.finds("charge", &bare, &["9000000001 succeeded unread Yes Yes"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn what_is_older_than_the_intent_is_not_shown() {
    let play = Play::begin(StampPlace::Off, "").await;
    play.charge(&order("cust-17"), OTHER).await;
    play.clock.advance(Duration::from_secs(120));
    play.charge(&order("cust-17"), OTHER).await;
    let play = Play { intent_at: "2026-03-15T10:05:01Z".parse().unwrap(), ..play };
    play.finds("charge", &order("cust-17"), &["9000000002 succeeded not Yes Yes"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn vat_that_the_provider_adds_is_reckoned_with() {
    let play = Play::begin(StampPlace::Off, "").await;
    let lines =
        json!([{"Item": {"Name": "A"}, "UnitPrice": 0.33}, {"Item": {"Name": "B"}, "UnitPrice": 0.33}]);
    let request = with(with(order("cust-17"), "Items", lines), "VATIncluded", json!(false));
    assert_eq!(play.charge(&request, OTHER).await, OutcomeStatus::Succeeded);
    play.finds("charge", &request, &["9000000001 succeeded not Yes Yes"]).await;
    play.simulator.stop().await;
}

/// Another step that asked for this.
fn sibling(play: &Play, name: &str, request: &Value, step: &str) -> Sibling {
    let prepared = common::prepare(&play.registry, name, request.clone()).unwrap();
    Sibling {
        step: step.parse().unwrap(),
        endpoint: Some(prepared.endpoint),
        amount: prepared.facts.amount,
        facts: prepared.facts.look_up,
    }
}

#[tokio::test]
async fn a_payment_says_which_other_steps_it_could_be_of() {
    let play = Play::begin(StampPlace::Off, "").await;
    let customer = |customer: Value| with(order("cust-17"), "Customer", customer);
    let paid = customer(json!({"ExternalIdentifier": "cust-17", "EmailAddress": "noa@x.test",
        "SearchMode": "ExternalIdentifier", "Name": "Noa"}));
    play.charge(&paid, OTHER).await;
    let by_mail = customer(json!({"EmailAddress": "NOA@x.test", "SearchMode": "EmailAddress"}));
    let by_id = customer(json!({"ID": 8_000_000_001_i64}));
    let other_mail = customer(json!({"EmailAddress": "dan@x.test", "SearchMode": "EmailAddress"}));
    let net = json!([{"Item": {"Name": "Bowl"}, "UnitPrice": 7.63}]);
    let net = with(with(by_mail.clone(), "Items", net), "VATIncluded", json!(false));
    let dearer = with(by_mail.clone(), "Items", json!([{"Item": {"Name": "Bowl"}, "UnitPrice": 10}]));
    let mut saved = by_id.clone();
    saved.as_object_mut().unwrap().remove("PaymentMethod");
    let siblings = vec![
        sibling(&play, "charge", &by_mail, "aaaaaaa.1.1"),
        sibling(&play, "charge_saved_method", &saved, "aaaaaaa.2.1"),
        sibling(&play, "charge", &net, "aaaaaaa.3.1"),
        sibling(&play, "charge", &other_mail, "aaaaaaa.4.1"),
        sibling(&play, "charge", &dearer, "aaaaaaa.5.1"),
        sibling(&play, "create_document", &document(None), "aaaaaaa.6.1"),
    ];
    let play = Play { siblings, ..play };
    for request in [&paid, &by_id] {
        let found = play.finds("charge", request, &["9000000001 succeeded not Yes Yes"]).await;
        let also: Vec<String> = found[0].also.iter().map(ToString::to_string).collect();
        assert_eq!(also, ["aaaaaaa.1.1", "aaaaaaa.2.1", "aaaaaaa.3.1"], "{request}");
    }
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_second_payment_whose_document_is_late_is_shown_beside_the_first() {
    let faults = "[[rule]]\nmatch = { path = \"/accounting/documents/list/\" }\nfault = \"document_lag\"\ndelay_ms = 700000\n[[rule]]\nmatch = { path = \"/accounting/documents/getdetails/\" }\nfault = \"document_lag\"\ndelay_ms = 700000\n[[rule]]\nmatch = { path = \"/billing/payments/get/\" }\nfault = \"document_lag\"\ndelay_ms = 700000\n[[rule]]\nmatch = { path = \"/billing/payments/list/\" }\nfault = \"document_lag\"\ndelay_ms = 700000\n";
    let play = Play::begin(StampPlace::End, faults).await;
    play.charge(&order("cust-17"), OURS).await;
    play.clock.advance(Duration::from_secs(690));
    play.charge(&order("cust-17"), OURS).await;
    play.clock.advance(Duration::from_secs(20));
    let want = ["9000000001 succeeded ours Yes CannotTell", "9000000002 succeeded unread Yes CannotTell"];
    let found = play.finds("charge", &order("cust-17"), &want).await;
    assert!(found[1].pending && !found[0].pending);
    play.clock.advance(Duration::from_secs(690));
    let want = ["9000000001 succeeded ours Yes CannotTell", "9000000002 succeeded ours Yes CannotTell"];
    play.finds("charge", &order("cust-17"), &want).await;
    play.simulator.stop().await;
}

/// So many turns, and no more.
struct Few(AtomicUsize);

impl Turns for Few {
    fn turn(&self) -> TurnFuture<'_> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let turn = left.map(|_| Box::new(()) as Box<dyn Send>).map_err(|_| Text::verbatim("no turn"));
        Box::pin(std::future::ready(turn))
    }
}

#[tokio::test]
async fn each_request_of_a_look_up_waits_for_its_turn() {
    let play = Play::begin(StampPlace::Off, "").await;
    play.charge(&order("cust-17"), OTHER).await;
    // The documents, the payments, and the customer of the one that fits.
    let mut play = play;
    for (turns, enough) in [(0, false), (1, false), (2, false), (3, true)] {
        let few = Arc::new(Few(AtomicUsize::new(turns)));
        play.pace = Pace::of(Arc::clone(&few) as Arc<dyn Turns>);
        let found = play.look_up("charge", &order("cust-17")).await;
        assert_eq!(found.is_ok(), enough, "{turns}");
        assert_eq!(few.0.load(Ordering::SeqCst), 0, "{turns}");
    }
    play.simulator.stop().await;
}

/// How many requests for the two lists there were, documents first.
fn lists_read(play: &Play) -> (u64, u64) {
    let asked = |path| play.simulator.asked(path);
    (asked("/accounting/documents/list/"), asked("/billing/payments/list/"))
}

#[tokio::test]
async fn look_ups_that_wait_share_a_list_and_each_finds_its_own() {
    let play =
        Play::begin(StampPlace::End, &rule(&format!("{CHARGES}, nth = [3, 40]"), "close_before")).await;
    let steps: Vec<String> = (1..=77).map(|ordinal| format!("aaaaaaa.{ordinal}.1")).collect();
    for step in &steps {
        play.charge(&order("cust-17"), step).await;
    }
    let play = Arc::new(play);
    let looks: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let play = Arc::clone(&play);
            tokio::spawn(async move {
                let found = play.look_up_as("charge", &order("cust-17"), &step, &Pace::default()).await;
                (step, found.unwrap().candidates)
            })
        })
        .collect();
    let mut found = 0;
    for look in looks {
        let (step, candidates) = look.await.unwrap();
        let stamps: Vec<&Stamped> = candidates.iter().map(|candidate| &candidate.stamped).collect();
        match step.as_str() {
            "aaaaaaa.3.1" | "aaaaaaa.40.1" => assert!(candidates.is_empty(), "{step}: {stamps:?}"),
            _ => assert_eq!(stamps, [&Stamped::As(step.parse().unwrap())], "{step}"),
        }
        found += candidates.len();
    }
    assert_eq!(found, 75);
    // The first reads for itself alone or for all, and the rest together. The payments have two pages.
    let (documents, payments) = lists_read(&play);
    assert!(documents <= 2 && payments <= 6, "{documents} {payments}");
}

/// Lets the first look-up through to its second request, which waits until it is let go.
struct Held {
    asked: AtomicUsize,
    go: tokio::sync::Semaphore,
}

impl Turns for Held {
    fn turn(&self) -> TurnFuture<'_> {
        let is_first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if !is_first {
                self.go.acquire().await.unwrap().forget();
            }
            Ok(Box::new(()) as Box<dyn Send>)
        })
    }
}

/// A look-up by [`OTHER`] that has read the documents and is about to read the payments.
async fn held_up(play: &Arc<Play>) -> (Arc<Held>, tokio::task::JoinHandle<Result<Found, LookUpFailure>>) {
    let held = Arc::new(Held { asked: AtomicUsize::new(0), go: tokio::sync::Semaphore::new(0) });
    let (own, pace) = (Arc::clone(play), Pace::of(Arc::clone(&held) as Arc<dyn Turns>));
    let look = tokio::spawn(async move { own.look_up_as("charge", &order("cust-17"), OTHER, &pace).await });
    while held.asked.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (held, look)
}

fn begin_look(play: &Arc<Play>) -> tokio::task::JoinHandle<Vec<String>> {
    let play = Arc::clone(play);
    tokio::spawn(async move {
        let found = play.look_up("charge", &order("cust-17")).await.unwrap();
        found.candidates.iter().map(line).collect()
    })
}

#[tokio::test]
async fn a_list_whose_reading_had_begun_is_not_used() {
    let play = Arc::new(Play::begin(StampPlace::End, "").await);
    let (held, first) = held_up(&play).await;
    play.charge(&order("cust-17"), OURS).await;
    let second = begin_look(&play);
    while lists_read(&play).0 < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(lists_read(&play), (2, 0), "the second waits for the payments");
    held.go.add_permits(100);
    // The first learns of a payment that bears the other's stamp, and the second reads anew.
    let first: Vec<String> = first.await.unwrap().unwrap().candidates.iter().map(line).collect();
    assert_eq!(first, ["9000000001 succeeded ours Yes CannotTell"]);
    assert_eq!(second.await.unwrap(), ["9000000001 succeeded ours Yes CannotTell"]);
    assert_eq!(lists_read(&play), (2, 2));
}

#[tokio::test]
async fn whoever_gives_up_reading_leaves_it_to_the_next() {
    let play = Arc::new(Play::begin(StampPlace::End, "").await);
    play.charge(&order("cust-17"), OURS).await;
    let (_held, first) = held_up(&play).await;
    let looks = [begin_look(&play), begin_look(&play), begin_look(&play)];
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    for look in looks {
        assert_eq!(look.await.unwrap(), ["9000000001 succeeded ours Yes CannotTell"]);
    }
    let (_, payments) = lists_read(&play);
    assert!(payments <= 2, "{payments}");
}

#[tokio::test]
async fn somebody_in_a_hurry_does_not_wait_for_the_patient() {
    let play = Arc::new(Play::begin(StampPlace::End, "").await);
    play.charge(&order("cust-17"), OURS).await;
    let (_held, _first) = held_up(&play).await;
    let hurried = Pace::default().hurried();
    let found = play.look_up_as("charge", &order("cust-17"), OURS, &hurried).await.unwrap();
    assert_eq!(found.candidates.len(), 1);
}

#[tokio::test]
async fn a_list_that_could_not_be_read_is_read_for_nobody() {
    let play = Play::begin(StampPlace::End, &rule(&format!("{PAYMENTS}, nth = [1]"), "status")).await;
    play.charge(&order("cust-17"), OURS).await;
    let request = order("cust-17");
    let (one, other) = tokio::join!(play.look_up("charge", &request), play.look_up("charge", &request));
    let failed = [&one, &other].into_iter().filter(|end| end.is_err()).count();
    let found = [one, other].into_iter().flatten().map(|found| found.candidates.len()).sum::<usize>();
    assert!(failed > 0 && found == 2 - failed, "{failed} failed, {found} found");
}

#[tokio::test]
async fn every_page_is_read() {
    let play = Play::begin(StampPlace::End, "").await;
    for count in 0..110 {
        let step = format!("aaaaaaa.{}.1", count + 1);
        assert_eq!(play.charge(&order("cust-17"), &step).await, OutcomeStatus::Succeeded);
    }
    play.clock.advance(Duration::from_secs(1));
    play.charge(&order("cust-17"), OURS).await;
    play.finds("charge", &order("cust-17"), &["9000000111 succeeded ours Yes CannotTell"]).await;
    play.simulator.stop().await;
}

/// A look-up of one of 101 charges, with a fault in the lists: found, or a failure.
async fn spoiled(matches: &str, fault: &str, found: bool) {
    let play = Play::begin(StampPlace::End, &rule(matches, fault)).await;
    for count in 0..100 {
        play.charge(&order("cust-17"), &format!("aaaaaaa.{}.1", count + 1)).await;
    }
    play.charge(&order("cust-17"), OURS).await;
    match play.look_up("charge", &order("cust-17")).await {
        Ok(whole) => assert!(found && whole.candidates.len() == 1, "{matches} {fault}"),
        Err(LookUpFailure::Unavailable(why)) => {
            assert!(!found && !why.is_empty(), "{matches} {fault}: {why:?}")
        }
        Err(other) => panic!("{matches} {fault}: {other:?}"),
    }
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_list_that_is_not_whole_is_a_failure_and_never_nothing() {
    let second = &format!("{PAYMENTS}, nth = [2]");
    for matches in [PAYMENTS, DOCUMENTS] {
        spoiled(matches, "list_repeats", true).await;
        spoiled(matches, "list_empty_page", false).await;
        spoiled(matches, "foreign_json", false).await;
    }
    for fault in ["status", "truncate", "html_200", "close_before", "status2_after_commit", "list_empty_page"]
    {
        spoiled(second, fault, false).await;
    }
}

#[tokio::test]
async fn refused_keys_stop_a_look_up() {
    let play = Play::begin(StampPlace::End, "").await;
    play.charge(&order("cust-17"), OURS).await;
    let (provider, registry) = Play::client(&play.simulator, StampPlace::End, "WrongKey");
    let play = Play { provider, registry, ..play };
    let refused = play.look_up("charge", &order("cust-17")).await.unwrap_err();
    assert!(matches!(refused, LookUpFailure::Refused(_)), "{refused:?}");
    play.simulator.stop().await;
}

fn document(reference: Option<&str>) -> Value {
    let mut request = json!({
        "Details": {"Type": "Invoice", "Description": "March",
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier", "Name": "Noa"}},
        "Items": [{"Item": {"Name": "Workshop"}, "UnitPrice": 118}],
        "VATIncluded": true,
    });
    if let Some(reference) = reference {
        request["Details"]["ExternalReference"] = json!(reference);
    }
    request
}

#[tokio::test]
async fn a_document_is_found_by_its_stamp_or_its_reference() {
    let play = Play::begin(StampPlace::End, "").await;
    play.call("create_document", &document(None), OTHER).await;
    play.call("create_document", &document(None), OURS).await;
    assert_eq!(play.simulator.ledger().unwrap()[1].description.as_deref(), Some("March [k7mq2xd.12.1]"));
    let found =
        play.finds("create_document", &document(None), &["6000000002 succeeded ours Yes CannotTell"]).await;
    assert_eq!(found[0].outcome.document.as_deref(), Some("1001"));
    assert_eq!(found[0].outcome.data["DocumentID"], json!(6_000_000_002_i64));
    play.simulator.stop().await;

    let play = Play::begin(StampPlace::Off, "").await;
    let receipt = with(document(Some("order-9")), "VATIncluded", json!(true));
    let mut other_kind = receipt.clone();
    other_kind["Details"]["Type"] = json!("ProformaInvoice");
    for request in [&document(Some("order-9")), &document(Some("order-8")), &document(None), &other_kind] {
        play.call("create_document", request, OTHER).await;
    }
    play.finds("create_document", &document(Some("order-9")), &["6000000001 succeeded not Yes Yes"]).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_cancellation_is_found_by_its_stamp_and_by_nothing_else() {
    let cancel = json!({"DocumentID": 6_000_000_001_i64, "Description": "by mistake"});
    for (place, want) in [
        (StampPlace::End, vec!["6000000002 succeeded ours CannotTell CannotTell"]),
        (StampPlace::Off, Vec::new()),
    ] {
        let play = Play::begin(place, "").await;
        play.call("create_document", &document(None), OTHER).await;
        play.finds("cancel_document", &cancel, &[]).await;
        play.call("cancel_document", &cancel, OURS).await;
        let found = play.finds("cancel_document", &cancel, &want).await;
        assert!(found.iter().all(|found| found.outcome.document.as_deref() == Some("1000")));
        play.simulator.stop().await;
    }
}

#[tokio::test]
async fn a_document_of_another_sum_is_another_document() {
    let play = Play::begin(StampPlace::Off, "").await;
    let mut receipt = document(None);
    receipt["Details"]["Type"] = json!("InvoiceAndReceipt");
    // A charge of the same customer makes a document of the same kind.
    play.charge(&order("cust-17"), OTHER).await;
    play.finds("create_document", &receipt, &[]).await;
    let bowl = json!([{"Item": {"Name": "Bowl"}, "UnitPrice": 118}]);
    let same_sum = with(order("cust-17"), "Items", bowl);
    play.charge(&same_sum, OTHER).await;
    let found = play.finds("create_document", &receipt, &["6000000002 succeeded not Yes Yes"]).await;
    assert_eq!((found[0].document.as_deref(), found[0].also.len()), (Some("1001"), 0));
    // The charge may be one of which nobody knows either.
    let play = Play { siblings: vec![sibling(&play, "charge", &same_sum, OTHER)], ..play };
    let found = play.finds("create_document", &receipt, &["6000000002 succeeded not Yes Yes"]).await;
    assert_eq!(found[0].also, [OTHER.parse::<StepId>().unwrap()]);
    // A sum that is not clear is left open.
    receipt["VATPerItem"] = json!(true);
    receipt.as_object_mut().unwrap().remove("VATIncluded");
    let want = ["6000000001 succeeded not CannotTell Yes", "6000000002 succeeded not CannotTell Yes"];
    play.finds("create_document", &receipt, &want).await;
    play.simulator.stop().await;
}

#[tokio::test]
async fn a_document_with_a_date_of_its_own_is_looked_for_there() {
    let play = Play::begin(StampPlace::End, "").await;
    let mut request = document(None);
    request["Details"]["Date"] = json!("2026-01-10");
    play.call("create_document", &request, OURS).await;
    let found = play.finds("create_document", &request, &["6000000001 succeeded ours Yes CannotTell"]).await;
    assert_eq!(found[0].at, None);
    play.simulator.stop().await;
}

#[tokio::test]
async fn what_the_table_calls_manual_cannot_be_looked_up_and_nothing_else() {
    let play = Play::begin(StampPlace::End, "").await;
    for (name, operation) in play.registry.iter() {
        let descriptor = operation.entry.descriptor;
        if !descriptor.effect.changes() {
            continue;
        }
        let wanted = Wanted {
            amount: None,
            subject: None,
            facts: Value::Null,
            stamp: None,
            intent_at: play.intent_at,
            until: play.clock.now(),
            siblings: Vec::new(),
            pace: Pace::default(),
        };
        let answer = play.provider.look_up(operation.entry, &play.provider.marketplace(), &wanted).await;
        let is_manual = answer.is_err_and(|failure| failure == LookUpFailure::Manual);
        assert_eq!(is_manual, descriptor.look_up == LookUp::Manual, "{name}");
    }
    play.simulator.stop().await;
}

#[test]
fn what_is_noted_is_small_and_holds_no_token() {
    let registry = common::registry();
    let noted = |name: &str, request: Value| common::prepare(&registry, name, request).unwrap().facts.look_up;
    assert_eq!(
        noted("charge", common::charge()),
        json!({"Customer": {"ExternalIdentifier": "cust-17", "Name": "נועה לוי"},
            "PaymentMethod": {"ExpirationMonth": 12, "ExpirationYear": 2030}})
    );
    let saved = json!({"Customer": {"ID": 7}, "Items": [{"Item": {"Name": "Bowl"}, "UnitPrice": 100}],
        "VATIncluded": false, "DocumentType": "Receipt"});
    assert_eq!(
        noted("charge_saved_method", saved),
        json!({"Customer": {"ID": 7}, "Sums": ["100.00", "117.99", "118.00", "118.01"], "DocumentType": 2})
    );
    assert_eq!(
        noted("create_document", document(Some("order-9"))),
        json!({"Customer": {"ExternalIdentifier": "cust-17", "Name": "Noa"}, "Sums": ["118.00"],
            "Currency": "ILS", "DocumentType": 0, "ExternalReference": "order-9"})
    );
    let terminal = json!({"BankCode": 12, "BranchCode": 600, "AccountNumber": "123456"});
    assert_eq!(noted("open_upay_terminal", terminal), json!({"BankCode": 12, "BranchCode": 600}));
}
