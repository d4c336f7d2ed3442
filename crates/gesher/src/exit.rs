//! The exit code: what became of the command, in one number that a script can act on.

use gesher_core::ItemStatus;
use gesher_engine::journal::{RunState, Tally};

/// How a command ended. The numbers are a contract with everybody who calls the hub from a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Well,
    /// Some items were declined, rejected, invalid or incomplete.
    Partly,
    /// The command or the configuration is wrong.
    Usage,
    /// Something is `unknown`.
    Unknown,
    /// Something waits for a person, or was stopped.
    Waiting,
    /// The hub itself failed.
    Failed,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Partly => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Waiting => 4,
            Self::Failed => 5,
        }
    }

    /// Where several hold, the one that has to be acted on first: 5, 2, 3, 4, 1.
    const fn urgency(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Partly => 1,
            Self::Waiting => 2,
            Self::Unknown => 3,
            Self::Usage => 4,
            Self::Failed => 5,
        }
    }

    /// The more urgent of two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        if other.urgency() > self.urgency() { other } else { self }
    }
}

/// What a run that ended so far means for the command that started it. `is_limited` says whether a limit stopped some
/// item of it.
pub fn of_run(state: RunState, tally: &Tally, is_limited: bool) -> Exit {
    let by_state = match state {
        _ if is_limited => Exit::Waiting,
        RunState::Finished | RunState::Reporting | RunState::Duplicate => Exit::Well,
        RunState::Refused => Exit::Partly,
        RunState::Claimed | RunState::Held | RunState::Running | RunState::Halted | RunState::Cancelled => {
            Exit::Waiting
        }
    };
    ItemStatus::ALL
        .into_iter()
        .filter(|status| tally.count(*status) > 0)
        // What the script does after the last row can fail as a row can.
        .chain(tally.finish)
        .fold(by_state, |exit, status| exit.and(of_item(status)))
}

/// What a run means for somebody who only looks at it: one that is at work is in order.
pub fn of_shown(state: RunState, tally: &Tally, is_limited: bool) -> Exit {
    match state {
        RunState::Claimed | RunState::Running => Exit::Well,
        _ => of_run(state, tally, is_limited),
    }
}

/// A duplicate or skipped row has nothing left to do.
fn of_item(status: ItemStatus) -> Exit {
    match status {
        ItemStatus::Succeeded | ItemStatus::Duplicate | ItemStatus::Skipped => Exit::Well,
        ItemStatus::Declined
        | ItemStatus::Invalid
        | ItemStatus::Rejected
        | ItemStatus::NotSent
        | ItemStatus::Incomplete => Exit::Partly,
        ItemStatus::Unknown => Exit::Unknown,
        ItemStatus::Cancelled => Exit::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::journal::TallyLine;

    #[track_caller]
    fn check(state: RunState, statuses: &[ItemStatus], want: u8) {
        let ended =
            statuses.iter().map(|status| (*status, TallyLine { items: 1, ..TallyLine::default() })).collect();
        assert_eq!(
            of_run(state, &Tally { ended, ..Tally::default() }, false).code(),
            want,
            "{state:?} {statuses:?}"
        );
    }

    #[test]
    fn the_code_is_that_of_what_must_be_acted_on_first() {
        use ItemStatus::{
            Cancelled, Declined, Duplicate, Incomplete, Invalid, NotSent, Rejected, Skipped, Succeeded,
            Unknown,
        };
        check(RunState::Finished, &[], 0);
        check(RunState::Finished, &[Succeeded, Duplicate, Skipped], 0);
        for status in [Declined, Invalid, Rejected, NotSent, Incomplete] {
            check(RunState::Finished, &[Succeeded, status], 1);
        }
        check(RunState::Finished, &[Cancelled, Declined], 4);
        check(RunState::Finished, &[Cancelled, Unknown, Declined], 3);
        check(RunState::Halted, &[Declined], 4);
        check(RunState::Halted, &[Unknown], 3);
        check(RunState::Refused, &[], 1);
        check(RunState::Duplicate, &[], 0);
    }

    #[test]
    fn a_limit_that_stopped_items_outweighs_all_but_an_unknown() {
        for (other, want) in [(ItemStatus::Declined, 4), (ItemStatus::Unknown, 3)] {
            let line = TallyLine { items: 1, ..TallyLine::default() };
            let ended = [(ItemStatus::NotSent, line.clone()), (other, line)].into();
            let tally = Tally { ended, ..Tally::default() };
            assert_eq!(of_run(RunState::Finished, &tally, true).code(), want);
            assert_eq!(of_shown(RunState::Finished, &tally, true).code(), want);
            assert_eq!(of_shown(RunState::Running, &tally, true).code(), 0);
        }
    }

    #[test]
    fn a_run_at_work_is_in_order_to_look_at_and_one_that_halted_is_not() {
        for (state, want) in [
            (RunState::Claimed, 0),
            (RunState::Running, 0),
            (RunState::Held, 4),
            (RunState::Halted, 4),
            (RunState::Cancelled, 4),
            (RunState::Refused, 1),
            (RunState::Finished, 0),
        ] {
            assert_eq!(of_shown(state, &Tally::default(), false).code(), want, "{state:?}");
        }
    }

    #[test]
    fn the_end_of_a_run_counts_as_its_rows_do() {
        for (finish, want) in [(None, 0), (Some(ItemStatus::Succeeded), 0), (Some(ItemStatus::Rejected), 1)] {
            assert_eq!(
                of_run(RunState::Finished, &Tally { finish, ..Tally::default() }, false).code(),
                want,
                "{finish:?}"
            );
        }
    }

    #[test]
    fn precedence_is_five_two_three_four_one() {
        let order = [Exit::Failed, Exit::Usage, Exit::Unknown, Exit::Waiting, Exit::Partly, Exit::Well];
        for (at, first) in order.iter().enumerate() {
            for later in &order[at..] {
                assert_eq!((first.and(*later), later.and(*first)), (*first, *first));
            }
        }
    }
}
