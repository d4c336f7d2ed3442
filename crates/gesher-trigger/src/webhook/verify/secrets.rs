//! The secrets of a webhook, made ready for comparing; and which of them can be none.

use super::super::config::Scheme;
use super::super::encoding::from_base64;
use super::Verifier;
use gesher_core::Secret;
use ring::hmac;

/// What a secret of Standard Webhooks begins with.
pub(super) const STANDARD_PREFIX: &str = "whsec_";

/// A secret, ready.
pub(super) struct Key {
    /// Its name, for people.
    pub(super) name: String,
    /// Itself.
    pub(super) secret: Secret,
    /// What codes are made with.
    pub(super) hmac: hmac::Key,
}

/// A secret that proves nothing in its scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// It is empty.
    #[error("the secret {0} is empty")]
    Empty(String),
    /// Of Standard Webhooks: not as that standard writes secrets.
    #[error("the secret {0} is not written as {STANDARD_PREFIX} and base64, as Standard Webhooks says")]
    NotStandard(String),
    /// Of Basic: not a user and a password.
    #[error("the secret {0} is not written as USER:PASSWORD")]
    NotAUser(String),
}

impl Verifier {
    /// What deliveries are held against: the scheme, and secrets by their names. White space around a secret is a slip
    /// of whoever stored it.
    pub fn new(scheme: Scheme, secrets: &[(String, Secret)]) -> Result<Self, SecretFault> {
        let keys =
            secrets.iter().map(|(name, secret)| key(&scheme, name, secret)).collect::<Result<_, _>>()?;
        Ok(Self { scheme, keys })
    }
}

fn key(scheme: &Scheme, name: &str, secret: &Secret) -> Result<Key, SecretFault> {
    let text = secret.expose().trim();
    if text.is_empty() {
        return Err(SecretFault::Empty(name.to_owned()));
    }
    let bytes = match scheme {
        Scheme::StandardWebhooks => {
            standard(text).ok_or_else(|| SecretFault::NotStandard(name.to_owned()))?
        }
        Scheme::Basic if !text.contains(':') => return Err(SecretFault::NotAUser(name.to_owned())),
        _ => Secret::new(text.as_bytes().to_vec()),
    };
    let hmac = hmac::Key::new(hmac::HMAC_SHA256, bytes.expose());
    Ok(Key { name: name.to_owned(), secret: Secret::from(text), hmac })
}

/// The bytes of a secret of Standard Webhooks, with or without its first word.
pub(super) fn standard(text: &str) -> Option<Secret<Vec<u8>>> {
    let bytes = from_base64(text.strip_prefix(STANDARD_PREFIX).unwrap_or(text));
    bytes.filter(|bytes| !bytes.is_empty()).map(Secret::new)
}
