//! `show`: one run with its items and their steps.

use super::{decide, runs};
use crate::cli::{ItemFilter, ShowArgs};
use crate::compose::store::{local, open_reader, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::{self, Exit};
use crate::follow;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::money::two_places;
use gesher_core::{ItemStatus, Language, Money, RunId};
use gesher_engine::journal::{ItemQuery, ItemRecord, Journal, RunRecord, StepRecord, Tally};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Items that are read at a time.
const PAGE_ITEMS: usize = 500;
/// Items that a terminal is shown when nobody asked for a state; the rest is counted. JSON has all of them.
const SHOWN_ITEMS_MAX: u64 = 200;

/// Shows a run. The exit code is that of the run; one that is at work is in order.
pub async fn run(output: Output, config: &Config, args: &ShowArgs) -> Result<Exit, HubError> {
    let missing = || {
        HubError::usage(format!("there is no run {}", args.reference.run))
            .hint("`gesher runs` lists the runs of this hub")
    };
    super::banner(output, config);
    let journal = open_reader(config)?.ok_or_else(missing)?;
    let run = journal.run(&args.reference.run).await.doing("reading the run")?.ok_or_else(missing)?;
    let shown = Shown { state: args.items, item: args.reference.item };
    let tally = journal.tally(&run.id).await.doing("counting the run's items")?;
    let mut pending = journal.open_decisions().await.doing("reading what people decided")?;
    pending.retain(|decision| decision.run == run.id);
    match output.is_json() {
        true => {
            let mut document = whole(&*journal, config, &run, &tally, shown).await?;
            document["pending"] = pending.iter().map(decide::pending_document).collect();
            output.json(&document);
        }
        false => {
            let zone = time_zone(config);
            pending.iter().for_each(|decision| output.text(&decide::pending_words(decision, &zone)));
            output.text(&page(&*journal, config, &run, &tally, shown).await?);
        }
    }
    let is_limited = follow::is_limited(&*journal, &run.id, &tally).await?;
    Ok(exit::of_shown(run.state, &tally, is_limited))
}

/// Which items are asked for.
#[derive(Clone, Copy)]
struct Shown {
    state: Option<ItemFilter>,
    item: Option<u64>,
}

impl Shown {
    fn takes(self, item: &ItemRecord) -> bool {
        let state_fits = match self.state {
            None => true,
            Some(ItemFilter::Queued) => item.end.is_none(),
            Some(ItemFilter::Ended(status)) => item.end.as_ref().is_some_and(|end| end.status == status),
        };
        state_fits && self.item.is_none_or(|ordinal| item.id.ordinal == ordinal)
    }

    fn is_all(self) -> bool {
        self.state.is_none() && self.item.is_none()
    }
}

async fn whole(
    journal: &dyn Journal,
    config: &Config,
    run: &RunRecord,
    tally: &Tally,
    wanted: Shown,
) -> Result<Value, HubError> {
    let mut document = runs::document(config, run, tally);
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = items_after(journal, &run.id, wanted, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.ordinal);
        for item in page.iter().filter(|item| wanted.takes(item)) {
            let steps = journal.steps_of(&item.id).await.doing("reading an item's steps")?;
            let steps: Vec<Value> = steps.iter().map(|step| step_document(step, config.language)).collect();
            items.push(item_document(item, &steps));
        }
    }
    if let Some(fields) = document.as_object_mut() {
        fields.insert("items".to_owned(), Value::Array(items));
    }
    Ok(document)
}

async fn items_after(
    journal: &dyn Journal,
    run: &RunId,
    wanted: Shown,
    after: Option<u64>,
) -> Result<Vec<ItemRecord>, HubError> {
    let status = match wanted.state {
        Some(ItemFilter::Ended(status)) => Some(status),
        Some(ItemFilter::Queued) | None => None,
    };
    let query = match (wanted.item, after) {
        (None, after) => ItemQuery { run: run.clone(), status, after, limit: PAGE_ITEMS },
        (Some(_), Some(_)) => return Ok(Vec::new()),
        (Some(item), None) => ItemQuery { run: run.clone(), status, after: item.checked_sub(1), limit: 1 },
    };
    journal.items(&query).await.doing("reading the run's items")
}

fn status_word(item: &ItemRecord) -> &'static str {
    item.end.as_ref().map_or("queued", |end| end.status.as_str())
}

fn money(amount: Money) -> Value {
    json!({ "amount": two_places(amount.amount), "currency": amount.currency.as_str() })
}

/// An item as JSON, with its steps.
fn item_document(item: &ItemRecord, steps: &[Value]) -> Value {
    let end = item.end.as_ref();
    json!({
        "item": item.id.to_string(),
        "ordinal": item.id.ordinal,
        "line": item.line,
        "key": item.key.as_ref().map(ToString::to_string),
        "attempt": item.attempt,
        "status": status_word(item),
        "reference": end.and_then(|end| end.reference.clone()),
        "document": end.and_then(|end| end.document.clone()),
        "code": end.and_then(|end| end.code.clone()),
        "message": end.map(|end| end.message.clone()),
        "amount": end.and_then(|end| end.amount).map(money),
        "at": item.at.to_string(),
        "steps": steps,
    })
}

fn step_document(step: &StepRecord, language: Language) -> Value {
    let outcome = step.outcome.as_ref();
    json!({
        "id": step.id.to_string(),
        "operation": step.operation,
        "who": step.who,
        "key": step.key.as_ref().map(ToString::to_string),
        "attempt": step.attempt,
        "state": step.state.as_str(),
        "reference": outcome.and_then(|outcome| outcome.reference.clone()),
        "document": outcome.and_then(|outcome| outcome.document.clone()),
        "code": outcome.and_then(|outcome| outcome.code.clone()),
        "message": outcome.map(|outcome| outcome.message.get(language).to_owned()),
        "amount": step.amount.map(money),
        "at": step.intent_at.to_string(),
        "ended": step.outcome_at.map(|at| at.to_string()),
    })
}

async fn page(
    journal: &dyn Journal,
    config: &Config,
    run: &RunRecord,
    tally: &Tally,
    wanted: Shown,
) -> Result<String, HubError> {
    let zone = time_zone(config);
    let mut text = head(run, &zone);
    text.push_str(&status_table(tally));
    let mut table =
        TextTable::new(&["line", "key", "status", "amount", "reference", "code", "message"]).right(&[3]);
    let (mut shown, mut after) = (0, None);
    'pages: loop {
        let items = items_after(journal, &run.id, wanted, after).await?;
        let Some(last) = items.last() else { break };
        after = Some(last.id.ordinal);
        for item in items.iter().filter(|item| wanted.takes(item)) {
            if shown == SHOWN_ITEMS_MAX && wanted.is_all() {
                break 'pages;
            }
            shown += 1;
            table.row(item_cells(item));
            if item.end.as_ref().is_none_or(|end| end.status != ItemStatus::Succeeded) {
                let steps = journal.steps_of(&item.id).await.doing("reading an item's steps")?;
                steps
                    .iter()
                    .filter(|step| step.attempt.is_some())
                    .for_each(|step| table.row(step_cells(step)));
            }
        }
    }
    if shown > 0 {
        text.push('\n');
        text.push_str(&table.render());
    }
    let left = tally.items().saturating_sub(shown);
    if wanted.is_all() && left > 0 {
        text.push_str(&format!(
            "  and {left} more; --items STATE shows all in one state, --json shows everything\n"
        ));
    }
    Ok(text)
}

fn head(run: &RunRecord, zone: &TimeZone) -> String {
    let ended = run.ended_at.map_or_else(String::new, |at| format!(", ended {}", local(at, zone)));
    let mut text = format!(
        "run {} of {}: {}\n  {} by {}, started {}{ended}\n",
        run.id,
        run.flow,
        run.name,
        run.state.as_str(),
        run.trigger.as_str(),
        local(run.started_at, zone),
    );
    if let Some(message) = &run.message {
        text.push_str(&format!("  {message}\n"));
    }
    text.push('\n');
    text
}

/// How many items ended how, and how much money stands beside each status.
pub fn status_table(tally: &Tally) -> String {
    let mut table = TextTable::new(&["status", "items", "sum"]).right(&[1, 2]);
    for (status, line) in &tally.ended {
        table.row([status.as_str().to_owned(), line.items.to_string(), runs::sums(&line.totals)]);
    }
    if tally.queued > 0 {
        table.row(["queued".to_owned(), tally.queued.to_string(), String::new()]);
    }
    if tally.items() == 0 { String::new() } else { table.render() }
}

fn item_cells(item: &ItemRecord) -> [String; 7] {
    let end = item.end.as_ref();
    [
        item.line.to_string(),
        item.key.as_ref().map(ToString::to_string).unwrap_or_default(),
        status_word(item).to_owned(),
        end.and_then(|end| end.amount).map(|amount| amount.to_string()).unwrap_or_default(),
        end.and_then(|end| end.reference.clone()).unwrap_or_default(),
        end.and_then(|end| end.code.clone()).unwrap_or_default(),
        end.map(|end| end.message.clone()).unwrap_or_default(),
    ]
}

/// A step, below its item.
fn step_cells(step: &StepRecord) -> [String; 7] {
    let outcome = step.outcome.as_ref();
    [
        String::new(),
        format!("  step {}", step.id),
        format!("  {}", step.state.as_str()),
        step.amount.map(|amount| amount.to_string()).unwrap_or_default(),
        outcome.and_then(|outcome| outcome.reference.clone()).unwrap_or_default(),
        outcome.and_then(|outcome| outcome.code.clone()).unwrap_or_default(),
        step.operation.clone(),
    ]
}
