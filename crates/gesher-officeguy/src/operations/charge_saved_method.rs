//! `officeguy.charge_saved_method`: charge the method that the provider has stored of a customer, said out loud.
//!
//! The same endpoint as a charge without any payment method, which the provider takes for exactly this.

use super::PROVIDER;
use crate::charging;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeRequest};
use crate::rules::{self, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct ChargeSavedMethod;

impl Operation for ChargeSavedMethod {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "charge_saved_method",
        summary: "Charge the payment method that OfficeGuy has stored of the customer.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::By("officeguy.list_payments"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Charge a known customer's stored card",
        who: "dana-pottery",
        key: Some("sub-17/2026-03"),
        request: r#"{
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
            "Items": [{"Item": {"Name": "מנוי חודשי"}, "UnitPrice": 49.9}],
            "VATIncluded": true,
            "DocumentDescription": "sub-17/2026-03"
        }"#,
        answer: r#"{"Payment": {"ValidPayment": true, "Amount": 49.9}, "CustomerID": "*"}"#,
    }];
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;

    fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
        charging::rules(request)?;
        if request.payment_method.is_some() || request.single_use_token.is_some() {
            return Err(refuse(
                "payment_method_given",
                "PaymentMethod: הפעולה מחייבת את אמצעי התשלום השמור; לחיוב כרטיס אחר יש לקרוא ל־officeguy::charge",
                "PaymentMethod: this charges the stored method; call officeguy::charge to charge another",
            ));
        }
        if !rules::finds_customer(&request.customer) {
            return Err(refuse(
                "customer_not_identified",
                "Customer: כדי לחייב אמצעי תשלום שמור יש לזהות לקוח קיים: ID, או SearchMode עם השדה שלפיו מחפשים",
                "Customer: to charge a stored method name a customer that exists: ID, or a SearchMode with its field",
            ));
        }
        Ok(())
    }

    fn facts(request: &ChargeRequest) -> Facts {
        charging::facts(request)
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        charging::classify(prepared, reply)
    }
}
