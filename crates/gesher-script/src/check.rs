//! What can be found wrong with a script before it runs: each fault with its place, the line, and how to mend it.
//!
//! This file looks at a script's outline: that it compiles, that its top level only declares, that it has an entry
//! point, which columns it reads. What it calls is looked at in `calls.rs`.

use crate::calls::{self, Around, Names};
use crate::library::{CompileOptions, imports};
use crate::reach::reached;
use crate::report::{Place, Sources, excerpt};
use gesher_core::card::holds_card_number;
use gesher_core::names::nearest;
use gesher_core::{Language, Registry, Text};
use gesher_engine::Entry;
use rhai::{
    AST, ASTFlags, ASTNode, Engine, Expr, FnAccess, FnPtr, LexError, ParseError, ParseErrorType, Position,
    Stmt,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The functions by which scripts are entered. Each takes one argument.
const ENTRY_POINTS: [&str; 6] = ["on_row", "on_call", "on_webhook", "on_schedule", "on_event", "on_finish"];

/// How the names of tests begin.
const TEST_PREFIX: &str = "test_";

/// Something in a script has to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFault {
    /// Where.
    pub place: Place,
    /// What, and how to mend it.
    pub message: Text,
}

impl ScriptFault {
    pub(crate) fn at(place: Place, message: Text) -> Self {
        Self { place, message }
    }

    pub(crate) fn of_file(file: &str, message: Text) -> Self {
        Self { place: Place { file: file.to_owned(), ..Place::default() }, message }
    }

    /// Place and sentence, in one line.
    pub(crate) fn sentence(&self) -> Text {
        let Self { place, message } = self;
        Text::new(format!("{place}: {}", message.he), format!("{place}: {}", message.en))
    }

    /// Place, sentence, the line and a mark under the column.
    #[must_use]
    pub fn render(&self, language: Language) -> String {
        format!("{}: {}{}", self.place, self.message.get(language), excerpt(&self.place))
    }
}

impl fmt::Display for ScriptFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Language::En))
    }
}

/// A column that `on_row` reads by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnUse {
    /// Its header.
    pub name: String,
    /// Where it is read first, from 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A flow that the script starts by a name that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStart {
    /// The name.
    pub flow: String,
    /// Where.
    pub place: Place,
    /// Whether a key stands there, and not `()`.
    pub has_key: bool,
}

/// What the checks found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<ScriptFault>,
    /// What would be refused whenever the script comes to it. No program has to be without: a run that began with it may
    /// end with it.
    pub(crate) foreseen: Vec<ScriptFault>,
    pub(crate) warnings: Vec<ScriptFault>,
    pub(crate) columns: Vec<ColumnUse>,
    pub(crate) starts: Vec<FlowStart>,
    pub(crate) entries: Vec<Entry>,
}

/// One function of a file, alone, so that a walk over it knows where it is.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) params: Vec<String>,
    pub(crate) private: bool,
    pub(crate) body: AST,
    /// The closures that stand in it, by their names.
    pub(crate) closures: BTreeSet<String>,
}

/// One file, as the checks see it.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) ast: &'a AST,
    pub(crate) functions: Vec<Function>,
    /// The files behind the names that imports give.
    pub(crate) aliases: BTreeMap<String, String>,
}

impl<'a> File<'a> {
    fn new(name: &'a str, ast: &'a AST) -> Self {
        let functions = ast.iter_functions().map(|function| {
            let (wanted, arity) = (function.name, function.params.len());
            let body = alone(ast, wanted, arity);
            Function {
                closures: closures(&body),
                name: wanted.to_owned(),
                params: function.params.iter().map(|&param| param.to_owned()).collect(),
                private: matches!(function.access, FnAccess::Private),
                body,
            }
        });
        let aliases = imports(ast).into_iter().filter_map(|import| Some((import.alias, import.file.ok()?)));
        Self { name, ast, functions: functions.collect(), aliases: aliases.collect() }
    }
}

/// One function without the others. Rhai's own filtered copy keeps them all where the copy has none yet.
fn alone(ast: &AST, wanted: &str, arity: usize) -> AST {
    let mut body = ast.clone();
    body.clear_statements();
    body.retain_functions(|_, _, name, params| name == wanted && params == arity);
    body
}

fn closures(body: &AST) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    body.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) = path.last() {
            names.extend(value.read_lock::<FnPtr>().map(|pointer| pointer.fn_name().to_owned()));
        }
        true
    });
    names
}

/// All checks of all files of a script that compiled.
pub(crate) fn check(
    engine: &Engine,
    sources: &Sources,
    asts: &BTreeMap<String, AST>,
    registry: &Registry,
    options: &CompileOptions,
) -> Findings {
    let files = files(asts);
    let mut findings = check_files(engine, sources, &files, registry, options);
    if let Some(main) = files.get(sources.main.as_str()) {
        entry_points(sources, main, &mut findings);
        findings.columns = columns(main);
    }
    for faults in [&mut findings.faults, &mut findings.foreseen, &mut findings.warnings] {
        sort(faults);
    }
    findings
}

/// The tests of a file, in its order, and what is wrong with it.
pub(crate) fn check_tests(
    engine: &Engine,
    sources: &Sources,
    asts: &BTreeMap<String, AST>,
    registry: &Registry,
) -> (Vec<(String, Place)>, Vec<ScriptFault>) {
    let files = files(asts);
    let mut faults = check_files(engine, sources, &files, registry, &CompileOptions::default()).faults;
    let mut tests = Vec::new();
    let functions = files.get(sources.main.as_str()).map_or(&[][..], |main| &main.functions);
    for function in functions.iter().filter(|function| function.name.starts_with(TEST_PREFIX)) {
        let place = definition(sources, &sources.main, &function.name);
        if function.params.is_empty() && !function.private {
            tests.push((function.name.clone(), place));
        } else {
            let name = &function.name;
            let text = Text::new(
                format!("הבדיקה {name} אינה יכולה לקבל ארגומנטים או להיות private"),
                format!("the test {name} takes no arguments and cannot be private"),
            );
            faults.push(ScriptFault::at(place, text));
        }
    }
    tests.sort_by_key(|(_, place)| place.line);
    sort(&mut faults);
    (tests, faults)
}

fn files(asts: &BTreeMap<String, AST>) -> BTreeMap<&str, File<'_>> {
    asts.iter().map(|(name, ast)| (name.as_str(), File::new(name, ast))).collect()
}

/// What holds for every file, whatever it is for.
fn check_files(
    engine: &Engine,
    sources: &Sources,
    files: &BTreeMap<&str, File<'_>>,
    registry: &Registry,
    options: &CompileOptions,
) -> Findings {
    let names = Names::new(engine, registry);
    let reached = reached(files, &sources.main, &ENTRY_POINTS);
    let mut findings = Findings::default();
    for file in files.values() {
        findings.faults.extend(card_numbers(sources, file.name));
        findings.faults.extend(top_level(sources, file, &names));
        let around = Around { sources, file, files, names: &names, options, reached: &reached };
        calls::check(around, &mut findings);
    }
    findings
}

fn sort(faults: &mut [ScriptFault]) {
    faults.sort_by(|a, b| {
        (&a.place.file, a.place.line, a.place.column).cmp(&(&b.place.file, b.place.line, b.place.column))
    });
}

/// A script is kept with each run that it begins, so it must not hold what may never be kept.
fn card_numbers(sources: &Sources, file: &str) -> Vec<ScriptFault> {
    let lines = sources.text(file).unwrap_or_default().lines().enumerate();
    let found = lines.filter(|(_, line)| holds_card_number(line)).map(|(index, _)| {
        let text = Text::new(
            "יש כאן מספר כרטיס אשראי, והתסריט נשמר עם כל הרצה; יש להשתמש באסימון (token) של הכרטיס. מספר אחר שנראה כך אפשר \
             לכתוב בשני חלקים: \"1234\" + \"5678\"",
            "this is a card number, and a script is kept with each run; use the card's token. Another number that looks \
             like one can be written in two parts: \"1234\" + \"5678\"",
        );
        ScriptFault::at(Place::new(sources, file, position(index + 1, 1)), text)
    });
    found.collect()
}

/// The top level only declares, so that nothing of it has to run for each row.
fn top_level(sources: &Sources, file: &File<'_>, names: &Names<'_>) -> Vec<ScriptFault> {
    let mut faults = Vec::new();
    for statement in file.ast.statements() {
        let declares = match statement {
            Stmt::Var(_, flags, _) => flags.contains(ASTFlags::CONSTANT),
            Stmt::Import(..) | Stmt::Export(..) | Stmt::Noop(_) => true,
            _ => false,
        };
        if !declares {
            let text = Text::new(
                "מחוץ לפונקציות מותר רק const, import ו־fn; העבירו את השורה לתוך פונקציה",
                "outside of functions there may be only const, import and fn; move this into a function",
            );
            faults.push(ScriptFault::at(Place::new(sources, file.name, start(statement)), text));
            continue;
        }
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::FnCall(call, position))) = path.last()
                && names.reaches_out(&call.namespace.to_string(), &call.name)
            {
                let text = Text::new(
                    "קבוע אינו יכול לקרוא לפעולות של המערכת; העבירו את הקריאה לתוך פונקציה",
                    "a constant cannot call the hub; move the call into a function",
                );
                faults.push(ScriptFault::at(Place::new(sources, file.name, *position), text));
            }
            true
        });
    }
    faults
}

/// Where a statement begins; a call's own position is that of its name, behind the module's.
fn start(statement: &Stmt) -> Position {
    let call = match statement {
        Stmt::FnCall(call, _) => Some(call),
        Stmt::Expr(expression) => match &**expression {
            Expr::FnCall(call, _) => Some(call),
            _ => None,
        },
        _ => None,
    };
    call.filter(|call| call.is_qualified())
        .map_or_else(|| statement.position(), |call| call.namespace.position())
}

fn entry_points(sources: &Sources, main: &File<'_>, findings: &mut Findings) {
    let mut found = false;
    for function in &main.functions {
        if !ENTRY_POINTS.contains(&function.name.as_str()) {
            continue;
        }
        found |= function.name != "on_finish";
        let place = definition(sources, main.name, &function.name);
        let name = &function.name;
        if function.params.len() != 1 {
            let given = function.params.len();
            let text = Text::new(
                format!("הפונקציה {name} צריכה לקבל ארגומנט אחד, אבל יש לה {given}"),
                format!("{name} takes exactly one argument, but has {given}"),
            );
            findings.faults.push(ScriptFault::at(place, text));
        } else if function.private {
            let text = Text::new(
                format!("הפונקציה {name} אינה יכולה להיות private"),
                format!("{name} cannot be private"),
            );
            findings.faults.push(ScriptFault::at(place, text));
        }
    }
    if !found {
        let slip = main.functions.iter().find_map(|f| Some((f, nearest(&f.name, ENTRY_POINTS)?)));
        let (he, en) = slip
            .map(|(f, near)| {
                (format!("; אולי {} היא {near}?", f.name), format!("; is {} meant to be {near}?", f.name))
            })
            .unwrap_or_default();
        let place = slip
            .map(|(f, _)| definition(sources, main.name, &f.name))
            .unwrap_or_else(|| Place { file: main.name.to_owned(), ..Place::default() });
        let text = Text::new(
            format!(
                "אין בתסריט פונקציית כניסה: fn on_row(row) לשורות של קובץ, fn on_webhook(request) למסירה, \
                 fn on_schedule(tick) למועד, fn on_event(event) לאירוע, fn on_call(args) לקריאה{he}"
            ),
            format!(
                "the script has no entry point: fn on_row(row) for a file's rows, fn on_webhook(request) for a delivery, \
                 fn on_schedule(tick) for a time that is due, fn on_event(event) for an event of a source, \
                 fn on_call(args) for a call{en}"
            ),
        );
        findings.faults.push(ScriptFault::at(place, text));
    }
    let known = Entry::ALL.into_iter();
    findings.entries = known.filter(|entry| main.functions.iter().any(|f| f.name == entry.name())).collect();
}

/// Where a function is defined; the syntax tree does not say, so the text is looked through.
fn definition(sources: &Sources, file: &str, name: &str) -> Place {
    let lines = sources.text(file).unwrap_or_default().lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let at = line.find("fn ")?;
        let rest = line.get(at + 3..)?.trim_start();
        let after = rest.strip_prefix(name)?;
        after
            .trim_start()
            .starts_with('(')
            .then(|| (index, line.get(..at).unwrap_or_default().chars().count()))
    });
    let position = found.map(|(line, column)| position(line + 1, column + 1)).next();
    Place::new(sources, file, position.unwrap_or(Position::NONE))
}

fn position(line: usize, column: usize) -> Position {
    u16::try_from(line).map_or(Position::NONE, |line| Position::new(line, u16::try_from(column).unwrap_or(1)))
}

/// The columns that `on_row` reads directly from its row, `row.x` or `row["x"]`, each where it is read first.
fn columns(main: &File<'_>) -> Vec<ColumnUse> {
    let entry = main.functions.iter().find(|f| f.name == Entry::Row.name() && f.params.len() == 1);
    let Some(row) = entry.and_then(|f| f.params.first()) else {
        return Vec::new();
    };
    // A closure that uses the row has it as a parameter of the same name.
    let closure = |f: &&Function| f.name.starts_with(calls::CLOSURE_PREFIX) && f.params.contains(row);
    let mut uses: Vec<ColumnUse> = Vec::new();
    for function in entry.into_iter().chain(main.functions.iter().filter(closure)) {
        function.body.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some((name, position)) = column_read(path, row) {
                let (line, column) = (position.line().unwrap_or(0), position.position().unwrap_or(0));
                uses.push(ColumnUse { name, line, column });
            }
            true
        });
    }
    uses.sort_by_key(|column| (column.line, column.column));
    let mut seen = BTreeSet::new();
    uses.retain(|column| seen.insert(column.name.clone()));
    uses
}

fn column_read(path: &[ASTNode<'_>], row: &str) -> Option<(String, Position)> {
    let ASTNode::Expr(Expr::Dot(pair, ..) | Expr::Index(pair, ..)) = path.last()? else {
        return None;
    };
    if !matches!(&pair.lhs, Expr::Variable(variable, ..) if variable.1 == row && variable.2.is_empty()) {
        return None;
    }
    // The rest of a chain, such as `.trim()`, hangs below: its first link is the column.
    let link = match &pair.rhs {
        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
        link => link,
    };
    let chained = !std::ptr::eq(link, &pair.rhs);
    let found = match link {
        Expr::Property(property, position) => (property.2.to_string(), *position),
        Expr::StringConstant(text, position) => (text.to_string(), *position),
        _ => return None,
    };
    let written = !chained
        && path.iter().rev().nth(1).is_some_and(|parent| match (parent, path.last()) {
            (ASTNode::Stmt(Stmt::Assignment(assignment)), Some(ASTNode::Expr(this))) => {
                std::ptr::eq(&assignment.1.lhs, *this)
            }
            _ => false,
        });
    (!written).then_some(found)
}

/// A parse error, with what to do about it.
pub(crate) fn compile_fault(
    engine: &Engine,
    sources: &Sources,
    file: &str,
    error: &ParseError,
) -> ScriptFault {
    let place = Place::new(sources, file, error.position());
    let words = error.err_type().to_string();
    let text = match error.err_type() {
        ParseErrorType::VariableUndefined(name) => Text::new(
            format!(
                "אין משתנה בשם {name}; קבוע שהוגדר מחוץ לפונקציה נקרא global::{name}, וטקסט נכתב במירכאות"
            ),
            format!(
                "there is no variable {name}; a constant from outside the function is global::{name}, and a text is written in quotes"
            ),
        ),
        ParseErrorType::ModuleUndefined(name) => calls::unknown_module(engine, name),
        ParseErrorType::BadInput(LexError::ImproperSymbol(_, words)) if words.contains("eval") => {
            Text::new("הפונקציה eval אינה זמינה בתסריטים", "`eval` is not available to scripts")
        }
        _ => reserved_word(&place).unwrap_or_else(|| {
            Text::new(format!("התסריט אינו תקין: {words}"), format!("the script does not compile: {words}"))
        }),
    };
    ScriptFault::at(place, text)
}

/// When the error stands at a word that Rhai keeps for itself: how a column of that name is read.
fn reserved_word(place: &Place) -> Option<Text> {
    let at = place.column.checked_sub(1)?;
    let in_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let word: String = place.source_line.chars().skip(at).take_while(in_word).collect();
    if !is_reserved(&word) {
        return None;
    }
    let before: Vec<char> = place.source_line.chars().take(at).collect();
    let Some(b'.') = before.last().and_then(|c| u8::try_from(*c).ok()) else {
        return Some(Text::new(
            format!("המילה {word} שמורה לשפה; בחרו שם אחר"),
            format!("`{word}` is a word of the language; choose another name"),
        ));
    };
    let mut owner: Vec<char> = before.iter().rev().skip(1).copied().take_while(in_word).collect();
    owner.reverse();
    let owner: String = owner.into_iter().collect();
    Some(Text::new(
        format!("המילה {word} שמורה לשפה; שדה או עמודה בשם זה נכתבים {owner}[\"{word}\"]"),
        format!(
            "`{word}` is a word of the language; a field or column of that name is written {owner}[\"{word}\"]"
        ),
    ))
}

/// Words of the language, and those that it keeps for later.
fn is_reserved(word: &str) -> bool {
    rhai::Token::lookup_symbol_from_syntax(word).is_some() || calls::RESERVED.contains(&word)
}
