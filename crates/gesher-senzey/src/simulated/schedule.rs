//! The payments of standing orders over the simulated clock, which goes with the real one and can be set forward.

use super::record::{Record, Transfer};
use super::world::{Standing, World};
use super::{Refusal, orders, refuse};
use gesher_provider::simulate::Call;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How far the clock goes at once, in seconds: ten years.
const ADVANCE_SECONDS_MAX: i64 = 10 * 366 * DAY_SECONDS;
/// Payments that one call brings about. More is a slip, and the rest falls due at the next call.
const TRANSFERS_MAX: usize = 10_000;

/// Sets the clock forward, and pays whatever falls due on the way.
pub(super) fn advance(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
    let number = |name: &str| body.get(name).and_then(Value::as_i64).unwrap_or_default();
    let seconds = number("Days").saturating_mul(DAY_SECONDS).saturating_add(number("Seconds"));
    if !(1..=ADVANCE_SECONDS_MAX).contains(&seconds) {
        return refuse("Days or Seconds: the clock goes forward, by ten years at most");
    }
    world.commit(Record::Clock { seconds }, call.at);
    let paid = settle(world, call.at);
    Ok(json!({ "Now": world.now(call.at).to_string(), "Paid": paid }))
}

/// Pays what is due by now, each order on its days, and says how many payments that were.
pub(super) fn settle(world: &mut World, at: Timestamp) -> usize {
    let today = world.today(at);
    for paid in 0..TRANSFERS_MAX {
        let due = world.orders.values().filter_map(|standing| Some((due(standing)?, standing)));
        let next = due
            .filter(|(day, _)| *day <= today)
            .min_by_key(|(day, standing)| (*day, standing.order.bank_order_num));
        let Some(transfer) = next.map(|(day, standing)| transfer(day, standing)) else {
            return paid;
        };
        world.commit(Record::Transfer(transfer), at);
    }
    TRANSFERS_MAX
}

/// The day of an order's next payment; none when it has made them all. The day follows from the first one, so a 31st
/// stays one wherever a month has it; what the provider does in shorter months is not known.
fn due(standing: &Standing) -> Option<Date> {
    let (order, made) = (&standing.order, i64::try_from(standing.transfers.len()).ok()?);
    if order.times.is_some_and(|times| made >= times) {
        return None;
    }
    let start: Date = order.start.parse().ok()?;
    let later = match order.period.as_str() {
        "week" => Span::new().try_weeks(made),
        "year" => Span::new().try_years(made),
        _ => Span::new().try_months(made),
    };
    start.checked_add(later.ok()?).ok()
}

fn transfer(day: Date, standing: &Standing) -> Transfer {
    let order = &standing.order;
    let made = standing.transfers.len();
    let amount = if made == 0 { order.first_amount.unwrap_or(order.amount) } else { order.amount };
    Transfer {
        bank_order_num: order.bank_order_num,
        customer_id: order.customer_id,
        number: i64::try_from(made).unwrap_or(i64::MAX).saturating_add(1),
        on: day.to_string(),
        amount,
        currency: order.currency.clone(),
    }
}

/// Every order with what it paid so far.
pub(super) fn listed(world: &World) -> Value {
    Value::Array(world.orders.values().map(orders::shown).collect())
}
