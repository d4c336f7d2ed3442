//! `runs`: the history, newest first.

use crate::cli::RunsArgs;
use crate::compose::store::{local, open_reader, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::{Currency, Decimal, ItemStatus, money::two_places};
use gesher_engine::journal::{RunRecord, Tally};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Lists the runs.
pub async fn run(output: Output, config: &Config, args: &RunsArgs) -> Result<Exit, HubError> {
    if let Some(name) = &args.flow {
        super::flow_of(config, name)?;
    }
    super::banner(output, config);
    let Some(journal) = open_reader(config)? else {
        output.text("no run yet");
        return Ok(Exit::Well);
    };
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let runs = journal.runs(args.flow.as_deref(), limit).await.doing("reading the runs")?;
    let zone = time_zone(config);
    let mut table = TextTable::new(&["run", "flow", "started", "state", "items", "", "name"]).right(&[4]);
    for run in &runs {
        let tally = journal.tally(&run.id).await.doing("counting a run's items")?;
        output.json(&document(config, run, &tally));
        table.row([
            run.id.to_string(),
            run.flow.clone(),
            local(run.started_at, &zone),
            run.state.as_str().to_owned(),
            tally.items().to_string(),
            trouble(&tally),
            run.name.clone(),
        ]);
    }
    match runs.is_empty() {
        true => output.text("no run yet"),
        false => output.text(&table.render()),
    }
    Ok(Exit::Well)
}

/// A run as JSON.
pub fn document(config: &Config, run: &RunRecord, tally: &Tally) -> Value {
    json!({
        "simulator": config.is_simulated(),
        "run": run.id.as_str(),
        "flow": run.flow,
        "trigger": run.trigger.as_str(),
        "name": run.name,
        "state": run.state.as_str(),
        "rows": run.rows,
        "sha256": run.sha256.map(hex),
        "script": run.script,
        "counts": counts(tally),
        "totals": totals(tally),
        "queued": tally.queued,
        "finish": tally.finish.map(ItemStatus::as_str),
        "started": run.started_at.to_string(),
        "ended": run.ended_at.map(|at| at.to_string()),
        "message": run.message,
    })
}

/// Items by status; only the statuses that there are.
pub fn counts(tally: &Tally) -> Value {
    let lines = ItemStatus::ALL.into_iter().filter(|status| tally.count(*status) > 0);
    Value::Object(lines.map(|status| (status.as_str().to_owned(), json!(tally.count(status)))).collect())
}

/// Sums by status and currency, as texts with two places.
fn totals(tally: &Tally) -> Value {
    let mut by_status = Map::new();
    for (status, line) in &tally.ended {
        if !line.totals.is_empty() {
            let sums =
                line.totals.iter().map(|(currency, sum)| (currency.to_string(), json!(two_places(*sum))));
            by_status.insert(status.as_str().to_owned(), Value::Object(sums.collect()));
        }
    }
    Value::Object(by_status)
}

/// Sums for people: `1,250.00 ILS`, joined where there are several currencies.
pub fn sums(totals: &BTreeMap<Currency, Decimal>) -> String {
    totals
        .iter()
        .map(|(currency, sum)| format!("{} {currency}", two_places(*sum)))
        .collect::<Vec<_>>()
        .join(" + ")
}

/// What did not succeed, in a few words.
fn trouble(tally: &Tally) -> String {
    let quiet = [ItemStatus::Succeeded, ItemStatus::Skipped];
    let loud =
        ItemStatus::ALL.into_iter().filter(|status| !quiet.contains(status) && tally.count(*status) > 0);
    loud.map(|status| format!("{} {status}", tally.count(status))).collect::<Vec<_>>().join(", ")
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
