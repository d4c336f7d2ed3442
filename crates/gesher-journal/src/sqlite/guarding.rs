//! Between the database and the intent log: whether the database has what was logged, the completion of a log that is
//! shorter, and the adoption of intents that only the log knows.
//!
//! An intent is known by account, operation, key and attempt. Each attempt is one send, and the database numbers them
//! without a gap, so one that it lacks is one that it has forgotten.

use super::convert::{all, first, hexadecimal, hundredths, instant, integer, read_hexadecimal, read_instant};
use super::convert::{read_hash, read_json, read_money, read_number};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::OutcomeRow;
use super::runs::RunNumbers;
use super::step_reads::read_step_id;
use super::{audit, limits, outcomes, runs};
use crate::error::JournalError;
use crate::guard::Guard;
use crate::intent_log::{IntentLog, LoggedIntent};
use crate::record::{NewRun, RunState, ScriptBundle, TriggerKind};
use gesher_core::{OutcomeStatus, RunId, StepId, Text};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::borrow::Cow;

/// Intents that are written to the log at a time when it is completed.
const COMPLETED_AT_A_TIME: i64 = 1_000;
/// What a run is called that only the intent log knows.
const ADOPTED_RUN: &str = "intent log";

/// Compares log and database. A log that is shorter, because a crash came between the two or because it is new, is
/// completed.
pub(super) fn compare(connection: &Connection, log: &mut IntentLog) -> Result<Guard, Fault> {
    let (guard, known) = missing(connection, log)?;
    if guard == Guard::Complete {
        complete(connection, log, known)?;
    }
    Ok(guard)
}

/// What the database lacks of the log, and the place of the last intent that it has. Changes neither.
pub(super) fn missing(connection: &Connection, log: &IntentLog) -> Result<(Guard, i64), Fault> {
    let mut lines = log.newest_first();
    let mut known = 0;
    let (mut missing, mut oldest) = (0, None);
    while let Some(intent) = lines.intent()? {
        if let Some(seq) = place_of(connection, &intent)? {
            known = seq;
            break;
        }
        missing += 1;
        oldest = Some(intent.step.to_string());
    }
    let guard = oldest.map_or(Guard::Complete, |first| Guard::Behind { missing, first });
    Ok((guard, known))
}

/// The place of a logged intent in the database, if it is there.
fn place_of(connection: &Connection, intent: &LoggedIntent<'_>) -> Result<Option<i64>, Fault> {
    let query = connection.prepare_cached(
        "SELECT seq FROM steps WHERE account = ?1 AND operation = ?2 AND key = ?3 AND attempt = ?4",
    )?;
    first(query, params![intent.account, intent.operation, intent.key, intent.attempt], |row| Ok(row.get(0)?))
}

/// Appends the intents behind a place to the log.
fn complete(connection: &Connection, log: &mut IntentLog, mut after: i64) -> Result<(), Fault> {
    loop {
        let query = connection.prepare_cached(
            "SELECT s.seq, r.id, s.ordinal, s.position, f.name, s.operation, s.who, s.account, s.key, s.attempt,
                    s.request_hash, s.subject, s.amount, s.currency, s.money, s.intent_at, s.stamp, s.look_up
             FROM steps s JOIN runs r ON r.no = s.run JOIN flows f ON f.no = r.flow
             WHERE s.seq > ?1 AND s.attempt IS NOT NULL ORDER BY s.seq LIMIT ?2",
        )?;
        let intents = all(query, [after, COMPLETED_AT_A_TIME], read_logged)?;
        let Some(last) = intents.last() else { return Ok(()) };
        after = last.seq;
        let mut lines = Vec::new();
        for intent in &intents {
            intent.write(&mut lines).map_err(|error| super::convert::corrupt("intent", error))?;
        }
        log.append(&lines)?;
    }
}

fn read_logged(row: &Row<'_>) -> Result<LoggedIntent<'static>, Fault> {
    let hash: [u8; 32] = read_hash(row, 10)?;
    let text = |column| -> Result<Cow<'static, str>, Fault> { Ok(Cow::Owned(row.get(column)?)) };
    let optional = |column| -> Result<Option<Cow<'static, str>>, Fault> {
        Ok(row.get::<_, Option<String>>(column)?.map(Cow::Owned))
    };
    Ok(LoggedIntent {
        seq: row.get(0)?,
        step: Cow::Owned(read_step_id(row, 1)?),
        flow: text(4)?,
        operation: text(5)?,
        who: text(6)?,
        account: text(7)?,
        key: text(8)?,
        attempt: read_number(row, 9)?,
        hash: hexadecimal(&hash).into(),
        subject: optional(11)?,
        amount: read_money(row, 12)?,
        money: row.get(14)?,
        at: read_instant(row, 15)?,
        stamp: optional(16)?,
        look_up: Cow::Owned(read_json(row, 17)?),
    })
}

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
    let step = free_place(desk, run, &intent.step)?;
    insert_unknown(desk, run, &step, intent, at)?;
    if intent.money {
        limits::note_begun(desk, run, intent.at, intent.amount)?;
    }
    desk.any_open.set(Some(true));
    audit::note(desk, at, &step.to_string(), None, OutcomeStatus::Unknown.as_str(), Some("adopted"))?;
    Ok(step)
}

/// The run of an intent. One that the database has forgotten too is begun and over at once: nobody works on it. Its
/// rows are items that are unknown.
fn run_of(desk: &Desk, intent: &LoggedIntent<'_>, at: Timestamp) -> Result<RunNumbers, Fault> {
    let id = &intent.step.item.run;
    match runs::numbers(desk, id) {
        Ok(known) if !is_adopted(desk, known)? => return Ok(known),
        Ok(_) => {}
        Err(Fault::Refused(JournalError::NoRun(_))) => begin_adopted(desk, id, &intent.flow, at)?,
        Err(fault) => return Err(fault),
    }
    let run = runs::numbers(desk, id)?;
    let (amount, currency) = hundredths(intent.amount)?;
    desk.prepare_cached(
        "INSERT INTO items (run, ordinal, line, cells_hash, amount, currency, state, at, code)
         VALUES (?1, ?2, 0, zeroblob(16), ?3, ?4, 'unknown', ?5, 'adopted') ON CONFLICT DO NOTHING",
    )?
    .execute(params![run.no, integer(intent.step.item.ordinal)?, amount, currency, instant(at)])?;
    Ok(run)
}

fn is_adopted(connection: &Connection, run: RunNumbers) -> Result<bool, Fault> {
    let query = connection.prepare_cached("SELECT name = ?2 AND source = 'null' FROM runs WHERE no = ?1")?;
    Ok(first(query, params![run.no, ADOPTED_RUN], |row| Ok(row.get(0)?))?.unwrap_or(false))
}

fn begin_adopted(desk: &Desk, id: &RunId, flow: &str, at: Timestamp) -> Result<(), Fault> {
    let run = NewRun {
        id: id.clone(),
        flow: flow.to_owned(),
        trigger: TriggerKind::Call,
        name: ADOPTED_RUN.to_owned(),
        source: serde_json::Value::Null,
        script: ScriptBundle::default(),
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
    audit::note(desk, at, id.as_str(), Some(claimed), finished, Some("adopted"))
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
    let row = superseded();
    for (run, step, was) in earlier {
        outcomes::write_outcome(desk, run, &step, &row, &was, at)?;
        audit::note(desk, at, &step.to_string(), Some(&was), row.status().as_str(), row.code())?;
    }
    Ok(())
}

/// The outcome of an attempt that was followed by another.
fn superseded() -> OutcomeRow {
    OutcomeRow::of(
        OutcomeStatus::Rejected,
        "superseded",
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

fn insert_unknown(
    connection: &Connection,
    run: RunNumbers,
    step: &StepId,
    intent: &LoggedIntent<'_>,
    at: Timestamp,
) -> Result<(), Fault> {
    let (amount, currency) = hundredths(intent.amount)?;
    let hash = read_hexadecimal(&intent.hash).ok_or_else(|| super::convert::corrupt("hash", &intent.hash))?;
    let look_up = (!intent.look_up.is_null()).then(|| intent.look_up.to_string());
    let text = adopted();
    connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, state, attempt, money, amount, currency, intent_at, outcome_at,
                    operation, who, account, key, request_hash, subject, stamp, look_up, code, message_he, message_en,
                    data)
             VALUES (?1, ?2, ?3, 'unknown', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, 'adopted',
                    ?18, ?19, 'null')",
        )?
        .execute(params![
            run.no,
            integer(step.item.ordinal)?,
            step.position,
            intent.attempt,
            intent.money,
            amount,
            currency,
            instant(intent.at),
            instant(at),
            intent.operation,
            intent.who,
            intent.account,
            intent.key,
            hash,
            intent.subject,
            intent.stamp,
            look_up,
            text.he,
            text.en
        ])?;
    Ok(())
}

/// What is said of an intent that only the log knew.
fn adopted() -> Text {
    Text::new(
        "הנתונים שוחזרו מגיבוי שנעשה לפני שהפעולה נשלחה, ולכן לא ידוע אם היא בוצעה. \
         אין לשלוח אותה שוב לפני בדיקה אצל הספק, כדי שלא יהיה חיוב כפול.",
        "The data was restored from a backup that is older than this, so it is not known whether it was carried out. \
         Do not send it again before checking with the provider: it might be charged twice.",
    )
}
