//! A key as people store it: 64 hexadecimal digits, or base64 of either alphabet, with or without padding.

use zeroize::Zeroizing;

/// Length of a master key and of a data key, in bytes.
pub(crate) const KEY_BYTES: usize = 32;

/// Key material. Boxed, so that moving it leaves no copy behind; overwritten when dropped.
pub(crate) type KeyBytes = Box<Zeroizing<[u8; KEY_BYTES]>>;

/// Reads a key, or nothing when the text is none.
pub(crate) fn parse(text: &str) -> Option<KeyBytes> {
    let text = text.trim();
    if text.len() == KEY_BYTES * 2 { from_hexadecimal(text) } else { from_base64(text) }
}

/// Writes a key as hexadecimal digits.
pub(crate) fn to_hexadecimal(key: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES * 2 + 1));
    for byte in key {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}

fn from_hexadecimal(text: &str) -> Option<KeyBytes> {
    let mut key: KeyBytes = Box::default();
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = hexadecimal_value(digits[0])? << 4 | hexadecimal_value(digits[1])?;
    }
    Some(key)
}

fn hexadecimal_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn from_base64(text: &str) -> Option<KeyBytes> {
    // 32 bytes are 43 letters and one `=`: the last letter carries four bits of the key and two that must be zero.
    let letters = text.strip_suffix('=').unwrap_or(text).as_bytes();
    if letters.len() != (KEY_BYTES * 8).div_ceil(6) {
        return None;
    }
    let mut key: KeyBytes = Box::default();
    let (mut bits, mut count, mut filled) = (0_u32, 0_u32, 0);
    for letter in letters {
        bits = bits << 6 | u32::from(base64_value(*letter)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            *key.get_mut(filled)? = u8::try_from(bits >> count & 0xff).ok()?;
            filled += 1;
            bits &= (1 << count) - 1;
        }
    }
    (filled == KEY_BYTES && bits == 0).then_some(key)
}

fn base64_value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes f8 to ff and 00 to 17, which use both special letters of base64.
    fn sample() -> [u8; KEY_BYTES] {
        std::array::from_fn(|at| 0xf8_u8.wrapping_add(u8::try_from(at).unwrap()))
    }

    fn check(text: &str, want: Option<[u8; KEY_BYTES]>) {
        assert_eq!(parse(text).map(|key| **key), want, "{text}");
    }

    #[test]
    fn a_key_is_read_in_each_form_that_people_use() {
        let text = to_hexadecimal(&sample());
        assert_eq!(&*text, "f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f1011121314151617");
        check(&text, Some(sample()));
        check(&text.to_uppercase(), Some(sample()));
        check(&format!(" {}\n", &*text), Some(sample()));
        check("+Pn6+/z9/v8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhc=", Some(sample()));
        check("-Pn6-_z9_v8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhc", Some(sample()));
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        check("", None);
        check("password", None);
        check("f8f9", None);
        check("gg f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161", None);
        check("f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f10111213141516", None);
        check("+Pn6+/z9/v8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhd=", None);
        check("+Pn6+/z9/v8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhc==", None);
        check("מפתח", None);
    }
}
