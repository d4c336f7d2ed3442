//! The vocabulary of Gesher: what an operation, an outcome, a key, an amount, a secret and an instant are.
//!
//! Pure and closed. Nothing here does I/O or knows a runtime, a store or a provider; every other crate speaks in
//! these words. (What tests use to kill the process is here too, and in no program without its feature.) The list of files is closed too: a new one needs a reason.

pub mod caller;
pub mod card;
pub mod check;
mod descriptor;
pub mod failpoint;
pub mod ids;
pub mod item;
mod json;
pub mod key;
pub mod language;
pub mod limits;
pub mod look_up;
pub mod money;
pub mod names;
pub mod operation;
pub mod outcome;
pub mod redact;
mod registry;
pub mod secret;
pub mod shape;
pub mod time;

pub use ids::{HubId, ItemId, RunId, StepId, business_number};
pub use item::{ItemEnd, ItemStatus};
pub use json::{Fields, Json};
pub use key::Key;
pub use language::{Language, Text};
pub use look_up::Stamp;
pub use money::{Amount, Currency, Money};
pub use operation::{
    Account, Caller, Composed, Composer, Descriptor, Effect, Environment, Example, KeyRule, LookUp,
    MARKETPLACE, Operation, OperationEntry, Prepared, Provider, Registry, Reply, Sender, VendorHandle,
    VendorRole,
};
pub use outcome::{Outcome, OutcomeStatus, Rejection};
pub use redact::Redactor;
pub use secret::Secret;
pub use time::{Clock, SystemClock};

/// The decimal number of every amount and quantity.
pub use rust_decimal::Decimal;
