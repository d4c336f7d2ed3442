//! What a script says and what is said of one that broke: where, what, and without secrets.

use super::*;

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
