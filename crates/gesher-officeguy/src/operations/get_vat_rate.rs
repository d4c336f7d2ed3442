//! `officeguy.get_vat_rate`: the VAT of a day, in percent.

use super::PROVIDER;
use crate::endpoints::vat::{GetVatRate as Wire, GetVatRateAnswer, GetVatRateRequest};
use crate::envelope::{decimal, field};
use crate::reads;
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct GetVatRate;

impl Operation for GetVatRate {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "get_vat_rate",
        summary: "Look up the VAT of a day, in percent.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "The VAT of a day in March",
        who: "marketplace",
        key: None,
        request: r#"{"Date": "2026-03-01"}"#,
        answer: r#"{"Rate": 18.0}"#,
    }];
    type Request = GetVatRateRequest;
    type Answer = GetVatRateAnswer;

    fn rules(request: &GetVatRateRequest) -> Result<(), Rejection> {
        rules::date("Date", request.date.as_ref())
    }

    fn facts(_: &GetVatRateRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, _| decimal(field(data, "Rate")).map(|_| ()))
    }
}
