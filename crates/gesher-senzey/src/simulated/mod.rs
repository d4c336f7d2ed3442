//! Senzey played on this machine: the same paths, a form read as PHP reads it, the same checks, both shapes of errors.
//!
//! Made from the provider's pages, where they say something; choices are marked as such beside the code. Like the
//! provider it has no idempotency: a standing order that is sent twice is two standing orders.

mod contacts;
mod documents;
mod orders;
pub mod php;
mod record;
mod schedule;
mod world;

pub use world::{World, WorldOptions};

use crate::endpoints::bank_order::BankOrder;
use crate::endpoints::contacts::Contacts;
use crate::endpoints::lead::{Lead, NewClient};
use crate::endpoints::receipt::TaxInvoiceReceipt;
use crate::endpoints::work_order::WorkOrder;
use crate::operations::PROVIDER;
use gesher_provider::endpoint::Endpoint;
use gesher_provider::simulate::{Answered, Call, CallFacts, Distortion, RestoreError, SimulatedProvider};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Sets the simulated clock forward: `{"Days": 31}` or `{"Seconds": 3600}`. Not a path of the provider.
pub const ADVANCE_CLOCK_PATH: &str = "/simulator/clock/advance/";
/// Every standing order with the payments that it made so far. Not a path of the provider.
pub const ORDERS_PATH: &str = "/simulator/bank_orders/";
/// Below it lie the payment pages of work orders: number, then a part that nobody can guess.
pub const PAY_PATH: &str = "/pay/";

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Why a call was refused: the status and the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    words: String,
}

/// A refusal with the usual status.
pub(crate) fn refuse<T>(words: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status: 400, words: words.into() })
}

/// One call, read.
pub(crate) struct Form {
    /// As they came.
    pub(crate) pairs: Vec<(String, String)>,
    /// As PHP has them.
    pub(crate) fields: Map<String, Value>,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let pairs = php::pairs(body);
        let fields = php::arrays(&pairs);
        Self { pairs, fields }
    }

    /// A text; none where PHP would call it empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text_in(&self.fields, name)
    }

    /// What brackets made of a name.
    pub(crate) fn array(&self, name: &str) -> Option<&Map<String, Value>> {
        self.fields.get(name)?.as_object().filter(|array| !array.is_empty())
    }
}

/// A text of an array; none where PHP would call it empty.
pub(crate) fn text_in<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let value = fields.get(name).filter(|value| !php::is_empty(Some(value)))?;
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Whether a text says yes. The pages write `TRUE` in one place and `True` in another.
pub(crate) fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn json(status: u16, body: &Value) -> Answered {
    Answered {
        status,
        content_type: Some(JSON),
        body: serde_json::to_vec(body).unwrap_or_default(),
        ..Answered::default()
    }
}

/// Contacts have an error of their own shape.
fn is_of_contacts(path: &str) -> bool {
    [Lead::PATH, NewClient::PATH].contains(&path)
}

fn answered(path: &str, result: Result<Value, Refusal>) -> Answered {
    match result {
        Ok(body) => json(200, &body),
        Err(refusal) if is_of_contacts(path) => {
            json(refusal.status, &json!({ "success": 0, "message": refusal.words }))
        }
        Err(refusal) => json(refusal.status, &json!({ "error": refusal.words })),
    }
}

fn with_records(world: &mut World, answered: Answered) -> Answered {
    let (done, deliveries) = world.take_done();
    let records = done.iter().filter_map(|record| serde_json::to_string(record).ok()).collect();
    Answered { records, deliveries, ..answered }
}

/// A call of the provider's own paths: method, credentials, and then whatever the endpoint asks. The order and the
/// statuses of the first two are ours.
fn serve(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let reads = call.path == world.contacts_path();
    if call.is_post == reads {
        return Err(Refusal { status: 405, words: "Method not allowed".to_owned() });
    }
    let query = Form::read(call.query.as_bytes());
    world.authenticate(&query)?;
    if reads {
        return contacts::list(world, &query, call.at);
    }
    let form = Form::read(call.body);
    match call.path {
        BankOrder::PATH => orders::add(world, &form, call.at),
        WorkOrder::PATH => documents::add_work_order(world, &form, call),
        TaxInvoiceReceipt::PATH => documents::add_receipt(world, &form, call.at),
        Lead::PATH => contacts::add(world, &form, true, call.at),
        _ => contacts::add(world, &form, false, call.at),
    }
}

impl SimulatedProvider for World {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn answer(&mut self, call: &Call<'_>) -> Answered {
        schedule::settle(self, call.at);
        let known = [
            BankOrder::PATH,
            WorkOrder::PATH,
            TaxInvoiceReceipt::PATH,
            Lead::PATH,
            NewClient::PATH,
            Contacts::PATH,
        ];
        let answered = match call.path {
            path if known.contains(&path) || path == self.contacts_path() => {
                // PHP prints what it got where a lead says so, and makes nothing.
                let form = Form::read(call.body);
                if is_of_contacts(path) && form.text("test") == Some("test") {
                    json(200, &Value::Object(form.fields))
                } else {
                    let result = serve(self, call);
                    answered(path, result)
                }
            }
            ADVANCE_CLOCK_PATH if call.is_post => {
                let result = schedule::advance(self, call);
                answered(call.path, result)
            }
            ORDERS_PATH => json(200, &schedule::listed(self)),
            path if path.starts_with(PAY_PATH) => documents::page(self, call),
            _ => page(404, "<h1>Not Found</h1>"),
        };
        with_records(self, answered)
    }

    fn facts(&self, call: &Call<'_>) -> CallFacts {
        let form = Form::read(call.body);
        let customer = ["senzey_client_id", "client_name", "client_email", "x_name", "x_email1"];
        let amount = form.text("transfer_amount").or(form.text("total_payment"));
        CallFacts {
            customer: customer.iter().filter_map(|name| form.text(name)).map(str::to_owned).collect(),
            description: form.text("doc_comments").map(str::to_owned),
            amount: amount.and_then(orders::sum).map(gesher_core::money::two_places),
        }
    }

    fn distort(&self, answered: Answered, distortion: Distortion) -> Answered {
        let mut body: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
        match distortion {
            Distortion::TechnicalError => {
                let error = json!({ "error": "Internal error" });
                return Answered { status: 500, body: error.to_string().into_bytes(), ..answered };
            }
            // An answer names no sum; the nearest lie is another client.
            Distortion::WrongAmount => {
                if let Some(client) = body.get_mut("client_id") {
                    *client = json!(1);
                }
            }
            Distortion::ListRepeats => {
                if let Some(list) = body.as_array_mut() {
                    *list = list.iter().flat_map(|entry| [entry.clone(), entry.clone()]).collect();
                }
            }
            Distortion::ListEmptyPage => {
                if let Some(list) = body.as_array_mut() {
                    list.clear();
                }
            }
        }
        Answered { body: serde_json::to_vec(&body).unwrap_or_default(), ..answered }
    }

    fn set_list_lag(&mut self, lag: Duration) {
        self.list_lag = lag;
    }

    /// Documents are not listed here.
    fn set_document_lag(&mut self, _: Duration) {}

    fn restore(&mut self, record: &str, at: Timestamp) -> Result<(), RestoreError> {
        let record = record::Record::read(record)?;
        self.apply(&record, at);
        Ok(())
    }
}

/// A page for people.
pub(crate) fn page(status: u16, inner: &str) -> Answered {
    let body = format!("<!DOCTYPE html><html lang=\"he\" dir=\"rtl\"><body>{inner}</body></html>");
    Answered { status, content_type: Some(HTML), body: body.into_bytes(), ..Answered::default() }
}

/// A text as it may stand in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
