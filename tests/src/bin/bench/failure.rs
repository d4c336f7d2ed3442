//! The one error of the benchmark: a sentence that says what could not be measured, and why.

use std::fmt::Display;

/// What could not be done.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure in words.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds to an error what was being done.
pub(crate) trait While<T> {
    /// `doing` continues the sentence "could not".
    fn or_fail(self, doing: &str) -> Result<T, Failure>;
}

impl<T, E: Display> While<T> for Result<T, E> {
    fn or_fail(self, doing: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("could not {doing}: {error}")))
    }
}
