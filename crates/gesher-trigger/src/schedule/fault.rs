//! What is wrong with a written schedule: the place within its text, what, and how to mend it. Only words.

/// A fault of a cron line or of a file of dates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ScheduleFault {
    /// Where, in bytes from the beginning of the text.
    pub at: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl ScheduleFault {
    pub(super) fn new(at: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { at, what: what.into(), mend: mend.into() }
    }
}
