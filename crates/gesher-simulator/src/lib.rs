//! HTTP front for the providers' simulated behaviour, with its own ledger and faults.
