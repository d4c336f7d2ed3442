//! Watching a folder: looking is the truth, the operating system's notices only shorten the wait between two looks.

use super::error::TriggerError;
use super::folder::DropFolder;
use super::life::FileEnd;
use super::scan::{Found, Quiet, Stamp, look};
use super::trigger::{DropTrigger, Taken};
use gesher_engine::journal::{RunRecord, TriggerKind};
use gesher_engine::{Progress, Stop};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest wait between two looks: a file is taken at most this, and the moment of taking, after it was quiet for
/// long enough.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The shortest wait between two looks, however many notices come.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// The wait after something went wrong with a file or the folder.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);

impl DropTrigger {
    /// Runs the files of the folder until the stop: first those that an earlier process left unfinished, then those
    /// that come, one after another in the order of their arrival. Returns early only when the hub cannot go on.
    pub async fn watch(&self, stop: &Stop) -> Result<(), TriggerError> {
        let mut folder = self.open_folder()?;
        let hint = Arc::new(Notify::new());
        let _watcher = self.notices(folder.root(), &hint);
        let mut quiet = Quiet::default();
        // Files that could not be taken, as they were then: they are tried again once they change.
        let mut untakable: HashMap<PathBuf, Stamp> = HashMap::new();
        let mut resume = true;
        while !stop.is_requested() {
            let turn = self.turn(&mut folder, &mut quiet, &mut untakable, &mut resume, stop).await;
            let wait = match turn {
                Ok(next) => next.unwrap_or(LOOK_EVERY).clamp(LOOK_PAUSE, LOOK_EVERY),
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::error!(flow = self.flow.name, "{}", error.with_reasons());
                    resume = true;
                    TROUBLE_PAUSE
                }
            };
            self.pause(wait, &hint, stop).await;
        }
        Ok(())
    }

    /// One look, and all that is ready. Answers how long until more may be.
    async fn turn(
        &self,
        folder: &mut DropFolder,
        quiet: &mut Quiet,
        untakable: &mut HashMap<PathBuf, Stamp>,
        resume: &mut bool,
        stop: &Stop,
    ) -> Result<Option<Duration>, TriggerError> {
        if *resume {
            *folder = self.open_folder()?;
            self.resume(stop).await?;
            *resume = false;
        }
        let (root, pattern) = (folder.root().to_owned(), self.config.pattern.clone());
        let place = root.clone();
        let found = self.blocking("looking into a folder", move || look(&root, &pattern)).await?;
        let found = found.map_err(|source| TriggerError::File { doing: "read", path: place, source })?;
        untakable.retain(|path, stamp| found.iter().any(|file| file.path == *path && file.stamp == *stamp));
        let (ready, next) = quiet.ready(self.engine.clock().monotonic(), self.config.settle, found);
        for file in ready {
            if stop.is_requested() {
                break;
            }
            if !untakable.contains_key(&file.path) {
                self.run_dropped(folder, &file, untakable, stop).await?;
            }
        }
        Ok(next)
    }

    async fn run_dropped(
        &self,
        folder: &DropFolder,
        file: &Found,
        untakable: &mut HashMap<PathBuf, Stamp>,
        stop: &Stop,
    ) -> Result<(), TriggerError> {
        match self.take(folder, file).await? {
            Taken::Not(..) => {
                untakable.insert(file.path.clone(), file.stamp);
            }
            Taken::Run(run) => {
                let end = self.work(&run, stop, &Progress::default()).await?;
                self.log_end(&end);
            }
        }
        Ok(())
    }

    /// Goes on with the runs that an earlier process left unfinished.
    pub async fn resume(&self, stop: &Stop) -> Result<Vec<FileEnd>, TriggerError> {
        let unfinished = self.engine.journal().unfinished_runs().await;
        let unfinished = unfinished.map_err(TriggerError::journal("listing unfinished runs"))?;
        let is_ours = |run: &RunRecord| run.flow == self.flow.name && run.trigger == TriggerKind::Drop;
        let mut ends = Vec::new();
        for run in unfinished.into_iter().filter(is_ours) {
            if stop.is_requested() {
                break;
            }
            match self.work(&run.id, stop, &Progress::default()).await {
                Ok(end) => {
                    self.log_end(&end);
                    ends.push(end);
                }
                Err(error) if error.is_fatal() => return Err(error),
                // One run that cannot go on must not keep the others, and new files, waiting.
                Err(error) => {
                    tracing::error!(flow = self.flow.name, run = %run.id, "{}", error.with_reasons())
                }
            }
        }
        Ok(ends)
    }

    fn log_end(&self, end: &FileEnd) {
        tracing::info!(flow = self.flow.name, run = %end.run, "{}", end.outcome.word());
    }

    /// The operating system's notices, where it gives any. Without them a file waits for the next look.
    fn notices(&self, root: &Path, hint: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let told = Arc::clone(hint);
        let watcher = notify::recommended_watcher(move |_event| told.notify_one()).and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        watcher
            .inspect_err(|error| {
                tracing::warn!(
                    flow = self.flow.name,
                    "no notices of new files, so files are found by looking: {error}"
                );
            })
            .ok()
    }

    async fn pause(&self, wait: Duration, hint: &Notify, stop: &Stop) {
        // Even a flood of notices leaves a moment between two looks.
        let floor = LOOK_PAUSE.min(wait);
        tokio::select! {
            () = tokio::time::sleep(floor) => {}
            () = stop.requested() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(wait.saturating_sub(floor)) => {}
            () = hint.notified() => {}
            () = stop.requested() => {}
        }
    }
}
