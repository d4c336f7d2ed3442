//! The bulk charge: a file goes in, each of its rows is charged once for ever, and a result file says what became of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::{BOM, names_in};
use gesher_tests::{Done, FakeProvider, Hub, Reply, charges_csv, nap, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A hub whose provider approves everything.
fn approving() -> (FakeProvider, Hub) {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    (provider, hub)
}

/// Runs a file in the foreground; it must end in `done/`.
#[track_caller]
fn done(hub: &Hub, name: &str, bytes: impl AsRef<[u8]>) -> Done {
    let (output, done) = hub.run_file(name, bytes);
    let done = done.unwrap_or_else(|| panic!("{name} is not done: {output:#?} {}", hub.listing()));
    done.adds_up();
    done
}

/// Fails unless the provider took exactly one payment for each of these orders, and no other.
#[track_caller]
fn charged_once(provider: &FakeProvider, orders: std::ops::Range<u32>) {
    let charged = provider.charged();
    let mut found: Vec<u32> = charged.keys().map(|order| order.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, orders.collect::<Vec<_>>());
    assert!(charged.values().all(|numbers| numbers.len() == 1), "{charged:?}");
}

#[test]
fn the_sample_of_a_new_hub_ends_in_done_with_a_result_for_each_row() {
    for language in ["he", "en"] {
        let hub = Hub::template(language);
        let serving = hub.serve();
        let sample = std::fs::read(hub.path("samples/bulk-charge/charges.csv")).unwrap();
        hub.drop_file("charges.csv", &sample);
        let done = hub.wait_done("charges.csv");
        done.adds_up();
        assert_eq!(done.input, sample, "the file itself is kept as it came");
        assert!(done.rows.len() >= 3 && done.count("succeeded") >= 1, "{done:#?}");
        for row in done.rows.iter().filter(|row| row.status() == "succeeded") {
            assert!(
                !row.get("gesher_reference").is_empty() && !row.get("gesher_document").is_empty(),
                "{row:?}"
            );
        }
        assert_eq!(serving.stop().code, 0);
    }
}

#[test]
fn the_same_file_again_goes_to_duplicate_under_any_name() {
    let (provider, hub) = approving();
    let serving = hub.serve();
    let file = charges_csv(1, 5);
    hub.drop_file("march.csv", &file);
    let done = hub.wait_done("march.csv");
    assert_eq!(done.count("succeeded"), 5);
    for name in ["march.csv", "april.csv"] {
        hub.drop_file(name, &file);
        assert_eq!(std::fs::read_to_string(hub.wait_duplicate(name)).unwrap(), file);
    }
    charged_once(&provider, 1..6);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn the_same_rows_in_another_file_are_duplicates_that_say_where_they_were_charged() {
    let (provider, hub) = approving();
    let first = done(&hub, "march.csv", charges_csv(1, 3));
    // Another file by its bytes: a column more, and the cells padded as a spreadsheet may pad them.
    let other = "note,order_id,name,token,amount\n\
                 a, 1 ,Dana Levi,t,11.50\nb,\u{200f}2,Dana Levi,t,12.50\nc,3,Somebody else,t,999.00\n";
    let second = done(&hub, "april.csv", other);
    assert_eq!(second.statuses(), ["duplicate"; 3]);
    for (row, line) in second.rows.iter().zip(["2", "3", "4"]) {
        let message = row.message();
        for part in ["march.csv", first.run.as_str(), line, "succeeded"] {
            assert!(message.contains(part), "`{part}` is missing in: {message}");
        }
    }
    charged_once(&provider, 1..4);
}

#[test]
fn half_a_file_and_then_the_whole_charges_each_row_once() {
    let (provider, hub) = approving();
    let half = done(&hub, "march.csv", charges_csv(1, 10));
    let whole = done(&hub, "march.csv", charges_csv(1, 20));
    assert_eq!(half.count("succeeded"), 10);
    assert_eq!(whole.statuses(), [["duplicate"; 10], ["succeeded"; 10]].concat());
    charged_once(&provider, 1..21);
}

#[test]
fn a_row_that_stands_twice_in_a_file_is_charged_once() {
    let (provider, hub) = approving();
    let text = "order_id,name,token,amount\n1,Dana,t,5.00\n2,Yossi,t,6.00\n1,Dana,t,5.00\n2,Yossi,t,7.00\n";
    let done = done(&hub, "march.csv", text);
    assert_eq!(done.statuses(), ["succeeded", "succeeded", "duplicate", "invalid"]);
    assert_eq!(done.rows[3].code(), "key_conflict");
    charged_once(&provider, 1..3);
    assert_eq!(provider.received().iter().filter(|received| received.amount() == "7.00").count(), 0);
}

#[test]
fn retry_csv_holds_the_free_rows_as_they_came_and_charges_only_those() {
    let mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&mended);
    let provider = FakeProvider::start(move |received, _| match received.order().as_str() {
        "2" if !seen.load(Ordering::SeqCst) => Reply::Decline("004"),
        "4" => Reply::ApproveThen(Box::new(Reply::Close)),
        _ => Reply::Approve,
    });
    let hub = Hub::bulk("en", provider.base_url());
    let text = "order_id,name,token,amount\r\n1,Dana,t,5.00\r\n 2 ,\"Levi, Yossi\",t,6.00\r\n3,Noa,t,7.123\r\n\
                4,Avi,t,8.00\r\n1,Dana,t,5.00\r\n";
    let (output, first) = hub.run_file("march.csv", text);
    let first = first.unwrap();
    first.adds_up();
    assert_eq!(first.statuses(), ["succeeded", "declined", "invalid", "unknown", "duplicate"]);
    assert_eq!(output.code, 3, "{output:#?}");
    let retry = String::from_utf8(first.retry.clone().unwrap()).unwrap();
    assert_eq!(retry, "order_id,name,token,amount\r\n 2 ,\"Levi, Yossi\",t,6.00\r\n3,Noa,t,7.123\r\n");

    mended.store(true, Ordering::SeqCst);
    let second = done(&hub, "retry.csv", retry.replace("7.123", "7.12"));
    assert_eq!(second.statuses(), ["succeeded"; 2]);
    // The whole file once more, mended: what was charged is never charged again, and an unknown is never repeated.
    let third = done(&hub, "march.csv", text.replace("7.123", "7.12"));
    assert_eq!(third.statuses(), ["duplicate"; 5]);
    charged_once(&provider, 1..5);
    assert_eq!(provider.count(), 5, "each order once, and the declined one twice");
}

#[test]
fn a_retry_file_that_is_dropped_back_charges_the_mended_rows_and_no_other() {
    let mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&mended);
    let provider = FakeProvider::start(move |received, _| match received.order().as_str() {
        "2" | "3" if !seen.load(Ordering::SeqCst) => Reply::Decline("004"),
        "4" => Reply::ApproveThen(Box::new(Reply::Close)),
        _ => Reply::Approve,
    });
    let hub = Hub::bulk("he", provider.base_url());
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 5));
    let first = hub.wait_done("march.csv");
    assert_eq!(first.statuses(), ["succeeded", "declined", "declined", "unknown", "succeeded"]);
    mended.store(true, Ordering::SeqCst);
    // One row is mended, the other comes as it was; somebody has put the charged and the unknown ones back in.
    let name = format!("march.{}.retry.csv", first.run);
    let retry = String::from_utf8(first.retry.unwrap()).unwrap();
    let whole = charges_csv(1, 5);
    let rows = |order: &str| whole.lines().find(|line| line.starts_with(&format!("{order},"))).unwrap();
    let mended = retry.replace("Dana Levi,aaaaaaaa-bbbb-4ccc-8ddd-000000000002", "Noa Levi,t-2");
    hub.drop_file(&name, format!("{mended}{}\r\n{}\r\n", rows("1"), rows("4")));
    let second = hub.wait_done(&name);
    second.adds_up();
    assert_eq!(second.statuses(), ["succeeded", "succeeded", "duplicate", "duplicate"]);
    charged_once(&provider, 1..6);
    assert_eq!(provider.count(), 7, "five at first, and the two that were declined once more");
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn the_very_same_file_is_taken_again_while_it_has_free_rows() {
    let mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&mended);
    let provider = FakeProvider::start(move |received, _| {
        if received.order() == "2" && !seen.load(Ordering::SeqCst) {
            Reply::Decline("015")
        } else {
            Reply::Approve
        }
    });
    let hub = Hub::bulk("he", provider.base_url());
    let serving = hub.serve();
    let file = charges_csv(1, 3);
    hub.drop_file("march.csv", &file);
    let first = hub.wait_done("march.csv");
    assert_eq!(first.statuses(), ["succeeded", "declined", "succeeded"]);
    mended.store(true, Ordering::SeqCst);
    hub.drop_file("march.csv", &file);
    let second = hub.wait_done_after("march.csv", &[&first.run]);
    assert_eq!(second.statuses(), ["duplicate", "succeeded", "duplicate"]);
    hub.drop_file("march.csv", &file);
    hub.wait_duplicate("march.csv");
    charged_once(&provider, 1..4);
    drop(serving);
}

const HEBREW_SCRIPT: &str = r#"// גובה את הסכום של כל שורה.
fn on_row(row) {
    officeguy::charge("marketplace", row.הזמנה, #{
        Customer: #{ ExternalIdentifier: row.הזמנה, Name: row.שם, SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: row.אסימון, CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: row["מה נקנה"] }, Quantity: 1, UnitPrice: decimal(row.סכום) } ],
        VATIncluded: true,
    })
}
"#;

const HEBREW_FILE: &str = "הזמנה,שם,אסימון,מה נקנה,סכום\n\
                           1,דנה לוי,t,קערה כחולה,12.50\n\
                           2,\"כהן, יוסי\",t,\"צלחת \"\"גדולה\"\"\",7\n\
                           3,חברה בע\"מ,t,\"שתי\nשורות\",1234.5\n";

#[test]
fn a_hebrew_file_is_read_in_each_encoding_that_excel_writes() {
    let crlf = HEBREW_FILE.replace('\n', "\r\n");
    let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    let files: [(&str, Vec<u8>); 6] = [
        ("utf-8", HEBREW_FILE.into()),
        ("utf-8 with its mark", [BOM, HEBREW_FILE.as_bytes()].concat()),
        ("CRLF", crlf.clone().into_bytes()),
        ("UTF-16, low byte first", wide(&crlf, u16::to_le_bytes)),
        ("UTF-16, high byte first", wide(HEBREW_FILE, u16::to_be_bytes)),
        ("no line break at the end", HEBREW_FILE.trim_end().into()),
    ];
    for (what, bytes) in files {
        let (provider, hub) = approving();
        hub.write("scripts/charge.rhai", HEBREW_SCRIPT);
        hub.edit("gesher.toml", "\"order_id\"", "\"הזמנה\"");
        hub.edit("gesher.toml", "\"amount\"", "\"סכום\"");
        let done = done(&hub, "מרץ 2026.csv", &bytes);
        assert_eq!(done.statuses(), ["succeeded"; 3], "{what}: {done:#?}");
        let lines: Vec<_> = done.rows.iter().map(|row| row.get("gesher_line")).collect();
        assert_eq!(lines, ["2", "3", "4"], "{what}");
        assert_eq!(done.header[..5], ["הזמנה", "שם", "אסימון", "מה נקנה", "סכום"], "{what}");
        assert_eq!(done.row("הזמנה", "2").get("מה נקנה"), "צלחת \"גדולה\"", "{what}");
        assert_eq!(done.row("הזמנה", "3").get("שם"), "חברה בע\"מ", "{what}");
        assert_eq!(done.row("הזמנה", "3").get("מה נקנה").replace('\r', ""), "שתי\nשורות", "{what}");
        let mut amounts: Vec<_> = provider.received().iter().map(|one| (one.order(), one.amount())).collect();
        amounts.sort();
        let want = [("1", "12.50"), ("2", "7.00"), ("3", "1234.50")];
        assert_eq!(amounts, want.map(|(order, amount)| (order.to_owned(), amount.to_owned())), "{what}");
        let names: Vec<_> =
            provider.received().iter().map(|one| one.json()["Customer"]["Name"].clone()).collect();
        assert!(names.iter().any(|name| name == "כהן, יוסי"), "{what}: {names:?}");
    }
}

#[test]
fn the_result_keeps_the_order_of_the_rows_whatever_order_they_ended_in() {
    let provider = FakeProvider::start(|received, _| {
        let order: u64 = received.order().parse().unwrap();
        // The first rows take longest.
        Reply::After(std::time::Duration::from_millis(200 / order), Box::new(Reply::Approve))
    });
    let hub = Hub::bulk("en", provider.base_url());
    let done = done(&hub, "march.csv", charges_csv(1, 24));
    let orders: Vec<u32> = done.rows.iter().map(|row| row.get("order_id").parse().unwrap()).collect();
    assert_eq!(orders, (1..25).collect::<Vec<_>>());
    assert_eq!(done.report["file"].as_str(), Some("march.csv"), "{}", done.report);
    assert_eq!(done.report["run"].as_str(), Some(done.run.as_str()));
    assert_eq!(done.report["sha256"].as_str().map(str::len), Some(64));
    assert!(provider.most_open() > 1, "rows are charged side by side");
    assert!(provider.most_open() <= 8, "and no more of them than the flow's concurrency allows");
}

#[test]
fn files_that_were_dropped_while_the_hub_was_down_are_found() {
    let (provider, hub) = approving();
    hub.drop_file("march.csv", charges_csv(1, 3));
    hub.drop_file("april.csv", charges_csv(4, 3));
    let serving = hub.serve();
    for name in ["march.csv", "april.csv"] {
        assert_eq!(hub.wait_done(name).count("succeeded"), 3);
    }
    charged_once(&provider, 1..7);
    drop(serving);
}

#[test]
fn a_file_that_still_grows_is_not_taken_before_it_is_quiet() {
    use std::io::Write;
    let (provider, hub) = approving();
    hub.edit("gesher.toml", "settle = \"100ms\"", "settle = \"4s\"");
    let serving = hub.serve();
    let text = charges_csv(1, 12);
    let mut file = std::fs::File::create(hub.inbox("slow.csv")).unwrap();
    for part in text.as_bytes().chunks(text.len() / 5 + 1) {
        file.write_all(part).unwrap();
        nap(400);
    }
    drop(file);
    assert_eq!(hub.wait_done("slow.csv").count("succeeded"), 12);
    charged_once(&provider, 1..13);
    drop(serving);
}

#[test]
fn a_retry_file_is_in_the_encoding_of_its_file_and_can_be_dropped_as_it_is() {
    let (provider, hub) = approving();
    let wide = |text: &str| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let header = "order_id,name,token,amount\r\n";
    let bad = "2,\"דנה\nלוי\",t,bad\r\n";
    let first = done(&hub, "march.csv", wide(&format!("{header}1,נועה,t,5.00\r\n{bad}")));
    assert_eq!(first.statuses(), ["succeeded", "invalid"]);
    assert_eq!(first.retry, Some(wide(&format!("{header}{bad}"))));
    let second = done(&hub, "retry.csv", wide(&format!("{header}{}", bad.replace("bad", "6"))));
    assert_eq!(second.statuses(), ["succeeded"]);
    charged_once(&provider, 1..3);
}

#[test]
fn a_result_file_that_was_mended_and_dropped_is_a_file_like_any_other() {
    let (provider, hub) = approving();
    let first = done(&hub, "march.csv", "order_id,name,token,amount\n1,Dana,t,5.00\n2,Noa,t,six\n");
    let mended = String::from_utf8(first.result).unwrap().replace("six", "6.00");
    let second = done(&hub, "mended.csv", mended);
    assert_eq!(second.statuses(), ["duplicate", "succeeded"]);
    assert_eq!(second.header, first.header, "no column stands twice");
    charged_once(&provider, 1..3);
}

#[test]
fn any_name_that_a_sender_may_give_is_taken() {
    let (provider, hub) = approving();
    let serving = hub.serve();
    let long = "x".repeat(240);
    let names = [
        "a b;\"c\".csv",
        "-rf.csv",
        "two.dots.csv",
        "UPPER.CSV",
        "new\nline.csv",
        "\u{202e}evil.csv",
        "מרץ.csv",
    ];
    for (at, name) in (1..).zip(names) {
        hub.drop_file(name, charges_csv(at, 1));
        // What would break a line, or turn it round, is not in the names that the hub gives.
        let kept = name.replace('\n', "_").replace('\u{202e}', "");
        assert_eq!(hub.wait_done(&kept).count("succeeded"), 1, "{name}");
    }
    // Names that leave no room for what the hub puts into them, and bytes that are no text.
    std::fs::write(hub.inbox(&format!("{long}.csv")), charges_csv(8, 1)).unwrap();
    let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"bad\xff.csv");
    std::fs::write(hub.inbox("").join(bytes), charges_csv(9, 1)).unwrap();
    until("the last two charges", 30, || (provider.charges() == 9).then_some(()));
    charged_once(&provider, 1..10);
    until("an empty work folder", 30, || names_in(&hub.inbox(".work")).is_empty().then_some(()));
    assert_eq!(serving.stop().code, 0);
    assert_eq!(
        hub.cmd(&["runs"]).expect(0).stdout.lines().count(),
        10,
        "one line for each run, and the head"
    );
}

#[test]
fn a_file_that_changes_after_it_was_validated_ends_with_the_rows_that_were_taken() {
    use std::io::{Seek, SeekFrom, Write};
    let provider = FakeProvider::start(|_, _| {
        Reply::After(std::time::Duration::from_millis(2), Box::new(Reply::Approve))
    });
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    let text = charges_csv(1, 6000);
    let mut file = std::fs::File::create(hub.inbox("march.csv.tmp")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::fs::rename(hub.inbox("march.csv.tmp"), hub.inbox("march.csv")).unwrap();
    until("the first charges", 60, || (provider.charges() > 10).then_some(()));
    // A sender that goes on writing into a file that it had given away: the last row, with another amount.
    let last = text.trim_end().rfind('\n').unwrap() + 1;
    file.seek(SeekFrom::Start(u64::try_from(last).unwrap())).unwrap();
    write!(file, "6000,Dana Levi,{},99999.99\r\n", gesher_tests::hub::token(6000)).unwrap();
    drop(file);
    let done = hub.wait_done("march.csv");
    let taken = done.rows.len();
    assert!(taken < 6000, "{}", done.report);
    assert_eq!(done.report["not_taken"], 6000 - taken, "{}", done.report);
    assert!(provider.received().iter().all(|received| received.amount() != "99999.99"));
    let late = names_in(&hub.inbox("failed"));
    assert_eq!(late, [format!("march.{}.late.csv", done.run)]);
    drop(serving);
}

#[test]
fn what_fails_behind_a_charge_that_was_made_before_is_told_and_the_charge_is_not_made_again() {
    let (provider, hub) = approving();
    hub.edit("gesher.toml", "row_key = [\"order_id\"]", "row_key = [\"note\"]");
    hub.edit(
        "scripts/charge.rhai",
        "    })\n}",
        "    });\n    if row.note == \"c\" { throw \"no label\" }\n}",
    );
    let file = |note: &str| format!("note,order_id,name,token,amount\n{note},1,Dana,t,5.00\n");
    let run = |name: &str, note: &str| {
        let (output, done) = hub.run_file(name, file(note));
        let done = done.unwrap_or_else(|| panic!("{output:#?}"));
        done.adds_up();
        (output.code, done)
    };
    assert_eq!(run("a.csv", "a").1.statuses(), ["succeeded"]);
    let (code, again) = run("b.csv", "b");
    assert_eq!((code, again.statuses()), (0, vec!["duplicate"]));
    for name in ["c.csv", "retry.csv"] {
        let (code, failed) = run(name, "c");
        assert_eq!((code, failed.statuses(), failed.rows[0].code()), (1, vec!["rejected"], "script_error"));
        for part in ["had succeeded before", "was not sent again", "no label"] {
            assert!(failed.rows[0].message().contains(part), "{part}: {:?}", failed.rows[0]);
        }
        assert_eq!(failed.retry_rows().len(), 1, "it may be dropped again");
    }
    charged_once(&provider, 1..2);
}
