//! `officeguy.charge_recurring`: charge now, and again and again on the provider's own schedule.
//!
//! Only the first charge is an answer here. The later ones are found among the payments, by the ids of the lines.

use super::PROVIDER;
use crate::charging::{self, is_sum, other_sum};
use crate::classify::{open, unreadable, unsure};
use crate::endpoints::charge_recurring::{
    ChargeRecurring as Wire, ChargeRecurringAnswer, ChargeRecurringRequest, RecurringLine,
};
use crate::endpoints::enums::{Currency, WireEnum};
use crate::envelope::{currency, decimal, field, id, text, truth};
use crate::look_up::{Noted, NotedCustomer, NotedMethod};
use crate::messages;
use crate::paying;
use crate::rules::{self, refuse};
use gesher_core::money::{Money, two_places};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, Json, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender,
    Text,
};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;
use serde_json::Value;

/// The operation.
pub(crate) struct ChargeRecurring;

impl Operation for ChargeRecurring {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "charge_recurring",
        summary: "Charge a card now, and again and again on the provider's own schedule.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        // A payment in the lists proves the first charge and no agreement, so a lost answer is for a person.
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Begin a monthly subscription for a year",
        who: "dana-pottery",
        key: Some("sub-18"),
        request: r#"{
            "Customer": {"ExternalIdentifier": "cust-18", "SearchMode": "ExternalIdentifier", "Name": "יעל כהן"},
            "Items": [{"Item": {"Name": "מנוי חודשי"}, "UnitPrice": 49.9, "Duration_Months": 1, "Recurrence": 12}],
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
            "VATIncluded": true,
            "FirstDocumentDescription": "sub-18"
        }"#,
        answer: r#"{"Payment": {"ValidPayment": true, "Amount": 49.9}, "RecurringCustomerItemIDs": "*"}"#,
    }];
    type Request = ChargeRecurringRequest;
    type Answer = ChargeRecurringAnswer;

    fn rules(request: &ChargeRecurringRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Customer", &request.customer)?;
        charging::instalments("CreditCardPayments_Count", request.credit_card_payments_count)?;
        for (at, line) in request.items.iter().enumerate() {
            line_rules(at, line)?;
        }
        if request.payment_method.is_none() && request.single_use_token.is_none() {
            return Err(refuse(
                "no_payment_method",
                "PaymentMethod: אין אמצעי תשלום בבקשה; את הכרטיס השמור של הלקוח אפשר לקרוא ב־officeguy::get_payment_method",
                "PaymentMethod: the request has no payment method; the customer's stored card can be read with \
                 officeguy::get_payment_method",
            ));
        }
        paying::rules(request.payment_method.as_ref(), request.single_use_token.as_ref())?;
        lines(request, |_| true).map(drop)
    }

    fn facts(request: &ChargeRecurringRequest) -> Facts {
        let amount = sums(request, |_| true).and_then(|sums| sums.first().copied());
        let noted = Noted {
            customer: NotedCustomer::of(&request.customer),
            payment_method: request.payment_method.as_ref().and_then(NotedMethod::of),
            sums: may_be(request).into_iter().map(|sum| two_places(sum.amount)).collect(),
            document_type: request.document_type.map(WireEnum::number),
            ..Noted::default()
        };
        Facts { subject: rules::subject(&request.customer), amount, look_up: noted.written() }
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let envelope = match open(reply, Effect::Money) {
            Ok(envelope) => envelope,
            Err(outcome) => return *outcome,
        };
        let data = envelope.data;
        let agreed = ids(&data);
        let payment = field(&data, "Payment");
        if payment.is_null() {
            return not_paid_today(prepared, data, &agreed);
        }
        match (truth(field(payment, "ValidPayment")), text(field(payment, "Status"))) {
            (Some(false), Some(code)) if code != "000" => declined(data, code, &agreed),
            (Some(true), code) => charged(prepared, data, code, &agreed),
            _ => unreadable(Effect::Money, data),
        }
    }
}

fn line_rules(at: usize, line: &RecurringLine) -> Result<(), Rejection> {
    let item = &line.item;
    if item.name.is_none() && item.id.is_none() {
        return Err(rules::unnamed_item(at));
    }
    rules::date(&format!("Items[{at}].Date_Start"), line.date_start.as_ref())?;
    let times = [line.duration_days, line.duration_months, item.duration_days, item.duration_months];
    let below_zero = times.iter().chain([&line.recurrence]).flatten().any(|number| *number < 0);
    // An item of the books may have its own.
    let is_missing = item.id.is_none() && times.iter().flatten().all(|number| *number == 0);
    if below_zero || is_missing {
        return Err(refuse(
            "bad_recurrence",
            format!(
                "Items[{at}].Duration_Months: יש לומר כל כמה זמן מחייבים: Duration_Months (1 הוא כל חודש) או Duration_Days, ו־Recurrence אינו שלילי"
            ),
            format!(
                "Items[{at}].Duration_Months: say how often is charged: Duration_Months (1 is every month) or \
                 Duration_Days, and a Recurrence that is not below zero"
            ),
        ));
    }
    Ok(())
}

/// The sums of the lines of which that is so, each above zero, and their currency.
fn lines(
    request: &ChargeRecurringRequest,
    takes: impl Fn(&RecurringLine) -> bool,
) -> Result<(Vec<Decimal>, Currency), Rejection> {
    let currency = request.items.first().and_then(|line| line.currency).unwrap_or(Currency::ILS);
    let mut sums = Vec::new();
    for (at, line) in request.items.iter().enumerate() {
        if line.currency.unwrap_or(Currency::ILS) != currency {
            return Err(rules::mixed_currencies(at));
        }
        let sum = rules::line_total(at, line.quantity.0, line.unit_price.map(|unit| unit.0), None)?;
        if sum <= Decimal::ZERO {
            return Err(refuse(
                "not_positive",
                format!("Items[{at}].UnitPrice: המחיר צריך להיות גדול מאפס"),
                format!("Items[{at}].UnitPrice: the price is above zero"),
            ));
        }
        if takes(line) {
            sums.push(sum);
        }
    }
    rules::total_of(sums.iter().copied().map(Ok))?;
    Ok((sums, currency))
}

/// What those lines come to with VAT, and then whatever else the provider may come to.
fn sums(request: &ChargeRecurringRequest, takes: impl Fn(&RecurringLine) -> bool) -> Option<Vec<Money>> {
    let (lines, currency) = lines(request, takes).ok()?;
    let currency = currency.to_core();
    let adds_vat = !request.vat_included && request.customer.no_vat != Some(true);
    let net = Money { amount: rules::total_of(lines.iter().copied().map(Ok)).ok()?, currency };
    let whole = if adds_vat { charging::gross(net, None)? } else { net };
    let others =
        charging::sums_of(&lines, adds_vat, None).into_iter().map(|amount| Money { amount, currency });
    Some([whole].into_iter().chain(others.filter(|sum| *sum != whole)).collect())
}

/// Every sum that the first charge may come to: of all lines, or of those that name no day of their own.
fn may_be(request: &ChargeRecurringRequest) -> Vec<Money> {
    let mut all = sums(request, |_| true).unwrap_or_default();
    if request.items.iter().any(|line| line.date_start.is_some()) {
        let today = sums(request, |line| line.date_start.is_none()).unwrap_or_default();
        all.extend(today.into_iter().filter(|sum| !sum.amount.is_zero()));
    }
    all
}

fn ids(data: &Value) -> Vec<String> {
    let ids = field(data, "RecurringCustomerItemIDs").as_array().map(Vec::as_slice).unwrap_or_default();
    ids.iter().filter_map(id).map(|id| id.to_string()).collect()
}

/// No payment is right where every line begins on another day, and the lines have their ids.
fn not_paid_today(prepared: &Prepared, data: Json, agreed: &[String]) -> Outcome {
    let request = rules::reread::<ChargeRecurringRequest>(&prepared.body);
    let is_later = request.is_some_and(|request| request.items.iter().all(|line| line.date_start.is_some()));
    if !is_later || agreed.is_empty() {
        return unreadable(Effect::Money, data);
    }
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", messages::agreed(&agreed.join(",")));
    outcome.code = None;
    outcome.reference = agreed.first().cloned();
    outcome.data = data;
    outcome
}

/// A decline is final only where nothing was agreed: a line with an id may be tried again by the provider itself.
fn declined(data: Json, code: String, agreed: &[String]) -> Outcome {
    // An id that cannot be read is an agreement all the same.
    let named = field(&data, "RecurringCustomerItemIDs").as_array().is_some_and(|ids| !ids.is_empty());
    if named {
        let why = messages::agreed_but_declined(&agreed.join(","), &code);
        let mut outcome = unsure(Effect::Money, "declined_but_agreed", why);
        outcome.data = data;
        return outcome;
    }
    let payment = field(&data, "Payment");
    let words = text(field(payment, "StatusDescription")).unwrap_or_default();
    let message = messages::with_words(messages::declined(&code), &words);
    let mut outcome = Outcome::new(OutcomeStatus::Declined, code, message);
    outcome.reference = id(field(payment, "ID")).map(|id| id.to_string());
    outcome.data = data;
    outcome
}

/// Paid once, and no agreement to charge again. A look-up that finds the payment must not take it for both, so this is
/// for a person.
fn charged_only(charged: Money, id: i64, data: Json) -> Outcome {
    let why = Text::new(
        format!("נגבו {charged}, אבל בתשובה אין הוראת קבע; יש לבדוק אצל OfficeGuy אם נפתחה, ואין לחייב שוב"),
        format!(
            "{charged} was charged, but the answer names no standing item; look at OfficeGuy whether there is one, and \
             do not charge again"
        ),
    );
    let mut outcome = Outcome::new(OutcomeStatus::Conflict, "charged_not_agreed", why);
    outcome.reference = Some(id.to_string());
    outcome.amount = Some(charged).filter(|charged| is_sum(*charged));
    outcome.data = data;
    outcome
}

fn charged(prepared: &Prepared, data: Json, code: Option<String>, agreed: &[String]) -> Outcome {
    let payment = field(&data, "Payment");
    let proof =
        (id(field(payment, "ID")), decimal(field(payment, "Amount")), currency(field(payment, "Currency")));
    let (Some(id), Some(amount), Some(currency)) = proof else {
        return unreadable(Effect::Money, data);
    };
    let charged = Money { amount, currency: currency.to_core() };
    if agreed.is_empty() {
        return charged_only(charged, id, data);
    }
    let request = rules::reread::<ChargeRecurringRequest>(&prepared.body);
    let is_expected = request.is_some_and(|request| may_be(&request).contains(&charged));
    let mut outcome = if is_expected && is_sum(charged) {
        let message = messages::charged_and_agreed(charged, &agreed.join(","));
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
        outcome.code = code;
        outcome
    } else {
        other_sum(charged, prepared.facts.amount)
    };
    outcome.reference = Some(id.to_string());
    outcome.amount = Some(charged).filter(|charged| is_sum(*charged));
    outcome.data = data;
    outcome
}
