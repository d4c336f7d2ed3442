//! The wire of the provider: each endpoint's request and answer, with its own field names.
//!
//! Requests are closed here although the provider seems to ignore what it does not know, since a misspelled field would
//! pass silently. What an answer means is decided by the operations; how a request becomes a form is `form`'s.

pub mod bank_order;
pub mod contacts;
pub mod lead;
pub mod receipt;
pub mod shared;
pub mod words;
pub mod work_order;
