//! Sends calls that only read, over re-used connections.
//!
//! A read may be asked again, so a false alarm costs nothing and re-use is worth its saving. It is otherwise held as
//! tight as a money call: no redirect, no retry, no proxy from the environment, HTTP/1.1, limits on time and size.
//! It has no byte counter: whatever is not a failure to connect counts as if the whole request had left.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::ring;

use crate::base_url::BaseUrl;
use crate::connect::{tcp_failure, tls_config, tls_failure};
use crate::failure::{FailureKind, SendFailure};
use crate::options::{TCP_USER_TIMEOUT, TransportError, TransportOptions};
use crate::reply::Reply;
use crate::request::{AGENT, Outgoing, check};
use crate::transport::{body_failure, head_failure};
use crate::witness::Witness;

/// How long an unused connection is kept. Servers commonly close theirs after a minute or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The transport of reads from one provider.
pub struct ReadTransport {
    base: BaseUrl,
    prefix: String,
    client: reqwest::Client,
    body_bytes_max: usize,
}

impl ReadTransport {
    /// Prepares a transport; connects to nothing yet.
    pub fn new(base: BaseUrl, options: TransportOptions) -> Result<Self, TransportError> {
        let options = options.checked()?;
        let client = client(&base, &options)?;
        Ok(Self { prefix: base.to_string(), base, client, body_bytes_max: options.body_bytes_max })
    }

    /// Sends one POST and answers with the whole reply whatever its status, or with what is known.
    pub async fn post(&self, outgoing: Outgoing<'_>) -> Result<Reply, SendFailure> {
        self.send(Method::POST, outgoing).await
    }

    /// The same with GET, for providers that are asked in the address alone; the body has to be empty.
    pub async fn get(&self, outgoing: Outgoing<'_>) -> Result<Reply, SendFailure> {
        if !outgoing.body.is_empty() {
            return Err(SendFailure::nothing_left(FailureKind::InvalidRequest));
        }
        self.send(Method::GET, outgoing).await
    }

    async fn send(&self, method: Method, outgoing: Outgoing<'_>) -> Result<Reply, SendFailure> {
        check(&outgoing).map_err(|_| SendFailure::nothing_left(FailureKind::InvalidRequest))?;
        let size = outgoing.body.len() as u64;
        let mut request = self.client.request(method, [self.prefix.as_str(), outgoing.path].concat());
        for (name, value) in outgoing.headers {
            request = request.header(name, value);
        }
        let response = request.body(outgoing.body).send().await.map_err(|error| failure(error, size))?;
        self.read_whole(response, size).await
    }

    async fn read_whole(&self, mut response: reqwest::Response, size: u64) -> Result<Reply, SendFailure> {
        let too_large = || Err(SendFailure::new(FailureKind::TooLarge, all_left(size)));
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        if response.content_length().is_some_and(|length| length > self.body_bytes_max as u64) {
            return too_large();
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(error, size))? {
            if body.len() + chunk.len() > self.body_bytes_max {
                return too_large();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, content_type, body: body.freeze() })
    }
}

impl fmt::Debug for ReadTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadTransport").field("base", &self.base).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the client that all reads go through")]
fn client(base: &BaseUrl, options: &TransportOptions) -> Result<reqwest::Client, TransportError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(base, options)?)
        .user_agent(AGENT)
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(options.connect)
        .timeout(options.total)
        .pool_idle_timeout(IDLE_TIMEOUT);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(TCP_USER_TIMEOUT);
    builder.build().map_err(TransportError::Client)
}

/// The client wants a TLS configuration also where it will never speak TLS; then it gets one that trusts nobody,
/// which spares the reading of the platform's certificates.
fn tls(base: &BaseUrl, options: &TransportOptions) -> Result<ClientConfig, TransportError> {
    if base.is_tls() {
        return tls_config(&options.extra_roots);
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(TransportError::Tls)?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// Without a counter the most is assumed; an empty body still has a head.
fn all_left(size: u64) -> Witness {
    Witness::SomethingLeft { bytes: size.max(1) }
}

fn failure(error: reqwest::Error, size: u64) -> SendFailure {
    let error = error.without_url();
    if error.is_builder() {
        return SendFailure::nothing_left(FailureKind::InvalidRequest);
    }
    if error.is_connect() {
        let kind = if error.is_timeout() { FailureKind::ConnectTimeout } else { connect_failure(&error) };
        return SendFailure::nothing_left(kind);
    }
    let kind = if error.is_timeout() {
        FailureKind::ResponseTimeout
    } else {
        let in_body = error.is_body() || error.is_decode();
        match find::<hyper::Error>(&error) {
            Some(cause) if in_body => body_failure(cause),
            Some(cause) => head_failure(cause),
            None if in_body => FailureKind::TruncatedBody,
            None => FailureKind::ClosedWithoutResponse,
        }
    };
    SendFailure::new(kind, all_left(size))
}

fn connect_failure(error: &reqwest::Error) -> FailureKind {
    if causes(error).any(|cause| cause.to_string() == "dns error") {
        return FailureKind::Dns;
    }
    let Some(mut cause) = find::<io::Error>(error) else {
        return FailureKind::Unreachable;
    };
    // An I/O error hides the one that it wraps from the chain of sources.
    while let Some(inner) = cause.get_ref().and_then(|inner| inner.downcast_ref()) {
        cause = inner;
    }
    // A handshake's error wraps that of the TLS library, or is the end of a connection that had been made.
    let in_handshake = cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
        || matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
    if in_handshake { tls_failure(cause) } else { tcp_failure(cause) }
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
