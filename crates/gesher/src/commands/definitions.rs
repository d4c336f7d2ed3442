//! `definitions`: writes what editors need to know of every function and operation.

use crate::cli::DefinitionsArgs;
use crate::config::Config;
use crate::definitions;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use serde_json::json;
use std::path::Path;

/// Writes them into the folder that was named, or into the hub's own.
pub fn run(output: Output, hub: &Path, args: &DefinitionsArgs) -> Result<Exit, HubError> {
    let folder = args.folder.clone().unwrap_or_else(|| hub.join(definitions::FOLDER));
    let shown = folder.display();
    std::fs::create_dir_all(&folder).doing(format!("making the folder {shown}"))?;
    // Outside of a hub's folder there are no plugins, and no reason to complain.
    let registry = match Config::load(hub) {
        Ok(config) => crate::plugins::catalogue(&config)?,
        Err(_) => crate::providers::catalogue()?,
    };
    let files = definitions::files(&registry);
    for (name, text) in &files {
        let path = folder.join(name);
        std::fs::write(&path, text).doing(format!("writing {}", path.display()))?;
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    output.json(&json!({ "folder": folder, "files": names }));
    output.text(&format!("wrote {} into {shown}", names.join(", ")));
    Ok(Exit::Well)
}
