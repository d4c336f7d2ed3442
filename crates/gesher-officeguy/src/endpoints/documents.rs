//! `/accounting/documents/create/`: a document without a charge. Each call makes another one.

use super::enums::{Currency, DocumentLanguage, DocumentPaymentType, DocumentType};
use super::shared::{Customer, IncomeItem, WireDate, filled, one};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Makes a document.
pub struct CreateDocument;

impl Endpoint for CreateDocument {
    const PATH: &'static str = "/accounting/documents/create/";
    type Request = CreateDocumentRequest;
    type Answer = CreateDocumentAnswer;
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
    pub kind: DocumentType,
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
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
    /// Your reference; it comes back in lists.
    #[serde(
        rename = "ExternalReference",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_reference: Option<String>,
    /// Words above the lines.
    #[serde(
        rename = "OpeningText",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub opening_text: Option<String>,
    /// The same as HTML, instead of `OpeningText`.
    #[serde(
        rename = "OpeningTextHTML",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub opening_text_html: Option<String>,
    /// Words below the lines.
    #[serde(
        rename = "ClosingText",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub closing_text: Option<String>,
    /// The same as HTML, instead of `ClosingText`.
    #[serde(
        rename = "ClosingTextHTML",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
        skip_serializing_if = "Option::is_none"
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
        skip_serializing_if = "Option::is_none"
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
        skip_serializing_if = "Option::is_none"
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
    pub kind: Option<DocumentPaymentType>,
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
        skip_serializing_if = "Option::is_none"
    )]
    pub account_number: Option<String>,
    /// The transfer's reference.
    #[serde(
        rename = "Reference",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
        skip_serializing_if = "Option::is_none"
    )]
    pub account_number: Option<String>,
    /// The cheque's number.
    #[serde(
        rename = "ChequeNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
        skip_serializing_if = "Option::is_none"
    )]
    pub card_brand: Option<String>,
    /// The last four digits of the card.
    #[serde(
        rename = "Last4Digits",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
    pub kind: Option<String>,
    /// Words about it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
    pub kind: Option<String>,
    /// Words about it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
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
