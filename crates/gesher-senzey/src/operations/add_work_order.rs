//! `senzey.add_work_order`: make a work order, and where asked for a page where the client pays it.
//!
//! The beginning of the provider's page says what is sent, and that the answer holds `pay_url`; the name of the order's
//! number in the answer was not read, so several are understood.

use super::PROVIDER;
use crate::answer::{first_id, text};
use crate::classify::{open, unreadable};
use crate::endpoints::work_order::{WorkOrder as Wire, WorkOrderAnswer, WorkOrderRequest};
use crate::messages;
use crate::rules::{self, refuse};
use gesher_core::money::two_places;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::BaseUrl;
use gesher_provider::endpoint::Endpoint;
use serde_json::{Map, Value};

/// What the order's number may be called in an answer.
const NUMBERS: &[&str] = &["work_order_number", "work_order_num", "work_order_id", "order_num", "doc_num"];

/// The operation.
pub(crate) struct AddWorkOrder;

impl Operation for AddWorkOrder {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "add_work_order",
        summary: "Make a work order, with a page where the client pays it if wanted.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::Optional,
        look_up: LookUp::Manual,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Get a page where the client pays",
            who: gesher_core::MARKETPLACE,
            key: Some("order-1007"),
            request: r#"{
                "client_name": "ישראלה ישראלי", "client_email": "payer@example.test", "client_phone": "0501234567",
                "total_payment": 236.00, "vat_type": "DEFAULT",
                "items": [{"name": "כרטיס", "code": "T-1", "price": 118.00, "quantity": 2}],
                "send_invoice": true, "pay_url": true,
                "pay_success_callback_url": "https://hub.example.test/hooks/senzey/9f3c"
            }"#,
            answer: r#"{"work_order_number": "*", "pay_url": "*"}"#,
        },
        Example {
            title: "Only make the order",
            who: gesher_core::MARKETPLACE,
            key: None,
            request: r#"{
                "client_name": "Example Ltd", "client_email": "billing@example.test", "total_payment": 59,
                "vat_type": "FREE", "items": [{"name": "Workshop", "price": 29.5, "quantity": 2}]
            }"#,
            answer: r#"{"work_order_number": "*"}"#,
        },
    ];
    type Request = WorkOrderRequest;
    type Answer = WorkOrderAnswer;

    fn rules(request: &WorkOrderRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        new_client(&request.client_name, &request.client_email)?;
        rules::day("client_birthday", request.client_birthday.as_ref())?;
        rules::above_zero("total_payment", Some(&request.total_payment))?;
        rules::some_rows(&request.items)?;
        rules::rows_total(&request.items, request.total_payment.0)?;
        page_rules(request)
    }

    fn facts(request: &WorkOrderRequest) -> Facts {
        let (name, email) = (Some(&request.client_name), Some(&request.client_email));
        let client = rules::client_words(None, name, email);
        let total = two_places(request.total_payment.0);
        let look_for = Text::new(
            format!("יש לחפש ב־Senzey הזמנת עבודה של {client} על {total}"),
            format!("look in Senzey for a work order of {client} over {total}"),
        );
        Facts { subject: rules::subject(None, email, name), amount: None, look_up: messages::note(&look_for) }
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let fields = match open(reply, Effect::Write, prepared) {
            Ok(fields) => fields,
            Err(outcome) => return *outcome,
        };
        let number = first_id(&fields, NUMBERS);
        let page = fields.get("pay_url").and_then(text).filter(|page| is_web_address(page));
        let asked: Value = serde_json::from_str(&prepared.body).unwrap_or_default();
        let wants_page = asked.get("pay_url") == Some(&Value::Bool(true));
        // Either proves that there is an order. Without the page that was asked for nobody can go on, though.
        if (number.is_none() && page.is_none()) || (wants_page && page.is_none()) {
            let mut outcome = unreadable(reply, Effect::Write, prepared);
            outcome.reference = number.map(|number| number.to_string());
            return outcome;
        }
        made(number, page.as_deref(), fields)
    }
}

fn made(number: Option<i64>, page: Option<&str>, fields: Map<String, Value>) -> Outcome {
    let number = number.map(|number| number.to_string());
    let shown = number.as_deref().map(|number| format!(" {number}")).unwrap_or_default();
    let text = match page {
        Some(_) => Text::new(
            format!("נוצרה הזמנת עבודה{shown} עם דף תשלום"),
            format!("Made work order{shown} with a payment page"),
        ),
        None => Text::new(format!("נוצרה הזמנת עבודה{shown}"), format!("Made work order{shown}")),
    };
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", text);
    outcome.code = None;
    outcome.reference = number;
    outcome.data = Value::Object(fields).into();
    outcome
}

/// The rules of a client that an order or a document is made for.
pub(super) fn new_client(name: &String, email: &String) -> Result<(), Rejection> {
    if !rules::has(Some(name)) {
        return Err(rules::missing("client_name", "דרוש שם הלקוח", "the client's name is needed"));
    }
    if !rules::has(Some(email)) {
        return Err(rules::missing(
            "client_email",
            "דרושה כתובת הדואר האלקטרוני של הלקוח",
            "the client's e-mail address is needed",
        ));
    }
    rules::email("client_email", Some(email))
}

fn page_rules(request: &WorkOrderRequest) -> Result<(), Rejection> {
    let addresses = [
        ("pay_success_callback_url", &request.pay_success_callback_url),
        ("pay_success_redirect_url", &request.pay_success_redirect_url),
    ];
    for (path, address) in addresses {
        let Some(address) = address else { continue };
        if request.pay_url != Some(true) {
            return Err(refuse(
                "no_payment_page",
                format!("{path}: יש לו משמעות רק יחד עם pay_url: true"),
                format!("{path}: it means something only together with pay_url: true"),
            ));
        }
        if !is_web_address(address) {
            return Err(refuse(
                "bad_url",
                format!("{path}: נדרשת כתובת מלאה שמתחילה ב־https://"),
                format!("{path}: a whole address that begins with https:// is needed"),
            ));
        }
    }
    Ok(())
}

/// A whole web address, encrypted or on this machine.
fn is_web_address(address: &str) -> bool {
    let visible = address.bytes().all(|byte| byte.is_ascii_graphic());
    let base = address.split(['?', '#']).next().unwrap_or_default();
    visible && BaseUrl::parse(base).is_ok()
}
