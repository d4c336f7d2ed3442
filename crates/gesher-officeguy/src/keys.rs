//! A vendor's keys as the vault holds them: one JSON text.

use gesher_core::operation::Account;
use gesher_core::{Rejection, Secret, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroize;

/// The name of the key in an account's secrets.
pub(crate) const API_KEY: &str = "APIKey";
/// The name of the public key in an account's secrets.
pub(crate) const API_PUBLIC_KEY: &str = "APIPublicKey";

/// Longest key, in bytes; the provider's have 50 letters.
const KEY_BYTES_MAX: usize = 512;

/// What belongs to one organisation. Has no debug form: it would show the keys.
#[derive(Deserialize, Serialize)]
pub(crate) struct VendorKeys {
    #[serde(rename = "CompanyID")]
    pub(crate) company_id: i64,
    #[serde(rename = "APIKey")]
    pub(crate) api_key: String,
    #[serde(rename = "APIPublicKey", default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_public_key: Option<String>,
}

impl VendorKeys {
    /// The text for the vault.
    pub(crate) fn seal(&self) -> Secret {
        // Numbers and texts always have a JSON form.
        Secret::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads the vault's text.
    pub(crate) fn open(sealed: &Secret) -> Result<Self, Rejection> {
        serde_json::from_str(sealed.expose()).map_err(|_| {
            Rejection::new(
                "bad_keys",
                Text::new(
                    "המפתחות השמורים של הספק אינם קריאים; יש לשמור אותם מחדש",
                    "the vendor's stored keys cannot be read; store them again",
                ),
            )
        })
    }

    /// The account that the keys are of.
    pub(crate) fn account(&self) -> Account {
        let mut secrets = BTreeMap::from([(API_KEY, Secret::new(self.api_key.clone()))]);
        if let Some(public) = &self.api_public_key {
            secrets.insert(API_PUBLIC_KEY, Secret::new(public.clone()));
        }
        Account { id: self.company_id.to_string(), secrets }
    }
}

/// A vendor's keys for the vault, from what a person knows of its organisation. The public key that is `stored` stays
/// where the organisation is the same and no other is given.
pub fn vendor_secret(
    stored: Option<&Secret>,
    company_id: i64,
    api_key: &Secret,
    api_public_key: Option<&Secret>,
) -> Result<Secret, Rejection> {
    let stored = stored.and_then(|stored| VendorKeys::open(stored).ok());
    let kept = stored.as_ref().filter(|stored| stored.company_id == company_id);
    let given = api_public_key.map(sound).transpose()?;
    let keys = VendorKeys {
        company_id,
        api_key: sound(api_key)?,
        api_public_key: given.or_else(|| kept.and_then(|kept| kept.api_public_key.clone())),
    };
    Ok(keys.seal())
}

/// A key as it can be sent. The refusal does not repeat it.
fn sound(key: &Secret) -> Result<String, Rejection> {
    let text = key.expose().trim();
    if !text.is_empty() && text.len() <= KEY_BYTES_MAX && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Rejection::new(
        "bad_keys",
        Text::new(
            "זה אינו מפתח: מצופה שורה אחת, כפי שהיא מופיעה אצל OfficeGuy",
            "this is no key: one line is expected, as OfficeGuy shows it",
        ),
    ))
}

impl Drop for VendorKeys {
    fn drop(&mut self) {
        self.api_key.zeroize();
        self.api_public_key.zeroize();
    }
}
