//! Faults of a `gesher.toml`, as data: a text, and what is said of it, whole.

mod flows;
mod hooks;
mod schedules;
mod texts;

use super::*;
use gesher_core::{Descriptor, Effect, KeyRule, LookUp, operation::Sender};

const fn operation(name: &'static str, effect: Effect) -> Descriptor {
    Descriptor {
        provider: "officeguy",
        name,
        summary: "Does it.",
        endpoint: "/x/",
        effect,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    }
}

const OPERATIONS: &[Descriptor] = &[
    operation("charge", Effect::Money),
    operation("create_company", Effect::Write),
    operation("get_payment", Effect::Read),
    Descriptor { provider: "senzey", sender: Sender::Only, ..operation("add_lead", Effect::Write) },
];

fn said(text: &str) -> String {
    let faults = match Config::parse(Path::new("/hub"), text) {
        Ok(config) => rules::faults(&config, OPERATIONS),
        Err(faults) => faults,
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(said(text), want, "{text}");
}

/// Only the first line of each fault.
#[track_caller]
fn check_heads(text: &str, want: &[&str]) {
    let said = said(text);
    let heads: Vec<&str> = said.lines().filter(|line| line.starts_with(FILE)).collect();
    assert_eq!(heads, want, "{text}\n{said}");
}

const FLOW: &str =
    "[officeguy]\nbase_url = \"simulator\"\n[flow.a]\nscript = \"a.rhai\"\nallow = [\"officeguy.charge\"]\n";
