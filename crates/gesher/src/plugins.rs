//! The plugins of a hub: from `[plugin.NAME]` to operations in the hub's one table.
//!
//! Commands that only look, such as `check` and `operations`, open every plugin in a process of its own, whatever its
//! isolation is: nobody's code runs in a program that was asked about it.

use crate::compose::secrets::granted;
use crate::compose::store::Store;
use crate::config::{Config, Fault, PluginConfig};
use crate::error::HubError;
use crate::providers;
use gesher_core::{Descriptor, Provider, Redactor, Registry, Secret, SystemClock};
use gesher_engine::AccountRules;
use gesher_plugin_host::{Isolation, Plugin, PluginProvider, Services, Spec};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Calls of one plugin at a time: as many as it has processes.
const IN_FLIGHT_MAX: usize = 4;

/// The program whose processes plugins run in: this one.
pub fn program() -> PathBuf {
    if cfg!(target_os = "linux") {
        // Also when the file was replaced by a newer one since this process began.
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("gesher"))
}

/// What a plugin is granted of the hub.
struct Granted {
    secrets: BTreeMap<String, Result<Secret, String>>,
}

impl Services for Granted {
    fn secret(&self, name: &str) -> Result<Secret, String> {
        match self.secrets.get(name) {
            Some(found) => found.clone(),
            None => Err(format!("the secret {name} is not there")),
        }
    }

    fn http(&self, _: &Value) -> Result<Value, (bool, String)> {
        Err((false, "this hub sends nothing for plugins".to_owned()))
    }

    fn is_stopping(&self) -> bool {
        false
    }
}

fn nothing() -> Arc<dyn Services> {
    Arc::new(Granted { secrets: BTreeMap::new() })
}

/// A plugin that is open, and where it stands in the file.
pub struct Open<'a> {
    /// Its configuration.
    pub config: &'a PluginConfig,
    /// It.
    pub plugin: Arc<Plugin>,
}

/// Opens every plugin to look at it, and tells what is wrong with those that cannot be.
pub fn look(config: &Config) -> (Vec<Open<'_>>, Vec<Fault>) {
    let isolated = |spec: Spec| Spec { isolation: Isolation::Process { program: program() }, ..spec };
    open_each(config, isolated)
}

fn open_each(config: &Config, as_wanted: impl Fn(Spec) -> Spec) -> (Vec<Open<'_>>, Vec<Fault>) {
    let (mut open, mut faults) = (Vec::new(), Vec::new());
    for part in &config.plugins {
        // A hash that is none is a rule's fault.
        let Some(spec) = part.spec(program()) else { continue };
        match Plugin::open(as_wanted(spec), Arc::new(SystemClock::new())) {
            Ok(plugin) => open.push(Open { config: part, plugin: Arc::new(plugin) }),
            Err(error) => faults.push(fault(config, part, &error)),
        }
    }
    (open, faults)
}

fn fault(config: &Config, part: &PluginConfig, error: &(dyn Error + 'static)) -> Fault {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    let what = format!("the plugin {} cannot be used: {}", part.name, words.join(": "));
    let is_other = words.iter().any(|text| text.contains("another library"));
    let (setting, mend) = match is_other {
        true => {
            ("sha256", "look at where the new library comes from, and write its SHA-256 down if it is meant")
        }
        false => ("path", "`gesher plugins inspect FILE` tells what a library is"),
    };
    config.plugin_fault(part, setting, what, mend)
}

/// What plugins say that they need and are not allowed.
pub fn warnings(config: &Config, open: &[Open<'_>]) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for Open { config: part, plugin } in open {
        let missing = |need: &&String| !part.allow.contains(*need);
        for need in plugin.manifest().needs.iter().filter(missing) {
            let what = format!("the plugin {} says that it needs {need}, which it is not allowed", part.name);
            warnings.push(config.plugin_fault(part, "allow", what, "add it to `allow` if it should have it"));
        }
    }
    warnings
}

/// The facts of every operation, those of the hub's plugins too. Faults of plugins are for who opens them.
pub fn descriptors(config: &Config) -> Vec<Descriptor> {
    let mut all = providers::descriptors();
    all.extend(look(config).0.iter().flat_map(|open| open.plugin.descriptors()));
    all
}

/// Every operation with its schemas, of providers that nobody calls and of the hub's plugins.
pub fn catalogue(config: &Config) -> Result<Registry, HubError> {
    Ok(registry(config, providers::of_nobody()?))
}

/// The same with what scripts and the journal know beside them: calls of hosts of a flow's own.
pub fn vocabulary(config: &Config) -> Result<Registry, HubError> {
    Ok(registry(config, providers::with_hosts()?))
}

fn registry(config: &Config, mut all: Vec<Arc<dyn Provider>>) -> Registry {
    all.extend(of_nobody(config));
    Registry::new(&all)
}

/// The plugins as providers that nobody calls.
pub fn of_nobody(config: &Config) -> Vec<Arc<dyn Provider>> {
    look(config).0.into_iter().map(|open| provider(open.plugin, nothing())).collect()
}

fn provider(plugin: Arc<Plugin>, services: Arc<dyn Services>) -> Arc<dyn Provider> {
    Arc::new(PluginProvider::new(plugin, services))
}

/// The plugins as they run in a hub that sends; in one that only tries, nothing of them is called but what calls operations.
pub async fn live(
    config: &Config,
    store: &Store,
    redactor: &Redactor,
    is_dry: bool,
) -> Result<Vec<Arc<dyn Provider>>, HubError> {
    let (open, faults) = open_each(config, |spec| spec);
    if !faults.is_empty() {
        return Err(HubError::faults(faults));
    }
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for Open { config: part, plugin } in open {
        let mut secrets = BTreeMap::new();
        for name in part.secrets() {
            let value = granted(&name, config, store, redactor).await;
            secrets.insert(name, value.map_err(|error| error.chain()));
        }
        let provider = PluginProvider::new(plugin, Arc::new(Granted { secrets }));
        providers.push(Arc::new(if is_dry { provider.dry() } else { provider }));
    }
    Ok(providers)
}

/// The turns at the plugins.
pub fn account_rules(config: &Config) -> impl Iterator<Item = AccountRules> {
    config.plugins.iter().map(|part| AccountRules {
        provider: part.module(),
        max_in_flight: IN_FLIGHT_MAX,
        rate_per_second: None,
    })
}
