//! The provider as the engine knows it: its account, its connections, and one send for each call.

use crate::classify::{open, unanswered};
use crate::contract;
use crate::endpoints::multi_vendor::VENDOR;
use crate::envelope::Envelope;
use crate::keys::{API_KEY, API_PUBLIC_KEY, VendorKeys};
use crate::look_up;
use crate::messages;
use crate::operations::{PROVIDER, all};
use crate::stamp::{Splice, StampPlace, has_place, splice};
use gesher_core::look_up::{LookUpFuture, Wanted};
use gesher_core::operation::{
    Account, Effect, Environment, OperationEntry, OutcomeFuture, Prepared, Provider, Reader, Reply,
};
use gesher_core::{Language, Outcome, OutcomeStatus, Rejection, Secret, Stamp, StepId, Text};
use gesher_provider::{
    BaseUrl, HeaderName, HeaderValue, MoneyTransport, Outgoing, ReadTransport, SendFailure, TransportError,
    TransportOptions,
};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the provider is.
pub const BASE_URL: &str = "https://api.sumit.co.il";

/// What has to be known to act at the provider.
#[derive(Clone, Debug)]
pub struct OfficeGuyConfig {
    /// Its address.
    pub base_url: BaseUrl,
    /// The marketplace's own organisation.
    pub company_id: i64,
    /// The organisation's key.
    pub api_key: Secret,
    /// In which language the provider's messages come.
    pub language: Language,
    /// The whole call.
    pub timeout: Duration,
    /// Connecting alone; below `timeout`.
    pub connect_timeout: Duration,
    /// Where the hub's own reference stands in the descriptions of documents.
    pub stamp: StampPlace,
}

/// OfficeGuy.
#[derive(Debug)]
pub struct OfficeGuy {
    environment: Environment,
    marketplace: Account,
    stamp: StampPlace,
    headers: [(HeaderName, HeaderValue); 3],
    money: MoneyTransport,
    reads: ReadTransport,
    listings: look_up::Listings,
}

impl OfficeGuy {
    /// Prepares the connections; opens none yet.
    pub fn new(config: OfficeGuyConfig) -> Result<Self, TransportError> {
        let options = TransportOptions {
            connect: config.connect_timeout,
            total: config.timeout,
            ..TransportOptions::default()
        };
        let language = match config.language {
            Language::He => "he",
            Language::En => "en",
        };
        let header = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Ok(Self {
            environment: Environment {
                provider: PROVIDER,
                address: config.base_url.to_string(),
                account: config.company_id.to_string(),
            },
            marketplace: Account {
                id: config.company_id.to_string(),
                secrets: BTreeMap::from([(API_KEY, config.api_key)]),
            },
            stamp: config.stamp,
            headers: [
                header("content-type", "application/json"),
                header("content-language", language),
                header("x-og-client", "Gesher"),
            ],
            money: MoneyTransport::new(config.base_url.clone(), options.clone())?,
            reads: ReadTransport::new(config.base_url, options)?,
            listings: look_up::Listings::default(),
        })
    }

    async fn send(
        &self,
        entry: &OperationEntry,
        account: &Account,
        others: &[Arc<Account>],
        prepared: &Prepared,
        stamp: Option<&Stamp>,
    ) -> Outcome {
        let Some(body) = with_vendors(prepared, others) else {
            let text = Text::new("לספק שבבקשה אין מפתח API", "a vendor of the request has no API key");
            return Rejection::new("no_credentials", text).into();
        };
        let place = |stamp| splice(prepared.endpoint, &body, stamp, self.stamp);
        let splice = stamp.and_then(place);
        if stamp.is_some() && splice.is_none() {
            let text = Text::new("אין בבקשה מקום לאסמכתא", "the request has no place for a reference");
            return Rejection::new("no_place_for_stamp", text).into();
        }
        let key = key_of(prepared.endpoint);
        let Some(body) = with_credentials(account, key, &body, splice.as_ref()) else {
            let text = Text::new("לחשבון אין מפתח API", "the account has no API key");
            return Rejection::new("no_credentials", text).into();
        };
        let effect = entry.descriptor.effect;
        let mut outcome = match self.post(effect, prepared.endpoint, body).await {
            Ok(reply) => entry.classify(prepared, &reply),
            Err(failure) => unanswered(&failure, effect),
        };
        if prepared.original.is_some() && outcome.status == OutcomeStatus::Unknown {
            outcome.message = messages::of_refund(&outcome.message);
        }
        outcome
    }

    async fn post(&self, effect: Effect, path: &'static str, body: String) -> Result<Reply, SendFailure> {
        let outgoing = Outgoing { path, headers: &self.headers, body: body.into() };
        let reply =
            if effect.changes() { self.money.post(outgoing).await } else { self.reads.post(outgoing).await }?;
        Ok(Reply { status: reply.status, content_type: reply.content_type, body: reply.body.into() })
    }

    /// The lists that look-ups read together.
    pub(crate) fn listings(&self) -> &look_up::Listings {
        &self.listings
    }

    /// Asks for something, as `account`; `body` is the request's own fields.
    pub(crate) async fn read(
        &self,
        account: &Account,
        path: &'static str,
        body: &str,
    ) -> Result<Envelope, Box<Outcome>> {
        let Some(body) = with_credentials(account, API_KEY, body, None) else {
            let text = Text::new("לחשבון אין מפתח API", "the account has no API key");
            return Err(Box::new(Rejection::new("no_credentials", text).into()));
        };
        match self.post(Effect::Read, path, body).await {
            Ok(reply) => open(&reply, Effect::Read),
            Err(failure) => Err(Box::new(unanswered(&failure, Effect::Read))),
        }
    }
}

impl Provider for OfficeGuy {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn environment(&self) -> Environment {
        self.environment.clone()
    }

    fn operations(&self) -> &'static [OperationEntry] {
        all()
    }

    fn readers(&self) -> &'static [Reader] {
        std::slice::from_ref(&crate::triggers::READER)
    }

    fn marketplace(&self) -> Account {
        self.marketplace.clone()
    }

    fn vendor_account(&self, sealed: &Secret) -> Result<Account, Rejection> {
        VendorKeys::open(sealed).map(|keys| keys.account())
    }

    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        prepared: &'a Prepared,
        stamp: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(self.send(entry, account, &[], prepared, stamp))
    }

    fn perform_with<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        others: &'a [Arc<Account>],
        prepared: &'a Prepared,
        stamp: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(self.send(entry, account, others, prepared, stamp))
    }

    fn stamp(&self, _: &OperationEntry, prepared: &Prepared, step: &StepId) -> Option<Stamp> {
        let stamp = Stamp::of(step);
        has_place(prepared.endpoint, &prepared.body, &stamp, self.stamp).then_some(stamp)
    }

    fn look_up<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        wanted: &'a Wanted,
    ) -> LookUpFuture<'a> {
        Box::pin(look_up::look_up(self, entry, account, wanted))
    }
}

/// Which of an organisation's keys an endpoint takes.
fn key_of(path: &str) -> &'static str {
    if contract::takes_public_key(path) { API_PUBLIC_KEY } else { API_KEY }
}

/// A request's text with the organisation and the key of each line's vendor in the place of its name.
fn with_vendors<'a>(prepared: &'a Prepared, others: &[Arc<Account>]) -> Option<Cow<'a, str>> {
    if prepared.vendors.is_empty() {
        return Some(Cow::Borrowed(&prepared.body));
    }
    let mut body: Value = serde_json::from_str(&prepared.body).ok()?;
    for line in body.get_mut("Items")?.as_array_mut()? {
        let line = line.as_object_mut()?;
        let vendor = line.shift_remove(VENDOR)?;
        let at = prepared.vendors.iter().position(|name| Some(name.as_str()) == vendor.as_str())?;
        let account = others.get(at)?;
        let company_id: i64 = account.id.parse().ok()?;
        line.insert("CompanyID".to_owned(), company_id.into());
        line.insert("APIKey".to_owned(), account.secrets.get(API_KEY)?.expose().clone().into());
    }
    serde_json::to_string(&body).ok().map(Cow::Owned)
}

/// Puts the credentials in front of a request's fields, and the splice into them. Every other byte of the request stays
/// as it is: it is what was journalled.
fn with_credentials(account: &Account, key: &str, body: &str, splice: Option<&Splice>) -> Option<String> {
    let company_id: i64 = account.id.parse().ok()?;
    let api_key = serde_json::to_string(account.secrets.get(key)?.expose()).ok()?;
    let (at, inserted) = splice.map_or((1, ""), |splice| (splice.at, splice.text.as_str()));
    let (before, after) = (body.get(1..at)?, body.get(at..)?);
    if !body.starts_with('{') {
        return None;
    }
    let is_bare = inserted.is_empty() && after.starts_with('}') && before.is_empty();
    let comma = if is_bare { "" } else { "," };
    let credentials = format!(r#"{{"Credentials":{{"CompanyID":{company_id},"{key}":{api_key}}}{comma}"#);
    Some([credentials.as_str(), before, inserted, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, want: &str) {
        let account = Account {
            id: "2410000001".to_owned(),
            secrets: BTreeMap::from([(API_KEY, Secret::from("k\"ey"))]),
        };
        assert_eq!(with_credentials(&account, API_KEY, body, None).as_deref(), Some(want));
    }

    #[test]
    fn credentials_come_first_and_the_rest_is_untouched() {
        let credentials = r#""Credentials":{"CompanyID":2410000001,"APIKey":"k\"ey"}"#;
        check("{}", &format!("{{{credentials}}}"));
        check(r#"{"PaymentID":7}"#, &format!(r#"{{{credentials},"PaymentID":7}}"#));
    }

    #[test]
    fn a_splice_goes_to_its_place_and_nowhere_else() {
        let account =
            Account { id: "7".to_owned(), secrets: BTreeMap::from([(API_KEY, Secret::from("key"))]) };
        let splice = Splice { at: 7, text: " [x]".to_owned() };
        let want = r#"{"Credentials":{"CompanyID":7,"APIKey":"key"},"A":"b [x]","C":1}"#;
        assert_eq!(
            with_credentials(&account, API_KEY, r#"{"A":"b","C":1}"#, Some(&splice)).as_deref(),
            Some(want)
        );
        let first = Splice { at: 1, text: r#""D":"[x]""#.to_owned() };
        let want = r#"{"Credentials":{"CompanyID":7,"APIKey":"key"},"D":"[x]"}"#;
        assert_eq!(with_credentials(&account, API_KEY, "{}", Some(&first)).as_deref(), Some(want));
    }

    #[test]
    fn an_account_without_a_key_sends_nothing() {
        let account = Account { id: "1".to_owned(), secrets: BTreeMap::new() };
        assert_eq!(with_credentials(&account, API_KEY, "{}", None), None);
    }
}
