//! Cases about items, apart from their keys.

use super::place::{Broken, Place, at, item, key, row, same, shekels};
use crate::{Claim, ItemQuery, JournalError, TallyLine};
use gesher_core::{Currency, Decimal, ItemEnd, ItemId, ItemStatus, Money, RunId};
use std::collections::BTreeMap;

impl Place {
    async fn page(
        &self,
        run: &RunId,
        status: Option<ItemStatus>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, Broken> {
        let query = ItemQuery { run: run.clone(), status, after, limit };
        Ok(self.journal.items(&query).await?.into_iter().map(|item| item.id.ordinal).collect())
    }
}

fn whole(run: &RunId) -> ItemQuery {
    ItemQuery { run: run.clone(), status: None, after: None, limit: 100 }
}

pub(super) async fn an_item_is_read_as_it_was_written(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.claim(&run, 1, "order-1", 1).await?;
    place.claim(&run, 2, "order-2", 1).await?;
    let end = ItemEnd {
        status: ItemStatus::Succeeded,
        reference: Some("9001".to_owned()),
        document: Some("40001".to_owned()),
        code: Some("000".to_owned()),
        message: "אושר".to_owned(),
        amount: Some(shekels("12.34")?),
    };
    place.journal.finish_item(&item(&run, 1), end.clone(), at(7)).await?;
    let items = place.journal.items(&whole(&run)).await?;
    let [ended, queued] = items.as_slice() else { return Err(Broken(format!("{items:?}"))) };
    same((&ended.id, ended.line, &ended.end, ended.at), (&item(&run, 1), 2, &Some(end), at(7)))?;
    same((&ended.key, ended.attempt), (&Some(key("order-1")?), Some(1)))?;
    same((&queued.id, queued.line, &queued.end, queued.at), (&item(&run, 2), 3, &None, at(2)))
}

pub(super) async fn an_item_that_has_ended_stays_as_it_is(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.claim(&run, 1, "order-1", 1).await?;
    for status in [ItemStatus::Unknown, ItemStatus::Declined, ItemStatus::Succeeded] {
        place.end(&run, 1, status).await?;
    }
    same(place.page(&run, Some(ItemStatus::Unknown), None, 9).await?, vec![1])
}

pub(super) async fn an_item_nobody_claimed_cannot_end(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let end = ItemEnd::new(ItemStatus::Skipped, "", "");
    let ended = place.journal.finish_item(&item(&run, 5), end, at(3)).await;
    ensure_fits!(&ended, Err(JournalError::NoItem(id)) if *id == item(&run, 5));
    Ok(())
}

pub(super) async fn items_come_in_pages_and_by_status(place: Place) -> Result<(), Broken> {
    let (run, other) = (place.run("charges").await?, place.run("charges").await?);
    place.claim(&other, 1, "other", 1).await?;
    for ordinal in 0..=6 {
        place.claim(&run, ordinal, &format!("order-{ordinal}"), 1).await?;
        let status = if ordinal % 2 == 0 { ItemStatus::Succeeded } else { ItemStatus::Declined };
        place.end(&run, ordinal, status).await?;
    }
    same(place.page(&run, None, None, 3).await?, vec![0, 1, 2])?;
    same(place.page(&run, None, Some(2), 3).await?, vec![3, 4, 5])?;
    same(place.page(&run, None, Some(5), 3).await?, vec![6])?;
    same(place.page(&run, None, Some(6), 3).await?, vec![])?;
    same(place.page(&run, Some(ItemStatus::Declined), None, 9).await?, vec![1, 3, 5])?;
    same(place.page(&run, Some(ItemStatus::Declined), Some(1), 1).await?, vec![3])?;
    same(place.page(&run, Some(ItemStatus::Unknown), None, 9).await?, vec![])
}

pub(super) async fn a_tally_adds_up_without_on_finish(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for ordinal in 0..=5 {
        place.claim(&run, ordinal, &format!("order-{ordinal}"), 1).await?;
    }
    let euro = Currency::of("EUR")?;
    let charged = |amount| -> Result<ItemEnd, Broken> {
        let mut end = ItemEnd::new(ItemStatus::Succeeded, "", "");
        end.amount = amount;
        Ok(end)
    };
    let euros = Some(Money { amount: Decimal::new(550, 2), currency: euro });
    for (ordinal, amount) in [(1, None), (2, Some(shekels("0.05")?)), (3, euros)] {
        place.journal.finish_item(&item(&run, ordinal), charged(amount)?, at(3)).await?;
    }
    place.end(&run, 4, ItemStatus::Declined).await?;
    place.end(&run, ItemId::FINISH, ItemStatus::Skipped).await?;
    let tally = place.journal.tally(&run).await?;
    same((tally.items(), tally.queued, tally.ended.len()), (5, 1, 2))?;
    let line = |items, totals: &[(Currency, i64)]| TallyLine {
        items,
        totals: totals.iter().map(|(of, amount)| (*of, Decimal::new(*amount, 2))).collect::<BTreeMap<_, _>>(),
    };
    // What an item's end does not say is what its row said.
    let succeeded = line(3, &[(Currency::ILS, 1005), (euro, 550)]);
    same(tally.ended.get(&ItemStatus::Succeeded), Some(&succeeded))?;
    same(tally.ended.get(&ItemStatus::Declined), Some(&line(1, &[(Currency::ILS, 1000)])))
}

trait Known: Sized {
    fn of(letters: &str) -> Result<Self, Broken>;
}

impl Known for Currency {
    fn of(letters: &str) -> Result<Self, Broken> {
        letters.parse().map_err(|_| Broken(format!("`{letters}` is no currency")))
    }
}

pub(super) async fn an_amount_that_is_no_money_is_refused_and_leaves_nothing(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for amount in ["0.001", "79228162514264337593543950335"] {
        let mut strange = row(2, Some("order-2"), 1)?;
        strange.amount = Some(shekels(amount)?);
        let rows = vec![row(1, Some("order-1"), 1)?, strange];
        ensure_fits!(place.journal.claim_items(&run, rows, at(2)).await, Err(JournalError::Amount { .. }));
        same(place.page(&run, None, None, 9).await?, vec![])?;
    }
    // The keys are as free as before.
    let other = place.run("charges").await?;
    same(place.claim(&other, 1, "order-1", 1).await?, Claim::Taken { attempt: 1, resumed: false })
}
