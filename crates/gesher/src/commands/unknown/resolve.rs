//! `unknown resolve` and `unknown unlock`: what a person says of a step, written down with name and reason.

use super::failure;
use crate::actor;
use crate::cli::{ResolveArgs, Target, UnlockArgs};
use crate::compose::beside::{desk, settle_leftovers};
use crate::config::Config;
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::renewal::{self, Written};
use gesher_engine::{ItemResolution, Resolution};
use serde_json::json;

/// Settles a step, or a row, as a person says.
pub(super) async fn resolve(output: Output, config: &Config, args: ResolveArgs) -> Result<Exit, HubError> {
    settle_leftovers(config).await?;
    let charged = args.charged.filter(|_| !args.not_charged);
    let (reason, actor) = (args.reason, actor::current());
    match args.target {
        Target::Step(step) => resolve_step(output, config, Resolution { step, charged, reason, actor }).await,
        Target::Item(item) => {
            resolve_item(output, config, &ItemResolution { item, charged, reason, actor }).await
        }
    }
}

/// Ends a row that is unknown although its steps are settled.
async fn resolve_item(
    output: Output,
    config: &Config,
    resolution: &ItemResolution,
) -> Result<Exit, HubError> {
    let id = &resolution.item;
    let no_row = || {
        HubError::usage(format!("there is no row {id}")).hint("`gesher unknown list` lists what is unknown")
    };
    let desk = desk(config)?.ok_or_else(no_row)?;
    let end = desk.resolve_item(resolution).await.map_err(|error| failure(error, "settling a row"))?;
    let written = renewal::of_run(config, &id.run).await?;
    output.json(&json!({
        "step": null,
        "item": id.to_string(),
        "run": id.run.as_str(),
        "reference": end.reference,
        "code": end.code,
        "message": end.message,
        "status": end.status.as_str(),
        "actor": resolution.actor,
        "reports_written": written == Written::Yes,
        "reports": written.word(),
    }));
    output.text(&format!("{id}: its row is {}", end.status));
    if let Some(note) = written.note(&id.run) {
        output.note(&note);
    }
    Ok(Exit::Well)
}

async fn resolve_step(output: Output, config: &Config, resolution: Resolution) -> Result<Exit, HubError> {
    let Some(desk) = desk(config)? else { return Err(super::no_step(&resolution.step)) };
    let resolved = desk.resolve(&resolution).await.map_err(|error| failure(error, "settling a step"))?;
    let (id, outcome) = (&resolved.step.id, &resolved.outcome);
    let written = renewal::of_run(config, &id.item.run).await?;
    output.json(&json!({
        "step": id.to_string(),
        "run": id.item.run.as_str(),
        "state": outcome.status.as_str(),
        "reference": outcome.reference,
        "code": outcome.code,
        "message": outcome.message.get(config.language),
        "status": resolved.end.as_ref().map(|end| end.status.as_str()),
        "actor": resolution.actor,
        "reports_written": written == Written::Yes,
        "reports": written.word(),
    }));
    let row = resolved.end.as_ref().map_or_else(String::new, |end| format!("; its row is {}", end.status));
    output.text(&format!("{id}: {}{row}", outcome.status));
    if let Some(note) = written.note(&id.item.run) {
        output.note(&note);
    }
    Ok(Exit::Well)
}

/// Lifts the lock of a step's subject.
pub(super) async fn unlock(output: Output, config: &Config, args: UnlockArgs) -> Result<Exit, HubError> {
    settle_leftovers(config).await?;
    let Some(desk) = desk(config)? else { return Err(super::no_step(&args.step)) };
    let actor = actor::current();
    let unlocked = desk.unlock(&args.step, &args.reason, &actor).await;
    let step = unlocked.map_err(|error| failure(error, "lifting the lock of a subject"))?;
    output.json(&json!({
        "step": step.id.to_string(),
        "subject": step.subject,
        "unlocked": true,
        "actor": actor,
    }));
    let subject = step.subject.as_deref().unwrap_or("its customer");
    output.text(&format!("{}: still unknown; other rows about {subject} may go on", step.id));
    Ok(Exit::Well)
}
