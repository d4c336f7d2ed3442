//! Numbers and dates of a sheet as text. A sheet stores a number as a binary fraction, written with up to seventeen
//! digits; the shortest decimal text that means the same fraction is what was typed, as long as that had no more than
//! fifteen digits. Nothing is computed with fractions here.

use super::Flaw;
use jiff::Span;
use jiff::civil::{Date, date};

/// Digits of a whole number that a spreadsheet keeps.
const DIGITS_MAX: usize = 15;
/// Digits of a day's fraction that are looked at: far below a second.
const FRACTION_DIGITS: usize = 9;
/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// What a number stands for, as the cell's format says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Itself.
    #[default]
    Number,
    /// A day since the epoch, with a time of day as its fraction.
    Moment,
    /// A length of time, in days.
    Elapsed,
}

/// A stored number as digits, without an exponent; none where it is no number.
pub(super) fn number(raw: &str) -> Option<(String, Option<Flaw>)> {
    let value: f64 = raw.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
    let text = value.to_string();
    let text = if text == "-0" { "0".to_owned() } else { text };
    let whole = text.trim_start_matches('-').split('.').next().unwrap_or_default();
    let flaw = (whole.len() > DIGITS_MAX).then_some(Flaw::Digits);
    Some((text, flaw))
}

/// A stored number as the date, the time or the length of time that it stands for; none where it is none.
pub(super) fn moment(raw: &str, meaning: Meaning, from_1904: bool) -> Option<String> {
    let (text, flaw) = number(raw)?;
    if flaw.is_some() || text.starts_with('-') {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let days: i64 = whole.parse().ok()?;
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(FRACTION_DIGITS).collect();
    let scale = 10_u64.pow(u32::try_from(FRACTION_DIGITS).ok()?);
    let fraction: u64 = padded.parse().ok()?;
    let seconds = (fraction * DAY_SECONDS + scale / 2) / scale;
    let (days, seconds) = if seconds == DAY_SECONDS { (days + 1, 0) } else { (days, seconds) };
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if meaning == Meaning::Elapsed {
        let hours = u64::try_from(days).ok()? * 24 + hours;
        return Some(format!("{hours:02}:{minutes:02}:{rest:02}"));
    }
    let time = format!("{hours:02}:{minutes:02}:{rest:02}");
    if days == 0 && !from_1904 {
        return Some(time);
    }
    let day = epoch(days, from_1904).checked_add(Span::new().try_days(days).ok()?).ok()?;
    Some(if seconds == 0 { day.to_string() } else { format!("{day}T{time}") })
}

/// The day that stands before the first. The older calendar has a 29th of February 1900, which never was: days before it
/// are counted from one day later.
fn epoch(days: i64, from_1904: bool) -> Date {
    if from_1904 {
        date(1904, 1, 1)
    } else if days < 60 {
        date(1899, 12, 31)
    } else {
        date(1899, 12, 30)
    }
}

/// What numbers of a format that is built into every program stand for.
pub(super) fn built_in(format: u32) -> Meaning {
    match format {
        14..=22 | 27..=36 | 45 | 47 | 50..=58 => Meaning::Moment,
        46 => Meaning::Elapsed,
        _ => Meaning::Number,
    }
}

/// What numbers of a format with this code stand for: whether it shows a part of a date or of a time, outside quoted and
/// escaped text.
pub(super) fn of_code(code: &str) -> Meaning {
    let mut chars = code.chars();
    let mut meaning = Meaning::Number;
    while let Some(c) = chars.next() {
        match c.to_ascii_lowercase() {
            '"' => drop(chars.by_ref().find(|c| *c == '"')),
            '\\' | '_' | '*' => drop(chars.next()),
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let lower = inside.to_ascii_lowercase();
                if !lower.is_empty() && lower.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
                    return Meaning::Elapsed;
                }
            }
            ';' => break,
            'y' | 'm' | 'd' | 'h' | 's' => meaning = Meaning::Moment,
            _ => {}
        }
    }
    meaning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(raw: &str, want: &str, is_flawed: bool) {
        assert_eq!(number(raw), Some((want.to_owned(), is_flawed.then_some(Flaw::Digits))), "{raw}");
    }

    #[test]
    fn a_number_is_what_was_typed() {
        for (raw, want) in [
            ("5", "5"),
            ("12.3", "12.3"),
            ("1.1000000000000001", "1.1"),
            ("0.10000000000000001", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1E3", "1000"),
            ("1.5E-3", "0.0015"),
            ("-0", "0"),
            ("-250.5", "-250.5"),
            (" 7 ", "7"),
            ("123456789012345", "123456789012345"),
        ] {
            check_number(raw, want, false);
        }
        check_number("4580123412341234", "4580123412341234", true);
        check_number("4.5800000000000003E+15", "4580000000000000", true);
        for raw in ["", "x", "NaN", "inf", "1e999"] {
            assert_eq!(number(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_moment_is_iso() {
        let check = |raw: &str, from_1904, want: &str| {
            assert_eq!(moment(raw, Meaning::Moment, from_1904).as_deref(), Some(want), "{raw}");
        };
        check("46082", false, "2026-03-01");
        check("46082.604166666664", false, "2026-03-01T14:30:00");
        check("46082.999999999999", false, "2026-03-02");
        check("0.5", false, "12:00:00");
        check("59", false, "1900-02-28");
        check("61", false, "1900-03-01");
        check("44620", true, "2026-03-01");
        assert_eq!(moment("1.0833333333333333", Meaning::Elapsed, false).as_deref(), Some("26:00:00"));
        for raw in ["-1", "x", "99999999999"] {
            assert_eq!(moment(raw, Meaning::Moment, false), None, "{raw}");
        }
    }

    #[test]
    fn a_format_says_whether_its_numbers_are_dates() {
        for (code, want) in [
            ("General", Meaning::Number),
            ("0.00", Meaning::Number),
            ("#,##0 \"days\"", Meaning::Number),
            ("[$₪-40D] #,##0.00", Meaning::Number),
            ("[Red]0.00;[Blue]dd", Meaning::Number),
            ("\\d0", Meaning::Number),
            ("dd/mm/yyyy", Meaning::Moment),
            ("[$-40D]d mmmm yyyy;@", Meaning::Moment),
            ("h:mm", Meaning::Moment),
            ("[h]:mm:ss", Meaning::Elapsed),
        ] {
            assert_eq!(of_code(code), want, "{code}");
        }
        assert_eq!(
            [14, 22, 46, 2, 49].map(built_in),
            [Meaning::Moment, Meaning::Moment, Meaning::Elapsed, Meaning::Number, Meaning::Number]
        );
    }
}
