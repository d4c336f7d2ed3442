//! Senzey: its endpoints, the hub's operations on them, what its answers mean, and how it is played.
//!
//! What leaves the process and what is remembered is not decided here: the provider toolkit sends, the engine keeps.
//! Much of the provider is known from its own pages only; what they leave open is a choice of [`WireOptions`].

mod answer;
mod callback;
mod classify;
mod days;
pub mod endpoints;
mod form;
mod messages;
mod operations;
mod provider;
mod rules;
pub mod simulated;

pub use callback::{PaidCallback, PaidCallbackError};
pub use form::{Answers, Booleans, GatewayForm, NoCurrency, WireDates, WireOptions, encode, form_of};
pub use operations::{OPERATIONS, PROVIDER};
pub use provider::{CONTACTS_PATH, Senzey, SenzeyConfig};
