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
    let mut table =
        TextTable::new(&["run", "flow", "started", "state", "items", "so far", "name"]).right(&[4]);
    for run in &runs {
        let tally = journal.tally(&run.id).await.doing("counting a run's items")?;
        output.json(&document(config, run, &tally));
        table.row([
            run.id.to_string(),
            run.flow.clone(),
            local(run.started_at, &zone),
            run.state.as_str().to_owned(),
            tally.items().to_string(),
            words(&tally),
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
        "terms": run.terms,
    })
}

/// Items by status; only the statuses that there are.
pub fn counts(tally: &Tally) -> Value {
    let lines = ItemStatus::ALL.into_iter().filter(|status| tally.count(*status) > 0);
    Value::Object(lines.map(|status| (status.as_str().to_owned(), json!(tally.count(status)))).collect())
}

/// Sums by currency and status, as texts with two places: as they stand in a run's report.
fn totals(tally: &Tally) -> Value {
    let mut by_currency: BTreeMap<Currency, Map<String, Value>> = BTreeMap::new();
    for (status, line) in &tally.ended {
        for (currency, sum) in &line.totals {
            let sums = by_currency.entry(*currency).or_default();
            sums.insert(status.as_str().to_owned(), json!(two_places(*sum)));
        }
    }
    let sums = by_currency.into_iter().map(|(currency, sums)| (currency.to_string(), Value::Object(sums)));
    Value::Object(sums.collect())
}

/// Sums for people: `1,250.00 ILS`, joined where there are several currencies.
pub fn sums(totals: &BTreeMap<Currency, Decimal>) -> String {
    totals
        .iter()
        .map(|(currency, sum)| format!("{} {currency}", two_places(*sum)))
        .collect::<Vec<_>>()
        .join(" + ")
}

/// How many items ended how, in a few words, and how many have not: `7 succeeded, 1 declined, 4 to come`.
pub fn words(tally: &Tally) -> String {
    let some = ItemStatus::ALL.into_iter().filter(|status| tally.count(*status) > 0);
    let mut words: Vec<String> = some.map(|status| format!("{} {status}", tally.count(status))).collect();
    if tally.queued > 0 {
        words.push(format!("{} to come", tally.queued));
    }
    words.join(", ")
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::journal::TallyLine;

    fn tally() -> Tally {
        let line = |items: u64, sum: i64| TallyLine {
            items,
            totals: BTreeMap::from([(Currency::ILS, Decimal::new(sum, 2))]),
        };
        let ended =
            BTreeMap::from([(ItemStatus::Succeeded, line(7, 125_000)), (ItemStatus::Declined, line(1, 550))]);
        Tally { ended, queued: 2, finish: None }
    }

    #[test]
    fn the_words_count_all_that_ended_and_what_is_to_come() {
        assert_eq!(words(&tally()), "7 succeeded, 1 declined, 2 to come");
        assert_eq!(words(&Tally::default()), "");
    }

    #[test]
    fn totals_go_by_currency_and_then_by_status() {
        assert_eq!(totals(&tally()), json!({ "ILS": { "succeeded": "1250.00", "declined": "5.50" } }));
        assert_eq!(totals(&Tally::default()), json!({}));
    }
}
