//! Why a command could not do its work: what, where, why, and a hint; and the exit code that follows.

use crate::config::Fault;
use crate::exit::Exit;
use gesher_engine::journal::JournalError;
use gesher_trigger::TriggerError;
use std::error::Error;
use std::fmt;

/// A command's failure.
#[derive(Debug)]
pub struct HubError {
    exit: Exit,
    what: String,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// Faults of files, each with its place.
    pub faults: Vec<Fault>,
}

impl HubError {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), hint: None, source: None, faults: Vec::new() }
    }

    /// The command or the configuration is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The hub itself failed.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// Files have faults.
    pub fn faults(faults: Vec<Fault>) -> Self {
        let what = match faults.len() {
            1 => "the configuration has a fault".to_owned(),
            many => format!("the configuration has {many} faults"),
        };
        Self { faults, ..Self::new(Exit::Usage, what) }
    }

    /// A drop folder cannot be used: a setting, or somebody else's folder, and no failure of the hub.
    pub fn of_folder(flow: &str, error: TriggerError) -> Self {
        Self::usage(format!("the drop folder of {flow} cannot be used")).because(error)
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Why.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The exit code that follows.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The hint, when there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What, and every cause, from the outermost in. Some errors from elsewhere repeat what caused them; of two that
    /// stand next to each other and say the same, the one that says more is kept.
    pub fn chain(&self) -> String {
        let mut parts = vec![self.what.clone()];
        for text in self.causes().map(ToString::to_string) {
            match parts.last_mut() {
                Some(last) if last.contains(&text) => {}
                Some(last) if text.contains(last.as_str()) => *last = text,
                _ => parts.push(text),
            }
        }
        parts.join(": ")
    }

    /// Whether the journal itself failed, so that nothing of the hub can go on.
    pub fn is_of_journal(&self) -> bool {
        self.causes().filter_map(|cause| cause.downcast_ref::<JournalError>()).any(|error| {
            matches!(error, JournalError::Store { .. } | JournalError::Open { .. } | JournalError::Closed)
        })
    }

    /// The failure of the journal's store, which may pass by itself, where that is what went wrong.
    pub fn of_store(&self) -> Option<&JournalError> {
        let mut of_journal = self.causes().filter_map(|cause| cause.downcast_ref::<JournalError>());
        of_journal.find(|error| error.is_of_store())
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        std::iter::successors(self.source(), |error: &&(dyn Error + 'static)| (*error).source())
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for HubError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Adds what was being done to a failure of the hub's own.
pub trait Doing<T> {
    /// `what` could not be done.
    fn doing(self, what: impl Into<String>) -> Result<T, HubError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T, HubError> {
        self.map_err(|error| HubError::failed(what).because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_says_each_cause_once() {
        let cause = std::io::Error::other("the disk is full");
        let error = HubError::failed("the journal cannot be opened").because(cause);
        assert_eq!(error.chain(), "the journal cannot be opened: the disk is full");
    }

    #[test]
    fn a_cause_that_says_the_same_with_more_words_stands_alone() {
        let inner = HubError::failed("Error code 26: file is not a database");
        let outer = HubError::failed("file is not a database").because(inner);
        let error = HubError::failed("the journal cannot be opened").because(outer);
        assert_eq!(error.chain(), "the journal cannot be opened: Error code 26: file is not a database");
        let repeated =
            HubError::failed("no space: the disk is full").because(std::io::Error::other("the disk is full"));
        assert_eq!(repeated.chain(), "no space: the disk is full");
    }

    #[test]
    fn a_failed_journal_is_told_from_a_run_that_cannot_go_on() {
        let run: gesher_core::RunId = "k7mq2xd".parse().unwrap();
        for (cause, want) in [(JournalError::Closed, true), (JournalError::NoRun(run), false)] {
            let error = HubError::failed("the call failed").because(HubError::failed("in it").because(cause));
            assert_eq!(error.is_of_journal(), want, "{}", error.chain());
        }
    }
}
