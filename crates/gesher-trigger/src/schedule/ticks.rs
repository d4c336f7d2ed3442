//! Ticks: the instants at which a schedule fires, what each is called for ever, and why it is not where the line says.
//!
//! Fixed times: one that the clocks skip fires at the first instant after, together with all others of that gap; one that
//! repeats fires in its first pass. Intervals follow real time: between two changes of the clocks the wall clock and the
//! instants go together, so what is skipped does not fire and what repeats fires in both passes. Pure.

use super::calendar::{Calendar, Reason};
use super::cron::{Cron, HORIZON_DAYS, Kind};
use super::slots::{Fate, Slot, Slots, WhenSkipped};
use gesher_core::Text;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Value, json};

/// Changes of the clocks that an interval is followed over. No zone has more of them in the horizon.
const CHANGES_MAX: usize = 400;

/// When a flow is started: a line, its zone, and what is done about days of rest.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The line.
    pub cron: Cron,
    /// The zone of its wall clock.
    pub zone: TimeZone,
    /// The days that it leaves out.
    pub calendar: Calendar,
    /// Where a tick goes that falls on one of them.
    pub when_skipped: WhenSkipped,
}

/// One firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The time that the line names, by the wall clock of the schedule's zone.
    pub nominal: DateTime,
    /// Whether it is the second pass of a time that repeats.
    pub is_second_pass: bool,
    /// When it fires.
    pub at: Timestamp,
    /// The same by the wall clock.
    pub local: DateTime,
    /// Why it moved from its day.
    pub moved: Option<Reason>,
    /// Whether the clocks skip its time.
    pub in_gap: bool,
}

impl Tick {
    /// What it is called in its flow for ever: the time that the line names, and `/2` for the second pass of an interval.
    #[must_use]
    pub fn id(&self) -> String {
        let pass = if self.is_second_pass { "/2" } else { "" };
        format!("{}{pass}", self.nominal)
    }

    /// The same for people.
    #[must_use]
    pub fn name(&self) -> String {
        let seconds = if self.nominal.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
        let pass = if self.is_second_pass { " (2)" } else { "" };
        format!("{}{pass}", self.nominal.strftime(seconds))
    }

    /// The month that it is for, `2026-03`, wherever it moved.
    #[must_use]
    pub fn period(&self) -> String {
        format!("{:04}-{:02}", self.nominal.year(), self.nominal.month())
    }

    /// Whether it fires at another time than the line names.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.local != self.nominal
    }

    /// Why it fires at another time than the line names, or in a second pass.
    #[must_use]
    pub fn reason(&self) -> Option<Text> {
        let gap = || {
            Text::new(
                "השעון מוזז קדימה והשעה אינה קיימת באותו יום; ההפעלה ברגע הראשון שאחריה",
                "the clocks go forward and skip this time; at the first instant after it",
            )
        };
        let second = || {
            Text::new(
                "השעון מוזז אחורה והשעה חוזרת: הפעם השנייה",
                "the clocks go back: the second pass of this time",
            )
        };
        match (self.moved, self.in_gap) {
            (Some(reason), false) => Some(reason.text()),
            (Some(reason), true) => {
                let (reason, gap) = (reason.text(), gap());
                Some(Text::new(format!("{}; {}", reason.he, gap.he), format!("{}; {}", reason.en, gap.en)))
            }
            (None, true) => Some(gap()),
            (None, false) => self.is_second_pass.then(second),
        }
    }

    /// What the script gets.
    #[must_use]
    pub fn argument(&self) -> Value {
        json!({
            "nominal": self.nominal.to_string(),
            "at": self.at.to_string(),
            "period": self.period(),
            "moved": self.is_moved(),
        })
    }
}

/// A time of the line that does not fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// By the wall clock.
    pub local: DateTime,
    /// How many times in a row it stands for: those of one day that rest for one reason.
    pub times: u64,
    /// Why.
    pub reason: Text,
}

impl Schedule {
    fn slots(&self) -> Slots<'_> {
        let Self { cron, zone, calendar, when_skipped } = self;
        Slots { cron, zone, calendar, when_skipped: *when_skipped }
    }

    /// The first tick after an instant; none where the calendar ends.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Tick> {
        match self.cron.kind() {
            Kind::Fixed => self.next_fixed(after),
            Kind::Interval => self.next_interval(after),
        }
    }

    /// The ticks after an instant.
    pub fn ticks_after(&self, after: Timestamp) -> impl Iterator<Item = Tick> {
        std::iter::successors(self.next_after(after), |tick| self.next_after(tick.at))
    }

    /// The first tick at an instant or after it.
    #[must_use]
    pub fn next_from(&self, from: Timestamp) -> Option<Tick> {
        self.next_after(from.checked_sub(1.nanosecond()).unwrap_or(from))
    }

    fn next_fixed(&self, after: Timestamp) -> Option<Tick> {
        let from = self.zone.to_datetime(after);
        let slots = self.slots();
        let found = slots
            .between(from, horizon(from))
            .filter_map(|slot| Some((slot, self.first_instant(slot.local)?)));
        let mut found = found.filter(|(_, (at, _))| *at > after).peekable();
        let mut first = found.next()?;
        // What a gap skipped is one tick, and that of the first instant after it where there is one.
        while let Some(next) = found.next_if(|(_, (at, _))| *at == first.1.0) {
            if !next.1.1 {
                first = next;
            }
        }
        let (slot, (at, in_gap)) = first;
        Some(self.tick(slot, at, in_gap, false))
    }

    /// The instant of a wall-clock time in its first pass; of one that is skipped the first instant after the gap.
    fn first_instant(&self, local: DateTime) -> Option<(Timestamp, bool)> {
        let found = self.zone.to_ambiguous_timestamp(local);
        let is_gap = matches!(found.offset(), AmbiguousOffset::Gap { .. });
        let at = found.compatible().ok()?;
        if !is_gap {
            return Some((at, false));
        }
        let change = self.zone.preceding(at.checked_add(1.nanosecond()).ok()?).next();
        Some((change.map_or(at, |change| change.timestamp()), true))
    }

    fn next_interval(&self, after: Timestamp) -> Option<Tick> {
        let mut from = whole_second_after(after)?;
        let end = horizon(self.zone.to_datetime(after));
        for _ in 0..CHANGES_MAX {
            let offset = self.zone.to_offset(from);
            let change = self.zone.following(from).next().map(|change| change.timestamp());
            let until = change.map_or(end, |change| offset.to_datetime(change)).min(end);
            let slot = self.slots().between(offset.to_datetime(from), until).next();
            if let Some(slot) = slot {
                let at = offset.to_timestamp(slot.local).ok()?;
                let passes = self.zone.to_ambiguous_timestamp(slot.local);
                let is_second = passes.is_ambiguous() && passes.compatible().is_ok_and(|first| first != at);
                return Some(self.tick(slot, at, false, is_second));
            }
            from = change.filter(|_| until < end)?;
        }
        None
    }

    fn tick(&self, slot: Slot, at: Timestamp, in_gap: bool, is_second_pass: bool) -> Tick {
        let Slot { nominal, moved, .. } = slot;
        Tick { nominal, is_second_pass, at, local: self.zone.to_datetime(at), moved, in_gap }
    }

    /// The times of the line from one instant to another that do not fire, in their order.
    #[must_use]
    pub fn left_between(&self, from: Timestamp, until: Timestamp) -> Vec<Left> {
        let (from_local, until_local) = (self.zone.to_datetime(from), self.zone.to_datetime(until));
        let mut left: Vec<(Left, Option<Reason>)> = Vec::new();
        for (local, reason, fate) in self.slots().resting(from_local, until_local) {
            let Some(text) = words(reason, fate) else { continue };
            match left.last_mut() {
                // An interval rests many times a day; a fixed time is worth a line each.
                Some((last, Some(of)))
                    if self.cron.kind() == Kind::Interval
                        && *of == reason
                        && last.local.date() == local.date() =>
                {
                    last.times += 1;
                }
                _ => left.push((Left { local, times: 1, reason: text }, Some(reason))),
            }
        }
        left.extend(self.lost_in_gaps(from, until).map(|left| (left, None)));
        left.sort_by_key(|(left, _)| left.local);
        left.into_iter().map(|(left, _)| left).collect()
    }

    /// What intervals lose when the clocks go forward, where they are not due in every hour anyway; and fixed times that
    /// meet another in one gap.
    fn lost_in_gaps(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Left> {
        let changes = self.zone.following(from).map(|change| change.timestamp());
        let changes = changes.take_while(move |change| *change < until).take(CHANGES_MAX);
        changes.filter_map(|change| {
            let before = self.zone.to_offset(change.checked_sub(1.nanosecond()).ok()?);
            let (begins, ends) = (before.to_datetime(change), self.zone.to_datetime(change));
            let times = self.slots().between(begins, ends).count();
            let local = self.slots().between(begins, ends).next()?.local;
            let is_lost = self.cron.kind() == Kind::Interval && !self.fires_in_each_hour();
            is_lost.then(|| Left {
                local,
                times: u64::try_from(times).unwrap_or(u64::MAX),
                reason: Text::new(
                    "השעון מוזז קדימה והשעה אינה קיימת באותו יום",
                    "the clocks go forward and skip this time",
                ),
            })
        })
    }

    fn fires_in_each_hour(&self) -> bool {
        let mut hours: Vec<i8> = self.cron.times_from(Time::midnight()).map(|time| time.hour()).collect();
        hours.dedup();
        hours.len() == 24
    }

    /// The tick that a person means by an instant, or by a time of the wall clock: when it fires, or when the line names it.
    #[must_use]
    pub fn tick_at(&self, moment: Moment) -> Option<Tick> {
        match moment {
            Moment::Instant(at) => self.next_from(at).filter(|tick| tick.at == at),
            Moment::Local(local) => {
                let (at, _) = self.first_instant(local)?;
                let fires = self.next_from(at).filter(|tick| tick.local == local);
                fires.or_else(|| self.tick_of(local))
            }
        }
    }

    /// The tick that the line names at a time of the wall clock, wherever it moved.
    fn tick_of(&self, nominal: DateTime) -> Option<Tick> {
        let reach = Span::new().days(i64::try_from(super::slots::MOVE_DAYS_MAX + 1).ok()?);
        let (from, until) = (nominal.checked_sub(reach).ok()?, nominal.checked_add(reach).ok()?);
        let slot = self.slots().between(from, until).find(|slot| slot.nominal == nominal)?;
        let (at, _) = self.first_instant(slot.local)?;
        self.next_from(at).filter(|tick| tick.at == at && tick.nominal == nominal)
    }

    /// The last tick before an instant, looked for in growing stretches of the past.
    #[must_use]
    pub fn last_before(&self, before: Timestamp) -> Option<Tick> {
        let mut days: i64 = 1;
        while days < i64::from(HORIZON_DAYS) * 2 {
            let from = before.checked_sub((days * 24).hours()).ok()?;
            // Only the ticks of the stretch's end are of interest, and an interval may have many.
            if let Some(first) = self.next_after(from).filter(|tick| tick.at < before) {
                return Some(self.last_of_stretch(first, before));
            }
            days *= 4;
        }
        None
    }

    /// The last tick before an instant, from one that is known to be before it, by halving the time between.
    fn last_of_stretch(&self, first: Tick, before: Timestamp) -> Tick {
        let mut last = first;
        let mut end = before.as_second() + 1;
        while end - last.at.as_second() > 1 {
            let middle = last.at.as_second() + (end - last.at.as_second()) / 2;
            let found = Timestamp::from_second(middle).ok().and_then(|middle| self.next_from(middle));
            match found.filter(|tick| tick.at < before && tick.at.as_second() < end) {
                Some(tick) => last = tick,
                None => end = middle,
            }
        }
        last
    }
}

/// A time that a person wrote: with an offset it is an instant, without one a time of the schedule's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    Instant(Timestamp),
    /// A time of the wall clock.
    Local(DateTime),
}

impl Moment {
    /// Reads `2026-03-27T02:30:00+03:00`, `2026-03-27T02:30`, `2026-03-27 02:30` or `2026-03-27`, which is its midnight.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Self::Instant(at));
        }
        // A text with an offset that is no instant is a mistake, not a local time; so is one with a zone in brackets.
        let has_offset = text.get(10..).is_some_and(|rest| rest.contains(['Z', 'z', '+', '-', '[']));
        if has_offset {
            return None;
        }
        text.parse::<DateTime>()
            .ok()
            .or_else(|| text.parse::<Date>().ok().map(|date| date.to_datetime(Time::midnight())))
            .map(Self::Local)
    }

    /// The instant that it is by a zone's wall clock; of a time that is skipped the first after it.
    #[must_use]
    pub fn instant(self, schedule: &Schedule) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(at),
            Self::Local(local) => schedule.first_instant(local).map(|(at, _)| at),
        }
    }
}

fn words(reason: Reason, fate: Fate) -> Option<Text> {
    let why = reason.text();
    let with =
        |he: String, en: String| Some(Text::new(format!("{}; {he}", why.he), format!("{}; {en}", why.en)));
    match fate {
        Fate::Moves => None,
        Fate::Dropped => Some(why),
        Fate::Meets(there) => {
            let there = there.strftime("%Y-%m-%d %H:%M:%S");
            with(format!("ההפעלה של {there} באה במקומה"), format!("the tick of {there} stands for it"))
        }
        Fate::NoFreeDay => with(
            format!("אין יום פנוי בטווח של {} ימים", super::slots::MOVE_DAYS_MAX),
            format!("there is no free day within {} days", super::slots::MOVE_DAYS_MAX),
        ),
    }
}

/// Until when a tick is looked for.
fn horizon(from: DateTime) -> DateTime {
    from.checked_add(Span::new().days(HORIZON_DAYS)).unwrap_or(DateTime::MAX)
}

/// Ticks stand at whole seconds.
fn whole_second_after(at: Timestamp) -> Option<Timestamp> {
    let second = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
    Timestamp::from_second(second.checked_add(1)?).ok()
}

#[cfg(test)]
#[path = "ticks_tests.rs"]
mod tests;
