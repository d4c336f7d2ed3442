//! Event sources of plugins, in a hub that serves: each event begins one run, whatever dies when; and a source that
//! misbehaves is named and costs nobody else anything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_core::{Clock, SystemClock};
use gesher_tests::libraries::{self, Library};
use gesher_tests::{Background, FakeProvider, Hub, Received, Reply, nap, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HOSTILE: &str = "crates/gesher-plugin-host/tests/libraries/hostile.c";
/// What a flow does for an event: it writes an entry under the event's source and id, which is at most one.
const SCRIPT: &str = r#"
fn on_event(event) {
    if event.source.len() == 0 { throw "an event comes from somewhere"; }
    feed::add_entry(`${event.source}/${event.id}`, #{ text: event.data.text });
}
"#;

fn feed() -> Library {
    libraries::cargo(&["-p", "gesher-plugin", "--example", "feed"], "examples/libfeed.so")
}

/// A server with entries to look for, which keeps what is written to it.
struct Server {
    fake: FakeProvider,
    entries: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// It answers at most `page` entries at a time.
    fn start(page: usize) -> Self {
        let entries: Arc<Mutex<Vec<Value>>> = Arc::default();
        let shared = Arc::clone(&entries);
        let fake = FakeProvider::start(move |received: &Received, _| {
            if received.method() == "POST" {
                return Reply::http("201 Created", "application/json", r#"{"id": "w"}"#);
            }
            let query = received.path().split_once("after=").unwrap().1;
            let (after, wait) = query.split_once("&wait=").unwrap();
            let (after, wait): (usize, u64) = (after.parse().unwrap(), wait.parse().unwrap());
            // One that waits holds its answer until there is something.
            for _ in 0..wait * 20 {
                if shared.lock().unwrap().len() > after {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            let entries = shared.lock().unwrap();
            let events: Vec<&Value> = entries.iter().skip(after).take(page).collect();
            Reply::Json(json!({ "events": events, "next": after + events.len() }).to_string())
        });
        Self { fake, entries }
    }

    fn add(&self, id: &str, text: &str) {
        self.entries.lock().unwrap().push(json!({ "id": id, "data": { "text": text } }));
    }

    /// How often each entry was written to it.
    fn written(&self) -> BTreeMap<String, usize> {
        let mut written = BTreeMap::new();
        for request in self.fake.received().iter().filter(|request| request.method() == "POST") {
            *written.entry(request.json()["text"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        written
    }

    /// A hub with a flow `transfers` that listens to `events`, and the plugin.
    fn hub(&self, events: &str, more: &str) -> Hub {
        let hub = bare();
        hub.cmd_with(&["secrets", "set", "feed.url"], self.fake.base_url()).expect(0);
        let host = self.fake.base_url().strip_prefix("http://").unwrap();
        let allow = format!("allow = [\"secret:feed.url\", \"http:{host}\"]\n");
        add(&hub, &format!("{}{}", flow("transfers", events, more), feed().configured("feed", &allow)));
        hub.write("scripts/transfers.rhai", SCRIPT);
        hub
    }
}

fn bare() -> Hub {
    Hub::bulk("en", "simulator")
}

fn add(hub: &Hub, text: &str) {
    let before = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", before + text);
}

fn flow(name: &str, events: &str, more: &str) -> String {
    format!(
        "\n[flow.{name}]\nscript = \"scripts/transfers.rhai\"\nallow = [\"feed.add_entry\"]\non_unknown = \"continue\"\n\
         [flow.{name}.source]\nevents = \"{events}\"\n{more}\n"
    )
}

fn runs(hub: &Hub, flow: &str) -> Vec<Value> {
    hub.cmd(&["--json", "runs", "--flow", flow, "--limit", "9999"]).json_lines()
}

#[track_caller]
fn wait_for(hub: &Hub, flow: &str, many: usize) -> Vec<Value> {
    until("the runs of the events", 60, || {
        let runs = runs(hub, flow);
        let over = runs.iter().filter(|run| run["state"] == "finished").count();
        (over >= many).then_some(runs)
    })
}

#[test]
fn each_event_begins_one_run_and_the_next_look_goes_on_behind_it() {
    let server = Server::start(2);
    for id in ["1", "2", "3", "4", "5"] {
        server.add(id, &format!("entry {id}"));
    }
    let hub = server.hub("feed.entries", "every = \"1s\"");
    let checked = hub.cmd(&["check"]).expect(0);
    assert!(checked.words().contains("no faults"), "{checked:#?}");
    let serving = hub.serve();
    assert!(serving.process.words().contains("events of feed.entries (transfers)"));
    let found = wait_for(&hub, "transfers", 5);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(
        found.iter().all(|run| run["trigger"] == "source" && run["counts"]["succeeded"] == 1),
        "{found:#?}"
    );
    let names: Vec<_> = found.iter().rev().map(|run| run["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["1", "2", "3", "4", "5"], "in the order of their coming");
    serving.stop().expect(0);

    // The cursor outlives a restart: nothing is looked for from the beginning, and nothing runs again.
    let looks = server.fake.count();
    let serving = hub.serve();
    until("another look", 20, || (server.fake.count() > looks).then_some(()));
    server.add("6", "entry 6");
    wait_for(&hub, "transfers", 6);
    let last = &server.fake.received()[looks];
    assert!(last.path().contains("after=5"), "{last:?}");

    // The same id again is nothing; with other data it is told, and begins nothing.
    server.add("6", "entry 6");
    server.add("2", "changed");
    server.add("7", "entry 7");
    let found = wait_for(&hub, "transfers", 7);
    nap(1_500);
    assert_eq!(found.len(), runs(&hub, "transfers").len());
    let words = serving.process.words();
    assert!(words.contains("the event 2 of feed.entries came again with other data"), "{words}");
    until("the alert", 20, || {
        hub.cmd(&["doctor"]).words().contains("came again with other data").then_some(())
    });
    serving.stop().expect(0);
    let want: BTreeMap<_, _> = (1..=7).map(|at| (format!("entry {at}"), 1)).collect();
    assert_eq!(server.written(), want, "each was written once");
}

#[test]
fn a_source_that_waits_is_asked_again_at_once_and_a_stop_does_not_wait_for_it() {
    for isolation in ["process", "in-process"] {
        waits(isolation);
    }
}

fn waits(isolation: &str) {
    let server = Server::start(10);
    let hub = server.hub("feed.stream", "");
    hub.edit("gesher.toml", "allow = [\"secret", &format!("isolation = \"{isolation}\"\nallow = [\"secret"));
    // Another flow of the same plugin is not kept waiting by it.
    add(&hub, "\n[flow.calls]\nscript = \"scripts/calls.rhai\"\nallow = [\"feed.add_entry\"]\n");
    hub.write("scripts/calls.rhai", "fn on_call(args) { feed::add_entry(args.id, #{ text: args.id }) }\n");
    let serving = hub.serve();
    until("the first look", 20, || (server.fake.count() > 0).then_some(()));
    assert!(server.fake.received()[0].path().contains("/stream?after=0&wait=25"));
    for at in 1..=3 {
        let before = SystemClock::new();
        server.add(&at.to_string(), &format!("entry {at}"));
        wait_for(&hub, "transfers", at);
        assert!(before.monotonic() < Duration::from_secs(20), "{at}: {:?}", before.monotonic());
    }
    hub.cmd_with(&["run", "calls", "--key", "x", "--body", "-"], r#"{"id": "x"}"#).expect(0);
    let before = SystemClock::new();
    serving.stop().expect(0);
    assert!(before.monotonic() < Duration::from_secs(20), "{:?}", before.monotonic());
}

#[test]
fn a_read_under_way_gives_way_to_a_stop_and_is_made_again_after_the_next_start() {
    let is_first = AtomicBool::new(true);
    let fake =
        FakeProvider::start(move |received: &Received, _| match (received.method(), received.path()) {
            ("POST", _) => Reply::http("201 Created", "application/json", r#"{"id": "w"}"#),
            (_, path) if path.contains("after=0") => {
                Reply::Json(r#"{"events": [{"id": "1", "data": {"text": "read"}}], "next": 1}"#.to_owned())
            }
            (_, path) if path.contains("after=") => Reply::Json(r#"{"events": [], "next": 1}"#.to_owned()),
            _ if is_first.swap(false, Ordering::Relaxed) => {
                Reply::After(Duration::from_secs(40), Box::new(Reply::Close))
            }
            _ => Reply::Json(r#"{"text": "Shalom"}"#.to_owned()),
        });
    let server = Server { fake, entries: Arc::default() };
    let hub = server.hub("feed.entries", "every = \"1s\"");
    hub.edit("gesher.toml", "allow = [\"feed.add_entry\"]", "allow = [\"feed.*\"]");
    hub.write(
        "scripts/transfers.rhai",
        "fn on_event(event) {\n    let found = feed::get_entry(#{ id: event.id });\n    \
         feed::add_entry(`${event.source}/${event.id}`, #{ text: found.data.entry.text });\n}\n",
    );
    let reads = || server.fake.received().iter().filter(|request| request.path() == "/entries/1").count();
    let serving = hub.serve();
    until("the read", 30, || (reads() == 1).then_some(()));
    let before = SystemClock::new();
    serving.stop().expect(0);
    assert!(before.monotonic() < Duration::from_secs(30), "{:?}", before.monotonic());
    let serving = hub.serve();
    let found = wait_for(&hub, "transfers", 1);
    assert_eq!(found[0]["counts"], json!({ "succeeded": 1 }), "{found:#?}");
    assert_eq!((reads(), server.written()), (2, BTreeMap::from([("Shalom".to_owned(), 1)])));
    serving.stop().expect(0);
}

#[test]
fn a_hub_killed_again_and_again_begins_each_event_once_and_loses_none() {
    const EVENTS: usize = 120;
    let server = Server::start(7);
    let hub = server.hub("feed.entries", "every = \"1s\"");
    for at in 0..EVENTS {
        server.add(&at.to_string(), &format!("entry {at}"));
    }
    // Killed at the first look, and when so many looks or entries have come: between them lie commits of every kind.
    for moment in [1, 2, 4, 9, 30, 70, 110] {
        let mut serving = hub.serve();
        until("enough requests", 60, || (server.fake.count() >= moment).then_some(()));
        nap(u64::try_from(moment).unwrap() % 5 * 7);
        serving.process.kill9();
    }
    let serving = hub.serve();
    let found = until("a run for each event", 120, || {
        let found = runs(&hub, "transfers");
        (found.iter().filter(|run| run["state"] == "finished").count() >= EVENTS).then_some(found)
    });
    nap(1_500);
    serving.stop().expect(0);
    assert_eq!(found.len(), EVENTS);
    let names: std::collections::BTreeSet<_> = found.iter().map(|run| run["name"].to_string()).collect();
    assert_eq!(names.len(), EVENTS, "each event has its run");
    let written = server.written();
    let unknown = found.iter().filter(|run| run["counts"]["unknown"] == 1).count();
    assert!(written.values().all(|times| *times == 1), "{written:?}");
    assert!(written.len() + unknown >= EVENTS, "{} written, {unknown} unknown", written.len());
}

#[test]
fn sources_that_misbehave_are_named_and_cost_nobody_else_anything() {
    let server = Server::start(10);
    server.add("1", "entry 1");
    let hub = server.hub("feed.entries", "every = \"1s\"");
    let library = libraries::c(hub.scratch(), "hostile", HOSTILE, &[]);
    add(&hub, &library.configured("hostile", "timeout = \"500ms\""));
    let bad = [
        ("segfault", "segmentation fault"),
        ("loop", "did not answer within 500 ms"),
        ("garbage", "expected"),
        ("many", "more events at once than are allowed"),
        ("nameless", "missing field `id`"),
        ("adrift", "missing field `cursor`"),
        ("refuse", "not today"),
    ];
    for (name, _) in bad {
        add(&hub, &flow(name, &format!("hostile.on_{name}"), "every = \"1s\""));
    }
    add(&hub, &flow("forgetful", "hostile.on_forgetful", "every = \"1s\""));
    add(&hub, &flow("hold", "hostile.on_hold", ""));
    hub.cmd(&["check"]).expect(0);
    let serving = hub.serve();
    wait_for(&hub, "transfers", 1);
    until("each of them is told as failing for long", 90, || {
        let (status, text) = serving.get("/readyz")?;
        let all = bad.iter().all(|(name, _)| text.contains(&format!("the event source of {name}:")));
        (status == 503 && all).then_some(())
    });
    let words = serving.process.words();
    for (name, want) in bad {
        // On a busy machine one of its failures may be that it did not answer in time.
        let said = ["the plugin hostile", &format!("did not look at on_{name}"), want];
        let is_said = words.lines().any(|line| said.iter().all(|part| line.contains(part)));
        assert!(is_said, "{name}: {words}");
        assert!(runs(&hub, name).is_empty(), "{name}");
    }
    // Whoever brings the same for ever begins it once, and is not asked without a pause.
    assert_eq!(wait_for(&hub, "forgetful", 2).len(), 2);
    server.add("2", "entry 2");
    wait_for(&hub, "transfers", 2);
    until("the alert", 20, || {
        let doctor = hub.cmd(&["doctor"]).words();
        (doctor.contains("failed 5 times in a row") && doctor.contains("Nothing is lost")).then_some(())
    });
    serving.stop().expect(0);
}

#[test]
fn a_server_that_is_away_for_a_while_loses_no_event() {
    let away = Arc::new(Mutex::new(true));
    let shared = Arc::clone(&away);
    let fake = FakeProvider::start(move |received: &Received, _| {
        match (received.method(), *shared.lock().unwrap()) {
            ("POST", _) => Reply::http("201 Created", "application/json", r#"{"id": "w"}"#),
            (_, true) => Reply::http("503 Away", "text/plain", "away"),
            (_, false) if received.path().contains("after=0") => {
                Reply::Json(r#"{"events": [{"id": "1", "data": {"text": "late"}}], "next": 1}"#.to_owned())
            }
            (_, false) => Reply::Json(r#"{"events": [], "next": 1}"#.to_owned()),
        }
    });
    let server = Server { fake, entries: Arc::default() };
    let hub = server.hub("feed.entries", "every = \"1s\"");
    let serving = hub.serve();
    until("two looks that failed", 20, || (server.fake.count() >= 2).then_some(()));
    until("the failure to be said", 20, || {
        serving.process.words().contains("the server answered 503").then_some(())
    });
    assert_eq!(serving.get("/readyz").unwrap().0, 200, "a short failure is no trouble of the hub");
    *away.lock().unwrap() = false;
    wait_for(&hub, "transfers", 1);
    until("its end to be said", 20, || {
        serving.process.words().contains("the source answers again").then_some(())
    });
    // A script that is saved anew counts for the next event.
    hub.edit("scripts/transfers.rhai", "event.data.text", "\"anew\"");
    serving.process.sighup();
    until("the new script", 20, || serving.process.words().contains("a new script").then_some(()));
    serving.stop().expect(0);
    assert_eq!(server.written(), BTreeMap::from([("late".to_owned(), 1)]));
}

#[test]
fn a_source_that_brings_more_than_is_worked_on_is_not_asked_for_more() {
    let fake = FakeProvider::start(|received: &Received, _| match received.method() {
        "POST" => Reply::After(Duration::from_secs(60), Box::new(Reply::Close)),
        _ => {
            let after = received.path().split_once("after=").unwrap().1;
            let after: u32 = after.split_once('&').unwrap().0.parse().unwrap();
            let event = |at: u32| json!({ "id": at.to_string(), "data": { "text": "x" } });
            let events: Vec<Value> = (after..after + 600).map(event).collect();
            Reply::Json(json!({ "events": events, "next": after + 600 }).to_string())
        }
    });
    let server = Server { fake, entries: Arc::default() };
    let hub = server.hub("feed.entries", "every = \"1s\"");
    let serving = hub.serve();
    let looks = || server.fake.received().iter().filter(|request| request.method() == "GET").count();
    until("two looks", 30, || (looks() >= 2).then_some(()));
    until("the hub to say that too many wait", 30, || {
        let (status, text) = serving.get("/readyz")?;
        // It works on them, and takes all other work.
        (status == 200 && text.contains("note: the waiting events of transfers: ")).then_some(())
    });
    nap(3_000);
    assert_eq!(looks(), 2, "more than a thousand wait");
    let words = serving.process.words();
    let told = words.matches("wait to be worked on, so feed.entries is asked for no more").count();
    assert_eq!(told, 1, "{words}");
    drop(serving);
    assert_eq!(runs(&hub, "transfers").len(), 1_200);
}

#[test]
fn whoever_only_tries_asks_no_source_and_dev_shows_what_it_listens_to() {
    let server = Server::start(10);
    let hub = server.hub("feed.entries", "every = \"1s\"");
    hub.write("scripts/transfers.rhai", format!("{SCRIPT}\nfn on_call(args) {{ log::info(\"called\"); }}\n"));
    hub.cmd_with(&["run", "transfers", "--dry-run", "--body", "-"], "{}").expect(0);
    hub.cmd_with(&["run", "transfers", "--body", "-"], "{}").expect(0);
    assert_eq!(server.fake.count(), 0);
    let mut dev = Background::start(hub.command().arg("dev"), hub.next_words_file());
    until("the board of dev", 30, || dev.words().contains("events of feed.entries").then_some(()));
    server.add("1", "entry 1");
    wait_for(&hub, "transfers", 2);
    dev.sigterm();
    dev.wait_exit().expect(0);
}

#[test]
fn what_cannot_be_kept_of_an_event_stops_its_source_with_a_word_and_what_was_before_it_begins() {
    let server = Server::start(10);
    server.add("0", "entry 0");
    server.add("1", "4111111111111111");
    server.add("2", "entry 2");
    let hub = server.hub("feed.entries", "every = \"1s\"");
    let serving = hub.serve();
    until("the refusal", 20, || {
        serving.process.words().contains("the event 1 holds what must not be kept").then_some(())
    });
    assert!(!serving.process.words().contains("4111111111111111"));
    wait_for(&hub, "transfers", 1);
    // Once it is mended, it and what comes behind it begin, and what began before does not again.
    server.entries.lock().unwrap()[1] = json!({ "id": "1", "data": { "text": "entry 1" } });
    wait_for(&hub, "transfers", 3);
    serving.stop().expect(0);
    let want: BTreeMap<_, _> = (0..3).map(|at| (format!("entry {at}"), 1)).collect();
    assert_eq!((runs(&hub, "transfers").len(), server.written()), (3, want));
}

#[test]
fn check_finds_what_no_flow_can_listen_to() {
    let server = Server::start(10);
    for (events, more, want) in [
        ("feed", "", "does not name an event source"),
        ("fed.entries", "", "there is no plugin fed in gesher.toml; did you mean `feed`?"),
        ("feed.entires", "", "no event source entires; did you mean `entries`?"),
        ("feed.add_entry", "", "no event source add_entry"),
        ("feed.entries", "every = \"100ms\"", "at least 1s"),
        ("feed.entries", "every = \"2d\"", "at most 1d"),
        ("feed.entries", "evry = \"2d\"", "every"),
        ("feed.stream", "every = \"5s\"", "waits for its events"),
    ] {
        let hub = server.hub(events, more);
        for command in ["check", "serve"] {
            let said = hub.cmd(&[command]).expect(2).words();
            assert!(
                said.contains(want) && said.contains("gesher.toml:"),
                "{command} {events} {more}: {said}"
            );
        }
    }
    let hub = server.hub("feed.entries", "");
    hub.write("scripts/transfers.rhai", "fn on_call(args) { }\n");
    let said = hub.cmd(&["check"]).expect(2).words();
    assert!(said.contains("no function on_event(event)"), "{said}");
    hub.write("scripts/transfers.rhai", "fn on_evnt(event) { }\n");
    let said = hub.cmd(&["check"]).expect(2).words();
    assert!(said.contains("is on_evnt meant to be on_event?"), "{said}");
    let hub = server.hub("feed.entries", "");
    (0..16).for_each(|at| add(&hub, &flow(&format!("more{at}"), "feed.stream", "")));
    let said = hub.cmd(&["check"]).expect(2).words();
    assert!(said.contains("one more than the 16"), "{said}");
}

#[test]
fn a_script_test_gives_an_event_and_people_find_the_sources_of_a_plugin() {
    let server = Server::start(10);
    let hub = server.hub("feed.entries", "");
    hub.write(
        "scripts/transfers.test.rhai",
        r#"fn test_event() {
    mock("feed.add_entry", |who, key, request| #{ data: #{ id: "9" } });
    assert_eq(run_event(#{ id: "7", source: "feed.entries", data: #{ text: "x" } }).status, "succeeded");
    assert_eq(calls("feed.add_entry")[0].key, "feed.entries/7");
    assert_eq(run_event(#{ data: #{ text: "x" } }).code, "script_error", "it comes from nowhere");
}
"#,
    );
    let said = hub.cmd(&["test"]);
    assert!(said.code == 0 && said.stdout.contains("1 passed"), "{said:#?}");
    let listed = hub.cmd(&["plugins"]).expect(0).stdout;
    assert!(listed.contains("feed.entries, feed.stream"), "{listed}");
    let inspected = hub.cmd(&["plugins", "inspect", feed().path.to_str().unwrap()]).expect(0).stdout;
    assert!(inspected.contains("event source feed.stream") && inspected.contains("waits"), "{inspected}");
    hub.cmd(&["definitions"]).expect(0);
    let tests = std::fs::read_to_string(hub.path("definitions/gesher-test.d.rhai")).unwrap();
    assert!(tests.contains("fn run_event(event: Map) -> Map;"), "{tests}");
}
