//! The wall-clock times at which a schedule fires, in their order: the line's own times, those that moved from a day of
//! rest to a free one, and those that are left out. What an instant such a time is, is left to `ticks.rs`.
//!
//! Days and times of a line are independent of each other, so a tick that moves by whole days keeps its time, and meets
//! either a regular tick of that day or none at all. Moved ticks can therefore be found by walking back from a free day
//! over the days of rest before it, and nothing is remembered between days.

use super::calendar::{Calendar, Memo, Reason};
use super::cron::Cron;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// How far a tick moves at most. A longer row of days of rest leaves the tick out, and `gesher schedule` says so.
pub const MOVE_DAYS_MAX: usize = 62;

/// Where a tick goes that falls on a day of rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenSkipped {
    /// To the same time of the nearest free day after.
    #[default]
    Next,
    /// To the same time of the nearest free day before.
    Previous,
    /// Nowhere.
    Drop,
}

impl WhenSkipped {
    /// The choice of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "next" => Some(Self::Next),
            "previous" => Some(Self::Previous),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }

    /// Its word in the configuration.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Drop => "drop",
        }
    }

    /// The day after a day, in the direction in which a tick moves.
    fn step(self, date: Date) -> Option<Date> {
        match self {
            Self::Next => date.tomorrow().ok(),
            Self::Previous => date.yesterday().ok(),
            Self::Drop => None,
        }
    }

    fn step_back(self, date: Date) -> Option<Date> {
        match self {
            Self::Next => date.yesterday().ok(),
            Self::Previous => date.tomorrow().ok(),
            Self::Drop => None,
        }
    }
}

/// A time of the wall clock at which the schedule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// When.
    pub(super) local: DateTime,
    /// The time that the line itself names.
    pub(super) nominal: DateTime,
    /// Why it moved from there.
    pub(super) moved: Option<Reason>,
}

/// What becomes of a time that falls on a day of rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It moves to that time.
    Moves,
    /// The tick at that time stands for it.
    Meets(DateTime),
    /// It does not fire.
    Dropped,
    /// There is no free day near.
    NoFreeDay,
}

/// Line, days of rest, and what is done about them, in a zone.
pub(super) struct Slots<'a> {
    pub(super) cron: &'a Cron,
    pub(super) calendar: &'a Calendar,
    pub(super) when_skipped: WhenSkipped,
    pub(super) zone: &'a TimeZone,
}

impl Slots<'_> {
    /// The slots from `from` on, before `until`, in the order of the wall clock.
    pub(super) fn between(&self, from: DateTime, until: DateTime) -> impl Iterator<Item = Slot> {
        let days = std::iter::successors(Some(from.date()), |date| date.tomorrow().ok());
        let mut memo = Memo::default();
        let mut before = Memo::default();
        days.take_while(move |date| *date <= until.date())
            .flat_map(move |date| {
                let start = if date == from.date() { from.time() } else { Time::midnight() };
                let is_own = self.cron.fires_on(date);
                let is_open = is_own || self.may_be_moved_to(date);
                let times = is_open.then(|| self.cron.times_from(start));
                times.into_iter().flatten().map(move |time| (date, time, is_own))
            })
            .filter_map(move |(date, time, is_own)| self.slot(date, time, is_own, &mut memo, &mut before))
            .filter(move |slot| slot.local >= from)
            .take_while(move |slot| slot.local < until)
    }

    /// Whether a tick may have moved to a day that has none of its own: whether a day of the line lies behind nothing but
    /// days that rest at some time. A line of every second that is due on one day in four years has very many times
    /// that need not be looked at otherwise.
    fn may_be_moved_to(&self, free: Date) -> bool {
        let before = |date: &Date| self.when_skipped.step_back(*date);
        std::iter::successors(before(&free), before)
            .take(MOVE_DAYS_MAX)
            .take_while(|date| self.calendar.may_rest_on(*date))
            .any(|date| self.cron.fires_on(date))
    }

    fn slot(&self, date: Date, time: Time, is_own: bool, memo: &mut Memo, before: &mut Memo) -> Option<Slot> {
        let local = date.to_datetime(time);
        if self.rests(local, memo).is_some() {
            return None;
        }
        if is_own {
            return Some(Slot { local, nominal: local, moved: None });
        }
        let (nominal, reason) = self.came_from(date, time, before)?;
        Some(Slot { local, nominal, moved: Some(reason) })
    }

    /// The tick that moves to a free day that has none of its own: the nearest one behind days of rest alone.
    fn came_from(&self, free: Date, time: Time, memo: &mut Memo) -> Option<(DateTime, Reason)> {
        let mut date = free;
        for _ in 0..MOVE_DAYS_MAX {
            date = self.when_skipped.step_back(date)?;
            let local = date.to_datetime(time);
            let reason = self.rests(local, memo)?;
            if self.cron.fires_on(date) {
                return Some((local, reason));
            }
        }
        None
    }

    /// What becomes of a time of the line that rests.
    fn fate(&self, local: DateTime, memo: &mut Memo) -> Fate {
        if self.when_skipped == WhenSkipped::Drop {
            return Fate::Dropped;
        }
        let (mut date, time) = (local.date(), local.time());
        for _ in 0..MOVE_DAYS_MAX {
            let Some(next) = self.when_skipped.step(date) else { return Fate::NoFreeDay };
            date = next;
            let there = date.to_datetime(time);
            if self.rests(there, memo).is_none() {
                let is_own = self.cron.fires_on(date);
                let nearest = self.came_from(date, time, memo).map(|(nominal, _)| nominal);
                return if !is_own && nearest == Some(local) { Fate::Moves } else { Fate::Meets(there) };
            }
        }
        Fate::NoFreeDay
    }

    /// The times of the line that rest, from `from` on and before `until`, each with the reason.
    pub(super) fn resting(
        &self,
        from: DateTime,
        until: DateTime,
    ) -> impl Iterator<Item = (DateTime, Reason, Fate)> {
        let is_empty = self.calendar.is_empty();
        let days = std::iter::successors(Some(from.date()), |date| date.tomorrow().ok());
        let (mut memo, mut ahead) = (Memo::default(), Memo::default());
        days.take_while(move |date| !is_empty && *date <= until.date())
            .filter(|date| self.cron.fires_on(*date))
            .flat_map(move |date| {
                let start = if date == from.date() { from.time() } else { Time::midnight() };
                self.cron.times_from(start).map(move |time| date.to_datetime(time))
            })
            .filter(move |local| (from..until).contains(local))
            .filter_map(move |local| {
                let reason = self.rests(local, &mut memo)?;
                Some((local, reason, self.fate(local, &mut ahead)))
            })
    }

    fn rests(&self, local: DateTime, memo: &mut Memo) -> Option<Reason> {
        self.calendar.rests(local, self.zone, memo)
    }
}
