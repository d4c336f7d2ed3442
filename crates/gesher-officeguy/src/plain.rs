//! Operations that are all the same but for a few words: one endpoint, an answer that is taken or not, no sum of money.
//!
//! An operation whose answer has more to say implements [`Operation`] itself.

use crate::classify::{open, unreadable};
use crate::operations::PROVIDER;
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, OperationEntry, Outcome, OutcomeStatus,
    Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::marker::PhantomData;

/// What is particular to such an operation.
pub(crate) trait Plain: 'static {
    /// The endpoint.
    type Wire: Endpoint<Request: DeserializeOwned + Serialize + JsonSchema, Answer: JsonSchema>;
    /// Its name in scripts.
    const NAME: &'static str;
    /// One sentence with a full stop.
    const SUMMARY: &'static str;
    /// What it may do, never money.
    const EFFECT: Effect;
    /// How its intention is named.
    const KEY: KeyRule = match Self::EFFECT {
        Effect::Read => KeyRule::None,
        _ => KeyRule::Optional,
    };
    /// How an unknown outcome is settled.
    const LOOK_UP: LookUp = match Self::EFFECT {
        Effect::Read => LookUp::NotNeeded,
        _ => LookUp::Manual,
    };
    /// At least one.
    const EXAMPLES: &'static [Example];

    /// The practical rules that no schema can say.
    fn rules(request: &Request<Self>) -> Result<(), Rejection>;

    /// Whom a request concerns.
    fn subject(_: &Request<Self>) -> Option<String> {
        None
    }

    /// What the person who settles a lost answer should know of the request: small, and without secrets.
    fn noted(_: &Request<Self>) -> Value {
        Value::Null
    }

    /// Says in the outcome what was done, or none where the answer lacks what it has to say.
    fn read(data: &Value, outcome: &mut Outcome) -> Option<()>;
}

/// What is sent.
pub(crate) type Request<P> = <<P as Plain>::Wire as Endpoint>::Request;

/// The operation of such a description.
pub(crate) struct Of<P>(PhantomData<P>);

impl<P: Plain> Operation for Of<P> {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: P::NAME,
        summary: P::SUMMARY,
        endpoint: P::Wire::PATH,
        effect: P::EFFECT,
        key: P::KEY,
        look_up: P::LOOK_UP,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = P::EXAMPLES;
    type Request = Request<P>;
    type Answer = <P::Wire as Endpoint>::Answer;

    fn rules(request: &Self::Request) -> Result<(), Rejection> {
        P::rules(request)
    }

    fn facts(request: &Self::Request) -> Facts {
        Facts { subject: P::subject(request), amount: None, look_up: P::noted(request) }
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        let data = match open(reply, P::EFFECT) {
            Ok(envelope) => envelope.data,
            Err(outcome) => return *outcome,
        };
        let said = match P::EFFECT {
            Effect::Read => Text::new("התקבלה תשובה", "Answered"),
            _ => Text::new("בוצע", "Done"),
        };
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", said);
        outcome.code = None;
        match P::read(&data, &mut outcome) {
            Some(()) => {
                outcome.data = data;
                outcome
            }
            None => unreadable(P::EFFECT, data),
        }
    }
}

/// The table's line of such an operation.
pub(crate) const fn plain<P: Plain>() -> OperationEntry {
    OperationEntry::of::<Of<P>>()
}

/// An answer that has nothing to say: an empty object, or none at all.
pub(crate) fn nothing(data: &Value) -> Option<()> {
    (data.is_object() || data.is_null()).then_some(())
}
