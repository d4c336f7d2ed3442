//! The fields of a cron line, read by a strict grammar: what each may hold, and a fault with its place for what it may not.
//!
//! The library that answers which days a line means takes more than anybody means (`1,,2`, `SUNMON`), so it is given only
//! what passed here, with names as numbers. Which days these are is left to `cron.rs`.

use super::fault::ScheduleFault;

/// What a field is called, what it counts, and which letters it knows.
pub(super) struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
    /// The number of the first name.
    first: u8,
}

const SECOND: Field = Field { name: "second", least: 0, most: 59, names: &[], first: 0 };
const MINUTE: Field = Field { name: "minute", least: 0, most: 59, names: &[], first: 0 };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, names: &[], first: 0 };
const DAY: Field = Field { name: "day of the month", least: 1, most: 31, names: &[], first: 1 };
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const MONTH: Field = Field { name: "month", least: 1, most: 12, names: &MONTHS, first: 1 };
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
// Sunday is 0, and 7 as well.
const WEEKDAY: Field = Field { name: "day of the week", least: 0, most: 7, names: &WEEKDAYS, first: 0 };

/// The fields of a line with seconds, in their order.
pub(super) const FIELDS: [Field; 6] = [SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY];
/// Which of them are looked at by name.
pub(super) const AT_MINUTE: usize = 1;
pub(super) const AT_HOUR: usize = 2;
pub(super) const AT_DAY: usize = 3;
const AT_WEEKDAY: usize = 5;
/// Occurrences of a weekday in a month.
const NTH_MAX: u8 = 5;

/// One entry of a field: what stands between commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// `*` or `?`.
    All,
    /// Numbers from one to another by a step; a single number is a range of one.
    Range {
        /// The first.
        from: u8,
        /// The last, included.
        to: u8,
        /// The step, from 1.
        step: u8,
        /// Whether it was written with a `/`.
        is_stepped: bool,
        /// Whether it was written with a `*`.
        is_star: bool,
    },
    /// `L`: the last day of the month.
    Last,
    /// `LW`: the last weekday of the month.
    LastWeekday,
    /// `15W`: the weekday nearest to that day.
    Nearest(u8),
    /// `5#2`: the second Friday.
    Nth(u8, u8),
    /// `5L`: the last Friday.
    LastOf(u8),
}

impl Entry {
    /// As the library reads it.
    fn written(self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Range { step, is_star: true, .. } => format!("*/{step}"),
            Self::Range { from, to, step, is_stepped: true, .. } => format!("{from}-{to}/{step}"),
            Self::Range { from, to, .. } if from == to => from.to_string(),
            Self::Range { from, to, .. } => format!("{from}-{to}"),
            Self::Last => "L".to_owned(),
            Self::LastWeekday => "LW".to_owned(),
            Self::Nearest(day) => format!("{day}W"),
            Self::Nth(day, nth) => format!("{day}#{nth}"),
            Self::LastOf(day) => format!("{day}#L"),
        }
    }
}

/// A line whose fields are sound.
#[derive(Clone, Debug)]
pub(super) struct Lexed {
    /// The entries of the six fields.
    pub(super) entries: [Vec<Entry>; 6],
    /// As the library reads it.
    pub(super) written: String,
    /// Where the field of the day begins.
    pub(super) day_at: usize,
}

/// Reads the words of a line: five fields, or six with seconds first.
pub(super) fn read(text: &str) -> Result<Lexed, ScheduleFault> {
    let words = words(text);
    let missing = match words.len() {
        5 => 1,
        6 => 0,
        7 => {
            let what = "this has seven fields, and years are not known here";
            return Err(ScheduleFault::new(words[6].0, what, "take the last field out"));
        }
        count => {
            let what = format!("a schedule has five fields, or six with seconds first; this has {count}");
            let mend =
                "write minute, hour, day, month and weekday, such as \"0 6 1 * *\" for 6:00 on each first";
            return Err(ScheduleFault::new(0, what, mend));
        }
    };
    let mut entries: [Vec<Entry>; 6] = Default::default();
    let mut day_at = 0;
    if missing == 1 {
        entries[0].push(number_entry(0));
    }
    for (index, (at, word)) in (missing..).zip(&words) {
        entries[index] = field(index, *at, word)?;
        if index == AT_DAY {
            day_at = *at;
        }
    }
    let join =
        |entries: &Vec<Entry>| entries.iter().map(|entry| entry.written()).collect::<Vec<_>>().join(",");
    let written = entries.iter().map(join).collect::<Vec<_>>().join(" ");
    Ok(Lexed { entries, written, day_at })
}

fn number_entry(number: u8) -> Entry {
    Entry::Range { from: number, to: number, step: 1, is_stepped: false, is_star: false }
}

/// The words of a text with the place where each begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match (character.is_ascii_whitespace(), start) {
            (true, Some(from)) => {
                words.push((from, &text[from..at]));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words
}

fn field(index: usize, at: usize, word: &str) -> Result<Vec<Entry>, ScheduleFault> {
    let upper = word.to_ascii_uppercase();
    let mut entries = Vec::new();
    let mut offset = 0;
    let is_alone = !upper.contains(',');
    for part in upper.split(',') {
        let read = entry(index, part, is_alone);
        let entry = read.map_err(|(what, mend)| ScheduleFault::new(at + offset, what, mend))?;
        // The library would read `L,LW` as `LW` alone.
        let clashes = |other: &Entry| {
            matches!((entry, other), (Entry::Last, Entry::LastWeekday) | (Entry::LastWeekday, Entry::Last))
        };
        if entries.iter().any(clashes) {
            let what = "`L` and `LW` in one field would be two days at the end of one month";
            return Err(ScheduleFault::new(at + offset, what, "keep one of them"));
        }
        entries.push(entry);
        offset += part.len() + 1;
    }
    Ok(entries)
}

type Refused = (String, String);

fn entry(index: usize, part: &str, is_alone: bool) -> Result<Entry, Refused> {
    let field = &FIELDS[index];
    let is_days = index == AT_DAY || index == AT_WEEKDAY;
    match part {
        "" => return Err(refused(field, part)),
        "*" if is_alone => return Ok(Entry::All),
        "?" if is_alone && is_days => return Ok(Entry::All),
        "L" if index == AT_DAY => return Ok(Entry::Last),
        "LW" if index == AT_DAY => return Ok(Entry::LastWeekday),
        _ => {}
    }
    if index == AT_DAY
        && let Some(day) = part.strip_suffix('W')
    {
        return number(field, day).map(Entry::Nearest);
    }
    if index == AT_WEEKDAY {
        if let Some((day, nth)) = part.split_once('#') {
            let day = number(field, day)?;
            return match nth {
                "L" => Ok(Entry::LastOf(day)),
                nth => match small(nth).filter(|nth| (1..=NTH_MAX).contains(nth)) {
                    Some(nth) => Ok(Entry::Nth(day, nth)),
                    None => Err((
                        format!("`{part}`: a month has a weekday one to five times"),
                        "write 5#1 for the first Friday, 5L for the last".to_owned(),
                    )),
                },
            };
        }
        if let Some(day) = part.strip_suffix('L') {
            return match day {
                "" => Err((
                    "`L` alone says no day of the week".to_owned(),
                    "write 5L for the last Friday, or `L` as the day of the month for its last day"
                        .to_owned(),
                )),
                day => number(field, day).map(Entry::LastOf),
            };
        }
    }
    range(field, part)
}

fn range(field: &Field, part: &str) -> Result<Entry, Refused> {
    let (body, step) = match part.split_once('/') {
        None => (part, None),
        Some((body, step)) => {
            let step = small(step).filter(|step| (1..=field.most).contains(step));
            let step = step.ok_or_else(|| {
                let what =
                    format!("`{part}`: a step in the {} is a number from 1 to {}", field.name, field.most);
                (what, format!("write such as */{}", if field.most > 30 { 15 } else { 2 }))
            })?;
            (body, Some(step))
        }
    };
    let (from, to, is_star) = match (body, body.split_once('-'), step) {
        ("*", _, Some(_)) => (field.least, field.most, true),
        (_, Some((from, to)), _) => (number(field, from)?, end_of_range(field, to)?, false),
        (_, None, Some(step)) => {
            let most = field.most;
            let what = format!("`{part}`: a step belongs to `*` or to a range");
            return Err((what, format!("write */{step}, or {body}-{most}/{step}")));
        }
        (body, None, None) => {
            let number = number(field, body)?;
            (number, number, false)
        }
    };
    if from > to {
        let what = format!("`{part}`: a range goes from the smaller to the greater");
        return Err((what, format!("write {from}-{},{}-{to}", field.most, field.least)));
    }
    Ok(Entry::Range { from, to, step: step.unwrap_or(1), is_stepped: step.is_some(), is_star })
}

/// A week may end with its Sunday: `FRI-SUN`.
fn end_of_range(field: &Field, text: &str) -> Result<u8, Refused> {
    if text == "SUN" && !field.names.is_empty() && field.least == 0 { Ok(7) } else { number(field, text) }
}

/// A number or a name of the field.
fn number(field: &Field, text: &str) -> Result<u8, Refused> {
    let named = field.names.iter().position(|name| *name == text);
    let named = named.and_then(|at| u8::try_from(at).ok()).map(|at| at + field.first);
    named
        .or_else(|| small(text).filter(|number| (field.least..=field.most).contains(number)))
        .ok_or_else(|| refused(field, text))
}

/// One or two digits.
fn small(text: &str) -> Option<u8> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn refused(field: &Field, part: &str) -> Refused {
    let what = match part {
        "" => format!("something is missing in the {}", field.name),
        part => format!("`{part}` is no {}", field.name),
    };
    let (least, most) = (field.least, field.most);
    let mut mend = format!("write a number from {least} to {most}, a range {least}-{most}, a list, or `*`");
    if let (Some(first), Some(last)) = (field.names.first(), field.names.last()) {
        mend.push_str(&format!("; or names from {first} to {last}"));
    }
    (what, mend)
}
