//! Event sources: somebody who is asked again and again whether something happened. What happened begins a run of the flow,
//! once for ever by its id; where the next look goes on is kept in the same commit, so that no crash loses an event or
//! begins one twice.
//!
//! | file | what for |
//! |---|---|
//! | `pace` | when the next look is |
//! | `found` | what a look found, as events of the flow, or why it is not taken |
//! | `trigger` | looks, begins, keeps, and tells what goes wrong |
//! | `messages` | what is said to people |
//!
//! Who looks is the hub's to say ([`Looks`]), and what was begun is worked on as deliveries are ([`Inbox`](crate::webhook::Inbox)).

mod found;
mod messages;
mod pace;
mod trigger;

pub use pace::Way;
pub use trigger::{SourceRules, SourceTrigger};

use serde_json::Value;
use std::time::Duration;

/// The shortest time between two looks of a source that does not wait.
pub const EVERY_MIN: Duration = Duration::from_secs(1);
/// The longest.
pub const EVERY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Whoever looks for events.
pub trait Looks: Send + Sync {
    /// Looks for what happened behind `cursor`, for at most `wait` where nothing did. Blocks. An error says what is wrong and
    /// names who looked; then nothing was found, and the same cursor is asked again.
    fn look(&self, cursor: &Value, wait: Duration) -> Result<Looked, String>;
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// What happened, oldest first.
    pub events: Vec<Happened>,
    /// Where the next look goes on.
    pub cursor: Value,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// What tells it from every other of its source, for ever.
    pub id: String,
    /// What the script gets of it.
    pub data: Value,
}
