//! The toolkit of a provider crate: endpoint, transport, send witness, classification, simulated answers.
//!
//! A provider crate describes its requests and reads its answers; how bytes leave the process, what the process
//! can prove about them afterwards, and what an HTTP answer is worth before its body is read, is decided here once
//! for all providers. This crate knows no provider, makes no retry, and keeps no record: the engine does that.

mod base_url;
mod classify;
mod connect;
pub mod endpoint;
mod failure;
mod options;
pub mod outside;
mod read;
mod reply;
mod request;
pub mod simulate;
pub mod transport;
mod witness;

pub use base_url::{BaseUrl, BaseUrlError};
pub use classify::{BodyMatch, Class, Early, Profile, Signature, classify, classify_failure, classify_reply};
pub use failure::{FailureKind, SendFailure};
pub use hyper::header::{HeaderName, HeaderValue};
pub use options::{CONNECT_TIMEOUT, TOTAL_TIMEOUT, TransportError, TransportOptions};
pub use read::ReadTransport;
pub use reply::Reply;
pub use request::Outgoing;
pub use rustls::pki_types::CertificateDer;
pub use transport::MoneyTransport;
pub use witness::Witness;
