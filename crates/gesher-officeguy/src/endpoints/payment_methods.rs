//! `/billing/paymentmethods/`: the method that is charged where none is named.

use super::charge::UsedPaymentMethod;
use super::company_changes::EmptyAnswer;
use super::shared::{Customer, PaymentMethod};
use super::wire::{answer, endpoint, request};

endpoint! {
    /// Makes a method the customer's own; the one before is kept as inactive.
    SetPaymentMethod =
        "/billing/paymentmethods/setforcustomer/", SetPaymentMethodRequest => SetPaymentMethodAnswer
}
endpoint! {
    /// The customer's own method.
    GetPaymentMethod =
        "/billing/paymentmethods/getforcustomer/", GetPaymentMethodRequest => GetPaymentMethodAnswer
}
endpoint! {
    /// Takes the customer's own method away.
    RemovePaymentMethod =
        "/billing/paymentmethods/remove/", RemovePaymentMethodRequest => EmptyAnswer
}

request! {
    /// Whose method, and which: a saved token or a direct debit, or a single-use token.
    SetPaymentMethodRequest {
        must {
            /// The customer.
            customer "Customer": Customer,
        }
        may {
            /// The method.
            payment_method "PaymentMethod": PaymentMethod,
        }
        text {
            /// A token of the payment page, instead of `PaymentMethod`.
            single_use_token "SingleUseToken",
        }
    }
}
request! {
    /// Whose method.
    GetPaymentMethodRequest {
        must {
            /// A customer that exists.
            customer "Customer": Customer,
        }
        may {
            /// Whether earlier methods are answered too.
            include_inactive "IncludeInactive": bool,
        }
    }
}
request! {
    /// Whose method.
    RemovePaymentMethodRequest {
        must {
            /// A customer that exists.
            customer "Customer": Customer,
        }
    }
}
answer! {
    /// The method as it is kept.
    SetPaymentMethodAnswer {
        /// The customer, found or made.
        customer_id "CustomerID": i64,
        /// The method, without what is secret of it.
        payment_method "PaymentMethod": Option<UsedPaymentMethod>,
    }
}
answer! {
    /// The customer's methods.
    GetPaymentMethodAnswer {
        /// The one that is charged; null where there is none.
        payment_method "PaymentMethod": Option<UsedPaymentMethod>,
        /// Earlier ones, where they were asked for.
        inactive_payment_methods "InactivePaymentMethods": Option<Vec<UsedPaymentMethod>>,
    }
}
