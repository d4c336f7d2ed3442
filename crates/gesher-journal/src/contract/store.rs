//! Cases about what flows keep, and about alerts.

use super::place::{Broken, Place, at, item, outcome, same, step};
use crate::{
    AlertTry, JournalError, NewAlert, StepRecord, StepState, StoreChange, StoreWrite, StoreWritten,
    StoredOutcome,
};
use gesher_core::{OutcomeStatus, RunId, StepId};
use serde_json::{Value, json};

fn step_of(id: StepId) -> StepRecord {
    StepRecord {
        id,
        operation: "store.set".to_owned(),
        who: String::new(),
        account: String::new(),
        key: None,
        attempt: None,
        request_hash: [0; 32],
        subject: None,
        amount: None,
        state: StepState::Over(OutcomeStatus::Succeeded),
        outcome: None,
        intent_at: at(1),
        outcome_at: Some(at(1)),
        flow: String::new(),
        look_up: Value::Null,
        stamp: None,
        unlocked_at: None,
        looked_up_at: None,
        looked_up: 0,
    }
}

fn said(written: &StoreWritten) -> StoredOutcome {
    let status = match written {
        StoreWritten::Written(_) | StoreWritten::Other(_) => OutcomeStatus::Succeeded,
        StoreWritten::NoNumber | StoreWritten::Full => OutcomeStatus::Rejected,
    };
    StoredOutcome { data: json!({ "said": format!("{written:?}") }).into(), ..outcome(status) }
}

fn write(flow: &str, run: &RunId, position: u32, key: &str, change: StoreChange) -> StoreWrite {
    let step = step_of(step(run, 1, position));
    StoreWrite { flow: flow.to_owned(), key: key.to_owned(), change, keys_max: 3, step, outcome: said }
}

pub(super) async fn what_a_flow_keeps_changes_with_its_step_or_not_at_all(
    place: Place,
) -> Result<(), Broken> {
    let (run, other) = (place.run("charges").await?, place.run("refunds").await?);
    let set =
        |position, key, value: Value| write("charges", &run, position, key, StoreChange::Set(Some(value)));
    same(place.journal.stored("charges", "a").await?, None)?;
    let written = place.journal.write_store(set(1, "a", json!({ "n": 1 }))).await?;
    same(written.clone(), StoreWritten::Written(Some(json!({ "n": 1 }))))?;
    same(place.journal.stored("charges", "a").await?, Some(json!({ "n": 1 })))?;
    same(place.journal.stored("refunds", "a").await?, None)?;
    let recorded = place.journal.steps_of(&item(&run, 1)).await?;
    same(recorded.len(), 1)?;
    same(recorded[0].outcome.clone(), Some(said(&written)))?;
    // The same position again is refused, and what it would have changed stays.
    let again = place.journal.write_store(set(1, "a", json!(2))).await;
    ensure_fits!(again, Err(JournalError::StepTaken(_)));
    same(place.journal.stored("charges", "a").await?, Some(json!({ "n": 1 })))?;
    place.journal.write_store(set(2, "ab", json!(null))).await?;
    place.journal.write_store(set(3, "b%", json!("ש"))).await?;
    // The fourth key of three is refused, and its step says so; what is there may still change.
    same(place.journal.write_store(set(4, "c", json!(1))).await?, StoreWritten::Full)?;
    let full = place.journal.steps_of(&item(&run, 1)).await?.pop().map(|step| step.state);
    same(full, Some(StepState::Over(OutcomeStatus::Rejected)))?;
    place.journal.write_store(set(5, "b%", json!("ת"))).await?;
    let elsewhere = write("refunds", &other, 1, "c", StoreChange::Set(Some(json!(1))));
    place.journal.write_store(elsewhere).await?;
    let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    same(place.journal.stored_keys("charges", "", 9).await?, keys(&["a", "ab", "b%"]))?;
    same(place.journal.stored_keys("charges", "a", 9).await?, keys(&["a", "ab"]))?;
    same(place.journal.stored_keys("charges", "b%", 9).await?, keys(&["b%"]))?;
    same(place.journal.stored_keys("charges", "%", 9).await?, keys(&[]))?;
    same(place.journal.stored_keys("charges", "", 2).await?, keys(&["a", "ab"]))?;
    let gone = write("charges", &run, 6, "a", StoreChange::Set(None));
    same(place.journal.write_store(gone).await?, StoreWritten::Written(None))?;
    same(place.journal.stored("charges", "a").await?, None)?;
    let place = place.opened_again().await?;
    same(place.journal.stored("charges", "b%").await?, Some(json!("ת")))
}

pub(super) async fn no_change_of_what_a_flow_keeps_is_lost_to_another(place: Place) -> Result<(), Broken> {
    let (run, beside) = (place.run("charges").await?, place.beside().await?);
    let replace = |position, expected: Option<Value>, by: Option<Value>| {
        write("charges", &run, position, "n", StoreChange::Replace { expected, by })
    };
    let written = |value: Value| StoreWritten::Written(Some(value));
    same(place.journal.write_store(replace(1, None, Some(json!(1)))).await?, written(json!(1)))?;
    let late = beside.journal.write_store(replace(2, None, Some(json!(9)))).await?;
    same(late, StoreWritten::Other(Some(json!(1))))?;
    same(beside.journal.write_store(replace(3, Some(json!(1)), Some(json!(2)))).await?, written(json!(2)))?;
    same(place.journal.stored("charges", "n").await?, Some(json!(2)))?;
    let mut writes = Vec::new();
    for position in 4..24 {
        let journal = if position % 2 == 0 { &place.journal } else { &beside.journal };
        writes.push(journal.write_store(write("charges", &run, position, "n", StoreChange::Add(1.into()))));
    }
    for write in writes {
        write.await?;
    }
    same(place.journal.stored("charges", "n").await?, Some(json!(22)))?;
    let text = write("charges", &run, 30, "t", StoreChange::Set(Some(json!("x"))));
    place.journal.write_store(text).await?;
    let add = write("charges", &run, 31, "t", StoreChange::Add(1.into()));
    same(place.journal.write_store(add).await?, StoreWritten::NoNumber)?;
    same(place.journal.stored("charges", "t").await?, Some(json!("x")))
}

pub(super) async fn an_alert_waits_until_it_is_delivered_or_given_up(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let alert = |text: &str, seconds| NewAlert {
        kind: "script".to_owned(),
        flow: Some("charges".to_owned()),
        item: Some(item(&run, 1)),
        subject: None,
        text: text.to_owned(),
        at: at(seconds),
    };
    let mut step = step_of(step(&run, 1, 1));
    step.outcome = Some(outcome(OutcomeStatus::Succeeded));
    place.journal.raise_alert(alert("one", 1), Some(step.clone())).await?;
    ensure_fits!(
        place.journal.raise_alert(alert("again", 1), Some(step)).await,
        Err(JournalError::StepTaken(_))
    );
    place
        .journal
        .raise_alert(
            NewAlert {
                kind: "refused".to_owned(),
                item: None,
                subject: Some("officeguy:1".to_owned()),
                ..alert("two", 2)
            },
            None,
        )
        .await?;
    same(place.journal.steps_of(&item(&run, 1)).await?.len(), 1)?;
    let texts =
        |all: Vec<crate::AlertRecord>| all.into_iter().map(|found| found.alert.text).collect::<Vec<_>>();
    let due = async |seconds| place.journal.alerts_due(at(seconds), 9).await.map(texts);
    same(texts(place.journal.alerts(9).await?), vec!["two".to_owned(), "one".to_owned()])?;
    same(due(1).await?, vec!["one".to_owned()])?;
    // The hub's own alarm does not wait behind what scripts say.
    same(due(2).await?, vec!["two".to_owned(), "one".to_owned()])?;
    let [two, one] =
        place.journal.alerts(2).await?.try_into().map_err(|_| Broken("two alerts".to_owned()))?;
    same(one.alert.clone(), alert("one", 1))?;
    place.journal.note_alert_try(one.no, AlertTry::Again(at(60))).await?;
    same(due(59).await?, vec!["two".to_owned()])?;
    same(due(60).await?, vec!["two".to_owned(), "one".to_owned()])?;
    place.journal.note_alert_try(one.no, AlertTry::Delivered(at(61))).await?;
    place.journal.note_alert_try(two.no, AlertTry::GivenUp).await?;
    same(due(99).await?, vec![])?;
    let place = place.opened_again().await?;
    let ends: Vec<_> =
        place.journal.alerts(9).await?.iter().map(|found| (found.tries, found.delivered_at)).collect();
    same(ends, vec![(1, None), (2, Some(at(61)))])
}
