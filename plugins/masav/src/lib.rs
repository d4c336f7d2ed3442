//! A plugin: builds and reads Masav files, by which banks take many debits or pay many credits at once.
//!
//! A file is text of fixed records, so nothing here has an effect: a person, or the bank's own program, signs and sends
//! what was built. [`record`] has the places of every field, [`letters`] the code page.

pub mod build;
pub mod letters;
pub mod read;
pub mod record;

use gesher_plugin::{Plugin, PluginEntry};

/// What the hub loads.
pub static PLUGIN: Plugin = Plugin {
    name: "masav",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Builds and reads Masav files of bank debits and credits.",
    needs: &[],
    operations: &[PluginEntry::of::<build::BuildFile>(), PluginEntry::of::<read::ReadFile>()],
    sources: &[],
};

gesher_plugin::export_plugin!(PLUGIN);
