//! `plugins new`: a crate with one operation, its example and its test, which builds and passes at once.

use super::absolute;
use crate::cli::PluginNewArgs;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use serde_json::json;
use std::path::Path;

/// The operation that a new plugin begins with.
const LIB: &str = include_str!("scaffold/lib.rs.txt");
/// Its manifest for cargo.
const CARGO: &str = include_str!("scaffold/Cargo.toml.txt");

/// Makes the crate.
pub(super) fn run(output: Output, args: &PluginNewArgs) -> Result<Exit, HubError> {
    let name = name_of(&args.folder)?;
    let sdk = match &args.sdk {
        Some(path) => format!("{{ path = {:?} }}", absolute(path)?),
        None => format!("{:?}", env!("CARGO_PKG_VERSION")),
    };
    let folder = &args.folder;
    if folder.exists() && std::fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_some()) {
        return Err(HubError::usage(format!("{} is there and not empty", folder.display())));
    }
    let filled = |text: &str| text.replace("{name}", &name).replace("{sdk}", &sdk);
    for (file, text) in [("Cargo.toml", filled(CARGO)), ("src/lib.rs", filled(LIB))] {
        let path = folder.join(file);
        let made =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        made.doing(format!("{} cannot be written", path.display()))?;
    }
    output.json(&json!({ "folder": folder, "name": name }));
    output.text(&format!(
        "made the plugin {name} in {0}\n\n  cd {0} && cargo test && cargo build --release\n  gesher plugins inspect \
         target/release/lib{name}.so",
        folder.display()
    ));
    Ok(Exit::Well)
}

/// The plugin's name: that of its folder.
fn name_of(folder: &Path) -> Result<String, HubError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match letters && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) {
        true => Ok(name),
        false => Err(HubError::usage(format!("`{name}` cannot be a plugin's name"))
            .hint("name the folder with small letters, digits and dashes, as in my-plugin")),
    }
}
