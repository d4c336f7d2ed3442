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

impl Drop for VendorKeys {
    fn drop(&mut self) {
        self.api_key.zeroize();
        self.api_public_key.zeroize();
    }
}
