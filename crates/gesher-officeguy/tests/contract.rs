//! Our contract of the provider against the facts it was written from, where those are at hand; and every request of the
//! operations' examples against the contract.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that cannot run here says so"
)]

mod common;

use gesher_officeguy::contract;
use serde_json::{Map, Value, json};
use std::io::Write;

/// Where the facts are, on the machines that have them: beside the repository.
const FACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/api/officeguy-contract.json");

/// Notes that a test could not run here.
fn skipped(test: &str, why: &str) {
    let note = format!("{test}: {why}\n");
    match std::env::var_os("GESHER_TEST_SKIPS") {
        Some(path) => {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            file.unwrap().write_all(note.as_bytes()).unwrap();
        }
        None => eprint!("skipped: {note}"),
    }
}

/// The fields of an endpoint of the facts, in our form: without credentials.
fn fields_of(facts: &Value, named: &Value) -> Map<String, Value> {
    let fields = named.as_str().map_or(named, |name| &facts["types"][name]);
    let ours = |name: &&String| !name.starts_with("Credentials") && *name != "ResponseLanguage";
    let fields = fields.as_object().unwrap();
    fields.iter().filter(|(name, _)| ours(name)).map(|(name, kind)| (name.clone(), kind.clone())).collect()
}

#[test]
fn the_contract_says_what_the_facts_say() {
    let Ok(text) = std::fs::read_to_string(FACTS) else {
        return skipped(
            "the_contract_says_what_the_facts_say",
            "the provider's facts are not on this machine",
        );
    };
    let facts: Value = serde_json::from_str(&text).unwrap();
    let ours: Value = serde_json::from_str(include_str!("../contract.json")).unwrap();
    let theirs = facts["operations"].as_object().unwrap();
    let paths: Vec<&str> = theirs.keys().map(String::as_str).collect();
    assert_eq!(contract::paths().collect::<Vec<_>>(), paths);
    for (path, operation) in theirs {
        let endpoint = contract::endpoint(path).unwrap();
        let asked = fields_of(&facts, &operation["request"]);
        assert_eq!(endpoint.asks(), &Value::Object(asked), "{path}");
        assert_eq!(endpoint.is_form(), operation["body"] != "application/json", "{path}");
        assert_eq!(endpoint.answers_bytes(), operation["produces"] != "envelope", "{path}");
        let answer = operation["data"].as_str().map(|name| name.trim_end_matches('?'));
        let wanted = match answer {
            _ if endpoint.answers_bytes() => json!("bytes"),
            None => Value::Null,
            Some(name) if facts["types"].get(name).is_some() => facts["types"][name].clone(),
            Some(name) => json!(name),
        };
        assert_eq!(endpoint.answers(), &wanted, "{path}");
        let request = operation["request"].as_str().map(|name| &facts["types"][name]["Credentials"]);
        assert_eq!(endpoint.is_public(), request == Some(&json!("Core_APIPublicCredentials!")), "{path}");
    }
    assert_eq!(ours["enums"], facts["enums"]);
    for (name, fields) in ours["types"].as_object().unwrap() {
        assert_eq!(fields, &facts["types"][name], "{name}");
    }
}

#[test]
fn every_example_is_sent_as_the_contract_has_it() {
    let registry = common::registry();
    for (name, registered) in registry.iter() {
        for example in registered.entry.examples {
            let request: Value = serde_json::from_str(example.request).unwrap();
            let prepared = registered.prepare(example.who, request).unwrap();
            let mut body: Value = serde_json::from_str(&prepared.body).unwrap();
            // A vendor's name is ours: its organisation and key take its place when the request is sent.
            if !prepared.vendors.is_empty() {
                for line in body["Items"].as_array_mut().unwrap() {
                    line.as_object_mut().unwrap().remove("Vendor").unwrap();
                }
            }
            let faults = contract::faults(prepared.endpoint, &body);
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }
}

#[track_caller]
fn check(path: &str, body: Value, want: &[&str]) {
    assert_eq!(contract::faults(path, &body), want, "{path} {body}");
}

#[test]
fn what_is_not_of_the_contract_is_found() {
    check("/nowhere/", json!({}), &["/nowhere/ is no endpoint"]);
    check("/accounting/documents/cancel/", json!({}), &["DocumentID is missing", "Description is missing"]);
    check(
        "/accounting/documents/cancel/",
        json!({"DocumentID": "7", "Description": "", "Why": 1}),
        &["Why is no field", "DocumentID is no int64", "Description is empty"],
    );
    check(
        "/billing/payments/charge/",
        json!({"Customer": {"SearchMode": 9, "Nome": "x"}, "Items": [{"Item": {"Name": 1}}]}),
        &[
            "Customer.Nome is no field",
            "Customer.SearchMode is no CustomerSearchMode",
            "Items[0].Item.Name is no string",
        ],
    );
    check("/triggers/triggers/subscribe/", json!({"Credentials": {}, "View": 1}), &[]);
    check("/accounting/general/getvatrate/", json!({"Date": "01/03/2026"}), &["Date is no date-time"]);
}
