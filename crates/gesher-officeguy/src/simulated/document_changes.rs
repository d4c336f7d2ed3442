//! Plays what is done with a document that exists, and what a customer owes.

use super::books::download_url;
use super::changes::Change;
use super::company_changes::change;
use super::record::{DocumentEntry, Kind, Record};
use super::wire::{Fields, Refusal, refuse};
use super::world::{Caller, Document, World};
use super::{required, said, serve, without_data};
use crate::endpoints::company_changes::EmptyAnswer;
use crate::endpoints::document_changes::{
    CancelDocument, CancelDocumentAnswer, GetDebt, GetDebtAnswer, GetDocumentPdf, MoveDocumentToBooks,
    SendDocument,
};
use crate::endpoints::enums::{Currency, DebtSource, DocumentLanguage, DocumentType, WireEnum};
use crate::endpoints::shared::Double;
use gesher_core::money::Amount;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;

/// Which document a request names.
struct Which {
    id: Option<i64>,
    kind: Option<DocumentType>,
    number: Option<i64>,
}

impl Which {
    fn read(body: &Fields<'_>, id: &str) -> Result<Self, Refusal> {
        Ok(Self {
            id: body.int(id)?,
            kind: body.one_of("DocumentType")?,
            number: body.int("DocumentNumber")?,
        })
    }

    fn of(&self, world: &mut World, caller: Caller) -> Result<Document, Refusal> {
        let is_it = |document: &&Document| match self.id {
            Some(id) => document.id == id,
            None => {
                self.number.is_some()
                    && document.number == self.number
                    && self.kind.is_some_and(|kind| kind.number() == document.entry.kind)
            }
        };
        match world.company(caller.company).documents.iter().find(is_it) {
            Some(document) => Ok(document.clone()),
            None => refuse("Document not found"),
        }
    }
}

impl Simulated for CancelDocument {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| Ok((body.plain_int("DocumentID")?, body.text("Description")?)),
            |world, caller, (id, description)| {
                required(call, &[("DocumentID", id > 0), ("Description", said(description.as_ref()))])?;
                let which = Which { id: Some(id), kind: None, number: None };
                let document = which.of(world, caller)?;
                // Both texts were never recorded: ours.
                if world.company(caller.company).changes.cancelled.contains(&id) {
                    return refuse("Document is already cancelled");
                }
                if document.entry.draft {
                    return refuse("A draft cannot be cancelled");
                }
                Ok(cancel(world, caller, &document, description))
            },
        )
    }
}

/// Makes the document that takes another back. What the provider says of its sum is not known; here it is below zero.
fn cancel(
    world: &mut World,
    caller: Caller,
    document: &Document,
    description: Option<String>,
) -> CancelDocumentAnswer {
    let kind = taken_back_by(document.entry.kind);
    let number = world.company(caller.company).next_number(kind);
    let document_id = world.next.document;
    let currency = Currency::of_number(document.currency).unwrap_or(Currency::ILS);
    let record = Record {
        kind: Kind::Document,
        company: caller.company,
        customer_id: Some(document.customer_id),
        amount: Some(Amount(-document.amount)),
        currency: Some(currency.letters().to_owned()),
        description,
        document_id: Some(document_id),
        document_number: Some(number),
        document: Some(DocumentEntry {
            kind,
            language: document.entry.language,
            lines: document.entry.lines.clone(),
            ..DocumentEntry::default()
        }),
        change: Some(Change::Cancelled(document.id)),
        ..Record::default()
    };
    world.commit(record, caller.at);
    CancelDocumentAnswer {
        document_id,
        document_number: Some(number),
        document_download_url: Some(download_url(document_id)),
    }
}

/// The kind of document that takes back one of that kind; itself where there is none.
fn taken_back_by(kind: i64) -> i64 {
    let pairs = [
        (DocumentType::Invoice, DocumentType::CreditInvoice),
        (DocumentType::InvoiceAndReceipt, DocumentType::CreditInvoiceAndReceipt),
        (DocumentType::Receipt, DocumentType::CreditReceipt),
        (DocumentType::DonationReceipt, DocumentType::CreditDonationReceipt),
    ];
    pairs.iter().find(|pair| pair.0.number() == kind).map_or(kind, |pair| pair.1.number())
}

impl Simulated for SendDocument {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        let answered = serve(
            world,
            call,
            |body| {
                body.truth("Original")?;
                body.one_of::<DocumentLanguage>("Language")?;
                Ok((Which::read(body, "EntityID")?, body.text("EmailAddress")?))
            },
            |world, caller, (which, address)| {
                let document = which.of(world, caller)?;
                let customer = world.company(caller.company).customers.get(&document.customer_id);
                let own = customer.and_then(|customer| customer.entry.email.clone());
                // The text was never recorded: ours.
                if !said(address.or(own).as_ref()) {
                    return refuse("The customer has no email address");
                }
                change(world, caller, Change::Mailed(document.id));
                Ok(EmptyAnswer {})
            },
        );
        without_data(answered)
    }
}

impl Simulated for MoveDocumentToBooks {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.plain_int("DocumentID"),
            |world, caller, id| {
                required(call, &[("DocumentID", id > 0)])?;
                let document = Which { id: Some(id), kind: None, number: None }.of(world, caller)?;
                // The text was never recorded: ours.
                if !document.entry.draft {
                    return refuse("Document is not a draft");
                }
                let number = world.company(caller.company).next_number(document.entry.kind);
                let record = Record {
                    kind: Kind::Change,
                    company: caller.company,
                    document_id: Some(id),
                    document_number: Some(number),
                    change: Some(Change::Booked(id)),
                    ..Record::default()
                };
                world.commit(record, caller.at);
                Ok(EmptyAnswer {})
            },
        )
    }
}

impl Simulated for GetDocumentPdf {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        let mut pdf = None;
        let answered = serve(
            world,
            call,
            |body| Ok((Which::read(body, "DocumentID")?, body.maybe_truth("Original")?)),
            |world, caller, (which, original)| {
                required(call, &[("Original", original.is_some())])?;
                let document = which.of(world, caller)?;
                pdf = Some(drawn(&document, original == Some(true)));
                Ok(EmptyAnswer {})
            },
        );
        match pdf {
            Some(body) => Answered { content_type: Some("application/pdf"), body, ..answered },
            None => answered,
        }
    }
}

/// A page with the document's number on it.
fn drawn(document: &Document, original: bool) -> Vec<u8> {
    let number = document.number.map_or_else(|| "draft".to_owned(), |number| number.to_string());
    let copy = if original { "original" } else { "copy" };
    let text = format!("BT /F1 18 Tf 72 720 Td (Document {number}, {copy}, {}) Tj ET", document.amount);
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    places.iter().for_each(|place| file.push_str(&format!("{place:010} 00000 n \n")));
    file.push_str(&format!(
        "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    file.into_bytes()
}

impl Simulated for GetDebt {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                body.one_of::<DebtSource>("DebitSource")?;
                body.one_of::<DebtSource>("CreditSource")?;
                Ok((body.plain_int("CustomerID")?, body.truth("IncludeDraftDocuments")?))
            },
            |world, caller, (customer, drafts)| {
                let books = world.company(caller.company);
                // The text was never recorded: ours.
                if !books.customers.contains_key(&customer) {
                    return refuse("Customer not found");
                }
                let counts = |document: &&Document| {
                    document.customer_id == customer && (drafts || !document.entry.draft)
                };
                let debt = books.documents.iter().filter(counts).map(owed).sum::<Decimal>();
                Ok(GetDebtAnswer { debt: Double(debt) })
            },
        )
    }
}

/// What a document adds to a debt, by its kind. Which documents the sources of a request choose is not known: here it is
/// always invoices against receipts.
fn owed(document: &Document) -> Decimal {
    let amount = document.amount.abs();
    match DocumentType::of_number(document.entry.kind) {
        Some(DocumentType::Invoice | DocumentType::CreditReceipt) => amount,
        Some(DocumentType::CreditInvoice | DocumentType::Receipt) => -amount,
        _ => Decimal::ZERO,
    }
}
