//! `officeguy.get_document_pdf`: a document as a file. The same address answers a PDF, or an envelope that says why not.

use super::PROVIDER;
use crate::bytes::file;
use crate::endpoints::document_changes::{
    GetDocumentPdf as Wire, GetDocumentPdfAnswer, GetDocumentPdfRequest,
};
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct GetDocumentPdf;

impl Operation for GetDocumentPdf {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "get_document_pdf",
        summary: "Fetch a document as a PDF.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Fetch a copy for the customer's page",
        who: "dana-pottery",
        key: None,
        request: r#"{"DocumentID": 6000000001, "Original": false}"#,
        answer: r#"{"ContentType": "application/pdf", "Bytes": "*", "Base64": "*"}"#,
    }];
    type Request = GetDocumentPdfRequest;
    type Answer = GetDocumentPdfAnswer;

    fn rules(request: &GetDocumentPdfRequest) -> Result<(), Rejection> {
        let by_number = request.document_type.is_some() && request.document_number.is_some();
        rules::one_document("DocumentID", request.document_id, by_number)
    }

    fn facts(_: &GetDocumentPdfRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        file(reply, Effect::Read, |body| body.starts_with(b"%PDF"))
    }
}
