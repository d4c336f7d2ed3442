//! A server on a real socket that follows a list of steps, and says what it saw. Plain or behind TLS.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gesher_provider::{BaseUrl, CertificateDer, HeaderName, HeaderValue, Outgoing, TransportOptions};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One thing that the server does with a connection. After the last one it closes.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Read one request, head and body.
    Read,
    /// Read the head and at least this many bytes.
    ReadHead,
    /// Send these bytes.
    Write(Vec<u8>),
    /// Send these bytes one at a time, with this pause.
    Drip(&'static [u8], Duration),
    /// Keep the connection until the client gives up.
    Hang,
    /// Wait a little, so that the other side has time to send.
    Pause(Duration),
}

/// Sends text.
pub(crate) fn write(text: impl Into<String>) -> Step {
    Step::Write(text.into().into_bytes())
}

/// What the server saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl Seen {
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

/// Starts a plain server.
pub(crate) async fn serve(steps: Vec<Step>) -> (SocketAddr, Arc<Seen>) {
    listen(steps, None).await
}

/// Starts a server behind TLS.
pub(crate) async fn serve_tls(steps: Vec<Step>, config: rustls::ServerConfig) -> (SocketAddr, Arc<Seen>) {
    listen(steps, Some(TlsAcceptor::from(Arc::new(config)))).await
}

async fn listen(steps: Vec<Step>, tls: Option<TlsAcceptor>) -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let (steps, seen, tls) = (steps.clone(), Arc::clone(&shared), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => follow(stream, &steps, &seen).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            follow(stream, &steps, &seen).await;
                        }
                    }
                }
            });
        }
    });
    (address, seen)
}

/// Follows the steps; a client that goes away ends them early, which is no fault of the server.
async fn follow<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, steps: &[Step], seen: &Seen) {
    for step in steps {
        let done = match step {
            Step::Read => read_request(&mut stream, seen, true).await,
            Step::ReadHead => read_request(&mut stream, seen, false).await,
            Step::Write(bytes) => stream.write_all(bytes).await.and(stream.flush().await),
            Step::Drip(bytes, pause) => drip(&mut stream, bytes, *pause).await,
            Step::Pause(pause) => {
                tokio::time::sleep(*pause).await;
                Ok(())
            }
            Step::Hang => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.map(drop)
            }
        };
        if done.is_err() {
            return;
        }
    }
    // A plain socket answers at once; TLS says goodbye first. Either may find the client gone.
    stream.shutdown().await.ok();
}

async fn drip<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, seen: &Seen, whole: bool) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        seen.bytes.fetch_add(count as u64, Ordering::SeqCst);
        request.extend_from_slice(&chunk[..count]);
        let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if !whole || request.len() >= head + 4 + length.parse::<usize>().unwrap() {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
    }
}

/// A certificate made on the spot, and a server that shows it.
pub(crate) struct Identity {
    pub(crate) root: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    /// For these names, valid now.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::valid(names, 1975, 4096)
    }

    /// For these names, valid between these years.
    pub(crate) fn valid(names: &[&str], from: i32, until: i32) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { root: certificate.der().clone(), key: key.serialize_der() }
    }

    pub(crate) fn server(&self, alpn: &[&str]) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.root.clone()], PrivatePkcs8KeyDer::from(self.key.clone()).into())
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

pub(crate) fn base(scheme: &str, address: SocketAddr) -> BaseUrl {
    BaseUrl::parse(&format!("{scheme}://{address}")).unwrap()
}

/// Short times, so that a hanging server does not hang the tests; long enough for a busy machine.
pub(crate) fn options() -> TransportOptions {
    TransportOptions {
        connect: Duration::from_millis(500),
        total: Duration::from_secs(3),
        body_bytes_max: 10_000,
        ..TransportOptions::default()
    }
}

/// A request with this body.
pub(crate) fn outgoing(body: &[u8]) -> Outgoing<'static> {
    static JSON: [(HeaderName, HeaderValue); 1] =
        [(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Outgoing { path: "/charge/?password=canary", headers: &JSON, body: bytes::Bytes::copy_from_slice(body) }
}

/// Fills the queue of a listener that never accepts, so that one more connection is neither taken nor refused. The
/// answer has to be kept for as long as that shall hold.
pub(crate) async fn black_hole() -> (SocketAddr, impl Sized) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    (address, (socket, waiting))
}
