//! Plays the looking up of payments.

use super::acquirer::words;
use super::record::MethodEntry;
use super::wire::{Moment, refuse};
use super::world::{PAGE_SIZE, Payment, World, mark};
use super::{required, serve};
use crate::endpoints::charge::{Payment as PaymentAnswer, UsedPaymentMethod};
use crate::endpoints::payments::{GetPayment, GetPaymentAnswer, ListPayments, ListPaymentsAnswer};
use crate::endpoints::shared::Double;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use std::time::Duration;

impl Simulated for GetPayment {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.plain_int("PaymentID"),
            |world, caller, id| {
                let payments = &world.company(caller.company).payments;
                let found = payments.binary_search_by_key(&id, |payment| payment.id);
                let Some(payment) = found.ok().and_then(|at| payments.get(at)).cloned() else {
                    // The text was never recorded: ours.
                    return refuse("Payment not found");
                };
                let document = known_document(world, caller.at, &payment);
                Ok(GetPaymentAnswer { payment: Some(payment_answer(world, &payment, document)) })
            },
        )
    }
}

impl Simulated for ListPayments {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let dates = (body.date("Date_From")?, body.date("Date_To")?);
                Ok((dates, body.maybe_truth("Valid")?, body.plain_int("StartIndex")?))
            },
            |world, caller, ((from, to), valid, start)| {
                required(call, &[("Date_From", from.is_some()), ("Date_To", to.is_some())])?;
                let first = from.map_or(Timestamp::MIN, |from| first_instant(world, from));
                let last = to.map_or(Timestamp::MAX, |to| last_instant(world, to));
                let seen = last_seen(world, caller.at);
                let payments = &world.company(caller.company).payments;
                let skipped = payments.partition_point(|payment| payment.at < first);
                let mut page: Vec<Payment> = payments
                    .iter()
                    .skip(skipped)
                    .take_while(|payment| payment.at <= last && payment.at <= seen)
                    .filter(|payment| valid.is_none_or(|valid| payment.valid == valid))
                    .skip(usize::try_from(start).unwrap_or_default())
                    .take(PAGE_SIZE + 1)
                    .cloned()
                    .collect();
                let has_next_page = page.len() > PAGE_SIZE;
                page.truncate(PAGE_SIZE);
                let answer = |payment: &Payment| {
                    payment_answer(world, payment, known_document(world, caller.at, payment))
                };
                Ok(ListPaymentsAnswer { payments: page.iter().map(answer).collect(), has_next_page })
            },
        )
    }
}

/// The last instant that lists show, since they lag behind.
pub(super) fn last_seen(world: &World, now: Timestamp) -> Timestamp {
    before(now, world.list_lag)
}

/// The last instant whose documents are there.
pub(super) fn last_documented(world: &World, now: Timestamp) -> Timestamp {
    before(now, world.document_lag)
}

fn before(now: Timestamp, lag: Duration) -> Timestamp {
    if lag.is_zero() { Timestamp::MAX } else { now.checked_sub(lag).unwrap_or(now) }
}

/// The document that a payment knows: none, and so 0, while it is on its way.
fn known_document(world: &World, now: Timestamp, payment: &Payment) -> i64 {
    payment.document_id.filter(|_| payment.at <= last_documented(world, now)).unwrap_or_default()
}

/// The same answer with another list in it; what has no list stays.
pub(super) fn with_list(body: &[u8], change: impl FnOnce(&mut Vec<Value>, &mut Value)) -> Vec<u8> {
    let changed = || {
        let mut answer: Value = serde_json::from_slice(body).ok()?;
        let data = answer.get_mut("Data")?.as_object_mut()?;
        let mut has_next_page = data.get("HasNextPage")?.clone();
        change(data.values_mut().find_map(Value::as_array_mut)?, &mut has_next_page);
        data.insert("HasNextPage".to_owned(), has_next_page);
        serde_json::to_vec(&answer).ok()
    };
    changed().unwrap_or_else(|| body.to_vec())
}

/// Where a date begins, in Israel.
pub(super) fn first_instant(world: &World, moment: Moment) -> Timestamp {
    let start = |at: jiff::civil::DateTime| {
        at.to_zoned(world.zone.clone()).map(|at| at.timestamp()).unwrap_or(Timestamp::MIN)
    };
    match moment {
        Moment::Day(day) => start(day.at(0, 0, 0, 0)),
        Moment::Local(at) => start(at),
        Moment::Instant(at) => at,
    }
}

/// Where a date ends. A day without a time counts whole, which is a choice: what the provider does is not known.
pub(super) fn last_instant(world: &World, moment: Moment) -> Timestamp {
    match moment {
        Moment::Day(day) => {
            let next = day.tomorrow().map_or(Timestamp::MAX, |next| first_instant(world, Moment::Day(next)));
            next.checked_sub(std::time::Duration::from_nanos(1)).unwrap_or(next)
        }
        moment => first_instant(world, moment),
    }
}

/// A payment as the provider shows it.
pub(super) fn payment_answer(world: &World, payment: &Payment, document_id: i64) -> PaymentAnswer {
    let amount = Double(payment.amount);
    PaymentAnswer {
        id: payment.id,
        customer_id: payment.customer_id,
        date: Some(world.written(payment.at)),
        valid_payment: payment.valid,
        status: Some(payment.code.to_string()),
        status_description: Some(words(&payment.code)),
        amount,
        currency: payment.currency,
        payment_method: payment.method.as_deref().map(|method| method_answer(method, payment.customer_id)),
        // The space in front is the provider's.
        auth_number: payment.valid.then(|| match &payment.auth {
            Some(auth) => format!(" {auth}"),
            None => format!(" {:06}", mark(&(world.options.seed, payment.id)) % 1_000_000),
        }),
        first_payment_amount: Some(amount),
        non_first_payment_amount: Some(Double(Decimal::ZERO)),
        recurring_customer_item_ids: (!payment.recurring.is_empty()).then(|| payment.recurring.to_vec()),
        external_identifier: None,
        document_id,
    }
}

pub(super) fn method_answer(method: &MethodEntry, customer_id: i64) -> UsedPaymentMethod {
    UsedPaymentMethod {
        id: Some(method.id),
        customer_id: Some(customer_id),
        credit_card_number: None,
        credit_card_last_digits: method.last_digits.clone(),
        credit_card_expiration_month: method.month.and_then(|month| i32::try_from(month).ok()),
        credit_card_expiration_year: method.year.and_then(|year| i32::try_from(year).ok()),
        credit_card_cvv: None,
        credit_card_track2: None,
        credit_card_citizen_id: method.citizen.clone(),
        credit_card_card_mask: method.last_digits.as_ref().map(|digits| format!("XXXXXXXXXXXX{digits}")),
        credit_card_token: method.token.clone(),
        kind: method.kind,
    }
}
