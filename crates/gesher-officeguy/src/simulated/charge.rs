//! Plays the charge: who pays, with what, how much, and what the card company says.

use super::acquirer::{Card, decide};
use super::books::{Line, NamedCustomer, download_url, lines_of, resolve, with_vat};
use super::payments::payment_answer;
use super::record::{DocumentEntry, Kind, LineEntry, MethodEntry, Record};
use super::wire::{Fields, Refusal, refuse};
use super::world::{Caller, Payment, World, mark, token_of};
use super::{required, said, serve};
use crate::endpoints::charge::{Charge, ChargeAnswer};
use crate::endpoints::enums::{Currency, DocumentLanguage, DocumentType, PaymentMethodType, WireEnum};
use crate::envelope::{self, field};
use gesher_core::money::{Amount, two_places};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call, CallFacts};
use rust_decimal::Decimal;
use serde_json::Value;
use std::sync::Arc;

/// Decimals of a wrong amount: one more than was charged.
const WRONG_BY: Decimal = Decimal::ONE;

impl Simulated for Charge {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, Input::read, |world, caller, input| charge(world, caller, call, input))
    }
}

/// A payment method as a request names one.
#[derive(Clone, Debug)]
struct NamedMethod {
    kind: PaymentMethodType,
    token: Option<String>,
    number: Option<String>,
    month: Option<i64>,
    year: Option<i64>,
    citizen: Option<String>,
}

impl NamedMethod {
    fn read(method: &Fields<'_>) -> Result<Self, Refusal> {
        method.int("ID")?;
        method.int("CustomerID")?;
        Ok(Self {
            kind: method.one_of("Type")?.unwrap_or(PaymentMethodType::Other),
            token: method.text("CreditCard_Token")?,
            number: method.text("CreditCard_Number")?,
            month: method.int("CreditCard_ExpirationMonth")?,
            year: method.int("CreditCard_ExpirationYear")?,
            citizen: method.text("CreditCard_CitizenID")?,
        })
    }
}

/// A charge as its request says it.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) customer: Option<NamedCustomer>,
    pub(super) lines: Vec<Line>,
    method: Option<NamedMethod>,
    single_use: Option<String>,
    pub(super) vat_included: bool,
    vat_rate: Option<Decimal>,
    pub(super) document_type: Option<DocumentType>,
    pub(super) language: Option<DocumentLanguage>,
    pub(super) description: Option<String>,
    draft: bool,
    no_document: bool,
    pub(super) authorise_only: bool,
    capture: bool,
    credit: bool,
    keep_no_card: bool,
    auth: Option<String>,
    hold_amount: Option<Decimal>,
}

impl Input {
    pub(super) fn read(body: &Fields<'_>) -> Result<Self, Refusal> {
        let lines = body.list("Items")?;
        let lines = lines.iter().map(|line| Line::read(line, &["UnitPrice"], &["Total"]));
        body.int("Payments_Count")?;
        for number in ["Payments_FirstAmount", "Payments_NonFirstAmount"] {
            body.decimal(number)?;
        }
        for truth in
            ["Payments_Credit", "SendDocumentByEmail", "SendCopyToOrganization", "UpdateCustomerByEmail"]
        {
            body.truth(truth)?;
        }
        Ok(Self {
            customer: body.object("Customer")?.map(|customer| NamedCustomer::read(&customer)).transpose()?,
            lines: lines.collect::<Result<_, _>>()?,
            method: body.object("PaymentMethod")?.map(|method| NamedMethod::read(&method)).transpose()?,
            single_use: body.text("SingleUseToken")?,
            vat_included: body.truth("VATIncluded")?,
            vat_rate: body.decimal("VATRate")?,
            document_type: body.one_of("DocumentType")?,
            language: body.one_of("DocumentLanguage")?,
            description: body.text("DocumentDescription")?,
            draft: body.truth("DraftDocument")?,
            no_document: body.truth("PreventDocumentCreation")?,
            authorise_only: body.truth("AuthoriseOnly")?,
            capture: body.maybe_truth("AutoCapture")?.unwrap_or(true),
            credit: body.truth("SupportCredit")?,
            keep_no_card: body.truth("CardTokenNotNeeded")?,
            auth: body.text("CreditCardAuthNumber")?.map(|auth| auth.trim().to_owned()),
            hold_amount: body.decimal("AuthorizeAmount")?,
        })
    }
}

/// With what a charge is paid, and the number of the card where one was written out.
pub(super) struct Paying {
    pub(super) method: MethodEntry,
    number: Option<String>,
    pub(super) spent: Option<u64>,
}

fn charge(world: &mut World, caller: Caller, call: &Call<'_>, input: Input) -> Result<ChargeAnswer, Refusal> {
    required(call, &[("Customer", input.customer.is_some()), ("Items", !input.lines.is_empty())])?;
    may_clear(world, caller)?;
    charge_one(world, caller, input)
}

/// Whether the organisation can charge cards at all.
pub(super) fn may_clear(world: &mut World, caller: Caller) -> Result<(), Refusal> {
    let details = &world.company(caller.company).details;
    let number_is_good = details.corporate_number.as_ref().is_some_and(|number| number.trim() != "000000000");
    if !number_is_good || !said(details.corporate_number.as_ref()) || !said(details.phone.as_ref()) {
        return refuse("Missing organization details (Corporate Number / Phone Number)");
    }
    // The wording was never recorded: ours.
    if !world.clears(caller.company, caller.at) {
        return refuse("מודול סליקת אשראי אינו מותקן בעסק");
    }
    Ok(())
}

/// Charges a card for one organisation that can charge cards.
pub(super) fn charge_one(world: &mut World, caller: Caller, input: Input) -> Result<ChargeAnswer, Refusal> {
    let (lines, net) = lines_of(&input.lines)?;
    let named = input.customer.clone().unwrap_or_default();
    let no_vat = named.entry.no_vat;
    let amount = if input.vat_included { net } else { with_vat(world, caller.company, no_vat, net) };
    // The three texts were never recorded: ours.
    if input.vat_rate.is_some_and(|rate| rate != Decimal::from(18)) {
        return refuse("Document items total does not match payments total");
    }
    if amount.is_zero() {
        return refuse("Amount must not be zero");
    }
    if amount.is_sign_negative() && !input.credit {
        return refuse("Negative amount requires SupportCredit");
    }
    let (customer_id, new_customer) = resolve(world, caller.company, named)?;
    let paying = paying(world, caller.company, customer_id, &input)?;
    let amount = input.hold_amount.filter(|_| !input.capture).unwrap_or(amount);
    let code = match &input.auth {
        Some(auth) if !world.company(caller.company).may_capture(auth, amount, caller.at) => "004",
        _ => acquire(world, &paying, amount, caller),
    };
    let mut record = Record {
        kind: Kind::Charge,
        company: caller.company,
        customer_id: Some(customer_id),
        customer: new_customer,
        amount: Some(Amount(amount)),
        currency: Some(currency_of(&input).letters().to_owned()),
        valid: Some(code == "000"),
        code: Some(code.to_owned()),
        description: input.description.clone(),
        items: lines.iter().filter_map(|line| line.name.clone()).collect(),
        method_saved: code == "000" && !input.keep_no_card,
        spent: paying.spent,
        method: Some(paying.method),
        ..Record::default()
    };
    record.captures = input.auth.clone();
    if !input.capture || input.authorise_only {
        return Ok(hold(world, caller, record, &input, lines));
    }
    record.payment_id = Some(world.next.payment);
    if code == "000" && !input.no_document {
        add_document(world, &mut record, (input.document_type, input.language, input.draft), lines);
    }
    Ok(book(world, caller, record))
}

pub(super) fn acquire(world: &World, paying: &Paying, amount: Decimal, caller: Caller) -> &'static str {
    let card = Card {
        token: paying.method.token.as_deref(),
        number: paying.number.as_deref(),
        month: paying.method.month,
        year: paying.method.year,
    };
    decide(card, amount, caller.at.to_zoned(world.zone.clone()).date())
}

pub(super) fn currency_of(input: &Input) -> Currency {
    input.lines.first().and_then(|line| line.currency).unwrap_or(Currency::ILS)
}

pub(super) fn paying(
    world: &mut World,
    company: i64,
    customer: i64,
    input: &Input,
) -> Result<Paying, Refusal> {
    let id = world.next.method;
    let fresh = token_of(world.options.seed, id);
    if let Some(token) = &input.single_use {
        let spent = mark(&(company, token));
        // The text was never recorded: ours.
        if world.spent.contains(&spent) {
            return refuse("SingleUseToken was already used");
        }
        world.next.method += 1;
        // An ending that means a refusal stays with the card.
        let token =
            if decide(Card { token: Some(token), ..Card::default() }, Decimal::ONE, jiff::civil::Date::MIN)
                == "000"
            {
                fresh
            } else {
                token.clone()
            };
        let method = MethodEntry {
            id,
            kind: PaymentMethodType::CreditCard.number(),
            token: Some(token),
            last_digits: Some("4444".to_owned()),
            ..MethodEntry::default()
        };
        return Ok(Paying { method, number: None, spent: Some(spent) });
    }
    let Some(named) = &input.method else {
        return saved(world, company, customer);
    };
    if named.kind == PaymentMethodType::Other {
        return refuse(
            "Can't create non CreditCard/DirectDebit method. Type should be set to CreditCard or DirectDebit.",
        );
    }
    if named.kind == PaymentMethodType::CreditCard && named.token.is_none() && named.number.is_none() {
        return saved(world, company, customer);
    }
    world.next.method += 1;
    let digits = named.number.as_ref().or(named.token.as_ref()).map(|text| last_digits(text));
    let method = MethodEntry {
        id,
        kind: named.kind.number(),
        token: Some(named.token.clone().unwrap_or(fresh)),
        last_digits: digits,
        month: named.month,
        year: named.year,
        citizen: named.citizen.clone(),
    };
    Ok(Paying { method, number: named.number.clone(), spent: None })
}

/// The customer's stored card is charged without a word, as the provider does.
fn saved(world: &mut World, company: i64, customer: i64) -> Result<Paying, Refusal> {
    let stored = world.company(company).customers.get(&customer).and_then(|customer| customer.method.clone());
    match stored {
        Some(method) => Ok(Paying { method: MethodEntry::clone(&method), number: None, spent: None }),
        // The text was never recorded: ours.
        None => refuse("Customer has no payment method"),
    }
}

/// Four digits to show of a card: its last ones, or for a token four that follow from it.
pub(super) fn last_digits(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len().checked_sub(4) {
        Some(from) => digits.iter().skip(from).collect(),
        None => format!("{:04}", mark(&text) % 10_000),
    }
}

/// Adds the document of a charge: its kind and language where they are said, and whether it is a draft.
pub(super) fn add_document(
    world: &mut World,
    record: &mut Record,
    (kind, language, draft): (Option<DocumentType>, Option<DocumentLanguage>, bool),
    lines: Vec<LineEntry>,
) {
    let kind = match (kind, record.amount) {
        (Some(kind), _) => kind,
        (None, Some(amount)) if amount.0.is_sign_negative() => DocumentType::CreditInvoiceAndReceipt,
        (None, _) => DocumentType::InvoiceAndReceipt,
    };
    record.document_id = Some(world.next.document);
    record.document_number = (!draft).then(|| world.company(record.company).next_number(kind.number()));
    record.document = Some(DocumentEntry {
        kind: kind.number(),
        draft,
        language: language.map_or(0, WireEnum::number),
        lines,
        ..DocumentEntry::default()
    });
}

pub(super) fn book(world: &mut World, caller: Caller, record: Record) -> ChargeAnswer {
    let (customer_id, document_id, document_number) =
        (record.customer_id, record.document_id, record.document_number);
    world.commit(record, caller.at);
    let payment = world.company(caller.company).payments.last().cloned();
    ChargeAnswer {
        // The payment does not know its document yet.
        payment: payment.map(|payment| payment_answer(world, &payment, 0)),
        document_id,
        document_number,
        customer_id,
        document_download_url: document_id.map(download_url),
    }
}

/// Money is held, or the card only tried: a payment without an id, and nothing in the list of payments. A hold makes an
/// order, unless documents are prevented.
fn hold(
    world: &mut World,
    caller: Caller,
    mut record: Record,
    input: &Input,
    lines: Vec<LineEntry>,
) -> ChargeAnswer {
    if record.valid == Some(true) && !input.capture && !input.authorise_only {
        let auth = mark(&(world.options.seed, "hold", world.next.hold)) % 1_000_000;
        record.auth = Some(format!("{auth:06}"));
        if !input.no_document {
            let kind = (Some(DocumentType::Order), input.language, input.draft);
            add_document(world, &mut record, kind, lines);
        }
    }
    let customer_id = record.customer_id;
    let payment = Payment {
        id: 0,
        customer_id: 0,
        at: caller.at,
        valid: record.valid.unwrap_or_default(),
        code: record.code.as_deref().unwrap_or_default().into(),
        amount: record.amount.map(|amount| amount.0).unwrap_or_default(),
        currency: currency_of(input).number(),
        method: record.method.clone().map(Arc::new),
        document_id: None,
        auth: record.auth.as_deref().map(Box::from),
        recurring: Box::default(),
    };
    let (document_id, document_number) = (record.document_id, record.document_number);
    world.commit(Record { kind: Kind::Hold, ..record }, caller.at);
    ChargeAnswer {
        payment: Some(payment_answer(world, &payment, 0)),
        document_id,
        document_number,
        customer_id,
        document_download_url: document_id.map(download_url),
    }
}

/// What fault rules want to know of a request.
pub(super) fn facts(body: &Value) -> CallFacts {
    let details = field(body, "Details");
    let customer = if field(body, "Customer").is_object() {
        field(body, "Customer")
    } else {
        field(details, "Customer")
    };
    let names = ["ID", "ExternalIdentifier", "Name", "EmailAddress", "Phone"];
    let description = envelope::text(field(body, "DocumentDescription"))
        .or_else(|| envelope::text(field(details, "Description")));
    let lines = field(body, "Items").as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        let quantity = envelope::decimal(field(line, "Quantity")).unwrap_or(Decimal::ONE);
        let unit = envelope::decimal(field(line, "UnitPrice")).and_then(|unit| unit.checked_mul(quantity));
        sum.checked_add(envelope::decimal(field(line, "Total")).or(unit)?)
    });
    CallFacts {
        customer: names.iter().filter_map(|name| envelope::text(field(customer, name))).collect(),
        description,
        amount: sum.map(|sum| two_places(gesher_core::money::round_half_up(sum, 2))),
    }
}

/// The same answer with another amount in it; what has no amount stays.
pub(super) fn with_wrong_amount(body: &[u8]) -> Vec<u8> {
    let changed = || {
        let mut answer: Value = serde_json::from_slice(body).ok()?;
        let amount = answer.pointer_mut("/Data/Payment/Amount")?;
        let wrong = envelope::decimal(amount)?.checked_add(WRONG_BY)?;
        *amount = Value::Number(two_places(wrong).parse().ok()?);
        serde_json::to_vec(&answer).ok()
    };
    changed().unwrap_or_else(|| body.to_vec())
}
