//! What a test can call: mocks, the script under test, the clock, what was called, and assertions.

use super::compare::{equal, shown};
use super::world::Bench;
use crate::item::Native;
use rhai::{
    Array, Dynamic, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext, Position,
};
use std::sync::Arc;

/// All of them, for engines whose tag is a [`Bench`].
pub(super) fn module() -> Module {
    let mut module = Module::new();
    let add = FuncRegistration::new;
    add("mock").set_into_module(&mut module, |context: NativeCallContext, operation: &str, answer: FnPtr| {
        let mocked: Native<()> = bench(&context)?.mock(operation, answer).map_err(Into::into);
        mocked
    });
    add("calls").set_into_module(&mut module, |context: NativeCallContext, operation: &str| {
        let calls: Native<Array> = bench(&context)?.calls(operation).map_err(Into::into);
        calls
    });
    add("at").set_into_module(&mut module, |context: NativeCallContext, time: &str| {
        let set: Native<()> = bench(&context)?.set_clock(time).map_err(Into::into);
        set
    });
    for (name, function) in RUNS {
        add(name).set_into_module(&mut module, move |context: NativeCallContext, argument: Dynamic| {
            run(&context, name, function, argument)
        });
    }
    add("assert").set_into_module(&mut module, |holds: bool| assert(holds, "it does not hold"));
    add("assert").set_into_module(&mut module, |holds: bool, why: &str| assert(holds, why));
    add("assert_eq").set_into_module(&mut module, |actual: Dynamic, expected: Dynamic| {
        assert_equal(&actual, &expected, "the two are not equal")
    });
    add("assert_eq").set_into_module(&mut module, |actual: Dynamic, expected: Dynamic, why: &str| {
        assert_equal(&actual, &expected, why)
    });
    module
}

/// The functions that run the script under test, and which of its functions each of them calls.
const RUNS: &[(&str, &str)] = &[
    ("run_row", "on_row"),
    ("run_call", "on_call"),
    ("run_webhook", "on_webhook"),
    ("run_schedule", "on_schedule"),
    ("run_finish", "on_finish"),
];

fn bench(context: &NativeCallContext) -> Native<Arc<Bench>> {
    let tag = context.tag().and_then(|tag| tag.read_lock::<Arc<Bench>>().map(|bench| Arc::clone(&bench)));
    tag.ok_or_else(|| "this can be called only while a test runs, not in a constant".into())
}

fn run(context: &NativeCallContext, name: &str, function: &str, argument: Dynamic) -> Native<Map> {
    let bench = bench(context)?;
    if !argument.is_map() {
        let given = argument.type_name();
        return Err(format!("{name} takes a map, but got {given}").into());
    }
    bench.run(function, argument).map_err(Into::into)
}

fn assert(holds: bool, why: &str) -> Native<()> {
    if holds { Ok(()) } else { Err(why.into()) }
}

fn assert_equal(actual: &Dynamic, expected: &Dynamic, why: &str) -> Native<()> {
    if equal(actual, expected) {
        return Ok(());
    }
    let mut thrown = Map::new();
    thrown.insert("message".into(), why.into());
    thrown.insert("expected".into(), shown(expected).into());
    thrown.insert("actual".into(), shown(actual).into());
    Err(EvalAltResult::ErrorRuntime(thrown.into(), Position::NONE).into())
}
