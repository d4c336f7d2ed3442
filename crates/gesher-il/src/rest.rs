//! The hours of rest: when charges, mails and messages had better wait, in Israel's time.
//!
//! The hours are fixed and wide, so that nothing depends on a place or a custom: from 16:00 on the eve, which is before
//! sunset all over Israel all year, until 21:00, which is after nightfall also in June.

use crate::holiday::is_rest_day;
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

/// From this hour of an eve on it rests.
pub const REST_BEGINS: Time = Time::constant(16, 0, 0, 0);
/// From this hour of the last day on work goes on.
pub const REST_ENDS: Time = Time::constant(21, 0, 0, 0);
/// Israel's time as the law of 2013 has it: summer from the Friday before the last Sunday of March, at 2, until the last
/// Sunday of October, at 2. Written out, so that no file of the machine decides it.
const ISRAEL: &str = "IST-2IDT,M3.4.4/26,M10.5.0";

/// The wall clock in Israel at an instant.
#[must_use]
pub fn israel_time(at: Timestamp) -> DateTime {
    let zone = TimeZone::posix(ISRAEL).unwrap_or(TimeZone::UTC);
    zone.to_datetime(at)
}

/// Whether work rests at this hour of Israel's wall clock: Shabbat or a festival, or the evening in which it begins.
#[must_use]
pub fn is_rest(local: DateTime) -> bool {
    let (date, time) = (local.date(), local.time());
    let next_rests = date.tomorrow().is_ok_and(is_rest_day);
    match (is_rest_day(date), next_rests) {
        (true, true) => true,
        (true, false) => time < REST_ENDS,
        (false, true) => time >= REST_BEGINS,
        (false, false) => false,
    }
}

/// Whether work rests in Israel at an instant.
#[must_use]
pub fn is_rest_at(at: Timestamp) -> bool {
    is_rest(israel_time(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instant: &str, want: bool) {
        assert_eq!(is_rest_at(instant.parse().unwrap()), want, "{instant}");
    }

    #[test]
    fn it_rests_from_friday_afternoon_until_saturday_night() {
        check("2026-03-20T15:59:59+02:00", false);
        check("2026-03-20T16:00:00+02:00", true);
        check("2026-03-21T20:59:59+02:00", true);
        check("2026-03-21T21:00:00+02:00", false);
        check("2026-03-19T23:00:00+02:00", false);
    }

    #[test]
    fn two_days_of_rest_are_one_stretch() {
        // Rosh Hashana on a Saturday and a Sunday; and Sukkot on a Saturday, the day after which is an ordinary one.
        check("2026-09-11T16:00:00+03:00", true);
        check("2026-09-12T23:30:00+03:00", true);
        check("2026-09-13T20:59:00+03:00", true);
        check("2026-09-13T21:00:00+03:00", false);
        // A festival on a weekday.
        check("2026-04-01T16:00:00+03:00", true);
        check("2026-04-02T12:00:00+03:00", true);
        check("2026-04-02T21:00:00+03:00", false);
    }

    #[test]
    fn the_hours_are_those_of_israel_whatever_the_zone_of_the_question() {
        check("2026-03-20T14:00:00Z", true);
        check("2026-03-20T13:59:59Z", false);
        // Summer time began on the 27th at 2:00; the afternoon of that Friday is three hours ahead of Greenwich.
        check("2026-03-27T13:00:00Z", true);
        check("2026-03-27T12:59:59Z", false);
        check("2026-10-23T13:00:00Z", true);
        check("2026-10-30T13:30:00Z", false);
    }

    #[test]
    fn israel_s_time_is_that_of_the_machine_s_zone_files() {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap();
        let mut at: Timestamp = "2014-01-01T00:30:00Z".parse().unwrap();
        let end: Timestamp = "2037-01-01T00:00:00Z".parse().unwrap();
        while at < end {
            assert_eq!(israel_time(at), zone.to_datetime(at), "{at}");
            at += jiff::Span::new().hours(7);
        }
    }
}
