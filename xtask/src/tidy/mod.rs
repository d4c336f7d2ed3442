//! `cargo xtask tidy`: the house rules that a compiler does not know.
//!
//! A rule is a pure function from the tree's texts to findings; `RULES` lists them all. This file runs them and takes
//! out the written exceptions. How the texts are read is in `tree.rs`, how Rust is split into code and comments in
//! `source.rs`.

mod arrows;
mod exceptions;
mod shape;
mod source;
mod tables;
mod tree;
mod walls;

use std::fmt;

use crate::shell::{Failure, Workspace};
use tree::Tree;

/// The file of exceptions, which may only shrink.
const EXCEPTIONS: &str = "xtask/tidy-exceptions.txt";

/// One thing that breaks a rule. `what` ends with how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// A rule: its name, which exceptions use, and its check.
struct Rule {
    name: &'static str,
    check: fn(&Tree, &mut Report),
}

const RULES: &[Rule] = &[
    Rule { name: "arrows", check: arrows::check },
    Rule { name: "module-doc", check: shape::module_doc },
    Rule { name: "length", check: shape::length },
    Rule { name: "unfinished", check: shape::unfinished },
    Rule { name: "core-files", check: shape::core_files },
    Rule { name: "foreign-path", check: shape::foreign_path },
    Rule { name: "provider-name", check: walls::provider_name },
    Rule { name: "engine-name", check: walls::engine_name },
    Rule { name: "outbound", check: walls::outbound },
    Rule { name: "clock", check: walls::clock },
    Rule { name: "unsafe", check: walls::unsafe_code },
    Rule { name: "one-path", check: walls::one_path },
    Rule { name: "secret", check: walls::secret },
    Rule { name: "operations", check: tables::operations },
];

/// Collects what one rule finds.
struct Report {
    rule: &'static str,
    findings: Vec<Finding>,
}

impl Report {
    fn find(&mut self, path: &str, line: usize, what: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), line, rule: self.rule, what: what.into() });
    }
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if !arguments.is_empty() {
        return Err(Failure::usage("`cargo xtask tidy` takes no arguments"));
    }
    let tree = Tree::read(workspace)?;
    let listed = tree.file(EXCEPTIONS).map_or("", |file| file.text.as_str());
    let findings = exceptions::apply(findings(&tree), listed);
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => {
            println!("tidy: {} rules hold in {} files", RULES.len(), tree.files.len());
            Ok(())
        }
        1 => Err(Failure::fault("tidy found 1 fault, listed above")),
        count => Err(Failure::fault(format!("tidy found {count} faults, listed above"))),
    }
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let mut all = Vec::new();
    for rule in RULES {
        let mut report = Report { rule: rule.name, findings: Vec::new() };
        (rule.check)(tree, &mut report);
        all.append(&mut report.findings);
    }
    all.sort();
    all
}

/// Runs one rule on a made-up tree and compares where it found something: `path:line`.
#[cfg(test)]
#[track_caller]
fn check_rule(rule: &str, files: &[(&str, &str)], want: &[&str]) {
    let tree = Tree::of(files);
    let found: Vec<String> = findings(&tree)
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| format!("{}:{}", finding.path, finding.line))
        .collect();
    assert_eq!(found, want);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_place_rule_and_cure() {
        let finding = Finding {
            path: "crates/a/src/lib.rs".into(),
            line: 3,
            rule: "clock",
            what: "`Instant::now`; ask `Clock`".into(),
        };
        assert_eq!(finding.to_string(), "crates/a/src/lib.rs:3: clock: `Instant::now`; ask `Clock`");
    }

    #[test]
    fn rule_names_are_unique() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(RULES[..at].iter().all(|earlier| earlier.name != rule.name), "{}", rule.name);
        }
    }
}
