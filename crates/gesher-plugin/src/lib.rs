//! What the author of a plugin needs.
//!
//! An operation is described as the hub's own are, by [`Operation`]: descriptor, typed request and answer, rules,
//! examples. [`PluginOperation`] adds the doing. A [`Plugin`] is a table of them, [`export_plugin!`] makes a library of
//! it, and [`testing`] runs its examples through the very interface that the hub uses. `gesher plugins new DIR` makes a
//! crate that begins with all of this; `docs/plugins.md` explains it.
//!
//! A panic in an operation is caught here and told to the hub. This crate leaves loading, checking and isolation to
//! the hub, and believes nothing of it that the interface does not say.

mod entry;
#[doc(hidden)]
pub mod export;
mod host;
mod source;
pub mod testing;

pub use entry::{Performed, Plugin, PluginEntry, PluginOperation, descriptor};
pub use gesher_core::operation::Facts;
pub use gesher_core::{
    Amount, Currency, Decimal, Descriptor, Effect, Example, KeyRule, LookUp, Money, Operation, Outcome,
    OutcomeStatus, Rejection, Reply, Secret, Sender, Text,
};
pub use host::{Answer, Asked, Host, HostError, HttpAnswer, HttpRequest, Level};
pub use jiff;
pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, Value, json};
pub use source::{Event, Polled, Source, SourceEntry};
