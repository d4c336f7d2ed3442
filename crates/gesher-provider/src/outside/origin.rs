//! Addresses of the outside world: one strict reading of a URL, and of the hosts that a flow lists.
//!
//! A URL that two readers could read in two ways is refused: user names, backslashes, fragments, blanks, numbers that
//! stand for addresses, names outside ASCII. What is compared, what is connected to and what is written into the `Host`
//! header are one and the same value.

use super::address::special;
use crate::base_url::Host;
use hyper::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of a name, by the rules of the domain name system.
const NAME_BYTES_MAX: usize = 253;
/// Length of one part of a name.
const LABEL_BYTES_MAX: usize = 63;
/// Length of a URL. A longer one is refused.
pub(super) const URL_BYTES_MAX: usize = 8 << 10;

/// Scheme, host and port, in one spelling: `https://api.example.com:443`.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    pub(super) tls: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// A whole address, read once.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Where.
    pub origin: Origin,
    /// What there: path and query, as they go onto the wire.
    pub target: String,
}

/// Why a URL is refused. The text itself is never repeated: its query may hold what nobody should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Not a whole address.
    #[error("this is no whole web address; write it like https://api.example.com/orders")]
    NotAnAddress,
    /// Longer than anybody takes.
    #[error("the address is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// A scheme other than the two known ones.
    #[error("the address must begin with https://")]
    Scheme,
    /// Plain HTTP to another machine.
    #[error(
        "http:// is allowed only to an address on this machine that the flow lists with its port; use https://"
    )]
    PlainHttp,
    /// A user name or a password in the address.
    #[error("the address must hold no user name and no password; use the option `basic`")]
    UserInfo,
    /// A fragment, which is never sent.
    #[error("the address must hold no `#`")]
    Fragment,
    /// A host that cannot be one.
    #[error("the address has no host that can be called: {0}")]
    Host(HostFault),
}

/// Why a host is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Nothing, or what no name can hold.
    #[error("it is no name of a host; write it like api.example.com or api.example.com:8443")]
    NotAName,
    /// Letters beyond ASCII.
    #[error("write a name with other letters in its ASCII form, which begins with xn--")]
    NotAscii,
    /// A number that some readers take for an address.
    #[error("write an address in its usual form, such as 203.0.114.7 or [2001:db8::7]")]
    Number,
    /// A name without a dot, which depends on the network that one is in.
    #[error("write the whole name, with its domain")]
    OnePart,
    /// No port from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// This machine, without saying which of its listeners.
    #[error("an address on this machine is listed with its port, such as 127.0.0.1:9402")]
    LoopbackWithoutPort,
    /// An address that leads into a network of one's own, or nowhere.
    #[error("this address is not of the internet: it is {0}")]
    Special(&'static str),
}

impl Url {
    /// Reads an address. What it may not hold is refused, never mended.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlFault::TooLong);
        }
        if text.contains('#') {
            return Err(UrlFault::Fragment);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
            // A host with other letters has advice of its own.
            let host =
                text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
            return Err(if host.is_ascii() {
                UrlFault::NotAnAddress
            } else {
                UrlFault::Host(HostFault::NotAscii)
            });
        }
        let uri: Uri = text.parse().map_err(|_| UrlFault::NotAnAddress)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(UrlFault::Scheme),
            None => return Err(UrlFault::NotAnAddress),
        };
        let authority = uri.authority().ok_or(UrlFault::NotAnAddress)?.as_str();
        if authority.contains('@') {
            return Err(UrlFault::UserInfo);
        }
        let (host, port) = host_and_port(authority).map_err(UrlFault::Host)?;
        if !tls && !is_loopback(&host) {
            return Err(UrlFault::PlainHttp);
        }
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        // `//host` in front of a path is another server to some readers.
        if target.starts_with("//") {
            return Err(UrlFault::NotAnAddress);
        }
        Ok(Self { origin: Origin { tls, host, port }, target })
    }

    /// Host and path, without the query: what may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{}{path}", self.origin.authority())
    }
}

/// Path and query may hold what nobody should see.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Url").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Origin {
    /// Host and port as they stand in the `Host` header: the usual port is left out.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host_text() } else { format!("{}:{}", self.host_text(), self.port) }
    }

    /// Whether it is an address on this very machine, written as such.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The host alone.
    #[must_use]
    pub fn host_text(&self) -> String {
        match &self.host {
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            Host::Localhost => "localhost".to_owned(),
            Host::Name(name) => name.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host_text(), self.port)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The origins that one entry of a flow's `http` stands for: `api.example.com`, `api.example.com:8443`, or an address on
/// this machine with its port, which may be called without encryption.
pub fn origins_of(entry: &str) -> Result<Vec<Origin>, HostFault> {
    if entry.contains(['/', '@', '?', '#', '\\', '*'])
        || entry.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(HostFault::NotAName);
    }
    let (host, port) = host_and_port(entry)?;
    if is_loopback(&host) {
        let port = port.ok_or(HostFault::LoopbackWithoutPort)?;
        return Ok([false, true].map(|tls| Origin { tls, host: host.clone(), port }).into());
    }
    if let Host::Address(address) = &host
        && let Some(name) = special(*address)
    {
        return Err(HostFault::Special(name));
    }
    Ok(vec![Origin { tls: true, host, port: port.unwrap_or(443) }])
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Address(address) => address.is_loopback(),
        Host::Localhost => true,
        Host::Name(_) => false,
    }
}

fn host_and_port(authority: &str) -> Result<(Host, Option<u16>), HostFault> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').map(|at| at + 2).ok_or(HostFault::NotAName)?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return Err(HostFault::NotAName),
        Some(digits) => Some(port(digits)?),
    };
    Ok((parse_host(host)?, port))
}

fn port(digits: &str) -> Result<u16, HostFault> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| all_digits && *port > 0).ok_or(HostFault::Port)
}

fn parse_host(text: &str) -> Result<Host, HostFault> {
    if !text.is_ascii() {
        return Err(HostFault::NotAscii);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner
            .parse::<Ipv6Addr>()
            .map(|address| Host::Address(address.into()))
            .map_err(|_| HostFault::Number);
    }
    let lower = text.to_ascii_lowercase();
    // A closing dot says that the name is whole, which it is here anyway.
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    if name == "localhost" {
        return Ok(Host::Localhost);
    }
    let label_fits = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(label_fits) {
        return Err(HostFault::NotAName);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    // Some readers take `2130706433`, `0177.0.0.1` and `127.0.0x1` for addresses. No name of the internet ends so.
    if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostFault::Number);
    }
    // Below `localhost` is this machine too.
    match name.contains('.') && last != "localhost" {
        true => Ok(Host::Name(name.to_owned())),
        false => Err(HostFault::OnePart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn url(text: &str, want: Result<(&str, &str), UrlFault>) {
        let got = Url::parse(text).map(|url| (url.origin.to_string(), url.target));
        assert_eq!(got, want.map(|(origin, target)| (origin.to_owned(), target.to_owned())), "{text}");
    }

    #[test]
    fn one_place_has_one_spelling() {
        url("https://api.example.com", Ok(("https://api.example.com:443", "/")));
        url("https://API.Example.COM/Orders?a=1", Ok(("https://api.example.com:443", "/Orders?a=1")));
        url("HTTPS://api.example.com:443/", Ok(("https://api.example.com:443", "/")));
        url("https://api.example.com./x", Ok(("https://api.example.com:443", "/x")));
        url("https://api.example.com?a=1", Ok(("https://api.example.com:443", "/?a=1")));
        url(
            "https://xn--4dbcagdahymbxekheh6e0a7fei0b.example/",
            Ok(("https://xn--4dbcagdahymbxekheh6e0a7fei0b.example:443", "/")),
        );
        url("https://api.example.com:8443/", Ok(("https://api.example.com:8443", "/")));
        url("http://127.0.0.1:9402/a", Ok(("http://127.0.0.1:9402", "/a")));
        url("http://LOCALHOST:9402/a", Ok(("http://localhost:9402", "/a")));
        url("http://[::1]:9402/a", Ok(("http://[::1]:9402", "/a")));
        url("https://[0:0:0:0:0:0:0:1]:9402/a", Ok(("https://[::1]:9402", "/a")));
        url("https://8.8.8.8/", Ok(("https://8.8.8.8:443", "/")));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let host = |fault| Err(UrlFault::Host(fault));
        url("http://api.example.com/", Err(UrlFault::PlainHttp));
        url("http://10.0.0.1/", Err(UrlFault::PlainHttp));
        url("http://[::ffff:127.0.0.1]:80/", Err(UrlFault::PlainHttp));
        url("ftp://api.example.com/", Err(UrlFault::Scheme));
        url("file:///etc/passwd", Err(UrlFault::NotAnAddress));
        url("api.example.com/orders", Err(UrlFault::NotAnAddress));
        url("//api.example.com/", Err(UrlFault::NotAnAddress));
        url("", Err(UrlFault::NotAnAddress));
        url("https://", Err(UrlFault::NotAnAddress));
        url("https://api.example.com@evil.example/", Err(UrlFault::UserInfo));
        url("https://user:pass@api.example.com/", Err(UrlFault::UserInfo));
        url("https://evil.example#@api.example.com/", Err(UrlFault::Fragment));
        url("https://evil.example\\@api.example.com/", Err(UrlFault::NotAnAddress));
        url("https://api.example.com\\.evil.example/", Err(UrlFault::NotAnAddress));
        url(" https://api.example.com/", Err(UrlFault::NotAnAddress));
        url("https://api.example.com/a b", Err(UrlFault::NotAnAddress));
        url("https://api.example.com/a\r\nHost: evil", Err(UrlFault::NotAnAddress));
        url("https://api.example.com//evil.example/", Err(UrlFault::NotAnAddress));
        url("https://api.example.com/שם", Err(UrlFault::NotAnAddress));
        url("https://דוגמה.example/", host(HostFault::NotAscii));
        url("https://api.example.com。evil.example/", host(HostFault::NotAscii));
        url("https://api.example.com:0/", host(HostFault::Port));
        url("https://api.example.com:65536/", host(HostFault::Port));
        url(&format!("https://api.example.com/{}", "a".repeat(URL_BYTES_MAX)), Err(UrlFault::TooLong));
    }

    #[test]
    fn no_number_stands_for_an_address() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.0x1",
            "127.0.0.1.0x1",
            "1.2.3.4.5",
            "256.0.0.1",
            "api.example.1",
        ] {
            url(&format!("https://{host}/"), Err(UrlFault::Host(HostFault::Number)));
        }
        for host in ["localhost.", "127.0.0.1."] {
            assert!(Url::parse(&format!("https://{host}:1/")).unwrap().origin.is_loopback(), "{host}");
        }
        url("https://intranet/", Err(UrlFault::Host(HostFault::OnePart)));
        url("https://a.localhost:1/", Err(UrlFault::Host(HostFault::OnePart)));
        for host in ["-a.example", "a-.example", "a..example", ".example.com", "a!b.example"] {
            assert!(Url::parse(&format!("https://{host}/")).is_err(), "{host}");
        }
    }

    #[track_caller]
    fn entry(text: &str, want: Result<&[&str], HostFault>) {
        let got = origins_of(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(got, want.map(|all| all.iter().map(|&one| one.to_owned()).collect()), "{text}");
    }

    #[test]
    fn an_entry_stands_for_exactly_the_origins_that_it_names() {
        entry("api.example.com", Ok(&["https://api.example.com:443"]));
        entry("API.example.com.", Ok(&["https://api.example.com:443"]));
        entry("api.example.com:8443", Ok(&["https://api.example.com:8443"]));
        entry("127.0.0.1:9402", Ok(&["http://127.0.0.1:9402", "https://127.0.0.1:9402"]));
        entry("localhost:9402", Ok(&["http://localhost:9402", "https://localhost:9402"]));
        entry("[::1]:9402", Ok(&["http://[::1]:9402", "https://[::1]:9402"]));
        entry("127.0.0.1", Err(HostFault::LoopbackWithoutPort));
        entry("localhost", Err(HostFault::LoopbackWithoutPort));
        entry("10.1.2.3", Err(HostFault::Special("private")));
        entry("169.254.169.254", Err(HostFault::Special("link-local, where clouds keep their metadata")));
        entry("[fd00::1]:80", Err(HostFault::Special("private")));
        entry("[::ffff:10.0.0.1]", Err(HostFault::Special("IPv4 written as IPv6")));
        for wrong in [
            "https://api.example.com",
            "*.example.com",
            "api.example.com/x",
            "a@b.example",
            "",
            "a b.example",
        ] {
            entry(wrong, Err(HostFault::NotAName));
        }
        entry("api.example.com:", Err(HostFault::Port));
        entry("api.example.com:+80", Err(HostFault::Port));
        entry("api.example.com:99999", Err(HostFault::Port));
        entry("דוגמה.example", Err(HostFault::NotAscii));
        entry("2130706433", Err(HostFault::Number));
        entry("intranet", Err(HostFault::OnePart));
    }

    #[test]
    fn neither_the_query_nor_the_path_is_in_the_debug_form() {
        let url = Url::parse("https://api.example.com/a?key=canary").unwrap();
        assert!(!format!("{url:?}").contains("canary"));
        assert_eq!(url.shown(), "api.example.com/a");
    }
}
