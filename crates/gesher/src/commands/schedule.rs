//! `schedule`: the coming ticks of a flow or of all, and why each is where it is: what moved, what is left out and for
//! which day, what the clocks do. Reads the configuration alone.

use crate::cli::ScheduleArgs;
use crate::compose::require_sound;
use crate::config::{Config, FlowConfig};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plugins::descriptors;
use crate::table::TextTable;
use gesher_core::{Clock, Language, SystemClock};
use gesher_trigger::schedule::{Left, Moment, Schedule, ScheduleRules, Tick};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Value, json};

/// One line: a tick that fires, or a time that does not.
enum Line {
    Fires(Tick),
    Left(Left),
}

/// Prints the coming ticks.
pub fn run(output: Output, config: &Config, args: &ScheduleArgs) -> Result<Exit, HubError> {
    require_sound(config)?;
    let flows = flows(config, args.flow.as_deref())?;
    let now = SystemClock::new().now();
    let from = args.from.as_deref().map(moment).transpose()?;
    let count = usize::try_from(args.next).unwrap_or(usize::MAX);
    if flows.is_empty() {
        output.text("no flow has a schedule");
    }
    for (flow, rules) in flows {
        let schedule = &rules.schedule;
        let from = from.map_or(Some(now), |from| from.instant(schedule));
        let from = from.ok_or_else(|| HubError::usage("--from lies beyond the last date that there is"))?;
        let lines = lines(schedule, from, count);
        lines.iter().for_each(|line| output.json(&document(&flow.name, line, config.language)));
        output.text(&text(flow, &rules, &lines, config));
    }
    Ok(Exit::Well)
}

/// The flow that is asked for, or all that have a schedule.
fn flows<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<Vec<(&'a FlowConfig, ScheduleRules)>, HubError> {
    if let Some(name) = name
        && super::flow_of(config, name)?.schedule.is_none()
    {
        let scheduled: Vec<&str> = config
            .flows
            .iter()
            .filter(|flow| flow.schedule.is_some())
            .map(|flow| flow.name.as_str())
            .collect();
        let hint = match scheduled.is_empty() {
            true => "no flow has one; write [flow.NAME.schedule] in gesher.toml".to_owned(),
            false => format!("these have one: {}", scheduled.join(", ")),
        };
        return Err(HubError::usage(format!("the flow {name} has no schedule")).hint(hint));
    }
    let chosen = config.flows.iter().filter(|flow| name.is_none_or(|name| flow.name == name));
    let parts = chosen.filter_map(|flow| Some((flow, flow.schedule.as_ref()?)));
    let operations = descriptors(config);
    let rules = parts.map(|(flow, part)| {
        let rules = part.rules(config, flow, &operations).map_err(HubError::faults)?;
        Ok((flow, rules))
    });
    rules.collect()
}

/// A time that a person wrote.
pub fn moment(text: &str) -> Result<Moment, HubError> {
    Moment::parse(text).ok_or_else(|| {
        HubError::usage(format!("`{text}` is no time"))
            .hint("write 2026-12-01T06:00 for the hub's time zone, or 2026-12-01T06:00:00+02:00")
    })
}

/// So many ticks, and between them what does not fire.
fn lines(schedule: &Schedule, from: Timestamp, count: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut since = from;
    let mut next = schedule.next_from(from);
    for _ in 0..count {
        let Some(tick) = next else { break };
        lines.extend(schedule.left_between(since, tick.at).into_iter().map(Line::Left));
        since = tick.at;
        next = schedule.next_after(tick.at);
        lines.push(Line::Fires(tick));
    }
    lines
}

fn reason_of_left(left: &Left, language: Language) -> String {
    let reason = left.reason.get(language);
    match (left.times, language) {
        (1, _) => reason.to_owned(),
        (times, Language::He) => format!("{reason}; ועוד {} באותו יום", times - 1),
        (times, Language::En) => format!("{reason}; and {} more on this day", times - 1),
    }
}

fn document(flow: &str, line: &Line, language: Language) -> Value {
    match line {
        Line::Fires(tick) => json!({
            "flow": flow,
            "at": tick.at.to_string(),
            "local": tick.local.to_string(),
            "moved_from": tick.is_moved().then(|| tick.nominal.to_string()),
            "reason": tick.reason().map(|reason| reason.get(language).to_owned()),
        }),
        Line::Left(left) => json!({
            "flow": flow,
            "skipped": left.local.to_string(),
            "reason": reason_of_left(left, language),
        }),
    }
}

fn text(flow: &FlowConfig, rules: &ScheduleRules, lines: &[Line], config: &Config) -> String {
    let mut table = TextTable::new(&["", "local", "day", "UTC", "why"]);
    let shown = |local: DateTime| local.strftime("%Y-%m-%d %H:%M:%S").to_string();
    for line in lines {
        table.row(match line {
            Line::Fires(tick) => {
                let moved = tick.is_moved().then(|| format!("moved from {}", shown(tick.nominal)));
                let reason = tick.reason().map(|reason| reason.get(config.language).to_owned());
                let why: Vec<String> = moved.into_iter().chain(reason).collect();
                [
                    "fires".to_owned(),
                    shown(tick.local),
                    tick.local.strftime("%a").to_string(),
                    tick.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                    why.join(": "),
                ]
            }
            Line::Left(left) => [
                "skipped".to_owned(),
                shown(left.local),
                left.local.strftime("%a").to_string(),
                String::new(),
                reason_of_left(left, config.language),
            ],
        });
    }
    let cron = rules.schedule.cron.text();
    format!("{}: {cron} in {}\n{}", flow.name, config.time_zone, table.render())
}
