//! What moves money beside a plain charge: refunds, several vendors at once, holds and captures, and what is paid again
//! and again. The ledger says what really moved.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::pages::blocks;
use gesher_tests::{Background, Done, Hub, nap, simulate, until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tempfile::TempDir;

/// A script for all that is tested here: the column `what` says which.
const SCRIPT: &str = r#"
fn customer(row) {
    if row.customer == "" { #{ ExternalIdentifier: "cust-1", Name: "Dana Levi", SearchMode: "ExternalIdentifier" } }
    else { #{ ID: int(row.customer) } }
}
fn card() {
    #{ CreditCard_Token: "aaaaaaaa-bbbb-4ccc-8ddd-000000000001", CreditCard_ExpirationMonth: 12,
       CreditCard_ExpirationYear: 2040, Type: "CreditCard" }
}
fn line(row, amount) { [ #{ Item: #{ Name: "Order " + row.order_id }, UnitPrice: amount } ] }
fn on_row(row) {
    let amount = decimal(row.amount);
    switch row.what {
        "charge" => officeguy::charge("marketplace", row.order_id, #{
            Customer: customer(row), PaymentMethod: card(), Items: line(row, amount), VATIncluded: true }),
        "refund" => officeguy::refund("marketplace", row.order_id, #{
            PaymentID: row.of, Customer: customer(row), PaymentMethod: card(), Items: line(row, -amount),
            VATIncluded: true }),
        "hold" => officeguy::authorize("marketplace", row.order_id, #{
            Customer: customer(row), PaymentMethod: card(), Items: line(row, amount), VATIncluded: true }),
        "capture" => officeguy::capture("marketplace", row.order_id, #{
            Customer: customer(row), PaymentMethod: card(), Items: line(row, amount), VATIncluded: true,
            CreditCardAuthNumber: row.of }),
        "open" => officeguy::create_company(row.of, #{
            Company: #{ Name: row.of, EmailAddress: row.of + "@example.test", Phone: "050-0000001",
                        CorporateNumber: row.order_id, CompanyType: "LicensedDealer" },
            BizPackage: "P1", ApprovePayment: true }),
        "both" => officeguy::multivendor_charge("marketplace", row.order_id, #{
            Customer: customer(row), PaymentMethod: card(), VATIncluded: true,
            Items: [ #{ Vendor: "dana", Item: #{ Name: "Order " + row.order_id }, UnitPrice: amount },
                     #{ Vendor: "noa", Item: #{ Name: "Order " + row.order_id }, UnitPrice: decimal(row.of) } ] }),
        "monthly" => officeguy::charge_recurring("marketplace", row.order_id, #{
            Customer: customer(row), PaymentMethod: card(), VATIncluded: true,
            Items: [ #{ Item: #{ Name: "Order " + row.order_id }, UnitPrice: amount, Duration_Months: 1,
                        Recurrence: int(row.of) } ] }),
    }
}
"#;

/// A hub with that script, and a provider beside it.
struct Shop {
    hub: Hub,
    provider: TempDir,
    base_url: String,
    _process: Background,
}

impl Shop {
    fn new() -> Self {
        Self::with("")
    }

    fn with(faults: &str) -> Self {
        let provider = tempfile::tempdir().unwrap();
        let plan = provider.path().join("faults.toml");
        std::fs::write(&plan, faults).unwrap();
        let (process, base_url) = simulate(provider.path(), &["--faults", plan.to_str().unwrap()]);
        Self { hub: hub(&base_url), provider, base_url, _process: process }
    }

    /// Runs rows of `order_id,what,of,amount,customer`.
    #[track_caller]
    fn run(&self, name: &str, rows: &[&str]) -> Done {
        self.hub.run_file(name, csv(rows)).1.unwrap_or_else(|| panic!("{}", self.hub.listing()))
    }

    /// Charges one order, and answers its payment.
    #[track_caller]
    fn charge(&self, order: &str, amount: &str) -> String {
        let done = self.run(&format!("charge-{order}.csv"), &[&format!("{order},charge,,{amount},")]);
        assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
        done.rows[0].get("gesher_reference").to_owned()
    }

    fn ledger(&self) -> Vec<Value> {
        ledger(self.provider.path())
    }

    /// What moved of that kind, in agorot, as the ledger has it: below zero for what was given back.
    fn moved(&self, kind: &str) -> Vec<i64> {
        let entries = self.ledger();
        let of_kind = entries.iter().filter(|entry| entry["kind"] == kind && entry["valid"] == true);
        of_kind.map(|entry| agorot(&entry["amount"])).collect()
    }

    fn given_back(&self) -> i64 {
        self.moved("charge").iter().filter(|amount| **amount < 0).sum()
    }

    /// The steps of a run's only row, each as its operation, state and code.
    fn steps(&self, run: &str) -> Vec<(String, String, String)> {
        let shown: Value = serde_json::from_str(&self.hub.cmd(&["--json", "show", run]).stdout).unwrap();
        let items = shown["items"].as_array().unwrap();
        let steps = items.iter().find(|item| item["ordinal"] == 1).unwrap()["steps"].as_array().unwrap();
        let text = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
        steps.iter().map(|step| (text(step, "operation"), text(step, "state"), text(step, "code"))).collect()
    }

    /// Calls the simulator itself.
    fn post(&self, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(self.base_url.trim_start_matches("http://")).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

fn hub(base_url: &str) -> Hub {
    let hub = Hub::bulk("en", base_url);
    hub.write("scripts/charge.rhai", SCRIPT);
    hub.edit("gesher.toml", "allow = [\"officeguy.charge\"]", "allow = [\"officeguy.*\"]");
    hub
}

fn csv(rows: &[&str]) -> String {
    format!("order_id,what,of,amount,customer\n{}\n", rows.join("\n"))
}

fn ledger(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("ledger.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn agorot(amount: &Value) -> i64 {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (shekels, rest) = digits.split_once('.').unwrap_or((digits, "00"));
    sign * (shekels.parse::<i64>().unwrap() * 100 + format!("{rest:0<2}").parse::<i64>().unwrap())
}

#[test]
fn rows_that_run_together_never_give_back_more_than_was_paid() {
    let shop = Shop::new();
    let payment = shop.charge("1", "10.00");
    let rows: Vec<String> = (11..19).map(|order| format!("{order},refund,{payment},3.00,")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let done = shop.run("refunds.csv", &rows);
    assert_eq!([done.count("succeeded"), done.count("rejected")], [3, 5], "{done:#?}");
    assert_eq!(shop.given_back(), -900);
    for row in done.rows.iter().filter(|row| row.status() == "rejected") {
        assert_eq!(row.code(), "exceeds_original");
        assert!(row.message().contains("10.00 ILS") && row.message().contains("3.00 ILS"), "{row:?}");
    }
    let back = done.rows.iter().find(|row| row.status() == "succeeded").unwrap();
    assert!(back.message().starts_with("Refunded 3.00 ILS"), "{back:?}");

    // The same file again gives nothing back twice, and there is one shekel left.
    let again = shop.run("refunds.csv", &rows);
    assert_eq!([again.count("duplicate"), again.count("rejected")], [3, 5], "{again:#?}");
    let last =
        shop.run("rest.csv", &[&format!("21,refund,{payment},1.01,"), &format!("22,refund,{payment},1.00,")]);
    assert_eq!(last.statuses(), ["rejected", "succeeded"], "{last:#?}");
    assert_eq!(shop.given_back(), -1000);
    // What is sent is a charge below zero, and nothing of the hub's own.
    let refunds: Vec<Value> =
        shop.ledger().into_iter().filter(|entry| agorot(&entry["amount"]) < 0).collect();
    assert!(refunds.iter().all(|entry| entry["path"] == "/billing/payments/charge/"), "{refunds:#?}");
}

#[test]
fn a_refund_that_nobody_knows_of_counts_until_it_is_settled() {
    let shop = Shop::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 2 }\nfault = \"commit_then_close\"\n",
    );
    let payment = shop.charge("1", "10.00");
    let lost = shop.run("lost.csv", &[&format!("11,refund,{payment},6.00,")]);
    assert_eq!(lost.statuses(), ["unknown"], "{lost:#?}");
    assert!(lost.rows[0].message().contains("refunded"), "{lost:#?}");
    // The same customer under another name is not locked, and the cap holds all the same.
    let customer = shop.ledger()[0]["customer_id"].to_string();
    let more = shop.run("more.csv", &[&format!("12,refund,{payment},4.01,{customer}")]);
    assert_eq!((more.statuses(), more.rows[0].code()), (vec!["rejected"], "exceeds_original"), "{more:#?}");
    assert!(more.rows[0].message().contains("6.00 ILS"), "{more:#?}");
    let rest = shop.run("rest.csv", &[&format!("13,refund,{payment},4.00,{customer}")]);
    assert_eq!(rest.statuses(), ["succeeded"], "{rest:#?}");
    assert_eq!(shop.given_back(), -1000);
    // It is found again by the reference on its document.
    shop.hub.cmd(&["unknown", "reconcile"]).expect(0);
    let settled = Done::find(&shop.hub.inbox("done"), "lost.csv", &[]).unwrap();
    assert_eq!(settled.statuses(), ["succeeded"], "{settled:#?}");
    assert!(settled.rows[0].message().contains("Refunded 6.00 ILS"), "{settled:#?}");
}

#[test]
fn a_payment_that_the_journal_does_not_know_is_read_first() {
    let shop = Shop::new();
    let payment = shop.charge("1", "10.00");
    let stranger = Shop { hub: hub(&shop.base_url), ..shop };
    let done = stranger.run("refund.csv", &[&format!("11,refund,{payment},10.00,")]);
    assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
    let steps = stranger.steps(&done.run);
    let names: Vec<(&str, &str)> =
        steps.iter().map(|(name, state, _)| (name.as_str(), state.as_str())).collect();
    assert_eq!(names, [("officeguy.get_payment", "succeeded"), ("officeguy.refund", "succeeded")]);
    let over = stranger.run("over.csv", &[&format!("12,refund,{payment},0.01,")]);
    assert_eq!(over.rows[0].code(), "exceeds_original", "{over:#?}");
    let nobody = stranger.run("nobody.csv", &["13,refund,9999999999,1.00,"]);
    assert_eq!(
        (nobody.statuses(), nobody.rows[0].code()),
        (vec!["rejected"], "original_unknown"),
        "{nobody:#?}"
    );
    // Another customer's payment is not given back to this one.
    let other = stranger.run("other.csv", &[&format!("14,refund,{payment},1.00,8000000009")]);
    assert_eq!(other.rows[0].code(), "another_customer", "{other:#?}");
    assert_eq!(stranger.given_back(), -1000);
}

#[test]
fn a_kill_between_the_reading_and_the_refund_is_gone_on_from() {
    let shop = Shop::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 2 }\nfault = \"hang_after\"\n",
    );
    let payment = shop.charge("1", "10.00");
    let stranger = Shop { hub: hub(&shop.base_url), ..shop };
    let mut serving = stranger.hub.serve();
    stranger.hub.drop_file("refund.csv", csv(&[&format!("11,refund,{payment},6.00,")]));
    until("the refund to arrive", 30, || (stranger.given_back() == -600).then_some(()));
    nap(300);
    serving.process.kill9();
    let _serving = stranger.hub.serve();
    let done = stranger.hub.wait_done("refund.csv");
    // Unknown, or found already; in no case another end, and in no case sent again.
    assert!(["unknown", "succeeded"].contains(&done.rows[0].status()), "{done:#?}");
    assert_eq!(stranger.given_back(), -600);
    let steps = stranger.steps(&done.run);
    assert_eq!(
        (steps.len(), steps[0].0.as_str(), steps[0].1.as_str()),
        (2, "officeguy.get_payment", "succeeded")
    );
    assert_ne!(done.rows[0].code(), "diverged");
}

#[test]
fn every_script_of_the_page_about_money_runs_as_written() {
    let shop = Shop::new();
    two_vendors(&shop);
    shop.hub.edit("gesher.toml", "amount = \"amount\"\n", "");
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/money.md")).unwrap();
    let (scripts, rows) = (blocks(&page, "rhai"), blocks(&page, "csv"));
    assert_eq!((scripts.len(), rows.len()), (5, 5));
    for (at, (script, rows)) in scripts.iter().zip(rows).enumerate() {
        shop.hub.write("scripts/charge.rhai", script);
        let (output, done) = shop.hub.run_file(&format!("page-{at}.csv"), rows);
        let done = done.unwrap_or_else(|| panic!("{script}\n{output:#?}"));
        assert!(done.statuses().iter().all(|status| *status == "succeeded"), "{script}\n{done:#?}");
    }
    let mut moved = shop.moved("charge");
    // The two refunds are rows of one file, which run beside each other.
    moved[1..3].sort_unstable();
    assert_eq!(moved, [11_800, -10_000, -1_800, 6_000, 2_000, 8_000, 4_990]);
    assert_eq!(shop.moved("hold"), [9_000]);
}

/// Two vendors with keys of their own.
fn two_vendors(shop: &Shop) {
    let done = shop.run("vendors.csv", &["300000007,open,dana,1,", "300000015,open,noa,1,"]);
    assert_eq!(done.statuses(), ["succeeded", "succeeded"], "{done:#?}");
}

#[test]
fn several_vendors_are_charged_at_once_with_their_own_keys() {
    let shop = Shop::new();
    two_vendors(&shop);
    let done = shop.run("carts.csv", &["1,both,3.00,6.00,"]);
    assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
    assert!(done.rows[0].message().starts_with("Charged 9.00 ILS"), "{done:#?}");
    let charged: Vec<Value> = shop.ledger().into_iter().filter(|entry| entry["kind"] == "charge").collect();
    let companies: Vec<&Value> = charged.iter().map(|entry| &entry["company"]).collect();
    assert_eq!(charged.len(), 2, "{charged:#?}");
    assert_ne!(companies[0], companies[1]);
    // No key is in anything that the hub wrote, but sealed in its vault.
    assert_eq!(shop.moved("charge"), [600, 300]);
    let again = shop.run("again.csv", &["1,both,3.00,6.0,"]);
    assert_eq!(again.statuses(), ["duplicate"], "{again:#?}");
}

#[test]
fn a_vendor_that_is_declined_leaves_the_row_incomplete_and_nothing_is_charged_twice() {
    let shop = Shop::new();
    two_vendors(&shop);
    // The simulated card company refuses exactly this sum.
    let done = shop.run("carts.csv", &["1,both,1004.04,6.00,", "2,both,1004.04,1015.15,"]);
    assert_eq!(done.statuses(), ["incomplete", "declined"], "{done:#?}");
    let row = &done.rows[0];
    assert_eq!(row.code(), "in_part");
    for words in ["dana 6.00 ILS", "noa (004)"] {
        assert!(row.message().contains(words), "{words}: {row:?}");
    }
    assert_eq!(shop.moved("charge"), [600]);
    // Its row may be dropped again, and then nothing new is sent.
    let retry = done.retry.clone().unwrap();
    let again = shop.hub.run_file("retry.csv", &retry).1.unwrap();
    assert_eq!(again.count("duplicate"), 1, "{again:#?}");
    assert_eq!(shop.moved("charge"), [600]);
}

#[test]
fn an_answer_that_is_lost_leaves_several_vendors_unknown() {
    let shop = Shop::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/multivendorcharge/\" }\nfault = \"commit_then_close\"\n",
    );
    two_vendors(&shop);
    let done = shop.run("carts.csv", &["1,both,3.00,6.00,"]);
    assert_eq!(done.statuses(), ["unknown"], "{done:#?}");
    assert_eq!(shop.moved("charge"), [600, 300]);
    let again = shop.run("again.csv", &["1,both,3.00,6.0,"]);
    assert_eq!(again.statuses(), ["duplicate"], "{again:#?}");
    assert_eq!(shop.moved("charge"), [600, 300]);
}

#[test]
fn money_is_held_captured_once_and_not_again() {
    let shop = Shop::new();
    let held = shop.run("holds.csv", &["1,hold,,90.00,"]);
    assert_eq!(held.statuses(), ["succeeded"], "{held:#?}");
    let auth = held.rows[0].get("gesher_reference").to_owned();
    assert_eq!((auth.len(), auth.trim()), (6, auth.as_str()), "{held:#?}");
    assert_eq!((shop.moved("hold"), shop.moved("charge")), (vec![9_000], vec![]));
    let taken = shop.run("captures.csv", &[&format!("2,capture,{auth},80.00,")]);
    assert_eq!(taken.statuses(), ["succeeded"], "{taken:#?}");
    assert_eq!(shop.moved("charge"), [8_000]);
    let twice = shop.run("twice.csv", &[&format!("3,capture,{auth},10.00,"), "4,capture,,10.00,"]);
    assert_eq!(twice.statuses(), ["declined", "rejected"], "{twice:#?}");
    assert!(twice.rows[0].message().contains("captured before"), "{twice:#?}");
    // A hold dies by itself.
    let late = shop.run("late.csv", &["5,hold,,50.00,"]);
    let auth = late.rows[0].get("gesher_reference").to_owned();
    shop.post("/simulator/clock/advance/", &json!({ "Days": 8 }));
    let dead = shop.run("dead.csv", &[&format!("6,capture,{auth},50.00,")]);
    assert_eq!(dead.statuses(), ["declined"], "{dead:#?}");
    assert_eq!(shop.moved("charge"), [8_000]);
}

#[test]
fn what_is_paid_again_and_again_is_charged_as_the_clock_goes_on() {
    let shop = Shop::new();
    let done = shop.run("subscriptions.csv", &["1,monthly,3,49.90,"]);
    assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
    assert!(done.rows[0].message().starts_with("Charged 49.90 ILS; recurring charges 5"), "{done:#?}");
    assert_eq!(shop.moved("charge"), [4_990]);
    let advanced = shop.post("/simulator/clock/advance/", &json!({ "Days": 31 }));
    assert_eq!(advanced["Data"]["Charged"], json!(1), "{advanced}");
    let advanced = shop.post("/simulator/clock/advance/", &json!({ "Days": 365 }));
    assert_eq!(advanced["Data"]["Charged"], json!(1), "three charges in all: {advanced}");
    assert_eq!(shop.moved("charge"), [4_990, 4_990, 4_990]);
    // Each is a payment of the same agreement, in the provider's own list.
    let listed = shop.post(
        "/billing/payments/list/",
        &json!({ "Credentials": { "CompanyID": 2_410_000_001_i64, "APIKey": "k" },
            "Date_From": "2020-01-01", "Date_To": "2060-01-01" }),
    );
    let payments = listed["Data"]["Payments"].as_array().unwrap();
    assert_eq!(payments.len(), 3, "{listed}");
    assert!(payments.iter().all(|payment| payment["RecurringCustomerItemIDs"] == json!([5_000_000_001_i64])));
    // Dropped again it is the same agreement.
    assert_eq!(shop.run("again.csv", &["1,monthly,3,49.9,"]).statuses(), ["duplicate"]);
    assert_eq!(shop.moved("charge").len(), 3);
}
