//! Ticks as data: the nights in which clocks change, days of rest, and what holds of every schedule.

use super::super::calendar::Rest;
use super::*;
use proptest::prelude::*;

fn schedule(line: &str, rests: &[Rest], when_skipped: WhenSkipped) -> Schedule {
    Schedule {
        cron: Cron::parse(line, false).unwrap(),
        zone: TimeZone::get("Asia/Jerusalem").unwrap(),
        calendar: Calendar::new(rests.iter().copied(), []),
        when_skipped,
    }
}

fn plain(line: &str) -> Schedule {
    schedule(line, &[], WhenSkipped::Next)
}

/// The ticks of a stretch, as the instants at which they fire.
fn instants(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
    let until: Timestamp = until.parse().unwrap();
    let ticks =
        std::iter::successors(schedule.next_from(from.parse().unwrap()), |tick| schedule.next_after(tick.at));
    ticks.take_while(|tick| tick.at < until).map(|tick| tick.at.strftime("%dT%H:%M").to_string()).collect()
}

#[track_caller]
fn check(line: &str, from: &str, until: &str, want: &[&str]) {
    assert_eq!(instants(&plain(line), from, until), want, "{line}");
}

/// The night in which summer time begins: 02:00 to 02:59 of 27 March 2026 do not exist; at 00:00Z it is 03:00.
#[test]
fn a_fixed_time_that_the_clocks_skip_fires_once_at_the_first_instant_after() {
    let (from, until) = ("2026-03-26T22:00:00Z", "2026-03-27T22:00:00Z");
    check("30 2 * * *", from, until, &["27T00:00"]);
    check("0,30 2 * * *", from, until, &["27T00:00"]);
    check("0 2,3 * * *", from, until, &["27T00:00"]);
    check("0 2,4 * * *", from, until, &["27T00:00", "27T01:00"]);
    check("*/10 30 2 * * *", from, until, &["27T00:00"]);
    check("30 1 * * *", from, until, &["26T23:30"]);
    let tick = plain("30 2 * * *").next_after(from.parse().unwrap()).unwrap();
    assert_eq!(tick.nominal.to_string(), "2026-03-27T02:30:00");
    assert_eq!(tick.local.to_string(), "2026-03-27T03:00:00");
    assert!(tick.in_gap && tick.is_moved() && tick.reason().is_some());
    // Where the first instant after has a tick of its own, that is the one.
    let tick = plain("0 2,3 * * *").next_after("2026-03-26T23:30:00Z".parse().unwrap()).unwrap();
    assert!(!tick.in_gap && !tick.is_moved() && tick.id() == "2026-03-27T03:00:00");
}

#[test]
fn an_interval_follows_real_time_over_a_gap() {
    let (from, until) = ("2026-03-26T22:00:00Z", "2026-03-27T02:00:00Z");
    check("0 * * * *", from, until, &["26T22:00", "26T23:00", "27T00:00", "27T01:00"]);
    check("*/30 1,2,3 * * *", from, until, &["26T23:00", "26T23:30", "27T00:00", "27T00:30"]);
    check("*/30 2 * * *", from, until, &[]);
    let left = plain("*/30 2 * * *").left_between(from.parse().unwrap(), until.parse().unwrap());
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].local.to_string().as_str(), left[0].times), ("2026-03-27T02:00:00", 2));
    assert!(plain("0 * * * *").left_between(from.parse().unwrap(), until.parse().unwrap()).is_empty());
}

/// The night in which it ends: 01:00 to 01:59 of 25 October 2026 come twice, from 22:00Z and from 23:00Z on.
#[test]
fn a_fixed_time_that_repeats_fires_in_its_first_pass() {
    let (from, until) = ("2026-10-24T21:00:00Z", "2026-10-25T02:00:00Z");
    check("30 1 * * *", from, until, &["24T22:30"]);
    check("0,30 1 * * *", from, until, &["24T22:00", "24T22:30"]);
    check("0 2 * * *", from, until, &["25T00:00"]);
    // Asked in the second pass, nothing of the first is left.
    check("30 1 * * *", "2026-10-24T23:00:00Z", until, &[]);
}

#[test]
fn an_interval_fires_in_both_passes() {
    let (from, until) = ("2026-10-24T21:00:00Z", "2026-10-25T02:00:00Z");
    check("0 * * * *", from, until, &["24T21:00", "24T22:00", "24T23:00", "25T00:00", "25T01:00"]);
    check("*/30 1 * * *", from, until, &["24T22:00", "24T22:30", "24T23:00", "24T23:30"]);
    let ids: Vec<String> =
        plain("*/30 1 * * *").ticks_after(from.parse().unwrap()).take(4).map(|tick| tick.id()).collect();
    assert_eq!(
        ids,
        ["2026-10-25T01:00:00", "2026-10-25T01:30:00", "2026-10-25T01:00:00/2", "2026-10-25T01:30:00/2"]
    );
}

#[test]
fn a_tick_is_for_the_month_that_its_line_names() {
    // 31 January 2026 is a Shabbat: it moves to Sunday, 1 February, and is still January's.
    let next = schedule("0 6 L * *", &[Rest::Shabbat], WhenSkipped::Next);
    let tick = next.next_after("2026-01-30T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(tick.at.to_string(), "2026-02-01T04:00:00Z");
    assert_eq!((tick.period().as_str(), tick.id().as_str()), ("2026-01", "2026-01-31T06:00:00"));
    let argument = tick.argument();
    assert_eq!(argument["nominal"], "2026-01-31T06:00:00");
    assert_eq!(argument["at"], "2026-02-01T04:00:00Z");
    assert_eq!(argument["period"], "2026-01");
    assert_eq!(argument["moved"], true);
    assert_eq!(tick.reason().unwrap().en, "Shabbat");
    let previous = schedule("0 6 L * *", &[Rest::Shabbat], WhenSkipped::Previous);
    let tick = previous.next_after("2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(
        (tick.local.to_string().as_str(), tick.id().as_str()),
        ("2026-01-30T06:00:00", "2026-01-31T06:00:00")
    );
    let dropped = schedule("0 6 L * *", &[Rest::Shabbat], WhenSkipped::Drop);
    let tick = dropped.next_after("2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(tick.local.to_string(), "2026-02-28T06:00:00".replace("02-28", "03-31"));
}

#[test]
fn a_moved_tick_that_meets_another_is_the_same_tick() {
    use Rest::{Shabbat, YomTov};
    // Rosh Hashana of 2026 is a Saturday and a Sunday, 12 and 13 September.
    let from: Timestamp = "2026-09-11T00:00:00Z".parse().unwrap();
    let until: Timestamp = "2026-09-15T00:00:00Z".parse().unwrap();
    let daily = schedule("0 6 * * *", &[Shabbat, YomTov], WhenSkipped::Next);
    assert_eq!(instants(&daily, "2026-09-11T00:00:00Z", "2026-09-15T00:00:00Z"), ["11T03:00", "14T03:00"]);
    let left = daily.left_between(from, until);
    let shown: Vec<String> = left.iter().map(|left| format!("{} {}", left.local, left.reason.en)).collect();
    assert_eq!(
        shown,
        [
            "2026-09-12T06:00:00 Rosh Hashana; the tick of 2026-09-14 06:00:00 stands for it",
            "2026-09-13T06:00:00 Rosh Hashana; the tick of 2026-09-14 06:00:00 stands for it"
        ]
    );
    // Both of them move to one free day: one tick, called after the nearer.
    let both = schedule("0 6 12,13 9 *", &[Shabbat, YomTov], WhenSkipped::Next);
    let tick = both.next_after(from).unwrap();
    assert_eq!(
        (tick.local.to_string().as_str(), tick.id().as_str()),
        ("2026-09-14T06:00:00", "2026-09-13T06:00:00")
    );
    assert_eq!(both.next_after(tick.at).unwrap().local.year(), 2027);
    assert_eq!(both.left_between(from, until).len(), 1);
}

#[test]
fn a_row_of_days_of_rest_without_end_leaves_the_tick_out() {
    let days = jiff::civil::date(2026, 2, 1).series(Span::new().days(1)).take(90);
    let closed = Schedule { calendar: Calendar::new([], days), ..plain("0 6 1 * *") };
    let from: Timestamp = "2026-01-15T00:00:00Z".parse().unwrap();
    let locals: Vec<String> = closed.ticks_after(from).take(3).map(|tick| tick.local.to_string()).collect();
    // February's is 90 days from the next free day, April's is 32 days from it and moves; March's is the same tick.
    assert_eq!(locals, ["2026-05-02T06:00:00", "2026-06-01T06:00:00", "2026-07-01T06:00:00"]);
    let left = closed.left_between(from, "2026-05-03T00:00:00Z".parse().unwrap());
    let shown: Vec<&str> = left.iter().map(|left| left.reason.en.as_str()).collect();
    assert!(shown[0].contains("no free day within 62 days"), "{shown:?}");
}

#[test]
fn an_interval_rests_once_a_day_and_reason() {
    let every = schedule("*/15 * * * *", &[Rest::Shabbat], WhenSkipped::Next);
    let left =
        every.left_between("2026-03-20T00:00:00Z".parse().unwrap(), "2026-03-22T00:00:00Z".parse().unwrap());
    let shown: Vec<(String, u64)> =
        left.into_iter().map(|left| (left.local.to_string(), left.times)).collect();
    assert_eq!(shown, [("2026-03-20T16:00:00".to_owned(), 32), ("2026-03-21T00:00:00".to_owned(), 84)]);
}

#[test]
fn a_person_names_a_tick_by_its_instant_or_by_the_wall_clock() {
    let monthly = schedule("0 6 L * *", &[Rest::Shabbat], WhenSkipped::Next);
    let find = |schedule: &Schedule, text: &str| {
        Moment::parse(text).and_then(|moment| schedule.tick_at(moment)).map(|tick| tick.id())
    };
    for text in [
        "2026-02-01T04:00:00Z",
        "2026-02-01T06:00",
        "2026-02-01 06:00:00",
        "2026-01-31T06:00",
        "2026-02-01T06:00+02:00",
    ] {
        assert_eq!(find(&monthly, text).as_deref(), Some("2026-01-31T06:00:00"), "{text}");
    }
    for text in [
        "2026-02-01T06:01",
        "2026-01-31T04:00:00Z",
        "2026-02-01",
        "soon",
        "",
        "2026-02-01T06:00+99:00",
        "2026-13-01",
    ] {
        assert_eq!(find(&monthly, text), None, "{text}");
    }
    assert_eq!(find(&plain("30 2 * * *"), "2026-03-27T02:30").as_deref(), Some("2026-03-27T02:30:00"));
    assert_eq!(find(&plain("30 2 * * *"), "2026-03-27T03:00").as_deref(), Some("2026-03-27T02:30:00"));
    assert_eq!(find(&plain("0 0 * * *"), "2026-03-27").as_deref(), Some("2026-03-27T00:00:00"));
    let twice = plain("*/30 1 * * *");
    assert_eq!(find(&twice, "2026-10-25T01:30").as_deref(), Some("2026-10-25T01:30:00"));
    assert_eq!(find(&twice, "2026-10-25T01:30+02:00").as_deref(), Some("2026-10-25T01:30:00/2"));
}

#[test]
fn the_last_tick_before_an_instant_is_found() {
    let before: Timestamp = "2026-11-22T08:00:30Z".parse().unwrap();
    for (line, want) in [
        ("0 6 1 * *", "2026-11-01T04:00:00Z"),
        ("* * * * * *", "2026-11-22T08:00:29Z"),
        ("0 0 29 2 *", "2024-02-28T22:00:00Z"),
        ("* * 8 * * *", "2026-11-22T06:59:59Z"),
        ("0 6 * * *", "2026-11-22T04:00:00Z"),
    ] {
        assert_eq!(plain(line).last_before(before).unwrap().at.to_string(), want, "{line}");
    }
}

#[test]
fn ticks_end_with_the_calendar() {
    let end: Timestamp = "9999-12-30T00:00:00Z".parse().unwrap();
    for line in ["0 6 1 * *", "* * * * *"] {
        assert!(plain(line).ticks_after(end).take(5_000).count() < 4_000, "{line}");
    }
}

prop_compose! {
    fn lines()(
        minute in prop::sample::select(vec!["0", "30", "0,30", "*/20", "15-45/15"]),
        hour in prop::sample::select(vec!["6", "1,2", "2", "*", "*/6", "1-3", "17,20"]),
        day in prop::sample::select(vec!["1", "*", "L", "LW", "15W", "31", "12,13", "25"]),
        month in prop::sample::select(vec!["*", "3,9,10", "9"]),
        weekday in prop::sample::select(vec!["*", "*", "FRI", "6#2", "0L"]),
    ) -> String {
        format!("{minute} {hour} {day} {month} {weekday}")
    }
}

fn rests() -> impl Strategy<Value = Vec<Rest>> {
    prop::sample::subsequence(Rest::ALL.to_vec(), 0..=4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_tick_comes_once_in_order_and_never_on_a_day_of_rest(
        line in lines(),
        rests in rests(),
        when_skipped in prop::sample::select(vec![WhenSkipped::Next, WhenSkipped::Previous, WhenSkipped::Drop]),
        zone in prop::sample::select(vec!["Asia/Jerusalem", "America/New_York", "Australia/Lord_Howe", "UTC"]),
        days in 0_i64..1_200,
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let calendar = Calendar::new(rests, []);
        let cron = Cron::parse(&line, true).unwrap();
        let schedule = Schedule { cron, zone: zone.clone(), calendar: calendar.clone(), when_skipped };
        let from: Timestamp = "2025-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + (days * 24).hours();
        let ticks: Vec<Tick> = schedule.ticks_after(from).take(40).collect();
        prop_assert!(!ticks.is_empty() || when_skipped == WhenSkipped::Drop);
        prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
        let mut ids: Vec<String> = ticks.iter().map(Tick::id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), ticks.len());
        for tick in &ticks {
            prop_assert_eq!(zone.to_datetime(tick.at), tick.local);
            let mut memo = Default::default();
            // A tick that left a gap fires at its end, and it was free at the time that the line names.
            let asked = if tick.in_gap { tick.nominal } else { tick.local };
            if tick.moved.is_none() || !tick.in_gap {
                prop_assert!(calendar.rests(asked, &zone, &mut memo).is_none(), "{tick:?}");
            }
            prop_assert_eq!(schedule.tick_at(Moment::Instant(tick.at)), Some(tick.clone()));
            prop_assert_eq!(schedule.tick_at(Moment::Local(tick.nominal)).map(|found| found.nominal), Some(tick.nominal));
            prop_assert!(schedule.cron.fires_on(tick.nominal.date()));
        }
        // Wherever it is asked from, the same ticks follow.
        for pair in ticks.windows(2).take(6) {
            let middle = (pair[0].at.as_second() + pair[1].at.as_second()) / 2;
            let found = schedule.next_after(Timestamp::from_second(middle).unwrap());
            prop_assert_eq!(found.as_ref(), Some(&pair[1]));
            let last = schedule.last_before(pair[1].at);
            prop_assert_eq!(last.as_ref(), Some(&pair[0]));
        }
    }
}

/// Nearly two hundred million seconds lie between these two days, and none of them need be asked whether a tick moved to it.
#[test]
fn a_line_of_every_second_of_one_day_in_four_years_is_found_both_ways() {
    let leap = Schedule {
        zone: TimeZone::get("America/New_York").unwrap(),
        ..schedule("* * * 29 2 *", &[Rest::Shabbat], WhenSkipped::Previous)
    };
    let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    assert_eq!(leap.next_after(at).unwrap().id(), "2028-02-29T00:00:00");
    assert_eq!(leap.last_before(at).unwrap().id(), "2024-02-29T23:59:59");
    // The leap day of 2020 was a Shabbat, which in New York lasts from Friday 09:00: what is due between then and Saturday's
    // end of it goes back to Thursday, and the earlier times of Saturday to Friday.
    let before: Timestamp = "2020-02-27T05:00:00Z".parse().unwrap();
    assert_eq!(leap.next_after(before).unwrap().id(), "2020-02-29T09:00:00");
}

/// With days of rest that are asked about second by second, and remembered; the look back halves the time between again and again.
#[test]
fn a_line_of_very_many_seconds_of_one_day_a_year_is_found_both_ways() {
    let yearly = Schedule {
        zone: TimeZone::get("America/New_York").unwrap(),
        ..schedule("0-9 * * 14 2 *", &[Rest::Shabbat], WhenSkipped::Previous)
    };
    let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    assert_eq!(yearly.next_after(at).unwrap().id(), "2027-02-14T00:00:00");
    // That day was a Shabbat, which was over in Jerusalem by then.
    assert_eq!(yearly.last_before(at).unwrap().id(), "2026-02-14T23:59:09");
}
