//! The operations of the provider, one file each or a file for a few small ones of a family, and the table of them.
//!
//! An operation is pure: rules before sending, facts for the engine, a meaning for whatever comes back.

mod authorize;
mod begin_redirect;
mod capture;
mod charge;
mod charge_recurring;
mod charge_saved_method;
mod company_changes;
mod create_company;
mod create_document;
mod customers;
mod document_changes;
mod general;
mod get_company;
mod get_document;
mod get_document_pdf;
mod get_payment;
mod get_vat_rate;
mod list_documents;
mod list_payments;
mod multivendor_charge;
mod open_upay_terminal;
mod payment_methods;
mod recurring_items;
mod refund;
mod triggers;

use crate::plain::plain;
use crate::requests;
use gesher_core::OperationEntry;
use std::sync::LazyLock;

/// The provider's name in scripts and configuration.
pub const PROVIDER: &str = "officeguy";

/// Every operation of the provider that has a name of its own.
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
    OperationEntry::of::<get_document_pdf::GetDocumentPdf>(),
    plain::<begin_redirect::BeginRedirect>(),
    plain::<company_changes::UpdateCompany>(),
    plain::<company_changes::InstallApplications>(),
    plain::<company_changes::SetUpayCredentials>(),
    plain::<company_changes::ListQuotas>(),
    plain::<customers::CreateCustomer>(),
    plain::<customers::UpdateCustomer>(),
    plain::<document_changes::CancelDocument>(),
    plain::<document_changes::SendDocument>(),
    plain::<document_changes::MoveDocumentToBooks>(),
    plain::<document_changes::GetDebt>(),
    plain::<general::GetExchangeRate>(),
    plain::<general::VerifyBankAccount>(),
    plain::<payment_methods::SetPaymentMethod>(),
    plain::<payment_methods::GetPaymentMethod>(),
    plain::<payment_methods::RemovePaymentMethod>(),
    plain::<recurring_items::ListRecurring>(),
    plain::<recurring_items::CancelRecurring>(),
    plain::<recurring_items::UpdateRecurring>(),
    plain::<triggers::SubscribeTrigger>(),
    plain::<triggers::UnsubscribeTrigger>(),
    plain::<triggers::ListFolders>(),
    plain::<triggers::ListViews>(),
];

/// [`OPERATIONS`], and `request` for every endpoint that has none.
static ALL: LazyLock<Vec<OperationEntry>> =
    LazyLock::new(|| OPERATIONS.iter().copied().chain(requests::entries()).collect());

/// Everything that can be called at the provider: [`OPERATIONS`], and `request` for each endpoint that has none.
#[must_use]
pub fn all() -> &'static [OperationEntry] {
    &ALL
}
