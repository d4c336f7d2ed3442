//! `officeguy.create_document`: an invoice, receipt or other document without a charge.

use super::PROVIDER;
use crate::charging;
use crate::classify::{open, unreadable};
use crate::endpoints::documents::{
    CreateDocument as Wire, CreateDocumentAnswer, CreateDocumentRequest, DocumentDetails, DocumentPayment,
};
use crate::endpoints::enums::{Currency, DocumentType};
use crate::envelope::{field, id, text};
use crate::look_up::Noted;
use crate::messages;
use crate::rules::{self, refuse};
use gesher_core::money::{Amount, two_places};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender,
};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;

/// The kinds of documents that say how they were paid.
const RECEIPTS: &[DocumentType] = &[
    DocumentType::InvoiceAndReceipt,
    DocumentType::Receipt,
    DocumentType::DonationReceipt,
    DocumentType::CreditInvoiceAndReceipt,
    DocumentType::CreditReceipt,
    DocumentType::CreditDonationReceipt,
    DocumentType::ExpenseInvoiceReceipt,
    DocumentType::ExpenseReceipt,
    DocumentType::CreditExpenseInvoiceReceipt,
    DocumentType::CreditExpenseReceipt,
    DocumentType::SupplierPayment,
];

/// Kinds that take back what another says; how their sum is signed is not known.
const CREDITS: &[DocumentType] = &[
    DocumentType::CreditInvoice,
    DocumentType::CreditInvoiceAndReceipt,
    DocumentType::CreditReceipt,
    DocumentType::CreditDonationReceipt,
    DocumentType::CreditExpenseInvoiceReceipt,
    DocumentType::CreditExpenseInvoice,
    DocumentType::CreditExpenseReceipt,
    DocumentType::GoodsReturnNote,
];

/// The operation.
pub(crate) struct CreateDocument;

impl Operation for CreateDocument {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "create_document",
        summary: "Make an invoice, a receipt or another document without a charge.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::Optional,
        look_up: LookUp::By("officeguy.list_documents"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "An invoice with receipt for a bank transfer",
            who: "dana-pottery",
            key: Some("order-9002"),
            request: r#"{
            "Details": {"Type": "InvoiceAndReceipt", "Customer": {"Name": "נועה לוי", "SearchMode": "Automatic",
                    "EmailAddress": "noa@example.test"},
                "Language": "Hebrew", "Currency": "ILS", "ExternalReference": "order-9002"},
            "Items": [{"Item": {"Name": "סדנת קדרות"}, "UnitPrice": 118}],
            "Payments": [{"Type": "BankTransfer", "Amount": 118, "Details_BankTransfer": {"BankNumber": 12,
                "BranchNumber": 600, "AccountNumber": "123456", "Reference": "tx1", "DueDate": "2026-03-02"}}],
            "VATIncluded": true
        }"#,
            answer: r#"{"DocumentID": "*", "DocumentNumber": "*", "CustomerID": "*"}"#,
        },
        Example {
            title: "A draft that somebody will look through",
            who: "dana-pottery",
            key: Some("order-9003"),
            request: r#"{
            "Details": {"Type": "Invoice", "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
                "IsDraft": true},
            "Items": [{"Item": {"Name": "סדנת קדרות"}, "UnitPrice": 118}],
            "VATIncluded": true
        }"#,
            answer: r#"{"DocumentID": "*", "DocumentNumber": null}"#,
        },
    ];
    type Request = CreateDocumentRequest;
    type Answer = CreateDocumentAnswer;

    fn rules(request: &CreateDocumentRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Details.Customer", &request.details.customer)?;
        details_rules(&request.details)?;
        let per_item = request.vat_per_item == Some(true);
        if request.vat_included.is_none() && !per_item {
            return Err(refuse(
                "missing_field",
                "VATIncluded: יש לציין אם המחירים כוללים מע״מ",
                "VATIncluded: say whether the prices hold VAT",
            ));
        }
        if per_item && (request.vat_included == Some(true) || request.vat_rate.is_some()) {
            return Err(refuse(
                "vat_contradiction",
                "VATPerItem: כשהמע״מ נקבע בכל שורה אין לציין VATIncluded או VATRate",
                "VATPerItem: with VAT in each line leave VATIncluded and VATRate out",
            ));
        }
        for (at, line) in request.items.iter().flatten().enumerate() {
            rules::item_named(at, &line.item)?;
            let unit = line.unit_price.or(line.document_currency_unit_price);
            let total = line.total_price.or(line.document_currency_total_price);
            rules::line_total(at, line.quantity.0, unit.map(|unit| unit.0), total.map(|total| total.0))?;
        }
        payments_rules(request)
    }

    fn facts(request: &CreateDocumentRequest) -> Facts {
        Facts {
            subject: rules::subject(&request.details.customer),
            amount: None,
            look_up: Noted::of_document(request, sums(request)).written(),
        }
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        let data = match open(reply, Effect::Write) {
            Ok(envelope) => envelope.data,
            Err(outcome) => return *outcome,
        };
        let Some(document_id) = id(field(&data, "DocumentID")) else {
            return unreadable(Effect::Write, data);
        };
        let number = text(field(&data, "DocumentNumber"));
        let message = messages::document_made(number.as_deref());
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
        outcome.code = None;
        outcome.reference = Some(document_id.to_string());
        outcome.document = number;
        outcome.data = data;
        outcome
    }
}

/// Every sum that the document may come to, in its own currency: its lines' with whatever VAT is added, or what it says
/// was paid. None where that is not clear: VAT by the line, credits, lines in another currency.
fn sums(request: &CreateDocumentRequest) -> Vec<String> {
    let kind = request.details.kind;
    if request.vat_per_item == Some(true) || CREDITS.contains(&kind) {
        return Vec::new();
    }
    let in_shekels = request.details.currency.unwrap_or(Currency::ILS) == Currency::ILS;
    let own = |shekels: Option<Amount>, own: Option<Amount>| own.or(shekels.filter(|_| in_shekels));
    let lines = request.items.iter().flatten().enumerate().map(|(at, line)| {
        let unit = own(line.unit_price, line.document_currency_unit_price);
        let total = own(line.total_price, line.document_currency_total_price);
        rules::line_total(at, line.quantity.0, unit.map(|unit| unit.0), total.map(|total| total.0)).ok()
    });
    let Some(lines) = lines.collect::<Option<Vec<Decimal>>>() else {
        return Vec::new();
    };
    let paid = request
        .payments
        .iter()
        .flatten()
        .map(|payment| own(payment.amount, payment.document_currency_amount).map(|amount| amount.0));
    let Some(paid) = paid.collect::<Option<Vec<Decimal>>>() else {
        return Vec::new();
    };
    let mut sums = Vec::new();
    if !lines.is_empty() {
        let adds_vat = request.vat_included != Some(true) && request.details.customer.no_vat != Some(true);
        sums.extend(charging::sums_of(&lines, adds_vat, request.vat_rate.map(|rate| rate.0)));
    }
    if !paid.is_empty() {
        sums.extend(rules::total_of(paid.into_iter().map(Ok)).ok());
    }
    sums.sort_unstable();
    sums.dedup();
    sums.into_iter().map(two_places).collect()
}

fn details_rules(details: &DocumentDetails) -> Result<(), Rejection> {
    rules::date("Details.Date", details.date.as_ref())?;
    rules::date("Details.DueDate", details.due_date.as_ref())?;
    let twice = [
        ("OpeningText", details.opening_text.is_some() && details.opening_text_html.is_some()),
        ("ClosingText", details.closing_text.is_some() && details.closing_text_html.is_some()),
    ];
    match twice.iter().find(|(_, both)| *both) {
        Some((name, _)) => Err(refuse(
            "text_given_twice",
            format!("Details.{name}: יש למסור טקסט או HTML, לא את שניהם"),
            format!("Details.{name}: give it as text or as HTML, not both"),
        )),
        None => Ok(()),
    }
}

fn payments_rules(request: &CreateDocumentRequest) -> Result<(), Rejection> {
    let Some(payments) = &request.payments else {
        return Ok(());
    };
    if !RECEIPTS.contains(&request.details.kind) {
        return Err(refuse(
            "payments_not_allowed",
            "Payments: תשלומים נרשמים רק בקבלות ובחשבוניות מס קבלה",
            "Payments: only receipts and invoice receipts say how they were paid",
        ));
    }
    for (at, payment) in payments.iter().enumerate() {
        let path = format!("Payments[{at}]");
        if payment.amount.is_none() && payment.document_currency_amount.is_none() {
            return Err(refuse(
                "missing_field",
                format!("{path}.Amount: לכל תשלום דרוש סכום"),
                format!("{path}.Amount: each payment needs an amount"),
            ));
        }
        let details = count_of_details(payment);
        if details > 1 || details == 0 && payment.kind.is_none() {
            return Err(refuse(
                "bad_payment",
                format!("{path}: יש למסור סוג תשלום, ופירוט אחד לכל היותר"),
                format!("{path}: give a Type, and at most one of the Details"),
            ));
        }
        let dates = [
            (
                "Details_BankTransfer",
                payment.details_bank_transfer.as_ref().and_then(|given| given.due_date.as_ref()),
            ),
            ("Details_Cheque", payment.details_cheque.as_ref().and_then(|given| given.due_date.as_ref())),
            ("Details_Other", payment.details_other.as_ref().and_then(|given| given.due_date.as_ref())),
        ];
        for (name, date) in dates {
            rules::date(&format!("{path}.{name}.DueDate"), date)?;
        }
    }
    Ok(())
}

fn count_of_details(payment: &DocumentPayment) -> usize {
    [
        payment.details_general.is_some(),
        payment.details_cash.is_some(),
        payment.details_tax_withholding.is_some(),
        payment.details_bank_transfer.is_some(),
        payment.details_cheque.is_some(),
        payment.details_credit_card.is_some(),
        payment.details_other.is_some(),
        payment.details_digital.is_some(),
    ]
    .into_iter()
    .filter(|given| *given)
    .count()
}
