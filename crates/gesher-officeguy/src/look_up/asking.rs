//! Asks the provider for whole lists and for single records.

use super::records::{DocumentRecord, PaymentRecord};
use super::shared::{Read, Reader};
use super::{DETAILS_MAX, PAGES_MAX};
use crate::endpoints::document_reads::{GetDocument, GetDocumentRequest};
use crate::endpoints::document_reads::{ListDocuments, ListDocumentsRequest, Paging};
use crate::endpoints::payments::{GetPayment, GetPaymentRequest, ListPayments, ListPaymentsRequest};
use crate::endpoints::shared::WireDate;
use crate::envelope::{field, id, truth};
use crate::messages;
use crate::provider::OfficeGuy;
use gesher_core::look_up::{LookUpFailure, Pace};
use gesher_core::operation::Account;
use gesher_core::outcome::CERTIFICATE;
use gesher_core::{Outcome, Text};
use gesher_provider::endpoint::Endpoint;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// Documents on a page: the most that the provider gives.
const DOCUMENTS_PER_PAGE: i64 = 1_000;

/// Gets the rows of a list one by one, and answers the id of each that is a record.
pub(super) type Take<'a> = &'a mut (dyn FnMut(Value) -> Result<Option<i64>, LookUpFailure> + Send);

/// The rows of a list that were passed over already.
#[derive(Default)]
struct Seen {
    ids: HashSet<i64>,
    /// Rows without an id, by their text.
    bare: HashSet<String>,
}

impl Seen {
    /// Takes the rows of a page that are new, and answers how many they were: only what is new counts as passed over,
    /// since rows that come twice would hide others. A page of nothing but rows without an id that are known already
    /// answers its length beside it: two such rows may be equal and yet two, so the page is passed over whole.
    fn pass(&mut self, rows: Vec<Value>, take: Take<'_>) -> Result<(i64, i64), LookUpFailure> {
        let length = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let (mut fresh, mut bare) = (0_i64, 0_i64);
        for row in rows {
            let is_new = match id(field(&row, "ID")).or_else(|| id(field(&row, "DocumentID"))) {
                Some(id) => !self.ids.contains(&id),
                None => {
                    bare += 1;
                    self.bare.insert(row.to_string())
                }
            };
            if is_new {
                self.ids.extend(take(row)?);
                fresh += 1;
            }
        }
        Ok((fresh, if bare == length { length } else { 0 }))
    }
}

/// One look-up's way to the provider.
pub(super) struct Asking<'a> {
    provider: &'a OfficeGuy,
    account: &'a Account,
    pace: &'a Pace,
    details_left: usize,
}

impl<'a> Asking<'a> {
    pub(super) fn new(provider: &'a OfficeGuy, account: &'a Account, pace: &'a Pace) -> Self {
        Self { provider, account, pace, details_left: DETAILS_MAX }
    }

    /// The account that asks.
    pub(super) fn account(&self) -> &Account {
        self.account
    }

    /// Whether somebody waits for the answer.
    pub(super) fn is_hurried(&self) -> bool {
        self.pace.is_hurried()
    }

    /// The payments of those days that `reader` keeps, with the days in which it looks.
    pub(super) async fn payments(
        &self,
        last: Date,
        reader: Reader<PaymentRecord>,
    ) -> Result<Read<PaymentRecord>, LookUpFailure> {
        self.provider.listings().payments.read(self, last, reader).await
    }

    /// The documents that `reader` keeps, drafts too, up to the day `last`.
    pub(super) async fn documents(
        &self,
        last: Date,
        reader: Reader<DocumentRecord>,
    ) -> Result<Read<DocumentRecord>, LookUpFailure> {
        self.provider.listings().documents.read(self, last, reader).await
    }

    /// Every payment of those days.
    pub(super) async fn payment_pages(
        &self,
        days: (Date, Date),
        take: Take<'_>,
    ) -> Result<(), LookUpFailure> {
        let request = |start| ListPaymentsRequest {
            date_from: wire(days.0),
            date_to: wire(days.1),
            valid: None,
            start_index: Some(start),
        };
        self.pages(ListPayments::PATH, "Payments", request, take).await
    }

    /// Every document of those days, drafts too.
    pub(super) async fn document_pages(
        &self,
        days: (Date, Date),
        take: Take<'_>,
    ) -> Result<(), LookUpFailure> {
        let request = |start| ListDocumentsRequest {
            date_from: Some(wire(days.0)),
            date_to: Some(wire(days.1)),
            include_drafts: Some(true),
            paging: Some(Paging { start_index: Some(start), page_size: Some(DOCUMENTS_PER_PAGE) }),
            ..ListDocumentsRequest::default()
        };
        self.pages(ListDocuments::PATH, "Documents", request, take).await
    }

    /// Reads a list to its end. `take` gets each record once, though records that arrive in the meantime may push others
    /// onto the next page; it answers the record's id, or none where the row is no record.
    async fn pages<R: Serialize>(
        &self,
        path: &'static str,
        list: &str,
        request: impl Fn(i64) -> R + Send,
        take: Take<'_>,
    ) -> Result<(), LookUpFailure> {
        let mut seen = Seen::default();
        let mut start = 0_i64;
        for _ in 0..PAGES_MAX {
            let mut data = self.ask(path, &request(start)).await?.map_err(|outcome| failure(*outcome))?;
            let more = truth(field(&data, "HasNextPage")).ok_or_else(unreadable)?;
            let rows = match data.get_mut(list).map(Value::take) {
                Some(Value::Array(rows)) => rows,
                _ => return Err(unreadable()),
            };
            let (fresh, whole) = seen.pass(rows, take)?;
            start = start.saturating_add(if fresh == 0 { whole } else { fresh });
            if !more {
                return Ok(());
            }
            if fresh == 0 && whole == 0 {
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
        match self.ask(path, request).await? {
            Ok(data) => Ok(Some(data)),
            // The provider's own word that it has no such record, or does not show it.
            Err(outcome) if outcome.code.as_deref() == Some("business_error") => Ok(None),
            Err(outcome) => Err(failure(*outcome)),
        }
    }

    /// One request, when it is its turn.
    async fn ask(
        &self,
        path: &'static str,
        request: &impl Serialize,
    ) -> Result<Result<Value, Box<Outcome>>, LookUpFailure> {
        // Dates and numbers always have a JSON form.
        let body = serde_json::to_string(request).unwrap_or_default();
        let _turn = self.pace.turn().await?;
        Ok(self.provider.read(self.account, path, &body).await.map(|envelope| envelope.data.into_tree()))
    }
}

fn wire(day: Date) -> WireDate {
    WireDate(day.to_string())
}

fn failure(outcome: Outcome) -> LookUpFailure {
    if outcome.pauses_account {
        LookUpFailure::Refused(outcome.message)
    } else if outcome.code.as_deref() == Some(CERTIFICATE) {
        LookUpFailure::Untrusted(outcome.message)
    } else {
        LookUpFailure::Unavailable(outcome.message)
    }
}

pub(super) fn unreadable() -> LookUpFailure {
    LookUpFailure::Unavailable(messages::unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::OutcomeStatus;
    use serde_json::json;

    /// Passes a page over, in which a number is a row with that id and a text is a row without one.
    #[track_caller]
    fn check(seen: &mut Seen, page: Value, want: (i64, i64)) {
        let rows = page.as_array().unwrap().iter().map(|row| match row.as_i64() {
            Some(id) => json!({ "ID": id }),
            None => json!({ "ID": null, "Date": row }),
        });
        let mut take = |row: Value| Ok(id(field(&row, "ID")));
        assert_eq!(seen.pass(rows.collect(), &mut take).ok(), Some(want), "{page}");
    }

    #[test]
    fn refused_keys_and_a_server_that_nobody_vouches_for_are_told_from_no_answer() {
        let failed = |code: &str, pauses_account| {
            let outcome = Outcome::new(OutcomeStatus::NotSent, code, Text::verbatim("why"));
            failure(Outcome { pauses_account, ..outcome })
        };
        assert!(matches!(failed("refused_keys", true), LookUpFailure::Refused(_)));
        assert!(matches!(failed(CERTIFICATE, false), LookUpFailure::Untrusted(_)));
        assert!(matches!(failed("connect", false), LookUpFailure::Unavailable(_)));
    }

    #[test]
    fn only_what_is_new_is_passed_over() {
        let mut seen = Seen::default();
        check(&mut seen, json!([1, "a", 2]), (3, 0));
        // The same rows again, pushed onto the next page by one that arrived.
        check(&mut seen, json!(["a", 2, 3]), (1, 0));
        check(&mut seen, json!([2, 3]), (0, 0));
        check(&mut seen, json!(["b", "b"]), (1, 2));
        check(&mut seen, json!(["b", "b"]), (0, 2));
        check(&mut seen, json!(["b", 3]), (0, 0));
        check(&mut seen, json!([]), (0, 0));
    }
}
