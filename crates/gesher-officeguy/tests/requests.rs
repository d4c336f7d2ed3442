//! What is refused before anything is sent, with the words in which a person is told; and what goes on the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{charge, prepare, registry};
use gesher_core::redact::Redactor;
use serde_json::{Value, json};

/// Sets the value at `pointer` of a good request; null takes it away.
fn with(mut request: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        Value::Object(fields) if value.is_null() => drop(fields.shift_remove(name)),
        parent => parent[name] = value,
    }
    request
}

#[track_caller]
fn check(name: &str, request: Value, want: Result<(), (&str, &str)>) {
    let got = prepare(&registry(), name, request.clone());
    match (got, want) {
        (Ok(_), Ok(())) => {}
        (Err(refusal), Err((code, words))) => {
            assert_eq!(refusal.code, code, "{request}: {refusal}");
            assert!(refusal.message.en.starts_with(words), "{request}: {}", refusal.message.en);
            assert!(!refusal.message.he.is_empty());
        }
        (got, want) => panic!("{request}: {got:?} instead of {want:?}"),
    }
}

#[track_caller]
fn check_charge(pointer: &str, value: Value, want: Result<(), (&str, &str)>) {
    check("charge", with(charge(), pointer, value), want);
}

#[test]
fn the_fields_of_a_charge_are_checked_by_name_and_type() {
    check_charge("/Customer", json!({"Name": "x"}), Ok(()));
    check_charge(
        "/Custmer",
        json!({}),
        Err(("unknown_field", "Custmer: there is no such field; did you mean Customer?")),
    );
    check_charge("/Items/0/TotalPrice", json!(9), Err(("unknown_field", "Items[0].TotalPrice: ")));
    check_charge(
        "/Customer/Nmae",
        json!("x"),
        Err(("unknown_field", "Customer.Nmae: there is no such field; did you mean Name?")),
    );
    check_charge("/Customer", json!(null), Err(("missing_field", "Customer: ")));
    check_charge("/VATIncluded", json!(null), Err(("missing_field", "VATIncluded: ")));
    check_charge("/VATIncluded", json!("true"), Err(("wrong_type", "VATIncluded: ")));
    check_charge("/Items", json!([]), Err(("missing_field", "Items: ")));
    check_charge("/Items/0/Item", json!({}), Err(("missing_field", "Items[0].Item.Name: ")));
    check_charge("/Items/0/Item", json!({"Name": ""}), Err(("missing_field", "Items[0].Item.Name: ")));
    check_charge("/Items/0/Item", json!({"ID": 7}), Ok(()));
    check_charge("/Items/0/UnitPrice", json!("4.50"), Err(("wrong_type", "Items[0].UnitPrice: ")));
    check_charge("/Customer/SearchMode", json!("ByName"), Err(("unknown_name", "Customer.SearchMode: ")));
    check_charge("/Customer/SearchMode", json!("Name (3)"), Err(("unknown_name", "Customer.SearchMode: ")));
    check_charge("/Customer/SearchMode", json!(3), Ok(()));
    check_charge("/Customer/SearchMode", json!("3"), Ok(()));
    check_charge("/Customer/Properties", json!({"Billing last name": "לוי", "x": [1]}), Ok(()));
    check_charge("/Items/0/Currency", json!("USD"), Ok(()));
}

#[test]
fn a_charge_says_what_it_is_paid_with() {
    let type_missing = Err(("missing_field", "PaymentMethod.Type: "));
    check_charge("/PaymentMethod/Type", json!(null), type_missing);
    check_charge("/PaymentMethod/Type", json!("Other"), type_missing);
    check_charge("/PaymentMethod", json!(null), Err(("no_payment_method", "PaymentMethod: ")));
    check_charge("/PaymentMethod/CreditCard_Token", json!(""), Err(("no_payment_method", "PaymentMethod: ")));
    check_charge("/SingleUseToken", json!("tok"), Err(("two_payment_methods", "SingleUseToken: ")));
    let single = with(with(charge(), "/PaymentMethod", json!(null)), "/SingleUseToken", json!("tok"));
    check("charge", single, Ok(()));
    let debit =
        json!({"Type": 2, "DirectDebit_Bank": 12, "DirectDebit_Branch": 600, "DirectDebit_Account": 1});
    check_charge("/PaymentMethod", debit, Ok(()));
    check_charge("/PaymentMethod", json!({"Type": 2}), Err(("no_payment_method", "PaymentMethod: ")));
    check_charge(
        "/PaymentMethod/CreditCard_ExpirationYear",
        json!(30),
        Err(("bad_expiration", "PaymentMethod.CreditCard_ExpirationYear: ")),
    );
    check_charge(
        "/PaymentMethod/CreditCard_ExpirationMonth",
        json!(13),
        Err(("bad_expiration", "PaymentMethod.CreditCard_ExpirationMonth: ")),
    );
    let refusal = prepare(&registry(), "charge", with(charge(), "/PaymentMethod", json!(null))).unwrap_err();
    assert!(refusal.message.en.contains("officeguy::charge_saved_method"));
    assert!(refusal.message.he.contains("officeguy::charge_saved_method"));
}

#[test]
fn card_data_is_refused_wherever_it_stands() {
    for name in ["CreditCard_Number", "CreditCard_CVV", "CreditCard_Track2"] {
        let path = format!("PaymentMethod.{name} ");
        check_charge(&format!("/PaymentMethod/{name}"), json!("1"), Err(("card_data_refused", &path)));
    }
    for name in ["CreditCard_Number", "CreditCard_CVV", "CreditCard_Track2", "CVV", "CardNumber", "cvv"] {
        for (at, path) in [
            ("", ""),
            ("/PaymentMethod", "PaymentMethod."),
            ("/Customer", "Customer."),
            ("/Items/0", "Items[0]."),
            ("/Items/0/Item", "Items[0].Item."),
        ] {
            let path = format!("{path}{name} is card data");
            check_charge(&format!("{at}/{name}"), json!("123"), Err(("card_data_refused", &path)));
        }
        let free = json!({"Name": "x", "Properties": {"a": [{name: 1}]}});
        let path = format!("Customer.Properties.a[0].{name} is card data");
        check_charge("/Customer", free, Err(("card_data_refused", &path)));
        check("get_payment", json!({name: "1"}), Err(("card_data_refused", name)));
        let refusal =
            prepare(&registry(), "charge", with(charge(), &format!("/{name}"), json!(1))).unwrap_err();
        for words in [refusal.message.he, refusal.message.en] {
            assert!(words.contains(name), "{words}");
            let logged = json!({"message": words}).to_string();
            for text in [words, logged] {
                assert_eq!(Redactor::new().text(&text), text);
            }
        }
    }
    let card = json!("4111 1111 1111 1111");
    check_charge("/Customer/Name", card.clone(), Err(("card_data_refused", "Customer.Name: ")));
    check_charge("/Items/0/Item/Name", card.clone(), Err(("card_data_refused", "Items[0].Item.Name: ")));
    check_charge("/DocumentDescription", card.clone(), Err(("card_data_refused", "DocumentDescription: ")));
    check_charge(
        "/PaymentMethod/CreditCard_Token",
        card,
        Err(("card_data_refused", "PaymentMethod.CreditCard_Token: ")),
    );
    check_charge("/PaymentMethod/CreditCard_Token", json!("7b0e0c7e-1111-4222-8333-444455556666"), Ok(()));
    let refusal =
        prepare(&registry(), "charge", with(charge(), "/Customer/Name", json!("5555-5555-5555-4444")))
            .unwrap_err();
    assert!(!format!("{refusal:?}").contains("4444"));
}

#[test]
fn a_charge_is_above_zero_and_nothing_else_than_a_charge() {
    check_charge("/Items/0/UnitPrice", json!(0), Err(("not_positive", "the charge comes to 0.00; ")));
    check_charge("/Items/0/UnitPrice", json!(-4.5), Err(("not_positive", "the charge comes to -9.00; ")));
    let line = json!({"Item": {"Name": "Discount"}, "UnitPrice": -8.99});
    let lines = json!([charge()["Items"][0], line]);
    check_charge("/Items", lines, Ok(()));
    let price: Value = serde_json::from_str("4.505").unwrap();
    check_charge("/Items/0/UnitPrice", price, Err(("too_many_places", "Items[0].UnitPrice: ")));
    check_charge("/Items/0/Quantity", json!(0), Err(("bad_quantity", "Items[0].Quantity: ")));
    check_charge("/Items/0/Quantity", json!(null), Ok(()));
    check_charge("/Items/0/UnitPrice", json!(null), Err(("missing_field", "Items[0].UnitPrice: ")));
    check_charge("/Items/0/Total", json!(9), Ok(()));
    check_charge("/Items/0/Total", json!(10), Err(("total_mismatch", "Items[0].Total: ")));
    let other = json!({"Item": {"Name": "x"}, "UnitPrice": 1, "Currency": "USD"});
    check_charge(
        "/Items",
        json!([charge()["Items"][0], other]),
        Err(("mixed_currencies", "Items[1].Currency: ")),
    );
    check_charge("/SupportCredit", json!(true), Err(("not_a_charge", "SupportCredit: ")));
    check_charge("/SupportCredit", json!(false), Ok(()));
    check_charge("/AutoCapture", json!(false), Err(("not_a_charge", "AutoCapture: ")));
    check_charge("/AutoCapture", json!(true), Ok(()));
    check_charge("/AuthorizeAmount", json!(5), Err(("not_a_charge", "AutoCapture: ")));
    check_charge("/AuthoriseOnly", json!(true), Err(("not_a_charge", "AuthoriseOnly: ")));
    check_charge("/Payments_Count", json!(0), Err(("bad_instalments", "Payments_Count: ")));
    for rate in ["0", "1", "17.5", "18", "100"] {
        check_charge("/VATRate", serde_json::from_str(rate).unwrap(), Ok(()));
    }
    for rate in ["-1", "0.18", "0.99", "100.1", "1800"] {
        let rate = serde_json::from_str(rate).unwrap();
        check_charge("/VATRate", rate, Err(("bad_vat_rate", "VATRate: ")));
    }
    check_charge("/Customer", json!({"SearchMode": 0}), Err(("missing_field", "Customer.Name: ")));
}

#[test]
fn a_stored_method_is_charged_only_of_a_known_customer() {
    let request =
        |customer: Value| json!({"Customer": customer, "Items": charge()["Items"], "VATIncluded": true});
    let check_customer = |customer: Value, want| check("charge_saved_method", request(customer), want);
    check_customer(json!({"ID": 80_000_001}), Ok(()));
    check_customer(json!({"ExternalIdentifier": "a", "SearchMode": "ExternalIdentifier"}), Ok(()));
    check_customer(json!({"EmailAddress": "a@example.test", "SearchMode": "Automatic"}), Ok(()));
    let unknown = Err(("customer_not_identified", "Customer: "));
    check_customer(json!({"Name": "Dana"}), unknown);
    check_customer(json!({"Name": "Dana", "SearchMode": "None"}), unknown);
    check_customer(json!({"Name": "Dana", "SearchMode": "EmailAddress"}), unknown);
    check("charge_saved_method", charge(), Err(("payment_method_given", "PaymentMethod: ")));
}

#[test]
fn dates_are_written_in_one_way() {
    let request = |from: &str| json!({"Date_From": from, "Date_To": "2026-03-31"});
    check("list_payments", request("2026-03-01"), Ok(()));
    check("list_payments", request("2026-03-01T00:00:00+02:00"), Ok(()));
    check("list_payments", request("01/03/2026"), Err(("bad_date", "Date_From: ")));
    check("list_payments", request("2026-3-1"), Err(("bad_date", "Date_From: ")));
    check("list_payments", json!({"Date_From": "2026-03-01"}), Err(("missing_field", "Date_To: ")));
    check(
        "list_documents",
        json!({"Date_From": "2026-03-01"}),
        Err(("unknown_field", "Date_From: there is no such field; did you mean DateFrom?")),
    );
    check("get_vat_rate", json!({"Date": "today"}), Err(("bad_date", "Date: ")));
    check("get_vat_rate", json!({}), Ok(()));
}

fn example(name: &str) -> Value {
    let registry = registry();
    let operation = registry.find(&format!("officeguy.{name}")).unwrap();
    serde_json::from_str(operation.entry.examples.first().unwrap().request).unwrap()
}

#[test]
fn an_organisation_is_opened_whole_and_with_consent() {
    let check_company = |pointer: &str, value: Value, want: Result<(), (&str, &str)>| {
        check("create_company", with(example("create_company"), pointer, value), want);
    };
    check_company("/ApprovePayment", json!(false), Err(("not_approved", "ApprovePayment: ")));
    check_company("/ApprovePayment", json!(null), Err(("missing_field", "ApprovePayment: ")));
    for name in ["Name", "CorporateNumber", "Phone", "EmailAddress"] {
        let want = format!("Company.{name}: ");
        check_company(&format!("/Company/{name}"), json!(""), Err(("missing_field", want.as_str())));
    }
    check_company(
        "/Company/CorporateNumber",
        json!("000000000"),
        Err(("bad_corporate_number", "Company.CorporateNumber: ")),
    );
    check_company("/BizPackage", json!("P2"), Err(("unknown_name", "BizPackage: ")));
    check_company(
        "/User",
        json!({"Name": "x", "Password": "canary"}),
        Err(("password_refused", "Password: ")),
    );
    check_company("/Applications", json!([]), Err(("missing_field", "Applications: ")));
}

#[test]
fn a_terminal_is_asked_for_with_a_real_account() {
    let check_terminal = |pointer: &str, value: Value, want| {
        check("open_upay_terminal", with(example("open_upay_terminal"), pointer, value), want);
    };
    check_terminal("/AccountNumber", json!(""), Err(("missing_field", "AccountNumber: ")));
    check_terminal("/AccountNumber", json!("abc"), Err(("bad_bank_account", "AccountNumber: ")));
    check_terminal("/AccountNumber", json!(123_456), Err(("wrong_type", "AccountNumber: ")));
    check_terminal("/BankCode", json!(0), Err(("bad_bank_account", "BankCode: ")));
    check_terminal("/Program", json!(null), Ok(()));
    check_terminal("/Program", json!("OFFICEGUYNEW11"), Err(("unknown_name", "Program: ")));
}

#[test]
fn a_document_says_its_vat_and_its_payments() {
    let check_document = |pointer: &str, value: Value, want| {
        check("create_document", with(example("create_document"), pointer, value), want);
    };
    check_document("/VATIncluded", json!(null), Err(("missing_field", "VATIncluded: ")));
    check_document("/VATPerItem", json!(true), Err(("vat_contradiction", "VATPerItem: ")));
    check_document("/Payments", json!([]), Err(("missing_field", "Payments: ")));
    check_document("/Details/Type", json!("Invoice"), Err(("payments_not_allowed", "Payments: ")));
    check_document("/Details/Language", json!("he"), Err(("unknown_name", "Details.Language: ")));
    check_document("/Details/Date", json!("31/03/2026"), Err(("bad_date", "Details.Date: ")));
    check_document("/Payments/0/Amount", json!(null), Err(("missing_field", "Payments[0].Amount: ")));
    check_document("/Payments/0/Details_Cash", json!({}), Err(("bad_payment", "Payments[0]: ")));
    check_document(
        "/Payments/0/Details_BankTransfer/DueDate",
        json!("1.1.2026"),
        Err(("bad_date", "Payments[0].Details_BankTransfer.DueDate: ")),
    );
}

#[test]
fn the_wire_gets_numbers_two_places_and_nothing_empty() {
    let mut request = charge();
    request["Customer"]["Phone"] = json!("");
    request["DocumentType"] = json!("DonationReceipt");
    request["MerchantNumber"] = json!(null);
    let registry = registry();
    let prepared = prepare(&registry, "charge", request).unwrap();
    assert_eq!(
        prepared.body,
        concat!(
            r#"{"Customer":{"Name":"נועה לוי","ExternalIdentifier":"cust-17","SearchMode":0},"#,
            r#""Items":[{"Item":{"Name":"Bowl"},"Quantity":2,"UnitPrice":4.50}],"#,
            r#""PaymentMethod":{"CreditCard_Token":"tok-1","CreditCard_ExpirationMonth":12,"#,
            r#""CreditCard_ExpirationYear":2030,"Type":1},"VATIncluded":true,"DocumentType":4}"#
        )
    );
    assert_eq!(prepared.endpoint, "/billing/payments/charge/");
    assert_eq!(prepared.facts.subject.as_deref(), Some("ExternalIdentifier:cust-17"));
    assert_eq!(prepared.facts.amount.unwrap().to_string(), "9.00 ILS");
}

#[test]
fn the_subject_is_the_first_of_the_customers_names() {
    let subject = |customer: Value| {
        let request = with(charge(), "/Customer", customer);
        prepare(&registry(), "charge", request).unwrap().facts.subject.unwrap()
    };
    assert_eq!(subject(json!({"ID": 7, "ExternalIdentifier": "a"})), "ID:7");
    assert_eq!(subject(json!({"EmailAddress": "a@b", "Phone": "1", "Name": "x"})), "EmailAddress:a@b");
    assert_eq!(subject(json!({"Phone": "1", "CompanyNumber": "2"})), "Phone:1");
    assert_eq!(subject(json!({"CompanyNumber": "2", "Name": "x"})), "CompanyNumber:2");
    assert_eq!(subject(json!({"Name": " x "})), "Name:x");
}

#[test]
fn every_field_of_every_operation_is_described() {
    fn check(schema: &Value, path: &str) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let described = property.get("description").is_some();
                assert!(described, "{path}.{name} has no description");
                check(property, &format!("{path}.{name}"));
            }
        }
        for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            check(definition, name);
        }
    }
    let registry = registry();
    // The fields of other endpoints have names and types, and the provider's documentation.
    let own = registry.iter().filter(|(_, registered)| !registered.entry.descriptor.is_by_path());
    for (name, registered) in own {
        check(&registered.request_schema, name);
        check(&registered.answer_schema, name);
    }
}
