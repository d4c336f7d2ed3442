//! `/accounting/documents/…`: documents without a charge, and those that were made.

use super::enums::{Currency, DocumentLanguage, DocumentPaymentType, DocumentType};
use super::shared::{Customer, Double, IncomeItem, WireDate, filled, one};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Makes a document. Each call makes another one.
pub struct CreateDocument;

impl Endpoint for CreateDocument {
    const PATH: &'static str = "/accounting/documents/create/";
    type Request = CreateDocumentRequest;
    type Answer = CreateDocumentAnswer;
}

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

/// A document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDocumentRequest {
    /// Its kind, customer and texts.
    #[serde(rename = "Details")]
    pub details: DocumentDetails,
    /// Its lines.
    #[serde(rename = "Items", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub items: Option<Vec<DocumentItem>>,
    /// How it was paid: for receipts only.
    #[serde(rename = "Payments", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub payments: Option<Vec<DocumentPayment>>,
    /// Whether the prices hold VAT already; needed unless `VATPerItem` is true.
    #[serde(rename = "VATIncluded", skip_serializing_if = "Option::is_none")]
    pub vat_included: Option<bool>,
    /// Whether each line says its own VAT.
    #[serde(rename = "VATPerItem", skip_serializing_if = "Option::is_none")]
    pub vat_per_item: Option<bool>,
    /// The VAT in percent; without it, the organisation's.
    #[serde(rename = "VATRate", skip_serializing_if = "Option::is_none")]
    pub vat_rate: Option<Quantity>,
    /// The document that a credit document belongs to.
    #[serde(rename = "OriginalDocumentID", skip_serializing_if = "Option::is_none")]
    pub original_document_id: Option<i64>,
}

/// The head of a document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentDetails {
    /// Its kind.
    #[serde(rename = "Type")]
    pub type: DocumentType,
    /// For whom.
    #[serde(rename = "Customer")]
    pub customer: Customer,
    /// Whether it is a draft.
    #[serde(rename = "IsDraft", skip_serializing_if = "Option::is_none")]
    pub is_draft: Option<bool>,
    /// Its date; today unless said otherwise.
    #[serde(rename = "Date", skip_serializing_if = "Option::is_none")]
    pub date: Option<WireDate>,
    /// Whether and how it is sent; without it, not at all.
    #[serde(rename = "SendByEmail", skip_serializing_if = "Option::is_none")]
    pub send_by_email: Option<SendByEmail>,
    /// Its language.
    #[serde(rename = "Language", skip_serializing_if = "Option::is_none")]
    pub language: Option<DocumentLanguage>,
    /// Its currency; shekels unless said otherwise.
    #[serde(rename = "Currency", skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Words on it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub description: Option<String>,
    /// Your reference; it comes back in lists.
    #[serde(
        rename = "ExternalReference",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub external_reference: Option<String>,
    /// Words above the lines.
    #[serde(
        rename = "OpeningText",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub opening_text: Option<String>,
    /// The same as HTML, instead of `OpeningText`.
    #[serde(
        rename = "OpeningTextHTML",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub opening_text_html: Option<String>,
    /// Words below the lines.
    #[serde(
        rename = "ClosingText",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub closing_text: Option<String>,
    /// The same as HTML, instead of `ClosingText`.
    #[serde(
        rename = "ClosingTextHTML",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub closing_text_html: Option<String>,
    /// When it is to be paid.
    #[serde(rename = "DueDate", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<WireDate>,
    /// Words of a payment request.
    #[serde(
        rename = "PaymentRequestText",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub payment_request_text: Option<String>,
    /// Fields of your own in the document's record.
    #[serde(rename = "Properties", skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// How a document is sent.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendByEmail {
    /// To whom; the customer unless said otherwise.
    #[serde(
        rename = "EmailAddress",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub email_address: Option<String>,
    /// Whether it is the original.
    #[serde(rename = "Original", skip_serializing_if = "Option::is_none")]
    pub original: Option<bool>,
    /// Whether it is sent as a payment request.
    #[serde(rename = "SendAsPaymentRequest", skip_serializing_if = "Option::is_none")]
    pub send_as_payment_request: Option<bool>,
}

/// One line of a document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentItem {
    /// What is sold; its `Name` or `ID` is needed.
    #[serde(rename = "Item")]
    pub item: IncomeItem,
    /// How many; one unless said otherwise.
    #[serde(rename = "Quantity", default = "one")]
    pub quantity: Quantity,
    /// The price of one, in shekels.
    #[serde(rename = "UnitPrice", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Amount>,
    /// The price of all, in shekels.
    #[serde(rename = "TotalPrice", skip_serializing_if = "Option::is_none")]
    pub total_price: Option<Amount>,
    /// The price of one, in the document's currency.
    #[serde(rename = "DocumentCurrency_UnitPrice", skip_serializing_if = "Option::is_none")]
    pub document_currency_unit_price: Option<Amount>,
    /// The price of all, in the document's currency.
    #[serde(rename = "DocumentCurrency_TotalPrice", skip_serializing_if = "Option::is_none")]
    pub document_currency_total_price: Option<Amount>,
    /// The line's VAT, with `VATPerItem` only.
    #[serde(rename = "VAT", skip_serializing_if = "Option::is_none")]
    pub vat: Option<Amount>,
    /// The same in the document's currency.
    #[serde(rename = "DocumentCurrency_VAT", skip_serializing_if = "Option::is_none")]
    pub document_currency_vat: Option<Amount>,
    /// Words below the line.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub description: Option<String>,
}

/// One payment on a receipt.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentPayment {
    /// How much, in shekels.
    #[serde(rename = "Amount", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// How much, in the document's currency.
    #[serde(rename = "DocumentCurrency_Amount", skip_serializing_if = "Option::is_none")]
    pub document_currency_amount: Option<Amount>,
    /// With what; without it the provider tells from the details.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub type: Option<DocumentPaymentType>,
    /// The provider's id of a payment of its own.
    #[serde(rename = "PaymentElementID", skip_serializing_if = "Option::is_none")]
    pub payment_element_id: Option<i64>,
    /// Details of a payment without any.
    #[serde(rename = "Details_General", skip_serializing_if = "Option::is_none")]
    pub details_general: Option<Nothing>,
    /// Details of cash: none.
    #[serde(rename = "Details_Cash", skip_serializing_if = "Option::is_none")]
    pub details_cash: Option<Nothing>,
    /// Details of tax withheld: none.
    #[serde(rename = "Details_TaxWithholding", skip_serializing_if = "Option::is_none")]
    pub details_tax_withholding: Option<Nothing>,
    /// Details of a bank transfer.
    #[serde(rename = "Details_BankTransfer", skip_serializing_if = "Option::is_none")]
    pub details_bank_transfer: Option<BankTransfer>,
    /// Details of a cheque.
    #[serde(rename = "Details_Cheque", skip_serializing_if = "Option::is_none")]
    pub details_cheque: Option<Cheque>,
    /// Details of a card payment made elsewhere.
    #[serde(rename = "Details_CreditCard", skip_serializing_if = "Option::is_none")]
    pub details_credit_card: Option<PaidByCard>,
    /// Details of another payment.
    #[serde(rename = "Details_Other", skip_serializing_if = "Option::is_none")]
    pub details_other: Option<PaidOtherwise>,
    /// Details of a digital payment.
    #[serde(rename = "Details_Digital", skip_serializing_if = "Option::is_none")]
    pub details_digital: Option<PaidDigitally>,
}

/// An object without fields.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A bank transfer.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BankTransfer {
    /// The bank's number.
    #[serde(rename = "BankNumber", skip_serializing_if = "Option::is_none")]
    pub bank_number: Option<i64>,
    /// The branch's number.
    #[serde(rename = "BranchNumber", skip_serializing_if = "Option::is_none")]
    pub branch_number: Option<i64>,
    /// The account's number.
    #[serde(
        rename = "AccountNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub account_number: Option<String>,
    /// The transfer's reference.
    #[serde(
        rename = "Reference",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub reference: Option<String>,
    /// Its day.
    #[serde(rename = "DueDate", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<WireDate>,
}

/// A cheque.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cheque {
    /// The bank's number.
    #[serde(rename = "BankNumber", skip_serializing_if = "Option::is_none")]
    pub bank_number: Option<i64>,
    /// The branch's number.
    #[serde(rename = "BranchNumber", skip_serializing_if = "Option::is_none")]
    pub branch_number: Option<i64>,
    /// The account's number.
    #[serde(
        rename = "AccountNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub account_number: Option<String>,
    /// The cheque's number.
    #[serde(
        rename = "ChequeNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub cheque_number: Option<String>,
    /// Its day.
    #[serde(rename = "DueDate", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<WireDate>,
}

/// A card payment that was made elsewhere.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaidByCard {
    /// The card's brand.
    #[serde(
        rename = "CardBrand",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub card_brand: Option<String>,
    /// The last four digits of the card.
    #[serde(
        rename = "Last4Digits",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub last4_digits: Option<String>,
    /// The first instalment.
    #[serde(rename = "FirstPayment", skip_serializing_if = "Option::is_none")]
    pub first_payment: Option<Amount>,
    /// Each further instalment.
    #[serde(rename = "EachPayment", skip_serializing_if = "Option::is_none")]
    pub each_payment: Option<Amount>,
    /// The number of instalments.
    #[serde(rename = "Payments", skip_serializing_if = "Option::is_none")]
    pub payments: Option<i64>,
}

/// Another payment.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaidOtherwise {
    /// What it was.
    #[serde(rename = "Type", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub type: Option<String>,
    /// Words about it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub description: Option<String>,
    /// Its day.
    #[serde(rename = "DueDate", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<WireDate>,
}

/// A digital payment.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaidDigitally {
    /// What it was.
    #[serde(rename = "Type", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub type: Option<String>,
    /// Words about it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none",
    )]
    pub description: Option<String>,
}

/// The new document.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct CreateDocumentAnswer {
    /// The provider's id of it.
    #[serde(rename = "DocumentID")]
    pub document_id: i64,
    /// Its running number; none of a draft.
    #[serde(rename = "DocumentNumber")]
    pub document_number: Option<i64>,
    /// The customer, found or made.
    #[serde(rename = "CustomerID")]
    pub customer_id: i64,
    /// Where it can be fetched.
    #[serde(rename = "DocumentDownloadURL")]
    pub document_download_url: Option<String>,
    /// Where it can be paid, if it can.
    #[serde(rename = "DocumentPaymentURL")]
    pub document_payment_url: Option<String>,
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
    pub type: i64,
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
    pub type: i64,
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
    pub type: i64,
}
