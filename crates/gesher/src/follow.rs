//! Shows a run as it goes on: a bar on a terminal, nothing in a pipe. Follows a run of this process by its counters,
//! and one of another process through the journal.

use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_core::RunId;
use gesher_engine::Progress;
use gesher_engine::journal::{Journal, RunRecord, Tally};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::future::Future;
use std::time::Duration;

/// How often a run of another process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks at a run of another process before it is asked whether that process still lives.
const LOOKS_BEFORE_DOUBT: u32 = 25;
/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

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

/// Waits until a run is over, or until `is_worked_on` says that nobody works on it any more.
pub async fn to_the_end(
    output: Output,
    journal: &dyn Journal,
    run: &RunId,
    is_worked_on: impl Fn() -> bool,
) -> Result<(RunRecord, Tally), HubError> {
    let bar = bar(output);
    let mut looks: u32 = 0;
    loop {
        let (record, tally) = read(journal, run).await?;
        bar.set_length(record.rows.unwrap_or_else(|| tally.items()));
        bar.set_position(tally.items() - tally.queued);
        looks += 1;
        let abandoned = looks.is_multiple_of(LOOKS_BEFORE_DOUBT) && !is_worked_on();
        if record.state.is_final() || abandoned {
            bar.finish_and_clear();
            return Ok((record, tally));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A run and its counts.
pub async fn read(journal: &dyn Journal, run: &RunId) -> Result<(RunRecord, Tally), HubError> {
    let record = journal.run(run).await.doing("reading the run")?;
    let record = record.ok_or_else(|| HubError::failed(format!("run {run} is not in the journal")))?;
    let tally = journal.tally(run).await.doing("counting the run's items")?;
    Ok((record, tally))
}
