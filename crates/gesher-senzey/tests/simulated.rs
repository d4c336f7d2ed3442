//! The provider as it is played: the samples of its own pages, its refusals, the clock, payment pages, another life.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use gesher_provider::simulate::{Answered, Call, SimulatedProvider};
use gesher_senzey::PaidCallback;
use gesher_senzey::simulated::{ADVANCE_CLOCK_PATH, ORDERS_PATH, World, WorldOptions};
use jiff::Timestamp;
use serde_json::{Value, json};

const ORDER: &str = "/extapi/bank_order/add.php";
const WORK_ORDER: &str = "/extapi/work_order/add.php";
const QUERY: &str = "username=u&password=p";
/// The first sample of the provider's page: a bank debit of a new client.
const BANK: &str = "client_name=%D7%99%D7%A9%D7%A8%D7%90%D7%9C%D7%94+%D7%99%D7%A9%D7%A8%D7%90%D7%9C%D7%99&client_email=payer%40example.test&client_idn=123456782&client_phone=0501234567&client_lang=he&start_date=01%2F12%2F2026&transfer_period=month&num_of_transfers=12&transfer_amount=118.00&first_transfer_amount=59.00&issue_billing=TRUE&vat_type=DEFAULT&item%5Bname%5D=%D7%9E%D7%A0%D7%95%D7%99+%D7%97%D7%95%D7%93%D7%A9%D7%99&item%5Bcode%5D=SUB-1&item%5Bquantity%5D=1&transfer_type=bank&payment_details%5Bcard_owner_name%5D=%D7%99%D7%A9%D7%A8%D7%90%D7%9C%D7%94&payment_details%5Baccount_branch%5D=600&payment_details%5Baccount_num%5D=1003&payment_details%5Bbank_code%5D=12&payment_details%5Bto_account_branch%5D=800&payment_details%5Bto_account_num%5D=100035&payment_details%5Bto_bank_code%5D=10&connect_to_project%5Bproject_id%5D=77&connect_to_project%5Breminder_before_days%5D=14";
/// The second: a card on file.
const ON_FILE: &str = "senzey_client_id=96521&start_date=01%2F12%2F2026&transfer_period=month&transfer_amount=49.90&use_creditcard_onfile=TRUE";
/// The third: a card that a clearing company took, in dollars.
const GATEWAY: &str = "client_name=Example+Ltd&client_email=billing%40example.test&currency=USD&start_date=15%2F01%2F2027&transfer_period=year&transfer_amount=300&transfer_type=credit_card&transaction_company=yaad&credit_card_payment=Id%3D12788261%26CCode%3D0";

struct Play {
    world: World,
    at: Timestamp,
    ledger: Vec<String>,
}

impl Play {
    fn new() -> Self {
        let at = "2026-11-15T10:00:00Z".parse().unwrap();
        Self { world: World::new(WorldOptions::default()), at, ledger: Vec::new() }
    }

    fn call(&mut self, is_post: bool, path: &str, query: &str, body: &str) -> Answered {
        let host = Some("127.0.0.1:9402");
        let call = Call { is_post, path, query, host, body: body.as_bytes(), at: self.at, ..Call::default() };
        let answered = self.world.answer(&call);
        self.ledger.extend(answered.records.clone());
        answered
    }

    fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        let answered = self.call(true, path, QUERY, body);
        (answered.status, serde_json::from_slice(&answered.body).unwrap())
    }

    fn kinds(&self) -> Vec<String> {
        let kind =
            |line: &String| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned();
        self.ledger.iter().map(kind).collect()
    }

    fn orders(&mut self) -> Value {
        serde_json::from_slice(&self.call(false, ORDERS_PATH, "", "").body).unwrap()
    }

    fn advance(&mut self, days: i64) -> Value {
        let (status, body) = self.post(ADVANCE_CLOCK_PATH, &json!({ "Days": days }).to_string());
        assert_eq!(status, 200, "{body}");
        body
    }
}

#[test]
fn the_samples_of_the_page_are_taken() {
    let mut play = Play::new();
    assert_eq!(play.post(ORDER, BANK), (200, json!({"bank_order_num": 10_005, "client_id": 96_522})));
    assert_eq!(play.post(ORDER, ON_FILE), (200, json!({"bank_order_num": 10_006, "client_id": 96_521})));
    assert_eq!(play.post(ORDER, GATEWAY), (200, json!({"bank_order_num": 10_007, "client_id": 96_523})));
    let with_document = format!("{ON_FILE}&issue_tax_invoice_receipt=true");
    let made = json!({"bank_order_num": 10_008, "doc_num": 69_521, "client_id": 96_521});
    assert_eq!(play.post(ORDER, &with_document), (200, made));
    assert_eq!(play.kinds(), ["contact", "bank_order", "bank_order", "contact", "bank_order", "bank_order"]);
    assert_eq!(play.orders()[0]["form"][0], json!(["client_name", "ישראלה ישראלי"]));
}

#[test]
fn the_same_order_twice_is_two_orders() {
    let mut play = Play::new();
    play.post(ORDER, ON_FILE);
    play.post(ORDER, ON_FILE);
    assert_eq!(play.kinds(), ["bank_order", "bank_order"]);
}

/// A sample with pairs taken out by their names, and others added.
fn without(body: &str, names: &[&str], more: &str) -> String {
    let is_out = |pair: &&str| {
        names
            .iter()
            .any(|name| pair.split('=').next().unwrap().replace("%5B", "[").replace("%5D", "]") == *name)
    };
    let kept: Vec<&str> = body.split('&').filter(|pair| !is_out(pair)).collect();
    format!("{}&{more}", kept.join("&"))
}

#[test]
fn each_mandatory_field_that_is_missing_is_refused() {
    for (sample, names, more, want) in [
        (BANK, &["client_name"][..], "", "Missing client_name or client_email"),
        (BANK, &["client_email"], "", "Missing client_name or client_email"),
        (BANK, &["client_email"], "client_email=0", "Missing client_name or client_email"),
        (ON_FILE, &["senzey_client_id"], "client_name=a&client_email=b", "Missing senzey_client_id"),
        (BANK, &["transfer_type"], "", "Incorrect transfer_type"),
        (GATEWAY, &["credit_card_payment"], "", "Missing credit_card_payment"),
        (GATEWAY, &["credit_card_payment", "transaction_company"], "", "Missing payment_details"),
        (BANK, &["payment_details[account_branch]"], "", "Missing payment_details[account_branch]"),
        (BANK, &["payment_details[account_num]"], "", "Missing payment_details[account_num]"),
        (
            BANK,
            &["payment_details[bank_code]"],
            "",
            "Missing payment_details[bank_id] or payment_details[bank_code]",
        ),
        (BANK, &["payment_details[to_bank_code]"], "", "Missing payment_details[business_bank_id]"),
        (BANK, &["start_date"], "", "Incorrect start_date"),
        (BANK, &["start_date"], "start_date=31/02/2027", "Incorrect start_date"),
        (BANK, &["transfer_period"], "transfer_period=day", "Incorrect transfer_period"),
        (BANK, &["transfer_amount"], "transfer_amount=1,5", "Incorrect transfer_amount"),
        (BANK, &[], "currency=ILS", "Incorrect currency"),
    ] {
        let mut play = Play::new();
        let answered = play.post(ORDER, &without(sample, names, more));
        assert_eq!(answered, (400, json!({ "error": want })));
        assert_eq!(play.ledger, Vec::<String>::new());
    }
    let mut play = Play::new();
    let alternative =
        without(BANK, &["payment_details[to_bank_code]"], "payment_details[business_bank_id]=5");
    assert_eq!(play.post(ORDER, &alternative).0, 200);
}

#[test]
fn method_and_credentials_come_first() {
    let mut play = Play::new();
    let status =
        |answered: &Answered| (answered.status, serde_json::from_slice::<Value>(&answered.body).unwrap());
    let refused = play.call(true, ORDER, "username=u", BANK);
    assert_eq!(status(&refused), (401, json!({"error": "Incorrect username or password"})));
    let refused = play.call(true, "/extapi/pclient/add.php", "", "x_name=a");
    assert_eq!(status(&refused), (401, json!({"success": 0, "message": "Incorrect username or password"})));
    assert_eq!(play.call(false, ORDER, QUERY, BANK).status, 405);
    assert_eq!(play.call(true, "/extapi/nothing.php", QUERY, "").status, 404);
    assert_eq!(play.ledger, Vec::<String>::new());
}

#[test]
fn an_order_pays_on_its_days_as_the_clock_goes_on() {
    let mut play = Play::new();
    play.post(ORDER, &BANK.replace("num_of_transfers=12", "num_of_transfers=3"));
    assert_eq!(play.orders()[0]["transfers"], json!([]));
    assert_eq!(play.advance(20)["Paid"], 1);
    play.advance(200);
    let paid: Vec<(String, String)> = play.orders()[0]["transfers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|paid| (paid["on"].as_str().unwrap().to_owned(), paid["amount"].to_string()))
        .collect();
    let want = [("2026-12-01", "59.00"), ("2027-01-01", "118.00"), ("2027-02-01", "118.00")];
    assert_eq!(paid, want.map(|(on, amount)| (on.to_owned(), amount.to_owned())));
    assert_eq!(play.kinds().iter().filter(|kind| *kind == "transfer").count(), 3);
}

#[test]
fn weeks_years_and_the_last_days_of_months_are_kept() {
    for (period, start, want) in [
        ("week", "20%2F11%2F2026", ["2026-11-20", "2026-11-27", "2026-12-04"]),
        ("month", "31%2F12%2F2026", ["2026-12-31", "2027-01-31", "2027-02-28"]),
        ("year", "29%2F02%2F2028", ["2028-02-29", "2029-02-28", "2030-02-28"]),
    ] {
        let mut play = Play::new();
        let body = without(ON_FILE, &["start_date", "transfer_period"], "");
        play.post(ORDER, &format!("{body}start_date={start}&transfer_period={period}"));
        play.advance(365 * 4);
        let paid = play.orders()[0]["transfers"].clone();
        let days: Vec<&str> =
            paid.as_array().unwrap().iter().take(3).map(|paid| paid["on"].as_str().unwrap()).collect();
        assert_eq!(days, want, "{period}");
    }
}

#[test]
fn a_payment_page_is_paid_once_and_reports_it() {
    let mut play = Play::new();
    let body = "client_name=a&client_email=b%40c.test&total_payment=236.00&vat_type=DEFAULT&items%5B0%5D%5Bname%5D=x&items%5B0%5D%5Bprice%5D=118.00&items%5B0%5D%5Bquantity%5D=2&pay_url=TRUE&pay_success_callback_url=http%3A%2F%2F127.0.0.1%3A9%2Fh&pay_success_redirect_url=http%3A%2F%2F127.0.0.1%3A9%2Fthanks";
    let (status, made) = play.post(WORK_ORDER, body);
    assert_eq!(status, 200, "{made}");
    let page = made["pay_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:9402").unwrap().to_owned();
    assert_eq!(play.call(false, &page, "", "").status, 200);
    assert_eq!(play.call(true, &format!("{page}0"), "", "").status, 404);
    let paid = play.call(true, &page, "", "");
    assert_eq!((paid.status, paid.location.as_deref()), (303, Some("http://127.0.0.1:9/thanks")));
    let [report] = paid.deliveries.as_slice() else { panic!("{:?}", paid.deliveries) };
    assert_eq!(report.url, "http://127.0.0.1:9/h");
    let report = PaidCallback::read(&report.body).unwrap();
    assert_eq!(report.work_order_number, made["work_order_number"].as_i64().unwrap());
    assert_eq!((report.sum.to_string(), report.doc_type.as_str()), ("236.00".to_owned(), "חשבונית מס קבלה"));
    assert_eq!(play.call(true, &page, "", "").deliveries, []);
    assert_eq!(play.kinds(), ["contact", "work_order", "work_order_paid"]);
}

#[test]
fn another_life_goes_on_from_the_ledger() {
    let mut play = Play::new();
    play.post(ORDER, BANK);
    play.advance(40);
    play.post("/extapi/pclient/add.php", "x_name=%D7%93%D7%A0%D7%94&x_mobile=0521234567");
    let orders = play.orders();
    let mut again = Play::new();
    for line in &play.ledger {
        again.world.restore(line, play.at).unwrap();
    }
    assert_eq!(again.orders(), orders);
    assert_eq!(again.post(ORDER, ON_FILE).1["bank_order_num"], 10_006);
    assert!(again.world.restore("{\"kind\":\"transfer\"}", play.at).is_err());
}

#[test]
fn contacts_are_listed_with_what_was_asked_for() {
    let mut play = Play::new();
    play.post("/extapi/pclient/add.php", "x_name=Lead&x_mobile=1");
    play.post("/extapi/client/add.php", "x_name=Client&x_phone=2&x_email1=c%40d.test");
    let list = |play: &mut Play, more: &str| {
        let query = format!("{QUERY}&{more}");
        let answered = play.call(false, "/extapi/client/list.php", &query, "");
        serde_json::from_slice::<Value>(&answered.body).unwrap()
    };
    assert_eq!(list(&mut play, "fields=name"), json!([{"name": "Client"}]));
    let both = json!([{"name": "Lead", "user_type": 3}, {"name": "Client", "user_type": 2}]);
    assert_eq!(list(&mut play, "fields=name,user_type&incl_pclient=TRUE"), both);
    assert_eq!(list(&mut play, "fields=id&phone=2"), json!([{"id": 96_522}]));
}
