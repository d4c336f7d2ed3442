//! The provider as the engine knows it: its account, its connections, and one send for each call.

use crate::classify::unanswered;
use crate::keys::{API_KEY, VendorKeys};
use crate::operations::{OPERATIONS, PROVIDER};
use gesher_core::operation::{
    Account, Environment, OperationEntry, OutcomeFuture, Prepared, Provider, Reply,
};
use gesher_core::{Language, Outcome, Rejection, Secret, Text};
use gesher_provider::{
    BaseUrl, HeaderName, HeaderValue, MoneyTransport, Outgoing, ReadTransport, TransportError,
    TransportOptions,
};
use std::collections::BTreeMap;
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
}

/// OfficeGuy.
#[derive(Debug)]
pub struct OfficeGuy {
    environment: Environment,
    marketplace: Account,
    headers: [(HeaderName, HeaderValue); 3],
    money: MoneyTransport,
    reads: ReadTransport,
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
            headers: [
                header("content-type", "application/json"),
                header("content-language", language),
                header("x-og-client", "Gesher"),
            ],
            money: MoneyTransport::new(config.base_url.clone(), options.clone())?,
            reads: ReadTransport::new(config.base_url, options)?,
        })
    }

    async fn send(&self, entry: &OperationEntry, account: &Account, prepared: &Prepared) -> Outcome {
        let Some(body) = with_credentials(account, &prepared.body) else {
            let text = Text::new("לחשבון אין מפתח API", "the account has no API key");
            return Rejection::new("no_credentials", text).into();
        };
        let outgoing = Outgoing { path: prepared.endpoint, headers: &self.headers, body: body.into() };
        let effect = entry.descriptor.effect;
        let sent =
            if effect.changes() { self.money.post(outgoing).await } else { self.reads.post(outgoing).await };
        match sent {
            Ok(reply) => entry.classify(
                prepared,
                &Reply { status: reply.status, content_type: reply.content_type, body: reply.body.into() },
            ),
            Err(failure) => unanswered(&failure, effect),
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
        OPERATIONS
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
    ) -> OutcomeFuture<'a> {
        Box::pin(self.send(entry, account, prepared))
    }
}

/// Puts the credentials in front of a request's fields. The request's text stays as it is: it is what was journalled.
fn with_credentials(account: &Account, body: &str) -> Option<String> {
    let company_id: i64 = account.id.parse().ok()?;
    let api_key = serde_json::to_string(account.secrets.get(API_KEY)?.expose()).ok()?;
    let fields = body.strip_prefix('{')?;
    let comma = if fields.starts_with('}') { "" } else { "," };
    Some(format!(r#"{{"Credentials":{{"CompanyID":{company_id},"APIKey":{api_key}}}{comma}{fields}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, want: &str) {
        let account = Account {
            id: "2410000001".to_owned(),
            secrets: BTreeMap::from([(API_KEY, Secret::from("k\"ey"))]),
        };
        assert_eq!(with_credentials(&account, body).as_deref(), Some(want));
    }

    #[test]
    fn credentials_come_first_and_the_rest_is_untouched() {
        let credentials = r#""Credentials":{"CompanyID":2410000001,"APIKey":"k\"ey"}"#;
        check("{}", &format!("{{{credentials}}}"));
        check(r#"{"PaymentID":7}"#, &format!(r#"{{{credentials},"PaymentID":7}}"#));
    }

    #[test]
    fn an_account_without_a_key_sends_nothing() {
        let account = Account { id: "1".to_owned(), secrets: BTreeMap::new() };
        assert_eq!(with_credentials(&account, "{}"), None);
    }
}
