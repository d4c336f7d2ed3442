//! Half-written copies that a crash left in the work folder. Only files that carry the name of a run that is over are
//! removed: a run that goes on writes its own again, and what else lies there is not the hub's to judge.

use super::folder::{DropFolder, Place, TEMPORARY_ENDING};
use super::trigger::DropTrigger;
use crate::error::TriggerError;
use gesher_core::RunId;
use std::fs;
use std::path::{Path, PathBuf};

impl DropTrigger {
    /// Removes them. A run's state is asked for after its file was seen, so that nothing of a run at work is touched.
    /// What cannot be removed stays: it is in nobody's way, and must not keep files waiting.
    pub(super) async fn sweep(&self, folder: &DropFolder) -> Result<(), TriggerError> {
        for path in files_in(&folder.path(Place::Work)) {
            let runs = runs_in(&path.file_name().unwrap_or_default().to_string_lossy());
            if runs.is_empty() || !self.are_over(&runs).await? {
                continue;
            }
            let (flow, file) = (&self.flow.name, path.display());
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!(flow, "removed {file}, which a stop had left half written"),
                Err(error) => tracing::warn!(flow, "a stop left {file} half written, and it stays: {error}"),
            }
        }
        Ok(())
    }

    /// Whether at least one of these is a run, and all that are have ended.
    async fn are_over(&self, candidates: &[RunId]) -> Result<bool, TriggerError> {
        let mut is_known = false;
        for run in candidates {
            let run = self.engine.journal().run(run).await;
            match run.map_err(TriggerError::journal("reading a run"))? {
                Some(run) if !run.state.is_final() => return Ok(false),
                Some(_) => is_known = true,
                None => {}
            }
        }
        Ok(is_known)
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|entry| entry.path()).collect()
}

/// The parts of a temporary name that may be a run. A file's own name may hold an earlier run's, so all are asked for.
fn runs_in(name: &str) -> Vec<RunId> {
    let Some(name) = name.strip_suffix(TEMPORARY_ENDING) else { return Vec::new() };
    let parts = name.split('.').filter_map(|part| {
        let run: RunId = part.parse().ok()?;
        (run.as_str() == part).then_some(run)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, want: &[&str]) {
        let found = runs_in(name);
        assert_eq!(found.iter().map(RunId::as_str).collect::<Vec<_>>(), want, "{name}");
    }

    #[test]
    fn a_temporary_name_carries_its_run() {
        check("k7mq2xd.march.csv.tmp", &["k7mq2xd"]);
        check("מרץ 2026.k7mq2xd.result.csv.tmp", &["k7mq2xd"]);
        check("h2mq2xd.march.k7mq2xd.retry.csv.tmp", &["h2mq2xd", "k7mq2xd"]);
        check("k7mq2xd.march.csv", &[]);
        check("K7MQ2XD.march.csv.tmp", &[]);
        check("owner.4242.tmp", &[]);
        check("march.csv.tmp", &[]);
    }
}
