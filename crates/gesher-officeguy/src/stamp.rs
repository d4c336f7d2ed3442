//! Where the hub's own reference goes into a request: a document's description, the one text of the caller that the
//! provider keeps and lists.
//!
//! It is spliced into the text that is sent. What requests are compared by stays as it was, and so does every other
//! byte.

use crate::endpoints::charge::Charge;
use crate::endpoints::charge_recurring::ChargeRecurring;
use crate::endpoints::document_changes::CancelDocument;
use crate::endpoints::documents::CreateDocument;
use crate::endpoints::multi_vendor::MultiVendorCharge;
use gesher_core::Stamp;
use gesher_provider::endpoint::Endpoint;
use std::fmt;
use std::str::FromStr;

/// Length of a description with its stamp, in characters of its JSON text. How long the provider takes it is not
/// published; a longer one goes without a stamp, since one that is cut off is worth nothing.
pub const DESCRIPTION_CHARS_MAX: usize = 250;

/// Where in the description the stamp stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StampPlace {
    /// Behind the caller's words.
    #[default]
    End,
    /// In front of them.
    Start,
    /// Nowhere.
    Off,
}

/// A word is no place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is none of end, start, off")]
pub struct NoSuchPlace(String);

impl StampPlace {
    /// Names and places.
    pub const TABLE: [(&'static str, Self); 3] =
        [("end", Self::End), ("start", Self::Start), ("off", Self::Off)];
}

impl FromStr for StampPlace {
    type Err = NoSuchPlace;

    fn from_str(word: &str) -> Result<Self, NoSuchPlace> {
        let found = Self::TABLE.iter().find(|row| row.0 == word).map(|row| row.1);
        found.ok_or_else(|| NoSuchPlace(word.to_owned()))
    }
}

impl fmt::Display for StampPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::TABLE.iter().find(|row| row.1 == *self).map_or("", |row| row.0))
    }
}

/// Something to put into a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// Where `stamp` goes into a request, or none: the operation makes no document, the request prevents it, or the
/// description is too long.
pub(crate) fn splice(endpoint: &str, body: &str, stamp: &Stamp, place: StampPlace) -> Option<Splice> {
    let path = path_of(endpoint, body)?;
    let slot = room(path, body, stamp, place)?;
    let stamp = stamp.in_text();
    Some(match (slot, place) {
        (Slot::Text { from, .. }, StampPlace::Start) => Splice { at: from, text: [stamp, " "].concat() },
        (Slot::Text { to, .. }, _) => Splice { at: to, text: [" ", stamp].concat() },
        (Slot::Absent { end, first }, _) => {
            let comma = if first { "" } else { "," };
            Splice { at: end, text: [comma, "\"", path.last()?, "\":\"", stamp, "\""].concat() }
        }
    })
}

/// Whether [`splice`] finds a place.
pub(crate) fn has_place(endpoint: &str, body: &str, stamp: &Stamp, place: StampPlace) -> bool {
    path_of(endpoint, body).is_some_and(|path| room(path, body, stamp, place).is_some())
}

/// Where the description of the document stands that a request makes; none where it makes none.
fn path_of(endpoint: &str, body: &str) -> Option<&'static [&'static str]> {
    match endpoint {
        Charge::PATH if body.contains(r#""PreventDocumentCreation":true"#) => None,
        Charge::PATH => Some(&["DocumentDescription"]),
        MultiVendorCharge::PATH => Some(&["DocumentDescription"]),
        ChargeRecurring::PATH => Some(&["FirstDocumentDescription"]),
        CreateDocument::PATH => Some(&["Details", "Description"]),
        CancelDocument::PATH => Some(&["Description"]),
        _ => None,
    }
}

/// The description, where it has room for the stamp.
fn room(path: &[&str], body: &str, stamp: &Stamp, place: StampPlace) -> Option<Slot> {
    if place == StampPlace::Off {
        return None;
    }
    let slot = slot(body, path)?;
    if let Slot::Text { from, to } = slot
        && body.get(from..to)?.chars().count() + 1 + stamp.in_text().len() > DESCRIPTION_CHARS_MAX
    {
        return None;
    }
    Some(slot)
}

/// Where a text stands in an object, or could.
#[derive(Debug, PartialEq, Eq)]
enum Slot {
    /// Between its quotes.
    Text { from: usize, to: usize },
    /// There is none. The object ends at `end`; `first` when nothing stands in it.
    Absent { end: usize, first: bool },
}

/// Finds the text at `path` in a JSON object that was written without spaces.
fn slot(body: &str, path: &[&str]) -> Option<Slot> {
    let bytes = body.as_bytes();
    let (name, deeper) = path.split_first()?;
    if bytes.first() != Some(&b'{') {
        return None;
    }
    // Most requests have no such field, and a look at the whole text is far quicker than a walk through its fields.
    if deeper.is_empty() && bytes.last() == Some(&b'}') && !body.contains(&["\"", name, "\":"].concat()) {
        return Some(Slot::Absent { end: bytes.len() - 1, first: bytes.len() == 2 });
    }
    let mut at = 1;
    let mut first = true;
    loop {
        if bytes.get(at) == Some(&b'}') {
            return deeper.is_empty().then_some(Slot::Absent { end: at, first });
        }
        let key_end = value_end(bytes, at)?;
        let key = body.get(at + 1..key_end - 1)?;
        if bytes.get(key_end) != Some(&b':') {
            return None;
        }
        let (from, to) = (key_end + 1, value_end(bytes, key_end + 1)?);
        if key == *name {
            return found(body, from, to, deeper);
        }
        at = if bytes.get(to) == Some(&b',') { to + 1 } else { to };
        first = false;
    }
}

fn found(body: &str, from: usize, to: usize, deeper: &[&str]) -> Option<Slot> {
    if !deeper.is_empty() {
        return Some(match slot(body.get(from..to)?, deeper)? {
            Slot::Text { from: inner, to } => Slot::Text { from: from + inner, to: from + to },
            Slot::Absent { end, first } => Slot::Absent { end: from + end, first },
        });
    }
    let quoted = body.get(from..to)?;
    (quoted.len() >= 2 && quoted.starts_with('"')).then_some(Slot::Text { from: from + 1, to: to - 1 })
}

/// Where the JSON value that starts at `from` ends.
fn value_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = text_end(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return (at > from).then_some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the JSON text that starts with the quote at `from` ends, its other quote included.
fn text_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const CHARGE: &str = Charge::PATH;
    const DOCUMENT: &str = CreateDocument::PATH;

    fn spliced(endpoint: &str, body: &str, place: StampPlace) -> Option<String> {
        let stamp = "k7mq2xd.12.1".parse().unwrap();
        let splice = splice(endpoint, body, &stamp, place);
        assert_eq!(splice.is_some(), has_place(endpoint, body, &stamp, place), "{body}");
        let splice = splice?;
        let mut text = body.to_owned();
        text.insert_str(splice.at, &splice.text);
        serde_json::from_str::<Value>(&text).unwrap();
        Some(text)
    }

    #[track_caller]
    fn check(endpoint: &str, place: StampPlace, body: &str, want: Option<&str>) {
        assert_eq!(spliced(endpoint, body, place).as_deref(), want, "{body}");
    }

    #[test]
    fn a_stamp_goes_behind_the_callers_words() {
        use StampPlace::End;
        check(
            CHARGE,
            End,
            r#"{"A":1,"DocumentDescription":"order-7"}"#,
            Some(r#"{"A":1,"DocumentDescription":"order-7 [k7mq2xd.12.1]"}"#),
        );
        check(
            CHARGE,
            End,
            r#"{"DocumentDescription":"a\"b\\","B":[1,{"x":"}"}]}"#,
            Some(r#"{"DocumentDescription":"a\"b\\ [k7mq2xd.12.1]","B":[1,{"x":"}"}]}"#),
        );
        check(
            CHARGE,
            End,
            r#"{"DocumentDescription":"הזמנה"}"#,
            Some(r#"{"DocumentDescription":"הזמנה [k7mq2xd.12.1]"}"#),
        );
        check(CHARGE, End, r#"{"A":true}"#, Some(r#"{"A":true,"DocumentDescription":"[k7mq2xd.12.1]"}"#));
        check(CHARGE, End, "{}", Some(r#"{"DocumentDescription":"[k7mq2xd.12.1]"}"#));
        check(
            DOCUMENT,
            End,
            r#"{"Details":{"Type":1,"Description":"x"},"Description":"y"}"#,
            Some(r#"{"Details":{"Type":1,"Description":"x [k7mq2xd.12.1]"},"Description":"y"}"#),
        );
        check(
            DOCUMENT,
            End,
            r#"{"Details":{"Type":1,"Customer":{"Description":"n"}},"Items":[]}"#,
            Some(
                r#"{"Details":{"Type":1,"Customer":{"Description":"n"},"Description":"[k7mq2xd.12.1]"},"Items":[]}"#,
            ),
        );
    }

    #[test]
    fn a_stamp_may_go_in_front_or_nowhere() {
        use StampPlace::{Off, Start};
        check(
            CHARGE,
            Start,
            r#"{"DocumentDescription":"x"}"#,
            Some(r#"{"DocumentDescription":"[k7mq2xd.12.1] x"}"#),
        );
        check(CHARGE, Start, r#"{"A":1}"#, Some(r#"{"A":1,"DocumentDescription":"[k7mq2xd.12.1]"}"#));
        check(CHARGE, Off, r#"{"DocumentDescription":"x"}"#, None);
    }

    #[test]
    fn only_the_field_itself_is_touched() {
        let nested = r#"{"Customer":{"Properties":{"DocumentDescription":"n"}},"Note":"\"DocumentDescription\":\"q\"","DocumentDescription":"x"}"#;
        let want = r#"{"Customer":{"Properties":{"DocumentDescription":"n"}},"Note":"\"DocumentDescription\":\"q\"","DocumentDescription":"x [k7mq2xd.12.1]"}"#;
        check(CHARGE, StampPlace::End, nested, Some(want));
    }

    #[test]
    fn what_makes_no_document_or_has_no_room_gets_no_stamp() {
        use StampPlace::End;
        check(CHARGE, End, r#"{"A":1,"PreventDocumentCreation":true}"#, None);
        check(
            CHARGE,
            End,
            r#"{"A":1,"PreventDocumentCreation":false}"#,
            Some(r#"{"A":1,"PreventDocumentCreation":false,"DocumentDescription":"[k7mq2xd.12.1]"}"#),
        );
        check("/website/companies/create/", End, r#"{"Company":{}}"#, None);
        check(DOCUMENT, End, r#"{"Items":[]}"#, None);
        for (chars, fits) in [(235, true), (236, false)] {
            let body = format!(r#"{{"DocumentDescription":"{}"}}"#, "א".repeat(chars));
            assert_eq!(spliced(CHARGE, &body, End).is_some(), fits, "{chars}");
        }
    }

    #[test]
    fn each_place_reads_back() {
        for (word, place) in StampPlace::TABLE {
            assert_eq!((word.parse(), place.to_string().as_str()), (Ok(place), word));
        }
        assert!("middle".parse::<StampPlace>().is_err());
    }
}
