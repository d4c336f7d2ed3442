//! Plugins in a hub, as their users see them: their operations stand beside the built-in ones, and money that they move
//! goes through the one path.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::libraries::{self, Library};
use gesher_tests::{Background, FakeProvider, Hub, nap, until};

const GREETING: &str = "plugins/greeting-c/greeting.c";

/// A hub with one flow that is called, and this script.
fn calling(base_url: &str, allow: &str, script: &str, plugins: &[String]) -> Hub {
    let hub = Hub::bulk("en", base_url);
    let flow = format!("\n[flow.calls]\nscript = \"scripts/calls.rhai\"\nallow = {allow}\n");
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", format!("{text}{flow}{}", plugins.concat()));
    hub.write("scripts/calls.rhai", script);
    hub
}

#[track_caller]
fn call(hub: &Hub, args: &str, key: &str, code: i32) -> String {
    let output = hub.cmd_with(&["run", "calls", "--body", "-", "--key", key], args).expect(code);
    // What became of the item stands in its record.
    let run = hub.cmd(&["--json", "runs", "--limit", "1"]).json_lines().remove(0);
    let shown = hub.cmd(&["show", run["run"].as_str().unwrap()]);
    format!("{}{}", output.words(), shown.words())
}

fn greeting(hub: &Hub) -> Library {
    libraries::c(hub.scratch(), "greeting", GREETING, &["-std=c11"])
}

#[test]
fn the_operations_of_a_plugin_in_c_stand_beside_the_built_in_ones() {
    let script = r#"
fn on_call(args) {
    let hello = greeting::hello(#{ name: args.name });
    log::info("said " + hello.data.text);
    let rate = greeting::rate(#{});
    log::info("rate " + rate.data.status);
}
"#;
    let hub = calling("simulator", r#"["greeting.*", "officeguy.get_vat_rate"]"#, script, &[]);
    let library = greeting(&hub);
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write(
        "gesher.toml",
        text.clone() + &library.configured("greeting", r#"allow = ["officeguy.get_vat_rate"]"#),
    );
    hub.cmd(&["check"]).expect(0);
    let shown = hub.cmd(&["operations", "greeting.hello"]).expect(0).stdout;
    assert!(shown.contains("Whom to greet") && shown.contains("greeting::hello"), "{shown}");
    let listed = hub.cmd(&["plugins"]).expect(0).stdout;
    assert!(
        listed.contains("greeting.hello, greeting.rate") && listed.contains("officeguy.get_vat_rate"),
        "{listed}"
    );
    hub.cmd(&["definitions"]).expect(0);
    let defined = std::fs::read_to_string(hub.path("definitions/greeting.d.rhai")).unwrap();
    assert!(defined.contains("fn hello(request: Map) -> Map;"), "{defined}");
    let dry = ["--json", "run", "calls", "--dry-run", "--body", "-"];
    let told = hub.cmd_with(&dry, r#"{"name": "Dana"}"#).expect(1).json();
    assert_eq!(told["not_made"].to_string(), r#"{"greeting.hello":1}"#, "{told:#}");
    let mut dev = Background::start(hub.command().arg("dev"), hub.next_words_file());
    until("a hub with a plugin in `dev`", 30, || {
        dev.words().contains("counts from the next run on").then_some(())
    });
    dev.sigterm();
    dev.wait_exit().expect(0);
    let said = call(&hub, r#"{"name": "Dana"}"#, "one", 0);
    assert!(said.contains("said Shalom Dana") && said.contains("rate succeeded"), "{said}");
    let said = call(&hub, r#"{"name": "\"}"}"#, "two", 1);
    assert!(said.contains("not plain"), "what the plugin refuses: {said}");

    // A slip in the script is found before anything runs, as with a built-in operation.
    hub.edit("scripts/calls.rhai", "greeting::hello", "greeting::helo");
    let faults = hub.cmd(&["check"]).expect(2).words();
    assert!(faults.contains("did you mean hello?"), "{faults}");
    hub.edit("scripts/calls.rhai", "greeting::helo(#{ name:", "greeting::hello(#{ nmae:");
    let said = call(&hub, r#"{"name": "Dana"}"#, "three", 1);
    assert!(said.contains("did you mean name?"), "{said}");

    // Without the capability the call is refused, and says what to write.
    hub.edit("scripts/calls.rhai", "nmae", "name");
    hub.edit("gesher.toml", r#"allow = ["officeguy.get_vat_rate"]"#, "allow = []");
    let said = call(&hub, r#"{"name": "Dana"}"#, "four", 1);
    assert!(said.contains("plugin greeting may not use officeguy.get_vat_rate"), "{said}");
    let warned = hub.cmd(&["check"]).expect(0).words();
    assert!(warned.contains("says that it needs officeguy.get_vat_rate"), "{warned}");
}

#[test]
fn a_script_test_puts_a_plugin_s_answer_in_its_place() {
    let script = "fn on_call(args) { greeting::hello(#{ name: args.name }).data.text }\n";
    let hub = calling("simulator", r#"["greeting.*"]"#, script, &[]);
    let library = greeting(&hub);
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", text + &library.configured("greeting", ""));
    hub.write(
        "scripts/calls.test.rhai",
        "fn test_it() {\n    mock(\"greeting.hello\", |who, key, request| #{ data: #{ text: \"mocked \" + request.name } });\n    \
         assert_eq(run_call(#{ name: \"Dana\" }).value, \"mocked Dana\");\n}\n",
    );
    let said = hub.cmd(&["test"]);
    assert!(said.code == 0 && said.stdout.contains("1 passed"), "{said:#?}");
}

#[test]
fn a_library_that_is_another_or_is_not_there_is_a_fault_with_its_place() {
    let hub = calling("simulator", "[]", "fn on_call(args) { }\n", &[]);
    let library = greeting(&hub);
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    let wrong = library.configured("greeting", "").replace(&library.sha256.to_string(), &"0".repeat(64));
    for (lines, want) in [
        (wrong.clone(), "this is another library"),
        (wrong.replace(&"0".repeat(64), "abc"), "a SHA-256 has 64"),
        (library.configured("salutation", ""), "is the plugin `greeting`"),
        (library.configured("greeting", "allow = [\"officeguy.chrage\"]"), "there is no such operation"),
        (library.configured("greeting", "allow = [\"disk:all\"]"), "names nothing that a plugin can use"),
        (library.configured("greeting", "").replace(".so", ".os"), "cannot be read"),
    ] {
        hub.write("gesher.toml", text.clone() + &lines);
        for command in ["check", "plugins", "serve"] {
            let said = hub.cmd(&[command]).expect(2).words();
            assert!(said.contains(want) && said.contains("gesher.toml:"), "{command}, {want}: {said}");
        }
    }
}

const INSTALMENTS: &str = r#"
fn on_call(args) {
    let done = instalments::charge(#{ order: args.order, token: args.token, part: decimal("50.00"), parts: 3, pause_ms: args.pause });
    log::info("references " + done.data.references.len());
}
"#;

fn instalments() -> Library {
    libraries::cargo(&["-p", "gesher-plugin", "--example", "instalments"], "examples/libinstalments.so")
}

fn args(order: &str, pause: u32) -> String {
    format!(r#"{{"order": "{order}", "token": "{}", "pause": {pause}}}"#, gesher_tests::hub::token(7))
}

fn charges(provider: &FakeProvider) -> Vec<String> {
    provider.received().iter().map(gesher_tests::Received::order).collect()
}

#[test]
fn a_plugin_that_charges_through_the_hub_and_is_killed_in_the_middle_charges_once() {
    let provider = FakeProvider::approving();
    let plugins = [instalments().configured("instalments", "allow = [\"officeguy.charge\"]")];
    let allow = r#"["instalments.*", "officeguy.charge"]"#;
    let hub = calling(provider.base_url(), allow, INSTALMENTS, &plugins);
    let mut first = hub.serve();
    let mut caller = hub.command();
    caller.args(["run", "calls", "--key", "o1", "--body", "-"]).stdin(std::process::Stdio::piped());
    let mut caller =
        caller.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut caller.stdin.take().unwrap(), args("o1", 4000).as_bytes()).unwrap();
    until("the first part", 60, || (!charges(&provider).is_empty()).then_some(()));
    nap(300);
    first.process.kill9();
    let _ended = (caller.kill(), caller.wait());
    assert_eq!(charges(&provider), ["o1/1"]);

    let second = hub.serve();
    until("all parts", 60, || (charges(&provider).len() >= 3).then_some(()));
    let runs = until("the run", 60, || {
        let runs = hub.cmd(&["--json", "runs"]).stdout;
        runs.contains("\"succeeded\":1").then_some(runs)
    });
    second.stop();
    assert_eq!(charges(&provider), ["o1/1", "o1/2", "o1/3"], "each part once: {runs}");
    // The same call again is the same run.
    call(&hub, &args("o1", 4000), "o1", 0);
    assert_eq!(charges(&provider).len(), 3);
}

#[test]
fn what_a_plugin_may_not_charge_and_what_it_stumbles_over_are_told_apart() {
    let provider = FakeProvider::approving();
    let plugins = [instalments().configured("instalments", "allow = [\"officeguy.charge\"]")];
    let hub = calling(provider.base_url(), r#"["instalments.*"]"#, INSTALMENTS, &plugins);
    let said = call(&hub, &args("o2", 0), "o2", 1);
    assert!(said.contains("may not call officeguy.charge"), "the flow's own permission holds too: {said}");
    assert!(charges(&provider).is_empty());

    let stumbling = "fn on_call(args) { instalments::stumble(\"k1\", #{ order: \"7\", token: \"t\", part: decimal(\"1.00\"), parts: 1 }) }\n";
    hub.write("scripts/calls.rhai", stumbling);
    let said = call(&hub, "{}", "o3", 3);
    assert!(said.contains("unknown"), "{said}");
    let open = hub.cmd(&["unknown", "list"]).words();
    assert!(open.contains("instalments.stumble"), "{open}");
    let said = call(&hub, "{}", "o4", 3);
    assert!(!said.contains("succeeded"), "the key is held: {said}");
}
