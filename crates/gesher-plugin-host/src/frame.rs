//! The words that go over the pipes between the hub and a plugin's process: frames with their length in front.
//!
//! The process at the other end may say anything. A length is looked at before anything is allocated, and what is no
//! frame is an error.

use std::io::{self, Read, Write};

/// Size of a frame but its header: the largest answer and its name. The library itself goes over before.
pub(crate) const FRAME_BYTES_MAX: usize = crate::library::ANSWER_BYTES_MAX + (64 << 10);
/// Bytes in front of a frame: its length, its kind, the length of its name.
pub(crate) const HEADER_BYTES: usize = 8;
/// Bytes that are read at a time, at least and at most. Most frames fit into the least; it is cleared for each read, so
/// more would take longer than the read itself.
const CHUNK_BYTES_MIN: usize = 2 << 10;
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To the child: the library, and its limit.
    Hello = 1,
    /// From the child: it is loaded; its manifest.
    Ready = 2,
    /// From the child: it cannot be loaded; why.
    Failed = 3,
    /// To the child: do this.
    Call = 4,
    /// From the child: it is done; the status as the name.
    Answer = 5,
    /// From the child, in a call: answer this.
    Ask = 6,
    /// To the child: the answer; the status as the name.
    Reply = 7,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Hello, Self::Ready, Self::Failed, Self::Call, Self::Answer, Self::Ask, Self::Reply]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
}

impl Frame {
    /// The status of an answer or a reply. What is none is taken for something broken.
    pub(crate) fn status(&self) -> i32 {
        self.name.parse().unwrap_or(gesher_plugin_abi::GESHER_BROKEN)
    }
}

/// Writes a frame into `out`, which is emptied first.
pub(crate) fn encode(out: &mut Vec<u8>, kind: Kind, name: &str, body: &[u8]) {
    out.clear();
    let name = name.get(..name.len().min(u16::MAX as usize)).unwrap_or_default();
    let length = u32::try_from(name.len() + body.len()).unwrap_or(u32::MAX);
    out.reserve(HEADER_BYTES + name.len() + body.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind as u8);
    out.push(0);
    out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(body);
}

/// What the first bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A frame needs more bytes, so many in all as far as is known.
    More(usize),
    /// A frame, and how many bytes it took.
    Frame(Frame, usize),
    /// No frame: why.
    Garbage(&'static str),
}

/// Reads a frame off the front of `bytes`.
pub(crate) fn parse(bytes: &[u8], limit: usize) -> Parsed {
    let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Parsed::More(HEADER_BYTES);
    };
    let [a, b, c, d, kind, zero, e, f] = *header else { return Parsed::More(HEADER_BYTES) };
    let (length, name) = (u32::from_le_bytes([a, b, c, d]) as usize, u16::from_le_bytes([e, f]) as usize);
    let Some(kind) = Kind::of(kind).filter(|_| zero == 0) else {
        return Parsed::Garbage("what came is no answer");
    };
    if length > limit {
        return Parsed::Garbage("its answer is too large");
    }
    let Some(rest) = rest.get(..length) else { return Parsed::More(HEADER_BYTES + length) };
    let Some((name, body)) = rest.split_at_checked(name) else {
        return Parsed::Garbage("what came is no answer");
    };
    let Ok(name) = String::from_utf8(name.to_vec()) else { return Parsed::Garbage("what came is no answer") };
    Parsed::Frame(Frame { kind, name, body: body.to_vec() }, HEADER_BYTES + length)
}

/// Makes room for the next read behind what is held, of which `wanted` bytes are wanted in all, and says where it begins.
/// Only as much as a pipe gives at once: clearing all of a long frame for each read would take longer than reading it.
pub(crate) fn make_room(held: &mut Vec<u8>, wanted: usize) -> usize {
    let start = held.len();
    let missing = wanted.saturating_sub(start);
    let chunk = missing.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
    held.reserve(missing.max(chunk));
    held.resize(start + chunk, 0);
    start
}

/// Reads one frame, however long that takes. None at the end.
pub(crate) fn read(input: &mut impl Read, held: &mut Vec<u8>, limit: usize) -> io::Result<Option<Frame>> {
    loop {
        match parse(held, limit) {
            Parsed::Frame(frame, used) => {
                held.drain(..used);
                return Ok(Some(frame));
            }
            Parsed::Garbage(what) => return Err(io::Error::new(io::ErrorKind::InvalidData, what)),
            Parsed::More(wanted) => {
                let start = make_room(held, wanted);
                let read = input.read(&mut held[start..]);
                held.truncate(start + read.as_ref().map_or(0, |read| *read));
                if read? == 0 {
                    return Ok(None);
                }
            }
        }
    }
}

/// Writes one frame, however long that takes.
pub(crate) fn write(
    output: &mut impl Write,
    scratch: &mut Vec<u8>,
    kind: Kind,
    name: &str,
    body: &[u8],
) -> io::Result<()> {
    encode(scratch, kind, name, body);
    output.write_all(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_from_any_pieces() {
        let mut bytes = Vec::new();
        encode(&mut bytes, Kind::Call, "call/x", b"{}");
        for cut in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..cut], 100), Parsed::More(_)), "{cut}");
        }
        bytes.extend_from_slice(b"more");
        let frame = Frame { kind: Kind::Call, name: "call/x".into(), body: b"{}".to_vec() };
        assert_eq!(parse(&bytes, 100), Parsed::Frame(frame, HEADER_BYTES + 8));
    }

    #[test]
    fn what_is_no_frame_is_told_from_one_before_anything_is_allocated() {
        let garbage = |bytes: &[u8]| matches!(parse(bytes, 100), Parsed::Garbage(_));
        assert!(garbage(b"hello, world"));
        assert!(garbage(&[255, 255, 255, 255, 5, 0, 0, 0]), "four gigabytes");
        assert!(garbage(&[1, 0, 0, 0, 5, 0, 9, 0, b'x']), "a name that is longer than the frame");
        assert!(garbage(&[1, 0, 0, 0, 5, 0, 1, 0, 0xff]), "a name that is no text");
        assert!(garbage(&[0, 0, 0, 0, 9, 0, 0, 0]), "a kind that there is not");
    }
}
