//! What in a script comes from the clock, followed from where the time is told to where it is used.
//!
//! A key that is built from it is another one tomorrow, so what it names would be done twice. Followed are variables,
//! texts with expressions in them, fields of maps, and functions of the same file that return it or are called with it.

use crate::check::Function;
use rhai::{AST, ASTNode, Expr, Stmt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The functions of `time::` that tell the time.
const TELLS_THE_TIME: [&str; 2] = ["now", "today"];

/// Closures inside one another that are followed.
const CLOSURES_DEEP_MAX: usize = 3;

/// A function of a file: its name, and how many parameters it has.
pub(crate) type Identity = (String, usize);

/// What is known to come from the clock at some place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// Variables; and as `map.field`, those of which one field does.
    variables: BTreeSet<String>,
    /// Functions of the file whose answers do.
    functions: Arc<BTreeSet<String>>,
    /// Parameters of functions of the file that are called with it somewhere.
    given: BTreeMap<Identity, BTreeSet<String>>,
}

/// What a function is told apart by.
pub(crate) fn identity(function: &Function) -> Identity {
    (function.name.clone(), function.params.len())
}

/// The variable of `map.field`.
fn root(known: &str) -> &str {
    known.split('.').next().unwrap_or(known)
}

/// The field that a chain goes to first, where it is written out.
fn field(chain: &Expr) -> Option<&str> {
    let link = match chain {
        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
        link => link,
    };
    match link {
        Expr::Property(property, _) => Some(property.2.as_str()),
        Expr::StringConstant(text, _) => Some(text.as_str()),
        _ => None,
    }
}

impl Clock {
    /// The functions of a file that answer with something from the clock, and the parameters that are given some.
    pub(crate) fn of_file(functions: &[Function]) -> Self {
        let mut clock = Self::default();
        // Each round finds where that leads to which those before it found. Names are all that is found, and a file has so
        // many, so this ends.
        loop {
            let before = clock.size();
            let known = clock.inside_each(functions);
            for function in functions {
                let Some(inside) = known.get(&identity(function)) else { continue };
                if inside.returned(&function.body) {
                    Arc::make_mut(&mut clock.functions).insert(function.name.clone());
                }
                for (called, name) in inside.gives(&function.body, functions) {
                    clock.given.entry(called).or_default().insert(name);
                }
            }
            if clock.size() == before {
                return clock;
            }
        }
    }

    fn size(&self) -> usize {
        self.functions.len() + self.given.values().map(BTreeSet::len).sum::<usize>()
    }

    /// What is known inside each function. A closure has what it takes in from around it as parameters of the same names.
    pub(crate) fn inside_each(&self, functions: &[Function]) -> BTreeMap<Identity, Self> {
        let mut known: BTreeMap<Identity, Self> = BTreeMap::new();
        let has_closures = functions.iter().any(|function| !function.closures.is_empty());
        let rounds = if has_closures { CLOSURES_DEEP_MAX } else { 1 };
        // Each round goes one closure deeper.
        for _ in 0..rounds {
            let before = known.clone();
            for function in functions {
                let around = functions.iter().filter(|around| around.closures.contains(&function.name));
                let around = around.filter_map(|around| before.get(&identity(around)));
                let mut variables: BTreeSet<String> = around
                    .flat_map(|around| &around.variables)
                    .filter(|variable| function.params.iter().any(|param| param == root(variable)))
                    .cloned()
                    .collect();
                variables.extend(self.given.get(&identity(function)).into_iter().flatten().cloned());
                let with = Self { variables, functions: Arc::clone(&self.functions), given: BTreeMap::new() };
                known.insert(identity(function), with.inside(&function.body));
            }
        }
        known
    }

    /// With the variables of a function that are made from the time.
    fn inside(&self, body: &AST) -> Self {
        let mut clock = self.clone();
        // Twice, so that a variable made from one that is assigned further down is found as well.
        for _ in 0..2 {
            body.walk(&mut |path: &[ASTNode<'_>]| {
                let found = match path.last() {
                    Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                        clock.told(variable.0.as_str(), &variable.1)
                    }
                    Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                        clock.assigned(&assignment.1.lhs, &assignment.1.rhs)
                    }
                    _ => Vec::new(),
                };
                clock.variables.extend(found);
                true
            });
        }
        clock
    }

    /// What comes from the clock once a place, such as `a`, `a.b` or `a[b]`, is given a value.
    fn assigned(&self, place: &Expr, value: &Expr) -> Vec<String> {
        let pair = match place {
            Expr::Variable(variable, ..) => return self.told(variable.1.as_str(), value),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => pair,
            _ => return Vec::new(),
        };
        match (&pair.lhs, field(&pair.rhs)) {
            (Expr::Variable(variable, ..), Some(field)) if self.is_in(value) => {
                vec![format!("{}.{field}", variable.1)]
            }
            (Expr::Variable(variable, ..), None) if self.is_in(value) => vec![variable.1.to_string()],
            _ => Vec::new(),
        }
    }

    /// What comes from the clock once a variable is given a value. Of a map that is written out, it is the fields that do:
    /// a request may well hold today's date.
    fn told(&self, name: &str, value: &Expr) -> Vec<String> {
        match value {
            Expr::Variable(variable, ..) => {
                let from = variable.1.as_str();
                let known = self.variables.iter().filter(|known| root(known) == from);
                known.map(|known| format!("{name}{}", known.strip_prefix(from).unwrap_or_default())).collect()
            }
            Expr::Map(map, _) => {
                let fields = map.0.iter().filter(|(_, value)| self.is_in(value));
                fields.map(|(field, _)| format!("{name}.{}", field.as_str())).collect()
            }
            value if self.is_in(value) => vec![name.to_owned()],
            _ => Vec::new(),
        }
    }

    /// The parameters of functions of the file that a body calls with something from the clock.
    fn gives(&self, body: &AST, functions: &[Function]) -> Vec<(Identity, String)> {
        let mut given = Vec::new();
        body.walk(&mut |path: &[ASTNode<'_>]| {
            let call = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => call,
                Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => call,
                _ => return true,
            };
            let is_called = |function: &&Function| {
                !call.is_qualified()
                    && function.name == call.name.as_str()
                    && function.params.len() == call.args.len()
            };
            if let Some(called) = functions.iter().find(is_called) {
                for (param, argument) in called.params.iter().zip(call.args.iter()) {
                    given.extend(self.told(param, argument).into_iter().map(|name| (identity(called), name)));
                }
            }
            true
        });
        given
    }

    /// Whether the expression has something from the clock in it.
    pub(crate) fn is_in(&self, expression: &Expr) -> bool {
        let mut found = false;
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            found |= match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, _))) if call.is_qualified() => {
                    call.namespace.root() == "time" && TELLS_THE_TIME.contains(&call.name.as_str())
                }
                Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                    self.functions.contains(call.name.as_str())
                }
                Some(ASTNode::Expr(Expr::Variable(variable, ..))) => self.is_read(variable.1.as_str(), path),
                _ => false,
            };
            !found
        });
        found
    }

    /// Whether what is read of a variable at the end of a path comes from the clock: one field of it, or all of it.
    fn is_read(&self, name: &str, path: &[ASTNode<'_>]) -> bool {
        let read = match path {
            [.., ASTNode::Expr(Expr::Dot(pair, ..) | Expr::Index(pair, ..)), ASTNode::Expr(this)]
                if std::ptr::eq(&pair.lhs, *this) =>
            {
                field(&pair.rhs)
            }
            _ => None,
        };
        match read {
            Some(read) => self.variables.contains(name) || self.variables.contains(&format!("{name}.{read}")),
            None => self.variables.iter().any(|known| root(known) == name),
        }
    }

    /// Whether a function answers with it: by `return`, or by its last statement.
    fn returned(&self, body: &AST) -> bool {
        let (mut found, mut last) = (false, false);
        body.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Stmt(Stmt::Return(Some(value), flags, _))) = path.last() {
                found |= !flags.contains(rhai::ASTFlags::BREAK) && self.is_in(value);
            }
            if let [ASTNode::Stmt(statement)] = path {
                last = self.is_value_of(statement);
            }
            true
        });
        found || last
    }

    fn is_value_of(&self, statement: &Stmt) -> bool {
        let of_block =
            |block: &rhai::StmtBlock| block.statements().last().is_some_and(|last| self.is_value_of(last));
        match statement {
            Stmt::Expr(value) => match &**value {
                Expr::Stmt(block) => of_block(block),
                value => self.is_in(value),
            },
            Stmt::FnCall(call, _) => {
                call.args.iter().any(|argument| self.is_in(argument)) || {
                    let told =
                        call.namespace.root() == "time" && TELLS_THE_TIME.contains(&call.name.as_str());
                    told || !call.is_qualified() && self.functions.contains(call.name.as_str())
                }
            }
            Stmt::Block(block) => of_block(block),
            Stmt::If(choice, _) => of_block(&choice.body) || of_block(&choice.branch),
            _ => false,
        }
    }
}
