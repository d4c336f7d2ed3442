//! What a test can call: mocks, the script under test, the clock, what was called, and assertions.

use super::compare::{equal, shown};
use super::world::Bench;
use crate::builtins::Builtin;
use crate::item::{Beside, Native};
use rhai::{
    Array, Dynamic, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext, Position,
};
use std::sync::Arc;

/// What tests can call beside what scripts can, as [`Builtin`]s.
pub const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "assert",
        signature: "assert(holds) or (holds, why)",
        summary: "Fails the test unless it holds.",
        example: "assert(true)",
    },
    Builtin {
        name: "assert_eq",
        signature: "assert_eq(actual, expected) or (actual, expected, why)",
        summary: "Fails the test unless the two are the same; numbers are compared by value.",
        example: "assert_eq(1, 1)",
    },
    Builtin {
        name: "at",
        signature: "at(text)",
        summary: "Sets the clock: an instant such as 2026-03-27T00:30:00Z, or a time of the hub's zone without the Z.",
        example: r#"at("2026-03-27T00:30:00Z")"#,
    },
    Builtin {
        name: "calls",
        signature: "calls(text) -> array of maps",
        summary: "The calls of an operation that got as far as its mock, each with who, key and request.",
        example: r#"calls("officeguy.charge")"#,
    },
    Builtin {
        name: "mock",
        signature: "mock(text, answer)",
        summary: "Answers each call of an operation from now on, by |who, key, request| and a map, nothing, or a throw.",
        example: r#"mock("officeguy.charge", |who, key, request| ())"#,
    },
    Builtin {
        name: "run_call",
        signature: "run_call(args) -> map",
        summary: "Runs on_call and answers status, code, message, reference, document and value.",
        example: "run_call(#{})",
    },
    Builtin {
        name: "run_event",
        signature: "run_event(event) -> map",
        summary: "Runs on_event and answers as run_call does; what the event lacks is made.",
        example: "run_event(#{})",
    },
    Builtin {
        name: "run_finish",
        signature: "run_finish(summary) -> map",
        summary: "Runs on_finish and answers as run_call does.",
        example: "run_finish(#{})",
    },
    Builtin {
        name: "run_row",
        signature: "run_row(row) -> map",
        summary: "Runs on_row and answers as run_call does; each cell of the row is text.",
        example: "run_row(#{})",
    },
    Builtin {
        name: "run_schedule",
        signature: "run_schedule(tick) -> map",
        summary: "Runs on_schedule and answers as run_call does.",
        example: "run_schedule(#{})",
    },
    Builtin {
        name: "run_webhook",
        signature: "run_webhook(request) -> map",
        summary: "Runs on_webhook and answers as run_call does.",
        example: "run_webhook(#{})",
    },
];

/// All of them, for engines that have a [`Bench`] beside their item.
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
    ("run_event", "on_event"),
    ("run_finish", "on_finish"),
];

fn bench(context: &NativeCallContext) -> Native<Arc<Bench>> {
    let own = context.tag().and_then(|tag| tag.read_lock::<Beside>().map(|beside| Arc::clone(&beside.own)));
    own.and_then(|own| own.downcast::<Bench>().ok())
        .ok_or_else(|| "this can be called only while a test runs, not in a constant".into())
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
    Err(EvalAltResult::ErrorRuntime(Dynamic::from_map(thrown), Position::NONE).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_of_test_functions_is_complete() {
        let mut engine = rhai::Engine::new_raw();
        engine.register_static_module("m", module().into());
        let registered = engine.collect_fn_metadata(None, |info| Some(info.metadata.name.to_string()), true);
        let registered: BTreeSet<String> = registered.into_iter().collect();
        let listed: BTreeSet<String> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
        assert_eq!(listed, registered);
        for function in FUNCTIONS {
            assert!(function.signature.starts_with(function.name) && function.summary.ends_with('.'));
        }
    }
}
