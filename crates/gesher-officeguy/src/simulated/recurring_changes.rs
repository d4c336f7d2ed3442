//! Plays what is done with agreements that exist: listing, changing and ending them.

use super::books::NamedCustomer;
use super::customers::existing;
use super::record::{Kind, Record};
use super::recurring_items::{ACTIVE, Day, RecurringEntry};
use super::wire::{Fields, Moment, Refusal, refuse};
use super::world::{Caller, World};
use super::{required, serve};
use crate::endpoints::company_changes::EmptyAnswer;
use crate::endpoints::recurring_items::{
    CancelRecurring, ListRecurring, ListRecurringAnswer, StandingItem, StandingItemKind, UpdateRecurring,
};
use crate::endpoints::shared::Double;
use gesher_core::money::Quantity;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;

/// It was ended by hand.
const CANCELLED: i64 = 1;

fn customer(body: &Fields<'_>) -> Result<Option<NamedCustomer>, Refusal> {
    body.object("Customer")?.map(|customer| NamedCustomer::read(&customer)).transpose()
}

impl Simulated for ListRecurring {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| Ok((customer(body)?, body.truth("IncludeInactive")?)),
            |world, caller, (named, with_inactive)| {
                required(call, &[("Customer", named.is_some())])?;
                let id = existing(world, caller, named.unwrap_or_default())?;
                let all = world.company(caller.company).recurring.values();
                let of_customer = all.filter(|agreed| agreed.customer_id == id);
                let shown = of_customer.filter(|agreed| with_inactive || agreed.status == ACTIVE);
                let shown: Vec<RecurringEntry> = shown.cloned().collect();
                Ok(ListRecurringAnswer {
                    recurring_items: shown.iter().map(|agreed| item(world, agreed)).collect(),
                })
            },
        )
    }
}

fn item(world: &World, agreed: &RecurringEntry) -> StandingItem {
    let written = |day: Day| {
        let midnight = day.0.to_zoned(world.zone.clone()).ok()?;
        Some(world.written(midnight.timestamp()))
    };
    let some = |number: i64| Some(number).filter(|number| *number > 0);
    StandingItem {
        id: agreed.id,
        item: Some(StandingItemKind {
            name: agreed.name.clone(),
            duration_days: some(agreed.days),
            duration_months: some(agreed.months),
        }),
        quantity: Some(Double(agreed.quantity.0)),
        unit_price: Some(Double(agreed.unit.0)),
        date_start: written(agreed.start),
        date_last: agreed.last.and_then(written),
        date_next_billing: agreed.next.and_then(written),
        date_previous_billing: agreed.previous.and_then(written),
        status: agreed.status,
        description: agreed.description.clone(),
    }
}

/// The agreement of a request, by its customer and its id.
fn agreement(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    (named, id): (Option<NamedCustomer>, i64),
) -> Result<RecurringEntry, Refusal> {
    required(call, &[("Customer", named.is_some()), ("RecurringCustomerItemID", id > 0)])?;
    let customer_id = existing(world, caller, named.unwrap_or_default())?;
    match world.company(caller.company).recurring.get(&id) {
        Some(agreed) if agreed.customer_id == customer_id => Ok(agreed.clone()),
        // The text was never recorded: ours.
        _ => refuse("Recurring item not found"),
    }
}

fn write(world: &mut World, caller: Caller, agreed: RecurringEntry) {
    let record = Record {
        kind: Kind::Recurring,
        company: caller.company,
        customer_id: Some(agreed.customer_id),
        recurring_ids: vec![agreed.id],
        recurring: Some(Box::new(agreed)),
        ..Record::default()
    };
    world.commit(record, caller.at);
}

impl Simulated for CancelRecurring {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| Ok((customer(body)?, body.plain_int("RecurringCustomerItemID")?)),
            |world, caller, which| {
                let agreed = agreement(world, caller, call, which)?;
                write(world, caller, RecurringEntry { status: CANCELLED, next: None, ..agreed });
                Ok(EmptyAnswer {})
            },
        )
    }
}

/// What an agreement is changed to.
struct Changes {
    unit: Option<Decimal>,
    quantity: Option<Decimal>,
    recurrence: Option<i64>,
    next: Option<Moment>,
    last: Option<Moment>,
}

impl Simulated for UpdateRecurring {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let changes = Changes {
                    unit: body.decimal("UnitPrice")?,
                    quantity: body.decimal("Quantity")?,
                    recurrence: body.int("Recurrence")?,
                    next: body.date("NextPaymentDate")?,
                    last: body.date("LastPaymentDate")?,
                };
                Ok(((customer(body)?, body.plain_int("RecurringCustomerItemID")?), changes))
            },
            |world, caller, (which, changes)| {
                let agreed = agreement(world, caller, call, which)?;
                // Both texts were never recorded: ours.
                if changes.recurrence.is_some() && changes.last.is_some() {
                    return refuse("Recurrence and LastPaymentDate exclude each other");
                }
                if agreed.status != ACTIVE {
                    return refuse("Recurring item is not active");
                }
                let changed = changed(world, agreed, &changes);
                write(world, caller, changed);
                Ok(EmptyAnswer {})
            },
        )
    }
}

fn changed(world: &World, agreed: RecurringEntry, changes: &Changes) -> RecurringEntry {
    let day = |moment: Moment| match moment {
        Moment::Day(day) => Day(day),
        Moment::Local(at) => Day(at.date()),
        Moment::Instant(at) => Day(at.to_zoned(world.zone.clone()).date()),
    };
    RecurringEntry {
        unit: changes.unit.map_or(agreed.unit, Quantity),
        quantity: changes.quantity.map_or(agreed.quantity, Quantity),
        left: match changes.recurrence {
            Some(times) => Some(times).filter(|times| *times > 0),
            None => agreed.left,
        },
        next: changes.next.map(day).or(agreed.next),
        last: changes.last.map(day).or(agreed.last),
        ..agreed
    }
}
