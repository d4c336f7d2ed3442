//! What went wrong in a script, for people: the place, the line itself with a mark under it, and a sentence.
//!
//! One sentence goes into result files; the whole goes to the log. The words are the hub's language; what only Rhai
//! can say stays English.

use crate::cover::{Shifts, unshifted};
use crate::item::{Fence, Item};
use crate::limits::*;
use gesher_core::card::mask_card_numbers;
use gesher_core::names::nearest;
use gesher_core::{Language, Text};
use rhai::{EvalAltResult, Map, Position};
use std::collections::BTreeMap;
use std::fmt;

/// The code of an error that the script itself did not name.
pub const SCRIPT_ERROR: &str = "script_error";

/// Where something is in a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the scripts folder.
    pub file: String,
    /// From 1; 0 when it is the whole file.
    pub line: usize,
    /// From 1, in characters; 0 when it is the whole line.
    pub column: usize,
    /// The line itself, without card numbers.
    pub source_line: String,
}

impl Place {
    pub(crate) fn new(sources: &Sources, file: &str, position: Position) -> Self {
        let position = sources.shifts.get(file).map_or(position, |shifts| unshifted(shifts, position));
        let line = position.line().unwrap_or(0);
        let source_line =
            line.checked_sub(1).and_then(|index| sources.text(file)?.lines().nth(index)).unwrap_or_default();
        let source_line = mask_card_numbers(source_line).into_owned();
        Self { file: file.to_owned(), line, column: position.position().unwrap_or(0), source_line }
    }
}

/// `file:line:column`, as far as they are known.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// The line with a mark under the column.
pub(crate) fn excerpt(place: &Place) -> String {
    if place.line == 0 || place.source_line.is_empty() {
        return String::new();
    }
    let number = place.line.to_string();
    let mut shown = format!("\n  {number} | {}", place.source_line);
    if place.column > 0 {
        let before = place.source_line.chars().take(place.column - 1);
        let lead: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        shown.push_str(&format!("\n  {:width$} | {lead}^", "", width = number.len()));
    }
    shown
}

/// The texts of a script and its modules, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The script itself.
    pub(crate) main: String,
    /// All files with their text.
    pub(crate) files: BTreeMap<String, String>,
    /// How far the columns of covered files moved.
    pub(crate) shifts: BTreeMap<String, Shifts>,
}

impl Sources {
    pub(crate) fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(String::as_str)
    }
}

/// How a script threw: a code and a sentence for the result, and the whole for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thrown {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) report: String,
}

/// What an error that left the script means. Everything is redacted.
pub(crate) fn thrown(error: Box<EvalAltResult>, sources: &Sources, item: &Item, header: &[String]) -> Thrown {
    let (innermost, place) = innermost(error, sources);
    let language = item.language();
    let (code, sentence, deliberate) = match *innermost {
        EvalAltResult::ErrorRuntime(value, _) => match value.read_lock::<Map>() {
            Some(map) => coded(&map, language),
            None if value.is_unit() => (None, stopped(language), false),
            None => (None, value.to_string(), false),
        },
        other => (None, sentence(other, item, header).get(language).to_owned(), false),
    };
    // A map that was thrown says all that its author, or the provider, wanted to say. Everything else is a slip of
    // the script, and whoever mends it needs the place.
    let message = if deliberate { sentence.clone() } else { format!("{sentence} ({place})") };
    let report = format!("{place}: {sentence}{}", excerpt(&place));
    Thrown {
        code: code.map_or_else(|| SCRIPT_ERROR.to_owned(), |code| item.host().redact(&code).into_owned()),
        message: item.host().redact(&message).into_owned(),
        report: item.host().redact(&report).into_owned(),
    }
}

/// The error inside all its wrappers, with the file and the position of the innermost one that has a position.
pub(crate) fn innermost(error: Box<EvalAltResult>, sources: &Sources) -> (Box<EvalAltResult>, Place) {
    let mut file = sources.main.clone();
    let mut known = (file.clone(), error.position());
    let mut error = error;
    loop {
        error = match *error {
            EvalAltResult::ErrorInFunctionCall(_, source, inner, _)
            | EvalAltResult::ErrorInModule(source, inner, _) => {
                if sources.files.contains_key(&source) {
                    file = source;
                }
                if !inner.position().is_none() {
                    known = (file.clone(), inner.position());
                }
                inner
            }
            other => {
                let place = Place::new(sources, &known.0, known.1);
                return (other.into(), place);
            }
        };
    }
}

/// The code and the message of a thrown map, and whether it has a message.
fn coded(map: &Map, language: Language) -> (Option<String>, String, bool) {
    let text = |name: &str| map.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
    let message = text("message").filter(|message| !message.is_empty());
    let deliberate = message.is_some();
    (text("code"), message.unwrap_or_else(|| stopped(language)), deliberate)
}

fn stopped(language: Language) -> String {
    Text::new("התסריט נעצר בלי לומר מדוע", "the script stopped without saying why").get(language).to_owned()
}

fn sentence(error: EvalAltResult, item: &Item, header: &[String]) -> Text {
    use EvalAltResult as E;
    match error {
        E::ErrorTerminated(..) if item.fence() == Some(Fence::Time) => {
            let seconds = SCRIPT_TIME_MAX.as_secs();
            Text::new(
                format!("התסריט רץ יותר מ־{seconds} שניות"),
                format!("the script ran for more than {seconds} seconds"),
            )
        }
        E::ErrorTerminated(..) | E::ErrorTooManyOperations(_) => Text::new(
            format!("התסריט ביצע יותר מ־{OPERATIONS_MAX} צעדים; אולי יש בו לולאה בלי סוף"),
            format!("the script took more than {OPERATIONS_MAX} steps; it may have a loop without an end"),
        ),
        E::ErrorStackOverflow(_) => Text::new(
            format!("יותר מ־{CALL_DEPTH_MAX} קריאות לפונקציות זו בתוך זו"),
            format!("more than {CALL_DEPTH_MAX} calls of functions inside one another"),
        ),
        E::ErrorDataTooLarge(what, _) => too_large(&what),
        E::ErrorTooManyVariables(_) => Text::new(
            format!("יותר מ־{VARIABLES_MAX} משתנים בבת אחת"),
            format!("more than {VARIABLES_MAX} variables at once"),
        ),
        E::ErrorPropertyNotFound(name, _) => missing_property(&name, header),
        E::ErrorFunctionNotFound(signature, _) => Text::new(
            format!("אין פונקציה {signature}; בדקו את השם ואת סוגי הארגומנטים"),
            format!("there is no function {signature}; look at the name and at the types of its arguments"),
        ),
        mut other => {
            other.clear_position();
            let words = other.to_string();
            Text::new(format!("שגיאה בתסריט: {words}"), words)
        }
    }
}

fn too_large(what: &str) -> Text {
    let (he, en, most) = if what.contains("string") {
        ("הטקסט ארוך מדי", "the text is too long", STRING_BYTES_MAX)
    } else if what.contains("map") {
        ("במפה יש יותר מדי שדות", "the map has too many entries", MAP_ENTRIES_MAX)
    } else {
        ("במערך יש יותר מדי איברים", "the array has too many elements", ARRAY_ELEMENTS_MAX)
    };
    Text::new(format!("{he} (המרב הוא {most})"), format!("{en} (at most {most})"))
}

/// A map has no such property. The row's own columns are what is meant most often.
fn missing_property(name: &str, header: &[String]) -> Text {
    let (he, en) = nearest(name, header.iter().map(String::as_str))
        .map(|near| (format!("; אולי {near}?"), format!("; did you mean {near}?")))
        .unwrap_or_default();
    Text::new(format!("אין שדה או עמודה בשם {name}{he}"), format!("there is no column or field {name}{en}"))
}
