//! The event sources of a hub, put together: who is asked, how, and who works on what was found.

use crate::compose::Hub;
use crate::error::{Doing, HubError};
use crate::webhooks::Webhooks;
use gesher_engine::Stop;
use gesher_trigger::source::{SourceRules, SourceTrigger, Way};
use tokio::task::JoinSet;

/// The event sources of a hub.
pub struct Sources(Vec<SourceTrigger>);

impl Sources {
    /// Puts them together. What they begin is worked on from the inboxes of the deliveries. A hub from which nothing leaves asks
    /// none of them.
    pub fn load(hub: &Hub, hooks: &mut Webhooks) -> Self {
        let mut triggers = Vec::new();
        for (flow, part) in hub.config.sources().filter(|_| !hub.is_dry) {
            let Some(loaded) = hub.flow(&flow.name) else { continue };
            let found = part.names().and_then(|(module, source)| hub.plugins.looks(module, source));
            let Some((looks, waits)) = found else { continue };
            let way = if waits { Way::Waits } else { Way::Every(part.every) };
            let rules = SourceRules { source: part.events.clone(), way };
            let inbox = hooks.inbox_of(hub, loaded);
            triggers.push(SourceTrigger::new(hub.engine.clone(), loaded.events(), rules, looks, inbox));
        }
        Self(triggers)
    }

    /// The flows that listen, and to what.
    pub fn listening(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|trigger| (trigger.flow(), trigger.rules().source.as_str()))
    }

    /// Looks until `stop` is asked for.
    pub fn begin(self, stop: &Stop, work: &mut JoinSet<Result<(), HubError>>) {
        for trigger in self.0 {
            let stop = stop.clone();
            work.spawn(async move {
                let doing = format!("the event source of {} cannot go on", trigger.flow());
                trigger.watch(&stop).await.doing(doing)
            });
        }
    }
}
