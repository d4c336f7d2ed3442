//! Schedules as the journal knows them.

use jiff::Timestamp;

/// Since when the schedule of a flow is known, and how far its ticks are dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSchedule {
    /// The flow.
    pub flow: String,
    /// When it fires, in words that only whoever wrote them reads.
    pub rule: String,
    /// Since when it is known: no tick before this was ever due.
    pub since: Timestamp,
    /// Every tick up to here, included, was begun, held or left out.
    pub until: Timestamp,
}
