//! `unknown list`: every step of which nobody knows whether it was done, and the rows that are unknown without one.

use super::words;
use crate::compose::beside::in_flight;
use crate::compose::lock::is_held;
use crate::compose::store::{local, open_reader, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::plugins::descriptors;
use crate::table::TextTable;
use gesher_core::money::two_places;
use gesher_core::{Clock, Descriptor, Effect, ItemId, LookUp, RunId, SystemClock};
use gesher_engine::journal::{ItemQuery, ItemRecord, Journal, RunRecord, StepQuery, StepRecord, StepState};
use gesher_engine::next_look;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Steps that are read at a time.
const PAGE_STEPS: usize = 500;
/// Steps that a terminal is shown; the rest is counted. JSON has all of them.
const SHOWN_STEPS_MAX: usize = 200;
/// The state of what was in flight in a process that is gone.
const UNKNOWN: &str = "unknown";
/// Its code.
const INTERRUPTED: &str = "interrupted";

/// Lists them, oldest first.
pub(super) async fn run(output: Output, config: &Config) -> Result<Exit, HubError> {
    let nothing = "nothing is unknown";
    let Some(journal) = open_reader(config)? else {
        output.text(nothing);
        return Ok(Exit::Well);
    };
    let mut list = List::new(output, config, &*journal);
    let mut after = None;
    loop {
        let page = journal.open_steps(after.as_ref(), PAGE_STEPS).await.doing("reading the open steps")?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for step in &page {
            list.show(step).await?;
        }
    }
    // With nobody at work, what is in flight was left there by a process that is gone.
    if in_flight(&*journal).await? > 0 && !is_held(config) {
        list.show_interrupted().await?;
    }
    list.show_items().await?;
    match list.count {
        0 => output.text(nothing),
        count => output.text(&list.page(count)),
    }
    Ok(if list.count == 0 { Exit::Well } else { Exit::Unknown })
}

struct List<'a> {
    output: Output,
    config: &'a Config,
    journal: &'a dyn Journal,
    now: Timestamp,
    descriptors: HashMap<String, Descriptor>,
    runs: HashMap<RunId, Option<RunRecord>>,
    table: TextTable,
    /// Where to look for what nobody can be asked about, a line each.
    places: String,
    count: usize,
    has_money: bool,
}

/// A step with all that is told about it.
struct Line<'a> {
    step: &'a StepRecord,
    run: Option<&'a RunRecord>,
    item: Option<ItemRecord>,
    is_money: bool,
    is_manual: bool,
}

impl<'a> List<'a> {
    fn new(output: Output, config: &'a Config, journal: &'a dyn Journal) -> Self {
        let head = words::head(config.language);
        let of_name = |descriptor: Descriptor| (descriptor.qualified_name(), descriptor);
        Self {
            output,
            config,
            journal,
            now: SystemClock::new().now(),
            descriptors: descriptors(config).into_iter().map(of_name).collect(),
            runs: HashMap::new(),
            table: TextTable::new(&head).right(&[2, 5]),
            places: String::new(),
            count: 0,
            has_money: false,
        }
    }

    async fn show(&mut self, step: &StepRecord) -> Result<(), HubError> {
        let id = &step.id.item;
        if !self.runs.contains_key(&id.run) {
            let run = self.journal.run(&id.run).await.doing("reading a run")?;
            self.runs.insert(id.run.clone(), run);
        }
        let query =
            ItemQuery { run: id.run.clone(), status: None, after: id.ordinal.checked_sub(1), limit: 1 };
        let items = self.journal.items(&query).await.doing("reading a row")?;
        let descriptor = self.descriptors.get(&step.operation);
        let line = Line {
            step,
            run: self.runs.get(&id.run).and_then(Option::as_ref),
            item: items.into_iter().find(|item| item.id == *id),
            is_money: descriptor.is_none_or(|descriptor| descriptor.effect == Effect::Money),
            is_manual: descriptor.is_none_or(|descriptor| descriptor.look_up == LookUp::Manual),
        };
        self.output.json(&self.document(&line));
        let cells = (self.count < SHOWN_STEPS_MAX).then(|| self.cells(&line));
        self.has_money |= line.is_money;
        self.count += 1;
        if let Some(cells) = cells {
            self.table.row(cells);
            if let Some(place) = words::noted(step) {
                self.places.push_str(&format!("  {}  {}\n", step.id, place.get(self.config.language)));
            }
        }
        Ok(())
    }

    async fn show_interrupted(&mut self) -> Result<(), HubError> {
        let mut query = StepQuery { state: Some(StepState::InFlight), after: None, limit: PAGE_STEPS };
        loop {
            let page = self.journal.steps(&query).await.doing("reading the steps in flight")?;
            let Some(last) = page.last() else { return Ok(()) };
            query.after = Some(last.id.clone());
            for step in &page {
                self.show(step).await?;
            }
        }
    }

    /// Rows that are unknown although their steps are settled: only a person ends them.
    async fn show_items(&mut self) -> Result<(), HubError> {
        let mut after: Option<ItemId> = None;
        loop {
            let page = self.journal.unknown_items(after.as_ref(), PAGE_STEPS).await;
            let page = page.doing("reading the rows that are unknown")?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for item in &page {
                self.show_item(item).await?;
            }
        }
    }

    async fn show_item(&mut self, item: &ItemRecord) -> Result<(), HubError> {
        let run = self.journal.run(&item.id.run).await.doing("reading a run")?;
        let end = item.end.as_ref();
        let amount = end.and_then(|end| end.amount);
        let (language, sentence) = (self.config.language, words::unknown(true));
        let name = run.as_ref().map(|run| run.name.clone());
        self.output.json(&json!({
            "simulator": self.config.is_simulated(),
            "step": null,
            "item": item.id.to_string(),
            "run": item.id.run.as_str(),
            "flow": run.as_ref().map(|run| run.flow.as_str()),
            "file": name,
            "line": item.line,
            "key": item.key.as_ref().map(ToString::to_string),
            "amount": amount.map(|amount| two_places(amount.amount)),
            "currency": amount.map(|amount| amount.currency.as_str().to_owned()),
            "state": UNKNOWN,
            "code": end.and_then(|end| end.code.as_deref()),
            "reference": end.and_then(|end| end.reference.as_deref()),
            "age": self.now.duration_since(item.at).as_secs().max(0),
            "next_look": null,
            "manual": true,
            "message": end.map(|end| end.message.as_str()),
            "warning": sentence.get(language),
        }));
        self.has_money = true;
        self.count += 1;
        if self.count <= SHOWN_STEPS_MAX {
            self.table.row([
                item.id.to_string(),
                name.unwrap_or_default(),
                item.line.to_string(),
                end.and_then(|end| end.code.clone()).unwrap_or_default(),
                String::new(),
                amount.map(|amount| amount.to_string()).unwrap_or_default(),
                String::new(),
                self.local(item.at),
                UNKNOWN.to_owned(),
                words::PERSONS.get(language).to_owned(),
            ]);
        }
        Ok(())
    }

    /// A step as JSON.
    fn document(&self, line: &Line<'_>) -> Value {
        let Line { step, run, item, is_money, is_manual } = line;
        let (language, outcome) = (self.config.language, step.outcome.as_ref());
        let sentence = words::unknown(*is_money);
        let message = outcome.map_or_else(|| &sentence, |outcome| &outcome.message);
        let look_at = words::look_at(step, *is_money, &self.local(step.intent_at));
        json!({
            "simulator": self.config.is_simulated(),
            "step": step.id.to_string(),
            "run": step.id.item.run.as_str(),
            "flow": step.flow,
            "file": run.map(|run| run.name.as_str()),
            "line": item.as_ref().map(|item| item.line),
            "operation": step.operation,
            "who": step.who,
            "account": step.account,
            "key": step.key.as_ref().map(ToString::to_string),
            "attempt": step.attempt,
            "amount": step.amount.map(|amount| two_places(amount.amount)),
            "currency": step.amount.map(|amount| amount.currency.as_str().to_owned()),
            "subject": step.subject,
            "stamp": step.stamp,
            "state": state(step),
            "code": outcome.map_or(Some(INTERRUPTED), |outcome| outcome.code.as_deref()),
            "reference": outcome.and_then(|outcome| outcome.reference.as_deref()),
            "intent_at": step.intent_at.to_string(),
            "age": self.age(step),
            "looked_up": step.looked_up,
            "looked_up_at": step.looked_up_at.map(|at| at.to_string()),
            "next_look": next_look(step).filter(|_| !is_manual).map(|at| at.to_string()),
            "manual": is_manual,
            "unlocked_at": step.unlocked_at.map(|at| at.to_string()),
            "message": message.get(language),
            "warning": sentence.get(language),
            "look_at": look_at.get(language),
        })
    }

    fn cells(&self, line: &Line<'_>) -> [String; 10] {
        let step = line.step;
        [
            step.id.to_string(),
            line.run.map(|run| run.name.clone()).unwrap_or_default(),
            line.item.as_ref().map(|item| item.line.to_string()).unwrap_or_default(),
            step.operation.clone(),
            step.who.clone(),
            step.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            step.subject.clone().unwrap_or_default(),
            self.local(step.intent_at),
            self.state(step),
            self.next_look(line),
        ]
    }

    fn next_look(&self, line: &Line<'_>) -> String {
        match next_look(line.step) {
            _ if line.is_manual => self.word(words::PERSONS),
            Some(at) if at <= self.now => self.word(words::DUE),
            Some(at) => self.local(at),
            // What a dead process left in flight is looked up like any other once a hub has started.
            None if line.step.state == StepState::InFlight => self.word(words::AFTER_A_START),
            None => self.word(words::PERSONS),
        }
    }

    /// The state, and whether somebody let other rows about the same subject go on.
    fn state(&self, step: &StepRecord) -> String {
        match step.unlocked_at {
            None => state(step).to_owned(),
            Some(_) => format!("{}, {}", state(step), words::UNLOCKED.get(self.config.language)),
        }
    }

    fn word(&self, word: words::Word) -> String {
        word.get(self.config.language).to_owned()
    }

    fn local(&self, at: Timestamp) -> String {
        local(at, &time_zone(self.config))
    }

    /// Seconds since it was sent; none below zero, whatever the clock did since.
    fn age(&self, step: &StepRecord) -> i64 {
        self.now.duration_since(step.intent_at).as_secs().max(0)
    }

    fn page(&self, count: usize) -> String {
        let (sentence, language) = (words::unknown(self.has_money), self.config.language);
        let mut text = format!("{}\n\n{}", sentence.get(language), self.table.render());
        if count > SHOWN_STEPS_MAX {
            text.push_str(&format!("  {}\n", words::more(count - SHOWN_STEPS_MAX).get(language)));
        }
        if !self.places.is_empty() {
            text.push('\n');
            text.push_str(&self.places);
        }
        text.push_str(&format!("\n{}\n{}", words::LOOK_EACH_UP.get(language), words::how(language)));
        text
    }
}

/// The word of a step's state. What a dead process left in flight is unknown, although no hub has written so yet.
fn state(step: &StepRecord) -> &'static str {
    match step.state {
        StepState::InFlight => UNKNOWN,
        over @ StepState::Over(_) => over.as_str(),
    }
}
