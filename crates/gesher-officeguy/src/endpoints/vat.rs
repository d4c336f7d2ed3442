//! `/accounting/general/getvatrate/`: the VAT of a day. Also the cheapest way to try credentials.

use super::shared::{Double, WireDate};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct GetVatRate;

impl Endpoint for GetVatRate {
    const PATH: &'static str = "/accounting/general/getvatrate/";
    type Request = GetVatRateRequest;
    type Answer = GetVatRateAnswer;
}

/// Which day.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetVatRateRequest {
    /// The day; today unless said otherwise.
    #[serde(rename = "Date", skip_serializing_if = "Option::is_none")]
    pub date: Option<WireDate>,
}

/// The rate.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct GetVatRateAnswer {
    /// In percent, as in `18.0`.
    #[serde(rename = "Rate")]
    pub rate: Double,
}
