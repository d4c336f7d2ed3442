//! `officeguy.get_document`: one document, by its id or by its kind and number.

use super::PROVIDER;
use crate::endpoints::document_reads::{GetDocument as Wire, GetDocumentAnswer, GetDocumentRequest};
use crate::envelope::{field, id, text};
use crate::reads;
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct GetDocument;

impl Operation for GetDocument {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "get_document",
        summary: "Look up one document, by its id or by its kind and number.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Look up a document by its number",
        who: "dana-pottery",
        key: None,
        request: r#"{"DocumentType": "InvoiceAndReceipt", "DocumentNumber": 1000}"#,
        answer: r#"{"Document": {"Type": 1, "DocumentValue": "*"}, "DocumentID": "*", "DocumentNumber": 1000}"#,
    }];
    type Request = GetDocumentRequest;
    type Answer = GetDocumentAnswer;

    fn rules(request: &GetDocumentRequest) -> Result<(), Rejection> {
        let by_number = request.document_type.is_some() && request.document_number.is_some();
        rules::one_document("DocumentID", request.document_id, by_number)
    }

    fn facts(_: &GetDocumentRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, outcome| {
            outcome.reference = Some(id(field(data, "DocumentID"))?.to_string());
            outcome.document = text(field(data, "DocumentNumber"));
            Some(())
        })
    }
}
