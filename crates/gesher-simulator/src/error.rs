//! Why a simulator cannot start or go on.

use crate::ledger::LedgerError;
use std::io;
use std::net::SocketAddr;

/// Why a simulator cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address would be seen by other machines.
    #[error("{0} is not an address of this machine alone; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The ledger cannot be used.
    #[error("the simulator's ledger cannot be used")]
    Ledger(#[from] LedgerError),
}
