//! An operation: one thing the hub can do at a provider, described once and used everywhere.
//!
//! An operation is a set of pure functions over its typed request and the provider's reply. Sending is the
//! provider's, remembering is the engine's. From the table of [`OperationEntry`]s derive the script functions,
//! `gesher operations`, the reference page, the schemas and the tests.

pub use crate::caller::{Caller, Composed, Composer};
pub use crate::descriptor::{Descriptor, Effect, KeyRule, LookUp};
pub use crate::ids::{Account, Environment, Reach, Sender, VendorHandle, VendorRole};
use crate::ids::{StepId, business_number};
use crate::language::Text;
use crate::limits::REQUEST_BYTES_MAX;
use crate::look_up::{LookUpFailure, LookUpFuture, Stamp, Wanted};
use crate::money::Money;
pub use crate::outcome::Reply;
use crate::outcome::{Outcome, Rejection};
pub use crate::registry::{Reader, Registered, Registry};
use crate::secret::Secret;
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// *Who*, when it is the marketplace itself and no vendor.
pub const MARKETPLACE: &str = "marketplace";

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
    /// SHA-256 over endpoint and body, and over the original where there is one.
    pub hash: [u8; 32],
    /// What the engine has to know of it.
    pub facts: Facts,
    /// The number of the business that it opens an account for, by [`business_number`].
    pub business: Option<String>,
    /// The reference of the earlier call of which it gives something back.
    pub original: Option<String>,
    /// Others beside *who*, each once, whose keys go into the request when it is sent.
    pub vendors: Vec<String>,
    /// What it reaches beyond its provider, where its operation says that it does.
    pub reach: Option<Reach>,
}

/// How an operation gives back what an earlier call took, so that never more is given back than was taken.
#[derive(Clone, Copy, Debug)]
pub struct TakesBack {
    /// The read that knows an original of which the journal knows nothing, by its qualified name.
    pub read: &'static str,
    /// The request of that read.
    pub request: fn(reference: &str) -> Value,
    /// What the original took, by the provider's own record of it; or why nothing of it can be given back.
    pub taken: fn(prepared: &Prepared, record: &Value) -> Result<Money, Rejection>,
}

impl Prepared {
    /// A request in its wire form. Refuses one that is too large.
    pub fn new(who: &str, endpoint: &'static str, body: String, facts: Facts) -> Result<Self, Rejection> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(Rejection::new(
                "request_too_large",
                Text::new(
                    format!("הבקשה גדולה מ־{REQUEST_BYTES_MAX} בתים"),
                    format!("the request is larger than {REQUEST_BYTES_MAX} bytes"),
                ),
            ));
        }
        let hash = hash_of(endpoint, &body, None);
        let who = who.to_owned();
        let (business, original, vendors, reach) = (None, None, Vec::new(), None);
        Ok(Self { who, endpoint, body, hash, facts, business, original, vendors, reach })
    }
}

/// One operation, as its own file writes it.
pub trait Operation: 'static {
    /// Its facts.
    const DESCRIPTOR: Descriptor;
    /// At least one.
    const EXAMPLES: &'static [Example];
    /// What its success means for the vendor.
    const VENDOR: VendorRole = VendorRole::None;
    /// What a script gives, in the provider's own field names.
    type Request: DeserializeOwned + Serialize + JsonSchema;
    /// The provider's answer, as scripts get it in `data`.
    type Answer: JsonSchema;
    /// How it gives back what an earlier call took; none where it does not.
    const TAKES_BACK: Option<TakesBack> = None;

    /// The practical rules that no schema can say. Nothing was sent when this refuses.
    fn rules(request: &Self::Request) -> Result<(), Rejection>;

    /// The other half of [`Self::rules`]: what may stand nowhere in a request, looked for in its wire form, for an
    /// operation whose rules would otherwise write the request out a second time to search it. Nothing was sent when this
    /// refuses.
    fn text_rules(_wire: &str) -> Result<(), Rejection> {
        Ok(())
    }

    /// What the engine has to know of a request.
    fn facts(request: &Self::Request) -> Facts;

    /// The number of the business that a request opens an account for, as it was written: one business has one account,
    /// whatever the vendor is called. Only for operations that open one.
    fn business(_request: &Self::Request) -> Option<&str> {
        None
    }

    /// The reference of the earlier call of which the request gives something back, where [`Self::TAKES_BACK`] says so.
    fn original(_: &Self::Request) -> Option<String> {
        None
    }

    /// Others beside *who* whom the request names, each once: vendors, or the marketplace.
    fn vendors(_: &Self::Request) -> Vec<String> {
        Vec::new()
    }

    /// The wire form of a request, all but credentials: the request itself, unless it has fields of the hub's own.
    fn wire(request: &Self::Request) -> serde_json::Result<String> {
        serde_json::to_string(request)
    }

    /// What the provider's reply to `prepared` means. Total: whatever comes back has a meaning, and what is not
    /// understood means `unknown`, or `rejected` for a read.
    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        crate::caller::not_understood(&Self::DESCRIPTOR, reply)
    }
}

/// An [`Operation`] with its types erased.
#[derive(Clone, Copy)]
pub struct OperationEntry {
    /// Its facts.
    pub descriptor: Descriptor,
    /// Its examples.
    pub examples: &'static [Example],
    /// What its success means for the vendor.
    pub vendor: VendorRole,
    /// How it gives back what an earlier call took.
    pub takes_back: Option<TakesBack>,
    /// Whether it has no effect of its own and calls others: see [`Composer`].
    pub composes: bool,
    /// Whether its requests name a host of the caller's choosing: then the flow's list of hosts is the permission.
    pub reaches: bool,
    pub(crate) request_schema: fn(&'static str) -> Value,
    pub(crate) answer_schema: fn(&'static str) -> Value,
    pub(crate) prepare: fn(&str, &'static str, Value) -> Result<Prepared, Rejection>,
    classify: fn(&Prepared, &Reply) -> Outcome,
}

/// What stands for the types of an operation that has none of its own: a table knows its endpoint.
#[derive(Clone, Copy, Debug)]
pub struct ByEndpoint {
    /// The JSON Schema of an endpoint's request.
    pub request_schema: fn(&'static str) -> Value,
    /// The JSON Schema of its answer.
    pub answer_schema: fn(&'static str) -> Value,
    /// Brings a request that fits its schema into its wire form: *who*, the endpoint, the request.
    pub prepare: fn(&str, &'static str, Value) -> Result<Prepared, Rejection>,
    /// What a reply means.
    pub classify: fn(&Prepared, &Reply) -> Outcome,
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
        assert!(
            matches!(O::VENDOR, VendorRole::None) || matches!(O::DESCRIPTOR.key, KeyRule::OncePerVendor),
            "what opens an account or asks for a terminal happens once per vendor"
        );
        assert!(!O::EXAMPLES.is_empty(), "an operation needs an example");
        Self {
            descriptor: O::DESCRIPTOR,
            examples: O::EXAMPLES,
            vendor: O::VENDOR,
            takes_back: O::TAKES_BACK,
            composes: false,
            reaches: false,
            request_schema: schema_of::<O::Request>,
            answer_schema: schema_of::<O::Answer>,
            prepare: prepare::<O>,
            classify: O::classify,
        }
    }

    /// An operation whose types are in a table of endpoints. A descriptor that contradicts itself panics.
    #[must_use]
    pub const fn by_endpoint(descriptor: Descriptor, examples: &'static [Example], by: ByEndpoint) -> Self {
        descriptor.check();
        Self {
            descriptor,
            examples,
            vendor: VendorRole::None,
            takes_back: None,
            composes: false,
            reaches: false,
            request_schema: by.request_schema,
            answer_schema: by.answer_schema,
            prepare: by.prepare,
            classify: by.classify,
        }
    }

    /// The same, whose requests name a host of the caller's choosing.
    #[must_use]
    pub const fn reaching(self) -> Self {
        Self { reaches: true, ..self }
    }

    /// What the provider's reply to `prepared` means.
    #[must_use]
    pub fn classify(&self, prepared: &Prepared, reply: &Reply) -> Outcome {
        (self.classify)(prepared, reply)
    }
}

fn schema_of<T: JsonSchema>(_: &'static str) -> Value {
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
    let business = O::business(&typed).and_then(business_number);
    let original = O::original(&typed);
    let vendors = O::vendors(&typed);
    let body = O::wire(&typed).map_err(|error| {
        Rejection::new(
            "wrong_type",
            Text::verbatim(format!("the request cannot be written as JSON: {error}")),
        )
    })?;
    O::text_rules(&body)?;
    let prepared = Prepared::new(who, endpoint, body, facts)?;
    let hash = original
        .as_deref()
        .map_or(prepared.hash, |original| hash_of(endpoint, &prepared.body, Some(original)));
    Ok(Prepared { hash, original, vendors, business, ..prepared })
}

fn hash_of(endpoint: &str, body: &str, original: Option<&str>) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut text = String::with_capacity(endpoint.len() + body.len() + 1);
    text.push_str(endpoint);
    text.push('\n');
    text.push_str(body);
    if let Some(original) = original {
        text.push('\n');
        text.push_str(original);
    }
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
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

    /// What runs its operations that compose others, where it has any.
    fn composer(&self) -> Option<&dyn Composer> {
        None
    }

    /// What it sends to webhooks, and how that is read.
    fn readers(&self) -> &'static [Reader] {
        &[]
    }

    /// The marketplace's own account.
    fn marketplace(&self) -> Account;

    /// A vendor's account from what the vault holds of it.
    fn vendor_account(&self, sealed: &Secret) -> Result<Account, Rejection>;

    /// What the engine has to know of a request, where only the provider's own code can say it: none where what
    /// `prepared` says is all. Asked once for each call that is new, before anything of it is written down, and never for
    /// one that is answered from the record. Sends nothing; may block, so only from an item's thread. An error is the
    /// call's outcome: `rejected` by the operation's rules, or `not_sent` where nobody could be asked.
    fn facts(&self, _entry: &OperationEntry, _prepared: &Prepared) -> Result<Option<Facts>, Box<Outcome>> {
        Ok(None)
    }

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

    /// As [`Provider::perform`], for a request that names others: their accounts, in the order of
    /// [`Prepared::vendors`]. A provider that has such an operation puts their keys into what is sent.
    fn perform_with<'a>(
        &'a self,
        entry: &'a OperationEntry,
        account: &'a Account,
        _vendors: &'a [Arc<Account>],
        prepared: &'a Prepared,
        stamp: Option<&'a Stamp>,
    ) -> OutcomeFuture<'a> {
        Provider::perform(self, entry, account, prepared, stamp)
    }

    /// Whether [`Provider::perform`] blocks the thread that polls it. Then an item's calls are made on its own thread, and
    /// otherwise by the few threads that see to all calls. Where no item calls, it has to make room for itself.
    fn blocks(&self) -> bool {
        false
    }

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
