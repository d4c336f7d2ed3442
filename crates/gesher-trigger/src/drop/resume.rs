//! What a run that goes on after a stop needs before anything more of it is sent: the folder where its file lies, the
//! script it began with, and an end for the rows that nobody can begin any more. What it cannot have is said in the
//! run itself, and the run waits for a person.

use super::folder::{DropFolder, Place, extension, name_with_run, work_name};
use super::life::{PAGE_ITEMS, Pinned};
use super::messages;
use super::scan::Stamp;
use super::trigger::DropTrigger;
use crate::error::TriggerError;
use gesher_core::{ItemEnd, ItemId, ItemStatus, RunId, Text};
use gesher_engine::Program;
use gesher_engine::journal::{ItemQuery, RunChange, RunRecord, RunState};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl DropTrigger {
    /// The folder of a run: the one it was begun in, whatever the configuration says now. Only when that one is gone,
    /// the configured one, if the run's file lies there: then the whole hub was moved.
    pub(super) async fn folder_of(
        &self,
        run: &RunRecord,
        pinned: &Pinned,
    ) -> Result<DropFolder, TriggerError> {
        let begun_in = pinned.folder.as_deref().map(Path::new);
        let Some(path) = begun_in.filter(|path| *path != self.config.folder) else {
            return self.open_folder();
        };
        // Every run's folder had this one inside when the run began. Without it, a disk or a share is away, and a
        // folder made anew would only hide that.
        if path.join(Place::Work.name()).is_dir() {
            return self.open_folder_at(path);
        }
        let configured = self.open_folder()?;
        if self.holds(&configured, run, pinned) {
            return Ok(configured);
        }
        Err(self.hold(run, &messages::folder_gone(&path.display().to_string())).await)
    }

    /// The script that the run began with, whatever the scripts folder holds by now. Where this hub cannot run it, the
    /// run waits, unless it is given up: then no row of it is run, and it needs no script.
    pub(super) async fn program_of(&self, run: &RunRecord) -> Result<Arc<dyn Program>, TriggerError> {
        match self.scripts.of_run(&self.engine, run).await {
            Ok(Ok(program)) => Ok(program),
            Ok(Err(_)) if self.is_given_up(&run.id).await? => Ok(self.scripts.current()),
            Ok(Err(why)) => Err(self.hold(run, &why).await),
            Err(source) => Err(TriggerError::Engine { run: run.id.clone(), source }),
        }
    }

    /// Leaves a run to a person and says why, in the run and in the error that is answered. A state that cannot be
    /// halted stays: nothing is sent in it.
    pub(super) async fn hold(&self, run: &RunRecord, why: &Text) -> TriggerError {
        let held = match run.state.may_become(RunState::Halted) {
            true => self.halt_for_now(run, why).await,
            false => {
                let message = Some(self.words(why));
                self.change_run(&run.id, RunChange { message, ..RunChange::default() }).await
            }
        };
        match held {
            Ok(()) => TriggerError::Held { run: run.id.clone(), why: why.en.clone() },
            Err(error) => error,
        }
    }

    /// Ends the rows that were claimed before a stop, and that no reading of the file gave to a worker since: by what
    /// they had done, or else as not sent. Rows after `changed_after` were lost because the file changed. Answers how
    /// many.
    pub(super) async fn end_unread_rows(
        &self,
        run: &RunId,
        changed_after: Option<u64>,
    ) -> Result<u64, TriggerError> {
        let journal = self.engine.journal();
        let (mut count, mut after) = (0, ItemId::FINISH);
        loop {
            let query = ItemQuery { run: run.clone(), status: None, after: Some(after), limit: PAGE_ITEMS };
            let page = journal.items(&query).await.map_err(TriggerError::journal("reading items"))?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.id.ordinal;
            for item in page.iter().filter(|item| item.end.is_none()) {
                let is_lost = changed_after.is_some_and(|last| item.id.ordinal > last);
                let (code, words) = if is_lost {
                    ("file_changed", messages::row_changed())
                } else {
                    ("not_begun", messages::not_begun())
                };
                let untouched = ItemEnd::new(ItemStatus::NotSent, code, self.words(&words));
                let end = self.engine.end_of_interrupted(&item.id, untouched).await;
                let end = end.map_err(|source| TriggerError::Engine { run: run.clone(), source })?;
                let ended = journal.finish_item(&item.id, end, self.engine.clock().now()).await;
                ended.map_err(TriggerError::journal("ending an item"))?;
                count += 1;
            }
        }
    }

    /// Whether a run's file lies somewhere in the folder.
    fn holds(&self, folder: &DropFolder, run: &RunRecord, pinned: &Pinned) -> bool {
        let work = folder.path(Place::Work).join(work_name(&run.name, run.id.as_str()));
        let ended = name_with_run(&run.name, run.id.as_str(), extension(&run.name));
        work.exists()
            || [Place::Done, Place::Failed, Place::Duplicate, Place::Held]
                .into_iter()
                .any(|place| folder.path(place).join(&ended).exists())
            || self.dropped(folder, run, pinned).is_some()
    }

    /// Where a claimed file still lies as it was dropped. A name with a card number or a secret is not the run's, so the
    /// file is known by its stamp and by what its name is without.
    pub(super) fn dropped(&self, folder: &DropFolder, run: &RunRecord, pinned: &Pinned) -> Option<PathBuf> {
        let stamp = pinned.stamp?;
        let is_it = |path: &Path| Stamp::of(path).is_ok_and(|found| found == Some(stamp));
        let beside = match &pinned.within {
            Some(within) => folder.root().join(within),
            None => folder.root().to_owned(),
        };
        let named = beside.join(&run.name);
        if is_it(&named) {
            return Some(named);
        }
        let is_named = |path: &Path| {
            path.file_name().is_some_and(|name| self.clean_name(&name.to_string_lossy()) == run.name)
        };
        let mut entries = fs::read_dir(&beside).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        entries.find(|path| is_named(path) && is_it(path))
    }
}
