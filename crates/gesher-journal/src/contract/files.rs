//! Cases about the identity of files.

use super::place::{Broken, Place, at, new_run, row, same};
use crate::{FileIdentity, RunState};
use gesher_core::{ItemEnd, ItemStatus, RunId};

const BYTES: [u8; 32] = [7; 32];

impl Place {
    /// A run of a file with these bytes, and what the journal says of them.
    async fn drop_file(&self, flow: &str, sha256: [u8; 32]) -> Result<(RunId, FileIdentity), Broken> {
        let run = new_run(flow)?;
        let id = run.id.clone();
        self.journal.start_run(run).await?;
        let identity = self.journal.identify_file(&id, sha256, at(1)).await?;
        Ok((id, identity))
    }

    /// Takes a run that was just begun to its end, with one item for each key and status.
    async fn work_off(&self, run: &RunId, rows: &[(&str, ItemStatus)]) -> Result<(), Broken> {
        self.become_state(run, RunState::Running).await?;
        for (ordinal, (key, status)) in (1..).zip(rows) {
            self.claim(run, ordinal, key, 1).await?;
            self.end(run, ordinal, *status).await?;
        }
        self.become_state(run, RunState::Reporting).await?;
        Ok(self.become_state(run, RunState::Finished).await?)
    }
}

pub(super) async fn a_file_is_new_once(place: Place) -> Result<(), Broken> {
    let (first, identity) = place.drop_file("charges", BYTES).await?;
    same(identity, FileIdentity::New)?;
    let duplicate = FileIdentity::Duplicate { run: first.clone() };
    // While it is at work, whatever state that is.
    let (second, identity) = place.drop_file("charges", BYTES).await?;
    same(&identity, &duplicate)?;
    place.become_state(&second, RunState::Duplicate).await?;
    place.work_off(&first, &[("order-1", ItemStatus::Succeeded), ("order-2", ItemStatus::Unknown)]).await?;
    same(place.drop_file("charges", BYTES).await?.1, duplicate)?;
    // Other bytes, and the same bytes in another flow, are another matter.
    same(place.drop_file("charges", [8; 32]).await?.1, FileIdentity::New)?;
    same(place.drop_file("refunds", BYTES).await?.1, FileIdentity::New)
}

pub(super) async fn a_file_that_left_rows_free_may_come_again(place: Place) -> Result<(), Broken> {
    for (byte, status) in (0_u8..).zip(ItemStatus::ALL) {
        let key = format!("order-{byte}");
        let (first, _) = place.drop_file("charges", [byte; 32]).await?;
        let charged = format!("charged-{byte}");
        place.work_off(&first, &[(&charged, ItemStatus::Succeeded), (&key, status)]).await?;
        let (_, identity) = place.drop_file("charges", [byte; 32]).await?;
        let want = match status {
            ItemStatus::Succeeded | ItemStatus::Unknown => FileIdentity::Duplicate { run: first },
            _ => FileIdentity::Again { run: first },
        };
        ensure!(identity == want, "{status}: {identity:?} where {want:?} belongs");
    }
    // A row that was invalid and had no key was never charged either.
    let (first, _) = place.drop_file("charges", [99; 32]).await?;
    let mut invalid = row(1, None, 1)?;
    invalid.ended = Some(ItemEnd::new(ItemStatus::Invalid, "amount", "not an amount"));
    place.become_state(&first, RunState::Running).await?;
    place.claim_item(&first, invalid).await?;
    place.become_state(&first, RunState::Reporting).await?;
    place.become_state(&first, RunState::Finished).await?;
    same(place.drop_file("charges", [99; 32]).await?.1, FileIdentity::Again { run: first })
}

pub(super) async fn a_file_whose_rows_were_mended_since_is_a_duplicate(place: Place) -> Result<(), Broken> {
    let (first, _) = place.drop_file("charges", BYTES).await?;
    place.work_off(&first, &[("order-1", ItemStatus::Succeeded), ("order-2", ItemStatus::Declined)]).await?;
    let (second, identity) = place.drop_file("charges", BYTES).await?;
    same(identity, FileIdentity::Again { run: first })?;
    place
        .work_off(&second, &[("order-1", ItemStatus::Duplicate), ("order-2", ItemStatus::Succeeded)])
        .await?;
    same(place.drop_file("charges", BYTES).await?.1, FileIdentity::Duplicate { run: second })
}

pub(super) async fn a_run_that_touched_no_row_does_not_count(place: Place) -> Result<(), Broken> {
    for state in [RunState::Refused, RunState::Duplicate, RunState::Cancelled] {
        let (run, identity) = place.drop_file("charges", BYTES).await?;
        same(identity, FileIdentity::New)?;
        place.become_state(&run, state).await?;
    }
    let (run, identity) = place.drop_file("charges", BYTES).await?;
    same(identity, FileIdentity::New)?;
    // Cancelled after its first row, it counts: that row may have been charged.
    place.become_state(&run, RunState::Running).await?;
    place.claim(&run, 1, "order-1", 1).await?;
    place.end(&run, 1, ItemStatus::Succeeded).await?;
    place.become_state(&run, RunState::Cancelled).await?;
    same(place.drop_file("charges", BYTES).await?.1, FileIdentity::Duplicate { run })
}

pub(super) async fn the_first_to_identify_a_file_keeps_it(place: Place) -> Result<(), Broken> {
    let (late, early) = (new_run("charges")?, new_run("charges")?);
    place.journal.start_run(late.clone()).await?;
    place.journal.start_run(early.clone()).await?;
    let identify = async |run| place.journal.identify_file(run, BYTES, at(1)).await;
    same(identify(&early.id).await?, FileIdentity::New)?;
    let duplicate = FileIdentity::Duplicate { run: early.id.clone() };
    same(identify(&late.id).await?, duplicate.clone())?;
    // Asked again after a crash, both hear the same.
    same(identify(&early.id).await?, FileIdentity::New)?;
    same(identify(&late.id).await?, duplicate)
}
