//! Cases about what a write promises: when it is durable, in which order, and beside whom.

use super::place::{Broken, Place, at, finish, intent, item, row, same, sealed_row, shekels, step};
use crate::{Begin, Claim, JournalError};
use gesher_core::{ItemEnd, ItemStatus, OutcomeStatus};

pub(super) async fn what_was_awaited_is_there_after_opening_again(place: Place) -> Result<(), Broken> {
    let hub = place.journal.hub_id().clone();
    let run = place.run("charges").await?;
    place.claim(&run, 1, "order-1", 1).await?;
    place.begin(&run, 1, 1, "order-1").await?;
    place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await?;
    place.end(&run, 1, ItemStatus::Succeeded).await?;
    place.journal.put_sealed(sealed_row("a", b"x"), at(1)).await?;
    let place = place.opened_again().await?;
    same(place.journal.hub_id(), &hub)?;
    same(place.journal.steps_of(&item(&run, 1)).await?.len(), 1)?;
    same(place.journal.tally(&run).await?.count(ItemStatus::Succeeded), 1)?;
    same(place.journal.sealed("a").await?, Some(sealed_row("a", b"x")))?;
    ensure_fits!(place.begin(&run, 2, 1, "order-1").await?, Begin::Recorded(_));
    let later = place.run("charges").await?;
    ensure_fits!(place.claim(&later, 1, "order-1", 1).await?, Claim::Held(_));
    Ok(())
}

pub(super) async fn what_was_awaited_is_there_for_others_at_once(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    same(place.journal.hub_id(), beside.journal.hub_id())?;
    let run = place.run("charges").await?;
    place.begin(&run, 1, 1, "order-1").await?;
    same(beside.journal.steps_of(&item(&run, 1)).await?.len(), 1)?;
    beside.finish(&run, 1, 1, OutcomeStatus::Succeeded).await?;
    ensure_fits!(place.begin(&run, 2, 1, "order-1").await?, Begin::Recorded(_));
    Ok(())
}

pub(super) async fn a_write_that_was_awaited_proves_the_earlier_ones(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for ordinal in 1..=100 {
        place.journal.claim_items(&run, vec![row(ordinal, None, 1)?], at(2)).in_order();
        place.journal.begin_step(intent(&run, ordinal, 1, &format!("order-{ordinal}"))?).in_order();
        place.journal.finish_step(&finish(step(&run, ordinal, 1), OutcomeStatus::Succeeded)).in_order();
        let end = ItemEnd::new(ItemStatus::Succeeded, "", "");
        place.journal.finish_item(&item(&run, ordinal), end, at(3)).await?;
        same(place.journal.tally(&run).await?.count(ItemStatus::Succeeded), ordinal)?;
    }
    Ok(())
}

pub(super) async fn a_write_happens_though_nobody_waits(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    drop(place.journal.begin_step(intent(&run, 1, 1, "order-1")?));
    let place = place.opened_again().await?;
    same(place.journal.steps_of(&item(&run, 1)).await?.len(), 1)
}

pub(super) async fn a_refused_write_harms_no_neighbour(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.begin(&run, 1, 1, "order-1").await?;
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for ordinal in 2..=100 {
        good.push(place.journal.begin_step(intent(&run, ordinal, 1, &format!("order-{ordinal}"))?));
        if ordinal % 10 == 0 {
            // One is refused before it writes anything, the other after its first row.
            bad.push(place.journal.finish_step(&finish(step(&run, ordinal, 7), OutcomeStatus::Succeeded)));
            let mut strange = row(2, None, 1)?;
            strange.amount = Some(shekels("0.001")?);
            let rows = place.journal.claim_items(&run, vec![row(1, None, 1)?, strange], at(2));
            ensure_fits!(rows.await, Err(JournalError::Amount { .. }));
        }
    }
    for begin in good {
        ensure_fits!(begin.await?, Begin::Send { attempt: 1 });
    }
    for finish in bad {
        ensure_fits!(finish.await, Err(JournalError::NotInFlight(_)));
    }
    same(place.journal.tally(&run).await?.items(), 0)?;
    ensure_fits!(place.claim_item(&run, row(1, None, 1)?).await?, Claim::Taken { resumed: false, .. });
    same(place.journal.steps_of(&item(&run, 57)).await?.len(), 1)
}
