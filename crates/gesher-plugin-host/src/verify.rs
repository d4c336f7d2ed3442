//! The bytes of a library, read once and compared with the hash that a person wrote down.
//!
//! What is hashed here is what is loaded later: the file is not opened again, so nobody can put another in its place
//! in between.

use ring::digest::{SHA256, digest};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// Size of a library. A larger one is not loaded.
pub(crate) const LIBRARY_BYTES_MAX: u64 = 256 << 20;

/// The SHA-256 of a library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = VerifyFault;

    fn from_str(text: &str) -> Result<Self, VerifyFault> {
        let text = text.trim();
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(VerifyFault::NoHash);
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| VerifyFault::NoHash)?;
        }
        Ok(Self(hash))
    }
}

/// Why a library's bytes are not taken.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFault {
    /// The text is no hash.
    #[error("a SHA-256 has 64 hexadecimal digits")]
    NoHash,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] std::io::Error),
    /// It is no file, as a folder or a pipe.
    #[error("it is no file")]
    NoFile,
    /// It is larger than any library should be.
    #[error("the file is larger than {} MiB", LIBRARY_BYTES_MAX >> 20)]
    TooLarge,
    /// It is another library.
    #[error(
        "the file's SHA-256 is {found}, and {wanted} is written down: this is another library, and it is not opened"
    )]
    Other {
        /// What it is.
        found: Sha256,
        /// What it should be.
        wanted: Sha256,
    },
}

/// The bytes of the file at `path`, which are those of `wanted`; without it, whatever they are.
pub fn read_verified(path: &Path, wanted: Option<&Sha256>) -> Result<Vec<u8>, VerifyFault> {
    let file = File::open(path).map_err(VerifyFault::Read)?;
    if !file.metadata().map_err(VerifyFault::Read)?.is_file() {
        return Err(VerifyFault::NoFile);
    }
    let mut bytes = Vec::new();
    file.take(LIBRARY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(VerifyFault::Read)?;
    if bytes.len() as u64 > LIBRARY_BYTES_MAX {
        return Err(VerifyFault::TooLarge);
    }
    let found = Sha256::of(&bytes);
    match wanted {
        Some(wanted) if *wanted != found => Err(VerifyFault::Other { found, wanted: *wanted }),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_and_nothing_else_is_one() {
        let hash = Sha256::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hash.to_string().to_uppercase().parse::<Sha256>().is_ok_and(|read| read == hash));
        for text in ["", "ba78", &"g".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
