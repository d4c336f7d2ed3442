//! Cases about events: what may begin one run, and never a second.

use super::place::{Broken, Place, new_run, same};
use crate::{EventBegun, JournalError, NewEvent, NewRun, RunState, TriggerKind};

fn event(id: &str, of: u8) -> NewEvent {
    NewEvent { id: id.to_owned(), hash: [of; 32] }
}

fn begun_by(trigger: TriggerKind, flow: &str) -> Result<NewRun, Broken> {
    Ok(NewRun { trigger, ..new_run(flow)? })
}

pub(super) async fn an_event_begins_one_run_for_ever(place: Place) -> Result<(), Broken> {
    let first = begun_by(TriggerKind::Webhook, "onboard")?;
    let journal = &place.journal;
    same(journal.event("onboard", TriggerKind::Webhook, "msg-1").await?, None)?;
    same(journal.start_event(first.clone(), event("msg-1", 1)).await?, EventBegun::New)?;
    let later = begun_by(TriggerKind::Webhook, "onboard")?;
    let run = first.id.clone();
    let again = journal.start_event(later.clone(), event("msg-1", 1)).await?;
    same(again, EventBegun::Again { run: run.clone() })?;
    let other = journal.start_event(later.clone(), event("msg-1", 2)).await?;
    same(other, EventBegun::Other { run: run.clone() })?;
    same(journal.event("onboard", TriggerKind::Webhook, "msg-1").await?, Some(run))?;
    same(journal.run(&later.id).await?.is_none(), true)?;
    same(journal.runs(None, 10).await?.len(), 1)
}

pub(super) async fn an_event_belongs_to_its_flow_and_trigger(place: Place) -> Result<(), Broken> {
    for flow in ["onboard", "refunds"] {
        for trigger in [TriggerKind::Call, TriggerKind::Webhook, TriggerKind::Schedule] {
            let run = begun_by(trigger, flow)?;
            same(place.journal.start_event(run.clone(), event("2026-03", 1)).await?, EventBegun::New)?;
            same(place.journal.event(flow, trigger, "2026-03").await?, Some(run.id.clone()))?;
            let found = place.journal.run(&run.id).await?.map(|run| run.trigger);
            same(found, Some(trigger))?;
        }
    }
    Ok(())
}

pub(super) async fn an_event_whose_run_cannot_begin_leaves_nothing(place: Place) -> Result<(), Broken> {
    let taken = new_run("onboard")?;
    place.journal.start_run(taken.clone()).await?;
    let begun = place.journal.start_event(taken, event("msg-1", 1)).await;
    ensure_fits!(begun, Err(JournalError::Taken(_)));
    let trigger = new_run("onboard")?.trigger;
    same(place.journal.event("onboard", trigger, "msg-1").await?, None)?;
    let long = "x".repeat(NewEvent::ID_BYTES_MAX + 1);
    let begun = place.journal.start_event(new_run("onboard")?, event(&long, 1)).await;
    ensure_fits!(begun, Err(JournalError::LongEvent { bytes: 513 }));
    let longest = event(&long[1..], 1);
    same(place.journal.start_event(new_run("onboard")?, longest).await?, EventBegun::New)
}

pub(super) async fn one_event_from_many_sides_begins_one_run(place: Place) -> Result<(), Broken> {
    let mut writes = Vec::new();
    for side in 0..16 {
        let run = begun_by(TriggerKind::Schedule, "monthly")?;
        writes.push(place.journal.start_event(run, event("2026-03-01T06:00", side / 8)));
    }
    let mut new = 0;
    for write in writes {
        new += usize::from(write.await? == EventBegun::New);
    }
    same((new, place.journal.runs(Some("monthly"), 20).await?.len()), (1, 1))
}

pub(super) async fn deliveries_wait_in_the_order_of_their_coming(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    let mut runs = Vec::new();
    for (flow, trigger) in [
        ("onboard", TriggerKind::Webhook),
        ("refunds", TriggerKind::Webhook),
        ("onboard", TriggerKind::Call),
        ("onboard", TriggerKind::Webhook),
        ("onboard", TriggerKind::Webhook),
    ] {
        let run = begun_by(trigger, flow)?;
        journal.start_event(run.clone(), event(run.id.as_str(), 1)).await?;
        runs.push(run.id);
    }
    let waiting = async |flow, after, limit| -> Result<Vec<_>, Broken> {
        let page = journal.waiting_deliveries(flow, after, limit).await?;
        Ok(page.into_iter().map(|run| run.id).collect())
    };
    same(waiting("onboard", None, 2).await?, vec![runs[0].clone(), runs[3].clone()])?;
    same(waiting("onboard", Some(&runs[3]), 2).await?, vec![runs[4].clone()])?;
    same(waiting("nothing", None, 2).await?, vec![])?;
    same(journal.waiting_flows().await?, vec![("onboard".to_owned(), 3), ("refunds".to_owned(), 1)])?;
    let unfinished: Vec<_> = journal.unfinished_runs().await?.into_iter().map(|run| run.id).collect();
    same(unfinished, vec![runs[2].clone()])?;
    place.become_state(&runs[0], RunState::Running).await?;
    same(waiting("onboard", None, 9).await?, vec![runs[3].clone(), runs[4].clone()])?;
    let unfinished: Vec<_> = journal.unfinished_runs().await?.into_iter().map(|run| run.id).collect();
    same(unfinished, vec![runs[0].clone(), runs[2].clone()])
}
