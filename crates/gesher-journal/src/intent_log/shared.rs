//! The log, shared by the thread that appends and the writer.

use super::IntentLog;
use crate::error::JournalError;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// An intent log that two threads use, one at a time.
#[derive(Debug)]
pub(crate) struct SharedLog(Mutex<IntentLog>);

impl SharedLog {
    pub(crate) fn new(log: IntentLog) -> Self {
        Self(Mutex::new(log))
    }

    /// The log, once nobody else is at it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, IntentLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refused where an append failed, and what it left cannot be removed even now. Waits for nobody: while an append is
    /// under way, that is what will tell.
    pub(crate) fn require_sound(&self) -> Result<(), JournalError> {
        match self.0.try_lock() {
            Ok(mut log) => log.mend(),
            Err(TryLockError::Poisoned(log)) => log.into_inner().mend(),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }
}
