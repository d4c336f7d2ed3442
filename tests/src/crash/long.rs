//! One long file, and a hub that is killed again and again while it works on it, at moments that nobody chose.
//!
//! There are no faults here: whatever is unknown afterwards was in flight at a kill, and the hub says at its next start
//! how much that was.

use super::case::Chance;
use super::check::Violation;
use super::evidence::{Charged, read_ledger};
use crate::files::{Row, names_in};
use crate::serve::{Background, simulate};
use crate::wait::until;
use crate::{Done, Hub, charges_csv, nap};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// How long the hub may take to come to the next kill, or to the end.
const WAIT_SECONDS: u64 = 300;
/// A kill comes at most so long after the row that it waits for.
const JITTER_MS: usize = 40;
/// What the hub logs at its start for each step that a dead one left in flight.
const LEFT_IN_FLIGHT: &str = "in flight when the hub died";

/// A long file and its kills.
#[derive(Clone, Copy, Debug)]
pub struct Long {
    /// Its rows.
    pub rows: u32,
    /// How often the hub is killed.
    pub kills: usize,
    /// How many rows are in flight, at most.
    pub concurrency: usize,
    /// What the moments follow from.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct LongPlayed {
    /// Kills.
    pub kills: usize,
    /// Payments that the ledger has.
    pub charged: usize,
    /// Steps that were in flight at the kills, as the hub said at its next starts.
    pub in_flight: usize,
    /// Rows that were unknown when the file was done.
    pub unknown: usize,
    /// Of those, how many a look-up closed.
    pub closed: usize,
    /// What is not as it has to be.
    pub violations: Vec<Violation>,
}

impl Long {
    /// Plays it.
    pub fn play(&self) -> LongPlayed {
        self.play_while(|| true, |_| {})
    }

    /// Plays it, and kills no more once `goes_on` says no, which is a violation: fewer kills than asked for are no
    /// proof. `told` hears how far it is.
    pub fn play_while(&self, goes_on: impl Fn() -> bool, told: impl Fn(String)) -> LongPlayed {
        let provider = tempfile::tempdir().unwrap();
        let (_simulator, base_url) = simulate(provider.path(), &[]);
        let hub = Hub::bulk("en", &base_url);
        hub.set("flow.bulk-charge", "concurrency", &self.concurrency.to_string());
        hub.set("dashboard", "listen", "\"127.0.0.1:0\"");
        let ledger = provider.path().join("ledger.jsonl");
        hub.drop_file("long.csv", charges_csv(1, self.rows));
        let mut lines = Lines::of(ledger.clone());
        let mut chance = Chance(self.seed);
        let (mut in_flight, mut violations) = (Vec::new(), Vec::new());
        for kill in 1..=self.kills {
            if !goes_on() {
                let words = format!("{} of {} kills", kill - 1, self.kills);
                violations.push(Violation::of("the time is over", words));
                break;
            }
            // Each kill waits for its share of the file, so that they fall on all of it.
            let share = usize::try_from(self.rows).unwrap() * kill / (self.kills + 1);
            let mut process = serve(&hub);
            // What a kill caught in flight may never come to the ledger.
            let caught: usize = in_flight.iter().sum();
            until("the next kill", WAIT_SECONDS, || (lines.count() + caught >= share).then_some(()));
            nap(chance.below(JITTER_MS) as u64);
            process.kill9();
            in_flight.push(left_in_flight(&process));
            told(format!("{kill} of {} kills, {} of {} rows charged", self.kills, lines.count(), self.rows));
        }
        let kills = in_flight.len();
        let mut process = serve(&hub);
        let done = until("the end of the file", WAIT_SECONDS, || {
            Done::find(&hub.inbox("done"), "long.csv", &[])
                // The reports of a run that is over may be on their way anew.
                .filter(|_| names_in(&hub.inbox(".work")).iter().all(|name| name.ends_with(".tmp")))
        });
        in_flight.push(left_in_flight(&process));
        process.sigterm();
        process.wait_exit();
        let ledger = read_ledger(&ledger);
        violations.extend(self.violations(&done, &ledger));
        violations.extend(self.unbounded(&done, &in_flight));
        told(format!("all rows are done; {} are unknown and are looked up", done.count("unknown")));
        // Now everything is looked up: what the ledger has must be closed, and what it lacks must stay.
        let asked = hub.cmd(&["unknown", "reconcile"]);
        if !matches!(asked.code, 0 | 3) {
            violations.push(Violation::of("unknown reconcile", asked.words()));
        }
        let after = Done::find(&hub.inbox("done"), "long.csv", &[]).expect("the reports stay");
        violations.extend(self.violations(&after, &ledger));
        let charged: BTreeSet<&str> = ledger.iter().map(|charge| charge.order.as_str()).collect();
        let left = after.rows.iter().filter(|row| row.status() == "unknown");
        let left: Vec<&Row> = left.filter(|row| charged.contains(row.get("order_id"))).collect();
        if !left.is_empty() {
            violations.push(Violation::of("the ledger has it and no look-up found it", format!("{left:?}")));
        }
        LongPlayed {
            kills,
            charged: ledger.len(),
            in_flight: in_flight.iter().sum(),
            unknown: was_unknown(&done),
            closed: was_unknown(&done) - after.count("unknown"),
            violations,
        }
    }

    /// What is unknown is what was in flight at the kills, and each time no more than may be.
    fn unbounded(&self, done: &Done, in_flight: &[usize]) -> Option<Violation> {
        let unknown = was_unknown(done);
        let is_bounded = in_flight.iter().all(|count| *count <= self.concurrency);
        let is_told = unknown == in_flight.iter().sum::<usize>();
        let what = || format!("{unknown} unknown; in flight at the kills {in_flight:?}");
        (!is_bounded || !is_told).then(|| Violation::of("unknown is what was in flight", what()))
    }

    fn violations(&self, done: &Done, ledger: &[Charged]) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut by_order: BTreeMap<&str, Vec<&Charged>> = BTreeMap::new();
        ledger.iter().for_each(|charge| by_order.entry(charge.order.as_str()).or_default().push(charge));
        if done.rows.len() != usize::try_from(self.rows).unwrap() {
            found.push(Violation::of("no row is lost", done.report.to_string()));
        }
        for row in &done.rows {
            let taken = by_order.remove(row.get("order_id")).unwrap_or_default();
            let fits = match (row.status(), taken.as_slice()) {
                ("succeeded", [one]) => {
                    let same = |a: &str, b: &str| a.trim_end_matches('0') == b.trim_end_matches('0');
                    one.payment == row.get("gesher_reference") && same(&one.amount, row.get("amount"))
                }
                ("unknown", []) | ("unknown", [_]) => row.code() == "interrupted",
                _ => false,
            };
            if !fits {
                found.push(Violation::of("the row and the ledger agree", format!("{row:?}: {taken:?}")));
            }
        }
        if !by_order.is_empty() {
            found.push(Violation::of("charged without a row", format!("{by_order:?}")));
        }
        if done.retry.is_some() {
            found.push(Violation::of("only free rows may be tried again", "there is a retry file"));
        }
        found
    }
}

/// Rows that are unknown, and those that were until a hub that serves looked them up by itself.
fn was_unknown(done: &Done) -> usize {
    let is_settled = |row: &&Row| row.message().contains("looked up at the provider");
    done.count("unknown") + done.rows.iter().filter(is_settled).count()
}

fn serve(hub: &Hub) -> Background {
    Background::start(hub.command().arg("serve"), hub.next_words_file())
}

fn left_in_flight(process: &Background) -> usize {
    process.words().matches(LEFT_IN_FLIGHT).count()
}

/// Counts the lines of a file that grows, reading each byte once.
struct Lines {
    path: PathBuf,
    read: u64,
    lines: usize,
}

impl Lines {
    fn of(path: PathBuf) -> Self {
        Self { path, read: 0, lines: 0 }
    }

    fn count(&mut self) -> usize {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read)).unwrap();
            self.read += file.read_to_end(&mut bytes).unwrap() as u64;
            self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        }
        self.lines
    }
}
