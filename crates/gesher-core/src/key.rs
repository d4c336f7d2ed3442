//! Keys: the name of one business intention, cleaned so that the same intention has one spelling.

use crate::ids::{ItemId, RunId, VendorHandle};
use crate::language::Text;
use crate::limits::KEY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
        if cleaned.chars().any(char::is_control) {
            return Err(KeyError::Control);
        }
        Ok(Self(cleaned))
    }

    /// A row's key from its key cells, in the order of the flow's `row_key`. No cell may be empty.
    pub fn of_cells<'a>(cells: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        let mut joined = String::new();
        for (position, cell) in cells.into_iter().enumerate() {
            let one = Self::clean(cell)?;
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

    /// The key of an item's call without one: the `ordinal`th such call of its operation.
    #[must_use]
    pub fn of_item(item: &ItemId, ordinal: u32) -> Self {
        Self(format!("{OF_ITEM}{item}/{ordinal}"))
    }

    /// Whether it has the form of [`Key::of_item`], so that it could be taken for another call's.
    #[must_use]
    pub fn is_of_item(&self) -> bool {
        let parts = self.0.strip_prefix(OF_ITEM).and_then(|rest| rest.split_once('/'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        parts.is_some_and(|(item, ordinal)| {
            let item = item.split_once('.');
            is_number(ordinal)
                && item.is_some_and(|(run, row)| run.parse::<RunId>().is_ok() && is_number(row))
        })
    }

    /// The key of what happens once per vendor.
    #[must_use]
    pub fn of_vendor(vendor: &VendorHandle) -> Self {
        Self(format!("vendor/{vendor}"))
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

/// What the keys of calls without one begin with.
const OF_ITEM: &str = "item/";
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
    cleaned(raw).into_owned()
}

/// The same as [`clean_cell`], in place where nothing but blanks around it is taken away.
#[must_use]
pub fn cleaned(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw.trim());
    }
    let unmarked: String = raw.chars().filter(|c| !is_bidi_mark(*c)).collect();
    let trimmed = unmarked.trim();
    Cow::Owned(match is_nfc_quick(trimmed.chars()) {
        IsNormalized::Yes => trimmed.to_owned(),
        IsNormalized::No | IsNormalized::Maybe => trimmed.nfc().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// The documented cleaning, without the short cuts: no marks, no blanks around it, NFC.
    fn plainly(raw: &str) -> String {
        let unmarked: String = raw.chars().filter(|c| !is_bidi_mark(*c)).collect();
        unmarked.trim().nfc().collect()
    }

    /// Texts that look alike: letters with and without their marks put together, blanks, marks, separators, controls.
    fn alike() -> impl Strategy<Value = String> {
        let parts = [
            "a",
            "e\u{301}",
            "é",
            "\u{301}",
            "ש\u{5c1}",
            "שׁ",
            "1",
            "12",
            "\u{a0}",
            " ",
            "\t",
            "\u{200f}",
            "\u{feff}",
            "\u{1f}",
            "\0",
            "/",
            ".",
            "item/k7mq2xd.1/1",
            "Å",
            "\u{212b}",
            "ﬁ",
            "0",
        ];
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn keys_are_equal_exactly_where_the_cleaning_makes_texts_equal(a in alike(), b in alike(), any in ".*") {
            for raw in [&a, &b, &any] {
                if let Ok(key) = Key::clean(raw) {
                    prop_assert_eq!(key.as_str(), plainly(raw));
                    prop_assert_eq!(Key::clean(key.as_str()), Ok(key.clone()), "cleaning twice is cleaning once");
                    prop_assert!(!key.as_str().contains(ROW_KEY_SEPARATOR));
                }
            }
            if let (Ok(one), Ok(other)) = (Key::clean(&a), Key::clean(&b)) {
                prop_assert_eq!(one == other, plainly(&a) == plainly(&b));
            }
        }

        #[test]
        fn rows_have_one_key_exactly_where_their_key_cells_are_equal(
            a in prop::collection::vec(alike(), 1..4),
            b in prop::collection::vec(alike(), 1..4),
        ) {
            let (one, other) = (Key::of_cells(a.iter().map(String::as_str)), Key::of_cells(b.iter().map(String::as_str)));
            if let (Ok(one), Ok(other)) = (one, other) {
                let cleaned = |cells: &[String]| cells.iter().map(|cell| plainly(cell)).collect::<Vec<_>>();
                prop_assert_eq!(one == other, cleaned(&a) == cleaned(&b));
                prop_assert_eq!(one.cells().map(str::to_owned).collect::<Vec<_>>(), cleaned(&a));
            }
        }

        #[test]
        fn nobody_can_name_a_key_that_the_hub_makes_up(row in 0..u64::MAX, ordinal in 1..u32::MAX, blank in "[ \t\u{200f}]*") {
            let item = ItemId { run: RunId::random().unwrap(), ordinal: row };
            let made_up = Key::of_item(&item, ordinal);
            prop_assert!(made_up.is_of_item());
            let named = Key::clean(&format!("{blank}{made_up}{blank}")).unwrap();
            prop_assert!(named == made_up && named.is_of_item());
            for other in ["item/7", "item/7/1", "item/k7mq2xd.1", "item/k7mq2xd.1/", "xitem/k7mq2xd.1/1", "item/k7mq2xd.1/1x"] {
                prop_assert!(!Key::clean(other).unwrap().is_of_item(), "{}", other);
            }
        }
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
