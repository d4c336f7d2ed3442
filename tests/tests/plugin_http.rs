//! HTTP that plugins send through the hub: to the hosts that they are granted, once, and with an honest outcome whatever
//! becomes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::libraries::{self, Library};
use gesher_tests::serve::free_port;
use gesher_tests::{FakeProvider, Hub, Received, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const SCRIPT: &str = r#"
fn on_call(args) {
    try {
        let done = if args.reads { feed::get_entry(#{ id: args.id }) }
            else { feed::add_entry(args.id, #{ text: args.text, seconds: 5 }) };
        log::info(`done ${done.status} ${done.data}`);
    } catch (error) {
        log::info(`thrown ${error.code}: ${error.message}`);
        throw error;
    }
}
"#;

fn feed() -> Library {
    libraries::cargo(&["-p", "gesher-plugin", "--example", "feed"], "examples/libfeed.so")
}

/// The host and port of a server, as `allow` names them.
fn host(server: &FakeProvider) -> &str {
    server.base_url().strip_prefix("http://").unwrap()
}

fn hub(url: &str, hosts: &[&str], more: &str) -> Hub {
    let hub = Hub::bulk("en", "simulator");
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"http:{host}\"")).collect();
    let flow =
        "\n[flow.calls]\nscript = \"scripts/calls.rhai\"\nallow = [\"feed.*\"]\non_unknown = \"continue\"\n";
    let allow = format!("allow = [\"secret:feed.url\", {}]\n{more}", hosts.join(", "));
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", format!("{text}{flow}{}", feed().configured("feed", &allow)));
    hub.write("scripts/calls.rhai", SCRIPT);
    hub.cmd_with(&["secrets", "set", "feed.url"], url).expect(0);
    hub
}

/// Calls the flow: the exit code, and all that was said of it.
fn call(hub: &Hub, args: &Value) -> (i32, String) {
    let output = hub.cmd_with(&["run", "calls", "--body", "-"], &args.to_string());
    (output.code, output.words())
}

fn add(id: &str) -> Value {
    json!({ "reads": false, "id": id, "text": "Shalom" })
}

fn server() -> FakeProvider {
    FakeProvider::start(|received: &Received, _| {
        match (received.method(), received.path()) {
        ("POST", _) if received.text().contains("lost") => Reply::Close,
        ("POST", _) if received.text().contains("slow") => {
            Reply::After(Duration::from_secs(20), Box::new(Reply::Json("{}".to_owned())))
        }
        ("POST", _) if received.text().contains("refused") => Reply::http("422 No", "text/plain", "no"),
        ("POST", _) => Reply::http("201 Created", "application/json", r#"{"id": "8"}"#),
        (_, "/entries/huge") => Reply::http("200 OK", "text/plain", &"x".repeat((1 << 20) + 1)),
        (_, "/entries/away") => Reply::Raw(
            b"HTTP/1.1 302 X\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        _ => Reply::Json(r#"{"text": "Shalom", "price": 12.50}"#.to_owned()),
    }
    })
}

#[test]
fn a_plugin_reads_and_writes_at_a_host_that_it_is_granted() {
    for isolation in ["process", "in-process"] {
        let server = server();
        let hub = hub(server.base_url(), &[host(&server)], &format!("isolation = \"{isolation}\"\n"));
        hub.cmd(&["check"]).expect(0);
        let (code, said) = call(&hub, &json!({ "reads": true, "id": "7" }));
        assert!(code == 0 && said.contains("Shalom") && said.contains("12.50"), "{code} {said}");
        let (code, said) = call(&hub, &add("8"));
        assert!(code == 0 && said.contains("done succeeded"), "{code} {said}");
        let received = server.received();
        assert_eq!(received.len(), 2);
        assert_eq!(received[1].json(), json!({ "text": "Shalom" }));
        assert!(received[1].header("x-reference").is_some_and(|reference| !reference.is_empty()));
        // The key is spent: nothing is sent again.
        let (code, said) = call(&hub, &add("8"));
        assert!(code == 0 && server.count() == 2, "{code} {said}");
        assert!(!said.contains(server.base_url()), "the address is a secret: {said}");
    }
}

#[test]
fn whether_a_byte_may_have_left_decides_what_became_of_an_effect() {
    let server = server();
    let hub = hub(server.base_url(), &[host(&server)], "timeout = \"20s\"\n");
    for (text, code, want) in [
        ("refused", 1, "thrown http_422"),
        ("lost", 3, "closed without an answer"),
        ("slow", 3, "no whole answer came in time"),
    ] {
        let before = server.count();
        let (found, said) = call(&hub, &json!({ "reads": false, "id": text, "text": text }));
        let run = hub.cmd(&["--json", "runs", "--limit", "1"]).json_lines().remove(0);
        let shown = hub.cmd(&["show", run["run"].as_str().unwrap()]).words();
        assert!(found == code && format!("{said}{shown}").contains(want), "{text}: {found} {said}{shown}");
        assert_eq!(server.count(), before + 1, "{text}");
        let open = hub.cmd(&["unknown", "list"]).words();
        assert_eq!(open.contains("feed.add_entry"), code == 3, "{text}: {open}");
    }
    // Nobody listens there, so nothing left, and the key is free.
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let hub = self::hub(&nobody, &[nobody.trim_start_matches("http://")], "");
    let (code, said) = call(&hub, &add("9"));
    assert!(code == 1 && said.contains("thrown refused") && said.contains("was not sent"), "{code} {said}");
    let shown = hub.cmd(&["--json", "runs", "--limit", "1"]).json_lines().remove(0);
    assert_eq!(shown["counts"], json!({ "not_sent": 1 }), "{shown}");
}

#[test]
fn what_a_plugin_may_not_reach_is_refused_and_says_what_to_add() {
    let server = server();
    let hub = hub(server.base_url(), &["api.example.com"], "");
    let entry = format!("http:{}", host(&server));
    for reads in [true, false] {
        let (code, said) = call(&hub, &json!({ "reads": reads, "id": "7", "text": "x" }));
        assert!(code == 1 && said.contains("plugin_not_allowed") && said.contains(&entry), "{code} {said}");
    }
    assert_eq!(server.count(), 0);
    // A redirect is not followed, and a plugin that follows it itself is asked for leave.
    let hub = self::hub(server.base_url(), &[host(&server)], "");
    let (code, said) = call(&hub, &json!({ "reads": true, "id": "away" }));
    assert!(code == 1 && said.contains("http:evil.example"), "{code} {said}");
    let (code, said) = call(&hub, &json!({ "reads": true, "id": "huge" }));
    assert!(code == 1 && said.contains("too large"), "{code} {said}");
    assert_eq!(server.count(), 2);
    for (url, want) in [
        ("https://10.0.0.7", "private"),
        ("https://169.254.169.254", "metadata"),
        ("http://api.example.com", "https://"),
        ("https://user@api.example.com", "user name"),
        ("https://2130706433", "usual form"),
        ("https://localhost.", "http:localhost:443"),
    ] {
        hub.cmd_with(&["secrets", "set", "feed.url"], url).expect(0);
        let (code, said) = call(&hub, &json!({ "reads": true, "id": "7" }));
        assert!(code == 1 && said.contains(want), "{url}: {code} {said}");
    }
    assert_eq!(server.count(), 2);
}

#[test]
fn hosts_mean_the_same_in_allow_as_in_the_http_of_a_flow() {
    for (host, says) in [
        ("10.0.0.7", "private"),
        ("localhost", "port"),
        ("*.example.com", "no name of a host"),
        ("api.sumit.co.il", "provider"),
        ("2130706433", "usual form"),
        ("api.example.com:99999", "port"),
    ] {
        let hub = hub("https://api.example.com", &[host], "");
        let output = hub.cmd(&["check"]).expect(2);
        assert!(
            output.words().contains(says) && output.words().contains("gesher.toml:"),
            "{host}: {output:#?}"
        );
    }
    let hub =
        hub("https://api.example.com", &["api.example.com", "API.example.com:8443", "[2a00:1450::1]"], "");
    hub.cmd(&["check"]).expect(0);
}
