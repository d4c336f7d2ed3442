//! Event sources: where a plugin finds things that happened elsewhere.

use crate::host::Host;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// Something that happened, and that begins one run of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What tells it from every other event of this source, for ever. The same id never begins a second run.
    pub id: String,
    /// What `on_call` gets.
    pub data: Value,
}

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// The events, oldest first; none where nothing happened.
    pub events: Vec<Event>,
    /// Where the next look goes on: handed back as it is, and kept by the hub once all of these events have begun
    /// their runs.
    pub cursor: Value,
}

/// An event source. One that waits for events, rather than looks for them, holds `poll` until one comes or `wait` is
/// over.
pub trait Source: 'static {
    /// Its name.
    const NAME: &'static str;
    /// What it brings, in a sentence.
    const SUMMARY: &'static str;

    /// Looks for events behind `cursor`, which is null the first time. The same cursor may come again, after a crash:
    /// then the same events come again, under the same ids.
    fn poll(host: &Host<'_>, cursor: Value, wait: Duration) -> Result<Polled, String>;
}

/// A [`Source`] with its type erased.
#[derive(Clone, Copy)]
pub struct SourceEntry {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) poll: fn(&Host<'_>, Value, Duration) -> Result<Polled, String>,
}

impl SourceEntry {
    /// Erases `S`.
    #[must_use]
    pub const fn of<S: Source>() -> Self {
        Self { name: S::NAME, summary: S::SUMMARY, poll: S::poll }
    }
}
