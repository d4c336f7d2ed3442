//! What can go wrong with the vault. Nothing here repeats a byte of a key or a secret.

use std::path::PathBuf;

/// The master key cannot be had, or a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The environment variable holds no key.
    #[error(
        "GESHER_MASTER_KEY holds no key: 32 bytes are expected, as 64 hexadecimal digits or as base64; \
         correct it, or unset it to use the key file"
    )]
    EnvironmentKey,
    /// A key file holds no key.
    #[error(
        "{path} holds no key: 32 bytes are expected, as 64 hexadecimal digits or as base64; \
         put the right file back from a copy, since a new key does not open what the old one sealed"
    )]
    FileKey {
        /// Which file.
        path: PathBuf,
    },
    /// Others may read the key file.
    #[error(
        "{path} may be read or written by other users (mode {mode:03o}); run `chmod 600 {path}`, and start again"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key file is gone.
    #[error(
        "{path} is missing, although it was there before; put the right file back, since a new key does not open what \
         the old one sealed"
    )]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// Another process changes the master key.
    #[error("the master key is being changed by another process")]
    Changing,
    /// There is no key to change to.
    #[error("there is no next master key: {how}")]
    NoNext {
        /// Where it is expected.
        how: &'static str,
    },
    /// A key file cannot be read or made.
    #[error("the master key file {path} cannot be {doing}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The machine gave no random bytes.
    #[error("the secret {name} cannot be sealed")]
    Randomness {
        /// Which secret, or `master key`.
        name: String,
        /// Why.
        source: gesher_core::time::NoRandomness,
    },
    /// The secret could not be encrypted.
    #[error("the secret {name} cannot be sealed: it is too long")]
    TooLong {
        /// Which secret.
        name: String,
    },
    /// It was sealed by a newer hub.
    #[error(
        "the secret {name} was sealed in form {found}, which this program does not know; use the newer program"
    )]
    Form {
        /// Which secret.
        name: String,
        /// The form found.
        found: u8,
    },
    /// The sealed bytes do not open.
    #[error(
        "the secret {name} does not open: it was sealed with another master key or under another name, or was \
         altered; put the right master key back, or set the secret anew"
    )]
    Sealed {
        /// Which secret.
        name: String,
    },
}
