//! What a request's journalled intent keeps for a later look-up: who, with what, for how much. Small, and no token.

use crate::endpoints::documents::CreateDocumentRequest;
use crate::endpoints::enums::{Currency, WireEnum};
use crate::endpoints::shared::{Customer, PaymentMethod};
use gesher_core::Money;
use gesher_core::look_up::Agreement;
use gesher_core::money::two_places;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is noted of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Noted {
    pub(crate) customer: NotedCustomer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_method: Option<NotedMethod>,
    /// The sums that the provider may come to, where it adds VAT.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sums: Vec<String>,
    /// The currency of the sums, where the request's own amount does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<String>,
    /// The kind of document, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document_type: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_reference: Option<String>,
    /// The document's own date, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
}

/// Whom a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct NotedCustomer {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// What a request says of the card that it charges: never its token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct NotedMethod {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_digits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_month: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_year: Option<i64>,
}

impl Noted {
    /// As it is journalled.
    pub(crate) fn written(&self) -> Value {
        // Texts and numbers always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// As it was journalled. Nothing, where nothing was.
    pub(crate) fn read(facts: &Value) -> Option<Self> {
        if facts.is_null() { Some(Self::default()) } else { Self::deserialize(facts).ok() }
    }

    /// Of a request for a document that may come to these sums.
    pub(crate) fn of_document(request: &CreateDocumentRequest, sums: Vec<String>) -> Self {
        let details = &request.details;
        let currency = details.currency.unwrap_or(Currency::ILS).letters().to_owned();
        Self {
            currency: Some(currency).filter(|_| !sums.is_empty()),
            sums,
            customer: NotedCustomer::of(&details.customer),
            document_type: Some(details.kind.number()),
            external_reference: details.external_reference.as_deref().map(trimmed),
            date: details.date.as_ref().map(|date| date.0.clone()),
            ..Self::default()
        }
    }

    /// Whether a document's sum is one that the request may come to. A request without a clear sum leaves it open.
    pub(crate) fn document_sum_agrees(&self, sum: Option<Money>) -> Agreement {
        match (sum, &self.currency) {
            (Some(sum), Some(currency)) if !self.sums.is_empty() => {
                let same =
                    sum.currency.to_string() == *currency && self.sums.contains(&two_places(sum.amount));
                if same { Agreement::Yes } else { Agreement::No }
            }
            _ => Agreement::CannotTell,
        }
    }
}

impl NotedCustomer {
    pub(crate) fn of(customer: &Customer) -> Self {
        let text = |given: &Option<String>| given.as_deref().map(trimmed);
        Self {
            id: customer.id,
            external_identifier: text(&customer.external_identifier),
            email_address: text(&customer.email_address),
            phone: text(&customer.phone),
            company_number: text(&customer.company_number),
            name: text(&customer.name),
        }
    }
}

impl NotedMethod {
    /// Of a payment method: nothing of a direct debit or of a card that is only a token.
    pub(crate) fn of(method: &PaymentMethod) -> Option<Self> {
        let noted = Self {
            id: method.id,
            last_digits: None,
            expiration_month: method.credit_card_expiration_month.map(i64::from),
            expiration_year: method.credit_card_expiration_year.map(i64::from),
        };
        (noted != Self::default()).then_some(noted)
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}
