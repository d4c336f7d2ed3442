//! Plays customers: making, finding and changing them.

use super::books::{NamedCustomer, resolve};
use super::changes::Change;
use super::record::{CustomerEntry, Kind, Record};
use super::wire::{Fields, Refusal, refuse};
use super::world::{Caller, World};
use super::{required, serve};
use crate::endpoints::customers::{
    CreateCustomer, CreateCustomerAnswer, UpdateCustomer, UpdateCustomerAnswer,
};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};

fn read(body: &Fields<'_>) -> Result<Option<NamedCustomer>, Refusal> {
    body.object("Details")?.map(|details| NamedCustomer::read(&details)).transpose()
}

/// A customer that has to be there.
pub(super) fn existing(world: &mut World, caller: Caller, named: NamedCustomer) -> Result<i64, Refusal> {
    let before = world.next.customer;
    let (id, new) = resolve(world, caller.company, named)?;
    if new.is_none() {
        return Ok(id);
    }
    // Nobody was found, so nobody is made either. The text was never recorded: ours.
    world.next.customer = before;
    refuse("Customer not found")
}

pub(super) fn write(world: &mut World, caller: Caller, change: Change, entry: CustomerEntry) {
    let record = Record {
        kind: Kind::Change,
        company: caller.company,
        customer_id: Some(entry.id),
        customer: Some(entry),
        change: Some(change),
        ..Record::default()
    };
    world.commit(record, caller.at);
}

impl Simulated for CreateCustomer {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, read, |world, caller, named| {
            required(call, &[("Details", named.is_some())])?;
            let (id, new) = resolve(world, caller.company, named.unwrap_or_default())?;
            if let Some(new) = new {
                write(world, caller, Change::CustomerMade, new);
            }
            let history = format!("https://pay.sumit.co.il/x/a/history/?id=simulated-{id}");
            Ok(CreateCustomerAnswer { customer_id: id, customer_history_url: Some(history) })
        })
    }
}

impl Simulated for UpdateCustomer {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, read, |world, caller, named| {
            required(call, &[("Details", named.is_some())])?;
            let named = named.unwrap_or_default();
            let given = named.entry.clone();
            let id = existing(world, caller, named)?;
            let known = world.company(caller.company).customers.get(&id);
            let known = known.map(|customer| customer.entry.clone()).unwrap_or_default();
            let entry = CustomerEntry {
                id,
                name: given.name.or(known.name),
                phone: given.phone.or(known.phone),
                email: given.email.or(known.email),
                company_number: given.company_number.or(known.company_number),
                external: given.external.or(known.external),
                no_vat: given.no_vat || known.no_vat,
            };
            write(world, caller, Change::CustomerChanged, entry);
            Ok(UpdateCustomerAnswer { customer_id: id })
        })
    }
}
