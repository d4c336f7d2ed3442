//! Bank business days: the days on which banks in Israel settle payments, by the Supervisor of Banks' directive 402.
//!
//! Fridays and the days between are business days. Days that are named anew each time, such as a general election, are
//! in no calendar: the caller passes them as `closed`.

use crate::holiday::{Holiday, holiday_on, is_erev_shabbat, is_erev_yom_tov, is_shabbat};
use jiff::civil::{Date, Time};

/// How far a business day is looked for. Farther than any row of holidays; only a list of closed days can reach it.
const LOOK_DAYS_MAX: usize = 400;
/// Most business days that are counted at once, in either direction.
const COUNT_MAX: i32 = 2_000;
/// When a business day ends.
const DAY_ENDS: Time = Time::constant(18, 30, 0, 0);
/// When it ends on Fridays and on eves of festivals.
const SHORT_DAY_ENDS: Time = Time::constant(14, 0, 0, 0);

/// Whether banks are closed on a day for a holiday, whatever the day of the week.
#[must_use]
pub fn is_bank_holiday(date: Date) -> bool {
    let named = holiday_on(date).is_some_and(|holiday| {
        holiday.is_yom_tov()
            || matches!(holiday, Holiday::Purim | Holiday::IndependenceDay | Holiday::TishaBav)
    });
    named || date.tomorrow().is_ok_and(|next| holiday_on(next) == Some(Holiday::YomKippur))
}

/// Whether a day is a business day: no Shabbat, no bank holiday and not in `closed`.
#[must_use]
pub fn is_business_day(date: Date, closed: &[Date]) -> bool {
    !is_shabbat(date) && !is_bank_holiday(date) && !closed.contains(&date)
}

/// When a business day ends, in Israel's time; none for a day that is none.
#[must_use]
pub fn day_ends(date: Date, closed: &[Date]) -> Option<Time> {
    if !is_business_day(date, closed) {
        return None;
    }
    Some(if is_erev_shabbat(date) || is_erev_yom_tov(date) { SHORT_DAY_ENDS } else { DAY_ENDS })
}

/// The day itself when it is a business day, else the next one. None where `closed` leaves none, or dates end.
#[must_use]
pub fn on_or_after(date: Date, closed: &[Date]) -> Option<Date> {
    first(date, closed, |day| day.tomorrow().ok())
}

/// The day itself when it is a business day, else the one before.
#[must_use]
pub fn on_or_before(date: Date, closed: &[Date]) -> Option<Date> {
    first(date, closed, |day| day.yesterday().ok())
}

/// The business day that is `count` business days after `date`, or before it where `count` is negative. A `date` that is
/// no business day counts from the nearest one in the other direction, so that one day after a Shabbat is the Sunday.
/// None where `count` is out of reach.
#[must_use]
pub fn add(date: Date, count: i32, closed: &[Date]) -> Option<Date> {
    if count.unsigned_abs() > COUNT_MAX.unsigned_abs() {
        return None;
    }
    let forward = count >= 0;
    let step = |day: Date| if forward { day.tomorrow().ok() } else { day.yesterday().ok() };
    if count == 0 {
        return on_or_after(date, closed);
    }
    let mut day = date;
    for _ in 0..count.unsigned_abs() {
        day = first(step(day)?, closed, step)?;
    }
    Some(day)
}

fn first(from: Date, closed: &[Date], step: impl Fn(Date) -> Option<Date>) -> Option<Date> {
    let mut day = from;
    for _ in 0..LOOK_DAYS_MAX {
        if is_business_day(day, closed) {
            return Some(day);
        }
        day = step(day)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn banks_keep_the_days_of_the_directive() {
        let of = |year: i16| -> Vec<String> {
            let days =
                date(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|day| day.year() == year);
            days.filter(|day| is_bank_holiday(*day))
                .map(|day| format!("{:02}-{:02}", day.month(), day.day()))
                .collect()
        };
        assert_eq!(
            of(2026),
            [
                "03-03", "04-02", "04-08", "04-22", "05-22", "07-23", "09-12", "09-13", "09-20", "09-21",
                "09-26", "10-03"
            ]
        );
        assert_eq!(
            of(2027),
            [
                "03-23", "04-22", "04-28", "05-12", "06-11", "08-12", "10-02", "10-03", "10-10", "10-11",
                "10-16", "10-23"
            ]
        );
        assert_eq!(
            of(2028),
            [
                "03-12", "04-11", "04-17", "05-02", "05-31", "08-01", "09-21", "09-22", "09-29", "09-30",
                "10-05", "10-12"
            ]
        );
    }

    #[test]
    fn a_business_day_is_found_in_both_directions() {
        // Rosh Hashana of 2026 is a Saturday and a Sunday.
        assert_eq!(on_or_after(date(2026, 9, 12), &[]), Some(date(2026, 9, 14)));
        assert_eq!(on_or_before(date(2026, 9, 13), &[]), Some(date(2026, 9, 11)));
        assert_eq!(on_or_after(date(2026, 9, 14), &[]), Some(date(2026, 9, 14)));
        assert_eq!(on_or_after(date(2026, 9, 12), &[date(2026, 9, 14)]), Some(date(2026, 9, 15)));
        let closed: Vec<Date> = date(2026, 1, 1).series(jiff::Span::new().days(1)).take(500).collect();
        assert_eq!(on_or_after(date(2026, 1, 1), &closed), None);
    }

    #[test]
    fn business_days_are_counted() {
        for (from, count, want) in [
            (date(2026, 3, 26), 1, date(2026, 3, 27)),
            (date(2026, 3, 26), 2, date(2026, 3, 29)),
            (date(2026, 3, 28), 0, date(2026, 3, 29)),
            (date(2026, 3, 28), 1, date(2026, 3, 29)),
            (date(2026, 3, 28), -1, date(2026, 3, 27)),
            (date(2026, 9, 14), -1, date(2026, 9, 11)),
            (date(2026, 4, 1), 1, date(2026, 4, 3)),
        ] {
            assert_eq!(add(from, count, &[]), Some(want), "{from} {count}");
        }
        assert_eq!(add(date(2026, 3, 28), i32::MIN, &[]), None);
        assert_eq!(add(date(2026, 3, 28), 2_001, &[]), None);
    }

    #[test]
    fn a_short_day_ends_early() {
        let at = |month, day| day_ends(date(2026, month, day), &[]).map(|time| (time.hour(), time.minute()));
        assert_eq!(at(3, 26), Some((18, 30)));
        assert_eq!(at(3, 27), Some((14, 0)));
        assert_eq!(at(4, 1), Some((14, 0)));
        assert_eq!(at(4, 6), Some((18, 30)));
        assert_eq!(at(4, 2), None);
    }

    proptest! {
        #[test]
        fn counting_forth_and_back_comes_home(days in 0_i32..40_000, count in 1_i32..60) {
            let day = date(1990, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let home = on_or_after(day, &[]).unwrap();
            let away = add(home, count, &[]).unwrap();
            prop_assert!(away > home && is_business_day(away, &[]));
            prop_assert_eq!(add(away, -count, &[]), Some(home));
        }
    }
}
