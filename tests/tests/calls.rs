//! Calls between flows and to the outside: hosts of a flow's own, what flows keep, flows that start one another, alerts, and
//! runs that only show what would happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::crash::points::CALL_POINTS;
use gesher_tests::files::files_with;
use gesher_tests::program::gesher_crash;
use gesher_tests::{Background, FakeProvider, Hub, Output, Received, Reply, charges_csv, nap, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What no byte of the hub may hold, but sealed.
const CANARY: &str = "CanarySecretQ7wZ2mN8xR4tV6bY1cD3fG5h";

/// A hub at the simulator with one more flow.
fn hub(name: &str, more: &str, script: &str) -> Hub {
    let hub = Hub::bulk("en", "simulator");
    add(&hub, name, more, script);
    hub
}

fn add(hub: &Hub, name: &str, more: &str, script: &str) {
    let mut text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    text.push_str(&format!("\n[flow.{name}]\nscript = \"scripts/{name}.rhai\"\n{more}\n"));
    hub.write("gesher.toml", text);
    hub.write(&format!("scripts/{name}.rhai"), script);
}

/// Host and port of a server, as `http` lists them.
fn listed(server: &FakeProvider) -> String {
    format!("http = [\"{}\"]", server.base_url().strip_prefix("http://").unwrap())
}

fn json_host(body: &str) -> Reply {
    Reply::http("200 OK", "application/json", body)
}

/// Calls a flow; the document of its run.
#[track_caller]
fn call(hub: &Hub, flow: &str, key: Option<&str>, args: &Value, code: i32) -> Value {
    called(hub, flow, key, args).expect(code).json()
}

fn called(hub: &Hub, flow: &str, key: Option<&str>, args: &Value) -> Output {
    let mut arguments = vec!["--json", "run", flow, "--body", "-"];
    arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
    hub.cmd_with(&arguments, &args.to_string())
}

/// The items of a run with their steps.
fn shown(hub: &Hub, run: &Value) -> Value {
    hub.cmd(&["--json", "show", run["run"].as_str().unwrap()]).json_lines().remove(0)
}

/// Everything that lies in a folder.
fn bytes_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => {
                all.insert(entry.path(), Vec::new());
                all.extend(bytes_of(&entry.path()));
            }
            false => drop(all.insert(entry.path(), std::fs::read(entry.path()).unwrap())),
        }
    }
    all
}

#[test]
fn a_flow_calls_its_hosts_with_secrets_that_nobody_sees() {
    let host = FakeProvider::start(|received: &Received, _| match received.method() {
        "GET" => json_host(&format!(r#"{{"price": 12.50, "echo": "{CANARY}", "card": "4111111111111111"}}"#)),
        _ => Reply::http("201 Created", "text/plain", "taken"),
    });
    let base = host.base_url();
    let script = format!(
        r#"fn on_call(args) {{
            let auth = #{{ Authorization: "Bearer " + secret("stock.token"),
                          "X-Basic": http::basic("dana", secret("stock.token")) }};
            let found = http::get("{base}/items/7?a=b", #{{ headers: auth, query: #{{ "שם": "כד 1" }} }});
            if found.status != 200 || found.json.price != 12.50 || found.body.contains("Canary") {{ throw found.body; }}
            log::info(`got ${{found.body}} with ${{auth}}`);
            let sold = http::post("{base}/sales", #{{ price: found.json.price, pin: secret("stock.token") }},
                                  #{{ headers: auth, key: "sale-7" }});
            if sold.status != 201 || sold.body != "taken" || sold.json != () {{ throw sold.body; }}
            try {{ http::get("https://example.org/"); }} catch (error) {{
                if error.code != "host_not_allowed" {{ throw error; }}
            }}
            try {{ http::post("{base}/x", #{{ a: secret("other") }}); }} catch (error) {{
                if error.code != "secret_not_allowed" {{ throw error; }}
            }}
        }}"#
    );
    let more = format!("{}\nsecrets = [{{ secret = \"stock.token\" }}]", listed(&host));
    let hub = hub("stock", &more, &script);
    assert!(hub.cmd(&["check"]).expect(0).words().contains("stock.token"), "the secret is not there yet");
    let before = call(&hub, "stock", Some("early"), &json!({}), 1);
    assert_eq!(
        (before["counts"]["rejected"].as_u64(), host.count()),
        (Some(1), 0),
        "without the secret nothing leaves"
    );
    hub.cmd_with(&["secrets", "set", "stock.token"], CANARY).expect(0);
    let run = call(&hub, "stock", Some("a"), &json!({}), 1);
    // The last calls were refused, and caught.
    assert_eq!(run["counts"], json!({ "incomplete": 1 }), "{:#}", shown(&hub, &run));
    let received = host.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].path(), "/items/7?a=b&%D7%A9%D7%9D=%D7%9B%D7%93%201");
    for request in &received {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
        assert!(request.header("x-basic").unwrap().starts_with("Basic ZGFuYTpD"));
    }
    assert_eq!(received[1].text(), format!(r#"{{"pin":"{CANARY}","price":12.50}}"#));
    let output = called(&hub, "stock", Some("b"), &json!({})).expect(1);
    assert!(!output.words().contains("Canary") && output.words().contains("[secret]"), "{output:#?}");
    assert_eq!(host.count(), 3, "the sale has a key, and is done once");
    for canary in [CANARY, "4111111111111111", "ZGFuYTpDYW5hcnlT"] {
        assert_eq!(files_with(hub.folder(), canary), Vec::<PathBuf>::new(), "{canary}");
    }
}

#[test]
fn answers_to_effects_are_judged_and_redirects_are_not_followed() {
    let host = FakeProvider::start(|received: &Received, _| {
        let status = received.path().trim_start_matches('/');
        let location = "Location: https://evil.example/\r\nSet-Cookie: a=b\r\n";
        let head = format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 9\r\nConnection: close\r\n\r\n");
        match status {
            "close" => Reply::Close,
            "huge" => Reply::http("200 OK", "text/plain", &"x".repeat((1 << 20) + 1)),
            "gzip" => Reply::Raw(
                [
                    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n".as_slice(),
                    b"\x1f\x8b\x08",
                ]
                .concat(),
            ),
            _ => Reply::Raw(format!("{head}{{\"a\": 1}}\n").into_bytes()),
        }
    });
    let base = host.base_url();
    let script = format!(
        r#"fn on_call(args) {{
            let url = "{base}/" + args.path;
            try {{
                let answer = if args.reads {{ http::get(url) }} else {{ http::post(url, "x") }};
                log::info(`answer ${{answer.status}} ${{answer.body == ()}} ${{answer.headers.contains("set-cookie")}}`);
            }} catch (error) {{
                log::info(`thrown ${{error.status}} ${{error.code}}`);
                if "answer" in error {{ log::info(`with ${{error.answer.json.a}}`); }}
            }}
        }}"#
    );
    let hub = hub("stock", &listed(&host), &script);
    for (path, reads, code, status, line) in [
        ("200", true, 0, "skipped", "answer 200 false false"),
        ("404", true, 0, "skipped", "answer 404 false false"),
        ("302", true, 0, "skipped", "answer 302 false false"),
        ("500", true, 0, "skipped", "answer 500 false false"),
        ("gzip", true, 0, "skipped", "answer 200 true false"),
        ("close", true, 0, "skipped", "thrown rejected closed_without_response"),
        ("huge", true, 0, "skipped", "thrown rejected too_large"),
        ("200", false, 0, "succeeded", "answer 200 false false"),
        ("422", false, 1, "rejected", "thrown rejected http_422"),
        ("307", false, 1, "rejected", "thrown rejected http_307"),
        ("302", false, 3, "unknown", ""),
        ("500", false, 3, "unknown", ""),
        ("close", false, 3, "unknown", ""),
        ("huge", false, 3, "unknown", ""),
    ] {
        let before = host.count();
        let output = called(&hub, "stock", None, &json!({ "path": path, "reads": reads }));
        assert_eq!(output.code, code, "{path} {reads}: {output:#?}");
        assert_eq!(output.json()["counts"], json!({ status: 1 }), "{path} {reads}");
        assert!(output.stderr.contains(line), "{path} {reads}: {output:#?}");
        assert_eq!(host.count(), before + 1, "{path} {reads}");
        assert_eq!(output.stderr.contains("with 1"), code == 1, "{path} {reads}: {output:#?}");
    }
    let open = hub.cmd(&["--json", "unknown", "list"]).expect(3).json_lines();
    assert_eq!(open.len(), 4);
    assert!(open.iter().all(|step| step["operation"] == "http.post"), "{open:#?}");
    let step = open[0]["step"].as_str().unwrap();
    hub.cmd(&["unknown", "resolve", step, "--charged", "asked", "--reason", "they have it"]).expect(0);
}

#[test]
fn what_may_not_be_listed_is_refused_by_check() {
    for (http, says) in [
        ("\"https://api.example.com\"", "api.example.com"),
        ("\"*.example.com\"", "no name of a host"),
        ("\"10.0.0.7\"", "private"),
        ("\"169.254.169.254\"", "metadata"),
        ("\"localhost\"", "port"),
        ("\"api.sumit.co.il\"", "provider"),
        ("\"ACME.senzey.com.\"", "provider"),
        ("\"2130706433\"", "usual form"),
    ] {
        let hub = hub("stock", &format!("http = [{http}]"), "fn on_call(args) { http::get(args.url) }");
        let output = hub.cmd(&["check"]).expect(2);
        assert!(
            output.words().contains(says) && output.words().contains("gesher.toml:"),
            "{http}: {output:#?}"
        );
    }
    let hub = hub("stock", "", "fn on_call(args) { http::get(\"https://api.example.com/\", #{ retry: 3 }) }");
    let run = call(&hub, "stock", None, &json!({}), 1);
    assert!(shown(&hub, &run).to_string().contains("retry"), "an option that is none");
}

#[test]
fn a_call_that_was_cut_off_is_unknown_and_never_made_again() {
    let host = FakeProvider::start(|_, _| Reply::After(Duration::from_secs(60), Box::new(json_host("{}"))));
    let base = host.base_url();
    let script = format!(
        r#"fn on_call(args) {{
            store::increment("begun");
            http::post("{base}/orders", #{{ order: 7 }}, #{{ key: "order-7", timeout: 90 }});
            store::increment("done");
        }}"#
    );
    let hub = hub("orders", &listed(&host), &script);
    add(&hub, "look", "", r#"fn on_call(args) { }"#);
    hub.write("body.json", "{}");
    let mut command = hub.command();
    command.args(["run", "orders", "--key", "k", "--body"]).arg(hub.path("body.json"));
    let mut running = Background::start(&mut command, hub.next_words_file());
    until("the host has the call", 20, || (host.count() == 1).then_some(()));
    running.kill9();
    // The same call again is the same run: it goes on, finds the intent, and sends nothing.
    let run = call(&hub, "orders", Some("k"), &json!({}), 3);
    assert_eq!((run["counts"].clone(), host.count()), (json!({ "unknown": 1 }), 1));
    let again = call(&hub, "orders", Some("k"), &json!({}), 3);
    assert_eq!(again["run"], run["run"]);
    // Another call with the same key of the operation finds it open.
    let other = called(&hub, "orders", Some("other"), &json!({}));
    assert_eq!((other.code, host.count()), (3, 1), "{other:#?}");
}

#[test]
fn what_a_flow_keeps_is_changed_once_over_crashes() {
    let host = FakeProvider::start(|_, before| match before {
        0 => Reply::After(Duration::from_secs(60), Box::new(json_host("{}"))),
        _ => json_host("{}"),
    });
    let base = host.base_url();
    let script = format!(
        r#"fn on_call(args) {{
            let n = store::increment("n");
            store::set("seen", #{{ n: n, sum: 12.50 }});
            if !store::update("seen", #{{ sum: 12.5, n: n }}, #{{ n: n + 1 }}) {{ throw "not as it was seen"; }}
            if store::update("seen", (), "x") {{ throw "something was there"; }}
            alert(`number ${{n}}`);
            http::get("{base}/");
            if store::get("n") != args.want {{ throw `n is ${{store::get("n")}}`; }}
            if store::list() != ["n", "seen"] || store::list("s") != ["seen"] {{ throw store::list(); }}
            if args.want == 2 {{ store::remove("seen"); if store::get("seen") != () {{ throw "it is there"; }} }}
        }}"#
    );
    let hub = hub("count", &listed(&host), &script);
    hub.write("body.json", r#"{"want": 1}"#);
    let mut command = hub.command();
    command.args(["run", "count", "--key", "one", "--body"]).arg(hub.path("body.json"));
    let mut running = Background::start(&mut command, hub.next_words_file());
    until("the host has the question", 20, || (host.count() == 1).then_some(()));
    running.kill9();
    let run = call(&hub, "count", Some("one"), &json!({ "want": 1 }), 0);
    assert_eq!(run["counts"], json!({ "skipped": 1 }), "{:#}", shown(&hub, &run));
    assert_eq!(call(&hub, "count", Some("two"), &json!({ "want": 2 }), 0)["counts"], json!({ "skipped": 1 }));
    let doctor = hub.cmd(&["doctor"]).words();
    assert!(doctor.contains("alerts"), "{doctor}");
}

#[test]
fn what_must_not_be_kept_is_not_written_down_by_its_refusal() {
    // The number comes to be in the script: whoever calls it with one is refused before.
    let script = r#"fn on_call(args) {
        let card = "41111111" + "11111111";
        let refused = 0;
        try { store::set(card, 1); } catch (error) { if error.code == "secret" { refused += 1; } }
        try { store::set("last", card); } catch (error) { if error.code == "secret" { refused += 1; } }
        try { store::get(card); } catch (error) { if error.code == "secret" { refused += 1; } }
        try { store::list(card); } catch (error) { if error.code == "secret" { refused += 1; } }
        try { flow::start("child", card, #{}); } catch (error) { if error.code == "secret" { refused += 1; } }
        log::info(`refused ${refused}`);
    }"#;
    let hub = hub("keeps", "", script);
    add(&hub, "child", "", "fn on_call(args) { 1 }");
    let output = called(&hub, "keeps", Some("a"), &json!({}));
    assert!(output.words().contains("refused 5"), "{output:#?}");
    for (path, bytes) in bytes_of(&hub.path("data")) {
        assert!(!bytes.windows(16).any(|window| window == b"4111111111111111"), "{}", path.display());
    }
}

const PARENT: &str = r#"fn on_call(args) {
    let started = flow::start("child", args.child, #{ n: args.n });
    log::info(`child ${started.run} ${started.replayed}`);
}"#;

#[test]
fn wherever_the_hub_dies_around_what_a_flow_keeps_or_starts_it_happens_once() {
    for point in CALL_POINTS {
        let script = r#"fn on_call(args) {
            if args.looks { log::info(`kept ${store::get("n")}`); return; }
            store::increment("n");
            flow::start("child", "k-1", #{ of: "parent" });
        }"#;
        let mut hub = hub("parent", "", script);
        add(&hub, "child", "", r#"fn on_call(args) { store::increment("children"); }"#);
        hub.use_program(gesher_crash(), &[("GESHER_FAILPOINT", point)]);
        let died = called(&hub, "parent", Some("p-1"), &json!({ "looks": false }));
        assert_ne!(died.code, 0, "{point}: {died:?}");
        hub.use_program(gesher_crash(), &[("GESHER_FAILPOINT", "")]);
        let serving = hub.serve();
        for flow in ["parent", "child"] {
            until(&format!("the end of {flow}"), 60, || {
                let runs = hub.cmd(&["--json", "runs", "--flow", flow]).json_lines();
                (runs.len() == 1 && runs[0]["state"] == "finished").then_some(())
            });
        }
        serving.stop();
        let look = called(&hub, "parent", Some("look"), &json!({ "looks": true })).expect(0);
        assert!(look.stderr.contains("kept 1"), "{point}: {look:?}");
        let children = hub.cmd(&["--json", "runs", "--flow", "child"]).expect(0).json_lines();
        assert_eq!(children.len(), 1, "{point}: {children:?}");
    }
}

#[test]
fn one_flow_starts_another_once_per_key() {
    let hub = hub("parent", "", PARENT);
    add(
        &hub,
        "child",
        "",
        r#"fn on_call(args) { log::info(`child number ${store::increment("n")} of ${args.n}`); }"#,
    );
    hub.cmd(&["check"]).expect(0);
    let first = called(&hub, "parent", Some("a"), &json!({ "child": "k", "n": 1 })).expect(0);
    assert!(first.stderr.contains("child number 1 of 1") && first.stderr.contains(" false"), "{first:#?}");
    assert_eq!(first.json()["counts"], json!({ "succeeded": 1 }));
    let again = called(&hub, "parent", Some("b"), &json!({ "child": "k", "n": 1 })).expect(0);
    assert!(!again.stderr.contains("child number") && again.stderr.contains(" true"), "{again:#?}");
    let other = called(&hub, "parent", Some("c"), &json!({ "child": "k", "n": 2 })).expect(1);
    assert!(
        other.stderr.contains("key_reused") || shown(&hub, &other.json()).to_string().contains("key_reused")
    );
    // A person's call is the same call.
    let person = called(&hub, "child", Some("k"), &json!({ "n": 1 })).expect(0);
    assert!(!person.stderr.contains("child number"), "{person:#?}");
    called(&hub, "child", Some("k"), &json!({ "n": 2 })).expect(2);
    // Without a key each item starts its own.
    called(&hub, "parent", Some("d"), &json!({ "child": null, "n": 3 })).expect(0);
    let serving = hub.serve();
    called(&hub, "parent", Some("e"), &json!({ "child": "served", "n": 4 })).expect(0);
    until("the hub works on it", 20, || {
        let runs = hub.cmd(&["--json", "runs", "--flow", "child"]).json_lines();
        let served = runs.iter().find(|run| run["name"] == "served")?;
        (served["state"] == "finished").then_some(())
    });
    assert_eq!(serving.stop().code, 0);
    let runs = hub.cmd(&["--json", "runs", "--flow", "child"]).json_lines();
    assert_eq!(runs.len(), 3, "{runs:#?}");
}

#[test]
fn flows_that_cannot_be_started_are_told_before_anything_runs_and_circles_end() {
    let hub = hub("parent", "", r#"fn on_call(args) { flow::start("chidl", "k", #{}); }"#);
    add(&hub, "child", "", r#"fn on_call(args) { flow::start("child", args.n, #{ n: args.n + 1 }); }"#);
    let output = hub.cmd(&["check"]).expect(2);
    assert!(
        output.words().contains("did you mean child") && output.words().contains("parent.rhai:1:"),
        "{output:#?}"
    );
    hub.write("scripts/parent.rhai", r#"fn on_call(args) { flow::start("bulk-charge", "k", #{}); }"#);
    let output = hub.cmd(&["check"]).expect(2);
    assert!(output.words().contains("on_call"), "{output:#?}");
    hub.write("scripts/parent.rhai", r#"fn on_call(args) { flow::start(args.name, (), #{}); }"#);
    let output = hub.cmd(&["check"]).expect(0);
    assert!(output.words().contains("circle"), "the child starts itself: {output:#?}");
    called(&hub, "child", Some("begin"), &json!({ "n": 1 })).expect(0);
    let runs = hub.cmd(&["--json", "runs", "--flow", "child"]).json_lines();
    assert_eq!(runs.len(), 9, "eight were started, and the ninth was refused");
    let refused = called(&hub, "parent", Some("x"), &json!({ "name": "nobody" })).expect(1);
    assert!(shown(&hub, &refused.json()).to_string().contains("unknown_flow"), "{refused:#?}");
}

#[test]
fn an_alert_is_delivered_signed_and_also_after_a_restart() {
    let person = FakeProvider::start(|_, before| match before {
        0 => Reply::http("503 Busy", "text/plain", "later"),
        _ => Reply::http("204 No Content", "text/plain", ""),
    });
    let hub = hub(
        "look",
        "",
        &format!(r#"fn on_call(args) {{ alert("look at {CANARY} and 4111111111111111"); }}"#)
            .replace(CANARY, "this"),
    );
    hub.set("alerts", "url", &format!("\"{}/gesher\"", person.base_url()));
    hub.set("alerts", "secret", "{ secret = \"alerts.key\" }");
    hub.cmd_with(&["secrets", "set", "alerts.key"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect(0);
    hub.cmd(&["check"]).expect(2);
    hub.write("scripts/look.rhai", r#"fn on_call(args) { alert("look at " + args.what); }"#);
    hub.cmd(&["check"]).expect(0);
    called(&hub, "look", Some("a"), &json!({ "what": "this" })).expect(0);
    assert_eq!(person.count(), 1, "tried once, and refused");
    let serving = hub.serve();
    until("the alert is delivered", 30, || (person.count() == 2).then_some(()));
    nap(1_500);
    assert_eq!(serving.stop().code, 0);
    let received = person.received();
    assert_eq!(received.len(), 2, "once it is taken it does not come again");
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert!(received[1].header("webhook-signature").unwrap().starts_with("v1,"));
    let body = received[1].json();
    assert_eq!(
        (body["text"].as_str(), body["flow"].as_str(), body["kind"].as_str()),
        (Some("look at this"), Some("look"), Some("script"))
    );
}

#[test]
fn a_call_with_a_key_is_one_run_for_ever() {
    let hub = hub("count", "", r#"fn on_call(args) { log::info(`number ${store::increment("n")}`); }"#);
    let first = called(&hub, "count", Some("k"), &json!({ "a": 1, "b": 2 })).expect(0);
    assert!(first.stderr.contains("number 1"));
    let again = hub
        .cmd_with(&["--json", "run", "count", "--key", " k ", "--body", "-"], r#"{"b":2,"a":1}"#)
        .expect(0);
    assert_eq!(again.json()["run"], first.json()["run"]);
    assert!(!again.stderr.contains("number"), "{again:#?}");
    let other = called(&hub, "count", Some("k"), &json!({ "a": 2 })).expect(2);
    assert!(other.words().contains("key_reused"), "{other:#?}");
    let serving = hub.serve();
    let handed = called(&hub, "count", Some("k"), &json!({ "a": 1, "b": 2 })).expect(0);
    assert_eq!(handed.json()["run"], first.json()["run"]);
    assert!(called(&hub, "count", Some("k"), &json!({ "a": 2 })).expect(2).words().contains("key_reused"));
    serving.stop();
    for (body, place) in [("{\n  \"a\": 1,\n}", "-:3:1"), ("", "-:1:0"), ("{\"a\": tru}", "-:1:1")] {
        let output = hub.cmd_with(&["run", "count", "--body", "-"], body).expect(2);
        assert!(output.words().contains(place) && output.words().contains("JSON"), "{place}: {output:#?}");
    }
    hub.cmd_with(&["run", "count", "--body", "-"], &format!("\"{}\"", "x".repeat(1 << 20))).expect(2);
}

#[test]
fn a_dry_run_says_what_would_be_charged_and_leaves_every_byte_as_it_is() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let script = r#"fn on_row(row) {
        store::increment("rows");
        officeguy::charge(row.vendor, row.order_id, #{
            Customer: #{ ExternalIdentifier: row.order_id, Name: "Dana Levi", SearchMode: "ExternalIdentifier" },
            PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: 12, CreditCard_ExpirationYear: 2030,
                              Type: "CreditCard" },
            Items: [ #{ Item: #{ Name: "Order" }, Quantity: 1, UnitPrice: decimal(row.amount) } ],
            VATIncluded: true,
        });
    }"#;
    hub.write("scripts/charge.rhai", script);
    for (name, id) in [("dana", "2410000222"), ("noa", "2410000333")] {
        hub.cmd_with(&["vendors", "set-keys", name, "--company-id", id], "key-of-the-vendor").expect(0);
    }
    let token = |of: u32| format!("aaaaaaaa-bbbb-4ccc-8ddd-{of:012}");
    let csv = |rows: &[(u32, &str, &str)]| {
        let lines = rows
            .iter()
            .map(|(order, vendor, amount)| format!("{order},{vendor},{},{amount}\n", token(*order)));
        format!("order_id,vendor,token,amount\n{}", lines.collect::<String>())
    };
    let march = csv(&[(1, "dana", "10.00"), (2, "dana", "20.00"), (3, "noa", "5.50")]);
    let dry = |name: &str, bytes: &str| {
        let path = hub.scratch().join(name);
        std::fs::write(&path, bytes).unwrap();
        let before = bytes_of(hub.folder());
        let output =
            hub.cmd(&["--json", "run", "bulk-charge", "--dry-run", "--file", path.to_str().unwrap()]);
        let after = bytes_of(hub.folder());
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        assert!(before == after, "some byte of the hub changed");
        output
    };
    let first = dry("march.csv", &march).expect(0).json();
    assert_eq!(provider.count(), 0);
    assert_eq!(first["counts"], json!({ "succeeded": 3 }), "{first:#}");
    assert_eq!(first["charged"]["totals"], json!({ "ILS": "35.50" }));
    let vendors = first["charged"]["vendors"].as_array().unwrap();
    assert_eq!(vendors[0]["vendor"], "dana");
    assert_eq!(
        (vendors[0]["count"].as_u64(), vendors[0]["totals"].clone()),
        (Some(2), json!({ "ILS": "30.00" }))
    );
    assert_eq!(first["last_run"], Value::Null);

    let (real, done) = hub.run_file("march.csv", &march);
    assert_eq!((real.code, done.unwrap().count("succeeded"), provider.charges()), (0, 3, 3));
    // What is spent in the hub is spent in the dry run, and the difference is to what was really charged.
    let april =
        csv(&[(3, "noa", "5.50"), (4, "dana", "7.00"), (5, "marketplace", "1.00"), (6, "nobody", "1.00")]);
    let second = dry("april.csv", &april).expect(1).json();
    assert_eq!(provider.count(), 3);
    assert_eq!(second["counts"], json!({ "succeeded": 2, "rejected": 1, "duplicate": 1 }), "{second:#}");
    let last = &second["last_run"];
    assert_eq!((last["count"].as_u64(), last["difference"]["count"].as_i64()), (Some(3), Some(-1)));
    assert_eq!(last["difference"]["totals"], json!({ "ILS": "-27.50" }));
    assert_eq!(
        (last["vendors_new"].clone(), last["vendors_missing"].clone()),
        (json!(["marketplace"]), json!(["noa"]))
    );
    assert!(dry("again.csv", &march).expect(0).json()["done_before"].is_string());
    // Beside a hub that serves, too; what the script keeps stays in the world apart.
    let serving = hub.serve();
    let path = hub.scratch().join("april.csv");
    let beside = hub.cmd(&["run", "bulk-charge", "--dry-run", "--file", path.to_str().unwrap()]).expect(1);
    assert!(
        beside.stdout.contains("would be charged for") && beside.stdout.contains("missing vendors: noa"),
        "{beside:#?}"
    );
    serving.stop();
    assert_eq!(provider.count(), 3);
}

#[test]
fn a_run_that_asks_for_people_without_end_is_cut_short() {
    let hub = hub("noisy", "", "fn on_call(args) { for n in 0..105 { alert(`number ${n}.`); } }");
    let output = hub.cmd_with(&["--json", "run", "noisy", "--dry-run", "--body", "-"], "{}");
    let told = output.expect(0).json();
    let alerts: Vec<&str> =
        told["alerts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(alerts.len(), 101, "{told:#}");
    let last = alerts.iter().find(|text| text.starts_with("number 100.")).unwrap();
    assert!(last.contains("asks for more, which is not sent"), "{last}");
}

#[test]
fn a_dry_run_that_is_stopped_leaves_no_copy_of_the_journal_behind() {
    let hub = Hub::bulk("en", "simulator");
    hub.set("officeguy", "rate", "\"10/s\"");
    let temporary = hub.scratch().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let path = hub.scratch().join("march.csv");
    std::fs::write(&path, charges_csv(1, 300)).unwrap();
    let copies = || {
        let entries = std::fs::read_dir(&temporary).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("gesher-dry-run-")).count()
    };
    let args = ["run", "bulk-charge", "--dry-run", "--file", path.to_str().unwrap()];
    let mut dry =
        Background::start(hub.command().env("TMPDIR", &temporary).args(args), hub.next_words_file());
    until("the copy", 30, || (copies() == 1).then_some(()));
    dry.sigterm();
    assert_eq!(dry.wait_exit().code, 5, "{}", dry.words());
    assert!(dry.words().contains("stopped before its end"), "{}", dry.words());
    assert_eq!(copies(), 0);
}

#[test]
fn a_dry_run_of_a_call_makes_no_call_and_says_what_it_cannot_know() {
    let host = FakeProvider::start(|_, _| json_host("{}"));
    let base = host.base_url();
    let script = format!(
        r#"fn on_call(args) {{
            try {{ officeguy::get_payment("marketplace", #{{ PaymentID: 9000000001 }}); }} catch {{ }}
            alert("look");
            flow::start("child", "k", #{{}});
            http::post("{base}/", #{{}});
        }}"#
    );
    let hub = hub("parent", &format!("allow = [\"officeguy.get_payment\"]\n{}", listed(&host)), &script);
    add(&hub, "child", "", r#"fn on_call(args) { store::set("a", 1); }"#);
    let output = hub.cmd_with(&["--json", "run", "parent", "--dry-run", "--body", "-"], "{}");
    let told = output.expect(1).json();
    assert_eq!((host.count(), told["not_made"].clone()), (0, json!({ "http.post": 1 })), "{told:#}");
    assert_eq!(told["simulated_reads"], json!({ "officeguy.get_payment": 1 }));
    assert_eq!((told["started_runs"].as_u64(), told["alerts"].clone()), (Some(1), json!(["look"])));
    assert!(!hub.path("data/gesher.db").exists(), "a hub that never ran has no journal after it either");
    let notes = told["notes"].to_string();
    assert!(notes.contains("not answered truthfully") && notes.contains("were not made"), "{notes}");
}

#[test]
fn script_tests_mock_hosts_stores_flows_and_alerts() {
    let hub = hub(
        "stock",
        "http = [\"api.example.com\"]",
        r#"fn on_call(args) {
            let found = http::get("https://api.example.com/items/7");
            if found.status == 404 { throw #{ code: "no_item", message: "none" }; }
            http::post("https://api.example.com/sales", #{ price: found.json.price }, #{ key: "s-7" });
            let n = store::increment("sales");
            let started = flow::start("bulk-charge", "k", #{ n: n });
            if started.replayed { alert("again"); }
            n
        }"#,
    );
    hub.write(
        "scripts/stock.test.rhai",
        r#"fn test_a_sale() {
            mock("http.get", |who, key, request| #{ json: #{ price: 12.50 } });
            mock("http.post", |who, key, request| {
                assert_eq(key, "s-7"); assert_eq(request.json.price, 12.50); #{ status: 201 }
            });
            let end = run_call(#{});
            assert_eq(end.status, "succeeded");
            assert_eq(end.value, 1);
            assert_eq(run_call(#{}).value, ());
            assert_eq(calls("flow.start").len(), 1);
            assert_eq(calls("flow.start")[0].request.n, 1);
            assert_eq(calls("http.post")[0].request.url, "https://api.example.com/sales");
        }
        fn test_alerts() {
            mock("http.get", |who, key, request| #{ json: #{ price: 1.00 } });
            mock("http.post", |who, key, request| #{ status: 200 });
            mock("flow.start", |who, key, request| #{ });
            run_call(#{});
            assert_eq(calls("alert").len(), 0);
        }
        fn test_answers() {
            mock("http.get", |who, key, request| #{ status: 404 });
            assert_eq(run_call(#{}).code, "no_item");
            mock("http.get", |who, key, request| #{ json: #{ price: 1 } });
            mock("http.post", |who, key, request| #{ status: 422, body: "no" });
            assert_eq(run_call(#{}).code, "http_422");
            mock("http.post", |who, key, request| #{ status: 500 });
            assert_eq(run_call(#{}).status, "unknown");
            mock("http.post", |who, key, request| #{ outcome: "not_sent" });
            assert_eq(run_call(#{}).status, "not_sent");
        }"#,
    );
    let output = hub.cmd(&["test"]);
    assert_eq!(output.code, 0, "{output:#?}");
}
