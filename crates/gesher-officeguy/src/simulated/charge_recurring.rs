//! Plays the charge that goes on: the first payment now, and an agreement for each line in the books.

use super::books::{lines_of, resolve, with_vat};
use super::charge::{Input, Paying, acquire, add_document, book, currency_of, may_clear, paying};
use super::record::{Kind, LineEntry, MethodEntry, Record};
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

/// What is agreed on: lines with their sums, how often each is charged and from which day on.
struct Agreed<'a> {
    input: &'a Input,
    lines: Vec<LineEntry>,
    rhythms: &'a [Rhythm],
    starts: Vec<Day>,
    today: Day,
}

impl Agreed<'_> {
    /// The lines that are paid for today.
    fn due_now(&self) -> Vec<LineEntry> {
        let each = self.lines.iter().zip(&self.starts);
        each.filter(|(_, start)| **start == self.today).map(|(line, _)| line.clone()).collect()
    }

    /// Each line as the books have it from now on.
    fn entries(&self, world: &World, customer_id: i64, method: &MethodEntry) -> Vec<RecurringEntry> {
        let each = self.lines.iter().zip(self.rhythms).zip(&self.starts).enumerate();
        let entry = |(at, ((line, rhythm), start)): (usize, ((&LineEntry, &Rhythm), &Day))| {
            let entry = RecurringEntry {
                id: world.next.recurring + i64::try_from(at).unwrap_or_default(),
                customer_id,
                name: line.name.clone(),
                quantity: line.quantity,
                unit: line.unit,
                currency: currency_of(self.input).number(),
                vat_included: self.input.vat_included,
                months: rhythm.months,
                days: rhythm.days,
                left: rhythm.times,
                start: *start,
                next: Some(*start),
                previous: None,
                last: None,
                status: if self.input.authorise_only { CANCELLED } else { ACTIVE },
                description: line.description.clone(),
                method: Some(method.clone()),
                document: self.input.document_type.map(WireEnum::number),
            };
            if *start == self.today { entry.charged_on(self.today) } else { entry }
        };
        each.map(entry).collect()
    }
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
    let (lines, _) = lines_of(&input.lines)?;
    if lines.iter().any(|line| line.total.0 <= Decimal::ZERO) {
        return refuse("Amount must not be zero");
    }
    charge_first(world, caller, &Agreed { input, lines, rhythms, starts, today })
}

/// Charges what is paid for today, and writes what was agreed on into the books, unless the card was refused.
fn charge_first(
    world: &mut World,
    caller: Caller,
    agreed: &Agreed<'_>,
) -> Result<ChargeRecurringAnswer, Refusal> {
    let input = agreed.input;
    let named = input.customer.clone().unwrap_or_default();
    let lines = agreed.due_now();
    let net: Decimal = lines.iter().map(|line| line.total.0).sum();
    let amount =
        if input.vat_included { net } else { with_vat(world, caller.company, named.entry.no_vat, net) };
    let (customer_id, new_customer) = resolve(world, caller.company, named)?;
    let paying = paying(world, caller.company, customer_id, input)?;
    let code = if amount.is_zero() { "000" } else { acquire(world, &paying, amount, caller) };
    let Paying { method, spent, .. } = paying;
    let entries = if code == "000" { agreed.entries(world, customer_id, &method) } else { Vec::new() };
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    let mut record = Record {
        kind: Kind::Recurring,
        company: caller.company,
        customer_id: Some(customer_id),
        customer: new_customer,
        method: Some(method),
        method_saved: code == "000",
        spent,
        ..Record::default()
    };
    let mut answer = ChargeRecurringAnswer { customer_id, ..ChargeRecurringAnswer::default() };
    if amount.is_zero() || input.authorise_only {
        world.commit(record, caller.at);
    } else {
        record.kind = Kind::Charge;
        record.payment_id = Some(world.next.payment);
        record.amount = Some(Amount(amount));
        record.currency = Some(currency_of(input).letters().to_owned());
        record.valid = Some(code == "000");
        record.code = Some(code.to_owned());
        record.description.clone_from(&input.description);
        record.items = lines.iter().filter_map(|line| line.name.clone()).collect();
        record.recurring_ids.clone_from(&ids);
        if code == "000" {
            add_document(world, &mut record, (input.document_type, input.language, false), lines);
        }
        let booked = book(world, caller, record);
        answer.payment = booked.payment;
        answer.document_id = booked.document_id;
        answer.document_download_url = booked.document_download_url;
    }
    for entry in entries {
        let (company, recurring) = (caller.company, Some(Box::new(entry)));
        let record = Record { kind: Kind::Recurring, company, recurring, ..Record::default() };
        world.commit(record, caller.at);
    }
    answer.recurring_customer_item_ids = Some(ids).filter(|ids| !ids.is_empty());
    Ok(answer)
}
