//! What is refused before anything is sent: one row for each rule of the provider's pages, with the field that the
//! refusal names; and what is taken.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{bank_order, prepare, registry, with};
use serde_json::{Value, json};

/// Whether an operation takes a request, or with which code and beginning it refuses.
#[track_caller]
fn check(name: &str, request: &Value, want: Result<(), (&str, &str)>) {
    let got = prepare(&registry(), name, request.clone());
    match (got, want) {
        (Ok(_), Ok(())) => {}
        (Err(refusal), Err((code, start))) => {
            assert_eq!(refusal.code, code, "{request}: {}", refusal.message.en);
            assert!(refusal.message.en.starts_with(start), "{}", refusal.message.en);
            let hebrew = refusal.message.he.chars().any(|letter| ('א'..='ת').contains(&letter));
            assert!(hebrew, "{}", refusal.message.he);
        }
        (got, want) => panic!("{request}: wanted {want:?}, got {:?}", got.map(|_| "taken")),
    }
}

#[track_caller]
fn order(changes: &Value, want: Result<(), (&str, &str)>) {
    check("add_bank_order", &with(&bank_order(), changes), want);
}

const MISSING: &str = "missing_field";

fn card() -> Value {
    json!({"transfer_type": "credit_card", "payment_details": null, "credit_card_payment": "Id=1&CCode=0",
        "transaction_company": "yaad"})
}

fn on_file() -> Value {
    json!({"transfer_type": null, "payment_details": null, "use_creditcard_onfile": true, "senzey_client_id": 96_521})
}

#[test]
fn rule_1_a_client_is_a_number_or_a_name_with_an_address() {
    order(&json!({}), Ok(()));
    order(&json!({"client_name": null}), Err((MISSING, "client_name: without senzey_client_id both")));
    order(&json!({"client_email": null}), Err((MISSING, "client_email: without senzey_client_id both")));
    order(&json!({"client_name": " "}), Err((MISSING, "client_name: ")));
    order(&json!({"client_name": null, "client_email": null, "senzey_client_id": 96_521}), Ok(()));
    order(&json!({"client_name": null, "senzey_client_id": "96521"}), Ok(()));
    // A zero is nothing to the provider's server.
    order(&json!({"client_name": null, "senzey_client_id": 0}), Err((MISSING, "client_name: ")));
    order(&json!({"client_name": null, "senzey_client_id": ""}), Err((MISSING, "client_name: ")));
}

#[test]
fn rule_2_a_card_on_file_belongs_to_an_existing_client() {
    order(&on_file(), Ok(()));
    order(
        &with(&on_file(), &json!({"senzey_client_id": null, "x": 1})),
        Err(("unknown_field", "x: there is no such field")),
    );
    let without = json!({"transfer_type": null, "payment_details": null, "use_creditcard_onfile": true});
    order(&without, Err((MISSING, "senzey_client_id: use_creditcard_onfile charges a card")));
}

#[test]
fn rule_3_when_how_often_and_how_much_are_always_needed() {
    order(&json!({"start_date": null}), Err((MISSING, "start_date: this field is required")));
    order(&json!({"transfer_amount": null}), Err((MISSING, "transfer_amount: this field is required")));
    order(&json!({"transfer_period": null}), Err((MISSING, "transfer_period: this field is required")));
    for period in ["month", "week", "year"] {
        order(&json!({"transfer_period": period}), Ok(()));
    }
    order(
        &json!({"transfer_period": "monthly"}),
        Err(("unknown_name", "transfer_period: `monthly` is not known")),
    );
    order(&json!({"start_date": "2026-12-01"}), Ok(()));
    for bad in ["12/31/2026", "31/02/2027", "01.12.2026", "", "soon"] {
        order(&json!({"start_date": bad}), Err(("bad_date", "start_date: a date is written 31/12/2026")));
    }
    order(&json!({"transfer_amount": 0}), Err(("not_positive", "transfer_amount: ")));
    order(&json!({"transfer_amount": -5}), Err(("not_positive", "transfer_amount: ")));
    order(&json!({"transfer_amount": "118"}), Err(("wrong_type", "transfer_amount: expected amount")));
    let places: Value = serde_json::from_str(r#"{"transfer_amount":1.005}"#).unwrap();
    order(&places, Err(("too_many_places", "transfer_amount: ")));
    order(&json!({"first_transfer_amount": 0}), Err(("not_positive", "first_transfer_amount: ")));
    order(&json!({"num_of_transfers": 12}), Ok(()));
    order(&json!({"num_of_transfers": 0}), Err(("bad_count", "num_of_transfers: ")));
}

#[test]
fn rule_4_without_a_card_on_file_the_kind_of_payment_is_said() {
    order(
        &json!({"transfer_type": null}),
        Err((MISSING, "transfer_type: where use_creditcard_onfile is not true")),
    );
    order(
        &with(&on_file(), &json!({"use_creditcard_onfile": false})),
        Err((MISSING, "transfer_type: where use_creditcard_onfile is not true")),
    );
    order(&with(&card(), &json!({"transfer_type": "cash"})), Err(("unknown_name", "transfer_type: `cash`")));
    order(&json!({"transfer_type": "other", "payment_details": {"card_owner_name": "דנה"}}), Ok(()));
}

#[test]
fn rule_5_a_clearing_company_comes_with_its_answer() {
    order(&card(), Ok(()));
    for company in ["yaad", "zcredit", "Yaad", "ZCREDIT"] {
        let bare = json!({"transfer_type": "credit_card", "transaction_company": company});
        order(&bare, Err((MISSING, "credit_card_payment: where transaction_company is yaad or zcredit")));
    }
    order(&json!({"transfer_type": "credit_card", "transaction_company": "tranzila"}), Ok(()));
    order(&with(&on_file(), &json!({"transaction_company": "yaad"})), Ok(()));
    order(&with(&card(), &json!({"credit_card_payment": {"Id": 7, "CCode": 0}})), Ok(()));
    order(&with(&card(), &json!({"credit_card_payment": ""})), Err((MISSING, "credit_card_payment: ")));
    order(
        &with(&card(), &json!({"credit_card_payment": "Id=1&CC=4111111111111111"})),
        Err(("card_data_refused", "credit_card_payment.CC: ")),
    );
}

#[test]
fn rule_6_without_either_card_there_are_details() {
    for kind in ["credit_card", "bank", "other"] {
        let bare = json!({"transfer_type": kind, "payment_details": null});
        order(&bare, Err((MISSING, "payment_details: without credit_card_payment")));
    }
    order(
        &with(&json!({"transfer_type": "other", "payment_details": null}), &json!({})),
        Err((MISSING, "payment_details: ")),
    );
    let blank = json!({"transfer_type": "other", "payment_details": null});
    let mut blank = with(&bank_order(), &blank);
    blank["payment_details"] = json!({"card_owner_name": " ", "bank_id": 0});
    check("add_bank_order", &blank, Err((MISSING, "payment_details: ")));
}

#[test]
fn rule_7_a_bank_debit_names_the_payer_s_account() {
    let details = |changes: Value| json!({ "payment_details": changes });
    for name in ["account_branch", "account_num", "bank_code"] {
        let start = format!("payment_details.{name}: a bank debit needs the payer's");
        order(&details(json!({name: null})), Err((MISSING, &start)));
        order(&details(json!({name: "0"})), Err((MISSING, &start)));
        order(&details(json!({name: ""})), Err((MISSING, &start)));
    }
    order(&details(json!({"bank_code": null, "bank_id": 3})), Ok(()));
    order(&details(json!({"bank_id": 3})), Ok(()));
    order(&details(json!({"account_branch": "000"})), Ok(()));
    order(
        &details(json!({"account_branch": "60-0"})),
        Err(("wrong_type", "payment_details.account_branch: ")),
    );
    order(
        &details(json!({"account_branch": "0600"})),
        Err(("bad_length", "payment_details.account_branch: 1 to 3")),
    );
    order(
        &details(json!({"bank_code": 1234})),
        Err(("bad_length", "payment_details.bank_code: 1 to 3 digits")),
    );
    order(
        &details(json!({"last_4_digits": "123"})),
        Err(("bad_length", "payment_details.last_4_digits: 4 digits")),
    );
}

#[test]
fn rule_8_a_bank_debit_names_the_account_that_receives() {
    let details = |changes: Value| json!({ "payment_details": changes });
    for name in ["to_account_branch", "to_account_num", "to_bank_code"] {
        let start = format!("payment_details.{name}: a bank debit needs the business's receiving account");
        order(&details(json!({name: null})), Err((MISSING, &start)));
        order(&details(json!({name: null, "business_bank_id": 5})), Ok(()));
        order(&details(json!({name: null, "business_bank_id": 0})), Err((MISSING, &start)));
    }
    order(&details(json!({"to_bank_code": null, "to_bank_id": 3})), Ok(()));
}

#[test]
fn rule_9_a_card_may_be_recorded_by_hand() {
    order(&json!({"transfer_type": "credit_card", "payment_details": {"last_4_digits": "1234"}}), Ok(()));
}

#[test]
fn rule_10_a_bank_debit_and_a_card_do_not_go_together() {
    let two = Err(("two_payment_methods", "transfer_type: a bank debit does not go with a card"));
    order(&json!({"credit_card_payment": "Id=1"}), two);
    order(&json!({"use_creditcard_onfile": true, "senzey_client_id": 1}), two);
    order(&json!({"use_creditcard_onfile": false}), Ok(()));
}

#[test]
fn a_bank_debit_is_in_shekels() {
    order(
        &json!({"currency": "USD"}),
        Err(("bank_in_shekels", "currency: bank accounts are debited in shekels")),
    );
    for currency in ["USD", "EUR", "AUD", "GBP"] {
        order(&with(&card(), &json!({"currency": currency})), Ok(()));
    }
    order(&with(&card(), &json!({"currency": "ILS"})), Err(("unknown_name", "currency: `ILS` is not known")));
}

#[test]
fn the_rest_of_an_order_is_checked_too() {
    order(&json!({"client_email": "payer"}), Err(("bad_email", "client_email: ")));
    order(&json!({"client_lang": "fr"}), Err(("unknown_name", "client_lang: ")));
    order(&json!({"client_birthday": "31/02/1990"}), Err(("bad_date", "client_birthday: ")));
    order(&json!({"vat_type": "default"}), Err(("unknown_name", "vat_type: `default`")));
    order(&json!({"issue_billing": "TRUE"}), Err(("wrong_type", "issue_billing: expected true or false")));
    order(&json!({"item": {"discount": 101}}), Err(("bad_discount", "item.discount: ")));
    order(&json!({"item": {"quantity": 0}}), Err(("bad_quantity", "item.quantity: ")));
    order(&json!({"item": {"price": 5}}), Err(("unknown_field", "item.price: there is no such field")));
    order(
        &json!({"connect_to_project": {"reminder_before_days": -1}}),
        Err(("bad_count", "connect_to_project.")),
    );
    order(&json!({"client_fields": ["a", "b"]}), Ok(()));
    order(&json!({"client_fields": {"17": "a"}}), Ok(()));
    order(&json!({"client_fields": [["a"]]}), Err(("wrong_type", "the request is not valid: client_fields")));
    order(&json!({"doc_comments": "4111 1111 1111 1111"}), Err(("card_data_refused", "doc_comments: ")));
    order(
        &json!({"transfer_ammount": 5}),
        Err(("unknown_field", "transfer_ammount: there is no such field; did you mean transfer_amount?")),
    );
}

fn work_order() -> Value {
    json!({"client_name": "דנה", "client_email": "dana@example.test", "total_payment": 236, "vat_type": "DEFAULT",
        "items": [{"name": "כרטיס", "price": 118, "quantity": 2}]})
}

#[test]
fn a_work_order_adds_up_and_its_page_s_addresses_are_whole() {
    let check = |changes: Value, want| check("add_work_order", &with(&work_order(), &changes), want);
    check(json!({}), Ok(()));
    check(
        json!({"total_payment": 235.99}),
        Err(("total_mismatch", "total_payment: the rows come to 236.00")),
    );
    check(json!({"items": []}), Err((MISSING, "items: ")));
    check(json!({"items": [{"name": " ", "price": 236, "quantity": 1}]}), Err((MISSING, "items[0].name: ")));
    check(json!({"items": [{"name": "a", "quantity": 1}]}), Err((MISSING, "items[0].price: ")));
    check(json!({"client_email": "x"}), Err(("bad_email", "client_email: ")));
    check(json!({"vat_type": null}), Err((MISSING, "vat_type: ")));
    let callback = "https://hub.example.test/hooks/senzey/9f3c?x=1";
    check(json!({"pay_url": true, "pay_success_callback_url": callback}), Ok(()));
    check(
        json!({"pay_success_callback_url": callback}),
        Err(("no_payment_page", "pay_success_callback_url: ")),
    );
    check(
        json!({"pay_url": true, "pay_success_callback_url": "http://hub.example.test/x"}),
        Err(("bad_url", "pay_success_callback_url: ")),
    );
    check(
        json!({"pay_url": true, "pay_success_redirect_url": "/thanks"}),
        Err(("bad_url", "pay_success_redirect_url: ")),
    );
}

#[test]
fn a_receipt_says_how_it_was_paid() {
    let receipt =
        with(&work_order(), &json!({"payment_details": [{"payment_method": 4, "total_amount": 236}]}));
    let check = |changes: Value, want| check("add_tax_invoice_receipt", &with(&receipt, &changes), want);
    check(json!({}), Ok(()));
    check(json!({"payment_details": []}), Err((MISSING, "payment_details: a receipt says how it was paid")));
    check(json!({"payment_details": null, "credit_card_payment": "Id=1"}), Ok(()));
    check(json!({"transaction_company": "yaad"}), Err((MISSING, "credit_card_payment: ")));
    let paid = |method: i64, amount: i64| json!([{"payment_method": method, "total_amount": amount}]);
    check(
        json!({"payment_details": paid(5, 236)}),
        Err(("unknown_method", "payment_details[0].payment_method: ")),
    );
    check(json!({"payment_details": paid(7, 236)}), Ok(()));
    check(
        json!({"payment_details": paid(4, 200)}),
        Err(("total_mismatch", "payment_details: the payments come to")),
    );
    check(
        json!({"total_payment": 200, "payment_details": paid(4, 200)}),
        Err(("total_mismatch", "total_payment: ")),
    );
    check(
        json!({"total_payment": 200, "payment_details": paid(4, 200), "use_club_member_points": 36}),
        Ok(()),
    );
}

#[test]
fn a_contact_has_a_name_and_is_really_made() {
    for name in ["add_lead", "add_client"] {
        let check = |changes: Value, want| check(name, &with(&json!({"x_name": "דנה"}), &changes), want);
        check(json!({}), Ok(()));
        check(json!({"x_name": null}), Err((MISSING, "x_name: ")));
        check(json!({"x_name": " "}), Err((MISSING, "x_name: ")));
        check(
            json!({"x_email": "a@b.test"}),
            Err(("unknown_field", "x_email: there is no such field; did you mean x_email1?")),
        );
        check(json!({"x_is_club_member": "Y"}), Ok(()));
        check(json!({"x_is_club_member": true}), Err(("wrong_type", "x_is_club_member: ")));
        check(json!({"test": "test"}), Err(("nothing_made", "test: ")));
        let project = json!({"start_date": "2026-12-01", "finish_date": "30/11/2026"});
        check(
            json!({ "connect_to_project": project }),
            Err(("bad_date", "connect_to_project.finish_date: ")),
        );
    }
}

#[test]
fn filters_of_contacts_cannot_name_what_is_the_hub_s_own() {
    let check = |request: Value, want| check("list_contacts", &request, want);
    check(json!({}), Ok(()));
    check(json!({"fields": ["name", "id"], "filters": {"city": "חיפה", "user_type": 2}}), Ok(()));
    check(json!({"fields": ["name,id"]}), Err(("bad_name", "fields: ")));
    for name in ["password", "Username", "fields", "a b", "a]"] {
        check(json!({"filters": {name: "x"}}), Err(("bad_filter", "filters.")));
    }
    check(json!({"filters": {"city": ["a"]}}), Err(("bad_filter", "filters.city: ")));
}

#[test]
fn one_order_has_one_text_however_it_is_written() {
    let registry = registry();
    let first = prepare(&registry, "add_bank_order", bank_order()).unwrap();
    let other = json!({"start_date": "2026-12-01", "payment_details": {"bank_code": "12", "to_bank_code": "10"},
        "client_idn": "", "senzey_client_id": null});
    let second = prepare(&registry, "add_bank_order", with(&bank_order(), &other)).unwrap();
    assert_eq!(first.body, second.body);
    assert_eq!(first.hash, second.hash);
    assert!(first.body.contains(r#""transfer_amount":118.00"#), "{}", first.body);
    assert!(!first.body.contains("null"), "{}", first.body);
}

#[test]
fn what_the_engine_has_to_know_is_there() {
    let registry = registry();
    let facts =
        |changes: &Value| prepare(&registry, "add_bank_order", with(&bank_order(), changes)).unwrap().facts;
    let order = facts(&json!({"first_transfer_amount": 500}));
    assert_eq!(order.subject.as_deref(), Some("client_email:payer@example.test"));
    assert_eq!(order.amount.unwrap().to_string(), "500.00 ILS");
    let known = facts(&json!({"senzey_client_id": 96_521}));
    assert_eq!(known.subject.as_deref(), Some("senzey_client_id:96521"));
    let dollars = facts(&with(&card(), &json!({"currency": "USD"})));
    assert_eq!(dollars.amount.unwrap().to_string(), "118.00 USD");
    let look_for = order.look_up["look_for"]["en"].as_str().unwrap();
    assert_eq!(
        look_for,
        "look in Senzey, among the standing orders of ישראלה ישראלי, payer@example.test, for one of 118.00 ILS each month from 01/12/2026 on"
    );
}
