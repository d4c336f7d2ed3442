//! Where the files of a run lie, and which run it repeats: told from its record, to whoever only looks. Moves nothing.

use super::folder::{Place, extension, name_with_run};
use super::format::Format;
use super::life::Pinned;
use gesher_core::RunId;
use gesher_engine::journal::{RunRecord, RunState, TriggerKind};
use std::path::{Path, PathBuf};

/// The files that a run left behind. Those that are not there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFiles {
    /// The file itself, where it lies now.
    pub file: Option<PathBuf>,
    /// What became of each row.
    pub result: Option<PathBuf>,
    /// Counts and totals.
    pub report: Option<PathBuf>,
    /// The rows that may be tried again.
    pub retry: Option<PathBuf>,
    /// The rows that were not taken, because the file changed after it was validated.
    pub late: Option<PathBuf>,
    /// What is wrong with a file that was refused whole.
    pub errors: Option<PathBuf>,
    /// The run of the same bytes, where this one is its duplicate.
    pub duplicate_of: Option<RunId>,
}

impl RunFiles {
    /// The files of a run. They lie in the folder that the run was begun in, or, when that one is gone, in the one that
    /// is configured now.
    #[must_use]
    pub fn of(run: &RunRecord, configured: &Path) -> Self {
        if run.trigger != TriggerKind::Drop {
            return Self::default();
        }
        let Ok(pinned) = Pinned::of(run) else { return Self::default() };
        let begun_in = pinned.folder.as_deref().map(Path::new);
        let root = begun_in.filter(|path| path.is_dir()).unwrap_or(configured);
        let named = |place: Place, ending: &str| {
            let path = root.join(place.name()).join(name_with_run(&run.name, run.id.as_str(), ending));
            path.is_file().then_some(path)
        };
        let end = extension(&run.name);
        let reports = if pinned.rejected { Place::Failed } else { Place::Done };
        let place = match run.state {
            RunState::Refused => Place::Failed,
            RunState::Duplicate => Place::Duplicate,
            RunState::Held => Place::Held,
            _ => reports,
        };
        Self {
            file: named(place, end),
            result: named(reports, ".result.csv"),
            report: named(reports, ".report.json"),
            retry: named(reports, &format!(".retry{}", Format::ending_of_rows(&run.name))),
            late: named(Place::Failed, &format!(".late{end}")),
            errors: named(Place::Failed, ".errors.csv"),
            duplicate_of: pinned.duplicate_of.filter(|_| run.state == RunState::Duplicate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::{Clock, SystemClock};

    #[test]
    fn the_files_are_those_of_the_state_and_the_run() {
        let scratch = tempfile::tempdir().unwrap();
        for (place, name) in [
            ("done", "m.k7mq2xd.csv"),
            ("done", "m.k7mq2xd.result.csv"),
            ("done", "m.zzzzzzz.report.json"),
            ("duplicate", "m.k7mq2xd.csv"),
            ("failed", "m.k7mq2xd.errors.csv"),
        ] {
            std::fs::create_dir_all(scratch.path().join(place)).unwrap();
            std::fs::write(scratch.path().join(place).join(name), "x").unwrap();
        }
        for (state, file) in [
            (RunState::Finished, Some("done/m.k7mq2xd.csv")),
            (RunState::Duplicate, Some("duplicate/m.k7mq2xd.csv")),
            (RunState::Refused, None),
        ] {
            let run = record(state);
            let found = RunFiles::of(&run, scratch.path());
            assert_eq!(found.file, file.map(|file| scratch.path().join(file)), "{state:?}");
            assert_eq!(found.result, Some(scratch.path().join("done/m.k7mq2xd.result.csv")));
            assert_eq!(found.errors, Some(scratch.path().join("failed/m.k7mq2xd.errors.csv")));
            assert_eq!((found.report, found.retry, found.late), (None, None, None), "another run's, or none");
            assert_eq!(found.duplicate_of.is_some(), state == RunState::Duplicate);
        }
    }

    fn record(state: RunState) -> RunRecord {
        RunRecord {
            id: "k7mq2xd".parse().unwrap(),
            flow: "f".to_owned(),
            trigger: TriggerKind::Drop,
            name: "m.csv".to_owned(),
            source: serde_json::json!({
                "stamp": null,
                "rules": { "row_key": "line", "amount": null, "encoding": "auto", "not_cards": [] },
                "duplicate_of": "bbbbbbb",
            }),
            script: String::new(),
            sha256: None,
            state,
            message: None,
            rows: None,
            terms: None,
            started_at: SystemClock::new().now(),
            ended_at: None,
            closings: 0,
        }
    }
}
