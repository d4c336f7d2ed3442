//! What editors are told of everything that scripts can call, in the form that Rhai's language server reads: a file a
//! module, each function with its arguments, its answer and what it does; each operation with the fields of its request
//! and of its answer, from the schemas by which requests are checked.
//!
//! Everything comes from the tables that the hub itself runs by, so nothing can be left out.

use crate::fields::{self, Field};
use gesher_core::Registry;
use gesher_core::operation::{KeyRule, Registered};
use gesher_script::script_test::FUNCTIONS;
use gesher_script::{Builtin, arities, builtins, callable};
use std::collections::{BTreeMap, BTreeSet};

/// Where they lie in a hub.
pub const FOLDER: &str = "definitions";
/// The file of functions without a module.
const GLOBAL: &str = "gesher.d.rhai";
/// The file of what only tests can call.
const TESTS: &str = "gesher-test.d.rhai";
/// The file of Rhai's own library, as far as scripts have it.
const STANDARD: &str = "rhai.d.rhai";
/// What every answer of an operation is.
const ANSWER: &str = "#{ status, reference, document, code, message, replayed, data }";

/// The files of a hub with these operations, by their names.
pub fn files(registry: &Registry) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |file: String, header: &str, text: &str| {
        files.entry(file).or_insert_with(|| format!("module {header};\n")).push_str(text);
    };
    for builtin in builtins() {
        match builtin.parts() {
            (Some(module), name) => add(format!("{module}.d.rhai"), module, &of_builtin(builtin, name)),
            (None, name) => add(GLOBAL.to_owned(), "static", &of_builtin(builtin, name)),
        }
    }
    for function in FUNCTIONS {
        add(TESTS.to_owned(), "static", &of_builtin(function, function.name));
    }
    for (provider, text) in of_providers(registry) {
        add(format!("{provider}.d.rhai"), provider, &text);
    }
    add(STANDARD.to_owned(), "static", &standard(registry));
    files
}

/// The words of a signature: each list of arguments, and the answer.
fn signature(builtin: &Builtin) -> (Vec<Vec<&str>>, &str) {
    let (call, answer) = builtin.signature.split_once(" -> ").unwrap_or((builtin.signature, "()"));
    let lists = call.split(" or ").filter_map(|one| one.split_once('(')?.1.strip_suffix(')'));
    let words = |list: &'static str| list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    (lists.map(words).collect(), answer)
}

fn of_builtin(builtin: &Builtin, name: &str) -> String {
    let (lists, answer) = signature(builtin);
    let about = [builtin.summary.to_owned(), String::new(), format!("`{}`", builtin.signature)];
    let about: String = about.iter().map(|line| comment(line)).collect();
    lists
        .iter()
        .map(|arguments| format!("\n{about}fn {name}({}) -> {};\n", typed(arguments), answer_type(answer)))
        .collect()
}

/// Arguments with their types, as far as their names say them.
fn typed(arguments: &[&str]) -> String {
    let typed = arguments.iter().map(|name| {
        let kind = match *name {
            "text" | "handle" | "who" | "path" => "String",
            "request" | "row" | "args" | "tick" | "event" | "summary" => "Map",
            _ => "?",
        };
        format!("{name}: {kind}")
    });
    typed.collect::<Vec<_>>().join(", ")
}

fn answer_type(answer: &str) -> &'static str {
    match answer {
        "text" => "String",
        "integer" => "int",
        "decimal" => "Decimal",
        "true or false" => "bool",
        "array of maps" => "Array",
        "()" => "()",
        "map" => "Map",
        record if record.starts_with("#{") && record.ends_with('}') => "Map",
        _ => "?",
    }
}

/// The operations of each provider. Those that are called by a path are one function.
fn of_providers(registry: &Registry) -> BTreeMap<&'static str, String> {
    let mut texts: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut by_path: BTreeMap<(&'static str, &'static str), Vec<&Registered>> = BTreeMap::new();
    for (_, found) in registry.iter() {
        let descriptor = &found.entry.descriptor;
        // Hosts of the script's own are called by functions, which are listed as such.
        if found.entry.reaches {
            continue;
        }
        if descriptor.is_by_path() {
            by_path.entry((descriptor.provider, descriptor.word())).or_default().push(found);
        } else {
            texts.entry(descriptor.provider).or_default().push_str(&of_operation(found));
        }
    }
    for provider in registry.providers() {
        for reader in provider.readers() {
            let about = comment(reader.summary);
            let function = format!("\n{about}fn {}(request: ?) -> Map;\n", reader.name);
            texts.entry(provider.name()).or_default().push_str(&function);
        }
    }
    for ((provider, word), found) in by_path {
        texts.entry(provider).or_default().push_str(&of_word(word, &found));
    }
    texts
}

fn of_operation(found: &Registered) -> String {
    let descriptor = &found.entry.descriptor;
    let mut about = comment(descriptor.summary);
    about.push_str(&comment(""));
    about.push_str(&comment(&format!("Effect: {}. Key: {}.", descriptor.effect, key_words(descriptor.key))));
    about.push_str(&of_fields("request", &fields::of_schema(&found.request_schema)));
    about.push_str(&comment(""));
    about.push_str(&comment(&format!("Answers `{ANSWER}`.")));
    about.push_str(&of_fields("data", &fields::of_schema(&found.answer_schema)));
    let calls = arities(descriptor).iter().map(|arity| {
        let takes_who = descriptor.sender.takes_who();
        let has_key = *arity == usize::from(takes_who) + 2;
        let arguments = [("who: String", takes_who), ("key: ?", has_key), ("request: Map", true)];
        let arguments = arguments.iter().filter(|(_, there)| *there).map(|(argument, _)| *argument);
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        format!("\n{about}fn {}({arguments}) -> Map;\n", descriptor.name)
    });
    calls.collect()
}

/// A word that is called with the path of an endpoint.
fn of_word(word: &str, found: &[&Registered]) -> String {
    let mut about = comment("Calls an endpoint by its path; each has an effect of its own.");
    about.push_str(&comment(""));
    for one in found {
        let descriptor = &one.entry.descriptor;
        let (path, effect, key) = (descriptor.endpoint, descriptor.effect, key_words(descriptor.key));
        about.push_str(&comment(&format!("* `{path}`: {effect}; key: {key}")));
    }
    about.push_str(&comment(""));
    about.push_str(&comment(&format!(
        "Answers `{ANSWER}`. `gesher operations NAME` shows the fields of one."
    )));
    let call = |arguments: &str| format!("\n{about}fn {word}({arguments}) -> Map;\n");
    ["path: String, who: String, request: Map", "path: String, who: String, key: ?, request: Map"]
        .map(call)
        .concat()
}

fn key_words(key: KeyRule) -> &'static str {
    match key {
        KeyRule::Required => "required, it names the intention for ever",
        KeyRule::Optional => "may be left out",
        KeyRule::OncePerVendor => "none, it happens once per vendor",
        KeyRule::None => "none",
    }
}

fn of_fields(of_what: &str, fields: &[Field]) -> String {
    let lines = fields::lines(fields);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = [comment(""), comment(&format!("Fields of `{of_what}`:"))].concat();
    for (name, kind, required, doc) in lines {
        let (indent, name) = name.split_at(name.len() - name.trim_start().len());
        let required = if required { ", required" } else { "" };
        let doc = if doc.is_empty() { String::new() } else { format!(". {doc}") };
        text.push_str(&comment(&format!("{indent}* `{name}`: {kind}{required}{doc}")));
    }
    text
}

/// Rhai's own functions: names and numbers of arguments are all that it tells.
fn standard(registry: &Registry) -> String {
    let ours: BTreeSet<&str> = builtins()
        .filter_map(|builtin| match builtin.parts() {
            (None, name) => Some(name),
            (Some(_), _) => None,
        })
        .collect();
    let mut text = String::new();
    for ((module, name), all) in callable(registry) {
        if !module.is_empty() || ours.contains(name.as_str()) {
            continue;
        }
        for arity in all {
            let arguments: Vec<String> = (1..=arity).map(|at| format!("value{at}: ?")).collect();
            text.push_str(&format!("\nfn {name}({}) -> ?;\n", arguments.join(", ")));
        }
    }
    text
}

/// One line of documentation, whatever stands in it.
fn comment(line: &str) -> String {
    let line = line.replace(['\n', '\r'], " ");
    format!("{}\n", format!("/// {line}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = BTreeMap<(String, String), BTreeSet<usize>>;

    fn is_name(text: &str) -> bool {
        let mut letters = text.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    }

    fn is_type(text: &str) -> bool {
        matches!(text, "?" | "()") || is_name(text)
    }

    /// The functions of a file, read strictly: a module, comments, and functions with names and types.
    fn read(file: &str, text: &str) -> Found {
        let mut found = Found::new();
        let mut lines = text.lines();
        let header = lines.next().and_then(|line| line.strip_prefix("module ")?.strip_suffix(';')).unwrap();
        assert!(is_name(header), "{file}: {header}");
        let module = if header == "static" { "" } else { header };
        for line in lines {
            if line.is_empty() || line == "///" || line.starts_with("/// ") {
                continue;
            }
            let wrong = format!("{file}: {line}");
            let rest = line.strip_prefix("fn ").and_then(|rest| rest.strip_suffix(';')).expect(&wrong);
            let (call, answer) = rest.split_once(") -> ").expect(&wrong);
            let (name, arguments) = call.split_once('(').expect(&wrong);
            assert!(is_name(name) && is_type(answer), "{file}: {line}");
            let arguments: Vec<_> = arguments.split(", ").filter(|one| !one.is_empty()).collect();
            for argument in &arguments {
                let (name, kind) = argument.split_once(": ").expect(&wrong);
                assert!(is_name(name) && is_type(kind), "{file}: {line}");
            }
            let is_new =
                found.entry((module.to_owned(), name.to_owned())).or_default().insert(arguments.len());
            assert!(is_new, "{file}: {line} stands there twice");
        }
        found
    }

    #[test]
    fn every_function_that_scripts_can_call_is_defined_and_nothing_else_is() {
        let registry = crate::providers::catalogue().unwrap();
        let (mut defined, mut of_tests) = (Found::new(), Found::new());
        for (file, text) in files(&registry) {
            let into = if file == TESTS { &mut of_tests } else { &mut defined };
            for (function, arities) in read(&file, &text) {
                assert!(into.insert(function.clone(), arities).is_none(), "{function:?} has two files");
            }
        }
        let called = callable(&registry);
        for (function, arities) in &called {
            assert_eq!(defined.get(function), Some(arities), "{function:?}");
        }
        for function in defined.keys() {
            assert!(called.contains_key(function), "{function:?} cannot be called");
        }
        assert_eq!(of_tests.len(), FUNCTIONS.len());
    }

    #[test]
    fn an_operation_tells_its_fields_and_what_it_answers() {
        let files = files(&crate::providers::catalogue().unwrap());
        let text = &files["officeguy.d.rhai"];
        for want in [
            "module officeguy;\n",
            "\nfn charge(who: String, key: ?, request: Map) -> Map;\n",
            "/// Effect: money. Key: required, it names the intention for ever.\n",
            "///   * `UnitPrice`: amount",
            "/// Answers `#{ status, reference, document, code, message, replayed, data }`.\n",
            "\nfn trigger(request: ?) -> Map;\n",
            "\nfn list_payments(who: String, request: Map) -> Map;\n",
            "\nfn request(path: String, who: String, key: ?, request: Map) -> Map;\n",
            "/// * `/crm/data/getentity/`: read; key: none\n",
        ] {
            assert!(text.contains(want), "{want}");
        }
        assert!(files["senzey.d.rhai"].contains("\nfn add_bank_order(key: ?, request: Map) -> Map;\n"));
        assert!(files["il.d.rhai"].contains("\nfn next_bank_business_day(date: ?, closed: ?) -> String;\n"));
        assert!(files["time.d.rhai"].contains("\nfn today() -> String;\n"));
        assert!(files[STANDARD].contains("\nfn trim(value1: ?) -> ?;\n"));
    }
}
