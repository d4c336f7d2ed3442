//! `officeguy.begin_redirect`: a payment page for a customer. Money moves only when the customer pays there.

use crate::endpoints::redirect as wire;
use crate::envelope::{field, text};
use crate::plain::{Plain, Request};
use crate::rules::{self, refuse};
use gesher_core::{Effect, Example, Outcome, Rejection, Text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The longest life of a page, in hours.
const HOURS_MAX: i32 = 240;
/// Instalments that a page may offer.
const INSTALMENTS_MAX: i32 = 36;

/// The operation.
pub(crate) struct BeginRedirect;

impl Plain for BeginRedirect {
    type Wire = wire::BeginRedirect;
    const NAME: &'static str = "begin_redirect";
    const SUMMARY: &'static str =
        "Prepare a payment page of OfficeGuy and answer its address; the customer pays there.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A page on which a customer pays an order",
        who: "dana-pottery",
        key: Some("order-9004/page"),
        request: r#"{
            "Customer": {"Name": "נועה לוי", "ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
            "Items": [{"Item": {"Name": "סדנת קדרות"}, "UnitPrice": 118}],
            "VATIncluded": true, "ExpirationHours": 24, "Language": "Hebrew",
            "RedirectURL": "https://shop.example.test/paid?order=9004", "ExternalIdentifier": "order-9004",
            "DocumentDescription": "order-9004"
        }"#,
        answer: r#"{"RedirectURL": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Customer", &request.customer)?;
        for (at, line) in request.items.iter().enumerate() {
            rules::item_named(at, &line.item)?;
        }
        if rules::items_total(&request.items)?.amount <= Decimal::ZERO {
            return Err(refuse(
                "not_positive",
                "Items: סכום לתשלום הוא מעל אפס",
                "Items: what is to be paid is above zero",
            ));
        }
        for (name, value, lowest, highest) in [
            ("ExpirationHours", request.expiration_hours, 1, HOURS_MAX),
            ("MaximumPayments", request.maximum_payments, 0, INSTALMENTS_MAX),
        ] {
            if value.is_some_and(|value| !(lowest..=highest).contains(&value)) {
                return Err(refuse(
                    "out_of_range",
                    format!("{name}: מ־{lowest} עד {highest}"),
                    format!("{name}: from {lowest} to {highest}"),
                ));
            }
        }
        let addresses = [
            ("RedirectURL", &request.redirect_url),
            ("CancelRedirectURL", &request.cancel_redirect_url),
            ("IPNURL", &request.ipn_url),
        ];
        addresses.into_iter().try_for_each(|(name, address)| match address {
            Some(address) => rules::web_address(name, address),
            None => Ok(()),
        })
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.customer)
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "ExternalIdentifier": request.external_identifier })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        let address = text(field(data, "RedirectURL"))?;
        outcome.reference = address.split_once("redirectid=").map(|(_, id)| id.to_owned());
        outcome.message = Text::new(
            "דף התשלום הוכן; הלקוח עוד לא שילם",
            "The payment page was prepared; the customer has not paid yet",
        );
        Some(())
    }
}
