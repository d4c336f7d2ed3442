//! A cron line: on which days and at which times of day it means to fire, and of which kind it is.
//!
//! Days come from croner (`L`, `W`, `#`, both day fields); it is used without any library of time, and its own search for
//! occurrences is not: what happens when clocks change, and on days of rest, is the hub's rule (`ticks.rs`).

use super::fault::ScheduleFault;
use super::fields::{self, AT_DAY, AT_HOUR, AT_MINUTE, Entry};
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron as Pattern, Weekday};
use jiff::civil::{Date, Time};
use std::fmt;

/// Bytes of a line.
const LINE_BYTES_MAX: usize = 256;
/// Days in which a line has to fire at least once. The rarest one is a fifth weekday of a February, which may be 40 years
/// away where a century is no leap year.
pub(super) const HORIZON_DAYS: i32 = 41 * 366;
/// The days that not every month has begin with this one.
const LATE_DAY: u8 = 29;

/// Names for whole lines.
const NICKNAMES: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// What a line does when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fixed times, also several: one that is skipped fires at the first instant after, one that repeats fires once.
    Fixed,
    /// `*` or `/` in minute or hour: it follows real time.
    Interval,
}

/// A cron line that was understood.
#[derive(Clone)]
pub struct Cron {
    text: String,
    pattern: Pattern,
    kind: Kind,
    clamp: bool,
    names_late_days: bool,
    day_at: usize,
    /// The last day that is named as such, and the last one that is named with `W`.
    last_named: (u8, u8),
    hours: Vec<i8>,
    minutes: Vec<i8>,
    seconds: Vec<i8>,
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?}, clamp {})", self.text, self.clamp)
    }
}

impl Cron {
    /// Reads a line. `clamp` makes days 29 to 31 the last day of a shorter month. Total: whatever the text, it answers a
    /// line that fires at least once in 41 years, or a fault with its place.
    pub fn parse(text: &str, clamp: bool) -> Result<Self, ScheduleFault> {
        if text.len() > LINE_BYTES_MAX {
            let what = format!("a schedule has at most {LINE_BYTES_MAX} characters");
            return Err(ScheduleFault::new(0, what, "use ranges and steps"));
        }
        let lexed = fields::read(nickname(text)?)?;
        let is_interval = |at: usize| {
            let through = |entry: &Entry| matches!(entry, Entry::All | Entry::Range { is_stepped: true, .. });
            lexed.entries[at].iter().any(through)
        };
        let kind = match is_interval(AT_MINUTE) || is_interval(AT_HOUR) {
            true => Kind::Interval,
            false => Kind::Fixed,
        };
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        let pattern = parser.parse(&lexed.written).map_err(|error| {
            ScheduleFault::new(0, format!("this is no schedule: {error}"), "write such as \"0 6 1 * *\"")
        })?;
        let values = |values: Vec<u16>| -> Vec<i8> {
            values.into_iter().filter_map(|value| i8::try_from(value).ok()).collect()
        };
        let fields = &pattern.pattern;
        let (hours, minutes, seconds) =
            (values(fields.hours.values()), values(fields.minutes.values()), values(fields.seconds.values()));
        let days = &lexed.entries[AT_DAY];
        let cron = Self {
            text: text.trim().to_owned(),
            kind,
            clamp,
            names_late_days: names_late_days(days),
            day_at: lexed.day_at,
            last_named: last_named(days),
            hours,
            minutes,
            seconds,
            pattern,
        };
        match cron.fires_ever() {
            true => Ok(cron),
            false => {
                let what = "no year has such a day, so this would never fire";
                let mend =
                    "mend day and month; `clamp = true` makes days 29 to 31 the last day of a shorter month";
                Err(ScheduleFault::new(lexed.day_at, what, mend))
            }
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it does when the clocks change.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether days 29 to 31 mean the last day of a shorter month.
    #[must_use]
    pub fn clamps(&self) -> bool {
        self.clamp
    }

    /// Where the day of the month stands, if it names a day that not every month has and says nothing about the others:
    /// in some months such a line does not fire, and nobody hears of it.
    #[must_use]
    pub fn leaves_out_months(&self) -> Option<usize> {
        (self.names_late_days && !self.clamp).then_some(self.day_at)
    }

    /// Whether it fires on a day of the calendar, at the times of [`Cron::times_from`].
    pub(super) fn fires_on(&self, date: Date) -> bool {
        let (Ok(month), Ok(day)) = (u32::try_from(date.month()), u32::try_from(date.day())) else {
            return false;
        };
        let year = i32::from(date.year());
        let fields = &self.pattern.pattern;
        let in_month = year > 0 && fields.month_match(month).unwrap_or(false);
        let weekday = weekday(date);
        in_month && (fields.day_match(year, month, day, weekday).unwrap_or(false) || self.is_clamped_to(date))
    }

    /// Whether a day is the last of a month that has not all days that the line names.
    fn is_clamped_to(&self, date: Date) -> bool {
        let length = u8::try_from(date.days_in_month()).unwrap_or(u8::MAX);
        let (plain, nearest) = self.last_named;
        if !self.clamp || plain.max(nearest) <= length {
            return false;
        }
        let last = date.last_of_month();
        let last_weekday = match last.weekday() {
            jiff::civil::Weekday::Saturday => last.day() - 1,
            jiff::civil::Weekday::Sunday => last.day() - 2,
            _ => last.day(),
        };
        plain > length && date == last || nearest > length && date.day() == last_weekday
    }

    fn fires_ever(&self) -> bool {
        // A whole cycle of weekdays and leap years; what is written today is for days to come.
        let start = jiff::civil::date(2000, 1, 1);
        (0..HORIZON_DAYS)
            .any(|days| start.checked_add(jiff::Span::new().days(days)).is_ok_and(|date| self.fires_on(date)))
    }

    /// The times of a day at or after `from`, in their order.
    pub(super) fn times_from(&self, from: Time) -> impl Iterator<Item = Time> {
        let hours = self.hours.iter().copied().filter(move |hour| *hour >= from.hour());
        hours.flat_map(move |hour| {
            let from_minute = if hour == from.hour() { from.minute() } else { 0 };
            let minutes = self.minutes.iter().copied().filter(move |minute| *minute >= from_minute);
            minutes.flat_map(move |minute| {
                let is_same = hour == from.hour() && minute == from.minute();
                let from_second = if is_same { from.second() } else { 0 };
                let seconds = self.seconds.iter().copied().filter(move |second| *second >= from_second);
                seconds.filter_map(move |second| Time::new(hour, minute, second, 0).ok())
            })
        })
    }
}

fn nickname(text: &str) -> Result<&str, ScheduleFault> {
    let name = text.trim();
    if !name.starts_with('@') {
        return Ok(text);
    }
    let found = NICKNAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, line)| *line).ok_or_else(|| {
        let known: Vec<&str> = NICKNAMES.iter().map(|(known, _)| *known).collect();
        ScheduleFault::new(0, format!("`{name}` is not known here"), format!("write {}", known.join(", ")))
    })
}

fn weekday(date: Date) -> Weekday {
    match date.weekday() {
        jiff::civil::Weekday::Sunday => Weekday::Sunday,
        jiff::civil::Weekday::Monday => Weekday::Monday,
        jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
        jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
        jiff::civil::Weekday::Thursday => Weekday::Thursday,
        jiff::civil::Weekday::Friday => Weekday::Friday,
        jiff::civil::Weekday::Saturday => Weekday::Saturday,
    }
}

/// Whether some day from the 29th on is named, and not simply every day.
fn names_late_days(days: &[Entry]) -> bool {
    let (plain, nearest) = last_named(days);
    let is_every =
        days.iter().any(|entry| matches!(entry, Entry::All | Entry::Range { from: 1, to: 31, step: 1, .. }));
    !is_every && plain.max(nearest) >= LATE_DAY
}

fn last_named(days: &[Entry]) -> (u8, u8) {
    let mut last = (0, 0);
    for entry in days {
        match *entry {
            Entry::Range { from, to, step, .. } => last.0 = last.0.max(to - (to - from) % step),
            Entry::Nearest(day) => last.1 = last.1.max(day),
            Entry::All | Entry::Last | Entry::LastWeekday | Entry::Nth(..) | Entry::LastOf(_) => {}
        }
    }
    last
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
