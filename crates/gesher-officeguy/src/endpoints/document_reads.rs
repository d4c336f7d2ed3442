//! `/accounting/documents/list/` and `/accounting/documents/getdetails/`: documents that were made.

use super::enums::DocumentType;
use super::shared::{Double, WireDate};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Documents of a time.
pub struct ListDocuments;

impl Endpoint for ListDocuments {
    const PATH: &'static str = "/accounting/documents/list/";
    type Request = ListDocumentsRequest;
    type Answer = ListDocumentsAnswer;
}

/// One document by its id, or by its kind and number.
pub struct GetDocument;

impl Endpoint for GetDocument {
    const PATH: &'static str = "/accounting/documents/getdetails/";
    type Request = GetDocumentRequest;
    type Answer = GetDocumentAnswer;
}

/// Which documents. There is no filter by customer or reference.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDocumentsRequest {
    /// Of these kinds only.
    #[serde(rename = "DocumentTypes", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub document_types: Option<Vec<DocumentType>>,
    /// From this number on.
    #[serde(rename = "DocumentNumberFrom", skip_serializing_if = "Option::is_none")]
    pub document_number_from: Option<i64>,
    /// Up to this number.
    #[serde(rename = "DocumentNumberTo", skip_serializing_if = "Option::is_none")]
    pub document_number_to: Option<i64>,
    /// From this day on. Without an underscore, unlike the list of payments.
    #[serde(rename = "DateFrom", skip_serializing_if = "Option::is_none")]
    pub date_from: Option<WireDate>,
    /// Up to this day.
    #[serde(rename = "DateTo", skip_serializing_if = "Option::is_none")]
    pub date_to: Option<WireDate>,
    /// Drafts too.
    #[serde(rename = "IncludeDrafts", skip_serializing_if = "Option::is_none")]
    pub include_drafts: Option<bool>,
    /// Which page.
    #[serde(rename = "Paging", skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// How many to pass over.
    #[serde(rename = "StartIndex", skip_serializing_if = "Option::is_none")]
    pub start_index: Option<i64>,
    /// How many to answer, 10 to 1000; 10 unless said otherwise.
    #[serde(rename = "PageSize", skip_serializing_if = "Option::is_none")]
    pub page_size: Option<i64>,
}

/// One page of documents.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ListDocumentsAnswer {
    /// The documents.
    #[serde(rename = "Documents")]
    pub documents: Vec<ListedDocument>,
    /// Whether there are more.
    #[serde(rename = "HasNextPage")]
    pub has_next_page: bool,
}

/// One document of a list.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ListedDocument {
    /// Whether it is a draft, which has no number yet.
    #[serde(rename = "IsDraft")]
    pub is_draft: bool,
    /// Its date.
    #[serde(rename = "Date")]
    pub date: Option<String>,
    /// For whom, by id.
    #[serde(rename = "CustomerID")]
    pub customer_id: i64,
    /// For whom, by name.
    #[serde(rename = "CustomerName")]
    pub customer_name: Option<String>,
    /// Its language, by number.
    #[serde(rename = "Language")]
    pub language: i64,
    /// Its currency, by number.
    #[serde(rename = "Currency")]
    pub currency: i64,
    /// Its kind, by number.
    #[serde(rename = "Type")]
    pub kind: i64,
    /// Words on it.
    #[serde(rename = "Description")]
    pub description: Option<String>,
    /// Your reference.
    #[serde(rename = "ExternalReference")]
    pub external_reference: Option<String>,
    /// When it is to be paid.
    #[serde(rename = "DueDate")]
    pub due_date: Option<String>,
    /// Where it can be fetched.
    #[serde(rename = "DocumentDownloadURL")]
    pub document_download_url: Option<String>,
    /// Where it can be paid, if it can.
    #[serde(rename = "DocumentPaymentURL")]
    pub document_payment_url: Option<String>,
    /// The provider's id of it.
    #[serde(rename = "DocumentID")]
    pub document_id: i64,
    /// Its running number; none of a draft.
    #[serde(rename = "DocumentNumber")]
    pub document_number: Option<i64>,
    /// Its sum, in its own currency.
    #[serde(rename = "DocumentValue")]
    pub document_value: Double,
    /// Its sum in shekels.
    #[serde(rename = "CompanyValue")]
    pub company_value: Double,
    /// Whether it is settled.
    #[serde(rename = "IsClosed")]
    pub is_closed: bool,
    /// The tax authority's allocation number.
    #[serde(rename = "AssignmentNumber")]
    pub assignment_number: Option<String>,
}

/// Which document: `DocumentID`, or `DocumentType` with `DocumentNumber`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDocumentRequest {
    /// The provider's id of it.
    #[serde(rename = "DocumentID", skip_serializing_if = "Option::is_none")]
    pub document_id: Option<i64>,
    /// Its kind.
    #[serde(rename = "DocumentType", skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// Its running number.
    #[serde(rename = "DocumentNumber", skip_serializing_if = "Option::is_none")]
    pub document_number: Option<i64>,
}

/// A document in full.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct GetDocumentAnswer {
    /// Its head.
    #[serde(rename = "Document")]
    pub document: Option<DocumentInFull>,
    /// Its lines.
    #[serde(rename = "Items")]
    pub items: Vec<DocumentLine>,
    /// How it was paid.
    #[serde(rename = "Payments")]
    pub payments: Vec<DocumentPaid>,
    /// Where it can be fetched.
    #[serde(rename = "DocumentDownloadURL")]
    pub document_download_url: Option<String>,
    /// Where it can be paid, if it can.
    #[serde(rename = "DocumentPaymentURL")]
    pub document_payment_url: Option<String>,
    /// The provider's id of it.
    #[serde(rename = "DocumentID")]
    pub document_id: i64,
    /// Its running number; none of a draft.
    #[serde(rename = "DocumentNumber")]
    pub document_number: Option<i64>,
}

/// The head of a document.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DocumentInFull {
    /// Whether it is a draft, which has no number yet.
    #[serde(rename = "IsDraft")]
    pub is_draft: bool,
    /// Its date.
    #[serde(rename = "Date")]
    pub date: Option<String>,
    /// For whom.
    #[serde(rename = "Customer")]
    pub customer: Option<DocumentCustomer>,
    /// Its language, by number.
    #[serde(rename = "Language")]
    pub language: i64,
    /// Its currency, by number.
    #[serde(rename = "Currency")]
    pub currency: i64,
    /// Its kind, by number.
    #[serde(rename = "Type")]
    pub kind: i64,
    /// Words on it.
    #[serde(rename = "Description")]
    pub description: Option<String>,
    /// Your reference.
    #[serde(rename = "ExternalReference")]
    pub external_reference: Option<String>,
    /// When it is to be paid.
    #[serde(rename = "DueDate")]
    pub due_date: Option<String>,
    /// Its sum, in its own currency.
    #[serde(rename = "DocumentValue")]
    pub document_value: Double,
    /// Its sum in shekels.
    #[serde(rename = "CompanyValue")]
    pub company_value: Double,
    /// Whether it is settled.
    #[serde(rename = "IsClosed")]
    pub is_closed: bool,
    /// The tax authority's allocation number.
    #[serde(rename = "AssignmentNumber")]
    pub assignment_number: Option<String>,
}

/// The customer of a document.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DocumentCustomer {
    /// The provider's id of the customer.
    #[serde(rename = "ID")]
    pub id: i64,
    /// The customer's name.
    #[serde(rename = "Name")]
    pub name: Option<String>,
    /// The telephone number.
    #[serde(rename = "Phone")]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(rename = "EmailAddress")]
    pub email_address: Option<String>,
    /// The customer's company or identity number.
    #[serde(rename = "CompanyNumber")]
    pub company_number: Option<String>,
    /// Your id of the customer.
    #[serde(rename = "ExternalIdentifier")]
    pub external_identifier: Option<String>,
}

/// One line of a document.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DocumentLine {
    /// What was sold.
    #[serde(rename = "Item")]
    pub item: Option<DocumentLineItem>,
    /// How many.
    #[serde(rename = "Quantity")]
    pub quantity: Double,
    /// The price of one.
    #[serde(rename = "UnitPrice")]
    pub unit_price: Double,
    /// The price of all.
    #[serde(rename = "TotalPrice")]
    pub total_price: Double,
    /// Words below the line.
    #[serde(rename = "Description")]
    pub description: Option<String>,
}

/// What was sold.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DocumentLineItem {
    /// What it is called.
    #[serde(rename = "Name")]
    pub name: Option<String>,
}

/// One payment on a document.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DocumentPaid {
    /// How much.
    #[serde(rename = "Amount")]
    pub amount: Double,
    /// With what, by number.
    #[serde(rename = "Type")]
    pub kind: i64,
}
