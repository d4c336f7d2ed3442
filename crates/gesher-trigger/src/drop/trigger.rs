//! The drop trigger of one flow: what it is made of, how a file becomes a run, and the ways in for others.

use super::companions::{self, Companion, Role};
use super::config::{DropConfig, RowRules};
use super::folder::{DropFolder, FolderError, Place, extension, work_name};
use super::format::Format;
use super::life::{FileEnd, Job, Pinned};
use super::messages;
use super::scan::{Found, Stamp};
use super::validate::{NotValid, Refusal, Validation, validate};
use crate::error::TriggerError;
use gesher_core::key::is_bidi_mark;
use gesher_core::{HubId, RunId, Text};
use gesher_engine::journal::{RunChange, RunState, TriggerKind};
use gesher_engine::{Engine, Flow, Progress, Scripts, Stop};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Takes the files of one folder and runs their rows.
pub struct DropTrigger {
    pub(super) engine: Engine,
    pub(super) flow: Arc<Flow>,
    pub(super) scripts: Arc<Scripts>,
    pub(super) config: DropConfig,
    hub: HubId,
    pub(super) data_dir: PathBuf,
    /// A person decided something about a run of this flow.
    pub(super) decided: AtomicBool,
}

impl DropTrigger {
    /// Puts the parts together; nothing is touched yet.
    pub fn new(
        engine: Engine,
        flow: Arc<Flow>,
        scripts: Arc<Scripts>,
        config: DropConfig,
        hub: HubId,
        data_dir: PathBuf,
    ) -> Result<Self, TriggerError> {
        if let Some(fault) = config.faults().into_iter().next() {
            let fault = fault.get(engine.language()).to_owned();
            return Err(TriggerError::Config { flow: flow.name.clone(), fault });
        }
        let decided = AtomicBool::new(false);
        Ok(Self { engine, flow, scripts, config, hub, data_dir, decided })
    }

    /// Makes the folder where it is missing, and makes it this hub's.
    pub fn open_folder(&self) -> Result<DropFolder, TriggerError> {
        self.open_folder_at(&self.config.folder)
    }

    pub(super) fn open_folder_at(&self, path: &Path) -> Result<DropFolder, TriggerError> {
        DropFolder::open(path, &self.hub, &self.data_dir).map_err(TriggerError::Folder)
    }

    /// What a run of the file would find before its first call. Changes nothing, anywhere.
    pub async fn dry_run(&self, path: &Path) -> Result<Result<Validation, Refusal>, TriggerError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reads = self.scripts.current().reads();
        self.validate(path.to_owned(), &name, self.config.row_rules(), reads).await
    }

    /// Runs one file now, to its end, by the same rules as a dropped one. A file that lies in the folder is taken out
    /// of it; any other is copied and stays where it is.
    pub async fn run_file(
        &self,
        path: &Path,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<FileEnd, TriggerError> {
        let folder = self.open_folder()?;
        self.sweep(&folder).await?;
        self.require_room(path).await?;
        let read = |source| TriggerError::File { doing: "read", path: path.to_owned(), source };
        let real = path.canonicalize().map_err(read)?;
        let stamp = Stamp::of(&real).map_err(read)?.ok_or_else(|| TriggerError::NoFile(path.to_owned()))?;
        let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = folder.root().canonicalize().map_err(read)?;
        let run = if real.parent() == Some(root.as_path()) {
            let companions = self.companions_beside(&real, &name);
            let found = Found { path: real, name: name.clone(), stamp, companions };
            match self.take(&folder, &found).await? {
                Taken::Run(run) => run,
                Taken::Not(run, reason) => {
                    return Ok(FileEnd::cancelled(run, reason.get(self.engine.language())));
                }
            }
        } else {
            // Whoever names a file says that it is whole; what it must hold is still its sender's to say.
            let mut companions = self.companions_beside(&real, &name);
            companions.retain(|one| one.role == Role::Control);
            companions.iter_mut().for_each(|one| one.stamp = None);
            let run = self.begin(&name, None, None, companions.clone()).await?;
            let name = self.clean_name(&name);
            let to = folder.path(Place::Work).join(work_name(&name, run.as_str()));
            let id = run.to_string();
            let copied = self.blocking("copying a file", move || {
                for one in companions {
                    copy(&folder, &real.with_file_name(&one.name), &one.at_work(&folder, &id))?;
                }
                copy(&folder, &real, &to)
            });
            copied.await?.map_err(TriggerError::Folder)?;
            run
        };
        self.work_on(&run, stop, progress).await
    }

    /// Claims a file: first the journal's row, then the rename into the work folder.
    pub(super) async fn take(&self, folder: &DropFolder, found: &Found) -> Result<Taken, TriggerError> {
        let within = found.path.parent().and_then(|parent| parent.strip_prefix(folder.root()).ok());
        let within = within.and_then(Path::to_str).filter(|within| !within.is_empty()).map(str::to_owned);
        let run = self.begin(&found.name, Some(found.stamp), within, found.companions.clone()).await?;
        gesher_core::failpoint!("claim.journalled");
        let name = self.clean_name(&found.name);
        let to = folder.path(Place::Work).join(work_name(&name, run.as_str()));
        let (from, at, id) = (found.path.clone(), folder.clone(), run.to_string());
        let with = found.companions.clone();
        let moved = self.blocking("taking a file", move || {
            let beside = from.parent().unwrap_or_else(|| at.root());
            companions::take_along(&at, beside, &id, &with)?;
            gesher_core::failpoint!("claim.along");
            at.take_file(&from, &to)
        });
        let moved = moved.await?;
        gesher_core::failpoint!("claim.renamed");
        let reason = match moved {
            Ok(()) => return Ok(Taken::Run(run)),
            Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                messages::vanished()
            }
            Err(FolderError::Io { source, .. }) => messages::not_taken(&source.to_string()),
            Err(other) => messages::not_taken(&other.to_string()),
        };
        tracing::error!(flow = self.flow.name, file = &*name, "{}", reason.en);
        self.change(&run, RunState::Cancelled, Some(&reason)).await?;
        Ok(Taken::Not(run, reason))
    }

    /// Moves a file beside the runtime, since it waits for the disk.
    pub(super) async fn move_file(
        &self,
        folder: &DropFolder,
        from: PathBuf,
        to: PathBuf,
    ) -> Result<Result<(), FolderError>, TriggerError> {
        let folder = folder.clone();
        self.blocking("moving a file", move || folder.move_file(&from, &to)).await
    }

    /// A file's name without card numbers and secrets: neither the journal, nor a log, nor the name of a file that the
    /// hub keeps may hold one. Its ending stays, since it says how the file is read.
    pub(super) fn clean_name(&self, name: &str) -> String {
        let end = extension(name);
        let stem = name.strip_suffix(end).unwrap_or(name);
        // What turns the reading order round, or breaks a line, would make a name look like another.
        let shown = |c: char| (!is_bidi_mark(c)).then(|| if c.is_control() { '_' } else { c });
        let stem: String = stem.chars().filter_map(shown).collect();
        let end: String = end.chars().filter_map(shown).collect();
        format!("{}{end}", self.engine.redactor().text(&stem))
    }

    /// The files that the flow wants beside one, as far as they are there.
    fn companions_beside(&self, file: &Path, name: &str) -> Vec<Companion> {
        let wanted = companions::wanted(&self.config, name).into_iter();
        let found = wanted.filter_map(|(role, name)| {
            let stamp = Stamp::of(&file.with_file_name(&name)).ok().flatten()?;
            Some(Companion { role, name, stamp: Some(stamp) })
        });
        found.collect()
    }

    /// Moves what came with a claimed file into the work folder.
    pub(super) async fn take_along(&self, job: &Job, dropped: &Path) -> Result<(), TriggerError> {
        let (folder, run, with) = (job.folder.clone(), job.run.id.to_string(), job.pinned.companions.clone());
        let beside = dropped.parent().unwrap_or_else(|| folder.root()).to_owned();
        let taken =
            self.blocking("taking a file", move || companions::take_along(&folder, &beside, &run, &with));
        taken.await?.map_err(TriggerError::Folder)
    }

    /// Begins the run of a file, by its name as it was dropped.
    async fn begin(
        &self,
        name: &str,
        stamp: Option<Stamp>,
        within: Option<String>,
        companions: Vec<Companion>,
    ) -> Result<RunId, TriggerError> {
        let wanted = companions::wanted(&self.config, name);
        let control = wanted.into_iter().find(|(role, _)| *role == Role::Control).map(|(_, name)| name);
        let name = &*self.clean_name(name);
        let pinned = Pinned {
            stamp,
            within,
            companions,
            control,
            folder: self.config.folder.to_str().map(str::to_owned),
            rules: self.config.row_rules(),
            fingerprints: None,
            duplicate_of: None,
            goes_on: false,
            approved: None,
            rejected: false,
        };
        let begin_error = |source| TriggerError::Begin { name: name.to_owned(), source };
        let script = self.scripts.current().script();
        self.engine
            .start_run(&self.flow.name, TriggerKind::Drop, name, pinned.to_json(), &script)
            .await
            .map_err(begin_error)
    }

    /// Reads a file whole. `reads` are the columns that the script reads: a file without one of them is refused.
    pub(super) async fn validate(
        &self,
        path: PathBuf,
        name: &str,
        rules: RowRules,
        reads: Vec<String>,
    ) -> Result<Result<Validation, Refusal>, TriggerError> {
        let format = Format::of_name(name, &rules);
        let file = path.clone();
        let found =
            self.blocking("validating a file", move || validate(&file, format, &rules, &reads)).await?;
        match found {
            Ok(validation) => Ok(Ok(validation)),
            Err(NotValid::Refused(refusal)) => Ok(Err(refusal)),
            Err(NotValid::Io(source)) => Err(TriggerError::File { doing: "read", path, source }),
        }
    }

    /// Reads the file of a run whole, and compares it with what its sender says of it, where the flow wants that.
    pub(super) async fn validate_job(
        &self,
        job: &Job,
        reads: Vec<String>,
    ) -> Result<Result<Validation, Refusal>, TriggerError> {
        let rules = job.pinned.rules.clone();
        let found = self.validate(job.path.clone(), &job.run.name, rules, reads).await?;
        let (Ok(valid), Some(name)) = (&found, &job.pinned.control) else { return Ok(found) };
        let control = companions::control_of(&job.folder, job.run.id.as_str(), &job.pinned);
        let control =
            control.map_err(|source| TriggerError::File { doing: "read", path: name.into(), source })?;
        let faults = companions::faults_against(name, control.as_deref(), valid);
        Ok(if faults.is_empty() { found } else { Err(Refusal { faults, more: 0 }) })
    }

    pub(super) async fn change(
        &self,
        run: &RunId,
        state: RunState,
        message: Option<&Text>,
    ) -> Result<(), TriggerError> {
        let message = message.map(|text| self.words(text));
        self.change_run(run, RunChange { state: Some(state), message, ..RunChange::default() }).await
    }

    /// A text in the hub's language.
    pub(super) fn words(&self, text: &Text) -> String {
        text.get(self.engine.language()).to_owned()
    }

    pub(super) async fn change_run(&self, run: &RunId, change: RunChange) -> Result<(), TriggerError> {
        self.engine
            .journal()
            .change_run(run, change, self.engine.clock().now())
            .await
            .map_err(TriggerError::journal("moving a run to its next state"))
    }

    /// Does slow work on files beside the runtime.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TriggerError> {
        let done = self.engine.runtime().spawn_blocking(work).await;
        done.map_err(|_panicked| TriggerError::Internal(doing))
    }
}

/// Whether a file was claimed.
pub(super) enum Taken {
    /// It lies in the work folder, as this run's.
    Run(RunId),
    /// It could not be moved; the run is cancelled.
    Not(RunId, Text),
}

fn copy(folder: &DropFolder, from: &Path, to: &Path) -> Result<(), FolderError> {
    let mut file = File::open(from).map_err(FolderError::io("read", from))?;
    let mut pending = folder.begin_file(to)?;
    io::copy(&mut file, &mut pending).map_err(FolderError::io("write", to))?;
    pending.publish().map(drop)
}
