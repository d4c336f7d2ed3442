//! Settling what nobody knows: steps whose outcome is unknown are looked up at their provider, and closed by evidence or
//! by a person.
//!
//! From the outside in: when a step is looked up (`schedule`), asking the provider (here), whether what it showed is the
//! step's own (`decide`, pure), closing the step and ending its item anew (`desk`), and what a person may say (`people`).
//! A look-up only reads. Whatever it does not find, or cannot ask, changes nothing: money is never called not charged by
//! a machine.

mod decide;
mod desk;
mod items;
#[cfg(test)]
mod ledgers;
mod pace;
mod people;
mod schedule;
mod vendors;
mod words;

pub use desk::Desk;
pub use items::ItemResolution;
pub use people::{NOT_CHARGED_AFTER, Resolution, Resolved};
pub use schedule::next_look;
pub use vendors::Opened;
pub use words::vendor as vendor_words;

use crate::accounts::NoAccount;
use crate::engine::{Engine, account_name};
use crate::error::EngineError;
use crate::stop::Stop;
use decide::{Sibling, StepFacts, Verdict, decide};
use desk::{Closed, Closing};
use gesher_core::look_up::{self, Candidate, Found, LookUpFailure, Wanted};
use gesher_core::{LookUp, Outcome, OutcomeStatus, StepId, Text};
use gesher_journal::{StepRecord, StepState};
use schedule::LOOK_PAUSE_MIN;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Look-ups at a time. Those of one account read its lists together, so they are many; their requests are few (`pace`).
const LOOK_UPS_AT_ONCE: usize = 64;
/// Steps that one round looks up. What is left is due in the next.
const ROUND_STEPS_MAX: usize = 256;
/// Open steps that are read from the journal at a time.
const PAGE_STEPS: usize = 500;
/// Steps whose last look is remembered, before those that are long over are forgotten.
const LOOKS_KEPT: usize = 10_000;
/// How long a look-up waits for its turn and its answers where a row waits for it.
const HURRIED_SECONDS: u64 = 5;
/// The same where nobody waits. Look-ups stand in line with each other, so it is long.
const PATIENT_SECONDS: u64 = 900;
/// Who closed a step that a look-up found.
const ACTOR: &str = "hub";
/// Why.
const REASON: &str = "looked up at the provider";

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// The step is closed: by this look-up, or by somebody before it.
    Closed(OutcomeStatus),
    /// The provider's records contradict each other or the request. Only a person closes it.
    Conflict,
    /// Nothing that is the step's own was found, which proves nothing. It stays as it is.
    NotFound(Text),
    /// The provider could not be asked, or not everything. Nothing changed.
    NotAsked(Text),
    /// The provider has no way to ask; only a person can settle it.
    Manual,
    /// It was looked up a moment ago, or is being looked up.
    Lately,
    /// It is in flight, or its item is still at work.
    AtWork,
}

/// Why the provider could not be asked.
enum NotAsked {
    Manual,
    Why(Text),
    Failed(EngineError),
}

/// What an engine remembers of its look-ups, so that it does not ask the same too often. What must outlive the process
/// is in the journal.
#[derive(Default)]
pub(crate) struct Looks {
    latest: Mutex<HashMap<StepId, Latest>>,
    line: pace::Line,
    /// Comparing with other steps' references and closing is one act: two steps must not both find one record free.
    closing: tokio::sync::Mutex<()>,
}

/// The last look at a step of each kind: failures of one kind do not make the other rarer.
#[derive(Clone, Copy, Default)]
struct Latest {
    hurried: Option<Look>,
    patient: Option<Look>,
}

#[derive(Clone, Copy)]
struct Look {
    at: Duration,
    failures: u32,
}

/// Who waits for a look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// A row.
    Hurried,
    /// Nobody.
    Patient,
}

impl Haste {
    fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hurried => HURRIED_SECONDS,
            Self::Patient => PATIENT_SECONDS,
        })
    }
}

impl Latest {
    fn of(&mut self, haste: Haste) -> &mut Option<Look> {
        match haste {
            Haste::Hurried => &mut self.hurried,
            Haste::Patient => &mut self.patient,
        }
    }

    /// Whether nothing of it matters any more.
    fn is_over(&self, now: Duration) -> bool {
        let is_over = |look: Look| now.saturating_sub(look.at) >= schedule::pause_after(look.failures);
        [self.hurried, self.patient].into_iter().flatten().all(is_over)
    }

    /// Whether a look of that kind may be now.
    fn allows(mut self, haste: Haste, now: Duration) -> bool {
        let own = *self.of(haste);
        let since = |look: Look| now.saturating_sub(look.at);
        let lately =
            [self.hurried, self.patient].into_iter().flatten().any(|look| since(look) < LOOK_PAUSE_MIN);
        !lately && own.is_none_or(|look| since(look) >= schedule::pause_after(look.failures))
    }
}

impl Looks {
    /// Whether a step may be looked up now; notes that it is.
    fn begin(&self, step: &StepId, haste: Haste, now: Duration) -> bool {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looks = latest.get(step).copied().unwrap_or_default();
        if !looks.allows(haste, now) {
            return false;
        }
        if latest.len() >= LOOKS_KEPT {
            latest.retain(|_, looks| !looks.is_over(now));
        }
        let own = looks.of(haste);
        *own = Some(Look { at: now, failures: own.map_or(0, |look| look.failures) });
        latest.insert(step.clone(), looks);
        true
    }

    /// Notes how a look ended.
    fn end(&self, step: &StepId, haste: Haste, now: Duration, failed: bool) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let own = latest.entry(step.clone()).or_default().of(haste);
        let failures = own.map_or(0, |look| look.failures);
        *own = Some(Look { at: now, failures: if failed { failures.saturating_add(1) } else { 0 } });
    }
}

impl Engine {
    /// The desk of this engine's journal.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk {
            journal: self.journal().clone(),
            registry: self.shared_registry(),
            clock: self.clock().clone(),
            redactor: self.shared_redactor(),
            language: self.language(),
            time_zone: self.time_zone().clone(),
        }
    }

    /// Looks one step up for somebody who waits for it: before an operation on the same subject, say. Answers within
    /// seconds, and at once when the step was looked up a moment ago.
    pub async fn reconcile(&self, step: &StepId) -> Result<Reconciled, EngineError> {
        if !self.looks().begin(step, Haste::Hurried, self.clock().monotonic()) {
            return Ok(Reconciled::Lately);
        }
        self.look(step, Haste::Hurried).await
    }

    /// Looks steps up that a person asked for, whenever they were looked up last, a few at a time.
    pub async fn reconcile_all(
        &self,
        steps: Vec<StepId>,
        stop: &Stop,
    ) -> Vec<(StepId, Result<Reconciled, EngineError>)> {
        let (mut waiting, mut working) = (steps.into_iter(), JoinSet::new());
        let mut ends = Vec::new();
        loop {
            while working.len() < LOOK_UPS_AT_ONCE && !stop.is_requested() {
                let Some(step) = waiting.next() else { break };
                let engine = self.clone();
                working.spawn(async move {
                    let end = engine.look(&step, Haste::Patient).await;
                    (step, end)
                });
            }
            tokio::select! {
                biased;
                // A look-up only reads, so it may be dropped wherever it is: a closing that was handed to the journal
                // is durable whoever waits for it.
                () = stop.requested(), if !working.is_empty() => return ends,
                ended = working.join_next() => match ended {
                    Some(Ok(end)) => ends.push(end),
                    Some(Err(_panicked)) => tracing::error!("a look-up ended before its time"),
                    None => return ends,
                },
            }
        }
    }

    /// One round: every unknown step whose next look is due. Answers what was looked up and how that ended.
    pub async fn reconcile_due(
        &self,
        stop: &Stop,
    ) -> Result<Vec<(StepId, Result<Reconciled, EngineError>)>, EngineError> {
        let (now, moment) = (self.clock().now(), self.clock().monotonic());
        let (mut due, mut after) = (Vec::new(), None);
        'pages: loop {
            let page = self.journal().open_steps(after.as_ref(), PAGE_STEPS).await;
            let page = page.map_err(EngineError::journal("reading the open steps"))?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for step in &page {
                if due.len() == ROUND_STEPS_MAX {
                    break 'pages;
                }
                let is_due = next_look(step).is_some_and(|at| at <= now) && !self.is_manual(step);
                if is_due && self.looks().begin(&step.id, Haste::Patient, moment) {
                    due.push(step.id.clone());
                }
            }
        }
        Ok(self.reconcile_all(due, stop).await)
    }

    /// Whether only a person can settle a step, since its provider has no way to ask.
    fn is_manual(&self, step: &StepRecord) -> bool {
        let registered = self.registry().find(&step.operation);
        registered.is_ok_and(|registered| registered.entry.descriptor.look_up == LookUp::Manual)
    }

    async fn look(&self, id: &StepId, haste: Haste) -> Result<Reconciled, EngineError> {
        let step = self.desk().step(id).await?;
        match step.state {
            StepState::InFlight => return Ok(Reconciled::AtWork),
            StepState::Over(OutcomeStatus::Unknown) => {}
            StepState::Over(OutcomeStatus::Conflict) => return Ok(Reconciled::Conflict),
            StepState::Over(status) => return Ok(Reconciled::Closed(status)),
        }
        // A run is halted the moment that unknown answers halt it, and its items at work end only then.
        let is_worked_on = self.is_at_work(&id.item.run) && !self.desk().has_ended(&id.item).await?;
        if is_worked_on || !self.desk().is_at_rest(&id.item).await? {
            return Ok(Reconciled::AtWork);
        }
        let siblings = self.siblings(&step).await?;
        let asked = self.ask(&step, &siblings, haste).await;
        self.looks().end(id, haste, self.clock().monotonic(), asked.is_err());
        match asked {
            Ok(found) => self.judge(&step, &siblings, &found.candidates).await,
            Err(NotAsked::Manual) => Ok(Reconciled::Manual),
            Err(NotAsked::Why(why)) => {
                tracing::warn!(step = %id, "not looked up: {}", why.en);
                Ok(Reconciled::NotAsked(why))
            }
            Err(NotAsked::Failed(error)) => Err(error),
        }
    }

    /// The other open steps of the account and the time, whatever they did.
    async fn siblings(&self, step: &StepRecord) -> Result<Vec<StepRecord>, EngineError> {
        let (from, until) = StepFacts::of(step).near();
        let near = self.journal().open_steps_near(&step.id, from, until).await;
        near.map_err(EngineError::journal("reading open steps of the time"))
    }

    /// A step as a provider is told of it beside the one that it looks for.
    fn told(&self, step: &StepRecord) -> look_up::Sibling {
        let registered = self.registry().find(&step.operation).ok();
        look_up::Sibling {
            step: step.id.clone(),
            endpoint: registered.map(|registered| registered.entry.descriptor.endpoint),
            amount: step.amount,
            facts: step.look_up.clone(),
        }
    }

    /// Asks the provider, as the account that sent the step, each time when it is its turn.
    async fn ask(&self, step: &StepRecord, siblings: &[StepRecord], haste: Haste) -> Result<Found, NotAsked> {
        let patience = haste.patience();
        let line = (haste == Haste::Patient).then_some(&self.looks().line);
        let registered =
            self.registry().find(&step.operation).map_err(|rejection| NotAsked::Why(rejection.message))?;
        let (provider, entry) = (&registered.provider, registered.entry);
        if entry.descriptor.look_up == LookUp::Manual {
            return Err(NotAsked::Manual);
        }
        let account = self.accounts().of(registered, &step.who).await.map_err(|error| match error {
            NoAccount::Refused(rejection) => NotAsked::Why(rejection.message),
            NoAccount::Failed(error) => NotAsked::Failed(error),
        })?;
        let name = account_name(entry.descriptor.provider, &account);
        if name != step.account {
            return Err(NotAsked::Why(words::other_account(&step.account, &name)));
        }
        if self.accounts().is_paused(&name, &account) {
            return Err(NotAsked::Why(words::account_paused(&name)));
        }
        let wanted = Wanted {
            amount: step.amount,
            subject: step.subject.clone(),
            facts: step.look_up.clone(),
            stamp: StepFacts::of(step).stamp,
            intent_at: step.intent_at,
            until: self.clock().now(),
            siblings: siblings.iter().map(|sibling| self.told(sibling)).collect(),
            pace: pace::of(self.clone(), entry.descriptor.provider, patience, line),
        };
        let answer = tokio::time::timeout(patience, provider.look_up(entry, &account, &wanted)).await;
        match answer {
            Err(_elapsed) => Err(NotAsked::Why(words::no_answer(patience.as_secs()))),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(LookUpFailure::Manual)) => Err(NotAsked::Manual),
            Ok(Err(LookUpFailure::Unavailable(why))) => Err(NotAsked::Why(why)),
            Ok(Err(LookUpFailure::Untrusted(why))) => {
                self.tell_of_certificate(entry.descriptor.provider, &why);
                Err(NotAsked::Why(why))
            }
            Ok(Err(LookUpFailure::Refused(why))) => {
                self.pause(&name, &account);
                Err(NotAsked::Why(why))
            }
        }
    }

    /// Compares what was found with the step and with every other step, and closes what it decides.
    async fn judge(
        &self,
        step: &StepRecord,
        compared: &[StepRecord],
        candidates: &[Candidate],
    ) -> Result<Reconciled, EngineError> {
        let journal = self.journal();
        let _alone = self.looks().closing.lock().await;
        let references: Vec<String> = candidates
            .iter()
            .flat_map(|one| [Some(&one.reference), one.document.as_ref()])
            .flatten()
            .cloned()
            .collect();
        let taken = journal.references_taken(&step.account, &references, &step.id).await;
        let taken = taken.map_err(EngineError::journal("comparing references"))?;
        let sibling = |other: StepRecord| Sibling {
            facts: StepFacts::of(&other),
            compared: compared.iter().any(|before| before.id == other.id),
            id: other.id,
        };
        let siblings: Vec<Sibling> = self.siblings(step).await?.into_iter().map(sibling).collect();
        match decide(&StepFacts::of(step), candidates, &taken, &siblings) {
            Verdict::One(candidate) => self.found(step, candidate).await,
            Verdict::Several(candidates) => self.conflict(step, &candidates).await,
            Verdict::NoneFound(why) => {
                let noted = journal.note_look_up(&step.id, self.clock().now()).await;
                noted.map_err(EngineError::journal("noting a look-up"))?;
                Ok(Reconciled::NotFound(why))
            }
        }
    }

    async fn found(&self, step: &StepRecord, candidate: &Candidate) -> Result<Reconciled, EngineError> {
        let when = self.desk().local(self.clock().now());
        let mut outcome = candidate.outcome.clone();
        outcome.message = words::found(&when, &candidate.reference, &outcome.message);
        outcome.reference.get_or_insert_with(|| candidate.reference.clone());
        outcome.document = outcome.document.or_else(|| candidate.document.clone());
        outcome.amount = outcome.amount.or(candidate.amount);
        self.close(step, outcome, &[candidate]).await
    }

    async fn conflict(
        &self,
        step: &StepRecord,
        candidates: &[&Candidate],
    ) -> Result<Reconciled, EngineError> {
        let references: Vec<String> =
            candidates.iter().map(|candidate| candidate.reference.clone()).collect();
        let when = self.desk().local(self.clock().now());
        let mut outcome =
            Outcome::new(OutcomeStatus::Conflict, "conflict", words::conflict(&when, &references));
        outcome.amount = step.amount;
        let closed = self.close(step, outcome, candidates).await?;
        if closed == Reconciled::Conflict {
            // An alarm: money may have moved more than once.
            let text = words::conflict_alarm(&step.id, &references);
            self.alarm("conflict", &step.id.to_string(), &text);
        }
        Ok(closed)
    }

    async fn close(
        &self,
        step: &StepRecord,
        outcome: Outcome,
        candidates: &[&Candidate],
    ) -> Result<Reconciled, EngineError> {
        let mut evidence = json!({
            "by": "look_up",
            "looked_up": step.looked_up.saturating_add(1),
            "records": candidates.iter().map(|candidate| shown(candidate)).collect::<Vec<_>>(),
        });
        self.redactor().json(&mut evidence);
        let outcome = self.store(outcome);
        let (status, reference) = (outcome.status, outcome.reference.clone().unwrap_or_default());
        let closing = Closing {
            sealed: Vec::new(),
            outcome,
            evidence,
            actor: ACTOR.to_owned(),
            reason: REASON.to_owned(),
            by_person: false,
        };
        match self.desk().close(step, closing).await? {
            Closed::Done(_) if status == OutcomeStatus::Conflict => Ok(Reconciled::Conflict),
            Closed::Done(_) => {
                tracing::info!(step = %step.id, reference, "settled by a look-up: {status}");
                Ok(Reconciled::Closed(status))
            }
            Closed::AtWork => Ok(Reconciled::AtWork),
            Closed::Before => Ok(match self.desk().step(&step.id).await?.state {
                StepState::Over(OutcomeStatus::Conflict) => Reconciled::Conflict,
                StepState::Over(status) => Reconciled::Closed(status),
                StepState::InFlight => Reconciled::AtWork,
            }),
        }
    }
}

/// A record of the provider as it is kept beside what it decided.
fn shown(candidate: &Candidate) -> Value {
    json!({
        "reference": candidate.reference,
        "document": candidate.document,
        "at": candidate.at.map(|at| at.to_string()),
        "amount": candidate.amount.map(|amount| amount.to_string()),
        "status": candidate.outcome.status.as_str(),
        "record": candidate.evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(ordinal: u64) -> StepId {
        format!("k7mq2xd.{ordinal}.1").parse().unwrap()
    }

    #[test]
    fn one_step_is_not_looked_up_again_at_once_and_later_after_failures() {
        let looks = Looks::default();
        let at = Duration::from_secs;
        let begin = |ordinal, second| looks.begin(&step(ordinal), Haste::Patient, at(second));
        let end = |second, failed| looks.end(&step(1), Haste::Patient, at(second), failed);
        for (second, may) in [(0, true), (0, false), (9, false), (10, true)] {
            assert_eq!(begin(1, second), may, "{second}");
        }
        assert!(begin(2, 10), "another step");
        end(11, true);
        assert!(!begin(1, 40));
        assert!(begin(1, 41));
        end(41, true);
        assert!(!begin(1, 100));
        assert!(begin(1, 101));
        end(101, false);
        assert!(begin(1, 111));
    }

    #[test]
    fn looks_that_fail_in_a_hurry_do_not_put_off_the_patient_ones() {
        let looks = Looks::default();
        let at = Duration::from_secs;
        for minute in 0..10 {
            looks.end(&step(1), Haste::Hurried, at(minute * 60), true);
        }
        assert!(!looks.begin(&step(1), Haste::Hurried, at(1_000)));
        assert!(!looks.begin(&step(1), Haste::Patient, at(549)), "a moment ago");
        assert!(looks.begin(&step(1), Haste::Patient, at(550)));
        assert!(!looks.begin(&step(1), Haste::Hurried, at(559)));
        looks.end(&step(1), Haste::Patient, at(560), true);
        assert!(!looks.begin(&step(1), Haste::Patient, at(580)));
        assert!(looks.begin(&step(1), Haste::Patient, at(590)));
    }

    #[test]
    fn what_is_remembered_of_looks_stays_small() {
        let looks = Looks::default();
        for ordinal in 0..2 * LOOKS_KEPT as u64 {
            assert!(looks.begin(&step(ordinal), Haste::Patient, Duration::from_secs(ordinal)));
        }
        assert!(looks.latest.lock().unwrap().len() <= LOOKS_KEPT);
    }
}
