//! Steps: intents, outcomes, and the rule by which a key may be sent.

use super::convert::{all, first, hundredths, instant, integer};
use super::fault::Fault;
use super::step_reads::{read_step, read_step_id, select_steps};
use super::{audit, limits, runs, sealed};
use crate::error::JournalError;
use crate::record::{Begin, Intent, SealedRow, StepRecord, StepState, StoredOutcome};
use gesher_core::{Key, OutcomeStatus, StepId, Text};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// The state of a step without an outcome, beside the words of [`OutcomeStatus`].
pub(super) const IN_FLIGHT: &str = "in_flight";

pub(super) fn begin(connection: &Connection, intent: &Intent) -> Result<Begin, Fault> {
    let run = runs::known(connection, &intent.step.item.run)?;
    let attempt = match key_of(connection, run.no, intent)? {
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
    if let Some(step) = locked_by(connection, intent)? {
        return Ok(Begin::Locked(Box::new(step)));
    }
    if let Some(reached) = limits::reached(connection, &run, intent)? {
        return Ok(Begin::Limited(reached));
    }
    let (amount, currency) = hundredths(intent.amount)?;
    let look_up = (!intent.look_up.is_null()).then(|| intent.look_up.to_string());
    let begun = connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, operation, who, account, key, attempt, request_hash,
                    subject, amount, currency, state, intent_at, money, stamp, look_up)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'in_flight', ?13, ?14, ?15, ?16)
             ON CONFLICT (run, ordinal, position) DO NOTHING",
        )?
        .execute(params![
            run.no,
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
            instant(intent.at),
            intent.money,
            intent.stamp,
            look_up
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
    // Each attempt follows one that left the key free, so the last one says where the key stands.
    let last = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt IS NOT NULL
         ORDER BY s.attempt DESC LIMIT 1"
    ))?;
    let Some(last) = first(last, named, read_step)? else { return Ok(KeyState::Free { attempt: 1 }) };
    let free = matches!(last.state, StepState::Over(status) if status.leaves_key_free());
    if !free {
        return Ok(KeyState::Live(Box::new(last)));
    }
    let own = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt IS NOT NULL
             AND s.run = ?4 AND s.ordinal = ?5
         ORDER BY s.attempt DESC LIMIT 1"
    ))?;
    let ordinal = integer(intent.step.item.ordinal)?;
    let parameters = params![intent.account, intent.operation, intent.key.as_str(), run, ordinal];
    Ok(match first(own, parameters, read_step)? {
        Some(step) => KeyState::Answered(Box::new(step)),
        None => KeyState::Free { attempt: last.attempt.unwrap_or(0).saturating_add(1) },
    })
}

/// The oldest open step of another key on the intent's subject, unless a person unlocked it.
fn locked_by(connection: &Connection, intent: &Intent) -> Result<Option<StepRecord>, Fault> {
    let Some(subject) = &intent.subject else { return Ok(None) };
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.subject = ?3
             AND s.attempt IS NOT NULL AND s.state IN ('unknown', 'conflict')
             AND s.key <> ?4 AND s.unlocked_at IS NULL
         ORDER BY s.seq LIMIT 1"
    ))?;
    first(query, params![intent.account, intent.operation, subject, intent.key.as_str()], read_step)
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

    /// The status.
    pub(super) fn status(&self) -> OutcomeStatus {
        self.outcome.status
    }

    /// The code.
    pub(super) fn code(&self) -> Option<&str> {
        self.outcome.code.as_deref()
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
    if !end_in_flight(connection, run, step, row, at)? {
        return Err(JournalError::NotInFlight(step.clone()).into());
    }
    for sealed_row in sealed_rows {
        sealed::put(connection, sealed_row, at)?;
    }
    Ok(())
}

/// Ends a step that is in flight, and says whether there was one.
fn end_in_flight(
    connection: &Connection,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    at: Timestamp,
) -> Result<bool, Fault> {
    if !write_outcome(connection, run, step, row, IN_FLIGHT, at)? {
        return Ok(false);
    }
    audit::note(connection, at, &step.to_string(), Some(IN_FLIGHT), row.status().as_str(), row.code())?;
    Ok(true)
}

/// Gives a step that is in the state `was` its outcome, and says whether there was one.
pub(super) fn write_outcome(
    connection: &Connection,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    was: &str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let outcome = &row.outcome;
    let charged = outcome.amount.map(|charged| (charged.amount.to_string(), charged.currency.to_string()));
    let finished = connection
        .prepare_cached(
            "UPDATE steps SET state = ?4, outcome_at = ?5, reference = ?6, document = ?7, code = ?8,
                    message_he = ?9, message_en = ?10, charged = ?11, charged_currency = ?12, data = ?13
             WHERE run = ?1 AND ordinal = ?2 AND position = ?3 AND state = ?14",
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
            row.data,
            was
        ])?;
    Ok(finished == 1)
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
                    message_en, charged, charged_currency, data, money)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                    ?21, ?22, 0)
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
         WHERE s.state = 'in_flight' ORDER BY s.seq",
    )?;
    let in_flight = all(query, [], |row| Ok((row.get::<_, i64>(0)?, read_step_id(row, 1)?)))?;
    let interrupted = OutcomeRow::interrupted();
    for (run, step) in &in_flight {
        end_in_flight(connection, *run, step, &interrupted, at)?;
    }
    Ok(in_flight.into_iter().map(|(_, step)| step).collect())
}
