//! The address of a provider, parsed once and checked for what may stand in it.
//!
//! Requests carry credentials, so the address must be encrypted or lead to this very machine, and it must hold no
//! credentials of its own, since addresses are printed and requests are not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::outside::Origin;
use hyper::Uri;

/// Where a provider is: scheme, host, port, and a path in front of every request's path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    tls: bool,
    host: Host,
    port: u16,
    authority: String,
    path: String,
}

/// The host in the form in which it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Written as an address: nobody is asked for it.
    Address(IpAddr),
    /// `localhost`, which is this machine by definition, so nobody is asked for it either.
    Localhost,
    /// A name that has to be resolved.
    Name(String),
}

/// Why an address is refused. The text itself is never repeated: it may hold what should not be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a whole web address.
    #[error("this is not a whole web address; write it like https://api.example.com")]
    NotAnAddress,
    /// A scheme other than the two known ones.
    #[error("the address must begin with https:// (or http:// for an address on this machine)")]
    Scheme,
    /// Plain HTTP to another machine.
    #[error("http:// is allowed only to this machine (127.0.0.1, [::1] or localhost); use https://")]
    PlainHttp,
    /// A user name or a password in the address.
    #[error("the address must hold no user name and no password")]
    UserInfo,
    /// A query or a fragment in the address.
    #[error("the address must end before any `?` or `#`")]
    QueryOrFragment,
}

impl BaseUrl {
    /// Parses and checks an address.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        if text.contains('#') {
            return Err(BaseUrlError::QueryOrFragment);
        }
        let uri: Uri = text.parse().map_err(|_| BaseUrlError::NotAnAddress)?;
        let authority = uri.authority().ok_or(BaseUrlError::NotAnAddress)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(BaseUrlError::Scheme),
            None => return Err(BaseUrlError::NotAnAddress),
        };
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        if uri.query().is_some() {
            return Err(BaseUrlError::QueryOrFragment);
        }
        let host = Host::parse(authority.host())?;
        if !tls && !host.is_loopback() {
            return Err(BaseUrlError::PlainHttp);
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            None => default_port(tls),
            Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or(BaseUrlError::NotAnAddress)?,
        };
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { tls, host, port, authority: authority.as_str().to_ascii_lowercase(), path })
    }

    /// Whether connections are encrypted.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the address leads to this very machine.
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// Host and port as they stand in the `Host` header.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether an address of the outside world leads to the same host and port, however either is written: the usual port
    /// may be left out, and this machine has many names.
    #[must_use]
    pub fn is_at(&self, origin: &Origin) -> bool {
        let is_one_host = match (&self.host, &origin.host) {
            // A closing dot says that the name is whole, which it is here anyway.
            (Host::Name(own), Host::Name(other)) => own.strip_suffix('.').unwrap_or(own) == other,
            (own, other) => own == other || own.is_loopback() && origin.is_loopback(),
        };
        is_one_host && self.port == origin.port
    }

    /// The path in front of every request's path; empty, or with a leading and without a closing slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        Self::parse(text)
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, BaseUrlError> {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Some(inner) = bracketed {
            let address: Ipv6Addr = inner.parse().map_err(|_| BaseUrlError::NotAnAddress)?;
            return Ok(Self::Address(address.into()));
        }
        if host.is_empty() {
            return Err(BaseUrlError::NotAnAddress);
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        Ok(Self::Name(host.to_ascii_lowercase()))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Localhost => true,
            Self::Name(_) => false,
        }
    }
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, BaseUrlError>) {
        let got = BaseUrl::parse(text).map(|base| base.to_string());
        assert_eq!(got.as_deref().map_err(|error| *error), want, "{text}");
    }

    #[test]
    fn encrypted_addresses_and_this_machine_are_allowed() {
        check("https://api.sumit.co.il", Ok("https://api.sumit.co.il"));
        check(" https://API.sumit.co.il/ ", Ok("https://api.sumit.co.il"));
        check("https://api.example.com:8443/v1/", Ok("https://api.example.com:8443/v1"));
        check("https://10.0.0.1", Ok("https://10.0.0.1"));
        check("http://127.0.0.1:9401", Ok("http://127.0.0.1:9401"));
        check("http://127.8.9.1:9401", Ok("http://127.8.9.1:9401"));
        check("http://[::1]:9401/", Ok("http://[::1]:9401"));
        check("http://localhost:9401", Ok("http://localhost:9401"));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        check("http://api.sumit.co.il", Err(BaseUrlError::PlainHttp));
        check("http://10.0.0.1:80", Err(BaseUrlError::PlainHttp));
        check("http://0.0.0.0:80", Err(BaseUrlError::PlainHttp));
        check("http://localhost.example.com", Err(BaseUrlError::PlainHttp));
        check("http://127.0.0.1.example.com", Err(BaseUrlError::PlainHttp));
        check("http://2130706433", Err(BaseUrlError::PlainHttp));
        check("http://127.0.0.1@evil.example", Err(BaseUrlError::UserInfo));
        check("https://user:secret@api.example.com", Err(BaseUrlError::UserInfo));
        check("https://api.example.com/?key=1", Err(BaseUrlError::QueryOrFragment));
        check("https://api.example.com/#part", Err(BaseUrlError::QueryOrFragment));
        check("ftp://api.example.com", Err(BaseUrlError::Scheme));
        check("api.example.com", Err(BaseUrlError::NotAnAddress));
        check("/v1", Err(BaseUrlError::NotAnAddress));
        check("", Err(BaseUrlError::NotAnAddress));
        check("https://", Err(BaseUrlError::NotAnAddress));
        check("https://api.example.com:99999", Err(BaseUrlError::NotAnAddress));
        check("https://api.example.com:0", Err(BaseUrlError::NotAnAddress));
        check("https://api.example.com:", Err(BaseUrlError::NotAnAddress));
        check("https://[::1", Err(BaseUrlError::NotAnAddress));
        check("https://ספק.example", Err(BaseUrlError::NotAnAddress));
    }

    #[test]
    fn the_port_follows_the_scheme_unless_it_is_named() {
        let port = |text| BaseUrl::parse(text).map(|base| base.port());
        assert_eq!(port("https://a.example"), Ok(443));
        assert_eq!(port("http://localhost"), Ok(80));
        assert_eq!(port("https://[::1]:9"), Ok(9));
    }

    #[test]
    fn a_refusal_does_not_repeat_the_address() {
        let error = BaseUrl::parse("https://user:canary@api.example.com").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
