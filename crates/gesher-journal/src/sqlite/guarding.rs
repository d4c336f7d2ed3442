//! Between the database and the intent log: whether the database has what was logged, and the completion of a log that
//! is shorter. What is done about intents that only the log knows is left to `adopting`.
//!
//! An intent is known by account, operation, key and attempt. Each attempt is one send, and the database numbers them
//! without a gap, so one that it lacks is one that it has forgotten.

use super::convert::{all, first, hexadecimal, read_hash, read_instant, read_json, read_money, read_number};
use super::fault::Fault;
use super::step_reads::read_step_id;
use super::{SqliteJournal, open};
use crate::error::JournalError;
use crate::guard::Guard;
use crate::intent_log::{IntentLog, LoggedIntent};
use rusqlite::{Connection, Row, params};
use std::borrow::Cow;
use std::path::Path;

/// Intents that are written to the log at a time when it is completed.
const COMPLETED_AT_A_TIME: i64 = 1_000;

impl SqliteJournal {
    /// Compares a journal with an intent log, beside a hub that may be running. Changes neither.
    pub fn compare(path: &Path, intent_log: &Path) -> Result<Guard, JournalError> {
        let (reading, hub) = open::existing(path)?;
        // The log first: whatever it holds by then, the database has had before.
        let log = IntentLog::open_to_read(intent_log, &hub)?;
        missing(&reading, &log)
            .map(|(guard, _)| guard)
            .map_err(|fault| fault.while_doing("compare itself with the intent log"))
    }

    /// Reads the whole intent log of a journal, beside a hub that may be running, and answers how many intents it holds.
    /// Refused with [`JournalError::IntentLog`] where it is another hub's, or a line is damaged: the first such is named.
    pub fn check_log(path: &Path, intent_log: &Path) -> Result<u64, JournalError> {
        let (_, hub) = open::existing(path)?;
        IntentLog::open_to_read(intent_log, &hub)?.check_all()
    }
}

/// Compares log and database. A log that is shorter, because a crash came between the two or because it is new, is
/// completed.
pub(super) fn compare(connection: &Connection, log: &mut IntentLog) -> Result<Guard, Fault> {
    if is_lost(connection, log)? {
        let path = log.path().display();
        tracing::warn!(
            %path,
            "there was no intent log although this journal holds intents: it is begun anew from the journal, and cannot \
             tell whether the journal was restored from a backup. If it was, put the old log back before anything is sent"
        );
    }
    let (guard, known) = missing(connection, log)?;
    if guard == Guard::Complete {
        complete(connection, log, known)?;
    }
    Ok(guard)
}

/// Whether a log was begun for a journal that has sent before: its own log is gone.
pub(super) fn is_lost(connection: &Connection, log: &IntentLog) -> Result<bool, Fault> {
    let query = connection.prepare_cached("SELECT 1 FROM steps WHERE attempt IS NOT NULL LIMIT 1")?;
    Ok(log.was_begun() && first(query, [], |_| Ok(()))?.is_some())
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
pub(super) fn place_of(connection: &Connection, intent: &LoggedIntent<'_>) -> Result<Option<i64>, Fault> {
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
                    s.request_hash, s.subject, s.amount, s.currency, s.money, s.intent_at, s.stamp, s.look_up,
                    CASE WHEN i.attempt IS NOT NULL THEN i.key END, s.original,
                    CASE WHEN v.handle IS NOT NULL THEN coalesce(v.business, '') END
             FROM steps s JOIN runs r ON r.no = s.run JOIN flows f ON f.no = r.flow
                 LEFT JOIN items i ON i.run = s.run AND i.ordinal = s.ordinal
                 LEFT JOIN vendors v ON v.handle = s.who AND v.step_run = s.run AND v.step_ordinal = s.ordinal
                     AND v.step_position = s.position AND s.account LIKE v.provider || ':%'
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
        row: optional(18)?,
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
        original: optional(19)?,
        look_up: Cow::Owned(read_json(row, 17)?),
        opens: optional(20)?,
    })
}
