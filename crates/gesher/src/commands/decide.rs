//! `resume`, `cancel`, `approve` and `reject`: what a person decides about a run. The decision is a row in the journal, which the hub that
//! sends picks up; without one it is applied at the next start.

use super::{runs, show};
use crate::actor;
use crate::cli::DecideArgs;
use crate::compose::lock::is_held;
use crate::compose::store::{local, open_beside, open_reader, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::follow;
use crate::output::Output;
use gesher_core::{Clock, Redactor, RunId, SystemClock};
use gesher_engine::journal::{Decision, DecisionKind, Journal, NewDecision, RunRecord, RunState, Tally};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::time::Duration;

/// Looks at the journal until the decision is applied, while a hub is running.
const LOOKS_MAX: u32 = 75;
/// Between two of them.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Writes the decision, and waits a moment for a running hub to apply it.
pub async fn run(
    output: Output,
    config: &Config,
    args: &DecideArgs,
    kind: DecisionKind,
) -> Result<Exit, HubError> {
    super::banner(output, config);
    let missing = || {
        HubError::usage(format!("there is no run {}", args.run))
            .hint("`gesher runs` lists the runs of this hub")
    };
    let reader = open_reader(config)?.ok_or_else(missing)?;
    let run = reader.run(&args.run).await.doing("reading the run")?.ok_or_else(missing)?;
    check(&run, kind)?;
    let open = reader.open_decisions().await.doing("reading what people decided")?;
    let of_run: Vec<&Decision> = open.iter().filter(|one| one.run == run.id).collect();
    let same = of_run.iter().find(|one| one.kind == kind);
    if same.is_none() {
        let reason = args.reason.as_deref().map(str::trim).unwrap_or_default();
        let decision = NewDecision {
            kind,
            run: run.id.clone(),
            actor: actor::current(),
            // It is shown with the run, for ever.
            reason: Redactor::new().text(reason).into_owned(),
            terms: run.terms.clone().filter(|_| kind == DecisionKind::Approve).unwrap_or_default(),
            at: SystemClock::new().now(),
        };
        let journal = open_beside(config)?.ok_or_else(missing)?;
        journal.decide(decision).await.doing("the decision cannot be written")?;
    }
    let is_applied = wait(&*reader, config, &run.id, kind).await?;
    let (run, tally) = follow::read(&*reader, &run.id).await?;
    let mut document = runs::document(config, &run, &tally);
    document["decision"] = json!(kind.as_str());
    document["applied"] = json!(is_applied);
    document["already_asked"] = json!(same.map(|one| pending_document(one)));
    output.json(&document);
    let zone = time_zone(config);
    if let Some(same) = same {
        output.text(&format!("{}: nothing was added to it", pending_words(same, &zone)));
    }
    for other in of_run.iter().filter(|one| one.kind != kind) {
        output.text(&format!(
            "{} as well; both stand, and who gives a run up has the last word",
            pending_words(other, &zone)
        ));
    }
    output.text(&words(&run, &tally, kind, is_applied, is_held(config)));
    Ok(match run.state {
        // An approval of something that changed meanwhile leaves the run as it was: it waits for a person still.
        RunState::Held if kind == DecisionKind::Approve && is_applied => Exit::Waiting,
        // Or what lies there now is none that could be approved.
        RunState::Refused | RunState::Duplicate if kind == DecisionKind::Approve => Exit::Partly,
        _ => Exit::Well,
    })
}

/// A decision that nobody has carried out yet, as JSON.
pub fn pending_document(decision: &Decision) -> Value {
    json!({
        "decision": decision.kind.as_str(),
        "actor": decision.actor,
        "reason": decision.reason,
        "at": decision.at.to_string(),
    })
}

/// The same for people.
pub fn pending_words(decision: &Decision, zone: &TimeZone) -> String {
    let Decision { actor, reason, .. } = decision;
    let reason = if reason.is_empty() { String::new() } else { format!(", because: {reason}") };
    let (what, at) = (decision.kind.as_str(), local(decision.at, zone));
    format!("{actor} asked to {what} it on {at}{reason}; no hub has done so yet")
}

/// Refuses what cannot be decided about a run.
fn check(run: &RunRecord, kind: DecisionKind) -> Result<(), HubError> {
    let (id, state) = (&run.id, run.state.as_str());
    let over = || {
        HubError::usage(format!("run {id} is {state} already"))
            .hint(format!("`gesher show {id}` says what became of each row"))
    };
    match kind {
        _ if run.state.is_final() => Err(over()),
        DecisionKind::Resume if run.state != RunState::Halted => {
            Err(HubError::usage(format!("run {id} is {state}, so it does not wait for anybody"))
                .hint("only a run that is halted can be resumed; `gesher runs` shows which are"))
        }
        DecisionKind::Resume => Ok(()),
        DecisionKind::Approve | DecisionKind::Reject if run.state != RunState::Held => {
            Err(HubError::usage(format!("run {id} is {state}, so it does not wait for approval")).hint(
                "only a run that is held is approved or rejected; `gesher runs` shows which are, and \
                 `gesher cancel` gives up the rest of one that has begun",
            ))
        }
        DecisionKind::Cancel | DecisionKind::Approve | DecisionKind::Reject => Ok(()),
    }
}

/// Whether the decision was applied: at once by nobody, and within a second by a hub that runs, or a few where it is busy.
async fn wait(
    journal: &dyn Journal,
    config: &Config,
    run: &RunId,
    kind: DecisionKind,
) -> Result<bool, HubError> {
    for look in 0..LOOKS_MAX {
        let open = journal.open_decisions().await.doing("reading what people decided")?;
        if !open.iter().any(|one| one.run == *run && one.kind == kind) {
            return Ok(true);
        }
        if look == 0 && !is_held(config) {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

fn words(run: &RunRecord, tally: &Tally, kind: DecisionKind, is_applied: bool, is_running: bool) -> String {
    let id = &run.id;
    let head = match (kind, is_applied, is_running) {
        (_, false, false) => format!(
            "written down: {} {id}. No hub is running here; it is applied when `gesher serve` or `gesher run` starts next\n",
            kind.as_str()
        ),
        (DecisionKind::Resume, true, _) => {
            format!("run {id} goes on; `gesher show {id}` shows how far it is\n")
        }
        (DecisionKind::Resume, false, true) => {
            format!("written down: run {id} goes on once its rows at work have ended\n")
        }
        (DecisionKind::Approve, true, _) if run.state == RunState::Held => {
            format!("run {id} is held still: the approval does not hold\n")
        }
        (DecisionKind::Approve, true, _) if matches!(run.state, RunState::Refused | RunState::Duplicate) => {
            format!("run {id} is {}: its file is not what it was\n", run.state.as_str())
        }
        (DecisionKind::Approve, true, _) => {
            format!("run {id} is approved; `gesher show {id}` shows how far it is\n")
        }
        (DecisionKind::Approve, false, true) => {
            format!("written down: run {id} begins once its file was looked at again\n")
        }
        (DecisionKind::Reject, false, true) => {
            format!("written down: nothing of run {id} is sent; `gesher show {id}` shows when it is over\n")
        }
        (DecisionKind::Cancel, false, true) => format!(
            "written down: run {id} takes no new rows. Rows at work end first; `gesher show {id}` shows when it is over\n"
        ),
        (DecisionKind::Cancel | DecisionKind::Reject, true, _) => {
            format!("run {id} is {}\n", run.state.as_str())
        }
    };
    let mut text = head;
    if run.state.is_final() || run.state == RunState::Held {
        if let Some(message) = &run.message {
            text.push_str(&format!("  {message}\n"));
        }
        text.push_str(&show::status_table(tally));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::journal::TriggerKind;

    fn run(state: RunState) -> RunRecord {
        let script = String::new();
        let started_at = SystemClock::new().now();
        RunRecord {
            id: "k7mq2xd".parse().unwrap(),
            flow: "f".to_owned(),
            trigger: TriggerKind::Drop,
            name: "m.csv".to_owned(),
            source: serde_json::Value::Null,
            script,
            sha256: None,
            state,
            message: None,
            rows: None,
            terms: None,
            started_at,
            ended_at: None,
            closings: 0,
        }
    }

    #[test]
    fn what_may_be_decided_about_a_run_goes_by_its_state() {
        for (state, resumes, cancels, approves) in [
            (RunState::Claimed, false, true, false),
            (RunState::Held, false, true, true),
            (RunState::Running, false, true, false),
            (RunState::Halted, true, true, false),
            (RunState::Reporting, false, true, false),
            (RunState::Finished, false, false, false),
            (RunState::Refused, false, false, false),
            (RunState::Duplicate, false, false, false),
            (RunState::Cancelled, false, false, false),
        ] {
            for (kind, fits) in [
                (DecisionKind::Resume, resumes),
                (DecisionKind::Cancel, cancels),
                (DecisionKind::Approve, approves),
                (DecisionKind::Reject, approves),
            ] {
                let checked = check(&run(state), kind);
                assert_eq!(checked.is_ok(), fits, "{kind:?} {state:?}");
                assert!(checked.err().is_none_or(|error| error.exit() == Exit::Usage));
            }
        }
    }
}
