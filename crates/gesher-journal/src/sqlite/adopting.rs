//! The adoption of intents that only the intent log knows: what a restored database has forgotten comes back as steps
//! that are unknown, with the rows that they belong to and whatever must have been so before them.

use super::convert::{
    all, corrupt, first, hundredths, instant, integer, json_text, read_hexadecimal, read_number,
};
use super::desk::Desk;
use super::fault::Fault;
use super::guarding::place_of;
use super::items::{self, read_state};
use super::outcomes::{self, OutcomeRow};
use super::runs::{self, RunNumbers};
use super::step_reads::read_step_id;
use super::{audit, limits, vendors};
use crate::error::JournalError;
use crate::intent_log::LoggedIntent;
use crate::record::{ItemState, NewRun, RunState, ScriptBundle, TriggerKind};
use gesher_core::{ItemId, ItemStatus, OutcomeStatus, RunId, StepId, Text};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// What a run is called that only the intent log knows.
const ADOPTED_RUN: &str = "intent log";
/// The code of what only the intent log knew.
const ADOPTED: &str = "adopted";
/// The code of what ended, nobody knows how, before something later was begun that proves it.
const SUPERSEDED: &str = "superseded";

/// Takes the intents that only the log knows over, in the order in which they were logged. Answers their steps.
pub(super) fn adopt(desk: &Desk, at: Timestamp) -> Result<Vec<StepId>, Fault> {
    let missing = desk.with_log(|log| {
        let mut missing = Vec::new();
        let Some(log) = log else { return Ok(missing) };
        let mut lines = log.newest_first();
        while let Some(intent) = lines.intent()? {
            if place_of(desk, &intent)?.is_some() {
                break;
            }
            missing.push(intent);
        }
        Ok(missing)
    })?;
    let adopted = missing.iter().rev().map(|intent| adopt_one(desk, intent, at)).collect::<Result<_, _>>()?;
    desk.note_adoption();
    Ok(adopted)
}

fn adopt_one(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<StepId, Fault> {
    let run = run_of(desk, intent, at)?;
    free_earlier(desk, intent, at)?;
    fill_gap(desk, intent, at)?;
    adopt_item(desk, run, intent, at)?;
    let step = free_place(desk, run, &intent.step)?;
    insert(desk, run, &step, intent, &Adopted { attempt: intent.attempt, outcome: unknown(), at })?;
    if intent.money {
        limits::note_begun(desk, run, intent.at, intent.amount)?;
    }
    desk.any_open.set(Some(true));
    vendors::adopt(desk, run.no, &step, intent, at)?;
    audit::note(desk, at, &step.to_string(), None, OutcomeStatus::Unknown.as_str(), Some(ADOPTED))?;
    Ok(step)
}

/// The run of an intent. One that the database has forgotten too is begun and over at once: nobody works on it.
fn run_of(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<RunNumbers, Fault> {
    let id = &intent.step.item.run;
    match runs::numbers(desk, id) {
        Err(Fault::Refused(JournalError::NoRun(_))) => begin_adopted(desk, id, &intent.flow, at)?,
        known => return known,
    }
    runs::numbers(desk, id)
}

/// The item of an intent, where the database has forgotten it too, with the key of its row: whoever brings that row
/// again must find it taken. In a run that is over it is unknown; in one that goes on it waits to be claimed, which it
/// can only with its key.
fn adopt_item(desk: &Desk, run: RunNumbers, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<(), Fault> {
    let ordinal = integer(intent.step.item.ordinal)?;
    let is_over = runs::known(desk, &intent.step.item.run)?.is_over();
    if items::seen(desk, run.no, ordinal)?.is_some() || (!is_over && intent.row.is_none()) {
        return Ok(());
    }
    let attempt = match &intent.row {
        Some(key) => take_over_key(desk, run, ordinal, key, at)?,
        None => None,
    };
    let (state, code) =
        if is_over { (ItemStatus::Unknown.as_str(), Some(ADOPTED)) } else { (items::QUEUED, None) };
    let (amount, currency) = hundredths(intent.amount)?;
    desk.prepare_cached(
        "INSERT INTO items (run, ordinal, line, key, attempt, cells_hash, amount, currency, state, at, code)
         VALUES (?1, ?2, 0, ?3, ?4, zeroblob(16), ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        run.no,
        ordinal,
        intent.row,
        attempt,
        amount,
        currency,
        state,
        instant(at),
        code
    ])?;
    Ok(())
}

fn begin_adopted(desk: &Desk, id: &RunId, flow: &str, at: Timestamp) -> Result<(), Fault> {
    let run = NewRun {
        id: id.clone(),
        flow: flow.to_owned(),
        trigger: TriggerKind::Call,
        name: ADOPTED_RUN.to_owned(),
        source: serde_json::Value::Null,
        script: ScriptBundle::default(),
        held: None,
        at,
    };
    runs::start(desk, &run, "null")?;
    let finished = RunState::Finished.as_str();
    desk.prepare_cached("UPDATE runs SET state = ?2, ended_at = ?3 WHERE id = ?1")?.execute(params![
        id.as_str(),
        finished,
        instant(at)
    ])?;
    let claimed = RunState::Claimed.as_str();
    audit::note(desk, at, id.as_str(), Some(claimed), finished, Some(ADOPTED))
}

/// A later attempt was logged, so the one before it had left the key free, although the database does not know how.
fn free_earlier(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<(), Fault> {
    let query = desk.prepare_cached(
        "SELECT s.run, r.id, s.ordinal, s.position, s.state FROM steps s JOIN runs r ON r.no = s.run
         WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt < ?4
             AND s.state IN ('in_flight', 'unknown', 'conflict')",
    )?;
    let named = params![intent.account, intent.operation, intent.key, intent.attempt];
    let earlier = all(query, named, |row| {
        Ok((row.get::<_, i64>(0)?, read_step_id(row, 1)?, row.get::<_, String>(4)?))
    })?;
    free_succeeded(desk, intent, at)?;
    let row = superseded();
    for (run, step, was) in earlier {
        outcomes::write_outcome(desk, run, &step, &row, &was, at)?;
        audit::note(desk, at, &step.to_string(), Some(&was), row.status().as_str(), row.code())?;
        let ordinal = integer(step.item.ordinal)?;
        // An item that has not ended hears of it when it goes on.
        if items::seen(desk, run, ordinal)?.is_some_and(|item| item.state != ItemState::Queued) {
            supersede(desk, run, ordinal, at)?;
        }
    }
    Ok(())
}

/// An earlier attempt that succeeded was freed by a person since, as the later one proves.
fn free_succeeded(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<(), Fault> {
    let query = desk.prepare_cached(
        "SELECT seq FROM steps WHERE account = ?1 AND operation = ?2 AND key = ?3 AND attempt < ?4
             AND state = 'succeeded' AND money = 0",
    )?;
    let named = params![intent.account, intent.operation, intent.key, intent.attempt];
    for seq in all(query, named, |row| Ok(row.get::<_, i64>(0)?))? {
        vendors::free_step(desk, seq, at)?;
    }
    Ok(())
}

/// Attempts before this one that neither the database nor the log has: intents that could not be logged, which nobody
/// was told to send. They are attempts all the same, so the numbers need them. They get a run of their own, since no
/// item asks for them.
fn fill_gap(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<(), Fault> {
    let query = desk.prepare_cached(
        "SELECT coalesce(max(attempt), 0) FROM steps
         WHERE account = ?1 AND operation = ?2 AND key = ?3 AND attempt < ?4",
    )?;
    let named = params![intent.account, intent.operation, intent.key, intent.attempt];
    let last: u32 = first(query, named, |row| read_number(row, 0))?.unwrap_or(0);
    let missing = last.saturating_add(1)..intent.attempt;
    if missing.is_empty() {
        return Ok(());
    }
    let id = RunId::random().map_err(|error| corrupt("source of randomness", error))?;
    begin_adopted(desk, &id, &intent.flow, at)?;
    let run = runs::numbers(desk, &id)?;
    let filled = LoggedIntent {
        money: false,
        amount: None,
        subject: None,
        stamp: None,
        opens: None,
        original: None,
        ..intent.clone()
    };
    for attempt in missing {
        let step = StepId { item: ItemId { run: id.clone(), ordinal: 1 }, position: attempt };
        let outcome = superseded();
        let status = outcome.status();
        insert(desk, run, &step, &filled, &Adopted { attempt, outcome, at })?;
        audit::note(desk, at, &step.to_string(), None, status.as_str(), Some(SUPERSEDED))?;
    }
    Ok(())
}

/// Takes a row's key for an item that is known to have had it, and answers which attempt of the key that is. Whoever
/// has the key by the database had left it free by then. None where it is spent: a spent key is never left.
fn take_over_key(
    connection: &Connection,
    run: RunNumbers,
    ordinal: i64,
    key: &str,
    at: Timestamp,
) -> Result<Option<u32>, Fault> {
    let query = connection.prepare_cached(
        "SELECT k.run, k.ordinal, k.attempt, i.state FROM row_keys k
             JOIN items i ON i.run = k.run AND i.ordinal = k.ordinal
         WHERE k.flow = ?1 AND k.key = ?2",
    )?;
    let last = first(query, params![run.flow, key], |row| {
        let item: (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((item, read_number::<u32>(row, 2)?, read_state(row, 3)?))
    })?;
    let mut attempt = 1;
    if let Some(((last_run, last_ordinal), last_attempt, state)) = last {
        match state {
            ItemState::Ended(ItemStatus::Succeeded) => return Ok(None),
            ItemState::Queued | ItemState::Ended(ItemStatus::Unknown) => {
                supersede(connection, last_run, last_ordinal, at)?;
            }
            ItemState::Ended(_) => {}
        }
        attempt = last_attempt.saturating_add(1);
    }
    connection
        .prepare_cached(
            "INSERT INTO row_keys (flow, key, run, ordinal, attempt) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (flow, key) DO UPDATE SET run = ?3, ordinal = ?4, attempt = ?5",
        )?
        .execute(params![run.flow, key, run.no, ordinal, attempt])?;
    Ok(Some(attempt))
}

/// Ends an item that is queued or unknown and has been followed by another, so that nobody waits for it. One with a step
/// that is still open keeps waiting: that step is closed first.
fn supersede(connection: &Connection, run: i64, ordinal: i64, at: Timestamp) -> Result<(), Fault> {
    let query = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE state IN ('in_flight', 'unknown', 'conflict')),
                count(*) FILTER (WHERE state = 'succeeded')
         FROM steps WHERE run = ?1 AND ordinal = ?2 AND attempt IS NOT NULL",
    )?;
    let counted = first(query, [run, ordinal], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let (open, succeeded) = counted.unwrap_or_default();
    if open > 0 {
        return Ok(());
    }
    let status = if succeeded > 0 { ItemStatus::Incomplete } else { ItemStatus::Rejected };
    let ended = connection
        .prepare_cached(
            "UPDATE items SET first_at = CASE state WHEN 'queued' THEN NULL ELSE coalesce(first_at, at) END,
                    state = ?3, at = ?4, code = ?5, message = NULL
             WHERE run = ?1 AND ordinal = ?2 AND state IN ('queued', 'unknown')",
        )?
        .execute(params![run, ordinal, status.as_str(), instant(at), SUPERSEDED])?;
    if ended > 0 {
        connection.prepare_cached("UPDATE runs SET closings = closings + 1 WHERE no = ?1")?.execute([run])?;
    }
    Ok(())
}

/// The outcome of an attempt that was followed by another.
fn superseded() -> OutcomeRow {
    OutcomeRow::of(
        OutcomeStatus::Rejected,
        SUPERSEDED,
        Text::new(
            "הניסיון הזה הסתיים בלי שבוצע: לפי יומן הכוונות נשלח אחריו ניסיון נוסף של אותה פעולה.",
            "This attempt ended without being carried out: the intent log shows a later attempt of the same operation.",
        ),
    )
}

/// The step's own place, or the next free one of its item where a call that was refused has taken it since.
fn free_place(connection: &Connection, run: RunNumbers, step: &StepId) -> Result<StepId, Fault> {
    let ordinal = integer(step.item.ordinal)?;
    let query =
        connection.prepare_cached("SELECT 1 FROM steps WHERE run = ?1 AND ordinal = ?2 AND position = ?3")?;
    if first(query, params![run.no, ordinal, step.position], |_| Ok(()))?.is_none() {
        return Ok(step.clone());
    }
    let last =
        connection.prepare_cached("SELECT max(position) FROM steps WHERE run = ?1 AND ordinal = ?2")?;
    let last: u32 = first(last, [run.no, ordinal], |row| read_number(row, 0))?.unwrap_or(0);
    Ok(StepId { item: step.item.clone(), position: last.saturating_add(1) })
}

/// What a logged intent becomes.
struct Adopted {
    attempt: u32,
    outcome: OutcomeRow,
    at: Timestamp,
}

fn insert(
    connection: &Connection,
    run: RunNumbers,
    step: &StepId,
    intent: &LoggedIntent<'_>,
    adopted: &Adopted,
) -> Result<(), Fault> {
    let (amount, currency) = hundredths(intent.amount)?;
    let hash = read_hexadecimal(&intent.hash).ok_or_else(|| corrupt("hash", &intent.hash))?;
    let look_up = (!intent.look_up.is_null()).then(|| json_text(&intent.look_up));
    let outcome = &adopted.outcome;
    let text = outcome.message();
    connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, state, attempt, money, amount, currency, intent_at, outcome_at,
                    operation, who, account, key, request_hash, subject, stamp, look_up, code, message_he, message_en,
                    original, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                    ?22, 'null')",
        )?
        .execute(params![
            run.no,
            integer(step.item.ordinal)?,
            step.position,
            outcome.status().as_str(),
            adopted.attempt,
            intent.money,
            amount,
            currency,
            instant(intent.at),
            instant(adopted.at),
            intent.operation,
            intent.who,
            intent.account,
            intent.key,
            hash,
            intent.subject,
            intent.stamp,
            look_up,
            outcome.code(),
            text.he,
            text.en,
            intent.original
        ])?;
    Ok(())
}

/// The outcome of an intent that only the log knew.
fn unknown() -> OutcomeRow {
    OutcomeRow::of(
        OutcomeStatus::Unknown,
        ADOPTED,
        Text::new(
            "הנתונים שוחזרו מגיבוי שנעשה לפני שהפעולה נשלחה, ולכן לא ידוע אם היא בוצעה. \
             אין לשלוח אותה שוב לפני בדיקה אצל הספק, כדי שלא יהיה חיוב כפול.",
            "The data was restored from a backup that is older than this, so it is not known whether it was carried \
             out. Do not send it again before checking with the provider: it might be charged twice.",
        ),
    )
}
