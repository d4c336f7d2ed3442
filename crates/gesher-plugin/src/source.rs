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
    /// What `on_event` gets as `event.data`. The same id with other data is told to people, and begins nothing.
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

/// An event source.
pub trait Source: 'static {
    /// Its name.
    const NAME: &'static str;
    /// What it brings, in a sentence.
    const SUMMARY: &'static str;
    /// Whether it waits for events rather than looking for them: it holds `poll` until one comes or `wait` is over, and is
    /// asked again at once. It has a process of its own for that. While it waits it asks [`Host::is_cancelled`] now and then,
    /// so that a hub that stops need not wait for it.
    const WAITS: bool = false;

    /// Looks for events behind `cursor`, which is null the first time. The same cursor may come again, after a crash:
    /// then the same events come again, under the same ids. What is left for the next look is fetched at once, so it need not
    /// bring everything: at most 1000 events, and 8 MiB. An error is told to people, and the same is asked again later.
    fn poll(host: &Host<'_>, cursor: Value, wait: Duration) -> Result<Polled, String>;
}

/// A [`Source`] with its type erased.
#[derive(Clone, Copy)]
pub struct SourceEntry {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) waits: bool,
    pub(crate) poll: fn(&Host<'_>, Value, Duration) -> Result<Polled, String>,
}

impl SourceEntry {
    /// Erases `S`.
    #[must_use]
    pub const fn of<S: Source>() -> Self {
        Self { name: S::NAME, summary: S::SUMMARY, waits: S::WAITS, poll: S::poll }
    }
}
