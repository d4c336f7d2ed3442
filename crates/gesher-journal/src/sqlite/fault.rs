//! How the functions of the store fail: by a refusal that the caller is told as it is, or by SQLite, which is told
//! together with what was being done.

use crate::error::JournalError;
use std::sync::Arc;

/// Why a function of the store failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// A contradiction, or something that cannot be read.
    Refused(JournalError),
    /// SQLite failed.
    Sql(rusqlite::Error),
    /// SQLite failed for a whole batch at once.
    Shared(Arc<rusqlite::Error>),
}

impl Fault {
    /// The error for the caller, who wanted the journal to do `doing`.
    pub(super) fn while_doing(self, doing: &'static str) -> JournalError {
        match self {
            Self::Refused(error) => error,
            Self::Sql(error) => JournalError::Store { doing, source: Arc::new(error) },
            Self::Shared(error) => JournalError::Store { doing, source: error },
        }
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}
