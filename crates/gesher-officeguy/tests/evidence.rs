//! What an open outcome tells the person who has to settle it: ids, the answer's data, or the start of its text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{charge, prepare, registry};
use gesher_core::operation::Reply;
use gesher_core::redact::Redactor;
use gesher_core::{Outcome, OutcomeStatus};
use serde_json::{Value, json};

fn classify(name: &str, status: u16, body: &[u8]) -> Outcome {
    let registry = registry();
    let operation = registry.find(&format!("officeguy.{name}")).unwrap();
    let request = match name {
        "charge" => charge(),
        _ => serde_json::from_str(operation.entry.examples.first().unwrap().request).unwrap(),
    };
    let prepared = prepare(&registry, name, request).unwrap();
    let content_type = Some("application/json; charset=utf-8".to_owned());
    operation.entry.classify(&prepared, &Reply { status, content_type, body: body.to_vec() })
}

fn taken(amount: &Value) -> Value {
    json!({"Payment": {"ID": 9_000_000_001_i64, "ValidPayment": true, "Status": "000", "Amount": amount,
        "Currency": 0}, "DocumentID": 60_000_001, "DocumentNumber": 1001, "CustomerID": 8})
}

/// An open outcome has payment, document and data of the answer.
#[track_caller]
fn check_payment(status: u16, envelope: Value, want: (OutcomeStatus, &str)) {
    let outcome = classify("charge", status, envelope.to_string().as_bytes());
    assert_eq!((outcome.status, outcome.code.as_deref().unwrap()), want, "{envelope}");
    assert_eq!(outcome.reference.as_deref(), Some("9000000001"), "{envelope}");
    assert_eq!(outcome.document.as_deref(), Some("1001"), "{envelope}");
    assert_eq!(outcome.data, envelope["Data"], "{envelope}");
}

#[test]
fn an_unclear_charge_keeps_payment_document_and_data() {
    let unread = (OutcomeStatus::Unknown, "unreadable_answer");
    for amount in [json!(null), json!("nine"), json!({})] {
        check_payment(200, json!({"Status": 0, "Data": taken(&amount)}), unread);
    }
    let mut undecided = taken(&json!(9));
    undecided["Payment"]["ValidPayment"] = json!(null);
    check_payment(200, json!({"Status": 0, "Data": undecided}), unread);
    let mut contradicted = taken(&json!(9));
    contradicted["Payment"]["ValidPayment"] = json!(false);
    check_payment(200, json!({"Status": 0, "Data": contradicted}), unread);
    let data = taken(&json!(9));
    check_payment(200, json!({"Status": 7, "Data": data}), unread);
    check_payment(200, json!({"Status": 1, "Data": data}), (OutcomeStatus::Unknown, "business_error"));
    check_payment(200, json!({"Status": 2, "Data": data}), (OutcomeStatus::Unknown, "technical_error"));
    check_payment(502, json!({"Status": 0, "Data": data}), (OutcomeStatus::Unknown, "http_502"));
    check_payment(409, json!({"Status": 0, "Data": data}), (OutcomeStatus::Unknown, "http_409"));
    let other = taken(&json!(90));
    check_payment(200, json!({"Status": 0, "Data": other}), (OutcomeStatus::Conflict, "amount_mismatch"));
}

#[test]
fn an_unclear_write_keeps_its_id_and_data() {
    let data = json!({"DocumentID": 60_000_001, "DocumentNumber": 1001});
    let body = json!({"Status": 2, "Data": data}).to_string();
    let outcome = classify("create_document", 200, body.as_bytes());
    assert_eq!(outcome.status, OutcomeStatus::Unknown);
    assert_eq!(outcome.reference.as_deref(), Some("60000001"));
    assert_eq!(outcome.document.as_deref(), Some("1001"));
    assert_eq!(outcome.data, data);
    let without_id = json!({"Status": 0, "Data": {"DocumentNumber": 1001}}).to_string();
    let outcome = classify("create_document", 200, without_id.as_bytes());
    assert_eq!(
        (outcome.document.as_deref(), &outcome.data),
        (Some("1001"), &json!({"DocumentNumber": 1001}).into())
    );
}

#[test]
fn the_keys_of_a_new_organisation_are_no_evidence() {
    let keys =
        json!({"CompanyID": 2_410_000_077_i64, "APIKey": "canary-key", "APIPublicKey": "canary-public"});
    for (envelope, want) in [
        (json!({"Status": 2, "Data": keys}), json!({"CompanyID": 2_410_000_077_i64})),
        (json!({"Status": 1, "Data": keys}), json!({"CompanyID": 2_410_000_077_i64})),
    ] {
        let outcome = classify("create_company", 200, envelope.to_string().as_bytes());
        assert_eq!(outcome.status, OutcomeStatus::Unknown);
        assert_eq!(outcome.reference.as_deref(), Some("2410000077"));
        assert_eq!(outcome.data, want);
    }
    let keyless = json!({"Status": 0, "Data": {"CompanyID": 2_410_000_077_i64, "APIPublicKey": "canary"}});
    let outcome = classify("create_company", 200, keyless.to_string().as_bytes());
    assert_eq!(outcome.reference.as_deref(), Some("2410000077"));
    assert_eq!(outcome.data, json!({"CompanyID": 2_410_000_077_i64}));
    let cut = br#"{"Status":0,"Data":{"CompanyID":2410000077,"APIKey":"canary-k"#;
    let outcome = classify("create_company", 200, cut);
    assert_eq!((outcome.status, outcome.data.into_tree()), (OutcomeStatus::Unknown, Value::Null));
    let outcome = classify("create_company", 502, b"<html>");
    assert_eq!(
        (outcome.status, outcome.data.into_tree()),
        (OutcomeStatus::Unknown, json!({"excerpt": "<html>"}))
    );
}

#[track_caller]
fn check_excerpt(status: u16, body: &[u8], want: &Value) {
    let outcome = classify("charge", status, body);
    assert_eq!(outcome.status, OutcomeStatus::Unknown);
    assert_eq!(&outcome.data, want, "{status}");
}

#[test]
fn an_answer_that_is_not_the_providers_is_quoted() {
    let page = "<html><body>Bad Gateway</body></html>";
    check_excerpt(502, page.as_bytes(), &json!({"excerpt": page}));
    check_excerpt(200, page.as_bytes(), &json!({"excerpt": page}));
    check_excerpt(200, br#"{"ok":true}"#, &json!({"excerpt": "{\"ok\":true}"}));
    let cut = r#"{"Data":{"Payment":{"ID":9000000001,"#;
    check_excerpt(200, cut.as_bytes(), &json!({"excerpt": cut}));
    check_excerpt(502, b"\xff\xfe!", &json!({"excerpt": "\u{fffd}\u{fffd}!"}));
    check_excerpt(502, b"", &Value::Null);
    check_excerpt(200, br#"{"Status":2,"Data":null}"#, &Value::Null);
    let long = "אבג,".repeat(1000);
    let want: String = long.chars().take(500).collect();
    check_excerpt(502, long.as_bytes(), &json!({"excerpt": want}));
}

#[test]
fn a_quote_never_ends_within_a_number_or_a_key() {
    let lead = "<p>".repeat(164);
    let body = format!("{lead}4111 1111 1111 1111</p>");
    let outcome = classify("charge", 502, body.as_bytes());
    assert_eq!(outcome.data, json!({"excerpt": lead}));
    let body = format!("{lead}MarketKey-canary-1</p>");
    let outcome = classify("charge", 502, body.as_bytes());
    assert_eq!(outcome.data, json!({"excerpt": lead}));
    let whole = Redactor::new().clean(classify("charge", 502, b"card 4111 1111 1111 1111 seen").data);
    assert_eq!(whole, json!({"excerpt": "card [card ****1111] seen"}));
}

#[test]
fn a_look_up_leaves_no_evidence_since_nothing_is_open() {
    let outcome = classify("get_payment", 502, b"<html>");
    assert_eq!((outcome.status, outcome.data.into_tree()), (OutcomeStatus::Rejected, Value::Null));
}
