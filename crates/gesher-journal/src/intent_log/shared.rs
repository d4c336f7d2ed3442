//! The log between two threads: one appends, the other only asks whether it may count on that.

use super::IntentLog;
use crate::error::JournalError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// An intent log that several threads use, one at a time.
#[derive(Debug)]
pub(crate) struct SharedLog {
    log: Mutex<IntentLog>,
    /// Whether what was last tried failed. It is looked at without waiting for an append.
    failed: AtomicBool,
}

impl SharedLog {
    pub(crate) fn new(log: IntentLog) -> Self {
        Self { log: Mutex::new(log), failed: AtomicBool::new(false) }
    }

    /// The log, once nobody else is at it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, IntentLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`IntentLog::append`].
    pub(crate) fn append(&self, lines: &[u8]) -> Result<(), JournalError> {
        self.noted(self.lock().append(lines))
    }

    /// As [`IntentLog::probe`].
    pub(crate) fn probe(&self) -> Result<(), JournalError> {
        self.noted(self.lock().probe())
    }

    /// Refused where an append failed, and what it left cannot be removed even now. Waits for nobody: while an append is
    /// under way, that is what will tell.
    pub(crate) fn require_sound(&self) -> Result<(), JournalError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.log.try_lock() {
            Ok(mut log) => self.noted(log.mend()),
            Err(TryLockError::Poisoned(log)) => self.noted(log.into_inner().mend()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn noted(&self, done: Result<(), JournalError>) -> Result<(), JournalError> {
        self.failed.store(done.is_err(), Ordering::Release);
        done
    }
}
