//! A plugin as a provider: its operations in the hub's one table, with their keys, intents and outcomes like any other.
//!
//! A table's entry knows its operation by the path of its endpoint, `plugin:NAME/OPERATION`, as those of operations do
//! that are called by a path. What its schemas and checks need is kept by that path, and stays for as long as the
//! process: a plugin is never unloaded either. A plugin that is opened again takes the place of the one before.

use crate::answering::{Answering, Asks, Services};
use crate::manifest::OperationManifest;
use crate::outcome::Who;
use crate::plugin::{Class, Plugin};
use gesher_core::operation::{ByEndpoint, Facts, OutcomeFuture};
use gesher_core::shape::Shape;
use gesher_core::{
    Account, Caller, Composed, Composer, Descriptor, Environment, Example, LookUp, MARKETPLACE,
    OperationEntry, Outcome, OutcomeStatus, Prepared, Provider, Rejection, Reply, Secret, Sender, Stamp,
    StepId, Text,
};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

/// What a plugin is asked to do with an operation, in front of its name.
const CALL: &str = "call/";
/// The same where it is asked for the facts of a request.
const PREPARE: &str = "prepare/";
/// The code of a call that was only tried.
const DRY_RUN: &str = "dry_run";

/// What an entry needs beside its descriptor.
struct Kept {
    plugin: Arc<Plugin>,
    services: Arc<dyn Services>,
    operation: OperationManifest,
    answer: Shape,
    /// Whether it stands in a world where everything is only tried.
    is_dry: AtomicBool,
}

static KEPT: LazyLock<Mutex<HashMap<&'static str, Arc<Kept>>>> = LazyLock::new(Mutex::default);

/// A plugin as a provider.
pub struct PluginProvider {
    name: &'static str,
    operations: &'static [OperationEntry],
    kept: BTreeMap<&'static str, Arc<Kept>>,
}

impl PluginProvider {
    /// The operations of an open plugin.
    #[must_use]
    pub fn new(plugin: Arc<Plugin>, services: Arc<dyn Services>) -> Self {
        let name = for_ever(&plugin.manifest().name);
        let mut own = BTreeMap::new();
        let operations = plugin.manifest().operations.iter().map(|operation| {
            let endpoint = for_ever(&format!("plugin:{name}/{}", operation.name));
            let kept = Arc::new(Kept {
                plugin: Arc::clone(&plugin),
                services: Arc::clone(&services),
                answer: Shape::of(&operation.answer_schema),
                operation: operation.clone(),
                is_dry: AtomicBool::new(false),
            });
            own.insert(endpoint, Arc::clone(&kept));
            KEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint, kept);
            entry(name, endpoint, operation)
        });
        let operations: Vec<OperationEntry> = operations.collect();
        Self { name, operations: Box::leak(operations.into_boxed_slice()), kept: own }
    }
}

impl PluginProvider {
    /// The same in a world where everything is only tried: nothing of the plugin runs but what calls operations, each of
    /// which is only tried itself. Whatever else it does with the world, nobody here could tell.
    #[must_use]
    pub fn dry(self) -> Self {
        self.kept.values().for_each(|kept| kept.is_dry.store(true, Ordering::Relaxed));
        self
    }
}

impl Plugin {
    /// The facts of its operations, as the configuration's rules look at them.
    #[must_use]
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let name = for_ever(&self.manifest().name);
        let of = |operation: &OperationManifest| {
            descriptor(name, for_ever(&format!("plugin:{name}/{}", operation.name)), operation)
        };
        self.manifest().operations.iter().map(of).collect()
    }
}

/// Tables of operations live as long as the process, and so do the few texts of a plugin that stand in them. Each text
/// is kept once, however often a plugin is opened.
fn for_ever(text: &str) -> &'static str {
    static TEXTS: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = texts.get(text) {
        return kept;
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    texts.insert(text.to_owned(), kept);
    kept
}

fn descriptor(provider: &'static str, endpoint: &'static str, operation: &OperationManifest) -> Descriptor {
    Descriptor {
        provider,
        name: for_ever(&operation.name),
        summary: for_ever(&operation.summary),
        endpoint,
        effect: operation.effect,
        key: operation.key,
        look_up: if operation.effect.changes() { LookUp::Manual } else { LookUp::NotNeeded },
        sender: Sender::Only,
    }
}

fn entry(provider: &'static str, endpoint: &'static str, operation: &OperationManifest) -> OperationEntry {
    let examples: Vec<Example> = operation
        .examples
        .iter()
        .map(|example| Example {
            title: for_ever(&example.title),
            who: MARKETPLACE,
            key: example.key.as_deref().map(for_ever),
            request: for_ever(&example.request.to_string()),
            answer: for_ever(&example.answer.to_string()),
        })
        .collect();
    let by = ByEndpoint { request_schema, answer_schema, prepare, classify };
    let descriptor = descriptor(provider, endpoint, operation);
    let entry = OperationEntry::by_endpoint(descriptor, Box::leak(examples.into_boxed_slice()), by);
    if operation.calls { entry.composing() } else { entry }
}

fn kept(endpoint: &str) -> Option<Arc<Kept>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned()
}

fn request_schema(endpoint: &'static str) -> Value {
    kept(endpoint).map(|kept| kept.operation.request_schema.clone()).unwrap_or_default()
}

fn answer_schema(endpoint: &'static str) -> Value {
    kept(endpoint).map(|kept| kept.operation.answer_schema.clone()).unwrap_or_default()
}

/// The wire form of a request that fits its schema. The plugin is not asked: whoever runs again after an interruption
/// compares by this, and the plugin may be at rest by then.
fn prepare(who: &str, endpoint: &'static str, request: Value) -> Result<Prepared, Rejection> {
    Prepared::new(who, endpoint, request.to_string(), Facts::default())
}

/// A plugin answers outcomes itself: there is no reply of anybody's to classify.
fn classify(_: &Prepared, _: &Reply) -> Outcome {
    gone().into()
}

fn only_tried() -> Text {
    Text::new(
        "בהרצת ניסיון לא קוראים לתוסף, ואין איש שיודע מה הוא היה עונה",
        "nothing of a plugin is called where everything is only tried, and nobody knows what it would answer",
    )
}

fn gone() -> Rejection {
    Rejection::new("plugin_gone", Text::new("התוסף אינו טעון", "the plugin is not loaded"))
}

impl Kept {
    /// Whether the plugin's code may run for it.
    fn is_called(&self) -> bool {
        self.operation.calls || !self.is_dry.load(Ordering::Relaxed)
    }

    fn ask<'i, T>(
        &self,
        verb: &str,
        input: impl Into<Cow<'i, [u8]>>,
        caller: Option<&dyn Caller>,
        read: impl FnOnce(&Who<'_>, Result<crate::library::Asked, crate::plugin::CallFault>) -> T,
    ) -> T {
        let Self { plugin, operation, services, .. } = self;
        let class = if operation.calls { Class::Composing } else { Class::Leaf };
        let asks = if verb == PREPARE { Asks::Prepare } else { Asks::Call };
        let of_none = Answering::new(plugin, &**services, asks);
        let mut answering = Answering { operation: Some(operation), caller, ..of_none };
        let mut ask = |name: &str, input: &[u8]| answering.answer(name, input);
        let asked = plugin.invoke(class, &[verb, &operation.name].concat(), input, &mut ask);
        read(
            &Who { plugin: &plugin.spec().name, operation },
            asked.map(|asked| answering.trail.judged(asked)),
        )
    }

    fn call(&self, body: &str, reference: Option<&str>, caller: Option<&dyn Caller>) -> Composed {
        // The body is JSON already; parsing it to write it again would cost more than all the rest.
        let reference = reference.map_or_else(|| "null".to_owned(), |reference| json!(reference).to_string());
        let input = ["{\"reference\":", &reference, ",\"request\":", body, "}"].concat();
        self.ask(CALL, input.into_bytes(), caller, |who, asked| who.came_to(asked, &self.answer))
    }
}

impl Provider for PluginProvider {
    fn name(&self) -> &'static str {
        self.name
    }

    fn environment(&self) -> Environment {
        Environment { provider: self.name, address: "plugin".to_owned(), account: self.name.to_owned() }
    }

    fn operations(&self) -> &'static [OperationEntry] {
        self.operations
    }

    fn composer(&self) -> Option<&dyn Composer> {
        Some(self)
    }

    fn marketplace(&self) -> Account {
        Account { id: self.name.to_owned(), secrets: BTreeMap::new() }
    }

    fn vendor_account(&self, _: &Secret) -> Result<Account, Rejection> {
        Err(Rejection::new("no_vendors", Text::new("לתוסף אין ספקים", "a plugin has no vendors")))
    }

    fn facts(&self, entry: &OperationEntry, prepared: &Prepared) -> Result<Option<Facts>, Box<Outcome>> {
        let kept = self.kept.get(entry.descriptor.endpoint);
        let Some(kept) = kept.filter(|kept| kept.operation.prepares && kept.is_called()) else {
            return Ok(None);
        };
        let facts = kept.ask(PREPARE, prepared.body.as_bytes(), None, |who, asked| who.facts(asked));
        facts.map(Some)
    }

    fn stamp(&self, _: &OperationEntry, _: &Prepared, step: &StepId) -> Option<Stamp> {
        Some(Stamp::of(step))
    }

    fn blocks(&self) -> bool {
        true
    }

    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        _: &'a Account,
        prepared: &'a Prepared,
        stamp: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        let Some(kept) = self.kept.get(entry.descriptor.endpoint).cloned() else {
            return Box::pin(std::future::ready(gone().into()));
        };
        if !kept.is_called() {
            return Box::pin(std::future::ready(Outcome::new(OutcomeStatus::NotSent, DRY_RUN, only_tried())));
        }
        Box::pin(async move { waited_for(kept, &prepared.body, stamp).await })
    }
}

/// Calls the plugin and waits for it. An item's thread waits by itself, since another one would have to be woken for it
/// and would have to wake it again; where this thread may not wait, another one does. The call is outside of the runtime in
/// either case: the plugin may ask for something that has to be waited for in it.
async fn waited_for(kept: Arc<Kept>, body: &str, stamp: Option<&Stamp>) -> Outcome {
    let reference = stamp.map(ToString::to_string);
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        let call = || kept.call(body, reference.as_deref(), None);
        return tokio::task::block_in_place(call).into_outcome();
    }
    let (body, changes) = (body.to_owned(), kept.operation.effect.changes());
    let called = tokio::task::spawn_blocking(move || kept.call(&body, reference.as_deref(), None));
    called.await.map_or_else(|error| broke_off(changes, &error), Composed::into_outcome)
}

fn broke_off(changes: bool, error: &JoinError) -> Outcome {
    let status = if changes { OutcomeStatus::Unknown } else { OutcomeStatus::Rejected };
    Outcome::new(status, "plugin_broke_off", Text::verbatim(format!("the call broke off: {error}")))
}

impl Composer for PluginProvider {
    fn compose(&self, entry: &OperationEntry, prepared: &Prepared, caller: &dyn Caller) -> Composed {
        match self.kept.get(entry.descriptor.endpoint) {
            Some(kept) => kept.call(&prepared.body, None, Some(caller)),
            None => Composed::Answered(gone().into()),
        }
    }
}
