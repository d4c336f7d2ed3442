//! What can be said before anything runs of flows that start one another: a name that is no flow, a flow that cannot be
//! called, a missing key, a circle. Pure.

use crate::config::{Config, FlowConfig};
use gesher_core::names::nearest;
use gesher_core::{Descriptor, Effect};
use gesher_engine::{Entry, Program};
use gesher_script::{Place, RhaiProgram};
use gesher_trigger::webhook::Scheme;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The flows that compiled, by name.
pub(super) type Programs = BTreeMap<String, Arc<RhaiProgram>>;

/// Something about a start, at its place in the script of a flow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whose script it is.
    pub(super) flow: String,
    /// Where.
    pub(super) place: Place,
    /// What.
    pub(super) what: String,
    /// How to mend it.
    pub(super) mend: &'static str,
}

/// Starts that can never work, and then those that go round in a circle.
pub(super) fn look(
    config: &Config,
    programs: &Programs,
    operations: &[Descriptor],
) -> (Vec<Said>, Vec<Said>) {
    let (mut faults, mut circles) = (Vec::new(), Vec::new());
    let may_act =
        |part: &FlowConfig| part.may(Effect::Money, operations) || part.may(Effect::Write, operations);
    for (flow, program) in programs {
        for start in program.starts() {
            let said =
                |what: String, mend| Said { flow: flow.clone(), place: start.place.clone(), what, mend };
            let name = &start.flow;
            let Some(part) = config.flow(name) else {
                let near = nearest(name, config.flows.iter().map(|flow| flow.name.as_str()));
                let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
                faults.push(said(format!("there is no flow {name}{near}"), "name a flow of gesher.toml"));
                continue;
            };
            if programs.get(name).is_some_and(|started| !started.has(Entry::Call)) {
                let what = format!("the flow {name} has no function on_call(args), so it cannot be started");
                faults.push(said(what, "write `fn on_call(args) { … }` in its script"));
            }
            if !start.has_key && part.may(Effect::Money, operations) {
                let what = format!("the flow {name} may move money, so starting it needs a key");
                faults.push(said(what, "name the intention, such as the order's number"));
            }
            if config.flow(flow).is_some_and(is_unverified)
                && reached(programs, name).iter().filter_map(|name| config.flow(name)).any(may_act)
            {
                let what = format!(
                    "anybody could start {name}, which may write or move money: the webhook of {flow} verifies nothing"
                );
                faults.push(said(what, "verify its deliveries, as with verify = \"standard-webhooks\""));
            }
            if reached(programs, name).contains(flow) {
                let what = format!("{flow} starts {name}, which starts {flow}: they go round in a circle");
                circles.push(said(what, "make sure that it ends; it is cut off after eight"));
            }
        }
    }
    (faults, circles)
}

/// Whether anybody could start it.
fn is_unverified(part: &FlowConfig) -> bool {
    part.webhook.as_ref().is_some_and(|hook| hook.scheme == Scheme::None)
}

/// The flow, and those that it starts, directly or through others.
fn reached(programs: &Programs, from: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(flow) = open.pop() {
        if seen.insert(flow.clone())
            && let Some(program) = programs.get(&flow)
        {
            open.extend(program.starts().iter().map(|start| start.flow.clone()));
        }
    }
    seen
}
