//! What a plugin says of itself. It is data, and it is somebody else's: read within limits, and refused where it
//! contradicts itself, before anything of it reaches the hub's tables.

use gesher_core::{Effect, KeyRule};
use gesher_plugin_abi::GESHER_ABI;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Size of a manifest, in bytes.
pub(crate) const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Operations, and event sources, of one plugin.
const ENTRIES_MAX: usize = 256;
/// Length of a name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Modules and providers that the hub has itself.
const TAKEN: &[&str] = &[
    "officeguy",
    "senzey",
    "vendors",
    "csv",
    "json",
    "http",
    "time",
    "il",
    "store",
    "log",
    "flow",
    "gesher",
    "hub",
];

/// What a plugin is.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its name, which is also the module of its operations.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub summary: String,
    /// What it says that it needs in `allow`.
    pub needs: Vec<String>,
    /// Its operations.
    pub operations: Vec<OperationManifest>,
    /// Its event sources.
    pub sources: Vec<SourceManifest>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct OperationManifest {
    /// Its name.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// What it may do.
    pub effect: Effect,
    /// How its intention is named.
    pub key: KeyRule,
    /// Whether it has no effect of its own and calls others.
    pub calls: bool,
    /// Whether the plugin is asked about a request before it is sent.
    pub prepares: bool,
    /// The schema of its request.
    pub request_schema: Value,
    /// The schema of its answer's data.
    pub answer_schema: Value,
    /// Its examples.
    pub examples: Vec<ExampleManifest>,
}

/// An example.
#[derive(Clone, Debug, Deserialize)]
pub struct ExampleManifest {
    /// What it shows.
    pub title: String,
    /// The key, where there is one.
    #[serde(default)]
    pub key: Option<String>,
    /// The request.
    pub request: Value,
    /// What the answer's data must have.
    #[serde(default)]
    pub answer: Value,
}

/// An event source.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceManifest {
    /// Its name.
    pub name: String,
    /// What it brings.
    #[serde(default)]
    pub summary: String,
    /// Whether it holds a look until something happens, rather than answering at once.
    #[serde(default)]
    pub waits: bool,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestFault {
    /// It is no manifest.
    #[error("its manifest cannot be read: {0}")]
    Unread(String),
    /// It contradicts itself.
    #[error("its manifest is wrong: {0}")]
    Wrong(String),
}

#[derive(Deserialize)]
struct Raw {
    abi: u32,
    name: String,
    version: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    operations: Vec<RawOperation>,
    #[serde(default)]
    sources: Vec<SourceManifest>,
}

#[derive(Deserialize)]
struct RawOperation {
    name: String,
    summary: String,
    effect: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    calls: bool,
    #[serde(default)]
    prepares: bool,
    request_schema: Value,
    answer_schema: Value,
    #[serde(default)]
    examples: Vec<ExampleManifest>,
}

impl Manifest {
    /// Reads the bytes of a manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestFault> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestFault::Unread(format!("it is larger than {MANIFEST_BYTES_MAX} bytes")));
        }
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|error| ManifestFault::Unread(error.to_string()))?;
        if raw.abi != GESHER_ABI {
            let what =
                format!("it is of version {} of the interface, and this hub speaks {GESHER_ABI}", raw.abi);
            return Err(ManifestFault::Wrong(what));
        }
        name(&raw.name)?;
        if TAKEN.contains(&raw.name.as_str()) {
            return Err(ManifestFault::Wrong(format!("the name `{}` is the hub's own", raw.name)));
        }
        let names = raw.operations.iter().map(|operation| &operation.name);
        distinct(names.clone().chain(raw.sources.iter().map(|source| &source.name)))?;
        raw.sources.iter().try_for_each(|source| name(&source.name))?;
        Ok(Self {
            operations: raw.operations.into_iter().map(operation).collect::<Result<_, _>>()?,
            name: raw.name,
            version: raw.version,
            summary: raw.summary,
            needs: raw.needs,
            sources: raw.sources,
        })
    }

    /// The event source of that name.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&SourceManifest> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The operation of that name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&OperationManifest> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

fn name(name: &str) -> Result<(), ManifestFault> {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if letters && begins && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    Err(ManifestFault::Wrong(format!(
        "`{shown}` is no name; one is of small letters, digits and underscores, and begins with a letter"
    )))
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), ManifestFault> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ManifestFault::Wrong(format!("`{name}` stands in it twice")));
        }
    }
    match seen.len() > ENTRIES_MAX {
        true => Err(ManifestFault::Wrong(format!("it lists more than {ENTRIES_MAX} operations and sources"))),
        false => Ok(()),
    }
}

fn operation(raw: RawOperation) -> Result<OperationManifest, ManifestFault> {
    name(&raw.name)?;
    let wrong = |what: &str| Err(ManifestFault::Wrong(format!("the operation {}: {what}", raw.name)));
    let effect = match raw.effect.as_str() {
        "read" => Effect::Read,
        "write" => Effect::Write,
        "money" => Effect::Money,
        _ => return wrong("an effect is `read`, `write` or `money`"),
    };
    let key = match raw.key.as_deref() {
        None | Some("none") => KeyRule::None,
        Some("required") => KeyRule::Required,
        Some("optional") => KeyRule::Optional,
        _ => return wrong("a key is `none`, `required` or `optional`"),
    };
    if effect.changes() == (key == KeyRule::None) {
        return wrong("a read has no key, and everything else has one");
    }
    if effect == Effect::Money && key != KeyRule::Required {
        return wrong("what moves money has a key that its caller names");
    }
    if raw.calls && effect.changes() {
        return wrong("what calls other operations has no effect of its own; split it in two");
    }
    if !raw.summary.ends_with('.') {
        return wrong("its summary is no sentence with a full stop");
    }
    if !raw.request_schema.is_object() || !raw.answer_schema.is_object() {
        return wrong("its schemas are JSON objects");
    }
    Ok(OperationManifest {
        effect,
        key,
        calls: raw.calls,
        prepares: raw.prepares && effect.changes(),
        name: raw.name,
        summary: raw.summary,
        request_schema: raw.request_schema,
        answer_schema: raw.answer_schema,
        examples: raw.examples,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(change: impl Fn(&mut Value)) -> String {
        let mut value = json!({
            "abi": 1, "name": "sample", "version": "1", "operations": [{
                "name": "do_it", "summary": "Do it.", "effect": "write", "key": "required",
                "request_schema": {}, "answer_schema": {},
            }],
        });
        change(&mut value);
        match Manifest::read(value.to_string().as_bytes()) {
            Ok(_) => String::new(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        assert_eq!(manifest(|_| {}), "");
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 11] = [
            (|m| m["abi"] = json!(2), "version 2"),
            (|m| m["name"] = json!("officeguy"), "the hub's own"),
            (|m| m["name"] = json!("../x"), "is no name"),
            (|m| m["operations"][0]["name"] = json!("Do"), "is no name"),
            (|m| m["operations"][0]["effect"] = json!("magic"), "an effect is"),
            (|m| m["operations"][0]["key"] = json!("none"), "a read has no key"),
            (|m| m["operations"][0]["calls"] = json!(true), "split it in two"),
            (|m| m["operations"][0]["summary"] = json!("Do it"), "full stop"),
            (|m| m["operations"][0]["answer_schema"] = json!(3), "JSON objects"),
            (|m| m["sources"] = json!([{ "name": "do_it" }]), "twice"),
            (|m| *m = json!([]), "cannot be read"),
        ];
        for (change, want) in cases {
            let said = manifest(change);
            assert!(said.contains(want), "{want}: {said}");
        }
        let money: Change = |m| {
            m["operations"][0]["effect"] = json!("money");
            m["operations"][0]["key"] = json!("optional");
        };
        assert!(manifest(money).contains("its caller names"));
    }
}
