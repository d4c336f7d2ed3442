//! What is done about ticks that are due: which were missed, which meet one that is still at work, and which are made up
//! for. Pure.

use super::ticks::{Schedule, Tick};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A tick that is later than this was missed: the hub was down, in trouble, or its clock was set.
pub const PUNCTUAL: SignedDuration = SignedDuration::from_secs(60);
/// Missed ticks that are held for a person at once. Of more, the newest are held, and the log says so.
pub const HELD_MAX: usize = 366;

/// What becomes of a tick that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Each waits for a person.
    Hold,
    /// The latest one runs now.
    RunOnce,
    /// None runs.
    Drop,
}

impl Missed {
    /// The choice of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "hold" => Some(Self::Hold),
            "run-once" => Some(Self::RunOnce),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }

    /// Where the configuration says nothing: what may move money is never made up for unasked.
    #[must_use]
    pub fn by_default(moves_money: bool) -> Self {
        if moves_money { Self::Hold } else { Self::RunOnce }
    }
}

/// What a tick does while the last one is at work. Two never work at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out, and that is written down.
    #[default]
    Skip,
    /// It waits its turn.
    Queue,
}

impl Overlap {
    /// The choice of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "skip" => Some(Self::Skip),
            "queue" => Some(Self::Queue),
            _ => None,
        }
    }
}

/// A schedule with what is done about its ticks.
#[derive(Clone, Debug)]
pub struct ScheduleRules {
    /// When.
    pub schedule: Schedule,
    /// What becomes of missed ticks.
    pub missed: Missed,
    /// What a tick does while the last one is at work.
    pub overlap: Overlap,
    /// A tick begins at a moment of its own within so much time; none begins at once.
    pub jitter: Duration,
}

/// The ticks that are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Those that were missed, the oldest first. Not more than [`HELD_MAX`].
    pub(super) missed: Vec<Tick>,
    /// Whether there are missed ones before those.
    pub(super) is_cut: bool,
    /// Those that are on time.
    pub(super) punctual: Vec<Tick>,
}

/// The ticks after `until` and not after `now`.
pub(super) fn due(schedule: &Schedule, until: Timestamp, now: Timestamp) -> Due {
    if now <= until {
        return Due::default();
    }
    let late = now.checked_sub(PUNCTUAL).unwrap_or(Timestamp::MIN).max(until);
    let punctual = schedule.ticks_after(late).take_while(|tick| tick.at <= now).collect();
    let mut missed = Vec::new();
    // From the latest back, since of many only the latest are of interest; one at `late` itself is late.
    let mut before = late.checked_add(jiff::Span::new().nanoseconds(1)).unwrap_or(late);
    while late > until && missed.len() <= HELD_MAX {
        let Some(tick) = schedule.last_before(before).filter(|tick| tick.at > until) else { break };
        before = tick.at;
        missed.push(tick);
    }
    let is_cut = missed.len() > HELD_MAX;
    missed.truncate(HELD_MAX);
    missed.reverse();
    Due { missed, is_cut, punctual }
}

#[cfg(test)]
mod tests {
    use super::super::{Calendar, Cron, WhenSkipped};
    use super::*;
    use jiff::tz::TimeZone;

    fn schedule(line: &str) -> Schedule {
        Schedule {
            cron: Cron::parse(line, false).unwrap(),
            zone: TimeZone::get("Asia/Jerusalem").unwrap(),
            calendar: Calendar::default(),
            when_skipped: WhenSkipped::Next,
        }
    }

    /// The ids of the missed and of the punctual ones.
    #[track_caller]
    fn check(line: &str, until: &str, now: &str, missed: &[&str], punctual: &[&str]) {
        let due = due(&schedule(line), until.parse().unwrap(), now.parse().unwrap());
        let ids = |ticks: &[Tick]| ticks.iter().map(Tick::id).collect::<Vec<_>>();
        assert_eq!((ids(&due.missed), ids(&due.punctual)), (to_owned(missed), to_owned(punctual)));
        assert!(!due.is_cut);
    }

    fn to_owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_tick_is_on_time_for_a_minute_and_then_missed() {
        let line = "0 6 * * *";
        // 6:00 in Jerusalem is 4:00 in November.
        check(line, "2026-11-02T00:00:00Z", "2026-11-02T03:59:59Z", &[], &[]);
        check(line, "2026-11-02T00:00:00Z", "2026-11-02T04:00:00Z", &[], &["2026-11-02T06:00:00"]);
        check(line, "2026-11-02T00:00:00Z", "2026-11-02T04:00:59Z", &[], &["2026-11-02T06:00:00"]);
        check(line, "2026-11-02T00:00:00Z", "2026-11-02T04:01:00Z", &["2026-11-02T06:00:00"], &[]);
        // What is dealt with is not due again, and nothing is due while the clock lies behind it.
        check(line, "2026-11-02T04:00:00Z", "2026-11-02T04:01:00Z", &[], &[]);
        check(line, "2026-11-03T00:00:00Z", "2026-11-02T04:01:00Z", &[], &[]);
    }

    #[test]
    fn a_hub_that_was_down_for_a_week_missed_each_tick_of_it() {
        check("0 6 1 * *", "2026-10-28T00:00:00Z", "2026-11-04T00:00:00Z", &["2026-11-01T06:00:00"], &[]);
        check(
            "0 6 * * 1-2",
            "2026-10-30T00:00:00Z",
            "2026-11-09T04:00:10Z",
            &["2026-11-02T06:00:00", "2026-11-03T06:00:00"],
            &["2026-11-09T06:00:00"],
        );
    }

    #[test]
    fn of_very_many_the_newest_are_kept() {
        let now: Timestamp = "2026-11-09T04:00:30Z".parse().unwrap();
        let due = due(&schedule("* * * * * *"), "2026-11-01T00:00:00Z".parse().unwrap(), now);
        assert!(due.is_cut);
        assert_eq!((due.missed.len(), due.punctual.len()), (HELD_MAX, 60));
        let all: Vec<&Tick> = due.missed.iter().chain(&due.punctual).collect();
        assert!(
            all.windows(2).all(|pair| pair[1].at.duration_since(pair[0].at) == SignedDuration::from_secs(1))
        );
        assert_eq!(all.last().unwrap().at, now);
    }

    #[test]
    fn what_may_move_money_is_held_by_default() {
        assert_eq!(Missed::by_default(true), Missed::Hold);
        assert_eq!(Missed::by_default(false), Missed::RunOnce);
    }
}
