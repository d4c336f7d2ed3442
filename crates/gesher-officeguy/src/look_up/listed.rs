//! The two lists that look-ups read, and what they all need to know of the documents: whose payments these are.

use super::asking::{Asking, Take};
use super::records::{DocumentRecord, PaymentRecord};
use super::shared::{Listed, Lists, Reader};
use crate::envelope::{field, id};
use gesher_core::look_up::{LookUpFailure, Stamped};
use gesher_core::{Stamp, Text};
use jiff::civil::Date;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Documents of one reading, of each of which at least its id is held: some 60 bytes each, so some 60 MiB. A longer
/// list is a failure, and a person looks.
const DOCUMENTS_MAX: usize = 1_000_000;
/// Documents of one reading that are held whole, since a payment of theirs may be what is looked for: those of the steps
/// themselves, and those that bear no stamp. Some 500 bytes each, so some 50 MiB.
const WHOLE_DOCUMENTS_MAX: usize = 100_000;

/// The lists of an OfficeGuy.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    pub(super) payments: Lists<PaymentRecord>,
    pub(super) documents: Lists<DocumentRecord>,
}

impl Listed for PaymentRecord {
    type Overview = ();

    fn read(row: Value) -> Option<Option<Self>> {
        // A hold that was tried has a payment without an id, and moved nothing.
        if id(field(&row, "ID")).is_none() {
            return Some(None);
        }
        Self::read(row).map(Some)
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn overview(_: &[Arc<Reader<Self>>]) {}

    fn note(_: &Arc<Self>, (): &mut ()) -> Result<(), LookUpFailure> {
        Ok(())
    }

    async fn pages(asking: &Asking<'_>, days: (Date, Date), take: Take<'_>) -> Result<(), LookUpFailure> {
        asking.payment_pages(days, take).await
    }
}

impl Listed for DocumentRecord {
    type Overview = Documents;

    fn read(row: Value) -> Option<Option<Self>> {
        Self::listed(&row).map(Some)
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn overview(readers: &[Arc<Reader<Self>>]) -> Documents {
        Documents {
            is_wanted: readers.iter().any(|reader| reader.wants_overview),
            stamps: readers.iter().filter_map(|reader| reader.stamp.clone()).collect(),
            ..Documents::default()
        }
    }

    fn note(record: &Arc<Self>, overview: &mut Documents) -> Result<(), LookUpFailure> {
        overview.note(record)
    }

    async fn pages(asking: &Asking<'_>, days: (Date, Date), take: Take<'_>) -> Result<(), LookUpFailure> {
        asking.document_pages(days, take).await
    }
}

/// What is known of all documents of the time.
#[derive(Debug, Default)]
pub(super) struct Documents {
    is_wanted: bool,
    /// The stamps of those who read.
    stamps: HashSet<Stamp>,
    /// Documents without a stamp, or with one of those.
    whole: HashMap<i64, Arc<DocumentRecord>>,
    /// Documents that bear the stamp of a step that nobody looks for.
    of_others: HashSet<i64>,
    /// A document of each customer, by which the customer can be read.
    of_customers: HashMap<i64, i64>,
}

impl Documents {
    /// A document, unless it bears the stamp of a step that nobody looks for.
    pub(super) fn whole(&self, id: i64) -> Option<&Arc<DocumentRecord>> {
        self.whole.get(&id)
    }

    /// Whether the document is another step's than the one with this stamp.
    pub(super) fn is_anothers(&self, id: i64, own: Option<&Stamp>) -> bool {
        let bears_another = |document: &Arc<DocumentRecord>| matches!(&document.stamped, Stamped::As(stamp) if Some(stamp) != own);
        self.of_others.contains(&id) || self.whole(id).is_some_and(bears_another)
    }

    /// A document of that customer.
    pub(super) fn of_customer(&self, customer: i64) -> Option<i64> {
        self.of_customers.get(&customer).copied()
    }

    fn note(&mut self, document: &Arc<DocumentRecord>) -> Result<(), LookUpFailure> {
        if !self.is_wanted {
            return Ok(());
        }
        if let Some(customer) = document.customer {
            self.of_customers.entry(customer).or_insert(document.id);
        }
        match &document.stamped {
            Stamped::As(stamp) if !self.stamps.contains(stamp) => {
                self.of_others.insert(document.id);
            }
            _ => {
                self.whole.insert(document.id, Arc::clone(document));
            }
        }
        let is_within = self.whole.len() <= WHOLE_DOCUMENTS_MAX
            && self.whole.len().saturating_add(self.of_others.len()) <= DOCUMENTS_MAX;
        if is_within { Ok(()) } else { Err(too_long()) }
    }
}

fn too_long() -> LookUpFailure {
    LookUpFailure::Unavailable(Text::new(
        format!("מאז נוצרו יותר מ־{WHOLE_DOCUMENTS_MAX} מסמכים שאין לדעת של מי הם; נדרשת בדיקה של אדם"),
        format!(
            "more than {WHOLE_DOCUMENTS_MAX} documents were made since of which it cannot be told whose they are; a person has to look"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stamp(text: &str) -> Stamp {
        text.parse().unwrap()
    }

    fn document(id: i64, customer: i64, description: &str) -> Arc<DocumentRecord> {
        let row = json!({ "DocumentID": id, "CustomerID": customer, "Description": description });
        Arc::new(DocumentRecord::listed(&row).unwrap())
    }

    fn overview(is_wanted: bool) -> Documents {
        Documents { is_wanted, stamps: HashSet::from([stamp("aaaaaaa.1.1")]), ..Documents::default() }
    }

    #[test]
    fn documents_of_steps_that_nobody_looks_for_are_held_by_their_id_alone() {
        let mut documents = overview(true);
        for (id, description) in
            [(1, "[aaaaaaa.1.1]"), (2, "[aaaaaaa.2.1]"), (3, "tea"), (4, "[aaaaaaa.1.1] [aaaaaaa.2.1]")]
        {
            documents.note(&document(id, 10 * id, description)).unwrap();
        }
        let whole: Vec<bool> = (1..=4).map(|id| documents.whole(id).is_some()).collect();
        assert_eq!(whole, [true, false, true, true]);
        let own = stamp("aaaaaaa.1.1");
        let anothers =
            |own: Option<&Stamp>| (1..=5).map(|id| documents.is_anothers(id, own)).collect::<Vec<_>>();
        assert_eq!(anothers(Some(&own)), [false, true, false, false, false]);
        assert_eq!(anothers(None), [true, true, false, false, false]);
        assert_eq!(documents.of_customer(20), Some(2));
        assert_eq!(documents.of_customer(21), None);
    }

    #[test]
    fn an_overview_that_nobody_wants_holds_nothing() {
        let mut documents = overview(false);
        documents.note(&document(3, 30, "tea")).unwrap();
        assert!(documents.whole(3).is_none() && documents.of_customer(30).is_none());
    }

    #[test]
    fn more_documents_than_can_be_held_are_a_failure() {
        let mut documents = overview(true);
        let most = i64::try_from(WHOLE_DOCUMENTS_MAX).unwrap();
        for id in 1..=most {
            documents.note(&document(id, 1, "tea")).unwrap();
        }
        documents.note(&document(most + 1, 1, "[aaaaaaa.2.1]")).unwrap();
        let failure = documents.note(&document(most + 2, 1, "tea")).unwrap_err();
        assert!(matches!(failure, LookUpFailure::Unavailable(_)), "{failure:?}");
    }
}
