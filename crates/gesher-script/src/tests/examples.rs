//! The example flows and the documented scripts, compiled and run as they stand.

use super::*;

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
    let page = include_str!("../../../../docs/integrators.md");
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
    let page = include_str!("../../../../docs/integrators.md");
    for builtin in builtins() {
        assert!(page.contains(&format!("`{}(", builtin.name)), "{} is not documented", builtin.name);
    }
}
