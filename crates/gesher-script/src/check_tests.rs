//! What is foreseen of a script: calls that the hub would refuse whenever it comes to them. Scripts and wants, in tables.

use crate::testing::registry;
use crate::{CompileOptions, RhaiProgram, ScriptFault, compile};
use gesher_core::{
    Account, Descriptor, Effect, Environment, Example, KeyRule, LookUp, Operation, OperationEntry, Outcome,
    OutcomeStatus, Prepared, Provider, Registry, Rejection, Secret, Sender, Stamp, Text,
    operation::{Facts, OutcomeFuture, Reply},
};
use gesher_engine::Allow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A charge on paper whose request has a shape.
struct Charge;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case)]
struct Request {
    Customer: Customer,
    Items: Vec<Line>,
    Draft: Option<bool>,
    #[schemars(extend("x-enum" = { "CreditCard": 1, "Bank": 2 }))]
    Method: Option<String>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case)]
struct Customer {
    Name: Option<String>,
    Phone: Option<String>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case)]
struct Line {
    Price: i64,
    Text: Option<String>,
}

impl Operation for Charge {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: "paper",
        name: "charge",
        summary: "A charge on paper.",
        endpoint: "/on/paper/",
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] =
        &[Example { title: "One.", who: "dana", key: None, request: "{}", answer: "{}" }];
    type Request = Request;
    type Answer = Request;

    fn rules(request: &Request) -> Result<(), Rejection> {
        match request.Items.iter().any(|line| line.Price == 13) {
            true => Err(Rejection::new("unlucky", Text::verbatim("thirteen is no price"))),
            false => Ok(()),
        }
    }

    fn facts(_: &Request) -> Facts {
        Facts::default()
    }

    fn classify(_: &Prepared, _: &Reply) -> Outcome {
        Outcome::new(OutcomeStatus::Succeeded, "000", Text::default())
    }
}

static OPERATIONS: [OperationEntry; 1] = [OperationEntry::of::<Charge>()];

struct Paper;

impl Provider for Paper {
    fn name(&self) -> &'static str {
        "paper"
    }

    fn environment(&self) -> Environment {
        Environment { provider: "paper", address: String::new(), account: String::new() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        &OPERATIONS
    }

    fn marketplace(&self) -> Account {
        Account { id: String::new(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Ok(self.marketplace())
    }

    fn perform<'a>(
        &'a self,
        _: &'a OperationEntry,
        _: &'a Account,
        _: &'a Prepared,
        _: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Box::pin(async { Outcome::new(OutcomeStatus::NotSent, "on_paper", Text::default()) })
    }
}

fn compiled(files: &[(&str, &str)], registry: &Registry, allow: Option<&[&str]>) -> Arc<RhaiProgram> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let allow = allow.map(|allow| allow.iter().map(|text| Allow::parse(text).unwrap()).collect());
    let options = CompileOptions { allow, ..CompileOptions::default() };
    compile(folder.path(), &folder.path().join(files[0].0), registry, &options)
        .unwrap_or_else(|faults| panic!("{files:?}: {}", shown(&faults)))
}

fn shown(faults: &[ScriptFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What is foreseen of `body`, which runs for each row: places and words, without the line.
fn foreseen(body: &str) -> Vec<String> {
    let script = format!("fn on_row(row) {{\n{body}\n}}");
    let program = compiled(&[("flow.rhai", &script)], &Registry::new(&[Arc::new(Paper)]), None);
    let said = |fault: &ScriptFault| {
        let place = &fault.place;
        format!("{}:{} {}", place.line - 1, place.column, fault.message.en)
    };
    program.foreseen().iter().map(said).collect()
}

#[track_caller]
fn check(request: &str, want: &[&str]) {
    let before = "paper::charge(row.vendor, row.id, ";
    let moved = |want: &&str| {
        let (column, words) = want.split_once(' ').unwrap();
        format!("1:{} {words}", column.parse::<usize>().unwrap() + before.len())
    };
    let want: Vec<String> = want.iter().map(moved).collect();
    assert_eq!(foreseen(&format!("{before}{request})")), want, "{request}");
}

const WHOLE: &str = "#{ Customer: #{ Name: row.name }, Items: [ #{ Price: 5 } ] }";

#[test]
fn a_written_request_is_checked_as_far_as_it_is_written() {
    check(WHOLE, &[]);
    check(
        "#{ Customr: #{}, Customer: #{ Nmae: row.name }, Items: [] }",
        &[
            "4 Customr: there is no such field; did you mean Customer?",
            "31 Customer.Nmae: there is no such field; did you mean Name?",
        ],
    );
    check(
        "#{ Customer: #{}, Items: [ #{ Price: 5 }, #{ Prise: row.x } ] }",
        &[
            "43 Items[1].Price: this field is required (whole number)",
            "46 Items[1].Prise: there is no such field; did you mean Price?",
        ],
    );
    check(
        "#{ Customer: 5, Items: #{}, Draft: \"yes\" }",
        &[
            "14 Customer: expected map, found whole number",
            "24 Items: expected list, found map",
            "36 Draft: expected true or false, found text",
        ],
    );
    check(
        "#{ Customer: #{}, Items: [], Method: \"CreditCrad\" }",
        &["38 Method: `CreditCrad` is not known; did you mean CreditCard? (known: CreditCard, Bank)"],
    );
    check("#{}", &["1 Customer: this field is required (map)", "1 Items: this field is required (list)"]);
    check(
        "#{ Customer: #{ CreditCard_CVV: row.cvv }, Items: [] }",
        &[
            "17 Customer.CreditCard_CVV is card data, which is not accepted; use a token",
            "17 Customer.CreditCard_CVV: there is no such field",
        ],
    );
    check("#{ Customer: #{}, Items: [ #{ Price: 13 } ] }", &["1 thirteen is no price"]);
}

#[test]
fn of_what_is_made_while_the_script_runs_nothing_is_said() {
    for request in [
        "#{ Customer: row.customer, Items: row.items, Method: row.method }",
        "#{ Customer: #{ Name: `${row.name}` }, Items: [ row, #{ Price: int(row.price) } ] }",
        "#{ Customer: #{ Name: if row.x == \"\" { 1 } else { \"a\" } }, Items: [].map(|x| x) }",
        "#{ Customer: #{} } + row",
        "row",
        "row.request",
        "#{ Customer: #{ Name: () }, Items: [ #{ Price: 12 + 1 } ] }",
    ] {
        check(request, &[]);
    }
}

#[test]
fn a_variable_that_stays_a_written_map_is_checked_but_for_what_may_be_put_in() {
    let call = "paper::charge(row.vendor, row.id, r)";
    let check = |before: &str, want: &[&str]| {
        assert_eq!(foreseen(&format!("{before}\n{call}")), want, "{before}");
    };
    let slip = "1:12 Customr: there is no such field; did you mean Customer?";
    check("let r = #{ Customr: 1 };", &[slip]);
    check("let r = #{ Customr: 1 }; r.Items = [];", &[slip]);
    check("let r = #{ Customer: #{} }; r.Items = [];", &[]);
    check("let r = #{ Customr: 1 }; r = row;", &[]);
    check("let r = #{ Customr: 1 }; r.remove(\"Customr\");", &[]);
    check("let r = row; if row.x == \"\" { let r = #{ Customr: 1 }; }", &[]);
}

#[test]
fn a_call_outside_the_flow_s_allow_is_foreseen_where_the_flow_comes_to_it() {
    let lib = "fn used(row) { paper::charge(row.v, row.k, row) }\nfn unused(row) { used(row); \
               paper::charge(row.v, row.k, row) }";
    let check = |main: &str, foreseen: usize, warnings: usize| {
        let files = [("flow.rhai", main), ("lib.rhai", lib)];
        let program = compiled(&files, &Registry::new(&[Arc::new(Paper)]), Some(&["*:read"]));
        let counts = (program.foreseen().len(), program.warnings().len());
        assert_eq!(counts, (foreseen, warnings), "{main}\n{}", shown(program.foreseen()));
        for fault in program.foreseen() {
            assert!(fault.message.en.contains("may not call paper.charge; add it"), "{fault}");
        }
    };
    check("import \"lib\" as lib; fn on_row(row) { lib::used(row) }", 1, 1);
    check("import \"lib\" as lib; fn on_row(row) { 1 }", 0, 2);
    check("fn on_row(row) { [row].map(|r| paper::charge(r.v, r.k, r)) }", 1, 0);
    check("fn on_row(row) { row.help() } fn help() { paper::charge(\"v\", \"k\", this) }", 1, 0);
    check("fn on_row(row) { Fn(\"help\").call(row) } fn help(r) { paper::charge(\"v\", \"k\", r) }", 1, 0);
    check("fn on_row(row) { if row.x { helper(row) } } fn helper(r) { paper::charge(r.v, r.k, r) }", 1, 0);
    check("fn on_row(row) { 1 } fn helper(r) { paper::charge(r.v, r.k, r) }", 0, 1);
}

#[test]
fn a_key_from_the_clock_is_found_through_the_functions_of_its_file() {
    let check = |functions: &str, key: &str, is_found: bool| {
        let script = format!("{functions}\nfn on_row(row) {{ paper::charge(row.v, {key}, row) }}");
        let program = compiled(&[("flow.rhai", &script)], &Registry::new(&[Arc::new(Paper)]), None);
        let found = shown(program.foreseen()).contains("the key is built from the clock");
        assert_eq!(found, is_found, "{script}");
    };
    check("fn day() { time::today() }", "`x-${day()}`", true);
    check("fn day() { let d = time::now(); return d.sub_string(0, 7); }", "day()", true);
    check("fn a(x) { if x { b() } else { 1 } } fn b() { `${time::now()}` }", "a(true)", true);
    check("fn note() { log::info(time::now()); 5 }", "row.id + note()", false);
    let pays = "fn pay(key) { paper::charge(\"v\", key, #{ Customer: #{}, Items: [] }) }";
    let pays_by = "fn pay(deal) { paper::charge(\"v\", deal.key, #{ Customer: #{}, Items: [] }) }";
    for (pay, call, is_found) in [
        (pays, "pay(`o-${time::today()}`)", true),
        (pays, "pay(a.id)", false),
        (pays, "let d = time::today(); pass(d)", true),
        (pays, "let d = time::today(); [1].map(|x| pay(d))", true),
        (pays, "let m = #{}; m.key = time::today(); pay(m.key)", true),
        (pays, "let m = #{}; m[\"key\"] = time::today(); pay(m[\"key\"])", true),
        (pays, "let m = #{}; m[a.x] = time::today(); pay(m.key)", true),
        (pays, "let m = #{ key: a.id }; m.date = time::today(); pay(m.key)", false),
        (pays_by, "pay(#{ key: time::today() })", true),
        (pays_by, "pay(#{ key: a.id, date: time::today() })", false),
        (pays_by, "let m = #{ key: a.id }; m.key = time::now(); pay(m)", true),
    ] {
        let others = "fn pass(k) { pay(k) }";
        check(&format!("{pay}\n{others}\nfn on_call(a) {{ {call} }}"), "row.id", is_found);
    }
    check(
        "fn on_schedule(tick) { paper::charge(\"v\", `sub-${tick.period}`, #{ Customer: #{}, Items: [] }) }",
        "row.id",
        false,
    );
}

#[test]
fn a_key_from_the_clock_of_what_moves_no_money_is_a_warning() {
    let script = "fn on_row(row) { officeguy::create_document(row.v, time::today(), #{}) }";
    let program = compiled(&[("flow.rhai", script)], &registry(), None);
    assert_eq!(program.foreseen(), []);
    assert!(shown(program.warnings()).contains("the same is done again"), "{}", shown(program.warnings()));
}
