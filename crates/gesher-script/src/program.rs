//! A compiled script: what the engine runs for each item.

use crate::check::{ColumnUse, FlowStart, ScriptFault};
use crate::convert::{from_json, to_json};
use crate::cover::Coverage;
use crate::engines::Engines;
use crate::event;
use crate::item::{Item, terminated};
use crate::report::{SCRIPT_ERROR, Sources, thrown};
use crate::seam::{Host, Level};
use crate::unread::Unread;
use crate::webhook;
use gesher_core::Text;
use gesher_engine::journal::ScriptBundle;
use gesher_engine::{Entry, Input, ItemContext, Program, ProgramEnd, Row};
use rhai::{AST, CallFnOptions, Dynamic, EvalAltResult, Map, Module, Scope, Shared};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A script that passed all checks, with its modules, frozen. Shared by all items and threads.
pub struct RhaiProgram {
    pub(crate) hash: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) columns: Vec<ColumnUse>,
    pub(crate) foreseen: Vec<ScriptFault>,
    pub(crate) warnings: Vec<ScriptFault>,
    pub(crate) starts: Vec<FlowStart>,
    pub(crate) sources: Sources,
    pub(crate) engines: Engines,
    /// The script's functions with their constants and imports, so that nothing at its top level runs again.
    pub(crate) script: Shared<Module>,
    pub(crate) nothing: AST,
    pub(crate) coverage: Option<Arc<Coverage>>,
    pub(crate) unread: Arc<Unread>,
}

impl std::fmt::Debug for RhaiProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RhaiProgram({} {})", self.sources.main, self.hash)
    }
}

impl RhaiProgram {
    /// The script's name, relative to the scripts folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.sources.main
    }

    /// The columns that `on_row` reads by name; a file without one of them cannot be run.
    #[must_use]
    pub fn columns(&self) -> &[ColumnUse] {
        &self.columns
    }

    /// What the hub would refuse whenever the script comes to it: operations that the flow may not call, requests with
    /// fields that no provider has. A script with any is not what its author means, and is no script to begin with.
    #[must_use]
    pub fn foreseen(&self) -> &[ScriptFault] {
        &self.foreseen
    }

    /// The flows that it starts by names that are written out.
    #[must_use]
    pub fn starts(&self) -> &[FlowStart] {
        &self.starts
    }

    /// What is allowed but hardly meant, such as an operation that the flow may not call in a function that it does not
    /// use.
    #[must_use]
    pub fn warnings(&self) -> &[ScriptFault] {
        &self.warnings
    }

    /// What ran of it so far, where it was compiled to say so.
    #[must_use]
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_deref()
    }

    /// Whether the script has a function of that name that takes one argument.
    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.script.get_script_fn(name, 1).is_some()
    }

    /// Runs one item with `host` as its world. Blocks; the thread needs a stack of 16 MiB.
    pub fn run_with(&self, host: Arc<dyn Host>, input: Input) -> ProgramEnd {
        let entry = input.entry().name();
        let header = match &input {
            Input::Row(row) => Arc::clone(&row.header),
            _ => Arc::default(),
        };
        self.run_function(host, entry, &header, argument(input))
    }

    /// Runs one of the script's functions, with one argument, as an item of its own. `header` are the columns that a
    /// row has, for the hint at a column that it lacks.
    pub(crate) fn run_function(
        &self,
        host: Arc<dyn Host>,
        function: &str,
        header: &[String],
        argument: Result<Dynamic, Box<EvalAltResult>>,
    ) -> ProgramEnd {
        let item = Item::new(host, Arc::clone(&self.unread));
        // A panic leaves no lock behind that another item could meet: all that it can have touched is the item's.
        let run = AssertUnwindSafe(|| self.run_item(&item, function, header, argument));
        catch_unwind(run).unwrap_or_else(|_| {
            let text = Text::new(
                "תקלה פנימית בהרצת התסריט; הפרטים ביומן",
                "an internal fault while running the script; the log says more",
            );
            let message = text.get(item.language()).to_owned();
            ended_or(&item, ProgramEnd::Threw { code: SCRIPT_ERROR.to_owned(), message })
        })
    }

    fn run_item(
        &self,
        item: &Arc<Item>,
        function: &str,
        header: &[String],
        argument: Result<Dynamic, Box<EvalAltResult>>,
    ) -> ProgramEnd {
        let result = argument.and_then(|argument| {
            let options = CallFnOptions::new().eval_ast(false).in_all_namespaces(true);
            let (scope, call) = (&mut Scope::new(), (argument,));
            self.engines.with(item, |engine| {
                engine.call_fn_with_options::<Dynamic>(options, scope, &self.nothing, function, call)
            })
        });
        // A fence that was met inside a closure is an error that `catch` takes; it counts all the same.
        let result =
            result.and_then(|value| if item.fence().is_some() { Err(terminated()) } else { Ok(value) });
        let end = match result {
            Ok(value) => ProgramEnd::Returned(self.returned(item, &value)),
            Err(error) => {
                let thrown = thrown(error, &self.sources, item, header);
                if !item.host().is_dead() {
                    // A slip of the script is for whoever mends scripts. What the provider refused stands in the result
                    // of its row, and an outage would fill the log with one and the same place.
                    let level = if thrown.code == SCRIPT_ERROR { Level::Error } else { Level::Debug };
                    item.say(level, &thrown.report);
                }
                ProgramEnd::Threw { code: thrown.code, message: thrown.message }
            }
        };
        ended_or(item, end)
    }

    /// What the script returned. All its work is done by then: a value that JSON has no word for is not worth an error.
    fn returned(&self, item: &Item, value: &Dynamic) -> Value {
        if !item.host().reads_result() {
            return Value::Null;
        }
        to_json(value).unwrap_or_else(|fault| {
            let name = &self.sources.main;
            item.say(Level::Warn, &format!("{name}: the returned value is left out: {}", fault.text().en));
            Value::Null
        })
    }
}

/// Whatever a script made of it: an item that is dead has ended.
fn ended_or(item: &Item, end: ProgramEnd) -> ProgramEnd {
    if item.host().is_dead() { ProgramEnd::Ended } else { end }
}

fn argument(input: Input) -> Result<Dynamic, Box<EvalAltResult>> {
    match input {
        Input::Row(row) => Ok(row_map(row)),
        Input::Webhook(value) => given(&webhook::request(value)),
        Input::Event(value) => given(&event::event(value)),
        Input::Call(value) | Input::Schedule(value) | Input::Finish(value) => given(&value),
    }
}

fn given(value: &Value) -> Result<Dynamic, Box<EvalAltResult>> {
    from_json(value).map_err(|fault| fault.text().en.as_str().into())
}

fn row_map(row: Row) -> Dynamic {
    let mut map = Map::new();
    for (name, cell) in row.header.iter().zip(row.cells) {
        map.insert(name.as_str().into(), cell.into());
    }
    Dynamic::from_map(map)
}

impl Program for RhaiProgram {
    fn hash(&self) -> &str {
        &self.hash
    }

    fn script(&self) -> ScriptBundle {
        let Sources { main, files, .. } = self.sources.clone();
        ScriptBundle { hash: self.hash.clone(), main, files }
    }

    fn reads(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn has(&self, entry: Entry) -> bool {
        self.entries.contains(&entry)
    }

    fn run(&self, context: &Arc<ItemContext>, input: Input) -> ProgramEnd {
        let host: Arc<ItemContext> = Arc::clone(context);
        self.run_with(host, input)
    }
}
