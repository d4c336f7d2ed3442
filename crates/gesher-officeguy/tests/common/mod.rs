//! What the test files share: the operations of a provider that is never called.

use gesher_core::operation::{Prepared, Provider, Registry};
use gesher_core::{Language, Rejection, Secret};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, StampPlace};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The registry of the provider's operations.
#[allow(dead_code, reason = "not every test file asks for it")]
pub(crate) fn registry() -> Registry {
    let provider: Arc<dyn Provider> = Arc::new(
        OfficeGuy::new(OfficeGuyConfig {
            base_url: "http://127.0.0.1:9".parse().unwrap(),
            company_id: 2_410_000_001,
            api_key: Secret::from("MarketKey"),
            language: Language::He,
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            stamp: StampPlace::End,
        })
        .unwrap(),
    );
    Registry::new(&[provider])
}

/// Prepares a request of an operation, by its short name.
#[allow(dead_code, reason = "not every test file asks for it")]
pub(crate) fn prepare(registry: &Registry, name: &str, request: Value) -> Result<Prepared, Rejection> {
    registry.find(&format!("officeguy.{name}")).unwrap().prepare("dana-pottery", request)
}

/// A good charge of 9.00 ILS.
#[allow(dead_code, reason = "not every test file asks for it")]
pub(crate) fn charge() -> Value {
    serde_json::json!({
        "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "Automatic", "Name": "נועה לוי"},
        "Items": [{"Item": {"Name": "Bowl"}, "Quantity": 2, "UnitPrice": 4.5}],
        "PaymentMethod": {"CreditCard_Token": "tok-1", "CreditCard_ExpirationMonth": 12,
            "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
        "VATIncluded": true,
    })
}
