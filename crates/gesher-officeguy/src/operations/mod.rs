//! The operations of the provider, one file each, and the table of them.
//!
//! An operation is pure: rules before sending, facts for the engine, a meaning for whatever comes back.

mod authorize;
mod capture;
mod charge;
mod charge_recurring;
mod charge_saved_method;
mod create_company;
mod create_document;
mod get_company;
mod get_document;
mod get_payment;
mod get_vat_rate;
mod list_documents;
mod list_payments;
mod multivendor_charge;
mod open_upay_terminal;
mod refund;

use gesher_core::OperationEntry;

/// The provider's name in scripts and configuration.
pub const PROVIDER: &str = "officeguy";

/// Every operation of the provider.
pub static OPERATIONS: &[OperationEntry] = &[
    OperationEntry::of::<charge::Charge>(),
    OperationEntry::of::<charge_saved_method::ChargeSavedMethod>(),
    OperationEntry::of::<refund::Refund>(),
    OperationEntry::of::<multivendor_charge::MultivendorCharge>(),
    OperationEntry::of::<charge_recurring::ChargeRecurring>(),
    OperationEntry::of::<authorize::Authorize>(),
    OperationEntry::of::<capture::Capture>(),
    OperationEntry::of::<get_payment::GetPayment>(),
    OperationEntry::of::<list_payments::ListPayments>(),
    OperationEntry::of::<create_document::CreateDocument>(),
    OperationEntry::of::<list_documents::ListDocuments>(),
    OperationEntry::of::<get_document::GetDocument>(),
    OperationEntry::of::<get_vat_rate::GetVatRate>(),
    OperationEntry::of::<create_company::CreateCompany>(),
    OperationEntry::of::<open_upay_terminal::OpenUpayTerminal>(),
    OperationEntry::of::<get_company::GetCompany>(),
];
