//! The limits of a transport, and why a transport cannot be made.

use std::time::Duration;

use gesher_core::limits::RESPONSE_BYTES_MAX;
use rustls::pki_types::CertificateDer;

/// Resolving, connecting and TLS together, unless said otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A whole call, unless said otherwise. Shorter times only make more calls end unknown.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// Size of an answer's head. A larger one ends the call as `TooLarge`.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long the kernel may go on delivering what the peer does not acknowledge.
pub(crate) const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a caller may choose about a transport.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Resolving, connecting and TLS together.
    pub connect: Duration,
    /// The whole call, connecting included.
    pub total: Duration,
    /// Size of an answer's body. A larger one ends the call as `TooLarge`.
    pub body_bytes_max: usize,
    /// Certificates to trust beside those of the platform; for servers of one's own.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            total: TOTAL_TIMEOUT,
            body_bytes_max: RESPONSE_BYTES_MAX,
            extra_roots: Vec::new(),
        }
    }
}

impl TransportOptions {
    /// The defaults with another total. Connecting gets half of it at most, so that there is always a time in which
    /// a slow connection is still known to have sent nothing.
    pub fn with_total(total: Duration) -> Self {
        Self { connect: CONNECT_TIMEOUT.min(total / 2), total, ..Self::default() }
    }

    pub(crate) fn checked(self) -> Result<Self, TransportError> {
        if self.connect.is_zero() || self.connect >= self.total {
            return Err(TransportError::Timeouts);
        }
        Ok(self)
    }
}

/// Why a transport cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// With one time for all a slow handshake could not be told from a slow answer.
    #[error("the time for connecting must be above zero and below the time of the whole call")]
    Timeouts,
    /// The trusted certificates could not be loaded.
    #[error("could not load the trusted root certificates")]
    Roots(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("could not set up TLS")]
    Tls(#[source] rustls::Error),
    /// The host is no name that a certificate can be for.
    #[error("the host of the address is not a valid server name")]
    ServerName,
    /// The client for reads could not be made.
    #[error("could not set up the client for reads")]
    Client(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(connect_ms: u64, total_ms: u64, allowed: bool) {
        let options = TransportOptions {
            connect: Duration::from_millis(connect_ms),
            total: Duration::from_millis(total_ms),
            ..TransportOptions::default()
        };
        assert_eq!(options.checked().is_ok(), allowed, "{connect_ms} of {total_ms}");
    }

    #[test]
    fn connecting_always_has_less_time_than_the_whole_call() {
        check(10, 20, true);
        check(20, 20, false);
        check(30, 20, false);
        check(0, 20, false);
        for total in [1, 2, 30, 120, 600] {
            assert!(TransportOptions::with_total(Duration::from_secs(total)).checked().is_ok());
        }
        let long = TransportOptions::with_total(Duration::from_secs(180));
        assert_eq!((long.connect, long.total), (CONNECT_TIMEOUT, Duration::from_secs(180)));
    }
}
