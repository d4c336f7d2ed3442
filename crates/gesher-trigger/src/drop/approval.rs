//! Runs that wait for a person: when a file is held back, what its approval is bound to, and what becomes of it when it
//! is approved, rejected or no longer what it was.
//!
//! A held file lies in `held/`. That the run waits is durable before the file moves there, so a crash in between leaves a
//! held run whose file is put where it belongs at the next look. An approval reads the file anew; only where its bytes,
//! its rows, their total and the script are those that the person saw does the run begin, and then their total is its cap.

use super::blocks::hex;
use super::folder::Place;
use super::life::{FileOutcome, Job, Pinned};
use super::messages;
use super::trigger::DropTrigger;
use super::validate::Validation;
use crate::error::TriggerError;
use gesher_core::{Currency, Decimal, Money, RunId};
use gesher_engine::journal::{Decision, FileIdentity, RunChange, RunState};
use gesher_engine::{Engine, EngineError, Flow, FlowLimits, Terms};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

impl DropTrigger {
    /// Carries out a person's decision to let a held run begin: looks at its file again, and where it is what was agreed
    /// to, leaves the run to the watch. Where it is not, the run is held again and says why.
    pub async fn approve(&self, run: &RunId) -> Result<(), TriggerError> {
        // Whoever works on it reads the same decision.
        let Some(lease) = self.engine.take_up(run) else { return Ok(()) };
        let record = self.record(run).await?;
        if record.state == RunState::Held {
            let job = self.job(record).await?;
            self.held(job).await?;
        }
        drop(lease);
        self.look_again();
        Ok(())
    }

    /// Whether a file has to wait for a person: its validated total is above what the flow may run unasked.
    pub(super) fn must_wait(&self, found: &Validation) -> bool {
        self.flow.limits.approve_above.is_some_and(|most| found.is_above(most))
    }

    /// The flow with what a person let this run move as one more bound.
    pub(super) fn bounded(&self, pinned: &Pinned) -> Arc<Flow> {
        if pinned.approved.is_none() {
            return Arc::clone(&self.flow);
        }
        let limits = FlowLimits { approved: pinned.approved, ..self.flow.limits };
        Arc::new(Flow { limits, ..(*self.flow).clone() })
    }

    /// Makes the run wait, and puts its file with those that do.
    pub(super) async fn hold_back(&self, job: Job, found: Validation) -> Result<FileOutcome, TriggerError> {
        let terms = terms(&job.run.script, &found);
        let most = self.flow.limits.approve_above.map(|most| most.to_string()).unwrap_or_default();
        let why = messages::held(&terms.total(), &most, &job.run.id);
        let pinned = Pinned { fingerprints: Some(found.fingerprints), ..job.pinned.clone() };
        let change =
            RunChange { source: Some(pinned.to_json()), rows: Some(found.rows), ..RunChange::default() };
        let held = self.engine.hold_run(&job.run.id, &terms, &why, change).await;
        held.map_err(of_run(&job))?;
        gesher_core::failpoint!("held.told");
        let file = self.put_among_held(&job).await?;
        gesher_core::failpoint!("held.moved");
        Ok(FileOutcome::Held { file, message: self.words(&why) })
    }

    /// A held run that nobody gave up. Where a person approved it, it begins, or is held anew; without that it waits.
    pub(super) async fn held(&self, job: Job) -> Result<Option<FileOutcome>, TriggerError> {
        let approval = self.engine.approval_of(&job.run.id).await;
        if let Some(decision) = approval.map_err(of_run(&job))? {
            return self.look_at_held(job, &decision).await;
        }
        let message = job.run.message.clone().unwrap_or_default();
        let file = self.put_among_held(&job).await?;
        Ok(Some(FileOutcome::Held { file, message }))
    }

    /// Where the file of a held run lies: in `held/`, unless somebody took it away. One that a crash left in the work
    /// folder is moved.
    async fn put_among_held(&self, job: &Job) -> Result<PathBuf, TriggerError> {
        let file = job.at(Place::Held);
        if job.path.exists() && !file.exists() {
            let moved = self.move_file(&job.folder, job.path.clone(), file.clone()).await?;
            moved.map_err(TriggerError::Folder)?;
        }
        Ok(file)
    }

    /// Notes that a held run was given up before its first row: its file and its reports belong among the failed ones.
    pub(super) async fn reject(&self, job: Job) -> Result<Job, TriggerError> {
        let pinned = Pinned { rejected: true, ..job.pinned.clone() };
        let change = RunChange { source: Some(pinned.to_json()), ..RunChange::default() };
        self.change_run(&job.run.id, change).await?;
        gesher_core::failpoint!("reject.told");
        self.job(self.record(&job.run.id).await?).await
    }

    /// An approval: is the run still what the person agreed to?
    async fn look_at_held(
        &self,
        mut job: Job,
        decision: &Decision,
    ) -> Result<Option<FileOutcome>, TriggerError> {
        job.path = self.put_among_held(&job).await?;
        if !job.path.exists() {
            let why = messages::held_file_gone(&job.path.display().to_string());
            let terms = job.run.terms.clone().and_then(|terms| serde_json::from_value(terms).ok());
            let (terms, change) = (terms.unwrap_or_default(), RunChange::default());
            let void = self.engine.void_approval(decision, &terms, &why, change).await;
            return void.map(|()| None).map_err(of_run(&job));
        }
        let program = self.scripts.current();
        let found = match self.validate_job(&job, program.reads()).await? {
            Ok(found) => found,
            Err(refusal) => return self.refuse(job, refusal).await.map(Some),
        };
        gesher_core::failpoint!("approval.read");
        let script = program.script();
        let terms = terms(&script.hash, &found);
        let pinned = Pinned { fingerprints: Some(found.fingerprints), ..job.pinned.clone() };
        let Some(why) = Engine::voids(decision, &job.run, &terms) else {
            let pinned = Pinned { approved: Some(total_of(&found.totals)), ..pinned };
            let change = RunChange { source: Some(pinned.to_json()), ..RunChange::default() };
            return self.engine.approve(decision, change).await.map(|()| None).map_err(of_run(&job));
        };
        // Other bytes are another file, which may have been run before.
        let (run, now) = (&job.run.id, self.engine.clock().now());
        let identity = self.engine.journal().identify_file(run, found.sha256, now).await;
        let identity = identity.map_err(TriggerError::journal("identifying a file"))?;
        if let FileIdentity::Duplicate { run: of } = identity {
            return self.set_aside(job, of).await.map(Some);
        }
        let change = RunChange {
            source: Some(pinned.to_json()),
            rows: Some(found.rows),
            script: (script.hash != job.run.script).then_some(script),
            ..RunChange::default()
        };
        let void = self.engine.void_approval(decision, &terms, &why, change).await;
        void.map(|()| None).map_err(of_run(&job))
    }
}

fn of_run(job: &Job) -> impl FnOnce(EngineError) -> TriggerError {
    let run = job.run.id.clone();
    move |source| TriggerError::Engine { run, source }
}

/// What whoever approves a file agrees to.
fn terms(script: &str, found: &Validation) -> Terms {
    let terms = Terms {
        script: script.to_owned(),
        sha256: Some(hex(&found.sha256)),
        rows: Some(found.rows),
        ..Terms::default()
    };
    terms.with_totals(&found.totals)
}

/// The total of a file as one amount. Amount columns are in shekels, so there is no other.
fn total_of(totals: &BTreeMap<Currency, Decimal>) -> Money {
    let amount = totals.get(&Currency::ILS).copied().unwrap_or_default();
    Money { amount, currency: Currency::ILS }
}
