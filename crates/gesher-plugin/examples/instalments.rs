//! A plugin that charges through the hub: an order in equal parts, each with a key of its own.
//!
//! It has no effect of its own. Each charge is a step of the item that called it, so after a crash it runs again, is
//! told of those that were made, and makes the rest.

use gesher_plugin::{
    Amount, Descriptor, Effect, Example, Facts, Host, HostError, KeyRule, Operation, Outcome, OutcomeStatus,
    Performed, Plugin, PluginEntry, PluginOperation, Rejection, Text, descriptor, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Charges of one order.
const PARTS_MAX: i32 = 36;

/// An order.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// What names it for ever.
    order: String,
    /// The card's token.
    token: String,
    /// What each part is, in shekels.
    part: Amount,
    /// How many parts there are.
    parts: i32,
    /// How long to wait between two parts, in milliseconds.
    #[serde(default)]
    pause_ms: i32,
}

/// What was charged.
#[derive(Serialize, JsonSchema)]
struct Charged {
    /// The provider's ids.
    references: Vec<String>,
}

/// Charges an order.
struct Charge;

impl Operation for Charge {
    const DESCRIPTOR: Descriptor =
        descriptor("instalments", "charge", "Charge an order in equal parts.", Effect::Read, KeyRule::None);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Two parts",
        who: "marketplace",
        key: None,
        request: r#"{"order": "1007", "token": "t", "part": 50.00, "parts": 2}"#,
        answer: r#"{"references": ["1", "2"]}"#,
    }];
    type Request = Order;
    type Answer = Charged;

    fn rules(order: &Order) -> Result<(), Rejection> {
        match (1..=PARTS_MAX).contains(&order.parts) {
            true => Ok(()),
            false => Err(Rejection::new("parts", Text::new("מספר התשלומים שגוי", "there are 1 to 36 parts"))),
        }
    }

    fn facts(_: &Order) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for Charge {
    const CALLS: bool = true;

    fn perform(host: &Host<'_>, _: Option<&str>, order: Order) -> Performed {
        match charged(host, &order) {
            Ok(references) => {
                let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
                outcome.data = json!(Charged { references }).into();
                outcome.into()
            }
            Err(error) => error.into_outcome().into(),
        }
    }
}

fn charged(host: &Host<'_>, order: &Order) -> Result<Vec<String>, HostError> {
    let mut references = Vec::new();
    for part in 1..=order.parts {
        let key = format!("{}/{part}", order.order);
        let request = json!({
            "Customer": { "ExternalIdentifier": key, "Name": order.order, "SearchMode": "ExternalIdentifier" },
            "PaymentMethod": {
                "CreditCard_Token": order.token, "CreditCard_ExpirationMonth": 12,
                "CreditCard_ExpirationYear": 2030, "Type": "CreditCard",
            },
            "Items": [{ "Item": { "Name": format!("Part {part}") }, "Quantity": 1, "UnitPrice": order.part }],
            "VATIncluded": true,
        });
        let answer = host.call("officeguy.charge", "marketplace", Some(&key), &request)?;
        if answer.status != "succeeded" {
            return Err(HostError::Refused {
                code: "part".to_owned(),
                message: format!("part {part}: {}", answer.message),
            });
        }
        references.extend(answer.reference);
        pause(host, Duration::from_millis(order.pause_ms.unsigned_abs().into()))?;
    }
    Ok(references)
}

/// Waits, unless the hub stops: it takes the order up again at its next start.
fn pause(host: &Host<'_>, time: Duration) -> Result<(), HostError> {
    let mut left = time;
    while !left.is_zero() {
        if host.is_cancelled() {
            return Err(HostError::Over);
        }
        let nap = left.min(Duration::from_millis(50));
        std::thread::sleep(nap);
        left -= nap;
    }
    Ok(())
}

/// Panics, in an operation with an effect: nobody knows what it did before.
struct Stumble;

impl Operation for Stumble {
    const DESCRIPTOR: Descriptor =
        descriptor("instalments", "stumble", "Panic.", Effect::Write, KeyRule::Required);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "It panics",
        who: "marketplace",
        key: Some("k"),
        request: r#"{"order": "1", "token": "t", "part": 1, "parts": 1}"#,
        answer: "{}",
    }];
    type Request = Order;
    type Answer = Charged;

    fn rules(_: &Order) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(_: &Order) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for Stumble {
    fn perform(_: &Host<'_>, reference: Option<&str>, order: Order) -> Performed {
        std::panic::panic_any(format!("stumbled over {} in {reference:?}", order.order))
    }
}

static PLUGIN: Plugin = Plugin {
    name: "instalments",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Charges orders in parts.",
    needs: &["officeguy.charge"],
    operations: &[PluginEntry::of::<Charge>(), PluginEntry::of::<Stumble>()],
    sources: &[],
};

gesher_plugin::export_plugin!(PLUGIN);
