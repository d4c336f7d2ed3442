//! `/extapi/work_order/add.php`: a work order, which can come with a page where the client pays.
//!
//! Only the beginning of the provider's page was read; the fields after `currency` are those that programs in use send.

use super::shared::{Day, Row, day, filled};
use super::words::{DocumentLanguage, ForeignCurrency, VatType};
use gesher_core::money::Amount;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct WorkOrder;

impl Endpoint for WorkOrder {
    const PATH: &'static str = "/extapi/work_order/add.php";
    type Request = WorkOrderRequest;
    type Answer = WorkOrderAnswer;
}

/// A work order.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkOrderRequest {
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
    /// What is really to be paid; the sum of the rows.
    pub total_payment: Amount,
    /// The currency, where it is not the shekel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<ForeignCurrency>,
    /// Whether VAT is due.
    pub vat_type: VatType,
    /// What is sold.
    pub items: Vec<Row>,
    /// True to send the work order to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_invoice: Option<bool>,
    /// True for a page where the client pays; the answer's `pay_url` is its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_url: Option<bool>,
    /// Where Senzey reports the payment, by POST. Best with a part that nobody can guess: the report is not signed.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub pay_success_callback_url: Option<String>,
    /// Where the client's browser goes after the payment. Proves nothing.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub pay_success_redirect_url: Option<String>,
    /// True to send the invoice after the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_success_send_invoice: Option<bool>,
}

/// The work order that was made. The name of its number is not written anywhere: this one is that of the report of its
/// payment, and others are understood too.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct WorkOrderAnswer {
    /// Its number, which the report of its payment names.
    pub work_order_number: Option<i64>,
    /// The page where the client pays, where one was asked for.
    pub pay_url: Option<String>,
}
