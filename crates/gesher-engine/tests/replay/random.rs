//! Random programs: what a script could do, as data, and an interpreter that does it and writes down what it was told.

use super::making::InRust;
use gesher_core::{ItemId, Key};
use gesher_engine::journal::NewItem;
use gesher_engine::{
    Answer, CallEnd, Input, ItemContext, ItemSource, Keep, Program, ProgramEnd, SourceError, SourceItem,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// One thing that a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Asks for the time.
    Now,
    /// Looks something up.
    Read { note: u8 },
    /// Charges, under a key of the item's own or one that all items share.
    Charge { key: u8, is_shared: bool, answer: &'static str, catches: bool },
    /// Writes something, perhaps without a key.
    Note { key: Option<u8>, answer: &'static str, catches: bool },
    /// Keeps something for the next time.
    Keep { key: u8 },
    /// Asks a person to look.
    Alert,
    /// Calls what is not there.
    Missing,
    /// Sends what no contract knows, which is refused before anything else.
    Slip,
    /// Goes one way or the other, by the last answer.
    If { then: Vec<Op>, otherwise: Vec<Op> },
    /// Gives up.
    Throw,
    /// Comes to its end here.
    Return,
}

/// What a provider may answer, the usual more often.
const ANSWERS: [&str; 10] = [
    "succeeded",
    "succeeded",
    "succeeded",
    "declined",
    "declined",
    "rejected",
    "not_sent",
    "unknown",
    "conflict",
    "succeeded",
];

fn plain_op(may_share: bool) -> impl Strategy<Value = Op> {
    let answer = || prop::sample::select(ANSWERS.to_vec());
    prop_oneof![
        2 => Just(Op::Now),
        2 => (0..2_u8).prop_map(|key| Op::Keep { key }),
        1 => Just(Op::Alert),
        3 => (0..3_u8).prop_map(|note| Op::Read { note }),
        6 => (0..4_u8, any::<bool>(), answer(), any::<bool>()).prop_map(move |(key, shared, answer, catches)| {
            Op::Charge { key, is_shared: shared && may_share, answer, catches }
        }),
        3 => (prop::option::of(0..2_u8), answer(), any::<bool>())
            .prop_map(|(key, answer, catches)| Op::Note { key, answer, catches }),
        1 => Just(Op::Missing),
        1 => Just(Op::Slip),
        1 => Just(Op::Throw),
        1 => Just(Op::Return),
    ]
}

/// Programs with branches, up to two deep.
pub(crate) fn ops(may_share: bool) -> impl Strategy<Value = Vec<Op>> {
    let leaf = plain_op(may_share);
    let op = leaf.prop_recursive(2, 16, 3, |inner| {
        let branch = || prop::collection::vec(inner.clone(), 0..3);
        (branch(), branch()).prop_map(|(then, otherwise)| Op::If { then, otherwise })
    });
    prop::collection::vec(op, 1..8)
}

/// Programs that run straight on: each call is a step.
pub(crate) fn straight() -> impl Strategy<Value = Vec<Op>> {
    let op = plain_op(false)
        .prop_filter("each is a step", |op| !matches!(op, Op::Missing | Op::Slip | Op::Throw | Op::Return));
    prop::collection::vec(op, 2..8)
}

/// What items were told, one line a call, by item. An item that ran again has what it was told the last time.
pub(crate) type Traces = Arc<Mutex<BTreeMap<u64, Vec<String>>>>;

/// The programs of a run's items.
pub(crate) struct Programs {
    pub(crate) of_items: Vec<Vec<Op>>,
    /// Goes on after an end that nothing may catch.
    pub(crate) is_stubborn: bool,
    pub(crate) traces: Traces,
}

struct Running<'a> {
    context: &'a ItemContext,
    is_stubborn: bool,
    trace: Vec<String>,
}

impl Running<'_> {
    /// Does all of them, or says why it ended.
    fn all(&mut self, ops: &[Op]) -> Result<(), ProgramEnd> {
        ops.iter().try_for_each(|op| self.one(op))
    }

    fn one(&mut self, op: &Op) -> Result<(), ProgramEnd> {
        let item = self.context.item().ordinal;
        match op {
            Op::Now => match self.context.now() {
                Ok(now) => self.told("now", &json!(now.to_string())),
                Err(end) => return self.refused("now", end, false),
            },
            Op::Keep { key } => match self.context.keep(&format!("{item}-{key}"), Keep::Add(1.into())) {
                Ok(answer) => self.told("kept", &answer.data),
                Err(end) => return self.refused("kept", end, false),
            },
            Op::Alert => match self.context.alert("look") {
                Ok(()) => self.told("alert", &Value::Null),
                Err(end) => return self.refused("alert", end, false),
            },
            Op::Read { note } => {
                self.call("acme.get", None, "succeeded", &format!("read {note}"), true)?;
            }
            Op::Charge { key, is_shared, answer, catches } => {
                let key = if *is_shared { format!("shared-{key}") } else { format!("{item}-{key}") };
                self.call("acme.charge", Some(&key), answer, &key, *catches)?;
            }
            Op::Note { key, answer, catches } => {
                let key = key.map(|key| format!("{item}-{key}"));
                self.call("acme.note", key.as_deref(), answer, &format!("note of {item}"), *catches)?;
            }
            Op::Missing => self.call("acme.gone", None, "succeeded", "", true)?,
            Op::Slip => self.send("acme.charge", Some("k"), json!({ "answre": "succeeded" }), true)?,
            Op::If { then, otherwise } => {
                let sum: u32 = self.trace.last().map_or(0, |told| told.bytes().map(u32::from).sum());
                self.all(if sum.is_multiple_of(2) { then } else { otherwise })?;
            }
            Op::Throw => {
                return Err(ProgramEnd::Threw { code: "script_error".into(), message: "gave up".into() });
            }
            Op::Return => return Err(ProgramEnd::Returned(Value::Null)),
        }
        Ok(())
    }

    fn call(
        &mut self,
        operation: &str,
        key: Option<&str>,
        answer: &str,
        note: &str,
        catches: bool,
    ) -> Result<(), ProgramEnd> {
        self.send(operation, key, json!({ "answer": answer, "note": note }), catches)
    }

    fn send(
        &mut self,
        operation: &str,
        key: Option<&str>,
        request: Value,
        catches: bool,
    ) -> Result<(), ProgramEnd> {
        match self.context.call(operation, "marketplace", key, request) {
            Ok(answer) => {
                self.answered(operation, &answer);
                Ok(())
            }
            Err(end) => self.refused(operation, end, catches),
        }
    }

    fn answered(&mut self, operation: &str, answer: &Answer) {
        let Answer { status, reference, document, code, replayed, data, .. } = answer;
        self.told(operation, &json!([status.as_str(), reference, document, code, replayed, data]));
    }

    fn told(&mut self, what: &str, answer: &Value) {
        self.trace.push(format!("{what} {answer}"));
    }

    fn refused(&mut self, what: &str, end: CallEnd, catches: bool) -> Result<(), ProgramEnd> {
        match end {
            CallEnd::Refused(answer) => {
                self.answered(what, &answer);
                if catches {
                    return Ok(());
                }
                Err(ProgramEnd::Threw { code: answer.code.unwrap_or_default(), message: answer.message })
            }
            CallEnd::Ended if self.is_stubborn => Ok(()),
            CallEnd::Ended => Err(ProgramEnd::Ended),
        }
    }
}

impl Programs {
    /// As the engine runs them.
    pub(crate) fn program(self) -> Arc<dyn Program> {
        InRust::called(move |context, _| self.run(context))
    }

    fn run(&self, context: &ItemContext) -> ProgramEnd {
        let ordinal = context.item().ordinal;
        let ops = &self.of_items[usize::try_from(ordinal).unwrap() - 1];
        let mut running = Running { context, is_stubborn: self.is_stubborn, trace: Vec::new() };
        let end = running.all(ops).err().unwrap_or(ProgramEnd::Returned(Value::Null));
        self.traces.lock().unwrap().insert(ordinal, running.trace);
        end
    }
}

/// One item a program.
pub(crate) fn items(count: usize) -> Box<dyn ItemSource> {
    struct Items(Vec<SourceItem>);
    impl ItemSource for Items {
        fn next(&mut self) -> Result<Vec<SourceItem>, SourceError> {
            Ok(std::mem::take(&mut self.0))
        }
    }
    let item = |ordinal: u64| {
        let key = Some(Key::clean(&format!("row-{ordinal}")).unwrap());
        let item =
            NewItem { ordinal, line: ordinal + 1, key, cells_hash: [0; 16], amount: None, ended: None };
        SourceItem { item, input: Some(Input::Call(Value::Null)) }
    };
    let first = ItemId::FINISH + 1;
    Box::new(Items((first..first + count as u64).map(item).collect()))
}
