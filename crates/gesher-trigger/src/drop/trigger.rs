//! The drop trigger of one flow: what it is made of, how a file becomes a run, and the ways in for others.

use super::config::{DropConfig, RowRules};
use super::folder::{DropFolder, FolderError, Place, extension, work_name};
use super::life::{FileEnd, Pinned};
use super::messages;
use super::reader::Format;
use super::scan::{Found, Stamp};
use super::validate::{NotValid, Refusal, Validation, validate};
use crate::error::TriggerError;
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
            let found = Found { path: real, name: name.clone(), stamp };
            match self.take(&folder, &found).await? {
                Taken::Run(run) => run,
                Taken::Not(run, reason) => {
                    return Ok(FileEnd::cancelled(run, reason.get(self.engine.language())));
                }
            }
        } else {
            let name = self.clean_name(&name);
            let run = self.begin(&name, None).await?;
            let to = folder.path(Place::Work).join(work_name(&name, run.as_str()));
            let copied = self.blocking("copying a file", move || copy(&folder, &real, &to)).await?;
            copied.map_err(TriggerError::Folder)?;
            run
        };
        self.work_on(&run, stop, progress).await
    }

    /// Claims a file: first the journal's row, then the rename into the work folder.
    pub(super) async fn take(&self, folder: &DropFolder, found: &Found) -> Result<Taken, TriggerError> {
        let name = self.clean_name(&found.name);
        let run = self.begin(&name, Some(found.stamp)).await?;
        gesher_core::failpoint!("claim.journalled");
        let to = folder.path(Place::Work).join(work_name(&name, run.as_str()));
        let (from, at) = (found.path.clone(), folder.clone());
        let moved = self.blocking("taking a file", move || at.take_file(&from, &to)).await?;
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
        format!("{}{end}", self.engine.redactor().text(stem))
    }

    /// Begins the run of a file. `name` is its cleaned name.
    async fn begin(&self, name: &str, stamp: Option<Stamp>) -> Result<RunId, TriggerError> {
        let pinned = Pinned {
            stamp,
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
        let format = Format::of_name(name, rules.encoding);
        let file = path.clone();
        let found =
            self.blocking("validating a file", move || validate(&file, format, &rules, &reads)).await?;
        match found {
            Ok(validation) => Ok(Ok(validation)),
            Err(NotValid::Refused(refusal)) => Ok(Err(refusal)),
            Err(NotValid::Io(source)) => Err(TriggerError::File { doing: "read", path, source }),
        }
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
