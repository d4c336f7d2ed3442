//! `senzey.add_client`: add a client. Like a lead in everything but the address; its answer is taken to be like a lead's.

use super::PROVIDER;
use super::add_lead::{added, contact_facts, contact_rules};
use crate::endpoints::lead::{ContactAnswer, ContactRequest, NewClient as Wire};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct AddClient;

impl Operation for AddClient {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "add_client",
        summary: "Add a client.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::Optional,
        look_up: LookUp::Manual,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A client with an address",
        who: gesher_core::MARKETPLACE,
        key: Some("client-17"),
        request: r#"{
            "x_name": "Example Ltd", "x_email1": "billing@example.test", "x_phone": "03-5555555",
            "x_address": "1 Test Street", "x_city": "Haifa", "x_is_club_member": "N"
        }"#,
        answer: r#"{"success": 1, "data": {"id": "*"}}"#,
    }];
    type Request = ContactRequest;
    type Answer = ContactAnswer;

    fn rules(request: &ContactRequest) -> Result<(), Rejection> {
        contact_rules(request)
    }

    fn facts(request: &ContactRequest) -> Facts {
        contact_facts(request, "לקוח", "client")
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        added(prepared, reply, "נוסף לקוח", "Added client")
    }
}
