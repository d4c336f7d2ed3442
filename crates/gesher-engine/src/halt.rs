//! When unknown answers stop a run: one guard a run, told every live outcome of an operation with an effect. It counts the
//! alerts of the run's scripts as well.
//!
//! It counts and says when it is enough. Taking no new items is the run's, and refusing further effects is the one
//! path's.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::flow::OnUnknown;
use gesher_core::{OutcomeStatus, RunId, StepId, Text};
use gesher_journal::{RunChange, RunState, Written};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Steps that a message names; the rest is counted.
const STEPS_NAMED_MAX: usize = 5;

/// Watches the outcomes of one run in this process.
pub(crate) struct UnknownGuard {
    run: RunId,
    rule: OnUnknown,
    seen: Mutex<Seen>,
    alerts: AtomicU32,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    /// Unknown answers since the last that was known.
    in_a_row: u32,
    /// The first of them.
    steps: Vec<StepId>,
    /// Why the run takes no new items.
    halted: Option<Text>,
}

impl UnknownGuard {
    pub(crate) fn new(run: RunId, rule: OnUnknown) -> Self {
        Self { run, rule, seen: Mutex::default(), alerts: AtomicU32::new(0) }
    }

    /// Takes note of an alert of a script. Answers how many there were before it.
    pub(crate) fn note_alert(&self) -> u32 {
        self.alerts.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes note of an outcome. Answers why the run halts when this is the outcome that halts it.
    pub(crate) fn note(&self, step: &StepId, status: OutcomeStatus) -> Option<Text> {
        let most = match self.rule {
            OnUnknown::Continue => return None,
            OnUnknown::Halt => 1,
            OnUnknown::After(most) => most.max(1),
        };
        let mut seen = self.seen();
        if !status.is_open() {
            (seen.in_a_row, seen.steps) = (0, Vec::new());
            return None;
        }
        seen.in_a_row = seen.in_a_row.saturating_add(1);
        if seen.steps.len() < STEPS_NAMED_MAX {
            seen.steps.push(step.clone());
        }
        if seen.in_a_row < most || seen.halted.is_some() {
            return None;
        }
        let why = halted(&self.run, seen.in_a_row, &seen.steps);
        seen.halted = Some(why.clone());
        Some(why)
    }

    /// Why the run takes no new items, if it takes none.
    pub(crate) fn halted(&self) -> Option<Text> {
        self.seen().halted.clone()
    }

    /// Whether the run takes no new items.
    pub(crate) fn is_halted(&self) -> bool {
        self.rule != OnUnknown::Continue && self.seen().halted.is_some()
    }

    /// Whether items at work, too, may have no further effect.
    pub(crate) fn forbids_effects(&self) -> bool {
        self.rule == OnUnknown::Halt && self.is_halted()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Takes note of a live outcome of an operation with an effect. A run that it halts is written down as halted in
    /// the same moment: whatever comes in between, the next start must not go on with it.
    pub(crate) fn note(&self, guard: &UnknownGuard, step: &StepId, status: OutcomeStatus) {
        if let Some(why) = guard.note(step, status) {
            self.alarm("run_halted", step.item.run.as_str(), &why);
            // Nobody waits for this write. Whoever works on the run again, after a failure of the store, sees it here.
            self.at_work().halting().insert(step.item.run.clone(), why.clone());
            self.write_halt(&step.item.run, &why).in_order();
        }
    }

    /// Halts a run, durably.
    pub(crate) async fn halt(&self, run: &RunId, why: &Text) -> Result<(), EngineError> {
        self.write_halt(run, why).await.map_err(EngineError::journal("halting a run"))?;
        self.at_work().halting().remove(run);
        Ok(())
    }

    /// Halts a run that was halted in this process before, where that could not be written down and rows may be left.
    /// Answers why.
    pub(crate) async fn halt_again(
        &self,
        run: &RunId,
        items_max: usize,
        has_finish: bool,
    ) -> Result<Option<Text>, EngineError> {
        let Some(why) = self.at_work().halting().get(run).cloned() else { return Ok(None) };
        let tally =
            self.journal().tally(run).await.map_err(EngineError::journal("counting a run's items"))?;
        let ended = usize::try_from(tally.items().saturating_sub(tally.queued)).unwrap_or(usize::MAX);
        if ended >= items_max && (!has_finish || tally.finish.is_some()) {
            return Ok(None);
        }
        self.halt(run, &why).await?;
        Ok(Some(why))
    }

    fn write_halt(&self, run: &RunId, why: &Text) -> Written<()> {
        let (state, message) = (Some(RunState::Halted), Some(why.get(self.language()).to_owned()));
        self.journal().change_run(
            run,
            RunChange { state, message, ..RunChange::default() },
            self.clock().now(),
        )
    }
}

/// Unknown answers would have halted a run that had nothing more to take.
pub(crate) fn none_left() -> Text {
    Text::new(
        "התקבלו תשובות שאיננו יודעים את תוצאתן, ולא נותרו שורות לעצור; יש לברר אותן אצל הספק (gesher unknown list)",
        "some answers were unknown, and no rows were left to hold back; find out about them at the provider \
         (gesher unknown list)",
    )
}

/// How many, which, and what a person does about it.
fn halted(run: &RunId, count: u32, steps: &[StepId]) -> Text {
    let names = steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = u64::from(count).saturating_sub(steps.len() as u64);
    let (he_more, en_more) = match more {
        0 => (String::new(), String::new()),
        _ => (format!(" ועוד {more}"), format!(" and {more} more")),
    };
    let (he_count, en_count) = match count {
        1 => ("תשובה אחת שאיננו יודעים את תוצאתה".to_owned(), "1 answer was unknown".to_owned()),
        _ => (
            format!("{count} תשובות ברצף שאיננו יודעים את תוצאתן"),
            format!("{count} answers in a row were unknown"),
        ),
    };
    Text::new(
        format!(
            "ההרצה נעצרה: {he_count} (צעדים {names}{he_more}). שורות חדשות אינן נלקחות. יש לברר אותן אצל הספק \
             (gesher unknown list), ואז להמשיך בפקודה gesher resume {run} או לבטל את השאר בפקודה gesher cancel {run}"
        ),
        format!(
            "the run halted: {en_count} (steps {names}{en_more}). No new rows are taken. Find out about them at the \
             provider (gesher unknown list), then go on with `gesher resume {run}`, or give the rest up with \
             `gesher cancel {run}`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeStatus::{Conflict, Declined, NotSent, Rejected, Succeeded, Unknown};

    fn run() -> RunId {
        "k7mq2xd".parse().unwrap()
    }

    fn step(ordinal: u64) -> StepId {
        StepId { item: gesher_core::ItemId { run: run(), ordinal }, position: 1 }
    }

    /// Tells the guard these outcomes; `at` is the one that halts the run, from 1.
    fn check(rule: OnUnknown, outcomes: &[OutcomeStatus], at: Option<usize>) {
        let guard = UnknownGuard::new(run(), rule);
        let halts: Vec<usize> = (1_usize..)
            .zip(outcomes)
            .filter(|(number, status)| guard.note(&step(*number as u64), **status).is_some())
            .map(|(number, _)| number)
            .collect();
        assert_eq!(halts, at.into_iter().collect::<Vec<_>>(), "{rule:?} {outcomes:?}");
        assert_eq!(guard.is_halted(), at.is_some());
        assert_eq!(guard.forbids_effects(), at.is_some() && rule == OnUnknown::Halt);
    }

    #[test]
    fn so_many_unknown_answers_in_a_row_halt_the_run_once() {
        check(OnUnknown::After(2), &[Unknown, Unknown, Unknown, Unknown], Some(2));
        check(OnUnknown::After(2), &[Unknown, Conflict], Some(2));
        check(OnUnknown::After(3), &[Unknown, Unknown], None);
        check(OnUnknown::default(), &[Unknown; 5], Some(5));
    }

    #[test]
    fn any_answer_that_is_known_begins_the_count_anew() {
        for known in [Succeeded, Declined, Rejected, NotSent] {
            check(OnUnknown::After(2), &[Unknown, known, Unknown], None);
            check(OnUnknown::After(2), &[Unknown, known, Unknown, Unknown], Some(4));
        }
    }

    #[test]
    fn halt_is_at_the_first_and_continue_is_never() {
        check(OnUnknown::Halt, &[Succeeded, Unknown, Succeeded], Some(2));
        check(OnUnknown::Continue, &[Unknown; 100], None);
    }

    #[test]
    fn the_message_says_how_many_which_and_what_to_do() {
        let guard = UnknownGuard::new(run(), OnUnknown::After(7));
        let why = (1..=7).find_map(|number| guard.note(&step(number), Unknown)).unwrap();
        for part in
            ["7 answers in a row", "k7mq2xd.5.1 and 2 more", "gesher resume k7mq2xd", "gesher cancel k7mq2xd"]
        {
            assert!(why.en.contains(part), "`{part}` is missing in: {}", why.en);
        }
        for part in ["7 תשובות ברצף", "k7mq2xd.5.1 ועוד 2", "gesher resume k7mq2xd", "gesher cancel k7mq2xd"]
        {
            assert!(why.he.contains(part), "`{part}` is missing in: {}", why.he);
        }
        assert_eq!(guard.halted(), Some(why));
    }
}
