//! The operations of the provider, one file each, and the table of them.
//!
//! An operation is pure: rules before sending, facts for the engine, a meaning for whatever comes back.

mod charge;
mod create_company;

use gesher_core::OperationEntry;

/// Every operation of the provider.
pub static OPERATIONS: &[OperationEntry] =
    &[OperationEntry::of::<charge::Charge>(), OperationEntry::of::<create_company::CreateCompany>()];

/// The provider's name in scripts and configuration.
pub const PROVIDER: &str = "officeguy";
