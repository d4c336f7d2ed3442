//! Which functions of a script can be reached from where it is entered.
//!
//! What a file of helpers could call for other flows is no matter of this one. And which properties a file gives to maps,
//! since calling one of them is calling a closure in it.

use crate::check::{File, Function};
use rhai::{ASTNode, Expr, FnCallExpr, FnPtr, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// Functions by file and name.
pub(crate) type Reached = BTreeSet<(String, String)>;

/// The functions that run when one of `entries` of the file `main` does.
pub(crate) fn reached(files: &BTreeMap<&str, File<'_>>, main: &str, entries: &[&str]) -> Reached {
    let mut reached = Reached::new();
    let mut waiting: Vec<(String, String)> =
        entries.iter().map(|entry| (main.to_owned(), (*entry).to_owned())).collect();
    while let Some((file, name)) = waiting.pop() {
        let Some(found) = files.get(file.as_str()) else { continue };
        let functions: Vec<&Function> = found.functions.iter().filter(|f| f.name == name).collect();
        if !functions.is_empty() && reached.insert((file.clone(), name)) {
            functions.iter().for_each(|function| waiting.extend(named_in(found, function)));
        }
    }
    reached
}

/// What a function names: what it calls, its closures, and functions that it has in hand.
fn named_in(file: &File<'_>, function: &Function) -> Vec<(String, String)> {
    let mut named = Vec::new();
    let here = |name: &str| (file.name.to_owned(), name.to_owned());
    let called = |call: &FnCallExpr| {
        if !call.is_qualified() {
            return Some(here(&call.name));
        }
        file.aliases.get(&call.namespace.to_string()).map(|file| (file.clone(), call.name.to_string()))
    };
    function.body.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                named.extend(called(call));
            }
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => named.extend(called(call)),
            Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) => {
                named.extend(value.read_lock::<FnPtr>().map(|pointer| here(pointer.fn_name())));
            }
            // `Fn("name")` takes the name as a text.
            Some(ASTNode::Expr(Expr::StringConstant(text, _))) => named.push(here(text)),
            _ => {}
        }
        true
    });
    named
}

/// The names that map literals and assignments of a file give to properties.
pub(crate) fn properties(file: &File<'_>) -> BTreeSet<String> {
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
