//! On which days and in which hours a schedule does not fire: Shabbat, festivals, their eves, bank holidays, dates of
//! people's own. Where a tick goes instead is left to `slots.rs`.
//!
//! Shabbat and festivals rest in Jerusalem's time, from 16:00 on the eve, which is before candle lighting all year, until
//! 21:00, which is after nightfall also in June: `gesher_il::rest`. An eve, a bank holiday and a date of one's own are
//! whole days. The eves are those of festivals and of Shabbat alike.

use super::fault::ScheduleFault;
use gesher_core::Text;
use gesher_il::business::is_bank_holiday;
use gesher_il::holiday::{Holiday, holiday_on, is_erev_shabbat, is_erev_yom_tov, is_shabbat};
use gesher_il::rest::{REST_BEGINS, REST_ENDS, israel_time};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// Bytes of a file of dates.
pub const DATES_BYTES_MAX: u64 = 1 << 20;

/// Zones whose wall clock is Israel's, so that nothing has to be converted.
const ISRAEL_ZONES: &[&str] = &["Asia/Jerusalem", "Asia/Tel_Aviv", "Israel"];

/// A kind of day that a schedule leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// `shabbat`
    Shabbat,
    /// `yom-tov`
    YomTov,
    /// `erev`
    Erev,
    /// `bank-holidays`
    BankHolidays,
}

impl Rest {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Shabbat, Self::YomTov, Self::Erev, Self::BankHolidays];

    /// Its word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shabbat => "shabbat",
            Self::YomTov => "yom-tov",
            Self::Erev => "erev",
            Self::BankHolidays => "bank-holidays",
        }
    }

    /// The kind of that word; any other word is the name of a file.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rest| rest.as_str() == word)
    }
}

/// Why a schedule does not fire at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is Shabbat.
    Shabbat,
    /// It is a festival.
    Festival(Holiday),
    /// Shabbat begins in the evening.
    EveOfShabbat,
    /// A festival begins in the evening.
    EveOf(Holiday),
    /// Banks are closed.
    Banks(Holiday),
    /// Banks are closed on the eve of a holiday as well.
    BanksOnEveOf(Holiday),
    /// The date stands in a file of the hub's own.
    Listed,
}

impl Reason {
    /// For people.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Shabbat => Text::new("שבת", "Shabbat"),
            Self::Festival(day) => Text::new(day.he(), day.en()),
            Self::EveOfShabbat => Text::new("ערב שבת", "the eve of Shabbat"),
            Self::EveOf(day) => Text::new(format!("ערב {}", day.he()), format!("the eve of {}", day.en())),
            Self::Banks(day) => Text::new(
                format!("יום שבו הבנקים סגורים: {}", day.he()),
                format!("a bank holiday: {}", day.en()),
            ),
            Self::BanksOnEveOf(day) => Text::new(
                format!("יום שבו הבנקים סגורים: ערב {}", day.he()),
                format!("a bank holiday: the eve of {}", day.en()),
            ),
            Self::Listed => Text::new("תאריך ברשימת הימים של המערכת", "a date in the hub's own list"),
        }
    }
}

/// The days that a schedule leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    rests: BTreeSet<Rest>,
    dates: BTreeSet<Date>,
}

/// What rests on one day in Israel: all of it, its beginning, its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DayRest {
    whole: Option<Reason>,
    until_night: Option<Reason>,
    from_eve: Option<Reason>,
}

impl DayRest {
    fn at(&self, time: Time) -> Option<Reason> {
        let until = self.until_night.filter(|_| time < REST_ENDS);
        let from = self.from_eve.filter(|_| time >= REST_BEGINS);
        until.or(from).or(self.whole)
    }
}

/// Days that a memo keeps: those among which a tick moves, as a rule.
const MEMO_DAYS: usize = 8;

/// What was asked about last: a schedule of every second asks about each day and each minute many times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memo {
    /// What rests on a day in Israel, in the place of its number.
    days: [Option<(Date, DayRest)>; MEMO_DAYS],
    /// A minute of the wall clock, and the same in Israel.
    minute: Option<(DateTime, DateTime)>,
}

impl Memo {
    /// As [`in_israel`] says it. Clocks change at whole minutes, and where two of them are apart by whole minutes, their
    /// seconds go together.
    fn in_israel(&mut self, local: DateTime, zone: &TimeZone) -> DateTime {
        let minute_of = |at: DateTime| at.date().at(at.hour(), at.minute(), 0, 0);
        let (minute, into) = (minute_of(local), (local.second(), local.subsec_nanosecond()));
        if let Some((_, there)) = self.minute.filter(|(known, _)| *known == minute) {
            return there.date().at(there.hour(), there.minute(), into.0, into.1);
        }
        let there = in_israel(local, zone);
        if (there.second(), there.subsec_nanosecond()) == into {
            self.minute = Some((minute, minute_of(there)));
        }
        there
    }

    fn day(&mut self, date: Date, look: impl FnOnce(Date) -> DayRest) -> DayRest {
        let place = usize::try_from(date.day()).unwrap_or(0) % MEMO_DAYS;
        match self.days.get(place) {
            Some(Some((known, day))) if *known == date => *day,
            _ => {
                let day = look(date);
                if let Some(kept) = self.days.get_mut(place) {
                    *kept = Some((date, day));
                }
                day
            }
        }
    }
}

impl Calendar {
    /// The days of these kinds, and the dates of people's own.
    #[must_use]
    pub fn new(rests: impl IntoIterator<Item = Rest>, dates: impl IntoIterator<Item = Date>) -> Self {
        Self { rests: rests.into_iter().collect(), dates: dates.into_iter().collect() }
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rests.is_empty() && self.dates.is_empty()
    }

    /// The kinds of days.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Rest> {
        self.rests.iter().copied()
    }

    /// The dates of people's own.
    pub(super) fn dates(&self) -> impl Iterator<Item = Date> {
        self.dates.iter().copied()
    }

    /// Why nothing fires at a time of the wall clock of `zone`; none where it may.
    pub(super) fn rests(&self, local: DateTime, zone: &TimeZone, memo: &mut Memo) -> Option<Reason> {
        if self.dates.contains(&local.date()) {
            return Some(Reason::Listed);
        }
        if self.rests.is_empty() {
            return None;
        }
        let israel = memo.in_israel(local, zone);
        memo.day(israel.date(), |date| self.day(date)).at(israel.time())
    }

    /// Whether anything may rest at some time of a date, whatever zone it is a date of: no clock is a day apart from that of
    /// Israel.
    pub(super) fn may_rest_on(&self, date: Date) -> bool {
        let near = [date.yesterday().ok(), Some(date), date.tomorrow().ok()];
        self.dates.contains(&date)
            || !self.rests.is_empty()
                && near.into_iter().flatten().any(|date| self.day(date) != DayRest::default())
    }

    fn day(&self, date: Date) -> DayRest {
        let keeps = |rest: Rest| self.rests.contains(&rest);
        let tomorrow = date.tomorrow().ok();
        let festival = |date: Option<Date>| {
            date.and_then(holiday_on)
                .filter(|day| keeps(Rest::YomTov) && day.is_yom_tov())
                .map(Reason::Festival)
        };
        let shabbat = |is_one: bool| (is_one && keeps(Rest::Shabbat)).then_some(Reason::Shabbat);
        let eve = || match tomorrow.and_then(holiday_on) {
            _ if !keeps(Rest::Erev) => None,
            Some(day) if is_erev_yom_tov(date) => Some(Reason::EveOf(day)),
            _ if is_erev_shabbat(date) => Some(Reason::EveOfShabbat),
            _ => None,
        };
        let banks = || match (holiday_on(date), tomorrow.and_then(holiday_on)) {
            _ if !keeps(Rest::BankHolidays) || !is_bank_holiday(date) => None,
            (Some(day), _) => Some(Reason::Banks(day)),
            (None, next) => next.map(Reason::BanksOnEveOf),
        };
        DayRest {
            until_night: festival(Some(date)).or_else(|| shabbat(is_shabbat(date))),
            from_eve: festival(tomorrow).or_else(|| shabbat(is_erev_shabbat(date))),
            whole: eve().or_else(banks),
        }
    }
}

/// The wall clock in Israel when that of `zone` shows `local`.
fn in_israel(local: DateTime, zone: &TimeZone) -> DateTime {
    if zone.iana_name().is_some_and(|name| ISRAEL_ZONES.contains(&name)) {
        return local;
    }
    match zone.to_ambiguous_timestamp(local).compatible() {
        Ok(at) => israel_time(at),
        // Beyond the last date that there is; nothing fires there.
        Err(_) => local,
    }
}

/// Reads a file of dates: one a line as `2026-09-13`, `#` begins a comment. The place in a fault is in bytes.
pub fn read_dates(text: &str) -> Result<BTreeSet<Date>, ScheduleFault> {
    let mut dates = BTreeSet::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.split('#').next().unwrap_or_default();
        let word = words.trim().trim_start_matches('\u{feff}');
        if !word.is_empty() {
            let begins = at + words.find(word).unwrap_or(0);
            dates.insert(iso_date(word).ok_or_else(|| {
                let what = match word.chars().count() {
                    0..=40 => format!("`{word}` is no date"),
                    _ => "this is no date".to_owned(),
                };
                ScheduleFault::new(
                    begins,
                    what,
                    "write one date a line, such as 2026-09-13; `#` begins a comment",
                )
            })?);
        }
        at += line.len();
    }
    Ok(dates)
}

/// `2026-09-13` and nothing else.
fn iso_date(word: &str) -> Option<Date> {
    let is_shaped = word.len() == 10
        && word.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_shaped { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(calendar: &Calendar, text: &str) -> Option<Reason> {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap();
        calendar.rests(text.parse().unwrap(), &zone, &mut Memo::default())
    }

    #[track_caller]
    fn check(rests: &[Rest], local: &str, want: Option<Reason>) {
        assert_eq!(at(&Calendar::new(rests.iter().copied(), []), local), want, "{rests:?} {local}");
    }

    #[test]
    fn shabbat_rests_from_before_candle_lighting_until_after_nightfall() {
        use Rest::Shabbat;
        check(&[Shabbat], "2026-03-20T15:59:59", None);
        check(&[Shabbat], "2026-03-20T16:00", Some(Reason::Shabbat));
        check(&[Shabbat], "2026-03-21T06:00", Some(Reason::Shabbat));
        check(&[Shabbat], "2026-03-21T20:59:59", Some(Reason::Shabbat));
        check(&[Shabbat], "2026-03-21T21:00", None);
        // Rosh Hashana follows this Shabbat, and only festivals know of that.
        check(&[Shabbat], "2026-09-12T22:00", None);
        check(&[Shabbat], "2026-09-13T06:00", None);
        check(&[], "2026-03-21T06:00", None);
    }

    #[test]
    fn a_festival_is_called_by_its_name() {
        use Rest::{Shabbat, YomTov};
        check(&[YomTov], "2026-09-20T16:00", Some(Reason::Festival(Holiday::YomKippur)));
        check(&[YomTov], "2026-09-21T20:59", Some(Reason::Festival(Holiday::YomKippur)));
        check(&[YomTov], "2026-09-21T21:00", None);
        check(&[YomTov], "2026-09-27T12:00", None);
        check(&[YomTov], "2026-03-21T06:00", None);
        // Shavuot on a Friday, with Shabbat behind it.
        check(&[Shabbat, YomTov], "2026-05-22T17:00", Some(Reason::Festival(Holiday::Shavuot)));
        check(&[Shabbat, YomTov], "2026-05-22T22:00", Some(Reason::Shabbat));
        check(&[Shabbat, YomTov], "2026-09-12T22:00", Some(Reason::Festival(Holiday::RoshHashana)));
    }

    #[test]
    fn an_eve_is_a_whole_day_before_a_festival_or_shabbat() {
        use Rest::Erev;
        check(&[Erev], "2026-09-20T00:00", Some(Reason::EveOf(Holiday::YomKippur)));
        check(&[Erev], "2026-09-18T06:00", Some(Reason::EveOfShabbat));
        check(&[Erev], "2026-09-11T06:00", Some(Reason::EveOf(Holiday::RoshHashana)));
        // Between two days of one festival is no eve.
        check(&[Erev], "2026-09-12T06:00", None);
        check(&[Erev], "2026-09-21T06:00", None);
    }

    #[test]
    fn bank_holidays_are_those_of_the_directive() {
        use Rest::BankHolidays;
        check(&[BankHolidays], "2026-03-03T06:00", Some(Reason::Banks(Holiday::Purim)));
        check(&[BankHolidays], "2026-09-20T06:00", Some(Reason::BanksOnEveOf(Holiday::YomKippur)));
        check(&[BankHolidays], "2026-03-21T06:00", None);
        check(&[BankHolidays], "2026-09-11T06:00", None);
    }

    #[test]
    fn rest_is_that_of_jerusalem_whatever_the_zone_of_the_hub() {
        let calendar = Calendar::new([Rest::Shabbat], [date(2026, 3, 18)]);
        let zone = TimeZone::get("America/New_York").unwrap();
        let rests = |text: &str| calendar.rests(text.parse().unwrap(), &zone, &mut Memo::default());
        // Summer time began in New York and not yet in Israel: six hours between them.
        assert_eq!(rests("2026-03-20T09:59"), None);
        assert_eq!(rests("2026-03-20T10:00"), Some(Reason::Shabbat));
        assert_eq!(rests("2026-03-21T14:59"), Some(Reason::Shabbat));
        assert_eq!(rests("2026-03-21T15:00"), None);
        // A date of one's own is one of the hub's zone.
        assert_eq!(rests("2026-03-18T23:59"), Some(Reason::Listed));
    }

    #[test]
    fn a_file_of_dates_is_read_and_its_faults_are_placed() {
        let text = "\u{feff}# closed\r\n2026-09-13 # inventory\n\n  2026-10-01\n2026-09-13";
        let want = [date(2026, 9, 13), date(2026, 10, 1)];
        assert_eq!(read_dates(text).unwrap(), BTreeSet::from(want));
        assert_eq!(read_dates("# none\n"), Ok(BTreeSet::new()));
        for (text, place) in [
            ("2026-09-13\n13/09/2026\n", 11),
            ("  2026-02-30", 2),
            ("2026-09-13T06:00", 0),
            ("20260913", 0),
            ("# a\n2026-9-1", 4),
            ("שלום", 0),
        ] {
            let fault = read_dates(text).unwrap_err();
            assert_eq!(fault.at, place, "{text:?}");
            assert!(fault.mend.contains("2026-09-13"));
        }
    }

    #[test]
    fn each_reason_has_its_words() {
        for reason in [
            Reason::Shabbat,
            Reason::Festival(Holiday::Sukkot),
            Reason::EveOfShabbat,
            Reason::EveOf(Holiday::Pesach),
            Reason::Banks(Holiday::Purim),
            Reason::BanksOnEveOf(Holiday::YomKippur),
            Reason::Listed,
        ] {
            let text = reason.text();
            assert!(!text.he.is_empty() && !text.en.is_empty() && text.he != text.en, "{reason:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_remembered_changes_no_answer(
            zone in proptest::sample::select(vec!["Asia/Jerusalem", "America/New_York", "Australia/Lord_Howe", "UTC"]),
            minutes in proptest::collection::vec((0..60_i64 * 24 * 400, 0..60_i64), 1..60),
            first in proptest::sample::select(vec![date(1890, 1, 1), date(1967, 3, 1), date(2026, 1, 1)]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let calendar = Calendar::new(Rest::ALL, []);
            let mut memo = Memo::default();
            // Each is asked about twice, since it is the second time that something is remembered.
            for (minute, second) in minutes.into_iter().flat_map(|(minute, second)| [(minute, 0), (minute, second)]) {
                let local = first.at(0, 0, 0, 0) + jiff::Span::new().minutes(minute).seconds(second);
                let want = calendar.rests(local, &zone, &mut Memo::default());
                proptest::prop_assert_eq!(calendar.rests(local, &zone, &mut memo), want, "{} {:?}", local, zone);
            }
        }
    }
}
