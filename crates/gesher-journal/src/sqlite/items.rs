//! Items: how rows are claimed and their keys taken, how items end, and how they are read and counted.

use super::convert::{
    all, corrupt, first, hundredths, instant, integer, read_hash, read_instant, read_instant_or_none,
    read_money, read_number, read_number_or_none, read_word,
};
use super::desk::Desk;
use super::fault::Fault;
use super::room;
use super::runs::{self, KnownRun};
use crate::error::JournalError;
use crate::record::{
    Claim, Holder, ItemQuery, ItemRecord, ItemSeen, ItemState, NewItem, RunState, TriggerKind,
};
use gesher_core::{ItemEnd, ItemId, ItemStatus, Key, RunId};
use jiff::Timestamp;
use rusqlite::{CachedStatement, Connection, Row, params};

/// The state of an item that has not ended, beside the words of [`ItemStatus`].
pub(super) const QUEUED: &str = "queued";
/// The code of an item that asked for something else than was recorded: unknown although no step of it may be open.
const DIVERGED: &str = "diverged";

pub(super) fn claim(
    connection: &Connection,
    id: &RunId,
    items: &[NewItem],
    at: Timestamp,
) -> Result<Vec<Claim>, Fault> {
    let run = runs::known(connection, id)?;
    let query = connection.prepare_cached("SELECT max(ordinal) FROM items WHERE run = ?1")?;
    let mut last: Option<i64> = first(query, [run.no], |row| Ok(row.get(0)?))?.flatten();
    let mut claims = Vec::with_capacity(items.len());
    let mut statements = ClaimStatements::new(connection)?;
    for item in items {
        let row = NewRow { run: &run, item, ordinal: integer(item.ordinal)?, at };
        // Rows come in their order: whatever lies beyond the last item cannot be there yet.
        let stored =
            if last.is_some_and(|last| row.ordinal <= last) { row.stored(connection)? } else { None };
        last = last.max(Some(row.ordinal));
        claims.push(match stored {
            None => row.claim_new(connection, &mut statements)?,
            Some(stored) => row.claim_stored(connection, &mut statements, &stored)?,
        });
    }
    Ok(claims)
}

/// The statements that every row of a claim runs, made ready once for all of them.
struct ClaimStatements<'a> {
    take_key: CachedStatement<'a>,
    insert: CachedStatement<'a>,
}

impl<'a> ClaimStatements<'a> {
    fn new(connection: &'a Connection) -> Result<Self, Fault> {
        let take_key = connection.prepare_cached(
            "INSERT INTO row_keys (flow, key, run, ordinal, attempt) VALUES (?1, ?2, ?3, ?4, 1)
             ON CONFLICT (flow, key) DO NOTHING",
        )?;
        let insert = connection.prepare_cached(
            "INSERT INTO items (run, ordinal, line, key, attempt, cells_hash, amount, currency, state, at, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?9, ?10)",
        )?;
        Ok(Self { take_key, insert })
    }
}

/// What the journal has of an item that is claimed once more.
struct StoredItem {
    state: ItemState,
    has_key: bool,
    attempt: Option<u32>,
    /// It was taken over from the intent log, which knows its key and not its row.
    is_adopted: bool,
}

/// A row on its way into the journal.
struct NewRow<'a> {
    run: &'a KnownRun,
    item: &'a NewItem,
    ordinal: i64,
    at: Timestamp,
}

impl NewRow<'_> {
    fn stored(&self, connection: &Connection) -> Result<Option<StoredItem>, Fault> {
        let query = connection.prepare_cached(
            "SELECT state, key IS NOT NULL, attempt, line = 0 FROM items WHERE run = ?1 AND ordinal = ?2",
        )?;
        first(query, [self.run.no, self.ordinal], |row| {
            Ok(StoredItem {
                state: read_state(row, 0)?,
                has_key: row.get(1)?,
                attempt: read_number_or_none(row, 2)?,
                is_adopted: row.get(3)?,
            })
        })
    }

    /// Gives an item that the intent log knew what its row says.
    fn describe_adopted(&self, connection: &Connection) -> Result<(), Fault> {
        let (amount, currency) = hundredths(self.item.amount)?;
        connection
            .prepare_cached(
                "UPDATE items SET line = ?3, cells_hash = ?4, amount = ?5, currency = ?6
                 WHERE run = ?1 AND ordinal = ?2",
            )?
            .execute(params![
                self.run.no,
                self.ordinal,
                integer(self.item.line)?,
                self.item.cells_hash,
                amount,
                currency
            ])?;
        Ok(())
    }

    fn claim_new(
        &self,
        connection: &Connection,
        statements: &mut ClaimStatements<'_>,
    ) -> Result<Claim, Fault> {
        if let Some(end) = &self.item.ended {
            self.insert(statements, None)?;
            write_end(connection, self.run.no, self.ordinal, end, self.at)?;
            return Ok(Claim::Ended);
        }
        let claim = self.take_key(connection, statements)?;
        self.insert(statements, self.attempt_of(&claim))?;
        Ok(claim)
    }

    /// Claims an item that an earlier life of this run claimed.
    fn claim_stored(
        &self,
        connection: &Connection,
        statements: &mut ClaimStatements<'_>,
        stored: &StoredItem,
    ) -> Result<Claim, Fault> {
        if stored.state != ItemState::Queued {
            return Ok(Claim::Ended);
        }
        if let Some(attempt) = stored.attempt {
            if stored.is_adopted {
                self.describe_adopted(connection)?;
            }
            return Ok(Claim::Taken { attempt, resumed: true });
        }
        if let Some(end) = &self.item.ended {
            write_end(connection, self.run.no, self.ordinal, end, self.at)?;
            return Ok(Claim::Ended);
        }
        if !stored.has_key {
            return Ok(Claim::Taken { attempt: 1, resumed: true });
        }
        // It did not get its key, and ended before that was written down: whether it gets it now is decided anew.
        let claim = self.take_key(connection, statements)?;
        connection
            .prepare_cached(
                "UPDATE items SET key = ?3, attempt = ?4, cells_hash = ?5, at = ?6
                 WHERE run = ?1 AND ordinal = ?2",
            )?
            .execute(params![
                self.run.no,
                self.ordinal,
                self.item.key.as_ref().map(Key::as_str),
                self.attempt_of(&claim),
                self.item.cells_hash,
                instant(self.at)
            ])?;
        Ok(claim)
    }

    /// Which attempt of its key the row is, where it has a key and got it.
    fn attempt_of(&self, claim: &Claim) -> Option<u32> {
        match claim {
            Claim::Taken { attempt, .. } if self.item.key.is_some() => Some(*attempt),
            _ => None,
        }
    }

    /// Takes the row's key, unless somebody has it. A row without a key needs none.
    ///
    /// Rows of one file are told apart by who took the key last. Where another run took it in between and left it
    /// free, a second row of this file may try it: once more, never twice at a time.
    fn take_key(
        &self,
        connection: &Connection,
        statements: &mut ClaimStatements<'_>,
    ) -> Result<Claim, Fault> {
        let Some(key) = &self.item.key else { return Ok(Claim::Taken { attempt: 1, resumed: false }) };
        if gesher_core::mutant!("forget_row_keys") {
            return Ok(Claim::Taken { attempt: 1, resumed: false });
        }
        let taken =
            statements.take_key.execute(params![self.run.flow, key.as_str(), self.run.no, self.ordinal])?;
        if taken == 1 {
            return Ok(Claim::Taken { attempt: 1, resumed: false });
        }
        let last = last_taker(connection, self.run.flow, key)?;
        if last.run == self.run.no {
            let holder = Box::new(last.holder);
            let same = last.cells_hash == self.item.cells_hash;
            return Ok(if same { Claim::Held(holder) } else { Claim::Conflict(holder) });
        }
        let held = match last.holder.state {
            ItemState::Queued => true,
            ItemState::Ended(status) => status.keeps_key(),
        };
        if held {
            return Ok(Claim::Held(Box::new(last.holder)));
        }
        let attempt = last.attempt.saturating_add(1);
        connection
            .prepare_cached(
                "UPDATE row_keys SET run = ?3, ordinal = ?4, attempt = ?5 WHERE flow = ?1 AND key = ?2",
            )?
            .execute(params![self.run.flow, key.as_str(), self.run.no, self.ordinal, attempt])?;
        Ok(Claim::Taken { attempt, resumed: false })
    }

    fn insert(&self, statements: &mut ClaimStatements<'_>, attempt: Option<u32>) -> Result<(), Fault> {
        let (amount, currency) = hundredths(self.item.amount)?;
        statements.insert.execute(params![
            self.run.no,
            self.ordinal,
            integer(self.item.line)?,
            self.item.key.as_ref().map(Key::as_str),
            attempt,
            self.item.cells_hash,
            amount,
            currency,
            instant(self.at),
            room::FOR_END
        ])?;
        Ok(())
    }
}

/// The item that took a key last.
struct LastTaker {
    run: i64,
    attempt: u32,
    cells_hash: [u8; 16],
    holder: Holder,
}

fn last_taker(connection: &Connection, flow: i64, key: &Key) -> Result<LastTaker, Fault> {
    let query = connection.prepare_cached(
        "SELECT k.run, k.attempt, i.cells_hash, r.id, i.ordinal, r.name, i.line, i.state, i.at,
                coalesce(i.end_amount, i.amount),
                CASE WHEN i.end_amount IS NULL THEN i.currency ELSE i.end_currency END, r.triggered_by
         FROM row_keys k JOIN items i ON i.run = k.run AND i.ordinal = k.ordinal JOIN runs r ON r.no = k.run
         WHERE k.flow = ?1 AND k.key = ?2",
    )?;
    let found = first(query, params![flow, key.as_str()], |row| {
        Ok(LastTaker {
            run: row.get(0)?,
            attempt: read_number(row, 1)?,
            cells_hash: read_hash(row, 2)?,
            holder: Holder {
                item: ItemId { run: read_word(row, 3, "run id")?, ordinal: read_number(row, 4)? },
                name: row.get(5)?,
                line: read_number(row, 6)?,
                state: read_state(row, 7)?,
                at: read_instant(row, 8)?,
                amount: read_money(row, 9)?,
                is_call: row.get_ref(11)?.as_str().is_ok_and(|word| word == TriggerKind::Call.as_str()),
            },
        })
    })?;
    found.ok_or_else(|| corrupt("row key without an item", key))
}

/// The key that a row took, if it has one and took it.
pub(super) fn taken_key(connection: &Connection, run: i64, ordinal: i64) -> Result<Option<String>, Fault> {
    let query = connection.prepare_cached(
        "SELECT key FROM items WHERE run = ?1 AND ordinal = ?2 AND key IS NOT NULL AND attempt IS NOT NULL",
    )?;
    first(query, [run, ordinal], |row| Ok(row.get(0)?))
}

/// What an item is seen as: its state and the time of it. None where there is no such item.
pub(super) fn seen(connection: &Connection, run: i64, ordinal: i64) -> Result<Option<ItemSeen>, Fault> {
    let query = connection.prepare_cached("SELECT state, at FROM items WHERE run = ?1 AND ordinal = ?2")?;
    first(query, [run, ordinal], |row| Ok(ItemSeen { state: read_state(row, 0)?, at: read_instant(row, 1)? }))
}

pub(super) fn finish(desk: &Desk, id: &ItemId, end: &ItemEnd, at: Timestamp) -> Result<(), Fault> {
    let run = runs::numbers(desk, &id.run)?.no;
    let ordinal = integer(id.ordinal)?;
    if end.status == ItemStatus::Unknown
        && end.code.as_deref() != Some(DIVERGED)
        && was_closed_meanwhile(desk, run, ordinal)?
    {
        return Ok(());
    }
    if write_end(desk, run, ordinal, end, at)? {
        return Ok(());
    }
    let query = desk.prepare_cached("SELECT 1 FROM items WHERE run = ?1 AND ordinal = ?2")?;
    first(query, [run, ordinal], |_| Ok(()))?.ok_or_else(|| JournalError::NoItem(id.clone()).into())
}

/// Whether no step of an item is open any more although its run stands still: somebody closed it after the item's
/// program heard that nobody knows. Such an item is not unknown. It stays queued, and hears of the closing when it
/// goes on.
fn was_closed_meanwhile(connection: &Connection, run: i64, ordinal: i64) -> Result<bool, Fault> {
    let query = connection.prepare_cached(
        "SELECT 1 FROM runs r WHERE r.no = ?1 AND r.state = ?3
             AND EXISTS (SELECT 1 FROM steps WHERE run = ?1 AND ordinal = ?2 AND attempt IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM steps WHERE run = ?1 AND ordinal = ?2 AND attempt IS NOT NULL
                 AND state IN ('in_flight', 'unknown', 'conflict'))",
    )?;
    Ok(first(query, params![run, ordinal, RunState::Halted.as_str()], |_| Ok(()))?.is_some())
}

/// Ends an item that has not ended, and says whether there was one.
fn write_end(
    connection: &Connection,
    run: i64,
    ordinal: i64,
    end: &ItemEnd,
    at: Timestamp,
) -> Result<bool, Fault> {
    // An item's end is never refused for its amount: a figure that does not fit stands in the step and the message.
    let (amount, currency) = hundredths(end.amount).unwrap_or((None, None));
    let ended = connection
        .prepare_cached(
            "UPDATE items SET state = ?3, at = ?4, reference = ?5, document = ?6, code = ?7, message = ?8,
                    end_amount = ?9, end_currency = ?10
             WHERE run = ?1 AND ordinal = ?2 AND state = 'queued'",
        )?
        .execute(params![
            run,
            ordinal,
            end.status.as_str(),
            instant(at),
            end.reference,
            end.document,
            end.code,
            end.message,
            amount,
            currency
        ])?;
    Ok(ended == 1)
}

/// Gives an item that has ended another end, as a closed step asks for. One that is still at work stays as it is.
pub(super) fn end_again(
    connection: &Connection,
    run: i64,
    ordinal: i64,
    end: &ItemEnd,
    at: Timestamp,
) -> Result<(), Fault> {
    let (amount, currency) = hundredths(end.amount).unwrap_or((None, None));
    connection
        .prepare_cached(
            "UPDATE items SET first_at = coalesce(first_at, at), state = ?3, at = ?4, reference = ?5, document = ?6,
                    code = ?7, message = ?8, end_amount = ?9, end_currency = ?10
             WHERE run = ?1 AND ordinal = ?2 AND state <> 'queued'",
        )?
        .execute(params![
            run,
            ordinal,
            end.status.as_str(),
            instant(at),
            end.reference,
            end.document,
            end.code,
            end.message,
            amount,
            currency
        ])?;
    Ok(())
}

pub(super) fn items(connection: &Connection, query: &ItemQuery) -> Result<Vec<ItemRecord>, Fault> {
    let after = query.after.map(integer).transpose()?.unwrap_or(-1);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let statement = connection.prepare_cached(
        "SELECT i.ordinal, i.line, i.key, i.attempt, i.state, i.at, i.reference, i.document, i.code, i.message,
                coalesce(i.end_amount, i.amount),
                CASE WHEN i.end_amount IS NULL THEN i.currency ELSE i.end_currency END, i.first_at
         FROM items i
         WHERE i.run = (SELECT no FROM runs WHERE id = ?1) AND i.ordinal > ?2 AND (?3 IS NULL OR i.state = ?3)
         ORDER BY i.ordinal LIMIT ?4",
    )?;
    let status = query.status.map(ItemStatus::as_str);
    all(statement, params![query.run.as_str(), after, status, limit], |row| read_item(&query.run, row))
}

pub(super) fn read_item(run: &RunId, row: &Row<'_>) -> Result<ItemRecord, Fault> {
    let key: Option<String> = row.get(2)?;
    let at = read_instant(row, 5)?;
    let end = match read_state(row, 4)? {
        ItemState::Queued => None,
        ItemState::Ended(status) => Some(ItemEnd {
            status,
            reference: row.get(6)?,
            document: row.get(7)?,
            code: row.get(8)?,
            message: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
            amount: read_money(row, 10)?,
        }),
    };
    Ok(ItemRecord {
        id: ItemId { run: run.clone(), ordinal: read_number(row, 0)? },
        line: read_number(row, 1)?,
        key: key.map(Key::derived),
        attempt: read_number_or_none(row, 3)?,
        end,
        at,
        first_at: read_instant_or_none(row, 12)?.unwrap_or(at),
    })
}

pub(super) fn read_state(row: &Row<'_>, column: usize) -> Result<ItemState, Fault> {
    if row.get_ref(column)?.as_str().is_ok_and(|word| word == QUEUED) {
        return Ok(ItemState::Queued);
    }
    Ok(ItemState::Ended(read_word(row, column, "item state")?))
}
