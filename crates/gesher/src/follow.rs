//! Shows a run as it goes on: a bar on a terminal, nothing in a pipe. Follows a run of this process by its counters,
//! and one of another process through the journal.

use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_core::{Clock, ItemStatus, RunId, SystemClock};
use gesher_engine::journal::{ItemQuery, Journal, RunRecord, RunState, Tally};
use gesher_engine::{KEY_OPEN, LIMIT, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::future::Future;
use std::time::Duration;

/// How often a run of another process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The least wait between two looks, in times of what the last one took.
const LOOKS_APART: u32 = 10;
/// Looks at a run of another process before it is asked whether that process still lives.
const LOOKS_BEFORE_DOUBT: u32 = 25;
/// Looks at a held or halted run without a change before it is taken as waiting.
const QUIET_LOOKS: u32 = 5;
/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Items that are read at a time.
const PAGE_ITEMS: usize = 1_000;

/// A bar of items; invisible where nobody looks.
pub fn bar(output: Output) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("  {bar:32} {pos}/{len} rows  {per_sec}  {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}

/// Waits for `work`, and shows its counters meanwhile.
pub async fn counters<T>(output: Output, progress: &Progress, work: impl Future<Output = T>) -> T {
    let bar = bar(output);
    let mut work = std::pin::pin!(work);
    let mut clock = tokio::time::interval(DRAW_EVERY);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = clock.tick() => {
                bar.set_length(progress.total());
                bar.set_position(progress.ended());
            }
        }
    };
    bar.finish_and_clear();
    result
}

/// Waits until a run is over, or held or halted and waiting for a person, or until `is_worked_on` says that nobody works on it
/// any more.
pub async fn to_the_end(
    output: Output,
    journal: &dyn Journal,
    run: &RunId,
    is_worked_on: impl Fn() -> bool,
) -> Result<(RunRecord, Tally), HubError> {
    let bar = bar(output);
    let (mut looks, mut quiet_looks, mut before): (u32, u32, Option<Tally>) = (0, 0, None);
    let clock = SystemClock::new();
    loop {
        let began = clock.monotonic();
        let (record, tally) = read(journal, run).await?;
        let took = clock.monotonic().saturating_sub(began);
        // Items at work end after the halt: it is over once nothing changes any more.
        let waits = matches!(record.state, RunState::Held | RunState::Halted);
        let is_quiet = waits && before.as_ref() == Some(&tally);
        quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
        bar.set_length(record.rows.unwrap_or_else(|| tally.items()));
        bar.set_position(tally.items() - tally.queued);
        looks += 1;
        let abandoned = looks.is_multiple_of(LOOKS_BEFORE_DOUBT) && !is_worked_on();
        if record.state.is_final() || quiet_looks == QUIET_LOOKS || abandoned {
            bar.finish_and_clear();
            return Ok((record, tally));
        }
        before = Some(tally);
        // Counting a long run takes long, and must not be what the hub is busy with.
        tokio::time::sleep(LOOK_EVERY.max(took * LOOKS_APART)).await;
    }
}

/// Whether a limit stopped some item of a run. Only items that it may have stopped are looked at.
pub async fn is_limited(journal: &dyn Journal, run: &RunId, tally: &Tally) -> Result<bool, HubError> {
    for status in [ItemStatus::NotSent, ItemStatus::Incomplete] {
        let is_any = tally.count(status) > 0 || tally.finish == Some(status);
        if is_any && is_any_among(journal, run, status, LIMIT).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether some item of a run was not sent because its key belongs to another of which nobody knows whether it was done.
pub async fn is_held_open(journal: &dyn Journal, run: &RunId, tally: &Tally) -> Result<bool, HubError> {
    let status = ItemStatus::Duplicate;
    Ok(tally.count(status) > 0 && is_any_among(journal, run, status, KEY_OPEN).await?)
}

/// Whether an item of that status has that code.
async fn is_any_among(
    journal: &dyn Journal,
    run: &RunId,
    status: ItemStatus,
    code: &str,
) -> Result<bool, HubError> {
    let mut query = ItemQuery { run: run.clone(), status: Some(status), after: None, limit: PAGE_ITEMS };
    loop {
        let page = journal.items(&query).await.doing("reading the run's items")?;
        let mut ends = page.iter().filter_map(|item| item.end.as_ref());
        if ends.any(|end| end.code.as_deref() == Some(code)) {
            return Ok(true);
        }
        let Some(last) = page.last() else { return Ok(false) };
        query.after = Some(last.id.ordinal);
    }
}

/// A run and its counts.
pub async fn read(journal: &dyn Journal, run: &RunId) -> Result<(RunRecord, Tally), HubError> {
    let record = journal.run(run).await.doing("reading the run")?;
    let record = record.ok_or_else(|| HubError::failed(format!("run {run} is not in the journal")))?;
    let tally = journal.tally(run).await.doing("counting the run's items")?;
    Ok((record, tally))
}
