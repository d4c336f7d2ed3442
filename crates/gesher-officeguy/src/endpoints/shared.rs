//! What several endpoints say in the same way: customers, items, payment methods, dates, and what is never taken.

use super::enums::{Currency, CustomerSearch, ItemSearch, PaymentMethodType};
use gesher_core::money::{Amount, Quantity};
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroize;

/// Whom it concerns. Without `ID` and without a `SearchMode` each call makes a new customer.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The provider's own id of the customer. Where it is given it decides alone.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The customer's name; needed for a new customer.
    #[serde(rename = "Name", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A telephone number, in any form.
    #[serde(rename = "Phone", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// An e-mail address.
    #[serde(
        rename = "EmailAddress",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub email_address: Option<String>,
    /// The city.
    #[serde(rename = "City", default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Street and house.
    #[serde(
        rename = "Address",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<String>,
    /// The postal code.
    #[serde(
        rename = "ZipCode",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub zip_code: Option<String>,
    /// The customer's own company or identity number.
    #[serde(
        rename = "CompanyNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub company_number: Option<String>,
    /// Your id of the customer. It finds a customer again; it does not keep a charge from being repeated.
    #[serde(
        rename = "ExternalIdentifier",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_identifier: Option<String>,
    /// True for a customer who is exempt from VAT.
    #[serde(rename = "NoVAT", skip_serializing_if = "Option::is_none")]
    pub no_vat: Option<bool>,
    /// How the customer is looked for among those that exist.
    #[serde(rename = "SearchMode", skip_serializing_if = "Option::is_none")]
    pub search_mode: Option<CustomerSearch>,
    /// The folder of the customer, where there are several.
    #[serde(
        rename = "Folder",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub folder: Option<String>,
    /// Fields of your own in the customer's record.
    #[serde(rename = "Properties", skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// What is sold.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncomeItem {
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
}

/// A saved card or a direct debit. `Type` is needed: without it the provider takes it for neither.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentMethod {
    /// The provider's own id of the method.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The customer to whom it belongs.
    #[serde(rename = "CustomerID", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// The card's token.
    #[serde(
        rename = "CreditCard_Token",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub credit_card_token: Option<String>,
    /// The month in which the card ends, 1 to 12.
    #[serde(rename = "CreditCard_ExpirationMonth", skip_serializing_if = "Option::is_none")]
    pub credit_card_expiration_month: Option<i32>,
    /// The year in which the card ends, with four digits.
    #[serde(rename = "CreditCard_ExpirationYear", skip_serializing_if = "Option::is_none")]
    pub credit_card_expiration_year: Option<i32>,
    /// The identity number of the card's holder, where the acquirer wants it.
    #[serde(
        rename = "CreditCard_CitizenID",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub credit_card_citizen_id: Option<String>,
    /// The bank's number.
    #[serde(rename = "DirectDebit_Bank", skip_serializing_if = "Option::is_none")]
    pub direct_debit_bank: Option<i64>,
    /// The branch's number.
    #[serde(rename = "DirectDebit_Branch", skip_serializing_if = "Option::is_none")]
    pub direct_debit_branch: Option<i64>,
    /// The account's number.
    #[serde(rename = "DirectDebit_Account", skip_serializing_if = "Option::is_none")]
    pub direct_debit_account: Option<i64>,
    /// The day on which the permission ends.
    #[serde(rename = "DirectDebit_ExpirationDate", skip_serializing_if = "Option::is_none")]
    pub direct_debit_expiration_date: Option<WireDate>,
    /// The most that one debit may take.
    #[serde(rename = "DirectDebit_MaximumAmount", skip_serializing_if = "Option::is_none")]
    pub direct_debit_maximum_amount: Option<i64>,
    /// What it is: `CreditCard` or `DirectDebit`.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<PaymentMethodType>,
    /// Never accepted: card numbers stay outside of this system. Use a token.
    #[serde(rename = "CreditCard_Number", skip_serializing_if = "Option::is_none")]
    pub credit_card_number: Option<Refused>,
    /// Never accepted.
    #[serde(rename = "CreditCard_CVV", skip_serializing_if = "Option::is_none")]
    pub credit_card_cvv: Option<Refused>,
    /// Never accepted.
    #[serde(rename = "CreditCard_Track2", skip_serializing_if = "Option::is_none")]
    pub credit_card_track2: Option<Refused>,
}

/// A field that exists at the provider and is never taken here. Its value is forgotten while it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refused;

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for Refused {
    fn schema_name() -> Cow<'static, str> {
        "Refused".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "not": {} })
    }
}

/// A text that is sent and shown nowhere, such as a password.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct HiddenText(String);

impl HiddenText {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// For the wire alone: whoever writes a request down for anything else leaves such a field out.
impl Serialize for HiddenText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Drop for HiddenText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl JsonSchema for HiddenText {
    fn schema_name() -> Cow<'static, str> {
        "HiddenText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// A day (`2026-03-01`) or an instant (`2026-03-01T09:00:00+02:00`) in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct WireDate(pub String);

impl WireDate {
    /// Whether the text is one of the two forms. Others are guessed at by the provider, and wrongly.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let text = self.0.as_str();
        let day = |text: &str| {
            let digits = text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
            text.len() == 10 && digits && text.parse::<jiff::civil::Date>().is_ok()
        };
        match text.get(..10) {
            Some(head) if text.len() == 10 => day(head),
            Some(head) => day(head) && text.contains('T') && text.parse::<jiff::Timestamp>().is_ok(),
            None => false,
        }
    }
}

impl JsonSchema for WireDate {
    fn schema_name() -> Cow<'static, str> {
        "WireDate".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A number in an answer, written as the provider does: `9.0`, `4.5`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Double(pub Decimal);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = self.0.normalize();
        if value.scale() == 0 {
            value.rescale(1);
        }
        let number: serde_json::Number = value.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl JsonSchema for Double {
    fn schema_name() -> Cow<'static, str> {
        "Double".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// An optional text. One without a letter is as good as absent: an empty cell of a file says nothing, and the
/// provider refuses some empty texts.
pub(crate) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// The quantity that the provider takes where none is given.
pub(crate) fn one() -> Quantity {
    Quantity(Decimal::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, good: bool) {
        assert_eq!(WireDate(text.to_owned()).is_good(), good, "{text}");
    }

    #[test]
    fn only_forms_that_cannot_be_misread_are_dates() {
        check("2026-03-01", true);
        check("2026-03-01T09:00:00+02:00", true);
        check("2026-03-01T09:00:00Z", true);
        check("2026-03-01T09:00:00.123Z", true);
        check("2026-02-30", false);
        check("01/03/2026", false);
        check("2026-3-1", false);
        check("20260301", false);
        check("2026-03-01T09:00:00", false);
        check("2026-03-01 09:00", false);
        check("תשפו-03-01", false);
        check("", false);
    }

    #[test]
    fn an_empty_text_is_absent_on_the_wire() {
        let customer: Customer = serde_json::from_str(r#"{"ID":7,"Name":" ","Phone":""}"#).unwrap();
        assert_eq!(serde_json::to_string(&customer).unwrap(), r#"{"ID":7}"#);
    }

    #[test]
    fn a_refused_value_is_forgotten() {
        let method: PaymentMethod = serde_json::from_str(r#"{"CreditCard_CVV":"canary"}"#).unwrap();
        assert!(!format!("{method:?}").contains("canary"));
        assert!(method.credit_card_cvv.is_some());
    }

    #[test]
    fn numbers_of_answers_look_like_doubles() {
        for (value, want) in [("9.00", "9.0"), ("4.50", "4.5"), ("0", "0.0"), ("1234.56", "1234.56")] {
            let double = Double(Decimal::from_str_exact(value).unwrap());
            assert_eq!(serde_json::to_string(&double).unwrap(), want);
        }
    }
}
