//! A program that is listened to: it runs another, and keeps what that returned for whoever waits for it.

use gesher_engine::journal::ScriptBundle;
use gesher_engine::{Entry, Input, ItemContext, Program, ProgramEnd};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
pub(super) struct Answering {
    inner: Arc<dyn Program>,
    answer: Mutex<Option<Value>>,
}

impl Answering {
    pub(super) fn new(inner: Arc<dyn Program>) -> Self {
        Self { inner, answer: Mutex::default() }
    }

    /// What was returned; none where the program did not come so far in this process.
    pub(super) fn answer(&self) -> Option<Value> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Program for Answering {
    fn hash(&self) -> &str {
        self.inner.hash()
    }

    fn script(&self) -> ScriptBundle {
        self.inner.script()
    }

    fn reads(&self) -> Vec<String> {
        self.inner.reads()
    }

    fn has(&self, entry: Entry) -> bool {
        self.inner.has(entry)
    }

    fn run(&self, context: &Arc<ItemContext>, input: Input) -> ProgramEnd {
        // What `on_finish` returns is nobody's answer.
        let is_asked = !matches!(input, Input::Finish(_));
        if is_asked {
            context.want_result();
        }
        let end = self.inner.run(context, input);
        if let (true, ProgramEnd::Returned(value)) = (is_asked, &end) {
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
        }
        end
    }
}
