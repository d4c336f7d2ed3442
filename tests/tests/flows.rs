//! The example flows, as somebody meets them who has only their README: each block is typed as it stands, against the
//! simulator, and what became of every row is looked at.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::files::{names_in, result_rows};
use gesher_tests::pages;
use gesher_tests::program::{run, workspace};
use gesher_tests::{Row, gesher};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// What a README left behind.
struct Read {
    scratch: TempDir,
    words: String,
}

impl Read {
    /// Types every `sh` block of `scripts/FLOW/README.md` in an empty folder; all of it must go well.
    #[track_caller]
    fn readme(flow: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let (bin, home) = (scratch.path().join("bin"), scratch.path().join("home"));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&home).unwrap();
        std::os::unix::fs::symlink(gesher(), bin.join("gesher")).unwrap();
        let text = std::fs::read_to_string(workspace().join("scripts").join(flow).join("README.md")).unwrap();
        assert!(!pages::blocks(&text, "sh").is_empty(), "{flow}: nothing to type");
        let script = pages::script(&text);
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(script).current_dir(&home).env_clear();
        bash.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("TMPDIR", scratch.path());
        let output = run(&mut bash, None);
        assert_eq!(output.code, 0, "{flow}: {output:#?}");
        Self { words: output.words(), scratch }
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.scratch.path().join("home/h").join(inner)
    }

    /// The rows of the one result of `stem` in a drop folder.
    #[track_caller]
    fn rows(&self, folder: &str, stem: &str) -> Vec<Row> {
        result_rows(&self.path(folder).join("done"), stem)
    }

    /// One more command on the hub.
    #[track_caller]
    fn again(&self, arguments: &[&str], code: i32) -> String {
        let mut command = gesher_tests::program::command();
        command.arg("--hub").arg(self.path("")).args(arguments);
        run(&mut command, None).expect(code).words()
    }
}

/// Every row succeeded under a reference of its own.
#[track_caller]
fn all_succeeded(rows: &[Row], want: usize) {
    assert_eq!(rows.len(), want);
    let mut references: Vec<&str> = rows.iter().map(|row| row.get("gesher_reference")).collect();
    references.sort_unstable();
    references.dedup();
    assert_eq!(references.len(), want, "{rows:#?}");
    assert!(
        rows.iter().all(|row| row.status() == "succeeded" && !row.get("gesher_reference").is_empty()),
        "{rows:#?}"
    );
}

#[test]
fn a_vendor_is_opened_once_however_often_it_is_called() {
    let read = Read::readme("onboard-vendor");
    let runs = read.again(&["--json", "runs"], 0);
    for counts in [r#""counts":{"succeeded":1}"#, r#""counts":{"duplicate":1}"#] {
        assert_eq!(runs.lines().filter(|line| line.contains(counts)).count(), 1, "{runs}");
    }
}

#[test]
fn cards_are_charged_in_bulk() {
    let read = Read::readme("bulk-charge");
    let rows = read.rows("inbox/charges", "charges");
    assert!(rows.iter().filter(|row| row.status() == "succeeded").count() >= 5, "{rows:#?}");
}

#[test]
fn invoices_are_made_in_bulk_and_nobody_is_charged() {
    let read = Read::readme("bulk-invoices");
    let rows = read.rows("inbox/invoices", "invoices");
    all_succeeded(&rows, 4);
    assert!(rows.iter().all(|row| !row.get("gesher_document").is_empty()), "{rows:#?}");
    assert!(
        read.words.contains("inv-2003"),
        "an invoice above the threshold raises an alert: {}",
        read.words
    );
    assert!(!read.words.contains("invoice inv-2002"), "{}", read.words);

    // A wrong business number refuses its row, and the others are not made twice.
    let sample = std::fs::read_to_string(read.path("samples/bulk-invoices/invoices.csv")).unwrap();
    let wrong = sample.replace("inv-2002", "inv-2012").replace("512345679", "512345678");
    let again = read.scratch.path().join("again.csv");
    std::fs::write(&again, wrong).unwrap();
    read.again(&["run", "bulk-invoices", "--file", again.to_str().unwrap()], 1);
    let rows = read.rows("inbox/invoices", "again");
    let statuses: Vec<&str> = rows.iter().map(Row::status).collect();
    assert_eq!(statuses, ["duplicate", "rejected", "duplicate", "duplicate"], "{rows:#?}");
    assert_eq!(rows[1].code(), "bad_business_number");
}

#[test]
fn a_subscription_pays_a_month_once() {
    let read = Read::readme("monthly-subscriptions");
    all_succeeded(&read.rows("inbox/subscriptions", "subscriptions"), 5);
    // The tick of December ran once, though it was asked for twice, and is not run again.
    assert_eq!(read.words.matches("this tick has its run already").count(), 1, "{}", read.words);
    let runs = read.again(&["--json", "runs", "--flow", "monthly", "--limit", "100"], 0);
    assert_eq!(runs.matches("\"trigger\":\"schedule\"").count(), 1, "{runs}");
    // The next file repeats a month and has the following one, and one row has no month.
    let header = "subscription,month,vendor,customer_id,customer,email,token,exp_month,exp_year,plan,amount";
    let row = |subscription: &str, month: &str| {
        format!(
            "{subscription},{month},marketplace,cust-{subscription},Dana,dana@example.test,\
             aaaaaaaa-bbbb-4ccc-8ddd-000000000017,12,2035,Plan,49.90"
        )
    };
    let next =
        [header.to_owned(), row("sub-17", "2026-12"), row("sub-18", "2027-01"), row("sub-19", "01/2027")];
    let file = read.scratch.path().join("next.csv");
    std::fs::write(&file, next.join("\n")).unwrap();
    read.again(&["run", "monthly", "--file", file.to_str().unwrap()], 1);
    let rows = read.rows("inbox/subscriptions", "next");
    let statuses: Vec<&str> = rows.iter().map(Row::status).collect();
    assert_eq!(statuses, ["duplicate", "succeeded", "rejected"], "{rows:#?}");
    assert!(rows[2].message().contains("01/2027"), "{rows:#?}");
    // A subscription that was charged by hand is not charged again by a file: the operation's key is the same.
    let by_hand = [header.to_owned(), row("sub-21", "2026-12")];
    let file = read.scratch.path().join("by-hand.csv");
    std::fs::write(&file, by_hand.join("\n")).unwrap();
    read.again(&["run", "monthly", "--file", file.to_str().unwrap()], 0);
    assert_eq!(read.rows("inbox/subscriptions", "by-hand")[0].status(), "duplicate");
}

#[test]
fn standing_orders_are_opened_once_each() {
    let read = Read::readme("standing-orders");
    let rows = read.rows("inbox/standing-orders", "orders");
    all_succeeded(&rows, 3);

    // The second file repeats an order under another amount, has a mistyped identity number, and an account that only
    // looks mistyped, which is warned of.
    let sample = std::fs::read_to_string(read.path("samples/standing-orders/orders.csv")).unwrap();
    let lines: Vec<&str> = sample.lines().collect();
    let next = [
        lines[0].to_owned(),
        lines[1].replace("118.00", "218.00"),
        lines[1].replace("so-301", "so-401").replace("123456782", "123456789"),
        lines[1].replace("so-301", "so-402").replace("1003", "1004").replace("israela@", "other@"),
    ];
    let file = read.scratch.path().join("next.csv");
    std::fs::write(&file, next.join("\n")).unwrap();
    let words = read.again(&["run", "standing-orders", "--file", file.to_str().unwrap()], 1);
    let rows = read.rows("inbox/standing-orders", "next");
    let statuses: Vec<&str> = rows.iter().map(Row::status).collect();
    assert_eq!(statuses, ["duplicate", "rejected", "succeeded"], "{rows:#?}");
    assert_eq!(rows[1].code(), "bad_id_number");
    assert!(words.contains("order so-402"), "an account that looks mistyped is warned of: {words}");
}

#[test]
fn a_payment_is_given_back_and_no_more_than_it() {
    let read = Read::readme("refunds");
    all_succeeded(&read.rows("inbox/refunds", "refunds"), 2);
    // It was given back whole: one more agora is refused.
    let sample = std::fs::read_to_string(read.path("samples/refunds/refunds.csv")).unwrap();
    let more = sample.lines().take(2).collect::<Vec<_>>().join("\n");
    let file = read.scratch.path().join("more.csv");
    std::fs::write(&file, more.replace("ref-501", "ref-503").replace("30.00", "0.01")).unwrap();
    read.again(&["run", "refunds", "--file", file.to_str().unwrap()], 1);
    let rows = read.rows("inbox/refunds", "more");
    assert_eq!((rows[0].status(), rows[0].code()), ("rejected", "exceeds_original"), "{rows:#?}");
}

#[test]
fn every_example_flow_has_its_script_its_tests_its_part_its_sample_and_its_readme() {
    for flow in names_in(&workspace().join("scripts")) {
        let names = names_in(&workspace().join("scripts").join(&flow));
        for want in ["gesher.toml", "README.md"] {
            assert!(names.iter().any(|name| name == want), "scripts/{flow} lacks {want}");
        }
        for ending in [".rhai", ".test.rhai"] {
            assert!(names.iter().any(|name| name.ends_with(ending)), "scripts/{flow} lacks a {ending}");
        }
        assert!(names.iter().any(|name| name.starts_with("sample")), "scripts/{flow} lacks a sample");
    }
}

#[test]
fn a_hub_with_every_example_flow_is_sound() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("h");
    let mut command = gesher_tests::program::command();
    run(command.arg("new").arg(&folder).args(["--template", "all"]), None).expect(0);
    let mut command = gesher_tests::program::command();
    let output = run(command.arg("--hub").arg(&folder).arg("check"), None).expect(0);
    assert!(!output.words().contains("warning"), "{output:#?}");
}
