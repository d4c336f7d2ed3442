//! `/billing/payments/charge/`: charge a card now, with a document. Has no idempotency key of any kind.

use super::enums::{Currency, DocumentLanguage, DocumentType};
use super::shared::{Customer, Double, IncomeItem, PaymentMethod, filled, one};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct Charge;

impl Endpoint for Charge {
    const PATH: &'static str = "/billing/payments/charge/";
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;
}

/// A charge, a hold or a capture: whatever the items add up to is taken, held or captured.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeRequest {
    /// Who pays.
    #[serde(rename = "Customer")]
    pub customer: Customer,
    /// What is paid for.
    #[serde(rename = "Items")]
    #[schemars(length(min = 1))]
    pub items: Vec<ChargeItem>,
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
    /// The authorisation of an earlier hold, which `capture` takes.
    #[serde(
        rename = "CreditCardAuthNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub credit_card_auth_number: Option<String>,
    /// Into how many instalments it is divided; without it, none.
    #[serde(rename = "Payments_Count", skip_serializing_if = "Option::is_none")]
    pub payments_count: Option<i64>,
    /// The first instalment, where they are not equal.
    #[serde(rename = "Payments_FirstAmount", skip_serializing_if = "Option::is_none")]
    pub payments_first_amount: Option<Amount>,
    /// Each further instalment.
    #[serde(rename = "Payments_NonFirstAmount", skip_serializing_if = "Option::is_none")]
    pub payments_non_first_amount: Option<Amount>,
    /// Whether the instalments are a credit plan.
    #[serde(rename = "Payments_Credit", skip_serializing_if = "Option::is_none")]
    pub payments_credit: Option<bool>,
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
    /// Words on the document: the only place where a reference of yours can be found again.
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
    /// Whether no document is made.
    #[serde(rename = "PreventDocumentCreation", skip_serializing_if = "Option::is_none")]
    pub prevent_document_creation: Option<bool>,
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
    /// Must not be true: nothing would be charged.
    #[serde(rename = "AuthoriseOnly", skip_serializing_if = "Option::is_none")]
    pub authorise_only: Option<bool>,
    /// Nothing to say: a charge captures, and `authorize` holds.
    #[serde(rename = "AutoCapture", skip_serializing_if = "Option::is_none")]
    pub auto_capture: Option<bool>,
    /// How much `authorize` holds, where it is not what the items add up to. Not for a charge.
    #[serde(rename = "AuthorizeAmount", skip_serializing_if = "Option::is_none")]
    pub authorize_amount: Option<Amount>,
    /// Must not be true: `refund` gives money back.
    #[serde(rename = "SupportCredit", skip_serializing_if = "Option::is_none")]
    pub support_credit: Option<bool>,
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
    /// Whether the ordinary terminal is used, where there are several.
    #[serde(rename = "PreventStandingOrder", skip_serializing_if = "Option::is_none")]
    pub prevent_standing_order: Option<bool>,
}

/// One line of a charge.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeItem {
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

/// What came of a charge.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ChargeAnswer {
    /// The payment.
    #[serde(rename = "Payment")]
    pub payment: Option<Payment>,
    /// The provider's id of the document.
    #[serde(rename = "DocumentID")]
    pub document_id: Option<i64>,
    /// The document's running number.
    #[serde(rename = "DocumentNumber")]
    pub document_number: Option<i64>,
    /// The customer, found or made.
    #[serde(rename = "CustomerID")]
    pub customer_id: Option<i64>,
    /// Where the document can be fetched; the first time it is the original.
    #[serde(rename = "DocumentDownloadURL")]
    pub document_download_url: Option<String>,
}

/// One payment, made or declined.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Payment {
    /// The provider's id of the payment.
    #[serde(rename = "ID")]
    pub id: i64,
    /// The customer who paid.
    #[serde(rename = "CustomerID")]
    pub customer_id: i64,
    /// When, with the offset of Israel.
    #[serde(rename = "Date")]
    pub date: Option<String>,
    /// Whether the money was taken. A declined payment has a record too.
    #[serde(rename = "ValidPayment")]
    pub valid_payment: bool,
    /// The acquirer's code: `000` is approved.
    #[serde(rename = "Status")]
    pub status: Option<String>,
    /// The acquirer's words.
    #[serde(rename = "StatusDescription")]
    pub status_description: Option<String>,
    /// How much.
    #[serde(rename = "Amount")]
    pub amount: Double,
    /// Of what, by the number of the currency table.
    #[serde(rename = "Currency")]
    pub currency: i64,
    /// What it was paid with.
    #[serde(rename = "PaymentMethod")]
    pub payment_method: Option<UsedPaymentMethod>,
    /// The acquirer's authorisation; may begin with a space.
    #[serde(rename = "AuthNumber")]
    pub auth_number: Option<String>,
    /// The first instalment.
    #[serde(rename = "FirstPaymentAmount")]
    pub first_payment_amount: Option<Double>,
    /// Each further instalment.
    #[serde(rename = "NonFirstPaymentAmount")]
    pub non_first_payment_amount: Option<Double>,
    /// The standing orders that it belongs to.
    #[serde(rename = "RecurringCustomerItemIDs")]
    pub recurring_customer_item_ids: Option<Vec<i64>>,
    /// Always null, whatever was sent.
    #[serde(rename = "ExternalIdentifier")]
    pub external_identifier: Option<String>,
    /// The document of the payment; 0 at first.
    #[serde(rename = "DocumentID")]
    pub document_id: i64,
}

/// What a payment was made with, without what is secret of it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct UsedPaymentMethod {
    /// The provider's id of the method.
    #[serde(rename = "ID")]
    pub id: Option<i64>,
    /// The customer to whom it belongs.
    #[serde(rename = "CustomerID")]
    pub customer_id: Option<i64>,
    /// Always null.
    #[serde(rename = "CreditCard_Number")]
    pub credit_card_number: Option<String>,
    /// The last four digits of the card.
    #[serde(rename = "CreditCard_LastDigits")]
    pub credit_card_last_digits: Option<String>,
    /// The month in which the card ends.
    #[serde(rename = "CreditCard_ExpirationMonth")]
    pub credit_card_expiration_month: Option<i32>,
    /// The year in which the card ends.
    #[serde(rename = "CreditCard_ExpirationYear")]
    pub credit_card_expiration_year: Option<i32>,
    /// Always null.
    #[serde(rename = "CreditCard_CVV")]
    pub credit_card_cvv: Option<String>,
    /// Always null.
    #[serde(rename = "CreditCard_Track2")]
    pub credit_card_track2: Option<String>,
    /// The identity number of the card's holder.
    #[serde(rename = "CreditCard_CitizenID")]
    pub credit_card_citizen_id: Option<String>,
    /// The card's number with all but the last digits hidden.
    #[serde(rename = "CreditCard_CardMask")]
    pub credit_card_card_mask: Option<String>,
    /// The card's token, for later charges.
    #[serde(rename = "CreditCard_Token")]
    pub credit_card_token: Option<String>,
    /// What it is, by number.
    #[serde(rename = "Type")]
    pub kind: i64,
}
