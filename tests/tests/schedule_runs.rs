//! Schedules at work: ticks that fire, that were missed, that meet one still at work; clocks that are set; hubs that die.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::clock::faketime;
use gesher_tests::fake::CHARGE;
use gesher_tests::{FakeProvider, Hub, Reply, nap, until};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Charges one subscription for the tick's month, or for the tick itself.
const BILL: &str = r#"fn on_schedule(tick) {
    officeguy::charge("marketplace", "sub-17/" + tick.KEY, #{
        Customer: #{ ExternalIdentifier: "sub-17 " + tick.KEY, Name: "Noa", SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: "aaaaaaaa-bbbb-4ccc-8ddd-000000000017", CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2035, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: "Plan" }, Quantity: 1, UnitPrice: decimal("49.90") } ],
        VATIncluded: true,
    })
}
"#;

/// A flow `NAME` with a schedule; `key` is what of the tick names its charge, nothing for a flow that charges nobody.
fn add(hub: &Hub, name: &str, schedule: &str, key: Option<&str>) {
    let (allow, script) = match key {
        Some(key) => ("\"officeguy.charge\"", BILL.replace("KEY", key)),
        None => ("", "fn on_schedule(tick) { log::info(`tick ${tick.nominal}`); }\n".to_owned()),
    };
    hub.write(&format!("scripts/{name}.rhai"), script);
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    let part = format!(
        "\n[flow.{name}]\nscript = \"scripts/{name}.rhai\"\nallow = [{allow}]\n[flow.{name}.schedule]\n{schedule}\n"
    );
    hub.write("gesher.toml", text + &part);
}

fn runs(hub: &Hub, flow: &str) -> Vec<Value> {
    hub.cmd(&["--json", "runs", "--flow", flow, "--limit", "1000"]).json_lines()
}

/// Waits until the hub has looked at the clock for so many schedules, as its journal says.
#[track_caller]
fn until_known(hub: &Hub, schedules: i64) {
    until("the schedules to be known", 30, || {
        let journal = rusqlite::Connection::open(hub.path("data/gesher.db")).ok()?;
        let many =
            journal.query_row("SELECT count(*) FROM schedules", [], |row| row.get::<_, i64>(0)).ok()?;
        (many == schedules).then_some(())
    });
}

/// Name and state of each run, the oldest first.
fn states(hub: &Hub, flow: &str) -> Vec<String> {
    let shown = |run: &Value| format!("{} {}", run["name"].as_str().unwrap(), run["state"].as_str().unwrap());
    runs(hub, flow).iter().rev().map(shown).collect()
}

fn provider() -> FakeProvider {
    FakeProvider::start(|received, _| match received.path() {
        CHARGE => Reply::Approve,
        _ => Reply::http("404 Not Found", "text/plain", "no such page"),
    })
}

/// Sets the clock of the hub's programs, where this machine can lie to programs about the time.
struct Faketime(PathBuf);

impl Faketime {
    fn of(hub: &mut Hub, test: &str) -> Option<Self> {
        let library = faketime(test)?;
        let file = hub.scratch().join("clock");
        for (name, value) in [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            // The file's times are those of Greenwich.
            ("TZ", "UTC"),
        ] {
            hub.set_environment(name, value);
        }
        Some(Self(file))
    }

    /// From now on a program that starts, or has started, counts from this time of Greenwich at its start.
    fn set(&self, time: &str) {
        let draft = self.0.with_extension("tmp");
        std::fs::write(&draft, format!("@{time}")).unwrap();
        std::fs::rename(&draft, &self.0).unwrap();
    }
}

#[test]
fn a_hub_that_was_down_for_a_week_holds_what_moves_money_and_makes_up_for_the_rest() {
    let provider = provider();
    let mut hub = Hub::bulk("en", provider.base_url());
    let Some(clock) = Faketime::of(&mut hub, "schedule_runs::a_hub_that_was_down_for_a_week") else { return };
    add(&hub, "monthly", "cron = \"0 6 1 * *\"", Some("period"));
    add(&hub, "daily", "cron = \"0 6 * * *\"", None);
    add(&hub, "dropped", "cron = \"0 6 * * *\"\nmissed = \"drop\"", None);
    // A schedule that is seen for the first time has no past.
    clock.set("2026-10-28 10:00:00");
    let serving = hub.serve();
    until_known(&hub, 3);
    nap(1_500);
    assert_eq!(serving.stop().code, 0);
    for flow in ["monthly", "daily", "dropped"] {
        assert_eq!(states(&hub, flow), Vec::<String>::new(), "{flow}");
    }
    // A week later: the 1st of November was missed, and each day's 6:00, the last of them that of today.
    let days = ["10-29", "10-30", "10-31", "11-01", "11-02", "11-03", "11-04"];
    let dropped = days.map(|day| format!("2026-{day} 06:00 refused"));
    let mut daily = dropped.clone();
    daily[6] = "2026-11-04 06:00 finished".to_owned();
    clock.set("2026-11-04 10:00:00");
    for _ in 0..2 {
        let serving = hub.serve();
        until("the latest daily tick", 30, || (states(&hub, "daily") == daily).then_some(()));
        until("what is left out", 30, || (states(&hub, "dropped") == dropped).then_some(()));
        until("the held tick", 30, || (states(&hub, "monthly") == ["2026-11-01 06:00 held"]).then_some(()));
        nap(500);
        assert_eq!(serving.stop().code, 0);
    }
    // Also what does not run says why.
    for flow in ["daily", "dropped"] {
        let first = runs(&hub, flow).pop().unwrap();
        assert!(first["message"].as_str().unwrap().contains("was missed, and by the rule"), "{first}");
    }
    assert_eq!(provider.charges(), 0);
    let held = runs(&hub, "monthly")[0].clone();
    let run = held["run"].as_str().unwrap();
    assert!(held["message"].as_str().unwrap().contains("gesher approve"), "{held}");
    // Asked for by hand it is that very run, and waits for the same decision.
    let asked = hub.cmd(&["--json", "run", "monthly", "--at", "2026-11-01T06:00"]).expect(4).json();
    assert_eq!(asked["run"], run);
    let serving = hub.serve();
    hub.cmd(&["approve", run, "--reason", "we were moving"]).expect(0);
    until("the approved run", 30, || {
        (states(&hub, "monthly") == ["2026-11-01 06:00 finished"]).then_some(())
    });
    let again = hub.cmd(&["--json", "run", "monthly", "--at", "2026-11-01T06:00"]).expect(0).json();
    assert_eq!(again["run"], run);
    assert_eq!(serving.stop().code, 0);
    assert_eq!(provider.charges(), 1);
    let charged: Vec<String> = provider.charged().keys().cloned().collect();
    assert_eq!(charged, ["sub-17 2026-11"]);
}

#[test]
fn an_edited_schedule_has_no_ticks_in_the_past() {
    let provider = provider();
    let mut hub = Hub::bulk("en", provider.base_url());
    let Some(clock) = Faketime::of(&mut hub, "schedule_runs::an_edited_schedule") else { return };
    add(&hub, "monthly", "cron = \"0 6 1 * *\"", Some("period"));
    clock.set("2026-10-28 10:00:00");
    let serving = hub.serve();
    until_known(&hub, 1);
    assert_eq!(serving.stop().code, 0);
    hub.edit("gesher.toml", "cron = \"0 6 1 * *\"", "cron = \"0 7 2 * *\"");
    clock.set("2026-11-04 10:00:00");
    let serving = hub.serve();
    until("the edit to be noticed", 30, || {
        serving.process.words().contains("the schedule is another than before").then_some(())
    });
    nap(2_500);
    assert_eq!(states(&hub, "monthly"), Vec::<String>::new());
    assert_eq!(serving.stop().code, 0);
    assert_eq!(provider.charges(), 0);
}

#[test]
fn a_tick_that_was_still_to_come_is_not_lost_where_its_days_of_rest_are_edited() {
    let provider = provider();
    let mut hub = Hub::bulk("en", provider.base_url());
    let Some(clock) = Faketime::of(&mut hub, "schedule_runs::a_tick_that_was_still_to_come") else { return };
    add(&hub, "monthly", "cron = \"0 6 1 * *\"\nskip = [\"shabbat\"]", Some("period"));
    // 1 August 2026 was a Shabbat, so its tick is to come on the 2nd.
    clock.set("2026-07-28 10:00:00");
    let serving = hub.serve();
    until_known(&hub, 1);
    assert_eq!(serving.stop().code, 0);
    clock.set("2026-08-01 19:00:00");
    let serving = hub.serve();
    nap(1_500);
    assert_eq!(serving.stop().code, 0);
    assert_eq!(states(&hub, "monthly"), Vec::<String>::new());
    // In that night it is moved to the Friday before, which is over.
    hub.edit("gesher.toml", "skip = [\"shabbat\"]", "skip = [\"shabbat\"]\nwhen_skipped = \"previous\"");
    for _ in 0..2 {
        let serving = hub.serve();
        until("the held tick", 30, || (states(&hub, "monthly") == ["2026-08-01 06:00 held"]).then_some(()));
        nap(500);
        assert_eq!(serving.stop().code, 0);
    }
    assert_eq!(provider.charges(), 0);
    // Rejected it did nothing, so a person may ask for it after all: once, and nothing does so by itself.
    let held = runs(&hub, "monthly")[0]["run"].as_str().unwrap().to_owned();
    let serving = hub.serve();
    hub.cmd(&["reject", &held, "--reason", "not yet"]).expect(0);
    until("the rejected tick", 30, || {
        (states(&hub, "monthly") == ["2026-08-01 06:00 cancelled"]).then_some(())
    });
    assert_eq!(serving.stop().code, 0);
    let serving = hub.serve();
    nap(1_500);
    assert_eq!(serving.stop().code, 0);
    assert_eq!(states(&hub, "monthly"), ["2026-08-01 06:00 cancelled"]);
    let first = hub.cmd(&["--json", "run", "monthly", "--at", "2026-08-01T06:00"]).expect(0).json();
    assert_ne!(first["run"], held);
    let again = hub.cmd(&["--json", "run", "monthly", "--at", "2026-08-01T06:00"]).expect(0).json();
    assert_eq!(again["run"], first["run"]);
    let charged: Vec<String> = provider.charged().keys().cloned().collect();
    assert_eq!((provider.charges(), charged), (1, vec!["sub-17 2026-08".to_owned()]));
}

#[test]
fn a_clock_that_is_set_over_a_tick_holds_it_and_back_again_runs_nothing_twice() {
    let provider = provider();
    let mut hub = Hub::bulk("en", provider.base_url());
    let Some(clock) = Faketime::of(&mut hub, "schedule_runs::a_clock_that_is_set_over_a_tick") else {
        return;
    };
    add(&hub, "monthly", "cron = \"0 6 1 * *\"", Some("period"));
    add(&hub, "hourly", "cron = \"0 6-8 * * *\"", Some("nominal"));
    // 6:00 in Jerusalem is 4:00 of Greenwich.
    clock.set("2026-11-01 03:30:00");
    let serving = hub.serve();
    until_known(&hub, 2);
    nap(1_500);
    clock.set("2026-11-01 04:30:00");
    until("both ticks to be held", 30, || {
        let both = [states(&hub, "monthly"), states(&hub, "hourly")].concat();
        (both == ["2026-11-01 06:00 held", "2026-11-01 06:00 held"]).then_some(())
    });
    assert!(serving.process.words().contains("the clock was set"), "{}", serving.process.words());
    // Back before the tick, so that its time comes once more; then on to the next hour's, on time.
    clock.set("2026-11-01 03:59:45");
    nap(14_000);
    assert_eq!(states(&hub, "monthly"), ["2026-11-01 06:00 held"]);
    assert_eq!(provider.charges(), 0);
    clock.set("2026-11-01 04:59:30");
    until("the next tick, on time", 90, || {
        (states(&hub, "hourly") == ["2026-11-01 06:00 held", "2026-11-01 07:00 finished"]).then_some(())
    });
    assert_eq!(serving.stop().code, 0);
    assert_eq!(provider.charges(), 1);
}

#[test]
fn each_tick_runs_once_though_the_hub_is_killed() {
    let hub = Hub::bulk("en", "simulator");
    add(&hub, "beat", "cron = \"* * * * * *\"\noverlap = \"queue\"\nmissed = \"run-once\"", None);
    for _ in 0..3 {
        let mut serving = hub.serve();
        let before = runs(&hub, "beat").len();
        until("two more ticks", 30, || (runs(&hub, "beat").len() >= before + 2).then_some(()));
        serving.process.kill9();
    }
    let serving = hub.serve();
    nap(2_000);
    assert_eq!(serving.stop().code, 0);
    let all = states(&hub, "beat");
    assert!(all.len() >= 7 && all.iter().all(|run| run.ends_with(" finished")), "{all:?}");
    let mut names = all.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len());
}

#[test]
fn a_tick_that_meets_one_at_work_is_left_out_or_waits_and_never_runs_beside_it() {
    for (overlap, left_out) in [("skip", true), ("queue", false)] {
        let provider = FakeProvider::start(|received, _| match received.path() {
            CHARGE => Reply::After(Duration::from_millis(1_700), Box::new(Reply::Approve)),
            _ => Reply::http("404 Not Found", "text/plain", "no such page"),
        });
        let hub = Hub::bulk("en", provider.base_url());
        add(&hub, "bill", &format!("cron = \"* * * * * *\"\noverlap = \"{overlap}\""), Some("nominal"));
        let serving = hub.serve();
        until("several ticks", 30, || (runs(&hub, "bill").len() >= 5).then_some(()));
        // At work at once: at most one.
        let at_work = states(&hub, "bill").iter().filter(|run| run.ends_with(" running")).count();
        assert!(at_work <= 1, "{:?}", states(&hub, "bill"));
        assert_eq!(serving.stop().code, 0);
        let refused: Vec<Value> =
            runs(&hub, "bill").into_iter().filter(|run| run["state"] == "refused").collect();
        assert_eq!(!refused.is_empty(), left_out, "{overlap}: {:?}", states(&hub, "bill"));
        for run in &refused {
            assert!(run["message"].as_str().unwrap().contains("was at work, so it was left out"), "{run}");
        }
        assert!(provider.charged().values().all(|taken| taken.len() == 1), "{:?}", provider.charged());
        if let Some(run) = refused.first() {
            // By hand it may run after all, once.
            let at = run["name"].as_str().unwrap().to_owned();
            let first = hub.cmd(&["--json", "run", "bill", "--at", &at]).expect(0).json();
            assert_ne!(first["run"], run["run"]);
            let second = hub.cmd(&["--json", "run", "bill", "--at", &at]).expect(0).json();
            assert_eq!(second["run"], first["run"]);
        }
    }
}

#[test]
fn a_tick_by_hand_is_the_tick_itself() {
    let provider = provider();
    let hub = Hub::bulk("en", provider.base_url());
    add(&hub, "monthly", "cron = \"0 6 1 * *\"\nskip = [\"shabbat\"]", Some("period"));
    // 1 August 2026 was a Shabbat: the tick fired, or would have, on the 2nd, and is August's.
    let first = hub.cmd(&["--json", "run", "monthly", "--at", "2026-08-01T06:00"]).expect(0).json();
    assert_eq!(first["name"], "2026-08-01 06:00");
    for same in ["2026-08-02T06:00", "2026-08-02T03:00:00Z", "2026-08-02 06:00"] {
        let again = hub.cmd(&["--json", "run", "monthly", "--at", same]).expect(0).json();
        assert_eq!(again["run"], first["run"], "{same}");
    }
    // Beside a hub that serves it is handed over, and answers the same.
    let serving = hub.serve();
    let handed = hub.cmd(&["--json", "run", "monthly", "--at", "2026-08-02T06:00"]).expect(0).json();
    assert_eq!(handed["run"], first["run"]);
    let next = hub.cmd(&["--json", "run", "monthly", "--at", "2026-09-01T06:00"]).expect(0).json();
    assert_ne!(next["run"], first["run"]);
    assert_eq!(serving.stop().code, 0);
    let charged: Vec<String> = provider.charged().keys().cloned().collect();
    assert_eq!(charged, ["sub-17 2026-08", "sub-17 2026-09"]);
    assert_eq!(provider.charges(), 2);
}
