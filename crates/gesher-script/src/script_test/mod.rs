//! Tests of scripts: Rhai files beside them, run without a hub and without a network.
//!
//! A file of tests has functions named `test_…`. Each runs alone, in a world in which only what it mocks answers; the
//! request of every call is checked before a mock sees it, as it would be before it is sent. What a row comes to is
//! said by the engine's own rule. What is not here are keys: a mock answers the same key twice.

mod answers;
mod compare;
mod functions;
mod given;
mod looks;
#[cfg(test)]
mod tests;
mod world;

use crate::check::ScriptFault;
use crate::cover::Coverage;
use crate::host::Vocabulary;
use crate::library::{Tests, compile_tests};
use crate::program::RhaiProgram;
use crate::report::{Place, innermost};
pub use functions::FUNCTIONS;
use gesher_core::{Language, Registry};
use gesher_engine::ITEM_STACK_BYTES;
use jiff::tz::TimeZone;
use rhai::{AST, CallFnOptions, Dynamic, EvalAltResult, Map, Scope};
use std::path::Path;
use std::sync::Arc;
use world::Bench;

/// How the names of files of tests end; in front of it stands the script's name without `.rhai`.
pub const SUFFIX: &str = ".test.rhai";

/// What tests know of their hub.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The language of messages.
    pub language: Language,
    /// The hub's time zone.
    pub time_zone: TimeZone,
}

/// A file of tests, ready to run.
pub struct Suite {
    tests: Arc<Tests>,
    program: Arc<RhaiProgram>,
    registry: Arc<Registry>,
    setting: Setting,
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suite({})", self.tests.sources.main)
    }
}

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Why it failed.
    pub failure: Option<TestFailure>,
    /// What it and its scripts wrote to the log.
    pub log: Vec<String>,
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFailure {
    /// Where, in the file of tests or in one that it imports.
    pub place: Place,
    /// What.
    pub message: String,
    /// What a comparison wanted.
    pub expected: Option<String>,
    /// What it got.
    pub actual: Option<String>,
}

impl TestFailure {
    /// Place, sentence, the line with a mark, and the two sides of a comparison.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("{}: {}{}", self.place, self.message, crate::report::excerpt(&self.place));
        for (name, side) in [("expected", &self.expected), ("actual", &self.actual)] {
            if let Some(side) = side {
                text.push_str(&format!("\n  {name:>8}: {side}"));
            }
        }
        text
    }
}

impl Suite {
    /// Reads and checks the file of tests `file` of the scripts folder `root`. What they test is `program`.
    pub fn open(
        root: &Path,
        file: &Path,
        program: Arc<RhaiProgram>,
        registry: Arc<Registry>,
        setting: Setting,
    ) -> Result<Self, Vec<ScriptFault>> {
        let vocabulary = Vocabulary::new(&registry).with("gesher_test", functions::module());
        let tests = compile_tests(root, file, &registry, vocabulary)?;
        Ok(Self { tests: Arc::new(tests), program, registry, setting })
    }

    /// The names of its tests, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tests.tests.iter().map(|(name, _)| name.as_str())
    }

    /// What its tests ran so far of the script and of all that it imports; none where it was not compiled to say so.
    #[must_use]
    pub fn coverage(&self) -> Option<&Coverage> {
        self.program.coverage()
    }

    /// Runs the test of that name, on a thread of its own with the stack that scripts have in the hub. None where there
    /// is no such test; an error where the thread cannot be made.
    pub fn run(&self, name: &str) -> std::io::Result<Option<TestResult>> {
        let Some((name, place)) = self.tests.tests.iter().find(|(test, _)| test == name) else {
            return Ok(None);
        };
        let bench = Arc::new(Bench::new(self));
        let failure = std::thread::scope(|scope| {
            let run = || self.run_on(&bench, name, place);
            let thread = std::thread::Builder::new().stack_size(ITEM_STACK_BYTES);
            let ended = thread.spawn_scoped(scope, run)?.join();
            std::io::Result::Ok(ended.unwrap_or_else(|_panic| Some(panicked(place))))
        })?;
        Ok(Some(TestResult { name: name.clone(), place: place.clone(), failure, log: bench.log() }))
    }

    fn run_on(&self, bench: &Arc<Bench>, name: &str, place: &Place) -> Option<TestFailure> {
        let engine = bench.engine();
        let options = CallFnOptions::new().eval_ast(false).in_all_namespaces(true);
        let ran = engine.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &AST::empty(), name, ());
        ran.err().map(|error| self.failure(error, place))
    }

    fn failure(&self, error: Box<EvalAltResult>, test: &Place) -> TestFailure {
        let (mut error, place) = innermost(error, &self.tests.sources);
        // The evaluator knows no position of what the test's own frame did.
        let place = if place.line == 0 { test.clone() } else { place };
        if let EvalAltResult::ErrorRuntime(thrown, _) = &*error {
            let map = thrown.read_lock::<Map>();
            let field = |name: &str| {
                let value = map.as_ref()?.get(name).filter(|value| !value.is_unit())?;
                Some(value.to_string())
            };
            let message = field("message").unwrap_or_else(|| thrown.to_string());
            let (expected, actual) = (field("expected"), field("actual"));
            return TestFailure { place, message, expected, actual };
        }
        error.clear_position();
        TestFailure { place, message: error.to_string(), expected: None, actual: None }
    }
}

fn panicked(place: &Place) -> TestFailure {
    let message = "an internal fault while running the test".to_owned();
    TestFailure { place: place.clone(), message, expected: None, actual: None }
}
