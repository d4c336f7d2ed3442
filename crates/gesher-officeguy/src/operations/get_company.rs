//! `officeguy.get_company`: the details of an organisation, by its own keys.

use super::PROVIDER;
use crate::endpoints::companies::{GetCompany as Wire, GetCompanyAnswer, GetCompanyRequest};
use crate::envelope::field;
use crate::reads;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct GetCompany;

impl Operation for GetCompany {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "get_company",
        summary: "Look up the details of the vendor's organisation.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Look up the vendor's organisation",
        who: "dana-pottery",
        key: None,
        request: "{}",
        answer: r#"{"Company": {"Name": "*", "CorporateNumber": "300000007"}}"#,
    }];
    type Request = GetCompanyRequest;
    type Answer = GetCompanyAnswer;

    fn rules(_: &GetCompanyRequest) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(_: &GetCompanyRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, _| field(data, "Company").is_object().then_some(()))
    }
}
