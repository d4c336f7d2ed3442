//! Cases about sealed rows.

use super::place::{Broken, Place, at, finish, same, sealed_row, step};
use crate::JournalError;
use gesher_core::OutcomeStatus;

pub(super) async fn sealed_rows_are_stored_replaced_and_removed(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    same(journal.sealed("b").await?, None)?;
    journal.put_sealed(sealed_row("b", b"old"), at(1)).await?;
    journal.put_sealed(sealed_row("a", b"\x00\xff"), at(2)).await?;
    journal.put_sealed(sealed_row("b", b"new"), at(3)).await?;
    same(journal.sealed("a").await?, Some(sealed_row("a", b"\x00\xff")))?;
    same(journal.sealed("b").await?, Some(sealed_row("b", b"new")))?;
    same(journal.sealed_names().await?, vec![("a".to_owned(), at(2)), ("b".to_owned(), at(3))])?;
    journal.put_sealed(sealed_row("b", b""), at(4)).await?;
    journal.put_sealed(sealed_row("never", b""), at(4)).await?;
    same(journal.sealed("b").await?, None)?;
    same(journal.sealed_names().await?, vec![("a".to_owned(), at(2))])
}

pub(super) async fn sealed_rows_come_with_their_outcome_or_not_at_all(place: Place) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    place.begin(&run, 1, 1, "dana").await?;
    let mut outcome = finish(step(&run, 1, 1), OutcomeStatus::Succeeded);
    outcome.sealed = vec![sealed_row("vendor/dana/officeguy", b"sealed")];
    place.journal.finish_step(&outcome).await?;
    let kept = Some(sealed_row("vendor/dana/officeguy", b"sealed"));
    same(place.journal.sealed("vendor/dana/officeguy").await?, kept.clone())?;
    outcome.sealed =
        vec![sealed_row("vendor/dana/officeguy", b"other"), sealed_row("vendor/noa/officeguy", b"x")];
    ensure_fits!(place.journal.finish_step(&outcome).await, Err(JournalError::NotInFlight(_)));
    same(place.journal.sealed("vendor/dana/officeguy").await?, kept)?;
    same(place.journal.sealed("vendor/noa/officeguy").await?, None)
}
