//! `/accounting/customers/`: customers without a charge or a document.

use super::shared::Customer;
use super::wire::{answer, endpoint, request};

endpoint! {
    /// Makes a customer, or finds one by its `SearchMode`.
    CreateCustomer = "/accounting/customers/create/", CustomerRequest => CreateCustomerAnswer
}
endpoint! {
    /// Changes a customer.
    UpdateCustomer = "/accounting/customers/update/", CustomerRequest => UpdateCustomerAnswer
}

request! {
    /// The customer.
    CustomerRequest {
        must {
            /// Who it is.
            details "Details": Customer,
        }
    }
}
answer! {
    /// The customer, found or made.
    CreateCustomerAnswer {
        /// The provider's id of the customer.
        customer_id "CustomerID": i64,
        /// Where the customer's documents and payments are shown.
        customer_history_url "CustomerHistoryURL": Option<String>,
    }
}
answer! {
    /// The customer that was changed.
    UpdateCustomerAnswer {
        /// The provider's id of the customer.
        customer_id "CustomerID": i64,
    }
}
