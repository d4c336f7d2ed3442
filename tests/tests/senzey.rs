//! Senzey from a script to the wire: what an independent reader of forms receives, what is unknown and locked, every
//! operation against the simulator, and credentials that stand in no file and no word.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::files_with;
use gesher_tests::program::workspace;
use gesher_tests::{Background, Done, Hub, Output, until};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const USERNAME: &str = "UserCanary7w&x=ש";
const PASSWORD: &str = "PassCanary+9 %41\"'<";

/// A standing order for each row, with a field of every kind that the page has.
const SCRIPT: &str = r#"// Makes a standing order for each row.
fn on_row(row) {
    senzey::add_bank_order(row.order_id, #{
        client_name: row["שם"], client_email: row.email, client_idn: "123456782", client_phone: "0501234567",
        client_lang: "he", client_birthday: "1990-12-31", client_fields: ["א", "b & c"],
        start_date: "2099-12-01", transfer_period: "month", num_of_transfers: 12,
        transfer_amount: decimal(row.amount), first_transfer_amount: 59,
        issue_billing: true, issue_deal_invoice: false, vat_type: "DEFAULT", doc_comments: "שורה 1\nשורה 2",
        item: #{ name: "מנוי חודשי", code: "SUB-1", quantity: 1, discount: 2.5 },
        transfer_type: "bank",
        payment_details: #{ card_owner_name: row["שם"], account_branch: "006", account_num: row.account, bank_code: 12,
            to_account_branch: 800, to_account_num: "100035", to_bank_code: "10" },
        connect_to_project: #{ project_id: 77, reminder_before_days: 14, comments: "50% + 1" },
    })
}
"#;

/// The endpoint in Python, and what it received.
struct Endpoint {
    _process: Background,
    folder: TempDir,
    port: u16,
}

impl Endpoint {
    #[track_caller]
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = folder.path().join("words");
        let mut command = Command::new("python3");
        command.arg(workspace().join("tests/peers/php_form.py")).arg(folder.path().join("received"));
        let mut process = Background::start(&mut command, words);
        let port = until("the endpoint to listen", 30, || {
            assert!(process.runs(), "the endpoint ended: {}", process.words());
            process.words().lines().next().and_then(|line| line.trim().parse().ok())
        });
        Self { _process: process, folder, port }
    }

    fn received(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("received")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A hub that calls Senzey at an address, and writes down all that it can log.
fn hub(language: &str, endpoint: &Endpoint) -> Hub {
    let hub = Hub::bulk(language, "simulator")
        .with_variable("GESHER_SECRET_SENZEY_USERNAME", USERNAME)
        .with_variable("GESHER_SECRET_SENZEY_PASSWORD", PASSWORD)
        .with_variable("GESHER_LOG", "trace");
    hub.set("senzey", "base_url", &format!("\"http://127.0.0.1:{}\"", endpoint.port));
    hub.set("senzey", "username", "{ secret = \"senzey.username\" }");
    hub.set("senzey", "password", "{ secret = \"senzey.password\" }");
    hub.set("senzey", "timeout", "\"5s\"");
    hub.set("flow.bulk-charge", "allow", "[\"senzey.*\"]");
    hub.write("scripts/charge.rhai", SCRIPT);
    hub
}

#[track_caller]
fn run(hub: &Hub, rows: &[(&str, &str, &str)]) -> (Output, Done) {
    let mut text = String::from("order_id,שם,email,amount,account\n");
    for (order, name, email) in rows {
        text.push_str(&format!("{order},\"{}\",{email},118.5,0001003\n", name.replace('"', "\"\"")));
    }
    let (output, done) = hub.run_file("orders.csv", text);
    let done = done.unwrap_or_else(|| panic!("{output:#?} {}", hub.listing()));
    (output, done)
}

/// Fails when a credential stands in any file of the hub, in any spelling, or in what a command says.
#[track_caller]
fn unseen(hub: &Hub, outputs: &[Output]) {
    for part in ["UserCanary", "PassCanary"] {
        assert_eq!(files_with(hub.scratch(), part), Vec::<PathBuf>::new(), "{part}");
        for output in outputs {
            assert!(!output.words().contains(part), "{output:#?}");
        }
    }
}

#[test]
fn a_standing_order_arrives_exactly_as_the_page_describes_it() {
    let endpoint = Endpoint::start();
    let hub = hub("he", &endpoint);
    let name = "ישראלה \"ישי\" כהן־לוי & בניו + 100% = טוב";
    let (output, done) = run(&hub, &[("sub-17", name, "payer@example.test")]);
    assert_eq!(done.statuses(), ["succeeded"], "{done:#?} {output:#?}");
    assert_eq!(done.row("order_id", "sub-17").get("gesher_reference"), "10005");
    let received = endpoint.received();
    let [request] = received.as_slice() else { panic!("{received:#?}") };
    assert_eq!(request["method"], "POST");
    assert_eq!(request["path"], "/extapi/bank_order/add.php");
    assert_eq!(request["query"], json!({"username": USERNAME, "password": PASSWORD}));
    assert_eq!(request["headers"]["content-type"], "application/x-www-form-urlencoded; charset=UTF-8");
    assert!(request["body"].as_str().unwrap().is_ascii());
    let want = json!({
        "client_name": name, "client_email": "payer@example.test", "client_idn": "123456782",
        "client_phone": "0501234567", "client_lang": "he", "client_birthday": "31/12/1990",
        "client_fields": {"0": "א", "1": "b & c"},
        "start_date": "01/12/2099", "transfer_period": "month", "num_of_transfers": "12",
        "transfer_amount": "118.50", "first_transfer_amount": "59.00",
        "issue_billing": "TRUE", "issue_deal_invoice": "FALSE", "vat_type": "DEFAULT",
        "doc_comments": "שורה 1\nשורה 2",
        "item": {"name": "מנוי חודשי", "code": "SUB-1", "discount": "2.5", "quantity": "1"},
        "transfer_type": "bank",
        "payment_details": {"card_owner_name": name, "account_branch": "006", "account_num": "0001003",
            "bank_code": "12", "to_account_branch": "800", "to_account_num": "100035", "to_bank_code": "10"},
        "connect_to_project": {"project_id": "77", "reminder_before_days": "14", "comments": "50% + 1"},
    });
    assert_eq!(request["fields"], want);
    let names: Vec<&str> =
        request["pairs"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["client_name", "client_email", "client_idn"]);
    assert!(names.contains(&"client_fields[]") && names.contains(&"item[name]"), "{names:?}");
    unseen(&hub, &[output]);
}

#[test]
fn an_order_whose_answer_is_lost_is_unknown_and_its_client_waits() {
    let endpoint = Endpoint::start();
    let hub = hub("en", &endpoint);
    let (output, done) = run(&hub, &[("sub-1", "LOST", "lost@example.test")]);
    assert_eq!(output.code, 3, "{output:#?}");
    assert_eq!(done.statuses(), ["unknown"]);
    let message = done.row("order_id", "sub-1").message();
    assert!(message.contains("Do not repeat it"), "{message}");
    assert!(message.contains("look in Senzey, among the standing orders of LOST, lost@example.test, for one of 118.50 ILS each month from 01/12/2099 on"), "{message}");

    // Another order of the same client waits; the same key is not sent again; another client goes on.
    let (_, done) =
        run(&hub, &[("sub-2", "Lost", "LOST@example.test"), ("sub-3", "Noa", "noa@example.test")]);
    assert_eq!(done.row("order_id", "sub-2").code(), "subject_locked", "{done:#?}");
    assert_eq!(done.row("order_id", "sub-3").status(), "succeeded");
    let (_, done) =
        run(&hub, &[("sub-1", "LOST", "lost@example.test"), ("sub-4", "Dan", "dan@example.test")]);
    assert_eq!(done.row("order_id", "sub-1").status(), "duplicate");
    let emails: Vec<Value> =
        endpoint.received().iter().map(|got| got["fields"]["client_email"].clone()).collect();
    assert_eq!(emails, ["lost@example.test", "noa@example.test", "dan@example.test"]);

    let listed = hub.cmd(&["unknown", "list"]);
    assert!(listed.stdout.contains("look in Senzey, among the standing orders of LOST"), "{listed:#?}");
    let told = hub.cmd(&["--json", "unknown", "list"]).json_lines();
    assert_eq!((&told[0]["manual"], &told[0]["operation"]), (&json!(true), &json!("senzey.add_bank_order")));
    let look_at = told[0]["look_at"].as_str().unwrap();
    assert!(look_at.starts_with("look in Senzey, among the standing orders of LOST"), "{look_at}");
    let asked = hub.cmd(&["unknown", "reconcile"]);
    unseen(&hub, &[output, listed, asked]);
}

#[test]
fn refusals_and_pages_that_repeat_the_address_show_no_credentials() {
    let endpoint = Endpoint::start();
    let hub = hub("en", &endpoint);
    let rows = [("a", "REFUSED", "a@example.test"), ("b", "ECHO", "b@example.test")];
    let (output, done) = run(&hub, &rows);
    let refused = done.row("order_id", "a");
    assert_eq!((refused.status(), refused.code()), ("rejected", "http_400"), "{done:#?}");
    assert!(refused.message().contains("Senzey said: Incorrect business number"), "{}", refused.message());
    assert_eq!(done.row("order_id", "b").status(), "unknown");
    let runs = hub.cmd(&["--json", "runs"]);
    let run = runs.json_lines()[0]["run"].as_str().unwrap().to_owned();
    let mut outputs = vec![output, runs];
    for words in [
        &["show", run.as_str()][..],
        &["unknown", "list"],
        &["--json", "unknown", "list"],
        &["doctor"],
        &["check"],
    ] {
        outputs.push(hub.cmd(words));
    }
    unseen(&hub, &outputs);
}

#[test]
fn days_that_have_passed_and_broken_rules_are_refused_before_anything_is_sent() {
    let endpoint = Endpoint::start();
    let hub = hub("en", &endpoint);
    for (from, to, code) in [
        ("start_date: \"2099-12-01\"", "start_date: \"01/12/2020\"", "date_in_the_past"),
        ("bank_code: 12,", "", "missing_field"),
        ("transfer_period: \"month\"", "transfer_period: \"monthly\"", "unknown_name"),
        ("transfer_type: \"bank\"", "transfer_type: \"bank\", currency: \"USD\"", "bank_in_shekels"),
    ] {
        hub.write("scripts/charge.rhai", SCRIPT.replace(from, to));
        let (_, done) = run(&hub, &[("sub-1", "Noa", "noa@example.test")]);
        let row = done.row("order_id", "sub-1");
        assert_eq!((row.status(), row.code()), ("rejected", code), "{}", row.message());
    }
    assert_eq!(endpoint.received(), Vec::<Value>::new());
}

#[test]
fn an_answer_that_calls_itself_a_page_is_read_where_the_configuration_says_so() {
    let endpoint = Endpoint::start();
    let hub = hub("en", &endpoint);
    let (_, done) = run(&hub, &[("sub-1", "PAGE", "a@example.test")]);
    let row = done.row("order_id", "sub-1");
    assert_eq!(row.status(), "unknown");
    assert!(row.message().contains("write answers = \"any\" in [senzey]"), "{}", row.message());
    hub.set("senzey", "answers", "\"any\"");
    let (_, done) = run(&hub, &[("sub-2", "PAGE", "b@example.test")]);
    assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
}

/// Calls every operation once, and a lead and a client without a key.
const EVERYTHING: &str = r#"
fn on_row(row) { log::info(row.order_id); }

fn on_call(args) {
    let order = senzey::add_bank_order("sub-" + args.id, #{ senzey_client_id: 96521, start_date: "01/12/2099",
        transfer_period: "week", transfer_amount: 49.90, use_creditcard_onfile: true });
    let work = senzey::add_work_order(#{ client_name: "דנה", client_email: "dana@example.test", total_payment: 236,
        vat_type: "DEFAULT", items: [#{ name: "כרטיס", price: 118, quantity: 2 }], pay_url: true });
    let receipt = senzey::add_tax_invoice_receipt("receipt-" + args.id, #{ client_name: "דנה",
        client_email: "dana@example.test", total_payment: 118, vat_type: "DEFAULT",
        items: [#{ name: "שירות", price: 118, quantity: 1 }],
        payment_details: [#{ payment_method: 4, total_amount: 118 }] });
    let lead = senzey::add_lead(#{ x_name: "ליד", x_mobile: "0521234567" });
    let client = senzey::add_client("client-" + args.id, #{ x_name: "לקוח", x_phone: "03-5555555" });
    let listed = senzey::list_contacts(#{ fields: ["name", "user_type"], incl_pclient: true, phone: "0521234567" });
    if listed.data.contacts[0].name != "ליד" { throw "the lead is not listed"; }
    if !work.data.pay_url.starts_with("http://127.0.0.1:") { throw "no page"; }
    [order.reference, work.reference, receipt.document, lead.reference, client.reference]
}
"#;

#[test]
fn every_operation_is_called_from_a_script_against_the_simulator() {
    let hub = Hub::bulk("he", "simulator");
    hub.set("senzey", "base_url", "\"simulator\"");
    hub.set("flow.bulk-charge", "allow", "[\"senzey.*\"]");
    hub.write("scripts/charge.rhai", EVERYTHING);
    hub.write("body.json", "{\"id\": \"7\"}");
    let body = hub.path("body.json");
    for attempt in 0..2 {
        let output = hub.cmd(&["run", "bulk-charge", "--body", body.to_str().unwrap(), "--key", "k-7"]);
        assert_eq!(output.code, 0, "{attempt}: {output:#?}");
    }
    let ledger = std::fs::read_to_string(hub.path("data/simulator/ledger.jsonl")).unwrap();
    let kinds: Vec<String> = ledger
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    let want = ["bank_order", "contact", "work_order", "contact", "receipt", "contact", "contact"];
    assert_eq!(kinds, want, "the same call again does nothing more");
    assert!(!ledger.contains("password-of-the-simulated"), "{ledger}");
}

#[test]
fn a_call_with_a_vendor_is_no_call_of_senzey() {
    let hub = Hub::bulk("en", "simulator");
    hub.set("senzey", "base_url", "\"simulator\"");
    hub.set("flow.bulk-charge", "allow", "[\"senzey.*\"]");
    hub.write(
        "scripts/charge.rhai",
        "fn on_row(row) { senzey::add_bank_order(\"dana\", row.order_id, #{}) }",
    );
    let checked = hub.cmd(&["check"]);
    assert_eq!(checked.code, 2, "{checked:#?}");
    assert!(checked.words().contains("write senzey::add_bank_order(key, #{...})"), "{checked:#?}");
    let clock = "fn on_row(row) { senzey::add_bank_order(row.order_id + time::today(), #{}) }";
    hub.write("scripts/charge.rhai", clock);
    assert!(hub.cmd(&["check"]).words().contains("the key is built from the clock"));
}
