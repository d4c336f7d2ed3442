//! Hands a file to the hub that serves: a copy in its drop folder, and then its run in the journal.

use crate::config::FlowConfig;
use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_core::{Clock, RunId, SystemClock};
use gesher_engine::journal::{Journal, RunRecord};
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the journal is asked for the run.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks before it is asked whether the hub still lives.
const LOOKS_BEFORE_DOUBT: u32 = 25;
/// Newest runs of the flow among which the file's is looked for.
const RUNS_LOOKED_AT: usize = 100;
/// How long a run may be in coming once its file is gone from the folder.
const RUN_SECONDS_MAX: u64 = 10;

/// Puts a copy into the flow's folder and answers the run that the hub begins for it.
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
    let since = SystemClock::new().now();
    let dropped = put(path, &folder, &name)?;
    output.note(&format!("a hub is serving here: dropped {name} into its folder"));
    let (mut looks, mut gone_looks) = (0_u32, 0_u32);
    loop {
        let runs = journal.runs(Some(&flow.name), RUNS_LOOKED_AT).await.doing("reading the runs")?;
        if let Some(run) = runs.into_iter().find(|run| is_of(run, &name, since)) {
            return Ok(run.id);
        }
        // The hub journals a run before it moves the file, so a file that is gone has a run, or was taken by somebody.
        gone_looks = if dropped.exists() { 0 } else { gone_looks + 1 };
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

fn is_of(run: &RunRecord, name: &str, since: Timestamp) -> bool {
    run.name == name && run.started_at >= since
}

/// The hub sees the name only once the whole file is there.
fn put(path: &Path, folder: &Path, name: &str) -> Result<PathBuf, HubError> {
    let to = folder.join(name);
    let draft = folder.join(format!(".{name}.part"));
    let copied = fs::copy(path, &draft).and_then(|_| fs::File::open(&draft)?.sync_all());
    copied.doing(format!("{} cannot be copied into {}", path.display(), folder.display()))?;
    // A link does not replace what is there, as a rename would.
    let linked = fs::hard_link(&draft, &to);
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.doing(format!("{} cannot be removed", draft.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
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

    #[test]
    fn a_file_that_waits_already_is_not_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, folder) = (scratch.path().join("march.csv"), scratch.path().join("in"));
        fs::create_dir(&folder).unwrap();
        fs::write(&from, "new").unwrap();
        assert_eq!(put(&from, &folder, "march.csv").unwrap(), folder.join("march.csv"));
        fs::write(&from, "newer").unwrap();
        assert_eq!(put(&from, &folder, "march.csv").unwrap_err().exit(), crate::exit::Exit::Usage);
        assert_eq!(fs::read_to_string(folder.join("march.csv")).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
