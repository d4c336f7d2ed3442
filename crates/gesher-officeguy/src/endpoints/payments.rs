//! `/billing/payments/get/` and `/billing/payments/list/`: payments that were made or declined.

use super::charge::Payment;
use super::shared::WireDate;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One payment by its id.
pub struct GetPayment;

impl Endpoint for GetPayment {
    const PATH: &'static str = "/billing/payments/get/";
    type Request = GetPaymentRequest;
    type Answer = GetPaymentAnswer;
}

/// Payments of a time.
pub struct ListPayments;

impl Endpoint for ListPayments {
    const PATH: &'static str = "/billing/payments/list/";
    type Request = ListPaymentsRequest;
    type Answer = ListPaymentsAnswer;
}

/// Which payment.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetPaymentRequest {
    /// The id that its charge answered.
    #[serde(rename = "PaymentID")]
    pub payment_id: i64,
}

/// The payment.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct GetPaymentAnswer {
    /// The payment.
    #[serde(rename = "Payment")]
    pub payment: Option<Payment>,
}

/// Which payments. There is no filter by customer or reference.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPaymentsRequest {
    /// The first day or instant.
    #[serde(rename = "Date_From")]
    pub date_from: WireDate,
    /// The last day or instant.
    #[serde(rename = "Date_To")]
    pub date_to: WireDate,
    /// Only those that were charged (true) or declined (false).
    #[serde(rename = "Valid", skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// How many to pass over: for the next page.
    #[serde(rename = "StartIndex", skip_serializing_if = "Option::is_none")]
    pub start_index: Option<i64>,
}

/// One page of payments.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ListPaymentsAnswer {
    /// The payments.
    #[serde(rename = "Payments")]
    pub payments: Vec<Payment>,
    /// Whether there are more; ask again with `StartIndex`.
    #[serde(rename = "HasNextPage")]
    pub has_next_page: bool,
}
