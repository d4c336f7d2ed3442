//! What scripts can do, what they cannot, and what is said about it: scripts and wants, in tables.

mod calls;
mod errors;
mod examples;
mod faults;
mod fences;
mod kept;
mod values;

use crate::testing::{Called, Recorder, all_succeeds, answer, registry, row, succeeded};
use crate::{
    CompileOptions, Level, RhaiHost, RhaiProgram, SCRIPT_ERROR, ScriptFault, builtins, compile, compile_kept,
};
use gesher_core::{Language, OutcomeStatus};
use gesher_engine::{Allow, Answer, CallEnd, Entry, Input, Program, ProgramEnd, ScriptHost};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// As the engine's threads have it.
const STACK_BYTES: usize = 16 << 20;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn compiled(files: &[(&str, &str)]) -> Result<Arc<RhaiProgram>, Vec<ScriptFault>> {
    let folder = folder(files);
    let script = folder.path().join(files[0].0);
    compile(folder.path(), &script, &registry(), &CompileOptions::default())
}

fn program(script: &str) -> Arc<RhaiProgram> {
    compiled(&[("flow.rhai", script)]).unwrap_or_else(|faults| panic!("{}", shown(&faults)))
}

fn shown(faults: &[ScriptFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

fn run(program: &Arc<RhaiProgram>, host: &Arc<Recorder>, input: Input) -> ProgramEnd {
    let (program, host) = (Arc::clone(program), Arc::clone(host));
    on_own_thread(move || program.run_with(host, input))
}

fn run_call(script: &str, host: &Arc<Recorder>) -> ProgramEnd {
    run(&program(script), host, Input::Call(Value::Null))
}

/// The script, compiled so that it says what of it ran.
fn covered(script: &str) -> Arc<RhaiProgram> {
    let folder = folder(&[("flow.rhai", script)]);
    let options = CompileOptions { covered: true, ..CompileOptions::default() };
    compile(folder.path(), &folder.path().join("flow.rhai"), &registry(), &options).unwrap()
}

/// The body of `on_call` in `script`, in a world where everything succeeds. A covered script does the same to the letter,
/// and every file's marked text compiles.
fn value_of(body: &str) -> ProgramEnd {
    let script = format!("fn on_call(args) {{ {body} }}");
    let end = run_call(&script, &all_succeeds());
    let covered = covered(&script);
    assert_eq!(covered.coverage().unwrap().functions().len(), 1, "{body}");
    assert_eq!(run(&covered, &all_succeeds(), Input::Call(Value::Null)), end, "{body}");
    end
}

fn check_value(body: &str, want: Value) {
    assert_eq!(value_of(body), ProgramEnd::Returned(want), "{body}");
}

fn check_threw(body: &str, want_code: &str, want_message: &str) {
    let end = value_of(body);
    let ProgramEnd::Threw { code, message } = &end else { panic!("{body}: {end:?}") };
    assert_eq!(code, want_code, "{body}");
    assert!(message.contains(want_message), "{body}: {message}");
}

fn check_fault(script: &str, want: &str) {
    let faults = compiled(&[("flow.rhai", script)]).map(|_| ()).expect_err(script);
    assert!(shown(&faults).contains(want), "{script}\n{}", shown(&faults));
}

fn decimal(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}
