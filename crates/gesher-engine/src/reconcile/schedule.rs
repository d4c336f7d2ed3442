//! When an unknown step is looked up, and how often at most. Pure: times in, a time out.

use gesher_core::OutcomeStatus;
use gesher_journal::{StepRecord, StepState};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The first looks, counted from when the step became unknown. Lists lag by seconds; what a provider does late, it does
/// within hours.
const FIRST_LOOKS: [SignedDuration; 5] = [
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
];
/// After the first looks there is one a day, for so many days. Then only a person can know more.
const LOOK_DAYS_MAX: i64 = 14;

/// The shortest time between two looks at one step, whoever asks: a row about a locked subject must not make the hub
/// ask the same again and again.
pub(super) const LOOK_PAUSE_MIN: Duration = Duration::from_secs(10);
/// The pause after the first look that failed. It doubles with each further one.
const FAILED_PAUSE_FIRST: Duration = Duration::from_secs(30);
/// The longest pause after a look that failed.
const FAILED_PAUSE_MAX: Duration = Duration::from_hours(1);

/// When an unknown step is looked up next, or none when the schedule is through or the step is not unknown. The times
/// depend on nothing but when it became unknown, so a look in between moves none of them.
#[must_use]
pub fn next_look(step: &StepRecord) -> Option<Timestamp> {
    if step.state != StepState::Over(OutcomeStatus::Unknown) {
        return None;
    }
    next(step.outcome_at.unwrap_or(step.intent_at), step.looked_up_at)
}

fn next(unknown_since: Timestamp, looked_up_at: Option<Timestamp>) -> Option<Timestamp> {
    let days = (1..=LOOK_DAYS_MAX).map(|day| SignedDuration::from_hours(24 * day));
    FIRST_LOOKS
        .into_iter()
        .chain(days)
        .filter_map(|after| unknown_since.checked_add(after).ok())
        .find(|at| looked_up_at.is_none_or(|looked_up_at| *at > looked_up_at))
}

/// How long a step is left alone after a look, given how many looks failed without one in between that did not.
pub(super) fn pause_after(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => LOOK_PAUSE_MIN,
        Some(doublings) => {
            let times = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
            FAILED_PAUSE_FIRST.saturating_mul(times).min(FAILED_PAUSE_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    /// Looks at the step whenever it is due, and answers when that was, in seconds since it became unknown.
    fn looks(first_chance: i64) -> Vec<i64> {
        let since = Timestamp::from_second(1_800_000_000).unwrap();
        let mut now = since + SignedDuration::from_secs(first_chance);
        let (mut looked, mut looks) = (None, Vec::new());
        while let Some(at) = next(since, looked) {
            now = now.max(at);
            looked = Some(now);
            looks.push(now.duration_since(since).as_secs());
        }
        looks
    }

    #[test]
    fn the_looks_become_rarer_and_end_after_two_weeks() {
        let days = (1..=14).map(|day| day * 24 * HOUR);
        let want: Vec<i64> = [30, 120, 600, HOUR, 6 * HOUR].into_iter().chain(days).collect();
        assert_eq!(looks(0), want);
    }

    #[test]
    fn a_hub_that_was_down_looks_once_for_all_that_it_missed() {
        assert_eq!(looks(2 * HOUR)[..3], [2 * HOUR, 6 * HOUR, 24 * HOUR]);
        assert_eq!(looks(100 * 24 * HOUR), [100 * 24 * HOUR]);
    }

    #[test]
    fn a_look_in_between_moves_no_other() {
        let since = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |seconds| since + SignedDuration::from_secs(seconds);
        for (looked, want) in [(0, 30), (29, 30), (30, 120), (119, 120), (700, HOUR)] {
            assert_eq!(next(since, Some(at(looked))), Some(at(want)), "{looked}");
        }
        // A clock that was ahead at the last look and was put right since.
        assert_eq!(next(since, Some(at(-500))), Some(at(30)));
    }

    #[test]
    fn failures_make_the_pauses_longer_up_to_an_hour() {
        let seconds = |failures| pause_after(failures).as_secs();
        assert_eq!([0, 1, 2, 3].map(seconds), [10, 30, 60, 120]);
        assert_eq!([8, 9, 40, u32::MAX].map(seconds), [3_600; 4]);
    }
}
