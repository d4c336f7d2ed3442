//! What the engine runs for each item, and what it is given: the seam between the engine and the script host.

use crate::context::ItemContext;
use crate::result::RunResult;
use gesher_core::Key;
use gesher_journal::{NewItem, ScriptBundle};
use serde_json::Value;
use std::sync::Arc;

/// A row of a file, as a script gets it: every cell is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The header, shared by all rows of the file.
    pub header: Arc<[String]>,
    /// One cell a header, in its order.
    pub cells: Vec<String>,
}

/// What an item is about.
#[derive(Clone, Debug)]
pub enum Input {
    /// A row: `on_row(row)`.
    Row(Row),
    /// A call: `on_call(args)`.
    Call(Value),
    /// A delivery: `on_webhook(request)`.
    Webhook(Value),
    /// A tick: `on_schedule(tick)`.
    Schedule(Value),
    /// The end of a run: `on_finish(summary)`.
    Finish(Value),
}

/// The functions that a script may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `on_row(row)`.
    Row,
    /// `on_call(args)`.
    Call,
    /// `on_webhook(request)`.
    Webhook,
    /// `on_schedule(tick)`.
    Schedule,
    /// `on_finish(summary)`.
    Finish,
}

impl Entry {
    /// Every function.
    pub const ALL: [Self; 5] = [Self::Row, Self::Call, Self::Webhook, Self::Schedule, Self::Finish];

    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "on_row",
            Self::Call => "on_call",
            Self::Webhook => "on_webhook",
            Self::Schedule => "on_schedule",
            Self::Finish => "on_finish",
        }
    }
}

impl Input {
    /// The function that takes it.
    #[must_use]
    pub fn entry(&self) -> Entry {
        match self {
            Self::Row(_) => Entry::Row,
            Self::Call(_) => Entry::Call,
            Self::Webhook(_) => Entry::Webhook,
            Self::Schedule(_) => Entry::Schedule,
            Self::Finish(_) => Entry::Finish,
        }
    }
}

/// How a program ended for one item.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgramEnd {
    /// It came to its end, with a value; null where nobody reads it.
    Returned(Value),
    /// It threw, or broke a limit. The item's steps say whether anything had an effect by then.
    Threw {
        /// The code of a thrown map, of a refused call that was not caught, or `script_error`.
        code: String,
        /// For people: what, and where in the script.
        message: String,
    },
    /// The context ended the item ([`ItemContext::is_dead`]): its steps say why.
    Ended,
}

/// A compiled flow. One instance is shared by all items; each item runs on a thread of its own.
pub trait Program: Send + Sync {
    /// SHA-256 of the script and all its modules, hexadecimal.
    fn hash(&self) -> &str;

    /// The sources that it was made of, to be kept with each run that it begins. Their hash is [`Program::hash`].
    fn script(&self) -> ScriptBundle;

    /// The columns that `on_row` reads by name: a file without one of them cannot be run.
    fn reads(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the script has this function.
    fn has(&self, entry: Entry) -> bool;

    /// Runs one item to its end. Blocks; called on a thread made for it, never on a runtime thread. Must not panic;
    /// the engine catches a panic and ends the item.
    fn run(&self, context: &Arc<ItemContext>, input: Input) -> ProgramEnd;
}

/// A row on its way to become an item.
#[derive(Clone, Debug)]
pub struct SourceItem {
    /// As the journal takes it.
    pub item: NewItem,
    /// As the program takes it. None for a row that has ended already.
    pub input: Option<Input>,
}

/// The items of a run, in their order, as long as they last. Always begins at the first; the journal knows which of
/// them have ended.
pub trait ItemSource: Send {
    /// The next few items; empty at the end. Blocks; called on a thread made for it.
    fn next(&mut self) -> Result<Vec<SourceItem>, SourceError>;

    /// How many items it has at most, where that is known beforehand: no more threads than that are started.
    fn items_max(&self) -> usize {
        usize::MAX
    }

    /// What makes the result of the run for its `on_finish`, where such a run leaves one.
    fn result(&self) -> Option<Arc<dyn RunResult>> {
        None
    }
}

/// The rows cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The bytes are not those that were validated.
    #[error("the file changed after it was validated")]
    Changed,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] std::io::Error),
}

/// A source of exactly one item: a call, a delivery, a tick.
#[derive(Debug)]
pub struct OneItem(Option<SourceItem>);

impl OneItem {
    /// The one item that gets `input`, named by `key`.
    #[must_use]
    pub fn new(key: Option<Key>, input: Input) -> Self {
        let item = NewItem { ordinal: 1, line: 1, key, cells_hash: [0; 16], amount: None, ended: None };
        Self(Some(SourceItem { item, input: Some(input) }))
    }
}

impl ItemSource for OneItem {
    fn next(&mut self) -> Result<Vec<SourceItem>, SourceError> {
        Ok(self.0.take().into_iter().collect())
    }

    fn items_max(&self) -> usize {
        1
    }
}
