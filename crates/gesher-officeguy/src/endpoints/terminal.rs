//! `/billing/generalbilling/openupayterminal/`: ask for a clearing terminal. People approve it later.

use super::enums::UpayProgram;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct OpenUpayTerminal;

impl Endpoint for OpenUpayTerminal {
    const PATH: &'static str = "/billing/generalbilling/openupayterminal/";
    type Request = OpenUpayTerminalRequest;
    type Answer = OpenUpayTerminalAnswer;
}

/// Where the cleared money goes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenUpayTerminalRequest {
    /// The bank's number, such as 12.
    #[serde(rename = "BankCode")]
    pub bank_code: i32,
    /// The branch's number.
    #[serde(rename = "BranchCode")]
    pub branch_code: i32,
    /// The account's number, as text.
    #[serde(rename = "AccountNumber")]
    #[schemars(length(min = 1))]
    pub account_number: String,
    /// The fee plan; without it, `OFFICEGUYNEW10`.
    #[serde(rename = "Program", skip_serializing_if = "Option::is_none")]
    pub program: Option<UpayProgram>,
}

/// An empty object: the request was filed. Whether it is approved is not told.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct OpenUpayTerminalAnswer {}
