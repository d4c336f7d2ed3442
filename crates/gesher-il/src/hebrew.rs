//! Dates of the Hebrew calendar, from and to the dates of everybody else.
//!
//! The reckoning is that of the crate `calendrical_calculations`; here it gets the names of months and the letters of
//! numbers. A Hebrew day begins at the evening before: what stands here is the day that goes with the daylight of the
//! given date.

use calendrical_calculations::hebrew_keviyah::YearInfo;
use calendrical_calculations::rata_die::RataDie;
use jiff::civil::Date;

/// The fixed day number of 1970-01-01 in the reckoning of the calendar crate.
const FIXED_1970: i64 = 719_163;
/// First Hebrew year that is read: what is before it was never invoiced.
const YEAR_MIN: i32 = 5_000;
/// Last Hebrew year that is read.
const YEAR_MAX: i32 = 6_999;

/// A month, by its name. Adar of a leap year is two months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum HebrewMonth {
    Tishri,
    Heshvan,
    Kislev,
    Tevet,
    Shevat,
    /// Of a year that is no leap year.
    Adar,
    /// Of a leap year.
    AdarI,
    /// Of a leap year.
    AdarII,
    Nisan,
    Iyar,
    Sivan,
    Tammuz,
    Av,
    Elul,
}

use HebrewMonth::{
    Adar, AdarI, AdarII, Av, Elul, Heshvan, Iyar, Kislev, Nisan, Shevat, Sivan, Tammuz, Tevet, Tishri,
};

/// The months of a common year, in order.
const COMMON: [HebrewMonth; 12] =
    [Tishri, Heshvan, Kislev, Tevet, Shevat, Adar, Nisan, Iyar, Sivan, Tammuz, Av, Elul];
/// The months of a leap year, in order.
const LEAP: [HebrewMonth; 13] =
    [Tishri, Heshvan, Kislev, Tevet, Shevat, AdarI, AdarII, Nisan, Iyar, Sivan, Tammuz, Av, Elul];

impl HebrewMonth {
    /// Its name in Hebrew.
    #[must_use]
    pub fn he(self) -> &'static str {
        match self {
            Tishri => "תשרי",
            Heshvan => "חשוון",
            Kislev => "כסלו",
            Tevet => "טבת",
            Shevat => "שבט",
            Adar => "אדר",
            AdarI => "אדר א׳",
            AdarII => "אדר ב׳",
            Nisan => "ניסן",
            Iyar => "אייר",
            Sivan => "סיוון",
            Tammuz => "תמוז",
            Av => "אב",
            Elul => "אלול",
        }
    }

    /// Its name in Latin letters.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Tishri => "Tishri",
            Heshvan => "Heshvan",
            Kislev => "Kislev",
            Tevet => "Tevet",
            Shevat => "Shevat",
            Adar => "Adar",
            AdarI => "Adar I",
            AdarII => "Adar II",
            Nisan => "Nisan",
            Iyar => "Iyar",
            Sivan => "Sivan",
            Tammuz => "Tammuz",
            Av => "Av",
            Elul => "Elul",
        }
    }

    /// The month of a name in either language, as [`HebrewMonth::he`] and [`HebrewMonth::en`] write it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        LEAP.iter().chain(&[Adar]).copied().find(|month| {
            month.he() == name
                || month.en().eq_ignore_ascii_case(name)
                || month.he().replace('׳', "'") == name
        })
    }
}

/// A date of the Hebrew calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HebrewDate {
    year: i32,
    month: HebrewMonth,
    day: u8,
}

impl HebrewDate {
    /// The date, or none where the year has no such day: no 30 Tevet, no Adar II outside of leap years. Plain Adar of a
    /// leap year is Adar II, as festivals have it.
    #[must_use]
    pub fn new(year: i32, month: HebrewMonth, day: u8) -> Option<Self> {
        let month = if month == Adar && is_leap(year) { AdarII } else { month };
        let date = Self { year, month, day };
        let (info, ordinal) = date.place()?;
        ((1..=info.keviyah.month_len(ordinal)).contains(&day)).then_some(date)
    }

    /// The Hebrew date of a day.
    #[must_use]
    pub fn of(date: Date) -> Self {
        let fixed = RataDie::new(fixed_day(date));
        let (info, year) = YearInfo::year_containing_rd(fixed);
        let day_of_year = u16::try_from(fixed - info.new_year() + 1).unwrap_or(1);
        let (ordinal, day) = info.keviyah.month_day_for(day_of_year);
        let months: &[HebrewMonth] = if info.keviyah.is_leap() { &LEAP } else { &COMMON };
        let month = months.get(usize::from(ordinal).saturating_sub(1)).copied().unwrap_or(Tishri);
        Self { year, month, day }
    }

    /// The day in the calendar of everybody else; none outside of what dates can be.
    #[must_use]
    pub fn to_date(self) -> Option<Date> {
        let (info, ordinal) = self.place()?;
        let before = i64::from(info.keviyah.days_preceding(ordinal)) + i64::from(self.day) - 1;
        let days = (info.new_year() + before).to_i64_date() - FIXED_1970;
        let span = jiff::Span::new().try_days(days).ok()?;
        Date::constant(1970, 1, 1).checked_add(span).ok()
    }

    /// The facts of its year and the number of its month in it, from 1 at Tishri.
    fn place(self) -> Option<(YearInfo, u8)> {
        if !(YEAR_MIN..=YEAR_MAX).contains(&self.year) {
            return None;
        }
        let info = YearInfo::compute_for(self.year);
        let months: &[HebrewMonth] = if info.keviyah.is_leap() { &LEAP } else { &COMMON };
        let at = months.iter().position(|month| *month == self.month)?;
        Some((info, u8::try_from(at + 1).ok()?))
    }

    /// Its year, such as 5787.
    #[must_use]
    pub fn year(self) -> i32 {
        self.year
    }

    /// Its month.
    #[must_use]
    pub fn month(self) -> HebrewMonth {
        self.month
    }

    /// Its day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// In Hebrew letters: `ט״ו בשבט תשפ״ז`.
    #[must_use]
    pub fn he(self) -> String {
        let year = u32::try_from(self.year.rem_euclid(1000)).unwrap_or_default();
        format!("{} ב{} {}", letters(u32::from(self.day)), self.month.he(), letters(year))
    }

    /// In Latin letters: `15 Shevat 5787`.
    #[must_use]
    pub fn en(self) -> String {
        format!("{} {} {}", self.day, self.month.en(), self.year)
    }
}

/// Whether a Hebrew year has thirteen months.
#[must_use]
pub fn is_leap(year: i32) -> bool {
    (7 * i64::from(year) + 1).rem_euclid(19) < 7
}

fn fixed_day(date: Date) -> i64 {
    let first = Date::constant(1970, 1, 1);
    date.duration_since(first).as_hours() / 24 + FIXED_1970
}

/// A number below a thousand in Hebrew letters, with the marks that tell it from a word. Fifteen and sixteen are written
/// so that they spell no name of God.
fn letters(number: u32) -> String {
    const ONES: [&str; 10] = ["", "א", "ב", "ג", "ד", "ה", "ו", "ז", "ח", "ט"];
    const TENS: [&str; 10] = ["", "י", "כ", "ל", "מ", "נ", "ס", "ע", "פ", "צ"];
    const HUNDREDS: [&str; 10] = ["", "ק", "ר", "ש", "ת", "תק", "תר", "תש", "תת", "תתק"];
    let digit = |at: u32| usize::try_from(number / at % 10).unwrap_or_default();
    let rest = match number % 100 {
        15 => "טו".to_owned(),
        16 => "טז".to_owned(),
        _ => format!("{}{}", TENS[digit(10)], ONES[digit(1)]),
    };
    let mut text: Vec<char> = format!("{}{rest}", HUNDREDS[digit(100)]).chars().collect();
    match text.len() {
        0 => {}
        1 => text.push('׳'),
        length => text.insert(length - 1, '״'),
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// As another implementation of the calendar has them: one day in five hundred and three, and new years.
    const KNOWN: &[(&str, i32, &str, u8)] = &[
        ("1990-01-01", 5750, "Tevet", 4),
        ("1991-05-19", 5751, "Sivan", 6),
        ("1992-10-03", 5753, "Tishri", 6),
        ("1994-02-18", 5754, "Adar", 7),
        ("1995-07-06", 5755, "Tammuz", 8),
        ("1996-11-20", 5757, "Kislev", 9),
        ("1998-04-07", 5758, "Nisan", 11),
        ("1999-08-23", 5759, "Elul", 11),
        ("2001-01-07", 5761, "Tevet", 12),
        ("2002-05-25", 5762, "Sivan", 14),
        ("2003-10-10", 5764, "Tishri", 14),
        ("2005-02-24", 5765, "Adar I", 15),
        ("2006-07-12", 5766, "Tammuz", 16),
        ("2007-11-27", 5768, "Kislev", 17),
        ("2009-04-13", 5769, "Nisan", 19),
        ("2010-08-29", 5770, "Elul", 19),
        ("2012-01-14", 5772, "Tevet", 19),
        ("2013-05-31", 5773, "Sivan", 22),
        ("2014-10-16", 5775, "Tishri", 22),
        ("2016-03-02", 5776, "Adar I", 22),
        ("2017-07-18", 5777, "Tammuz", 24),
        ("2018-12-03", 5779, "Kislev", 25),
        ("2020-04-19", 5780, "Nisan", 25),
        ("2021-09-04", 5781, "Elul", 27),
        ("2023-01-20", 5783, "Tevet", 27),
        ("2024-06-06", 5784, "Iyar", 29),
        ("2025-10-22", 5786, "Tishri", 30),
        ("2027-03-09", 5787, "Adar I", 30),
        ("2028-07-24", 5788, "Av", 1),
        ("2029-12-09", 5790, "Tevet", 3),
        ("2031-04-26", 5791, "Iyar", 3),
        ("2032-09-10", 5793, "Tishri", 5),
        ("2034-01-26", 5794, "Shevat", 6),
        ("2035-06-13", 5795, "Sivan", 6),
        ("2036-10-28", 5797, "Heshvan", 7),
        ("2038-03-15", 5798, "Adar II", 8),
        ("2039-07-31", 5799, "Av", 10),
        ("2040-12-15", 5801, "Tevet", 11),
        ("2042-05-02", 5802, "Iyar", 12),
        ("2043-09-17", 5803, "Elul", 12),
        ("2045-02-01", 5805, "Shevat", 14),
        ("2046-06-19", 5806, "Sivan", 15),
        ("2047-11-04", 5808, "Heshvan", 15),
        ("2049-03-21", 5809, "Adar II", 17),
        ("2050-08-06", 5810, "Av", 18),
        ("2051-12-22", 5812, "Tevet", 19),
        ("2053-05-08", 5813, "Iyar", 20),
        ("2054-09-23", 5814, "Elul", 20),
        ("2056-02-08", 5816, "Shevat", 21),
        ("2057-06-25", 5817, "Sivan", 23),
        ("2058-11-10", 5819, "Heshvan", 23),
        ("2060-03-27", 5820, "Adar II", 25),
        ("2061-08-12", 5821, "Av", 26),
        ("2062-12-28", 5823, "Kislev", 26),
        ("2064-05-14", 5824, "Iyar", 28),
        ("2065-09-29", 5825, "Elul", 28),
        ("2067-02-14", 5827, "Shevat", 29),
        ("2068-07-01", 5828, "Tammuz", 1),
        ("2069-11-16", 5830, "Kislev", 2),
        ("2071-04-03", 5831, "Nisan", 4),
        ("2072-08-18", 5832, "Elul", 4),
        ("2074-01-03", 5834, "Tevet", 4),
        ("2075-05-21", 5835, "Sivan", 7),
        ("2076-10-05", 5837, "Tishri", 8),
        ("2078-02-20", 5838, "Adar", 7),
        ("2079-07-08", 5839, "Tammuz", 9),
    ];

    #[test]
    fn dates_are_those_of_another_implementation() {
        for (text, year, month, day) in KNOWN {
            let date = crate::parse_date(text).unwrap();
            let month = HebrewMonth::named(month).unwrap();
            let hebrew = HebrewDate::of(date);
            assert_eq!((hebrew.year(), hebrew.month(), hebrew.day()), (*year, month, *day), "{text}");
            assert_eq!(HebrewDate::new(*year, month, *day).unwrap().to_date(), Some(date), "{text}");
        }
    }

    #[test]
    fn a_date_is_written_in_both_languages() {
        for (day, he, en) in [
            (date(2027, 1, 23), "ט״ו בשבט תשפ״ז", "15 Shevat 5787"),
            (date(2026, 9, 12), "א׳ בתשרי תשפ״ז", "1 Tishri 5787"),
            (date(2027, 3, 23), "י״ד באדר ב׳ תשפ״ז", "14 Adar II 5787"),
            (date(2026, 3, 3), "י״ד באדר תשפ״ו", "14 Adar 5786"),
            (date(1999, 9, 11), "א׳ בתשרי תש״ס", "1 Tishri 5760"),
        ] {
            assert_eq!((HebrewDate::of(day).he(), HebrewDate::of(day).en()), (he.to_owned(), en.to_owned()));
        }
        assert_eq!(
            (letters(16), letters(5), letters(999)),
            ("ט״ז".to_owned(), "ה׳".to_owned(), "תתקצ״ט".to_owned())
        );
    }

    #[test]
    fn a_day_that_a_year_does_not_have_is_none() {
        assert_eq!(HebrewDate::new(5787, Tevet, 30), None);
        assert_eq!(HebrewDate::new(5786, AdarII, 1), None);
        assert_eq!(HebrewDate::new(5787, Tishri, 0), None);
        assert_eq!(HebrewDate::new(4999, Tishri, 1), None);
        assert_eq!(HebrewDate::new(5787, Adar, 14), HebrewDate::new(5787, AdarII, 14));
        assert_eq!(HebrewMonth::named("אדר ב'"), Some(AdarII));
        assert_eq!(HebrewMonth::named("adar ii"), Some(AdarII));
        assert_eq!(HebrewMonth::named("March"), None);
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_day(days in 0_i32..300_000) {
            let day = date(1700, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let hebrew = HebrewDate::of(day);
            prop_assert_eq!(hebrew.to_date(), Some(day));
            prop_assert_eq!(HebrewDate::new(hebrew.year(), hebrew.month(), hebrew.day()), Some(hebrew));
            let next = HebrewDate::of(day.tomorrow().unwrap());
            prop_assert!(next.day() == hebrew.day() + 1 || (next.day() == 1 && hebrew.day() >= 29));
        }
    }
}
