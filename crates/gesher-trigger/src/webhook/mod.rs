//! Webhooks: a listener that faces the internet, and what becomes of each delivery. It is verified over the bytes that came,
//! named by what was signed, written down, and only then answered; the same delivery never begins a second run.
//!
//! | file | what for |
//! |---|---|
//! | `config` | what a flow's webhook is |
//! | `limits` | every limit, with its unit |
//! | `listener`, `connections`, `body` | connections and requests, within the limits |
//! | `address`, `form`, `encoding` | reading addresses, forms, hexadecimal and base64 |
//! | `verify` | whether a delivery proves where it comes from, and why not |
//! | `screen` | what must not be kept |
//! | `identity` | what tells one delivery from another |
//! | `request` | what is kept of it, and what a script gets |
//! | `hook` | these in their order, for one webhook |
//! | `inbox` | what was accepted: worked on in order, a bounded number at a time, found again after a crash |
//! | `reply` | what a sender is told |
//!
//! What a delivery means is the script's, and where secrets come from is the hub's.

pub mod address;
mod body;
pub mod config;
mod connections;
pub mod encoding;
pub mod form;
mod hook;
pub mod identity;
mod inbox;
mod later;
pub mod limits;
mod listener;
pub mod reply;
pub mod request;
pub mod screen;
pub mod verify;

pub use config::{Encoding, Reply, Scheme, WebhookConfig};
pub use hook::{Hook, Taken, taken};
pub use identity::IdPointer;
pub use inbox::Inbox;
pub use listener::{Hooks, serve};
pub use reply::Refused;
pub use verify::{SecretFault, Verifier};
