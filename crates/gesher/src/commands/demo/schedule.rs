//! The demo's schedule: each second, so that nobody waits, until it fired once; in a demo that is kept it is one of each
//! morning from then on.

use super::{LOOK_EVERY, TAKE_SECONDS_MAX, flow};
use crate::compose::Hub;
use crate::config::FILE;
use crate::error::{Doing, HubError};
use gesher_engine::Stop;
use gesher_engine::journal::{Journal, RunRecord};
use std::time::Duration;

/// The flow that is scheduled.
const FLOW: &str = "morning";
/// Its schedule while the demo goes on, as the file has it.
const EACH_SECOND: &str =
    "cron   = \"* * * * * *\" # each second; once the demo is over, each morning at six";
/// And after it.
const EACH_MORNING: &str = "cron   = \"0 6 * * *\"   # each morning at six";

/// Waits until the schedule fired, and its run is over.
pub(super) async fn fire(hub: &Hub) -> Result<RunRecord, HubError> {
    let schedule = flow(hub, FLOW)?.schedule.clone();
    let schedule = schedule.ok_or_else(|| HubError::failed("the demo has no schedule"))?;
    let stop = Stop::new();
    let watching = tokio::spawn({
        let stop = stop.clone();
        async move { schedule.watch(&stop).await }
    });
    let fired = first_over(&*hub.store.journal);
    let fired = tokio::time::timeout(Duration::from_secs(TAKE_SECONDS_MAX), fired).await;
    stop.request();
    watching.await.doing("the schedule ended badly")?.doing("the schedule cannot go on")?;
    slow_down(hub)?;
    fired.doing("the schedule did not fire")?
}

async fn first_over(journal: &dyn Journal) -> Result<RunRecord, HubError> {
    loop {
        let runs = journal.runs(Some(FLOW), 10).await.doing("reading the runs")?;
        if let Some(run) = runs.into_iter().rev().find(|run| run.state.is_final()) {
            return Ok(run);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Nobody who goes on with the demo's hub wants a run a second.
fn slow_down(hub: &Hub) -> Result<(), HubError> {
    let path = hub.config.root.join(FILE);
    let text = std::fs::read_to_string(&path).doing("the demo's configuration cannot be read")?;
    std::fs::write(&path, text.replace(EACH_SECOND, EACH_MORNING))
        .doing("the demo's configuration cannot be written")
}

/// What is said of it.
pub(super) fn words(run: &RunRecord) -> String {
    format!(
        "\n5. A schedule was due: its tick of {} began run {} by itself, which is {}. `gesher schedule` shows the coming \
         ticks.\n",
        run.name,
        run.id,
        run.state.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_s_hub_has_the_schedule_that_is_slowed_down() {
        let text = include_str!("../../../templates/demo.toml");
        assert_eq!(text.matches(EACH_SECOND).count(), 1);
    }
}
