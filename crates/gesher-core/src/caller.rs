//! On whose behalf a call is made: the item that called an operation, as an operation that is itself a program may use
//! it.

use crate::language::Text;
use crate::operation::{Descriptor, OperationEntry, Prepared, Reply};
use crate::outcome::{Outcome, OutcomeStatus};
use jiff::Timestamp;
use serde_json::Value;

/// The item that called an operation which composes others. What it asks for is a step of that item: after an
/// interruption the operation runs again, and is told the same.
pub trait Caller: Sync {
    /// Calls an operation as a step of the item: the answer as scripts get it, with `rejected` and `not_sent` as
    /// answers too. None once the item is over or an earlier execution of the operation had come to its end here, and
    /// then nothing more will be answered.
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Option<Value>;

    /// The time, as a step of the item. None once the item is over.
    fn now(&self) -> Option<Timestamp>;

    /// Whether there is nothing more to do: the item is over, the hub is stopping, or an earlier execution of the operation
    /// had come to its end here. An operation that was told so because of a stop is run again at the next start, whatever
    /// it answers.
    fn is_over(&self) -> bool;

    /// Where the call comes from, for the log.
    fn place(&self) -> String;
}

/// A provider with operations that have no effect of their own and call others.
///
/// Such an operation is a part of its item's program, like the script: it is never recorded as begun, it runs again
/// after an interruption, and each of its calls is a step that is answered from the record. Its own outcome is the
/// step behind them.
pub trait Composer: Send + Sync {
    /// Runs it. Blocks; called on the item's own thread, never on a runtime's.
    fn compose(&self, entry: &OperationEntry, prepared: &Prepared, caller: &dyn Caller) -> Composed;
}

/// How an operation that calls others came to its outcome.
#[derive(Debug)]
pub enum Composed {
    /// It answered: run again, and told the same, it answers the same.
    Answered(Outcome),
    /// It broke off, or never began, for a reason that may have passed the next time. This is the outcome where it is to
    /// count.
    BrokeOff(Outcome),
}

impl Composed {
    /// The outcome, whichever way it was come to.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        match self {
            Self::Answered(outcome) | Self::BrokeOff(outcome) => outcome,
        }
    }
}

impl OperationEntry {
    /// The same as an operation that only calls others.
    #[must_use]
    pub const fn composing(self) -> Self {
        assert!(!self.descriptor.effect.changes(), "what calls others has no effect of its own");
        let mut entry = self;
        entry.composes = true;
        entry
    }
}

/// What a reply means of which nothing is understood: a read is `rejected`, and anything else is unknown.
pub(crate) fn not_understood(descriptor: &Descriptor, reply: &Reply) -> Outcome {
    let status = if descriptor.effect.changes() { OutcomeStatus::Unknown } else { OutcomeStatus::Rejected };
    let (name, code) = (descriptor.qualified_name(), format!("http_{}", reply.status));
    let text = Text::new(
        format!("התשובה ל־{name} אינה מובנת (HTTP {})", reply.status),
        format!("the answer to {name} is not understood (HTTP {})", reply.status),
    );
    Outcome::new(status, code, text)
}
