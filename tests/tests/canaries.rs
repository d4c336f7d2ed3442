//! Secrets and cards: whatever a provider, a file, a script or a configuration says, no byte that the hub writes or
//! prints holds one.
//!
//! Each canary has a place of its own, so that a failure names who let it out. The only files that may hold one are
//! those that a person wrote.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::fake::{CHARGE, approval, refusal};
use gesher_tests::files::{files_with, names_in};
use gesher_tests::{FakeProvider, Hub, Received, Reply, charges_csv, until};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The marketplace's key, with all that has to be escaped somewhere.
const KEY: &str = r#"KeyCanary+7/"wZ2\mN8&xR4=tV6'bY1 cD3"#;
/// A secret of another provider, which only lies in the vault.
const PASSWORD: &str = "PasswordCanary<9xK2>mQ7%4f";
/// A vendor's key, which the provider gives out.
const VENDOR_KEY: &str = "VendorKeyCanary+8hT5/jW3";
/// A security code, which has no shape of its own: its field or its column is what gives it away.
const CVV: &str = "CvvCanary731";

/// The places of the cards.
const CELL: u64 = 1;
const CELL_WITH_DASHES: u64 = 2;
const HEADER: u64 = 3;
const FILE_NAME: u64 = 4;
const SCRIPT_LOG: u64 = 5;
const SCRIPT_THROW: u64 = 6;
const SCRIPT_CODE: u64 = 7;
const SCRIPT_LITERAL: u64 = 8;
const WORDS: u64 = 9;
const WORDS_WITH_BLANKS: u64 = 10;
const FIELD: u64 = 11;
const NUMBER: u64 = 12;
const FIELD_NAME: u64 = 13;
const CODE: u64 = 14;
const DOCUMENT: u64 = 15;
const BODY: u64 = 16;
const ANSWER_HEADER: u64 = 17;
const CALL: u64 = 18;
const PLACES: u64 = 18;

/// A card number that is right in every digit and that no other place has.
fn card(place: u64) -> String {
    let digits = format!("458012{place:09}");
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// The same as people write it.
fn grouped(place: u64, separator: &str) -> String {
    let digits = card(place);
    let groups: Vec<&str> = (0..4).map(|group| &digits[group * 4..group * 4 + 4]).collect();
    groups.join(separator)
}

/// Everything that must not be found, with where it was planted.
fn canaries(hub: &Hub) -> Vec<(String, String)> {
    let json_of = |secret: &str| {
        let quoted = json!(secret).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let mut all: Vec<(String, String)> = vec![
        ("security code".into(), CVV.into()),
        ("half of the key".into(), "KeyCanary".into()),
        ("other half of the key".into(), "xR4=tV6".into()),
        ("password".into(), "PasswordCanary".into()),
        ("vendor's key".into(), "VendorKeyCanary".into()),
    ];
    for (name, secret) in [("key", KEY), ("password", PASSWORD), ("vendor's key", VENDOR_KEY)] {
        all.push((name.into(), secret.into()));
        all.push((format!("{name} in JSON"), json_of(secret)));
    }
    for place in 1..=PLACES {
        all.push((format!("card {place}"), card(place)));
        all.push((format!("card {place} with blanks"), grouped(place, " ")));
        all.push((format!("card {place} with dashes"), grouped(place, "-")));
    }
    let master_key = std::fs::read_to_string(hub.path("data/master.key")).unwrap();
    all.push(("master key".into(), master_key.trim().to_owned()));
    all
}

/// Fails when a canary stands in what was printed.
#[track_caller]
fn unsaid(hub: &Hub, what: &str, words: &str) {
    for (place, canary) in canaries(hub) {
        let at = words.find(&canary);
        let around = at.map(|at| words[..at].chars().rev().take(200).collect::<Vec<_>>());
        let around: Option<String> = around.map(|tail| tail.into_iter().rev().collect());
        assert!(at.is_none(), "{place} is in {what}, behind: {around:?}");
    }
}

/// Fails when a canary stands in a file, or the name of one, that no person wrote.
#[track_caller]
fn unwritten(hub: &Hub, written_by_people: &[Vec<u8>]) {
    // A cell says more of where it came from than its file does.
    unsaid(hub, "the journal", &cells_of(&hub.path("data/gesher.db")));
    let is_ours = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        !written_by_people.contains(&bytes)
    };
    let master_key = hub.path("data/master.key");
    for (place, canary) in canaries(hub) {
        let found: Vec<PathBuf> = files_with(hub.scratch(), &canary)
            .into_iter()
            .filter(|path| is_ours(path) && (place != "master key" || *path != master_key))
            .collect();
        assert_eq!(found, Vec::<PathBuf>::new(), "{place} is there");
    }
    let mut names = Vec::new();
    collect_names(hub.scratch(), &mut names);
    unsaid(hub, "the name of a file", &names.join("\n"));
}

fn collect_names(folder: &Path, names: &mut Vec<String>) {
    for name in names_in(folder) {
        let path = folder.join(&name);
        names.push(name);
        if path.is_dir() {
            collect_names(&path, names);
        }
    }
}

/// Every cell of every table: a long text is cut up between the pages of the file.
fn cells_of(journal: &Path) -> String {
    let connection = rusqlite::Connection::open(journal).unwrap();
    let list = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let mut tables = connection.prepare(list).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut text = String::new();
    for table in tables {
        let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                text.push_str(&format!("{table}.{}: ", row.as_ref().column_name(column).unwrap()));
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        text.push_str(&String::from_utf8_lossy(bytes))
                    }
                    ValueRef::Integer(number) => text.push_str(&number.to_string()),
                    ValueRef::Real(_) | ValueRef::Null => {}
                }
                text.push('\n');
            }
        }
    }
    text
}

/// What the provider says to each order: everything that it was told and more, wherever an answer has room for it.
fn echo(received: &Received, _: usize) -> Reply {
    let key = received.json()["Credentials"]["APIKey"].as_str().unwrap_or_default().to_owned();
    let words = format!("{key} {PASSWORD} {} {}", card(WORDS), grouped(WORDS_WITH_BLANKS, " "));
    if received.path() != CHARGE {
        let data = json!({
            "CompanyID": 3_000_000_001_u64, "APIKey": VENDOR_KEY, "APIPublicKey": format!("{VENDOR_KEY}-public"),
            "UserPassword": CVV, "UserEncryptedPassword": CVV,
        });
        return Reply::Json(envelope(0, &data, ""));
    }
    let number: u64 = received.order().parse().unwrap_or(1);
    let approved: Value = serde_json::from_str(&approval(received, 90_000_000 + number)).unwrap();
    match number {
        // Succeeded and declined, with cards and secrets in whatever field there is.
        1 => Reply::Json(stuffed(approved, &words)),
        2 => Reply::Json(stuffed(serde_json::from_str(&refusal(received, "004")).unwrap(), &words)),
        3 => Reply::Json(refusal(received, &card(CODE))),
        // Refusals and errors in words.
        4 => Reply::Json(envelope(1, &Value::Null, &format!("Missing Item details: {words}"))),
        5 => Reply::Json(envelope(1, &json!({ "note": words }), &words)),
        6 => Reply::Json(envelope(2, &Value::Null, &format!("Invalid Request JSON {}", received.text()))),
        // Answers that are none, quoted for whoever has to settle them.
        7 => Reply::http("500 Internal Server Error", "text/html", &format!("<b>{words} {}</b>", card(BODY))),
        8 => Reply::http("200 OK", "application/json", &format!("[{}, {}]", received.text(), card(BODY))),
        9 => Reply::http("200 OK", "application/json", &half(received.text())),
        10 => {
            let body = format!(r#"{{"x":"{}","CreditCard_CVV":"{CVV}"}}"#, careful(&words));
            Reply::http("400 Bad Request", "application/json", &body)
        }
        11 => {
            let location = format!("Location: /x?password={CVV}&card={}", card(ANSWER_HEADER));
            let cookie = format!("Set-Cookie: k={}; {location}", card(ANSWER_HEADER));
            Reply::Raw(
                format!("HTTP/1.1 302 Found\r\n{location}\r\n{cookie}\r\nContent-Length: 0\r\n\r\n").into(),
            )
        }
        12 => Reply::Raw(format!("no HTTP but {words}\r\n\r\n").into_bytes()),
        13 => Reply::http("401 Unauthorized", "text/plain", &words),
        _ => Reply::Approve,
    }
}

fn envelope(status: u8, data: &Value, words: &str) -> String {
    json!({ "Data": data, "Status": status, "UserErrorMessage": words, "TechnicalErrorDetails": words })
        .to_string()
}

/// An answer with a canary in each field that has room.
fn stuffed(mut answer: Value, words: &str) -> String {
    answer["UserErrorMessage"] = json!(words);
    let data = &mut answer["Data"];
    data["DocumentNumber"] = json!(card(DOCUMENT));
    data["DocumentDownloadURL"] = json!(format!("https://u:{CVV}x@h/?password={CVV}&card={}", card(FIELD)));
    data["Echo"] = json!([words, { "Text": card(FIELD) }, card(NUMBER).parse::<u64>().unwrap()]);
    data[card(FIELD_NAME)] = json!({ PASSWORD: 1 });
    let payment = &mut data["Payment"];
    payment["StatusDescription"] = json!(words);
    payment["ExternalIdentifier"] = json!(card(FIELD));
    payment["PaymentMethod"]["CreditCard_Number"] = json!(card(FIELD));
    payment["PaymentMethod"]["CreditCard_CVV"] = json!(CVV);
    payment["PaymentMethod"]["CreditCard_Track2"] = json!(format!("{}={CVV}", card(FIELD)));
    answer.to_string().replace(&format!("https://u:{CVV}x@"), "https://")
}

/// As .NET writes JSON.
fn careful(text: &str) -> String {
    let escape = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        c if !c.is_ascii() || "\"&'+<>`".contains(c) => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// A body that breaks off behind the credentials.
fn half(text: &str) -> String {
    let end = text.find("},").map_or(text.len(), |end| end + 1);
    text[..end].to_owned()
}

/// Logs and throws whatever it can lay its hands on.
const SCRIPT: &str = r#"
fn say(text) {
    print(text);
    debug(text);
    log::info(text);
    log::warn("it is " + text);
    log::error(text);
    alert(text);
}

fn on_row(row) {
    say("45801" + row.logged);
    if row.order_id == "20" { throw "45801" + row.thrown; }
    if row.order_id == "21" { throw #{ code: "45801" + row.code, message: "it is 45801" + row.thrown }; }
    let answer = ();
    try {
        answer = officeguy::charge("marketplace", row.order_id, #{
            Customer: #{ ExternalIdentifier: row.order_id, Name: row.name, SearchMode: "ExternalIdentifier" },
            PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: 12,
                              CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
            Items: [ #{ Item: #{ Name: row.name }, Quantity: 1, UnitPrice: decimal(row.amount) } ],
            VATIncluded: true,
        });
    } catch (refused) {
        say(refused.message);
        throw refused;
    }
    say(answer.message);
    print(answer);
    answer
}

fn on_call(args) {
    officeguy::create_company("dana", #{
        Company: #{ Name: "Dana", EmailAddress: "dana@example.test", Phone: "050-0000001",
                    CorporateNumber: "300000007", CompanyType: "LicensedDealer" },
        User: #{ Name: "Dana", EmailAddress: "dana@example.test", Phone: "050-0000001", SkipActivation: true },
        Applications: ["CreditCard"], BizPackage: "P1", ApprovePayment: true,
    });
    officeguy::charge("dana", args.order, #{
        Customer: #{ ExternalIdentifier: args.order, Name: "Dana", SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: "t", CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: "x" }, Quantity: 1, UnitPrice: 5 } ],
        VATIncluded: true,
    })
}
"#;

/// A hub whose key has every letter that is escaped somewhere, and that writes down all that it can log.
fn hub(provider: &FakeProvider) -> Hub {
    let hub = Hub::bulk("en", provider.base_url())
        .with_variable("GESHER_SECRET_OFFICEGUY_API_KEY", KEY)
        .with_variable("GESHER_LOG", "trace");
    hub.write("scripts/charge.rhai", SCRIPT);
    hub.set("flow.bulk-charge", "allow", "[\"officeguy.*\"]");
    hub.cmd_with(&["secrets", "set", "senzey.password"], PASSWORD).expect(0);
    hub
}

/// Orders for every answer of the provider, and a part of a card that only the script puts together.
fn orders() -> String {
    let tail = |place: u64| card(place)[5..].to_owned();
    let mut text = String::from("order_id,name,token,amount,logged,thrown,code\r\n");
    for order in (1..=13).chain([20, 21, 22]) {
        let cells = [tail(SCRIPT_LOG), tail(SCRIPT_THROW), tail(SCRIPT_CODE)].join(",");
        text.push_str(&format!("{order},Dana Levi,token-{order},5.00,{cells}\r\n"));
    }
    text
}

/// Calls what shows something of the hub, for people and for programs.
fn look_around(hub: &Hub, runs: &[String]) {
    let mut commands = vec![vec!["runs"], vec!["check"], vec!["secrets", "list"], vec!["operations"]];
    commands.extend(runs.iter().map(|run| vec!["show", run.as_str()]));
    commands.push(vec!["unknown", "list"]);
    commands.push(vec!["doctor"]);
    commands.extend([
        vec!["vendors"],
        vec!["vendors", "show", "noa"],
        vec!["vendors", "status", "noa", "live"],
    ]);
    commands.push(vec!["secrets", "rotate"]);
    for refused in
        [&["--company-id", "3000000002"][..], &["--company-id", "3000000002", "--corporate-number", "-"]]
    {
        let output = hub.cmd_with(&[&["vendors", "set-keys", "noa"], refused].concat(), VENDOR_KEY);
        unsaid(hub, "set-keys", &output.words());
    }
    for command in commands {
        for form in [&[][..], &["--json"]] {
            let output = hub.cmd(&[form, command.as_slice()].concat());
            unsaid(hub, &format!("{form:?} {command:?}"), &output.words());
        }
    }
}

#[test]
fn no_byte_that_the_hub_writes_or_prints_holds_a_secret_or_a_card() {
    let provider = FakeProvider::start(echo);
    let hub = hub(&provider);
    let orders = orders();
    let cells = format!(
        "order_id,name,token,amount,logged,thrown,code\r\n31,{},t,5.00,,,\r\n32,Noa,{},5.00,,,\r\n33,Avi,t,{},,,\r\n",
        card(CELL),
        grouped(CELL_WITH_DASHES, "-"),
        card(CELL)
    );
    let header = format!("order_id,{},cvv\r\n1,2,{CVV}\r\n", card(HEADER));
    let codes = format!("order_id,name,token,amount,logged,thrown,code,CVV2\r\n41,Dana,t,5.00,,,,{CVV}\r\n");
    let named = charges_csv(50, 1)
        .replace("amount\r\n", "amount,logged,thrown,code\r\n")
        .replace(".50\r\n", ".50,,,\r\n");
    let files = [
        ("orders.csv".to_owned(), orders),
        ("cells.csv".to_owned(), cells),
        ("header.csv".to_owned(), header),
        ("codes.csv".to_owned(), codes),
        (format!("of {} {PASSWORD}.csv", card(FILE_NAME)), named),
    ];
    let serving = hub.serve();
    for (name, text) in &files {
        hub.drop_file(name, text);
    }
    until("three files to be done", 60, || (reports(&hub, "done", ".report.json").len() == 3).then_some(()));
    until("two files to be refused", 60, || {
        (reports(&hub, "failed", ".errors.csv").len() == 2).then_some(())
    });
    assert_eq!(serving.stop().code, 0);

    let statuses = statuses(&hub);
    for status in ["succeeded", "declined", "rejected", "unknown", "invalid"] {
        assert!(statuses.contains_key(status), "the answers were to end in {status}, too: {statuses:?}");
    }
    let body = hub.scratch().join("body.json");
    std::fs::write(&body, r#"{ "order": "1" }"#).unwrap();
    let call = |body: &Path, key: &str| {
        hub.cmd(&["--json", "run", "bulk-charge", "--body", body.to_str().unwrap(), "--key", key])
    };
    let called = call(&body, "dana-1");
    unsaid(&hub, "a call", &called.words());
    assert!(provider.received().iter().any(|received| received.text().contains(VENDOR_KEY)), "{called:#?}");
    let with_card = hub.scratch().join("card.json");
    let card_body = format!(r#"{{ "order": "{}" }}"#, card(CALL));
    std::fs::write(&with_card, &card_body).unwrap();
    for refused in [call(&with_card, "dana-2"), call(&body, PASSWORD)] {
        assert_eq!(refused.code, 2, "{refused:#?}");
        unsaid(&hub, "a refused call", &refused.words());
    }

    let runs: Vec<String> = hub.cmd(&["--json", "runs"]).json_lines().iter().map(run_of).collect();
    assert!(runs.len() >= 6, "{runs:?}");
    look_around(&hub, &runs);
    let mut people: Vec<Vec<u8>> = files.into_iter().map(|(_, text)| text.into_bytes()).collect();
    people.push(card_body.into_bytes());
    unwritten(&hub, &people);
}

fn run_of(line: &Value) -> String {
    line["run"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
}

fn reports(hub: &Hub, folder: &str, ending: &str) -> Vec<PathBuf> {
    let names = names_in(&hub.inbox(folder)).into_iter().filter(|name| name.ends_with(ending));
    names.map(|name| hub.inbox(folder).join(name)).collect()
}

/// How many rows ended how, over all files.
fn statuses(hub: &Hub) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for path in reports(hub, "done", ".report.json") {
        let report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (status, count) in report["counts"].as_object().unwrap() {
            *all.entry(status.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    all.retain(|_, count| *count > 0);
    all
}

#[test]
fn a_script_with_a_card_or_a_secret_in_it_begins_nothing_since_runs_keep_their_script() {
    let provider = FakeProvider::approving();
    for (line, hidden) in [
        (format!("let card = \"{}\";", grouped(SCRIPT_LITERAL, " ")), "this is a card number"),
        (format!("let word = `{PASSWORD}`;"), "the value of a secret"),
    ] {
        let hub = hub(&provider);
        let script = format!("fn on_row(row) {{\n    {line}\n    row.order_id\n}}\n");
        hub.write("scripts/charge.rhai", &script);
        let path = hub.scratch().join("march.csv");
        std::fs::write(&path, charges_csv(1, 1)).unwrap();
        let output = hub.cmd(&["run", "bulk-charge", "--file", path.to_str().unwrap()]);
        assert_eq!(output.code, 2, "{output:#?}");
        let place = "scripts/charge.rhai:2:";
        assert!(output.words().contains(place) || output.words().contains("charge.rhai:2"), "{output:#?}");
        assert!(output.words().contains(hidden), "{output:#?}");
        look_around(&hub, &[]);
        unsaid(&hub, "a refused script", &output.words());
        unwritten(&hub, &[script.into_bytes()]);
    }
    let paths: Vec<String> = provider.received().iter().map(|received| received.path().to_owned()).collect();
    assert!(!paths.contains(&CHARGE.to_owned()), "{paths:?}");
}

#[test]
fn a_secret_in_the_configuration_itself_is_never_repeated() {
    let provider = FakeProvider::approving();
    let slips = [
        ("officeguy", "base_url", format!("\"https://user:{CVV}@127.0.0.1:9/\"")),
        ("officeguy", "base_url", format!("\"https://127.0.0.1:9/?password={CVV}\"")),
        ("officeguy", "api_key", format!("\"{CVV}\"")),
        ("officeguy", "api_key", format!("{{ secert = \"{CVV}\" }}")),
        ("senzey", "password", format!("\"{CVV}\"")),
        ("senzey", "base_url", format!("\"https://user:{CVV}@127.0.0.1:9/\"")),
        ("hub", "store", format!("\"postgres://gesher:{CVV}@127.0.0.1:9/gesher\"")),
        ("hub", "store", format!("\"postgres://gesher:{CVV}@127.0.0.1:9/gesher")),
    ];
    for (table, setting, value) in slips {
        let hub = hub(&provider);
        hub.set(table, setting, &value);
        let checked = hub.cmd(&["check"]);
        assert!(
            checked.code == 2 || table == "senzey",
            "{table}.{setting} = {value} was taken: {checked:#?}"
        );
        let mut outputs = vec![checked, hub.cmd(&["--json", "check"]), hub.cmd(&["runs"])];
        if outputs[0].code != 0 {
            outputs.push(hub.cmd(&["serve"]));
        }
        for output in outputs {
            unsaid(&hub, &format!("{table}.{setting} = {value}"), &output.words());
        }
    }
}
