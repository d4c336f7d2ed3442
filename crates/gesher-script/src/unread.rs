//! Which calls of a script answer nobody: the value of the call is thrown away where it stands. What a provider answered
//! to such a call is written down, and is not made into values for a script that could not look at them.
//!
//! Only what is certain counts: a call that is a statement of an entry function itself, so that no variable, argument
//! or outer block can get at its value. Its value as the function's last statement is what the function returns.

use gesher_engine::Entry;
use rhai::{AST, ASTNode, Expr, NativeCallContext, Position, Stmt};

/// The level of calls on which an entry function's own statements call: the entry function itself is the first.
const ENTRY_LEVEL: usize = 2;

/// The calls of one script whose values are thrown away.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    dropped: Vec<Position>,
    returned: Vec<Position>,
}

impl Unread {
    /// Looks the entry functions of a script through.
    pub(crate) fn of(script: &AST) -> Self {
        let mut unread = Self::default();
        for entry in Entry::ALL {
            let mut function = script.clone_functions_only();
            function.retain_functions(|_, _, name, _| name == entry.name());
            let mut statements = Vec::new();
            function.walk(&mut |path: &[ASTNode<'_>]| {
                // The function's own statements are at the beginning of each path.
                if let [ASTNode::Stmt(statement)] = path {
                    statements.push(call_of(statement));
                }
                true
            });
            unread.returned.extend(statements.pop().flatten());
            unread.dropped.extend(statements.into_iter().flatten());
        }
        unread
    }

    /// Whether nobody can look at the value of the call that is being made. `reads_result` is whether somebody looks
    /// at what the entry function returns.
    pub(crate) fn is_unread(&self, context: &NativeCallContext, reads_result: bool) -> bool {
        if context.call_level() != ENTRY_LEVEL {
            return false;
        }
        let at = context.call_position();
        self.dropped.contains(&at) || (!reads_result && self.returned.contains(&at))
    }
}

/// Where a statement that is nothing but a call makes it.
fn call_of(statement: &Stmt) -> Option<Position> {
    match statement {
        Stmt::FnCall(_, at) => Some(*at),
        Stmt::Expr(expression) => match &**expression {
            Expr::FnCall(_, at) => Some(*at),
            _ => None,
        },
        _ => None,
    }
}
