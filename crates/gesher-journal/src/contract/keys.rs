//! Cases about row keys: unique for ever, and free again only after an end without effect.

use super::place::{Broken, Place, at, item, new_run, row, same, shekels};
use crate::{Claim, Holder, ItemQuery, ItemState, NewRun, RunState, TriggerKind};
use gesher_core::{ItemEnd, ItemStatus};

/// Taken for the first time in this run.
fn taken(attempt: u32) -> Claim {
    Claim::Taken { attempt, resumed: false }
}

pub(super) async fn a_row_key_is_held_spent_or_free_as_its_item_ended(place: Place) -> Result<(), Broken> {
    let first = place.run("charges").await?;
    for (ordinal, status) in (1..).zip(ItemStatus::ALL) {
        let key = format!("order-{ordinal}");
        let holder = |state, seconds| -> Result<Claim, Broken> {
            Ok(Claim::Held(Box::new(Holder {
                item: item(&first, ordinal),
                name: "march.csv".to_owned(),
                line: ordinal + 1,
                state,
                at: at(seconds),
                amount: Some(shekels("10.00")?),
                is_call: false,
            })))
        };
        let later = place.run("charges").await?;
        same(place.claim(&first, ordinal, &key, 1).await?, taken(1))?;
        same(place.claim(&later, 1, &key, 1).await?, holder(ItemState::Queued, 2)?)?;
        place.end(&first, ordinal, status).await?;
        let claim = place.claim(&later, 2, &key, 2).await?;
        if matches!(status, ItemStatus::Succeeded | ItemStatus::Unknown) {
            same(claim, holder(ItemState::Ended(status), 3)?)?;
            continue;
        }
        ensure!(claim == taken(2), "after {status}: {claim:?}");
        let last = place.run("charges").await?;
        ensure_fits!(place.claim(&last, 1, &key, 1).await?, Claim::Held(_));
        place.end(&later, 2, ItemStatus::NotSent).await?;
        same(place.claim(&last, 2, &key, 1).await?, taken(3))?;
    }
    Ok(())
}

pub(super) async fn whoever_has_a_key_is_known_to_be_a_call(place: Place) -> Result<(), Broken> {
    let call = new_run("charges")?;
    let run = call.id.clone();
    place.journal.start_run(NewRun { trigger: TriggerKind::Call, ..call }).await?;
    place.become_state(&run, RunState::Running).await?;
    place.claim(&run, 1, "order-1", 1).await?;
    let later = place.run("charges").await?;
    ensure_fits!(place.claim(&later, 1, "order-1", 1).await?, Claim::Held(holder) if holder.is_call);
    place.claim(&later, 2, "order-2", 1).await?;
    let last = place.run("charges").await?;
    ensure_fits!(place.claim(&last, 1, "order-2", 1).await?, Claim::Held(holder) if !holder.is_call);
    Ok(())
}

pub(super) async fn a_duplicate_never_had_the_key(place: Place) -> Result<(), Broken> {
    let (first, second, third) =
        (place.run("charges").await?, place.run("charges").await?, place.run("charges").await?);
    place.claim(&first, 1, "order-1", 1).await?;
    ensure_fits!(place.claim(&second, 1, "order-1", 1).await?, Claim::Held(_));
    place.end(&second, 1, ItemStatus::Duplicate).await?;
    ensure_fits!(place.claim(&third, 1, "order-1", 1).await?, Claim::Held(holder) if holder.item == item(&first, 1));
    let query = ItemQuery { run: second, status: None, after: None, limit: 9 };
    let attempts: Vec<_> = place.journal.items(&query).await?.into_iter().map(|item| item.attempt).collect();
    same(attempts, vec![None])
}

pub(super) async fn in_one_file_the_first_row_of_a_key_wins(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let mut ordinal = 0;
    for status in std::iter::once(None).chain(ItemStatus::ALL.map(Some)) {
        let key = format!("order-{ordinal}");
        same(place.claim(&run, ordinal + 1, &key, 1).await?, taken(1))?;
        if let Some(status) = status {
            place.end(&run, ordinal + 1, status).await?;
        }
        let first = item(&run, ordinal + 1);
        let same_cells = place.claim(&run, ordinal + 2, &key, 1).await?;
        ensure!(
            matches!(&same_cells, Claim::Held(holder) if holder.item == first),
            "{status:?}: {same_cells:?}"
        );
        let other_cells = place.claim(&run, ordinal + 3, &key, 2).await?;
        ensure!(
            matches!(&other_cells, Claim::Conflict(holder) if holder.item == first),
            "{status:?}: {other_cells:?}"
        );
        ordinal += 3;
    }
    // In one batch too.
    let rows = vec![row(100, Some("both"), 1)?, row(101, Some("both"), 2)?, row(102, Some("both"), 1)?];
    let claims = place.journal.claim_items(&run, rows, at(2)).await?;
    ensure_fits!(claims.as_slice(), [Claim::Taken { .. }, Claim::Conflict(_), Claim::Held(_)]);
    Ok(())
}

pub(super) async fn row_keys_belong_to_their_flow(place: Place) -> Result<(), Broken> {
    let (charges, refunds) = (place.run("charges").await?, place.run("refunds").await?);
    same(place.claim(&charges, 1, "order-1", 1).await?, taken(1))?;
    same(place.claim(&refunds, 1, "order-1", 1).await?, taken(1))
}

pub(super) async fn a_row_found_invalid_takes_no_key(place: Place) -> Result<(), Broken> {
    let (run, later) = (place.run("charges").await?, place.run("charges").await?);
    let end = ItemEnd::new(ItemStatus::Invalid, "amount", "not an amount");
    let invalid = crate::NewItem { ended: Some(end.clone()), ..row(1, Some("order-1"), 1)? };
    same(place.claim_item(&run, invalid.clone()).await?, Claim::Ended)?;
    same(place.claim_item(&run, invalid).await?, Claim::Ended)?;
    same(place.claim(&later, 1, "order-1", 1).await?, taken(1))?;
    let query = ItemQuery { run, status: Some(ItemStatus::Invalid), after: None, limit: 9 };
    let items = place.journal.items(&query).await?;
    let [item] = items.as_slice() else { return Err(Broken(format!("{items:?}"))) };
    // Its end named no amount, so its row's stands for it.
    let end = ItemEnd { amount: Some(shekels("10.00")?), ..end };
    same((&item.end, item.attempt), (&Some(end), None))
}

pub(super) async fn rows_without_a_key_never_meet(place: Place) -> Result<(), Broken> {
    let run = place.run("calls").await?;
    same(place.claim_item(&run, row(1, None, 1)?).await?, taken(1))?;
    same(place.claim_item(&run, row(2, None, 1)?).await?, taken(1))?;
    same(place.claim_item(&run, row(1, None, 1)?).await?, Claim::Taken { attempt: 1, resumed: true })
}

pub(super) async fn an_interrupted_run_goes_on_where_it_was(place: Place) -> Result<(), Broken> {
    let earlier = place.run("charges").await?;
    place.claim(&earlier, 1, "order-2", 1).await?;
    place.end(&earlier, 1, ItemStatus::Declined).await?;
    let run = place.run("charges").await?;
    let rows = || {
        (1..=3)
            .map(|ordinal| row(ordinal, Some(&format!("order-{ordinal}")), 1))
            .collect::<Result<Vec<_>, _>>()
    };
    let claims = place.journal.claim_items(&run, rows()?, at(2)).await?;
    same(claims, vec![taken(1), taken(2), taken(1)])?;
    place.end(&run, 1, ItemStatus::Declined).await?;
    let place = place.opened_again().await?;
    let mut again = rows()?;
    again.push(row(4, Some("order-4"), 1)?);
    let claims = place.journal.claim_items(&run, again, at(9)).await?;
    let resumed = |attempt| Claim::Taken { attempt, resumed: true };
    same(claims, vec![Claim::Ended, resumed(2), resumed(1), taken(1)])
}

pub(super) async fn a_row_that_lost_its_key_before_a_crash_is_decided_anew(
    place: Place,
) -> Result<(), Broken> {
    let (first, second) = (place.run("charges").await?, place.run("charges").await?);
    place.claim(&first, 1, "order-1", 1).await?;
    ensure_fits!(place.claim(&second, 1, "order-1", 1).await?, Claim::Held(_));
    // The process ends before it writes down that this row is a duplicate.
    ensure_fits!(place.claim(&second, 1, "order-1", 1).await?, Claim::Held(_));
    place.end(&first, 1, ItemStatus::Declined).await?;
    same(place.claim(&second, 1, "order-1", 1).await?, taken(2))?;
    same(place.claim(&second, 1, "order-1", 1).await?, Claim::Taken { attempt: 2, resumed: true })?;
    let query = ItemQuery { run: second, status: None, after: None, limit: 9 };
    let attempts: Vec<_> = place.journal.items(&query).await?.into_iter().map(|item| item.attempt).collect();
    same(attempts, vec![Some(2)])
}

pub(super) async fn one_row_key_claimed_from_many_sides_is_taken_once(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    let mut claims = Vec::new();
    for side in 0..16 {
        let run = place.run("charges").await?;
        let journal = if side % 2 == 0 { &place.journal } else { &beside.journal };
        claims.push(journal.claim_items(&run, vec![row(1, Some("order-1"), 1)?], at(2)));
    }
    let mut won = 0;
    for claim in claims {
        match claim.await?.as_slice() {
            [Claim::Taken { attempt: 1, resumed: false }] => won += 1,
            [Claim::Held(_)] => {}
            other => return Err(Broken(format!("{other:?}"))),
        }
    }
    same(won, 1)
}
