//! What in a script comes from the clock, followed from where the time is told to where it is used.
//!
//! A key that is built from it is another one tomorrow, so what it names would be done twice. Followed are variables,
//! texts with expressions in them, and functions of the same file that return it.

use crate::check::Function;
use rhai::{AST, ASTNode, Expr, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// The functions of `time::` that tell the time.
const TELLS_THE_TIME: [&str; 2] = ["now", "today"];

/// Closures inside one another that are followed.
const CLOSURES_DEEP_MAX: usize = 3;

/// What is known to come from the clock at some place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    variables: BTreeSet<String>,
    /// Functions of the file whose answers do.
    functions: BTreeSet<String>,
}

impl Clock {
    /// The functions of a file that answer with something from the clock.
    pub(crate) fn of_file(functions: &[Function]) -> Self {
        let mut clock = Self::default();
        // Each round finds functions that return what those before them return.
        for _ in 0..functions.len() {
            let before = clock.functions.len();
            for function in functions {
                if clock.inside(&function.body).returned(&function.body) {
                    clock.functions.insert(function.name.clone());
                }
            }
            if clock.functions.len() == before {
                break;
            }
        }
        clock
    }

    /// What is known inside each function, by its name. A closure has what it takes in from around it as parameters of the
    /// same names.
    pub(crate) fn inside_each(&self, functions: &[Function]) -> BTreeMap<String, Self> {
        let mut known: BTreeMap<String, Self> = BTreeMap::new();
        // Each round goes one closure deeper.
        for _ in 0..CLOSURES_DEEP_MAX {
            let before = known.clone();
            for function in functions {
                let around = functions.iter().filter(|around| around.closures.contains(&function.name));
                let around = around.filter_map(|around| before.get(&around.name));
                let taken_in: BTreeSet<String> = around
                    .flat_map(|around| &around.variables)
                    .filter(|variable| function.params.contains(variable))
                    .cloned()
                    .collect();
                let with = Self { variables: taken_in, functions: self.functions.clone() };
                known.insert(function.name.clone(), with.inside(&function.body));
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
                match path.last() {
                    Some(ASTNode::Stmt(Stmt::Var(variable, ..))) if clock.is_in(&variable.1) => {
                        clock.variables.insert(variable.0.as_str().to_owned());
                    }
                    Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                        if let Expr::Variable(variable, ..) = &assignment.1.lhs
                            && clock.is_in(&assignment.1.rhs)
                        {
                            clock.variables.insert(variable.1.to_string());
                        }
                    }
                    _ => {}
                }
                true
            });
        }
        clock
    }

    /// Whether the expression has something from the clock in it.
    pub(crate) fn is_in(&self, expression: &Expr) -> bool {
        let mut found = false;
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            found |= match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, _))) if call.is_qualified() => {
                    call.namespace.root() == "time" && TELLS_THE_TIME.contains(&call.name.as_str())
                }
                Some(ASTNode::Expr(Expr::FnCall(call, _))) => self.functions.contains(call.name.as_str()),
                Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                    self.variables.contains(variable.1.as_str())
                }
                _ => false,
            };
            !found
        });
        found
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
