//! `officeguy.get_payment`: one payment by its id.

use super::PROVIDER;
use crate::endpoints::payments::{GetPayment as Wire, GetPaymentAnswer, GetPaymentRequest};
use crate::envelope::{field, id};
use crate::reads;
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct GetPayment;

impl Operation for GetPayment {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "get_payment",
        summary: "Look up one payment by its id.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Look up the payment that a charge answered",
        who: "dana-pottery",
        key: None,
        request: r#"{"PaymentID": 9000000001}"#,
        answer: r#"{"Payment": {"ID": 9000000001, "ValidPayment": true, "DocumentID": "*"}}"#,
    }];
    type Request = GetPaymentRequest;
    type Answer = GetPaymentAnswer;

    fn rules(request: &GetPaymentRequest) -> Result<(), Rejection> {
        rules::id("PaymentID", request.payment_id)
    }

    fn facts(_: &GetPaymentRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, outcome| {
            let payment = field(data, "Payment");
            outcome.reference = Some(id(field(payment, "ID"))?.to_string());
            Some(())
        })
    }
}
