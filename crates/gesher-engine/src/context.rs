//! One item's way to the world: its steps, counted, journalled, and answered from the record after an interruption.
//!
//! A context belongs to one item and is used from that item's own thread only. Everything that can differ between two
//! executions of a program comes through here, and is a step.

use crate::composed::Composing;
use crate::engine::{Call, Called, Engine};
use crate::error::EngineError;
use crate::flow::Flow;
use crate::halt::UnknownGuard;
use crate::messages;
use crate::preparing::unprepared;
use crate::result::RunResult;
use crate::status::{EffectStep, Ended};
use crate::stop::Stop;
use gesher_core::limits::STEPS_PER_ITEM_MAX;
use gesher_core::operation::Registered;
use gesher_core::{ItemId, Json, Key, Language, OutcomeStatus, Prepared, Redactor, Rejection, StepId, Text};
use gesher_journal::StepRecord;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What a program gets for a call that came to an end it may go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In one word.
    pub status: OutcomeStatus,
    /// The provider's id.
    pub reference: Option<String>,
    /// The document's number.
    pub document: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// For people, in the hub's language.
    pub message: String,
    /// It is the recorded answer of an earlier call with the same key; nothing was sent now.
    pub replayed: bool,
    /// The provider's own answer, without secrets.
    pub data: Json,
}

/// What a program gets for a call that came to another end.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEnd {
    /// `rejected` or `not_sent`: nothing happened, and a program may catch it.
    Refused(Box<Answer>),
    /// The item is over: a step is unknown, the program diverged, or the hub cannot go on. Nothing may catch this.
    Ended,
}

/// Why the one path could not come to an outcome.
pub(crate) enum CallFault {
    /// The journal failed, or the hub is at its end.
    Failed(EngineError),
    /// The hub is stopping, and the call would have had to wait. Nothing was sent; the item goes on at the next start.
    Stopping,
}

impl CallFault {
    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(gesher_journal::JournalError) -> Self {
        move |error| Self::Failed(EngineError::journal(doing)(error))
    }
}

/// One item at work.
pub struct ItemContext {
    engine: Engine,
    flow: Arc<Flow>,
    item: ItemId,
    stop: Stop,
    pub(crate) guard: Arc<UnknownGuard>,
    dead: AtomicBool,
    /// What makes the result of its run, for the `on_finish` of a run that leaves one.
    pub(crate) result: OnceLock<Arc<dyn RunResult>>,
    work: Mutex<Work>,
}

/// What an item has come to.
#[derive(Default)]
pub(crate) struct Work {
    /// What earlier executions recorded, from the next position on.
    pub(crate) recorded: VecDeque<StepRecord>,
    pub(crate) position: u32,
    /// The operation that composes others and is at work.
    pub(crate) composing: Option<Composing>,
    effects: Vec<EffectStep>,
    ended: Option<Ended>,
    /// Why an operation that composes others broke off, where the item is run again for it.
    pub(crate) broke_off: Option<Text>,
    fault: Option<EngineError>,
    /// The call that is on its way. Only a panic finds it here.
    calling: Option<StepId>,
    /// Whether that call's intent is durable, so that without an outcome it is unknown.
    begun: Arc<AtomicBool>,
    ordinals: HashMap<String, u32>,
    /// Whether somebody reads what the program returns.
    wants_result: bool,
}

impl ItemContext {
    /// An item that begins, or begins again with what it `recorded`.
    pub(crate) fn new(
        engine: Engine,
        flow: Arc<Flow>,
        item: ItemId,
        recorded: Vec<StepRecord>,
        stop: Stop,
        guard: Arc<UnknownGuard>,
    ) -> Self {
        let work = Work { recorded: recorded.into(), ..Work::default() };
        let (dead, result, work) = (AtomicBool::new(false), OnceLock::new(), Mutex::new(work));
        Self { engine, flow, item, stop, guard, dead, result, work }
    }

    /// Which item.
    #[must_use]
    pub fn item(&self) -> &ItemId {
        &self.item
    }

    /// Its flow.
    #[must_use]
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The language of messages.
    #[must_use]
    pub fn language(&self) -> Language {
        self.engine.language()
    }

    /// The hub's time zone.
    #[must_use]
    pub fn time_zone(&self) -> &jiff::tz::TimeZone {
        self.engine.time_zone()
    }

    /// Cleans what a program logs.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        self.engine.redactor()
    }

    /// Measures how long a program runs. Not for recording.
    #[must_use]
    pub fn monotonic(&self) -> std::time::Duration {
        self.engine.clock().monotonic()
    }

    /// Once true, the item must end, and nothing that a program catches may hide it.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// Says that somebody reads what the program returns. What becomes of the item follows from its steps alone.
    pub fn want_result(&self) {
        self.work().wants_result = true;
    }

    /// Whether somebody reads what the program returns. Where nobody does, it need not be made.
    #[must_use]
    pub fn wants_result(&self) -> bool {
        self.work().wants_result
    }

    /// Runs an operation as a step of this item. Blocks; only from the item's own thread, never from a runtime's.
    pub fn call(
        &self,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: Value,
    ) -> Result<Answer, CallEnd> {
        let who = gesher_core::key::cleaned(who);
        let found = self.engine.registry().find(operation);
        if let Ok(registered) = found
            && let Some(composer) = registered.composer()
        {
            return self.compose(composer, registered, operation, &who, key, request);
        }
        let mut step = self.next_step()?;
        let registered = match found {
            Ok(registered) => registered,
            Err(rejection) => return Err(self.refused_outright(rejection)),
        };
        let prepared = self.prepare(registered, operation, &who, key, request);
        let read = self.recorded_original(&mut step, registered, &who, &prepared)?;
        let (hash, key) = match &prepared {
            Ok((prepared, key)) => (prepared.hash, key.clone()),
            Err(_) => ([0; 32], None),
        };
        let changes = registered.entry.descriptor.effect.changes();
        while let Some(called) = self.recorded(&step, operation, &who, key.as_ref(), &hash)? {
            if !called.was_withdrawn() {
                return self.answer(operation, changes, called);
            }
            // Provably nothing was sent, and the program was never told: the same call, at the next position.
            step = self.next_step()?;
        }
        // Permission is for what is new. What was recorded was permitted or refused when it was new, and stays so under
        // another configuration.
        let reach = prepared.as_ref().ok().and_then(|(prepared, _)| prepared.reach.as_ref());
        let refusal = self.flow.permit_call(registered.entry, reach).err();
        let (mut prepared, key, refusal) = match prepared {
            Ok((prepared, key)) => (prepared, key, refusal),
            Err(rejection) => (unprepared(&who, registered), None, refusal.or(Some(rejection))),
        };
        let unlooked_at = if refusal.is_none() { registered.facts(&mut prepared).err() } else { None };
        let original = match (refusal, &unlooked_at) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(_)) => Ok(None),
            (None, None) => self.original(&mut step, registered, &who, &prepared, read)?,
        };
        let (original, refusal) =
            original.map_or_else(|refusal| (None, Some(refusal)), |taken| (taken, None));
        let begun = Arc::clone(&self.work().begun);
        let call = Call { key, original, begun, ..self.call_of(step, &who, registered, prepared) };
        let called = match (refusal, unlooked_at) {
            (Some(refusal), _) => Called::own(self.engine.refuse(&call, refusal)),
            (None, Some(outcome)) => {
                let answered = self.engine.runtime().block_on(self.engine.unlooked_at(&call, *outcome));
                answered.map_err(|fault| self.failed(fault))?
            }
            (None, None) => self.send(call)?,
        };
        self.answer(operation, changes, called)
    }

    /// A call without a key, of which nothing was begun.
    pub(crate) fn call_of(
        &self,
        step: StepId,
        who: &str,
        registered: &Arc<Registered>,
        prepared: Prepared,
    ) -> Call {
        Call {
            step,
            who: who.to_owned(),
            key: None,
            registered: Arc::clone(registered),
            prepared,
            limits: self.flow.limits,
            guard: Arc::clone(&self.guard),
            original: None,
            begun: Arc::default(),
        }
    }

    /// The number of an operation's next call without a key.
    pub(crate) fn next_ordinal(&self, operation: &str) -> u32 {
        let mut work = self.work();
        let ordinal = work.ordinals.entry(operation.to_owned()).or_default();
        *ordinal += 1;
        *ordinal
    }

    pub(crate) fn send(&self, call: Call) -> Result<Called, CallEnd> {
        self.work().calling = Some(call.step.clone());
        let called = self.wait_for(call);
        {
            let mut work = self.work();
            work.calling = None;
            work.begun.store(false, Ordering::Release);
        }
        called.map_err(|fault| self.failed(fault))
    }

    /// Makes a call and waits for what it comes to. It is a task of the hub's runtime, so that this thread is woken once
    /// and not whenever the call goes on; but a provider that blocks whoever asks it is asked from here.
    fn wait_for(&self, call: Call) -> Result<Called, CallFault> {
        let (engine, stop, runtime) = (self.engine.clone(), self.stop.clone(), self.engine.runtime());
        let blocks = call.registered.provider.blocks();
        let work = async move { engine.call(&call, &stop).await };
        if blocks {
            return runtime.block_on(work);
        }
        // It begins only once this thread is seen to be one that may wait.
        match runtime.block_on(async { runtime.spawn(work).await }) {
            Ok(called) => called,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is gone, and the process with it. A durable intent stays without outcome: the next one
                // finds it, and it is unknown.
                Err(_cancelled) => Err(CallFault::Failed(EngineError::Lost { what: "a call" })),
            },
        }
    }

    /// Ends the item where the one path could not come to an outcome.
    pub(crate) fn failed(&self, fault: CallFault) -> CallEnd {
        match fault {
            CallFault::Stopping => self.end(Ended::Stopping),
            CallFault::Failed(error) => self.journal_failed(error),
        }
    }

    pub(crate) fn journal_failed(&self, error: EngineError) -> CallEnd {
        // Whoever ends the run says it once, for all of its items.
        tracing::debug!(item = %self.item, error = %error, "the journal failed under a call");
        self.work().fault = Some(error);
        self.end(Ended::JournalFailed)
    }

    /// Turns an outcome into what the program gets, and remembers it for the item's status.
    pub(crate) fn answer(&self, operation: &str, changes: bool, called: Called) -> Result<Answer, CallEnd> {
        let Called { outcome, key_taken, replayed } = called;
        if changes {
            self.work().effects.push(EffectStep {
                operation: operation.to_owned(),
                status: outcome.status,
                key_taken,
                reference: outcome.reference.clone(),
                document: outcome.document.clone(),
                code: outcome.code.clone(),
                message: outcome.message.clone(),
                amount: outcome.amount,
            });
        }
        let status = outcome.status;
        let answer = Answer {
            status,
            reference: outcome.reference,
            document: outcome.document,
            code: outcome.code,
            message: outcome.message.get(self.language()).to_owned(),
            replayed,
            data: outcome.data,
        };
        match status {
            OutcomeStatus::Succeeded | OutcomeStatus::Declined => Ok(answer),
            OutcomeStatus::Rejected | OutcomeStatus::NotSent => Err(CallEnd::Refused(Box::new(answer))),
            OutcomeStatus::Unknown | OutcomeStatus::Conflict => Err(self.end(Ended::Open)),
        }
    }

    /// The next position, or the item's end where it has had enough of them.
    pub(crate) fn next_step(&self) -> Result<StepId, CallEnd> {
        if self.is_dead() {
            return Err(CallEnd::Ended);
        }
        let mut work = self.work();
        if work.position >= STEPS_PER_ITEM_MAX {
            drop(work);
            return Err(self.refused_outright(Rejection::new(
                "too_many_steps",
                Text::new(
                    format!("התסריט ביצע יותר מ־{STEPS_PER_ITEM_MAX} פעולות עבור שורה אחת"),
                    format!("the script called more than {STEPS_PER_ITEM_MAX} operations for one item"),
                ),
            )));
        }
        work.position += 1;
        Ok(StepId { item: self.item.clone(), position: work.position })
    }

    /// The recorded outcome at this position, after an interruption. Another call than the recorded one ends the item.
    pub(crate) fn recorded(
        &self,
        step: &StepId,
        operation: &str,
        who: &str,
        key: Option<&Key>,
        hash: &[u8; 32],
    ) -> Result<Option<Called>, CallEnd> {
        let Some(record) = self.work().recorded.pop_front() else {
            return Ok(None);
        };
        let same = record.id == *step
            && record.operation == operation
            && record.who == who
            && record.key.as_ref() == key
            && record.request_hash == *hash;
        match &record.outcome {
            Some(outcome) if same => Ok(Some(Called::recorded(&record, outcome.clone()))),
            // It was sent, and its outcome could not be written yet: whoever goes on knows as little as after a crash.
            None if same => {
                let outcome = self.engine.interrupted();
                let effect = messages::effect_of(&outcome);
                self.work().effects.push(EffectStep { operation: operation.to_owned(), ..effect });
                Err(self.end(Ended::Open))
            }
            _ => {
                tracing::error!(%step, recorded = %record.operation, now = %operation, "diverged from the record");
                self.engine.alarm("diverged", &step.to_string(), &messages::diverged_alarm(step));
                Err(self.end(Ended::Diverged))
            }
        }
    }

    /// Whether an earlier execution went on from here.
    pub(crate) fn has_record(&self) -> bool {
        !self.work().recorded.is_empty()
    }

    /// Whether the hub is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_requested()
    }

    /// Whether an earlier execution called that operation next.
    pub(crate) fn records_next(&self, operation: &str) -> bool {
        self.work().recorded.front().is_some_and(|step| step.operation == operation)
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A refusal that is no step: the operation does not exist, or there are too many.
    pub(crate) fn refused_outright(&self, rejection: Rejection) -> CallEnd {
        CallEnd::Refused(Box::new(Answer {
            status: OutcomeStatus::Rejected,
            reference: None,
            document: None,
            code: Some(rejection.code),
            message: rejection.message.get(self.language()).to_owned(),
            replayed: false,
            data: Json::default(),
        }))
    }

    pub(crate) fn end(&self, why: Ended) -> CallEnd {
        self.work().ended.get_or_insert(why);
        self.dead.store(true, Ordering::Release);
        CallEnd::Ended
    }

    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of the item: its effects, why it ended, what failed, and the step that a panic left in flight.
    ///
    /// A program that ended before it came to all of its recorded steps did something else than it did before: what
    /// those steps moved must not be forgotten with them.
    pub(crate) fn close(&self) -> Closed {
        let mut work = self.work();
        if !work.recorded.is_empty() {
            work.ended.get_or_insert(Ended::Diverged);
        }
        let begun = work.begun.load(Ordering::Acquire);
        Closed {
            effects: std::mem::take(&mut work.effects),
            ended: work.ended,
            broke_off: work.broke_off.take(),
            fault: work.fault.take(),
            in_flight: work.calling.take().filter(|_| begun),
        }
    }
}

/// See [`ItemContext::close`].
pub(crate) struct Closed {
    pub(crate) effects: Vec<EffectStep>,
    pub(crate) ended: Option<Ended>,
    pub(crate) broke_off: Option<Text>,
    pub(crate) fault: Option<EngineError>,
    pub(crate) in_flight: Option<StepId>,
}
