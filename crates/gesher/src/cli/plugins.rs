//! What can be typed after `plugins`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `plugins`
#[derive(Debug, Args)]
pub struct PluginsArgs {
    /// What to do; without it, they are listed.
    #[command(subcommand)]
    pub command: Option<PluginsCommand>,
}

/// `plugins`
#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// List the hub's plugins: their operations, and what they may use.
    List,
    /// Tell what a library is, and what to write down to use it. It is loaded in a process of its own.
    Inspect(PluginInspectArgs),
    /// Make a crate with an operation, its example and its test.
    New(PluginNewArgs),
}

/// `plugins inspect`
#[derive(Debug, Args)]
pub struct PluginInspectArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `plugins new`
#[derive(Debug, Args)]
pub struct PluginNewArgs {
    /// The folder to make; its name is the plugin's.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where the crate gesher-plugin lies, where it does not come from a registry.
    #[arg(long, value_name = "DIR")]
    pub sdk: Option<PathBuf>,
}
