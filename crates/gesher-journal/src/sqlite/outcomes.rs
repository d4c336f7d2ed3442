//! Outcomes: how steps end, those that were in flight and those that had no intent.

use super::convert::{all, first, hundredths, instant, integer, read_instant};
use super::desk::Desk;
use super::fault::Fault;
use super::step_reads::{IN_FLIGHT, read_step_id};
use super::{audit, limits, runs, sealed, vendors};
use crate::error::JournalError;
use crate::record::{SealedRow, StepRecord, StepState, StoredOutcome, VendorMark};
use gesher_core::{Json, Key, OutcomeStatus, StepId, Text};
use jiff::Timestamp;
use rusqlite::params;
use std::sync::Arc;

/// An outcome with its data as JSON text, made before the writer is asked.
pub(super) struct OutcomeRow {
    outcome: StoredOutcome,
    data: Arc<str>,
}

impl OutcomeRow {
    /// Turns the data into text.
    pub(super) fn new(outcome: StoredOutcome) -> Self {
        let data = outcome.data.text_shared();
        Self { outcome, data }
    }

    /// The same of an outcome that its caller keeps. The data, by far the largest part, is only turned into text.
    pub(super) fn of_kept(outcome: &StoredOutcome) -> Self {
        let StoredOutcome { status, reference, document, code, message, data: _, amount } = outcome;
        Self {
            data: outcome.data.text_shared(),
            outcome: StoredOutcome {
                status: *status,
                reference: reference.clone(),
                document: document.clone(),
                code: code.clone(),
                message: message.clone(),
                data: Json::default(),
                amount: *amount,
            },
        }
    }

    /// The status.
    pub(super) fn status(&self) -> OutcomeStatus {
        self.outcome.status
    }

    /// The code.
    pub(super) fn code(&self) -> Option<&str> {
        self.outcome.code.as_deref()
    }

    /// The provider's id.
    pub(super) fn reference(&self) -> Option<&str> {
        self.outcome.reference.as_deref()
    }

    /// What is said of it.
    pub(super) fn message(&self) -> &Text {
        &self.outcome.message
    }

    /// The outcome of a step that nobody saw the end of.
    fn interrupted() -> Self {
        Self::of(
            match gesher_core::mutant!("resend_in_flight") {
                true => OutcomeStatus::NotSent,
                false => OutcomeStatus::Unknown,
            },
            "interrupted",
            Text::new(
                "המערכת נעצרה בזמן שהפעולה נשלחה, ולכן לא ידוע אם היא בוצעה. \
                 אין לשלוח אותה שוב לפני בדיקה אצל הספק, כדי שלא יהיה חיוב כפול.",
                "The hub stopped while this was being sent, so it is not known whether it was carried out. \
                 Do not send it again before checking with the provider: it might be charged twice.",
            ),
        )
    }

    /// The outcome of a step that was not sent, since its intent could not be logged.
    fn unlogged() -> Self {
        Self::of(
            OutcomeStatus::NotSent,
            crate::UNLOGGED,
            Text::new(
                "הפעולה לא נשלחה, כי לא ניתן היה לרשום אותה ביומן הכוונות לפני השליחה.",
                "This was not sent, because it could not be written to the intent log beforehand.",
            ),
        )
    }

    /// An outcome of the journal's own.
    pub(super) fn of(status: OutcomeStatus, code: &str, message: Text) -> Self {
        let (reference, document, data, amount) = (None, None, Json::default(), None);
        let code = Some(code.to_owned());
        Self::new(StoredOutcome { status, reference, document, code, message, data, amount })
    }
}

pub(super) fn finish(
    desk: &Desk,
    step: &StepId,
    row: &OutcomeRow,
    sealed_rows: &[SealedRow],
    vendor: Option<&VendorMark>,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = runs::numbers(desk, &step.item.run)?.no;
    if !end_in_flight(desk, run, step, row, at)? {
        return Err(JournalError::NotInFlight(step.clone()).into());
    }
    for sealed_row in sealed_rows {
        sealed::put(desk, sealed_row, at)?;
    }
    vendor.map_or(Ok(()), |vendor| vendors::mark(desk, vendor, at))
}

/// Ends a step that is in flight, and says whether there was one.
fn end_in_flight(
    desk: &Desk,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    at: Timestamp,
) -> Result<bool, Fault> {
    if !write_outcome(desk, run, step, row, IN_FLIGHT, at)? {
        return Ok(false);
    }
    audit::note(desk, at, &step.to_string(), Some(IN_FLIGHT), row.status().as_str(), row.code())?;
    Ok(true)
}

/// Gives a step that is in the state `was` its outcome, and says whether there was one.
pub(super) fn write_outcome(
    desk: &Desk,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    was: &str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let outcome = &row.outcome;
    let charged = outcome.amount.map(|charged| (charged.amount.to_string(), charged.currency.to_string()));
    let several = outcome.reference.as_deref().is_some_and(|reference| reference.contains(','));
    // One row that is refused before it is changed: `OR FAIL` spares SQLite the means to take the statement back.
    let finished = desk
        .prepare_cached(
            "UPDATE OR FAIL steps SET state = ?4, outcome_at = ?5, reference = ?6, document = ?7, code = ?8,
                    message_he = ?9, message_en = ?10, charged = ?11, charged_currency = ?12, data = ?13,
                    several = ?15
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
            was,
            several.then_some(1)
        ])?;
    if finished == 0 {
        return Ok(false);
    }
    if outcome.status.is_open() {
        desk.any_open.set(Some(true));
    } else if outcome.status.leaves_key_free() {
        limits::note_freed(desk, run, integer(step.item.ordinal)?, step.position)?;
    }
    vendors::follow(desk, run, step, row, at)?;
    Ok(true)
}

pub(super) fn record(desk: &Desk, step: &StepRecord, row: Option<&OutcomeRow>) -> Result<(), Fault> {
    let StepState::Over(status) = step.state else {
        return Err(JournalError::NotOver(step.id.clone()).into());
    };
    let run = runs::numbers(desk, &step.id.item.run)?.no;
    let (amount, currency) = hundredths(step.amount)?;
    let outcome = row.map(|row| &row.outcome);
    let charged = outcome.and_then(|outcome| outcome.amount);
    let recorded = desk
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

pub(super) fn settle_in_flight(desk: &Desk, at: Timestamp) -> Result<Vec<StepId>, Fault> {
    desk.refuse_beside()?;
    let query = desk.prepare_cached(
        "SELECT s.run, r.id, s.ordinal, s.position FROM steps s JOIN runs r ON r.no = s.run
         WHERE s.state = 'in_flight' ORDER BY s.seq",
    )?;
    let in_flight = all(query, [], |row| Ok((row.get::<_, i64>(0)?, read_step_id(row, 1)?)))?;
    let interrupted = OutcomeRow::interrupted();
    for (run, step) in &in_flight {
        end_in_flight(desk, *run, step, &interrupted, at)?;
    }
    Ok(in_flight.into_iter().map(|(_, step)| step).collect())
}

/// Ends steps whose intents could not be logged: nobody was told to send them. They end when they began.
pub(super) fn withdraw(desk: &Desk, steps: &[StepId]) -> Result<(), Fault> {
    let unlogged = OutcomeRow::unlogged();
    for step in steps {
        let run = runs::numbers(desk, &step.item.run)?.no;
        let query = desk.prepare_cached(
            "SELECT intent_at FROM steps WHERE run = ?1 AND ordinal = ?2 AND position = ?3",
        )?;
        let place = params![run, integer(step.item.ordinal)?, step.position];
        if let Some(at) = first(query, place, |row| read_instant(row, 0))? {
            end_in_flight(desk, run, step, &unlogged, at)?;
        }
    }
    Ok(())
}
