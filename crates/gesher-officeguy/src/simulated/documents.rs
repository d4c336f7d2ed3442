//! Plays documents: making one without a charge, listing them, looking one up.

use super::books::{Line, NamedCustomer, download_url, lines_of, resolve, with_vat};
use super::payments::{first_instant, last_documented, last_instant, last_seen};
use super::record::{DocumentEntry, Kind, PaidEntry, Record};
use super::wire::{Fields, Moment, Refusal, refuse};
use super::world::{Caller, Document, World};
use super::{required, serve};
use crate::endpoints::document_reads::{
    DocumentCustomer, DocumentInFull, DocumentLine, DocumentLineItem, DocumentPaid, GetDocument,
    GetDocumentAnswer, ListDocuments, ListDocumentsAnswer, ListedDocument,
};
use crate::endpoints::documents::{CreateDocument, CreateDocumentAnswer};
use crate::endpoints::enums::{Currency, DocumentLanguage, DocumentPaymentType, DocumentType, WireEnum};
use crate::endpoints::shared::Double;
use gesher_core::money::Amount;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// Documents on one page, unless the request says otherwise.
const PAGE_SIZE_DEFAULT: i64 = 10;
/// Documents on the largest page.
const PAGE_SIZE_MAX: i64 = 1000;

impl Simulated for CreateDocument {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, Input::read, |world, caller, input| create(world, caller, call, input))
    }
}

struct Input {
    has_details: bool,
    kind: Option<DocumentType>,
    customer: Option<NamedCustomer>,
    draft: bool,
    date: Option<Moment>,
    language: Option<DocumentLanguage>,
    currency: Option<Currency>,
    description: Option<String>,
    external_reference: Option<String>,
    lines: Vec<Line>,
    payments: Vec<PaidEntry>,
    empty_payments: bool,
    vat_included: bool,
}

impl Input {
    fn read(body: &Fields<'_>) -> Result<Self, Refusal> {
        let details = body.object("Details")?;
        let lines = body.list("Items")?;
        let lines = lines.iter().map(|line| {
            Line::read(
                line,
                &["UnitPrice", "DocumentCurrency_UnitPrice"],
                &["TotalPrice", "DocumentCurrency_TotalPrice"],
            )
        });
        let payments = body.list("Payments")?;
        let empty_payments = body.has("Payments") && payments.is_empty();
        let payments = payments.iter().map(|payment| {
            let amount = payment.decimal("Amount")?.or(payment.decimal("DocumentCurrency_Amount")?);
            let kind = payment.one_of("Type")?.unwrap_or(DocumentPaymentType::Automatic);
            Ok(PaidEntry { amount: Amount(amount.unwrap_or_default()), kind: kind.number() })
        });
        let mut input = Self {
            has_details: details.is_some(),
            kind: None,
            customer: None,
            draft: false,
            date: None,
            language: None,
            currency: None,
            description: None,
            external_reference: None,
            lines: lines.collect::<Result<_, _>>()?,
            payments: payments.collect::<Result<_, Refusal>>()?,
            empty_payments,
            vat_included: body.truth("VATIncluded")?,
        };
        if let Some(details) = details {
            input.kind = details.one_of("Type")?;
            input.customer =
                details.object("Customer")?.map(|customer| NamedCustomer::read(&customer)).transpose()?;
            input.draft = details.truth("IsDraft")?;
            input.date = details.date("Date")?;
            input.language = details.one_of("Language")?;
            input.currency = details.one_of("Currency")?;
            input.description = details.text("Description")?;
            input.external_reference = details.text("ExternalReference")?;
        }
        Ok(input)
    }
}

fn create(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    input: Input,
) -> Result<CreateDocumentAnswer, Refusal> {
    required(call, &[("Details", input.has_details)])?;
    required(call, &[("Type", input.kind.is_some()), ("Customer", input.customer.is_some())])?;
    // The text was never recorded: ours.
    if input.empty_payments {
        return refuse("Payments: the list must not be empty");
    }
    let (lines, net) = lines_of(&input.lines)?;
    let named = input.customer.unwrap_or_default();
    let no_vat = named.entry.no_vat;
    let sum = if input.vat_included { net } else { with_vat(world, caller.company, no_vat, net) };
    let (customer_id, new_customer) = resolve(world, caller.company, named)?;
    let kind = input.kind.map_or(0, WireEnum::number);
    let number = (!input.draft).then(|| world.company(caller.company).next_number(kind));
    let document_id = world.next.document;
    let date = input.date.map(|date| first_instant(world, date).as_second());
    let record = Record {
        kind: Kind::Document,
        company: caller.company,
        customer_id: Some(customer_id),
        customer: new_customer,
        amount: Some(Amount(sum)),
        currency: Some(input.currency.unwrap_or(Currency::ILS).letters().to_owned()),
        description: input.description,
        items: lines.iter().filter_map(|line| line.name.clone()).collect(),
        document_id: Some(document_id),
        document_number: number,
        document: Some(DocumentEntry {
            kind,
            date,
            draft: input.draft,
            language: input.language.map_or(0, WireEnum::number),
            external_reference: input.external_reference,
            lines,
            payments: input.payments,
        }),
        ..Record::default()
    };
    world.commit(record, caller.at);
    Ok(CreateDocumentAnswer {
        document_id,
        document_number: number,
        customer_id,
        document_download_url: Some(download_url(document_id)),
        document_payment_url: None,
    })
}

struct Filter {
    kinds: Vec<DocumentType>,
    numbers: (Option<i64>, Option<i64>),
    dates: (Option<Moment>, Option<Moment>),
    drafts: bool,
    start: i64,
    size: i64,
}

impl Filter {
    fn read(body: &Fields<'_>) -> Result<Self, Refusal> {
        let paging = body.object("Paging")?;
        let page = |name: &str| paging.as_ref().map_or(Ok(None), |paging| paging.int(name));
        Ok(Self {
            kinds: body.list_of("DocumentTypes")?,
            numbers: (body.int("DocumentNumberFrom")?, body.int("DocumentNumberTo")?),
            dates: (body.date("DateFrom")?, body.date("DateTo")?),
            drafts: body.truth("IncludeDrafts")?,
            start: page("StartIndex")?.unwrap_or_default(),
            size: page("PageSize")?.unwrap_or(PAGE_SIZE_DEFAULT).clamp(PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX),
        })
    }

    fn takes(&self, document: &Document, first: Timestamp, last: Timestamp) -> bool {
        let date = date_of(document);
        let number_fits = |(from, to): (Option<i64>, Option<i64>)| {
            from.is_none_or(|from| document.number.is_some_and(|number| number >= from))
                && to.is_none_or(|to| document.number.is_some_and(|number| number <= to))
        };
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.number() == document.entry.kind))
            && number_fits(self.numbers)
            && (first..=last).contains(&date)
            && (self.drafts || !document.entry.draft)
    }
}

impl Simulated for ListDocuments {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, Filter::read, |world, caller, filter| {
            let first = filter.dates.0.map_or(Timestamp::MIN, |from| first_instant(world, from));
            let last = filter.dates.1.map_or(Timestamp::MAX, |to| last_instant(world, to));
            let seen = last_seen(world, caller.at).min(last_documented(world, caller.at));
            let size = usize::try_from(filter.size).unwrap_or_default();
            let documents = &world.company(caller.company).documents;
            let mut page: Vec<Document> = documents
                .iter()
                .filter(|document| document.at <= seen && filter.takes(document, first, last))
                .skip(usize::try_from(filter.start).unwrap_or_default())
                .take(size + 1)
                .cloned()
                .collect();
            let has_next_page = page.len() > size;
            page.truncate(size);
            let listed: Vec<_> = page.into_iter().map(|document| listed(world, caller, document)).collect();
            Ok(ListDocumentsAnswer { documents: listed, has_next_page })
        })
    }
}

fn date_of(document: &Document) -> Timestamp {
    let date = document.entry.date.and_then(|seconds| Timestamp::from_second(seconds).ok());
    date.unwrap_or(document.at)
}

fn customer_name(world: &mut World, caller: Caller, id: i64) -> Option<String> {
    world.company(caller.company).customers.get(&id).and_then(|customer| customer.entry.name.clone())
}

fn listed(world: &mut World, caller: Caller, document: Document) -> ListedDocument {
    ListedDocument {
        is_draft: document.entry.draft,
        date: Some(world.written(date_of(&document))),
        customer_id: document.customer_id,
        customer_name: customer_name(world, caller, document.customer_id),
        language: document.entry.language,
        currency: document.currency,
        kind: document.entry.kind,
        description: document.description.map(String::from),
        external_reference: document.entry.external_reference,
        due_date: None,
        document_download_url: Some(download_url(document.id)),
        document_payment_url: None,
        document_id: document.id,
        document_number: document.number,
        document_value: Double(document.amount),
        company_value: Double(document.amount),
        is_closed: true,
        assignment_number: None,
    }
}

impl Simulated for GetDocument {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let kind = body.one_of::<DocumentType>("DocumentType")?;
                Ok((body.int("DocumentID")?, kind, body.int("DocumentNumber")?))
            },
            |world, caller, (id, kind, number)| {
                let there = last_documented(world, caller.at);
                let documents = &world.company(caller.company).documents;
                let found =
                    documents.iter().filter(|document| document.at <= there).find(|document| match id {
                        Some(id) => document.id == id,
                        None => {
                            number.is_some()
                                && document.number == number
                                && kind.is_some_and(|kind| kind.number() == document.entry.kind)
                        }
                    });
                match found.cloned() {
                    Some(document) => Ok(in_full(world, caller, document)),
                    None => refuse("Document not found"),
                }
            },
        )
    }
}

fn in_full(world: &mut World, caller: Caller, document: Document) -> GetDocumentAnswer {
    let date = world.written(date_of(&document));
    let entry = document.entry;
    let customer = world.company(caller.company).customers.get(&document.customer_id);
    let customer = customer.map(|customer| {
        let known = customer.entry.clone();
        DocumentCustomer {
            id: known.id,
            name: known.name,
            phone: known.phone,
            email_address: known.email,
            company_number: known.company_number,
            external_identifier: known.external,
        }
    });
    let lines = entry.lines.into_iter().map(|line| DocumentLine {
        item: Some(DocumentLineItem { name: line.name }),
        quantity: Double(line.quantity.0),
        unit_price: Double(line.unit.0),
        total_price: Double(line.total.0),
        description: line.description,
    });
    let payments: Vec<_> = entry
        .payments
        .into_iter()
        .map(|paid| DocumentPaid { amount: Double(paid.amount.0), kind: paid.kind })
        .collect();
    GetDocumentAnswer {
        document: Some(DocumentInFull {
            is_draft: entry.draft,
            date: Some(date),
            customer,
            language: entry.language,
            currency: document.currency,
            kind: entry.kind,
            description: document.description.map(String::from),
            external_reference: entry.external_reference,
            due_date: None,
            document_value: Double(document.amount),
            company_value: Double(document.amount),
            is_closed: payments.iter().map(|paid| paid.amount.0).sum::<Decimal>() >= Decimal::ZERO,
            assignment_number: None,
        }),
        items: lines.collect(),
        payments,
        document_download_url: Some(download_url(document.id)),
        document_payment_url: None,
        document_id: document.id,
        document_number: document.number,
    }
}
