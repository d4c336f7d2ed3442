//! What is done with a document that exists: `officeguy.cancel_document`, `send_document`, `move_document_to_books`;
//! and what a customer owes, `get_debt`.

use crate::endpoints::document_changes as wire;
use crate::envelope::{decimal, field, id, text};
use crate::plain::{Plain, Request, nothing};
use crate::rules;
use gesher_core::{Effect, Example, LookUp, Outcome, Rejection, Text};
use serde_json::{Value, json};

/// Cancels a document.
pub(crate) struct CancelDocument;

impl Plain for CancelDocument {
    type Wire = wire::CancelDocument;
    const NAME: &'static str = "cancel_document";
    const SUMMARY: &'static str = "Cancel a document by another one that takes it back; no money moves.";
    const EFFECT: Effect = Effect::Write;
    const LOOK_UP: LookUp = LookUp::By("officeguy.list_documents");
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Cancel a document that was made by mistake",
        who: "dana-pottery",
        key: Some("order-9002/cancel"),
        request: r#"{"DocumentID": 6000000003, "Description": "נרשם בטעות"}"#,
        answer: r#"{"DocumentID": "*", "DocumentNumber": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::id("DocumentID", request.document_id)?;
        rules::says("Description", &request.description)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        Some(format!("DocumentID:{}", request.document_id))
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "DocumentID": request.document_id })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.reference = Some(id(field(data, "DocumentID"))?.to_string());
        outcome.document = text(field(data, "DocumentNumber"));
        let number = outcome.document.as_deref().unwrap_or("?");
        outcome.message = Text::new(
            format!("המסמך בוטל במסמך {number}; כסף לא הוחזר"),
            format!("The document was cancelled by document {number}; no money went back"),
        );
        Some(())
    }
}

/// Mails a document.
pub(crate) struct SendDocument;

impl Plain for SendDocument {
    type Wire = wire::SendDocument;
    const NAME: &'static str = "send_document";
    const SUMMARY: &'static str = "Mail a document to its customer.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Mail a copy to another address",
        who: "dana-pottery",
        key: Some("order-9001/mail"),
        request: r#"{"EntityID": 6000000001, "EmailAddress": "noa@example.test", "Original": false}"#,
        answer: "null",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        if let Some(address) = &request.email_address {
            rules::email("EmailAddress", address)?;
        }
        let by_number = request.document_type.is_some() && request.document_number.is_some();
        rules::one_document("EntityID", request.entity_id, by_number)
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "EntityID": request.entity_id, "DocumentType": request.document_type,
            "DocumentNumber": request.document_number })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("המסמך נשלח בדואר אלקטרוני", "The document was mailed");
        nothing(data)
    }
}

/// Makes a draft a document.
pub(crate) struct MoveDocumentToBooks;

impl Plain for MoveDocumentToBooks {
    type Wire = wire::MoveDocumentToBooks;
    const NAME: &'static str = "move_document_to_books";
    const SUMMARY: &'static str = "Make a draft a document with a number of its own.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Book a draft that was looked through",
        who: "dana-pottery",
        key: Some("order-9003/book"),
        request: r#"{"DocumentID": 6000000004}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::id("DocumentID", request.document_id)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        Some(format!("DocumentID:{}", request.document_id))
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "DocumentID": request.document_id })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("הטיוטה נרשמה בספרים", "The draft was booked");
        nothing(data)
    }
}

/// What a customer owes.
pub(crate) struct GetDebt;

impl Plain for GetDebt {
    type Wire = wire::GetDebt;
    const NAME: &'static str = "get_debt";
    const SUMMARY: &'static str = "Look up what a customer owes.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "What a customer owes by invoices and receipts",
        who: "dana-pottery",
        key: None,
        request: r#"{"CustomerID": 8000000001, "DebitSource": "TaxInvoice", "CreditSource": "Receipt"}"#,
        answer: r#"{"Debt": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::id("CustomerID", request.customer_id)
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        decimal(field(data, "Debt")).map(|_| ())
    }
}
