//! Files in every encoding and format that a flow takes, those that wait for a person, those that come with another, and
//! what hostile senders put into a folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::books::{BookCell, ods, xlsx};
use gesher_tests::crash::points::DROP_POINTS;
use gesher_tests::files::names_in;
use gesher_tests::pages;
use gesher_tests::program::{gesher_crash, run, workspace};
use gesher_tests::{Done, FakeProvider, Hub, Serving, charges_csv, gesher, until};
use serde_json::Value;
use std::fs;
use std::process::Command;

const FLOW: &str = "flow.bulk-charge";
const DROP: &str = "flow.bulk-charge.drop";

fn hub(provider: &FakeProvider) -> Hub {
    Hub::bulk("en", provider.base_url())
}

/// A hub in which three rows of [`charges_csv`] have to be approved.
fn careful(provider: &FakeProvider) -> Hub {
    let hub = hub(provider);
    let text = fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", format!("{text}\n[{FLOW}.limits]\napprove_above = \"20.00 ILS\"\n"));
    hub
}

fn newest(hub: &Hub) -> Value {
    hub.cmd(&["--json", "runs"]).expect(0).json_lines().remove(0)
}

#[track_caller]
fn until_state(hub: &Hub, state: &str) -> Value {
    until(&format!("a run that is {state}"), 30, || {
        let runs = hub.cmd(&["--json", "runs"]).json_lines();
        runs.into_iter().next().filter(|run| run["state"] == state)
    })
}

fn id(run: &Value) -> String {
    run["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_above_the_bound_waits_until_a_person_approves_it() {
    let provider = FakeProvider::approving();
    let hub = careful(&provider);
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 3));
    let held = until_state(&hub, "held");
    let run = id(&held);
    assert_eq!((&held["terms"]["rows"], &held["terms"]["totals"]["ILS"]), (&3.into(), &"37.50".into()));
    assert_eq!(names_in(&hub.inbox("held")), [format!("march.{run}.csv")]);
    let shown = hub.cmd(&["show", &run]).expect(4);
    assert!(shown.stdout.contains("gesher approve"), "{shown:#?}");
    assert_eq!(provider.charges(), 0);
    // Nobody gets around it by dropping the file once more, nor by letting it go on as if it had halted.
    hub.drop_file("again.csv", charges_csv(1, 3));
    hub.wait_duplicate("again.csv");
    hub.cmd(&["resume", &run]).expect(2);
    let approved = hub.cmd(&["--json", "approve", &run, "--reason", "as every month"]).expect(0).json();
    assert_eq!((&approved["decision"], &approved["applied"]), (&"approve".into(), &true.into()));
    let done = hub.wait_done("march.csv");
    assert_eq!((done.count("succeeded"), provider.charges()), (3, 3));
    hub.cmd(&["approve", &run]).expect(2);
    drop(serving);
}

#[test]
fn the_foreground_says_what_to_type_and_the_next_start_carries_out_what_was_decided() {
    let provider = FakeProvider::approving();
    let hub = careful(&provider);
    let path = hub.scratch().join("march.csv");
    fs::write(&path, charges_csv(1, 3)).unwrap();
    let dry = hub.cmd(&["run", "bulk-charge", "--file", path.to_str().unwrap(), "--dry-run"]).expect(0);
    assert!(dry.stdout.contains("it would wait for `gesher approve`"), "{dry:#?}");
    let (output, done) = hub.run_file("march.csv", charges_csv(1, 3));
    assert_eq!((output.code, done.is_none()), (4, true), "{output:#?}");
    let run = id(&newest(&hub));
    for part in [format!("gesher approve {run}"), format!("gesher reject {run}")] {
        assert!(output.stdout.contains(&part), "{output:#?}");
    }
    let written = hub.cmd(&["approve", &run]).expect(0);
    assert!(written.stdout.contains("written down"), "{written:#?}");
    assert_eq!(provider.charges(), 0);
    let serving = hub.serve();
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 3);
    drop(serving);
}

#[test]
fn a_rejected_file_goes_to_the_failed_ones_with_what_became_of_its_rows() {
    let provider = FakeProvider::approving();
    let hub = careful(&provider);
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 3));
    let run = id(&until_state(&hub, "held"));
    hub.cmd(&["reject", &run, "--reason", "the wrong month"]).expect(0);
    let over = until_state(&hub, "cancelled");
    assert!(over["message"].as_str().unwrap().contains("the wrong month"), "{over}");
    let names = names_in(&hub.inbox("failed"));
    for end in ["csv", "result.csv", "report.json", "retry.csv"] {
        assert!(names.contains(&format!("march.{run}.{end}")), "{names:?}");
    }
    let report: Value =
        serde_json::from_slice(&fs::read(hub.inbox(&format!("failed/march.{run}.report.json"))).unwrap())
            .unwrap();
    assert_eq!(report["counts"]["cancelled"], 3);
    assert!(names_in(&hub.inbox("held")).is_empty() && provider.charges() == 0);
    drop(serving);
}

#[test]
fn a_file_that_was_changed_while_it_waited_has_to_be_approved_for_what_it_is_now() {
    let provider = FakeProvider::approving();
    let hub = careful(&provider);
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 3));
    let run = id(&until_state(&hub, "held"));
    let held = hub.inbox(&format!("held/march.{run}.csv"));
    fs::write(&held, charges_csv(1, 4)).unwrap();
    let refused = hub.cmd(&["approve", &run]).expect(4);
    for part in ["does not hold", "it had 3 rows and has 4", "37.50 ILS", "52.00 ILS"] {
        assert!(refused.stdout.contains(part), "{refused:#?}");
    }
    fs::rename(&held, hub.scratch().join("away.csv")).unwrap();
    let refused = hub.cmd(&["approve", &run]).expect(4);
    assert!(refused.stdout.contains("the file is gone from"), "{refused:#?}");
    fs::rename(hub.scratch().join("away.csv"), &held).unwrap();
    hub.edit("scripts/charge.rhai", "// Charges each row.", "// Charges every row.");
    serving.stop();
    let serving = hub.serve();
    let refused = hub.cmd(&["approve", &run]).expect(4);
    assert!(refused.stdout.contains("the script changed"), "{refused:#?}");
    assert_eq!(provider.charges(), 0);
    hub.cmd(&["approve", &run]).expect(0);
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 4);
    assert_eq!(provider.charges(), 4);
    drop(serving);
}

#[test]
fn wherever_the_hub_dies_around_an_approval_the_file_is_charged_once_or_not_at_all() {
    for point in DROP_POINTS {
        let provider = FakeProvider::approving();
        let mut hub = careful(&provider);
        hub.set(DROP, "done_file", "\"{name}.done\"");
        let doomed = |hub: &mut Hub| {
            hub.use_program(gesher_crash(), &[("GESHER_FAILPOINT", point)]);
            let serving = Serving::start_unready(hub);
            hub.use_program(gesher_crash(), &[("GESHER_FAILPOINT", "")]);
            serving
        };
        let drop_both = |hub: &Hub| {
            hub.drop_file("march.csv", charges_csv(1, 3));
            hub.drop_file("march.csv.done", "");
        };
        let is_before = ["claim.along", "held.told", "held.moved"].contains(&point);
        let decision = if point == "reject.told" { "reject" } else { "approve" };
        if !is_before {
            let serving = hub.serve();
            drop_both(&hub);
            until_state(&hub, "held");
            serving.stop();
            hub.cmd(&[decision, &id(&newest(&hub))]).expect(0);
        }
        let mut serving = doomed(&mut hub);
        if is_before {
            until("the hub to serve", 30, || hub.inbox(".work").exists().then_some(()));
            drop_both(&hub);
        }
        until(&format!("the hub to die at {point}"), 60, || (!serving.process.runs()).then_some(()));
        assert_eq!(serving.process.wait_signal(), Some(9), "{point}: {}", serving.process.words());
        assert_eq!(provider.charges(), 0, "{point}");
        let serving = hub.serve();
        if is_before {
            let run = id(&until_state(&hub, "held"));
            hub.cmd(&[decision, &run]).expect(0);
        }
        let (end, charged, place) = match decision {
            "approve" => ("finished", 3, "done"),
            _ => ("cancelled", 0, "failed"),
        };
        let run = id(&until_state(&hub, end));
        assert_eq!(provider.charges(), charged, "{point}");
        let names = names_in(&hub.inbox(place));
        for file in ["csv", "result.csv", "report.json"] {
            assert!(names.contains(&format!("march.{run}.{file}")), "{point}: {names:?}");
        }
        assert!(names.contains(&format!("march.csv.{run}.done")), "{point}: {names:?}");
        assert!(names_in(&hub.inbox(".work")).is_empty(), "{point}: {}", hub.listing());
        assert_eq!(newest(&hub)["run"], run.as_str(), "{point}: one file, one run");
        drop(serving);
    }
}

/// Two rows with a Hebrew name and an id with a leading zero, separated so.
fn two_rows(separator: &str) -> String {
    let rows = [
        ["order_id", "name", "token", "amount"],
        ["007", "דנה לוי", "aaaaaaaa-bbbb-4ccc-8ddd-000000000007", "10.50"],
        ["008", "נעה, כהן", "aaaaaaaa-bbbb-4ccc-8ddd-000000000008", "x"],
    ];
    let cell = |cell: &str| if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() };
    rows.iter().map(|row| row.map(cell).join(separator) + "\r\n").collect()
}

#[track_caller]
fn check_format(name: &str, settings: &[(&str, &str)], bytes: &[u8], retry: Option<&[u8]>) {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    let (_, ending) = name.rsplit_once('.').unwrap();
    hub.set(DROP, "pattern", &format!("\"*.{ending}\""));
    settings.iter().for_each(|(setting, value)| hub.set(DROP, setting, value));
    let (output, done) = hub.run_file(name, bytes);
    let done = done.unwrap_or_else(|| panic!("{name} {settings:?}: {output:#?}"));
    assert_eq!(done.statuses(), ["succeeded", "invalid"], "{name} {settings:?}");
    let cells: Vec<_> = done.rows.iter().map(|row| (row.get("order_id"), row.get("name"))).collect();
    assert_eq!(cells, [("007", "דנה לוי"), ("008", "נעה, כהן")], "{name} {settings:?}");
    assert_eq!(provider.received()[0].json()["Customer"]["Name"], "דנה לוי");
    assert_eq!(done.input, bytes);
    if let Some(retry) = retry {
        let (ending, stem) = (ending, name.rsplit_once('.').unwrap().0);
        let found = fs::read(hub.inbox(&format!("done/{stem}.{}.retry.{ending}", done.run))).unwrap();
        assert_eq!(found, retry, "{name} {settings:?}: byte for byte as it came");
    } else {
        assert_eq!(done.retry_rows()[0].get("name"), "נעה, כהן");
    }
}

/// The header and the second row.
fn without_the_first(text: &str) -> String {
    text.split_inclusive("\r\n").enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect()
}

/// The letters of the old Hebrew encodings stand from 0xe0 on, in the order of the alphabet.
fn old_hebrew(text: &str) -> Vec<u8> {
    let byte = |c: char| match u32::from(c) {
        code @ 0x5d0..=0x5ea => u8::try_from(code - 0x5d0 + 0xe0).unwrap(),
        code => u8::try_from(code).unwrap(),
    };
    text.chars().map(byte).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn the_same_rows_come_out_of_every_encoding_and_separator() {
    for encoding in ["windows-1255", "iso-8859-8"] {
        let text = two_rows(",");
        let (bytes, retry) = (old_hebrew(&text), old_hebrew(&without_the_first(&text)));
        check_format("march.csv", &[("encoding", &format!("\"{encoding}\""))], &bytes, Some(&retry));
    }
    let tabs = two_rows("\t");
    check_format("march.tsv", &[], &utf16(&tabs), Some(&utf16(&without_the_first(&tabs))));
    let semicolons = two_rows(";");
    let retry = without_the_first(&semicolons);
    check_format("march.csv", &[("separator", "\";\"")], semicolons.as_bytes(), Some(retry.as_bytes()));
}

#[test]
fn the_same_rows_come_out_of_a_workbook() {
    use BookCell::{Number, Text};
    let header = [Text("order_id"), Text("name"), Text("token"), Text("amount")];
    let rows = [
        [Text("007"), Text("דנה לוי"), Text("aaaaaaaa-bbbb-4ccc-8ddd-000000000007"), Number("10.5")],
        [Text("008"), Text("נעה, כהן"), Text("aaaaaaaa-bbbb-4ccc-8ddd-000000000008"), Text("x")],
    ];
    let rows: [&[BookCell<'_>]; 3] = [&header, &rows[0], &rows[1]];
    check_format("march.xlsx", &[], &xlsx(&rows), None);
    check_format("march.ods", &[], &ods(&rows), None);
}

#[test]
fn what_a_sheet_has_lost_is_told_and_never_made_up() {
    use BookCell::{Date, Error, Number, Text};
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    hub.set(DROP, "pattern", "\"*.xlsx\"");
    let header = [Text("order_id"), Text("name"), Text("token"), Text("amount")];
    let row = |id, name, amount| [id, name, Text("aaaaaaaa-bbbb-4ccc-8ddd-000000000001"), amount];
    let rows = [
        row(Number("4580123412341230"), Text("long"), Number("1")),
        row(Number("2"), Error("#REF!"), Number("1")),
        row(Number("3"), Text("computed"), Number("0.30000000000000004")),
        row(Number("123456789012345"), Date(46082), Number("1.1000000000000001")),
    ];
    let mut all: Vec<&[BookCell<'_>]> = vec![&header];
    all.extend(rows.iter().map(|row| row.as_slice()));
    let (_, done) = hub.run_file("march.xlsx", xlsx(&all));
    let done = done.unwrap();
    assert_eq!(done.statuses(), ["invalid", "invalid", "invalid", "succeeded"]);
    assert!(done.rows[0].message().contains("15 digits"), "{:?}", done.rows[0]);
    assert!(done.rows[1].message().contains("error"), "{:?}", done.rows[1]);
    assert_eq!((done.rows[3].get("order_id"), done.rows[3].get("name")), ("123456789012345", "2026-03-01"));
    assert_eq!((provider.received()[0].amount(), done.rows[3].get("amount")), ("1.10".to_owned(), "1.1"));
}

#[test]
fn an_encoding_or_a_separator_is_suggested_and_never_guessed() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    for (bytes, wanted) in [
        (old_hebrew(&two_rows(",")), "encoding = \"windows-1255\""),
        (two_rows(";").into_bytes(), "separator = \";\""),
        (two_rows("\t").into_bytes(), "separator = \"tab\""),
    ] {
        let (output, done) = hub.run_file("march.csv", &bytes);
        assert_eq!((output.code, done.is_none()), (1, true), "{output:#?}");
        assert!(output.stdout.contains(wanted), "`{wanted}`: {output:#?}");
    }
    assert_eq!(provider.count(), 0);
}

#[test]
fn a_file_is_taken_only_with_what_has_to_come_with_it_and_refused_when_that_says_otherwise() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    hub.set(DROP, "done_file", "\"{name}.done\"");
    hub.set(DROP, "control", "\"{stem}.control\"");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 2));
    hub.drop_file("march.control", "rows = 2\ntotal = 24.00\n");
    hub.drop_file("april.csv", charges_csv(11, 2));
    hub.drop_file("april.control", "rows = 3\ntotal = 43.00\n");
    hub.drop_file("april.csv.done", "");
    let failed = hub.wait_failed("april.csv");
    let faults = &failed.text;
    assert!(faults.contains("3 rows, and the file has 2"), "{faults}");
    assert!(hub.inbox("march.csv").exists(), "it waits for its done-file");
    hub.drop_file("march.csv.done", "");
    let done = hub.wait_done("march.csv");
    assert_eq!((done.count("succeeded"), provider.charges()), (2, 2));
    let names = names_in(&hub.inbox("done"));
    for along in [format!("march.{}.control", done.run), format!("march.csv.{}.done", done.run)] {
        assert!(names.contains(&along), "{names:?}");
    }
    assert!(names_in(&hub.inbox("")).iter().all(|name| !name.contains("march") && !name.contains("april")));
    // A file that is named on the command line is whole; what it must hold is its sender's to say.
    let path = hub.scratch().join("may.csv");
    fs::write(&path, charges_csv(21, 2)).unwrap();
    let run = |code| hub.cmd(&["run", "bulk-charge", "--file", path.to_str().unwrap()]).expect(code);
    assert!(run(2).stderr.contains("control file"));
    fs::write(hub.scratch().join("may.control"), "rows: 2").unwrap();
    run(0);
    serving.stop();
    fs::write(&path, charges_csv(31, 2)).unwrap();
    run(0);
    assert_eq!(provider.charges(), 6);
}

#[test]
fn files_in_folders_inside_are_taken_only_when_asked_and_their_results_lie_where_all_do() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    fs::create_dir_all(hub.inbox("north")).unwrap();
    fs::write(hub.inbox("north/march.csv"), charges_csv(1, 1)).unwrap();
    fs::write(hub.inbox("april.csv"), charges_csv(2, 1)).unwrap();
    let serving = hub.serve();
    hub.wait_done("april.csv");
    assert!(hub.inbox("north/march.csv").exists());
    serving.stop();
    hub.set(DROP, "subfolders", "true");
    let serving = hub.serve();
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 1);
    assert!(names_in(&hub.inbox("north")).is_empty());
    drop(serving);
}

#[test]
fn names_of_every_kind_are_taken_and_leave_their_reports() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    let long = format!("{}.csv", "ש".repeat(125));
    let names =
        ["a\nb.csv", "\u{202e}מרץ\u{200f}.csv", "-rf.csv", "spaces  and 'quotes'.csv", &long, ".csv.csv"];
    for (at, name) in (1..).zip(names) {
        fs::create_dir_all(hub.inbox("")).unwrap();
        fs::write(hub.inbox(name), charges_csv(at * 10, 1)).unwrap();
    }
    let serving = hub.serve();
    // The last one is hidden.
    until("five files to be done", 60, || (provider.charges() == 5).then_some(()));
    until("their reports", 30, || {
        let names = names_in(&hub.inbox("done"));
        (names.iter().filter(|name| name.ends_with(".report.json")).count() == 5).then_some(())
    });
    for name in names_in(&hub.inbox("done")) {
        assert!(!name.contains(['\n', '\u{202e}', '\u{200f}']) && name.len() <= 255, "{name:?}");
    }
    drop(serving);
}

#[test]
fn files_made_to_hurt_are_refused_in_a_moment_and_others_go_on() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    let serving = hub.serve();
    hub.drop_file("line.csv", vec![b'x'; 100 << 20]);
    hub.drop_file("columns.csv", format!("{}\n", "c,".repeat(10_000)));
    hub.drop_file("quote.csv", format!("order_id,name,token,amount\n1,\"{}", "open,\n".repeat(400_000)));
    hub.drop_file("nul.csv", "order_id,name,token,amount\n1,a\0b,t,5\n");
    hub.drop_file("good.csv", charges_csv(1, 3));
    assert_eq!(hub.wait_done("good.csv").count("succeeded"), 3);
    for (name, problem) in [
        ("line.csv", "longer than 1024 KiB"),
        ("columns.csv", "more than 512 columns"),
        ("quote.csv", "longer than 1024 KiB"),
        ("nul.csv", "NUL"),
    ] {
        let faults = hub.wait_failed(name).text;
        assert!(faults.contains(problem), "{name}: {faults}");
    }
    let peak = serving.process.peak_memory_kib() >> 10;
    assert!(peak < 200, "{peak} MiB");
    drop(serving);
}

#[test]
fn a_folder_full_of_other_peoples_files_keeps_nobody_waiting() {
    let provider = FakeProvider::approving();
    let hub = hub(&provider);
    fs::create_dir_all(hub.inbox("")).unwrap();
    for number in 0..30_000 {
        fs::File::create(hub.inbox(&format!("{number}.txt"))).unwrap();
    }
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 3));
    assert_eq!(hub.wait_done("march.csv").count("succeeded"), 3);
    drop(serving);
    let done: Option<Done> = Done::find(&hub.inbox("done"), "march.csv", &[]);
    assert!(done.is_some());
}

#[test]
fn the_example_of_the_page_about_drops_runs_as_written() {
    let scratch = tempfile::tempdir().unwrap();
    let shim = scratch.path().join("shim");
    fs::create_dir(&shim).unwrap();
    std::os::unix::fs::symlink(gesher(), shim.join("gesher")).unwrap();
    let script = pages::script(&fs::read_to_string(workspace().join("docs/drops.md")).unwrap());
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(script).current_dir(scratch.path()).env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", shim.display()));
    let output = run(&mut bash, None);
    assert_eq!(output.code, 0, "{output:#?}");
    for part in ["it would wait for `gesher approve`", "gesher reject", "written down: approve"] {
        assert!(output.stdout.contains(part), "`{part}`: {output:#?}");
    }
    let inbox = scratch.path().join("shop/inbox");
    let april = Done::find(&inbox.join("charges/done"), "april.csv", &[]).unwrap();
    assert_eq!(april.statuses(), ["succeeded", "succeeded"]);
    assert!(names_in(&inbox.join("charges/held")).is_empty());
    let south = Done::find(&inbox.join("south/done"), "south.csv", &[]).unwrap();
    assert_eq!((south.statuses(), south.rows[0].get("customer")), (vec!["succeeded"], "Levi; Dana"));
}
