//! Dates as scripts and files write them, and the two forms in which they are written back.

use gesher_core::Text;
use gesher_core::key::clean_cell;
use jiff::civil::Date;

/// A text is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date; write 2026-03-27 or 27/03/2026")]
pub struct DateError(pub String);

impl DateError {
    /// The same for people.
    #[must_use]
    pub fn text(&self) -> Text {
        let given = &self.0;
        Text::new(
            format!("„{given}” אינו תאריך; יש לכתוב 2026-03-27 או 27/03/2026"),
            format!("`{given}` is no date; write 2026-03-27 or 27/03/2026"),
        )
    }
}

/// Reads `2026-03-27`, also with a time behind it, or `27/03/2026`, `27.3.2026`: the day first, as in Israel. A year has
/// four digits. Of an instant the date is the one that is written, whatever its zone.
pub fn parse_date(raw: &str) -> Result<Date, DateError> {
    let clean = clean_cell(raw);
    let wrong = || DateError(clean.clone());
    let day = clean.split_once(['T', ' ']).map_or(clean.as_str(), |(day, _)| day);
    let (year, month, day) = match day.split_once('-') {
        Some((year, rest)) => {
            let (month, day) = rest.split_once('-').ok_or_else(wrong)?;
            (number(year, 4, 4), number(month, 2, 2), number(day, 2, 2))
        }
        None => {
            let (day, rest) = day.split_once(['/', '.']).ok_or_else(wrong)?;
            let (month, year) = rest.split_once(['/', '.']).ok_or_else(wrong)?;
            (number(year, 4, 4), number(month, 1, 2), number(day, 1, 2))
        }
    };
    let (Some(year), Some(month), Some(day)) = (year, month, day) else {
        return Err(wrong());
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return Err(wrong());
    };
    Date::new(year, month, day).map_err(|_| wrong())
}

fn number(text: &str, least: usize, most: usize) -> Option<i16> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// `2026-03-27`.
#[must_use]
pub fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// `27/03/2026`, as people in Israel and Senzey write it.
#[must_use]
pub fn day_first(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

/// `2026-03`: the month that a key of a monthly charge names.
#[must_use]
pub fn period(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn a_date_is_written_in_one_of_two_ways() {
        let want = date(2026, 3, 7);
        for text in [
            "2026-03-07",
            "07/03/2026",
            "7/3/2026",
            "07.03.2026",
            " 2026-03-07\u{200f}",
            "2026-03-07T23:30:00+03:00",
            "2026-03-07 23:30",
            "7.3.2026 10:00",
        ] {
            assert_eq!(parse_date(text), Ok(want), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-3-7",
            "26-03-07",
            "7/3/26",
            "2026/03/07",
            "31/02/2026",
            "13/13/2026",
            "03-07-2026",
            "2026-03",
            "-2026-03-07",
            "2026-03-07-01",
            "2026-02-29",
            "0x7/3/2026",
        ] {
            assert_eq!(parse_date(text), Err(DateError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn an_error_says_how_a_date_is_written() {
        let text = DateError("soon".to_owned()).text();
        assert!(text.he.contains("27/03/2026") && text.en.contains("soon"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(year in 1000_i16..3000, month in 1_i8..13, day in 1_i8..29) {
            let day = date(year, month, day);
            prop_assert_eq!(parse_date(&iso(day)), Ok(day));
            prop_assert_eq!(parse_date(&day_first(day)), Ok(day));
            prop_assert!(iso(day).starts_with(&period(day)));
        }
    }
}
