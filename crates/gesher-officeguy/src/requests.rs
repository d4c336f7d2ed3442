//! `officeguy::request`: the endpoints that have no operation of their own, each with what it may do.
//!
//! They are operations like all others, named by a word and their path, so keys, limits, the journal and permission work
//! for them as for any. Their fields are checked against the contract, and what became of a lost answer is for a person.

use crate::bytes::file;
use crate::classify::{open, unreadable};
use crate::contract::{self, EndpointContract};
use crate::envelope::{decimal, field, id, int, text, truth};
use crate::messages;
use crate::operations::PROVIDER;
use crate::rules::{self, refuse};
use gesher_core::money::has_more_than_two_places;
use gesher_core::operation::{ByEndpoint, Facts, Prepared, Reply};
use gesher_core::{
    Currency, Descriptor, Effect, Example, KeyRule, LookUp, Money, OperationEntry, Outcome, OutcomeStatus,
    Rejection, Sender, Text,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The word by which scripts call them.
const WORD: &str = "request";

/// Each endpoint without an operation, and what a call of it may do.
const EFFECTS: &[(&str, Effect)] = &[
    ("request/accounting/customers/createremark/", Effect::Write),
    ("request/accounting/customers/getdetailsurl/", Effect::Read),
    ("request/accounting/documents/addexpense/", Effect::Write),
    ("request/accounting/documents/getdebtreport/", Effect::Read),
    ("request/accounting/general/getnextdocumentnumber/", Effect::Read),
    ("request/accounting/general/setnextdocumentnumber/", Effect::Write),
    ("request/accounting/general/updatesettings/", Effect::Write),
    ("request/accounting/incomeitems/create/", Effect::Write),
    ("request/accounting/incomeitems/list/", Effect::Read),
    ("request/billing/recurring/updatesettings/", Effect::Money),
    ("request/creditguy/billing/getstatus/", Effect::Read),
    ("request/creditguy/billing/load/", Effect::Money),
    ("request/creditguy/billing/process/", Effect::Money),
    ("request/creditguy/gateway/beginredirect/", Effect::Money),
    ("request/creditguy/gateway/getreferencenumbers/", Effect::Read),
    ("request/creditguy/gateway/gettransaction/", Effect::Read),
    ("request/creditguy/gateway/transaction/", Effect::Money),
    ("request/creditguy/vault/tokenize/", Effect::Money),
    ("request/creditguy/vault/tokenizesingleuse/", Effect::Money),
    ("request/creditguy/vault/tokenizesingleusejson/", Effect::Money),
    ("request/crm/data/archiveentity/", Effect::Write),
    ("request/crm/data/countentityusage/", Effect::Read),
    ("request/crm/data/createentity/", Effect::Write),
    ("request/crm/data/deleteentity/", Effect::Write),
    ("request/crm/data/getentitieshtml/", Effect::Read),
    ("request/crm/data/getentity/", Effect::Read),
    ("request/crm/data/getentityprinthtml/", Effect::Read),
    ("request/crm/data/listentities/", Effect::Read),
    ("request/crm/data/updateentity/", Effect::Write),
    ("request/crm/schema/getfolder/", Effect::Read),
    ("request/customerservice/tickets/create/", Effect::Write),
    ("request/emailsubscriptions/mailinglists/add/", Effect::Write),
    ("request/emailsubscriptions/mailinglists/list/", Effect::Read),
    ("request/fax/fax/send/", Effect::Write),
    ("request/letterbyclick/letterbyclick/gettrackingcode/", Effect::Read),
    ("request/letterbyclick/letterbyclick/senddocument/", Effect::Write),
    ("request/scheduleddocuments/documents/createfromdocument/", Effect::Write),
    ("request/sms/mailinglists/add/", Effect::Write),
    ("request/sms/mailinglists/list/", Effect::Read),
    ("request/sms/sms/listsenders/", Effect::Read),
    ("request/sms/sms/send/", Effect::Write),
    ("request/sms/sms/sendmultiple/", Effect::Write),
    ("request/stock/stock/list/", Effect::Read),
    ("request/website/permissions/remove/", Effect::Write),
    ("request/website/permissions/set/", Effect::Write),
    ("request/website/users/create/", Effect::Write),
    ("request/website/users/loginredirect/", Effect::Write),
];

/// What an answer is known by, where it says no more than that something was made.
const REFERENCES: &[&str] =
    &["TransactionID", "DocumentID", "EntityID", "CustomerID", "RemarkID", "UserID", "TicketID", "OrderID"];

/// An endpoint of which the example is.
const EXAMPLE_PATH: &str = "/accounting/incomeitems/create/";
const EXAMPLES: &[Example] = &[Example {
    title: "Call an endpoint that has no operation: an item of the price list",
    who: "dana-pottery",
    key: Some("item-17"),
    request: r#"{"IncomeItem": {"Name": "קערה כחולה", "Price": 4.5, "SKU": "bowl-blue"}}"#,
    answer: r#"{"EntityID": "*"}"#,
}];

/// The operations of all endpoints that have none of their own.
pub(crate) fn entries() -> impl Iterator<Item = OperationEntry> {
    EFFECTS.iter().map(|(name, effect)| {
        let path = path_of(name);
        let descriptor = Descriptor {
            provider: PROVIDER,
            name,
            summary: "Call an endpoint that has no operation of its own.",
            endpoint: path,
            effect: *effect,
            key: match effect {
                Effect::Read => KeyRule::None,
                Effect::Write => KeyRule::Optional,
                Effect::Money => KeyRule::Required,
            },
            look_up: if effect.changes() { LookUp::Manual } else { LookUp::NotNeeded },
            sender: Sender::Who,
        };
        let examples = if path == EXAMPLE_PATH { EXAMPLES } else { &[] };
        let by = ByEndpoint {
            request_schema: contract::request_schema,
            answer_schema: contract::answer_schema,
            prepare,
            classify,
        };
        OperationEntry::by_endpoint(descriptor, examples, by)
    })
}

fn path_of(name: &'static str) -> &'static str {
    name.get(WORD.len()..).unwrap_or_default()
}

fn effect_of(path: &str) -> Effect {
    // What is in no table may do anything.
    EFFECTS.iter().find(|row| path_of(row.0) == path).map_or(Effect::Money, |row| row.1)
}

fn prepare(who: &str, path: &'static str, request: Value) -> Result<Prepared, Rejection> {
    let Some(endpoint) = contract::endpoint(path).filter(|endpoint| !endpoint.is_form()) else {
        return Err(refuse(
            "no_json",
            format!("{path}: הכתובת מקבלת קבצים ולא JSON, ולכן אי אפשר לקרוא לה מכאן"),
            format!("{path}: this endpoint takes files and no JSON, so it cannot be called from here"),
        ));
    };
    rules::no_card_data(&request)?;
    let body = contract::on_the_wire(endpoint.asks(), &request)?;
    let amount = match effect_of(path) {
        Effect::Money => amount_of(&body)?,
        Effect::Read | Effect::Write => None,
    };
    let identifier = field(&body, "UniqueIdentifier");
    let identifier = if identifier.is_null() { field(&body, "BillingIdentifier") } else { identifier };
    let look_up = if identifier.is_null() { Value::Null } else { json!({ "Identifier": identifier }) };
    Prepared::new(who, path, body.to_string(), Facts { subject: None, amount, look_up })
}

/// What a request would move: its own amount, or those of its transactions together, whichever way each goes. None where it says none, or more
/// than one currency; a limit takes that for too much.
fn amount_of(body: &Value) -> Result<Option<Money>, Rejection> {
    let alone = [body.clone()];
    let parts: &[Value] = match field(body, "Transactions") {
        Value::Array(parts) => parts,
        _ => &alone,
    };
    let mut sum = Decimal::ZERO;
    let mut of: Option<Currency> = None;
    for part in parts {
        let Some(amount) = decimal(field(part, "Amount")) else {
            return Ok(None);
        };
        if has_more_than_two_places(amount) {
            return Err(refuse(
                "too_many_places",
                "Amount: לסכום יש יותר משתי ספרות אחרי הנקודה; המערכת אינה מעגלת",
                "Amount: an amount with more than two places; it is never rounded for you",
            ));
        }
        let letters = match int(field(part, "Currency")).unwrap_or_default() {
            0 => "ILS",
            1 => "USD",
            _ => "EUR",
        };
        let currency = letters.parse().ok();
        let added = sum.checked_add(amount.abs()).filter(|_| of.is_none() || of == currency);
        let (Some(added), Some(currency)) = (added, currency) else {
            return Ok(None);
        };
        (sum, of) = (added, Some(currency));
    }
    Ok(of.map(|currency| Money { amount: sum, currency }))
}

fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
    let effect = effect_of(prepared.endpoint);
    let endpoint = contract::endpoint(prepared.endpoint);
    if endpoint.is_some_and(|endpoint| endpoint.answers_bytes()) {
        return file(reply, effect, |body| !body.trim_ascii_start().starts_with(b"{"));
    }
    let data = match open(reply, effect) {
        Ok(envelope) => envelope.data,
        Err(outcome) => return *outcome,
    };
    if !endpoint.is_some_and(|endpoint| is_answer(endpoint, &data)) {
        return unreadable(effect, data);
    }
    let mut outcome = match truth(field(&data, "Success")) {
        Some(false) if effect.changes() && !is_final(&data) => return unreadable(effect, data),
        Some(false) => declined(&data),
        _ if !says_what_was_taken(prepared, &data) => return unreadable(effect, data),
        _ => {
            let mut outcome = Outcome::new(
                OutcomeStatus::Succeeded,
                "",
                Text::new("OfficeGuy קיבלה את הבקשה", "OfficeGuy took the request"),
            );
            outcome.code = None;
            outcome.amount = prepared.facts.amount;
            outcome
        }
    };
    outcome.reference = REFERENCES.iter().find_map(|name| text(field(&data, name)).filter(|id| id != "0"));
    outcome.document = text(field(&data, "DocumentNumber"));
    outcome.data = data;
    outcome
}

/// Whether an answer has what the contract says, as far as it decides: an object, a number, nothing; and the word about
/// success where there has to be one.
fn is_answer(endpoint: EndpointContract, data: &Value) -> bool {
    match endpoint.answers() {
        Value::Object(fields) if fields.contains_key("Success") => truth(field(data, "Success")).is_some(),
        Value::Object(fields) => data.is_object() || fields.is_empty() && data.is_null(),
        Value::String(_) => int(data).is_some(),
        _ => true,
    }
}

/// Whether a no is the acquirer's last word: it has a code that says so. Without one it may as well be a failure behind a
/// charge.
fn is_final(data: &Value) -> bool {
    text(field(data, "ResultCode")).is_some_and(|code| code.bytes().any(|byte| byte != b'0'))
}

/// Whether an answer to what moves money says what it made of it. What the other endpoints make stays with them.
fn says_what_was_taken(prepared: &Prepared, data: &Value) -> bool {
    match prepared.endpoint {
        "/creditguy/gateway/transaction/" => id(field(data, "TransactionID")).is_some(),
        "/creditguy/billing/load/" => {
            let request: Value = serde_json::from_str(&prepared.body).unwrap_or_default();
            let asked = field(&request, "Transactions").as_array().map_or(0, Vec::len);
            field(data, "TransactionIDs").as_array().map_or(0, Vec::len) == asked
        }
        "/creditguy/billing/process/" => text(field(data, "Status")).is_some(),
        _ => true,
    }
}

fn declined(data: &Value) -> Outcome {
    let code = text(field(data, "ResultCode")).unwrap_or_else(|| "declined".to_owned());
    let words = text(field(data, "ResultDescription")).unwrap_or_default();
    let message = messages::with_words(messages::declined(&code), &words);
    Outcome::new(OutcomeStatus::Declined, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OPERATIONS;

    #[test]
    fn every_endpoint_has_an_operation_or_an_effect_and_not_both() {
        for path in contract::paths() {
            let own = OPERATIONS.iter().any(|entry| entry.descriptor.endpoint == path);
            let rows = EFFECTS.iter().filter(|row| path_of(row.0) == path).count();
            assert_eq!(rows, usize::from(!own), "{path}");
        }
        for (name, _) in EFFECTS {
            assert!(contract::endpoint(path_of(name)).is_some(), "{name}");
        }
    }

    #[test]
    fn whatever_reaches_the_acquirer_may_move_money() {
        for (name, effect) in EFFECTS {
            let path = path_of(name);
            let last = path.trim_end_matches('/').rsplit('/').next().unwrap();
            let may = path.starts_with("/billing/recurring/")
                || path.starts_with("/creditguy/") && !last.starts_with("get");
            assert_eq!(*effect == Effect::Money, may, "{name}");
            if last.starts_with("get") || last.starts_with("list") {
                assert_eq!(*effect, Effect::Read, "{name}");
            }
        }
    }

    fn reply(data: &str) -> Reply {
        let body = format!(r#"{{"Data":{data},"Status":0,"UserErrorMessage":null}}"#);
        Reply { status: 200, content_type: Some("application/json".to_owned()), body: body.into_bytes() }
    }

    #[track_caller]
    fn check(path: &'static str, request: Value, data: &str, want: OutcomeStatus, reference: Option<&str>) {
        let prepared = prepare("dana", path, request).unwrap();
        let outcome = classify(&prepared, &reply(data));
        assert_eq!((outcome.status, outcome.reference.as_deref()), (want, reference), "{data}");
    }

    #[test]
    fn an_answer_is_taken_only_as_the_contract_has_it() {
        use OutcomeStatus::{Declined, Rejected, Succeeded, Unknown};
        let pay = || json!({"ParamJ": "Charge", "CardToken": "t", "Amount": 9});
        let path = "/creditguy/gateway/transaction/";
        check(path, pay(), r#"{"Success":true,"TransactionID":7}"#, Succeeded, Some("7"));
        check(path, pay(), r#"{"Success":false,"ResultCode":"004","TransactionID":0}"#, Declined, None);
        check(path, pay(), r#"{"TransactionID":7}"#, Unknown, None);
        check(path, pay(), r#"{"Success":true}"#, Unknown, None);
        check(path, pay(), r#"{"Success":false}"#, Unknown, None);
        check(path, pay(), r#"{"Success":false,"ResultCode":"000"}"#, Unknown, None);
        check(path, pay(), r#"{"Success":false,"ResultCode":"004","TransactionID":7}"#, Declined, Some("7"));
        let path = "/creditguy/billing/load/";
        let load = || json!({"BillingIdentifier": "b", "Transactions": [{"Amount": 9}]});
        check(path, load(), r#"{"TransactionIDs":[7]}"#, Succeeded, None);
        check(path, load(), r#"{"TransactionIDs":[]}"#, Unknown, None);
        check(path, load(), "{}", Unknown, None);
        check("/creditguy/billing/process/", json!({"BillingIdentifier": "b"}), "{}", Unknown, None);
        check(path, pay(), "null", Unknown, None);
        let path = "/crm/data/countentityusage/";
        check(path, json!({"EntityID": 1}), "3", Succeeded, None);
        check(path, json!({"EntityID": 1}), "{}", Rejected, None);
        check("/crm/data/deleteentity/", json!({"EntityID": 1}), "null", Succeeded, None);
        check(
            "/sms/sms/send/",
            json!({"Recipient": "1", "Text": "x"}),
            r#"{"EntityID":5}"#,
            Succeeded,
            Some("5"),
        );
    }

    #[track_caller]
    fn check_amount(body: Value, want: Option<&str>) {
        let amount = amount_of(&body).unwrap().map(|money| money.to_string());
        assert_eq!(amount.as_deref(), want, "{body}");
    }

    #[test]
    fn limits_see_what_a_request_would_move() {
        check_amount(json!({"Amount": 9}), Some("9.00 ILS"));
        check_amount(json!({"Amount": 9, "Currency": 2}), Some("9.00 EUR"));
        check_amount(json!({"Transactions": [{"Amount": 9}, {"Amount": 1.5}]}), Some("10.50 ILS"));
        check_amount(json!({"Transactions": [{"Amount": 9}, {"Amount": 1, "Currency": 1}]}), None);
        check_amount(json!({"Transactions": [{"Amount": 50}, {"Amount": -49}]}), Some("99.00 ILS"));
        check_amount(json!({"BillingIdentifier": "x"}), None);
        assert!(amount_of(&json!({"Amount": serde_json::from_str::<Value>("9.001").unwrap()})).is_err());
    }

    #[test]
    fn forms_cards_and_passwords_are_refused() {
        let code = |path, request| prepare("dana", path, request).unwrap_err().code;
        assert_eq!(code("/customerservice/tickets/create/", json!({})), "no_json");
        let login = json!({"EmailAddress": "a@b.test", "Password": "x"});
        assert_eq!(code("/website/users/loginredirect/", login), "password_refused");
        let text = json!({"Recipient": "050", "Text": "4111 1111 1111 1111"});
        assert_eq!(code("/sms/sms/send/", text), "card_data_refused");
    }
}
