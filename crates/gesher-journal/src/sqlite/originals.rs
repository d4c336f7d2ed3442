//! What is given back of an earlier call: never more than it took, counting what is in flight and what nobody knows.
//!
//! Summed up anew for each intent, in its own commit: one call has few that give back of it. So two that begin at the
//! same time cannot both take what is left.

use super::convert::{all, first, read_money};
use super::fault::Fault;
use super::step_reads::{read_charged, read_step, select_steps};
use crate::record::{Exhausted, Intent, Original, StepRecord};
use gesher_core::{Decimal, Money};
use rusqlite::{Connection, params};

/// Whether an intent would give back more than was taken.
pub(super) fn exhausted(connection: &Connection, intent: &Intent) -> Result<Option<Exhausted>, Fault> {
    let Some(original) = &intent.original else { return Ok(None) };
    let given_back = given_back(connection, &intent.account, original)?;
    let fits = match (given_back, intent.amount) {
        (Some(given_back), Some(asked)) => fits(original.taken, given_back, asked),
        _ => false,
    };
    Ok((!fits).then(|| Exhausted { original: original.clone(), given_back, asked: intent.amount }))
}

/// Whether so much more can be given back, whichever way its sign goes. What cannot be compared cannot.
fn fits(taken: Money, given_back: Money, asked: Money) -> bool {
    let sum = given_back.amount.checked_add(asked.amount.abs());
    asked.currency == taken.currency && sum.is_some_and(|sum| sum <= taken.amount)
}

/// What was given back already, or may have been: the larger of what was asked for and what the provider says. None
/// where it is of another currency, or of no known sum.
fn given_back(connection: &Connection, account: &str, original: &Original) -> Result<Option<Money>, Fault> {
    let query = connection.prepare_cached(
        "SELECT amount, currency, charged, charged_currency FROM steps
         WHERE account = ?1 AND original = ?2 AND attempt IS NOT NULL
             AND state NOT IN ('declined', 'rejected', 'not_sent')",
    )?;
    let sums = all(query, params![account, original.reference], |row| {
        let asked = read_money(row, 0)?;
        Ok((asked, read_charged(row, 2)?))
    })?;
    let currency = original.taken.currency;
    let mut amount = Decimal::ZERO;
    for (asked, moved) in sums {
        let Some(asked) = asked else { return Ok(None) };
        if asked.currency != currency || moved.is_some_and(|moved| moved.currency != currency) {
            return Ok(None);
        }
        let one = moved.map_or(Decimal::ZERO, |moved| moved.amount.abs()).max(asked.amount.abs());
        let Some(sum) = amount.checked_add(one) else { return Ok(None) };
        amount = sum;
    }
    Ok(Some(Money { amount, currency }))
}

/// The step that took what this reference names, where the journal has it.
pub(super) fn taken_by(
    connection: &Connection,
    account: &str,
    reference: &str,
) -> Result<Option<StepRecord>, Fault> {
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.attempt IS NOT NULL AND s.reference = ?1 AND s.account = ?2 AND s.state = 'succeeded'
             AND s.money = 1 AND s.original IS NULL
         ORDER BY s.seq LIMIT 1"
    ))?;
    first(query, params![reference, account], read_step)
}
