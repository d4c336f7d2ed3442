//! `/billing/recurring/charge/`: charge now, and again and again. The provider keeps the schedule; of later charges it
//! tells nothing, they are found among the payments.

use super::charge::Payment;
use super::enums::{Currency, DocumentLanguage, DocumentType, ItemSearch};
use super::shared::{Customer, PaymentMethod, WireDate, filled, one};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The endpoint.
pub struct ChargeRecurring;

impl Endpoint for ChargeRecurring {
    const PATH: &'static str = "/billing/recurring/charge/";
    type Request = ChargeRecurringRequest;
    type Answer = ChargeRecurringAnswer;
}

/// Something that is paid again and again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeRecurringRequest {
    /// Who pays.
    #[serde(rename = "Customer")]
    pub customer: Customer,
    /// What is paid for again and again.
    #[serde(rename = "Items")]
    #[schemars(length(min = 1))]
    pub items: Vec<RecurringLine>,
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
    /// Into how many instalments each charge is divided. It does not say how often is charged.
    #[serde(rename = "CreditCardPayments_Count", skip_serializing_if = "Option::is_none")]
    pub credit_card_payments_count: Option<i64>,
    /// Whether the prices hold VAT already. The provider takes false for granted and would add it.
    #[serde(rename = "VATIncluded")]
    pub vat_included: bool,
    /// The kind of document; without it, what the organisation set.
    #[serde(rename = "DocumentType", skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// The document's language.
    #[serde(rename = "DocumentLanguage", skip_serializing_if = "Option::is_none")]
    pub document_language: Option<DocumentLanguage>,
    /// Words on the first document.
    #[serde(
        rename = "FirstDocumentDescription",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_document_description: Option<String>,
    /// By how many months the time that is paid for differs from the time of payment.
    #[serde(rename = "AttributionOffset", skip_serializing_if = "Option::is_none")]
    pub attribution_offset: Option<i64>,
    /// Whether the organisation gets a copy.
    #[serde(rename = "SendCopyToOrganization", skip_serializing_if = "Option::is_none")]
    pub send_copy_to_organization: Option<bool>,
    /// Whether the customer gets a notice with a link to the document.
    #[serde(rename = "UpdateCustomerByEmail", skip_serializing_if = "Option::is_none")]
    pub update_customer_by_email: Option<bool>,
    /// Whether the document is attached to the notice.
    #[serde(rename = "UpdateCustomerByEmail_AttachDocument", skip_serializing_if = "Option::is_none")]
    pub update_customer_by_email_attach_document: Option<bool>,
    /// Which terminal, where there are several.
    #[serde(
        rename = "MerchantNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub merchant_number: Option<String>,
    /// Whether the ordinary terminal is used, where there are several.
    #[serde(rename = "PreventStandingOrder", skip_serializing_if = "Option::is_none")]
    pub prevent_standing_order: Option<bool>,
}

/// One line of it: what, for how much, and how often.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurringLine {
    /// What is sold; its `Name` or `ID` is needed.
    #[serde(rename = "Item")]
    pub item: RecurringItem,
    /// How many; one unless said otherwise.
    #[serde(rename = "Quantity", default = "one")]
    pub quantity: Quantity,
    /// The price of one.
    #[serde(rename = "UnitPrice", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Amount>,
    /// The currency; shekels unless said otherwise. The same in every line.
    #[serde(rename = "Currency", skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The day of the first charge; today unless said otherwise. A later one is a time without pay.
    #[serde(rename = "Date_Start", skip_serializing_if = "Option::is_none")]
    pub date_start: Option<WireDate>,
    /// Words below the line.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
    /// Days between two charges, beside the months.
    #[serde(rename = "Duration_Days", skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<i64>,
    /// Months between two charges: 1 is every month.
    #[serde(rename = "Duration_Months", skip_serializing_if = "Option::is_none")]
    pub duration_months: Option<i64>,
    /// How often it is charged; without it, or with 0, without end.
    #[serde(rename = "Recurrence", skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<i64>,
}

/// What is sold again and again.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurringItem {
    /// The provider's own id of the item.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// What it is called on the document.
    #[serde(rename = "Name", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More words about it.
    #[serde(
        rename = "Description",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
    /// Its list price.
    #[serde(rename = "Price", skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// The currency of the list price.
    #[serde(rename = "Currency", skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What it costs you.
    #[serde(rename = "Cost", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Amount>,
    /// Your id of the item.
    #[serde(
        rename = "ExternalIdentifier",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_identifier: Option<String>,
    /// Its stock keeping number.
    #[serde(rename = "SKU", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// How the item is looked for among those that exist.
    #[serde(rename = "SearchMode", skip_serializing_if = "Option::is_none")]
    pub search_mode: Option<ItemSearch>,
    /// Fields of your own in the item's record.
    #[serde(rename = "Properties", skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
    /// Days between two charges, where the line does not say it.
    #[serde(rename = "Duration_Days", skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<i64>,
    /// Months between two charges, where the line does not say it.
    #[serde(rename = "Duration_Months", skip_serializing_if = "Option::is_none")]
    pub duration_months: Option<i64>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ChargeRecurringAnswer {
    /// The first payment; none where nothing is paid today.
    #[serde(rename = "Payment")]
    pub payment: Option<Payment>,
    /// The provider's id of the first document.
    #[serde(rename = "DocumentID")]
    pub document_id: Option<i64>,
    /// The customer, found or made.
    #[serde(rename = "CustomerID")]
    pub customer_id: i64,
    /// Where the first document can be fetched.
    #[serde(rename = "DocumentDownloadURL")]
    pub document_download_url: Option<String>,
    /// The ids by which each line is listed, changed and ended.
    #[serde(rename = "RecurringCustomerItemIDs")]
    pub recurring_customer_item_ids: Option<Vec<i64>>,
}
