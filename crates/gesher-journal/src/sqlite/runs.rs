//! Runs and the identity of their files.

use super::audit;
use super::convert::{
    all, corrupt, first, instant, integer, read_instant, read_json_or_none, read_number, read_number_or_none,
    read_word,
};
use super::decisions;
use super::desk::Desk;
use super::fault::Fault;
use crate::error::JournalError;
use crate::record::{FileIdentity, NewRun, RunChange, RunRecord, RunState, ScriptBundle, TriggerKind};
use gesher_core::RunId;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

/// Runs whose numbers the writer remembers; with more it begins anew.
const RUNS_KEPT_MAX: usize = 1024;

/// The columns that [`read_run`] reads.
macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, f.name, r.triggered_by, r.name, r.source, r.script, i.sha256, r.state, r.message, r.rows,
                    r.started_at, r.ended_at, r.closings, r.terms
             FROM runs r JOIN flows f ON f.no = r.flow LEFT JOIN files i ON i.run = r.no ",
            $rest
        )
    };
}

/// A run as the writer needs it: its numbers and its state.
pub(super) struct KnownRun {
    /// Its number.
    pub(super) no: i64,
    /// The number of its flow.
    pub(super) flow: i64,
    state: RunState,
}

impl KnownRun {
    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.state.is_final()
    }
}

/// A run by its id, or the refusal.
pub(super) fn known(connection: &Connection, run: &RunId) -> Result<KnownRun, Fault> {
    let query = connection.prepare_cached("SELECT no, flow, state FROM runs WHERE id = ?1")?;
    let found = first(query, [run.as_str()], |row| {
        Ok(KnownRun { no: row.get(0)?, flow: row.get(1)?, state: read_word(row, 2, "run state")? })
    })?;
    found.ok_or_else(|| JournalError::NoRun(run.clone()).into())
}

/// The numbers of a run. They never change, so the writer remembers them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunNumbers {
    /// Its own.
    pub(super) no: i64,
    /// That of its flow.
    pub(super) flow: i64,
}

/// The numbers of a run, or the refusal.
pub(super) fn numbers(desk: &Desk, run: &RunId) -> Result<RunNumbers, Fault> {
    if let Some(known) = desk.runs.borrow().get(run) {
        return Ok(*known);
    }
    let found = known(desk, run)?;
    let numbers = RunNumbers { no: found.no, flow: found.flow };
    let runs = &mut desk.runs.borrow_mut();
    if runs.len() >= RUNS_KEPT_MAX {
        runs.clear();
    }
    runs.insert(run.clone(), numbers);
    Ok(numbers)
}

/// The name of a flow.
pub(super) fn flow_name(desk: &Desk, flow: i64) -> Result<Arc<str>, Fault> {
    if let Some(known) = desk.flows.borrow().get(&flow) {
        return Ok(Arc::clone(known));
    }
    let query = desk.prepare_cached("SELECT name FROM flows WHERE no = ?1")?;
    let name: Option<String> = first(query, [flow], |row| Ok(row.get(0)?))?;
    let name: Arc<str> = name.ok_or_else(|| corrupt("flow", flow))?.into();
    desk.flows.borrow_mut().insert(flow, Arc::clone(&name));
    Ok(name)
}

pub(super) fn start(connection: &Connection, run: &NewRun, source: &str) -> Result<(), Fault> {
    let state = if run.held.is_some() { RunState::Held } else { RunState::Claimed };
    connection
        .prepare_cached("INSERT INTO flows (name) VALUES (?1) ON CONFLICT (name) DO NOTHING")?
        .execute([&run.flow])?;
    let begun = connection
        .prepare_cached(
            "INSERT INTO runs (id, flow, triggered_by, name, source, script, state, started_at, message, terms)
             SELECT ?1, no, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM flows WHERE name = ?2
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            run.id.as_str(),
            run.flow,
            run.trigger.as_str(),
            run.name,
            source,
            run.script.hash,
            state.as_str(),
            instant(run.at),
            run.held.as_ref().map(|held| &held.message),
            run.held.as_ref().map(|held| held.terms.to_string())
        ])?;
    if begun == 0 {
        return Err(JournalError::Taken(run.id.clone()).into());
    }
    keep_script(connection, &run.script)?;
    let why = run.held.as_ref().map(|held| held.message.as_str());
    audit::note(connection, run.at, run.id.as_str(), None, state.as_str(), why)
}

/// Keeps the sources of a script, unless they are kept already.
fn keep_script(connection: &Connection, script: &ScriptBundle) -> Result<(), Fault> {
    if script.files.is_empty() {
        return Ok(());
    }
    let known = connection.prepare_cached("SELECT 1 FROM scripts WHERE hash = ?1")?;
    if first(known, [&script.hash], |_| Ok(()))?.is_some() {
        return Ok(());
    }
    let files = serde_json::json!(script.files).to_string();
    connection
        .prepare_cached("INSERT INTO scripts (hash, main, files) VALUES (?1, ?2, ?3)")?
        .execute(params![script.hash, script.main, files])?;
    Ok(())
}

pub(super) fn script(connection: &Connection, hash: &str) -> Result<Option<ScriptBundle>, Fault> {
    let query = connection.prepare_cached("SELECT main, files FROM scripts WHERE hash = ?1")?;
    first(query, [hash], |row| {
        let files: String = row.get(1)?;
        let files = serde_json::from_str(&files).map_err(|_| corrupt("script", files))?;
        Ok(ScriptBundle { hash: hash.to_owned(), main: row.get(0)?, files })
    })
}

pub(super) fn change(
    connection: &Connection,
    id: &RunId,
    change: &RunChange,
    source: Option<&str>,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = known(connection, id)?;
    let state = change.state.unwrap_or(run.state);
    if !run.state.may_become(state) {
        let (from, to) = (run.state.as_str(), state.as_str());
        return Err(JournalError::Transition { run: id.clone(), from, to }.into());
    }
    if let Some(script) = &change.script {
        if !matches!(run.state, RunState::Claimed | RunState::Held) {
            let (from, to) = (run.state.as_str(), "a run of another script");
            return Err(JournalError::Transition { run: id.clone(), from, to }.into());
        }
        keep_script(connection, script)?;
    }
    if let Some((decision, result)) = &change.settles {
        decisions::settle(connection, *decision, result, at)?;
    }
    let rows = change.rows.map(integer).transpose()?;
    let ended_at = state.is_final().then(|| instant(at));
    connection
        .prepare_cached(
            "UPDATE runs SET state = ?2, message = coalesce(?3, message), source = coalesce(?4, source),
                    rows = coalesce(?5, rows), ended_at = coalesce(ended_at, ?6), terms = coalesce(?7, terms),
                    script = coalesce(?8, script)
             WHERE no = ?1",
        )?
        .execute(params![
            run.no,
            state.as_str(),
            change.message,
            source,
            rows,
            ended_at,
            change.terms.as_ref().map(ToString::to_string),
            change.script.as_ref().map(|script| &script.hash)
        ])?;
    if state != run.state {
        let (was, became) = (run.state.as_str(), state.as_str());
        audit::note(connection, at, id.as_str(), Some(was), became, change.message.as_deref())?;
    }
    Ok(())
}

/// An earlier run of the same bytes.
struct EarlierRun {
    no: i64,
    id: RunId,
    state: RunState,
}

pub(super) fn identify_file(
    connection: &Connection,
    id: &RunId,
    sha256: &[u8; 32],
) -> Result<FileIdentity, Fault> {
    let run = known(connection, id)?;
    let seq = take_identity(connection, &run, sha256)?;
    let query = connection.prepare_cached(
        "SELECT r.no, r.id, r.state FROM files i JOIN runs r ON r.no = i.run
         WHERE i.flow = ?1 AND i.sha256 = ?2 AND i.seq < ?3 ORDER BY i.seq DESC",
    )?;
    let earlier = all(query, params![run.flow, sha256, seq], |row| {
        Ok(EarlierRun {
            no: row.get(0)?,
            id: read_word(row, 1, "run id")?,
            state: read_word(row, 2, "run state")?,
        })
    })?;
    let mut latest = None;
    for one in earlier {
        if !one.state.is_final() {
            return Ok(FileIdentity::Duplicate { run: one.id });
        }
        if !counts(connection, &one)? {
            continue;
        }
        if left_rows_free(connection, run.flow, one.no)? {
            return Ok(FileIdentity::Again { run: one.id });
        }
        latest.get_or_insert(one.id);
    }
    Ok(latest.map_or(FileIdentity::New, |run| FileIdentity::Duplicate { run }))
}

/// Writes down whose bytes these are, unless that was done before, and answers its place in the order.
fn take_identity(connection: &Connection, run: &KnownRun, sha256: &[u8; 32]) -> Result<i64, Fault> {
    let known = connection.prepare_cached("SELECT seq FROM files WHERE run = ?1 AND sha256 = ?2")?;
    if let Some(seq) = first(known, params![run.no, sha256], |row| Ok(row.get(0)?))? {
        return Ok(seq);
    }
    connection.prepare_cached("DELETE FROM files WHERE run = ?1")?.execute([run.no])?;
    connection
        .prepare_cached("INSERT INTO files (run, flow, sha256) VALUES (?1, ?2, ?3)")?
        .execute(params![run.no, run.flow, sha256])?;
    Ok(connection.last_insert_rowid())
}

/// Whether a run that is over had anything to do with the rows of its file.
fn counts(connection: &Connection, run: &EarlierRun) -> Result<bool, Fault> {
    match run.state {
        RunState::Refused | RunState::Duplicate => Ok(false),
        RunState::Cancelled => {
            let query = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM items WHERE run = ?1 AND ordinal > 0)")?;
            Ok(first(query, [run.no], |row| Ok(row.get(0)?))?.unwrap_or(false))
        }
        _ => Ok(true),
    }
}

/// Whether a row of the run may be tried again: it ended without success, and nobody has its key. A duplicate is
/// such a row too when whoever had its key has left it free since.
fn left_rows_free(connection: &Connection, flow: i64, run: i64) -> Result<bool, Fault> {
    let query = connection.prepare_cached(
        "SELECT EXISTS (
             SELECT 1 FROM items i WHERE i.run = ?2 AND i.ordinal > 0
                 AND i.state NOT IN ('queued', 'succeeded', 'unknown')
                 AND (i.state <> 'duplicate' OR i.key IS NOT NULL)
                 AND (i.key IS NULL OR NOT EXISTS (
                     SELECT 1 FROM row_keys k JOIN items h ON h.run = k.run AND h.ordinal = k.ordinal
                     WHERE k.flow = ?1 AND k.key = i.key AND h.state IN ('queued', 'succeeded', 'unknown'))))",
    )?;
    Ok(first(query, [flow, run], |row| Ok(row.get(0)?))?.unwrap_or(false))
}

pub(super) fn run(connection: &Connection, id: &RunId) -> Result<Option<RunRecord>, Fault> {
    first(connection.prepare_cached(select_runs!("WHERE r.id = ?1"))?, [id.as_str()], read_run)
}

pub(super) fn newest(
    connection: &Connection,
    flow: Option<&str>,
    limit: usize,
) -> Result<Vec<RunRecord>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match flow {
        Some(flow) => {
            let query = select_runs!(
                "WHERE r.flow = (SELECT no FROM flows WHERE name = ?1) ORDER BY r.no DESC LIMIT ?2"
            );
            all(connection.prepare_cached(query)?, params![flow, limit], read_run)
        }
        None => {
            all(connection.prepare_cached(select_runs!("ORDER BY r.no DESC LIMIT ?1"))?, [limit], read_run)
        }
    }
}

pub(super) fn unfinished(connection: &Connection) -> Result<Vec<RunRecord>, Fault> {
    let query = select_runs!(
        "WHERE r.ended_at IS NULL AND NOT (r.state = 'claimed' AND r.triggered_by = 'webhook') ORDER BY r.no"
    );
    all(connection.prepare_cached(query)?, [], read_run)
}

/// Deliveries to a flow that nobody has begun to work on, oldest first, behind one of them.
pub(super) fn waiting(
    connection: &Connection,
    flow: &str,
    after: Option<&RunId>,
    limit: usize,
) -> Result<Vec<RunRecord>, Fault> {
    let after = after.map(|run| known(connection, run)).transpose()?.map_or(0, |run| run.no);
    let query = select_runs!(
        "WHERE r.state = 'claimed' AND r.triggered_by = 'webhook'
             AND r.flow = (SELECT no FROM flows WHERE name = ?1) AND r.no > ?2 ORDER BY r.no LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(connection.prepare_cached(query)?, params![flow, after, limit], read_run)
}

/// The flows to which there are such deliveries, with how many, by name.
pub(super) fn waiting_flows(connection: &Connection) -> Result<Vec<(String, u64)>, Fault> {
    let query = connection.prepare_cached(
        "SELECT f.name, count(*) FROM runs r JOIN flows f ON f.no = r.flow
         WHERE r.state = 'claimed' AND r.triggered_by = 'webhook' GROUP BY f.name ORDER BY f.name",
    )?;
    all(query, [], |row| Ok((row.get(0)?, read_number(row, 1)?)))
}

pub(super) fn stale(connection: &Connection) -> Result<Vec<RunRecord>, Fault> {
    let query = select_runs!("WHERE r.closings > r.reported AND r.ended_at IS NOT NULL ORDER BY r.no");
    all(connection.prepare_cached(query)?, [], read_run)
}

/// Notes that the reports of a run show so many closings. A later count stands against an earlier one.
pub(super) fn reports_written(desk: &Desk, id: &RunId, closings: u64, at: Timestamp) -> Result<(), Fault> {
    let run = numbers(desk, id)?.no;
    let written = desk
        .prepare_cached("UPDATE runs SET reported = ?2 WHERE no = ?1 AND reported < ?2 AND closings >= ?2")?
        .execute(params![run, integer(closings)?])?;
    if written == 0 {
        return Ok(());
    }
    let note = format!("closings {closings}");
    audit::note(desk, at, id.as_str(), None, "reported", Some(&note))
}

fn read_run(row: &Row<'_>) -> Result<RunRecord, Fault> {
    let source: String = row.get(4)?;
    let ended_at: Option<i64> = row.get(11)?;
    Ok(RunRecord {
        id: read_word(row, 0, "run id")?,
        flow: row.get(1)?,
        trigger: read_trigger(row, 2)?,
        name: row.get(3)?,
        source: serde_json::from_str(&source).map_err(|_| corrupt("run source", source))?,
        script: row.get(5)?,
        sha256: row.get(6)?,
        state: read_word(row, 7, "run state")?,
        message: row.get(8)?,
        rows: read_number_or_none(row, 9)?,
        started_at: read_instant(row, 10)?,
        ended_at: ended_at.map(|_| read_instant(row, 11)).transpose()?,
        closings: read_number(row, 12)?,
        terms: read_json_or_none(row, 13)?,
    })
}

fn read_trigger(row: &Row<'_>, column: usize) -> Result<TriggerKind, Fault> {
    let word: String = row.get(column)?;
    let known = TriggerKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    known.ok_or_else(|| corrupt("trigger", word))
}
