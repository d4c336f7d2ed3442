//! Input that is broken: each kind ends in `failed/`, or in an `invalid` row, with words that a bookkeeper understands,
//! and nothing is charged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::{files_with, names_in};
use gesher_tests::{FakeProvider, Hub, charges_csv, is_root, nap, skip};
use std::path::PathBuf;

const HEADER: &str = "order_id,name,token,amount\n";

/// A file that is refused whole: what is in it, and a word that its errors must hold, in Hebrew and in English.
struct BadFile {
    name: &'static str,
    bytes: Vec<u8>,
    he: &'static str,
    en: &'static str,
}

fn bad_files() -> Vec<BadFile> {
    let file =
        |name, text: &str, he, en| BadFile { name, bytes: text.replace("HEADER\n", HEADER).into(), he, en };
    let raw = |name, bytes: &[u8], he, en| BadFile { name, bytes: bytes.to_vec(), he, en };
    let utf16_without_mark: Vec<u8> =
        format!("{HEADER}1,דנה,t,5.00\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let windows_1255 = [HEADER.as_bytes(), b"1,\xe3\xf0\xe4,t,5.00\n"].concat();
    let columns: String = (0..600).map(|at| format!(",c{at}")).collect();
    vec![
        file("empty", "", "ריק", "empty"),
        file("blank-lines", "\n\r\n  \n", "ריק", "empty"),
        file("mark-only", "\u{feff}", "ריק", "empty"),
        file("header-only", "HEADER\n", "כותרות", "no rows"),
        file("no-key-column", "name,token,amount\nDana,t,5.00\n", "order_id", "order_id"),
        file("no-amount-column", "order_id,name,token\n1,Dana,t\n", "amount", "amount"),
        file("no-column-of-the-script", "order_id,name,amount\n1,Dana,5.00\n", "token", "token"),
        file("misspelled-column", "order_id,name,tokn,amount\n1,Dana,t,5.00\n", "tokn", "tokn"),
        file("column-twice", "order_id,name,token,amount,name\n1,Dana,t,5.00,Noa\n", "name", "name"),
        file("column-without-name", "order_id,name,token,amount,\n1,Dana,t,5.00,x\n", "5", "5"),
        file("semicolons", "order_id;name;token;amount\n1;Dana;t;5.00\n", "order_id", "order_id"),
        file("row-too-narrow", "HEADER\n1,Dana,t,5.00\n2,Dana,t\n", "3", "3"),
        file("row-too-wide", "HEADER\n1,Levi, Dana,t,5.00\n", "5", "5"),
        file(
            "quote-not-closed",
            "HEADER\n1,Dana,t,5.00\n2,\"Dana,t,5.00\n3,Noa,t,5.00\n",
            "מירכאות",
            "quotation",
        ),
        file("quote-inside", "HEADER\n1,\"Dana\" Levi,t,5.00\n", "מירכאות", "quotation"),
        file("lost-character", "HEADER\n1,D\u{fffd}na,t,5.00\n", "אבד", "lost"),
        file("cvv", "order_id,name,token,amount,CVV\n1,Dana,t,5.00,123\n", "CVV", "CVV"),
        file(
            "security-code",
            "order_id,name,token,amount,קוד אבטחה\n1,Dana,t,5.00,123\n",
            "קוד אבטחה",
            "קוד אבטחה",
        ),
        file("track", "order_id,name,token,amount,Track2\n1,Dana,t,5.00,x\n", "Track2", "Track2"),
        file(
            "card-number-column",
            "order_id,name,Card Number,token,amount\n1,Dana,x,t,5.00\n",
            "Card Number",
            "Card Number",
        ),
        raw("not-utf-8", &windows_1255, "UTF-8", "UTF-8"),
        raw("nul", &[HEADER.as_bytes(), b"1,Da\0na,t,5.00\n"].concat(), "NUL", "NUL"),
        raw("utf-16-without-mark", &utf16_without_mark, "NUL", "NUL"),
        raw(
            "half-a-utf-16",
            &[b"\xff\xfe", utf16_without_mark.as_slice(), b"x"].concat(),
            "UTF-16",
            "UTF-16",
        ),
        raw("an-image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01", "", ""),
        raw("a-zip", b"PK\x03\x04\x14\0\0\0\x08\0\xe1\xe2\xff\xfe", "", ""),
        file("six-hundred-columns", &format!("order_id,name,token,amount{columns}\n"), "512", "512"),
        file("a-long-row", &format!("HEADER\n1,{},t,5.00\n", "x".repeat(2 << 20)), "ארוכה", "longer"),
    ]
}

fn is_hebrew(text: &str) -> bool {
    text.chars().any(|letter| ('א'..='ת').contains(&letter))
}

#[test]
fn a_file_that_cannot_be_read_is_refused_whole_in_words_and_nothing_is_charged() {
    let provider = FakeProvider::approving();
    for language in ["he", "en"] {
        let hub = Hub::bulk(language, provider.base_url());
        let serving = hub.serve();
        for file in bad_files() {
            hub.drop_file(&format!("{}.csv", file.name), &file.bytes);
        }
        for file in bad_files() {
            let failed = hub.wait_failed(&format!("{}.csv", file.name));
            let word = if language == "he" { file.he } else { file.en };
            assert!(!failed.errors.is_empty(), "{}: {}", file.name, failed.text);
            assert!(failed.text.contains(word), "{}: `{word}` is missing in: {}", file.name, failed.text);
            let own_hebrew = file.en == file.he && is_hebrew(file.he);
            assert!(
                is_hebrew(&failed.text) == (language == "he") || own_hebrew,
                "{}: {}",
                file.name,
                failed.text
            );
            assert_eq!(std::fs::read(&failed.file).unwrap(), file.bytes, "{}: kept as it came", file.name);
        }
        assert_eq!(names_in(&hub.inbox("done")), Vec::<String>::new());
        assert_eq!(names_in(&hub.inbox(".work")), Vec::<String>::new());
        // A file that was refused whole may be dropped again: it was never taken.
        hub.drop_file("again.csv", &bad_files()[4].bytes);
        hub.wait_failed("again.csv");
        assert_eq!(serving.stop().code, 0);
    }
    assert_eq!(provider.count(), 0);
}

#[test]
fn the_errors_of_a_refused_file_name_line_and_column() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let text = format!("{HEADER}1,Dana,t,5.00\n\"2\",\"a\nb\",t,5.00\n3,Dana,t\n4,Dana,t,5.00,x\n");
    let path = hub.scratch().join("march.csv");
    std::fs::write(&path, text).unwrap();
    let output = hub.cmd(&["run", "bulk-charge", "--file", path.to_str().unwrap()]).expect(1);
    let failed = hub.wait_failed("march.csv");
    let lines: Vec<_> = failed.errors.iter().map(|row| row.get("line")).collect();
    assert!(lines.contains(&"5"), "the line where the record starts: {}", failed.text);
    assert!(output.words().contains("failed"), "{output:#?}");
    assert_eq!(provider.count(), 0);
}

/// A row that is invalid: the amount's cell, and whether the hub must refuse it.
const AMOUNTS: &[(&str, bool)] = &[
    ("5", true),
    ("5.5", true),
    ("5.50", true),
    (" 5.50 ", true),
    ("\u{200f}5.50", true),
    ("0.01", true),
    ("\"1,250.50\"", false),
    ("\"12,50\"", false),
    ("1e3", false),
    ("1E+3", false),
    ("-5", false),
    ("+5", false),
    ("0", false),
    ("0.00", false),
    ("4.999", false),
    ("4.990", false),
    ("₪12", false),
    ("12 ₪", false),
    ("12 ILS", false),
    ("", false),
    ("   ", false),
    ("5.", false),
    (".5", false),
    ("5..5", false),
    ("5.5.5", false),
    ("1 250", false),
    ("1'250", false),
    ("١٢", false),
    ("חמש", false),
    ("=5+5", false),
    ("(5.00)", false),
    ("0x10", false),
    ("NaN", false),
    ("inf", false),
    ("99999999999999999999", false),
    ("5−", false),
];

#[test]
fn an_amount_in_another_form_makes_the_row_invalid_and_is_never_guessed() {
    let provider = FakeProvider::approving();
    for language in ["he", "en"] {
        let hub = Hub::bulk(language, provider.base_url());
        let mut text = String::from(HEADER);
        for (at, (cell, _)) in AMOUNTS.iter().enumerate() {
            text.push_str(&format!("{language}-{at},Dana,t,{cell}\n"));
        }
        let (output, done) = hub.run_file("march.csv", text);
        let done = done.unwrap_or_else(|| panic!("{output:#?}"));
        done.adds_up();
        assert_eq!(output.code, 1);
        for ((cell, good), row) in AMOUNTS.iter().zip(&done.rows) {
            let want = if *good { "succeeded" } else { "invalid" };
            assert_eq!(row.status(), want, "{cell:?}: {row:?}");
            if !good {
                assert!(row.message().contains("amount"), "{cell:?}: {row:?}");
                assert_eq!(is_hebrew(row.message()), language == "he", "{cell:?}: {row:?}");
            }
        }
    }
    let sent = AMOUNTS.iter().filter(|(_, good)| *good).count();
    assert_eq!(provider.count(), 2 * sent);
}

#[test]
fn a_row_with_a_card_number_is_invalid_and_the_number_is_shown_nowhere() {
    const CARDS: [&str; 4] =
        ["4111111111111111", "5555 5555 5555 4444", "3714-496353-98431", "4580458045804580"];
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("he", provider.base_url());
    let mut text = String::from(HEADER);
    for (at, card) in CARDS.iter().enumerate() {
        text.push_str(&format!("{at},Dana,{card},5.00\n"));
    }
    text.push_str("card 4111111111111111,Dana,t,5.00\n90,\"my card: 4111111111111111, thanks\",t,5.00\n91,Dana,t,5.00\n");
    let (output, done) = hub.run_file("march.csv", &text);
    let done = done.unwrap_or_else(|| panic!("{output:#?}"));
    done.adds_up();
    let (good, bad) = done.rows.split_last().unwrap();
    assert_eq!(good.status(), "succeeded");
    assert_eq!(bad.len(), CARDS.len() + 2);
    for row in bad {
        assert_eq!((row.status(), row.code()), ("invalid", "card_number"), "{row:?}");
    }
    assert!(done.retry_rows().is_empty(), "a row with a card number is left out of retry.csv: {done:#?}");
    let show = hub.cmd(&["show", &done.run]);
    let json = hub.cmd(&["--json", "show", &done.run]);
    for card in CARDS.iter().chain(&["4111111111111111"]) {
        for output in [&output, &show, &json] {
            assert!(!output.words().contains(card), "{output:#?}");
        }
        // The sender's own file is kept as it came; the test's copy of it lies beside the hub.
        let own: Vec<PathBuf> = files_with(hub.folder(), card);
        let input = hub.inbox("done").join(format!("march.{}.csv", done.run));
        assert!(own.iter().all(|path| *path == input), "{card} stands in {own:?}");
    }
    assert_eq!(provider.count(), 1);
}

#[test]
fn a_column_of_long_numbers_may_be_named_as_no_cards() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("he", provider.base_url());
    hub.set("flow.bulk-charge.drop", "not_cards", "[\"member\"]");
    let text = "order_id,name,token,amount,member\n1,Dana,t,5.00,4111111111111111\n";
    let (_, done) = hub.run_file("march.csv", text);
    assert_eq!(done.unwrap().statuses(), ["succeeded"]);
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_neutralised_in_the_result_and_kept_in_retry() {
    let provider = FakeProvider::start(|_, _| gesher_tests::Reply::Decline("004"));
    let hub = Hub::bulk("en", provider.base_url());
    let text = "order_id,name,token,amount,phone,balance\n\
                1,\"=HYPERLINK(\"\"http://evil.test\"\")\",t,5.00,050-1234567,-12.50\n\
                2,@SUM(A1),t,5.00,+972501234567,7\n3,\"\tx\",t,5.00,0501234567,+7\n4,-2+3+cmd|' /C calc'!A0,t,5.00,1,1\n";
    let (_, done) = hub.run_file("march.csv", text);
    let done = done.unwrap();
    for row in &done.rows {
        let name = row.get("name");
        assert!(!name.starts_with(['=', '+', '-', '@', '\t', '\r']), "{row:?}");
    }
    let phones: Vec<_> = done.rows.iter().map(|row| row.get("phone")).collect();
    assert_eq!(phones, ["050-1234567", "+972501234567", "0501234567", "1"], "numbers and phones stay");
    assert_eq!(done.rows[0].get("balance"), "-12.50");
    assert_eq!(String::from_utf8(done.retry.unwrap()).unwrap(), text, "retry.csv is byte for byte");
}

#[test]
fn a_row_without_its_key_or_with_a_key_that_excel_shortened_is_invalid() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("he", provider.base_url());
    let long = "9".repeat(600);
    let text = format!(
        "{HEADER},Dana,t,5.00\n\u{200f} ,Dana,t,5.00\n4.58E+15,Dana,t,5.00\n{long},Dana,t,5.00\n\"a\nb\",Dana,t,5.00\n"
    );
    let (_, done) = hub.run_file("march.csv", text);
    let done = done.unwrap();
    done.adds_up();
    assert_eq!(done.statuses(), ["invalid"; 5], "{done:#?}");
    assert!(
        done.rows.iter().all(|row| is_hebrew(row.message()) && row.message().contains("order_id")),
        "{done:#?}"
    );
    assert_eq!(provider.count(), 0);
}

#[test]
fn a_very_long_cell_reaches_the_provider_or_is_refused_in_words() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let name = "ד".repeat(100_000);
    let (_, done) = hub.run_file("march.csv", format!("{HEADER}1,{name},t,5.00\n"));
    let done = done.unwrap();
    let row = &done.rows[0];
    assert!(
        row.status() == "succeeded" && row.get("name") == name || row.status() == "rejected",
        "{}",
        row.status()
    );
    assert!(row.message().chars().count() < 1_000, "a message stays readable");
}

#[test]
fn a_line_of_a_hundred_megabytes_costs_neither_memory_nor_time() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    let before = serving.process.peak_memory_kib();
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend_from_slice(b"1,\"");
    bytes.resize(100 << 20, b'x');
    hub.drop_file("long.csv", &bytes);
    drop(bytes);
    let failed = hub.wait_failed("long.csv");
    assert!(failed.text.len() < 10_000, "the errors do not repeat the line");
    let grown = serving.process.peak_memory_kib() - before;
    assert!(grown < 32 << 10, "{grown} KiB more than before");
    assert_eq!(provider.count(), 0);
}

#[test]
fn folders_links_and_temporary_names_are_left_alone() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    let file = charges_csv(100, 1);
    std::fs::write(hub.scratch().join("outside.csv"), &file).unwrap();
    std::fs::create_dir(hub.inbox("folder.csv")).unwrap();
    std::os::unix::fs::symlink(hub.scratch().join("outside.csv"), hub.inbox("link.csv")).unwrap();
    let names = [
        "a.csv.tmp",
        "b.csv.part",
        "c.csv.partial",
        "d.csv.filepart",
        "e.csv.crdownload",
        "~$f.csv",
        ".g.csv",
        "h.txt",
    ];
    for name in names {
        std::fs::write(hub.inbox(name), &file).unwrap();
    }
    hub.drop_file("march.csv", charges_csv(1, 1));
    hub.wait_done("march.csv");
    nap(1_500);
    for name in names.iter().chain(&["folder.csv", "link.csv"]) {
        assert!(hub.inbox(name).symlink_metadata().is_ok(), "{name} is gone: {}", hub.listing());
    }
    assert_eq!(provider.count(), 1);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_file_that_may_not_be_read_waits_and_stops_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    if is_root() {
        return skip("a_file_that_may_not_be_read_waits_and_stops_nothing_else", "no permission stops root");
    }
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    hub.drop_file("closed.csv", charges_csv(1, 1));
    std::fs::set_permissions(hub.inbox("closed.csv"), std::fs::Permissions::from_mode(0o000)).unwrap();
    hub.drop_file("march.csv", charges_csv(2, 1));
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 1);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_script_that_fails_on_a_row_rejects_that_row_alone() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    hub.edit("scripts/charge.rhai", "fn on_row(row) {", "fn on_row(row) {\n    if row.name == \"\" { throw \"no name\" }\n    if row.name == \"skip\" { return }\n    if row.name == \"loop\" { loop { } }");
    let text = format!("{HEADER}1,Dana,t,5.00\n2,,t,5.00\n3,loop,t,5.00\n4,skip,t,5.00\n5,Noa,t,5.00\n");
    let (_, done) = hub.run_file("march.csv", text);
    let done = done.unwrap();
    done.adds_up();
    assert_eq!(done.statuses(), ["succeeded", "rejected", "rejected", "skipped", "succeeded"], "{done:#?}");
    assert_eq!(done.rows[1].code(), "script_error");
    assert!(done.rows[1].message().contains("no name"), "{:?}", done.rows[1]);
    assert_eq!(provider.count(), 2);
}
