//! Other steps of which nobody knows either: whether a record of the provider could be one of theirs.
//!
//! Only a clear difference says no. Times and stamps are compared by the engine.

use super::noted::{Noted, NotedCustomer};
use super::records::{DocumentRecord, PaymentRecord, amount_agrees, customer_agrees};
use crate::endpoints::charge::Charge;
use crate::endpoints::charge_recurring::ChargeRecurring;
use crate::endpoints::document_changes::CancelDocument;
use crate::endpoints::documents::CreateDocument;
use crate::endpoints::multi_vendor::MultiVendorCharge;
use gesher_core::look_up::{Agreement, Wanted};
use gesher_core::{Money, StepId};
use gesher_provider::endpoint::Endpoint;
use serde_json::Value;

/// Another step.
pub(super) struct Other {
    step: StepId,
    amount: Option<Money>,
    /// None where it cannot be read, and then nothing contradicts.
    noted: Option<Noted>,
    makes_only_documents: bool,
}

impl Other {
    /// Those that make payments; an operation that is not known may.
    pub(super) fn charges(wanted: &Wanted) -> Vec<Self> {
        Self::of(wanted, &[Charge::PATH, ChargeRecurring::PATH, MultiVendorCharge::PATH])
    }

    /// Those that make documents, charges among them.
    pub(super) fn documents(wanted: &Wanted) -> Vec<Self> {
        let payments = [Charge::PATH, ChargeRecurring::PATH, MultiVendorCharge::PATH];
        Self::of(wanted, &[&payments[..], &[CreateDocument::PATH, CancelDocument::PATH]].concat())
    }

    fn of(wanted: &Wanted, endpoints: &[&str]) -> Vec<Self> {
        let may_be = wanted
            .siblings
            .iter()
            .filter(|sibling| sibling.endpoint.is_none_or(|endpoint| endpoints.contains(&endpoint)));
        let other = may_be.map(|sibling| Self {
            step: sibling.step.clone(),
            amount: sibling.amount,
            // Of what several vendors charge at once a record is only a part.
            noted: Noted::read(&sibling.facts).filter(|_| sibling.endpoint != Some(MultiVendorCharge::PATH)),
            makes_only_documents: matches!(
                sibling.endpoint,
                Some(CreateDocument::PATH | CancelDocument::PATH)
            ),
        });
        other.collect()
    }

    /// Whether its customer can be compared with a record only by the names that the books have.
    pub(super) fn goes_by_name(&self) -> bool {
        self.noted.as_ref().is_some_and(|noted| noted.customer.id.is_none())
    }

    fn may_be_of(&self, customer: Option<i64>, known: Option<&Value>) -> bool {
        let fits = |noted: &Noted| customer_fits(&noted.customer, customer, known);
        self.noted.as_ref().map_or(Agreement::CannotTell, fits) != Agreement::No
    }

    /// Whether a payment of that customer could be its own.
    pub(super) fn may_be_paid_by(&self, payment: &PaymentRecord, known: Option<&Value>) -> bool {
        let Some(noted) = &self.noted else {
            return true;
        };
        self.may_be_of(payment.customer, known)
            && amount_agrees(payment.amount, self.amount, &noted.sums) != Agreement::No
            && payment.method_agrees(noted.payment_method.as_ref()) != Agreement::No
    }

    /// Whether a document of that customer could be its own.
    pub(super) fn may_have_made(&self, document: &DocumentRecord, known: Option<&Value>) -> bool {
        let Some(noted) = &self.noted else {
            return true;
        };
        let sum = if self.makes_only_documents {
            noted.document_sum_agrees(document.amount)
        } else {
            amount_agrees(document.amount, self.amount, &noted.sums)
        };
        let same_reference = document.external_reference.as_deref().map(str::trim)
            == noted.external_reference.as_deref()
            || !self.makes_only_documents;
        self.may_be_of(document.customer, known)
            && sum != Agreement::No
            && noted.document_type.is_none_or(|kind| document.kind.is_none_or(|of| of == kind))
            && same_reference
    }
}

/// The steps of those that `fits`.
pub(super) fn steps(others: &[Other], fits: impl Fn(&Other) -> bool) -> Vec<StepId> {
    others.iter().filter(|other| fits(other)).map(|other| other.step.clone()).collect()
}

/// How a record's customer fits the one that a request named, by the id or by what the books know of it.
pub(super) fn customer_fits(
    noted: &NotedCustomer,
    customer: Option<i64>,
    known: Option<&Value>,
) -> Agreement {
    match (noted.id, customer) {
        (Some(named), Some(customer)) if named == customer => Agreement::Yes,
        (Some(_), Some(_)) => Agreement::No,
        _ => known.map_or(Agreement::CannotTell, |known| customer_agrees(noted, known)),
    }
}
