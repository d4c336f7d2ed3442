//! Customers without a charge: `officeguy.create_customer` and `update_customer`.

use crate::endpoints::customers as wire;
use crate::envelope::{field, id};
use crate::plain::{Plain, Request};
use crate::rules;
use gesher_core::{Effect, Example, Outcome, Rejection, Text};
use serde_json::Value;

/// Makes or finds a customer.
pub(crate) struct CreateCustomer;

impl Plain for CreateCustomer {
    type Wire = wire::CreateCustomer;
    const NAME: &'static str = "create_customer";
    const SUMMARY: &'static str =
        "Make a customer, or find one by its SearchMode; without a SearchMode each call makes another.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Make a customer, or find the one of that id",
        who: "dana-pottery",
        key: Some("cust-19"),
        request: r#"{"Details": {"Name": "רות כהן", "EmailAddress": "ruth@example.test", "Phone": "050-0000003",
            "ExternalIdentifier": "cust-19", "SearchMode": "ExternalIdentifier"}}"#,
        answer: r#"{"CustomerID": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Details", &request.details)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.details)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("הלקוח נשמר", "The customer was stored");
        customer(data, outcome)
    }
}

/// Changes a customer.
pub(crate) struct UpdateCustomer;

impl Plain for UpdateCustomer {
    type Wire = wire::UpdateCustomer;
    const NAME: &'static str = "update_customer";
    const SUMMARY: &'static str = "Change a customer that exists.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A customer has moved",
        who: "dana-pottery",
        key: Some("cust-17/address-2"),
        request: r#"{"Details": {"ID": 8000000001, "City": "חיפה", "Address": "רחוב הבדיקה 2"}}"#,
        answer: r#"{"CustomerID": 8000000001}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::existing_customer("Details", &request.details)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.details)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("פרטי הלקוח עודכנו", "The customer was changed");
        customer(data, outcome)
    }
}

fn customer(data: &Value, outcome: &mut Outcome) -> Option<()> {
    outcome.reference = Some(id(field(data, "CustomerID"))?.to_string());
    Some(())
}
