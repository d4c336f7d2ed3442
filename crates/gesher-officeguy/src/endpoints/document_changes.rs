//! What is done with a document that exists: cancel, send, book and fetch it, and what a customer owes.

use super::company_changes::EmptyAnswer;
use super::enums::{DebtSource, DocumentLanguage, DocumentType};
use super::shared::Double;
use super::wire::{answer, endpoint, request};

endpoint! {
    /// Cancels a document by another one that takes it back. Moves no money.
    CancelDocument = "/accounting/documents/cancel/", CancelDocumentRequest => CancelDocumentAnswer
}
endpoint! {
    /// Mails a document.
    SendDocument = "/accounting/documents/send/", SendDocumentRequest => EmptyAnswer
}
endpoint! {
    /// Makes a draft a document with a number.
    MoveDocumentToBooks =
        "/accounting/documents/movetobooks/", MoveDocumentToBooksRequest => EmptyAnswer
}
endpoint! {
    /// A document as a PDF: bytes where there is one, an envelope where there is none.
    GetDocumentPdf = "/accounting/documents/getpdf/", GetDocumentPdfRequest => GetDocumentPdfAnswer
}
endpoint! {
    /// What a customer owes.
    GetDebt = "/accounting/documents/getdebt/", GetDebtRequest => GetDebtAnswer
}

request! {
    /// Which document is cancelled, and why.
    CancelDocumentRequest {
        must {
            /// The provider's id of it.
            document_id "DocumentID": i64,
            /// Why; printed on the document that takes it back.
            #[schemars(length(min = 1))]
            description "Description": String,
        }
    }
}
request! {
    /// Which document goes to whom: `EntityID`, or `DocumentType` with `DocumentNumber`.
    SendDocumentRequest {
        may {
            /// The provider's id of the document, called `DocumentID` elsewhere.
            entity_id "EntityID": i64,
            /// Its kind.
            document_type "DocumentType": DocumentType,
            /// Its running number.
            document_number "DocumentNumber": i64,
            /// The user in whose name it is sent.
            sender_user_id "SenderUserID": i64,
            /// Whether it is the original; a certified copy unless said otherwise.
            original "Original": bool,
            /// The mail's language.
            language "Language": DocumentLanguage,
        }
        text {
            /// To which address; the customer's own unless said otherwise.
            email_address "EmailAddress",
            /// Words to the customer.
            personal_message "PersonalMessage",
        }
    }
}
request! {
    /// Which draft.
    MoveDocumentToBooksRequest {
        must {
            /// The provider's id of it.
            document_id "DocumentID": i64,
        }
    }
}
request! {
    /// Which document: `DocumentID`, or `DocumentType` with `DocumentNumber`.
    GetDocumentPdfRequest {
        must {
            /// Whether it is the original, which is given once; else a certified copy.
            original "Original": bool,
        }
        may {
            /// The provider's id of it.
            document_id "DocumentID": i64,
            /// Its kind.
            document_type "DocumentType": DocumentType,
            /// Its running number.
            document_number "DocumentNumber": i64,
        }
    }
}
request! {
    /// Whose debt, and from which documents it is reckoned.
    GetDebtRequest {
        must {
            /// The provider's id of the customer.
            customer_id "CustomerID": i64,
        }
        may {
            /// The documents that make the debt.
            debit_source "DebitSource": DebtSource,
            /// The documents that settle it.
            credit_source "CreditSource": DebtSource,
            /// Whether drafts count.
            include_draft_documents "IncludeDraftDocuments": bool,
        }
    }
}
answer! {
    /// The document that takes the other back.
    CancelDocumentAnswer {
        /// The provider's id of it.
        document_id "DocumentID": i64,
        /// Its running number.
        document_number "DocumentNumber": Option<i64>,
        /// Where it can be fetched.
        document_download_url "DocumentDownloadURL": Option<String>,
    }
}
answer! {
    /// The file, as the hub gives it to a script.
    GetDocumentPdfAnswer {
        /// Its content type, such as `application/pdf`.
        content_type "ContentType": String,
        /// Its size in bytes.
        bytes "Bytes": i64,
        /// Its content, in Base64.
        base64 "Base64": String,
    }
}
answer! {
    /// The debt.
    GetDebtAnswer {
        /// In shekels; below zero where the customer paid too much.
        debt "Debt": Double,
    }
}
