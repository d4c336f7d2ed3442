//! Every way in which a plain money call can end, on real sockets: what is said, what the witness proves, and that
//! the server never sees a second request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something breaks"
)]

mod support;

use std::time::Duration;

use gesher_provider::FailureKind::{
    BeforeFirstByte, ClosedWithoutResponse, ConnectTimeout, InvalidRequest, MalformedResponse, PartialWrite,
    Refused, ResponseTimeout, TooLarge, TruncatedBody,
};
use gesher_provider::{
    Class, FailureKind, MoneyTransport, Outgoing, Profile, Reply, SendFailure, Witness, classify,
};
use support::Step::{self, Drip, Hang, Pause, Read, ReadHead};
use support::{base, black_hole, options, outgoing, serve, write};

const SMALL: &[u8] = b"{\"Amount\": 1}";
/// Longer than a whole call may take.
const SECONDS: Duration = Duration::from_secs(8);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// Runs one call against a server that follows the steps.
async fn call(body: &[u8], steps: Vec<Step>) -> Result<Reply, SendFailure> {
    let shown = format!("{steps:?}").chars().take(200).collect::<String>();
    let (address, seen) = serve(steps).await;
    let transport = MoneyTransport::new(base("http", address), options()).unwrap();
    let result = transport.post(outgoing(body)).await;
    // A retry or a followed redirect would come at once; give it the time.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(seen.connections(), 1, "{shown}");
    assert!(seen.requests() <= 1, "{shown}");
    if let Err(failure) = &result {
        let left = match failure.witness {
            Witness::NothingLeft => 0,
            Witness::SomethingLeft { bytes } => bytes,
        };
        assert!(left >= seen.bytes(), "{shown}: {failure} but the server saw {}", seen.bytes());
        assert!(!format!("{failure} {failure:?}").contains("canary"), "{failure:?}");
    }
    result
}

/// The call fails like this, with bytes gone, so that nobody may send it again.
async fn check_unknown(body: &[u8], steps: Vec<Step>, want: FailureKind) {
    let shown = format!("{steps:?}").chars().take(200).collect::<String>();
    let failure = call(body, steps).await.expect_err(&shown);
    assert_eq!(failure.kind, want, "{shown}: {failure}");
    assert!(matches!(failure.witness, Witness::SomethingLeft { .. }), "{shown}: {failure}");
    assert_eq!(classify(Err(&failure), &Profile::default()), Class::Unknown, "{shown}");
}

/// The call is answered with this status and body.
async fn check_answer(steps: Vec<Step>, status: u16, body: &str) {
    let shown = format!("{steps:?}").chars().take(200).collect::<String>();
    let reply = call(SMALL, steps).await.expect(&shown);
    assert_eq!((reply.status, &reply.body[..]), (status, body.as_bytes()), "{shown}");
}

#[tokio::test]
async fn whole_answers_come_back_whatever_their_status() {
    check_answer(vec![Read, write(OK)], 200, "{}").await;
    check_answer(vec![Read, write(OK), Hang], 200, "{}").await;
    let closing = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nto the end";
    check_answer(vec![Read, write(closing)], 200, "to the end").await;
    check_answer(vec![Read, write("HTTP/1.0 500 Oops\r\n\r\nlate")], 500, "late").await;
    check_answer(vec![Read, write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")], 403, "").await;
    check_answer(vec![Read, write("HTTP/1.1 204 No Content\r\n\r\n")], 204, "").await;
    let two = format!("{OK}{OK}");
    check_answer(vec![Read, write(two)], 200, "{}").await;
}

#[tokio::test]
async fn chunks_and_interim_answers_are_understood() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check_answer(
        vec![Read, write(format!("{chunked}3\r\n{{\"a\r\n4\r\n\":1}}\r\n0\r\n\r\n"))],
        200,
        "{\"a\":1}",
    )
    .await;
    let trailers = format!("{chunked}2\r\n{{}}\r\n0\r\nX-Sum: 1\r\n\r\n");
    check_answer(vec![Read, write(trailers)], 200, "{}").await;
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    check_answer(vec![ReadHead, write(format!("{interim}{OK}"))], 200, "{}").await;
    check_answer(vec![Read, Drip(OK.as_bytes(), Duration::from_millis(1))], 200, "{}").await;
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let redirect =
            format!("HTTP/1.1 {status} Moved\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\n\r\n");
        check_answer(vec![Read, write(redirect)], status, "").await;
    }
}

#[tokio::test]
async fn a_refused_port_leaves_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = MoneyTransport::new(base("http", address), options()).unwrap();
    let failure = transport.post(outgoing(SMALL)).await.unwrap_err();
    assert_eq!((failure.kind, failure.witness), (Refused, Witness::NothingLeft));
    assert_eq!(classify(Err(&failure), &Profile::default()), Class::NotSent);
}

#[tokio::test]
async fn a_connection_that_is_neither_taken_nor_refused_leaves_nothing() {
    let (address, _kept) = black_hole().await;
    let transport = MoneyTransport::new(base("http", address), options()).unwrap();
    let failure = transport.post(outgoing(SMALL)).await.unwrap_err();
    assert_eq!((failure.kind, failure.witness), (ConnectTimeout, Witness::NothingLeft));
    assert_eq!(classify(Err(&failure), &Profile::default()), Class::NotSent);
}

#[tokio::test]
async fn a_request_that_cannot_be_written_opens_no_connection() {
    let (address, seen) = serve(vec![Read, write(OK)]).await;
    let transport = MoneyTransport::new(base("http", address), options()).unwrap();
    for path in ["charge", "/a b", "/a\r\nX: y", "//host/"] {
        let failure = transport.post(Outgoing { path, ..outgoing(SMALL) }).await.unwrap_err();
        assert_eq!((failure.kind, failure.witness), (InvalidRequest, Witness::NothingLeft), "{path}");
        assert_eq!(classify(Err(&failure), &Profile::default()), Class::Rejected { pause_account: false });
    }
    assert_eq!(seen.connections(), 0);
}

#[tokio::test]
async fn a_close_tells_nothing_about_what_the_server_did() {
    check_unknown(SMALL, vec![Read], ClosedWithoutResponse).await;
    check_unknown(SMALL, vec![ReadHead, Pause(Duration::from_millis(20))], ClosedWithoutResponse).await;
    // Closed while the request lies unread: the kernel answers with a reset.
    check_unknown(SMALL, vec![Pause(Duration::from_millis(50))], ClosedWithoutResponse).await;
    check_unknown(SMALL, vec![Read, write("HTTP/1.1 200 OK\r\nConte")], ClosedWithoutResponse).await;
    check_unknown(SMALL, vec![Read, write("HTTP/1.1 100 Continue\r\n\r\n")], ClosedWithoutResponse).await;
}

#[tokio::test]
async fn a_connection_that_is_gone_at_once_is_told_by_the_witness_alone() {
    // Whether the close is seen before the first write is a race; both ends of it must be told truly.
    for _ in 0..50 {
        let failure = call(SMALL, vec![]).await.unwrap_err();
        let class = classify(Err(&failure), &Profile::default());
        match failure.witness {
            Witness::NothingLeft => assert_eq!((failure.kind, class), (BeforeFirstByte, Class::NotSent)),
            Witness::SomethingLeft { .. } => {
                assert!(matches!(failure.kind, ClosedWithoutResponse | PartialWrite), "{failure}");
                assert_eq!(class, Class::Unknown);
            }
        }
    }
}

#[tokio::test]
async fn silence_is_unknown() {
    check_unknown(SMALL, vec![Read, Hang], ResponseTimeout).await;
    let slow = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{ \"Status\": 0, \"Data\": 1234567890";
    check_unknown(SMALL, vec![Read, Drip(slow, Duration::from_millis(60))], ResponseTimeout).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"";
    check_unknown(SMALL, vec![Read, write(short)], TruncatedBody).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check_unknown(SMALL, vec![Read, write(format!("{chunked}5\r\n{{\"a\""))], TruncatedBody).await;
    check_unknown(SMALL, vec![Read, write(format!("{chunked}2\r\n{{}}\r\n"))], TruncatedBody).await;
}

#[tokio::test]
async fn what_is_not_http_is_unknown() {
    check_unknown(SMALL, vec![Read, write("SSH-2.0-OpenSSH_9.2\r\n\r\n")], MalformedResponse).await;
    check_unknown(SMALL, vec![Read, write("HTTP/1.1 2x0 OK\r\n\r\n")], MalformedResponse).await;
    let lengths = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ";
    check_unknown(SMALL, vec![Read, write(lengths)], MalformedResponse).await;
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n";
    check_unknown(SMALL, vec![Read, write(chunk)], MalformedResponse).await;
    // The settings frame with which an HTTP/2 server begins.
    let http2 = Step::Write(vec![0, 0, 0, 4, 0, 0, 0, 0, 0]);
    check_unknown(SMALL, vec![Read, http2, Hang], MalformedResponse).await;
}

#[tokio::test]
async fn answers_above_the_limits_are_unknown() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n";
    check_unknown(SMALL, vec![Read, write(announced), Hang], TooLarge).await;
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(10_001));
    check_unknown(SMALL, vec![Read, write(endless), Hang], TooLarge).await;
    let many = format!("HTTP/1.1 200 OK\r\n{}", "X-Flood: 1\r\n".repeat(200));
    check_unknown(SMALL, vec![Read, write(format!("{many}\r\n")), Hang], TooLarge).await;
    let long = format!("HTTP/1.1 200 OK\r\nX-Flood: {}", "x".repeat(100_000));
    check_unknown(SMALL, vec![Read, write(long), Hang], TooLarge).await;
    let full = format!("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{}", "x".repeat(10_000));
    check_answer(vec![Read, write(full)], 200, &"x".repeat(10_000)).await;
}

#[tokio::test]
async fn a_request_that_left_in_part_is_unknown() {
    let large = vec![b' '; 16 << 20];
    check_unknown(&large, vec![ReadHead], PartialWrite).await;
    check_unknown(&large, vec![ReadHead, Pause(SECONDS)], ResponseTimeout).await;
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_is_an_answer_or_unknown() {
    let refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    check_answer(vec![ReadHead, write(refusal)], 413, "").await;
    let large = vec![b' '; 16 << 20];
    let reply = call(&large, vec![ReadHead, write(refusal), Pause(SECONDS)]).await.unwrap();
    assert_eq!(reply.status, 413);
    // Closed at once, the reset may overtake the answer.
    match call(&large, vec![ReadHead, write(refusal)]).await {
        Ok(reply) => assert_eq!(reply.status, 413),
        Err(failure) => assert_eq!(classify(Err(&failure), &Profile::default()), Class::Unknown),
    }
}

#[tokio::test]
async fn dropping_the_call_stops_it_for_good() {
    let (address, seen) = serve(vec![Read, Hang]).await;
    let transport = MoneyTransport::new(base("http", address), options()).unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(100), transport.post(outgoing(SMALL))).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!((seen.connections(), seen.requests()), (1, 1));
}
