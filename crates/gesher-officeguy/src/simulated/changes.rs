//! What is changed in the books beside charges and documents: details, modules, methods, subscriptions, pages.
//!
//! Each change is told by a [`Record`] like everything else, so that an earlier life of the simulator can be told again.

use super::record::Record;
use super::world::{Company, FIRST_DOCUMENT_NUMBER, World};
use crate::endpoints::companies::Company as Details;
use crate::endpoints::trigger_type::TriggerType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Details of the organisation were changed to these.
    Details(Box<Details>),
    /// Modules were installed.
    Applications(Vec<i64>),
    /// An account at Upay was linked.
    UpayLinked,
    /// A customer was made; which is in the record.
    CustomerMade,
    /// A customer was changed; the record has it whole.
    CustomerChanged,
    /// A customer's method was set; which is in the record.
    MethodSet,
    /// A customer has no method any more.
    MethodRemoved,
    /// A document was taken back by the one of the record.
    Cancelled(i64),
    /// A draft became a document with the record's number.
    Booked(i64),
    /// A document was mailed.
    Mailed(i64),
    /// An address is told of changes.
    Subscribed(Subscription),
    /// An address is told no more.
    Unsubscribed(String),
    /// A payment page was prepared.
    PageOpened(Box<Page>),
    /// A payment page was paid on.
    PagePaid(String),
    /// Something else was done, by an endpoint of that path.
    Other(String),
}

/// An address that is told of changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Subscription {
    pub(crate) url: String,
    pub(crate) folder: i64,
    pub(crate) view: i64,
    pub(crate) of: TriggerType,
}

/// A payment page.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) company: i64,
    /// The charge that it makes, without a method.
    pub(crate) charge: Value,
    pub(crate) heading: String,
    pub(crate) sum: String,
    pub(crate) then: Option<String>,
    pub(crate) on_cancel: Option<String>,
    pub(crate) external: Option<String>,
    pub(crate) ipn: Option<String>,
    /// The end of its life, in seconds since 1970.
    pub(crate) until: i64,
    #[serde(default)]
    pub(crate) paid: bool,
}

/// What an organisation's books keep of changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) applications: BTreeSet<i64>,
    pub(crate) cancelled: BTreeSet<i64>,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// Payment pages by their ids.
pub(crate) type Pages = BTreeMap<String, Page>;

/// Writes what a record changes beside its charge or document into the books.
pub(crate) fn apply(world: &mut World, record: &Record) {
    let Some(change) = &record.change else {
        return;
    };
    match change {
        Change::PageOpened(page) => {
            world.pages.insert(page.id.clone(), Page::clone(page));
        }
        Change::PagePaid(id) => {
            if let Some(page) = world.pages.get_mut(id) {
                page.paid = true;
            }
        }
        change => of_company(world.company(record.company), change, record),
    }
}

fn of_company(company: &mut Company, change: &Change, record: &Record) {
    match change {
        Change::Details(details) => company.details = Details::clone(details),
        Change::Applications(installed) => company.changes.applications.extend(installed),
        Change::MethodRemoved => {
            let customer = record.customer_id.and_then(|id| company.customers.get_mut(&id));
            if let Some(customer) = customer
                && let Some(before) = customer.method.take()
            {
                customer.inactive.push(before);
            }
        }
        Change::Cancelled(document) => {
            company.changes.cancelled.insert(*document);
        }
        Change::Booked(id) => {
            if let Some(document) = company.documents.iter_mut().find(|document| document.id == *id)
                && let Some(number) = record.document_number
            {
                document.number = Some(number);
                document.entry.draft = false;
                let next = company.next_number.entry(document.entry.kind).or_insert(FIRST_DOCUMENT_NUMBER);
                *next = (*next).max(number + 1);
            }
        }
        Change::Subscribed(subscription) => {
            if !company.changes.subscriptions.contains(subscription) {
                company.changes.subscriptions.push(subscription.clone());
            }
        }
        Change::Unsubscribed(url) => company.changes.subscriptions.retain(|known| known.url != *url),
        // The record's own customer and method say it all, or there is nothing to remember.
        Change::CustomerMade
        | Change::CustomerChanged
        | Change::MethodSet
        | Change::UpayLinked
        | Change::Mailed(_)
        | Change::Other(_)
        | Change::PageOpened(_)
        | Change::PagePaid(_) => {}
    }
}
