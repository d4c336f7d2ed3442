//! `officeguy.authorize`: hold money on a card without taking it (J5), to capture it later.
//!
//! A hold is no payment: it has no number and stands in no list, so nobody can look up what became of a lost answer. It
//! cannot be released either; one that is not captured dies by itself.

use super::PROVIDER;
use crate::charging;
use crate::classify::unreadable;
use crate::endpoints::charge::{Charge as Wire, ChargeAnswer, ChargeRequest};
use crate::envelope::{currency, decimal, field, id, text, truth};
use crate::messages;
use crate::paying;
use crate::rules::{self, refuse};
use gesher_core::money::Money;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, Json, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender,
};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;
use serde_json::Value;

/// The operation.
pub(crate) struct Authorize;

impl Operation for Authorize {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "authorize",
        summary: "Hold money on a card without taking it, to capture it later.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Hold a deposit",
        who: "dana-pottery",
        key: Some("deposit-31"),
        request: r#"{
            "Customer": {"ExternalIdentifier": "cust-17", "SearchMode": "ExternalIdentifier"},
            "Items": [{"Item": {"Name": "פיקדון"}, "UnitPrice": 9}],
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
            "VATIncluded": true
        }"#,
        answer: r#"{"Payment": {"ID": 0, "ValidPayment": true, "Amount": 9.0, "AuthNumber": "*"}, "CustomerID": "*"}"#,
    }];
    type Request = ChargeRequest;
    type Answer = ChargeAnswer;

    fn rules(request: &ChargeRequest) -> Result<(), Rejection> {
        charging::shared_rules(request)?;
        let refused = [
            (request.auto_capture == Some(true), "AutoCapture"),
            (request.support_credit == Some(true), "SupportCredit"),
            (request.credit_card_auth_number.is_some(), "CreditCardAuthNumber"),
        ];
        if let Some((_, field)) = refused.iter().find(|(given, _)| *given) {
            return Err(refuse(
                "not_a_hold",
                format!("{field}: אין מקום לשדה הזה בתפיסת מסגרת"),
                format!("{field}: it has no place in a hold"),
            ));
        }
        paying::rules(request.payment_method.as_ref(), request.single_use_token.as_ref())?;
        charging::positive(rules::items_total(&request.items)?)?;
        match request.authorize_amount {
            Some(amount) if amount.0 <= Decimal::ZERO => Err(refuse(
                "not_positive",
                "AuthorizeAmount: סכום התפיסה צריך להיות גדול מאפס",
                "AuthorizeAmount: what is held is above zero",
            )),
            _ => Ok(()),
        }
    }

    fn facts(request: &ChargeRequest) -> Facts {
        let facts = charging::facts(request);
        let amount = match (facts.amount, request.authorize_amount) {
            (Some(sum), Some(held)) => Some(Money { amount: held.0, ..sum }),
            (sum, _) => sum,
        };
        Facts { amount, look_up: Value::Null, ..facts }
    }

    fn wire(request: &ChargeRequest) -> serde_json::Result<String> {
        let hold = ChargeRequest {
            auto_capture: Some(false),
            prevent_document_creation: request.prevent_document_creation.or(Some(true)),
            ..request.clone()
        };
        serde_json::to_string(&hold)
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let envelope = match crate::classify::open(reply, Effect::Money) {
            Ok(envelope) => envelope,
            Err(outcome) => return *outcome,
        };
        let payment = field(&envelope.data, "Payment");
        match (truth(field(payment, "ValidPayment")), text(field(payment, "Status"))) {
            (Some(false), Some(code)) if code != "000" => {
                let words = text(field(payment, "StatusDescription")).unwrap_or_default();
                let message = messages::with_words(messages::hold_declined(&code), &words);
                let mut outcome = Outcome::new(OutcomeStatus::Declined, code, message);
                outcome.data = envelope.data;
                outcome
            }
            (Some(true), code) => held(prepared, envelope.data, code),
            _ => unreadable(Effect::Money, envelope.data),
        }
    }
}

/// A hold needs its authorisation, by which it is captured, and the sum that was asked for.
fn held(prepared: &Prepared, data: Json, code: Option<String>) -> Outcome {
    let payment = field(&data, "Payment");
    let (auth, amount, currency) = (
        text(field(payment, "AuthNumber")),
        decimal(field(payment, "Amount")),
        currency(field(payment, "Currency")),
    );
    // A hold has no number: with one, money was taken.
    if let Some(charged) = id(field(payment, "ID")) {
        let mut outcome =
            Outcome::new(OutcomeStatus::Conflict, "charged_not_held", messages::charged_not_held(charged));
        outcome.reference = Some(charged.to_string());
        outcome.data = data;
        return outcome;
    }
    let (Some(auth), Some(amount)) = (auth, amount) else {
        return unreadable(Effect::Money, data);
    };
    // The provider was seen to leave the currency out of a hold's answer.
    let currency = currency.map(|currency| currency.to_core());
    let wanted = prepared.facts.amount;
    let is_wanted = wanted.is_some_and(|wanted| {
        amount == wanted.amount && currency.is_none_or(|currency| currency == wanted.currency)
    });
    let mut outcome = if is_wanted {
        let sum = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", messages::held(&sum, &auth));
        outcome.code = code;
        outcome
    } else {
        let currency =
            currency.or(wanted.map(|wanted| wanted.currency)).unwrap_or(gesher_core::Currency::ILS);
        charging::other_sum(Money { amount, currency }, wanted)
    };
    // Nothing was charged, so there is no amount: a report adds up what moved.
    outcome.reference = Some(auth);
    outcome.data = data;
    outcome
}
