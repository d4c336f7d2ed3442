//! Runs that no flow of `gesher.toml` can go on with: theirs was removed or renamed, or has no drop folder any more. They
//! wait, halted, so that people can settle what is unknown of them; and they end when a person gives them up.

use crate::compose::LoadedFlow;
use crate::error::{Doing, HubError};
use gesher_core::Text;
use gesher_engine::Engine;
use gesher_engine::journal::{RunChange, RunRecord, RunState, TriggerKind};
use serde_json::{Value, json};

/// Which flow can go on with a run, if one can.
pub fn flow_of(flows: &[LoadedFlow], run: &RunRecord) -> Option<usize> {
    let fits = |flow: &LoadedFlow| match run.trigger {
        TriggerKind::Drop => flow.drop.is_some(),
        TriggerKind::Call | TriggerKind::Webhook | TriggerKind::Schedule | TriggerKind::Source => true,
    };
    flows.iter().position(|flow| flow.name == run.flow && fits(flow))
}

/// Halts such a run until its flow is there again. One that waits for a person goes on waiting, and a state that cannot
/// be halted stays: nothing is sent in it.
pub async fn hold(engine: &Engine, run: &RunRecord) -> Result<(), HubError> {
    let text = gone(run);
    tracing::warn!(run = %run.id, flow = run.flow, "{}", text.en);
    if matches!(run.state, RunState::Held | RunState::Halted) || run.state.is_final() {
        return Ok(());
    }
    let state = run.state.may_become(RunState::Halted).then_some(RunState::Halted);
    let mut source = run.source.clone();
    if let Value::Object(source) = &mut source {
        source.insert("goes_on".to_owned(), json!(true));
    }
    let message = Some(text.get(engine.language()).to_owned());
    let change = RunChange { state, message, source: Some(source), ..RunChange::default() };
    let changed = engine.journal().change_run(&run.id, change, engine.clock().now()).await;
    changed.doing(format!("run {} could not be changed", run.id))
}

/// Ends such a run, as a person decided.
pub async fn give_up(engine: &Engine, run: &RunRecord) -> Result<(), HubError> {
    let Some(_lease) = engine.take_up(&run.id) else { return Ok(()) };
    engine.end_unread(&run.id).await.doing(format!("run {} could not be given up", run.id))
}

fn gone(run: &RunRecord) -> Text {
    let (id, flow) = (&run.id, &run.flow);
    Text::new(
        format!(
            "התהליך {flow} אינו מוגדר עוד ב־gesher.toml, ולכן ההרצה ממתינה; לא נשלח דבר נוסף. יש להחזיר אותו ולהפעיל את \
             המערכת מחדש, או לוותר על השאר בפקודה gesher cancel {id}"
        ),
        format!(
            "the flow {flow} is gone from gesher.toml, so the run waits; nothing more was sent. Put it back and start the \
             hub again, or give the rest up with `gesher cancel {id}`"
        ),
    )
}
