//! The Rhai host: what scripts can call, how far they may go, and what is wrong with them.
//!
//! [`compile`] turns a script's file into a [`RhaiProgram`], which the engine runs for each item; [`compile_kept`] does
//! the same with the sources that an interrupted run kept. Scripts have no
//! reach of their own: all that can differ between two executions goes through [`Host`], and each such call is a
//! step of the engine's.

mod bindings;
mod builtins;
mod calls;
mod check;
mod clock;
mod convert;
mod cover;
mod engines;
mod handing;
mod host;
mod il;
mod item;
mod keeping;
mod library;
pub mod limits;
mod program;
mod reach;
mod reaching;
mod report;
mod requests;
pub mod script_test;
mod seam;
mod shadow;
mod webhook;

pub use bindings::{arities, expected_call};
pub use builtins::{Builtin, builtins};
pub use calls::callable;
pub use check::{ColumnUse, FlowStart, ScriptFault};
pub use convert::{ConvertFault, Unfit, from_json, to_json};
pub use cover::{Coverage, FunctionCoverage};
pub use library::{CompileOptions, RhaiHost, compile, compile_kept};
pub use program::RhaiProgram;
pub use report::{Place, SCRIPT_ERROR};
pub use seam::{Host, Level};

#[cfg(test)]
mod check_tests;
#[cfg(test)]
extern crate self as gesher_script;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unread;
