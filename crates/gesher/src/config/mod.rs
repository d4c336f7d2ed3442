//! `gesher.toml`: what a hub is, in typed values. Pure but for reading the file.
//!
//! [`schema`] lists the settings, `read` turns the text into checked values, [`rules`] says what they may not mean
//! together. Scripts, secrets and folders are the composition's.

mod fault;
mod outside;
mod plugin;
mod read;
pub mod reference;
pub mod rules;
mod schedule;
pub mod schema;
mod senzey;
pub mod value;
mod webhook;

pub use fault::{Fault, SourceText};
pub use outside::Alerts;
pub use plugin::PluginConfig;
pub use read::Section;
pub use schedule::SchedulePart;
pub use senzey::Senzey;
pub use value::SecretName;
pub use webhook::WebhookPart;

use gesher_core::{Language, Money};
use gesher_engine::{Allow, FlowLimits, OnUnknown};
use gesher_officeguy::StampPlace;
use gesher_trigger::drop::{DropConfig, EncodingChoice, RowKey, Separator};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use value::Value;

/// The file's name.
pub const FILE: &str = "gesher.toml";
/// The base URL that makes the hub run a simulator of its own.
pub const SIMULATOR: &str = "simulator";

/// A hub's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub's folder.
    pub root: PathBuf,
    /// For people.
    pub name: String,
    /// Of local times.
    pub time_zone: String,
    /// Of messages in results.
    pub language: Language,
    /// The folder of journal, vault and master key.
    pub data: PathBuf,
    /// The guard against a restored backup, where it is not in `data`.
    pub intent_log: Option<PathBuf>,
    /// `sqlite`, or an address.
    pub store: String,
    /// OfficeGuy.
    pub officeguy: OfficeGuy,
    /// Senzey.
    pub senzey: Senzey,
    /// Where alerts go.
    pub alerts: Alerts,
    /// Where the dashboard listens.
    pub dashboard: String,
    /// Where webhooks are delivered.
    pub hooks: String,
    /// The flows, by name.
    pub flows: Vec<FlowConfig>,
    /// The plugins, by name.
    pub plugins: Vec<PluginConfig>,
    /// Whether it is run apart from the real hub: hosts of flows' own and plugins are only tried.
    pub is_apart: bool,
    hub: Section,
    hooks_section: Section,
    source: SourceText,
}

/// The account at OfficeGuy.
#[derive(Clone, Debug)]
pub struct OfficeGuy {
    /// Its address, or `simulator`.
    pub base_url: String,
    /// The marketplace's organisation.
    pub company_id: Option<i64>,
    /// Its key.
    pub api_key: Option<SecretName>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Calls that may begin in a second.
    pub rate: Option<u32>,
    /// Calls at a time.
    pub max_in_flight: usize,
    /// Organisations of vendors that a simulator has from the beginning.
    pub organisations: Vec<i64>,
    /// Where the hub's own reference stands in descriptions.
    pub stamp: StampPlace,
    section: Section,
}

impl OfficeGuy {
    /// Whether the hub runs its own simulator.
    pub fn is_simulated(&self) -> bool {
        self.base_url == SIMULATOR
    }
}

/// A flow.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// Its name.
    pub name: String,
    /// Its script, as written.
    pub script: String,
    /// What it may call, as written.
    pub allow: Vec<String>,
    /// The hosts that it may call, as written.
    pub http: Vec<String>,
    /// The secrets that it may send there.
    pub secrets: Vec<SecretName>,
    /// Items at a time.
    pub concurrency: usize,
    /// What stops it after unknown answers.
    pub on_unknown: OnUnknown,
    /// How much money it may move.
    pub limits: FlowLimits,
    /// Its drop folder.
    pub drop: Option<DropPart>,
    /// Its schedule.
    pub schedule: Option<SchedulePart>,
    /// Its webhook.
    pub webhook: Option<WebhookPart>,
    section: Section,
}

/// A drop folder.
#[derive(Clone, Debug)]
pub struct DropPart {
    /// As the trigger takes it. A flow that names no rows has them named by file and line.
    pub config: DropConfig,
    /// Whether the file itself says what names a row.
    pub names_rows: bool,
    section: Section,
}

impl Config {
    /// Reads `gesher.toml` of the hub at `root`.
    pub fn load(root: &Path) -> Result<Self, Vec<Fault>> {
        // One hub has one path, however it is named: drop folders remember whose they are.
        let root = &root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let path = root.join(FILE);
        let bytes = std::fs::read(&path).map_err(|error| {
            let mend = "name the hub's folder with --hub DIR, or make a new hub with `gesher new DIR`";
            match error.kind() {
                std::io::ErrorKind::NotFound => {
                    vec![Fault::of_file(&path.to_string_lossy(), "there is no such file", mend)]
                }
                _ => vec![Fault::of_file(&path.to_string_lossy(), format!("it cannot be read: {error}"), "")],
            }
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            vec![SourceText::new(FILE, &text).fault(&(at..at), "this is not UTF-8", "save the file as UTF-8")]
        })?;
        Self::parse(root, &text)
    }

    /// Reads the text of a `gesher.toml`. The rules are not asked.
    pub fn parse(root: &Path, text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = SourceText::new(FILE, text);
        let (document, faults) = read::read(&source, text);
        if !faults.is_empty() {
            return Err(faults);
        }
        let table = |name: &str| document.tables.get(name).cloned().unwrap_or_default();
        let hub = table("hub");
        let flows = table("flow").tables;
        let plugins = table("plugin").tables;
        Ok(Self {
            root: root.to_owned(),
            name: hub.text("name"),
            time_zone: hub.text("time_zone"),
            language: if hub.text("language") == "en" { Language::En } else { Language::He },
            data: inside(root, &hub.text("data")),
            intent_log: hub.is_set("intent_log").then(|| inside(root, &hub.text("intent_log"))),
            store: hub.text("store"),
            officeguy: officeguy(table("officeguy")),
            senzey: Senzey::of(table("senzey")),
            alerts: Alerts::of(table("alerts")),
            dashboard: table("dashboard").text("listen"),
            hooks: table("hooks").text("listen"),
            hooks_section: table("hooks"),
            flows: flows.into_iter().map(|(name, section)| flow(root, name, section)).collect(),
            plugins: plugins
                .into_iter()
                .map(|(name, section)| PluginConfig::of(root, name, section))
                .collect(),
            is_apart: false,
            hub,
            source,
        })
    }

    /// The flow of that name.
    pub fn flow(&self, name: &str) -> Option<&FlowConfig> {
        self.flows.iter().find(|flow| flow.name == name)
    }

    /// Whether it is written in the same words as `other`.
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.source.text() == other.source.text()
    }

    /// Whether the hub runs its own simulator, of one provider or of both.
    pub fn is_simulated(&self) -> bool {
        self.officeguy.is_simulated() || self.senzey.is_simulated()
    }

    /// The secrets that the hub needs to be what it is configured to be, each once. Providers that are simulated need none.
    pub fn secrets(&self) -> Vec<&SecretName> {
        let of_hooks = self.webhooks().flat_map(|(_, hook)| &hook.secrets);
        let mut names: Vec<&SecretName> = Vec::new();
        for name in self.account_secrets().into_iter().chain(of_hooks) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Those among them that open accounts at providers.
    pub fn account_secrets(&self) -> Vec<&SecretName> {
        let (officeguy, senzey) = (&self.officeguy, &self.senzey);
        let key = officeguy.api_key.iter().filter(|_| !officeguy.is_simulated());
        let user = [&senzey.username, &senzey.password].into_iter().flatten();
        let own = key.chain(user.filter(|_| !senzey.is_simulated()));
        let outside = self.flows.iter().flat_map(|flow| &flow.secrets).chain(&self.alerts.secret);
        own.chain(outside).collect()
    }

    fn hooks_place(&self) -> std::ops::Range<usize> {
        self.hooks_section.place("listen")
    }

    /// What is said of a secret that is nowhere.
    pub fn missing_secret(&self, name: &SecretName, mend: String) -> Fault {
        let what = format!("the secret {} is neither in the environment nor in the vault", name.0);
        let of_hook = self.webhooks().find(|(_, hook)| hook.secrets.contains(name));
        let place = match name {
            name if !self.account_secrets().contains(&name) && of_hook.is_some() => {
                of_hook.map_or(0..0, |(_, hook)| hook.place("secrets"))
            }
            name if self.senzey.username.as_ref() == Some(name) => self.senzey.place("username"),
            name if self.senzey.password.as_ref() == Some(name) => self.senzey.place("password"),
            name => self.outside_place(name).unwrap_or_else(|| self.officeguy.section.place("api_key")),
        };
        self.source.fault(&place, what, mend)
    }

    /// A fault at the place of a setting of `[hub]`.
    pub fn hub_fault(&self, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&self.hub.place(setting), what, mend)
    }

    /// A fault at the place of a flow's setting.
    pub fn flow_fault(&self, flow: &FlowConfig, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&flow.section.place(setting), what, mend)
    }

    /// A fault at the place of a setting of a flow's drop folder.
    pub fn drop_fault(&self, drop: &DropPart, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&drop.section.place(setting), what, mend)
    }
}

impl FlowConfig {
    /// What it may call. An entry that means nothing is a rule's fault, and allows nothing.
    pub fn allowed(&self) -> Vec<Allow> {
        self.allow.iter().filter_map(|text| Allow::parse(text)).collect()
    }

    /// Whether it may call an operation of that effect, of those given; or, where it may call hosts of its own, whatever
    /// they write.
    pub fn may(&self, effect: gesher_core::Effect, operations: &[gesher_core::Descriptor]) -> bool {
        let allowed = self.allowed();
        if effect == gesher_core::Effect::Write && !self.http.is_empty() {
            return true;
        }
        operations
            .iter()
            .filter(|operation| operation.effect == effect)
            .any(|operation| allowed.iter().any(|allow| allow.covers(operation)))
    }
}

/// `path` as written in the file, from the hub's folder, without `.` and `..`.
fn inside(root: &Path, path: &str) -> PathBuf {
    let mut whole = PathBuf::new();
    for component in root.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(whole.components().next_back(), Some(Component::Normal(_))) => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

fn officeguy(section: Section) -> OfficeGuy {
    OfficeGuy {
        base_url: section.text("base_url"),
        company_id: whole(&section, "company_id"),
        api_key: secret(&section, "api_key"),
        timeout: duration(&section, "timeout"),
        rate: rate(&section),
        max_in_flight: count(&section, "max_in_flight"),
        organisations: Vec::new(),
        stamp: section.text("stamp").parse().unwrap_or_default(),
        section,
    }
}

fn flow(root: &Path, name: String, section: Section) -> FlowConfig {
    let on_unknown = match section.get("on_unknown") {
        Some(Value::Whole(many)) => OnUnknown::After(u32::try_from(*many).unwrap_or(u32::MAX)),
        Some(Value::Text(word)) if word == "halt" => OnUnknown::Halt,
        _ => OnUnknown::Continue,
    };
    FlowConfig {
        name,
        script: section.text("script"),
        allow: section.texts("allow"),
        http: section.texts("http"),
        secrets: secrets(&section, "secrets"),
        concurrency: count(&section, "concurrency"),
        on_unknown,
        limits: section.tables.get("limits").map(limits).unwrap_or_default(),
        drop: section.tables.get("drop").map(|drop| drop_folder(root, drop)),
        schedule: section.tables.get("schedule").map(SchedulePart::of),
        webhook: section.tables.get("webhook").map(WebhookPart::of),
        section,
    }
}

fn drop_folder(root: &Path, section: &Section) -> DropPart {
    let row_key = match section.get("row_key") {
        Some(Value::Texts(columns)) => RowKey::Columns(columns.clone()),
        _ => RowKey::Line,
    };
    let config = DropConfig {
        folder: inside(root, &section.text("folder")),
        pattern: section.text("pattern"),
        row_key,
        amount: section.get("amount").map(|_| section.text("amount")),
        encoding: EncodingChoice::parse(&section.text("encoding")).unwrap_or_default(),
        separator: Separator::parse(&section.text("separator")).unwrap_or_default(),
        settle: duration(section, "settle"),
        done_file: section.get("done_file").map(|_| section.text("done_file")),
        control: section.get("control").map(|_| section.text("control")),
        subfolders: matches!(section.get("subfolders"), Some(Value::Flag(true))),
        not_cards: section.texts("not_cards"),
    };
    DropPart { config, names_rows: section.is_set("row_key"), section: section.clone() }
}

fn whole(section: &Section, name: &str) -> Option<i64> {
    match section.get(name) {
        Some(Value::Whole(number)) => Some(*number),
        _ => None,
    }
}

fn rate(section: &Section) -> Option<u32> {
    match section.get("rate") {
        Some(Value::PerSecond(rate)) => Some(*rate),
        _ => None,
    }
}

fn count(section: &Section, name: &str) -> usize {
    whole(section, name).and_then(|number| usize::try_from(number).ok()).unwrap_or(1)
}

fn duration(section: &Section, name: &str) -> Duration {
    match section.get(name) {
        Some(Value::Duration(duration)) => *duration,
        _ => Duration::ZERO,
    }
}

fn secret(section: &Section, name: &str) -> Option<SecretName> {
    match section.get(name) {
        Some(Value::Secrets(names)) => names.first().cloned(),
        _ => None,
    }
}

fn secrets(section: &Section, name: &str) -> Vec<SecretName> {
    match section.get(name) {
        Some(Value::Secrets(names)) => names.clone(),
        _ => Vec::new(),
    }
}

fn limits(section: &Section) -> FlowLimits {
    let [per_call, per_run, per_day, approve_above] =
        ["per_call", "per_run", "per_day", "approve_above"].map(|name| limit(section, name));
    FlowLimits { per_call, per_run, per_day, approve_above, approved: None }
}

fn limit(section: &Section, name: &str) -> Option<Money> {
    match section.get(name) {
        Some(Value::Money(money)) => Some(*money),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
