//! Counts a run's items and adds up what they came to.
//!
//! One look at each item in its order: grouping them in SQL would sort them all first.

use super::convert::{corrupt, first};
use super::fault::Fault;
use super::items::{QUEUED, read_state};
use crate::record::{ItemState, Tally};
use gesher_core::money::AMOUNT_PLACES;
use gesher_core::{Currency, Decimal, ItemStatus, Money, RunId};
use rusqlite::{Connection, Row};

/// Items of one state in one currency.
struct Group {
    state: String,
    currency: Option<String>,
    items: u64,
    /// In hundredths. Of items whose amount is not known there is none.
    total: Option<i128>,
}

pub(super) fn tally(connection: &Connection, run: &RunId) -> Result<Tally, Fault> {
    let finish = connection.prepare_cached(
        "SELECT state FROM items WHERE run = (SELECT no FROM runs WHERE id = ?1) AND ordinal = 0",
    )?;
    let finish = first(finish, [run.as_str()], |row| read_state(row, 0))?;
    let finish = match finish {
        Some(ItemState::Ended(status)) => Some(status),
        Some(ItemState::Queued) | None => None,
    };
    let mut tally = Tally { finish, ..Tally::default() };
    for group in groups(connection, run)? {
        if group.state == QUEUED {
            tally.queued += group.items;
            continue;
        }
        let status: ItemStatus = group.state.parse().map_err(|_| corrupt("item state", &group.state))?;
        let line = tally.ended.entry(status).or_default();
        line.items += group.items;
        if let Some(total) = group.money()? {
            let sum: &mut Decimal = line.totals.entry(total.currency).or_default();
            *sum += total.amount;
        }
    }
    Ok(tally)
}

/// The groups, of which there are few: the states that occur, times the currencies.
fn groups(connection: &Connection, run: &RunId) -> Result<Vec<Group>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT state, coalesce(end_amount, amount), CASE WHEN end_amount IS NULL THEN currency ELSE end_currency END
         FROM items WHERE run = (SELECT no FROM runs WHERE id = ?1) AND ordinal > 0",
    )?;
    let mut rows = query.query([run.as_str()])?;
    let mut groups: Vec<Group> = Vec::new();
    while let Some(row) = rows.next()? {
        let (state, currency) = (text(row, 0)?.unwrap_or_default(), text(row, 2)?);
        let is_its = |group: &&mut Group| group.state == state && group.currency.as_deref() == currency;
        let amount = row.get::<_, Option<i64>>(1)?.map(i128::from);
        match groups.iter_mut().find(is_its) {
            Some(group) => group.add(amount),
            None => {
                let (state, currency) = (state.to_owned(), currency.map(str::to_owned));
                groups.push(Group { state, currency, items: 1, total: amount });
            }
        }
    }
    Ok(groups)
}

impl Group {
    fn add(&mut self, amount: Option<i128>) {
        self.items += 1;
        if let Some(amount) = amount {
            // 64 bits each, and fewer items than 63 bits: the sum of all fits.
            self.total = Some(self.total.unwrap_or_default() + amount);
        }
    }

    fn money(&self) -> Result<Option<Money>, Fault> {
        let (Some(total), Some(currency)) = (self.total, &self.currency) else { return Ok(None) };
        let currency: Currency = currency.parse().map_err(|_| corrupt("currency", currency))?;
        let amount =
            Decimal::try_from_i128_with_scale(total, AMOUNT_PLACES).map_err(|_| corrupt("sum", total))?;
        Ok(Some(Money { amount, currency }))
    }
}

/// The text of a column where it lies, none where there is none.
fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a str>, Fault> {
    row.get_ref(column)?.as_str_or_null().map_err(|error| corrupt("text", error))
}
