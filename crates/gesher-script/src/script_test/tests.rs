//! Files of tests that pass, fail and are refused, each by what an integrator sees of it.

use super::*;
use crate::library::{CompileOptions, compile};
use crate::testing::registry;
use std::fs;

const SCRIPT: &str = r#"// Charges a row.
fn on_row(row) {
    log::info("row " + row.order_id);
    let answer = officeguy::charge("marketplace", row.order_id, #{ Amount: decimal(row.amount), On: time::today() });
    if answer.status == "declined" { alert("declined"); }
    answer.reference
}

fn on_webhook(request) {
    try { officeguy::charge("dana", "w-1", #{}) } catch (refusal) { return refusal.code; }
    "charged"
}

fn on_schedule(tick) { officeguy::create_document("dana", #{ Period: tick.period }); }
"#;

/// Runs the tests of a text, and answers each one's failure as `line: message | expected | actual`.
fn outcome_of(tests: &str) -> Result<Vec<(String, Option<String>)>, Vec<ScriptFault>> {
    let folder = tempfile::tempdir().unwrap();
    let (script, file) = (folder.path().join("charge.rhai"), folder.path().join("charge.test.rhai"));
    fs::write(&script, SCRIPT).unwrap();
    fs::write(&file, tests).unwrap();
    let registry = Arc::new(registry());
    let program = compile(folder.path(), &script, &registry, &CompileOptions::default()).unwrap();
    let time_zone = TimeZone::get("Asia/Jerusalem").unwrap();
    let setting = Setting { language: Language::En, time_zone };
    let suite = Suite::open(folder.path(), &file, program, registry, setting)?;
    let results = suite.names().map(|name| {
        let result = suite.run(name).unwrap().unwrap();
        let failure = result.failure.map(|failure| {
            let sides = [failure.expected, failure.actual].into_iter().flatten();
            sides.fold(format!("{}: {}", failure.place.line, failure.message), |text, side| {
                format!("{text} | {side}")
            })
        });
        (result.name, failure)
    });
    Ok(results.collect())
}

/// Checks the body of one test against how it fails; none when it passes.
fn check(body: &str, want: Option<&str>) {
    let got = outcome_of(&format!("fn test_it() {{\n{body}\n}}\n")).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<String>());
    });
    assert_eq!(got, [("test_it".to_owned(), want.map(str::to_owned))], "{body}");
}

const MOCK: &str = r#"mock("officeguy.charge", |who, key, request| #{ reference: "77", document: "5" });"#;
const ROW: &str = r#"#{ order_id: "A-1", amount: "12.50" }"#;

#[test]
fn a_row_comes_to_what_its_calls_come_to() {
    let row = |mock: &str, wants: &str| {
        check(
            &format!("{mock}\nlet end = run_row({ROW});\nassert_eq([end.status, end.code], {wants});"),
            None,
        );
    };
    row(MOCK, r#"["succeeded", ()]"#);
    row(r#"mock("officeguy.charge", |who, key, request| ());"#, r#"["succeeded", ()]"#);
    let answers = |fields: &str| format!(r#"mock("officeguy.charge", |who, key, request| #{{{fields}}});"#);
    row(&answers(r#"status: "declined", code: "004""#), r#"["declined", "004"]"#);
    row(&answers(r#"status: "rejected", code: "bad""#), r#"["rejected", "bad"]"#);
    row(&answers(r#"status: "unknown", code: "lost""#), r#"["unknown", "lost"]"#);
    let throws =
        |what: &str| format!(r#"mock("officeguy.charge", |who, key, request| {{ throw {what}; }});"#);
    row(&throws(r#"#{ status: "not_sent", code: "off" }"#), r#"["not_sent", "off"]"#);
    row(&throws(r#"#{ code: "x", message: "no" }"#), r#"["rejected", "x"]"#);
    row(&throws(r#""no""#), r#"["rejected", "rejected"]"#);
}

#[test]
fn a_test_sees_what_was_returned_what_was_called_and_sets_the_clock() {
    check(
        &format!(
            "{MOCK}\nlet end = run_row({ROW});\nassert_eq(end.value, \"77\");\nassert_eq(end.document, \"5\");"
        ),
        None,
    );
    let asked = format!(
        r#"at("2026-03-27T00:30:00Z"); {MOCK}
        run_row({ROW});
        assert_eq(calls("officeguy.charge"), [#{{ who: "marketplace", key: "A-1",
            request: #{{ Amount: 12.5, On: "2026-03-27" }} }}]);
        assert_eq(calls("officeguy.create_document"), []);"#
    );
    check(&asked, None);
    // Half past eleven at night in Jerusalem is the day before by no other clock.
    check(
        &format!(
            "at(\"2026-07-01T23:30:00\"); {MOCK}\nrun_row({ROW});\nassert_eq(calls(\"officeguy.charge\")[0].request.On, \"2026-07-01\");"
        ),
        None,
    );
    check(
        "at(\"2026-03-27T02:30:00\");",
        Some("2: at(\"2026-03-27T02:30:00\"): the clocks of Asia/Jerusalem never show this time"),
    );
    check(
        "at(\"noon\");",
        Some(
            "2: at(\"noon\") is no time; write one as 2026-03-27T00:30:00Z, or without the Z for the hub's own zone",
        ),
    );
}

#[test]
fn the_hub_s_own_functions_work_in_a_test_and_operations_are_its_script_s() {
    check(
        "assert_eq(json::parse(`{\"a\": 1}`).a + int(\"2\"), 3); assert_eq(decimal(\"1.50\") * 2, 3);",
        None,
    );
    check(
        "at(\"2026-03-27T00:30:00Z\"); assert_eq(il::period(time::today()), \"2026-03\"); log::info(\"so\");",
        None,
    );
    check(
        "decimal(\"x\");",
        Some(
            "2: `x`: an amount is digits and one decimal point, such as 1250.50, without commas or a currency sign",
        ),
    );
    check(
        &format!("{MOCK} officeguy::charge(\"dana\", \"k\", #{{}});"),
        Some("2: a test calls no operation itself; it runs its script, with run_row and the like"),
    );
}

#[test]
fn every_entry_point_can_be_run_and_a_caught_refusal_stays_caught() {
    let refused = r#"mock("officeguy.charge", |who, key, request| { throw #{ code: "closed" }; });
        let end = run_webhook(#{ body: "{}" });
        assert_eq([end.status, end.value], ["rejected", "closed"]);"#;
    check(refused, None);
    let schedule = r#"mock("officeguy.create_document", |who, key, request| #{ reference: request.Period });
        assert_eq(run_schedule(#{ period: "2026-03" }).reference, "2026-03");"#;
    check(schedule, None);
    check("run_call(#{});", Some("2: charge.rhai has no function on_call"));
    check("run_row(7);", Some("2: run_row takes a map, but got i64"));
    check(
        "run_row(#{ order_id: 7, amount: \"1\" });",
        Some("2: the cell order_id is i64; each cell of a row is text, such as \"12.50\""),
    );
    check(
        "run_row(#{ order_id: \"7\" });",
        Some("2: the row has no column amount, which charge.rhai reads in line 4"),
    );
}

#[test]
fn a_failed_assertion_says_where_and_what_was_expected() {
    check("assert(1 < 2);", None);
    check("assert(1 > 2);", Some("2: it does not hold"));
    check("\nassert(1 > 2, \"order\");", Some("3: order"));
    check("assert_eq(9, 9.00);", None);
    check("assert_eq(#{ a: [1] }, #{ a: [2] });", Some("2: the two are not equal | #{a: [2]} | #{a: [1]}"));
    check("assert_eq(\"1\", 1, \"a text\");", Some("2: a text | 1 | \"1\""));
    check("let x = #{}; x.missing", Some("2: Property not found: missing"));
}

#[test]
fn a_mock_that_is_missing_or_wrong_ends_the_test_whatever_the_script_catches() {
    check(
        "run_webhook(#{});",
        Some(
            "2: the script calls officeguy.charge, and nothing answers it; \
             write mock(\"officeguy.charge\", |who, key, request| #{ … }) before",
        ),
    );
    check(
        "mock(\"officeguy.chrge\", |who, key, request| ());",
        Some("2: there is no operation officeguy.chrge; did you mean officeguy.charge?"),
    );
    let wrong = |answer: &str, why: &str| {
        let why = format!("3: the mock of officeguy.charge does not work: {why}");
        check(
            &format!("mock(\"officeguy.charge\", |who, key, request| {answer});\nrun_webhook(#{{}});"),
            Some(&why),
        );
    };
    wrong("7", "it answers i64, and not a map");
    wrong("#{ refrence: \"7\" }", "an answer has no field refrence; did you mean reference?");
    wrong("#{ status: \"fine\" }", "`fine` is no status");
    wrong(
        "{ throw #{ status: \"declined\" }; }",
        "it throws the status declined; only rejected and not_sent are thrown",
    );
}

#[test]
fn tests_run_alone_and_in_their_order() {
    let got = outcome_of(
        "fn helper() { 1 }\nfn test_b() { mock(\"officeguy.charge\", |a, b, c| ()); run_webhook(#{}); }\n\
         fn test_a() { assert_eq(calls(\"officeguy.charge\").len(), helper() - 1); run_webhook(#{}); }\n",
    );
    let got = got.unwrap();
    assert_eq!(got[0], ("test_b".to_owned(), None));
    assert_eq!(got[1].0, "test_a");
    assert!(got[1].1.as_ref().is_some_and(|failure| failure.starts_with("3: the script calls")), "{got:?}");
}

#[test]
fn a_file_of_tests_is_checked_before_it_runs() {
    let fault = |text: &str, want: &str| {
        let faults = outcome_of(text).unwrap_err();
        assert!(faults.iter().any(|fault| fault.to_string().contains(want)), "{text}: {faults:?}");
    };
    fault("fn test_a(x) { }", "the test test_a takes no arguments");
    fault("fn test_a() { asert(true) }", "there is no function asert");
    fault("fn test_a() { assert_eq(1) }", "assert_eq");
    fault("fn test_a() { ", "does not compile");
    fault("run_row(#{});", "outside of functions");
}
