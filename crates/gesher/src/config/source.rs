//! A flow's event source, as `[flow.NAME.source]` describes it, and what may not stand in it. Whether the plugin has such a
//! source is asked where plugins are opened.

use super::{Config, Fault, FlowConfig, Section, duration};
use gesher_trigger::source::{EVERY_MAX, EVERY_MIN};
use std::time::Duration;

/// The event source of a flow.
#[derive(Clone, Debug)]
pub struct SourcePart {
    /// The source, as written: `bank.transfers`.
    pub events: String,
    /// How often it is asked, unless it waits for its events.
    pub every: Duration,
    /// Whether the file itself says how often.
    pub says_how_often: bool,
    section: Section,
}

impl SourcePart {
    pub(super) fn of(section: &Section) -> Self {
        Self {
            events: section.text("events"),
            every: duration(section, "every"),
            says_how_often: section.is_set("every"),
            section: section.clone(),
        }
    }

    /// The plugin, by the name that scripts know it by, and its source.
    pub fn names(&self) -> Option<(&str, &str)> {
        self.events.split_once('.').filter(|(plugin, source)| !plugin.is_empty() && !source.is_empty())
    }
}

impl Config {
    /// The flows that listen to a source.
    pub fn sources(&self) -> impl Iterator<Item = (&FlowConfig, &SourcePart)> {
        self.flows.iter().filter_map(|flow| Some((flow, flow.source.as_ref()?)))
    }

    /// A fault at the place of a source's setting.
    pub fn source_fault(&self, part: &SourcePart, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&part.section.place(setting), what, mend)
    }
}

/// What is wrong with the sources by what stands in the file alone.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (_, part) in config.sources() {
        if part.names().is_none() {
            let what = format!("`{}` does not name an event source", part.events);
            let mend = "write the plugin and its source, as in \"bank.transfers\"";
            faults.push(config.source_fault(part, "events", what, mend));
        }
        if !(EVERY_MIN..=EVERY_MAX).contains(&part.every) {
            let what = "`every` is at least 1s and at most 1d".to_owned();
            faults.push(config.source_fault(part, "every", what, "write a duration such as \"1m\""));
        }
    }
    faults
}
