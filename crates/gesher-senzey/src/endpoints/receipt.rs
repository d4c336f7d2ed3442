//! `/extapi/tax_invoice_receipt/add.php`: a tax invoice with receipt, for a client that is made with it.
//!
//! Only the beginning of the provider's page was read: of a means of payment more fields may be known there, and the
//! answer is by likeness with that of a standing order.

use super::shared::{Day, Digits, GatewayData, Row, day, digits, filled, gateway};
use super::words::{DocumentLanguage, ForeignCurrency, VatType};
use gesher_core::money::Amount;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct TaxInvoiceReceipt;

impl Endpoint for TaxInvoiceReceipt {
    const PATH: &'static str = "/extapi/tax_invoice_receipt/add.php";
    type Request = ReceiptRequest;
    type Answer = ReceiptAnswer;
}

/// A tax invoice with receipt.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// The client's name.
    pub client_name: String,
    /// The client's e-mail address.
    pub client_email: String,
    /// The client's identity number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_idn: Option<String>,
    /// The client's number as a registered dealer.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_business_idn: Option<String>,
    /// Street and house.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// A telephone number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_phone: Option<String>,
    /// The city.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_city: Option<String>,
    /// The language of the client's documents; Hebrew unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_lang: Option<DocumentLanguage>,
    /// The client's birthday.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub client_birthday: Option<Day>,
    /// What was paid.
    pub total_payment: Amount,
    /// The currency, where it is not the shekel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<ForeignCurrency>,
    /// Whether VAT is due.
    pub vat_type: VatType,
    /// Notes on the document.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub doc_comments: Option<String>,
    /// What was sold.
    pub items: Vec<Row>,
    /// How many of the client's points are used. Then the rows need not add up to the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_club_member_points: Option<i64>,
    /// True to take the products out of the stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_stock_record: Option<bool>,
    /// True to send the document to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_invoice: Option<bool>,
    /// The clearing company, such as `yaad`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub transaction_company: Option<String>,
    /// Everything that the clearing company answered: its text as it came, or a map of its fields.
    #[serde(default, deserialize_with = "gateway", skip_serializing_if = "Option::is_none")]
    pub credit_card_payment: Option<GatewayData>,
    /// How it was paid, where no clearing company says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_details: Vec<Paid>,
}

/// One of the payments of a receipt.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paid {
    /// 4 for a credit card, 7 for PayPal.
    pub payment_method: i64,
    /// How much.
    pub total_amount: Amount,
    /// The card's name, as in `Visa`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub credit_card_name: Option<String>,
    /// The card's last four digits.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub last_4_digits: Option<Digits>,
    /// Whose card it is.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub card_owner_name: Option<String>,
}

/// The document that was made.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ReceiptAnswer {
    /// Its number.
    pub doc_num: i64,
    /// The client's number in Senzey.
    pub client_id: Option<i64>,
}
