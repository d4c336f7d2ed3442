//! Calls of hosts that are no provider's: what scripts and plugins may reach of the outside world, and how.
//!
//! An address is parsed once, strictly; a name is resolved here, every address that it has is looked at, and the
//! connection goes to the very address that was looked at. Nothing follows a redirect, keeps a cookie, obeys a proxy or
//! unpacks a body. Which hosts may be called is not decided here: whoever asks has compared the [`Url`]'s origin with
//! what is listed.

mod address;
mod base64;
mod client;
mod fetch;
mod operations;
mod origin;
mod prepare;
mod words;

pub use address::special;
pub use base64::base64;
pub use client::{OutsideClient, OutsideFailure, OutsideReply, OutsideRequest};
pub use fetch::{Fetch, FetchFault};
pub use hyper::Method;
pub use operations::{Outside, PROVIDER, SecretFuture, Secrets};
pub use origin::{HostFault, Origin, Url, UrlFault, origins_of};
