//! What a played provider sends to others: messages to the addresses that somebody gave it.
//!
//! Only to this machine, since a simulator must not call anybody who does not know of it. Like the provider it tries
//! again until it hears a good status, so the same message may come more than once; order is not promised.

use bytes::Bytes;
use gesher_provider::simulate::Delivery;
use gesher_provider::{BaseUrl, HeaderName, HeaderValue, Outgoing, ReadTransport, TransportOptions};
use std::time::Duration;
use tokio::time::sleep;

/// The longest wait for one answer, as integrators saw it at the provider.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Tries of one message, the first among them; then it is given up.
const TRIES_MAX: u32 = 6;
/// Pause before the second try; each further one is twice as long. The provider's own pauses are not known.
const PAUSE: Duration = Duration::from_millis(200);

/// Sends each message on its own way. Nobody waits for it.
pub(crate) fn send(deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        tokio::spawn(async move {
            match target(&delivery.url) {
                Some((base, path)) => deliver(base, path, &delivery).await,
                None => tracing::warn!("a message to an address that is not on this machine is left out"),
            }
        });
    }
}

/// Base address and path of an address of this machine.
fn target(url: &str) -> Option<(BaseUrl, &str)> {
    let authority = url.find("://")? + 3;
    let path = authority + url.get(authority..)?.find('/')?;
    let base = BaseUrl::parse(url.get(..path)?).ok().filter(BaseUrl::is_loopback)?;
    Some((base, url.get(path..)?))
}

async fn deliver(base: BaseUrl, path: &str, delivery: &Delivery) {
    // Connecting is the smaller part of a call.
    let connect = TransportOptions::default().connect.min(ANSWER_WAIT / 2);
    let options = TransportOptions { connect, total: ANSWER_WAIT, ..TransportOptions::default() };
    let transport = match ReadTransport::new(base, options) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a message could not be prepared");
            return;
        }
    };
    let headers =
        [(HeaderName::from_static("content-type"), HeaderValue::from_static(delivery.content_type))];
    let mut pause = PAUSE;
    for attempt in 1..=TRIES_MAX {
        let body = Bytes::from(delivery.body.clone());
        let answer = transport.post(Outgoing { path, headers: &headers, body }).await;
        if answer.is_ok_and(|reply| (200..300).contains(&reply.status)) {
            return;
        }
        if attempt < TRIES_MAX {
            sleep(pause).await;
            pause *= 2;
        }
    }
    tracing::warn!(tries = TRIES_MAX, "a message was given up: nobody took it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, want: Option<&str>) {
        assert_eq!(target(url).map(|(_, path)| path), want, "{url}");
    }

    #[test]
    fn only_this_machine_is_called() {
        check("http://127.0.0.1:9000/hooks/x?k=1", Some("/hooks/x?k=1"));
        check("http://localhost:9000/", Some("/"));
        check("http://10.0.0.1:9000/hooks", None);
        check("https://example.test/hooks", None);
        check("http://127.0.0.1:9000", None);
        check("hooks", None);
    }
}
