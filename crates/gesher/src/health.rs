//! The health server: `/healthz` says that the process lives, `/readyz` that its triggers run.

use crate::error::HubError;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use gesher_engine::Stop;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whether the triggers run.
#[derive(Clone, Debug, Default)]
pub struct Ready(Arc<AtomicBool>);

impl Ready {
    /// They run, or run no more.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
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

async fn readyz(State(ready): State<Ready>) -> (StatusCode, &'static str) {
    match ready.is_set() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the triggers do not run yet\n"),
    }
}
