//! The account's books in the simulation: contacts, standing orders, work orders, documents, and what day it is.
//!
//! Everything that changes the books is a [`Record`], applied by one function, whether it happens now or is told again
//! from a ledger.

use super::record::{Contact, Document, Order, Record, Transfer, WorkOrder};
use super::{Form, Refusal, refuse};
use crate::endpoints::contacts::Contacts;
use gesher_core::Secret;
use gesher_provider::endpoint::Endpoint;
use gesher_provider::simulate::Delivery;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// How a world begins.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The user's name; without one, any is taken that is not empty.
    pub username: Option<Secret>,
    /// The user's password; likewise.
    pub password: Option<Secret>,
    /// Where contacts are listed.
    pub contacts_path: String,
    /// What the secret parts of addresses follow from.
    pub seed: u64,
    /// Whether ids in answers are texts, as PHP often writes them.
    pub ids_as_text: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            username: None,
            password: None,
            contacts_path: Contacts::PATH.to_owned(),
            seed: 1,
            ids_as_text: false,
        }
    }
}

/// A standing order and how far it is.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) order: Order,
    pub(crate) transfers: Vec<Transfer>,
}

/// A work order and the document of its payment.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) order: WorkOrder,
    pub(crate) paid: Option<Document>,
}

/// The ids that come next; the first ones are those of the provider's own samples.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) order: i64,
    pub(crate) document: i64,
    pub(crate) client: i64,
    pub(crate) lead: i64,
}

/// The account's books.
#[derive(Debug)]
pub struct World {
    pub(crate) options: WorldOptions,
    pub(crate) zone: TimeZone,
    pub(crate) list_lag: Duration,
    pub(crate) contacts: Vec<(Contact, Timestamp)>,
    pub(crate) orders: BTreeMap<i64, Standing>,
    pub(crate) work: BTreeMap<i64, Work>,
    pub(crate) next: Next,
    /// How far the simulated clock is ahead.
    ahead: SignedDuration,
    done: Vec<Record>,
    deliveries: Vec<Delivery>,
}

impl World {
    /// Books with nothing in them.
    #[must_use]
    pub fn new(options: WorldOptions) -> Self {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(2)));
        Self {
            options,
            zone,
            list_lag: Duration::ZERO,
            contacts: Vec::new(),
            orders: BTreeMap::new(),
            work: BTreeMap::new(),
            next: Next { order: 10_005, document: 69_521, client: 96_522, lead: 2_335 },
            ahead: SignedDuration::ZERO,
            done: Vec::new(),
            deliveries: Vec::new(),
        }
    }

    pub(crate) fn contacts_path(&self) -> &str {
        &self.options.contacts_path
    }

    /// Whether the caller may. The provider's page shows no words for this; ours.
    pub(crate) fn authenticate(&self, query: &Form) -> Result<(), Refusal> {
        let fits = |name: &str, known: &Option<Secret>| match (query.text(name), known) {
            (Some(given), Some(known)) => known.expose() == given,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if fits("username", &self.options.username) && fits("password", &self.options.password) {
            return Ok(());
        }
        Err(Refusal { status: 401, words: "Incorrect username or password".to_owned() })
    }

    /// The simulated instant.
    pub(crate) fn now(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.ahead).unwrap_or(at)
    }

    /// The simulated day.
    pub(crate) fn today(&self, at: Timestamp) -> Date {
        self.now(at).to_zoned(self.zone.clone()).date()
    }

    /// Changes the books and writes it down.
    pub(crate) fn commit(&mut self, record: Record, at: Timestamp) {
        self.apply(&record, at);
        self.done.push(record);
    }

    /// Something that the provider sends to others.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        self.deliveries.push(delivery);
    }

    pub(crate) fn take_done(&mut self) -> (Vec<Record>, Vec<Delivery>) {
        (std::mem::take(&mut self.done), std::mem::take(&mut self.deliveries))
    }

    /// Changes the books. Total, since a ledger may say anything.
    pub(crate) fn apply(&mut self, record: &Record, at: Timestamp) {
        match record {
            Record::Contact(contact) => {
                let next = if contact.potential { &mut self.next.lead } else { &mut self.next.client };
                *next = (*next).max(contact.customer_id.saturating_add(1));
                self.contacts.push((contact.clone(), at));
            }
            Record::BankOrder(order) => {
                self.next.order = self.next.order.max(order.bank_order_num.saturating_add(1));
                self.take_number(order.document_number);
                let standing = Standing { order: order.clone(), transfers: Vec::new() };
                self.orders.insert(order.bank_order_num, standing);
            }
            Record::Transfer(transfer) => {
                if let Some(standing) = self.orders.get_mut(&transfer.bank_order_num) {
                    standing.transfers.push(transfer.clone());
                }
            }
            Record::WorkOrder(order) => {
                self.next.order = self.next.order.max(order.work_order_number.saturating_add(1));
                self.work.insert(order.work_order_number, Work { order: order.clone(), paid: None });
            }
            Record::Receipt(document) => self.take_number(Some(document.document_number)),
            Record::WorkOrderPaid(document) => {
                self.take_number(Some(document.document_number));
                let number = document.work_order_number.unwrap_or_default();
                if let Some(work) = self.work.get_mut(&number) {
                    work.paid = Some(document.clone());
                }
            }
            Record::Clock { seconds } => {
                self.ahead = self.ahead.saturating_add(SignedDuration::from_secs(*seconds));
            }
        }
    }

    fn take_number(&mut self, number: Option<i64>) {
        let next = number.unwrap_or_default().saturating_add(1);
        self.next.document = self.next.document.max(next);
    }

    /// The client of a call: one that is named by number, or a new one. Whether the provider finds a client by the
    /// e-mail address is not written: here each name makes a new one.
    pub(crate) fn client_of(&mut self, form: &Form, at: Timestamp) -> Result<i64, Refusal> {
        if let Some(id) = form.text("senzey_client_id") {
            // Clients from before the simulation exist too: any number will do.
            return id.parse().or_else(|_| refuse("Incorrect client id"));
        }
        let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
        let contact = Contact {
            customer_id: self.next.client,
            name: text("client_name"),
            email: text("client_email"),
            phone: text("client_phone"),
            ..Contact::default()
        };
        let id = contact.customer_id;
        self.commit(Record::Contact(contact), at);
        Ok(id)
    }

    /// A part of an address that nobody can guess, from the seed.
    pub(crate) fn secret_part(&self, of: i64) -> String {
        let mut hasher = DefaultHasher::new();
        (self.options.seed, of, "page").hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// An id as answers have it.
    pub(crate) fn id(&self, id: i64) -> serde_json::Value {
        if self.options.ids_as_text { id.to_string().into() } else { id.into() }
    }
}
