//! The hub's webhooks, put together: from the settings and the secrets to a listener, and to whoever works on what was
//! accepted.

use crate::compose::{Hub, LoadedFlow, secrets};
use crate::config::{Config, FlowConfig, WebhookPart};
use crate::error::{Doing, HubError};
use gesher_core::{Redactor, Secret};
use gesher_engine::Stop;
use gesher_trigger::webhook::{self, Hook, Hooks, Inbox, Reply, SecretFault, WebhookConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where webhooks are delivered, taken before anything else begins.
pub struct Bound {
    listener: TcpListener,
    /// With its real port.
    pub address: Option<SocketAddr>,
}

/// Takes the address of `[hooks]`, so that a taken one is known before anything else begins. A hub without webhooks
/// listens nowhere.
pub async fn bind(config: &Config) -> Result<Option<Bound>, HubError> {
    if config.webhooks().next().is_none() {
        return Ok(None);
    }
    let listen = &config.hooks;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let mend = "another program has it, perhaps another hub; change `listen` of [hooks] in gesher.toml";
        HubError::usage(format!("the hub cannot listen on {listen} for webhooks")).because(error).hint(mend)
    })?;
    let address = listener.local_addr().ok();
    Ok(Some(Bound { listener, address }))
}

/// The webhooks of a hub, with those who work on their deliveries.
pub struct Webhooks {
    hooks: Vec<Arc<Hook>>,
    inboxes: Vec<Arc<Inbox>>,
}

impl Webhooks {
    /// Puts them together. Every secret that is missing or cannot be used is told at once, with its place.
    pub async fn load(hub: &Hub) -> Result<Self, HubError> {
        let (mut hooks, mut inboxes, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (flow, part) in hub.config.webhooks() {
            let Some(loaded) = hub.flow(&flow.name) else { continue };
            let values = values(&hub.config, part, hub).await?;
            let missing = part.secrets.iter().zip(&values).filter(|(_, value)| value.is_none());
            let before = faults.len();
            faults.extend(missing.map(|(name, _)| hub.config.missing_secret(name, secrets::mend(name))));
            if faults.len() > before {
                continue;
            }
            let inbox = inbox(hub, loaded, part.reply == Reply::Sync);
            let named =
                part.secrets.iter().zip(values).filter_map(|(name, value)| Some((name.0.clone(), value?)));
            match Hook::new(part.with(named.collect()), Arc::clone(&inbox)) {
                Ok(hook) => hooks.push(Arc::new(hook)),
                Err(fault) => faults.push(unusable(&hub.config, part, &fault)),
            }
            inboxes.push(inbox);
        }
        if !faults.is_empty() {
            return Err(HubError::faults(faults));
        }
        inboxes.extend(left_over(hub, &inboxes).await?);
        Ok(Self { hooks, inboxes })
    }

    /// The inbox of a flow, made where it has none yet.
    pub fn inbox_of(&mut self, hub: &Hub, flow: &LoadedFlow) -> Arc<Inbox> {
        let known = self.inboxes.iter().find(|inbox| inbox.flow() == flow.name);
        known.cloned().unwrap_or_else(|| {
            let made = inbox(hub, flow, false);
            self.inboxes.push(Arc::clone(&made));
            made
        })
    }

    /// Listens and works until `stop` is asked for, and then to the end of what is at work.
    pub fn begin<E: Send + 'static>(
        self,
        hub: &Hub,
        bound: Option<Bound>,
        stop: &Stop,
        work: &mut JoinSet<Result<(), E>>,
    ) {
        for inbox in self.inboxes {
            let working = inbox.work(stop.clone());
            work.spawn(async move {
                working.await;
                Ok(())
            });
        }
        let Some(bound) = bound else { return };
        let hooks = Hooks::new(self.hooks, hub.engine.health().clone(), stop.clone());
        work.spawn(async move {
            webhook::serve(Arc::new(hooks), bound.listener).await;
            Ok(())
        });
    }
}

fn inbox(hub: &Hub, flow: &LoadedFlow, keeps_answers: bool) -> Arc<Inbox> {
    Arc::new(Inbox::new(hub.engine.clone(), flow.events(), keeps_answers))
}

/// Deliveries that were accepted for a flow that has no webhook any more: they are worked on all the same. Where the flow
/// itself is gone they wait for it.
async fn left_over(hub: &Hub, known: &[Arc<Inbox>]) -> Result<Vec<Arc<Inbox>>, HubError> {
    let waiting = hub.engine.journal().waiting_flows().await.doing("reading the accepted deliveries")?;
    let mut inboxes = Vec::new();
    for (name, many) in waiting {
        if known.iter().any(|inbox| inbox.flow() == name) {
            continue;
        }
        match hub.flow(&name) {
            Some(flow) => inboxes.push(inbox(hub, flow, false)),
            None => tracing::warn!(
                flow = name,
                "{many} accepted deliveries wait: the flow is gone from gesher.toml. Put it back and start the hub again, or \
                 give each up with `gesher cancel RUN`"
            ),
        }
    }
    Ok(inboxes)
}

async fn values(config: &Config, part: &WebhookPart, hub: &Hub) -> Result<Vec<Option<Secret>>, HubError> {
    let mut values = Vec::new();
    for name in &part.secrets {
        values.push(secrets::of_hook(config, name, Some(&hub.store), &hub.redactor).await?);
    }
    Ok(values)
}

fn unusable(config: &Config, part: &WebhookPart, fault: &SecretFault) -> crate::config::Fault {
    let mend = "store it again, as the sender shows it, with `gesher secrets set NAME`";
    config.webhook_fault(part, "secrets", fault.to_string(), mend)
}

/// A flow's webhook as it would be served, for a command beside the hub; the redactor learns its secrets.
pub async fn alone(
    config: &Config,
    flow: &FlowConfig,
    part: &WebhookPart,
    redactor: &Redactor,
) -> Result<WebhookConfig, HubError> {
    let store = crate::compose::store::Store::open_beside(config)?;
    let (mut named, mut faults) = (Vec::new(), Vec::new());
    for name in &part.secrets {
        match secrets::of_hook(config, name, store.as_ref(), redactor).await? {
            Some(value) => named.push((name.0.clone(), value)),
            None => faults.push(config.missing_secret(name, secrets::mend(name))),
        }
    }
    if !faults.is_empty() {
        return Err(
            HubError::faults(faults).hint(format!("the webhook of {} is verified with them", flow.name))
        );
    }
    Ok(part.with(named))
}
