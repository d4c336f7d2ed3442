//! Plays a customer's own payment method: keeping one, showing it, forgetting it.

use super::books::{NamedCustomer, resolve};
use super::changes::Change;
use super::charge::last_digits;
use super::customers::existing;
use super::payments::method_answer;
use super::record::{Kind, MethodEntry, Record};
use super::wire::{Fields, Refusal, refuse};
use super::world::{World, mark, token_of};
use super::{required, serve};
use crate::endpoints::company_changes::EmptyAnswer;
use crate::endpoints::enums::{PaymentMethodType, WireEnum};
use crate::endpoints::payment_methods::{
    GetPaymentMethod, GetPaymentMethodAnswer, RemovePaymentMethod, SetPaymentMethod, SetPaymentMethodAnswer,
};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};

fn customer(body: &Fields<'_>) -> Result<Option<NamedCustomer>, Refusal> {
    body.object("Customer")?.map(|customer| NamedCustomer::read(&customer)).transpose()
}

impl Simulated for SetPaymentMethod {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let method = body.object("PaymentMethod")?.map(|method| named(&method)).transpose()?;
                Ok((customer(body)?, method, body.text("SingleUseToken")?))
            },
            |world, caller, (named, method, single_use)| {
                required(call, &[("Customer", named.is_some())])?;
                let (method, spent) = kept(world, caller.company, method, single_use)?;
                let (id, new) = resolve(world, caller.company, named.unwrap_or_default())?;
                let answer = method_answer(&method, id);
                let record = Record {
                    kind: Kind::Change,
                    company: caller.company,
                    customer_id: Some(id),
                    customer: new,
                    method: Some(method),
                    method_saved: true,
                    spent,
                    change: Some(Change::MethodSet),
                    ..Record::default()
                };
                world.commit(record, caller.at);
                Ok(SetPaymentMethodAnswer { customer_id: id, payment_method: Some(answer) })
            },
        )
    }
}

/// A method as a request names one.
fn named(method: &Fields<'_>) -> Result<MethodEntry, Refusal> {
    let kind = method.one_of("Type")?.unwrap_or(PaymentMethodType::Other);
    let number = method.text("CreditCard_Number")?;
    let token = method.text("CreditCard_Token")?;
    let account = method.int("DirectDebit_Account")?.map(|account| account.to_string());
    Ok(MethodEntry {
        id: 0,
        kind: kind.number(),
        last_digits: number.or_else(|| token.clone()).or(account).map(|text| last_digits(&text)),
        token,
        month: method.int("CreditCard_ExpirationMonth")?,
        year: method.int("CreditCard_ExpirationYear")?,
        citizen: method.text("CreditCard_CitizenID")?,
    })
}

/// The method as it is kept, and the mark of a single-use token that this spends.
fn kept(
    world: &World,
    company: i64,
    method: Option<MethodEntry>,
    single_use: Option<String>,
) -> Result<(MethodEntry, Option<u64>), Refusal> {
    let id = world.next.method;
    let fresh = || Some(token_of(world.options.seed, id));
    if let Some(token) = single_use {
        let spent = mark(&(company, &token));
        // The text was never recorded: ours.
        if world.spent.contains(&spent) {
            return refuse("SingleUseToken was already used");
        }
        let kind = PaymentMethodType::CreditCard.number();
        let last_digits = Some(last_digits(&token));
        return Ok((
            MethodEntry { id, kind, token: fresh(), last_digits, ..MethodEntry::default() },
            Some(spent),
        ));
    }
    match method {
        // The text was never recorded: ours.
        None => refuse("PaymentMethod or SingleUseToken is required"),
        Some(method) if method.kind == PaymentMethodType::Other.number() => refuse(
            "Can't create non CreditCard/DirectDebit method. Type should be set to CreditCard or DirectDebit.",
        ),
        Some(method) => Ok((MethodEntry { id, token: method.token.clone().or_else(fresh), ..method }, None)),
    }
}

impl Simulated for GetPaymentMethod {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| Ok((customer(body)?, body.truth("IncludeInactive")?)),
            |world, caller, (named, with_inactive)| {
                required(call, &[("Customer", named.is_some())])?;
                let id = existing(world, caller, named.unwrap_or_default())?;
                let known = world.company(caller.company).customers.get(&id);
                let of = |method: &MethodEntry| method_answer(method, id);
                let inactive =
                    known.map(|customer| customer.inactive.iter().map(|method| of(method)).collect());
                Ok(GetPaymentMethodAnswer {
                    payment_method: known.and_then(|customer| customer.method.as_deref()).map(of),
                    inactive_payment_methods: inactive.filter(|_| with_inactive),
                })
            },
        )
    }
}

impl Simulated for RemovePaymentMethod {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, customer, |world, caller, named| {
            required(call, &[("Customer", named.is_some())])?;
            let id = existing(world, caller, named.unwrap_or_default())?;
            let record = Record {
                kind: Kind::Change,
                company: caller.company,
                customer_id: Some(id),
                change: Some(Change::MethodRemoved),
                ..Record::default()
            };
            world.commit(record, caller.at);
            Ok(EmptyAnswer {})
        })
    }
}
