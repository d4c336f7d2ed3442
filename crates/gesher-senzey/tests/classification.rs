//! What each kind of reply means, one row for each; and that no reply at all can pass for a standing order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{bank_order, registry, with};
use gesher_core::operation::{MARKETPLACE, OperationEntry, Prepared, Reply};
use gesher_core::{Outcome, OutcomeStatus};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const JSON: &str = "application/json; charset=utf-8";
const MADE: &str = r#"{"bank_order_num":10005,"doc_num":69521,"client_id":96521}"#;
const NO: &str = r#"{"error":"Incorrect business number"}"#;

fn operation(name: &str, request: Option<Value>) -> (&'static OperationEntry, Prepared) {
    let registry = registry();
    let operation = registry.find(&format!("senzey.{name}")).unwrap();
    let example = || serde_json::from_str(operation.entry.examples.first().unwrap().request).unwrap();
    (operation.entry, operation.prepare(MARKETPLACE, request.unwrap_or_else(example)).unwrap())
}

#[track_caller]
fn check(name: &str, status: u16, content_type: &str, body: &str, want: (&str, &str)) -> Outcome {
    let reply = Reply { status, content_type: Some(content_type.to_owned()), body: body.as_bytes().to_vec() };
    let (entry, prepared) = operation(name, None);
    let outcome = entry.classify(&prepared, &reply);
    let got = (outcome.status.as_str(), outcome.code.as_deref().unwrap_or_default());
    assert_eq!(got, want, "{name} {status} {body}: {}", outcome.message.en);
    outcome
}

const UNREAD: (&str, &str) = ("unknown", "unreadable_answer");

#[test]
fn row_11_an_answer_that_is_not_the_provider_s_is_unknown() {
    check("add_bank_order", 200, "text/html", "<html>", UNREAD);
    let page = check("add_bank_order", 200, "text/html", MADE, UNREAD);
    assert!(page.message.en.contains("write answers = \"any\" in [senzey]"), "{}", page.message.en);
    check("add_bank_order", 200, JSON, "<html>", UNREAD);
    check("add_bank_order", 204, JSON, "", UNREAD);
    check("add_bank_order", 200, JSON, r#"{"bank_order_num":100"#, UNREAD);
    check("add_bank_order", 200, JSON, "{'bank_order_num': 10005}", UNREAD);
    check("add_bank_order", 200, JSON, "{}", UNREAD);
    check("add_bank_order", 200, JSON, r#"{"ok":true}"#, UNREAD);
    check("add_bank_order", 200, JSON, r#"{"client_id":96521}"#, UNREAD);
    check("add_bank_order", 200, JSON, r#"{"bank_order_num":0}"#, UNREAD);
    check("add_bank_order", 200, JSON, r#"{"bank_order_num":"x"}"#, UNREAD);
    check("add_work_order", 200, JSON, r#"{"work_order_number":7}"#, UNREAD);
    check("add_work_order", 200, JSON, r#"{"work_order_number":7,"pay_url":"TRUE"}"#, UNREAD);
    check("add_tax_invoice_receipt", 200, JSON, r#"{"client_id":7}"#, UNREAD);
    check("add_lead", 200, JSON, r#"{"success":0,"data":{"id":7}}"#, UNREAD);
    check("add_lead", 200, JSON, r#"{"success":1}"#, UNREAD);
}

#[test]
fn row_12_success_is_the_number_of_what_was_made() {
    let outcome = check("add_bank_order", 200, JSON, MADE, ("succeeded", ""));
    assert_eq!((outcome.reference.as_deref(), outcome.document.as_deref()), (Some("10005"), Some("69521")));
    assert_eq!(outcome.message.he, "הוקמה הוראת קבע 10005, מסמך 69521");
    let text = r#"{"bank_order_num":"10005","client_id":"96521"}"#;
    let outcome = check("add_bank_order", 200, JSON, text, ("succeeded", ""));
    assert_eq!((outcome.reference.as_deref(), outcome.document.as_deref()), (Some("10005"), None));
    let page = r#"{"pay_url":"https://acme.senzey.com/p?x=1","work_order_number":"88"}"#;
    let outcome = check("add_work_order", 200, JSON, page, ("succeeded", ""));
    assert_eq!(outcome.reference.as_deref(), Some("88"));
    assert_eq!(outcome.data["pay_url"], "https://acme.senzey.com/p?x=1");
    check("add_work_order", 200, JSON, r#"{"pay_url":"https://acme.senzey.com/p"}"#, ("succeeded", ""));
    let outcome = check("add_tax_invoice_receipt", 200, JSON, r#"{"doc_num":69521}"#, ("succeeded", ""));
    assert_eq!(outcome.document.as_deref(), Some("69521"));
    let outcome = check("add_lead", 200, JSON, r#"{"success":1,"data":{"id":2335}}"#, ("succeeded", ""));
    assert_eq!(outcome.reference.as_deref(), Some("2335"));
    check("add_client", 200, JSON, r#"{"success":"1","data":{"id":"7"}}"#, ("succeeded", ""));
}

#[test]
fn row_12_an_order_for_another_client_is_for_a_person() {
    let request = with(&bank_order(), &json!({"senzey_client_id": "0096521"}));
    let (entry, prepared) = operation("add_bank_order", Some(request));
    for (client, want) in [("96521", OutcomeStatus::Succeeded), ("96522", OutcomeStatus::Conflict)] {
        let body = format!(r#"{{"bank_order_num":10005,"client_id":{client}}}"#).into_bytes();
        let reply = Reply { status: 200, content_type: Some(JSON.to_owned()), body };
        let outcome = entry.classify(&prepared, &reply);
        assert_eq!((outcome.status, outcome.reference.as_deref()), (want, Some("10005")), "{client}");
    }
}

#[test]
fn row_14_an_error_with_a_good_status_is_unknown() {
    let outcome = check("add_bank_order", 200, JSON, NO, UNREAD);
    assert!(outcome.message.en.contains("Senzey said: Incorrect business number"), "{}", outcome.message.en);
    check("add_bank_order", 200, JSON, r#"{"error":"document failed","bank_order_num":10005}"#, UNREAD);
    check("add_lead", 200, JSON, r#"{"success":0,"message":"no"}"#, UNREAD);
}

#[test]
fn row_16_a_redirect_is_unknown() {
    for status in [301, 302, 307] {
        check("add_bank_order", status, JSON, "", ("unknown", &format!("http_{status}")));
    }
}

#[test]
fn row_17_the_provider_s_own_error_is_a_refusal() {
    for status in [400, 404, 405, 409, 413, 415, 422] {
        let outcome = check("add_bank_order", status, JSON, NO, ("rejected", &format!("http_{status}")));
        assert!(!outcome.pauses_account);
        assert!(
            outcome.message.he.contains("תשובת Senzey: Incorrect business number"),
            "{}",
            outcome.message.he
        );
        let other = r#"{"success":0,"message":"Incorrect business number"}"#;
        check("add_lead", status, JSON, other, ("rejected", &format!("http_{status}")));
    }
    for status in [401, 403] {
        let outcome = check("add_bank_order", status, JSON, NO, ("rejected", &format!("http_{status}")));
        assert!(outcome.pauses_account, "{status}");
    }
}

#[test]
fn row_18_the_same_status_in_other_words_is_unknown() {
    for body in
        ["", "<html>Forbidden</html>", r#"{"message":"Forbidden"}"#, r#"{"error":"x","status":403}"#, MADE]
    {
        for status in [400, 401, 403, 404] {
            let outcome = check("add_bank_order", status, JSON, body, ("unknown", &format!("http_{status}")));
            assert!(!outcome.pauses_account);
        }
    }
}

#[test]
fn rows_19_to_22_no_other_status_says_that_nothing_was_done() {
    for status in [402, 408, 418, 429, 500, 501, 502, 503, 504, 520, 599] {
        check("add_bank_order", status, JSON, NO, ("unknown", &format!("http_{status}")));
        check("add_client", status, "text/html", "<html>", ("unknown", &format!("http_{status}")));
    }
}

#[test]
fn an_unknown_order_says_what_to_look_for_in_both_languages() {
    let outcome = check("add_bank_order", 500, JSON, NO, ("unknown", "http_500"));
    assert!(
        outcome.message.en.starts_with(
            "We do not know whether this was done. Do not repeat it; look in Senzey, among the standing orders of \
             ישראלה ישראלי, payer@example.test, for one of 118.00 ILS each month from 01/12/2099 on: the server answered HTTP 500"
        ),
        "{}",
        outcome.message.en
    );
    assert!(
        outcome.message.he.contains("אין לחזור עליה; יש לחפש ב־Senzey, בהוראות הקבע של"),
        "{}",
        outcome.message.he
    );
    assert_eq!(outcome.data["error"], "Incorrect business number");
}

#[test]
fn a_read_that_is_not_understood_is_a_refusal() {
    let listed = check("list_contacts", 200, JSON, r#"[{"id":1}]"#, ("succeeded", ""));
    assert_eq!(listed.data, json!({"contacts": [{"id": 1}]}));
    let listed = check("list_contacts", 200, JSON, r#"{"data":[{"id":1}]}"#, ("succeeded", ""));
    assert_eq!(listed.data, json!({"contacts": [{"id": 1}]}));
    check("list_contacts", 200, JSON, r#"{"total":3}"#, ("rejected", "unreadable_answer"));
    check("list_contacts", 200, "text/html", "<html>", ("rejected", "unreadable_answer"));
    check("list_contacts", 404, "text/html", "<html>", ("rejected", "http_404"));
    let refused = check("list_contacts", 401, JSON, NO, ("rejected", "http_401"));
    assert!(refused.pauses_account);
}

static ORDER: LazyLock<(&'static OperationEntry, Prepared)> =
    LazyLock::new(|| operation("add_bank_order", None));

proptest! {
    #[test]
    fn no_reply_without_a_number_passes_for_an_order(
        status in 100_u16..=999,
        content_type in prop::sample::select(vec![JSON, "text/html", "text/plain", ""]),
        body in "\\PC{0,60}",
    ) {
        let (entry, prepared) = &*ORDER;
        let reply = Reply { status, content_type: Some(content_type.to_owned()), body: body.clone().into_bytes() };
        let outcome = entry.classify(prepared, &reply);
        let refused = outcome.status == OutcomeStatus::Rejected && body.contains("error");
        prop_assert!(outcome.status == OutcomeStatus::Unknown || refused, "{status} {body}: {outcome:?}");
    }
}
