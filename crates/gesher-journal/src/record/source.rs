//! Looks at event sources.

use super::{NewEvent, NewRun};
use jiff::Timestamp;
use serde_json::Value;

/// What one look of a flow at an event source found, and where the next one goes on.
#[derive(Clone, Debug)]
pub struct SourceLook {
    /// The flow.
    pub flow: String,
    /// The source.
    pub source: String,
    /// Where the next look goes on, as JSON that only the source reads.
    pub cursor: Value,
    /// What it found, oldest first: runs of this flow, each of an event. A script that one of them brings
    /// is kept where any of them begins, so one brings it for all.
    pub events: Vec<(NewRun, NewEvent)>,
    /// When.
    pub at: Timestamp,
}
