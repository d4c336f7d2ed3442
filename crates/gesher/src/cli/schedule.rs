//! What can be typed about schedules.

use clap::Args;

/// `schedule`
#[derive(Debug, Args)]
pub struct ScheduleArgs {
    /// Only this flow.
    #[arg(value_name = "FLOW")]
    pub flow: Option<String>,
    /// So many ticks that fire, of each flow; what is skipped between them comes extra.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub next: u32,
    /// From this time on, instead of now: 2026-12-01T06:00 by the hub's time zone, or with an offset.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
}
