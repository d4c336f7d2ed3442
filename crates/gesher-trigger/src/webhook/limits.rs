//! The limits of the listener for webhooks, each with its unit and what happens above it. It faces the internet, so
//! everything that a stranger can make grow is bounded here.

use std::time::Duration;

/// Connections at a time. Above it the one that has kept the hub waiting longest is closed for the new one.
pub const CONNECTIONS_MAX: usize = 512;
/// Connections of one address at a time; above it as above. Behind a proxy all senders have one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// Requests on one connection. The answer to the last says that it is closed.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1_000;
/// How long a request's line and headers may take, and how long a connection may wait for the next. Then it is closed.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may last in all, besides the request at work when this is over.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// Headers of one request. More are answered with 431.
pub const HEADERS_MAX: usize = 64;
/// Size of a request's line and headers, in bytes. Longer ones are answered with 431.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// Size of a body. A longer one is answered with 413, and what comes is not read.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Memory for the bodies that are being read or answered, in bytes, all of them together. A body for which there is none
/// is answered with 503.
pub const BODIES_BYTES_MAX: usize = 64 << 20;
/// What a body takes of it at first, in bytes, where its length is not known to be less.
pub const BODY_BYTES_AT_FIRST: usize = 16 << 10;
/// How long a body may take, however fast it comes. Then it is answered with 408.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a body may take before its speed is looked at.
pub const BODY_GRACE: Duration = Duration::from_secs(5);
/// The speed of a body from then on, in bytes a second. A slower one is answered with 408.
pub const BODY_BYTES_PER_SECOND_MIN: u32 = 1_024;
/// How far a signed time may be from the hub's, in seconds, either way.
pub const TOLERANCE_SECONDS: u64 = 300;
/// Signatures in one header that are looked at. A header with more is refused.
pub const SIGNATURES_MAX: usize = 16;
/// Secrets of one webhook. More are refused by `check`.
pub const SECRETS_MAX: usize = 8;
/// Size of a delivery's id, in bytes. A longer one is refused.
pub const ID_BYTES_MAX: usize = 256;
/// Fields of a form. A form with more is refused.
pub const FORM_FIELDS_MAX: usize = 1_000;
/// How long a sender that wants the script's answer waits for it. Then it hears that the delivery was accepted.
pub const REPLY_WAIT_MAX: Duration = Duration::from_secs(8);
/// Size of a script's answer, in bytes. A longer one is not sent; the sender hears how the run ended.
pub const REPLY_BYTES_MAX: usize = 256 << 10;
/// Refusals that are logged in a minute, for one webhook. The rest is counted.
pub const REFUSALS_LOGGED_PER_MINUTE: u32 = 30;
