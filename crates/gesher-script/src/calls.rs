//! What a script calls: whether it is there, whether the flow may call it, and whether a key is built from the clock,
//! and what of its request would be refused.
//!
//! Rhai finds an unknown function only when a row comes to it. Here every call in every function is looked up
//! before anything runs.

use crate::bindings::{arities, expected_call, key_position};
use crate::builtins::builtins;
use crate::check::{File, Findings, FlowStart, ScriptFault};
use crate::clock::{Clock, Identity, identity};
use crate::host::Vocabulary;
use crate::library::CompileOptions;
use crate::reach::{Reached, properties};
use crate::report::{Place, Sources};
use crate::requests::{self, Literal, Literals};
use gesher_core::names::nearest;
use gesher_core::{Descriptor, Effect, Registry, Text};
use gesher_engine::Allow;
use rhai::{ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// How the parser names closures.
pub(crate) const CLOSURE_PREFIX: &str = "anon$";
/// Functions that the evaluator itself knows.
const BY_THE_LANGUAGE: [&str; 9] =
    ["print", "debug", "type_of", "Fn", "call", "curry", "is_def_var", "is_def_fn", "is_shared"];
/// Functions of the hub, beside operations, that do something once for their key: module, name, the key's argument.
const KEYED: [(&str, &str, usize); 1] = [("flow", "start", 1)];
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

/// Every function that scripts of this hub can call: its module, empty for none, its name, and the numbers of arguments
/// that it takes. Operators and properties are left out.
#[must_use]
pub fn callable(registry: &Registry) -> BTreeMap<(String, String), BTreeSet<usize>> {
    let known = known(&Vocabulary::new(registry).engine());
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let functions = known.into_iter().flat_map(|(module, functions)| {
        functions.into_iter().map(move |(name, all)| ((module.clone(), name), all))
    });
    functions.filter(|((_, name), _)| is_name(name)).collect()
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

/// A file, and what is around it.
pub(crate) struct Around<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) file: &'a File<'a>,
    pub(crate) files: &'a BTreeMap<&'a str, File<'a>>,
    pub(crate) names: &'a Names<'a>,
    pub(crate) options: &'a CompileOptions,
    /// The functions that run when the script is entered.
    pub(crate) reached: &'a Reached,
}

/// What is known of the function that a call stands in.
struct Inside {
    /// What comes from the clock, whatever it goes through.
    clock: Clock,
    /// The same without what comes through other functions.
    told_here: Clock,
    literals: Literals,
    is_reached: bool,
}

struct Checker<'a> {
    around: Around<'a>,
    /// Properties that maps of this file have: calling one of them is calling a closure in it.
    properties: BTreeSet<String>,
}

/// Every call of every function of a file.
pub(crate) fn check(around: Around<'_>, findings: &mut Findings) {
    let file = around.file;
    let clocks = Clock::of_file(&file.functions).inside_each(&file.functions);
    let told_here = Clock::default().inside_each(&file.functions);
    let of =
        |clocks: &BTreeMap<Identity, Clock>, which: &Identity| clocks.get(which).cloned().unwrap_or_default();
    let checker = Checker { properties: properties(file), around };
    for function in &file.functions {
        let place = (file.name.to_owned(), function.name.clone());
        let inside = Inside {
            clock: of(&clocks, &identity(function)),
            told_here: of(&told_here, &identity(function)),
            literals: requests::literals(&function.body),
            is_reached: checker.around.reached.contains(&place),
        };
        function.body.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position))) => {
                    checker.call(call, *position, &inside, findings);
                }
                Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    checker.call(call, *position, &inside, findings);
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
        ScriptFault::at(Place::new(self.around.sources, self.around.file.name, position), text)
    }

    fn call(&self, call: &FnCallExpr, position: Position, inside: &Inside, findings: &mut Findings) {
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
        if let Some(imported) =
            self.around.file.aliases.get(&module).and_then(|file| self.around.files.get(file.as_str()))
        {
            findings.faults.extend(self.imported(imported, &module, name, arity, position));
            return;
        }
        let Some(functions) = self.around.names.known.get(&module) else {
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
                self.named_work(&module, call, position, inside, findings);
                findings.starts.extend(self.starts(&module, call, position));
                self.operation(&module, call, position, inside, findings);
            }
        }
    }

    /// The flow that a call starts by its name, where it is written out.
    fn starts(&self, module: &str, call: &FnCallExpr, position: Position) -> Option<FlowStart> {
        let is_start = module == "flow" && call.name.as_str() == "start";
        match call.args.first().filter(|_| is_start)? {
            Expr::StringConstant(name, _) => Some(FlowStart {
                flow: name.as_str().to_owned(),
                place: Place::new(self.around.sources, self.around.file.name, position),
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
            let operation = self.around.names.registry.find(&name).ok().map(AsRef::as_ref);
            let by_path = || {
                let mut all = self.around.names.registry.iter();
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
            self.around.file.functions.iter().filter(|f| f.name == name).map(|f| f.params.len()).collect();
        let standard = self.around.names.known.get("").and_then(|functions| functions.get(name));
        let fits = own.contains(&arity) || standard.is_some_and(|arities| arities.contains(&arity));
        if fits || BY_THE_LANGUAGE.contains(&name) {
            return None;
        }
        let others: BTreeSet<usize> = own.iter().chain(standard.into_iter().flatten()).copied().collect();
        let text = if others.is_empty() {
            let standard =
                self.around.names.known.get("").into_iter().flat_map(BTreeMap::keys).map(String::as_str);
            let own = self.around.file.functions.iter().map(|f| f.name.as_str());
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
        let standard = self.around.names.known.get("")?;
        let own = self.around.file.functions.iter().any(|f| f.name == name);
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
        self.around.names.registry.iter().any(|(name, _)| name.starts_with(&start))
    }

    /// An operation that is there: may the flow call it, and does its key stay the same tomorrow?
    fn operation(
        &self,
        module: &str,
        call: &FnCallExpr,
        position: Position,
        inside: &Inside,
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
        let descriptor = match self.around.names.registry.find(&name) {
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
        self.permission(&descriptor, position, inside, findings);
        if let Some(key) = key_position(&descriptor, call.args.len() - extra)
            && let Some(key) = call.args.get(key + extra)
        {
            self.key(&descriptor, key, position, inside, findings);
        }
        let who = match call.args.get(extra) {
            Some(Expr::StringConstant(who, _)) if descriptor.sender.takes_who() => Some(who.as_str()),
            _ => None,
        };
        let request = call.args.last().and_then(|last| Literal::argument(last, &inside.literals));
        if let (Some(request), Ok(found)) = (request, self.around.names.registry.find(&name)) {
            let faults = request.faults(found, who).into_iter();
            findings.foreseen.extend(faults.map(|(position, text)| self.fault(position, text)));
        }
    }

    /// May the flow call it?
    fn permission(
        &self,
        descriptor: &Descriptor,
        position: Position,
        inside: &Inside,
        findings: &mut Findings,
    ) {
        let allowed = |allow: &Vec<Allow>| allow.iter().any(|allow| allow.covers(descriptor));
        if self.around.options.allow.as_ref().is_none_or(allowed) {
            return;
        }
        let qualified = format!("{}.{}", descriptor.provider, descriptor.word());
        let text = Text::new(
            format!("התהליך אינו רשאי לקרוא ל־{qualified}; יש להוסיף אותה ל־allow של התהליך"),
            format!("the flow may not call {qualified}; add it to the flow's `allow`"),
        );
        let list = if inside.is_reached { &mut findings.foreseen } else { &mut findings.warnings };
        list.push(self.fault(position, text));
    }

    /// Does the key stay the same tomorrow?
    fn key(
        &self,
        descriptor: &Descriptor,
        key: &Expr,
        position: Position,
        inside: &Inside,
        findings: &mut Findings,
    ) {
        if !inside.clock.is_in(key) {
            return;
        }
        let (he, en) = match descriptor.effect {
            Effect::Money => ("והחיוב יישלח שוב", "the charge is sent again"),
            Effect::Read | Effect::Write => ("והפעולה תיעשה שוב", "the same is done again"),
        };
        let text = Text::new(
            format!(
                "המפתח נבנה מהשעון: מחר הוא יהיה אחר, {he}; בנו אותו ממה שמזהה את העסקה, למשל מספר הזמנה"
            ),
            format!(
                "the key is built from the clock: tomorrow it is another one, and {en}; build it from what names the deal, such as the order's number"
            ),
        );
        let list = match (descriptor.effect, inside.told_here.is_in(key)) {
            (Effect::Money, true) => &mut findings.faults,
            (Effect::Money, false) => &mut findings.foreseen,
            (Effect::Read | Effect::Write, _) => &mut findings.warnings,
        };
        list.push(self.fault(position, text));
    }

    /// What the hub does once by its key, beside operations.
    fn named_work(
        &self,
        module: &str,
        call: &FnCallExpr,
        position: Position,
        inside: &Inside,
        findings: &mut Findings,
    ) {
        let named = KEYED.iter().find(|(of, name, _)| *of == module && *name == call.name.as_str());
        if let Some(key) = named.and_then(|(.., at)| call.args.get(*at))
            && inside.clock.is_in(key)
        {
            let text = Text::new(
                "המפתח נבנה מהשעון: מחר הוא יהיה אחר, והתהליך יתחיל שוב; בנו אותו ממה שמזהה את העבודה, למשל tick.period",
                "the key is built from the clock: tomorrow it is another one, and the flow is started again; build it from what names the work, such as tick.period",
            );
            findings.foreseen.push(self.fault(position, text));
        }
    }
}
