//! The operations of the provider, one file each, and the table of them.
//!
//! An operation is pure: rules before sending, facts for the engine, a meaning for whatever comes back. The provider has
//! no way to look anything up that was made, so every unknown outcome is for a person, and says what to look for.

mod add_bank_order;
mod add_client;
mod add_lead;
mod add_tax_invoice_receipt;
mod add_work_order;
mod bank_order_rules;
mod list_contacts;

use gesher_core::OperationEntry;

/// The provider's name in scripts and configuration.
pub const PROVIDER: &str = "senzey";

/// Every operation of the provider.
pub static OPERATIONS: &[OperationEntry] = &[
    OperationEntry::of::<add_bank_order::AddBankOrder>(),
    OperationEntry::of::<add_work_order::AddWorkOrder>(),
    OperationEntry::of::<add_tax_invoice_receipt::AddTaxInvoiceReceipt>(),
    OperationEntry::of::<add_lead::AddLead>(),
    OperationEntry::of::<add_client::AddClient>(),
    OperationEntry::of::<list_contacts::ListContacts>(),
];
