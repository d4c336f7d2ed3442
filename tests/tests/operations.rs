//! Every operation, called by a script of a hub against the simulator, over a wire that is listened to: nothing is left
//! out, and nothing is sent that the provider's contract does not have.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_officeguy::{contract, triggers};
use gesher_tests::{FakeProvider, Hub, Received, Reply, simulate, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Operations that others need, in this order: the rest comes behind them, by name.
const FIRST: &[&str] = &[
    "create_company",
    "open_upay_terminal",
    "charge",
    "create_document",
    "set_payment_method",
    "charge_recurring",
    "authorize",
];
/// Operations that take away what others need.
const LAST: &[&str] = &["cancel_recurring", "remove_payment_method", "unsubscribe_trigger"];

/// Hands a request on to the simulator and its answer back, byte for byte.
fn hand_on(address: &str, received: &Received) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = received.head.trim_end();
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = kept.collect::<Vec<_>>().join("\r\n");
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(&received.body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// A simulator, a wire to it that is listened to, and a hub on it.
struct Stage {
    _scratch: tempfile::TempDir,
    _simulator: gesher_tests::Background,
    address: String,
    wire: FakeProvider,
    hub: Hub,
    runs: AtomicUsize,
}

impl Stage {
    fn set_up() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let (simulator, base_url) = simulate(scratch.path(), &[]);
        let address = base_url.trim_start_matches("http://").to_owned();
        let to = address.clone();
        let wire = FakeProvider::start(move |received, _| Reply::Raw(hand_on(&to, received)));
        let hub = Hub::bulk("en", wire.base_url());
        hub.set("flow.calls", "script", "\"scripts/calls.rhai\"");
        hub.set("flow.calls", "allow", "[\"officeguy.*\"]");
        Self { _scratch: scratch, _simulator: simulator, address, wire, hub, runs: AtomicUsize::new(0) }
    }

    /// What `gesher --json operations ...` says, a document a line.
    fn operations(&self, of: &[&str]) -> Vec<Value> {
        let output = self.hub.cmd(&[&["--json", "operations"], of].concat());
        assert_eq!(output.code, 0, "{output:#?}");
        let whole = serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>();
        whole.map(Result::unwrap).collect()
    }

    /// Runs these calls in one script; the steps by their operations, each with its state.
    #[track_caller]
    fn run(&self, calls: &[String]) -> Vec<(String, String, String)> {
        let mut script = String::from("fn on_call(args) {\n");
        calls.iter().for_each(|call| script.push_str(&format!("    {call}\n")));
        script.push_str("}\n");
        self.hub.write("scripts/calls.rhai", script);
        let number = self.runs.fetch_add(1, Ordering::SeqCst);
        self.hub.write("body.json", "{}");
        let body = self.hub.path("body.json");
        let key = format!("run-{number}");
        let output =
            self.hub.cmd(&["--json", "run", "calls", "--body", body.to_str().unwrap(), "--key", &key]);
        let run: Value = serde_json::from_str(output.stdout.lines().next().unwrap_or_default())
            .or_else(|_| serde_json::from_str(&output.stdout))
            .unwrap_or_else(|_| panic!("{output:#?}"));
        let id = run["run"].as_str().unwrap_or_else(|| panic!("{output:#?}")).to_owned();
        let shown = self.hub.cmd(&["--json", "show", &id]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_else(|_| panic!("{shown:#?}"));
        let steps = shown["items"].as_array().into_iter().flatten();
        let steps = steps.flat_map(|item| item["steps"].as_array().cloned().unwrap_or_default());
        let word = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
        steps.map(|step| (word(&step, "operation"), word(&step, "state"), word(&step, "message"))).collect()
    }

    /// Fails where a request on the wire was not as the contract has it; the paths that were called.
    fn check_wire(&self) -> BTreeSet<String> {
        let received = self.wire.received();
        for request in &received {
            let faults = contract::faults(request.path(), &request.json());
            assert!(faults.is_empty(), "{}: {faults:?}", request.path());
        }
        received.iter().map(|request| request.path().to_owned()).collect()
    }

    /// One call of the simulator's own controls.
    fn control(&self, path: &str, body: &Value) -> String {
        self.post(path, "application/json", &body.to_string())
    }

    fn post(&self, path: &str, content_type: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A text as a script writes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A call as a script writes it, its request as JSON.
fn call(operation: &str, who: &str, key: Option<&str>, request: &Value) -> String {
    let key = key.map_or_else(String::new, |key| format!("{}, ", quoted(key)));
    let request = quoted(&request.to_string());
    let (word, path) = operation.split_once('/').map_or((operation, String::new()), |(word, path)| {
        (word, format!("{}, ", quoted(&format!("/{path}"))))
    });
    format!("{}({path}{}, {key}json::parse({request}));", word.replacen('.', "::", 1), quoted(who))
}

/// The calls of an operation's examples.
fn examples(stage: &Stage, name: &str) -> Vec<String> {
    let document = stage.operations(&[name]).remove(0);
    let examples = document["examples"].as_array().unwrap();
    assert!(!examples.is_empty(), "{name} has no example");
    let text = |example: &Value, field: &str| example[field].as_str().map(str::to_owned);
    let written = examples.iter().map(|example| {
        let (who, key) = (text(example, "who").unwrap(), text(example, "key"));
        call(name, &who, key.as_deref(), &example["request"])
    });
    written.collect()
}

#[test]
fn every_operation_is_called_by_a_script_and_sends_what_the_contract_has() {
    let stage = Stage::set_up();
    let listed = stage.operations(&[]);
    let named = listed.iter().filter(|operation| operation["key"] != "by_path");
    let names: BTreeSet<String> = named
        .map(|operation| operation["name"].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("officeguy."))
        .collect();
    assert!(names.len() >= 38, "{names:?}");
    let of = |names: &[&str]| names.iter().map(|name| format!("officeguy.{name}")).collect::<Vec<_>>();
    let (first, last) = (of(FIRST), of(LAST));
    let rest = names.iter().filter(|name| !first.contains(name) && !last.contains(name));
    let calls: Vec<String> =
        first.iter().chain(rest).chain(&last).flat_map(|name| examples(&stage, name)).collect();
    let steps = stage.run(&calls);
    for (operation, state, message) in &steps {
        assert_eq!(state, "succeeded", "{operation}: {message}");
    }
    let driven: BTreeSet<String> = steps.iter().map(|step| step.0.clone()).collect();
    let left_out: Vec<&String> = names.difference(&driven).collect();
    assert!(left_out.is_empty(), "never called: {left_out:?}");
    let paths = stage.check_wire();
    assert!(paths.len() >= 33, "{paths:?}");
}

/// A request with the required fields of a schema and no other.
fn least(schema: &Value, root: &Value) -> Value {
    let schema = match schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap(),
        None => schema,
    };
    if let Some(names) = schema["x-enum"].as_object() {
        return json!(names.keys().next().unwrap());
    }
    match schema["type"].as_str().unwrap_or_default() {
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), least(&schema["properties"][name], root))).collect()
        }
        "array" => json!([least(&schema["items"], root)]),
        "integer" | "number" => json!(7),
        "boolean" => json!(true),
        _ => json!("text"),
    }
}

#[test]
fn every_other_endpoint_is_called_by_its_path() {
    let stage = Stage::set_up();
    let endpoints = stage.operations(&["officeguy.request"]).remove(0)["endpoints"].clone();
    let endpoints = endpoints.as_array().unwrap();
    assert!(endpoints.len() > 40, "{endpoints:?}");
    let mut calls = vec![examples(&stage, "officeguy.create_company").remove(0)];
    let mut expected = BTreeMap::new();
    for endpoint in endpoints {
        let name = endpoint["name"].as_str().unwrap();
        let schema = stage.operations(&[name]).remove(0)["request_schema"].clone();
        let request = least(&schema, &schema);
        let key = (endpoint["key"] == "required").then_some(name);
        // What takes files, cards or passwords is refused by the hub, which a script may catch.
        let text = request.to_string();
        let is_refused = ["/tickets/create/", "/loginredirect/"].iter().any(|part| name.ends_with(part))
            || text.contains("CardNumber");
        expected.insert(name.to_owned(), if is_refused { "rejected" } else { "succeeded" });
        let written = call(name, "dana-pottery", key, &request);
        calls.push(if is_refused { format!("try {{ {written} }} catch {{ }}") } else { written });
    }
    let steps = stage.run(&calls);
    let states: BTreeMap<String, &str> =
        steps.iter().skip(1).map(|(operation, state, _)| (operation.clone(), state.as_str())).collect();
    for (name, state) in &expected {
        assert_eq!(states.get(name), Some(state), "{name}: {steps:#?}");
    }
    let paths = stage.check_wire();
    let sent = expected.values().filter(|state| **state == "succeeded").count();
    assert_eq!(paths.len(), sent + 1, "{paths:?}");
}

#[test]
fn an_endpoint_with_an_operation_is_refused_and_the_operation_is_named() {
    let stage = Stage::set_up();
    let request = json!({"PaymentID": 1});
    stage.hub.write(
        "scripts/calls.rhai",
        format!(
            "fn on_call(args) {{ {} }}",
            call("officeguy.request/billing/payments/get/", "marketplace", None, &request)
        ),
    );
    let output = stage.hub.cmd(&["check"]);
    assert_eq!(output.code, 2, "{output:#?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("call officeguy.get_payment"), "{said}");
    assert!(stage.wire.received().is_empty());
}

#[test]
fn a_trigger_reaches_the_address_in_every_encoding() {
    let stage = Stage::set_up();
    let told = FakeProvider::start(|_, before| {
        // The first is not taken, so it has to come again.
        if before == 0 {
            Reply::http("500 Oops", "text/plain", "")
        } else {
            Reply::http("200 OK", "text/plain", "")
        }
    });
    let url = format!("{}/hooks/officeguy?token=3f9a0c", told.base_url());
    let subscribe =
        json!({"URL": url, "Folder": "1000000001", "View": 1_000_000_011, "TriggerType": "CreateOrUpdate"});
    let made = |name: &str| {
        let request = json!({"Details": {"Name": name}});
        call("officeguy.create_customer", "marketplace", Some(name), &request)
    };
    stage.run(&[
        call("officeguy.subscribe_trigger", "marketplace", Some("hook"), &subscribe),
        made("נועה לוי"),
    ]);
    let mut seen = Vec::new();
    for (at, encoding) in ["form", "json", "flat"].into_iter().enumerate() {
        if at > 0 {
            let answer = stage.control("/simulator/triggers/encoding/", &json!({"Encoding": encoding}));
            assert!(answer.contains("\"Status\":0"), "{answer}");
            stage.run(&[made(&format!("לקוח {encoding}"))]);
        }
        let calls = until("the trigger's call", 20, || {
            let received = told.received();
            (received.len() >= at + 2).then_some(received)
        });
        let last = calls.last().unwrap();
        assert_eq!(last.path(), "/hooks/officeguy?token=3f9a0c");
        let (call, encoding) = triggers::read(&last.body).unwrap();
        assert_eq!((call.folder, call.what.word()), (1_000_000_001, "Create"));
        seen.push((encoding, call.properties["Customer"][0]["Name"].as_str().unwrap().to_owned()));
    }
    use triggers::TriggerEncoding::{FlatForm, Json, JsonInForm};
    let want = [(JsonInForm, "נועה לוי"), (Json, "לקוח json"), (FlatForm, "לקוח flat")];
    assert_eq!(seen, want.map(|(encoding, name)| (encoding, name.to_owned())));
    let end = json!({"URL": url});
    stage.run(&[call("officeguy.unsubscribe_trigger", "marketplace", Some("end"), &end), made("אחרון")]);
    assert_eq!(told.received().len(), 4);
    stage.check_wire();
}

#[test]
fn a_payment_page_is_paid_once_and_calls_back() {
    let stage = Stage::set_up();
    let told = FakeProvider::start(|_, _| Reply::http("200 OK", "text/plain", ""));
    let request = json!({
        "Customer": {"Name": "נועה לוי"}, "Items": [{"Item": {"Name": "סדנה"}, "UnitPrice": 118}],
        "VATIncluded": true, "RedirectURL": "https://shop.example.test/paid?order=7",
        "CancelRedirectURL": "https://shop.example.test/left",
        "ExternalIdentifier": "order-7", "IPNURL": format!("{}/ipn?order=7", told.base_url()),
    });
    let page = call("officeguy.begin_redirect", "marketplace", Some("page-7"), &request);
    let list = r#"officeguy::list_payments("marketplace", #{ Date_From: "2020-01-01", Date_To: "2100-01-01" }).data.Payments.len()"#;
    stage.run(&[format!("if {list} != 0 {{ throw \"paid too early\" }}"), page]);
    let show = stage.hub.cmd(&["--json", "runs"]);
    assert_eq!(show.code, 0, "{show:#?}");
    // The address is in the step's answer: the script of a second run gets it again by the same key.
    let asked = stage.wire.received();
    assert_eq!(asked.last().unwrap().path(), "/billing/payments/beginredirect/");
    let id = reference_of(&stage, "officeguy.begin_redirect");
    let path = format!("/x/a/redirectpayment/?redirectid={id}");
    let form = "application/x-www-form-urlencoded";
    let left = stage.post(&path, form, "action=cancel");
    assert!(
        left.to_lowercase()
            .contains("location: https://shop.example.test/left?og-externalidentifier=order-7"),
        "{left}"
    );
    let declined = stage.post(&path, form, "action=pay&token=tok-004");
    assert!(declined.starts_with("HTTP/1.1 200") && declined.contains("קוד 004"), "{declined}");
    let paid = stage.post(&path, form, "action=pay");
    let location = paid.lines().find(|line| line.to_lowercase().starts_with("location:")).unwrap_or(&paid);
    for part in [
        "https://shop.example.test/paid?order=7&OG-CustomerID=",
        "OG-PaymentID=",
        "OG-ExternalIdentifier=order-7",
    ] {
        assert!(location.contains(part), "{paid}");
    }
    let again = stage.post(&path, form, "action=pay");
    assert!(again.starts_with("HTTP/1.1 200") && again.contains("כבר התקבל"), "{again}");
    let call = until("the page to call back", 20, || told.received().first().cloned());
    assert_eq!(call.path(), "/ipn?order=7");
    assert!(call.text().starts_with("documentid=") && call.text().contains("customerid="), "{}", call.text());
    let steps = stage.run(&[
        "let paid = officeguy::list_payments(\"marketplace\", #{ Date_From: \"2020-01-01\", Date_To: \"2100-01-01\", Valid: true }); \
         if paid.data.Payments.len() != 1 { throw \"not paid once\" }"
    .to_owned()]);
    assert_eq!(steps.last().unwrap().1, "succeeded", "{steps:?}");
    stage.check_wire();
}

/// What the last run's step of an operation is known by.
fn reference_of(stage: &Stage, operation: &str) -> String {
    let runs = stage.hub.cmd(&["--json", "runs"]);
    for line in runs.stdout.lines() {
        let run: Value = serde_json::from_str(line).unwrap();
        let id = run["run"].as_str().unwrap().to_owned();
        let shown: Value = serde_json::from_str(&stage.hub.cmd(&["--json", "show", &id]).stdout).unwrap();
        let steps = shown["items"].as_array().into_iter().flatten();
        let mut steps = steps.flat_map(|item| item["steps"].as_array().cloned().unwrap_or_default());
        if let Some(step) = steps.find(|step| step["operation"] == operation) {
            return step["reference"].as_str().unwrap().to_owned();
        }
    }
    panic!("no step of {operation}: {runs:#?}");
}

#[test]
fn the_scripts_of_the_page_about_officeguy_run_as_they_stand() {
    let stage = Stage::set_up();
    let page = std::fs::read_to_string(gesher_tests::program::workspace().join("docs/officeguy.md")).unwrap();
    let scripts = gesher_tests::pages::blocks(&page, "rhai");
    assert!(scripts.len() >= 5, "{scripts:?}");
    let arguments = json!({
        "handle": "dana-pottery", "name": "קרמיקה של דנה", "email": "dana@example.test", "phone": "050-0000001",
        "number": "300000007", "id": "order-7", "amount": "118.00",
    });
    stage.hub.write("body.json", arguments.to_string());
    let body = stage.hub.path("body.json");
    for (at, script) in scripts.iter().enumerate() {
        stage.hub.write("scripts/calls.rhai", script);
        let checked = stage.hub.cmd(&["check"]);
        assert_eq!(checked.code, 0, "{script}\n{checked:#?}");
        let key = format!("page-{at}");
        let output = stage.hub.cmd(&["run", "calls", "--body", body.to_str().unwrap(), "--key", &key]);
        assert_eq!(output.code, 0, "{script}\n{output:#?}");
    }
    stage.check_wire();
}
