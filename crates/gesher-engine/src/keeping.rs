//! What a flow keeps from one item and run to the next: values by key. A look is a step, answered from the record after
//! an interruption; a change is a step in the same commit, so that it happens once.

use crate::context::{Answer, CallEnd, CallFault, ItemContext};
use crate::engine::Called;
use crate::error::EngineError;
use gesher_core::operation::{Facts, Prepared};
use gesher_core::redact::REDACTED;
use gesher_core::{Decimal, Key, Language, MARKETPLACE, OutcomeStatus, Redactor, Rejection, Text};
use gesher_journal::{StoreChange, StoreWrite, StoreWritten, StoredOutcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Size of one value as JSON, in bytes. A larger one is refused.
pub const STORE_VALUE_BYTES_MAX: usize = 64 << 10;
/// Keys that one flow may keep something under. One more is refused.
pub const STORE_KEYS_MAX: u64 = 10_000;
/// Keys that one look at a list answers. Where there are more, the look is refused.
pub const STORE_KEYS_LISTED_MAX: usize = 1_000;

/// How a flow changes what it keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// It is this from now on, or nothing.
    Set(Option<Value>),
    /// The same, if what is there is what was expected.
    Update {
        /// What was expected; none for nothing.
        expected: Option<Value>,
        /// What it is from now on; none for nothing.
        new: Option<Value>,
    },
    /// A number grows by this.
    Add(Decimal),
}

impl Keep {
    /// The name of the step.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Set(Some(_)) => "store.set",
            Self::Set(None) => "store.remove",
            Self::Update { .. } => "store.update",
            Self::Add(_) => "store.increment",
        }
    }

    fn values(&self) -> Vec<&Value> {
        match self {
            Self::Set(value) => value.iter().collect(),
            Self::Update { expected, new } => expected.iter().chain(new).collect(),
            Self::Add(_) => Vec::new(),
        }
    }

    fn request(&self) -> Value {
        match self {
            Self::Set(value) => json!([value]),
            Self::Update { expected, new } => json!([expected, new]),
            Self::Add(by) => json!([by.normalize().to_string()]),
        }
    }

    fn change(self) -> StoreChange {
        match self {
            Self::Set(value) => StoreChange::Set(value),
            Self::Update { expected, new } => StoreChange::Replace { expected, by: new },
            Self::Add(by) => StoreChange::Add(by),
        }
    }
}

impl ItemContext {
    /// What the flow keeps under a key, as a step; null for nothing.
    pub fn kept(&self, key: &str) -> Result<Value, CallEnd> {
        let key = gesher_core::key::clean_cell(key);
        self.may_look(&key)?;
        let look = || {
            let stored = self.engine().journal().stored(&self.flow().name, &key);
            let stored = self.engine().runtime().block_on(stored);
            let stored = stored.map_err(CallFault::journal("reading what a flow keeps"))?;
            Ok(stored.map_or(Value::Null, |value| json!({ "value": value })))
        };
        Ok(self.observed("store.get", &key, look)?.get("value").cloned().unwrap_or_default())
    }

    /// The keys that begin so under which the flow keeps something, as a step, sorted.
    pub fn kept_keys(&self, prefix: &str) -> Result<Vec<String>, CallEnd> {
        let prefix = gesher_core::key::clean_cell(prefix);
        self.may_look(&prefix)?;
        let look = || {
            let keys =
                self.engine().journal().stored_keys(&self.flow().name, &prefix, STORE_KEYS_LISTED_MAX + 1);
            let keys = self.engine().runtime().block_on(keys);
            Ok(json!(keys.map_err(CallFault::journal("listing what a flow keeps"))?))
        };
        let seen = self.observed("store.list", &prefix, look)?;
        let keys: Vec<String> =
            seen.as_array().into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        if keys.len() > STORE_KEYS_LISTED_MAX {
            return Err(self.refused_outright(too_many_keys()));
        }
        Ok(keys)
    }

    /// Refuses to look for what could never be kept: the look itself would be written down.
    fn may_look(&self, key: &str) -> Result<(), CallEnd> {
        if is_clean(self.redactor(), key) {
            return Ok(());
        }
        // It has its place among the steps, as any other call that is refused before there is anything to record.
        self.next_step()?;
        Err(self.refused_outright(secret()))
    }

    /// Changes what the flow keeps under a key, as a step. Answers what is there now, and whether the change was made.
    pub fn keep(&self, key: &str, keep: Keep) -> Result<Answer, CallEnd> {
        let step = self.next_step()?;
        let name = keep.name();
        let key = gesher_core::key::clean_cell(key);
        // The record of a refusal holds nothing of what was refused, not even a sum that it could be guessed by.
        let who = written_name(self.redactor(), &key).to_owned();
        let mut request = keep.request();
        self.redactor().json(&mut request);
        // The key of the step names what is kept, and no intention: the same one changes as often as the flow likes.
        let hash = Prepared::new(MARKETPLACE, name, request.to_string(), Facts::default());
        let hash = hash.map_or([0; 32], |prepared| prepared.hash);
        if let Some(called) = self.recorded(&step, name, &who, None, &hash)? {
            return self.answer(name, false, called);
        }
        let now = self.engine().clock().now();
        let record = self.plain_step(step, name, &who, hash, now);
        let refusal = unfit(&key, &keep, self.redactor()).err();
        if let Some(rejection) = refusal {
            let outcome = self.engine().store(rejection.into());
            let state = gesher_journal::StepState::Over(outcome.status);
            let record = gesher_journal::StepRecord { outcome: Some(outcome.clone()), state, ..record };
            self.engine().journal().record_step(record).in_order();
            return self.answer(name, false, Called::own(outcome));
        }
        let flow = self.flow().name.clone();
        let change = keep.change();
        let write = StoreWrite { flow, key, change, keys_max: STORE_KEYS_MAX, step: record, outcome: said };
        gesher_core::failpoint!("store.before");
        let written = self.engine().runtime().block_on(self.engine().journal().write_store(write));
        gesher_core::failpoint!("store.written");
        match written {
            Ok(written) => self.answer(name, false, Called::own(said(&written))),
            Err(error) => {
                self.engine().store_failed(&error);
                Err(self.journal_failed(EngineError::journal("changing what a flow keeps")(error)))
            }
        }
    }
}

/// The same in a world without a journal: what is kept is changed at once. Answers as [`ItemContext::keep`] does.
pub fn keep_in(
    kept: &mut BTreeMap<String, Value>,
    key: &str,
    keep: Keep,
    redactor: &Redactor,
    language: Language,
) -> Result<Answer, CallEnd> {
    let key = gesher_core::key::clean_cell(key);
    let outcome = match unfit(&key, &keep, redactor) {
        Ok(()) => {
            let written = keep.change().applied_to(kept.get(&key));
            match &written {
                StoreWritten::Written(Some(value)) => drop(kept.insert(key, value.clone())),
                StoreWritten::Written(None) => drop(kept.remove(&key)),
                StoreWritten::Other(_) | StoreWritten::NoNumber | StoreWritten::Full => {}
            }
            said(&written)
        }
        Err(Rejection { code, message }) => StoredOutcome {
            status: OutcomeStatus::Rejected,
            code: Some(code),
            message,
            ..said(&StoreWritten::Written(None))
        },
    };
    let answer = Answer {
        status: outcome.status,
        reference: None,
        document: None,
        code: outcome.code,
        message: outcome.message.get(language).to_owned(),
        replayed: false,
        data: outcome.data,
    };
    match answer.status {
        OutcomeStatus::Succeeded => Ok(answer),
        _ => Err(CallEnd::Refused(Box::new(answer))),
    }
}

/// Whether a text holds nothing that must not be kept.
pub(crate) fn is_clean(redactor: &Redactor, text: &str) -> bool {
    redactor.text(text) == text
}

/// A name as a step's record has it: what must not be kept is not named either. The same name has the same one again
/// after an interruption.
pub(crate) fn written_name<'a>(redactor: &Redactor, name: &'a str) -> &'a str {
    if is_clean(redactor, name) { name } else { REDACTED }
}

fn secret() -> Rejection {
    Rejection::new(
        "secret",
        Text::new(
            "אין לשמור סודות או מספרי כרטיסים; יש לשמור אסימון (token) של הכרטיס, או את שם הסוד",
            "secrets and card numbers are not kept; keep a card's token, or the secret's name",
        ),
    )
}

/// Refuses what must not be kept.
fn unfit(key: &str, keep: &Keep, redactor: &Redactor) -> Result<(), Rejection> {
    Key::clean(key).map_err(|error| Rejection::new("bad_key", error.text()))?;
    let clean = |value: &Value| {
        let mut clean = value.clone();
        redactor.json(&mut clean);
        clean == *value
    };
    if !is_clean(redactor, key) || !keep.values().into_iter().all(clean) {
        return Err(secret());
    }
    match keep.values().into_iter().any(|value| value.to_string().len() > STORE_VALUE_BYTES_MAX) {
        false => Ok(()),
        true => Err(Rejection::new(
            "value_too_large",
            Text::new(
                format!("הערך גדול מ־{STORE_VALUE_BYTES_MAX} בתים"),
                format!("the value is larger than {STORE_VALUE_BYTES_MAX} bytes"),
            ),
        )),
    }
}

/// What is recorded of a change.
fn said(written: &StoreWritten) -> StoredOutcome {
    let outcome = |status, code: Option<&str>, message, data: Value| StoredOutcome {
        status,
        reference: None,
        document: None,
        code: code.map(str::to_owned),
        message,
        data: data.into(),
        amount: None,
    };
    match written {
        StoreWritten::Written(now) => {
            outcome(OutcomeStatus::Succeeded, None, Text::default(), json!({ "written": true, "value": now }))
        }
        StoreWritten::Other(now) => outcome(
            OutcomeStatus::Succeeded,
            None,
            Text::default(),
            json!({ "written": false, "value": now }),
        ),
        StoreWritten::NoNumber => {
            let text =
                Text::new("הערך השמור אינו מספר שאפשר להוסיף לו", "what is kept is no number that can grow");
            outcome(OutcomeStatus::Rejected, Some("no_number"), text, Value::Null)
        }
        StoreWritten::Full => {
            let text = Text::new(
                format!("התהליך כבר שומר {STORE_KEYS_MAX} מפתחות; יש להסיר ישנים ב־store::remove"),
                format!("the flow keeps {STORE_KEYS_MAX} keys already; remove old ones with store::remove"),
            );
            outcome(OutcomeStatus::Rejected, Some("store_full"), text, Value::Null)
        }
    }
}

fn too_many_keys() -> Rejection {
    Rejection::new(
        "too_many_keys",
        Text::new(
            format!("יש יותר מ־{STORE_KEYS_LISTED_MAX} מפתחות; יש לבקש תחילית ארוכה יותר"),
            format!("there are more than {STORE_KEYS_LISTED_MAX} keys; ask for a longer beginning"),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_kept_is_not_named_either() {
        let redactor = Redactor::new();
        redactor.learn(&gesher_core::Secret::from("VndKey-canary-1"));
        for (name, want) in [
            ("cursor", "cursor"),
            ("הזמנה 7", "הזמנה 7"),
            ("4111111111111111", REDACTED),
            ("of VndKey-canary-1", REDACTED),
            ("password=p4ss", REDACTED),
            (REDACTED, REDACTED),
        ] {
            assert_eq!(written_name(&redactor, name), want, "{name}");
        }
    }
}
