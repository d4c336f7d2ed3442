//! What became of a charge: payments, and the documents that say whose they are.
//!
//! A payment holds nothing of ours; its document's description does. The tie between them is the payment's
//! `DocumentID`, which is missing at first. A document that is not there says nothing about the payment.

use super::asking::Asking;
use super::listed::Documents;
use super::noted::Noted;
use super::others::{self, Other, customer_fits};
use super::records::{DocumentRecord, PaymentRecord, amount_agrees, days, earliest};
use super::shared::{Keep, Reader};
use super::{CANDIDATES_MAX, too_many};
use crate::messages;
use gesher_core::look_up::{Agreement, Candidate, Found, LookUpFailure, Stamped, Wanted};
use gesher_core::{Money, Outcome, OutcomeStatus, Stamp, StepId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// How long a document may be on its way. Before, a payment without one tells nothing about a charge that has a stamp.
const DOCUMENT_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Every payment that may be the charge's own.
pub(super) async fn find(
    mut asking: Asking<'_>,
    wanted: &Wanted,
    noted: &Noted,
) -> Result<Found, LookUpFailure> {
    let (first, last) = days(wanted.intent_at, wanted.until);
    // Documents first: they are made after their payments, so a document that is seen has its payment already.
    let mut reader = Reader::new(first, |_| Keep::No);
    (reader.wants_overview, reader.stamp) = (true, wanted.stamp.clone());
    let listed = asking.documents(last, reader).await?.overview;
    let sought = Arc::new(Sought::of(wanted, noted, Arc::clone(&listed)));
    let of_each = Arc::clone(&sought);
    let reader = Reader::new(first, move |payment| of_each.keep(payment));
    let kept = asking.payments(last, reader).await?.kept;
    let mut payments = kept.surely.ok_or_else(too_many)?;
    if !payments.iter().any(|payment| sought.is_ours(payment)) {
        payments.extend(kept.perhaps.ok_or_else(too_many)?);
    }
    if payments.len() > CANDIDATES_MAX {
        return Err(too_many());
    }
    payments.sort_by_key(|payment| payment.at.map(|at| at.duration_since(wanted.intent_at).abs()));
    let others = Other::charges(wanted);
    let mut books = Books { listed, read: HashMap::new(), customers: HashMap::new() };
    let mut candidates = Vec::new();
    for payment in payments {
        let mut seen = Seen { payment, customer: Agreement::CannotTell, also: Vec::new() };
        seen.look_closer(&mut asking, &mut books, wanted, (noted, &others)).await?;
        let document = seen.payment.document.and_then(|id| books.document(id));
        candidates.push(candidate(&seen, document.map(Arc::as_ref), wanted, noted));
    }
    Ok(Found { candidates })
}

/// What is looked for in the list of payments.
struct Sought {
    stamp: Option<Stamp>,
    oldest: Timestamp,
    until: Timestamp,
    amount: Option<Money>,
    sums: Vec<String>,
    documents: Arc<Documents>,
}

impl Sought {
    fn of(wanted: &Wanted, noted: &Noted, documents: Arc<Documents>) -> Self {
        Self {
            stamp: wanted.stamp.clone(),
            oldest: earliest(wanted.intent_at),
            until: wanted.until,
            amount: wanted.amount,
            sums: noted.sums.clone(),
            documents,
        }
    }

    /// Whether its document bears the step's own stamp.
    fn is_ours(&self, payment: &PaymentRecord) -> bool {
        let document = payment.document.and_then(|id| self.documents.whole(id));
        matches!((document.map(|of| &of.stamped), &self.stamp), (Some(Stamped::As(stamp)), Some(ours)) if stamp == ours)
    }

    fn keep(&self, payment: &PaymentRecord) -> Keep {
        if self.is_ours(payment) {
            return Keep::Surely;
        }
        let is_anothers =
            payment.document.is_some_and(|id| self.documents.is_anothers(id, self.stamp.as_ref()));
        let may_be = payment.at.is_none_or(|at| at >= self.oldest)
            && amount_agrees(payment.amount, self.amount, &self.sums) != Agreement::No
            && !is_anothers;
        // Beside one whose document is ours, a second whose document is still to come may turn out to be ours as well.
        let has_document = payment.document.is_some_and(|id| self.documents.whole(id).is_some());
        let may_become_ours = payment.valid && is_young(payment, self.until) && !has_document;
        match (may_be, may_become_ours) {
            (false, _) => Keep::No,
            (true, false) => Keep::Perhaps,
            (true, true) => Keep::Surely,
        }
    }
}

/// Whether a payment's document may still be on its way.
fn is_young(payment: &PaymentRecord, until: Timestamp) -> bool {
    payment.at.is_some_and(|at| until.duration_since(at) < DOCUMENT_WAIT)
}

/// What is known of documents and customers: from the list, and what was read one by one, each once.
struct Books {
    listed: Arc<Documents>,
    read: HashMap<i64, Arc<DocumentRecord>>,
    customers: HashMap<i64, Value>,
}

impl Books {
    fn document(&self, id: i64) -> Option<&Arc<DocumentRecord>> {
        self.read.get(&id).or_else(|| self.listed.whole(id))
    }
}

/// A payment and what was found out about it.
struct Seen {
    payment: Arc<PaymentRecord>,
    customer: Agreement,
    /// The other steps that it could be of.
    also: Vec<StepId>,
}

impl Seen {
    /// Reads what the lists do not say: the payment's document while it is not tied to it, and the customer's names.
    /// Only where they can decide something.
    async fn look_closer(
        &mut self,
        asking: &mut Asking<'_>,
        books: &mut Books,
        wanted: &Wanted,
        (noted, others): (&Noted, &[Other]),
    ) -> Result<(), LookUpFailure> {
        if self.payment.document.is_none()
            && let Some(payment) = asking.payment(self.payment.id).await?
        {
            self.payment = Arc::new(payment);
        }
        if let Some(id) = self.payment.document
            && books.document(id).is_none()
            && let Some((document, customer)) = asking.document(id).await?
        {
            if let Some(id) = document.customer {
                books.customers.insert(id, customer);
            }
            books.read.insert(id, Arc::new(document));
        }
        let document = self.payment.document.and_then(|id| books.document(id));
        let stamp_decides = document.is_some_and(|document| match &document.stamped {
            Stamped::As(_) => true,
            Stamped::Not => wanted.stamp.is_some(),
            Stamped::Unread => false,
        });
        if stamp_decides {
            return Ok(());
        }
        let goes_by_name = noted.customer.id.is_none() || others.iter().any(Other::goes_by_name);
        if let Some(customer) = self.payment.customer.filter(|_| goes_by_name)
            && !books.customers.contains_key(&customer)
            && let Some(id) = self.payment.document.or_else(|| books.listed.of_customer(customer))
            && let Some((_, known)) = asking.document(id).await?
        {
            books.customers.insert(customer, known);
        }
        let known = self.payment.customer.and_then(|customer| books.customers.get(&customer));
        self.customer = customer_fits(&noted.customer, self.payment.customer, known);
        self.also = others::steps(others, |other| other.may_be_paid_by(&self.payment, known));
        Ok(())
    }
}

fn candidate(seen: &Seen, document: Option<&DocumentRecord>, wanted: &Wanted, noted: &Noted) -> Candidate {
    let payment = &seen.payment;
    let number = document.and_then(|document| document.number.clone());
    let method = payment.method_agrees(noted.payment_method.as_ref());
    let mut outcome = if payment.valid {
        let message = payment
            .amount
            .map_or_else(messages::charged_somehow, |sum| messages::charged(sum, number.as_deref()));
        Outcome::new(OutcomeStatus::Succeeded, payment.code.clone(), message)
    } else {
        Outcome::new(OutcomeStatus::Declined, payment.code.clone(), messages::declined(&payment.code))
    };
    outcome.reference = Some(payment.id.to_string());
    outcome.document.clone_from(&number);
    outcome.amount = payment.amount;
    outcome.data = answer(payment, document).into();
    let stamped = document.map_or(Stamped::Unread, |document| document.stamped.clone());
    let agrees = seen.customer.and(method);
    // Its document may be about to appear, and would say whose the payment is.
    let pending = wanted.stamp.is_some() && stamped == Stamped::Unread && is_young(payment, wanted.until);
    Candidate {
        reference: payment.id.to_string(),
        document: number,
        at: payment.at,
        amount: payment.amount,
        amount_agrees: amount_agrees(payment.amount, wanted.amount, &noted.sums),
        stamped,
        pending,
        agrees: if pending { agrees.and(Agreement::CannotTell) } else { agrees },
        also: seen.also.clone(),
        outcome,
        evidence: evidence(seen, document, method),
    }
}

/// The answer that the charge would have had.
fn answer(payment: &PaymentRecord, document: Option<&DocumentRecord>) -> Value {
    json!({
        "Payment": payment.whole,
        "DocumentID": payment.document,
        "DocumentNumber": document.and_then(|document| document.number.as_deref()?.parse::<i64>().ok()),
        "CustomerID": payment.customer,
        "DocumentDownloadURL": document.and_then(|document| document.download.clone()),
    })
}

/// What a person is shown of it: the decisive fields, and no token.
fn evidence(seen: &Seen, document: Option<&DocumentRecord>, method: Agreement) -> Value {
    const FIELDS: &[&str] =
        &["ID", "CustomerID", "Date", "ValidPayment", "Status", "Amount", "Currency", "DocumentID"];
    let whole = &seen.payment.whole;
    let mut payment: Map<String, Value> =
        FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), whole.get(*name)?.clone()))).collect();
    if let Some(digits) =
        whole.pointer("/PaymentMethod/CreditCard_LastDigits").filter(|digits| digits.is_string())
    {
        payment.insert("CreditCard_LastDigits".to_owned(), digits.clone());
    }
    json!({
        "Payment": payment,
        "Document": document.map(super::documents::shown),
        "customer_agrees": word(seen.customer),
        "method_agrees": word(method),
    })
}

/// An agreement in evidence.
pub(super) fn word(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Yes => "yes",
        Agreement::No => "no",
        Agreement::CannotTell => "cannot_tell",
    }
}
