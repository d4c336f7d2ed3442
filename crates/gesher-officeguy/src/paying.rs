//! With what a charge is paid: the rules of a payment method, whichever operation names it.

use crate::endpoints::enums::PaymentMethodType;
use crate::endpoints::shared::PaymentMethod;
use crate::rules::refuse;
use gesher_core::Rejection;

/// Refuses a request that names no payment method, two of them, or one that says too little.
pub(crate) fn rules(method: Option<&PaymentMethod>, token: Option<&String>) -> Result<(), Rejection> {
    match (method, token) {
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
