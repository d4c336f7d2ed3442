//! Text out of bytes: strict UTF-8, UTF-16 with its mark, and the two old Hebrew encodings where they are named.
//! Nothing is guessed and nothing is replaced: a wrong guess would charge under a wrong name.
//!
//! Every encoding here gives each text exactly one spelling in bytes, so what was decoded can be encoded back byte
//! for byte.

use super::fault::{self, Fault};
use serde::{Deserialize, Serialize};

/// What a flow's `encoding` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncodingChoice {
    /// UTF-8 with or without its mark, or UTF-16 with its mark.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// The Hebrew of old Windows programs.
    #[serde(rename = "windows-1255")]
    Windows1255,
    /// The Hebrew of old Unix and mainframe programs.
    #[serde(rename = "iso-8859-8")]
    Iso8859Dash8,
}

impl EncodingChoice {
    /// The words that a configuration may say.
    pub const NAMES: [&'static str; 3] = ["auto", "windows-1255", "iso-8859-8"];

    /// Reads a flow's `encoding`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" | "utf-8" | "utf-16" => Some(Self::Auto),
            "windows-1255" | "cp1255" => Some(Self::Windows1255),
            "iso-8859-8" => Some(Self::Iso8859Dash8),
            _ => None,
        }
    }
}

/// The encoding a file turned out to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a mark.
    Utf8,
    /// UTF-8 after a mark.
    Utf8Marked,
    /// UTF-16, low byte first, after a mark.
    Utf16Le,
    /// UTF-16, high byte first, after a mark.
    Utf16Be,
    /// windows-1255.
    Windows1255,
    /// ISO-8859-8.
    Iso8859Dash8,
}

impl Encoding {
    /// The encoding of a file that begins with `start`. A mark decides, whatever was named.
    #[must_use]
    pub fn detect(start: &[u8], choice: EncodingChoice) -> Self {
        match (start, choice) {
            ([0xef, 0xbb, 0xbf, ..], _) => Self::Utf8Marked,
            ([0xff, 0xfe, ..], _) => Self::Utf16Le,
            ([0xfe, 0xff, ..], _) => Self::Utf16Be,
            (_, EncodingChoice::Auto) => Self::Utf8,
            (_, EncodingChoice::Windows1255) => Self::Windows1255,
            (_, EncodingChoice::Iso8859Dash8) => Self::Iso8859Dash8,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 | Self::Utf8Marked => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1255 => "windows-1255",
            Self::Iso8859Dash8 => "iso-8859-8",
        }
    }

    /// The mark that its files begin with.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8Marked => &[0xef, 0xbb, 0xbf],
            Self::Utf16Le => &[0xff, 0xfe],
            Self::Utf16Be => &[0xfe, 0xff],
            Self::Utf8 | Self::Windows1255 | Self::Iso8859Dash8 => &[],
        }
    }

    /// Whether each byte is a character.
    #[must_use]
    pub fn is_one_byte(self) -> bool {
        matches!(self, Self::Windows1255 | Self::Iso8859Dash8)
    }

    /// The bytes that `text`, which was decoded from this encoding, came from.
    pub fn encode(self, text: &str, into: &mut Vec<u8>) {
        match self {
            Self::Utf8 | Self::Utf8Marked => into.extend_from_slice(text.as_bytes()),
            Self::Utf16Le => into.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Utf16Be => into.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Windows1255 => into.extend_from_slice(&encoding_rs::WINDOWS_1255.encode(text).0),
            Self::Iso8859Dash8 => into.extend_from_slice(&encoding_rs::ISO_8859_8.encode(text).0),
        }
    }

    /// How many bytes [`Encoding::encode`] makes of `text`.
    #[must_use]
    pub fn encoded_bytes(self, text: &str) -> usize {
        match self {
            Self::Utf8 | Self::Utf8Marked => text.len(),
            Self::Utf16Le | Self::Utf16Be => text.encode_utf16().count() * 2,
            Self::Windows1255 | Self::Iso8859Dash8 => text.chars().count(),
        }
    }

    fn decoder(self) -> Option<encoding_rs::Decoder> {
        match self {
            Self::Utf8 | Self::Utf8Marked => None,
            Self::Utf16Le => Some(encoding_rs::UTF_16LE.new_decoder_without_bom_handling()),
            Self::Utf16Be => Some(encoding_rs::UTF_16BE.new_decoder_without_bom_handling()),
            Self::Windows1255 => Some(encoding_rs::WINDOWS_1255.new_decoder_without_bom_handling()),
            Self::Iso8859Dash8 => Some(encoding_rs::ISO_8859_8.new_decoder_without_bom_handling()),
        }
    }
}

/// Decodes the blocks of one file in their order.
pub(super) struct Decoder {
    encoding: Encoding,
    other: Option<encoding_rs::Decoder>,
    /// The first bytes of a UTF-8 character whose rest is in the next block.
    carried: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, other: encoding.decoder(), carried: Vec::new() }
    }

    /// Appends the text of `bytes` to `text`. After a fault, `text` ends right before what is wrong.
    pub(super) fn decode(&mut self, bytes: &[u8], last: bool, text: &mut String) -> Result<(), Fault> {
        let from = text.len();
        let decoded = match self.other.take() {
            None => self.decode_utf8(bytes, last, text),
            Some(mut decoder) => {
                let decoded = self.decode_other(&mut decoder, bytes, last, text);
                self.other = Some(decoder);
                decoded
            }
        };
        let fresh = text.get(from..).unwrap_or_default();
        let unwanted = fresh.bytes().position(|byte| byte == 0).map(|at| (at, fault::nul_character()));
        let lost = fresh.find('\u{fffd}').map(|at| (at, fault::replacement_character()));
        match unwanted.into_iter().chain(lost).min_by_key(|(at, _)| *at) {
            Some((at, fault)) => {
                text.truncate(from + at);
                Err(fault)
            }
            None => decoded,
        }
    }

    fn decode_utf8(&mut self, bytes: &[u8], last: bool, text: &mut String) -> Result<(), Fault> {
        let mut joined = std::mem::take(&mut self.carried);
        joined.extend_from_slice(bytes);
        match std::str::from_utf8(&joined) {
            Ok(decoded) => {
                text.push_str(decoded);
                joined.clear();
            }
            Err(error) => {
                let (good, bad) = joined.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                if last || error.error_len().is_some() {
                    let looks_hebrew = self.encoding == Encoding::Utf8 && is_like_old_hebrew(&joined);
                    return Err(fault::bad_bytes(self.encoding.name(), looks_hebrew));
                }
                joined = bad.to_vec();
            }
        }
        self.carried = joined;
        Ok(())
    }

    fn decode_other(
        &self,
        decoder: &mut encoding_rs::Decoder,
        bytes: &[u8],
        last: bool,
        text: &mut String,
    ) -> Result<(), Fault> {
        // Without room for the worst case the decoder would stop half-way and have to be asked again.
        text.reserve(
            decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 3),
        );
        match decoder.decode_to_string_without_replacement(bytes, text, last).0 {
            encoding_rs::DecoderResult::InputEmpty => Ok(()),
            encoding_rs::DecoderResult::OutputFull | encoding_rs::DecoderResult::Malformed(..) => {
                Err(fault::bad_bytes(self.encoding.name(), false))
            }
        }
    }
}

/// Whether bytes look like Hebrew in an old encoding: most that are no ASCII stand where its letters do. Good enough to
/// suggest, and nothing is ever read by it.
fn is_like_old_hebrew(bytes: &[u8]) -> bool {
    let beyond = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let letters = bytes.iter().filter(|byte| (0xe0..=0xfa).contains(*byte)).count();
    beyond > 0 && letters * 10 >= beyond * 8
}

/// Watches the bytes of a file in a one-byte encoding: whether they are all valid UTF-8 with more than ASCII in it.
/// Real text in a one-byte Hebrew encoding never is, so such a file was saved otherwise than its flow says.
#[derive(Default)]
pub(super) struct Utf8Suspicion {
    carried: Vec<u8>,
    ruled_out: bool,
    beyond_ascii: bool,
}

impl Utf8Suspicion {
    pub(super) fn look(&mut self, bytes: &[u8]) {
        if self.ruled_out {
            return;
        }
        let mut joined = std::mem::take(&mut self.carried);
        joined.extend_from_slice(bytes);
        self.beyond_ascii |= !joined.is_ascii();
        if let Err(error) = std::str::from_utf8(&joined) {
            self.ruled_out = error.error_len().is_some();
            self.carried = joined.split_off(error.valid_up_to());
        }
    }

    pub(super) fn is_utf8(&self) -> bool {
        !self.ruled_out && self.carried.is_empty() && self.beyond_ascii
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes `bytes` in pieces of `piece` bytes.
    fn decode(bytes: &[u8], choice: EncodingChoice, piece: usize) -> (String, Result<(), &'static str>) {
        let encoding = Encoding::detect(bytes, choice);
        let mut decoder = Decoder::new(encoding);
        let mut text = String::new();
        for part in bytes.get(encoding.mark().len()..).unwrap().chunks(piece) {
            if let Err(fault) = decoder.decode(part, false, &mut text) {
                return (text, Err(fault.code));
            }
        }
        let end = decoder.decode(&[], true, &mut text).map_err(|fault| fault.code);
        (text, end)
    }

    fn check(bytes: &[u8], want: &str, end: Result<(), &'static str>) {
        for piece in [1, 2, 3, 1_000] {
            assert_eq!(
                decode(bytes, EncodingChoice::Auto, piece),
                (want.to_owned(), end),
                "{bytes:x?} {piece}"
            );
        }
    }

    fn utf16(text: &str) -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    }

    #[test]
    fn marks_decide_and_nothing_is_guessed() {
        check("שם,a\n".as_bytes(), "שם,a\n", Ok(()));
        check(b"\xef\xbb\xbfa\n", "a\n", Ok(()));
        check(&utf16("שם\t€😀\r\n"), "שם\t€😀\r\n", Ok(()));
        check(b"\xfe\xff\x05\xe9\x00\n", "ש\n", Ok(()));
        check(b"ab\xf9\xecd", "ab", Err("bad_bytes"));
        check(b"ab\xd7", "ab", Err("bad_bytes"));
        check(b"ab\0cd", "ab", Err("nul"));
        check("ab\u{fffd}".as_bytes(), "ab", Err("lost_character"));
        check(b"\xff\xfea\0b", "a", Err("bad_bytes"));
        check(b"\xff\xfea\0\x00\xd8b\0", "a", Err("bad_bytes"));
    }

    #[test]
    fn a_named_encoding_reads_old_hebrew_and_gives_each_byte_back() {
        for choice in [EncodingChoice::Windows1255, EncodingChoice::Iso8859Dash8] {
            assert_eq!(decode(b"\xf9\xec\xe5\xed", choice, 2).0, "שלום");
            for byte in 1..=255_u8 {
                let (text, end) = decode(&[b'a', byte], choice, 1);
                if end.is_ok() {
                    let mut back = Vec::new();
                    Encoding::detect(b"a", choice).encode(&text, &mut back);
                    assert_eq!(back, [b'a', byte], "{byte:x}");
                    assert_eq!(Encoding::detect(b"a", choice).encoded_bytes(&text), 2, "{byte:x}");
                }
            }
        }
    }

    #[test]
    fn old_hebrew_is_told_from_other_old_text() {
        for (bytes, want) in [
            (&b"\xf9\xec\xe5\xed, a"[..], true),
            (b"caf\xe9 \xc0\xc1", false),
            (b"abc", false),
            (b"\x80\x81", false),
        ] {
            assert_eq!(is_like_old_hebrew(bytes), want, "{bytes:x?}");
        }
    }

    #[test]
    fn utf8_under_a_one_byte_name_is_noticed() {
        let is_utf8 = |bytes: &[u8]| {
            let mut suspicion = Utf8Suspicion::default();
            bytes.chunks(1).for_each(|part| suspicion.look(part));
            suspicion.is_utf8()
        };
        assert!(is_utf8("שלום".as_bytes()));
        assert!(!is_utf8(b"plain"));
        assert!(!is_utf8(b"\xf9\xec\xe5\xed"));
    }

    proptest! {
        #[test]
        fn what_was_decoded_encodes_back_byte_for_byte(text in "[^\0\u{fffd}\u{feff}]{0,40}", piece in 1_usize..9) {
            for bytes in [text.clone().into_bytes(), utf16(&text)] {
                let (decoded, end) = decode(&bytes, EncodingChoice::Auto, piece);
                prop_assert_eq!(end, Ok(()));
                prop_assert_eq!(&decoded, &text);
                let encoding = Encoding::detect(&bytes, EncodingChoice::Auto);
                let mut back = encoding.mark().to_vec();
                encoding.encode(&decoded, &mut back);
                prop_assert_eq!(encoding.mark().len() + encoding.encoded_bytes(&decoded), bytes.len());
                prop_assert_eq!(back, bytes);
            }
        }
    }
}
