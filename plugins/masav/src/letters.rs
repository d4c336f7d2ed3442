//! The code page of Masav files: seven bits, with the Hebrew letters in the places of `&` and the Latin capitals.
//!
//! Alef is `&`, bet to tav are `A` to `Z` in the order of the alphabet with its final letters. A name is written from its
//! last letter to its first, as paper terminals showed it. So a name has Hebrew letters, digits and plain signs, and
//! no Latin ones: those would read as Hebrew.

/// The Hebrew letters in their order, final forms in their places.
const HEBREW: [char; 27] = [
    'א', 'ב', 'ג', 'ד', 'ה', 'ו', 'ז', 'ח', 'ט', 'י', 'ך', 'כ', 'ל', 'ם', 'מ', 'ן', 'נ', 'ס', 'ע', 'ף', 'פ',
    'ץ', 'צ', 'ק', 'ר', 'ש', 'ת',
];

/// Signs that stay as they are.
const SIGNS: &str = " 0123456789.,-/'\"()";

/// A text as it stands in a file, in exactly `width` characters: letters replaced, order reversed, filled with blanks
/// in front, so that the reading eye finds it at the right. A longer one loses its end. None where a character has no
/// place in the code page.
#[must_use]
pub fn encode(text: &str, width: usize) -> Option<String> {
    let mut places = text.trim().chars().take(width).map(code).collect::<Option<Vec<char>>>()?;
    places.reverse();
    let blanks = width.saturating_sub(places.len());
    Some(" ".repeat(blanks).chars().chain(places).collect())
}

/// The text that stands in a file.
#[must_use]
pub fn decode(text: &str) -> String {
    let letters: String = text.chars().rev().map(letter).collect();
    letters.trim().to_owned()
}

fn code(letter: char) -> Option<char> {
    if SIGNS.contains(letter) {
        return Some(letter);
    }
    let at = HEBREW.iter().position(|known| *known == letter)?;
    match at {
        0 => Some('&'),
        at => char::from_u32(u32::try_from(at).ok()? + u32::from('A') - 1),
    }
}

fn letter(code: char) -> char {
    match code {
        '&' => HEBREW[0],
        'A'..='Z' => {
            let at = usize::try_from(u32::from(code) - u32::from('A') + 1).unwrap_or_default();
            HEBREW.get(at).copied().unwrap_or(code)
        }
        sign => sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hebrew_is_written_backwards_in_the_places_of_latin_letters() {
        for (text, want) in
            [("אבת", "  ZA&"), ("שלום", " MELY"), ("לוי 7", "7 IEL"), ("", "     "), ("אבגדהו", "DCBA&")]
        {
            assert_eq!(encode(text, 5).as_deref(), Some(want), "{text}");
        }
        assert_eq!(decode("  ZA&"), "אבת");
    }

    #[test]
    fn every_letter_reads_back_and_latin_has_no_place() {
        for letter in HEBREW {
            let text = letter.to_string();
            assert_eq!(encode(&text, 1).map(|code| decode(&code)), Some(text));
        }
        assert_eq!(encode("Dana", 16), None);
        assert_eq!(encode("é", 16), None);
    }
}
