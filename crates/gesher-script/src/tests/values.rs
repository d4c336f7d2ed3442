//! Values: money, texts, and what the hub's own functions make of them.

use super::*;

#[test]
fn money_is_decimal_and_half_is_rounded_away_from_zero() {
    check_value("0.1 + 0.2 == 0.3", json!(true));
    check_value("0.1 + 0.2", decimal("0.3"));
    check_value("0.1 + 0.2 == 0.3000000000000001", json!(false));
    check_value("2.345.round(2)", decimal("2.35"));
    check_value("(-2.345).round(2)", decimal("-2.35"));
    check_value("2.5.round()", decimal("3"));
    check_value("let n = 7; n.round(2)", json!(7));
    check_value("decimal(\"12.50\") * 2", decimal("25.00"));
    check_value("decimal(\"-4.5\")", decimal("-4.5"));
    check_value("decimal(7)", decimal("7"));
    check_value("int(\" 2030 \") + 1", json!(2031));
    check_value("int(\"-3\")", json!(-3));
    check_value("int(4.00)", json!(4));
    check_threw("decimal(\"12,50\")", "bad_amount", "12,50");
    check_threw("decimal(\"4.999\")", "bad_amount", "two digits");
    check_threw("decimal(\"\")", "bad_amount", "missing");
    check_threw("decimal([1])", "script_error", "decimal() takes a text or a number");
    check_threw("int(\"2x\")", "bad_number", "no whole number");
    check_threw("int(4.5)", "bad_number", "4.5");
    check_threw("int(\"99999999999999999999\")", "bad_number", "no whole number");
    check_threw("1.5.round(-1)", "script_error", "cannot be negative");
}

#[test]
fn the_hub_s_functions_do_what_they_say() {
    check_value(
        "json::parse(`{\"a\": [1, 2.50, null, true, \"x\"]}`)",
        json!({"a": [1, decimal("2.50"), null, true, "x"]}),
    );
    check_value("json::stringify(#{ b: 12.50, a: () })", json!(r#"{"a":null,"b":12.50}"#));
    check_value(
        "csv::parse(\"name,amount\\n\\\"Dana, Ltd\\\",12.50\\n\")",
        json!([{"name": "Dana, Ltd", "amount": "12.50"}]),
    );
    check_value("time::now()", json!("2026-03-27T01:30:00+03:00"));
    check_value("time::today()", json!("2026-03-27"));
    let dana = json!({
        "handle": "dana", "state": "live", "company_id": 2_410_000_222_i64, "corporate_number": "300000007"
    });
    check_value("vendors::get(\"dana\")", dana.clone());
    check_value("vendors::get(\"nobody\")", json!(null));
    check_value("[vendors::exists(\"noa\"), vendors::exists(\"nobody\")]", json!([true, false]));
    let noa =
        json!({ "handle": "noa", "state": "opening", "company_id": null, "corporate_number": "300000015" });
    check_value("vendors::list()", json!([dana, noa]));
    check_threw("json::parse(\"{\")", "script_error", "no JSON");
    check_threw("csv::parse(\"a,b\\n1\\n\")", "script_error", "no CSV");
    check_threw("csv::parse(\"a,a\\n1,2\\n\")", "script_error", "twice");
    check_threw("json::stringify(#{ f: |x| x })", "script_error", "f: a value of type Fn");
}

#[test]
fn every_function_that_is_registered_can_be_called_by_its_name() {
    for builtin in builtins() {
        let end = value_of(&format!("{}; 1", builtin.example));
        assert_eq!(end, ProgramEnd::Returned(json!(1)), "{}", builtin.name);
        assert!(builtin.signature.starts_with(builtin.name), "{}", builtin.name);
    }
    for (_, registered) in registry().iter() {
        let descriptor = registered.entry.descriptor;
        for arity in crate::arities(&descriptor) {
            let key = if *arity == 3 { "\"k-1\", " } else { "" };
            let path = descriptor.name.strip_prefix(descriptor.word()).filter(|path| !path.is_empty());
            let path = path.map_or_else(String::new, |path| format!("{path:?}, "));
            let (provider, word) = (descriptor.provider, descriptor.word());
            let call = format!("{provider}::{word}({path}\"dana\", {key}#{{}}).status");
            check_value(&call, json!("succeeded"));
        }
    }
}

#[test]
fn the_table_of_functions_is_complete() {
    let mut listed: Vec<&str> = builtins().map(|builtin| builtin.name).collect();
    listed.sort_unstable();
    let mut registered = Vec::new();
    for (name, module) in crate::builtins::modules() {
        let mut engine = rhai::Engine::new_raw();
        engine.register_static_module("m", module.into());
        let names = engine.collect_fn_metadata(None, |info| Some(info.metadata.name.to_string()), true);
        registered.extend(names.into_iter().map(|function| format!("{name}::{function}")));
    }
    let mut engine = rhai::Engine::new_raw();
    engine.register_global_module(crate::builtins::global_module().into());
    registered.extend(engine.collect_fn_metadata(None, |info| Some(info.metadata.name.to_string()), true));
    registered.sort();
    registered.dedup();
    assert_eq!(registered, listed);
}

#[test]
fn israeli_rules_answer_in_maps_and_in_the_hub_s_language() {
    check_value(
        "il::check_id(\"12345678-2\")",
        json!({"status": "valid", "value": "123456782", "message": ""}),
    );
    check_value("il::check_id(18).value", json!("000000018"));
    check_value("il::check_id(\"123456789\").status", json!("invalid"));
    check_value("il::check_company(\"123456789\").kind", json!(null));
    check_value("il::check_bank_account(54, 1, 123456).status", json!("unknown"));
    check_value("il::check_bank_account(\"x\", 1, 123456).status", json!("invalid"));
    check_value("il::bank(\"26\")", json!({"code": 26, "name": "UBank", "merged_into": 31}));
    check_value("il::bank(\"x\")", json!(null));
    let iban = json!({
        "status": "valid", "value": "IL620108000000099999999", "message": "", "bank": 10, "branch": 800,
        "account": "99999999",
    });
    check_value("il::check_iban(\"IL62 0108 0000 0009 9999 999\")", iban);
    let phone = json!({
        "status": "valid", "value": "0501234567", "message": "", "kind": "mobile", "international": "+972501234567",
    });
    check_value("il::check_phone(\"+972 50-123 4567\")", phone);
    let parts = json!({
        "rate": 18, "net": decimal("100.00"), "vat": decimal("18.00"), "total": decimal("118.00"),
    });
    for amount in ["118", "118.00", "\"118\""] {
        check_value(&format!("il::vat_included({amount}, \"2026-03-27\")"), parts.clone());
    }
    check_value("il::vat_added(0.03, \"2024-12-31\").total", decimal("0.04"));
    check_value("il::vat_rate(\"2024-12-31\") + 0.5", decimal("17.5"));
    check_value("il::vat_rate(\"1990-01-01\")", json!(null));
    check_value("il::allocation(5000, \"01/06/2026\").needed", json!("unknown"));
    check_value("il::allocation(5000, \"01/06/2026\").threshold", json!(5000));
    check_value("il::date_text(\"2026-03-07\") + il::iso_date(\"7/3/2026\")", json!("07/03/20262026-03-07"));
    check_value("il::period(\"2026-03-27T23:30:00+03:00\")", json!("2026-03"));
    let hebrew =
        json!({"year": 5787, "month": "Adar II", "day": 14, "leap": true, "text": "14 Adar II 5787"});
    check_value("il::hebrew_date(\"2027-03-23\")", hebrew);
    check_value("il::gregorian_date(5787, \"אדר ב׳\", 14)", json!("2027-03-23"));
    let day = json!({
        "date": "2026-09-11", "weekday": "Friday", "shabbat": false, "yom_tov": false, "erev_shabbat": true,
        "erev_yom_tov": true, "hol_hamoed": false, "holiday": null, "bank_business_day": true, "bank_day_ends": "14:00",
    });
    check_value("il::day(\"2026-09-11\")", day);
    check_value("il::is_bank_business_day(\"2026-03-29\", [\"29/03/2026\"])", json!(false));
    check_value("il::next_bank_business_day(\"2026-03-28\", [\"2026-03-29\"])", json!("2026-03-30"));
    check_value("il::previous_bank_business_day(\"2026-03-28\", [\"2026-03-27\"])", json!("2026-03-26"));
    check_value("il::add_bank_business_days(\"2026-03-28\", -1, [])", json!("2026-03-27"));
    check_value(
        "il::is_rest_time(\"2026-03-27T12:59:00Z\") == il::is_rest_time(\"2026-03-28T21:00:00+03:00\")",
        json!(true),
    );
}

#[test]
fn israeli_rules_throw_only_for_what_is_no_date_no_amount_and_no_text() {
    check_threw("il::vat_rate(\"soon\")", "bad_date", "27/03/2026");
    check_threw("il::vat_added(1, \"1990-01-01\")", "bad_date", "not known");
    check_threw("il::vat_included(\"1,000\", \"2026-03-27\")", "bad_amount", "decimal point");
    check_threw("il::is_rest_time(\"2026-03-27\")", "bad_date", "time::now()");
    check_threw("il::gregorian_date(5787, \"Adam\", 14)", "bad_date", "Adar II");
    check_threw("il::add_bank_business_days(\"2026-03-28\", 9999999)", "bad_date", "within reach");
    check_threw("il::check_id(())", SCRIPT_ERROR, "il::check_id takes a text or an integer");
    check_threw("il::is_bank_business_day(\"2026-03-29\", 7)", SCRIPT_ERROR, "an array of dates");
    check_fault("fn on_call(args) { il::check_id(1, 2) }", "il::check_id(number)");
    check_fault("fn on_call(args) { il::chek_id(1) }", "did you mean check_id");
    check_fault(
        "const RATE = il::vat_rate(\"2026-01-01\"); fn on_call(args) { }",
        "a constant cannot call the hub",
    );
    let key = "fn on_row(row) { officeguy::charge(\"dana\", il::period(time::today()), #{}) }";
    check_fault(key, "built from the clock");
}
