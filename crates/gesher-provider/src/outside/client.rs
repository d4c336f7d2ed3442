//! Sends one request to the outside world over one connection, to an address that was looked at, and can say
//! afterwards whether any of it left.

use super::address::special;
use super::origin::{Origin, Url};
use crate::base_url::Host;
use crate::connect::{Stream, connect_to_one_of, resolve, server_name, tls_config, tls_failure};
use crate::failure::{FailureKind, SendFailure};
use crate::options::{TransportError, TransportOptions};
use crate::request::{AGENT, Outgoing, check};
use crate::transport::{Whole, exchange};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT,
};
use hyper::{Method, Request};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// One request. Whoever sends it has compared its origin with what is listed.
pub struct OutsideRequest<'a> {
    /// `GET`, `POST` and so on.
    pub method: Method,
    /// Where.
    pub url: &'a Url,
    /// Headers beside those of the transport.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// The body; its length is announced exactly.
    pub body: Bytes,
    /// How long the whole call may take.
    pub total: Duration,
}

/// A whole answer.
pub struct OutsideReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers by their names in small letters, those that come several times put together; without cookies.
    pub headers: Vec<(String, String)>,
    /// The body as it came, never unpacked.
    pub body: Bytes,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub enum OutsideFailure {
    /// The host leads where nobody may call, so nothing was opened.
    Forbidden {
        /// What is special about its address.
        range: &'static str,
    },
    /// The call itself failed.
    Send(SendFailure),
}

impl fmt::Display for OutsideFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { range } => write!(f, "the host's address is not of the internet ({range})"),
            Self::Send(failure) => failure.fmt(f),
        }
    }
}

impl From<SendFailure> for OutsideFailure {
    fn from(failure: SendFailure) -> Self {
        Self::Send(failure)
    }
}

/// The guarded client. It keeps no connection.
pub struct OutsideClient {
    options: TransportOptions,
    /// Made at the first call, since reading the platform's certificates takes a while.
    tls: OnceLock<Result<TlsConnector, TransportError>>,
}

impl fmt::Debug for OutsideClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideClient").finish_non_exhaustive()
    }
}

impl OutsideClient {
    /// A client with these limits; connects to nothing yet.
    #[must_use]
    pub fn new(options: TransportOptions) -> Self {
        Self { options, tls: OnceLock::new() }
    }

    /// Sends one request at most once. A future that is dropped takes its witness with it.
    pub async fn send(&self, request: OutsideRequest<'_>) -> Result<OutsideReply, OutsideFailure> {
        let deadline = Instant::now() + request.total;
        let url = request.url;
        let written = write(&request).ok_or(SendFailure::nothing_left(FailureKind::InvalidRequest))?;
        let within = self.options.connect.min(request.total / 2);
        let opening = self.open(&url.origin, Instant::now() + within);
        let stream = match timeout_at(Instant::now() + within, opening).await {
            Ok(opened) => opened?,
            Err(_) => return Err(SendFailure::nothing_left(FailureKind::ConnectTimeout).into()),
        };
        let body_bytes_max = self.options.body_bytes_max;
        let whole = match stream {
            Stream::Plain(stream) => exchange(stream, written, body_bytes_max, deadline).await?,
            Stream::Tls(stream) => exchange(stream, written, body_bytes_max, deadline).await?,
        };
        Ok(read(whole))
    }

    /// Connects to the host by an address that was looked at, and by no other.
    async fn open(&self, origin: &Origin, deadline: Instant) -> Result<Stream, OutsideFailure> {
        let addresses = match &origin.host {
            Host::Address(address) if address.is_loopback() => vec![*address],
            Host::Address(address) => allowed(vec![*address])?,
            Host::Localhost => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Host::Name(name) => allowed(resolve(name, origin.port).await?)?,
        };
        let addresses: Vec<SocketAddr> =
            addresses.into_iter().map(|address| SocketAddr::new(address, origin.port)).collect();
        let tcp = connect_to_one_of(&addresses, deadline).await?;
        if !origin.tls {
            return Ok(Stream::Plain(tcp));
        }
        let name =
            server_name(&origin.host).map_err(|_| SendFailure::nothing_left(FailureKind::InvalidRequest))?;
        let connector = self.connector()?;
        match connector.connect(name, tcp).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(SendFailure::nothing_left(tls_failure(&error)).with_detail(error).into()),
        }
    }

    fn connector(&self) -> Result<&TlsConnector, SendFailure> {
        let made = self.tls.get_or_init(|| {
            tls_config(&self.options.extra_roots).map(|config| TlsConnector::from(Arc::new(config)))
        });
        made.as_ref().map_err(|error| SendFailure::nothing_left(FailureKind::Tls).with_detail(error))
    }
}

/// All addresses of a name, or the refusal: one that is special spoils the name, since nobody says which of them the
/// next call would get.
fn allowed(addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, OutsideFailure> {
    match addresses.iter().find_map(|address| special(*address)) {
        Some(range) => Err(OutsideFailure::Forbidden { range }),
        None => Ok(addresses),
    }
}

fn write(request: &OutsideRequest<'_>) -> Option<Request<Full<Bytes>>> {
    let OutsideRequest { method, url, headers, body, .. } = request;
    check(&Outgoing { path: &url.target, headers, body: Bytes::new() }).ok()?;
    let mut written = Request::new(Full::new(body.clone()));
    *written.method_mut() = method.clone();
    *written.uri_mut() = url.target.parse().ok()?;
    let all = written.headers_mut();
    all.insert(HOST, HeaderValue::from_str(&url.origin.authority()).ok()?);
    all.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    all.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    all.insert(CONNECTION, HeaderValue::from_static("close"));
    if !body.is_empty() || ![Method::GET, Method::HEAD, Method::DELETE].contains(method) {
        all.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    for (name, value) in *headers {
        all.append(name.clone(), value.clone());
    }
    Some(written)
}

fn read(whole: Whole) -> OutsideReply {
    let mut headers = Vec::with_capacity(whole.headers.keys_len());
    for name in whole.headers.keys().filter(|name| **name != SET_COOKIE) {
        let values: Vec<String> = whole
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        headers.push((name.as_str().to_owned(), values.join(", ")));
    }
    headers.sort();
    OutsideReply { status: whole.reply.status, headers, body: whole.reply.body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_special_address_spoils_a_name() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        for (texts, fits) in [
            (&["8.8.8.8"][..], true),
            (&["8.8.8.8", "2606:4700::1111"], true),
            (&["8.8.8.8", "10.0.0.1"], false),
            (&["127.0.0.1"], false),
            (&["::1"], false),
            (&["2606:4700::1111", "::ffff:8.8.8.8"], false),
        ] {
            assert_eq!(allowed(parse(texts)).is_ok(), fits, "{texts:?}");
        }
    }
}
