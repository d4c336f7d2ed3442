//! What became of a document that was made without a charge: the documents of the time, and of the date that the
//! request gave it.

use super::asking::Asking;
use super::noted::Noted;
use super::others::{self, Other, customer_fits};
use super::payments::word;
use super::records::{DocumentRecord, around, days, earliest, zone};
use super::shared::{Keep, Reader};
use super::{CANDIDATES_MAX, too_many};
use crate::messages;
use gesher_core::look_up::{Agreement, Candidate, Found, LookUpFailure, Stamped, Wanted};
use gesher_core::{Outcome, OutcomeStatus, Stamp};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Every document that may be the call's own.
pub(super) async fn find(
    mut asking: Asking<'_>,
    wanted: &Wanted,
    noted: &Noted,
) -> Result<Found, LookUpFailure> {
    let days = days(wanted.intent_at, wanted.until);
    let own_day = noted.date.as_deref().and_then(|date| date.get(..10)?.parse::<Date>().ok());
    let sought = Arc::new(Sought {
        stamp: wanted.stamp.clone(),
        oldest: earliest(wanted.intent_at),
        noted: noted.clone(),
        own_day,
    });
    let reader = |first| {
        let sought = Arc::clone(&sought);
        Reader::new(first, move |document| if sought.may_be(document) { Keep::Perhaps } else { Keep::No })
    };
    let mut documents = asking.documents(days.1, reader(days.0)).await?.kept.perhaps.ok_or_else(too_many)?;
    if let Some(day) = own_day.filter(|day| *day < days.0 || *day > days.1) {
        let (first, last) = around(day, day);
        let others = asking.documents(last, reader(first)).await?.kept.perhaps.ok_or_else(too_many)?;
        documents
            .extend(others.into_iter().filter(|other| other.day.is_none_or(|of| of < days.0 || of > days.1)));
    }
    if documents.len() > CANDIDATES_MAX {
        return Err(too_many());
    }
    let others = Other::documents(wanted);
    let mut customers: HashMap<i64, Option<Value>> = HashMap::new();
    let mut candidates = Vec::new();
    for document in documents {
        if matches!(document.stamped, Stamped::As(_)) {
            candidates.push(candidate(&document, noted, Agreement::CannotTell, own_day));
            continue;
        }
        let goes_by_name = noted.customer.id.is_none() || others.iter().any(Other::goes_by_name);
        if let Some(customer) = document.customer
            && goes_by_name
            && !customers.contains_key(&customer)
        {
            let read = asking.document(document.id).await?;
            customers.insert(customer, read.map(|(_, known)| known));
        }
        let known = document.customer.and_then(|customer| customers.get(&customer)?.as_ref());
        let agrees = customer_fits(&noted.customer, document.customer, known);
        let also = others::steps(&others, |other| other.may_have_made(&document, known));
        candidates.push(Candidate { also, ..candidate(&document, noted, agrees, own_day) });
    }
    Ok(Found { candidates })
}

/// The documents that bear the call's own stamp and no other. Without a stamp nothing tells such a document from another
/// of its customer, so then there is nothing to find.
pub(super) async fn find_stamped(asking: Asking<'_>, wanted: &Wanted) -> Result<Found, LookUpFailure> {
    let (first, last) = days(wanted.intent_at, wanted.until);
    let own = wanted.stamp.clone();
    let reader = Reader::new(first, move |document: &DocumentRecord| match &document.stamped {
        Stamped::As(stamp) if own.as_ref() == Some(stamp) => Keep::Perhaps,
        Stamped::As(_) | Stamped::Not | Stamped::Unread => Keep::No,
    });
    let documents = asking.documents(last, reader).await?.kept.perhaps.ok_or_else(too_many)?;
    let noted = Noted::default();
    let candidates =
        documents.iter().map(|document| candidate(document, &noted, Agreement::CannotTell, None));
    Ok(Found { candidates: candidates.collect() })
}

/// What is looked for in the list of documents.
struct Sought {
    stamp: Option<Stamp>,
    oldest: Timestamp,
    noted: Noted,
    own_day: Option<Date>,
}

impl Sought {
    /// Whether a document may be the call's own: it bears our stamp, or no other and all that the request says of it.
    fn may_be(&self, document: &DocumentRecord) -> bool {
        match &document.stamped {
            Stamped::As(stamp) => return self.stamp.as_ref() == Some(stamp),
            Stamped::Not | Stamped::Unread => {}
        }
        let first_day = self.oldest.to_zoned(zone()).date();
        let in_time = match self.own_day {
            Some(day) => document.day.is_none_or(|of| of == day),
            None => {
                document.at.is_none_or(|at| at >= self.oldest)
                    && document.day.is_none_or(|of| of >= first_day)
            }
        };
        in_time
            && self.noted.document_type.is_none_or(|kind| document.kind == Some(kind))
            && self.noted.document_sum_agrees(document.amount) != Agreement::No
            && document.external_reference.as_deref().map(str::trim)
                == self.noted.external_reference.as_deref()
    }
}

fn candidate(
    document: &DocumentRecord,
    noted: &Noted,
    agrees: Agreement,
    own_day: Option<Date>,
) -> Candidate {
    // What the provider makes of lines and VAT is not known to the agora, so a stamp outweighs it.
    let amount_agrees = match (noted.document_sum_agrees(document.amount), &document.stamped) {
        (Agreement::No, Stamped::As(_)) => Agreement::CannotTell,
        (agrees, _) => agrees,
    };
    let message = messages::document_made(document.number.as_deref());
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
    outcome.code = None;
    outcome.reference = Some(document.id.to_string());
    outcome.document.clone_from(&document.number);
    outcome.data = json!({
        "DocumentID": document.id,
        "DocumentNumber": document.number.as_deref().and_then(|number| number.parse::<i64>().ok()),
        "CustomerID": document.customer,
        "DocumentDownloadURL": document.download,
        "DocumentPaymentURL": null,
    })
    .into();
    Candidate {
        reference: document.id.to_string(),
        document: document.number.clone(),
        // A date that the request chose says nothing about when the document was made.
        at: document.at.filter(|_| own_day.is_none()),
        amount: document.amount,
        amount_agrees,
        stamped: document.stamped.clone(),
        pending: false,
        agrees,
        also: Vec::new(),
        outcome,
        evidence: json!({ "Document": shown(document), "customer_agrees": word(agrees) }),
    }
}

/// A document in evidence.
pub(super) fn shown(document: &DocumentRecord) -> Value {
    json!({
        "DocumentID": document.id,
        "DocumentNumber": document.number,
        "CustomerID": document.customer,
        "Type": document.kind,
        "Date": document.day.map(|day| day.to_string()),
        "Value": document.amount.map(|amount| amount.to_string()),
        "ExternalReference": document.external_reference,
        "stamp": match &document.stamped {
            Stamped::As(stamp) => Some(stamp.to_string()),
            Stamped::Not | Stamped::Unread => None,
        },
    })
}
