//! Cases about people's decisions and about scripts that runs began with.

use super::place::{Broken, Place, at, new_run, same};
use crate::{Decision, DecisionKind, JournalError, NewDecision, RunChange, RunState, ScriptBundle};
use std::collections::BTreeMap;

pub(super) async fn a_decision_waits_until_it_is_carried_out(place: Place) -> Result<(), Broken> {
    let (run, beside) = (place.run("charges").await?, place.beside().await?);
    let new = |kind, seconds| NewDecision {
        kind,
        run: run.clone(),
        actor: "dana".to_owned(),
        reason: "wrong file".to_owned(),
        terms: match kind {
            DecisionKind::Approve => serde_json::json!({ "rows": 3 }),
            _ => serde_json::Value::Null,
        },
        at: at(seconds),
    };
    same(place.journal.open_decisions().await?, vec![])?;
    let first = beside.journal.decide(new(DecisionKind::Cancel, 1)).await?;
    let second = beside.journal.decide(new(DecisionKind::Approve, 2)).await?;
    let waiting = |seq, new: NewDecision| {
        let NewDecision { kind, run, actor, reason, terms, at } = new;
        Decision { seq, kind, run, actor, reason, terms, at }
    };
    let want =
        vec![waiting(first, new(DecisionKind::Cancel, 1)), waiting(second, new(DecisionKind::Approve, 2))];
    same(place.journal.open_decisions().await?, want)?;
    place.journal.settle_decision(first, "done", at(3)).await?;
    let again = place.journal.settle_decision(first, "done", at(4)).await;
    ensure_fits!(again, Err(JournalError::NoDecision(seq)) if *seq == first);
    let open: Vec<_> = beside.journal.open_decisions().await?.into_iter().map(|open| open.seq).collect();
    same(open, vec![second])?;
    ensure_fits!(place.journal.settle_decision(99, "", at(4)).await, Err(JournalError::NoDecision(99)));
    let mut nobody = new(DecisionKind::Cancel, 5);
    nobody.run = new_run("charges")?.id;
    ensure_fits!(place.journal.decide(nobody).await, Err(JournalError::NoRun(_)));
    Ok(())
}

pub(super) async fn a_run_goes_on_together_with_its_decision_or_not_at_all(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    place.become_state(&run, RunState::Halted).await?;
    let decision = NewDecision {
        kind: DecisionKind::Resume,
        run: run.clone(),
        actor: "dana".to_owned(),
        reason: String::new(),
        terms: serde_json::Value::Null,
        at: at(1),
    };
    let seq = place.journal.decide(decision).await?;
    let going_on = || RunChange {
        state: Some(RunState::Running),
        settles: Some((seq, "resumed".to_owned())),
        ..RunChange::default()
    };
    place.journal.change_run(&run, going_on(), at(2)).await?;
    same(place.journal.open_decisions().await?, vec![])?;
    // It halts anew: what was decided before says nothing of that.
    place.become_state(&run, RunState::Halted).await?;
    let again = place.journal.change_run(&run, going_on(), at(3)).await;
    ensure_fits!(again, Err(JournalError::NoDecision(found)) if *found == seq);
    let found = place.journal.run(&run).await?.map(|run| run.state);
    same(found, Some(RunState::Halted))
}

pub(super) async fn a_script_is_kept_as_the_first_run_with_it_began(place: Place) -> Result<(), Broken> {
    let files = |text: &str| BTreeMap::from([("charge.rhai".to_owned(), text.to_owned())]);
    let bundle = |hash: &str, text: &str| ScriptBundle {
        hash: hash.to_owned(),
        main: "charge.rhai".to_owned(),
        files: files(text),
    };
    let begin = async |script: ScriptBundle| -> Result<(), Broken> {
        let mut run = new_run("charges")?;
        run.script = script;
        Ok(place.journal.start_run(run).await?)
    };
    begin(ScriptBundle::of_hash("aa")).await?;
    same(place.journal.script("aa").await?, None)?;
    begin(bundle("aa", "fn on_row(row) { \"שלום\" }")).await?;
    begin(bundle("bb", "other")).await?;
    begin(bundle("bb", "changed under the same hash")).await?;
    same(place.journal.script("aa").await?, Some(bundle("aa", "fn on_row(row) { \"שלום\" }")))?;
    same(place.journal.script("bb").await?, Some(bundle("bb", "other")))?;
    same(place.journal.script("cc").await?, None)
}
