//! What a script calls: whether it is there, whether the flow may call it, and whether a key is built from the clock.
//!
//! Rhai finds an unknown function only when a row comes to it. Here every call in every function is looked up
//! before anything runs.

use crate::bindings::{arities, expected_call, key_argument};
use crate::builtins::builtins;
use crate::check::{File, Findings, FlowStart, ScriptFault};
use crate::library::CompileOptions;
use crate::report::{Place, Sources};
use gesher_core::names::nearest;
use gesher_core::{Effect, Registry, Text};
use rhai::{ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// How the parser names closures.
pub(crate) const CLOSURE_PREFIX: &str = "anon$";
/// Functions that the evaluator itself knows.
const BY_THE_LANGUAGE: [&str; 9] =
    ["print", "debug", "type_of", "Fn", "call", "curry", "is_def_var", "is_def_fn", "is_shared"];
/// Words that the language keeps for itself beside its keywords.
pub(crate) const RESERVED: [&str; 38] = [
    "abstract",
    "async",
    "await",
    "call",
    "case",
    "curry",
    "debug",
    "default",
    "eval",
    "exit",
    "go",
    "goto",
    "import",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "macro",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "public",
    "shared",
    "static",
    "super",
    "spawn",
    "thread",
    "type_of",
    "unless",
    "use",
    "var",
    "void",
    "with",
    "yield",
];

type Arities = BTreeMap<String, BTreeSet<usize>>;

/// All functions that there are, by module; those without one under the empty name.
pub(crate) struct Names<'a> {
    known: BTreeMap<String, Arities>,
    registry: &'a Registry,
}

impl<'a> Names<'a> {
    pub(crate) fn new(engine: &Engine, registry: &'a Registry) -> Self {
        Self { known: known(engine), registry }
    }

    /// Whether a call leaves the script.
    pub(crate) fn reaches_out(&self, module: &str, name: &str) -> bool {
        let local = matches!(module, "json" | "csv") || (module.is_empty() && name != "alert");
        !local && self.known.contains_key(module)
    }
}

fn known(engine: &Engine) -> BTreeMap<String, Arities> {
    let all = engine.collect_fn_metadata(
        None,
        |info| Some((info.namespace.to_string(), info.metadata.name.to_string(), info.metadata.num_params)),
        true,
    );
    let mut known: BTreeMap<String, Arities> = BTreeMap::new();
    for (module, name, arity) in all {
        known.entry(module).or_default().entry(name).or_default().insert(arity);
    }
    known
}

pub(crate) fn unknown_module(engine: &Engine, name: &str) -> Text {
    let known = known(engine);
    let modules: Vec<&str> = known.keys().map(String::as_str).filter(|module| !module.is_empty()).collect();
    let (he, en) = hint(nearest(name, modules.iter().copied()));
    let all = modules.join(", ");
    Text::new(
        format!("אין מודול בשם {name}{he}; יש: {all}, ומה שמיובא ב־import"),
        format!("there is no module {name}{en}; there are {all}, and what is imported"),
    )
}

fn hint(near: Option<&str>) -> (String, String) {
    near.map(|near| (format!("; אולי {near}?"), format!("; did you mean {near}?"))).unwrap_or_default()
}

struct Checker<'a> {
    sources: &'a Sources,
    file: &'a File<'a>,
    files: &'a BTreeMap<&'a str, File<'a>>,
    names: &'a Names<'a>,
    options: &'a CompileOptions,
    /// Properties that maps of this file have: calling one of them is calling a closure in it.
    properties: BTreeSet<String>,
}

/// Every call of every function of `file`.
pub(crate) fn check(
    sources: &Sources,
    file: &File<'_>,
    files: &BTreeMap<&str, File<'_>>,
    names: &Names<'_>,
    options: &CompileOptions,
    findings: &mut Findings,
) {
    let properties = properties(file);
    let checker = Checker { sources, file, files, names, options, properties };
    for function in &file.functions {
        let tainted = from_the_clock(&function.body);
        function.body.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position))) => {
                    checker.call(call, *position, &tainted, findings);
                }
                Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    checker.call(call, *position, &tainted, findings);
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, position))) => {
                    findings.faults.extend(checker.method(call, *position));
                }
                Some(ASTNode::Stmt(Stmt::Import(_, position))) => {
                    let text = Text::new(
                        "import עומד בראש הקובץ, מחוץ לפונקציות",
                        "`import` stands at the top of the file, outside of functions",
                    );
                    findings.faults.push(checker.fault(*position, text));
                }
                _ => {}
            }
            true
        });
    }
}

impl Checker<'_> {
    fn fault(&self, position: Position, text: Text) -> ScriptFault {
        ScriptFault::at(Place::new(self.sources, self.file.name, position), text)
    }

    fn call(
        &self,
        call: &FnCallExpr,
        position: Position,
        clocks: &BTreeSet<String>,
        findings: &mut Findings,
    ) {
        let (name, arity) = (call.name.as_str(), call.args.len());
        // Operators, and what the parser makes of closures and properties.
        if call.is_operator_call() || name.contains('$') {
            return;
        }
        if !call.is_qualified() {
            findings.faults.extend(self.plain(name, arity, position));
            return;
        }
        let module = call.namespace.to_string();
        let position = call.namespace.position();
        if let Some(imported) = self.file.aliases.get(&module).and_then(|file| self.files.get(file.as_str()))
        {
            findings.faults.extend(self.imported(imported, &module, name, arity, position));
            return;
        }
        let Some(functions) = self.names.known.get(&module) else {
            // Deeper paths lead into imported modules, which are looked at when they are called.
            return;
        };
        match functions.get(name) {
            None => {
                let (he, en) = hint(nearest(name, functions.keys().map(String::as_str)));
                let text = Text::new(
                    format!("אין פעולה או פונקציה בשם {module}::{name}{he}"),
                    format!("there is no {module}::{name}{en}"),
                );
                findings.faults.push(self.fault(position, text));
            }
            Some(arities) if !arities.contains(&arity) => {
                let expected = self.expected(&module, name);
                let text = Text::new(
                    format!("הקריאה ל־{module}::{name} עם {arity} ארגומנטים אינה נכונה; כותבים {expected}"),
                    format!("{module}::{name} is not called with {arity} arguments; write {expected}"),
                );
                findings.faults.push(self.fault(position, text));
            }
            Some(_) => {
                findings.starts.extend(self.starts(&module, call, position));
                self.operation(&module, call, position, clocks, findings);
            }
        }
    }

    /// The flow that a call starts by its name, where it is written out.
    fn starts(&self, module: &str, call: &FnCallExpr, position: Position) -> Option<FlowStart> {
        let is_start = module == "flow" && call.name.as_str() == "start";
        match call.args.first().filter(|_| is_start)? {
            Expr::StringConstant(name, _) => Some(FlowStart {
                flow: name.as_str().to_owned(),
                place: Place::new(self.sources, self.file.name, position),
                has_key: !matches!(call.args.get(1), Some(Expr::Unit(_))),
            }),
            _ => None,
        }
    }

    fn expected(&self, module: &str, name: &str) -> String {
        let qualified = format!("{module}::{name}");
        let builtin = builtins().find(|builtin| builtin.name == qualified);
        builtin.map(|builtin| builtin.signature.to_owned()).unwrap_or_else(|| {
            let name = format!("{module}.{name}");
            let operation = self.names.registry.find(&name).ok();
            let by_path = || {
                let mut all = self.names.registry.iter();
                let of_word = all
                    .find(|(known, _)| known.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/')));
                of_word.map(|(_, found)| found)
            };
            operation.or_else(by_path).map_or(qualified, |found| expected_call(&found.entry.descriptor))
        })
    }

    /// A function without a module: the file's own, Rhai's, or the hub's.
    fn plain(&self, name: &str, arity: usize, position: Position) -> Option<ScriptFault> {
        let own: BTreeSet<usize> =
            self.file.functions.iter().filter(|f| f.name == name).map(|f| f.params.len()).collect();
        let standard = self.names.known.get("").and_then(|functions| functions.get(name));
        let fits = own.contains(&arity) || standard.is_some_and(|arities| arities.contains(&arity));
        if fits || BY_THE_LANGUAGE.contains(&name) {
            return None;
        }
        let others: BTreeSet<usize> = own.iter().chain(standard.into_iter().flatten()).copied().collect();
        let text = if others.is_empty() {
            let standard = self.names.known.get("").into_iter().flat_map(BTreeMap::keys).map(String::as_str);
            let own = self.file.functions.iter().map(|f| f.name.as_str());
            let (he, en) = hint(nearest(name, own.chain(standard).filter(|known| !known.contains('$'))));
            Text::new(format!("אין פונקציה בשם {name}{he}"), format!("there is no function {name}{en}"))
        } else {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            let (he, en) = (others.join(" או "), others.join(" or "));
            Text::new(
                format!("הפונקציה {name} מקבלת {he} ארגומנטים, לא {arity}"),
                format!("{name} takes {en} arguments, not {arity}"),
            )
        };
        Some(self.fault(position, text))
    }

    fn imported(
        &self,
        file: &File<'_>,
        module: &str,
        name: &str,
        arity: usize,
        position: Position,
    ) -> Option<ScriptFault> {
        let public = || file.functions.iter().filter(|f| !f.private && !f.name.contains('$'));
        if public().any(|f| f.name == name && f.params.len() == arity) {
            return None;
        }
        let in_file = file.name;
        let text = match public().find(|f| f.name == name) {
            Some(other) => {
                let takes = other.params.len();
                Text::new(
                    format!("הפונקציה {module}::{name} מקבלת {takes} ארגומנטים, לא {arity}"),
                    format!("{module}::{name} takes {takes} arguments, not {arity}"),
                )
            }
            None => {
                let (he, en) = hint(nearest(name, public().map(|f| f.name.as_str())));
                Text::new(
                    format!("בקובץ {in_file} אין פונקציה בשם {name}{he}"),
                    format!("there is no function {name} in {in_file}{en}"),
                )
            }
        };
        Some(self.fault(position, text))
    }

    fn method(&self, call: &FnCallExpr, position: Position) -> Option<ScriptFault> {
        let name = call.name.as_str();
        let standard = self.names.known.get("")?;
        let own = self.file.functions.iter().any(|f| f.name == name);
        if own
            || standard.contains_key(name)
            || BY_THE_LANGUAGE.contains(&name)
            || self.properties.contains(name)
        {
            return None;
        }
        let (he, en) = hint(nearest(name, standard.keys().map(String::as_str).filter(|n| !n.contains('$'))));
        let text =
            Text::new(format!("אין פונקציה בשם {name}{he}"), format!("there is no function {name}{en}"));
        Some(self.fault(position, text))
    }

    /// Whether the first argument of the word is the path of an endpoint.
    fn is_by_path(&self, module: &str, word: &str) -> bool {
        let start = format!("{module}.{word}/");
        self.names.registry.iter().any(|(name, _)| name.starts_with(&start))
    }

    /// An operation that is there: may the flow call it, and does its key stay the same tomorrow?
    fn operation(
        &self,
        module: &str,
        call: &FnCallExpr,
        position: Position,
        clocks: &BTreeSet<String>,
        findings: &mut Findings,
    ) {
        let path = match call.args.first() {
            Some(Expr::StringConstant(path, _)) => Some(path.as_str()),
            _ => None,
        };
        let is_by_path = self.is_by_path(module, &call.name);
        let name = match (is_by_path, path) {
            (true, Some(path)) => format!("{module}.{}{path}", call.name),
            // A path that is made while the script runs is looked at when it is called.
            (true, None) => return,
            (false, _) => format!("{module}.{}", call.name),
        };
        let descriptor = match self.names.registry.find(&name) {
            // Its hosts are looked at when it is called.
            Ok(found) if found.entry.reaches => return,
            Ok(found) => found.entry.descriptor,
            Err(rejection) => {
                findings.faults.extend(is_by_path.then(|| self.fault(position, rejection.message)));
                return;
            }
        };
        let extra = usize::from(is_by_path);
        if !arities(&descriptor).contains(&(call.args.len() - extra)) {
            let expected = expected_call(&descriptor);
            let path = descriptor.endpoint;
            let text = Text::new(
                format!("קריאה לכתובת {path} כותבים כך: {expected}"),
                format!("{path} is called as {expected}"),
            );
            findings.faults.push(self.fault(position, text));
        }
        let qualified = format!("{}.{}", descriptor.provider, descriptor.word());
        if let Some(allow) = &self.options.allow
            && !allow.iter().any(|allow| allow.covers(&descriptor))
        {
            let text = Text::new(
                format!("התהליך אינו רשאי לקרוא ל־{qualified}; יש להוסיף אותה ל־allow של התהליך"),
                format!("the flow may not call {qualified}; add it to the flow's `allow`"),
            );
            findings.warnings.push(self.fault(position, text));
        }
        let key = key_argument(&descriptor).and_then(|at| call.args.get(at + extra));
        if descriptor.effect == Effect::Money
            && let Some(key) = key
            && uses_the_clock(key, clocks)
        {
            let text = Text::new(
                "המפתח נבנה מהשעון: מחר הוא יהיה אחר, והחיוב יישלח שוב; בנו אותו ממה שמזהה את העסקה, למשל מספר הזמנה",
                "the key is built from the clock: tomorrow it is another one, and the charge is sent again; build it from what names the deal, such as the order's number",
            );
            findings.faults.push(self.fault(position, text));
        }
    }
}

/// The names that map literals and assignments of a file give to properties.
fn properties(file: &File<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    file.ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Map(map, _))) => {
                names.extend(map.0.iter().map(|(name, _)| name.as_str().to_owned()));
            }
            Some(ASTNode::Expr(Expr::Property(property, _))) => {
                names.insert(property.2.to_string());
            }
            _ => {}
        }
        true
    });
    names
}

/// The variables of a function that are made from the time.
fn from_the_clock(body: &rhai::AST) -> BTreeSet<String> {
    let mut tainted = BTreeSet::new();
    // Twice, so that a variable made from one that is assigned further down is found as well.
    for _ in 0..2 {
        body.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Var(variable, ..))) if uses_the_clock(&variable.1, &tainted) => {
                    tainted.insert(variable.0.as_str().to_owned());
                }
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                    if let Expr::Variable(variable, ..) = &assignment.1.lhs
                        && uses_the_clock(&assignment.1.rhs, &tainted)
                    {
                        tainted.insert(variable.1.to_string());
                    }
                }
                _ => {}
            }
            true
        });
    }
    tainted
}

fn uses_the_clock(expression: &Expr, tainted: &BTreeSet<String>) -> bool {
    let mut found = false;
    expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        found |= match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _))) => {
                call.is_qualified()
                    && call.namespace.root() == "time"
                    && matches!(call.name.as_str(), "now" | "today")
            }
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) => tainted.contains(variable.1.as_str()),
            _ => false,
        };
        !found
    });
    found
}
