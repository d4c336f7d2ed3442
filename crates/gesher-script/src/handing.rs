//! `run::result()`: the result file of the run that ends, for whoever its `on_finish` passes it on to.

use crate::bindings::refusal;
use crate::builtins::Builtin;
use crate::item::{Item, Native, placed, terminated};
use gesher_engine::CallEnd;
use rhai::{FuncRegistration, Map, Module, NativeCallContext};

/// The functions of this file.
pub(crate) const BUILTINS: &[Builtin] = &[Builtin {
    name: "run::result",
    signature: "run::result() -> map",
    summary: "The result file of a file's run, name and text, for its on_finish; the same again on replay.",
    example: "run::result()",
}];

/// `run::…`
pub(crate) fn module() -> Module {
    let mut run = Module::new();
    FuncRegistration::new("result")
        .with_volatility(true)
        .set_into_module(&mut run, |context: NativeCallContext| placed(&context, result(&context)));
    run
}

fn result(context: &NativeCallContext) -> Native<Map> {
    let item = Item::of(context)?;
    let result = item.outside(|host| host.run_result())?.map_err(|end| match end {
        CallEnd::Refused(answer) => refusal(&answer),
        CallEnd::Ended => terminated(),
    })?;
    let mut map = Map::new();
    map.insert("name".into(), result.name.into());
    map.insert("text".into(), result.text.into());
    Ok(map)
}
