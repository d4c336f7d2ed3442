//! What is done about ticks that are due: which were missed, which meet one that is still at work, and which are made up
//! for. Pure.

use super::slots::MOVE_DAYS_MAX;
use super::ticks::{Schedule, Tick};
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// A tick that is later than this was missed: the hub was down, in trouble, or its clock was set.
pub const PUNCTUAL: SignedDuration = SignedDuration::from_secs(60);
/// Missed ticks that have a run each at once. Of more, the newest have, and the newest of the others names all of those.
pub const HELD_MAX: usize = 366;
/// Ticks that are looked through on either side of an edit of the days of rest. A schedule that has more in the days over
/// which ticks move is looked through for fewer days.
const LOOKED_THROUGH_MAX: usize = 100_000;

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
    /// Those that were missed, the oldest first. Not more than [`HELD_MAX`] of one cause.
    pub(super) missed: Vec<Tick>,
    /// The missed ones beyond those.
    pub(super) cut: Vec<Cut>,
    /// Those that are on time.
    pub(super) punctual: Vec<Tick>,
}

/// Missed ticks that are too many to have a run each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The oldest.
    pub(super) first: Tick,
    /// The newest.
    pub(super) last: Tick,
}

impl Due {
    /// Both, where all of this is older.
    pub(super) fn then(mut self, newer: Self) -> Self {
        self.missed.extend(newer.missed);
        self.cut.extend(newer.cut);
        self.punctual.extend(newer.punctual);
        self
    }
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
    let cut = missed.get(HELD_MAX).cloned().map(|last| {
        let first = schedule.next_after(until).unwrap_or_else(|| last.clone());
        Cut { first, last }
    });
    missed.truncate(HELD_MAX);
    missed.reverse();
    Due { missed, cut: cut.into_iter().collect(), punctual }
}

/// The ticks that were to come after `until` by a schedule as it was, and lie before by the same line with other rules of
/// rest. What did not come by the old rules either, such as a tick that they left out, is not among them.
pub(super) fn left_behind(was: &Schedule, is: &Schedule, until: Timestamp) -> Due {
    let reach = reach(is);
    let from = until.checked_sub(reach).unwrap_or(Timestamp::MIN);
    let end = until.checked_add(reach).unwrap_or(Timestamp::MAX);
    let pending: BTreeSet<String> =
        was.ticks_after(until).take_while(|tick| tick.at <= end).map(|tick| tick.id()).collect();
    let before = is.ticks_after(from).take_while(|tick| tick.at <= until);
    let mut missed: Vec<Tick> = before.filter(|tick| pending.contains(&tick.id())).collect();
    let older: Vec<Tick> = missed.drain(..missed.len().saturating_sub(HELD_MAX)).collect();
    let cut = older.first().zip(older.last());
    let cut = cut.map(|(first, last)| Cut { first: first.clone(), last: last.clone() });
    Due { missed, cut: cut.into_iter().collect(), punctual: Vec::new() }
}

/// How far a tick may lie from where it was before an edit: it moved as far as may be one way, and moves the other way now.
fn reach(schedule: &Schedule) -> SignedDuration {
    let times_a_day = schedule.cron.times_from(Time::midnight()).count().max(1);
    let days = (LOOKED_THROUGH_MAX / times_a_day).clamp(1, 2 * MOVE_DAYS_MAX + 1);
    SignedDuration::from_hours(i64::try_from(days).unwrap_or(1) * 24)
}

#[cfg(test)]
mod tests {
    use super::super::{Calendar, Cron, Rest, WhenSkipped};
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
        assert!(due.cut.is_empty());
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
        let cut: Vec<(String, String)> =
            due.cut.iter().map(|cut| (cut.first.at.to_string(), cut.last.at.to_string())).collect();
        // Whatever was missed has a run of its own, or lies within this.
        assert_eq!(cut, [("2026-11-01T00:00:01Z".to_owned(), "2026-11-09T03:53:24Z".to_owned())]);
        assert_eq!((due.missed.len(), due.punctual.len()), (HELD_MAX, 60));
        let all: Vec<&Tick> = due.missed.iter().chain(&due.punctual).collect();
        assert!(
            all.windows(2).all(|pair| pair[1].at.duration_since(pair[0].at) == SignedDuration::from_secs(1))
        );
        assert_eq!(all.last().unwrap().at, now);
    }

    #[test]
    fn a_tick_that_was_still_to_come_is_missed_where_another_rule_of_rest_puts_it_into_the_past() {
        use WhenSkipped::{Drop, Next, Previous};
        let resting = |line: &str, when_skipped, rests: &[Rest]| Schedule {
            calendar: Calendar::new(rests.iter().copied(), []),
            when_skipped,
            ..schedule(line)
        };
        // 1 August 2026 was a Shabbat; it is looked at in its night.
        let until = "2026-08-01T19:00:00Z".parse().unwrap();
        let (shabbat, free): (&[Rest], &[Rest]) = (&[Rest::Shabbat], &[]);
        for (line, (was, skipped), (is, skips), want) in [
            ("0 6 1 * *", (Next, shabbat), (Previous, shabbat), vec!["2026-08-01T06:00:00"]),
            ("0 6 1 * *", (Next, shabbat), (Next, free), vec!["2026-08-01T06:00:00"]),
            // Left out by either rule: that is what was asked for.
            ("0 6 1 * *", (Next, shabbat), (Drop, shabbat), vec![]),
            ("0 6 1 * *", (Drop, shabbat), (Previous, shabbat), vec![]),
            ("0 6 1 * *", (Drop, shabbat), (Next, free), vec![]),
            // It had its time by the old rule, and is to come by the new one: its name is known.
            ("0 6 1 * *", (Previous, shabbat), (Next, shabbat), vec![]),
            ("0 6 1 * *", (Next, shabbat), (Next, shabbat), vec![]),
            // What moved meets the tick of Sunday anyway.
            ("0 6 * * *", (Next, shabbat), (Previous, shabbat), vec![]),
            // One that is not for today at all.
            ("0 6 2 * *", (Next, shabbat), (Previous, shabbat), vec![]),
        ] {
            let behind = left_behind(&resting(line, was, skipped), &resting(line, is, skips), until);
            let ids: Vec<String> = behind.missed.iter().map(Tick::id).collect();
            assert_eq!(ids, want, "{line} {was:?} {skipped:?} {is:?} {skips:?}");
            assert_eq!((behind.cut.len(), behind.punctual.len()), (0, 0));
        }
    }

    #[test]
    fn what_may_move_money_is_held_by_default() {
        assert_eq!(Missed::by_default(true), Missed::Hold);
        assert_eq!(Missed::by_default(false), Missed::RunOnce);
    }
}
