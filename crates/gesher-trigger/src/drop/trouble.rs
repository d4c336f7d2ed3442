//! What the trigger does when the machine under it is in trouble: it waits with what it began, takes nothing new, says
//! why, and goes on by itself. Nothing here decides what became of a row.

use super::life::{FileEnd, FileOutcome};
use super::scan::Found;
use super::trigger::DropTrigger;
use super::watch::Watch;
use crate::error::TriggerError;
use crate::room;
use gesher_core::RunId;
use gesher_core::card::mask_card_numbers;
use gesher_engine::{Part, Progress, Stop};
use std::path::Path;

impl DropTrigger {
    /// Takes a run to its end, over failures of the journal's store: the run waits until the store works again, and
    /// goes on from what is recorded. Only the stop ends the wait.
    pub(super) async fn work_on(
        &self,
        run: &RunId,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<FileEnd, TriggerError> {
        loop {
            let ended = self.work(run, stop, progress).await;
            let failed = ended.as_ref().err().and_then(TriggerError::of_store);
            let Some(failed) = failed.filter(|_| !self.engine.health().has_lost()) else { return ended };
            self.engine.store_failed(failed);
            if !self.engine.health().until_may_begin(stop).await {
                return Ok(FileEnd { run: run.clone(), outcome: FileOutcome::Stopped });
            }
        }
    }

    /// Refuses a file for which the disks have no room.
    pub(super) async fn require_room(&self, path: &Path) -> Result<(), TriggerError> {
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        match self.reason_against(bytes).await? {
            None => Ok(()),
            Some(why) => Err(TriggerError::NoRoom { path: path.to_owned(), why }),
        }
    }

    async fn reason_against(&self, bytes: u64) -> Result<Option<String>, TriggerError> {
        let (folder, data) = (self.config.folder.clone(), self.data_dir.clone());
        self.blocking("asking for free space", move || room::reason_against(bytes, &folder, &data)).await
    }

    /// The files of these for which the disks have room. That others wait, and why, is said until none does.
    pub(super) async fn with_room(&self, ready: Vec<Found>) -> Result<Vec<Found>, TriggerError> {
        let (mut fitting, mut waits) = (Vec::with_capacity(ready.len()), None);
        for file in ready {
            match self.reason_against(file.stamp.size()).await? {
                None => fitting.push(file),
                Some(why) => {
                    let name = mask_card_numbers(&file.name);
                    waits.get_or_insert_with(|| format!("{name} is not taken: {why}"));
                }
            }
        }
        let part = Part::Room(self.flow.name.clone());
        match waits {
            Some(waits) => self.engine.health().trouble(part, waits),
            None => self.engine.health().well(&part),
        }
        Ok(fitting)
    }

    /// Says what keeps the folder from being worked with, or that nothing does.
    pub(super) fn say_how_the_folder_is(&self, watch: &Watch) {
        let part = Part::Folder(self.flow.name.clone());
        match &watch.blocked {
            Some(why) => self.engine.health().trouble(part, why),
            None => self.engine.health().well(&part),
        }
    }
}
