//! Schedules: when a flow is started by the clock, what each tick is called for ever, and what becomes of one that was
//! missed.
//!
//! Everything about *when* is pure: the words of a line (`fields`, `cron`), days of rest (`calendar`), times of the wall
//! clock (`slots`), instants (`ticks`). So is what is done about ticks that are due (`rules`), whether the machine's clock
//! may be believed (`clock`), and whether a schedule is the one that the journal knows (`known`). What happens is in
//! `trigger`, and in `missed` for ticks that were missed or are left out.

mod calendar;
mod clock;
mod cron;
mod fault;
mod fields;
mod known;
mod messages;
mod missed;
mod rules;
mod slots;
mod ticks;
mod trigger;

pub use calendar::{Calendar, DATES_BYTES_MAX, Reason, Rest, read_dates};
pub use cron::{Cron, Kind};
pub use fault::ScheduleFault;
pub use rules::{HELD_MAX, Missed, Overlap, PUNCTUAL, ScheduleRules};
pub use slots::{MOVE_DAYS_MAX, WhenSkipped};
pub use ticks::{Left, Moment, Schedule, Tick};
pub use trigger::ScheduleTrigger;
