//! Changing the master key, so that a crash at any point costs nothing.
//!
//! In this order: the next key is on the disk before anything is wrapped with it; everything is wrapped with it, by
//! whoever keeps the rows, in one commit; the key before is kept; the next key takes its place. Whoever opens the vault in
//! between has both keys. A key of the environment or of systemd is not the hub's to put in place, so there the person who
//! set the next key does that last.

use crate::error::VaultError;
use crate::master::{self, KeyPlace, Keys, MasterKeySource};
use crate::seal;
use std::fs::File;

/// A change of the master key on its way. Dropping it leaves everything as it is; beginning again goes on.
pub struct Rotation {
    source: MasterKeySource,
    place: KeyPlace,
    keys: Keys,
    _lock: Option<File>,
}

impl Rotation {
    pub(crate) fn begin(source: &MasterKeySource) -> Result<Self, VaultError> {
        let place = source.place()?;
        // The key that is to be changed is there, or nothing is begun.
        Keys::find(source, false)?;
        let lock = match place {
            KeyPlace::File => Some(master::lock_changes(source)?),
            KeyPlace::Environment | KeyPlace::Credential => None,
        };
        if place == KeyPlace::File {
            master::make_next(source)?;
        }
        gesher_core::failpoint!("rotate.begun");
        let keys = Keys::find(source, false)?;
        if keys.next.is_none() {
            let how = match place {
                KeyPlace::Environment => "set GESHER_MASTER_KEY_NEXT beside GESHER_MASTER_KEY",
                KeyPlace::Credential => "load a credential gesher.master_key.next beside gesher.master_key",
                KeyPlace::File => "it could not be made",
            };
            return Err(VaultError::NoNext { how });
        }
        Ok(Self { source: source.clone(), place, keys, _lock: lock })
    }

    /// Where the master key is.
    #[must_use]
    pub fn place(&self) -> KeyPlace {
        self.place
    }

    /// A sealed secret, wrapped with the next key; none where it is already. The secret itself is not read.
    pub fn reseal(&self, name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        seal::wrap_anew(&self.keys, name, sealed)
    }

    /// Puts the next key into the place of the key. Only once everything is wrapped with it.
    pub fn finish(self) -> Result<(), VaultError> {
        match self.place {
            KeyPlace::File => master::put_next_in_place(&self.source),
            KeyPlace::Environment | KeyPlace::Credential => Ok(()),
        }
    }
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation").field("place", &self.place).finish_non_exhaustive()
    }
}
