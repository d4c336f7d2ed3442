//! Ticks that a person asks for: `run FLOW --at`. Which tick is meant, and how it is handed to the hub that runs.

use crate::commands::schedule::moment;
use crate::compose::LoadedFlow;
use crate::error::HubError;
use gesher_trigger::schedule::{Moment, Schedule, ScheduleTrigger, Tick};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A tick, as it is handed to the hub that runs: by the instant at which it fires.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TickRequest {
    /// The flow's name.
    pub flow: String,
    /// When it fires: an instant.
    pub at: String,
}

impl TickRequest {
    /// The tick, by the schedule with which the hub runs.
    pub fn tick(&self, flow: &LoadedFlow) -> Result<(Tick, ScheduleTrigger), HubError> {
        let schedule = flow.schedule.as_ref().ok_or_else(|| none(&self.flow))?;
        let moment = moment(&self.at)?;
        let tick = tick(&self.flow, &schedule.rules().schedule, moment, &self.at)?;
        Ok((tick, schedule.clone()))
    }
}

/// What is said of a flow without a schedule.
pub fn none(flow: &str) -> HubError {
    HubError::usage(format!("the flow {flow} has no schedule, so it has no ticks"))
        .hint("run it with --file FILE or --body FILE")
}

/// The tick that is meant by a time, or a refusal that names the nearest ones.
pub fn tick(flow: &str, schedule: &Schedule, moment: Moment, shown: &str) -> Result<Tick, HubError> {
    if let Some(tick) = schedule.tick_at(moment) {
        return Ok(tick);
    }
    let at = moment.instant(schedule).unwrap_or(Timestamp::MIN);
    let near = [schedule.last_before(at), schedule.next_after(at)];
    let near: Vec<String> = near.into_iter().flatten().map(|tick| tick.local.to_string()).collect();
    let hint = match near.is_empty() {
        true => "it has none near".to_owned(),
        false => {
            format!("the nearest are {}; `gesher schedule {flow}` lists the coming ones", near.join(" and "))
        }
    };
    Err(HubError::usage(format!("the schedule of {flow} has no tick at {shown}")).hint(hint))
}
