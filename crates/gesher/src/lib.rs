//! The hub as a program: configuration, composition, commands.
//!
//! The only crate that knows all others. What a step, a run or a provider is, is theirs; here they are put together
//! from a hub's folder, and shown to people.

pub mod actor;
pub mod alerting;
pub mod calls;
pub mod cli;
pub mod commands;
pub mod compose;
pub mod config;
pub mod decisions;
pub mod definitions;
pub mod disk;
pub mod error;
pub mod exit;
pub mod fields;
pub mod follow;
pub mod handover;
pub mod health;
pub mod logging;
pub mod orphans;
pub mod output;
pub mod plugins;
pub mod providers;
pub mod reload;
pub mod renewal;
pub mod signals;
pub mod spool;
pub mod starting;
pub mod table;
pub mod tending;
pub mod ticks;
pub mod troubles;
pub mod webhooks;
pub mod zone_data;
