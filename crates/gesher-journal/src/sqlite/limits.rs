//! Limits: what a flow's money steps hold, and whether one more fits.

use super::convert::{all, hundredths, instant, read_money};
use super::fault::Fault;
use super::runs::KnownRun;
use crate::record::{Intent, LimitReached, LimitScope};
use gesher_core::{Decimal, Money};
use rusqlite::{Connection, params};

/// The limit that an intent would go beyond, if there is one.
pub(super) fn reached(
    connection: &Connection,
    run: &KnownRun,
    intent: &Intent,
) -> Result<Option<LimitReached>, Fault> {
    if !intent.money {
        return Ok(None);
    }
    if let Some(limit) = intent.limits.per_run {
        let query = connection.prepare_cached(
            "SELECT sum(abs(amount)), currency FROM steps
             WHERE run = ?1 AND money = 1 AND state NOT IN ('declined', 'rejected', 'not_sent')
             GROUP BY currency",
        )?;
        let held = all(query, [run.no], |row| read_money(row, 0))?;
        if let Some(reached) = beyond(LimitScope::Run, limit, &held, intent.amount)? {
            return Ok(Some(reached));
        }
    }
    if let Some(day) = &intent.limits.per_day {
        let query = connection.prepare_cached(
            "SELECT sum(abs(s.amount)), s.currency FROM runs r JOIN steps s ON s.run = r.no
             WHERE r.flow = ?1 AND s.money = 1 AND s.state NOT IN ('declined', 'rejected', 'not_sent')
                 AND s.intent_at >= ?2 AND s.intent_at < ?3
             GROUP BY s.currency",
        )?;
        let held =
            all(query, params![run.flow, instant(day.from), instant(day.until)], |row| read_money(row, 0))?;
        return beyond(LimitScope::Day, day.limit, &held, intent.amount);
    }
    Ok(None)
}

fn beyond(
    scope: LimitScope,
    limit: Money,
    held: &[Option<Money>],
    asked: Option<Money>,
) -> Result<Option<LimitReached>, Fault> {
    let held = held.iter().flatten().find(|held| held.currency == limit.currency);
    let held = held.copied().unwrap_or(Money { amount: Decimal::ZERO, currency: limit.currency });
    hundredths(asked)?;
    let fits = asked.is_some_and(|asked| {
        asked.currency == limit.currency && held.amount + asked.amount.abs() <= limit.amount
    });
    Ok((!fits).then_some(LimitReached { scope, limit, held, asked }))
}
