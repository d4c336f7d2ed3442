//! Secrets and vendor keys, encrypted at rest.
//!
//! Pure sealing: a secret and its name become bytes that only this hub's master key opens again, and only under the
//! same name. Where the bytes lie is the journal's affair; which names there are is the engine's.
//!
//! Envelopes: each secret is encrypted by a data key of its own, and that key by the master key. So the master key
//! encrypts nothing but random keys, and changing it means wrapping keys anew, not reading secrets.

mod error;
mod key_text;
mod master;
mod seal;

pub use error::VaultError;
pub use master::{CREDENTIAL, MasterKeySource};

use gesher_core::Secret;
use master::MasterKey;

/// Seals and opens secrets with the hub's master key.
pub struct Vault {
    master: MasterKey,
}

impl Vault {
    /// Finds the master key, or makes one at first use. See [`MasterKeySource`] for the order.
    pub fn open(source: &MasterKeySource) -> Result<Self, VaultError> {
        Ok(Self { master: MasterKey::find(source)? })
    }

    /// Encrypts `secret` so that it opens only under `name`.
    pub fn seal(&self, name: &str, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.master, name, secret)
    }

    /// Decrypts what [`Vault::seal`] made for `name`.
    pub fn open_sealed(&self, name: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        seal::open(&self.master, name, sealed)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}
