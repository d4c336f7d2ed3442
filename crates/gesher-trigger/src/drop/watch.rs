//! Watching a folder: looking is the truth, the operating system's notices only shorten the wait between two looks.

use super::folder::name_of;
use super::life::{FileEnd, FileOutcome};
use super::scan::{Found, Look, Quiet, Stamp, look};
use super::trigger::{DropTrigger, Taken};
use crate::error::TriggerError;
use gesher_core::card::mask_card_numbers;
use gesher_engine::journal::{RunRecord, RunState, TriggerKind};
use gesher_engine::{Progress, Stop};
use notify::event::AccessKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest wait between two looks: a file is taken at most this, and the moment of taking, after it was quiet for
/// long enough.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The shortest wait between two looks, however many notices come.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// The wait after something went wrong with a file or the folder.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait before a file is tried again that could not be taken although nothing seemed to be in the way.
const TROUBLE_PAUSE_MAX: Duration = Duration::from_mins(10);

/// Names in a folder above which a look is followed by a rest.
const CROWD_NAMES: usize = 20_000;
/// How long that rest is, in times of what the look took.
const LOOKS_PART: u32 = 2;
/// How long a file may wait for one that has to come with it before people are told.
const COMPANION_PATIENCE: Duration = Duration::from_mins(1);
/// And how long until they are told again.
const SAY_AGAIN: Duration = Duration::from_mins(30);

/// What the watching of one folder remembers between two looks.
#[derive(Default)]
pub(super) struct Watch {
    quiet: Quiet,
    /// Files that could not be taken.
    untakable: HashMap<PathBuf, Untakable>,
    /// When unfinished runs are to be gone on with, if at all.
    resume_at: Option<Duration>,
    /// Files that wait for one that has to come with them.
    waiting: HashMap<PathBuf, Waiting>,
    /// How long to rest after the last look, which took its time.
    rest: Duration,
    /// What keeps the folder, or a run of it, from being worked with.
    pub(super) blocked: Option<String>,
}

/// A file that waits for another.
struct Waiting {
    /// When people are told, or told again.
    say_at: Duration,
}

/// A file that could not be taken. It is tried again once it changes, or after a pause.
struct Untakable {
    stamp: Stamp,
    again_at: Duration,
    /// How long the pause was. Each try that fails opens a run that is cancelled, so the pauses grow.
    pause: Duration,
}

impl Watch {
    fn may_try(&self, file: &Found, now: Duration) -> bool {
        let earlier = self.untakable.get(&file.path);
        earlier.is_none_or(|earlier| earlier.again_at <= now || earlier.stamp != file.stamp)
    }

    /// What stands in the way of a file is there still; that is known without a run, and was said before.
    fn put_off(&mut self, file: Found, now: Duration) {
        let again_at = now + TROUBLE_PAUSE;
        self.untakable.insert(file.path, Untakable { stamp: file.stamp, again_at, pause: TROUBLE_PAUSE });
    }

    /// A try failed.
    fn failed(&mut self, file: Found, now: Duration) {
        let earlier = self.untakable.get(&file.path);
        let pause = earlier.map_or(TROUBLE_PAUSE, |earlier| (earlier.pause * 2).min(TROUBLE_PAUSE_MAX));
        self.untakable.insert(file.path, Untakable { stamp: file.stamp, again_at: now + pause, pause });
    }
}

impl DropTrigger {
    /// Runs the files of the folder until the stop: first those that an earlier process left unfinished, then those
    /// that come, one after another in the order of their arrival. Returns early only when the hub cannot go on.
    pub async fn watch(&self, stop: &Stop) -> Result<(), TriggerError> {
        let folder = self.open_folder()?;
        let hint = Arc::new(Notify::new());
        let _watcher = self.notices(folder.root(), &hint);
        let mut watch = Watch { resume_at: Some(Duration::ZERO), ..Watch::default() };
        while !stop.is_requested() {
            let wait = match self.turn(&mut watch, stop).await {
                Ok(next) => next.unwrap_or(LOOK_EVERY).clamp(LOOK_PAUSE, LOOK_EVERY).max(watch.rest),
                Err(error) => match self.after(&error, &mut watch) {
                    Some(pause) => pause,
                    None => return Err(error),
                },
            };
            self.say_how_the_folder_is(&watch);
            pause(wait, LOOK_PAUSE.max(watch.rest), &hint, stop).await;
        }
        Ok(())
    }

    /// What an error means for the watching: how long to wait, or nothing where the hub cannot go on.
    fn after(&self, error: &TriggerError, watch: &mut Watch) -> Option<Duration> {
        let failed = error.of_store().filter(|_| !self.engine.health().has_lost());
        if let Some(failed) = failed {
            self.engine.store_failed(failed);
            watch.resume_at = Some(Duration::ZERO);
            return Some(LOOK_EVERY);
        }
        if error.is_fatal() {
            return None;
        }
        watch.blocked = Some(error.with_reasons());
        watch.resume_at = Some(self.engine.clock().monotonic() + TROUBLE_PAUSE);
        Some(TROUBLE_PAUSE)
    }

    /// One look, and all that is ready. Answers how long until more may be.
    async fn turn(&self, watch: &mut Watch, stop: &Stop) -> Result<Option<Duration>, TriggerError> {
        if !self.engine.health().may_begin() {
            return Ok(None);
        }
        let now = self.engine.clock().monotonic();
        if self.decided.swap(false, Ordering::AcqRel) {
            watch.resume_at = Some(now);
        }
        if watch.resume_at.is_some_and(|at| at <= now) {
            // After trouble the folder itself may be what is missing.
            let folder = self.open_folder()?;
            let (_, trouble) = self.resume_all(stop).await?;
            self.sweep(&folder).await?;
            watch.resume_at = trouble.is_some().then(|| self.engine.clock().monotonic() + TROUBLE_PAUSE);
            watch.blocked = trouble;
        }
        let Look { found, waiting, .. } = self.look_into_folder(watch).await?;
        self.say_what_waits(watch, waiting);
        if !watch.untakable.is_empty() {
            let there: HashSet<&PathBuf> = found.iter().map(|file| &file.path).collect();
            watch.untakable.retain(|path, _| there.contains(path));
        }
        if watch.untakable.is_empty() && watch.resume_at.is_none() {
            watch.blocked = None;
        }
        let (mut ready, next) = watch.quiet.ready(self.engine.clock().monotonic(), self.config.settle, found);
        ready.retain(|file| watch.may_try(file, now));
        let ready = self.with_room(ready).await?;
        if ready.is_empty() {
            return Ok(next);
        }
        // Whose the folder is, is asked anew: it may have been replaced since.
        let folder = self.open_folder()?;
        for file in ready {
            if stop.is_requested() {
                break;
            }
            let now = self.engine.clock().monotonic();
            if let Err(why) = folder.can_take()
                && (watch.untakable.contains_key(&file.path) || why.kind() == ErrorKind::ReadOnlyFilesystem)
            {
                watch.blocked = Some(format!("files cannot be taken from it: {why}"));
                watch.put_off(file, now);
                continue;
            }
            match self.take(&folder, &file).await? {
                Taken::Not(..) => watch.failed(file, now),
                Taken::Run(run) => {
                    watch.blocked = None;
                    self.log_end(&self.work_on(&run, stop, &Progress::default()).await?);
                }
            }
        }
        Ok(next)
    }

    async fn look_into_folder(&self, watch: &mut Watch) -> Result<Look, TriggerError> {
        let began = self.engine.clock().monotonic();
        let config = self.config.clone();
        let looked = self.blocking("looking into a folder", move || look(&config)).await?;
        let took = self.engine.clock().monotonic().saturating_sub(began);
        // A folder with very many files takes long to look at: the hub must not do nothing else.
        let is_crowded = looked.as_ref().is_ok_and(|looked| looked.names > CROWD_NAMES);
        watch.rest = if is_crowded { took * LOOKS_PART } else { Duration::ZERO };
        looked.map_err(|source| TriggerError::File {
            doing: "read",
            path: self.config.folder.clone(),
            source,
        })
    }

    /// Says of files that have waited for a while what they wait for.
    fn say_what_waits(&self, watch: &mut Watch, waiting: Vec<(PathBuf, String)>) {
        let now = self.engine.clock().monotonic();
        let mut waits = HashMap::with_capacity(waiting.len());
        for (path, wanted) in waiting {
            let earlier = watch.waiting.remove(&path);
            let mut wait = earlier.unwrap_or(Waiting { say_at: now + COMPANION_PATIENCE });
            if wait.say_at <= now {
                wait.say_at = now + SAY_AGAIN;
                let flow = &self.flow.name;
                let (file, wanted) =
                    (mask_card_numbers(&name_of(&path)).into_owned(), mask_card_numbers(&wanted));
                tracing::warn!(flow, "{file} is not taken: {wanted} has to come with it, and is not there");
            }
            waits.insert(path, wait);
        }
        watch.waiting = waits;
    }

    /// Goes on with the runs that an earlier process left unfinished. A run that cannot go on is logged and left.
    pub async fn resume(&self, stop: &Stop) -> Result<Vec<FileEnd>, TriggerError> {
        Ok(self.resume_all(stop).await?.0)
    }

    /// The same; answers, too, what a run met that may pass by itself, such as a full disk.
    async fn resume_all(&self, stop: &Stop) -> Result<(Vec<FileEnd>, Option<String>), TriggerError> {
        let unfinished = self.engine.journal().unfinished_runs().await;
        let unfinished = unfinished.map_err(TriggerError::journal("listing unfinished runs"))?;
        let is_ours = |run: &RunRecord| run.flow == self.flow.name && run.trigger == TriggerKind::Drop;
        let (mut ends, mut trouble) = (Vec::new(), None);
        for run in unfinished.into_iter().filter(is_ours) {
            if stop.is_requested() {
                break;
            }
            let worked = match self.waits(&run).await {
                Ok(true) => {
                    tracing::warn!(flow = self.flow.name, run = %run.id, "the run is halted and waits for a person");
                    continue;
                }
                Ok(false) => self.work_on(&run.id, stop, &Progress::default()).await,
                Err(error) => Err(error),
            };
            match worked {
                Ok(FileEnd { outcome: FileOutcome::Held { .. }, .. }) if run.state == RunState::Held => {
                    tracing::warn!(flow = self.flow.name, run = %run.id, "the run is held and waits for a person");
                }
                Ok(end) => {
                    self.log_end(&end);
                    ends.push(end);
                }
                Err(error) if error.is_fatal() => return Err(error),
                // One run that cannot go on must not keep the others, and new files, waiting.
                Err(error) if error.may_pass() => {
                    trouble.get_or_insert_with(|| format!("run {} waits: {}", run.id, error.with_reasons()));
                }
                // Whoever looks at what people decided has it just now, and says so when it may go on.
                Err(TriggerError::AtWork { .. }) if run.state == RunState::Held => {}
                Err(error) => {
                    tracing::error!(flow = self.flow.name, run = %run.id, "{}", error.with_reasons());
                }
            }
        }
        Ok((ends, trouble))
    }

    pub(super) fn log_end(&self, end: &FileEnd) {
        tracing::info!(flow = self.flow.name, run = %end.run, "{}", end.outcome.word());
    }

    /// The operating system's notices, where it gives any. Without them a file waits for the next look.
    fn notices(&self, root: &Path, hint: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let told = Arc::clone(hint);
        let tell = move |event: notify::Result<notify::Event>| {
            // Our own looks are noticed too, as openings; each would lead to the next.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)))) {
                told.notify_one();
            }
        };
        let deep = match self.config.subfolders {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(root, deep)?;
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
}

async fn pause(wait: Duration, least: Duration, hint: &Notify, stop: &Stop) {
    // Even a flood of notices leaves a moment between two looks.
    let floor = least.min(wait);
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
