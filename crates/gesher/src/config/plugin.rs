//! A plugin, as `[plugin.NAME]` describes it. Whether the library is what it should be is asked elsewhere.

use super::{Config, Fault, Section, duration, inside};
use gesher_plugin_host::{Capability, Isolation, Sha256, Spec};
use gesher_provider::outside::origins_of;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A plugin.
#[derive(Clone, Debug)]
pub struct PluginConfig {
    /// Its name, as written.
    pub name: String,
    /// Its library.
    pub path: PathBuf,
    /// Its hash, as written.
    pub sha256: String,
    /// Where it runs, as written.
    pub isolation: String,
    /// What it may use, as written.
    pub allow: Vec<String>,
    /// How long one call may take.
    pub timeout: Duration,
    section: Section,
}

impl PluginConfig {
    pub(super) fn of(root: &Path, name: String, section: Section) -> Self {
        Self {
            name,
            path: inside(root, &section.text("path")),
            sha256: section.text("sha256"),
            isolation: section.text("isolation"),
            allow: section.texts("allow"),
            timeout: duration(&section, "timeout"),
            section,
        }
    }

    /// Its name in scripts and `allow`.
    pub fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    /// What it may use. An entry that means nothing is a rule's fault, and allows nothing.
    pub fn allowed(&self) -> Vec<Capability> {
        self.allow.iter().filter_map(|text| Capability::parse(text).ok()).collect()
    }

    /// The secrets that it is granted.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        self.allowed().into_iter().filter_map(|capability| match capability {
            Capability::Secret(name) => Some(name),
            Capability::Http(_) | Capability::Operation(_) => None,
        })
    }

    /// The origins that it may call: its entries `http:HOST` mean what they mean in the `http` of a flow. An entry that
    /// means nothing is a rule's fault, and allows nothing.
    pub fn origins(&self) -> Vec<String> {
        let hosts = self.allowed().into_iter().filter_map(|capability| match capability {
            Capability::Http(host) => origins_of(&host).ok(),
            Capability::Secret(_) | Capability::Operation(_) => None,
        });
        hosts.flatten().map(|origin| origin.to_string()).collect()
    }

    /// As it is opened, in processes of `program` where it does not run in the hub. None where its hash is none.
    pub fn spec(&self, program: PathBuf) -> Option<Spec> {
        let isolation = match self.isolation.as_str() {
            "in-process" => Isolation::InProcess,
            "inline" => Isolation::Inline,
            _ => Isolation::Process { program },
        };
        Some(Spec {
            name: self.module(),
            path: self.path.clone(),
            sha256: self.sha256.parse::<Sha256>().ok()?,
            isolation,
            allow: self.allowed(),
            timeout: self.timeout,
        })
    }
}

impl Config {
    /// A fault at the place of a plugin's setting.
    pub fn plugin_fault(&self, plugin: &PluginConfig, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&plugin.section.place(setting), what, mend)
    }

    /// What is wrong with the plugins by what stands in the file alone.
    pub(super) fn plugin_faults(&self, operations: &[gesher_core::Descriptor]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for plugin in &self.plugins {
            if plugin.sha256.parse::<Sha256>().is_err() {
                let what = "a SHA-256 has 64 hexadecimal digits".to_owned();
                let mend = "`gesher plugins inspect FILE` prints that of a library";
                faults.push(self.plugin_fault(plugin, "sha256", what, mend));
            }
            if plugin.timeout.is_zero() {
                let what = "within no time nothing is answered".to_owned();
                faults.push(self.plugin_fault(plugin, "timeout", what, "write a duration such as \"30s\""));
            }
            for text in &plugin.allow {
                let mend = "write \"http:api.example.com\", \"secret:name\" or \"officeguy.charge\"";
                match Capability::parse(text) {
                    Err(fault) => faults.push(self.plugin_fault(plugin, "allow", fault.to_string(), mend)),
                    Ok(capability @ Capability::Operation(_)) if !capability.names_any(operations) => {
                        let what = format!("`{text}` in `allow`: there is no such operation");
                        let mend = "`gesher operations` lists what there is";
                        faults.push(self.plugin_fault(plugin, "allow", what, mend));
                    }
                    Ok(Capability::Secret(name)) if self.is_of_provider(&name) => {
                        let what = format!(
                            "the secret {name} opens an account at a provider, and no plugin is granted it"
                        );
                        let mend = "allow the provider's operations instead, such as \"officeguy.charge\"";
                        faults.push(self.plugin_fault(plugin, "allow", what, mend));
                    }
                    Ok(Capability::Http(host)) if self.is_providers_host(&host) => {
                        let what = format!("`{text}` in `allow` is a provider's host");
                        let mend = "allow the provider's operations instead, such as \"officeguy.charge\"";
                        faults.push(self.plugin_fault(plugin, "allow", what, mend));
                    }
                    Ok(Capability::Http(host)) => {
                        if let Err(fault) = origins_of(&host) {
                            let what = format!("`{text}` in `allow`: {fault}");
                            let mend = "write hosts like \"http:api.example.com\"";
                            faults.push(self.plugin_fault(plugin, "allow", what, mend));
                        }
                    }
                    Ok(_) => {}
                }
            }
        }
        faults
    }
}
