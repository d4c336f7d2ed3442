//! The provider as the engine knows it: its one account, its connections, and one send for each call.
//!
//! The user's name and password travel in the address, so no address is ever printed: neither here nor by the
//! transports, whose failures hold none.

use crate::answer;
use crate::classify::unanswered;
use crate::days;
use crate::endpoints::contacts::Contacts;
use crate::form::{Answers, WireOptions, encode, form_of};
use crate::operations::{OPERATIONS, PROVIDER};
use gesher_core::operation::{
    Account, Effect, Environment, OperationEntry, OutcomeFuture, Prepared, Provider, Reader, Reply,
};
use gesher_core::{Clock, Outcome, Rejection, Secret, Stamp, Text};
use gesher_provider::endpoint::Endpoint;
use gesher_provider::{
    BaseUrl, HeaderName, HeaderValue, MoneyTransport, Outgoing, ReadTransport, SendFailure, TransportError,
    TransportOptions,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where contacts are asked for, unless configured otherwise: a guess, since the provider's page was not read so far.
pub const CONTACTS_PATH: &str = Contacts::PATH;

/// The names of the account's secrets, as they stand in the address.
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// What has to be known to act at the provider.
pub struct SenzeyConfig {
    /// Its address: each account has its own.
    pub base_url: BaseUrl,
    /// The account's name.
    pub account: String,
    /// The user's name.
    pub username: Secret,
    /// The user's password.
    pub password: Secret,
    /// The whole call.
    pub timeout: Duration,
    /// Connecting alone; below `timeout`.
    pub connect_timeout: Duration,
    /// What the provider's pages leave open.
    pub wire: WireOptions,
    /// Where contacts are asked for, with its slashes.
    pub contacts_path: String,
    /// Tells which day it is.
    pub clock: Arc<dyn Clock>,
}

/// Senzey.
pub struct Senzey {
    environment: Environment,
    account: Account,
    wire: WireOptions,
    contacts_path: String,
    headers: [(HeaderName, HeaderValue); 1],
    money: MoneyTransport,
    reads: ReadTransport,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Senzey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Senzey").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Senzey {
    /// Prepares the connections; opens none yet.
    pub fn new(config: SenzeyConfig) -> Result<Self, TransportError> {
        let options = TransportOptions {
            connect: config.connect_timeout,
            total: config.timeout,
            ..TransportOptions::default()
        };
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        Ok(Self {
            environment: Environment {
                provider: PROVIDER,
                address: config.base_url.to_string(),
                account: config.account.clone(),
            },
            account: Account {
                id: config.account,
                secrets: BTreeMap::from([(USERNAME, config.username), (PASSWORD, config.password)]),
            },
            wire: config.wire,
            contacts_path: config.contacts_path,
            headers: [(HeaderName::from_static("content-type"), form)],
            money: MoneyTransport::new(config.base_url.clone(), options.clone())?,
            reads: ReadTransport::new(config.base_url, options)?,
            clock: config.clock,
        })
    }

    async fn send(&self, entry: &OperationEntry, account: &Account, prepared: &Prepared) -> Outcome {
        if let Some(refusal) = days::refusal(&prepared.body, days::today(&*self.clock)) {
            return refusal.into();
        }
        let Some(credentials) = credentials(account) else {
            let text = Text::new("לחשבון אין שם משתמש וסיסמה", "the account has no user name and password");
            return Rejection::new("no_credentials", text).into();
        };
        let Ok(request) = serde_json::from_str::<Value>(&prepared.body) else {
            let text = Text::new("הבקשה אינה JSON", "the request is no JSON");
            return Rejection::new("wrong_type", text).into();
        };
        let effect = entry.descriptor.effect;
        let form = form_of(prepared.endpoint, &request, &self.wire);
        let sent = match effect {
            Effect::Read => self.get(credentials, form).await,
            Effect::Write | Effect::Money => self.post(prepared.endpoint, credentials, &form).await,
        };
        match sent {
            Ok(reply) => entry.classify(prepared, &self.as_json(reply)),
            Err(failure) => unanswered(&failure, effect, prepared),
        }
    }

    /// A JSON object counts as one whatever it calls itself, where the configuration says so.
    fn as_json(&self, mut reply: Reply) -> Reply {
        if self.wire.answers == Answers::Any && answer::parse(&reply.body).is_some() {
            reply.content_type = Some("application/json".to_owned());
        }
        reply
    }

    async fn post(
        &self,
        path: &str,
        credentials: Vec<(String, String)>,
        form: &[(String, String)],
    ) -> Result<Reply, SendFailure> {
        let path = format!("{path}?{}", encode(&credentials));
        let outgoing = Outgoing { path: &path, headers: &self.headers, body: encode(form).into() };
        self.money.post(outgoing).await.map(reply)
    }

    /// Contacts are the only thing that is read, and they are asked for in the address.
    async fn get(
        &self,
        credentials: Vec<(String, String)>,
        form: Vec<(String, String)>,
    ) -> Result<Reply, SendFailure> {
        let query: Vec<(String, String)> = credentials.into_iter().chain(form).collect();
        let path = format!("{}?{}", self.contacts_path, encode(&query));
        let outgoing = Outgoing { path: &path, headers: &[], body: Vec::new().into() };
        self.reads.get(outgoing).await.map(reply)
    }
}

fn reply(reply: gesher_provider::Reply) -> Reply {
    Reply { status: reply.status, content_type: reply.content_type, body: reply.body.into() }
}

/// The pairs that prove who calls; they stand in the address, also of a POST.
fn credentials(account: &Account) -> Option<Vec<(String, String)>> {
    [USERNAME, PASSWORD]
        .into_iter()
        .map(|name| Some((name.to_owned(), account.secrets.get(name)?.expose().clone())))
        .collect()
}

impl Provider for Senzey {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn environment(&self) -> Environment {
        self.environment.clone()
    }

    fn operations(&self) -> &'static [OperationEntry] {
        OPERATIONS
    }

    fn readers(&self) -> &'static [Reader] {
        std::slice::from_ref(&crate::callback::READER)
    }

    fn marketplace(&self) -> Account {
        self.account.clone()
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Err(Rejection::new("no_vendors", Text::new("ב־Senzey אין ספקים", "Senzey knows no vendors")))
    }

    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        prepared: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(self.send(entry, account, prepared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_the_first_pairs_and_are_escaped() {
        let account = Account {
            id: "acme".to_owned(),
            secrets: BTreeMap::from([
                (USERNAME, Secret::from("dana@x")),
                (PASSWORD, Secret::from("a&b=ש 1")),
            ]),
        };
        let query = credentials(&account).map(|pairs| encode(&pairs));
        assert_eq!(query.as_deref(), Some("username=dana%40x&password=a%26b%3D%D7%A9+1"));
        let nobody = Account { id: "acme".to_owned(), secrets: BTreeMap::new() };
        assert_eq!(credentials(&nobody), None);
    }
}
