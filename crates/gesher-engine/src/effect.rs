//! A call with an effect, from its intent to its durable outcome: the only part of the one path where money can move.
//!
//! What stands in its way is asked in this order: whether its run has halted; then, in one commit of the journal, its
//! key, the limit on one call, the lock of its subject, what is left of the call of which it gives back, and the limits
//! on its run and its day.

use crate::accounts::NoAccount;
use crate::context::CallFault;
use crate::engine::{Call, Called, Engine, Senders, account_name};
use crate::error::EngineError;
use crate::flow::FlowLimits;
use crate::limits;
use crate::messages;
use crate::originals;
use crate::permits::{PATIENCE, Permit, Turn};
use crate::stop::Stop;
use crate::vendors;
use gesher_core::operation::Registered;
use gesher_core::{Account, Effect, Key, KeyRule, Outcome, Stamp};
use gesher_journal::{Begin, Intent, ItemQuery, KeyUse, StepFinish, StepRecord, SubjectUse};
use std::sync::atomic::Ordering;

/// What came of an intent.
pub(crate) enum Begun {
    /// It is durable: send, once, with this stamp.
    Send(Option<Stamp>),
    /// Another step has the key.
    KeyTaken(Box<Begin>),
    /// Another step on the same subject is open.
    Locked(Box<StepRecord>),
    /// It is refused, and there is no intent.
    NotNow(Box<Outcome>),
}

impl Engine {
    /// Journals the intent of a call, unless something stands in its way.
    pub(crate) async fn begin(&self, call: &Call, key: &Key, account: &str) -> Result<Begun, CallFault> {
        if call.guard.forbids_effects() {
            return Ok(Begun::NotNow(Box::new(messages::run_halted(&call.step.item.run))));
        }
        let Registered { provider, entry, .. } = &*call.registered;
        let descriptor = &entry.descriptor;
        let (facts, at) = (&call.prepared.facts, self.clock().now());
        let money = descriptor.effect == Effect::Money;
        let limits = if money { call.limits } else { FlowLimits::default() };
        // Without its sum nobody could say that it keeps to it.
        if call.prepared.original.is_some() && call.original.is_none() {
            return Ok(Begun::NotNow(Box::new(originals::unread().into())));
        }
        let stamp = provider.stamp(entry, &call.prepared, &call.step);
        let intent = Intent {
            step: call.step.clone(),
            operation: call.operation().to_owned(),
            who: call.who.clone(),
            account: account.to_owned(),
            key: key.clone(),
            once: descriptor.key == KeyRule::OncePerVendor,
            request_hash: call.prepared.hash,
            subject: facts.subject.clone(),
            amount: facts.amount,
            money,
            limits: limits::of_intent(&limits, at, self.time_zone()),
            look_up: self.noted(&facts.look_up),
            stamp: stamp.as_ref().map(ToString::to_string),
            opens: vendors::opens(&call.registered, &call.prepared),
            original: call.original.clone(),
            at,
        };
        gesher_core::failpoint!("intent.before");
        if gesher_core::mutant!("skip_intent") {
            return Ok(Begun::Send(stamp));
        }
        let begin = self.journal().begin_step(intent).await;
        // Said before this item ends, so that no other one begins meanwhile.
        let begin = begin.inspect_err(|error| self.store_failed(error));
        Ok(match begin.map_err(CallFault::journal("journalling an intent"))? {
            Begin::Send { .. } => {
                call.begun.store(true, Ordering::Release);
                Begun::Send(stamp)
            }
            Begin::Locked(open) => Begun::Locked(open),
            Begin::Vendor(vendor) => Begun::NotNow(Box::new(vendors::in_the_way(&call.who, &vendor))),
            Begin::Limited(reached) => Begun::NotNow(Box::new(limits::outcome(&reached.into()))),
            Begin::Exhausted(exhausted) => Begun::NotNow(Box::new(originals::exhausted(&exhausted))),
            taken => Begun::KeyTaken(Box::new(taken)),
        })
    }

    /// What a call comes to of which its provider does not say what it moves, so that it has no intent: the answer that
    /// its key has for it, which depends on nothing that the provider says, or `outcome`.
    pub(crate) async fn unlooked_at(&self, call: &Call, outcome: Outcome) -> Result<Called, CallFault> {
        let descriptor = &call.registered.entry.descriptor;
        let account = match self.accounts().of(&call.registered, &call.who).await {
            Ok(account) => Some(account),
            Err(NoAccount::Refused(_)) => None,
            Err(NoAccount::Failed(error)) => return Err(CallFault::Failed(error)),
        };
        let (Some(account), Some(key)) = (account, &call.key) else {
            return Ok(Called::own(self.refuse(call, outcome)));
        };
        let key_use = KeyUse {
            item: call.step.item.clone(),
            operation: call.operation().to_owned(),
            account: account_name(descriptor.provider, &account),
            key: key.clone(),
            once: descriptor.key == KeyRule::OncePerVendor,
            request_hash: call.prepared.hash,
        };
        let taken = self.journal().key_taken(&key_use).await;
        Ok(match taken.map_err(CallFault::journal("looking a key up"))? {
            Some(begin) => self.key_taken(call, &account, begin),
            None => Called::own(self.refuse(call, outcome)),
        })
    }

    /// Sends a call whose intent is durable. From here to the durable outcome nothing may leave this function early:
    /// an intent without an outcome is `unknown` for ever.
    pub(crate) async fn send(
        &self,
        call: &Call,
        senders: &Senders,
        stamp: Option<&Stamp>,
        turn: Turn,
        stop: &Stop,
    ) -> Result<Called, CallFault> {
        let permit = turn.permit(PATIENCE).await;
        let refusal = match &permit {
            Some(permit) => self.refusal_at_last(call, &senders.account, permit).await,
            None => Some(messages::no_turn()),
        };
        let is_sent = refusal.is_none();
        let outcome = match refusal {
            None => self.perform(call, senders, stamp).await,
            Some(refusal) => refusal,
        };
        let (outcome, sealed) = self.keep(outcome);
        // What nobody knows the end of may halt the run and locks its subject. Whoever has the permit next must see that.
        let kept = permit.filter(|_| outcome.status.is_open());
        let vendor = vendors::mark(&call.registered, &call.who, &outcome);
        let finish = StepFinish { step: call.step.clone(), outcome, sealed, vendor, at: self.clock().now() };
        let outcome = self.finish(finish, stop).await?;
        if is_sent {
            self.note(&call.guard, &call.step, outcome.status);
        }
        if let Some(permit) = kept {
            permit.note_open();
        }
        Ok(Called::own(outcome))
    }

    /// What has come between a call and its sending since its intent was made: its run has halted, its keys were refused, the
    /// journal is in trouble, or another step locks its subject.
    async fn refusal_at_last(&self, call: &Call, account: &Account, permit: &Permit) -> Option<Outcome> {
        let name = account_name(call.registered.entry.descriptor.provider, account);
        if call.guard.forbids_effects() {
            return Some(messages::run_halted(&call.step.item.run));
        }
        if self.accounts().is_paused(&name, account) {
            return Some(messages::account_paused(&name));
        }
        // Its outcome would go the same way as those that cannot be written now.
        if permit.was_waited_for() && !self.health().may_begin() {
            return Some(messages::journal_in_trouble());
        }
        let (Some(subject), Some(key)) = (&call.prepared.facts.subject, &call.key) else { return None };
        if !permit.saw_one_open() {
            return None;
        }
        let (operation, subject) = (call.operation().to_owned(), subject.clone());
        let subject_use = SubjectUse { account: name, operation, subject, key: key.clone() };
        match self.journal().locked_by(&subject_use).await {
            Ok(open) => open.map(|open| messages::subject_locked(&open, None)),
            Err(error) => {
                tracing::error!(step = %call.step, %error, "cannot read what locks a subject, so nothing is sent");
                Some(messages::journal_in_trouble())
            }
        }
    }

    /// Asks the provider about the step that locks a subject, before the lock is the answer.
    pub(crate) async fn ask_about(&self, open: &StepRecord) {
        // Whatever befalls the look-up, the row goes on to its end.
        let (engine, id) = (self.clone(), open.id.clone());
        let asked = self.runtime().spawn(async move { engine.reconcile(&id).await });
        let lost = |error| {
            tracing::error!(step = %open.id, %error, "a look-up ended before its time");
            Err(EngineError::Lost { what: "a look-up" })
        };
        match asked.await.unwrap_or_else(lost) {
            Ok(found) => tracing::info!(step = %open.id, ?found, "asked about the step that locks a subject"),
            // The lock holds as before.
            Err(error) => {
                tracing::warn!(step = %open.id, %error, "cannot ask about the step that locks a subject")
            }
        }
    }

    /// What a locked subject comes to: the open step with its file and line, and how to settle it.
    pub(crate) async fn subject_locked(&self, open: &StepRecord) -> Result<Outcome, CallFault> {
        let item = &open.id.item;
        let run = self.journal().run(&item.run).await.map_err(CallFault::journal("reading a run"))?;
        let before = item.ordinal.checked_sub(1);
        let query = ItemQuery { run: item.run.clone(), status: None, after: before, limit: 1 };
        let items = self.journal().items(&query).await.map_err(CallFault::journal("reading an item"))?;
        let line = items.first().filter(|found| found.id == *item).map(|found| found.line);
        let place = run.as_ref().zip(line).map(|(run, line)| (run.name.as_str(), line));
        Ok(messages::subject_locked(open, place))
    }
}
