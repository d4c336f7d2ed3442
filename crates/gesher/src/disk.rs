//! Looks after the disks of the hub's data: journal and intent log. Below a floor, or once a disk became read-only,
//! nothing new begins, so that what is at work can still be written down.
//!
//! The room for a single file is the trigger's to ask for, and a failed write is the engine's to notice.

use gesher_engine::{Health, Part, Stop};
use gesher_trigger::room::{Disk, shown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the disks are asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Once below the floor, one part of it in so many more has to be free before anything begins again: other programs
/// write too, and a hub that changes its mind each second helps nobody.
const MORE_TO_GO_ON: u64 = 4;

/// Asks once, and says what was found.
pub fn look(health: &Health, folders: &[PathBuf]) {
    let was_low = health.is_in_trouble(&Part::Data);
    match folders.iter().find_map(|folder| reason(folder, was_low)) {
        Some(why) => health.trouble(Part::Data, why),
        None => health.well(&Part::Data),
    }
}

/// Asks again and again until the stop.
pub async fn watch(health: Health, folders: Vec<PathBuf>, stop: Stop) {
    while !stop.is_requested() {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => look(&health, &folders),
            () = stop.requested() => {}
        }
    }
}

/// Why nothing new should be written to a folder. A disk that cannot be asked shows what it is when it is written to.
pub fn reason(folder: &Path, was_low: bool) -> Option<String> {
    let disk = Disk::of(folder).ok()?;
    if disk.is_read_only {
        return Some(format!(
            "the disk of {} is read-only; nothing new is begun until it can be written",
            folder.display()
        ));
    }
    let more = if was_low { disk.floor() / MORE_TO_GO_ON } else { 0 };
    let wanted = disk.shortage(more)?;
    let folder = folder.display();
    Some(format!("{} must be free on the disk of {folder}; nothing new is begun until it is", shown(wanted)))
}
