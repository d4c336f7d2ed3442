//! Opens one connection: resolve, TCP, TLS. No byte of a request is involved, so whatever fails here left nothing.
//!
//! It keeps no connection and tries no connection twice; an address list is walked once, within one time limit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, crypto::ring};
use rustls_platform_verifier::Verifier;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::base_url::{BaseUrl, Host};
use crate::failure::{FailureKind, SendFailure};
use crate::options::{TCP_USER_TIMEOUT, TransportError};

/// Addresses of one name that are tried. Further ones are left out, so that each gets a fair share of the time.
const ADDRESSES_MAX: usize = 4;

/// An open connection, ready for the first byte of a request.
pub(crate) enum Stream {
    /// To this very machine.
    Plain(TcpStream),
    /// To anywhere; the handshake is done.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Knows where and how to connect.
pub(crate) struct Connector {
    host: Host,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    pub(crate) fn new(
        base: &BaseUrl,
        extra_roots: &[CertificateDer<'static>],
    ) -> Result<Self, TransportError> {
        let tls = if base.is_tls() {
            let config = tls_config(extra_roots)?;
            Some((TlsConnector::from(Arc::new(config)), server_name(base.host())?))
        } else {
            None
        };
        Ok(Self { host: base.host().clone(), port: base.port(), tls })
    }

    /// Connects within the time given, or says why nothing could be sent.
    pub(crate) async fn open(&self, within: Duration) -> Result<Stream, SendFailure> {
        let deadline = Instant::now() + within;
        match timeout_at(deadline, self.open_by(deadline)).await {
            Ok(opened) => opened,
            Err(_) => Err(SendFailure::nothing_left(FailureKind::ConnectTimeout)),
        }
    }

    async fn open_by(&self, deadline: Instant) -> Result<Stream, SendFailure> {
        let with_port = |address: IpAddr| SocketAddr::new(address, self.port);
        let tcp = match &self.host {
            Host::Address(address) => connect(with_port(*address)).await?,
            Host::Localhost => {
                let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                connect_to_one_of(&addresses.map(with_port), deadline).await?
            }
            Host::Name(name) => {
                let found = resolve(name, self.port).await?;
                let addresses: Vec<_> = found.into_iter().map(with_port).collect();
                connect_to_one_of(&addresses, deadline).await?
            }
        };
        let Some((connector, name)) = &self.tls else {
            return Ok(Stream::Plain(tcp));
        };
        match connector.connect(name.clone(), tcp).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(SendFailure::nothing_left(tls_failure(&error)).with_detail(error)),
        }
    }
}

/// Walks the addresses in their order; each gets an equal share of the time that is left.
pub(crate) async fn connect_to_one_of(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, SendFailure> {
    let mut last = SendFailure::nothing_left(FailureKind::Dns);
    for (tried, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / (addresses.len() - tried) as u32;
        last = match timeout_at(now + share, connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(failure)) => failure,
            Err(_) => SendFailure::nothing_left(FailureKind::ConnectTimeout),
        };
    }
    Err(last)
}

/// The addresses of a name, the first few of them.
pub(crate) async fn resolve(name: &str, port: u16) -> Result<Vec<IpAddr>, SendFailure> {
    match lookup_host((name, port)).await {
        Ok(found) => Ok(found.take(ADDRESSES_MAX).map(|address| address.ip()).collect()),
        Err(error) => Err(SendFailure::nothing_left(FailureKind::Dns).with_detail(error)),
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, SendFailure> {
    let connected = TcpStream::connect(address).await.and_then(|stream| {
        stream.set_nodelay(true)?;
        limit_delivery(&stream)?;
        Ok(stream)
    });
    connected.map_err(|error| SendFailure::nothing_left(tcp_failure(&error)).with_detail(error))
}

/// A request that sticks in the kernel must not be delivered minutes after its outcome was written down.
#[cfg(target_os = "linux")]
fn limit_delivery(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))
}

#[cfg(not(target_os = "linux"))]
fn limit_delivery(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// The one TLS configuration of money calls and reads: the platform's roots, HTTP/1.1, no early data (which would
/// carry a request before the handshake could fail).
pub(crate) fn tls_config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra_roots.iter().cloned(), Arc::clone(&provider))
        .map_err(TransportError::Roots)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TransportError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.enable_early_data = false;
    Ok(config)
}

pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>, TransportError> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Localhost => ServerName::try_from("localhost").map_err(|_| TransportError::ServerName),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| TransportError::ServerName),
    }
}

pub(crate) fn tcp_failure(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::TimedOut => FailureKind::ConnectTimeout,
        _ => FailureKind::Unreachable,
    }
}

/// A certificate that is not trusted is told from every other fault of a handshake: it calls for a person.
pub(crate) fn tls_failure(error: &io::Error) -> FailureKind {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            FailureKind::Certificate
        }
        _ => FailureKind::Tls,
    }
}
