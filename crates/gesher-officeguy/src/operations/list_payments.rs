//! `officeguy.list_payments`: the payments of a time, a page at a time.

use super::PROVIDER;
use crate::endpoints::payments::{ListPayments as Wire, ListPaymentsAnswer, ListPaymentsRequest};
use crate::envelope::{field, truth};
use crate::reads;
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct ListPayments;

impl Operation for ListPayments {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "list_payments",
        summary: "List the payments of a time, a page at a time.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "List what was charged in a month",
        who: "dana-pottery",
        key: None,
        request: r#"{"Date_From": "2026-03-01", "Date_To": "2026-03-31", "Valid": true}"#,
        answer: r#"{"Payments": "*", "HasNextPage": false}"#,
    }];
    type Request = ListPaymentsRequest;
    type Answer = ListPaymentsAnswer;

    fn rules(request: &ListPaymentsRequest) -> Result<(), Rejection> {
        rules::date("Date_From", Some(&request.date_from))?;
        rules::date("Date_To", Some(&request.date_to))?;
        rules::page("StartIndex", request.start_index)
    }

    fn facts(_: &ListPaymentsRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, _| {
            truth(field(data, "HasNextPage"))?;
            field(data, "Payments").is_array().then_some(())
        })
    }
}
