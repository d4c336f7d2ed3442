//! Operations that have no effect of their own and call others: a part of their item's program, as the script is.
//!
//! The rule, since it decides what a crash leaves behind: such an operation is never written down as begun. Its calls
//! are steps of the item, numbered on, each with the intent and the outcome that it would have from a script; its own
//! outcome is the step behind them. After an interruption the item runs again, the operation runs again, its calls are
//! answered from the record, and when its own step is recorded, that is the answer. So what it charged it charged
//! once, whoever died when; and one that asks for something else the second time is `diverged`, like a script.

use crate::context::{Answer, CallEnd, ItemContext};
use crate::engine::Called;
use crate::preparing::unprepared;
use gesher_core::operation::Registered;
use gesher_core::{Caller, Composer, Rejection, Text};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

impl ItemContext {
    /// Runs an operation that calls others.
    pub(crate) fn compose(
        &self,
        composer: &dyn Composer,
        registered: &Registered,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: Value,
    ) -> Result<Answer, CallEnd> {
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        if self.composing.load(Ordering::Acquire) {
            return Err(self.refused_outright(too_deep(operation)));
        }
        let prepared = self.prepare(registered, operation, who, key, request);
        let hash = prepared.as_ref().map_or([0; 32], |(prepared, _)| prepared.hash);
        // It came to its end without a call of its own: then its step is the next, and it need not run again.
        if self.records_next(operation) {
            let step = self.next_step()?;
            if let Some(called) = self.recorded(&step, operation, who, None, &hash)? {
                return self.answer(operation, false, called);
            }
        }
        // Permission is for what is new, and an execution that got further was permitted.
        let permitted =
            if self.has_record() { Ok(()) } else { self.flow().permit(&registered.entry.descriptor) };
        let ready = permitted.and_then(|()| prepared.as_ref().map_err(Clone::clone));
        let outcome = ready.map(|(prepared, _)| {
            self.composing.store(true, Ordering::Release);
            let outcome = composer.compose(registered.entry, prepared, self);
            self.composing.store(false, Ordering::Release);
            outcome
        });
        let step = self.next_step()?;
        if let Some(called) = self.recorded(&step, operation, who, None, &hash)? {
            return self.answer(operation, false, called);
        }
        let prepared = prepared.map_or_else(|_| unprepared(who, registered), |(prepared, _)| prepared);
        let call = self.call_of(step, operation, who, registered, &prepared);
        let outcome = match outcome {
            Ok(outcome) => self.engine().record(&call, &registered.provider.marketplace(), outcome),
            Err(rejection) => self.engine().refuse(&call, rejection),
        };
        self.answer(operation, false, Called::own(outcome))
    }
}

/// Operations that call others would wait for one another in circles.
fn too_deep(operation: &str) -> Rejection {
    Rejection::new(
        "too_deep",
        Text::new(
            format!("{operation} קוראת בעצמה לפעולות אחרות, ולכן רק תסריט יכול לקרוא לה"),
            format!("{operation} calls other operations itself, so only a script can call it"),
        ),
    )
}

impl Caller for ItemContext {
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Option<Value> {
        match ItemContext::call(self, operation, who, key, request) {
            Ok(answer) => Some(shown(&answer)),
            Err(CallEnd::Refused(answer)) => Some(shown(&answer)),
            Err(CallEnd::Ended) => None,
        }
    }

    fn now(&self) -> Option<Timestamp> {
        ItemContext::now(self).ok()
    }

    fn is_over(&self) -> bool {
        self.is_dead() || self.is_stopping()
    }

    fn place(&self) -> String {
        format!("{} {}", self.flow().name, self.item())
    }
}

/// The one shape of all answers.
fn shown(answer: &Answer) -> Value {
    json!({
        "status": answer.status.as_str(),
        "reference": answer.reference,
        "document": answer.document,
        "code": answer.code,
        "message": answer.message,
        "replayed": answer.replayed,
        "data": answer.data.tree(),
    })
}
