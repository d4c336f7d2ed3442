//! `officeguy.capture`: take the money that an earlier `authorize` holds, or less of it.
//!
//! The provider has no capture of its own: it is a charge of the same card that names the hold's authorisation. One whose
//! hold has died is declined; to charge afresh is a decision of its own.

use super::PROVIDER;
use crate::charging;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeRequest};
use crate::paying;
use crate::rules::refuse;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct Capture;

impl Operation for Capture {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "capture",
        summary: "Take the money that an earlier authorize holds.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::By("officeguy.list_payments"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Take a deposit that is held",
        who: "dana-pottery",
        key: Some("deposit-31"),
        request: r#"{
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
            "Items": [{"Item": {"Name": "פיקדון"}, "UnitPrice": 9}],
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
            "CreditCardAuthNumber": "967759",
            "VATIncluded": true,
            "DocumentDescription": "deposit-31"
        }"#,
        answer: r#"{"Payment": {"ID": "*", "ValidPayment": true, "Amount": 9.0}, "DocumentNumber": "*"}"#,
    }];
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;

    fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
        charging::rules(request)?;
        if request.credit_card_auth_number.is_none() {
            return Err(refuse(
                "missing_field",
                "CreditCardAuthNumber: יש למסור את מספר האישור (reference) של officeguy::authorize",
                "CreditCardAuthNumber: give the reference that officeguy::authorize answered",
            ));
        }
        if request.single_use_token.is_some() {
            return Err(refuse(
                "single_use_token",
                "SingleUseToken: תפיסה נגבית מאותו כרטיס; יש למסור את האסימון שלו ב־PaymentMethod",
                "SingleUseToken: a hold is captured from the same card; give its token in PaymentMethod",
            ));
        }
        paying::rules(request.payment_method.as_ref(), None)
    }

    fn facts(request: &ChargeRequest) -> Facts {
        charging::facts(request)
    }

    fn wire(request: &ChargeRequest) -> serde_json::Result<String> {
        let auth = request.credit_card_auth_number.as_deref().map(|auth| auth.trim().to_owned());
        serde_json::to_string(&ChargeRequest { credit_card_auth_number: auth, ..request.clone() })
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let mut outcome = charging::classify(prepared, reply);
        if outcome.status == OutcomeStatus::Declined {
            let Text { he, en } = outcome.message;
            outcome.message = Text::new(
                format!("{he}. ייתכן שהתפיסה פגה או שכבר נגבתה"),
                format!("{en}. The hold may have died, or been captured before"),
            );
        }
        outcome
    }
}
