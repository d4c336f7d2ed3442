//! A customer's own payment method: `officeguy.set_payment_method`, `get_payment_method`, `remove_payment_method`.

use crate::endpoints::enums::PaymentMethodType;
use crate::endpoints::payment_methods as wire;
use crate::envelope::{field, id};
use crate::plain::{Plain, Request, nothing};
use crate::rules::{self, refuse};
use gesher_core::{Effect, Example, Outcome, Rejection, Text};
use serde_json::Value;

/// Makes a method the customer's own.
pub(crate) struct SetPaymentMethod;

impl Plain for SetPaymentMethod {
    type Wire = wire::SetPaymentMethod;
    const NAME: &'static str = "set_payment_method";
    const SUMMARY: &'static str = "Keep a card or a direct debit as the customer's own; nothing is charged.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Keep a card that the customer gave on a page",
        who: "dana-pottery",
        key: Some("cust-17/card-2"),
        request: r#"{
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier", "Name": "נועה לוי"},
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee5555",
                "CreditCard_ExpirationMonth": 11, "CreditCard_ExpirationYear": 2031, "Type": "CreditCard"}
        }"#,
        answer: r#"{"CustomerID": "*", "PaymentMethod": {"CreditCard_LastDigits": "*", "Type": 1}}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Customer", &request.customer)?;
        let method = match (&request.payment_method, &request.single_use_token) {
            (Some(method), None) => method,
            (None, Some(_)) => return Ok(()),
            _ => {
                return Err(refuse(
                    "payment_method_missing",
                    "PaymentMethod: יש למסור אמצעי תשלום או SingleUseToken, אחד מהם",
                    "PaymentMethod: give a method or a SingleUseToken, one of them",
                ));
            }
        };
        rules::date(
            "PaymentMethod.DirectDebit_ExpirationDate",
            method.direct_debit_expiration_date.as_ref(),
        )?;
        let is_whole = match method.kind {
            Some(PaymentMethodType::CreditCard) => method.credit_card_token.is_some(),
            Some(PaymentMethodType::DirectDebit) => {
                method.direct_debit_bank.is_some()
                    && method.direct_debit_branch.is_some()
                    && method.direct_debit_account.is_some()
            }
            Some(PaymentMethodType::Other) | None => false,
        };
        if is_whole {
            return Ok(());
        }
        Err(refuse(
            "bad_payment_method",
            "PaymentMethod: נדרש Type: ‏CreditCard עם CreditCard_Token, או DirectDebit עם בנק, סניף וחשבון",
            "PaymentMethod: its Type is CreditCard with a CreditCard_Token, or DirectDebit with bank, branch and account",
        ))
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.customer)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.reference = Some(id(field(data, "CustomerID"))?.to_string());
        outcome.message =
            Text::new("אמצעי התשלום נשמר ללקוח; דבר לא חויב", "The method was kept; nothing was charged");
        Some(())
    }
}

/// Looks the customer's own method up.
pub(crate) struct GetPaymentMethod;

impl Plain for GetPaymentMethod {
    type Wire = wire::GetPaymentMethod;
    const NAME: &'static str = "get_payment_method";
    const SUMMARY: &'static str = "Look up the payment method that OfficeGuy has stored of a customer.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Which card a customer would be charged by",
        who: "dana-pottery",
        key: None,
        request: r#"{"Customer": {"ID": 8000000001}, "IncludeInactive": true}"#,
        answer: r#"{"PaymentMethod": {"CreditCard_LastDigits": "*"}, "InactivePaymentMethods": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::existing_customer("Customer", &request.customer)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        let method = field(data, "PaymentMethod");
        outcome.reference = id(field(method, "ID")).map(|id| id.to_string());
        (data.is_object() && (method.is_object() || method.is_null())).then_some(())
    }
}

/// Takes the customer's own method away.
pub(crate) struct RemovePaymentMethod;

impl Plain for RemovePaymentMethod {
    type Wire = wire::RemovePaymentMethod;
    const NAME: &'static str = "remove_payment_method";
    const SUMMARY: &'static str = "Forget the payment method that OfficeGuy has stored of a customer.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A customer asks to be forgotten",
        who: "dana-pottery",
        key: Some("cust-17/forget-card"),
        request: r#"{"Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"}}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::existing_customer("Customer", &request.customer)
    }

    fn subject(request: &Request<Self>) -> Option<String> {
        rules::subject(&request.customer)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("אמצעי התשלום של הלקוח הוסר", "The customer's method was removed");
        nothing(data)
    }
}
