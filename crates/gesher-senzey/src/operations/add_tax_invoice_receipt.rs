//! `senzey.add_tax_invoice_receipt`: issue a tax invoice with receipt for something that was paid.

use super::PROVIDER;
use super::add_work_order::new_client;
use crate::answer::first_id;
use crate::classify::{open, unreadable};
use crate::endpoints::receipt::{ReceiptAnswer, ReceiptRequest, TaxInvoiceReceipt as Wire};
use crate::messages;
use crate::rules::{self, missing, refuse};
use gesher_core::money::two_places;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;
use serde_json::Value;

/// The means of payment that the provider's page names: a credit card and PayPal.
const METHODS: &[i64] = &[4, 7];
/// What the document's number may be called in an answer: the page's end, where it stands, was not read.
const NUMBERS: &[&str] = &["doc_num", "doc_id", "document_num", "document_number"];

/// The operation.
pub(crate) struct AddTaxInvoiceReceipt;

impl Operation for AddTaxInvoiceReceipt {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "add_tax_invoice_receipt",
        summary: "Issue a tax invoice with receipt for something that was paid.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::Optional,
        look_up: LookUp::Manual,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Document a payment by card",
        who: gesher_core::MARKETPLACE,
        key: Some("order-1007"),
        request: r#"{
            "client_name": "Example Ltd", "client_email": "billing@example.test", "client_business_idn": "512345679",
            "total_payment": 118.00, "vat_type": "DEFAULT",
            "items": [{"name": "Service", "price": 118.00, "quantity": 1}], "send_invoice": true,
            "payment_details": [{"payment_method": 4, "total_amount": 118.00, "credit_card_name": "Visa"}]
        }"#,
        answer: r#"{"doc_num": "*", "client_id": "*"}"#,
    }];
    type Request = ReceiptRequest;
    type Answer = ReceiptAnswer;

    fn rules(request: &ReceiptRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        new_client(&request.client_name, &request.client_email)?;
        rules::day("client_birthday", request.client_birthday.as_ref())?;
        rules::above_zero("total_payment", Some(&request.total_payment))?;
        rules::at_least_one("use_club_member_points", request.use_club_member_points)?;
        rules::some_rows(&request.items)?;
        // Points pay for a part that the page says nothing about.
        if request.use_club_member_points.is_none() {
            rules::rows_total(&request.items, request.total_payment.0)?;
        }
        paid(request)
    }

    fn facts(request: &ReceiptRequest) -> Facts {
        let (name, email) = (Some(&request.client_name), Some(&request.client_email));
        let client = rules::client_words(None, name, email);
        let total = two_places(request.total_payment.0);
        let look_for = Text::new(
            format!("יש לחפש ב־Senzey חשבונית מס קבלה של {client} על {total}"),
            format!("look in Senzey for a tax invoice with receipt of {client} over {total}"),
        );
        Facts { subject: rules::subject(None, email, name), amount: None, look_up: messages::note(&look_for) }
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let fields = match open(reply, Effect::Write, prepared) {
            Ok(fields) => fields,
            Err(outcome) => return *outcome,
        };
        let Some(number) = first_id(&fields, NUMBERS) else {
            return unreadable(reply, Effect::Write, prepared);
        };
        let text = Text::new(
            format!("הופקה חשבונית מס קבלה {number}"),
            format!("Issued tax invoice with receipt {number}"),
        );
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", text);
        outcome.code = None;
        outcome.reference = Some(number.to_string());
        outcome.document = Some(number.to_string());
        outcome.data = Value::Object(fields).into();
        outcome
    }
}

/// How it was paid: by what a clearing company answered, or by details that come to the whole sum.
fn paid(request: &ReceiptRequest) -> Result<(), Rejection> {
    rules::gateway_data(request.transaction_company.as_ref(), request.credit_card_payment.as_ref())?;
    if request.credit_card_payment.is_none() && request.payment_details.is_empty() {
        return Err(missing(
            "payment_details",
            "קבלה אומרת איך שולם: דרושים credit_card_payment או payment_details",
            "a receipt says how it was paid: credit_card_payment or payment_details is needed",
        ));
    }
    let mut sum = Decimal::ZERO;
    for (at, one) in request.payment_details.iter().enumerate() {
        let path = format!("payment_details[{at}]");
        if !METHODS.contains(&one.payment_method) {
            return Err(refuse(
                "unknown_method",
                format!("{path}.payment_method: אפשר 4 (כרטיס אשראי) או 7 (PayPal)"),
                format!("{path}.payment_method: 4 (credit card) or 7 (PayPal)"),
            ));
        }
        rules::above_zero(&format!("{path}.total_amount"), Some(&one.total_amount))?;
        rules::length(&format!("{path}.last_4_digits"), one.last_4_digits.as_ref(), 4, 4)?;
        sum = sum.saturating_add(one.total_amount.0);
    }
    if !request.payment_details.is_empty() && sum != request.total_payment.0 {
        let (sum, total) = (two_places(sum), two_places(request.total_payment.0));
        return Err(refuse(
            "total_mismatch",
            format!("payment_details: התשלומים מסתכמים ב־{sum} ולא ב־{total}"),
            format!("payment_details: the payments come to {sum} and not to {total}"),
        ));
    }
    Ok(())
}
