//! What the hub does not know: found again at the provider, settled by a person, and in every file and command the
//! same. The simulator loses answers, the hub asks, and the ledger says who was right.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::{Background, Done, Hub, Output, charges_csv, nap, simulate, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use tempfile::TempDir;

/// How long a person's decision, or a look-up, takes to reach the reports of a hub that serves.
const REPORT_SECONDS: u64 = 20;

/// A hub, and a provider beside it where things go wrong.
struct Desk {
    hub: Hub,
    provider: TempDir,
    base_url: String,
    _process: Background,
}

impl Desk {
    /// With these faults.
    fn with(faults: &str) -> Self {
        let provider = tempfile::tempdir().unwrap();
        let plan = provider.path().join("faults.toml");
        std::fs::write(&plan, faults).unwrap();
        let (process, base_url) = simulate(provider.path(), &["--faults", plan.to_str().unwrap()]);
        Self { hub: Hub::bulk("en", &base_url), provider, base_url, _process: process }
    }

    /// With this fault in the second charge.
    fn second(fault: &str) -> Self {
        Self::with(&format!(
            "[[rule]]\nmatch = {{ path = \"/billing/payments/charge/\", nth = 2 }}\nfault = \"{fault}\"\n"
        ))
    }

    /// Runs three rows one after another, of which the second is unknown.
    #[track_caller]
    fn three(&self) -> Done {
        self.hub.edit("gesher.toml", "concurrency = 8", "concurrency = 1");
        let (output, done) = self.hub.run_file("march.csv", charges_csv(1, 3));
        let done = done.unwrap_or_else(|| panic!("{output:#?}"));
        assert_eq!(output.code, 3, "{output:#?}");
        assert_eq!(done.statuses(), ["succeeded", "unknown", "succeeded"]);
        done.adds_up();
        done
    }

    /// The payments of each order, as the ledger has them.
    fn charged(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_order: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in std::fs::read_to_string(self.provider.path().join("ledger.jsonl")).unwrap().lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            if entry["kind"] == "charge" && entry["valid"] == true {
                let order = entry["items"][0].as_str().unwrap().trim_start_matches("Order ").to_owned();
                by_order.entry(order).or_default().push(entry["payment_id"].to_string());
            }
        }
        by_order
    }

    fn list(&self) -> Output {
        self.hub.cmd(&["--json", "unknown", "list"])
    }

    /// The one step that is unknown.
    #[track_caller]
    fn step(&self) -> Value {
        let lines = self.list().expect(3).json_lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines[0].clone()
    }

    fn reconcile(&self) -> Output {
        self.hub.cmd(&["--json", "unknown", "reconcile"])
    }

    fn resolve(&self, step: &Value, how: &[&str]) -> Output {
        let step = step["step"].as_str().unwrap();
        let arguments = [&["--json", "unknown", "resolve", step], how, &["--reason", "seen in the account"]];
        self.hub.cmd(&arguments.concat())
    }

    /// The reports of the run, as they stand now.
    #[track_caller]
    fn march(&self) -> Done {
        Done::find(&self.hub.inbox("done"), "march.csv", &[]).unwrap()
    }

    /// Charges one order again at the provider itself, with the text that the hub put on its own charge.
    fn charge_again(&self, order: &str, description: &str) {
        let body = json!({
            "Credentials": { "CompanyID": 2_410_000_001_i64, "APIKey": "k" },
            "Customer": { "ExternalIdentifier": order, "Name": "Dana Levi", "SearchMode": 2 },
            "PaymentMethod": {
                "CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-000000000002",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": 1,
            },
            "Items": [{ "Item": { "Name": format!("Order {order}") }, "Quantity": 1, "UnitPrice": 12.50 }],
            "VATIncluded": true,
            "DocumentDescription": description,
        });
        let mut stream = TcpStream::connect(self.base_url.trim_start_matches("http://")).unwrap();
        let (body, head) = (body.to_string(), "POST /billing/payments/charge/ HTTP/1.1\r\nHost: x");
        let length = body.len();
        write!(stream, "{head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"ValidPayment\":true"), "{answer}");
    }
}

/// Lets half an hour pass for what the hub sent, by its journal: the machine's clock is nobody's to move.
fn half_an_hour_later(hub: &Hub) {
    let journal = rusqlite::Connection::open(hub.path("data/gesher.db")).unwrap();
    let guards: Vec<(String, String)> = journal
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'steps'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (name, _) in &guards {
        journal.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    journal.execute_batch("UPDATE steps SET intent_at = intent_at - 1801 * 1000000").unwrap();
    for (_, sql) in &guards {
        journal.execute_batch(sql).unwrap();
    }
}

#[test]
fn a_charge_whose_answer_was_lost_is_found_again() {
    let desk = Desk::second("commit_then_close");
    let before = desk.three();
    let step = desk.step();
    for (field, want) in [
        ("file", json!("march.csv")),
        ("line", json!(3)),
        ("operation", json!("officeguy.charge")),
        ("who", json!("marketplace")),
        ("key", json!("2")),
        ("amount", json!("12.50")),
        ("currency", json!("ILS")),
        ("state", json!("unknown")),
        ("run", json!(before.run)),
        ("looked_up", json!(0)),
        ("manual", json!(false)),
    ] {
        assert_eq!(step[field], want, "{field}: {step:#}");
    }
    assert!(step["warning"].as_str().unwrap().contains("Do not repeat it"), "{step:#}");
    assert!(step["look_at"].as_str().unwrap().contains("12.50 ILS"), "{step:#}");
    assert!(
        step["next_look"].is_string() && step["intent_at"].is_string() && step["age"].is_i64(),
        "{step:#}"
    );
    let words = desk.hub.cmd(&["unknown", "list"]).expect(3).stdout;
    assert!(words.contains("We do not know whether this was charged. Do not repeat it."), "{words}");

    let lines = desk.reconcile().expect(0).json_lines();
    assert_eq!((&lines[0]["result"], &lines[0]["state"]), (&json!("closed"), &json!("succeeded")));
    let after = desk.march();
    after.adds_up();
    assert_eq!(after.statuses(), ["succeeded"; 3]);
    let row = after.row("order_id", "2");
    assert_eq!([row.get("gesher_reference").to_owned()], desk.charged()["2"][..]);
    assert!(row.message().contains("looked up at the provider"), "{row:?}");
    assert!(row.get("gesher_document").parse::<u64>().is_ok(), "{row:?}");
    assert_eq!(after.report["totals"]["ILS"]["succeeded"], "37.50");
    assert_eq!(after.input, before.input);
    assert_eq!(desk.list().expect(0).stdout, "");
    desk.hub.cmd(&["unknown", "list"]).expect(0);
    desk.hub.cmd(&["show", &before.run]).expect(0);
    // Charged is charged, whatever is dropped.
    let (_, again) = desk.hub.run_file("again.csv", charges_csv(1, 3).replace("Dana", "Noa"));
    assert_eq!(again.unwrap().statuses(), ["duplicate"; 3]);
    assert!(desk.charged().values().all(|taken| taken.len() == 1));
}

#[test]
fn what_never_arrived_stays_unknown_until_a_person_says_so() {
    let desk = Desk::second("close_before");
    let before = desk.three();
    let lines = desk.reconcile().expect(3).json_lines();
    assert_eq!((&lines[0]["result"], &lines[0]["state"]), (&json!("not_found"), &json!("unknown")));
    assert!(lines[0]["why"].as_str().unwrap().contains("no evidence"), "{lines:#?}");
    assert_eq!(desk.march().result, before.result);
    let step = desk.step();
    assert_eq!(step["looked_up"], 1);
    let refused = desk.resolve(&step, &["--not-charged"]).expect(2);
    assert!(refused.words().contains("too early"), "{refused:#?}");

    half_an_hour_later(&desk.hub);
    let resolved = desk.resolve(&step, &["--not-charged"]).expect(0).json();
    assert_eq!((&resolved["state"], &resolved["status"]), (&json!("not_sent"), &json!("not_sent")));
    let after = desk.march();
    after.adds_up();
    assert_eq!(after.statuses(), ["succeeded", "not_sent", "succeeded"]);
    assert_eq!(after.rows[1].code(), "not_charged");
    assert!(after.rows[1].message().contains("seen in the account"), "{:?}", after.rows[1]);
    let retry = after.retry.clone().unwrap();
    assert_eq!(after.retry_rows().iter().map(|row| row.get("order_id")).collect::<Vec<_>>(), ["2"]);
    desk.list().expect(0);
    // What is settled stays settled.
    assert!(desk.resolve(&step, &["--charged", "77"]).expect(2).words().contains("not open"));
    let (output, again) = desk.hub.run_file("retry.csv", retry);
    assert_eq!((output.code, again.unwrap().statuses()), (0, vec!["succeeded"]), "{output:#?}");
    assert!(desk.charged().values().all(|taken| taken.len() == 1), "{:?}", desk.charged());
    assert_eq!(desk.charged().len(), 3);
}

#[test]
fn a_row_that_a_person_found_charged_is_never_charged_again() {
    let desk = Desk::second("close_before");
    let before = desk.three();
    let step = desk.step();
    let others = before.rows[0].get("gesher_reference").to_owned();
    for how in [["--charged", others.as_str()], ["--charged", ""], ["--charged", "4111111111111111"]] {
        desk.resolve(&step, &how).expect(2);
    }
    let id = step["step"].as_str().unwrap();
    desk.hub.cmd(&["unknown", "resolve", id, "--charged", "5550001", "--reason", " "]).expect(2);
    desk.hub.cmd(&["unknown", "resolve", id, "--charged", "5550001"]).expect(2);
    desk.hub.cmd(&["unknown", "resolve", "k7mq2xd.1.1", "--charged", "5550001", "--reason", "r"]).expect(2);
    assert_eq!(desk.march().result, before.result, "a refusal changes nothing");

    let resolved = desk.resolve(&step, &["--charged", "5550001"]).expect(0).json();
    assert_eq!((&resolved["state"], &resolved["reference"]), (&json!("succeeded"), &json!("5550001")));
    assert!(!resolved["actor"].as_str().unwrap().is_empty());
    let after = desk.march();
    after.adds_up();
    assert_eq!(after.statuses(), ["succeeded"; 3]);
    assert_eq!(after.rows[1].get("gesher_reference"), "5550001");
    assert!(after.retry.is_none());
    let (_, again) = desk.hub.run_file("again.csv", charges_csv(2, 1));
    assert_eq!(again.unwrap().statuses(), ["duplicate"]);
    assert_eq!(desk.charged().len(), 2);
}

#[test]
fn reports_whose_file_was_taken_away_are_not_said_to_be_written() {
    let desk = Desk::second("close_before");
    let before = desk.three();
    let step = desk.step();
    std::fs::remove_file(desk.hub.inbox(&format!("done/march.{}.csv", before.run))).unwrap();
    let output = desk.resolve(&step, &["--charged", "5550001"]).expect(0);
    let resolved = output.json();
    assert_eq!((&resolved["reports_written"], &resolved["reports"]), (&json!(false), &json!("file_gone")));
    assert!(output.stderr.contains(&format!("gesher show {}", before.run)), "{output:#?}");
    let shown = desk.hub.cmd(&["--json", "show", &before.run]).expect(0).json();
    assert_eq!(shown["counts"]["succeeded"], 3, "{shown:#}");
}

#[test]
fn a_report_says_when_its_run_ended_whenever_its_rows_were_settled() {
    let desk = Desk::second("commit_then_close");
    let before = desk.three();
    nap(1_100);
    let resolved = desk.reconcile().expect(0).json_lines();
    assert_eq!(resolved[0]["result"], "closed");
    let after = desk.march();
    assert_eq!(after.statuses(), ["succeeded"; 3]);
    assert!(before.report["ended"].is_string());
    assert_eq!(after.report["ended"], before.report["ended"]);
}

#[test]
fn the_list_says_in_one_language_what_is_unlocked() {
    let desk = Desk::second("close_before");
    desk.three();
    let step = desk.step()["step"].as_str().unwrap().to_owned();
    let words = desk.hub.cmd(&["unknown", "list"]).expect(3).stdout;
    assert!(!words.contains("unlocked"), "{words}");
    desk.hub.cmd(&["unknown", "unlock", &step, "--reason", "known customer"]).expect(0);
    let words = desk.hub.cmd(&["unknown", "list"]).expect(3).stdout;
    assert!(words.contains("unknown, unlocked"), "{words}");
    desk.hub.edit("gesher.toml", "language = \"en\"", "language = \"he\"");
    let words = desk.hub.cmd(&["unknown", "list"]).expect(3).stdout;
    for part in ["איננו יודעים אם חויב", "הנעילה שוחררה", "בירור הבא", "יש לבדוק כל אחד"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    for part in ["next look", "Look each one", "it was not;"] {
        assert!(!words.contains(part), "{part}: {words}");
    }
}

#[test]
fn two_charges_with_one_stamp_are_a_conflict_for_a_person() {
    let desk = Desk::second("commit_then_close");
    desk.three();
    let step = desk.step();
    desk.charge_again("2", &format!("[{}]", step["stamp"].as_str().unwrap()));
    let output = desk.reconcile().expect(3);
    assert_eq!(output.json_lines()[0]["result"], "conflict", "{output:#?}");
    assert!(output.stderr.contains("alarm=\"conflict\""), "an alarm: {output:#?}");
    let found = desk.step();
    assert_eq!(found["state"], "conflict");
    let message = found["message"].as_str().unwrap();
    let charged = desk.charged()["2"].clone();
    assert!(charged.len() == 2 && charged.iter().all(|payment| message.contains(payment)), "{message}");
    let row = desk.march().rows[1].clone();
    assert_eq!((row.status(), row.code()), ("unknown", "conflict"));
    // Looking again decides nothing; a person does.
    desk.reconcile().expect(3);
    desk.resolve(&found, &["--charged", &charged[0]]).expect(0);
    assert_eq!(desk.march().statuses(), ["succeeded"; 3]);
    desk.list().expect(0);
}

#[test]
fn a_list_that_lags_proves_nothing() {
    let desk = Desk::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 2 }\nfault = \"commit_then_close\"\n\
         [[rule]]\nmatch = { path = \"/billing/payments/list/\" }\nfault = \"list_lag\"\ndelay_ms = 10000\n\
         [[rule]]\nmatch = { path = \"/accounting/documents/list/\" }\nfault = \"list_lag\"\ndelay_ms = 10000\n",
    );
    desk.three();
    let lines = desk.reconcile().expect(3).json_lines();
    assert_eq!(lines[0]["result"], "not_found", "{lines:#?}");
    nap(10_100);
    let lines = desk.reconcile().expect(0).json_lines();
    assert_eq!(lines[0]["result"], "closed", "{lines:#?}");
    assert_eq!(desk.march().statuses(), ["succeeded"; 3]);
}

#[test]
fn a_provider_that_cannot_be_asked_changes_nothing() {
    let desk = Desk::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 2 }\nfault = \"commit_then_close\"\n\
         [[rule]]\nmatch = { path = \"/billing/payments/list/\" }\nfault = \"status\"\nstatus = 500\n",
    );
    let before = desk.three();
    let lines = desk.reconcile().expect(3).json_lines();
    assert_eq!(lines[0]["result"], "not_asked", "{lines:#?}");
    let step = desk.step();
    assert_eq!((&step["looked_up"], &step["state"]), (&json!(0), &json!("unknown")));
    assert_eq!(desk.march().result, before.result);
}

#[test]
fn beside_a_hub_that_serves_the_reports_follow_within_moments() {
    let desk = Desk::with(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = [2, 3] }\nfault = \"commit_then_close\"\n",
    );
    desk.hub.edit("gesher.toml", "concurrency = 8", "concurrency = 1");
    let serving = desk.hub.serve();
    desk.hub.drop_file("march.csv", charges_csv(1, 4));
    assert_eq!(desk.hub.wait_done("march.csv").statuses(), ["succeeded", "unknown", "unknown", "succeeded"]);
    let steps = desk.list().expect(3).json_lines();
    let first = steps[0]["step"].as_str().unwrap();
    let lines = desk.hub.cmd(&["--json", "unknown", "reconcile", first]).expect(0).json_lines();
    assert_eq!((lines.len(), &lines[0]["result"]), (1, &json!("closed")));
    until("the report of what was looked up", REPORT_SECONDS, || {
        (desk.march().count("unknown") == 1).then_some(())
    });
    let payment = desk.charged()["3"][0].clone();
    desk.resolve(&steps[1], &["--charged", &payment]).expect(0);
    until("the report of what a person said", REPORT_SECONDS, || {
        let march = desk.march();
        // The result is there a moment before the report.
        (march.count("succeeded") == 4 && march.report["counts"]["succeeded"] == 4).then_some(())
    });
    desk.march().adds_up();
    desk.list().expect(0);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_hub_that_serves_asks_by_itself() {
    let desk = Desk::second("commit_then_close");
    desk.hub.edit("gesher.toml", "concurrency = 8", "concurrency = 1");
    let serving = desk.hub.serve();
    desk.hub.drop_file("march.csv", charges_csv(1, 3));
    assert_eq!(desk.hub.wait_done("march.csv").count("unknown"), 1);
    until("the look that is due after half a minute", 60, || {
        (desk.march().count("succeeded") == 3).then_some(())
    });
    assert!(desk.charged().values().all(|taken| taken.len() == 1));
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn what_a_crash_left_is_listed_before_any_hub_starts_again() {
    let hub = Hub::bulk("en", "simulator");
    hub.drop_file("march.csv", charges_csv(1, 400));
    let ledger = hub.path("data/simulator/ledger.jsonl");
    let charges = || {
        let text = std::fs::read_to_string(&ledger).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"kind\":\"charge\"")).count()
    };
    // A crash leaves something in flight nearly always; a few tries make it sure.
    let listed = [20, 80, 140, 200, 260].into_iter().find_map(|moment| {
        let mut serving = hub.serve();
        until("enough charges", 60, || (charges() >= moment).then_some(()));
        serving.process.kill9();
        let listed = hub.cmd(&["--json", "unknown", "list"]).json_lines();
        (!listed.is_empty()).then_some(listed)
    });
    let listed = listed.expect("something was in flight at one of the crashes");
    for line in &listed {
        assert_eq!((&line["state"], &line["code"]), (&json!("unknown"), &json!("interrupted")), "{line:#}");
    }
    // Its rows wait for the hub; asked then, its own simulator says what became of each.
    hub.cmd(&["unknown", "reconcile"]).expect(3);
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    // Where the file takes more than half a minute, the hub has looked some of them up by itself meanwhile.
    assert!(done.count("unknown") <= listed.len(), "{} {listed:#?}", done.report);
    hub.cmd(&["unknown", "reconcile"]);
    let text = std::fs::read_to_string(&ledger).unwrap();
    let charged = |row: &gesher_tests::Row| {
        let item = format!("\"Order {}\"", row.get("order_id"));
        text.lines().filter(|line| line.contains("\"charge\"") && line.contains(&item)).count()
    };
    until("every row to be what the ledger says", REPORT_SECONDS, || {
        let done = Done::find(&hub.inbox("done"), "march.csv", &[])?;
        let fits = |row: &gesher_tests::Row| match row.status() {
            "succeeded" => charged(row) == 1,
            "unknown" => charged(row) == 0,
            _ => false,
        };
        done.rows.iter().all(fits).then_some(())
    });
    assert_eq!(serving.stop().code, 0);
}

/// Two orders of one customer, one after the other.
const TWO_OF_DANA: &str = "order_id,name,token,amount\r\n1,Dana,t1,5.00\r\n2,Dana,t2,6.00\r\n";

impl Desk {
    /// One row at a time, and the customer is the row's name.
    fn by_customer(faults: &str) -> Self {
        let desk = Self::with(faults);
        desk.hub.edit("gesher.toml", "concurrency = 8", "concurrency = 1");
        let (order, name) = ("ExternalIdentifier: row.order_id", "ExternalIdentifier: row.name");
        desk.hub.edit("scripts/charge.rhai", order, name);
        desk
    }
}

#[test]
fn the_provider_is_asked_before_the_same_customer_is_charged_again() {
    let desk = Desk::by_customer(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 1 }\nfault = \"commit_then_close\"\n",
    );
    let (output, done) = desk.hub.run_file("march.csv", TWO_OF_DANA);
    let done = done.unwrap();
    assert_eq!((output.code, done.statuses()), (0, vec!["succeeded"; 2]), "{output:#?} {done:#?}");
    assert!(done.rows[0].message().contains("looked up at the provider"), "{:?}", done.rows[0]);
    assert_eq!(done.row("order_id", "1").get("gesher_reference"), desk.charged()["1"][0]);
}

#[test]
fn a_person_may_lift_the_lock_of_a_customer() {
    let desk = Desk::by_customer(
        "[[rule]]\nmatch = { path = \"/billing/payments/charge/\", nth = 1 }\nfault = \"close_before\"\n",
    );
    let (output, done) = desk.hub.run_file("march.csv", TWO_OF_DANA);
    let done = done.unwrap();
    assert_eq!((output.code, done.statuses()), (3, vec!["unknown", "not_sent"]), "{output:#?}");
    assert_eq!(done.rows[1].code(), "subject_locked");
    let step = desk.step();
    assert_eq!(step["unlocked_at"], Value::Null);
    let unlock = ["unknown", "unlock", step["step"].as_str().unwrap(), "--reason", "another order of hers"];
    desk.hub.cmd(&unlock).expect(0);
    assert!(desk.step()["unlocked_at"].is_string(), "it stays unknown");
    let (_, again) = desk.hub.run_file("retry.csv", done.retry.unwrap());
    assert_eq!(again.unwrap().statuses(), ["succeeded"]);
    assert_eq!(desk.charged().keys().collect::<Vec<_>>(), ["2"]);
}

#[test]
fn a_hub_that_never_ran_knows_of_nothing() {
    let hub = Hub::bulk("he", "simulator");
    assert_eq!(hub.cmd(&["--json", "unknown", "list"]).expect(0).stdout, "");
    hub.cmd(&["unknown", "reconcile"]).expect(0);
    let resolve = ["unknown", "resolve", "k7mq2xd.1.1", "--not-charged", "--reason", "r"];
    hub.cmd(&resolve).expect(2);
    hub.cmd(&["unknown", "unlock", "k7mq2xd.1.1", "--reason", "r"]).expect(2);
}
