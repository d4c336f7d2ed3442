//! `senzey.add_bank_order`: make a standing order, which takes money from a card or an account again and again.
//!
//! The provider has no key against repetition and no way to list or cancel orders: a second call is a second order. So
//! an unknown outcome is for a person, and its message says what to look for.

use super::{PROVIDER, bank_order_rules};
use crate::answer::{first_id, id};
use crate::classify::{open, unreadable};
use crate::endpoints::bank_order::{BankOrder as Wire, BankOrderAnswer, BankOrderRequest};
use crate::endpoints::shared::Day;
use crate::endpoints::words::Period;
use crate::messages;
use crate::rules;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;
use serde_json::{Map, Value};

/// The operation.
pub(crate) struct AddBankOrder;

impl Operation for AddBankOrder {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "add_bank_order",
        summary: "Make a standing order on a card or a bank account.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Debit a new client's bank account each month for a year",
            who: gesher_core::MARKETPLACE,
            key: Some("sub-17"),
            request: r#"{
                "client_name": "ישראלה ישראלי", "client_email": "payer@example.test", "client_idn": "123456782",
                "client_phone": "0501234567", "client_lang": "he",
                "start_date": "01/12/2099", "transfer_period": "month", "num_of_transfers": 12,
                "transfer_amount": 118.00, "first_transfer_amount": 59.00, "issue_billing": true, "vat_type": "DEFAULT",
                "item": {"name": "מנוי חודשי", "code": "SUB-1", "quantity": 1},
                "transfer_type": "bank",
                "payment_details": {"card_owner_name": "ישראלה ישראלי", "account_branch": "600", "account_num": "1003",
                    "bank_code": 12, "to_account_branch": "800", "to_account_num": "100035", "to_bank_code": 10},
                "connect_to_project": {"project_id": 77, "reminder_before_days": 14}
            }"#,
            answer: r#"{"bank_order_num": "*", "client_id": "*"}"#,
        },
        Example {
            title: "Charge the card that is saved with an existing client",
            who: gesher_core::MARKETPLACE,
            key: Some("sub-18"),
            request: r#"{
                "senzey_client_id": 96521, "start_date": "2099-12-01", "transfer_period": "month",
                "transfer_amount": 49.90, "use_creditcard_onfile": true
            }"#,
            answer: r#"{"bank_order_num": "*", "client_id": 96521}"#,
        },
        Example {
            title: "Use a card that was just taken by a clearing company, in dollars",
            who: gesher_core::MARKETPLACE,
            key: Some("sub-19"),
            request: r#"{
                "client_name": "Example Ltd", "client_email": "billing@example.test", "client_business_idn": "512345679",
                "client_lang": "en", "currency": "USD", "start_date": "15/01/2099", "transfer_period": "year",
                "transfer_amount": 300, "transfer_type": "credit_card", "transaction_company": "yaad",
                "credit_card_payment": "Id=12788261&CCode=0&Amount=300&ACode=0012345&Order=77&L4digit=0000&Tmonth=03&Tyear=2030"
            }"#,
            answer: r#"{"bank_order_num": "*", "client_id": "*"}"#,
        },
    ];
    type Request = BankOrderRequest;
    type Answer = BankOrderAnswer;

    fn rules(request: &BankOrderRequest) -> Result<(), Rejection> {
        bank_order_rules::check(request)
    }

    fn facts(request: &BankOrderRequest) -> Facts {
        let (id, email, name) =
            (request.senzey_client_id.as_ref(), request.client_email.as_ref(), request.client_name.as_ref());
        let each = request.transfer_amount.0;
        // What moves at once: an order takes the same sum each time, and perhaps another the first time.
        let most = request.first_transfer_amount.map_or(each, |first| first.0.max(each));
        let currency = request.currency.map(|currency| currency.as_str());
        Facts {
            subject: rules::subject(id, email, name),
            amount: Some(rules::money(most, currency)),
            look_up: messages::note(&look_for(request)),
        }
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let fields = match open(reply, Effect::Money, prepared) {
            Ok(fields) => fields,
            Err(outcome) => return *outcome,
        };
        let Some(number) = first_id(&fields, &["bank_order_num"]) else {
            return unreadable(reply, Effect::Money, prepared);
        };
        made(prepared, number, fields)
    }
}

/// What a person looks for, should nobody know whether the order was made.
fn look_for(request: &BankOrderRequest) -> Text {
    let client = rules::client_words(
        request.senzey_client_id.as_ref(),
        request.client_name.as_ref(),
        request.client_email.as_ref(),
    );
    let amount = rules::money(request.transfer_amount.0, request.currency.map(|currency| currency.as_str()));
    let start = request.start_date.date().map(Day::written).unwrap_or_default();
    let (he, en) = match request.transfer_period {
        Period::Month => ("בכל חודש", "each month"),
        Period::Week => ("בכל שבוע", "each week"),
        Period::Year => ("בכל שנה", "each year"),
    };
    Text::new(
        format!("יש לחפש ב־Senzey, בהוראות הקבע של {client}, הוראה על {amount} {he} החל מ־{start}"),
        format!(
            "look in Senzey, among the standing orders of {client}, for one of {amount} {en} from {start} on"
        ),
    )
}

/// An order that was made; for another client than the one that was asked for, it is for a person.
fn made(prepared: &Prepared, number: i64, fields: Map<String, Value>) -> Outcome {
    let document = first_id(&fields, &["doc_num"]).map(|document| document.to_string());
    let asked: Value = serde_json::from_str(&prepared.body).unwrap_or_default();
    let (asked, answered) =
        (asked.get("senzey_client_id").and_then(id), fields.get("client_id").and_then(id));
    let mut outcome = match (asked, answered) {
        (Some(asked), Some(answered)) if asked != answered => Outcome::new(
            OutcomeStatus::Conflict,
            "client_mismatch",
            Text::new(
                format!(
                    "Senzey מדווחת על הוראת קבע {number} ללקוח {answered} במקום {asked}; יש לבדוק לפני כל פעולה נוספת"
                ),
                format!(
                    "Senzey reports standing order {number} for client {answered} instead of {asked}; check before anything else"
                ),
            ),
        ),
        _ => {
            let (he, en) = match &document {
                Some(document) => (format!(", מסמך {document}"), format!(", document {document}")),
                None => Default::default(),
            };
            let text = Text::new(
                format!("הוקמה הוראת קבע {number}{he}"),
                format!("Made standing order {number}{en}"),
            );
            let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", text);
            outcome.code = None;
            outcome
        }
    };
    outcome.reference = Some(number.to_string());
    outcome.document = document;
    outcome.data = Value::Object(fields).into();
    outcome
}
