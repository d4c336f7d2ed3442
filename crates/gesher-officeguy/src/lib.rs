//! OfficeGuy (SUMIT): its endpoints, the hub's operations on them, what its answers mean, and how it is played.
//!
//! What leaves the process and what is remembered is not decided here: the provider toolkit sends, the engine keeps.

mod bytes;
mod charging;
mod classify;
pub mod contract;
pub mod endpoints;
mod envelope;
mod evidence;
mod keys;
mod look_up;
mod messages;
mod operations;
mod paying;
mod plain;
mod provider;
mod reads;
mod requests;
mod rules;
pub mod simulated;
mod stamp;
pub mod triggers;
mod vendors;

pub use endpoints::enums::moves;
pub use keys::vendor_secret;
pub use operations::{OPERATIONS, PROVIDER, all};
pub use provider::{BASE_URL, OfficeGuy, OfficeGuyConfig};
pub use stamp::{DESCRIPTION_CHARS_MAX, StampPlace};
