//! Finds card numbers in text: thirteen to nineteen digits that an issuer could have given out.
//!
//! A random number passes the check digit one time in ten, so the issuer's range has to fit too. Local cards of
//! eight or nine digits have no shape of their own and cannot be found here.

use std::borrow::Cow;
use std::ops::Range;

/// Digits of the shortest card number.
const DIGITS_MIN: usize = 13;
/// Length of a UUID in its usual form.
const UUID_BYTES: usize = 36;
/// Digits of the longest card number.
const DIGITS_MAX: usize = 19;

/// Whether `text` holds a card number.
#[must_use]
pub fn holds_card_number(text: &str) -> bool {
    next_card_number(text, 0).is_some()
}

/// `text` with each card number replaced by `[card ****1234]`.
#[must_use]
pub fn mask_card_numbers(text: &str) -> Cow<'_, str> {
    let Some((mut range, mut last)) = next_card_number(text, 0) else {
        return Cow::Borrowed(text);
    };
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    loop {
        masked.push_str(text.get(done..range.start).unwrap_or_default());
        masked.push_str("[card ****");
        masked.push_str(&last);
        masked.push(']');
        done = range.end;
        match next_card_number(text, done) {
            Some(next) => (range, last) = next,
            None => break,
        }
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(masked)
}

/// The first card number at or after byte `from`: where it stands and its last four digits.
fn next_card_number(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    // Nearly every text ends here: this runs over each cell of a file and each string of an answer.
    if !may_hold_card_number(text.as_bytes().get(from..)?) {
        return None;
    }
    let mut digits: Vec<(u8, usize, usize)> = Vec::new();
    let mut separated = false;
    let tail = text.get(from..)?;
    let mut skipped_to = from;
    for (offset, c) in tail.char_indices().map(|(at, c)| (at + from, c)).chain([(text.len(), '\0')]) {
        if offset < skipped_to {
            continue;
        }
        if is_uuid_at(text, offset) {
            skipped_to = offset + UUID_BYTES;
            digits.clear();
            separated = false;
        } else if let Some(digit) = digit_of(c) {
            digits.push((digit, offset, offset + c.len_utf8()));
            separated = false;
        } else if is_separator(c) && !separated && !digits.is_empty() {
            // One separator between groups is how people write card numbers; two end the number.
            separated = true;
        } else {
            if let Some(found) = card_among(&digits) {
                return Some(found);
            }
            digits.clear();
            separated = false;
        }
    }
    None
}

/// A quick look that never overlooks a number: whether anywhere enough digits follow one another with nothing but
/// separators between them. It takes for a digit whatever may begin one, and for a separator whatever may be part of one.
///
/// Such a stretch has at least as many bytes as a number has digits, so one byte of each that many is looked at, and
/// its neighbours only where it could be part of one.
fn may_hold_card_number(text: &[u8]) -> bool {
    let ends_a_number = |byte: &u8| kind_of(*byte) == Kind::Other;
    let mut probe = DIGITS_MIN - 1;
    while let Some(byte) = text.get(probe) {
        if ends_a_number(byte) {
            probe += DIGITS_MIN;
            continue;
        }
        let before = text.get(..probe).unwrap_or_default();
        let start = before.iter().rposition(ends_a_number).map_or(0, |at| at + 1);
        let stretch = text.get(start..).unwrap_or_default();
        let stretch = stretch.split(ends_a_number).next().unwrap_or_default();
        if stretch.iter().filter(|byte| kind_of(**byte) == Kind::Digit).count() >= DIGITS_MIN {
            return true;
        }
        // The byte behind the stretch ends it; the next number that counts reaches as far as this.
        probe = start + stretch.len() + DIGITS_MIN;
    }
    false
}

/// What a byte of UTF-8 may be in a card number.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A digit, or the first byte of a digit of another script.
    Digit,
    /// A separator, or a part of one; or the rest of any character.
    Between,
    /// Neither.
    Other,
}

fn kind_of(byte: u8) -> Kind {
    const KINDS: [Kind; 256] = {
        let mut kinds = [Kind::Other; 256];
        let mut byte = 0;
        while byte < kinds.len() {
            kinds[byte] = match byte as u8 {
                b'0'..=b'9' | 0xd9 | 0xdb | 0xef => Kind::Digit,
                b' ' | b'-' | b'.' | b'\t' | b'\n' | b'\r' | 0x80..=0xbf | 0xc2 | 0xe2 => Kind::Between,
                _ => Kind::Other,
            };
            byte += 1;
        }
        kinds
    };
    KINDS[usize::from(byte)]
}

/// Whether a UUID stands at byte `at`. Card tokens are UUIDs, and one in six hundred has digits that would pass for a
/// card number.
fn is_uuid_at(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let Some(shape) = bytes.get(at..at + UUID_BYTES) else {
        return false;
    };
    let fits = |(position, byte): (usize, &u8)| {
        if matches!(position, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    !joins(before) && !joins(bytes.get(at + UUID_BYTES)) && shape.iter().enumerate().all(fits)
}

/// The first card number among `digits`, and with it whatever may be another that begins before its end: of numbers that
/// stand side by side nobody can tell where one ends. The last four digits are the first one's.
fn card_among(digits: &[(u8, usize, usize)]) -> Option<(Range<usize>, String)> {
    if digits.len() < DIGITS_MIN {
        return None;
    }
    // A run that is longer than any card number is something else, unless separators joined it to its neighbours.
    let contiguous = digits.windows(2).all(|pair| matches!(pair, [a, b] if a.2 == b.1));
    if contiguous && digits.len() > DIGITS_MAX {
        return None;
    }
    let shortest = if contiguous { digits.len() } else { DIGITS_MIN };
    let longest_at = |start: usize| {
        let lengths = (shortest..=digits.len().min(DIGITS_MAX)).rev();
        lengths.filter_map(|length| digits.get(start..start + length)).find_map(|window| {
            let values: Vec<u8> = window.iter().map(|digit| digit.0).collect();
            let tail = values.iter().skip(values.len() - 4).map(|digit| char::from(b'0' + digit));
            (issuer_may_be(&values) && luhn(&values)).then(|| (start + values.len(), tail.collect()))
        })
    };
    let (start, (mut end, tail)) =
        (0..=digits.len() - shortest).find_map(|start| Some((start, longest_at(start)?)))?;
    let mut next = start + 1;
    while next < end {
        let another: Option<(usize, String)> = longest_at(next);
        end = another.map_or(end, |(another_end, _)| end.max(another_end));
        next += 1;
    }
    Some((digits.get(start)?.1..digits.get(end - 1)?.2, tail))
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '\t' | '\n' | '\r' | '\u{a0}' | '\u{2010}'..='\u{2015}' | '\u{202f}')
}

/// The value of a decimal digit of any script that spreadsheets produce here.
fn digit_of(c: char) -> Option<u8> {
    let value = match c {
        '0'..='9' => u32::from(c) - u32::from('0'),
        '\u{660}'..='\u{669}' => u32::from(c) - 0x660,
        '\u{6f0}'..='\u{6f9}' => u32::from(c) - 0x6f0,
        '\u{ff10}'..='\u{ff19}' => u32::from(c) - 0xff10,
        _ => return None,
    };
    u8::try_from(value).ok()
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| {
            let value = u32::from(*digit) * if position % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether the leading digits and the length are those of a known scheme.
fn issuer_may_be(digits: &[u8]) -> bool {
    let lead =
        |count: usize| digits.iter().take(count).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    let length = digits.len();
    match lead(1) {
        4 => matches!(length, 13 | 16 | 19),
        5 => {
            length == 16 && (51..=55).contains(&lead(2)) || (12..=19).contains(&length) && is_maestro(lead(2))
        }
        2 => length == 16 && (2221..=2720).contains(&lead(4)),
        3 => match lead(2) {
            34 | 37 => length == 15,
            36 | 38 | 39 => (14..=19).contains(&length),
            30 => (300..=305).contains(&lead(3)) && (14..=19).contains(&length),
            35 => (3528..=3589).contains(&lead(4)) && (16..=19).contains(&length),
            _ => false,
        },
        6 => {
            let discover = lead(4) == 6011 || lead(2) == 65 || (644..=649).contains(&lead(3));
            discover && (16..=19).contains(&length)
                || lead(2) == 62 && (16..=19).contains(&length)
                || is_maestro(lead(2)) && (12..=19).contains(&length)
        }
        _ => false,
    }
}

fn is_maestro(two: u32) -> bool {
    matches!(two, 50 | 56..=58 | 63 | 67)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        assert_eq!(mask_card_numbers(text), want, "{text}");
        assert_eq!(holds_card_number(text), want.contains("[card"), "{text}");
    }

    #[test]
    fn test_cards_are_found_in_every_spelling() {
        check("4111111111111111", "[card ****1111]");
        check("4111 1111 1111 1111", "[card ****1111]");
        check("5555-5555-5555-4444", "[card ****4444]");
        check("378282246310005", "[card ****0005]");
        check("6011111111111117", "[card ****1117]");
        check("30569309025904", "[card ****5904]");
        check("3530111333300000", "[card ****0000]");
        check("כרטיס 4580 4580 4580 4580 ועוד", "כרטיס [card ****4580] ועוד");
        check("pay 4242424242424242 and 4111111111111111.", "pay [card ****4242] and [card ****1111].");
        check("٤١١١١١١١١١١١١١١١", "[card ****1111]");
        check("4111 1111\n1111 1111", "[card ****1111]");
        check("12 4111 1111 1111 1111 77", "12 [card ****1111] 77");
    }

    #[test]
    fn no_card_hides_behind_another_or_among_other_digits() {
        let cards = [
            "4580120000000097",
            "4111111111111111",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
        ];
        for one in cards {
            for other in cards {
                for (before, between, after) in
                    [("", " ", ""), ("12 ", "-", " 77"), ("9.", " 4 ", ""), ("4 ", "\n", " 4580 12")]
                {
                    let text = format!("{before}{one}{between}{other}{after}");
                    let masked = mask_card_numbers(&text);
                    let left: usize =
                        masked.split("[card").map(|part| part.matches(char::is_numeric).count()).sum();
                    assert!(!masked.contains(one) && !masked.contains(other), "{text} became {masked}");
                    assert!(left <= 16, "half of a card is left: {text} became {masked}");
                }
            }
        }
    }

    #[test]
    fn other_long_numbers_stay() {
        check("2410000001", "2410000001");
        check("90000001", "90000001");
        check("4111111111111112", "4111111111111112");
        check("9999999999999995", "9999999999999995");
        check("41111111111111110000000", "41111111111111110000000");
        check("41111111-1111-1111-8ddd-000000000001", "41111111-1111-1111-8ddd-000000000001");
        check("token 00000000-0000-4111-1111-111111111111.", "token 00000000-0000-4111-1111-111111111111.");
        check("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
        check("2026-11-21T10:20:30.123456789Z", "2026-11-21T10:20:30.123456789Z");
    }

    #[test]
    fn the_quick_look_overlooks_nothing_that_the_thorough_one_takes() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            if digit_of(c).is_some() {
                let digits = c.to_string().repeat(DIGITS_MIN);
                assert!(may_hold_card_number(digits.as_bytes()), "{c:?}");
            }
            if is_separator(c) {
                let separated = ["4"; DIGITS_MIN].join(&c.to_string());
                assert!(may_hold_card_number(separated.as_bytes()), "{c:?}");
            }
        }
        assert!(!may_hold_card_number("12 Hanevi'im, 972-2-1234567, 2030".as_bytes()));
        assert!(!may_hold_card_number("רחוב 12, 1234567890".as_bytes()));
    }
}
