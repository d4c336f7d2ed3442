//! Plugins that charge through the hub and fail at random, while the hub itself is killed or stopped: each part is
//! charged once, and nothing is left for a person that would have passed by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_core::RunId;
use gesher_tests::libraries;
use gesher_tests::{FakeProvider, Hub, Received, nap, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};

const FAILING: &str = "crates/gesher-plugin-host/tests/libraries/failing.c";
const SCRIPT: &str = "fn on_call(args) {\n    failing::pay(#{ order: args.order, parts: args.parts, plan: args.plan, \
                      token: args.token }).status\n}\n";
const ORDERS: usize = 4;
const PARTS: u64 = 4;
/// How often an order is asked for again that broke off for good.
const AGAIN_MAX: usize = 20;

/// How the hub goes in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    Killed,
    Stopped,
}

/// Chance, from a seed that is another each time. What came of it stands in the message of a failure.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = RunId::random().unwrap();
        Self(
            seed.as_str()
                .bytes()
                .fold(1_469_598_103, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(1_099_511_627)),
        )
    }

    /// A number below `limit`.
    fn throw(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// An order that is charged in parts, and how the plugin fails at it, execution by execution.
struct Order {
    name: String,
    plan: PathBuf,
    /// Parts that are charged before the hub goes.
    before: u64,
    lines: Vec<String>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.lines.join(" "))
    }
}

impl Order {
    /// It waits in the middle of its first execution, so that the hub goes there, and fails in some of the next.
    fn random(hub: &Hub, number: usize, goes: Goes, dice: &mut Dice) -> Self {
        let before = 1 + dice.throw(PARTS - 1);
        let waits = if goes == Goes::Killed && dice.throw(2) == 0 { "W" } else { "w" };
        let mut lines = vec![format!("{waits}{before}")];
        for _ in 0..dice.throw(4) {
            let how = ["e", "s", "g", "e"][dice.throw(4) as usize];
            lines.push(format!("{how}{}", dice.throw(PARTS + 1)));
        }
        // Once, since it takes as long as a call may.
        if number == 1 {
            lines.insert(1, format!("l{}", dice.throw(before)));
        }
        let plan = hub.scratch().join(format!("plan-{number}"));
        std::fs::write(&plan, lines.join("\n") + "\n").unwrap();
        Self { name: format!("o{number}"), plan, before, lines }
    }

    fn args(&self) -> String {
        let token = gesher_tests::hub::token(7);
        json!({ "order": self.name, "parts": PARTS, "plan": self.plan, "token": token }).to_string()
    }

    fn key(&self, again: usize) -> String {
        format!("{}-{again}", self.name)
    }

    /// Asks for it, and does not wait.
    fn ask(&self, hub: &Hub) -> Child {
        let mut call = hub.command();
        call.args(["run", "calls", "--key", &self.key(0), "--body", "-"]).stdin(Stdio::piped());
        let mut call = call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        call.stdin.take().unwrap().write_all(self.args().as_bytes()).unwrap();
        call
    }

    /// Whether the order is done, by the call that was asked for so often before.
    fn is_done(&self, hub: &Hub, provider: &FakeProvider, again: usize) -> bool {
        let key = self.key(again);
        let called = hub.cmd_with(&["run", "calls", "--key", &key, "--body", "-"], &self.args());
        called.code == 0 && parts_of(&charged(provider), self) == PARTS
    }
}

/// How often each part was charged.
fn charged(provider: &FakeProvider) -> BTreeMap<String, usize> {
    let mut charged = BTreeMap::new();
    for part in provider.received().iter().map(Received::order) {
        *charged.entry(part).or_default() += 1;
    }
    charged
}

fn parts_of(charged: &BTreeMap<String, usize>, order: &Order) -> u64 {
    charged.keys().filter(|part| part.starts_with(&format!("{}/", order.name))).count() as u64
}

fn runs(hub: &Hub) -> Vec<Value> {
    hub.cmd(&["--json", "runs"]).json_lines()
}

#[track_caller]
fn check(goes: Goes) {
    let (mut dice, provider) = (Dice::new(), FakeProvider::approving());
    let hub = Hub::bulk("en", provider.base_url());
    let library = libraries::c(hub.scratch(), "failing", FAILING, &[]);
    let plugin = library.configured("failing", "allow = [\"officeguy.charge\"]\ntimeout = \"4s\"");
    let flow =
        "\n[flow.calls]\nscript = \"scripts/calls.rhai\"\nallow = [\"failing.*\", \"officeguy.charge\"]\n";
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", format!("{text}{flow}{plugin}"));
    hub.write("scripts/calls.rhai", SCRIPT);
    let orders: Vec<Order> =
        (1..=ORDERS).map(|number| Order::random(&hub, number, goes, &mut dice)).collect();

    let mut first = hub.serve();
    let calls: Vec<Child> = orders.iter().map(|order| order.ask(&hub)).collect();
    until("the first parts", 60, || {
        let charged = charged(&provider);
        orders.iter().all(|order| parts_of(&charged, order) >= order.before).then_some(())
    });
    nap(200);
    match goes {
        Goes::Killed => first.process.kill9(),
        Goes::Stopped => drop(first.stop()),
    }
    for mut call in calls {
        let _ended = (call.kill(), call.wait());
    }

    let second = hub.serve();
    let ended = |run: &Value| run["queued"] == 0 && run["state"] == "finished";
    until("the end of what was interrupted", 120, || {
        let runs = runs(&hub);
        (runs.len() == ORDERS && runs.iter().all(ended)).then_some(())
    });
    for order in &orders {
        let is_done = (0..AGAIN_MAX).any(|again| {
            // A plugin that failed often rests before it is started again.
            nap(if again > 0 { 400 } else { 0 });
            order.is_done(&hub, &provider, again)
        });
        assert!(is_done, "{goes:?} {orders:#?}: {} is not done\n{}", order.name, second.process.words());
    }
    let words = second.stop().words();
    let charged = charged(&provider);
    let is_once = charged.len() == ORDERS * PARTS as usize && charged.values().all(|times| *times == 1);
    assert!(is_once, "{goes:?} {orders:#?}: {charged:#?}");
    for run in runs(&hub) {
        let shown = hub.cmd(&["show", run["run"].as_str().unwrap()]).words();
        assert!(
            !shown.contains("diverged") && !shown.contains("unknown"),
            "{goes:?} {orders:#?}: {shown}\n{words}"
        );
    }
}

#[test]
fn a_plugin_that_fails_at_random_charges_each_part_once_though_the_hub_is_killed() {
    check(Goes::Killed);
}

#[test]
fn a_plugin_that_fails_at_random_charges_each_part_once_though_the_hub_is_stopped() {
    check(Goes::Stopped);
}
