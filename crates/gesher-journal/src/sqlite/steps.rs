//! Steps: intents, outcomes, and the rule by which a key may be sent.

use super::audit;
use super::convert::{
    all, corrupt, first, hundredths, instant, integer, read_hash, read_instant, read_money, read_number,
    read_number_or_none, read_word,
};
use super::fault::Fault;
use super::{runs, sealed};
use crate::error::JournalError;
use crate::record::{Begin, Intent, SealedRow, StepQuery, StepRecord, StepState, StoredOutcome};
use gesher_core::{Decimal, ItemId, Key, Money, OutcomeStatus, StepId, Text};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

/// The state of a step without an outcome, beside the words of [`OutcomeStatus`].
const IN_FLIGHT: &str = "in_flight";

/// The columns that [`read_step`] reads.
macro_rules! select_steps {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, s.ordinal, s.position, s.operation, s.who, s.account, s.key, s.attempt, s.request_hash,
                    s.subject, s.amount, s.currency, s.state, s.intent_at, s.outcome_at, s.reference, s.document,
                    s.code, s.message_he, s.message_en, s.charged, s.charged_currency, s.data
             FROM steps s JOIN runs r ON r.no = s.run ",
            $rest
        )
    };
}

pub(super) fn begin(connection: &Connection, intent: &Intent) -> Result<Begin, Fault> {
    let run = runs::number(connection, &intent.step.item.run)?;
    let attempt = match key_of(connection, run, intent)? {
        KeyState::Free { attempt } => attempt,
        KeyState::Answered(step) => return Ok(Begin::Recorded(step)),
        KeyState::Live(step) => {
            return Ok(match step.state {
                StepState::InFlight => Begin::InFlight(step),
                StepState::Over(status) if status.is_open() => Begin::Open(step),
                _ if intent.once || step.request_hash == intent.request_hash => Begin::Recorded(step),
                _ => Begin::Reused(step),
            });
        }
    };
    let (amount, currency) = hundredths(intent.amount)?;
    let begun = connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, operation, who, account, key, attempt, request_hash,
                    subject, amount, currency, state, intent_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'in_flight', ?13)
             ON CONFLICT (run, ordinal, position) DO NOTHING",
        )?
        .execute(params![
            run,
            integer(intent.step.item.ordinal)?,
            intent.step.position,
            intent.operation,
            intent.who,
            intent.account,
            intent.key.as_str(),
            attempt,
            intent.request_hash,
            intent.subject,
            amount,
            currency,
            instant(intent.at)
        ])?;
    if begun == 0 {
        return Err(JournalError::StepTaken(intent.step.clone()).into());
    }
    audit::note(connection, intent.at, &intent.step.to_string(), None, IN_FLIGHT, None)?;
    Ok(Begin::Send { attempt })
}

/// Where the key of an intent stands.
enum KeyState {
    /// It may be sent, as this attempt.
    Free { attempt: u32 },
    /// This same item tried it and was told no: it is told the same again.
    Answered(Box<StepRecord>),
    /// A step has it: in flight, succeeded, or open.
    Live(Box<StepRecord>),
}

fn key_of(connection: &Connection, run: i64, intent: &Intent) -> Result<KeyState, Fault> {
    let named = params![intent.account, intent.operation, intent.key.as_str()];
    let live = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3
             AND s.hold > 0"
    ))?;
    if let Some(step) = first(live, named, read_step)? {
        return Ok(KeyState::Live(Box::new(step)));
    }
    let last = connection.prepare_cached(
        "SELECT max(attempt) FROM steps WHERE account = ?1 AND operation = ?2 AND key = ?3
             AND hold = 0",
    )?;
    let last: Option<Option<u32>> = first(last, named, |row| read_number_or_none(row, 0))?;
    let Some(last) = last.flatten() else { return Ok(KeyState::Free { attempt: 1 }) };
    let own = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3
             AND s.hold = 0
             AND s.run = ?4 AND s.ordinal = ?5
         ORDER BY s.attempt DESC LIMIT 1"
    ))?;
    let ordinal = integer(intent.step.item.ordinal)?;
    let parameters = params![intent.account, intent.operation, intent.key.as_str(), run, ordinal];
    Ok(match first(own, parameters, read_step)? {
        Some(step) => KeyState::Answered(Box::new(step)),
        None => KeyState::Free { attempt: last.saturating_add(1) },
    })
}

/// An outcome with its data as JSON text, made before the writer is asked.
pub(super) struct OutcomeRow {
    outcome: StoredOutcome,
    data: String,
}

impl OutcomeRow {
    /// Turns the data into text.
    pub(super) fn new(outcome: StoredOutcome) -> Self {
        let data = outcome.data.to_string();
        Self { outcome, data }
    }

    /// The outcome of a step that nobody saw the end of.
    fn interrupted() -> Self {
        Self::new(StoredOutcome {
            status: OutcomeStatus::Unknown,
            reference: None,
            document: None,
            code: Some("interrupted".to_owned()),
            message: Text::new(
                "המערכת נעצרה בזמן שהפעולה נשלחה, ולכן לא ידוע אם היא בוצעה. \
                 אין לשלוח אותה שוב לפני בדיקה אצל הספק, כדי שלא יהיה חיוב כפול.",
                "The hub stopped while this was being sent, so it is not known whether it was carried out. \
                 Do not send it again before checking with the provider: it might be charged twice.",
            ),
            data: serde_json::Value::Null,
            amount: None,
        })
    }
}

pub(super) fn finish(
    connection: &Connection,
    step: &StepId,
    row: &OutcomeRow,
    sealed_rows: &[SealedRow],
    at: Timestamp,
) -> Result<(), Fault> {
    let run = runs::number(connection, &step.item.run)?;
    if !write_outcome(connection, run, step, row, at)? {
        return Err(JournalError::NotInFlight(step.clone()).into());
    }
    for sealed_row in sealed_rows {
        sealed::put(connection, sealed_row, at)?;
    }
    Ok(())
}

/// Ends a step that is in flight, and says whether there was one.
fn write_outcome(
    connection: &Connection,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    at: Timestamp,
) -> Result<bool, Fault> {
    let outcome = &row.outcome;
    let charged = outcome.amount.map(|charged| (charged.amount.to_string(), charged.currency.to_string()));
    let finished = connection
        .prepare_cached(
            "UPDATE steps SET state = ?4, outcome_at = ?5, reference = ?6, document = ?7, code = ?8,
                    message_he = ?9, message_en = ?10, charged = ?11, charged_currency = ?12, data = ?13
             WHERE run = ?1 AND ordinal = ?2 AND position = ?3 AND state = 'in_flight'",
        )?
        .execute(params![
            run,
            integer(step.item.ordinal)?,
            step.position,
            outcome.status.as_str(),
            instant(at),
            outcome.reference,
            outcome.document,
            outcome.code,
            outcome.message.he,
            outcome.message.en,
            charged.as_ref().map(|(amount, _)| amount),
            charged.as_ref().map(|(_, currency)| currency),
            row.data
        ])?;
    if finished == 0 {
        return Ok(false);
    }
    let (became, code) = (outcome.status.as_str(), outcome.code.as_deref());
    audit::note(connection, at, &step.to_string(), Some(IN_FLIGHT), became, code)?;
    Ok(true)
}

pub(super) fn record(
    connection: &Connection,
    step: &StepRecord,
    row: Option<&OutcomeRow>,
) -> Result<(), Fault> {
    let StepState::Over(status) = step.state else {
        return Err(JournalError::NotOver(step.id.clone()).into());
    };
    let run = runs::number(connection, &step.id.item.run)?;
    let (amount, currency) = hundredths(step.amount)?;
    let outcome = row.map(|row| &row.outcome);
    let charged = outcome.and_then(|outcome| outcome.amount);
    let recorded = connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, operation, who, account, key, request_hash, subject,
                    amount, currency, state, intent_at, outcome_at, reference, document, code, message_he,
                    message_en, charged, charged_currency, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                    ?21, ?22)
             ON CONFLICT (run, ordinal, position) DO NOTHING",
        )?
        .execute(params![
            run,
            integer(step.id.item.ordinal)?,
            step.id.position,
            step.operation,
            step.who,
            step.account,
            step.key.as_ref().map(Key::as_str),
            step.request_hash,
            step.subject,
            amount,
            currency,
            status.as_str(),
            instant(step.intent_at),
            step.outcome_at.map(instant),
            outcome.and_then(|outcome| outcome.reference.as_deref()),
            outcome.and_then(|outcome| outcome.document.as_deref()),
            outcome.and_then(|outcome| outcome.code.as_deref()),
            outcome.map(|outcome| &outcome.message.he),
            outcome.map(|outcome| &outcome.message.en),
            charged.map(|charged| charged.amount.to_string()),
            charged.map(|charged| charged.currency.to_string()),
            row.map(|row| &row.data)
        ])?;
    if recorded == 0 {
        return Err(JournalError::StepTaken(step.id.clone()).into());
    }
    Ok(())
}

pub(super) fn settle_in_flight(connection: &Connection, at: Timestamp) -> Result<Vec<StepId>, Fault> {
    let query = connection.prepare_cached(
        "SELECT s.run, r.id, s.ordinal, s.position FROM steps s JOIN runs r ON r.no = s.run
         WHERE s.hold = 2 AND s.state = 'in_flight'
         ORDER BY s.seq",
    )?;
    let in_flight = all(query, [], |row| Ok((row.get::<_, i64>(0)?, read_step_id(row, 1)?)))?;
    let interrupted = OutcomeRow::interrupted();
    for (run, step) in &in_flight {
        write_outcome(connection, *run, step, &interrupted, at)?;
    }
    Ok(in_flight.into_iter().map(|(_, step)| step).collect())
}

pub(super) fn of_item(connection: &Connection, item: &ItemId) -> Result<Vec<StepRecord>, Fault> {
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.run = (SELECT no FROM runs WHERE id = ?1) AND s.ordinal = ?2 ORDER BY s.position"
    ))?;
    all(query, params![item.run.as_str(), integer(item.ordinal)?], read_step)
}

pub(super) fn steps(connection: &Connection, query: &StepQuery) -> Result<Vec<StepRecord>, Fault> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let after = match &query.after {
        None => 0,
        Some(step) => seq_of(connection, step)?,
    };
    match query.state {
        None => {
            let sql = select_steps!("WHERE s.attempt IS NOT NULL AND s.seq > ?1 ORDER BY s.seq LIMIT ?2");
            all(connection.prepare_cached(sql)?, [after, limit], read_step)
        }
        Some(state) if is_open(state) => {
            let sql =
                select_steps!("WHERE s.hold = 2 AND s.state = ?3 AND s.seq > ?1 ORDER BY s.seq LIMIT ?2");
            all(connection.prepare_cached(sql)?, params![after, limit, state.as_str()], read_step)
        }
        Some(state) => {
            let sql = select_steps!(
                "WHERE s.attempt IS NOT NULL AND s.state = ?3 AND s.seq > ?1 ORDER BY s.seq LIMIT ?2"
            );
            all(connection.prepare_cached(sql)?, params![after, limit, state.as_str()], read_step)
        }
    }
}

/// Whether the state is one of those that have an index of their own, being few.
fn is_open(state: StepState) -> bool {
    match state {
        StepState::InFlight => true,
        StepState::Over(status) => status.is_open(),
    }
}

/// The place of a step in the order of intents. Nothing comes after a step that is not there.
fn seq_of(connection: &Connection, step: &StepId) -> Result<i64, Fault> {
    let query = connection.prepare_cached(
        "SELECT seq FROM steps
         WHERE run = (SELECT no FROM runs WHERE id = ?1) AND ordinal = ?2 AND position = ?3",
    )?;
    let parameters = params![step.item.run.as_str(), integer(step.item.ordinal)?, step.position];
    Ok(first(query, parameters, |row| Ok(row.get(0)?))?.unwrap_or(i64::MAX))
}

fn read_step_id(row: &Row<'_>, column: usize) -> Result<StepId, Fault> {
    let item = ItemId { run: read_word(row, column, "run id")?, ordinal: read_number(row, column + 1)? };
    Ok(StepId { item, position: read_number(row, column + 2)? })
}

fn read_step(row: &Row<'_>) -> Result<StepRecord, Fault> {
    let key: Option<String> = row.get(6)?;
    let state = if row.get_ref(12)?.as_str().is_ok_and(|word| word == IN_FLIGHT) {
        StepState::InFlight
    } else {
        StepState::Over(read_word(row, 12, "step state")?)
    };
    let outcome_at: Option<i64> = row.get(14)?;
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
        outcome_at: outcome_at.map(|_| read_instant(row, 14)).transpose()?,
    })
}

fn read_outcome(row: &Row<'_>, state: StepState) -> Result<Option<StoredOutcome>, Fault> {
    let (StepState::Over(status), Some(en)) = (state, row.get::<_, Option<String>>(19)?) else {
        return Ok(None);
    };
    let data: Option<String> = row.get(22)?;
    let data = data.unwrap_or_else(|| "null".to_owned());
    Ok(Some(StoredOutcome {
        status,
        reference: row.get(15)?,
        document: row.get(16)?,
        code: row.get(17)?,
        message: Text { he: row.get::<_, Option<String>>(18)?.unwrap_or_default(), en },
        data: serde_json::from_str(&data).map_err(|_| corrupt("step's data", data))?,
        amount: read_charged(row, 20)?,
    }))
}

/// The provider's own figure is kept as its digits: an outcome is never refused for an amount of a strange form.
fn read_charged(row: &Row<'_>, column: usize) -> Result<Option<Money>, Fault> {
    let charged: Option<String> = row.get(column)?;
    let Some(charged) = charged else { return Ok(None) };
    let amount = Decimal::from_str_exact(&charged).map_err(|_| corrupt("charged amount", charged))?;
    Ok(Some(Money { amount, currency: read_word(row, column + 1, "currency")? }))
}
