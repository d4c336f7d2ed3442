//! Cases about steps and operation keys: what may be sent, and what never again.

use super::place::{Broken, Place, at, finish, intent, item, key, outcome, same, shekels, step};
use crate::{Begin, Intent, JournalError, KeyUse, StepQuery, StepRecord, StepState};
use gesher_core::{OutcomeStatus, RunId, StepId};

fn sent(begin: &Begin) -> Option<u32> {
    match begin {
        Begin::Send { attempt } => Some(*attempt),
        _ => None,
    }
}

/// A read, as the engine records it.
fn read(run: &RunId, position: u32) -> Result<StepRecord, Broken> {
    Ok(StepRecord {
        id: step(run, 1, position),
        operation: "officeguy.get_payment".to_owned(),
        who: "dana".to_owned(),
        account: "officeguy:2410000001".to_owned(),
        key: Some(key("order-1")?),
        attempt: None,
        request_hash: [3; 32],
        subject: None,
        amount: Some(shekels("1.50")?),
        state: StepState::Over(OutcomeStatus::Succeeded),
        outcome: Some(outcome(OutcomeStatus::Succeeded)),
        intent_at: at(4),
        outcome_at: Some(at(5)),
        flow: "charges".to_owned(),
        look_up: serde_json::Value::Null,
        stamp: None,
        unlocked_at: None,
        looked_up_at: None,
        looked_up: 0,
    })
}

/// The use of its key that an intent would make.
fn use_of(intent: &Intent) -> KeyUse {
    KeyUse {
        item: intent.step.item.clone(),
        operation: intent.operation.clone(),
        account: intent.account.clone(),
        key: intent.key.clone(),
        once: intent.once,
        request_hash: intent.request_hash,
    }
}

impl Place {
    async fn only_step(&self, run: &RunId) -> Result<StepRecord, Broken> {
        let mut steps = self.journal.steps_of(&item(run, 1)).await?;
        match (steps.pop(), steps.is_empty()) {
            (Some(step), true) => Ok(step),
            _ => Err(Broken("not exactly one step".to_owned())),
        }
    }

    async fn listed(
        &self,
        state: Option<StepState>,
        after: Option<StepId>,
        limit: usize,
    ) -> Result<Vec<StepId>, Broken> {
        let query = StepQuery { state, after, limit };
        Ok(self.journal.steps(&query).await?.into_iter().map(|step| step.id).collect())
    }
}

pub(super) async fn a_step_is_read_as_it_was_written(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let intent = intent(&run, 1, 1, "order-1")?;
    same(sent(&place.journal.begin_step(intent.clone()).await?), Some(1))?;
    let begun = place.only_step(&run).await?;
    same((&begun.id, &begun.operation, &begun.who), (&intent.step, &intent.operation, &intent.who))?;
    same((&begun.account, &begun.key, begun.attempt), (&intent.account, &Some(intent.key), Some(1)))?;
    same((begun.request_hash, &begun.subject, begun.amount), ([1; 32], &intent.subject, intent.amount))?;
    same((begun.state, begun.outcome), (StepState::InFlight, None))?;
    same((begun.intent_at, begun.outcome_at), (at(4), None))?;
    for (position, status) in (2..).zip(OutcomeStatus::ALL) {
        place.begin(&run, 2, position, &format!("order-{position}")).await?;
        place.finish(&run, 2, position, status).await?;
    }
    let steps = place.journal.steps_of(&item(&run, 2)).await?;
    same(steps.len(), OutcomeStatus::ALL.len())?;
    for (found, status) in steps.into_iter().zip(OutcomeStatus::ALL) {
        same((found.state, found.outcome), (StepState::Over(status), Some(outcome(status))))?;
        same(found.outcome_at, Some(at(5)))?;
    }
    Ok(())
}

pub(super) async fn a_key_in_flight_is_not_sent_again(place: Place) -> Result<(), Broken> {
    let (run, other) = (place.run("charges").await?, place.run("refunds").await?);
    place.begin(&run, 1, 1, "order-1").await?;
    for (run, ordinal, position) in [(&run, 1, 2), (&run, 2, 1), (&other, 1, 1)] {
        let begin = place.begin(run, ordinal, position, "order-1").await?;
        ensure_fits!(begin, Begin::InFlight(_));
    }
    Ok(())
}

pub(super) async fn a_spent_key_answers_what_is_recorded(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.begin(&run, 1, 1, "order-1").await?;
    place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await?;
    for ordinal in [1, 2] {
        let begin = place.begin(&run, ordinal, 2, "order-1").await?;
        ensure_fits!(begin, Begin::Recorded(step) if step.outcome == Some(outcome(OutcomeStatus::Succeeded)));
        let mut other = intent(&run, ordinal, 2, "order-1")?;
        other.request_hash = [2; 32];
        ensure_fits!(place.journal.begin_step(other.clone()).await?, Begin::Reused(_));
        other.once = true;
        ensure_fits!(place.journal.begin_step(other).await?, Begin::Recorded(_));
    }
    same(place.journal.steps_of(&item(&run, 2)).await?.len(), 0)
}

pub(super) async fn an_open_key_is_not_sent_again(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for (ordinal, status) in [(1, OutcomeStatus::Unknown), (2, OutcomeStatus::Conflict)] {
        let key = format!("order-{ordinal}");
        place.begin(&run, ordinal, 1, &key).await?;
        place.finish(&run, ordinal, 1, status).await?;
        for other in [ordinal, 9] {
            let mut intent = intent(&run, other, 2, &key)?;
            ensure_fits!(place.journal.key_taken(&use_of(&intent)).await?, Some(Begin::Open(_)));
            ensure_fits!(place.journal.begin_step(intent.clone()).await?, Begin::Open(_));
            intent.request_hash = [2; 32];
            intent.once = true;
            ensure_fits!(place.journal.begin_step(intent).await?, Begin::Open(_));
        }
    }
    Ok(())
}

pub(super) async fn a_free_key_is_a_new_attempt_of_another_item_only(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for status in OutcomeStatus::ALL.into_iter().filter(|status| status.leaves_key_free()) {
        let key = format!("order-{status}");
        let first = u64::from(status as u8) * 10;
        for attempt in 1..=4 {
            let ordinal = first + u64::from(attempt);
            let key_use = use_of(&intent(&run, ordinal, 1, &key)?);
            same(place.journal.key_taken(&key_use).await?.is_none(), true)?;
            same(sent(&place.begin(&run, ordinal, 1, &key).await?), Some(attempt))?;
            ensure_fits!(place.journal.key_taken(&key_use).await?, Some(Begin::InFlight(_)));
            place.finish(&run, ordinal, 1, status).await?;
            let taken = place.journal.key_taken(&key_use).await?;
            ensure_fits!(taken, Some(Begin::Recorded(step)) if step.attempt == Some(attempt));
            let own = place.begin(&run, ordinal, 2, &key).await?;
            ensure_fits!(own, Begin::Recorded(step) if step.attempt == Some(attempt));
        }
        let early = place.begin(&run, first + 1, 2, &key).await?;
        ensure_fits!(early, Begin::Recorded(step) if step.attempt == Some(1));
        same(sent(&place.begin(&run, first + 9, 1, &key).await?), Some(5))?;
    }
    Ok(())
}

pub(super) async fn operation_keys_belong_to_account_and_operation(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.begin(&run, 1, 1, "order-1").await?;
    let mut account = intent(&run, 2, 1, "order-1")?;
    account.account = "officeguy:77".to_owned();
    same(sent(&place.journal.begin_step(account).await?), Some(1))?;
    let mut operation = intent(&run, 3, 1, "order-1")?;
    operation.operation = "officeguy.refund".to_owned();
    same(sent(&place.journal.begin_step(operation).await?), Some(1))?;
    same(sent(&place.begin(&run, 4, 1, "order-2").await?), Some(1))
}

pub(super) async fn only_a_step_in_flight_can_be_finished(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let never = place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await;
    ensure_fits!(&never, Err(JournalError::NotInFlight(id)) if *id == step(&run, 1, 1));
    for (ordinal, status) in (1..).zip(OutcomeStatus::ALL) {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
        place.finish(&run, ordinal, 1, status).await?;
        for late in OutcomeStatus::ALL {
            ensure_fits!(place.finish(&run, ordinal, 1, late).await, Err(JournalError::NotInFlight(_)));
        }
        let steps = place.journal.steps_of(&item(&run, ordinal)).await?;
        same(steps.first().map(|step| step.state), Some(StepState::Over(status)))?;
    }
    Ok(())
}

pub(super) async fn a_position_holds_one_step(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.begin(&run, 1, 1, "order-1").await?;
    let again = place.journal.begin_step(intent(&run, 1, 1, "order-2")?).await;
    ensure_fits!(&again, Err(JournalError::StepTaken(id)) if *id == step(&run, 1, 1));
    ensure_fits!(place.journal.record_step(read(&run, 1)?).await, Err(JournalError::StepTaken(_)));
    // The key of the refused one is as free as before.
    same(sent(&place.begin(&run, 1, 2, "order-2").await?), Some(1))
}

pub(super) async fn a_step_without_an_effect_is_recorded_and_is_no_attempt(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let wanted = read(&run, 1)?;
    place.journal.record_step(wanted.clone()).await?;
    let found = place.only_step(&run).await?;
    same((&found.id, &found.operation, &found.account), (&wanted.id, &wanted.operation, &wanted.account))?;
    same((&found.key, found.attempt, found.amount), (&wanted.key, None, wanted.amount))?;
    same((found.state, &found.outcome), (wanted.state, &wanted.outcome))?;
    same((found.intent_at, found.outcome_at), (wanted.intent_at, wanted.outcome_at))?;
    // A call that was refused before its intent leaves its key as it was, for this item too.
    let mut refused = read(&run, 2)?;
    refused.operation = "officeguy.charge".to_owned();
    refused.state = StepState::Over(OutcomeStatus::Rejected);
    refused.outcome = Some(outcome(OutcomeStatus::Rejected));
    place.journal.record_step(refused).await?;
    same(sent(&place.begin(&run, 1, 3, "order-1").await?), Some(1))?;
    let mut without = read(&run, 4)?;
    (without.outcome, without.outcome_at, without.key) = (None, None, None);
    place.journal.record_step(without).await?;
    let last = place.journal.steps_of(&item(&run, 1)).await?.pop();
    same(last.map(|step| (step.outcome, step.outcome_at)), Some((None, None)))?;
    let mut begun = read(&run, 5)?;
    begun.state = StepState::InFlight;
    ensure_fits!(place.journal.record_step(begun).await, Err(JournalError::NotOver(_)));
    Ok(())
}

pub(super) async fn what_a_dead_process_sent_becomes_unknown(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    for ordinal in 1..=3 {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
    }
    place.finish(&run, 2, 1, OutcomeStatus::Declined).await?;
    let place = place.opened_again().await?;
    let settled = place.journal.settle_in_flight(at(8)).await?;
    same(settled, vec![step(&run, 1, 1), step(&run, 3, 1)])?;
    same(place.journal.settle_in_flight(at(9)).await?, vec![])?;
    for step in place.journal.steps_of(&item(&run, 3)).await? {
        same((step.state, step.outcome_at), (StepState::Over(OutcomeStatus::Unknown), Some(at(8))))?;
        let outcome = step.outcome.ok_or_else(|| Broken("no outcome".to_owned()))?;
        same(outcome.code.as_deref(), Some("interrupted"))?;
        ensure!(!outcome.message.he.is_empty() && !outcome.message.en.is_empty(), "{:?}", outcome.message);
    }
    ensure_fits!(place.begin(&run, 9, 1, "order-1").await?, Begin::Open(_));
    let late = place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await;
    ensure_fits!(late, Err(JournalError::NotInFlight(_)));
    same(place.journal.steps_of(&item(&run, 2)).await?.pop().map(|step| step.outcome_at), Some(Some(at(5))))
}

pub(super) async fn steps_come_in_the_order_of_their_intents(place: Place) -> Result<(), Broken> {
    let (first, second) = (place.run("charges").await?, place.run("charges").await?);
    // Against the order of runs and items.
    let order = [step(&second, 3, 1), step(&first, 2, 1), step(&second, 1, 1), step(&first, 1, 1)];
    for (number, id) in order.iter().enumerate() {
        place.begin(&id.item.run, id.item.ordinal, id.position, &format!("order-{number}")).await?;
        place.journal.record_step(read(&first, 10 + u32::try_from(number).unwrap_or(0))?).await?;
    }
    let [a, b, c, d] = order;
    same(place.listed(None, None, 9).await?, vec![a.clone(), b.clone(), c.clone(), d.clone()])?;
    same(place.listed(None, Some(a.clone()), 2).await?, vec![b.clone(), c.clone()])?;
    same(place.listed(None, Some(d.clone()), 2).await?, vec![])?;
    for (id, status) in
        [(&a, OutcomeStatus::Unknown), (&c, OutcomeStatus::Succeeded), (&d, OutcomeStatus::Unknown)]
    {
        place.journal.finish_step(&finish(id.clone(), status)).await?;
    }
    let unknown = Some(StepState::Over(OutcomeStatus::Unknown));
    same(place.listed(unknown, None, 9).await?, vec![a.clone(), d.clone()])?;
    same(place.listed(unknown, Some(a), 9).await?, vec![d])?;
    same(place.listed(Some(StepState::InFlight), None, 9).await?, vec![b])?;
    same(place.listed(Some(StepState::Over(OutcomeStatus::Succeeded)), None, 9).await?, vec![c])?;
    same(place.listed(Some(StepState::Over(OutcomeStatus::Declined)), None, 9).await?, vec![])
}

pub(super) async fn one_key_begun_from_many_sides_is_sent_once(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    let run = place.run("charges").await?;
    let mut begun = Vec::new();
    for ordinal in 1..=64 {
        let journal = if ordinal % 2 == 0 { &place.journal } else { &beside.journal };
        begun.push(journal.begin_step(intent(&run, ordinal, 1, "order-1")?));
    }
    let mut won = 0;
    for begin in begun {
        match begin.await? {
            Begin::Send { attempt: 1 } => won += 1,
            Begin::InFlight(_) => {}
            other => return Err(Broken(format!("{other:?}"))),
        }
    }
    same(won, 1)
}
