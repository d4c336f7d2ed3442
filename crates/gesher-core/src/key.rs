//! Keys: the name of one business intention, cleaned so that the same intention has one spelling.

use crate::language::Text;
use crate::limits::KEY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A cleaned key: trimmed, Unicode NFC, without bidirectional marks, never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(String);

/// A text cannot be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is left after cleaning.
    #[error("the key is empty")]
    Empty,
    /// Longer than [`KEY_BYTES_MAX`].
    #[error("the key is longer than {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// A control character, which nobody can see or type.
    #[error("the key holds a control character")]
    Control,
}

impl KeyError {
    /// The same for people.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Empty => Text::new("המפתח ריק", "the key is empty"),
            Self::TooLong => Text::new(
                format!("המפתח ארוך מ־{KEY_BYTES_MAX} בתים"),
                format!("the key is longer than {KEY_BYTES_MAX} bytes"),
            ),
            Self::Control => Text::new("במפתח יש תו בקרה", "the key holds a control character"),
        }
    }
}

impl Key {
    /// Cleans `raw` and takes it as a key.
    pub fn clean(raw: &str) -> Result<Self, KeyError> {
        let cleaned = clean_cell(raw);
        if cleaned.is_empty() {
            return Err(KeyError::Empty);
        }
        if cleaned.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if cleaned.chars().any(|c| c.is_control() && c != ROW_KEY_SEPARATOR) {
            return Err(KeyError::Control);
        }
        Ok(Self(cleaned))
    }

    /// A row's key from its key cells, in the order of the flow's `row_key`. No cell may be empty.
    pub fn of_cells<'a>(cells: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        let mut joined = String::new();
        for (position, cell) in cells.into_iter().enumerate() {
            let one = Self::clean(cell)?;
            if one.0.contains(ROW_KEY_SEPARATOR) {
                return Err(KeyError::Control);
            }
            if position > 0 {
                joined.push(ROW_KEY_SEPARATOR);
            }
            joined.push_str(&one.0);
        }
        if joined.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if joined.is_empty() { Err(KeyError::Empty) } else { Ok(Self(joined)) }
    }

    /// A key that the hub made up itself and that needs no cleaning.
    #[must_use]
    pub fn derived(text: String) -> Self {
        Self(text)
    }

    /// The cleaned cells that it was made of.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.0.split(ROW_KEY_SEPARATOR)
    }

    /// The key as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Between the cells of a composite row key. A control character, so no cell can hold it and two different rows
/// can never join to one key.
const ROW_KEY_SEPARATOR: char = '\u{1f}';

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split(ROW_KEY_SEPARATOR);
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, " + {part}"))
    }
}

/// Marks that change the direction of text and nothing else; spreadsheets and chat programs leave them behind.
#[must_use]
pub fn is_bidi_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A cell cleaned as key cells are: trimmed, NFC, without bidirectional marks.
#[must_use]
pub fn clean_cell(raw: &str) -> String {
    if raw.is_ascii() {
        return raw.trim().to_owned();
    }
    let unmarked: String = raw.chars().filter(|c| !is_bidi_mark(*c)).collect();
    let trimmed = unmarked.trim();
    match is_nfc_quick(trimmed.chars()) {
        IsNormalized::Yes => trimmed.to_owned(),
        IsNormalized::No | IsNormalized::Maybe => trimmed.nfc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, want: Result<&str, KeyError>) {
        assert_eq!(Key::clean(raw).map(|key| key.0), want.map(str::to_owned), "{raw:?}");
    }

    #[test]
    fn one_intention_has_one_spelling() {
        check(" order-1007 ", Ok("order-1007"));
        check("\u{200f}הזמנה\u{202c}-7\u{a0}", Ok("הזמנה-7"));
        check("cafe\u{301}", Ok("café"));
        check("\u{200f} \u{feff}", Err(KeyError::Empty));
        check("a\u{0}b", Err(KeyError::Control));
        check(&"x".repeat(KEY_BYTES_MAX + 1), Err(KeyError::TooLong));
    }

    #[test]
    fn different_cells_never_join_to_one_key() {
        let a = Key::of_cells(["1", "23"]).unwrap();
        let b = Key::of_cells(["12", "3"]).unwrap();
        assert_ne!(a, b);
        assert_eq!(a.to_string(), "1 + 23");
        assert_eq!(a.cells().collect::<Vec<_>>(), ["1", "23"]);
        assert_eq!(Key::of_cells(["1", ""]), Err(KeyError::Empty));
        assert_eq!(Key::of_cells(["1\u{1f}2"]), Err(KeyError::Control));
    }
}
