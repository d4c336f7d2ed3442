//! What a dry run tells: what would be charged, by vendor and in total, how that differs from the flow's last run, and what
//! nobody can know beforehand.

use super::found::{Found, sums_document};
use crate::commands::runs::{counts, sums};
use crate::commands::show;
use crate::config::Config;
use crate::exit::Exit;
use crate::table::TextTable;
use gesher_core::{ItemStatus, RunId};
use gesher_engine::journal::{RunRecord, Tally};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Items that did not succeed which a terminal is shown; JSON has more.
const SHOWN_OTHERS_MAX: usize = 20;

/// What came of it.
pub(super) struct Report {
    /// The run.
    pub(super) record: RunRecord,
    /// Its counts.
    pub(super) tally: Tally,
    /// What it and what it started moved.
    pub(super) found: Found,
    /// Runs of other flows that it started.
    pub(super) started: usize,
    /// The flow's last run, and what that moved.
    pub(super) last: Option<(RunRecord, Found)>,
    /// What it would ask a person to look at.
    pub(super) alerts: Vec<String>,
    /// Above this a person would be asked first.
    pub(super) approve_above: Option<String>,
    /// The hub's own run that did this before.
    pub(super) before: Option<RunId>,
    /// Vendors whose terminals may not clear cards yet.
    pub(super) states: Vec<(String, String)>,
    /// The exit code.
    pub(super) exit: Exit,
}

impl Report {
    /// Adds what was found to what the first pass said.
    pub(super) fn add_to(&self, config: &Config, document: &mut Value) {
        let vendors = self.found.vendors.iter().map(|(name, moved)| {
            let mut line = moved.document();
            line.insert("vendor".to_owned(), json!(name));
            Value::Object(line)
        });
        let mut charged = self.found.all.document();
        charged.insert("vendors".to_owned(), vendors.collect());
        document["simulator"] = json!(config.is_simulated());
        document["flow"] = json!(self.record.flow);
        document["state"] = json!(self.record.state.as_str());
        document["counts"] = counts(&self.tally);
        document["duplicates"] = json!(self.tally.count(ItemStatus::Duplicate));
        document["charged"] = Value::Object(charged);
        document["last_run"] = self.last_document();
        document["done_before"] = json!(self.before.as_ref().map(RunId::as_str));
        document["approve_above"] = json!(self.approve_above);
        document["started_runs"] = json!(self.started);
        document["alerts"] = json!(self.alerts);
        document["items"] = json!(self.found.others);
        document["simulated_reads"] = json!(self.found.reads);
        document["not_made"] = json!(self.found.not_made);
        document["notes"] = json!(self.notes());
        document["exit"] = json!(self.exit.code());
    }

    fn last_document(&self) -> Value {
        let Some((run, earlier)) = &self.last else { return Value::Null };
        let difference = self.found.since(earlier);
        json!({
            "run": run.id.as_str(),
            "started": run.started_at.to_string(),
            "count": earlier.all.count,
            "totals": sums_document(&earlier.all.sums),
            "difference": {
                "count": i64::try_from(difference.count).unwrap_or(i64::MAX),
                "totals": sums_document(&difference.totals),
            },
            "vendors_new": difference.vendors_new,
            "vendors_missing": difference.vendors_missing,
        })
    }

    /// What nobody can know beforehand, said plainly.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "nothing was sent: the providers were simulated, and the card companies' answers are not known"
                .to_owned(),
        ];
        if let Some(before) = &self.before {
            notes.push(format!("this was done before, as run {before}: nothing would be done now"));
        }
        if !self.found.reads.is_empty() {
            notes.push(format!(
                "the simulated provider has none of your records, so these reads were not answered truthfully: {}",
                counted(&self.found.reads)
            ));
        }
        if !self.found.not_made.is_empty() {
            notes.push(format!(
                "these calls of other hosts were not made, and what follows them is not known: {}",
                counted(&self.found.not_made)
            ));
        }
        for (vendor, state) in &self.states {
            notes.push(format!("the vendor {vendor} is {state}: its terminal may not clear cards yet"));
        }
        if let Some(most) = &self.approve_above {
            notes.push(format!("the total is above {most}, so the run would wait for `gesher approve`"));
        }
        notes
    }

    /// The same for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("dry run of {}: {}\n", self.record.flow, self.record.name);
        text.push_str(&show::status_table(&self.tally));
        let mut table =
            TextTable::new(&["would be charged for", "charges", "total", "given back"]).right(&[1, 2, 3]);
        for (name, moved) in &self.found.vendors {
            table.row([name.clone(), moved.count.to_string(), sums(&moved.sums), sums(&moved.given_back)]);
        }
        let all = &self.found.all;
        table.row(["all".to_owned(), all.count.to_string(), sums(&all.sums), sums(&all.given_back)]);
        text.push_str(&format!("\n{}", table.render()));
        text.push_str(&self.last_text());
        text.push_str(&self.others_text());
        for alert in &self.alerts {
            text.push_str(&format!("  alert: {alert}\n"));
        }
        for note in self.notes() {
            text.push_str(&format!("  note: {note}\n"));
        }
        text
    }

    fn last_text(&self) -> String {
        let Some((run, earlier)) = &self.last else {
            return "\nthe flow has no finished run to compare with\n".to_owned();
        };
        let difference = self.found.since(earlier);
        let mut text = format!(
            "\nthe last run, {}, charged {} times, {}; this is {:+} charges and {}\n",
            run.id,
            earlier.all.count,
            or_nothing(&sums(&earlier.all.sums)),
            difference.count,
            or_nothing(&sums(&difference.totals)),
        );
        for (word, names) in [("new", difference.vendors_new), ("missing", difference.vendors_missing)] {
            if !names.is_empty() {
                text.push_str(&format!("  {word} vendors: {}\n", names.join(", ")));
            }
        }
        text
    }

    fn others_text(&self) -> String {
        if self.found.others.is_empty() {
            return String::new();
        }
        let mut table = TextTable::new(&["line", "would be", "why"]).right(&[0]);
        for item in self.found.others.iter().take(SHOWN_OTHERS_MAX) {
            let field = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            table.row([item["line"].to_string(), field("status"), field("message")]);
        }
        let more = self.found.others.len().saturating_sub(SHOWN_OTHERS_MAX);
        let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
        format!("\n{}{more}", table.render())
    }
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn counted(operations: &BTreeMap<String, u64>) -> String {
    let names = operations.iter().map(|(name, count)| format!("{name} ({count})"));
    names.collect::<Vec<_>>().join(", ")
}
