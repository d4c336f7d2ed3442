//! The HTTP front: sockets in, one call at a time to the provider that is played, and the ledger before the answer.

use crate::body::ReplyBody;
use crate::deliver;
use crate::error::SimulatorError;
use crate::fault::{Fault, FaultKind, FaultPlan, Faults, Seen};
use crate::ledger::{Circumstances, Ledger, LedgerEntry, LedgerError};
use bytes::Bytes;
use gesher_core::Clock;
use gesher_provider::simulate::{Answered, Call, Distortion, SimulatedProvider};
use http_body_util::{BodyExt, Limited};
use hyper::header::{CONTENT_LANGUAGE, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Size of a request's body. A longer one is refused with 413.
const BODY_BYTES_MAX: usize = 4 << 20;
/// How long a hanging call hangs at most.
const HANG_MAX: Duration = Duration::from_secs(600);
/// How long a slow answer takes, unless a rule says otherwise.
const DRIP: Duration = Duration::from_secs(2);
/// How far lists and documents lag, unless a rule says otherwise.
const LAG: Duration = Duration::from_secs(5);
/// Paths whose requests are counted. Those that come after so many others are not.
const PATHS_COUNTED_MAX: usize = 256;
/// Pause after a connection could not be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A provider and where it listens.
pub struct Served {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The provider that is played.
    pub provider: Box<dyn SimulatedProvider>,
}

/// How a simulator starts.
pub struct SimulatorOptions {
    /// The providers, each on an address of its own.
    pub served: Vec<Served>,
    /// The ledger's file; without one it is kept in memory.
    pub ledger: Option<PathBuf>,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A call could not be answered on purpose, or not be written down: the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Closed;

/// The simulator.
pub struct Simulator;

/// What all connections to one provider share.
struct Front {
    name: &'static str,
    provider: Mutex<Box<dyn SimulatedProvider>>,
    ledger: Arc<Mutex<Ledger>>,
    faults: Arc<Mutex<Faults>>,
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
    has_faults: bool,
    clock: Arc<dyn Clock>,
}

/// A simulator that listens.
pub struct RunningSimulator {
    addresses: Vec<(&'static str, SocketAddr)>,
    ledger: Arc<Mutex<Ledger>>,
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Simulator {
    /// Reads the ledger back, listens, and answers until it is stopped.
    pub async fn start(options: SimulatorOptions) -> Result<RunningSimulator, SimulatorError> {
        let SimulatorOptions { mut served, ledger, faults, clock } = options;
        let ledger = match ledger {
            None => Ledger::in_memory(),
            Some(path) => {
                let (ledger, earlier) = Ledger::open(&path)?;
                for (at, (entry, line)) in earlier.iter().enumerate() {
                    let played = served.iter_mut().find(|served| served.provider.name() == entry.provider);
                    if let Some(played) = played {
                        let restored = played.provider.restore(line, entry.at);
                        restored.map_err(|_| LedgerError::Line { path: path.clone(), line: at + 1 })?;
                    }
                }
                ledger
            }
        };
        let ledger = Arc::new(Mutex::new(ledger));
        let faults = Faults::new(faults);
        let has_faults = !faults.is_idle();
        let faults = Arc::new(Mutex::new(faults));
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let (stop, stopped) = watch::channel(false);
        let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
        for Served { listen, provider } in served {
            if !listen.ip().is_loopback() {
                return Err(SimulatorError::NotLoopback(listen));
            }
            let failed = |source| SimulatorError::Listen { address: listen, source };
            let listener = TcpListener::bind(listen).await.map_err(failed)?;
            addresses.push((provider.name(), listener.local_addr().map_err(failed)?));
            let front = Arc::new(Front {
                name: provider.name(),
                provider: Mutex::new(provider),
                ledger: Arc::clone(&ledger),
                faults: Arc::clone(&faults),
                asked: Arc::clone(&asked),
                has_faults,
                clock: Arc::clone(&clock),
            });
            listeners.push(tokio::spawn(listen_on(listener, front, stopped.clone())));
        }
        Ok(RunningSimulator { addresses, ledger, asked, stop, listeners })
    }
}

impl RunningSimulator {
    /// Where the provider of that name listens.
    #[must_use]
    pub fn address(&self, provider: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(name, _)| *name == provider).map(|(_, address)| *address)
    }

    /// The base address for the provider of that name, as in `http://127.0.0.1:9401`.
    #[must_use]
    pub fn base_url(&self, provider: &str) -> Option<String> {
        self.address(provider).map(|address| format!("http://{address}"))
    }

    /// Everything that was done, also in earlier lives of the ledger.
    pub fn ledger(&self) -> Result<Vec<LedgerEntry>, SimulatorError> {
        Ok(lock(&self.ledger).entries()?)
    }

    /// How many requests came to that path, in this life.
    #[must_use]
    pub fn asked(&self, path: &str) -> u64 {
        lock(&self.asked).get(path).copied().unwrap_or_default()
    }

    /// Stops listening and drops every connection.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            if listener.await.is_err() {
                tracing::warn!("a listener of the simulator had ended badly");
            }
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen_on(listener: TcpListener, front: Arc<Front>, mut stopped: watch::Receiver<bool>) {
    let until = stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if front.has_faults && lock(&front.faults).refuses() {
                    reset(stream);
                } else {
                    tokio::spawn(serve(stream, Arc::clone(&front), until.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes at once: unread data makes the other side see a reset.
fn reset(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection could not be made to reset");
    }
}

async fn serve(stream: TcpStream, front: Arc<Front>, mut stopped: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be made prompt");
    }
    let service = service_fn(move |request| answer(Arc::clone(&front), request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // Broken connections are everyday life here, and some break on purpose.
        ended = connection => if let Err(error) = ended { tracing::trace!(%error, "a connection broke") },
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn answer(front: Arc<Front>, request: Request<Incoming>) -> Result<Response<ReplyBody>, Closed> {
    let (head, incoming) = request.into_parts();
    let Ok(body) = Limited::new(incoming, BODY_BYTES_MAX).collect().await else {
        return Ok(bare(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let body: Bytes = body.to_bytes();
    let call = Call {
        is_post: head.method == Method::POST,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        host: head.headers.get(HOST).and_then(|host| host.to_str().ok()),
        language: head.headers.get(CONTENT_LANGUAGE).and_then(|language| language.to_str().ok()),
        body: &body,
        at: front.clock.now(),
    };
    front.count(call.path);
    let fault = front.fault_of(&call);
    let mut answered = front.carry_out(&call, fault)?;
    deliver::send(std::mem::take(&mut answered.deliveries));
    match fault {
        None => Ok(whole(answered)),
        Some(fault) => spoil(fault, answered).await,
    }
}

impl Front {
    fn count(&self, path: &str) {
        let mut asked = lock(&self.asked);
        if let Some(count) = asked.get_mut(path) {
            *count += 1;
        } else if asked.len() < PATHS_COUNTED_MAX {
            asked.insert(path.to_owned(), 1);
        }
    }

    fn fault_of(&self, call: &Call<'_>) -> Option<Fault> {
        if !self.has_faults {
            return None;
        }
        let facts = || lock(&self.provider).facts(call);
        lock(&self.faults).next(&Seen { path: call.path, body: call.body, facts: &facts })
    }

    /// Does what the call asks, as often as the fault says, and writes it down before anybody is answered. The
    /// provider stays locked meanwhile, so that the ledger has the order in which things happened.
    fn carry_out(&self, call: &Call<'_>, fault: Option<Fault>) -> Result<Answered, Closed> {
        if fault.is_some_and(|fault| !fault.commits()) {
            return Ok(Answered::default());
        }
        let mut provider = lock(&self.provider);
        let kind = fault.map(|fault| fault.kind);
        let lag = fault.and_then(|fault| fault.delay).unwrap_or(LAG);
        match kind {
            Some(FaultKind::ListLag) => provider.set_list_lag(lag),
            Some(FaultKind::DocumentLag) => provider.set_document_lag(lag),
            _ => {}
        }
        let mut answered = provider.answer(call);
        if kind == Some(FaultKind::Duplicate) {
            let again = provider.answer(call);
            answered.records.extend(again.records);
            answered.deliveries.extend(again.deliveries);
        }
        match kind {
            Some(FaultKind::ListLag) => provider.set_list_lag(Duration::ZERO),
            Some(FaultKind::DocumentLag) => provider.set_document_lag(Duration::ZERO),
            _ => {}
        }
        if !answered.records.is_empty() {
            let circumstances = Circumstances {
                at: call.at,
                provider: self.name,
                path: call.path,
                answered: kind.is_none_or(FaultKind::answers),
                fault: kind.map(FaultKind::as_str),
            };
            if let Err(error) = lock(&self.ledger).append(circumstances, &answered.records) {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger could not be written");
                return Err(Closed);
            }
        }
        let distortion = match kind {
            Some(FaultKind::WrongAmount) => Distortion::WrongAmount,
            Some(FaultKind::Status2AfterCommit) => Distortion::TechnicalError,
            Some(FaultKind::ListRepeats) => Distortion::ListRepeats,
            Some(FaultKind::ListEmptyPage) => Distortion::ListEmptyPage,
            _ => return Ok(answered),
        };
        Ok(provider.distort(answered, distortion))
    }
}

/// Answers as the fault says.
async fn spoil(fault: Fault, answered: Answered) -> Result<Response<ReplyBody>, Closed> {
    let status = |otherwise: u16| {
        StatusCode::from_u16(fault.status.unwrap_or(otherwise)).unwrap_or(StatusCode::BAD_GATEWAY)
    };
    Ok(match fault.kind {
        FaultKind::HangBefore | FaultKind::HangAfter => {
            sleep(fault.delay.unwrap_or(HANG_MAX)).await;
            return Err(Closed);
        }
        FaultKind::Refuse | FaultKind::CloseBefore | FaultKind::CommitThenClose => return Err(Closed),
        FaultKind::CommitThenStatus => page(status(502), "<html><body>Bad Gateway</body></html>"),
        FaultKind::Status => page(status(503), "<html><body>Service Unavailable</body></html>"),
        FaultKind::Html200 => page(StatusCode::OK, "<html><body><h1>Sign in to continue</h1></body></html>"),
        FaultKind::ForeignJson => {
            let mut response = whole(Answered::default());
            *response.body_mut() = ReplyBody::whole(br#"{"ok":true,"service":"another"}"#.to_vec());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        FaultKind::Redirect => {
            let mut response = page(status(307), "<html><body>Object moved</body></html>");
            response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
            response
        }
        FaultKind::ForbiddenEmpty => bare(StatusCode::FORBIDDEN),
        FaultKind::Truncate => with_body(&answered, ReplyBody::cut(answered.body.clone())),
        FaultKind::SlowDrip => {
            let drip = ReplyBody::drip(answered.body.clone(), fault.delay.unwrap_or(DRIP));
            with_body(&answered, drip)
        }
        FaultKind::Duplicate
        | FaultKind::ListLag
        | FaultKind::DocumentLag
        | FaultKind::ListRepeats
        | FaultKind::ListEmptyPage
        | FaultKind::WrongAmount
        | FaultKind::Status2AfterCommit => whole(answered),
    })
}

fn whole(mut answered: Answered) -> Response<ReplyBody> {
    let body = ReplyBody::whole(std::mem::take(&mut answered.body));
    with_body(&answered, body)
}

fn with_body(answered: &Answered, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::OK);
    if let Some(content_type) = answered.content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(location) = answered.location.as_deref().and_then(|location| location.parse().ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn bare(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = status;
    response
}

fn page(status: StatusCode, text: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(Some(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
