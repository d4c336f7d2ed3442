//! The sealed form: `1`, the wrapped data key with its nonce, the encrypted secret with its nonce.

use crate::error::VaultError;
use crate::key_text::{KEY_BYTES, KeyBytes};
use crate::master::{Keys, MasterKey};
use gesher_core::Secret;
use gesher_core::time::{NoRandomness, random_bytes};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use zeroize::Zeroizing;

/// The first byte of everything sealed in this form.
const FORM: u8 = 1;
/// Bytes that encryption adds.
const TAG_BYTES: usize = 16;
/// Bytes of a wrapped data key: nonce, key, tag.
const WRAPPED_BYTES: usize = NONCE_LEN + KEY_BYTES + TAG_BYTES;

/// What a box is for. Bound in with the name, so that a wrapped key never passes for a secret.
#[derive(Clone, Copy)]
enum Purpose {
    DataKey,
    Secret,
}

impl Purpose {
    fn bound_to(self, name: &str) -> Aad<Vec<u8>> {
        let word = match self {
            Self::DataKey => "key",
            Self::Secret => "secret",
        };
        Aad::from(format!("gesher vault {FORM} {word} {name}").into_bytes())
    }
}

pub(crate) fn seal(master: &MasterKey, name: &str, secret: &Secret) -> Result<Vec<u8>, VaultError> {
    let no_randomness = |source| VaultError::Randomness { name: name.to_owned(), source };
    let too_long = |_: Unspecified| VaultError::TooLong { name: name.to_owned() };
    let mut data_key: KeyBytes = Box::default();
    random_bytes(data_key.as_mut_slice()).map_err(no_randomness)?;
    let secret = secret.expose().as_bytes();
    let mut sealed = Vec::with_capacity(1 + WRAPPED_BYTES + NONCE_LEN + secret.len() + TAG_BYTES);
    sealed.push(FORM);
    let wrapping = nonce().map_err(no_randomness)?;
    lock(master.bytes(), wrapping, Purpose::DataKey.bound_to(name), data_key.as_slice(), &mut sealed)
        .map_err(too_long)?;
    let locking = nonce().map_err(no_randomness)?;
    lock(&data_key, locking, Purpose::Secret.bound_to(name), secret, &mut sealed).map_err(too_long)?;
    Ok(sealed)
}

/// A secret's data key as it lies there, and the locked secret.
fn boxes<'a>(name: &str, sealed: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), VaultError> {
    let does_not_open = || VaultError::Sealed { name: name.to_owned() };
    let (form, boxes) = sealed.split_first().ok_or_else(does_not_open)?;
    if *form != FORM {
        return Err(VaultError::Form { name: name.to_owned(), found: *form });
    }
    boxes.split_at_checked(WRAPPED_BYTES).ok_or_else(does_not_open)
}

/// The data key, if this master key wrapped it.
fn unwrap(master: &MasterKey, name: &str, wrapped: &[u8]) -> Option<KeyBytes> {
    let opened = unlock(master.bytes(), Purpose::DataKey.bound_to(name), wrapped)?;
    let mut data_key: KeyBytes = Box::default();
    if opened.len() != KEY_BYTES {
        return None;
    }
    data_key.copy_from_slice(&opened);
    Some(data_key)
}

/// Wraps a secret's data key with the newest master key, and leaves the secret locked as it is. None where that is so
/// already.
pub(crate) fn wrap_anew(keys: &Keys, name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
    let (wrapped, locked) = boxes(name, sealed)?;
    let newest = keys.sealing();
    if unwrap(newest, name, wrapped).is_some() {
        return Ok(None);
    }
    let data_key = keys.all().find_map(|master| unwrap(master, name, wrapped));
    let data_key = data_key.ok_or_else(|| VaultError::Sealed { name: name.to_owned() })?;
    let wrapping = nonce().map_err(|source| VaultError::Randomness { name: name.to_owned(), source })?;
    let mut anew = Vec::with_capacity(sealed.len());
    anew.push(FORM);
    lock(newest.bytes(), wrapping, Purpose::DataKey.bound_to(name), data_key.as_slice(), &mut anew)
        .map_err(|_: Unspecified| VaultError::TooLong { name: name.to_owned() })?;
    anew.extend_from_slice(locked);
    Ok(Some(anew))
}

/// Opens what any of the keys wrapped.
pub(crate) fn open(keys: &Keys, name: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
    let does_not_open = || VaultError::Sealed { name: name.to_owned() };
    let (wrapped, locked) = boxes(name, sealed)?;
    let data_key = keys.all().find_map(|master| unwrap(master, name, wrapped)).ok_or_else(does_not_open)?;
    let secret = unlock(&data_key, Purpose::Secret.bound_to(name), locked).ok_or_else(does_not_open)?;
    let text = std::str::from_utf8(&secret).map_err(|_| does_not_open())?;
    Ok(Secret::from(text))
}

fn nonce() -> Result<[u8; NONCE_LEN], NoRandomness> {
    let mut nonce = [0; NONCE_LEN];
    random_bytes(&mut nonce)?;
    Ok(nonce)
}

fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new)
}

/// Appends the nonce and the encrypted text to `sealed`.
fn lock(
    key: &[u8; KEY_BYTES],
    nonce: [u8; NONCE_LEN],
    bound: Aad<Vec<u8>>,
    text: &[u8],
    sealed: &mut Vec<u8>,
) -> Result<(), Unspecified> {
    let mut buffer = Zeroizing::new(text.to_vec());
    let tag =
        cipher(key)?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound, &mut buffer)?;
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&buffer);
    sealed.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Decrypts a nonce and what follows it.
fn unlock(key: &[u8; KEY_BYTES], bound: Aad<Vec<u8>>, locked: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, encrypted) = locked.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    let opened = cipher(key).ok()?.open_in_place(nonce, bound, &mut buffer).ok()?.len();
    buffer.truncate(opened);
    Some(buffer)
}
