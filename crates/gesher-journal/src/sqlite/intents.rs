//! Intents: the rules by which a step may be sent, and what stands against one.

use super::convert::{first, hexadecimal, hundredths, instant, integer, json_text};
use super::desk::Desk;
use super::fault::Fault;
use super::step_reads::{IN_FLIGHT, read_step, select_steps};
use super::{audit, items, limits, originals, room, runs, vendors};
use crate::error::JournalError;
use crate::intent_log::LoggedIntent;
use crate::record::{Begin, Intent, KeyUse, StepRecord, StepState, SubjectUse};
use rusqlite::{Connection, params};
use std::borrow::Cow;

/// An intent's longer values as text, made before the writer is asked.
pub(super) struct IntentTexts {
    step: String,
    look_up: Option<String>,
}

impl IntentTexts {
    /// Turns them into text.
    pub(super) fn new(intent: &Intent) -> Self {
        let look_up = (!intent.look_up.is_null()).then(|| json_text(&intent.look_up));
        Self { step: intent.step.to_string(), look_up }
    }
}

pub(super) fn begin(desk: &Desk, intent: &Intent, texts: &IntentTexts) -> Result<Begin, Fault> {
    desk.require_sender()?;
    let run = runs::numbers(desk, &intent.step.item.run)?;
    let attempt = match key_of(desk, run.no, &used(intent))? {
        KeyState::Free { attempt } => attempt,
        KeyState::Taken(begin) => return Ok(begin),
    };
    if let Some(reached) = limits::reached_by_one(intent) {
        return Ok(Begin::Limited(reached));
    }
    if let Some(business) = &intent.opens
        && let Some(vendor) = vendors::in_the_way(desk, intent, business)?
    {
        return Ok(Begin::Vendor(Box::new(vendor)));
    }
    if let Some(step) = locked_by(desk, intent)? {
        return Ok(Begin::Locked(Box::new(step)));
    }
    if let Some(exhausted) = originals::exhausted(desk, intent)? {
        return Ok(Begin::Exhausted(exhausted));
    }
    if let Some(reached) = limits::reached(desk, run, intent)? {
        return Ok(Begin::Limited(reached));
    }
    insert(desk, run.no, intent, texts, attempt)?;
    let seq = desk.last_insert_rowid();
    if intent.money {
        limits::note_begun(desk, run, intent.at, intent.amount)?;
    }
    audit::note(desk, intent.at, &texts.step, None, IN_FLIGHT, None)?;
    if let Some(business) = &intent.opens {
        vendors::begin_opening(desk, run.no, intent, business)?;
    }
    if desk.log().is_some() {
        let flow = runs::flow_name(desk, run.flow)?;
        let row = items::taken_key(desk, run.no, integer(intent.step.item.ordinal)?)?;
        desk.note_begun(&LoggedIntent { row: row.map(Cow::Owned), ..logged(intent, &flow, seq, attempt) })?;
    }
    Ok(Begin::Send { attempt })
}

fn insert(
    connection: &Connection,
    run: i64,
    intent: &Intent,
    texts: &IntentTexts,
    attempt: u32,
) -> Result<(), Fault> {
    let (amount, currency) = hundredths(intent.amount)?;
    let begun = connection
        .prepare_cached(
            "INSERT INTO steps (run, ordinal, position, state, attempt, money, amount, currency, intent_at, operation,
                    who, account, key, request_hash, subject, stamp, look_up, original, data)
             VALUES (?1, ?2, ?3, 'in_flight', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT (run, ordinal, position) DO NOTHING",
        )?
        .execute(params![
            run,
            integer(intent.step.item.ordinal)?,
            intent.step.position,
            attempt,
            intent.money,
            amount,
            currency,
            instant(intent.at),
            intent.operation,
            intent.who,
            intent.account,
            intent.key.as_str(),
            intent.request_hash,
            intent.subject,
            intent.stamp,
            texts.look_up,
            intent.original.as_ref().map(|original| &original.reference),
            intent.money.then_some(room::FOR_ANSWER)
        ])?;
    if begun == 0 {
        return Err(JournalError::StepTaken(intent.step.clone()).into());
    }
    Ok(())
}

/// An intent as the intent log keeps it, but for its row's key.
fn logged<'a>(intent: &'a Intent, flow: &'a str, seq: i64, attempt: u32) -> LoggedIntent<'a> {
    LoggedIntent {
        seq,
        step: Cow::Borrowed(&intent.step),
        flow: flow.into(),
        row: None,
        operation: intent.operation.as_str().into(),
        who: intent.who.as_str().into(),
        account: intent.account.as_str().into(),
        key: intent.key.as_str().into(),
        attempt,
        hash: hexadecimal(&intent.request_hash).into(),
        subject: intent.subject.as_deref().map(Cow::Borrowed),
        amount: intent.amount,
        money: intent.money,
        at: intent.at,
        stamp: intent.stamp.as_deref().map(Cow::Borrowed),
        original: intent.original.as_ref().map(|original| original.reference.as_str().into()),
        look_up: Cow::Borrowed(&intent.look_up),
        opens: intent.opens.as_deref().map(Cow::Borrowed),
    }
}

/// A key as a call would use it.
struct Used<'a> {
    account: &'a str,
    operation: &'a str,
    key: &'a str,
    ordinal: u64,
    once: bool,
    request_hash: &'a [u8; 32],
}

fn used(intent: &Intent) -> Used<'_> {
    Used {
        account: &intent.account,
        operation: &intent.operation,
        key: intent.key.as_str(),
        ordinal: intent.step.item.ordinal,
        once: intent.once,
        request_hash: &intent.request_hash,
    }
}

/// What stands against the use of a key.
pub(super) fn key_taken(connection: &Connection, key_use: &KeyUse) -> Result<Option<Begin>, Fault> {
    let run = runs::known(connection, &key_use.item.run)?.no;
    let used = Used {
        account: &key_use.account,
        operation: &key_use.operation,
        key: key_use.key.as_str(),
        ordinal: key_use.item.ordinal,
        once: key_use.once,
        request_hash: &key_use.request_hash,
    };
    Ok(match key_of(connection, run, &used)? {
        KeyState::Free { .. } => None,
        KeyState::Taken(begin) => Some(begin),
    })
}

/// Where a key stands.
enum KeyState {
    /// It may be sent, as this attempt.
    Free { attempt: u32 },
    /// A step has it, in flight, succeeded or open; or this same item tried it and was told no, and is told the same
    /// again.
    Taken(Begin),
}

/// What a step that has a key, and keeps it, means for another use of it.
fn live(step: Box<StepRecord>, used: &Used<'_>) -> Begin {
    match step.state {
        StepState::InFlight => Begin::InFlight(step),
        StepState::Over(status) if status.is_open() => Begin::Open(step),
        _ if used.once || step.request_hash == *used.request_hash => Begin::Recorded(step),
        _ => Begin::Reused(step),
    }
}

/// Whether a key was ever used.
pub(super) const ANY_OF_KEY: &str =
    "SELECT 1 FROM steps WHERE account = ?1 AND operation = ?2 AND key = ?3 AND attempt IS NOT NULL LIMIT 1";

fn key_of(connection: &Connection, run: i64, used: &Used<'_>) -> Result<KeyState, Fault> {
    let named = params![used.account, used.operation, used.key];
    // Most keys are new, and the index alone says so at half the cost of reading a step.
    if first(connection.prepare_cached(ANY_OF_KEY)?, named, |_| Ok(()))?.is_none() {
        return Ok(KeyState::Free { attempt: 1 });
    }
    // Each attempt follows one that left the key free, so the last one says where the key stands.
    let last = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt IS NOT NULL
         ORDER BY s.attempt DESC LIMIT 1"
    ))?;
    let Some(last) = first(last, named, read_step)? else { return Ok(KeyState::Free { attempt: 1 }) };
    let free = matches!(last.state, StepState::Over(status) if status.leaves_key_free());
    if !(free || used.once && vendors::is_freed(connection, &last.id, last.state)?) {
        return Ok(KeyState::Taken(live(Box::new(last), used)));
    }
    let own = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt IS NOT NULL
             AND s.run = ?4 AND s.ordinal = ?5 AND s.code IS NOT ?6
         ORDER BY s.attempt DESC LIMIT 1"
    ))?;
    let ordinal = integer(used.ordinal)?;
    // An attempt that was withdrawn told nobody anything.
    let parameters = params![used.account, used.operation, used.key, run, ordinal, crate::UNLOGGED];
    Ok(match first(own, parameters, read_step)? {
        Some(step) => KeyState::Taken(Begin::Recorded(Box::new(step))),
        None => KeyState::Free { attempt: last.attempt.unwrap_or(0).saturating_add(1) },
    })
}

/// The oldest open step of another key on the intent's subject, unless a person unlocked it.
fn locked_by(desk: &Desk, intent: &Intent) -> Result<Option<StepRecord>, Fault> {
    let Some(subject) = &intent.subject else { return Ok(None) };
    if !desk.has_open_steps()? {
        return Ok(None);
    }
    open_on(
        desk,
        &SubjectUse {
            account: intent.account.clone(),
            operation: intent.operation.clone(),
            subject: subject.clone(),
            key: intent.key.clone(),
        },
    )
}

/// What locks a subject.
pub(super) fn open_on(
    connection: &Connection,
    subject_use: &SubjectUse,
) -> Result<Option<StepRecord>, Fault> {
    let SubjectUse { account, operation, subject, key } = subject_use;
    let query = connection.prepare_cached(select_steps!(
        "WHERE s.account = ?1 AND s.operation = ?2 AND s.subject = ?3
             AND s.attempt IS NOT NULL AND s.state IN ('unknown', 'conflict')
             AND s.key <> ?4 AND s.unlocked_at IS NULL
         ORDER BY s.seq LIMIT 1"
    ))?;
    first(query, params![account, operation, subject, key.as_str()], read_step)
}
