//! Vendors: opened once, one a business, charged with their own keys; and the vault that keeps those.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::crash::points;
use gesher_tests::files::{files_with, names_in};
use gesher_tests::program::gesher_crash;
use gesher_tests::{Background, Done, FakeProvider, Hub, Output, Received, Reply, charges_csv, until};
use serde_json::{Value, json};
use std::time::Duration;

const CREATE: &str = "/website/companies/create/";
const TERMINAL: &str = "/billing/generalbilling/openupayterminal/";
const CHARGE: &str = "/billing/payments/charge/";
/// What every key of a vendor begins with.
const KEY: &str = "VendorKeyCanary";
/// The sample file of the example flow.
const SAMPLE: &str = include_str!("../../scripts/onboard-vendor/sample.csv");
/// Its script.
const SCRIPT: &str = include_str!("../../scripts/onboard-vendor/onboard_vendor.rhai");

/// Says what the provider says to an opening: an organisation whose number and key follow from that of the business.
fn opened(received: &Received) -> Reply {
    let number = received.json()["Company"]["CorporateNumber"].as_str().unwrap().to_owned();
    let id: i64 = 2_410_000_000 + number.parse::<i64>().unwrap() % 1_000_000_000;
    let (key, public) = (format!("{KEY}-{number}"), format!("{KEY}-public-{number}"));
    answer(&json!({ "CompanyID": id, "APIKey": key, "APIPublicKey": public }))
}

fn answer(data: &Value) -> Reply {
    let words = json!({ "Data": data, "Status": 0, "UserErrorMessage": null, "TechnicalErrorDetails": null });
    Reply::Json(words.to_string())
}

/// A provider that opens, files and charges whatever it is asked to.
fn provider() -> FakeProvider {
    FakeProvider::start(|received, _| reply(received))
}

fn reply(received: &Received) -> Reply {
    match received.path() {
        CREATE => opened(received),
        TERMINAL => answer(&json!({})),
        _ => Reply::Approve,
    }
}

/// A hub with the example flow, and one that charges for the vendor of each row.
fn hub(provider: &FakeProvider) -> Hub {
    let hub = Hub::bulk("en", provider.base_url());
    hub.write("scripts/onboard.rhai", SCRIPT);
    hub.edit("scripts/charge.rhai", "\"marketplace\"", "row.name");
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    let flow = "\n[flow.onboarding]\nscript = \"scripts/onboard.rhai\"\nallow = [\"officeguy.create_company\", \
                \"officeguy.open_upay_terminal\"]\nconcurrency = 8\non_unknown = \"continue\"\n\
                [flow.onboarding.drop]\nfolder = \"inbox/vendors\"\npattern = \"*.csv\"\nrow_key = [\"vendor\"]\n\
                settle = \"100ms\"\n";
    hub.write("gesher.toml", text + flow);
    hub
}

/// Runs a file of vendors in the foreground.
fn onboard(hub: &Hub, name: &str, text: &str) -> Output {
    let path = hub.scratch().join(name);
    std::fs::write(&path, text).unwrap();
    hub.cmd(&["run", "onboarding", "--file", path.to_str().unwrap()])
}

fn done(hub: &Hub, name: &str) -> Done {
    Done::find(&hub.path("inbox/vendors/done"), name, &[]).unwrap_or_else(|| panic!("{name} is not done"))
}

/// How many requests came to a path.
fn asked(provider: &FakeProvider, path: &str) -> usize {
    provider.received().iter().filter(|received| received.path() == path).count()
}

fn vendors(hub: &Hub) -> Vec<Value> {
    hub.cmd(&["--json", "vendors"]).expect(0).json_lines()
}

fn shown(hub: &Hub, handle: &str) -> Value {
    hub.cmd(&["--json", "vendors", "show", handle]).expect(0).json()
}

/// A file of one vendor.
fn one(handle: &str, number: &str) -> String {
    format!(
        "{}\n{handle},חנות,דנה,d@example.test,050-0000001,{number},LicensedDealer,12,600,123456\n",
        SAMPLE.lines().next().unwrap()
    )
}

/// A charge for each of these vendors.
fn charges(handles: &[&str]) -> String {
    let mut text = String::from("order_id,name,token,amount\r\n");
    for (at, handle) in (1..).zip(handles) {
        text.push_str(&format!("{handle}-{at},{handle},token-{at},5.00\r\n"));
    }
    text
}

/// No key of a vendor stands in any file but the provider's, nor in anything that the hub says of its vendors.
#[track_caller]
fn unseen(hub: &Hub) {
    for command in
        [&["vendors"][..], &["vendors", "show", "dana"], &["unknown", "list"], &["runs"], &["doctor"]]
    {
        for form in [&[][..], &["--json"]] {
            let said = hub.cmd(&[form, command].concat()).words();
            assert!(!said.contains(KEY), "{command:?}: {said}");
        }
    }
    assert_eq!(files_with(hub.folder(), KEY), Vec::<std::path::PathBuf>::new());
}

#[test]
fn vendors_of_a_file_are_opened_once_and_charged_with_their_own_keys() {
    let provider = provider();
    let hub = hub(&provider);
    onboard(&hub, "vendors.csv", SAMPLE).expect(0);
    let first = done(&hub, "vendors.csv");
    assert_eq!(first.statuses(), ["succeeded"; 4]);
    // The same bytes, the same vendors in other words, and a call: nothing is opened again.
    onboard(&hub, "again.csv", SAMPLE);
    onboard(&hub, "other.csv", &SAMPLE.replace("050-", "052-")).expect(0);
    assert_eq!(done(&hub, "other.csv").statuses(), ["duplicate"; 4]);
    assert_eq!((asked(&provider, CREATE), asked(&provider, TERMINAL)), (4, 3));
    let states: Vec<(String, String, bool)> = vendors(&hub)
        .iter()
        .map(|vendor| {
            let text = |name: &str| vendor[name].as_str().unwrap().to_owned();
            (text("vendor"), text("state"), vendor["has_keys"] == true)
        })
        .collect();
    let state = |handle: &str, state: &str| (handle.to_owned(), state.to_owned(), true);
    assert_eq!(
        states,
        [
            state("candles.avi", "open"),
            state("dana", "terminal-requested"),
            state("galil-gallery", "terminal-requested"),
            state("noa-olives", "terminal-requested")
        ]
    );
    let dana = shown(&hub, "dana");
    assert_eq!(
        (&dana["company_id"], &dana["corporate_number"]),
        (&json!(2_710_000_007_i64), &json!("300000007"))
    );
    let (_, charged) = hub.run_file("march.csv", charges(&["dana", "candles.avi", "noa-olives"]));
    assert_eq!(charged.unwrap().statuses(), ["succeeded"; 3]);
    for received in provider.received().iter().filter(|received| received.path() == CHARGE) {
        let body = received.json();
        let number = match received.order().split('-').next().unwrap() {
            "dana" => "300000007",
            "noa" => "300000015",
            _ => "300000031",
        };
        assert_eq!(body["Credentials"]["APIKey"], format!("{KEY}-{number}"));
    }
    for (handle, state) in
        [("dana", "live"), ("candles.avi", "live"), ("galil-gallery", "terminal-requested")]
    {
        assert_eq!(shown(&hub, handle)["state"], state, "{handle}");
    }
    unseen(&hub);
}

#[test]
fn a_lost_opening_is_never_repeated_and_a_person_finishes_it_with_the_key() {
    let provider = FakeProvider::start(|received, _| match received.path() {
        CREATE => Reply::Close,
        _ => reply(received),
    });
    let hub = hub(&provider);
    onboard(&hub, "vendors.csv", &one("dana", "300000007")).expect(3);
    onboard(&hub, "again.csv", &one("dana", "300000007").replace("050", "052"));
    // Another handle for the business that may have been opened is refused.
    onboard(&hub, "other.csv", &one("dana2", "30-0000007")).expect(1);
    let refused = done(&hub, "other.csv");
    assert_eq!(refused.rows[0].get("gesher_code"), "business_taken", "{:?}", refused.rows[0]);
    assert_eq!(asked(&provider, CREATE), 1);
    let dana = shown(&hub, "dana");
    assert_eq!(
        (&dana["state"], &dana["company_id"], &dana["has_keys"]),
        (&json!("opening"), &Value::Null, &json!(false))
    );
    let step = dana["step"].as_str().unwrap().to_owned();
    let (_, charged) = hub.run_file("early.csv", charges(&["dana"]));
    assert_eq!(charged.unwrap().rows[0].get("gesher_code"), "unknown_vendor");
    let charged = hub.cmd(&["unknown", "resolve", &step, "--charged", "77", "--reason", "r"]).expect(2);
    assert!(charged.words().contains("vendors set-keys dana"), "{charged:?}");
    let set = ["--json", "vendors", "set-keys", "dana", "--company-id", "2410000222"];
    hub.cmd_with(&set, "  \n").expect(2);
    let told = hub.cmd_with(&set, &format!("{KEY}-by-hand\n")).expect(0);
    assert!(!told.words().contains(KEY), "{told:?}");
    let told = told.json();
    assert_eq!(
        (&told["state"], &told["settled"], &told["company_id"]),
        (&json!("open"), &json!(step), &json!(2_410_000_222_i64))
    );
    hub.cmd(&["unknown", "list"]).expect(0);
    let done = done(&hub, "vendors.csv");
    assert_eq!((done.rows[0].status(), done.rows[0].get("gesher_reference")), ("succeeded", "2410000222"));
    let (_, charged) = hub.run_file("march.csv", charges(&["dana"]));
    assert_eq!(charged.unwrap().statuses(), ["succeeded"]);
    let last = provider.received().pop().unwrap().json();
    assert_eq!(
        last["Credentials"],
        json!({ "CompanyID": 2_410_000_222_i64, "APIKey": format!("{KEY}-by-hand") })
    );
    // Another key of the same organisation may be set at any time; another organisation may not any more.
    hub.cmd_with(&set, &format!("{KEY}-newer")).expect(0);
    let other = ["vendors", "set-keys", "dana", "--company-id", "2410000223"];
    hub.cmd_with(&other, "K").expect(2);
    hub.cmd_with(&["vendors", "set-keys", "noa", "--company-id", "2410000222"], "K").expect(2);
    hub.cmd_with(&["vendors", "set-keys", "noa", "--company-id", gesher_tests::COMPANY_ID], "K").expect(2);
    let taken = ["vendors", "set-keys", "noa", "--company-id", "7", "--corporate-number", "300000007"];
    hub.cmd_with(&taken, "K").expect(2);
    assert_eq!((asked(&provider, CREATE), vendors(&hub).len()), (1, 1));
    unseen(&hub);
}

#[test]
fn one_business_in_many_rows_is_opened_once() {
    let provider = FakeProvider::start(|received, _| {
        Reply::After(Duration::from_millis(200), Box::new(reply(received)))
    });
    let hub = hub(&provider);
    let mut text = one("v0", "300000007");
    for at in 1..8 {
        text.push_str(one(&format!("v{at}"), "300000007").lines().nth(1).unwrap());
        text.push('\n');
    }
    onboard(&hub, "vendors.csv", &text).expect(1);
    let done = done(&hub, "vendors.csv");
    assert_eq!((done.count("succeeded"), done.count("rejected")), (1, 7), "{:?}", done.rows);
    assert_eq!((asked(&provider, CREATE), vendors(&hub).len()), (1, 1));
}

#[test]
fn an_opening_that_a_crash_cut_off_is_unknown_and_not_repeated() {
    let provider = FakeProvider::start(|received, _| match received.path() {
        CREATE => Reply::After(Duration::from_secs(20), Box::new(Reply::Close)),
        _ => reply(received),
    });
    let hub = hub(&provider);
    std::fs::create_dir_all(hub.path("inbox/vendors")).unwrap();
    hub.write("inbox/vendors/vendors.csv", one("dana", "300000007"));
    let mut serving = hub.serve();
    until("the opening", 30, || (asked(&provider, CREATE) == 1).then_some(()));
    serving.process.kill9();
    let serving = hub.serve();
    until("the file's end", 30, || Done::find(&hub.path("inbox/vendors/done"), "vendors.csv", &[]));
    assert_eq!(shown(&hub, "dana")["state"], "opening");
    // Beside the hub that serves; it picks the keys up within a second.
    let set = ["vendors", "set-keys", "dana", "--company-id", "2410000222"];
    hub.cmd_with(&set, KEY).expect(0);
    hub.drop_file("march.csv", charges(&["dana"]));
    assert_eq!(hub.wait_done("march.csv").statuses(), ["succeeded"]);
    until("the vendor to be live", 5, || (shown(&hub, "dana")["state"] == "live").then_some(()));
    assert_eq!(asked(&provider, CREATE), 1);
    assert_eq!(serving.stop().code, 0);
    unseen(&hub);
}

/// Where a hub is killed around an opening, and whether the provider has heard of it.
const AROUND_AN_OPENING: [(&str, usize); 6] = [
    ("intent.before", 0),
    ("intent.committed", 0),
    ("send.begun", 0),
    ("answer.received", 1),
    ("outcome.before", 1),
    ("outcome.committed", 1),
];

#[test]
fn a_vendors_keys_come_with_its_outcome_or_not_at_all() {
    for (point, heard) in AROUND_AN_OPENING {
        let provider = provider();
        let mut hub = hub(&provider);
        hub.use_program(gesher_crash(), &[]);
        let path = hub.scratch().join("vendors.csv");
        std::fs::write(&path, one("dana", "300000007")).unwrap();
        let mut run = hub.command();
        run.args(["run", "onboarding", "--file"]).arg(&path).env("GESHER_FAILPOINT", point);
        let mut run = Background::start(&mut run, hub.scratch().join("run.log"));
        assert_eq!(run.wait_signal(), Some(9), "{point}: {}", run.words());
        assert_eq!(asked(&provider, CREATE), heard, "{point}");
        let serving = hub.serve();
        until("the file's end", 30, || Done::find(&hub.path("inbox/vendors/done"), "vendors.csv", &[]));
        drop(serving);
        let dana = shown(&hub, "dana");
        let (state, has_keys, creates) = match point {
            // Nothing was written down, so it is done now.
            "intent.before" => ("terminal-requested", true, 1),
            "outcome.committed" => ("terminal-requested", true, 1),
            _ => ("opening", false, heard),
        };
        assert_eq!((&dana["state"], &dana["has_keys"]), (&json!(state), &json!(has_keys)), "{point}");
        assert_eq!(asked(&provider, CREATE), creates, "{point}");
    }
}

#[test]
fn a_refused_terminal_is_asked_for_again_once() {
    let provider = provider();
    let hub = hub(&provider);
    let body = hub.scratch().join("vendor.json");
    std::fs::write(&body, include_str!("../../scripts/onboard-vendor/sample.json")).unwrap();
    let call = || hub.cmd(&["run", "onboarding", "--body", body.to_str().unwrap()]);
    call().expect(0);
    call();
    assert_eq!(asked(&provider, TERMINAL), 1);
    hub.cmd(&["vendors", "status", "dana", "open"]).expect(2);
    hub.cmd(&["vendors", "status", "dana", "lost"]).expect(2);
    hub.cmd(&["vendors", "status", "nobody", "live"]).expect(2);
    hub.cmd(&["vendors", "status", "dana", "refused", "--reason", "they wrote"]).expect(0);
    assert_eq!(shown(&hub, "dana")["state"], "refused");
    call().expect(0);
    call();
    assert_eq!((asked(&provider, TERMINAL), asked(&provider, CREATE)), (2, 1));
    assert_eq!(shown(&hub, "dana")["state"], "terminal-requested");
    hub.cmd(&["vendors", "status", "dana", "live"]).expect(0);
    assert_eq!(shown(&hub, "dana")["state"], "live");
}

#[test]
fn a_file_of_known_vendors_is_imported_whole_or_not_at_all() {
    let provider = provider();
    let hub = hub(&provider);
    onboard(&hub, "vendors.csv", &one("dana", "300000007")).expect(0);
    let file = hub.scratch().join("known.csv");
    let import = |text: &str| {
        std::fs::write(&file, text).unwrap();
        hub.cmd(&["--json", "vendors", "import", file.to_str().unwrap()])
    };
    let head = "\u{feff}vendor,company_id,api_key,corporate_number,הערה\n";
    let good = format!("{head}noa,2410000501,{KEY}-noa,300000015,לקוחה ותיקה\navi,2410000502,{KEY}-avi,,\n");
    for (line, wrong) in [
        (4, "dana3,2410000503,K,300000007,"),
        (4, "dana3,2710000007,K,,"),
        (4, "DANA,5,K,,"),
        (4, "noa,5,K,,"),
        (4, "x,y,K,,"),
        (4, "x,5,,,"),
    ] {
        let refused = import(&format!("{good}{wrong}\n")).expect(2);
        let told = refused.json();
        assert_eq!(told["faults"][0]["line"], line, "{wrong}: {told}");
        assert!(!refused.words().contains(KEY), "{refused:?}");
        assert_eq!(vendors(&hub).len(), 1, "{wrong}");
    }
    assert_eq!(import(&good).expect(0).json(), json!({ "imported": 2, "unchanged": 0, "vendors": 2 }));
    assert_eq!(import(&good).expect(0).json(), json!({ "imported": 0, "unchanged": 2, "vendors": 2 }));
    let changed = good.replace(&format!("{KEY}-avi"), &format!("{KEY}-new"));
    assert_eq!(import(&changed).expect(0).json()["imported"], 1);
    std::fs::remove_file(&file).unwrap();
    // One that is there is not opened, and neither is its business under another name.
    onboard(&hub, "more.csv", &one("noa", "300000999")).expect(1);
    onboard(&hub, "same.csv", &one("noa2", "300000015")).expect(1);
    assert_eq!(done(&hub, "more.csv").rows[0].get("gesher_code"), "vendor_known");
    assert_eq!(asked(&provider, CREATE), 1);
    let (_, charged) = hub.run_file("march.csv", charges(&["avi"]));
    assert_eq!(charged.unwrap().statuses(), ["succeeded"]);
    assert_eq!(provider.received().pop().unwrap().json()["Credentials"]["APIKey"], format!("{KEY}-new"));
    unseen(&hub);
}

#[test]
fn a_script_sees_where_a_vendor_stands_and_never_a_key() {
    let provider = provider();
    let hub = hub(&provider);
    onboard(&hub, "vendors.csv", SAMPLE).expect(0);
    let script = "fn on_row(row) {\n    let vendor = vendors::get(row.name);\n    if vendor == () { throw \"no such vendor\"; }\n    \
                  if !vendors::exists(row.name) || vendors::list().len() != 4 { throw \"lists differ\"; }\n    \
                  throw #{ code: vendor.state, message: json::stringify(vendor) };\n}\n";
    hub.write("scripts/charge.rhai", script);
    let (_, told) = hub.run_file("march.csv", charges(&["dana", "nobody"]));
    let told = told.unwrap();
    assert_eq!(told.rows[0].get("gesher_code"), "terminal-requested");
    let words = told.rows[0].get("gesher_message");
    assert!(words.contains("2710000007") && words.contains("300000007") && !words.contains(KEY), "{words}");
    assert!(told.rows[1].get("gesher_message").contains("no such vendor"), "{:?}", told.rows[1]);
    unseen(&hub);
}

/// A hub whose own key lies in the vault and nowhere else.
fn hub_with_vault(provider: &FakeProvider) -> Hub {
    let hub = hub(provider).with_variable("GESHER_SECRET_OFFICEGUY_API_KEY", "");
    hub.cmd_with(&["secrets", "set", "officeguy.api_key"], gesher_tests::API_KEY).expect(0);
    hub.edit("scripts/charge.rhai", "row.name", "\"marketplace\"");
    hub
}

/// Charges a row with what is in the vault.
#[track_caller]
fn charges_with_the_vault(hub: &Hub, provider: &FakeProvider, order: u32) {
    let (output, charged) = hub.run_file(&format!("m{order}.csv"), charges_csv(order, 1));
    assert_eq!(charged.unwrap_or_else(|| panic!("{output:#?}")).statuses(), ["succeeded"], "{output:#?}");
    assert_eq!(provider.received().pop().unwrap().json()["Credentials"]["APIKey"], gesher_tests::API_KEY);
}

#[test]
fn the_master_key_is_changed_beside_a_hub_that_serves() {
    let provider = provider();
    let hub = hub_with_vault(&provider);
    onboard(&hub, "vendors.csv", &one("dana", "300000007")).expect(0);
    hub.edit("scripts/charge.rhai", "\"marketplace\"", "row.name");
    let first = std::fs::read(hub.path("data/master.key")).unwrap();
    let serving = hub.serve();
    let told = hub.cmd(&["--json", "secrets", "rotate"]).expect(0).json();
    assert_eq!(told, json!({ "rotated": true, "sealed_anew": 2 }));
    assert_ne!(std::fs::read(hub.path("data/master.key")).unwrap(), first);
    assert_eq!(std::fs::read(hub.path("data/master.key.previous")).unwrap(), first);
    hub.drop_file("march.csv", charges(&["dana"]));
    assert_eq!(hub.wait_done("march.csv").statuses(), ["succeeded"]);
    assert_eq!(serving.stop().code, 0);
    hub.cmd(&["secrets", "rotate"]).expect(0);
    let (_, charged) = hub.run_file("april.csv", charges(&["dana"]).replace("dana-1", "dana-2"));
    assert_eq!(charged.unwrap().statuses(), ["succeeded"]);
}

#[test]
fn a_change_of_the_master_key_that_is_killed_anywhere_loses_no_secret() {
    for (order, point) in (1..).step_by(2).zip(points::ROTATION_POINTS) {
        let provider = provider();
        let mut hub = hub_with_vault(&provider);
        hub.use_program(gesher_crash(), &[]);
        let mut rotate = hub.command();
        rotate.args(["secrets", "rotate"]).env("GESHER_FAILPOINT", point);
        let mut rotate = Background::start(&mut rotate, hub.scratch().join("rotate.log"));
        assert_eq!(rotate.wait_signal(), Some(9), "{point}: {}", rotate.words());
        charges_with_the_vault(&hub, &provider, order);
        hub.cmd(&["secrets", "rotate"]).expect(0);
        charges_with_the_vault(&hub, &provider, order + 1);
        let keys: Vec<String> =
            names_in(&hub.path("data")).into_iter().filter(|name| name.starts_with("master")).collect();
        assert_eq!(keys, ["master.key", "master.key.previous"], "{point}");
    }
}
