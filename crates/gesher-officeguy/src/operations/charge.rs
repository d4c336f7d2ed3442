//! `officeguy.charge`: charge a card by its token, now, with a document.

use super::PROVIDER;
use crate::charging;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeRequest};
use crate::paying;
use crate::rules;
use gesher_core::operation::Prepared;
use gesher_core::operation::{Facts, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct Charge;

impl Operation for Charge {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "charge",
        summary: "Charge a card by its token, now, and make the document.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::By("officeguy.list_payments"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Charge a saved card",
            who: "dana-pottery",
            key: Some("order-1007"),
            request: r#"{
                "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier", "Name": "נועה לוי"},
                "Items": [{"Item": {"Name": "קערה כחולה"}, "Quantity": 2, "UnitPrice": 4.5}],
                "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                    "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
                "VATIncluded": true,
                "SendDocumentByEmail": false,
                "DocumentDescription": "order-1007"
            }"#,
            answer: r#"{"Payment": {"ID": "*", "ValidPayment": true, "Status": "000", "Amount": 9.0, "Currency": 0},
                "DocumentID": "*", "DocumentNumber": "*", "CustomerID": "*"}"#,
        },
        Example {
            title: "Charge a card that was just typed into the payment form",
            who: "dana-pottery",
            key: Some("order-1008"),
            request: r#"{
                "Customer": {"Name": "Noa Levi", "EmailAddress": "noa@example.test"},
                "Items": [{"Item": {"Name": "Workshop"}, "Total": 118}],
                "SingleUseToken": "7b0e0c7e-1111-4222-8333-444455556666",
                "VATIncluded": true
            }"#,
            answer: r#"{"Payment": {"ValidPayment": true, "Amount": 118.0}}"#,
        },
    ];
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;

    fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
        // Card numbers are looked for in the text, by `text_rules`.
        charging::rules_but_cards(request)?;
        paying::rules(request.payment_method.as_ref(), request.single_use_token.as_ref())
    }

    fn text_rules(wire: &str) -> Result<(), Rejection> {
        rules::no_card_data_in(wire)
    }

    fn facts(request: &ChargeRequest) -> Facts {
        charging::facts(request)
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        charging::classify(prepared, reply)
    }
}
