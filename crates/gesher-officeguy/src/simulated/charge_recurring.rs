//! Plays the charge that goes on: the first payment now, and an agreement for each line in the books.

use super::books::{lines_of, resolve, with_vat};
use super::charge::{Input, Paying, acquire, add_document, book, currency_of, may_clear, paying};
use super::record::{Kind, Record};
use super::recurring_items::{ACTIVE, Day, RecurringEntry};
use super::wire::{Fields, Moment, Refusal, refuse};
use super::world::{Caller, World};
use super::{required, serve};
use crate::endpoints::charge_recurring::{ChargeRecurring, ChargeRecurringAnswer};
use crate::endpoints::enums::WireEnum;
use gesher_core::money::Amount;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;

/// An agreement that was made only to try.
const CANCELLED: i64 = 1;

/// How often a line is charged.
#[derive(Clone, Copy)]
struct Rhythm {
    start: Option<Moment>,
    months: i64,
    days: i64,
    times: Option<i64>,
}

impl Simulated for ChargeRecurring {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, read, |world, caller, (input, rhythms)| {
            agree(world, caller, call, &input, &rhythms)
        })
    }
}

fn read(body: &Fields<'_>) -> Result<(Input, Vec<Rhythm>), Refusal> {
    let mut input = Input::read(body)?;
    input.description = body.text("FirstDocumentDescription")?;
    body.int("CreditCardPayments_Count")?;
    body.int("AttributionOffset")?;
    let mut rhythms = Vec::new();
    for line in body.list("Items")? {
        let item = line.object("Item")?;
        let of_item = |name| item.as_ref().map_or(Ok(None), |item| item.int(name));
        let (days, months) = (line.int("Duration_Days")?, line.int("Duration_Months")?);
        let (days, months) =
            (days.or(of_item("Duration_Days")?).unwrap_or(0), months.or(of_item("Duration_Months")?));
        rhythms.push(Rhythm {
            start: line.date("Date_Start")?,
            // Without any time every month, which is a choice.
            months: months.unwrap_or(i64::from(days == 0)),
            days,
            times: line.int("Recurrence")?.filter(|times| *times > 0),
        });
    }
    Ok((input, rhythms))
}

fn agree(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    input: &Input,
    rhythms: &[Rhythm],
) -> Result<ChargeRecurringAnswer, Refusal> {
    required(call, &[("Customer", input.customer.is_some()), ("Items", !input.lines.is_empty())])?;
    may_clear(world, caller)?;
    let today = Day(caller.at.to_zoned(world.zone.clone()).date());
    let start = |rhythm: &Rhythm| match rhythm.start {
        Some(Moment::Day(day)) => Day(day),
        Some(Moment::Local(at)) => Day(at.date()),
        Some(Moment::Instant(at)) => Day(at.to_zoned(world.zone.clone()).date()),
        None => today,
    };
    let starts: Vec<Day> = rhythms.iter().map(|rhythm| start(rhythm).max(today)).collect();
    let (entries, _) = lines_of(&input.lines)?;
    let now: Decimal = entries
        .iter()
        .zip(&starts)
        .filter(|(_, start)| **start == today)
        .map(|(entry, _)| entry.total.0)
        .sum();
    let named = input.customer.clone().unwrap_or_default();
    let amount =
        if input.vat_included { now } else { with_vat(world, caller.company, named.entry.no_vat, now) };
    if entries.iter().any(|entry| entry.total.0 <= Decimal::ZERO) {
        return refuse("Amount must not be zero");
    }
    let (customer_id, new_customer) = resolve(world, caller.company, named)?;
    let paying = paying(world, caller.company, customer_id, input)?;
    let code = if amount.is_zero() { "000" } else { acquire(world, &paying, amount, caller) };
    let Paying { method, spent, .. } = paying;
    let agreed: Vec<RecurringEntry> = entries
        .iter()
        .zip(rhythms)
        .zip(&starts)
        .enumerate()
        .map(|(at, ((entry, rhythm), start))| {
            let agreed = RecurringEntry {
                id: world.next.recurring + i64::try_from(at).unwrap_or_default(),
                customer_id,
                name: entry.name.clone(),
                quantity: entry.quantity,
                unit: entry.unit,
                currency: currency_of(input).number(),
                vat_included: input.vat_included,
                months: rhythm.months,
                days: rhythm.days,
                left: rhythm.times,
                start: *start,
                next: Some(*start),
                previous: None,
                last: None,
                status: if input.authorise_only { CANCELLED } else { ACTIVE },
                description: entry.description.clone(),
                method: Some(method.clone()),
                document: input.document_type.map(WireEnum::number),
            };
            if *start == today { agreed.charged_on(today) } else { agreed }
        })
        .collect();
    let ids: Vec<i64> = agreed.iter().map(|agreed| agreed.id).collect();
    let mut answer = ChargeRecurringAnswer { customer_id, ..ChargeRecurringAnswer::default() };
    let mut record = Record {
        kind: Kind::Charge,
        company: caller.company,
        customer_id: Some(customer_id),
        customer: new_customer,
        method: Some(method),
        method_saved: code == "000",
        spent,
        ..Record::default()
    };
    if !amount.is_zero() && !input.authorise_only {
        record.payment_id = Some(world.next.payment);
        record.amount = Some(Amount(amount));
        record.currency = Some(currency_of(input).letters().to_owned());
        record.valid = Some(code == "000");
        record.code = Some(code.to_owned());
        record.description.clone_from(&input.description);
        record.items = entries.iter().filter_map(|entry| entry.name.clone()).collect();
        if code == "000" {
            record.recurring_ids.clone_from(&ids);
            let today = entries.iter().zip(&starts).filter(|(_, start)| **start == today);
            let lines = today.map(|(entry, _)| entry.clone()).collect();
            add_document(world, &mut record, (input.document_type, input.language, false), lines);
        }
        let booked = book(world, caller, record);
        answer.payment = booked.payment;
        answer.document_id = booked.document_id;
        answer.document_download_url = booked.document_download_url;
    } else {
        world.commit(Record { kind: Kind::Recurring, ..record }, caller.at);
    }
    if code == "000" {
        for agreed in agreed {
            let company = caller.company;
            let recurring = Some(Box::new(agreed));
            world
                .commit(Record { kind: Kind::Recurring, company, recurring, ..Record::default() }, caller.at);
        }
        answer.recurring_customer_item_ids = Some(ids);
    }
    Ok(answer)
}
