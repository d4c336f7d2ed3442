//! What a day is in Israel: Shabbat, a day of rest, its eve, a day between, and the days that banks keep.
//!
//! Days are those of the calendar, from midnight to midnight in Israel; what begins in the evening before is the eve.
//! Hours are in `rest.rs`.

use crate::hebrew::{HebrewDate, HebrewMonth};
use jiff::civil::{Date, Weekday};

/// From this Hebrew year on Independence Day that falls on a Monday is kept on the Tuesday.
const INDEPENDENCE_NOT_ON_MONDAY_SINCE: i32 = 5764;

/// A day with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Holiday {
    RoshHashana,
    YomKippur,
    Sukkot,
    /// The days between the first of Sukkot and Shemini Atzeret, Hoshana Rabba included.
    HolHamoedSukkot,
    SheminiAtzeret,
    /// On the 14th of Adar, of Adar II in a leap year.
    Purim,
    Pesach,
    /// The days between the first and the seventh of Pesach.
    HolHamoedPesach,
    SeventhOfPesach,
    /// The day before Independence Day.
    MemorialDay,
    /// On the 5th of Iyar or the day to which the law moves it.
    IndependenceDay,
    Shavuot,
    /// On the 9th of Av, or on Sunday after a Shabbat.
    TishaBav,
}

impl Holiday {
    /// Its name in Hebrew.
    #[must_use]
    pub fn he(self) -> &'static str {
        match self {
            Self::RoshHashana => "ראש השנה",
            Self::YomKippur => "יום כיפור",
            Self::Sukkot => "סוכות",
            Self::HolHamoedSukkot => "חול המועד סוכות",
            Self::SheminiAtzeret => "שמיני עצרת",
            Self::Purim => "פורים",
            Self::Pesach => "פסח",
            Self::HolHamoedPesach => "חול המועד פסח",
            Self::SeventhOfPesach => "שביעי של פסח",
            Self::MemorialDay => "יום הזיכרון",
            Self::IndependenceDay => "יום העצמאות",
            Self::Shavuot => "שבועות",
            Self::TishaBav => "תשעה באב",
        }
    }

    /// Its name in Latin letters.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::RoshHashana => "Rosh Hashana",
            Self::YomKippur => "Yom Kippur",
            Self::Sukkot => "Sukkot",
            Self::HolHamoedSukkot => "Hol Hamoed Sukkot",
            Self::SheminiAtzeret => "Shemini Atzeret",
            Self::Purim => "Purim",
            Self::Pesach => "Pesach",
            Self::HolHamoedPesach => "Hol Hamoed Pesach",
            Self::SeventhOfPesach => "Seventh of Pesach",
            Self::MemorialDay => "Memorial Day",
            Self::IndependenceDay => "Independence Day",
            Self::Shavuot => "Shavuot",
            Self::TishaBav => "Tisha B'Av",
        }
    }

    /// Whether work rests on it as on Shabbat.
    #[must_use]
    pub fn is_yom_tov(self) -> bool {
        matches!(
            self,
            Self::RoshHashana
                | Self::YomKippur
                | Self::Sukkot
                | Self::SheminiAtzeret
                | Self::Pesach
                | Self::SeventhOfPesach
                | Self::Shavuot
        )
    }

    /// Whether it lies between the first and the last day of a festival.
    #[must_use]
    pub fn is_hol_hamoed(self) -> bool {
        matches!(self, Self::HolHamoedSukkot | Self::HolHamoedPesach)
    }
}

/// The holiday that a day is. As kept in Israel: one day of each festival but Rosh Hashana.
#[must_use]
pub fn holiday_on(date: Date) -> Option<Holiday> {
    let hebrew = HebrewDate::of(date);
    match (hebrew.month(), hebrew.day()) {
        (HebrewMonth::Tishri, 1 | 2) => Some(Holiday::RoshHashana),
        (HebrewMonth::Tishri, 10) => Some(Holiday::YomKippur),
        (HebrewMonth::Tishri, 15) => Some(Holiday::Sukkot),
        (HebrewMonth::Tishri, 16..=21) => Some(Holiday::HolHamoedSukkot),
        (HebrewMonth::Tishri, 22) => Some(Holiday::SheminiAtzeret),
        (HebrewMonth::Adar | HebrewMonth::AdarII, 14) => Some(Holiday::Purim),
        (HebrewMonth::Nisan, 15) => Some(Holiday::Pesach),
        (HebrewMonth::Nisan, 16..=20) => Some(Holiday::HolHamoedPesach),
        (HebrewMonth::Nisan, 21) => Some(Holiday::SeventhOfPesach),
        (HebrewMonth::Sivan, 6) => Some(Holiday::Shavuot),
        (HebrewMonth::Av, 9 | 10) => tisha_bav(date, hebrew),
        (HebrewMonth::Iyar, 2..=6) => independence(date, hebrew),
        _ => None,
    }
}

/// The fast is put off where its day is a Shabbat.
fn tisha_bav(date: Date, hebrew: HebrewDate) -> Option<Holiday> {
    let kept = match date.weekday() {
        Weekday::Saturday => false,
        Weekday::Sunday if hebrew.day() == 10 => true,
        _ => hebrew.day() == 9,
    };
    kept.then_some(Holiday::TishaBav)
}

/// The 5th of Iyar is moved so that neither the day nor Memorial Day before it touches a Shabbat.
fn independence(date: Date, hebrew: HebrewDate) -> Option<Holiday> {
    let fifth = HebrewDate::new(hebrew.year(), HebrewMonth::Iyar, 5)?.to_date()?;
    let kept: i8 = match fifth.weekday() {
        Weekday::Friday => 4,
        Weekday::Saturday => 3,
        Weekday::Monday if hebrew.year() >= INDEPENDENCE_NOT_ON_MONDAY_SINCE => 6,
        _ => 5,
    };
    match kept - i8::try_from(hebrew.day()).ok()? {
        0 => Some(Holiday::IndependenceDay),
        1 => Some(Holiday::MemorialDay),
        _ => None,
    }
    .filter(|_| date.year() >= 1949)
}

/// Whether a day is a Shabbat.
#[must_use]
pub fn is_shabbat(date: Date) -> bool {
    date.weekday() == Weekday::Saturday
}

/// Whether a day is a festival on which work rests.
#[must_use]
pub fn is_yom_tov(date: Date) -> bool {
    holiday_on(date).is_some_and(Holiday::is_yom_tov)
}

/// Whether work rests on a day: Shabbat or yom tov.
#[must_use]
pub fn is_rest_day(date: Date) -> bool {
    is_shabbat(date) || is_yom_tov(date)
}

/// Whether a Shabbat begins in the evening of this day: a Friday.
#[must_use]
pub fn is_erev_shabbat(date: Date) -> bool {
    date.weekday() == Weekday::Friday
}

/// Whether a festival begins in the evening of this day. The first of two days of a festival is no eve of the second.
#[must_use]
pub fn is_erev_yom_tov(date: Date) -> bool {
    !is_yom_tov(date) && date.tomorrow().is_ok_and(is_yom_tov)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(year: i16, month: i8, day: i8, want: Option<Holiday>) {
        assert_eq!(holiday_on(date(year, month, day)), want, "{year}-{month}-{day}");
    }

    #[test]
    fn the_holidays_of_a_year_are_where_they_were() {
        use Holiday::*;
        check(2025, 9, 23, Some(RoshHashana));
        check(2025, 9, 24, Some(RoshHashana));
        check(2025, 9, 25, None);
        check(2025, 10, 2, Some(YomKippur));
        check(2025, 10, 7, Some(Sukkot));
        check(2025, 10, 8, Some(HolHamoedSukkot));
        check(2025, 10, 13, Some(HolHamoedSukkot));
        check(2025, 10, 14, Some(SheminiAtzeret));
        check(2025, 10, 15, None);
        check(2026, 3, 3, Some(Purim));
        check(2026, 4, 2, Some(Pesach));
        check(2026, 4, 3, Some(HolHamoedPesach));
        check(2026, 4, 8, Some(SeventhOfPesach));
        check(2026, 4, 9, None);
        check(2026, 5, 22, Some(Shavuot));
        check(2026, 5, 23, None);
        // Purim of a leap year is in its second Adar.
        check(2024, 2, 23, None);
        check(2024, 3, 24, Some(Purim));
    }

    #[test]
    fn independence_day_is_moved_away_from_shabbat() {
        for (year, month, day) in [
            (2021, 4, 15),
            (2022, 5, 5),
            (2023, 4, 26),
            (2024, 5, 14),
            (2025, 5, 1),
            (2026, 4, 22),
            (2028, 5, 2),
        ] {
            let kept = date(year, month, day);
            assert_eq!(holiday_on(kept), Some(Holiday::IndependenceDay), "{kept}");
            assert_eq!(holiday_on(kept.yesterday().unwrap()), Some(Holiday::MemorialDay), "{kept}");
            assert_eq!(holiday_on(kept.tomorrow().unwrap()), None, "{kept}");
        }
        // Before the law of 5764 a Monday stayed a Monday.
        check(2001, 4, 26, Some(Holiday::IndependenceDay));
        check(1995, 5, 4, Some(Holiday::IndependenceDay));
        check(1948, 5, 14, None);
    }

    #[test]
    fn the_fast_of_av_is_put_off_after_a_shabbat() {
        check(2022, 8, 6, None);
        check(2022, 8, 7, Some(Holiday::TishaBav));
        check(2026, 7, 23, Some(Holiday::TishaBav));
        check(2026, 7, 24, None);
        check(2029, 7, 22, Some(Holiday::TishaBav));
    }

    #[test]
    fn an_eve_is_the_day_before_a_festival_and_not_one_itself() {
        let eves: Vec<Date> = date(2026, 1, 1)
            .series(jiff::Span::new().days(1))
            .take(365)
            .filter(|day| is_erev_yom_tov(*day))
            .collect();
        let want = [(4, 1), (4, 7), (5, 21), (9, 11), (9, 20), (9, 25), (10, 2)];
        assert_eq!(eves, want.map(|(month, day)| date(2026, month, day)));
        assert!(is_erev_shabbat(date(2026, 3, 27)) && is_shabbat(date(2026, 3, 28)));
        assert!(is_rest_day(date(2026, 9, 13)) && !is_rest_day(date(2026, 9, 14)));
    }

    #[test]
    fn every_holiday_has_its_names() {
        for day in date(2026, 1, 1).series(jiff::Span::new().days(1)).take(365) {
            if let Some(holiday) = holiday_on(day) {
                assert!(!holiday.he().is_empty() && !holiday.en().is_empty());
                assert!(!(holiday.is_yom_tov() && holiday.is_hol_hamoed()));
            }
        }
    }
}
