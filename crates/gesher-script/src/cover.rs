//! Which lines of a script ran: its text with a mark in front of each statement, and what the marks saw.
//!
//! Only script tests use it. The evaluator does not say where it is, and its debugger would cost every run of every flow;
//! so a covered script is compiled from a text in which each statement of each function has a call of [`MARK`] before it,
//! on its own line. Lines stay what they are, columns are reckoned back ([`Shifts`]), and what the marks cost is taken off
//! what the script may take. What a script does, and what is said about it, is the same with and without.

use crate::item::{Item, Native};
use rhai::{Engine, FuncRegistration, INT, Module, NativeCallContext, Position, Token};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The function of the marks. No script can call it: the checks see the text as it was written, and do not know it.
const MARK: &str = "gesher_ran";
/// Steps of the evaluator that a mark takes: its statement and its argument.
pub(crate) const OPERATIONS_PER_MARK: u64 = 2;

/// What ran of a script and of all that it imports.
#[derive(Debug, Default)]
pub struct Coverage {
    functions: Vec<Function>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Function {
    file: String,
    name: String,
    line: usize,
}

/// One statement, by the line on which it begins.
#[derive(Debug)]
struct Line {
    function: usize,
    line: usize,
    ran: AtomicBool,
}

/// What ran of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCoverage {
    /// The file, relative to the scripts folder.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// The lines on which a statement begins, and whether one of them ran.
    pub lines: BTreeMap<usize, bool>,
}

impl FunctionCoverage {
    /// How many of its lines ran.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.lines.values().filter(|ran| **ran).count()
    }

    /// The lines that did not run.
    #[must_use]
    pub fn missed(&self) -> Vec<usize> {
        self.lines.iter().filter(|(_, ran)| !**ran).map(|(line, _)| *line).collect()
    }
}

impl Coverage {
    /// What ran so far, function by function, by file and line.
    #[must_use]
    pub fn functions(&self) -> Vec<FunctionCoverage> {
        let mut all: Vec<FunctionCoverage> = self
            .functions
            .iter()
            .map(|function| FunctionCoverage {
                file: function.file.clone(),
                name: function.name.clone(),
                line: function.line,
                lines: BTreeMap::new(),
            })
            .collect();
        for line in &self.lines {
            if let Some(function) = all.get_mut(line.function) {
                *function.lines.entry(line.line).or_default() |= line.ran.load(Ordering::Relaxed);
            }
        }
        all.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        all
    }

    /// How much is known by now, for [`Self::forget`].
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.functions.len(), self.lines.len())
    }

    /// Drops what came after a moment.
    pub(crate) fn forget(&mut self, (functions, lines): (usize, usize)) {
        self.functions.truncate(functions);
        self.lines.truncate(lines);
    }

    fn saw(&self, mark: INT) {
        if let Some(line) = usize::try_from(mark).ok().and_then(|mark| self.lines.get(mark)) {
            line.ran.store(true, Ordering::Relaxed);
        }
    }
}

/// The function that the marks call.
pub(crate) fn module(coverage: &Arc<Coverage>) -> Module {
    let mut module = Module::new();
    let coverage = Arc::clone(coverage);
    FuncRegistration::new(MARK).with_volatility(true).set_into_module(
        &mut module,
        move |context: NativeCallContext, mark: INT| {
            coverage.saw(mark);
            Item::of(&context)?.passed_mark();
            Native::Ok(())
        },
    );
    module
}

/// How far marks moved the columns of a file, by line: where a mark was put in, and its characters.
pub(crate) type Shifts = BTreeMap<usize, Vec<(usize, usize)>>;

/// A place of the marked text as a place of the text that was written.
pub(crate) fn unshifted(shifts: &Shifts, position: Position) -> Position {
    let (Some(line), Some(column)) = (position.line(), position.position()) else { return position };
    let mut before = 0;
    for (at, characters) in shifts.get(&line).into_iter().flatten() {
        if column < at + before {
            break;
        }
        before = (before + characters).min(column.saturating_sub(*at));
    }
    let place = u16::try_from(line).ok().zip(u16::try_from(column - before).ok());
    place.map_or(position, |(line, column)| Position::new(line, column))
}

/// The text of a file with its marks, whose lines are added to `coverage`.
pub(crate) fn marked(engine: &Engine, file: &str, text: &str, coverage: &mut Coverage) -> (String, Shifts) {
    let mut places: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for statement in statements(engine, text) {
        let known = coverage.functions.last().is_some_and(|last| {
            last.file == file && last.name == statement.function && last.line == statement.of_line
        });
        if !known {
            let (name, line) = (statement.function.clone(), statement.of_line);
            coverage.functions.push(Function { file: file.to_owned(), name, line });
        }
        let Some((line, column)) = statement.at else { continue };
        places.entry(line).or_default().push((column, coverage.lines.len()));
        let function = coverage.functions.len() - 1;
        coverage.lines.push(Line { function, line, ran: AtomicBool::new(false) });
    }
    let mut shifts = Shifts::new();
    let lines = text.split('\n').enumerate().map(|(index, line)| {
        let Some(marks) = places.get(&(index + 1)) else { return line.to_owned() };
        let mut marked = String::with_capacity(line.len() * 2);
        for (at, character) in line.chars().enumerate() {
            for (column, mark) in marks.iter().filter(|(column, _)| *column == at + 1) {
                let call = format!("{MARK}({mark});");
                shifts.entry(index + 1).or_default().push((*column, call.len()));
                marked.push_str(&call);
            }
            marked.push(character);
        }
        marked
    });
    let lines: Vec<String> = lines.collect();
    (lines.join("\n"), shifts)
}

/// A statement of a function, or the function itself.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    function: String,
    of_line: usize,
    /// Line and column of its first word; none for the function itself.
    at: Option<(usize, usize)>,
}

/// What a bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// Statements.
    Statements,
    /// The arms of a `switch`.
    Arms,
    /// An expression inside a text.
    InText,
    /// Arguments, elements, fields.
    Values,
}

/// How a statement begins, which says whether a closing brace ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// With a word that has blocks behind it.
    WithBlocks,
    /// With `do`, which goes on behind its block.
    WithDo,
    /// With anything else: it ends with a semicolon.
    Otherwise,
}

/// An open bracket.
struct Open {
    holds: Holds,
    /// The statement that is being read.
    statement: Option<Begins>,
    /// The next brace holds the arms of a `switch`.
    switch_ahead: bool,
    /// A block has just closed that may have ended the statement.
    after_block: bool,
}

impl Open {
    fn new(holds: Holds) -> Self {
        Self { holds, statement: None, switch_ahead: false, after_block: false }
    }
}

/// Finds where statements begin, by words and brackets alone: the syntax tree keeps the place of a statement's verb, and
/// not of its first word.
#[derive(Default)]
struct Scanner {
    open: Vec<Open>,
    found: Vec<Statement>,
    /// The function at work: its name and line.
    function: Option<(String, usize)>,
    /// The line of a `fn` whose body has not begun, and the last name behind it.
    header: Option<(usize, String, bool)>,
    in_text: bool,
}

fn statements(engine: &Engine, text: &str) -> Vec<Statement> {
    let (tokens, control) = engine.lex(std::slice::from_ref(&text));
    let mut scanner = Scanner::default();
    for (token, position) in tokens {
        if matches!(token, Token::EOF | Token::LexError(_)) {
            break;
        }
        if scanner.take(&token, position) {
            // What follows the brace is text again, as the parser would say.
            control.borrow_mut().is_within_text = true;
        }
    }
    scanner.found
}

impl Scanner {
    /// Takes the next word; answers whether what follows is the rest of a text.
    fn take(&mut self, token: &Token, position: Position) -> bool {
        self.begin_statement(token, position);
        let after_text = std::mem::replace(&mut self.in_text, matches!(token, Token::InterpolatedString(_)));
        match token {
            Token::Fn if self.function.is_none() => {
                self.header = Some((position.line().unwrap_or_default(), String::new(), false));
            }
            Token::Identifier(name) => {
                if let Some((_, named, false)) = &mut self.header {
                    name.as_str().clone_into(named);
                }
            }
            Token::LeftParen => {
                if let Some((.., is_named)) = &mut self.header {
                    *is_named = true;
                }
                self.open.push(Open::new(Holds::Values));
            }
            Token::LeftBracket | Token::QuestionBracket | Token::MapStart => {
                self.open.push(Open::new(Holds::Values));
            }
            Token::LeftBrace => self.open_brace(after_text),
            Token::Switch => {
                if let Some(open) = self.open.last_mut() {
                    open.switch_ahead = true;
                }
            }
            Token::SemiColon => {
                if let Some(open) = self.open.last_mut() {
                    open.statement = None;
                }
            }
            Token::RightParen | Token::RightBracket => drop(self.open.pop()),
            Token::RightBrace => return self.close_brace(),
            _ => {}
        }
        false
    }

    /// Notes a statement that begins with `token`, if one does.
    fn begin_statement(&mut self, token: &Token, position: Position) {
        let Some(open) = self.open.last_mut().filter(|open| open.holds == Holds::Statements) else { return };
        if std::mem::take(&mut open.after_block) && !matches!(token, Token::Else | Token::Catch) {
            open.statement = None;
        }
        if matches!(token, Token::RightBrace | Token::SemiColon) || open.statement.is_some() {
            return;
        }
        open.statement = Some(match token {
            Token::If
            | Token::While
            | Token::For
            | Token::Loop
            | Token::Switch
            | Token::Try
            | Token::LeftBrace => Begins::WithBlocks,
            Token::Do => Begins::WithDo,
            _ => Begins::Otherwise,
        });
        let is_in_text = self.open.iter().any(|open| open.holds == Holds::InText);
        if let (Some((name, line)), false) = (&self.function, is_in_text) {
            let at = position.line().zip(position.position());
            self.found.push(Statement { function: name.clone(), of_line: *line, at });
        }
    }

    fn open_brace(&mut self, after_text: bool) {
        if self.open.is_empty()
            && let Some((line, name, _)) = self.header.take()
        {
            self.found.push(Statement { function: name.clone(), of_line: line, at: None });
            self.function = Some((name, line));
        }
        let arms = self.open.last_mut().is_some_and(|open| std::mem::take(&mut open.switch_ahead));
        self.open.push(Open::new(match (after_text, arms) {
            (true, _) => Holds::InText,
            (false, true) => Holds::Arms,
            (false, false) => Holds::Statements,
        }));
    }

    fn close_brace(&mut self) -> bool {
        let closed = self.open.pop().map(|open| open.holds);
        match self.open.last_mut() {
            None => self.function = None,
            Some(open) if matches!(closed, Some(Holds::Statements | Holds::Arms)) => match open.statement {
                Some(Begins::WithBlocks) => open.after_block = true,
                // The condition behind the block ends with a semicolon.
                Some(Begins::WithDo) => open.statement = Some(Begins::Otherwise),
                _ => {}
            },
            Some(_) => {}
        }
        closed == Some(Holds::InText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::new_raw()
    }

    /// The text with `•` in front of every statement that was found.
    fn shown(text: &str) -> String {
        let mut coverage = Coverage::default();
        let (marked, _) = marked(&engine(), "a.rhai", text, &mut coverage);
        (0..coverage.lines.len()).fold(marked, |text, mark| text.replace(&format!("{MARK}({mark});"), "•"))
    }

    #[track_caller]
    fn check(body: &str, want: &str) {
        let text = format!("fn f(x) {{ {body} }}");
        assert_eq!(shown(&text), format!("fn f(x) {{ {want} }}"));
        let marked = shown(&text).replace('•', "g(1);");
        assert!(engine().compile(&marked).is_ok(), "{marked}: {:?}", engine().compile(&marked).err());
    }

    #[test]
    fn every_statement_has_a_mark_and_nothing_else_has() {
        check("let a = 1; a.b = 2; a", "•let a = 1; •a.b = 2; •a");
        check("if x { 1 } else if y { 2 } else { 3 } x", "•if x { •1 } else if y { •2 } else { •3 } •x");
        check("let a = if x { 1 } else { 2 }; a", "•let a = if x { •1 } else { •2 }; •a");
        check("for i in [1, 2] { i; } while x { break; }", "•for i in [1, 2] { •i; } •while x { •break; }");
        check("do { x } while y; x", "•do { •x } while y; •x");
        check("try { throw 1; } catch (e) { e } x", "•try { •throw 1; } catch (e) { •e } •x");
        check("switch x { 1 => 2, 3 => { 4 } _ => #{} } x", "•switch x { 1 => 2, 3 => { •4 } _ => #{} } •x");
        check("#{ a: 1, b: [#{ c: 2 }] }", "•#{ a: 1, b: [#{ c: 2 }] }");
        check("[1].map(|i| i + 1); [1].map(|i| { i })", "•[1].map(|i| i + 1); •[1].map(|i| { •i })");
        check("`a ${ let b = 1; b } c ${x} }`; x", "•`a ${ let b = 1; b } c ${x} }`; •x");
        check("{ x } loop { return; }", "•{ •x } •loop { •return; }");
        check("let s = \"{ ; }\"; // { ;\n x", "•let s = \"{ ; }\"; // { ;\n •x");
        check(";; x;", ";; •x;");
    }

    #[test]
    fn the_top_level_has_no_marks_and_each_function_its_own() {
        let text =
            "const A = #{ b: 1 };\nprivate fn one() { 1 }\nfn two(a) {\n  let b = a; b\n}\nfn three() {}\n";
        let mut coverage = Coverage::default();
        marked(&engine(), "a.rhai", text, &mut coverage);
        coverage.saw(1);
        let found: Vec<_> = coverage.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        let want = [("one", 2, vec![(2, false)]), ("two", 3, vec![(4, true)]), ("three", 6, vec![])];
        let want = want.map(|(name, line, lines)| (name.to_owned(), line, lines.into_iter().collect()));
        assert_eq!(found, want);
    }

    #[test]
    fn columns_are_reckoned_back() {
        let text = "fn f(x) { let שם = 1; x + שם }";
        let mut coverage = Coverage::default();
        let (marked, shifts) = marked(&engine(), "a.rhai", text, &mut coverage);
        let (written, marked): (Vec<char>, Vec<char>) = (text.chars().collect(), marked.chars().collect());
        let mut at = 0;
        for (column, character) in marked.iter().enumerate() {
            let position = Position::new(1, u16::try_from(column + 1).unwrap());
            let back = unshifted(&shifts, position).position().unwrap();
            assert!(back >= at, "{column}");
            at = back;
            let in_mark = MARK.chars().chain("();".chars()).chain('0'..='9').any(|c| c == *character);
            assert!(in_mark || written[back - 1] == *character, "{column}: {character}");
        }
        assert_eq!(at, written.len());
    }
}
