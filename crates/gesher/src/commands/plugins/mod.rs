//! `plugins`: what the hub's plugins are, what a library says of itself, and a crate to begin a new one with.

mod scaffold;

use crate::cli::{PluginInspectArgs, PluginsCommand};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::plugins::{Open, look, program, warnings};
use crate::table::TextTable;
use gesher_core::SystemClock;
use gesher_plugin_host::{Manifest, Sha256, inspect};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Runs one of them.
pub fn run(output: Output, hub: &Path, command: Option<PluginsCommand>) -> Result<Exit, HubError> {
    match command {
        None | Some(PluginsCommand::List) => list(output, &Config::load(hub).map_err(HubError::faults)?),
        Some(PluginsCommand::Inspect(args)) => inspected(output, &args),
        Some(PluginsCommand::New(args)) => scaffold::run(output, &args),
    }
}

fn list(output: Output, config: &Config) -> Result<Exit, HubError> {
    let (open, mut faults) = look(config);
    faults.extend(crate::config::rules::faults(config, &crate::plugins::descriptors(config)));
    faults.extend(crate::plugins::source_faults(config, &open));
    let mut table = TextTable::new(&["plugin", "version", "runs", "may use", "operations", "event sources"]);
    for Open { config: part, plugin } in &open {
        let manifest = plugin.manifest();
        output.json(&json!({
            "name": part.name,
            "version": manifest.version,
            "summary": manifest.summary,
            "isolation": part.isolation,
            "allow": part.allow,
            "path": part.path,
            "sha256": part.sha256.to_lowercase(),
            "operations": names(manifest),
            "sources": sources(manifest),
        }));
        let may = if part.allow.is_empty() { "nothing".to_owned() } else { part.allow.join(", ") };
        table.row([
            part.name.clone(),
            manifest.version.clone(),
            part.isolation.clone(),
            may,
            names(manifest).join(", "),
            sources(manifest).join(", "),
        ]);
    }
    if config.plugins.is_empty() {
        output.text("no plugins: docs/plugins.md tells how one is added");
    } else if !open.is_empty() {
        output.text(&table.render());
    }
    for warning in warnings(config, &open) {
        output.note(&format!("warning: {warning}"));
    }
    faults.dedup();
    if faults.is_empty() { Ok(Exit::Well) } else { Err(HubError::faults(faults)) }
}

fn names(manifest: &Manifest) -> Vec<String> {
    manifest.operations.iter().map(|operation| format!("{}.{}", manifest.name, operation.name)).collect()
}

fn sources(manifest: &Manifest) -> Vec<String> {
    manifest.sources.iter().map(|source| format!("{}.{}", manifest.name, source.name)).collect()
}

fn inspected(output: Output, args: &PluginInspectArgs) -> Result<Exit, HubError> {
    let (hash, manifest) =
        inspect(&program(), &args.file, None, Arc::new(SystemClock::new())).map_err(|error| {
            HubError::usage(format!("{} cannot be used as a plugin", args.file.display())).because(error)
        })?;
    output.json(&document(&hash, &manifest));
    output.text(&page(&hash, &manifest, &args.file));
    Ok(Exit::Well)
}

fn document(hash: &Sha256, manifest: &Manifest) -> Value {
    let operations: Vec<Value> = manifest
        .operations
        .iter()
        .map(|operation| {
            json!({
                "name": format!("{}.{}", manifest.name, operation.name),
                "summary": operation.summary,
                "effect": operation.effect.as_str(),
                "calls": operation.calls,
                "request_schema": operation.request_schema,
                "answer_schema": operation.answer_schema,
            })
        })
        .collect();
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "summary": manifest.summary,
        "sha256": hash.to_string(),
        "needs": manifest.needs,
        "operations": operations,
        "sources": manifest.sources.iter().map(|source| {
            json!({
                "name": format!("{name}.{}", source.name, name = manifest.name),
                "summary": source.summary,
                "waits": source.waits,
            })
        }).collect::<Vec<_>>(),
    })
}

/// What a person reads of a library, and what he would write down to use it.
fn page(hash: &Sha256, manifest: &Manifest, file: &Path) -> String {
    let Manifest { name, version, summary, .. } = manifest;
    let mut text = format!("{name} {version}\n{summary}\n\n");
    let mut table = TextTable::new(&["operation", "effect", "what it does"]);
    for operation in &manifest.operations {
        let effect = if operation.calls { "calls others".to_owned() } else { operation.effect.to_string() };
        table.row([format!("{name}.{}", operation.name), effect, operation.summary.clone()]);
    }
    text.push_str(&table.render());
    for source in &manifest.sources {
        let waits = if source.waits { " (waits for its events)" } else { "" };
        text.push_str(&format!("\nevent source {name}.{}: {}{waits}\n", source.name, source.summary));
    }
    let needs = serde_json::to_string(&manifest.needs).unwrap_or_default();
    text.push_str(&format!(
        "\nTo use it, when you trust whoever made it, write into gesher.toml:\n\n[plugin.{name}]\npath = {:?}\n\
         sha256 = \"{hash}\"\nallow = {needs}\n",
        file.display().to_string(),
    ));
    text
}

/// Reads a file that is made of.
fn absolute(path: &Path) -> Result<String, HubError> {
    let path = path.canonicalize().doing(format!("{} cannot be found", path.display()))?;
    Ok(path.display().to_string())
}
