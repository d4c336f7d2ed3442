//! The triggers that start runs: file drops.
//!
//! A trigger accepts what happens outside, writes it down, and hands rows to the engine. It calls no operation and
//! decides nothing about money.

pub mod drop;
pub mod room;
