//! Limits: what a flow's money steps hold, and whether one more fits.
//!
//! What is held is summed up from the steps when it is first asked for, and then kept up with each step that begins or
//! leaves its amount free. So it costs nothing to ask again, and after a restart it is exact.

use super::convert::{all, hundredths, instant, read_money};
use super::desk::Desk;
use super::fault::Fault;
use super::runs::RunNumbers;
use crate::record::{DayLimit, Intent, LimitReached, LimitScope};
use gesher_core::money::AMOUNT_PLACES;
use gesher_core::{Currency, Decimal, Money};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Sums that are kept; with more they are summed up again when asked for.
const SUMS_KEPT_MAX: usize = 1024;
/// Microseconds of an hour: the grain of the span in which a run's money steps lie.
const HOUR: i64 = 3_600_000_000;

/// Whose steps a sum counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// A run, by its number.
    Run(i64),
    /// A flow, by its number, between two instants.
    Day { flow: i64, from: i64, until: i64 },
}

/// An amount that a money step holds or leaves free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    /// The run of the step.
    pub(super) run: RunNumbers,
    /// The intent's time.
    pub(super) at: i64,
    /// In hundredths, without a sign.
    pub(super) amount: i64,
    /// Of what.
    pub(super) currency: Currency,
}

/// The sums that are known, in hundredths.
#[derive(Debug, Default)]
pub(super) struct Held {
    sums: HashMap<(Scope, Currency), i64>,
    /// Between which hours the money steps of a run lie.
    hours: HashMap<i64, (i64, i64)>,
}

impl Held {
    /// Forgets all sums.
    pub(super) fn clear(&mut self) {
        self.sums.clear();
        self.hours.clear();
    }

    /// Adds what a step holds (`sign` 1), or takes away what it left free (`sign` -1).
    pub(super) fn change(&mut self, portion: &Portion, sign: i64) {
        for ((scope, currency), sum) in &mut self.sums {
            let counts = match scope {
                Scope::Run(run) => *run == portion.run.no,
                Scope::Day { flow, from, until } => {
                    *flow == portion.run.flow && (*from..*until).contains(&portion.at)
                }
            };
            if counts && *currency == portion.currency {
                *sum = sum.saturating_add(sign.saturating_mul(portion.amount));
            }
        }
    }

    /// Whether sums are kept that a step may be part of.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }
}

/// The limit of one call, where an intent goes beyond it.
pub(super) fn reached_by_one(intent: &Intent) -> Option<LimitReached> {
    let limit = intent.limits.per_call.filter(|_| intent.money)?;
    beyond(LimitScope::Call, limit, 0, intent.amount)
}

/// The limit of a run or a day that an intent would go beyond, if there is one.
pub(super) fn reached(desk: &Desk, run: RunNumbers, intent: &Intent) -> Result<Option<LimitReached>, Fault> {
    if !intent.money {
        return Ok(None);
    }
    for (scope, limit) in
        [(LimitScope::Run, intent.limits.per_run), (LimitScope::Approved, intent.limits.approved)]
    {
        let Some(limit) = limit else { continue };
        let held = held(desk, Scope::Run(run.no), limit.currency)?;
        if let Some(reached) = beyond(scope, limit, held, intent.amount) {
            return Ok(Some(reached));
        }
    }
    let Some(DayLimit { limit, from, until }) = &intent.limits.per_day else { return Ok(None) };
    let scope = Scope::Day { flow: run.flow, from: instant(*from), until: instant(*until) };
    let held = held(desk, scope, limit.currency)?;
    Ok(beyond(LimitScope::Day, *limit, held, intent.amount))
}

/// Whether what is held and what is asked for go beyond a limit. What cannot be compared does.
fn beyond(scope: LimitScope, limit: Money, held: i64, asked: Option<Money>) -> Option<LimitReached> {
    let held = Money { amount: Decimal::new(held, AMOUNT_PLACES), currency: limit.currency };
    let fits = asked.is_some_and(|asked| {
        asked.currency == limit.currency
            && asked.amount.abs().checked_add(held.amount).is_some_and(|sum| sum <= limit.amount)
    });
    (!fits).then_some(LimitReached { scope, limit, held, asked })
}

/// What the steps of a scope hold, in hundredths.
fn held(desk: &Desk, scope: Scope, currency: Currency) -> Result<i64, Fault> {
    if let Some(sum) = desk.held.borrow().sums.get(&(scope, currency)) {
        return Ok(*sum);
    }
    let sum = match scope {
        Scope::Run(run) => sum_of_run(desk, run, currency)?,
        Scope::Day { flow, from, until } => sum_of_day(desk, flow, (from, until), currency)?,
    };
    let sums = &mut desk.held.borrow_mut().sums;
    if sums.len() >= SUMS_KEPT_MAX {
        sums.clear();
    }
    sums.insert((scope, currency), sum);
    Ok(sum)
}

fn sum_of_run(connection: &Connection, run: i64, currency: Currency) -> Result<i64, Fault> {
    let query = connection.prepare_cached(
        "SELECT coalesce(sum(abs(amount)), 0), ?2 FROM steps
         WHERE run = ?1 AND currency = ?2 AND money = 1 AND state NOT IN ('declined', 'rejected', 'not_sent')",
    )?;
    first_sum(all(query, params![run, currency.as_str()], |row| read_money(row, 0))?)
}

/// Only runs whose money steps can lie in the day are looked at.
fn sum_of_day(
    connection: &Connection,
    flow: i64,
    (from, until): (i64, i64),
    currency: Currency,
) -> Result<i64, Fault> {
    let query = connection.prepare_cached(
        "SELECT coalesce(sum(abs(s.amount)), 0), ?4 FROM runs r JOIN steps s ON s.run = r.no
         WHERE r.flow = ?1 AND r.money_from < ?3 AND r.money_until > ?2 AND s.intent_at >= ?2 AND s.intent_at < ?3
             AND s.currency = ?4 AND s.money = 1 AND s.state NOT IN ('declined', 'rejected', 'not_sent')",
    )?;
    first_sum(all(query, params![flow, from, until, currency.as_str()], |row| read_money(row, 0))?)
}

fn first_sum(sums: Vec<Option<Money>>) -> Result<i64, Fault> {
    let sum = sums.into_iter().flatten().next();
    Ok(hundredths(sum)?.0.unwrap_or(0))
}

/// Notes that a money step began: what it holds, and that its run has one in this hour.
pub(super) fn note_begun(
    desk: &Desk,
    run: RunNumbers,
    at: Timestamp,
    amount: Option<Money>,
) -> Result<(), Fault> {
    let at = instant(at);
    let hour = at.div_euclid(HOUR) * HOUR;
    let known = desk.held.borrow().hours.get(&run.no).copied();
    if !known.is_some_and(|(from, until)| (from..until).contains(&at)) {
        desk.prepare_cached(
            "UPDATE runs SET money_from = min(coalesce(money_from, ?2), ?2),
                    money_until = max(coalesce(money_until, ?3), ?3)
             WHERE no = ?1",
        )?
        .execute([run.no, hour, hour + HOUR])?;
        let (from, until) = known.unwrap_or((hour, hour + HOUR));
        let hours = &mut desk.held.borrow_mut().hours;
        if hours.len() >= SUMS_KEPT_MAX {
            hours.clear();
        }
        hours.insert(run.no, (from.min(hour), until.max(hour + HOUR)));
    }
    if let (Some(amount), Some(money)) = (hundredths(amount)?.0, amount) {
        let portion = Portion { run, at, amount: amount.saturating_abs(), currency: money.currency };
        desk.held.borrow_mut().change(&portion, 1);
    }
    Ok(())
}

/// Notes that a step left free what it held.
pub(super) fn note_freed(desk: &Desk, run: i64, ordinal: i64, position: u32) -> Result<(), Fault> {
    if desk.held.borrow().is_empty() {
        return Ok(());
    }
    let query = desk.prepare_cached(
        "SELECT abs(s.amount), s.currency, s.intent_at, r.flow FROM steps s JOIN runs r ON r.no = s.run
         WHERE s.run = ?1 AND s.ordinal = ?2 AND s.position = ?3 AND s.money = 1",
    )?;
    let freed = all(query, params![run, ordinal, position], |row| {
        let Some(money) = read_money(row, 0)? else { return Ok(None) };
        let (at, flow) = (row.get(2)?, row.get(3)?);
        Ok(Some(Portion {
            run: RunNumbers { no: run, flow },
            at,
            amount: hundredths(Some(money))?.0.unwrap_or(0),
            currency: money.currency,
        }))
    })?;
    for portion in freed.into_iter().flatten() {
        desk.held.borrow_mut().change(&portion, -1);
    }
    Ok(())
}
