//! Hands a file to the hub that serves: a copy in its drop folder, and then its run in the journal.

use crate::config::FlowConfig;
use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_core::RunId;
use gesher_engine::journal::{Journal, RunRecord};
use gesher_trigger::drop::{is_temporary_name, name_matches};
use ring::digest;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the journal is asked for the run.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks before it is asked whether the hub still lives.
const LOOKS_BEFORE_DOUBT: u32 = 25;
/// Newest runs of the flow among which the file's is looked for.
const RUNS_LOOKED_AT: usize = 100;
/// Bytes that are hashed at a time.
const BLOCK_BYTES: usize = 64 << 10;
/// How long a run may be in coming once its file is gone from the folder.
const RUN_SECONDS_MAX: u64 = 10;

/// Refuses a file that the flow's drop folder would never take, by its name.
pub fn check_name(flow: &FlowConfig, name: &str) -> Result<(), HubError> {
    let pattern = flow.drop.as_ref().map(|drop| drop.config.pattern.as_str()).unwrap_or_default();
    if is_temporary_name(name) {
        return Err(HubError::usage(format!("{name} is the name of a file that is not finished"))
            .hint(format!("give the file a name that fits {pattern}")));
    }
    if !name_matches(pattern, name) {
        return Err(HubError::usage(format!("the flow {} takes {pattern}, and not {name}", flow.name))
            .hint("give the file a name that fits, or change `pattern` in gesher.toml"));
    }
    Ok(())
}

/// A file that was handed over, by what tells its run from others.
struct Handed {
    name: String,
    sha256: [u8; 32],
    /// The newest run of the flow before the file lay there. Runs are compared by their order in the journal: a clock
    /// that is set back between two processes would hide the run that is waited for.
    before: Option<RunId>,
}

/// Whether a run is the file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    No,
    /// Its bytes are not known yet.
    Perhaps,
    Yes,
}

impl Handed {
    /// The runs that began since, of those that were listed with the newest first.
    fn since<'a>(&self, runs: &'a [RunRecord]) -> &'a [RunRecord] {
        let known = runs.iter().position(|run| Some(&run.id) == self.before.as_ref());
        &runs[..known.unwrap_or(runs.len())]
    }

    fn fit(&self, run: &RunRecord) -> Fit {
        if run.name != self.name {
            return Fit::No;
        }
        match run.sha256 {
            Some(sha256) if sha256 == self.sha256 => Fit::Yes,
            Some(_) => Fit::No,
            // A file that is refused whole, or gone, never has its bytes known; no other of its name lay there then.
            None if run.state.is_final() => Fit::Yes,
            None => Fit::Perhaps,
        }
    }
}

/// Puts a copy into the flow's folder and answers the run that the hub begins for it. A file that lies there already
/// is waited for as it is.
pub async fn file(
    output: Output,
    journal: &dyn Journal,
    flow: &FlowConfig,
    path: &Path,
    is_serving: impl Fn() -> bool,
) -> Result<RunId, HubError> {
    let folder = flow.drop.as_ref().map(|drop| drop.config.folder.clone());
    let folder =
        folder.ok_or_else(|| HubError::usage(format!("the flow {} has no drop folder", flow.name)))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    check_name(flow, &name)?;
    let mut handed = Handed { name, sha256: [0; 32], before: newest(journal, flow).await? };
    let lies_there = folder.canonicalize().is_ok_and(|folder| path.parent() == Some(&folder));
    let dropped = if lies_there {
        handed.sha256 = hash(path).map_err(|error| {
            HubError::usage(format!("{} lies in the drop folder and cannot be read", path.display()))
                .because(error)
                .hint("when the hub that serves has taken it, `gesher runs` shows its run")
        })?;
        path.to_owned()
    } else {
        let with = flow.drop.as_ref().map(|drop| &drop.config);
        if let Some(control) = with.and_then(|config| config.control_of(&handed.name)) {
            let beside = path.with_file_name(&control);
            if !beside.is_file() {
                return Err(HubError::usage(format!("its control file {} is missing", beside.display()))
                    .hint("the flow takes no file without one; it holds lines such as `rows = 200`"));
            }
            publish(&draft(&beside, &folder, &control)?, &folder, &control)?;
        }
        let draft = draft(path, &folder, &handed.name)?;
        // The copy's bytes and no others are what the hub sees: the file itself may change meanwhile.
        handed.sha256 = hash(&draft).doing(format!("{} cannot be read", draft.display()))?;
        handed.before = newest(journal, flow).await?;
        let published = publish(&draft, &folder, &handed.name)?;
        if let Some(done) = with.and_then(|config| config.done_file_of(&handed.name)) {
            // Whoever names a file says that it is whole.
            File::create(folder.join(&done)).doing(format!("{done} cannot be made"))?;
        }
        published
    };
    output.note(&format!("a hub is serving here: {} lies in its folder", handed.name));
    run_of(journal, flow, &handed, &dropped, is_serving).await
}

async fn newest(journal: &dyn Journal, flow: &FlowConfig) -> Result<Option<RunId>, HubError> {
    let runs = journal.runs(Some(&flow.name), 1).await.doing("reading the runs")?;
    Ok(runs.into_iter().next().map(|run| run.id))
}

async fn run_of(
    journal: &dyn Journal,
    flow: &FlowConfig,
    handed: &Handed,
    dropped: &Path,
    is_serving: impl Fn() -> bool,
) -> Result<RunId, HubError> {
    let name = &handed.name;
    let (mut looks, mut gone_looks) = (0_u32, 0_u32);
    loop {
        let runs = journal.runs(Some(&flow.name), RUNS_LOOKED_AT).await.doing("reading the runs")?;
        let runs = handed.since(&runs);
        if let Some(run) = runs.iter().find(|run| handed.fit(run) == Fit::Yes) {
            return Ok(run.id.clone());
        }
        // The hub journals a run before it moves the file, so a file that is gone has a run, or was taken by somebody.
        let is_coming = dropped.exists() || runs.iter().any(|run| handed.fit(run) == Fit::Perhaps);
        gone_looks = if is_coming { 0 } else { gone_looks + 1 };
        if LOOK_EVERY * gone_looks > Duration::from_secs(RUN_SECONDS_MAX) {
            return Err(HubError::failed(format!(
                "{name} is gone from the drop folder, and no run was begun for it"
            )));
        }
        looks += 1;
        if looks.is_multiple_of(LOOKS_BEFORE_DOUBT) && !is_serving() {
            return Err(HubError::failed("the hub that served is gone")
                .hint(format!("{name} lies in its drop folder, and is taken when a hub serves here again")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut whole = digest::Context::new(&digest::SHA256);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => whole.update(&block[..read]),
        }
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(whole.finish().as_ref());
    Ok(sha256)
}

/// Copies the file into the folder, under a name that the hub passes over.
fn draft(path: &Path, folder: &Path, name: &str) -> Result<PathBuf, HubError> {
    let draft = folder.join(format!(".{name}.{}.part", std::process::id()));
    let copied = fs::copy(path, &draft).and_then(|_| File::open(&draft)?.sync_all());
    copied.doing(format!("{} cannot be copied into {}", path.display(), folder.display()))?;
    Ok(draft)
}

/// The hub sees the name only once the whole file is there.
fn publish(draft: &Path, folder: &Path, name: &str) -> Result<PathBuf, HubError> {
    let to = folder.join(name);
    // A link does not replace what is there, as a rename would.
    let linked = fs::hard_link(draft, &to);
    let removed = fs::remove_file(draft);
    match linked {
        Ok(()) => removed.doing(format!("{} cannot be removed", draft.display()))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(HubError::usage(format!("a file {name} waits in the drop folder already"))
                .hint("wait until it is taken, or give this one another name"));
        }
        Err(error) => {
            return Err(HubError::failed(format!("{name} cannot be put into the drop folder")).because(error));
        }
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use gesher_engine::journal::{RunState, TriggerKind};

    #[test]
    fn a_file_that_waits_already_is_not_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, folder) = (scratch.path().join("march.csv"), scratch.path().join("in"));
        fs::create_dir(&folder).unwrap();
        let put = || publish(&draft(&from, &folder, "march.csv")?, &folder, "march.csv");
        fs::write(&from, "new").unwrap();
        assert_eq!(put().unwrap(), folder.join("march.csv"));
        fs::write(&from, "newer").unwrap();
        assert_eq!(put().unwrap_err().exit(), crate::exit::Exit::Usage);
        assert_eq!(fs::read_to_string(folder.join("march.csv")).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_the_drop_folder_passes_over_is_refused() {
        let text = "[flow.f]\nscript = \"s\"\n[flow.f.drop]\nfolder = \"in\"\npattern = \"m*.csv\"\n";
        let config = Config::parse(Path::new("/hub"), text).unwrap();
        for (name, fits) in [
            ("march.csv", true),
            ("march.CSV", true),
            ("march.txt", false),
            ("april.csv", false),
            (".march.csv", false),
            ("march.csv.tmp", false),
            ("~$march.csv", false),
            ("", false),
        ] {
            let checked = check_name(&config.flows[0], name);
            assert_eq!(checked.is_ok(), fits, "{name}");
            assert!(checked.err().is_none_or(|error| error.exit() == crate::exit::Exit::Usage), "{name}");
        }
    }

    #[test]
    fn a_run_is_known_by_name_order_and_bytes() {
        let handed = Handed { name: "m.csv".to_owned(), sha256: [7; 32], before: "k7mq2xd".parse().ok() };
        let run = |id: &str, name: &str, sha256, state| {
            RunRecord {
                id: id.parse().unwrap(),
                flow: "f".to_owned(),
                trigger: TriggerKind::Drop,
                name: name.to_owned(),
                source: serde_json::Value::Null,
                script: String::new(),
                sha256,
                state,
                message: None,
                rows: None,
                terms: None,
                // The same for all: the time of day tells nothing here.
                started_at: jiff::Timestamp::UNIX_EPOCH,
                ended_at: None,
                closings: 0,
            }
        };
        for (name, sha256, state, want) in [
            ("m.csv", Some([7; 32]), RunState::Running, Fit::Yes),
            ("m.csv", Some([8; 32]), RunState::Running, Fit::No),
            ("m.csv", None, RunState::Claimed, Fit::Perhaps),
            ("m.csv", None, RunState::Refused, Fit::Yes),
            ("n.csv", Some([7; 32]), RunState::Running, Fit::No),
        ] {
            assert_eq!(handed.fit(&run("h2mq2xd", name, sha256, state)), want, "{name} {state:?}");
        }
        let mut runs: Vec<_> = ["h2mq2xd", "k7mq2xd", "b4mq2xd"]
            .map(|id| run(id, "m.csv", Some([7; 32]), RunState::Finished))
            .into();
        assert_eq!(handed.since(&runs).len(), 1);
        runs.retain(|run| run.id.as_str() != "k7mq2xd");
        assert_eq!(handed.since(&runs).len(), 2, "all that are listed are newer");
    }

    #[test]
    fn the_hash_is_sha256() {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        fs::write(scratch.path(), "abc").unwrap();
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(crate::commands::runs::hex(hash(scratch.path()).unwrap()), want);
    }
}
