//! What a script cannot do, however it tries: run on, grow, go deep, or reach what it is not given.

use super::*;

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
