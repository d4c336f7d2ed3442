//! `/billing/payments/multivendorcharge/`: one card, charged by several vendors at once. Each vendor's share is a payment
//! in its own books, with its own document.
//!
//! The provider tells nothing of what happens when one vendor is refused, nor in which order it answers.

use super::charge::ChargeAnswer;
use super::enums::{Currency, DocumentLanguage, DocumentType};
use super::shared::{Customer, IncomeItem, PaymentMethod, filled, one};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct MultiVendorCharge;

/// The hub's own field of a line: when it is sent, the vendor's `CompanyID` and `APIKey` stand in its place.
pub const VENDOR: &str = "Vendor";

impl Endpoint for MultiVendorCharge {
    const PATH: &'static str = "/billing/payments/multivendorcharge/";
    type Request = MultiVendorRequest;
    type Answer = MultiVendorAnswer;
}

/// A charge of several vendors.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiVendorRequest {
    /// Who pays. Each vendor's books have their own customers, so an `ID` is one of the vendor's.
    #[serde(rename = "Customer")]
    pub customer: Customer,
    /// What is paid for, and who sells it.
    #[serde(rename = "Items")]
    #[schemars(length(min = 1))]
    pub items: Vec<MultiVendorItem>,
    /// A saved card by its token, or a direct debit.
    #[serde(rename = "PaymentMethod", skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// A card token of the payment form, good for one charge.
    #[serde(
        rename = "SingleUseToken",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub single_use_token: Option<String>,
    /// Into how many instalments it is divided; without it, none.
    #[serde(rename = "Payments_Count", skip_serializing_if = "Option::is_none")]
    pub payments_count: Option<i64>,
    /// The first instalment, where they are not equal.
    #[serde(rename = "Payments_FirstAmount", skip_serializing_if = "Option::is_none")]
    pub payments_first_amount: Option<Amount>,
    /// Each further instalment.
    #[serde(rename = "Payments_NonFirstAmount", skip_serializing_if = "Option::is_none")]
    pub payments_non_first_amount: Option<Amount>,
    /// Whether the prices hold VAT already. The provider takes false for granted and would add it.
    #[serde(rename = "VATIncluded")]
    pub vat_included: bool,
    /// The VAT in percent; better left out, since it can unbalance document and payment.
    #[serde(rename = "VATRate", skip_serializing_if = "Option::is_none")]
    pub vat_rate: Option<Quantity>,
    /// The kind of document; without it, what the organisation set.
    #[serde(rename = "DocumentType", skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// The document's language.
    #[serde(rename = "DocumentLanguage", skip_serializing_if = "Option::is_none")]
    pub document_language: Option<DocumentLanguage>,
    /// Words on every vendor's document.
    #[serde(
        rename = "DocumentDescription",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub document_description: Option<String>,
    /// Whether the document is a draft.
    #[serde(rename = "DraftDocument", skip_serializing_if = "Option::is_none")]
    pub draft_document: Option<bool>,
    /// Whether the customer gets the document by e-mail.
    #[serde(rename = "SendDocumentByEmail", skip_serializing_if = "Option::is_none")]
    pub send_document_by_email: Option<bool>,
    /// Whether the organisation gets a copy.
    #[serde(rename = "SendCopyToOrganization", skip_serializing_if = "Option::is_none")]
    pub send_copy_to_organization: Option<bool>,
    /// Whether the customer gets a notice with a link to the document.
    #[serde(rename = "UpdateCustomerByEmail", skip_serializing_if = "Option::is_none")]
    pub update_customer_by_email: Option<bool>,
    /// Whether the document is attached to the notice.
    #[serde(rename = "UpdateCustomerByEmail_AttachDocument", skip_serializing_if = "Option::is_none")]
    pub update_customer_by_email_attach_document: Option<bool>,
    /// The notice's language.
    #[serde(rename = "UpdateCustomerByEmail_Language", skip_serializing_if = "Option::is_none")]
    pub update_customer_by_email_language: Option<DocumentLanguage>,
    /// Which terminal, where there are several.
    #[serde(
        rename = "MerchantNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub merchant_number: Option<String>,
    /// Whether the card is not saved as the customer's method.
    #[serde(rename = "CardTokenNotNeeded", skip_serializing_if = "Option::is_none")]
    pub card_token_not_needed: Option<bool>,
}

/// One line and its vendor.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiVendorItem {
    /// Who sells it: a vendor's handle, or `marketplace`. The vendor's keys are put in when it is sent.
    #[serde(rename = "Vendor")]
    pub vendor: String,
    /// What is sold; its `Name` or `ID` is needed.
    #[serde(rename = "Item")]
    pub item: IncomeItem,
    /// How many; one unless said otherwise.
    #[serde(rename = "Quantity", default = "one")]
    pub quantity: Quantity,
    /// The price of one.
    #[serde(rename = "UnitPrice", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Amount>,
    /// The price of all; instead of `UnitPrice`.
    #[serde(rename = "Total", skip_serializing_if = "Option::is_none")]
    pub total: Option<Amount>,
    /// The currency; shekels unless said otherwise. The same in every line.
    #[serde(rename = "Currency", skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Words below the line.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
}

/// What came of it: an answer for each vendor, without its name.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct MultiVendorAnswer {
    /// One for each vendor. Their order is not promised.
    #[serde(rename = "Vendors")]
    pub vendors: Vec<ChargeAnswer>,
}
