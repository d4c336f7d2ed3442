//! `/billing/recurring/` but its charge: what the provider bills of itself, again and again.

use super::company_changes::EmptyAnswer;
use super::shared::{Customer, Double, WireDate};
use super::wire::{answer, endpoint, request};
use gesher_core::money::{Amount, Quantity};

endpoint! {
    /// A customer's standing items.
    ListRecurring = "/billing/recurring/listforcustomer/", ListRecurringRequest => ListRecurringAnswer
}
endpoint! {
    /// Ends a standing item.
    CancelRecurring = "/billing/recurring/cancel/", CancelRecurringRequest => EmptyAnswer
}
endpoint! {
    /// Changes a standing item from its next billing on.
    UpdateRecurring = "/billing/recurring/update/", UpdateRecurringRequest => EmptyAnswer
}

request! {
    /// Whose items.
    ListRecurringRequest {
        must {
            /// A customer that exists.
            customer "Customer": Customer,
        }
        may {
            /// Whether those that ended are answered too.
            include_inactive "IncludeInactive": bool,
        }
    }
}
request! {
    /// Which item.
    CancelRecurringRequest {
        must {
            /// A customer that exists.
            customer "Customer": Customer,
            /// The item, by the id that its charge answered.
            recurring_customer_item_id "RecurringCustomerItemID": i64,
        }
    }
}
request! {
    /// Which item, and what becomes of it; what is left out stays.
    UpdateRecurringRequest {
        must {
            /// A customer that exists.
            customer "Customer": Customer,
            /// The item, by the id that its charge answered.
            recurring_customer_item_id "RecurringCustomerItemID": i64,
        }
        may {
            /// The price of one.
            unit_price "UnitPrice": Amount,
            /// How many.
            quantity "Quantity": Quantity,
            /// How often it is billed in all; 0 is without an end. Not together with `LastPaymentDate`.
            recurrence "Recurrence": i32,
            /// When it is billed next.
            next_payment_date "NextPaymentDate": WireDate,
            /// When it is billed last.
            last_payment_date "LastPaymentDate": WireDate,
        }
    }
}
answer! {
    /// The items.
    ListRecurringAnswer {
        /// Those that are billed, and where it was asked for those that ended.
        recurring_items "RecurringItems": Vec<StandingItem>,
    }
}
answer! {
    /// One standing item.
    StandingItem {
        /// The provider's id of it.
        id "ID": i64,
        /// What is sold.
        item "Item": Option<StandingItemKind>,
        /// How many.
        quantity "Quantity": Option<Double>,
        /// The price of one.
        unit_price "UnitPrice": Option<Double>,
        /// When it began.
        date_start "Date_Start": Option<String>,
        /// When it is billed last.
        date_last "Date_Last": Option<String>,
        /// When it is billed next.
        date_next_billing "Date_NextBilling": Option<String>,
        /// When it was billed last.
        date_previous_billing "Date_PreviousBilling": Option<String>,
        /// Its state, by number: 0 is active, 1 cancelled.
        status "Status": i64,
        /// Words below the line.
        description "Description": Option<String>,
    }
}
answer! {
    /// What a standing item sells.
    StandingItemKind {
        /// Its name.
        name "Name": Option<String>,
        /// Days between two billings.
        duration_days "Duration_Days": Option<i64>,
        /// Months between two billings.
        duration_months "Duration_Months": Option<i64>,
    }
}
