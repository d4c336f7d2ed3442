//! The life of one file, from its claim to its reports. Each step is done again, to the same end, when the hub stops
//! in the middle of it: where the run stands is the journal's to say, and where the file lies says the rest.

use super::blocks::Fingerprints;
use super::book::names;
use super::companions::{self, Companion};
use super::config::RowRules;
use super::folder::{DropFolder, Place, extension, name_with_run, work_name};
use super::format::Format;
use super::handing::OwnResult;
use super::leaving::{Items, write_reports};
use super::messages;
use super::reader::ReadError;
use super::report::{self, ReportError, ResultFiles};
use super::scan::Stamp;
use super::source::{FileSource, ValidatedRows};
use super::trigger::DropTrigger;
use super::validate::{Refusal, Validation};
use crate::error::TriggerError;
use gesher_core::card::mask_card_numbers;
use gesher_core::{Money, RunId};
use gesher_engine::journal::{FileIdentity, RunChange, RunRecord, RunState, Tally};
use gesher_engine::{EngineError, Progress, RunEnd, Stop};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Items that are read from the journal at a time.
pub(super) const PAGE_ITEMS: usize = 1_000;

/// What the journal keeps with a run so that it can go on after a stop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pinned {
    /// The file as it lay in the folder; none for one that was copied in.
    pub(super) stamp: Option<Stamp>,
    /// The drop folder, as configured when the file was claimed: there the file lies. None in runs from before this
    /// was kept, and where the path is no Unicode.
    #[serde(default)]
    pub(super) folder: Option<String>,
    /// What a row is, as configured when the file was claimed.
    pub(super) rules: RowRules,
    /// The bytes as they were validated.
    #[serde(default)]
    pub(super) fingerprints: Option<Fingerprints>,
    /// The run of the same bytes.
    #[serde(default)]
    pub(super) duplicate_of: Option<RunId>,
    /// The run is halted by a fault of the hub, and goes on by itself once that has passed. A halted run without this
    /// waits for a person.
    #[serde(default)]
    pub(super) goes_on: bool,
    /// Where below the folder it lay, where files in the folders inside are taken too.
    #[serde(default)]
    pub(super) within: Option<String>,
    /// The files that came with it.
    #[serde(default)]
    pub(super) companions: Vec<Companion>,
    /// What its control file is called, where the flow wants one.
    #[serde(default)]
    pub(super) control: Option<String>,
    /// What a person let the run move; none for a run that was never held.
    #[serde(default)]
    pub(super) approved: Option<Money>,
    /// It was given up while it was held, so its file and its reports belong among the failed ones.
    #[serde(default)]
    pub(super) rejected: bool,
}

impl Pinned {
    pub(super) fn to_json(&self) -> Value {
        // Plain data without maps: there is nothing in it that JSON could not hold.
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn of(run: &RunRecord) -> Result<Self, TriggerError> {
        serde_json::from_value(run.source.clone())
            .map_err(|source| TriggerError::Source { run: run.id.clone(), source })
    }
}

/// How a file came to its end.
#[derive(Clone, Debug)]
pub struct FileEnd {
    /// Its run.
    pub run: RunId,
    /// What became of it.
    pub outcome: FileOutcome,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum FileOutcome {
    /// Every row has ended.
    Done {
        /// How.
        tally: Tally,
        /// Where the results are.
        files: ResultFiles,
    },
    /// Refused whole; nothing was called.
    Refused {
        /// The list of what is wrong.
        errors: PathBuf,
        /// For people, in the hub's language.
        message: String,
    },
    /// The same bytes were run before; nothing was called.
    Duplicate {
        /// By this run.
        of: RunId,
        /// Where the file lies now.
        file: PathBuf,
        /// For people, in the hub's language.
        message: String,
    },
    /// The file was not taken, or a person gave up the rest of the run.
    Cancelled {
        /// For people, in the hub's language.
        message: String,
    },
    /// It waits for a person before its first row; nothing was called.
    Held {
        /// Where the file lies now.
        file: PathBuf,
        /// For people, in the hub's language.
        message: String,
    },
    /// Unknown answers stopped the run; it waits for a person.
    Halted {
        /// For people, in the hub's language.
        message: String,
    },
    /// The hub stops; the run goes on at the next start.
    Stopped,
}

impl FileOutcome {
    /// What became of it in one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Refused { .. } => "refused",
            Self::Duplicate { .. } => "duplicate",
            Self::Cancelled { .. } => "cancelled",
            Self::Held { .. } => "held",
            Self::Halted { .. } => "halted",
            Self::Stopped => "stopped",
        }
    }
}

impl FileEnd {
    pub(super) fn cancelled(run: RunId, message: &str) -> Self {
        Self { run, outcome: FileOutcome::Cancelled { message: message.to_owned() } }
    }
}

/// A run's file and what is known of it.
pub(super) struct Job {
    pub(super) folder: DropFolder,
    pub(super) run: RunRecord,
    pub(super) pinned: Pinned,
    /// Where the file lies while it is worked on.
    pub(super) path: PathBuf,
}

impl Job {
    pub(super) fn at(&self, place: Place) -> PathBuf {
        let name = name_with_run(&self.run.name, self.run.id.as_str(), extension(&self.run.name));
        self.folder.path(place).join(name)
    }

    pub(super) fn rows(&self) -> Result<ValidatedRows, ReadError> {
        let format = Format::of_name(&self.run.name, &self.pinned.rules);
        let wanted = self.pinned.fingerprints.clone().unwrap_or_default();
        ValidatedRows::open(&self.path, format, &self.pinned.rules, wanted)
    }
}

impl DropTrigger {
    /// Takes a run from wherever it stands to its end.
    pub(super) async fn work(
        &self,
        run: &RunId,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<FileEnd, TriggerError> {
        let lease = self.engine.take_up(run);
        let _lease = lease.ok_or_else(|| TriggerError::AtWork { run: run.clone() })?;
        loop {
            match self.go_on_with(run, stop, progress).await {
                Ok(Some(outcome)) => return Ok(FileEnd { run: run.clone(), outcome }),
                Ok(None) => {}
                // What a run that is given up cannot have, it does not need.
                Err(TriggerError::Held { .. }) if self.is_given_up(run).await? => {
                    let ended = self.engine.end_unread(run).await;
                    ended.map_err(|source| TriggerError::Engine { run: run.clone(), source })?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a run from its state to the next. Answers what became of it once nothing follows here.
    async fn go_on_with(
        &self,
        run: &RunId,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<Option<FileOutcome>, TriggerError> {
        let record = self.record(run).await?;
        if record.state == RunState::Cancelled {
            return Ok(Some(FileOutcome::Cancelled { message: record.message.unwrap_or_default() }));
        }
        let job = self.job(record).await?;
        let message = job.run.message.clone().unwrap_or_default();
        Ok(match job.run.state {
            RunState::Claimed => self.examine(job).await?,
            RunState::Held if self.is_given_up(run).await? => {
                let job = self.reject(job).await?;
                self.run_rows(job, stop, progress).await?
            }
            RunState::Held => self.held(job).await?,
            RunState::Halted if self.waits(&job.run).await? => Some(FileOutcome::Halted { message }),
            RunState::Running | RunState::Halted => self.run_rows(job, stop, progress).await?,
            RunState::Reporting => {
                self.finish(job).await?;
                None
            }
            RunState::Finished => {
                let files = ResultFiles::of(&job.folder, &job.run).existing();
                Some(FileOutcome::Done { tally: self.tally(run).await?, files })
            }
            RunState::Refused => {
                let errors = report::errors_path(&job.folder, &job.run);
                Some(FileOutcome::Refused { errors, message })
            }
            RunState::Duplicate => {
                let file = job.at(Place::Duplicate);
                let of = job.pinned.duplicate_of.unwrap_or(job.run.id);
                Some(FileOutcome::Duplicate { of, file, message })
            }
            RunState::Cancelled => Some(FileOutcome::Cancelled { message }),
        })
    }

    pub(super) async fn record(&self, run: &RunId) -> Result<RunRecord, TriggerError> {
        let record = self.engine.journal().run(run).await.map_err(TriggerError::journal("reading a run"))?;
        record.ok_or_else(|| TriggerError::Journal {
            doing: "reading a run",
            source: gesher_engine::journal::JournalError::NoRun(run.clone()),
        })
    }

    pub(super) async fn job(&self, run: RunRecord) -> Result<Job, TriggerError> {
        let pinned = Pinned::of(&run)?;
        let folder = self.folder_of(&run, &pinned).await?;
        let path = folder.path(Place::Work).join(work_name(&run.name, run.id.as_str()));
        Ok(Job { folder, run, pinned, path })
    }

    /// A claimed file: is it there, is it right, is it new?
    async fn examine(&self, job: Job) -> Result<Option<FileOutcome>, TriggerError> {
        if !job.path.exists() && !self.bring_back(&job).await? {
            return Ok(None);
        }
        let reads = self.program_of(&job.run).await?.reads();
        match self.validate_job(&job, reads).await? {
            Err(refusal) => self.refuse(job, refusal).await.map(Some),
            Ok(validation) => self.identify(job, validation).await,
        }
    }

    /// The hub stopped between two steps of the claim. Answers whether the file lies in the work folder again; if not,
    /// the run has another state now.
    async fn bring_back(&self, job: &Job) -> Result<bool, TriggerError> {
        if let Some(dropped) = self.dropped(&job.folder, &job.run, &job.pinned) {
            self.take_along(job, &dropped).await?;
            let moved = self.move_file(&job.folder, dropped, job.path.clone()).await?;
            moved.map_err(TriggerError::Folder)?;
            return Ok(true);
        }
        if self.take_back(job).await? {
            return Ok(true);
        }
        let (state, message) = if job.at(Place::Failed).exists() {
            (RunState::Refused, None)
        } else if job.at(Place::Duplicate).exists() {
            (RunState::Duplicate, None)
        } else {
            let text = messages::vanished();
            self.engine.alarm("file_gone", job.run.id.as_str(), &text);
            // What had come with it is nobody's now, and stays where people look.
            companions::put_along(&job.folder, job.run.id.as_str(), &job.pinned, Place::Failed)
                .map_err(TriggerError::Folder)?;
            (RunState::Cancelled, Some(text))
        };
        self.change(&job.run.id, state, message.as_ref()).await?;
        Ok(false)
    }

    /// A journal that was restored from a backup remembers a run at work whose file was finished since: what is known
    /// to have been sent stands in the journal by now, so the run goes on from there. Answers whether the file lies in
    /// the work folder again.
    ///
    /// The file of a run that was held is taken out of the held ones, silently: there it belongs until then.
    async fn take_back(&self, job: &Job) -> Result<bool, TriggerError> {
        let failed = job.pinned.rejected.then_some(Place::Failed);
        let places = [Some(Place::Held), Some(Place::Done), failed].into_iter().flatten();
        let found = places.map(|place| (place, job.at(place))).find(|(_, path)| path.exists());
        let Some((place, done)) = found else { return Ok(false) };
        let (run, file) = (&job.run.id, &job.run.name);
        if place != Place::Held {
            let among = place.name();
            tracing::warn!(flow = self.flow.name, %run, file, "its file lies in {among}; it is taken back");
        }
        let moved = self.move_file(&job.folder, done, job.path.clone()).await?;
        moved.map_err(TriggerError::Folder)?;
        Ok(true)
    }

    pub(super) async fn refuse(&self, job: Job, refusal: Refusal) -> Result<FileOutcome, TriggerError> {
        let language = self.engine.language();
        let message = messages::refused(&refusal, language);
        let run = job.run.id.clone();
        tracing::warn!(flow = self.flow.name, %run, file = job.run.name, "{message}");
        // The message is durable before the file moves: after a crash in between it is not made again.
        self.change_run(&run, RunChange { message: Some(message.clone()), ..RunChange::default() }).await?;
        gesher_core::failpoint!("refusal.told");
        let written = self
            .blocking("refusing a file", move || {
                let errors = report::write_errors(&job.folder, &job.run, &refusal, language)?;
                companions::put_along(&job.folder, job.run.id.as_str(), &job.pinned, Place::Failed)?;
                job.folder.move_file(&job.path, &job.at(Place::Failed))?;
                Ok(errors)
            })
            .await?;
        let errors = written.map_err(|error| self.report_error(&run, error))?;
        self.change(&run, RunState::Refused, None).await?;
        Ok(FileOutcome::Refused { errors, message })
    }

    async fn identify(&self, job: Job, found: Validation) -> Result<Option<FileOutcome>, TriggerError> {
        let (run, now) = (job.run.id.clone(), self.engine.clock().now());
        let identity = self
            .engine
            .journal()
            .identify_file(&run, found.sha256, now)
            .await
            .map_err(TriggerError::journal("identifying a file"))?;
        gesher_core::failpoint!("file.identified");
        if let FileIdentity::Duplicate { run: of } = identity {
            return self.set_aside(job, of).await.map(Some);
        }
        if self.must_wait(&found) {
            return self.hold_back(job, found).await.map(Some);
        }
        let pinned = Pinned { fingerprints: Some(found.fingerprints), ..job.pinned };
        // What is there says why the run was held back, which is over.
        let went_on = job.run.message.is_some().then(messages::went_on);
        let left_out =
            (!found.other_sheets.is_empty()).then(|| messages::other_sheets(&names(&found.other_sheets)));
        let change = RunChange {
            state: Some(RunState::Running),
            source: Some(pinned.to_json()),
            rows: Some(found.rows),
            message: left_out.or(went_on).map(|text| self.words(&text)),
            ..RunChange::default()
        };
        self.change_run(&run, change).await?;
        tracing::info!(flow = self.flow.name, %run, file = job.run.name, rows = found.rows, invalid = found.invalid);
        Ok(None)
    }

    /// The same content again.
    pub(super) async fn set_aside(&self, job: Job, of: RunId) -> Result<FileOutcome, TriggerError> {
        let journal = self.engine.journal();
        let earlier = journal.run(&of).await.map_err(TriggerError::journal("reading a run"))?;
        let text = earlier.map(|earlier| {
            let zone = self.engine.time_zone();
            messages::duplicate(&earlier.name, &of, earlier.started_at, zone, earlier.state.is_final())
        });
        let text = text.unwrap_or_default();
        tracing::warn!(flow = self.flow.name, run = %job.run.id, file = job.run.name, "{}", text.en);
        let message = text.get(self.engine.language()).to_owned();
        let file = job.at(Place::Duplicate);
        companions::put_along(&job.folder, job.run.id.as_str(), &job.pinned, Place::Duplicate)
            .map_err(TriggerError::Folder)?;
        let pinned = Pinned { duplicate_of: Some(of.clone()), ..job.pinned };
        let (source, words) = (Some(pinned.to_json()), Some(message.clone()));
        self.change_run(&job.run.id, RunChange { message: words, source, ..RunChange::default() }).await?;
        gesher_core::failpoint!("duplicate.told");
        let moved = self.move_file(&job.folder, job.path, file.clone()).await?;
        moved.map_err(TriggerError::Folder)?;
        self.change(&job.run.id, RunState::Duplicate, None).await?;
        Ok(FileOutcome::Duplicate { of, file, message })
    }

    async fn run_rows(
        &self,
        job: Job,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<Option<FileOutcome>, TriggerError> {
        let run = job.run.id.clone();
        let program = self.program_of(&job.run).await?;
        if !job.path.exists() && !self.take_back(&job).await? {
            return Err(self.file_gone(&job).await);
        }
        self.begin_again(&job.run, &job.pinned).await?;
        let (record, flow) = (job.run.clone(), self.bounded(&job.pinned));
        progress.set_total(job.run.rows.unwrap_or_default());
        let language = self.engine.language();
        let sha256 = job.run.sha256.unwrap_or_default();
        let source = self.blocking("opening a file", {
            let items = Items::of(self.engine.journal(), self.engine.runtime(), &run);
            move || FileSource::new(job.rows(), &sha256, language).handing(OwnResult::of(job, items))
        });
        let source = source.await?;
        let changed_after = source.changed_after();
        let end = self.engine.run_items(&run, &flow, &program, Box::new(source), stop, progress).await;
        match end {
            Ok(RunEnd::Complete | RunEnd::Changed { .. }) => Ok(None),
            Ok(RunEnd::Stopped) => Ok(Some(FileOutcome::Stopped)),
            Ok(RunEnd::Halted { why }) => Ok(Some(FileOutcome::Halted { message: self.words(&why) })),
            Err(source) => {
                if matches!(source, EngineError::Unended { .. }) {
                    let changed_after = changed_after.get().copied();
                    if self.end_unread_rows(&run, changed_after).await? > 0 {
                        return Ok(None);
                    }
                    let text = messages::stuck(changed_after.is_some());
                    self.halt_for_now(&record, &text).await?;
                }
                Err(TriggerError::Engine { run, source })
            }
        }
    }

    /// Writes the reports and puts the file with them.
    async fn finish(&self, job: Job) -> Result<(), TriggerError> {
        let run = job.run.id.clone();
        let tally = self.tally(&run).await?;
        let files = ResultFiles::of(&job.folder, &job.run);
        // Once the file lies among the finished ones, all reports do too: it is moved last.
        if !files.file.exists() {
            let items = Items::of(self.engine.journal(), self.engine.runtime(), &run);
            let taken = tally.items();
            if !job.path.exists() {
                return Err(self.file_gone(&job).await);
            }
            let written = self.blocking("writing reports", move || write_reports(&job, items, taken)).await?;
            if let Some(text) = written.map_err(|error| self.report_error(&run, error))? {
                // In front of the write that is waited for, and so as durable as it.
                self.engine.alarm("file_changed", run.as_str(), &text);
                self.change(&run, RunState::Reporting, Some(&text)).await?;
            }
        }
        gesher_core::failpoint!("run.finishing");
        let ended = self.engine.end_run(&run, &tally).await;
        gesher_core::failpoint!("run.finished");
        ended.map_err(|source| TriggerError::Engine { run, source })
    }

    /// The file is nowhere, so the run waits for a person.
    async fn file_gone(&self, job: &Job) -> TriggerError {
        let path = mask_card_numbers(&job.path.display().to_string()).into_owned();
        self.hold(&job.run, &messages::file_gone(&path, &job.run.id)).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, TriggerError> {
        self.engine.journal().tally(run).await.map_err(TriggerError::journal("counting a run's items"))
    }

    fn report_error(&self, run: &RunId, error: ReportError) -> TriggerError {
        match error {
            ReportError::Folder(source) => TriggerError::Folder(source),
            ReportError::Write(source) => TriggerError::Report { run: run.clone(), source },
        }
    }
}
