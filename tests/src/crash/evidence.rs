//! What a case left behind, as somebody outside sees it: the provider's ledger, what the hub shows of its journal, the
//! journal's audit, the intent log, the folders and the reports.

use super::case::Case;
use super::check::Violation;
use super::faults::Fault;
use super::rows::{self, Kind};
use crate::Hub;
use crate::files::{Row, names_in, read_csv};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One payment, or one refusal of the issuer, that the provider really made.
#[derive(Clone, Debug)]
pub struct Charged {
    /// The order, as its line says.
    pub order: String,
    /// The payment's number.
    pub payment: String,
    /// How much, as the ledger writes it.
    pub amount: String,
    /// Whether money was taken.
    pub valid: bool,
    /// The fault that the request met.
    pub fault: Option<String>,
    /// When.
    pub at: String,
}

/// A run with its rows, as `gesher show --json` tells.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The file.
    pub name: String,
    /// Where it stands.
    pub state: String,
    /// Its items, `on_finish` left out.
    pub items: Vec<Item>,
    /// Everything that was shown.
    pub shown: Value,
    /// `result.csv`, where there is one.
    pub result: Option<Vec<Row>>,
    /// `report.json`, where there is one.
    pub report: Option<Value>,
    /// The orders in `retry.csv`; none without the file.
    pub retry: Vec<String>,
}

/// A row's item.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The row's key.
    pub order: String,
    /// Its status, `queued` while it has not ended.
    pub status: String,
    /// Its reference.
    pub reference: Option<String>,
    /// Its amount.
    pub amount: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: String,
    /// Its code.
    pub code: Option<String>,
    /// Its amount.
    pub amount: Option<String>,
    /// Its reference.
    pub reference: Option<String>,
    /// Whether it had an intent.
    pub had_intent: bool,
    /// When its intent was made.
    pub at: String,
}

/// A change of state, from the audit.
#[derive(Clone, Debug)]
pub struct Change {
    /// Of what.
    pub subject: String,
    /// From.
    pub was: Option<String>,
    /// To.
    pub became: String,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What went wrong at the provider, and which orders it met.
    pub fault: Fault,
    /// Kills that happened.
    pub kills: usize,
    /// Rows in flight, at most.
    pub concurrency: usize,
    /// The provider's ledger.
    pub ledger: Vec<Charged>,
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// The audit.
    pub audit: Vec<Change>,
    /// The steps of the intent log, in its order.
    pub logged: Vec<String>,
    /// Every file below the drop folder, by its path in it, with its bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Evidence {
    /// Steps that are open, by cause.
    pub fn unknown(&self) -> BTreeMap<String, usize> {
        let mut causes = BTreeMap::new();
        let steps = self.runs.iter().flat_map(|run| &run.items).flat_map(|item| &item.steps);
        for step in steps.filter(|step| matches!(step.state.as_str(), "unknown" | "conflict")) {
            *causes.entry(step.code.clone().unwrap_or_default()).or_default() += 1;
        }
        causes
    }
}

impl Item {
    /// Whether nobody knew what became of it, at some time.
    pub fn was_open(&self, audit: &[Change]) -> bool {
        let is_open = |change: &Change| matches!(change.became.as_str(), "unknown" | "conflict");
        let of_step = |change: &&Change| self.steps.iter().any(|step| step.id == change.subject);
        audit.iter().filter(of_step).any(is_open)
    }
}

/// What each order is: all that were dropped as rows.
pub fn orders() -> impl Iterator<Item = (&'static str, Kind)> {
    rows::ROWS.iter().copied().chain([rows::ONE_ROW])
}

/// Gathers it all.
pub fn collect(hub: &Hub, ledger: &Path, case: &Case, kills: usize) -> Result<Evidence, Violation> {
    let listed = hub.cmd(&["runs", "--json", "--limit", "1000"]);
    if listed.code != 0 {
        return Err(Violation::of("runs cannot be listed", listed.words()));
    }
    let mut files = BTreeMap::new();
    read_folder(&hub.inbox(""), "", &mut files);
    let mut runs = Vec::new();
    for line in listed.json_lines().into_iter().rev() {
        let id = text(&line, "run").unwrap_or_default();
        let shown = hub.cmd(&["show", &id, "--json"]);
        let shown: Value = serde_json::from_str(&shown.stdout)
            .map_err(|error| Violation::of("a run cannot be shown", format!("{error}: {}", shown.words())))?;
        runs.push(run_of(shown, &files));
    }
    Ok(Evidence {
        fault: case.fault,
        kills,
        concurrency: case.concurrency,
        ledger: read_ledger(ledger),
        runs,
        audit: read_audit(&hub.path("data/gesher.db")),
        logged: read_log(&hub.path("data/intents.log")),
        files,
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// The digits of a number that may stand as a text.
fn digits(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The ledger's charges; no file is no charge.
pub fn read_ledger(path: &Path) -> Vec<Charged> {
    let text_of = std::fs::read_to_string(path).unwrap_or_default();
    let entries = text_of.lines().map(|line| serde_json::from_str::<Value>(line).expect("a whole line"));
    let charge = |entry: Value| Charged {
        order: entry["items"][0].as_str().unwrap_or_default().trim_start_matches("Order ").to_owned(),
        payment: digits(&entry["payment_id"]),
        amount: digits(&entry["amount"]),
        valid: entry["valid"] == true,
        fault: text(&entry, "fault"),
        at: text(&entry, "at").unwrap_or_default(),
    };
    entries.filter(|entry| entry["kind"] == "charge").map(charge).collect()
}

fn run_of(shown: Value, files: &BTreeMap<String, Vec<u8>>) -> Run {
    let (id, name) = (text(&shown, "run").unwrap_or_default(), text(&shown, "name").unwrap_or_default());
    let stem = name.trim_end_matches(".csv");
    let file = |ending: &str| files.get(&format!("done/{stem}.{id}.{ending}"));
    let items = shown["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    Run {
        state: text(&shown, "state").unwrap_or_default(),
        items: items.iter().filter(|item| item["ordinal"] != 0).map(item_of).collect(),
        result: file("result.csv").map(|bytes| read_csv(bytes).1),
        report: file("report.json").and_then(|bytes| serde_json::from_slice(bytes).ok()),
        retry: file("retry.csv").map(|bytes| orders_in(bytes)).unwrap_or_default(),
        id,
        name,
        shown,
    }
}

fn orders_in(bytes: &[u8]) -> Vec<String> {
    read_csv(bytes).1.iter().map(|row| row.get("order_id").to_owned()).collect()
}

fn item_of(item: &Value) -> Item {
    let steps = item["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    Item {
        order: text(item, "key").unwrap_or_default(),
        status: text(item, "status").unwrap_or_default(),
        reference: text(item, "reference"),
        amount: text(&item["amount"], "amount"),
        code: text(item, "code"),
        steps: steps.iter().map(step_of).collect(),
    }
}

fn step_of(step: &Value) -> Step {
    Step {
        id: text(step, "id").unwrap_or_default(),
        state: text(step, "state").unwrap_or_default(),
        code: text(step, "code"),
        amount: text(&step["amount"], "amount"),
        reference: text(step, "reference"),
        had_intent: !step["attempt"].is_null(),
        at: text(step, "at").unwrap_or_default(),
    }
}

fn read_audit(journal: &Path) -> Vec<Change> {
    let connection = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = connection.prepare("SELECT subject, was, became FROM audit ORDER BY seq").unwrap();
    let change =
        |row: &rusqlite::Row<'_>| Ok(Change { subject: row.get(0)?, was: row.get(1)?, became: row.get(2)? });
    query.query_map([], change).unwrap().map(Result::unwrap).collect()
}

/// The steps that the intent log names: a checksum and a JSON object a line, after the first.
fn read_log(path: &Path) -> Vec<String> {
    let text_of = std::fs::read_to_string(path).unwrap_or_default();
    let step = |line: &str| {
        let (_, intent) = line.split_once(' ').expect("a checksum and an intent");
        text(&serde_json::from_str(intent).expect("an intent as JSON"), "step").expect("a step")
    };
    text_of.lines().skip(1).map(step).collect()
}

fn read_folder(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for name in names_in(folder) {
        let (path, shown) = (folder.join(&name), format!("{below}{name}"));
        if path.is_dir() {
            read_folder(&path, &format!("{shown}/"), files);
        } else {
            files.insert(shown, std::fs::read(&path).unwrap());
        }
    }
}
