//! What a connection of its own costs a money call, and what re-using connections would cost instead.
//!
//! Prints two tables: time per call, fresh against re-used, over TCP and TLS on this machine; and how many calls end
//! ambiguous when a server closes connections that it holds idle. Client and server share the process and its cores.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people: it stops where something breaks"
)]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gesher_provider::{BaseUrl, CertificateDer, MoneyTransport, Outgoing, TransportOptions, Witness};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, server, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// About the size of a charge and of its answer.
const REQUEST: Bytes = Bytes::from_static(&[b' '; 700]);
const ANSWER: &[u8] = &[b' '; 900];
const CALLS: usize = 20_000;
const CALLS_UNTIL_CLOSED: usize = 3_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        speed().await;
        ambiguity().await;
    });
}

async fn speed() {
    let identity = Identity::new();
    println!("calls over      in flight   wall us/call   cpu us/call (both ends)");
    for tls in [false, true] {
        let (address, connector) = serve(&identity, tls).await;
        for in_flight in [1, 16] {
            for reused in [false, true] {
                let calls = if tls { CALLS / 4 } else { CALLS };
                let each = calls / in_flight;
                let (started, cpu) = (Instant::now(), cpu_ticks());
                let workers: Vec<_> = (0..in_flight)
                    .map(|_| {
                        let (root, connector) = (identity.root.clone(), connector.clone());
                        tokio::spawn(async move {
                            if reused {
                                call_reused(address, connector, each).await;
                            } else {
                                call_fresh(address, tls, root, each).await;
                            }
                        })
                    })
                    .collect();
                for worker in workers {
                    worker.await.unwrap();
                }
                let wall = started.elapsed().as_micros() as usize / calls;
                let cpu = (cpu_ticks() - cpu) * 10_000 / calls;
                let name = format!(
                    "{} {}",
                    if tls { "TLS" } else { "TCP" },
                    if reused { "re-used" } else { "fresh" }
                );
                println!("{name:<15} {in_flight:>9} {wall:>14} {cpu:>13}");
            }
        }
    }
}

async fn call_fresh(address: SocketAddr, tls: bool, root: CertificateDer<'static>, calls: usize) {
    let scheme = if tls { "https" } else { "http" };
    let base = BaseUrl::parse(&format!("{scheme}://{address}")).unwrap();
    let options = TransportOptions { extra_roots: vec![root], ..TransportOptions::default() };
    let transport = MoneyTransport::new(base, options).unwrap();
    for _ in 0..calls {
        let outgoing = Outgoing { path: "/billing/payments/charge/", headers: &[], body: REQUEST };
        assert_eq!(transport.post(outgoing).await.unwrap().body.len(), ANSWER.len());
    }
}

async fn call_reused(address: SocketAddr, connector: Option<TlsConnector>, calls: usize) {
    let mut sender = open(address, connector.as_ref()).await;
    for _ in 0..calls {
        let response = sender.send_request(request(address)).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), ANSWER.len());
        sender.ready().await.unwrap();
    }
}

fn request(address: SocketAddr) -> Request<Full<Bytes>> {
    let builder = Request::post("/billing/payments/charge/").header("host", address.to_string());
    builder.body(Full::new(REQUEST)).unwrap()
}

async fn open(address: SocketAddr, connector: Option<&TlsConnector>) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    match connector {
        None => drive(stream).await,
        Some(connector) => {
            let name = ServerName::from(address.ip());
            drive(connector.connect(name, stream).await.unwrap()).await
        }
    }
}

async fn drive<S>(stream: S) -> SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn serve(identity: &Identity, tls: bool) -> (SocketAddr, Option<TlsConnector>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.then(|| identity.acceptor());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => answer(stream).await,
                    Some(acceptor) => answer(acceptor.accept(stream).await.unwrap()).await,
                }
            });
        }
    });
    (address, tls.then(|| identity.connector()))
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let service = service_fn(|request: Request<Incoming>| async {
        request.into_body().collect().await.ok();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(ANSWER))))
    });
    // A client that closes first is no fault here.
    server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// The server closes two milliseconds after its answer; the next call comes one to four milliseconds after the last.
/// Re-use is given its best chance: the client looks whether the connection is still open right before it writes.
async fn ambiguity() {
    let address = serve_impatient().await;
    let base = BaseUrl::parse(&format!("http://{address}")).unwrap();
    let transport = MoneyTransport::new(base, TransportOptions::default()).unwrap();
    let mut fresh = 0;
    for _ in 0..CALLS_UNTIL_CLOSED {
        let outgoing = Outgoing { path: "/", headers: &[], body: REQUEST };
        if let Err(failure) = transport.post(outgoing).await {
            fresh += usize::from(failure.witness != Witness::NothingLeft);
        }
    }
    let reused = tokio::task::spawn_blocking(move || ambiguous_when_reused(address)).await.unwrap();
    println!();
    println!("of {CALLS_UNTIL_CLOSED} calls to a server that closes idle connections, ambiguous:");
    println!("fresh {fresh}, re-used after a look {reused}");
}

/// On a thread of its own, since the runtime's timers go by whole milliseconds and the race is about less.
fn ambiguous_when_reused(address: SocketAddr) -> usize {
    let mut random = Random(7);
    let mut ambiguous = 0;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    for _ in 0..CALLS_UNTIL_CLOSED {
        stream.set_nonblocking(true).unwrap();
        let open = stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        if !open {
            stream = std::net::TcpStream::connect(address).unwrap();
        }
        stream.set_nonblocking(false).unwrap();
        if stream.write_all(&REQUEST).is_ok() && !matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
            ambiguous += 1;
        }
        std::thread::sleep(Duration::from_micros(1_000 + random.below(3_000)));
    }
    ambiguous
}

async fn serve_impatient() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                while let Ok(Ok(1..)) = tokio::time::timeout(IDLE, stream.read(&mut chunk)).await {
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                    if stream.write_all(head.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

const IDLE: Duration = Duration::from_millis(2);

/// Enough randomness to spread pauses, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Hundredths of a second that this process has used, user and kernel.
fn cpu_ticks() -> usize {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<usize>().unwrap() + fields[12].parse::<usize>().unwrap()
}

struct Identity {
    root: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        Self { root: parameters.self_signed(&key).unwrap().der().clone(), key: key.serialize_der() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivatePkcs8KeyDer::from(self.key.clone()).into();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![self.root.clone()], key)
                .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}
