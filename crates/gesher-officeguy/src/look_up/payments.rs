//! What became of a charge: payments, and the documents that say whose they are.
//!
//! A payment holds nothing of ours; its document's description does. The tie between them is the payment's
//! `DocumentID`, which is missing at first. A document that is not there says nothing about the payment.

use super::asking::Asking;
use super::noted::Noted;
use super::others::{self, Other, customer_fits};
use super::records::{DocumentRecord, PaymentRecord, amount_agrees, days, earliest};
use super::{CANDIDATES_MAX, too_many};
use crate::messages;
use gesher_core::look_up::{Agreement, Candidate, Found, LookUpFailure, Stamped, Wanted};
use gesher_core::{Outcome, OutcomeStatus, StepId};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// How long a document may be on its way. Before, a payment without one tells nothing about a charge that has a stamp.
const DOCUMENT_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Every payment that may be the charge's own.
pub(super) async fn find(
    mut asking: Asking<'_>,
    wanted: &Wanted,
    noted: &Noted,
) -> Result<Found, LookUpFailure> {
    let days = days(wanted.intent_at, wanted.until);
    // Documents first: they are made after their payments, so a document that is seen has its payment already.
    let mut documents: HashMap<i64, DocumentRecord> =
        asking.documents(days, |_| true).await?.into_iter().map(|document| (document.id, document)).collect();
    let oldest = earliest(wanted.intent_at);
    let is_ours = |payment: &PaymentRecord| {
        payment
            .document
            .and_then(|id| documents.get(&id))
            .is_some_and(|document| is_stamped(document, wanted))
    };
    let may_be = |payment: &PaymentRecord| {
        payment.at.is_none_or(|at| at >= oldest)
            && amount_agrees(payment.amount, wanted.amount, &noted.sums) != Agreement::No
            && !payment.document.and_then(|id| documents.get(&id)).is_some_and(|of| is_another(of, wanted))
    };
    let mut payments = asking.payments(days, |payment| is_ours(payment) || may_be(payment)).await?;
    if payments.iter().any(is_ours) {
        // A second one whose document is still to come may turn out to be ours as well.
        let may_become_ours = |payment: &PaymentRecord| {
            payment.valid
                && is_young(payment, wanted)
                && payment.document.and_then(|id| documents.get(&id)).is_none()
        };
        payments.retain(|payment| is_ours(payment) || may_become_ours(payment));
    }
    if payments.len() > CANDIDATES_MAX {
        return Err(too_many());
    }
    payments.sort_by_key(|payment| payment.at.map(|at| at.duration_since(wanted.intent_at).abs()));
    let others = Other::charges(wanted);
    let mut customers = Customers::new(&documents);
    let mut candidates = Vec::new();
    for payment in payments {
        let mut seen = Seen { payment, customer: Agreement::CannotTell, also: Vec::new() };
        seen.look_closer(&mut asking, &mut documents, &mut customers, wanted, (noted, &others)).await?;
        let document = seen.payment.document.and_then(|id| documents.get(&id));
        candidates.push(candidate(&seen, document, wanted, noted));
    }
    Ok(Found { candidates })
}

/// Whether a payment's document may still be on its way.
fn is_young(payment: &PaymentRecord, wanted: &Wanted) -> bool {
    payment.at.is_some_and(|at| wanted.until.duration_since(at) < DOCUMENT_WAIT)
}

fn is_stamped(document: &DocumentRecord, wanted: &Wanted) -> bool {
    matches!((&document.stamped, &wanted.stamp), (Stamped::As(stamp), Some(ours)) if stamp == ours)
}

/// Whether a document bears the stamp of another step.
fn is_another(document: &DocumentRecord, wanted: &Wanted) -> bool {
    matches!(&document.stamped, Stamped::As(_)) && !is_stamped(document, wanted)
}

/// What is known of customers, each read once.
struct Customers {
    /// A document of each, by which it can be read.
    documents: HashMap<i64, i64>,
    known: HashMap<i64, Value>,
}

impl Customers {
    fn new(documents: &HashMap<i64, DocumentRecord>) -> Self {
        let of = |document: &DocumentRecord| Some((document.customer?, document.id));
        Self { documents: documents.values().filter_map(of).collect(), known: HashMap::new() }
    }
}

/// A payment and what was found out about it.
struct Seen {
    payment: PaymentRecord,
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
        documents: &mut HashMap<i64, DocumentRecord>,
        customers: &mut Customers,
        wanted: &Wanted,
        (noted, others): (&Noted, &[Other]),
    ) -> Result<(), LookUpFailure> {
        if self.payment.document.is_none()
            && let Some(payment) = asking.payment(self.payment.id).await?
        {
            self.payment = payment;
        }
        if let Some(id) = self.payment.document
            && !documents.contains_key(&id)
            && let Some((document, customer)) = asking.document(id).await?
        {
            if let Some(id) = document.customer {
                customers.known.insert(id, customer);
            }
            documents.insert(id, document);
        }
        let document = self.payment.document.and_then(|id| documents.get(&id));
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
            && !customers.known.contains_key(&customer)
            && let Some(id) = self.payment.document.or_else(|| customers.documents.get(&customer).copied())
            && let Some((_, known)) = asking.document(id).await?
        {
            customers.known.insert(customer, known);
        }
        let known = self.payment.customer.and_then(|customer| customers.known.get(&customer));
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
    outcome.data = answer(payment, document);
    let stamped = document.map_or(Stamped::Unread, |document| document.stamped.clone());
    let agrees = seen.customer.and(method);
    // Its document may be about to appear, and would say whose the payment is.
    let pending = wanted.stamp.is_some() && stamped == Stamped::Unread && is_young(payment, wanted);
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
