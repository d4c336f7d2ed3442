//! How steps are read: by their item, by their state, by what they left at the provider.

use super::convert::{
    all, corrupt, first, instant, integer, read_answer, read_hash, read_instant, read_instant_or_none,
    read_json, read_money, read_number, read_number_or_none, read_word,
};
use super::fault::Fault;
use crate::record::{StepQuery, StepRecord, StepState, StoredOutcome};
use gesher_core::{Decimal, ItemId, Key, Money, StepId, Text};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

/// The state of a step without an outcome, beside the words of [`OutcomeStatus`](gesher_core::OutcomeStatus).
pub(super) const IN_FLIGHT: &str = "in_flight";

/// The columns that [`read_step`] reads.
macro_rules! select_steps {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, s.ordinal, s.position, s.operation, s.who, s.account, s.key, s.attempt, s.request_hash,
                    s.subject, s.amount, s.currency, s.state, s.intent_at, s.outcome_at, s.reference, s.document,
                    s.code, s.message_he, s.message_en, s.charged, s.charged_currency, s.data, f.name, s.look_up,
                    s.stamp, s.unlocked_at, s.looked_up_at, s.looked_up
             FROM steps s JOIN runs r ON r.no = s.run JOIN flows f ON f.no = r.flow ",
            $rest
        )
    };
}
pub(super) use select_steps;

/// A page of the open steps. Few are open: left to itself, SQLite would look for them in the order of all steps that ever
/// were.
pub(super) const OPEN: &str = select_steps!(
    "WHERE s.seq IN (SELECT seq FROM steps INDEXED BY steps_open
                     WHERE attempt IS NOT NULL AND state IN ('unknown', 'conflict') AND seq > ?1
                     ORDER BY seq LIMIT ?2)
     ORDER BY s.seq"
);
/// The same of those in one state.
pub(super) const OPEN_IN_STATE: &str = select_steps!(
    "WHERE s.seq IN (SELECT seq FROM steps INDEXED BY steps_open
                     WHERE attempt IS NOT NULL AND state IN ('unknown', 'conflict') AND state = ?3 AND seq > ?1
                     ORDER BY seq LIMIT ?2)
     ORDER BY s.seq"
);

pub(super) fn of_item(connection: &Connection, item: &ItemId) -> Result<Vec<StepRecord>, Fault> {
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.run = (SELECT no FROM runs WHERE id = ?1) AND s.ordinal = ?2 ORDER BY s.position"
    ))?;
    all(query, params![item.run.as_str(), integer(item.ordinal)?], read_step)
}

pub(super) fn step(connection: &Connection, id: &StepId) -> Result<Option<StepRecord>, Fault> {
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.run = (SELECT no FROM runs WHERE id = ?1) AND s.ordinal = ?2 AND s.position = ?3"
    ))?;
    first(query, params![id.item.run.as_str(), integer(id.item.ordinal)?, id.position], read_step)
}

pub(super) fn steps(connection: &Connection, query: &StepQuery) -> Result<Vec<StepRecord>, Fault> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let after = place_after(connection, query.after.as_ref())?;
    match query.state {
        None => {
            let sql = select_steps!("WHERE s.attempt IS NOT NULL AND s.seq > ?1 ORDER BY s.seq LIMIT ?2");
            all(connection.prepare_cached(sql)?, [after, limit], read_step)
        }
        Some(StepState::InFlight) => {
            let sql = select_steps!("WHERE s.state = 'in_flight' AND s.seq > ?1 ORDER BY s.seq LIMIT ?2");
            all(connection.prepare_cached(sql)?, [after, limit], read_step)
        }
        Some(state @ StepState::Over(status)) if status.is_open() => {
            all(connection.prepare_cached(OPEN_IN_STATE)?, params![after, limit, state.as_str()], read_step)
        }
        Some(state) => {
            let sql = select_steps!(
                "WHERE s.attempt IS NOT NULL AND s.state = ?3 AND s.seq > ?1 ORDER BY s.seq LIMIT ?2"
            );
            all(connection.prepare_cached(sql)?, params![after, limit, state.as_str()], read_step)
        }
    }
}

pub(super) fn open(
    connection: &Connection,
    after: Option<&StepId>,
    limit: usize,
) -> Result<Vec<StepRecord>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = place_after(connection, after)?;
    all(connection.prepare_cached(OPEN)?, [after, limit], read_step)
}

/// Whether a reference is another step's: alone, as its document, or as one of several.
pub(super) const REFERENCE_TAKEN: &str =
    "SELECT 1 FROM steps WHERE attempt IS NOT NULL AND reference = ?1 AND account = ?2 AND seq <> ?3
     UNION ALL
     SELECT 1 FROM steps WHERE attempt IS NOT NULL AND document = ?1 AND account = ?2 AND seq <> ?3
     UNION ALL
     SELECT 1 FROM steps WHERE several = 1
         AND instr(',' || reference || ',', ',' || ?1 || ',') > 0 AND seq <> ?3
     LIMIT 1";

pub(super) fn references_taken(
    connection: &Connection,
    account: &str,
    references: &[String],
    except: &StepId,
) -> Result<Vec<String>, Fault> {
    let except = seq_of(connection, except)?;
    // A call for several has a reference of each, and they stand in the books of other accounts too.
    let mut taken = Vec::new();
    for reference in references {
        let query = connection.prepare_cached(REFERENCE_TAKEN)?;
        if first(query, params![reference, account, except], |_| Ok(()))?.is_some() {
            taken.push(reference.clone());
        }
    }
    Ok(taken)
}

/// Few steps are in flight or open at a time, so it is those that are looked through, not the time.
pub(super) fn open_near(
    connection: &Connection,
    id: &StepId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<StepRecord>, Fault> {
    let Some(own) = step(connection, id)? else { return Ok(Vec::new()) };
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.seq IN (SELECT seq FROM steps WHERE state = 'in_flight'
                         UNION ALL
                         SELECT seq FROM steps INDEXED BY steps_open
                         WHERE attempt IS NOT NULL AND state IN ('unknown', 'conflict') AND account = ?1)
             AND s.account = ?1 AND s.intent_at BETWEEN ?2 AND ?3
         ORDER BY s.seq"
    ))?;
    let mut near = all(query, params![own.account, instant(from), instant(until)], read_step)?;
    near.retain(|near| near.id != own.id);
    Ok(near)
}

/// Where a page of steps begins: after a step, or with the first.
fn place_after(connection: &Connection, after: Option<&StepId>) -> Result<i64, Fault> {
    after.map_or(Ok(0), |step| seq_of(connection, step))
}

/// The place of a step in the order of intents. Nothing comes after a step that is not there.
pub(super) fn seq_of(connection: &Connection, step: &StepId) -> Result<i64, Fault> {
    let query = connection.prepare_cached(
        "SELECT seq FROM steps
         WHERE run = (SELECT no FROM runs WHERE id = ?1) AND ordinal = ?2 AND position = ?3",
    )?;
    let parameters = params![step.item.run.as_str(), integer(step.item.ordinal)?, step.position];
    Ok(first(query, parameters, |row| Ok(row.get(0)?))?.unwrap_or(i64::MAX))
}

pub(super) fn read_step_id(row: &Row<'_>, column: usize) -> Result<StepId, Fault> {
    let item = ItemId { run: read_word(row, column, "run id")?, ordinal: read_number(row, column + 1)? };
    Ok(StepId { item, position: read_number(row, column + 2)? })
}

pub(super) fn read_step(row: &Row<'_>) -> Result<StepRecord, Fault> {
    let key: Option<String> = row.get(6)?;
    let state = if row.get_ref(12)?.as_str().is_ok_and(|word| word == IN_FLIGHT) {
        StepState::InFlight
    } else {
        StepState::Over(read_word(row, 12, "step state")?)
    };
    Ok(StepRecord {
        id: read_step_id(row, 0)?,
        operation: row.get(3)?,
        who: row.get(4)?,
        account: row.get(5)?,
        key: key.map(Key::derived),
        attempt: read_number_or_none(row, 7)?,
        request_hash: read_hash(row, 8)?,
        subject: row.get(9)?,
        amount: read_money(row, 10)?,
        state,
        outcome: read_outcome(row, state)?,
        intent_at: read_instant(row, 13)?,
        outcome_at: read_instant_or_none(row, 14)?,
        flow: row.get(23)?,
        look_up: read_json(row, 24)?,
        stamp: row.get(25)?,
        unlocked_at: read_instant_or_none(row, 26)?,
        looked_up_at: read_instant_or_none(row, 27)?,
        looked_up: read_number(row, 28)?,
    })
}

fn read_outcome(row: &Row<'_>, state: StepState) -> Result<Option<StoredOutcome>, Fault> {
    let (StepState::Over(status), Some(en)) = (state, row.get::<_, Option<String>>(19)?) else {
        return Ok(None);
    };
    Ok(Some(StoredOutcome {
        status,
        reference: row.get(15)?,
        document: row.get(16)?,
        code: row.get(17)?,
        message: Text { he: row.get::<_, Option<String>>(18)?.unwrap_or_default(), en },
        data: read_answer(row, 22)?,
        amount: read_charged(row, 20)?,
    }))
}

/// The provider's own figure is kept as its digits: an outcome is never refused for an amount of a strange form.
pub(super) fn read_charged(row: &Row<'_>, column: usize) -> Result<Option<Money>, Fault> {
    let charged: Option<String> = row.get(column)?;
    let Some(charged) = charged else { return Ok(None) };
    let amount = Decimal::from_str_exact(&charged).map_err(|_| corrupt("charged amount", charged))?;
    Ok(Some(Money { amount, currency: read_word(row, column + 1, "currency")? }))
}
