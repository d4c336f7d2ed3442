//! The wire of the provider: each endpoint's request and answer, with its own field names.
//!
//! Requests are closed here although the provider ignores what it does not know, since a misspelled field would pass
//! silently. What an answer means is decided by the operations.

pub mod charge;
pub mod charge_recurring;
pub mod companies;
pub mod document_reads;
pub mod documents;
pub mod enums;
pub mod multi_vendor;
pub mod payments;
pub mod shared;
pub mod terminal;
pub mod vat;
