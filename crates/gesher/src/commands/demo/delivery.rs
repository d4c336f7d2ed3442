//! The demo's first vendor comes as a webhook, signed as Standard Webhooks say and sent over real HTTP to the hub's own
//! listener; and a second time, as senders do that did not hear the answer.

use super::{ONBOARDING, vendors};
use crate::commands::{new, secrets};
use crate::compose::Hub;
use crate::error::{Doing, HubError};
use crate::follow;
use crate::output::Output;
use crate::webhooks::{self, Webhooks};
use gesher_core::{RunId, Secret};
use gesher_engine::Stop;
use gesher_engine::journal::{RunRecord, Tally};
use gesher_provider::{BaseUrl, HeaderName, HeaderValue, Outgoing, ReadTransport, TransportOptions};
use gesher_trigger::webhook::encoding::to_base64;
use gesher_trigger::webhook::verify::sign_standard;
use std::net::SocketAddr;
use tokio::task::JoinSet;

/// Where the demo listens: on whichever port is free.
pub(super) const LISTEN: &str = "127.0.0.1:0";
/// The secret's name, as the demo's gesher.toml has it.
const SECRET: &str = "hooks.onboarding";
/// Bytes of the secret that the demo draws.
const SECRET_BYTES: usize = 32;
/// What names the delivery.
const ID: &str = "msg_demo_vendor_1";

/// A vendor that came by a webhook.
pub(super) struct Delivered {
    /// Its run.
    pub(super) run: RunRecord,
    /// What became of it.
    pub(super) tally: Tally,
    /// Where it was delivered.
    pub(super) url: String,
    /// What the sender heard.
    pub(super) status: u16,
    /// What it heard when it delivered the same again.
    pub(super) again: u16,
}

impl Delivered {
    /// The vendor.
    pub(super) const HANDLE: &'static str = vendors::HANDLES[0];
}

/// Opens the first vendor by a delivery.
pub(super) async fn deliver(output: Output, hub: &Hub) -> Result<Delivered, HubError> {
    let secret = draw_secret(hub).await?;
    let bound = webhooks::bind(&hub.config).await?;
    let address = bound.as_ref().and_then(|bound| bound.address);
    let address = address.ok_or_else(|| HubError::failed("the demo's webhooks do not listen"))?;
    let (stop, mut work) = (Stop::new(), JoinSet::<Result<(), HubError>>::new());
    Webhooks::load(hub).await?.begin(hub, bound, &stop, &mut work);
    let sent = send_twice(output, hub, address, &secret).await;
    stop.request();
    while let Some(ended) = work.join_next().await {
        ended.doing("the webhooks ended badly")??;
    }
    sent
}

/// A secret of the demo's own, kept in its vault, so that the hub can be served on.
async fn draw_secret(hub: &Hub) -> Result<Secret, HubError> {
    let mut bytes = [0; SECRET_BYTES];
    gesher_core::time::random_bytes(&mut bytes).doing("a secret cannot be drawn")?;
    let secret = Secret::new(format!("whsec_{}", to_base64(&bytes)));
    secrets::store_value(&hub.store, SECRET, &secret).await?;
    Ok(secret)
}

async fn send_twice(
    output: Output,
    hub: &Hub,
    address: SocketAddr,
    secret: &Secret,
) -> Result<Delivered, HubError> {
    let part = hub.config.flow(ONBOARDING).and_then(|flow| flow.webhook.as_ref());
    let path = part.map(|hook| hook.path.clone());
    let path = path.ok_or_else(|| HubError::failed("the demo has no webhook"))?;
    let base =
        BaseUrl::parse(&format!("http://{address}")).doing("the demo's own address cannot be called")?;
    let sender =
        ReadTransport::new(base, TransportOptions::default()).doing("the demo's sender cannot start")?;
    let (status, run) = send(&sender, hub, &path, secret).await?;
    let (run, tally) = follow::to_the_end(output, &*hub.store.journal, &run, || true).await?;
    let (again, same) = send(&sender, hub, &path, secret).await?;
    if same != run.id {
        return Err(HubError::failed(format!("the same delivery began two runs, {} and {same}", run.id)));
    }
    Ok(Delivered { run, tally, url: format!("http://{address}{path}"), status, again })
}

/// Sends the delivery, and answers what the hub said: a number, and the run.
async fn send(
    sender: &ReadTransport,
    hub: &Hub,
    path: &str,
    secret: &Secret,
) -> Result<(u16, RunId), HubError> {
    let body = new::VENDOR_JSON.as_bytes();
    let signed = sign_standard(secret, ID, hub.store.now(), body);
    let signed = signed.ok_or_else(|| HubError::failed("the demo's secret is none"))?;
    let mut headers =
        vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"))];
    for (name, value) in signed {
        headers.push((name, HeaderValue::from_str(&value).doing("a header cannot be written")?));
    }
    let outgoing = Outgoing { path, headers: &headers, body: body.to_vec().into() };
    let reply = sender.post(outgoing).await.doing("the demo's webhook cannot be delivered")?;
    let answer: serde_json::Value =
        serde_json::from_slice(&reply.body).doing("the answer to a webhook cannot be read")?;
    let run = answer["run"].as_str().and_then(|run| run.parse().ok());
    let run = run.ok_or_else(|| HubError::failed(format!("the webhook was answered with {answer}")))?;
    Ok((reply.status, run))
}
