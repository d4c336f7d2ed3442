//! Why a command could not do its work: what, where, why, and a hint; and the exit code that follows.

use crate::config::Fault;
use crate::exit::Exit;
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

    /// What, and every cause, from the outermost in.
    pub fn chain(&self) -> String {
        let mut chain = self.what.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        chain
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
}
