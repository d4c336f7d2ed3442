//! `/website/companies/create/` and `/website/companies/getdetails/`: organisations.

use super::enums::{Application, BizPackage, CompanyType};
use super::shared::{Refused, filled};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Opens an organisation. Each call opens another one, and its plan is charged to the caller.
pub struct CreateCompany;

impl Endpoint for CreateCompany {
    const PATH: &'static str = "/website/companies/create/";
    type Request = CreateCompanyRequest;
    type Answer = CreateCompanyAnswer;
}

/// The caller's own organisation.
pub struct GetCompany;

impl Endpoint for GetCompany {
    const PATH: &'static str = "/website/companies/getdetails/";
    type Request = GetCompanyRequest;
    type Answer = GetCompanyAnswer;
}

/// The organisation to open and its plan.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCompanyRequest {
    /// The organisation.
    #[serde(rename = "Company")]
    pub company: Company,
    /// Its owner; without one, the caller's owners own it too.
    #[serde(rename = "User", skip_serializing_if = "Option::is_none")]
    pub user: Option<CompanyUser>,
    /// The modules to install; some cost money. Clearing cards needs `CreditCard` and `Accounting`.
    #[serde(rename = "Applications", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub applications: Option<Vec<Application>>,
    /// Whether it is left out of the caller's list of organisations.
    #[serde(rename = "HideFromCompaniesList", skip_serializing_if = "Option::is_none")]
    pub hide_from_companies_list: Option<bool>,
    /// The price plan.
    #[serde(rename = "BizPackage")]
    pub biz_package: BizPackage,
    /// Must be true: the plan is charged to the marketplace's own payment method.
    #[serde(rename = "ApprovePayment")]
    pub approve_payment: bool,
}

/// An organisation. Without `CorporateNumber` and `Phone` it could never charge.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// Its name; needed.
    #[serde(rename = "Name", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the provider writes to it; needed.
    #[serde(
        rename = "EmailAddress",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub email_address: Option<String>,
    /// The address on its documents.
    #[serde(
        rename = "DocumentsEmailAddress",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub documents_email_address: Option<String>,
    /// The country.
    #[serde(
        rename = "Country",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub country: Option<String>,
    /// Street, house and city.
    #[serde(
        rename = "Address",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<String>,
    /// Its telephone number; needed.
    #[serde(rename = "Phone", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Its fax number.
    #[serde(rename = "Fax", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub fax: Option<String>,
    /// A line below its name.
    #[serde(rename = "Title", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its web site.
    #[serde(
        rename = "Website",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub website: Option<String>,
    /// Its tax number; needed.
    #[serde(
        rename = "CorporateNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub corporate_number: Option<String>,
    /// Its name in English.
    #[serde(
        rename = "English_Name",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_name: Option<String>,
    /// Its address in English.
    #[serde(
        rename = "English_Address",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_address: Option<String>,
    /// Its country in English.
    #[serde(
        rename = "English_Country",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_country: Option<String>,
    /// Its telephone number for English documents.
    #[serde(
        rename = "English_Phone",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_phone: Option<String>,
    /// Its fax number for English documents.
    #[serde(
        rename = "English_Fax",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_fax: Option<String>,
    /// The line below its name in English.
    #[serde(
        rename = "English_Title",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub english_title: Option<String>,
    /// Its legal form.
    #[serde(rename = "CompanyType", skip_serializing_if = "Option::is_none")]
    pub company_type: Option<CompanyType>,
    /// Its logo: PNG, JPG or GIF in Base64.
    #[serde(rename = "Logo", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// The owner of a new organisation.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompanyUser {
    /// The owner's name.
    #[serde(rename = "Name", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The owner's e-mail address.
    #[serde(
        rename = "EmailAddress",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub email_address: Option<String>,
    /// The owner's telephone number.
    #[serde(rename = "Phone", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Whether the owner may log in without answering a mail first.
    #[serde(rename = "SkipActivation", skip_serializing_if = "Option::is_none")]
    pub skip_activation: Option<bool>,
    /// Never accepted: a password does not belong into a script. The owner chooses one.
    #[serde(rename = "Password", skip_serializing_if = "Option::is_none")]
    pub password: Option<Refused>,
}

/// The new organisation. Its keys are taken out and kept in the vault before anybody sees this.
#[derive(Clone, Default, Serialize, JsonSchema)]
pub struct CreateCompanyAnswer {
    /// The provider's id of the organisation.
    #[serde(rename = "CompanyID")]
    pub company_id: i64,
    /// Its key: kept in the vault, never shown.
    #[serde(rename = "APIKey")]
    pub api_key: Option<String>,
    /// Its public key: kept in the vault, never shown.
    #[serde(rename = "APIPublicKey")]
    pub api_public_key: Option<String>,
    /// Never kept.
    #[serde(rename = "UserPassword")]
    pub user_password: Option<String>,
    /// Never kept.
    #[serde(rename = "UserEncryptedPassword")]
    pub user_encrypted_password: Option<String>,
}

/// Nothing but credentials is asked.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCompanyRequest {}

/// The organisation.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct GetCompanyAnswer {
    /// The organisation.
    #[serde(rename = "Company")]
    pub company: Option<Company>,
}
