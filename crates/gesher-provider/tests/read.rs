//! Reads: the same strictness without the counter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something breaks"
)]

mod support;

use std::time::Duration;

use gesher_provider::FailureKind::{
    ClosedWithoutResponse, ConnectTimeout, Dns, InvalidRequest, MalformedResponse, Refused, ResponseTimeout,
    TooLarge, TruncatedBody,
};
use gesher_provider::{BaseUrl, FailureKind, MoneyTransport, Outgoing, ReadTransport, Witness};
use support::Step::{self, Hang, Read};
use support::{base, black_hole, options, outgoing, serve, write};

const SMALL: &[u8] = b"{\"PaymentID\": 1}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

async fn check_unknown(steps: Vec<Step>, want: FailureKind) {
    let shown = format!("{steps:?}").chars().take(200).collect::<String>();
    let (address, seen) = serve(steps).await;
    let transport = ReadTransport::new(base("http", address), options()).unwrap();
    let failure = transport.post(outgoing(SMALL)).await.expect_err(&shown);
    assert_eq!(failure.kind, want, "{shown}: {failure}");
    assert_eq!(failure.witness, Witness::SomethingLeft { bytes: SMALL.len() as u64 }, "{shown}");
    assert!(!format!("{failure} {failure:?}").contains("canary"), "{failure:?}");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(seen.connections(), 1, "{shown}");
}

#[tokio::test]
async fn reads_share_a_connection_while_it_lasts() {
    let steps = vec![Read, write(OK), Read, write(OK), Hang];
    let (address, seen) = serve(steps).await;
    let transport = ReadTransport::new(base("http", address), options()).unwrap();
    for _ in 0..2 {
        let reply = transport.post(outgoing(SMALL)).await.unwrap();
        assert_eq!((reply.status, &reply.body[..]), (200, &b"{}"[..]));
    }
    assert_eq!((seen.connections(), seen.requests()), (1, 2));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    for status in [302, 307] {
        let redirect =
            format!("HTTP/1.1 {status} Moved\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\n\r\n");
        let (address, seen) = serve(vec![Read, write(redirect), Hang]).await;
        let transport = ReadTransport::new(base("http", address), options()).unwrap();
        assert_eq!(transport.post(outgoing(SMALL)).await.unwrap().status, status);
        assert_eq!(seen.requests(), 1);
    }
}

#[tokio::test]
async fn failures_after_connecting_are_told_apart() {
    check_unknown(vec![Read], ClosedWithoutResponse).await;
    check_unknown(vec![Read, Hang], ResponseTimeout).await;
    check_unknown(vec![Read, write("SSH-2.0-OpenSSH_9.2\r\n\r\n")], MalformedResponse).await;
    check_unknown(vec![Read, write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")], TruncatedBody).await;
    check_unknown(vec![Read, write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Hang], ResponseTimeout)
        .await;
    check_unknown(vec![Read, write("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n"), Hang], TooLarge)
        .await;
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(10_001));
    check_unknown(vec![Read, write(endless), Hang], TooLarge).await;
}

#[tokio::test]
async fn failures_to_connect_left_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let (full, _kept) = black_hole().await;
    for (address, want) in [(gone, Refused), (full, ConnectTimeout)] {
        let transport = ReadTransport::new(base("http", address), options()).unwrap();
        let failure = transport.post(outgoing(SMALL)).await.unwrap_err();
        assert_eq!((failure.kind, failure.witness), (want, Witness::NothingLeft), "{failure}");
    }
    let transport = ReadTransport::new(base("http", gone), options()).unwrap();
    let failure = transport.post(Outgoing { path: "no slash", ..outgoing(SMALL) }).await.unwrap_err();
    assert_eq!((failure.kind, failure.witness), (InvalidRequest, Witness::NothingLeft));
}

#[tokio::test]
async fn a_name_without_an_address_left_nothing() {
    // Reserved to exist nowhere, so no resolver knows it; without any resolver the answer is the same.
    let nowhere = || BaseUrl::parse("https://nowhere.invalid").unwrap();
    let slow = || gesher_provider::TransportOptions {
        connect: Duration::from_secs(20),
        total: Duration::from_secs(30),
        ..options()
    };
    let money = MoneyTransport::new(nowhere(), slow()).unwrap().post(outgoing(SMALL)).await.unwrap_err();
    let read = ReadTransport::new(nowhere(), slow()).unwrap().post(outgoing(SMALL)).await.unwrap_err();
    for failure in [money, read] {
        assert_eq!((failure.kind, failure.witness), (Dns, Witness::NothingLeft), "{failure}");
    }
}
