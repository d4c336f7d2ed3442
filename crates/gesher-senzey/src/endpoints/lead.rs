//! `/extapi/pclient/add.php` and `/extapi/client/add.php`: a potential client (a lead), and a client.
//!
//! The two take the same fields. That of the client is known from programs in use only, and so is its answer.

use super::shared::{Day, Digits, day, digits, filled};
use super::words::{Recurrence, YesNo};
use gesher_core::money::Amount;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A potential client.
pub struct Lead;

impl Endpoint for Lead {
    const PATH: &'static str = "/extapi/pclient/add.php";
    type Request = ContactRequest;
    type Answer = ContactAnswer;
}

/// A client.
pub struct NewClient;

impl Endpoint for NewClient {
    const PATH: &'static str = "/extapi/client/add.php";
    type Request = ContactRequest;
    type Answer = ContactAnswer;
}

/// A lead or a client.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// The name.
    pub x_name: String,
    /// The identity number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_identify_number: Option<String>,
    /// The birthday.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub x_birthday: Option<Day>,
    /// The e-mail address; the name ends in a 1.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_email1: Option<String>,
    /// A telephone number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_phone: Option<String>,
    /// A mobile number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_mobile: Option<String>,
    /// Street and house.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_address: Option<String>,
    /// The city.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_city: Option<String>,
    /// Where the contact came from, by its number in the account's settings.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub x_referrer: Option<Digits>,
    /// Notes on where the contact came from.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_referrer_notes: Option<String>,
    /// Other notes.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_comments: Option<String>,
    /// Whether it is a member of the club.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_is_club_member: Option<YesNo>,
    /// What the contact wrote. Known from programs in use only.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub x_content: Option<String>,
    /// The label of the client's type. Known from programs in use only.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_type_label: Option<String>,
    /// The label of the client's status. Known from programs in use only.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_status_label: Option<String>,
    /// The project that the contact belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to_project: Option<Membership>,
    /// Never accepted: with it Senzey prints what it got and makes nothing.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// How a contact belongs to a project.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The project's number.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Digits>,
    /// A description.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is to be billed, VAT included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The day of joining.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Day>,
    /// The day on which the service ends.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub finish_date: Option<Day>,
    /// Whether the deal comes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// For how many months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_of_payment: Option<i64>,
}

/// The contact that was made.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ContactAnswer {
    /// 1 for made.
    pub success: i64,
    /// What was made.
    pub data: Made,
}

/// What was made.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Made {
    /// Its number.
    pub id: i64,
}
