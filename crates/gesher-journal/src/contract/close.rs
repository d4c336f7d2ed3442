//! Cases about open steps: how they lock their subject, and how they are closed, unlocked and looked for.

use super::place::{Broken, Place, at, finish, intent, item, outcome, same, step};
use crate::{
    Begin, Claim, FileIdentity, Intent, ItemQuery, ItemRecord, ItemSeen, ItemState, JournalError, RunState,
    StepClose, StepRecord, StepState, StoredOutcome, SubjectUse,
};
use gesher_core::{ItemEnd, ItemStatus, OutcomeStatus, RunId, StepId};
use serde_json::json;

/// What a step is closed with: a reference of its own.
fn closed_as(step: &StepId, status: OutcomeStatus) -> StoredOutcome {
    StoredOutcome { reference: Some(format!("payment of {step}")), ..outcome(status) }
}

/// How a step is closed with its item, which nobody has seen yet.
fn close(step: StepId, status: OutcomeStatus, end: Option<ItemStatus>) -> StepClose {
    StepClose {
        outcome: closed_as(&step, status),
        step,
        seen: None,
        end: end.map(|status| ItemEnd::new(status, "resolved", "by hand")),
        sealed: Vec::new(),
        vendor: None,
        evidence: json!({ "payment": 9001 }),
        actor: "dana".to_owned(),
        reason: "seen in the list of payments".to_owned(),
        at: at(60),
    }
}

/// An intent on a subject that others share.
fn shared(run: &RunId, ordinal: u64, key: &str) -> Result<Intent, Broken> {
    let mut intent = intent(run, ordinal, 1, key)?;
    intent.subject = Some("customer 17".to_owned());
    Ok(intent)
}

impl Place {
    /// A row with one step that ended so, and the end that belongs to it.
    async fn worked(
        &self,
        run: &RunId,
        ordinal: u64,
        step: OutcomeStatus,
        end: ItemStatus,
    ) -> Result<StepId, Broken> {
        let key = format!("order-{ordinal}");
        self.claim(run, ordinal, &key, 1).await?;
        self.begin(run, ordinal, 1, &key).await?;
        self.finish(run, ordinal, 1, step).await?;
        self.end(run, ordinal, end).await?;
        Ok(super::place::step(run, ordinal, 1))
    }

    /// Closes a step with its item as it is now.
    async fn close(&self, close: StepClose) -> Result<(), Broken> {
        let item = &close.step.item;
        let after = item.ordinal.checked_sub(1);
        let query = ItemQuery { run: item.run.clone(), status: None, after, limit: 1 };
        let items = self.journal.items(&query).await?;
        let seen = items.iter().find(|found| found.id == *item).map(ItemRecord::seen);
        Ok(self.journal.close_step(StepClose { seen, ..close }).await?)
    }

    async fn one_step(&self, id: &StepId) -> Result<StepRecord, Broken> {
        self.journal.step(id).await?.ok_or_else(|| Broken(format!("{id} is gone")))
    }

    async fn item_end(&self, run: &RunId, ordinal: u64) -> Result<Option<ItemEnd>, Broken> {
        let after = ordinal.checked_sub(1);
        let query = ItemQuery { run: run.clone(), status: None, after, limit: 1 };
        Ok(self.journal.items(&query).await?.pop().and_then(|item| item.end))
    }
}

pub(super) async fn an_open_step_is_closed_once_and_its_row_follows(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let ends = [
        (OutcomeStatus::Succeeded, ItemStatus::Succeeded),
        (OutcomeStatus::Declined, ItemStatus::Declined),
        (OutcomeStatus::NotSent, ItemStatus::NotSent),
    ];
    for (ordinal, (status, end)) in (1..).zip(ends) {
        let id = place.worked(&run, ordinal, OutcomeStatus::Unknown, ItemStatus::Unknown).await?;
        place.close(close(id.clone(), status, Some(end))).await?;
        let found = place.one_step(&id).await?;
        same((found.state, found.outcome), (StepState::Over(status), Some(closed_as(&id, status))))?;
        same(found.outcome_at, Some(at(60)))?;
        same(
            place.item_end(&run, ordinal).await?.map(|end| (end.status, end.code)),
            Some((end, Some("resolved".to_owned()))),
        )?;
        let again = place.journal.close_step(close(id.clone(), OutcomeStatus::Succeeded, None)).await;
        ensure_fits!(&again, Err(JournalError::NotOpen(found)) if *found == id);
        // The row's key and the operation's are spent or free as the new outcome says.
        let later = place.run("charges").await?;
        let key = format!("order-{ordinal}");
        let (claim, begin) = (place.claim(&later, 1, &key, 1).await?, place.begin(&later, 1, 1, &key).await?);
        if end == ItemStatus::Succeeded {
            ensure_fits!(claim, Claim::Held(_));
            ensure_fits!(begin, Begin::Recorded(_));
        } else {
            ensure_fits!(claim, Claim::Taken { attempt: 2, resumed: false });
            ensure_fits!(begin, Begin::Send { attempt: 2 });
        }
    }
    Ok(())
}

pub(super) async fn only_what_is_open_can_be_closed_unlocked_or_looked_for(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.begin(&run, 90, 1, "order-90").await?;
    let mut closed = vec![step(&run, 90, 1), step(&run, 91, 1)];
    for (ordinal, status) in (1..).zip(OutcomeStatus::ALL) {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
        place.finish(&run, ordinal, 1, status).await?;
        let id = step(&run, ordinal, 1);
        if status.is_open() {
            place.journal.unlock_step(&id, "dana", "known customer", at(6)).await?;
            place.journal.note_look_up(&id, at(6)).await?;
        } else {
            closed.push(id);
        }
    }
    for id in closed {
        let close = place.journal.close_step(close(id.clone(), OutcomeStatus::Declined, None)).await;
        ensure_fits!(close, Err(JournalError::NotOpen(_)));
        ensure_fits!(place.journal.unlock_step(&id, "d", "r", at(6)).await, Err(JournalError::NotOpen(_)));
        ensure_fits!(place.journal.note_look_up(&id, at(6)).await, Err(JournalError::NotOpen(_)));
    }
    Ok(())
}

pub(super) async fn an_unknown_step_may_become_a_conflict_and_no_other_way_back(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let id = place.worked(&run, 1, OutcomeStatus::Unknown, ItemStatus::Unknown).await?;
    let to = |status| close(id.clone(), status, None);
    ensure_fits!(place.journal.close_step(to(OutcomeStatus::Unknown)).await, Err(JournalError::NotOver(_)));
    place.close(to(OutcomeStatus::Conflict)).await?;
    same(place.one_step(&id).await?.state, StepState::Over(OutcomeStatus::Conflict))?;
    ensure_fits!(place.journal.close_step(to(OutcomeStatus::Conflict)).await, Err(JournalError::NotOpen(_)));
    ensure_fits!(place.journal.close_step(to(OutcomeStatus::Unknown)).await, Err(JournalError::NotOver(_)));
    ensure_fits!(place.begin(&run, 2, 1, "order-1").await?, Begin::Open(_));
    place.close(to(OutcomeStatus::Succeeded)).await?;
    same(place.one_step(&id).await?.state, StepState::Over(OutcomeStatus::Succeeded))?;
    // The item's end was not named, so it stays.
    same(place.item_end(&run, 1).await?.map(|end| end.status), Some(ItemStatus::Unknown))
}

pub(super) async fn an_item_at_work_hears_of_a_closed_step_when_it_goes_on(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.claim(&run, 1, "order-1", 1).await?;
    place.begin(&run, 1, 1, "order-1").await?;
    place.finish(&run, 1, 1, OutcomeStatus::Unknown).await?;
    let end = Some(ItemStatus::Succeeded);
    place.close(close(step(&run, 1, 1), OutcomeStatus::Succeeded, end)).await?;
    same(place.item_end(&run, 1).await?, None)?;
    same(place.claim(&run, 1, "order-1", 1).await?, Claim::Taken { attempt: 1, resumed: true })
}

pub(super) async fn reports_are_stale_until_they_show_every_closing(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.journal.identify_file(&run, [7; 32], at(1)).await?;
    let first = place.worked(&run, 1, OutcomeStatus::Unknown, ItemStatus::Unknown).await?;
    let second = place.worked(&run, 2, OutcomeStatus::Conflict, ItemStatus::Unknown).await?;
    let stale = async || -> Result<Vec<(RunId, u64)>, Broken> {
        let runs = place.journal.stale_reports().await?;
        Ok(runs.into_iter().map(|run| (run.id, run.closings)).collect())
    };
    place.close(close(first, OutcomeStatus::Succeeded, Some(ItemStatus::Succeeded))).await?;
    // The run's own reports come first.
    same(stale().await?, vec![])?;
    place.become_state(&run, RunState::Reporting).await?;
    place.become_state(&run, RunState::Finished).await?;
    same(stale().await?, vec![(run.clone(), 1)])?;
    place.close(close(second, OutcomeStatus::NotSent, Some(ItemStatus::NotSent))).await?;
    place.journal.reports_written(&run, 1, at(70)).await?;
    same(stale().await?, vec![(run.clone(), 2)])?;
    place.journal.reports_written(&run, 2, at(71)).await?;
    place.journal.reports_written(&run, 1, at(72)).await?;
    same(stale().await?, vec![])?;
    // A row that turned out not to be charged makes its file welcome again.
    let again = super::place::new_run("charges")?;
    place.journal.start_run(again.clone()).await?;
    same(place.journal.identify_file(&again.id, [7; 32], at(80)).await?, FileIdentity::Again { run })
}

pub(super) async fn a_subject_is_locked_for_other_keys_while_a_step_of_it_is_open(
    place: Place,
) -> Result<(), Broken> {
    for (number, status) in (0..).zip(OutcomeStatus::ALL) {
        let run = place.run("charges").await?;
        let subject = Some(format!("subject {number}"));
        let of = |ordinal, key: String| -> Result<Intent, Broken> {
            let mut intent = intent(&run, ordinal, 1, &key)?;
            intent.subject.clone_from(&subject);
            Ok(intent)
        };
        ensure_fits!(place.journal.begin_step(of(1, format!("a-{number}"))?).await?, Begin::Send { .. });
        // While it is in flight nobody knows of any trouble.
        ensure_fits!(place.journal.begin_step(of(2, format!("b-{number}"))?).await?, Begin::Send { .. });
        place.finish(&run, 1, 1, status).await?;
        let next = place.journal.begin_step(of(3, format!("c-{number}"))?).await?;
        if !status.is_open() {
            ensure_fits!(next, Begin::Send { .. });
            continue;
        }
        ensure_fits!(&next, Begin::Locked(step) if step.id == super::place::step(&run, 1, 1));
        let mut elsewhere = of(4, format!("d-{number}"))?;
        elsewhere.account = "officeguy:77".to_owned();
        ensure_fits!(place.journal.begin_step(elsewhere).await?, Begin::Send { .. });
        let mut other = of(5, format!("e-{number}"))?;
        other.operation = "officeguy.refund".to_owned();
        ensure_fits!(place.journal.begin_step(other).await?, Begin::Send { .. });
        let mut nobody = of(6, format!("f-{number}"))?;
        nobody.subject = None;
        ensure_fits!(place.journal.begin_step(nobody).await?, Begin::Send { .. });
        // Its own key says more.
        ensure_fits!(place.journal.begin_step(of(7, format!("a-{number}"))?).await?, Begin::Open(_));
    }
    Ok(())
}

fn subject_use(intent: &Intent) -> Result<SubjectUse, Broken> {
    let Intent { account, operation, subject, key, .. } = intent.clone();
    let subject = subject.ok_or_else(|| Broken("an intent without a subject".to_owned()))?;
    Ok(SubjectUse { account, operation, subject, key })
}

pub(super) async fn a_lock_ends_with_its_step_or_when_a_person_says_so(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let beside = place.beside().await?;
    for (ordinal, key) in [(1, "a"), (2, "b")] {
        place.journal.begin_step(shared(&run, ordinal, key)?).await?;
    }
    for ordinal in [1, 2] {
        place.finish(&run, ordinal, 1, OutcomeStatus::Unknown).await?;
    }
    let first = step(&run, 1, 1);
    ensure_fits!(place.journal.begin_step(shared(&run, 3, "c")?).await?, Begin::Locked(by) if by.id == first);
    for (key, locked_by) in [("c", &first), ("a", &step(&run, 2, 1))] {
        let locks = place.journal.locked_by(&subject_use(&shared(&run, 3, key)?)?).await?;
        same(locks.map(|by| by.id).as_ref(), Some(locked_by))?;
    }
    // Written beside the hub, as a person's command does.
    beside.journal.unlock_step(&first, "dana", "known customer", at(9)).await?;
    same(place.one_step(&first).await?.unlocked_at, Some(at(9)))?;
    let second = step(&run, 2, 1);
    ensure_fits!(place.journal.begin_step(shared(&run, 3, "c")?).await?, Begin::Locked(by) if by.id == second);
    beside.journal.close_step(close(second, OutcomeStatus::Declined, None)).await?;
    ensure_fits!(place.journal.begin_step(shared(&run, 3, "c")?).await?, Begin::Send { attempt: 1 });
    // Unlocked is not closed: its own key stays held.
    ensure_fits!(place.journal.begin_step(shared(&run, 4, "a")?).await?, Begin::Open(_));
    Ok(())
}

pub(super) async fn open_steps_come_in_the_order_of_their_intents_with_what_a_look_up_needs(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let all =
        [OutcomeStatus::Unknown, OutcomeStatus::Succeeded, OutcomeStatus::Conflict, OutcomeStatus::Unknown];
    for (ordinal, status) in (1..).zip(all) {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
        place.finish(&run, ordinal, 1, status).await?;
    }
    place.begin(&run, 9, 1, "order-9").await?;
    let ids = async |after: Option<&StepId>, limit| -> Result<Vec<u64>, Broken> {
        let steps = place.journal.open_steps(after, limit).await?;
        Ok(steps.into_iter().map(|step| step.id.item.ordinal).collect())
    };
    same(ids(None, 9).await?, vec![1, 3, 4])?;
    same(ids(None, 2).await?, vec![1, 3])?;
    same(ids(Some(&step(&run, 3, 1)), 9).await?, vec![4])?;
    let id = step(&run, 1, 1);
    let found = place.one_step(&id).await?;
    same(
        (found.flow.as_str(), found.look_up, found.stamp),
        ("charges", json!({ "customer": 17 }), Some("k7-12".to_owned())),
    )?;
    same((found.looked_up, found.looked_up_at), (0, None))?;
    place.journal.note_look_up(&id, at(30)).await?;
    place.journal.note_look_up(&id, at(150)).await?;
    let found = place.one_step(&id).await?;
    same((found.looked_up, found.looked_up_at), (2, Some(at(150))))?;
    same(place.journal.step(&step(&run, 77, 1)).await?.is_none(), true)
}

pub(super) async fn a_reference_belongs_to_one_step(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let of = |reference: Option<&str>, document: Option<&str>| StoredOutcome {
        reference: reference.map(str::to_owned),
        document: document.map(str::to_owned),
        ..outcome(OutcomeStatus::Succeeded)
    };
    let several = of(Some("51,61"), None);
    let outcomes = [of(Some("1"), Some("91")), of(Some("2"), None), of(None, Some("93")), several];
    for (ordinal, outcome) in (1..).zip(outcomes) {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
        let mut finish = finish(step(&run, ordinal, 1), OutcomeStatus::Succeeded);
        finish.outcome = outcome;
        place.journal.finish_step(&finish).await?;
    }
    place.begin(&run, 8, 1, "order-8").await?;
    let wanted: Vec<String> = ["93", "2", "4", "1", "91"].map(str::to_owned).to_vec();
    let taken =
        async |account: &str, except: &StepId| place.journal.references_taken(account, &wanted, except).await;
    let (open, first) = (step(&run, 8, 1), step(&run, 1, 1));
    same(taken("officeguy:2410000001", &open).await?, ["93", "2", "1", "91"].map(str::to_owned).to_vec())?;
    same(taken("officeguy:2410000001", &first).await?, ["93", "2"].map(str::to_owned).to_vec())?;
    same(taken("officeguy:77", &open).await?, vec![])?;
    // Of several each is taken, in the books of the others too; a part of one is none.
    let parts = ["51", "61", "5", "1,6"].map(str::to_owned);
    let taken = place.journal.references_taken("officeguy:77", &parts, &open).await?;
    same(taken, ["51", "61"].map(str::to_owned).to_vec())
}

pub(super) async fn steps_near_are_the_open_ones_of_the_account_whatever_they_did(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let of = |ordinal: u64, seconds: i64| -> Result<Intent, Broken> {
        Ok(Intent { at: at(seconds), ..intent(&run, ordinal, 1, &format!("order-{ordinal}"))? })
    };
    let other = Intent { operation: "officeguy.charge_saved_method".to_owned(), ..of(2, 90)? };
    let elsewhere = Intent { account: "officeguy:77".to_owned(), ..of(7, 100)? };
    let intents =
        [of(1, 100)?, other, of(3, 110)?, of(4, 120)?, of(5, 89)?, of(6, 121)?, elsewhere, of(8, 100)?];
    for intent in intents {
        ensure_fits!(place.journal.begin_step(intent).await?, Begin::Send { .. });
    }
    for (ordinal, status) in [
        (1, OutcomeStatus::Unknown),
        (3, OutcomeStatus::Unknown),
        (4, OutcomeStatus::Conflict),
        (5, OutcomeStatus::Unknown),
        (8, OutcomeStatus::Succeeded),
    ] {
        place.finish(&run, ordinal, 1, status).await?;
    }
    let near = async |ordinal: u64| -> Result<Vec<u64>, Broken> {
        let near = place.journal.open_steps_near(&step(&run, ordinal, 1), at(90), at(120)).await?;
        Ok(near.into_iter().map(|step| step.id.item.ordinal).collect())
    };
    same(near(1).await?, vec![2, 3, 4])?;
    same(near(5).await?, vec![1, 2, 3, 4])?;
    same(near(7).await?, vec![])?;
    same(near(77).await?, vec![])
}

pub(super) async fn a_step_is_closed_only_with_its_item_as_it_was_seen(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.claim(&run, 1, "order-1", 1).await?;
    place.begin(&run, 1, 1, "order-1").await?;
    place.finish(&run, 1, 1, OutcomeStatus::Unknown).await?;
    let id = step(&run, 1, 1);
    let decided = close(id.clone(), OutcomeStatus::Succeeded, None);
    let queued = ItemSeen { state: ItemState::Queued, at: at(2) };
    place.end(&run, 1, ItemStatus::Unknown).await?;
    let ended = ItemSeen { state: ItemState::Ended(ItemStatus::Unknown), at: at(3) };
    for seen in [None, Some(queued), Some(ItemSeen { at: at(4), ..ended })] {
        let refused = place.journal.close_step(StepClose { seen, ..decided.clone() }).await;
        ensure_fits!(&refused, Err(JournalError::ItemChanged(changed)) if *changed == item(&run, 1));
    }
    same(place.one_step(&id).await?.state, StepState::Over(OutcomeStatus::Unknown))?;
    place.journal.close_step(StepClose { seen: Some(ended), ..decided }).await?;
    same(place.one_step(&id).await?.state, StepState::Over(OutcomeStatus::Succeeded))
}

pub(super) async fn an_item_whose_step_was_closed_meanwhile_is_not_unknown(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for (ordinal, key) in (1..).zip(["closed", "open", "diverged"]) {
        place.claim(&run, ordinal, key, 1).await?;
        place.begin(&run, ordinal, 1, key).await?;
        place.finish(&run, ordinal, 1, OutcomeStatus::Unknown).await?;
    }
    place.become_state(&run, RunState::Halted).await?;
    for ordinal in [1, 3] {
        place.close(close(step(&run, ordinal, 1), OutcomeStatus::Succeeded, None)).await?;
    }
    // The items at work end only now, with what they heard before.
    place.end(&run, 1, ItemStatus::Unknown).await?;
    place.end(&run, 2, ItemStatus::Unknown).await?;
    let diverged = ItemEnd::new(ItemStatus::Unknown, "diverged", "message");
    place.journal.finish_item(&item(&run, 3), diverged, at(61)).await?;
    let mut ends = Vec::new();
    for ordinal in 1..=3 {
        ends.push(place.item_end(&run, ordinal).await?.map(|end| end.status));
    }
    same(ends, vec![None, Some(ItemStatus::Unknown), Some(ItemStatus::Unknown)])?;
    same(place.claim(&run, 1, "closed", 1).await?, Claim::Taken { attempt: 1, resumed: true })
}

pub(super) async fn one_reference_closes_one_step(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let mut ids = Vec::new();
    for ordinal in 1..=3 {
        ids.push(place.worked(&run, ordinal, OutcomeStatus::Unknown, ItemStatus::Unknown).await?);
    }
    let beside = place.beside().await?;
    let with = |id: &StepId, status| {
        let outcome = StoredOutcome { reference: Some("77".to_owned()), ..outcome(status) };
        StepClose { outcome, ..close(id.clone(), status, None) }
    };
    let seen = Some(ItemSeen { state: ItemState::Ended(ItemStatus::Unknown), at: at(3) });
    place.close(with(&ids[0], OutcomeStatus::Succeeded)).await?;
    let second = StepClose { seen, ..with(&ids[1], OutcomeStatus::Succeeded) };
    for journal in [&place.journal, &beside.journal] {
        let refused = journal.close_step(second.clone()).await;
        ensure_fits!(
            &refused,
            Err(JournalError::ReferenceTaken { step, reference }) if *step == ids[1] && reference == "77"
        );
    }
    same(place.one_step(&ids[1]).await?.state, StepState::Over(OutcomeStatus::Unknown))?;
    // What did not succeed claims nothing.
    place.close(with(&ids[2], OutcomeStatus::Conflict)).await?;
    let own = StoredOutcome { reference: Some("78".to_owned()), ..outcome(OutcomeStatus::Succeeded) };
    beside.close(StepClose { outcome: own, ..second }).await
}
