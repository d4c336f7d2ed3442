//! Webhooks, as senders and strangers see them: over plain sockets, with the real program, also when it dies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use gesher_tests::hooks::{
    Answer, WHSEC, base64, code, connect, deliver, hex, named_by, now, read_answer, request, send, standard,
    standard_by,
};
use gesher_tests::serve::free_port;
use gesher_tests::{FakeProvider, Hub, Reply, nap, until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// A word that must stand in nothing that the hub writes.
const CANARY: &str = "TokenCanary7wZ2mN8xR4tV6";

/// A script that answers what it got.
const ECHO: &str = "fn on_webhook(request) { request }\n";

/// A script that charges what a delivery says.
const CHARGE: &str = r#"fn on_webhook(request) {
    let order = request.json.order;
    officeguy::charge("marketplace", order, #{
        Customer: #{ ExternalIdentifier: order, Name: "Dana", SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: "aaaaaaaa-bbbb-4ccc-8ddd-000000000001", CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: "Order " + order }, Quantity: 1, UnitPrice: decimal("12.50") } ],
        VATIncluded: true,
    });
    #{ order: order, thanks: "תודה" }
}
"#;

/// A hub with webhooks: the name of the flow, its settings, its script, and what it may call.
struct Hooked<'a> {
    flow: &'a str,
    settings: &'a [(&'a str, &'a str)],
    script: &'a str,
    allow: &'a str,
}

const ONE_SECRET: (&str, &str) = ("secrets", "[{ secret = \"hooks.shop\" }]");

fn add(hub: &Hub, hooked: &Hooked<'_>) {
    let table = format!("flow.{}", hooked.flow);
    let script = format!("scripts/{}.rhai", hooked.flow);
    hub.write(&script, hooked.script);
    hub.set(&table, "script", &format!("{script:?}"));
    hub.set(&table, "allow", &format!("[{}]", hooked.allow));
    let hook = format!("{table}.webhook");
    hub.set(&hook, "path", &format!("\"/hooks/{}\"", hooked.flow));
    for (name, value) in hooked.settings {
        hub.set(&hook, name, value);
    }
}

/// A hub with one webhook by Standard Webhooks, `/hooks/orders`, whose script charges at `base_url`.
fn orders(base_url: &str, more: &[(&str, &str)]) -> Hub {
    let mut hub = Hub::bulk("en", base_url);
    hub.set_environment("GESHER_SECRET_HOOKS_SHOP", WHSEC);
    let settings = [&[("verify", "\"standard-webhooks\""), ONE_SECRET], more].concat();
    let hooked =
        Hooked { flow: "orders", settings: &settings, script: CHARGE, allow: "\"officeguy.charge\"" };
    add(&hub, &hooked);
    hub
}

fn order(number: u32) -> String {
    format!(r#"{{"order":"order-{number}","note":"הזמנה {number}"}}"#)
}

#[track_caller]
fn deliver_order(hub: &Hub, number: u32) -> Answer {
    let body = order(number);
    deliver(hub, "/hooks/orders", &standard(&format!("msg_{number}"), now(), body.as_bytes()), body)
}

/// The run's item, once the run is over.
#[track_caller]
fn ended(hub: &Hub, run: &str) -> Value {
    let shown = until("the run's end", 60, || {
        let shown = hub.cmd(&["--json", "show", run]);
        assert!(shown.code < 5, "{shown:?}");
        let shown = shown.json();
        (shown["state"] == "finished").then_some(shown)
    });
    shown["items"][0].clone()
}

/// A hub with a webhook of each scheme, whose scripts answer what they got.
fn each_scheme() -> Hub {
    let mut hub = Hub::bulk("en", "simulator");
    for (name, value) in [
        ("STANDARD", WHSEC),
        ("LETTERS", "whsec_letters-of-stripe"),
        ("SHOP", "s3cret-of-the-shop"),
        ("WORD", CANARY),
        ("USER", "shop:p4ss:word"),
    ] {
        hub.set_environment(&format!("GESHER_SECRET_HOOKS_{name}"), value);
    }
    let secret = |name: &str| format!("[{{ secret = \"hooks.{name}\" }}]");
    let schemes = [
        ("standard", "\"standard-webhooks\"", secret("standard"), ""),
        ("github", "\"github\"", secret("shop"), ""),
        ("stripe", "\"stripe\"", secret("letters"), ""),
        ("own", "\"hmac\"", secret("shop"), "X-Shop-Signature"),
        ("word", "\"token\"", secret("word"), ""),
        ("bearer", "\"token\"", secret("word"), "Authorization"),
        ("user", "\"basic\"", secret("user"), ""),
        ("anybody", "\"none\"", String::new(), ""),
    ];
    for (flow, verify, secrets, header) in &schemes {
        let header = format!("{header:?}");
        let mut settings = vec![("verify", *verify), ("reply", "\"sync\"")];
        settings.extend((!secrets.is_empty()).then_some(("secrets", secrets.as_str())));
        settings.extend((header.len() > 2).then_some(("header", header.as_str())));
        match *flow {
            "own" => {
                settings.extend([("encoding", "\"base64\""), ("prefix", "\"v1=\""), ("id", "\"json:/id\"")])
            }
            "bearer" => settings.push(("prefix", "\"Bearer \"")),
            _ => {}
        }
        add(&hub, &Hooked { flow, settings: &settings, script: ECHO, allow: "" });
    }
    hub
}

const BODY: &str = r#"{"id":"evt-7","note":"שלום, הזמנה 7"}"#;
const OTHER: &str = r#"{"id":"evt-8","note":"שלום, הזמנה 8"}"#;

fn stripe(body: &[u8], at: i64) -> Vec<String> {
    let signed = [format!("{at}.").as_bytes(), body].concat();
    vec![format!("Stripe-Signature: t={at},v1={}", hex(&code(b"whsec_letters-of-stripe", &signed)))]
}

fn github(body: &[u8]) -> Vec<String> {
    vec![format!("X-Hub-Signature-256: sha256={}", hex(&code(b"s3cret-of-the-shop", body)))]
}

fn own(body: &[u8]) -> Vec<String> {
    vec![format!("X-Shop-Signature: v1={}", base64(&code(b"s3cret-of-the-shop", body)))]
}

fn basic(word: &str) -> Vec<String> {
    vec![format!("Authorization: Basic {}", base64(word.as_bytes()))]
}

/// What a hub that was stopped said and kept has no secret in it.
fn keeps_no_secret(hub: &Hub, words: &str) {
    for secret in [CANARY, "p4ss:word", "s3cret-of-the-shop"] {
        assert!(!words.contains(secret), "a secret is in the log: {words}");
        let kept = std::fs::read(hub.path("data/gesher.db")).unwrap();
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} was kept");
    }
}

#[test]
fn each_scheme_takes_what_is_proved() {
    let (hub, body) = (each_scheme(), BODY.as_bytes());
    let serving = hub.serve();
    let good: Vec<(&str, String, Vec<String>, String)> = vec![
        ("standard", String::new(), standard("msg_1", now(), body), "msg_1".into()),
        ("github", String::new(), github(body), named_by(body)),
        ("stripe", String::new(), stripe(body, now()), "evt-7".into()),
        ("own", String::new(), own(body), "evt-7".into()),
        ("word", format!("/{CANARY}"), vec![], named_by(body)),
        ("bearer", String::new(), vec![format!("Authorization: Bearer {CANARY}")], named_by(body)),
        ("user", String::new(), basic("shop:p4ss:word"), named_by(body)),
        ("anybody", String::new(), vec![], named_by(body)),
    ];
    for (flow, rest, headers, id) in &good {
        let path = format!("/hooks/{flow}{rest}");
        let answer = deliver(&hub, &path, headers, body).expect(200);
        let got = answer.json();
        assert_eq!((&got["id"], &got["json"]["note"]), (&json!(id), &json!("שלום, הזמנה 7")), "{flow}");
        assert_eq!(got["path"], format!("/hooks/{flow}"));
        assert!(answer.head.contains("gesher-status: skipped"), "{answer:?}");
        // The same again has the same answer, of the same run.
        let again = deliver(&hub, &path, headers, body).expect(200);
        assert_eq!((again.body, again.head.contains("gesher-run")), (answer.body, true), "{flow}");
    }
    let query =
        deliver(&hub, &format!("/hooks/word?a=1&token={CANARY}"), &[], OTHER.as_bytes()).expect(200).json();
    assert_eq!(query["query"], json!({"a": "1"}));
    let runs = hub.cmd(&["--json", "runs", "--limit", "100"]).expect(0).json_lines();
    assert_eq!(runs.len(), good.len() + 1, "{runs:#?}");
    keeps_no_secret(&hub, &serving.stop().words());
}

#[test]
fn no_scheme_takes_what_is_not_proved() {
    let (hub, body, other) = (each_scheme(), BODY.as_bytes(), OTHER.as_bytes());
    let serving = hub.serve();
    let late = now() - 301;
    let bad: Vec<(&str, Vec<String>)> = vec![
        ("/hooks/standard", standard("msg_2", now(), other)),
        ("/hooks/standard", standard("msg_3", late, body)),
        ("/hooks/standard", standard("msg_4", now() + 390, body)),
        ("/hooks/standard", vec![]),
        ("/hooks/github", github(other)),
        ("/hooks/github", own(body)),
        ("/hooks/stripe", stripe(other, now())),
        ("/hooks/stripe", stripe(body, late)),
        ("/hooks/own", own(other)),
        ("/hooks/own", vec![format!("X-Shop-Signature: v1={}", hex(&code(b"s3cret-of-the-shop", body)))]),
        ("/hooks/word", vec![]),
        ("/hooks/word/nobody-knows", vec![]),
        ("/hooks/word?token=nobody-knows", vec![]),
        ("/hooks/bearer", vec![format!("Authorization: {CANARY}")]),
        ("/hooks/bearer?token=TokenCanary7wZ2mN8xR4tV6", vec![]),
        ("/hooks/user", basic("shop:p4ss")),
        ("/hooks/user", basic("shop:p4ss:word2")),
    ];
    for (path, headers) in &bad {
        let answer = deliver(&hub, path, headers, body).expect(401);
        let generic = json!({"error": "unverified", "message": "the delivery could not be verified"});
        assert_eq!(answer.json(), generic, "{path}");
    }
    let runs = hub.cmd(&["--json", "runs", "--limit", "100"]).expect(0).json_lines();
    assert!(runs.is_empty(), "what was refused began something: {runs:#?}");
    let words = serving.stop().words();
    assert!(words.contains("a delivery was refused: the signed time is 3"), "{words}");
    keeps_no_secret(&hub, &words);
}

#[test]
fn what_no_honest_sender_sends_is_refused_at_its_own_number() {
    let hub = orders("simulator", &[]);
    let serving = hub.serve();
    let (port, body) = (hub.hooks_port(), order(1));
    let signed = |id: &str, body: &[u8]| standard(id, now(), body);
    let path = "/hooks/orders";
    deliver(&hub, "/hooks/order", &[], "{}").expect(404);
    deliver(&hub, "/", &[], "{}").expect(404);
    deliver(&hub, "/hooks/orders/token", &signed("m", b"{}"), "{}").expect(404);
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(port, &request(method, path, &[], b"")).unwrap().expect(405);
        assert!(answer.head.to_ascii_lowercase().contains("allow: post"), "{answer:?}");
    }
    let twice = [signed("m", body.as_bytes()), vec![format!("webhook-timestamp: {}", now())]].concat();
    deliver(&hub, path, &twice, &body).expect(400);
    let packed = [signed("m", body.as_bytes()), vec!["Content-Encoding: gzip".into()]].concat();
    deliver(&hub, path, &packed, &body).expect(415);
    let large = vec![b'x'; (1 << 20) + 1];
    deliver(&hub, path, &signed("m", &large), &large).expect(413);
    let padded = |pad: usize| format!(r#"{{"order":"order-2","pad":"{}"}}"#, "x".repeat(pad));
    let whole = padded((1 << 20) - padded(0).len());
    deliver(&hub, path, &signed("m-2", whole.as_bytes()), &whole).expect(202);
    let mut chunked =
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..=16 {
        chunked.extend_from_slice(format!("{:x}\r\n", 1 << 16).as_bytes());
        chunked.extend_from_slice(&large[..1 << 16]);
        chunked.extend_from_slice(b"\r\n");
    }
    send(port, &chunked).unwrap().expect(413);
    let many: Vec<String> = (0..100).map(|at| format!("x-{at}: y")).collect();
    deliver(&hub, path, &many, "{}").expect(431);
    deliver(&hub, path, &[format!("x-long: {}", "y".repeat(20_000))], "{}").expect(431);
    for text in
        ["nonsense\r\n\r\n", "POST /hooks/orders HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"]
    {
        assert_eq!(send(port, text.as_bytes()).map(|answer| answer.status), Some(400), "{text}");
    }
    let not_utf8 = b"{\"order\":\"\xf9\"}";
    deliver(&hub, path, &signed("m-3", not_utf8), not_utf8).expect(422);
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    deliver(&hub, path, &signed("m-4", deep.as_bytes()), &deep).expect(422);
    // The hub says where a card number stands, and never what it is.
    let card = r#"{"order":"o","card":{"holder":"Dana","pan":"4580 4580 4580 4580"}}"#
        .replace("4580 4580 4580 4580", "4111 1111 1111 1111");
    let answer = deliver(&hub, path, &signed("m-5", card.as_bytes()), &card).expect(422).json();
    assert_eq!((&answer["error"], &answer["field"]), (&json!("card_number"), &json!("card.pan")));
    let secret = format!(r#"{{"order":"o","note":"{WHSEC}"}}"#);
    let answer = deliver(&hub, path, &signed("m-6", secret.as_bytes()), &secret).expect(422).json();
    assert_eq!((&answer["error"], &answer["field"]), (&json!("secret"), &json!("note")));
    deliver_order(&hub, 9).expect(202);
    let words = serving.stop().words();
    assert!(!words.contains("1111 1111") && !words.contains(WHSEC), "{words}");
    let kept = std::fs::read(hub.path("data/gesher.db")).unwrap();
    assert!(!kept.windows(9).any(|bytes| bytes == b"1111 1111"), "the card's number was kept");
}

#[test]
fn a_delivery_begins_one_run_for_ever_also_over_a_power_cut() {
    let provider =
        FakeProvider::start(|_, _| Reply::After(Duration::from_millis(300), Box::new(Reply::Approve)));
    let hub = orders(provider.base_url(), &[]);
    hub.set("flow.orders", "concurrency", "2");
    let mut serving = hub.serve();
    let runs: Vec<String> = (1..=12).map(|number| deliver_order(&hub, number).expect(202).run()).collect();
    serving.process.kill9();
    let serving = hub.serve();
    for (number, run) in (1..).zip(&runs) {
        assert_eq!(&deliver_order(&hub, number).expect(200).run(), run);
    }
    let mut charged = 0;
    for run in &runs {
        let item = ended(&hub, run);
        charged += usize::from(item["status"] == "succeeded");
        // What was in flight when the power went is unknown, and never sent again.
        assert!(item["status"] == "succeeded" || item["status"] == "unknown", "{item}");
    }
    assert!(charged >= 10, "{charged} of 12");
    for (order, payments) in provider.charged() {
        assert_eq!(payments.len(), 1, "{order} was charged more than once");
    }
    // The same id with another body is no repetition.
    let body = order(77);
    let answer =
        deliver(&hub, "/hooks/orders", &standard("msg_1", now(), body.as_bytes()), &body).expect(409);
    assert_eq!(answer.json()["error"], "id_taken");
    // A person is asked to look once, however often it comes.
    deliver(&hub, "/hooks/orders", &standard("msg_2", now(), body.as_bytes()), &body).expect(409);
    let told = until("the alert", 20, || {
        let told = hub.cmd(&["doctor"]).words();
        told.contains("under the id of another, msg_1").then_some(told)
    });
    assert!(told.contains("1 in the journal"), "{told}");
    let words = serving.stop().words();
    assert!(words.contains("under the id of another"), "{words}");
    // One that was cut off before its first byte came to nobody, and is unknown all the same.
    assert!((charged..=12).contains(&provider.charged().len()), "{:?}", provider.charged());
}

#[test]
fn what_was_accepted_is_worked_on_in_the_order_of_its_coming() {
    let provider = FakeProvider::start(|_, number| match number {
        1 => Reply::After(Duration::from_secs(2), Box::new(Reply::Approve)),
        _ => Reply::Approve,
    });
    let hub = orders(provider.base_url(), &[]);
    hub.set("flow.orders", "concurrency", "1");
    let serving = hub.serve();
    let runs: Vec<String> = (1..=40).map(|number| deliver_order(&hub, number).expect(202).run()).collect();
    ended(&hub, runs.last().unwrap());
    let orders: Vec<String> = provider.received().iter().map(gesher_tests::Received::order).collect();
    let wanted: Vec<String> = (1..=40).map(|number| format!("order-{number}")).collect();
    assert_eq!(orders, wanted);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn slow_senders_and_floods_keep_nobody_else_out() {
    let hub = orders("simulator", &[]);
    let mut serving = hub.serve();
    let port = hub.hooks_port();
    let head = "POST /hooks/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n";
    // More than there is room for: some say nothing, some half a head, some half a body.
    let mut held: Vec<TcpStream> = Vec::new();
    for number in 0..700 {
        let mut stream = connect(port);
        let text = match number % 3 {
            0 => String::new(),
            1 => head.to_owned(),
            _ => format!("{head}\r\nhalf a body"),
        };
        drop(stream.write_all(text.as_bytes()));
        held.push(stream);
        if number % 100 == 99 {
            deliver_order(&hub, number).expect(202);
        }
    }
    nap(600);
    for number in 1_000..1_020 {
        deliver_order(&hub, number).expect(202);
        for stream in held.iter_mut().skip(500).step_by(7) {
            drop(stream.write_all(b"x"));
        }
    }
    // Whoever sends at less than the least speed is told so, or was closed for somebody else.
    let mut slow = connect(port);
    slow.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    for _ in 0..70 {
        if slow.write_all(b"x").is_err() {
            break;
        }
        nap(100);
    }
    let answer = read_answer(&mut slow);
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 408), "{answer:?}");
    // A head that never ends has ten seconds, and so has a connection on which nothing comes.
    let mut halves = [connect(port), connect(port)];
    halves[0].write_all(head.as_bytes()).unwrap();
    for half in &mut halves {
        let mut rest = Vec::new();
        assert!(half.read_to_end(&mut rest).is_ok(), "the connection is still open");
    }
    assert!(serving.process.runs());
    deliver_order(&hub, 2_000).expect(202);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn one_connection_carries_many_deliveries() {
    let hub = orders("simulator", &[]);
    let serving = hub.serve();
    let mut stream = connect(hub.hooks_port());
    for number in 1..=50 {
        let body = order(number);
        let headers = standard(&format!("msg_{number}"), now(), body.as_bytes());
        stream.write_all(&request("POST", "/hooks/orders", &headers, body.as_bytes())).unwrap();
        read_answer(&mut stream).unwrap().expect(202);
    }
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_sender_that_waits_gets_what_the_script_answers() {
    let provider = FakeProvider::start(|received, _| match received.order().as_str() {
        "order-2" => Reply::Decline("204"),
        "order-3" | "order-5" => Reply::After(Duration::from_secs(11), Box::new(Reply::Approve)),
        "order-4" => Reply::Close,
        _ => Reply::Approve,
    });
    let hub = orders(provider.base_url(), &[("reply", "\"sync\"")]);
    hub.set("officeguy", "timeout", "\"20s\"");
    let serving = hub.serve();
    let answer = deliver_order(&hub, 1).expect(200);
    assert_eq!(answer.json(), json!({"order": "order-1", "thanks": "תודה"}));
    assert!(answer.head.contains("gesher-status: succeeded"), "{answer:?}");
    assert_eq!(deliver_order(&hub, 1).expect(200).body, answer.body);
    assert!(deliver_order(&hub, 2).expect(402).head.contains("gesher-status: declined"));
    let unknown = deliver_order(&hub, 4).expect(202);
    assert_eq!(unknown.json()["status"], "unknown");
    // One that goes away cancels nothing.
    let body = order(5);
    let mut gone = connect(hub.hooks_port());
    let headers = standard("msg_5", now(), body.as_bytes());
    gone.write_all(&request("POST", "/hooks/orders", &headers, body.as_bytes())).unwrap();
    let has_come = || provider.received().iter().any(|received| received.order() == "order-5");
    until("its charge to be on its way", 10, || has_come().then_some(()));
    drop(gone);
    // Longer than a sender waits: it was accepted, and the answer comes to whoever asks again.
    let run = deliver_order(&hub, 3).expect(202).run();
    assert_eq!(ended(&hub, &run)["status"], "succeeded");
    assert_eq!(deliver_order(&hub, 3).expect(200).json()["order"], "order-3");
    assert_eq!(deliver_order(&hub, 5).expect(200).json()["order"], "order-5");
    assert_eq!(serving.stop().code, 0);
    // What was answered once is answered for ever, also by another process.
    let serving = hub.serve();
    assert_eq!(deliver_order(&hub, 1).expect(200).body, answer.body);
    assert_eq!(serving.stop().code, 0);
    assert_eq!(provider.charged()["order-5"].len(), 1);
}

#[test]
fn a_script_gets_the_whole_delivery_and_reads_what_providers_send() {
    let mut hub = Hub::bulk("en", "simulator");
    hub.set("senzey", "base_url", "\"simulator\"");
    hub.set_environment("GESHER_SECRET_HOOKS_SHOP", CANARY);
    let word = [("verify", "\"token\""), ONE_SECRET, ("reply", "\"sync\"")];
    for (flow, script) in [
        ("echo", ECHO),
        ("told", "fn on_webhook(request) { officeguy::trigger(request) }\n"),
        (
            "paid",
            "fn on_webhook(request) { let paid = senzey::paid_callback(request); paid.sum += 0.50; paid }\n",
        ),
    ] {
        add(&hub, &Hooked { flow, settings: &word, script, allow: "" });
    }
    let serving = hub.serve();
    let at = |flow: &str| format!("/hooks/{flow}/{CANARY}");
    let form =
        vec!["Content-Type: application/x-www-form-urlencoded".to_owned(), "X-Shop: Tel Aviv".to_owned()];
    let got =
        deliver(&hub, &format!("{}?kind=a%20b", at("echo")), &form, "name=%D7%93%D7%A0%D7%94&sum=12.50")
            .expect(200)
            .json();
    assert_eq!(got["form"], json!({"name": "דנה", "sum": "12.50"}));
    assert_eq!((&got["json"], &got["query"]), (&Value::Null, &json!({"kind": "a b"})));
    assert_eq!(got["headers"]["x-shop"], "Tel Aviv");
    assert_eq!(
        (&got["method"], &got["verified_by"], &got["path"]),
        (&json!("POST"), &json!("token"), &json!("/hooks/echo"))
    );
    assert!(!got.to_string().contains(CANARY));
    let told = json!({"folder": 1, "entity_id": 2, "type": "Create", "properties": {}});
    let text = r#"{"Folder":1,"EntityID":2,"Type":"Create"}"#;
    assert_eq!(deliver(&hub, &at("told"), &[], text).expect(200).json(), told);
    let json_in_form = "json=%7B%22Folder%22%3A1%2C%22EntityID%22%3A2%2C%22Type%22%3A%22Create%22%7D";
    assert_eq!(deliver(&hub, &at("told"), &form, json_in_form).expect(200).json(), told);
    assert_eq!(deliver(&hub, &at("told"), &form, "Folder=1&EntityID=2&Type=Create").expect(200).json(), told);
    // What the script cannot read is a fault of its run, and the sender need not send it again.
    deliver(&hub, &at("told"), &[], "{}").expect(422);
    let paid =
        deliver(&hub, &at("paid"), &form, "doc_type=320&doc_id=69521&sum=236.00&work_order_number=10005")
            .expect(200);
    assert_eq!(
        (&paid.json()["key"], paid.json()["sum"].to_string()),
        (&json!("10005/69521"), "236.50".to_owned())
    );
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_secret_is_changed_without_a_gap() {
    let mut hub =
        orders("simulator", &[("secrets", "[{ secret = \"hooks.new\" }, { secret = \"hooks.shop\" }]")]);
    let new = b"a new secret of 24 bytes";
    hub.set_environment("GESHER_SECRET_HOOKS_NEW", &base64(new));
    let serving = hub.serve();
    let by_new = |number: u32| standard_by(new, &format!("msg_{number}"), now(), order(number).as_bytes());
    deliver_order(&hub, 1).expect(202);
    deliver(&hub, "/hooks/orders", &by_new(2), order(2)).expect(202);
    // A sender that changes signs with both.
    let old_and_new = [standard("msg_3", now(), order(3).as_bytes()), by_new(3)];
    let part = |lines: &[String]| lines[2].trim_start_matches("webhook-signature: ").to_owned();
    let both = format!("webhook-signature: {} {}", part(&old_and_new[0]), part(&old_and_new[1]));
    let headers = vec![old_and_new[0][0].clone(), old_and_new[0][1].clone(), both];
    deliver(&hub, "/hooks/orders", &headers, order(3)).expect(202);
    assert_eq!(serving.stop().code, 0);
    hub.set("flow.orders.webhook", "secrets", "[{ secret = \"hooks.new\" }]");
    let serving = hub.serve();
    deliver_order(&hub, 4).expect(401);
    deliver(&hub, "/hooks/orders", &by_new(4), order(4)).expect(202);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_hub_says_where_its_webhooks_are_and_what_is_missing() {
    let hub = orders("simulator", &[]);
    hub.set("hooks", "listen", "\"127.0.0.1:0\"");
    let words = hub.next_words_file();
    let mut command = hub.command();
    command.args(["--json", "serve"]);
    let mut process = gesher_tests::Background::start(&mut command, words);
    let ready = until("the ready line", 30, || {
        assert!(process.runs(), "{}", process.words());
        let said = process.words();
        let line = said.lines().find(|line| line.starts_with("{\"ready\""))?.to_owned();
        serde_json::from_str::<Value>(&line).ok()
    });
    let port: u16 = ready["hooks"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(ready["webhooks"], json!([{"flow": "orders", "path": "/hooks/orders"}]));
    let body = order(1);
    let bytes = request("POST", "/hooks/orders", &standard("m", now(), body.as_bytes()), body.as_bytes());
    send(port, &bytes).unwrap().expect(202);
    process.sigterm();
    assert_eq!(process.wait_exit().code, 0);
    // A port that somebody has.
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    hub.set("hooks", "listen", &format!("\"127.0.0.1:{port}\""));
    let refused = hub.cmd(&["serve"]).expect(2).words();
    assert!(refused.contains(&format!("cannot listen on 127.0.0.1:{port} for webhooks")), "{refused}");
    // A secret that is nowhere, or is none.
    hub.set("hooks", "listen", &format!("\"127.0.0.1:{}\"", free_port()));
    let without = hub.with_variable("GESHER_SECRET_HOOKS_SHOP", "");
    let refused = without.cmd(&["serve"]).expect(2).words();
    assert!(
        refused.contains("gesher.toml:") && refused.contains("the secret hooks.shop is neither"),
        "{refused}"
    );
    let checked = without.cmd(&["check"]).words();
    assert!(checked.contains("the secret hooks.shop is neither"), "{checked}");
    let odd = without.with_variable("GESHER_SECRET_HOOKS_SHOP", "not base64!");
    let refused = odd.cmd(&["serve"]).expect(2).words();
    assert!(
        refused.contains("is not written as whsec_ and base64") && !refused.contains("not base64!"),
        "{refused}"
    );
}

#[test]
fn a_hub_without_webhooks_listens_nowhere_for_them() {
    let hub = Hub::bulk("en", "simulator");
    let serving = hub.serve();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, hub.hooks_port())).is_err());
    assert_eq!(serving.stop().code, 0);
    // An unverified webhook may start what only looks, and nothing else.
    for (allow, code) in [
        ("", 0),
        ("\"officeguy.get_payment\"", 0),
        ("\"officeguy.charge\"", 2),
        ("\"officeguy.create_document\"", 2),
    ] {
        add(&hub, &Hooked { flow: "open", settings: &[("verify", "\"none\"")], script: ECHO, allow });
        let checked = hub.cmd(&["check"]);
        assert_eq!(checked.code, code, "{allow}: {checked:#?}");
        assert_eq!(checked.words().contains("anybody could start the flow `open`"), code == 2);
    }
    add(&hub, &Hooked { flow: "open", settings: &[], script: "fn on_call(args) { 1 }\n", allow: "" });
    let checked = hub.cmd(&["check"]).expect(2).words();
    assert!(checked.contains("has no function on_webhook(request), and the flow has a webhook"), "{checked}");
}

#[test]
fn hooks_verify_says_why_a_signature_fails() {
    let hub = orders("simulator", &[]);
    let body = order(1);
    let signed = standard("msg_1", now(), body.as_bytes());
    let check = |headers: &[String], body: &str, more: &[&str], want: (i32, &str, u64)| {
        hub.write("kept.json", body);
        let kept = hub.path("kept.json");
        let mut arguments = vec!["--json", "hooks", "verify", "orders", "--body", kept.to_str().unwrap()];
        arguments.extend(headers.iter().flat_map(|line| ["--header", line]));
        arguments.extend(more);
        let output = hub.cmd(&arguments);
        let said = output.json();
        let found = (output.code, said["code"].as_str().unwrap(), said["status"].as_u64().unwrap());
        assert_eq!(found, want, "{output:#?}");
        assert!(!output.words().contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        said
    };
    let said = check(&signed, &body, &[], (0, "accepted", 202));
    assert_eq!(
        (&said["id"], &said["secret"], &said["verify"]),
        (&json!("msg_1"), &json!("hooks.shop"), &json!("standard-webhooks"))
    );
    check(&signed, &format!("{body}\n"), &[], (1, "body", 401));
    check(&signed, &body.replace("\":", "\": "), &[], (1, "body", 401));
    check(&signed, &order(2), &[], (1, "secret", 401));
    check(&signed[1..], &body, &[], (1, "header_missing", 401));
    check(&standard("msg_1", now() - 4_000, body.as_bytes()), &body, &[], (1, "old", 401));
    check(
        &standard("msg_1", 1_700_000_000, body.as_bytes()),
        &body,
        &["--at", "2023-11-14T22:13:20Z"],
        (0, "accepted", 202),
    );
    check(&signed, &body, &["--path", "/hooks/other"], (1, "not_found", 404));
    check(&[&signed[..], &["Content-Encoding: gzip".into()]].concat(), &body, &[], (1, "compressed", 415));
    let letters =
        code(WHSEC.as_bytes(), [format!("msg_1.{}.", now()).as_bytes(), body.as_bytes()].concat().as_slice());
    let by_letters = vec![
        "webhook-id: msg_1".into(),
        format!("webhook-timestamp: {}", now()),
        format!("webhook-signature: v1,{}", base64(&letters)),
    ];
    check(&by_letters, &body, &[], (1, "secret_use", 401));
    let card = r#"{"order":"4111111111111111"}"#;
    check(&standard("msg_1", now(), card.as_bytes()), card, &[], (1, "card_number", 422));
    // Beside a hub that serves it knows what was delivered.
    let serving = hub.serve();
    let run = deliver_order(&hub, 1).expect(202).run();
    let said = check(&signed, &body, &[], (0, "again", 200));
    assert_eq!(said["run"], json!(run));
    check(&standard("msg_1", now(), order(3).as_bytes()), &order(3), &[], (1, "id_taken", 409));
    assert_eq!(serving.stop().code, 0);
    hub.cmd(&["hooks", "verify", "bulk-charge", "--body", "x"]).expect(2);
    hub.cmd(&["hooks", "verify", "orders", "--body", "x", "--header", "nonsense"]).expect(2);
    hub.cmd(&["hooks", "verify", "orders", "--body", "there-is-none"]).expect(2);
    let words = hub.cmd_with(&["hooks", "verify", "orders", "--body", "-"], "{}").expect(1).words();
    assert!(
        words.contains("not accepted (the sender hears 401): the header webhook-id is missing"),
        "{words}"
    );
}

#[test]
fn what_is_at_work_is_finished_when_the_hub_stops() {
    let provider = FakeProvider::start(|_, _| Reply::After(Duration::from_secs(2), Box::new(Reply::Approve)));
    let hub = orders(provider.base_url(), &[("reply", "\"sync\"")]);
    let serving = hub.serve();
    let body = order(1);
    let mut stream = connect(hub.hooks_port());
    let headers = standard("msg_1", now(), body.as_bytes());
    stream.write_all(&request("POST", "/hooks/orders", &headers, body.as_bytes())).unwrap();
    until("the charge to be on its way", 10, || (provider.count() > 0).then_some(()));
    serving.process.sigterm();
    let answer = read_answer(&mut stream).expect("an answer before the end");
    assert_eq!(answer.expect(200).json()["order"], "order-1");
    let mut serving = serving;
    assert_eq!(serving.process.wait_exit().code, 0);
    assert_eq!(provider.charges(), 1);
}

#[test]
fn what_nobody_verified_starts_no_flow_that_may_act_however_many_are_between() {
    let hub = Hub::bulk("en", "simulator");
    let pay =
        CHARGE.replace("on_webhook(request)", "on_call(request)").replace("request.json.order", "\"o-1\"");
    hub.write("scripts/pay.rhai", pay);
    hub.set("flow.pay", "script", "\"scripts/pay.rhai\"");
    hub.set("flow.pay", "allow", "[\"officeguy.charge\"]");
    hub.write("scripts/between.rhai", "fn on_call(args) { flow::start(args.of, \"k\", #{}) }\n");
    hub.set("flow.between", "script", "\"scripts/between.rhai\"");
    let settings = [("verify", "\"none\"")];
    let front = |script: &str| add(&hub, &Hooked { flow: "front", settings: &settings, script, allow: "" });
    front("fn on_webhook(request) { flow::start(\"pay\", \"k\", #{}) }\n");
    let faults = hub.cmd(&["check"]).expect(2);
    assert!(faults.words().contains("anybody could start pay"), "{faults:?}");
    // A name that is only known while it runs is looked at then.
    for (script, to) in [
        ("fn on_webhook(request) { flow::start(request.json.of, \"k\", #{}) }\n", "pay"),
        ("fn on_webhook(request) { flow::start(\"between\", \"k\", #{ of: request.json.of }) }\n", "pay"),
    ] {
        front(script);
        hub.cmd(&["check"]).expect(0);
        let serving = hub.serve();
        let body = json!({ "of": to, "script": script }).to_string();
        let run =
            deliver(&hub, "/hooks/front", &[], &body).expect(202).json()["run"].as_str().unwrap().to_owned();
        ended(&hub, &run);
        until("the refusal", 30, || {
            let runs = hub.cmd(&["--json", "runs", "--limit", "10"]).expect(0).json_lines();
            let items =
                runs.iter().map(|run| hub.cmd(&["--json", "show", run["run"].as_str().unwrap()]).json());
            let codes: Vec<Value> = items.map(|shown| shown["items"][0]["code"].clone()).collect();
            codes.contains(&json!("unverified")).then_some(())
        });
        let runs = hub.cmd(&["--json", "runs", "--flow", "pay"]);
        assert!(runs.json_lines().is_empty(), "{runs:?}");
        serving.stop();
    }
}

#[test]
fn a_delivery_that_no_thread_could_be_had_for_is_taken_up_again_without_a_restart() {
    let provider = FakeProvider::approving();
    let hub = orders(provider.base_url(), &[]);
    let serving = hub.serve();
    let process = Pid::from_raw(i32::try_from(serving.process.id()).unwrap());
    let size = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", serving.process.id())).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        size.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    };
    let limit = |bytes: Option<u64>| {
        prlimit(process, Resource::As, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    // From now on the program gets no room for the stack of another thread. One that ends meanwhile leaves some; then the
    // delivery is worked on, and the next one is tried.
    let charged = || u32::try_from(provider.charges()).unwrap();
    let failed = (1..=10).find(|number| {
        limit(Some(size() + (10 << 20)));
        deliver_order(&hub, *number).expect(202);
        until("the failure or a charge", 30, || {
            let has_failed = serving.process.words().contains("is taken up again after a pause");
            (has_failed || charged() == *number).then_some(has_failed)
        })
    });
    let failed = failed.expect("there was always room for a thread");
    assert_eq!(charged(), failed - 1);
    limit(None);
    until("the charge", 30, || (charged() == failed).then_some(()));
    serving.stop();
    assert!(provider.charged().values().all(|charges| charges.len() == 1), "{:?}", provider.charged());
}
