//! Cases about items that are unknown although none of their steps is.

use super::place::{Broken, Place, at, item, outcome, same, step};
use crate::{Claim, ItemClose, ItemQuery, JournalError, RunState, StepClose};
use gesher_core::{ItemEnd, ItemId, ItemStatus, OutcomeStatus};
use serde_json::json;

fn close(item: ItemId, status: ItemStatus) -> ItemClose {
    ItemClose {
        item,
        end: ItemEnd::new(status, "resolved", "by hand"),
        evidence: json!({ "by": "person" }),
        actor: "dana".to_owned(),
        reason: "seen in the list of payments".to_owned(),
        at: at(60),
    }
}

pub(super) async fn an_item_that_is_unknown_without_an_open_step_is_listed_and_ended_once(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for (ordinal, end) in (1..).zip([ItemStatus::Unknown, ItemStatus::Unknown, ItemStatus::Succeeded]) {
        let key = format!("order-{ordinal}");
        place.claim(&run, ordinal, &key, 1).await?;
        place.begin(&run, ordinal, 1, &key).await?;
        let status = if ordinal == 2 { OutcomeStatus::Unknown } else { OutcomeStatus::Succeeded };
        place.finish(&run, ordinal, 1, status).await?;
        place.end(&run, ordinal, end).await?;
    }
    place.claim(&run, 4, "order-4", 1).await?;
    let listed = async |after: Option<&ItemId>, limit| -> Result<Vec<ItemId>, Broken> {
        let items = place.journal.unknown_items(after, limit).await?;
        Ok(items.into_iter().map(|item| item.id).collect())
    };
    let (first, second) = (item(&run, 1), item(&run, 2));
    same(listed(None, 9).await?, vec![first.clone()])?;
    // One with an open step is ended with that, one that has ended otherwise or not at all is not open.
    for ordinal in [2, 3, 4, 5] {
        let refused = place.journal.close_item(close(item(&run, ordinal), ItemStatus::Succeeded)).await;
        ensure_fits!(refused, Err(JournalError::ItemNotOpen(_)));
    }
    let query = ItemQuery { run: run.clone(), status: None, after: Some(1), limit: 1 };
    let seen = place.journal.items(&query).await?.pop().map(|item| item.seen());
    let close_step = StepClose {
        step: step(&run, 2, 1),
        outcome: outcome(OutcomeStatus::NotSent),
        seen,
        end: None,
        sealed: Vec::new(),
        vendor: None,
        evidence: json!({}),
        actor: "hub".to_owned(),
        reason: "looked up".to_owned(),
        at: at(50),
    };
    place.journal.close_step(close_step).await?;
    same(listed(None, 9).await?, vec![first.clone(), second.clone()])?;
    same(listed(None, 1).await?, vec![first.clone()])?;
    same(listed(Some(&first), 9).await?, vec![second.clone()])?;
    place.become_state(&run, RunState::Reporting).await?;
    place.become_state(&run, RunState::Finished).await?;
    for (item, end) in [(first, ItemStatus::Succeeded), (second, ItemStatus::NotSent)] {
        place.journal.close_item(close(item.clone(), end)).await?;
        let again = place.journal.close_item(close(item, end)).await;
        ensure_fits!(again, Err(JournalError::ItemNotOpen(_)));
    }
    same(listed(None, 9).await?, vec![])?;
    // They ended first when they ended, whenever they were settled.
    let query = ItemQuery { run: run.clone(), status: None, after: None, limit: 3 };
    let times: Vec<_> =
        place.journal.items(&query).await?.into_iter().map(|item| (item.first_at, item.at)).collect();
    same(times, vec![(at(3), at(60)), (at(3), at(60)), (at(3), at(3))])?;
    same(place.journal.stale_reports().await?.into_iter().map(|run| run.closings).collect(), vec![3_u64])?;
    // Their row keys are spent and free.
    let later = place.run("charges").await?;
    ensure_fits!(place.claim(&later, 1, "order-1", 1).await?, Claim::Held(_));
    ensure_fits!(place.claim(&later, 2, "order-2", 1).await?, Claim::Taken { attempt: 2, resumed: false });
    Ok(())
}
