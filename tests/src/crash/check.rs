//! What must be true after any crash and any fault. Pure: it compares what [`Evidence`] holds, and answers everything
//! that does not fit.
//!
//! The ledger is the judge of what was charged. Each order is one row, so a charge and a row are matched by the order
//! that both name. A request that the simulator itself carried out twice (its fault `duplicate`) counts once.

use super::evidence::{Change, Charged, Evidence, Item, Run, orders};
use super::faults::Knows;
use super::rows::{AGAIN, FILE, Kind, ONE, REFUSED, ROWS, TARGETS, TWIN, amount};
use crate::files::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule, in a few words.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// That rule, and what was seen.
    pub fn of(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// Files that were dropped as rows, with their physical rows, in the order of their runs.
const FILES: [(&str, usize); 4] = [(REFUSED, 0), (FILE, ROWS.len()), (ONE, 1), (AGAIN, ROWS.len())];

/// How an item may end that its order was not charged by.
const UNCHARGED: [&str; 7] =
    ["declined", "rejected", "not_sent", "invalid", "duplicate", "skipped", "cancelled"];
/// The statuses whose rows belong into `retry.csv`.
const FREE: [&str; 6] = ["declined", "invalid", "rejected", "not_sent", "incomplete", "cancelled"];
/// Where runs end.
const FINAL_RUNS: [&str; 4] = ["finished", "refused", "duplicate", "cancelled"];
/// Where steps end, for now or for ever.
const FINAL_STEPS: [&str; 4] = ["succeeded", "declined", "rejected", "not_sent"];

/// Everything that does not fit.
pub fn violations(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for (order, kind) in orders() {
        order_is_right(evidence, order, kind, &mut found);
    }
    every_charge_has_its_intent(evidence, &mut found);
    rows_are_as_without_a_crash(evidence, &mut found);
    unknown_is_bounded(evidence, &mut found);
    steps_keep_their_edges(evidence, &mut found);
    files_are_in_one_place(evidence, &mut found);
    for run in &evidence.runs {
        run_adds_up(run, &mut found);
    }
    found
}

/// How often the card of an order was really charged, where the simulator's own repetition counts once.
fn charges<'a>(ledger: &'a [Charged], order: &str) -> Vec<&'a Charged> {
    let all: Vec<&Charged> = ledger.iter().filter(|charge| charge.order == order && charge.valid).collect();
    let repeated = |charge: &Charged| charge.fault.as_deref() == Some("duplicate");
    let (twice, once): (Vec<_>, Vec<_>) = all.into_iter().partition(|charge| repeated(charge));
    once.into_iter().chain(twice.into_iter().step_by(2)).collect()
}

fn items_of<'a>(evidence: &'a Evidence, order: &str) -> Vec<&'a Item> {
    let all = evidence.runs.iter().flat_map(|run| &run.items);
    all.filter(|item| item.order == order).collect()
}

/// Never twice, never lost, never guessed: one order against the ledger.
fn order_is_right(evidence: &Evidence, order: &str, kind: Kind, found: &mut Vec<Violation>) {
    let taken = charges(&evidence.ledger, order);
    let items = items_of(evidence, order);
    let mut say = |rule, what: String| found.push(Violation::of(rule, format!("order {order}: {what}")));
    if taken.len() > 1 {
        say("charged twice", format!("{taken:?}"));
    }
    if kind != Kind::Good && !taken.is_empty() {
        say("charged what was refused", format!("{taken:?}"));
    }
    for item in &items {
        let seen = || format!("{item:?}; the ledger has {taken:?}");
        let own = taken.iter().find(|charge| item.reference.as_deref() == Some(charge.payment.as_str()));
        match item.status.as_str() {
            "succeeded" => match own {
                None => say("succeeded without a charge", seen()),
                Some(charge) if !same_amount(item, charge, order) => say("another amount", seen()),
                Some(_) => {}
            },
            "unknown" | "incomplete" => {}
            // A row that was refused because another run has its key says nothing of that one's charge.
            "duplicate" => {}
            status if UNCHARGED.contains(&status) => {
                let alone = items.iter().all(|other| UNCHARGED.contains(&other.status.as_str()));
                if alone && !taken.is_empty() {
                    say("charged, and called uncharged", seen());
                }
            }
            _ => say("no end", seen()),
        }
    }
    let stands_for = |item: &&&Item| matches!(item.status.as_str(), "succeeded" | "unknown" | "incomplete");
    let standing = items.iter().filter(stands_for).count();
    if standing != 1 && !taken.is_empty() {
        say("a charge needs one row that stands for it", format!("{items:?}; the ledger has {taken:?}"));
    }
}

fn same_amount(item: &Item, charge: &Charged, order: &str) -> bool {
    let want = amount(order);
    let equal = |found: &str| found.trim_end_matches('0') == want.trim_end_matches('0');
    equal(&charge.amount) && item.amount.as_deref().is_some_and(equal)
}

/// A request that reached the provider was an intent before, in the journal and in the intent log.
fn every_charge_has_its_intent(evidence: &Evidence, found: &mut Vec<Violation>) {
    for (order, _) in orders() {
        let requests: Vec<&Charged> = evidence.ledger.iter().filter(|charge| charge.order == order).collect();
        let repeated = requests.iter().filter(|charge| charge.fault.as_deref() == Some("duplicate")).count();
        let arrived = requests.len() - repeated / 2;
        let steps = items_of(evidence, order).into_iter().flat_map(|item| &item.steps);
        let intents: Vec<_> = steps.filter(|step| step.had_intent).collect();
        if arrived > intents.len() {
            let what = format!("order {order}: {requests:?}; intents {intents:?}");
            found.push(Violation::of("sent without an intent", what));
        }
        let first = intents.iter().map(|step| instant(&step.at)).min();
        if let Some(early) = requests.iter().find(|charge| Some(instant(&charge.at)) < first) {
            found.push(Violation::of("sent before its intent", format!("order {order}: {early:?}")));
        }
        for step in &intents {
            let lines = evidence.logged.iter().filter(|logged| **logged == step.id).count();
            if lines != 1 {
                let what = format!("order {order}: {lines} lines for {step:?}");
                found.push(Violation::of("an intent has its line in the intent log", what));
            }
        }
    }
}

/// Comparable as text only where the places are the same, so it is read.
fn instant(at: &str) -> jiff::Timestamp {
    at.parse().expect("an instant")
}

/// A row that no fault met and no kill caught in flight ends as it would have without them.
fn rows_are_as_without_a_crash(evidence: &Evidence, found: &mut Vec<Violation>) {
    for run in &evidence.runs {
        for item in &run.items {
            let Some((_, kind)) = orders().find(|(order, _)| *order == item.order) else { continue };
            let allowed = allowed(evidence, run, item, kind);
            if !allowed.contains(&item.status.as_str()) {
                let what = format!("{} of {}: {allowed:?} are true, not {item:?}", item.order, run.name);
                found.push(Violation::of("another end", what));
            }
        }
    }
}

fn allowed(evidence: &Evidence, run: &Run, item: &Item, kind: Kind) -> Vec<&'static str> {
    // It was unknown, and is so still, or was looked up. Whether that is true is the ledger's to say.
    if item.was_open(&evidence.audit) {
        return vec!["unknown", "succeeded"];
    }
    let as_ever = match kind {
        Kind::Invalid => return vec!["invalid"],
        Kind::Declined => "declined",
        Kind::Good => "succeeded",
    };
    if run.name == AGAIN && keeps_its_key(evidence, &item.order) {
        return vec!["duplicate"];
    }
    match evidence.fault.knows {
        Knows::Nothing if was_met(run, item) => vec!["unknown"],
        Knows::Perhaps => vec![as_ever, "not_sent"],
        Knows::Nothing | Knows::Answer => vec![as_ever],
    }
}

/// Whether the first file's row has the key still, so that the second may not.
fn keeps_its_key(evidence: &Evidence, order: &str) -> bool {
    let first = evidence.runs.iter().filter(|run| run.name == FILE).flat_map(|run| &run.items);
    let of_order = first.filter(|item| item.order == order);
    of_order.into_iter().any(|item| matches!(item.status.as_str(), "unknown" | "succeeded"))
}

/// Whether the case's fault met the row, or would have.
fn was_met(run: &Run, item: &Item) -> bool {
    run.name == FILE && TARGETS.contains(&item.order.as_str())
}

/// A kill leaves no more unknown than was in flight; nothing else does but the fault.
fn unknown_is_bounded(evidence: &Evidence, found: &mut Vec<Violation>) {
    let items = evidence.runs.iter().flat_map(|run| run.items.iter().map(move |item| (run, item)));
    let open = items.filter(|(run, item)| !was_met(run, item) && item.was_open(&evidence.audit)).count();
    // A connection that is refused may be any row's.
    let refused = if evidence.fault.knows == Knows::Perhaps { TARGETS.len() } else { 0 };
    if open > evidence.kills * evidence.concurrency + refused {
        found.push(Violation::of(
            "more unknown than in flight",
            format!("{open} after {} kills", evidence.kills),
        ));
    }
}

/// After everything was looked up: what the ledger has is closed, but where it has it twice, or for another amount.
pub fn still_unknown(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    for item in evidence.runs.iter().flat_map(|run| &run.items).filter(|item| item.status == "unknown") {
        let taken: Vec<&Charged> =
            evidence.ledger.iter().filter(|charge| charge.order == item.order && charge.valid).collect();
        let is_conflict = item.steps.iter().any(|step| step.state == "conflict");
        if taken.len() == 1 && !is_conflict && !evidence.fault.may_hide() {
            found.push(Violation::of(
                "the ledger has it and no look-up found it",
                format!("{item:?}: {taken:?}"),
            ));
        }
        if taken.len() > 1 && !is_conflict {
            found.push(Violation::of("charged twice, and no conflict", format!("{item:?}: {taken:?}")));
        }
    }
    found
}

/// Steps go from state to state as they may, the audit tells the same, and none is in flight at rest.
fn steps_keep_their_edges(evidence: &Evidence, found: &mut Vec<Violation>) {
    let mut told: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in &evidence.audit {
        told.entry(change.subject.as_str()).or_default().push(change);
    }
    for step in evidence.runs.iter().flat_map(|run| &run.items).flat_map(|item| &item.steps) {
        if step.state == "in_flight" {
            found.push(Violation::of("in flight at rest", format!("{step:?}")));
        }
        if !step.had_intent {
            continue;
        }
        let changes = told.remove(step.id.as_str()).unwrap_or_default();
        let mut state = None;
        for change in &changes {
            if change.was.as_deref() != state || !may_follow(state, &change.became) {
                found.push(Violation::of("a change that may not be", format!("{changes:?}")));
            }
            state = Some(change.became.as_str());
        }
        if state != Some(step.state.as_str()) {
            found.push(Violation::of("the audit says otherwise", format!("{step:?}; {changes:?}")));
        }
    }
}

fn may_follow(state: Option<&str>, next: &str) -> bool {
    let is_open = |state: &str| matches!(state, "unknown" | "conflict");
    match state {
        None => next == "in_flight",
        Some("in_flight") => is_open(next) || FINAL_STEPS.contains(&next),
        Some("unknown") => next == "conflict" || FINAL_STEPS.contains(&next),
        Some("conflict") => FINAL_STEPS.contains(&next),
        Some(_) => false,
    }
}

/// Each dropped file lies in exactly one place, with its own bytes, and has exactly one run.
fn files_are_in_one_place(evidence: &Evidence, found: &mut Vec<Violation>) {
    for (name, folder) in
        [(REFUSED, "failed"), (FILE, "done"), (ONE, "done"), (TWIN, "duplicate"), (AGAIN, "done")]
    {
        let stem = name.trim_end_matches(".csv");
        let runs: Vec<&Run> = evidence.runs.iter().filter(|run| run.name == name).collect();
        let [run] = runs.as_slice() else {
            found.push(Violation::of("one file, one run", format!("{name}: {runs:?}")));
            continue;
        };
        let is_it = |path: &&String| {
            let last = path.rsplit('/').next().unwrap_or_default();
            let at_work = last.strip_prefix(&format!("{}.", run.id)) == Some(name);
            last == name || at_work || last == format!("{stem}.{}.csv", run.id)
        };
        let places: Vec<&String> = evidence.files.keys().filter(is_it).collect();
        if places.len() != 1 || !places[0].starts_with(&format!("{folder}/")) {
            found.push(Violation::of("a file is in one place", format!("{name}: {places:?}")));
        }
        if !FINAL_RUNS.contains(&run.state.as_str()) {
            found.push(Violation::of("a run has an end", format!("{name}: {}", run.state)));
        }
        let physical = FILES.iter().find(|(file, _)| *file == name).map_or(0, |(_, rows)| *rows);
        if run.items.len() != physical {
            found.push(Violation::of("no row is lost", format!("{name}: {:?}", run.items)));
        }
    }
    if let Some(left) = evidence.files.keys().find(|path| path.ends_with(".tmp")) {
        found.push(Violation::of("an unfinished file was left", left.clone()));
    }
}

/// The reports say what the journal says, row by row, and nobody is told to try again what may be charged.
fn run_adds_up(run: &Run, found: &mut Vec<Violation>) {
    if run.state != "finished" {
        return;
    }
    let mut say = |rule, what: String| found.push(Violation::of(rule, format!("{}: {what}", run.name)));
    let (Some(result), Some(report)) = (&run.result, &run.report) else {
        return say("a finished run has its reports", format!("{:?}", run.result.is_some()));
    };
    let in_journal: Vec<_> =
        run.items.iter().map(|item| (item.order.as_str(), item.status.as_str())).collect();
    let in_result: Vec<_> = result.iter().map(|row| (order_of(row), row.status())).collect();
    // An invalid row has no key in the journal.
    let same = in_journal.len() == in_result.len()
        && in_journal.iter().zip(&in_result).all(|(journal, result)| {
            journal.1 == result.1 && (journal.0 == result.0 || journal.0.is_empty())
        });
    if !same {
        say("the result says what the journal says", format!("{in_result:?}, {in_journal:?}"));
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    in_journal.iter().for_each(|(_, status)| *counts.entry(status).or_default() += 1);
    let reported = report["counts"].as_object().cloned().unwrap_or_default();
    let sum: u64 = reported.values().filter_map(serde_json::Value::as_u64).sum();
    let told = |status: &str| reported.get(status).and_then(serde_json::Value::as_u64).unwrap_or(0);
    if sum != run.items.len() as u64 || counts.iter().any(|(status, count)| told(status) != *count) {
        say("the report counts what the journal has", format!("{report}, {counts:?}"));
    }
    let free: BTreeSet<&str> =
        in_result.iter().filter(|(_, status)| FREE.contains(status)).map(|(order, _)| *order).collect();
    let offered: BTreeSet<&str> = run.retry.iter().map(String::as_str).collect();
    if free != offered {
        say("only free rows may be tried again", format!("offered {offered:?}, free {free:?}"));
    }
}

fn order_of(row: &Row) -> &str {
    row.get("order_id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A finished run of these rows, and what its retry file offers.
    fn run(rows: &[(&str, &str)], offered: &[&str]) -> Run {
        let item = |(order, status): &(&str, &str)| Item {
            order: (*order).to_owned(),
            status: (*status).to_owned(),
            ..Item::default()
        };
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        rows.iter().for_each(|(_, status)| *counts.entry(status).or_default() += 1);
        let line = |(order, status): &(&str, &str)| {
            let cells = [("order_id", *order), ("gesher_status", *status)];
            Row(cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).into())
        };
        Run {
            name: FILE.to_owned(),
            state: "finished".to_owned(),
            items: rows.iter().map(item).collect(),
            result: Some(rows.iter().map(line).collect()),
            report: Some(json!({ "counts": counts })),
            retry: offered.iter().map(|order| (*order).to_owned()).collect(),
            ..Run::default()
        }
    }

    #[track_caller]
    fn check(rows: &[(&str, &str)], offered: &[&str], is_sound: bool) {
        let mut found = Vec::new();
        run_adds_up(&run(rows, offered), &mut found);
        let rules: Vec<&str> = found.iter().map(|violation| violation.rule).collect();
        let want: &[&str] = if is_sound { &[] } else { &["only free rows may be tried again"] };
        assert_eq!(rules, want, "{rows:?} {offered:?}");
    }

    #[test]
    fn the_retry_file_offers_exactly_the_rows_whose_key_is_free() {
        let each = ["succeeded", "unknown", "duplicate", "skipped"].into_iter().chain(FREE);
        for status in each {
            let is_free = FREE.contains(&status);
            check(&[("1", "succeeded"), ("2", status)], &["2"], is_free);
            check(&[("1", "succeeded"), ("2", status)], &[], !is_free);
        }
        check(&[("1", "declined"), ("2", "invalid")], &["1", "2"], true);
        check(&[("1", "declined"), ("2", "invalid")], &["1"], false);
        check(&[("1", "declined")], &["1", "3"], false);
    }
}
