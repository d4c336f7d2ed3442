//! The wire of the provider: each endpoint's request and answer, with its own field names.
//!
//! Requests are closed here although the provider ignores what it does not know, since a misspelled field would pass
//! silently. What an answer means is decided by the operations.

pub mod charge;
pub mod charge_recurring;
pub mod companies;
pub mod company_changes;
pub mod customers;
pub mod document_changes;
pub mod document_reads;
pub mod documents;
pub mod enums;
pub mod general;
pub mod multi_vendor;
pub mod payment_methods;
pub mod payments;
pub mod recurring_items;
pub mod redirect;
pub mod shared;
pub mod terminal;
pub mod trigger_type;
pub mod triggers;
pub mod vat;
mod wire;
