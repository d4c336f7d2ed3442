//! `gesher check` finds what would be refused whenever a script comes to it, before anything runs; and `gesher
//! definitions` writes what editors need.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::{Hub, charges_csv};

/// Asserts that `check` finds this in the hub's script with `from` replaced by `to`, and that it can be seen as JSON.
#[track_caller]
fn check(from: &str, to: &str, want: &[&str]) {
    let hub = Hub::bulk("en", "simulator");
    hub.edit("scripts/charge.rhai", from, to);
    let words = hub.cmd(&["check"]).expect(2).words();
    for want in want {
        assert!(words.contains(want), "{to}: `{want}` is missing in: {words}");
    }
    let document = hub.cmd(&["--json", "check"]).expect(2).json();
    let fault = &document["faults"][0];
    assert_eq!(
        (&document["ok"], &fault["file"]),
        (&false.into(), &"scripts/charge.rhai".into()),
        "{document}"
    );
    assert!(fault["line"].as_u64().unwrap() > 1 && fault["column"].as_u64().unwrap() > 1, "{fault}");
}

#[test]
fn a_script_is_checked_before_anything_runs() {
    check("officeguy::charge", "officeguy::chrage", &["did you mean charge?", "scripts/charge.rhai:3:"]);
    check(
        "\"marketplace\", row.order_id, #{",
        "row.order_id, #{",
        &["write officeguy::charge(who, key, #{...})"],
    );
    check(
        "ExternalIdentifier:",
        "ExternalIdentifer:",
        &["did you mean ExternalIdentifier?", "4:22", "    |"],
    );
    check(
        "UnitPrice:",
        "UnitPirce:",
        &["Items[0].UnitPirce: there is no such field; did you mean UnitPrice?"],
    );
    check("Quantity: 1", "Quantity: \"1\"", &["Items[0].Quantity: expected number, found text"]);
    check(
        "Type: \"CreditCard\"",
        "Type: \"CreditCrad\"",
        &["`CreditCrad` is not known; did you mean CreditCard?"],
    );
    check("VATIncluded: true", "VATIncluded: \"yes\"", &["VATIncluded: expected true or false"]);
    check("row.order_id, #{", "\"a\" + time::now(), #{", &["the key is built from the clock"]);
    check("row.order_id, #{", "key(row), #{", &["there is no function key"]);
    check(
        "fn on_row(row) {",
        "fn key(row) { `${row.order_id}/${time::today()}` }\nfn on_row(row) {\n    let r = key(row); officeguy::charge(\"a\", r, row);",
        &["the key is built from the clock"],
    );
    check("officeguy::charge", "officeguy::refund", &["the flow may not call officeguy.refund", "`allow`"]);
}

#[test]
fn what_is_only_foreseen_is_refused_row_by_row_in_a_hub_that_was_started_all_the_same() {
    let hub = Hub::bulk("en", "simulator");
    hub.edit("scripts/charge.rhai", "VATIncluded:", "VatIncluded:");
    let (output, done) = hub.run_file("march.csv", charges_csv(1, 2));
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.words().contains("this will be refused"), "{output:#?}");
    assert_eq!(done.unwrap().statuses(), ["rejected", "rejected"]);
}

#[test]
fn definitions_are_written_where_they_are_wanted() {
    let hub = Hub::bulk("en", "simulator");
    hub.cmd(&["definitions"]).expect(0);
    let text = std::fs::read_to_string(hub.path("definitions/officeguy.d.rhai")).unwrap();
    assert!(text.contains("fn charge(who: String, key: ?, request: Map) -> Map;"));
    let elsewhere = hub.path("elsewhere");
    let written = hub.cmd(&["--json", "definitions", elsewhere.to_str().unwrap()]).expect(0).json();
    let files = written["files"].as_array().unwrap();
    assert!(files.len() >= 10, "{written}");
    for file in files {
        assert!(elsewhere.join(file.as_str().unwrap()).is_file());
    }
    let template = Hub::template("en");
    for path in ["definitions/senzey.d.rhai", "Rhai.toml", ".vscode/settings.json", ".vscode/tasks.json"] {
        assert!(template.path(path).is_file(), "{path}");
    }
}

#[test]
fn time_zone_data_that_is_too_old_is_told_to_a_hub_with_a_schedule() {
    let scratch = tempfile::tempdir().unwrap();
    let zones = scratch.path().join("zoneinfo");
    std::fs::create_dir_all(zones.join("Asia")).unwrap();
    std::fs::copy("/usr/share/zoneinfo/Asia/Jerusalem", zones.join("Asia/Jerusalem")).unwrap();
    std::fs::write(zones.join("tzdata.zi"), "# version 2013d\n").unwrap();
    let hub = Hub::bulk("en", "simulator").with_variable("TZDIR", zones.to_str().unwrap());
    let warnings = || hub.cmd(&["--json", "check"]).expect(0).json()["warnings"].clone();
    assert_eq!(warnings().as_array().unwrap().len(), 0, "no flow of this hub goes by the clock");
    hub.write("scripts/tick.rhai", "fn on_schedule(tick) { log::info(tick.nominal); }\n");
    hub.set("flow.tick", "script", "\"scripts/tick.rhai\"");
    hub.set("flow.tick.schedule", "cron", "\"0 6 * * *\"");
    let warned = warnings();
    let text = warned.to_string();
    assert!(
        warned.as_array().unwrap().len() == 1 && text.contains("is of 2013d") && text.contains("tzdata"),
        "{text}"
    );
    std::fs::write(zones.join("tzdata.zi"), "# version 9999a\n").unwrap();
    assert_eq!(warnings().as_array().unwrap().len(), 0);
}
