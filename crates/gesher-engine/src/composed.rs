//! Operations that have no effect of their own and call others: a part of their item's program, as the script is.
//!
//! The rule, since it decides what a crash leaves behind: such an operation is never written down as begun. Its calls
//! are steps of the item, numbered on, each with the intent and the outcome that it would have from a script; its own
//! outcome is the step behind them. After an interruption the item runs again, the operation runs again, its calls are
//! answered from the record, and when its own step is recorded, that is the answer. So what it charged it charged
//! once, whoever died when; and one that asks for something else the second time is `diverged`, like a script.
//!
//! Unlike a script it may fail in passing: its process dies, is late, cannot be started. Three things follow from that.
//! Where it broke off before it came to all that an earlier execution had done, nobody did anything else than before:
//! the item is left as it is and run again after a while. Where an earlier execution had come to its end, nothing new is
//! done behind that recorded end, however much further this one would get. And what it answers because it was told
//! of a stop is no answer to write down: it goes on at the next start.

use crate::context::{Answer, CallEnd, ItemContext};
use crate::engine::Called;
use crate::preparing::unprepared;
use crate::status::Ended;
use gesher_core::operation::Registered;
use gesher_core::{Caller, Composed, Composer, Outcome, Prepared, Rejection, Text};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// An operation that composes others, while it is at work.
pub(crate) struct Composing {
    /// Its qualified name. It cannot call itself, so the next record of that name is its own end.
    operation: String,
    /// Whether it was told that the hub is stopping.
    was_told_to_stop: bool,
}

impl ItemContext {
    /// Runs an operation that calls others.
    pub(crate) fn compose(
        &self,
        composer: &dyn Composer,
        registered: &Arc<Registered>,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: Value,
    ) -> Result<Answer, CallEnd> {
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        if self.work().composing.is_some() {
            return Err(self.refused_outright(too_deep(operation)));
        }
        let prepared = self.prepare(registered, operation, who, key, request);
        let hash = prepared.as_ref().map_or([0; 32], |(prepared, _)| prepared.hash);
        // It came to its end without a step before it: then it need not run again.
        if let Some(called) = self.recorded_end(operation, who, &hash)? {
            return self.answer(operation, false, called);
        }
        // Permission is for what is new, and an execution that got further was permitted.
        let permitted =
            if self.has_record() { Ok(()) } else { self.flow().permit(&registered.entry.descriptor) };
        let ready = permitted.and_then(|()| prepared.as_ref().map_err(Clone::clone));
        let outcome = match ready {
            Ok((prepared, _)) => Ok(self.composed(composer, registered, operation, prepared)?),
            Err(rejection) => Err(rejection),
        };
        if let Some(called) = self.recorded_end(operation, who, &hash)? {
            return self.answer(operation, false, called);
        }
        let step = self.next_step()?;
        // Something is recorded that it did not ask for this time: that ends the item.
        if let Some(called) = self.recorded(&step, operation, who, None, &hash)? {
            return self.answer(operation, false, called);
        }
        let prepared = prepared.map_or_else(|_| unprepared(who, registered), |(prepared, _)| prepared);
        let call = self.call_of(step, who, registered, prepared);
        let outcome = match outcome {
            Ok(outcome) => self.engine().record(&call, &registered.provider.marketplace(), outcome),
            Err(rejection) => self.engine().refuse(&call, rejection),
        };
        self.answer(operation, false, Called::own(outcome))
    }

    /// What it came to now, or the item's end where that is not to be written down.
    fn composed(
        &self,
        composer: &dyn Composer,
        registered: &Arc<Registered>,
        operation: &str,
        prepared: &Prepared,
    ) -> Result<Outcome, CallEnd> {
        let begun = Composing { operation: operation.to_owned(), was_told_to_stop: false };
        self.work().composing = Some(begun);
        let composed = composer.compose(registered.entry, prepared, self);
        let was_told_to_stop = self.work().composing.take().is_some_and(|ended| ended.was_told_to_stop);
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        if self.records_next(operation) {
            return Ok(composed.into_outcome());
        }
        let outcome = match composed {
            _ if was_told_to_stop => return Err(self.end(Ended::Stopping)),
            Composed::Answered(outcome) => return Ok(outcome),
            // Whoever stops the hub may well have ended the plugin's processes with it.
            Composed::BrokeOff(_) if self.is_stopping() => return Err(self.end(Ended::Stopping)),
            Composed::BrokeOff(outcome) => outcome,
        };
        if !self.has_record() {
            return Ok(outcome);
        }
        self.work().broke_off = Some(outcome.message);
        Err(self.end(Ended::BrokeOff))
    }

    /// The recorded end of an earlier execution of this operation, where it comes next. Calls that were refused outright
    /// had their place and left no record, so this end may stand some places on.
    fn recorded_end(&self, operation: &str, who: &str, hash: &[u8; 32]) -> Result<Option<Called>, CallEnd> {
        {
            let mut work = self.work();
            let own = work.recorded.front().filter(|own| own.operation == operation);
            let Some(place) = own.map(|own| own.id.position) else { return Ok(None) };
            work.position = work.position.max(place.saturating_sub(1));
        }
        let step = self.next_step()?;
        self.recorded(&step, operation, who, None, hash)
    }

    /// Whether an earlier execution of the operation at work had come to its end at this very place.
    fn had_its_end_here(&self) -> bool {
        let work = self.work();
        let Some(composing) = &work.composing else { return false };
        let own = |own: &&gesher_journal::StepRecord| {
            own.operation == composing.operation && own.id.position <= work.position.saturating_add(1)
        };
        work.recorded.front().filter(own).is_some()
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
        if self.had_its_end_here() {
            return None;
        }
        match ItemContext::call(self, operation, who, key, request) {
            Ok(answer) => Some(shown(&answer)),
            Err(CallEnd::Refused(answer)) => Some(shown(&answer)),
            Err(CallEnd::Ended) => None,
        }
    }

    fn now(&self) -> Option<Timestamp> {
        if self.had_its_end_here() {
            return None;
        }
        ItemContext::now(self).ok()
    }

    fn is_over(&self) -> bool {
        if self.is_stopping() {
            if let Some(composing) = &mut self.work().composing {
                composing.was_told_to_stop = true;
            }
            return true;
        }
        self.is_dead() || self.had_its_end_here()
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
