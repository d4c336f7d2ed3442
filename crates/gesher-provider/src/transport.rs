//! Sends one money call over one connection, and can say afterwards whether any of it left.
//!
//! # Every call has a connection of its own
//!
//! A server may close a connection that it holds idle at any moment. When it does so while a request is on its way,
//! nobody here can tell whether the request was read, and the call ends unknown: a person has to look whether money
//! moved. A connection that has carried nothing before cannot end that way for that reason.
//!
//! Measured by `benches/connections.rs` (two cores shared by client and server, loopback, microseconds per call; the
//! second figure is processor time of both ends together):
//!
//! | | 1 in flight | 16 in flight |
//! |---|---|---|
//! | TCP, fresh | 80 / 106 | 45 / 88 |
//! | TCP, re-used | 36 / 39 | 12 / 24 |
//! | TLS, fresh | 686 / 714 | 287 / 566 |
//! | TLS, re-used | 42 / 48 | 12 / 26 |
//!
//! Against a server that closes idle connections, of 3,000 calls each: fresh, none ended ambiguous; re-used, 28 did,
//! although the client looked right before each write whether the connection was still open. That was on loopback,
//! where the gap between looking and arriving is some 30 microseconds; over a network it is as long as the way there.
//!
//! So re-use would save 0.3 ms of processor time (TLS, half of it here) and two round trips of a call that takes
//! 100 ms and more, and would cost a person's time about once in a hundred unlucky calls. Fresh connections are also
//! fast enough where it is the hub that is measured: above 20,000 calls a second over loopback TCP.
//!
//! Each request says `Connection: close`, so the server closes first and the waiting socket (`TIME_WAIT`) is its:
//! 400,000 calls in 15 seconds to one port, 16 and 256 at a time, used up no ports here.
//!
//! # What else holds
//!
//! Nothing retries, follows a redirect, obeys a proxy from the environment, or speaks anything but HTTP/1.1. The
//! time for connecting is apart from the total, so that a slow handshake is never mistaken for a slow answer. A
//! future that is dropped stops the call for good but takes its witness along: what was dropped after it had been
//! polled is unknown.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use crate::base_url::BaseUrl;
use crate::connect::{Connector, Stream};
use crate::failure::{FailureKind, SendFailure};
use crate::options::{HEAD_BYTES_MAX, TransportError, TransportOptions};
use crate::reply::Reply;
use crate::request::{Outgoing, Template};
use crate::witness::{SentBytes, Witness, Witnessed};

/// Room that is made ahead for an announced body. What a server announces is not believed beyond it.
const BODY_ROOM_BYTES_MAX: usize = 64 << 10;

/// The transport of money calls to one provider.
pub struct MoneyTransport {
    base: BaseUrl,
    connector: Connector,
    template: Template,
    options: TransportOptions,
}

impl MoneyTransport {
    /// Prepares a transport; connects to nothing yet.
    pub fn new(base: BaseUrl, options: TransportOptions) -> Result<Self, TransportError> {
        let options = options.checked()?;
        let connector = Connector::new(&base, &options.extra_roots)?;
        let template = Template::new(&base).map_err(|_| TransportError::ServerName)?;
        Ok(Self { base, connector, template, options })
    }

    /// Sends one POST at most once, and answers with the whole reply whatever its status, or with what is known.
    ///
    /// A future that is dropped takes its witness with it: the caller has then to treat the call as unknown.
    pub async fn post(&self, outgoing: Outgoing<'_>) -> Result<Reply, SendFailure> {
        let deadline = Instant::now() + self.options.total;
        let request = self
            .template
            .fill(outgoing)
            .map_err(|_| SendFailure::nothing_left(FailureKind::InvalidRequest))?;
        let body_bytes_max = self.options.body_bytes_max;
        let whole = match self.connector.open(self.options.connect).await? {
            Stream::Plain(stream) => exchange(stream, request, body_bytes_max, deadline).await?,
            Stream::Tls(stream) => exchange(stream, request, body_bytes_max, deadline).await?,
        };
        Ok(whole.reply)
    }
}

/// An answer with its headers.
pub(crate) struct Whole {
    pub(crate) reply: Reply,
    pub(crate) headers: HeaderMap,
}

/// Sends a request on a connection that has carried nothing yet, and reads the whole answer by the deadline.
pub(crate) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    body_bytes_max: usize,
    deadline: Instant,
) -> Result<Whole, SendFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    gesher_core::failpoint!("send.begun");
    // A process that was stopped meanwhile must not send what its caller has long given up.
    if Instant::now() >= deadline {
        return Err(SendFailure::nothing_left(FailureKind::BeforeFirstByte));
    }
    let sent = SentBytes::default();
    let stream = Witnessed::new(stream, sent.clone());
    match timeout_at(deadline, converse(stream, request, body_bytes_max)).await {
        Ok(Ok(whole)) => {
            gesher_core::failpoint!("answer.received");
            Ok(whole)
        }
        Ok(Err(kind)) => Err(settle(kind, &sent)),
        Err(_) => Err(settle(FailureKind::ResponseTimeout, &sent)),
    }
}

impl fmt::Debug for MoneyTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoneyTransport").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Names a failure on an open connection by what the counter proves.
fn settle(kind: FailureKind, sent: &SentBytes) -> SendFailure {
    let witness = sent.witness();
    let kind = match (witness, kind) {
        (Witness::NothingLeft, _) => FailureKind::BeforeFirstByte,
        (_, FailureKind::ClosedWithoutResponse) if sent.write_failed() => FailureKind::PartialWrite,
        (_, kind) => kind,
    };
    SendFailure::new(kind, witness)
}

/// One request and its answer on one connection. The connection is driven here and not by a task of its own, so that
/// it ends with this future and costs no spawn.
async fn converse<S>(
    stream: Witnessed<S>,
    request: Request<Full<Bytes>>,
    body_bytes_max: usize,
) -> Result<Whole, FailureKind>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| head_failure(&error))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| head_failure(&error))?;
        read_whole(response, body_bytes_max).await
    };
    let mut answer = pin!(answer);
    let mut connection = pin!(connection);
    let mut connected = true;
    poll_fn(|cx| {
        // The request is handed over before the connection is driven, and the answer taken right after.
        if let Poll::Ready(reply) = answer.as_mut().poll(cx) {
            return Poll::Ready(reply);
        }
        if connected && connection.as_mut().poll(cx).is_ready() {
            connected = false;
        }
        answer.as_mut().poll(cx)
    })
    .await
}

async fn read_whole(response: Response<Incoming>, body_bytes_max: usize) -> Result<Whole, FailureKind> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let (head, mut incoming) = response.into_parts();
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > body_bytes_max {
        return Err(FailureKind::TooLarge);
    }
    let mut body = BytesMut::with_capacity(announced.min(BODY_ROOM_BYTES_MAX));
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| body_failure(&error))?;
        // Trailers hold nothing that decides anything.
        let Some(data) = frame.data_ref() else { continue };
        if body.len() + data.len() > body_bytes_max {
            return Err(FailureKind::TooLarge);
        }
        body.extend_from_slice(data);
    }
    Ok(Whole { reply: Reply { status, content_type, body: body.freeze() }, headers: head.headers })
}

/// What an error before the answer's head means.
pub(crate) fn head_failure(error: &hyper::Error) -> FailureKind {
    if error.is_parse_too_large() {
        FailureKind::TooLarge
    } else if error.is_parse() {
        FailureKind::MalformedResponse
    } else {
        FailureKind::ClosedWithoutResponse
    }
}

/// What an error after the answer's head means.
pub(crate) fn body_failure(error: &hyper::Error) -> FailureKind {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => FailureKind::MalformedResponse,
        _ => FailureKind::TruncatedBody,
    }
}
