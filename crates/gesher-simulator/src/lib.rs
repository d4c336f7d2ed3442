//! A real HTTP server on this machine in front of providers that are played, with a ledger of what they did and
//! faults on demand.
//!
//! It speaks the providers' wire and knows none of them: each brings its own state machine
//! ([`SimulatedProvider`](gesher_provider::simulate::SimulatedProvider)). It listens on loopback addresses only.
//! It never repeats, caches or deduplicates: what is sent twice is done twice, and stands twice in the ledger.

mod body;
mod deliver;
mod error;
mod fault;
mod fault_file;
mod ledger;
mod server;

pub use error::SimulatorError;
pub use fault::{Fault, FaultKind, FaultPlan, Match, RandomFaults, Rule};
pub use fault_file::FaultFileError;
pub use ledger::{Ledger, LedgerEntry, LedgerError};
pub use server::{RunningSimulator, Served, Simulator, SimulatorOptions};
