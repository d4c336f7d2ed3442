//! Ticks that do not run: those that were missed, and those that are left out. Each has a run that says so, or is of the
//! range that such a run names.

use super::messages;
use super::rules::{Due, Missed};
use super::ticks::Tick;
use super::trigger::{Shared, Watch};
use crate::error::TriggerError;
use crate::event::BegunAs;
use gesher_core::{ItemStatus, RunId, Text};
use gesher_engine::journal::{ItemQuery, RunChange, RunRecord, RunState};

/// Items that the run of a tick has: its own, and `on_finish`.
const ITEMS_MAX: usize = 2;

impl Shared {
    /// Does about missed ticks what the rules say. Answers the run that is to be worked on.
    pub(super) async fn make_up_for(
        &self,
        watch: &Watch,
        due: &Due,
    ) -> Result<Option<(RunId, Tick)>, TriggerError> {
        let Some((latest, earlier)) = due.missed.split_last() else { return Ok(None) };
        let (name, is_cut) = (self.name(), !due.cut.is_empty());
        for cut in &due.cut {
            self.leave_out(&cut.last, &messages::cut(cut)).await?;
        }
        match self.rules.missed {
            Missed::Hold => {
                self.hold(due).await?;
                Ok(None)
            }
            Missed::RunOnce => {
                for tick in earlier {
                    self.leave_out(tick, &messages::superseded(tick, latest)).await?;
                }
                let begun = self.begin_once(latest, 0).await?;
                if !self.is_to_be_worked_on(watch, &begun).await? {
                    return Ok(None);
                }
                let (run, many) = (&begun.run, earlier.len());
                tracing::warn!(
                    flow = name, %run,
                    "the tick of {} was missed and runs now{}", latest.name(), others(many, is_cut)
                );
                Ok(Some((begun.run, latest.clone())))
            }
            Missed::Drop => {
                for tick in &due.missed {
                    self.leave_out(tick, &messages::dropped(tick)).await?;
                }
                tracing::warn!(
                    flow = name,
                    "the tick of {} was missed and is left out{}",
                    latest.name(),
                    others(earlier.len(), is_cut)
                );
                Ok(None)
            }
        }
    }

    /// Lets each missed tick wait for a person.
    async fn hold(&self, due: &Due) -> Result<(), TriggerError> {
        let mut held = Vec::new();
        for tick in &due.missed {
            let begun = self.begin_held(tick, &messages::held(tick)).await?;
            if begun.as_what == BegunAs::New {
                held.push(begun.run.to_string());
            }
        }
        self.say_held(&held, !due.cut.is_empty());
        Ok(())
    }

    /// One alert, however many they are.
    fn say_held(&self, held: &[String], is_cut: bool) {
        if held.is_empty() {
            return;
        }
        self.engine.alarm("tick_missed", self.name(), &messages::wait(held, is_cut));
    }

    /// Writes down that a tick is left out, and answers the run that says so; none where the tick has its run already. It is
    /// held for a moment before, so that no crash in between lets it run.
    pub(super) async fn leave_out(&self, tick: &Tick, why: &Text) -> Result<Option<RunId>, TriggerError> {
        let begun = self.begin_held(tick, why).await?;
        if begun.as_what != BegunAs::New {
            return Ok(None);
        }
        let message = Some(why.get(self.engine.language()).to_owned());
        let change = RunChange { state: Some(RunState::Refused), message, ..RunChange::default() };
        let changed = self.engine.journal().change_run(&begun.run, change, self.engine.clock().now()).await;
        changed.map_err(TriggerError::journal("leaving a tick out"))?;
        Ok(Some(begun.run))
    }

    /// Whether a run is over and did nothing at all: it was left out, or a person gave it up before its first step. Only
    /// such a tick may have a further run, and only where a person asks for it.
    pub(super) async fn did_nothing(&self, run: &RunRecord) -> Result<bool, TriggerError> {
        match run.state {
            RunState::Refused => return Ok(true),
            RunState::Cancelled => {}
            _ => return Ok(false),
        }
        let journal = self.engine.journal();
        let query = ItemQuery { run: run.id.clone(), status: None, after: None, limit: ITEMS_MAX + 1 };
        let items = journal.items(&query).await.map_err(TriggerError::journal("reading items"))?;
        if items.len() > ITEMS_MAX {
            return Ok(false);
        }
        for item in &items {
            let is_given_up = item.end.as_ref().is_some_and(|end| end.status == ItemStatus::Cancelled);
            let steps = journal.steps_of(&item.id).await;
            let steps = steps.map_err(TriggerError::journal("reading an item's steps"))?;
            if !is_given_up || !steps.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn others(many: usize, is_cut: bool) -> String {
    match many {
        0 => String::new(),
        many if is_cut => format!("; more than {many} before it are left out"),
        many => format!("; {many} before it are left out"),
    }
}
