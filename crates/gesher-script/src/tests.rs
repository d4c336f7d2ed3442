//! What scripts can do, what they cannot, and what is said about it: scripts and wants, in tables.

use crate::testing::{Called, Recorder, all_succeeds, answer, registry, row, succeeded};
use crate::{
    CompileOptions, Level, RhaiHost, RhaiProgram, SCRIPT_ERROR, ScriptFault, builtins, compile, compile_kept,
};
use gesher_core::{Language, OutcomeStatus};
use gesher_engine::{Allow, Answer, CallEnd, Entry, Input, Program, ProgramEnd, ScriptHost};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// As the engine's threads have it.
const STACK_BYTES: usize = 16 << 20;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn compiled(files: &[(&str, &str)]) -> Result<Arc<RhaiProgram>, Vec<ScriptFault>> {
    let folder = folder(files);
    let script = folder.path().join(files[0].0);
    compile(folder.path(), &script, &registry(), &CompileOptions::default())
}

fn program(script: &str) -> Arc<RhaiProgram> {
    compiled(&[("flow.rhai", script)]).unwrap_or_else(|faults| panic!("{}", shown(&faults)))
}

fn shown(faults: &[ScriptFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

fn run(program: &Arc<RhaiProgram>, host: &Arc<Recorder>, input: Input) -> ProgramEnd {
    let (program, host) = (Arc::clone(program), Arc::clone(host));
    on_own_thread(move || program.run_with(host, input))
}

fn run_call(script: &str, host: &Arc<Recorder>) -> ProgramEnd {
    run(&program(script), host, Input::Call(Value::Null))
}

/// How often an answer's data were made into values: data that cannot be is told of in the log.
fn check_read(files: &[(&str, &str)], reads_result: bool, want: usize) {
    let program = compiled(files).unwrap_or_else(|faults| panic!("{}", shown(&faults)));
    let wide = || serde_json::from_str::<Value>("1234567890123456789012345678901234567890").unwrap().into();
    let host = Recorder::new(move |_| Ok(Answer { data: wide(), ..succeeded() }));
    host.reads.store(reads_result, std::sync::atomic::Ordering::SeqCst);
    run(&program, &host, Input::Call(Value::Null));
    let read = host.lines.lock().unwrap().iter().filter(|(_, line)| line.contains("left out")).count();
    assert_eq!((read, host.calls.lock().unwrap().is_empty()), (want, false), "{files:?}");
}

#[test]
fn an_answer_is_made_into_values_unless_nothing_can_look_at_them() {
    const CALL: &str = r#"officeguy::list_payments("dana", #{})"#;
    let other = ("other.rhai", format!("fn pay() {{\n{CALL};\n() }}"));
    for (body, reads_result, want) in [
        (format!("\n{CALL};\n()"), true, 0),
        (format!("\n{CALL}"), false, 0),
        (format!("\n{CALL};"), false, 0),
        (format!("\n{CALL}"), true, 1),
        (format!("let x = {CALL}; ()"), false, 1),
        (format!("return {CALL};"), false, 1),
        (format!("if true {{ {CALL}; }} ()"), false, 1),
        (format!("[1].map(|n| {CALL}); ()"), false, 1),
        (format!("{CALL}.status; ()"), false, 1),
        (format!("log::info({CALL}); ()"), false, 1),
        (format!("\n{CALL}; other::pay(); ()"), false, 1),
        ("pay(); ()".to_owned(), false, 1),
    ] {
        let script = format!("import \"other\" as other; fn pay() {{ {CALL} }} fn on_call(args) {{{body}}}");
        check_read(&[("flow.rhai", &script), (other.0, &other.1)], reads_result, want);
    }
}

/// The script, compiled so that it says what of it ran.
fn covered(script: &str) -> Arc<RhaiProgram> {
    let folder = folder(&[("flow.rhai", script)]);
    let options = CompileOptions { covered: true, ..CompileOptions::default() };
    compile(folder.path(), &folder.path().join("flow.rhai"), &registry(), &options).unwrap()
}

/// The body of `on_call` in `script`, in a world where everything succeeds. A covered script does the same to the letter,
/// and every file's marked text compiles.
fn value_of(body: &str) -> ProgramEnd {
    let script = format!("fn on_call(args) {{ {body} }}");
    let end = run_call(&script, &all_succeeds());
    let covered = covered(&script);
    assert_eq!(covered.coverage().unwrap().functions().len(), 1, "{body}");
    assert_eq!(run(&covered, &all_succeeds(), Input::Call(Value::Null)), end, "{body}");
    end
}

fn check_value(body: &str, want: Value) {
    assert_eq!(value_of(body), ProgramEnd::Returned(want), "{body}");
}

fn check_threw(body: &str, want_code: &str, want_message: &str) {
    let end = value_of(body);
    let ProgramEnd::Threw { code, message } = &end else { panic!("{body}: {end:?}") };
    assert_eq!(code, want_code, "{body}");
    assert!(message.contains(want_message), "{body}: {message}");
}

fn check_fault(script: &str, want: &str) {
    let faults = compiled(&[("flow.rhai", script)]).map(|_| ()).expect_err(script);
    assert!(shown(&faults).contains(want), "{script}\n{}", shown(&faults));
}

fn decimal(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

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

#[test]
fn a_call_reaches_the_world_as_it_was_written() {
    let host = all_succeeds();
    let script = r#"fn on_row(row) {
        officeguy::charge(row.vendor, 1007, #{ Items: [#{ UnitPrice: decimal(row.amount), Quantity: 1 }], VATIncluded: true })
    }"#;
    let end = run(&program(script), &host, Input::Row(row(&[("vendor", "dana"), ("amount", "12.50")])));
    let want = Called {
        operation: "officeguy.charge".into(),
        who: "dana".into(),
        key: Some("1007".into()),
        request: json!({"Items": [{"Quantity": 1, "UnitPrice": decimal("12.50")}], "VATIncluded": true}),
    };
    assert_eq!(*host.calls.lock().unwrap(), [want]);
    let answer = json!({
        "status": "succeeded", "reference": "90000001", "document": "1001", "code": "000", "message": "approved",
        "replayed": false, "data": {"Payment": {"ID": 90_000_001, "Amount": 9}},
    });
    assert_eq!(end, ProgramEnd::Returned(answer));
}

#[test]
fn wrong_arguments_are_named_with_the_call_that_was_expected() {
    check_threw(
        "officeguy::charge(7, \"k\", #{})",
        "script_error",
        "the argument who of officeguy::charge(who, key, #{...})",
    );
    check_threw("officeguy::charge(\"dana\", 1.5, #{})", "script_error", "the argument key");
    check_threw("officeguy::charge(\"dana\", \"k\", [])", "script_error", "the argument request");
    check_threw(
        "officeguy::charge(\"dana\", \"k\", #{ A: [#{ b: 'c' }] })",
        "wrong_type",
        "A[0].b: a value of type char",
    );
}

#[test]
fn a_decline_is_a_value_and_a_refusal_is_thrown() {
    let declined = Recorder::new(|_| Ok(answer(OutcomeStatus::Declined, "004", "declined")));
    let charge = "fn on_call(args) { officeguy::charge(\"dana\", \"k\", #{}).status }";
    assert_eq!(run_call(charge, &declined), ProgramEnd::Returned(json!("declined")));
    for (status, code) in
        [(OutcomeStatus::Rejected, "unknown_field"), (OutcomeStatus::NotSent, "subject_locked")]
    {
        let refuse = move |_: &Called| Err(CallEnd::Refused(Box::new(answer(status, code, "no"))));
        let end = run_call(charge, &Recorder::new(refuse));
        assert_eq!(end, ProgramEnd::Threw { code: code.into(), message: "no".into() });
        let caught = "fn on_call(args) { try { officeguy::charge(\"dana\", \"k\", #{}) } catch (e) { return e.status + \"/\" + e.code; } }";
        assert_eq!(
            run_call(caught, &Recorder::new(refuse)),
            ProgramEnd::Returned(json!(format!("{status}/{code}")))
        );
    }
}

#[test]
fn an_unknown_outcome_cannot_be_caught_not_even_in_a_closure() {
    let scripts = [
        "try { charge(1) } catch { charge(2) }",
        "for i in 0..5 { try { [1].map(|x| charge(x)); } catch { charge(9); } }",
        "let again = |x| { try { charge(x) } catch { charge(x + 1) } }; for i in 0..5 { try { [1, 2].for_each(|x| again.call(x)); } catch {} } charge(3)",
        "try { [3, 1].sort(|a, b| { charge(1); 0 }); } catch {} try { charge(2) } catch {} try { [1].filter(|x| charge(x).status == \"\"); } catch {}",
        "let m = #{ f: |x| charge(x) }; loop { try { m.f(1); } catch { try { [1].reduce(|a, b| m.f(1)); } catch {} } }",
        "try { time::now(); [1].some(|x| { charge(x); true }); } catch { time::today(); } try { log::info(\"on\") } catch {} charge(4)",
    ];
    for body in scripts {
        let host = Recorder::new(|_| Err(CallEnd::Ended));
        let script = format!(
            "fn charge(n) {{ officeguy::charge(\"dana\", `k-${{n}}`, #{{}}) }} fn on_call(args) {{ {body} }}"
        );
        assert_eq!(run_call(&script, &host), ProgramEnd::Ended, "{body}");
        assert_eq!(host.calls.lock().unwrap().len(), 1, "{body}");
        assert_eq!(*host.lines.lock().unwrap(), [], "{body}");
    }
}

#[test]
fn a_runaway_script_meets_its_fence() {
    let table = [
        ("loop {}", "more than 250000 steps"),
        ("loop { try { let x = 1; } catch {} }", "more than 250000 steps"),
        ("try { [1].map(|x| { loop {} }); } catch {}", "more than 250000 steps"),
        ("fn f(n) { f(n + 1) } fn on_call(args) { f(0) }", "more than 32 calls"),
        ("let s = \"a\"; loop { s += s; }", "the text is too long"),
        ("let s = \"a\"; s.pad(2000000, 'x'); s", "the text is too long"),
        ("let s = \"a\"; s.pad(2000000, \"xy\"); s", "the text is too long"),
        ("let a = []; a.pad(1000000, 0); a", "the array has too many"),
        ("let a = [1]; loop { a += a; }", "the array has too many"),
        ("let a = [1]; loop { a.append(a); }", "the array has too many"),
        ("let a = [1]; loop { a.insert(0, a); }", "the array has too many"),
        ("let a = [1]; loop { a.splice(0, 0, a); }", "the array has too many"),
        ("let s = \"a\"; loop { s = `${s}${s}${s}${s}`; }", "the text is too long"),
        ("let m = #{}; for i in 0..30000 { m[`k${i}`] = 1; }", ""),
        ("let s = \"a\"; s.pad(900000, 'x'); s.split(\"\")", "the array has too many"),
        ("let s = \"\"; s.pad(900000, '\"'); let m = #{ s: s }; m.to_json()", "the text is too long"),
        ("let s = \"\"; s.pad(900000, '\"'); json::stringify(s)", "the text is too long"),
        ("let s = \"[0\"; for i in 0..14 { s += s.sub_string(2) + \",0,0\"; } json::parse(s + \"]\")", ""),
        ("let m = #{}; loop { m = #{ a: m }; }", ""),
        ("let f = || 1; loop { let g = f; f = || g.call(); }", "more than 250000 steps"),
    ];
    for (body, want) in table {
        let script =
            if body.starts_with("fn ") { body.to_owned() } else { format!("fn on_call(args) {{ {body} }}") };
        let end = run_call(&script, &all_succeeds());
        let ProgramEnd::Threw { code, message } = &end else { panic!("{body}: {end:?}") };
        assert_eq!(code, "script_error", "{body}");
        assert!(message.contains(want) && message.contains("flow.rhai"), "{body}: {message}");
    }
}

#[test]
fn replace_is_measured_before_it_grows() {
    let half = "let s = \"\"; s.pad(500000, 'a'); let t = s;";
    for find in ["\"a\"", "'a'", "\"\""] {
        let end = value_of(&format!("{half} s.replace({find}, t); s"));
        let ProgramEnd::Threw { message, .. } = &end else { panic!("{find}: {end:?}") };
        assert!(message.contains("the text is too long"), "{find}: {message}");
    }
    check_value("let s = \"a-b-c\"; s.replace(\"-\", \"--\"); s", json!("a--b--c"));
    check_value("let s = \"a-b\"; s.replace('-', '+'); s", json!("a+b"));
    check_value("let s = \"a-b\"; s.replace(\"-\", '+'); s", json!("a+b"));
    check_value("let s = \"a-b\"; s.replace('-', \"\"); s", json!("ab"));
}

#[test]
fn a_slow_script_meets_the_clock_and_waiting_for_an_operation_does_not_count() {
    let end = value_of(
        "let s = \"\"; s.pad(1000000, 'a'); loop { let t = s.to_upper(); try { t.to_lower(); } catch {} }",
    );
    let ProgramEnd::Threw { message, .. } = &end else { panic!("{end:?}") };
    assert!(message.contains("more than 2 seconds"), "{message}");
    let slow = Recorder::new(|_| {
        std::thread::sleep(crate::limits::SCRIPT_TIME_MAX + std::time::Duration::from_millis(100));
        Ok(succeeded())
    });
    let script =
        "fn on_call(args) { officeguy::charge(\"dana\", \"k\", #{}); for i in 0..1000 { i += 1; } 5 }";
    assert_eq!(run_call(script, &slow), ProgramEnd::Returned(json!(5)));
}

#[test]
fn the_deepest_calls_and_expressions_fit_the_stack_in_every_build() {
    let deep = "fn f(n) { if n == 0 { 0 } else { let m = #{ a: [n, [f(n - 1) + 1]] }; m.a[1][0] } }";
    let script = format!("{deep} fn on_call(args) {{ [f(28)].map(|x| [x].map(|y| y + 0))[0][0] }}");
    assert_eq!(run_call(&script, &all_succeeds()), ProgramEnd::Returned(json!(28)));
    let nested =
        |depth: usize| format!("fn on_call(args) {{ {}1{} }}", "(1 + ".repeat(depth), ")".repeat(depth));
    assert_eq!(run_call(&nested(25), &all_succeeds()), ProgramEnd::Returned(json!(26)));
    check_fault(&nested(70), "maximum complexity");
    let engine = crate::host::Vocabulary::new(&registry()).engine();
    assert_eq!(
        (engine.max_call_levels(), engine.max_expr_depth(), engine.max_function_expr_depth()),
        (32, 64, 64)
    );
    assert_eq!(engine.optimization_level(), rhai::OptimizationLevel::None);
}

#[test]
fn nothing_runs_while_a_script_is_compiled_and_its_top_level_runs_once() {
    let host = all_succeeds();
    let program = program(
        "const RATE = 1.18; const TWICE = RATE * 2; fn on_call(args) { if false { officeguy::charge(\"d\", \"k\", #{}) } global::TWICE }",
    );
    assert_eq!(host.calls.lock().unwrap().len(), 0);
    for _ in 0..3 {
        assert_eq!(run(&program, &host, Input::Call(Value::Null)), ProgramEnd::Returned(decimal("2.36")));
    }
    assert_eq!(host.calls.lock().unwrap().len(), 0);
    let entry = " fn on_call(args) {}";
    check_fault(
        &format!("officeguy::charge(\"d\", \"k\", #{{}});{entry}"),
        "flow.rhai:1:1: outside of functions",
    );
    check_fault(&format!("let x = 1;{entry}"), "only const, import and fn");
    check_fault(&format!("if true {{ print(1) }}{entry}"), "only const, import and fn");
    check_fault(
        &format!("const X = officeguy::charge(\"d\", \"k\", #{{}});{entry}"),
        "a constant cannot call the hub",
    );
    check_fault(&format!("const X = time::now();{entry}"), "a constant cannot call the hub");
    check_fault(&format!("fn f() {{ time::now() }} const X = f();{entry}"), "only while an item runs");
}

#[test]
fn what_scripts_may_not_have_is_not_there() {
    for body in ["eval(\"1\")", "sleep(1)", "exit(1)", "timestamp()", "parse_json(\"{}\")", "blob(5)", "x"] {
        assert!(compiled(&[("flow.rhai", &format!("fn on_call(args) {{ {body} }}"))]).is_err(), "{body}");
    }
    check_threw("Fn(\"eva\" + \"l\").call(\"1 + 1\")", "script_error", "eval");
    check_threw("Fn(\"sle\" + \"ep\").call(1)", "script_error", "sleep");
    check_threw("#{ total: 1 }.totl", "script_error", "no column or field totl");
}

#[test]
fn print_and_log_are_redacted_and_limited() {
    let host = all_succeeds();
    let body = "print(\"the key VndKey-canary-1\"); debug(5); log::warn(\"41111111\" + \"11111111\"); alert(\"look\"); for i in 0..3 { let s = \"\"; s.pad(30000, 'x'); print(s); }";
    run_call(&format!("fn on_call(args) {{ {body} }}"), &host);
    let lines = host.lines.lock().unwrap();
    assert_eq!(lines[0], (Level::Info, "the key [secret]".to_owned()));
    assert_eq!(lines[1].0, Level::Debug);
    assert_eq!(lines[2], (Level::Warn, "[card ****1111]".to_owned()));
    assert_eq!(lines[3], (Level::Alert, "look".to_owned()));
    assert_eq!(lines.len(), 7, "two of three long lines, and a notice");
    assert!(lines[6].1.contains("65536 bytes"));
}

#[test]
fn a_thrown_error_says_where_and_what() {
    check_threw("let x = 5;\nlet y = [1];\n  y[7]", "script_error", "(flow.rhai:3:5)");
    check_threw("throw #{ code: \"no_plan\", message: \"there is no plan\" }", "no_plan", "there is no plan");
    check_threw("throw #{ code: \"no_plan\" }", "no_plan", "(flow.rhai:1:20)");
    check_threw("throw \"no such thing\"", "script_error", "no such thing (flow.rhai:1:20)");
    check_threw("1 / 0", "script_error", "Division by zero");
    check_threw("9223372036854775807 + 1", "script_error", "overflow");
    let host = all_succeeds();
    let script = "fn total(row) {\n    decimal(row.amuont)\n}\nfn on_row(row) { total(row) }";
    let end = run(&program(script), &host, Input::Row(row(&[("amount", "1"), ("vendor", "d")])));
    let message = "there is no column or field amuont; did you mean amount? (flow.rhai:2:17)".to_owned();
    assert_eq!(end, ProgramEnd::Threw { code: "script_error".into(), message });
    let want = "flow.rhai:2:17: there is no column or field amuont; did you mean amount?\n  2 |     decimal(row.amuont)\n    |                 ^";
    assert_eq!(*host.lines.lock().unwrap(), [(Level::Error, want.to_owned())]);
    let hebrew = Recorder::speaking(Language::He, |_| Ok(succeeded()));
    let end = run(&program(script), &hebrew, Input::Row(row(&[("amount", "1")])));
    let message = "אין שדה או עמודה בשם amuont; אולי amount? (flow.rhai:2:17)".to_owned();
    assert_eq!(end, ProgramEnd::Threw { code: "script_error".into(), message });
}

#[test]
fn an_error_in_a_module_names_the_module_s_file() {
    let program = compiled(&[
        ("flow.rhai", "import \"lib/money\" as money;\nfn on_call(args) { money::half(args) }"),
        (
            "lib/money.rhai",
            "const TWO = 2;\nfn half(x) {\n    inner(x) / global::TWO\n}\nprivate fn inner(x) { x[5] }",
        ),
    ])
    .unwrap_or_else(|faults| panic!("{}", shown(&faults)));
    let end = run(&program, &all_succeeds(), Input::Call(json!([4])));
    let ProgramEnd::Threw { message, .. } = &end else { panic!("{end:?}") };
    assert!(message.contains("(lib/money.rhai:5:25)"), "{message}");
    let end = run(&program, &all_succeeds(), Input::Call(json!([1, 2, 3, 4, 5, 8])));
    assert_eq!(end, ProgramEnd::Returned(json!(4)));
}

#[test]
fn a_panic_in_the_world_ends_one_item_only() {
    let host =
        Recorder::new(
            |called| if called.key.as_deref() == Some("bad") { panic!("a fault") } else { Ok(succeeded()) },
        );
    let program = program(
        "fn on_call(args) { let a = 1; [1].map(|x| { a += 1; officeguy::charge(\"dana\", args, #{}) }); a }",
    );
    let end = run(&program, &host, Input::Call(json!("bad")));
    assert!(matches!(&end, ProgramEnd::Threw { code, .. } if code == "script_error"), "{end:?}");
    let host = all_succeeds();
    assert_eq!(run(&program, &host, Input::Call(json!("good"))), ProgramEnd::Returned(json!(2)));
}

#[test]
fn faults_are_found_before_anything_runs() {
    let call = |body: &str| format!("fn on_call(args) {{\n    {body}\n}}");
    let table = [
        (
            call("officeguy::chrage(\"d\", \"k\", #{})"),
            "flow.rhai:2:5: there is no officeguy::chrage; did you mean charge?\n  2 |     officeguy::chrage(",
        ),
        (call("officeguy::charge(\"d\", #{})"), "write officeguy::charge(who, key, #{...})"),
        (
            call("officeguy::request(\"/crm/data/getentty/\", \"d\", #{})"),
            "there is no operation officeguy.request/crm/data/getentty/; did you mean officeguy.request/crm/data/getentity/?",
        ),
        (
            call("officeguy::request(\"/on/paper/\", \"d\", #{})"),
            "/on/paper/ has an operation of its own; call officeguy.charge, ",
        ),
        (
            call("officeguy::request(\"/crm/data/getentity/\", \"d\", \"k\", #{})"),
            "is called as officeguy::request(path, who, #{...})",
        ),
        (
            call("officeguy::request(\"/creditguy/gateway/transaction/\", \"d\", #{})"),
            "is called as officeguy::request(path, who, key, #{...})",
        ),
        (
            call("officeguy::request(\"/creditguy/gateway/transaction/\", \"d\", time::today(), #{})"),
            "the key is built from the clock",
        ),
        (call("officeguy::request(\"d\", #{})"), "officeguy::request is not called with 2 arguments"),
        (call("oficeguy::charge(\"d\", \"k\", #{})"), "there is no module oficeguy; did you mean officeguy?"),
        (call("decmal(\"5\")"), "there is no function decmal; did you mean decimal?"),
        (call("decimal(\"5\", 2)"), "decimal takes 1 arguments, not 2"),
        (call("\"x\".trimm()"), "there is no function trimm; did you mean trim?"),
        (call("json::pars(\"x\")"), "there is no json::pars; did you mean parse?"),
        (call("time::now(1)"), "write time::now() -> text"),
        (call("let x = totl;"), "there is no variable totl"),
        (call("let go = 1;"), "`go` is a word of the language; choose another name"),
        (call("if true {"), "does not compile"),
        (call("args.default"), "args[\"default\"]"),
        (call("args.call"), "args[\"call\"]"),
        (call("eval(\"1\")"), "eval"),
        (call("import \"lib\" as l; 1"), "stands at the top"),
        ("fn on_rows(row) {}".into(), "flow.rhai:1:1: the script has no entry point"),
        ("fn on_rows(row) {}".into(), "is on_rows meant to be on_row?"),
        ("fn on_row(row, ctx) {}".into(), "on_row takes exactly one argument, but has 2"),
        ("fn on_finish() {} fn on_row(row) {}".into(), "on_finish takes exactly one argument, but has 0"),
        ("private fn on_call(args) {}".into(), "on_call cannot be private"),
        ("fn on_finish(summary) {}".into(), "no entry point"),
        (call("officeguy::charge(\"d\", time::today(), #{})"), "the key is built from the clock"),
        (
            call("let k = \"run-\" + time::now(); officeguy::charge(\"d\", k, #{})"),
            "the key is built from the clock",
        ),
        (
            call("let d = time::today(); let k = `x/${d}`; [1].map(|x| officeguy::charge(\"d\", k, #{}))"),
            "the key is built from the clock",
        ),
    ];
    for (script, want) in table {
        check_fault(&script, want);
    }
    let fine = call(
        "let f = |x| x; let m = #{ run: f }; m.run(1); let d = time::today(); officeguy::charge(\"d\", \"k\", #{ Date: d }); officeguy::create_document(\"d\", d, #{}); type_of(d)",
    );
    program(&fine);
}

#[test]
fn faults_are_in_hebrew_too() {
    let faults = compiled(&[("flow.rhai", "fn on_call(args) { officeguy::chrage(1, 2, #{}) }")]).unwrap_err();
    let said = faults[0].render(Language::He);
    assert!(
        said.starts_with("flow.rhai:1:20: אין פעולה או פונקציה בשם officeguy::chrage; אולי charge?\n"),
        "{said}"
    );
}

#[test]
fn an_operation_outside_the_flow_s_allow_is_foreseen() {
    let folder = folder(&[(
        "flow.rhai",
        "fn on_row(row) { officeguy::charge(row.v, row.k, #{}); officeguy::list_payments(row.v, #{}) }",
    )]);
    let script = folder.path().join("flow.rhai");
    let warned = |allow: &[&str]| {
        let allow = allow.iter().map(|text| Allow::parse(text).unwrap()).collect();
        let program = compile(
            folder.path(),
            &script,
            &registry(),
            &CompileOptions { allow: Some(allow), ..CompileOptions::default() },
        )
        .unwrap();
        program.foreseen().iter().map(|fault| fault.message.en.clone()).collect::<Vec<_>>()
    };
    assert_eq!(warned(&["officeguy.*"]), [""; 0]);
    let warnings = warned(&["*:read"]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("may not call officeguy.charge"), "{warnings:?}");
}

#[test]
fn the_columns_that_a_script_reads_are_known() {
    let script = r#"
fn helper(other) { other.not_a_column }
fn on_row(line) {
    let m = #{ inside: 1 };
    let total = decimal(line.amount.trim()) + line["unit price"].len();
    line.made_up = 5;
    if line.שם == "" { m.inside }
    [1].map(|x| line.in_closure + x);
    officeguy::charge(line.vendor, `o-${line.order_id}`, #{ Customer: #{ Name: line.שם, Phone: line["טלפון"] } })
}"#;
    let program = program(script);
    let names: Vec<&str> = program.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["amount", "unit price", "שם", "in_closure", "vendor", "order_id", "טלפון"]);
    assert_eq!((program.columns()[0].line, program.columns()[0].column), (5, 30));
    assert!(program.has(Entry::Row) && !program.has(Entry::Call) && !program.has(Entry::Finish));
}

#[test]
fn imports_reach_only_the_scripts_folder_and_are_frozen() {
    let entry = "fn on_call(args) { 1 }";
    for path in ["../outside", "/etc/passwd", "./lib", "lib/../../outside", "", "..\\\\outside", "missing"] {
        let script = format!("import \"{path}\" as lib; {entry}");
        assert!(compiled(&[("flow.rhai", &script)]).is_err(), "{path}");
    }
    check_fault(&format!("import \"lib\" + \"x\" as lib; {entry}"), "the file's name itself");
    let faults = compiled(&[
        ("flow.rhai", &format!("import \"a\" as a; {entry}")),
        ("a.rhai", "import \"b\" as b;"),
        ("b.rhai", "import \"a\" as a;"),
    ])
    .unwrap_err();
    assert!(shown(&faults).contains("imports itself"), "{}", shown(&faults));
    let faults = compiled(&[
        ("flow.rhai", "import \"lib\" as lib; fn on_call(args) { lib::hlaf(1) }"),
        ("lib.rhai", "fn half(x) { x / 2 }"),
    ])
    .unwrap_err();
    assert!(
        shown(&faults).contains("no function hlaf in lib.rhai; did you mean half?"),
        "{}",
        shown(&faults)
    );
    let faults = compiled(&[
        ("flow.rhai", "import \"lib\" as lib; fn on_call(args) { 1 }"),
        ("lib.rhai", "fn half(x) { x / }"),
    ])
    .unwrap_err();
    assert!(shown(&faults).starts_with("lib.rhai:1:"), "{}", shown(&faults));
}

#[test]
#[cfg(unix)]
fn a_link_out_of_the_scripts_folder_is_refused() {
    let outside = folder(&[("secret.rhai", "fn f() { 1 }")]);
    let scripts = folder(&[("flow.rhai", "import \"lib\" as lib; fn on_call(args) { lib::f() }")]);
    std::os::unix::fs::symlink(outside.path().join("secret.rhai"), scripts.path().join("lib.rhai")).unwrap();
    let script = scripts.path().join("flow.rhai");
    let faults = compile(scripts.path(), &script, &registry(), &CompileOptions::default()).unwrap_err();
    assert!(shown(&faults).contains("outside the scripts folder"), "{}", shown(&faults));
}

#[test]
fn the_hash_covers_the_script_and_its_modules_and_what_runs_is_what_was_read() {
    let main = ("flow.rhai", "import \"lib\" as lib; fn on_call(args) { lib::f() }");
    let folder = folder(&[main, ("lib.rhai", "fn f() { 1 }")]);
    let script = folder.path().join("flow.rhai");
    let compile_it = || compile(folder.path(), &script, &registry(), &CompileOptions::default()).unwrap();
    let (first, again) = (compile_it(), compile_it());
    assert_eq!(first.hash().len(), 64);
    assert_eq!(first.hash(), again.hash());
    std::fs::write(folder.path().join("lib.rhai"), "fn f() { 2 }").unwrap();
    let changed = compile_it();
    assert_ne!(first.hash(), changed.hash());
    assert_eq!(run(&first, &all_succeeds(), Input::Call(Value::Null)), ProgramEnd::Returned(json!(1)));
    assert_eq!(run(&changed, &all_succeeds(), Input::Call(Value::Null)), ProgramEnd::Returned(json!(2)));
}

#[test]
fn what_a_run_kept_compiles_to_the_same_program_without_a_folder() {
    let main = (
        "flows/pay.rhai",
        "import \"lib/a\" as a; fn on_row(row) { a::f(row.x) + row[\"y\"] } fn on_call(args) { a::f(2) }",
    );
    let modules = [
        ("lib/a.rhai", "import \"lib/b\" as b; fn f(n) { b::twice(n) }"),
        ("lib/b.rhai", "const TIMES = 2; fn twice(n) { n * global::TIMES }"),
        ("lib/other.rhai", "fn unused() { 1 }"),
    ];
    let first =
        compiled(&[main, modules[0], modules[1], modules[2]]).unwrap_or_else(|f| panic!("{}", shown(&f)));
    let kept = first.script();
    assert_eq!((kept.main.as_str(), kept.hash.as_str()), ("flows/pay.rhai", first.hash()));
    assert_eq!(kept.files.keys().collect::<Vec<_>>(), ["flows/pay.rhai", "lib/a.rhai", "lib/b.rhai"]);
    let again = compile_kept(&kept, &registry(), &CompileOptions::default()).unwrap();
    assert_eq!((again.script(), again.reads()), (kept, first.reads()));
    assert_eq!(run(&again, &all_succeeds(), Input::Call(Value::Null)), ProgramEnd::Returned(json!(4)));
}

#[test]
fn what_this_hub_cannot_run_of_a_kept_script_is_said_in_a_line() {
    let call = |body: &str| format!("import \"lib\" as lib; fn on_call(args) {{ {body} }}");
    let kept = |main: &str| {
        let whole = compiled(&[("flow.rhai", &call("lib::f()")), ("lib.rhai", "fn f() { 1 }")]).unwrap();
        let mut kept = whole.script();
        kept.files.insert("flow.rhai".to_owned(), main.to_owned());
        kept
    };
    let host = RhaiHost::new(Arc::new(registry()));
    let check = |kept, want: &str| {
        let words = host.program(&kept).err().unwrap().en;
        assert!(words.contains(want) && !words.contains('\n'), "{words}");
    };
    assert!(host.program(&kept(&call("lib::f()"))).is_ok());
    check(kept(&call("acme::gone(1, 2)")), "flow.rhai:1:");
    check(kept(&call("lib::gone()")), "flow.rhai:1:");
    check(kept("fn on_call(args) {"), "flow.rhai:1:");
    check(kept(&call("lib::f() ")), "not the one that the run began with");
    let mut half = kept(&call("lib::f()"));
    half.files.remove("lib.rhai");
    check(half, "not among those that were kept");
}

#[test]
fn a_script_holds_no_card_number_since_runs_keep_it() {
    for line in
        ["let card = \"4580 4580 4580 4580\";", "let card = 4111111111111111;", "// 5555-5555-5555-4444"]
    {
        let faults = compiled(&[("flow.rhai", &format!("fn on_call(args) {{\n{line}\n}}"))]).unwrap_err();
        let shown = shown(&faults);
        assert!(
            shown.starts_with("flow.rhai:2:1: this is a card number") && shown.contains("[card ****"),
            "{shown}"
        );
        assert!(
            !shown.contains("4580 4580") && !shown.contains("41111111") && !shown.contains("5555-5555"),
            "{shown}"
        );
    }
    check_value("\"411111111\" + \"1111111\"", json!("4111111111111111"));
}

#[test]
fn files_that_are_no_scripts_are_refused() {
    let folder = folder(&[("ok.rhai", "fn on_call(args) {}")]);
    let refused = |name: &str, bytes: &[u8], want: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let faults = compile(folder.path(), &path, &registry(), &CompileOptions::default()).unwrap_err();
        assert!(shown(&faults).contains(want), "{}", shown(&faults));
    };
    refused("binary.rhai", &[0xff, 0xfe, 0x00], "not UTF-8");
    refused("large.rhai", &vec![b' '; gesher_core::limits::SCRIPT_BYTES_MAX + 1], "larger than");
    let missing =
        compile(folder.path(), &folder.path().join("none.rhai"), &registry(), &CompileOptions::default());
    assert!(shown(&missing.unwrap_err()).contains("cannot be read"));
    let elsewhere =
        compile(folder.path(), Path::new("/etc/hostname"), &registry(), &CompileOptions::default());
    assert!(shown(&elsewhere.unwrap_err()).contains("outside the scripts folder"));
}

/// A folder of the example flows, compiled and run over its sample.
fn example(flow: &str, script: &str) -> (Arc<RhaiProgram>, std::path::PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(flow);
    let allow = Some(vec![Allow::parse("officeguy.*").unwrap()]);
    let program = compile(
        &folder,
        &folder.join(script),
        &registry(),
        &CompileOptions { allow, ..CompileOptions::default() },
    );
    let program = program.unwrap_or_else(|faults| panic!("{}", shown(&faults)));
    assert_eq!((program.warnings(), program.foreseen()), (&[][..], &[][..]));
    (program, folder)
}

#[test]
fn the_example_of_bulk_charging_charges_every_row_of_its_sample() {
    for (script, sample) in [("bulk_charge.rhai", "sample.csv"), ("bulk_charge_he.rhai", "sample.he.csv")] {
        let (program, folder) = example("bulk-charge", script);
        let mut reader = csv::Reader::from_path(folder.join(sample)).unwrap();
        let header: Arc<[String]> = reader
            .headers()
            .unwrap()
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect();
        for column in program.columns() {
            assert!(header.contains(&column.name), "{sample} lacks {}", column.name);
        }
        let (mut rows, mut keys) = (0, std::collections::BTreeSet::new());
        for record in reader.records() {
            let cells = record.unwrap().iter().map(str::to_owned).collect();
            let host = all_succeeds();
            let row = gesher_engine::Row { header: Arc::clone(&header), cells };
            let end = run(&program, &host, Input::Row(row));
            assert!(matches!(end, ProgramEnd::Returned(_)), "{sample}: {end:?}");
            let calls = host.calls.lock().unwrap();
            assert_eq!(calls[0].operation, "officeguy.charge");
            assert_eq!(calls[0].request["PaymentMethod"]["Type"], "CreditCard");
            keys.insert(calls[0].key.clone());
            rows += 1;
        }
        assert!(rows >= 5 && keys.len() == rows, "{sample}");
    }
}

#[test]
fn the_example_of_onboarding_opens_a_company_and_a_terminal() {
    let (program, folder) = example("onboard-vendor", "onboard_vendor.rhai");
    let sample = std::fs::read_to_string(folder.join("sample.json")).unwrap();
    let mut args: Value = serde_json::from_str(&sample).unwrap();
    let operations = |args: &Value| {
        let host = all_succeeds();
        let end = run(&program, &host, Input::Call(args.clone()));
        assert!(matches!(end, ProgramEnd::Returned(_)), "{end:?}");
        host.calls.lock().unwrap().iter().map(|call| call.operation.clone()).collect::<Vec<_>>()
    };
    assert_eq!(operations(&args), ["officeguy.create_company", "officeguy.open_upay_terminal"]);
    args.as_object_mut().unwrap().remove("bank");
    assert_eq!(operations(&args), ["officeguy.create_company"]);
}

/// The script blocks of the integrators' page.
fn documented() -> Vec<String> {
    let page = include_str!("../../../docs/integrators.md");
    let blocks = page.split("```rhai\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_documented_script_compiles_and_runs() {
    let cells = [
        ("vendor", "dana"),
        ("order_id", "1007"),
        ("customer", "Dana Levi"),
        ("email", "dana@example.test"),
        ("id", "123456782"),
        ("phone", "050-1234567"),
        ("bank", "12"),
        ("branch", "600"),
        ("account", "1003"),
        ("token", "tok-1"),
        ("exp_month", "12"),
        ("exp_year", "2030"),
        ("item", "Bowl"),
        ("amount", "118.00"),
        ("date", "2026-03-27"),
        ("business_number", "512345679"),
        ("name", "Dana Levi"),
        ("start", "2026-03-27"),
    ];
    let blocks = documented();
    assert!(!blocks.is_empty());
    for block in blocks {
        let program = program(&block);
        assert_eq!(program.warnings(), [], "{block}");
        let input =
            if program.columns().is_empty() { Input::Call(json!({})) } else { Input::Row(row(&cells)) };
        let end = run(&program, &all_succeeds(), input);
        assert!(matches!(end, ProgramEnd::Returned(_)), "{end:?}\n{block}");
    }
}

#[test]
fn every_function_is_on_the_integrators_page() {
    let page = include_str!("../../../docs/integrators.md");
    for builtin in builtins() {
        assert!(page.contains(&format!("`{}(", builtin.name)), "{} is not documented", builtin.name);
    }
}

#[test]
fn one_program_serves_many_threads() {
    let program = program("fn on_call(args) { let t = 0; for i in 0..200 { t += args; } t }");
    let threads: Vec<_> = (0..8_i64)
        .map(|n| {
            let program = Arc::clone(&program);
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(move || program.run_with(all_succeeds(), Input::Call(json!(n))))
                .unwrap()
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap(), ProgramEnd::Returned(json!(n * 200)));
    }
}
