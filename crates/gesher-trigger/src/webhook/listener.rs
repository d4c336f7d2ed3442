//! The listener that faces the internet: takes connections, reads requests within their limits, finds the webhook that each
//! is for, and writes the answers. It knows neither signatures nor runs.

use super::address::split_token;
use super::body;
use super::connections::{Connections, Place};
use super::hook::Hook;
use super::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, CONNECTION_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX,
    REQUESTS_PER_CONNECTION_MAX,
};
use super::reply::{Refused, Told};
use gesher_engine::{Health, Stop};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Pause after a connection could not be taken, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long connections may take to end once the hub stops. A sender that is cut off sends again.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);
/// How long a connection may take to end once its time is over.
const LAST_REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// When a sender may try again, in seconds.
const RETRY_AFTER_SECONDS: &str = "30";
/// Names the run of an answer that is the script's own.
const GESHER_RUN: HeaderName = HeaderName::from_static("gesher-run");
/// How that run ended.
const GESHER_STATUS: HeaderName = HeaderName::from_static("gesher-status");

/// The webhooks of a hub, by their paths.
pub struct Hooks {
    by_path: HashMap<String, Arc<Hook>>,
    health: Health,
    stop: Stop,
    /// The memory that bodies may have at a time, a byte each. Most of them come before anything is proved.
    memory: Semaphore,
}

impl Hooks {
    /// These webhooks. The `health` says when nothing can be accepted.
    #[must_use]
    pub fn new(hooks: Vec<Arc<Hook>>, health: Health, stop: Stop) -> Self {
        let by_path = hooks.into_iter().map(|hook| (hook.config().path.clone(), hook)).collect();
        Self { by_path, health, stop, memory: Semaphore::new(BODIES_BYTES_MAX) }
    }

    /// The webhook of a path, with the word behind it where that may be a token.
    fn find(&self, path: &str) -> Option<(Arc<Hook>, Option<String>)> {
        if let Some(hook) = self.by_path.get(path) {
            return Some((Arc::clone(hook), None));
        }
        let (base, word) = split_token(path)?;
        let hook = self.by_path.get(base).filter(|hook| hook.config().scheme.is_in_the_address())?;
        Some((Arc::clone(hook), Some(word)))
    }

    async fn deliver(
        &self,
        from: IpAddr,
        request: Request<Incoming>,
        place: &Place,
    ) -> Result<Told, Refused> {
        let (parts, body) = request.into_parts();
        let (hook, word) = self.find(parts.uri.path()).ok_or(Refused::NotFound)?;
        if parts.method != Method::POST {
            return Err(Refused::Method);
        }
        if self.stop.is_requested() || !self.health.may_begin() {
            return Err(Refused::Unavailable);
        }
        let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !parts.headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Err(Refused::Compressed);
        }
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Refused::TooLarge);
        }
        let head = hook.head(from, parts.headers, parts.uri.query(), word)?;
        // The body's part of the memory is given back once there is an answer.
        let (body, _part) = body::read(body, &self.memory).await?;
        place.works();
        hook.take(head, body).await
    }
}

/// Serves until the hub stops, and then until every connection has ended, or has had its time.
pub async fn serve(hooks: Arc<Hooks>, listener: TcpListener) {
    let connections = Connections::default();
    let mut open = JoinSet::new();
    loop {
        let taken = tokio::select! {
            biased;
            () = hooks.stop.requested() => break,
            taken = listener.accept() => taken,
        };
        match taken {
            Ok((stream, from)) => {
                // Where there is no place for it, it is closed by being dropped.
                if let Some(place) = connections.admit(from.ip()) {
                    open.spawn(connection(Arc::clone(&hooks), stream, from, place));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the webhooks could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIME_MAX, ended).await.is_err() {
        tracing::warn!("connections to the webhooks that would not end were closed");
    }
}

async fn connection(hooks: Arc<Hooks>, stream: TcpStream, from: SocketAddr, place: Place) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection's answers may wait for each other");
    }
    let (place, served) = (Arc::new(place), AtomicU32::new(0));
    let service = service_fn(|request| {
        let (hooks, place) = (Arc::clone(&hooks), Arc::clone(&place));
        let is_last = served.fetch_add(1, Ordering::Relaxed) + 1 >= REQUESTS_PER_CONNECTION_MAX;
        async move {
            let told =
                hooks.deliver(from.ip(), request, &place).await.unwrap_or_else(|refused| refused.told());
            place.waits();
            Ok::<_, Infallible>(response(told, is_last))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A connection that ends badly is its sender's loss: what was accepted is on the disk.
        _ended = connection.as_mut() => return,
        () = place.is_needed() => return,
        () = hooks.stop.requested() => {}
        () = tokio::time::sleep(CONNECTION_TIME_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ended = tokio::time::timeout(LAST_REQUEST_TIME_MAX, connection).await;
}

fn response(told: Told, is_last: bool) -> Response<Full<Bytes>> {
    let text = format!("{}\n", told.body);
    let length = text.len();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = told.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if told.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if told.status == StatusCode::SERVICE_UNAVAILABLE && told.of_run.is_none() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if let Some((run, status)) = told.of_run {
        if let Ok(run) = HeaderValue::from_str(run.as_str()) {
            headers.insert(GESHER_RUN, run);
        }
        headers.insert(GESHER_STATUS, HeaderValue::from_static(status.as_str()));
    }
    if told.closes || is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
