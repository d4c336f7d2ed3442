//! Standing items that exist: `officeguy.list_recurring`, `cancel_recurring`, `update_recurring`.

use crate::endpoints::recurring_items as wire;
use crate::envelope::field;
use crate::plain::{Plain, Request, nothing};
use crate::rules::{self, refuse};
use gesher_core::{Effect, Example, Outcome, Rejection, Text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Lists a customer's items.
pub(crate) struct ListRecurring;

impl Plain for ListRecurring {
    type Wire = wire::ListRecurring;
    const NAME: &'static str = "list_recurring";
    const SUMMARY: &'static str = "List the items that OfficeGuy bills a customer for again and again.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "List what a customer is subscribed to",
        who: "dana-pottery",
        key: None,
        request: r#"{"Customer": {"ExternalIdentifier": "cust-18", "SearchMode": "ExternalIdentifier"},
            "IncludeInactive": true}"#,
        answer: r#"{"RecurringItems": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::existing_customer("Customer", &request.customer)
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        let items = field(data, "RecurringItems");
        (data.is_object() && (items.is_array() || items.is_null())).then_some(())
    }
}

/// Ends an item.
pub(crate) struct CancelRecurring;

impl Plain for CancelRecurring {
    type Wire = wire::CancelRecurring;
    const NAME: &'static str = "cancel_recurring";
    const SUMMARY: &'static str = "End a standing item; what was billed stays billed.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A customer ends a subscription",
        who: "dana-pottery",
        key: Some("sub-17/cancel"),
        request: r#"{"Customer": {"ExternalIdentifier": "cust-18", "SearchMode": "ExternalIdentifier"},
            "RecurringCustomerItemID": 5000000001}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::existing_customer("Customer", &request.customer)?;
        rules::id("RecurringCustomerItemID", request.recurring_customer_item_id)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.customer)
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "RecurringCustomerItemID": request.recurring_customer_item_id })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("החיוב החוזר בוטל", "The standing item was ended");
        nothing(data)
    }
}

/// Changes an item.
pub(crate) struct UpdateRecurring;

impl Plain for UpdateRecurring {
    type Wire = wire::UpdateRecurring;
    const NAME: &'static str = "update_recurring";
    const SUMMARY: &'static str = "Change a standing item from its next billing on.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "The price goes up with the next month",
        who: "dana-pottery",
        key: Some("sub-17/price-2027"),
        request: r#"{"Customer": {"ExternalIdentifier": "cust-18", "SearchMode": "ExternalIdentifier"},
            "RecurringCustomerItemID": 5000000001, "UnitPrice": 54.9}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::existing_customer("Customer", &request.customer)?;
        rules::id("RecurringCustomerItemID", request.recurring_customer_item_id)?;
        rules::date("NextPaymentDate", request.next_payment_date.as_ref())?;
        rules::date("LastPaymentDate", request.last_payment_date.as_ref())?;
        if request.recurrence.is_some() && request.last_payment_date.is_some() {
            return Err(refuse(
                "end_given_twice",
                "Recurrence: יש לציין מספר חיובים או LastPaymentDate, לא את שניהם",
                "Recurrence: give a number of billings or LastPaymentDate, not both",
            ));
        }
        if request.unit_price.is_some_and(|price| price.0 <= Decimal::ZERO)
            || request.quantity.is_some_and(|quantity| quantity.0 <= Decimal::ZERO)
            || request.recurrence.is_some_and(|times| times < 0)
        {
            return Err(refuse(
                "not_positive",
                "UnitPrice: מחיר וכמות הם מעל אפס; כדי לסיים יש לקרוא ל־officeguy::cancel_recurring",
                "UnitPrice: price and quantity are above zero; call officeguy::cancel_recurring to end it",
            ));
        }
        let changes = [
            request.unit_price.is_some(),
            request.quantity.is_some(),
            request.recurrence.is_some(),
            request.next_payment_date.is_some(),
            request.last_payment_date.is_some(),
        ];
        if changes.contains(&true) {
            return Ok(());
        }
        Err(refuse(
            "nothing_to_change",
            "UnitPrice: יש לציין לפחות שדה אחד לעדכון",
            "UnitPrice: name at least one field to change",
        ))
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.customer)
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "RecurringCustomerItemID": request.recurring_customer_item_id })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("החיוב החוזר עודכן", "The standing item was changed");
        nothing(data)
    }
}
