//! Cases about runs.

use super::place::{Broken, Place, at, finish, intent, item, new_run, row, same, step};
use crate::{JournalError, NewHold, NewRun, RunChange, RunState, ScriptBundle};
use gesher_core::{ItemEnd, ItemStatus, OutcomeStatus};

pub(super) async fn a_run_id_is_taken_once(place: Place) -> Result<(), Broken> {
    let run = new_run("charges")?;
    place.journal.start_run(run.clone()).await?;
    let again = place.journal.start_run(run.clone()).await;
    ensure_fits!(&again, Err(JournalError::Taken(id)) if *id == run.id);
    Ok(())
}

pub(super) async fn a_run_is_read_as_it_was_written(place: Place) -> Result<(), Broken> {
    let run = new_run("charges")?;
    place.journal.start_run(run.clone()).await?;
    place.journal.identify_file(&run.id, [7; 32], at(1)).await?;
    let source = serde_json::json!({ "moved": true });
    let message = Some("הקובץ נבדק".to_owned());
    let change = RunChange {
        state: Some(RunState::Running),
        message,
        source: Some(source),
        rows: Some(3),
        ..RunChange::default()
    };
    place.journal.change_run(&run.id, change.clone(), at(1)).await?;
    let found = place.journal.run(&run.id).await?.ok_or_else(|| Broken("the run is gone".to_owned()))?;
    same((&found.id, &found.flow, found.trigger), (&run.id, &run.flow, run.trigger))?;
    same((&found.name, &found.script, found.sha256), (&run.name, &run.script.hash, Some([7; 32])))?;
    same((found.state, found.message, found.rows), (RunState::Running, change.message, Some(3)))?;
    same((Some(found.source), found.started_at, found.ended_at), (change.source, run.at, None))?;
    same(place.journal.run(&new_run("charges")?.id).await?.is_none(), true)
}

/// How a new run gets into each state.
fn way_to(state: RunState) -> &'static [RunState] {
    use RunState::{Cancelled, Claimed, Duplicate, Finished, Halted, Held, Refused, Reporting, Running};
    match state {
        Claimed => &[],
        Held => &[Held],
        Running => &[Running],
        Halted => &[Running, Halted],
        Reporting => &[Running, Reporting],
        Finished => &[Running, Reporting, Finished],
        Refused => &[Refused],
        Duplicate => &[Duplicate],
        Cancelled => &[Cancelled],
    }
}

pub(super) async fn a_run_goes_only_where_its_state_allows(place: Place) -> Result<(), Broken> {
    for from in RunState::ALL {
        for to in RunState::ALL {
            let run = new_run("charges")?;
            place.journal.start_run(run.clone()).await?;
            for state in way_to(from) {
                place.become_state(&run.id, *state).await?;
            }
            let changed = place.become_state(&run.id, to).await;
            let state = place.journal.run(&run.id).await?.map(|run| run.state);
            if from.may_become(to) {
                changed?;
                same(state, Some(to))?;
            } else {
                ensure_fits!(changed, Err(JournalError::Transition { .. }));
                same(state, Some(from))?;
            }
        }
    }
    Ok(())
}

pub(super) async fn a_held_run_keeps_its_terms_and_may_get_another_script(
    place: Place,
) -> Result<(), Broken> {
    let new = new_run("charges")?;
    let run = new.id.clone();
    place.journal.start_run(new).await?;
    let terms = serde_json::json!({ "rows": 3, "totals": { "ILS": "12.50" } });
    let change =
        RunChange { state: Some(RunState::Held), terms: Some(terms.clone()), ..RunChange::default() };
    place.journal.change_run(&run, change, at(1)).await?;
    let another = ScriptBundle {
        hash: "bb".to_owned(),
        main: "b.rhai".to_owned(),
        files: [("b.rhai".to_owned(), "fn on_row(row) {}".to_owned())].into(),
    };
    let change = RunChange { script: Some(another.clone()), ..RunChange::default() };
    place.journal.change_run(&run, change.clone(), at(2)).await?;
    let found = place.journal.run(&run).await?.ok_or_else(|| Broken("the run is gone".to_owned()))?;
    same((found.state, found.terms, found.script.as_str()), (RunState::Held, Some(terms.clone()), "bb"))?;
    same(place.journal.script("bb").await?, Some(another))?;
    place.become_state(&run, RunState::Running).await?;
    let late = place.journal.change_run(&run, change, at(4)).await;
    ensure_fits!(late, Err(JournalError::Transition { .. }));
    let found = place.journal.run(&run).await?.ok_or_else(|| Broken("the run is gone".to_owned()))?;
    same(found.terms, Some(terms))
}

pub(super) async fn a_run_may_be_held_from_its_first_commit_on(place: Place) -> Result<(), Broken> {
    let terms = serde_json::json!({ "script": "aa" });
    let held = Some(NewHold { message: "missed".to_owned(), terms: terms.clone() });
    let run = NewRun { held, ..new_run("charges")? };
    place.journal.start_run(run.clone()).await?;
    let found = place.journal.run(&run.id).await?.ok_or_else(|| Broken("the run is gone".to_owned()))?;
    same((found.state, found.message.as_deref()), (RunState::Held, Some("missed")))?;
    same(found.terms, Some(terms))
}

pub(super) async fn a_change_leaves_what_it_does_not_name(place: Place) -> Result<(), Broken> {
    let run = new_run("charges")?;
    place.journal.start_run(run.clone()).await?;
    let change = RunChange { message: Some("first".to_owned()), rows: Some(9), ..RunChange::default() };
    place.journal.change_run(&run.id, change, at(1)).await?;
    place.become_state(&run.id, RunState::Cancelled).await?;
    let late = RunChange { message: Some("late".to_owned()), ..RunChange::default() };
    place.journal.change_run(&run.id, late, at(9)).await?;
    let found = place.journal.run(&run.id).await?.ok_or_else(|| Broken("the run is gone".to_owned()))?;
    same((found.message.as_deref(), found.rows), (Some("late"), Some(9)))?;
    same((found.state, found.ended_at, found.source), (RunState::Cancelled, Some(at(1)), run.source))
}

pub(super) async fn what_nobody_began_is_refused(place: Place) -> Result<(), Broken> {
    let run = new_run("charges")?.id;
    ensure_fits!(place.become_state(&run, RunState::Running).await, Err(JournalError::NoRun(_)));
    ensure_fits!(place.journal.identify_file(&run, [7; 32], at(1)).await, Err(JournalError::NoRun(_)));
    let rows = vec![row(1, Some("order-1"), 1)?];
    ensure_fits!(place.journal.claim_items(&run, rows, at(1)).await, Err(JournalError::NoRun(_)));
    ensure_fits!(place.journal.begin_step(intent(&run, 1, 1, "k")?).await, Err(JournalError::NoRun(_)));
    let finished = place.journal.finish_step(&finish(step(&run, 1, 1), OutcomeStatus::Succeeded)).await;
    ensure_fits!(finished, Err(JournalError::NoRun(_)));
    let end = ItemEnd::new(ItemStatus::Skipped, "", "");
    ensure_fits!(place.journal.finish_item(&item(&run, 1), end, at(1)).await, Err(JournalError::NoRun(_)));
    same(place.journal.tally(&run).await?.items(), 0)?;
    same(place.journal.steps_of(&item(&run, 1)).await?.len(), 0)
}

pub(super) async fn runs_are_listed_newest_first_and_by_flow(place: Place) -> Result<(), Broken> {
    let (first, other, last) =
        (place.run("charges").await?, place.run("refunds").await?, place.run("charges").await?);
    let listed = async |flow, limit| -> Result<Vec<_>, Broken> {
        Ok(place.journal.runs(flow, limit).await?.into_iter().map(|run| run.id).collect())
    };
    same(listed(None, 10).await?, vec![last.clone(), other.clone(), first.clone()])?;
    same(listed(None, 2).await?, vec![last.clone(), other.clone()])?;
    same(listed(Some("charges"), 10).await?, vec![last, first])?;
    same(listed(Some("refunds"), 10).await?, vec![other])?;
    same(listed(Some("nothing"), 10).await?, vec![])
}

pub(super) async fn unfinished_runs_are_listed_oldest_first(place: Place) -> Result<(), Broken> {
    let mut unfinished = Vec::new();
    for state in RunState::ALL {
        let run = new_run("charges")?;
        place.journal.start_run(run.clone()).await?;
        for state in way_to(state) {
            place.become_state(&run.id, *state).await?;
        }
        if !state.is_final() {
            unfinished.push(run.id);
        }
    }
    let listed: Vec<_> = place.journal.unfinished_runs().await?.into_iter().map(|run| run.id).collect();
    same(listed, unfinished)
}
