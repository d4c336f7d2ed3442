//! Asks the provider for whole lists and for single records.

use super::records::{DocumentRecord, PaymentRecord};
use super::{DETAILS_MAX, PAGES_MAX};
use crate::endpoints::document_reads::{GetDocument, GetDocumentRequest};
use crate::endpoints::document_reads::{ListDocuments, ListDocumentsRequest, Paging};
use crate::endpoints::payments::{GetPayment, GetPaymentRequest, ListPayments, ListPaymentsRequest};
use crate::endpoints::shared::WireDate;
use crate::envelope::{field, id, truth};
use crate::messages;
use crate::provider::OfficeGuy;
use gesher_core::look_up::LookUpFailure;
use gesher_core::operation::Account;
use gesher_core::{Outcome, Text};
use gesher_provider::endpoint::Endpoint;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// Documents on a page: the most that the provider gives.
const DOCUMENTS_PER_PAGE: i64 = 1_000;

/// One look-up's way to the provider.
pub(super) struct Asking<'a> {
    provider: &'a OfficeGuy,
    account: &'a Account,
    details_left: usize,
}

impl<'a> Asking<'a> {
    pub(super) fn new(provider: &'a OfficeGuy, account: &'a Account) -> Self {
        Self { provider, account, details_left: DETAILS_MAX }
    }

    /// Every payment of those days that `keep` takes.
    pub(super) async fn payments(
        &self,
        days: (Date, Date),
        keep: impl Fn(&PaymentRecord) -> bool,
    ) -> Result<Vec<PaymentRecord>, LookUpFailure> {
        let request = |start| ListPaymentsRequest {
            date_from: wire(days.0),
            date_to: wire(days.1),
            valid: None,
            start_index: Some(start),
        };
        let mut kept = Vec::new();
        let take = |row: Value| {
            // A hold that was tried has a payment without an id, and moved nothing.
            if id(field(&row, "ID")).is_none() {
                return Some(None);
            }
            let record = PaymentRecord::read(row)?;
            let id = record.id;
            if keep(&record) {
                kept.push(record);
            }
            Some(Some(id))
        };
        self.pages(ListPayments::PATH, "Payments", request, take).await?;
        Ok(kept)
    }

    /// Every document of those days, drafts too, that `keep` takes.
    pub(super) async fn documents(
        &self,
        days: (Date, Date),
        keep: impl Fn(&DocumentRecord) -> bool,
    ) -> Result<Vec<DocumentRecord>, LookUpFailure> {
        let request = |start| ListDocumentsRequest {
            date_from: Some(wire(days.0)),
            date_to: Some(wire(days.1)),
            include_drafts: Some(true),
            paging: Some(Paging { start_index: Some(start), page_size: Some(DOCUMENTS_PER_PAGE) }),
            ..ListDocumentsRequest::default()
        };
        let mut kept = Vec::new();
        let take = |row: Value| {
            let record = DocumentRecord::listed(&row)?;
            let id = record.id;
            if keep(&record) {
                kept.push(record);
            }
            Some(Some(id))
        };
        self.pages(ListDocuments::PATH, "Documents", request, take).await?;
        Ok(kept)
    }

    /// Reads a list to its end. `take` gets each row once or twice, since records that arrive in the meantime may push
    /// others onto the next page; it answers the row's id, or none where the row cannot be read.
    async fn pages<R: Serialize>(
        &self,
        path: &'static str,
        list: &str,
        request: impl Fn(i64) -> R,
        mut take: impl FnMut(Value) -> Option<Option<i64>>,
    ) -> Result<(), LookUpFailure> {
        let mut seen = HashSet::new();
        let mut start = 0_i64;
        for _ in 0..PAGES_MAX {
            let mut data = self.ask(path, &request(start)).await.map_err(|outcome| failure(*outcome))?;
            let more = truth(field(&data, "HasNextPage")).ok_or_else(unreadable)?;
            let rows = match data.get_mut(list).map(Value::take) {
                Some(Value::Array(rows)) => rows,
                _ => return Err(unreadable()),
            };
            // Only what is new counts as passed over: rows that come twice would hide others.
            let mut fresh = 0_i64;
            for row in rows {
                let row_id = id(field(&row, "ID")).or_else(|| id(field(&row, "DocumentID")));
                if row_id.is_some_and(|id| seen.contains(&id)) {
                    continue;
                }
                seen.extend(take(row).ok_or_else(unreadable)?);
                fresh += 1;
            }
            start = start.saturating_add(fresh);
            if !more {
                return Ok(());
            }
            if fresh == 0 {
                return Err(LookUpFailure::Unavailable(Text::new(
                    "OfficeGuy מודיעה על עמודים נוספים אך אינה מוסרת אותם",
                    "OfficeGuy says that there are more pages and does not give them",
                )));
            }
        }
        Err(LookUpFailure::Unavailable(Text::new(
            format!("ברשימה יותר מ־{PAGES_MAX} עמודים; נדרשת בדיקה של אדם"),
            format!("the list has more than {PAGES_MAX} pages; a person has to look"),
        )))
    }

    /// One payment as it is now. None where the provider does not know it, or this look-up has read enough.
    pub(super) async fn payment(&mut self, id: i64) -> Result<Option<PaymentRecord>, LookUpFailure> {
        let data = self.detail(GetPayment::PATH, &GetPaymentRequest { payment_id: id }).await?;
        Ok(data.and_then(|mut data| PaymentRecord::read(data.get_mut("Payment")?.take())))
    }

    /// One document in full, and its customer.
    pub(super) async fn document(
        &mut self,
        id: i64,
    ) -> Result<Option<(DocumentRecord, Value)>, LookUpFailure> {
        let request = GetDocumentRequest { document_id: Some(id), ..GetDocumentRequest::default() };
        let data = self.detail(GetDocument::PATH, &request).await?;
        Ok(data.and_then(|data| {
            let customer = field(field(&data, "Document"), "Customer").clone();
            Some((DocumentRecord::in_full(&data)?, customer))
        }))
    }

    async fn detail(
        &mut self,
        path: &'static str,
        request: &impl Serialize,
    ) -> Result<Option<Value>, LookUpFailure> {
        let Some(left) = self.details_left.checked_sub(1) else {
            return Ok(None);
        };
        self.details_left = left;
        match self.ask(path, request).await {
            Ok(data) => Ok(Some(data)),
            // The provider's own word that it has no such record, or does not show it.
            Err(outcome) if outcome.code.as_deref() == Some("business_error") => Ok(None),
            Err(outcome) => Err(failure(*outcome)),
        }
    }

    async fn ask(&self, path: &'static str, request: &impl Serialize) -> Result<Value, Box<Outcome>> {
        // Dates and numbers always have a JSON form.
        let body = serde_json::to_string(request).unwrap_or_default();
        self.provider.read(self.account, path, &body).await.map(|envelope| envelope.data)
    }
}

fn wire(day: Date) -> WireDate {
    WireDate(day.to_string())
}

fn failure(outcome: Outcome) -> LookUpFailure {
    if outcome.pauses_account {
        LookUpFailure::Refused(outcome.message)
    } else {
        LookUpFailure::Unavailable(outcome.message)
    }
}

fn unreadable() -> LookUpFailure {
    LookUpFailure::Unavailable(messages::unreadable())
}
