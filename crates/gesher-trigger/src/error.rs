//! What can go wrong with a trigger itself. What is wrong with a file is a refusal, not an error.

use crate::drop::FolderError;
use gesher_core::RunId;
use gesher_core::card::mask_card_numbers;
use gesher_engine::EngineError;
use gesher_engine::journal::JournalError;
use std::io;
use std::path::PathBuf;

/// A trigger could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// The flow's drop part cannot work.
    #[error("the drop part of flow {flow} cannot work: {fault}")]
    Config {
        /// Which flow.
        flow: String,
        /// What is wrong.
        fault: String,
    },
    /// The folder cannot be used. The reason names the folder and says it all: who asks adds which flow it is of.
    #[error(transparent)]
    Folder(FolderError),
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A report cannot be written.
    #[error("the reports of run {run} cannot be written")]
    Report {
        /// Which run.
        run: RunId,
        /// Why.
        source: io::Error,
    },
    /// The folder of a run is gone.
    #[error("what run {run} left is gone: there is no {path}")]
    Missing {
        /// Which run.
        run: RunId,
        /// Where it should be.
        path: PathBuf,
    },
    /// A run cannot go on before a person did something.
    #[error("run {run} is held back: {why}")]
    Held {
        /// Which run.
        run: RunId,
        /// What was found, and what to do.
        why: String,
    },
    /// The disks have no room for what becomes of a file.
    #[error("there is no room for {path}: {why}")]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// What is missing, and where.
        why: String,
    },
    /// Another part of this process works on the run.
    #[error("run {run} is being worked on already")]
    AtWork {
        /// Which run.
        run: RunId,
    },
    /// A file that was named to be run is none.
    #[error("{0} is no regular file")]
    NoFile(PathBuf),
    /// What the journal keeps for a run cannot be understood.
    #[error("what the journal keeps of run {run} cannot be read")]
    Source {
        /// Which run.
        run: RunId,
        /// Why.
        source: serde_json::Error,
    },
    /// The journal failed.
    #[error("the journal failed while {doing}")]
    Journal {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: JournalError,
    },
    /// The engine failed.
    #[error("run {run} could not go on")]
    Engine {
        /// Which run.
        run: RunId,
        /// Why.
        source: EngineError,
    },
    /// No run could be begun.
    #[error("no run could be begun for {name}")]
    Begin {
        /// The file.
        name: String,
        /// Why.
        source: EngineError,
    },
    /// A thread of ours ended without an answer.
    #[error("an internal fault while {0}")]
    Internal(&'static str),
}

impl TriggerError {
    /// Whether the hub cannot go on at all, rather than this one file or folder.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let engine_fails = |error: &EngineError| {
            !matches!(
                error,
                EngineError::Source { .. } | EngineError::Result { .. } | EngineError::Unended { .. }
            )
        };
        match self {
            Self::Journal { .. } | Self::Begin { .. } => true,
            Self::Engine { source, .. } => engine_fails(source),
            _ => false,
        }
    }

    /// The failure of the journal's store, which may pass by itself, where that is what went wrong.
    #[must_use]
    pub fn of_store(&self) -> Option<&JournalError> {
        match self {
            Self::Journal { source, .. } if source.is_of_store() => Some(source),
            Self::Begin { source, .. } | Self::Engine { source, .. } => source.of_store(),
            _ => None,
        }
    }

    /// Whether trying again later may help by itself: a full disk, a share that is away.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let is_result = matches!(self, Self::Engine { source: EngineError::Result { .. }, .. });
        is_result || matches!(self, Self::Folder { .. } | Self::File { .. } | Self::Report { .. })
    }

    /// The error with all its reasons, for a log line. A path in it may hold a card number, which no log may.
    #[must_use]
    pub fn with_reasons(&self) -> String {
        let mut text = self.to_string();
        let mut reason = std::error::Error::source(self);
        while let Some(error) = reason {
            text.push_str(": ");
            text.push_str(&error.to_string());
            reason = error.source();
        }
        mask_card_numbers(&text).into_owned()
    }

    /// Whether what was to begin is another run's by its id.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Begin { source: EngineError::Journal { source: JournalError::Taken(_), .. }, .. }
        )
    }

    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(JournalError) -> Self {
        move |source| Self::Journal { doing, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_once_and_without_card_numbers() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let path = PathBuf::from("/in/4111111111111111.csv");
        let folder = FolderError::Io { doing: "read", path: path.clone(), source: refused() };
        let said = TriggerError::Folder(folder).with_reasons();
        assert_eq!(said, "cannot read /in/[card ****1111].csv: permission denied");
        let said = TriggerError::File { doing: "read", path, source: refused() }.with_reasons();
        assert_eq!(said, "cannot read /in/[card ****1111].csv: permission denied");
    }
}
