//! The plugins of a hub: from `[plugin.NAME]` to operations in the hub's one table.
//!
//! Commands that only look, such as `check` and `operations`, open every plugin in a process of its own, whatever its
//! isolation is: nobody's code runs in a program that was asked about it.

use crate::compose::secrets::granted;
use crate::compose::store::Store;
use crate::config::value::did_you_mean;
use crate::config::{Config, Fault, PluginConfig};
use crate::error::HubError;
use crate::providers;
use gesher_core::{Descriptor, Language, Provider, Redactor, Registry, Secret, SystemClock, Text};
use gesher_engine::{AccountRules, Stop};
use gesher_plugin_host::{
    HttpFault, Isolation, Plugin, PluginProvider, Polled, SOURCE_PROCESSES_MAX, Services, Spec,
};
use gesher_provider::outside::{Fetch, FetchFault, OutsideClient};
use gesher_trigger::source::{Happened, Looked, Looks};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;

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
    /// The origins that it may call.
    origins: Vec<String>,
    client: Arc<OutsideClient>,
    redactor: Arc<Redactor>,
    language: Language,
    runtime: Handle,
    stopping: Stopping,
}

/// The stop that plugins are told of, once it is known.
#[derive(Clone, Default)]
struct Stopping(Arc<OnceLock<Stop>>);

impl Stopping {
    fn is_requested(&self) -> bool {
        self.0.get().is_some_and(Stop::is_requested)
    }

    async fn requested(&self) {
        match self.0.get() {
            Some(stop) => stop.requested().await,
            None => std::future::pending().await,
        }
    }
}

impl Granted {
    fn fault(&self, fault: FetchFault) -> HttpFault {
        let clean = |text: &Text| self.redactor.text(text.get(self.language)).into_owned();
        match fault {
            FetchFault::NotListed { entry } => HttpFault::NotGranted(format!("http:{entry}")),
            FetchFault::Refused(rejection) => {
                HttpFault::Refused { message: clean(&rejection.message), code: rejection.code }
            }
            FetchFault::NotSent(rejection) => {
                HttpFault::NotSent { message: clean(&rejection.message), code: rejection.code }
            }
            FetchFault::MayHaveLeft(text) => HttpFault::MayHaveLeft(clean(&text)),
        }
    }

    async fn fetch(&self, request: &Value, within: Duration, gives_way: bool) -> Result<Value, HttpFault> {
        let fetch = Fetch::read(request, &self.origins).map_err(|fault| self.fault(fault))?;
        let gives_way = gives_way && fetch.only_looks();
        tokio::select! {
            answer = fetch.send(&self.client, within) => answer.map_err(|fault| self.fault(fault)),
            () = self.stopping.requested(), if gives_way => {
                Err(HttpFault::MayHaveLeft("the hub is stopping".to_owned()))
            }
        }
    }
}

impl Services for Granted {
    fn secret(&self, name: &str) -> Result<Secret, String> {
        match self.secrets.get(name) {
            Some(found) => found.clone(),
            None => Err(format!("the secret {name} is not there")),
        }
    }

    fn http(&self, request: &Value, within: Duration, gives_way: bool) -> Result<Value, HttpFault> {
        self.runtime.block_on(self.fetch(request, within, gives_way))
    }

    fn is_stopping(&self) -> bool {
        self.stopping.is_requested()
    }
}

/// Services that grant nothing, for plugins that nobody calls.
struct Nothing;

impl Services for Nothing {
    fn secret(&self, name: &str) -> Result<Secret, String> {
        Err(format!("the secret {name} is not there"))
    }

    fn http(&self, _: &Value, _: Duration, _: bool) -> Result<Value, HttpFault> {
        let message = "nothing is sent where nobody is called".to_owned();
        Err(HttpFault::Refused { code: "plugin_http".to_owned(), message })
    }

    fn is_stopping(&self) -> bool {
        false
    }
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

/// Flows that listen to what there is not, or to more than a plugin can be listened to. Of a plugin that cannot be opened
/// nothing is said: that is a fault of its own.
pub fn source_faults(config: &Config, open: &[Open<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut listening: BTreeMap<&str, usize> = BTreeMap::new();
    for (flow, part) in config.sources() {
        let Some((module, name)) = part.names() else { continue };
        let mut fault = |setting: &str, what: String, mend: &str| {
            faults.push(config.source_fault(part, setting, what, mend));
        };
        let Some(plugin) = config.plugins.iter().find(|plugin| plugin.module() == module) else {
            let modules: Vec<String> = config.plugins.iter().map(PluginConfig::module).collect();
            let near = did_you_mean(module, modules.iter().map(String::as_str));
            let what = format!("there is no plugin {module} in gesher.toml{near}");
            fault("events", what, "add the plugin as [plugin.NAME], or name one that is there");
            continue;
        };
        let Some(open) = open.iter().find(|open| open.config.name == plugin.name) else { continue };
        let sources = &open.plugin.manifest().sources;
        match sources.iter().find(|source| source.name == name) {
            None => {
                let near = did_you_mean(name, sources.iter().map(|source| source.name.as_str()));
                let what = format!("the plugin {module} has no event source {name}{near}");
                fault("events", what, "`gesher plugins` lists the event sources that there are");
            }
            Some(source) if source.waits && part.says_how_often => {
                let what = format!("`every` has no meaning here: {} waits for its events", part.events);
                fault("every", what, "take `every` out");
            }
            Some(_) => {}
        }
        let many = listening.entry(module).or_default();
        *many += 1;
        if *many == SOURCE_PROCESSES_MAX + 1 {
            let what = format!(
                "the flow {} is one more than the {SOURCE_PROCESSES_MAX} that can listen to one plugin",
                flow.name
            );
            fault("events", what, "let one flow listen, and start the others with flow::start");
        }
    }
    faults
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
    look(config).0.into_iter().map(|open| provider(open.plugin, Arc::new(Nothing))).collect()
}

fn provider(plugin: Arc<Plugin>, services: Arc<dyn Services>) -> Arc<dyn Provider> {
    Arc::new(PluginProvider::new(plugin, services))
}

/// The plugins of a hub that sends.
pub struct Plugins {
    open: BTreeMap<String, (Arc<Plugin>, Arc<Granted>)>,
    stopping: Stopping,
}

impl Plugins {
    /// Whoever looks for the events of a source, and whether it waits for them; none where there is no such source.
    pub fn looks(&self, module: &str, source: &str) -> Option<(Arc<dyn Looks>, bool)> {
        let (plugin, granted) = self.open.get(module)?;
        let waits = plugin.manifest().source(source)?.waits;
        let (plugin, granted) = (Arc::clone(plugin), Arc::clone(granted));
        Some((Arc::new(OfPlugin { plugin, granted, source: source.to_owned() }), waits))
    }

    /// Tells them of this stop once it is asked for: whoever of them waits for something is to give up then.
    pub fn heed(&self, stop: &Stop) {
        let _earlier = self.stopping.0.set(stop.clone());
    }
}

/// An event source of a plugin.
struct OfPlugin {
    plugin: Arc<Plugin>,
    granted: Arc<Granted>,
    source: String,
}

impl Looks for OfPlugin {
    fn look(&self, cursor: &Value, wait: Duration) -> Result<Looked, String> {
        let Polled { events, cursor } = self.plugin.poll(&*self.granted, &self.source, cursor, wait)?;
        let events = events.into_iter().map(|event| Happened { id: event.id, data: event.data });
        Ok(Looked { events: events.collect(), cursor })
    }
}

/// The plugins as they run in a hub that sends, and as providers; in one that only tries, nothing of them is called but what
/// calls operations.
pub async fn live(
    config: &Config,
    store: &Store,
    redactor: &Arc<Redactor>,
    client: &Arc<OutsideClient>,
    is_dry: bool,
) -> Result<(Plugins, Vec<Arc<dyn Provider>>), HubError> {
    let (open, faults) = open_each(config, |spec| spec);
    if !faults.is_empty() {
        return Err(HubError::faults(faults));
    }
    let mut plugins = Plugins { open: BTreeMap::new(), stopping: Stopping::default() };
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for Open { config: part, plugin } in open {
        let mut secrets = BTreeMap::new();
        for name in part.secrets() {
            let value = granted(&name, config, store, redactor).await;
            secrets.insert(name, value.map_err(|error| error.chain()));
        }
        let granted = Arc::new(Granted {
            secrets,
            origins: part.origins(),
            client: Arc::clone(client),
            redactor: Arc::clone(redactor),
            language: config.language,
            runtime: Handle::current(),
            stopping: plugins.stopping.clone(),
        });
        let services: Arc<dyn Services> = Arc::<Granted>::clone(&granted);
        let provider = PluginProvider::new(Arc::clone(&plugin), services);
        providers.push(Arc::new(if is_dry { provider.dry() } else { provider }));
        plugins.open.insert(part.module(), (plugin, granted));
    }
    Ok((plugins, providers))
}

/// The turns at the plugins.
pub fn account_rules(config: &Config) -> impl Iterator<Item = AccountRules> {
    config.plugins.iter().map(|part| AccountRules {
        provider: part.module(),
        max_in_flight: IN_FLIGHT_MAX,
        rate_per_second: None,
    })
}
