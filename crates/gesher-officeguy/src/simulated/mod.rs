//! OfficeGuy played on this machine: the same paths, the same envelope, the same order of checks, the same traps.
//!
//! Made from what was seen on the wire, where it was seen; choices where nobody knows are marked as such beside the
//! code. Cards and amounts that are refused stand in [`TEST_CARDS`] and [`TEST_AMOUNTS`]. Like the provider it has
//! no idempotency: a charge that is sent twice is two charges.

mod acquirer;
mod books;
mod by_contract;
mod changes;
mod charge;
mod charge_recurring;
mod companies;
mod company_changes;
mod customers;
mod document_changes;
mod documents;
mod general;
mod holds;
mod multi_vendor;
mod pages;
mod payment_methods;
mod payments;
mod record;
mod recurring_changes;
mod recurring_items;
mod triggers;
mod wire;
mod world;

pub use acquirer::{TEST_AMOUNTS, TEST_CARDS, TestCard};
pub use holds::HOLD_LIFE;
pub use recurring_items::ADVANCE_CLOCK_PATH;
pub use world::{PAGE_SIZE, Terminals, World, WorldOptions};

use crate::contract;
use crate::endpoints::charge_recurring::ChargeRecurring;
use crate::endpoints::multi_vendor::MultiVendorCharge;
use crate::endpoints::{
    charge as charge_wire, companies as company_wire, document_reads, documents as document_wire,
};
use crate::endpoints::{
    company_changes as company_changes_wire, customers as customer_wire,
    document_changes as document_changes_wire, general as general_wire, payment_methods as method_wire,
    recurring_items as recurring_wire, redirect as redirect_wire, triggers as trigger_wire,
};
use crate::endpoints::{payments as payment_wire, terminal as terminal_wire, vat as vat_wire};
use crate::envelope;
use crate::operations::PROVIDER;
use gesher_provider::endpoint::EndpointEntry;
use gesher_provider::simulate::{Answered, Call, CallFacts, Distortion, RestoreError, SimulatedProvider};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use wire::{Fields, Refusal, position_of};
use world::Caller;

/// The marketplace's organisation, unless another is configured.
pub const MARKETPLACE_COMPANY_ID: i64 = 2_410_000_001;
/// Approves a terminal that was asked for: `{"CompanyID": 2410000223}`. Not a path of the provider.
pub const APPROVE_TERMINAL_PATH: &str = "/simulator/terminals/approve/";
/// Refuses a terminal that was asked for.
pub const REFUSE_TERMINAL_PATH: &str = "/simulator/terminals/refuse/";
/// Chooses how triggers are written from now on: `{"Encoding": "json"}`, `"form"` or `"flat"`.
pub const TRIGGER_ENCODING_PATH: &str = "/simulator/triggers/encoding/";

/// Every endpoint that is played.
pub static ENDPOINTS: &[EndpointEntry<World>] = &[
    EndpointEntry::of::<charge_wire::Charge>(),
    EndpointEntry::of::<MultiVendorCharge>(),
    EndpointEntry::of::<ChargeRecurring>(),
    EndpointEntry::of::<payment_wire::GetPayment>(),
    EndpointEntry::of::<payment_wire::ListPayments>(),
    EndpointEntry::of::<company_wire::CreateCompany>(),
    EndpointEntry::of::<company_wire::GetCompany>(),
    EndpointEntry::of::<terminal_wire::OpenUpayTerminal>(),
    EndpointEntry::of::<document_wire::CreateDocument>(),
    EndpointEntry::of::<document_reads::ListDocuments>(),
    EndpointEntry::of::<document_reads::GetDocument>(),
    EndpointEntry::of::<vat_wire::GetVatRate>(),
    EndpointEntry::of::<company_changes_wire::UpdateCompany>(),
    EndpointEntry::of::<company_changes_wire::InstallApplications>(),
    EndpointEntry::of::<company_changes_wire::SetUpayCredentials>(),
    EndpointEntry::of::<company_changes_wire::ListQuotas>(),
    EndpointEntry::of::<document_changes_wire::CancelDocument>(),
    EndpointEntry::of::<document_changes_wire::SendDocument>(),
    EndpointEntry::of::<document_changes_wire::MoveDocumentToBooks>(),
    EndpointEntry::of::<document_changes_wire::GetDocumentPdf>(),
    EndpointEntry::of::<document_changes_wire::GetDebt>(),
    EndpointEntry::of::<customer_wire::CreateCustomer>(),
    EndpointEntry::of::<customer_wire::UpdateCustomer>(),
    EndpointEntry::of::<method_wire::SetPaymentMethod>(),
    EndpointEntry::of::<method_wire::GetPaymentMethod>(),
    EndpointEntry::of::<method_wire::RemovePaymentMethod>(),
    EndpointEntry::of::<recurring_wire::ListRecurring>(),
    EndpointEntry::of::<recurring_wire::CancelRecurring>(),
    EndpointEntry::of::<recurring_wire::UpdateRecurring>(),
    EndpointEntry::of::<general_wire::GetExchangeRate>(),
    EndpointEntry::of::<general_wire::VerifyBankAccount>(),
    EndpointEntry::of::<redirect_wire::BeginRedirect>(),
    EndpointEntry::of::<trigger_wire::SubscribeTrigger>(),
    EndpointEntry::of::<trigger_wire::UnsubscribeTrigger>(),
    EndpointEntry::of::<trigger_wire::ListFolders>(),
    EndpointEntry::of::<trigger_wire::ListViews>(),
];

const JSON: &str = "application/json; charset=utf-8";
const NOT_JSON: &str = "Invalid Request JSON / Request doesn't match the API properties. \
                        Please contact support@sumit.co.il for assistance.";

/// The envelope, its fields in the provider's order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, A> {
    data: Option<A>,
    status: u8,
    user_error_message: Option<&'a str>,
    technical_error_details: Option<&'a str>,
}

/// Answers one call in the provider's order: types, credentials, and then whatever the endpoint asks.
fn serve<I, A: Serialize>(
    world: &mut World,
    call: &Call<'_>,
    read: impl FnOnce(&Fields<'_>) -> Result<I, Refusal>,
    run: impl FnOnce(&mut World, Caller, I) -> Result<A, Refusal>,
) -> Answered {
    let parsed = serde_json::from_slice::<Value>(call.body).map_err(|_| Refusal::NotJson);
    let outcome = parsed.and_then(|body| {
        let fields = Fields::root(&body)?;
        let input = read(&fields)?;
        let public = contract::endpoint(call.path).is_some_and(|endpoint| endpoint.is_public());
        let caller = world.authenticate(&fields, call.at, public)?;
        run(world, caller, input)
    });
    done(world, enveloped(outcome, call))
}

/// Puts what was done into the answer: for the ledger, and for those who are told of it.
fn done(world: &mut World, answered: Answered) -> Answered {
    let done = world.take_done();
    let records = done.iter().filter_map(|record| serde_json::to_string(record).ok()).collect();
    let deliveries = done.iter().flat_map(|record| triggers::told(world, record)).collect();
    Answered { records, deliveries, ..answered }
}

fn enveloped<A: Serialize>(outcome: Result<A, Refusal>, call: &Call<'_>) -> Answered {
    let bare = Envelope { data: None, status: 1, user_error_message: None, technical_error_details: None };
    let body = match outcome {
        Ok(data) => serde_json::to_vec(&Envelope { data: Some(data), status: 0, ..bare }),
        Err(Refusal::Business(words)) => {
            serde_json::to_vec(&Envelope { user_error_message: Some(&words), ..bare })
        }
        Err(Refusal::NotJson) => technical(NOT_JSON, NOT_JSON),
        Err(Refusal::Conversion { path, shown }) => {
            let position = position_of(call.body, &path, &shown);
            let details = format!(
                "{NOT_JSON}\r\n{path}: Error converting value {shown}. Path '{path}', line 1, position {position}."
            );
            technical(NOT_JSON, &details)
        }
    };
    Answered { status: 200, content_type: Some(JSON), body: body.unwrap_or_default(), ..Answered::default() }
}

/// The same answer without its data, as where an endpoint has none to give.
fn without_data(answered: Answered) -> Answered {
    let rest = ["{\"Data\":{},", "{\"Data\":null,"]
        .iter()
        .find_map(|start| answered.body.strip_prefix(start.as_bytes()));
    let body = rest.map(|rest| [b"{", rest].concat());
    Answered { body: body.unwrap_or_else(|| answered.body.clone()), ..answered }
}

fn technical(words: &str, details: &str) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope::<()> {
        data: None,
        status: 2,
        user_error_message: Some(words),
        technical_error_details: Some(details),
    })
}

/// The error about required fields that are missing: in the reverse of their declared order, one a line.
fn required(call: &Call<'_>, declared: &[(&str, bool)]) -> Result<(), Refusal> {
    let english = call.language.is_some_and(|language| language.starts_with("en"));
    let missing: Vec<String> = declared
        .iter()
        .rev()
        .filter(|(_, there)| !there)
        .map(|(name, _)| {
            // The English wording was never recorded: ours.
            let words =
                if english { "A value is required in field" } else { "יש להזין ערך בשדה" };
            format!("{name}: {words} {name}")
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::Business(missing.join("\r\n"))) }
}

impl SimulatedProvider for World {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn answer(&mut self, call: &Call<'_>) -> Answered {
        let call = &Call { at: self.now(call.at), ..*call };
        if let Some(entry) = ENDPOINTS.iter().find(|entry| entry.path == call.path) {
            // What the provider does with another method is not known: ours.
            if !call.is_post {
                return Answered { status: 405, ..Answered::default() };
            }
            return entry.answer(self, call);
        }
        if let Some(endpoint) = contract::endpoint(call.path).filter(|_| call.is_post) {
            return by_contract::answer(self, call, endpoint);
        }
        match call.path {
            pages::PATH => pages::answer(self, call),
            TRIGGER_ENCODING_PATH if call.is_post => triggers::choose_encoding(self, call),
            APPROVE_TERMINAL_PATH if call.is_post => companies::decide_terminal(self, call, true),
            ADVANCE_CLOCK_PATH if call.is_post => recurring_items::advance(self, call),
            REFUSE_TERMINAL_PATH if call.is_post => companies::decide_terminal(self, call, false),
            _ => Answered { status: 302, location: Some("/".to_owned()), ..Answered::default() },
        }
    }

    fn facts(&self, call: &Call<'_>) -> CallFacts {
        serde_json::from_slice::<Value>(call.body).map(|body| charge::facts(&body)).unwrap_or_default()
    }

    fn distort(&self, answered: Answered, distortion: Distortion) -> Answered {
        let body = match distortion {
            Distortion::TechnicalError => {
                let words =
                    "An unexpected error has occurred. Please contact support@sumit.co.il for assistance.";
                technical(words, words).unwrap_or_default()
            }
            Distortion::WrongAmount => charge::with_wrong_amount(&answered.body),
            Distortion::ListRepeats => payments::with_list(&answered.body, |list, _| {
                *list = list.iter().flat_map(|entry| [entry.clone(), entry.clone()]).collect();
            }),
            Distortion::ListEmptyPage => payments::with_list(&answered.body, |list, has_next_page| {
                list.clear();
                *has_next_page = Value::Bool(true);
            }),
        };
        Answered { body, ..answered }
    }

    fn set_list_lag(&mut self, lag: Duration) {
        self.list_lag = lag;
    }

    fn set_document_lag(&mut self, lag: Duration) {
        self.document_lag = lag;
    }

    fn restore(&mut self, record: &str, at: Timestamp) -> Result<(), RestoreError> {
        let record: record::Record = serde_json::from_str(record)?;
        self.apply(&record, self.now(at));
        Ok(())
    }
}

/// A text that is there and says something.
fn said(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

/// The body of a control call.
fn company_of(call: &Call<'_>) -> Option<i64> {
    let body: Value = serde_json::from_slice(call.body).ok()?;
    envelope::id(envelope::field(&body, "CompanyID"))
}
