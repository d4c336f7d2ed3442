//! The lines of the intent log: how they are written, and which are whole.

use gesher_core::{HubId, Money, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// What the first line says of the file.
const FORMAT: &str = "gesher intents 1";
/// The longest first line, in bytes.
pub(super) const FIRST_BYTES_MAX: usize = 256;
/// The hexadecimal digits of a checksum, and the space behind it.
const CHECKSUM_BYTES: usize = 9;

/// An intent as the log keeps it: all that is needed to take it over as a step that is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedIntent<'a> {
    /// Its place in the database's order.
    pub(crate) seq: i64,
    /// The step: run, row and position.
    #[serde(serialize_with = "words::write", deserialize_with = "words::step")]
    pub(crate) step: Cow<'a, StepId>,
    /// The flow.
    pub(crate) flow: Cow<'a, str>,
    /// The row's key, where its item took one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<Cow<'a, str>>,
    /// The operation.
    pub(crate) operation: Cow<'a, str>,
    /// *Who*.
    pub(crate) who: Cow<'a, str>,
    /// The account.
    pub(crate) account: Cow<'a, str>,
    /// The key.
    pub(crate) key: Cow<'a, str>,
    /// Which attempt of the key.
    pub(crate) attempt: u32,
    /// SHA-256 of the request, hexadecimal.
    pub(crate) hash: Cow<'a, str>,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Cow<'a, str>>,
    /// What it moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// Whether it counts towards limits.
    pub(crate) money: bool,
    /// When.
    #[serde(serialize_with = "words::write", deserialize_with = "words::instant")]
    pub(crate) at: Timestamp,
    /// The reference that was stamped into the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stamp: Option<Cow<'a, str>>,
    /// The earlier call of which it gives something back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<Cow<'a, str>>,
    /// What a look-up has to know.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) look_up: Cow<'a, Value>,
    /// The business that it opens an account for, where it opens one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opens: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct First<'a> {
    format: Cow<'a, str>,
    hub: Cow<'a, str>,
}

impl LoggedIntent<'_> {
    /// Adds the intent's line to a buffer.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
        write_line(buffer, self)
    }
}

/// The first line of a hub's log.
pub(super) fn first(hub: &HubId) -> Vec<u8> {
    let mut line = Vec::new();
    let first = First { format: FORMAT.into(), hub: hub.to_string().into() };
    // Two texts are always JSON, and a buffer takes whatever it is given.
    drop(write_line(&mut line, &first));
    line
}

/// The hub that a first line names.
pub(super) fn parse_first(line: &[u8]) -> Option<HubId> {
    let first: First<'_> = serde_json::from_slice(checked(line)?).ok()?;
    (first.format == FORMAT).then(|| HubId::stored(&first.hub))
}

/// Whether the bytes may be what a crash left of a first line.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let shaped = |(at, byte): (usize, &u8)| match at {
        0..8 => byte.is_ascii_hexdigit(),
        8 => *byte == b' ',
        9 => *byte == b'{',
        _ => true,
    };
    bytes.iter().all(|byte| *byte == 0)
        || (bytes.len() < FIRST_BYTES_MAX && bytes.iter().enumerate().all(shaped))
}

/// The intent of a line, if the line is whole.
pub(super) fn parse(line: &[u8]) -> Option<LoggedIntent<'static>> {
    serde_json::from_slice(checked(line)?).ok()
}

fn write_line(buffer: &mut Vec<u8>, what: &impl Serialize) -> serde_json::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(b"00000000 ");
    if let Err(error) = serde_json::to_writer(&mut *buffer, what) {
        buffer.truncate(start);
        return Err(error);
    }
    let sum = format!("{:08x}", checksum(&buffer[start + CHECKSUM_BYTES..]));
    buffer[start..start + sum.len()].copy_from_slice(sum.as_bytes());
    buffer.push(b'\n');
    Ok(())
}

/// What stands behind a line's checksum, if that is right.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.split_at_checked(CHECKSUM_BYTES)?;
    let sum = std::str::from_utf8(sum.strip_suffix(b" ")?).ok()?;
    (u32::from_str_radix(sum, 16).ok()? == checksum(rest)).then_some(rest)
}

/// CRC-32 with the polynomial of Ethernet, eight bytes at a time: a line is summed up between a commit and whoever waits
/// for it.
fn checksum(bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let sum = eights.iter().fold(u32::MAX, |sum, eight| {
        let [a, b, c, d] = sum.to_le_bytes();
        let mixed =
            [eight[0] ^ a, eight[1] ^ b, eight[2] ^ c, eight[3] ^ d, eight[4], eight[5], eight[6], eight[7]];
        // The first byte has the longest way to go.
        mixed.iter().zip(TABLES.iter().rev()).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
    });
    !rest.iter().fold(sum, |sum, byte| TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

/// What a byte adds to a sum, and what it adds when one to seven more bytes follow it.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        tables[0][at] = sum;
        at += 1;
    }
    let mut behind = 1;
    while behind < tables.len() {
        let mut at = 0;
        while at < 256 {
            let before = tables[behind - 1][at];
            tables[behind][at] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            at += 1;
        }
        behind += 1;
    }
    tables
};

/// Values as people write them.
mod words {
    use super::{Cow, StepId, Timestamp};
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::fmt::Display;

    pub(super) fn write<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn step<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, StepId>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Cow::Owned).map_err(de::Error::custom)
    }

    pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b""), 0);
    }

    #[test]
    fn eight_bytes_at_a_time_add_up_to_what_one_at_a_time_does() {
        let bytes: Vec<u8> = (0..100_u8).map(|number| number.wrapping_mul(37) ^ 0x5a).collect();
        for length in 0..bytes.len() {
            let plain = bytes[..length].iter().fold(u32::MAX, |sum, byte| {
                (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                    if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 }
                })
            });
            assert_eq!(checksum(&bytes[..length]), !plain, "{length}");
        }
    }

    #[test]
    fn the_first_line_names_its_hub_and_any_other_bytes_do_not() {
        let hub = HubId::stored("abcdefghijklmnop");
        let line = first(&hub);
        let text = line.strip_suffix(b"\n").unwrap();
        assert_eq!(parse_first(text), Some(hub));
        for at in 0..text.len() {
            let mut other = text.to_vec();
            other[at] ^= 1;
            assert_eq!(parse_first(&other), None, "{at}");
            assert!(may_begin(&text[..at]), "{at}");
        }
        assert!(!may_begin(b"order_id,amount"));
        assert!(!may_begin(b"SQLite format 3\0"));
    }
}
