//! The providers that this hub has, and their tables of operations.

use crate::config::OfficeGuy as OfficeGuyPart;
use crate::error::{Doing, HubError};
use gesher_core::{Descriptor, Language, Provider, Registry, Secret};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, all};
use gesher_provider::{BaseUrl, CONNECT_TIMEOUT};
use std::sync::Arc;

/// Whose account acts, once addresses and secrets are known.
pub struct OfficeGuyAccount {
    /// The address.
    pub base_url: String,
    /// The organisation.
    pub company_id: i64,
    /// Its key.
    pub api_key: Secret,
}

/// OfficeGuy, as configured, for that account.
pub fn officeguy(
    part: &OfficeGuyPart,
    account: OfficeGuyAccount,
    language: Language,
) -> Result<Arc<dyn Provider>, HubError> {
    let base_url = BaseUrl::parse(&account.base_url)
        .map_err(|error| HubError::usage("`base_url` of [officeguy] cannot be used").because(error))?;
    let provider = OfficeGuy::new(OfficeGuyConfig {
        base_url,
        company_id: account.company_id,
        api_key: account.api_key,
        language,
        timeout: part.timeout,
        // Connecting is the smaller part of a call, also of a short one.
        connect_timeout: CONNECT_TIMEOUT.min(part.timeout / 2),
        stamp: part.stamp,
    })
    .doing("the connections to OfficeGuy cannot be prepared")?;
    Ok(Arc::new(provider))
}

/// The facts of every operation.
pub fn descriptors() -> Vec<Descriptor> {
    all().iter().map(|entry| entry.descriptor).collect()
}

/// An address that nobody calls. This machine's own, so that no certificates have to be there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Every operation with its schemas, of providers that nobody calls.
pub fn catalogue() -> Result<Registry, HubError> {
    let part =
        crate::config::Config::parse(std::path::Path::new("."), "").map_err(HubError::faults)?.officeguy;
    let account =
        OfficeGuyAccount { base_url: NOWHERE.to_owned(), company_id: 1, api_key: Secret::from("none") };
    Ok(Registry::new(&[officeguy(&part, account, Language::En)?]))
}
