//! An operation: one thing the hub can do at a provider, described once and used everywhere.
//!
//! An operation is a set of pure functions over its typed request and the provider's reply. Sending is the
//! provider's, remembering is the engine's. From the table of [`OperationEntry`]s derive the script functions,
//! `gesher operations`, the reference page, the schemas and the tests.

use crate::check;
use crate::ids::StepId;
pub use crate::ids::VendorHandle;
use crate::language::Text;
use crate::limits::REQUEST_BYTES_MAX;
use crate::look_up::{LookUpFailure, LookUpFuture, Stamp, Wanted};
use crate::money::Money;
use crate::names::nearest;
use crate::outcome::{Outcome, Rejection};
use crate::secret::Secret;
use crate::shape::Shape;
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// *Who*, when it is the marketplace itself and no vendor.
pub const MARKETPLACE: &str = "marketplace";

/// What an operation may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Looks.
    Read,
    /// Changes something that is not money.
    Write,
    /// Moves money.
    Money,
}

impl Effect {
    /// The word of the effect.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Money => "money",
        }
    }

    /// Whether it may change anything at the provider.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(self, Self::Write | Self::Money)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an operation's intention gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// A read: no key.
    None,
    /// The caller names it.
    Required,
    /// The caller may name it; else item, operation and ordinal do.
    Optional,
    /// It happens once per vendor: the vendor is the key.
    OncePerVendor,
}

/// How an unknown outcome can be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// A read has no unknown outcome that matters.
    NotNeeded,
    /// By asking the provider, with the operation named.
    By(&'static str),
    /// Only a person can: the provider has no way to ask.
    Manual,
}

/// Whose account sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The account that *who* names.
    Who,
    /// The marketplace's own, on behalf of the vendor that *who* names.
    Marketplace,
    /// The only one there is: the provider knows no vendors, and a call names no *who*.
    Only,
}

impl Sender {
    /// Whether a call says for whom it is.
    #[must_use]
    pub const fn takes_who(self) -> bool {
        !matches!(self, Self::Only)
    }
}

/// The facts of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The provider, as in `officeguy`.
    pub provider: &'static str,
    /// Verb and noun, as in `list_payments`.
    pub name: &'static str,
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// The endpoint's path on the wire.
    pub endpoint: &'static str,
    /// What it may do.
    pub effect: Effect,
    /// How its intention is named.
    pub key: KeyRule,
    /// How an unknown outcome is settled.
    pub look_up: LookUp,
    /// Whose account sends.
    pub sender: Sender,
}

impl Descriptor {
    /// Refuses a descriptor that contradicts itself, while compiling.
    const fn check(&self) {
        let summary = self.summary.as_bytes();
        assert!(
            !summary.is_empty() && summary[summary.len() - 1] == b'.',
            "a summary is a sentence with a full stop"
        );
        let reads = matches!(self.effect, Effect::Read);
        assert!(matches!(self.key, KeyRule::None) == reads, "reads have no key, and everything else has one");
        assert!(
            matches!(self.look_up, LookUp::NotNeeded) == reads,
            "what has an effect has a look-up or is manual"
        );
        assert!(
            !(matches!(self.effect, Effect::Money) && matches!(self.key, KeyRule::Optional)),
            "money needs a key that its caller names"
        );
    }

    /// `provider.verb_noun`.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.provider, self.name)
    }
}

/// A call that is documentation and a test at once.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// *Who*; the marketplace where a call names nobody.
    pub who: &'static str,
    /// The key, where the operation takes one.
    pub key: Option<&'static str>,
    /// The request as JSON.
    pub request: &'static str,
    /// Fields that the answer's `data` must have, as JSON. A string `"*"` stands for any value that is there.
    pub answer: &'static str,
}

/// What the engine has to know of a request beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whom it concerns: while one of its steps is unknown, other keys of the same subject wait.
    pub subject: Option<String>,
    /// What it moves.
    pub amount: Option<Money>,
    /// What a look-up of its outcome has to know, or null. Small, and without secrets.
    pub look_up: Value,
}

/// A request that passed every check and is ready to send, all but the credentials.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// *Who*, as the caller said it.
    pub who: String,
    /// The endpoint's path.
    pub endpoint: &'static str,
    /// The wire form: one JSON object, fields in their declared order, amounts with two places, enums as numbers.
    /// One request has one such text, so it is also what two requests are compared by.
    pub body: String,
    /// SHA-256 over endpoint and body.
    pub hash: [u8; 32],
    /// What the engine has to know of it.
    pub facts: Facts,
}

/// A provider's reply as it came, whatever it is.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type, when one was given.
    pub content_type: Option<String>,
    /// The body, whole.
    pub body: Vec<u8>,
}

/// One operation, as its own file writes it.
pub trait Operation: 'static {
    /// Its facts.
    const DESCRIPTOR: Descriptor;
    /// At least one.
    const EXAMPLES: &'static [Example];
    /// What a script gives, in the provider's own field names.
    type Request: DeserializeOwned + Serialize + JsonSchema;
    /// The provider's answer, as scripts get it in `data`.
    type Answer: JsonSchema;

    /// The practical rules that no schema can say. Nothing was sent when this refuses.
    fn rules(request: &Self::Request) -> Result<(), Rejection>;

    /// What the engine has to know of a request.
    fn facts(request: &Self::Request) -> Facts;

    /// What the provider's reply to `prepared` means. Total: whatever comes back has a meaning, and what is not
    /// understood means `unknown`, or `rejected` for a read.
    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome;
}

/// An [`Operation`] with its types erased.
#[derive(Clone, Copy)]
pub struct OperationEntry {
    /// Its facts.
    pub descriptor: Descriptor,
    /// Its examples.
    pub examples: &'static [Example],
    request_schema: fn() -> Value,
    answer_schema: fn() -> Value,
    prepare: fn(&str, &'static str, Value) -> Result<Prepared, Rejection>,
    classify: fn(&Prepared, &Reply) -> Outcome,
}

impl fmt::Debug for OperationEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.descriptor.provider, self.descriptor.name)
    }
}

impl OperationEntry {
    /// Erases `O`. A descriptor that contradicts itself, or an operation without an example, does not compile.
    #[must_use]
    pub const fn of<O: Operation>() -> Self {
        O::DESCRIPTOR.check();
        assert!(!O::EXAMPLES.is_empty(), "an operation needs an example");
        Self {
            descriptor: O::DESCRIPTOR,
            examples: O::EXAMPLES,
            request_schema: schema_of::<O::Request>,
            answer_schema: schema_of::<O::Answer>,
            prepare: prepare::<O>,
            classify: O::classify,
        }
    }

    /// What the provider's reply to `prepared` means.
    #[must_use]
    pub fn classify(&self, prepared: &Prepared, reply: &Reply) -> Outcome {
        (self.classify)(prepared, reply)
    }
}

fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

fn prepare<O: Operation>(who: &str, endpoint: &'static str, request: Value) -> Result<Prepared, Rejection> {
    let typed: O::Request = serde_json::from_value(request).map_err(|error| {
        Rejection::new(
            "wrong_type",
            Text::new(format!("הבקשה אינה תקינה: {error}"), format!("the request is not valid: {error}")),
        )
    })?;
    O::rules(&typed)?;
    let facts = O::facts(&typed);
    let body = serde_json::to_string(&typed).map_err(|error| {
        Rejection::new(
            "wrong_type",
            Text::verbatim(format!("the request cannot be written as JSON: {error}")),
        )
    })?;
    if body.len() > REQUEST_BYTES_MAX {
        return Err(Rejection::new(
            "request_too_large",
            Text::new(
                format!("הבקשה גדולה מ־{REQUEST_BYTES_MAX} בתים"),
                format!("the request is larger than {REQUEST_BYTES_MAX} bytes"),
            ),
        ));
    }
    let hash = hash_of(endpoint, &body);
    Ok(Prepared { who: who.to_owned(), endpoint, body, hash, facts })
}

fn hash_of(endpoint: &str, body: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut text = String::with_capacity(endpoint.len() + body.len() + 1);
    text.push_str(endpoint);
    text.push('\n');
    text.push_str(body);
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

/// One set of credentials at a provider.
#[derive(Clone, Debug)]
pub struct Account {
    /// The provider's public id of it, such as the CompanyID. Keys belong to it.
    pub id: String,
    /// Its secrets by name.
    pub secrets: BTreeMap<&'static str, Secret>,
}

/// Provider address and account: what a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The provider.
    pub provider: &'static str,
    /// Its address.
    pub address: String,
    /// The marketplace's account there.
    pub account: String,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} account {} at {}", self.provider, self.account, self.address)
    }
}

/// The future of an outcome.
pub type OutcomeFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A provider with its account and its connections. The engine knows providers only as this.
pub trait Provider: Send + Sync {
    /// As in `officeguy`.
    fn name(&self) -> &'static str;

    /// Where and as whom it acts.
    fn environment(&self) -> Environment;

    /// Its table of operations.
    fn operations(&self) -> &'static [OperationEntry];

    /// The marketplace's own account.
    fn marketplace(&self) -> Account;

    /// A vendor's account from what the vault holds of it.
    fn vendor_account(&self, sealed: &Secret) -> Result<Account, Rejection>;

    /// The stamp that [`Provider::perform`] will put into this request of `step`, or none where the operation has no
    /// place for one. Asked before the intent, which keeps it.
    fn stamp(&self, _entry: &OperationEntry, _prepared: &Prepared, _step: &StepId) -> Option<Stamp> {
        None
    }

    /// Sends `prepared` once, as `account`, and says what came of it. Never repeats, never follows, never guesses.
    /// The `stamp` is what [`Provider::stamp`] answered; it goes into the text that is sent, and into nothing that
    /// requests are compared by. The engine alone calls this, after the intent is durable. Dropping the future after
    /// it was polled leaves the outcome unknown.
    fn perform<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        prepared: &'a Prepared,
        stamp: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a>;

    /// Looks for what became of a call whose outcome is unknown. Only reads, and answers with everything of the time
    /// in question or with a failure: silence and half a list are no evidence. Whether a record is the step's own is
    /// not decided here.
    fn look_up<'a>(
        &'a self,
        _entry: &'a OperationEntry,
        _account: &'a Account,
        _wanted: &'a Wanted,
    ) -> LookUpFuture<'a> {
        Box::pin(std::future::ready(Err(LookUpFailure::Manual)))
    }
}

/// An operation with its provider and its schemas, as the hub runs it.
pub struct Registered {
    /// The operation.
    pub entry: &'static OperationEntry,
    /// Who performs it.
    pub provider: Arc<dyn Provider>,
    /// The request's JSON Schema.
    pub request_schema: Value,
    /// The answer's JSON Schema.
    pub answer_schema: Value,
    /// The request's schema as its check reads it.
    shape: Shape,
}

impl Registered {
    /// Checks `request` against the schema and the operation's rules and brings it into its wire form.
    pub fn prepare(&self, who: &str, request: Value) -> Result<Prepared, Rejection> {
        if let Some(fault) = check::faults(&self.shape, &request).into_iter().next() {
            return Err(fault.into_rejection());
        }
        (self.entry.prepare)(who, self.entry.descriptor.endpoint, request)
    }
}

/// All operations by their qualified names.
#[derive(Default)]
pub struct Registry {
    operations: BTreeMap<String, Registered>,
}

impl Registry {
    /// The operations of `providers`.
    #[must_use]
    pub fn new(providers: &[Arc<dyn Provider>]) -> Self {
        let mut operations = BTreeMap::new();
        for provider in providers {
            for entry in provider.operations() {
                let request_schema = (entry.request_schema)();
                let registered = Registered {
                    entry,
                    provider: Arc::clone(provider),
                    shape: Shape::of(&request_schema),
                    request_schema,
                    answer_schema: (entry.answer_schema)(),
                };
                operations.insert(entry.descriptor.qualified_name(), registered);
            }
        }
        Self { operations }
    }

    /// The operation of that name, or a refusal with the nearest one.
    pub fn find(&self, name: &str) -> Result<&Registered, Rejection> {
        self.operations.get(name).ok_or_else(|| {
            let hint = nearest(name, self.operations.keys().map(String::as_str));
            let (he, en) = hint.map_or_else(Default::default, |near| {
                (format!("; אולי {near}?"), format!("; did you mean {near}?"))
            });
            Rejection::new(
                "unknown_operation",
                Text::new(format!("אין פעולה בשם {name}{he}"), format!("there is no operation {name}{en}")),
            )
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Registered)> {
        self.operations.iter().map(|(name, registered)| (name.as_str(), registered))
    }

    /// The providers, each once.
    #[must_use]
    pub fn providers(&self) -> Vec<Arc<dyn Provider>> {
        let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
        for registered in self.operations.values() {
            if !providers.iter().any(|known| known.name() == registered.provider.name()) {
                providers.push(Arc::clone(&registered.provider));
            }
        }
        providers
    }
}
