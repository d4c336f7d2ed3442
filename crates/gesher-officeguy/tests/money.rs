//! The operations that move money beside a plain charge: what is refused before it is sent, what goes on the wire, and
//! what each answer means.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{charge, prepare, registry};
use gesher_core::operation::{OperationEntry, Prepared, Reply};
use gesher_core::{Outcome, Rejection};
use proptest::prelude::*;
use serde_json::{Value, json};

fn refund() -> Value {
    let mut request = charge();
    request["PaymentID"] = json!(9_000_000_001_i64);
    request["Items"] = json!([{"Item": {"Name": "Bowl"}, "Quantity": 2, "UnitPrice": -4.5}]);
    request
}

fn cart() -> Value {
    let mut request = charge();
    request["Items"] = json!([
        {"Vendor": "dana", "Item": {"Name": "Bowl"}, "UnitPrice": 6},
        {"Vendor": "noa", "Item": {"Name": "Candle"}, "UnitPrice": 2},
        {"Vendor": "noa", "Item": {"Name": "Candle"}, "UnitPrice": 1},
    ]);
    request
}

fn monthly() -> Value {
    let mut request = charge();
    request["Items"] = json!([{"Item": {"Name": "Box"}, "UnitPrice": 9, "Duration_Months": 1}]);
    request
}

fn capture() -> Value {
    let mut request = charge();
    request["CreditCardAuthNumber"] = json!(" 054321");
    request
}

fn good(name: &str) -> Value {
    match name {
        "refund" => refund(),
        "multivendor_charge" => cart(),
        "charge_recurring" => monthly(),
        "capture" => capture(),
        _ => charge(),
    }
}

/// A good request with another value at `pointer`; null takes it away.
fn with(name: &str, pointer: &str, value: Value) -> Value {
    let mut request = good(name);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.shift_remove(field)),
        value => drop(parent.insert(field.to_owned(), value)),
    }
    request
}

#[track_caller]
fn refused(name: &str, pointer: &str, value: Value, code: &str, words: &str) {
    let request = with(name, pointer, value);
    let Err(Rejection { code: got, message }) = prepare(&registry(), name, request.clone()) else {
        panic!("{name} takes {request}");
    };
    assert_eq!(got, code, "{name} {request}: {}", message.en);
    assert!(message.en.contains(words) && !message.he.is_empty(), "{name} {request}: {}", message.en);
}

#[track_caller]
fn taken(name: &str, pointer: &str, value: Value) -> Prepared {
    let request = with(name, pointer, value);
    prepare(&registry(), name, request.clone())
        .unwrap_or_else(|refusal| panic!("{name} {request}: {refusal}"))
}

#[test]
fn a_refund_names_its_payment_and_is_below_zero() {
    refused("refund", "/PaymentID", json!(null), "missing_field", "PaymentID");
    refused("refund", "/PaymentID", json!(0), "wrong_type", "PaymentID");
    refused("refund", "/PaymentID", json!("x"), "wrong_type", "PaymentID");
    refused("refund", "/PaymentMethod", json!(null), "missing_field", "PaymentMethod");
    refused("refund", "/VATIncluded", json!(false), "vat_not_included", "VATIncluded: ");
    refused("refund", "/SupportCredit", json!(false), "not_a_refund", "SupportCredit: ");
    refused("refund", "/Items", charge()["Items"].clone(), "not_negative", "Items: the refund comes to 9.00");
    refused("refund", "/Paymentid", json!(1), "unknown_field", "did you mean PaymentID?");
    refused("refund", "/Customer", json!({"SearchMode": 0}), "missing_field", "Customer.Name: ");
    let prepared = taken("refund", "/PaymentID", json!("9000000001"));
    assert_eq!(prepared.original.as_deref(), Some("9000000001"));
    assert_eq!(prepared.facts.amount.unwrap().to_string(), "-9.00 ILS");
    assert!(prepared.body.contains(r#""SupportCredit":true"#), "{}", prepared.body);
    assert!(!prepared.body.contains("PaymentID"), "{}", prepared.body);
    assert_eq!(prepared.endpoint, "/billing/payments/charge/");
    // The same refund of another payment is another request.
    assert_ne!(taken("refund", "/PaymentID", json!(9_000_000_002_i64)).hash, prepared.hash);
    assert_eq!(taken("refund", "/SupportCredit", json!(true)).hash, prepared.hash);
}

#[test]
fn what_a_payment_took_is_read_from_its_own_record() {
    let registry = registry();
    let back = registry.find("officeguy.refund").unwrap().entry.takes_back.unwrap();
    let prepared = taken("refund", "/Customer", json!({"ID": 8}));
    let payment = |field: &str, value: Value| {
        let mut payment = json!({"ID": 9_000_000_001_i64, "CustomerID": 8, "ValidPayment": true, "Amount": 9.0,
            "Currency": 0});
        payment[field] = value;
        let taken = (back.taken)(&prepared, &json!({ "Payment": payment }));
        taken.map(|taken| taken.to_string()).map_err(|refusal| refusal.code)
    };
    assert_eq!(payment("Status", json!("000")), Ok("9.00 ILS".to_owned()));
    assert_eq!(payment("CustomerID", json!(0)), Ok("9.00 ILS".to_owned()));
    for (field, value, code) in [
        ("ID", json!(7), "original_unknown"),
        ("Amount", json!("many"), "original_unknown"),
        ("Currency", json!(null), "original_unknown"),
        ("ValidPayment", json!(false), "original_not_paid"),
        ("ValidPayment", json!(null), "original_not_paid"),
        ("Amount", json!(-9.0), "original_not_paid"),
        ("CustomerID", json!(9), "another_customer"),
    ] {
        assert_eq!(payment(field, value.clone()), Err(code.to_owned()), "{field} {value}");
    }
    assert_eq!((back.request)("9000000001"), json!({"PaymentID": 9_000_000_001_i64}));
}

#[test]
fn several_vendors_are_named_by_their_handles() {
    refused("multivendor_charge", "/Items/0/Vendor", json!(null), "missing_field", "Items[0].Vendor");
    refused("multivendor_charge", "/Items/0/Vendor", json!("Dana P"), "bad_vendor", "");
    refused("multivendor_charge", "/Items/0/APIKey", json!("x"), "unknown_field", "APIKey");
    refused("multivendor_charge", "/Items/0/UnitPrice", json!(-1), "not_positive", "dana");
    refused("multivendor_charge", "/Items/1/Currency", json!("USD"), "mixed_currencies", "Items[1].Currency");
    refused("multivendor_charge", "/PaymentMethod", json!(null), "no_payment_method", "PaymentMethod: ");
    refused("multivendor_charge", "/SupportCredit", json!(true), "unknown_field", "SupportCredit");
    let prepared = taken("multivendor_charge", "/VATIncluded", json!(true));
    assert_eq!(prepared.vendors, ["dana", "noa"]);
    assert_eq!(prepared.facts.amount.unwrap().to_string(), "9.00 ILS");
    let net = taken("multivendor_charge", "/VATIncluded", json!(false));
    assert_eq!(net.facts.amount.unwrap().to_string(), "10.62 ILS");
}

#[test]
fn what_repeats_says_how_often() {
    refused("charge_recurring", "/Items/0/Duration_Months", json!(null), "bad_recurrence", "Duration_Months");
    refused("charge_recurring", "/Items/0/Duration_Months", json!(0), "bad_recurrence", "Duration_Months");
    refused("charge_recurring", "/Items/0/Recurrence", json!(-1), "bad_recurrence", "Recurrence");
    refused("charge_recurring", "/Items/0/Date_Start", json!("1/4/2026"), "bad_date", "Items[0].Date_Start");
    refused("charge_recurring", "/Items/0/UnitPrice", json!(0), "not_positive", "Items[0].UnitPrice");
    refused("charge_recurring", "/PaymentMethod", json!(null), "no_payment_method", "get_payment_method");
    taken("charge_recurring", "/Items/0/Duration_Days", json!(7));
    taken("charge_recurring", "/Items/0/Item", json!({"ID": 5}));
}

#[test]
fn a_hold_holds_and_a_capture_names_it() {
    refused("authorize", "/AutoCapture", json!(true), "not_a_hold", "AutoCapture: ");
    refused("authorize", "/CreditCardAuthNumber", json!("1"), "not_a_hold", "CreditCardAuthNumber: ");
    refused("authorize", "/AuthorizeAmount", json!(0), "not_positive", "AuthorizeAmount: ");
    refused("authorize", "/PaymentMethod", json!(null), "no_payment_method", "PaymentMethod: ");
    let hold = taken("authorize", "/AuthorizeAmount", json!(5));
    assert_eq!(hold.facts.amount.unwrap().to_string(), "5.00 ILS");
    for words in [r#""AutoCapture":false"#, r#""PreventDocumentCreation":true"#, r#""AuthorizeAmount":5.00"#]
    {
        assert!(hold.body.contains(words), "{}", hold.body);
    }
    refused("capture", "/CreditCardAuthNumber", json!(null), "missing_field", "CreditCardAuthNumber: ");
    refused("capture", "/PaymentMethod", json!(null), "no_payment_method", "PaymentMethod: ");
    refused("capture", "/SingleUseToken", json!("t"), "single_use_token", "SingleUseToken: ");
    let capture = taken("capture", "/VATIncluded", json!(true));
    assert!(capture.body.contains(r#""CreditCardAuthNumber":"054321""#), "{}", capture.body);
}

fn json_type() -> Option<String> {
    Some("application/json; charset=utf-8".to_owned())
}

fn operation(name: &str) -> (&'static OperationEntry, Prepared) {
    let registry = registry();
    let entry = registry.find(&format!("officeguy.{name}")).unwrap().entry;
    (entry, prepare(&registry, name, good(name)).unwrap())
}

#[track_caller]
fn check(name: &str, data: Value, want: (&str, &str)) -> Outcome {
    let (entry, prepared) = operation(name);
    let body = json!({"Data": data, "Status": 0, "UserErrorMessage": null}).to_string().into_bytes();
    let outcome = entry.classify(&prepared, &Reply { status: 200, content_type: json_type(), body });
    let got = (outcome.status.as_str(), outcome.code.as_deref().unwrap_or_default());
    assert_eq!(got, want, "{name} {data}: {}", outcome.message.en);
    outcome
}

fn payment(id: i64, valid: bool, code: &str, amount: &str) -> Value {
    let amount: serde_json::Number = amount.parse().unwrap();
    json!({"ID": id, "ValidPayment": valid, "Status": code, "Amount": amount, "Currency": 0, "AuthNumber": " 054321"})
}

#[test]
fn a_refund_is_proved_by_the_same_sum_below_zero() {
    let answer =
        |valid, code, amount| json!({"Payment": payment(5, valid, code, amount), "DocumentNumber": 7});
    let outcome = check("refund", answer(true, "000", "-9.0"), ("succeeded", "000"));
    assert_eq!(outcome.amount.unwrap().to_string(), "-9.00 ILS");
    assert_eq!(outcome.message.he, "הוחזר 9.00 ILS, מסמך 7");
    check("refund", answer(true, "000", "9.0"), ("conflict", "amount_mismatch"));
    check("refund", answer(true, "000", "-9.5"), ("conflict", "amount_mismatch"));
    let declined = check("refund", answer(false, "004", "-9.0"), ("declined", "004"));
    assert!(declined.message.en.contains("Nothing was given back"), "{}", declined.message.en);
    check("refund", json!(null), ("unknown", "unreadable_answer"));
}

#[test]
fn a_hold_has_an_authorisation_and_no_number() {
    let hold =
        |id, valid, code, amount| json!({"Payment": payment(id, valid, code, amount), "CustomerID": 8});
    let outcome = check("authorize", hold(0, true, "000", "9.0"), ("succeeded", "000"));
    assert_eq!(outcome.reference.as_deref(), Some("054321"));
    assert_eq!(outcome.amount, None);
    check("authorize", hold(5, true, "000", "9.0"), ("conflict", "charged_not_held"));
    check("authorize", hold(0, true, "000", "90.0"), ("conflict", "amount_mismatch"));
    check("authorize", hold(0, false, "004", "9.0"), ("declined", "004"));
    check("authorize", hold(0, false, "000", "9.0"), ("unknown", "unreadable_answer"));
    let mut bare = hold(0, true, "000", "9.0");
    bare["Payment"]["AuthNumber"] = json!(null);
    check("authorize", bare, ("unknown", "unreadable_answer"));
    let captured = |valid, code| json!({"Payment": payment(5, valid, code, "9.0")});
    check("capture", captured(true, "000"), ("succeeded", "000"));
    let late = check("capture", captured(false, "004"), ("declined", "004"));
    assert!(late.message.en.contains("may have died"), "{}", late.message.en);
}

#[test]
fn what_repeats_needs_the_ids_of_its_lines() {
    let answer = |valid, code, amount, ids: Value| json!({"Payment": payment(5, valid, code, amount), "RecurringCustomerItemIDs": ids});
    let outcome = check("charge_recurring", answer(true, "000", "9.0", json!([71])), ("succeeded", "000"));
    assert_eq!(outcome.reference.as_deref(), Some("5"));
    assert!(outcome.message.en.contains("71"), "{}", outcome.message.en);
    check("charge_recurring", answer(true, "000", "9.0", json!(null)), ("conflict", "charged_not_agreed"));
    check("charge_recurring", answer(true, "000", "8.0", json!([71])), ("conflict", "amount_mismatch"));
    check("charge_recurring", answer(false, "004", "9.0", json!(null)), ("declined", "004"));
    // The provider may charge by itself what was agreed on.
    check("charge_recurring", answer(false, "004", "9.0", json!([71])), ("unknown", "declined_but_agreed"));
    check("charge_recurring", json!({"RecurringCustomerItemIDs": [71]}), ("unknown", "unreadable_answer"));
    let (entry, _) = operation("charge_recurring");
    let later = taken("charge_recurring", "/Items/0/Date_Start", json!("2036-04-01"));
    let body = json!({"Status": 0, "Data": {"Payment": null, "RecurringCustomerItemIDs": [71]}}).to_string();
    let outcome =
        entry.classify(&later, &Reply { status: 200, content_type: json_type(), body: body.into_bytes() });
    assert_eq!((outcome.status.as_str(), outcome.reference.as_deref()), ("succeeded", Some("71")));
}

#[test]
fn every_vendors_answer_is_inspected() {
    let vendors = |parts: &[Value]| {
        let each: Vec<Value> = parts.iter().map(|payment| json!({ "Payment": payment })).collect();
        json!({ "Vendors": each })
    };
    let (dana, noa) = (payment(5, true, "000", "6.0"), payment(6, true, "000", "3.0"));
    let refused = payment(7, false, "004", "3.0");
    check("multivendor_charge", vendors(&[dana.clone(), noa.clone()]), ("succeeded", "000"));
    let part =
        check("multivendor_charge", vendors(&[dana.clone(), refused.clone()]), ("succeeded", "in_part"));
    assert!(part.message.en.contains("noa (004)"), "{}", part.message.en);
    check("multivendor_charge", vendors(&[dana]), ("unknown", "unreadable_answer"));
    check("multivendor_charge", vendors(&[payment(5, false, "004", "6.0"), refused]), ("declined", "004"));
    check("multivendor_charge", json!({"Payment": noa}), ("unknown", "unreadable_answer"));
    // A refusal in words beside money that moved is no refusal.
    let (entry, prepared) = operation("multivendor_charge");
    let body = json!({"Status": 1, "UserErrorMessage": "Missing Item details",
        "Data": vendors(&[payment(5, true, "000", "6.0")])});
    let reply = Reply { status: 200, content_type: json_type(), body: body.to_string().into_bytes() };
    assert_eq!(entry.classify(&prepared, &reply).status.as_str(), "unknown");
}

const NAMES: [&str; 5] = ["refund", "multivendor_charge", "charge_recurring", "authorize", "capture"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Answers that say half of what they should: money that may have moved is never called a failure.
    #[test]
    fn an_answer_of_paid_money_never_leaves_the_key_free(
        which in 0..NAMES.len(), status in 0..3_i64, amount in -20..20_i64, id in 0..3_i64, code in "(000|004|)",
        agreed in any::<bool>(), words in "(Missing Item details|x|)",
    ) {
        let payment = json!({"ID": id, "ValidPayment": true, "Status": code, "Amount": amount, "Currency": 0,
            "AuthNumber": "1"});
        let data = json!({"Payment": payment, "Vendors": [{"Payment": payment}, {"Payment": payment}],
            "RecurringCustomerItemIDs": if agreed { json!([1]) } else { json!(null) }});
        let body = json!({"Status": status, "UserErrorMessage": words, "Data": data}).to_string().into_bytes();
        thread_local! {
            static OPERATIONS: [(&'static OperationEntry, Prepared); 5] = NAMES.map(operation);
        }
        let (entry, prepared) = OPERATIONS.with(|operations| operations[which].clone());
        let outcome = entry.classify(&prepared, &Reply { status: 200, content_type: json_type(), body });
        prop_assert!(!outcome.status.leaves_key_free(), "{}: {}", NAMES[which], outcome.message.en);
    }
}
