//! What the journal keeps of a schedule, and whether a schedule is still the one that it knows.
//!
//! A schedule with another line or zone is another one, and has no ticks in the past. Days of rest do not make it another
//! one, since a tick keeps its name when it moves; they are kept so that it is known which ticks were still to come when they
//! were edited.

use super::calendar::{Calendar, Rest};
use super::slots::WhenSkipped;
use super::ticks::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What the journal keeps.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    cron: String,
    clamp: bool,
    time_zone: String,
    /// None where a hub wrote it that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rests: Option<KeptRests>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptRests {
    skip: Vec<String>,
    dates: Vec<String>,
    when_skipped: String,
}

/// How what the journal knows compares with the schedule of now.
#[derive(Debug)]
pub(super) enum Before {
    /// It is the same.
    Same,
    /// Only the days of rest are others; so it was before.
    Rested(Box<Schedule>),
    /// It is another schedule.
    Another,
}

/// What the journal is to keep of a schedule.
pub(super) fn text(schedule: &Schedule) -> String {
    json!(Kept::of(schedule)).to_string()
}

/// Compares what the journal kept with a schedule.
pub(super) fn compare(kept: &str, schedule: &Schedule) -> Before {
    let Ok(was) = serde_json::from_str::<Kept>(kept) else { return Before::Another };
    let is = Kept::of(schedule);
    if (&was.cron, was.clamp, &was.time_zone) != (&is.cron, is.clamp, &is.time_zone) {
        return Before::Another;
    }
    match was.rests {
        Some(rests) if is.rests.as_ref() != Some(&rests) => Before::Rested(Box::new(rests.of(schedule))),
        _ => Before::Same,
    }
}

impl Kept {
    fn of(schedule: &Schedule) -> Self {
        let Schedule { cron, zone, calendar, when_skipped } = schedule;
        Self {
            cron: cron.text().to_owned(),
            clamp: cron.clamps(),
            time_zone: zone.iana_name().unwrap_or_default().to_owned(),
            rests: Some(KeptRests {
                skip: calendar.kinds().map(|rest| rest.as_str().to_owned()).collect(),
                dates: calendar.dates().map(|date| date.to_string()).collect(),
                when_skipped: when_skipped.as_str().to_owned(),
            }),
        }
    }
}

impl KeptRests {
    /// A schedule with these days of rest. Words of a hub that knows more of them are left out.
    fn of(&self, schedule: &Schedule) -> Schedule {
        let kinds = self.skip.iter().filter_map(|word| Rest::named(word));
        let dates = self.dates.iter().filter_map(|date| date.parse().ok());
        Schedule {
            calendar: Calendar::new(kinds, dates),
            when_skipped: WhenSkipped::named(&self.when_skipped).unwrap_or_default(),
            ..schedule.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cron;
    use super::*;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    fn schedule(line: &str, rests: &[Rest], when_skipped: WhenSkipped) -> Schedule {
        Schedule {
            cron: Cron::parse(line, false).unwrap(),
            zone: TimeZone::get("Asia/Jerusalem").unwrap(),
            calendar: Calendar::new(rests.iter().copied(), [date(2026, 9, 13)]),
            when_skipped,
        }
    }

    #[test]
    fn days_of_rest_that_were_edited_are_known_as_they_were() {
        let was = schedule("0 6 1 * *", &[Rest::Shabbat, Rest::YomTov], WhenSkipped::Next);
        let kept = text(&was);
        assert!(matches!(compare(&kept, &was), Before::Same), "{kept}");
        let free = Schedule { calendar: Calendar::default(), ..was.clone() };
        let other = Schedule { when_skipped: WhenSkipped::Previous, ..was.clone() };
        for is in [free, other] {
            let Before::Rested(read) = compare(&kept, &is) else { panic!("{kept}") };
            assert_eq!((&read.calendar, read.when_skipped), (&was.calendar, was.when_skipped));
        }
    }

    #[test]
    fn another_line_or_zone_is_another_schedule_whatever_its_days_of_rest() {
        let was = schedule("0 6 1 * *", &[Rest::Shabbat], WhenSkipped::Next);
        let kept = text(&was);
        let line = schedule("0 7 1 * *", &[Rest::Shabbat], WhenSkipped::Previous);
        let zone = Schedule { zone: TimeZone::get("Europe/Paris").unwrap(), ..was.clone() };
        for is in [&line, &zone] {
            assert!(matches!(compare(&kept, is), Before::Another), "{is:?}");
        }
        assert!(matches!(compare("", &was), Before::Another));
        // What a hub wrote that did not keep them says nothing about days of rest.
        let old = r#"{"clamp":false,"cron":"0 6 1 * *","time_zone":"Asia/Jerusalem"}"#;
        assert!(matches!(compare(old, &was), Before::Same));
    }
}
