//! The triggers that start runs: file drops, and events that are a run of one item each.
//!
//! A trigger accepts what happens outside, writes it down, and hands rows to the engine. It calls no operation and
//! decides nothing about money.

pub mod drop;
mod error;
pub mod event;
pub mod room;
pub mod schedule;
pub mod source;
pub mod webhook;

pub use error::TriggerError;
