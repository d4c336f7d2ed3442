//! Hexadecimal and base64 as senders write them, and the comparison that takes the same time wherever two texts differ.
//! Strict: what has two readings is no reading.

use super::config::Encoding;
use ring::hmac;

/// The bytes that a text stands for; none where it is not written that way.
#[must_use]
pub fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => from_hex(text),
        Encoding::Base64 => from_base64(text),
    }
}

/// Two digits a byte, capital or small.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

/// Small hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The usual alphabet with its padding, and no bits left over.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    for (at, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || padding > 0 && at + 1 < groups.len() {
            return None;
        }
        let mut bits = 0_u32;
        for byte in &group[..4 - padding] {
            bits = bits << 6 | u32::from(sextet(*byte)?);
        }
        bits <<= 6 * padding;
        let [_, whole @ ..] = bits.to_be_bytes();
        let (kept, left_over) = whole.split_at(3 - padding);
        if left_over.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

/// Base64 with its padding.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| char::from(LETTERS[usize::from(bits.to_be_bytes()[3] & 63)]);
    let group = |group: &[u8]| {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        [18, 12, 6, 0]
            .map(|shift| letter(bits >> shift))
            .into_iter()
            .take(group.len() + 1)
            .chain(['='; 3])
            .take(4)
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Whether two texts are the same, in a time that says nothing about where they differ: what is compared are their
/// codes under `key`, by the library that made them.
#[must_use]
pub fn same(key: &hmac::Key, left: &[u8], right: &[u8]) -> bool {
    hmac::verify(key, left, hmac::sign(key, right).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_read_in_one_spelling_only() {
        for (text, want) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYg==", Some(b"foob")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            // Bits left over, no padding, padding within, another alphabet, white space.
            ("Zh==", None),
            ("Zm9=", None),
            ("Zg", None),
            ("Zg=", None),
            ("Zg==Zg==", None),
            ("-_-_", None),
            ("Zm9v\n", None),
            ("====", None),
            ("Z===", None),
        ] {
            assert_eq!(from_base64(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn hexadecimal_is_read_in_either_case_and_whole_only() {
        for (text, want) in [
            ("", Some(&b""[..])),
            ("00ff", Some(&[0, 255])),
            ("00Ff", Some(&[0, 255])),
            ("0", None),
            ("0g", None),
            ("0x", None),
            ("+1", None),
            ("עע", None),
        ] {
            assert_eq!(from_hex(text).as_deref(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }

        #[test]
        fn nothing_makes_the_readers_panic(text in ".{0,40}") {
            let _ = (from_hex(&text), from_base64(&text));
        }

        #[test]
        fn only_equal_texts_are_the_same(
            left in prop::collection::vec(any::<u8>(), 0..40),
            right in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"any");
            prop_assert_eq!(same(&key, &left, &right), left == right);
            prop_assert!(same(&key, &left, &left));
        }
    }
}
