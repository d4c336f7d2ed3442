//! `officeguy.charge`: charge a card by its token, now, with a document.

use super::PROVIDER;
use crate::charging;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeRequest};
use crate::endpoints::enums::PaymentMethodType;
use crate::endpoints::shared::PaymentMethod;
use crate::rules::refuse;
use gesher_core::operation::Prepared;
use gesher_core::operation::{Facts, Reply};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;

/// The operation.
pub(crate) struct Charge;

impl Operation for Charge {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "charge",
        summary: "Charge a card by its token, now, and make the document.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::By("officeguy.list_payments"),
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Charge a saved card",
            who: "dana-pottery",
            key: Some("order-1007"),
            request: r#"{
                "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier", "Name": "נועה לוי"},
                "Items": [{"Item": {"Name": "קערה כחולה"}, "Quantity": 2, "UnitPrice": 4.5}],
                "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                    "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
                "VATIncluded": true,
                "SendDocumentByEmail": false,
                "DocumentDescription": "order-1007"
            }"#,
            answer: r#"{"Payment": {"ID": "*", "ValidPayment": true, "Status": "000", "Amount": 9.0, "Currency": 0},
                "DocumentID": "*", "DocumentNumber": "*", "CustomerID": "*"}"#,
        },
        Example {
            title: "Charge a card that was just typed into the payment form",
            who: "dana-pottery",
            key: Some("order-1008"),
            request: r#"{
                "Customer": {"Name": "Noa Levi", "EmailAddress": "noa@example.test"},
                "Items": [{"Item": {"Name": "Workshop"}, "Total": 118}],
                "SingleUseToken": "7b0e0c7e-1111-4222-8333-444455556666",
                "VATIncluded": true
            }"#,
            answer: r#"{"Payment": {"ValidPayment": true, "Amount": 118.0}}"#,
        },
    ];
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;

    fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
        charging::rules(request)?;
        match (&request.payment_method, &request.single_use_token) {
            (Some(_), Some(_)) => Err(refuse(
                "two_payment_methods",
                "SingleUseToken: יש למסור אמצעי תשלום אחד בלבד",
                "SingleUseToken: give one payment method only",
            )),
            (Some(method), None) => method_rules(method),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(no_method()),
        }
    }

    fn facts(request: &ChargeRequest) -> Facts {
        charging::facts(request)
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        charging::classify(prepared, reply)
    }
}

fn no_method() -> Rejection {
    refuse(
        "no_payment_method",
        "PaymentMethod: אין אמצעי תשלום בבקשה, ו־OfficeGuy הייתה מחייבת את הכרטיס השמור של הלקוח; אם זו הכוונה, \
         יש לקרוא ל־officeguy::charge_saved_method",
        "PaymentMethod: the request has no payment method, and OfficeGuy would charge the customer's stored card; \
         if that is meant, call officeguy::charge_saved_method",
    )
}

fn method_rules(method: &PaymentMethod) -> Result<(), Rejection> {
    let Some(kind) = method.kind.filter(|kind| *kind != PaymentMethodType::Other) else {
        return Err(refuse(
            "missing_field",
            "PaymentMethod.Type: יש לציין CreditCard או DirectDebit",
            "PaymentMethod.Type: say CreditCard or DirectDebit",
        ));
    };
    let identified = match kind {
        PaymentMethodType::DirectDebit => {
            method.direct_debit_bank.is_some() && method.direct_debit_account.is_some()
        }
        _ => method.credit_card_token.is_some(),
    };
    if !identified && method.id.is_none() {
        return Err(no_method());
    }
    if method.credit_card_expiration_month.is_some_and(|month| !(1..=12).contains(&month)) {
        return Err(refuse(
            "bad_expiration",
            "PaymentMethod.CreditCard_ExpirationMonth: חודש הוא מספר מ־1 עד 12",
            "PaymentMethod.CreditCard_ExpirationMonth: a month is 1 to 12",
        ));
    }
    if method.credit_card_expiration_year.is_some_and(|year| !(1000..=9999).contains(&year)) {
        return Err(refuse(
            "bad_expiration",
            "PaymentMethod.CreditCard_ExpirationYear: שנה נכתבת בארבע ספרות, למשל 2030",
            "PaymentMethod.CreditCard_ExpirationYear: a year has four digits, such as 2030",
        ));
    }
    crate::rules::date(
        "PaymentMethod.DirectDebit_ExpirationDate",
        method.direct_debit_expiration_date.as_ref(),
    )
}
