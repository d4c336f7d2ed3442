//! The same over TLS, and every way in which a handshake can fail: nothing leaves before it is done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something breaks"
)]

mod support;

use std::time::Duration;

use gesher_provider::FailureKind::{
    Certificate, ClosedWithoutResponse, ConnectTimeout, ResponseTimeout, Tls, TruncatedBody,
};
use gesher_provider::{
    Class, FailureKind, MoneyTransport, Profile, ReadTransport, SendFailure, TransportError,
    TransportOptions, Witness, classify,
};
use support::Step::{self, Drip, Hang, Pause, Read};
use support::{Identity, base, options, outgoing, serve, serve_tls, write};

const SMALL: &[u8] = b"{\"Amount\": 1}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

fn trusting(identity: &Identity) -> TransportOptions {
    TransportOptions { extra_roots: vec![identity.root.clone()], ..options() }
}

/// Both transports fail like this before anything left.
async fn check_nothing_left(identity: &Identity, trust: &Identity, alpn: &[&str], want: FailureKind) {
    let (address, seen) = serve_tls(vec![Read, write(OK)], identity.server(alpn)).await;
    let money = MoneyTransport::new(base("https", address), trusting(trust)).unwrap();
    check_failure(&money.post(outgoing(SMALL)).await.unwrap_err(), want);
    let read = ReadTransport::new(base("https", address), trusting(trust)).unwrap();
    check_failure(&read.post(outgoing(SMALL)).await.unwrap_err(), want);
    assert_eq!((seen.connections(), seen.bytes()), (2, 0));
}

#[track_caller]
fn check_failure(failure: &SendFailure, want: FailureKind) {
    assert_eq!((failure.kind, failure.witness), (want, Witness::NothingLeft), "{failure}");
    let class = if want == Certificate { Class::CertificateAlarm } else { Class::NotSent };
    assert_eq!(classify(Err(failure), &Profile::default()), class);
}

/// The handshake works and the call then ends like this, with bytes gone.
async fn check_unknown(steps: Vec<Step>, want: FailureKind) {
    let shown = format!("{steps:?}");
    let identity = Identity::new(&["127.0.0.1"]);
    let (address, seen) = serve_tls(steps, identity.server(&["http/1.1"])).await;
    let transport = MoneyTransport::new(base("https", address), trusting(&identity)).unwrap();
    let failure = transport.post(outgoing(SMALL)).await.expect_err(&shown);
    let Witness::SomethingLeft { bytes } = failure.witness else { panic!("{shown}: {failure}") };
    assert!(bytes >= seen.bytes(), "{shown}: {bytes} of {}", seen.bytes());
    assert_eq!((failure.kind, seen.connections()), (want, 1), "{shown}: {failure}");
    assert_eq!(classify(Err(&failure), &Profile::default()), Class::Unknown);
}

#[tokio::test]
async fn a_trusted_server_is_talked_to() {
    let identity = Identity::new(&["127.0.0.1"]);
    for alpn in [&["http/1.1"][..], &[], &["h2", "http/1.1"]] {
        let (address, seen) = serve_tls(vec![Read, write(OK)], identity.server(alpn)).await;
        let transport = MoneyTransport::new(base("https", address), trusting(&identity)).unwrap();
        // The second call resumes the session of the first, on a connection of its own.
        for call in 1..=2 {
            let reply = transport.post(outgoing(SMALL)).await.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (200, &b"{}"[..]));
            assert_eq!((seen.connections(), seen.requests()), (call, call));
        }
    }
}

#[tokio::test]
async fn a_name_is_checked_against_the_certificate() {
    let identity = Identity::new(&["localhost"]);
    let (address, _) = serve_tls(vec![Read, write(OK)], identity.server(&[])).await;
    let named = format!("https://localhost:{}", address.port()).parse().unwrap();
    let transport = MoneyTransport::new(named, trusting(&identity)).unwrap();
    assert_eq!(transport.post(outgoing(SMALL)).await.unwrap().status, 200);
    check_nothing_left(&identity, &identity, &[], Certificate).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_raises_an_alarm() {
    let identity = Identity::new(&["127.0.0.1"]);
    check_nothing_left(&identity, &Identity::new(&["127.0.0.1"]), &[], Certificate).await;
    let expired = Identity::valid(&["127.0.0.1"], 2000, 2001);
    check_nothing_left(&expired, &expired, &[], Certificate).await;
    let future = Identity::valid(&["127.0.0.1"], 3000, 3001);
    check_nothing_left(&future, &future, &[], Certificate).await;
}

#[tokio::test]
async fn a_server_that_speaks_only_http_2_is_left_alone() {
    let identity = Identity::new(&["127.0.0.1"]);
    check_nothing_left(&identity, &identity, &["h2"], Tls).await;
}

/// A server without TLS does this while the client waits for its handshake.
async fn check_handshake(steps: Vec<Step>, want: FailureKind) {
    let (address, _) = serve(steps).await;
    let identity = Identity::new(&["127.0.0.1"]);
    let money = MoneyTransport::new(base("https", address), trusting(&identity)).unwrap();
    check_failure(&money.post(outgoing(SMALL)).await.unwrap_err(), want);
    let read = ReadTransport::new(base("https", address), trusting(&identity)).unwrap();
    check_failure(&read.post(outgoing(SMALL)).await.unwrap_err(), want);
}

#[tokio::test]
async fn a_handshake_that_fails_leaves_nothing() {
    check_handshake(vec![write("HTTP/1.1 400 Bad Request\r\n\r\n"), Pause(Duration::from_millis(50))], Tls)
        .await;
    check_handshake(vec![], Tls).await;
    // With the greeting unread the close is a reset.
    check_handshake(vec![Pause(Duration::from_millis(20))], Tls).await;
    check_handshake(vec![Hang], ConnectTimeout).await;
    check_handshake(
        vec![Drip(&[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3, 0, 0, 0], Duration::from_millis(60))],
        ConnectTimeout,
    )
    .await;
}

#[tokio::test]
async fn after_the_handshake_the_same_rules_hold() {
    check_unknown(vec![Read], ClosedWithoutResponse).await;
    check_unknown(vec![Read, Hang], ResponseTimeout).await;
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"";
    check_unknown(vec![Read, write(short)], TruncatedBody).await;
}

#[tokio::test]
async fn connecting_and_answering_have_times_of_their_own() {
    let same =
        TransportOptions { connect: Duration::from_secs(1), total: Duration::from_secs(1), ..options() };
    let address = "127.0.0.1:9".parse().unwrap();
    let refused = MoneyTransport::new(base("http", address), same.clone()).unwrap_err();
    assert!(matches!(refused, TransportError::Timeouts));
    assert!(matches!(ReadTransport::new(base("http", address), same), Err(TransportError::Timeouts)));
}
