//! What is found in a script before anything runs.

use super::*;

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
