//! `operations`: what the hub can do at its providers, and the reference page of it.

use crate::config::Config;
use crate::error::HubError;
use crate::exit::Exit;
use crate::fields;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::operation::{KeyRule, LookUp, Registered, Sender};
use gesher_core::{Descriptor, Language, Registry};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Lists the operations, or shows one.
pub fn run(output: Output, hub: &Path, name: Option<&str>) -> Result<Exit, HubError> {
    // Outside of a hub's folder there are no plugins, and no reason to complain.
    let registry = match Config::load(hub) {
        Ok(config) => crate::plugins::catalogue(&config)?,
        Err(_) => crate::providers::catalogue()?,
    };
    match name {
        Some(name) if !words_by_path(&registry, name).is_empty() => by_path(output, &registry, name),
        Some(name) => {
            let registered = registry.find(name).map_err(|rejection| {
                HubError::usage(rejection.message.get(Language::En)).hint("`gesher operations` lists them")
            })?;
            output.json(&document(name, registered));
            output.text(&page(name, registered));
        }
        None => list(output, &registry),
    }
    Ok(Exit::Well)
}

/// The operations that scripts call by a word and a path, where `name` is such a word with its provider.
fn words_by_path<'a>(registry: &'a Registry, name: &str) -> Vec<&'a Registered> {
    let is_one = |found: &&Registered| {
        let descriptor = &found.entry.descriptor;
        descriptor.is_by_path() && word_of(descriptor) == name
    };
    registry.iter().map(|(_, found)| found).filter(is_one).collect()
}

fn word_of(descriptor: &Descriptor) -> String {
    format!("{}.{}", descriptor.provider, descriptor.word())
}

/// Every word that is called with a path, once.
fn all_words_by_path(registry: &Registry) -> BTreeSet<String> {
    let descriptors = registry.iter().map(|(_, found)| &found.entry.descriptor);
    descriptors.filter(|descriptor| descriptor.is_by_path()).map(word_of).collect()
}

/// What such a word does, in a sentence.
const BY_PATH: &str = "Call any other endpoint by its path; each has an effect of its own.";

/// Shows the paths of such a word.
fn by_path(output: Output, registry: &Registry, name: &str) {
    let found = words_by_path(registry, name);
    let endpoints: Vec<Value> = found
        .iter()
        .map(|found| {
            let descriptor = &found.entry.descriptor;
            json!({
                "path": descriptor.endpoint,
                "name": descriptor.qualified_name(),
                "effect": descriptor.effect.as_str(),
                "key": key_word(descriptor.key),
            })
        })
        .collect();
    output.json(&json!({ "name": name, "summary": BY_PATH, "key": "by_path", "endpoints": endpoints }));
    let mut text = format!("{name}(path, who, [key,] request)\n{BY_PATH}\n\n");
    let mut table = TextTable::new(&["path", "effect", "key"]);
    for found in &found {
        let descriptor = &found.entry.descriptor;
        let key = key_word(descriptor.key);
        table.row([descriptor.endpoint.to_owned(), descriptor.effect.to_string(), key.to_owned()]);
    }
    text.push_str(&table.render());
    text.push_str(&format!("\nThe fields of one:  gesher operations {name}/PATH/\n"));
    output.text(&text);
}

fn list(output: Output, registry: &Registry) {
    let mut table = TextTable::new(&["operation", "effect", "what it does"]);
    for (name, registered) in named(registry) {
        let descriptor = &registered.entry.descriptor;
        output.json(&json!({
            "name": name,
            "effect": descriptor.effect.as_str(),
            "key": key_word(descriptor.key),
            "summary": descriptor.summary,
        }));
        table.row([name.to_owned(), descriptor.effect.to_string(), descriptor.summary.to_owned()]);
    }
    for word in all_words_by_path(registry) {
        output.json(&json!({ "name": word, "effect": "by_path", "key": "by_path", "summary": BY_PATH }));
        table.row([word, "by path".to_owned(), BY_PATH.to_owned()]);
    }
    output.text(&table.render());
}

/// The operations that have a name of their own.
fn named(registry: &Registry) -> impl Iterator<Item = (&str, &Registered)> {
    registry.iter().filter(|(_, found)| !found.entry.descriptor.is_by_path())
}

/// One operation as JSON.
fn document(name: &str, registered: &Registered) -> Value {
    let descriptor = &registered.entry.descriptor;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let examples: Vec<Value> = registered
        .entry
        .examples
        .iter()
        .map(|example| {
            json!({
                "title": example.title,
                "who": example.who,
                "key": example.key,
                "request": parsed(example.request),
                "answer": parsed(example.answer),
            })
        })
        .collect();
    json!({
        "name": name,
        "summary": descriptor.summary,
        "effect": descriptor.effect.as_str(),
        "endpoint": descriptor.endpoint,
        "key": key_word(descriptor.key),
        "look_up": look_up_word(descriptor.look_up),
        "fields": fields::of_schema(&registered.request_schema),
        "examples": examples,
        "request_schema": registered.request_schema,
        "answer_schema": registered.answer_schema,
    })
}

/// One operation for a terminal.
fn page(name: &str, registered: &Registered) -> String {
    let descriptor = &registered.entry.descriptor;
    let mut text = format!("{name}{}\n{}\n\n", signature(descriptor), descriptor.summary);
    text.push_str(&format!("  effect    {}\n", descriptor.effect));
    text.push_str(&format!("  key       {}\n", key_sentence(descriptor.key)));
    text.push_str(&format!("  look-up   {}\n", look_up_word(descriptor.look_up)));
    text.push_str(&format!("  account   {}\n", sender_sentence(descriptor.sender)));
    text.push_str(&format!("  endpoint  {}\n\n", descriptor.endpoint));
    let mut table = TextTable::new(&["field", "type", "", "what for"]);
    for (name, kind, required, doc) in fields::lines(&fields::of_schema(&registered.request_schema)) {
        table.row([name, kind, if required { "required".to_owned() } else { String::new() }, doc]);
    }
    text.push_str(&table.render());
    for example in registered.entry.examples {
        text.push_str(&format!("\n{}:\n\n{}\n", example.title, script_call(name, descriptor, example)));
    }
    text
}

/// The reference page of all operations, in Markdown.
pub fn reference() -> Result<String, HubError> {
    let registry = crate::providers::catalogue()?;
    let mut page = String::from(
        "# Operations\n\nA script calls an operation as `provider::operation(who, key, request)`. *Who* is a vendor's \
         handle or `\"marketplace\"`. Fields have the provider's own names.\n\nThe *effect* is what `allow` and limits go \
         by. The *key* names the intention. The *look-up* settles a lost answer; where it is manual, a person does.\n\n\
         | operation | effect | key | look-up | what it does |\n|---|---|---|---|---|\n",
    );
    for (name, registered) in named(&registry) {
        let descriptor = &registered.entry.descriptor;
        let anchor = name.replace('.', "");
        page.push_str(&format!(
            "| [`{name}`](#{anchor}) | {} | {} | {} | {} |\n",
            descriptor.effect,
            key_word(descriptor.key).replace('_', " "),
            look_up_word(descriptor.look_up),
            descriptor.summary
        ));
    }
    for word in all_words_by_path(&registry) {
        let anchor = word.replace('.', "");
        page.push_str(&format!("| [`{word}`](#{anchor}) | by path | by path | manual | {BY_PATH} |\n"));
    }
    for (name, registered) in named(&registry) {
        section(&mut page, name, registered);
    }
    for word in all_words_by_path(&registry) {
        endpoints(&mut page, &registry, &word);
    }
    Ok(page)
}

/// The endpoints that are called by a word and their path.
fn endpoints(page: &mut String, registry: &Registry, word: &str) {
    let call = word.replacen('.', "::", 1);
    page.push_str(&format!(
        "\n## {word}\n\n{BY_PATH} It is written `{call}(path, who, key, request)`; reads take no key, writes may leave it \
         out. A request is checked against the provider's contract before it is sent. Endpoints that have an operation \
         are refused here, and so are those that take files, card numbers or passwords. A lost answer is for a person.\n\n\
         | path | effect | key | fields |\n|---|---|---|---|\n"
    ));
    let found = words_by_path(registry, word);
    for found in &found {
        let descriptor = &found.entry.descriptor;
        let fields = fields::lines(&fields::of_schema(&found.request_schema));
        let top = fields.iter().filter(|(name, ..)| !name.starts_with(' '));
        let top = top.map(
            |(name, _, required, _)| {
                if *required { format!("`{name}` (required)") } else { format!("`{name}`") }
            },
        );
        page.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            descriptor.endpoint,
            descriptor.effect,
            key_word(descriptor.key),
            top.collect::<Vec<_>>().join(", ")
        ));
    }
    for found in &found {
        let name = found.entry.descriptor.qualified_name();
        for example in found.entry.examples {
            page.push_str(&format!(
                "\n{}:\n\n```rhai\n{}```\n",
                example.title,
                script_call(&name, &found.entry.descriptor, example)
            ));
        }
    }
}

fn section(page: &mut String, name: &str, registered: &Registered) {
    let descriptor = &registered.entry.descriptor;
    page.push_str(&format!("\n## {name}\n\n{}\n\n* **Effect:** {}\n* **Key:** {}\n* **Look-up:** {}\n* **Account:** {}\n* **Endpoint:** `{}`\n\n\
         | field | type | required | what for |\n|---|---|---|---|\n",
        descriptor.summary,
        descriptor.effect,
        key_sentence(descriptor.key),
        look_up_word(descriptor.look_up),
        sender_sentence(descriptor.sender),
        descriptor.endpoint));
    for (name, kind, required, doc) in fields::lines(&fields::of_schema(&registered.request_schema)) {
        let level = (name.len() - name.trim_start().len()) / 2;
        let dots = "· ".repeat(level);
        let required = if required { "yes" } else { "" };
        page.push_str(&format!(
            "| {dots}`{}` | {kind} | {required} | {} |\n",
            name.trim_start(),
            doc.replace('|', "\\|")
        ));
    }
    for example in registered.entry.examples {
        page.push_str(&format!(
            "\n{}:\n\n```rhai\n{}```\n",
            example.title,
            script_call(name, descriptor, example)
        ));
    }
}

/// The example as a script writes it.
fn script_call(name: &str, descriptor: &Descriptor, example: &gesher_core::Example) -> String {
    let request = serde_json::from_str::<Value>(example.request).unwrap_or_default();
    let who = if descriptor.sender.takes_who() { format!("{:?}, ", example.who) } else { String::new() };
    let key = example.key.map_or_else(String::new, |key| format!("{key:?}, "));
    if let Some((word, path)) = name.split_once('/') {
        let call = word.replacen('.', "::", 1);
        return format!("{call}(\"/{path}\", {:?}, {key}{});\n", example.who, rhai(&request, 0));
    }
    format!("{}({who}{key}{});\n", name.replacen('.', "::", 1), rhai(&request, 0))
}

/// JSON as a script writes it: maps are `#{ }`, and numbers with a point are decimals already.
fn rhai(value: &Value, level: usize) -> String {
    let (inner, outer) = ("    ".repeat(level + 1), "    ".repeat(level));
    match value {
        Value::Object(fields) if fields.is_empty() => "#{}".to_owned(),
        Value::Object(fields) => {
            let lines: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{inner}{name}: {},\n", rhai(value, level + 1)))
                .collect();
            format!("#{{\n{}{outer}}}", lines.concat())
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| rhai(value, level)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Null => "()".to_owned(),
        other => other.to_string(),
    }
}

fn signature(descriptor: &Descriptor) -> &'static str {
    match (descriptor.sender.takes_who(), descriptor.key) {
        (true, KeyRule::None | KeyRule::OncePerVendor) => "(who, request)",
        (true, KeyRule::Required) => "(who, key, request)",
        (true, KeyRule::Optional) => "(who, [key,] request)",
        (false, KeyRule::None | KeyRule::OncePerVendor) => "(request)",
        (false, KeyRule::Required) => "(key, request)",
        (false, KeyRule::Optional) => "([key,] request)",
    }
}

fn key_word(key: KeyRule) -> &'static str {
    match key {
        KeyRule::None => "none",
        KeyRule::Required => "required",
        KeyRule::Optional => "optional",
        KeyRule::OncePerVendor => "once_per_vendor",
    }
}

fn key_sentence(key: KeyRule) -> &'static str {
    match key {
        KeyRule::None => "none: it only looks",
        KeyRule::Required => "required; one key is sent at most once, for ever",
        KeyRule::Optional => "optional; without one, the item and the position of the call in it are the key",
        KeyRule::OncePerVendor => "none: it happens once per vendor",
    }
}

fn look_up_word(look_up: LookUp) -> &'static str {
    match look_up {
        LookUp::NotNeeded => "not needed",
        LookUp::By(operation) => operation,
        LookUp::Manual => "manual",
    }
}

fn sender_sentence(sender: Sender) -> &'static str {
    match sender {
        Sender::Who => "that of whom it is called for",
        Sender::Marketplace => "the marketplace's own, for the vendor",
        Sender::Only => "the one that the hub has there; a call names nobody",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_a_script_writes_it() {
        let value = json!({ "A": { "B": [1, "x"] }, "C": null, "D": {} });
        assert_eq!(
            rhai(&value, 0),
            "#{\n    A: #{\n        B: [1, \"x\"],\n    },\n    C: (),\n    D: #{},\n}"
        );
    }
}
