//! The checks of what lies on this machine: configuration, journal, intent log, vault, clock, disks, folders.

use super::{Check, State};
use crate::compose::check_scripts;
use crate::compose::lock::is_held;
use crate::compose::secrets::{is_there, variable};
use crate::compose::store::{
    data_folders, intent_log_path, journal_path, local, master_key, open_reader, opening, time_zone,
};
use crate::config::{Config, Fault, rules};
use crate::disk;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::plugins;
use gesher_core::{Clock, HubId, SystemClock};
use gesher_engine::journal::{Guard, Journal, SqliteJournal, StepState, library_version};
use gesher_trigger::drop::DropFolder;
use gesher_trigger::room::{Disk, shown};
use gesher_vault::{MasterKeySource, Vault};
use jiff::Timestamp;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Open steps that are counted.
const OPEN_STEPS_COUNTED: usize = 10_000;
/// By how much the clock may lie behind the newest run before somebody should look: clocks are corrected by seconds.
const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(60);
/// Permissions by which others get at a folder.
const OTHERS: u32 = 0o077;

/// A configuration that cannot be read.
pub(super) fn configuration_faults(faults: &[Fault]) -> Check {
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    let found = format!("{} faults, the first: {first}", faults.len());
    Check::new("configuration", State::Fault(Exit::Usage), found, "`gesher check` tells all of them")
}

/// The configuration with its scripts, and who works in the hub.
pub(super) fn of_configuration(config: &Config) -> Result<Vec<Check>, HubError> {
    let mut faults = rules::faults(config, &plugins::descriptors(config));
    faults.extend(check_scripts(config, &plugins::vocabulary(config)?).0);
    let configuration = match faults.is_empty() {
        true => Check::well("configuration", format!("{} flows", config.flows.len())),
        false => configuration_faults(&faults),
    };
    let hub = if is_held(config) { "a hub is at work here" } else { "no hub is at work here" };
    Ok(vec![configuration, Check::well("hub", hub)])
}

/// The journal, the intent log beside it, what is open in it, and the clock by its last record.
pub(super) async fn of_journal(config: &Config) -> Vec<Check> {
    let path = journal_path(config);
    if !path.is_file() {
        let log = intent_log_path(config);
        let journal = match log.is_file() {
            false => Check::well("journal", "none yet; the first start begins one"),
            // Without its journal the log can only say that there was one.
            true => Check::failed(
                "journal",
                format!("there is none, and the intent log {} says that there was one", log.display()),
                "put a backup in its place with `gesher restore FILE`",
            ),
        };
        return vec![journal];
    }
    let mut checks = vec![match SqliteJournal::check_file(&path).map_err(opening) {
        Ok(_) => Check::well("journal", format!("{} is sound", path.display())),
        Err(error) => Check::of("journal", &error),
    }];
    checks.push(of_intent_log(config, &path));
    checks.extend(of_its_lines(config, &path));
    if let Ok(Some(journal)) = open_reader(config) {
        checks.push(or_failed("unknown", open_steps(&*journal).await));
        checks.push(or_failed("clock", clock(config, &*journal).await));
        checks.push(or_failed("alerts", super::alerts::look(config, &*journal).await));
    }
    checks
}

fn of_intent_log(config: &Config, path: &Path) -> Check {
    let log = intent_log_path(config);
    let name = "intent log";
    if !log.is_file() {
        return Check::look(
            name,
            format!("{} is not there; the next start writes it from the journal", log.display()),
            "if the journal was restored from a backup, put the log back first: without it nobody knows what was sent since",
        );
    }
    match SqliteJournal::compare(path, &log).map_err(opening) {
        Ok(Guard::Complete) => Check::well(name, format!("the journal knows all of {}", log.display())),
        Ok(Guard::Behind { missing, first }) => Check::failed(
            name,
            format!("the journal lacks {missing} intents of {}, the first {first}", log.display()),
            "put the newest journal back, or let `gesher doctor --adopt-intents` take them over as unknown",
        ),
        Err(error) => Check::of(name, &error),
    }
}

/// Every line of the intent log, where a start reads only its end. Said only where something is wrong with them.
fn of_its_lines(config: &Config, path: &Path) -> Option<Check> {
    let log = intent_log_path(config);
    let checked = log.is_file().then(|| SqliteJournal::check_log(path, &log))?;
    checked.map_err(opening).err().map(|error| Check::of("intent log lines", &error))
}

async fn open_steps(journal: &dyn Journal) -> Result<Check, HubError> {
    let open = journal.open_steps(None, OPEN_STEPS_COUNTED).await.doing("counting the open steps")?;
    if open.is_empty() {
        return Ok(Check::well("unknown", "nothing is unknown"));
    }
    let conflicts = open.iter().filter(|step| is_conflict(step.state)).count();
    let found = format!("{} steps are unknown, {conflicts} in conflict", open.len() - conflicts);
    Ok(Check::look("unknown", found, "`gesher unknown list` shows them; do not repeat them by other means"))
}

fn is_conflict(state: StepState) -> bool {
    state == StepState::Over(gesher_core::OutcomeStatus::Conflict)
}

/// The machine's clock against the newest time in the journal: one that is behind it was set back, or was wrong then.
async fn clock(config: &Config, journal: &dyn Journal) -> Result<Check, HubError> {
    let now = SystemClock::new().now();
    let newest = journal.runs(None, 1).await.doing("reading the newest run")?.into_iter().next();
    let newest = newest.map(|run| run.ended_at.unwrap_or(run.started_at).max(run.started_at));
    let here = format!("{} ({})", local(now, &time_zone(config)), config.time_zone);
    Ok(match compared(now, newest) {
        Ok(words) => Check::well("clock", format!("{here}, {words}")),
        Err(words) => Check::look(
            "clock",
            format!("{here}, {words}"),
            "set the clock, and let the machine keep it (systemd-timesyncd, chrony)",
        ),
    })
}

/// How the clock lies to the newest run, in words: in order, or behind it by more than it may be.
fn compared(now: Timestamp, newest: Option<Timestamp>) -> Result<String, String> {
    let Some(newest) = newest else { return Ok("and no run yet to compare it with".to_owned()) };
    let apart = now.duration_since(newest).unsigned_abs();
    match newest > now {
        false => Ok(format!("{} after the newest run", span(apart))),
        true if apart <= CLOCK_BEHIND_MAX => Ok(format!(
            "{} before the newest run; up to {} is nothing to worry about",
            span(apart),
            span(CLOCK_BEHIND_MAX)
        )),
        true => Err(format!(
            "{} before the newest run, where up to {} would be nothing to worry about: it was set back, or was wrong then",
            span(apart),
            span(CLOCK_BEHIND_MAX)
        )),
    }
}

/// A span as people say it, in its largest whole unit.
fn span(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let seconds = time.as_secs();
    let (length, unit) = UNITS.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "second"));
    let count = seconds / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Whether every secret is there, and opens. No key is made, and none shown.
pub(super) async fn of_vault(config: &Config) -> Vec<Check> {
    let journal = open_reader(config).ok().flatten();
    let mut checks = vec![or_failed("vault", vault(config, journal.as_deref()).await)];
    for name in config.secrets() {
        if !is_there(name, journal.as_deref()).await.unwrap_or(false) {
            let mend = format!("`gesher secrets set {}`, or set {}", name.0, variable(&name.0));
            let found = "neither in the environment nor in the vault";
            checks.push(Check::new(format!("secret {}", name.0), State::Fault(Exit::Usage), found, mend));
        }
    }
    checks
}

/// Whether there is a master key. Opening the vault would make one.
pub(super) fn has_master_key(source: &MasterKeySource) -> bool {
    let folder = source.credentials_dir.as_ref();
    source.env.is_some()
        || folder.is_some_and(|folder| folder.join(gesher_vault::CREDENTIAL).is_file())
        || source.file.is_file()
}

async fn vault(config: &Config, journal: Option<&dyn Journal>) -> Result<Check, HubError> {
    let names = match journal {
        Some(journal) => journal.sealed_names().await.doing("reading the vault")?,
        None => Vec::new(),
    };
    let source = master_key(config);
    if !has_master_key(&source) {
        return Ok(match names.is_empty() {
            true => Check::well("vault", "no master key yet; the first start makes one"),
            false => Check::failed(
                "vault",
                format!("{} secrets are sealed, and there is no master key", names.len()),
                "put the key back: GESHER_MASTER_KEY, a systemd credential, or master.key in the data folder",
            ),
        });
    }
    let vault = Vault::open(&source);
    let vault = vault.map_err(|error| HubError::usage("the master key cannot be used").because(error))?;
    let mut closed = Vec::new();
    for (name, _) in &names {
        let row = match journal {
            Some(journal) => journal.sealed(name).await.doing("reading the vault")?,
            None => None,
        };
        if row.is_some_and(|row| vault.open_sealed(name, &row.bytes).is_err()) {
            closed.push(name.as_str());
        }
    }
    Ok(match closed.first() {
        None => Check::well("vault", format!("{} sealed entries, and all of them open", names.len())),
        Some(first) => Check::failed(
            "vault",
            format!("{} of {} sealed entries do not open, the first {first}", closed.len(), names.len()),
            "is this the master key that they were sealed with? Else store them again",
        ),
    })
}

/// Free space of each disk that the hub writes to.
pub(super) fn of_disks(config: &Config) -> Vec<Check> {
    let names = ["data", "intent log"];
    let data = names.into_iter().zip(data_folders(config)).map(|(name, folder)| (name.to_owned(), folder));
    let drops = config.flows.iter().filter_map(|flow| {
        Some((format!("drop folder of {}", flow.name), flow.drop.as_ref()?.config.folder.clone()))
    });
    let checks = data.chain(drops).map(|(of, folder)| {
        let name = format!("disk: {of}");
        match (disk::reason(&folder, false), Disk::of(&folder)) {
            (Some(why), _) => Check::failed(name, why, "make room; the hub goes on by itself"),
            (None, Ok(disk)) => {
                Check::well(name, format!("{} of {} free", shown(disk.free), shown(disk.size)))
            }
            (None, Err(error)) => {
                Check::failed(name, format!("{} cannot be asked: {error}", folder.display()), "")
            }
        }
    });
    checks.collect()
}

/// The rights of the folders, whose they are, and whether files can be moved within them.
pub(super) fn of_folders(config: &Config) -> Vec<Check> {
    let names = ["folder: data", "folder: intent log"];
    let mut checks: Vec<Check> = names
        .into_iter()
        .zip(data_folders(config))
        .map(|(name, folder)| data_folder(name, &folder))
        .collect();
    let journal = open_reader(config).ok().flatten();
    let hub = journal.map_or_else(|| HubId::stored(""), |journal| journal.hub_id().clone());
    for flow in &config.flows {
        let Some(drop) = &flow.drop else { continue };
        let folder = &drop.config.folder;
        let name = format!("folder: {}", flow.name);
        checks.push(match DropFolder::check(folder, &hub, &config.data) {
            Err(error) => Check::of(name, &HubError::usage("the drop folder cannot be used").because(error)),
            Ok(false) => Check::well(name, format!("{} is made at the first start", folder.display())),
            Ok(true) => Check::well(name, format!("{} can be worked with", folder.display())),
        });
    }
    checks
}

fn data_folder(name: &str, folder: &Path) -> Check {
    let path = folder.display();
    match folder.metadata() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            to_be_made(name, folder)
        }
        Ok(found) if !found.is_dir() => {
            Check::failed(name, format!("{path} is no folder"), "name another one")
        }
        Ok(_) if !is_writable(folder) => Check::failed(
            name,
            format!("{path} cannot be written to"),
            "give this user the right to write there",
        ),
        Err(error) => Check::failed(name, format!("{path} cannot be looked at: {error}"), ""),
        Ok(found) if found.mode() & OTHERS != 0 => Check::look(
            name,
            format!("other users of this machine get at {path} (mode {:o})", found.mode() & 0o777),
            format!("chmod 700 {path}"),
        ),
        Ok(_) => Check::well(name, format!("{path} is its owner's alone")),
    }
}

/// A folder that the first start makes, if it can.
fn to_be_made(name: &str, folder: &Path) -> Check {
    let path = folder.display();
    let nearest = folder.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
    match nearest.filter(|above| !above.as_os_str().is_empty()) {
        Some(above) if !above.is_dir() => {
            let found = format!("{path} cannot be made: {} is no folder", above.display());
            Check::failed(name, found, "name another one")
        }
        Some(above) if !is_writable(above) => {
            let found = format!("{path} cannot be made: {} cannot be written to", above.display());
            Check::failed(name, found, "make it, and give this user the right to write there")
        }
        _ => Check::well(name, format!("{path} is made at the first start")),
    }
}

/// Whether this user may make files in a folder. Nothing is made.
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// What runs here.
pub(super) fn versions() -> Check {
    let system = rustix::system::uname();
    let found = format!(
        "gesher {}, SQLite {}, {} {}",
        env!("CARGO_PKG_VERSION"),
        library_version(),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    );
    Check::well("versions", found)
}

fn or_failed(name: &str, check: Result<Check, HubError>) -> Check {
    check.unwrap_or_else(|error| Check::of(name, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(newest_after_now: i64, is_well: bool, words: &str) {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let newest = Timestamp::from_second(1_800_000_000 + newest_after_now).unwrap();
        let found = compared(now, Some(newest));
        assert_eq!(found.is_ok(), is_well, "{found:?}");
        let (Ok(found) | Err(found)) = found;
        assert!(found.contains(words), "{found}");
    }

    #[test]
    fn a_clock_is_compared_with_the_newest_run_in_words() {
        check(0, true, "0 seconds after the newest run");
        check(-1, true, "1 second after");
        check(-7_200, true, "2 hours after");
        check(-86_400 * 40, true, "40 days after");
        check(60, true, "1 minute before the newest run; up to 1 minute is nothing");
        check(61, false, "1 minute before the newest run, where up to 1 minute would be");
        check(3 * 86_400, false, "3 days before");
        assert!(compared(Timestamp::UNIX_EPOCH, None).unwrap().contains("no run yet"));
    }

    #[test]
    fn a_folder_that_is_to_be_made_is_looked_at_before_the_first_start() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "x").unwrap();
        for (folder, state, words) in [
            (scratch.path().join("a/b"), State::Well, "made at the first start"),
            (file.join("b"), State::Fault(Exit::Failed), "is no folder"),
            (file.clone(), State::Fault(Exit::Failed), "is no folder"),
        ] {
            let found = data_folder("folder: intent log", &folder);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.found.contains(words), "{found:?}");
        }
    }
}
