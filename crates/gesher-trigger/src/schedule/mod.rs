//! Schedules: when a flow is started by the clock, what each tick is called for ever, and what becomes of one that was
//! missed.
//!
//! Everything about *when* is pure: the words of a line (`fields`, `cron`), days of rest (`calendar`), times of the wall
//! clock (`slots`), instants (`ticks`). What the clock of the machine may be believed is in `clock`.

mod calendar;
mod cron;
mod fault;
mod fields;
mod slots;
mod ticks;

pub use calendar::{Calendar, DATES_BYTES_MAX, Reason, Rest, read_dates};
pub use cron::{Cron, Kind};
pub use fault::ScheduleFault;
pub use slots::{MOVE_DAYS_MAX, WhenSkipped};
pub use ticks::{Left, Moment, Schedule, Tick};
