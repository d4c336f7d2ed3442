//! The simulation says what was seen on the wire: the order of checks, the words, the traps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use gesher_core::Secret;
use gesher_officeguy::simulated::{
    APPROVE_TERMINAL_PATH, MARKETPLACE_COMPANY_ID, PAGE_SIZE, TEST_AMOUNTS, TEST_CARDS, Terminals, World,
    WorldOptions,
};
use gesher_provider::simulate::{Answered, Call, Distortion, SimulatedProvider};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const CHARGE: &str = "/billing/payments/charge/";
const CREATE: &str = "/website/companies/create/";
const DOCUMENT: &str = "/accounting/documents/create/";

struct Play {
    world: World,
    at: Timestamp,
    records: Vec<String>,
}

impl Play {
    fn new() -> Self {
        Self::with(WorldOptions::default())
    }

    fn with(options: WorldOptions) -> Self {
        let options = WorldOptions { api_key: Some(Secret::from("MarketKey")), ..options };
        let at = "2026-07-01T02:35:04Z".parse().unwrap();
        Self { world: World::new(options), at, records: Vec::new() }
    }

    fn raw(&mut self, path: &str, body: &str) -> Answered {
        let call = Call { is_post: true, path, body: body.as_bytes(), at: self.at, ..Call::default() };
        let answered = self.world.answer(&call);
        self.records.extend(answered.records.iter().cloned());
        answered
    }

    fn text(&mut self, path: &str, body: &str) -> String {
        String::from_utf8(self.raw(path, body).body).unwrap()
    }

    fn call_as(&mut self, company: i64, key: &str, path: &str, mut body: Value) -> Value {
        body["Credentials"] = json!({"CompanyID": company, "APIKey": key});
        serde_json::from_str(&self.text(path, &body.to_string())).unwrap()
    }

    fn call(&mut self, path: &str, body: Value) -> Value {
        self.call_as(MARKETPLACE_COMPANY_ID, "MarketKey", path, body)
    }

    #[track_caller]
    fn refused(&mut self, path: &str, body: Value, words: &str) {
        let answer = self.call(path, body.clone());
        assert_eq!((&answer["Status"], &answer["UserErrorMessage"]), (&json!(1), &json!(words)), "{body}");
        assert_eq!(answer["Data"], Value::Null);
    }
}

fn charge(token: &str, amount: Value) -> Value {
    json!({
        "Customer": {"Name": "נועה", "ExternalIdentifier": "cust-17", "SearchMode": 2},
        "PaymentMethod": {"CreditCard_Token": token, "Type": 1},
        "Items": [{"Item": {"Name": "Bowl"}, "UnitPrice": amount}],
        "VATIncluded": true, "DocumentDescription": "order-1",
    })
}

#[test]
fn a_charge_is_answered_to_the_letter() {
    let mut play = Play::new();
    let body = json!({"Credentials": {"CompanyID": MARKETPLACE_COMPANY_ID, "APIKey": "MarketKey"}});
    let mut request = charge("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee4444", json!(9));
    request["Credentials"] = body["Credentials"].clone();
    let text = play.text(CHARGE, &request.to_string());
    let start = concat!(
        r#"{"Data":{"Payment":{"ID":9000000001,"CustomerID":8000000001,"Date":"2026-07-01T05:35:04+03:00","#,
        r#""ValidPayment":true,"Status":"000","StatusDescription":"מאושר (קוד 000)","Amount":9.0,"Currency":0,"#,
    );
    assert!(text.starts_with(start), "{text}");
    let end = concat!(
        r#""RecurringCustomerItemIDs":null,"ExternalIdentifier":null,"DocumentID":0},"DocumentID":6000000001,"#,
        r#""DocumentNumber":1000,"CustomerID":8000000001,"#,
        r#""DocumentDownloadURL":"https://pay.sumit.co.il/x/a/document/?id=simulated-6000000001"},"#,
        r#""Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#,
    );
    assert!(text.ends_with(end), "{text}");
    let get = play.call("/billing/payments/get/", json!({"PaymentID": 9_000_000_001_i64}));
    assert_eq!(get["Data"]["Payment"]["DocumentID"], json!(6_000_000_001_i64));
    let auth = get["Data"]["Payment"]["AuthNumber"].as_str().unwrap();
    assert!(auth.starts_with(' ') && auth.len() == 7, "{auth:?}");
}

#[test]
fn the_order_of_checks_is_types_credentials_fields_organisation() {
    let mut play = Play::new();
    let wrong = "Invalid Credentials (CompanyID/APIKey are incorrect)";
    let answer = play.text(CHARGE, "{}");
    assert_eq!(
        answer,
        format!(r#"{{"Data":null,"Status":1,"UserErrorMessage":"{wrong}","TechnicalErrorDetails":null}}"#)
    );
    let null = r#"{"Credentials":{"CompanyID":1,"APIKey":"x"},"PaymentID":null}"#;
    let answer: Value = serde_json::from_str(&play.text("/billing/payments/get/", null)).unwrap();
    assert_eq!(answer["Status"], json!(2));
    let details = answer["TechnicalErrorDetails"].as_str().unwrap();
    assert!(
        details.ends_with(
            "\r\nPaymentID: Error converting value {null}. Path 'PaymentID', line 1, position 60."
        ),
        "{details}"
    );
    assert!(
        answer["UserErrorMessage"]
            .as_str()
            .unwrap()
            .starts_with("Invalid Request JSON / Request doesn't match")
    );
    play.refused(CHARGE, json!({}), "Items: יש להזין ערך בשדה Items\r\nCustomer: יש להזין ערך בשדה Customer");
    play.refused(
        "/billing/payments/list/",
        json!({}),
        "Date_To: יש להזין ערך בשדה Date_To\r\nDate_From: יש להזין ערך בשדה Date_From",
    );
    let company = json!({"Company": {"Name": "חסר"}, "BizPackage": 2, "ApprovePayment": true});
    let opened = play.call(CREATE, company);
    let (id, key) =
        (opened["Data"]["CompanyID"].as_i64().unwrap(), opened["Data"]["APIKey"].as_str().unwrap());
    let answer = play.call_as(id, key, CHARGE, charge("tok", json!(9)));
    assert_eq!(
        answer["UserErrorMessage"],
        json!("Missing organization details (Corporate Number / Phone Number)")
    );
    for body in ["", "[]", "{", "null", "\u{fffd}"] {
        let answer: Value = serde_json::from_str(&play.text(CHARGE, body)).unwrap();
        assert_eq!(answer["Status"], json!(2), "{body}");
    }
}

#[test]
fn types_are_bent_and_labels_are_not() {
    let mut play = Play::new();
    let mut loose = charge("tok", json!("9.00"));
    loose["VATIncluded"] = json!("true");
    loose["Payments_Count"] = json!("1");
    loose["DocumentLanguage"] = json!("");
    loose["PaymentMethod"]["Type"] = json!("creditcard");
    loose["PaymentMethod"]["CreditCard_ExpirationMonth"] = json!("05");
    loose["Customer"]["ExternalIdentifier"] = json!(17);
    loose["Nonsense"] = json!({"ignored": true});
    loose["Credentials"] = json!(null);
    let answer = play.call(CHARGE, loose);
    assert_eq!(answer["Data"]["Payment"]["ValidPayment"], json!(true), "{answer}");
    let mut label = charge("tok", json!(9));
    label["DocumentType"] = json!("Order (8)");
    let answer = play.call(CHARGE, label);
    assert_eq!(answer["Status"], json!(2));
    assert!(
        answer["TechnicalErrorDetails"].as_str().unwrap().contains("Path 'DocumentType', line 1, position ")
    );
}

#[test]
fn cards_and_amounts_are_refused_by_their_tables() {
    let mut play = Play::new();
    for card in TEST_CARDS {
        let answer = play.call(CHARGE, charge(&format!("tok{}", card.token_ends_in), json!(9)));
        let payment = &answer["Data"]["Payment"];
        assert_eq!(answer["Status"], json!(0));
        assert_eq!((&payment["ValidPayment"], &payment["Status"]), (&json!(false), &json!(card.code)));
        assert_eq!(
            (&answer["Data"]["DocumentID"], &answer["Data"]["DocumentNumber"]),
            (&json!(null), &json!(null))
        );
    }
    for (amount, code) in TEST_AMOUNTS {
        let amount: Value = serde_json::from_str(&amount.to_string()).unwrap();
        let answer = play.call(CHARGE, charge("tok", amount));
        assert_eq!(answer["Data"]["Payment"]["Status"], json!(code));
    }
    let mut expired = charge("tok", json!(9));
    expired["PaymentMethod"]["CreditCard_ExpirationMonth"] = json!(6);
    expired["PaymentMethod"]["CreditCard_ExpirationYear"] = json!(2026);
    assert_eq!(play.call(CHARGE, expired)["Data"]["Payment"]["Status"], json!("015"));
}

#[test]
fn the_traps_of_the_charge_are_there() {
    let mut play = Play::new();
    let mut bare = charge("tok", json!(9));
    bare.as_object_mut().unwrap().shift_remove("PaymentMethod");
    play.refused(CHARGE, bare.clone(), "Customer has no payment method");
    let mut typeless = charge("tok", json!(9));
    typeless["PaymentMethod"].as_object_mut().unwrap().shift_remove("Type");
    play.refused(
        CHARGE,
        typeless,
        "Can't create non CreditCard/DirectDebit method. Type should be set to CreditCard or DirectDebit.",
    );
    let mut nameless = charge("tok", json!(9));
    nameless["Items"][0]["Item"] = json!({});
    play.refused(CHARGE, nameless, "Missing Item details");
    // A stored card is charged without a word; nothing is deduplicated.
    assert_eq!(play.call(CHARGE, charge("tok", json!(9)))["Data"]["Payment"]["ValidPayment"], json!(true));
    for _ in 0..2 {
        assert_eq!(play.call(CHARGE, bare.clone())["Data"]["Payment"]["ValidPayment"], json!(true));
    }
    let list =
        play.call("/billing/payments/list/", json!({"Date_From": "2026-07-01", "Date_To": "2026-07-01"}));
    assert_eq!(list["Data"]["Payments"].as_array().unwrap().len(), 3);
    // Prices without VAT get it added.
    let mut net = charge("tok", json!(100));
    net["VATIncluded"] = json!(false);
    assert_eq!(play.call(CHARGE, net)["Data"]["Payment"]["Amount"], json!(118.0));
    let mut once = bare;
    once["SingleUseToken"] = json!("7b0e0c7e-1111-4222-8333-444455556666");
    assert_eq!(play.call(CHARGE, once.clone())["Data"]["Payment"]["ValidPayment"], json!(true));
    play.refused(CHARGE, once, "SingleUseToken was already used");
    play.refused(CHARGE, charge("tok", json!(-5)), "Negative amount requires SupportCredit");
    let mut refund = charge("tok", json!(-5));
    refund["SupportCredit"] = json!(true);
    assert_eq!(play.call(CHARGE, refund)["Data"]["Payment"]["Amount"], json!(-5.0));
}

#[test]
fn customers_are_found_by_their_search_mode() {
    let mut play = Play::new();
    let mut id = |customer: Value| {
        let mut request = charge("tok", json!(1));
        request["Customer"] = customer;
        play.call(CHARGE, request)["Data"]["CustomerID"].as_i64().unwrap()
    };
    let first = id(json!({"Name": "A", "EmailAddress": "a@example.test"}));
    let second = id(json!({"Name": "A", "EmailAddress": "a@example.test"}));
    assert_ne!(first, second, "without a mode each call makes a customer");
    assert_eq!(id(json!({"EmailAddress": "A@example.test", "SearchMode": "EmailAddress"})), first);
    assert_eq!(id(json!({"Name": "x", "EmailAddress": "a@example.test", "SearchMode": 0})), first);
    let stranger =
        id(json!({"EmailAddress": "a@example.test", "ExternalIdentifier": "new", "SearchMode": 0}));
    assert_ne!(stranger, first, "a new outer id keeps them apart");
    assert_eq!(id(json!({"ExternalIdentifier": "new", "SearchMode": 2})), stranger);
    assert_eq!(id(json!({"ID": second, "Name": "whatever"})), second);
}

#[test]
fn an_organisation_gets_keys_of_its_own() {
    let mut play = Play::new();
    let company = json!({
        "Company": {"Name": "דנה", "Phone": "050-0000001", "CorporateNumber": "300000007"},
        "BizPackage": "P1", "ApprovePayment": true, "User": {"Name": "דנה"},
    });
    let first = play.call(CREATE, company.clone());
    let second = play.call(CREATE, company);
    assert_ne!(first["Data"]["CompanyID"], second["Data"]["CompanyID"]);
    assert_ne!(first["Data"]["APIKey"], second["Data"]["APIKey"]);
    assert_eq!(first["Data"]["APIKey"].as_str().unwrap().len(), 50);
    let (id, key) = (first["Data"]["CompanyID"].as_i64().unwrap(), first["Data"]["APIKey"].as_str().unwrap());
    assert_eq!(play.call_as(id, key, CHARGE, charge("tok", json!(9)))["Status"], json!(0));
    assert_eq!(play.call_as(id, "MarketKey", CHARGE, charge("tok", json!(9)))["Status"], json!(1));
    let kept = play.records.join("\n");
    assert!(!kept.contains(key), "no key is in the ledger");
    let unapproved = json!({"Company": {}, "BizPackage": 2, "ApprovePayment": false});
    assert_eq!(play.call(CREATE, unapproved)["Status"], json!(1));
    let missing =
        "ApprovePayment: יש להזין ערך בשדה ApprovePayment\r\nBizPackage: יש להזין ערך בשדה BizPackage";
    play.refused(CREATE, json!({"Company": {}}), missing);
}

#[test]
fn a_terminal_waits_for_people() {
    let mut play = Play::with(WorldOptions { terminals: Terminals::ByHand, ..WorldOptions::default() });
    let company = json!({"Company": {"Name": "דנה", "Phone": "050-0000001", "CorporateNumber": "300000007"},
        "BizPackage": 2, "ApprovePayment": true});
    let opened = play.call(CREATE, company);
    let id = opened["Data"]["CompanyID"].as_i64().unwrap();
    let key = opened["Data"]["APIKey"].as_str().unwrap().to_owned();
    assert_eq!(play.call_as(id, &key, CHARGE, charge("tok", json!(9)))["Status"], json!(1));
    let control = format!(r#"{{"CompanyID":{id}}}"#);
    let early: Value = serde_json::from_str(&play.text(APPROVE_TERMINAL_PATH, &control)).unwrap();
    assert_eq!(early["Status"], json!(1));
    let account =
        json!({"BankCode": 12, "BranchCode": "600", "AccountNumber": 123_456, "Program": "OFFICEGUYNEW10"});
    let asked = play.call_as(id, &key, "/billing/generalbilling/openupayterminal/", account);
    assert_eq!((&asked["Status"], &asked["Data"]), (&json!(0), &json!({})));
    assert_eq!(play.call_as(id, &key, CHARGE, charge("tok", json!(9)))["Status"], json!(1));
    let approved: Value = serde_json::from_str(&play.text(APPROVE_TERMINAL_PATH, &control)).unwrap();
    assert_eq!(approved["Status"], json!(0));
    assert_eq!(play.call_as(id, &key, CHARGE, charge("tok", json!(9)))["Status"], json!(0));
}

#[test]
fn lists_have_pages_and_lag_behind() {
    let mut play = Play::new();
    for _ in 0..=PAGE_SIZE {
        play.call(CHARGE, charge("tok", json!(1)));
    }
    let list = |play: &mut Play, start: usize| {
        let day = json!({"Date_From": "2026-07-01", "Date_To": "2026-07-01", "StartIndex": start});
        let answer = play.call("/billing/payments/list/", day);
        let count = answer["Data"]["Payments"].as_array().unwrap().len();
        (count, answer["Data"]["HasNextPage"].as_bool().unwrap())
    };
    assert_eq!(list(&mut play, 0), (PAGE_SIZE, true));
    assert_eq!(list(&mut play, PAGE_SIZE), (1, false));
    play.world.set_list_lag(Duration::from_secs(60));
    assert_eq!(list(&mut play, 0), (0, false));
    play.at += jiff::SignedDuration::from_secs(60);
    assert_eq!(list(&mut play, 0), (PAGE_SIZE, true));
    let paging = json!({"Paging": {"PageSize": 50}, "DocumentTypes": [1], "DateFrom": "2026-07-01"});
    let documents = play.call("/accounting/documents/list/", paging);
    assert_eq!(documents["Data"]["Documents"].as_array().unwrap().len(), 50);
    assert_eq!(documents["Data"]["Documents"][0]["Description"], json!("order-1"));
    assert_eq!(documents["Data"]["HasNextPage"], json!(true));
}

#[test]
fn documents_run_in_numbers_of_their_kind() {
    let mut play = Play::new();
    let document = |kind: i64, draft: bool| {
        json!({"Details": {"Type": kind, "IsDraft": draft, "Customer": {"Name": "נועה"}, "ExternalReference": "order-9"},
            "Items": [{"Item": {"Name": "Workshop"}, "Quantity": 2, "UnitPrice": 59}], "VATIncluded": true})
    };
    let mut number =
        |kind, draft| play.call(DOCUMENT, document(kind, draft))["Data"]["DocumentNumber"].clone();
    assert_eq!(
        (number(0, false), number(0, false), number(2, false)),
        (json!(1000), json!(1001), json!(1000))
    );
    assert_eq!(number(0, true), json!(null));
    assert_eq!(number(0, false), json!(1002));
    let found =
        play.call("/accounting/documents/getdetails/", json!({"DocumentType": 0, "DocumentNumber": 1001}));
    assert_eq!(found["Data"]["Document"]["ExternalReference"], json!("order-9"));
    assert_eq!(found["Data"]["Document"]["DocumentValue"], json!(118.0));
    assert_eq!(found["Data"]["Items"][0]["TotalPrice"], json!(118.0));
    play.refused("/accounting/documents/getdetails/", json!({"DocumentID": 5}), "Document not found");
    play.refused(DOCUMENT, json!({}), "Details: יש להזין ערך בשדה Details");
    let mut empty = document(1, false);
    empty["Payments"] = json!([]);
    assert_eq!(play.call(DOCUMENT, empty)["Status"], json!(1));
    let mut iso = document(1, false);
    iso["Details"]["Language"] = json!("he");
    assert_eq!(play.call(DOCUMENT, iso)["Status"], json!(2));
}

#[test]
fn a_path_that_is_not_there_is_a_redirect_and_a_get_is_not_allowed() {
    let mut play = Play::new();
    for path in
        ["/billing/payments/charge", "/api/billing/payments/charge/", "/", "/billing/payments/refund/"]
    {
        let answered = play.raw(path, "{}");
        let location = answered.location.as_deref();
        assert_eq!((answered.status, location, answered.body.len()), (302, Some("/"), 0), "{path}");
    }
    let call = Call { path: CHARGE, at: play.at, ..Call::default() };
    assert_eq!(play.world.answer(&call).status, 405);
}

#[test]
fn many_wrong_keys_lock_out_everybody_where_it_is_switched_on() {
    let mut play = Play::with(WorldOptions { lock_out_after: Some(3), ..WorldOptions::default() });
    for _ in 0..3 {
        play.call_as(1, "x", CHARGE, json!({}));
    }
    play.refused(CHARGE, charge("tok", json!(9)), "Repeated incorrect credentials attempts detected");
}

#[test]
fn the_same_records_make_the_same_books() {
    let mut play = Play::new();
    let company = json!({"Company": {"Name": "דנה", "Phone": "050-0000001", "CorporateNumber": "300000007"},
        "BizPackage": 2, "ApprovePayment": true});
    let opened = play.call(CREATE, company);
    let id = opened["Data"]["CompanyID"].as_i64().unwrap();
    let key = opened["Data"]["APIKey"].as_str().unwrap().to_owned();
    for token in ["tok-1", "tok-004"] {
        play.call_as(id, &key, CHARGE, charge(token, json!(9.5)));
    }
    let mut later = Play::with(WorldOptions { seed: 99, ..WorldOptions::default() });
    for record in &play.records {
        later.world.restore(record, play.at).unwrap();
    }
    let day = json!({"Date_From": "2026-07-01", "Date_To": "2026-07-01"});
    let mut lists = [&mut play, &mut later].map(|play| {
        let mut list = play.call_as(id, &key, "/billing/payments/list/", day.clone());
        for payment in list["Data"]["Payments"].as_array_mut().unwrap() {
            payment.as_object_mut().unwrap().shift_remove("AuthNumber");
        }
        list
    });
    assert_eq!(lists[0]["Data"]["Payments"].as_array().unwrap().len(), 2);
    lists.reverse();
    assert_eq!(lists[0], lists[1]);
    // The stored card and the running numbers go on.
    let mut bare = charge("tok", json!(9));
    bare.as_object_mut().unwrap().shift_remove("PaymentMethod");
    let answer = later.call_as(id, &key, CHARGE, bare);
    assert_eq!(answer["Data"]["DocumentNumber"], json!(1001));
    assert_eq!(answer["Data"]["Payment"]["ID"], json!(9_000_000_003_i64));
}

#[test]
fn a_lie_changes_the_amount_and_nothing_else() {
    let mut play = Play::new();
    let mut request = charge("tok", json!(9));
    request["Credentials"] = json!({"CompanyID": MARKETPLACE_COMPANY_ID, "APIKey": "MarketKey"});
    let honest = play.raw(CHARGE, &request.to_string());
    let lie = play.world.distort(honest.clone(), Distortion::WrongAmount);
    let (honest, lie) = (String::from_utf8(honest.body).unwrap(), String::from_utf8(lie.body).unwrap());
    assert_eq!(honest.replacen("\"Amount\":9.0", "\"Amount\":10.00", 1), lie);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_bytes_break_the_simulation(path in 0_usize..12, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let paths = gesher_officeguy::simulated::ENDPOINTS;
        let path = paths.get(path).map_or(APPROVE_TERMINAL_PATH, |entry| entry.path);
        let mut play = Play::new();
        let answered = play.raw(path, &String::from_utf8_lossy(&body));
        prop_assert_eq!(answered.status, 200);
        prop_assert!(answered.records.is_empty());
    }

    #[test]
    fn no_request_breaks_the_simulation(fields in proptest::collection::vec((0_usize..24, 0_usize..14), 0..12)) {
        let names = ["Customer", "Items", "PaymentMethod", "SingleUseToken", "VATIncluded", "PaymentID", "Date_From",
            "Date_To", "StartIndex", "Details", "Payments", "Company", "BizPackage", "ApprovePayment", "BankCode",
            "BranchCode", "AccountNumber", "DocumentID", "DocumentNumber", "DocumentTypes", "Paging", "Date",
            "SupportCredit", "AutoCapture"];
        let values = [json!(null), json!(""), json!("x"), json!(0), json!(-1), json!(i64::MAX), json!([]), json!({}),
            json!([{}]), json!(true), json!("2026-01-01"), json!({"ID": 5}),
            serde_json::from_str("1e300").unwrap(),
            json!([{"Item": {"Name": "a"}, "Quantity": 79_228_162_514_264_337_593_543_950_335_u128, "UnitPrice": 9}])];
        let mut body = json!({"Credentials": {"CompanyID": MARKETPLACE_COMPANY_ID, "APIKey": "MarketKey"}});
        for (name, value) in fields {
            body[names[name]] = values[value].clone();
        }
        for entry in gesher_officeguy::simulated::ENDPOINTS {
            let mut play = Play::new();
            prop_assert_eq!(play.raw(entry.path, &body.to_string()).status, 200);
        }
    }
}
