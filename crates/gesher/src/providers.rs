//! The providers that this hub has, and their tables of operations.

use crate::config::{Config, OfficeGuy as OfficeGuyPart, Senzey as SenzeyPart};
use crate::error::{Doing, HubError};
use gesher_core::{Clock, Descriptor, Language, Provider, Redactor, Registry, Secret, SystemClock};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig};
use gesher_provider::outside::{Outside, OutsideClient, SecretFuture, Secrets};
use gesher_provider::{BaseUrl, CONNECT_TIMEOUT, TransportOptions};
use gesher_senzey::{Senzey, SenzeyConfig};
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

/// Who acts at Senzey, once addresses and secrets are known.
pub struct SenzeyAccount {
    /// The address.
    pub base_url: String,
    /// The account's name.
    pub name: String,
    /// The user's name.
    pub username: Secret,
    /// The user's password.
    pub password: Secret,
}

/// Senzey, as configured, for that account.
pub fn senzey(
    part: &SenzeyPart,
    account: SenzeyAccount,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Provider>, HubError> {
    let base_url = BaseUrl::parse(&account.base_url)
        .map_err(|error| HubError::usage("the address of [senzey] cannot be used").because(error))?;
    let provider = Senzey::new(SenzeyConfig {
        base_url,
        account: account.name,
        username: account.username,
        password: account.password,
        timeout: part.timeout,
        // Connecting is the smaller part of a call, also of a short one.
        connect_timeout: CONNECT_TIMEOUT.min(part.timeout / 2),
        wire: part.wire,
        contacts_path: part.contacts_path.clone(),
        clock,
    })
    .doing("the connections to Senzey cannot be prepared")?;
    Ok(Arc::new(provider))
}

/// The facts of every operation.
pub fn descriptors() -> Vec<Descriptor> {
    let officeguy = gesher_officeguy::all().iter();
    officeguy.chain(gesher_senzey::OPERATIONS).map(|entry| entry.descriptor).collect()
}

/// An address that nobody calls. This machine's own, so that no certificates have to be there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Every operation of the providers with its schemas; nobody is called.
pub fn catalogue() -> Result<Registry, HubError> {
    Ok(Registry::new(&of_nobody()?))
}

/// The providers, and beside them what scripts and the journal know: calls of hosts of a flow's own. Nobody is called.
pub fn with_hosts() -> Result<Vec<Arc<dyn Provider>>, HubError> {
    let mut all = of_nobody()?;
    all.push(hosts_of_nobody());
    Ok(all)
}

/// The hosts of a flow's own, as a provider that sends nothing.
pub fn hosts_of_nobody() -> Arc<dyn Provider> {
    let client = Arc::new(OutsideClient::new(TransportOptions::default()));
    Arc::new(Outside::new(client, Arc::new(NoSecrets), Arc::new(Redactor::new())).dry())
}

/// A world without secrets.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn open<'a>(&'a self, _: &'a str) -> SecretFuture<'a> {
        Box::pin(std::future::ready(None))
    }
}

/// The providers at an address that nobody calls.
pub fn of_nobody() -> Result<Vec<Arc<dyn Provider>>, HubError> {
    let config = Config::parse(std::path::Path::new("."), "").map_err(HubError::faults)?;
    let none = || Secret::from("none");
    let account = OfficeGuyAccount { base_url: NOWHERE.to_owned(), company_id: 1, api_key: none() };
    let user = SenzeyAccount {
        base_url: NOWHERE.to_owned(),
        name: "none".to_owned(),
        username: none(),
        password: none(),
    };
    let clock = Arc::new(SystemClock::new());
    Ok(vec![officeguy(&config.officeguy, account, Language::En)?, senzey(&config.senzey, user, clock)?])
}
