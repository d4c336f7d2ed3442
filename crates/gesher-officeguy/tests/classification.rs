//! What each kind of reply means, one row for each; and that no reply at all can make money move twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{charge, prepare, registry};
use gesher_core::operation::{OperationEntry, Prepared, Reply};
use gesher_core::{Outcome, OutcomeStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

const JSON: &str = "application/json; charset=utf-8";

fn operation(name: &str) -> (&'static OperationEntry, Prepared) {
    let registry = registry();
    let operation = registry.find(&format!("officeguy.{name}")).unwrap();
    let request = match name {
        "charge" => charge(),
        _ => serde_json::from_str(operation.entry.examples.first().unwrap().request).unwrap(),
    };
    (operation.entry, prepare(&registry, name, request).unwrap())
}

#[track_caller]
fn check(name: &str, status: u16, content_type: &str, body: &str, want: (&str, &str)) -> Outcome {
    let reply = Reply { status, content_type: Some(content_type.to_owned()), body: body.as_bytes().to_vec() };
    let (entry, prepared) = operation(name);
    let outcome = entry.classify(&prepared, &reply);
    let got = (outcome.status.as_str(), outcome.code.as_deref().unwrap_or_default());
    assert_eq!(got, want, "{name} {status} {body}: {}", outcome.message.en);
    outcome
}

fn payment(valid: Value, code: Value, amount: Value, currency: Value) -> String {
    json!({
        "Data": {
            "Payment": {"ID": 9_000_000_001_i64, "CustomerID": 8, "ValidPayment": valid, "Status": code,
                "StatusDescription": "מאושר (קוד 000)", "Amount": amount, "Currency": currency, "DocumentID": 0},
            "DocumentID": 60_000_001, "DocumentNumber": 1001, "CustomerID": 8, "DocumentDownloadURL": null,
        },
        "Status": 0, "UserErrorMessage": null, "TechnicalErrorDetails": null,
    })
    .to_string()
}

fn refusal(status: Value, words: &str) -> String {
    json!({"Data": null, "Status": status, "UserErrorMessage": words, "TechnicalErrorDetails": null})
        .to_string()
}

#[test]
fn row_11_an_answer_that_is_not_the_providers_is_unknown() {
    let unread = ("unknown", "unreadable_answer");
    check("charge", 200, "text/html", "<html>", unread);
    check("charge", 200, JSON, "<html>", unread);
    check("charge", 204, JSON, "", unread);
    check("charge", 200, JSON, "{\"Data\":{\"Pay", unread);
    check("charge", 200, JSON, r#"{"ok":true}"#, unread);
    check("charge", 200, JSON, r#"{"Status":0,"Data":null}"#, unread);
    check("charge", 200, JSON, r#"{"Status":0,"Data":{"Payment":null}}"#, unread);
    check("charge", 200, JSON, r#"{"Status":0,"Data":{"Payment":{"ValidPayment":true}}}"#, unread);
    check("charge", 200, JSON, &payment(json!(null), json!("000"), json!(9.0), json!(0)), unread);
    check("charge", 200, JSON, &payment(json!(true), json!("000"), json!(9.0), json!(null)), unread);
    check("charge", 200, JSON, &payment(json!(true), json!("000"), json!(null), json!(0)), unread);
    check("create_company", 200, JSON, r#"{"Status":0,"Data":{"CompanyID":7}}"#, unread);
    check("create_document", 200, JSON, r#"{"Status":0,"Data":{}}"#, unread);
    check("open_upay_terminal", 200, JSON, r#"{"Status":0,"Data":[]}"#, unread);
}

#[test]
fn row_12_success_needs_proof_of_the_same_sum() {
    let outcome = check(
        "charge",
        200,
        JSON,
        &payment(json!(true), json!("000"), json!(9.0), json!(0)),
        ("succeeded", "000"),
    );
    assert_eq!(outcome.reference.as_deref(), Some("9000000001"));
    assert_eq!(outcome.document.as_deref(), Some("1001"));
    assert_eq!(outcome.amount.unwrap().to_string(), "9.00 ILS");
    assert_eq!(outcome.message.he, "חויב 9.00 ILS, מסמך 1001");
    let conflict = ("conflict", "amount_mismatch");
    check("charge", 200, JSON, &payment(json!(true), json!("000"), json!(9.01), json!(0)), conflict);
    check("charge", 200, JSON, &payment(json!(true), json!("000"), json!(90), json!(0)), conflict);
    check("charge", 200, JSON, &payment(json!(true), json!("000"), json!(9.0), json!(1)), conflict);
}

#[test]
fn row_12_a_forgiving_reading_is_still_a_proof() {
    check(
        "charge",
        200,
        JSON,
        &payment(json!("true"), json!("000"), json!("9.00"), json!("ILS")),
        ("succeeded", "000"),
    );
    let named = payment(json!(true), json!("000"), json!(9.0), json!("0"))
        .replace("\"Status\":0,", "\"Status\":\"Success (0)\",");
    check("charge", 200, JSON, &named, ("succeeded", "000"));
}

#[test]
fn row_13_a_decline_is_final_and_says_what_to_do() {
    for (code, he) in [
        ("004", "חברת האשראי סירבה"),
        ("015", "תוקף הכרטיס פג"),
        ("OG_25", "מספר הכרטיס אינו תקין"),
        ("OG_20", "עסקה כפולה"),
        ("Upay_30001419", "נמוך מהמינימום"),
        ("Upay_12345678", "Upay"),
        ("077", "העסקה סורבה (077)"),
    ] {
        let body = payment(json!(false), json!(code), json!(9.0), json!(0));
        let outcome = check("charge", 200, JSON, &body, ("declined", code));
        assert!(outcome.message.he.contains(he), "{}", outcome.message.he);
    }
    // Contradictions are no decline.
    let contradiction = payment(json!(false), json!("000"), json!(9.0), json!(0));
    check("charge", 200, JSON, &contradiction, ("unknown", "unreadable_answer"));
    let without_code = payment(json!(false), json!(null), json!(9.0), json!(0));
    check("charge", 200, JSON, &without_code, ("unknown", "unreadable_answer"));
}

#[test]
fn row_14_a_refusal_counts_only_where_it_is_known_to_come_first() {
    let wrong_keys = refusal(json!(1), "Invalid Credentials (CompanyID/APIKey are incorrect)");
    let outcome = check("charge", 200, JSON, &wrong_keys, ("rejected", "invalid_credentials"));
    assert!(outcome.pauses_account);
    let blocked = refusal(json!(1), "Repeated incorrect credentials attempts detected");
    assert!(check("get_payment", 200, JSON, &blocked, ("rejected", "invalid_credentials")).pauses_account);
    let missing = "Items: יש להזין ערך בשדה Items\r\nCustomer: יש להזין ערך בשדה Customer";
    check("charge", 200, JSON, &refusal(json!(1), missing), ("rejected", "missing_field"));
    let english = "Items: A value is required in field Items";
    check("charge", 200, JSON, &refusal(json!("BusinessError (1)"), english), ("rejected", "missing_field"));
    let half_known = "Items: יש להזין ערך בשדה Items\r\nThe payment was made but no document";
    check("charge", 200, JSON, &refusal(json!(1), half_known), ("unknown", "business_error"));
    let details = "Missing organization details (Corporate Number / Phone Number)";
    check("charge", 200, JSON, &refusal(json!(1), details), ("rejected", "missing_organization_details"));
    let method =
        "Can't create non CreditCard/DirectDebit method. Type should be set to CreditCard or DirectDebit.";
    check("charge", 200, JSON, &refusal(json!(1), method), ("rejected", "payment_method_type"));
    check("charge", 200, JSON, &refusal(json!(1), "Missing Item details"), ("rejected", "missing_item"));
    for words in ["", "Document creation failed", "מודול סליקת אשראי אינו מותקן בעסק"]
    {
        let outcome = check("charge", 200, JSON, &refusal(json!(1), words), ("unknown", "business_error"));
        assert!(outcome.message.en.starts_with("We do not know whether this was charged. Do not repeat it"));
        assert!(outcome.message.he.contains(words));
        assert!(!outcome.pauses_account);
    }
    check(
        "create_company",
        200,
        JSON,
        &refusal(json!(1), "no payment method"),
        ("unknown", "business_error"),
    );
    check("get_payment", 200, JSON, &refusal(json!(1), "Payment not found"), ("rejected", "business_error"));
}

#[test]
fn row_15_only_a_parse_error_is_known_to_have_done_nothing() {
    let parse = "Invalid Request JSON / Request doesn't match the API properties. \
                 Please contact support@sumit.co.il for assistance.";
    check("charge", 200, JSON, &refusal(json!(2), parse), ("rejected", "invalid_request_json"));
    check(
        "charge",
        200,
        JSON,
        &refusal(json!(2), "An unexpected error has occurred"),
        ("unknown", "technical_error"),
    );
    check("create_document", 200, JSON, &refusal(json!(2), ""), ("unknown", "technical_error"));
    check("charge", 200, JSON, &refusal(json!(3), parse), ("unknown", "unreadable_answer"));
}

#[test]
fn row_16_a_redirect_is_never_followed() {
    check("charge", 302, "text/html", "", ("rejected", "http_302"));
    check("charge", 302, "text/html", "<html>", ("unknown", "http_302"));
    for status in [301, 303, 307, 308] {
        check("charge", status, "text/html", "", ("unknown", &format!("http_{status}")));
    }
}

#[test]
fn row_17_a_refusal_in_the_providers_own_words_counts() {
    let words = refusal(json!(1), "no");
    for status in [400, 404, 405, 409, 413, 415, 422] {
        let outcome = check("charge", status, JSON, &words, ("rejected", &format!("http_{status}")));
        assert!(!outcome.pauses_account);
    }
    for status in [401, 403] {
        let outcome = check("charge", status, JSON, &words, ("rejected", &format!("http_{status}")));
        assert!(outcome.pauses_account);
    }
}

#[test]
fn row_17_an_envelope_that_refuses_nothing_is_no_refusal() {
    let taken = payment(json!(true), json!("000"), json!(9.0), json!(0));
    let empty = r#"{"Status":0,"Data":null}"#;
    let half_refused = taken.replace("\"Status\":0,", "\"Status\":1,");
    for status in [400, 401, 403, 404, 405, 409, 413, 415, 422] {
        for body in [taken.as_str(), empty, &half_refused] {
            let outcome = check("charge", status, JSON, body, ("unknown", &format!("http_{status}")));
            assert!(!outcome.pauses_account, "{status} {body}");
        }
    }
}

#[test]
fn a_refusal_beside_a_valid_payment_is_unknown() {
    let taken = payment(json!(true), json!("000"), json!(9.0), json!(0));
    let with_words = |status: u8, words: &str| {
        let mut answer: Value = serde_json::from_str(&taken).unwrap();
        answer["Status"] = json!(status);
        answer["UserErrorMessage"] = json!(words);
        answer.to_string()
    };
    let business = with_words(1, "Missing Item details");
    check("charge", 200, JSON, &business, ("unknown", "business_error"));
    let technical = with_words(2, "Invalid Request JSON / Request doesn't match the API properties.");
    check("charge", 200, JSON, &technical, ("unknown", "technical_error"));
}

#[test]
fn rows_18_to_22_whatever_else_comes_is_unknown() {
    for status in [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 520] {
        for body in ["", "<html>", "{}"] {
            let want = format!("http_{status}");
            let outcome = check("charge", status, "text/html", body, ("unknown", &want));
            assert!(!outcome.pauses_account);
            check("get_payment", status, "text/html", body, ("rejected", &want));
        }
    }
    for status in [408, 429, 500, 502, 503, 504] {
        let words = refusal(json!(1), "Invalid Credentials (CompanyID/APIKey are incorrect)");
        check("charge", status, JSON, &words, ("unknown", &format!("http_{status}")));
    }
}

#[test]
fn a_read_is_never_unknown() {
    for name in
        ["get_payment", "list_payments", "get_document", "list_documents", "get_vat_rate", "get_company"]
    {
        check(name, 200, JSON, r#"{"Status":0,"Data":{}}"#, ("rejected", "unreadable_answer"));
        check(name, 200, JSON, r#"{"Status":2,"UserErrorMessage":"x"}"#, ("rejected", "technical_error"));
        check(name, 200, "text/html", "<html>", ("rejected", "unreadable_answer"));
    }
}

/// The status of a charge that was answered with `amount`, given as JSON.
fn charged(request: &Value, amount: &str) -> Outcome {
    let registry = registry();
    let operation = registry.find("officeguy.charge").unwrap();
    let prepared = prepare(&registry, "charge", request.clone()).unwrap();
    let amount: Value = serde_json::from_str(amount).unwrap();
    let body = payment(json!(true), json!("000"), amount, json!(0));
    let reply = Reply { status: 200, content_type: Some(JSON.to_owned()), body: body.into_bytes() };
    operation.entry.classify(&prepared, &reply)
}

#[track_caller]
fn check_charged(request: &Value, amounts: &[&str], want: OutcomeStatus) {
    for amount in amounts {
        assert_eq!(charged(request, amount).status, want, "{amount}");
    }
}

#[test]
fn vat_that_the_provider_adds_is_expected() {
    let mut request = charge();
    request["VATIncluded"] = json!(false);
    let prepared = prepare(&registry(), "charge", request.clone()).unwrap();
    assert_eq!(prepared.facts.amount.unwrap().to_string(), "10.62 ILS");
    check_charged(&request, &["10.62", "10.63", "9.0"], OutcomeStatus::Succeeded);
    check_charged(&request, &["10.64", "10.00", "106.2"], OutcomeStatus::Conflict);
    request["Customer"]["NoVAT"] = json!(true);
    check_charged(&request, &["9.0"], OutcomeStatus::Succeeded);
    check_charged(&request, &["9.01", "10.62"], OutcomeStatus::Conflict);
}

#[test]
fn vat_at_a_named_rate_is_not_left_out() {
    let mut request = charge();
    request["VATIncluded"] = json!(false);
    request["VATRate"] = json!(17);
    check_charged(&request, &["10.53"], OutcomeStatus::Succeeded);
    check_charged(&request, &["9.0", "10.62"], OutcomeStatus::Conflict);
    request["VATRate"] = json!(0);
    check_charged(&request, &["9.0"], OutcomeStatus::Succeeded);
}

#[test]
fn many_lines_do_not_make_room_for_another_sum() {
    let mut request = charge();
    request["VATIncluded"] = json!(false);
    let line = json!({"Item": {"Name": "Bead"}, "UnitPrice": serde_json::from_str::<Value>("0.03").unwrap()});
    request["Items"] = Value::Array(vec![line; 100]);
    // 3.00 without VAT; 3.54 with VAT on the sum; 4.00 with VAT on each line.
    check_charged(&request, &["3.0", "3.54", "4.0"], OutcomeStatus::Succeeded);
    check_charged(&request, &["2.5", "3.2", "3.7", "4.5"], OutcomeStatus::Conflict);
}

#[test]
fn an_amount_that_is_no_sum_of_money_is_a_conflict_and_never_rounded() {
    let mut without_vat = charge();
    without_vat["VATIncluded"] = json!(false);
    for request in [charge(), without_vat] {
        for amount in ["9.001", "10.625", "9.0000000001", "1234567890123"] {
            let outcome = charged(&request, amount);
            assert_eq!(outcome.code.as_deref(), Some("amount_mismatch"), "{amount}");
            assert_eq!(outcome.status, OutcomeStatus::Conflict, "{amount}");
            assert_eq!(outcome.amount, None, "{amount}");
            assert!(outcome.message.en.contains(amount), "{}", outcome.message.en);
            assert_eq!(outcome.reference.as_deref(), Some("9000000001"));
        }
    }
    check_charged(&charge(), &["9.000"], OutcomeStatus::Succeeded);
}

/// Replies of every kind, most of them near to a good one.
fn replies() -> impl Strategy<Value = Reply> {
    let status = prop_oneof![4 => Just(200_u16), 1 => 100_u16..600];
    let content_type = prop_oneof![4 => Just(Some(JSON.to_owned())), 1 => Just(None), 1 => Just(Some("text/html".to_owned()))];
    let value = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!("000")),
        Just(json!("004")),
        Just(json!("9.00")),
        Just(json!(9)),
        Just(json!(0)),
        Just(json!(1)),
        Just(json!("true")),
        ".{0,12}".prop_map(Value::from),
    ];
    let near = (value.clone(), value.clone(), value.clone(), value.clone(), value.clone(), value).prop_map(
        |(status, id, valid, code, amount, currency)| {
            json!({"Status": status, "Data": {"DocumentNumber": 7, "Payment": {
                "ID": id, "ValidPayment": valid, "Status": code, "Amount": amount, "Currency": currency}}})
            .to_string()
            .into_bytes()
        },
    );
    let body = prop_oneof![3 => near, 1 => proptest::collection::vec(any::<u8>(), 0..200)];
    (status, content_type, body).prop_map(|(status, content_type, body)| Reply { status, content_type, body })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_reply_makes_a_charge_repeatable_or_succeed_without_proof(reply in replies()) {
        thread_local! {
            static CHARGE: (&'static OperationEntry, Prepared) = operation("charge");
            static LIST: (&'static OperationEntry, Prepared) = operation("list_payments");
        }
        let outcome = CHARGE.with(|(entry, prepared)| entry.classify(prepared, &reply));
        prop_assert_ne!(outcome.status, OutcomeStatus::NotSent);
        if outcome.status == OutcomeStatus::Succeeded {
            let answer: Value = serde_json::from_slice(&reply.body).unwrap();
            let payment = &answer["Data"]["Payment"];
            prop_assert!(payment["ValidPayment"] == json!(true) || payment["ValidPayment"] == json!("true"));
            prop_assert!(payment["Amount"] == json!(9) || payment["Amount"] == json!("9.00"));
            prop_assert_eq!(outcome.amount.unwrap().to_string(), "9.00 ILS");
            prop_assert!(outcome.reference.is_some());
        }
        let read = LIST.with(|(entry, prepared)| entry.classify(prepared, &reply));
        prop_assert!(matches!(read.status, OutcomeStatus::Succeeded | OutcomeStatus::Rejected));
    }
}
