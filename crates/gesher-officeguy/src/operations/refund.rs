//! `officeguy.refund`: give back what an earlier payment took, or a part of it.
//!
//! The provider knows refunds only as charges below zero, ties none to a payment, and lets anything be given back any
//! number of times. So the request names the payment, in a field of the hub's own that is not sent, and the hub counts.

use super::PROVIDER;
use crate::charging;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeItem, ChargeRequest};
use crate::endpoints::enums::{DocumentLanguage, DocumentType};
use crate::endpoints::shared::{Customer, PaymentMethod, filled};
use crate::envelope::{currency, decimal, field, id, truth};
use crate::paying;
use crate::rules::{self, refuse};
use gesher_core::money::{Money, parse_signed_amount, two_places};
use gesher_core::operation::{Facts, Prepared, Reply, TakesBack};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};
use std::borrow::Cow;

/// A payment's id, as a number or, as files and answers have it, as its digits.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct PaymentId(i64);

impl<'de> Deserialize<'de> for PaymentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        id(&value)
            .map(Self)
            .ok_or_else(|| de::Error::custom("PaymentID: the id of a payment is a number above zero"))
    }
}

impl JsonSchema for PaymentId {
    fn schema_name() -> Cow<'static, str> {
        "PaymentId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // A number or a text, so no type: the value itself is checked when it is read.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "format": "payment-id" })
    }
}

/// A refund: which payment, and what of it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    /// The payment of which something is given back: the `reference` of its charge. A field of the hub's own, by which it
    /// keeps count; it is not sent.
    #[serde(rename = "PaymentID")]
    payment_id: PaymentId,
    /// Who paid, and gets it back.
    #[serde(rename = "Customer")]
    customer: Customer,
    /// What is given back, with prices below zero.
    #[serde(rename = "Items")]
    #[schemars(length(min = 1))]
    items: Vec<ChargeItem>,
    /// The card that was charged, by its token.
    #[serde(rename = "PaymentMethod")]
    payment_method: PaymentMethod,
    /// Must be true: a refund says its whole sum, so that it can be held against what was paid.
    #[serde(rename = "VATIncluded")]
    vat_included: bool,
    /// The kind of document; without it, what the organisation set.
    #[serde(rename = "DocumentType", skip_serializing_if = "Option::is_none")]
    document_type: Option<DocumentType>,
    /// The document's language.
    #[serde(rename = "DocumentLanguage", skip_serializing_if = "Option::is_none")]
    document_language: Option<DocumentLanguage>,
    /// Words on the document: the only place where a reference of yours can be found again.
    #[serde(
        rename = "DocumentDescription",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    document_description: Option<String>,
    /// Whether the document is a draft.
    #[serde(rename = "DraftDocument", skip_serializing_if = "Option::is_none")]
    draft_document: Option<bool>,
    /// Whether no document is made.
    #[serde(rename = "PreventDocumentCreation", skip_serializing_if = "Option::is_none")]
    prevent_document_creation: Option<bool>,
    /// Whether the customer gets the document by e-mail.
    #[serde(rename = "SendDocumentByEmail", skip_serializing_if = "Option::is_none")]
    send_document_by_email: Option<bool>,
    /// Whether the organisation gets a copy.
    #[serde(rename = "SendCopyToOrganization", skip_serializing_if = "Option::is_none")]
    send_copy_to_organization: Option<bool>,
    /// Whether the customer gets a notice with a link to the document.
    #[serde(rename = "UpdateCustomerByEmail", skip_serializing_if = "Option::is_none")]
    update_customer_by_email: Option<bool>,
    /// Whether the document is attached to the notice.
    #[serde(rename = "UpdateCustomerByEmail_AttachDocument", skip_serializing_if = "Option::is_none")]
    update_customer_by_email_attach_document: Option<bool>,
    /// The notice's language.
    #[serde(rename = "UpdateCustomerByEmail_Language", skip_serializing_if = "Option::is_none")]
    update_customer_by_email_language: Option<DocumentLanguage>,
    /// True, or nothing: it is put in when it is sent.
    #[serde(rename = "SupportCredit", skip_serializing_if = "Option::is_none")]
    support_credit: Option<bool>,
    /// Which terminal, where there are several.
    #[serde(
        rename = "MerchantNumber",
        default,
        deserialize_with = "filled",
        skip_serializing_if = "Option::is_none"
    )]
    merchant_number: Option<String>,
    /// Whether the card is not saved as the customer's method.
    #[serde(rename = "CardTokenNotNeeded", skip_serializing_if = "Option::is_none")]
    card_token_not_needed: Option<bool>,
}

impl RefundRequest {
    /// As the provider knows it: a charge below zero.
    fn as_charge(&self) -> ChargeRequest {
        let own = self.clone();
        ChargeRequest {
            customer: own.customer,
            items: own.items,
            payment_method: Some(own.payment_method),
            vat_included: own.vat_included,
            document_type: own.document_type,
            document_language: own.document_language,
            document_description: own.document_description,
            draft_document: own.draft_document,
            prevent_document_creation: own.prevent_document_creation,
            send_document_by_email: own.send_document_by_email,
            send_copy_to_organization: own.send_copy_to_organization,
            update_customer_by_email: own.update_customer_by_email,
            update_customer_by_email_attach_document: own.update_customer_by_email_attach_document,
            update_customer_by_email_language: own.update_customer_by_email_language,
            support_credit: Some(true),
            merchant_number: own.merchant_number,
            card_token_not_needed: own.card_token_not_needed,
            ..ChargeRequest::default()
        }
    }
}

/// The operation.
pub(crate) struct Refund;

impl Operation for Refund {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "refund",
        summary: "Give back what a payment took, or a part of it: never more than is left of it.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::By("officeguy.list_payments"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Give back half of a payment, to the card that was charged",
        who: "dana-pottery",
        key: Some("refund-order-1007"),
        request: r#"{
            "PaymentID": 9000000001,
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
            "Items": [{"Item": {"Name": "זיכוי על קערה כחולה"}, "UnitPrice": -4.5}],
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
            "VATIncluded": true,
            "DocumentDescription": "refund of order-1007"
        }"#,
        answer: r#"{"Payment": {"ID": "*", "ValidPayment": true, "Status": "000", "Amount": -4.5}, "DocumentID": "*"}"#,
    }];
    type Request = RefundRequest;
    type Answer = ChargeAnswer;
    const TAKES_BACK: Option<TakesBack> =
        Some(TakesBack { read: "officeguy.get_payment", request: read_request, taken });

    fn rules(request: &RefundRequest) -> Result<(), Rejection> {
        let charge = request.as_charge();
        charging::shared_rules(&charge)?;
        if request.support_credit == Some(false) {
            return Err(refuse(
                "not_a_refund",
                "SupportCredit: זיכוי נשלח תמיד עם SupportCredit",
                "SupportCredit: a refund is always sent with it",
            ));
        }
        if !request.vat_included && request.customer.no_vat != Some(true) {
            return Err(refuse(
                "vat_not_included",
                "VATIncluded: בזיכוי המחירים כוללים מע״מ, כדי שאפשר יהיה להשוות את הסכום לתשלום המקורי",
                "VATIncluded: the prices of a refund include VAT, so that its sum can be held against the payment",
            ));
        }
        paying::rules(charge.payment_method.as_ref(), None)?;
        let total = rules::items_total(&charge.items)?;
        if total.amount < Decimal::ZERO {
            return Ok(());
        }
        let sum = two_places(total.amount);
        Err(refuse(
            "not_negative",
            format!("Items: סכום הזיכוי הוא {sum}; בזיכוי המחירים שליליים"),
            format!("Items: the refund comes to {sum}; its prices are below zero"),
        ))
    }

    fn facts(request: &RefundRequest) -> Facts {
        charging::facts(&request.as_charge())
    }

    fn original(request: &RefundRequest) -> Option<String> {
        Some(request.payment_id.0.to_string())
    }

    fn wire(request: &RefundRequest) -> serde_json::Result<String> {
        serde_json::to_string(&request.as_charge())
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        charging::classify(prepared, reply)
    }
}

/// Asks for the payment.
fn read_request(reference: &str) -> Value {
    json!({ "PaymentID": reference.parse::<i64>().unwrap_or_default() })
}

/// What the payment took by the provider's own record, which a charge's answer holds too.
fn taken(prepared: &Prepared, record: &Value) -> Result<Money, Rejection> {
    let payment = field(record, "Payment");
    let reference = prepared.original.as_deref().unwrap_or_default();
    let sum =
        decimal(field(payment, "Amount")).and_then(|amount| parse_signed_amount(&two_places(amount)).ok());
    let (true, Some(sum), Some(currency)) = (
        id(field(payment, "ID")).is_some_and(|id| id.to_string() == reference),
        sum,
        currency(field(payment, "Currency")),
    ) else {
        return Err(refuse(
            "original_unknown",
            format!("PaymentID: הרישום של תשלום {reference} אינו קריא, ולכן אי אפשר לדעת כמה ניתן להחזיר"),
            format!(
                "PaymentID: the record of payment {reference} cannot be read, so nobody knows what is left of it"
            ),
        ));
    };
    if truth(field(payment, "ValidPayment")) != Some(true) || sum <= Decimal::ZERO {
        return Err(refuse(
            "original_not_paid",
            format!("PaymentID: תשלום {reference} לא גבה כסף, ולכן אין מה להחזיר"),
            format!("PaymentID: payment {reference} took no money, so there is nothing to give back"),
        ));
    }
    let named = rules::reread::<ChargeRequest>(&prepared.body).and_then(|request| request.customer.id);
    match (named, id(field(payment, "CustomerID"))) {
        (Some(named), Some(paid)) if named != paid => Err(refuse(
            "another_customer",
            format!("Customer.ID: תשלום {reference} שייך ללקוח {paid}"),
            format!("Customer.ID: payment {reference} is of customer {paid}"),
        )),
        _ => Ok(Money { amount: sum, currency: currency.to_core() }),
    }
}
