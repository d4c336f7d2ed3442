//! What tests of the engine make over and over: a flow, a program, and the end that an answer leaves it.

use gesher_engine::journal::ScriptBundle;
use gesher_engine::{
    Allow, Answer, CallEnd, Entry, Flow, FlowLimits, FlowReach, Input, ItemContext, OnUnknown, Program,
    ProgramEnd,
};
use std::sync::Arc;

/// A program in Rust: the seam is the same that the script host stands on.
pub(crate) struct InRust<F> {
    entries: &'static [Entry],
    body: F,
}

impl<F> InRust<F>
where
    F: Fn(&Arc<ItemContext>, Input) -> ProgramEnd + Send + Sync + 'static,
{
    /// A program that is called.
    pub(crate) fn called(body: F) -> Arc<dyn Program> {
        Self::at(&[Entry::Call], body)
    }

    /// A program with these entries.
    pub(crate) fn at(entries: &'static [Entry], body: F) -> Arc<dyn Program> {
        Arc::new(Self { entries, body })
    }
}

impl<F> Program for InRust<F>
where
    F: Fn(&Arc<ItemContext>, Input) -> ProgramEnd + Send + Sync,
{
    fn hash(&self) -> &str {
        "0"
    }

    fn script(&self) -> ScriptBundle {
        ScriptBundle::of_hash("0")
    }

    fn has(&self, entry: Entry) -> bool {
        self.entries.contains(&entry)
    }

    fn run(&self, context: &Arc<ItemContext>, input: Input) -> ProgramEnd {
        (self.body)(context, input)
    }
}

/// A flow that unknown answers do not stop.
pub(crate) fn flow(allow: &[&str], concurrency: usize) -> Flow {
    Flow {
        name: "f".into(),
        allow: allow.iter().map(|words| Allow::parse(words).unwrap()).collect(),
        concurrency,
        on_unknown: OnUnknown::Continue,
        limits: FlowLimits::default(),
        reach: FlowReach::default(),
    }
}

/// The end of a program that does nothing with its last answer, and does not catch a refusal.
pub(crate) fn ended(result: Result<Answer, CallEnd>) -> ProgramEnd {
    match result {
        Ok(answer) => ProgramEnd::Returned(answer.data.into_tree()),
        Err(CallEnd::Refused(answer)) => {
            ProgramEnd::Threw { code: answer.code.unwrap_or_default(), message: answer.message }
        }
        Err(CallEnd::Ended) => ProgramEnd::Ended,
    }
}
