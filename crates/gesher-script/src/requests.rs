//! Requests that stand in a script as maps: what the hub would refuse of them whatever the rows hold.
//!
//! A map is read as far as it is written out. What is made while the script runs is unknown, and nothing is said of it;
//! what is said is what the request's own check would say, at the place in the script where it is written.

use crate::convert::to_json;
use gesher_core::check::FaultKind;
use gesher_core::operation::Registered;
use gesher_core::{MARKETPLACE, Text};
use rhai::{AST, ASTNode, Expr, Position, Stmt};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Methods by which a map may lose fields that it was written with.
const TAKES_FIELDS: [&str; 5] = ["remove", "clear", "drain", "retain", "fill_with"];

/// A map as it is written, as far as it is.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    value: Value,
    /// The paths of what is made while the script runs.
    unknown: BTreeSet<String>,
    /// Where the names of fields stand.
    names: BTreeMap<String, Position>,
    /// Where values begin.
    values: BTreeMap<String, Position>,
    /// Whether nothing can be put into it before it is sent.
    is_whole: bool,
}

/// The variables of a function that are a written map from their beginning, and stay one.
pub(crate) type Literals = BTreeMap<String, Literal>;

/// The literals of one function.
pub(crate) fn literals(body: &AST) -> Literals {
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Literals::new();
    body.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                let name = variable.0.as_str().to_owned();
                *given.entry(name.clone()).or_default() += 1;
                if let Some(literal) = Literal::of(&variable.1, false) {
                    found.insert(name, literal);
                }
            }
            // A variable that is given another value, or that something is taken out of, is no literal any more.
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                if let Expr::Variable(variable, ..) = &assignment.1.lhs {
                    given.insert(variable.1.to_string(), usize::MAX / 2);
                }
            }
            Some(ASTNode::Expr(Expr::Dot(dot, ..))) => {
                if let (Expr::Variable(variable, ..), Expr::MethodCall(call, _)) = (&dot.lhs, &dot.rhs)
                    && TAKES_FIELDS.contains(&call.name.as_str())
                {
                    given.insert(variable.1.to_string(), usize::MAX / 2);
                }
            }
            Some(ASTNode::Stmt(Stmt::For(each, _))) => {
                given.insert(each.0.as_str().to_owned(), usize::MAX / 2);
            }
            _ => {}
        }
        true
    });
    found.retain(|name, _| given.get(name) == Some(&1));
    found
}

impl Literal {
    /// The map that stands there as an argument, be it itself or a variable of `literals`.
    pub(crate) fn argument(expression: &Expr, literals: &Literals) -> Option<Self> {
        match expression {
            Expr::Variable(variable, ..) => literals.get(variable.1.as_str()).cloned(),
            other => Self::of(other, true),
        }
    }

    fn of(expression: &Expr, is_whole: bool) -> Option<Self> {
        if !matches!(expression, Expr::Map(..)) {
            return None;
        }
        let mut literal = Self {
            value: Value::Null,
            unknown: BTreeSet::new(),
            names: BTreeMap::new(),
            values: BTreeMap::new(),
            is_whole,
        };
        literal.value = literal.read(expression, String::new());
        Some(literal)
    }

    fn read(&mut self, expression: &Expr, path: String) -> Value {
        self.values.insert(path.clone(), expression.start_position());
        match expression {
            Expr::Map(map, _) => {
                let mut fields = Map::new();
                for (name, value) in &map.0 {
                    let dot = if path.is_empty() { "" } else { "." };
                    let inner = format!("{path}{dot}{}", name.as_str());
                    self.names.insert(inner.clone(), name.pos);
                    fields.insert(name.as_str().to_owned(), self.read(value, inner));
                }
                Value::Object(fields)
            }
            Expr::Array(items, _) => {
                let items = items.iter().enumerate();
                items.map(|(at, item)| self.read(item, format!("{path}[{at}]"))).collect()
            }
            scalar => {
                let value = scalar.get_literal_value(None).and_then(|value| to_json(&value).ok());
                value.unwrap_or_else(|| {
                    self.unknown.insert(path);
                    Value::Null
                })
            }
        }
    }

    /// What the hub would refuse of it whenever it is sent, each with its place.
    pub(crate) fn faults(&self, operation: &Registered, who: Option<&str>) -> Vec<(Position, Text)> {
        let mut found: Vec<(Position, Text)> = Vec::new();
        for fault in operation.foreseen(&self.value, &self.unknown) {
            let may_come = matches!(fault.kind, FaultKind::Missing { .. } | FaultKind::Empty);
            if may_come && !self.is_whole {
                continue;
            }
            let position = match fault.kind {
                FaultKind::UnknownField { .. } | FaultKind::CardData => self.names.get(&fault.path),
                _ => self.values.get(&fault.path),
            };
            let position = position.copied().unwrap_or_else(|| self.around(&fault.path));
            found.push((position, fault.into_rejection().message));
        }
        // A request that is known to its last value can be asked about all the rules that it has to keep.
        if found.is_empty()
            && self.is_whole
            && self.unknown.is_empty()
            && let Some(refusal) = operation.refusal(who.unwrap_or(MARKETPLACE), self.value.clone())
        {
            found.push((self.around(""), refusal));
        }
        found
    }

    /// Where the map begins that lacks what belongs at `path`.
    fn around(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.values.get(path) {
                return *position;
            }
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        }
    }
}
