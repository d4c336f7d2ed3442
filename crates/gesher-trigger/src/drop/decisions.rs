//! Halted runs of a folder: which of them wait for a person, which go on by themselves, and what a person's decision
//! does to them.
//!
//! A run is halted by unknown answers, and then it waits; or by a fault of the hub, such as a folder that is gone, and
//! then it goes on once that has passed. The second kind says so in what the journal keeps for the trigger.

use super::life::{FileEnd, Pinned};
use super::messages;
use super::trigger::DropTrigger;
use crate::error::TriggerError;
use gesher_core::{RunId, Text};
use gesher_engine::journal::{RunChange, RunRecord, RunState};
use gesher_engine::{Progress, Stop};
use std::sync::atomic::Ordering;

impl DropTrigger {
    /// A run of this flow may go on. The watch takes it up at its next look, after the file that is at work.
    pub fn look_again(&self) {
        self.decided.store(true, Ordering::Release);
    }

    /// Takes a run that a person gave up, and that nobody works on, to its end. Nothing of it is sent.
    pub async fn give_up(&self, run: &RunId, stop: &Stop) -> Result<FileEnd, TriggerError> {
        let end = self.work_on(run, stop, &Progress::default()).await?;
        self.log_end(&end);
        Ok(end)
    }

    /// Whether a run is halted until a person decides.
    pub(super) async fn waits(&self, run: &RunRecord) -> Result<bool, TriggerError> {
        Ok(run.state == RunState::Halted && !Pinned::of(run)?.goes_on && !self.is_given_up(&run.id).await?)
    }

    /// Whether a person gave the rest of a run up.
    pub(super) async fn is_given_up(&self, run: &RunId) -> Result<bool, TriggerError> {
        let cancel = self.engine.cancel_of(run).await;
        let cancel = cancel.map_err(|source| TriggerError::Engine { run: run.clone(), source })?;
        Ok(cancel.is_some())
    }

    /// Halts a run until a fault of the hub has passed.
    pub(super) async fn halt_for_now(&self, run: &RunRecord, why: &Text) -> Result<(), TriggerError> {
        let pinned = Pinned { goes_on: true, ..Pinned::of(run)? };
        let change = RunChange {
            state: Some(RunState::Halted),
            message: Some(self.words(why)),
            source: Some(pinned.to_json()),
            ..RunChange::default()
        };
        self.change_run(&run.id, change).await
    }

    /// A halted run goes on: the next halt of it is its own.
    pub(super) async fn begin_again(&self, run: &RunRecord, pinned: &Pinned) -> Result<(), TriggerError> {
        let was_halted = run.state == RunState::Halted;
        if !was_halted && !pinned.goes_on {
            return Ok(());
        }
        let pinned = Pinned { goes_on: false, ..pinned.clone() };
        let change = RunChange {
            state: Some(RunState::Running),
            message: was_halted.then(|| self.words(&messages::went_on())),
            source: Some(pinned.to_json()),
            ..RunChange::default()
        };
        self.change_run(&run.id, change).await
    }
}
