//! Writes the reports of a finished run anew after one of its rows was settled: a look-up or a person closed what was
//! unknown. The bytes are those that a run ending now would leave, since the same function makes them from the same
//! journal and the same file. It needs no flow, no script and no provider, so a person's command can do it too.
//!
//! Only the process that has the hub's lock may: two writers of one report would meet under its temporary name.

use super::folder::{DropFolder, Place};
use super::format::Format;
use super::leaving::Items;
use super::life::Pinned;
use super::report::{self, ReportError, ResultFiles};
use super::source::ValidatedRows;
use crate::error::TriggerError;
use gesher_core::{Clock, HubId};
use gesher_engine::journal::{Journal, RunRecord, TriggerKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of the reports of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// They say now what the journal says.
    Written(ResultFiles),
    /// The run left no reports: it was a call, or ended before its rows.
    None,
    /// Somebody took the run's file away, so there is nothing to stand beside its rows. The journal alone has the truth.
    FileGone(PathBuf),
}

/// Writes reports anew.
pub struct Reports {
    /// Knows the runs and their items.
    pub journal: Arc<dyn Journal>,
    /// Where the journal is read from.
    pub runtime: tokio::runtime::Handle,
    /// Says when the reports were written.
    pub clock: Arc<dyn Clock>,
    /// Whose the folders are.
    pub hub: HubId,
    /// That hub's data folder.
    pub data_dir: PathBuf,
}

impl Reports {
    /// Writes the reports of a run anew and notes that they show everything known of it by `run`. `configured` is its
    /// flow's folder now, if it has one still. After a failure the run stays on the journal's list, to be tried again.
    pub async fn renew(&self, run: &RunRecord, configured: Option<&Path>) -> Result<Renewed, TriggerError> {
        let renewed = match run.trigger {
            TriggerKind::Drop => self.write(run, configured).await?,
            TriggerKind::Call | TriggerKind::Webhook | TriggerKind::Schedule | TriggerKind::Source => {
                Renewed::None
            }
        };
        let noted = self.journal.reports_written(&run.id, run.closings, self.clock.now()).await;
        noted.map_err(TriggerError::journal("noting that reports were written"))?;
        Ok(renewed)
    }

    async fn write(&self, run: &RunRecord, configured: Option<&Path>) -> Result<Renewed, TriggerError> {
        let pinned = Pinned::of(run)?;
        let Some(folder) = self.folder(&pinned, configured)? else {
            let path =
                pinned.folder.map(PathBuf::from).or(configured.map(Path::to_owned)).unwrap_or_default();
            return Err(TriggerError::Missing { run: run.id.clone(), path });
        };
        let files = ResultFiles::of(&folder, run);
        if !files.file.is_file() {
            let left_reports = files.result.is_file() || files.report.is_file();
            return Ok(if left_reports { Renewed::FileGone(files.file) } else { Renewed::None });
        }
        let items = Items::of(&self.journal, &self.runtime, &run.id);
        let record = run.clone();
        let written = self.runtime.spawn_blocking(move || write(&folder, &record, &pinned, items)).await;
        let written = written.map_err(|_panicked| TriggerError::Internal("writing reports anew"))?;
        written.map_err(|error| match error {
            ReportError::Folder(source) => TriggerError::Folder(source),
            ReportError::Write(source) => TriggerError::Report { run: run.id.clone(), source },
        })?;
        Ok(Renewed::Written(files.existing()))
    }

    /// The folder that the run was begun in, or else the configured one. None when neither is there: a disk or a share
    /// is away, and a folder made anew would only hide that.
    fn folder(&self, pinned: &Pinned, configured: Option<&Path>) -> Result<Option<DropFolder>, TriggerError> {
        let begun_in = pinned.folder.as_deref().map(Path::new);
        let mut places = begun_in.into_iter().chain(configured);
        let found = places.find(|path| path.join(Place::Work.name()).is_dir());
        let opened = found.map(|path| DropFolder::open(path, &self.hub, &self.data_dir));
        opened.transpose().map_err(TriggerError::Folder)
    }
}

fn write(folder: &DropFolder, run: &RunRecord, pinned: &Pinned, mut items: Items) -> Result<(), ReportError> {
    let file = ResultFiles::of(folder, run).file;
    let format = Format::of_name(&run.name, &pinned.rules);
    let wanted = pinned.fingerprints.clone().unwrap_or_default();
    let rows = ValidatedRows::open(&file, format, &pinned.rules, wanted);
    let is_unchanged = report::write(folder, run, &pinned.rules, rows, || items.next())?;
    if !is_unchanged {
        // The cells of another row beside this one's status would be a lie, so they are left out.
        tracing::warn!(run = %run.id, "the file is not what was validated; its reports leave out what changed");
    }
    Ok(())
}
