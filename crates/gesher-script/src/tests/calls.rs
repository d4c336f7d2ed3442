//! Calls of operations: what reaches the world, what comes back, and what nothing can catch.

use super::*;

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

#[test]
fn a_kept_engine_serves_each_item_by_itself_and_holds_none_afterwards() {
    let script = r#"
        fn on_call(request) {
            print(`for ${request}`);
            debug(request);
            if request == "fails" { throw request; }
            officeguy::charge("dana", request, #{}).reference
        }
    "#;
    let program = program(script);
    for key in ["a", "fails", "b"] {
        let host = all_succeeds();
        let end = run(&program, &host, Input::Call(json!(key)));
        assert_eq!(matches!(end, ProgramEnd::Returned(_)), key != "fails", "{key}: {end:?}");
        let keys: Vec<_> =
            host.calls.lock().unwrap().iter().filter_map(|called| called.key.clone()).collect();
        assert_eq!(keys, if key == "fails" { vec![] } else { vec![key.to_owned()] });
        let said = |line: &str| host.lines.lock().unwrap().iter().any(|(_, said)| said.contains(line));
        assert!(
            said(&format!("for {key}")) && said(&format!("\"{key}\"")),
            "{:?}",
            host.lines.lock().unwrap()
        );
        assert_eq!(Arc::strong_count(&host), 1, "{key}");
    }
}
