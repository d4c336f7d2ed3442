//! Loads plugins and keeps them at a distance.
//!
//! [`Plugin::open`] reads a library's bytes once, compares their hash with the one that a person wrote down, and runs
//! those bytes: in a child of the hub ([`child`]), or in the hub itself where that was chosen. [`PluginProvider`] makes
//! the plugin's operations a provider like any other, so that keys, limits, intents and outcomes are the engine's
//! affair. What the plugin asks for in the middle of a call is answered within its capabilities, and what it answers
//! is checked before it is believed.
//!
//! Which plugins there are, their secrets, and the hub's HTTP client come from outside ([`Services`]).

mod answering;
mod capability;
pub mod child;
mod frame;
mod in_process;
mod inline;
mod library;
mod looks;
mod mailbox;
mod manifest;
mod outcome;
mod plugin;
mod pool;
mod process;
mod provider;
mod source;
mod trail;
mod verify;

pub use answering::{HttpFault, Services};
pub use capability::{Capability, CapabilityFault};
pub use library::{Asked, LoadFault};
pub use manifest::{ExampleManifest, Manifest, ManifestFault, OperationManifest, SourceManifest};
pub use plugin::{Isolation, Plugin, PluginError, Spec, inspect};
pub use pool::SOURCE_PROCESSES_MAX;
pub use provider::PluginProvider;
pub use source::{Event, Polled};
pub use verify::{Sha256, VerifyFault, read_verified};
