//! All operations of all providers by their names, each with its schemas, as the hub runs it.

use crate::check::{self, Fault};
use crate::language::Text;
use crate::names::nearest;
use crate::operation::{Composer, OperationEntry, Prepared, Provider};
use crate::outcome::{Outcome, OutcomeStatus, Rejection};
use crate::shape::Shape;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An operation with its provider and its schemas, as the hub runs it.
pub struct Registered {
    /// Its name, as it is called.
    pub name: String,
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
    /// What runs it, where it composes other operations.
    #[must_use]
    pub fn composer(&self) -> Option<&dyn Composer> {
        if self.entry.composes { self.provider.composer() } else { None }
    }

    /// Checks `request` against the schema and the operation's rules and brings it into its wire form. Depends on nothing
    /// but the request: what only the provider's own code knows of it is for [`Registered::facts`].
    pub fn prepare(&self, who: &str, request: Value) -> Result<Prepared, Rejection> {
        if let Some(fault) = check::faults(&self.shape, &request).into_iter().next() {
            return Err(fault.into_rejection());
        }
        (self.entry.prepare)(who, self.entry.descriptor.endpoint, request)
    }

    /// Adds to a prepared request what only its provider's own code knows of it: see [`Provider::facts`]. May block.
    pub fn facts(&self, prepared: &mut Prepared) -> Result<(), Box<Outcome>> {
        if let Some(facts) = self.provider.facts(self.entry, prepared)? {
            prepared.facts = facts;
        }
        Ok(())
    }

    /// Why `request` would be refused whenever it is sent, if it would. May block.
    #[must_use]
    pub fn refusal(&self, who: &str, request: Value) -> Option<Text> {
        let mut prepared = match self.prepare(who, request) {
            Ok(prepared) => prepared,
            Err(rejection) => return Some(rejection.message),
        };
        let refused =
            self.facts(&mut prepared).err().filter(|outcome| outcome.status == OutcomeStatus::Rejected);
        refused.map(|outcome| outcome.message)
    }

    /// What the check will find wrong with a request of which some parts are not known yet: those at the paths `unknown`,
    /// as in `Items[0].UnitPrice`, where anything may stand.
    #[must_use]
    pub fn foreseen(&self, request: &Value, unknown: &BTreeSet<String>) -> Vec<Fault> {
        check::faults_but(&self.shape, request, unknown)
    }
}

/// What a provider sends to a webhook, read: a pure function that a script calls with the delivery.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Its name in scripts, within the provider's module.
    pub name: &'static str,
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// A body that it reads.
    pub example: &'static str,
    /// The bytes of a body in, what they say out; or why they say nothing.
    pub read: fn(&[u8]) -> Result<Value, Text>,
}

/// All operations by their qualified names.
#[derive(Default)]
pub struct Registry {
    operations: BTreeMap<String, Arc<Registered>>,
}

impl Registry {
    /// The operations of `providers`.
    #[must_use]
    pub fn new(providers: &[Arc<dyn Provider>]) -> Self {
        let mut operations = BTreeMap::new();
        for provider in providers {
            for entry in provider.operations() {
                let endpoint = entry.descriptor.endpoint;
                let request_schema = (entry.request_schema)(endpoint);
                let name = entry.descriptor.qualified_name();
                let registered = Registered {
                    name: name.clone(),
                    entry,
                    provider: Arc::clone(provider),
                    shape: Shape::of(&request_schema),
                    request_schema,
                    answer_schema: (entry.answer_schema)(endpoint),
                };
                operations.insert(name, Arc::new(registered));
            }
        }
        Self { operations }
    }

    /// The operation of that name, or a refusal with the nearest one.
    pub fn find(&self, name: &str) -> Result<&Arc<Registered>, Rejection> {
        self.operations.get(name).ok_or_else(|| {
            if let Some(rejection) = self.has_its_own(name) {
                return rejection;
            }
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

    /// The refusal of a call by the path of an endpoint that has operations of its own.
    fn has_its_own(&self, name: &str) -> Option<Rejection> {
        let path = name.get(name.find('/')?..)?;
        let own = |found: &&Arc<Registered>| found.entry.descriptor.endpoint == path;
        let own: Vec<String> = self.operations.values().filter(own).map(|found| found.name.clone()).collect();
        let own = Some(own.join(", ")).filter(|own| !own.is_empty())?;
        Some(Rejection::new(
            "has_operation",
            Text::new(
                format!("לכתובת {path} יש פעולה משלה; יש לקרוא ל־{own}"),
                format!("{path} has an operation of its own; call {own}"),
            ),
        ))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Registered)> {
        self.operations.iter().map(|(name, registered)| (name.as_str(), &**registered))
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
