//! What a plugin's answer means. Pure and total: whatever came back, or did not, is one outcome.
//!
//! One rule decides what is not clear: an operation with an effect whose plugin was told and did not answer as it
//! should is `unknown`, and one without is `rejected`. What the plugin was never told of is `not_sent`.

use crate::library::Asked;
use crate::manifest::OperationManifest;
use crate::plugin::CallFault;
use crate::process::Broken;
use gesher_core::check::faults;
use gesher_core::operation::Facts;
use gesher_core::shape::Shape;
use gesher_core::{Composed, Money, Outcome, OutcomeStatus, Rejection, Text};
use gesher_plugin_abi::{GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_REFUSED};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// Length of a reference, a document's number or a code, in bytes.
const WORD_BYTES_MAX: usize = 512;
/// Length of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// A plugin's words for people: one text, or one in each language.
struct Words(Text);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is tried in turn is first copied; this is looked at once.
        deserializer.deserialize_any(ReadsWords)
    }
}

struct ReadsWords;

impl<'de> Visitor<'de> for ReadsWords {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or one in `he` and one in `en`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words(Text::verbatim(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Words, A::Error> {
        #[derive(Deserialize)]
        struct Both {
            he: String,
            en: String,
        }
        let Both { he, en } = Both::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Words(Text::new(he, en)))
    }
}

#[derive(Deserialize)]
struct Said {
    status: OutcomeStatus,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    document: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<Words>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    amount: Option<Money>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: Words,
}

#[derive(Deserialize)]
struct SaidFacts {
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    amount: Option<Money>,
}

fn cut(text: String, limit: usize) -> String {
    let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

fn text_of(words: Option<Words>) -> Text {
    words.map(|Words(text)| text.map(|text| cut(text.to_owned(), MESSAGE_BYTES_MAX))).unwrap_or_default()
}

fn refusal(bytes: &[u8]) -> Rejection {
    match serde_json::from_slice::<Refusal>(bytes) {
        Ok(Refusal { code, message }) => Rejection::new(cut(code, WORD_BYTES_MAX), text_of(Some(message))),
        Err(_) => Rejection::new("plugin_refused", Text::verbatim(words(bytes))),
    }
}

fn words(bytes: &[u8]) -> String {
    cut(String::from_utf8_lossy(bytes).into_owned(), MESSAGE_BYTES_MAX)
}

/// Who was asked for what, for messages.
pub(crate) struct Who<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) operation: &'a OperationManifest,
}

impl Who<'_> {
    /// The plugin was told, and nobody knows what it did.
    fn unclear(&self, code: &str, what: &str) -> Outcome {
        let (plugin, name) = (self.plugin, &self.operation.name);
        if self.operation.effect.changes() {
            let text = Text::new(
                format!(
                    "התוסף {plugin} לא השיב כראוי לפעולה {name} ({what}), ולכן איננו יודעים אם היא בוצעה"
                ),
                format!(
                    "the plugin {plugin} did not answer {name} as it should ({what}), so we do not know whether it was done"
                ),
            );
            return Outcome::new(OutcomeStatus::Unknown, code, text);
        }
        let text = Text::new(
            format!("התוסף {plugin} לא השיב כראוי לפעולה {name}: {what}"),
            format!("the plugin {plugin} did not answer {name} as it should: {what}"),
        );
        Outcome::new(OutcomeStatus::Rejected, code, text)
    }

    fn not_begun(&self, what: &str) -> Outcome {
        let (plugin, name) = (self.plugin, &self.operation.name);
        let text = Text::new(
            format!("התוסף {plugin} לא נקרא לפעולה {name}: {what}"),
            format!("the plugin {plugin} was not called for {name}: {what}"),
        );
        Outcome::new(OutcomeStatus::NotSent, "plugin_not_called", text)
    }

    fn fault(&self, fault: &CallFault) -> Outcome {
        match fault {
            CallFault::NotBegun(what) => self.not_begun(what),
            CallFault::Resting(pause) => self.not_begun(&format!(
                "it failed several times just now, and is tried again in {} s",
                pause.as_secs().max(1)
            )),
            CallFault::Broken(broken) => {
                let code = match broken {
                    Broken::Died(_) => "plugin_died",
                    Broken::Late(_) => "plugin_late",
                    Broken::Garbage(_) => "plugin_answer",
                };
                self.unclear(code, &broken.words())
            }
        }
    }

    /// What a call came to, and whether by an answer: one that cannot be understood is none.
    pub(crate) fn came_to(&self, asked: Result<Asked, CallFault>, answer: &Shape) -> Composed {
        let (status, bytes) = match asked {
            Ok(asked) => asked,
            Err(fault) => return Composed::BrokeOff(self.fault(&fault)),
        };
        match status {
            GESHER_OK => self.believed(&bytes, answer),
            GESHER_REFUSED => Composed::Answered(refusal(&bytes).into()),
            GESHER_NO_SUCH_NAME => {
                let what = "it does not know its own operation";
                let outcome = self.not_begun(what);
                Composed::Answered(Outcome { status: OutcomeStatus::Rejected, ..outcome })
            }
            _ => Composed::BrokeOff(self.unclear("plugin_broke_off", &words(&bytes))),
        }
    }

    /// An answer, as far as it can be believed.
    fn believed(&self, bytes: &[u8], answer: &Shape) -> Composed {
        let unclear = |what: &str| Composed::BrokeOff(self.unclear("plugin_answer", what));
        let said: Said = match serde_json::from_slice(bytes) {
            Ok(said) => said,
            Err(error) => return unclear(&format!("its answer is not understood: {error}")),
        };
        let changes = self.operation.effect.changes();
        match said.status {
            OutcomeStatus::Conflict => return unclear("no plugin can say `conflict`"),
            OutcomeStatus::Unknown if !changes => return unclear("it does not know what came of it"),
            OutcomeStatus::Succeeded => {
                if let Some(fault) = faults(answer, &said.data).into_iter().next() {
                    let fault = fault.into_rejection().message.en;
                    return unclear(&format!("its answer does not fit its schema: {fault}"));
                }
            }
            _ => {}
        }
        let word =
            |text: Option<String>| text.map(|text| cut(text, WORD_BYTES_MAX)).filter(|text| !text.is_empty());
        Composed::Answered(Outcome {
            reference: word(said.reference),
            document: word(said.document),
            code: word(said.code),
            data: said.data.into(),
            amount: said.amount.filter(|_| changes),
            ..Outcome::new(said.status, "", text_of(said.message))
        })
    }

    /// What a plugin says of a request before it is sent, or what the call comes to: `rejected` where the plugin refuses
    /// it, and `not_sent` where it says nothing that can be used. Nothing was done by then, so either leaves the key free.
    pub(crate) fn facts(&self, asked: Result<Asked, CallFault>) -> Result<Facts, Box<Outcome>> {
        let (status, bytes) = match asked {
            Ok(asked) => asked,
            Err(CallFault::Broken(broken)) => return Err(self.unlooked_at(&broken.words())),
            Err(not_begun) => return Err(Box::new(self.fault(&not_begun))),
        };
        match status {
            GESHER_OK => {
                let said: SaidFacts =
                    serde_json::from_slice(&bytes).map_err(|error| self.unlooked_at(&error.to_string()))?;
                let subject =
                    said.subject.map(|text| cut(text, WORD_BYTES_MAX)).filter(|text| !text.is_empty());
                Ok(Facts { subject, amount: said.amount, look_up: Value::Null })
            }
            GESHER_REFUSED => Err(Box::new(refusal(&bytes).into())),
            _ => Err(self.unlooked_at(&words(&bytes))),
        }
    }

    /// The plugin did not say what the hub has to know of a request, so it was not told to do it.
    fn unlooked_at(&self, what: &str) -> Box<Outcome> {
        let (plugin, name) = (self.plugin, &self.operation.name);
        let text = Text::new(
            format!("התוסף {plugin} לא בדק את הבקשה ל־{name}: {what}; לא נשלח דבר"),
            format!("the plugin {plugin} did not look at the request of {name}: {what}; nothing was sent"),
        );
        Box::new(Outcome::new(OutcomeStatus::NotSent, "plugin_prepare", text))
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
