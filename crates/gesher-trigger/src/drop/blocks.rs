//! A file's bytes, block by block: hashed the first time, and compared with those hashes each time after. A row is
//! only ever taken from a block that is what was validated.

use ring::digest::{self, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::io::Read;
use std::sync::Arc;

/// Size of a block.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of a block's digest: half of SHA-256, which nobody can meet by chance or on purpose.
const DIGEST_BYTES: usize = 16;

type Digest = [u8; DIGEST_BYTES];

/// The bytes of a file as they were validated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprints(Arc<[Digest]>);

impl Serialize for Fingerprints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flatten().copied().collect();
        serializer.serialize_str(&hex(&bytes))
    }
}

impl<'de> Deserialize<'de> for Fingerprints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom("pairs of hexadecimal digits are expected");
        let bytes: Vec<u8> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let (digests, rest) = bytes.as_chunks::<DIGEST_BYTES>();
        if rest.is_empty() { Ok(Self(digests.into())) } else { Err(wrong()) }
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('?'));
        }
        text
    })
}

/// A block could not be given.
#[derive(Debug)]
pub(super) enum BlockError {
    /// The bytes are not those that were validated.
    Changed,
    /// The file cannot be read.
    Io(std::io::Error),
}

/// Reads a file block by block.
pub(super) struct Blocks {
    file: Box<dyn Read + Send>,
    block: Vec<u8>,
    bytes: u64,
    check: Check,
}

enum Check {
    /// The first reading.
    Hash { whole: Box<digest::Context>, digests: Vec<Digest> },
    /// A later one.
    Verify { wanted: Fingerprints, next: usize },
}

impl Blocks {
    /// Reads for the first time.
    pub(super) fn hashing(file: impl Read + Send + 'static) -> Self {
        Self::new(file, Check::Hash { whole: Box::new(digest::Context::new(&SHA256)), digests: Vec::new() })
    }

    /// Reads again what was read before.
    pub(super) fn verifying(file: impl Read + Send + 'static, wanted: Fingerprints) -> Self {
        Self::new(file, Check::Verify { wanted, next: 0 })
    }

    fn new(file: impl Read + Send + 'static, check: Check) -> Self {
        Self { file: Box::new(file), block: Vec::with_capacity(BLOCK_BYTES), bytes: 0, check }
    }

    /// The next block; empty at the end.
    pub(super) fn next(&mut self) -> Result<&[u8], BlockError> {
        self.block.clear();
        let limit = BLOCK_BYTES as u64;
        (&mut self.file).take(limit).read_to_end(&mut self.block).map_err(BlockError::Io)?;
        self.bytes += self.block.len() as u64;
        match &mut self.check {
            Check::Hash { whole, digests } => {
                if !self.block.is_empty() {
                    whole.update(&self.block);
                    digests.push(digest_of(&self.block));
                }
            }
            Check::Verify { wanted, next } => {
                let found = (!self.block.is_empty()).then(|| digest_of(&self.block));
                if wanted.0.get(*next).copied() != found {
                    return Err(BlockError::Changed);
                }
                *next += 1;
            }
        }
        Ok(&self.block)
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256 and the fingerprints of what was read for the first time; none when it was read again.
    pub(super) fn into_hashes(self) -> Option<([u8; 32], Fingerprints)> {
        match self.check {
            Check::Hash { whole, digests } => {
                let mut sha256 = [0; 32];
                sha256.copy_from_slice(whole.finish().as_ref());
                Some((sha256, Fingerprints(digests.into())))
            }
            Check::Verify { .. } => None,
        }
    }
}

fn digest_of(block: &[u8]) -> Digest {
    let mut short = [0; DIGEST_BYTES];
    for (to, from) in short.iter_mut().zip(digest::digest(&SHA256, block).as_ref()) {
        *to = *from;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::path::Path;

    fn hashes(path: &Path) -> ([u8; 32], Fingerprints) {
        let mut blocks = Blocks::hashing(File::open(path).unwrap());
        while !blocks.next().unwrap().is_empty() {}
        blocks.into_hashes().unwrap()
    }

    /// Blocks that verify before the first that does not, and whether one did not.
    fn verified(path: &Path, wanted: &Fingerprints) -> (usize, bool) {
        let mut blocks = Blocks::verifying(File::open(path).unwrap(), wanted.clone());
        for count in 0.. {
            match blocks.next() {
                Ok([]) => return (count, false),
                Ok(_) => {}
                Err(_) => return (count, true),
            }
        }
        unreachable!()
    }

    #[test]
    fn a_block_that_changed_is_not_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut bytes = vec![b'x'; BLOCK_BYTES * 2 + 10];
        std::fs::write(&path, &bytes).unwrap();
        let (sha256, prints) = hashes(&path);
        assert_eq!(hex(&sha256), hex(digest::digest(&SHA256, &bytes).as_ref()));
        assert_eq!(verified(&path, &prints), (3, false));

        bytes[BLOCK_BYTES + 5] = b'y';
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(verified(&path, &prints), (1, true));
        bytes[BLOCK_BYTES + 5] = b'x';
        bytes.push(b'x');
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(verified(&path, &prints), (2, true), "bytes were appended");
        std::fs::write(&path, &bytes[..BLOCK_BYTES * 2]).unwrap();
        assert_eq!(verified(&path, &prints), (2, true), "bytes were cut off");
    }

    #[test]
    fn fingerprints_read_back() {
        let prints = Fingerprints([[1; DIGEST_BYTES], [0xfe; DIGEST_BYTES]].into());
        let text = serde_json::to_string(&prints).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprints>(&text).unwrap(), prints);
        for wrong in ["\"0\"", "\"00\"", "\"zz\""] {
            assert!(serde_json::from_str::<Fingerprints>(wrong).is_err(), "{wrong}");
        }
    }
}
