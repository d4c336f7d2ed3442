//! Secrets and vendor keys, encrypted at rest.
//!
//! Pure sealing: a secret and its name become bytes that only this hub's master key opens again, and only under the
//! same name. Where the bytes lie is the journal's affair; which names there are is the engine's.
//!
//! Envelopes: each secret is encrypted by a data key of its own, and that key by the master key. So the master key
//! encrypts nothing but random keys, and changing it means wrapping keys anew, not reading secrets.
//!
//! A change of the master key ([`Rotation`]) may be cut off at any point: until all is wrapped anew both keys open what
//! they wrapped, and whoever begins the change again goes on with it.

mod error;
mod key_text;
mod master;
mod rotation;
mod seal;

pub use error::VaultError;
pub use master::{CREDENTIAL, KeyPlace, MasterKeySource};
pub use rotation::Rotation;

use gesher_core::Secret;
use master::Keys;
use std::sync::{Arc, Mutex, PoisonError};

/// Seals and opens secrets with the hub's master key.
///
/// The key may be changed by another process meanwhile: whatever is sealed is sealed with the newest key, and what does
/// not open is tried once more with the keys as they are now.
pub struct Vault {
    source: MasterKeySource,
    keys: Mutex<Arc<Keys>>,
}

impl Vault {
    /// Finds the master key, or makes one at first use. See [`MasterKeySource`] for the order.
    pub fn open(source: &MasterKeySource) -> Result<Self, VaultError> {
        let keys = Keys::find(source, true)?;
        Ok(Self { source: source.clone(), keys: Mutex::new(Arc::new(keys)) })
    }

    /// Encrypts `secret` so that it opens only under `name`.
    pub fn seal(&self, name: &str, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        // A key that cannot be read any more is still the one that all the rest is sealed with.
        let keys = self.newest().unwrap_or_else(|_| self.known());
        seal::seal(keys.sealing(), name, secret)
    }

    /// Decrypts what [`Vault::seal`] made for `name`.
    pub fn open_sealed(&self, name: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        match seal::open(&self.known(), name, sealed) {
            Err(error @ VaultError::Sealed { .. }) => match self.newest() {
                Ok(keys) => seal::open(&keys, name, sealed),
                Err(_) => Err(error),
            },
            opened => opened,
        }
    }

    /// Begins to change the master key, or goes on with a change that was cut off.
    pub fn rotate(&self) -> Result<Rotation, VaultError> {
        Rotation::begin(&self.source)
    }

    fn known(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys as they are now.
    fn newest(&self) -> Result<Arc<Keys>, VaultError> {
        let found = Arc::new(Keys::find(&self.source, false)?);
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
        Ok(found)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}
