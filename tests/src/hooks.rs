//! A sender of webhooks: signs deliveries as each scheme says, by its own reckoning, and sends them over plain sockets.

use crate::hub::Hub;
use gesher_core::{Clock, SystemClock};
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A secret of Standard Webhooks, and its bytes.
pub const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The bytes that it stands for, in hexadecimal: `echo MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p`.
const WHSEC_BYTES: &str = "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0";

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// In one number.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The run that the answer names.
    #[track_caller]
    pub fn run(&self) -> String {
        self.json()["run"].as_str().unwrap_or_else(|| panic!("no run: {self:?}")).to_owned()
    }

    /// Fails unless the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }
}

/// The time, in seconds since 1970.
pub fn now() -> i64 {
    SystemClock::new().now().as_second()
}

/// Hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Base64.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let letter = |at: usize| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= group.len() { letter(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// HMAC-SHA256.
pub fn code(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

/// What a body without an id is called.
pub fn named_by(body: &[u8]) -> String {
    format!("sha256:{}", hex(digest(&SHA256, body).as_ref()))
}

/// The headers of a delivery signed as Standard Webhooks say, by [`WHSEC`], at this time.
pub fn standard(id: &str, at: i64, body: &[u8]) -> Vec<String> {
    standard_by(&unhex(WHSEC_BYTES), id, at, body)
}

/// The same by a secret's bytes.
pub fn standard_by(key: &[u8], id: &str, at: i64, body: &[u8]) -> Vec<String> {
    let signed = [format!("{id}.{at}.").as_bytes(), body].concat();
    let signature = base64(&code(key, &signed));
    vec![
        format!("webhook-id: {id}"),
        format!("webhook-timestamp: {at}"),
        format!("webhook-signature: v1,{signature}"),
    ]
}

/// A request as bytes. A header line that ends in a colon is left out.
pub fn request(method: &str, path: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: hooks.test\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        head.push_str(&format!("{line}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A connection to a hub's webhooks.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    stream.set_read_timeout(Some(ANSWER)).unwrap();
    stream.set_write_timeout(Some(ANSWER)).unwrap();
    stream
}

/// Reads one answer, whose length its head says.
pub fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut byte = [0_u8];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: String::from_utf8(body).ok()? })
}

/// Sends bytes on a connection of its own and reads the answer, if one comes.
pub fn send(port: u16, bytes: &[u8]) -> Option<Answer> {
    let mut stream = connect(port);
    // A hub that refuses a long body closes before all of it was sent.
    drop(stream.write_all(bytes));
    read_answer(&mut stream)
}

/// Delivers to a hub and reads the answer.
#[track_caller]
pub fn deliver(hub: &Hub, path: &str, headers: &[String], body: impl AsRef<[u8]>) -> Answer {
    let bytes = request("POST", path, headers, body.as_ref());
    send(hub.hooks_port(), &bytes).unwrap_or_else(|| panic!("no answer; {}", hub.listing()))
}
