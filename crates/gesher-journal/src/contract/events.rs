//! Cases about events: what may begin one run, and never a second.

use super::place::{Broken, Place, new_run, same};
use crate::{EventBegun, JournalError, NewEvent, NewRun, TriggerKind};

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
