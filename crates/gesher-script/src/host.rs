//! Sets a Rhai engine up: what scripts may use, how much of it, and who is asked before each step.
//!
//! An engine belongs to one execution at a time, so that nothing is shared between threads but immutable modules. No function of the hub can run while a script is compiled: the compiling engine
//! has no item, and the optimiser is off, so that what was checked is what runs.

use crate::cover::{self, Coverage};
use crate::item::Item;
use crate::limits::*;
use crate::seam::Level;
use crate::{bindings, builtins, reaching, shadow};
use gesher_core::Registry;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Engine, Module, OptimizationLevel, Shared};
use std::sync::Arc;

rhai::def_package! {
    /// Rhai's own library as far as it is safe, in one module, so that a function is looked up in one place. The core
    /// language package is left out: it has `sleep` and `exit` in it.
    Library(_module):
        ArithmeticPackage, LogicPackage, BasicMathPackage, BasicStringPackage, MoreStringPackage,
        BasicIteratorPackage, BasicArrayPackage, BasicMapPackage, BasicFnPackage
    {}
}

/// Everything that scripts can call, ready to be shared by all engines.
#[derive(Clone)]
pub(crate) struct Vocabulary {
    /// In the order in which they are registered: a later one is found first.
    global: Arc<[Shared<Module>]>,
    named: Arc<[(String, Shared<Module>)]>,
    /// Whether the scripts have marks, which count as steps of the evaluator and not as the script's own.
    is_covered: bool,
}

impl Vocabulary {
    /// The library, the hub's functions, and the operations of `registry`.
    pub(crate) fn new(registry: &Registry) -> Self {
        let mut own = builtins::global_module();
        own.combine(shadow::module());
        own.combine(reaching::handles());
        let own = ready("gesher", own);
        let named = builtins::modules().into_iter().chain(bindings::modules(registry));
        let named = named.map(|(name, module)| (name.to_owned(), ready(name, module)));
        Self {
            global: [Library::new().as_shared_module(), own].into(),
            named: named.collect(),
            is_covered: false,
        }
    }

    /// The same with functions of its own beside the hub's.
    pub(crate) fn with(&self, name: &str, module: Module) -> Self {
        let global = self.global.iter().cloned().chain([ready(name, module)]).collect();
        Self { global, named: Arc::clone(&self.named), is_covered: self.is_covered }
    }

    /// The same for scripts whose statements have marks.
    pub(crate) fn covered(&self, coverage: &Arc<Coverage>) -> Self {
        Self { is_covered: true, ..self.with("gesher_cover", cover::module(coverage)) }
    }

    /// An engine that compiles and loads. It has no item: a host function that is called answers with an error.
    pub(crate) fn engine(&self) -> Engine {
        let mut engine = Engine::new_raw();
        for module in self.global.iter() {
            engine.register_global_module(Shared::clone(module));
        }
        for (name, module) in self.named.iter() {
            engine.register_static_module(name, Shared::clone(module));
        }
        set_limits(&mut engine);
        engine
            .disable_symbol("eval")
            .set_optimization_level(OptimizationLevel::None)
            .set_strict_variables(true)
            .set_fail_on_invalid_map_property(true);
        engine
    }

    /// An engine that runs items, one at a time: see [`bind`].
    pub(crate) fn item_engine(&self) -> Engine {
        let mut engine = self.engine();
        if self.is_covered {
            // The item itself counts what the script takes, without its marks.
            engine.set_max_operations(0);
        }
        engine
    }
}

/// Gives an engine the item that it serves from now on.
pub(crate) fn bind(engine: &mut Engine, item: &Arc<Item>) {
    engine.set_default_tag(rhai::Dynamic::from(Arc::clone(item)));
    let pulsed = Arc::clone(item);
    engine.on_progress(move |operations| pulsed.pulse(operations));
    let printing = Arc::clone(item);
    engine.on_print(move |line| printing.say(Level::Info, line));
    let debugging = Arc::clone(item);
    engine.on_debug(move |line, source, position| {
        let source = source.unwrap_or_default();
        debugging.say(Level::Debug, &format!("{source}:{position:?}: {line}"));
    });
}

/// Takes the item away from an engine.
pub(crate) fn unbind(engine: &mut Engine) {
    engine.set_default_tag(rhai::Dynamic::UNIT);
    engine.on_progress(|_| None);
    engine.on_print(|_| {});
    engine.on_debug(|_, _, _| {});
}

/// Indexed and with a name: without either, each engine that registers a module would copy it.
fn ready(name: &str, mut module: Module) -> Shared<Module> {
    module.set_id(name);
    module.build_index();
    module.into()
}

/// Each limit by its name, so that no default of a build kind is left.
fn set_limits(engine: &mut Engine) {
    engine
        .set_max_operations(OPERATIONS_MAX)
        .set_max_string_size(STRING_BYTES_MAX)
        .set_max_array_size(ARRAY_ELEMENTS_MAX)
        .set_max_map_size(MAP_ENTRIES_MAX)
        .set_max_call_levels(CALL_DEPTH_MAX)
        .set_max_expr_depths(EXPRESSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX)
        .set_max_functions(FUNCTIONS_MAX)
        .set_max_modules(MODULES_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_strings_interned(0);
}
