//! Turns a caller's path, headers and body into one HTTP request with exact framing.
//!
//! Framing is the transport's alone: a caller that could set a length or ask for `100 Continue` could make the count
//! of sent bytes mean something else.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::{Method, Request, Uri};

use crate::base_url::BaseUrl;

/// What the hub calls itself.
pub(crate) const AGENT: &str = concat!("gesher/", env!("CARGO_PKG_VERSION"));

/// One POST, borrowed from the caller.
#[derive(Clone)]
pub struct Outgoing<'a> {
    /// Path below the base address, with a leading slash; may hold a query, which is never shown.
    pub path: &'a str,
    /// Headers beside those of the transport.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// The body; its length is announced exactly.
    pub body: Bytes,
}

/// Path and body may hold credentials and personal data, so only the sizes are shown.
impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The request cannot be written as HTTP, or touches the framing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// The parts that are the same in every request, made once.
#[derive(Debug)]
pub(crate) struct Template {
    prefix: String,
    host: HeaderValue,
}

impl Template {
    pub(crate) fn new(base: &BaseUrl) -> Result<Self, Invalid> {
        let host = HeaderValue::from_str(base.authority()).map_err(|_| Invalid)?;
        Ok(Self { prefix: base.path().to_owned(), host })
    }

    pub(crate) fn fill(&self, outgoing: Outgoing<'_>) -> Result<Request<Full<Bytes>>, Invalid> {
        check(&outgoing)?;
        let target = if self.prefix.is_empty() {
            Bytes::copy_from_slice(outgoing.path.as_bytes())
        } else {
            Bytes::from([self.prefix.as_str(), outgoing.path].concat())
        };
        let uri = Uri::from_maybe_shared(target).map_err(|_| Invalid)?;
        let length = HeaderValue::from(outgoing.body.len());
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.reserve(outgoing.headers.len() + 5);
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(CONTENT_LENGTH, length);
        for (name, value) in outgoing.headers {
            headers.append(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// What both transports refuse before anything is opened.
pub(crate) fn check(outgoing: &Outgoing<'_>) -> Result<(), Invalid> {
    // A fragment would be cut off silently, and `//host` would be another server to some parsers.
    let path_ok = outgoing.path.starts_with('/')
        && !outgoing.path.starts_with("//")
        && outgoing.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let headers_ok = outgoing.headers.iter().all(|(name, _)| !is_framing(name));
    if path_ok && headers_ok { Ok(()) } else { Err(Invalid) }
}

/// Whether only the transport itself sets this header.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, EXPECT, UPGRADE, TE, USER_AGENT, ACCEPT_ENCODING]
        .contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(
        base: &str,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Request<Full<Bytes>>, Invalid> {
        let template = Template::new(&BaseUrl::parse(base).unwrap()).unwrap();
        template.fill(Outgoing { path, headers, body: Bytes::from_static(b"{}") })
    }

    #[track_caller]
    fn check(base: &str, path: &str, want: Option<&str>) {
        let got = fill(base, path, &[]).ok().map(|request| request.uri().to_string());
        assert_eq!(got.as_deref(), want, "{base} {path}");
    }

    #[test]
    fn the_path_is_put_below_the_base() {
        check("http://localhost:1", "/billing/payments/charge/", Some("/billing/payments/charge/"));
        check("https://a.example/v1/", "/x?y=z", Some("/v1/x?y=z"));
        check("http://localhost:1", "billing", None);
        check("http://localhost:1", "//evil.example/", None);
        check("http://localhost:1", "/a b", None);
        check("http://localhost:1", "/a\r\nHost: b", None);
        check("http://localhost:1", "/a#b", None);
        check("http://localhost:1", "", None);
    }

    #[test]
    fn framing_headers_are_the_transports_alone() {
        let header = |name: HeaderName| [(name, HeaderValue::from_static("1"))];
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, CONNECTION, EXPECT] {
            assert_eq!(fill("http://localhost:1", "/", &header(name.clone())).err(), Some(Invalid), "{name}");
        }
        let language = hyper::header::CONTENT_LANGUAGE;
        let request = fill("http://localhost:1", "/", &header(language.clone())).unwrap();
        assert_eq!(request.headers()[language], "1");
        assert_eq!(request.headers()[CONTENT_LENGTH], "2");
        assert_eq!(request.headers()[CONNECTION], "close");
    }

    #[test]
    fn the_debug_form_shows_neither_path_nor_body() {
        let outgoing =
            Outgoing { path: "/?password=canary", headers: &[], body: Bytes::from_static(b"canary") };
        assert!(!format!("{outgoing:?}").contains("canary"));
    }
}
