//! Files, modules and hashes: what a script is made of, and what a run keeps of it.

use super::*;

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
