//! `officeguy.list_documents`: the documents of a time, a page at a time.

use super::PROVIDER;
use crate::endpoints::document_reads::{ListDocuments as Wire, ListDocumentsAnswer, ListDocumentsRequest};
use crate::envelope::{field, truth};
use crate::reads;
use crate::rules::{self, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct ListDocuments;

impl Operation for ListDocuments {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "list_documents",
        summary: "List the documents of a time, a page at a time.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "List the receipts of a month",
        who: "dana-pottery",
        key: None,
        request: r#"{"DocumentTypes": ["InvoiceAndReceipt", "Receipt"], "DateFrom": "2026-03-01",
            "DateTo": "2026-03-31", "Paging": {"StartIndex": 0, "PageSize": 100}}"#,
        answer: r#"{"Documents": "*", "HasNextPage": false}"#,
    }];
    type Request = ListDocumentsRequest;
    type Answer = ListDocumentsAnswer;

    fn rules(request: &ListDocumentsRequest) -> Result<(), Rejection> {
        rules::date("DateFrom", request.date_from.as_ref())?;
        rules::date("DateTo", request.date_to.as_ref())?;
        let Some(paging) = &request.paging else {
            return Ok(());
        };
        rules::page("Paging.StartIndex", paging.start_index)?;
        if paging.page_size.is_some_and(|size| !(10..=1000).contains(&size)) {
            return Err(refuse(
                "bad_page",
                "Paging.PageSize: מ־10 עד 1000 מסמכים בעמוד",
                "Paging.PageSize: a page has 10 to 1000 documents",
            ));
        }
        Ok(())
    }

    fn facts(_: &ListDocumentsRequest) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        reads::classify(reply, |data, _| {
            truth(field(data, "HasNextPage"))?;
            field(data, "Documents").is_array().then_some(())
        })
    }
}
