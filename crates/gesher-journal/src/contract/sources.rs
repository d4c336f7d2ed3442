//! Cases about event sources: what a look found begins once, and the cursor never runs ahead of it.

use super::place::{Broken, Place, at, new_run, same};
use crate::{EventBegun, JournalError, NewEvent, NewRun, ScriptBundle, SourceLook, TriggerKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn found(id: &str, of: u8) -> Result<(NewRun, NewEvent), Broken> {
    let run = NewRun { trigger: TriggerKind::Source, ..new_run("transfers")? };
    Ok((run, NewEvent { id: id.to_owned(), hash: [of; 32] }))
}

fn look(cursor: Value, events: Vec<(NewRun, NewEvent)>) -> SourceLook {
    let (flow, source) = ("transfers".to_owned(), "bank.transfers".to_owned());
    SourceLook { flow, source, cursor, events, at: at(1) }
}

pub(super) async fn what_a_look_found_begins_once_and_its_cursor_is_kept(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    same(journal.source_cursor("transfers", "bank.transfers").await?, None)?;
    let events = vec![found("1", 1)?, found("2", 2)?];
    let runs: Vec<_> = events.iter().map(|(run, _)| run.id.clone()).collect();
    let begun = journal.keep_look(look(json!({ "after": 2 }), events)).await?;
    same(begun, vec![EventBegun::New, EventBegun::New])?;
    same(journal.event("transfers", TriggerKind::Source, "2").await?, Some(runs[1].clone()))?;
    // The same again, as after a crash; something else under a known id; and one that is new.
    let events = vec![found("2", 2)?, found("1", 9)?, found("3", 3)?, found("3", 3)?];
    let third = events[2].0.id.clone();
    let begun = journal.keep_look(look(json!([3]), events)).await?;
    let want = vec![
        EventBegun::Again { run: runs[1].clone() },
        EventBegun::Other { run: runs[0].clone() },
        EventBegun::New,
        EventBegun::Again { run: third },
    ];
    same(begun, want)?;
    same(journal.runs(Some("transfers"), 10).await?.len(), 3)?;
    same(journal.source_cursor("transfers", "bank.other").await?, None)?;
    same(journal.source_cursor("other", "bank.transfers").await?, None)?;
    same(journal.keep_look(look(json!(null), vec![])).await?, vec![])?;
    let again = place.opened_again().await?;
    same(again.journal.source_cursor("transfers", "bank.transfers").await?, Some(Value::Null))
}

pub(super) async fn the_script_of_a_look_is_kept_whichever_of_its_events_is_new(
    place: Place,
) -> Result<(), Broken> {
    let journal = &place.journal;
    journal.keep_look(look(json!(1), vec![found("1", 1)?])).await?;
    let files = BTreeMap::from([("transfers.rhai".to_owned(), "fn on_event(event) {}".to_owned())]);
    let script = ScriptBundle { hash: "7e".repeat(32), main: "transfers.rhai".to_owned(), files };
    let of = |found: (NewRun, NewEvent), script: ScriptBundle| (NewRun { script, ..found.0 }, found.1);
    // The event that is known brings the script, and the new one its hash alone.
    let events = vec![
        of(found("1", 1)?, script.clone()),
        of(found("2", 2)?, ScriptBundle::of_hash(script.hash.clone())),
    ];
    let begun = journal.keep_look(look(json!(2), events)).await?;
    ensure_fits!(begun.as_slice(), [EventBegun::Again { .. }, EventBegun::New]);
    same(journal.script(&script.hash).await?, Some(script))
}

pub(super) async fn a_look_that_cannot_begin_whole_leaves_nothing(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    journal.keep_look(look(json!(1), vec![found("1", 1)?])).await?;
    let taken = (journal.runs(None, 1).await?[0].id.clone(), found("3", 3)?);
    let taken = (NewRun { id: taken.0, ..taken.1.0 }, taken.1.1);
    let refused = journal.keep_look(look(json!(2), vec![found("2", 2)?, taken])).await;
    ensure_fits!(refused, Err(JournalError::Taken(_)));
    let long = found(&"x".repeat(NewEvent::ID_BYTES_MAX + 1), 1)?;
    let refused = journal.keep_look(look(json!(2), vec![found("2", 2)?, long])).await;
    ensure_fits!(refused, Err(JournalError::LongEvent { .. }));
    same(journal.event("transfers", TriggerKind::Source, "2").await?, None)?;
    same(journal.runs(None, 10).await?.len(), 1)?;
    same(journal.source_cursor("transfers", "bank.transfers").await?, Some(json!(1)))
}

pub(super) async fn events_wait_beside_deliveries(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    let first = found("1", 1)?;
    let delivery = NewRun { trigger: TriggerKind::Webhook, ..new_run("transfers")? };
    let last = found("2", 2)?;
    let want = vec![first.0.id.clone(), delivery.id.clone(), last.0.id.clone()];
    journal.keep_look(look(json!(1), vec![first])).await?;
    journal.start_event(delivery, NewEvent { id: "1".to_owned(), hash: [7; 32] }).await?;
    journal.keep_look(look(json!(2), vec![last])).await?;
    let waiting = journal.waiting_deliveries("transfers", None, 9).await?;
    same(waiting.into_iter().map(|run| run.id).collect::<Vec<_>>(), want)?;
    same(journal.waiting_flows().await?, vec![("transfers".to_owned(), 3)])?;
    same((journal.waiting_of("transfers").await?, journal.waiting_of("other").await?), (3, 0))?;
    same(journal.unfinished_runs().await?.len(), 0)
}
