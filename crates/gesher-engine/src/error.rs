//! What can go wrong with the engine itself. What goes wrong with a call is an outcome, not an error.

use gesher_core::time::NoRandomness;
use gesher_core::{RunId, StepId, Text};
use gesher_journal::JournalError;

/// The engine could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The journal failed while something was being done.
    #[error("the journal failed while {doing}")]
    Journal {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: JournalError,
    },
    /// No random bytes for an id.
    #[error("no id could be drawn")]
    Id(#[source] NoRandomness),
    /// A thread could not be started.
    #[error("no thread could be started for {what}")]
    Thread {
        /// For what.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The rows of a run could not be read on.
    #[error("the rows of run {run} cannot be read on")]
    Source {
        /// Which run.
        run: RunId,
        /// Why.
        source: crate::program::SourceError,
    },
    /// The result of a run could not be made for its own `on_finish`.
    #[error("the result of run {run} cannot be made")]
    Result {
        /// Which run.
        run: RunId,
        /// Why.
        source: std::io::Error,
    },
    /// A thread or a task ended before its time: a fault of the hub, or the end of it.
    #[error("{what} ended before its time")]
    Lost {
        /// Whose.
        what: &'static str,
    },
    /// Items of a run have no end although nothing is at work on them.
    #[error("run {run} has {queued} items without an end")]
    Unended {
        /// Which run.
        run: RunId,
        /// How many.
        queued: u64,
    },
    /// No such step.
    #[error("there is no step {0}")]
    NoStep(StepId),
    /// A person asked for what cannot be, or not yet. Nothing changed.
    #[error("{}", why.en)]
    Refused {
        /// Why not.
        why: Text,
    },
}

impl EngineError {
    /// The failure of the journal's store, which may pass by itself, where that is what went wrong.
    #[must_use]
    pub fn of_store(&self) -> Option<&JournalError> {
        match self {
            Self::Journal { source, .. } if source.is_of_store() => Some(source),
            _ => None,
        }
    }

    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(JournalError) -> Self {
        move |source| Self::Journal { doing, source }
    }
}
