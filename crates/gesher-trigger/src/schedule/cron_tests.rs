//! Lines of cron as data: the days of a year, the times of a day, and what is refused where.

use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn cron(text: &str) -> Cron {
    Cron::parse(text, false).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
}

/// The days of a year on which a line fires, as `month-day`.
fn days(cron: &Cron, year: i16) -> Vec<String> {
    let days = date(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|day| day.year() == year);
    days.filter(|day| cron.fires_on(*day)).map(|day| day.strftime("%m-%d").to_string()).collect()
}

#[track_caller]
fn check_days(text: &str, clamp: bool, year: i16, want: &[&str]) {
    assert_eq!(days(&Cron::parse(text, clamp).unwrap(), year), want, "{text}");
}

#[test]
fn the_last_day_of_a_month_is_asked_for_with_l() {
    let ends = [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30",
        "12-31",
    ];
    check_days("0 6 L * *", false, 2026, &ends);
    check_days("0 6 31 * *", true, 2026, &ends);
    check_days("0 6 29-31 2 *", true, 2026, &["02-28"]);
    check_days("0 6 29 2 *", true, 2028, &["02-29"]);
    check_days("0 6 L 2 *", false, 2028, &["02-29"]);
}

#[test]
fn without_clamp_a_late_day_has_no_shorter_month() {
    check_days("0 6 31 * *", false, 2026, &["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"]);
    check_days("0 6 30 1-3 *", false, 2026, &["01-30", "03-30"]);
    check_days("0 6 30 1-3 *", true, 2026, &["01-30", "02-28", "03-30"]);
    check_days("0 6 30 1-3 *", true, 2028, &["01-30", "02-29", "03-30"]);
}

#[test]
fn w_is_the_nearest_day_from_monday_to_friday_of_the_same_month() {
    // 15 August 2026 is a Saturday, 15 November a Sunday, 1 August a Saturday and 31 May a Sunday.
    check_days("0 6 15W 8,11 *", false, 2026, &["08-14", "11-16"]);
    check_days("0 6 1W 8 *", false, 2026, &["08-03"]);
    check_days("0 6 31W 5 *", false, 2026, &["05-29"]);
    check_days("0 6 LW 1,2,5 *", false, 2026, &["01-30", "02-27", "05-29"]);
    check_days("0 6 31W 2,5 *", true, 2026, &["02-27", "05-29"]);
}

#[test]
fn a_weekday_of_a_month_is_counted_or_the_last() {
    check_days("0 6 * 3,4 5#2", false, 2026, &["03-13", "04-10"]);
    check_days("0 6 * 3,4 FRI#5", false, 2027, &["04-30"]);
    check_days("0 6 * 3,4 sunL", false, 2026, &["03-29", "04-26"]);
    check_days("0 6 * 3 0", false, 2026, &["03-01", "03-08", "03-15", "03-22", "03-29"]);
    check_days("0 6 ? 3 7", false, 2026, &["03-01", "03-08", "03-15", "03-22", "03-29"]);
    check_days(
        "0 6 * 3 SAT-SUN",
        false,
        2026,
        &["03-01", "03-07", "03-08", "03-14", "03-15", "03-21", "03-22", "03-28", "03-29"],
    );
    // Day of the month and of the week: either.
    check_days("0 6 10 3 FRI", false, 2026, &["03-06", "03-10", "03-13", "03-20", "03-27"]);
}

#[test]
fn names_and_nicknames_are_known_in_any_case() {
    for (text, same) in [
        ("@monthly", "0 0 1 * *"),
        ("@Weekly", "0 0 * * SUN"),
        ("@yearly", "0 0 1 JAN *"),
        ("@daily", "0 0 * * *"),
        ("0 6 * mar,Sep mon-FRI", "0 6 * 3,9 1-5"),
        ("0 0 6 1 * ?", "0 6 1 * *"),
    ] {
        assert_eq!(days(&cron(text), 2026), days(&cron(same), 2026), "{text}");
    }
    assert_eq!(cron("@hourly").kind(), Kind::Interval);
    assert_eq!(cron("@daily").kind(), Kind::Fixed);
}

#[test]
fn an_interval_is_a_star_or_a_step_in_minute_or_hour() {
    for (text, kind) in [
        ("0 * * * *", Kind::Interval),
        ("* 6 * * *", Kind::Interval),
        ("*/30 1 * * *", Kind::Interval),
        ("0 8-18/2 * * *", Kind::Interval),
        ("0,30 1 * * *", Kind::Fixed),
        ("0 9-17 * * *", Kind::Fixed),
        ("*/10 30 2 * * *", Kind::Fixed),
        ("* * * * * *", Kind::Interval),
    ] {
        assert_eq!(cron(text).kind(), kind, "{text}");
    }
}

#[test]
fn a_line_that_leaves_out_months_is_told() {
    for (text, at) in [
        ("0 6 29 * *", Some(4)),
        ("0 6 1,31 * *", Some(4)),
        ("0 0 6 25-31 * *", Some(6)),
        ("0 6 */10 * *", Some(4)),
        ("0 6 30W * *", Some(4)),
        ("0 6 28 * *", None),
        ("0 6 * * *", None),
        ("0 6 L * *", None),
        ("0 6 LW * *", None),
        ("0 6 1-31 * *", None),
        ("0 6 */9 * *", None),
        ("@monthly", None),
    ] {
        assert_eq!(cron(text).leaves_out_months(), at, "{text}");
    }
    assert_eq!(Cron::parse("0 6 31 * *", true).unwrap().leaves_out_months(), None);
}

#[test]
fn what_is_no_schedule_is_refused_with_its_place() {
    for (text, at, what) in [
        ("", 0, "five fields"),
        ("0 6 1 *", 0, "this has 4"),
        ("0 0 6 1 * * 2026", 12, "seven fields"),
        ("60 6 1 * *", 0, "`60` is no minute"),
        ("0 24 1 * *", 2, "`24` is no hour"),
        ("0 6 0 * *", 4, "`0` is no day of the month"),
        ("0 6 32 * *", 4, "`32`"),
        ("0 6 1 13 *", 6, "`13` is no month"),
        ("0 6 1 * 8", 8, "`8` is no day of the week"),
        ("0 6 1 * MONDAY", 8, "`MONDAY`"),
        ("0 6 1 * SUNMON", 8, "`SUNMON`"),
        ("0 6 1,,2 * *", 6, "missing"),
        ("0 6 , * *", 4, "missing"),
        ("0 6 5-1 * *", 4, "from the smaller"),
        ("5/15 6 * * *", 0, "a step belongs to"),
        ("*/0 6 * * *", 0, "from 1 to 59"),
        ("*/60 6 * * *", 0, "from 1 to 59"),
        ("*,5 6 * * *", 0, "`*` is no minute"),
        ("0 6 * * 5#6", 8, "one to five times"),
        ("0 6 * * L", 8, "no day of the week"),
        ("0 6 L,LW * *", 6, "two days"),
        ("0 L 1 * *", 2, "`L` is no hour"),
        ("0 6 1 * +FRI", 8, "`+FRI`"),
        ("0 6 1W-5W * *", 4, "`1W-5`"),
        ("0 6 30 2 *", 4, "would never fire"),
        ("0 6 31 4,6,9,11 *", 4, "would never fire"),
        ("@often", 0, "`@often` is not known"),
        ("0 6 ש * *", 4, "`ש`"),
        ("0 6 -1 * *", 4, "`` is no"),
        ("0 6 001 * *", 4, "`001`"),
    ] {
        let fault = match Cron::parse(text, false) {
            Err(fault) => fault,
            Ok(found) => panic!("{text}: {found:?}"),
        };
        let what = what.replace("`` is no", "something is missing");
        assert_eq!(fault.at, at, "{text}: {fault:?}");
        assert!(fault.what.contains(&what), "{text}: {fault:?}");
        assert!(!fault.mend.is_empty());
    }
    assert!(Cron::parse(&"0,".repeat(200), false).unwrap_err().what.contains("256"));
    assert!(Cron::parse("0 6 30 2 *", true).is_ok());
}

#[test]
fn the_times_of_a_day_begin_where_they_are_asked_from() {
    let times = |text: &str, from: &str| -> Vec<String> {
        let from: Time = from.parse().unwrap();
        cron(text).times_from(from).map(|time| time.strftime("%H:%M:%S").to_string()).collect()
    };
    assert_eq!(times("0,30 6,18 * * *", "00:00"), ["06:00:00", "06:30:00", "18:00:00", "18:30:00"]);
    assert_eq!(times("0,30 6,18 * * *", "06:01"), ["06:30:00", "18:00:00", "18:30:00"]);
    assert_eq!(times("*/20 59 23 * * *", "23:59:20"), ["23:59:20", "23:59:40"]);
    assert_eq!(times("0 6 * * *", "06:00:01"), Vec::<String>::new());
}

proptest! {
    #[test]
    fn whatever_is_written_is_a_line_or_a_fault_with_a_place(text in "[0-9*/,#LWa-zA-Z@?+ \u{5d0}-\u{5d4}-]{0,40}", clamp: bool) {
        match Cron::parse(&text, clamp) {
            Ok(cron) => prop_assert!(!days(&cron, 2024).is_empty() || cron.fires_ever()),
            Err(fault) => prop_assert!(text.is_char_boundary(fault.at), "{fault:?}"),
        }
    }

    #[test]
    fn a_sound_line_is_read(
        minute in prop::sample::select(vec!["0", "*", "*/7", "1,5", "3-20/4"]),
        hour in prop::sample::select(vec!["6", "*", "*/5", "1,2", "22-23"]),
        day in prop::sample::select(vec!["1", "*", "L", "LW", "15W", "28-31", "*/9"]),
        month in prop::sample::select(vec!["*", "JAN", "2,8", "*/5"]),
        weekday in prop::sample::select(vec!["*", "MON-FRI", "5#3", "6L", "0,7", "1-3"]),
    ) {
        let line = format!("{minute} {hour} {day} {month} {weekday}");
        prop_assert!(Cron::parse(&line, true).is_ok(), "{line}");
        prop_assert!(Cron::parse(&format!("30 {line}"), true).is_ok(), "{line}");
    }
}
