//! Schedules: since when they are known, and how far they are dealt with.

use super::place::{Broken, Place, at, same};
use crate::KnownSchedule;

pub(super) async fn a_schedule_is_known_since_it_was_written_down(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    same(journal.schedule("monthly").await?, None)?;
    let first = KnownSchedule {
        flow: "monthly".to_owned(),
        rule: "0 6 1 * *".to_owned(),
        since: at(1),
        until: at(1),
    };
    journal.know_schedule(first.clone()).await?;
    same(journal.schedule("monthly").await?, Some(first.clone()))?;
    let later = KnownSchedule { until: at(7), ..first };
    journal.know_schedule(later.clone()).await?;
    same(journal.schedule("monthly").await?, Some(later.clone()))?;
    // Another rule begins anew, and a clock that was set back is believed.
    let other = KnownSchedule { rule: "0 7 1 * *".to_owned(), since: at(5), until: at(5), ..later };
    journal.know_schedule(other.clone()).await?;
    same(journal.schedule("daily").await?, None)?;
    let again = place.opened_again().await?;
    same(again.journal.schedule("monthly").await?, Some(other))
}
