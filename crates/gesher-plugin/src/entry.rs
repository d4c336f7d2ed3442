//! A plugin as data: its operations with their types erased, and the manifest that says what they are.

use crate::host::Host;
use crate::source::SourceEntry;
use gesher_core::operation::Facts;
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, OperationEntry, Outcome, OutcomeStatus,
    Prepared, Rejection, Reply, Sender, Text,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What an operation came to.
#[derive(Debug)]
pub enum Performed {
    /// This.
    Outcome(Box<Outcome>),
    /// An answer of somebody's, whose meaning [`Operation::classify`] says.
    Reply(Reply),
}

impl From<Outcome> for Performed {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(Box::new(outcome))
    }
}

/// An operation of a plugin: what the hub's own operations are, and how it is done.
pub trait PluginOperation: Operation {
    /// Whether it calls other operations of the hub. Then it has no effect of its own, and runs again after an
    /// interruption: whatever it asks the hub for is answered as before, so it must not depend on anything else.
    const CALLS: bool = false;

    /// Does it, once. The request fits its schema and passed [`Operation::rules`]. An operation with an effect gets the
    /// hub's own `reference` of this step, which is that of no other: put it where the other side shows it.
    fn perform(host: &Host<'_>, reference: Option<&str>, request: Self::Request) -> Performed;
}

/// The descriptor of a plugin's operation. Its provider is the plugin's name.
#[must_use]
pub const fn descriptor(
    provider: &'static str,
    name: &'static str,
    summary: &'static str,
    effect: Effect,
    key: KeyRule,
) -> Descriptor {
    let look_up = if effect.changes() { LookUp::Manual } else { LookUp::NotNeeded };
    Descriptor { provider, name, summary, endpoint: "plugin", effect, key, look_up, sender: Sender::Only }
}

/// What comes of what the hub says, where that is JSON at all.
type Read<T> = serde_json::Result<Result<T, Rejection>>;

/// A [`PluginOperation`] with its types erased.
#[derive(Clone, Copy)]
pub struct PluginEntry {
    pub(crate) descriptor: Descriptor,
    pub(crate) examples: &'static [Example],
    pub(crate) calls: bool,
    schemas: fn() -> (Value, Value),
    pub(crate) prepare: fn(&[u8]) -> Read<Facts>,
    pub(crate) perform: fn(&Host<'_>, &[u8]) -> Read<Outcome>,
}

impl PluginEntry {
    /// Erases `O`. A descriptor that contradicts itself, or an operation without an example, does not compile.
    #[must_use]
    pub const fn of<O: PluginOperation>() -> Self {
        let entry = OperationEntry::of::<O>();
        assert!(
            !O::CALLS || !entry.descriptor.effect.changes(),
            "an operation that calls others has no effect of its own"
        );
        assert!(
            matches!(entry.descriptor.key, KeyRule::None | KeyRule::Required | KeyRule::Optional),
            "a plugin knows no vendors, so nothing happens once per vendor"
        );
        Self {
            descriptor: entry.descriptor,
            examples: entry.examples,
            calls: O::CALLS,
            schemas: schemas::<O>,
            prepare: prepare::<O>,
            perform: perform::<O>,
        }
    }

    /// The schemas of its request and of its answer.
    #[must_use]
    pub fn schemas(&self) -> (Value, Value) {
        (self.schemas)()
    }

    fn manifest(&self) -> Value {
        let (request, answer) = self.schemas();
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let examples: Vec<Value> = self
            .examples
            .iter()
            .map(|example| {
                json!({
                    "title": example.title,
                    "key": example.key,
                    "request": parsed(example.request),
                    "answer": parsed(example.answer),
                })
            })
            .collect();
        json!({
            "name": self.descriptor.name,
            "summary": self.descriptor.summary,
            "effect": self.descriptor.effect.as_str(),
            "key": key_word(self.descriptor.key),
            "calls": self.calls,
            "prepares": self.descriptor.effect.changes(),
            "request_schema": request,
            "answer_schema": answer,
            "examples": examples,
        })
    }
}

fn key_word(key: KeyRule) -> &'static str {
    match key {
        KeyRule::None | KeyRule::OncePerVendor => "none",
        KeyRule::Required => "required",
        KeyRule::Optional => "optional",
    }
}

fn schemas<O: PluginOperation>() -> (Value, Value) {
    (schemars::schema_for!(O::Request).to_value(), schemars::schema_for!(O::Answer).to_value())
}

/// What the hub says of a call.
#[derive(Deserialize)]
struct Told<T> {
    reference: Option<String>,
    request: T,
}

/// Reads what the hub says. JSON that is another type than was wanted is a refusal, and what is no JSON an error.
fn read<T: DeserializeOwned>(input: &[u8]) -> Read<T> {
    if let Ok(read) = serde_json::from_slice(input) {
        return Ok(Ok(read));
    }
    // A type that looks what kind of number it is given takes one from a tree that it would not take from text, and what
    // is wrong is told apart from what cannot be read.
    let tree: Value = serde_json::from_slice(input)?;
    Ok(T::deserialize(&tree)
        .map_err(|error| Rejection::new("wrong_type", Text::verbatim(format!("the request: {error}")))))
}

fn prepare<O: PluginOperation>(input: &[u8]) -> Read<Facts> {
    let read = read::<O::Request>(input)?;
    Ok(read.and_then(|request| O::rules(&request).map(|()| O::facts(&request))))
}

fn perform<O: PluginOperation>(host: &Host<'_>, input: &[u8]) -> Read<Outcome> {
    let told = read::<Told<O::Request>>(input)?;
    let Told { reference, request } = match told.and_then(|told| O::rules(&told.request).map(|()| told)) {
        Ok(told) => told,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let outcome = match O::perform(host, reference.as_deref(), request) {
        Performed::Outcome(outcome) => *outcome,
        Performed::Reply(reply) => classified::<O>(input, &reply),
    };
    // What only looked changed nothing, whatever came of it.
    let is_harmless = outcome.status == OutcomeStatus::Unknown && !O::DESCRIPTOR.effect.changes();
    Ok(Ok(if is_harmless { Outcome { status: OutcomeStatus::Rejected, ..outcome } } else { outcome }))
}

fn classified<O: PluginOperation>(input: &[u8], reply: &Reply) -> Outcome {
    let told = serde_json::from_slice::<Told<&RawValue>>(input);
    let request = told.map(|told| told.request.get().to_owned()).unwrap_or_default();
    match Prepared::new("", O::DESCRIPTOR.endpoint, request, Facts::default()) {
        Ok(prepared) => O::classify(&prepared, reply),
        // It was done by now, so a request that the hub would not have let through is no reason to say no.
        Err(rejection) => unread(O::DESCRIPTOR.effect, rejection),
    }
}

/// What came of an operation that was done and whose reply cannot be read.
fn unread(effect: Effect, why: Rejection) -> Outcome {
    let status = if effect.changes() { OutcomeStatus::Unknown } else { OutcomeStatus::Rejected };
    Outcome::new(status, why.code, why.message)
}

/// A plugin: its name, and what it adds.
#[derive(Clone, Copy)]
pub struct Plugin {
    /// Its name, which is also the module of its operations in scripts: letters, digits and underscores.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// What it needs in `allow`, such as `secret:smtp.url` or `officeguy.charge`, for people to read.
    pub needs: &'static [&'static str],
    /// Its operations.
    pub operations: &'static [PluginEntry],
    /// Its event sources.
    pub sources: &'static [SourceEntry],
}

impl Plugin {
    /// What it is, as the hub reads it.
    #[must_use]
    pub fn manifest(&self) -> Value {
        let operations: Vec<Value> = self.operations.iter().map(PluginEntry::manifest).collect();
        let sources: Vec<Value> = self
            .sources
            .iter()
            .map(|source| json!({ "name": source.name, "summary": source.summary, "waits": source.waits }))
            .collect();
        json!({
            "abi": gesher_plugin_abi::GESHER_ABI,
            "name": self.name,
            "version": self.version,
            "summary": self.summary,
            "needs": self.needs,
            "operations": operations,
            "sources": sources,
        })
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&'static PluginEntry> {
        self.operations.iter().find(|entry| entry.descriptor.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type that looks what it is given.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Share(f64),
        Word(String),
    }

    #[test]
    fn what_is_another_type_is_told_from_what_is_no_json_and_a_fraction_is_taken_where_it_was_wanted() {
        let read = |text: &str| match read::<Told<Loose>>(text.as_bytes()) {
            Ok(Ok(Told { request: Loose::Share(share), .. })) => format!("{share}"),
            Ok(Ok(Told { request: Loose::Word(word), .. })) => word,
            Ok(Err(rejection)) => rejection.code,
            Err(_) => "no JSON".to_owned(),
        };
        assert_eq!(read(r#"{"reference": null, "request": 12.5}"#), "12.5");
        assert_eq!(read(r#"{"reference": null, "request": "much"}"#), "much");
        for other in
            [r#"{"reference": null, "request": []}"#, r#"{"reference": 7, "request": 1}"#, "[]", "1e999"]
        {
            assert_eq!(read(other), "wrong_type", "{other}");
        }
        for none in ["", "{", "{\"request\": 1} x"] {
            assert_eq!(read(none), "no JSON", "{none}");
        }
    }
}
