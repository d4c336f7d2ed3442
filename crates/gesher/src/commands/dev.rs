//! `dev`: the hub with simulated providers, for somebody who writes its scripts. What is saved is checked and counts from
//! the next run on; faults are shown as a compiler would.
//!
//! Nothing that is tried here can stand for the real thing: a hub with a real account is moved into its sub-folder `dev`
//! before anything is opened, so neither its journal nor its folders are touched, and nobody but simulated providers is
//! reached.

use super::serve::{self, Listening, Way};
use crate::compose::{Hub, check_scripts, simulator};
use crate::config::{Config, Fault, FlowConfig, SIMULATOR, rules};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::reload::Reloader;
use crate::{plugins, providers};
use gesher_engine::{Entry, Stop};
use gesher_trigger::drop::name_matches;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the scripts are looked at. A look is a handful of file times, so nobody has to tell of changes, and no
/// network disk can keep them to itself.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Folders inside one another that are looked through for scripts and samples.
const FOLDERS_DEEP_MAX: usize = 8;
/// Where a hub with real accounts is run instead.
const SANDBOX: &str = "dev";
/// Any free port of this machine.
const ANY_PORT: &str = "127.0.0.1:0";

/// Runs the hub at `root` for development. Waits for scripts with faults to be mended first.
pub async fn run(output: Output, root: &Path) -> Result<Exit, HubError> {
    let mut shown: Option<Vec<Fault>> = None;
    let config = loop {
        let before = fingerprint(root);
        let (config, faults) = look(root)?;
        match config {
            Some(config) if faults.is_empty() => break config,
            _ if shown.as_ref() != Some(&faults) => {
                faults.iter().for_each(|fault| output.fault(fault));
                output.note("the hub starts as soon as this is mended; stop with Ctrl-C");
                shown = Some(faults);
            }
            _ => {}
        }
        while fingerprint(root) == before {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let is_real = is_real(&config);
    let config = apart(config);
    if is_real {
        output.note(&format!(
            "this hub has real accounts: it is run in {} instead, against simulators. Hosts that flows call and plugins \
             are not reached, as in a dry run (`not_sent`), and alerts stay in its journal. Other commands in this \
             folder, such as `gesher run`, mean the real one",
            config.root.join(SANDBOX).display()
        ));
    }
    serve::run(output, config, Way::Dev).await
}

/// The hub as it is written now, and what is wrong with it. Without a `gesher.toml` there is nothing to wait for.
fn look(root: &Path) -> Result<(Option<Config>, Vec<Fault>), HubError> {
    let config = match Config::load(root) {
        Ok(config) => config,
        Err(faults) if root.join(crate::config::FILE).is_file() => return Ok((None, faults)),
        Err(faults) => return Err(HubError::faults(faults)),
    };
    let (open, mut faults) = plugins::look(&config);
    let mut operations = providers::descriptors();
    operations.extend(open.iter().flat_map(|open| open.plugin.descriptors()));
    faults.extend(plugins::source_faults(&config, &open));
    drop(open);
    faults.extend(rules::faults(&config, &operations));
    faults.extend(check_scripts(&config, &plugins::vocabulary(&config)?).0);
    Ok((Some(config), faults))
}

/// Whether the hub would send to a real account.
fn is_real(config: &Config) -> bool {
    let officeguy = config.officeguy.company_id.is_some() && !config.officeguy.is_simulated();
    officeguy || config.senzey.address().is_some() && !config.senzey.is_simulated()
}

/// The same hub apart from the real one: its providers simulated, hosts and plugins only tried, alerts kept, its data and
/// all its folders inside `dev`.
fn apart(mut config: Config) -> Config {
    if !is_real(&config) {
        return config;
    }
    let sandbox = config.root.join(SANDBOX);
    config.is_apart = true;
    config.alerts.keep();
    if config.officeguy.company_id.is_some() {
        config.officeguy.base_url = SIMULATOR.to_owned();
    }
    if config.senzey.address().is_some() {
        config.senzey.base_url = Some(SIMULATOR.to_owned());
    }
    config.name.push_str(" (dev)");
    config.store = "sqlite".to_owned();
    config.data = sandbox.join("data");
    config.intent_log = None;
    // The real hub may be serving beside it.
    config.dashboard = ANY_PORT.to_owned();
    config.hooks = ANY_PORT.to_owned();
    let root = config.root.clone();
    for flow in &mut config.flows {
        if let Some(drop) = &mut flow.drop {
            let inside = drop.config.folder.strip_prefix(&root).map(Path::to_owned);
            let inside = inside.unwrap_or_else(|_| Path::new("inbox").join(&flow.name));
            drop.config.folder = sandbox.join(inside);
        }
    }
    config
}

/// Reads the scripts anew whenever they were saved, until `stop` is asked for.
pub async fn watch(reloader: Reloader, stop: Stop) {
    let root = reloader.root().to_owned();
    let mut known = fingerprint(&root);
    while !stop.is_requested() {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = fingerprint(&root);
        if now == known {
            continue;
        }
        // An editor may write a file in pieces: it is read when it has been left alone for one look.
        tokio::time::sleep(LOOK_EVERY).await;
        if fingerprint(&root) != now {
            continue;
        }
        known = now;
        if let Err(error) = reloader.reload().await {
            tracing::error!("{}", error.chain());
        }
    }
}

/// What tells saved scripts from those before: the time and the length of each, and of `gesher.toml`.
fn fingerprint(root: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut found = BTreeMap::new();
    collect(root, FOLDERS_DEEP_MAX, &mut |path| {
        let is_script = path.extension().is_some_and(|end| end == "rhai");
        if is_script || path.file_name().is_some_and(|name| name == crate::config::FILE) {
            let data = std::fs::metadata(path).ok();
            let time = data.as_ref().and_then(|data| data.modified().ok());
            found.insert(path.to_owned(), (time, data.map_or(0, |data| data.len())));
        }
    });
    found
}

/// Tells of each file below a folder. Folders that the hub itself fills are left out, and so is what cannot be read.
fn collect(folder: &Path, deeper: usize, tell: &mut impl FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            tell(&path);
        } else if deeper > 0 && !name.starts_with(['.', '_']) && !is_filled(&name) {
            collect(&path, deeper - 1, tell);
        }
    }
}

fn is_filled(folder: &str) -> bool {
    folder == SANDBOX || folder.starts_with("data") || folder.starts_with("inbox")
}

/// Where everything is, and what to do with it.
pub fn board(hub: &Hub, listening: Listening) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut line = |what, where_: String| lines.push((what, where_));
    if let Some(address) = listening.dashboard {
        line("health", format!("http://{address}/healthz"));
    }
    if let Some(running) = &hub.simulator {
        for provider in [simulator::OFFICEGUY, simulator::SENZEY] {
            if let Some(base_url) = running.base_url(provider) {
                line(provider, format!("{base_url}  (simulated)"));
            }
        }
    }
    for (part, hook) in hub.config.webhooks() {
        if let Some(address) = listening.hooks {
            line(&part.name, format!("POST http://{address}{}", hook.path));
        }
    }
    for (part, source) in hub.config.sources().filter(|_| !hub.is_dry) {
        line(&part.name, format!("events of {}", source.events));
    }
    for part in &hub.config.flows {
        if let Some(start) = started_by(hub, part) {
            line(&part.name, start);
        }
    }
    line("scripts", "what is saved counts from the next run on; `gesher test` runs their tests".to_owned());
    let widest = lines.iter().map(|(what, _)| what.chars().count()).max().unwrap_or_default();
    let lines: Vec<String> =
        lines.iter().map(|(what, where_)| format!("  {what:<widest$}  {where_}")).collect();
    lines.join("\n")
}

/// What starts a flow, ready to be typed.
fn started_by(hub: &Hub, part: &FlowConfig) -> Option<String> {
    let root = &hub.config.root;
    let samples = samples(root, &part.name);
    if let Some(drop) = &part.drop {
        let fits = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name_matches(&drop.config.pattern, &name)
        };
        let sample = samples.iter().find(fits).map_or("FILE".to_owned(), |path| path.display().to_string());
        return Some(format!("cp {sample} {}/", drop.config.folder.display()));
    }
    let has_call = hub.flow(&part.name).is_some_and(|flow| flow.scripts.current().has(Entry::Call));
    // In a hub with real accounts `gesher run` would mean those.
    if !has_call || hub.config.data.starts_with(root.join(SANDBOX)) {
        return None;
    }
    let body = samples.iter().find(|path| path.extension().is_some_and(|end| end == "json"));
    let body = body.map_or("FILE".to_owned(), |path| path.display().to_string());
    Some(format!("gesher --hub {} run {} --body {body}", root.display(), part.name))
}

/// The sample files of a flow, as `gesher new` lays them.
fn samples(root: &Path, flow: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root.join("samples").join(flow), 0, &mut |path| found.push(path.to_owned()));
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = r#"
[officeguy]
company_id = 2410000001
api_key = { secret = "officeguy.api_key" }
[alerts]
url = "https://alerts.example.com/gesher"
secret = { secret = "alerts.key" }
[flow.charges]
script = "scripts/a.rhai"
[flow.charges.drop]
folder = "inbox/charges"
[flow.far]
script = "scripts/a.rhai"
[flow.far.drop]
folder = "/srv/files"
"#;

    #[test]
    fn a_hub_with_a_real_account_is_run_apart_from_it() {
        let config = Config::parse(Path::new("/hub"), REAL).unwrap();
        assert!(is_real(&config));
        let apart = apart(config);
        assert!(!is_real(&apart) && apart.is_simulated() && apart.is_apart);
        assert!(apart.alerts.url.is_none());
        assert!(
            rules::faults(&apart, &providers::descriptors())
                .iter()
                .all(|fault| !fault.what.contains("alerts"))
        );
        assert_eq!(apart.data, Path::new("/hub/dev/data"));
        assert_eq!((apart.intent_log.clone(), apart.secrets().len()), (None, 0));
        let folders = apart.flows.iter().filter_map(|flow| Some(&flow.drop.as_ref()?.config.folder));
        let folders: Vec<_> = folders.map(|folder| folder.display().to_string()).collect();
        assert_eq!(folders, ["/hub/dev/inbox/charges", "/hub/dev/inbox/far"]);
    }

    #[test]
    fn a_simulated_hub_is_run_where_it_is() {
        let config = Config::parse(Path::new("/hub"), "[officeguy]\nbase_url = \"simulator\"\n").unwrap();
        assert!(!is_real(&config));
        assert_eq!(apart(config).data, Path::new("/hub/data"));
        let half = "[officeguy]\nbase_url = \"simulator\"\n[senzey]\naccount = \"acme\"\n";
        let half = Config::parse(Path::new("/hub"), half).unwrap();
        assert!(is_real(&half) && !is_real(&apart(half)));
    }

    #[test]
    fn a_saved_script_is_seen_and_what_the_hub_writes_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = scratch.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("scripts/lib/a.rhai", "1");
        let before = fingerprint(scratch.path());
        for elsewhere in ["data/a.rhai", "inbox/a.rhai", "dev/a.rhai", ".git/a.rhai", "scripts/a.txt"] {
            write(elsewhere, "1");
        }
        assert_eq!(fingerprint(scratch.path()), before);
        write("scripts/lib/a.rhai", "12");
        assert_ne!(fingerprint(scratch.path()), before);
        let before = fingerprint(scratch.path());
        write("scripts/new.rhai", "1");
        assert_ne!(fingerprint(scratch.path()), before);
    }
}
