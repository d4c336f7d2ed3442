//! What the provider sees: one request for each charge, to the byte; and for each way in which its answer can go wrong,
//! the status that is safe, and never a second request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_core::{Clock, SystemClock};
use gesher_tests::fake::{CHARGE, approval, refusal};
use gesher_tests::files::files_with;
use gesher_tests::{API_KEY, COMPANY_ID, Done, FakeProvider, Hub, Received, Reply, charges_csv, nap};
use std::time::Duration;

#[track_caller]
fn done(hub: &Hub, bytes: impl AsRef<[u8]>) -> Done {
    let (output, done) = hub.run_file("march.csv", bytes);
    done.unwrap_or_else(|| panic!("{output:#?} {}", hub.listing()))
}

/// Fails when the key stands anywhere that the hub wrote, or was printed.
#[track_caller]
fn key_is_nowhere(hub: &Hub) {
    assert_eq!(files_with(hub.scratch(), API_KEY), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_charge_is_one_request_with_what_the_script_said_and_the_credentials_first() {
    for (language, spoken) in [("he", "he"), ("en", "en")] {
        let provider = FakeProvider::approving();
        let hub = Hub::bulk(language, provider.base_url());
        let done = done(&hub, "order_id,name,token,amount\n17,\"כהן, יוסי\",tok-17,12.5\n");
        assert_eq!(done.statuses(), ["succeeded"], "{done:#?}");
        let received = provider.received();
        let [request] = received.as_slice() else { panic!("{received:#?}") };

        assert_eq!((request.method(), request.path()), ("POST", CHARGE));
        let host = provider.base_url().trim_start_matches("http://");
        assert_eq!(request.header("host"), Some(host));
        assert!(request.header("content-type").unwrap().starts_with("application/json"));
        assert_eq!(request.header("content-language"), Some(spoken));
        assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
        for absent in ["authorization", "cookie", "transfer-encoding", "expect", "referer"] {
            assert_eq!(request.header(absent), None, "{absent}");
        }

        let text = request.text();
        let start = format!(r#"{{"Credentials":{{"CompanyID":{COMPANY_ID},"APIKey":"{API_KEY}"}},"#);
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(text.matches(API_KEY).count(), 1);
        assert!(text.contains(r#""UnitPrice":12.50"#), "{text}");
        assert!(text.contains("כהן, יוסי"), "Hebrew goes as it is: {text}");
        let body = request.json();
        assert_eq!(body["Customer"]["ExternalIdentifier"], "17");
        assert_eq!(body["PaymentMethod"]["CreditCard_Token"], "tok-17");
        assert_eq!(body["PaymentMethod"]["CreditCard_ExpirationYear"], 2030);
        assert_eq!(body["Items"][0]["Item"]["Name"], "Order 17");
        assert_eq!(body["VATIncluded"], true);
        for card in ["CreditCard_Number", "CreditCard_CVV", "CreditCard_Track2"] {
            assert!(!text.contains(card), "{card}");
        }
        key_is_nowhere(&hub);
    }
}

#[test]
fn an_amount_is_a_number_with_two_places() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let amounts = [
        ("5", "5.00"),
        ("5.5", "5.50"),
        ("0.01", "0.01"),
        ("0.1", "0.10"),
        ("19.99", "19.99"),
        ("007.10", "7.10"),
        ("1234567890.12", "1234567890.12"),
        ("4.35", "4.35"),
        ("1.15", "1.15"),
    ];
    let mut text = String::from("order_id,name,token,amount\n");
    for (at, (cell, _)) in amounts.iter().enumerate() {
        text.push_str(&format!("{at},Dana,t,{cell}\n"));
    }
    assert_eq!(done(&hub, text).statuses(), vec!["succeeded"; amounts.len()]);
    for received in provider.received() {
        let (cell, wire) = amounts[received.order().parse::<usize>().unwrap()];
        assert!(received.text().contains(&format!(r#""UnitPrice":{wire}"#)), "{cell}: {}", received.text());
    }
}

/// One way in which an answer goes wrong, and what the row must then be called.
struct Case {
    name: &'static str,
    reply: fn(&Received) -> Reply,
    status: &'static str,
}

fn envelope(status: &str, words: &str) -> String {
    format!(r#"{{"Data":null,"Status":{status},"UserErrorMessage":"{words}","TechnicalErrorDetails":null}}"#)
}

/// The provider's approval of a charge that it made, with one text changed.
fn approved_but(received: &Received, from: &str, to: &str) -> Reply {
    let text = approval(received, 90_000_777);
    assert!(text.contains(from), "{from} is not in {text}");
    Reply::ApproveThen(Box::new(Reply::Json(text.replacen(from, to, 1))))
}

fn http(status: &str, content_type: &str, body: &str) -> Reply {
    Reply::http(status, content_type, body)
}

const HTML: &str = "<!DOCTYPE html><html><body>Sign in</body></html>";

const CASES: &[Case] = &[
    // What is a clear answer.
    Case { name: "approved", reply: |_| Reply::Approve, status: "succeeded" },
    Case {
        name: "status as text",
        reply: |r| approved_but(r, "\"Status\":0,\"User", "\"Status\":\"0\",\"User"),
        status: "succeeded",
    },
    Case {
        name: "status by name",
        reply: |r| approved_but(r, "\"Status\":0,\"User", "\"Status\":\"Success\",\"User"),
        status: "succeeded",
    },
    Case { name: "declined", reply: |_| Reply::Decline("004"), status: "declined" },
    Case { name: "expired card", reply: |_| Reply::Decline("015"), status: "declined" },
    Case {
        name: "field error",
        reply: |_| Reply::Json(envelope("1", "Items: יש להזין ערך בשדה Items")),
        status: "rejected",
    },
    Case {
        name: "no item name",
        reply: |_| Reply::Json(envelope("1", "Missing Item details")),
        status: "rejected",
    },
    Case {
        name: "no terminal details",
        reply: |_| {
            Reply::Json(envelope("1", "Missing organization details (Corporate Number / Phone Number)"))
        },
        status: "rejected",
    },
    Case {
        name: "unreadable request",
        reply: |_| {
            Reply::Json(envelope(
                "2",
                "Invalid Request JSON / Request doesn't match the API properties. Please contact support@sumit.co.il for assistance.",
            ))
        },
        status: "rejected",
    },
    Case {
        name: "unknown path",
        reply: |_| {
            Reply::Raw(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into())
        },
        status: "rejected",
    },
    // What nobody can know.
    Case {
        name: "closed before the answer",
        reply: |_| Reply::ApproveThen(Box::new(Reply::Close)),
        status: "unknown",
    },
    Case {
        name: "500 after the charge",
        reply: |_| {
            Reply::ApproveThen(Box::new(http(
                "500 Internal Server Error",
                "application/json",
                &envelope("2", "x"),
            )))
        },
        status: "unknown",
    },
    Case {
        name: "502",
        reply: |_| Reply::ApproveThen(Box::new(http("502 Bad Gateway", "text/html", HTML))),
        status: "unknown",
    },
    Case { name: "503", reply: |_| http("503 Service Unavailable", "text/html", HTML), status: "unknown" },
    Case { name: "504", reply: |_| http("504 Gateway Timeout", "text/html", HTML), status: "unknown" },
    Case { name: "408", reply: |_| http("408 Request Timeout", "text/html", ""), status: "unknown" },
    Case { name: "429", reply: |_| http("429 Too Many Requests", "text/html", ""), status: "unknown" },
    Case { name: "403 without a word", reply: |_| http("403 Forbidden", "text/html", ""), status: "unknown" },
    Case { name: "404 of a proxy", reply: |_| http("404 Not Found", "text/html", HTML), status: "unknown" },
    Case {
        name: "307 to elsewhere",
        reply: |_| {
            Reply::Raw(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into())
        },
        status: "unknown",
    },
    Case { name: "a page with 200", reply: |_| http("200 OK", "text/html", HTML), status: "unknown" },
    Case { name: "nothing with 200", reply: |_| http("200 OK", "application/json", ""), status: "unknown" },
    Case {
        name: "204",
        reply: |_| Reply::Raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".into()),
        status: "unknown",
    },
    Case {
        name: "half an answer",
        reply: |r| {
            Reply::ApproveThen(Box::new(Reply::Raw({
                let text = approval(r, 90_000_777);
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    text.len(),
                    &text[..60]
                )
                .into_bytes()
            })))
        },
        status: "unknown",
    },
    Case {
        name: "half a header",
        reply: |_| Reply::ApproveThen(Box::new(Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Ty".into()))),
        status: "unknown",
    },
    Case {
        name: "cut JSON",
        reply: |r| Reply::ApproveThen(Box::new(Reply::Json(approval(r, 90_000_777)[..80].replace("מ", "x")))),
        status: "unknown",
    },
    Case {
        name: "no answer in time",
        reply: |_| Reply::ApproveThen(Box::new(Reply::After(Duration::from_secs(7), Box::new(Reply::Close)))),
        status: "unknown",
    },
    Case { name: "not HTTP", reply: |_| Reply::Raw(b"SSH-2.0-OpenSSH_9.6\r\n".into()), status: "unknown" },
    Case { name: "a JSON list", reply: |_| Reply::Json("[]".into()), status: "unknown" },
    Case { name: "another JSON", reply: |_| Reply::Json("{\"ok\":true}".into()), status: "unknown" },
    Case {
        name: "technical error",
        reply: |_| Reply::ApproveThen(Box::new(Reply::Json(envelope("2", "Object reference not set")))),
        status: "unknown",
    },
    Case {
        name: "unheard-of refusal",
        reply: |_| Reply::ApproveThen(Box::new(Reply::Json(envelope("1", "The document could not be made")))),
        status: "unknown",
    },
    Case {
        name: "status 7",
        reply: |r| approved_but(r, "\"Status\":0,\"User", "\"Status\":7,\"User"),
        status: "unknown",
    },
    Case {
        name: "no status",
        reply: |r| approved_but(r, "\"Status\":0,\"User", "\"User"),
        status: "unknown",
    },
    Case {
        name: "success without a payment",
        reply: |_| {
            Reply::Json(
                r#"{"Data":{},"Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#.into(),
            )
        },
        status: "unknown",
    },
    Case {
        name: "success without ValidPayment",
        reply: |r| approved_but(r, "\"ValidPayment\":true,", ""),
        status: "unknown",
    },
    Case {
        name: "another amount",
        reply: |r| approved_but(r, "\"Amount\":9.99", "\"Amount\":99.90"),
        status: "unknown",
    },
    Case {
        name: "another currency",
        reply: |r| approved_but(r, "\"Currency\":0", "\"Currency\":1"),
        status: "unknown",
    },
    Case {
        name: "too much",
        reply: |_| {
            Reply::ApproveThen(Box::new(Reply::Json(format!("{{\"x\":\"{}\"}}", "y".repeat(9 << 20)))))
        },
        status: "unknown",
    },
];

#[test]
fn each_answer_gives_the_row_the_status_that_is_safe_and_no_second_request() {
    let provider = FakeProvider::start(|received, _| match received.order().parse::<usize>() {
        Ok(order) => (CASES[order].reply)(received),
        Err(_) => Reply::http("500 Internal Server Error", "text/plain", "a request that no row made"),
    });
    let hub = Hub::bulk("en", provider.base_url());
    hub.set("officeguy", "timeout", "\"4s\"");
    let mut text = String::from("order_id,name,token,amount\n");
    for at in 0..CASES.len() {
        text.push_str(&format!("{at},Dana {at},t,9.99\n"));
    }
    let (output, done) = hub.run_file("march.csv", text);
    let done = done.unwrap_or_else(|| panic!("{output:#?}"));
    done.adds_up();
    assert_eq!(output.code, 3, "{output:#?}");
    // A follower of redirects or a silent second try would come at once; one by a timer within moments.
    nap(300);
    let mut wrong = Vec::new();
    for (at, (case, row)) in CASES.iter().zip(&done.rows).enumerate() {
        let requests =
            provider.received().iter().filter(|received| received.order() == at.to_string()).count();
        if row.status() != case.status || requests != 1 {
            wrong.push(format!("{}: {requests} requests, {row:?}, wanted {}", case.name, case.status));
        }
        if row.message().is_empty() && row.status() != "succeeded" {
            wrong.push(format!("{}: nothing is said to the bookkeeper", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(provider.count(), CASES.len(), "a request that no row made");
    let conflict = &done.rows[CASES.iter().position(|case| case.name == "another amount").unwrap()];
    assert_eq!(conflict.code(), "conflict", "{conflict:?}");

    // What was not clearly refused may not be tried again: the whole file once more sends only the free rows.
    let free = CASES.iter().filter(|case| matches!(case.status, "declined" | "rejected")).count();
    assert_eq!(done.retry_rows().len(), free);
    key_is_nowhere(&hub);
}

#[test]
fn a_provider_that_nobody_can_reach_makes_rows_not_sent() {
    let port = gesher_tests::serve::free_port();
    let hub = Hub::bulk("he", &format!("http://127.0.0.1:{port}"));
    let (output, done) = hub.run_file("march.csv", charges_csv(1, 3));
    let done = done.unwrap_or_else(|| panic!("{output:#?}"));
    done.adds_up();
    assert_eq!(done.statuses(), ["not_sent"; 3], "{done:#?}");
    assert_eq!(done.retry_rows().len(), 3, "their keys are free");
    assert_eq!(output.code, 1);
    key_is_nowhere(&hub);
}

#[test]
fn refused_credentials_pause_the_account_so_that_it_is_not_blocked() {
    let provider = FakeProvider::start(|_, _| {
        Reply::Json(envelope("1", "Invalid Credentials (CompanyID/APIKey are incorrect)"))
    });
    let hub = Hub::bulk("he", provider.base_url());
    let (output, done) = hub.run_file("march.csv", charges_csv(1, 60));
    let done = done.unwrap_or_else(|| panic!("{output:#?}"));
    done.adds_up();
    assert!(provider.count() <= 8, "{} requests: one for each row in flight, and no more", provider.count());
    assert_eq!(done.count("rejected"), provider.count());
    assert_eq!(done.count("not_sent"), 60 - provider.count());
    assert_eq!(done.retry_rows().len(), 60);
    assert_eq!(output.code, 1);
}

#[test]
fn what_the_provider_echoes_is_masked_before_anybody_reads_it() {
    let provider = FakeProvider::start(|received, _| match received.order().as_str() {
        "1" => {
            Reply::Json(envelope("1", &format!("Missing Item details for {API_KEY}, card 4111111111111111")))
        }
        "2" => {
            Reply::Json(refusal(received, "004").replace("סירוב", &format!("{API_KEY} 4111 1111 1111 1111")))
        }
        _ => http("500 Internal Server Error", "text/plain", &format!("{API_KEY} 4111111111111111")),
    });
    let hub = Hub::bulk("he", provider.base_url());
    let done = done(&hub, charges_csv(1, 3));
    assert_eq!(done.count("succeeded"), 0);
    for command in [vec!["runs"], vec!["show", done.run.as_str()], vec!["--json", "show", done.run.as_str()]]
    {
        let output = hub.cmd(&command);
        assert!(!output.words().contains(API_KEY), "{command:?}: {output:#?}");
        assert!(!output.words().contains("4111111111111111"), "{command:?}: {output:#?}");
    }
    key_is_nowhere(&hub);
    for card in ["4111111111111111", "4111 1111 1111 1111"] {
        assert_eq!(files_with(hub.scratch(), card), Vec::<std::path::PathBuf>::new(), "{card}");
    }
}

#[test]
fn a_request_that_the_provider_would_misread_is_refused_before_it_is_sent() {
    // The provider ignores a field that it does not know, and charges a stored card when none is named.
    let slips = [
        ("VATIncluded: true", "VATIncluded: true, VatRate: 18", "VatRate", "VATRate"),
        ("Quantity: 1,", "Quantity: 1, TotalPrice: decimal(\"1\"),", "TotalPrice", "Total"),
        ("VATIncluded: true,", "", "VATIncluded", ""),
        (", Type: \"CreditCard\"", "", "Type", ""),
        ("\"CreditCard\"", "\"CreditCart\"", "CreditCart", "CreditCard"),
        ("CreditCard_ExpirationYear: 2030", "CreditCard_ExpirationYear: 30", "CreditCard_ExpirationYear", ""),
        (
            "CreditCard_ExpirationMonth: 12",
            "CreditCard_ExpirationMonth: \"December\"",
            "CreditCard_ExpirationMonth",
            "",
        ),
        ("Item: #{ Name: \"Order \" + row.order_id },", "Description: \"x\",", "Item", ""),
        ("decimal(row.amount)", "decimal(row.amount) / 3", "UnitPrice", ""),
        ("CreditCard_Token: row.token", "CreditCard_Number: \"4111111111111111\"", "CreditCard_Number", ""),
        (
            "CreditCard_Token: row.token",
            "CreditCard_Token: row.token, CreditCard_CVV: \"123\"",
            "CreditCard_CVV",
            "",
        ),
        ("SearchMode: \"ExternalIdentifier\"", "SearchMode: \"Sometimes\"", "Sometimes", ""),
    ];
    let provider = FakeProvider::approving();
    for (from, to, named, nearest) in slips {
        let hub = Hub::bulk("en", provider.base_url());
        hub.edit("scripts/charge.rhai", from, to);
        let (output, done) = hub.run_file("march.csv", "order_id,name,token,amount\n1,Dana,t,10.00\n");
        // Some slips can be seen without running the script; then the check says so, and nothing runs either.
        let words = match done {
            Some(done) => {
                assert_eq!(done.statuses(), ["rejected"], "{to}: {done:#?}");
                done.rows[0].message().to_owned()
            }
            None => output.expect(2).words(),
        };
        assert!(words.contains(named) && words.contains(nearest), "{to}: {words}");
        assert!(!words.contains("4111111111111111"), "{words}");
    }
    assert_eq!(provider.count(), 0);
}

#[test]
fn a_charge_without_a_card_needs_the_words_charge_saved_method() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let script = std::fs::read_to_string(hub.path("scripts/charge.rhai")).unwrap();
    let start = script.find("        PaymentMethod").unwrap();
    let end = script.find("        Items").unwrap();
    hub.write("scripts/charge.rhai", format!("{}{}", &script[..start], &script[end..]));
    let done = done(&hub, "order_id,name,token,amount\n1,Dana,t,10.00\n");
    assert_eq!(done.statuses(), ["rejected"], "{done:#?}");
    assert!(done.rows[0].message().contains("charge_saved_method"), "{}", done.rows[0].message());
    assert_eq!(provider.count(), 0);
}

#[test]
fn a_script_cannot_catch_an_unknown_and_can_catch_a_refusal() {
    let provider = FakeProvider::start(|received, _| match received.order().as_str() {
        "1" => Reply::ApproveThen(Box::new(Reply::Close)),
        "2" => Reply::Json(envelope("1", "Missing Item details")),
        _ => Reply::Approve,
    });
    let hub = Hub::bulk("en", provider.base_url());
    let script = std::fs::read_to_string(hub.path("scripts/charge.rhai")).unwrap();
    let charge =
        script.replace("fn on_row(row)", "fn charge(row, key)").replace("row.order_id, #{\n", "key, #{\n");
    let tries = "fn on_row(row) {
    let attempt = |key| charge(row, key);
    try { attempt.call(row.order_id) } catch (error) { charge(row, row.order_id + \"-again\") }
    charge(row, row.order_id + \"-more\")
}
";
    hub.write("scripts/charge.rhai", format!("{charge}\n{tries}"));
    let done = done(&hub, charges_csv(1, 3));
    let requests =
        |order: &str| provider.received().iter().filter(|received| received.order() == order).count();
    assert_eq!(
        (done.rows[0].status(), requests("1")),
        ("unknown", 1),
        "nothing more after an unknown: {done:#?}"
    );
    assert_eq!((done.rows[1].status(), requests("2")), ("rejected", 2), "{done:#?}");
    assert_eq!((done.rows[2].status(), requests("3")), ("succeeded", 2), "{done:#?}");
}

#[test]
fn no_more_calls_are_in_flight_and_no_more_begin_in_a_second_than_the_account_allows() {
    let provider =
        FakeProvider::start(|_, _| Reply::After(Duration::from_millis(30), Box::new(Reply::Approve)));
    let hub = Hub::bulk("en", provider.base_url());
    hub.set("officeguy", "max_in_flight", "2");
    assert_eq!(done(&hub, charges_csv(1, 12)).count("succeeded"), 12);
    assert_eq!(provider.most_open(), 2);

    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    hub.set("officeguy", "rate", "\"10/s\"");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 30));
    gesher_tests::until("the first charge", 30, || (provider.count() > 0).then_some(()));
    let clock = SystemClock::new();
    gesher_tests::until("half a second's charges", 30, || (provider.count() >= 5).then_some(()));
    nap(1_000);
    let (count, tenths) = (provider.count(), clock.monotonic().as_millis() / 100);
    assert!(count as u128 <= 5 + tenths, "{count} in {tenths} tenths of a second");
    drop(serving);
}
