//! Rules that are broken on purpose, and the case in which each has to be noticed.

use super::case::{Case, Kill};
use super::faults::named;
use crate::program::workspace;
use std::path::Path;

/// A broken rule.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The name of the switch, as in the sources.
    pub name: &'static str,
    /// What the hub does wrong with it.
    pub does: &'static str,
    /// Where the hub is killed, if it is.
    pub kill: Option<Kill>,
    /// What goes wrong at the provider.
    pub fault: &'static str,
    /// One of the rules of the checks that have to be broken then.
    pub noticed: &'static [&'static str],
}

const fn mutant(
    name: &'static str,
    does: &'static str,
    kill: Option<(&'static str, u64)>,
    fault: &'static str,
    noticed: &'static [&'static str],
) -> Mutant {
    let kill = match kill {
        None => None,
        Some((point, nth)) => Some(Kill { point, nth }),
    };
    Mutant { name, does, kill, fault, noticed }
}

/// Every mutant that the matrix' checks have to notice.
pub const MUTANTS: &[Mutant] = &[
    mutant("retry_502", "sends again after a 502", None, "commit_then_502", &["charged twice"]),
    mutant(
        "follow_redirects",
        "sends again to where a 307 points",
        None,
        "redirect_after",
        &["charged twice"],
    ),
    mutant(
        "timeout_not_sent",
        "calls a request without an answer in time not sent",
        None,
        "hang_after",
        &["charged, and called uncharged", "charged twice"],
    ),
    mutant(
        "error_is_refusal",
        "calls a server error a refusal",
        None,
        "commit_then_500",
        &["charged, and called uncharged", "charged twice"],
    ),
    mutant(
        "trust_any_amount",
        "calls a charge of another amount a success",
        None,
        "wrong_amount",
        &["another amount", "another end"],
    ),
    mutant(
        "resend_in_flight",
        "takes what a dead process left in flight for never sent",
        Some(("answer.received", 4)),
        "none",
        &["charged, and called uncharged", "charged twice"],
    ),
    mutant(
        "skip_intent",
        "sends without an intent",
        Some(("answer.received", 1)),
        "none",
        &["sent without an intent", "charged twice"],
    ),
    mutant(
        "skip_intent_log",
        "leaves an intent out of the intent log",
        None,
        "none",
        &["an intent has its line in the intent log"],
    ),
    mutant(
        "free_unknown_rows",
        "lets a row whose end is unknown be dropped again",
        None,
        "commit_then_close",
        &["charged twice"],
    ),
    mutant(
        "forget_row_keys",
        "does not look whether a row was charged before",
        None,
        "none",
        &["charged twice"],
    ),
    mutant(
        "offer_unknown_rows",
        "writes rows whose end is unknown into `retry.csv`",
        None,
        "truncate",
        &["only free rows may be tried again"],
    ),
    mutant(
        "withhold_free_rows",
        "leaves rows whose key is free out of `retry.csv`",
        None,
        "none",
        &["only free rows may be tried again"],
    ),
    mutant(
        "file_before_reports",
        "moves a file to its end before its reports are written",
        Some(("report.before", 1)),
        "none",
        &["a finished run has its reports"],
    ),
];

impl Mutant {
    /// The case in which it has to be noticed.
    pub fn case(&self) -> Case {
        let mut case = Case::of(Kill { point: "run.begun", nth: 1 }, named(self.fault));
        case.kills = self.kill.into_iter().collect();
        case.concurrency = 1;
        // Some broken rules keep a life from coming to rest, which takes all of this.
        case.patience_seconds = 30;
        // What a broken rule does to the course of a case is not known in advance.
        case.kills_surely = false;
        case
    }
}

/// The names of the switches that the sources of the hub's crates hold.
pub fn in_sources() -> Vec<String> {
    let mut names = named_in_sources("mutant!(");
    names.sort();
    names.dedup();
    names
}

/// The first words in quotation marks after each `start`, in every source of the hub's crates.
pub(super) fn named_in_sources(start: &str) -> Vec<String> {
    let mut names = Vec::new();
    read(&workspace().join("crates"), start, &mut names);
    names
}

fn read(folder: &Path, start: &str, names: &mut Vec<String>) {
    for name in crate::files::names_in(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            read(&path, start, names);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let found = text.split(start).skip(1).filter_map(|rest| {
                rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next())
            });
            names.extend(found.map(str::to_owned));
        }
    }
}
