//! Plays the charge of several vendors at once: each vendor's lines are a charge of their own, in its own books.
//!
//! What the provider does when one of them is refused was never recorded: here the others go on, since each has its own
//! clearing. What would be refused before the card company is asked is refused for all.

use super::books::resolve;
use super::charge::{Input, charge_one, may_clear, paying};
use super::wire::{Fields, Refusal, refuse};
use super::world::{Caller, World};
use super::{required, serve};
use crate::endpoints::multi_vendor::{MultiVendorAnswer, MultiVendorCharge};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};

impl Simulated for MultiVendorCharge {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, read, |world, caller, (input, vendors)| {
            charge_each(world, caller, call, &input, &vendors)
        })
    }
}

/// The vendor of a line, by its organisation and its key.
type Vendor = (i64, String);

fn read(body: &Fields<'_>) -> Result<(Input, Vec<Vendor>), Refusal> {
    let vendors = body.list("Items")?;
    let vendors = vendors
        .iter()
        .map(|line| Ok((line.plain_int("CompanyID")?, line.text("APIKey")?.unwrap_or_default())));
    Ok((Input::read(body)?, vendors.collect::<Result<_, Refusal>>()?))
}

fn charge_each(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    input: &Input,
    vendors: &[Vendor],
) -> Result<MultiVendorAnswer, Refusal> {
    required(call, &[("Customer", input.customer.is_some()), ("Items", !input.lines.is_empty())])?;
    let mut shares: Vec<(Caller, Input)> = Vec::new();
    for ((company, key), line) in vendors.iter().zip(&input.lines) {
        let known = world
            .companies
            .get(company)
            .is_some_and(|known| known.key.as_ref().is_none_or(|known| known.expose() == key.trim()));
        // Whether the provider uses these words for a line's keys too is not known: ours.
        if !known {
            return refuse("Invalid Credentials (CompanyID/APIKey are incorrect)");
        }
        match shares.iter_mut().find(|(share, _)| share.company == *company) {
            Some((_, share)) => share.lines.push(line.clone()),
            None => {
                let mut share = input.clone();
                share.lines = vec![line.clone()];
                shares.push((Caller { company: *company, ..caller }, share));
            }
        }
    }
    for (share, input) in &shares {
        may_clear(world, *share)?;
        can_pay(world, *share, input)?;
    }
    let vendors = shares.into_iter().map(|(share, input)| charge_one(world, share, input));
    Ok(MultiVendorAnswer { vendors: vendors.collect::<Result<_, _>>()? })
}

/// Whether customer and payment method are good in the vendor's books. Looks only: no id is used up.
fn can_pay(world: &mut World, caller: Caller, input: &Input) -> Result<(), Refusal> {
    let next = world.next.clone();
    let named = input.customer.clone().unwrap_or_default();
    let found = resolve(world, caller.company, named);
    let paid = found.and_then(|(customer, _)| paying(world, caller.company, customer, input));
    world.next = next;
    paid.map(drop)
}
