//! The health server: `/healthz` says that the process lives, `/readyz` that it takes work, or else what is in the way. What
//! is worth knowing and in nobody's way stands in its words, and leaves it ready.
//!
//! What is in the way is for others to find out; this tells it.

use crate::error::HubError;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use gesher_engine::{Health, Stop};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whether the triggers run, and the health of the hub behind them once there is one.
#[derive(Clone, Debug, Default)]
pub struct Ready(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    triggers_run: AtomicBool,
    health: OnceLock<Health>,
}

impl Ready {
    /// They run, or run no more.
    pub fn set(&self, ready: bool) {
        self.0.triggers_run.store(ready, Ordering::Release);
    }

    /// The hub is there; its troubles are told from now on. The first one stays.
    pub fn of(&self, health: &Health) {
        let _earlier = self.0.health.set(health.clone());
    }

    /// What is in the way of taking work, a sentence each.
    fn reasons(&self) -> Vec<String> {
        if !self.0.triggers_run.load(Ordering::Acquire) {
            return vec!["the triggers do not run yet".to_owned()];
        }
        self.0.health.get().map(Health::reasons).unwrap_or_default()
    }

    /// What is in nobody's way, a sentence each.
    fn remarks(&self) -> Vec<String> {
        self.0.health.get().map(Health::remarks).unwrap_or_default()
    }
}

/// Takes the address, so that a taken one is known before anything else begins.
pub async fn bind(listen: &str) -> Result<TcpListener, HubError> {
    TcpListener::bind(listen).await.map_err(|error| {
        let mend =
            "another program has it, perhaps another hub; change `listen` of [dashboard] in gesher.toml";
        HubError::usage(format!("the hub cannot listen on {listen}")).because(error).hint(mend)
    })
}

/// The address that was taken, with its real port.
pub fn address(listener: &TcpListener) -> Option<SocketAddr> {
    listener.local_addr().ok()
}

/// Answers until `stop` is asked for.
pub fn serve(listener: TcpListener, ready: Ready, stop: Stop) -> JoinHandle<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .with_state(ready);
    tokio::spawn(async move {
        let end = async move { stop.requested().await };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(end).await {
            tracing::error!(%error, "the health server ended");
        }
    })
}

async fn readyz(State(ready): State<Ready>) -> (StatusCode, String) {
    let (reasons, remarks) = (ready.reasons(), ready.remarks());
    let is_ready = reasons.is_empty();
    let mut lines = if is_ready { "ready\n".to_owned() } else { String::new() };
    lines.extend(reasons.iter().map(|reason| format!("not ready: {reason}\n")));
    lines.extend(remarks.iter().map(|remark| format!("note: {remark}\n")));
    (if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::Part;

    #[tokio::test]
    async fn whatever_is_in_the_way_is_told_and_nothing_else() {
        let (ready, health) = (Ready::default(), Health::default());
        let ask = async || {
            let (status, text) = readyz(State(ready.clone())).await;
            (status.as_u16(), text)
        };
        ready.of(&health);
        assert_eq!(ask().await, (503, "not ready: the triggers do not run yet\n".to_owned()));
        ready.set(true);
        assert_eq!(ask().await, (200, "ready\n".to_owned()));
        health.trouble(Part::Folder("charges".to_owned()), "it is gone");
        health.trouble(Part::Journal, "it is full");
        let want = "not ready: the journal: it is full\nnot ready: the drop folder of charges: it is gone\n";
        assert_eq!(ask().await, (503, want.to_owned()));
        // A hub that has much to do takes other work.
        health.trouble(Part::Inbox("bank".to_owned()), "many wait");
        let note = "note: the waiting events of bank: many wait\n";
        assert_eq!(ask().await, (503, format!("{want}{note}")));
        health.well(&Part::Journal);
        health.well(&Part::Folder("charges".to_owned()));
        assert_eq!(ask().await, (200, format!("ready\n{note}")));
        health.well(&Part::Inbox("bank".to_owned()));
        assert_eq!(ask().await, (200, "ready\n".to_owned()));
    }
}
